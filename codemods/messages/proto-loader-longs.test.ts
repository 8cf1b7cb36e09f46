import { symlinkSync } from "node:fs";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { explicitPresence } from "@connect-migrate/runtime/grpc-js";
import type { MethodDefinition } from "@grpc/grpc-js";
import protoLoader from "@grpc/proto-loader";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ensureGenerated } from "../generate/index.js";
import { tempProject } from "../generate/testing/temp-project.js";
import { initOf } from "./testing/arbitrary-init.js";
import { migrateMessages } from "./testing/migrate-messages.js";

/** Handlers that calculate with fields of 64 bits, under each form that proto-loader gives them: the same answers before and after. */
const proto = `syntax = "proto3";
package n.v1;
message A { int64 a = 1; int64 b = 2; uint64 u = 3; repeated int64 l = 4; map<string, int64> m = 5; string s = 7; double d = 8; int32 i = 9; A sub = 10; bool t = 11; }
`;

// biome-ignore-start lint/suspicious/noTemplateCurlyInString: programs have templates of their own
const everywhere = [
  "return { a: Number(req.a) + 1, i: parseInt(req.a, 10), d: +req.b };",
  "return { a: req.a * 2, b: req.a - req.b, u: req.u, s: req.a + 'x' };",
  "let total = 0; for (const each of req.l) total += Number(each); return { d: total, l: [req.a, 5, '7'], m: { x: req.b } };",
  "let total = 0; for (const each of req.l) total += parseInt(each, 10); return { d: total };",
  "return { s: [req.a > 5, req.a > req.b, req.a <= '7', req.b == 5, req.a != '5', Math.max(req.a, 5)].join() };",
  "return { a: req.a || 5, b: req.l[0] || req.u % 7, l: Object.values(req.m) };",
  "return { d: new Date(parseInt(req.u) % 1000).getTime(), i: parseFloat(req.a) };",
  "return { l: req.l.map((each) => Number(each) % 1000), d: req.l.map(Number).reduce((x, y) => x + y, 0) };",
  "let names = ''; for (const [key, value] of Object.entries(req.m)) names += key + Number(value); return { s: names + Object.keys(req.m) };",
  "return { s: Object.entries(req.m).map(([key, value]) => `${key}=${Number(value)}`).join(), sub: { a: req.sub ? req.sub.a : 0 } };",
  // Constants that are no whole number, or beyond 64 bits, and texts that are none.
  "return { a: 1.5, b: -0.5, u: -1.5, l: [1.2, 1e25, '3'], m: { x: req.t ? 2.5 : 3 }, i: 1e30, d: 1e-7 };",
  "return { a: '99999999999999999999', b: '9223372036854775808', u: '18446744073709551616', l: ['-9223372036854775808'] };",
  "return { a: req.s, b: req.s, u: req.s };",
  "return { a: '' };",
];
const asText = [
  "return { s: `${req.a} ${String(req.u)} ${req.b.toString()}` + req.l.join('/'), a: (BigInt(req.a) + 1n).toString() };",
  "return { s: req.l.map(String).join() + 'x' + req.u };",
];
const asLong = [
  ...asText,
  "return { t: req.a.gt(req.b), i: req.a.isZero() ? 1 : 0, s: !req.a.lte(3) ? 'a' : req.b.equals(7) ? 'b' : 'c', d: req.u.toNumber() };",
];

// biome-ignore-end lint/suspicious/noTemplateCurlyInString: see above

// What is made of a value that is not set is a value of another type there.
const evenUnset = everywhere.filter((body) => !/\[req\.a, 5|reduce/.test(body));
const ifThere = [
  "return { s: req.a ? 'a' : 'none', t: !req.b, i: req.u && Number(req.u) > 5 ? 1 : 0, d: req.sub && req.sub.a ? Number(req.sub.a) : -1 };",
  "let total = 0; for (const each of req.l || []) total += Number(each); return { d: total, s: 'sum' };",
];
const ifLong = [
  ...ifThere,
  "return { t: req.a ? req.a.isZero() : true, d: req.u ? req.u.toNumber() : -1, s: req.b && req.b.gt(5) ? 'x' : 'y' };",
];

describe.each([
  ["String", "longs: String, ", true, [...everywhere, ...asText]],
  ["Number", "longs: Number, ", true, everywhere],
  ["Long", "", true, [...everywhere, ...asLong, ...ifLong]],
  ["String, without defaults", "longs: String, ", false, [...evenUnset, ...asText, ...ifThere]],
  ["Number, without defaults", "longs: Number, ", false, [...evenUnset, ...ifThere]],
  [
    "Long, without defaults",
    "",
    false,
    [...evenUnset.filter((body) => !body.includes("req.b == 5")), ...asText, ...ifLong],
  ],
] as const)("longs as %s", (_name, longs, defaults, bodies) => {
  it("are answered alike before and after", { timeout: 120_000 }, async () => {
    const options = `{ keepCase: true, ${longs}enums: String, ${defaults ? "defaults: true, " : ""}oneofs: true }`;
    const methods = bodies.map((_, index) => `rpc Do${index}(A) returns (A);`).join(" ");
    const handlers = bodies.map((body, index) => `do${index}(req) { ${body} },`).join("\n");
    const files = {
      "package.json": "{}",
      "n.proto": `${proto}service N { ${methods} }\n`,
      "handlers.js": `exports.handlers = {\n${handlers}\n};\n`,
      "server.js": `const protoLoader = require('@grpc/proto-loader');
const { grpcJsMessages } = require('@connect-migrate/runtime/grpc-js');
const { N } = require('./gen/n_pb.js');
const { handlers } = require('./handlers');
const definition = protoLoader.loadSync(__dirname + '/n.proto', ${options});
module.exports = (router) => router.service(N, handlers, { messages: grpcJsMessages(definition['n.v1.N']) });
`,
    };
    using before = tempProject(files);
    const migrated = await migrateMessages(before.root);
    expect(migrated.findings.map(({ outcome, reason }) => [outcome, reason?.text])).toEqual([["idiomatic", undefined]]);
    const generated = await ensureGenerated({ root: before.root });
    using after = tempProject({ ...files, ...migrated.files, "node_modules/.keep": "" });
    for (const scope of ["@bufbuild", "@connect-migrate"])
      symlinkSync(resolve(import.meta.dirname, "../../node_modules", scope), join(after.root, "node_modules", scope));
    type Handlers = { handlers: Record<string, (request: unknown) => unknown> };
    const old = (createRequire(join(before.root, "x.js"))("./handlers.js") as Handlers).handlers;
    const made = (createRequire(join(after.root, "x.js"))("./handlers.js") as Handlers).handlers;
    const loaded = protoLoader.loadSync(join(before.root, "n.proto"), {
      keepCase: true,
      ...(longs === "" ? {} : { longs: longs.includes("String") ? String : Number }),
      enums: String,
      defaults,
      oneofs: true,
    })["n.v1.N"] as unknown as Record<string, MethodDefinition<unknown, unknown>>;
    const service = generated.registry?.service("n.v1.N");
    expect(service?.methods).toHaveLength(bodies.length);
    for (const { input, output, name, localName } of service?.methods ?? []) {
      const legacy = loaded[name] as MethodDefinition<unknown, unknown>;
      const answer = (reply: () => Uint8Array) => {
        try {
          return fromBinary(output, new Uint8Array(reply()));
        } catch (error) {
          // protobuf-es may name the field.
          return `${error}`.replace(/cannot encode field \S+ to binary: /, "");
        }
      };
      const codec = defaults || !service ? undefined : explicitPresence(service).method(`/n.v1.N/${name}`);
      fc.assert(
        fc.property(initOf(input, 1, longs.includes("Number") ? 52n : 64n), (init) => {
          const bytes = codec?.input.serialize(init) ?? toBinary(input, create(input, init));
          const expected = answer(() =>
            legacy.responseSerialize(old[localName]?.(legacy.requestDeserialize(Buffer.from(bytes)))),
          );
          const found = answer(() => {
            const reply = made[localName]?.(codec?.input.deserialize(bytes) ?? fromBinary(input, bytes));
            return codec?.output.serialize(reply) ?? toBinary(output, create(output, reply as Record<string, unknown>));
          });
          expect(found).toEqual(expected);
        }),
        { numRuns: 150 },
      );
    }
  });
});
