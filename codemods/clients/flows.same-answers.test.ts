import { comparePrograms, type Programs } from "./testing/compare-programs.js";

const made = (service = "Probe") => `new probe.v1.${service}(PLAIN, grpc.credentials.createInsecure())`;
const DONE = `
const done = (err, res) => {
  if (err) console.log(err.code, err.details, err.message);
  else console.log(res.text);
};
`;

/** The ways that clients go from where they are made to where they are called. Callbacks with a name stay what they are on a client that keeps its shape. */
const bridged: Record<string, string> = {
  "by their names in an object": `
    const clients = { probe: ${made()}, other: ${made("Other")} };
    const get = (name) => clients[name];
    get('probe').ask({ text: 'a' }, (error, reply) => {
      done(error, reply);
      get('other').ask({ text: 'b' }, done);
    });`,
  "by a switch": `
    function make(name) {
      switch (name) {
        case 'probe': return ${made()};
        case 'other': return ${made("Other")};
        default: throw new Error('no ' + name);
      }
    }
    make('probe').ask({ text: 'a' }, done);`,
  "all values of an object": `
    const clients = { probe: ${made()} };
    for (const client of Object.values(clients)) client.ask({ text: 'a' }, done);`,
  "by the keys of an object": `
    const clients = { probe: ${made()} };
    Object.keys(clients).forEach((key) => clients[key].ask({ text: key }, done));`,
  "copied into another object": `
    const all = Object.assign({}, { probe: ${made()} });
    all.probe.ask({ text: 'a' }, done);`,
  "by a path": `
    const find = (object, path) => path.split('.').reduce((inner, key) => inner[key], object);
    const container = { grpc: { probe: ${made()}, other: ${made("Other")} } };
    find(container, 'grpc.probe').ask({ text: 'a' }, (error, reply) => {
      done(error, reply);
      find(container, 'grpc.other').ask({ text: 'b' }, done);
    });`,
  "a method of its object": `
    const api = {
      client: ${made()},
      run() {
        this.client.ask({ text: 'a' }, done);
      },
    };
    api.run();`,
  "by the name of a field": `
    class Clients {
      constructor() {
        this.probe = ${made()};
        this.other = ${made("Other")};
      }
      get(name) {
        return this[name];
      }
    }
    new Clients().get('probe').ask({ text: 'a' }, done);`,
  "by the name of a method": `
    class Clients {
      probe() { return ${made()}; }
      other() { return ${made("Other")}; }
    }
    const clients = new Clients();
    const names = ['probe', 'other'];
    const next = () => {
      const name = names.shift();
      if (name) clients[name]().ask({ text: name }, (error, reply) => (done(error, reply), next()));
    };
    next();`,
  "in a list of others": `
    const pool = [
      { name: 'probe', client: ${made()} },
      { name: 'other', client: ${made("Other")} },
    ];
    pool.find((each) => each.name === 'probe').client.ask({ text: 'a' }, done);`,
  "each of its methods": `
    const client = ${made()};
    const names = [];
    for (const name in client) names.push(name);
    console.log(Object.keys(client), names, Object.getOwnPropertyNames(Object.getPrototypeOf(client)));
    const all = Object.fromEntries(names.map((name) => [name, require('util').promisify(client[name].bind(client))]));
    all.Ask({ text: 'a' }).then((res) => console.log(res.text));`,
  "a method chosen of a client that is chosen": `
    const clients = { probe: ${made()}, other: ${made("Other")} };
    const call = (service, method, request) =>
      new Promise((resolve, reject) => {
        const client = clients[service];
        client[method](request, (err, res) => (err ? reject(err) : resolve(res)));
      });
    call('probe', 'ask', { text: 'a' })
      .then((res) => console.log(res.text))
      .then(() => call('probe', 'ask', { text: 'fail b' }))
      .catch((err) => console.log(err.code, err.details));`,
};

const idiomatic: Record<string, string> = {
  "from a function that may have none": `
    const client = ${made()};
    function get(isReady) {
      if (!isReady) return null;
      return client;
    }
    get(true).ask({ text: 'a' }, (err, res) => {
      if (err) return console.log(err.code, err.details);
      console.log(res.text);
    });`,
  "from a function with a condition": `
    const make = (address) => (address ? ${made()} : undefined);
    const client = make(PLAIN);
    client.ask({ text: 'fail a' }, (err, res) => {
      if (err) return console.log(err.code, err.details);
      console.log(res.text);
    });`,
  "by one path": `
    const find = (object, path) => path.split('.').reduce((inner, key) => inner[key], object);
    const container = { grpc: { probe: ${made()} } };
    find(container, 'grpc.probe').ask({ text: 'a' }, (err, res) => {
      if (err) return console.log(err.code, err.details);
      console.log(res.text);
    });`,
  "only where there is an address": `
    const client = PLAIN && ${made()};
    client.ask({ text: 'a' }, (err, res) => {
      if (err) return console.log(err.code, err.details);
      console.log(res.text);
    });`,
  "in an object whose functions are called by name": `
    const api = {
      client: ${made()},
      get: (text) =>
        new Promise((resolve, reject) => {
          api.client.ask({ text }, (err, res) => (err ? reject(err) : resolve(res.text)));
        }),
    };
    ['get'].forEach((name) => api[name]('a').then(console.log));`,
};

/** What a program does with the class of a client, another object would not do. */
const manual: Record<string, string> = {
  "a class of its own with methods of its own": `
    class Mine extends probe.v1.Probe {
      twice(text, callback) {
        this.ask({ text: text + text }, callback);
      }
    }
    new Mine(PLAIN, grpc.credentials.createInsecure()).twice('a', done);`,
  "a class of its own that answers otherwise": `
    class Mine extends grpc.makeGenericClientConstructor(definition['probe.v1.Probe'], 'Probe') {
      ask(request, callback) {
        return super.ask({ text: 'mine ' + request.text }, callback);
      }
    }
    const client = new Mine(PLAIN, grpc.credentials.createInsecure());
    client.ask({ text: 'a' }, (err, res) => {
      if (err) return console.log(err.code);
      console.log(res.text);
    });`,
  "asked for by its class": `
    const client = ${made()};
    console.log(client instanceof probe.v1.Probe, client instanceof grpc.Client, client instanceof probe.v1.Other);
    client.ask({ text: 'a' }, done);`,
  "its class by name": `
    const client = ${made()};
    console.log(client.constructor.name);
    client.ask({ text: 'a' }, done);`,
};

comparePrograms(
  Object.fromEntries([
    ...Object.entries(bridged).map(([name, source]) => [name, ["bridged", DONE + source]]),
    ...Object.entries(manual).map(([name, source]) => [name, ["manual", DONE + source]]),
    ...Object.entries(idiomatic).map(([name, source]) => [name, ["idiomatic", source]]),
  ]) as Programs,
);
