import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import * as grpc from "@grpc/grpc-js";
import * as protoLoader from "@grpc/proto-loader";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startChild } from "../../fixtures/harness/child.js";
import { linkPackages } from "../../fixtures/harness/link-packages.js";
import { repository } from "../../fixtures/harness/program.js";
import { runMigration, writeMigration } from "../index.js";

const proto = path.join(path.dirname(fileURLToPath(import.meta.url)), "testing", "probe.proto");
const HEAD = `import path from 'path';
import * as grpc from '@grpc/grpc-js';
import * as protoLoader from '@grpc/proto-loader';
import type { ProtoGrpcType } from './gen/probe';
import type { ProbeClient } from './gen/probe/v1/Probe';
import type { Text__Output } from './gen/probe/v1/Text';
const definition = protoLoader.loadSync(path.join(__dirname, 'probe.proto'), { keepCase: true, defaults: true });
const { probe } = grpc.loadPackageDefinition(definition) as unknown as ProtoGrpcType;
`;
const CLIENT = `${HEAD}export const client: ProbeClient = new probe.v1.Probe(process.env.ADDRESS!, grpc.credentials.createInsecure());
`;
const USE = `import { client } from './client';
client.ask({ text: 'a' }, (error, reply) => console.log(error, reply?.text));
`;

interface Case {
  readonly files: Readonly<Record<string, string>>;
  /** What the run is given. Default: everything. */
  readonly paths?: readonly string[];
  /** The outcomes of constructions and calls, and what is said of one that is bridged. */
  readonly outcomes: readonly string[];
  readonly says?: RegExp;
}

// Programs in TypeScript with the types of proto-loader-gen-types: they compile afterwards, and get the same answers.
const cases: Readonly<Record<string, Case>> = {
  "for await of a stream that is asserted to be an AsyncIterable": {
    files: {
      "main.ts": `${CLIENT}
async function main(): Promise<void> {
  for (const text of ['a', 'fail']) {
    const stream = client.list({ text });
    try {
      for await (const item of stream as AsyncIterable<Text__Output>) console.log(item.text);
    } catch (error) {
      console.log((error as grpc.ServiceError).code);
    }
  }
}
main();
`,
    },
    outcomes: ["idiomatic"],
  },
  "a listener whose pattern has a type": {
    files: {
      "main.ts": `${CLIENT}
for (const text of ['a', 'fail']) {
  const call = client.list({ text });
  call.on('data', ({ text: own }: Text__Output) => console.log(own));
  call.on('error', (error: grpc.ServiceError) => console.log(error.code));
}
`,
    },
    outcomes: ["idiomatic"],
  },
  "a reply with no name for its type, of a method that protobuf-es spells in another way": {
    files: {
      "main.ts": `${HEAD}
const client = new probe.v1.Other(process.env.ADDRESS!, grpc.credentials.createInsecure());
client.askUrl({ text: 'a' }, (error, reply) => {
  if (error) console.log('a', error.code);
  console.log(reply?.text);
});
`,
    },
    outcomes: ["idiomatic"],
  },
  "a client with a type, of which nothing changes": {
    files: {
      "main.ts": `${CLIENT}
const asked = (by: ProbeClient, name: 'list') => by[name]({ text: 'a' });
asked(client, 'list').on('data', (item: Text__Output) => console.log(item.text));
`,
    },
    outcomes: ["bridged"],
    says: /computed name/,
  },
  "the file alone that makes the client": {
    files: { "client.ts": CLIENT, "main.ts": USE },
    paths: ["client.ts"],
    outcomes: ["bridged"],
    says: /another file of the project uses it/,
  },
  "a client of any type, beside one of its own type": {
    files: {
      "main.ts": `${CLIENT}
const loose = new (probe as any).v1.Probe(process.env.ADDRESS!, grpc.credentials.createInsecure());
const ask = (method: string, text: string): Promise<any> =>
  new Promise((resolve, reject) => loose[method]({ text }, (error: any, reply: any) => (error ? reject(error) : resolve(reply))));
client.ask({ text: 'typed' }, (error, reply) => {
  if (error) return console.log(error.code);
  console.log(reply?.text);
  ask('ask', 'a').then((reply) => console.log(reply.text));
});
`,
    },
    outcomes: ["bridged", "idiomatic"],
    says: /computed name/,
  },
  "what the compiler rejects stays, and the rest of the file does not": {
    files: {
      "main.ts": `${CLIENT}
async function* queue(text: string): AsyncGenerator<string> {
  const items: Text__Output[] = [];
  let isOver = false;
  let failure: grpc.ServiceError | null = null;
  let wake: (() => void) | null = null;
  const call = client.list({ text });
  call.on('data', (item: Text__Output) => { items.push(item); wake?.(); });
  call.on('error', (error: grpc.ServiceError) => { failure = error; isOver = true; wake?.(); });
  call.on('end', () => { isOver = true; wake?.(); });
  for (;;) {
    const item = items.shift();
    if (item) yield item.text;
    else if (failure) throw failure;
    else if (isOver) return;
    else await new Promise<void>((resolve) => { wake = resolve; });
  }
}
function ask(text: string): Promise<Text__Output | undefined> {
  return new Promise((resolve, reject) => client.ask({ text }, (error, reply) => (error ? reject(error) : resolve(reply))));
}
(async () => {
  for await (const text of queue('a')) console.log(text);
  console.log((await ask('b'))?.text);
  try {
    for await (const text of queue('fail')) console.log(text);
  } catch (error) {
    console.log((error as grpc.ServiceError).code);
  }
})();
`,
    },
    outcomes: ["bridged", "idiomatic"],
    says: /the compiler rejects its new form \(new error at main\.ts:\d+:\d+: TS/,
  },
  "clients that a class makes later, and closes": {
    files: {
      "main.ts": `${HEAD}
class Module {
  private client!: ProbeClient;
  onModuleInit(): void {
    this.client = new probe.v1.Probe(process.env.ADDRESS!, grpc.credentials.createInsecure());
  }
  ask(text: string): Promise<string | undefined> {
    return new Promise((resolve, reject) => {
      this.client.ask({ text }, (error, reply) => (error ? reject(error) : resolve(reply?.text)));
    });
  }
  onModuleDestroy(): void {
    this.client.close();
  }
}
class Connection {
  private client?: ProbeClient;
  open(): void {
    this.client = new probe.v1.Probe(process.env.ADDRESS!, grpc.credentials.createInsecure());
  }
  ask(text: string): Promise<string | undefined> {
    return new Promise((resolve, reject) => {
      if (!this.client) return reject(new Error('not open'));
      this.client.ask({ text }, (error, reply) => {
        if (error) return reject(error);
        resolve(reply?.text);
      });
    });
  }
  close(): void {
    this.client?.close();
    this.client = undefined;
  }
}
(async () => {
  const module = new Module();
  module.onModuleInit();
  console.log(await module.ask('a'));
  module.onModuleDestroy();
  const connection = new Connection();
  connection.close();
  connection.open();
  console.log(await connection.ask('b'));
  connection.close();
})();
`,
    },
    outcomes: ["idiomatic"],
  },
  "where no function has a name, all calls of the file": {
    files: {
      "main.ts": `${CLIENT}
client.list({ text: 'a' }).on('data', (item: any) => console.log(item.text, item.other)).on('error', () => undefined);
client.ask({ text: 'b' }, (error, reply) => { if (error) return; console.log(reply?.text); });
`,
    },
    outcomes: ["bridged"],
    says: /the compiler rejects its new form .*'other'/,
  },
};

describe("programs with the types of their messages", () => {
  const server = new grpc.Server();
  let folder: string;
  let address: string;

  beforeAll(async () => {
    folder = realpathSync(mkdtempSync(path.join(tmpdir(), "typed-")));
    cpSync(proto, path.join(folder, "probe.proto"));
    linkPackages(folder, ["@grpc", "@bufbuild", "@types", "long", "protobufjs", "tsx", "undici-types"]);
    const compilerOptions = {
      ...{ target: "ES2022", module: "NodeNext", noEmit: true },
      ...{ strict: true, esModuleInterop: true, skipLibCheck: true, types: ["node"] },
    };
    writeFileSync(path.join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, include: ["."] }));
    writeFileSync(path.join(folder, "package.json"), JSON.stringify({ name: "typed" }));
    const generator = path.join(repository, "node_modules", ".bin", "proto-loader-gen-types");
    const options = ["--keepCase", "--defaults", "--grpcLib=@grpc/grpc-js", "--outDir=gen", "probe.proto"];
    expect(spawnSync(generator, options, { cwd: folder }).status).toBe(0);
    // biome-ignore lint/suspicious/noExplicitAny: a service without generated types
    const definition = protoLoader.loadSync(proto, { keepCase: true })["probe.v1.Probe"] as any;
    server.addService(definition, {
      // biome-ignore lint/suspicious/noExplicitAny: the same
      Ask: (call: any, callback: any) => callback(null, { text: call.request.text }),
      // biome-ignore lint/suspicious/noExplicitAny: the same
      List: (call: any) => {
        call.write({ text: `${call.request.text} 1` });
        if (call.request.text === "fail") call.emit("error", { code: 9, details: "not ready" });
        else call.end();
      },
    });
    const port = await new Promise<number>((resolve, reject) =>
      server.bindAsync("localhost:0", grpc.ServerCredentials.createInsecure(), (error, bound) =>
        error ? reject(error) : resolve(bound),
      ),
    );
    address = `localhost:${port}`;
  }, 60_000);

  afterAll(() => {
    server.forceShutdown();
    rmSync(folder, { recursive: true, force: true });
  });

  const typeErrors = (cwd: string) =>
    spawnSync(path.join(repository, "node_modules", ".bin", "tsc"), ["-p", "."], { cwd, encoding: "utf8" }).stdout;

  async function play(cwd: string): Promise<string> {
    const child = startChild(process.execPath, ["--import", "tsx", "main.ts"], { cwd, env: { ADDRESS: address } });
    const { code } = await child.endWithin(20_000);
    return `${child.out}${child.err}exit ${code}`;
  }

  it.each(Object.entries(cases))(
    "%s",
    async (name, { files, paths = ["."], outcomes, says }) => {
      const own = `${folder}-${Object.keys(cases).indexOf(name)}`;
      try {
        cpSync(folder, own, { recursive: true, verbatimSymlinks: true });
        for (const [file, text] of Object.entries(files)) writeFileSync(path.join(own, file), text);
        expect(typeErrors(own)).toBe("");
        const before = await play(own);
        expect(before).toMatch(
          /^a[\s\S]*exit 0$|^typed\na\nexit 0$|^(null a|b\na 1 undefined|a 1 undefined\nb)\nexit 0$/,
        );
        const result = await runMigration({
          cwd: own,
          paths,
          side: "clients",
          target: "bundled",
          messages: "bridge",
          runtime: "npm",
        });
        await writeMigration(result);
        expect(typeErrors(own)).toBe("");
        expect(await play(own)).toBe(before);
        const made = result.findings.filter(({ rule }) =>
          /^clients\/(client-bridge|channel|callback|stream|promis)/.test(rule),
        );
        expect([...new Set(made.map(({ outcome }) => outcome))].sort()).toEqual(outcomes);
        if (says) expect(made.some(({ reason }) => says.test(reason?.text ?? ""))).toBe(true);
      } finally {
        rmSync(own, { recursive: true, force: true });
      }
    },
    60_000,
  );
});
