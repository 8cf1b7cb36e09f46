import type {
  DescMethodServerStreaming,
  DescMethodUnary,
  DescService,
  MessageInitShape,
  MessageShape,
} from "@bufbuild/protobuf";
import type { CallOptions } from "../call-options.js";
import { Code } from "../code.js";
import { ConnectError } from "../connect-error.js";
import type { Transport } from "../transport.js";
import { makeAnyClient } from "./any-client.js";
import { createClient } from "./create-client.js";

/**
 * A client with callbacks. Each function returns one that cancels the call; a cancelled call does not call back.
 * Unary and server-streaming methods only.
 */
export type CallbackClient<Desc extends DescService> = {
  [P in keyof Desc["method"]]: Desc["method"][P] extends DescMethodUnary<infer I, infer O>
    ? (
        request: MessageInitShape<I>,
        callback: (error: ConnectError | undefined, response: MessageShape<O>) => void,
        options?: CallOptions,
      ) => () => void
    : Desc["method"][P] extends DescMethodServerStreaming<infer I, infer O>
      ? (
          request: MessageInitShape<I>,
          messageCallback: (response: MessageShape<O>) => void,
          closeCallback: (error: ConnectError | undefined) => void,
          options?: CallOptions,
        ) => () => void
      : never;
};

/** A client with callbacks in place of promises. Each function returns one that cancels; a cancelled call does not call back. */
export function createCallbackClient<T extends DescService>(service: T, transport: Transport): CallbackClient<T> {
  const client = createClient(service, transport) as unknown as Record<
    string,
    (request: unknown, options: CallOptions) => Promise<unknown> & AsyncIterable<unknown>
  >;
  return makeAnyClient(service, (method) => {
    const call = client[method.localName];
    if (call === undefined) {
      return null;
    }
    switch (method.methodKind) {
      case "unary":
        return (
          request: unknown,
          callback: (error: ConnectError | undefined, response: unknown) => void,
          options?: CallOptions,
        ) => {
          const { signal, cancel } = cancellable(options);
          call(request, { ...options, signal }).then(
            (response) => callback(undefined, response),
            (e) => {
              const error = ConnectError.from(e, Code.Internal);
              if (!(error.code === Code.Canceled && signal.aborted)) {
                callback(error, undefined);
              }
            },
          );
          return cancel;
        };
      case "server_streaming":
        return (
          request: unknown,
          messageCallback: (response: unknown) => void,
          closeCallback: (error: ConnectError | undefined) => void,
          options?: CallOptions,
        ) => {
          const { signal, cancel } = cancellable(options);
          void (async () => {
            let failure: ConnectError | undefined;
            try {
              for await (const response of call(request, { ...options, signal })) {
                messageCallback(response);
              }
            } catch (e) {
              failure = ConnectError.from(e, Code.Internal);
              if (failure.code === Code.Canceled && signal.aborted) {
                return;
              }
            }
            closeCallback(failure);
          })();
          return cancel;
        };
      default:
        return null;
    }
  }) as unknown as CallbackClient<T>;
}

/** The caller's signal and the returned function both cancel. */
function cancellable(options: CallOptions | undefined): { signal: AbortSignal; cancel: () => void } {
  const controller = new AbortController();
  const given = options?.signal;
  const signal = given === undefined ? controller.signal : AbortSignal.any([given, controller.signal]);
  return { signal, cancel: () => controller.abort() };
}
