import { comparePrograms, type Programs } from "./testing/compare-programs.js";

const CLIENT = "const client = new probe.v1.Probe(PLAIN, grpc.credentials.createInsecure());\n";
/** Says how the promise of each call ends, and what the function gives at once. */
const TELL = `
const tell = async (name, call) => {
  try {
    const given = call();
    console.log(name, given instanceof Promise);
    console.log(name, 'resolved', JSON.stringify(await given));
  } catch (err) {
    console.log(name, 'rejected', err.name, err.code, err.details, err.message);
  }
};
`;
const all = (...texts: string[]) =>
  `(async () => { for (const text of ${JSON.stringify(texts)}) await tell(text, () => f(text)); })();`;
const program = (source: string): readonly ["idiomatic", string] => ["idiomatic", CLIENT + TELL + source];

// Promises around calls, whose executors become the bodies of async functions, and calls in the callbacks of other calls.
const programs: Programs = {
  "a request in parentheses": program(`
    const f = (text) => new Promise((resolve, reject) => {
      client.ask(((text ? { text } : {}) /* ) */ ), (err, res) => {
        if (err) return reject(err);
        resolve(res.text.length);
      });
    });
    client.ask(({ text: 'b' }), (err, res) => console.log(err, res.text));
    ${all("a", "", "fail")}`),
  "a path for the error and one for the response": program(`
    function f(text) {
      return new Promise((resolve, reject) => {
        const request = { text };
        client.ask(request, (err, res) => {
          if (err) {
            console.log('failed', err.code, err.details);
            return reject(err);
          }
          if (res.text.startsWith('empty')) return resolve();
          const upper = res.text.toUpperCase();
          resolve({ ...res, upper });
        });
      });
    }
    ${all("a", "empty", "fail")}`),
  "what both paths have": program(`
    const f = (text) => new Promise((resolve, reject) => {
      const timer = setTimeout(() => console.log('slow'), 3000);
      client.ask({ text }, (err, res) => {
        clearTimeout(timer);
        if (err) return reject(err);
        resolve(res.text);
      });
    });
    function g(text) {
      return new Promise((resolve) => {
        client.ask({ text }, (err, res) => {
          if (err) console.log(err.message);
          resolve({ code: err ? err.code : 0, text: res && res.text });
        });
      });
    }
    function h(text) {
      return new Promise((resolve, reject) => client.ask({ text }, (err, res) => {
        if (err || !res.text) return reject(err || new Error('no text'));
        if (text === 'b') console.log('b');
        resolve();
      }));
    }
    ${all("a", "fail", "rich 5 x")}
    (async () => {
      for (const text of ['a', 'fail', 'rich 5 x']) await tell(text, () => g(text));
      for (const text of ['a', 'b', 'fail', 'rich 5 x']) await tell(text, () => h(text));
    })();`),
  "both paths end with nothing": program(`
    const f = (text) => new Promise((resolve, reject) => {
      if (text === 'never') return reject(new Error('never'));
      client.ask({ text }, (err, res) => {
        if (err) {
          console.log('error', err.code);
          resolve();
        } else {
          console.log(res.text);
          resolve();
        }
      });
    });
    const g = (text) => new Promise((resolve) => {
      client.ask({ text }, (err, res) => {
        if (err) {
          if (err.code === 5) {
            console.log('none');
            resolve();
          } else {
            console.log(err.details);
            resolve();
          }
        } else {
          console.log(res.text);
          resolve();
        }
      });
    });
    ${all("a", "fail", "rich 5 x", "never")}
    (async () => { for (const text of ['a', 'fail', 'rich 5 x']) await tell(text, () => g(text)); })();`),
  "ends that nothing has to say": program(`
    const ends = [
      (text) => new Promise((resolve, reject) => {
        client.ask({ text }, (err) => {
          if (err) {
            console.log('error', err.code);
            reject(err);
          } else resolve();
        });
      }),
      (text) => new Promise((resolve, reject) => {
        console.log('asks');
        client.ask({ text }, (err) => {
          if (err) reject(err);
          else resolve();
        });
      }),
      (text) => new Promise((resolve, reject) => {
        client.ask({ text }, (err, res) => {
          if (err) {
            if (err.code === 5) resolve('none');
            else reject(err);
            return;
          }
          resolve(res);
        });
      }),
      (text) => new Promise((resolve, reject) => {
        client.ask({ text }, (err, res) => {
          if (err) return reject(err);
          if (text === 'b') {
            console.log('b');
            return resolve();
          }
          console.log(res.text);
          return resolve();
        });
      }),
      async (text) => {
        await new Promise((resolve, reject) => {
          client.ask({ text }, (err) => {
            if (err) reject(err);
            else resolve();
          });
        });
        console.log('behind');
      },
    ];
    (async () => {
      for (const f of ends) for (const text of ['a', 'b', 'fail', 'rich 5 x']) await tell(text, () => f(text));
    })();`),
  "tests of the error before the one of the error alone": program(`
    function f(text) {
      return new Promise((resolve, reject) => {
        client.ask({ text }, (err, res) => {
          // Nobody there is an answer.
          if (err && (err.code === grpc.status.NOT_FOUND || err.code === 7)) {
            console.log('none', err.details);
            return resolve({ none: true });
          }
          // Worse
          if (err && err.code === 3 && text.endsWith('bad')) {
            reject(new Error('bad: ' + err.message));
            return;
          }
          if (err) {
            console.log('failed', err.details);
            return reject(err);
          }
          resolve(res.text);
        });
      });
    }
    client.ask({ text: 'rich 5 first' }, function (err, res) {
      if (err && err.code === 5) console.log('first', err.metadata.get('x-why'));
      if (err) return console.log(err.details);
      else console.log(res.text);
    });
    ${all("a", "rich 5 gone", "rich 7 no", "rich 3 bad", "rich 3 good", "fail")}`),
  "the response's path first": program(`
    const g = (text) => new Promise((resolve, reject) => {
      client.ask({ text }, (err, res) => {
        if (!err) {
          console.log('got');
          resolve(res);
          return;
        }
        if (err.code === grpc.status.NOT_FOUND) {
          return resolve(null);
        }
        reject(err);
      });
    });
    function f(text) {
      return new Promise((resolve, reject) => {
        client.ask({ text }, (err, res) => {
          if (!err) return resolve(g(res.text));
          console.log(err.code);
          reject(err);
        });
      });
    }
    client.ask({ text: 'fail' }, (err, res) => {
      if (!err) {
        console.log(res.text);
        return;
      }
      console.log(err.details, err.message);
      if (err.code === 5) console.log('none');
    });
    ${all("a", "rich 5 gone", "fail")}`),
  "settled before the call": program(`
    const f = (text) => new Promise((resolve, reject) => {
      if (text === 'none') {
        reject(new TypeError('no text'));
        return;
      }
      if (text === 'cached') return resolve({ text: 'from the cache' });
      client.ask({ text }, (err, res) => {
        if (err) {
          if (err.code === grpc.status.FAILED_PRECONDITION) resolve(null);
          else reject(new Error(err.message));
        } else {
          resolve(res.text);
        }
      });
    });
    ${all("none", "cached", "a", "fail", "rich 5 gone")}`),
  "what the executor throws": program(`
    class Api {
      f(text) {
        return new Promise((resolve, reject) => {
          const { upper } = text === 'bad' ? undefined : { upper: text.toUpperCase() };
          client.ask({ text: upper }, (err, res) => {
            if (err) return reject(err);
            this.last = res.text;
            resolve(this.last);
          });
        });
      }
    }
    const api = new Api();
    const f = (text) => api.f(text);
    ${all("a", "bad", "fail")}`),
  "arguments that throw are no error of the call": program(`
    const make = (text) => { if (text === 'bad') throw new RangeError('bad'); return { text }; };
    function f(text) {
      return new Promise((resolve, reject) => {
        client.ask(make(text), (err, res) => {
          if (err) {
            console.log('of the call');
            return reject(err);
          }
          console.log('got it');
          resolve(res);
        });
      });
    }
    ${all("a", "bad", "fail")}`),
  "a value that is a promise": program(`
    const later = (text) => new Promise((resolve) => setTimeout(() => resolve('later ' + text), 5));
    async function f(text) {
      console.log('begin');
      return new Promise((resolve, reject) => {
        client.ask({ text }, (err, res) => {
          if (err) return reject(later('never thrown'));
          console.log('got');
          resolve(later(res.text));
        });
      });
    }
    ${all("a")}`),
  "a sequence": program(`
    const f = (text) =>
      new Promise((resolve, reject) => {
        client.ask({ text }, (err, first) => {
          if (err) return reject(err);
          client.ask({ text: first.text.startsWith('second') ? 'fail 2' : 'b' }, (err, second) => {
            if (err) {
              console.log('second', err.details);
              return reject(new Error('second failed'));
            }
            if (first.text.startsWith('short')) {
              return resolve([second]);
            }
            client.ask({ text: first.text.startsWith('third') ? 'fail 3' : 'c' }, (err, third) => {
              if (err) reject(err);
              else resolve([first, second, third]);
            });
          });
        });
      });
    ${all("a", "second", "short", "third", "fail")}`),
  "a callback that waits itself": program(`
    const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
    async function f(text) {
      return new Promise(function (resolve, reject) {
        client.ask({ text }, async function (err, res) {
          if (err) return reject('no ' + text);
          await wait(2);
          const again = await new Promise((resolve) => client.ask({ text: 'again' }, (err, res) => resolve(res.text)));
          if (text === 'b') return resolve([again]);
          await wait(2);
          resolve([res.text, again]);
        });
      });
    }
    ${all("a", "b", "fail")}`),
  "promises in the middle of something": program(`
    async function f(texts) {
      const first = await new Promise((resolve, reject) => {
        client.ask({ text: texts[0] }, (err, res) => {
          if (err) {
            console.log(err.details);
            return reject(err);
          }
          resolve(res.text);
        });
      });
      const rest = await Promise.all(texts.slice(1).map((text) => new Promise((resolve, reject) => {
        client.ask({ text }, (err, res) => {
          if (err) reject(new Error(err.details));
          else resolve(res.text.length);
        });
      })));
      return [first, ...rest];
    }
    function g(text) {
      const { length } = text;
      const asked = new Promise((resolve, reject) => client.ask({ text: text.trim() }, (err, res) => {
        if (err) return reject(err);
        console.log(length);
        resolve(res);
      }));
      return asked.then((res) => [res.text]);
    }
    (async () => {
      for (const texts of [['a', 'b', 'c'], ['fail', 'b'], ['a', 'b', 'fail']]) await tell('f', () => f(texts));
      for (const text of ['a', 'fail', 7]) await tell('g', () => g(text));
    })();`),
  "the success path first": program(`
    const f = (text) => new Promise((resolve, reject) => {
      client.ask({ text }, (err, res) => {
        if (!err) {
          if (res.text.startsWith('b')) return resolve('early');
          console.log(res.text);
          resolve(res.text.length);
        } else if (err.details.endsWith('2')) {
          reject(err);
        } else {
          reject(new Error(err.details));
        }
      });
    });
    const g = (text) => new Promise((resolve, reject) => {
      client.ask({ text }, async (err, res) => {
        if (!err) {
          const again = await f(res.text);
          resolve(again);
        } else reject(err);
      });
    });
    (async () => {
      for (const text of ['a', 'b', 'fail', 'fail 2']) {
        await tell(text, () => f(text));
        await tell(text, () => g(text));
      }
    })();`),
  branches: program(`
    function f(text) {
      return new Promise((resolve, reject) => {
        client.ask({ text: 'which' }, (err, which) => {
          if (err) return reject(err);
          if (text === 'one') {
            client.ask({ text }, (err, one) => (err ? reject(err) : resolve([which.text, one.text])));
          } else {
            client.ask({ text }, (err, other) => {
              if (err) return reject(err);
              resolve(other.text);
            });
          }
        });
      });
    }
    ${all("one", "two", "fail")}`),
  "a sequence that nobody waits for": program(`
    client.ask({ text: 'a' }, (err, first) => {
      if (err) {
        console.log(err.details);
        return;
      }
      console.log(first.text);
      client.ask({ text: 'b' }, (error, second) => {
        if (error) throw error;
        console.log(first.text, second.text);
        client.ask({ text: 'fail' }, (err, third) => {
          if (err) {
            console.log('third', err.details);
          } else {
            console.log(third.text);
          }
        });
      });
    });
    console.log('at once');`),
  "what the response is asked for behind else": program(`
    const f = (text) => new Promise((resolve, reject) => {
      client.ask({ text }, (err, res) => {
        if (err) reject(err);
        else if (res.text.startsWith('b')) resolve('b');
        else if (res.text.startsWith('none')) reject(new Error('nothing'));
        else resolve(res);
      });
    });
    ${all("a", "b", "none", "fail")}
    for (const text of ['a', 'b', 'fail'])
      client.ask({ text }, (err, res) => {
        if (err) {
          console.log(err.details);
        } else if (res.text.startsWith('b')) {
          console.log('it is b');
        } else {
          console.log(res.text);
        }
      });`),
  "branches without braces": program(`
    const f = (text) => new Promise((resolve, reject) => {
      client.ask({ text }, (err, res) => { // the first one
        if (err) return reject(err);
        if (text === 'b') client.ask({ text: 'second' }, (err, other) => (err ? reject(err) : resolve(other.text.length)));
        else resolve(res.text);
      });
    });
    client.ask({ text: 'x' }, (err, res) => {
      if (err) throw err;
      if (res.text) client.ask({ text: 'y' }, (err, other) => {
        if (err) throw err;
        console.log(other.text);
      });
    });
    ${all("a", "b", "fail")}`),
  "what is left as it is": program(`
    function f(text) {
      console.log(text.length);
      return new Promise((resolve, reject) => {
        client.ask({ text }, (err, res) => {
          if (err) reject(err);
          console.log('in any case');
          resolve(res);
          console.log('behind');
        });
        console.log('meanwhile');
      });
    }
    const g = (text) => new Promise((resolve, reject) => {
      setTimeout(() => client.ask({ text }, (err, res) => (err ? reject(err) : resolve(res.text))), 1);
    });
    (async () => {
      await tell('undefined', () => f());
      for (const text of ['a', 'fail']) {
        await tell(text, () => f(text));
        await tell(text, () => g(text));
      }
    })();`),
};

comparePrograms(programs);
