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
import { methodPath } from "../serialization.js";
import type { ServiceOptions } from "../server/router.js";
import { timeoutFromDeadline } from "./deadline.js";
import { serviceErrorFrom } from "./errors.js";
import { headersFromMetadata, metadataFromHeaders } from "./metadata.js";
import type { MetadataLike, MethodDefinition } from "./types.js";

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

/** What grpc-js gives a handler, of any kind. */
// biome-ignore lint/suspicious/noExplicitAny: grpc-js's four call types have no common one
type Call = any;
type Callback = (error: unknown, value?: unknown, trailer?: MetadataLike) => void;

/**
 * Serve a Connect implementation in a grpc-js Server that stays for now:
 * `server.addService(serviceDefinition(Greeter), grpcJsImpl(Greeter, impl))`. Interceptors and all other options of
 * `router.service` apply.
 */
export function grpcJsImpl<T extends DescService>(
  service: T,
  implementation: Partial<ServiceImpl<T>>,
  options?: Omit<ServiceOptions, "messages">,
): Record<string, (call: Call, callback?: Callback) => void> {
  const transport = createRouterTransport((router) => router.service(service, implementation, options));
  const given = implementation as Record<string, unknown>;
  const handlers: Record<string, (call: Call, callback?: Callback) => void> = {};
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
      const requests =
        method.methodKind === "server_streaming"
          ? new OneMessage(call.request)
          : // for await would destroy the Duplex at its end, and with it the status
            call.iterator({ destroyOnReturn: false });
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
            await drained(call);
          }
        }
        call.end(metadataFromHeaders(response.trailer));
      };
      run().catch((e) => {
        const status = statusOf(e);
        if (callback !== undefined) {
          callback(status);
        } else if (!call.destroyed) {
          call.emit("error", status);
        }
      });
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

function drained(call: Call): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      call.off("drain", done);
      call.off("close", done);
      resolve();
    };
    call.on("drain", done);
    call.on("close", done);
  });
}

function statusOf(reason: unknown): unknown {
  const error = ConnectError.from(reason);
  userHeaders(error.metadata);
  return serviceErrorFrom(error, false);
}
