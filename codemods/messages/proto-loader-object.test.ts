import { join } from "node:path";
import { create, type DescMessage, fromBinary, toBinary } from "@bufbuild/protobuf";
import { protoLoaderObject } from "@connect-migrate/runtime/grpc-js";
import type { MethodDefinition } from "@grpc/grpc-js";
import protoLoader from "@grpc/proto-loader";
import fc from "fast-check";
import { expect, it } from "vitest";
import { loadProtos } from "../generate/index.js";
import { tempProject } from "../generate/testing/temp-project.js";
import { initOf } from "./testing/arbitrary-init.js";

const proto = `syntax = "proto3";
package object.v1;
import "google/protobuf/timestamp.proto";
import "google/protobuf/wrappers.proto";
import "google/protobuf/any.proto";
service S { rpc Get(Thing) returns (Thing); }
enum Kind { KIND_UNKNOWN = 0; KIND_RED_ONE = 1; KIND_BLUE = 5; }
message Thing {
  oneof the_pick { string pick_text = 9; int64 pick_num = 10; Thing pick_item = 11; google.protobuf.StringValue pick_wrapped = 30; }
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
  google.protobuf.StringValue nick_name = 25;
  google.protobuf.Int64Value big_value = 26;
  google.protobuf.BytesValue raw_value = 27;
  google.protobuf.Any any_thing = 28;
  repeated google.protobuf.BoolValue flag_list = 29;
}
`;

it("protoLoaderObject() gives what proto-loader gives", { timeout: 60_000 }, async () => {
  using project = tempProject({ "package.json": "{}", "s.proto": proto });
  const desc = (await loadProtos({ root: project.root })).registry?.message("object.v1.Thing") as DescMessage;
  for (const options of [
    { keepCase: true, longs: String, enums: String, oneofs: true },
    { longs: Number },
    { longs: String, enums: String },
    { keepCase: true, longs: String, oneofs: true },
  ]) {
    const loaded = protoLoader.loadSync(join(project.root, "s.proto"), { ...options, defaults: true });
    const service = loaded["object.v1.S"] as unknown as Record<string, MethodDefinition<unknown, unknown>>;
    let compared = 0;
    fc.assert(
      fc.property(initOf(desc, 2, options.longs === Number ? 52n : 64n), (init) => {
        const bytes = toBinary(desc, create(desc, init));
        const expected = service.Get?.requestDeserialize(Buffer.from(bytes));
        const actual = protoLoaderObject(desc, fromBinary(desc, bytes), options);
        expect(actual).toStrictEqual(expected);
        expect(JSON.stringify(actual)).toBe(JSON.stringify(expected));
        compared++;
      }),
      { numRuns: 60 },
    );
    expect(compared).toBe(60);
  }
});
