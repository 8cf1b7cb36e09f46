import { copyFileSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { type MigrationResult, runMigration } from "../../index.js";

/** The whole pipeline over a copy of a fixture's `before` folder: new texts by file name, and what was found. */
export async function migrateServices(
  folder: string,
): Promise<{ texts: ReadonlyMap<string, string>; result: MigrationResult }> {
  const copy = mkdtempSync(path.join(tmpdir(), "services-fixture-"));
  try {
    for (const name of readdirSync(folder)) copyFileSync(path.join(folder, name), path.join(copy, name));
    const result = await runMigration({
      cwd: copy,
      paths: [copy],
      side: "services",
      target: "bundled",
      messages: "bridge",
      runtime: "npm",
    });
    const texts = new Map<string, string>();
    for (const file of result.files) if (file.after !== null) texts.set(path.basename(file.path), file.after);
    return { texts, result };
  } finally {
    rmSync(copy, { recursive: true });
  }
}
