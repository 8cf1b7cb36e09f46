import { Code } from "../code.js";
import { ConnectError } from "../connect-error.js";
import type { HandlerContext } from "../implementation.js";
import { timeoutFromDeadline } from "./deadline.js";
import { readsOf } from "./grpc-js-call.js";

/** What a call that is made for another needs of that: the `call` of a grpc-js handler. */
export interface ParentCall {
  getDeadline(): Date | number;
  on(event: "cancelled", listener: () => void): unknown;
}

/** Options of a grpc-js call that Connect says in other words. */
export interface GrpcJsCallOptions {
  deadline?: Date | number | null;
  /** Its deadline and its cancellation are the call's, too. */
  parent?: ParentCall | null;
  /** Bits of `grpc.propagate`. Default: all. */
  propagate_flags?: number | null;
}

const propagatesDeadline = 1;
const propagatesCancellation = 8;

/**
 * The call options `timeoutMs` and `signal` that mean the same as grpc-js's `{ deadline, parent, propagate_flags }`: the earlier one of
 * the two deadlines, and a signal that aborts when the parent is cancelled.
 */
export function callOptionsFrom(options: GrpcJsCallOptions): { timeoutMs?: number; signal?: AbortSignal } {
  const signal = signalOfParent(options);
  const timeoutMs = timeoutFromDeadline(deadlineOf(options));
  return { ...(timeoutMs !== undefined && { timeoutMs }), ...(signal && { signal }) };
}

/**
 * The `parent` of a call that a handler makes, for clients of grpc-js, too: `callOptionsFrom({ parent: parentCall(ctx) })`. The call has the
 * deadline of the handler's own, and is cancelled at its end.
 */
// biome-ignore lint/suspicious/noExplicitAny: it stands where grpc-js wants one of its own server calls
export function parentCall(context: HandlerContext): any {
  return {
    getDeadline: readsOf(context).getDeadline,
    on: (event, listener) => event === "cancelled" && context.onOver?.(listener),
  } satisfies ParentCall;
}

/** The call's own deadline or its parent's, whichever comes first. */
export function deadlineOf({ deadline, parent, propagate_flags }: GrpcJsCallOptions): Date | number | undefined {
  const own = deadline ?? undefined;
  if (!parent || !((propagate_flags ?? propagatesDeadline) & propagatesDeadline)) {
    return own;
  }
  const inherited = parent.getDeadline();
  return own !== undefined && Number(own) < Number(inherited) ? own : inherited;
}

/** Aborts when the parent of a call is cancelled from now on, as grpc-js words it. */
export function signalOfParent({ parent, propagate_flags }: GrpcJsCallOptions): AbortSignal | undefined {
  if (!parent || !((propagate_flags ?? propagatesCancellation) & propagatesCancellation)) {
    return undefined;
  }
  const controller = new AbortController();
  parent.on("cancelled", () => controller.abort(new ConnectError("Cancelled by parent call", Code.Canceled)));
  return controller.signal;
}
