import { existsSync, readFileSync, statSync } from "node:fs";
import path from "node:path";
import { createConfigFinder, type StatusKept } from "./analysis/project.js";
import { createSources, type Sources } from "./analysis/sources.js";
import { extraFilesOf } from "./extra-files.js";
import { gate } from "./gate.js";
import { codeHomes, ensureGenerated, inEachHome, type SourceText } from "./generate/index.js";
import { keepCalls } from "./kept-calls.js";
import { keepHandlers } from "./kept-handlers.js";
import {
  type Choice,
  type FileStatus,
  type MigratedFile,
  type MigrationOptions,
  type MigrationResult,
  type PlacedFinding,
  summaryOf,
} from "./migration.js";
import { type Attempt, transform } from "./passes.js";
import { type Discovery, discover, projectRoot } from "./project/discover.js";
import { relative } from "./project/project-root.js";
import { parserErrors } from "./project/type-gate.js";
import { type Failure, failureAt, type Part, type Run, SHARES } from "./run.js";
import type { Finding } from "./shared/finding.js";
import { parse, SourceSyntaxError } from "./shared/parse.js";
import { offsetOf, positionOf } from "./shared/position.js";
import { reason } from "./shared/reasons.js";

export async function runMigration(options: MigrationOptions): Promise<MigrationResult> {
  const progress = options.onProgress ?? (() => {});
  const paths = options.paths.map((file) => path.resolve(options.cwd, file));
  const root = options.root ?? projectRoot(paths, options.cwd);

  progress("looking for files that use grpc-js", 0);
  const configs = createConfigFinder(root);
  const read = { configs, sources: createSources(configs.configOf) };
  const discovery = await discover({ root, paths, configs, exclude: new Set(options.exclude) });
  const notes: string[] = [];
  const ignored = discovery.ignored.map((file) => relative(file, options.cwd));
  if (ignored.length > 0) {
    const shown =
      ignored.length > 5 ? `${ignored.slice(0, 5).join(", ")} and ${ignored.length - 5} more` : ignored.join(", ");
    notes.push(`left out, because git ignores it and no source imports it: ${shown}. Give its path to migrate it.`);
  }
  const failures = new Map<string, Failure>();
  for (const { path: file, message } of discovery.unreadable) failures.set(file, failureAt(file, message, null));
  if (discovery.selected.length === 0) return emptyResult(root, discovery, failures, notes);

  progress("compiling .proto files", SHARES.protos);
  // buf compiles in a process of its own while this one parses.
  const generating = generatedParts(discovery, read.sources);
  assertParses(discovery, failures, read.sources);
  const parts = await generating;
  for (const { generated } of parts) {
    notes.push(...generated.notes);
    if (generated.failure) notes.push(generated.failure.text.trim());
  }
  const generatedTexts = new Map(
    parts
      .flatMap(({ generated }) => generated.files)
      .filter((file) => /\.[cm]?[jt]s$/.test(file.path))
      .map((file) => [path.resolve(file.path), file.content]),
  );

  // Passes over texts in memory; a file that fails is put back and everything is done again without it.
  const kept = new Map<string, string>();
  const run: Run = {
    options,
    discovery,
    parts,
    generatedTexts,
    failures,
    lacking: new Map(),
    kept,
    keptHandlers: new Map(),
    keptCalls: new Map(),
    keptStatus: new Map(),
    progress,
    read,
  };
  let attempt = await transform(run);
  for (let round = 0; round < 4 && options.isDraft !== true; round++) {
    progress("checking the result", SHARES.gate);
    let broken = gate(run, attempt);
    while (
      keepStatus(run, attempt, broken) ||
      keepMessages(attempt, broken, kept) ||
      keepHandlers(run, attempt, broken) ||
      keepCalls(run, attempt, broken)
    ) {
      attempt = await transform(run);
      broken = gate(run, attempt);
    }
    if (broken.size === 0) break;
    for (const [file, failure] of broken) failures.set(file, failure);
    attempt = await transform(run);
    if (round === 3)
      for (const file of attempt.texts.keys())
        failures.set(
          file,
          failureAt(file, "the result did not settle", reason("gate-failed", "the result did not settle")),
        );
  }
  for (const file of failures.keys()) attempt.texts.delete(file);
  notes.push(...attempt.notes);
  if (options.review) {
    const choices = await options.review(
      [...attempt.texts]
        .sort()
        .map(([file, after]) => ({ path: file, before: discovery.texts.get(file) ?? "", after })),
    );
    takeChoices(choices, attempt, discovery);
    for (;;) {
      const broken = gate(run, attempt);
      if (broken.size === 0) break;
      for (const [file, { error }] of broken) {
        failures.set(file, failureAt(file, `what you took of it does not stand alone: ${error}`, null));
        attempt.texts.delete(file);
      }
    }
  }

  const files: MigratedFile[] = [];
  const findings: Finding[] = [];
  for (const [file, failure] of failures) if (!discovery.selected.includes(file)) findings.push(failure.finding);
  for (const file of [...new Set([...discovery.selected, ...failures.keys(), ...attempt.texts.keys()])].sort()) {
    if (file === root) continue;
    const before = discovery.texts.get(file) ?? null;
    const failure = failures.get(file);
    const after = attempt.texts.get(file) ?? before;
    const status: FileStatus = failure ? "failed" : after === before ? "unchanged" : "changed";
    files.push({ path: file, status, error: failure?.error ?? null, before, after: failure ? before : after });
    const own = attempt.findings.get(file) ?? [];
    if (failure && discovery.selected.includes(file)) findings.push(failure.finding);
    findings.push(...own);
  }

  const changed = files.filter((file) => file.status === "changed");
  const extraFiles = extraFilesOf(run, attempt, changed, findings, notes);
  return {
    root,
    files,
    findings: placed(findings, discovery.texts),
    summary: summaryOf(findings, changed.length, discovery.scanned),
    extraFiles,
    notes: [...new Set(notes)],
    candidates: discovery.selected.length,
    withMark: discovery.withMark,
  };
}

function generatedParts(discovery: Discovery, sources: Sources): Promise<Part[]> {
  const { root, imports } = discovery;
  const files = [...discovery.selected, ...discovery.related, ...discovery.generated];
  const texts = sourceTexts(discovery, sources);
  const homes = codeHomes({ root, files, imports, sources: texts });
  const needed = homes.filter((home) => discovery.selected.some((file) => home.files.has(file)));
  return inEachHome(needed, async (home) => {
    const { folder, without } = home;
    return { home, generated: await ensureGenerated({ root: folder, project: root, without, sources: texts }) };
  });
}

function sourceTexts(discovery: Discovery, sources: Sources): SourceText[] {
  const analysed = new Set([...discovery.selected, ...discovery.related]);
  return [...discovery.texts].map(([file, text]) => ({
    path: file,
    text,
    tree: () => (analysed.has(file) ? sources.load(file, text)?.compilerNode : undefined),
  }));
}

function assertParses(discovery: Discovery, failures: Map<string, Failure>, sources: Sources): void {
  for (const file of discovery.selected) {
    // Rules read the files that use grpc-js; of the others it is enough that the compiler can.
    if (!discovery.users.has(file) && !hasSyntaxError(sources.load(file, discovery.texts.get(file)))) continue;
    try {
      parse(discovery.texts.get(file) ?? "", file);
    } catch (error) {
      if (!(error instanceof SourceSyntaxError)) throw error;
      const text = `${error.line}:${error.column}: ${error.message}`;
      failures.set(
        file,
        failureAt(file, text, reason("syntax-error", text), offsetOf(discovery.texts.get(file) ?? "", error)),
      );
    }
  }
}

function hasSyntaxError(file: ReturnType<Sources["load"]>): boolean {
  const errors = file && parserErrors(file.compilerNode);
  return errors === undefined || errors.length > 0;
}

/** Puts what a person chose in the place of what was made; what was left out is manual work. */
function takeChoices(choices: readonly Choice[], attempt: Attempt, discovery: Discovery): void {
  for (const { path: file, text, left } of choices) {
    const before = discovery.texts.get(file) ?? "";
    if (text === before) attempt.texts.delete(file);
    else attempt.texts.set(file, text);
    const findings = attempt.findings.get(file) ?? [];
    attempt.findings.set(
      file,
      findings.map((finding) => {
        const { line } = positionOf(before, finding.start);
        if (!left.some(([from, to]) => from <= line && line <= to)) return finding;
        return { ...finding, outcome: "manual", reason: reason("left-out", `line ${line}`) };
      }),
    );
  }
}

/** Puts the messages of what broke back on the bridge; false when nothing that broke has native messages. */
function keepMessages(attempt: Attempt, broken: ReadonlyMap<string, Failure>, kept: Map<string, string>): boolean {
  const before = kept.size;
  for (const [key, files] of attempt.native) {
    const failure = [...broken].find(([file]) => files.has(file))?.[1];
    if (failure && !kept.has(key)) kept.set(key, `with protobuf-es messages: ${failure.error.split("\n", 1)[0]}`);
  }
  return kept.size > before;
}

/**
 * Puts grpc-js's enum of codes back where `Code` broke a file; if that is not enough, in the files that it imports; then the errors, whose codes
 * have its type. False when what broke has neither.
 */
function keepStatus(
  { discovery, keptStatus }: Run,
  { findings }: Attempt,
  broken: ReadonlyMap<string, Failure>,
): boolean {
  const has = (file: string, rule: string) => (findings.get(file) ?? []).some((finding) => finding.rule === rule);
  let isMore = false;
  const keep = (file: string, what: StatusKept) => {
    if (keptStatus.get(file) !== what) isMore = true;
    keptStatus.set(file, what);
  };
  for (const [file, { error }] of broken) {
    if (!/\b(Code|[Ss]tatus)\b/.test(error) || keptStatus.get(file) === "errors") continue;
    const mayKeep = (each: string) => !keptStatus.has(each) && has(each, "errors/status-to-code");
    const named = mayKeep(file) ? [file] : [...(discovery.imports.get(file) ?? [])].filter(mayKeep);
    for (const each of named) keep(each, "enum");
    if (named.length === 0 && has(file, "clients/error-to-connect-error")) keep(file, "errors");
  }
  return isMore;
}

function emptyResult(
  root: string,
  discovery: Discovery,
  failures: Map<string, Failure>,
  notes: string[],
): MigrationResult {
  const findings = [...failures.values()].map((failure) => failure.finding);
  return {
    root,
    files: [...failures].map(([file, { error }]) => ({
      path: file,
      status: "failed",
      error,
      before: null,
      after: null,
    })),
    findings: placed(findings, discovery.texts),
    summary: summaryOf(findings, 0, discovery.scanned),
    extraFiles: [],
    notes,
    candidates: 0,
    withMark: discovery.withMark,
  };
}

function placed(findings: readonly Finding[], texts: ReadonlyMap<string, string>): PlacedFinding[] {
  return findings.map((finding) => {
    const isFile = existsSync(finding.file) && statSync(finding.file).isFile();
    const text = texts.get(finding.file) ?? (isFile ? readFileSync(finding.file, "utf8") : "");
    return { ...finding, ...positionOf(text, finding.start) };
  });
}
