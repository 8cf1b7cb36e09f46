import type { MessageInitShape } from "@bufbuild/protobuf";
import { create, type DescField, type DescMessage, type DescService, fromBinary, isMessage } from "@bufbuild/protobuf";
import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";
import { type BinaryEncoder, createBinaryEncoder } from "../binary-encoder.js";
import type { MessageCodec, MessageCodecs } from "../message-codec.js";
import { methodPath } from "../serialization.js";
import { isWrapperDesc } from "../well-known.js";

/** The codecs of a service whose received messages can be shown as protobufjs showed them. */
export interface RememberedPresence<Service extends DescService> extends MessageCodecs {
  readonly service: Service;
}

/**
 * Messages of protobuf-es of which `protobufjsObject` and `protobufjsView` know what the peer sent, in which order: a zero that was sent is
 * shown, one that was not is left out, as the classes of `pbjs -t static-module` do. The messages are those of protobuf-es in all else.
 *
 * ```ts
 * router.service(Greeter, impl, { messages: rememberedPresence(Greeter) });
 * createClient(Greeter, transport, { messages: rememberedPresence(Greeter) });
 * ```
 */
export function rememberedPresence<Service extends DescService>(service: Service): RememberedPresence<Service> {
  const codecs = new Map<string, { input: MessageCodec; output: MessageCodec }>();
  for (const method of service.methods)
    codecs.set(methodPath(method), { input: rememberingCodec(method.input), output: rememberingCodec(method.output) });
  return { service, method: (path) => codecs.get(path) };
}

function rememberingCodec(desc: DescMessage): MessageCodec {
  let encode: BinaryEncoder | undefined;
  return {
    serialize(value) {
      encode ??= createBinaryEncoder(desc);
      return encode(isMessage(value, desc) ? value : create(desc, value as MessageInitShape<DescMessage>), 0);
    },
    deserialize(bytes) {
      const message = fromBinary(desc, bytes);
      remember(desc, message as unknown as Values, new BinaryReader(bytes), bytes.length);
      return message;
    },
  };
}

type Values = Record<string, unknown>;

/**
 * The numbers of the fields that a message came with, in the order in which they did. With them, for a list of messages, how many came; for a
 * wrapper, 1 where its value was sent, and 0.
 */
type CameWith = Map<number, number>;

/** A property of messages that nobody sees. Of both module systems: a server may be one, and a handler the other. */
const CAME_WITH = Symbol.for("@connect-migrate/runtime/came-with");

/** Undefined for a message that did not come through `rememberedPresence`. */
export function cameWith(message: object): ReadonlyMap<number, number> | undefined {
  return (message as { readonly [CAME_WITH]?: CameWith })[CAME_WITH];
}

function noteFields(message: object, fields: CameWith): CameWith {
  Object.defineProperty(message, CAME_WITH, { value: fields, enumerable: false, configurable: true });
  return fields;
}

function remember(desc: DescMessage, message: Values, reader: BinaryReader, end: number): void {
  const fields = (cameWith(message) as CameWith | undefined) ?? noteFields(message, new Map());
  while (reader.pos < end) {
    const [number, wireType] = reader.tag();
    const field = byNumber(desc).get(number);
    const isPart = field?.message !== undefined || field?.fieldKind === "map";
    if (field && isPart && wireType === WireType.LengthDelimited) {
      const to = reader.uint32() + reader.pos;
      rememberPart(field, message, fields, reader, to);
      reader.pos = to;
    } else {
      if (field && !fields.has(number)) fields.set(number, 1);
      reader.skip(wireType, number);
    }
  }
}

function rememberPart(field: DescField, message: Values, fields: CameWith, reader: BinaryReader, end: number): void {
  const before = fields.get(field.number);
  fields.set(field.number, before ?? 0);
  const part = field.message;
  if (!part || part.typeName === "google.protobuf.Struct") return;
  if (field.fieldKind === "map") rememberEntry(field, message[field.localName] as Values, reader, end);
  else if (field.fieldKind === "list") {
    fields.set(field.number, (before ?? 0) + 1);
    const item = (message[field.localName] as unknown[])[before ?? 0];
    if (isValues(item)) remember(part, item, reader, end);
  } else if (field.oneof) {
    const choice = message[field.oneof.localName] as { case?: string; value?: unknown };
    if (choice.case === field.localName && isValues(choice.value)) remember(part, choice.value, reader, end);
  } else if (isWrapperDesc(part)) fields.set(field.number, before === 1 || end > reader.pos ? 1 : 0);
  else if (isValues(message[field.localName])) remember(part, message[field.localName] as Values, reader, end);
}

/** The message in an entry of a map. */
function rememberEntry(field: DescField & { fieldKind: "map" }, map: Values, reader: BinaryReader, end: number): void {
  if (!field.message) return;
  let key = "";
  let value: { readonly start: number; readonly end: number } | undefined;
  while (reader.pos < end) {
    const [number, wireType] = reader.tag();
    if (number === 1) key = wireType === WireType.LengthDelimited ? reader.string() : keyIn(reader, field);
    else if (number === 2 && wireType === WireType.LengthDelimited) {
      const to = reader.uint32() + reader.pos;
      value = { start: reader.pos, end: to };
      reader.pos = to;
    } else reader.skip(wireType, number);
  }
  const item = map[key];
  if (!isValues(item)) return;
  // Of two entries with one key, the last one counts.
  noteFields(item, new Map());
  reader.pos = value?.start ?? end;
  remember(field.message, item, reader, value?.end ?? end);
}

/** A key that is a number or a boolean: it is read as its type says. */
function keyIn(reader: BinaryReader, field: DescField & { fieldKind: "map" }): string {
  const read: Record<number, () => unknown> = {
    3: () => reader.int64(),
    4: () => reader.uint64(),
    5: () => reader.int32(),
    6: () => reader.fixed64(),
    7: () => reader.fixed32(),
    8: () => reader.bool(),
    13: () => reader.uint32(),
    15: () => reader.sfixed32(),
    16: () => reader.sfixed64(),
    17: () => reader.sint32(),
    18: () => reader.sint64(),
  };
  return String(read[field.mapKey]?.());
}

function isValues(value: unknown): value is Values {
  return typeof value === "object" && value !== null;
}

const fieldsByNumber = new WeakMap<DescMessage, ReadonlyMap<number, DescField>>();

function byNumber(desc: DescMessage): ReadonlyMap<number, DescField> {
  let found = fieldsByNumber.get(desc);
  if (!found) {
    found = new Map(desc.fields.map((field) => [field.number, field]));
    fieldsByNumber.set(desc, found);
  }
  return found;
}
