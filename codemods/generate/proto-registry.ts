import { posix, relative, resolve, sep } from "node:path";
import type {
  DescEnum,
  DescField,
  DescFile,
  DescMessage,
  DescMethod,
  DescService,
  FileRegistry,
} from "@bufbuild/protobuf";
import { wktPublicImportPaths } from "@bufbuild/protobuf/codegenv2";
import type { RpcRef } from "../analysis/facts.js";
import { type GeneratedNames, generatedNames } from "./generated-names.js";
import { methodByLegacyKey } from "./legacy-method-keys.js";

/** Where protoc-gen-es writes (or has written) its code, and how that code is imported. */
export interface GeneratedLayout {
  /** Absolute. */
  readonly outDir: string;
  /** What import specifiers end in: `.js`, `.ts` or nothing. */
  readonly importExtension: "" | ".js" | ".ts";
}

/** What to import for one descriptor. */
export interface GeneratedImport {
  /** The module as `fromFile` must import it: `./gen/shop/v1/shop_pb.js`, `@bufbuild/protobuf/wkt`. */
  readonly module: string;
  /** Absolute path of the generated module without extension; null for a well-known type. */
  readonly path: string | null;
  /** The descriptor: `Greeter` (service), `HelloRequestSchema` (message), `ColorSchema` (enum). */
  readonly descriptor: string;
  /** The type, and for an enum also the value: `HelloRequest`, `Outer_Inner`, `Color`. Null for a service. */
  readonly shape: string | null;
}

/** The project's .proto files, compiled. Names are protobuf-es's own; nothing is derived by a string rule (matrix §0.1). */
export interface ProtoRegistry {
  files(): readonly DescFile[];
  services(): readonly DescService[];
  /** By full name without a leading dot: `shop.v1.Inventory`. */
  service(typeName: string): DescService | undefined;
  message(typeName: string): DescMessage | undefined;
  enum(typeName: string): DescEnum | undefined;
  /** By wire path: `/shop.v1.Inventory/GetItem`. */
  methodByPath(path: string): DescMethod | undefined;
  /** By a key of the old service definition, implementation or client: `GetItem`, `getItem`. */
  methodByLegacyKey(service: string | DescService, key: string): DescMethod | undefined;
  /** The serialisable reference that facts carry. */
  rpc(method: DescMethod): RpcRef;
  /** `fromFile` is the absolute path of the importing file. */
  importPathFor(desc: DescService | DescMessage | DescEnum, fromFile: string): GeneratedImport;
  /** Services and messages that a .proto file (absolute path) declares; undefined when that file is not part of the registry. */
  fileBySource(path: string): DescFile | undefined;
  /** Absolute path of the .proto file that declares a descriptor; undefined for well-known types. */
  sourceOf(desc: DescService | DescMessage | DescEnum | DescFile): string | undefined;
  /** Absolute paths of .proto files that declare the same name with other text, and are not part of the registry. */
  rivalsOf(typeName: string): readonly string[];
  /** Why a .proto file that declares this name was left out: it does not compile. Undefined where none does. */
  faultOf(typeName: string): string | undefined;
  readonly layout: GeneratedLayout;
}

export interface ProtoRegistryInput {
  readonly registry: FileRegistry;
  readonly layout: GeneratedLayout;
  /** Import path of a proto file (`shop/v1/shop.proto`) -> absolute path on disk, for files of the project. */
  readonly sources: ReadonlyMap<string, string>;
  /** Further .proto files with the same content: absolute path -> import path. */
  readonly copies?: ReadonlyMap<string, string>;
  /** Left-out .proto files (absolute paths) that declare something of a name with other text. */
  readonly rivals?: ReadonlyMap<string, readonly string[]>;
  /** What .proto files declare that do not compile, with the reason. */
  readonly faults?: ReadonlyMap<string, string>;
}

export function createProtoRegistry(input: ProtoRegistryInput): ProtoRegistry {
  const { registry, layout, sources, copies, rivals, faults } = input;
  const files = [...registry.files];
  const services = files.flatMap((file) => file.services);
  const byPath = new Map<string, DescMethod>(
    services.flatMap((service) =>
      service.methods.map((method) => [`/${service.typeName}/${method.name}`, method] as const),
    ),
  );
  const byImportPath = new Map(files.map((file) => [file.proto.name, file]));
  const bySource = new Map([...(copies ?? []), ...[...sources].map(([name, path]) => [resolve(path), name] as const)]);
  const names = new Map<DescFile, ReturnType<typeof generatedNames>>();
  const namesOf = (desc: DescService | DescMessage | DescEnum): GeneratedNames => {
    const ofFile = names.get(desc.file) ?? generatedNames(desc.file);
    names.set(desc.file, ofFile);
    const found = ofFile.get(desc);
    if (!found) throw new Error(`${desc.toString()} is not declared in ${desc.file.proto.name}`);
    return found;
  };
  const serviceOf = (service: string | DescService) =>
    typeof service === "string" ? registry.getService(service.replace(/^\./, "")) : service;

  return {
    layout,
    files: () => files,
    services: () => services,
    service: (typeName) => serviceOf(typeName),
    message: (typeName) => registry.getMessage(typeName.replace(/^\./, "")),
    enum: (typeName) => registry.getEnum(typeName.replace(/^\./, "")),
    methodByPath: (path) => byPath.get(path),
    methodByLegacyKey: (service, key) => {
      const desc = serviceOf(service);
      return desc && methodByLegacyKey(desc, key);
    },
    rpc: (method) => ({
      service: method.parent.typeName,
      method: method.name,
      localName: method.localName,
      kind: method.methodKind,
      input: method.input.typeName,
      output: method.output.typeName,
    }),
    importPathFor: (desc, fromFile) => {
      const wkt = sources.has(desc.file.proto.name) ? undefined : wktImportPath(desc.file.proto.name);
      if (wkt) return { module: wkt, path: null, ...namesOf(desc) };
      const path = resolve(layout.outDir, `${desc.file.name}_pb`);
      return { module: specifier(fromFile, path) + layout.importExtension, path, ...namesOf(desc) };
    },
    fileBySource: (path) => {
      const name = bySource.get(resolve(path));
      return name === undefined ? undefined : byImportPath.get(name);
    },
    rivalsOf: (typeName) => rivals?.get(typeName.replace(/^\./, "")) ?? [],
    faultOf: (typeName) => faults?.get(typeName.replace(/^\./, "")),
    sourceOf: (desc) => sources.get((desc.kind === "file" ? desc : desc.file).proto.name),
  };
}

/** True for fields that live in a oneof of the source (the pseudo oneof of a proto3 `optional` is not one). */
export function isOneofMember(field: DescField): boolean {
  return field.oneof !== undefined;
}

function wktImportPath(protoName: string): string | undefined {
  return (wktPublicImportPaths as Readonly<Record<string, string>>)[protoName];
}

function specifier(fromFile: string, toFile: string): string {
  const path = relative(resolve(fromFile, ".."), toFile).split(sep).join(posix.sep);
  return path.startsWith(".") ? path : `./${path}`;
}
