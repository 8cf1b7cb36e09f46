import { type ContextKey, createContextKey } from "../context-values.js";

/** Is told whom a call goes to: the target while there is no connection, then the address. Again for each attempt. */
export type PeerListener = (peer: string) => void;

/** For one call: who wants to know its peer. */
export const peerOfCall: ContextKey<PeerListener | undefined> = createContextKey<PeerListener | undefined>(undefined, {
  description: "peerOfCall",
});
