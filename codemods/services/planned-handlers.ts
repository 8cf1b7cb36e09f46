import type { RpcRef } from "../analysis/facts.js";
import type { HandlerFact, ReplyHelperFact } from "../analysis/server-facts.js";
import {
  type File,
  type FunctionNode,
  indentAt,
  isFunction,
  isIdentifier,
  isWithin,
  lineEndingOf,
  type Node,
  parentMap,
  semicolonOf,
  unwrap,
  walk,
} from "../shared/ast.js";
import type { EditOrigin } from "../shared/edits.js";
import { dedentLines, unitOf } from "../shared/indentation.js";
import type { Reason } from "../shared/reasons.js";
import type { RuleContext } from "../shared/rule.js";
import { type HandlerPlan, planHandler, type Reply, type Step } from "./handler-plan.js";
import type { Choice } from "./plan-choices.js";
import { planOfGuard } from "./planned-helpers.js";

export const RUNTIME = "@connect-migrate/runtime";
export const NODE = "@connect-migrate/runtime/node";
export const GRPC_JS = "@connect-migrate/runtime/grpc-js";

export interface PlannedHandler {
  readonly plan: HandlerPlan;
  /** Null when the rule runs alone, on local syntax. */
  readonly rpc: RpcRef | null;
}

export function fileOf(ctx: RuleContext): File {
  return ctx.root.get().value as File;
}

/**
 * The handlers of a file that become idiomatic, with their plans. Facts say which functions are handlers; without facts
 * (a rule that jscodeshift runs alone) a function with parameters named call and callback counts as a unary one.
 */
export function plannedHandlers(ctx: RuleContext): readonly PlannedHandler[] {
  const known = planned.get(ctx) ?? findHandlers(ctx);
  planned.set(ctx, known);
  return known;
}

/** The rules of a file, which share its context, ask for them some twenty times. */
const planned = new WeakMap<RuleContext, readonly PlannedHandler[]>();

function findHandlers(ctx: RuleContext): PlannedHandler[] {
  const file = fileOf(ctx);
  const facts = ctx.facts.filter((fact): fact is HandlerFact => fact.kind === "handler");
  const byBody = new Map(facts.filter((fact) => fact.idiomatic).map((fact) => [`${fact.start}:${fact.end}`, fact]));
  const found: PlannedHandler[] = [];
  walk(file, (node) => {
    if (!isFunction(node)) return;
    const body = unwrap(node.body);
    const fact = byBody.get(`${body.start}:${body.end}`);
    if (!fact && (!ctx.isAlone || !looksUnary(node))) return;
    const plan = planHandler(node, fact?.rpc.kind ?? "unary", file, fact?.wrapping ?? null, fact);
    if (plan.ok) found.push({ plan, rpc: fact?.rpc ?? null });
  });
  return found;
}

/** The guards of a file that are given the request or the context. */
function plannedGuards(ctx: RuleContext): readonly PlannedHandler[] {
  const known =
    guards.get(ctx) ??
    ctx.facts
      .filter((fact): fact is ReplyHelperFact => fact.kind === "reply-helper")
      .flatMap((fact) => {
        const plan = planOfGuard(fileOf(ctx), fact);
        return plan ? [{ plan, rpc: null }] : [];
      });
  guards.set(ctx, known);
  return known;
}

const guards = new WeakMap<RuleContext, readonly PlannedHandler[]>();

function looksUnary(fn: FunctionNode): boolean {
  const [call, callback, ...rest] = fn.params;
  return (
    isIdentifier(call, "call") &&
    (isIdentifier(callback, "callback") || isIdentifier(callback, "cb")) &&
    rest.length === 0
  );
}

/** Runs `write` for each step of some kinds and reports it under the rule's id; `why`: what keeps its old shape there, and why. */
export function forSteps<K extends Step["kind"]>(
  ctx: RuleContext,
  rule: string,
  kinds: readonly K[],
  write: (step: Extract<Step, { kind: K }>, handler: PlannedHandler, origin: EditOrigin) => string | undefined,
  why: ((step: Extract<Step, { kind: K }>) => Reason) | null = null,
): void {
  const origin: EditOrigin = { rule, outcome: why ? "bridged" : "idiomatic" };
  for (const handler of [...plannedHandlers(ctx), ...plannedGuards(ctx)]) {
    for (const step of handler.plan.steps) {
      if (!(kinds as readonly string[]).includes(step.kind)) continue;
      const construct = write(step as Extract<Step, { kind: K }>, handler, origin);
      if (construct === undefined) continue;
      const node = "node" in step ? step.node : "first" in step ? step.first : step.statement;
      ctx.report({
        ...origin,
        construct,
        reason: why?.(step as Extract<Step, { kind: K }>) ?? null,
        start: node.start,
        end: node.end,
        rpc: handler.rpc ? `${handler.rpc.service}/${handler.rpc.method}` : null,
      });
    }
  }
}

/** Replaces what stands around `inner` in `outer`, and leaves `inner` to other rules. */
export function replaceAround(
  ctx: RuleContext,
  outer: { start: number; end: number },
  inner: { start: number; end: number },
  before: string,
  after: string,
  origin: EditOrigin,
): void {
  if (outer.start === inner.start) {
    if (before) ctx.edit.insertRight(inner.start, before, origin);
  } else ctx.edit.overwrite(outer.start, inner.start, before, origin);
  if (outer.end === inner.end) {
    if (after) ctx.edit.insertLeft(inner.end, after, origin);
  } else ctx.edit.overwrite(inner.end, outer.end, after, origin);
}

/** Puts another value in the place of a name, or of another expression: `{ call }` -> `{ call: output }`. */
export function replaceName(ctx: RuleContext, node: Node, text: string, origin: EditOrigin): void {
  const parent = parentMap(fileOf(ctx)).get(node);
  const key = parent?.type === "ObjectProperty" && parent.shorthand ? `${parent.key.name}: ` : "";
  ctx.edit.overwrite(node.start, node.end, key + text, origin);
}

/**
 * Moves the lines of `node` out by as much as it stood deeper than `statement`: what was an argument on a line of its own
 * now begins on the statement's line.
 */
export function dedent(ctx: RuleContext, node: Node, statement: Node, origin: EditOrigin): void {
  const { source } = ctx;
  if (!source.slice(statement.start, node.start).includes("\n")) return;
  dedentLines(ctx, node.start, node.end, indentAt(source, statement.start), indentAt(source, node.start), origin);
}

/** Takes away the questions which kind of call it is, around the replies that stay. */
export function removeQuestions(ctx: RuleContext, choices: readonly Choice[], origin: EditOrigin): void {
  for (const { start, end, kept } of choices) {
    const statement = kept.dead ?? kept.statement;
    ctx.edit.remove(start, kept.statement.start, origin);
    if (statement.end < end) ctx.edit.remove(statement.end, end, origin);
    const [from, to] = [indentAt(ctx.source, start), indentAt(ctx.source, kept.statement.start)];
    if (from !== to) dedentLines(ctx, kept.statement.start, kept.statement.end, from, to, origin);
  }
}

/** Takes away the `return;` or `break;` that a reply made unreachable. */
export function removeDead(ctx: RuleContext, reply: Reply, origin: EditOrigin): void {
  if (reply.dead) ctx.edit.remove(reply.statement.end, reply.dead.end, origin);
}

export function contextName(plan: HandlerPlan): string {
  return plan.contextName ?? "ctx";
}

/** Puts a statement in front of another one, on a line of its own. */
export function insertStatementBefore(
  ctx: RuleContext,
  plan: HandlerPlan,
  statement: Node,
  text: string,
  origin: EditOrigin,
): void {
  const eol = lineEndingOf(ctx.source);
  ctx.edit.insertRight(
    statement.start,
    `${text}${semicolonOf(ctx.source, statement)}${eol}${indentAfter(ctx, plan, statement)}`,
    origin,
  );
}

/** Does a range hold a comment that an edit would lose? */
export function holdsComment(ctx: RuleContext, start: number, end: number): boolean {
  return (fileOf(ctx).comments ?? []).some((comment) => comment.start >= start && comment.end <= end);
}

/** The indentation that a statement has afterwards: one of an end listener moves out, one in a promise moves in. */
export function indentAfter(ctx: RuleContext, plan: HandlerPlan, statement: Node): string {
  const { region, push } = plan;
  const indent = indentOf(ctx, plan, statement);
  const around = region ?? push;
  const isMoved =
    around !== null &&
    ((around.first.start <= statement.start && statement.end <= around.last.end) ||
      push?.leads.some((lead) => isWithin(statement, lead)));
  return isMoved ? indent + unitOf(ctx.source) : indent;
}

/** The same without the promise. */
export function indentOf({ source }: RuleContext, { steps }: HandlerPlan, statement: Node): string {
  const indent = indentAt(source, statement.start);
  for (const step of steps) {
    if (step.kind !== "end-listener" || step.listener.body.type !== "BlockStatement") continue;
    const [first] = step.listener.body.body as Node[];
    if (!first || statement.start < first.start || step.listener.body.end < statement.end) continue;
    return indentAt(source, step.statement.start) + indent.slice(indentAt(source, first.start).length);
  }
  return indent;
}
