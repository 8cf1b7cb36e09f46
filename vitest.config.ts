import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

const runtime = (path: string) => fileURLToPath(new URL(`./runtime/src/${path}`, import.meta.url));

export default defineConfig({
  resolve: {
    alias: [
      { find: /^@connect-migrate\/runtime$/, replacement: runtime("index.ts") },
      {
        find: /^@connect-migrate\/runtime\/(node|grpc-js|health|reflection|opentelemetry)$/,
        replacement: runtime("$1/index.ts"),
      },
    ],
  },
  test: {
    include: ["{cli,codemods,fixtures}/**/*.test.ts", "runtime/{src,conformance,interop,soak}/**/*.test.ts"],
    exclude: ["**/node_modules/**", "**/dist/**", "fixtures/**/before/**", "fixtures/**/after/**"],
    setupFiles: ["vitest.setup.ts"],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // Two cores, and tests that wait for processes and deadlines half of the time.
    maxWorkers: 3,
  },
});
