import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import {
  applyEdits,
  type FormattingOptions,
  findNodeAtLocation,
  modify,
  type ParseError,
  parse,
  parseTree,
} from "jsonc-parser";
import type { Finding } from "../shared/finding.js";
import { OFFICIAL_VERSIONS } from "../shared/official.js";
import type { GenerateStep } from "./generate-step.js";
import type { RuntimePackage } from "./tool.js";

export const RULE = "project/package-json";
const RUNTIME = "@connect-migrate/runtime";
const PROTOBUF = "@bufbuild/protobuf";
const DROPPABLE = ["@grpc/grpc-js", "@grpc/proto-loader"];
const SECTIONS = ["dependencies", "devDependencies", "optionalDependencies", "peerDependencies"];

export interface ManifestNeeds {
  /** Absolute path of the package.json. */
  readonly file: string;
  /** Packages that the migrated sources of this package import. */
  readonly modules: ReadonlySet<string>;
  /** Packages that files of this package named before and none names any more. */
  readonly gone: ReadonlySet<string>;
  readonly runtime: "vendor" | "npm";
  /** What makes its generated code from now on. */
  readonly step?: GenerateStep | null;
  /** Packages that its .proto files import from, with their versions: what brought them may go. */
  readonly protos?: ReadonlyMap<string, string>;
}

export interface ManifestChange {
  readonly file: string;
  readonly before: string;
  readonly after: string;
  /** The packed runtime to copy beside it, if it is to be vendored. */
  readonly vendor: { readonly from: string; readonly to: string } | null;
  readonly findings: readonly Finding[];
  readonly error: string | null;
}

/** The nearest package.json at or above a file's folder and at or below `root`. */
export function manifestOf(file: string, root: string): string | undefined {
  for (let current = path.dirname(file); ; current = path.dirname(current)) {
    const manifest = path.join(current, "package.json");
    if (existsSync(manifest)) return manifest;
    if (current === root || current === path.dirname(current)) return undefined;
  }
}

/** What a package.json says about its .js files. */
export function moduleSystemOfPackage(file: string): "esm" | "cjs" {
  for (let current = path.dirname(file); ; current = path.dirname(current)) {
    const manifest = path.join(current, "package.json");
    if (existsSync(manifest)) {
      const { type } = (parse(readFileSync(manifest, "utf8")) ?? {}) as { type?: unknown };
      return type === "module" ? "esm" : "cjs";
    }
    if (current === path.dirname(current)) return "cjs";
  }
}

/** The scripts of a package.json, by name; of a broken one what can be read. */
export function scriptsOf(text: string): [name: string, script: string][] {
  const { scripts } = (parse(text) ?? {}) as { scripts?: unknown };
  if (typeof scripts !== "object" || scripts === null) return [];
  return Object.entries(scripts).filter((entry): entry is [string, string] => typeof entry[1] === "string");
}

/** Adds what migrated code needs and removes what nothing names any more; formatting, order and comments stay. */
export function changeManifest(needs: ManifestNeeds, runtimePackage: RuntimePackage): ManifestChange {
  const before = readFileSync(needs.file, "utf8");
  const errors: ParseError[] = [];
  const manifest = parse(before, errors) as Record<string, Record<string, string> | undefined> | undefined;
  if (errors.length > 0 || typeof manifest !== "object" || manifest === null)
    return { file: needs.file, before, after: before, vendor: null, findings: [], error: "is not valid JSON" };

  let text = before;
  const findings: Finding[] = [];
  const sectionOf = (name: string) => SECTIONS.find((section) => manifest[section]?.[name] !== undefined);
  const edit = (section: string, name: string, value: string | undefined) => {
    // A section that is not there yet goes behind what is.
    const isNew = (parse(text) as Record<string, unknown>)[section] === undefined;
    const options = {
      formattingOptions: formattingOf(before),
      getInsertionIndex: (names: string[]) => (isNew ? names.length : insertionIndex(names, name)),
    };
    text = applyEdits(text, modify(text, [section, name], value, options));
  };
  const report = (construct: string, at: number) => {
    findings.push({
      rule: RULE,
      outcome: "idiomatic",
      construct,
      reason: null,
      file: needs.file,
      start: at,
      end: at,
      rpc: null,
    });
  };
  const place = (section: string, name?: string) => {
    const tree = parseTree(before);
    const node = tree && findNodeAtLocation(tree, name === undefined ? [section] : [section, name]);
    return node?.parent?.offset ?? 0;
  };
  const add = (name: string, version: string, section = "dependencies") => {
    if (sectionOf(name) !== undefined) return;
    edit(section, name, version);
    report(`"${name}": "${version}"`, place(section));
  };

  let vendor: ManifestChange["vendor"] = null;
  if (needs.modules.has(RUNTIME)) {
    if (needs.runtime === "npm") add(RUNTIME, `^${runtimePackage.version}`);
    else if (runtimePackage.tarball !== null) {
      const name = `vendor/${path.basename(runtimePackage.tarball)}`;
      const to = path.join(path.dirname(needs.file), "vendor", path.basename(runtimePackage.tarball));
      add(RUNTIME, `file:${name}`);
      const isVendored = (manifest[sectionOf(RUNTIME) ?? ""]?.[RUNTIME] ?? `file:${name}`) === `file:${name}`;
      if (isVendored && !existsSync(to)) vendor = { from: runtimePackage.tarball, to };
    }
  }
  for (const [name, version] of Object.entries(OFFICIAL_VERSIONS)) if (needs.modules.has(name)) add(name, version);
  if (needs.modules.has(PROTOBUF)) add(PROTOBUF, runtimePackage.protobuf);
  if (needs.step?.script) {
    const { name, text: script } = needs.step.script;
    edit("scripts", name, script);
    report(`script ${name}`, place("scripts", name));
  }
  for (const [name, version] of [...(needs.step?.development ?? []), ...(needs.protos ?? [])])
    add(name, version, "devDependencies");
  for (const name of DROPPABLE) {
    const section = sectionOf(name);
    if (section === undefined || !needs.gone.has(name)) continue;
    edit(section, name, undefined);
    report(`"${name}" removed`, place(section, name));
  }
  return { file: needs.file, before, after: text, vendor, findings, error: null };
}

/** Behind the last name that sorts before it, if the list is sorted; otherwise at the end. */
function insertionIndex(names: string[], name: string): number {
  const isSorted = names.every((each, index) => index === 0 || (names[index - 1] as string) <= each);
  if (!isSorted) return names.length;
  const index = names.findIndex((each) => each > name);
  return index === -1 ? names.length : index;
}

function formattingOf(text: string): FormattingOptions {
  const indent = /\n([ \t]+)"/.exec(text)?.[1] ?? "  ";
  return {
    insertSpaces: !indent.includes("\t"),
    tabSize: indent.includes("\t") ? 1 : indent.length,
    eol: text.includes("\r\n") ? "\r\n" : "\n",
  };
}
