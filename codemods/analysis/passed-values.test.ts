import { SyntaxKind } from "ts-morph";
import { expect, it } from "vitest";
import { projectOf } from "./testing/projects.js";

/**
 * What `auth` is given: a constant in one file, and another in a second file, which comes to `auth` in its own way. "unknown" where
 * not all of it is known.
 */
function passedTo(exported: string, first: string, second: string, others: Record<string, string> = {}): string {
  const project = projectOf({
    "auth.js": `function auth(handler) { return (call, callback) => handler(call, callback); }\n${exported}\n`,
    "get.js": first,
    "put.js": second,
    ...others,
  });
  const parameter = [...project.files]
    .find((file) => file.getBaseName() === "auth.js")
    ?.getFirstDescendantByKindOrThrow(SyntaxKind.FunctionDeclaration)
    .getParameterOrThrow("handler");
  if (!parameter) throw new Error("no auth.js");
  const values = project.valuesPassed(parameter)?.map((value) => value?.getText());
  return values?.sort().join() ?? "unknown";
}

const asWhole = "module.exports = auth;";
const asMember = "module.exports = { auth };";
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
  expect(passedTo(exported, first, second, { ...others })).toBe("'get','put'");
});

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
  expect(passedTo(exported, first, second, { ...others })).toBe("unknown");
});
