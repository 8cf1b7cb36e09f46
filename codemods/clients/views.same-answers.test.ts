import { comparePrograms, type Programs } from "./testing/compare-programs.js";

const CLIENT = "const client = new probe.v1.Probe(PLAIN, grpc.credentials.createInsecure());\n";

// Single uses that keep the shape of grpc-js, beside calls that become Connect's.
const programs: Programs = {
  "a call whose error nothing tests": [
    "idiomatic",
    `${CLIENT}
    client.ask({ text: 'a' }, (err, res) => {
      console.log('Greeting:', res.text);
      ask(client, 'b');
    });`,
  ],
  "a callback with a name, before and after others": [
    "idiomatic",
    `${CLIENT}
    function done(error, answer) {
      console.log(error && [error.name, error.code, error.details, error.message], answer && answer.text);
    }
    ask(client, 'first').then(() => {
      client.ask({ text: 'second' }, done);
      client.ask({ text: 'fail third' }, done);
    });`,
  ],
  "a call that is cancelled": [
    "idiomatic",
    `${CLIENT}
    ask(client, 'a').then(() => {
      const call = client.ask({ text: 'hang' }, (err) => console.log(err.code, err.details));
      setTimeout(() => call.cancel(), 20);
    });`,
  ],
  "events of a stream": [
    "idiomatic",
    `${CLIENT}
    ask(client, 'a').then(() => {
      const call = client.list({ text: 'l' });
      call.on('metadata', (metadata) => console.log('metadata', typeof metadata.getMap()));
      call.on('status', (status) => console.log('status', status.code, status.details));
      call.on('data', (item) => console.log(item.text));
      call.on('end', () => console.log('end'));
    });`,
  ],
  "metadata for both shapes": [
    "idiomatic",
    `${CLIENT}
    const metadata = new grpc.Metadata();
    metadata.set('x-one', '1');
    client.ask({ text: 'a' }, metadata, (err, res) => {
      if (err) {
        console.log(err.code);
        return;
      }
      console.log(res.text);
      metadata.set('x-two', '2');
      const done = (error, answer) => console.log(error, answer.text);
      client.ask({ text: 'b' }, metadata, done);
    });`,
  ],
  "a client in other hands": [
    "idiomatic",
    `${CLIENT}
    const all = new Map();
    const keep = (name) => all.set(name, client);
    keep('one');
    keep('two');
    console.log(all.get('one') === all.get('two'));
    ask(client, 'own').then(() => all.get('one').ask({ text: 'theirs' }, (err, res) => console.log(err, res.text)));`,
  ],
  "a method by its name": [
    "idiomatic",
    `${CLIENT}
    const [, , name = 'ask'] = process.argv;
    ask(client, 'own').then(() => client[name]({ text: 'computed' }, (err, res) => console.log(err, res.text)));`,
  ],
  "methods of the channel that are taken as functions": [
    "idiomatic",
    `${CLIENT}
    const { promisify } = require('util');
    (async () => {
      const wait = promisify(client.waitForReady).bind(client);
      await wait(Date.now() + 5000);
      await promisify(client.waitForReady.bind(client))(Date.now() + 5000);
      await ask(client, 'own');
      const far = new probe.v1.Probe('127.0.0.1:1', grpc.credentials.createInsecure());
      await promisify(far.waitForReady).bind(far)(Date.now() + 50).catch((err) => console.log('late', err.message));
      far.close();
      const close = client.close.bind(client);
      close();
      console.log('closed');
    })();`,
  ],
  "closed by whoever has it": [
    "idiomatic",
    `${CLIENT}
    const closers = [];
    closers.push(client);
    ask(client, 'own').then(() => {
      for (const closer of closers) closer.close();
      console.log('closed');
    });`,
  ],
  "an exception in such a callback": [
    "idiomatic",
    `${CLIENT}
    process.on('uncaughtException', (error) => console.log('uncaught', error.message));
    process.on('unhandledRejection', (error) => console.log('unhandled', error.message));
    ask(client, 'own').then(() => client.ask({ text: 'fail' }, (err, res) => console.log(res.text)));`,
  ],
};

comparePrograms(programs);
