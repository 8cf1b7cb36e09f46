import { lineEndingOf, semicolonOf } from "../shared/ast.js";
import type { Rule } from "../shared/rule.js";
import { platformName } from "../shared/scope.js";
import { transformFromRule } from "../shared/transform.js";
import { indentOf } from "./layout.js";
import { cancelOf } from "./plan-call.js";
import { writeArguments } from "./write-arguments.js";
import { controllerName, fileOf, plannedCalls } from "./write-call.js";

const id = "clients/cancel-to-signal";
const origin = { rule: id, outcome: "idiomatic" } as const;

/** `call.cancel()` -> `controller.abort()`, whose signal is an option of the call. */
export const rule: Rule = {
  id,
  side: "clients",
  apply(ctx) {
    const made = platformName(fileOf(ctx), "AbortController");
    for (const planned of plannedCalls(ctx)) {
      const cancel = cancelOf(planned.plan);
      if (!cancel) continue;
      const { statement } = cancel;
      const name = controllerName(ctx, cancel);
      const semicolon = semicolonOf(ctx.source, statement);
      const next = `${lineEndingOf(ctx.source)}${indentOf(ctx, statement.start)}`;
      const kept = cancel.field ? `this.${cancel.field.name} = ${name}${semicolon}${next}` : "";
      const declare = `const ${name} = new ${made}()${semicolon}${next}${kept}`;
      ctx.edit.insertRight(statement.start, declare, origin);
      for (const type of cancel.field?.types ?? []) ctx.edit.overwrite(type.start, type.end, made, origin);
      for (const { callee, start, end } of cancel.calls) {
        // `this.call?.cancel()` keeps what it asks.
        if (cancel.field) ctx.edit.overwrite(callee.property.start, callee.property.end, "abort", origin);
        else ctx.edit.overwrite(callee.start, callee.end, `${name}.abort`, origin);
        ctx.report({ ...origin, construct: `${cancel.variable}.cancel()`, reason: null, start, end, rpc: null });
      }
      // With metadata or options, their rule writes the signal, too.
      if (planned.fact.args.length === 0) writeArguments(ctx, planned, id);
    }
  },
};

export default transformFromRule(rule);
