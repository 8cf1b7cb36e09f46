import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { type DescMessage, fromBinary, toBinary } from "@bufbuild/protobuf";
import { tsProtoMessage } from "@connect-migrate/runtime/grpc-js";
import fc from "fast-check";
import { globSync } from "tinyglobby";
import { ts } from "ts-morph";
import { expect, it } from "vitest";
import { loadProtos } from "../generate/index.js";
import { migrateMessages } from "./testing/migrate-messages.js";
import { typedProject } from "./testing/typed-project.js";

const proto = `syntax = "proto3";
package same.v1;
service Same { rpc PutIt(Row) returns (Row); }
enum Kind { KIND_UNKNOWN = 0; KIND_RED_ONE = 1; KIND_BLUE = 5; }
message Row {
  repeated string tag_list = 1; string item_name = 2; int64 big_count = 3; uint64 huge = 4; Kind item_kind = 5; bytes raw_data = 6;
  optional int32 opt_num = 7; optional Kind opt_kind = 8; optional string opt_text = 9; Row child_item = 10; repeated Row sub_items = 11;
  repeated Kind kind_list = 12; repeated int64 big_list = 13; double some_ratio = 14; float one_ratio = 15; bool is_on = 16; uint32 u_num = 17;
  repeated bytes raw_list = 18; optional bool opt_flag = 19; optional bytes opt_raw = 20; sint32 s_num = 21; repeated double ratios = 22;
}
`;
const handlers = `import { Row } from './old/same';
const rows: Row[] = [];
export function putIt(req: Row): Row {
  const row = Row.fromJSON(JSON.parse(req.itemName));
  if (row.childItem && row.bigCount > 5) rows.push(row.childItem);
  return { ...row, itemName: row.itemName + '!', subItems: rows.slice(-2) };
}
`;
const server = `import { createApp } from '@connect-migrate/runtime/node';
import { grpcJsMessages } from '@connect-migrate/runtime/grpc-js';
import { Same } from './gen/same_pb';
import { SameService } from './old/same';
import { putIt } from './handlers';
export const app = createApp({ routes(router) {
  router.service(Same, { putIt }, { messages: grpcJsMessages(SameService) });
} });
`;

const anything = fc.oneof(
  fc.constantFrom<unknown>(
    null,
    0,
    5,
    -1,
    1.5,
    true,
    false,
    "",
    "12",
    "-7",
    "abc",
    "KIND_BLUE",
    1,
    77,
    1e20,
    "YWJj",
    "a b",
    "-0",
    -0,
  ),
  fc.constantFrom<unknown>(
    [],
    {},
    [null],
    ["x", 5],
    { item_name: 1 },
    [{ itemName: 7 }, {}],
    [[1]],
    ["KIND_RED_ONE", 9],
  ),
  fc.integer(),
  fc.double(),
);
const names = [
  "tag_list",
  "item_name",
  "big_count",
  "huge",
  "item_kind",
  "raw_data",
  "opt_num",
  "opt_kind",
  "opt_text",
  "child_item",
];
const more = [
  "sub_items",
  "kind_list",
  "big_list",
  "some_ratio",
  "one_ratio",
  "is_on",
  "u_num",
  "raw_list",
  "opt_flag",
  "opt_raw",
  "s_num",
  "ratios",
];
const camel = (name: string) => name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
const keys = [...names, ...more].flatMap((name) => [name, camel(name)]);
const object = fc.oneof(
  { weight: 9, arbitrary: fc.dictionary(fc.constantFrom(...keys), anything, { maxKeys: 4, noNullPrototype: true }) },
  { weight: 1, arbitrary: anything },
);

interface OldRow {
  fromJSON(given: unknown): unknown;
  encode(row: unknown): { finish(): Uint8Array };
}

it.each([
  ["env=node", true],
  ["env=both", false],
])("fromJSON of code with %s, reading names of the .proto: %s", { timeout: 120_000 }, async (option, names) => {
  using project = typedProject(
    "ts-proto",
    { "proto/same.proto": proto, "handlers.ts": handlers, "server.ts": server },
    [option],
  );
  // Older versions know one name.
  const old = join(project.root, "old/same.ts");
  const second = /\n\s*: (isSet\(object\.|globalThis\.Array\.isArray\(object\?\.)[a-z]+_\w+\)\s*\?[^\n]*/g;
  if (!names) writeFileSync(old, readFileSync(old, "utf8").replace(second, ""));
  const { files, findings } = await migrateMessages(project.root);
  expect(findings.map(({ outcome, reason }) => [outcome, reason?.text])).toEqual([["idiomatic", undefined]]);
  expect(files["handlers.ts"]).toContain(
    `tsProtoMessage(RowSchema, JSON.parse(req.itemName)${names ? ", { names: true }" : ""})`,
  );

  for (const file of globSync("old/**/*.ts", { cwd: project.root, absolute: true })) {
    const compilerOptions = { module: ts.ModuleKind.CommonJS, target: ts.ScriptTarget.ES2022, esModuleInterop: true };
    writeFileSync(
      file.replace(/ts$/, "js"),
      ts.transpileModule(readFileSync(file, "utf8"), { compilerOptions }).outputText,
    );
  }
  const { Row } = createRequire(join(project.root, "x.js"))("./old/same.js") as { Row: OldRow };
  const { registry } = await loadProtos({ root: project.root });
  const desc = registry?.message("same.v1.Row") as DescMessage;
  let refused = 0;
  const answer = (make: () => unknown, encode: (made: unknown) => Uint8Array) => {
    let made: unknown;
    try {
      made = make();
    } catch (error) {
      return `refused: ${(error as Error).message}`;
    }
    try {
      return fromBinary(desc, new Uint8Array(encode(made)));
    } catch {
      refused++;
      return "refused when it is encoded";
    }
  };
  fc.assert(
    fc.property(object, (json) => {
      const before = answer(
        () => Row.fromJSON(json),
        (row) => Row.encode(row).finish(),
      );
      const after = answer(
        () => tsProtoMessage(desc, json, { names }),
        (row) => toBinary(desc, row as never),
      );
      expect(after).toEqual(before);
    }),
    { numRuns: 500 },
  );
  expect(refused).toBeGreaterThan(20);
});
