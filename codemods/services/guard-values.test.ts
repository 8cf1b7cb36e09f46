import { expect, it } from "vitest";
import { type Node, parentMap, walk } from "../shared/ast.js";
import { parse } from "../shared/parse.js";
import { scopesOf } from "../shared/scope.js";
import { ALL, excludedFrom } from "./guard-values.js";

const NONE = ["undefined", "null"];

it.each([
  ["return { a };", ALL],
  ["return 0;", NONE],
  ["return 'a';", ALL],
  ["return Number(a);", NONE],
  ["return find(a);", []],
  ["const found = a * 2; return found;", NONE],
  ["if (!a) return; return a;", ALL],
  ["if (!a || a.gone) throw 0; return a;", ALL],
  ["if (!a && b) return; return a;", []],
  ["if (a === undefined) return; return a;", ["undefined"]],
  ["if (a == null) { log(a); return; } return a;", NONE],
  ["if (a === false) return; return a;", ["false"]],
  ["if (!a) log(a); return a;", []],
  ["if (a && b) return a;", ALL],
  ["if (a || b) return a;", []],
  ["if (a !== null) return a;", ["null"]],
  ["if (!a) return; else return a;", ALL],
  ["if (!a) return; a = b; return a;", []],
  ["return a ?? {};", NONE],
  ["return a || {};", ALL],
  ["return a && {};", []],
  ["return a ? {} : '';", NONE],
] as const)("%s", (text, excluded) => {
  const file = parse(`function guard(a, b) { ${text} }`, "a.js");
  const values: Node[] = [];
  walk(file, (node) => {
    if (node.type === "ReturnStatement" && node.argument) values.push(node.argument as Node);
  });
  const [value] = values as [Node];
  const found = excludedFrom({ parents: parentMap(file), scopes: scopesOf(file) }, value);
  expect([...new Set(found)].sort()).toEqual([...excluded].sort());
});
