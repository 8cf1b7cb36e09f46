import { comparePrograms, type Programs } from "./testing/compare-programs.js";

// A package that calls, in the way of grpc-js, every client that it finds in what it is given.
const KEEPER = `
module.exports = function keep(...given) {
  const seen = new Set();
  const look = (value) => {
    if (value === null || typeof value !== 'object' || seen.has(value)) return;
    seen.add(value);
    if (typeof value.ask === 'function') {
      value.ask({ text: 'kept' }, (err, res) => console.log('kept', err ? err.code : res.text));
      return;
    }
    for (const key of Object.keys(value)) look(value[key]);
  };
  given.forEach(look);
};
module.exports.Base = class Base {
  look() {
    module.exports(this);
  }
};
`;

const CLIENT = `const keep = require('keeper');
const client = new probe.v1.Probe(PLAIN, grpc.credentials.createInsecure());
ask(client, 'own');
`;

// The package is asked behind the program's own call, so that what is printed has one order.
const programs: Programs = {
  "in an object": ["idiomatic", `${CLIENT}ask(client, 'a').then(() => keep({ client, n: 1 }));`],
  "in an object in an object": ["idiomatic", `${CLIENT}ask(client, 'a').then(() => keep({ deep: { it: client } }));`],
  "in a named object": ["bridged", `${CLIENT}const held = { client };\nask(client, 'a').then(() => keep(held));`],
  "in an object that is filled": [
    "bridged",
    `${CLIENT}const held = {};\nheld.client = client;\nask(client, 'a').then(() => keep(held));`,
  ],
  "in a copy of an object": [
    "bridged",
    `${CLIENT}const held = { client };\nask(client, 'a').then(() => keep({ ...held }));`,
  ],
  "in an object that a function hands on": [
    "bridged",
    `${CLIENT}function hand(held) {\n  keep(held);\n}\nask(client, 'a').then(() => hand({ client }));`,
  ],
  "defined as a property": [
    "bridged",
    `${CLIENT}const held = {};
    Object.defineProperty(held, 'client', { value: client, enumerable: true });
    ask(client, 'a').then(() => keep(held));`,
  ],
  "a member of the exports": [
    "idiomatic",
    `const keep = require('keeper');
    const client = exports.client = new probe.v1.Probe(PLAIN, grpc.credentials.createInsecure());
    ask(client, 'a').then(() => keep(exports.client));`,
  ],
  "all exports": [
    "bridged",
    `${CLIENT}module.exports = { client };\nask(client, 'a').then(() => keep(module.exports));`,
  ],
  "the module": ["bridged", `${CLIENT}exports.client = client;\nask(client, 'a').then(() => keep(module));`],
  "exports by another name": [
    "bridged",
    `${CLIENT}const self = (module.exports = { client });\nask(client, 'a').then(() => keep(self));`,
  ],
  "bound to a function": ["idiomatic", `${CLIENT}ask(client, 'a').then(keep.bind(null, client));`],
  "a field of a class that a package begins": [
    "bridged",
    `${CLIENT}class Kept extends keep.Base {
      constructor() {
        super();
        this.client = client;
      }
    }
    ask(client, 'a').then(() => new Kept().look());`,
  ],
  "read of the exports": [
    "idiomatic",
    `exports.client = new probe.v1.Probe(PLAIN, grpc.credentials.createInsecure());
    ask(exports.client, 'a').then(() => {
      exports.client.ask({ text: 'b' }, (err, res) => {
        if (err) {
          console.log(err.code);
          return;
        }
        console.log(res.text);
      });
    });`,
  ],
  "in an object for the program itself": [
    "idiomatic",
    `${CLIENT}const held = new Map();
    held.set('one', { client, n: 1 });
    function count({ n }) {
      console.log(n);
    }
    count({ client, n: 2 });
    console.log({ client, n: 3 }.n, held.get('one').n);`,
  ],
};

comparePrograms(programs, { "node_modules/keeper/index.js": KEEPER });
