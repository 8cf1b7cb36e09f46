import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { migrateMessages } from "./testing/migrate-messages.js";
import { testSameBytes, wholeMillis } from "./testing/typed-programs.js";
import { typedProject } from "./testing/typed-project.js";

/** Messages that are spread into others; `pick` makes a oneof, `big` an int64. */
const handlers = (pick: (member: string, value: string) => string, big: string) => `
import { Thing, Thing_Inner } from './old/same';

const kept = new Map<string, Thing>();

function renamed(thing: Thing, itemName: string): Thing {
  return { ...thing, itemName, bigCount: ${big}, ...(thing.isOn && { optText: 'on', childItem: Thing.create({ uNum: 7 }) }) };
}

export function echoIt(req: Thing): Thing {
  return Thing.create({
    childItem: { ...Thing.create(), ...req.childItem, tagList: ['x', ...req.tagList] },
    subItems: req.subItems.map((one): Thing => ({ ...one, optNum: undefined, innerOne: { ...Thing_Inner.create(), x1: 5 } })),
    itemMap: { a: { ...(req.childItem ?? Thing.create()), isOn: true }, b: renamed(req, 'b') },
    innerOne: { ...req.innerOne, x1: 7 },
    ${pick("pickItem", "{ ...req, someRatio: 0.5 }")},
  });
}

export function transformIt(req: Thing): Thing {
  const key = req.itemName.slice(0, 1);
  const before = kept.get(key);
  const now: Thing = before ? { ...before, uNum: before.uNum + 1, subItems: [Thing.create({ itemName: req.itemName })] } : { ...Thing.create(), ...req };
  kept.set(key, now);
  return Thing.create({ ...now, ...(req.isOn ? { itemName: 'on', innerOne: { x1: 3 } } : {}), tagList: ['last'] });
}
`;

const variants = [
  {
    old: { generator: "ts-proto", definition: "SameService", module: "./old/same" } as const,
    code: handlers((member, value) => `${member}: ${value}`, "5"),
    values: { bits: 53n, given: wholeMillis },
  },
  {
    old: {
      generator: "ts-proto",
      options: ["oneof=unions", "forceLong=bigint", "useDate=false"],
      definition: "SameService",
      module: "./old/same",
    } as const,
    code: handlers((member, value) => `thePick: { $case: '${member}', ${member}: ${value} }`, "-9007199254740993n"),
    values: {},
  },
  {
    old: { generator: "protobuf-ts", definition: "sameDefinition", module: "./old/same.grpc-server" } as const,
    code: handlers((member, value) => `thePick: { oneofKind: '${member}', ${member}: ${value} }`, "-9007199254740993n"),
    values: {},
  },
];

describe.each(variants)("a message that is spread: $old", ({ old, code, values }) => {
  const programs = testSameBytes(old, code, () => ({ runs: 200, ...values }));
  it("stays spread", () => {
    expect(programs().migrated).toContain("childItem: { ...create(ThingSchema), ...req.childItem, tagList:");
    expect(programs().migrated).toContain("clone(ThingSchema, { ...now, ");
  });
});

const bridged = {
  "return { ...req, pickText: 'x' };": "a member of a oneof beside those of a message",
  "return { ...req, ...req.subItems[0]! };": "a message is spread over fields that it may not have set",
  "return { ...Thing.create(), optText: 'x', ...req };": "a message is spread over fields that it may not have set",
  "const all = { ...req, itemName: 'x' }; return Thing.create({ itemName: all.itemName });":
    "a message goes where it cannot be followed",
  "req.tagList.push('x'); return Thing.create({ childItem: { ...req, isOn: true } });":
    "a part of a message that is shared now or then, and changes elsewhere",
};

it("what is not proved stays, with the reason", { timeout: 120_000 }, async () => {
  using project = typedProject("ts-proto", {
    "server.ts": `
import { createApp } from '@connect-migrate/runtime/node';
import { grpcJsMessages } from '@connect-migrate/runtime/grpc-js';
import { Same } from './gen/same_pb';
import { SameService } from './old/same';
import { echoIt } from './handlers';
export const app = createApp({ routes(router) {
  router.service(Same, { echoIt }, { messages: grpcJsMessages(SameService) });
} });
`,
  });
  for (const [code, why] of Object.entries(bridged)) {
    const handlers = `import { Thing } from './old/same';\nexport function echoIt(req: Thing): Thing { ${code} }\n`;
    writeFileSync(join(project.root, "handlers.ts"), handlers);
    const { files, findings } = await migrateMessages(project.root);
    expect(findings.map(({ outcome }) => outcome)).toEqual(["bridged"]);
    expect(findings[0]?.reason?.text).toMatch(/handlers\.ts:2: /);
    expect(findings[0]?.reason?.text).toContain(why);
    expect(files["handlers.ts"]).toBe(handlers);
  }
});
