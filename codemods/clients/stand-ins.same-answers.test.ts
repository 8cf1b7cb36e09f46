import { cpSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { runMigration } from "../index.js";
import { comparePrograms } from "./testing/compare-programs.js";

/** `get(text)` asks through the client, whose methods a test replaces. */
const PROGRAM = `
const { mock } = require('node:test');
const client = new probe.v1.Probe(PLAIN, grpc.credentials.createInsecure());
function get(text) {
  return new Promise((resolve, reject) => {
    client.ask({ text }, (err, res) => {
      if (err) {
        reject(err);
        return;
      }
      resolve(res.text);
    });
  });
}
`;

/** `list(text)` iterates a stream. */
const LISTER = `
const { mock } = require('node:test');
const { Readable } = require('node:stream');
const client = new probe.v1.Probe(PLAIN, grpc.credentials.createInsecure());
async function list(text) {
  const texts = [];
  for await (const item of client.list({ text })) texts.push(item.text);
  return texts;
}
`;

/** So much of sinon and of jest's `expect` as the programs ask for. */
const SINON = `
const assert = require('node:assert');
const put = [];
const sinon = {
  stub(object, name) {
    const own = object[name];
    let answer = () => {};
    const stub = (...args) => {
      stub.callCount++;
      stub.args.push(args);
      return answer(...args);
    };
    const set = (next) => {
      answer = next;
      return stub;
    };
    Object.assign(stub, {
      callCount: 0,
      args: [],
      yields: (...given) => set((...args) => void args.find((each) => typeof each === 'function')(...given)),
      callsArgWith: (index, ...given) => set((...args) => void args[index](...given)),
      resolves: (value) => set(async () => value),
      rejects: (error) => set(async () => { throw error; }),
    });
    object[name] = stub;
    put.push(() => (object[name] = own));
    return stub;
  },
  restore: () => put.splice(0).forEach((back) => back()),
  assert: { calledWith: (stub, request) => assert.deepEqual(stub.args[0][0], request) },
};
`;
const EXPECT = `
const assert = require('node:assert');
const expect = (called) => ({
  toHaveBeenCalledTimes: (count) => assert.equal(called.mock.callCount(), count),
  toHaveBeenCalledWith(...wanted) {
    const given = called.mock.calls[0].arguments;
    assert.equal(given.length, wanted.length);
    wanted.forEach((each, index) =>
      typeof each === 'function' ? assert(each(given[index])) : assert.deepEqual(given[index], each),
    );
  },
});
expect.any = (type) => (value) => value instanceof type;
expect.anything = () => (value) => value != null;
`;

comparePrograms({
  "a method that a library for tests replaces": [
    "idiomatic",
    `${PROGRAM}
    mock.method(client, 'ask', (req, callback) => callback(null, { text: 'mocked ' + req.text }));
    get('a').then(console.log).then(() => client.close());`,
  ],
  "errors and answers, in every branch": [
    "idiomatic",
    `${PROGRAM}
    const spy = mock.method(client, 'ask', function (req, callback) {
      if (req.text === 'a') return callback({ code: grpc.status.NOT_FOUND, details: 'none' });
      if (req.text === 'b') return callback(new Error('no answer at all'));
      const text = 'mocked ' + req.text;
      callback(null, { text });
    });
    (async () => {
      for (const text of ['a', 'b', 'c'])
        await get(text).then(console.log, (err) => console.log(err.code));
      console.log(spy.mock.callCount(), spy.mock.calls[2].arguments[0]);
      spy.mock.restore();
      await get('d').then(console.log);
      client.close();
    })();`,
  ],
  "an error beside no reply": [
    "idiomatic",
    `${PROGRAM}
    mock.method(client, 'ask', (req, callback) => callback({ code: 5, details: 'none' }, null));
    get('a').catch((err) => console.log(err.code)).then(() => client.close());`,
  ],
  "answers in the words of sinon": [
    "idiomatic",
    `${PROGRAM}${SINON}
    (async () => {
      sinon.stub(client, 'ask').yields(null, { text: 'yielded' });
      await get('a').then(console.log);
      sinon.restore();
      const stub = sinon.stub(client, 'ask').callsArgWith(1, null, { text: 'called' });
      await get('b').then(console.log);
      sinon.assert.calledWith(stub, { text: 'b' });
      console.log(stub.callCount);
      sinon.restore();
      sinon.stub(client, 'ask').yields({ code: 5, details: 'none' });
      await get('c').catch((err) => console.log(err.code));
      sinon.restore();
      await get('d').then(console.log);
      client.close();
    })();`,
  ],
  "a stub that a variable holds, which is told its answers later": [
    "idiomatic",
    `${PROGRAM}
    let spy;
    const before = () => {
      spy = mock.method(client, 'ask', (req, callback) => callback(null, { text: 'mocked ' + req.text }));
    };
    (async () => {
      before();
      await get('a').then(console.log);
      console.log(spy.mock.callCount(), spy.mock.calls[0].arguments[0]);
      const none = Object.assign(new Error('none'), { code: grpc.status.NOT_FOUND, details: 'none' });
      spy.mock.mockImplementation((req, callback) => callback(none));
      await get('b').catch((err) => console.log(err.code));
      spy.mock.mockImplementationOnce((req, callback) => callback(null, { text: 'once' }));
      await get('c').then(console.log);
      await get('d').catch((err) => console.log(err.code, none.code));
      spy.mock.restore();
      await get('e').then(console.log);
      client.close();
    })();`,
  ],
  "a stub that a variable holds, in the words of sinon": [
    "idiomatic",
    `${PROGRAM}${SINON}
    let stub;
    const gone = { code: 14, details: 'gone' };
    (async () => {
      stub = sinon.stub(client, 'ask');
      stub.yields(gone);
      await get('a').catch((err) => console.log(err.code));
      stub.yields(null, { text: 'yielded' });
      await get('b').then(console.log);
      console.log(stub.callCount);
      sinon.restore();
      client.close();
    })();`,
  ],
  "a stub that may answer nothing": [
    "bridged",
    `${PROGRAM}${SINON}
    let stub = null;
    stub = sinon.stub(client, 'ask');
    get('a').then(console.log, console.log);
    console.log(stub.callCount);
    stub.yields(null, { text: 'yielded' });
    get('b').then(console.log);`,
  ],
  "a stub whose first call comes before its answer": [
    "bridged",
    `${PROGRAM}${SINON}
    let stub;
    stub = sinon.stub(client, 'ask');
    get('a').then(console.log, console.log);
    stub.yields(null, { text: 'yielded' });
    get('b').then(console.log);`,
  ],
  "a variable that holds one stub after the other": [
    "bridged",
    `${PROGRAM}
    let spy;
    spy = mock.method(client, 'ask', (req, callback) => callback(null, { text: 'first ' + req.text }));
    (async () => {
      await get('a').then(console.log);
      spy = mock.method({ other() {} }, 'other');
      console.log(spy.mock.callCount());
      client.close();
    })();`,
  ],
  "errors that functions make": [
    "idiomatic",
    `${PROGRAM}
    function failed(code, details) {
      const err = new Error(details);
      err.code = code;
      err.details = details;
      return err;
    }
    const plain = (code, message) => ({ code, details: message, message });
    (async () => {
      const spy = mock.method(client, 'ask', (req, callback) => callback(failed(grpc.status.NOT_FOUND, 'none')));
      await get('a').catch((err) => console.log(err.code));
      spy.mock.mockImplementation((req, callback) => callback(plain(7, 'not you')));
      await get('b').catch((err) => console.log(err.code));
      const broken = new Error('no answer at all');
      spy.mock.mockImplementation((req, callback) => callback(broken));
      await get('c').catch((err) => console.log(err.code, err === broken));
      client.close();
    })();`,
  ],
  "an error that a test compares": [
    "bridged",
    `${PROGRAM}
    const assert = require('node:assert');
    const none = Object.assign(new Error('none'), { code: 5, details: 'none' });
    mock.method(client, 'ask', (req, callback) => callback(none));
    get('a').catch((err) => assert.equal(err, none)).then(() => console.log('the same'));`,
  ],
  "an error that a test compares with one of the same function": [
    "bridged",
    `${PROGRAM}
    const assert = require('node:assert');
    const none = () => ({ code: 5, details: 'none' });
    mock.method(client, 'ask', (req, callback) => callback(none()));
    get('a').catch((err) => assert.deepEqual(err, none())).then(() => console.log('equal'));`,
  ],
  "an error with a text that a test expects": [
    "bridged",
    `${PROGRAM}
    const assert = require('node:assert');
    const none = { code: 5, details: 'none', message: 'none' };
    const expected = { code: 5, message: 'none' };
    mock.method(client, 'ask', (req, callback) => callback(none));
    assert.rejects(get('a'), expected).then(() => console.log('rejected'));`,
  ],
  "an error that changes on the way": [
    "bridged",
    `${PROGRAM}
    let none = { code: 5, details: 'none' };
    mock.method(client, 'ask', (req, callback) => callback(none));
    none = null;
    get('a').then((text) => console.log(text), (err) => console.log(err.code, err instanceof TypeError));`,
  ],
  "a stub that is told its answers by the name of the method": [
    "idiomatic",
    `${PROGRAM}
    (async () => {
      mock.method(client, 'ask', (req, callback) => callback(null, { text: 'mocked ' + req.text }));
      await get('a').then(console.log);
      client.ask.mock.mockImplementation((req, callback) => callback({ code: 5, details: 'none' }));
      await get('b').catch((err) => console.log(err.code));
      console.log(client.ask.mock.callCount());
      client.close();
    })();`,
  ],
  "streams that are iterated": [
    "idiomatic",
    `${LISTER}
    (async () => {
      const spy = mock.method(client, 'list', () => Readable.from([{ text: 'a1' }, { text: 'a2' }]));
      console.log(await list('a'), spy.mock.callCount(), spy.mock.calls[0].arguments[0]);
      spy.mock.mockImplementation(async function* () {
        yield { text: 'b1' };
      });
      console.log(await list('b'));
      spy.mock.restore();
      client.close();
    })();`,
  ],
  "a stream that fails": [
    "bridged",
    `${LISTER}
    mock.method(client, 'list', async function* () {
      yield { text: 'a1' };
      throw Object.assign(new Error('gone'), { code: 14, details: 'gone' });
    });
    list('a').catch((err) => console.log(err.code, err.details));`,
  ],
  "a stream that is made elsewhere": [
    "bridged",
    `${LISTER}
    const made = (...texts) => Readable.from(texts.map((text) => ({ text })));
    mock.method(client, 'list', () => made('a1'));
    list('a').then(console.log);`,
  ],
  "a stream of a test with listeners": [
    "bridged",
    `${LISTER}
    const heard = (text) =>
      new Promise((resolve, reject) => {
        const texts = [];
        const call = client.list({ text });
        call.on('data', (item) => texts.push(item.text));
        call.on('error', reject);
        call.on('end', () => resolve(texts));
      });
    mock.method(client, 'list', () => Readable.from([{ text: 'a1' }]));
    heard('a').then(console.log);`,
  ],
  "a stream that begins at once": [
    "bridged",
    `${LISTER}
    const { EventEmitter } = require('node:events');
    const stream = new EventEmitter();
    const seen = [];
    mock.method(client, 'list', () => stream);
    client.list({ text: 'a' }).on('data', (item) => seen.push(item.text));
    stream.emit('data', { text: 'a1' });
    console.log(seen);`,
  ],
  "a stream of requests": [
    "bridged",
    `${LISTER}
    mock.method(client, 'sum', (callback) => {
      const texts = [];
      return { write: (req) => texts.push(req.text), end: () => callback(null, { text: texts.join() }) };
    });
    const call = client.sum((err, res) => console.log(err, res.text));
    call.write({ text: 'a' });
    call.end();`,
  ],
  "a callback that sinon looks for elsewhere": [
    "bridged",
    `${PROGRAM}${SINON}
    const stub = sinon.stub(client, 'ask').callsArgWith(2, null, { text: 'called' });
    try {
      client.ask({ text: 'a' }, {}, (err, res) => console.log(err, res));
    } finally {
      console.log(stub.callCount);
    }`,
  ],
  "what a test asks of a method": [
    "idiomatic",
    `${PROGRAM}${EXPECT}
    (async () => {
      mock.method(client, 'ask', (req, callback) => callback(null, { text: 'mocked ' + req.text }));
      console.log(await get('a'));
      expect(client.ask).toHaveBeenCalledWith({ text: 'a' }, expect.any(Function));
      expect(client.ask).toHaveBeenCalledTimes(1);
      client.close();
    })();`,
  ],
  "what a test asks of a method beside other arguments": [
    "bridged",
    `${PROGRAM}${EXPECT}
    const later = (text, metadata) =>
      new Promise((resolve, reject) => {
        client.ask({ text }, metadata, (err, res) => (err ? reject(err) : resolve(res.text)));
      });
    (async () => {
      const spy = mock.method(client, 'ask', (req, options, callback) => callback(null, { text: 'mocked ' + req.text }));
      console.log(await later('a', new grpc.Metadata()));
      expect(spy).toHaveBeenCalledWith({ text: 'a' }, expect.anything(), expect.any(Function));
      client.close();
    })();`,
  ],
  "a spy that only counts": [
    "idiomatic",
    `${PROGRAM}
    const spy = mock.method(client, 'ask');
    get('a').then((text) => console.log(text, spy.mock.callCount())).then(() => client.close());`,
  ],
  "an answer that nothing waits for": [
    "bridged",
    `${PROGRAM}
    let shown;
    function show() {
      client.ask({ text: 'now' }, (err, res) => {
        if (err) return;
        shown = res.text;
      });
    }
    mock.method(client, 'ask', (req, callback) => callback(null, { text: 'mocked ' + req.text }));
    show();
    console.log(shown);`,
  ],
  "a stub that looks at the options": [
    "bridged",
    `${PROGRAM}
    mock.method(client, 'ask', (req, options, callback) => (callback ?? options)(null, { text: String(typeof options) }));
    get('a').then(console.log);`,
  ],
  "a stub with a way that does not answer": [
    "bridged",
    `${PROGRAM}
    mock.method(client, 'ask', (req, callback) => {
      if (req.text === 'a') callback(null, { text: 'mocked' });
    });
    get('a').then(console.log);
    get('b').then(console.log);`,
  ],
  "an error whose text is looked at": [
    "bridged",
    `${PROGRAM}
    mock.method(client, 'ask', (req, callback) => callback(Object.assign(new Error('5 NOT_FOUND: none'), { code: 5, details: 'none' })));
    get('a').catch((err) => console.log(err.message));`,
  ],
  "a stub that answers later": [
    "bridged",
    `${PROGRAM}
    mock.method(client, 'ask', (req, callback) => { setTimeout(() => callback(null, { text: 'late' }), 5); });
    get('a').then(console.log);`,
  ],
  "a stub beside a use that keeps the old shape": [
    "bridged",
    `${PROGRAM}
    mock.method(client, 'ask', (req, callback) => callback(null, { text: 'mocked ' + req.text }));
    const taken = client.ask;
    get('a').then(console.log);
    taken.call(client, { text: 'b' }, (err, res) => console.log(res.text));`,
  ],
  "a stub beside a call of another method that keeps the old shape": [
    "idiomatic",
    `${PROGRAM}
    const spy = mock.method(client, 'ask', (req, callback) => {
      if (req.text === 'a') callback(null, { text: 'mocked' });
      else if (req.text === 'b') {
        callback({ code: 5, details: 'none' });
      } else callback(null, { text: 'other' });
    });
    function open() {
      const call = client.chat();
      call.on('data', (item) => console.log(item.text));
      return { say: (text) => call.write({ text }), onEnd: (fn) => call.on('end', fn), close: () => call.end() };
    }
    (async () => {
      for (const text of ['a', 'b', 'c']) await get(text).then(console.log, (err) => console.log(err.code));
      console.log(spy.mock.callCount());
      const chat = open();
      chat.say('hi');
      chat.close();
      await new Promise((resolve) => chat.onEnd(resolve));
      client.close();
    })();`,
  ],
  "a stub beside a call that may be of its method": [
    "bridged",
    `${PROGRAM}
    mock.method(client, 'ask', (req, callback) => callback(null, { text: 'mocked ' + req.text }));
    const any = (method, text, done) => {
      const call = client[method]({ text }, (err, res) => done(err ? err.code : res.text));
      console.log(typeof call);
    };
    get('a').then(console.log).then(() => any('ask', 'b', console.log));`,
  ],
  "a method that is assigned": [
    "bridged",
    `${PROGRAM}
    const own = client.ask;
    client.ask = (req, callback) => callback(Object.assign(new Error('no'), { code: 5, details: 'none' }));
    get('a').catch((err) => console.log(err.code, err.details));
    client.ask = own;
    get('b').then(console.log).then(() => client.close());`,
  ],
  "a default for which a test passes its own": [
    "bridged",
    `${PROGRAM}
    const make = (asked = client) => (text) =>
      new Promise((resolve, reject) => {
        asked.ask({ text }, (err, res) => (err ? reject(err) : resolve(res.text)));
      });
    (async () => {
      console.log(await make()('a'));
      console.log(await make({ ask: (req, callback) => callback(null, { text: 'own ' + req.text }) })('b'));
      client.close();
    })();`,
  ],
  "a field that a test fills again": [
    "bridged",
    `${PROGRAM}
    class Reader {
      constructor() {
        this.asked = client;
      }
      read(text) {
        return new Promise((resolve, reject) => {
          this.asked.ask({ text }, (err, res) => (err ? reject(err) : resolve(res.text)));
        });
      }
    }
    (async () => {
      const reader = new Reader();
      console.log(await reader.read('a'));
      reader.asked = { ask: (req, callback) => callback(null, { text: 'own ' + req.text }) };
      console.log(await reader.read('b'));
      client.close();
    })();`,
  ],
  "a field that a test fills again where it is empty": [
    "bridged",
    `${PROGRAM}
    class Reader {
      asked = client;
      read(text) {
        return new Promise((resolve, reject) => {
          this.asked.ask({ text }, (err, res) => (err ? reject(err) : resolve(res.text)));
        });
      }
    }
    (async () => {
      const reader = new Reader();
      console.log(await reader.read('a'));
      reader.asked = null;
      reader.asked ??= { ask: (req, callback) => callback(null, { text: 'own ' + req.text }) };
      console.log(await reader.read('b'));
      client.close();
    })();`,
  ],
  "methods that a test puts into the client together": [
    "bridged",
    `${PROGRAM}
    Object.assign(client, { ask: (req, callback) => callback(null, { text: 'assigned ' + req.text }) });
    get('a').then(console.log);`,
  ],
  "fields that a test fills by other ways": [
    "bridged",
    `${PROGRAM}
    class Reader {
      constructor() {
        this.asked = client;
      }
      read(text) {
        return new Promise((resolve, reject) => {
          this.asked.ask({ text }, (err, res) => (err ? reject(err) : resolve(res.text)));
        });
      }
    }
    class Fake {
      ask(req, callback) {
        if (req.text === 'none') callback({ code: 5, details: 'none' });
        else callback(null, { text: 'fake ' + req.text });
      }
    }
    (async () => {
      const defined = new Reader();
      Object.defineProperty(defined, 'asked', { value: new Fake() });
      console.log(await defined.read('a'));
      await defined.read('none').catch((err) => console.log(err.code, err.details));
      const computed = new Reader();
      for (const [key, value] of Object.entries({ asked: new Fake() })) computed[key] = value;
      console.log(await computed.read('b'));
      console.log(await Reader.prototype.read.call({ asked: new Fake() }, 'c'));
      client.close();
    })();`,
  ],
  "a function that makes the client, which a test replaces": [
    "bridged",
    `const { mock } = require('node:test');
    const clients = { make: () => new probe.v1.Probe(PLAIN, grpc.credentials.createInsecure()) };
    const get = (text) =>
      new Promise((resolve, reject) => {
        clients.make().ask({ text }, (err, res) => (err ? reject(err) : resolve(res.text)));
      });
    const answer = mock.fn((req, callback) => callback(null, { text: 'mocked ' + req.text }));
    mock.method(clients, 'make', () => ({ ask: answer }));
    get('a').then((text) => console.log(text, answer.mock.callCount()));`,
  ],
  "a class of a test that makes another client": [
    "bridged",
    `require('node:test');
    class Reader {
      make() {
        return new probe.v1.Probe(PLAIN, grpc.credentials.createInsecure());
      }
      read(text) {
        return new Promise((resolve, reject) => {
          this.make().ask({ text }, (err, res) => (err ? reject(err) : resolve(res.text)));
        });
      }
    }
    class Tested extends Reader {
      make() {
        return { ask: (req, callback) => callback(null, { text: 'own ' + req.text }) };
      }
    }
    new Tested().read('a').then(console.log);`,
  ],
  "an error of a test with Metadata, in the place of one of a call": [
    "idiomatic",
    `${PROGRAM}
    const api = { get };
    async function why(text) {
      try {
        return await api.get(text);
      } catch (err) {
        return [err.code, err.details, err.metadata.get('x-why')[0]];
      }
    }
    (async () => {
      console.log(await why('rich 5 none'));
      const metadata = new grpc.Metadata();
      metadata.set('x-why', 'the test says so');
      const failed = Object.assign(new Error('5 NOT_FOUND: none'), { code: 5, details: 'none', metadata });
      mock.method(api, 'get', () => Promise.reject(failed));
      console.log(await why('a'));
      client.close();
    })();`,
  ],
  "a constructor that a test replaces": [
    "manual",
    `const { mock } = require('node:test');
    const get = (text) =>
      new Promise((resolve, reject) => {
        const client = new probe.v1.Probe(PLAIN, grpc.credentials.createInsecure());
        client.ask({ text }, (err, res) => (err ? reject(err) : resolve(res.text)));
      });
    mock.method(probe.v1, 'Probe', function () {
      return { ask: (req, callback) => callback(null, { text: 'mocked ' + req.text }) };
    });
    get('a').then(console.log);`,
  ],
  "a constructor that a test assigns": [
    "manual",
    `const get = (text) =>
      new Promise((resolve, reject) => {
        const client = new probe.v1.Probe(PLAIN, grpc.credentials.createInsecure());
        client.ask({ text }, (err, res) => (err ? reject(err) : resolve(res.text)));
      });
    probe.v1.Probe = class {
      ask(req, callback) {
        callback(null, { text: 'own ' + req.text });
      }
    };
    get('a').then(console.log);`,
  ],
  "a stream of a test in a field": [
    "bridged",
    `const { mock } = require('node:test');
    const { Readable } = require('node:stream');
    class Lister {
      constructor() {
        this.asked = new probe.v1.Probe(PLAIN, grpc.credentials.createInsecure());
      }
      list(text) {
        return new Promise((resolve, reject) => {
          const texts = [];
          const call = this.asked.list({ text });
          call.on('data', (item) => texts.push(item.text));
          call.on('error', reject);
          call.on('end', () => resolve(texts));
        });
      }
    }
    const lister = new Lister();
    Reflect.set(lister, 'asked', { list: mock.fn(() => Readable.from([{ text: 'a1' }, { text: 'a2' }])) });
    lister.list('a').then(console.log);`,
  ],
  "members of the same names that are no clients": [
    "idiomatic",
    `const { mock } = require('node:test');
    const clients = { make: () => new probe.v1.Probe(PLAIN, grpc.credentials.createInsecure()) };
    async function get(text) {
      const client = clients.make();
      const reply = await new Promise((resolve, reject) => {
        client.ask({ text }, (err, res) => (err ? reject(err) : resolve(res)));
      });
      client.close();
      return reply.text;
    }
    const api = { ask: mock.fn(async (text) => 'api ' + text), list: () => ['a', 'b'] };
    const server = new grpc.Server();
    const handlers = { ask: mock.fn((call, callback) => callback(null, { text: 'served ' + call.request.text })) };
    server.addService(probe.v1.Probe.service, handlers);
    get('a').then(async (text) => console.log(text, await api.ask('b'), api.list(), handlers.ask.mock.callCount()));`,
  ],
  "a spy that asks the client all the same": [
    "bridged",
    `${PROGRAM}
    const spy = mock.method(client, 'ask');
    get('a').then((text) => console.log(text, spy.mock.callCount(), typeof spy.mock.calls[0].arguments[1])).then(() => client.close());`,
  ],
});

describe("TypeScript", () => {
  const folder = mkdtempSync(path.join(tmpdir(), "stand-ins-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const api = `
import { credentials } from "@grpc/grpc-js";
import { InventoryClient } from "./gen/shop.js";
export class Api {
  constructor(private readonly client: InventoryClient) {}
  count(sku: string): Promise<number> {
    return new Promise((resolve, reject) => {
      this.client.getItem({ sku }, (err, item) => (err ? reject(err) : resolve(item.count)));
    });
  }
}
export const made = () => new Api(new InventoryClient("localhost:50051", credentials.createInsecure()));
`;
  const tests: Readonly<Record<string, readonly [outcome: string, test: string]>> = {
    "no test": ["idiomatic", "export {};"],
    "an object under the client's type": [
      "bridged",
      `import { Api } from "./api.js";
      import type { InventoryClient } from "./gen/shop.js";
      const fake = { getItem: (_request: unknown, callback: Function) => callback(null, { count: 1 }) } as unknown as InventoryClient;
      new Api(fake);`,
    ],
    "an object of any type for a parameter": [
      "bridged",
      `import { Api } from "./api.js";
      new Api({ getItem: (_request: unknown, callback: Function) => callback(null, { count: 1 }) } as any);`,
    ],
    "what a function gives that says nothing of it": [
      "bridged",
      `import { Api } from "./api.js";
      const answering = (): any => new Proxy({}, { get: () => (...all: any[]) => all.at(-1)(null, { count: 1 }) });
      new Api(answering());`,
    ],
    "what a function gives, under the client's type": [
      "bridged",
      `import { Api } from "./api.js";
      import type { InventoryClient } from "./gen/shop.js";
      declare const answering: () => object;
      new Api(answering() as unknown as InventoryClient);`,
    ],
    "a client that is any for the compiler": [
      "idiomatic",
      `import { credentials } from "@grpc/grpc-js";
      import { Api } from "./api.js";
      import { InventoryClient } from "./gen/shop.js";
      const client = new InventoryClient("localhost:50051", credentials.createInsecure());
      new Api(client as any);`,
    ],
    "a type of a library for tests": [
      "bridged",
      `import { Api } from "./api.js";
      import type { InventoryClient } from "./gen/shop.js";
      type Mocked<T> = { [K in keyof T]: T[K] };
      declare const mocked: Mocked<InventoryClient>;
      new Api(mocked as any);`,
    ],
    "the methods of all clients": [
      "manual",
      `import { made } from "./api.js";
      import { InventoryClient } from "./gen/shop.js";
      made();
      declare const sinon: { stub(object: unknown, name: string): void };
      sinon.stub(InventoryClient.prototype, "getItem");`,
    ],
  };

  it.each(Object.entries(tests))("%s", async (name, [outcome, test]) => {
    const place = path.join(folder, name.replace(/\W+/g, "-"));
    const fixture = path.join(import.meta.dirname, "..", "..", "fixtures", "clients", "client-types", "before");
    for (const part of ["gen", "shop.proto"])
      cpSync(path.join(fixture, part), path.join(place, part), { recursive: true });
    symlinkSync(path.join(import.meta.dirname, "..", "..", "node_modules"), path.join(place, "node_modules"));
    writeFileSync(path.join(place, "api.ts"), api);
    writeFileSync(path.join(place, "api.test.ts"), test);
    const { findings } = await runMigration({
      cwd: place,
      paths: ["."],
      side: "clients",
      target: "bundled",
      messages: "bridge",
      runtime: "npm",
    });
    const made = findings.filter((finding) => finding.construct.startsWith("new "));
    expect(made.map((finding) => finding.outcome)).toEqual(expect.arrayContaining([outcome]));
    expect(new Set(made.map((finding) => finding.outcome)).size, JSON.stringify(made)).toBe(1);
  });
});
