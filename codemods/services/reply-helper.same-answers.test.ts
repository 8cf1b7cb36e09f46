import { cpSync, mkdtempSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, expect, it } from "vitest";
import { startChild } from "../../fixtures/harness/child.js";
import { repository } from "../../fixtures/harness/program.js";
import { playScript, type ScriptedCall } from "../../fixtures/harness/script.js";
import { runMigration, writeMigration } from "../index.js";

// The program of the fixture, whose helpers stand in files of their own, one of them all that its file exports.
const before = path.join(repository, "fixtures", "services", "reply-helper", "before");
let root = "";
afterEach(() => rmSync(root, { recursive: true, force: true }));

const calls = ["GetItem", "PutItem", "DropItem"].flatMap((method) =>
  ["", "a", "bad", "dup", "gone", "secret", "sold"].map(
    (sku): ScriptedCall => ({ name: `${method} ${sku}`, method: `shop.v1.Inventory/${method}`, request: { sku } }),
  ),
);

/** What a client is told, and what the server writes meanwhile. */
async function transcript(): Promise<string[]> {
  const server = startChild(process.execPath, ["server.js"], { cwd: root });
  try {
    const port = await server.ready(/^ready (\d+)$/m);
    const told = await playScript(before, { proto: "shop.proto", includeDirs: ["."], calls }, Number(port));
    return [...told, ...server.output.split("\n").filter((line) => !line.startsWith("ready"))];
  } finally {
    await server.stop();
  }
}

it.each([
  { name: "under its own name", local: "refuse", changes: true },
  // Its uses under another one might not all be found.
  { name: "under another name", local: "no", changes: false },
])(
  "handlers answer with the errors of helpers in other files as before: $name",
  async ({ local, changes }) => {
    root = realpathSync(mkdtempSync(path.join(tmpdir(), "reply-helper-")));
    cpSync(before, root, { recursive: true });
    symlinkSync(path.join(repository, "node_modules"), path.join(root, "node_modules"));
    const server = path.join(root, "server.js");
    writeFileSync(
      server,
      readFileSync(server, "utf8")
        .replace("const refuse =", `const ${local} =`)
        .replace("return refuse(", `return ${local}(`),
    );
    const expected = await transcript();
    expect(expected).toContain('error 9 "sold already" []');
    expect(expected).toContain('error 3 "shop: no sku" []');
    const result = await runMigration({
      cwd: root,
      paths: ["."],
      side: "services",
      target: "bundled",
      messages: "auto",
      runtime: "npm",
    });
    await writeMigration(result);
    expect(readFileSync(path.join(root, "refuse.js"), "utf8").includes("refuse(message)")).toBe(changes);
    expect(await transcript()).toEqual(expected);
  },
  60_000,
);
