import type { FactBase } from "../analysis/facts.js";
import { type File, innermostAt, lineEndingOf } from "./ast.js";
import { applyEdits, conflictsOf, createEditSink, type Edit, indentEdits, withoutTaken } from "./edits.js";
import type { Finding } from "./finding.js";
import { applyImports, createImportRequests, type ModuleSystem, moduleSystemOf } from "./imports.js";
import { beyondOfficial } from "./official.js";
import { j, languageOf, parse, rootOf } from "./parse.js";
import { positionOf } from "./position.js";
import { type Reason, reason } from "./reasons.js";
import type { MessagesMode, Rule, RuleContext, Target } from "./rule.js";
import { hasTodoAbove, todoPlace, todoText } from "./todo.js";

export interface ApplyOptions {
  /** Null: nothing was analysed, the rules run alone. */
  readonly facts: readonly FactBase[] | null;
  readonly target: Target;
  /** How the file imports connect-compat, with the official packages as target. */
  readonly compat?: string | undefined;
  readonly messages: MessagesMode;
  /** For a file that neither imports nor requires anything: what its package.json says. */
  readonly moduleSystem?: ModuleSystem;
}

export interface ApplyResult {
  /** The new text; the old one if nothing changed or rules were in conflict. */
  readonly text: string;
  readonly edits: readonly Edit[];
  readonly findings: readonly Finding[];
  readonly file: File;
  readonly conflict: string | null;
  /** Why the file stays as it is: it would need what the target does not have. */
  readonly lacks: Reason | null;
}

/** All rules over one file: one parse, one sink, then the import phase. Throws {@link SourceSyntaxError} for a bad source. */
export function applyRules(source: string, path: string, rules: readonly Rule[], options: ApplyOptions): ApplyResult {
  const file = parse(source, path);
  const edit = createEditSink();
  const imports = createImportRequests(file, options.target, options.compat);
  const findings: Finding[] = [];
  const moduleSystem = moduleSystemOf(file, path, options.moduleSystem ?? "cjs");
  const todoAt = new Set<string>();
  const eol = lineEndingOf(source);

  const context: RuleContext = {
    j,
    root: rootOf(file),
    source,
    path,
    facts: options.facts ?? [],
    isAlone: options.facts === null,
    target: options.target,
    messages: options.messages,
    language: languageOf(path),
    moduleSystem,
    edit,
    imports,
    report: (finding) => {
      findings.push({ ...finding, file: path });
    },
    todo: (finding) => {
      findings.push({ ...finding, outcome: "manual", file: path });
      const node = innermostAt(file, finding.start, finding.end);
      const place = todoPlace(file, source, node);
      if (!place) return;
      const key = `${finding.rule}@${place.position}`;
      if (todoAt.has(key) || hasTodoAbove(source, place.position, finding.rule)) return;
      todoAt.add(key);
      const text = todoText(finding.rule, finding.reason?.text ?? "");
      edit.insertRight(place.position, `${text}${eol}${place.indent}`, {
        rule: finding.rule,
        outcome: "manual",
      });
    },
  };
  for (const rule of rules) rule.apply(context);

  const edits = withoutTaken(edit.edits);
  const conflicts = conflictsOf(edits);
  if (conflicts.length > 0) {
    const details = conflicts.map(({ first, second }) => {
      const [a, b] = [first, second].map((part) => `${part.rule} at ${lineAndColumn(source, part.start)}`);
      return `${a} and ${b}`;
    });
    const conflict = [...new Set(details)].join("; ");
    const failed = findings.map((finding) =>
      finding.outcome === "manual"
        ? finding
        : { ...finding, outcome: "failed" as const, reason: reason("edit-conflict", conflict) },
    );
    return { text: source, edits: [], findings: failed, file, conflict, lacks: null };
  }
  // A name that only our runtime has: with the official packages as target the file stays as it is.
  const [lacking] = imports.unofficial;
  const edited = applyEdits(source, indentEdits(edits, edit.indents), edit.moves);
  const beyond = lacking
    ? `${lacking.name} of ${lacking.module}${placeOf(lacking.name, edits, source)}`
    : options.target === "connectrpc" && edits.length > 0
      ? beyondOfficial(parse(edited, path))
      : undefined;
  if (beyond !== undefined && edits.length > 0) {
    const why = reason(
      "no-equivalent",
      `${beyond} in the official packages (--target connectrpc; run without it to use ours)`,
    );
    const kept = findings.map((finding) =>
      finding.outcome === "manual" ? finding : { ...finding, outcome: "manual" as const, reason: why },
    );
    return { text: source, edits: [], findings: kept, file, conflict: null, lacks: why };
  }
  // A rule may leave the text and only need an import, or the other way round.
  const text =
    edited === source && imports.requests.length === 0
      ? source
      : applyImports({ file, path, source }, edited, imports.requests, moduleSystem, imports.replaced);
  return { text, edits, findings, file, conflict: null, lacks: null };
}

/** Where the first edit stands that writes a name; empty where none does. */
function placeOf(name: string, edits: readonly Edit[], source: string): string {
  const first = edits.filter(({ text }) => text.includes(name)).toSorted((a, b) => a.start - b.start)[0];
  return first === undefined ? "" : `, which line ${positionOf(source, first.start).line} needs,`;
}

/** `12:5`, counted from 1. */
export function lineAndColumn(source: string, offset: number): string {
  const { line, column } = positionOf(source, offset);
  return `${line}:${column}`;
}
