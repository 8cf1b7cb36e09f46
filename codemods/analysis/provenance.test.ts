import path from "node:path";
import { Node, type SourceFile, SyntaxKind } from "ts-morph";
import { describe, expect, it } from "vitest";
import { projectOf } from "./testing/projects.js";

/** The last identifier `name` of a file. */
function identifier(file: SourceFile | undefined, name: string): Node {
  const found = file
    ?.getDescendantsOfKind(SyntaxKind.Identifier)
    .filter((node) => node.getText() === name)
    .at(-1);
  if (!found) throw new Error(`no ${name}`);
  return found;
}

describe("origins in JavaScript, without node_modules", () => {
  it("follows a proto-loader client across files, a factory and a constructor", () => {
    const project = projectOf({
      "shop.proto": "",
      "lib/proto.js": `
        const path = require('path');
        const grpc = require('@grpc/grpc-js');
        const loader = require('@grpc/proto-loader');
        const PROTO = path.join(__dirname, '..', 'shop.proto');
        const definition = loader.loadSync(PROTO, { keepCase: true, longs: String });
        const { shop } = grpc.loadPackageDefinition(definition);
        module.exports = { shop, definition };`,
      "lib/client.js": `
        const grpc = require('@grpc/grpc-js');
        const { shop: api } = require('./proto');
        function createClient(address) {
          return new api.v1.Inventory(address, grpc.credentials.createInsecure());
        }
        module.exports = createClient;`,
      "lib/service.js": `
        class Orders {
          constructor(client) { this.client = client; }
          run() { return this.client; }
        }
        exports.Orders = Orders;`,
      "main.js": `
        const createClient = require('./lib/client');
        const { Orders } = require('./lib/service.js');
        const inventory = createClient('localhost:1');
        new Orders(inventory);
        inventory;`,
    });
    expect(project.dependenciesMissing).toBe(true);
    const at = (name: string) => project.fileAt(path.join(project.root, name));
    expect(project.originOf(identifier(at("main.js"), "inventory"))).toMatchObject({
      kind: "client",
      service: "shop.v1.Inventory",
      flavour: "proto-loader",
      packageDefinition: {
        protos: [path.join(project.root, "shop.proto")],
        options: { keepCase: true, longs: "constructor:String" },
      },
    });
    const client = identifier(at("lib/service.js"), "client").getParentOrThrow();
    expect(Node.isPropertyAccessExpression(client)).toBe(true);
    expect(project.originOf(client)).toMatchObject({ kind: "client", service: "shop.v1.Inventory" });
    expect(project.referencesTo(identifier(at("lib/client.js"), "createClient")).length).toBe(4);
  });

  it.each([
    [
      "const g = require('@grpc/grpc-js'); const x = g.status.NOT_FOUND; x;",
      { kind: "grpc", path: "status.NOT_FOUND" },
    ],
    ["const { status: s } = require('@grpc/grpc-js'); const x = s.OK; x;", { kind: "grpc", path: "status.OK" }],
    ["import g from '@grpc/grpc-js'; const x = g.Server; x;", { kind: "grpc", path: "Server" }],
    ["import { Server as S } from '@grpc/grpc-js'; const x = new S(); x;", { kind: "server" }],
    ["import { Metadata } from '@grpc/grpc-js/build/src/metadata'; const x = new Metadata(); x;", { kind: "metadata" }],
    ["import * as g from '@grpc/grpc-js'; let x; x = new g.Server(); x;", { kind: "server" }],
    ["import * as g from '@grpc/grpc-js'; let x = new g.Server(); x = 1; x;", { kind: "unknown" }],
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is source text
    ["const a = 'x', x = `${a}/y`; x;", { kind: "string", value: "x/y" }],
    [
      "const root = () => '/x'; function file() { const a = root(); return a + '.proto'; } const x = file() + '!'; x;",
      { kind: "string", value: "/x.proto!" },
    ],
    ["const root = async () => '/x'; const x = root() + '!'; x;", { kind: "unknown" }],
    ["const o = { run() {} }; const { run: x } = o; x;", { kind: "function" }],
    ["const o = {}; o.run = function () {}; const x = o.run; x;", { kind: "function" }],
    // A loop over one of two lists is a loop over no list of clients.
    ["const lists = new Map(); for (const x of lists.get('a') ?? []) { x; }", { kind: "unknown" }],
    [
      "const x = { say: { path: '/a.B/Say', requestStream: false } }; x;",
      { kind: "service-definition", service: "a.B" },
    ],
    [
      "const g = require('@grpc/grpc-js'); const C = g.makeGenericClientConstructor({ s: { path: '/a.B/S' } }, 'B'); const x = new C(); x;",
      { kind: "client", service: "a.B", flavour: "generic" },
    ],
  ])("%s", (text, origin) => {
    const project = projectOf({ "a.js": text });
    expect(project.originOf(identifier(project.files[0], "x"))).toMatchObject(origin);
  });
});

describe("what a function returns for the arguments of one call", () => {
  const loader = `
    const path = require('path');
    const grpc = require('@grpc/grpc-js');
    const loader = require('@grpc/proto-loader');
    const open = (folder, name) => loader.loadSync(path.join(folder, name + '.proto'), { keepCase: true });
    exports.load = function (name, root = name) {
      const loaded = grpc.loadPackageDefinition(open(__dirname, name));
      return loaded[root];
    };
    exports.all = ({ file, root }) => grpc.loadPackageDefinition(open(__dirname, file))[root];
    exports.again = (name) => exports.again(name + name)[name];
    exports.changed = (name) => { name = 'b'; return grpc.loadPackageDefinition(open(__dirname, name))[name]; };
    exports.connect = (name, root) => new (exports.load(name, root).Shop)('localhost:1');`;
  const loaded = (name: string, service: string) => ({
    kind: "service-definition",
    service,
    packageDefinition: { protos: [expect.stringContaining(`${name}.proto`)], options: { keepCase: true } },
  });

  it.each([
    ["load('a').Shop.service", loaded("a", "a.Shop")],
    ["load('b', 'shops').Shop.service", loaded("b", "shops.Shop")],
    ["all({ root: 'shops', file: 'b' }).Shop.service", loaded("b", "shops.Shop")],
    ["load(process.argv[2]).Shop.service", { kind: "unknown" }],
    ["again('a').Shop.service", { kind: "unknown" }],
    ["changed('a').Shop.service", { kind: "unknown" }],
    // One `new` stands for clients of several services.
    ["connect('a', 'a')", { kind: "unknown" }],
  ])("%s", (text, origin) => {
    const project = projectOf({
      "lib.js": loader,
      "a.js": `const { load, all, again, changed, connect } = require('./lib'); const x = ${text}; x;`,
    });
    const file = project.fileAt(path.join(project.root, "a.js"));
    expect(project.originOf(identifier(file, "x"))).toMatchObject(origin);
  });
});

describe("origins in TypeScript", () => {
  it("follows what a list exports: declarations, imports and other names", () => {
    const project = projectOf({
      "handlers.ts": `
        import { credentials } from "@grpc/grpc-js";
        const handlers = { get() {} };
        class Shop {}
        function main() {}
        export { handlers, Shop, credentials, main as start };`,
      "server.ts": `
        import { credentials, handlers, Shop, start } from "./handlers.js";
        console.log(handlers, new Shop(), credentials, start);`,
    });
    const file = project.fileAt(path.join(project.root, "server.ts"));
    const kinds = ["handlers", "Shop", "credentials", "start"].map(
      (name) => project.originOf(identifier(file, name)).kind,
    );
    expect(kinds).toEqual(["object", "class", "grpc", "function"]);
  });

  it("follows a ts-proto client through a typed constructor parameter", () => {
    const project = projectOf({
      "tsconfig.json": `{ "compilerOptions": { "module": "NodeNext", "strict": true } }`,
      "src/gen/greeter.ts": `// Code generated by protoc-gen-ts_proto. DO NOT EDIT.
        import { Client, makeGenericClientConstructor } from "@grpc/grpc-js";
        export type GreeterService = typeof GreeterService;
        export const GreeterService = { sayHello: { path: "/hello.Greeter/SayHello" as const, requestStream: false } } as const;
        export interface GreeterClient extends Client { sayHello(x: unknown): void }
        export const GreeterClient = makeGenericClientConstructor(GreeterService, "hello.Greeter") as unknown as { new (a: string): GreeterClient };`,
      "src/app.ts": `
        import type { GreeterClient } from "./gen/greeter.js";
        export class App {
          constructor(private readonly greeter: GreeterClient) {}
          run() { this.greeter; }
        }`,
      "src/main.ts": `
        import { GreeterClient, GreeterService } from "./gen/greeter";
        const client = new GreeterClient("x");
        client; GreeterService;`,
    });
    const at = (name: string) => project.fileAt(path.join(project.root, name));
    const client = { kind: "client", service: "hello.Greeter", flavour: "ts-proto" };
    expect(project.originOf(identifier(at("src/main.ts"), "client"))).toMatchObject(client);
    expect(project.originOf(identifier(at("src/app.ts"), "greeter").getParentOrThrow())).toMatchObject(client);
    expect(project.originOf(identifier(at("src/main.ts"), "GreeterService"))).toMatchObject({
      kind: "service-definition",
      service: "hello.Greeter",
    });
  });
});
