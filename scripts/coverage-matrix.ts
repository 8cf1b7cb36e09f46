/**
 * Prints what the tool does with every row of the migration matrix, measured on the samples in fixtures/matrix, and whether
 * the old and the migrated sample say the same to an unmodified grpc-js client.
 *
 *   npm run coverage:matrix [-- row ...] [--side services|clients] [--outcomes-only] [--update] [--verbose]
 *
 * `--update` writes the measured outcomes into the samples; `--verbose` prints reasons and where transcripts part.
 * Exit code 1: an outcome is worse than the sample says, or transcripts differ and the sample does not say why.
 */
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { parseArgs } from "node:util";
import type { Side } from "../codemods/index.js";
import { type Compared, converse } from "../fixtures/matrix/converse.js";
import { isWorse, type Measured, migrateSamples } from "../fixtures/matrix/measure.js";
import { matrixFolder, readRows, readSamples } from "../fixtures/matrix/samples.js";

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    side: { type: "string" },
    "outcomes-only": { type: "boolean" },
    update: { type: "boolean" },
    verbose: { type: "boolean" },
  },
});
const rows = readRows().filter(({ id }) => positionals.length === 0 || positionals.includes(id));
const unknown = positionals.filter((id) => !rows.some((row) => row.id === id));
if (unknown.length > 0) {
  console.error(`fixtures/matrix/rows.tsv has no row ${unknown.join(", ")}`);
  process.exit(1);
}
const samples = readSamples().filter(
  ({ row, side }) => rows.some(({ id }) => id === row) && (options.side ?? side) === side,
);

const measured: Measured[] = [];
const compared = new Map<string, Compared>();
for (const side of ["services", "clients"] as const satisfies Side[]) {
  if (!samples.some((sample) => sample.side === side)) continue;
  const migrated = await migrateSamples(side, samples);
  try {
    measured.push(...migrated.measured);
    const queue = options["outcomes-only"] ? [] : migrated.measured.filter(({ sample }) => sample.proof === null);
    const worker = async () => {
      for (let next = queue.shift(); next; next = queue.shift())
        compared.set(next.sample.name, await converse(next.sample, migrated));
    };
    await Promise.all([worker(), worker(), worker()]);
  } finally {
    migrated.remove();
  }
}

let section = "";
for (const row of rows) {
  const own = measured.filter(({ sample }) => sample.row === row.id);
  if (own.length === 0 && (options.side || positionals.length > 0)) continue;
  if (row.section !== section) {
    section = row.section;
    console.log(`\n${section}`);
  }
  if (own.length === 0) console.log(line(row.id, "-", row.title));
  for (const each of own) print(row.title, each);
}
const counts = new Map<string, number>();
for (const { outcome } of measured) counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
const talked = [...compared.values()];
const calls = talked.reduce((sum, { calls }) => sum + calls, 0);
const events = talked.reduce((sum, { before }) => sum + before.length, 0);
const equal = talked.filter(isEqual).length;
console.log(
  `\n${measured.length} samples of ${new Set(measured.map(({ sample }) => sample.row)).size} of ${rows.length} rows:`,
  [...counts].map(([outcome, count]) => `${count} ${outcome}`).join(", "),
);
if (talked.length > 0)
  console.log(`${equal} of ${talked.length} conversations equal (${calls} calls, ${events} lines of transcript)`);

function line(...cells: [name: string, outcome: string, title: string, ...more: string[]]): string {
  const [name, outcome, title, ...more] = cells;
  return `  ${name.padEnd(16)} ${outcome.padEnd(9)} ${title.padEnd(44)} ${more.join("  ")}`.trimEnd();
}

function print(title: string, { sample, outcome, findings, error }: Measured): void {
  const talk = compared.get(sample.name);
  const isTold = !talk || isEqual(talk) || sample.differs !== null;
  if (!isTold || isWorse(outcome, sample.expect)) process.exitCode = 1;
  const said = !talk ? "" : isEqual(talk) ? "equal" : isTold ? `differs: ${sample.differs}` : "DIFFERS";
  const was = outcome === sample.expect ? [] : [`(was ${sample.expect})`];
  console.log(line(sample.name, outcome, title, sample.proof ?? said, ...was));
  if (options.verbose) {
    if (error !== null) console.log(`      ${error}`);
    for (const finding of findings)
      if (finding.outcome !== "idiomatic")
        console.log(`      ${finding.outcome} ${finding.construct}: ${finding.reason?.text}`);
    if (talk && !isEqual(talk)) for (const each of difference(talk)) console.log(`      ${each}`);
  }
  if (options.update && outcome !== sample.expect) {
    const file = path.join(matrixFolder, sample.side, `${sample.name}.${sample.extension}`);
    writeFileSync(file, readFileSync(file, "utf8").replace(/^\/\/ expect .*/m, `// expect ${outcome}`));
  }
}

function isEqual({ before, after }: Compared): boolean {
  return before.join("\n") === after.join("\n");
}

/** The lines where two transcripts part, with the call that they belong to. */
function difference({ before, after }: Compared): string[] {
  const at = before.findIndex((line, index) => line !== after[index]);
  const start = at < 0 ? before.length : at;
  const call = before.slice(0, start + 1).findLast((line) => line.startsWith("-- "));
  return [
    call ?? "",
    ...before.slice(start, start + 3).map((l) => `- ${l}`),
    ...after.slice(start, start + 3).map((l) => `+ ${l}`),
  ];
}
