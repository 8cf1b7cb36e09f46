import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import {
  create,
  type DescMessage,
  type DescService,
  fromBinary,
  type Message,
  toBinary,
  toJson,
} from "@bufbuild/protobuf";
import type { MethodDefinition } from "@grpc/grpc-js";
import fc from "fast-check";
import { globSync } from "tinyglobby";
import { ts } from "ts-morph";
import { afterAll, beforeAll, expect, it } from "vitest";
import { ensureGenerated } from "../../generate/index.js";
import { newTypeErrors } from "../../project/type-gate.js";
import { initOf } from "./arbitrary-init.js";
import { migrateMessages } from "./migrate-messages.js";
import { type TypedGenerator, typedProject } from "./typed-project.js";

type Handlers = Record<string, (request: unknown) => unknown>;

/** Handlers on old objects and the migrated ones, and the codecs of the former. */
export interface TypedPrograms extends Disposable {
  readonly before: Handlers;
  readonly after: Handlers;
  readonly definition: Record<string, MethodDefinition<unknown, unknown>>;
  readonly service: DescService;
  /** The migrated handlers. */
  readonly migrated: string;
}

/** How the definition of the service is imported: `SameService` of `./old/same`, or `same.v1.X.definition` of it. */
interface Old {
  readonly generator: TypedGenerator;
  readonly options?: readonly string[];
  readonly definition: string;
  readonly module: string;
  /** Instead of google-protobuf's same.proto. */
  readonly proto?: string;
}

/**
 * Tests that handlers on old objects and the migrated ones answer the same bytes with the same bytes; `values` says by the
 * handler's name what the old code can hold. Gives the programs, once the tests run.
 */
export function testSameBytes(old: Old, handlers: string, values: (name: string) => Values = () => ({})) {
  let programs: TypedPrograms | undefined;
  beforeAll(async () => {
    programs = await typedPrograms(old, handlers);
  }, 120_000);
  afterAll(() => programs?.[Symbol.dispose]());
  const given = () => {
    if (!programs) throw new Error("the programs are made before the tests");
    return programs;
  };
  it.each(namesOf(handlers))("%s answers the same", { timeout: 120_000 }, (name) =>
    expectSameReplies(given(), name, values(name)),
  );
  return given;
}

const namesOf = (handlers: string) =>
  [...handlers.matchAll(/^export (?:async )?function (\w+)/gm)].map(([, name = ""]) => name);

/** Migrates handlers of the service `same.v1.Same`: all of their code must become native, and compile. */
export async function typedPrograms(old: Old, handlers: string): Promise<TypedPrograms> {
  const names = namesOf(handlers).join(", ");
  const [imported = "", ...path] = old.definition.split(".");
  const server = `
import { createApp } from '@connect-migrate/runtime/node';
import { grpcJsMessages } from '@connect-migrate/runtime/grpc-js';
import { Same } from './gen/same_pb';
import { ${imported} } from '${old.module}';
import { ${names} } from './handlers';
export const app = createApp({ routes(router) {
  router.service(Same, { ${names} }, { messages: grpcJsMessages(${old.definition}) });
} });
`;
  const projects: Disposable[] = [];
  const files = {
    "handlers.ts": handlers,
    "server.ts": server,
    ...(old.proto && { "proto/same.proto": old.proto }),
  };
  const project = (given: Record<string, string>) => {
    const made = typedProject(old.generator, given, old.options);
    projects.push(made);
    return made.root;
  };
  const before = project(files);
  const migrated = await migrateMessages(before);
  expect(migrated.findings.map(({ outcome, reason }) => [outcome, reason?.text])).toEqual([["idiomatic", undefined]]);
  const text = migrated.files["handlers.ts"] ?? "";
  expect(text).not.toContain("./old/");
  const generated = await ensureGenerated({ root: before });
  const code = Object.fromEntries(generated.files.map((file) => [file.path.slice(before.length + 1), file.content]));
  const after = project({ ...files, ...code, ...migrated.files });
  expectToCompile(after);
  for (const root of [before, after]) compile(root);
  const load = (root: string, module: string) => createRequire(join(root, "x.js"))(module);
  return {
    before: load(before, "./handlers.js"),
    after: load(after, "./handlers.js"),
    definition: path.reduce((one, name) => one[name], load(before, `${old.module}.js`)[imported]),
    service: generated.registry?.service("same.v1.Same") as DescService,
    migrated: text,
    [Symbol.dispose]: () => {
      for (const one of projects) one[Symbol.dispose]();
    },
  };
}

/** The compiler takes the migrated files in a folder. */
export function expectToCompile(root: string): void {
  const files = globSync("*.ts", { cwd: root, absolute: true });
  const after = new Map(files.map((path) => [path, readFileSync(path, "utf8")]));
  expect(newTypeErrors({ root, files, before: new Map(), after, imports: new Map() })).toEqual([]);
}

/** JavaScript beside all TypeScript of a program of `typedProject`. */
export function compile(root: string): void {
  for (const file of globSync(["*.ts", "old/**/*.ts", "gen/**/*.ts"], { cwd: root, absolute: true })) {
    const compilerOptions = { module: ts.ModuleKind.CommonJS, target: ts.ScriptTarget.ES2022, esModuleInterop: true };
    const { outputText } = ts.transpileModule(readFileSync(file, "utf8"), { compilerOptions });
    writeFileSync(file.replace(/\.ts$/, ".js"), outputText);
  }
}

/** A Date has whole milliseconds: what is passed on keeps the rest now. */
export function wholeMillis(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(wholeMillis);
  if (typeof value !== "object" || value === null || value instanceof Uint8Array) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, one]) => [
      key,
      key === "nanos" ? Math.floor((one as number) / 1e6) * 1e6 : wholeMillis(one),
    ]),
  );
}

export interface Values {
  readonly runs?: number;
  /** The size of 64-bit integers that the old code can hold. */
  readonly bits?: bigint;
  readonly given?: (init: object) => unknown;
  /** What is compared of a reply's JSON. */
  readonly seen?: (reply: unknown) => unknown;
}

/** As JSON, or as it is where JSON has no such values, as NaN in a google.protobuf.Struct. */
function jsonOf(desc: DescMessage, reply: Message): unknown {
  try {
    return toJson(desc, reply);
  } catch {
    return reply;
  }
}

/** For one request after another: the handler before and the handler after give the same reply, or both none. */
async function expectSameReplies(
  { before, after, definition, service }: TypedPrograms,
  name: string,
  { runs = 400, bits = 64n, given = (init) => init, seen = (reply) => reply }: Values = {},
): Promise<void> {
  const method = service.methods.find((one) => one.localName === name);
  const legacy = definition[name] ?? definition[name.charAt(0).toUpperCase() + name.slice(1)];
  if (!method || !legacy) throw new Error(name);
  let compared = 0;
  await fc.assert(
    fc.asyncProperty(initOf(method.input, 2, bits), async (init) => {
      const bytes = toBinary(method.input, create(method.input, given(init) as typeof init));
      const oldReply = legacy.responseSerialize(await before[name]?.(legacy.requestDeserialize(Buffer.from(bytes))));
      const reply = (await after[name]?.(fromBinary(method.input, bytes))) as Record<string, unknown>;
      const newReply = toBinary(method.output, create(method.output, reply));
      compared++;
      const json = (one: Uint8Array) => seen(jsonOf(method.output, fromBinary(method.output, one)));
      expect(json(newReply)).toEqual(json(oldReply));
    }),
    { numRuns: runs },
  );
  expect(compared).toBeGreaterThanOrEqual(runs);
}
