import { describe, expect, it } from "vitest";
import { migrateMessages } from "./testing/migrate-messages.js";
import { testSameBytes, wholeMillis } from "./testing/typed-programs.js";
import { typedProject } from "./testing/typed-project.js";

/** Parts of messages: `Partial<Thing>`, what is left over of one, its keys. */
const handlers = `
import { Kind, Lines, Thing } from './old/same';

const show = (value: unknown): string => (value === undefined ? 'undefined' : JSON.stringify(value));

function thing(over: Partial<Thing> = {}): Thing {
  return { ...Thing.create(), itemName: 'base', optText: 'none', tagList: ['t'], ...over };
}
const patch = (one: Thing, changes: Partial<Thing>): Thing => ({ ...one, ...changes });
const copied = (over: Partial<Thing>): Thing => Thing.fromPartial({ itemName: 'copied', ...over, isOn: true });
function textOf(over: Partial<Thing>): string {
  return (over.itemName ?? 'no name') + show(over.isOn) + (over.itemKind === Kind.KIND_BLUE ? 'blue' : '') + (over.childItem?.itemName ?? '-');
}
class Factory {
  constructor(private readonly defaults: Partial<Thing>) {}
  make(over?: Partial<Thing>): Thing {
    return { ...Thing.create(), ...this.defaults, ...over };
  }
}
const nameOf = ({ itemName, ...rest }: Thing): string => itemName + rest.fooBar + show(rest.optNum);

export function describeIt(req: Thing): Lines {
  const { itemName, tagList, ...rest } = req;
  const lines = [itemName, ...tagList, rest.optText ?? '-', show(rest.isOn), show(rest.numMap), rest.childItem?.itemName ?? '-', show(rest.itemKind)];
  for (const one of rest.subItems) lines.push(nameOf(one));
  lines.push(textOf({ itemName, isOn: req.isOn }), textOf({ itemKind: req.itemKind, childItem: req.childItem }), textOf({}));
  return Lines.fromPartial({ linesOut: lines });
}

export function echoIt(req: Thing): Thing {
  const factory = new Factory({ uNum: req.uNum, optText: req.optText });
  const over: Partial<Thing> = { itemName: req.fooBar, ...(req.isOn && { isOn: true, optNum: 7 }) };
  return {
    ...thing({ bigCount: req.uNum, atTime: new Date(req.uNum), rawData: Buffer.from(req.itemName), optText: undefined, itemMap: req.itemMap }),
    subItems: [thing(), thing(over), patch(req, { itemName: 'patched', optNum: undefined }), copied({ tagList: req.tagList, uBig: 5 }), factory.make(), factory.make({ uNum: 1 })],
    childItem: thing(req.isOn ? { itemName: 'on' } : {}),
  };
}
`;

/** The keys of old objects, and the entries of those that are plain. */
const keys = `
import { Lines, Thing } from './old/same';

export function describeIt(req: Thing): Lines {
  const lines = [...Object.keys(req), ...Object.keys(req.childItem ?? req), ...req.subItems.flatMap((one) => Object.keys(one).slice(3))];
  if (req.innerOne) for (const [key, value] of Object.entries(req.innerOne)) lines.push(key + value);
  if (req.innerOne) lines.push(Object.values(req.innerOne).join());
  return Lines.fromPartial({ linesOut: lines });
}
`;

describe.each([["oneof=properties"], ["oneof=unions"]])("keys of ts-proto's messages with %s", (option) => {
  testSameBytes(
    { generator: "ts-proto", options: [option], definition: "SameService", module: "./old/same" },
    keys,
    () => ({
      bits: 53n,
      runs: 100,
    }),
  );
});

describe.each([[["oneof=properties"]], [["stringEnums=true"]]])("parts of ts-proto's messages with %s", (options) => {
  testSameBytes({ generator: "ts-proto", options, definition: "SameService", module: "./old/same" }, handlers, () => ({
    bits: 53n,
    given: (init) => known(wholeMillis(init)),
  }));
});

/** Other numbers are sent on as they are, where they were -1 with `stringEnums`. */
function known(value: unknown): unknown {
  if (value === 77 || value === 78) return 1;
  if (Array.isArray(value)) return value.map(known);
  if (typeof value !== "object" || value === null || value instanceof Uint8Array) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, one]) => [key, key === "mode" && one === 5 ? 1 : known(one)]),
  );
}

const cases: readonly (readonly [name: string, why: string, body: string, top?: string])[] = [
  [
    "what is left over is shown",
    "rest of a message",
    "const { itemName, ...rest } = req; console.log(itemName, rest);",
  ],
  [
    "what is left over is spread",
    "rest of a message",
    "const { itemName, ...rest } = req; console.log(itemName, { ...rest }.uNum);",
  ],
  [
    "what is left over changes",
    "rest of a message",
    "const { itemName, ...rest } = req; rest.uNum = 5; console.log(itemName);",
  ],
  [
    "a list of what is left over changes",
    "rest of a message",
    "const { itemName, ...rest } = req; rest.tagList.push(itemName);",
  ],
  [
    "a number of 64 bits that is left over",
    "rest of a message",
    "const { itemName, ...rest } = req; console.log(itemName, rest.bigCount);",
  ],
  ["entries that are messages", "what Object.entries does", "console.log(Object.entries(req).length);"],
  ["a message as a part of one", "part of a message (`req`)", "thing(req);"],
  [
    "an object of another type as a part",
    "part of a message (`row`)",
    "const row = { itemName: 'a', pickText: 'b' }; thing(row);",
  ],
  ["a member of a oneof in a part", "a member of a oneof in a part", "thing({ pickText: 'a' });"],
  [
    "a value that may be absent in a part",
    "may be absent",
    "const name: string | undefined = req.optText; thing({ itemName: name });",
  ],
  [
    "a message that is spread over a part",
    "spread over fields",
    "",
    "const under = (part: Partial<Thing>, one: Thing): Thing => ({ ...part, ...one });",
  ],
  [
    "a part that changes",
    "what may be a message is changed",
    "const part: Partial<Thing> = {}; part.isOn = true; thing(part);",
  ],
  [
    "a part whose keys are read",
    "what Object.keys does",
    "",
    "const keysOf = (part: Partial<Thing>): string[] => Object.keys(part);",
  ],
  [
    "a part that is more than one",
    "made of that of a message",
    "",
    "type Named = Partial<Thing> & { itemName: string };\nconst nameOf = (it: Named): string => it.itemName;",
  ],
];

describe("a part of a message of ts-proto stays on the bridge, with the reason", async () => {
  const program = (top: string, body: string) => `import { createApp } from '@connect-migrate/runtime/node';
import { grpcJsMessages } from '@connect-migrate/runtime/grpc-js';
import { Same } from './gen/same_pb';
import { SameService, Thing } from './old/same';

const thing = (over: Partial<Thing>): Thing => ({ ...Thing.create(), ...over });
${top}
function echoIt(req: Thing): Thing { ${body} return req; }

export const app = createApp({ routes(router) {
  router.service(Same, { echoIt }, { messages: grpcJsMessages(SameService) });
} });
`;
  const files = Object.fromEntries(cases.map(([, , body, top = ""], index) => [`case${index}.ts`, program(top, body)]));
  using project = typedProject("ts-proto", files);
  const { files: after, findings } = await migrateMessages(project.root);

  it.each(cases.map(([name, why], index) => ({ name, why, file: `case${index}.ts` })))("$name", ({ why, file }) => {
    const found = findings.filter((one) => one.file.endsWith(`/${file}`));
    expect(found.map(({ outcome }) => outcome)).toEqual(["bridged"]);
    expect(found[0]?.reason?.text).toContain(why);
    expect(after[file]).toBe(files[file]);
  });
});
