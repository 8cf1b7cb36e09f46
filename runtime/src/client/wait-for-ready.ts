import { type ContextKey, createContextKey } from "../context-values.js";

/**
 * gRPC's wait-for-ready for one call: `{ contextValues: createContextValues().set(waitForReady, true) }`. It goes before the
 * service config's and the transport's setting.
 */
export const waitForReady: ContextKey<boolean | undefined> = createContextKey<boolean | undefined>(undefined, {
  description: "waitForReady",
});
