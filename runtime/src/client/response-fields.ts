import type { Compression } from "../compression.js";
import { createHeaders, headersFromRaw } from "../headers.js";
import type { Fields } from "./http-client.js";

/** One field; the first value if the peer sent several. */
export function fieldOf(fields: Fields, name: string): string | undefined {
  const value = fields.map[name];
  return Array.isArray(value) ? value[0] : value;
}

/** The metadata of an error: headers and trailers together. */
export function mergedHeaders(...parts: Array<Fields | undefined>): Headers {
  const lines = parts.flatMap((part) => part?.lines ?? []);
  return lines.length === 0 ? createHeaders() : headersFromRaw(lines);
}

/** @returns undefined if the response names a compression that was not offered */
export function responseCompression(
  available: readonly Compression[],
  encoding: string | undefined,
): Compression | null | undefined {
  if (encoding === undefined || encoding === "" || encoding === "identity") {
    return null;
  }
  return available.find((compression) => compression.name === encoding);
}

/** The value of an accept header, or undefined when nothing is accepted. */
export function acceptedNames(available: readonly Compression[]): string | undefined {
  return available.length === 0 ? undefined : available.map((compression) => compression.name).join(",");
}
