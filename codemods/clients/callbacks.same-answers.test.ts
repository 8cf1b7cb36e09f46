import { comparePrograms, type Programs } from "./testing/compare-programs.js";

const CLIENT = "const client = new probe.v1.Probe(PLAIN, grpc.credentials.createInsecure());\n";

// Callbacks of every shape, each with an answer and an error.
const programs: Programs = {
  "an error path that goes on": [
    "idiomatic",
    `${CLIENT}
    for (const text of ['a', 'fail']) client.ask({ text }, (err, res) => {
      if (err) {
        console.log(text, err.code, err.details);
      }
      if (res) console.log(res.text);
      console.log('after', text, res === undefined);
    });`,
  ],
  "the success path first": [
    "idiomatic",
    `${CLIENT}
    function show(text) {
      const call = client.ask({ text }, function (error, res) {
        if (!error) {
          if (text === 'b') return;
          console.log(res.text);
        } else {
          console.log(error.code, error.details);
        }
      });
    }
    show('a');
    show('b');
    show('fail');`,
  ],
  "a function that is given what calls, and looks at nothing that it gives": [
    "idiomatic",
    `${CLIENT}
    function unary(run) {
      return new Promise((resolve, reject) => {
        run((err, value) => {
          if (err) reject(new Error(err.code + ' ' + err.details + ' ' + err.message));
          else resolve(value);
        });
      });
    }
    class Api {
      #client = client;
      settled(run) {
        return new Promise((resolve) => void run((err, value) => resolve(err ?? value)));
      }
      get(text) {
        return unary((callback) => this.#client.ask({ text }, callback));
      }
      got(text) {
        return this.settled((callback) => client.ask({ text }, { deadline: Date.now() + 5000 }, callback));
      }
    }
    const api = new Api();
    (async () => {
      for (const text of ['a', 'fail']) {
        await api.get(text).then((res) => console.log(res.text), (err) => console.log(err.message));
        const got = await api.got(text);
        console.log(got.text, got.code, got.details);
      }
    })();`,
  ],
  "the success path first, an error that is assigned to": [
    "idiomatic",
    `${CLIENT}
    for (const text of ['a', 'fail'])
      client.ask({ text }, (err, res) => {
        if (!err) {
          console.log(res.text);
        } else {
          err = new Error(err.details);
          console.log(err.message);
        }
      });`,
  ],
  "the success path alone": [
    "idiomatic",
    `${CLIENT}
    let last;
    client.ask({ text: 'a' }, (err, res) => {
      if (!err) last = res.text;
    });
    client.ask({ text: 'fail' }, (err, res) => {
      if (err === null) last = res.text;
    });
    ask(client, 'b').then(() => setTimeout(() => console.log(last), 50));`,
  ],
  "a condition, success first": [
    "idiomatic",
    `${CLIENT}
    for (const text of ['a', 'fail'])
      client.ask({ text }, (err, res) => !err ? console.log(res.text) : console.log(err.code));
    `,
  ],
  "code behind both paths": [
    "idiomatic",
    `${CLIENT}
    for (const text of ['a', 'fail']) {
      client.ask({ text }, { deadline: Date.now() + 1000 }, (error, value) => {
        let code;
        if (error) {
          code = error.code;
        } else {
          code = 0;
        }
        // Both.
        console.log(text, code, value && value.text);
      });
    }`,
  ],
  "codes as values, and their names": [
    "idiomatic",
    `${CLIENT}
    const fine = { [grpc.status.OK]: 'fine', [grpc.status.INTERNAL]: 'broken' };
    function check(text, expected, key) {
      client.ask({ text }, (error, value) => {
        let code;
        if (error) code = error.code;
        else code = grpc.status.OK;
        console.log(text, code === expected, grpc.status[expected], grpc.status[code], fine[code], grpc.status[key]);
        switch (code) {
          case grpc.status.OK:
            console.log('answered', value.text);
        }
      });
    }
    check('a', grpc.status.OK, 'NOT_FOUND');
    check('fail', grpc.status.FAILED_PRECONDITION, 5);`,
  ],
  "an error that other code sees, too": [
    "idiomatic",
    `${CLIENT}
    for (const text of ['a', 'fail'])
      client.ask({ text }, (error, value) => { console.log(text, error ? [error.name, error.message, error.code] : error); console.log(value); });
    `,
  ],
  "a callback that awaits": [
    "idiomatic",
    `${CLIENT}
    const wait = () => new Promise((resolve) => setTimeout(resolve, 10));
    for (const text of ['a', 'fail'])
      client.ask(
        {
          text,
        },
        async function (err, info) {
          if (err) {
            await wait();
            return console.log(err.code);
          }
          await wait();
          console.log(info.text);
        },
      );`,
  ],
  "the response alone": [
    "idiomatic",
    `${CLIENT}
    client.ask({ text: 'a' }, function (err, response) {
      console.log('Greeting:', response.text);
    });
    client.ask({ text: 'b' }, (err, { text }) => console.log(text));
    client.ask({ text: 'c' }, (err, res) => {
      const { text } = res;
      console.log(text);
    });`,
  ],
  "nobody looks": [
    "idiomatic",
    `${CLIENT}
    for (const text of ['a', 'fail']) {
      client.ask({ text }, (_, response) => { console.log(typeof response); });
      client.ask({ text }, () => console.log('done'));
    }`,
  ],
  "settled twice": [
    "idiomatic",
    `${CLIENT}
    const get = (text) => new Promise((resolve, reject) => {
      client.ask({ text }, (err, res) => {
        if (err) reject(err);
        resolve(res);
      });
    });
    get('a').then((res) => console.log(res.text));
    get('fail').catch((err) => console.log(err.code, err.details));`,
  ],
  "settled the other way round": [
    "idiomatic",
    `${CLIENT}
    const get = (text) => new Promise((resolve, reject) => {
      client.ask({ text }, (err, res) => {
        if (!err) resolve(res.text);
        else reject(err);
      });
    });
    get('a').then((text) => console.log(text));
    get('fail').catch((err) => console.log(err.code, err.details));`,
  ],
  "calls within calls, the last without a block": [
    "idiomatic",
    `${CLIENT}
    client.ask({ text: 'a' }, (err, first) => {
      client.ask({ text: first.text + 'b' }, (error, second) => console.log(second.text, first.text));
    });`,
  ],
  "promises of a library, whose catch takes filters": [
    "idiomatic",
    `${CLIENT}
    const Promise = (() => class extends globalThis.Promise {
      tap(show) {
        return this.then((value) => (show(value), value));
      }
      catch(...handlers) {
        const handler = handlers.pop();
        return this.then(undefined, (error) => {
          if (handlers.every((filter) => filter(error))) return handler(error);
          throw error;
        });
      }
    })();
    const get = (text) => new Promise((resolve, reject) => {
      client.ask({ text }, (err, res) => {
        if (err) return reject(err);
        resolve(res.text);
      });
    });
    const list = (text) => new Promise((resolve, reject) => {
      const found = [];
      const stream = client.list({ text });
      stream.on('data', (item) => found.push(item.text));
      stream.on('error', reject);
      stream.on('end', () => resolve(found));
    });
    const isMissing = (error) => error.code === 5 || error.details === 'not fail';
    get('a').tap(() => console.log('tap')).then(console.log)
      .then(() => list('b').tap(() => console.log('tap')).then(console.log))
      .then(() => get('fail').catch(isMissing, (error) => console.log('missing', error.details)))
      .then(() => get('fail').catch((error) => error.details === '', () => console.log('never')).catch((error) => console.log(error.message)))
      .then(() => list('fail').catch(isMissing, (error) => console.log('none', error.code)));`,
  ],
  "a library's promises, by a helper": [
    "bridged",
    `${CLIENT}
    const Promise = (() => class extends globalThis.Promise {
      tap(show) {
        return this.then((value) => (show(value), value));
      }
    })();
    const promisify = (fn) => (...args) => new Promise((resolve, reject) => fn(...args, (err, res) => (err ? reject(err) : resolve(res))));
    const get = promisify(client.ask.bind(client));
    get({ text: 'a' }).tap(() => console.log('tap')).then((res) => console.log(res.text))
      .then(() => get({ text: 'fail' }).tap(() => console.log('never')))
      .catch((error) => console.log(error.code, error.details));`,
  ],
  "lines before them that end without a semicolon": [
    "idiomatic",
    `${CLIENT}
    const shout = (text) => String(text).toUpperCase()
    const say = shout
    client.ask({ text: 'a' }, (err, res) => {
      if (err) return;
      console.log(say(res.text));
      const again = say
      client.ask({ text: 'b' }, (error, reply) => { console.log(again(reply.text)); list(again); });
    });
    function list(print) {
      let last = print
      client.list({ text: 'c' }).on('data', (item) => { last = item.text; }).on('end', () => { count(last, print); });
    }
    function count(last, print) {
      const end = print
      const call = client.count((err, res) => {
        if (err) return;
        console.log(end(res.text));
      });
      call.write({ text: last });
      call.end();
      if (last) print(last)
      new Promise((resolve) => client.ask({ text: 'd' }, (err, res) => { if (err) { resolve(null); return; } resolve(res.text); })).then((text) => console.log(text));
    }`,
  ],
  "calls within calls": [
    "idiomatic",
    `${CLIENT}
    client.ask(
      { text: 'a' },
      (err, first) => {
        if (err) {
          console.log(err.code);
        } else {
          client.ask({
            text: first.text,
          }, (err, second) => {
            if (err) console.log(err.details);
            client.ask(
              { text: 'fail' + second.text },
              (err, third) => {
                console.log(err && err.code, third);
              },
            );
          });
        }
      },
    );`,
  ],
  "names, and what they hide": [
    "idiomatic",
    `${CLIENT}
    const item = { text: 'a' };
    ask(client, 'own');
    client.ask(item, (err, item) => {
      if (err) return console.log(err.code);
      console.log(item.text);
    });
    client.ask({ text: item.text }, (err, res) => {
      if (err) return console.log(err.code);
      var item = res;
      console.log(item.text);
    });
    client.ask({ text: 'again' }, function again(err, res) {
      if (err) return console.log(err.code);
      if (res.text.startsWith('once more')) return console.log('done');
      client.ask({ text: 'once more' }, again);
    });`,
  ],
  "a callback with a name that tests the code": [
    "idiomatic",
    `${CLIENT}
    function done(error, answer) {
      if (error && error.code === grpc.status.FAILED_PRECONDITION) return console.log('refused');
      console.log(answer.text);
    }
    client.ask({ text: 'a' }, done);
    function b() {
      const call = client.ask({ text: 'fail' }, { deadline: Date.now() + 1000 }, done);
    }
    b();`,
  ],
  "a method that callers choose": [
    "idiomatic",
    `${CLIENT}
    function call(method, request) {
      return new Promise((resolve, reject) => {
        client[method](request, { deadline: Date.now() + 3000 }, (err, response) => {
          if (err) reject(err);
          else resolve(response);
        });
      });
    }
    call('ask', { text: 'a' }).then((res) => console.log(res.text));
    call('Ask', { text: 'fail' }).catch((err) => console.log(err.code, err.details));`,
  ],
  "a client that a class is given, or not": [
    "idiomatic",
    `${CLIENT}
    class Asker {
      constructor(name, probe) {
        this.name = name;
        this.probe = probe;
      }
      static named(name) { return name; }
      run(text) {
        const self = this;
        return new Promise((resolve) => self.probe.ask({ text }, (err, res) => resolve(err ? err.code : res.text)));
      }
    }
    console.log(new Asker('nobody', false).name, Asker.named('x'));
    new Asker('one', client).run('a').then((text) => console.log(text));`,
  ],
  "a stream of requests, and callbacks like these": [
    "idiomatic",
    `${CLIENT}
    function send(texts, callback) {
      const call = client.count(callback);
      for (const text of texts) call.write({ text });
      call.end();
    }
    send(['a', 'b'], (err, res) => console.log(err, res.text));
    setTimeout(() => send(['fail'], (err, res) => console.log(err.code, err.details, res)), 400);
    function other(texts) {
      const call = client.count((error, response) => {
        if (!error) {
          console.log(response.text);
        } else {
          console.log(error.code);
        }
      });
      texts.forEach((text) => call.write({ text }));
      call.end();
    }
    setTimeout(() => other(['c']), 800);
    setTimeout(() => other(['fail']), 1200);`,
  ],
  "arguments that throw, wait and are seen": [
    "idiomatic",
    `const client = new probe.v1.Probe(PLAIN, grpc.credentials.createInsecure());
    const made = (text) => {
      console.log('made', text);
      if (text === 'bad') throw new Error('no text');
      return { text };
    };
    const wait = () => new Promise((resolve) => setTimeout(resolve, 30));
    function run(text, done) {
      client.ask(made(text), (err, res) => {
        if (err) {
          console.log('error', err.code);
          done();
          return;
        }
        console.log(res.text);
        done();
      });
      console.log('asked', text);
    }
    function deep(request, done) {
      client.ask({ text: request.body.text }, (err, res) => {
        console.log(err ? err.code : res.text);
        done();
      });
    }
    function stream(text, done) {
      const call = client.list(made(text));
      call.on('data', (item) => console.log(item.text));
      call.on('error', (err) => console.log('error', err.code));
      call.on('end', done);
    }
    const asked = (request) => new Promise((resolve, reject) => client.ask(made(request.text), (err, res) => (err ? reject(err) : resolve(res))));
    const attempt = (run) => {
      try {
        run();
      } catch (error) {
        console.log('thrown', error.message);
      }
    };
    (async () => {
      await new Promise((resolve) => run('a', resolve));
      attempt(() => run('bad', () => {}));
      await new Promise((resolve) => deep({ body: { text: 'b' } }, resolve));
      attempt(() => deep({}, () => {}));
      await new Promise((resolve) => stream('l', resolve));
      attempt(() => stream('bad', () => {}));
      await asked({ text: 'bad' }).catch((error) => console.log('rejected', error.message));
      console.log((await asked({ text: 'c' })).text);
      const told = [];
      client.ask({ text: (await wait(), 'd') }, (err, res) => {
        if (err) return console.log(err.code);
        told.push(res.text);
      });
      told.push('behind');
      client.ask(made('e'), (err, res) => {
        if (err) return console.log(err.code);
        told.push(res.text);
      });
      setTimeout(() => console.log(told), 300);
    })();`,
  ],
  "calls in callbacks of others, all of whose arguments run code": [
    "idiomatic",
    `const client = new probe.v1.Probe(PLAIN, grpc.credentials.createInsecure());
    const made = (text) => ({ text });
    client.ask(made('a'), (err, first) => {
      if (err) {
        console.log(err.code);
        return;
      }
      console.log(first.text);
      client.ask(made('b'), (err, second) => {
        console.log(err ? err.code : second.text);
        const call = client.list(made('l'));
        call.on('data', (item) => console.log(item.text));
        call.on('status', (status) => {
          console.log(status.details);
          const inner = client.list(made('m'));
          inner.on('metadata', (metadata) => console.log(metadata.get('x-head')));
          inner.on('data', () => {});
          inner.on('status', (told) => console.log(told.metadata.get('x-trailer')));
        });
        call.on('metadata', (metadata) => console.log(metadata.get('x-head')));
      });
    });`,
  ],
  "promises whose arguments throw": [
    "idiomatic",
    `const client = new probe.v1.Probe(PLAIN, grpc.credentials.createInsecure());
    const made = (text) => {
      if (text === 'bad') throw new Error('no text');
      return { text };
    };
    const short = (text) => new Promise((resolve, reject) => client.ask(made(text), (err, res) => (err ? reject(err) : resolve(res))));
    class Asker {
      constructor(client) {
        this.client = client;
      }
      ask(text) {
        return new Promise((resolve, reject) => {
          this.client.ask(made(text), (err, res) => (err ? reject(err) : resolve(res)));
        });
      }
      askOr(text = made('bad').text) {
        return new Promise((resolve, reject) => {
          this.client.ask(made(text), (err, res) => (err ? reject(err) : resolve(res)));
        });
      }
      async caught(text) {
        try {
          return await new Promise((resolve, reject) => {
            this.client.ask(made(text), (err, res) => (err ? reject(err) : resolve(res)));
          });
        } catch (error) {
          return { text: 'caught ' + error.message };
        }
      }
      async passed(text) {
        try {
          return new Promise((resolve, reject) => {
            this.client.ask(made(text), (err, res) => (err ? reject(err) : resolve(res)));
          });
        } catch (error) {
          return { text: 'never seen' };
        }
      }
    }
    const asker = new Asker(client);
    const attempt = async (run) => {
      try {
        const promise = run();
        console.log(promise instanceof Promise);
        console.log((await promise.catch((error) => ({ text: 'rejected ' + error.message }))).text);
      } catch (error) {
        console.log('thrown', error.message);
      }
    };
    (async () => {
      for (const text of ['a', 'bad', undefined]) {
        await attempt(() => short(text));
        await attempt(() => asker.ask(text));
        await attempt(() => asker.askOr(text));
        await attempt(() => asker.caught(text));
        await attempt(() => asker.passed(text));
      }
    })();`,
  ],
  "a class of clients that gets methods of its own": [
    "manual",
    `const { promisify } = require('util');
    const methods = probe.v1.Probe.prototype;
    methods.askSoon = promisify(methods.ask);
    const client = new probe.v1.Probe(PLAIN, grpc.credentials.createInsecure());
    client.askSoon({ text: 'a' }).then((res) => console.log(res.text)).then(() => client.close());`,
  ],
};

comparePrograms(programs);
