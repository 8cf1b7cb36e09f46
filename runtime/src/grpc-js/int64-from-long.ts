import { refused } from "./text-from-value.js";

/**
 * What proto-loader encoded for a value of a 64-bit field: a number without its fraction, a string of digits, a Long, a bigint.
 * What is out of range is cut as Long cuts it: numbers to the nearest value there is, everything else to its low 64 bits.
 * NaN is 0. What Long refuses (an empty string, one with a hyphen inside, undefined and null) is refused when the message is
 * encoded, as it was there.
 */
export function int64FromLong(value: unknown, unsigned = false): bigint {
  try {
    return longOf(value, unsigned);
  } catch (error) {
    return refused(error);
  }
}

/**
 * What the static code of pbjs wrote for a value of a 64-bit field: the same, but the low 64 bits of any number, and 0 for one
 * that is not finite, and for a bigint, which its Long did not know.
 */
export function int64FromLongBits(value: unknown, unsigned = false): bigint {
  if (typeof value === "bigint") return 0n;
  if (typeof value !== "number") return int64FromLong(value, unsigned);
  return longOf(BigInt(Number.isFinite(value) ? Math.trunc(value) : 0), unsigned);
}

/** `int64FromLong`, which throws at once. */
export function longOf(value: unknown, unsigned = false): bigint {
  const cut = (big: bigint) => (unsigned ? BigInt.asUintN(64, big) : BigInt.asIntN(64, big));
  if (typeof value === "bigint") return cut(value);
  if (typeof value === "number") return fromNumber(value, unsigned);
  if (typeof value === "string") return cut(fromString(value, unsigned));
  const long = value as { readonly low: number; readonly high: number };
  const low = BigInt(long.low >>> 0);
  return cut((BigInt(long.high | 0) << 32n) | low);
}

/**
 * A number for a 64-bit field, as google-protobuf took it: a whole one is a bigint. Fractions, NaN and infinities stay what they are,
 * and are refused when the message is encoded, as they were there.
 */
export function int64FromNumber(value: number): bigint {
  return Number.isInteger(value) ? BigInt(value) : (value as unknown as bigint);
}

function fromNumber(value: number, unsigned: boolean): bigint {
  if (Number.isNaN(value)) return 0n;
  const [least, most] = unsigned ? [0n, 2n ** 64n - 1n] : [-(2n ** 63n), 2n ** 63n - 1n];
  if (value <= Number(least)) return least;
  if (value >= Number(most)) return most;
  return BigInt(Math.trunc(value));
}

/** Long reads eight characters at a time, each with parseInt. */
function fromString(text: string, unsigned: boolean): bigint {
  if (text.length === 0) throw new Error("empty string");
  if (/^(NaN|[-+]?Infinity)$/.test(text)) return 0n;
  const hyphen = text.indexOf("-");
  if (hyphen > 0) throw new Error("interior hyphen");
  if (hyphen === 0) return -fromString(text.slice(1), unsigned);
  let result = 0n;
  for (let at = 0; at < text.length; at += 8) {
    const part = text.slice(at, at + 8);
    const value = Number.parseInt(part, 10);
    result = result * 10n ** BigInt(part.length) + (Number.isNaN(value) ? 0n : BigInt(value));
  }
  return result;
}
