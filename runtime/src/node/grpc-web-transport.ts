import { grpcWebProtocol } from "../client/grpc-protocol.js";
import { type ClosableTransport, createProtocolTransport } from "../client/protocol-transport.js";
import { type CommonOptions, type Destination, type NodeTransportOptions, settingsFrom } from "./transport-options.js";

/** Options of `createGrpcWebTransport`. */
export type GrpcWebTransportOptions = CommonOptions & Destination & NodeTransportOptions;

/** A transport for the gRPC-Web protocol, over node:http, node:https or node:http2. */
export function createGrpcWebTransport(options: GrpcWebTransportOptions): ClosableTransport {
  return createProtocolTransport(grpcWebProtocol, settingsFrom(options));
}
