/** Connect unary and Connect streaming are told apart by the content type. */
export type Protocol = "connect" | "grpc" | "grpc-web";
export type Format = "proto" | "json";

export interface ContentType {
  protocol: Protocol;
  format: Format;
  /** Messages are enveloped. False for unary Connect only. */
  enveloped: boolean;
  /** gRPC-Web in base64 (`application/grpc-web-text`). */
  text: boolean;
}

const pattern =
  /^application\/(?:(grpc-web-text|grpc-web|grpc)(?:\+(proto|json))?|connect\+(proto|json)|(proto|json))$/;

function parse(value: string): ContentType | undefined {
  const [type = "", ...parameters] = value.toLowerCase().split(";");
  const match = pattern.exec(type.trim());
  if (match === null) return undefined;
  const [, grpc, grpcFormat, connectStream, connectUnary] = match;
  for (const parameter of parameters) {
    const [name, text] = parameter.split("=");
    if (name?.trim() !== "charset") continue;
    const json = (grpcFormat ?? connectStream ?? connectUnary) === "json";
    if (json && text?.trim().replace(/^"|"$/g, "") !== "utf-8") return undefined;
  }
  if (grpc !== undefined) {
    return {
      protocol: grpc === "grpc" ? "grpc" : "grpc-web",
      format: (grpcFormat as Format | undefined) ?? "proto",
      enveloped: true,
      text: grpc === "grpc-web-text",
    };
  }
  return {
    protocol: "connect",
    format: (connectStream ?? connectUnary) as Format,
    enveloped: connectStream !== undefined,
    text: false,
  };
}

const known = new Map<string, ContentType | undefined>();
const maxKnown = 64; // a peer chooses these strings: remembering must have a bound

/** What a content type says about protocol and format; undefined if it is none of ours. */
export function parseContentType(value: string | null | undefined): ContentType | undefined {
  if (!value) return undefined;
  if (known.has(value)) return known.get(value);
  const parsed = parse(value);
  if (known.size < maxKnown) known.set(value, parsed);
  return parsed;
}
