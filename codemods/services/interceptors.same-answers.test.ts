import { cpSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import * as grpc from "@grpc/grpc-js";
import * as protoLoader from "@grpc/proto-loader";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Child, startChild } from "../../fixtures/harness/child.js";
import { linkPackages } from "../../fixtures/harness/link-packages.js";
import { type PlacedFinding, runMigration, writeMigration } from "../index.js";

// Servers with interceptors run as they are and migrated; what the same grpc-js client sees, and what the servers print, must be equal.
const repository = fileURLToPath(new URL("../..", import.meta.url));
const proto = path.join(repository, "codemods/clients/testing/probe.proto");

const HEAD = `
const path = require('path');
const grpc = require('@grpc/grpc-js');
const protoLoader = require('@grpc/proto-loader');
const definition = protoLoader.loadSync(path.join(__dirname, 'probe.proto'), { keepCase: true });
const { probe } = grpc.loadPackageDefinition(definition);

function ask(call, callback) {
  console.log('ask', call.request.text, call.metadata.get('x-user')[0]);
  if (call.request.text === 'fail') return callback({ code: 9, details: 'not now' });
  if (call.request.text === 'throw') throw new Error('secret');
  if (call.request.text === 'hang') {
    call.on('cancelled', () => {
      console.log('late');
      callback(null, { text: 'late' });
    });
    return;
  }
  callback(null, { text: call.request.text + '.' });
}
function list(call) {
  if (call.request.text === 'none') return call.end();
  if (call.request.text === 'fail') return call.emit('error', { code: 9, details: 'no list' });
  for (const n of [1, 2]) call.write({ text: call.request.text + n });
  if (call.request.text === 'late') return call.emit('error', { code: 5, details: 'no more' });
  call.end();
}
function count(call, callback) {
  const texts = [];
  call.on('data', (message) => texts.push(message.text));
  call.on('end', () => callback(texts.length ? null : { code: 3, details: 'none' }, { text: texts.join() }));
}
function chat(call) {
  call.on('data', (message) => {
    console.log('chat', message.text);
    call.write({ text: 're: ' + message.text });
  });
  call.on('end', () => call.end());
}
`;

const server = (list: string, head = "") => `${HEAD}${head}
const server = new grpc.Server({ interceptors: [${list}] });
server.addService(probe.v1.Probe.service, { ask, list, count, chat });
server.bindAsync('localhost:0', grpc.ServerCredentials.createInsecure(), (error, port) => {
  if (error) throw error;
  console.log('ready', port);
});
`;

/** A server whose only service has no streams. */
const single = (list: string, head: string) =>
  server(list, head)
    .replace(/probe\.proto/, "single.proto")
    .replace(/{ probe }/, "{ single }")
    .replace(/probe\.v1\.Probe/, "single.v1.Single")
    .replace(/\{ ask, list, count, chat \}/, "{ ask }");

const AUTH = `
function isKnown(metadata, word) {
  const [given] = metadata.get('authorization');
  return given === word;
}
function auth(method, call) {
  const listener = new grpc.ServerListenerBuilder()
    .withOnReceiveMetadata((metadata, next) => {
      if (isKnown(metadata, 'open')) {
        next(metadata);
      } else {
        // Whoever has no word
        call.sendStatus({ code: grpc.status.UNAUTHENTICATED, details: \`not for you: \${method.path}\` });
      }
    })
    .build();
  const responder = new grpc.ResponderBuilder().withStart((next) => next(listener)).build();
  return new grpc.ServerInterceptingCall(call, responder);
}`;

const LOG = `
const log = (method, call) => new grpc.ServerInterceptingCall(call, {
  start(next) {
    next({
      onReceiveMessage(message, next) {
        console.log('received', message.text);
        next(message);
      },
      onReceiveHalfClose: (next) => next(),
      onCancel() {},
    });
  },
  sendMessage(message, next) {
    console.log('sent', message.text);
    next(message);
  },
});`;

const STATUS = `
const status = (method, call) => {
  const began = Date.now();
  return new grpc.ServerInterceptingCall(call, {
    sendStatus(status, next) {
      console.log(method.path, status.code, status.code === grpc.status.OK ? 'fine' : status.details, Date.now() - began < 60000);
      next(status);
    },
  });
};`;

/** Every hook that has a counterpart. */
const ALL = `function all(method, call) {
  return new grpc.ServerInterceptingCall(call, {
    start: (next) => {
      console.log('start', method.path, typeof call.getPeer());
      next({
        onReceiveMetadata(metadata, next) {
          const user = metadata.get('x-user')[0];
          console.log('user', user ?? 'nobody');
          metadata.set('x-user', 'seen');
          if (user === 'evil') {
            console.log('refused');
            return call.sendStatus({ details: 'evil', code: 7, metadata: new grpc.Metadata() });
          }
          next(metadata);
        },
        onReceiveMessage: (message, next) => next({ text: message.text.trim() }),
      });
    },
    sendMetadata: (metadata, next) => {
      console.log('opened');
      metadata.set('x-mark', 'all');
      next(metadata);
    },
    sendMessage: (message, next) => next({ ...message, text: message.text + '!' }),
    sendStatus: (status, next) => {
      console.log('ended', status.code, status.details);
      next(status);
    },
  });}`;

type Programs = Readonly<Record<string, readonly [outcome: "idiomatic" | "bridged" | "manual", source: string]>>;

const programs: Programs = {
  "a word that callers must know": ["idiomatic", server("auth", AUTH)],
  "a log of messages": ["idiomatic", server("log", LOG)],
  "a log of how calls end": ["idiomatic", server("status", STATUS)],
  "a word, a log of messages, and how calls end": ["idiomatic", server("status, auth, log", STATUS + AUTH + LOG)],
  "headers of the answer": [
    "idiomatic",
    server(
      "mark",
      `const mark = (method, call) => new grpc.ServerInterceptingCall(call, {
  sendMetadata(metadata, next) {
    metadata.set('x-mark', 'here');
    next(metadata);
  },
});`,
    ),
  ],
  "all of it in one": ["idiomatic", server("all", ALL)],
  "all of it in one, without streams": ["idiomatic", single("all", ALL)],
  "what a function makes, with several ways to the handler": [
    "idiomatic",
    server(
      "words(WORD)",
      `const WORD = 'open';
const check = (given) => {
  if (given !== WORD) throw new Error('wrong word');
};
function words(word) {
  return (method, call) => new grpc.ServerInterceptingCall(call, {
    start: (next) => next({
      onReceiveMetadata: (metadata, next) => {
        if (method.path.endsWith('/List')) {
          next(metadata);
          return;
        }
        const given = metadata.get('authorization')[0];
        try {
          check(given);
        } catch (err) {
          console.log('wrong', given === word);
          call.sendStatus({ code: grpc.status.UNAUTHENTICATED, details: err.message });
          return;
        }
        next(metadata);
      },
    }),
  });
}`,
    ),
  ],
  "a check that takes its time": [
    "idiomatic",
    server(
      "slow",
      `const check = async (given) => given === 'open';
const slow = (method, call) => new grpc.ServerInterceptingCall(call, {
  start: (next) => next({
    onReceiveMetadata: async (metadata, next) => {
      try {
        if (!(await check(metadata.get('authorization')[0]))) throw new Error('closed');
        next(metadata);
      } catch (error) {
        call.sendStatus({ code: grpc.status.PERMISSION_DENIED, details: error.message });
      }
    },
  }),
});`,
    ),
  ],
  "functions in the list": [
    "idiomatic",
    server(
      `
  function (method, call) {
    return new grpc.ServerInterceptingCall(call, {
      start(next) {
        next({
          onReceiveMetadata(metadata, next) {
            if (!isKnown(metadata, 'open')) {
              call.sendStatus({ code: grpc.status.UNAUTHENTICATED, details: 'not for you' });
              return;
            }
            next(metadata);
          },
        });
      },
    });
  },
  (method, call) => new grpc.ServerInterceptingCall(call, {
    sendMessage(message, next) {
      console.log(\`\${method.path} sends \${message.text}\`);
      next(message);
    },
  }),
`,
      `function isKnown(metadata, word) {
  return metadata.get('authorization')[0] === word;
}`,
    ),
  ],
  "functions in the list that change a status": [
    "bridged",
    server(
      `(method, call) => new grpc.ServerInterceptingCall(call, {
  sendStatus: (status, next) => next(status.code === 0 ? status : { ...status, details: 'hidden' }),
})`,
    ),
  ],
  "names that mean something else in another hook": [
    "bridged",
    server(
      "named",
      `const user = 'the server';
const named = (method, call) => new grpc.ServerInterceptingCall(call, {
  start: (next) => next({
    onReceiveMetadata(metadata, next) {
      const user = metadata.get('x-user')[0];
      console.log(user);
      next(metadata);
    },
  }),
  sendMessage(message, next) {
    console.log(user, message.text);
    next(message);
  },
});`,
    ),
  ],
  "calls that pass": [
    "bridged",
    server(
      "some",
      `const some = (method, call) => {
  if (method.path.endsWith('/List')) return call;
  return new grpc.ServerInterceptingCall(call, {
    sendStatus(status, next) {
      console.log('ended', status.code);
      next(status);
    },
  });
};`,
    ),
  ],
  "a log in front of the word": ["bridged", server("log, auth", LOG + AUTH)],
  "a refusal that is one of several acts": [
    "bridged",
    server(
      "twice",
      `const twice = (method, call) => new grpc.ServerInterceptingCall(call, {
  start: (next) => next({
    onReceiveMetadata(metadata, next) {
      if (!metadata.get('authorization').length) call.sendStatus({ code: 16, details: 'no' });
      next(metadata);
    },
  }),
});`,
    ),
  ],
  "messages that are refused": [
    "bridged",
    server(
      "short",
      `const short = (method, call) => new grpc.ServerInterceptingCall(call, {
  start: (next) => next({
    onReceiveMessage(message, next) {
      if (message.text === 'fail') call.sendStatus({ code: 3, details: 'no such text' });
      else next(message);
    },
  }),
});`,
    ),
  ],
  "a status that becomes another": [
    "bridged",
    server(
      "hide",
      `const hide = (method, call) => new grpc.ServerInterceptingCall(call, {
  sendStatus: (status, next) => next(status.code === 0 ? status : { ...status, details: 'hidden' }),
});`,
    ),
  ],
  "metadata that is handed to who may change it": [
    "bridged",
    server(
      "mark",
      `const stamp = (metadata) => metadata.set('x-user', 'stamped');
const mark = (method, call) => new grpc.ServerInterceptingCall(call, {
  start: (next) => next({
    onReceiveMetadata(metadata, next) {
      stamp(metadata);
      next(metadata);
    },
  }),
});`,
    ),
  ],
  "functions that know what only a part of the file knows": [
    "manual",
    server(
      "(method, call) => new grpc.ServerInterceptingCall(call, { sendStatus(status, next) { console.log(name, status.code); next(status); } })",
    ).replace(/(const server = new[\s\S]*)/, "function main() {\nconst name = 'probe';\n$1}\nmain();\n"),
  ],
  "the end of the requests": [
    "bridged",
    server(
      "end",
      `const end = (method, call) => new grpc.ServerInterceptingCall(call, {
  start: (next) => next({
    onReceiveHalfClose(next) {
      console.log('half-closed');
      next();
    },
  }),
});`,
    ),
  ],
};

type Callback = (error: grpc.ServiceError | null, answer?: { text: string }) => void;

/** Calls of every kind, with a word and without, one after the other. */
async function talk(child: Child, hasStreams: boolean): Promise<string[]> {
  const port = await child.ready(/ready (\d+)/);
  const lines: string[] = [];
  const definition = protoLoader.loadSync(hasStreams ? proto : path.join(folder, "single.proto"));
  // biome-ignore lint/suspicious/noExplicitAny: a service without generated types
  const loaded = grpc.loadPackageDefinition(definition) as any;
  const Client = hasStreams ? loaded.probe.v1.Probe : loaded.single.v1.Single;
  const client = new Client(`localhost:${port}`, grpc.credentials.createInsecure());
  // biome-ignore lint/suspicious/noExplicitAny: the same
  const follow = (name: string, call: any, result?: Promise<string>) =>
    new Promise<void>((resolve) => {
      const seen: string[] = [];
      call.on("metadata", (header: grpc.Metadata) => seen.push(`header ${JSON.stringify(header.get("x-mark"))}`));
      if (!result) call.on("data", (message: { text: string }) => seen.push(message.text));
      call.on("error", () => {});
      call.on("status", async (status: grpc.StatusObject) => {
        // A callback comes behind it.
        const answer = await result;
        lines.push(`${name}: ${seen} ${answer ?? ""} ${status.code} ${status.details}`);
        resolve();
      });
    });
  // biome-ignore lint/suspicious/noExplicitAny: the same
  const answered = async (name: string, start: (callback: Callback) => any) => {
    let done = (_: string) => {};
    const result = new Promise<string>((resolve) => {
      done = resolve;
    });
    const call = start((error, answer) => done(error ? `error ${error.code}` : (answer?.text ?? "")));
    await follow(name, call, result);
  };
  for (const entries of [
    { authorization: "open" },
    { authorization: "shut", "x-user": "ann" },
    { "x-user": "evil" },
    {},
  ]) {
    const metadata = () => {
      const made = new grpc.Metadata();
      for (const [key, value] of Object.entries(entries)) made.set(key, value);
      return made;
    };
    const options = () => ({ deadline: Date.now() + 20_000 });
    for (const text of ["hello", "fail", "throw"])
      await answered(`ask ${text}`, (callback) => client.ask({ text }, metadata(), options(), callback));
    if (entries.authorization === "open") {
      // A call that is cancelled while its handler is at work.
      const call = client.ask({ text: "hang" }, metadata(), options(), () => {});
      await child.ready(/^(ask hang)/m);
      call.cancel();
      await child.ready(/^(late)/m);
    }
    if (!hasStreams) continue;
    for (const text of ["l", "none", "fail", "late"])
      await follow(`list ${text}`, client.list({ text }, metadata(), options()));
    for (const texts of [["a", "b"], []])
      await answered(`count ${texts}`, (callback) => {
        const call = client.count(metadata(), options(), callback);
        for (const text of texts) call.write({ text });
        call.end();
        return call;
      });
    const chat = client.chat(metadata(), options());
    chat.on("data", ({ text }: { text: string }) => (text.includes("two") ? chat.end() : chat.write({ text: "two" })));
    chat.write({ text: "one" });
    await follow("chat", chat);
    // A method that the server does not implement.
    await answered("sum", (callback) => {
      const call = client.sum(metadata(), options(), callback);
      call.end();
      return call;
    });
  }
  client.close();
  return lines;
}

let folder: string;
let findings: readonly PlacedFinding[];
const before = new Map<string, string[]>();
const after = new Map<string, string[]>();
const fileOf = (name: string) => `${name.replace(/\W+/g, "-")}.js`;

async function run(name: string): Promise<string[]> {
  const child = startChild(process.execPath, [fileOf(name)], { cwd: folder });
  const seen = await talk(child, !programs[name]?.[1].includes("single.v1"));
  await child.stop();
  const printed = child.out.split("\n").filter((line) => line !== "" && !line.startsWith("ready"));
  return [...seen, ...printed];
}

beforeAll(async () => {
  folder = realpathSync(mkdtempSync(path.join(tmpdir(), "interceptors-")));
  cpSync(proto, path.join(folder, "probe.proto"));
  const single = readFileSync(proto, "utf8").replace(/probe/, "single").replace("Probe", "Single");
  writeFileSync(path.join(folder, "single.proto"), single.replace(/^ {2}rpc (?!Ask).*\n/gm, ""));
  linkPackages(folder, ["@grpc", "@bufbuild"]);
  writeFileSync(path.join(folder, "package.json"), JSON.stringify({ name: "interceptors", type: "commonjs" }));
  for (const [name, [, source]] of Object.entries(programs)) writeFileSync(path.join(folder, fileOf(name)), source);
  for (const name of Object.keys(programs)) before.set(name, await run(name));
  const result = await runMigration({
    cwd: folder,
    paths: ["."],
    side: "services",
    target: "bundled",
    messages: "bridge",
    runtime: "npm",
  });
  await writeMigration(result);
  findings = result.findings;
  for (const name of Object.keys(programs)) after.set(name, await run(name));
}, 240_000);

afterAll(() => {
  if (process.env.KEEP) console.log(folder);
  else rmSync(folder, { recursive: true, force: true });
});

describe.each(Object.entries(programs))("%s", (name, [outcome]) => {
  it(`is ${outcome} and gives the same answers`, () => {
    const own = findings.filter((finding) => finding.file === path.join(folder, fileOf(name)));
    // A server that stays is reported as a whole.
    const made = ["server interceptors", "new Server()"]
      .map((construct) => own.find((finding) => finding.construct === construct))
      .find((finding) => finding !== undefined);
    expect(made?.outcome, made?.reason?.text).toBe(outcome);
    expect(before.get(name)?.length).toBeGreaterThan(20);
    expect(after.get(name)).toEqual(before.get(name));
  });
});
