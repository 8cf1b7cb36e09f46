import { comparePrograms, type Programs } from "./testing/compare-programs.js";

const CLIENT = "const client = new probe.v1.Probe(PLAIN, grpc.credentials.createInsecure());\n";

// Calls that are cancelled: before, between and after their answers.
const programs: Programs = {
  "a call without an answer": [
    "idiomatic",
    `${CLIENT}
    ask(client, 'own').then(() => {
      const call = client.ask({ text: 'hang' }, (err, res) => {
        if (err) return console.log(err.code, err.details, err.message);
        console.log(res.text);
      });
      setTimeout(() => call.cancel(), 20);
    });`,
  ],
  "too late": [
    "idiomatic",
    `${CLIENT}
    const run = (text) => new Promise((resolve) => {
      const call = client.ask({ text }, { deadline: Date.now() + 5000 }, (err, res) => {
        if (!err) console.log(res.text);
        else console.log(err.code);
        setTimeout(() => {
          call.cancel();
          call.cancel();
          resolve();
        }, 10);
      });
    });
    run('a').then(() => run('fail'));`,
  ],
  "a stream, when enough is seen": [
    "idiomatic",
    `${CLIENT}
    ask(client, 'own').then(() => {
      const metadata = new grpc.Metadata();
      metadata.set('x-a', 'b');
      const call = client.list({ text: 'hang' }, metadata);
      let seen = 0;
      call.on('data', (res) => {
        console.log(res.text);
        seen += 1;
        if (seen === 2) call.cancel();
      });
      call.on('end', () => console.log('end'));
      call.on('status', (status) => console.log('status', grpc.status[status.code]));
      call.on('error', (error) => console.log(error.code, error.details));
    });`,
  ],
  "a loop": [
    "idiomatic",
    `${CLIENT}
    (async () => {
      const call = client.list({ text: 'hang' });
      setTimeout(() => call.cancel(), 200);
      try {
        for await (const item of call) console.log(item.text);
      } catch (err) {
        console.log(err.code === grpc.status.CANCELLED, err.details);
      }
    })();`,
  ],
  "both ways, never ended": [
    "idiomatic",
    `${CLIENT}
    const call = client.chat();
    call.on('data', (res) => {
      console.log(res.text);
      if (res.text === 're: b') {
        console.log('cancelling');
        call.cancel();
      }
    });
    call.on('error', (err) => {
      console.log(String(err));
    });
    call.write({ text: 'a' });
    call.write({ text: 'b' });`,
  ],
  "requests, cancelled on the way": [
    "idiomatic",
    `${CLIENT}
    const call = client.count((err, res) => {
      if (err) {
        console.log(err.code);
        return;
      }
      console.log(res.text);
    });
    call.write({ text: 'a' });
    setTimeout(() => {
      call.cancel();
    }, 100);`,
  ],
  "calls in a handler, with its deadline and its cancellation": [
    "idiomatic",
    `
    const client = new probe.v1.Probe(PLAIN, grpc.credentials.createInsecure());
    let isLate = true;
    const late = [];
    const server = new grpc.Server();
    server.addService(probe.v1.Probe.service, {
      Ask(call, callback) {
        const { text } = call.request;
        client.ask({ text }, { parent: call }, (err, res) => {
          if (err) {
            // Which of the two is told first is chance.
            if (isLate) late.push(err.code === 1 || err.code === 4);
            else console.log('inner', err.code, err.details);
            return callback({ code: err.code, details: err.details });
          }
          callback(null, { text: 'inner ' + res.text });
        });
      },
      List(call) {
        const inner = client.list({ text: 'hang' }, { deadline: Date.now() + 300, parent: call });
        inner.on('data', (item) => call.write(item));
        inner.on('error', (err) => {
          console.log('inner', err.code);
          call.end();
        });
      },
    });
    server.bindAsync('localhost:0', grpc.ServerCredentials.createInsecure(), async (error, port) => {
      const outer = new probe.v1.Probe('localhost:' + port, grpc.credentials.createInsecure());
      await ask(outer, 'a');
      await new Promise((resolve) => {
        outer.ask({ text: 'hang' }, { deadline: Date.now() + 300 }, (err) => {
          setTimeout(() => resolve(console.log(err && err.code, late)), 200);
        });
      });
      isLate = false;
      await new Promise((resolve) => {
        const call = outer.ask({ text: 'hang' }, (err) => {
          console.log(err && err.code);
          setTimeout(resolve, 200);
        });
        setTimeout(() => call.cancel(), 100);
      });
      const seen = [];
      for await (const item of outer.list({ text: 'l' })) seen.push(item.text);
      console.log(seen);
      server.forceShutdown();
    });`,
  ],
};

comparePrograms(programs);
