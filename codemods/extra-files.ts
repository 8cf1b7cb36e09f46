import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { localModulePath } from "./analysis/project.js";
import { existingPlugin } from "./generate/buf-config.js";
import type { PlannedFile } from "./generate/index.js";
import type { ExtraFile, MigratedFile } from "./migration.js";
import type { Attempt } from "./passes.js";
import type { Discovery } from "./project/discover.js";
import { type GenerateStep, generateStep, runsBuf } from "./project/generate-step.js";
import { oldCodeOf } from "./project/generated-users.js";
import { generatorNotes } from "./project/generator-notes.js";
import { stepsBelow } from "./project/generator-steps.js";
import { changeManifest, manifestOf } from "./project/package-json.js";
import { isInside, relative } from "./project/project-root.js";
import { runtimePackage } from "./project/tool.js";
import type { Part, Run } from "./run.js";
import type { Finding } from "./shared/finding.js";
import { modulesOf } from "./shared/imports.js";
import { isCompat } from "./shared/official.js";
import { parse } from "./shared/parse.js";
import { specifiersOf } from "./shared/specifiers.js";

const PROTOBUF = "@bufbuild/protobuf";

/** Files beside the sources that a run writes: generated code, manifests, the vendored runtime. What they change is added to `findings` and `notes`. */
export function extraFilesOf(
  run: Run,
  { texts, created }: Pick<Attempt, "texts" | "created">,
  changed: readonly MigratedFile[],
  findings: Finding[],
  notes: string[],
): ExtraFile[] {
  if (changed.length === 0) return [];
  const { options, discovery, parts } = run;
  const { root } = discovery;
  const extra: ExtraFile[] = [];
  // Only what the new texts import, and the old ones did not, needs to be there.
  const added = ({ path: file, before, after }: Pick<MigratedFile, "path" | "before" | "after">) => {
    const old = before === null ? new Set<string>() : modulesOf(parse(before, file));
    return [...modulesOf(parse(after ?? "", file))].filter((name) => !old.has(name));
  };
  const own = [...changed, ...[...created].map(([file, after]) => ({ path: file, before: null, after }))];
  const modules = new Map(own.map((file) => [file.path, added(file)]));
  const needed = parts.filter(({ home }) =>
    [...modules].some(([file, names]) => home.files.has(file) && names.some(isGeneratedName)),
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

  for (const [file, content] of created) {
    const why = isCompat(file) ? "compat" : "context keys";
    extra.push({ path: file, content, before: null, why });
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
  const gone = new Map([...manifests.keys()].map((manifest) => [manifest, packagesGone(manifest, discovery, texts)]));
  const takesProtos = [...gone.values()].some((names) => names.has("@grpc/proto-loader"));
  for (const [manifest, needs] of manifests) {
    const homes = needed.filter(({ home }) => manifestOf(path.join(home.folder, "file"), root) === manifest);
    const change = changeManifest(
      {
        file: manifest,
        modules: needs,
        gone: gone.get(manifest) ?? new Set(),
        runtime: options.runtime,
        step: stepOf(manifest, needed, written, run, texts, notes),
        // proto-loader brought protobufjs, whose .proto files others import.
        protos: takesProtos ? new Map(homes.flatMap(protoPackages)) : undefined,
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

/**
 * The script of a package that makes its generated code makes ours, too, from the run on that says how, or the first that uses
 * ours. What else runs old generators is told to the user.
 */
function stepOf(
  manifest: string,
  parts: readonly Part[],
  written: readonly PlannedFile[],
  { discovery, options }: Run,
  texts: ReadonlyMap<string, string>,
  notes: string[],
): GenerateStep | null {
  const folder = path.dirname(manifest);
  const part = parts.find(({ home }) => home.folder === folder);
  if (part?.generated.plan?.isForBuf !== true) return null;
  const isNew = written.some(
    (file) => /^buf\.gen\.ya?ml$/.test(path.basename(file.path)) && path.dirname(file.path) === folder,
  );
  if (!isNew && (existingPlugin(folder)?.isLocal !== true || usesGenerated(part, discovery))) return null;
  const text = readFileSync(manifest, "utf8");
  const steps = stepsBelow(folder).filter(({ file }) => !part.home.without.some((other) => isInside(file, other)));
  const step = generateStep(text, steps);
  if (step && !runsBuf(text, steps)) {
    const code = oldCodeOf({ texts: new Map([...discovery.texts, ...texts]), imports: importsAfter(discovery, texts) });
    const places = { root: folder, from: options.cwd };
    notes.push(...generatorNotes(manifest, step.script === null ? text : "{}", steps, code, places));
  }
  return step;
}

/** Whether a source used the code of a part before the run. */
function usesGenerated({ generated }: Part, { texts, imports }: Discovery): boolean {
  const stem = (file: string) => file.replace(/(\.d)?\.[cm]?[jt]s$/, "");
  const made = new Set(generated.files.map((file) => stem(path.resolve(file.path))));
  return [...texts].some(
    ([file, text]) =>
      !made.has(stem(file)) &&
      ([...(imports.get(file) ?? [])].some((target) => made.has(stem(target))) ||
        specifiersOf(text).some((name) => made.has(stem(path.resolve(path.dirname(file), name))))),
  );
}

/** Which file imports which, when a run has changed some. */
function importsAfter(discovery: Discovery, texts: ReadonlyMap<string, string>): Map<string, ReadonlySet<string>> {
  const exists = (file: string) => discovery.texts.has(file);
  const targetsOf = (file: string, text: string) =>
    specifiersOf(text).flatMap((name) =>
      name.startsWith(".") ? (localModulePath(path.resolve(path.dirname(file), name), exists) ?? []) : [],
    );
  const after = new Map(discovery.imports);
  for (const [file, text] of texts) {
    const before = new Set(targetsOf(file, discovery.texts.get(file) ?? ""));
    const others = [...(discovery.imports.get(file) ?? [])].filter((target) => !before.has(target));
    after.set(file, new Set([...others, ...targetsOf(file, text)]));
  }
  return after;
}

/** Packages that .proto files of a part are imported from, with their versions; not those that another package has for itself. */
function protoPackages({ generated }: Part): [name: string, version: string][] {
  return generated.discovery.files.flatMap((file): [string, string][] => {
    const [above, inside, more] = file.dependency ? file.path.split(`${path.sep}node_modules${path.sep}`) : [];
    if (above === undefined || inside === undefined || more !== undefined) return [];
    const name = packageName(inside.split(path.sep).join("/"));
    const manifest = path.join(above, "node_modules", name, "package.json");
    if (!existsSync(manifest)) return [];
    const { version } = JSON.parse(readFileSync(manifest, "utf8")) as { version?: unknown };
    return typeof version === "string" ? [[name, `^${version}`]] : [];
  });
}

function isGeneratedName(specifier: string): boolean {
  return /_pb(\.[jt]s)?$/.test(specifier);
}

/** Packages that a source of a package.json's folder names before the run and none does after it, generated code included. */
function packagesGone(manifest: string, discovery: Discovery, texts: ReadonlyMap<string, string>): Set<string> {
  const folder = path.dirname(manifest);
  const before = new Set<string>();
  const after = new Set<string>();
  for (const [file, text] of discovery.texts) {
    if (!isInside(file, folder)) continue;
    const namesOf = (source: string) => [...source.matchAll(/['"](@grpc\/[\w-]+)/g)].map((match) => match[1] as string);
    for (const name of namesOf(text)) before.add(name);
    for (const name of namesOf(texts.get(file) ?? text)) after.add(name);
  }
  if (/proto-loader-gen-types/.test(readFileSync(manifest, "utf8"))) after.add("@grpc/proto-loader");
  return new Set([...before].filter((name) => !after.has(name)));
}

function packageName(specifier: string): string {
  const parts = specifier.split("/");
  return specifier.startsWith("@") ? parts.slice(0, 2).join("/") : (parts[0] ?? specifier);
}
