import type { DescMethod, DescService } from "@bufbuild/protobuf";
import { Code } from "../code.js";
import { ConnectError } from "../connect-error.js";
import { createContextValues } from "../context-values.js";
import { createHandlerContext, type HandlerContextController } from "../implementation.js";
import { drainedOrClosed } from "../node/drained.js";
import { handlerError } from "../server/handler-error.js";
import { kPeerAddress } from "../server/peer.js";
import { timeoutFromDeadline } from "./deadline.js";
import { statusFrom } from "./errors.js";
import { headersFromMetadata, metadataFromHeaders } from "./metadata.js";
import { failCall, type GrpcJsHandler, requestsOf } from "./server-call.js";

// biome-ignore lint/suspicious/noExplicitAny: a promise or an AsyncIterable, as the method is unary or streaming
type ConnectHandler = (request: any, context: HandlerContextController) => any;

/**
 * Connect handlers in a grpc-js Server that stays for now: `server.addService(definition, toCallbacks(Greeter, handlers))`. The
 * counterpart of `fromCallbacks`: messages are those of the server's own definition, handlers keep their keys and their `this`.
 *
 * Response headers are sent with the first message, or when the handler calls `context.sendHeaders()`. `context.values` has
 * the caller's address and nothing else: no interceptor runs. A thrown value that is no ConnectError answers
 * `UNKNOWN: Unknown error`, as in an app with `compat: "grpc-js"`.
 */
export function toCallbacks(service: DescService, implementation: object): Record<string, GrpcJsHandler> {
  const handlers: Record<string, GrpcJsHandler> = {};
  for (let level: object | null = implementation; level !== null && level !== Object.prototype; ) {
    for (const key of Object.getOwnPropertyNames(level)) {
      const method = key === "constructor" || key in handlers ? undefined : methodFor(service, key);
      const value = method === undefined ? undefined : Reflect.get(level, key, implementation);
      if (method !== undefined && typeof value === "function") {
        handlers[key] = toCallback(service, method, value.bind(implementation));
      }
    }
    level = Object.getPrototypeOf(level);
  }
  return handlers;
}

/** Generators write `GetURLInfo` as `getURLInfo`, `getUrlInfo` or as it is. */
function methodFor(service: DescService, key: string): DescMethod | undefined {
  const plain = (name: string) => name.replaceAll("_", "").toLowerCase();
  return (
    service.methods.find((method) => method.name === key || method.localName === key) ??
    service.methods.find((method) => plain(method.name) === plain(key))
  );
}

function toCallback(service: DescService, method: DescMethod, handler: ConnectHandler): GrpcJsHandler {
  const isRequestStream = method.methodKind === "client_streaming" || method.methodKind === "bidi_streaming";
  return (call, callback) => {
    let isSent = false;
    const context: HandlerContextController = {
      ...createHandlerContext({
        service,
        method,
        protocolName: "grpc",
        requestMethod: "POST",
        url: `http://${call.getHost()}/${service.typeName}/${method.name}`,
        timeoutMs: timeoutFromDeadline(call.getDeadline()),
        requestHeader: headersFromMetadata(call.metadata),
        contextValues: createContextValues().set(kPeerAddress, call.getPeer()),
      }),
      sendHeaders() {
        if (!isSent) {
          isSent = true;
          call.sendMetadata(metadataFromHeaders(context.responseHeader));
        }
      },
    };
    let isOver = false;
    // grpc-js emits it after every call that ended well, too
    call.on("cancelled", () => {
      if (!isOver) {
        context.abort(new ConnectError("This operation was aborted", Code.Canceled));
      }
    });
    const request = isRequestStream ? requestsOf(call) : call.request;
    const run = async () => {
      if (callback !== undefined) {
        const message = await handler(request, context);
        isOver = true;
        context.sendHeaders?.();
        callback(null, message, metadataFromHeaders(context.responseTrailer));
        return;
      }
      for await (const message of handler(request, context)) {
        if (call.cancelled) {
          return;
        }
        context.sendHeaders?.();
        if (!call.write(message)) {
          await drainedOrClosed(call);
        }
      }
      isOver = true;
      context.sendHeaders?.();
      call.end(metadataFromHeaders(context.responseTrailer));
    };
    run()
      .catch((reason) => {
        isOver = true;
        // As an app does, also before an error
        if (context.responseHeader.keys().next().done !== true) {
          context.sendHeaders?.();
        }
        failCall(call, callback, statusFrom(handlerError(reason, "grpc-js"), context.responseTrailer));
      })
      .finally(() => context.abort());
  };
}
