import type { Rule } from "../shared/rule.js";
import { transformFromRule } from "../shared/transform.js";
import { rewriteMessages } from "./rewrite-messages.js";

/**
 * Objects of @grpc/proto-loader become protobuf-es messages, for a service or client all of whose message code is proved:
 * names, oneofs, enum names, int64 strings, bytes. The `messages` option and the loadSync call that served it go away.
 */
export const rule: Rule = {
  id: "messages/proto-loader-native",
  side: "both",
  apply: (context) => rewriteMessages(context, "messages/proto-loader-native"),
};

export default transformFromRule(rule);
