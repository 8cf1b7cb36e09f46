import { Code, codeFromHttpStatus } from "../code.js";
import { ConnectError } from "../connect-error.js";
import { parseContentType } from "../content-type.js";
import { errorFromGrpcTrailer } from "../grpc-status.js";
import { createHeaders, headersFromRaw } from "../headers.js";
import { formatGrpcTimeout } from "../timeout.js";
import { noFields, rememberParts } from "./error-parts.js";
import type { Fields, OutgoingHeaders } from "./http-client.js";
import { grpcFailures, otherFailures } from "./receive-failures.js";
import { acceptedNames, fieldOf, mergedHeaders, responseCompression } from "./response-fields.js";
import { userAgent } from "./user-agent.js";
import type { ResponseEnd, ResponseHead, WireProtocol, WireSettings } from "./wire-protocol.js";

/** gRPC over HTTP/2. https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md */
export const grpcProtocol: WireProtocol = {
  name: "grpc",
  timeoutHeader: "grpc-timeout",
  formatTimeout: formatGrpcTimeout,
  bareUnary: false,
  endFlag: 0,
  failures: grpcFailures,
  headers: (settings) => ({
    te: "trailers",
    "content-type": `application/grpc+${settings.format}`,
    "user-agent": userAgent,
    ...encodingHeaders(settings),
  }),
  openResponse: (settings, _stream, status, fields) => openGrpcResponse("grpc", settings, status, fields),
  closeResponse: (head, _end, trailers, sawBody) => closeGrpcResponse(head, trailers, sawBody),
};

const trailersFlag = 0b10000000;

/** gRPC-Web: the same with the trailers in the body. https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-WEB.md */
export const grpcWebProtocol: WireProtocol = {
  name: "grpc-web",
  timeoutHeader: "grpc-timeout",
  formatTimeout: formatGrpcTimeout,
  bareUnary: false,
  endFlag: trailersFlag,
  failures: otherFailures,
  headers: (settings) => ({
    "content-type": `application/grpc-web+${settings.format}`,
    "x-grpc-web": "1",
    "x-user-agent": userAgent,
    "user-agent": userAgent,
    ...encodingHeaders(settings),
  }),
  openResponse: (settings, _stream, status, fields) => openGrpcResponse("grpc-web", settings, status, fields),
  closeResponse: (head, end, trailers, sawBody) => {
    // Some servers answer with HTTP trailers or, for an error, with everything in the head
    const fields = end === undefined ? undefined : parseTrailerBlock(end);
    const status = fields ?? (trailers?.map["grpc-status"] === undefined ? undefined : trailers);
    return closeGrpcResponse(head, status, sawBody);
  },
};

function encodingHeaders(settings: WireSettings): OutgoingHeaders {
  const headers: OutgoingHeaders = {};
  if (settings.sendCompression !== null) {
    headers["grpc-encoding"] = settings.sendCompression.name;
  }
  const accepted = acceptedNames(settings.acceptCompression);
  if (accepted !== undefined) {
    headers["grpc-accept-encoding"] = accepted;
  }
  return headers;
}

function openGrpcResponse(
  protocol: "grpc" | "grpc-web",
  settings: WireSettings,
  status: number,
  fields: Fields,
): ResponseHead {
  const failed = (text: string, code: Code): ResponseHead => ({
    fields,
    compression: null,
    error: withoutTrailers(new ConnectError(text, code, mergedHeaders(fields)), fields),
  });
  const grpcStatus = fieldOf(fields, "grpc-status");
  if (status !== 200) {
    // A status of gRPC says more than one of HTTP
    const error =
      grpcStatus === undefined || grpcStatus === "0"
        ? undefined
        : errorFromGrpcTrailer(
            (name) => fieldOf(fields, name),
            () => mergedHeaders(fields),
          );
    if (error !== undefined) {
      rememberParts(error, undefined, fields);
      return { fields, compression: null, error };
    }
    return failed(`Received HTTP status code ${status}`, codeFromHttpStatus(status));
  }
  const contentType = fieldOf(fields, "content-type");
  const parsed = parseContentType(contentType);
  if (grpcStatus === undefined || contentType !== undefined) {
    if (parsed?.protocol !== protocol) {
      return failed(`unsupported content type ${contentType ?? "(none)"}`, Code.Unknown);
    }
    if (parsed.format !== settings.format) {
      return failed(`unsupported content type ${contentType}`, Code.Internal);
    }
  }
  const encoding = fieldOf(fields, "grpc-encoding");
  const compression = responseCompression(settings.acceptCompression, encoding);
  if (compression === undefined) {
    return failed(`unsupported response encoding "${encoding}"`, Code.Internal);
  }
  return { fields, compression, maybeOnly: grpcStatus !== undefined };
}

function closeGrpcResponse(head: ResponseHead, trailers: Fields | undefined, sawBody: boolean): ResponseEnd {
  if (head.maybeOnly === true && !sawBody && trailers?.map["grpc-status"] === undefined) {
    // Trailers-Only: the one block is both
    const { fields } = head;
    const error = errorFromGrpcTrailer(
      (name) => fieldOf(fields, name),
      () => mergedHeaders(fields),
    );
    rememberParts(error, undefined, fields);
    return { error, trailer: () => headersFromRaw(fields.lines) };
  }
  if (trailers === undefined) {
    // grpc-js's text for a stream that just ends
    const text = "Received RST_STREAM with code 0 (Call ended without gRPC status)";
    return {
      error: withoutTrailers(new ConnectError(text, Code.Internal, mergedHeaders(head.fields)), head.fields),
      trailer: () => createHeaders(),
    };
  }
  const error = errorFromGrpcTrailer(
    (name) => fieldOf(trailers, name),
    () => mergedHeaders(head.fields, trailers),
  );
  rememberParts(error, head.fields, trailers);
  return { error, trailer: () => headersFromRaw(trailers.lines) };
}

const utf8 = new TextDecoder();

/** `name: value\r\n` lines (gRPC-Web, "Trailers"). */
function parseTrailerBlock(bytes: Uint8Array): Fields {
  const map: Record<string, string> = Object.create(null);
  const lines: string[] = [];
  for (const line of utf8.decode(bytes).split(/\r?\n/)) {
    const colon = line.indexOf(":");
    if (colon <= 0) {
      continue;
    }
    const name = line.slice(0, colon).trim().toLowerCase();
    const value = line.slice(colon + 1).trim();
    map[name] = map[name] === undefined ? value : `${map[name]}, ${value}`;
    lines.push(name, value);
  }
  return { map, lines };
}

/** The error of a response that is not gRPC's, or ended early: there were no trailers. */
function withoutTrailers(error: ConnectError, header: Fields): ConnectError {
  error.isWireError = true;
  rememberParts(error, header, noFields);
  return error;
}
