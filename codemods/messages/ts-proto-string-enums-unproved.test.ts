import { describe, expect, it } from "vitest";
import { migrateMessages } from "./testing/migrate-messages.js";
import { strictConfig, typedProject } from "./testing/typed-project.js";

const program = (top: string, body: string) => {
  const names = ["Kind", "kindFromJSON"].filter((one) => new RegExp(`\\b${one}\\b`).test(top + body));
  return `import { createApp } from '@connect-migrate/runtime/node';
import { grpcJsMessages } from '@connect-migrate/runtime/grpc-js';
import { Same } from './gen/same_pb';
import { ${[...names, "Lines", "Thing", "SameService"].join(", ")} } from './old/same';

${top}
function describeIt(req: Thing): Lines {
  const lines: string[] = [];
  ${body}
  return Lines.create({ linesOut: lines });
}

export const app = createApp({ routes(router) {
  router.service(Same, { describeIt }, { messages: grpcJsMessages(SameService) });
} });
`;
};

/** Where a number would be seen in place of the name that ts-proto's `stringEnums` gives. */
const cases: readonly (readonly [name: string, why: string, body: string, top?: string])[] = [
  [
    "an object with a value in it, as JSON",
    "asked for (`row`)",
    "const row = { kind: req.itemKind }; JSON.stringify(row);",
  ],
  [
    "a list of such objects",
    "asked for (`rows`)",
    "const rows = req.subItems.map((one) => ({ kind: one.itemKind })); console.log(rows);",
  ],
  [
    "what is left of such an object",
    "asked for (`rest`)",
    "const { n, ...rest } = { kind: req.itemKind, n: 1 }; console.log(rest, n);",
  ],
  [
    "the keys of a table",
    "asked for (`counts`)",
    "const counts: Partial<Record<Kind, number>> = {}; lines.push(...Object.keys(counts));",
  ],
  [
    "the keys of a table, one by one",
    "keys that are",
    "const counts: Partial<Record<Kind, number>> = {}; for (const key in counts) lines.push(key);",
  ],
  [
    "an object that is made of entries",
    "asked for",
    "Object.fromEntries(req.subItems.map((one) => [one.itemKind, one.uNum]));",
  ],
  [
    "entries of a Map, as JSON",
    "asked for",
    "const all = new Map<Kind, number>(); JSON.stringify([...all.entries()]);",
  ],
  ["a Map that is made of a list", "entries whose keys", "new Map(req.kindList.map((kind) => [kind, 1] as const));"],
  ["the enum as a whole", "another way than by its constants", "lines.push(...Object.values(Kind));"],
  ["a text that is said to be a value", "nothing proves", "const kind = req.itemName as Kind; lines.push(kind);"],
  ["parsed JSON as a value", "nothing proves", "const kind: Kind = JSON.parse('1'); lines.push(kind);"],
  [
    "parsed JSON as what holds one",
    "nothing proves",
    "const rows: { kind: Kind }[] = JSON.parse('[]'); lines.push(...rows.map((one) => one.kind));",
  ],
  [
    "a function that says that anything is one",
    "nothing proves",
    "",
    "const isKind = (it: unknown): it is Kind => typeof it === 'string';\nisKind(1);",
  ],
  [
    "a generic function",
    "a generic function",
    "lines.push(textOf(req.itemKind));",
    "function textOf<T>(it: T): string { return String(it); }",
  ],
  [
    "a generic function that takes a message",
    "a generic function",
    "lines.push(textOf(req));",
    "function textOf<T extends { itemKind: unknown }>(it: T): string { return String(it.itemKind); }",
  ],
  [
    "a generic class",
    "a generic function or class",
    "new Box(req.itemKind);",
    "class Box<T> { constructor(readonly value: T) {} }",
  ],
  [
    "a message as what has a text",
    "something else is asked for (`req`)",
    "lines.push(textOf(req));",
    "interface Named { itemKind: string }\nconst textOf = (it: Named): string => it.itemKind;",
  ],
  [
    "an instance of a class, as JSON",
    "asked for",
    "JSON.stringify(new Row(req.itemKind));",
    "class Row { constructor(readonly kind: Kind) {} }",
  ],
  [
    "an instance of a class as what has anything",
    "asked for",
    "const it: Any = new Row(req.itemKind); JSON.stringify(it.kind);",
    "interface Any { kind: unknown }\nclass Row { constructor(readonly kind: Kind) {} }",
  ],
  [
    "a method behind an interface for anything",
    "a method that knows",
    "const it: Keyed = new Keys(); JSON.stringify(it.key(req));",
    "interface Keyed { key(it: Thing): unknown }\nclass Keys implements Keyed { key(it: Thing) { return it.itemKind; } }",
  ],
  [
    "a function that takes anything, for a list of values",
    "a function that knows",
    "lines.push(...req.kindList.map(textOf));",
    "const textOf = (it: unknown) => String(it);",
  ],
  [
    "a function that gives one, where one that gives anything is asked for",
    "a function that knows",
    "lines.push(String(use(kindOf, req)));",
    "const kindOf = (it: Thing) => it.itemKind;\nconst use = (of: (it: Thing) => unknown, it: Thing) => of(it);",
  ],
  ["`some(Boolean)` of a list", "a function that knows", "JSON.stringify(req.kindList.some(Boolean));"],
  ["a list in the order of the names", "sort of a list", "lines.push(...req.kindList.sort());"],
  ["&& where a value may be absent", "what && gives", "JSON.stringify(req.optKind && 1);"],
  [
    "a value or a text in an object",
    "or something else",
    "const row = { label: req.optKind ?? 'none' }; lines.push(row.label);",
  ],
  ["what a value is", "cannot be followed", "lines.push(typeof req.itemKind);"],
  [
    "a switch over values with a case that is none of its constants",
    "no constant",
    "switch (req.itemKind) { case req.optKind: lines.push('same'); }",
  ],
];

describe("a service with stringEnums stays on the bridge, with the reason", async () => {
  const files = Object.fromEntries(cases.map(([, , body, top = ""], index) => [`case${index}.ts`, program(top, body)]));
  using project = typedProject("ts-proto", files, ["stringEnums=true"]);
  const { files: after, findings } = await migrateMessages(project.root);

  it.each(cases.map(([name, why], index) => ({ name, why, file: `case${index}.ts` })))("$name", ({ why, file }) => {
    const found = findings.filter((one) => one.file.endsWith(`/${file}`));
    expect(found.map(({ outcome }) => outcome)).toEqual(["bridged"]);
    expect(found[0]?.reason?.text).toContain(why);
    expect(after[file]).toBe(files[file]);
  });
});

it("a list that may not be there keeps the bridge where the compiler does not look at that", async () => {
  const body = "const kinds = req.childItem?.kindList; lines.push(kinds?.join() ?? 'none');";
  const files = { "server.ts": program("", body) };
  for (const strict of [false, true]) {
    using project = typedProject("ts-proto", files, ["stringEnums=true"], { ...strictConfig, strict });
    const { findings } = await migrateMessages(project.root);
    expect(findings.map(({ outcome }) => outcome)).toEqual([strict ? "idiomatic" : "bridged"]);
  }
});
