import { rule as statusToCode } from "../errors/status-to-code.js";
import type { Rule } from "../shared/rule.js";
import { rule as callbackToAwait } from "./callback-to-await.js";
import { rule as cancelToSignal } from "./cancel-to-signal.js";
import { rule as channelToTransport } from "./channel-to-transport.js";
import { rule as clientBridge } from "./client-bridge.js";
import { rule as clientTypes } from "./client-types.js";
import { rule as deadlineToTimeout } from "./deadline-to-timeout.js";
import { rule as errorToConnectError } from "./error-to-connect-error.js";
import { moveLines } from "./layout.js";
import { rule as metadataToHeaders } from "./metadata-to-headers.js";
import { rule as promisifyToClient } from "./promisify-to-client.js";
import { rule as streamToForAwait } from "./stream-to-for-await.js";
import { rule as stubToPromise } from "./stub-to-promise.js";
import { rule as writerToIterable } from "./writer-to-iterable.js";

/** The rules of `clients`, in the order in which they run. */
export const clientRules: readonly Rule[] = [
  channelToTransport,
  clientBridge,
  clientTypes,
  promisifyToClient,
  stubToPromise,
  cancelToSignal,
  deadlineToTimeout,
  metadataToHeaders,
  callbackToAwait,
  streamToForAwait,
  writerToIterable,
  errorToConnectError,
  // It takes what is left.
  statusToCode,
  // Last: it moves the lines that nothing else rewrites.
  { id: callbackToAwait.id, side: "clients", apply: moveLines },
];
