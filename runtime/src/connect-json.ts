import { create, type JsonObject, type JsonValue, toJson } from "@bufbuild/protobuf";
import { base64Decode, base64Encode } from "@bufbuild/protobuf/wire";
import { Code, codeFromName, codeName } from "./code.js";
import { ConnectError, type IncomingDetail } from "./connect-error.js";
import { encodeDetails } from "./grpc-status.js";
import { createHeaders, headerLines } from "./headers.js";
import type { JsonOptions } from "./serialization.js";

/** Flag of the last envelope of a Connect stream; its data is an EndStreamResponse in JSON. */
export const endStreamFlag = 0b00000010;

export interface EndStreamResponse {
  error?: ConnectError | undefined;
  metadata: Headers;
}

const utf8Encoder = new TextEncoder();
const utf8Decoder = new TextDecoder();

/** Connect: Error end-stream / unary error JSON. `jsonOptions.registry` adds the readable `debug` of each detail. */
export function errorToJson(error: ConnectError, jsonOptions?: JsonOptions): JsonObject {
  const json: JsonObject = { code: codeName(error.code) };
  if (error.rawMessage !== "") json.message = error.rawMessage;
  if (error.details.length > 0) {
    json.details = encodeDetails(error).map((detail, index) => {
      const entry: JsonObject = { type: detail.type, value: base64Encode(detail.value, "std_raw") };
      const debug = detail.debug ?? debugOf(error.details[index], jsonOptions);
      if (debug !== undefined) entry.debug = debug;
      return entry;
    });
  }
  return json;
}

function debugOf(detail: ConnectError["details"][number] | undefined, options?: JsonOptions): JsonValue | undefined {
  if (detail === undefined || !("desc" in detail)) return undefined;
  try {
    return toJson(detail.desc, create(detail.desc, detail.value), options);
  } catch {
    return undefined; // debug is for people: an Any without registry must not cost the error
  }
}

export function errorToJsonBytes(error: ConnectError, jsonOptions?: JsonOptions): Uint8Array {
  return utf8Encoder.encode(stringify(errorToJson(error, jsonOptions)));
}

// A lone surrogate in a text is no UTF-8: JSON.stringify escapes it, so the bytes are always valid.
function stringify(value: JsonValue): string {
  return JSON.stringify(value);
}

/**
 * The error in a JSON body.
 *
 * @param fallback what to throw when the body is no error, or has no known code (its code is then used)
 */
export function errorFromJson(json: unknown, metadata: HeadersInit | undefined, fallback: ConnectError): ConnectError {
  if (typeof json !== "object" || json === null || Array.isArray(json)) return fallback;
  const { code, message, details } = json as Record<string, unknown>;
  if (message !== undefined && message !== null && typeof message !== "string") return fallback;
  const known = codeFromName(code);
  // Connect: a missing or unknown code is inferred from the HTTP status; the rest of the body still counts.
  if (known === undefined && code !== undefined && code !== null && typeof code !== "string") return fallback;
  const error = new ConnectError((message as string | null | undefined) ?? "", known ?? fallback.code, metadata);
  error.isWireError = true;
  if (Array.isArray(details)) {
    for (const entry of details) {
      const detail = detailFromJson(entry);
      if (detail === undefined) return fallback;
      error.details.push(detail);
    }
  }
  return error;
}

function detailFromJson(entry: unknown): IncomingDetail | undefined {
  if (typeof entry !== "object" || entry === null || Array.isArray(entry)) return undefined;
  const { type, value, debug } = entry as Record<string, unknown>;
  if (typeof type !== "string" || typeof value !== "string") return undefined;
  try {
    const detail: IncomingDetail = { type, value: base64Decode(value) };
    if (debug !== undefined) detail.debug = debug as JsonValue;
    return detail;
  } catch {
    return undefined;
  }
}

export function errorFromJsonBytes(
  bytes: Uint8Array,
  metadata: HeadersInit | undefined,
  fallback: ConnectError,
): ConnectError {
  try {
    return errorFromJson(JSON.parse(utf8Decoder.decode(bytes)), metadata, fallback);
  } catch {
    return fallback;
  }
}

export function endStreamToJsonBytes(
  metadata: Headers | undefined,
  error: ConnectError | undefined,
  jsonOptions?: JsonOptions,
): Uint8Array {
  const json: JsonObject = {};
  if (error !== undefined) json.error = errorToJson(error, jsonOptions);
  const all: Record<string, string[]> = Object.create(null);
  let any = false;
  for (const headers of [metadata, error?.isWireError === true ? undefined : error?.metadata]) {
    if (headers === undefined) continue;
    for (const [key, value] of headerLines(headers)) {
      any = true;
      const values = all[key];
      if (values === undefined) all[key] = [value];
      else values.push(value);
    }
  }
  if (any) json.metadata = all;
  return utf8Encoder.encode(stringify(json));
}

/** Throws a ConnectError (code unknown, as every malformed response) if the data is no EndStreamResponse. */
export function endStreamFromJsonBytes(bytes: Uint8Array): EndStreamResponse {
  const broken = (cause?: unknown) =>
    new ConnectError("invalid end stream response", Code.Unknown, undefined, undefined, cause);
  let json: unknown;
  try {
    json = JSON.parse(utf8Decoder.decode(bytes));
  } catch (error) {
    throw broken(error);
  }
  if (typeof json !== "object" || json === null || Array.isArray(json)) throw broken();
  const { metadata, error } = json as Record<string, unknown>;
  const headers = createHeaders();
  if (metadata !== undefined && metadata !== null) {
    if (typeof metadata !== "object" || Array.isArray(metadata)) throw broken();
    for (const [key, values] of Object.entries(metadata)) {
      if (!Array.isArray(values) || values.some((value) => typeof value !== "string")) throw broken();
      try {
        for (const value of values) headers.append(key, value);
      } catch (cause) {
        // A name or a value that no header can have
        throw broken(cause);
      }
    }
  }
  if (error === undefined || error === null) return { metadata: headers };
  return { metadata: headers, error: errorFromJson(error, headers, broken()) };
}
