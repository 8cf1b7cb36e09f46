import type { Rule } from "../shared/rule.js";

/** The rules of `services`, in the order in which they run. */
export const serviceRules: readonly Rule[] = [];
