import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { migrateMessages } from "./testing/migrate-messages.js";
import { typedProject } from "./testing/typed-project.js";

const program = (code: string) => `import { createApp } from '@connect-migrate/runtime/node';
import { grpcJsMessages } from '@connect-migrate/runtime/grpc-js';
import { Same } from './gen/same_pb';
import { same } from './old/same';

type Thing = same.v1.Thing;
${code}

export const app = createApp({ routes(router) {
  router.service(Same, { echoIt }, { messages: grpcJsMessages(same.v1.UnimplementedSameService.definition) });
} });
`;

/** Many programs, each a file of one project: their messages never meet. */
async function reasons(codes: readonly string[], change?: (root: string) => void) {
  const files = Object.fromEntries(codes.map((code, index) => [`case${index}.ts`, program(code)]));
  using project = typedProject("protoc-gen-ts", files);
  change?.(project.root);
  const { findings } = await migrateMessages(project.root);
  return codes.map(
    (_, index) => findings.find(({ file }) => file.endsWith(`/case${index}.ts`))?.reason?.text ?? "idiomatic",
  );
}

const echo = (body: string) => `function echoIt(req: Thing): Thing { ${body} return req; }`;
const gives = (reply: string) => `function echoIt(req: Thing): Thing { return ${reply}; }`;
const made = (fields: string) => gives(`new same.v1.Thing({ ${fields} })`);

describe("stays on the bridge, with the reason", async () => {
  const cases = [
    [echo("console.log(req.child_item?.toObject());"), "the object of a message that may not be there"],
    [echo("const it = req.cloneMessage(); it.item_name = 'a';"), "what cloneMessage of a message does"],
    [echo("console.log(req);"), "a message is handed to a package"],
    [echo("JSON.stringify(req.child_item);"), "what JSON.stringify does"],
    [echo("const { opt_num } = req; console.log(opt_num);"), "reads its default if it is not set"],
    [echo("const { child_item } = req; console.log(child_item);"), "reads its default if it is not set"],
    [echo("const { num_map } = req; console.log(num_map);"), "reads its default if it is not set"],
    [echo("req.big_count %= 7;"), "in place"],
    [echo("console.log(req.opt_num++);"), "in place"],
    [echo("req.pick_num++;"), "in place"],
    [echo("for (const [key] of req.num_map) console.log(key);"), "the order in which its entries came"],
    [echo("console.log([...req.num_map].map(([key]) => key).join());"), "the order in which its entries came"],
    [echo("console.log([...req.num_map].map(([key]) => key.length).sort());"), "the order in which its entries came"],
    [echo("console.log([...req.num_map.values(), 1].sort());"), "the order in which its entries came"],
    [
      echo("console.log([...req.num_map.values()].sort((a, b) => a % 2 - b % 2));"),
      "the order in which its entries came",
    ],
    [echo("console.log([...req.num_map].sort(([, a], [, b]) => a - b));"), "the order in which its entries came"],
    [
      echo("let n = 0; console.log([...req.num_map.keys()].every((key) => (n += key.length) < 9));"),
      "its entries came",
    ],
    [echo("req.num_map.forEach((one) => console.log(one));"), "the order in which its entries came"],
    [echo("console.log([...req.num_map.keys()]);"), "the order in which its entries came"],
    [echo("req.num_map.clear();"), "what clear of a map does"],
    [echo("console.log(req.num_map.get(String(req.u_num)));"), "a key of a map that cannot be written twice"],
    [echo("const map: Map<string, number> = req.num_map; console.log(map.size);"), "a map that is taken apart"],
    [made("num_map: new Map([['__proto__', 1]])"), "a key that an object has not"],
    [echo("req.num_map.set('__proto__', 1);"), "a key that an object has not"],
    [made("num_map: new Map(JSON.parse('[]'))"), "nothing proves what this map holds"],
    [
      "const all = new Map<string, number>();\nfunction echoIt(req: Thing): Thing { return new same.v1.Thing({ num_map: all }); }",
      "a Map that may change",
    ],
    [
      "function echoIt(req: Thing): Thing { const all = new Map<string, number>(); const it = new same.v1.Thing({ num_map: all }); all.set('a', 1); return it; }",
      "a Map that may change",
    ],
    [echo("console.log(req.child_item?.the_pick);"), "is used as a value"],
    [echo("req.pick_text = 'a'; console.log(req.the_pick);"), "is used as a value"],
    [echo("console.log(req.child_item?.big_count);"), "a number that may be absent"],
    [echo("if (req.the_pick) console.log('always');"), "is used as a value"],
    [echo("req.pick_text = 'a'; console.log(req.has_pick_num);"), "another one was set before"],
    [echo("req.pick_text = 'a'; console.log(req.pick_num);"), "another one was set before"],
    [made("pick_item: req.child_item"), "a member of a oneof that may be absent"],
    [echo("req.pick_item = req.child_item;"), "a value that may be absent"],
    [made("sub_items: [req.child_item]"), "an element of a list that may be absent"],
    [made("item_map: new Map([['a', req.child_item]])"), "a value of a map that may be absent"],
    [made("tag_list: [same.v1.Kind[req.item_kind]]"), "an element of a list that may be absent"],
    [made("tag_list: req.kind_list.map((kind) => same.v1.Kind[kind])"), "an element of a list that may be absent"],
    [echo("const [, b] = req.item_name.split('b'); req.tag_list.push(b);"), "an element of a list that may be absent"],
    [echo("req.pick_text = req.item_name.split('b')[1];"), "a value that may be absent"],
    [made("sub_items: [req.sub_items[0]]"), "an element of a list that may be absent"],
    [gives("req.child_item"), "a message that may not be there is sent"],
    [
      "function childOf(it: Thing): Thing { return it.child_item; }\nfunction echoIt(req: Thing): Thing { return childOf(req); }",
      "a message that may not be there is sent",
    ],
    [echo("const name: string = req.child_item && req.child_item.item_name; console.log(name);"), "what && gives"],
    [echo("const name: string = req.child_item?.item_name; console.log(name);"), "which its type did not say"],
    [echo("if (req.child_item instanceof same.v1.Thing) console.log('thing');"), "the functions of a message"],
    [echo("const { v1 } = same; console.log(new v1.Thing().item_name);"), "a namespace of generated code"],
    [`const old = same.v1;\n${echo("console.log(Object.keys(old));")}`, "a namespace of generated code"],
    [echo("const Made = same.v1.Thing; console.log(new Made().item_name);"), "the functions of a message"],
    [
      "class Big extends same.v1.Thing {}\nfunction echoIt(req: Thing): Thing { return new Big(); }",
      "nothing proves that this is a same.v1.Thing",
    ],
    [gives("new same.v1.Thing(Object.assign({}, { item_name: 'a' }))"), "an object that is not written out"],
    [made("...JSON.parse('{}')"), "is spread"],
    [gives("same.v1.Thing.fromObject({ child_item: req })"), "in place of an object that one is made of"],
    [gives("same.v1.Thing.fromObject(req.toObject())"), "an object that is not written out"],
    [echo("const big: same.v1.Thing['big_count'] = 3; console.log(big);"), "a type is made of"],
    [echo("const part: Partial<same.v1.Thing> = {}; console.log(part.item_name);"), "a type is made of"],
    [echo("console.log(Object.values(same.v1.Kind));"), "an enum is used in another way"],
    [echo("req.raw_data = JSON.parse('[]');"), "a bytes"],
    [made("big_count: JSON.parse('1')"), "a whole number"],
  ] as const;
  const found = await reasons(cases.map(([code]) => code));

  it.each(cases.map(([code, why], index) => ({ code, why, reason: found[index] })))("$code", ({ why, reason }) => {
    expect(reason).toContain(why);
  });
});

it.each([
  ["int64 big_count = 2", "int32 big_count = 2", "big_count of Thing is written as Int64 in"],
  ["repeated string tag_list = 12", "string tag_list = 12", "tag_list of Thing is written as RepeatedString in"],
  ["bool is_on = 16;", "", "writes field 16, and the .proto has no such field"],
  ["bool is_on = 16;", "bool is_on = 16; bool is_new = 90;", "writes no is_new in Thing"],
])("generated code that the .proto says otherwise: %s", async (before, after, why) => {
  const [reason] = await reasons([echo("console.log(req.item_name);")], (root) => {
    const proto = join(root, "proto/same.proto");
    writeFileSync(proto, readFileSync(proto, "utf8").replace(before, after));
  });
  expect(reason).toContain(why);
});
