import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import type { DescService } from "@bufbuild/protobuf";
import type { MethodDefinition } from "@grpc/grpc-js";
import protoLoader from "@grpc/proto-loader";
import { Project, ts } from "ts-morph";
import { expect } from "vitest";
import { ensureGenerated } from "../../generate/index.js";
import { tempProject } from "../../generate/testing/temp-project.js";
import { migrateMessages } from "./migrate-messages.js";
import type { TwoPrograms } from "./two-programs.js";

const repository = resolve(import.meta.dirname, "../../..");
const generator = join(repository, "node_modules/@grpc/proto-loader/build/bin/proto-loader-gen-types.js");
const PACKAGES = ["@bufbuild", "@connect-migrate", "@grpc", "@types", "long", "protobufjs"];
const compilerOptions = {
  strict: true,
  module: ts.ModuleKind.CommonJS,
  moduleResolution: ts.ModuleResolutionKind.Node10,
  ignoreDeprecations: "6.0",
  target: ts.ScriptTarget.ES2022,
  esModuleInterop: true,
  skipLibCheck: true,
  types: ["node"],
};

/**
 * A program in TypeScript on proto-loader's objects and with the types of proto-loader-gen-types (in `pb/`), as it is and migrated:
 * all of its message code becomes native, and the compiler, in strict mode, takes both. `handlers.ts` exports `handlers`.
 */
export async function typedLoaderPrograms(
  service: string,
  proto: string,
  given: Readonly<Record<string, string>>,
): Promise<TwoPrograms> {
  const name = service.slice(service.lastIndexOf(".") + 1);
  const options = { keepCase: true, longs: String, enums: String, defaults: true, oneofs: true };
  const server = `import * as protoLoader from '@grpc/proto-loader';
import { grpcJsMessages } from '@connect-migrate/runtime/grpc-js';
import { createApp } from '@connect-migrate/runtime/node';
import { ${name} } from './gen/service_pb';
import { handlers } from './handlers';
const definition = protoLoader.loadSync(__dirname + '/service.proto', { keepCase: true, longs: String, enums: String, defaults: true, oneofs: true });
export const app = createApp({ routes(router) {
  router.service(${name}, handlers, { messages: grpcJsMessages(definition['${service}']) });
} });
`;
  const projects: Disposable[] = [];
  const project = (files: Readonly<Record<string, string>>) => {
    const made = tempProject({ "package.json": "{}", "node_modules/.keep": "", "service.proto": proto, ...files });
    projects.push(made);
    for (const one of PACKAGES)
      symlinkSync(join(repository, "node_modules", one), join(made.root, "node_modules", one));
    return made.root;
  };
  const scratch = project({});
  const flags = ["--keepCase", "--longs=String", "--enums=String", "--defaults", "--oneofs", "--grpcLib=@grpc/grpc-js"];
  execFileSync("node", [generator, ...flags, "--outDir=pb", "-I", ".", "--", "service.proto"], { cwd: scratch });
  const types = Object.fromEntries(
    readdirSync(join(scratch, "pb"), { recursive: true, encoding: "utf8" })
      .filter((file) => file.endsWith(".ts"))
      .map((file) => [`pb/${file}`, readFileSync(join(scratch, "pb", file), "utf8")]),
  );
  const config = JSON.stringify({
    compilerOptions: { ...compilerOptions, module: "commonjs", moduleResolution: "node10", target: "es2022" },
  });
  const old = { ...types, ...given, "server.ts": server, "tsconfig.json": config };
  const before = project(old);
  const migrated = await migrateMessages(before);
  expect(migrated.findings.map(({ outcome, reason }) => [outcome, reason?.text])).toEqual([["idiomatic", undefined]]);
  const generated = await ensureGenerated({ root: before });
  const code = Object.fromEntries(generated.files.map((file) => [file.path.slice(before.length + 1), file.content]));
  const after = project({ ...old, ...code, ...migrated.files });
  const handlersOf = (root: string, isMigrated: boolean) => {
    const compiler = new Project({ compilerOptions, skipAddingFilesFromTsConfig: true });
    const own = Object.keys(given).map((file) => compiler.addSourceFileAtPath(join(root, file)));
    compiler.resolveSourceFileDependencies();
    const told = own.flatMap((file) => file.getPreEmitDiagnostics());
    // The generated code of protobuf-es is not there before.
    if (isMigrated)
      expect(told.map((one) => ts.flattenDiagnosticMessageText(one.compilerObject.messageText, " "))).toEqual([]);
    for (const file of compiler
      .getSourceFiles()
      .filter((one) => one.getFilePath().startsWith(root) && !one.isDeclarationFile()))
      writeFileSync(
        file.getFilePath().replace(/ts$/, "js"),
        ts.transpileModule(file.getFullText(), { compilerOptions }).outputText,
      );
    const { handlers } = createRequire(join(root, "x.js"))("./handlers.js");
    return Object.fromEntries(
      Object.entries<never>(handlers).map(([key, handler]) => [key.charAt(0).toLowerCase() + key.slice(1), handler]),
    );
  };
  return {
    before: handlersOf(before, false),
    after: handlersOf(after, true),
    definition: protoLoader.loadSync(join(before, "service.proto"), options)[service] as unknown as Record<
      string,
      MethodDefinition<unknown, unknown>
    >,
    service: generated.registry?.service(service) as DescService,
    migrated: Object.keys(given)
      .map((file) => migrated.files[file])
      .join("\n"),
    [Symbol.dispose]: () => {
      for (const one of projects) one[Symbol.dispose]();
    },
  };
}
