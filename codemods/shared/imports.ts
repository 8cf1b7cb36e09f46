import { builtinModules } from "node:module";
import { type File, indentAt, isIdentifier, keyName, lineEndingOf, type Node, parentMap } from "./ast.js";
import { applyEdits, createEditSink, type EditOrigin } from "./edits.js";
import { COMPAT, officialModule } from "./official.js";
import { languageOf, parse } from "./parse.js";
import type { ImportRequests, Target } from "./rule.js";
import { scopesOf } from "./scope.js";

export type ModuleSystem = "esm" | "cjs";

export interface ImportRequest {
  readonly module: string;
  readonly name: string;
  readonly local: string;
  readonly typeOnly: boolean;
}

/** One name that a file takes from a module. `imported` is `*` for the whole module, `default` for its default export. */
interface ImportedName {
  readonly module: string;
  readonly imported: string;
  readonly local: Node;
  readonly typeOnly: boolean;
  readonly statement: Node;
  /** The specifier, the property of the destructuring pattern, or the declarator. */
  readonly part: Node;
  /** The name of the module that a pattern takes it from: `grpc` in `const { Server } = grpc`. */
  readonly alias?: Node | null;
}

/** `require("x")`'s argument, if `node` is that call. */
export function requiredModule(node: Node | null | undefined): string | undefined {
  if (node?.type !== "CallExpression" || !isIdentifier(node.callee, "require")) return undefined;
  const [argument] = node.arguments as Node[];
  return argument?.type === "StringLiteral" ? argument.value : undefined;
}

/** Is a name the one that a file takes from a module? */
export function isTakenFrom(file: File, name: Node | null | undefined, module: string, imported: string): boolean {
  const binding = isIdentifier(name) ? scopesOf(file).bindingOf(name) : undefined;
  return (
    binding !== undefined &&
    importedNames(file).some(
      (each) => each.module === module && each.imported === imported && each.local === binding.identifier,
    )
  );
}

/** What a function of the bridge is given, `err` of `toConnectError(err)`, if an expression is a call of it with nothing else. */
export function givenToBridge(file: File, call: Node, name: string): Node | undefined {
  if (call.type !== "CallExpression" || call.arguments.length !== 1) return undefined;
  return isTakenFrom(file, call.callee, BRIDGE_MODULE, name) ? call.arguments[0] : undefined;
}

/** How a file takes other modules: by what it does, and where it does neither by `fallback`. */
export function moduleSystemOf(file: File, path: string, fallback: ModuleSystem): ModuleSystem {
  if (/\.mjs$/.test(path)) return "esm";
  if (/\.cjs$/.test(path)) return "cjs";
  const body = file.program.body as Node[];
  if (body.some((node) => /^(Import|Export)/.test(node.type) || node.type === "TSExportAssignment")) return "esm";
  if (languageOf(path) === "ts") return "esm";
  const { names } = scopesOf(file);
  return names.has("require") || names.has("module") || names.has("exports") ? "cjs" : fallback;
}

const NONE: ReadonlySet<string> = new Set();

/** Every name that top-level imports and requires bind; of `replaced` modules also what is taken of their members. */
function importedNames(file: File, replaced = NONE): ImportedName[] {
  const found: ImportedName[] = [];
  const wholes = new Map<string, string>();
  for (const statement of file.program.body as Node[]) {
    for (const { imported, local, module } of found)
      if (imported === "*" || imported === "default") wholes.set(local.name, module);
    if (statement.type === "ImportDeclaration") {
      for (const specifier of statement.specifiers as Node[]) {
        const imported =
          specifier.type === "ImportNamespaceSpecifier"
            ? "*"
            : specifier.type === "ImportDefaultSpecifier"
              ? "default"
              : (specifier.imported.name ?? specifier.imported.value);
        const typeOnly = statement.importKind === "type" || specifier.importKind === "type";
        found.push({
          module: statement.source.value,
          imported,
          local: specifier.local,
          typeOnly,
          statement,
          part: specifier,
        });
      }
    } else if (
      statement.type === "TSImportEqualsDeclaration" &&
      statement.moduleReference.type === "TSExternalModuleReference"
    ) {
      found.push({
        module: statement.moduleReference.expression.value,
        imported: "*",
        local: statement.id,
        typeOnly: false,
        statement,
        part: statement,
      });
    } else if (statement.type === "TSImportEqualsDeclaration") {
      // `import Tree = orchard.v1.Tree`
      const alias = statement.isExport ? undefined : rootOfName(statement.moduleReference);
      const source = alias && found.find(({ local, module }) => local.name === alias.name && replaced.has(module));
      if (!source) continue;
      found.push({
        module: source.module,
        imported: "",
        local: statement.id,
        typeOnly: false,
        statement,
        part: statement,
        alias,
      });
    } else if (statement.type === "VariableDeclaration") {
      for (const declarator of statement.declarations as Node[]) {
        const member = replaced.size > 0 ? rootOfMembers(declarator.init) : undefined;
        const source = member && found.find(({ local, module }) => local.name === member.name && replaced.has(module));
        const isAlias = isIdentifier(declarator.init) && declarator.id.type === "ObjectPattern";
        // `const codes = grpc.status`
        const named = declarator.id.type === "Identifier" ? memberOfName(declarator.init) : undefined;
        const whole = named && wholes.has(named.object.name) ? named.object : undefined;
        const alias = source ? (member as Node) : isAlias ? declarator.init : (whole ?? null);
        const module = source?.module ?? (alias ? wholes.get(alias.name) : requiredModule(declarator.init));
        if (module === undefined) continue;
        if (declarator.id.type === "Identifier") {
          const imported = source ? "" : whole ? (named?.property.name as string) : "*";
          found.push({ module, imported, local: declarator.id, typeOnly: false, statement, part: declarator, alias });
        }
        if (declarator.id.type === "ObjectPattern")
          for (const property of declarator.id.properties as Node[]) {
            const imported = property.type === "ObjectProperty" ? keyName(property) : undefined;
            if (imported !== undefined && isIdentifier(property.value))
              found.push({
                module,
                imported,
                local: property.value,
                typeOnly: false,
                statement,
                part: property,
                alias,
              });
          }
      }
    }
  }
  return found;
}

/** `a.b`, of a name. */
function memberOfName(node: Node | null | undefined): Node | undefined {
  return node?.type === "MemberExpression" && !node.computed && isIdentifier(node.object) ? node : undefined;
}

/** `a` of `a`, `a.b.c`. */
function rootOfMembers(given: Node | null | undefined): Node | undefined {
  let node = given;
  while (node?.type === "MemberExpression" && !node.computed) node = node.object;
  return node && isIdentifier(node) ? node : undefined;
}

/** `a` of the name `a.b.c`. */
function rootOfName(given: Node): Node | undefined {
  let node = given;
  while (node.type === "TSQualifiedName") node = node.left;
  return isIdentifier(node) ? node : undefined;
}

export interface ImportCollector extends ImportRequests {
  readonly requests: readonly ImportRequest[];
  /** Names of our runtime that the official packages do not have. Only for that target. */
  readonly unofficial: readonly ImportRequest[];
  readonly replaced: ReadonlySet<string>;
}

/**
 * Collects the names that rules ask for; a name that the file uses for something else gets another local name. `compat` is how
 * this file imports connect-compat.
 */
export function createImportRequests(file: File, target: Target = "bundled", compat?: string): ImportCollector {
  const { names } = scopesOf(file);
  const existing = importedNames(file);
  const requests: ImportRequest[] = [];
  const unofficial: ImportRequest[] = [];
  const replaced = new Set<string>();
  const taken = new Set(names);

  const freshName = (name: string): string => {
    if (!taken.has(name)) return name;
    const capital = /^[A-Z]/.test(name);
    const prefixed = capital ? `Connect${name}` : `connect${name.charAt(0).toUpperCase()}${name.slice(1)}`;
    for (let i = 1; ; i++) {
      const candidate = i === 1 ? prefixed : `${prefixed}${i}`;
      if (!taken.has(candidate)) return candidate;
    }
  };

  return {
    requests,
    unofficial,
    replaced,
    replaces(module) {
      replaced.add(module);
    },
    add(asked, name, options) {
      const typeOnly = options?.typeOnly ?? false;
      const found = target === "connectrpc" ? officialModule(asked, name) : asked;
      const official = found === COMPAT ? compat : found;
      if (official === undefined) unofficial.push({ module: asked, name, local: name, typeOnly });
      const module = official ?? asked;
      const there = existing.find(
        (entry) => entry.module === module && entry.imported === name && (typeOnly || !entry.typeOnly),
      );
      if (there) return there.local.name;
      const index = requests.findIndex((request) => request.module === module && request.name === name);
      const earlier = requests[index];
      if (earlier) {
        if (earlier.typeOnly && !typeOnly) requests[index] = { ...earlier, typeOnly: false };
        return earlier.local;
      }
      const local = freshName(name);
      taken.add(local);
      requests.push({ module, name, local, typeOnly });
      return local;
    },
  };
}

const GRPC_MODULE = /^(@grpc\/(grpc-js|proto-loader)|grpc)(\/|$)/;
export const BRIDGE_MODULE = "@connect-migrate/runtime/grpc-js";
const GENERATED_MODULE = /(_pb|_grpc_pb|\.grpc-client|\.grpc-server|_connect)(\.js)?$/;
const ORIGIN: EditOrigin = { rule: "imports", outcome: "idiomatic" };

/** Is it safe to drop an import of this module once nothing uses it? Others might be there for their side effects. */
function isDroppable(module: string, path: string, replaced: ReadonlySet<string>): boolean {
  const bare = module.replace(/^node:/, "").split("/")[0] ?? "";
  if (
    replaced.has(module) ||
    module === BRIDGE_MODULE ||
    GRPC_MODULE.test(module) ||
    /^(grpc-health-check|@grpc\/reflection|google-protobuf)$/.test(module) ||
    GENERATED_MODULE.test(module) ||
    builtinModules.includes(bare)
  )
    return true;
  // TypeScript drops an unused import itself.
  return languageOf(path) === "ts";
}

/** Local names of imports that something in the file refers to. */
function usedImports(
  file: File,
  replaced: ReadonlySet<string>,
  /** Those of a pattern that stay although nothing uses them use their module. */
  stays: (name: string) => boolean = () => false,
): Set<string> {
  const scopes = scopesOf(file);
  const used = new Set<string>();
  const names = importedNames(file, replaced);
  // The names of a pattern come first, the last pattern before others: one that nothing uses does not use its module either.
  const inUse = new Set<Node>();
  for (const entry of names.toReversed().sort((a, b) => Number(!a.alias) - Number(!b.alias))) {
    const binding = scopes.bindingOf(entry.local);
    const isIdle = (reference: Node) => names.some(({ alias }) => alias === reference) && !inUse.has(reference);
    if (entry.alias && stays(entry.local.name)) inUse.add(entry.alias);
    if (!binding || !(binding.writes.length > 0 || binding.references.some((each) => !isIdle(each)))) continue;
    used.add(entry.local.name);
    if (entry.alias) inUse.add(entry.alias);
  }
  return used;
}

interface Style {
  readonly quote: "'" | '"';
  readonly semicolon: ";" | "";
  readonly eol: "\r\n" | "\n";
  /** Text inside braces: `{ a }` or `{a}`. */
  readonly pad: " " | "";
}

function styleOf(file: File, source: string, path: string): Style {
  let single = 0;
  let double = 0;
  let withSemicolon = 0;
  let without = 0;
  for (const token of (file.tokens ?? []) as Node[]) {
    const first = source[token.start];
    if (first === "'") single++;
    else if (first === '"') double++;
  }
  for (const statement of file.program.body as Node[]) {
    if (/^(ImportDeclaration|VariableDeclaration|ExpressionStatement)$/.test(statement.type))
      source[statement.end - 1] === ";" ? withSemicolon++ : without++;
  }
  const importsText = source.match(/(?:import|const)\s*(?:type\s*)?\{[^}\n]*\}\s*(?:from|=\s*require)/g) ?? [];
  const tight = importsText.filter((text) => /\{\S/.test(text)).length;
  return {
    quote: single > double || (single === double && languageOf(path) === "js") ? "'" : '"',
    semicolon: without > withSemicolon ? "" : ";",
    eol: lineEndingOf(source),
    pad: tight > importsText.length / 2 ? "" : " ",
  };
}

/**
 * The import phase, on the text that the rules' edits made: adds what was asked for in the file's own style, and drops
 * imports of grpc packages, generated stubs and node's own modules that the edits left without use, and such names of other modules as
 * long as something else of them is imported.
 */
export function applyImports(
  original: { readonly file: File; readonly path: string; readonly source: string },
  text: string,
  requests: readonly ImportRequest[],
  moduleSystem: ModuleSystem,
  replaced = NONE,
): string {
  const { path } = original;
  const file = parse(text, path);
  const scopes = scopesOf(file);
  const style = styleOf(original.file, original.source, path);
  const sink = createEditSink();
  const names = importedNames(file, replaced);

  // What became unused. An import that nothing used before stays: no rule touched it.
  const usedBefore = usedImports(original.file, replaced);
  const usedNow = usedImports(file, replaced, (name) => !usedBefore.has(name));
  const isStillImported = ({ statement }: ImportedName) =>
    names.some((other) => other.statement === statement && usedNow.has(other.local.name));
  const unused = names.filter(
    (entry) =>
      usedBefore.has(entry.local.name) &&
      !usedNow.has(entry.local.name) &&
      (isDroppable(entry.module, path, replaced) || isStillImported(entry)),
  );

  // Requests that a rule dropped again would be unused: only names that the text refers to are added.
  const isTyped = languageOf(path) === "ts";
  const wanted = requests
    .filter((request) => scopes.names.has(request.local) && (isTyped || !request.typeOnly))
    .map((request) => takeFreedName(request, file, unused, sink));
  const groups = new Map<string, ImportRequest[]>();
  for (const request of wanted) {
    if (names.some((entry) => entry.local.name === request.local && entry.module === request.module)) continue;
    const key = `${request.typeOnly ? "type " : ""}${request.module}`;
    groups.set(key, [...(groups.get(key) ?? []), request]);
  }

  const removed = removeImports(names, unused, text, sink);
  const lines: string[] = [];
  for (const group of groups.values()) {
    const { module, typeOnly } = group[0] as ImportRequest;
    const extended = names.find(
      (entry) =>
        entry.module === module &&
        !entry.alias &&
        !removed.has(entry.statement) &&
        (entry.part.type === "ImportSpecifier" || entry.part.type === "ObjectProperty") &&
        (entry.statement.importKind === "type") === typeOnly,
    );
    const separator = moduleSystem === "cjs" ? ": " : " as ";
    const specifiers = group.map(({ name, local }) => (name === local ? name : `${name}${separator}${local}`));
    if (extended) {
      const last = names.filter(
        (entry) =>
          entry.statement === extended.statement && entry.part.type === extended.part.type && entry.module === module,
      );
      const end = Math.max(...last.map((entry) => entry.part.end));
      const first = last[0]?.part as Node;
      const multiline = text.slice(extended.statement.start, first.start).includes("\n");
      const join = multiline ? `,${style.eol}${indentAt(text, first.start)}` : ", ";
      const separatorOf = extended.part.type === "ImportSpecifier" ? " as " : ": ";
      const parts = group.map(({ name, local }) => (name === local ? name : `${name}${separatorOf}${local}`));
      sink.insertLeft(end, parts.map((part) => join + part).join(""), ORIGIN);
      continue;
    }
    const braces = `{${style.pad}${specifiers.join(", ")}${style.pad}}`;
    const quoted = `${style.quote}${module}${style.quote}`;
    lines.push(
      moduleSystem === "cjs"
        ? `const ${braces} = require(${quoted})${style.semicolon}`
        : `import ${typeOnly ? "type " : ""}${braces} from ${quoted}${style.semicolon}`,
    );
  }
  if (lines.length > 0) {
    const place = insertionPlace(file, text, moduleSystem, removed);
    const block = lines.join(style.eol);
    if (place.after) sink.insertLeft(place.position, style.eol + block, ORIGIN);
    else sink.insertRight(place.position, block + style.eol + (place.blankLine ? style.eol : ""), ORIGIN);
  }
  return applyEdits(text, sink.edits);
}

function labelOf(token: Node | undefined): string | undefined {
  return (token?.type as unknown as { label?: string } | undefined)?.label;
}

/** A request that got another local name takes its own where what had that name goes away. */
function takeFreedName(
  request: ImportRequest,
  file: File,
  unused: readonly ImportedName[],
  sink: ReturnType<typeof createEditSink>,
): ImportRequest {
  const { name, local } = request;
  const freed = unused.find((entry) => entry.local.name === name);
  if (name === local || !freed) return request;
  const tokens = (file.tokens ?? []) as Node[];
  const isElsewhere = (token: Node, index: number) =>
    token.value === name &&
    labelOf(tokens[index - 1]) !== "." &&
    (token.start < freed.part.start || token.end > freed.part.end);
  if (tokens.some(isElsewhere)) return request;
  for (const token of tokens)
    if (token.value === local && labelOf(token) === "name") sink.overwrite(token.start, token.end, name, ORIGIN);
  return { ...request, local: name };
}

/** Removes names from their statements, whole lines where a statement holds nothing else. Returns the removed statements. */
function removeImports(
  names: readonly ImportedName[],
  unused: readonly ImportedName[],
  text: string,
  sink: ReturnType<typeof createEditSink>,
): Set<Node> {
  const removed = new Set<Node>();
  for (const statement of new Set(unused.map((entry) => entry.statement))) {
    const all = names.filter((entry) => entry.statement === statement);
    const gone = unused.filter((entry) => entry.statement === statement);
    const declarations = statement.type === "VariableDeclaration" ? (statement.declarations as Node[]) : [];
    const isWhole =
      gone.length === all.length &&
      (statement.type !== "VariableDeclaration" ||
        (declarations.length === 1 && (declarations[0] as Node).id.type === "Identifier") ||
        (declarations.length === 1 && (declarations[0] as Node).id.properties?.length === gone.length));
    if (isWhole) {
      removed.add(statement);
      const { start, end } = lineRange(text, statement.start, statement.end);
      // A statement between two blank lines takes one of them along.
      const isBetween = all.some((entry) => entry.alias) && /(^|\n)[ \t]*\r?\n$/.test(text.slice(0, start));
      const blank = isBetween ? /^[ \t]*\r?\n/.exec(text.slice(end))?.[0].length : 0;
      sink.remove(start, end + (blank ?? 0), ORIGIN);
      continue;
    }
    for (const entry of gone) {
      if (!/^(ImportSpecifier|ObjectProperty|VariableDeclarator)$/.test(entry.part.type)) continue;
      const siblings = partsAround(entry, statement);
      const index = siblings.indexOf(entry.part);
      const goneParts = new Set(gone.map((other) => other.part));
      const next = siblings[index + 1];
      const kept = siblings.slice(0, index).findLast((part) => !goneParts.has(part));
      const isTail = kept !== undefined && siblings.slice(index).every((part) => goneParts.has(part));
      // The names at the end go with the comma before the first of them.
      if (isTail) {
        if (siblings[index - 1] === kept) sink.remove(kept.end, (siblings.at(-1) as Node).end, ORIGIN);
      } else sink.remove(entry.part.start, next?.start ?? entry.part.end, ORIGIN);
    }
  }
  return removed;
}

function partsAround(entry: ImportedName, statement: Node): Node[] {
  if (entry.part.type === "ImportSpecifier")
    return (statement.specifiers as Node[]).filter((node) => node.type === "ImportSpecifier");
  if (entry.part.type === "VariableDeclarator") return statement.declarations as Node[];
  const declarator = (statement.declarations as Node[]).find(
    (node) => node.start <= entry.part.start && entry.part.end <= node.end,
  );
  return (declarator?.id.properties as Node[] | undefined) ?? [];
}

/** The whole lines that `start..end` stands on alone, otherwise just the range. */
export function lineRange(text: string, start: number, end: number): { start: number; end: number } {
  const lineStart = text.lastIndexOf("\n", start - 1) + 1;
  const newline = text.indexOf("\n", end);
  const lineEnd = newline === -1 ? text.length : newline + 1;
  const isAlone = /^\s*$/.test(text.slice(lineStart, start)) && /^\s*$/.test(text.slice(end, lineEnd));
  return isAlone ? { start: lineStart, end: lineEnd } : { start, end };
}

interface Place {
  readonly position: number;
  /** Insert behind what ends at `position`, on a new line; otherwise before what begins there. */
  readonly after: boolean;
  readonly blankLine: boolean;
}

/**
 * Behind the last import of the run that holds the grpc one (or of the first run): what TypeScript makes of an import for CommonJS
 * is done where it stands, so that one further down is too late for the code above it.
 */
function insertionPlace(file: File, text: string, moduleSystem: ModuleSystem, removed: ReadonlySet<Node>): Place {
  const body = file.program.body as Node[];
  const endOfLine = (node: Node): Place => {
    // A comment on the same line belongs to the import.
    const rest = /^[ \t]*(?:\/\/[^\r\n]*|\/\*[^\r\n]*\*\/[ \t]*(?=\r?\n|$))?/.exec(text.slice(node.end))?.[0] ?? "";
    return { position: node.end + rest.trimEnd().length, after: true, blankLine: false };
  };
  const behind = (imports: readonly Node[]): Place | undefined => {
    const last = imports.findLast((node) => !removed.has(node));
    if (last) return endOfLine(last);
    const gone = imports.at(-1);
    return gone && { position: lineRange(text, gone.start, gone.end).end, after: false, blankLine: false };
  };
  const runs: Node[][] = [];
  let run: Node[] = [];
  for (const node of body) {
    if (moduleSystem === "esm" ? isImport(node) : isRequireStatement(node)) {
      if (run.length === 0) runs.push(run);
      run.push(node);
    } else if (moduleSystem === "cjs" || !isTypeOrReExport(node)) run = [];
  }
  const isOfGrpc = (node: Node) =>
    GRPC_MODULE.test(requireOf(node) ?? node.source?.value ?? node.moduleReference?.expression?.value ?? "");
  const place = behind(runs.find((nodes) => nodes.some(isOfGrpc)) ?? runs[0] ?? []);
  if (place) return place;
  // Nothing is imported yet: behind the directives, otherwise before the first statement and below the licence header.
  const directive = (file.program.directives as Node[] | undefined)?.at(-1);
  if (directive) return endOfLine(directive);
  const first = body[0];
  if (!first) return { position: text.length, after: false, blankLine: false };
  const lineStart = text.lastIndexOf("\n", first.start - 1) + 1;
  return { position: lineStart, after: false, blankLine: true };
}

function requireOf(statement: Node): string | undefined {
  if (statement.type === "VariableDeclaration") {
    for (const declarator of statement.declarations as Node[]) {
      let node: Node | null = declarator.init;
      while (
        node?.type === "MemberExpression" ||
        (node?.type === "CallExpression" && requiredModule(node) === undefined)
      )
        node = node.type === "MemberExpression" ? node.object : node.callee;
      const module = requiredModule(node);
      if (module !== undefined) return module;
    }
  }
  return statement.type === "ExpressionStatement" ? requiredModule(statement.expression) : undefined;
}

function isImport(statement: Node): boolean {
  return statement.type === "ImportDeclaration" || statement.type === "TSImportEqualsDeclaration";
}

/** Nothing that runs in this file stands between the imports around it. */
function isTypeOrReExport(statement: Node): boolean {
  return (
    /^(TSInterfaceDeclaration|TSTypeAliasDeclaration|ExportAllDeclaration)$/.test(statement.type) ||
    (statement.type === "ExportNamedDeclaration" && Boolean(statement.source))
  );
}

function isRequireStatement(statement: Node): boolean {
  return requireOf(statement) !== undefined;
}

/** Modules that a file still takes, by import, require, re-export or dynamic import anywhere. */
export function modulesOf(file: File): Set<string> {
  const modules = new Set<string>();
  for (const [node] of parentMap(file)) {
    if (/^(Import|ExportNamed|ExportAll)Declaration$/.test(node.type) && node.source) modules.add(node.source.value);
    else if (node.type === "TSExternalModuleReference") modules.add(node.expression.value);
    else if (node.type === "TSImportType" && node.argument?.value) modules.add(node.argument.value);
    else if (node.type === "CallExpression") {
      const module = requiredModule(node);
      const [argument] = node.arguments as Node[];
      if (module !== undefined) modules.add(module);
      else if (node.callee.type === "Import" && argument?.type === "StringLiteral") modules.add(argument.value);
    }
  }
  return modules;
}
