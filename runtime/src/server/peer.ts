import type { PeerCertificate } from "node:tls";
import { type ContextKey, createContextKey } from "../context-values.js";

/** The caller's address as grpc-js's `call.getPeer()` prints it: `ip:port`, IPv6 without brackets, else `unknown`. */
export const kPeerAddress: ContextKey<string> = createContextKey("unknown", { description: "peer address" });

/** The caller's verified TLS certificate; undefined without mTLS. */
export const kPeerCertificate: ContextKey<PeerCertificate | undefined> = createContextKey<PeerCertificate | undefined>(
  undefined,
  { description: "peer certificate" },
);
