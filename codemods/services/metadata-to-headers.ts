import type { Node } from "../shared/ast.js";
import type { Rule } from "../shared/rule.js";
import { transformFromRule } from "../shared/transform.js";
import { outgoingHeaders } from "./outgoing-headers.js";
import { contextName, RUNTIME } from "./planned-handlers.js";
import { targetOf } from "./write-metadata.js";

const id = "services/metadata-to-headers";
const origin = { rule: id, outcome: "idiomatic" } as const;

/** Metadata that a handler makes, fills and sends -> Headers, or the headers and trailers of the context. */
export const rule: Rule = {
  id,
  side: "services",
  apply(ctx) {
    for (const { made, type, entries, direct } of outgoingHeaders(ctx)) {
      if (direct) {
        const [declared, first] = direct.row as [Node, Node];
        ctx.edit.remove(declared.start, first.start, origin);
      } else {
        ctx.edit.overwrite(made.start, made.end, "new Headers()", origin);
        if (type) ctx.edit.overwrite(type.start, type.end, "Headers", origin);
      }
      for (const { member, isAdded, bytes } of entries) {
        const { object, property } = member;
        if (direct)
          ctx.edit.overwrite(object.start, object.end, `${contextName(direct.plan)}.${targetOf(direct.step)}`, origin);
        if (isAdded) ctx.edit.overwrite(property.start, property.end, "append", origin);
        if (bytes) {
          ctx.edit.insertRight(bytes.start, `${ctx.imports.add(RUNTIME, "encodeBinaryHeader")}(`, origin);
          ctx.edit.insertLeft(bytes.end, ")", origin);
        }
      }
      ctx.report({
        rule: id,
        outcome: "idiomatic",
        construct: "new Metadata()",
        reason: null,
        start: made.start,
        end: made.end,
        rpc: null,
      });
    }
  },
};

export default transformFromRule(rule);
