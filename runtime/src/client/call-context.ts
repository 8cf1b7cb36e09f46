import type { CallOptions } from "../call-options.js";
import { Code } from "../code.js";
import { ConnectError } from "../connect-error.js";
import { type ContextKey, type ContextValues, createContextValues } from "../context-values.js";
import type { Transport } from "../transport.js";
import { callInterceptors } from "./call-interceptors.js";
import { withMessages } from "./protocol-transport.js";
import { waitForReady } from "./wait-for-ready.js";

/**
 * The context values of a call, with the options that a `Transport` has no parameter for.
 *
 * @throws ConnectError if the transport is another package's and would ignore them
 */
export function callContext(transport: Transport, options: CallOptions | undefined): ContextValues | undefined {
  if (options === undefined || (options.interceptors === undefined && options.waitForReady === undefined)) {
    return options?.contextValues;
  }
  if (!(withMessages in transport)) {
    throw new ConnectError(
      "the call options `interceptors` and `waitForReady` need a transport of @connect-migrate/runtime",
      Code.Internal,
    );
  }
  // The caller's values may be shared by many calls
  const values = derived(options.contextValues ?? createContextValues());
  if (options.interceptors !== undefined) values.set(callInterceptors, options.interceptors);
  if (options.waitForReady !== undefined) values.set(waitForReady, options.waitForReady);
  return values;
}

/** What is set here stays here, as far as the two options go; everything else goes through to `parent`. */
function derived(parent: ContextValues): ContextValues {
  const own = createContextValues();
  const isOwn = (key: ContextKey<unknown>) => key.id === callInterceptors.id || key.id === waitForReady.id;
  const values: ContextValues = {
    get: (key) => (isOwn(key as ContextKey<unknown>) ? (own.get(key) ?? parent.get(key)) : parent.get(key)),
    set(key, value) {
      (isOwn(key as ContextKey<unknown>) ? own : parent).set(key, value);
      return values;
    },
    delete(key) {
      (isOwn(key) ? own : parent).delete(key);
      return values;
    },
  };
  return values;
}
