import type { Rule } from "../shared/rule.js";

/** The rules of `clients`, in the order in which they run. */
export const clientRules: readonly Rule[] = [];
