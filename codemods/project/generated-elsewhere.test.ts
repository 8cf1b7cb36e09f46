import { readFileSync, symlinkSync } from "node:fs";
import path from "node:path";
import { expect, it } from "vitest";
import { tempProject } from "../generate/testing/temp-project.js";
import { runMigration } from "../pipeline.js";

const proto = `syntax = "proto3"; package kennel.v1;
service Kennel { rpc Feed(Dog) returns (Dog); }
message Dog { string name = 1; }
`;

async function migrate(root: string, side: "services" | "clients") {
  return runMigration({
    cwd: root,
    paths: [path.join(root, "src")],
    side,
    target: "bundled",
    messages: "auto",
    runtime: "npm",
  });
}

it("generated code that only a build makes is known by the names that its generator gives", async () => {
  using project = tempProject({
    "package.json": JSON.stringify({ dependencies: { "@grpc/grpc-js": "1" }, devDependencies: { "ts-proto": "2" } }),
    "tsconfig.json": JSON.stringify({ compilerOptions: { module: "commonjs", strict: true, types: ["node"] } }),
    "proto/kennel.proto": proto,
    "src/kennel.ts": `import { sendUnaryData, ServerUnaryCall, UntypedHandleCall } from '@grpc/grpc-js';
import { Dog, KennelServer } from './gen/kennel';

export class Kennel implements KennelServer {
  [name: string]: UntypedHandleCall;

  feed(call: ServerUnaryCall<Dog, Dog>, callback: sendUnaryData<Dog>): void {
    callback(null, { name: call.request.name + '!' });
  }
}
`,
    "src/server.ts": `import { Server, ServerCredentials } from '@grpc/grpc-js';
import { KennelService } from './gen/kennel';
import { Kennel } from './kennel';

const server = new Server();
server.addService(KennelService, new Kennel());
server.bindAsync('0.0.0.0:0', ServerCredentials.createInsecure(), () => {});
`,
  });
  symlinkSync(path.resolve(import.meta.dirname, "../../node_modules"), path.join(project.root, "node_modules"));
  const { files } = await migrate(project.root, "services");
  const text = (name: string) => files.find((file) => file.path.endsWith(name))?.after ?? "";
  expect(text("server.ts")).toContain("router.service(");
  expect(text("server.ts")).toContain("grpcJsMessages(KennelService)");
  expect(text("kennel.ts")).toContain("implements ServiceImplOf<typeof KennelService>");
  expect(text("kennel.ts")).toContain("feed(req: Dog)");
});

it("nice-grpc is an API of its own: nothing is rewritten, and every place says so", async () => {
  const server = `import { createServer } from 'nice-grpc';
import { KennelDefinition } from './gen/kennel';

const server = createServer();
server.add(KennelDefinition, { feed: async (dog) => dog });
`;
  const client = `import { createChannel, createClient } from 'nice-grpc';
import { KennelClient, KennelDefinition } from './gen/kennel';

export const client: KennelClient = createClient(KennelDefinition, createChannel('localhost:1'));
`;
  using project = tempProject({
    "package.json": JSON.stringify({ dependencies: { "nice-grpc": "2" }, devDependencies: { "ts-proto": "2" } }),
    "proto/kennel.proto": proto,
    "src/server.ts": server,
    "src/client.ts": client,
  });
  const found = [];
  for (const side of ["services", "clients"] as const) {
    const { findings, files } = await migrate(project.root, side);
    for (const file of files)
      expect((file.after ?? "").replace(/^\/\/ TODO.*\n/gm, "")).toBe(readFileSync(file.path, "utf8"));
    found.push(...findings.map(({ construct, outcome, reason }) => [construct, outcome, reason?.code]));
  }
  expect(found.sort()).toEqual([
    ["nice-grpc createChannel", "manual", "nice-grpc"],
    ["nice-grpc createClient", "manual", "nice-grpc"],
    ["nice-grpc createServer", "manual", "nice-grpc"],
  ]);
});
