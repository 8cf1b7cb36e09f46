/**
 * Prints what becomes of each construct of message code (migration matrix §5) in each flavour: native, bridged or manual,
 * measured by running the tool on the programs in fixtures/message-matrix.
 *
 *   npm run coverage:messages [-- flavour ...] [--update]
 *
 * `--update` writes the measured outcomes into rows.json. Exit code 1: an outcome is worse than the one that is written.
 */
import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import {
  isWorse,
  type MessageOutcome,
  measureFlavour,
  readTable,
  tableFile,
} from "../fixtures/message-matrix/measure.js";

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: { update: { type: "boolean" } },
});
const table = readTable();
const flavours = positionals.length > 0 ? positionals : table.flavours;
const measured = new Map<string, Map<string, MessageOutcome>>();
for (const flavour of flavours) measured.set(flavour, await measureFlavour(flavour, table.rows));

const widest = Math.max(...table.rows.map((row) => row.title.length));
console.log(["".padEnd(widest), ...flavours.map((flavour) => flavour.padEnd(15))].join("  "));
const worse: string[] = [];
for (const row of table.rows) {
  const cells = flavours.map((flavour) => {
    const outcome = measured.get(flavour)?.get(row.id) ?? "manual";
    const written = row.outcome?.[flavour];
    if (isWorse(outcome, written)) worse.push(`${row.id} of ${flavour}: ${outcome}, was ${written}`);
    return outcome.padEnd(15);
  });
  console.log([row.title.padEnd(widest), ...cells].join("  "));
}
for (const flavour of flavours) {
  const all = [...(measured.get(flavour)?.values() ?? [])];
  const count = (outcome: MessageOutcome) => all.filter((each) => each === outcome).length;
  console.log(`${flavour}: ${count("native")} native, ${count("bridged")} bridged, ${count("manual")} manual`);
}
if (options.update) {
  const rows = table.rows.map((row) => ({
    ...row,
    outcome: {
      ...row.outcome,
      ...Object.fromEntries(flavours.map((flavour) => [flavour, measured.get(flavour)?.get(row.id) ?? "manual"])),
    },
  }));
  writeFileSync(tableFile, `${JSON.stringify({ ...table, rows }, null, 2)}\n`);
} else if (worse.length > 0) {
  console.error(worse.join("\n"));
  process.exitCode = 1;
}
