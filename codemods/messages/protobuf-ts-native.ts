import type { Rule } from "../shared/rule.js";
import { transformFromRule } from "../shared/transform.js";
import { rewriteMessages } from "./rewrite-messages.js";

/** protobuf-ts's objects become protobuf-es messages, where the compiler knows every use of them. */
export const rule: Rule = {
  id: "messages/protobuf-ts-native",
  side: "both",
  apply: (context) => rewriteMessages(context, "messages/protobuf-ts-native"),
};

export default transformFromRule(rule);
