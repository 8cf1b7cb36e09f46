import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { failureOf } from "../../testing/calls.js";
import { makeCertificates } from "../../testing/certificates.js";
import { Echo } from "../../testing/gen/echo_pb.js";
import { createClient } from "../client/create-client.js";
import { createGrpcTransport } from "../node/grpc-transport.js";

// The command in a process of its own, as a container runs it.

const command = fileURLToPath(new URL("./connect-serve.ts", import.meta.url));
const source = fileURLToPath(new URL("..", import.meta.url));
let folder: string;
let app: string;
beforeAll(() => {
  // Inside the project, so that tsx finds its settings
  const cache = fileURLToPath(new URL("../../../.cache", import.meta.url));
  mkdirSync(cache, { recursive: true });
  folder = mkdtempSync(join(cache, "connect-serve-"));
  app = join(folder, "app.ts");
  writeFileSync(
    app,
    `import { createApp } from ${JSON.stringify(join(source, "node/index.ts"))};
import { Echo } from ${JSON.stringify(join(source, "../testing/gen/echo_pb.ts"))};
const wait = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
export const named = createApp({
  routes: (router) => void router.service(Echo, {
    async unary(request) {
      if (request.count > 0) console.log("begun");
      await wait(request.count);
      return { text: request.text };
    },
  }),
});
export default named;
export const other = 1;
`,
  );
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const children: ChildProcess[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
});

interface Served {
  readonly child: ChildProcess;
  readonly ended: Promise<number | NodeJS.Signals | null>;
  output(): string;
}

function start(...args: string[]): Served {
  const child = spawn(process.execPath, ["--import", "tsx", command, ...args], { stdio: ["ignore", "pipe", "pipe"] });
  children.push(child);
  let output = "";
  const take = (chunk: Buffer) => {
    output += chunk.toString();
  };
  child.stdout?.on("data", take);
  child.stderr?.on("data", take);
  const ended = new Promise<number | NodeJS.Signals | null>((resolve) =>
    child.once("close", (code, signal) => resolve(signal ?? code)),
  );
  return { child, ended, output: () => output };
}

const said = (served: Served, text: string | RegExp) =>
  expect.poll(() => served.output(), { timeout: 25_000 }).toMatch(text);

async function listening(served: Served): Promise<string> {
  await said(served, "listening on");
  return /listening on (\S+)/.exec(served.output())?.[1] as string;
}

describe("connect-serve", () => {
  it("serves the default export, and a named one; SIGTERM lets a call finish and ends the process", async () => {
    const served = start(`${app}:named`, "--address", "127.0.0.1:0", "--max-age", "60", "--keepalive", "10");
    const target = await listening(served);
    const transport = createGrpcTransport({ target, shareConnections: false });
    const client = createClient(Echo, transport);
    expect((await client.unary({ text: "hi" })).text).toBe("hi");
    const running = client.unary({ text: "slow", count: 1000 });
    await said(served, "begun");
    served.child.kill("SIGTERM");
    expect((await running).text).toBe("slow");
    expect(await served.ended).toBe("SIGTERM");
    expect((await failureOf(client.unary({}))).rawMessage).toBeTruthy();
    transport.close();
  });

  it("past its grace the calls are cancelled", async () => {
    const served = start(app, "--address", "127.0.0.1:0", "--grace", "0.3");
    const transport = createGrpcTransport({ target: await listening(served), shareConnections: false });
    const running = failureOf(createClient(Echo, transport).unary({ count: 60_000 }));
    await said(served, "begun");
    const began = Date.now();
    served.child.kill("SIGTERM");
    expect((await running).message).toMatch(/canceled|unavailable/);
    expect(await served.ended).toBe("SIGTERM");
    expect(Date.now() - began).toBeLessThan(10_000);
    transport.close();
  });

  it("reads its certificates again on SIGHUP, and keeps the old ones when the new do not fit", async () => {
    const cert = join(folder, "cert.pem");
    const key = join(folder, "key.pem");
    const put = (certificates: ReturnType<typeof makeCertificates>) => {
      writeFileSync(cert, certificates.server.cert);
      writeFileSync(key, certificates.server.key);
    };
    const [first, second] = [makeCertificates(), makeCertificates()];
    put(first);
    const served = start(app, "--address", "127.0.0.1:0", "--tls-cert", cert, "--tls-key", key);
    const target = (await listening(served)).replace("127.0.0.1", "localhost");
    const call = async (ca: string | Buffer) => {
      const transport = createGrpcTransport({ target, tls: { ca }, shareConnections: false });
      try {
        return (await createClient(Echo, transport).unary({ text: "x" })).text;
      } finally {
        transport.close();
      }
    };
    expect(await call(first.ca)).toBe("x");
    put(second);
    served.child.kill("SIGHUP");
    await said(served, "new TLS certificates");
    expect(await call(second.ca)).toBe("x");
    await expect(call(first.ca)).rejects.toThrow(/unavailable/);
    writeFileSync(cert, first.server.cert);
    served.child.kill("SIGHUP");
    await said(served, "the old TLS certificates stay");
    expect(await call(second.ca)).toBe("x");
  });

  it.each<[string, string[], RegExp]>([
    ["no module", [], /one module is expected/],
    ["a module that is not there", ["./nope.js"], /there is no module \.\/nope\.js/],
    [
      "an export that is no app",
      ["APP:other"],
      /does not export an app as "other".*It exports: default, named, other/s,
    ],
    ["half of a key pair", ["APP", "--tls-cert", "x"], /--tls-cert and --tls-key go together/],
    ["files that are not there", ["APP", "--tls-cert", "/no/a", "--tls-key", "/no/b"], /ENOENT.*\/no\/a/],
    ["a time that is none", ["APP", "--max-age", "soon"], /--max-age is "soon"; expected seconds/],
    ["an address that is none", ["APP", "--address", ":5"], /connect-serve: Name resolution failed/],
    ["an option that it does not know", ["--nope"], /nope/],
  ])("%s: an error and exit code 1", async (_name, args, text) => {
    const served = start(...args.map((arg) => arg.replace("APP", app)));
    expect(await served.ended).toBe(1);
    expect(served.output()).toMatch(text);
  });
});
