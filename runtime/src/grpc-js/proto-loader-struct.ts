import type { JsonObject } from "@bufbuild/protobuf";
import { type Struct, StructSchema } from "@bufbuild/protobuf/wkt";
import { protoLoaderField } from "./proto-loader-message.js";
import { type ProtoLoaderObjectOptions, protoLoaderObject } from "./proto-loader-object.js";
import { jsonOfStruct, messageOfStruct } from "./struct-message.js";

/**
 * The plain object that `@grpc/proto-loader` gave for a google.protobuf.Struct, `{ fields: { name: { stringValue: "…" } } }`, which
 * is JSON in a field of protobuf-es. For none null, or undefined without defaults.
 */
export function protoLoaderStruct(
  struct: JsonObject | undefined | null,
  options: ProtoLoaderObjectOptions = {},
  // biome-ignore lint/suspicious/noExplicitAny: what the old code took it for.
): any {
  if (struct) return protoLoaderObject(StructSchema, messageOfStruct(struct), options);
  return options.defaults === false ? undefined : null;
}

/**
 * The other way round: what proto-loader's code encoded for such an object. What it refused is refused when the message is
 * encoded. Undefined for none.
 */
export function structFromProtoLoader(object: unknown): JsonObject | undefined {
  const struct = protoLoaderField(StructSchema, object);
  if (!struct) return undefined;
  const isRefused = Object.getOwnPropertyDescriptor(struct, "fields")?.get !== undefined;
  return isRefused ? (refused(struct) as JsonObject) : jsonOfStruct(struct);
}

/** An object that throws when it is encoded. */
function refused(struct: Struct): object {
  return {
    get fields() {
      return struct.fields;
    },
  };
}
