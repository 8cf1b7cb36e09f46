import { describe, expect, it } from "vitest";
import type { Node } from "../shared/ast.js";
import { parse } from "../shared/parse.js";
import { callbackShape } from "./callback-shape.js";

function shapeOf(text: string) {
  const { program } = parse(`(${text});`, "a.js");
  const shape = callbackShape((program.body as Node[])[0]?.expression);
  return typeof shape === "string" ? shape : shape.form;
}

describe("the two paths of a callback", () => {
  const cases: readonly (readonly [string, string])[] = [
    ["(err, res) => { if (err) return no(err); ok(res); }", "guard"],
    ["(err, res) => { if (err) { log(err); return; } ok(res); }", "guard"],
    ["(err, res) => { if (err) { log(err); process.exit(1); } ok(res); }", "guard"],
    ["(err, res) => { if (err != null) throw err; ok(res); }", "guard"],
    ["function (err, res) { if (err) { log(err); } else { ok(res); } }", "if-else"],
    ["(err, res) => err ? no(err) : ok(res)", "conditional"],
    ["(err, res) => { err ? no(err) : ok(res); }", "conditional"],
    ["() => {}", "empty"],
    ["(err) => {}", "empty"],
    // Both paths run into each other.
    ["(err, res) => { if (err) log(err); ok(res); }", "the error path falls through to the success path"],
    ["(err, res) => { if (err) { a(); } else { b(); } c(); }", "statements follow both paths"],
    ["(err, res) => { ok(res); }", "nothing tests the error"],
    ["(err, res) => { done(err, res); }", "nothing tests the error"],
    ["(err, res) => { if (err && res) return; ok(res); }", "the test is not of the error alone"],
    ["(err, res) => { if (err) return; ok(res, err); }", "the success path uses the error"],
    ["(err, res) => { if (err) return log(err, res); ok(res); }", "the error path uses the response"],
    ["async (err, res) => { if (err) return; ok(res); }", "the callback is async"],
    ["function (err, res) { if (err) return; this.ok(res); }", "the callback uses `this` or `arguments`"],
    ["(err, res, more) => { if (err) return; ok(res); }", "the callback has more than two parameters"],
    ["({ code }, res) => { if (code) return; ok(res); }", "the error parameter is a pattern"],
    ["callback", "the callback is not written at the call"],
  ];
  it.each(cases)("%s: %s", (text, expected) => {
    expect(shapeOf(text)).toBe(expected);
  });
});
