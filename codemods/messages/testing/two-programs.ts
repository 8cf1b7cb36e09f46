import { cpSync, readFileSync, symlinkSync } from "node:fs";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import type { DescService } from "@bufbuild/protobuf";
import type { MethodDefinition } from "@grpc/grpc-js";
import { expect } from "vitest";
import { ensureGenerated } from "../../generate/index.js";
import { tempProject } from "../../generate/testing/temp-project.js";
import { migrateMessages } from "./migrate-messages.js";

type Handlers = Record<string, (request: unknown) => unknown>;

/** One program with google-protobuf's classes, as it is and migrated: both run. */
export interface TwoPrograms extends Disposable {
  readonly before: Handlers;
  readonly after: Handlers;
  readonly definition: Record<string, MethodDefinition<unknown, unknown>>;
  readonly service: DescService;
  readonly migrated: string;
}

const old = resolve(import.meta.dirname, "google-protobuf");
const repository = resolve(import.meta.dirname, "../../..");

/** `name` is that of the .proto in testing/google-protobuf; its service has the capitalised name and these handlers. */
export async function twoPrograms(name: string, handlers: string): Promise<TwoPrograms> {
  const service = name.charAt(0).toUpperCase() + name.slice(1);
  const names = /module\.exports = (\{.*\});/.exec(handlers)?.[1] ?? "";
  const server = `
const { grpcJsMessages } = require('@connect-migrate/runtime/grpc-js');
const { createApp } = require('@connect-migrate/runtime/node');
const { ${service} } = require('./gen/${name}_pb.js');
const { ${service}Service } = require('./old/${name}_grpc_pb.js');
const ${names} = require('./handlers');
exports.app = createApp({ routes(router) {
  router.service(${service}, ${names}, { messages: grpcJsMessages(${service}Service) });
} });
`;
  const projects: Disposable[] = [];
  const project = (files: Record<string, string>) => {
    const made = tempProject({ "package.json": "{}", "node_modules/.keep": "", ...files });
    projects.push(made);
    for (const file of [`${name}_pb.js`, `${name}_grpc_pb.js`]) cpSync(join(old, file), join(made.root, "old", file));
    for (const module of ["google-protobuf", "@grpc", "@bufbuild", "@connect-migrate"])
      symlinkSync(join(repository, "node_modules", module), join(made.root, "node_modules", module));
    return made.root;
  };
  const proto = readFileSync(join(old, `${name}.proto`), "utf8");
  const files = { [`${name}.proto`]: proto, "handlers.js": handlers, "server.js": server };
  const before = project(files);
  const migrated = await migrateMessages(before);
  expect(migrated.findings.map(({ outcome, reason }) => [outcome, reason?.text])).toEqual([["idiomatic", undefined]]);
  const text = migrated.files["handlers.js"] ?? "";
  expect(text).not.toMatch(/\/old\/|google-protobuf|\.(get|set|has|clear|add)(?!Own)[A-Z]\w*\(/);
  const generated = await ensureGenerated({ root: before });
  const code = Object.fromEntries(generated.files.map((file) => [file.path.slice(before.length + 1), file.content]));
  const after = project({ ...files, ...code, ...migrated.files });
  const load = (root: string, module: string) => createRequire(join(root, "x.js"))(module);
  return {
    before: load(before, "./handlers.js") as Handlers,
    after: load(after, "./handlers.js") as Handlers,
    definition: load(before, `./old/${name}_grpc_pb.js`)[`${service}Service`],
    service: generated.registry?.service(`${name}.v1.${service}`) as DescService,
    migrated: text,
    [Symbol.dispose]: () => {
      for (const one of projects) one[Symbol.dispose]();
    },
  };
}
