/**
 * Base64 as gRPC-Web-text uses it: each side writes padded pieces one after another, so padding may stand in the middle,
 * and a chunk of HTTP may end anywhere.
 */
export interface Base64Decoder {
  push(chunk: Uint8Array): Uint8Array;
  /** Characters that do not make up bytes yet. 0 at the end of a well-formed body. */
  readonly pending: number;
}

const values = new Int8Array(256).fill(-1);
"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".split("").forEach((char, value) => {
  values[char.charCodeAt(0)] = value;
});
values["-".charCodeAt(0)] = 62;
values["_".charCodeAt(0)] = 63;
const padding = 0x3d;

/** Throws a SyntaxError on a character that is not base64. */
export function createBase64Decoder(): Base64Decoder {
  let bits = 0;
  let count = 0;
  return {
    get pending() {
      return count;
    },
    push(chunk) {
      const bytes = new Uint8Array(Math.ceil(((chunk.byteLength + count) * 3) / 4));
      let length = 0;
      for (const char of chunk) {
        if (char === padding) {
          // The piece ends here: two characters hold one byte, three hold two.
          if (count === 2) bytes[length++] = bits >> 4;
          else if (count === 3) {
            bytes[length++] = bits >> 10;
            bytes[length++] = (bits >> 2) & 255;
          } else if (count !== 0) throw new SyntaxError("base64 padding in the wrong place");
          bits = 0;
          count = 0;
          continue;
        }
        const value = values[char] as number;
        if (value === -1) {
          if (char === 0x0a || char === 0x0d || char === 0x20 || char === 0x09) continue;
          throw new SyntaxError("not base64");
        }
        bits = (bits << 6) | value;
        if (++count === 4) {
          bytes[length++] = (bits >> 16) & 255;
          bytes[length++] = (bits >> 8) & 255;
          bytes[length++] = bits & 255;
          bits = 0;
          count = 0;
        }
      }
      return bytes.subarray(0, length);
    },
  };
}
