import { Code, codeFromHttpStatus } from "../code.js";
import { ConnectError } from "../connect-error.js";
import { endStreamFlag, endStreamFromJsonBytes } from "../connect-json.js";
import { parseContentType } from "../content-type.js";
import { createHeaders, headersFromRaw } from "../headers.js";
import { formatConnectTimeout } from "../timeout.js";
import type { Fields, OutgoingHeaders } from "./http-client.js";
import { otherFailures } from "./receive-failures.js";
import { acceptedNames, fieldOf, mergedHeaders, responseCompression } from "./response-fields.js";
import { userAgent } from "./user-agent.js";
import type { ResponseEnd, ResponseHead, WireProtocol, WireSettings } from "./wire-protocol.js";

/** The Connect protocol. https://connectrpc.com/docs/protocol */
export const connectProtocol: WireProtocol = {
  name: "connect",
  timeoutHeader: "connect-timeout-ms",
  formatTimeout: formatConnectTimeout,
  bareUnary: true,
  endFlag: endStreamFlag,
  failures: otherFailures,
  headers(settings, stream) {
    const headers: OutgoingHeaders = {
      "content-type": stream ? `application/connect+${settings.format}` : `application/${settings.format}`,
      "connect-protocol-version": "1",
      "user-agent": userAgent,
    };
    const accepted = acceptedNames(settings.acceptCompression);
    if (accepted !== undefined) {
      headers[stream ? "connect-accept-encoding" : "accept-encoding"] = accepted;
    }
    // A unary request says Content-Encoding only when it is compressed
    if (stream && settings.sendCompression !== null) {
      headers["connect-content-encoding"] = settings.sendCompression.name;
    }
    return headers;
  },
  openResponse(settings, stream, status, fields) {
    return stream ? openStream(settings, status, fields) : openUnary(settings, status, fields);
  },
  closeResponse(head, end) {
    return head.fields.map["content-type"]?.includes("connect+") ? closeStream(head, end) : closeUnary(head);
  },
};

function openUnary(settings: WireSettings, status: number, fields: Fields): ResponseHead {
  const contentType = fieldOf(fields, "content-type");
  const parsed = parseContentType(contentType);
  const encoding = fieldOf(fields, "content-encoding");
  const compression = responseCompression(settings.acceptCompression, encoding);
  const failed = (text: string, code: Code): ResponseHead => ({
    fields,
    compression: null,
    error: wireError(new ConnectError(text, code, unaryMetadata(fields))),
  });
  if (status !== 200) {
    const error = wireError(new ConnectError(`HTTP ${status}`, codeFromHttpStatus(status), unaryMetadata(fields)));
    if (parsed?.protocol === "connect" && !parsed.enveloped && parsed.format === "json") {
      return compression === undefined
        ? failed(`unsupported response encoding "${encoding}"`, Code.Internal)
        : { fields, compression, errorBody: error };
    }
    return { fields, compression: null, error };
  }
  if (parsed?.protocol !== "connect" || parsed.enveloped) {
    return failed(`unsupported content type ${contentType ?? "(none)"}`, Code.Unknown);
  }
  if (parsed.format !== settings.format) {
    return failed(`unsupported content type ${contentType}`, Code.Internal);
  }
  if (compression === undefined) {
    return failed(`unsupported response encoding "${encoding}"`, Code.Internal);
  }
  return { fields, compression };
}

function openStream(settings: WireSettings, status: number, fields: Fields): ResponseHead {
  const contentType = fieldOf(fields, "content-type");
  const parsed = parseContentType(contentType);
  const failed = (text: string, code: Code): ResponseHead => ({
    fields,
    compression: null,
    error: wireError(new ConnectError(text, code, mergedHeaders(fields))),
  });
  if (status !== 200) {
    return failed(`HTTP ${status}`, codeFromHttpStatus(status));
  }
  if (parsed?.protocol !== "connect" || !parsed.enveloped) {
    return failed(`unsupported content type ${contentType ?? "(none)"}`, Code.Unknown);
  }
  if (parsed.format !== settings.format) {
    return failed(`unsupported content type ${contentType}`, Code.Internal);
  }
  const encoding = fieldOf(fields, "connect-content-encoding");
  const compression = responseCompression(settings.acceptCompression, encoding);
  if (compression === undefined) {
    return failed(`unsupported response encoding "${encoding}"`, Code.Internal);
  }
  return { fields, compression };
}

function closeUnary(head: ResponseHead): ResponseEnd {
  return { error: undefined, trailer: () => unaryTrailer(head.fields) };
}

function closeStream(head: ResponseHead, end: Uint8Array | undefined): ResponseEnd {
  if (end === undefined) {
    const error = new ConnectError("missing end stream message", Code.Internal, mergedHeaders(head.fields));
    return { error: wireError(error), trailer: () => createHeaders() };
  }
  try {
    const { error, metadata } = endStreamFromJsonBytes(end);
    if (error !== undefined) {
      for (const [name, value] of pairs(head.fields.lines)) {
        error.metadata.append(name, value);
      }
    }
    return { error, trailer: () => metadata };
  } catch (e) {
    return { error: wireError(ConnectError.from(e, Code.Unknown)), trailer: () => createHeaders() };
  }
}

const trailerPrefix = "trailer-";

/** The headers of a unary response without those that stand for trailers. */
export function unaryHeader(fields: Fields): Headers {
  const lines: string[] = [];
  for (const [name, value] of pairs(fields.lines)) {
    if (!name.toLowerCase().startsWith(trailerPrefix)) {
      lines.push(name, value);
    }
  }
  return headersFromRaw(lines);
}

function unaryTrailer(fields: Fields): Headers {
  const lines: string[] = [];
  for (const [name, value] of pairs(fields.lines)) {
    if (name.toLowerCase().startsWith(trailerPrefix)) {
      lines.push(name.slice(trailerPrefix.length), value);
    }
  }
  return lines.length === 0 ? createHeaders() : headersFromRaw(lines);
}

/** Error metadata: headers, and trailers under their own names. */
function unaryMetadata(fields: Fields): Headers {
  const lines: string[] = [];
  for (const [name, value] of pairs(fields.lines)) {
    lines.push(name.toLowerCase().startsWith(trailerPrefix) ? name.slice(trailerPrefix.length) : name, value);
  }
  return headersFromRaw(lines);
}

function* pairs(lines: readonly string[]): Generator<[string, string]> {
  for (let i = 0; i + 1 < lines.length; i += 2) {
    const name = lines[i] as string;
    if (!name.startsWith(":")) {
      yield [name, lines[i + 1] as string];
    }
  }
}

function wireError(error: ConnectError): ConnectError {
  error.isWireError = true;
  return error;
}
