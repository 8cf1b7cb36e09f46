import { spawnSync } from "node:child_process";
import { readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import type { MethodDefinition } from "@grpc/grpc-js";
import fc from "fast-check";
import { globSync } from "tinyglobby";
import { Project, ts } from "ts-morph";
import { expect, it } from "vitest";
import { ensureGenerated } from "../generate/index.js";
import { tempProject } from "../generate/testing/temp-project.js";
import { initOf } from "./testing/arbitrary-init.js";
import { migrateMessages } from "./testing/migrate-messages.js";

/** TypeScript on pbjs's classes and pbts's types, before and after: the compiler takes both, and they answer the same. */
const proto = `syntax = "proto3";
package same.v1;
import "google/protobuf/timestamp.proto";
service Same {
  rpc DescribeIt(Thing) returns (Lines);
  rpc KeepIt(Thing) returns (Thing);
  rpc BuildIt(Thing) returns (Thing);
}
enum Kind { KIND_UNKNOWN = 0; KIND_RED_ONE = 1; KIND_BLUE = 5; }
message Thing {
  string item_name = 1;
  int64 big_count = 2;
  Kind item_kind = 3;
  bytes raw_data = 4;
  optional int32 opt_num = 5;
  Thing child_item = 6;
  repeated Thing sub_items = 7;
  map<string, int32> num_map = 8;
  oneof the_pick { string pick_text = 9; int32 pick_num = 10; Thing pick_item = 11; }
  repeated string tag_list = 12;
  google.protobuf.Timestamp at_time = 15;
  bool is_on = 16;
  uint32 u_num = 17;
  repeated Kind kind_list = 19;
  optional string opt_text = 24;
}
message Lines { repeated string lines_out = 1; int32 line_count = 2; Thing first_one = 3; oneof result { string good_one = 4; string bad_one = 5; } }
`;

const names = `import { same } from './lib/static';

export function nameOf(kind: same.v1.Kind): string {
  switch (kind) {
    case same.v1.Kind.KIND_BLUE: return 'blue';
    case same.v1.Kind.KIND_RED_ONE: return 'red';
    default: return 'other';
  }
}
`;

const handlers = `import { google, same } from './lib/static';
import IThing = same.v1.IThing;
import type Long from 'long';
import { nameOf } from './names';

const byName = new Map<string, same.v1.IThing>();
const sizes: { [name: string]: same.v1.Thing } = {};

class Repo {
  private readonly items = new Map<string, same.v1.Thing>();
  save(thing: same.v1.Thing): void { this.items.set(thing.itemName, thing); }
  find(name: string): same.v1.Thing | undefined { return this.items.get(name); }
}
const repo = new Repo();

interface Row { id: string; tags: string[] }
type Item = same.v1.Thing;
function flip(item: Item): boolean { return !item.isOn; }
const toThing = (row: Row): IThing => ({ itemName: row.id, tagList: row.tags });
const make = (itemName: string): same.v1.Thing => same.v1.Thing.create({ itemName, childItem: same.v1.Thing.create({ uNum: 3 }) });
const stamp = (ms: number): google.protobuf.ITimestamp => ({ seconds: Math.floor(ms / 1000), nanos: (ms % 1000) * 1e6 });
function label(thing: IThing): string { return \`\${thing.itemName ?? ''}/\${thing.uNum ?? 0}\`; }

function describeIt(req: same.v1.Thing): same.v1.Lines {
  const linesOut: string[] = [label(req), ...req.subItems.map(label), nameOf(req.itemKind), ...req.kindList.map(nameOf)];
  linesOut.push(req.optNum != null ? \`n\${req.optNum}\` : 'no', req.optText ?? 'no text', String(Number(req.bigCount)));
  linesOut.push(String((req.bigCount as Long).toNumber()), req.childItem?.pickText ?? 'none', req.childItem?.pickItem ? 'item' : 'no');
  if (req.pickText) linesOut.push(req.pickText.trim());
  if (req.pickNum != null) linesOut.push(req.pickNum.toFixed(1));
  switch (req.thePick) {
    case 'pickItem': linesOut.push(\`item \${req.pickItem!.itemName}\`); break;
    case undefined: linesOut.push('nothing'); break;
  }
  const sorted = [...req.subItems].sort((a, b) => (a.itemName ?? '').localeCompare(b.itemName ?? ''));
  linesOut.push(...sorted.map((one) => one.itemName ?? ''), req.itemKind === same.v1.Kind.KIND_BLUE ? 'y' : 'n');
  if (!req.pickItem) return same.v1.Lines.create({ linesOut, badOne: 'no item' });
  const item = req.pickItem;
  return same.v1.Lines.create({ linesOut, firstOne: item, goodOne: req.pickItem.itemName ?? 'x' });
}

async function keepIt(req: same.v1.IThing): Promise<same.v1.IThing> {
  await Promise.resolve();
  const before = byName.get(req.itemName ?? '');
  byName.set(req.itemName ?? '', req);
  const fresh = make('fresh');
  sizes[fresh.itemName] = fresh;
  return { childItem: before, subItems: [...Object.values(sizes), fresh], itemName: fresh.itemName + fresh.uNum };
}

function buildIt(req: same.v1.Thing): same.v1.Thing {
  const child: same.v1.IThing = { itemName: req.itemName, subItems: [] };
  child.uNum = 7;
  child.subItems = req.subItems.map((one) => ({ itemName: one.itemName, uNum: one.uNum }));
  const reply = new same.v1.Thing();
  reply.itemName = req.itemName;
  reply.tagList.push('x', ...req.tagList);
  reply.numMap['a'] = 3;
  reply.uNum = req.uNum + 1;
  const old = repo.find(req.itemName);
  repo.save(req);
  reply.isOn = old ? flip(old) : flip(req);
  reply.childItem = child;
  const other = same.v1.Thing.create({ itemName: 'other', bigCount: req.bigCount, atTime: stamp(1700000000123) });
  if (req.isOn) other.pickText = 'on';
  else other.pickNum = 3;
  reply.subItems = [other, toThing({ id: 'row', tags: req.tagList }), ...req.tagList.map(make)];
  return reply;
}

export { buildIt, describeIt, keepIt };
`;

const definition = `import { same } from './lib/static';

const serialize = (type: any) => (message: any) => Buffer.from(type.encode(message).finish());
const deserialize = (type: any) => (bytes: Buffer) => type.decode(bytes);
const { Thing, Lines } = same.v1;

function method(name: string, requestType: any, responseType: any) {
  return {
    path: \`/same.v1.Same/\${name}\`, requestStream: false, responseStream: false,
    requestSerialize: serialize(requestType), requestDeserialize: deserialize(requestType),
    responseSerialize: serialize(responseType), responseDeserialize: deserialize(responseType),
  };
}
export const SameService = {
  describeIt: method('DescribeIt', Thing, Lines), keepIt: method('KeepIt', Thing, Thing), buildIt: method('BuildIt', Thing, Thing),
};
`;

const server = `import { grpcJsMessages } from '@connect-migrate/runtime/grpc-js';
import { createApp } from '@connect-migrate/runtime/node';
import { SameService } from './definition';
import { Same } from './gen/same_pb';
import { buildIt, describeIt, keepIt } from './handlers';
export const app = createApp({ routes(router) {
  router.service(Same, { buildIt, describeIt, keepIt }, { messages: grpcJsMessages(SameService as any) });
} });
`;

const repository = resolve(import.meta.dirname, "../..");
const compilerOptions = { target: "ES2022", module: "Node16", moduleResolution: "Node16", esModuleInterop: true };

/** A project with pbjs's code of the proto, and the types that pbts makes of it. */
function projectWith(files: Record<string, string>) {
  const tsconfig = JSON.stringify({
    compilerOptions: { ...compilerOptions, strict: true, skipLibCheck: true, types: ["node"] },
  });
  const base = { "package.json": "{}", "same.proto": proto, "node_modules/.keep": "", "lib/.keep": "" };
  const project = tempProject({ "tsconfig.json": tsconfig, ...base, ...files });
  for (const name of ["@bufbuild", "@connect-migrate", "@grpc", "@types", "protobufjs", "long"])
    symlinkSync(join(repository, "node_modules", name), join(project.root, "node_modules", name));
  const [code, types] = [join(project.root, "lib/static.js"), join(project.root, "lib/static.d.ts")];
  const run = (...words: string[]) => {
    const { status, stderr } = spawnSync(process.execPath, words, { encoding: "utf8" });
    if (status !== 0) throw new Error(stderr);
  };
  const bin = join(repository, "node_modules/protobufjs-cli/bin");
  const wrapping = ["-t", "static-module", "-w", "commonjs"];
  run(join(bin, "pbjs"), ...wrapping, "-o", code, join(project.root, "same.proto"));
  run(join(bin, "pbts"), "-o", types, code);
  return project;
}

/** What the compiler says of the files of a program, whose JavaScript is put beside them. */
function compile(root: string): string[] {
  const project = new Project({
    tsConfigFilePath: join(root, "tsconfig.json"),
    skipAddingFilesFromTsConfig: true,
    compilerOptions: { noEmit: true },
  });
  const own = project.addSourceFilesAtPaths([join(root, "*.ts")]);
  for (const file of globSync(["*.ts", "gen/**/*.ts"], { cwd: root, absolute: true })) {
    const text = ts.transpileModule(readFileSync(file, "utf8"), {
      compilerOptions: { module: ts.ModuleKind.CommonJS, target: ts.ScriptTarget.ES2022, esModuleInterop: true },
    });
    writeFileSync(file.replace(/\.ts$/, ".js"), text.outputText);
  }
  return own.flatMap((file) =>
    file
      .getPreEmitDiagnostics()
      .map((one) => `${file.getBaseName()}: ${ts.flattenDiagnosticMessageText(one.compilerObject.messageText, "\n")}`),
  );
}

type Handlers = Record<string, (request: unknown) => unknown>;

it("a program in TypeScript is written on protobuf-es, its types, enums and stores with it", {
  timeout: 120_000,
}, async () => {
  const files = { "handlers.ts": handlers, "names.ts": names, "definition.ts": definition, "server.ts": server };
  using before = projectWith(files);
  const migrated = await migrateMessages(before.root);
  expect(migrated.findings.map(({ outcome, reason }) => [outcome, reason?.text])).toEqual([["idiomatic", undefined]]);
  const { "handlers.ts": after = "", "names.ts": namesAfter = "" } = migrated.files;
  expect(after).not.toContain("same.v1");
  expect(namesAfter).toContain("nameOf(kind: Kind)");
  expect(after).toContain("function describeIt(req: Thing): MessageInitShape<typeof LinesSchema> {");
  expect(after).toContain(
    "const make = (itemName: string): Thing => create(ThingSchema, { itemName, childItem: create(ThingSchema, { uNum: 3 }) });",
  );
  expect(after).toContain("String(Number((req.bigCount as bigint)))");
  expect(after).toContain(
    "if (req.thePick.case !== 'pickItem') return { linesOut, result: { case: 'badOne', value: 'no item' } };",
  );

  const generated = await ensureGenerated({ root: before.root });
  const code = Object.fromEntries(
    generated.files.map((file) => [file.path.slice(before.root.length + 1), file.content]),
  );
  const { "lib/static.js": _, ...changed } = migrated.files;
  using program = projectWith({ ...files, ...code, ...changed });
  expect(compile(program.root)).toEqual([]);
  compile(before.root);

  const load = (root: string, name: string) => createRequire(join(root, "x.js"))(name);
  const oldHandlers = load(before.root, "./handlers.js") as Handlers;
  const newHandlers = load(program.root, "./handlers.js") as Handlers;
  const { SameService } = load(before.root, "./definition.js") as {
    SameService: Record<string, MethodDefinition<unknown, unknown>>;
  };
  for (const method of generated.registry?.service("same.v1.Same")?.methods ?? []) {
    const legacy = SameService[method.localName];
    if (!legacy) throw new Error(method.name);
    await fc.assert(
      fc.asyncProperty(initOf(method.input, 2), async (init) => {
        const bytes = toBinary(method.input, create(method.input, init));
        const oldReply = await oldHandlers[method.localName]?.(legacy.requestDeserialize(Buffer.from(bytes)));
        const newReply = await newHandlers[method.localName]?.(fromBinary(method.input, bytes));
        expect(fromBinary(method.output, toBinary(method.output, create(method.output, newReply as never)))).toEqual(
          fromBinary(method.output, new Uint8Array(legacy.responseSerialize(oldReply))),
        );
      }),
      { numRuns: 100 },
    );
  }
});
