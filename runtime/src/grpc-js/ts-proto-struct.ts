/** The name that an import would give it may be one of the file that this is copied into. */
type StructObject = import("@bufbuild/protobuf").JsonObject;

/**
 * An object for a field of type google.protobuf.Struct as ts-proto's code wrote any object: without what is undefined. What it
 * refused (a bigint, a function, a symbol) is refused when the message is encoded, as it was there; protobuf-es would send
 * nothing in its place. The very object where there is nothing to leave out. Null is no object.
 */
export function tsProtoStruct(object: object): StructObject;
export function tsProtoStruct(object: unknown): StructObject | undefined;
export function tsProtoStruct(object: unknown): StructObject | undefined {
  if (object == null) return undefined;
  // A list, or a text that is taken for an object, has its indices for keys.
  return plain(typeof object === "object" && !Array.isArray(object) ? object : { ...object }) as StructObject;
}

/** A value within a Struct. */
function plain(value: unknown): unknown {
  if (typeof value !== "object" || value === null) {
    return /^(bigint|function|symbol)$/.test(typeof value) ? unsupported(typeof value) : value;
  }
  if (Array.isArray(value)) {
    const items = Array.from(value, plain);
    return items.every((item, index) => item === value[index]) ? value : items;
  }
  const before = Object.entries(value);
  const after = before.filter(([, one]) => one !== undefined).map(([key, one]) => [key, plain(one)] as const);
  const isSame = after.length === before.length && after.every(([, one], index) => one === before[index]?.[1]);
  return isSame ? value : Object.fromEntries(after);
}

/** An object that throws when it is encoded. */
function unsupported(type: string): unknown {
  return {
    get refused() {
      throw new Error(`Unsupported any value type: ${type}`);
    },
  };
}
