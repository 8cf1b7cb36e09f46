import fc from "fast-check";
import { expect, test } from "vitest";
import { Code } from "./code.js";
import { ConnectError } from "./connect-error.js";
import { addGrpcStatus, decodeRpcStatus, encodeRpcStatus, errorFromGrpcTrailer } from "./grpc-status.js";

test("google.rpc.Status survives", () => {
  const detail = fc.record({ type: fc.stringMatching(/^[a-z]+\.[A-Z]\w*$/), value: fc.uint8Array() });
  fc.assert(
    fc.property(fc.nat(16), fc.string(), fc.array(detail, { maxLength: 3 }), (code, message, details) => {
      const decoded = decodeRpcStatus(encodeRpcStatus({ code, message, details }));
      expect(decoded.code).toBe(code);
      expect(decoded.message).toBe(message);
      expect(decoded.details.map((d) => [d.type, [...d.value]])).toEqual(details.map((d) => [d.type, [...d.value]]));
    }),
  );
});

test("trailers of an error are read back", () => {
  const error = new ConnectError("no, not: here ☺", Code.NotFound);
  error.details = [{ type: "a.B", value: new Uint8Array([8, 1]) }];
  const trailers: Record<string, string> = {};
  addGrpcStatus(trailers, error);
  const read = errorFromGrpcTrailer((name) => trailers[name]);
  expect([read?.code, read?.rawMessage, read?.details]).toEqual([error.code, error.rawMessage, error.details]);
  expect(read?.isWireError).toBe(true);
});

test.each([
  [{ "grpc-status": "0" }, undefined],
  [{ "grpc-status": "00" }, undefined],
  [{}, Code.Internal],
  [{ "grpc-status": "17" }, 17],
  [{ "grpc-status": "-1" }, -1],
  [{ "grpc-status": "x" }, Code.Internal],
  [{ "grpc-status": "5", "grpc-message": "%zz" }, Code.NotFound],
  [{ "grpc-status": "5", "grpc-status-details-bin": "!!!" }, Code.NotFound],
])("%j", (trailers: Record<string, string>, code) => {
  expect(errorFromGrpcTrailer((name) => trailers[name])?.code).toBe(code);
});

test("code and text are those of grpc-status and grpc-message, whatever the details say", () => {
  // google.rpc.Status { code: 5, message: "hi" }
  const trailers: Record<string, string> = {
    "grpc-status": "9",
    "grpc-message": "text",
    "grpc-status-details-bin": "CAUSAmhp",
  };
  const error = errorFromGrpcTrailer((name) => trailers[name]);
  expect([error?.code, error?.rawMessage]).toEqual([Code.FailedPrecondition, "text"]);
});

test("any bytes as details never throw", () => {
  fc.assert(
    fc.property(fc.base64String(), (blob) => {
      expect(errorFromGrpcTrailer((name) => (name === "grpc-status" ? "5" : blob))).toBeInstanceOf(ConnectError);
    }),
  );
});
