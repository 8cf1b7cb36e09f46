import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { DescEnum, DescMessage } from "@bufbuild/protobuf";
import * as wkt from "@bufbuild/protobuf/wkt";
import { compileProtos } from "../generate/compile-protos.js";
import { discoverProtos, loadProtos, type PlannedFile, type ProtoRegistry } from "../generate/index.js";
import { generatorOf } from "../project/generated.js";
import { fromGoogleProtobuf, servicesOfGoogleProtobuf } from "./google-protobuf.js";
import { namesIn } from "./names.js";
import { printProto } from "./print-proto.js";
import { fromProtobufTs, namesOfProtobufTs } from "./protobuf-ts.js";
import { fromProtobufjs } from "./protobufjs.js";
import { fromProtocGenTs } from "./protoc-gen-ts.js";
import { type FoundFile, RecoverError } from "./schema.js";
import { fromTsProto, namesOfTsProto } from "./ts-proto.js";

export interface RecoverInput {
  readonly root: string;
  /** Where the .proto files go: their root. */
  readonly out: string;
  /** The project's sources: absolute path -> text. */
  readonly texts: ReadonlyMap<string, string>;
}

export interface RecoveredProto extends PlannedFile {
  /** What the code no longer tells. */
  readonly losses: readonly string[];
}

export interface RecoverResult {
  readonly files: readonly RecoveredProto[];
  /** What could not be read back, each with its file. Nothing of those files is written. */
  readonly failures: readonly string[];
  /** Files of generated code whose .proto file is there. */
  readonly known: readonly string[];
}

/** Google's own types, which protobuf-es and every compiler bring along. */
const WELL_KNOWN = /(?:^|[\\/])google[\\/]protobuf[\\/]\w+\.[cm]?[jt]s$/;

/**
 * The .proto files behind generated code that has lost them, as far as the code still knows them. They are compiled before they
 * are handed out; writes nothing.
 *
 * @throws RecoverError where two generated files disagree, where what was read does not compile, or where a file of another
 * content is in the way
 */
export async function recoverProtos({ root, out, texts }: RecoverInput): Promise<RecoverResult> {
  const { registry } = await loadProtos({ root, sources: [...texts].map(([file, text]) => ({ path: file, text })) });
  const failures: string[] = [];
  const known: string[] = [];
  const found = new Map<string, FoundFile>();
  for (const file of readAll(texts, failures, root)) {
    if (isKnown(file, registry)) known.push(...file.sources);
    else add(found, file);
  }
  const files = [...found.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
  const places = new Map<string, string>();
  for (const file of files)
    for (const { name } of [...file.messages, ...file.enums]) {
      const other = files.find((one) => one.path === places.get(name));
      if (other)
        throw new RecoverError(
          `${other.sources[0]} and ${file.sources[0]} both have ${name}. Name one of them as the path.`,
        );
      places.set(name, file.path);
    }
  const written = files.map((file) => {
    const text = printProto(file, importsOf(file, places, registry));
    const target = path.join(out, ...file.path.split("/"));
    const there = existsSync(target) ? readFileSync(target, "utf8") : undefined;
    if (there !== undefined && there !== text)
      throw new RecoverError(`${target} is there and says something else. Move it away, or choose another --out.`);
    const status = there === undefined ? ("created" as const) : ("unchanged" as const);
    return { path: target, content: text, status, losses: [...file.losses], name: file.path };
  });
  if (written.length > 0) await compile(written, registry);
  return { files: written, failures, known };
}

function readAll(texts: ReadonlyMap<string, string>, failures: string[], root: string): FoundFile[] {
  const sources = [...texts]
    .filter(([place]) => !WELL_KNOWN.test(place) && !/google_protobuf_\w+_pb\.js$/.test(place))
    .map(([place, text]) => ({ place, text: text.replaceAll("\r\n", "\n"), generator: generatorOf(place, text) }));
  const exported = new Map<string, ReadonlyMap<string, string>>();
  for (const { place, text, generator } of sources) {
    if (generator === "protobuf-ts") exported.set(place, namesOfProtobufTs(text));
    if (generator === "ts-proto") exported.set(place, namesOfTsProto(text));
  }
  const files: FoundFile[] = [];
  const attempt = (read: () => readonly (FoundFile | undefined)[], place: string) => {
    try {
      for (const file of read()) {
        if (!file) continue;
        file.sources.push(path.relative(root, place).split(path.sep).join("/"));
        files.push(file);
      }
    } catch (error) {
      if (!(error instanceof RecoverError)) throw error;
      failures.push(error.message);
    }
  };
  for (const { place, text, generator } of sources) {
    if (/\.d\.[cm]?ts$/.test(place)) continue;
    const names = namesIn(place, text, exported);
    if (generator === "google-protobuf" && !/_grpc_pb\.[cm]?js$/.test(place))
      attempt(() => [withServices(fromGoogleProtobuf(place, text), place, texts)], place);
    if (generator === "protobuf-ts") attempt(() => [fromProtobufTs(place, text, names)], place);
    if (generator === "ts-proto") attempt(() => [fromTsProto(place, text, names)], place);
    if (generator === "protoc-gen-ts") attempt(() => [fromProtocGenTs(place, text)], place);
    if (generator === "protobufjs") attempt(() => fromProtobufjs(place, text), place);
  }
  return files;
}

/** The services in the `_grpc_pb.js` beside. */
function withServices(
  file: FoundFile | undefined,
  place: string,
  texts: ReadonlyMap<string, string>,
): FoundFile | undefined {
  const beside = texts.get(place.replace(/_pb(\.[cm]?js)$/, "_grpc_pb$1"))?.replaceAll("\r\n", "\n");
  if (!file || beside === undefined) return file;
  for (const [name, methods] of servicesOfGoogleProtobuf(beside)) file.services.push({ name, methods });
  return file;
}

function isKnown(file: FoundFile, registry: ProtoRegistry | null): boolean {
  if (!registry) return false;
  return (
    file.messages.some(({ name }) => registry.message(name) !== undefined) ||
    file.enums.some(({ name }) => registry.enum(name) !== undefined)
  );
}

/** Two generated files for one .proto have to say the same. */
function add(found: Map<string, FoundFile>, file: FoundFile): void {
  const other = found.get(file.path);
  if (!other) {
    found.set(file.path, file);
    return;
  }
  const said = ({ messages, enums, services }: FoundFile) => JSON.stringify([messages, enums, services]);
  if (file.services.length === 0 && other.services.length > 0) file.services.push(...other.services);
  if (other.services.length === 0) other.services.push(...file.services);
  if (said(other) !== said(file))
    throw new RecoverError(
      `${other.sources[0]} and ${file.sources[0]} both come of ${file.path} and do not say the same. Name the one to take as a path.`,
    );
  other.sources.push(...file.sources);
}

function importsOf(file: FoundFile, places: ReadonlyMap<string, string>, registry: ProtoRegistry | null): string[] {
  const types = [
    ...file.messages.flatMap(({ fields }) => fields.map(({ type }) => type)),
    ...file.services.flatMap(({ methods }) =>
      methods.flatMap(({ request, response }) => [`.${request}`, `.${response}`]),
    ),
  ];
  const imports = new Set<string>();
  for (const type of types) {
    if (!type.startsWith(".")) continue;
    const name = type.slice(1);
    const place = places.get(name) ?? wellKnownPlaces.get(name) ?? placeIn(registry, name);
    if (place === undefined)
      throw new RecoverError(
        `${file.sources[0]} uses ${name}, which is in no generated code that was found. Add its .proto file, or the code that was generated for it.`,
      );
    if (place !== file.path) imports.add(place);
  }
  return [...imports].sort();
}

function placeIn(registry: ProtoRegistry | null, name: string): string | undefined {
  const file = (registry?.message(name) ?? registry?.enum(name))?.file;
  return file?.proto.name;
}

/** Google's own messages and enums: full name -> path of the .proto file. */
const wellKnownPlaces = new Map(
  Object.values(wkt)
    .filter((one) => typeof one === "object" && "kind" in one && (one.kind === "message" || one.kind === "enum"))
    .map(
      (desc) => [(desc as DescMessage | DescEnum).typeName, (desc as DescMessage | DescEnum).file.proto.name] as const,
    ),
);

/** Compiles what was read, beside the project's own .proto files. */
async function compile(
  files: readonly { name: string; content: string }[],
  registry: ProtoRegistry | null,
): Promise<void> {
  const folder = mkdtempSync(path.join(tmpdir(), "connect-migrate-recover-"));
  try {
    for (const { name, content } of files) {
      const target = path.join(folder, ...name.split("/"));
      mkdirSync(path.dirname(target), { recursive: true });
      writeFileSync(target, content);
    }
    for (const file of registry?.files() ?? []) {
      const source = registry?.sourceOf(file);
      const target = path.join(folder, ...file.proto.name.split("/"));
      mkdirSync(path.dirname(target), { recursive: true });
      if (source !== undefined) copyFileSync(source, target);
    }
    const result = await compileProtos(discoverProtos(folder, []), folder);
    if (!result.ok)
      throw new RecoverError(`What was read out of the generated code does not compile.\n${result.failure.text}`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
