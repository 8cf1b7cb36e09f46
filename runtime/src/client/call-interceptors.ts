import { type ContextKey, createContextKey } from "../context-values.js";
import type { Interceptor } from "../interceptor.js";

/** Interceptors of one call; they run inside those of the transport. */
export const callInterceptors: ContextKey<readonly Interceptor[] | undefined> = createContextKey<
  readonly Interceptor[] | undefined
>(undefined, { description: "callInterceptors" });
