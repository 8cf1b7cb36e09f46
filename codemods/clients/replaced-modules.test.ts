import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { runMigration } from "../index.js";

// What a runner of tests or a library puts in the place of a module: no test has to name the file that makes the client.
const folder = mkdtempSync(path.join(tmpdir(), "replaced-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const CLIENT = `
const path = require('path');
const grpc = require('@grpc/grpc-js');
const protoLoader = require('@grpc/proto-loader');
const { probe } = grpc.loadPackageDefinition(protoLoader.loadSync(path.join(__dirname, '..', 'probe.proto')));
exports.client = new probe.v1.Probe('localhost:50051', grpc.credentials.createInsecure());
`;
const API = `
const { client } = require('./client');
exports.get = (text) =>
  new Promise((resolve, reject) => {
    client.ask({ text }, (err, res) => (err ? reject(err) : resolve(res.text)));
  });
`;
const FAKE = "{ client: { ask: (req, callback) => callback(null, { text: 'fake' }) } }";

// No function of it has the name of a method.
const HIDDEN = "{ client: new Proxy({}, { get: () => (...all) => all.at(-1)(null, { text: 'fake' }) }) }";

const projects: Readonly<Record<string, readonly [outcome: string, files: Readonly<Record<string, string>>]>> = {
  "nothing is replaced": ["idiomatic", { "test/api.test.js": "require('../src/api').get('a');" }],
  "a folder of mocks": [
    "manual",
    {
      "__mocks__/@grpc/grpc-js.js": "exports.credentials = {};",
      "test/api.test.js": "require('../src/api').get('a');",
    },
  ],
  "a folder of mocks of something else": [
    "idiomatic",
    { "__mocks__/@grpc/reflection.js": "", "test/api.test.js": "require('../src/api').get('a');" },
  ],
  "a mapper of names in package.json": [
    "manual",
    {
      "package.json": JSON.stringify({
        name: "a",
        jest: { moduleNameMapper: { "^@grpc/grpc-js$": "<rootDir>/fake.js" } },
      }),
    },
  ],
  "a mapper of names in a file": [
    "manual",
    { "jest.config.js": "module.exports = { moduleNameMapper: { '^@grpc/grpc-js$': '<rootDir>/fake.js' } };" },
  ],
  "a setting that only names the package": [
    "idiomatic",
    { "jest.config.js": "module.exports = { transformIgnorePatterns: ['node_modules/(?!@grpc/grpc-js)'] };" },
  ],
  "a file that is loaded before the tests": ["manual", { "jest.setup.js": "jest.mock('@grpc/grpc-js', () => ({}));" }],
  "one that replaces the client": ["bridged", { "jest.setup.js": `jest.mock('./src/client', () => (${FAKE}));` }],
  "a library that loads a file with other imports": [
    "bridged",
    {
      "test/api.test.js": `const proxyquire = require('proxyquire').noCallThru();\nconst { get } = proxyquire('../src/api', { './client': ${FAKE} }); get('a');`,
    },
  ],
  "a library that gives names other values": [
    "bridged",
    {
      "test/api.test.js": `const rewire = require('rewire');\nconst api = rewire('../src/api'); api.__set__('client', ${FAKE}.client);`,
    },
  ],
  "esmock, of a file": [
    "bridged",
    {
      "test/own.js": "export const own = 1;",
      "test/api.test.js": `import esmock from 'esmock';\nimport { own } from './own.js';\nconst { get } = await esmock('../src/api.js', { '../src/client.js': ${HIDDEN} }); get(own);`,
    },
  ],
  "esmock, of grpc-js": [
    "manual",
    {
      "test/api.test.js":
        "import mocked from 'esmock';\nconst { get } = await mocked.strict('../src/api.js', {}, { '@grpc/grpc-js': {} }); get('a');",
    },
  ],
  "esmock, of something else": [
    "idiomatic",
    {
      "src/other.js": "exports.other = 1;",
      "test/api.test.js":
        "import esmock from 'esmock';\nconst { get } = await esmock('../src/api.js', { '../src/other.js': { other: 2 } }); get('a');",
    },
  ],
  "proxyquire under another name, with what a constant holds": [
    "bridged",
    {
      "test/api.test.js": `const load = require('proxyquire').noCallThru();\nconst stubs = { './client': ${HIDDEN} };\nconst { get } = load('../src/api', stubs); get('a');`,
    },
  ],
  "mock-require": [
    "bridged",
    {
      "test/api.test.js": `const replace = require('mock-require');\nreplace('../src/client', ${HIDDEN});\nreplace.reRequire('../src/api').get('a');`,
    },
  ],
  mockery: [
    "bridged",
    {
      "test/api.test.js": `const mockery = require('mockery');\nmockery.registerMock('../src/client', ${HIDDEN});\nrequire('../src/api').get('a');`,
    },
  ],
  "node:test, by a path": [
    "bridged",
    {
      "test/api.test.js": `const { test } = require('node:test');\ntest('a', (t) => { t.mock.module(require.resolve('../src/client'), { namedExports: ${HIDDEN} }); require('../src/api').get('a'); });`,
    },
  ],
  "a file that hands the client on": [
    "bridged",
    {
      "src/all.js": "module.exports = { ...require('./client') };",
      "src/api.js": API.replace("./client", "./all"),
      "test/api.test.js": `jest.mock('../src/all', () => (${HIDDEN}));\nrequire('../src/api').get('a');`,
    },
  ],
  "a file that asks the client": [
    "idiomatic",
    {
      "test/other.test.js":
        "jest.mock('../src/api', () => ({ get: async () => 'fake' }));\nrequire('../src/api').get('a');",
    },
  ],
};

describe("a test replaces a module", () => {
  it.each(Object.entries(projects))("%s", async (name, [outcome, files]) => {
    const place = path.join(folder, name.replace(/\W+/g, "-"));
    write(place, { "package.json": '{"name":"a"}', "src/client.js": CLIENT, "src/api.js": API, ...files });
    const { findings } = await migrated(place);
    const made = findings.filter((finding) => finding.construct.startsWith("new probe"));
    expect(made.map((finding) => [finding.outcome, finding.reason?.text])).toEqual([
      [outcome, outcome === "idiomatic" ? undefined : expect.stringMatching(/a test (?:replaces|puts)/i)],
    ]);
  });

  const names: Readonly<Record<string, readonly [specifier: string, files: Readonly<Record<string, string>>]>> = {
    "package.json": [
      "#src/client",
      { "package.json": JSON.stringify({ name: "a", imports: { "#src/*": "./src/*.js" } }) },
    ],
    webpack: [
      "@app/client",
      {
        "webpack.config.js":
          "const path = require('path');\nmodule.exports = { resolve: { alias: { '@app': path.resolve(__dirname, 'src') } } };",
      },
    ],
    "webpack, one file": [
      "the-client",
      {
        "webpack.config.cjs":
          "const path = require('path');\nmodule.exports = {\n  resolve: {\n    alias: {\n      'the-client$': path.join(__dirname, 'src/client.js'),\n    },\n  },\n};",
      },
    ],
    babel: [
      "~/client",
      { ".babelrc": '{ "plugins": [["module-resolver", { "root": ["."], "alias": { "~": "./src" } }]] }' },
    ],
    "babel, as a program": [
      "app/client",
      { "babel.config.js": "module.exports = { plugins: [['module-resolver', { alias: { app: './src' } }]] };" },
    ],
  };

  it.each(Object.entries(names))("and names of %s are followed as paths are", async (name, [specifier, files]) => {
    const place = path.join(folder, `names-${name.replace(/\W+/g, "-")}`);
    const own = { "src/client.js": CLIENT, "src/api.js": API.replace("./client", specifier) };
    write(place, { "package.json": '{"name":"a"}', ...own, ...files });
    const { findings } = await migrated(place);
    const found = findings.filter((finding) => path.basename(finding.file) === "api.js");
    expect(found.map(({ rule, outcome }) => [rule, outcome])).toEqual([["clients/promisify-to-client", "idiomatic"]]);
  });

  it.each(Object.entries(names).slice(1))("and so are those of %s where a test replaces them", async (name, each) => {
    const [specifier, files] = each;
    const place = path.join(folder, `mocked-${name.replace(/\W+/g, "-")}`);
    const test = `jest.mock('${specifier}', () => (${HIDDEN}));\nrequire('../src/api').get('a');`;
    const own = { "src/client.js": CLIENT, "src/api.js": API.replace("./client", specifier), "test/api.test.js": test };
    write(place, { "package.json": '{"name":"a"}', ...own, ...files });
    const { findings } = await migrated(place);
    const made = findings.filter((finding) => finding.construct.startsWith("new probe"));
    expect(made.map((finding) => [finding.outcome, finding.reason?.text])).toEqual([
      ["bridged", expect.stringMatching(/a test replaces it \(test\/api\.test\.js:1\)/)],
    ]);
  });
});

function migrated(place: string) {
  return runMigration({
    cwd: place,
    paths: ["."],
    side: "clients",
    target: "bundled",
    messages: "bridge",
    runtime: "npm",
  });
}

function write(place: string, files: Readonly<Record<string, string>>): void {
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(place, file)), { recursive: true });
    writeFileSync(path.join(place, file), text);
  }
  cpSync(path.join(import.meta.dirname, "testing", "probe.proto"), path.join(place, "probe.proto"));
  symlinkSync(path.join(import.meta.dirname, "..", "..", "node_modules"), path.join(place, "node_modules"));
}
