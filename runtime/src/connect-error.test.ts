import { expect, test } from "vitest";
import { Code } from "./code.js";
import { ConnectError } from "./connect-error.js";

class Missing extends ConnectError {
  override name = "Missing";
}
class Gone extends Missing {}

test("an error of a class that extends ConnectError is one, whatever its name is", () => {
  const error = new Missing("no such item", Code.NotFound);
  expect(error).toBeInstanceOf(ConnectError);
  expect(ConnectError.from(error)).toBe(error);
  expect(new Gone("gone")).toBeInstanceOf(Missing);
});

test("such a class has its own instances only", () => {
  const error = new ConnectError("no such item", Code.NotFound);
  expect(error instanceof Missing).toBe(false);
  expect(new Missing("no such item") instanceof Gone).toBe(false);
  expect({} instanceof Missing).toBe(false);
});

test("errors go by shape, and other values are none", () => {
  const { code, rawMessage, details, metadata, cause } = new ConnectError("no such item", Code.NotFound);
  const shape = Object.assign(new Error(), { name: "ConnectError", code, rawMessage, details, metadata, cause });
  expect(shape instanceof ConnectError).toBe(true);
  for (const value of [undefined, null, {}, new Error("no"), { ...shape }])
    expect(value instanceof ConnectError).toBe(false);
});
