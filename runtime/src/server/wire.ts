import { type ContentType, type Format, type Protocol, parseContentType } from "../content-type.js";

/** What the four ways of writing a call differ in. One constant object for each, chosen by content type. */
export interface Wire {
  kind: "grpc" | "grpc-web" | "connect-stream" | "connect-unary";
  protocolName: Protocol;
  format: Format;
  text: boolean;
  /** Content type of the response. */
  contentType: string;
  timeoutHeader: "grpc-timeout" | "connect-timeout-ms";
  encodingHeader: "grpc-encoding" | "connect-content-encoding" | "content-encoding";
  acceptHeader: "grpc-accept-encoding" | "connect-accept-encoding" | "accept-encoding";
}

function wireFrom({ protocol, format, enveloped, text }: ContentType): Wire {
  if (protocol !== "connect") {
    return {
      kind: protocol,
      protocolName: protocol,
      format,
      text,
      contentType: `application/${protocol}${text ? "-text" : ""}+${format}`,
      timeoutHeader: "grpc-timeout",
      encodingHeader: "grpc-encoding",
      acceptHeader: "grpc-accept-encoding",
    };
  }
  return {
    kind: enveloped ? "connect-stream" : "connect-unary",
    protocolName: protocol,
    format,
    text,
    contentType: `application/${enveloped ? "connect+" : ""}${format}`,
    timeoutHeader: "connect-timeout-ms",
    encodingHeader: enveloped ? "connect-content-encoding" : "content-encoding",
    acceptHeader: enveloped ? "connect-accept-encoding" : "accept-encoding",
  };
}

const wires = new Map<ContentType, Wire>();

/** The wire of a content type, or undefined when it is none of ours. */
export function wireFromContentType(value: string | undefined): Wire | undefined {
  const contentType = parseContentType(value);
  if (contentType === undefined) return undefined;
  let wire = wires.get(contentType);
  if (wire === undefined) {
    wire = wireFrom(contentType);
    if (wires.size < 64) wires.set(contentType, wire);
  }
  return wire;
}

/** The wire of a Connect GET call. */
export const connectGetWires: Record<Format, Wire> = {
  proto: wireFrom({ protocol: "connect", format: "proto", enveloped: false, text: false }),
  json: wireFrom({ protocol: "connect", format: "json", enveloped: false, text: false }),
};
