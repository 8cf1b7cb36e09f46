import { rule as errorClass } from "../errors/error-class.js";
import { rule as errorFunction } from "../errors/error-function.js";
import { rule as statusToCode } from "../errors/status-to-code.js";
import type { Rule } from "../shared/rule.js";
import { rule as callMembers } from "./call-members.js";
import { rule as callbackToPromise } from "./callback-to-promise.js";
import { rule as callbackToReturn } from "./callback-to-return.js";
import { rule as callbackToThrow } from "./callback-to-throw.js";
import { rule as contextValues } from "./context-values.js";
import { rule as emitErrorToThrow } from "./emit-error-to-throw.js";
import { rule as handlerBridge } from "./handler-bridge.js";
import { rule as handlerSignature } from "./handler-signature.js";
import { rule as handlerWrapper } from "./handler-wrapper.js";
import { rule as listenersToForAwait } from "./listeners-to-for-await.js";
import { rule as metadataToHeaders } from "./metadata-to-headers.js";
import { rule as neighbourBridge } from "./neighbour-bridge.js";
import { rule as replyHelper } from "./reply-helper.js";
import { rule as serverToApp } from "./server-to-app.js";
import { rule as serviceTypes } from "./service-types.js";
import { rule as writeToPush } from "./write-to-push.js";
import { rule as writeToYield } from "./write-to-yield.js";

/** The rules of `services`, in the order in which they run. */
export const serviceRules: readonly Rule[] = [
  handlerSignature,
  callMembers,
  contextValues,
  metadataToHeaders,
  writeToYield,
  callbackToReturn,
  callbackToThrow,
  emitErrorToThrow,
  replyHelper,
  handlerWrapper,
  // Behind the rules of replies: they move lines, and must see which of them go.
  listenersToForAwait,
  callbackToPromise,
  writeToPush,
  serviceTypes,
  serverToApp,
  neighbourBridge,
  handlerBridge,
  errorFunction,
  // Behind the functions that make errors: it writes where those are called, too.
  errorClass,
  // Last: it takes what is left.
  statusToCode,
];

/** Those that may change a file that was not asked for: what they do there keeps it working beside the files that change. */
export const neighbourRules: readonly Rule[] = [neighbourBridge];
