import { describe, expect, it } from "vitest";
import { expectSameAnswers, keepClasses, keepHandlers, keepProto } from "./testing/keeping-programs.js";
import { loaderPrograms } from "./testing/loader-programs.js";
import { twoPrograms } from "./testing/two-programs.js";

/** The variables of a program become fields of a class, by the names that `fieldOf` gives them; how it begins is `begin`'s matter. */
function asClass(
  program: string,
  begin: (fields: readonly (readonly [string, string])[]) => string,
  hash = "",
): string {
  const fields = [...program.matchAll(/^(?:const|let) (\w+) = (\[\]|\{\}|new \w+\(\)|Object\.create\(null\));\n/gm)];
  const names = fields.map(([, name = ""]) => name);
  const methods = [...program.matchAll(/^function (\w+)\(req\) \{\n[\s\S]*?^\}/gm)];
  const body = methods
    .map(([text]) =>
      text
        .replace(/^function /, "")
        .replaceAll(new RegExp(`\\b(?<![^.]\\.|['\`] ?)(${names.join("|")})\\b(?!:)`, "g"), `this.${hash}$1`),
    )
    .join("\n");
  const called = methods.map(([, name = ""]) => `const ${name} = keep.${name}.bind(keep);`).join("\n");
  const top = program
    .slice(0, program.search(/^function \w+\(req\)/m))
    .replaceAll(/^(?:const|let) \w+ = (\[\]|\{\}|new \w+\(\)|Object\.create\(null\));\n/gm, "");
  const exported = /module\.exports = .*/.exec(program)?.[0] ?? "";
  return `${top}
class Keep {
${begin(fields.map(([, name = "", made = ""]) => [name, made]))}
${body}
}
const keep = new Keep();
${called}
${exported}
`;
}

const inConstructor = (fields: readonly (readonly [string, string])[]) =>
  `constructor() {\n${fields.map(([name, made]) => `this.${name} = ${made};`).join("\n")}\n}`;
const declared = (fields: readonly (readonly [string, string])[]) =>
  fields.map(([name, made]) => `${name} = ${made};`).join("\n");
const hidden = (fields: readonly (readonly [string, string])[]) =>
  fields.map(([name, made]) => `#${name} = ${made};`).join("\n");

describe("messages that fields of a class keep", () => {
  it.each([
    ["that its constructor makes", asClass(keepHandlers, inConstructor)],
    ["that begin where they are declared", asClass(keepHandlers, declared)],
    ["that are private", asClass(keepHandlers, hidden, "#")],
  ])("are followed, on proto-loader's objects, in fields %s", { timeout: 120_000 }, async (_, text) => {
    using programs = await loaderPrograms("keep.v1.Keep", { "service.proto": keepProto, "handlers.js": text });
    expect(programs.migrated).not.toMatch(/\.item_name\b/);
    expect(programs.migrated).toMatch(/this\.#?all\.push\(req\)/);
    await expectSameAnswers(programs, 1200);
  });

  it.each([
    ["that its constructor makes", asClass(keepClasses, inConstructor)],
    ["that begin where they are declared", asClass(keepClasses, declared)],
  ])("are followed, on google-protobuf's classes, in fields %s", { timeout: 120_000 }, async (_, text) => {
    using programs = await twoPrograms("same", text);
    expect(programs.migrated).toContain("this.all.push(req)");
    await expectSameAnswers(programs, 800);
  });
});

/** A store in a file of its own, which the service is given. */
const store = `
class Store {
  constructor(limit) { this.limit = limit; this.clear(); this.byName = new Map(); this.order = []; }
  clear() { this.cleared = true; }
  add(thing) {
    if (!thing.item_name) throw new Error('no name');
    this.byName.set(thing.item_name.slice(0, 1), thing);
    this.order.unshift(thing);
    if (this.order.length > this.limit) this.order = this.order.slice(0, this.limit);
    return thing;
  }
  find(name) { return this.byName.get(name.slice(0, 1)); }
  list() { return Array.from(this.byName.values()); }
  recent() { return this.order; }
  drop() { this.byName = new Map(); this.order = []; }
  get size() { return this.byName.size; }
}
module.exports = STORE;
`;
const service = `
class Keep {
  constructor(store) { this.store = store; }
  putIt(req) {
    return this.store.add(req.is_on ? req : { item_name: req.item_name, big_count: req.big_count, item_kind: 'KIND_BLUE', tag_list: ['kept'], raw_data: req.raw_data });
  }
  getIt(req) {
    const thing = this.store.find(req.item_name);
    if (!thing) throw new Error('none of ' + this.store.size);
    thing.tag_list.push('got');
    return thing;
  }
  listIt(req) {
    if (req.more && req.item_name.length > 2) this.store.drop();
    return { things: this.store.list(), others: this.store.recent(), how_many: this.store.size };
  }
  tellIt(req) {
    return { lines_out: this.store.recent().map((one) => one.item_name + one.item_kind + one.tag_list.length), line_count: this.store.list().length };
  }
}
const keep = new Keep(GIVEN);
const putIt = keep.putIt.bind(keep);
const getIt = (req) => keep.getIt(req);
const listIt = (req) => keep.listIt(req);
const tellIt = (req) => keep.tellIt(req);
module.exports = { putIt, getIt, listIt, tellIt };
`;

describe("messages that an object keeps which others are given", () => {
  it.each([
    ["the class is exported", "{ Store }", "new Store(3)", "const { Store } = require('./store');"],
    ["a class of its own file", "Store", "new Store(3)", "const Store = require('./store');"],
    ["one object is exported", "new Store(3)", "store", "const store = require('./store');"],
    ["a function makes it", "{ make }", "make()", "const { make } = require('./store');"],
  ])("are followed where %s", { timeout: 120_000 }, async (_, exported, given, more) => {
    const files = {
      "service.proto": keepProto,
      "store.js": store.replace(
        "module.exports = STORE",
        `function make() { return new Store(4); }\nmodule.exports = ${exported}`,
      ),
      "handlers.js": `${more}\n${service.replace("GIVEN", given)}`,
    };
    using programs = await loaderPrograms("keep.v1.Keep", files);
    expect(programs.migrated).not.toMatch(/\.item_name\b/);
    await expectSameAnswers(programs, 800);
  });

  const told = (text: string) => service.replace("tellIt(req) {", `tellIt(req) {\n${text}\n`);
  it.each([
    ["the object is shown", service.replace("GIVEN", "new Store(3)"), "console.log(keep);"],
    ["it is an object's property", service.replace("GIVEN", "new Store(3)"), "exports.parts = { keep };"],
    ["other code is given it", service.replace("GIVEN", "new Store(3)"), "require('other')(keep);"],
    [
      "the class is extended",
      service.replace("GIVEN", "new Store(3)"),
      "class More extends Store { all() { return this.order; } }",
    ],
    ["the class is registered", service.replace("GIVEN", "new Store(3)"), "require('other').register({ Store });"],
    ["a name is computed", told("this.store[req.item_name];").replace("GIVEN", "new Store(3)"), ""],
    ["the field is shown", told("console.log(this.store.order);").replace("GIVEN", "new Store(3)"), ""],
    [
      "the field gets something else",
      told("this.store.order = require('./rows.json');").replace("GIVEN", "new Store(3)"),
      "",
    ],
    ["it is taken apart", told("const { order } = this.store; order.push({});").replace("GIVEN", "new Store(3)"), ""],
    ["its members are listed", told("Object.values(this.store);").replace("GIVEN", "new Store(3)"), ""],
    [
      "another function is bound to it",
      told("(function () { this.order.push({}); }).call(this.store);").replace("GIVEN", "new Store(3)"),
      "",
    ],
    ["another object takes it", told("Object.assign(this, this.store);").replace("GIVEN", "new Store(3)"), ""],
  ])("stay on the bridge where %s", { timeout: 60_000 }, async (_, text, more) => {
    const files = {
      "service.proto": keepProto,
      "store.js": store.replace("STORE", "Store"),
      "handlers.js": `const Store = require('./store');\n${text}\n${more}\n`,
    };
    await expect(loaderPrograms("keep.v1.Keep", files)).rejects.toThrow("bridged");
  });
});

describe("messages that variables of a function keep", () => {
  it("are followed where only inner functions use them", { timeout: 120_000 }, async () => {
    const names = /module\.exports = (\{.*\});/.exec(keepHandlers)?.[1] ?? "";
    const inside = keepHandlers.replace(/module\.exports = .*\n/, "");
    const text = `function createKeep() {\n${inside}\nreturn ${names};\n}\nconst ${names} = createKeep();\nmodule.exports = ${names};\n`;
    using programs = await loaderPrograms("keep.v1.Keep", { "service.proto": keepProto, "handlers.js": text });
    expect(programs.migrated).not.toMatch(/\.item_name\b/);
    await expectSameAnswers(programs, 1200);
  });
});
