import { expect, it } from "vitest";
import { Echo } from "../../testing/gen/echo_pb.js";
import { createConnectRouter } from "./router.js";

it("a handler says which content types it takes: by protocol and kind of method", () => {
  const [unary, stream] = ["Unary", "ServerStream"].map((name) => {
    const router = createConnectRouter({ grpc: false }).service(Echo, { unary: () => ({}), async *serverStream() {} });
    return router.handlers.find((handler) => handler.method.name === name);
  });
  const accepted = (handler: typeof unary) =>
    [
      "application/json",
      "application/json; charset=utf-8",
      "application/connect+proto",
      "application/grpc",
      "application/grpc-web-text+proto",
      "text/plain",
      null,
    ].filter((type) => handler?.supportedContentType(type));
  expect(accepted(unary)).toEqual([
    "application/json",
    "application/json; charset=utf-8",
    "application/grpc-web-text+proto",
  ]);
  expect(accepted(stream)).toEqual(["application/connect+proto", "application/grpc-web-text+proto"]);
  // What server frameworks register body parsers with
  expect(unary?.supportedContentType.supported.some((pattern) => pattern.test("application/proto"))).toBe(true);
});
