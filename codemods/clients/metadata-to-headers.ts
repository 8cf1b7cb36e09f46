import { clientFacts } from "../analysis/client-facts.js";
import { nodeAt } from "../shared/ast.js";
import { reason } from "../shared/reasons.js";
import type { Rule } from "../shared/rule.js";
import { transformFromRule } from "../shared/transform.js";
import { writeArguments } from "./write-arguments.js";
import { fileOf, plannedCalls } from "./write-call.js";

const id = "clients/metadata-to-headers";
const origin = { rule: id, outcome: "idiomatic" } as const;

const NAMES = { set: "set", add: "append", remove: "delete" } as const;

/** `Metadata` that only goes to migrated calls is `Headers`; other Metadata is converted where it is passed. */
export const rule: Rule = {
  id,
  side: "clients",
  apply(ctx) {
    for (const planned of plannedCalls(ctx)) {
      const { fact } = planned;
      const metadata = fact.args.find((arg) => arg.kind === "metadata");
      if (metadata?.kind !== "metadata") continue;
      // With options, the rule of the options writes both.
      if (!fact.args.some((arg) => arg.kind === "options")) writeArguments(ctx, planned, id);
      ctx.report({
        rule: id,
        outcome: metadata.isHeaders ? "idiomatic" : "bridged",
        construct: "call metadata",
        reason: metadata.isHeaders ? null : reason("call-escapes", "the Metadata is used for more than this call"),
        start: fact.start,
        end: fact.end,
        rpc: `${fact.rpc.service}/${fact.rpc.method}`,
      });
    }
    for (const fact of clientFacts(ctx.facts, "client-metadata")) {
      switch (fact.part) {
        case "construction":
          ctx.edit.overwrite(fact.start, fact.end, "new Headers()", origin);
          break;
        case "type":
          ctx.edit.overwrite(fact.start, fact.end, "Headers", origin);
          break;
        case "clone": {
          const call = nodeAt(fileOf(ctx), fact.start, fact.end);
          if (!call) break;
          ctx.edit.insertRight(fact.start, "new Headers(", origin);
          ctx.edit.overwrite(call.callee.object.end, fact.end, ")", origin);
          break;
        }
        case "merge":
          break;
        default:
          if (fact.part !== "set") ctx.edit.overwrite(fact.start, fact.end, NAMES[fact.part], origin);
      }
      ctx.report({
        rule: id,
        outcome: "idiomatic",
        construct: `Metadata ${fact.part}`,
        reason: null,
        start: fact.start,
        end: fact.end,
        rpc: null,
      });
    }
  },
};

export default transformFromRule(rule);
