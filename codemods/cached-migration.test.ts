import { execFileSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { cachedMigration } from "./cached-migration.js";
import type { MigrationOptions } from "./migration.js";
import { runMigration } from "./pipeline.js";

let root: string;
const at = (name: string) => path.join(root, name);
const read = (name: string) => readFileSync(at(name), "utf8");
function write(name: string, text: string): void {
  mkdirSync(path.dirname(at(name)), { recursive: true });
  writeFileSync(at(name), text);
}
const edit = (name: string, from: string, to: string) => {
  const text = read(name);
  expect(text).toContain(from);
  write(name, text.replace(from, to));
};

const options = (more: Partial<MigrationOptions> = {}): MigrationOptions => ({
  cwd: at("app"),
  paths: ["src"],
  side: "services",
  target: "bundled",
  messages: "auto",
  runtime: "npm",
  ...more,
});

/** Runs through the cache, and says whether the answer came from there: then nothing is analysed. */
async function cached(more: Partial<MigrationOptions> = {}) {
  const said: string[] = [];
  const result = await cachedMigration(options({ ...more, onProgress: (what) => said.push(what) }), { cache: true });
  return { result, isHit: !said.includes("looking for files that use grpc-js") };
}

beforeAll(() => {
  root = realpathSync(mkdtempSync(path.join(tmpdir(), "cached-migration-")));
  execFileSync("git", ["init", "-q"], { cwd: root });
  // Above the project: what it extends, and the protos.
  write("tsconfig.base.json", '{ "compilerOptions": { "strict": true, "skipLibCheck": true } }\n');
  write("protos/a.proto", 'syntax = "proto3";\npackage a;\nimport "m.proto";\nservice B { rpc Say(M) returns (M); }\n');
  write("protos/m.proto", 'syntax = "proto3";\npackage a;\nmessage M { string text = 1; }\n');
  write("app/package.json", '{ "name": "app", "dependencies": { "@grpc/grpc-js": "^1.14.0" } }\n');
  write(
    "app/tsconfig.json",
    '{ "extends": "../tsconfig.base.json", "compilerOptions": { "module": "CommonJS", "target": "ES2022" }, "include": ["src"] }\n',
  );
  write(
    "app/node_modules/greeting/package.json",
    '{ "name": "greeting", "version": "1.0.0", "types": "index.d.ts" }\n',
  );
  write("app/node_modules/greeting/index.d.ts", "export declare function greet(name: string): string;\n");
  write("app/src/names/index.ts", "export const nameOf = (text: string): string => text;\n");
  write("app/src/unused.ts", "export const unused = 1;\n");
  write(
    "app/src/server.ts",
    `import * as grpc from "@grpc/grpc-js";
import * as protoLoader from "@grpc/proto-loader";
import { greet } from "greeting";
import * as path from "path";
import { nameOf } from "./names";

const definition = protoLoader.loadSync(path.join(__dirname, "../../protos/a.proto"), { includeDirs: [path.join(__dirname, "../../protos")] });
const proto = grpc.loadPackageDefinition(definition) as any;

function say(call: grpc.ServerUnaryCall<any, any>, callback: grpc.sendUnaryData<any>) {
  callback(null, { text: greet(nameOf(call.request.text)) });
}

const server = new grpc.Server();
server.addService(proto.a.B.service, { say });
server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), () => {});
`,
  );
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

const changes: readonly (readonly [what: string, change: () => void])[] = [
  ["a source", () => edit("app/src/server.ts", "callback(null,", "callback(undefined as any,")],
  ["a source, back again", () => edit("app/src/server.ts", "callback(undefined as any,", "callback(null,")],
  [
    "a source that keeps its length and its time",
    () => {
      const { atime, mtime } = statSync(at("app/src/server.ts"));
      edit("app/src/server.ts", '"127.0.0.1:0"', '"127.0.0.2:0"');
      utimesSync(at("app/src/server.ts"), atime, mtime);
    },
  ],
  ["what a source imports", () => edit("app/src/names/index.ts", "=> text", "=> text.trim()")],
  ["a source that had nothing to do with grpc-js", () => write("app/src/unused.ts", 'export * from "./server";\n')],
  ["a new source", () => write("app/src/more.ts", 'import "@grpc/grpc-js";\n')],
  ["what git ignores", () => write(".git/info/exclude", "more.ts\n")],
  ["a source that goes", () => rmSync(at("app/src/more.ts"))],
  ["a file that comes first in resolution", () => write("app/src/names.ts", "export const nameOf = String;\n")],
  ["a file that is called otherwise", () => renameSync(at("app/src/names.ts"), at("app/src/other-names.ts"))],
  ["a proto", () => edit("protos/a.proto", "service B {", "service B { rpc More(M) returns (M);")],
  ["a proto that another imports", () => edit("protos/m.proto", "string text = 1;", "string text = 1; int32 n = 2;")],
  ["the package.json", () => edit("app/package.json", "^1.14.0", "^1.13.0")],
  ["the tsconfig.json", () => edit("app/tsconfig.json", '"ES2022"', '"ES2021"')],
  ["a tsconfig.json above the project", () => edit("tsconfig.base.json", '"strict": true', '"strict": false')],
  ["the types of a package", () => edit("app/node_modules/greeting/index.d.ts", "name: string", "name: unknown")],
  [
    "a package that was not there",
    () => {
      write(
        "app/node_modules/@grpc/grpc-js/package.json",
        '{ "name": "@grpc/grpc-js", "version": "1.14.0", "types": "index.d.ts" }\n',
      );
      write("app/node_modules/@grpc/grpc-js/index.d.ts", "export declare class Server {}\n");
    },
  ],
  [
    "a buf.gen.yaml",
    () =>
      write(
        "app/buf.gen.yaml",
        "version: v2\nplugins:\n  - local: protoc-gen-es\n    out: lib/gen\n    opt: target=ts\n",
      ),
  ],
];

describe("a cached answer", () => {
  it("is the answer of a run, and comes only when nothing changed", async () => {
    const first = await cached();
    expect(first.isHit).toBe(false);
    expect(first.result.summary).toMatchObject({ failed: 0, filesChanged: 1 });
    const second = await cached();
    expect(second.isHit).toBe(true);
    expect(second.result).toEqual(first.result);
  }, 60_000);

  it.each(changes)(
    "is not used after a change of %s",
    async (_, change) => {
      await cached();
      change();
      const after = await cached();
      expect(after.isHit).toBe(false);
      expect(after.result).toEqual(await runMigration(options()));
      expect(await cached()).toEqual({ result: after.result, isHit: true });
    },
    60_000,
  );

  it.each([
    { target: "connectrpc" },
    { messages: "bridge" },
    { runtime: "vendor" },
    { side: "clients" },
    { paths: ["src/server.ts"] },
    { paths: ["src/server.ts", "src/names"] },
  ] as Partial<MigrationOptions>[])(
    "is not used for %o",
    async (own) => {
      const { isHit, result } = await cached(own);
      expect(isHit).toBe(false);
      expect(result).toEqual(await runMigration(options(own)));
    },
    60_000,
  );

  it("is not used for another root", async () => {
    await cached();
    const { isHit, result } = await cached({ root });
    expect(isHit).toBe(false);
    expect(result.root).toBe(root);
  }, 60_000);

  it("is made anew where the entry is damaged", async () => {
    await cached();
    const folder = at(".git/connect-migrate/cache");
    for (const name of readdirSync(folder)) writeFileSync(path.join(folder, name), '{"reads": {');
    expect((await cached()).isHit).toBe(false);
    expect((await cached()).isHit).toBe(true);
    expect(readdirSync(folder).length).toBeLessThanOrEqual(20);
  }, 60_000);

  it("leaves the file system's functions as they were", () => {
    expect(existsSync.name).toBe("existsSync");
    expect(readFileSync.name).toBe("readFileSync");
  });
});
