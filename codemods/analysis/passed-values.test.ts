import { SyntaxKind } from "ts-morph";
import { expect, it } from "vitest";
import { projectOf } from "./testing/projects.js";

/**
 * What `auth` is given: a constant in one file, and another in a second file, which comes to `auth` in its own way. "unknown" where
 * not all of it is known.
 */
function passedTo(exported: string, first: string, second: string, others: Record<string, string> = {}): string {
  const project = projectOf({
    "auth.js": unnamed.has(exported)
      ? exported
      : `function auth(handler) { return (call, callback) => handler(call, callback); }\n${exported}\n`,
    "get.js": first,
    "put.js": second,
    ...others,
  });
  const parameter = [...project.files]
    .find((file) => file.getBaseName() === "auth.js")
    ?.getFirstDescendantByKindOrThrow(SyntaxKind.Parameter);
  if (!parameter) throw new Error("no auth.js");
  const values = project.valuesPassed(parameter)?.map((value) => value?.getText());
  return values?.sort().join() ?? "unknown";
}

/** The function has no name but that of the export. */
const unnamed = new Set(
  ["module.exports =", "exports.auth =", "module.exports.auth =", "export default"].map(
    (start) => `${start} (handler) => (call, callback) => handler(call, callback);\n`,
  ),
);
const ownName = "exports.auth = function auth(handler) { return (call, callback) => handler(call, callback); };\n";
unnamed.add(ownName);
const literal = "module.exports = { auth: (handler) => (call, callback) => handler(call, callback) };\n";
unnamed.add(literal);
const [unnamedWhole, unnamedMember, unnamedInside, unnamedDefault] = [...unnamed] as [string, string, string, string];
const named = { asWhole: [unnamedWhole], asMember: [unnamedMember, unnamedInside, literal, ownName] };

const asWhole = "module.exports = auth;";
const asMember = "module.exports = { auth };";
const formsOf = (exported: string) =>
  exported === asWhole ? named.asWhole : exported === asMember ? named.asMember : [];
const wholeOnce = "const auth = require('./auth');\nauth('get');\n";
const memberOnce = "const { auth } = require('./auth');\nauth('get');\n";
const esOnce = "import { auth } from './auth.js';\nauth('get');\n";

it.each([
  ["require('./auth')('put');", asWhole, wholeOnce, {}],
  ["require('./mw')('put');", asWhole, wholeOnce, { "mw.js": "module.exports = require('./auth');" }],
  [
    "const mw = require('./mw');\nmw.check('put');",
    asWhole,
    wholeOnce,
    { "mw.js": "exports.check = require('./auth');" },
  ],
  ["require('./mw').check('put');", asWhole, wholeOnce, { "mw.js": "module.exports = { check: require('./auth') };" }],
  ["require('./mw').check('put');", asMember, memberOnce, { "mw.js": "exports.check = require('./auth').auth;" }],
  [
    "require('./mw').check('put');",
    asMember,
    memberOnce,
    { "mw.js": "module.exports = { check: require('./auth').auth };" },
  ],
  [
    "const { auth: other } = require('./mw');\nother('put');",
    asMember,
    memberOnce,
    { "mw.js": "module.exports = { ...require('./auth') };" },
  ],
  [
    "require('./mw').server.auth('put');",
    asMember,
    memberOnce,
    { "mw.js": "module.exports = { server: require('./auth') };" },
  ],
  [
    "import * as mw from './mw.js';\nmw.auth('put');",
    "export { auth };",
    esOnce,
    { "mw.js": "export * from './auth.js';" },
  ],
  [
    "import { check } from './mw.js';\ncheck('put');",
    "export { auth };",
    esOnce,
    { "mw.js": "export { auth as check } from './auth.js';" },
  ],
  ["import * as mw from './auth.js';\nmw.default('put');", "export { auth };\nexport default auth;", esOnce, {}],
] as const)("a function is followed through %j", (second, exported, first, others) => {
  for (const each of [exported, ...formsOf(exported)])
    expect([each, passedTo(each, first, second, { ...others })]).toEqual([each, "'get','put'"]);
});

it.each([
  ["import { default as other } from './auth.js';\nother('put');"],
  ["import put from './mw.js';\nput('put');", { "mw.js": "export { default } from './auth.js';" }],
  ["import * as mw from './mw.js';\nmw.check('put');", { "mw.js": "export { default as check } from './auth.js';" }],
] as [string, Record<string, string>?][])(
  "a default export without a name is followed through %j",
  (second, others) => {
    const first = "import auth from './auth.js';\nauth('get');\n";
    expect(passedTo(unnamedDefault, first, second, others)).toBe("'get','put'");
  },
);

it.each([
  ["[require('./auth')][0]('put');", asWhole, wholeOnce, {}],
  ["(process.env.OFF ? (x) => x : require('./auth'))('put');", asWhole, wholeOnce, {}],
  ["require('./auth').bind(null)('put');", asWhole, wholeOnce, {}],
  ["require('./auth')['auth']('put');", asMember, memberOnce, {}],
  ["const mw = require('./auth');\nObject.values(mw)[0]('put');", asMember, memberOnce, {}],
  ["require('./mw').auth('put');", asMember, memberOnce, { "mw.js": "Object.assign(exports, require('./auth'));" }],
  ["const { auth } = await import('./auth.js');\nauth('put');", "export { auth };", esOnce, {}],
  [
    "import * as mw from './mw.js';\nObject.values(mw)[0]('put');",
    "export { auth };",
    esOnce,
    { "mw.js": "export * from './auth.js';" },
  ],
] as const)("what cannot be followed says that not all is known: %j", (second, exported, first, others) => {
  for (const each of [exported, ...formsOf(exported)])
    expect(passedTo(each, first, second, { ...others })).toBe("unknown");
});

it("knows what a method is given by a class that is all that its file exports", () => {
  const exported = `class Server {
  constructor(root) { this.load(root + '/a'); }
  load(file) {}
}
module.exports = Server;
`;
  const passed = (use: string) => {
    const project = projectOf({ "server.js": exported, "index.js": `const Server = require('./server');\n${use}\n` });
    const server = [...project.files].find((one) => one.getBaseName() === "server.js");
    const parameters = server?.getDescendantsOfKind(SyntaxKind.Parameter) ?? [];
    return parameters.map((parameter) => project.valuesPassed(parameter)?.map((value) => value?.getText()));
  };
  expect(passed("new Server('protos');")).toEqual([["'protos'"], ["root + '/a'"]]);
  expect(passed("require('somewhere')(Server);")).toEqual([undefined, undefined]);
});

it("counts the calls by a name that a function has only inside of itself", () => {
  for (const [holder, after] of [
    ["const auth", "exports.auth = auth;"],
    ["exports.auth", ""],
  ]) {
    const exported = `${holder} = function again(handler) { if (handler.next) again(handler.next); };\n${after}\n`;
    unnamed.add(exported);
    expect(passedTo(exported, memberOnce, "")).toBe("'get',handler.next");
  }
});
