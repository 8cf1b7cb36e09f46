import { once } from "node:events";
import { cpSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import * as grpc from "@grpc/grpc-js";
import * as protoLoader from "@grpc/proto-loader";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startChild } from "../../fixtures/harness/child.js";
import { linkPackages } from "../../fixtures/harness/link-packages.js";
import { makeCertificates } from "../../runtime/testing/certificates.js";
import { type PlacedFinding, runMigration, writeMigration } from "../index.js";

// Server programs run as they are and migrated; the same grpc-js client talks to both, and what it sees must be equal.
const repository = fileURLToPath(new URL("../..", import.meta.url));
const proto = path.join(repository, "codemods/clients/testing/probe.proto");
const require = createRequire(import.meta.url);

const HEAD = `
const fs = require('fs');
const path = require('path');
const grpc = require('@grpc/grpc-js');
const protoLoader = require('@grpc/proto-loader');
const { HealthImplementation } = require('grpc-health-check');
const { ReflectionService } = require('@grpc/reflection');
const definition = protoLoader.loadSync(path.join(__dirname, 'probe.proto'), { keepCase: true });
const { probe } = grpc.loadPackageDefinition(definition);
const { ADDRESS, CERTS } = process.env;
const read = (name) => fs.readFileSync(path.join(CERTS, name));

function ask(call, callback) {
  if (call.request.text === 'fail') return callback({ code: 9, details: 'not now' });
  callback(null, { text: call.request.text + ' ' + call.request.text.length });
}

function list(call) {
  for (const n of [1, 2, 3]) call.write({ text: call.request.text + n });
  call.end();
}
`;

type Talk = (port: number, say: (line: string) => void) => Promise<void>;

/** Requests of all kinds over one channel; what is refused is refused with the same words. */
function talkOver(credentials: () => grpc.ChannelCredentials, sizes: readonly number[] = [1]): Talk {
  return async (port, say) => {
    const { probe } = grpc.loadPackageDefinition(protoLoader.loadSync(proto, { keepCase: true })) as unknown as {
      probe: { v1: { Probe: grpc.ServiceClientConstructor } };
    };
    const client = new probe.v1.Probe(`localhost:${port}`, credentials(), {
      "grpc.max_receive_message_length": -1,
    }) as unknown as Record<string, (...args: unknown[]) => grpc.ClientReadableStream<{ text: string }>> & grpc.Client;
    const deadline = () => ({ deadline: Date.now() + 10_000 });
    for (const text of ["hello", "fail", ...sizes.map((size) => "x".repeat(size))])
      await new Promise<void>((resolve) =>
        client.ask?.({ text }, deadline(), (error: grpc.ServiceError | null, answer?: { text: string }) => {
          say(error ? `${error.code} ${error.details}` : `answer ${answer?.text.slice(0, 20)} ${answer?.text.length}`);
          resolve();
        }),
      );
    const stream = client.list?.({ text: "s" }, deadline());
    stream?.on("data", (item) => say(item.text));
    await new Promise<void>((resolve) => {
      stream?.on("error", () => {});
      stream?.on("status", (status) => {
        say(`status ${status.code} ${status.details}`);
        resolve();
      });
    });
    client.close();
  };
}

const plainly = talkOver(() => grpc.credentials.createInsecure());
let certificates: ReturnType<typeof makeCertificates>;

/** The status of services, asked before and after a change. */
const health: Talk = async (port, say) => {
  const file = path.join(
    path.dirname(require.resolve("grpc-health-check/package.json")),
    "proto/health/v1/health.proto",
  );
  // biome-ignore lint/suspicious/noExplicitAny: a package without generated types
  const { grpc: loaded } = grpc.loadPackageDefinition(protoLoader.loadSync(file, { enums: String })) as any;
  const client = new loaded.health.v1.Health(`localhost:${port}`, grpc.credentials.createInsecure());
  const check = (service: string) =>
    new Promise<void>((resolve) =>
      client.check({ service }, (error: grpc.ServiceError | null, answer?: { status: string }) => {
        say(error ? `${error.code} ${error.details}` : (answer?.status ?? ""));
        resolve();
      }),
    );
  const watch = client.watch({ service: "probe.v1.Probe" });
  // Streams of one connection are in no order to each other.
  const watched: string[] = [];
  watch.on("data", (item: { status: string }) => watched.push(item.status));
  watch.on("error", () => {});
  await once(watch, "data");
  for (const service of ["", "probe.v1.Probe", "nobody"]) await check(service);
  await plainly(port, say);
  await check("probe.v1.Probe");
  watch.cancel();
  say(`watched ${watched}`);
  client.close();
};

/** What reflection lists. */
const reflection: Talk = async (port, say) => {
  const file = path.join(
    path.dirname(require.resolve("@grpc/reflection/package.json")),
    "build/proto/grpc/reflection/v1/reflection.proto",
  );
  // biome-ignore lint/suspicious/noExplicitAny: a package without generated types
  const { grpc: loaded } = grpc.loadPackageDefinition(protoLoader.loadSync(file, { keepCase: true })) as any;
  const client = new loaded.reflection.v1.ServerReflection(`localhost:${port}`, grpc.credentials.createInsecure());
  const call = client.ServerReflectionInfo();
  // biome-ignore lint/suspicious/noExplicitAny: a package without generated types
  call.on("data", (item: any) => {
    const services = item.list_services_response?.service.map((each: { name: string }) => each.name);
    say(JSON.stringify(services ?? item.error_response ?? item.file_descriptor_response.file_descriptor_proto.length));
  });
  call.on("error", (error: grpc.ServiceError) => say(`${error.code} ${error.details}`));
  call.write({ list_services: "" });
  call.write({ file_containing_symbol: "probe.v1.Probe" });
  call.write({ file_containing_symbol: "nobody" });
  call.end();
  await once(call, "close");
  client.close();
  await plainly(port, say);
};

const BIND = `server.bindAsync(ADDRESS, grpc.ServerCredentials.createInsecure(), (error, port) => {
  if (error) throw error;
  console.log('ready', port);
});`;

const programs: Readonly<Record<string, readonly [source: string, talk: Talk]>> = {
  "what a signal does, in front of the services": [
    `function cleanup(server, code) {
      console.log('cleanup');
      if (server) server.forceShutdown();
      process.exitCode = code;
    }
    function main() {
      const server = new grpc.Server();
      const credentials = grpc.ServerCredentials.createInsecure();

      const stop = () => server.tryShutdown(() => cleanup(server, 4));
      for (const signal of ['SIGINT', 'SIGTERM']) {
        process.on(signal, () => {
          setTimeout(stop, 1);
        });
      }
      ['SIGHUP'].forEach((signal) => process.once(signal, () => server.forceShutdown()));
      server.addService(probe.v1.Probe.service, { ask, list });
      server.bindAsync(ADDRESS, credentials, (error, port) => {
        if (error) return cleanup(server, 1);
        console.log('ready', port);
      });
    }
    main();`,
    plainly,
  ],
  "a method that a signal calls, in front of the services": [
    `class Shop {
      constructor() {
        this.server = new grpc.Server();
        process.on('SIGTERM', () => this.stop());
        this.server.addService(probe.v1.Probe.service, { ask, list });
      }
      listen() {
        const server = this.server;
        ${BIND}
      }
      stop() {
        this.server.forceShutdown();
        process.exitCode = 5;
      }
    }
    new Shop().listen();`,
    plainly,
  ],
  "methods that their class binds": [
    `class Desk {
      constructor(mark) {
        this.mark = mark;
        this.ask = this.ask.bind(this);
      }
      ask(call, callback) {
        if (call.request.text === 'fail') return callback({ code: 9, details: 'not now' });
        callback(null, { text: this.mark + call.request.text });
      }
    }
    const desk = new Desk('#');
    function slow(call) {
      list(call);
      console.log('listed');
    }
    const handlers = { ask: desk.ask, list: slow };
    console.log(Object.keys(handlers));
    const server = new grpc.Server();
    server.addService(probe.v1.Probe.service, handlers);
    ${BIND}`,
    plainly,
  ],
  "methods that are bound, called by an arrow, and spread": [
    `class Desk {
      constructor(mark) {
        this.mark = mark;
      }
      ask(call, callback) {
        if (call.request.text === 'fail') return callback({ code: 9, details: 'not now' + this.mark });
        callback(null, { text: call.request.text + this.mark });
      }
      list(call) {
        for (const n of [1, 2, 3]) call.write({ text: call.request.text + n + this.mark });
        call.end();
      }
    }
    const desk = new Desk('!');
    const rest = {
      ask: (call, callback) => callback(null, { text: 'overridden' }),
      list: (call) => desk.list(call),
    };
    function main() {
      const server = new grpc.Server();
      server.addService(probe.v1.Probe.service, {
        ...rest,
        ask: desk.ask.bind(desk),
      });
      ${BIND}
    }
    main();`,
    plainly,
  ],
  "a spread member that keeps its callback": [
    `const kept = [];
    const handlers = {
      ask: (call, callback) => {
        kept.push(callback);
        setImmediate(() => kept.pop()(null, { text: call.request.text + '?' }));
      },
      list: (call) => list(call),
    };
    function main() {
      const server = new grpc.Server();
      server.addService(probe.v1.Probe.service, {
        ...handlers,
      });
      ${BIND}
    }
    main();`,
    plainly,
  ],
  "a function that makes the server": [
    `function make() {
      const server = new grpc.Server();
      server.addService(probe.v1.Probe.service, { ask, list });
      return server;
    }
    const server = make();
    ${BIND}`,
    plainly,
  ],
  "a promise of the server, and a graceful end": [
    `function start(address) {
      return new Promise((resolve, reject) => {
        const server = new grpc.Server();
        server.addService(probe.v1.Probe.service, { ask, list });
        server.bindAsync(address, grpc.ServerCredentials.createInsecure(), (error, port) => {
          if (error) {
            reject(error);
          } else {
            console.log('ready', port);
            resolve(server);
          }
        });
      });
    }
    async function main() {
      const running = await start(ADDRESS);
      process.on('SIGTERM', () => running.tryShutdown((error) => process.exit(error ? 1 : 3)));
    }
    main();`,
    plainly,
  ],
  "a promise of another make": [
    `class Promise extends globalThis.Promise {
      tap(look) {
        return this.then((value) => Promise.resolve(look(value)).then(() => value));
      }
    }
    const server = new grpc.Server();
    server.addService(probe.v1.Probe.service, { ask, list });
    function start() {
      return new Promise((resolve, reject) => {
        server.bindAsync(ADDRESS, grpc.ServerCredentials.createInsecure(), (error, port) => (error ? reject(error) : resolve(port)));
      });
    }
    start().tap((port) => console.log('ready', port)).catch((error) => console.log(error));`,
    plainly,
  ],
  "two servers of one module": [
    `const other = new grpc.Server();
    other.addService(probe.v1.Probe.service, { ask, list });
    other.bindAsync('localhost:0', grpc.ServerCredentials.createInsecure(), () => {});
    const server = new grpc.Server();
    server.addService(probe.v1.Probe.service, { ask, list });
    ${BIND}`,
    plainly,
  ],
  "members of a server as values": [
    `const other = new grpc.Server();
    other.addService(probe.v1.Probe.service, { ask, list });
    other.bindAsync('localhost:0', grpc.ServerCredentials.createInsecure(), () => other.start());
    const third = new grpc.Server();
    third.addService(probe.v1.Probe.service, { ask, list });
    third.bindAsync('localhost:0', grpc.ServerCredentials.createInsecure(), third.start.bind(third));
    const server = new grpc.Server();
    server.addService(probe.v1.Probe.service, { ask, list });
    ${BIND}
    const stop = server.tryShutdown.bind(server);
    process.on('SIGTERM', other.forceShutdown.bind(other));
    process.on('SIGTERM', () => stop((error) => third.tryShutdown(() => process.exit(error ? 1 : 3))));`,
    plainly,
  ],
  "a server that could not be bound and is closed": [
    `const other = new grpc.Server();
    other.addService(probe.v1.Probe.service, { ask, list });
    other.bindAsync('203.0.113.1:1', grpc.ServerCredentials.createInsecure(), (error) => console.log(error !== null));
    const stopOther = other.tryShutdown.bind(other);
    const server = new grpc.Server();
    server.addService(probe.v1.Probe.service, { ask, list });
    ${BIND}
    process.on('SIGTERM', () => other.tryShutdown((error) => stopOther(() => process.exit(error ? 1 : 3))));`,
    plainly,
  ],
  "a server that is declared with others, of a name that is taken from the module": [
    `const { Server, ServerCredentials } = grpc;
    const address = ADDRESS,
      server = new Server(),
      said = 'ready';
    server.addService(probe.v1.Probe.service, { ask, list });
    server.bindAsync(address, ServerCredentials.createInsecure(), (error, port) => {
      if (error) throw error;
      console.log(said, port);
    });
    process.on('SIGTERM', () => server?.forceShutdown());`,
    plainly,
  ],
  "a server that may not be there yet, or no more": [
    `let server = null;
    function start() {
      if (server) return;
      server = new grpc.Server();
      server.addService(probe.v1.Probe.service, { ask, list });
      ${BIND}
    }
    function stop() {
      server?.tryShutdown((error) => process.exit(error ? 1 : 3));
      if (!server) console.log('none');
      server = null;
    }
    stop();
    start();
    start();
    process.on('SIGTERM', stop);`,
    plainly,
  ],
  "a class that loads definitions between the server and its services": [
    `class Shop {
      constructor() {
        this.name = 'shop';
        this.loaded = { probe: this.load('probe.proto') };
        this.server = new grpc.Server();
        this.addServices();
      }
      load(name) {
        return grpc.loadPackageDefinition(protoLoader.loadSync(path.join(__dirname, name), { keepCase: true })).probe;
      }
      addServices() {
        const { v1 } = this.loaded.probe;
        this.note(v1);
        this.server.addService(v1.Probe.service, { ask, list });
      }
      note(loaded) {
        this.noted = [this.name, loaded];
      }
      listen() {
        const server = this.server;
        ${BIND}
        process.on('SIGTERM', server.forceShutdown.bind(server));
      }
    }
    new Shop().listen();`,
    plainly,
  ],
  "a member of the object that a function gives": [
    `const { promisify } = require('node:util');
    async function start(address) {
      const server = new grpc.Server();
      server.addService(probe.v1.Probe.service, { ask, list });
      const port = await promisify(server.bindAsync.bind(server))(address, grpc.ServerCredentials.createInsecure());
      return { held: server, port };
    }
    let running;
    async function main() {
      running = await start(ADDRESS);
      const { held: same } = await start('localhost:0');
      console.log('ready', running.port);
      process.on('SIGTERM', () => {
        same.forceShutdown();
        running.held.tryShutdown((error) => process.exit(error ? 1 : 3));
      });
    }
    main();`,
    plainly,
  ],
  "a field of a class": [
    `class Shop {
      constructor() {
        this.server = new grpc.Server({ 'grpc.max_receive_message_length': 1000 });
        this.server.addService(probe.v1.Probe.service, { ask, list });
      }
      listen() {
        const server = this.server;
        ${BIND}
      }
      stop() {
        this.server.forceShutdown();
        process.exitCode = 4;
      }
    }
    const shop = new Shop();
    shop.listen();
    process.on('SIGTERM', () => shop.stop());`,
    talkOver(() => grpc.credentials.createInsecure(), [900, 1100]),
  ],
  "two servers and one function that binds": [
    `function bind(server, address) {
      return new Promise((resolve, reject) => {
        server.bindAsync(address, grpc.ServerCredentials.createInsecure(), (error, port) => {
          if (error) reject(error);
          else resolve(port);
        });
      });
    }
    async function main() {
      const one = new grpc.Server({ 'grpc.max_send_message_length': 100 });
      one.addService(probe.v1.Probe.service, { ask, list });
      const two = new grpc.Server();
      two.addService(probe.v1.Probe.service, { ask, list });
      await bind(two, '127.0.0.1:0');
      console.log('ready', await bind(one, ADDRESS));
    }
    main();`,
    talkOver(() => grpc.credentials.createInsecure(), [50, 200, 4 * 1024 * 1024 + 100]),
  ],
  "an object of handlers, one of which stays": [
    `const own = {
      ask(call, callback) {
        if (call.request.text === 'fail') return callback({ code: grpc.status.FAILED_PRECONDITION, details: 'not now' });
        callback(null, { text: call.request.text + ' ' + call.request.text.length });
      },
      list(call) {
        [1, 2, 3].forEach((n) => call.write({ text: call.request.text + n }));
        call.end();
      },
    };
    console.log(Object.keys(own).length);
    const server = new grpc.Server();
    server.addService(probe.v1.Probe.service, own);
    ${BIND}`,
    plainly,
  ],
  "a class of which one method stays": [
    `class Desk {
      constructor(mark) {
        this.mark = mark;
      }
      async ask (call, callback) {
        const reply = callback;
        if (call.request.text === 'fail') return reply({ code: 9, details: 'not now' + this.mark });
        reply(null, { text: call.request.text + this.mark + ' ' + call.request.text.length });
      }
      *[Symbol.iterator]() {
        yield this.mark;
      }
      list(call) {
        for (const n of [1, 2, 3]) call.write({ text: call.request.text + n + [...this] });
        call.end();
      }
    }
    const server = new grpc.Server();
    server.addService(probe.v1.Probe.service, new Desk('!'));
    ${BIND}`,
    plainly,
  ],
  "a class with a subclass, of which one method stays": [
    `class Desk {
      constructor(mark) {
        this.mark = mark;
      }
      async ask (call, callback) {
        const reply = callback;
        if (call.request.text === 'fail') return reply({ code: 9, details: 'not now' + this.mark });
        reply(null, { text: call.request.text + this.mark + ' ' + call.request.text.length });
      }
      *[Symbol.iterator]() {
        yield this.mark;
      }
      list(call) {
        for (const n of [1, 2, 3]) call.write({ text: call.request.text + n + [...this] });
        call.end();
      }
    }
    class Old extends Desk {
      async ask(call, callback) {
        const reply = callback;
        return super.ask(call, (error, value) => reply(error, value && { text: 'old ' + value.text }));
      }
    }
    console.log(new Old('?').mark);
    const server = new grpc.Server();
    server.addService(probe.v1.Probe.service, new Desk('!'));
    ${BIND}`,
    plainly,
  ],
  "a class whose prototype is asked, of which one method stays": [
    `class Desk {
      constructor(mark) {
        this.mark = mark;
      }
      async ask (call, callback) {
        const reply = callback;
        if (call.request.text === 'fail') return reply({ code: 9, details: 'not now' + this.mark });
        reply(null, { text: call.request.text + this.mark + ' ' + call.request.text.length });
      }
      *[Symbol.iterator]() {
        yield this.mark;
      }
      list(call) {
        for (const n of [1, 2, 3]) call.write({ text: call.request.text + n + [...this] });
        call.end();
      }
    }
    const { ask: plain } = Desk.prototype;
    Desk.prototype.ask = function (call, callback) {
      return plain.call(this, call, callback);
    };
    const server = new grpc.Server();
    server.addService(probe.v1.Probe.service, new Desk('!'));
    ${BIND}`,
    plainly,
  ],
  "wrappers of handlers, one inside the other": [
    `const loud = (handler) => function (call, callback) {
      if (call.request.text === 'fail') return callback({ code: 7, message: 'loud: ' + call.getPath() });
      handler(call, callback);
    };
    function slow(ms, handler) {
      return async (call, callback) => {
        await new Promise((resolve) => setTimeout(resolve, ms));
        if (call.request.text === 'x') {
          callback({ code: 3, details: 'too short' }, null);
        } else {
          await handler(call, callback);
        }
      };
    }
    const counted = (handler) => (call) => {
      if (call.request.text === '') {
        call.emit('error', { code: 5, details: 'nothing' });
        return;
      }
      return handler(call);
    };
    const kept = [];
    function later(call, callback) {
      kept.push(callback);
      setTimeout(() => kept.shift()(null, { text: 'later ' + call.request.text }), 1);
    }
    const server = new grpc.Server();
    server.addService(probe.v1.Probe.service, { ask: loud(slow(1, later)), list: counted(list) });
    ${BIND}`,
    plainly,
  ],
  "a wrapper that replies with what its function gives": [
    `const replying = (answer) => async (call, callback) => {
      try {
        callback(null, await answer(call));
      } catch (error) {
        callback({ code: error.code || 13, details: error.message });
      }
    };
    const answer = replying(async (call) => {
      if (call.request.text === 'fail') throw Object.assign(new Error('no ' + call.getPath()), { code: 9 });
      return { text: call.request.text + '?' };
    });
    const server = new grpc.Server();
    server.addService(probe.v1.Probe.service, { ask: answer, list: list });
    ${BIND}`,
    plainly,
  ],
  "a wrapper that calls its handler inside a try": [
    `const safe = (handler) => (call, callback) => {
      try {
        handler(call, callback);
      } catch (error) {
        callback({ code: 13, details: 'caught ' + error.message });
      }
    };
    const server = new grpc.Server();
    server.addService(probe.v1.Probe.service, { ask: safe(ask), list: list });
    ${BIND}`,
    plainly,
  ],
  "a wrapper that calls its handler later": [
    `const later = (handler) => (call, callback) => {
      setTimeout(() => handler(call, callback), 1);
    };
    const server = new grpc.Server();
    server.addService(probe.v1.Probe.service, { ask: later(ask), list: list });
    ${BIND}`,
    plainly,
  ],
  "a wrapper that goes on behind its handler": [
    `const counting = (handler) => (call, callback) => {
      handler(call, callback);
      console.log('one more');
    };
    const server = new grpc.Server();
    server.addService(probe.v1.Probe.service, { ask: counting(ask), list: list });
    ${BIND}`,
    plainly,
  ],
  "a wrapper that gives its handler another callback": [
    `const marking = (handler) => (call, callback) => {
      handler(call, (error, value) => callback(error, value && { text: value.text + ' marked' }));
    };
    const server = new grpc.Server();
    server.addService(probe.v1.Probe.service, { ask: marking(ask), list: list });
    ${BIND}`,
    plainly,
  ],
  "a wrapper that other code uses too": [
    `const plain = (handler) => (call, callback) => {
      handler(call, callback);
    };
    plain((call, callback) => callback(null, call.request.text))({ request: { text: 'self' } }, (error, value) => {
      if (error || value !== 'self') process.exit(9);
    });
    const server = new grpc.Server();
    server.addService(probe.v1.Probe.service, { ask: plain(ask), list: list });
    ${BIND}`,
    plainly,
  ],
  "a wrapper that is given a handler that nobody sees": [
    `const replying = (answer) => (call, callback) => {
      answer(call).then((value) => callback(null, value), callback);
    };
    const all = new Map([['ask', async (call) => ({ text: call.request.text + '!' })]]);
    const server = new grpc.Server();
    server.addService(probe.v1.Probe.service, { ask: replying(all.get('ask')), list: list });
    ${BIND}`,
    plainly,
  ],
  "a wrapper of handlers of two kinds": [
    `const either = (handler) => (call, callback) => {
      handler(call, callback);
    };
    const named = (name, handler) =>
      function (call, callback) {
        if (call.getPath() !== '/probe.v1.Probe/' + name) process.exit(9);
        return handler(call, callback);
      };
    const server = new grpc.Server();
    server.addService(probe.v1.Probe.service, { ask: either(named('Ask', ask)), list: named('List', either(list)) });
    ${BIND}`,
    plainly,
  ],
  "a wrapper of handlers of two kinds that refuses calls": [
    `const either = (handler) => (call, callback) => {
      if (call.metadata.get('x-no').length > 0) {
        const refused = { code: grpc.status.PERMISSION_DENIED, details: 'no' };
        if (callback) callback(refused);
        else call.emit('error', refused);
        return;
      }
      handler(call, callback);
    };
    const server = new grpc.Server();
    server.addService(probe.v1.Probe.service, { ask: either(ask), list: either(list) });
    ${BIND}`,
    plainly,
  ],
  "a handler that is registered with a wrapper and without": [
    `const plain = (handler) => (call, callback) => {
      handler(call, callback);
    };
    const other = new grpc.Server();
    other.addService(probe.v1.Probe.service, { ask, list });
    other.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error) => {
      if (error) throw error;
    });
    function main() {
      const server = new grpc.Server();
      server.addService(probe.v1.Probe.service, { ask: plain(ask), list });
      ${BIND}
    }
    main();`,
    plainly,
  ],
  "guards that are given the callback": [
    `function isAllowed(call, callback) {
      const [token] = call.metadata.get('x-token');
      if (token === 'bad') {
        console.error('refused');
        callback({
          code: grpc.status.UNAUTHENTICATED,
          message: 'bad token'
        }, null);
        return false;
      }
      if (call.request.text === 'fail') return callback({ code: 9, details: 'guarded ' + call.request.text });
      return true;
    }
    const userOf = async (call, callback) => {
      await null;
      const user = call.request.text.startsWith('x') ? undefined : { name: 'anna' };
      if (!user) {
        callback({ code: 7, message: 'nobody' });
        return null;
      }
      return user;
    };
    const answered = async (call, callback) => {
      if (!isAllowed(call, callback)) return;
      const user = await userOf(call, callback);
      if (!user) {
        return;
      }
      callback(null, { text: user.name + call.request.text });
    };
    const server = new grpc.Server();
    server.addService(probe.v1.Probe.service, { ask: answered, list });
    ${BIND}`,
    plainly,
  ],
  "a guard that may give nothing without a reply": [
    `const users = { hello: 'anna', fail: 'fred', x: 'xaver' };
    function userOf(call, callback) {
      if (call.request.text === 'fail') {
        callback({ code: 9, details: 'not now' });
        return null;
      }
      return users[call.request.text];
    }
    const answered = (call, callback) => {
      const user = userOf(call, callback);
      if (!user) return;
      callback(null, { text: user + call.request.text });
    };
    const server = new grpc.Server();
    server.addService(probe.v1.Probe.service, { ask: answered, list });
    ${BIND}`,
    plainly,
  ],
  "guards that read the request, the headers and the deadline": [
    `function isAllowed(call, wanted, callback) {
      const { request } = call;
      if (request.text === wanted || call.metadata.get('x-token')[0] === 'bad') {
        callback({ code: 9, details: 'not ' + request.text + call.getPath() });
        return false;
      }
      return true;
    }
    function isInTime(callback, call) {
      const token = call.metadata.get('x-token')[0];
      if (call.getDeadline() < Date.now() || token === 'bad') {
        callback({ code: 4, details: 'too late ' + token });
        return null;
      }
      return { token };
    }
    const answered = (call, callback) => {
      if (!isAllowed(call, 'fail', callback)) return;
      const { text } = call.request;
      const req = isInTime(callback, call);
      if (!req) return;
      callback(null, { text: text + req.token });
    };
    const server = new grpc.Server();
    server.addService(probe.v1.Probe.service, { ask: answered, list });
    ${BIND}`,
    plainly,
  ],
  "a guard that asks whose call it is": [
    `function isAllowed(call, callback) {
      if (call.request.text === 'fail' || call.getPeer() === '') {
        callback({ code: 9, details: 'not now' });
        return false;
      }
      return true;
    }
    const answered = (call, callback) => {
      if (!isAllowed(call, callback)) return;
      callback(null, { text: call.request.text });
    };
    const server = new grpc.Server();
    server.addService(probe.v1.Probe.service, { ask: answered, list });
    ${BIND}`,
    plainly,
  ],
  "guards that are asked inside a try": [
    `const users = new Map([['x', { name: 'xaver' }]]);
    function isAllowed(call, callback) {
      const [token] = call.metadata.get('x-token');
      if (token && token.startsWith('bad')) {
        callback({ code: grpc.status.UNAUTHENTICATED, details: 'bad token ' + token.slice(0, 2) });
        return false;
      }
      return true;
    }
    function userOf(call, callback) {
      const { text } = call.request;
      if (text === 'fail') {
        callback({ code: 9, details: \`not \${text}\` });
        return null;
      }
      return users.get(text) || { name: 'anna' };
    }
    const answered = async (call, callback) => {
      try {
        // Who is it?
        if (!isAllowed(call, callback)) return;
        const user = userOf(call, callback);
        if (!user) {
          return;
        }

        // And now the answer.
        await null;
        if (call.request.text === 'x') throw new Error(user.name);
        callback(null, { text: user.name + call.request.text });
      } catch (error) {
        console.error('caught', error.message);
        callback({ code: 13, details: 'caught ' + error.message });
      }
    };
    const server = new grpc.Server();
    server.addService(probe.v1.Probe.service, { ask: answered, list });
    ${BIND}`,
    plainly,
  ],
  "a guard inside a try whose catch passes its error on": [
    `function isAllowed(call, callback) {
      if (call.request.text === 'x') JSON.parse('{');
      if (call.request.text === 'fail') {
        callback({ code: 9, details: 'not now' });
        return false;
      }
      return true;
    }
    const answered = async (call, callback) => {
      try {
        await null;
        if (!isAllowed(call, callback)) return;
        callback(null, { text: call.request.text });
      } catch (error) {
        callback(error);
      }
    };
    const server = new grpc.Server();
    server.addService(probe.v1.Probe.service, { ask: answered, list });
    ${BIND}`,
    plainly,
  ],
  "a guard inside a try that may throw more": [
    `function isAllowed(call, callback) {
      if (call.request.text === 'x') JSON.parse('{');
      if (call.request.text === 'fail') {
        callback({ code: 9, details: 'not now' });
        return false;
      }
      return true;
    }
    const answered = (call, callback) => {
      try {
        if (!isAllowed(call, callback)) return;
        callback(null, { text: call.request.text });
      } catch (error) {
        callback({ code: 13, details: 'caught ' + error.message });
      }
    };
    const server = new grpc.Server();
    server.addService(probe.v1.Probe.service, { ask: answered, list });
    ${BIND}`,
    plainly,
  ],
  "a guard inside a try, behind other work": [
    `function isAllowed(call, callback) {
      if (call.request.text === 'fail') {
        callback({ code: 9, details: 'not now' });
        return false;
      }
      return true;
    }
    const answered = (call, callback) => {
      try {
        if (call.request.text === 'x') JSON.parse('{');
        if (!isAllowed(call, callback)) return;
        callback(null, { text: call.request.text });
      } catch (error) {
        callback({ code: 13, details: 'caught ' + error.message });
      }
    };
    const server = new grpc.Server();
    server.addService(probe.v1.Probe.service, { ask: answered, list });
    ${BIND}`,
    plainly,
  ],
  "a guard in front of a reply in a nested function": [
    `function isAllowed(call, callback) {
      if (call.request.text === 'fail') {
        callback({ code: 9, details: 'not now' });
        return false;
      }
      return true;
    }
    const answered = (call, callback) => {
      if (!isAllowed(call, callback)) return;
      setTimeout(() => {
        if (call.request.text === 'x') return callback({ code: 5, details: 'later' });
        callback(null, { text: call.request.text });
      }, 5);
    };
    const server = new grpc.Server();
    server.addService(probe.v1.Probe.service, { ask: answered, list });
    ${BIND}`,
    plainly,
  ],
  "a guard that waits, of which nobody waits": [
    `async function isAllowed(call, callback) {
      if (call.request.text === 'fail') {
        callback({ code: 9, details: 'not now' });
        return false;
      }
      return true;
    }
    const answered = (call, callback) => {
      if (!isAllowed(call, callback)) return;
      callback(null, { text: call.request.text });
    };
    const server = new grpc.Server();
    server.addService(probe.v1.Probe.service, { ask: answered, list });
    ${BIND}`,
    plainly,
  ],
  "a guard that puts a user on the call": [
    `function admit(call, callback) {
      if (call.request.text === 'fail') {
        callback({ code: 9, details: 'not now' });
        return false;
      }
      call.user = 'anna';
      return true;
    }
    const answered = (call, callback) => {
      if (!admit(call, callback)) return;
      callback(null, { text: call.user + call.request.text });
    };
    const server = new grpc.Server();
    server.addService(probe.v1.Probe.service, { ask: answered, list });
    ${BIND}`,
    plainly,
  ],
  "a guard that other code asks": [
    `function isAllowed(call, callback) {
      if (call.request.text === 'x') {
        callback({ code: 7, details: 'never' });
        return false;
      }
      return true;
    }
    if (isAllowed({ request: { text: 'x' } }, () => {})) process.exit(9);
    const answered = (call, callback) => {
      if (!isAllowed(call, callback)) return;
      callback(null, { text: call.request.text });
    };
    const server = new grpc.Server();
    server.addService(probe.v1.Probe.service, { ask: answered, list });
    ${BIND}`,
    plainly,
  ],
  "a helper that a handler reaches by a key": [
    `function fail(callback, details) {
      callback({ code: 9, details });
    }
    const failures = { fail };
    const refuse = failures['fail'];
    const answered = (call, callback) => {
      const reply = callback;
      if (call.request.text === 'fail') return refuse(callback, 'not now');
      reply(null, { text: call.request.text });
    };
    const sum = (call, callback) => {
      if (call.metadata.get('x-no').length > 0) return fail(callback, 'never');
      call.on('data', () => {});
      call.on('end', () => callback(null, { text: 'all' }));
    };
    const server = new grpc.Server();
    server.addService(probe.v1.Probe.service, { ask: answered, sum, list });
    ${BIND}`,
    plainly,
  ],
  "a guard whose answer decides something else": [
    `function isAllowed(call, callback) {
      if (call.request.text === 'fail') {
        callback({ code: 9, details: 'not now' });
        return false;
      }
      return true;
    }
    let refused = 0;
    const answered = (call, callback) => {
      if (!isAllowed(call, callback)) {
        refused++;
        return;
      }
      callback(null, { text: call.request.text + refused });
    };
    const server = new grpc.Server();
    server.addService(probe.v1.Probe.service, { ask: answered, list });
    ${BIND}`,
    plainly,
  ],
  "a handler that other code calls": [
    `const own = {
      ask(call, callback) {
        if (call.request.text === 'fail') return callback({ code: 9, details: 'not now' });
        callback(null, { text: call.request.text + ' ' + call.request.text.length });
      },
      list(call) {
        for (const n of [1, 2, 3]) call.write({ text: call.request.text + n });
        call.end();
      },
    };
    own.ask({ request: { text: 'self' } }, (error, answer) => {
      if (error || answer.text !== 'self 4') process.exit(9);
    });
    const server = new grpc.Server();
    server.addService(probe.v1.Probe.service, own);
    ${BIND}`,
    plainly,
  ],
  TLS: [
    `const pairs = [{ private_key: read('key'), cert_chain: read('cert') }];
    const credentials = grpc.ServerCredentials.createSsl(null, pairs);
    const server = new grpc.Server();
    server.addService(probe.v1.Probe.service, { ask, list });
    ${BIND.replace("grpc.ServerCredentials.createInsecure()", "credentials")}`,
    talkOver(() => grpc.credentials.createSsl(Buffer.from(certificates.ca))),
  ],
  "TLS with certificates of clients, by a function": [
    `function credentials(secure) {
      if (!secure) return grpc.ServerCredentials.createInsecure();
      return grpc.ServerCredentials.createSsl(read('ca'), [{ private_key: read('key'), cert_chain: read('cert') }], true);
    }
    const server = new grpc.Server();
    server.addService(probe.v1.Probe.service, { ask, list });
    ${BIND.replace("grpc.ServerCredentials.createInsecure()", "credentials(Boolean(CERTS))")}`,
    talkOver(() =>
      grpc.credentials.createSsl(
        Buffer.from(certificates.ca),
        Buffer.from(certificates.client.key),
        Buffer.from(certificates.client.cert),
      ),
    ),
  ],
  health: [
    `const server = new grpc.Server();
    const state = new HealthImplementation({ '': 'SERVING', 'probe.v1.Probe': 'NOT_SERVING' });
    state.addToServer(server);
    server.addService(probe.v1.Probe.service, {
      ask(call, callback) {
        state.setStatus('probe.v1.Probe', 'SERVING');
        callback(null, { text: call.request.text });
      },
      list,
    });
    ${BIND}`,
    health,
  ],
  "health that a class adds to the server that it is given": [
    `class Health {
      constructor(server) {
        this.health = new HealthImplementation({ '': 'SERVING', 'probe.v1.Probe': 'NOT_SERVING' });
        this.health.addToServer(server);
      }
      set(service, status) {
        this.health.setStatus(service, status);
      }
    }
    const server = new grpc.Server();
    server.addService(probe.v1.Probe.service, {
      ask(call, callback) {
        state.set('probe.v1.Probe', 'SERVING');
        ask(call, callback);
      },
      list,
    });
    const state = new Health(server);
    ${BIND}`,
    health,
  ],
  "health that is made between services, in a function": [
    `function main() {
      const server = new grpc.Server();
      const answers = {
        ask(call, callback) {
          state.setStatus('probe.v1.Probe', 'SERVING');
          ask(call, callback);
        },
        list,
      };
      server.addService(probe.v1.Probe.service, answers);

      // What is known when it starts.
      const known = { '': 'SERVING', 'probe.v1.Probe': 'NOT_SERVING' };
      const state = new HealthImplementation(known);
      state.addToServer(server);
      ${BIND}
      state.setStatus('', 'NOT_SERVING');
    }
    main();`,
    health,
  ],
  "reflection in a variable that is declared again": [
    `var mirror = require('@grpc/reflection');
    var server = new grpc.Server();
    var mirror = new mirror.ReflectionService(definition);
    mirror.addToServer(server);
    server.addService(probe.v1.Probe.service, { ask, list });
    new HealthImplementation({ '': 'SERVING' }).addToServer(server);
    ${BIND}`,
    reflection,
  ],
  "reflection of some services, where it is wanted, and a flag between the services": [
    `function folder() {
      return __dirname;
    }
    const own = protoLoader.loadSync([path.join(folder(), 'probe.proto')], { includeDirs: [folder()], keepCase: true });
    const server = new grpc.Server();
    server.addService(probe.v1.Probe.service, { ask, list });
    let isReflected = false;
    if (ADDRESS !== '') {
      new ReflectionService(own, { services: ['probe.v1.Probe'] }).addToServer(server);
      isReflected = true;
    }
    console.log('reflected', isReflected);
    ${BIND}`,
    reflection,
  ],
  "reflection and options of connections": [
    `const options = {
      // A minute.
      'grpc.max_connection_age_ms': 60_000,
      'grpc.keepalive_time_ms': 10_000,
    };
    const server = new grpc.Server(options);
    const mirror = new ReflectionService(definition);
    mirror.addToServer(server);
    server.addService(probe.v1.Probe.service, { ask, list });
    ${BIND}`,
    reflection,
  ],
};

const fileOf = (name: string) => `${name.replace(/\W+/g, "-")}.js`;
let folder: string;
let findings: readonly PlacedFinding[];
const before = new Map<string, string[]>();
const after = new Map<string, string[]>();

async function converse(name: string, talk: Talk): Promise<string[]> {
  const lines: string[] = [];
  const child = startChild(process.execPath, [fileOf(name)], {
    cwd: folder,
    env: { ADDRESS: "localhost:0", CERTS: path.join(folder, "certs") },
  });
  const port = await child.ready(/^ready (\d+)$/m).catch((error: Error) => error);
  if (port instanceof Error) return [port.message];
  const guard = setTimeout(() => void child.kill(), 30_000);
  try {
    await talk(Number(port), (line) => lines.push(line));
    const { code, signal } = await child.stop();
    return [...lines, `exit ${code} ${signal}`];
  } finally {
    clearTimeout(guard);
    await child.kill();
  }
}

beforeAll(async () => {
  certificates = makeCertificates();
  folder = realpathSync(mkdtempSync(path.join(tmpdir(), "servers-")));
  cpSync(proto, path.join(folder, "probe.proto"));
  linkPackages(folder, ["@grpc", "@bufbuild", "grpc-health-check"]);
  mkdirSync(path.join(folder, "certs"));
  const pieces = { ca: certificates.ca, key: certificates.server.key, cert: certificates.server.cert };
  for (const [name, content] of Object.entries(pieces)) writeFileSync(path.join(folder, "certs", name), content);
  writeFileSync(path.join(folder, "package.json"), JSON.stringify({ name: "servers", type: "commonjs" }));
  for (const [name, [source]] of Object.entries(programs))
    writeFileSync(path.join(folder, fileOf(name)), `${HEAD}\n${source.replace(/^ {4}/gm, "")}\n`);
  for (const [name, [, talk]] of Object.entries(programs)) before.set(name, await converse(name, talk));
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
  for (const [name, [, talk]] of Object.entries(programs)) after.set(name, await converse(name, talk));
}, 240_000);

afterAll(() => {
  if (process.env.KEEP) console.log(folder);
  else rmSync(folder, { recursive: true, force: true });
});

describe.each(Object.keys(programs))("%s", (name) => {
  it("becomes an app and gives the same answers", () => {
    const own = findings.filter((finding) => finding.file === path.join(folder, fileOf(name)));
    const made = own.filter((finding) => finding.construct === "new Server()");
    expect(made.length).toBeGreaterThan(0);
    for (const finding of made) expect(finding.outcome, finding.reason?.text).toBe("idiomatic");
    const then = before.get(name) ?? [];
    expect(then.length).toBeGreaterThan(5);
    // Without a handler of its own the program died of the signal; now it ends gracefully, and then of the signal too.
    expect(after.get(name)).toEqual(then);
  });
});

it.each([
  ["methods that are bound, called by an arrow, and spread", []],
  ["methods that their class binds", ["handler List"]],
  ["a spread member that keeps its callback", ["handler Ask"]],
  ["wrappers of handlers, one inside the other", ["handler Ask"]],
  ["a wrapper that replies with what its function gives", []],
  ["a wrapper that calls its handler inside a try", ["handler Ask"]],
  ["a wrapper that calls its handler later", ["handler Ask"]],
  ["a wrapper that goes on behind its handler", ["handler Ask"]],
  ["a wrapper that gives its handler another callback", ["handler Ask"]],
  ["a wrapper that other code uses too", ["handler Ask"]],
  ["a wrapper that is given a handler that nobody sees", ["handler Ask"]],
  ["a wrapper of handlers of two kinds", []],
  ["a wrapper of handlers of two kinds that refuses calls", []],
  ["guards that are given the callback", []],
  ["guards that read the request, the headers and the deadline", []],
  ["a guard that asks whose call it is", ["call, given to a function that reads it"]],
  ["a guard that may give nothing without a reply", ["handler Ask"]],
  ["guards that are asked inside a try", []],
  ["a guard inside a try whose catch passes its error on", []],
  ["a guard inside a try that may throw more", ["handler Ask"]],
  ["a guard inside a try, behind other work", ["handler Ask"]],
  ["a guard in front of a reply in a nested function", []],
  ["a guard that waits, of which nobody waits", ["handler Ask"]],
  ["a guard that puts a user on the call", ["handler Ask"]],
  ["a guard that other code asks", ["handler Ask"]],
  ["a helper that a handler reaches by a key", ["callback that is handed on", "handler Ask"]],
  ["a guard whose answer decides something else", ["handler Ask"]],
  ["a class of which one method stays", ["handler Ask"]],
  ["a class with a subclass, of which one method stays", ["handler Ask"]],
  ["a class whose prototype is asked, of which one method stays", ["handler Ask"]],
])("%s: bridged is only what has to be", (name, bridged) => {
  const own = findings.filter((finding) => finding.file === path.join(folder, fileOf(name)));
  const kept = own.filter(({ rule, outcome }) => outcome === "bridged" && rule !== "services/server-to-app");
  expect(kept.map(({ construct }) => construct)).toEqual(bridged);
  expect(own.some(({ construct }) => construct === "addService(probe.v1.Probe)")).toBe(true);
});
