import { spawnSync } from "node:child_process";
import { mkdirSync, symlinkSync } from "node:fs";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import { inspect } from "node:util";
import type { DescMessage, DescService, MessageShape } from "@bufbuild/protobuf";
import {
  explicitPresence,
  protobufjsJson,
  protobufjsObject,
  protobufjsView,
  rememberedPresence,
} from "@connect-migrate/runtime/grpc-js";
import fc from "fast-check";
import { expect, it } from "vitest";
import { loadProtos } from "../generate/index.js";
import { tempProject } from "../generate/testing/temp-project.js";
import { initOf } from "./testing/arbitrary-init.js";
import { rotatedFields } from "./testing/rotated-fields.js";

const proto = `syntax = "proto3";
package object.v1;
import "google/protobuf/timestamp.proto";
import "google/protobuf/wrappers.proto";
import "google/protobuf/struct.proto";
service S { rpc Get(Thing) returns (Thing); }
enum Kind { KIND_UNKNOWN = 0; KIND_RED_ONE = 1; KIND_BLUE = 5; }
message Thing {
  oneof the_pick { string pick_text = 9; int64 pick_num = 10; Thing pick_item = 11; google.protobuf.BoolValue pick_wrapped = 27; }
  optional Kind opt_kind = 23;
  string item_name = 31;
  int64 big_count = 2;
  Kind item_kind = 3;
  bytes raw_data = 4;
  optional int32 opt_num = 5;
  Thing child_item = 6;
  repeated Thing sub_items = 7;
  map<string, int64> num_map = 8;
  repeated string tag_list = 12;
  uint64 u_big = 13;
  double some_ratio = 14;
  google.protobuf.Timestamp at_time = 15;
  bool is_on = 16;
  repeated int64 big_list = 18;
  repeated Kind kind_list = 19;
  map<string, Thing> item_map = 20;
  map<int32, Thing> by_number = 21;
  google.protobuf.StringValue nick_name = 25;
  google.protobuf.Int64Value big_wrapped = 26;
  repeated google.protobuf.BoolValue flag_list = 28;
  google.protobuf.Struct extra = 29;
  uint32 u_num = 40;
  float a_float = 41;
}
`;

it("a received message is shown as the class of pbjs showed it, with the zeros that were sent", {
  timeout: 60_000,
}, async () => {
  using project = tempProject({ "package.json": "{}", "s.proto": proto });
  const repository = resolve(import.meta.dirname, "../..");
  const pbjs = join(repository, "node_modules/protobufjs-cli/bin/pbjs");
  mkdirSync(join(project.root, "node_modules"), { recursive: true });
  for (const name of ["protobufjs", "long"])
    symlinkSync(join(repository, "node_modules", name), join(project.root, "node_modules", name));
  const service = (await loadProtos({ root: project.root })).registry?.service("object.v1.S") as DescService;
  const desc = service.method.get?.input as DescMessage;
  const writer = explicitPresence(service).method("/object.v1.S/Get")?.input;
  const codec = rememberedPresence(service).method("/object.v1.S/Get")?.input;
  if (!codec || !writer) throw new Error("no codec");
  let compared = 0;
  let withZeros = 0;
  for (const [options, flags] of [
    [{}, []],
    [{ keepCase: true }, ["--keep-case"]],
  ] as const) {
    const file = join(project.root, `static${compared}.js`);
    const made = spawnSync(
      process.execPath,
      [pbjs, "-t", "static-module", "-w", "commonjs", ...flags, "-o", file, "s.proto"],
      {
        cwd: project.root,
        encoding: "utf8",
      },
    );
    expect(made.stderr).toBe("");
    const { Thing } = createRequire(file)(file).object.v1;
    fc.assert(
      fc.property(initOf(desc, 2, 64n), fc.nat(), (init, by) => {
        const bytes = rotatedFields(writer.serialize(init), by);
        const old = Thing.decode(Buffer.from(bytes));
        const message = codec.deserialize(Buffer.from(bytes)) as MessageShape<DescMessage>;
        const whole = { depth: 10, maxStringLength: null };
        expect(inspect(protobufjsView(desc, message, options), whole)).toBe(inspect(old, whole));
        expect(JSON.stringify(protobufjsView(desc, message, options))).toBe(JSON.stringify(old));
        expect(JSON.stringify(Object.assign({}, protobufjsView(desc, message, options)))).toBe(
          JSON.stringify(Object.assign({}, old)),
        );
        expect(inspect(protobufjsJson(desc, message, options), whole)).toBe(inspect(old.toJSON(), whole));
        for (const shown of [
          {},
          { longs: String, enums: String, bytes: String, arrays: true, objects: true, oneofs: true },
        ])
          expect(inspect(protobufjsObject(desc, message, { ...options, ...shown }), whole)).toBe(
            inspect(Thing.toObject(old, shown), whole),
          );
        const values = message as unknown as Record<string, unknown>;
        if (values.itemName === "" && /item_?[nN]ame/.test(JSON.stringify(old))) withZeros++;
        compared++;
      }),
      { numRuns: 40 },
    );
  }
  expect(compared).toBe(80);
  expect(withZeros).toBeGreaterThan(8);
});
