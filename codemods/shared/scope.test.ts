import { describe, expect, it } from "vitest";
import { type Node, walk } from "./ast.js";
import { parse } from "./parse.js";
import { scopesOf } from "./scope.js";

/** `name@line` of what every identifier `x` of a source refers to. */
function resolve(source: string, file = "a.ts"): string[] {
  const tree = parse(source, file);
  const scopes = scopesOf(tree);
  const lineOf = (node: Node) => source.slice(0, node.start).split("\n").length;
  const found: string[] = [];
  walk(tree.program, (node) => {
    if (node.type !== "Identifier" || node.name !== "x") return;
    const binding = scopes.bindingOf(node);
    found.push(binding ? `${binding.kind}@${lineOf(binding.identifier)}` : "none");
  });
  return found;
}

describe("bindings", () => {
  it.each([
    ["members and keys are no references", "const o = { x: 1 }; o.x; class A { x = 1; }", ["none", "none", "none"]],
    ["the value of a shorthand is a reference", "const x = 1;\nuse({ x });", ["const@1", "none", "const@1"]],
    ["a parameter shadows", "const x = 1;\nfunction f(x) {\n  return x;\n}", ["const@1", "param@2", "param@2"]],
    ["var is the function's, let the block's", "var x;\n{ let x; x; }\nx;", ["var@1", "let@2", "let@2", "var@1"]],
    ["a function is known before its line", "x();\nfunction x() {}", ["function@2", "function@2"]],
    ["destructuring, defaults and rest", "const { a: x = 1, ...y } = z;\nx;", ["const@1", "const@1"]],
    ["a catch parameter", "try {} catch (x) { x; }\nx;", ["catch@1", "catch@1", "none"]],
    [
      "types refer to imports",
      "import { x } from 'm';\nlet a: x; let b: x.y;",
      ["none", "import@1", "import@1", "import@1"],
    ],
    [
      "parameters of types are no references",
      "import { x } from 'm';\ntype F = (x: number) => void;",
      ["none", "import@1", "none"],
    ],
    ["export names", "const x = 1;\nexport { x as y };", ["const@1", "const@1"]],
    ["a named function expression", "const f = function x() { return x; };", ["function@1", "function@1"]],
    ["parameter properties", "class A { constructor(private x: B) { x; } }", ["param@1", "param@1"]],
  ])("%s", (_name, source, expected) => {
    expect(resolve(source)).toEqual(expected);
  });

  it("tells reads from writes", () => {
    const tree = parse("let a = 1; a = 2; a++; use(a); [a] = b; for (a of c) {}", "a.js");
    const binding = scopesOf(tree).program.bindings.get("a");
    expect([binding?.writes.length, binding?.references.length]).toEqual([4, 1]);
  });
});
