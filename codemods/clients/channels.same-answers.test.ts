import { comparePrograms, type Programs } from "./testing/compare-programs.js";

// Credentials, channel options, interceptors, the state of a channel.
const programs: Programs = {
  "a variable of roots": [
    "idiomatic",
    `const creds = grpc.credentials.createSsl(read('ca'));
    const client = new probe.v1.Probe(TLS, creds);
    ask(client, 'a').then(() => client.close());`,
  ],
  "key and certificate, by a function": [
    "idiomatic",
    `function credentials() {
      const key = read('key');
      return grpc.credentials.createSsl(read('ca'), key, read('cert'));
    }
    const client = new probe.v1.Probe(MTLS, credentials());
    ask(client, 'b').then(() => client.close());`,
  ],
  "a server that wants a certificate, and none given": [
    "idiomatic",
    `const client = new probe.v1.Probe(MTLS, grpc.credentials.createSsl(read('ca')));
    client.ask({ text: 'x' }, (err, res) => {
      if (err) {
        console.log(err.code);
        return;
      }
      console.log(res.text);
    });`,
  ],
  "roots that do not know the server": [
    "idiomatic",
    `const client = new probe.v1.Probe(TLS, grpc.credentials.createSsl());
    client.ask({ text: 'x' }, (err, res) => {
      if (err) {
        console.log(err.code);
        return;
      }
      console.log(res.text);
    });`,
  ],
  "a choice": [
    "idiomatic",
    `const secure = process.env.NOBODY_SETS_THIS === '1';
    const creds = secure ? grpc.credentials.createSsl(read('ca')) : grpc.credentials.createInsecure();
    const client = new probe.v1.Probe(PLAIN, creds, { 'grpc.max_receive_message_length': -1 });
    ask(client, 'c').then(() => client.close());`,
  ],
  "another choice, two clients": [
    "idiomatic",
    `let creds;
    if (process.env.TLS) creds = grpc.credentials.createSsl(read('ca'));
    else creds = grpc.credentials.createInsecure();
    const one = new probe.v1.Probe(TLS, creds);
    const two = new probe.v1.Probe(process.env.TLS, creds);
    ask(one, 'd').then(() => ask(two, 'e')).then(() => { one.close(); two.close(); });`,
  ],
  "a wrong name, and the right one by an option": [
    "idiomatic",
    `const address = TLS.replace('localhost', '127.0.0.2');
    const creds = grpc.credentials.createSsl(read('ca'));
    const wrong = new probe.v1.Probe(address, creds);
    const right = new probe.v1.Probe(address, creds, { 'grpc.ssl_target_name_override': 'localhost' });
    wrong.ask({ text: 'f' }, (err, res) => {
      if (err) {
        console.log(err.code);
        ask(right, 'f');
        return;
      }
      console.log(res.text);
    });`,
  ],
  "nobody is verified": [
    "idiomatic",
    `const client = new probe.v1.Probe(TLS, grpc.credentials.createSsl(null, null, null, { rejectUnauthorized: false }));
    ask(client, 'g').then(() => client.close());`,
  ],
  "an own check of the name": [
    "idiomatic",
    `const address = TLS.replace('localhost', '127.0.0.2');
    const client = new probe.v1.Probe(address, grpc.credentials.createSsl(read('ca'), null, null, {
      checkServerIdentity: (host, cert) => { console.log(host, cert.subject.CN); return undefined; },
    }));
    ask(client, 'h').then(() => client.close());`,
  ],
  "call credentials": [
    "idiomatic",
    `const ssl = grpc.credentials.createSsl(read('ca'));
    const token = 'abc';
    const perCall = grpc.credentials.createFromMetadataGenerator(function (params, callback) {
      const metadata = new grpc.Metadata();
      metadata.add('x-token', token);
      callback(null, metadata);
    });
    const creds = grpc.credentials.combineChannelCredentials(ssl, perCall);
    const client = new probe.v1.Probe(TLS, creds);
    ask(client, 'i').then(() => client.close());`,
  ],
  "call credentials that take time, and the service's URL": [
    "idiomatic",
    `const client = new probe.v1.Probe(TLS, grpc.credentials.combineChannelCredentials(
      grpc.credentials.createSsl(read('ca')),
      grpc.credentials.createFromMetadataGenerator((params, callback) => {
        setTimeout(() => {
          const metadata = new grpc.Metadata();
          metadata.set('x-url', params.service_url + ' ' + params.method_name);
          callback(null, metadata);
        }, 5);
      }),
    ));
    ask(client, 'j').then(() => client.close());`,
  ],
  "call credentials that fail": [
    "idiomatic",
    `const client = new probe.v1.Probe(TLS, grpc.credentials.combineChannelCredentials(
      grpc.credentials.createSsl(read('ca')),
      grpc.credentials.createFromMetadataGenerator((params, callback) => callback(new Error('no token'))),
    ));
    ask(client, 'k').then(() => client.close());`,
  ],
  "call credentials that fail with a code": [
    "idiomatic",
    `const failing = (code) => new probe.v1.Probe(TLS, grpc.credentials.createSsl(read('ca')).compose(
      grpc.credentials.createFromMetadataGenerator((params, callback) => {
        callback(Object.assign(new Error('no token'), { code }));
      }),
    ));
    ask(failing(7), 'l').then(() => ask(failing(5), 'l'));`,
  ],
  retries: [
    "idiomatic",
    `const serviceConfig = {
      loadBalancingConfig: [],
      methodConfig: [{
        name: [{ service: 'probe.v1.Probe' }],
        retryPolicy: {
          maxAttempts: 4, initialBackoff: '0.01s', maxBackoff: '0.01s', backoffMultiplier: 1.0,
          retryableStatusCodes: ['UNAVAILABLE'],
        },
      }],
    };
    const client = new probe.v1.Probe(PLAIN, grpc.credentials.createInsecure(), {
      'grpc.service_config': JSON.stringify(serviceConfig),
    });
    ask(client, 'flaky-2 r1').then(() => ask(client, 'flaky-9 r2')).then(() => ask(client, 'r3')).then(() => client.close());`,
  ],
  "retries by a text, and a timeout": [
    "idiomatic",
    `const client = new probe.v1.Probe(PLAIN, grpc.credentials.createInsecure(), {
      'grpc.service_config': '{"methodConfig":[{"name":[{"service":"probe.v1.Probe","method":"Ask"}],"timeout":"0.2s"}]}',
    });
    client.ask({ text: 'hang' }, (err, res) => {
      if (err) {
        console.log(err.code);
        return;
      }
      console.log(res.text);
    });`,
  ],
  "round robin": [
    "idiomatic",
    `const client = new probe.v1.Probe('ipv4:' + BOTH, grpc.credentials.createInsecure(), {
      'grpc.service_config': JSON.stringify({ loadBalancingConfig: [{ round_robin: {} }] }),
    });
    const ports = new Map();
    const port = () => new Promise((resolve) => {
      client.ask({ text: 'port' }, (err, res) => {
        if (err) {
          resolve('error');
          return;
        }
        resolve(res.text);
      });
    });
    (async () => {
      for (let i = 0; i < 20; i++) await port();
      for (let i = 0; i < 10; i++) { const p = await port(); ports.set(p, (ports.get(p) || 0) + 1); }
      console.log([...ports.values()]);
      client.close();
    })();`,
  ],
  "compressed requests": [
    "idiomatic",
    `const client = new probe.v1.Probe(PLAIN, grpc.credentials.createInsecure(), {
      'grpc.default_compression_algorithm': grpc.compressionAlgorithms.gzip,
    });
    ask(client, 'encoding').then(() => client.close());`,
  ],
  "interceptors that stay on the channel": [
    "bridged",
    `function shout(options, nextCall) {
      const { requestStream, responseStream } = options.method_definition;
      return new grpc.InterceptingCall(nextCall(options), {
        start(metadata, listener, next) {
          metadata.set('x-seen', options.method_definition.path + requestStream + responseStream);
          next(metadata, {
            onReceiveMessage(message, pass) {
              if (message) message.text = message.text.toUpperCase();
              pass(message);
            },
          });
        },
        sendMessage(message, next) {
          message.text += '!';
          next(message);
        },
      });
    }
    const client = new probe.v1.Probe(PLAIN, grpc.credentials.createInsecure(), { interceptors: [shout] });
    (async () => {
      await ask(client, 'm');
      await ask(client, 'fail n');
      for await (const item of client.list({ text: 'o' })) console.log(item.text);
      client.close();
    })();`,
  ],
  "interceptors that edit metadata": [
    "idiomatic",
    `function auth(options, nextCall) {
      const requester = (new grpc.RequesterBuilder())
        .withStart((metadata, listener, next) => {
          // Of this process
          metadata.set('x-auth', 'secret');
          metadata.remove('x-gone');
          next(metadata, listener);
        }).build();
      return new grpc.InterceptingCall(nextCall(options), requester);
    }
    const second = (options, nextCall) => new grpc.InterceptingCall(nextCall(options), {
      start(metadata, listener, next) {
        if (process.env.PLAIN) {
          metadata.set('x-auth', 'second');
        }
        metadata.set('x-second', 'yes');
        next(metadata, listener);
      },
    });
    const client = new probe.v1.Probe(PLAIN, grpc.credentials.createInsecure(), { interceptors: [auth, second] });
    (async () => {
      const metadata = new grpc.Metadata();
      metadata.set('x-own', 'own');
      metadata.set('x-gone', 'gone');
      await ask(client, 'm');
      client.ask({ text: 'n' }, metadata, (err, res) => {
        if (err) {
          console.log(err.code);
          return;
        }
        console.log(res.text);
      });
      for await (const item of client.list({ text: 'o' })) console.log(item.text);
    })();`,
  ],
  "interceptors that a function makes, which know the method": [
    "idiomatic",
    `function tagged(name, value) {
      const shown = value.toUpperCase();
      return (options, nextCall) => {
        const path = options.method_definition.path;
        console.log('calls', path);
        return new grpc.InterceptingCall(nextCall(options), {
          start(metadata, listener, next) {
            if (name) metadata.set('x-tag', name + shown);
            metadata.set('x-path', options.method_definition.path + path);
            next(metadata, listener);
          },
        });
      };
    }
    const client = new probe.v1.Probe(PLAIN, grpc.credentials.createInsecure(), { interceptors: [tagged('a', 'b')] });
    (async () => {
      await ask(client, 'm');
      for await (const item of client.list({ text: 'o' })) console.log(item.text);
      client.close();
    })();`,
  ],
  "a user agent that stays on the channel": [
    "bridged",
    `const client = new probe.v1.Probe(PLAIN, grpc.credentials.createInsecure(), {
      'grpc.primary_user_agent': 'mine/1',
    });
    ask(client, 'agent').then(() => client.close());`,
  ],
  "options that are spread into those of a channel that stays": [
    "bridged",
    `const own = { 'grpc.max_receive_message_length': 1000 };
    const client = new probe.v1.Probe(PLAIN, grpc.credentials.createInsecure(), {
      ...own,
      'grpc.primary_user_agent': 'mine/1',
    });
    ask(client, 'agent').then(() => client.close());`,
  ],
  "waiting for a connection": [
    "idiomatic",
    `const client = new probe.v1.Probe(PLAIN, grpc.credentials.createInsecure());
    const nobody = new probe.v1.Probe('127.0.0.1:1', grpc.credentials.createInsecure());
    const state = () => client.getChannel().getConnectivityState(false);
    console.log(state());
    client.waitForReady(Date.now() + 4000, (err) => {
      console.log(err === undefined, state());
      ask(client, 'p').then(() => {
        client.close();
        nobody.waitForReady(Date.now() + 50, (error) => {
          console.log(error.message);
          nobody.close();
        });
      });
    });`,
  ],
  "the target of a channel that keeps its shape": [
    "bridged",
    `const told = (channel) => console.log(channel.getTarget().replace(/\\d+$/, 'PORT'), channel.getConnectivityState(false));
    for (const target of [PLAIN, 'dns:' + PLAIN, 'dns:///' + PLAIN, 'ipv4:127.0.0.1:50051', 'unix:/tmp/none.sock', 'localhost']) {
      const client = new probe.v1.Probe(target, grpc.credentials.createInsecure());
      told(client.getChannel());
      client.close();
    }`,
  ],
  "grpc-js's own functions for clients": [
    "idiomatic",
    `const client = new probe.v1.Probe(PLAIN, grpc.credentials.createInsecure());
    grpc.waitForClientReady(client, Date.now() + 4000, (err) => {
      console.log(err === undefined, grpc.getClientChannel(client).getConnectivityState(true));
      ask(client, 'q').then(() => grpc.closeClient(client));
    });`,
  ],
  "a callback that is told when the channel is ready": [
    "idiomatic",
    `const client = new probe.v1.Probe(PLAIN, grpc.credentials.createInsecure());
    const nobody = new probe.v1.Probe('127.0.0.1:1', grpc.credentials.createInsecure());
    const wait = (which, ms) => new Promise((resolve, reject) => {
      which.waitForReady(Date.now() + ms, (err) => err ? reject(err) : resolve());
    });
    const told = (err) => console.log('told', String(err));
    const soon = new Date();
    soon.setMilliseconds(soon.getMilliseconds() + 60);
    grpc.waitForClientReady(nobody, soon, (err) => {
      if (err) {
        console.log(err instanceof Error, err.name, err.code, err.message);
        second();
      } else {
        console.log('never');
      }
    });
    function second() {
      client.waitForReady(new Date(Date.now() + 4 * 1000), (err) => {
        if (err) throw err;
        console.log('ready');
        client.ask({ text: 'r' }, (failure, res) => {
          if (failure) return console.log(failure.code);
          console.log(res.text);
          third();
        });
      });
    }
    async function third() {
      console.log(await wait(client, 2000), await wait(nobody, -5).catch((err) => err.message));
      client.waitForReady(Infinity, told);
      client.waitForReady(Date.now() + 1000, function (err) {
        if (!err) {
          console.log('again');
        } else {
          console.log(err.message);
        }
      });
      await wait(client, 100);
      client.close();
      nobody.waitForReady(Date.now() + 10, () => {
        console.log('in any case');
        nobody.close();
      });
    }`,
  ],
  "made when it is asked for": [
    "idiomatic",
    `
    class Gateway {
      #client;
      get client() { return (this.#client ??= new probe.v1.Probe(PLAIN, grpc.credentials.createInsecure())); }
      ask(text) {
        return new Promise((resolve) => {
          this.client.ask({ text }, (err, res) => {
            if (err) return resolve(err.code);
            resolve(res.text);
          });
        });
      }
      close() { this.#client?.close(); }
    }
    let kept;
    const other = () => (kept ||= new probe.v1.Probe(PLAIN, grpc.credentials.createInsecure()));
    function third(text) {
      if (text === 'none') throw new Error('no client');
      link = new probe.v1.Probe(PLAIN, grpc.credentials.createInsecure());
      return link;
    }
    (async () => {
      const gateway = new Gateway();
      gateway.close();
      console.log(await gateway.ask('a'), await gateway.ask('fail'));
      gateway.close();
      for (const text of ['a', 'fail', 'none'])
        try {
          third(text).ask({ text }, (err, res) => {
            if (err) return console.log(err.code);
            console.log(res.text);
          });
        } catch (error) {
          console.log(error.message);
        }
      other().ask({ text: 'c' }, (err, res) => {
        if (err) return console.log(err.code);
        console.log(res.text);
      });
    })();`,
  ],
  "pools, and clients by address": [
    "idiomatic",
    `
    const show = (err, res) => console.log(err ? err.code : res.text);
    const make = (address) => new probe.v1.Probe(address, grpc.credentials.createInsecure());
    const byAddress = new Map();
    function at(address) {
      let client = byAddress.get(address);
      if (!client) {
        client = make(address);
        byAddress.set(address, client);
      }
      return client;
    }
    const record = {};
    const keyed = (address) => (record[address] ??= make(address));
    const pool = Array.from({ length: 2 }, () => make(PLAIN));
    let turn = 0;
    const next = () => pool[turn++ % pool.length];
    class Pool {
      constructor() {
        this.clients = [];
        for (let i = 0; i < 2; i++) this.clients.push(make(PLAIN));
      }
      get client() { return this.clients[0]; }
    }
    const own = new Pool();
    const answered = (client, text) => new Promise((resolve) => {
      client.ask({ text }, (err, res) => {
        show(err, res);
        resolve();
      });
    });
    (async () => {
      await answered(at(PLAIN), 'a');
      await answered(at(PLAIN), 'fail');
      await answered(keyed(PLAIN), 'b');
      await answered(next(), 'c');
      await answered(next(), 'fail');
      await answered(own.client, 'd');
      for (const [address, client] of byAddress) {
        console.log(address === PLAIN);
        client.close();
      }
      byAddress.clear();
      pool.forEach((client) => client.close());
      for (const client of Object.values(record)) client.close();
    })();`,
  ],
};

comparePrograms(programs);
