import { comparePrograms, type Programs } from "./testing/compare-programs.js";

const CLIENT = "const client = new probe.v1.Probe(PLAIN, grpc.credentials.createInsecure());\n";
const EACH =
  "const each = (run) => ask(client, 'own').then(() => ['l', 'fail'].forEach((text, index) => setTimeout(() => run(text), index * 400)));\n";

// Streams whose listeners stand in any order, with an answer and an error each.
const programs: Programs = {
  "end before error, chained": [
    "idiomatic",
    `${CLIENT}${EACH}
    each((text) => {
      const request = { text };
      const call = client.list(request);
      const seen = [];
      call
        .on('data', (res) => {
          seen.push(res.text);
        })
        .on('end', () => {
          console.log('end', seen.join());
        })
        .on('error', (err) => {
          console.log('error', err.code, err.details);
        });
    });`,
  ],
  "a chain that begins with the call": [
    "idiomatic",
    `${CLIENT}${EACH}
    each((text) => {
      client.list({ text }, { deadline: Date.now() + 2000 })
        .on('data', (res) => console.log(res.text))
        .on('error', (err) => console.log(err.code))
        .on('end', () => console.log('end'));
    });`,
  ],
  "listeners that are added under a condition": [
    "bridged",
    `${CLIENT}
    process.on('uncaughtException', (err) => console.log('uncaught', err.code));
    function run(text, isQuiet) {
      const call = client.list({ text });
      call.on('data', (res) => console.log(res.text));
      if (isQuiet) return;
      call.on('error', (err) => console.log(err.code));
      call.on('end', () => console.log('end'));
    }
    run('fail', true);
    setTimeout(run, 400, 'fail', false);
    setTimeout(run, 800, 'l', false);`,
  ],
  "functions with names": [
    "idiomatic",
    `${CLIENT}${EACH}
    function onData(res) { console.log(res.text); }
    const onError = (err) => console.log('error', err.code, err.details, err.message);
    const run = (text, done) => {
      const call = client.list({ text });
      call.on('data', onData);
      call.on('error', onError);
      // Comes after an error, too.
      call.on('end', done);
    };
    each((text) => run(text, () => console.log('done', text)));`,
  ],
  "all four, in another order": [
    "idiomatic",
    `${CLIENT}${EACH}
    each((text) => {
      const call = client.list({ text });
      // Any error.
      call.on('error', (error) => { console.log('error', error.code); });
      call.on('data', (item) => {
        if (item.text.endsWith('1')) return;
        console.log('data', item.text);
      });
      call.on('end', () => {
        console.log('end');
        // The last line.
      });
      call.on('status', (status) => {
        console.log('status', status.code === grpc.status.OK);
      });
    });`,
  ],
  "a status, and an error that nobody minds": [
    "idiomatic",
    `${CLIENT}
    const run = (text) => new Promise((resolve) => {
      const call = client.list({ text });
      call.on('data', () => {
        // Whatever it is.
      });
      call.on('status', (status) => {
        console.log(text, grpc.status[status.code]);
        resolve();
      });
      call.on('error', () => {
        // The status says it.
      });
    });
    run('l').then(() => run('fail'));`,
  ],
  "headers, trailers and details": [
    "idiomatic",
    `${CLIENT}
    const run = (text) => new Promise((resolve) => {
      const call = client.list({ text }, { deadline: Date.now() + 3000 });
      // What comes first.
      call.on('metadata', (metadata) => {
        console.log('head', metadata.get('x-head'), metadata.get('x-none').length);
      });
      call.on('data', (item) => console.log(item.text));
      call.on('status', (status) => {
        const [trailer] = status.metadata.get('x-trailer');
        console.log(status.code, grpc.status[status.code], status.details, trailer, status.metadata.get('x-none'));
        resolve();
      });
      call.on('error', (error) => {
        console.log('error', error.code);
      });
    });
    const trailers = () => new Promise((resolve) => {
      const call = client.chat();
      call.on('data', (item) => console.log(item.text));
      call.on('status', (told) => {
        console.log(told.details, told.metadata.get('x-trailer').length);
        resolve();
      });
      call.write({ text: 'c' });
      call.end();
    });
    const each = async () => {
      const call = client.list({ text: 'e' });
      call.on('metadata', (metadata) => console.log(metadata.get('x-head')));
      for await (const item of call) console.log(item.text);
    };
    const stop = () => new Promise((resolve) => {
      const call = client.list({ text: 'hang' });
      let head;
      call.on('metadata', (metadata) => { head = metadata.get('x-head')[0]; });
      call.on('data', () => {
        console.log(head);
        call.cancel();
      });
      call.once('error', () => {});
      call.once('status', (status) => {
        console.log(status.code, status.details, status.metadata.get('x-trailer').length);
        resolve();
      });
    });
    (async () => {
      await run('l');
      await run('fail');
      await trailers();
      await each();
      await stop();
    })();`,
  ],
  "headers and the status of calls with one reply": [
    "idiomatic",
    `${CLIENT}
    const run = (text, when = () => {}) => new Promise((resolve) => {
      const call = client.ask({ text }, new grpc.Metadata(), { deadline: Date.now() + 3000 }, (error, value) => {
        if (error) {
          console.log(text, error.code, error.details);
          resolve();
          return;
        }
        console.log(value.text);
        resolve();
      });
      call.on('metadata', (metadata) => {
        console.log('head', metadata.get('x-head'), metadata.get('x-why'));
      });
      // Comes last.
      call.on('status', (status) => {
        const [trailer] = status.metadata.get('x-trailer');
        console.log(grpc.status[status.code], status.details, trailer, status.metadata.get('x-why'));
      });
      when(() => call.cancel());
    }).then(() => console.log('waited'));
    const other = (text) => new Promise((resolve) => {
      const call = client.ask({ text }, (error, value) => {
        if (!error) console.log(value.text);
        else console.log(error.code);
      });
      call.once('status', () => {
        console.log('over');
        resolve();
      });
    });
    const whole = (text) => new Promise((resolve) => {
      const call = client.ask({ text }, (error, value) => { console.log(error ? error.code : value.text); });
      call.on('status', (status) => resolve(status.code));
    });
    const silent = (text) => new Promise((resolve) => {
      const call = client.ask({ text }, () => {});
      call.on('status', (error) => resolve(error.details));
    });
    function show(error, value) {
      console.log(error ? error.code : value.text);
    }
    const named = (text) => new Promise((resolve) => {
      const call = client.ask({ text }, show);
      call.on('metadata', (metadata) => resolve(metadata.get('x-head')));
    });
    const count = (texts) => new Promise((resolve) => {
      const call = client.count((error, value) => {
        if (error) return console.log(error.code);
        console.log(value.text);
      });
      call.on('metadata', (metadata) => console.log('head', metadata.get('x-head')));
      call.on('status', (status) => {
        console.log(status.code, status.details, status.metadata.get('x-trailer'));
        resolve();
      });
      for (const text of texts) call.write({ text });
      call.end();
    });
    (async () => {
      await run('a');
      await run('head');
      await run('fail');
      await run('rich 5 gone');
      await run('hang', (cancel) => setTimeout(cancel, 30));
      await other('a');
      await other('fail');
      console.log(await whole('a'), await whole('fail'), await silent('a'), await silent('fail'), await named('head'));
      await count(['head', 'b']);
      await count(['fail']);
    })();`,
  ],
  "a listener that awaits": [
    "idiomatic",
    `${CLIENT}${EACH}
    const wait = () => new Promise((resolve) => setTimeout(resolve, 20));
    each((text) => {
      const call = client.list({ text });
      call.on('data', async (res) => {
        console.log('got', res.text);
        await wait();
        if (res.text.endsWith('1')) return;
        console.log('waited', res.text);
      });
      call.on('end', () => console.log('end'));
      call.on('error', (err) => console.log('error', err.code));
    });`,
  ],
  "parameters that are assigned to": [
    "idiomatic",
    `${CLIENT}
    const call = client.list({ text: 'l' });
    call.on('data', (item) => {
      item = item.text.toUpperCase();
      console.log(item);
    });
    call.on('status', (status) => {});
    call.on('end', () => {
      client.ask({ text: 'a' }, (err, res) => {
        res = res.text;
        console.log(res);
        client.ask({ text: 'fail' }, (error, reply) => {
          if (error) {
            error = error.message;
            console.log(error);
          } else console.log(reply.text);
        });
      });
    });`,
  ],
  "both ways": [
    "idiomatic",
    `${CLIENT}
    const chat = (texts) => new Promise((resolve) => {
      const call = client.chat();
      call.on('data', (res) => console.log(res.text));
      call.on('error', (err) => console.log('error', err.code, err.details));
      call.on('end', resolve);
      for (const text of texts) call.write({ text });
      call.end();
    });
    const later = (texts) => new Promise((resolve) => {
      const call = client.chat({ deadline: Date.now() + 3000 });
      for (const text of texts) call.write({ text });
      let count = 0;
      call.on('data', (res) => {
        count += 1;
        console.log(count, res.text);
      });
      call.on('end', () => {
        resolve();
      });
      setTimeout(() => call.end(), 50);
    });
    chat(['a', 'b']).then(() => chat(['fail'])).then(() => later(['c', 'd']));`,
  ],
  "both ways in a loop": [
    "idiomatic",
    `${CLIENT}
    const talk = async (texts, last) => {
      const metadata = new grpc.Metadata();
      metadata.set('x-a', 'b');
      const call = client.chat(metadata, { deadline: Date.now() + 3000 });
      for (const text of texts) call.write({ text });
      try {
        for await (const item of call) {
          console.log(item.text);
          if (item.text === last) call.end();
        }
        console.log('done');
      } catch (err) {
        console.log(err.code, err.details);
      }
    };
    const leave = async () => {
      const call = client.chat();
      for (const text of ['left', 'unread']) call.write({ text });
      call.end();
      for await (const item of call) {
        console.log(item.text);
        break;
      }
    };
    const cancel = async () => {
      const call = client.chat();
      call.write({ text: 'c' });
      try {
        for await (const item of call) {
          console.log(item.text);
          call.cancel();
        }
      } catch (err) {
        console.log(err.code, err.details);
      }
    };
    (async () => {
      await talk(['a', 'b'], 're: b');
      await talk(['a', 'fail'], 'none');
      await leave();
      await cancel();
      await ask(client, 'after');
    })();`,
  ],
  "what emitters and promises write": [
    "idiomatic",
    `${CLIENT}
    const { EventEmitter } = require('events');
    const lines = new EventEmitter();
    const call = client.chat();
    call.on('data', (item) => console.log(item.text));
    call.on('end', () => console.log('end'));
    lines.on('line', (text) => call.write({ text }));
    lines.once('close', () => call.end());
    lines.emit('line', 'one');
    Promise.resolve('two').then((text) => call.write({ text }));
    setTimeout(() => lines.emit('close'), 50);`,
  ],
  "an error listener that returns early": [
    "idiomatic",
    `${CLIENT}${EACH}
    const told = (text, done) => {
      const call = client.list({ text });
      call.on('end', done);
      call.on('status', (status) => console.log('status', status.details));
      call.on('error', (err) => {
        if (err.details.startsWith('not')) return;
        console.log('error', err.code);
      });
      call.on('data', (item) => {
        console.log(item.text);
        if (text === 'hang') call.cancel();
      });
    };
    const run = (text) => {
      const call = client.list({ text });
      call.on('data', (item) => console.log(item.text));
      call.on('error', (err) => {
        if (err.code === grpc.status.FAILED_PRECONDITION) return;
        console.log('error', err.code, err.details);
      });
      // In any case.
      call.on('end', () => {
        console.log('end', text);
      });
    };
    const call = client.chat();
    const say = (text) => call.write({ text });
    call.on('data', (item) => console.log(item.text));
    call.on('error', (err) => console.log(err.code));
    call.on('end', () => {
      told('hang', () => {
        told('fail', () => {
          console.log('told');
          each(run);
        });
      });
    });
    say('one');
    call.end();`,
  ],
  "no listener for the error, where the program looks at what nobody caught": [
    "idiomatic",
    `${CLIENT}${EACH}
    process.on('uncaughtException', (error) => console.log('uncaught', error.code, error.message));
    process.on('unhandledRejection', (error) => console.log('unhandled', error.code, error.message));
    each((text) => {
      const call = client.list({ text });
      call.on('data', (item) => console.log(item.text));
      call.on('end', () => console.log('end', text));
    });`,
  ],
  "no listener for the error, where exceptions that nobody caught are only printed": [
    "idiomatic",
    `${CLIENT}${EACH}
    process.on('uncaughtException', (error) => console.log('uncaught', error.code));
    each((text) => {
      const call = client.list({ text });
      call.on('data', (item) => console.log(item.text));
      call.on('end', () => {});
    });`,
  ],
};

comparePrograms(programs);
