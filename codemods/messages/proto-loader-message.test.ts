import { join } from "node:path";
import { create, type DescMessage, fromBinary, toBinary } from "@bufbuild/protobuf";
import { protoLoaderField, protoLoaderList, protoLoaderMessage } from "@connect-migrate/runtime/grpc-js";
import type { MethodDefinition } from "@grpc/grpc-js";
import protoLoader from "@grpc/proto-loader";
import fc from "fast-check";
import { expect, it } from "vitest";
import { loadProtos } from "../generate/index.js";
import { tempProject } from "../generate/testing/temp-project.js";

const proto = `syntax = "proto3";
package row.v1;
import "google/protobuf/timestamp.proto";
import "google/protobuf/wrappers.proto";
import "google/protobuf/empty.proto";
service S { rpc Get(Row) returns (Row); rpc All(Row) returns (Rows); rpc None(Row) returns (google.protobuf.Empty); }
enum Kind { KIND_UNKNOWN = 0; KIND_RED_ONE = 1; KIND_BLUE = 5; }
message Rows { repeated Row rows = 1; Row best_one = 2; }
message Row {
  string item_name = 31;
  int64 big_count = 2;
  uint64 huge_count = 3;
  Kind item_kind = 4;
  bytes raw_data = 5;
  optional int32 opt_num = 6;
  optional Kind opt_kind = 7;
  optional string opt_text = 8;
  Row child_item = 9;
  repeated Row sub_items = 10;
  map<string, int64> num_map = 11;
  map<string, Row> row_map = 12;
  map<string, Kind> kind_map = 13;
  repeated string tag_list = 14;
  repeated Kind kind_list = 15;
  repeated int32 small_list = 16;
  repeated bytes raw_list = 17;
  repeated int64 big_list = 18;
  double some_ratio = 19;
  float single_ratio = 20;
  bool is_on = 21;
  uint32 u_num = 22;
  sint32 s_num = 23;
  fixed32 f_num = 24;
  google.protobuf.Timestamp at_time = 25;
  google.protobuf.StringValue nick_name = 26;
  google.protobuf.Int64Value big_value = 27;
  repeated google.protobuf.BoolValue flag_list = 28;
  int64 as_text = 29 [jstype = JS_STRING];
  google.protobuf.Empty no_thing = 30;
  map<string, bytes> raw_map = 32;
  oneof choice { Row pick_row = 1; int64 pick_big = 34; Kind pick_kind = 33; string pick_text = 35; google.protobuf.BoolValue pick_flag = 36; }
}
`;

/** What rows, parsed JSON and mistakes are made of. */
const anything = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.constantFrom<unknown>(undefined, null, 0, -0, 5, -1, 1.5, true, false, "", "12", "-7", "abc"),
  },
  {
    weight: 2,
    arbitrary: fc.constantFrom<unknown>(
      "KIND_RED_ONE",
      "KIND_BLUE",
      1,
      77,
      "5",
      "99999999999999999999",
      1e20,
      Number.NaN,
    ),
  },
  fc.constantFrom<unknown>(
    "YWJj",
    "YQ==",
    "YQ",
    "-_8=",
    "Y",
    "a b",
    Buffer.from("abc"),
    new Uint8Array([1, 2]),
    [1, 2, 300],
  ),
  fc.constantFrom<unknown>(
    {},
    [],
    [null],
    { value: 5 },
    { value: "x" },
    { seconds: "12", nanos: 5 },
    new Date(5),
    { low: 7, high: 1 },
    { length: 2 },
    12n,
  ),
  fc.double(),
  fc.string({ maxLength: 4 }),
);

const scalars = /^(item_name|big|huge|item_kind|raw_data|opt|some|single|is_on|u_|s_|f_|as_text)/;

function rowOf(
  desc: DescMessage,
  keepCase: boolean,
  depth: number,
  oddity: number,
): fc.Arbitrary<Record<string, unknown>> {
  const key = (name: string) =>
    keepCase ? name : name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
  const child = (): fc.Arbitrary<unknown> =>
    depth === 0 ? fc.constant(null) : rowOf(desc, keepCase, depth - 1, oddity);
  const usual = (name: string): fc.Arbitrary<unknown> => {
    if (name === "child_item" || name === "pick_row") return child();
    if (name === "pick_flag") return fc.record({ value: anything });
    if (name === "pick_big") return fc.constantFrom<unknown>(5, "12", null);
    if (name === "pick_kind") return fc.constantFrom<unknown>("KIND_BLUE", 1, "x");
    if (name === "sub_items")
      return fc.array(
        child().map((one) => one ?? {}),
        { maxLength: 2 },
      );
    if (name === "row_map")
      return fc.dictionary(
        fc.constantFrom("a", "b", "__proto__"),
        child().map((one) => one ?? {}),
      );
    if (name === "num_map")
      return fc.dictionary(fc.constantFrom("a", ""), fc.oneof(fc.integer(), fc.bigInt().map(String)));
    if (name === "kind_map")
      return fc.dictionary(fc.constantFrom("a", "b"), fc.constantFrom<unknown>("KIND_BLUE", 1, "x", null));
    if (name === "raw_map")
      return fc.dictionary(fc.constantFrom("a", "b"), fc.constantFrom<unknown>("YQ==", Buffer.of(1), {}));
    if (name === "tag_list") return fc.array(anything, { maxLength: 3 });
    if (name === "kind_list")
      return fc.array(fc.constantFrom<unknown>("KIND_BLUE", 1, "x", null, {}), { maxLength: 3 });
    if (name === "small_list")
      return fc.array(fc.oneof(fc.integer(), fc.double(), fc.constantFrom("3", null)), { maxLength: 3 });
    if (name === "raw_list") return fc.array(fc.constantFrom<unknown>("YQ==", Buffer.of(1), [2]), { maxLength: 2 });
    if (name === "big_list") return fc.array(fc.oneof(fc.integer(), fc.constantFrom("12", "-3")), { maxLength: 3 });
    if (name === "flag_list") return fc.array(fc.record({ value: anything }), { maxLength: 2 });
    if (name === "at_time")
      return fc.oneof(fc.record({ seconds: fc.integer(), nanos: fc.integer() }), fc.constant(new Date(7)));
    if (name === "nick_name" || name === "no_thing") return fc.record({ value: anything });
    if (name === "big_value") return fc.record({ value: fc.constantFrom<unknown>(null, 5, "7") });
    return fc.oneof(fc.integer(), fc.constantFrom<unknown>("12", "", true, "KIND_BLUE", null, undefined, "YQ=="));
  };
  return fc.record(
    Object.fromEntries(
      desc.fields.map((field) => {
        const value =
          scalars.test(field.name) && !/^(raw|big|huge|as_text)/.test(field.name) ? anything : usual(field.name);
        return [key(field.name), fc.oneof({ weight: 60, arbitrary: value }, { weight: oddity, arbitrary: anything })];
      }),
    ),
    { requiredKeys: [] },
  );
}

it.each([true, false])(
  "rows become the messages that proto-loader encoded, with keepCase: %s",
  { timeout: 120_000 },
  async (keepCase) => {
    using project = tempProject({ "package.json": "{}", "s.proto": proto });
    const { registry } = await loadProtos({ root: project.root });
    const row = registry?.message("row.v1.Row") as DescMessage;
    const rows = registry?.message("row.v1.Rows") as DescMessage;
    const empty = registry?.message("google.protobuf.Empty") as DescMessage;
    const loaded = protoLoader.loadSync(join(project.root, "s.proto"), { keepCase, longs: String, defaults: true });
    const service = loaded["row.v1.S"] as unknown as Record<string, MethodDefinition<unknown, unknown>>;
    const [listKey, oneKey] = keepCase ? ["rows", "best_one"] : ["rows", "bestOne"];
    const answerOf = (desc: DescMessage, answer: () => Uint8Array | undefined) => {
      let bytes: Uint8Array | undefined;
      try {
        bytes = answer();
      } catch (error) {
        return `refused: ${(error as Error).message}`;
      }
      return fromBinary(desc, new Uint8Array(bytes ?? []));
    };
    let taken = 0;
    let refused = 0;
    const compare = (given: unknown) => {
      const before = answerOf(row, () => service.Get?.responseSerialize(given));
      expect(answerOf(row, () => toBinary(row, protoLoaderMessage(row, given, { keepCase })))).toEqual(before);
      if (typeof before === "string") refused++;
      else taken++;
    };
    fc.assert(fc.property(rowOf(row, keepCase, 1, 0), compare), { numRuns: 500 });
    fc.assert(fc.property(rowOf(row, keepCase, 1, 1), compare), { numRuns: 500 });
    fc.assert(fc.property(anything, compare), { numRuns: 100 });
    expect(taken).toBeGreaterThan(150);
    expect(refused).toBeGreaterThan(50);
    // As parts of a reply.
    const lists = fc.oneof(
      fc.array(rowOf(row, keepCase, 0, 0), { maxLength: 2 }),
      anything,
      fc.array(anything, { maxLength: 2 }),
    );
    fc.assert(
      fc.property(lists, fc.oneof(rowOf(row, keepCase, 0, 0), anything), (list, one) => {
        const before = answerOf(rows, () => service.All?.responseSerialize({ [listKey]: list, [oneKey]: one }));
        const after = answerOf(rows, () =>
          toBinary(
            rows,
            create(rows, {
              rows: protoLoaderList(row, list, { keepCase }),
              bestOne: protoLoaderField(row, one, { keepCase }),
            } as Record<string, unknown>),
          ),
        );
        if (typeof before === "string") expect(after).toMatch(/^refused/);
        else expect(after).toEqual(before);
      }),
      { numRuns: 300 },
    );
    fc.assert(
      fc.property(anything, (given) => {
        const before = answerOf(empty, () => service.None?.responseSerialize(given));
        expect(answerOf(empty, () => toBinary(empty, protoLoaderMessage(empty, given, { keepCase })))).toEqual(before);
      }),
      { numRuns: 100 },
    );
    const later = protoLoaderMessage(row, Promise.resolve({ [keepCase ? "u_num" : "uNum"]: 5 }), { keepCase });
    expect(await later).toEqual(create(row, { uNum: 5 } as Record<string, unknown>));
  },
);
