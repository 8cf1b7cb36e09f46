import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { createHeaders, headerLines } from "../headers.js";
import type { MetadataLike } from "./types.js";

/**
 * Headers of the protocol and of HTTP. grpc-js strips or never had them in its Metadata, so they do not cross over in
 * either direction.
 */
const protocolHeaders = new Set([
  "content-type",
  "content-length",
  "content-encoding",
  "accept-encoding",
  "host",
  "trailer",
  "te",
  "connection",
  "keep-alive",
  "transfer-encoding",
  "upgrade",
  "grpc-status",
  "grpc-message",
  "grpc-timeout",
  "grpc-encoding",
  "grpc-accept-encoding",
]);

const responseHeaders: ReadonlySet<string> = new Set([...protocolHeaders].filter((key) => key !== "content-type"));

/** The details of a ConnectError are written by its protocol; grpc-js leaves the field in the Metadata of an error. */
const detailsHeader = "grpc-status-details-bin";

/** Not sent by an application: grpc-js overwrites them. */
const overwrittenHeaders = new Set(["user-agent", "date"]);

type MetadataClass = new () => MetadataLike;
let known: MetadataClass | undefined;

/**
 * Headers with the entries of grpc-js Metadata. Binary values are encoded; protocol headers are left out. With `into`, for
 * instance `ctx.responseTrailer`, the entries are appended to those headers.
 */
export function headersFromMetadata(metadata: MetadataLike | Headers | null | undefined, into?: Headers): Headers {
  const headers = into ?? createHeaders();
  addMetadata(headers, metadata);
  return headers;
}

/** Append Metadata to Headers. */
export function addMetadata(headers: Headers, metadata: MetadataLike | Headers | null | undefined): void {
  if (metadata === null || metadata === undefined) {
    return;
  }
  if (metadata instanceof Headers) {
    for (const [key, value] of headerLines(metadata)) {
      headers.append(key, value);
    }
    return;
  }
  remember(metadata);
  const entries = typeof metadata.toJSON === "function" ? metadata.toJSON() : {};
  for (const [key, values] of Object.entries(entries)) {
    if (protocolHeaders.has(key) || overwrittenHeaders.has(key) || key === detailsHeader) {
      continue;
    }
    for (const value of sentValues(values)) {
      headers.append(key, value);
    }
  }
}

/**
 * What the wire has of a key's values. Metadata of JavaScript takes any value; HTTP/2 sends it as a string, leaves out a single
 * `undefined`, and its peers drop a field with blanks at its ends.
 */
function sentValues(values: readonly unknown[]): string[] {
  if (values.length === 1 && values[0] === undefined) {
    return [];
  }
  const texts = values.map((value) => (value instanceof Uint8Array ? encodeBase64(value) : String(value)));
  return texts.filter((text) => !/^[ \t]|[ \t]$/.test(text));
}

/**
 * Metadata with the fields of Headers: grpc-js's own class where it is installed, otherwise one with the same methods.
 * Protocol headers are left out, as grpc-js does. `M` is the type that the code around it has for Metadata: grpc-js's own, where that is asked for.
 */
export function metadataFromHeaders<M = MetadataLike>(headers: Headers): M {
  return metadataOf(headers, protocolHeaders) as M;
}

/** What a client of grpc-js sees of a response: gRPC's content type too; the rest is stripped as a server does it. */
export function metadataFromResponse(headers: Headers): MetadataLike {
  const isGrpc = headers.get("content-type")?.startsWith("application/grpc") === true;
  return metadataOf(headers, isGrpc ? responseHeaders : protocolHeaders);
}

function metadataOf(headers: Headers, hidden: ReadonlySet<string>): MetadataLike {
  const metadata = createMetadata();
  const keys = new Set(headerLines(headers).map(([key]) => key));
  for (const key of keys) {
    if (hidden.has(key) || key.startsWith(":")) {
      continue;
    }
    try {
      for (const value of headerValues(headers, key)) {
        metadata.add(key, value);
      }
    } catch {
      // grpc-js refuses characters that HTTP allows; it would have dropped the entry, too
    }
  }
  return metadata;
}

/**
 * What `metadata.get(key)` was: binary values decoded, each on its own; the values of a text key that was sent repeatedly
 * as one, joined with ", ", because that is how grpc-js receives them.
 */
export function headerValues(headers: Headers, key: string): Array<string | Buffer> {
  const value = headers.get(key);
  if (value === null) {
    return [];
  }
  return key.toLowerCase().endsWith("-bin")
    ? value.split(",").map((part) => Buffer.from(part.trim(), "base64"))
    : [value];
}

export function isMetadata(value: unknown): value is MetadataLike {
  const shape = value as Partial<MetadataLike> | null | undefined;
  const is = typeof shape?.getMap === "function" && typeof shape.add === "function";
  if (is) {
    remember(value as MetadataLike);
  }
  return is;
}

export function createMetadata(): MetadataLike {
  known ??= findMetadataClass() ?? PlainMetadata;
  return new known();
}

/** The class of the program's own copy of grpc-js: `instanceof` must hold there. */
function remember(metadata: MetadataLike): void {
  const itsClass = (metadata as { constructor?: unknown }).constructor;
  if (known === undefined && typeof itsClass === "function" && itsClass.name === "Metadata") {
    known = itsClass as MetadataClass;
  }
}

/** grpc-js is an optional peer and is only looked for when Metadata is needed: from the program, then from its folder. */
function findMetadataClass(): MetadataClass | undefined {
  for (const from of [process.argv[1], `${process.cwd()}/index.js`]) {
    if (from === undefined) {
      continue;
    }
    try {
      const found = createRequire(pathToFileURL(from))("@grpc/grpc-js") as { Metadata?: MetadataClass };
      if (found.Metadata !== undefined) {
        return found.Metadata;
      }
    } catch {
      // not installed there
    }
  }
  return undefined;
}

function encodeBase64(value: Uint8Array): string {
  return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("base64").replace(/=+$/, "");
}

/** For programs without grpc-js. */
class PlainMetadata implements MetadataLike {
  readonly #entries = new Map<string, Array<string | Buffer>>();

  set(key: string, value: string | Buffer): void {
    this.#entries.set(key.toLowerCase(), [value]);
  }

  add(key: string, value: string | Buffer): void {
    const values = this.#entries.get(key.toLowerCase());
    if (values === undefined) {
      this.set(key, value);
    } else {
      values.push(value);
    }
  }

  remove(key: string): void {
    this.#entries.delete(key.toLowerCase());
  }

  get(key: string): Array<string | Buffer> {
    return [...(this.#entries.get(key.toLowerCase()) ?? [])];
  }

  getMap(): { [key: string]: string | Buffer } {
    const map: { [key: string]: string | Buffer } = {};
    for (const [key, values] of this.#entries) {
      if (values[0] !== undefined) {
        map[key] = values[0];
      }
    }
    return map;
  }

  clone(): PlainMetadata {
    const copy = new PlainMetadata();
    copy.merge(this);
    return copy;
  }

  merge(other: PlainMetadata): void {
    for (const [key, values] of Object.entries(other.toJSON())) {
      for (const value of values) {
        this.add(key, value);
      }
    }
  }

  toJSON(): { [key: string]: Array<string | Buffer> } {
    return Object.fromEntries([...this.#entries].map(([key, values]) => [key, [...values]]));
  }
}
