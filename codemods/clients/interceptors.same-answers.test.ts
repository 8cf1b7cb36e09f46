import { comparePrograms, type Programs } from "./testing/compare-programs.js";

/** Calls that are answered, refused, and not sent at all. */
const CALLS = `
(async () => {
  await ask(client, 'm');
  await ask(client, 'fail n');
  await ask(client, { not: 'text' });
  await ask(client, 'o');
  client.close();
})();`;

const made = (list: string) =>
  `const client = new probe.v1.Probe(PLAIN, grpc.credentials.createInsecure(), { interceptors: [${list}] });${CALLS}`;

const LOG = `
const log = (options, nextCall) =>
  new grpc.InterceptingCall(nextCall(options), {
    start(metadata, listener, next) {
      console.log('start', options.method_definition.path);
      next(metadata, {
        onReceiveMetadata: (metadata, next) => next(metadata),
        onReceiveMessage(message, next) {
          // Null for a failed call
          console.log('received', JSON.stringify(message));
          next(message);
        },
        onReceiveStatus(status, next) {
          console.log('status', status.code, grpc.status[status.code]);
          if (status.code !== grpc.status.OK) console.log(status.details);
          next(status);
        },
      });
    },
    sendMessage(message, next) {
      console.log('sent', JSON.stringify({ message }));
      next(message);
    },
    halfClose: (next) => next(),
    cancel(next) {
      next();
    },
  });`;

/** Every hook, on a channel of its own for each kind of stream. */
const STREAMS = (use: string, list = "log", before = LOG) => `${before}
    const client = new probe.v1.Probe(PLAIN, grpc.credentials.createInsecure(), { interceptors: [${list}] });
    const list = (text) => new Promise((resolve) => {
      const call = client.list({ text });
      console.log('called');
      call.on('data', (item) => console.log('data', item.text));
      call.on('error', (error) => console.log('error', error.code, error.details));
      call.on('end', () => {
        console.log('end');
        resolve();
      });
      console.log('listening');
    });
    const count = (texts) => new Promise((resolve) => {
      const call = client.count((error, value) => {
        if (error) console.log('error', error.code);
        else console.log('counted', value.text);
        resolve();
      });
      for (const text of texts) {
        call.write({ text });
        console.log('wrote', text);
      }
      call.end();
      console.log('ended');
    });
    const chat = (texts) => new Promise((resolve) => {
      const call = client.chat();
      const left = [...texts];
      call.on('data', (item) => {
        console.log('data', item.text);
        const next = left.shift();
        if (next === undefined) return call.end();
        call.write({ text: next });
        console.log('wrote', next);
      });
      call.on('error', (error) => console.log('error', error.code));
      call.on('status', (status) => {
        console.log('told', status.code);
        resolve();
      });
      call.write({ text: left.shift() });
      console.log('opened');
    });
    ${use}`;

/** What is sent, and the codes. */
const CODES_OF = `const codes = (options, nextCall) => {
      const name = options.method_definition.path.split('/')[2];
      return new grpc.InterceptingCall(nextCall(options), {
        start(metadata, listener, next) {
          console.log(\`start \${options.method_definition.path}\`);
          next(metadata, {
            onReceiveStatus(status, next) {
              console.log(name, status.code);
              next(status);
            },
          });
        },
        sendMessage(message, next) {
          console.log(name, 'sends', message.text);
          next(message);
        },
      });
    };`;

const CODES = (list: string) => `${CODES_OF}
    const client = new probe.v1.Probe(PLAIN, grpc.credentials.createInsecure(), { interceptors: [${list}] });`;

/** When hooks see messages that nobody reads yet depends on the network: they are counted. */
const LATER = (read: string) => `
    let seen = 0;
    const count = (options, nextCall) => new grpc.InterceptingCall(nextCall(options), {
      start: (metadata, listener, next) => next(metadata, {
        onReceiveMessage(message, next) {
          seen++;
          next(message);
        },
      }),
    });
    const client = new probe.v1.Probe(PLAIN, grpc.credentials.createInsecure(), { interceptors: [count] });
    const call = client.list({ text: 'l' });
    call.on('error', (error) => console.log('error', error.code));
    const listen = () => {
      call.on('data', (item) => console.log(item.text));
      call.on('end', () => {
        console.log('seen', seen);
        client.close();
      });
    };
    ${read}`;

const programs: Programs = {
  "a log of streams that are listened to": [
    "idiomatic",
    STREAMS(`(async () => {
      await list('l');
      await list('fail');
      await ask(client, 'm');
      await ask(client, 'fail n');
      client.close();
    })();`),
  ],
  "a log of streams that are sent": [
    "idiomatic",
    STREAMS(`(async () => {
      await count(['a', 'b', 'c']);
      await count(['fail']);
      await count([]);
      await ask(client, 'm');
      client.close();
    })();`),
  ],
  "a log of streams both ways": [
    "idiomatic",
    STREAMS(`(async () => {
      await chat(['a', 'b', 'c']);
      await chat(['a', 'fail', 'b']);
      await ask(client, 'm');
      client.close();
    })();`),
  ],

  "streams that are cancelled, are late, or end while they are written to": [
    "idiomatic",
    STREAMS(
      `const stop = (text, when) => new Promise((resolve) => {
      const call = client.list({ text }, { deadline: Date.now() + 3000 });
      call.on('data', (item) => {
        console.log('data', item.text);
        if (item.text.endsWith(when)) call.cancel();
      });
      call.on('error', (error) => {
        console.log('error', error.code);
        resolve();
      });
    });
    const talk = (texts, late) => new Promise((resolve) => {
      const call = client.chat();
      call.on('data', (item) => {
        console.log('data', item.text);
        call.write({ text: late });
        console.log('wrote', late);
      });
      call.on('error', (error) => {
        console.log('error', error.code);
        resolve();
      });
      for (const text of texts) call.write({ text });
    });
    (async () => {
      await stop('hang', '2');
      await stop('hang', 'never');
      await talk(['a', 'fail'], 'late');
      await talk(['fail', 'b'], 'late');
      client.close();
    })();`,
      "codes",
      CODES_OF,
    ),
  ],
  "messages of streams that are changed, behind one that adds metadata": [
    "idiomatic",
    STREAMS(
      `(async () => {
      await list('l');
      await list('fail');
      await count(['a', 'b', 'c']);
      await chat(['a', 'b', 'c']);
      await ask(client, 'm');
      client.close();
    })();`,
      "auth, shout('!')",
      `let calls = 0;
    function auth(options, nextCall) {
      return new grpc.InterceptingCall(nextCall(options), new grpc.RequesterBuilder()
        .withStart((metadata, listener, next) => {
          metadata.set('x-auth', 'secret');
          next(metadata, listener);
        })
        .build());
    }
    function shout(mark) {
      return (options, nextCall) => new grpc.InterceptingCall(nextCall(options), {
        start: (metadata, listener, next) => next(metadata, {
          onReceiveMessage: (message, next) => {
            calls += 1;
            next(message ? { text: message.text.toUpperCase() + calls } : message);
          },
        }),
        sendMessage: (message, next) => next({ ...message, text: message.text + mark }),
      });
    }`,
    ),
  ],
  "a log of what is sent, where loops read": [
    "idiomatic",
    `const sent = (options, nextCall) => new grpc.InterceptingCall(nextCall(options), {
      sendMessage(message, next) {
        console.log('sent', message.text);
        next(message);
      },
    });
    const client = new probe.v1.Probe(PLAIN, grpc.credentials.createInsecure(), { interceptors: [sent] });
    const both = async (texts) => {
      const call = client.chat();
      for (const text of texts) {
        call.write({ text });
        console.log('wrote', text);
      }
      call.end();
      for await (const item of call) console.log(item.text);
    };
    const some = async (texts, done) => {
      const call = client.count((error, value) => done(error ? error.code : value.text));
      for (const text of texts) call.write({ text });
      call.end();
    };
    (async () => {
      for await (const item of client.list({ text: 'l' })) console.log(item.text);
      await both(['a', 'b', 'c']);
      await new Promise((resolve) => {
        const all = some(['d', 'e', 'f'], (text) => {
          console.log(text);
          resolve();
        });
        all.then(() => console.log('all of it is written'));
      });
      client.close();
    })();`,
  ],
  "messages that are written in one turn": [
    "idiomatic",
    `${CODES("codes")}
    const count = (texts, then) => {
      const call = client.count((error, value) => {
        console.log(error ? error.code : value.text);
        then();
      });
      for (const text of texts) call.write({ text });
      Promise.resolve().then(() => console.log('promise'));
      process.nextTick(() => console.log('tick'));
      call.end();
      console.log('ended');
    };
    const chat = (texts, then) => {
      const call = client.chat();
      call.on('data', (item) => console.log('data', item.text));
      call.on('error', (error) => console.log('error', error.code));
      // Seen as a whole: it stays a stream of Node.
      call.on('status', (status) => then(status));
      for (const text of texts) console.log('wrote', call.write({ text }));
      Promise.resolve().then(() => console.log('promise'));
      call.end();
      console.log('ended');
    };
    async function sum(texts) {
      const call = client.count((error, value) => console.log(error ? error.code : value.text));
      for (const text of texts) call.write({ text });
      call.end();
    }
    count(['a', 'b', 'c'], () => {
      chat(['a', 'b'], () => {
        chat(['a', 'fail'], async ({ code }) => {
          console.log('told', code);
          await sum(['d', 'e', 'f']);
          console.log('summing');
        });
      });
    });`,
  ],
  "messages that cannot be sent, and a server that is not there": [
    "idiomatic",
    `${CODES("codes")}
    const run = (use, request, then) => {
      const call = use.list(request);
      call.on('data', (item) => console.log('data', item.text));
      call.on('error', (error) => {
        console.log('error', error.code);
        count(use, then);
      });
    };
    const count = (use, then) => {
      const call = use.count((error, value) => {
        console.log(error ? error.code : value.text);
        then();
      });
      for (const text of ['a', 'b']) call.write({ text });
      call.end();
      console.log('ended');
    };
    const nobody = new probe.v1.Probe('localhost:1', grpc.credentials.createInsecure(), { interceptors: [codes] });
    run(client, { text: { not: 'text' } }, () => run(nobody, { text: 'l' }, () => console.log('over')));`,
  ],
  "a listener that is given to nothing": [
    "idiomatic",
    STREAMS(
      `(async () => {
      await chat(['a', 'b']);
      await ask(client, 'm');
      client.close();
    })();`,
      "log",
      `function log(options, nextCall) {
      const listener = (new grpc.ListenerBuilder())
        .withOnReceiveMessage((message, next) => {
          console.log('received', message.text);
          next(message);
        }).build();
      const requester = (new grpc.RequesterBuilder())
        .withSendMessage((message, next) => {
          console.log('sent', message.text);
          next(message);
        }).build();
      return new grpc.InterceptingCall(nextCall(options), requester);
    }`,
    ),
  ],
  "streams that are listened to later": ["manual", LATER("setTimeout(listen, 20);")],
  "streams that are paused": [
    "manual",
    LATER("call.pause();\n    listen();\n    setTimeout(() => call.resume(), 20);"),
  ],
  "a log of every step": ["idiomatic", `${LOG}${made("log")}`],
  "builders, and how long a call takes": [
    "idiomatic",
    `function timing(options, nextCall) {
      const began = Date.now();
      const listener = new grpc.ListenerBuilder()
        .withOnReceiveStatus((status, next) => {
          const took = Date.now() - began;
          console.log(options.method_definition.path, status.code, took < 5000);
          next(status);
        })
        .build();
      const requester = new grpc.RequesterBuilder()
        .withStart((metadata, _listener, next) => {
          metadata.set('x-began', typeof began);
          next(metadata, listener);
        })
        .build();
      return new grpc.InterceptingCall(nextCall(options), requester);
    }
    ${made("timing")}`,
  ],
  "a token that may be undefined, which Metadata does not send": [
    "idiomatic",
    `let token;
    const auth = (options, nextCall) => new grpc.InterceptingCall(nextCall(options), {
      start(metadata, listener, next) {
        metadata.set('x-token', token);
        next(metadata, listener);
      },
    });
    const client = new probe.v1.Probe(PLAIN, grpc.credentials.createInsecure(), { interceptors: [auth] });
    (async () => {
      await ask(client, 'none');
      token = 't';
      await ask(client, 'one');
    })();`,
  ],
  "a token that nobody knows": [
    "bridged",
    `const tokens = {};
    const auth = (options, nextCall) => new grpc.InterceptingCall(nextCall(options), {
      start(metadata, listener, next) {
        metadata.set('x-token', tokens.last);
        next(metadata, listener);
      },
    });
    const client = new probe.v1.Probe(PLAIN, grpc.credentials.createInsecure(), { interceptors: [auth] });
    (async () => {
      await ask(client, 'none');
      tokens.last = 't';
      await ask(client, 'one');
    })();`,
  ],
  "messages that are changed": [
    "idiomatic",
    `function shout(options, nextCall) {
      return new grpc.InterceptingCall(nextCall(options), {
        start: function (metadata, listener, next) {
          const loud = { onReceiveMessage: (message, pass) => pass(message && { ...message, text: message.text.toUpperCase() }) };
          next(metadata, loud);
        },
        sendMessage: (message, next) => next({ ...message, text: message.text + '!' }),
      });
    }
    const client = new probe.v1.Probe(PLAIN, grpc.credentials.createInsecure(), { interceptors: [shout] });
    (async () => {
      await ask(client, 'm');
      await ask(client, 'fail n');
    })();`,
  ],
  "messages that are changed in place": [
    "idiomatic",
    `const mark = (options, nextCall) => new grpc.InterceptingCall(nextCall(options), {
      start: (metadata, listener, next) => next(metadata, {
        onReceiveMessage(message, pass) {
          if (message) message.text += '?';
          pass(message);
        },
      }),
      sendMessage(message, next) {
        message.text += '!';
        next(message);
      },
    });
    const request = { text: 'mine' };
    const client = new probe.v1.Probe(PLAIN, grpc.credentials.createInsecure(), { interceptors: [mark] });
    client.ask(request, (err, res) => {
      if (err) return console.log(err.code);
      console.log(res.text, request.text);
    });`,
  ],
  "a token that is waited for": [
    "idiomatic",
    `let tokens = 0;
    const token = async () => {
      await new Promise((resolve) => setTimeout(resolve, 20));
      return 'token ' + ++tokens;
    };
    const auth = (options, nextCall) => new grpc.InterceptingCall(nextCall(options), {
      start(metadata, listener, next) {
        metadata.set('x-first', 'yes');
        token().then((value) => {
          metadata.set('x-token', value);
          next(metadata, listener);
        });
      },
    });
    const again = (options, nextCall) => new grpc.InterceptingCall(nextCall(options), {
      start: async (metadata, listener, next) => {
        try {
          metadata.set('x-again', await token());
        } catch (err) {
          console.log(err);
        }
        next(metadata, listener);
      },
    });
    const client = new probe.v1.Probe(PLAIN, grpc.credentials.createInsecure(), { interceptors: [auth, again] });
    (async () => {
      await ask(client, 'm');
      await ask(client, 'fail n');
      for await (const item of client.list({ text: 'o' })) console.log(item.text);
    })();`,
  ],
  "metadata before a log": [
    "idiomatic",
    `${LOG}
    const auth = (options, nextCall) => new grpc.InterceptingCall(nextCall(options), {
      start(metadata, listener, next) {
        metadata.set('x-auth', 'secret');
        next(metadata, listener);
      },
    });
    ${made("auth, log")}`,
  ],
  "a log, with streams that loops read beside it": [
    "bridged",
    `${LOG}
    const client = new probe.v1.Probe(PLAIN, grpc.credentials.createInsecure(), { interceptors: [log] });
    (async () => {
      await ask(client, 'm');
      const items = [];
      for await (const item of client.list({ text: 'o' })) items.push(item.text);
      console.log(items.join());
      client.close();
    })();`,
  ],
  "two logs, whose steps alternate": [
    "bridged",
    `${LOG}
    function second(options, nextCall) {
      console.log('made');
      return new grpc.InterceptingCall(nextCall(options), {
        sendMessage(message, next) {
          console.log('second', message.text);
          next(message);
        },
      });
    }
    ${made("log, second")}`,
  ],
  "another call when the first failed": [
    "bridged",
    `const retry = (options, nextCall) => {
      let sent, answer, passAnswer;
      return new grpc.InterceptingCall(nextCall(options), {
        start(metadata, listener, next) {
          next(metadata, {
            onReceiveMessage(message, pass) { answer = message; passAnswer = pass; },
            onReceiveStatus(status, pass) {
              if (status.code !== 14) {
                passAnswer(answer);
                return pass(status);
              }
              const call = nextCall(options);
              call.start(metadata.clone(), { onReceiveMessage: (message) => passAnswer(message), onReceiveStatus: (last) => pass(last) });
              call.sendMessage(sent);
              call.halfClose();
            },
          });
        },
        sendMessage(message, next) { sent = message; next(message); },
      });
    };
    const client = new probe.v1.Probe(PLAIN, grpc.credentials.createInsecure(), { interceptors: [retry] });
    (async () => {
      await ask(client, 'flaky-1 a');
      await ask(client, 'flaky-3 b');
    })();`,
  ],
  "answers of its own": [
    "bridged",
    `const kept = new Map();
    const cache = (options, nextCall) => {
      let begun, sending, text;
      return new grpc.InterceptingCall(nextCall(options), {
        start(metadata, listener, next) { begun = { metadata, listener, next }; },
        sendMessage(message, next) { text = message.text; sending = () => next(message); },
        halfClose(next) {
          const { metadata, listener } = begun;
          if (kept.has(text)) {
            listener.onReceiveMetadata(new grpc.Metadata());
            listener.onReceiveMessage({ text: 'kept ' + kept.get(text).text });
            listener.onReceiveStatus({ code: 0, details: '', metadata: new grpc.Metadata() });
            return;
          }
          begun.next(metadata, { onReceiveMessage(message, pass) { if (message) kept.set(text, message); pass(message); } });
          sending();
          next();
        },
      });
    };
    const client = new probe.v1.Probe(PLAIN, grpc.credentials.createInsecure(), { interceptors: [cache] });
    (async () => {
      await ask(client, 'a');
      await ask(client, 'a');
      for await (const item of client.list({ text: 'b' })) console.log(item.text);
      for await (const item of client.list({ text: 'b' })) console.log(item.text);
    })();`,
  ],
  "what a server says beside OK": [
    "idiomatic",
    `const say = (options, nextCall) => new grpc.InterceptingCall(nextCall(options), {
      start: (metadata, listener, next) => next(metadata, {
        onReceiveStatus(status, pass) {
          console.log(status.details);
          pass(status);
        },
      }),
    });
    ${made("say")}`,
  ],
  "a status that is changed": [
    "bridged",
    `const hide = (options, nextCall) => new grpc.InterceptingCall(nextCall(options), {
      start: (metadata, listener, next) => next(metadata, {
        onReceiveStatus: (status, pass) => pass({ ...status, details: 'hidden' }),
      }),
    });
    ${made("hide")}`,
  ],
  "headers of answers, of errors behind them, and none": [
    "idiomatic",
    `const look = (options, nextCall) => new grpc.InterceptingCall(nextCall(options), {
      start: (metadata, listener, next) => next(metadata, {
        onReceiveMetadata(header, pass) {
          console.log(header.get('x-why'), header.get('x-head')[0]);
          pass(header);
        },
        onReceiveStatus(status, pass) {
          console.log('status', status.code);
          pass(status);
        },
      }),
    });
    const client = new probe.v1.Probe(PLAIN, grpc.credentials.createInsecure(), { interceptors: [look] });
    (async () => {
      for (const text of ['rich 5 none', 'a', 'head', 'fail b']) await ask(client, text);
      await new Promise((resolve) => {
        client.ask({ text: 'head hang' }, { deadline: Date.now() + 500 }, (err) => {
          console.log('late', err.code);
          resolve();
        });
      });
      client.close();
    })();`,
  ],
  "headers of streams of all kinds": [
    "idiomatic",
    STREAMS(
      `(async () => {
      await list('l');
      await list('fail');
      await count(['head', 'b']);
      await count(['fail']);
      await chat(['a', 'b']);
      await chat(['fail']);
      client.close();
    })();`,
      "look",
      `const look = (options, nextCall) => {
      const listener = new grpc.ListenerBuilder()
        .withOnReceiveMetadata((metadata, next) => {
          // Before the first message
          console.log('head', metadata.get('x-head').join());
          next(metadata);
        })
        .withOnReceiveMessage((message, next) => {
          console.log('received', message && message.text);
          next(message);
        })
        .build();
      const requester = new grpc.RequesterBuilder()
        .withStart((metadata, _listener, next) => next(metadata, listener))
        .build();
      return new grpc.InterceptingCall(nextCall(options), requester);
    };`,
    ),
  ],
  "headers of the answer that are changed, or handed on": [
    "bridged",
    `const look = (options, nextCall) => new grpc.InterceptingCall(nextCall(options), {
      start: (metadata, listener, next) => next(metadata, {
        onReceiveMetadata(header, pass) {
          header.set('x-more', 'more');
          console.log(Object.keys(header.getMap()).includes('x-more'));
          pass(header);
        },
      }),
    });
    const client = new probe.v1.Probe(PLAIN, grpc.credentials.createInsecure(), { interceptors: [look] });
    ask(client, 'rich 5 none').then(() => ask(client, 'a'));`,
  ],
  "answers that are changed and counted": [
    "idiomatic",
    `let answers = 0;
    const count = (options, nextCall) => new grpc.InterceptingCall(nextCall(options), {
      start: (metadata, listener, next) => next(metadata, {
        onReceiveMessage(message, pass) {
          answers++;
          pass(message && { text: message.text + answers });
        },
      }),
    });
    ${made("count")}`,
  ],
  "metadata that it asks for": [
    "bridged",
    `const once = (options, nextCall) => new grpc.InterceptingCall(nextCall(options), {
      start(metadata, listener, next) {
        if (metadata.get('x-own').length === 0) metadata.set('x-own', 'default');
        next(metadata, listener);
      },
    });
    ${made("once")}`,
  ],
  "options that two clients share": [
    "idiomatic",
    `let made = 0;
    function tagged(tag) {
      made++;
      return (options, nextCall) => new grpc.InterceptingCall(nextCall(options), {
        start(metadata, listener, next) {
          metadata.set('x-tag', tag);
          next(metadata, listener);
        },
      });
    }
    const shared = { interceptors: [tagged('a')], 'grpc.max_receive_message_length': 1024 * 1024 };
    const other = new probe.v1.Probe(PLAIN, grpc.credentials.createInsecure(), shared);
    const client = new probe.v1.Probe(PLAIN, grpc.credentials.createInsecure(), shared);
    ask(other, 'other').then(() => console.log(made)).then(() => other.close());${CALLS}`,
  ],
  "an interceptor written in shared options": [
    "bridged",
    `const shared = {
      interceptors: [
        (options, nextCall) => new grpc.InterceptingCall(nextCall(options), {
          start(metadata, listener, next) {
            metadata.set('x-tag', 't');
            next(metadata, listener);
          },
        }),
      ],
    };
    const client = new probe.v1.Probe(PLAIN, grpc.credentials.createInsecure(), shared);${CALLS}`,
  ],
  "options that are read elsewhere": [
    "bridged",
    `const tag = (options, nextCall) => new grpc.InterceptingCall(nextCall(options), {
      start(metadata, listener, next) {
        metadata.set('x-tag', 't');
        next(metadata, listener);
      },
    });
    const shared = { interceptors: [tag] };
    console.log(shared.interceptors.length);
    const client = new probe.v1.Probe(PLAIN, grpc.credentials.createInsecure(), shared);${CALLS}`,
  ],
  "a hook that hands on later": [
    "bridged",
    `const late = (options, nextCall) => new grpc.InterceptingCall(nextCall(options), {
      sendMessage(message, next) {
        setTimeout(() => next(message), 10);
      },
    });
    ${made("late")}`,
  ],
};

comparePrograms(programs);
