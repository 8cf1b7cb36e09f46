import type { Rule } from "../shared/rule.js";
import { transformFromRule } from "../shared/transform.js";
import { rewriteMessages } from "./rewrite-messages.js";

/**
 * Classes of google-protobuf become protobuf-es messages, for a service or client all of whose message code is proved:
 * construction, setters and their chains, getters, presence, lists, maps, oneofs, enums, 64-bit integers, bytes, timestamps.
 */
export const rule: Rule = {
  id: "messages/google-protobuf-native",
  side: "both",
  apply: (context) => rewriteMessages(context, "messages/google-protobuf-native"),
};

export default transformFromRule(rule);
