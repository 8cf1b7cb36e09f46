/** What a .proto file says, as far as generated code still knows it. Names of messages, enums and services are full names. */
export interface FoundFile {
  /** The path under a proto root that the generated code names: `shop/v1/shop.proto`. */
  path: string;
  package: string;
  syntax: "proto2" | "proto3";
  messages: FoundMessage[];
  enums: FoundEnum[];
  services: FoundService[];
  /** The generated files that this was read from. */
  sources: string[];
  /** What the generated code no longer tells, to be said at the head of the .proto file. */
  losses: Set<string>;
}

export interface FoundMessage {
  name: string;
  fields: FoundField[];
}

export interface FoundField {
  name: string;
  number: number;
  /** A scalar type, or the full name of a message or an enum behind a dot: `.shop.v1.Item`. */
  type: string;
  label?: "optional" | "repeated";
  /** The type of the keys, for a map. */
  mapKey?: string;
  oneof?: string;
  jsonName?: string;
  /** Only where it is not what proto3 does by itself. */
  packed?: false;
}

export interface FoundEnum {
  name: string;
  values: { name: string; number: number }[];
}

export interface FoundService {
  name: string;
  methods: FoundMethod[];
}

export interface FoundMethod {
  name: string;
  /** Full names. */
  request: string;
  response: string;
  requestStream: boolean;
  responseStream: boolean;
}

/** Generated code that cannot be read back: says the file, and what in it. */
export class RecoverError extends Error {}

export const SCALARS: ReadonlySet<string> = new Set(
  "double float int32 int64 uint32 uint64 sint32 sint64 fixed32 fixed64 sfixed32 sfixed64 bool string bytes".split(" "),
);

export function emptyFile(path: string, packageName: string): FoundFile {
  return {
    ...{ path, package: packageName, syntax: "proto3" as const },
    ...{ messages: [], enums: [], services: [], sources: [], losses: new Set<string>() },
  };
}

/** The package of the names that one .proto file declares: that of the one with the fewest parts, which nothing contains. */
export function packageOf(names: readonly string[]): string {
  const [shortest = ""] = [...names].sort((a, b) => a.split(".").length - b.split(".").length);
  return parentOf(shortest);
}

/** `shop.v1` of `shop.v1.Item`. */
export function parentOf(name: string): string {
  return name.slice(0, Math.max(0, name.lastIndexOf(".")));
}

/** `Item` of `shop.v1.Item`. */
export function shortOf(name: string): string {
  return name.slice(name.lastIndexOf(".") + 1);
}

/** The path of a .proto file that the code does not name. */
export function pathFor(place: string, packageName: string): string {
  const base = shortOf(`.${place.replace(/.*\//, "").replace(/(?:_pb)?(?:\.d)?\.[cm]?[jt]s$/, "")}`);
  return [...packageName.split(".").filter(Boolean), `${base}.proto`].join("/");
}
