import { readFileSync } from "node:fs";
import path from "node:path";
import type { ExtraFile, MigratedFile, MigrationResult, PlacedFinding } from "../../codemods/index.js";
import { summaryOf } from "../../codemods/migration.js";
import { contentFromStored, type StoredContent, storedFromContent } from "../../codemods/shared/stored-content.js";
import type { Shard } from "../shards.js";
import { UsageError } from "../usage-error.js";
import { jsonReport } from "./json.js";
import { nameIn } from "./report-files.js";

interface StoredChange {
  readonly path: string;
  readonly before: string | null;
  readonly after: StoredContent;
  /** null: a source file. */
  readonly why: ExtraFile["why"] | null;
  readonly hasMark: boolean;
}

interface ShardReport {
  readonly schemaVersion: 1;
  readonly version: string;
  readonly command: string;
  readonly shard: Shard;
  readonly candidates: number;
  readonly summary: MigrationResult["summary"];
  readonly files: readonly Pick<MigratedFile, "path" | "status" | "error">[];
  readonly findings: readonly PlacedFinding[];
  readonly notes: readonly string[];
  readonly changes: readonly StoredChange[];
}

/** The JSON report of one part of a run: what the report of a whole run has, and the texts, so that parts can be merged. */
export function shardReport(
  result: MigrationResult,
  cwd: string,
  { version, command, shard }: { readonly version: string; readonly command: string; readonly shard: Shard },
): object {
  const sources = result.files.flatMap(({ path: file, status, before, after }): StoredChange[] =>
    status === "changed" && after !== null
      ? [{ path: nameIn(cwd, file), before, after, why: null, hasMark: result.withMark.has(file) }]
      : [],
  );
  const extra = result.extraFiles.map(
    ({ path: file, before, content, why }): StoredChange => ({
      path: nameIn(cwd, file),
      before,
      after: storedFromContent(content),
      why,
      hasMark: false,
    }),
  );
  const { candidates } = result;
  return { ...jsonReport(result, cwd), version, command, shard, candidates, changes: [...sources, ...extra] };
}

/** The result of the whole run, from the reports of all its parts. Throws {@link UsageError} if they do not make one. */
export function mergedShards(names: readonly string[], cwd: string): { result: MigrationResult; command: string } {
  const reports = names.map((name) => ({ name, report: readShardReport(path.resolve(cwd, name), name) }));
  const [first] = reports;
  if (!first) throw new UsageError("merge needs the JSON reports of all parts: merge shard-*.json");
  const { command, shard, version } = first.report;
  const seen = new Map<number, string>();
  for (const { name, report } of reports) {
    if (report.command !== command || report.shard.of !== shard.of || report.version !== version)
      throw new UsageError(
        `${name} is part ${report.shard.index}/${report.shard.of} of \`${report.command}\` (connect-migrate ${report.version}), ${first.name} part ${shard.index}/${shard.of} of \`${command}\` (${version}): they are not of one run.`,
      );
    const twice = seen.get(report.shard.index);
    if (twice !== undefined)
      throw new UsageError(`${twice} and ${name} are both part ${report.shard.index}/${shard.of}.`);
    seen.set(report.shard.index, name);
  }
  const missing = Array.from({ length: shard.of }, (_, i) => i + 1).filter((index) => !seen.has(index));
  if (missing.length > 0)
    throw new UsageError(
      `Parts are missing: ${missing.map((index) => `${index}/${shard.of}`).join(", ")}. Give the reports of all.`,
    );
  reports.sort((a, b) => a.report.shard.index - b.report.shard.index);
  return {
    result: joined(
      reports.map(({ report }) => report),
      cwd,
    ),
    command,
  };
}

function joined(reports: readonly ShardReport[], cwd: string): MigrationResult {
  const at = (name: string) => path.resolve(cwd, name);
  const changes = reports.flatMap((report) => report.changes);
  const sum = (pick: (report: ShardReport) => number) => reports.reduce((all, report) => all + pick(report), 0);
  const extraFiles = new Map<string, ExtraFile>();
  for (const { path: name, before, after, why } of changes) {
    if (why === null) continue;
    const known = extraFiles.get(name);
    const content = contentFromStored(after);
    if (known && Buffer.compare(Buffer.from(known.content), Buffer.from(content)) !== 0)
      throw new UsageError(
        `Two parts make different things of ${name}. They ran on different trees: run all of them again.`,
      );
    extraFiles.set(name, { path: at(name), before, content, why });
  }
  const sources = new Map(changes.filter(({ why }) => why === null).map((change) => [change.path, change]));
  const extraNames = new Set(extraFiles.keys());
  // Several parts may need the same line of a manifest that is none of theirs alone.
  const said = new Set<string>();
  const findings = reports
    .flatMap((report) => report.findings)
    .filter(({ rule, file, line, column, construct }) => {
      const key = JSON.stringify([rule, file, line, column, construct]);
      const isKnown = extraNames.has(file) && said.has(key);
      said.add(key);
      return !isKnown;
    });
  return {
    root: cwd,
    files: reports
      .flatMap((report) => report.files)
      .filter((file) => !extraNames.has(file.path))
      .map(({ path: name, status, error }): MigratedFile => {
        const change = sources.get(name);
        const after = change ? (change.after as string) : null;
        return { path: at(name), status, error, before: change?.before ?? null, after };
      })
      .sort((a, b) => (a.path < b.path ? -1 : 1)),
    findings: findings.map((finding) => ({ ...finding, file: at(finding.file) })),
    summary: summaryOf(
      findings,
      sum(({ summary }) => summary.filesChanged),
      sum(({ summary }) => summary.filesScanned),
    ),
    extraFiles: [...extraFiles.values()],
    notes: [...new Set(reports.flatMap((report) => report.notes))],
    candidates: sum((report) => report.candidates),
    withMark: new Set(changes.filter(({ hasMark }) => hasMark).map((change) => at(change.path))),
  };
}

function readShardReport(file: string, name: string): ShardReport {
  let report: Partial<ShardReport>;
  try {
    report = JSON.parse(readFileSync(file, "utf8")) as Partial<ShardReport>;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new UsageError(code === "ENOENT" ? `${name} does not exist.` : `${name} is no JSON report: ${message}`);
  }
  if (report.schemaVersion !== 1 || report.shard === undefined || report.changes === undefined)
    throw new UsageError(`${name} is not the report of a part. Make it with --shard 1/2 --json ${name}.`);
  return report as ShardReport;
}
