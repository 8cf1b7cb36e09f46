// compression
export { compressionBrotli, compressionDeflate, compressionGzip } from "./compression.js";
