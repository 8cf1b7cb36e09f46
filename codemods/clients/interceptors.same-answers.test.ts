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

const programs: Programs = {
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
  "a log, with streams beside it": [
    "bridged",
    `${LOG}
    const client = new probe.v1.Probe(PLAIN, grpc.credentials.createInsecure(), { interceptors: [log] });
    (async () => {
      await ask(client, 'm');
      for await (const item of client.list({ text: 'o' })) console.log(item.text);
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
    "bridged",
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
  "headers of the answer": [
    "bridged",
    `const look = (options, nextCall) => new grpc.InterceptingCall(nextCall(options), {
      start: (metadata, listener, next) => next(metadata, {
        onReceiveMetadata(header, pass) {
          console.log(header.get('x-why'));
          pass(header);
        },
      }),
    });
    const client = new probe.v1.Probe(PLAIN, grpc.credentials.createInsecure(), { interceptors: [look] });
    ask(client, 'rich 5 none').then(() => ask(client, 'a'));`,
  ],
  "answers that are changed and counted": [
    "bridged",
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
