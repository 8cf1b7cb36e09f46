import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { migrateMessages } from "./testing/migrate-messages.js";
import { testSameBytes } from "./testing/typed-programs.js";
import { typedProject } from "./testing/typed-project.js";

/** google.protobuf.Struct in a field is JSON in protobuf-es; Value and ListValue are messages in both worlds. */
const proto = `syntax = "proto3";
package same.v1;
import "google/protobuf/struct.proto";
service Same {
  rpc WalkIt(Thing) returns (Thing);
  rpc EchoIt(Thing) returns (Thing);
  rpc MakeIt(Thing) returns (Thing);
  rpc JsonIt(Thing) returns (Thing);
  rpc PickIt(Thing) returns (Thing);
}
message Thing {
  string item_name = 1;
  google.protobuf.Struct attrs = 2;
  google.protobuf.Struct other_attrs = 3;
  google.protobuf.Value any_value = 4;
  google.protobuf.ListValue row_values = 5;
  repeated google.protobuf.Value value_list = 6;
  map<string, google.protobuf.Value> value_map = 7;
  Thing child_item = 8;
  repeated Thing sub_items = 9;
  repeated string lines_out = 10;
  oneof the_pick { google.protobuf.Value pick_value = 11; string pick_text = 12; google.protobuf.Struct pick_struct = 14; }
  google.protobuf.NullValue no_value = 13;
}
`;

const handlers = `
import { Thing } from './old/same';
import { ListValue, NullValue, Struct, Value } from './old/google/protobuf/struct';

type Plain = null | string | number | boolean | Plain[] | { [key: string]: Plain };

const show = (value: unknown): string => (value === undefined ? 'undefined' : JSON.stringify(value));

function plainOf(value: Value): Plain {
  switch (value.kind.oneofKind) {
    case 'stringValue':
      return value.kind.stringValue;
    case 'numberValue':
      return value.kind.numberValue;
    case 'boolValue':
      return value.kind.boolValue;
    case 'nullValue':
      return value.kind.nullValue === NullValue.NULL_VALUE ? null : 'strange';
    case 'structValue':
      return plainStruct(value.kind.structValue);
    case 'listValue':
      return value.kind.listValue.values.map(plainOf);
    default:
      return null;
  }
}

function plainStruct(struct: Struct | undefined): { [key: string]: Plain } {
  const plain: { [key: string]: Plain } = {};
  for (const [key, value] of Object.entries(struct?.fields ?? {})) plain[key] = plainOf(value);
  return plain;
}

function valueOf(plain: Plain): Value {
  if (plain === null) return { kind: { oneofKind: 'nullValue', nullValue: NullValue.NULL_VALUE } };
  if (typeof plain === 'string') return { kind: { oneofKind: 'stringValue', stringValue: plain } };
  if (typeof plain === 'number') return { kind: { oneofKind: 'numberValue', numberValue: plain } };
  if (typeof plain === 'boolean') return Value.create({ kind: { oneofKind: 'boolValue', boolValue: plain } });
  if (Array.isArray(plain)) return { kind: { oneofKind: 'listValue', listValue: { values: plain.map((one) => valueOf(one)) } } };
  return { kind: { oneofKind: 'structValue', structValue: structOf(plain) } };
}

function structOf(plain: { [key: string]: Plain }): Struct {
  const fields: Record<string, Value> = {};
  for (const [key, value] of Object.entries(plain)) fields[key] = valueOf(value);
  return { fields };
}

export function walkIt(req: Thing): Thing {
  const { attrs, itemName } = req;
  const linesOut = [show(plainStruct(req.attrs)), show(plainStruct(attrs)), String(req.attrs === undefined), attrs ? 'there' : 'not there'];
  if (req.attrs) for (const key of Object.keys(req.attrs.fields)) linesOut.push(key, req.attrs.fields[key]!.kind.oneofKind ?? 'none');
  const first = req.attrs?.fields['a'];
  if (first?.kind.oneofKind === 'stringValue') linesOut.push(first.kind.stringValue.toUpperCase());
  if (first && first.kind.oneofKind === 'numberValue') linesOut.push((first.kind.numberValue * 2).toFixed(3));
  const nested = req.otherAttrs?.fields.b?.kind;
  if (nested?.oneofKind === 'structValue') linesOut.push(Object.keys(nested.structValue.fields).join());
  const isOn = req.otherAttrs?.fields.on?.kind.oneofKind === 'boolValue';
  for (const one of req.subItems) linesOut.push(show(plainStruct(one.attrs)), String(one.childItem?.attrs?.fields !== undefined));
  linesOut.push(show(req.anyValue && plainOf(req.anyValue)), show(req.rowValues?.values.map(plainOf)), show(req.valueList.map(plainOf)));
  for (const [key, value] of Object.entries(req.valueMap)) linesOut.push(key, show(plainOf(value)));
  if (req.thePick.oneofKind === 'pickValue') linesOut.push('pick', show(plainOf(req.thePick.pickValue)));
  linesOut.push(String(isOn), String(req.noValue), String(Object.entries(attrs?.fields ?? {}).filter(([, value]) => value.kind.oneofKind === 'nullValue').length), itemName);
  return Thing.create({ linesOut });
}

export function echoIt(req: Thing): Thing {
  const { attrs, anyValue } = req;
  const other = req.otherAttrs;
  const child = Thing.create({ attrs: req.attrs, otherAttrs: other, anyValue: req.anyValue, rowValues: req.rowValues, noValue: req.noValue });
  if (other !== undefined) child.itemName = 'other';
  child.childItem = { ...req, otherAttrs: attrs ?? req.childItem?.attrs };
  const reply: Thing = {
    itemName: req.itemName, attrs, otherAttrs: req.itemName > 'm' ? req.attrs : other, anyValue, rowValues: req.rowValues,
    valueList: req.valueList, valueMap: req.valueMap, childItem: child, subItems: req.subItems, linesOut: [], thePick: req.thePick, noValue: NullValue.NULL_VALUE,
  };
  return reply;
}

export function makeIt(req: Thing): Thing {
  const extra: Struct = { fields: {} };
  extra.fields['name'] = valueOf(req.itemName);
  if (req.attrs) Object.entries(req.attrs.fields).forEach(([key, value]) => { extra.fields['x' + key] = value; });
  delete extra.fields['xa'];
  const reply = Thing.create({
    attrs: structOf(plainStruct(req.attrs)),
    otherAttrs: { fields: { ...req.attrs?.fields, made: { kind: { oneofKind: 'stringValue', stringValue: req.itemName } }, none: { kind: { oneofKind: undefined } }, n: valueOf(NaN) } },
    rowValues: { values: [...(req.rowValues?.values ?? []), valueOf('last')] },
    valueList: req.valueList.slice().reverse(),
  });
  reply.childItem = { ...Thing.create(), attrs: extra, otherAttrs: Struct.create() };
  reply.childItem.childItem = Thing.create({ attrs: req.attrs ?? structOf({ none: true }), otherAttrs: req.itemName > 'm' ? Struct.clone(extra) : undefined });
  reply.anyValue = Value.create({ kind: { oneofKind: 'structValue', structValue: req.otherAttrs ?? { fields: {} } } });
  reply.thePick = { oneofKind: 'pickValue', pickValue: { kind: { oneofKind: 'listValue', listValue: ListValue.create({ values: [valueOf(req.itemName)] }) } } };
  reply.valueMap['s'] = { kind: { oneofKind: 'structValue', structValue: structOf({ a: [null, { b: req.itemName }] }) } };
  return reply;
}

export function pickIt(req: Thing): Thing {
  const pick = req.thePick;
  const reply = Thing.create();
  if (pick.oneofKind === 'pickStruct') {
    reply.linesOut.push(show(plainStruct(pick.pickStruct)), Object.keys(pick.pickStruct.fields).join());
    reply.attrs = pick.pickStruct;
  }
  switch (req.thePick.oneofKind) {
    case 'pickStruct':
      reply.thePick = { oneofKind: 'pickStruct', pickStruct: req.attrs ?? req.thePick.pickStruct };
      break;
    case 'pickText':
      reply.thePick = { oneofKind: 'pickStruct', pickStruct: Struct.fromJson({ text: req.thePick.pickText }) };
      break;
    default:
      reply.thePick = req.otherAttrs ? { oneofKind: 'pickStruct', pickStruct: structOf(plainStruct(req.otherAttrs)) } : req.thePick;
  }
  reply.childItem = { ...req, thePick: { oneofKind: 'pickStruct', pickStruct: { fields: { a: valueOf(req.itemName) } } } };
  return reply;
}

const tryIt = (run: () => Plain | undefined): string => {
  try {
    return show(run());
  } catch {
    return 'refused';
  }
};

export function jsonIt(req: Thing): Thing {
  const linesOut = [
    tryIt(() => Struct.toJson(req.attrs!)), tryIt(() => Struct.toJsonString(req.otherAttrs ?? Struct.create())), tryIt(() => Value.toJson(req.anyValue!)),
    tryIt(() => req.rowValues && ListValue.toJson(req.rowValues)), 
    tryIt(() => plainStruct(Struct.fromJson(JSON.parse(req.itemName)))), tryIt(() => plainStruct(Struct.fromJson(null))), tryIt(() => plainStruct(Struct.fromJson({ a: undefined as never }))),
  ];
  const plain = req.attrs ? plainStruct(req.attrs) : {};
  return Thing.create({
    linesOut,
    attrs: Struct.fromJson(plain),
    otherAttrs: Struct.fromJson({ name: req.itemName, n: 1.5, list: [true, null, { deep: 'x' }], lines: linesOut.length }),
    anyValue: Value.fromJson([plain, req.itemName]),
  });
}
`;

const old = {
  generator: "protobuf-ts",
  definition: "sameDefinition",
  module: "./old/same.grpc-server",
  proto,
} as const;

describe("Struct, Value and ListValue are walked through, handed on and made", () => {
  const programs = testSameBytes(old, handlers, () => ({ runs: 300 }));

  it("as messages of protobuf-es, with JSON in the fields that hold it", () => {
    const { migrated } = programs();
    expect(migrated).not.toContain("oneofKind");
    expect(migrated).toContain("function plainStruct(struct: Struct | undefined)");
    expect(migrated).toContain("const other = req.otherAttrs;");
    expect(migrated).toContain("attrs: structJson(structOf(plainStruct(structMessage(req.attrs)))),");
    expect(migrated).toContain(
      "otherAttrs: { name: req.itemName, n: 1.5, list: [true, null, { deep: 'x' }], lines: linesOut.length },",
    );
    expect(migrated).toContain("tryIt(() => toJson(StructSchema, structMessage(req.attrs!)))");
  });
});

describe("a Struct that came is shown as it was", () => {
  const shows = `
import { Thing, Lines } from './old/same';

export function showIt(req: Thing): Lines {
  const { attrs } = req;
  const kept = req.attrs;
  const linesOut = [JSON.stringify(req.attrs), JSON.stringify({ kept, attrs, value: req.anyValue }), JSON.stringify(req), JSON.stringify(req.valueList)];
  return Lines.create({ linesOut: linesOut.map(String) });
}
`;
  const lines = `service Same { rpc ShowIt(Thing) returns (Lines); }
message Lines { repeated string lines_out = 1; }`;
  testSameBytes({ ...old, proto: proto.replace(/^service[\s\S]*?^}/m, lines) }, shows, () => ({ runs: 300 }));
});

/** A Struct of a field is a copy wherever it is looked at: nobody may change it, or ask which object it is. */
const bridged = {
  "if (req.attrs) req.attrs.fields.seen = text('yes'); return req;":
    "an object of a Struct is changed that is not made here",
  "const s = req.attrs ?? Struct.create(); s.fields.x = text('y'); return Thing.create({ attrs: s });":
    "an object of a Struct is changed that is not made here (`s.fields`)",
  "const s = Struct.create(); const t = s; t.fields.x = text('y'); return Thing.create({ attrs: s });":
    "an object of a Struct is changed that is not made here (`t.fields`)",
  "const s = Struct.create(); const add = (k: string) => { s.fields[k] = text(k); }; add('a'); return Thing.create({ attrs: s });":
    "an object of a Struct is changed that is not made here (`s.fields`)",
  "const s = Struct.create(); const reply = Thing.create({ attrs: s }); s.fields.late = text('l'); return reply;":
    "an object of a Struct is changed once it is handed on (`s`)",
  "const all: Thing[] = []; const s = Struct.create(); for (const one of req.linesOut) { s.fields[one] = text(one); all.push(Thing.create({ attrs: s })); } return Thing.create({ subItems: all });":
    "an object of a Struct is changed once it is handed on (`s`)",
  "const v: Value = { kind: { oneofKind: undefined } }; const s: Struct = { fields: { v } }; v.kind = { oneofKind: 'boolValue', boolValue: true }; return Thing.create({ attrs: s });":
    "an object of a Struct is changed once it is handed on (`v`)",
  "for (const v of Object.values(req.attrs?.fields ?? {})) if (v.kind.oneofKind === 'stringValue') v.kind.stringValue = 'x'; return req;":
    "an object of a Struct is changed that is not made here (`v.kind.stringValue`)",
  "const put = (fields: Record<string, Value>) => { fields['p'] = text('p'); }; put(req.attrs?.fields ?? {}); return req;":
    "a list or map of a Struct is changed that is not made here (`fields`)",
  "const { fields } = req.attrs ?? Struct.create(); delete fields.a; return req;":
    "a list or map of a Struct is changed that is not made here (`fields`)",
  "const k = req.attrs?.fields.a?.kind; if (k?.oneofKind === 'listValue') { const { values } = k.listValue; values.length = 0; } return req;":
    "a list or map of a Struct is changed that is not made here (`values`)",
  "const f: Record<string, Value> = {}; const reply: Thing = { ...Thing.create(), attrs: { fields: f } }; f.x = text('y'); return reply;":
    "a part of a message that is shared now or then, and changes elsewhere (`f`)",
  "const s: Struct = { fields: req.attrs?.fields ?? {} }; s.fields.x = text('y'); return Thing.create({ attrs: s });":
    "a part of a message that is shared now or then, and changes elsewhere",
  "return Thing.create({ itemName: String(req.attrs === req.otherAttrs) });":
    "an object of a Struct is compared with another",
  "const seen = new Set([req.attrs]); return Thing.create({ itemName: String(seen.has(req.attrs)) });":
    "an object of a Struct is compared with another",
  "return Thing.create({ itemName: req.attrs?.fields.a?.kind.oneofKind === 'stringValue' ? req.attrs.fields.a.kind.stringValue : 'no' });":
    "a value of a Struct whose kind is asked for elsewhere: keep it in a variable",
  "const fields = req.childItem?.attrs!.fields; return Thing.create({ linesOut: Object.keys(fields ?? {}) });":
    "a part of a Struct that may not be there",
  "return Thing.create({ attrs: { fields: { a: (req.valueList as Value[])[3]! } } });":
    "an element of a list that may be absent",
  "return Thing.create({ attrs: Struct.clone(req.attrs!) });":
    "a message is copied that may not be there (`req.attrs!`)",
  "return Thing.create({ structs: req.attrs ? [req.attrs] : [] });":
    "structs is a google.protobuf.Struct in a list, a map or a oneof",
  "return Thing.create({ itemName: JSON.stringify(req.attrs), attrs: { fields: {} } });":
    "a message is shown that the program may have made or changed",
  "return Thing.create({ itemName: Thing.toJsonString(req) });": "JSON of a NullValue in a field",
  "return Thing.create({ attrs: Struct.fromJsonString(req.itemName) });":
    "what fromJsonString of a message does is not followed",
  "const any: any = req.attrs; return Thing.create({ itemName: any?.fields?.a?.kind?.oneofKind });":
    "a message goes where something else is asked for (`req.attrs`)",
};

it("what is not proved stays, with the reason", { timeout: 120_000 }, async () => {
  const bodies = Object.entries(bridged);
  const services = bodies.map((_, at) => `service Same${at} { rpc EchoIt(Thing) returns (Thing); }`).join("\n");
  const withLists = proto.replace("message Thing {", "message Thing { repeated google.protobuf.Struct structs = 15;");
  const files = { "proto/same.proto": withLists.replace(/^service[\s\S]*?^}/m, services) };
  using project = typedProject("protobuf-ts", files);
  bodies.forEach(([body], at) => {
    const handlers = `import { Thing } from './old/same';
import { Struct, Value } from './old/google/protobuf/struct';
const text = (stringValue: string): Value => ({ kind: { oneofKind: 'stringValue', stringValue } });
export function echoIt(req: Thing): Thing { ${body} }
`;
    const server = `
import { createApp } from '@connect-migrate/runtime/node';
import { grpcJsMessages } from '@connect-migrate/runtime/grpc-js';
import { Same${at} } from './gen/same_pb';
import { same${at}Definition } from './old/same.grpc-server';
import { echoIt } from './handlers${at}';
export const app = createApp({ routes(router) {
  router.service(Same${at}, { echoIt }, { messages: grpcJsMessages(same${at}Definition) });
} });
`;
    writeFileSync(join(project.root, `handlers${at}.ts`), handlers);
    writeFileSync(join(project.root, `server${at}.ts`), server);
  });
  const { findings } = await migrateMessages(project.root);
  bodies.forEach(([, why], at) => {
    const finding = findings.find(({ file }) => file.endsWith(`server${at}.ts`));
    expect(`${finding?.outcome}: ${finding?.reason?.text}`).toContain(why);
  });
});

it("what two services have in common stays with the one that stays", { timeout: 60_000 }, async () => {
  const services = "service A { rpc Go(Thing) returns (Thing); }\nservice B { rpc Go(Other) returns (Other); }";
  const other = "message Other { string item_name = 1; google.protobuf.Struct attrs = 2; }";
  const handler = (of: string, name: string, before = "") => `import { ${of} } from './old/same';
import { merged } from './helper';
export function ${name}(req: ${of}): ${of} { ${before}return ${of}.create({ attrs: merged(req.attrs) }); }
`;
  const project = (before: string) =>
    typedProject("protobuf-ts", {
      "proto/same.proto": `${proto.replace(/^service[\s\S]*?^}/m, services)}${other}\n`,
      "helper.ts": `import type { Struct } from './old/google/protobuf/struct';
export const merged = (struct: Struct | undefined): Struct => ({ fields: { ...struct?.fields } });
`,
      "a.ts": handler("Thing", "goA"),
      "b.ts": handler("Other", "goB", before),
      "server.ts": `
import { createApp } from '@connect-migrate/runtime/node';
import { grpcJsMessages } from '@connect-migrate/runtime/grpc-js';
import { A, B } from './gen/same_pb';
import { aDefinition, bDefinition } from './old/same.grpc-server';
import { goA } from './a';
import { goB } from './b';
export const app = createApp({ routes(router) {
  router.service(A, { go: goA }, { messages: grpcJsMessages(aDefinition) });
  router.service(B, { go: goB }, { messages: grpcJsMessages(bDefinition) });
} });
`,
    });
  using both = project("");
  const native = await migrateMessages(both.root);
  expect(native.findings.map(({ outcome }) => outcome)).toEqual(["idiomatic", "idiomatic"]);
  using one = project("console.log(Other.is(req)); ");
  const { findings } = await migrateMessages(one.root);
  expect(findings.map(({ reason }) => reason?.text)).toEqual([
    expect.stringContaining("a part of a Struct, of a message that stays as it is (`merged(req.attrs)`)"),
    expect.stringContaining("what is of a message does is not followed"),
  ]);
});
