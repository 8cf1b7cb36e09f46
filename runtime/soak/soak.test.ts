import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, it } from "vitest";

it("a short soak leaves no handle, no handler and no heap behind", { timeout: 240_000 }, async () => {
  const script = fileURLToPath(new URL("run.ts", import.meta.url));
  // It exits with 1 when something is left over; its output says what
  const { stdout } = await promisify(execFile)(process.execPath, ["--expose-gc", "--import", "tsx", script, "2"]);
  expect(stdout).toMatch(/^start: RSS \d+ MB, heap .* open \{/m);
  expect(stdout).toMatch(/^closed: RSS \d+ MB, .* running handlers 0, open \{\}$/m);
  expect(stdout).toMatch(/^soak: nothing left over$/m);
});
