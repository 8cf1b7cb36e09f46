import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { migrateMessages } from "./testing/migrate-messages.js";
import { testSameBytes } from "./testing/typed-programs.js";
import { typedProject } from "./testing/typed-project.js";

/** google.protobuf.StringValue and its like, which are messages with protobuf-ts and protoc-gen-ts. */
const proto = `syntax = "proto3";
package same.v1;
import "google/protobuf/wrappers.proto";
service Same {
  rpc EchoIt(Thing) returns (Thing);
  rpc TransformIt(Thing) returns (Thing);
}
message Thing {
  string item_name = 1;
  google.protobuf.StringValue nick_name = 2;
  google.protobuf.Int64Value some_big = 3;
  google.protobuf.BoolValue is_on = 4;
  google.protobuf.DoubleValue some_ratio = 5;
  Thing child_item = 6;
  repeated string tag_list = 7;
  oneof pick { google.protobuf.StringValue pick_text = 8; int32 pick_num = 9; }
  repeated google.protobuf.StringValue text_list = 10;
  map<int32, string> name_map = 11;
}
`;

const protobufTs = `
import { Thing } from './old/same';

const show = (value: unknown): string => (value === undefined ? 'undefined' : JSON.stringify(value));

export function echoIt(req: Thing): Thing {
  const tags = [req.nickName?.value ?? 'none', \`\${req.someBig?.value}\`, show(req.isOn?.value), show(req.childItem?.nickName?.value)];
  if (req.nickName) tags.push(req.nickName.value + req.nickName.value.length);
  if (!req.nickName) tags.push('no nick');
  if (req.someBig !== undefined && req.someBig.value > 5n) tags.push('big');
  tags.push(req.isOn === undefined ? 'unset' : 'set', req.isOn && req.isOn.value ? 'on' : 'off', req.textList.map((one) => one.value).join());
  if (req.pick.oneofKind === 'pickText') tags.push(req.pick.pickText.value);
  return Thing.create({ tagList: tags, nickName: req.nickName, someBig: req.childItem?.someBig, textList: req.textList, pick: req.pick });
}

export function transformIt(req: Thing): Thing {
  const made = Thing.create({
    nickName: { value: req.nickName?.value ?? 'x' },
    someBig: req.isOn ? { value: 9007199254740993n } : undefined,
    isOn: req.isOn ?? { value: false },
    childItem: { ...req, someRatio: { value: 0 }, nickName: undefined },
    textList: [{ value: 'one' }, { value: req.itemName }],
    pick: { oneofKind: 'pickText', pickText: { value: '' } },
  });
  made.someRatio = { value: req.tagList.length };
  if (req.childItem) made.someRatio = req.childItem.someRatio;
  return made;
}
`;

const protocGenTs = `
import { same } from './old/same';

const show = (value: unknown): string => (value === undefined ? 'undefined' : JSON.stringify(value));

export function echoIt(req: same.v1.Thing): same.v1.Thing {
  const tags = [req.has_nick_name ? req.nick_name.value : 'none', req.nick_name ? req.nick_name.value + req.nick_name.value.length : 'no'];
  if (req.has_some_big) tags.push(\`\${req.some_big.value}\`, show(req.some_big.value > 5));
  if (!req.has_is_on) tags.push('unset');
  if (req.has_is_on && req.is_on.value) tags.push('on');
  return new same.v1.Thing({ tag_list: tags, nick_name: req.nick_name, some_big: req.some_big });
}

export function transformIt(req: same.v1.Thing): same.v1.Thing {
  const made = new same.v1.Thing({ item_name: req.item_name });
  made.nick_name = req.nick_name;
  const names = req.name_map;
  made.tag_list.push(names.get(5) ?? 'no 5', names.get(req.tag_list.length) ?? 'none', show(names.has(-1)), show(names.size));
  made.name_map.set(5, 'five');
  made.name_map.set(req.tag_list.length, 'length');
  made.name_map.delete(1);
  made.child_item = new same.v1.Thing({ name_map: new Map([[7, 'seven'], [-3, req.item_name]]) });
  made.child_item.child_item = new same.v1.Thing({ name_map: new Map(names) });
  return made;
}
`;

describe("protobuf-ts", () => {
  const old = {
    generator: "protobuf-ts",
    definition: "sameDefinition",
    module: "./old/same.grpc-server",
    proto,
  } as const;
  const programs = testSameBytes(old, protobufTs, () => ({ runs: 300 }));
  it("a wrapper is the value alone", () => {
    expect(programs().migrated).toContain("nickName: req.nickName ?? 'x',");
    expect(programs().migrated).toContain("req.nickName + req.nickName.length");
  });
});

describe("protoc-gen-ts", () => {
  const old = {
    generator: "protoc-gen-ts",
    definition: "same.v1.UnimplementedSameService.definition",
    module: "./old/same",
    proto,
  } as const;
  testSameBytes(old, protocGenTs, () => ({ runs: 300, bits: 53n }));
});

const bridged = {
  "const nick = req.nickName; return Thing.create({ itemName: nick?.value });": "cannot be followed (`req.nickName`)",
  "return Thing.create({ itemName: text(req.nickName) });": "cannot be followed",
  "return Thing.create({ itemName: req.nickName!.value });": "the value of a wrapper that may not be there",
  "if (req.nickName) req.nickName.value = 'x'; return req;": "what value of a wrapper does is not followed",
  "const { nickName } = req; return Thing.create({ nickName });": "a wrapper in a variable",
  "return Thing.create({ nickName: made });": "nothing proves where this message comes from",
  "return Thing.create({ itemName: JSON.stringify(req.nickName) });": "cannot be followed",
};

it("what is not proved stays, with the reason", { timeout: 120_000 }, async () => {
  using project = typedProject("protobuf-ts", {
    "proto/same.proto": proto,
    "server.ts": `
import { createApp } from '@connect-migrate/runtime/node';
import { grpcJsMessages } from '@connect-migrate/runtime/grpc-js';
import { Same } from './gen/same_pb';
import { sameDefinition } from './old/same.grpc-server';
import { echoIt } from './handlers';
export const app = createApp({ routes(router) {
  router.service(Same, { echoIt }, { messages: grpcJsMessages(sameDefinition) });
} });
`,
  });
  const found: string[] = [];
  for (const code of Object.keys(bridged)) {
    const handlers = `import { Thing } from './old/same';
import { StringValue } from './old/google/protobuf/wrappers';
const made: StringValue = { value: 'x' };
const text = (one: StringValue | undefined): string => one?.value ?? '';
export function echoIt(req: Thing): Thing { ${code} }
`;
    writeFileSync(join(project.root, "handlers.ts"), handlers);
    const { files, findings } = await migrateMessages(project.root);
    expect(files["handlers.ts"]).toBe(handlers);
    found.push(`${findings[0]?.outcome}: ${findings[0]?.reason?.text}`);
  }
  Object.values(bridged).forEach((why, index) => {
    expect(found[index]).toContain(why);
  });
});
