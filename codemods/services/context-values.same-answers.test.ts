import { cpSync, existsSync, mkdtempSync, realpathSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import * as grpc from "@grpc/grpc-js";
import * as protoLoader from "@grpc/proto-loader";
import { afterEach, expect, it } from "vitest";
import { startChild } from "../../fixtures/harness/child.js";
import { repository } from "../../fixtures/harness/program.js";
import { runMigration, writeMigration } from "../index.js";

// The program of the fixture, whose wrappers and handlers stand in several files, as it is and migrated: the same grpc-js client asks both.
const before = path.join(repository, "fixtures", "services", "context-values", "before");
let root = "";
afterEach(() => rmSync(root, { recursive: true, force: true }));

type Client = grpc.Client & Record<string, (...args: unknown[]) => grpc.ClientReadableStream<unknown>>;

/** Everything that known users and others are told, and what the server wrote meanwhile. */
async function transcript(): Promise<string[]> {
  const server = startChild(process.execPath, ["server.js"], { cwd: root });
  const lines: string[] = [];
  try {
    const port = await server.ready(/^ready on (\d+)/m);
    const loaded = grpc.loadPackageDefinition(protoLoader.loadSync(path.join(before, "items.proto")));
    const { Items } = (loaded as unknown as { items: { v1: { Items: grpc.ServiceClientConstructor } } }).items.v1;
    const client = new Items(`127.0.0.1:${port}`, grpc.credentials.createInsecure()) as unknown as Client;
    for (const token of ["Bearer a", "Bearer b", "nobody", undefined]) {
      const metadata = new grpc.Metadata();
      if (token) metadata.set("authorization", token);
      for (const [method, name] of [
        ["getItem", "apple"],
        ["getItem", "cake"],
        ["dropItem", "bread"],
      ] as const)
        await new Promise<void>((resolve) =>
          client[method]?.({ name }, metadata, (error: grpc.ServiceError | null, answer: unknown) => {
            lines.push(error ? `${method} ${error.code} ${error.details}` : `${method} ${JSON.stringify(answer)}`);
            resolve();
          }),
        );
      const stream = client.listItems?.({}, metadata) as grpc.ClientReadableStream<unknown>;
      stream.on("data", (item) => lines.push(JSON.stringify(item)));
      stream.on("error", () => {});
      await new Promise<void>((resolve) =>
        stream.on("status", ({ code, details }) => {
          lines.push(`listItems ${code} ${details}`);
          resolve();
        }),
      );
    }
    client.close();
  } finally {
    await server.stop();
  }
  return [...lines, ...server.out.split("\n").filter((line) => line.startsWith("call "))];
}

it("what wrappers put on calls reaches the handlers of other files as before", async () => {
  root = realpathSync(mkdtempSync(path.join(tmpdir(), "context-values-")));
  cpSync(before, root, { recursive: true });
  symlinkSync(path.join(repository, "node_modules"), path.join(root, "node_modules"));
  const expected = await transcript();
  expect(expected).toContain("dropItem 7 not for bob");
  expect(expected).toContain("call 3 of ann");
  const migrate = () =>
    runMigration({ cwd: root, paths: ["."], side: "services", target: "bundled", messages: "auto", runtime: "npm" });
  const result = await migrate();
  await writeMigration(result);
  expect(result.findings.filter(({ outcome, rule }) => outcome !== "idiomatic" && /handler/.test(rule))).toEqual([]);
  expect(existsSync(path.join(root, "lib", "context-keys.js"))).toBe(true);
  expect(await transcript()).toEqual(expected);
  const again = await migrate();
  expect(again.extraFiles).toEqual([]);
  expect(again.files.filter(({ status }) => status !== "unchanged")).toEqual([]);
}, 120_000);
