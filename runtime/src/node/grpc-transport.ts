import { grpcProtocol } from "../client/grpc-protocol.js";
import { type ClosableTransport, createProtocolTransport } from "../client/protocol-transport.js";
import {
  type CommonOptions,
  type Destination,
  type NodeHttp2TransportOptions,
  settingsFrom,
} from "./transport-options.js";

/** Options of `createGrpcTransport`. */
export type GrpcTransportOptions = CommonOptions & Destination & NodeHttp2TransportOptions;

/** A transport for the gRPC protocol, over node:http2. */
export function createGrpcTransport(options: GrpcTransportOptions): ClosableTransport {
  return createProtocolTransport(grpcProtocol, settingsFrom({ ...options, httpVersion: "2" }));
}
