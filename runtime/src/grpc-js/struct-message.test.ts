import { create, type JsonObject } from "@bufbuild/protobuf";
import { StructSchema, ValueSchema } from "@bufbuild/protobuf/wkt";
import { describe, expect, test } from "vitest";
import { structJson, structMessage } from "./struct-message.js";

const json: JsonObject = { a: null, b: [Number.NaN, {}, "x"], c: { d: true }, ["__proto__"]: 1 };

describe("structMessage", () => {
  test("makes a message of the JSON in a field, and structJson the same JSON of it", () => {
    const message = structMessage(json);
    expect(message.fields.c?.kind).toMatchObject({
      case: "structValue",
      value: { fields: { d: { kind: { value: true } } } },
    });
    expect(structJson(message)).toEqual(json);
    expect(Object.keys(structJson(message))).toEqual(["a", "b", "c", "__proto__"]);
  });

  test("gives nothing for nothing", () => {
    expect([structMessage(undefined), structJson(undefined)]).toEqual([undefined, undefined]);
  });
});

test("structJson takes what a message is made of, and keeps the place of a value without a kind", () => {
  const made = { fields: { a: { kind: { case: "stringValue", value: "x" } as const }, none: create(ValueSchema) } };
  expect(structJson(made)).toEqual({ a: "x", none: undefined });
  expect(structMessage(structJson(made))).toEqual(create(StructSchema, made));
});
