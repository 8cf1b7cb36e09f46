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

/** A store whose functions are all that other files see of it: what goes in came from the peer, so its oneofs may be asked. */
const functions = {
  "kept.js": `const byName = new Map();
exports.save = function save(thing) { byName.set(thing.item_name, thing); return byName.get(thing.item_name); };
exports.all = () => [...byName.values()];
`,
  "handlers.js": `const kept = require('./kept');
function putIt(req) {
  if (req.is_on) throw new Error('off first');
  return kept.save(req);
}
function listIt(req) {
  const things = [];
  for (const one of kept.all()) {
    if (req.of_kind !== 'KIND_UNKNOWN' && one.item_kind !== req.of_kind) continue;
    if (one.pick === 'pick_text') things.push({ item_name: one.item_name, pick_text: one.pick_text, tag_list: [...one.tag_list, \`of \${one.pick_text}\`] });
    else things.push({ item_name: one.item_name, pick_part: one.pick_part });
  }
  return { things };
}
module.exports = { putIt, listIt };
`,
};

/** The same behind the methods of a class, whose names others have as well; lists of what the program made are received ones. */
const classes = {
  "kept.js": `class Kept {
  constructor() { this.things = new Map(); }
  get(name) { return this.things.get(name); }
  save(thing) { this.things.set(thing.item_name, thing); return thing; }
}
module.exports = { Kept };
`,
  "sums.js": "exports.sizeOf = (parts) => parts.reduce((sum, part) => sum + part.size, 0);\n",
  "headers.js": "module.exports = (metadata) => metadata.get('x-id');\n",
  "handlers.js": `const { Kept } = require('./kept');
const sums = require('./sums');
const kept = new Kept();
function putIt(req) {
  const { item_name, part_list, ...rest } = req;
  if (req.is_on) throw new Error('off first');
  const thing = { ...rest, item_name: item_name.slice(0, 1), part_list, big_count: String(sums.sizeOf(part_list)), num_map: { all: part_list.length } };
  kept.save(thing);
  return kept.save({ item_name: 'z' + thing.item_name, part_list: req.part_list, tag_list: ['new'], big_count: '1', num_map: {} });
}
function getIt(req) {
  const thing = kept.get(req.item_name.slice(0, 1));
  if (!thing) throw new Error('none');
  const counts = {};
  for (const one of thing.part_list) counts[one.part_name] = (counts[one.part_name] || 0) + 1;
  if (!req.in_its_place) return { item_name: thing.item_name, num_map: counts };
  const part = req.in_its_place.main_part;
  const same = thing.part_list.find((one) => part && one.part_name === part.part_name);
  if (same) same.size += part.size;
  else if (part) thing.part_list.push(part);
  thing.big_count = String(sums.sizeOf(thing.part_list));
  return thing;
}
module.exports = { putIt, getIt };
`,
};

describe("messages that are kept behind functions of another file", () => {
  it("are followed through the methods of a class", { timeout: 60_000 }, async () => {
    using programs = await loaderPrograms("keep.v1.Keep", { "service.proto": keepProto, ...classes });
    expect(programs.migrated).toContain("same.size = (same.size + part.size) | 0;");
    await expectSameAnswers(programs, 500);
  });

  it("are followed through them", { timeout: 60_000 }, async () => {
    using programs = await loaderPrograms("keep.v1.Keep", { "service.proto": keepProto, ...functions });
    expect(programs.migrated).toContain("one.itemKind !== req.ofKind");
    expect(programs.migrated).toContain("return kept.save(req);");
    await expectSameAnswers(programs, 500);
  });
});

/** Whole numbers that are counted in what is kept, and messages that are taken out of lists by patterns. */
const counting = `
const byName = new Map();
const all = [];
function putIt(req) {
  if (req.use_count < 0) throw new Error('less than none');
  byName.set(req.item_name.slice(0, 1), req);
  all.push({ item_name: req.item_name, use_count: all.length, left_count: 4, tag_list: [], big_count: '7' });
  return all[all.length - 1];
}
function findIt(req) {
  const thing = byName.get(req.item_name.slice(0, 1));
  if (!thing) throw new Error('none of ' + byName.size);
  thing.use_count += req.item_name.length * 2;
  thing.left_count++;
  if (thing.use_count > 5) thing.use_count -= 5 - req.item_name.length;
  if (req.in_its_place && req.in_its_place.main_part) thing.part_list.push(req.in_its_place.main_part);
  thing.part_list.unshift({ part_name: req.item_name, size: thing.part_list.length });
  if (thing.part_list.find((one) => one.part_name.length > 3)) thing.item_name += thing.part_list[0].part_name;
  thing.big_count = String(Number(thing.big_count) + 1);
  return thing;
}
function getIt(req) {
  const [first, other] = all.filter((one) => one.item_name.length > req.item_name.length);
  if (!first) throw new Error('none');
  --first.use_count;
  first.left_count = first.left_count + first.item_name.length;
  return other || first;
}
const kept = new Map();
function makeIt(req) {
  const { item_name, tag_list, ...rest } = req;
  kept.set(item_name.slice(0, 1), { ...rest, item_name: item_name.trim(), tag_list: [item_name, ...tag_list, \`\${rest.use_count}\`] });
  return kept.get(item_name.slice(0, 1));
}
function listIt(req) {
  all.forEach((one) => one.use_count++);
  if (all.length > 0) all[0].use_count += 2;
  for (const one of byName.values()) {
    one.num_list.push(one.use_count, 7);
    one.num_map[req.item_name] = one.num_list.length;
    if (req.more) delete one.num_map.a;
    if (one.num_list.length > 4) one.main_part = null;
    else if (!one.main_part) one.main_part = { part_name: 'new', size: one.num_list.length };
    else if (one.main_part.size > 3) one.main_part = req.more ? one.pick_part || { part_name: req.item_name, size: 1 } : { part_name: one.main_part.part_name, size: 0 };
  }
  return { things: [...byName.values()].filter((one) => one.main_part && one.main_part.part_name), others: all, how_many: all.length };
}
function dropIt(req) {
  const [gone] = all.splice(0, 1);
  return { lines_out: [gone ? \`\${gone.item_name} \${gone.use_count} \${gone.big_count}\` : 'none'], line_count: all.length };
}
module.exports = { putIt, findIt, getIt, listIt, dropIt, makeIt };
`;

describe("messages that are counted in", () => {
  it("are counted up and down, and taken out of lists", { timeout: 60_000 }, async () => {
    using programs = await loaderPrograms("keep.v1.Keep", { "service.proto": keepProto, "handlers.js": counting });
    expect(programs.migrated).toContain("thing.useCount = (thing.useCount + (req.itemName.length * 2)) | 0;");
    expect(programs.migrated).toContain("thing.leftCount = (thing.leftCount + 1) >>> 0;");
    expect(programs.migrated).toContain("thing.useCount = (thing.useCount - (5 - req.itemName.length)) | 0;");
    await expectSameAnswers(programs, 800);
  });

  it.each([
    ["a fraction", "thing.use_count += 0.5;"],
    ["a text", "thing.use_count += req.item_name;"],
    ["less than none, of an unsigned one", "thing.left_count--;"],
    ["what is looked at", "if (thing.use_count++ > 3) throw new Error('many');"],
    ["what the message may not have", "all[0].use_count++;"],
    ["a list that gets a part of a message", "thing.part_list.push({ part_name: 'a' });"],
    ["a list that gets what may be absent", "thing.part_list.push({ part_name: 'a', size: req.nothing });"],
    ["a list that gets a fraction", "thing.num_list.push(thing.num_list.length / 2);"],
    ["a list that a function changes", "add(thing.num_list, 0.5);"],
    ["a list that a callback changes", "thing.num_list.forEach((one, index, list) => { list[index] = one / 2; });"],
    ["a map that gets a fraction", "thing.num_map.half = 0.5;"],
    ["a map that gets what is not looked at", "Object.assign(thing.num_map, { half: 0.5 });"],
  ])("stay on the bridge where it is %s", { timeout: 60_000 }, async (_, code) => {
    const source = `const add = (list, one) => { list.push(one); };\nconst byName = new Map();\nconst all = [{ item_name: 'a' }];\nfunction putIt(req) { byName.set(req.item_name, req); return req; }
function getIt(req) { const thing = byName.get(req.item_name); if (!thing) throw new Error('none'); ${code} return all[0]; }\nmodule.exports = { putIt, getIt };\n`;
    const files = { "service.proto": keepProto, "handlers.js": source };
    await expect(loaderPrograms("keep.v1.Keep", files)).rejects.toThrow("bridged");
  });
});

describe("messages of google-protobuf that a module keeps", () => {
  it("are followed through its lists, Maps and objects", { timeout: 120_000 }, async () => {
    using programs = await twoPrograms("same", keepClasses);
    await expectSameAnswers(programs, 1000);
  });
});
