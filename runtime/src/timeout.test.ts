import fc from "fast-check";
import { expect, test } from "vitest";
import { formatConnectTimeout, formatGrpcTimeout, parseConnectTimeout, parseGrpcTimeout } from "./timeout.js";

test.each([
  ["1H", 3_600_000],
  ["2M", 120_000],
  ["3S", 3000],
  ["4m", 4],
  ["5u", 0.005],
  ["6n", 0.000006],
  ["00000000m", 0],
])("grpc-timeout %s", (value, timeoutMs) => {
  expect(parseGrpcTimeout(value)).toEqual({ timeoutMs });
});

test.each(["", "m", "1", "1s", "123456789m", "-1m", " 1m", "1 m", "1.5S"])("grpc-timeout %j is refused", (value) => {
  expect(parseGrpcTimeout(value).error?.rawMessage).toContain("invalid grpc timeout value");
});

test.each(["", "12345678901", "1m", "-1"])("connect-timeout-ms %j is refused", (value) => {
  expect(parseConnectTimeout(value).error).toBeDefined();
});

test("what is written is read, never shorter than asked", () => {
  fc.assert(
    fc.property(fc.double({ min: 0.001, max: 9e9, noNaN: true }), (timeoutMs) => {
      expect(parseGrpcTimeout(formatGrpcTimeout(timeoutMs)).timeoutMs).toBeGreaterThanOrEqual(timeoutMs);
      expect(parseConnectTimeout(formatConnectTimeout(timeoutMs)).timeoutMs).toBeGreaterThanOrEqual(timeoutMs);
    }),
  );
  expect(formatGrpcTimeout(Number.POSITIVE_INFINITY)).toBe("99999999H");
  expect(formatGrpcTimeout(0)).toBe("0m");
});
