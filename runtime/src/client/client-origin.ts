import type { DescService } from "@bufbuild/protobuf";
import type { MessageCodecs } from "../message-codec.js";
import type { Transport } from "../transport.js";

/** What a client was made of. */
export interface ClientOrigin {
  readonly service: DescService;
  readonly transport: Transport;
  readonly messages: MessageCodecs | undefined;
}

const origins = new WeakMap<object, ClientOrigin>();

/** Remember what a client was made of. */
export function rememberOrigin(client: object, origin: ClientOrigin): void {
  origins.set(client, origin);
}

/** What a client of `createClient` or `createGrpcJsClient` was made of. */
export function originOf(client: object): ClientOrigin | undefined {
  return origins.get(client);
}

/** The transport that a client of `createClient` was made on. Throws if it is another object. */
export function transportOf(client: object): Transport {
  const transport = originOf(client)?.transport;
  if (transport === undefined) {
    throw new Error("Expected a client made by createClient of @connect-migrate/runtime, but found another object.");
  }
  return transport;
}
