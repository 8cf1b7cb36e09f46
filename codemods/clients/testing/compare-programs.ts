import { cpSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import * as grpc from "@grpc/grpc-js";
import * as protoLoader from "@grpc/proto-loader";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startChild } from "../../../fixtures/harness/child.js";
import { linkPackages } from "../../../fixtures/harness/link-packages.js";
import { makeCertificates } from "../../../runtime/testing/certificates.js";
import { type PlacedFinding, runMigration, writeMigration } from "../../index.js";

/** By name: how the construction of a client is to end, and the program behind the common head. */
export type Programs = Readonly<Record<string, readonly [outcome: "idiomatic" | "bridged" | "manual", source: string]>>;

// Client programs run as they are and migrated, against the same unmodified grpc-js servers; what they print must be equal.
const here = path.dirname(fileURLToPath(import.meta.url));
const proto = path.join(here, "probe.proto");

const HEAD = `
const fs = require('fs');
const path = require('path');
const grpc = require('@grpc/grpc-js');
const protoLoader = require('@grpc/proto-loader');
const definition = protoLoader.loadSync(path.join(__dirname, 'probe.proto'), { keepCase: true });
const { probe } = grpc.loadPackageDefinition(definition);
const { PLAIN, TLS, MTLS, BOTH, CERTS } = process.env;
const read = (name) => fs.readFileSync(path.join(CERTS, name));
`;

/** `ask(client, text)` prints the answer or the error. */
const ASK = `
function ask(client, text) {
  return new Promise((resolve) => {
    client.ask({ text }, { deadline: Date.now() + 5000 }, (err, res) => {
      if (err) {
        console.log('error', err.code, err.details);
        resolve();
      } else {
        console.log(res.text);
        resolve();
      }
    });
  });
}
`;

/**
 * Runs programs before and after their migration against the same unmodified grpc-js servers, and compares what they print. `others`:
 * what else lies in their folder, packages in `node_modules` too.
 */
export function comparePrograms(programs: Programs, others: Readonly<Record<string, string>> = {}): void {
  let folder: string;
  let environment: Record<string, string>;
  const servers: grpc.Server[] = [];
  const before = new Map<string, string>();
  const after = new Map<string, string>();
  let findings: readonly PlacedFinding[];
  const fileOf = (name: string) => `${name.replace(/\W+/g, "-")}.js`;

  async function serve(credentials: grpc.ServerCredentials): Promise<number> {
    // biome-ignore lint/suspicious/noExplicitAny: a service without generated types
    const definition = protoLoader.loadSync(proto, { keepCase: true })["probe.v1.Probe"] as any;
    const server = new grpc.Server();
    const attempts = new Map<string, number>();
    let port = 0;
    // biome-ignore lint/suspicious/noExplicitAny: the same
    const answer = (call: any, text: string): string => {
      const own = Object.entries(call.metadata.getMap()).filter(
        ([key]) => key.startsWith("x-") || /^grpc-prev/.test(key),
      );
      if (text === "port") return String(port);
      if (text === "encoding") return String(call.metadata.get("grpc-encoding"));
      if (text === "agent") return String(call.metadata.get("user-agent")[0]).split(" ")[0] as string;
      const certificate = call.getAuthContext?.().sslPeerCertificate?.subject?.CN;
      return [text, certificate, JSON.stringify(own.sort())].filter(Boolean).join(" ");
    };
    /** Sends headers; gives trailers. */
    // biome-ignore lint/suspicious/noExplicitAny: the same
    const told = (call: any): grpc.Metadata => {
      const head = new grpc.Metadata();
      head.set("x-head", "h");
      call.sendMetadata(head);
      const trailer = new grpc.Metadata();
      trailer.set("x-trailer", "t");
      return trailer;
    };
    server.addService(definition, {
      // biome-ignore lint/suspicious/noExplicitAny: the same
      Ask(call: any, callback: any) {
        const { text } = call.request;
        if (text === "hang") return;
        if (text === "head hang") return told(call);
        const rich = /^rich (\d+) (.*)$/.exec(text);
        if (rich) {
          const header = new grpc.Metadata();
          header.set("x-why", "of the header");
          call.sendMetadata(header);
          const metadata = new grpc.Metadata();
          metadata.set("x-why", "because");
          metadata.add("x-why-bin", Buffer.from([1, 255]));
          metadata.set("grpc-status-details-bin", Buffer.from([8, 5, 18, 2, 104, 105]));
          return callback({ code: Number(rich[1]), details: rich[2], metadata });
        }
        if (text.startsWith("fail")) return callback({ code: 9, details: `not ${text}` });
        const flaky = /^flaky-(\d+) (.*)/.exec(text);
        if (flaky) {
          const key = `${call.getPeer()} ${text}`;
          const made = (attempts.get(key) ?? 0) + 1;
          attempts.set(key, made);
          if (made <= Number(flaky[1])) return callback({ code: 14, details: `attempt ${made}` });
        }
        callback(null, { text: answer(call, text) }, text === "head" ? told(call) : undefined);
      },
      // biome-ignore lint/suspicious/noExplicitAny: the same
      List(call: any) {
        const trailer = told(call);
        for (const n of [1, 2]) call.write({ text: `${answer(call, call.request.text)} ${n}` });
        if (call.request.text === "hang") return;
        if (call.request.text.startsWith("fail"))
          return call.emit("error", { code: 9, details: `not ${call.request.text}`, metadata: trailer });
        call.end(trailer);
      },
      // biome-ignore lint/suspicious/noExplicitAny: the same
      Count(call: any, callback: any) {
        const texts: string[] = [];
        call.on("data", (message: { text: string }) => texts.push(message.text));
        call.on("end", () =>
          texts[0]?.startsWith("fail")
            ? callback({ code: 9, details: `not ${texts.join()}` })
            : callback(null, { text: `${texts.length} ${texts.join()}` }, texts[0] === "head" ? told(call) : undefined),
        );
      },
      // biome-ignore lint/suspicious/noExplicitAny: the same
      Chat(call: any) {
        call.on("data", (message: { text: string }) => {
          if (message.text.startsWith("fail")) call.emit("error", { code: 9, details: `not ${message.text}` });
          else call.write({ text: `re: ${message.text}` });
        });
        call.on("end", () => call.end());
      },
      // biome-ignore lint/suspicious/noExplicitAny: the same
      Sum(_call: any, callback: any) {
        callback(null, { text: "sum" });
      },
    });
    servers.push(server);
    port = await new Promise<number>((resolve, reject) =>
      server.bindAsync("0.0.0.0:0", credentials, (error, bound) => (error ? reject(error) : resolve(bound))),
    );
    return port;
  }

  async function run(file: string): Promise<string> {
    const child = startChild(process.execPath, [file], { cwd: folder, env: environment });
    const { code } = await child.endWithin(20_000);
    // Node's own warnings, each with a line on how to find out more.
    const errors = child.err.replace(/^\((node:\d+\)|Use `node ).*\n/gm, "");
    return `${child.out}${errors}exit ${code}`;
  }

  beforeAll(async () => {
    folder = realpathSync(mkdtempSync(path.join(tmpdir(), "channels-")));
    cpSync(proto, path.join(folder, "probe.proto"));
    linkPackages(folder, ["@grpc", "@bufbuild"]);
    const certificates = makeCertificates();
    mkdirSync(path.join(folder, "certs"));
    const pieces = { ca: certificates.ca, key: certificates.client.key, cert: certificates.client.cert };
    for (const [name, content] of Object.entries(pieces)) writeFileSync(path.join(folder, "certs", name), content);
    const pairs = [
      { private_key: Buffer.from(certificates.server.key), cert_chain: Buffer.from(certificates.server.cert) },
    ];
    const ca = Buffer.from(certificates.ca);
    const plain = await serve(grpc.ServerCredentials.createInsecure());
    const second = await serve(grpc.ServerCredentials.createInsecure());
    environment = {
      CERTS: path.join(folder, "certs"),
      PLAIN: `localhost:${plain}`,
      BOTH: `127.0.0.1:${plain},127.0.0.1:${second}`,
      TLS: `localhost:${await serve(grpc.ServerCredentials.createSsl(null, pairs, false))}`,
      MTLS: `localhost:${await serve(grpc.ServerCredentials.createSsl(ca, pairs, true))}`,
    };
    writeFileSync(path.join(folder, "package.json"), JSON.stringify({ name: "channels", type: "commonjs" }));
    for (const [name, content] of Object.entries(others)) {
      mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
      writeFileSync(path.join(folder, name), content);
    }
    for (const [name, [, source]] of Object.entries(programs))
      writeFileSync(path.join(folder, fileOf(name)), `${HEAD}${ASK}${source.replace(/^ {4}/gm, "")}\n`);
    for (const name of Object.keys(programs)) before.set(name, await run(fileOf(name)));
    const result = await runMigration({
      cwd: folder,
      paths: ["."],
      side: "clients",
      target: "bundled",
      messages: "bridge",
      runtime: "npm",
    });
    await writeMigration(result);
    findings = result.findings;
    for (const name of Object.keys(programs)) after.set(name, await run(fileOf(name)));
  }, 240_000);

  afterAll(() => {
    for (const server of servers) server.forceShutdown();
    if (process.env.KEEP) console.log(folder);
    else rmSync(folder, { recursive: true, force: true });
  });

  describe.each(Object.entries(programs))("%s", (name, [outcome]) => {
    it(`is ${outcome} and gets the same answers`, () => {
      const own = findings.filter((finding) => finding.file === path.join(folder, fileOf(name)));
      const made = own.filter((finding) => finding.construct.startsWith("new probe"));
      expect(made.length).toBeGreaterThan(0);
      for (const finding of made) expect(finding.outcome, finding.reason?.text).toBe(outcome);
      expect(before.get(name)).toMatch(/exit 0$/);
      expect(before.get(name)).not.toBe("exit 0");
      expect(after.get(name)).toBe(before.get(name));
    });
  });
}
