import type { Rule } from "../shared/rule.js";
import { transformFromRule } from "../shared/transform.js";
import { rewriteMessages } from "./rewrite-messages.js";

/** Objects of protoc-gen-ts's classes become protobuf-es messages, where the compiler knows every use of them. */
export const rule: Rule = {
  id: "messages/protoc-gen-ts-native",
  side: "both",
  apply: (context) => rewriteMessages(context, "messages/protoc-gen-ts-native"),
};

export default transformFromRule(rule);
