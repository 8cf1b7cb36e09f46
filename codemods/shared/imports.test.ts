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
