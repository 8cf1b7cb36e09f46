import { Code } from "../code.js";
import { ConnectError } from "../connect-error.js";
import type { MessageCodec, MessageCodecs } from "../message-codec.js";
import type { MethodDefinition } from "./types.js";

/** The codecs of a grpc-js ServiceDefinition. `definition` also carries its types. */
export interface GrpcJsMessages<Def> extends MessageCodecs {
  readonly definition: Def;
}

/**
 * Keep the messages of a grpc-js ServiceDefinition, made by whatever generator: its own four functions per method are
 * the codec, so handlers and callers see the objects that they always saw.
 *
 * ```ts
 * router.service(Greeter, impl, { messages: grpcJsMessages(packageDefinition["pkg.Greeter"]) });
 * createClient(Greeter, transport, { messages: grpcJsMessages(GreeterService) });
 * ```
 *
 * The ServiceType of protobuf-ts is taken, too: its clients have no definition. A definition whose type says nothing of
 * its methods gets the types of the generated server or client interface: `grpcJsMessages<IGreeter>(greeterDefinition)`.
 *
 * @throws Error if `definition` is no ServiceDefinition
 */
export function grpcJsMessages<Def extends object>(definition: Def): GrpcJsMessages<Def>;
export function grpcJsMessages<Interface extends object>(definition: object): GrpcJsMessages<Interface>;
export function grpcJsMessages(definition: object): GrpcJsMessages<object> {
  if (isServiceType(definition)) {
    return { definition, method: codecsOfServiceType(definition) };
  }
  const byPath = new Map<string, ReturnType<MessageCodecs["method"]>>();
  for (const [key, value] of Object.entries(definition ?? {})) {
    const method = value as MethodDefinition;
    if (typeof method?.path !== "string" || typeof method.requestDeserialize !== "function") {
      throw new Error(
        `grpcJsMessages: "${key}" is no method definition. Expected a grpc-js ServiceDefinition, such as ` +
          'loadSync(…)["package.Service"], Client.service or a generated XService.',
      );
    }
    byPath.set(method.path, {
      keys: method.originalName === undefined ? [key] : [key, method.originalName],
      input: codecOf(
        telling("Request message serialization failure", method.requestSerialize),
        method.requestDeserialize,
      ),
      output: codecOf(method.responseSerialize, telling("Response message parsing error", method.responseDeserialize)),
    });
  }
  if (definition === undefined || definition === null) {
    throw new Error("grpcJsMessages: there is no definition. Is the service's full name right?");
  }
  return { definition, method: (path) => byPath.get(path) };
}

/** What only a client does with messages fails with the text that grpc-js has for it. */
export function telling<A, B>(what: string, convert: (value: A) => B): (value: A) => B {
  return (value) => {
    try {
      return convert(value);
    } catch (e) {
      if (e instanceof ConnectError) {
        throw e;
      }
      const text = e instanceof Error ? e.message : String(e);
      throw new ConnectError(`${what}: ${text}`, Code.Internal, undefined, undefined, e);
    }
  };
}

function codecOf(
  serialize: (value: unknown) => Uint8Array,
  deserialize: (bytes: Buffer) => unknown,
): MessageCodec<unknown> {
  return {
    serialize,
    // Generators expect a Buffer; it shares the memory
    deserialize: (bytes) => deserialize(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)),
  };
}

/** protobuf-ts: `new ServiceType("pkg.Greeter", [{ name, localName, I, O }])`. */
interface ServiceType {
  readonly typeName: string;
  readonly methods: ReadonlyArray<{
    readonly name: string;
    readonly localName: string;
    readonly clientStreaming?: boolean;
    readonly serverStreaming?: boolean;
    readonly I: MessageType;
    readonly O: MessageType;
  }>;
}

interface MessageType {
  toBinary(message: unknown): Uint8Array;
  fromBinary(bytes: Uint8Array): unknown;
}

export function isServiceType(value: object | null | undefined): value is ServiceType {
  const { typeName, methods } = (value ?? {}) as Partial<ServiceType>;
  return typeof typeName === "string" && Array.isArray(methods);
}

function codecsOfServiceType({ typeName, methods }: ServiceType): MessageCodecs["method"] {
  const codec = (type: MessageType): MessageCodec => ({
    serialize: (value) => type.toBinary(value),
    // As its generated clients do, from a Buffer that shares the memory
    deserialize: (bytes) => type.fromBinary(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)),
  });
  const byPath = new Map(
    methods.map(({ name, localName, I, O }) => [
      `/${typeName}/${name}`,
      { keys: [localName, name], input: codec(I), output: codec(O) },
    ]),
  );
  return (path) => byPath.get(path);
}
