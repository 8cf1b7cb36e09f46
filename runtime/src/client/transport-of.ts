import type { Transport } from "../transport.js";

const transports = new WeakMap<object, Transport>();

/** Remember on which transport a client runs. */
export function rememberTransport(client: object, transport: Transport): void {
  transports.set(client, transport);
}

/** The transport that a client of `createClient` or `createGrpcJsClient` was made on. */
export function transportOf(client: object): Transport | undefined {
  return transports.get(client);
}
