import { indentAt, lineEndingOf, type Node, startWithComments } from "../shared/ast.js";
import type { EditOrigin } from "../shared/edits.js";
import { lineRange } from "../shared/imports.js";
import { dedentLines } from "../shared/indentation.js";
import { removedBy, withBlankLine } from "../shared/lines.js";
import type { Rule, RuleContext } from "../shared/rule.js";
import { transformFromRule } from "../shared/transform.js";
import type { ListenerPart } from "./handler-draft.js";
import type { HandlerPlan, Step } from "./handler-plan.js";
import { headersAt } from "./outgoing-headers.js";
import { forSteps, indentAfter } from "./planned-handlers.js";

const id = "services/listeners-to-for-await";

type ListenerStep = Extract<Step, { readonly part: ListenerPart }>;

/** `call.on("data")` and `call.on("end")` -> `for await`, and what ran at the end behind it. */
export const rule: Rule = {
  id,
  side: "services",
  apply(ctx) {
    forSteps(ctx, id, ["requests"], (step, { plan }, origin) => {
      ctx.edit.overwrite(step.node.start, step.node.end, plan.requestName ?? "requests", origin);
      return "for await (… of call)";
    });
    forSteps(ctx, id, ["data-listener"], (step, { plan }, origin) => {
      const { part, listener } = step;
      const [param] = listener.params;
      const requests = plan.requestName ?? "requests";
      if (param) {
        ctx.edit.overwrite(part.start, param.start, `${begin(ctx, plan, step)}for await (const `, origin);
        const nameEnd = (param.typeAnnotation as Node | undefined)?.start ?? param.end;
        ctx.edit.overwrite(nameEnd, listener.body.start, ` of ${requests}) `, origin);
      } else {
        const head = `${begin(ctx, plan, step)}for await (const _ of ${requests}) `;
        ctx.edit.overwrite(part.start, listener.body.start, head, origin);
      }
      const { body } = listener;
      if (body.type === "BlockStatement") ctx.edit.remove(body.end, part.end, origin);
      else ctx.edit.overwrite(body.end, part.end, ";", origin);
      const [outer, inner] = [indentAt(ctx.source, step.statement.start), indentAt(ctx.source, body.end - 1)];
      dedentLines(ctx, body.start, body.end, outer, inner, origin);
      return 'call.on("data", listener)';
    });
    forSteps(ctx, id, ["end-listener"], (step, { plan }, origin) => {
      const { body } = step.listener;
      // A `call.end()` at the end of the listener goes with it.
      const ending = plan.steps.find((other) => other.kind === "end" && isEndOf(ctx, other, body)) as
        | Extract<Step, { kind: "end" }>
        | undefined;
      if (body.type === "BlockStatement")
        inline(ctx, plan, step, body, leadingGone(plan, body).at(-1), ending?.statement, origin);
      else if (ending) {
        removePart(ctx, step, origin);
      } else {
        ctx.edit.overwrite(step.part.start, body.start, begin(ctx, plan, step), origin);
        ctx.edit.overwrite(body.end, step.part.end, ";", origin);
      }
      return 'call.on("end", listener)';
    });
    forSteps(ctx, id, ["error-listener"], (step, _handler, origin) => {
      removePart(ctx, step, origin);
      return 'call.on("error", listener), which never runs on a server';
    });
    forSteps(ctx, id, ["gone"], (step, { plan }, origin) => {
      const isLeading = plan.steps.some(
        (other) => other.kind === "end-listener" && leadingGone(plan, other.listener.body).includes(step.statement),
      );
      if (isLeading) return undefined;
      const { start, end } = lineRange(ctx.source, step.statement.start, step.statement.end);
      ctx.edit.remove(start, end, origin);
      return undefined;
    });
    forSteps(ctx, id, ["let"], ({ statement }, _handler, origin) => {
      ctx.edit.overwrite(statement.start, statement.start + "var".length, "let", origin);
      return undefined;
    });
    forSteps(ctx, id, ["moved"], ({ statement, before }, _handler, origin) => {
      const { source } = ctx;
      const { start, end } = lineRange(source, startWithComments(source, statement), statement.end);
      const isLine = source[end - 1] === "\n";
      const lineStart = before.start - indentAt(source, before.start).length;
      ctx.edit.move(start, end, isLine && source[lineStart - 1] === "\n" ? lineStart : before.start);
      if (!isLine) ctx.edit.insertLeft(end, lineEndingOf(source) + indentAt(source, start), origin);
      return undefined;
    });
    forSteps(ctx, id, ["continue"], (step, _handler, origin) => {
      ctx.edit.overwrite(step.statement.start, step.statement.start + "return".length, "continue", origin);
      return undefined;
    });
  },
};

/** Is it the `call.end()` that is the last thing in a listener? */
export function isEndOf(ctx: RuleContext, step: Extract<Step, { kind: "end" }>, body: Node): boolean {
  const isBare = step.trailers === null || Boolean(headersAt(ctx, step.trailers)?.direct);
  return step.isLast && isBare && body.start <= step.node.start && step.node.end <= body.end;
}

/** The statements that go, at the beginning of a block. */
function leadingGone({ steps }: HandlerPlan, block: Node): Node[] {
  if (block.type !== "BlockStatement") return [];
  const gone = new Set(steps.flatMap((step) => (step.kind === "gone" ? [step.statement] : [])));
  const statements = block.body as Node[];
  const kept = statements.findIndex((statement) => !gone.has(statement));
  return kept === -1 ? statements : statements.slice(0, kept);
}

/** A later link of a chain begins a line of its own. */
function begin(ctx: RuleContext, plan: HandlerPlan, { part, statement }: ListenerStep): string {
  return part.isLater ? lineEndingOf(ctx.source) + indentAfter(ctx, plan, statement) : "";
}

/** Takes a listener away: its lines, or its link of a chain. */
function removePart(ctx: RuleContext, { part, statement }: ListenerStep, origin: EditOrigin): void {
  const isAll = part.start === statement.start && part.end === statement.end;
  const { start, end } = isAll
    ? withBlankLine(ctx.source, lineRange(ctx.source, statement.start, statement.end), removedBy(ctx.edit.edits))
    : part;
  ctx.edit.remove(start, end, origin);
}

/** Puts the content of a listener's block in place of the statement that registered it, one level further out. */
function inline(
  ctx: RuleContext,
  plan: HandlerPlan,
  step: ListenerStep,
  block: Node,
  gone: Node | undefined,
  ending: Node | undefined,
  origin: EditOrigin,
): void {
  const { source } = ctx;
  const insideEnd = ending?.start ?? block.end - 1;
  const insideStart = gone?.end ?? block.start + 1;
  const inside = source.slice(insideStart, insideEnd);
  const first = insideStart + (/^\s*/.exec(inside)?.[0].length ?? 0);
  const last = insideEnd - (/\s*$/.exec(inside)?.[0].length ?? 0);
  if (first >= last) {
    removePart(ctx, step, origin);
    return;
  }
  ctx.edit.overwrite(step.part.start, first, begin(ctx, plan, step), origin);
  ctx.edit.remove(last, step.part.end, origin);
  const outer = indentAt(source, step.statement.start);
  const inner = indentAt(source, first);
  dedentLines(ctx, first, last, outer, inner, origin);
}

export default transformFromRule(rule);
