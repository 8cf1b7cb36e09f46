import { existsSync, readFileSync, statSync } from "node:fs";
import path from "node:path";
import { collectClientFacts } from "./analysis/client.js";
import type { FactBase } from "./analysis/facts.js";
import { reaches } from "./analysis/module-imports.js";
import {
  type AnalysisProject,
  type ConfigFinder,
  createAnalysisProject,
  createConfigFinder,
} from "./analysis/project.js";
import { collectServerFacts } from "./analysis/server.js";
import { createSources, type Sources } from "./analysis/sources.js";
import { clientRules } from "./clients/index.js";
import {
  type CodeHome,
  codeHomes,
  ensureGenerated,
  type GenerateResult,
  inEachHome,
  type PlannedFile,
  type SourceText,
} from "./generate/index.js";
import * as messages from "./messages/index.js";
import { type Discovery, discover, isInside, projectRoot } from "./project/discover.js";
import { emptyRegistry } from "./project/empty-registry.js";
import { type GenerateStep, generateStep } from "./project/generate-step.js";
import { niceGrpcFindings } from "./project/nice-grpc.js";
import { changeManifest, manifestOf, moduleSystemOfPackage } from "./project/package-json.js";
import { runtimePackage } from "./project/tool.js";
import { type NewError, newTypeErrors, parserErrors } from "./project/type-gate.js";
import { type Leftovers, leftoversOf, uncoveredFindings } from "./project/uncovered.js";
import { neighbourRules, serviceRules } from "./services/index.js";
import { type ApplyResult, applyRules, positionOf } from "./shared/apply.js";
import type { Finding } from "./shared/finding.js";
import { modulesOf } from "./shared/imports.js";
import { parse, SourceSyntaxError } from "./shared/parse.js";
import { reason } from "./shared/reasons.js";
import type { MessagesMode, Rule, Target } from "./shared/rule.js";

export type Side = "services" | "clients";
export type { Finding } from "./shared/finding.js";

export interface MigrationOptions {
  readonly cwd: string;
  /** Files and folders, absolute or relative to `cwd`. */
  readonly paths: readonly string[];
  /** The folder of the project, absolute; default: the one that the paths are in. A part of a run is of the run's project. */
  readonly root?: string;
  readonly side: Side;
  readonly target: Target;
  readonly messages: MessagesMode;
  readonly runtime: "vendor" | "npm";
  /** Instead of the rules and facts of `side`: one rule alone, with its facts. */
  readonly only?: {
    readonly rules: readonly Rule[];
    readonly collect?: (project: AnalysisProject) => FactBase[];
  };
  /** Absolute paths of files that this run may not change, although they lie below `paths`. */
  readonly exclude?: readonly string[];
  /** An estimate: the result is not checked with the compiler. */
  readonly isDraft?: boolean;
  /** Asked before anything is made of the changes, which of them are wanted. */
  readonly review?: (changes: readonly Change[]) => Promise<readonly Choice[]>;
  /** Told what is being done, and which share of the run, from 0 to 1, lies behind. */
  readonly onProgress?: (what: string, share: number) => void;
}

export interface Change {
  /** Absolute. */
  readonly path: string;
  readonly before: string;
  readonly after: string;
}

/** What is wanted of a change. */
export interface Choice {
  readonly path: string;
  readonly text: string;
  /** Lines of the old text, from and to, counted from 1, whose changes are left out. */
  readonly left: readonly (readonly [from: number, to: number])[];
}

/** A finding with its place in the file, counted from 1. */
export interface PlacedFinding extends Finding {
  readonly line: number;
  readonly column: number;
}

export type FileStatus = "changed" | "unchanged" | "failed";

export interface MigratedFile {
  /** Absolute. */
  readonly path: string;
  readonly status: FileStatus;
  readonly error: string | null;
  readonly before: string | null;
  readonly after: string | null;
}

export interface ExtraFile {
  readonly path: string;
  readonly content: string | Uint8Array;
  readonly before: string | null;
  readonly why: "package.json" | "generated" | "vendor";
}

export interface MigrationSummary {
  readonly idiomatic: number;
  readonly bridged: number;
  readonly manual: number;
  readonly failed: number;
  readonly filesChanged: number;
  readonly filesScanned: number;
}

/** What a run would do, as a value: nothing is written by making it. */
export interface MigrationResult {
  readonly root: string;
  readonly files: readonly MigratedFile[];
  readonly findings: readonly PlacedFinding[];
  readonly summary: MigrationSummary;
  readonly extraFiles: readonly ExtraFile[];
  /** What the user should know about the run as a whole. */
  readonly notes: readonly string[];
  /** How many of the scanned files use grpc or are connected to one that does. */
  readonly candidates: number;
  readonly withMark: ReadonlySet<string>;
}

/** How much of a run lies behind when a stage begins: measured, and good for an estimate only. */
const SHARES = { protos: 0.08, analysis: 0.15, secondPass: 0.65, gate: 0.8 };

const PROTOBUF = "@bufbuild/protobuf";

/** Passes until nothing changes any more: what one rule made, another may make better. */
const MAX_PASSES = 5;

/** What every stage of a run is given. */
interface Run {
  readonly options: MigrationOptions;
  readonly discovery: Discovery;
  readonly parts: readonly Part[];
  /** Code that would be generated, by absolute path. */
  readonly generatedTexts: ReadonlyMap<string, string>;
  /** Files that stay as they are, and why. */
  readonly failures: Map<string, Failure>;
  /** Files that stay because the target lacks what they would need, with what is said of them. */
  readonly lacking: Map<string, readonly Finding[]>;
  /** Services and clients whose messages stay as they are, because native ones did not pass the gate: with the reason. */
  readonly kept: Map<string, string>;
  readonly progress: (what: string, share: number) => void;
  /** What is read once and serves every analysis and check. */
  readonly read: { readonly configs: ConfigFinder; readonly sources: Sources };
}

/** Files that are analysed together, with the one folder of generated code that they use. */
interface Part {
  readonly home: CodeHome;
  readonly generated: GenerateResult;
}

interface Failure {
  readonly error: string;
  readonly finding: Finding;
}

export async function runMigration(options: MigrationOptions): Promise<MigrationResult> {
  const progress = options.onProgress ?? (() => {});
  const paths = options.paths.map((file) => path.resolve(options.cwd, file));
  const root = options.root ?? projectRoot(paths, options.cwd);

  progress("looking for files that use grpc-js", 0);
  const configs = createConfigFinder(root);
  const read = { configs, sources: createSources(configs.configOf) };
  const discovery = await discover({ root, paths, configs, exclude: new Set(options.exclude) });
  const notes: string[] = [];
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
    progress,
    read,
  };
  let attempt = await transform(run);
  for (let round = 0; round < 4 && options.isDraft !== true; round++) {
    progress("checking the result", SHARES.gate);
    let broken = gate(run, attempt.texts);
    while (keepMessages(attempt, broken, kept)) {
      attempt = await transform(run);
      broken = gate(run, attempt.texts);
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
      const broken = gate(run, attempt.texts);
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
  const extraFiles = extraFilesOf(run, attempt.texts, changed, findings, notes);
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

// ---- stages --------------------------------------------------------------------------------------------------------

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

function offsetOf(text: string, place: { line: number; column: number }): number {
  const lines = text.split("\n").slice(0, place.line - 1);
  return lines.reduce((sum, line) => sum + line.length + 1, 0) + place.column - 1;
}

function failureAt(file: string, error: string, why: Finding["reason"], offset = 0): Failure {
  return {
    error,
    finding: {
      rule: "project/gate",
      outcome: "failed",
      construct: path.basename(file),
      reason: why ?? reason("gate-failed", error),
      file,
      start: offset,
      end: offset,
      rpc: null,
    },
  };
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

interface Attempt {
  /** New texts of the files that change. */
  readonly texts: Map<string, string>;
  readonly findings: Map<string, Finding[]>;
  /** Services and clients whose messages became native, with the files that changed for it. */
  readonly native: Map<string, Set<string>>;
  readonly notes: string[];
}

/** Puts the messages of what broke back on the bridge; false when nothing that broke has native messages. */
function keepMessages(attempt: Attempt, broken: ReadonlyMap<string, Failure>, kept: Map<string, string>): boolean {
  const before = kept.size;
  for (const [key, files] of attempt.native) {
    const failure = [...broken].find(([file]) => files.has(file))?.[1];
    if (failure && !kept.has(key)) kept.set(key, `with protobuf-es messages: ${failure.error}`);
  }
  return kept.size > before;
}

function rulesOf(options: MigrationOptions): readonly Rule[] {
  if (options.only) return options.only.rules;
  const own = options.side === "services" ? serviceRules : clientRules;
  return options.messages === "bridge" ? own : [...own, ...messages.messageRules];
}

/** Facts of every collector; one that fails costs its own facts, and the run says so. */
function factsOf(
  options: MigrationOptions,
  project: AnalysisProject,
  kept: ReadonlyMap<string, string>,
  failed: (text: string) => void,
): FactBase[] {
  const collectors: { name: string; collect: () => FactBase[] }[] = options.only
    ? [{ name: "given", collect: () => options.only?.collect?.(project) ?? [] }]
    : [
        options.side === "services"
          ? { name: "server", collect: () => collectServerFacts(project) }
          : { name: "client", collect: () => collectClientFacts(project) },
      ];
  if (!options.only && options.messages !== "bridge")
    collectors.push({ name: "message", collect: () => messages.collectMessageFacts(project, options.side, kept) });
  return collectors.flatMap(({ name, collect }) => {
    try {
      return collect();
    } catch (error) {
      failed(debug(error, `the ${name} analysis failed: ${(error as Error).message}`));
      return [];
    }
  });
}

/** What one file makes of another counts only as long as both stand: with a file that fails, everything is done again without it. */
async function transform(run: Run): Promise<Attempt> {
  const { failures, lacking } = run;
  let attempt: Attempt | undefined;
  for (;;) {
    const known = failures.size + lacking.size;
    const next = await passes(run);
    // A file that is put back keeps its findings, as failures.
    for (const [file, findings] of attempt?.findings ?? [])
      if (failures.has(file) && !next.findings.has(file)) next.findings.set(file, findings);
    attempt = next;
    if (failures.size + lacking.size === known) return attempt;
  }
}

async function passes(run: Run): Promise<Attempt> {
  const { options, discovery, parts, failures, lacking, kept, progress } = run;
  const native = new Map<string, Set<string>>();
  const texts = new Map<string, string>();
  const findings = new Map<string, Finding[]>();
  const notes: string[] = [];
  const rules = rulesOf(options);
  const unsettled = new Set<string>();
  for (let pass = 0; pass < MAX_PASSES; pass++) {
    const [from, to] = pass === 0 ? [SHARES.analysis, SHARES.secondPass] : [SHARES.secondPass, SHARES.gate];
    progress(pass === 0 ? "analysing" : "analysing the result", from);
    const current: Map<string, string> = new Map([...discovery.texts, ...texts]);
    const projects = parts.map((part) => analysisOf(run, part, current));
    const failed = (text: string) => {
      notes.push(
        `${text}. This is a defect of connect-migrate; run again with CONNECT_MIGRATE_DEBUG=1 for details to report.`,
      );
      if (!failures.has(discovery.root)) failures.set(discovery.root, failureAt(discovery.root, text, null));
    };
    const facts = projects.flatMap((project, index) => {
      const shared = parts[index]?.home.shared;
      return factsOf(options, project, kept, failed).filter(({ file }) => shared?.has(file) !== true);
    });
    if (pass === 0) {
      for (const problem of new Set(projects.flatMap((project) => project.problems)))
        notes.push(
          `${relative(problem.file, options.cwd)} is broken (${problem.message}); its files are analysed with default settings. Fix it and run again for more.`,
        );
      if (projects.some((project) => project.dependenciesMissing))
        notes.push(
          "@grpc/grpc-js is not installed (no node_modules): types could not be resolved, only what imports, names and .proto files show could be proved. Install dependencies and run again for more.",
        );
    }
    for (const fact of facts.filter(messages.isMessageOutcome)) {
      if (fact.blockers.length === 0) native.set(messages.keyOfOutcome(fact), new Set(fact.files));
    }
    const factsByFile = new Map<string, FactBase[]>();
    for (const fact of facts) factsByFile.set(fact.file, [...(factsByFile.get(fact.file) ?? []), fact]);

    let hasChanged = false;
    const leftovers: Leftovers[] = [];
    const selected = new Set(discovery.selected);
    const neighbours = [...factsByFile].flatMap(([file, own]) =>
      !selected.has(file) && own.some((fact) => fact.kind === "neighbour-bridge") ? [file] : [],
    );
    for (const [index, file] of [...discovery.selected, ...neighbours].entries()) {
      if (failures.has(file)) continue;
      const said = lacking.get(file);
      if (said) {
        findings.set(file, [...said]);
        continue;
      }
      const isNeighbour = !selected.has(file);
      const source = current.get(file) ?? "";
      const all = factsByFile.get(file) ?? [];
      const own = isNeighbour ? all.filter((fact) => fact.kind === "neighbour-bridge") : all;
      if (own.length === 0 && !discovery.users.has(file)) continue;
      progress(
        `${pass === 0 ? "rewriting" : "rewriting again"} ${index + 1}/${discovery.selected.length} ${relative(file, options.cwd)}`,
        to - (to - from) * 0.2 * (1 - index / discovery.selected.length),
      );
      let result: ApplyResult;
      try {
        result = applyRules(source, file, isNeighbour ? neighbourRules : rules, {
          facts: own,
          target: options.target,
          messages: options.messages,
          moduleSystem: moduleSystemOfPackage(file),
        });
      } catch (error) {
        // Only the import phase parses again, and it parses what the edits made.
        const text =
          error instanceof SourceSyntaxError
            ? `the new text does not parse: ${error.line}:${error.column}: ${error.message}`
            : `a rule failed: ${(error as Error).message}`;
        failures.set(file, failureAt(file, debug(error, text), reason("gate-failed", text)));
        texts.delete(file);
        continue;
      }
      if (result.conflict !== null) {
        // The findings of this pass say so one by one; what earlier passes made stays out.
        failures.set(
          file,
          failureAt(
            file,
            `two rules wanted the same text: ${result.conflict}`,
            reason("edit-conflict", result.conflict),
          ),
        );
        texts.delete(file);
        continue;
      }
      const rest = () =>
        leftoversOf(result.file, file, options.side, result.findings, result.edits, own.length > 0, source);
      const { lacks } = result;
      if (lacks) {
        const all =
          pass === 0
            ? [...result.findings, ...uncoveredFindings(options.side, [rest()], () => false)]
            : (findings.get(file) ?? []);
        lacking.set(
          file,
          all.map((one) => (one.outcome === "manual" ? one : { ...one, outcome: "manual", reason: lacks })),
        );
        texts.delete(file);
        continue;
      }
      if (pass === 0) {
        findings.set(file, [
          ...result.findings,
          ...(isNeighbour ? [] : niceGrpcFindings(result.file, file, options.side)),
        ]);
        if (!isNeighbour) leftovers.push(rest());
      } else if (result.text !== source) {
        const more = result.findings.filter((finding) => finding.outcome === "idiomatic" && isOfMessages(finding));
        findings.set(file, [...(findings.get(file) ?? []), ...more]);
      }
      // What stays on the bridge is known when everything else is done: the last pass says it.
      const staying = result.findings.filter((finding) => finding.outcome !== "idiomatic" && isOfMessages(finding));
      const first = (findings.get(file) ?? []).filter(
        (finding) => !isOfMessages(finding) || finding.outcome === "idiomatic",
      );
      findings.set(file, [...first, ...staying.map((finding) => (pass === 0 ? finding : anchored(finding, first)))]);
      if (result.text === source) continue;
      if (pass === MAX_PASSES - 1) unsettled.add(file);
      hasChanged = true;
      if (result.text === discovery.texts.get(file)) texts.delete(file);
      else texts.set(file, result.text);
    }
    for (const finding of uncoveredFindings(options.side, leftovers, importsIn(projects)))
      findings.set(finding.file, [...(findings.get(finding.file) ?? []), finding]);
    if (!hasChanged) break;
  }
  for (const file of unsettled) {
    const text = "another run would change it again";
    failures.set(file, failureAt(file, text, reason("gate-failed", text)));
    texts.delete(file);
  }
  // A file that is put back keeps its findings, as failures.
  for (const file of failures.keys()) {
    const own = findings.get(file);
    if (own)
      findings.set(
        file,
        own.map((finding) => failedFinding(finding, failures.get(file) as Failure)),
      );
  }
  return { texts, findings, native, notes };
}

function importsIn(projects: readonly AnalysisProject[]): (from: string, to: string) => boolean {
  return (from, to) =>
    projects.some((project) => {
      const [user, used] = [project.fileAt(from), project.fileAt(to)];
      return user !== undefined && used !== undefined && reaches(project, user, used);
    });
}

function analysisOf(run: Run, { home, generated }: Part, current: ReadonlyMap<string, string>): AnalysisProject {
  const { options, discovery, generatedTexts, failures, lacking, read } = run;
  const isHere = (file: string) => home.files.has(file);
  const own = new Set(generated.files.map((file) => path.resolve(file.path)));
  const code = [...generatedTexts].filter(([file]) => own.has(file));
  return createAnalysisProject({
    root: discovery.root,
    candidates: [...discovery.selected, ...discovery.related].filter((file) => isHere(file) || home.shared.has(file)),
    selected: new Set(discovery.selected.filter((file) => isHere(file) && !failures.has(file) && !lacking.has(file))),
    untouchable: new Set([...failures.keys(), ...lacking.keys(), ...(options.exclude ?? []), ...home.shared]),
    context: [...discovery.generated.filter(isHere), ...code.map(([file]) => file)],
    protos: generated.registry ?? emptyRegistry(home.folder),
    texts: new Map([...code, ...current]),
    ...read,
  });
}

function isOfMessages(finding: Finding): boolean {
  return finding.rule.startsWith("messages/");
}

/** A finding in text that an earlier pass made: it is shown where the service or client stands in the user's text. */
function anchored(finding: Finding, known: readonly Finding[]): Finding {
  const { rpc } = finding;
  const place =
    known.find((one) => one.rpc === rpc) ??
    known.find((one) => rpc !== null && one.construct.includes(rpc)) ??
    known.find((one) => rpc !== null && one.rpc?.startsWith(`${rpc}/`) === true);
  return { ...finding, start: place?.start ?? 0, end: place?.end ?? 0 };
}

function failedFinding(finding: Finding, failure: Failure): Finding {
  if (finding.outcome === "manual") return finding;
  return { ...finding, outcome: "failed", reason: failure.finding.reason };
}

function debug(error: unknown, text: string): string {
  return process.env.CONNECT_MIGRATE_DEBUG ? `${text}\n${(error as Error).stack}` : text;
}

/** Files whose new text does not stand: it does not parse, or the compiler says more about the project than before. */
function gate({ discovery, generatedTexts, read }: Run, texts: ReadonlyMap<string, string>): Map<string, Failure> {
  const broken = new Map<string, Failure>();
  if (texts.size === 0) return broken;
  for (const [file, text] of texts) {
    try {
      parse(text, file);
    } catch (error) {
      const detail = `the new text does not parse: ${(error as Error).message}`;
      broken.set(file, failureAt(file, detail, reason("gate-failed", detail)));
    }
  }
  if (broken.size > 0) return broken;
  const files = [...discovery.selected, ...discovery.related];
  const { root, texts: before, imports } = discovery;
  const after = new Map([...generatedTexts, ...texts]);
  const errors = newTypeErrors({ root, files, before, after, imports, ...read });
  const byFile = new Map<string, NewError[]>();
  for (const error of errors) byFile.set(error.file, [...(byFile.get(error.file) ?? []), error]);
  for (const [file, found] of byFile) {
    // An error in a file that did not change is the fault of what it imports.
    const culprits = texts.has(file)
      ? [file]
      : [...(discovery.imports.get(file) ?? [])].filter((each) => texts.has(each));
    const [first] = found as [NewError, ...NewError[]];
    const where = `${relative(file, root)}:${first.line}:${first.column}`;
    const detail = `new error at ${where}: ${first.message}${found.length > 1 ? ` (and ${found.length - 1} more)` : ""}`;
    if (process.env.CONNECT_MIGRATE_DEBUG)
      for (const error of found) process.stderr.write(`${error.file}:${error.line}:${error.column} ${error.message}\n`);
    for (const culprit of culprits)
      if (!broken.has(culprit)) broken.set(culprit, failureAt(culprit, detail, reason("gate-failed", detail)));
  }
  return broken;
}

function extraFilesOf(
  { options, discovery, parts }: Run,
  texts: ReadonlyMap<string, string>,
  changed: readonly MigratedFile[],
  findings: Finding[],
  notes: string[],
): ExtraFile[] {
  if (changed.length === 0) return [];
  const { root } = discovery;
  const extra: ExtraFile[] = [];
  // Only what the new texts import needs to be there.
  const modules = new Map(changed.map((file) => [file.path, modulesOf(parse(file.after ?? "", file.path))]));
  const needed = parts.filter(({ home }) =>
    [...modules].some(([file, names]) => home.files.has(file) && [...names].some((name) => isGeneratedName(name))),
  );
  const written = needed.flatMap(({ generated }) => generated.files.filter((file) => file.status !== "unchanged"));
  for (const file of written) {
    const target = path.resolve(file.path);
    extra.push({
      path: target,
      content: file.content,
      before: existsSync(target) ? readFileSync(target, "utf8") : null,
      why: "generated",
    });
  }

  const runtime = runtimePackage();
  const manifests = new Map<string, Set<string>>();
  for (const [file, names] of modules) {
    const manifest = manifestOf(file, root);
    if (manifest === undefined) {
      notes.push(
        `${relative(file, options.cwd)} belongs to no package.json below ${root}: add @connect-migrate/runtime and @bufbuild/protobuf to the dependencies yourself.`,
      );
      continue;
    }
    const needs = manifests.get(manifest) ?? new Set();
    for (const name of names) needs.add(packageName(name));
    if (needed.some(({ home }) => home.files.has(file))) needs.add(PROTOBUF);
    manifests.set(manifest, needs);
  }
  // The code imports it from where it stands.
  for (const { generated } of needed) {
    const place = generated.plan?.layout.outDir;
    const manifest = place && manifestOf(path.join(place, "file"), root);
    if (manifest) manifests.set(manifest, (manifests.get(manifest) ?? new Set()).add(PROTOBUF));
    else if (place)
      notes.push(
        `${relative(place, options.cwd)} belongs to no package.json below ${root}, because files of several packages import one another: node finds no @bufbuild/protobuf from there. Make the packages a workspace, or add a package.json.`,
      );
  }
  for (const [manifest, needs] of manifests) {
    const change = changeManifest(
      {
        file: manifest,
        modules: needs,
        remaining: remainingPackages(manifest, discovery, texts),
        runtime: options.runtime,
        step: stepOf(manifest, needed, written),
      },
      runtime,
    );
    if (change.error !== null) {
      notes.push(`${relative(manifest, options.cwd)} ${change.error}: dependencies were not added.`);
      continue;
    }
    if (options.runtime === "vendor" && runtime.tarball === null && needs.has("@connect-migrate/runtime"))
      notes.push(
        "The runtime is not packed yet: run `npm run build` in the clone of connect-migrate, then run this command again.",
      );
    if (change.after !== change.before)
      extra.push({ path: manifest, content: change.after, before: change.before, why: "package.json" });
    if (change.vendor)
      extra.push({ path: change.vendor.to, content: readFileSync(change.vendor.from), before: null, why: "vendor" });
    findings.push(...change.findings);
  }
  const changedManifests = extra.flatMap(({ why, path: file }) =>
    why === "package.json" ? [relative(file, options.cwd)] : [],
  );
  if (changedManifests.length > 0)
    notes.push(
      `dependencies change in ${changedManifests.join(", ")}: run your package manager's install (npm install).`,
    );
  return extra;
}

/** The script of a package that makes its generated code makes ours, too, from the run on that says how. */
function stepOf(manifest: string, parts: readonly Part[], written: readonly PlannedFile[]): GenerateStep | null {
  const folder = path.dirname(manifest);
  const isNew = written.some(
    (file) => /^buf\.gen\.ya?ml$/.test(path.basename(file.path)) && path.dirname(file.path) === folder,
  );
  const plan = parts.find(({ home }) => home.folder === folder)?.generated.plan;
  return isNew && plan?.isForBuf === true ? generateStep(readFileSync(manifest, "utf8")) : null;
}

function isGeneratedName(specifier: string): boolean {
  return /_pb(\.[jt]s)?$/.test(specifier);
}

/** Packages that any source of a package.json's folder names after the run, generated code included. */
function remainingPackages(manifest: string, discovery: Discovery, texts: ReadonlyMap<string, string>): Set<string> {
  const folder = path.dirname(manifest);
  const names = new Set<string>();
  for (const [file, text] of discovery.texts) {
    if (!isInside(file, folder)) continue;
    for (const match of (texts.get(file) ?? text).matchAll(/['"](@grpc\/[\w-]+|@bufbuild\/protobuf)/g))
      names.add(match[1] as string);
  }
  for (const match of readFileSync(manifest, "utf8").matchAll(/grpc[-_](js|tools)|proto-loader-gen-types/g)) {
    if (match[0] === "proto-loader-gen-types") names.add("@grpc/proto-loader");
  }
  return names;
}

function packageName(specifier: string): string {
  const parts = specifier.split("/");
  return specifier.startsWith("@") ? parts.slice(0, 2).join("/") : (parts[0] ?? specifier);
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

function summaryOf(findings: readonly Finding[], filesChanged: number, filesScanned: number): MigrationSummary {
  const count = (outcome: Finding["outcome"]) => findings.filter((finding) => finding.outcome === outcome).length;
  return {
    idiomatic: count("idiomatic"),
    bridged: count("bridged"),
    manual: count("manual"),
    failed: count("failed"),
    filesChanged,
    filesScanned,
  };
}

function relative(file: string, from: string): string {
  return path.relative(from, file).split(path.sep).join("/") || ".";
}
