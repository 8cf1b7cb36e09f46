import { Code } from "./code.js";
import { ConnectError } from "./connect-error.js";

/** A timeout from a header. An error is a value: it is answered in the caller's protocol. */
export type ParsedTimeout = { timeoutMs?: number; error?: undefined } | { timeoutMs?: undefined; error: ConnectError };

const none: ParsedTimeout = {};
const milliseconds: Record<string, number> = { H: 3_600_000, M: 60_000, S: 1_000, m: 1, u: 1e-3, n: 1e-6 };

/** `grpc-timeout`: at most eight digits and a unit (gRPC PROTOCOL-HTTP2 §Requests). */
export function parseGrpcTimeout(value: string | null | undefined): ParsedTimeout {
  if (value === null || value === undefined) return none;
  const match = /^(\d{1,8})([HMSmun])$/.exec(value);
  if (match === null) return invalid("grpc", value);
  return { timeoutMs: Number(match[1]) * (milliseconds[match[2] as string] as number) };
}

/** The shortest exact form; past 99,999,999 ms the unit grows and the value is rounded up. */
export function formatGrpcTimeout(timeoutMs: number): string {
  if (!(timeoutMs > 0)) return "0m";
  const ms = Math.ceil(timeoutMs);
  for (const unit of ["m", "S", "M", "H"]) {
    const value = Math.ceil(ms / (milliseconds[unit] as number));
    if (value <= 99_999_999) return `${value}${unit}`;
  }
  return "99999999H";
}

/** `connect-timeout-ms`: at most ten digits (Connect: Timeout-Milliseconds). */
export function parseConnectTimeout(value: string | null | undefined): ParsedTimeout {
  if (value === null || value === undefined) return none;
  if (!/^\d{1,10}$/.test(value)) return invalid("connect", value);
  return { timeoutMs: Number(value) };
}

export function formatConnectTimeout(timeoutMs: number): string {
  if (!(timeoutMs > 0)) return "0";
  return String(Math.min(Math.ceil(timeoutMs), 9_999_999_999));
}

function invalid(protocol: string, value: string): ParsedTimeout {
  return {
    error: new ConnectError(`protocol error: invalid ${protocol} timeout value: ${value}`, Code.InvalidArgument),
  };
}
