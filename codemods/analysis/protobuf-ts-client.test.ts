import path from "node:path";
import { type SourceFile, SyntaxKind } from "ts-morph";
import { describe, expect, it } from "vitest";
import { protobufTsClient } from "./protobuf-ts-client.js";
import { projectOf } from "./testing/projects.js";

/** What a generated file of one service has: the interface, and the class that has no definition of its own. */
const generated = (service: string) => `
  import { ${service} } from "./shop";
  export interface I${service}Client {}
  export class I${service}Client2 {}
  export class ${service}Client implements I${service}Client { get() { return ${service}; } }`;

describe("the ServiceType behind a client of protobuf-ts", () => {
  it.each(["Inventory", "Identity", "Ferries", "I"])("is %s", (service) => {
    const project = projectOf({
      "gen/shop.ts": `export const ${service} = {};`,
      "gen/shop.grpc-client.ts": generated(service),
      "main.ts": `
        import { ${service}Client, I${service}Client, I${service}Client2 } from "./gen/shop.grpc-client";
        new ${service}Client(); let held: I${service}Client; new I${service}Client2();`,
    });
    const file = project.fileAt(path.join(project.root, "main.ts")) as SourceFile;
    const behind = (name: string) => {
      const uses = file.getDescendantsOfKind(SyntaxKind.Identifier).filter((node) => node.getText() === name);
      return protobufTsClient(project, uses.at(-1) as (typeof uses)[number]);
    };
    const expected = {
      kind: "import",
      module: "./gen/shop",
      name: service,
      types: { module: "./gen/shop.grpc-client", name: `I${service}Client` },
    };
    expect(behind(`${service}Client`)).toEqual(expected);
    expect(behind(`I${service}Client`)).toEqual(expected);
    expect(behind(`I${service}Client2`)).toBeUndefined();
  });
});
