import { clientFacts } from "../analysis/client-facts.js";
import type { Node } from "../shared/ast.js";
import type { RuleContext } from "../shared/rule.js";
import { layoutAt } from "./layout.js";
import type { CallPlan } from "./plan-call.js";
import { argumentsEnd, freshName, type PlannedCall, writeWritable } from "./write-call.js";
import { writeHeader } from "./write-events.js";

/** Beside an error, for a callback whose type asks for a response. */
export const NO_RESPONSE = ", undefined as never";

/** Does the rule for errors write a function around the callback? */
function isTurnedBack(ctx: RuleContext, { start, end }: Node): boolean {
  return clientFacts(ctx.facts, "client-error").some(
    (fact) => fact.start === start && fact.end === end && fact.mode === "wrapped",
  );
}

/** `client.m(req, callback)` -> `client.m(req).then((response) => callback(null, response), callback)` */
export function writeHanded(
  ctx: RuleContext,
  planned: PlannedCall,
  plan: Extract<CallPlan, { kind: "handed" }>,
  rule: string,
): void {
  const { callback, statement, writer } = plan;
  const origin = { rule, outcome: "idiomatic" } as const;
  writeHeader(ctx, planned, rule);
  const declared = writer ? writeWritable(ctx, planned, writer, layoutAt(ctx, statement.start), rule) : "";
  if (planned.call.start > statement.start) ctx.edit.overwrite(statement.start, planned.call.start, declared, origin);
  if (planned.fact.unseen === "framework") ctx.edit.insertRight(planned.call.start, "void ", origin);
  const response = freshName(ctx, "response", "reply", "value");
  const reply = planned.isReady ? `() => ${callback.name}()` : `(${response}) => ${callback.name}(null, ${response})`;
  const head = `).then(${reply}, `;
  const end = argumentsEnd(ctx, planned);
  if (end === callback.start) ctx.edit.insertRight(end, head, origin);
  else ctx.edit.overwrite(end, callback.start, head, origin);
  if (planned.fact.wantsResponse && !isTurnedBack(ctx, callback)) {
    ctx.edit.insertRight(callback.start, "(error) => ", origin);
    ctx.edit.insertLeft(callback.end, `(error${NO_RESPONSE})`, origin);
  }
  // A trailing comma is none of `then`.
  if (planned.call.end > callback.end + 1) ctx.edit.overwrite(callback.end, planned.call.end, ")", origin);
}

/** `client.m(req, (err, res) => …)` -> `client.m(req).then((res) => resolve(res), reject)` */
export function writeSettled(
  ctx: RuleContext,
  planned: PlannedCall,
  { shape, resolving, reject }: Extract<CallPlan, { kind: "settled" }>,
  rule: string,
): void {
  const origin = { rule, outcome: "idiomatic" } as const;
  const end = argumentsEnd(ctx, planned);
  if (planned.fact.unseen === "framework") ctx.edit.insertRight(planned.call.start, "void ", origin);
  const { response } = shape;
  const param = response ? ctx.source.slice(response.start, response.typeAnnotation?.start ?? response.end) : "";
  ctx.edit.overwrite(end, resolving.start, `).then((${param}) => `, origin);
  ctx.edit.overwrite(resolving.end, planned.call.end, `, ${reject})`, origin);
}
