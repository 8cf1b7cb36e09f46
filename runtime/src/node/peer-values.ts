import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import { type ContextValues, createContextValues } from "../context-values.js";
import { kPeerAddress, kPeerCertificate } from "../server/peer.js";

/** Context values with what the socket says about the peer; values that the application set are kept. */
export function valuesWithPeer(
  socket: Socket | TLSSocket | undefined,
  given: ContextValues | undefined,
): ContextValues {
  const values = given ?? createContextValues();
  if (socket?.remoteAddress !== undefined && values.get(kPeerAddress) === kPeerAddress.defaultValue) {
    const { remoteAddress, remotePort } = socket;
    values.set(kPeerAddress, remotePort === undefined ? remoteAddress : `${remoteAddress}:${remotePort}`);
  }
  // As grpc-js: a certificate that was not verified says nothing.
  // (The socket of an HTTP/2 session is a proxy without `in`, so the property is read.)
  const secure = socket as TLSSocket | undefined;
  if (secure?.authorized === true) {
    const certificate = secure.getPeerCertificate();
    if (Object.keys(certificate).length > 0) values.set(kPeerCertificate, certificate);
  }
  return values;
}
