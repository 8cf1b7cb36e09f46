import { comparePrograms, type Programs } from "./testing/compare-programs.js";

/** `get(text)` is the reply, or throws the error. */
const GET = `
const client = new probe.v1.Probe(PLAIN, grpc.credentials.createInsecure());
function get(text) {
  return new Promise((resolve, reject) => {
    client.ask({ text }, (err, res) => (err ? reject(err) : resolve(res)));
  });
}
`;

const programs: Programs = {
  "details of errors that others throw in the same try": [
    "idiomatic",
    `${GET}
    function checked(text) {
      if (!text.startsWith('bad')) return text;
      throw Object.assign(new Error('not valid'), { details: [{ path: 'text' }] });
    }
    async function told(text) {
      try {
        console.log((await get(checked(text))).text);
      } catch (err) {
        console.log(err.code, err.details);
      }
    }
    told('fail 5 gone').then(() => told('bad one')).then(() => told('fine'));
    `,
  ],
  "the words of a deadline": [
    "idiomatic",
    `const client = new probe.v1.Probe(PLAIN, grpc.credentials.createInsecure());
    const soon = () => ({ deadline: Date.now() + 150 });
    ask(client, 'first').then(() => {
      client.ask({ text: 'hang' }, soon(), (err, res) => {
        if (err) {
          console.log(err.code, /Deadline exceeded/.test(err.details), err.details.toLowerCase().includes('deadline'));
          third();
          return;
        }
        console.log(res.text);
      });
    });
    function third() {
      client.ask({ text: 'hang' }, soon(), (err, res) => {
        if (err) {
          const { code, details } = err;
          console.log(code, details.startsWith('Deadline'));
          fourth();
          return;
        }
        console.log(res.text);
      });
    }
    function fourth() {
      client.ask({ text: 'fail it' }, (err, res) => {
        if (err) {
          console.log(err.details.includes('not'), err.details);
          return;
        }
        console.log(res.text);
      });
    }`,
  ],
  "parts of errors that others throw in the same try": [
    "idiomatic",
    `${GET}
    function checked(text) {
      if (!text.startsWith('bad')) return text;
      throw Object.assign(new Error('not valid'), { details: [{ path: 'text' }] });
    }
    async function told(text) {
      try {
        console.log((await get(checked(text))).text);
      } catch (err) {
        const { code, details, message } = err;
        const { details: again } = err;
        const { message: told, code: number } = err, more = 'more';
        console.log(code, details, message, again, told, number, more);
      }
    }
    async function passed(text) {
      try {
        console.log((await get(checked(text))).text);
      } catch ({ code, details }) {
        console.log(code, details);
      }
    }
    (async () => {
      for (const text of ['fail 5 gone', 'bad one', 'fine']) {
        await told(text);
        await passed(text);
      }
      await get('fail 9 no').catch((err) => {
        const { details, /* all of it */ message } = err;
        console.log(details, message);
      });
    })();
    `,
  ],
  "codes in comparisons, a switch, a table and a set": [
    "idiomatic",
    `${GET}
    const httpOf = { [grpc.status.NOT_FOUND]: 404, [grpc.status.PERMISSION_DENIED]: 403 };
    const again = new Set([grpc.status.UNAVAILABLE, grpc.status.RESOURCE_EXHAUSTED]);
    async function told(text) {
      try {
        await get(text);
      } catch (err) {
        if (err.code === 3 || err.code === grpc.status.OUT_OF_RANGE) return 'bad request';
        switch (err.code) {
          case grpc.status.ABORTED:
            return 'again at once ' + err.details;
          case grpc.status.UNAVAILABLE:
          case grpc.status.RESOURCE_EXHAUSTED:
            return again.has(err.code);
        }
        return httpOf[err.code] || grpc.status[err.code];
      }
    }
    (async () => {
      for (const code of [3, 5, 7, 8, 10, 11, 13, 14, 16]) console.log(code, await told('rich ' + code + ' text'));
    })();`,
  ],
  "trailers, each value, and rich details": [
    "idiomatic",
    `${GET}
    get('rich 9 text').catch((err) => {
      console.log(err.metadata.get('x-why'), err.metadata.get('x-why')[0], err.metadata.get('x-none'));
      const [first] = err.metadata.get('x-why-bin');
      console.log(first.toString('hex'), err.metadata.get('grpc-status-details-bin')[0].toString('hex'));
    });`,
  ],
  "codes by other names of the enum": [
    "idiomatic",
    `${GET}
    const { status } = grpc;
    const codes = grpc.status;
    const { status: Status } = grpc;
    (async () => {
      for (const code of [5, 10, 13, 14]) {
        try {
          await get('rich ' + code + ' text');
        } catch (err) {
          if (err.code === status.NOT_FOUND) console.log('none', status[err.code]);
          else if (err.code === codes.ABORTED) console.log('again');
          else if (err.code === Status.INTERNAL) console.log('broken', err.details);
          else console.log(err.code);
        }
      }
    })();`,
  ],
  "trailers in variables, and of errors that may have none": [
    "idiomatic",
    `${GET}
    const why = (err) => err.metadata?.get('x-why')[0]?.toString() ?? 'no reason';
    (async () => {
      for (const text of ['rich 9 text', 'fail 5 there']) {
        try {
          await get(text);
        } catch (err) {
          const trailers = err.metadata;
          const { code, metadata, details: said } = err;
          console.log(code, said, why(err), trailers.get('x-why'), metadata.get('x-why-bin'));
          if (err.code && err.metadata && err.metadata.get('x-why').length > 0) console.log('there is some');
          console.log(err.metadata ? err.metadata.get('x-why') : 'nothing', err.metadata && err.metadata.get('x-none')[0]);
        }
      }
      try {
        await get('ok');
        JSON.parse('{');
      } catch (err) {
        console.log(err.metadata?.get('x-why')[0], why(err));
        console.log(err.metadata ? err.metadata.get('x-why') : 'nothing', !err.metadata);
      }
    })();`,
  ],
  "an error class that keeps the error, made by a function": [
    "idiomatic",
    `${GET}
    class StoreError extends Error {
      constructor(text, status, cause) {
        super(text);
        this.status = status;
        this.cause = cause;
      }
    }
    const STATUS = { [grpc.status.NOT_FOUND]: 404 };
    function storeError(err) {
      const reason = err.metadata?.get('x-why')[0]?.toString();
      return new StoreError(reason ? err.details + ' (' + reason + ')' : err.details, STATUS[err.code] ?? 500, err);
    }
    const asked = (text) => get(text).catch((err) => { throw storeError(err); });
    (async () => {
      for (const text of ['rich 5 text', 'rich 9 text']) {
        try {
          await asked(text);
        } catch (err) {
          if (err instanceof StoreError) console.log(err.message, err.status, err.cause.code, err.cause.details);
        }
      }
    })();`,
  ],
  "a function that says what an error means": [
    "idiomatic",
    `${GET}
    function meaning(error) {
      if (!error || !('code' in error)) return 'unknown';
      if (error.code === grpc.status.NOT_FOUND) return 'nothing: ' + error.details;
      return describe(error);
    }
    const describe = (e) => e.code + ' ' + e.details + ' ' + e.metadata.get('x-why')[0];
    (async () => {
      for (const code of [5, 12]) {
        try {
          await get('rich ' + code + ' text');
        } catch (err) {
          console.log(meaning(err));
        }
      }
      client.ask({ text: 'rich 6 there' }, (err, res) => {
        if (err) {
          console.log(meaning(err));
          return;
        }
        console.log(res.text);
      });
    })();`,
  ],
  "a function that other errors are passed to, too": [
    "idiomatic",
    `${GET}
    function meaning(error) {
      return error.code + ': ' + error.details;
    }
    (async () => {
      console.log(meaning({ code: 1, details: 'of another' }));
      try {
        await get('rich 5 text');
      } catch (err) {
        console.log(meaning(err));
      }
    })();`,
  ],
  "a class of errors of its own": [
    "idiomatic",
    `${GET}
    class ShopError extends Error {
      constructor(message, code) {
        super(message);
        this.code = code;
      }
    }
    (async () => {
      try {
        try {
          await get('rich 5 text');
        } catch (err) {
          if (err instanceof ShopError) throw err;
          throw new ShopError(err.details, err.code);
        }
      } catch (err) {
        console.log(err instanceof ShopError, err.message, err.code);
      }
    })();`,
  ],
  "an error that is printed": [
    "idiomatic",
    `${GET}
    const shown = [];
    console.error = (...parts) => shown.push(parts.map((part) => (part instanceof Error ? part.code : part)));
    (async () => {
      await get('rich 5 text').catch((err) => console.error('one', err));
      await get('rich 6 text').catch(console.error);
      console.log(shown);
    })();`,
  ],
  "the text of an error": [
    "idiomatic",
    `${GET}
    (async () => {
      try {
        await get('rich 5 text');
      } catch (err) {
        console.log(err.message, String(err), \`\${err}\`, /^5 NOT_FOUND/.test(err.message), err.name);
      }
    })();`,
  ],
  "the text of errors, of whatever kind": [
    "idiomatic",
    `${GET}
    const told = (err) => err.message + '; ' + String(err) + \`; \${err}\` + '; ' + err;
    process.on('unhandledRejection', (reason) => console.log('nobody caught ' + reason));
    get('rich 8 text').finally(() => Promise.reject('a text of its own'));
    (async () => {
      try {
        await get('rich 5 text');
      } catch (err) {
        console.log(told(err));
      }
        console.log(told(new TypeError('of another')), told({ message: 'like one' }));
      try {
        await get('rich 404 gone');
        await get('a');
      } catch (err) {
        console.log('a: ' + err, err.toString());
      }
      try {
        await get('a');
        null.x;
      } catch (err) {
        console.log(err.message, \`\${err}\`);
      }
      client.ask({ text: 'rich 16 who' }, (err, res) => {
        if (err) return console.log(\`\${err}\`, err.message, err.code);
        console.log(res.text);
      });
    })();`,
  ],
  "the details of one client's errors, and a call that is cancelled elsewhere": [
    "idiomatic",
    `${GET}
    const other = new probe.v1.Probe(PLAIN, grpc.credentials.createInsecure());
    function stop() {
      return new Promise((resolve) => {
        const call = other.ask({ text: 'hang' }, (err) => {
          if (err) console.log(err.code, err.details);
          resolve();
        });
        setTimeout(() => call.cancel(), 50);
      });
    }
    (async () => {
      try {
        await get('rich 5 text');
      } catch (err) {
        console.log(err.code, err.details);
      }
      await stop();
    })();`,
  ],
  "errors of promises that are held, and of functions in a list": [
    "idiomatic",
    `${GET}
    async function attempt(run) {
      const promise = run();
      await promise.catch((error) => console.log(error.message));
      const again = run();
      try {
        await Promise.all([again]);
      } catch (error) {
        console.log(error.message);
      }
    }
    (async () => {
      await attempt(() => get('rich 5 text'));
      for (const run of [() => get('rich 7 text'), get])
        await run('rich 8 text').catch((error) => console.log(error.message));
    })();`,
  ],
  "errors that become values": [
    "idiomatic",
    `${GET}
    const to = (promise) => promise.then((value) => [null, value]).catch((err) => [err, null]);
    async function load(text) {
      const [err, res] = await to(get(text));
      if (err) throw err;
      return res.text;
    }
    (async () => {
      const [err] = await to(get('rich 5 text'));
      console.log(err.code, err.details, err.message);
      try {
        await load('rich 7 text');
      } catch (error) {
        console.log(error.code, error.details);
      }
      for (const one of await Promise.allSettled([get('rich 5 one'), get('rich 6 two')]))
        if (one.status === 'rejected') console.log(one.reason.code, one.reason.details, one.reason.message);
      const all = await Promise.allSettled([get('rich 9 three')]);
      console.log(all.map(({ reason }) => [reason.code, reason.details]), all.map(({ reason }) => [reason].length));
      await Promise.any([get('rich 3 four'), get('rich 4 five')]).catch((none) =>
        console.log(none.errors.map((each) => each.details), none.errors[0].details),
      );
    })();`,
  ],
  "errors that are changed on their way": [
    "idiomatic",
    `${GET}
    async function load(text) {
      try {
        return await get(text);
      } catch (err) {
        err.message = 'load: ' + err.message;
        err.retryable = err.code === grpc.status.UNAVAILABLE;
        throw err;
      }
    }
    async function renamed(text) {
      try {
        return await get(text);
      } catch (err) {
        err.code = 'E_CALL';
        throw Object.assign(err, { status: 502 });
      }
    }
    (async () => {
      await load('rich 5 text').catch((err) => console.log(err.message, err.retryable, err.details, JSON.stringify(Object.keys(err).sort())));
      await renamed('rich 5 text').catch((err) => console.log(err.code, err.status, err.details, err.message));
      await load('rich 14 text').catch(({ code, details, message }) => console.log(code, details, message));
      await load('rich 14 text').catch(({ code, details }) => console.log(code, details));
    })();`,
  ],
  "handlers with a name, of a class, and made by a function": [
    "idiomatic",
    `${GET}
    class Reader {
      constructor() {
        this.onError = this.onError.bind(this);
        this.name = 'reader';
      }
      onError(err) {
        console.log(this.name, err.code, err.details);
      }
      start(text) {
        this.ready = get(text);
        this.ready.catch(() => {});
      }
      async wait() {
        try {
          return await this.ready;
        } catch (err) {
          return err.details;
        }
      }
    }
    const named = (what) => (err) => console.log(what, err.details);
    (async () => {
      const reader = new Reader();
      await get('rich 5 text').catch(reader.onError);
      await get('rich 5 text').then(console.log, named('made'));
      reader.start('rich 5 held');
      console.log(await reader.wait());
    })();`,
  ],
  "errors that callbacks and listeners throw, where the program looks at rejections": [
    "bridged",
    `const client = new probe.v1.Probe(PLAIN, grpc.credentials.createInsecure());
    process.on('unhandledRejection', (err) => console.log('rejected', err.code));
    let isMet = false;
    process.on('uncaughtException', (err, origin) => console.log(origin, err.code, err.message, isMet));
    function show(err, res) {
      if (err) throw err;
      console.log(res.text);
    }
    client.ask({ text: 'fail' }, (err, res) => {
      if (err) throw err;
      console.log(res.text);
    });
    setTimeout(() => client.ask({ text: 'fail' }, show), 300);
    setTimeout(() => {
      const stream = client.list({ text: 'a' });
      stream.on('data', (item) => console.log(item.text));
      stream.on('error', () => {});
      stream.on('end', () => {
        isMet = true;
        throw new Error('too short');
      });
    }, 600);`,
  ],
  "an error that is kept and met again": [
    "idiomatic",
    `${GET}
    const seen = new WeakSet();
    function report(err) {
      console.log(seen.has(err) ? 'again' : 'new', err.details, err.tries);
      seen.add(err);
    }
    let first;
    const failing = get('rich 5 text');
    failing.catch((err) => {
      first = err;
      err.tries = 1;
      report(err);
      err.tries = 2;
      throw err;
    }).catch((err) => report(err));
    failing.catch((err) => console.log(err === first, err.message));`,
  ],
  "functions with a callback, and streams, that are made of what fails": [
    "idiomatic",
    `${GET}
    const util = require('util');
    const { Readable } = require('stream');
    const show = (name) => (err, value) => console.log(name, err ? err.details + ', ' + err.message + ', ' + err.metadata.get('x-why') : value);
    const plain = util.callbackify(get);
    const written = util.callbackify(async (id) => (await get(id)) + '!');
    const log = (err) => console.log('log', err.details, err.message);
    async function* rows(id) {
      for await (const item of client.list({ text: id })) yield item.text;
    }
    plain('a', (err, value) => {
      show('plain')(err, value);
      plain('rich 5 text', (failure) => {
        console.log(failure.details, failure.message);
        written('rich 6 other', (problem, text) => {
          show('written')(problem, text);
          Readable.from(rows('fail')).on('data', console.log).on('error', (oops) => {
            console.log('rows', oops.details, oops.message);
            Readable.from(rows('fail again')).on('data', console.log).once('error', log);
          });
        });
      });
    });`,
  ],
  "errors that nobody catches": [
    "idiomatic",
    `${GET}
    process.on('unhandledRejection', (err) => console.log('unhandled', err.code, err.details, err.message));
    const wrap = (handler) => (req, res, next) => Promise.resolve(handler(req, res, next)).catch(next);
    const route = wrap(async (req, res) => res(await get(req.id)));
    function failed(err, req, res, next) {
      if (!err) return next();
      res(err.code === grpc.status.NOT_FOUND ? 404 : 500, err.details);
    }
    route({ id: 'rich 5 text' }, console.log, (err) => failed(err, {}, console.log, () => {}));
    get('rich 6 text');`,
  ],
  "an error that something takes as a whole": [
    "idiomatic",
    `${GET}
    const res = { send: (value) => console.log(Object.keys(value), value.details, value.metadata.get('x-why')) };
    const logger = { error: ({ err }, text) => console.log(text, err.message, err.details) };
    async function load(text) {
      try {
        return await get(text);
      } catch (err) {
        logger.error({ err }, 'failed');
        throw err;
      }
    }
    (async () => {
      try {
        await load('rich 5 text');
      } catch (err) {
        if (err.code === grpc.status.NOT_FOUND) console.log(err.details, err?.message);
        res.send(err);
      }
    })();`,
  ],
  "a code that gRPC does not have": [
    "idiomatic",
    `${GET}
    (async () => {
      try {
        await get('rich 404 gone');
      } catch (err) {
        if (err.code === 404) console.log('not here', err.details);
        else console.log('other', err.code);
      }
    })();`,
  ],
  "codes of other libraries": [
    "idiomatic",
    `${GET}
    function load(file) {
      try {
        return fs.readFileSync(file, 'utf8');
      } catch (err) {
        if (err.code === 'ENOENT') return err.message.split(',')[0];
        throw err;
      }
    }
    console.log(load('/nowhere'));
    get('a').then((res) => console.log(res.text));`,
  ],
};

comparePrograms(programs);
