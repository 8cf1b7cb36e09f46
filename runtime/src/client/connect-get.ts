import { base64Encode } from "@bufbuild/protobuf/wire";
import type { Compression } from "../compression.js";
import type { OutgoingHeaders } from "./http-client.js";
import type { MethodPlan, TransportCore } from "./transport-core.js";

/** Connect: Unary-Get-Request. */
export function getPath(
  core: TransportCore,
  plan: MethodPlan,
  bytes: Uint8Array,
  compression: Compression | null,
): string {
  const { format } = core.settings;
  let query = `?connect=v1&encoding=${format}`;
  if (compression !== null) {
    query += `&compression=${encodeURIComponent(compression.name)}`;
  }
  if (format === "json" && compression === null) {
    query += `&message=${encodeURIComponent(new TextDecoder().decode(bytes))}`;
  } else {
    query += `&base64=1&message=${base64Encode(bytes, "url")}`;
  }
  return plan.path + query;
}

/** A request without a body says nothing about one. */
export function getHeaders(headers: OutgoingHeaders): OutgoingHeaders {
  const { "content-type": _type, "connect-protocol-version": _version, ...rest } = headers;
  return rest;
}
