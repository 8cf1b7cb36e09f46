import { symlinkSync } from "node:fs";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import type { DescService } from "@bufbuild/protobuf";
import type { MethodDefinition } from "@grpc/grpc-js";
import protoLoader from "@grpc/proto-loader";
import { expect } from "vitest";
import { ensureGenerated } from "../../generate/index.js";
import { tempProject } from "../../generate/testing/temp-project.js";
import { migrateMessages } from "./migrate-messages.js";
import type { TwoPrograms } from "./two-programs.js";

const repository = resolve(import.meta.dirname, "../../..");

/** A program on proto-loader's objects, as it is and migrated: all of its message code must become native. `service` is `pkg.Name`. */
export async function loaderPrograms(
  service: string,
  files: Readonly<Record<string, string>>,
  options: Readonly<protoLoader.Options> = {
    keepCase: true,
    longs: String,
    enums: String,
    defaults: true,
    oneofs: true,
  },
): Promise<TwoPrograms> {
  const name = service.slice(service.lastIndexOf(".") + 1);
  const names = /module\.exports = (\{.*\});/.exec(files["handlers.js"] ?? "")?.[1] ?? "";
  const written = JSON.stringify({ ...options, longs: undefined, enums: undefined }).slice(1, -1);
  const types = [options.longs === String ? "longs: String" : "", options.enums === String ? "enums: String" : ""];
  const server = `
const protoLoader = require('@grpc/proto-loader');
const { grpcJsMessages } = require('@connect-migrate/runtime/grpc-js');
const { createApp } = require('@connect-migrate/runtime/node');
const { ${name} } = require('./gen/service_pb.js');
const ${names} = require('./handlers');
const definition = protoLoader.loadSync(__dirname + '/service.proto', { ${[...types, written].filter(Boolean).join(", ")} });
exports.app = createApp({ routes(router) {
  router.service(${name}, ${names}, { messages: grpcJsMessages(definition['${service}']) });
} });
`;
  const projects: Disposable[] = [];
  const project = (given: Readonly<Record<string, string>>) => {
    const made = tempProject({ "package.json": "{}", "node_modules/.keep": "", "server.js": server, ...given });
    projects.push(made);
    for (const scope of ["@bufbuild", "@connect-migrate", "@grpc"])
      symlinkSync(join(repository, "node_modules", scope), join(made.root, "node_modules", scope));
    return made.root;
  };
  const before = project(files);
  const migrated = await migrateMessages(before);
  expect(migrated.findings.map(({ outcome, reason }) => [outcome, reason?.text])).toEqual([["idiomatic", undefined]]);
  const generated = await ensureGenerated({ root: before });
  const code = Object.fromEntries(generated.files.map((file) => [file.path.slice(before.length + 1), file.content]));
  const after = project({ ...files, ...code, ...migrated.files });
  const handlersOf = (root: string) => createRequire(join(root, "x.js"))("./handlers.js");
  return {
    before: handlersOf(before),
    after: handlersOf(after),
    definition: protoLoader.loadSync(join(before, "service.proto"), options)[service] as unknown as Record<
      string,
      MethodDefinition<unknown, unknown>
    >,
    service: generated.registry?.service(service) as DescService,
    migrated: Object.keys(files)
      .filter((file) => file.endsWith(".js"))
      .map((file) => migrated.files[file])
      .join("\n"),
    [Symbol.dispose]: () => {
      for (const one of projects) one[Symbol.dispose]();
    },
  };
}
