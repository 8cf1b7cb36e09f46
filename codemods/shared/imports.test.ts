import { describe, expect, it } from "vitest";
import { applyRules } from "./apply.js";
import { walk } from "./ast.js";
import type { Rule } from "./rule.js";

/** Removes every statement `gone(…)`, and with them the last uses of what they name. */
const rule: Rule = {
  id: "test/gone",
  side: "both",
  apply({ root, edit }) {
    walk(root.get().value, (node) => {
      if (node.type === "ExpressionStatement" && node.expression.callee?.name === "gone")
        edit.remove(node.start, node.end, { rule: "test/gone", outcome: "idiomatic" });
    });
  },
};

const firstLine = (source: string, file = "a.ts") =>
  applyRules(source, file, [rule], { facts: [], target: "bundled", messages: "auto" }).text.split("\n")[0];

describe("imports that lose names", () => {
  it.each([
    ["the last two", "A, b, C", "b, C", "import { A } from '@grpc/grpc-js';"],
    ["the first", "A, b, C", "A", "import { b, C } from '@grpc/grpc-js';"],
    ["the middle", "A, b, C", "b", "import { A, C } from '@grpc/grpc-js';"],
    ["first and last", "A, b, C", "A, C", "import { b } from '@grpc/grpc-js';"],
    ["all but the third of five", "A, b, C, d, E", "A, b, d, E", "import { C } from '@grpc/grpc-js';"],
  ])("%s", (_name, names, gone, expected) => {
    const kept = names.split(", ").filter((name) => !gone.split(", ").includes(name));
    expect(firstLine(`import { ${names} } from '@grpc/grpc-js';\ngone(${gone});\nkept(${kept});\n`)).toBe(expected);
    expect(firstLine(`const { ${names} } = require('@grpc/grpc-js');\ngone(${gone});\nkept(${kept});\n`)).toBe(
      expected.replace("import", "const").replace(" from '@grpc/grpc-js'", " = require('@grpc/grpc-js')"),
    );
  });

  it("of a module of the project, of which something else is still imported", () => {
    const rest = "gone(load);\nkept(grpc);\n";
    const named = (text: string) => firstLine(`${text}\n${rest}`, "a.js");
    expect(named("import { grpc, load } from './setup.js';")).toBe("import { grpc } from './setup.js';");
    expect(named("const { load, grpc } = require('./setup');")).toBe("const { grpc } = require('./setup');");
  });

  it("but a module of the project is still loaded when the last one goes", () => {
    const only = "import { load } from './setup.js';";
    expect(firstLine(`${only}\ngone(load);\n`, "a.js")).toBe(only);
  });
});

describe("imports that are added", () => {
  /** Asks for a name of another module wherever the program is named `used`. */
  const asking: Rule = {
    id: "test/asking",
    side: "both",
    apply({ root, edit, imports }) {
      walk(root.get().value, (node) => {
        if (node.type === "CallExpression" && node.callee.name === "used")
          edit.overwrite(node.callee.start, node.callee.end, imports.add("@bufbuild/protobuf", "create"), {
            rule: "test/asking",
            outcome: "idiomatic",
          });
      });
    },
  };
  const lines = (source: string) =>
    applyRules(source, "a.ts", [asking], { facts: [], target: "bundled", messages: "auto" }).text.trim().split("\n");
  const added = "import { create } from '@bufbuild/protobuf';";

  it("stand above the code that uses them, although other imports stand below it", () => {
    const grpc = "import * as grpc from '@grpc/grpc-js';";
    expect(lines(`${grpc}\nused(grpc);\nimport fs from 'fs';\nfs;\n`)).toEqual([
      grpc,
      added,
      "create(grpc);",
      "import fs from 'fs';",
      "fs;",
    ]);
  });

  it("stand behind what is set up before grpc-js is imported", () => {
    const start = ["import dotenv from 'dotenv';", "dotenv.config();", "import * as grpc from '@grpc/grpc-js';"];
    expect(lines(`${start.join("\n")}\nused(grpc);\n`)).toEqual([...start, added, "create(grpc);"]);
  });

  it("stand behind all imports where only types and other modules' exports are between", () => {
    const start = [
      "import * as grpc from '@grpc/grpc-js';",
      "type Id = string;",
      "export * from './other';",
      "import fs from 'fs';",
    ];
    expect(lines(`${start.join("\n")}\nused(grpc, fs);\n`)).toEqual([...start, added, "create(grpc, fs);"]);
  });
});
