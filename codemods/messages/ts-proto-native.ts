import type { Rule } from "../shared/rule.js";
import { transformFromRule } from "../shared/transform.js";
import { rewriteMessages } from "./rewrite-messages.js";

/** ts-proto's objects become protobuf-es messages, where the compiler knows every use of them. */
export const rule: Rule = {
  id: "messages/ts-proto-native",
  side: "both",
  apply: (context) => rewriteMessages(context, "messages/ts-proto-native"),
};

export default transformFromRule(rule);
