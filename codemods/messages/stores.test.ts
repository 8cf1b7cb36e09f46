import { describe, expect, it } from "vitest";
import { expectSameAnswers, keepClasses, keepHandlers, keepProto } from "./testing/keeping-programs.js";
import { loaderPrograms } from "./testing/loader-programs.js";
import { twoPrograms } from "./testing/two-programs.js";

describe("messages of proto-loader that a module keeps", () => {
  it("are followed through its lists, Maps and objects", { timeout: 120_000 }, async () => {
    using programs = await loaderPrograms("keep.v1.Keep", { "service.proto": keepProto, "handlers.js": keepHandlers });
    expect(programs.migrated).not.toMatch(/\.item_name\b/);
    await expectSameAnswers(programs, 1500);
  });
});

/** Stores that have all their messages from the beginning: nothing is put in. */
const written = `
const all = [
  { item_name: 'a', big_count: '5', item_kind: 'KIND_BLUE', main_part: { part_name: 'p', size: 3 }, tag_list: ['x'], pick_text: 'one' },
  { item_name: 'b', big_count: '7', item_kind: 'KIND_RED_ONE', main_part: { part_name: 'q', size: 4 }, tag_list: [], is_on: true },
];
const byName = new Map([['a', { item_name: 'A', tag_list: ['y'], num_map: { k: 1 } }], ['b', { item_name: 'B', tag_list: [] }]]);
const byKey = { a: { item_name: 'first', tag_list: [] }, b: { item_name: 'second', tag_list: ['z'] } };
let left = [{ item_name: 'c', main_part: { part_name: 'r' } }, { item_name: 'd', main_part: { part_name: 's' } }];

function findIt(req) {
  const found = all.find((one) => one.item_name.length === 1 && (one.item_name === 'b') === req.more);
  if (!found || req.of_kind === 'KIND_UNKNOWN') throw new Error('none of ' + all.length);
  found.item_kind = req.of_kind;
  return found;
}
function getIt(req) {
  const thing = req.more ? byName.get(req.more ? 'a' : 'b') : byKey[req.item_name.length > 1 ? 'b' : req.item_name];
  if (!thing) throw new Error('nothing of ' + Object.keys(byKey).join() + byName.size);
  thing.tag_list.push(req.item_name.slice(0, 1));
  return thing;
}
function listIt(req) {
  if (req.more) return { things: [...byName.values()], others: Object.values(byKey) };
  left = left.filter((one) => one.item_name !== req.item_name);
  return { things: all.filter((one) => one.item_kind === req.of_kind), others: left, how_many: all.length, first: all[0] };
}
function tellIt(req) {
  return { lines_out: all.map((one) => \`\${one.item_name} \${one.tag_list.join()} \${one.main_part.size}\`), line_count: left.length };
}

module.exports = { findIt, getIt, listIt, tellIt };
`;

describe("messages of proto-loader that a module begins with", () => {
  it("are followed, though nothing is put in", { timeout: 120_000 }, async () => {
    using programs = await loaderPrograms("keep.v1.Keep", { "service.proto": keepProto, "handlers.js": written });
    expect(programs.migrated).not.toMatch(/\bitem_name\b/);
    await expectSameAnswers(programs, 800);
  });

  it.each([
    ["has no such field", "{ item_name: 'a', id: 7 }"],
    ["is something else", "'a'"],
    ["is made elsewhere", "...require('./rows.json')"],
  ])("stay on the bridge where one %s", { timeout: 60_000 }, async (_, one) => {
    const code = `const all = [${one}];\nfunction listIt(req) { return { things: all }; }\nmodule.exports = { listIt };\n`;
    await expect(loaderPrograms("keep.v1.Keep", { "service.proto": keepProto, "handlers.js": code })).rejects.toThrow(
      "bridged",
    );
  });
});

/** Messages that are looked up without a look at whether they are there, and written to in ways that keep what they have. */
const unasked = `
const byName = new Map();
const all = [];
async function load(name) { return byName.get(name.slice(0, 1)); }
function first(name) { if (name.length > 2) return all.find((one) => one.item_name === name); }

function putIt(req) {
  const { item_name, main_part = { part_name: 'none' }, item_kind = 'KIND_BLUE' } = req;
  byName.set(item_name.slice(0, 1), req);
  all.push({ item_name, main_part, item_kind, tag_list: [] });
  return req.is_on ? byName.get('x') : all[all.length - 1];
}
function findIt(req) {
  const thing = byName.get(req.item_name.slice(0, 1));
  if (!thing) throw new Error('none of ' + byName.size);
  const { in_its_place: other } = req;
  if (req.of_kind) thing.item_kind = req.of_kind;
  thing.item_name = req.item_name.trim() || thing.item_name;
  thing.item_name += '+';
  if (other && other.main_part) thing.main_part = other.main_part;
  return thing;
}
async function getIt(req) { return load(req.item_name); }
function listIt(req) {
  let found = all;
  if (req.more) found = found.filter((one) => one.item_name.length > 1);
  return { things: found, how_many: found.length, first: first(req.item_name) };
}

module.exports = { putIt, findIt, getIt, listIt };
`;

describe("messages of proto-loader that are looked up and sent", () => {
  it("are refused as before where there is none", { timeout: 120_000 }, async () => {
    using programs = await loaderPrograms("keep.v1.Keep", { "service.proto": keepProto, "handlers.js": unasked });
    expect(programs.migrated).toContain(
      "return (await load(req.itemName)) ?? protoLoaderMessage(ThingSchema, undefined)",
    );
    await expectSameAnswers(programs, 1200);
  });
});

describe("a message that may not be in its store", () => {
  const finds = (test: string) =>
    `const all = [];\nconst byName = new Map();\nfunction putIt(req) { all.push(req); byName.set(req.item_name, req); return req; }\nconst pick = (name) => byName.get(name);\n${test}\nmodule.exports = { putIt, getIt };\n`;
  const missing = "throw new Error('none')";

  it.each([
    [
      "compared with undefined",
      `const found = byName.get(req.item_name); if (found === undefined) ${missing}; return found;`,
    ],
    ["compared loosely", `const found = pick(req.item_name); if (found == null) ${missing}; return found;`],
    [
      "compared with both",
      `const found = pick(req.item_name); if (found === null || found === undefined) ${missing}; return found;`,
    ],
    [
      "compared with the null that stands for it",
      `const found = byName.get(req.item_name) ?? null; if (found === null) ${missing}; return found;`,
    ],
    [
      "tested",
      `const found = all.find((one) => one.item_name === req.item_name); if (found) return found; ${missing};`,
    ],
  ])("may be sent where it is %s", { timeout: 60_000 }, async (_, body) => {
    const text = finds(`function getIt(req) { ${body} }`);
    using programs = await loaderPrograms("keep.v1.Keep", { "service.proto": keepProto, "handlers.js": text });
    await expectSameAnswers(programs, 300);
  });

  it.each([
    ["a Map", `const found = byName.get(req.item_name); if (found === null) ${missing}; return found;`],
    ["a function", `const found = pick(req.item_name); if (found === null) ${missing}; return found;`],
    [
      "a search",
      `const found = all.find((one) => one.is_on && one.item_name === req.item_name); if (found !== null) return found; ${missing};`,
    ],
  ])("is refused as before where what %s gives is only compared with null", { timeout: 60_000 }, async (_, body) => {
    const text = finds(`function getIt(req) { ${body} }`);
    using programs = await loaderPrograms("keep.v1.Keep", { "service.proto": keepProto, "handlers.js": text });
    expect(programs.migrated).toContain("return found ?? protoLoaderMessage(ThingSchema, undefined)");
    await expectSameAnswers(programs, 300);
  });
});

/** The same program, whose stores stand in a file of their own. */
const exported = {
  "kept.js": `const all = [];
const byName = new Map();
const byKey = {};
const seen = new Set();
module.exports = { all, byName, byKey, seen };
`,
  "handlers.js": keepHandlers
    .replace(
      /const all = \[\];\nconst byName = .*\nconst byKey = .*\nconst seen = .*\n/,
      "const { all, seen } = require('./kept');\nconst kept = require('./kept');\n",
    )
    .replaceAll(/\bbyName\b/g, "kept.byName")
    .replaceAll(/\bbyKey\b/g, "kept.byKey"),
};

describe("messages that a module keeps for others", () => {
  it("are followed in all files", { timeout: 120_000 }, async () => {
    using programs = await loaderPrograms("keep.v1.Keep", { "service.proto": keepProto, ...exported });
    expect(programs.migrated).not.toMatch(/\.item_name\b/);
    await expectSameAnswers(programs, 1500);
  });

  it.each([
    ["is handed on", "console.log(require('./kept'));"],
    ["is looked into", "require('./kept').all.join();"],
    ["gets something else", "require('./kept').byName.set('a', {}.nothing);"],
  ])("stay on the bridge where one %s", { timeout: 60_000 }, async (_, code) => {
    const files = { "service.proto": keepProto, ...exported, "other.js": `${code}\n` };
    await expect(loaderPrograms("keep.v1.Keep", files)).rejects.toThrow("bridged");
  });
});

describe("messages of google-protobuf that a module keeps", () => {
  it("are followed through its lists, Maps and objects", { timeout: 120_000 }, async () => {
    using programs = await twoPrograms("same", keepClasses);
    await expectSameAnswers(programs, 1000);
  });
});
