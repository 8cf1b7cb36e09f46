import path from "node:path";
import { collectClientFacts } from "./analysis/client.js";
import type { FactBase } from "./analysis/facts.js";
import { reaches } from "./analysis/module-imports.js";
import { type AnalysisProject, createAnalysisProject } from "./analysis/project.js";
import { collectServerFacts } from "./analysis/server.js";
import { type CodecFact, isCodec, isContextKeys } from "./analysis/server-facts.js";
import { collectStatusFacts } from "./analysis/status-facts.js";
import { clientRules } from "./clients/index.js";
import * as messages from "./messages/index.js";
import type { MigrationOptions } from "./migration.js";
import { compatFiles, compatPlace } from "./project/compat-file.js";
import { emptyRegistry } from "./project/empty-registry.js";
import { niceGrpcFindings } from "./project/nice-grpc.js";
import { moduleSystemOfPackage } from "./project/package-json.js";
import { relative } from "./project/project-root.js";
import { type Leftovers, leftoversOf, uncoveredFindings } from "./project/uncovered.js";
import { debug, type Failure, failureAt, type Part, type Run, SHARES } from "./run.js";
import { keysText } from "./services/context-values.js";
import { neighbourRules, serviceRules } from "./services/index.js";
import { type ApplyResult, applyRules } from "./shared/apply.js";
import type { Finding } from "./shared/finding.js";
import { SourceSyntaxError } from "./shared/parse.js";
import { reason } from "./shared/reasons.js";
import type { Rule } from "./shared/rule.js";

/** Passes until nothing changes any more: what one rule made, another may make better. */
const MAX_PASSES = 5;

/** What the passes of one attempt made of the texts. */
export interface Attempt {
  /** New texts of the files that change. */
  readonly texts: Map<string, string>;
  readonly findings: Map<string, Finding[]>;
  /** Services and clients whose messages became native, with the files that changed for it. */
  readonly native: Map<string, Set<string>>;
  /** New files beside the sources, by absolute path. */
  readonly created: Map<string, string>;
  readonly notes: string[];
}

/** What one file makes of another counts only as long as both stand: with a file that fails, everything is done again without it. */
export async function transform(run: Run): Promise<Attempt> {
  const { failures, lacking } = run;
  let attempt: Attempt | undefined;
  for (;;) {
    const known = failures.size + lacking.size + run.kept.size;
    const next = await passes(run);
    // A file that is put back keeps its findings, as failures.
    for (const [file, findings] of attempt?.findings ?? [])
      if (failures.has(file) && !next.findings.has(file)) next.findings.set(file, findings);
    attempt = next;
    if (failures.size + lacking.size + run.kept.size === known) return attempt;
  }
}

async function passes(run: Run): Promise<Attempt> {
  const { options, discovery, parts, failures, lacking, kept, progress } = run;
  const native = new Map<string, Set<string>>();
  const texts = new Map<string, string>();
  const findings = new Map<string, Finding[]>();
  const created = new Map<string, string>();
  const notes: string[] = [];
  const rules = rulesOf(options);
  const compat = parts.map((part) => (options.target === "connectrpc" ? compatPlace(part.generated) : undefined));
  const placeOf = (file: string) => compat[parts.findIndex(({ home }) => home.files.has(file))];
  const unsettled = new Set<string>();
  const codecs: CodecFact[] = [];
  /** Registrations whose messages are native now: their file and service. */
  const settled = new Set<string>();
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
    for (const fact of facts.filter(isContextKeys)) created.set(fact.file, keysText(fact, options.target));
    if (pass === 0) codecs.push(...facts.filter(isCodec));
    const outcomes = facts.filter(messages.isMessageOutcome);
    for (const fact of outcomes.filter(({ blockers }) => blockers.length === 0)) {
      native.set(messages.keyOfOutcome(fact), new Set(fact.files));
      settled.add(`${fact.file} ${fact.service}`);
    }
    // Of several registrations in one file, the messages of all have to be.
    for (const { file, service } of outcomes.filter(({ blockers }) => blockers.length > 0))
      settled.delete(`${file} ${service}`);
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
          compat: placeOf(file)?.specifierFor(file),
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
      // Without what native messages would need here, they keep their old shape.
      const withOld = lacks ? [...native].filter(([key, files]) => files.has(file) && !kept.has(key)) : [];
      if (lacks && withOld.length > 0) {
        for (const [key] of withOld) kept.set(key, lacks.text.replace(/\.$/, ""));
        texts.delete(file);
        continue;
      }
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
    if (hasChanged) continue;
    if (options.messages === "bridge")
      notes.push(...projects.flatMap((project) => messages.staleNotes(project, options.side)));
    break;
  }
  for (const codec of codecs)
    if (codec.users.every(({ file, service }) => settled.has(`${file} ${service}`))) withdraw(codec, findings);
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
  const places = compat.filter((place) => place !== undefined);
  for (const [file, text] of compatFiles(places, texts)) created.set(file, text);
  return { texts, findings, native, created, notes };
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
  const collected = (name: string, collect: () => FactBase[]): FactBase[] => {
    try {
      return collect();
    } catch (error) {
      failed(debug(error, `the ${name} analysis failed: ${(error as Error).message}`));
      return [];
    }
  };
  const facts = collectors.flatMap(({ name, collect }) => collected(name, collect));
  return options.only ? facts : [...facts, ...collected("status", () => collectStatusFacts(project, facts))];
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
    keptHandlers: run.keptHandlers,
    keptCalls: run.keptCalls,
    keptStatus: run.keptStatus,
    protos: generated.registry ?? emptyRegistry(home.folder, generated.failure),
    texts: new Map([...code, ...current]),
    ...read,
  });
}

/** Takes back what the first pass said of a codec that no service needs any more. */
function withdraw({ file, start, end }: CodecFact, findings: Map<string, Finding[]>): void {
  const own = findings.get(file) ?? [];
  const isAbout = (one: Finding) => one.reason?.code === "messages-bridged" && one.start === start && one.end === end;
  findings.set(
    file,
    own.filter((finding) => !isAbout(finding)),
  );
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
