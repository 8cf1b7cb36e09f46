import { existsSync, statSync } from "node:fs";
import path from "node:path";
import { diffLines } from "diff";
import type { MigratedFile, MigrationResult, PlacedFinding, Side } from "../codemods/index.js";
import { manifestOf } from "../codemods/project/package-json.js";

/** Files that change together: one pull request. */
export interface Batch {
  readonly side: Side;
  /** Full names of the services that it is about. */
  readonly services: readonly string[];
  /** Ids of the rules that change something. */
  readonly rules: readonly string[];
  /** Absolute. */
  readonly files: readonly string[];
  readonly lines: { readonly added: number; readonly removed: number };
  readonly outcomes: { readonly idiomatic: number; readonly bridged: number; readonly manual: number };
}

/** The service that a finding is about: by its RPC, or because it registers or calls that service. */
export function serviceOf(finding: PlacedFinding): string | undefined {
  if (finding.rpc !== null) return finding.rpc.replace(/\/.*$/, "");
  return /^(?:addService\(([\w.]+)\)|new ([\w.]+)\(…\))$/.exec(finding.construct)?.slice(1).find(Boolean);
}

/**
 * The changes of dry runs as batches, those that others need first: a service before who calls it, handlers and servers before
 * clients. Files that share a service, or of which one imports the other, change together.
 */
export function batchesOf(results: readonly { readonly side: Side; readonly result: MigrationResult }[]): Batch[] {
  const batches = results.flatMap(({ side, result }) => groupsOf(result).map((files) => batchOf(side, files, result)));
  const callees = (batch: Batch) => {
    const own = new Set(batch.files.map((file) => packageOf(file)));
    const called = batches
      .filter((other) => other.side === "clients" && other.files.some((file) => own.has(packageOf(file))))
      .flatMap((other) => other.services);
    const wanted = new Set(batch.side === "clients" ? batch.services : called);
    return batches.filter(
      (other) => other !== batch && other.side === "services" && other.services.some((service) => wanted.has(service)),
    );
  };
  const ordered: Batch[] = [];
  const waiting = [...batches].sort(
    (a, b) => Number(a.side === "clients") - Number(b.side === "clients") || (nameOf(a) < nameOf(b) ? -1 : 1),
  );
  while (waiting.length > 0) {
    // Services that call each other in a circle: one of them has to be the first.
    const next = waiting.find((batch) => callees(batch).every((other) => ordered.includes(other))) ?? waiting[0];
    ordered.push(next as Batch);
    waiting.splice(waiting.indexOf(next as Batch), 1);
  }
  return ordered;
}

function nameOf(batch: Batch): string {
  return batch.services.join() || batch.files.join();
}

function packageOf(file: string): string {
  return manifestOf(file, path.parse(file).root) ?? "";
}

function batchOf(side: Side, files: readonly MigratedFile[], result: MigrationResult): Batch {
  const paths = files.map((file) => file.path).sort();
  const findings = result.findings.filter((finding) => paths.includes(finding.file));
  const count = (outcome: string) => findings.filter((finding) => finding.outcome === outcome).length;
  const parts = files.flatMap((file) => diffLines(file.before ?? "", file.after ?? ""));
  const lines = (kind: "added" | "removed") =>
    parts.filter((part) => part[kind]).reduce((sum, part) => sum + part.count, 0);
  return {
    side,
    services: [...new Set(findings.flatMap((finding) => serviceOf(finding) ?? []))].sort(),
    rules: [
      ...new Set(findings.flatMap(({ rule, outcome }) => (/^(idiomatic|bridged)$/.test(outcome) ? [rule] : []))),
    ].sort(),
    files: paths,
    lines: { added: lines("added"), removed: lines("removed") },
    outcomes: { idiomatic: count("idiomatic"), bridged: count("bridged"), manual: count("manual") },
  };
}

function groupsOf(result: MigrationResult): MigratedFile[][] {
  const changed = result.files.filter((file) => file.status === "changed");
  const groups = new Map(changed.map((file) => [file.path, new Set([file])]));
  const join = (a: string, b: string) => {
    const [one, other] = [groups.get(a), groups.get(b)];
    if (!one || !other || one === other) return;
    for (const file of other) {
      one.add(file);
      groups.set(file.path, one);
    }
  };
  const places = new Map<string, string>();
  for (const finding of result.findings) {
    // Two packages may serve or call the same service: these are different pull requests.
    const service = serviceOf(finding);
    if (service === undefined || !groups.has(finding.file)) continue;
    const key = `${service}@${packageOf(finding.file)}`;
    join(places.get(key) ?? finding.file, finding.file);
    places.set(key, finding.file);
  }
  for (const file of changed)
    for (const [, specifier = ""] of (file.before ?? "").matchAll(
      /(?:from|import|require\(|import\()\s*['"](\.[^'"\n]*)['"]/g,
    ))
      join(resolved(file.path, specifier, groups) ?? file.path, file.path);
  return [...new Set(groups.values())].map((group) => [...group]);
}

function resolved(from: string, specifier: string, known: ReadonlyMap<string, unknown>): string | undefined {
  const base = path.resolve(path.dirname(from), specifier);
  const folder = existsSync(base) && statSync(base).isDirectory() ? path.join(base, "index") : base;
  const stems = [base, folder, base.replace(/\.[cm]?js$/, "")];
  return stems
    .flatMap((stem) => ["", ".js", ".cjs", ".mjs", ".ts", ".cts", ".mts", ".tsx", ".jsx"].map((end) => stem + end))
    .find((file) => known.has(file));
}
