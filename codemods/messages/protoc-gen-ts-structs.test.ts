import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
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
}
message Thing {
  string item_name = 1;
  google.protobuf.Struct attrs = 2;
  google.protobuf.Struct other_attrs = 3;
  google.protobuf.Value any_value = 4;
  google.protobuf.ListValue row_values = 5;
  repeated google.protobuf.Value value_list = 6;
  Thing child_item = 7;
  repeated Thing sub_items = 8;
  repeated string lines_out = 9;
  google.protobuf.NullValue no_value = 10;
}
`;

const handlers = `
import { google } from './old/google/protobuf/struct';
import { same } from './old/same';
import Value = google.protobuf.Value;

function textOf(value: google.protobuf.Value): string {
  switch (value.kind) {
    case 'string_value':
      return JSON.stringify(value.string_value);
    case 'number_value':
      return String(value.number_value);
    case 'bool_value':
      return value.bool_value ? 'yes' : 'no';
    case 'null_value':
      return value.null_value === google.protobuf.NullValue.NULL_VALUE ? 'null' : 'strange';
    case 'struct_value':
      return textOfStruct(value.struct_value);
    case 'list_value':
      return value.list_value.values.map(textOf).join();
    default:
      return 'none';
  }
}

function textOfStruct(struct: google.protobuf.Struct | undefined): string {
  if (!struct) return 'none';
  const keys = [...struct.fields.keys()].sort();
  return keys.map((key) => { const value = struct.fields.get(key); return value ? key + textOf(value) : key; }).join();
}

export function walkIt(req: same.v1.Thing): same.v1.Thing {
  const lines = [textOfStruct(req.attrs), textOfStruct(req.other_attrs), String(req.has_attrs), JSON.stringify(req.toObject())];
  if (req.has_attrs) {
    const first = req.attrs.fields.get('a');
    if (first !== undefined && first.kind === 'string_value') lines.push(first.string_value.toUpperCase());
    lines.push(String(req.attrs.fields.size), String(req.attrs.fields.has('name')), JSON.stringify(req.attrs.toObject()));
  }
  for (const one of req.sub_items) lines.push(textOfStruct(one.attrs));
  if (req.any_value) lines.push(textOf(req.any_value), String(req.any_value.number_value));
  if (req.has_row_values) lines.push(req.row_values.values.map(textOf).join());
  lines.push(req.value_list.map((one) => (one.has_string_value ? one.string_value : one.kind)).join(), String(req.no_value));
  return new same.v1.Thing({ lines_out: lines });
}

export function echoIt(req: same.v1.Thing): same.v1.Thing {
  const reply = new same.v1.Thing({ attrs: req.attrs, any_value: req.any_value, row_values: req.row_values, value_list: req.value_list, no_value: req.no_value });
  reply.other_attrs = req.attrs;
  if (req.has_other_attrs) reply.child_item = new same.v1.Thing({ other_attrs: req.other_attrs });
  reply.sub_items = req.sub_items.map((one) => new same.v1.Thing({ attrs: one.attrs }));
  return reply;
}

const text = (one: string): google.protobuf.Value => new google.protobuf.Value({ string_value: one });

export function makeIt(req: same.v1.Thing): same.v1.Thing {
  const struct = new google.protobuf.Struct();
  struct.fields.set('name', text(req.item_name));
  const flag = new Value();
  flag.bool_value = req.has_attrs;
  const fields = new Map<string, google.protobuf.Value>();
  for (const one of req.lines_out) fields.set(one, text(one));
  const reply = new same.v1.Thing({
    attrs: struct,
    other_attrs: new google.protobuf.Struct({ fields: new Map([['flag', flag], ['10', new Value({ number_value: NaN })], ['none', new Value()]]) }),
    any_value: new Value({ struct_value: req.has_attrs ? req.attrs : new google.protobuf.Struct({ fields }) }),
    row_values: google.protobuf.ListValue.fromObject({ values: [{ number_value: 1.5 }, { list_value: { values: [{ bool_value: false }] } }] }),
  });
  reply.child_item = same.v1.Thing.fromObject({ item_name: 'x', attrs: { fields: { a: { null_value: 0 }, b: { struct_value: { fields: {} } } } } });
  reply.value_list = [...req.value_list, text('last')];
  return reply;
}
`;

const definition = "same.v1.UnimplementedSameService.definition";
const programs = testSameBytes(
  { generator: "protoc-gen-ts", definition, module: "./old/same", proto },
  handlers,
  () => ({ runs: 200 }),
);

it("nothing of protoc-gen-ts is left", () => {
  const { migrated } = programs();
  expect(migrated).not.toMatch(/\bsame\.v1|google\.protobuf|_value\b|\bhas_/);
  expect(migrated).toContain("const lines = [textOfStruct(structMessage(req.attrs!)), ");
  expect(migrated).toContain("reply.otherAttrs = req.attrs;");
  expect(migrated).toContain("attrs: structJson(struct),");
});

/** A Struct of a field is a copy wherever it is looked at, and an object has its keys in another order than a Map. */
const bridged = {
  "if (req.has_attrs) req.attrs.fields.set('a', text('x')); return req;":
    "an object of a Struct is changed that is not made here (`req.attrs.fields`)",
  "const s = req.has_attrs ? req.attrs : new google.protobuf.Struct(); s.fields.set('x', text('y')); return new same.v1.Thing({ attrs: s });":
    "an object of a Struct is changed that is not made here (`s.fields`)",
  "const s = new google.protobuf.Struct(); const reply = new same.v1.Thing({ attrs: s }); s.fields.set('a', text('b')); return reply;":
    "an object of a Struct is changed once it is handed on (`s`)",
  "const v = new google.protobuf.Value(); const s = new google.protobuf.Struct({ fields: new Map([['v', v]]) }); v.bool_value = true; return new same.v1.Thing({ attrs: s });":
    "an object of a Struct is changed once it is handed on (`v`)",
  "for (const value of req.value_list) value.string_value = 'x'; return req;":
    "an object of a Struct is changed that is not made here (`value.string_value`)",
  "if (req.has_attrs) { const m = req.attrs.fields; m.set('a', text('x')); } return req;":
    "a list or map of a Struct is changed that is not made here (`m`)",
  "const put = (m: Map<string, google.protobuf.Value>): void => { m.set('a', text('x')); }; if (req.has_attrs) put(req.attrs.fields); return req;":
    "a map goes where it cannot be followed (`req.attrs.fields`)",
  "const put = (all: google.protobuf.Value[]): void => { all.push(text('x')); }; if (req.has_row_values) put(req.row_values.values); return req;":
    "a list or map of a Struct is changed that is not made here (`all`)",
  "if (req.has_attrs) for (const one of [req.attrs]) one.fields.delete('a'); return req;":
    "an object of a Struct is changed that is not made here (`one.fields`)",
  "return new same.v1.Thing({ item_name: String(req.attrs === req.other_attrs) });":
    "an object of a Struct is compared with another",
  "return new same.v1.Thing({ lines_out: req.has_attrs ? [...req.attrs.fields.keys()] : [] });":
    "a map is gone through in the order in which its entries came",
  "const lines: string[] = []; if (req.has_attrs) for (const [key] of req.attrs.fields) lines.push(key); return new same.v1.Thing({ lines_out: lines });":
    "a map is gone through in the order in which its entries came",
  "const value = req.has_attrs ? req.attrs.fields.get(req.item_name) : undefined; return new same.v1.Thing({ any_value: value });":
    "a key of a map that cannot be written twice",
};

it("what is not proved stays, with the reason", { timeout: 120_000 }, async () => {
  const bodies = Object.entries(bridged);
  const services = bodies.map((_, at) => `service Same${at} { rpc EchoIt(Thing) returns (Thing); }`).join("\n");
  using project = typedProject("protoc-gen-ts", {
    "proto/same.proto": proto.replace(/^service[\s\S]*?^}/m, services),
  });
  bodies.forEach(([body], at) => {
    const handlers = `import { google } from './old/google/protobuf/struct';
import { same } from './old/same';
const text = (one: string): google.protobuf.Value => new google.protobuf.Value({ string_value: one });
export function echoIt(req: same.v1.Thing): same.v1.Thing { text('used'); ${body} }
`;
    const server = `
import { createApp } from '@connect-migrate/runtime/node';
import { grpcJsMessages } from '@connect-migrate/runtime/grpc-js';
import { Same${at} } from './gen/same_pb';
import { same } from './old/same';
import { echoIt } from './handlers${at}';
export const app = createApp({ routes(router) {
  router.service(Same${at}, { echoIt }, { messages: grpcJsMessages(same.v1.UnimplementedSame${at}Service.definition) });
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
