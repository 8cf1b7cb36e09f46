import { connectProtocol } from "../client/connect-protocol.js";
import { type ClosableTransport, createProtocolTransport } from "../client/protocol-transport.js";
import { type CommonOptions, type Destination, type NodeTransportOptions, settingsFrom } from "./transport-options.js";

/** Options of `createConnectTransport`. */
export type ConnectTransportOptions = CommonOptions &
  Destination &
  NodeTransportOptions & {
    /** Use HTTP GET for methods with `idempotency_level = NO_SIDE_EFFECTS`. Default false. */
    useHttpGet?: boolean;
  };

/** A transport for the Connect protocol, over node:http, node:https or node:http2. */
export function createConnectTransport(options: ConnectTransportOptions): ClosableTransport {
  return createProtocolTransport(connectProtocol, settingsFrom(options));
}
