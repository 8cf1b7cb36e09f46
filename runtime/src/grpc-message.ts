/**
 * Percent-encoding of `grpc-message`: only `%` and bytes outside 0x20-0x7E are encoded (gRPC PROTOCOL-HTTP2 §Responses).
 * grpc-js decodes with decodeURI, which leaves `%2C` and its like as they are, so encoding more would garble texts.
 * Spaces at the ends are encoded, too: HTTP/2 drops a field whose value begins or ends with one (RFC 9113 §8.2.1).
 */
export function encodeGrpcMessage(text: string): string {
  if (plain.test(text)) return text;
  let encoded = "";
  const bytes = utf8.encode(text);
  for (const [i, byte] of bytes.entries()) {
    const lowest = i === 0 || i === bytes.length - 1 ? 0x21 : 0x20;
    if (byte >= lowest && byte <= 0x7e && byte !== 0x25) encoded += String.fromCharCode(byte);
    else encoded += `%${hex[byte >> 4]}${hex[byte & 15]}`;
  }
  return encoded;
}

/** Never throws: a sequence that is not percent-encoded UTF-8 decodes to itself, because a status must not be lost. */
export function decodeGrpcMessage(value: string): string {
  if (!value.includes("%")) return value;
  try {
    return decodeURIComponent(value);
  } catch {
    return value.replace(/(?:%[0-9a-fA-F]{2})+/g, (run) => {
      try {
        return decodeURIComponent(run);
      } catch {
        return run;
      }
    });
  }
}

const utf8 = new TextEncoder();
const hex = "0123456789ABCDEF";
const plain = /^(?! )[\x20-\x24\x26-\x7e]*(?<! )$/;
