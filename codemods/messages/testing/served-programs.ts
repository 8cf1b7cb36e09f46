import { symlinkSync } from "node:fs";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import { create, type DescMethod, type DescService, fromBinary, toBinary, toJsonString } from "@bufbuild/protobuf";
import { serve } from "@connect-migrate/runtime/node";
import { Client, credentials, type ServiceError } from "@grpc/grpc-js";
import fc from "fast-check";
import { expect } from "vitest";
import { ensureGenerated } from "../../generate/index.js";
import { tempProject } from "../../generate/testing/temp-project.js";
import { initOf } from "./arbitrary-init.js";
import { migrateMessages } from "./migrate-messages.js";
import { compile, expectToCompile } from "./typed-programs.js";

const repository = resolve(import.meta.dirname, "../../..");

/** The servers of a program, as it is and migrated, which a client of grpc-js calls with the same bytes. */
export interface ServedPrograms extends AsyncDisposable {
  readonly service: DescService;
  readonly migrated: string;
  /** Their clients, for calls that go on beside others. */
  readonly clients: Readonly<Record<"before" | "after", Client>>;
  /** What a call of a server is answered: each reply, and how it ended. */
  converse(which: "before" | "after", method: DescMethod, requests: readonly Uint8Array[]): Promise<string[]>;
}

/**
 * `files` has a `server.js`, or a `server.ts`, that exports its app: all of its message code must become native. `service` is
 * `pkg.Name`.
 */
export async function servedPrograms(
  service: string,
  files: Readonly<Record<string, string>>,
  modules: readonly string[] = ["@bufbuild", "@connect-migrate", "@grpc"],
): Promise<ServedPrograms> {
  const projects: Disposable[] = [];
  const project = (given: Readonly<Record<string, string>>) => {
    const made = tempProject({ "package.json": "{}", "node_modules/.keep": "", ...given });
    projects.push(made);
    for (const module of modules)
      symlinkSync(join(repository, "node_modules", module), join(made.root, "node_modules", module));
    return made.root;
  };
  const before = project(files);
  const generated = await ensureGenerated({ root: before });
  const code = Object.fromEntries(generated.files.map((file) => [file.path.slice(before.length + 1), file.content]));
  const migrated = await migrateMessages(before);
  expect(migrated.findings.map(({ outcome, reason }) => [outcome, reason?.text])).toEqual([["idiomatic", undefined]]);
  const isTyped = "server.ts" in files;
  const start = async (root: string) => {
    if (isTyped) compile(root);
    const running = await serve(createRequire(join(root, "x.js"))("./server.js").app, { address: "127.0.0.1:0" });
    return { running, client: new Client(`127.0.0.1:${running.port}`, credentials.createInsecure()) };
  };
  const after = project({ ...files, ...code, ...migrated.files });
  if (isTyped) expectToCompile(after);
  const servers = { before: await start(project({ ...files, ...code })), after: await start(after) };
  return {
    service: generated.registry?.service(service) as DescService,
    migrated: Object.keys(files)
      .filter((file) => /\.[jt]s$/.test(file))
      .map((file) => migrated.files[file])
      .join("\n"),
    clients: { before: servers.before.client, after: servers.after.client },
    converse: (which, method, requests) => converse(servers[which].client, method, requests),
    async [Symbol.asyncDispose]() {
      for (const { running, client } of Object.values(servers)) {
        client.close();
        await running.close();
      }
      for (const one of projects) one[Symbol.dispose]();
    },
  };
}

const same = (bytes: Uint8Array) => Buffer.from(bytes);

function converse(client: Client, method: DescMethod, requests: readonly Uint8Array[]): Promise<string[]> {
  const path = `/${method.parent.typeName}/${method.name}`;
  const heard: string[] = [];
  return new Promise((done) => {
    // proto-loader's functions write what is not set, too.
    const hear = (reply: Uint8Array | undefined) =>
      void (reply && heard.push(toJsonString(method.output, fromBinary(method.output, new Uint8Array(reply)))));
    const end = (code: number, text: string) => done([...heard, `${code} ${text}`]);
    const answered = (error: ServiceError | null, reply?: Uint8Array) => {
      hear(reply);
      end(error?.code ?? 0, error?.details ?? "");
    };
    const [first = Buffer.alloc(0)] = requests;
    switch (method.methodKind) {
      case "unary":
        return void client.makeUnaryRequest(path, same, same, first, answered);
      case "client_streaming":
        return send(client.makeClientStreamRequest(path, same, same, answered), requests);
      case "server_streaming":
        return listen(client.makeServerStreamRequest(path, same, same, first));
      case "bidi_streaming": {
        const call = client.makeBidiStreamRequest(path, same, same);
        listen(call);
        return send(call, requests);
      }
    }
    function listen(call: ReturnType<Client["makeServerStreamRequest"]>): void {
      call.on("data", hear);
      call.on("error", () => {});
      call.on("status", (status) => end(status.code, status.details));
    }
  });
}

function send(call: { write(bytes: Uint8Array): void; end(): void }, requests: readonly Uint8Array[]): void {
  for (const request of requests) call.write(request);
  call.end();
}

/** Drawn calls, one after the other, each of both servers: they answer the same. The share of calls that fail is between a tenth and nine. */
export async function expectSameConversations(
  programs: ServedPrograms,
  count: number,
  names?: readonly string[],
): Promise<void> {
  const methods = programs.service.methods.filter(({ localName }) => names?.includes(localName) ?? true);
  const calls = fc.oneof(
    ...methods.map((method) => {
      const most = /client|bidi/.test(method.methodKind) ? 4 : 1;
      const inits = fc.array(initOf(method.input, 1, 53n), { minLength: most === 1 ? 1 : 0, maxLength: most });
      return inits.map((given) => ({
        method,
        requests: given.map((init) => toBinary(method.input, create(method.input, init))),
      }));
    }),
  );
  let refused = 0;
  await fc.assert(
    fc.asyncProperty(calls, async ({ method, requests }) => {
      const before = await programs.converse("before", method, requests);
      const after = await programs.converse("after", method, requests);
      expect([method.name, ...after]).toEqual([method.name, ...before]);
      if (!before.at(-1)?.startsWith("0 ")) refused++;
    }),
    { numRuns: count },
  );
  if (names) return;
  expect(refused).toBeGreaterThan(count / 10);
  expect(refused).toBeLessThan((count * 9) / 10);
}
