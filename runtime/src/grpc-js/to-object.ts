import { type DescField, type DescMessage, type MessageShape, ScalarType } from "@bufbuild/protobuf";
import { type ReflectMessage, reflect, scalarZeroValue } from "@bufbuild/protobuf/reflect";
import { base64Encode } from "@bufbuild/protobuf/wire";
import { Edition, FeatureSet_FieldPresence } from "@bufbuild/protobuf/wkt";

/** Words that the old generator does not use as keys: `class` is `pb_class`. */
const RESERVED = new Set(
  `abstract boolean break byte case catch char class const continue debugger default delete do double else enum export
  extends false final finally float for function goto if implements import in instanceof int interface long native new
  null package private protected public return short static super switch synchronized this throw throws transient try
  typeof var void volatile while with`.split(/\s+/),
);

/** How a version of the old generator shows a scalar that is not set. */
export interface ToObjectOptions {
  /**
   * False: nothing for `optional` scalars and members of a oneof, but for bytes, as protoc-gen-js shows them since 3.21.
   * Default: true, the default of their type.
   */
  readonly defaults?: boolean;
}

/**
 * The plain object that `toObject()` of google-protobuf's class for this message gave, for code that logs or stores that
 * object: its keys (`tagsList`, `labelsMap`, `pb_class`), a map as entries in the order of their keys, bytes as base64,
 * 64-bit integers and enums as numbers, and the default of a scalar that is not set. A list of texts or numbers is the
 * message's own, as it was there. Extensions are left out.
 */
export function toObject<Desc extends DescMessage>(
  schema: Desc,
  message: MessageShape<Desc>,
  options?: ToObjectOptions,
  // biome-ignore lint/suspicious/noExplicitAny: the old declarations (`Thing.AsObject`) know its type; a descriptor does not.
): any {
  return objectOf(reflect(schema, message), options?.defaults ?? true);
}

function objectOf(of: ReflectMessage, defaults: boolean): Record<string, unknown> {
  return Object.fromEntries(of.desc.fields.map((field) => [keyOf(field), shownValue(of, field, defaults)]));
}

function shownValue(of: ReflectMessage, field: DescField, defaults: boolean): unknown {
  switch (field.fieldKind) {
    case "message":
      return of.isSet(field) ? objectOf(of.get(field), defaults) : undefined;
    case "list":
      // The list of the message itself, where nothing in it is shown in another way: who adds to one adds to both.
      if (isShownAsItIs(field)) return (of.message as unknown as Record<string, unknown>)[field.localName];
      return Array.from(of.get(field), (item) => (isMessage(item) ? objectOf(item, defaults) : plain(item, field)));
    case "map": {
      // Keys of 64 bits are numbers there: of those that no number tells apart the last one stays.
      const entries = new Map(Array.from(of.get(field), ([key, value]) => [plain(key, field), value]));
      return [...entries]
        .sort(([a], [b]) => (String(a) < String(b) ? -1 : 1))
        .map(([key, value]) => [
          key,
          // Bytes of a map are shown as they are.
          isMessage(value) ? objectOf(value, defaults) : value instanceof Uint8Array ? value : plain(value, field),
        ]);
    }
    default:
      // Without presence, google-protobuf takes -0 for 0.
      return of.isSet(field) && !isZero(of.get(field), field) ? plain(of.get(field), field) : unset(field, defaults);
  }
}

function isZero(value: unknown, field: DescField): boolean {
  return value === 0 && field.presence === FeatureSet_FieldPresence.IMPLICIT;
}

function isShownAsItIs(field: DescField & { readonly fieldKind: "list" }): boolean {
  if (field.listKind !== "scalar") return field.listKind === "enum";
  const zero = scalarZeroValue(field.scalar, field.longAsString);
  return typeof zero !== "bigint" && !(zero instanceof Uint8Array);
}

function isMessage(value: unknown): value is ReflectMessage {
  return typeof value === "object" && value !== null && "desc" in value;
}

function plain(value: unknown, field: DescField): unknown {
  if (typeof value === "bigint") return "longAsString" in field && field.longAsString ? String(value) : Number(value);
  return value instanceof Uint8Array ? base64Encode(value) : value;
}

/** The default; nothing for a field of proto2 whose default the .proto does not say. Bytes always have one. */
function unset(field: DescField & { readonly fieldKind: "scalar" | "enum" }, defaults: boolean): unknown {
  const value = field.getDefaultValue();
  if (value !== undefined) return plain(value, field);
  const isBytes = field.fieldKind === "scalar" && field.scalar === ScalarType.BYTES;
  // The package's own messages are of the newer generator.
  const isOwn = field.parent.file.proto.package === "google.protobuf";
  const isShown = defaults && !isOwn && field.parent.file.edition !== Edition.EDITION_PROTO2;
  if (field.presence !== FeatureSet_FieldPresence.IMPLICIT && !isShown && !isBytes) return undefined;
  return field.fieldKind === "enum" ? 0 : plain(scalarZeroValue(field.scalar, false), field);
}

/** protoc-gen-js's own names: words are lower case but for the first letter of all words behind the first. */
function keyOf(field: DescField): string {
  const name = field.name
    .toLowerCase()
    .split("_")
    .filter((word) => word !== "")
    .map((word, index) => (index === 0 ? word : word.charAt(0).toUpperCase() + word.slice(1)))
    .join("");
  const key = field.fieldKind === "list" ? `${name}List` : field.fieldKind === "map" ? `${name}Map` : name;
  return RESERVED.has(key) ? `pb_${key}` : key;
}
