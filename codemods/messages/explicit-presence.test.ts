import { join } from "node:path";
import type { DescService } from "@bufbuild/protobuf";
import { explicitPresence, protoLoaderObject } from "@connect-migrate/runtime/grpc-js";
import type { MethodDefinition } from "@grpc/grpc-js";
import protoLoader from "@grpc/proto-loader";
import fc from "fast-check";
import { expect, it } from "vitest";
import { loadProtos } from "../generate/index.js";
import { tempProject } from "../generate/testing/temp-project.js";
import { initOf } from "./testing/arbitrary-init.js";

type Method = MethodDefinition<unknown, unknown>;

const proto = `syntax = "proto3";
package object.v1;
import "google/protobuf/timestamp.proto";
import "google/protobuf/any.proto";
service S { rpc Get(Thing) returns (Thing); }
enum Kind { KIND_UNKNOWN = 0; KIND_RED_ONE = 1; KIND_BLUE = 5; }
message Thing {
  oneof the_pick { string pick_text = 9; int64 pick_num = 10; Thing pick_item = 11; }
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
  int64 as_text = 21 [jstype = JS_STRING];
  google.protobuf.Any any_thing = 28;
  uint32 u_num = 40;
  float a_float = 41;
}
`;

it("explicitPresence() reads and writes what proto-loader does without defaults", { timeout: 60_000 }, async () => {
  using project = tempProject({ "package.json": "{}", "s.proto": proto });
  const service = (await loadProtos({ root: project.root })).registry?.service("object.v1.S") as DescService;
  const desc = service.method.get?.input as DescService["methods"][number]["input"];
  let compared = 0;
  let withZeros = 0;
  for (const options of [
    {},
    { keepCase: true, longs: String, enums: String, oneofs: true },
    { keepCase: true, longs: Number, arrays: true },
    { longs: String, objects: true, arrays: true, oneofs: true },
  ]) {
    const whole = { longs: String, ...options, defaults: false };
    const loaded = protoLoader.loadSync(join(project.root, "s.proto"), options);
    const shown = protoLoader.loadSync(join(project.root, "s.proto"), whole);
    const methodOf = (from: typeof loaded) => (from["object.v1.S"] as unknown as Record<string, Method>).Get as Method;
    const legacy = methodOf(loaded);
    const codec = explicitPresence(service, options).method("/object.v1.S/Get")?.input;
    if (!codec) throw new Error("no codec");
    fc.assert(
      fc.property(initOf(desc, 2, options.longs === Number ? 52n : 64n), (init) => {
        const bytes = Buffer.from(codec.serialize(init));
        const message = codec.deserialize(bytes);
        // What each of them reads, and writes again.
        expect(protoLoaderObject(desc, message as never, whole)).toStrictEqual(
          methodOf(shown).requestDeserialize(bytes),
        );
        const again = legacy.requestSerialize(legacy.requestDeserialize(bytes));
        expect(Buffer.from(codec.serialize(message)).toString("hex")).toBe(again.toString("hex"));
        const values = message as Record<string, unknown>;
        const object = legacy.requestDeserialize(bytes) as Record<string, unknown>;
        for (const [name, key] of [
          ["itemName", "item_name"],
          ["isOn", "is_on"],
          ["tagList", "tag_list"],
          ["numMap", "num_map"],
        ] as const) {
          const old = object["keepCase" in options ? key : name];
          expect(values[name] === undefined).toBe(old === undefined);
        }
        if (values.itemName === "" || values.isOn === false) withZeros++;
        compared++;
      }),
      { numRuns: 60 },
    );
  }
  expect(compared).toBe(240);
  expect(withZeros).toBeGreaterThan(40);
});
