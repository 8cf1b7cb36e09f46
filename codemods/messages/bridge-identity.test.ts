import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { type DescMessage, toBinary } from "@bufbuild/protobuf";
import { createClient } from "@connect-migrate/runtime";
import { grpcJsMessages } from "@connect-migrate/runtime/grpc-js";
import { createApp, createGrpcTransport, serve } from "@connect-migrate/runtime/node";
import * as grpc from "@grpc/grpc-js";
import protoLoader from "@grpc/proto-loader";
import fc from "fast-check";
import { globSync } from "tinyglobby";
import { ts } from "ts-morph";
import { expect, test } from "vitest";
import { arbitraryMessage } from "../../runtime/testing/arbitrary-message.js";
import { loadProtos } from "../generate/index.js";
import { tempProject } from "../generate/testing/temp-project.js";

/**
 * The property that the bridge stands on, for generated schemas and values, with each generator and set of options: what a
 * handler and a client see is what they saw under grpc-js, and so are the bytes on the wire, unknown fields included.
 * Everything is real: the generators, grpc-js, and the runtime.
 */
const repository = path.resolve(import.meta.dirname, "../..");
const bin = (name: string) => path.join(repository, "node_modules", name);

const scalars =
  "double float int32 int64 uint32 uint64 sint32 sint64 fixed32 fixed64 sfixed32 sfixed64 bool string bytes".split(" ");
const names = "item_name big_count fooBar x2_y list_items a_1 class Title_Case default is_on zip_code2 url".split(" ");

/** The fields of a message, as a .proto says them. */
const schema: fc.Arbitrary<string> = fc
  .tuple(
    fc.shuffledSubarray(names, { minLength: 5 }),
    fc.array(fc.constantFrom("plain", "optional", "repeated", "map", "oneof"), { minLength: 12, maxLength: 12 }),
    fc.array(
      fc.constantFrom(
        ...scalars,
        "Thing",
        "Kind",
        "google.protobuf.Timestamp",
        "google.protobuf.StringValue",
        "google.protobuf.Int64Value",
      ),
      { minLength: 12, maxLength: 12 },
    ),
    fc.uniqueArray(fc.integer({ min: 1, max: 90 }), { minLength: 12, maxLength: 12 }),
    fc.constantFrom("string", "int32", "uint64", "bool"),
  )
  .map(([chosen, labels, types, numbers, key]) => {
    const fields = chosen.map((name, index) => {
      const [label, type] = [labels[index], types[index] as string];
      const rest = `${name} = ${numbers[index]};`;
      const single = /^(Thing|google)/.test(type) ? `${type} ${rest}` : `optional ${type} ${rest}`;
      if (label === "repeated") return `repeated ${type} ${rest}`;
      if (label === "map") return `map<${key}, ${type}> ${rest}`;
      return label === "optional" ? single : label === "oneof" ? `@${type} ${rest}` : `${type} ${rest}`;
    });
    const members = fields.filter((field) => field.startsWith("@")).map((field) => field.slice(1));
    const oneof = members.length > 0 ? [`oneof the_choice { ${members.join(" ")} }`] : [];
    return [...fields.filter((field) => !field.startsWith("@")), ...oneof].map((line) => `  ${line}`).join("\n");
  });

const protoOf = (fields: string) => `syntax = "proto3";
package cov;
import "google/protobuf/timestamp.proto";
import "google/protobuf/wrappers.proto";
service Echo { rpc Do(Thing) returns (Thing); }
enum Kind { KIND_UNKNOWN = 0; KIND_RED = 1; KIND_BLUE = 5; KIND_DEBT = -3; }
message Thing {
${fields}
}
`;

type Definition = grpc.ServiceDefinition;

function run(command: string, args: readonly string[]): void {
  const { status, stderr } = spawnSync(command, args, { encoding: "utf8" });
  if (status !== 0) throw new Error(`${command} ${args.join(" ")}: ${stderr}`);
}

/** Code of a protoc plugin, compiled and loaded. */
function generated(root: string, local: readonly string[], opt: readonly string[], file: string) {
  const plugins = [{ local, out: "gen", opt, include_imports: true, include_wkt: true }];
  const template = JSON.stringify({ version: "v2", plugins });
  run(bin(".bin/buf"), ["generate", path.join(root, "proto"), "--template", template, "-o", root]);
  for (const each of globSync("gen/**/*.ts", { cwd: root, absolute: true })) {
    const { outputText } = ts.transpileModule(readFileSync(each, "utf8"), {
      compilerOptions: { module: ts.ModuleKind.CommonJS, target: ts.ScriptTarget.ES2022, esModuleInterop: true },
    });
    writeFileSync(each.replace(/\.ts$/, ".js"), outputText);
  }
  return createRequire(path.join(repository, "package.json"))(path.join(root, "gen", file));
}

const loader = (options: protoLoader.Options) => (root: string) =>
  protoLoader.loadSync(path.join(root, "proto/cov.proto"), options)["cov.Echo"] as Definition;
const tsProto =
  (...options: string[]) =>
  (root: string) =>
    generated(
      root,
      [bin(".bin/protoc-gen-ts_proto")],
      ["outputServices=grpc-js", "esModuleInterop=true", ...options],
      "cov.js",
    ).EchoService as Definition;
const protobufTs =
  (...options: string[]) =>
  (root: string) =>
    generated(
      root,
      [process.execPath, bin("@protobuf-ts/plugin/bin/protoc-gen-ts")],
      ["server_grpc1", "client_none", ...options],
      "cov.grpc-server.js",
    ).echoDefinition as Definition;

const flavours: Readonly<Record<string, (root: string) => Definition>> = {
  "proto-loader without options": loader({}),
  "proto-loader, keepCase longs enums defaults oneofs": loader({
    keepCase: true,
    longs: String,
    enums: String,
    defaults: true,
    oneofs: true,
  }),
  "proto-loader, longs Number, arrays, objects, bytes String": loader({
    longs: Number,
    arrays: true,
    objects: true,
    bytes: String,
  }),
  "ts-proto": tsProto(),
  "ts-proto, oneof=unions forceLong=string": tsProto("oneof=unions", "forceLong=string"),
  "ts-proto, oneof=unions-value forceLong=bigint env=node": tsProto(
    "oneof=unions-value",
    "forceLong=bigint",
    "env=node",
  ),
  "ts-proto, forceLong=long useDate=false unknownFields=true": tsProto(
    "forceLong=long",
    "useDate=false",
    "unknownFields=true",
  ),
  "ts-proto, stringEnums snakeToCamel=false useOptionals=all useDate=string": tsProto(
    "stringEnums=true",
    "snakeToCamel=false",
    "useOptionals=all",
    "useDate=string",
    "forceLong=string",
  ),
  "protobuf-ts": protobufTs(),
  "protobuf-ts, long_type_string": protobufTs("long_type_string"),
  "protoc-gen-ts": (root) =>
    generated(root, [process.execPath, bin("protoc-gen-ts/protoc-gen-ts.js")], [], "cov.js").cov
      .UnimplementedEchoService.definition,
  "protobufjs static": (root) => {
    const out = path.join(root, "cov-static.js");
    run(process.execPath, [
      bin("protobufjs-cli/bin/pbjs"),
      ..."-t static-module -w commonjs -o".split(" "),
      out,
      path.join(root, "proto/cov.proto"),
    ]);
    const { Thing } = createRequire(path.join(repository, "package.json"))(out).cov;
    const serialize = (value: unknown) => Buffer.from(Thing.encode(value).finish());
    const deserialize = (bytes: Buffer) => Thing.decode(bytes);
    return {
      do: {
        path: "/cov.Echo/Do",
        requestStream: false,
        responseStream: false,
        requestSerialize: serialize,
        requestDeserialize: deserialize,
        responseSerialize: serialize,
        responseDeserialize: deserialize,
      },
    };
  },
};

const SCHEMAS = 2;
const VALUES = 60;
/** A field that no schema has. */
const unknownField = Buffer.from([0xfa, 0x06, 0x03, 0x61, 0x62, 0x63]);

test.each(Object.keys(flavours))(
  "%s: handlers, clients and wire are those of grpc-js",
  { timeout: 300_000 },
  async (name) => {
    let compared = 0;
    for (const fields of fc.sample(schema, { numRuns: SCHEMAS, seed: 20_261 })) {
      using project = tempProject({ "package.json": "{}", "proto/cov.proto": protoOf(fields) });
      run("ln", ["-s", path.join(repository, "node_modules"), path.join(project.root, "node_modules")]);
      const definition = (flavours[name] as (root: string) => Definition)(project.root);
      const { registry } = await loadProtos({ root: path.join(project.root, "proto") });
      const service = registry?.service("cov.Echo");
      if (!service) throw new Error("the schema does not compile");
      const [key] = Object.keys(definition) as [string];
      const method = definition[key] as grpc.MethodDefinition<unknown, unknown>;

      let seen: unknown;
      const old = new grpc.Server();
      old.addService(definition, {
        [key]: (call: { request: unknown }, callback: (error: null, reply: unknown) => void) => {
          seen = call.request;
          callback(null, call.request);
        },
      });
      const oldPort = await new Promise<number>((resolve, reject) =>
        old.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, port) =>
          error ? reject(error) : resolve(port),
        ),
      );
      const messages = grpcJsMessages(definition);
      const app = createApp({
        compat: "grpc-js",
        routes: (router) =>
          void router.service(
            service,
            {
              [key]: (request: unknown) => {
                seen = request;
                return request;
              },
            },
            { messages },
          ),
      });
      const running = await serve(app, { address: "127.0.0.1:0", signals: false });
      const clients = [oldPort, running.port].map(
        (port) => new grpc.Client(`127.0.0.1:${port}`, grpc.credentials.createInsecure()),
      ) as [grpc.Client, grpc.Client];
      const transport = createGrpcTransport({ target: `127.0.0.1:${oldPort}` });
      const migrated = createClient(service, transport, { messages }) as unknown as Record<
        string,
        (request: unknown) => Promise<unknown>
      >;
      /** What one server makes of the bytes: what its handler saw, and the bytes or the error that came back. */
      const ask = (client: grpc.Client, bytes: Buffer) =>
        new Promise<readonly unknown[]>((resolve) => {
          seen = undefined;
          const raw = (value: Buffer) => value;
          client.makeUnaryRequest(method.path, raw, raw, bytes, (error, reply) =>
            resolve([seen, error ? [error.code, error.details] : reply?.toString("hex")]),
          );
        });
      try {
        const values = arbitraryMessage(service.method.do?.input as DescMessage);
        await fc.assert(
          fc.asyncProperty(values, fc.boolean(), async (value, hasUnknown) => {
            const known = toBinary(service.method.do?.input as DescMessage, value);
            const bytes = Buffer.concat(hasUnknown ? [known, unknownField] : [known]);
            const before = await ask(clients[0], bytes);
            expect(await ask(clients[1], bytes)).toEqual(before);
            // The migrated client of an old server, and the old codec itself.
            if (typeof before[1] === "string" && before[0] !== undefined) {
              const reply = method.responseDeserialize(Buffer.from(before[1], "hex"));
              expect(await migrated[key]?.(before[0])).toEqual(reply);
            }
            compared++;
          }),
          { numRuns: VALUES },
        );
      } finally {
        for (const client of clients) client.close();
        transport.close();
        old.forceShutdown();
        await running.destroy();
      }
    }
    expect(compared).toBe(SCHEMAS * VALUES);
  },
);
