import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { create, type DescMessage, fromBinary, toBinary } from "@bufbuild/protobuf";
import { toPlainObject } from "@connect-migrate/runtime/grpc-js";
import fc from "fast-check";
import { globSync } from "tinyglobby";
import { ts } from "ts-morph";
import { afterAll, beforeAll, expect, it } from "vitest";
import { loadProtos } from "../generate/index.js";
import type { TempProject } from "../generate/testing/temp-project.js";
import { initOf } from "./testing/arbitrary-init.js";
import { typedProject } from "./testing/typed-project.js";

const proto = `syntax = "proto3";
package same.v1;
import "google/protobuf/struct.proto";
import "google/protobuf/timestamp.proto";
import "google/protobuf/wrappers.proto";
enum Kind { KIND_UNKNOWN = 0; KIND_RED = 1; KIND_BLUE = 5; }
message Odd {
  string item_name = 3;
  int64 big_count = 1;
  repeated uint64 big_list = 2;
  optional double opt_ratio = 4;
  optional Kind opt_kind = 5;
  bytes raw_data = 6;
  Odd child_item = 7;
  repeated Odd sub_items = 8;
  map<string, int64> big_map = 9;
  map<string, Odd> odd_map = 10;
  map<int64, bool> flag_map = 11;
  oneof pick { int64 pick_big = 12; bytes pick_raw = 13; Odd pick_odd = 14; bool pick_flag = 15; }
  google.protobuf.StringValue nick_name = 16;
  google.protobuf.Int64Value some_big = 17;
  google.protobuf.BytesValue some_raw = 18;
  google.protobuf.Struct extra_data = 19;
  google.protobuf.Timestamp at_time = 20;
  repeated Kind kind_list = 21;
  repeated bytes raw_list = 22;
}
`;

let project: TempProject;
let Old: { deserialize(bytes: Uint8Array): { toObject(): unknown } };
let desc: DescMessage;

beforeAll(async () => {
  project = typedProject("protoc-gen-ts", { "proto/same.proto": proto });
  for (const file of globSync("old/**/*.ts", { cwd: project.root, absolute: true })) {
    const compilerOptions = { module: ts.ModuleKind.CommonJS, target: ts.ScriptTarget.ES2022 };
    const { outputText } = ts.transpileModule(readFileSync(file, "utf8"), { compilerOptions });
    writeFileSync(file.replace(/\.ts$/, ".js"), outputText);
  }
  Old = createRequire(join(project.root, "x.js"))("./old/same.js").same.v1.Odd;
  const { registry } = await loadProtos({ root: project.root });
  desc = registry?.message("same.v1.Odd") as DescMessage;
}, 60_000);
afterAll(() => project[Symbol.dispose]());

it("toPlainObject() makes what toObject() of protoc-gen-ts makes, with the keys in the same order", () => {
  const values = initOf(desc, 2, 53n);
  const extra = fc.option(fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 2 }), { maxKeys: 3 }), {
    nil: undefined,
  });
  fc.assert(
    fc.property(values, extra, (init, extraData) => {
      const bytes = toBinary(desc, create(desc, { ...init, extraData } as never));
      const [before, after] = [Old.deserialize(bytes).toObject(), toPlainObject(desc, fromBinary(desc, bytes))];
      expect(after).toEqual(before);
      expect(JSON.stringify(after)).toBe(JSON.stringify(before));
    }),
    { numRuns: 300 },
  );
});

it("toPlainObject() shows the message's own lists and bytes", () => {
  const message = fromBinary(
    desc,
    toBinary(desc, create(desc, { kindList: [1, 77], rawData: new Uint8Array([1]) } as never)),
  );
  const { kind_list, raw_data } = toPlainObject(desc, message);
  const { kindList, rawData } = message as unknown as Record<string, unknown>;
  expect(kind_list).toBe(kindList);
  expect(raw_data).toBe(rawData);
});

it("toPlainObject() of nothing throws, as it did", () => {
  expect(() => toPlainObject(desc, undefined as never)).toThrow(TypeError);
});
