import { comparePrograms, type Programs } from "./testing/compare-programs.js";

/** `get(text)` is the reply, or throws the error. */
const GET = `
const client = new probe.v1.Probe(PLAIN, grpc.credentials.createInsecure());
const get = (text) => new Promise((resolve, reject) => {
  client.ask({ text }, (err, res) => (err ? reject(err) : resolve(res)));
});
`;

// Errors that arrive where no call stands: somebody else calls the function, or the promise was kept.
const programs: Programs = {
  "callbacks with a name, of several calls": [
    "idiomatic",
    `const client = new probe.v1.Probe(PLAIN, grpc.credentials.createInsecure());
    const orders = new probe.v1.Probe(PLAIN, grpc.credentials.createInsecure());
    const tell = (err, text) => console.log('helper', text, err.code, err.details);
    function show(err, res) {
      if (err) {
        if (err.code === grpc.status.NOT_FOUND) console.log('none');
        return console.log(err.code, err.details, err.message, err.metadata.get('x-why'), err instanceof Error);
      }
      console.log(res.text);
    }
    const told = (err, res) => (err ? tell(err, 'b') : console.log('told', res.text));
    // Also called by hand, with an error of its own.
    function mixed(err, res) {
      console.log('mixed', err ? err.details : res.text);
    }
    const steps = [
      () => { client.ask({ text: 'own' }, show); },
      () => { client.ask({ text: 'rich 5 a' }, show); },
      () => { orders.ask({ text: 'fail' }, show); },
      () => { client.ask({ text: 'rich 5 b' }, told); },
      () => { orders.ask({ text: 'own' }, told); },
      () => { client.ask({ text: 'rich 5 c' }, mixed); },
      () => mixed({ code: 5, details: 'by hand' }),
    ];
    let printed = 0;
    const write = process.stdout.write.bind(process.stdout);
    process.stdout.write = (...args) => {
      printed += 1;
      return write(...args);
    };
    // Each step when the one before has said something.
    const next = (before) => {
      if (printed === before) return setTimeout(next, 5, before);
      const step = steps.shift();
      if (!step) return process.exit(0);
      const now = printed;
      step();
      next(now);
    };
    next(-1);`,
  ],
  "functions that others call": [
    "idiomatic",
    `${GET}
    const timed = (fn) => async (...args) => { try { return await fn(...args); } finally { console.log('took time'); } };
    const once = (fn) => { let done; return (...args) => (done ??= fn(...args)); };
    const every = (texts) => Promise.all(texts.map(get));
    const safe = timed(get);
    async function told(work) { try { await work(); } catch (e) { console.log('told', e.details); } }
    (async () => {
      try {
        await Promise.all(['own', 'rich 5 a'].map(get));
      } catch (e) {
        console.log(e.code, e.details, e.message, e.metadata.get('x-why'));
      }
      await every(['rich 5 b']).catch((e) => console.log(e.details));
      await Promise.resolve('rich 5 c').then(get).catch((e) => console.log(e.details));
      await timed(get)('rich 5 d').catch((e) => console.log(e.details));
      await once(get)('rich 5 e').catch((e) => console.log(e.details));
      await told(() => safe('rich 5 f'));
      const bound = get.bind(null, 'rich 5 g');
      try { await bound(); } catch (e) { console.log(e.details); }
      const [own, failed] = await Promise.allSettled(['own', 'rich 5 h'].map(get));
      console.log(own.status, failed.reason.details, failed.reason.message);
      // Nobody waits for what a timer calls.
      try { setTimeout(get, 1, 'own'); null.x; } catch (e) { console.log(e.details); }
    })();`,
  ],
  "functions under other names": [
    "idiomatic",
    `${GET}
    const { get: take } = { get };
    const wrap = (fn) => (...args) => fn(...args);
    const wrapped = wrap((text) => get(text));
    const load = (text) => wrapped(text);
    class Base { async find(text) { return text; } async run(text) { return this.find(text); } }
    class Derived extends Base { async find(text) { return get(text); } }
    class Patched { async patched(text) { return text; } }
    Patched.prototype.patched = async (text) => get(text);
    class Late { async late(text) { return text; } }
    const late = new Late();
    late.late = get;
    const table = { a: get, b: (text) => get(text), c: wrapped };
    const pick = (name, text) => table[name](text);
    const api = (() => { const own = (text) => get(text); return { own }; })();
    (async () => {
      try { await take('rich 5 a'); } catch (err) { console.log(err.details); }
      try { await load('rich 5 b'); } catch (err) { console.log(err.details); }
      try { await new Derived().run('rich 5 c'); } catch (err) { console.log(err.details); }
      try { await new Patched().patched('rich 5 d'); } catch (err) { console.log(err.details); }
      try { await late.late('rich 5 e'); } catch (err) { console.log(err.details); }
      try { await pick('a', 'rich 5 f'); } catch (err) { console.log(err.details); }
      try { await pick('b', 'rich 5 g'); } catch (err) { console.log(err.details); }
      try { await table.b.call(null, 'rich 5 h'); } catch (err) { console.log(err.details); }
      try { await table.c('rich 5 i'); } catch (err) { console.log(err.details); }
      try { await api.own('rich 5 j'); } catch (err) { console.log(err.details); }
    })();`,
  ],
  "promises and functions that are kept": [
    "idiomatic",
    `${GET}
    class Pending {
      constructor() { this.byText = new Map(); this.named = {}; }
      start(text) { this.byText.set(text, get(text)); this.named[text] = this.byText.get(text); }
      async wait(text) { try { await this.byText.get(text); } catch (e) { console.log('wait', e.details); } }
      async join(text) { try { await this.named[text]; } catch (e) { console.log('join', e.details); } }
    }
    (async () => {
      let later;
      if (PLAIN) later = get('rich 5 a');
      try { await later; } catch (e) { console.log(e.details); }
      const list = [get('rich 5 b')];
      try { await list[0]; } catch (e) { console.log(e.details); }
      const maybe = PLAIN ? get('rich 5 c') : null;
      try { await maybe; } catch (e) { console.log(e.details); }
      const pending = new Pending();
      pending.start('rich 5 d');
      await pending.wait('rich 5 d');
      await pending.join('rich 5 d');
      const jobs = [];
      jobs.push(() => get('rich 5 e'), () => get('own'));
      while (jobs.length) {
        const job = jobs.shift();
        try { console.log((await job()).text); } catch (e) { console.log('job', e.details); }
      }
    })();`,
  ],
  "functions with a name that pass the error on, or test it": [
    "idiomatic",
    `${GET}
    const finished = [];
    const done = (err) => { finished.push(err ? 'failed' : 'done'); if (finished.length === 4) console.log(finished.sort().join()); };
    function forward(err, res) {
      if (err) {
        done(err);
        return;
      }
      console.log(res.text);
      done();
    }
    const only = (err) => { if (err && typeof err === 'object') console.log('one failed'); done(err); };
    client.ask({ text: 'own' }, forward);
    client.ask({ text: 'rich 5 a' }, forward);
    client.ask({ text: 'rich 5 b' }, only);
    forward(null, { text: 'by hand' });`,
  ],
  "functions with a name that read the error somewhere": [
    "idiomatic",
    `${GET}
    const told = (err) => { if (err) console.log(err.code, err.details, err.message, err.metadata.get('x-why')); };
    function forward(err, res) {
      if (err) return told(err);
      console.log(res.text);
    }
    client.ask({ text: 'rich 5 a' }, (err, res) => {
      forward(err, res);
      client.ask({ text: 'rich 9 b' }, forward);
    });`,
  ],
  "functions with a name that give the error to somebody else": [
    "idiomatic",
    `${GET}
    const results = new (require('events'))();
    results.on('failed', (err) => console.log(JSON.stringify(err.details), String(err)));
    function forward(err, res) {
      if (err) results.emit('failed', err);
    }
    client.ask({ text: 'rich 5 a' }, forward);`,
  ],
  "the cause of an error": [
    "idiomatic",
    `${GET}
    class AppError extends Error {
      root() { let e = this; while (e.cause) e = e.cause; return e; }
    }
    (async () => {
      try {
        try { await get('rich 5 gone'); } catch (e) { throw new AppError('no answer', { cause: e }); }
      } catch (e) {
        console.log(e.message, e.cause.message, e.root().details, e.root().metadata.get('x-why'));
      }
    })();`,
  ],
  "errors that the project turns into its own, and some that it only seems to": [
    "idiomatic",
    `${GET}
    class Own extends Error {
      constructor(message, code) { super(message); this.code = code; }
      static from(err) { return err.code === 5 ? new Own(err.details, 'none') : new Own(err.message, grpc.status[err.code]); }
      static orItself(err) { return err.code === 5 ? new Own(err.details) : err; }
      static thrown(err) { if (err.code !== 5) throw err; return new Own(err.details); }
      static promised(err) { return new Promise((ok, no) => no(err)); }
    }
    class Keeping extends Error { constructor(err) { super('kept'); this.inner = err; } }
    class Copying extends Error { constructor(err) { super('copied'); Object.assign(this, err); } }
    let last;
    const remember = (err) => { last = err; return new Own(err.details, 'remembered'); };
    const list = async (text) => {
      const seen = [];
      const call = client.list({ text });
      try { for await (const row of call) seen.push(row.text); } catch (err) { throw Own.from(err); }
      return seen.length;
    };
    const ways = {
      clause: async (text) => { try { return await get(text); } catch (err) { throw Own.from(err); } },
      wrapper: (text) => new Promise((resolve, reject) => client.ask({ text }, (err, res) => (err ? reject(Own.from(err)) : resolve(res)))),
      chain: (text) => get(text).catch((err) => { throw new Own(err.details, err.code); }),
      list,
      orItself: async (text) => { try { return await get(text); } catch (err) { throw Own.orItself(err); } },
      thrown: async (text) => { try { return await get(text); } catch (err) { throw Own.thrown(err); } },
      promised: async (text) => { try { return await get(text); } catch (err) { return Own.promised(err); } },
      keeping: async (text) => { try { return await get(text); } catch (err) { throw new Keeping(err); } },
      copying: async (text) => { try { return await get(text); } catch (err) { throw new Copying(err); } },
      remembered: async (text) => { try { return await get(text); } catch (err) { throw remember(err); } },
      again: async () => { throw last; },
      returned: async (text) => { try { return get(text); } catch (err) { throw Own.from(err); } },
      inFinally: async (text) => { try { await get('own'); } catch (err) { throw Own.from(err); } finally { await get(text); } },
      inHandler: async (text) => { try { await get('rich 5 a'); } catch (err) { await get(text); throw Own.from(err); } },
    };
    const told = (name, e) => console.log(name, e.name, e.code, e.message, e.details, e.inner?.details, e.metadata?.get('x-why'), e instanceof Own);
    (async () => {
      for (const [name, way] of Object.entries(ways))
        for (const text of ['rich 5 gone', 'rich 9 cold', 'fail'])
          try { await way(text); } catch (e) { told(name, e); }
      try { await ways.clause('rich 9 cold'); } catch (e) { console.log(e.message, e.details, Object.keys(e)); }
      await list('fail').catch((e) => console.log(e.name, e.message, JSON.stringify(e)));
      await ways.orItself('rich 9 cold').catch((e) => console.log(e.name, e.message, e.details));
    })();`,
  ],
};

comparePrograms(programs);
