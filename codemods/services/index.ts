import type { Rule } from "../shared/rule.js";
import { rule as handlerBridge } from "./handler-bridge.js";
import { rule as serverToApp } from "./server-to-app.js";

/** The rules of `services`, in the order in which they run. */
export const serviceRules: readonly Rule[] = [serverToApp, handlerBridge];
