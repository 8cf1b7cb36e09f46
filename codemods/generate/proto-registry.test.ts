import { createRequire } from "node:module";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { generatedNames } from "./generated-names.js";
import { camelCaseWords } from "./legacy-method-keys.js";
import { ensureGenerated } from "./run-generate.js";
import { tempProject } from "./testing/temp-project.js";

const require = createRequire(import.meta.url);

const awkward = `syntax = "proto3";
package a.b;
service Names {
  rpc Get(M) returns (M);
  rpc get_snake(M) returns (M);
  rpc GetURL(M) returns (M);
  rpc XMLHttp(M) returns (M);
  rpc delete(M) returns (M);
  rpc constructor(M) returns (M);
  rpc toString(M) returns (M);
  rpc Close(M) returns (M);
  rpc GetURLInfo(M) returns (M);
}
service Object { rpc X(M) returns (M); }
service MSchema { rpc X(M) returns (M); }
message M { message Inner { enum Kind { KIND_A = 0; } } enum class { NONE = 0; } }
message M_Inner2 {}
message Foo { message Bar {} }
message Foo_Bar {}
message FooSchema {}
message string {}
enum Partial { PARTIAL_NO = 0; }
`;

describe("names", () => {
  it("are the ones that protoc-gen-es exports, also where they clash", async () => {
    using project = tempProject({ "package.json": "{}", "awkward.proto": awkward, "tsconfig.json": "{}", "a.ts": "" });
    const result = await ensureGenerated({ root: project.root });
    expect(result.status, result.failure?.text).toBe("generated");
    const code = result.files.find((file) => file.path.endsWith("awkward_pb.ts"))!.content;
    const values = [...code.matchAll(/^export (?:const|enum) ([\w$]+)/gm)].map((match) => match[1]!);
    const types = [...code.matchAll(/^export (?:type|enum) ([\w$]+)/gm)].map((match) => match[1]!);
    const names = [...generatedNames(result.registry!.files()[0]!).values()];
    const enums = names.filter((name) => name.shape !== null && values.includes(name.shape)).map((name) => name.shape!);
    expect(values.sort()).toEqual([...names.map((name) => name.descriptor), ...enums, "file_awkward"].sort());
    expect(types.sort()).toEqual(names.flatMap((name) => name.shape ?? []).sort());
  });

  it("old keys lead to the method, whichever generator made them (matrix §0.1)", async () => {
    using project = tempProject({ "package.json": "{}", "awkward.proto": awkward, "a.js": "" });
    const { registry } = await ensureGenerated({ root: project.root });
    const table: [key: string, localName: string | undefined][] = [
      ["Get", "get"],
      ["get", "get"],
      ["getSnake", "get_snake"],
      ["get_snake", "get_snake"],
      ["getURL", "getURL"],
      ["getUrl", "getURL"],
      ["getUrlInfo", "getURLInfo"],
      ["xMLHttp", "xMLHttp"],
      ["xmlHttp", "xMLHttp"],
      ["delete", "delete"],
      ["toString", "toString$"],
      ["constructor$", "constructor$"],
      ["close$", "close"],
      ["hasOwnProperty", undefined],
    ];
    for (const [key, localName] of table) {
      expect([key, registry?.methodByLegacyKey("a.b.Names", key)?.localName]).toEqual([key, localName]);
    }
    expect(registry?.methodByLegacyKey("a.b.Nowhere", "Get")).toBeUndefined();
    expect(registry?.importPathFor(registry.message("a.b.M.Inner")!, join(project.root, "x/y/z.js")).module).toBe(
      "../../gen/awkward_pb.js",
    );
  });

  it("camel case by words is what proto-loader uses", () => {
    const camelCase = require("lodash.camelcase") as (text: string) => string;
    const identifier = fc.stringMatching(/^[A-Za-z][A-Za-z0-9_]{0,14}$/);
    fc.assert(
      fc.property(identifier, (name) => {
        expect(camelCaseWords(name)).toBe(camelCase(name));
      }),
      { numRuns: 3000 },
    );
  });
});
