import { describe, expect, it } from "vitest";
import { structFromJavaScript, structToJavaScript } from "./struct-javascript.js";

describe("structToJavaScript", () => {
  it("gives a copy, whose keys are in order at any depth", () => {
    const struct = { z: 1, a: [{ y: null, b: "x" }] };
    const object = structToJavaScript(struct);
    expect(JSON.stringify(object)).toBe('{"a":[{"b":"x","y":null}],"z":1}');
    expect(JSON.stringify(struct)).toBe('{"z":1,"a":[{"y":null,"b":"x"}]}');
  });

  it("gives undefined of nothing", () => {
    expect(structToJavaScript(undefined)).toBeUndefined();
  });
});

describe("structFromJavaScript", () => {
  it("copies, and takes what is inherited", () => {
    const list = [1, { a: null }];
    const struct = structFromJavaScript(Object.assign(Object.create({ old: true }), { list }));
    list.push(2);
    expect(struct).toEqual({ list: [1, { a: null }], old: true });
  });

  it.each([undefined, null, 5, new Date(0)])("makes an empty one of %s", (given) => {
    expect(structFromJavaScript(given)).toEqual({});
  });

  it.each([[undefined], [1n], [() => 1], [Symbol("x")], [[1, undefined]]])("refuses %s in it", (value) => {
    expect(() => structFromJavaScript({ value })).toThrow("Unexpected struct type.");
  });
});
