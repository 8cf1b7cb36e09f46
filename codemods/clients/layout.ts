import {
  beginsLine,
  followsOpenEnd,
  indentAt,
  lineEndingOf,
  type Node,
  parentMap,
  semicolonOf,
} from "../shared/ast.js";
import { unitOf } from "../shared/indentation.js";
import type { RuleContext } from "../shared/rule.js";
import { FAILURE_LIST } from "./callback-shape.js";
import { type InPlace, isStatement } from "./plan-body.js";
import type { Listener } from "./plan-stream.js";
import { keptOf } from "./plan-stream-body.js";
import { afterParenthesis, fileOf, givenArguments, type PlannedCall, plannedCalls } from "./write-call.js";

export interface Layout {
  readonly eol: string;
  /** Indentation of the statement, of one level more, and of two. */
  readonly at: readonly [string, string, string];
}

/** How a statement that is rewritten is laid out: where it will stand. */
export function layoutAt(ctx: RuleContext, position: number): Layout {
  const base = indentOf(ctx, position);
  const unit = unitOf(ctx.source);
  return { eol: lineEndingOf(ctx.source), at: [base, base + unit, base + unit + unit] };
}

/** The semicolon with which a file ends its statements, or nothing. */
export function semicolonIn(source: string): ";" | "" {
  return (source.match(/;\s*$/gm)?.length ?? 0) * 4 > source.split("\n").length ? ";" : "";
}

/** What stands before the parenthesis of a statement that becomes an async function: the semicolon that the one before it needs. */
export function semicolonBefore(ctx: RuleContext, statement: Node): ";" | "" {
  const isOpen =
    semicolonOf(ctx.source, statement) === "" || followsOpenEnd(ctx.source, statement, parentMap(fileOf(ctx)));
  return isOpen ? ";" : "";
}

/** Lines that begin within a range move by `by` columns. */
interface Shift {
  readonly start: number;
  readonly end: number;
  readonly by: number;
}

const cache = new WeakMap<RuleContext, readonly Shift[]>();

/** How the lines of rewritten calls move: what stood deep in an argument list stands in a block of its own. */
function shiftsOf(ctx: RuleContext): readonly Shift[] {
  let shifts = cache.get(ctx);
  if (!shifts) {
    shifts = plannedCalls(ctx).flatMap((planned) => shiftsOfCall(ctx, planned));
    cache.set(ctx, shifts);
  }
  return shifts;
}

function shiftsOfCall(ctx: RuleContext, planned: PlannedCall): Shift[] {
  const { source } = ctx;
  const { call, plan } = planned;
  const unit = unitOf(source).length;
  const width = (position: number) => indentAt(source, position).length;
  const shifts: Shift[] = [];
  /** The arguments move to one level below the call, and the call by as much as it moves. */
  const moveArguments = (start: number, callAt: number) => {
    const given = givenArguments(ctx, planned);
    const [first, last] = [given[0], given.at(-1)];
    if (!first || !last || !source.slice(call.start, last.end).includes("\n")) return;
    const from = width(isOnOwnLine(ctx, call, first) ? first.start : start);
    shifts.push({ start: call.start, end: last.end, by: callAt - from });
  };
  switch (plan.kind) {
    case "executor":
      moveArguments(call.start, width(plan.promise.start));
      return shifts;
    case "handed":
      moveArguments(plan.statement.start, width(plan.statement.start));
      return shifts;
    case "forget":
      moveArguments(call.start, width(call.start));
      return shifts;
    case "block":
      break;
    case "listeners": {
      const { statement, loop, data, status, place } = plan;
      const { error, end } = keptOf(plan);
      const inner = place ? widthInPlace(ctx, place, shifts) : width(loop.start) + unit;
      const loopAt = inner + (error || plan.isFinal ? unit : 0);
      if (!plan.variable) moveArguments(statement.start, loopAt);
      const move = ({ callback }: Listener, to: number) => {
        const body = callback.body as Node | undefined;
        if (body?.type !== "BlockStatement") return;
        const [first] = body.body as Node[];
        const from = first ? width(first.start) : width(body.end - 1) + unit;
        const end = body.start + 1 + source.slice(body.start + 1, body.end - 1).trimEnd().length;
        if (source.slice(body.start, first?.start ?? body.end).includes("\n"))
          shifts.push({ start: body.start, end, by: to - from });
      };
      move(data, loopAt + (data.callback.async || plan.isScoped ? 2 : 1) * unit);
      if (error) move(error, inner + unit);
      for (const listener of [status, end]) if (listener) move(listener, inner + (plan.isFinal ? unit : 0));
      const behind = place?.behindFinally;
      if (behind) shifts.push({ start: behind.start, end: behind.end, by: -unit });
      return shifts;
    }
    default:
      return shifts;
  }
  const { statement, shape, place } = plan;
  const { form, failure } = shape;
  const outer = place ? widthInPlace(ctx, place, shifts) : width(statement.start);
  const inner = place ? outer : outer + unit;
  const body = shape.callback.body as Node;
  const [success] = shape.success;
  const isFlat = plan.isEarly || form === "negated" || form === "empty" || place?.isThrownOnly;
  const callAt = isFlat ? 0 : (failure ? 2 : 1) - (place ? 1 : 0);
  moveArguments(statement.start, outer + callAt * unit);
  if (form === "negated") {
    const isList = failure?.type === FAILURE_LIST;
    const end = (isList ? success : (failure ?? success))?.end ?? body.end;
    if (isList) shifts.push({ start: failure.start, end: failure.end, by: outer + unit - width(failure.start) });
    if (success?.type === "BlockStatement" && source.slice(success.start, success.end).includes("\n"))
      shifts.push({ start: success.start, end, by: outer - width(success.end - 1) });
    return shifts;
  }
  if (body.type !== "BlockStatement") return shifts;
  const [first] = body.body as Node[];
  const last = (body.body as Node[]).at(-1);
  if (!first || !last || !source.slice(body.start, first.start).includes("\n")) return shifts;
  const by = inner - width(first.start);
  const isClosedOnOwnLine = source.slice(last.end, body.end).includes("\n");
  const tail = isClosedOnOwnLine ? source.lastIndexOf("\n", body.end - 1) : body.end;
  if (isClosedOnOwnLine) shifts.push({ start: tail, end: body.end, by: outer - width(body.end - 1) });
  if (failure?.type === FAILURE_LIST) {
    shifts.push({ start: failure.start, end: failure.last, by: unit });
  }
  if (form !== "if-else") {
    const isVerbatim = form === "whole" || form === "success";
    shifts.push({ start: isVerbatim ? body.start : (failure as Node).start, end: tail, by });
    return shifts;
  }
  shifts.push({ start: (failure as Node).start, end: (failure as Node).end, by });
  const statements = (success?.type === "BlockStatement" ? success.body : [success]) as Node[];
  const [next] = statements;
  if (success && next && (next === success || source.slice(success.start, next.start).includes("\n")))
    shifts.push({ start: success.start, end: statements.at(-1)?.end ?? 0, by: inner - width(next.start) });
  return shifts;
}

/** Where a call that is awaited in its place will stand, and how the lines of a promise's executor get there; by the indentation of now. */
function widthInPlace(ctx: RuleContext, { statement, promise }: InPlace, shifts: Shift[]): number {
  const { source } = ctx;
  const now = indentAt(source, statement.start).length;
  if (!promise) return now;
  const at = indentAt(source, promise.holder.start).length;
  const target = isStatement(promise.holder) ? at : at + unitOf(source).length;
  if (!beginsLine(source, statement.start)) return target;
  const { start, end } = promise.executor.body as Node;
  shifts.push({ start, end, by: target - now });
  return now;
}

function isOnOwnLine(ctx: RuleContext, call: Node, first: Node): boolean {
  return /^\s*\n\s*$/.test(ctx.source.slice(afterParenthesis(ctx, call), first.start));
}

/** The indentation that the line at a position will have. */
export function indentOf(ctx: RuleContext, position: number): string {
  const indent = indentAt(ctx.source, position);
  const line = ctx.source.lastIndexOf("\n", position - 1) + 1;
  const by = shiftAt(ctx, line);
  if (by <= 0) return indent.slice(0, Math.max(0, indent.length + by));
  return indent + (indent[0] ?? unitOf(ctx.source)[0] ?? " ").repeat(by);
}

function shiftAt(ctx: RuleContext, line: number): number {
  if (line === 0) return 0;
  return shiftsOf(ctx).reduce((sum, { start, end, by }) => (start < line && line <= end ? sum + by : sum), 0);
}

/** Moves the lines of all rewritten calls, which may stand within each other: once per file, behind all rules. */
export function moveLines(ctx: RuleContext): void {
  const { source } = ctx;
  const origin = { rule: "clients/callback-to-await", outcome: "idiomatic" } as const;
  const replaced = ctx.edit.edits.filter((edit) => edit.start < edit.end);
  const templates = templateLines(ctx);
  const lines = new Set<number>();
  for (const { start, end } of shiftsOf(ctx))
    for (let line = source.indexOf("\n", start) + 1; line > 0 && line <= end; line = source.indexOf("\n", line) + 1)
      lines.add(line);
  const gone: number[] = [];
  for (const planned of plannedCalls(ctx)) {
    const [first] = givenArguments(ctx, planned);
    const isMoved = /^(executor|handed|forget|block|listeners)$/.test(planned.plan.kind);
    const { callee } = planned.call;
    const dot = callee.type === "MemberExpression" ? source.slice(callee.object.end, callee.property.start) : "";
    if (isMoved && /^\s*\n\s*\.$/.test(dot)) {
      ctx.edit.overwrite(callee.object.end, callee.property.start, ".", origin);
      gone.push(source.lastIndexOf("\n", callee.property.start) + 1);
    }
    if (!first || !isMoved || !isOnOwnLine(ctx, planned.call, first)) continue;
    const start = afterParenthesis(ctx, planned.call);
    ctx.edit.remove(start, first.start, origin);
    gone.push(source.lastIndexOf("\n", first.start) + 1);
  }
  for (const line of lines) {
    const blank = /^[ \t]*/.exec(source.slice(line, line + 400))?.[0] ?? "";
    const isEmpty = /^\r?(\n|$)/.test(source.slice(line + blank.length, line + blank.length + 2));
    const by = shiftAt(ctx, line);
    const isReplaced = replaced.some((edit) => edit.start <= line && line < edit.end);
    if (by === 0 || isEmpty || isReplaced || gone.includes(line)) continue;
    if (templates.some(({ start, end }) => start < line && line <= end)) continue;
    const indent = by < 0 ? blank.slice(0, Math.max(0, blank.length + by)) : blank + (blank[0] ?? " ").repeat(by);
    if (blank === "") ctx.edit.insertRight(line, indent, origin);
    else ctx.edit.overwrite(line, line + blank.length, indent, origin);
  }
}

/** Text of template literals, whose lines begin with what they say. */
function templateLines(ctx: RuleContext): { start: number; end: number }[] {
  const found: { start: number; end: number }[] = [];
  ctx.root.find(ctx.j.TemplateElement).forEach((path) => {
    const node = path.node as unknown as Node;
    if (ctx.source.slice(node.start, node.end).includes("\n")) found.push({ start: node.start, end: node.end });
  });
  return found;
}
