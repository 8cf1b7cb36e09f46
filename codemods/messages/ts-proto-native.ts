import type { Rule } from "../shared/rule.js";
import { transformFromRule } from "../shared/transform.js";
import { rewriteMessages } from "./rewrite-messages.js";

/**
 * ts-proto's objects. Their uses are not followed yet, so every service and client on them stays on the bridge; this rule
 * says so for each one, and makes it an error with `--messages native`.
 */
export const rule: Rule = {
  id: "messages/ts-proto-native",
  side: "both",
  apply: (context) => rewriteMessages(context, "messages/ts-proto-native"),
};

export default transformFromRule(rule);
