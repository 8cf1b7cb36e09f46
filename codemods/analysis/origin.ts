import type { Node, SourceFile } from "ts-morph";

/** Which code generator (or none) stands behind a service or client. */
export type Flavour =
  | "proto-loader"
  | "google-protobuf"
  | "ts-proto"
  | "protobuf-ts"
  | "protoc-gen-ts"
  | "protobufjs"
  | "generic"
  | "nice-grpc"
  /** Generated code that is not there before a build. */
  | "missing";

export interface PackageDefinitionOrigin {
  readonly kind: "package-definition";
  /** Absolute paths of the .proto files where they exist, otherwise the text as written. */
  readonly protos: readonly string[];
  /** The constant options; null if they are not constant. */
  readonly options: Readonly<Record<string, unknown>> | null;
  /** The `loadSync(…)` or `load(…)` call. */
  readonly call: Node;
}

/** What an expression is, as far as it can be proved. `unknown` whenever it cannot: an origin is never a guess. */
export type Origin =
  /** A member of the grpc-js module: `""` is the module itself, `status.NOT_FOUND`, `Server`. */
  | { readonly kind: "grpc"; readonly path: string }
  | { readonly kind: "proto-loader"; readonly path: string }
  | PackageDefinitionOrigin
  /** `loadPackageDefinition(definition)` and its members. */
  | { readonly kind: "grpc-object"; readonly definition: Origin; readonly path: string }
  | {
      readonly kind: "client-constructor";
      readonly service: string;
      readonly flavour: Flavour;
      /** The value that holds the service definition (`XService`), where one is known. */
      readonly definition: Node | null;
      readonly packageDefinition: PackageDefinitionOrigin | null;
    }
  | {
      readonly kind: "service-definition";
      readonly service: string;
      readonly flavour: Flavour;
      readonly definition: Node | null;
      readonly packageDefinition: PackageDefinitionOrigin | null;
    }
  | { readonly kind: "server"; readonly construction: Node | null }
  | {
      readonly kind: "client";
      readonly service: string;
      readonly flavour: Flavour;
      /** The `new X(…)`; null where only the type says that it is a client. */
      readonly construction: Node | null;
      readonly packageDefinition: PackageDefinitionOrigin | null;
    }
  | { readonly kind: "metadata" }
  | { readonly kind: "channel-credentials" }
  | { readonly kind: "server-credentials" }
  | { readonly kind: "function"; readonly node: Node }
  | { readonly kind: "object"; readonly node: Node }
  | { readonly kind: "class"; readonly node: Node }
  | { readonly kind: "instance"; readonly class: Node }
  | { readonly kind: "string"; readonly value: string }
  /** The namespace object (or `module.exports`) of a project file. */
  | { readonly kind: "module"; readonly file: SourceFile }
  /** A TypeScript namespace: protoc-gen-ts puts everything of a proto package into one. */
  | { readonly kind: "namespace"; readonly node: Node }
  /** A module that is no file of the project: `fs`, `@scope/pkg`. `path` is a member, `""` the module. */
  | { readonly kind: "external"; readonly module: string; readonly path: string }
  | { readonly kind: "unknown" };

export const UNKNOWN: Origin = { kind: "unknown" };

/** Are two origins the same thing, so that "either of them" is still an answer? */
export function isSameOrigin(a: Origin, b: Origin): boolean {
  if (a.kind !== b.kind) return false;
  const left = a as unknown as Record<string, unknown>;
  const right = b as unknown as Record<string, unknown>;
  return [...new Set([...Object.keys(left), ...Object.keys(right)])].every((key) => {
    // Two clients of one service are the same for what can be called on them.
    if (key === "construction") return true;
    const x = left[key];
    const y = right[key];
    if (x === y) return true;
    if (Array.isArray(x) && Array.isArray(y))
      return x.length === y.length && x.every((each, index) => each === y[index]);
    const isOrigin = (value: unknown): value is Origin =>
      typeof value === "object" && value !== null && typeof (value as { kind?: unknown }).kind === "string";
    return isOrigin(x) && isOrigin(y) && isSameOrigin(x, y);
  });
}
