import { comparePrograms, type Programs } from "./testing/compare-programs.js";

const CLIENT = `const client = new probe.v1.Probe(PLAIN, grpc.credentials.createInsecure());
const tell = async (name, call) => {
  try {
    const given = call();
    console.log(name, given instanceof Promise);
    console.log(name, 'resolved', JSON.stringify(await given));
  } catch (err) {
    console.log(name, 'rejected', err.name, err.code, err.details, err.message);
  }
};
const all = async (f) => { for (const text of ['a', 'b', 'fail 5 gone', 'fail 7 no', 'broken']) await tell(text, () => f(text)); };
`;
const program = (source: string): readonly ["idiomatic", string] => ["idiomatic", CLIENT + source];

// Promises around streams that listeners read, whose executors become the bodies of async functions.
const programs: Programs = {
  "a list, and its error passed on": program(`
    function f(text) {
      return new Promise((resolve, reject) => {
        const found = [];
        const stream = client.list({ text });
        stream.on('data', (item) => {
          found.push(item.number);
        });
        stream.on('error', reject);
        stream.on('end', () => resolve(found.map((each) => each * 2)));
      });
    }
    all(f);`),
  "chained, with an error of its own": program(`
    const f = (text) => new Promise((resolve, reject) => {
      if (text === 'b') return reject(new TypeError('not b'));
      let total = 0;
      client.list({ text }).on('data', ({ number }) => { total += number; }).on('end', () => {
        resolve(total);
      }).on('error', (err) => {
        if (err.code === grpc.status.NOT_FOUND) return resolve(-1);
        reject(new Error('list: ' + err.details));
      });
    });
    all(f);`),
  "what the end does behind an error, too": program(`
    const f = (text) => new Promise((resolve, reject) => {
      const seen = [];
      const stream = client.list({ text });
      stream.on('error', (err) => {
        console.log('failed', err.details);
        reject(err);
      });
      stream.on('data', (item) => seen.push(item.text));
      stream.on('end', () => {
        console.log('done', seen.length);
        resolve(seen);
      });
    });
    const g = (text) => new Promise((resolve, reject) => {
      const stream = client.list({ text });
      stream.on('data', (item) => console.log(item.number));
      stream.on('error', (err) => reject(err));
      stream.on('end', () => {
        console.log('done');
        resolve();
      });
    });
    all(f).then(() => all(g));`),
  "messages that are written behind the call": program(`
    const texts = (text) => [text, 'two', 'three'];
    function f(text) {
      return new Promise((resolve, reject) => {
        const call = client.count((err, reply) => {
          if (err) return reject(err);
          resolve(reply);
        });
        // One after the other, in one object
        const message = {};
        for (const each of texts(text)) {
          message.text = each;
          call.write(message);
        }
        call.end();
      });
    }
    const g = (text) => new Promise((resolve, reject) => {
      const call = client.count((err, reply) => {
        clearInterval(timer);
        if (err) {
          console.log('failed', err.details);
          reject(new Error(err.message));
        } else {
          resolve(reply.text);
        }
      });
      call.write({ text });
      const timer = setInterval(() => {
        call.write({ text: 'last' });
        call.end();
      }, 20);
    });
    class Api {
      async h(text) {
        const metadata = new grpc.Metadata();
        metadata.set('x-one', '1');
        return new Promise((resolve, reject) => {
          if (text === 'b') {
            resolve(null);
            return;
          }
          const call = client.count(metadata, { deadline: Date.now() + 4000 }, (err, reply) => err ? reject(err) : resolve(reply.text));
          texts(text).forEach((each) => call.write({ text: each }));
          call.end({ text: 'end' });
        });
      }
    }
    all(f).then(() => all(g)).then(() => all((text) => new Api().h(text)));`),
  "messages both ways": program(`
    function f(text) {
      return new Promise((resolve, reject) => {
        let count = 0;
        const call = client.chat();
        call.on('data', ({ text }) => {
          count += 1;
          console.log(text);
        });
        call.on('error', reject);
        call.on('end', () => resolve(count));
        ['one', text].forEach((text) => call.write({ text }));
        call.end();
      });
    }
    const g = (text) => new Promise((resolve, reject) => {
      const seen = [];
      const call = client.chat();
      console.log('open');
      call.on('error', (err) => reject(new Error(err.details)));
      call.on('data', (message) => {
        seen.push(message.text);
        if (seen.length === 2) call.end();
      });
      call.on('end', () => resolve(seen));
      // Two of them
      const message = {};
      for (const each of [text, 'two']) {
        message.text = each;
        call.write(message);
      }
      console.log('asked');
    });
    function h(text) {
      return new Promise((resolve, reject) => {
        const found = [];
        const call = client.list({ text });
        call.on('data', (item) => found.push(item.number));
        call.on('error', (err) => {
          if (err.code === grpc.status.CANCELLED) return resolve(found);
          reject(err);
        });
        call.on('end', () => resolve(found));
        setTimeout(() => call.cancel(), 300);
      });
    }
    all(f).then(() => all(g)).then(() => all(h)).then(() => tell('hang', () => h('hang')));`),
  "names that meet, and places that are no function's end": program(`
    let made = 0;
    const toText = (item) => { made += 1; return item.text; };
    const plain = (item) => item.text;
    function effects(text) {
      return new Promise((resolve, reject) => {
        const found = [];
        const stream = client.list({ text });
        stream.on('data', (item) => found.push(item));
        stream.on('error', reject);
        stream.on('end', () => resolve(found.map(toText)));
      });
    }
    function quiet(text, limit = 5) {
      return new Promise((resolve, reject) => {
        const found = [];
        const stream = client.list({ text });
        stream.on('data', (item) => found.push(item));
        stream.on('error', reject);
        stream.on('end', () => resolve(found.slice(0, limit).map(plain)));
      });
    }
    function handed(err, text) {
      return new Promise((resolve, reject) => {
        client.ask({ text }, (err, res) => {
          console.log('told', !err);
          if (err) return reject(err);
          resolve(res.text);
        });
      });
    }
    function shadowed(text) {
      const res = text + '?';
      return new Promise((resolve, reject) => {
        console.log(res);
        client.ask({ text }, (err, res) => {
          if (err) return reject(err);
          resolve(res.text);
        });
      });
    }
    async function twice(text) {
      await new Promise((resolve, reject) => {
        const stream = client.list({ text });
        stream.on('data', (item) => console.log('first', item.number));
        stream.on('error', reject);
        stream.on('end', resolve);
      });
      await new Promise((resolve, reject) => {
        const stream = client.list({ text: text + '2' });
        stream.on('data', (item) => console.log('second', item.number));
        stream.on('error', reject);
        stream.on('end', resolve);
      });
    }
    async function within(text) {
      for (const each of [text, 'fail 5 inner', 'c']) {
        try {
          await new Promise((resolve, reject) => {
            const list = client.list({ text: each });
            list.on('data', (item) => console.log(each, item.number));
            list.on('error', (error) => reject(new Error('failed ' + error.details)));
            list.on('end', () => { console.log('ended'); resolve(); });
          });
          await new Promise((resolve, reject) => {
            if (each === 'b') return resolve();
            client.ask({ text: each }, (failure, answer) => {
              if (failure) return reject(failure);
              console.log(answer.text);
              resolve();
            });
          });
        } catch (e) {
          console.log('caught', e.message);
        } finally {
          console.log('finally', each);
        }
      }
      return 'all';
    }
    function either(text) {
      return new Promise((resolve, reject) => {
        if (text === 'a') {
          console.log('cached');
          resolve('cached');
          return;
        }
        const items = [];
        client.list({ text }).on('error', (e) => {
          console.log('error', e.code);
          reject(e);
        }).on('data', function (item) {
          if (item.number > 1) { return; }
          items.push(item.text);
        }).on('end', function () {
          if (items.length === 0) return reject(new Error('nothing'));
          resolve(items);
        });
      });
    }
    all(effects)
      .then(() => console.log('made', made))
      .then(() => all(quiet))
      .then(() => all((text) => handed(null, text)))
      .then(() => all(shadowed))
      .then(() => all(twice))
      .then(() => all(within))
      .then(() => all(either));`),
  "an error that resolves": program(`
    const f = (text) => new Promise((resolve) => {
      const call = client.list({ text });
      const seen = [];
      call.on('data', (item) => seen.push(item.number));
      call.on('error', (err) => {
        console.log(err.details);
        resolve();
      });
      call.on('end', () => resolve(seen));
    });
    all(f);`),
  "no error that anybody hears of": program(`
    async function f(text) {
      await new Promise((resolve) => {
        const stream = client.list({ text });
        stream.on('data', (item) => {
          if (item.number === 1) return;
          console.log(item.text);
        });
        stream.on('error', () => {
          // The status tells it.
        });
        stream.on('status', (status) => {
          console.log('status', status.code);
          resolve();
        });
      });
      try {
        await new Promise((resolve, reject) => {
          client.ask({ text }, (err, res) => {
            if (err) return reject(err);
            console.log(res.text);
            resolve();
          });
        });
      } catch (err) {
        console.log('caught', err.details);
      }
      await new Promise((resolve, reject) => {
        const stream = client.list({ text });
        stream.on('data', (item) => console.log(item.number));
        stream.on('error', reject);
        stream.on('end', resolve);
      });
      return 'behind';
    }
    all(f);`),
  "a timer that cancels, and the status": program(`
    function f(text) {
      return new Promise((resolve, reject) => {
        const items = [];
        const call = client.list({ text });
        const timer = setTimeout(() => call.cancel(), 3000);
        call.on('metadata', (metadata) => console.log('headers', metadata.get('x-none').length));
        call.on('data', (item) => items.push(item.number));
        call.on('error', (err) => {
          clearTimeout(timer);
          reject(err);
        });
        call.on('end', () => {
          clearTimeout(timer);
          resolve({ items });
        });
      });
    }
    function g(text) {
      return new Promise((resolve, reject) => {
        const items = [];
        const call = client.list({ text });
        call.on('data', (item) => items.push(item.number));
        call.on('error', () => {});
        call.on('status', (status) => {
          if (status.code === grpc.status.OK) resolve(items);
          else reject(new Error('status ' + status.code + ' ' + status.details));
        });
      });
    }
    all(f).then(() => all(g));`),
  "methods, calls with one path and another settler": program(`
    class Api {
      constructor(made) { this.client = made; }
      numbers(text) {
        const metadata = new grpc.Metadata();
        metadata.set('x-one', '1');
        return new Promise((resolve, reject) => {
          const numbers = new Set();
          // In the order of the server
          this.client.list({ text }, metadata, { deadline: Date.now() + 3000 })
            .on('data', (item) => numbers.add(item.number))
            .on('error', (err) => { reject(err); })
            .on('end', () => resolve([...numbers].join()));
        });
      }
      orNothing(text) {
        return new Promise((resolve) => {
          this.client.ask({ text }, (err, res) => {
            if (err) return resolve(null);
            resolve(res.text);
          });
        });
      }
      // Settled by a timer, too: it keeps its promise.
      within(text) {
        return new Promise((resolve, reject) => {
          setTimeout(() => reject(new Error('late')), 2000).unref();
          const list = this.client.list({ text });
          const found = [];
          list.on('data', (item) => found.push(item.text));
          list.on('error', reject);
          list.on('end', () => resolve(found));
        });
      }
    }
    const api = new Api(client);
    all((text) => api.numbers(text)).then(() => all((text) => api.orNothing(text))).then(() => all((text) => api.within(text)));`),
  "a stream that is made before its promise": program(`
    async function f(text) {
      const stream = client.list({ text });
      const found = [];
      const timer = setTimeout(() => stream.cancel(), 5000);
      await new Promise((resolve, reject) => {
        stream.on('data', (item) => {
          found.push(item.text);
        });
        stream.on('error', reject);
        stream.on('end', () => {
          clearTimeout(timer);
          resolve();
        });
      });
      clearTimeout(timer);
      return found;
    }
    function g(text) {
      const stream = client.list({ text });
      console.log('listed');
      return new Promise((resolve, reject) => {
        const found = [];
        stream.on('data', (item) => found.push(item.text));
        stream.on('error', (err) => reject(new Error(err.code + ' ' + err.details)));
        stream.on('end', () => resolve(found));
      });
    }
    // Stopped behind its first message
    function h(text) {
      const stream = client.list({ text });
      let count = 0;
      const done = new Promise((resolve, reject) => {
        stream.on('data', () => {
          count += 1;
          if (count === 1) stream.cancel();
        });
        stream.on('end', () => resolve(count));
        stream.on('error', (err) => reject(new Error(err.details)));
      });
      return done.catch((err) => err.message).finally(() => stream.cancel());
    }
    all(f).then(() => all(g)).then(() => all(h));`),
  "messages both ways, whose promise and writer are given to the caller": program(`
    function watch(texts, onText) {
      const call = client.chat();
      const done = new Promise((resolve, reject) => {
        call.on('data', ({ text }) => onText(text));
        call.on('end', resolve);
        call.on('error', (err) => reject(new Error('watch: ' + err.details)));
      });
      for (const text of texts) call.write({ text });
      return {
        done,
        stop: (text) => {
          call.write({ text });
          call.end();
        },
      };
    }
    all(async (text) => {
      const seen = [];
      const { done, stop } = watch(['a', text], (each) => {
        seen.push(each);
        if (seen.length === 2) stop('last');
      });
      await done;
      return seen;
    });`),
};

comparePrograms(programs);
