import {
  create,
  type DescMethodStreaming,
  type DescMethodUnary,
  type DescService,
  fromBinary,
  toBinary,
} from "@bufbuild/protobuf";
import { OneMessage } from "../client/one-message.js";
import { createRouterTransport } from "../client/router-transport.js";
import { ConnectError } from "../connect-error.js";
import type { ServiceImpl } from "../implementation.js";
import { drainedOrClosed } from "../node/drained.js";
import { methodPath } from "../serialization.js";
import type { ServiceOptions } from "../server/router.js";
import { timeoutFromDeadline } from "./deadline.js";
import { serviceErrorFrom } from "./errors.js";
import { headersFromMetadata, metadataFromHeaders } from "./metadata.js";
import { failCall, type GrpcJsHandler, requestsOf } from "./server-call.js";
import type { MethodDefinition } from "./types.js";

/** A grpc-js ServiceDefinition with protobuf-es messages, for `server.addService`. */
export function serviceDefinition(service: DescService): Record<string, MethodDefinition> {
  return Object.fromEntries(
    service.methods.map((method): [string, MethodDefinition] => [
      method.name,
      {
        path: methodPath(method),
        originalName: method.localName,
        requestStream: method.methodKind === "client_streaming" || method.methodKind === "bidi_streaming",
        responseStream: method.methodKind === "server_streaming" || method.methodKind === "bidi_streaming",
        requestSerialize: (value) => Buffer.from(toBinary(method.input, create(method.input, value))),
        requestDeserialize: (bytes) => fromBinary(method.input, bytes),
        responseSerialize: (value) => Buffer.from(toBinary(method.output, create(method.output, value))),
        responseDeserialize: (bytes) => fromBinary(method.output, bytes),
      },
    ]),
  );
}

/**
 * Serve a Connect implementation in a grpc-js Server that stays for now:
 * `server.addService(serviceDefinition(Greeter), grpcJsImpl(Greeter, impl))`. Interceptors and all other options of
 * `router.service` apply.
 */
export function grpcJsImpl<T extends DescService>(
  service: T,
  implementation: Partial<ServiceImpl<T>>,
  options?: Omit<ServiceOptions, "messages">,
): Record<string, GrpcJsHandler> {
  const transport = createRouterTransport((router) => router.service(service, implementation, options));
  const given = implementation as Record<string, unknown>;
  const handlers: Record<string, GrpcJsHandler> = {};
  for (const method of service.methods) {
    if (typeof given[method.localName] !== "function") {
      // grpc-js has its own answer for a missing handler
      continue;
    }
    handlers[method.name] = (call, callback) => {
      const controller = new AbortController();
      call.on("cancelled", () => controller.abort());
      const header = headersFromMetadata(call.metadata);
      const timeoutMs = timeoutFromDeadline(call.getDeadline());
      if (method.methodKind === "unary") {
        transport.unary(method as DescMethodUnary, controller.signal, timeoutMs, header, call.request).then(
          (response) => {
            call.sendMetadata(metadataFromHeaders(userHeaders(response.header)));
            callback?.(null, response.message, metadataFromHeaders(response.trailer));
          },
          (e) => callback?.(statusOf(e)),
        );
        return;
      }
      const requests = method.methodKind === "server_streaming" ? new OneMessage(call.request) : requestsOf(call);
      const run = async () => {
        const response = await transport.stream(
          method as DescMethodStreaming,
          controller.signal,
          timeoutMs,
          header,
          requests,
        );
        call.sendMetadata(metadataFromHeaders(userHeaders(response.header)));
        if (callback !== undefined) {
          let message: unknown;
          for await (const item of response.message) {
            message = item;
          }
          callback(null, message, metadataFromHeaders(response.trailer));
          return;
        }
        for await (const item of response.message) {
          if (call.cancelled) {
            return;
          }
          if (!call.write(item)) {
            await drainedOrClosed(call);
          }
        }
        call.end(metadataFromHeaders(response.trailer));
      };
      run().catch((e) => failCall(call, callback, statusOf(e)));
    };
  }
  return handlers;
}

/** What the implementation set, without what the in-memory transport needs. */
function userHeaders(headers: Headers): Headers {
  headers.delete("date");
  headers.delete("connect-protocol-version");
  headers.delete("connect-content-encoding");
  headers.delete("connect-accept-encoding");
  return headers;
}

function statusOf(reason: unknown): unknown {
  const error = ConnectError.from(reason);
  userHeaders(error.metadata);
  return serviceErrorFrom(error, false);
}
