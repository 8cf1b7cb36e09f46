import { existsSync, readFileSync } from "node:fs";
import { dirname, join, relative, sep } from "node:path";
import { globSync } from "tinyglobby";
import { type Document, isMap, isSeq, parseDocument, stringify, type YAMLMap, YAMLSeq } from "yaml";
import { type BufModule, bufModules, isInModule } from "./buf-modules.js";
import { ancestors } from "./find-import.js";
import type { PlannedFile, ProtoDiscovery, ProtoFile } from "./generate-types.js";

/** protoc-gen-es as a project's buf.gen.yaml runs it. */
export interface ExistingPlugin {
  /** Name of the file. */
  readonly path: string;
  readonly out: string;
  readonly options: readonly string[];
  /** Its code needs @bufbuild/protobuf 1, and is not what the runtime understands. */
  readonly isVersion1: boolean;
  /** It is a program of a package, and not a service of buf. */
  readonly isLocal: boolean;
}

const genFiles = ["buf.gen.yaml", "buf.gen.yml"];

/** The entry for protoc-gen-es in the buf.gen.yaml of a project, if there is one; of several, one of version 2. */
export function existingPlugin(root: string): ExistingPlugin | undefined {
  const path = genFiles.find((name) => existsSync(join(root, name)));
  if (path === undefined) return undefined;
  const found = pluginsOf(parseDocument(readFileSync(join(root, path), "utf8"))).flatMap((plugin): ExistingPlugin[] => {
    const { out, opt } = plugin;
    const entry = esCommand(plugin);
    if (entry === undefined || typeof out !== "string") return [];
    const options = (Array.isArray(opt) ? opt : typeof opt === "string" ? opt.split(",") : []).filter(
      (one) => typeof one === "string",
    );
    const isLocal = !/^buf\.build\//.test(entry);
    const version = isLocal ? installedPlugin(root) : /:v?(.*)$/.exec(entry)?.[1];
    return [{ path, out, options, isVersion1: version !== undefined && /^[01]\./.test(version), isLocal }];
  });
  return found.find(({ isVersion1 }) => !isVersion1) ?? found[0];
}

/** How an entry of buf.gen.yaml names protoc-gen-es; undefined for another plugin. */
function esCommand({ local, remote, plugin, name }: Record<string, unknown>): string | undefined {
  return [local, remote, plugin, name]
    .flat()
    .filter((part): part is string => typeof part === "string")
    .find((part) => /(^|\/)protoc-gen-es(@|$)|^buf\.build\/bufbuild\/es(:|$)|^es$/.test(part));
}

/** The version of protoc-gen-es that a project has installed. */
function installedPlugin(root: string): string | undefined {
  for (const folder of ancestors(root)) {
    const path = join(folder, "node_modules/@bufbuild/protoc-gen-es/package.json");
    if (existsSync(path)) return (JSON.parse(readFileSync(path, "utf8")) as { version?: string }).version;
  }
  return undefined;
}

function pluginsOf(document: Document): Record<string, unknown>[] {
  const value: unknown = document.toJS();
  const plugins = typeof value === "object" && value !== null ? (value as { plugins?: unknown }).plugins : undefined;
  return Array.isArray(plugins)
    ? plugins.filter((one): one is Record<string, unknown> => typeof one === "object" && one !== null)
    : [];
}

/** buf.gen.yaml, and buf.yaml where modules are needed, as `buf generate` needs them to make the same code again. */
export function plannedConfig(
  root: string,
  discovery: ProtoDiscovery,
  outDir: string,
  options: readonly string[],
  notes: string[],
): PlannedFile[] {
  const show = (path: string) => relative(root, path).split(sep).join("/") || ".";
  const genPath =
    genFiles.map((name) => join(root, name)).find((path) => existsSync(path)) ?? join(root, "buf.gen.yaml");
  const before = existsSync(genPath) ? readFileSync(genPath, "utf8") : undefined;
  const plugin = { local: "protoc-gen-es", out: show(outDir), include_imports: true, opt: [...options] };
  const modules = ["buf.yaml", "buf.work.yaml"]
    .map((name) => join(root, name))
    .filter((path) => existsSync(path))
    .flatMap((path) => bufModules(readFileSync(path, "utf8"), root));
  if (modules.length > 0) notes.push(...uncovered(discovery, modules, show));
  if (before !== undefined) return [extendedConfig(genPath, before, plugin, notes)];

  const files: PlannedFile[] = [];
  const lines = ["version: v2"];
  if (modules.length === 0) {
    const inputs = inputsFor(root, discovery, show);
    if (inputs.kind === "inputs") lines.push("inputs:", ...inputs.lines);
    else if (inputs.kind === "modules") {
      const path = join(root, "buf.yaml");
      files.push({ path, content: ["version: v2", "modules:", ...inputs.lines, ""].join("\n"), status: "created" });
    } else {
      notes.push(inputs.note);
      lines.unshift(`# ${inputs.note}`);
    }
  }
  lines.push(
    "plugins:",
    "  - local: protoc-gen-es",
    `    out: ${yamlText(plugin.out)}`,
    "    include_imports: true",
    "    opt:",
    ...options.map((option) => `      - ${option}`),
    "",
  );
  files.push({ path: genPath, content: lines.join("\n"), status: "created" });
  return files;
}

/** What of the project's protos `buf generate` will not see, because its own configuration does not name it. */
function uncovered(discovery: ProtoDiscovery, modules: readonly BufModule[], show: (path: string) => string): string[] {
  const isCovered = ({ path, root }: ProtoFile) =>
    modules.some((module) => module.path === root && isInModule(module, path));
  const missing = discovery.files.filter((file) => !file.dependency && !isCovered(file)).map(({ path }) => show(path));
  if (missing.length === 0) return [];
  return [
    `\`buf generate\` will not make the code of ${missing.join(", ")}: no module of the buf configuration has it under the import path that is used here. Add its folder to the modules, or generate with \`npx connect-migrate generate\`.`,
  ];
}

type Inputs =
  | { kind: "inputs"; lines: string[] }
  | { kind: "modules"; lines: string[] }
  | { kind: "none"; note: string };

/** What `buf generate` must read when a person runs it later. One root is an input; several are the modules of a workspace. */
function inputsFor(root: string, discovery: ProtoDiscovery, show: (path: string) => string): Inputs {
  const own = discovery.files.filter((file) => !file.dependency);
  const roots = [...new Set(own.map((file) => file.root))].sort();
  const hasDependencies = discovery.files.some((file) => file.dependency);
  const [only] = roots;
  // buf has the well-known protos itself; a copy below a root would be compiled in their place.
  const hasCopies = roots.some((one) => existsSync(join(one, "google/protobuf")));
  if (roots.length === 1 && only !== undefined && !hasDependencies && !hasCopies) {
    // A root that holds more than the protos that count (node_modules, other programs) is narrowed to their paths.
    const all = globSync("**/*.proto", { cwd: only, ignore: ["**/node_modules/**"] }).length;
    const narrow = all > own.length || only === root || relative(root, only).startsWith("..");
    const paths = own.map((file) => show(file.path)).sort();
    return {
      kind: "inputs",
      lines: [
        `  - directory: ${yamlText(show(only))}`,
        ...(narrow ? ["    paths:", ...paths.map((path) => `      - ${yamlText(path)}`)] : []),
      ],
    };
  }
  const outside = discovery.files.some((file) => relative(root, file.root).startsWith(".."));
  const all = [...new Set(discovery.files.map((file) => file.root))].sort();
  const nested = all.some((one) => all.some((other) => other !== one && one.startsWith(other + sep)));
  if (outside || nested) {
    return {
      kind: "none",
      note: "buf.gen.yaml has no inputs: buf modules cannot express import roots that contain each other or lie outside the project. Run `npx connect-migrate generate` to generate again.",
    };
  }
  const list = (key: string, folders: readonly string[]) =>
    folders.length > 0 ? [`    ${key}:`, ...folders.map((folder) => `      - ${yamlText(folder)}`)] : [];
  const lines = all.flatMap((one) => {
    const dependencies = discovery.files.filter((file) => file.root === one && file.dependency);
    const folders = [...new Set(dependencies.map((file) => show(dirname(file.path))))].sort();
    const copies = join(one, "google/protobuf");
    return [
      `  - path: ${yamlText(show(one))}`,
      ...list("includes", folders),
      ...(folders.length === 0 && existsSync(copies) ? list("excludes", [show(copies)]) : []),
    ];
  });
  return { kind: "modules", lines };
}

function extendedConfig(
  path: string,
  before: string,
  plugin: { local: string; out: string; include_imports: boolean; opt: string[] },
  notes: string[],
): PlannedFile {
  const document = parseDocument(before);
  if (document.errors.length > 0 || !isMap(document.contents)) {
    notes.push(`${path} is not valid YAML and was left as it is: ${document.errors[0]?.message ?? "not a mapping"}`);
    return { path, content: before, status: "unchanged" };
  }
  if (pluginsOf(document).some((one) => one.out === plugin.out && esCommand(one) !== undefined))
    return { path, content: before, status: "unchanged" };
  const entry =
    document.get("version") === "v2"
      ? plugin
      : { plugin: "es", path: "./node_modules/.bin/protoc-gen-es", out: plugin.out, opt: plugin.opt };
  const plugins = document.get("plugins");
  const appended = isSeq(plugins) ? withItem(before, plugins, entry) : undefined;
  if (appended !== undefined) return { path, content: appended, status: "updated" };
  const node = document.createNode(entry) as YAMLMap;
  if (isSeq(plugins)) plugins.add(node);
  else {
    const list = new YAMLSeq();
    list.add(node);
    document.set("plugins", list);
  }
  return { path, content: document.toString({ lineWidth: 0 }), status: "updated" };
}

/** The text with one more item at the end of a block list, indented as the others are; everything else as it was. */
function withItem(text: string, list: YAMLSeq, entry: object): string | undefined {
  const [first, last] = [list.items[0], list.items.at(-1)];
  if (list.flow || !isMap(first) || !isMap(last) || !first.range || !last.range) return undefined;
  const dash = text.lastIndexOf("-", first.range[0]);
  const indent = text.slice(text.lastIndexOf("\n", dash) + 1, dash);
  if (dash < 0 || indent.trim() !== "") return undefined;
  const end = text.slice(0, last.range[1]).trimEnd().length;
  const rest = text.slice(end);
  const comment = /^[^\n]*/.exec(rest)?.[0] ?? "";
  const eol = text.includes("\r\n") ? "\r\n" : "\n";
  const lines = stringify([entry]).trimEnd().split("\n");
  const added = lines.map((line) => `${eol}${indent}${line}`).join("");
  const content = text.slice(0, end) + comment.trimEnd() + added + rest.slice(comment.trimEnd().length);
  return content.endsWith("\n") ? content : content + eol;
}

function yamlText(text: string): string {
  return /^[\w./-]+$/.test(text) && !/^(true|false|null|yes|no|on|off|~)$/i.test(text) ? text : JSON.stringify(text);
}
