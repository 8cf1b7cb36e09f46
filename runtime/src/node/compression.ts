import * as zlib from "node:zlib";
import { Code } from "../code.js";
import { type Compression, readLimitError } from "../compression.js";
import { ConnectError } from "../connect-error.js";
import { snappyCompress, snappyDecompress } from "./snappy.js";

type Done = (error: Error | null, result: Uint8Array) => void;
type Run = (bytes: Uint8Array, options: { maxOutputLength?: number }, done: Done) => void;

const empty = new Uint8Array(0);

function nodeCompression(name: string, compress: Run, decompress: Run): Compression {
  return {
    name,
    compress: (bytes) =>
      new Promise((resolve, reject) => {
        compress(bytes, {}, (error, result) => {
          if (error) reject(ConnectError.from(error, Code.Internal));
          else resolve(result as Uint8Array<ArrayBuffer>);
        });
      }),
    decompress: (bytes, readMaxBytes) =>
      new Promise((resolve, reject) => {
        if (bytes.byteLength === 0) return resolve(empty);
        decompress(bytes, { maxOutputLength: readMaxBytes }, (error, result) => {
          if (!error) return resolve(result as Uint8Array<ArrayBuffer>);
          const code = (error as NodeJS.ErrnoException).code;
          // zlib stops at maxOutputLength, which is what bounds the memory of a compressed bomb.
          if (code === "ERR_BUFFER_TOO_LARGE" || code === "ERR_OUT_OF_RANGE")
            reject(readLimitError(readMaxBytes + 1, readMaxBytes));
          else reject(new ConnectError("decompression failed", Code.InvalidArgument, undefined, undefined, error));
        });
      }),
  };
}

/** gzip, from node:zlib. */
export const compressionGzip: Compression = nodeCompression("gzip", zlib.gzip as Run, zlib.gunzip as Run);

/** Brotli (`br`), from node:zlib. */
export const compressionBrotli: Compression = nodeCompression(
  "br",
  zlib.brotliCompress as Run,
  zlib.brotliDecompress as Run,
);

/** deflate in the zlib format, as grpc-js sends it. From node:zlib. */
export const compressionDeflate: Compression = nodeCompression("deflate", zlib.deflate as Run, zlib.inflate as Run);

/** snappy in its framed stream format. Node has none: this one is in JavaScript, and off unless it is asked for. */
export const compressionSnappy: Compression = {
  name: "snappy",
  compress: async (bytes) => snappyCompress(bytes),
  decompress: async (bytes, readMaxBytes) => snappyDecompress(bytes, readMaxBytes),
};

interface Zstd {
  zstdCompress?: Run;
  zstdDecompress?: Run;
}
const { zstdCompress, zstdDecompress } = zlib as Zstd;

/** Zstandard, from node:zlib. Undefined where node has none: it came with Node 22.15. */
export const compressionZstd: Compression | undefined =
  zstdCompress && zstdDecompress ? nodeCompression("zstd", zstdCompress, zstdDecompress) : undefined;
