import type { Rule } from "../shared/rule.js";
import { transformFromRule } from "../shared/transform.js";
import { rewriteMessages } from "./rewrite-messages.js";

/** Definitions that no known generator made keep their own functions: nothing says what their messages look like. */
export const rule: Rule = {
  id: "messages/other-codec",
  side: "both",
  apply: (context) => rewriteMessages(context, "messages/other-codec"),
};

export default transformFromRule(rule);
