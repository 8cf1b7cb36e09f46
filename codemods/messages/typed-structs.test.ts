import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { migrateMessages } from "./testing/migrate-messages.js";
import { testSameBytes } from "./testing/typed-programs.js";
import { typedProject } from "./testing/typed-project.js";

/** google.protobuf.Struct, the same object in both worlds, and google.protobuf.FieldMask, which is its paths for ts-proto. */
const proto = `syntax = "proto3";
package same.v1;
import "google/protobuf/field_mask.proto";
import "google/protobuf/struct.proto";
service Same {
  rpc EchoIt(Thing) returns (Thing);
  rpc TransformIt(Thing) returns (Thing);
}
message Thing {
  string item_name = 1;
  google.protobuf.Struct attrs = 2;
  google.protobuf.FieldMask update_mask = 3;
  optional string note = 4;
  repeated google.protobuf.Struct row_list = 5;
  map<string, google.protobuf.Struct> by_name = 6;
  Thing child_item = 7;
  repeated string tag_list = 8;
  oneof pick { google.protobuf.Struct pick_data = 9; string pick_text = 10; }
}
`;

const handlers = `
import { Thing } from './old/same';

const keysOf = (attrs: Record<string, unknown>): string => Object.entries(attrs).map(([key, value]) => key + typeof value).join();

interface Info { id: string; note?: string }
const infoOf = (req: Thing): Info => ({ id: req.itemName, note: req.note });

export function echoIt(req: Thing): Thing {
  const tags = [JSON.stringify(req.attrs ?? 'none'), String(req.attrs?.a), String(req.attrs?.a?.b), keysOf(req.attrs ?? {})];
  for (const row of req.rowList) for (const key in row) tags.push(key, typeof row[key]);
  const label: string = req.childItem?.attrs?.name ?? 'none';
  const { attrs, updateMask } = req;
  if (attrs) tags.push(Object.keys(attrs).join(), typeof attrs['10'] === 'string' ? attrs['10'].toUpperCase() : '-');
  if (req.pickData !== undefined) tags.push(String(req.pickData.a?.b));
  for (const path of updateMask ?? []) tags.push(path);
  tags.push(req.updateMask?.includes('ab') ? 'ab' : 'no ab', String(req.updateMask?.length), JSON.stringify({ updateMask }));
  tags.push(String(label), JSON.stringify(Thing.toJSON(req)));
  return Thing.fromPartial({ tagList: tags, attrs: req.attrs, rowList: req.rowList.filter((row) => 'a' in row), byName: req.byName, updateMask: req.updateMask });
}

export function transformIt(req: Thing): Thing {
  const attrs: Record<string, any> = {};
  attrs.id = req.itemName;
  if (req.note !== undefined) attrs['note'] = req.note;
  const made = Thing.fromPartial({
    attrs,
    rowList: [{ note: req.note, none: null }, infoOf(req), { ...req.attrs, tags: req.tagList, seen: true }],
    byName: { one: { note: req.note }, two: { on: true, list: [1, 'x'] } },
    updateMask: req.note ? ['note'] : undefined,
    pickData: { a: req.note ?? null },
  });
  made.childItem = Thing.fromPartial({ attrs: req.attrs ?? { made: true }, updateMask: req.updateMask ?? ['all'] });
  made.childItem.attrs!.late = req.itemName;
  return made;
}
`;

const old = { generator: "ts-proto", definition: "SameService", module: "./old/same", proto } as const;
const programs = testSameBytes(old, handlers, () => ({ runs: 300 }));

it("an object that may hold something else than JSON goes through tsProtoStruct", () => {
  const { migrated } = programs();
  expect(migrated).toContain("attrs: tsProtoStruct(attrs),");
  expect(migrated).toContain("rowList: [tsProtoStruct({ note: req.note, none: null }), tsProtoStruct(infoOf(req)), {");
  expect(migrated).toContain("create(ThingSchema, { attrs: req.attrs ?? { made: true },");
  expect(migrated).toContain("for (const path of updateMask?.paths ?? []) tags.push(path);");
});

/** In what was a Struct, `any` may hide what no peer can have sent, or what changes later. */
const bridged = {
  "if (req.attrs) req.attrs.note = req.note; return req;": "a value in a Struct that may be no JSON (`req.note`)",
  "const attrs: Record<string, any> = {}; const made = Thing.fromPartial({ attrs }); attrs.a = 1; return made;":
    "an object changes once it is in a Struct (`attrs`)",
  "const made = Thing.fromPartial({ attrs: { a: req.note } }); return Thing.fromPartial({ tagList: Object.keys(made.attrs!) });":
    "an object of a Struct is read again that may have had undefined in it",
  "const made = Thing.fromPartial({ attrs: {} }); Object.assign(made.attrs!, { a: req.note }); return made;":
    "an object of a Struct goes out of sight once it is in a message (`made.attrs`)",
  "Object.assign(req.attrs ?? {}, { a: req.note }); return req;":
    "a message goes on whose Struct may have been changed out of sight (`req`)",
  "req.rowList.forEach((row, at, all) => { all[at]!.a = undefined; }); return Thing.fromPartial({ childItem: { ...req } });":
    "a message goes on whose Struct may have been changed out of sight",
  "const made = Thing.fromPartial({ attrs: req.attrs }); Object.assign(req.attrs ?? {}, { a: req.note }); return made;":
    "an object changes once it is in a Struct (`req.attrs ?? {}`)",
  "Object.assign(req.pickData ?? {}, { a: req.note }); return Thing.fromPartial({ pickData: req.pickData });":
    "a message goes on whose Struct may have been changed out of sight (`req.pickData`)",
  "const rowList: { [key: string]: any }[] = []; const reply: Thing = { itemName: '', attrs: undefined, updateMask: undefined, childItem: undefined, byName: {}, tagList: [], rowList }; rowList.push({ a: 1 }); return reply;":
    "a part of a message that is shared now or then, and changes elsewhere (`rowList`)",
  "const byName: { [key: string]: { [key: string]: any } } = {}; const reply: Thing = { itemName: '', attrs: undefined, updateMask: undefined, childItem: undefined, rowList: [], tagList: [], byName }; byName['b'] = {}; return reply;":
    "a part of a message that is shared now or then, and changes elsewhere (`byName`)",
  "const rows = req.rowList; const reply: Thing = { itemName: '', attrs: undefined, updateMask: undefined, childItem: undefined, byName: {}, tagList: [], rowList: req.rowList }; rows.push({ a: 1 }); return reply;":
    "a part of a message that is shared now or then, and changes elsewhere (`req.rowList`)",
  "const { attrs = {} } = req; return Thing.fromPartial({ tagList: Object.keys(attrs) });":
    "a default for a part of a message (`attrs = {}`)",
  "return Thing.fromPartial({ rowList: req.rowList.map((row) => row.a) });": "an element that may be absent (`row.a`)",
  "return Thing.fromPartial({ attrs: { child: req.childItem } });": "a message in a Struct",
  "return Thing.fromPartial({ itemName: req.attrs?.name });": "nothing proves that this is a string",
  "return Thing.fromPartial({ updateMask: req.updateMask?.map((path) => path + '!') });":
    "a list that may be absent, in an expression that cannot be repeated",
};

/** Where somebody else may have put something into a Struct, it is looked at again where it goes into a message. */
const checked = {
  "Object.assign(req.attrs ?? {}, { a: req.note }); return Thing.fromPartial({ attrs: req.attrs, childItem: { attrs: { in: req.attrs ?? null } } });":
    "{ attrs: tsProtoStruct(req.attrs), childItem: { attrs: tsProtoStruct({ in: req.attrs ?? null }) } }",
};

it("what is not proved stays, with the reason", { timeout: 120_000 }, async () => {
  const bodies = [...Object.keys(bridged), ...Object.keys(checked)];
  const services = bodies.map((_, at) => `service Same${at} { rpc EchoIt(Thing) returns (Thing); }`).join("\n");
  using project = typedProject("ts-proto", { "proto/same.proto": proto.replace(/^service[\s\S]*?^}/m, services) });
  bodies.forEach((body, at) => {
    const handlers = `import { Thing } from './old/same';
export function echoIt(req: Thing): Thing { ${body} }
`;
    const server = `
import { createApp } from '@connect-migrate/runtime/node';
import { grpcJsMessages } from '@connect-migrate/runtime/grpc-js';
import { Same${at} } from './gen/same_pb';
import { Same${at}Service } from './old/same';
import { echoIt } from './handlers${at}';
export const app = createApp({ routes(router) {
  router.service(Same${at}, { echoIt }, { messages: grpcJsMessages(Same${at}Service) });
} });
`;
    writeFileSync(join(project.root, `handlers${at}.ts`), handlers);
    writeFileSync(join(project.root, `server${at}.ts`), server);
  });
  const { files, findings } = await migrateMessages(project.root);
  Object.values(bridged).forEach((why, at) => {
    const finding = findings.find(({ file }) => file.endsWith(`server${at}.ts`));
    expect(`${finding?.outcome}: ${finding?.reason?.text}`).toContain(why);
    expect(files[`handlers${at}.ts`]).toContain("'./old/same'");
  });
  Object.values(checked).forEach((text, at) => {
    expect(files[`handlers${Object.keys(bridged).length + at}.ts`]).toContain(text);
  });
});
