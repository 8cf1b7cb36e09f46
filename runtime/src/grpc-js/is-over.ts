import type { HandlerContext } from "../implementation.js";

/** grpc-js's `call.cancelled` in code that may run behind the answer: true once the call has ended, well or not. */
export function isOver(context: HandlerContext): boolean {
  // @connectrpc/connect aborts the signal at the end of every call.
  return context.isOver ?? context.signal.aborted;
}
