import { spawn } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import * as grpc from "@grpc/grpc-js";
import * as protoLoader from "@grpc/proto-loader";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { makeCertificates } from "../../runtime/testing/certificates.js";
import { type PlacedFinding, runMigration, writeMigration } from "../index.js";

// Client programs run as they are and migrated, against the same unmodified grpc-js servers; what they print must be equal.
const here = path.dirname(fileURLToPath(import.meta.url));
const repository = path.join(here, "..", "..");
const proto = path.join(here, "testing", "channels", "probe.proto");

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

/** A program, and how its construction is to end: `idiomatic`, or `bridged` where the channel stays on grpc-js. */
const programs: Record<string, readonly [outcome: "idiomatic" | "bridged" | "manual", source: string]> = {
  "a variable of roots": [
    "idiomatic",
    `const creds = grpc.credentials.createSsl(read('ca'));
    const client = new probe.v1.Probe(TLS, creds);
    ask(client, 'a').then(() => client.close());`,
  ],
  "key and certificate, by a function": [
    "idiomatic",
    `function credentials() {
      const key = read('key');
      return grpc.credentials.createSsl(read('ca'), key, read('cert'));
    }
    const client = new probe.v1.Probe(MTLS, credentials());
    ask(client, 'b').then(() => client.close());`,
  ],
  "a server that wants a certificate, and none given": [
    "idiomatic",
    `const client = new probe.v1.Probe(MTLS, grpc.credentials.createSsl(read('ca')));
    client.ask({ text: 'x' }, (err, res) => {
      if (err) {
        console.log(err.code);
        return;
      }
      console.log(res.text);
    });`,
  ],
  "roots that do not know the server": [
    "idiomatic",
    `const client = new probe.v1.Probe(TLS, grpc.credentials.createSsl());
    client.ask({ text: 'x' }, (err, res) => {
      if (err) {
        console.log(err.code);
        return;
      }
      console.log(res.text);
    });`,
  ],
  "a choice": [
    "idiomatic",
    `const secure = process.env.NOBODY_SETS_THIS === '1';
    const creds = secure ? grpc.credentials.createSsl(read('ca')) : grpc.credentials.createInsecure();
    const client = new probe.v1.Probe(PLAIN, creds, { 'grpc.max_receive_message_length': -1 });
    ask(client, 'c').then(() => client.close());`,
  ],
  "another choice, two clients": [
    "idiomatic",
    `let creds;
    if (process.env.TLS) creds = grpc.credentials.createSsl(read('ca'));
    else creds = grpc.credentials.createInsecure();
    const one = new probe.v1.Probe(TLS, creds);
    const two = new probe.v1.Probe(process.env.TLS, creds);
    ask(one, 'd').then(() => ask(two, 'e')).then(() => { one.close(); two.close(); });`,
  ],
  "a wrong name, and the right one by an option": [
    "idiomatic",
    `const address = TLS.replace('localhost', '127.0.0.2');
    const creds = grpc.credentials.createSsl(read('ca'));
    const wrong = new probe.v1.Probe(address, creds);
    const right = new probe.v1.Probe(address, creds, { 'grpc.ssl_target_name_override': 'localhost' });
    wrong.ask({ text: 'f' }, (err, res) => {
      if (err) {
        console.log(err.code);
        ask(right, 'f');
        return;
      }
      console.log(res.text);
    });`,
  ],
  "nobody is verified": [
    "idiomatic",
    `const client = new probe.v1.Probe(TLS, grpc.credentials.createSsl(null, null, null, { rejectUnauthorized: false }));
    ask(client, 'g').then(() => client.close());`,
  ],
  "an own check of the name": [
    "idiomatic",
    `const address = TLS.replace('localhost', '127.0.0.2');
    const client = new probe.v1.Probe(address, grpc.credentials.createSsl(read('ca'), null, null, {
      checkServerIdentity: (host, cert) => { console.log(host, cert.subject.CN); return undefined; },
    }));
    ask(client, 'h').then(() => client.close());`,
  ],
  "call credentials": [
    "idiomatic",
    `const ssl = grpc.credentials.createSsl(read('ca'));
    const token = 'abc';
    const perCall = grpc.credentials.createFromMetadataGenerator(function (params, callback) {
      const metadata = new grpc.Metadata();
      metadata.add('x-token', token);
      callback(null, metadata);
    });
    const creds = grpc.credentials.combineChannelCredentials(ssl, perCall);
    const client = new probe.v1.Probe(TLS, creds);
    ask(client, 'i').then(() => client.close());`,
  ],
  "call credentials that take time, and the service's URL": [
    "idiomatic",
    `const client = new probe.v1.Probe(TLS, grpc.credentials.combineChannelCredentials(
      grpc.credentials.createSsl(read('ca')),
      grpc.credentials.createFromMetadataGenerator((params, callback) => {
        setTimeout(() => {
          const metadata = new grpc.Metadata();
          metadata.set('x-url', params.service_url + ' ' + params.method_name);
          callback(null, metadata);
        }, 5);
      }),
    ));
    ask(client, 'j').then(() => client.close());`,
  ],
  "call credentials that fail": [
    "idiomatic",
    `const client = new probe.v1.Probe(TLS, grpc.credentials.combineChannelCredentials(
      grpc.credentials.createSsl(read('ca')),
      grpc.credentials.createFromMetadataGenerator((params, callback) => callback(new Error('no token'))),
    ));
    ask(client, 'k').then(() => client.close());`,
  ],
  "call credentials that fail with a code": [
    "idiomatic",
    `const failing = (code) => new probe.v1.Probe(TLS, grpc.credentials.createSsl(read('ca')).compose(
      grpc.credentials.createFromMetadataGenerator((params, callback) => {
        callback(Object.assign(new Error('no token'), { code }));
      }),
    ));
    ask(failing(7), 'l').then(() => ask(failing(5), 'l'));`,
  ],
  retries: [
    "idiomatic",
    `const serviceConfig = {
      loadBalancingConfig: [],
      methodConfig: [{
        name: [{ service: 'probe.v1.Probe' }],
        retryPolicy: {
          maxAttempts: 4, initialBackoff: '0.01s', maxBackoff: '0.01s', backoffMultiplier: 1.0,
          retryableStatusCodes: ['UNAVAILABLE'],
        },
      }],
    };
    const client = new probe.v1.Probe(PLAIN, grpc.credentials.createInsecure(), {
      'grpc.service_config': JSON.stringify(serviceConfig),
    });
    ask(client, 'flaky-2 r1').then(() => ask(client, 'flaky-9 r2')).then(() => ask(client, 'r3')).then(() => client.close());`,
  ],
  "retries by a text, and a timeout": [
    "idiomatic",
    `const client = new probe.v1.Probe(PLAIN, grpc.credentials.createInsecure(), {
      'grpc.service_config': '{"methodConfig":[{"name":[{"service":"probe.v1.Probe","method":"Ask"}],"timeout":"0.2s"}]}',
    });
    client.ask({ text: 'hang' }, (err, res) => {
      if (err) {
        console.log(err.code);
        return;
      }
      console.log(res.text);
    });`,
  ],
  "round robin": [
    "idiomatic",
    `const client = new probe.v1.Probe('ipv4:' + BOTH, grpc.credentials.createInsecure(), {
      'grpc.service_config': JSON.stringify({ loadBalancingConfig: [{ round_robin: {} }] }),
    });
    const ports = new Map();
    const port = () => new Promise((resolve) => {
      client.ask({ text: 'port' }, (err, res) => {
        if (err) {
          resolve('error');
          return;
        }
        resolve(res.text);
      });
    });
    (async () => {
      for (let i = 0; i < 20; i++) await port();
      for (let i = 0; i < 10; i++) { const p = await port(); ports.set(p, (ports.get(p) || 0) + 1); }
      console.log([...ports.values()]);
      client.close();
    })();`,
  ],
  "compressed requests": [
    "idiomatic",
    `const client = new probe.v1.Probe(PLAIN, grpc.credentials.createInsecure(), {
      'grpc.default_compression_algorithm': grpc.compressionAlgorithms.gzip,
    });
    ask(client, 'encoding').then(() => client.close());`,
  ],
  "interceptors that stay on the channel": [
    "bridged",
    `function shout(options, nextCall) {
      const { requestStream, responseStream } = options.method_definition;
      return new grpc.InterceptingCall(nextCall(options), {
        start(metadata, listener, next) {
          metadata.set('x-seen', options.method_definition.path + requestStream + responseStream);
          next(metadata, {
            onReceiveMessage(message, pass) {
              if (message) message.text = message.text.toUpperCase();
              pass(message);
            },
          });
        },
        sendMessage(message, next) {
          message.text += '!';
          next(message);
        },
      });
    }
    const client = new probe.v1.Probe(PLAIN, grpc.credentials.createInsecure(), { interceptors: [shout] });
    (async () => {
      await ask(client, 'm');
      await ask(client, 'fail n');
      for await (const item of client.list({ text: 'o' })) console.log(item.text);
      client.close();
    })();`,
  ],
  "interceptors that edit metadata": [
    "idiomatic",
    `function auth(options, nextCall) {
      const requester = (new grpc.RequesterBuilder())
        .withStart((metadata, listener, next) => {
          // Of this process
          metadata.set('x-auth', 'secret');
          metadata.remove('x-gone');
          next(metadata, listener);
        }).build();
      return new grpc.InterceptingCall(nextCall(options), requester);
    }
    const second = (options, nextCall) => new grpc.InterceptingCall(nextCall(options), {
      start(metadata, listener, next) {
        if (process.env.PLAIN) {
          metadata.set('x-auth', 'second');
        }
        metadata.set('x-second', 'yes');
        next(metadata, listener);
      },
    });
    const client = new probe.v1.Probe(PLAIN, grpc.credentials.createInsecure(), { interceptors: [auth, second] });
    (async () => {
      const metadata = new grpc.Metadata();
      metadata.set('x-own', 'own');
      metadata.set('x-gone', 'gone');
      await ask(client, 'm');
      client.ask({ text: 'n' }, metadata, (err, res) => {
        if (err) {
          console.log(err.code);
          return;
        }
        console.log(res.text);
      });
      for await (const item of client.list({ text: 'o' })) console.log(item.text);
    })();`,
  ],
  "a user agent that stays on the channel": [
    "bridged",
    `const client = new probe.v1.Probe(PLAIN, grpc.credentials.createInsecure(), {
      'grpc.primary_user_agent': 'mine/1',
    });
    ask(client, 'agent').then(() => client.close());`,
  ],
  "waiting for a connection": [
    "idiomatic",
    `const client = new probe.v1.Probe(PLAIN, grpc.credentials.createInsecure());
    const nobody = new probe.v1.Probe('127.0.0.1:1', grpc.credentials.createInsecure());
    const state = () => client.getChannel().getConnectivityState(false);
    console.log(state());
    client.waitForReady(Date.now() + 4000, (err) => {
      console.log(err === undefined, state());
      ask(client, 'p').then(() => {
        client.close();
        nobody.waitForReady(Date.now() + 50, (error) => {
          console.log(error.message);
          nobody.close();
        });
      });
    });`,
  ],
  "grpc-js's own functions for clients": [
    "idiomatic",
    `const client = new probe.v1.Probe(PLAIN, grpc.credentials.createInsecure());
    grpc.waitForClientReady(client, Date.now() + 4000, (err) => {
      console.log(err === undefined, grpc.getClientChannel(client).getConnectivityState(true));
      ask(client, 'q').then(() => grpc.closeClient(client));
    });`,
  ],
};

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
  server.addService(definition, {
    // biome-ignore lint/suspicious/noExplicitAny: the same
    Ask(call: any, callback: any) {
      const { text } = call.request;
      if (text === "hang") return;
      if (text.startsWith("fail")) return callback({ code: 9, details: `not ${text}` });
      const flaky = /^flaky-(\d+) (.*)/.exec(text);
      if (flaky) {
        const key = `${call.getPeer()} ${text}`;
        const made = (attempts.get(key) ?? 0) + 1;
        attempts.set(key, made);
        if (made <= Number(flaky[1])) return callback({ code: 14, details: `attempt ${made}` });
      }
      callback(null, { text: answer(call, text) });
    },
    // biome-ignore lint/suspicious/noExplicitAny: the same
    List(call: any) {
      for (const n of [1, 2]) call.write({ text: `${answer(call, call.request.text)} ${n}` });
      call.end();
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

/** The packages of this repository, with the runtime of this very tree. */
function linkPackages(): void {
  const modules = path.join(folder, "node_modules");
  mkdirSync(path.join(modules, "@connect-migrate"), { recursive: true });
  symlinkSync(path.join(repository, "runtime"), path.join(modules, "@connect-migrate", "runtime"));
  for (const name of ["@grpc", "@bufbuild"])
    symlinkSync(path.join(repository, "node_modules", name), path.join(modules, name));
}

function run(file: string): Promise<string> {
  const child = spawn(process.execPath, [file], { cwd: folder, env: { ...process.env, ...environment } });
  let output = "";
  child.stdout.on("data", (chunk) => (output += chunk));
  child.stderr.on("data", (chunk) => (output += /Warning/.test(String(chunk)) ? "" : chunk));
  const timer = setTimeout(() => child.kill("SIGKILL"), 20_000);
  return new Promise((resolve) =>
    child.once("close", (code) => {
      clearTimeout(timer);
      resolve(`${output}exit ${code}`);
    }),
  );
}

beforeAll(async () => {
  folder = realpathSync(mkdtempSync(path.join(tmpdir(), "channels-")));
  cpSync(proto, path.join(folder, "probe.proto"));
  linkPackages();
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
