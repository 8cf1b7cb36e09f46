import path from "node:path";
import { type Inventory, type MigrationResult, takeInventory } from "../codemods/index.js";
import { assertPaths, type MigrateFlags, type Terminal, writeJson } from "./migrate.js";
import { migrationOf } from "./migration-of.js";
import { paintFor } from "./paint.js";
import { createProgress } from "./progress.js";
import { jsonReport } from "./reports/json.js";
import { summary } from "./summary.js";

/** The command `scan`: what `services` and `clients` would do, side by side, without a diff. Writes nothing. */
export async function scan(given: readonly string[], flags: MigrateFlags, terminal: Terminal): Promise<number> {
  const { cwd, stdout, stderr } = terminal;
  const paths = given.length === 0 ? ["."] : given;
  assertPaths(paths, cwd);
  const progress = createProgress(stderr);
  const paint = paintFor(stdout);
  const results: MigrationResult[] = [];
  progress.report("taking the inventory");
  const inventory = await takeInventory({ cwd, paths }).finally(progress.done);
  stdout.write(inventoryText(inventory, cwd));
  for (const side of ["services", "clients"] as const) {
    const result = await migrationOf(side, paths, flags, terminal);
    results.push(result);
    stdout.write(`${paint.bold(`== ${side}`)}\n`);
    stdout.write(
      `${summary(result, { cwd, isDryRun: true, verbose: flags.verbose === true, command: side, paint })}\n`,
    );
  }
  if (flags.json !== undefined) {
    const [services, clients] = results.map((result) => jsonReport(result, cwd));
    writeJson(path.resolve(cwd, flags.json), { schemaVersion: 1, inventory, services, clients });
  }
  if (results.some((result) => result.summary.failed > 0)) return 1;
  if (results.some((result) => result.summary.filesChanged > 0)) return 2;
  return results.some((result) => result.summary.manual > 0) ? 3 : 0;
}

function inventoryText(inventory: Inventory, cwd: string): string {
  const lines: string[] = [];
  for (const [title, entries] of [
    ["Services offered", inventory.services],
    ["Clients", inventory.clients],
  ] as const) {
    lines.push(`${title}: ${entries.length === 0 ? "none" : ""}`.trimEnd());
    for (const { service, flavour, places } of entries) {
      const where = places.map(({ file, line }) => `${path.relative(cwd, file).split(path.sep).join("/")}:${line}`);
      lines.push(`  ${service ?? "(not known which)"}${flavour === null ? "" : ` [${flavour}]`} ${where.join(", ")}`);
    }
  }
  const generated = inventory.generated.map(({ generator, files }) => `${files} by ${generator}`).join(", ");
  lines.push(`.proto files: ${inventory.protos}; generated files: ${generated === "" ? "none" : generated}`, "");
  return `${lines.join("\n")}\n`;
}
