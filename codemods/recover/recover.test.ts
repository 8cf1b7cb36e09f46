import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { type DescFile, type DescMessage, ScalarType } from "@bufbuild/protobuf";
import { FeatureSet_FieldPresence } from "@bufbuild/protobuf/wkt";
import { globSync } from "tinyglobby";
import { expect, test } from "vitest";
import { loadProtos, writeGenerated } from "../generate/index.js";
import { tempProject } from "../generate/testing/temp-project.js";
import { recoverProtos } from "./recover.js";

const repository = path.resolve(import.meta.dirname, "../..");
const bin = (name: string) => path.join(repository, "node_modules", name);

/** Every kind of field, names that generators turn into others, types in other files and inside of messages. */
const schema = {
  "acme/parts/v1/parts.proto": `syntax = "proto3";
package acme.parts.v1;
import "google/protobuf/timestamp.proto";
import "google/protobuf/duration.proto";
enum Grade { GRADE_UNSPECIFIED = 0; GRADE_A = 1; GRADE_DEBT = -3; }
message Part {
  string id = 1;
  Grade grade = 2;
  message Maker {
    string name = 1;
    enum Kind { KIND_UNSPECIFIED = 0; KIND_SHOP = 7; }
    Kind kind = 2;
    google.protobuf.Duration age = 3;
  }
  Maker maker = 3;
  repeated Maker others = 4;
  Maker.Kind maker_kind = 5;
  google.protobuf.Timestamp made_at = 6;
}
`,
  "acme/store/v1/store.proto": `syntax = "proto3";
package acme.store.v1;
import "acme/parts/v1/parts.proto";
import "google/protobuf/any.proto";
import "google/protobuf/empty.proto";
import "google/protobuf/struct.proto";
import "google/protobuf/timestamp.proto";
import "google/protobuf/wrappers.proto";
service Store {
  rpc Get(GetRequest) returns (Shelf);
  rpc Watch(GetRequest) returns (stream Shelf);
  rpc Fill(stream acme.parts.v1.Part) returns (google.protobuf.Empty);
  rpc Chat(stream Shelf) returns (stream Shelf);
}
service Other { rpc Ping(google.protobuf.Empty) returns (google.protobuf.Empty); }
message Empty {}
message GetRequest { string shelf_id = 1; bool with_parts = 2; }
message Shelf {
  double a_double = 1; float a_float = 2; int32 an_int32 = 3; int64 an_int64 = 4; uint32 a_uint32 = 5;
  uint64 a_uint64 = 6; sint32 a_sint32 = 7; sint64 a_sint64 = 8; fixed32 a_fixed32 = 9; fixed64 a_fixed64 = 10;
  sfixed32 a_sfixed32 = 11; sfixed64 a_sfixed64 = 12; bool a_bool = 13; string a_string = 14; bytes a_bytes = 15;
  repeated double doubles = 16; repeated int64 longs = 17; repeated bool bools = 18; repeated string texts = 19;
  repeated bytes blobs = 20; repeated acme.parts.v1.Grade grades = 21; repeated sint32 loose = 22 [packed = false];
  optional int32 opt_number = 23; optional string opt_text = 24; optional acme.parts.v1.Grade opt_grade = 25;
  optional bytes opt_blob = 26; optional int64 opt_long = 27;
  acme.parts.v1.Part part = 28; repeated acme.parts.v1.Part parts = 29; Shelf below = 30;
  map<string, string> labels = 31; map<int32, acme.parts.v1.Part> by_slot = 32; map<bool, acme.parts.v1.Grade> by_flag = 33;
  map<uint64, bytes> by_number = 34; map<string, google.protobuf.Timestamp> times = 35;
  oneof content {
    string book_title = 40; int64 page_count = 41; acme.parts.v1.Part.Maker only_maker = 42; acme.parts.v1.Grade only_grade = 43;
    bytes raw_one = 44; bool flag_one = 45;
  }
  oneof second_choice { double ratio_two = 46; google.protobuf.StringValue text_two = 47; }
  google.protobuf.StringValue nick = 50; google.protobuf.Int64Value big = 51; google.protobuf.Struct data = 52;
  google.protobuf.Value value = 53; google.protobuf.Any any_thing = 54; google.protobuf.Timestamp at = 55;
  repeated google.protobuf.Timestamp at_all = 56; google.protobuf.Empty nothing = 57; repeated google.protobuf.Int32Value ints = 58;
  string default = 60; int32 class = 61; string zip_code2 = 62; Empty empty = 63;
  message Inner { Shelf shelf = 1; Inner inner = 2; acme.parts.v1.Part.Maker.Kind kind = 3; }
  Inner inner_one = 64; repeated Inner inner_list = 65; map<string, Inner> inner_map = 66;
}
`,
};

type Plugin = { readonly local: readonly string[]; readonly opt: readonly string[] };
const tsProto = (...opt: string[]): Plugin => ({
  local: [bin(".bin/protoc-gen-ts_proto")],
  opt: ["outputServices=grpc-js", "esModuleInterop=true", ...opt],
});
const protobufTs = (...opt: string[]): Plugin => ({
  local: [process.execPath, bin("@protobuf-ts/plugin/bin/protoc-gen-ts")],
  opt,
});
const plugins: Readonly<Record<string, Plugin>> = {
  "ts-proto": tsProto(),
  "ts-proto, oneof=unions forceLong=string": tsProto("oneof=unions", "forceLong=string"),
  "ts-proto, oneof=unions-value forceLong=bigint env=node": tsProto(
    "oneof=unions-value",
    "forceLong=bigint",
    "env=node",
  ),
  "ts-proto, forceLong=long useDate=false unknownFields": tsProto(
    "forceLong=long",
    "useDate=false",
    "unknownFields=true",
  ),
  "ts-proto, stringEnums snakeToCamel=false useOptionals=all useDate=string": tsProto(
    "stringEnums=true",
    "snakeToCamel=false",
    "useOptionals=all",
    "useDate=string",
    "useMapType=true",
  ),
  "ts-proto, outputTypeRegistry": tsProto("outputTypeRegistry=true", "constEnums=true", "importSuffix=.js"),
  "protobuf-ts": protobufTs("server_grpc1", "client_none"),
  "protobuf-ts, long_type_string optimize_code_size": protobufTs("long_type_string", "optimize_code_size"),
  "protoc-gen-ts": { local: [process.execPath, bin("protoc-gen-ts/protoc-gen-ts.js")], opt: [] },
};

/** What of a .proto file its users see, field by field. */
function seen(file: DescFile, flat: boolean) {
  const messages: Record<string, unknown> = {};
  const add = (message: DescMessage): void => {
    messages[message.typeName] = message.fields
      .map((field) => {
        const type = field.message ?? field.enum;
        // Without a union ts-proto does not tell a member of a oneof from an optional field.
        const isMember = field.oneof !== undefined;
        return {
          name: field.localName,
          number: field.number,
          kind: field.fieldKind,
          type: type ? type.typeName : ScalarType[(field as { scalar: ScalarType }).scalar],
          key: field.fieldKind === "map" ? ScalarType[field.mapKey] : undefined,
          packed: field.fieldKind === "list" ? field.packed : undefined,
          present: field.presence === FeatureSet_FieldPresence.EXPLICIT,
          oneof: isMember && !flat ? field.oneof?.localName : undefined,
        };
      })
      .sort((a, b) => a.number - b.number);
    message.nestedMessages.forEach(add);
  };
  file.messages.forEach(add);
  const enums = [...file.enums, ...allMessages(file.messages).flatMap((one) => one.nestedEnums)];
  return {
    messages,
    enums: Object.fromEntries(enums.map((one) => [one.typeName, one.values.map(({ name, number }) => [name, number])])),
    services: file.services.map((one) => [
      one.typeName,
      one.methods.map(({ name, methodKind, input, output }) => [name, methodKind, input.typeName, output.typeName]),
    ]),
  };
}

const allMessages = (messages: readonly DescMessage[]): DescMessage[] =>
  messages.flatMap((one) => [one, ...allMessages(one.nestedMessages)]);

async function filesIn(root: string): Promise<Map<string, DescFile>> {
  const { registry, failure } = await loadProtos({ root });
  if (!registry) throw new Error(failure?.text ?? "no protos");
  return new Map(registry.files().map((file) => [file.proto.name, file]));
}

const textsIn = (root: string) =>
  new Map(
    globSync("**/*.{ts,js}", { cwd: root, absolute: true, ignore: ["**/node_modules/**"] }).map((file) => [
      path.resolve(file),
      readFileSync(file, "utf8"),
    ]),
  );

function write(root: string, files: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(root, name)), { recursive: true });
    writeFileSync(path.join(root, name), text);
  }
}

/** What is recovered of the code in a project, compiled. */
async function recovered(root: string): Promise<Map<string, DescFile>> {
  const result = await recoverProtos({ root, out: path.join(root, "recovered"), texts: textsIn(root) });
  expect(result.failures).toEqual([]);
  writeGenerated(result);
  return filesIn(path.join(root, "recovered"));
}

test.each(Object.keys(plugins))(
  "%s: the .proto files are those that the code was made of",
  { timeout: 120_000 },
  async (name) => {
    using project = tempProject({ "package.json": "{}" });
    using origin = tempProject(schema);
    const { local, opt } = plugins[name] as Plugin;
    const template = { version: "v2", plugins: [{ local, opt, out: "gen", include_imports: true, include_wkt: true }] };
    const { status, stderr } = spawnSync(
      bin(".bin/buf"),
      ["generate", origin.root, "--template", JSON.stringify(template), "-o", project.root],
      { encoding: "utf8" },
    );
    if (status !== 0) throw new Error(stderr);
    const [before, after] = [await filesIn(origin.root), await recovered(project.root)];
    expect([...after.keys()].sort()).toEqual([...before.keys()].sort());
    const flat = name.startsWith("ts-proto") && !name.includes("unions");
    for (const [file, desc] of before) expect(seen(after.get(file) as DescFile, flat)).toEqual(seen(desc, flat));
  },
);

test.each(["wide", "same"])("google-protobuf, %s.proto", { timeout: 60_000 }, async (name) => {
  using project = tempProject({ "package.json": "{}" });
  const folder = path.join(import.meta.dirname, "../messages/testing/google-protobuf");
  for (const file of [`${name}_pb.js`, `${name}_grpc_pb.js`])
    cpSync(path.join(folder, file), path.join(project.root, "gen", file));
  using origin = tempProject({ [`${name}.proto`]: readFileSync(path.join(folder, `${name}.proto`), "utf8") });
  const [before, after] = [await filesIn(origin.root), await recovered(project.root)];
  const own = (files: Map<string, DescFile>) =>
    [...files.values()].find(({ proto }) => proto.package !== "google.protobuf");
  const [from, to] = [own(before), own(after)];
  expect(seen(to as DescFile, false)).toEqual(seen(from as DescFile, false));
});

test.each([[[]], [["--keep-case"]], [["--force-long"]], [["-w", "es6"]]])(
  "pbjs %j: messages and enums, and what is to be written of services",
  { timeout: 60_000 },
  async (options) => {
    using project = tempProject({ "package.json": "{}" });
    using origin = tempProject(schema);
    const args = [
      "-t",
      "static-module",
      ...(options.includes("-w") ? [] : ["-w", "commonjs"]),
      ...options,
      "-p",
      origin.root,
    ];
    const out = path.join(project.root, "messages.js");
    const inputs = Object.keys(schema).map((file) => path.join(origin.root, file));
    const { status, stderr } = spawnSync(
      process.execPath,
      [bin("protobufjs-cli/bin/pbjs"), ...args, "-o", out, ...inputs],
      {
        encoding: "utf8",
      },
    );
    if (status !== 0) throw new Error(stderr);
    const { files, failures } = await recoverProtos({
      root: project.root,
      out: project.root,
      texts: textsIn(project.root),
    });
    expect(failures).toEqual([]);
    expect(files.map(({ content }) => content).join("")).toContain("//   rpc Watch(GetRequest) returns (Shelf);");
    const [before, after] = [await filesIn(origin.root), await recovered(project.root)];
    const merged = (all: Map<string, DescFile>) =>
      [...all.values()]
        .filter((file) => file.proto.package !== "google.protobuf")
        .map((file) => ({ ...seen(file, false), services: [] }))
        .sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
    expect(merged(after)).toEqual(merged(before));
  },
);

test("proto2, types that are nowhere, two that disagree and a file in the way are named, and nothing is written", async () => {
  using project = tempProject({ "package.json": "{}" });
  const folder = path.join(import.meta.dirname, "../messages/testing/google-protobuf");
  const copy = (name: string, to = name) => cpSync(path.join(folder, name), path.join(project.root, to));
  const recover = () =>
    recoverProtos({ root: project.root, out: path.join(project.root, "proto"), texts: textsIn(project.root) });
  copy("elder_pb.js");
  const { files, failures } = await recover();
  expect(files).toEqual([]);
  expect(failures).toEqual([expect.stringMatching(/elder_pb\.js comes of proto2 \(it has "required /)]);
  rmSync(path.join(project.root, "elder_pb.js"));

  copy("same_pb.js");
  const text = readFileSync(path.join(project.root, "same_pb.js"), "utf8");
  write(project.root, { "other/same_pb.js": text.replaceAll("int64 big", "uint64 big") });
  await expect(recover()).rejects.toThrow(/both come of same\.proto and do not say the same/);
  rmSync(path.join(project.root, "other"), { recursive: true });

  write(project.root, { "same_pb.js": text.replace(/@return \{\?proto\.[\w.]+\}/, "@return {?proto.lost.v1.Gone}") });
  await expect(recover()).rejects.toThrow("same_pb.js uses lost.v1.Gone, which is in no generated code that was found");
  write(project.root, { "same_pb.js": text });

  write(project.root, { "proto/same.proto": "// mine\n" });
  await expect(recover()).rejects.toThrow(/same\.proto is there and says something else/);
  expect(readFileSync(path.join(project.root, "proto/same.proto"), "utf8")).toBe("// mine\n");
});
