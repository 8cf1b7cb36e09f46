import { comparePrograms, type Programs } from "./testing/compare-programs.js";

/** `show(client, metadata)` prints the metadata that a server got. */
const SHOW = `
const client = new probe.v1.Probe(PLAIN, grpc.credentials.createInsecure());
function show(text, metadata) {
  return new Promise((resolve, reject) => {
    client.ask({ text }, metadata, (err, res) => {
      if (err) {
        console.log('error', err.code, err.details);
        resolve();
        return;
      }
      console.log(res.text);
      resolve();
    });
  });
}
`;

const programs: Programs = {
  "set, add, remove, clone": [
    "idiomatic",
    `${SHOW}
    const metadata = new grpc.Metadata();
    metadata.set('X-One', '1');
    metadata.add('x-two', '1');
    metadata.add('x-two', '2');
    metadata.set('x-three', '3');
    metadata.remove('x-three');
    const copy = metadata.clone();
    copy.set('x-one', 'other');
    show('a', metadata).then(() => show('b', copy));`,
  ],
  "merged, from a helper and a parameter with a default": [
    "idiomatic",
    `${SHOW}
    function auth(token) {
      const metadata = new grpc.Metadata();
      metadata.set('x-auth', token);
      return metadata;
    }
    function withTenant(metadata = new grpc.Metadata()) {
      metadata.set('x-tenant', 'blue');
      metadata.merge(auth('secret'));
      return metadata;
    }
    const own = new grpc.Metadata();
    own.set('x-own', 'mine');
    show('a', withTenant(own)).then(() => show('b', withTenant()));`,
  ],
  "an async helper, either of two": [
    "idiomatic",
    `${SHOW}
    async function auth(token) {
      const metadata = new grpc.Metadata();
      metadata.set('x-auth', await Promise.resolve(token));
      return metadata;
    }
    const none = new grpc.Metadata();
    (async () => {
      const metadata = await auth('t');
      metadata.merge(await auth('second'))
      await show('a', process.env.PLAIN ? metadata : none);
      await show('b', process.env.NOBODY ? metadata : none);
    })();`,
  ],
  "binary values": [
    "idiomatic",
    `${SHOW}
    const metadata = new grpc.Metadata();
    metadata.set('x-data-bin', Buffer.from([0, 1, 2, 255]));
    metadata.add('x-data-bin', Buffer.from('more'));
    show('bin', metadata);`,
  ],
  "values that are read": [
    "idiomatic",
    `${SHOW}
    const metadata = new grpc.Metadata();
    metadata.set('x-one', 'first');
    metadata.set('x-data-bin', Buffer.from('bytes'));
    if (metadata.get('x-one')[0] === 'first') metadata.set('x-one', metadata.get('x-one')[0] + '!');
    console.log(metadata.get('x-none').length, metadata.get('x-none')[0], metadata.get('x-data-bin')[0].toString());
    show('a', metadata);`,
  ],
  "a private field": [
    "idiomatic",
    `class Api {
      #metadata = new grpc.Metadata();
      constructor(token) {
        this.client = new probe.v1.Probe(PLAIN, grpc.credentials.createInsecure());
        this.#metadata.set('x-token', token);
      }
      ask(text) {
        return new Promise((resolve, reject) => {
          this.client.ask({ text }, this.#metadata, (err, res) => (err ? reject(err) : resolve(res)));
        });
      }
    }
    new Api('t').ask('a').then((res) => console.log(res.text));`,
  ],
  "values that may be undefined are not sent": [
    "idiomatic",
    `${SHOW}
    function of(token) {
      const metadata = new grpc.Metadata();
      metadata.set('x-token', token);
      metadata.set('x-port', process.env.NOBODY);
      metadata.add('x-name', token || 'nobody');
      metadata.set('x-long', String(token).toUpperCase());
      if (token) {
        metadata.set('x-tested', token);
      }
      return metadata;
    }
    (async () => {
      for (const token of ['t', undefined, '']) await show('a', of(token));
    })();`,
  ],
  "a value that nobody knows: converted where it is passed": [
    "idiomatic",
    `${SHOW}
    const headers = { authorization: 'Bearer t' };
    (async () => {
      for (const name of ['authorization', 'cookie']) {
        const metadata = new grpc.Metadata();
        metadata.set('x-given', headers[name]);
        if (name) metadata.add('x-twice', headers.cookie);
        else metadata.set('x-none', name);
        await show(name, metadata);
      }
      const last = new grpc.Metadata();
      let token = 't';
      last.set('x-token', token);
      last.set('x-token', token = undefined);
      await show('last', last);
    })();`,
  ],
  "values that are no text: converted where it is passed": [
    "idiomatic",
    `${SHOW}
    (async () => {
      for (const value of [5, 0, true, null, undefined, 10n, ' ends ', '', 'text']) {
        const metadata = new grpc.Metadata();
        metadata.set('x-given', value);
        console.log(typeof metadata.get('x-given')[0], Object.keys(metadata.getMap()));
        await show(String(value), metadata);
        metadata.add('x-given', value);
        await show(String(value), metadata);
      }
    })();`,
  ],
  // Where it is filled or where it is passed: there is an error, and the server sees no call.
  "text that gRPC does not have": [
    "idiomatic",
    `${SHOW}
    async function named(name) {
      const metadata = new grpc.Metadata();
      metadata.set('x-name', name);
      const res = await new Promise((resolve, reject) => {
        client.ask({ text: 'a' }, metadata, (err, res) => (err ? reject(err) : resolve(res)));
      });
      console.log(res.text);
    }
    (async () => {
      for (const name of ['Ann', 'J\u00fcrgen', 'tab\\there', 'line\\nbreak', '\u2603'])
        await named(name).catch((error) => console.log('refused', name, error instanceof Error));
    })();`,
  ],
  "printed as a whole: converted where it is passed": [
    "idiomatic",
    `${SHOW}
    const metadata = new grpc.Metadata();
    metadata.add('x-two', '1');
    metadata.add('x-two', '2');
    console.log(metadata.getMap(), metadata.get('x-two'), metadata.toJSON());
    show('a', metadata);`,
  ],
  "names of the platform that the program has for its own things": [
    "idiomatic",
    `const client = new probe.v1.Probe(PLAIN, grpc.credentials.createInsecure());
    class Headers {
      constructor() {
        this.own = true;
      }
    }
    function cancelled(AbortController) {
      const call = client.ask({ text: 'hang' }, (err) => console.log(err.code, AbortController));
      setTimeout(() => call.cancel(), 20);
    }
    const metadata = new grpc.Metadata();
    metadata.set('x-one', '1');
    client.ask({ text: 'a' }, metadata, (err, res) => {
      if (err) {
        console.log(err.code);
        return;
      }
      console.log(res.text, new Headers().own);
      cancelled('of its own');
    });`,
  ],
  "a call that waits for its server": [
    "bridged",
    `const net = require('net');
    const probing = net.createServer().listen(0, '127.0.0.1', () => {
      const { port } = probing.address();
      probing.close(() => run(port));
    });
    function run(port) {
      const late = new probe.v1.Probe('127.0.0.1:' + port, grpc.credentials.createInsecure());
      const waiting = new grpc.Metadata({ waitForReady: true });
      late.ask({ text: 'now' }, new grpc.Metadata(), { deadline: Date.now() + 10000 }, (err) => console.log('now', err.code));
      late.ask({ text: 'late' }, waiting, { deadline: Date.now() + 10000 }, (err, res) => {
        console.log(err ? err.code : res.text);
        process.exit(0);
      });
      setTimeout(() => net.createServer((socket) => {
        const [host, to] = PLAIN.split(':');
        const through = net.connect(Number(to), host);
        socket.pipe(through).pipe(socket);
        socket.on('error', () => {});
        through.on('error', () => {});
      }).listen(port, '127.0.0.1'), 200);
    }`,
  ],
};

comparePrograms(programs);
