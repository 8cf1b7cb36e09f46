import { expect, test } from "vitest";
import { parseContentType } from "./content-type.js";

test.each([
  ["application/grpc", "grpc proto enveloped"],
  ["application/grpc+json", "grpc json enveloped"],
  ["application/grpc-web+proto", "grpc-web proto enveloped"],
  ["application/grpc-web-text", "grpc-web proto enveloped text"],
  ["application/connect+json", "connect json enveloped"],
  ["application/proto", "connect proto"],
  ["application/json", "connect json"],
  ["Application/JSON; charset=UTF-8", "connect json"],
  ['application/json;charset="utf-8"', "connect json"],
  ["application/json; charset=latin1", undefined],
  ["application/grpc+thrift", undefined],
  ["text/plain", undefined],
  ["", undefined],
])("%s", (value, expected) => {
  const parsed = parseContentType(value);
  const text = parsed && [parsed.protocol, parsed.format, parsed.enveloped && "enveloped", parsed.text && "text"];
  expect(text?.filter(Boolean).join(" ")).toBe(expected);
});
