import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { create, type DescService, fromBinary, toBinary, toJson } from "@bufbuild/protobuf";
import type { MethodDefinition } from "@grpc/grpc-js";
import fc from "fast-check";
import { globSync } from "tinyglobby";
import { ts } from "ts-morph";
import { afterAll, beforeAll, expect, it } from "vitest";
import { ensureGenerated } from "../generate/index.js";
import { newTypeErrors } from "../project/type-gate.js";
import { initOf } from "./testing/arbitrary-init.js";
import { migrateMessages } from "./testing/migrate-messages.js";
import { tsProtoProject } from "./testing/ts-proto-project.js";

/** The handler before, on ts-proto's objects, and the handler after answer the same bytes with the same bytes. */
const handlers = `
import { Kind, Lines, Thing, Thing_Inner, Thing_Inner_Mode } from './old/same';

const show = (value: unknown): string => (value === undefined ? 'undefined' : JSON.stringify(value));

class Store {
  private readonly things = new Map<string, Thing>();
  latest?: Thing;
  keep(thing: Thing): Thing {
    this.things.set(thing.itemName, thing);
    this.latest = thing;
    return thing;
  }
  get all(): Thing[] {
    return [...this.things.values()];
  }
}

function nameOf(thing: Thing): string {
  return thing.childItem !== undefined ? thing.childItem.itemName : 'no child of ' + thing.itemName;
}

export function describeIt(req: Thing): Lines {
  const { itemName, bigCount: big, tagList } = req;
  const lines: string[] = [];
  lines.push(itemName, show(big), show(big === 0), show(big > 5), \`\${big}\`, \`\${req.uBig} \${req.someRatio} \${req.asText}\`);
  const total: number = req.bigCount + 1;
  lines.push(show(total), String(req.uBig));
  lines.push(nameOf(req), Buffer.from(req.rawData).toString('hex') + req.rawData.length);
  lines.push(show(req.optNum), show(req.optText), show(req.optKind), show(req.optNum === undefined));
  lines.push(req.optBig === undefined ? 'none' : show(req.optBig + 1));
  lines.push(show(req.pickText), show(req.pickNum !== undefined), req.pickItem ? req.pickItem.itemName : 'no item');
  if (req.otherBig !== undefined) lines.push(show(req.otherBig));
  if (req.otherRaw !== undefined) lines.push(Buffer.from(req.otherRaw).toString('base64'));
  lines.push(show(req.otherKind), show(req.otherFlag), show(!req.pickItem));
  lines.push(req.atTime ? req.atTime.toISOString() : 'never', show(req.atTime?.getTime()));
  lines.push(tagList.join(), show(req.kindList.length), show(req.bigList.map((one) => one)));
  for (const [key, value] of Object.entries(req.numMap)) lines.push(\`\${key}=\${value}\`);
  for (const key of Object.keys(req.itemMap)) lines.push(key, req.itemMap[key]!.itemName);
  switch (req.itemKind) {
    case Kind.KIND_RED_ONE: lines.push('red'); break;
    case Kind.KIND_BLUE: lines.push('blue'); break;
    default: lines.push(\`\${req.itemKind}\`);
  }
  lines.push(req.innerOne?.mode === Thing_Inner_Mode.ON ? 'on' : show(req.innerOne?.x1));
  return Lines.fromPartial({ linesOut: lines, lineCount: lines.length, firstOne: req.subItems[0], goodOne: itemName });
}

export function echoIt(req: Thing): Thing {
  const reply: Thing = {
    itemName: req.itemName,
    bigCount: req.bigCount,
    itemKind: req.itemKind,
    rawData: req.rawData,
    optNum: req.optNum,
    childItem: req.childItem,
    subItems: req.subItems,
    numMap: req.numMap,
    tagList: req.tagList,
    uBig: req.uBig,
    someRatio: req.someRatio,
    atTime: req.atTime,
    isOn: req.isOn,
    uNum: req.uNum,
    bigList: req.bigList,
    kindList: req.kindList,
    itemMap: req.itemMap,
    asText: req.asText,
    optBig: req.optBig,
    optKind: req.optKind,
    optText: req.optText,
    optRaw: req.optRaw,
    fooBar: req.fooBar,
    innerOne: req.innerOne,
  };
  return reply;
}

function half(req: Thing): Thing {
  return req.isOn && req.childItem ? req.childItem : Thing.create({ itemName: 'half', tagList: ['a', 'b'] });
}

export async function transformIt(req: Thing): Promise<Thing> {
  const store = new Store();
  const total = req.subItems.length;
  const when = new Date(req.uNum * 1000 + 5);
  store.keep(req);
  store.keep({ ...base(), itemName: 'unused' }.itemName === '' ? req : half(req));
  return Thing.fromPartial({
    itemName: total > 1 ? 'many' : req.itemName,
    bigCount: req.uNum,
    uBig: req.uBig,
    optNum: total + 1,
    optBig: -5,
    itemKind: req.isOn ? Kind.KIND_BLUE : Kind.KIND_RED_ONE,
    rawData: Buffer.from(req.itemName),
    someRatio: req.uNum / 7,
    childItem: { itemName: 'new', childItem: req.childItem, innerOne: { x1: total } },
    subItems: req.subItems.filter((one) => one.itemKind !== Kind.KIND_BLUE).map((one) => Thing.create({ itemName: nameOf(one), bigCount: one.bigCount })),
    tagList: store.all.map((one) => one.itemName),
    numMap: { a: total, b: -3 },
    atTime: when,
    pickText: store.latest === undefined ? 'nothing' : store.latest.itemName,
    otherFlag: !req.isOn,
    bigList: [1, total, req.bigCount],
    kindList: [Kind.KIND_BLUE, req.itemKind],
    itemMap: { one: half(req) },
    innerOne: Thing_Inner.create({ mode: Thing_Inner_Mode.ON }),
    fooBar: Thing.decode(Thing.encode(half(req)).finish()).itemName,
  });
}

const base = () => ({ itemName: 'base' });

export function loopIt(req: Thing): Lines {
  const lines = Lines.create();
  let best: Thing | undefined;
  let sum = 0;
  for (const one of req.subItems) {
    sum += one.bigCount;
    if (best === undefined || one.bigCount > best.bigCount) best = one;
    lines.lineCount += 1;
    lines.linesOut.push(one.itemName, show(one.bigCount ? 1 : 2));
  }
  const found = req.subItems.find(({ isOn }) => isOn);
  lines.firstOne = found ?? best;
  lines.linesOut.push(show(sum > 5), req.subItems.map(({ itemName: name }) => name).join());
  if (req.pickItem && req.pickItem.pickNum !== undefined) lines.linesOut.push('num ' + req.pickItem.pickNum);
  return lines;
}
`;

const server = `
import { createApp } from '@connect-migrate/runtime/node';
import { grpcJsMessages } from '@connect-migrate/runtime/grpc-js';
import { Same } from './gen/same_pb';
import { SameService } from './old/same';
import { describeIt, echoIt, loopIt, transformIt } from './handlers';
export const app = createApp({ routes(router) {
  router.service(Same, { describeIt, echoIt, transformIt, loopIt }, { messages: grpcJsMessages(SameService) });
} });
`;

type Handlers = Record<string, (request: unknown) => unknown>;
const projects: Disposable[] = [];
let oldHandlers: Handlers;
let newHandlers: Handlers;
let definition: Record<string, MethodDefinition<unknown, unknown>>;
let service: DescService;

beforeAll(async () => {
  const files = { "handlers.ts": handlers, "server.ts": server };
  const project = (given: Record<string, string>) => {
    const made = tsProtoProject(given);
    projects.push(made);
    return made.root;
  };
  const before = project(files);
  const migrated = await migrateMessages(before);
  expect(migrated.findings.map(({ outcome, reason }) => [outcome, reason?.text])).toEqual([["idiomatic", undefined]]);
  expect(migrated.files["handlers.ts"]).not.toContain("old/same");
  const generated = await ensureGenerated({ root: before });
  const code = Object.fromEntries(generated.files.map((file) => [file.path.slice(before.length + 1), file.content]));
  const after = project({ ...files, ...code, ...migrated.files });
  const sources = globSync("*.ts", { cwd: after, absolute: true });
  const texts = (paths: readonly string[]) => new Map(paths.map((path) => [path, readFileSync(path, "utf8")] as const));
  const errors = newTypeErrors({
    root: after,
    files: sources,
    before: new Map(),
    after: texts(sources),
    imports: new Map(),
  });
  expect(errors).toEqual([]);
  for (const root of [before, after]) compile(root);
  oldHandlers = createRequire(join(before, "x.js"))("./handlers.js") as Handlers;
  newHandlers = createRequire(join(after, "x.js"))("./handlers.js") as Handlers;
  definition = createRequire(join(before, "x.js"))("./old/same.js").SameService;
  service = generated.registry?.service("same.v1.Same") as DescService;
}, 120_000);
afterAll(() => {
  for (const project of projects) project[Symbol.dispose]();
});

function compile(root: string): void {
  for (const file of globSync(["*.ts", "old/**/*.ts", "gen/**/*.ts"], { cwd: root, absolute: true })) {
    const compilerOptions = { module: ts.ModuleKind.CommonJS, target: ts.ScriptTarget.ES2022, esModuleInterop: true };
    const { outputText } = ts.transpileModule(readFileSync(file, "utf8"), { compilerOptions });
    writeFileSync(file.replace(/\.ts$/, ".js"), outputText);
  }
}

/** A Date has whole milliseconds: what is passed on keeps the rest now. */
function wholeMillis(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(wholeMillis);
  if (typeof value !== "object" || value === null || value instanceof Uint8Array) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, one]) => [
      key,
      key === "nanos" ? Math.floor((one as number) / 1e6) * 1e6 : wholeMillis(one),
    ]),
  );
}

it.each(["describeIt", "loopIt", "echoIt", "transformIt"])(
  "%s answers the same",
  { timeout: 120_000 },
  async (name) => {
    const method = service.methods.find((one) => one.localName === name);
    const legacy = definition[name];
    if (!method || !legacy) throw new Error(name);
    let compared = 0;
    await fc.assert(
      // Beyond 2^53 ts-proto refuses to decode.
      fc.asyncProperty(initOf(method.input, 2, 53n), async (init) => {
        const given = name === "describeIt" ? init : (wholeMillis(init) as typeof init);
        const bytes = toBinary(method.input, create(method.input, given));
        const oldReply = legacy.responseSerialize(
          await oldHandlers[name]?.(legacy.requestDeserialize(Buffer.from(bytes))),
        );
        const reply = (await newHandlers[name]?.(fromBinary(method.input, bytes))) as Record<string, unknown>;
        const newReply = toBinary(method.output, create(method.output, reply));
        compared++;
        const json = (one: Uint8Array) => toJson(method.output, fromBinary(method.output, one));
        if (name === "describeIt") {
          const lines = (one: Uint8Array) => (json(one) as { linesOut?: unknown }).linesOut;
          expect(lines(newReply)).toEqual(lines(oldReply));
        } else expect(json(newReply)).toEqual(json(oldReply));
      }),
      { numRuns: 400 },
    );
    expect(compared).toBeGreaterThanOrEqual(400);
  },
);
