import { type ContextKey, createContextKey } from "../context-values.js";

/** What response headers go through when a handler sends them before its first message; gives those that are sent. */
export const kEarlyHeaders: ContextKey<((header: Headers) => Headers) | undefined> = createContextKey<
  ((header: Headers) => Headers) | undefined
>(undefined, { description: "early headers" });
