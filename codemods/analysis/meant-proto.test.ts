import { mkdirSync, symlinkSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect, it } from "vitest";
import { tempProject } from "../generate/testing/temp-project.js";
import { runMigration } from "../pipeline.js";

const server = (load: string) => `const grpc = require('@grpc/grpc-js');
const protoLoader = require('@grpc/proto-loader');
const { todo } = grpc.loadPackageDefinition(protoLoader.loadSync(${load}));
const server = new grpc.Server();
server.addService(todo.ToDo.service, { create: (call, callback) => callback(null, call.request) });
server.bindAsync('0.0.0.0:1', grpc.ServerCredentials.createInsecure(), () => {});
const client = new todo.ToDo('localhost:1', grpc.credentials.createInsecure());
client.create({}, (error, reply) => console.log(error, reply));
`;
const valid = 'syntax = "proto3"; package other; message Unused {}';
const invalid = `syntax = "proto3";
package todo;
service ToDo { rpc Create(Entry) returns (Entry); }
message Entry { required string title = 1; }
`;

async function reasonsOf(files: Record<string, string>): Promise<string[]> {
  using project = tempProject({
    "package.json": '{ "name": "x", "dependencies": { "@grpc/grpc-js": "^1.14.0" } }',
    ...files,
  });
  mkdirSync(join(project.root, "node_modules"), { recursive: true });
  symlinkSync(resolve(import.meta.dirname, "../../node_modules/@grpc"), join(project.root, "node_modules/@grpc"));
  const options = { cwd: project.root, paths: ["."], target: "bundled", messages: "auto", runtime: "npm" } as const;
  const results = [
    await runMigration({ ...options, side: "services" }),
    await runMigration({ ...options, side: "clients" }),
  ];
  return results.map(
    ({ findings }) => findings.find(({ construct }) => /addService|new todo/.test(construct))?.reason?.text ?? "",
  );
}

it.each([
  ["another file that does", { "todo.proto": invalid, "other.proto": valid }],
  ["no other file", { "todo.proto": invalid }],
])("a .proto file that does not compile is named with its fault, beside %s", async (_, protos) => {
  const found = await reasonsOf({ "server.js": server("__dirname + '/todo.proto'"), ...protos });
  for (const text of found)
    expect(text).toMatch(
      /the \.proto file of todo\.ToDo does not compile \(todo\.proto:4:17:.*required.*correct the file/i,
    );
});

it("a .proto file that the program loads and that is not there is named", async () => {
  const found = await reasonsOf({ "server.js": server("__dirname + '/protos/todo.proto'"), "other.proto": valid });
  for (const text of found)
    expect(text).toMatch(
      /no \.proto file was found for todo\.ToDo \(the program loads protos\/todo\.proto, which is not there\)\. Add it/i,
    );
});
