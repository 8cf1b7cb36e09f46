import type { Rule } from "../shared/rule.js";
import { transformFromRule } from "../shared/transform.js";
import { rewriteMessages } from "./rewrite-messages.js";

/** Objects of pbjs's static classes become protobuf-es messages, for a service or client all of whose message code is proved. */
export const rule: Rule = {
  id: "messages/protobufjs-native",
  side: "both",
  apply: (context) => rewriteMessages(context, "messages/protobufjs-native"),
};

export default transformFromRule(rule);
