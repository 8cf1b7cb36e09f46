import {
  create,
  createFileRegistry,
  type DescField,
  type DescFile,
  type DescMessage,
  type DescService,
  fromBinary,
  type Message,
  type MessageInitShape,
} from "@bufbuild/protobuf";
import type { DescriptorProto, FieldDescriptorProto, FileDescriptorProto } from "@bufbuild/protobuf/wkt";
import { type BinaryEncoder, createBinaryEncoder } from "../binary-encoder.js";
import type { MessageCodec, MessageCodecs } from "../message-codec.js";
import { methodPath } from "../serialization.js";
import { isWrapperDesc } from "../well-known.js";

/** Options of proto-loader of the same names. */
export interface ExplicitPresenceOptions {
  /** A list without elements is an empty one. Default: false, undefined. */
  readonly arrays?: boolean;
  /** A map without entries is an empty one. Default: false, undefined. */
  readonly objects?: boolean;
}

/** The codecs of a service whose messages say of each field whether it is set. */
export interface ExplicitPresence<Service extends DescService> extends MessageCodecs {
  readonly service: Service;
}

/**
 * Messages of protobuf-es whose fields all have explicit presence, as `optional` in the .proto would give it to them: what is not
 * set is undefined, not its default, and what is set is sent, its default as well. So it is with `@grpc/proto-loader` where
 * protos are loaded without `defaults: true`. Without this option of a service or a client, protobuf-es cannot tell the two apart.
 *
 * ```ts
 * router.service(Greeter, impl, { messages: explicitPresence(Greeter) });
 * createClient(Greeter, transport, { messages: explicitPresence(Greeter) });
 * ```
 *
 * The types of fields do not say it. proto3; google.protobuf's wrappers and Struct are what they are in protobuf-es.
 */
export function explicitPresence<Service extends DescService>(
  service: Service,
  options: ExplicitPresenceOptions = {},
): ExplicitPresence<Service> {
  const codecs = new Map<string, { input: MessageCodec; output: MessageCodec }>();
  for (const method of service.methods) {
    const codec = (desc: DescMessage) => codecOf(explicitSchema(desc), options);
    codecs.set(methodPath(method), { input: codec(method.input), output: codec(method.output) });
  }
  return { service, method: (path) => codecs.get(path) };
}

function codecOf(desc: DescMessage, options: ExplicitPresenceOptions): MessageCodec {
  let encode: BinaryEncoder | undefined;
  return {
    serialize(value) {
      encode ??= createBinaryEncoder(desc);
      return encode(whole(desc, value), 0);
    },
    deserialize: (bytes) => withoutEmpty(desc, fromBinary(desc, bytes), options),
  };
}

const registries = new WeakMap<DescFile, ReturnType<typeof createFileRegistry>>();

/** The same message with explicit presence of all its fields, and of those of the messages in it. */
export function explicitSchema<Desc extends DescMessage>(desc: Desc): Desc {
  let registry = registries.get(desc.file);
  if (registry === undefined) {
    const files = filesOf(desc.file, new Map());
    const protoOf = (file: DescFile | undefined) => file && explicitFile(file.proto);
    registry = createFileRegistry(explicitFile(desc.file.proto), (name) => protoOf(files.get(name)));
    registries.set(desc.file, registry);
  }
  return (registry.getMessage(desc.typeName) ?? desc) as Desc;
}

function filesOf(file: DescFile, found: Map<string, DescFile>): ReadonlyMap<string, DescFile> {
  for (const one of file.dependencies) {
    if (found.has(one.proto.name)) continue;
    found.set(one.proto.name, one);
    filesOf(one, found);
  }
  return found;
}

/** protobuf-es has no messages for these. */
const PLAIN = new Set(["google/protobuf/wrappers.proto", "google/protobuf/struct.proto"]);

function explicitFile(file: FileDescriptorProto): FileDescriptorProto {
  if (file.syntax !== "proto3" || PLAIN.has(file.name)) return file;
  return changed(file, { messageType: file.messageType.map(explicitMessage) });
}

function explicitMessage(message: DescriptorProto): DescriptorProto {
  if (message.options?.mapEntry) return message;
  return changed(message, {
    field: message.field.map(explicitField),
    nestedType: message.nestedType.map(explicitMessage),
  });
}

function explicitField(field: FieldDescriptorProto): FieldDescriptorProto {
  const isRepeated = field.label === 3;
  return isRepeated || Object.hasOwn(field, "oneofIndex") ? field : changed(field, { proto3Optional: true });
}

/** A copy. The prototype of a descriptor has its defaults. */
function changed<T extends Message>(message: T, change: Partial<T>): T {
  return Object.assign(Object.create(Object.getPrototypeOf(message)), message, change);
}

type Values = Record<string, unknown>;

/** A message that was received: lists and maps are there where they have something. */
function withoutEmpty(desc: DescMessage, message: Message, options: ExplicitPresenceOptions): Message {
  const values = message as unknown as Values;
  for (const field of desc.fields) {
    const value = partOf(values, field);
    if (value === undefined) continue;
    if (field.fieldKind === "list" || field.fieldKind === "map") {
      const items = Object.values(value as object);
      if (items.length === 0 && !(field.fieldKind === "list" ? options.arrays : options.objects))
        delete values[field.localName];
      else if (field.message) for (const item of items) withoutEmpty(field.message, item as Message, options);
    } else if (isFollowed(field)) withoutEmpty(field.message, value as Message, options);
  }
  return message;
}

/** What is to be sent, a message or what one is made of, with the lists and maps that an encoder asks for. */
export function whole(desc: DescMessage, value: unknown): Message {
  const given = value as Values;
  const init: Values = {};
  for (const field of desc.fields) {
    const part = partOf(given, field);
    if (part === undefined || part === null) continue;
    const made = wholeField(field, part);
    if (field.oneof) init[field.oneof.localName] = { case: field.localName, value: made };
    else init[field.localName] = made;
  }
  const message = create(desc, init as MessageInitShape<DescMessage>);
  const unknown = (given as Partial<Message> | undefined)?.$unknown;
  if (unknown !== undefined) message.$unknown = unknown;
  return message;
}

function wholeField(field: DescField, value: unknown): unknown {
  const { message } = field;
  if (message === undefined || !isObject(value)) return value;
  if (field.fieldKind === "list")
    return (value as unknown[]).map((item) => (isObject(item) ? whole(message, item) : item));
  if (field.fieldKind === "map")
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => [key, isObject(item) ? whole(message, item) : item]),
    );
  return isFollowed(field) ? whole(field.message, value) : value;
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}

/** Is a field a message in protobuf-es, too? */
function isFollowed(field: DescField): field is DescField & { fieldKind: "message" } {
  if (field.fieldKind !== "message") return false;
  const isUnwrapped = field.oneof === undefined && isWrapperDesc(field.message);
  return !isUnwrapped && field.message.typeName !== "google.protobuf.Struct";
}

function partOf(values: Values, field: DescField): unknown {
  if (!field.oneof) return values[field.localName];
  const choice = values[field.oneof.localName] as { case?: string; value?: unknown } | undefined;
  return choice?.case === field.localName ? choice.value : undefined;
}
