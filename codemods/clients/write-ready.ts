import { memberName, type Node } from "../shared/ast.js";
import type { RuleContext } from "../shared/rule.js";
import { timeoutOf } from "./write-arguments.js";
import { type PlannedCall, RUNTIME } from "./write-call.js";

/**
 * `client.waitForReady(Date.now() + 5000, …)` -> `waitUntilReady(client, { timeoutMs: 5000 }, …)`, behind what else is written before the call.
 */
export function writeReady(ctx: RuleContext, { call, fact }: PlannedCall): void {
  const origin = { rule: "clients/channel-to-transport", outcome: "idiomatic" } as const;
  const name = ctx.imports.add(RUNTIME, "waitUntilReady");
  const isMember = memberName(call.callee) === "waitForReady";
  const deadline = call.arguments[isMember ? 0 : 1] as Node;
  const { start, end, head, tail } = timeoutOf(ctx, deadline);
  if (isMember) {
    const { object } = call.callee;
    ctx.edit.insertRight(object.start, `${name}(`, origin);
    ctx.edit.overwrite(object.end, start, `, { ${head}`, origin);
  } else {
    ctx.edit.overwrite(call.callee.start, call.callee.end, name, origin);
    if (start > deadline.start) ctx.edit.overwrite(deadline.start, start, `{ ${head}`, origin);
    else ctx.edit.insertRight(deadline.start, `{ ${head}`, origin);
  }
  if (end < deadline.end) ctx.edit.overwrite(end, deadline.end, `${tail} }`, origin);
  else ctx.edit.insertLeft(deadline.end, `${tail} }`, origin);
  ctx.report({ ...origin, construct: "waitForReady", reason: null, start: fact.start, end: fact.end, rpc: null });
}
