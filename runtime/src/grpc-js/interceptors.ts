import type { DescMethod } from "@bufbuild/protobuf";
import type { MessageCodecs } from "../message-codec.js";
import { methodPath } from "../serialization.js";
import type { InterceptingCall } from "./intercepting-call.js";

/** grpc-js's Interceptor, made with its InterceptingCall. */
// biome-ignore lint/suspicious/noExplicitAny: the types of any copy of grpc-js
export type GrpcJsInterceptor = (options: any, nextCall: (options: any) => any) => any;

/** Interceptors of one call. */
export interface InterceptorOptions {
  interceptors?: readonly GrpcJsInterceptor[] | null;
  // biome-ignore lint/suspicious/noExplicitAny: a MethodDefinition of any copy of grpc-js
  interceptor_providers?: ReadonlyArray<(method: any) => GrpcJsInterceptor | undefined | null> | null;
}

/** Says a call, or what is made for it, that interceptors are to be asked. */
export function hasInterceptors({ interceptors, interceptor_providers: providers }: InterceptorOptions): boolean {
  return (interceptors?.length ?? 0) > 0 || (providers?.length ?? 0) > 0;
}

/**
 * A call through interceptors, each of which makes its own around the next one's: the first is the outermost.
 *
 * @throws Error if there are both interceptors and providers
 */
export function throughInterceptors<Options extends InterceptorOptions>(
  options: Options,
  definition: object,
  innermost: (options: Options) => InterceptingCall,
): InterceptingCall {
  const { interceptors, interceptor_providers: providers } = options;
  const [given, provided] = [interceptors ?? [], providers ?? []];
  if (given.length > 0 && provided.length > 0) {
    const error = new Error(
      "Both interceptors and interceptor_providers were passed as call options. Only one of these is allowed.",
    );
    error.name = "InterceptorConfigurationError";
    throw error;
  }
  const all = [...given, ...provided.map((provider) => provider(definition))].filter((each) => each != null);
  const make = all.reduceRight<(options: Options) => InterceptingCall>(
    (next, interceptor) => (current) => interceptor(current, next),
    innermost,
  );
  return make({ ...options, method_definition: definition });
}

/** grpc-js's definition of a method, the old one where there is one. */
export function methodDefinition(method: DescMethod, messages: MessageCodecs | undefined): object {
  const path = methodPath(method);
  const { definition } = (messages ?? {}) as { definition?: object };
  const own = Object.values(definition ?? {}).find((each) => each?.path === path);
  const codecs = messages?.method(path);
  const { methodKind } = method;
  return (
    own ?? {
      path,
      requestStream: methodKind === "client_streaming" || methodKind === "bidi_streaming",
      responseStream: methodKind === "server_streaming" || methodKind === "bidi_streaming",
      requestSerialize: codecs?.input.serialize,
      requestDeserialize: codecs?.input.deserialize,
      responseSerialize: codecs?.output.serialize,
      responseDeserialize: codecs?.output.deserialize,
    }
  );
}
