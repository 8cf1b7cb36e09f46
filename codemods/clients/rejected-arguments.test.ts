import { expect, it } from "vitest";
import { isIdentifier, type Node, parentMap, walk } from "../shared/ast.js";
import { parse } from "../shared/parse.js";
import { rejectedArguments } from "./rejected-arguments.js";

/** The form for the `new Promise` of a file, and the text from where the function becomes async. */
function formOf(source: string): string {
  const file = parse(source, "/p/a.ts");
  let promise: Node | undefined;
  walk(file, (node) => {
    if (node.type === "NewExpression" && isIdentifier(node.callee, "Promise")) promise ??= node;
  });
  const rejected = rejectedArguments(promise as Node, parentMap(file));
  return rejected.form === "async" ? `async ${source.slice(rejected.at, rejected.at + 4)}` : rejected.form;
}

it.each([
  ["async function f() { try { return await new Promise(x); } catch {} }", "plain"],
  ["async function f() { log(); return new Promise(x); }", "plain"],
  ["async function f() { try { return new Promise(x); } catch {} }", "wrapped"],
  ["function find(a: string) { return new Promise(x); }", "async func"],
  ["const f = (a) => new Promise(x);", "async (a) "],
  ["class A { static find(a): Promise<B> { return new Promise(x); } }", "async find"],
  ["class A { find(a): Thenable<B> { return new Promise(x); } }", "wrapped"],
  ["class A { get find() { return new Promise(x); } }", "wrapped"],
  ["class A { ['find']() { return new Promise(x); } }", "wrapped"],
  ["function f(a) { console.log('f', a); const b = { a, c: 1 }; return new Promise(x); }", "async func"],
  ["function f(a) { const m = new grpc.Metadata(); m.set('k', 'v'); return new Promise(x); }", "async func"],
  ["function f(a) { const m = new grpc.Metadata(); m.set('k', a); return new Promise(x); }", "wrapped"],
  ["function f(a) { const d = new Date(); d.setSeconds(d.getSeconds() + a); return new Promise(x); }", "async func"],
  ["function f(a) { const options = { deadline: Date.now() + a }; return new Promise(x); }", "async func"],
  ["function f(a) { const d = new Clock(); d.setSeconds(5); return new Promise(x); }", "wrapped"],
  ["function f(a) { console.log(a.b); return new Promise(x); }", "wrapped"],
  ["function f(a) { const { b } = a; return new Promise(x); }", "wrapped"],
  ["function f() { log(); return new Promise(x); }", "wrapped"],
  ["function f({ a }) { return new Promise(x); }", "wrapped"],
  ["function f(a = g()) { return new Promise(x); }", "wrapped"],
  ["function f(a) { return a ? new Promise(x) : b; }", "wrapped"],
  ["function* f(a) { return new Promise(x); }", "wrapped"],
  ["const promise = new Promise(x);", "wrapped"],
])("%s: %s", (source, form) => {
  expect(formOf(source)).toBe(form);
});
