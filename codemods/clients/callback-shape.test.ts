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
    ["(err, res) => { if (err) no(err); else if (res) ok(res); else none(); }", "if-else"],
    ["(err, res) => err ? no(err) : ok(res)", "conditional"],
    ["(err, res) => { err ? no(err) : ok(res); }", "conditional"],
    ["() => {}", "empty"],
    ["(err) => {}", "empty"],
    ["async (err, res) => { if (err) return; ok(res); }", "guard"],
    ["(err, res) => { if (err) log(err); ok(res); }", "guard"],
    ["(err, res) => { if (!err) ok(res); else no(err); }", "negated"],
    ["(err, res) => { if (err === null) ok(res); }", "negated"],
    ["(err, res) => !err ? ok(res) : no(err)", "negated"],
    ["(err, res) => { log(res.a); ok(res); }", "success"],
    ["(err, res) => { const { a } = res; ok(a); }", "success"],
    ["(err, res) => { for (const a of res.all) ok(a); }", "success"],
    ["(err, res) => res.a && ok()", "success"],
    // What was done before the response is read is done on an error, too; `?.` and `typeof` do not throw.
    ["(err, res) => { log(); ok(res.a); }", "whole"],
    ["(err, res) => { ok(res?.a); }", "whole"],
    ["(err, res) => { later(() => res.a); }", "whole"],
    ["(err, res) => { known && ok(res.a); }", "whole"],
    // Both paths run into each other.
    ["(err, res) => { if (err) { a(); } else { b(); } c(); }", "whole"],
    ["(err, res) => { if (!err) ok(res); c(); }", "whole"],
    ["(err, res) => { ok(res); }", "whole"],
    ["(err, res) => { done(err, res); }", "whole"],
    ["(err, res) => { if (err && res) return; ok(res); }", "whole"],
    ["(err, res) => { if (err) return; ok(res, err); }", "whole"],
    ["(err, res) => { if (err) return; get((err) => no(err)); }", "guard"],
    ["(err, res) => { if (err) return log(err, res); ok(res); }", "whole"],
    ["function* (err, res) { ok(res.a); }", "the callback is a generator"],
    ["function cb(err, res) { if (err) get(cb); }", "the callback calls itself"],
    ["function (err, res) { if (err) return; this.ok(res); }", "the callback uses `this` or `arguments`"],
    ["(err, res, more) => { if (err) return; ok(res); }", "the callback has more than two parameters"],
    ["({ code }, res) => { if (code) return; ok(res); }", "the error parameter is a pattern"],
    ["callback", "the callback is not written at the call"],
  ];
  it.each(cases)("%s: %s", (text, expected) => {
    expect(shapeOf(text)).toBe(expected);
  });
});
