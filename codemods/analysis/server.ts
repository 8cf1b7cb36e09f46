import path from "node:path";
import {
  type CallExpression,
  type ClassDeclaration,
  type NewExpression,
  Node,
  SyntaxKind,
  ts,
  type VariableDeclaration,
} from "ts-morph";
import { planHandler } from "../services/handler-plan.js";
import { type File, type FunctionNode, isFunction, walk } from "../shared/ast.js";
import { parse } from "../shared/parse.js";
import { type Reason, reason } from "../shared/reasons.js";
import type { FactBase, RpcKind, RpcRef } from "./facts.js";
import type { AnalysisProject } from "./project.js";
import type { HandlerFact, ImplementationClassFact, RegistrationFact, ServerFact } from "./server-facts.js";

/** Members of a server that a running app has a counterpart for. */
const KNOWN_MEMBERS = new Set(["addService", "bindAsync", "start", "tryShutdown", "forceShutdown"]);

/** One member of an implementation: the key of the RPC and the function that answers it, where it is known. */
interface Member {
  readonly key: string;
  readonly handler: Node | null;
}

interface Draft {
  readonly fact: Omit<RegistrationFact, "implementation" | "bridgedKeys">;
  readonly codec: Node | null;
  readonly definitionNode: Node | null;
  readonly implementation: Node;
}

/** Everything about servers, registrations and handlers, decided for the project as a whole. */
export function collectServerFacts(project: AnalysisProject): FactBase[] {
  const facts: FactBase[] = [];
  const handlers = new Map<Node, HandlerFact>();
  const classes: ImplementationClassFact[] = [];
  for (const file of project.files) {
    for (const made of file.getDescendantsOfKind(SyntaxKind.NewExpression)) {
      const origin = project.originOf(made.getExpression());
      if (origin.kind !== "grpc" || origin.path !== "Server") continue;
      facts.push(serverFact(project, made, handlers, classes));
    }
  }
  return [...facts, ...classes, ...handlers.values()];
}

function serverFact(
  project: AnalysisProject,
  made: NewExpression,
  handlers: Map<Node, HandlerFact>,
  classes: ImplementationClassFact[],
): ServerFact {
  const file = made.getSourceFile().getFilePath() as string;
  const base = {
    kind: "server" as const,
    file,
    start: made.getStart(),
    end: made.getEnd(),
    via: "provenance" as const,
  };
  const refused = (why: Reason): ServerFact => ({
    ...base,
    ok: false,
    reason: why,
    registrations: [],
    codecs: [],
    uses: [],
    ownSignals: false,
    entry: null,
    unused: [],
  });

  const holder = made.getParent();
  if (!holder || !Node.isVariableDeclaration(holder) || !Node.isIdentifier(holder.getNameNode()))
    return refused(reason("server-escapes", "it is not the value of a variable"));
  const statement = holder.getVariableStatement();
  if (statement?.getDeclarations().length !== 1)
    return refused(reason("server-escapes", "it is declared together with other variables"));

  const uses: { start: number; end: number; member: string }[] = [];
  const registered: CallExpression[] = [];
  let bound: CallExpression | undefined;
  for (const reference of project.referencesTo(holder.getNameNode())) {
    if (reference === holder.getNameNode()) continue;
    const where = `${path.basename(reference.getSourceFile().getFilePath())}:${reference.getStartLineNumber()}`;
    if (reference.getSourceFile() !== made.getSourceFile())
      return refused(reason("server-escapes", `another file uses it: ${where}`));
    const access = reference.getParent();
    const call = access?.getParent();
    if (
      !access ||
      !Node.isPropertyAccessExpression(access) ||
      access.getExpression() !== reference ||
      !call ||
      !Node.isCallExpression(call) ||
      call.getExpression() !== access
    )
      return refused(reason("server-escapes", where));
    const member = access.getName();
    if (!KNOWN_MEMBERS.has(member)) return refused(reason("no-equivalent", `server.${member} (${where})`));
    if (member === "addService") registered.push(call);
    else uses.push({ start: call.getStart(), end: call.getEnd(), member });
    if (member !== "tryShutdown" && !Node.isExpressionStatement(call.getParent()))
      return refused(reason("server-escapes", `the result of server.${member} is used (${where})`));
    if (member === "bindAsync") {
      if (bound) return refused(reason("no-equivalent", `two addresses of one server (${where})`));
      bound = call;
      const [, credentials] = call.getArguments();
      const callee =
        credentials && Node.isCallExpression(credentials) ? project.originOf(credentials.getExpression()) : undefined;
      if (callee?.kind !== "grpc" || callee.path !== "ServerCredentials.createInsecure")
        return refused(reason("no-equivalent", `server credentials other than createInsecure() (${where})`));
      if (call.getArguments().length !== 3)
        return refused(reason("no-equivalent", `bindAsync without a callback (${where})`));
    }
  }
  if (registered.length === 0) return refused(reason("server-escapes", "no service is added to it here"));
  if (!bound) return refused(reason("server-escapes", "it is not bound here"));
  const [options] = made.getArguments();
  if (options && !isKnownOptions(options))
    return refused(
      reason("no-equivalent", `these server options: ${options.getText().replace(/\s+/g, " ").slice(0, 80)}`),
    );

  const drafts: Draft[] = [];
  for (const call of registered.sort((a, b) => a.getStart() - b.getStart())) {
    const draft = registrationOf(project, call);
    if ("code" in draft) return refused(draft);
    drafts.push(draft);
  }
  const between = statementsBetween(registered, statement);
  if (between) return refused(between);
  if (!project.isSelected(file)) return refused(reason("neighbour-not-migrated", path.basename(file)));

  const registrations = drafts.map((draft) => decide(project, draft, handlers));
  drafts.forEach((draft, index) => {
    if (registrations[index]?.implementation === "plain") classes.push(...classFacts(project, draft));
  });
  const text = made.getSourceFile().getFullText();
  return {
    ...base,
    ok: true,
    reason: null,
    registrations,
    codecs: drafts
      .flatMap(({ codec }) => (codec && codec.getSourceFile() === made.getSourceFile() ? [codec] : []))
      .filter((codec, index, all) => all.indexOf(codec) === index)
      .map((codec) => ({ start: codec.getStart(), end: codec.getEnd() })),
    uses,
    ownSignals: /process\s*\.\s*(?:on|once)\s*\(\s*['"]SIG(?:TERM|INT)/.test(text),
    entry: entryOf(project, made),
    unused: unusedDeclarations(project, registered, drafts),
  };
}

/** Registrations stand next to each other in the block of the server: they become the body of one function. */
function statementsBetween(calls: readonly CallExpression[], server: Node): Reason | undefined {
  const statements = calls.map((call) => call.getParentOrThrow());
  const [first] = statements;
  const block = first?.getParent();
  if (!first || !block || !(Node.isBlock(block) || Node.isSourceFile(block)) || server.getParent() !== block)
    return reason("server-escapes", "services are added in another block than the server is made in");
  const all = block.getStatements() as Node[];
  const indexes = statements.map((statement) => all.indexOf(statement));
  if (indexes.includes(-1)) return reason("server-escapes", "services are added under a condition");
  const isRun = indexes.every((index, i) => i === 0 || index === (indexes[i - 1] as number) + 1);
  return isRun ? undefined : reason("server-escapes", "other statements stand between the services that are added");
}

function isKnownOptions(node: Node): boolean {
  if (!Node.isObjectLiteralExpression(node)) return false;
  return node.getProperties().every((property) => {
    if (!Node.isPropertyAssignment(property)) return false;
    return /^['"]grpc\.max_(receive|send)_message_length['"]$/.test(property.getNameNode().getText());
  });
}

function registrationOf(project: AnalysisProject, call: CallExpression): Draft | Reason {
  const [definition, implementation] = call.getArguments();
  const where = `${path.basename(call.getSourceFile().getFilePath())}:${call.getStartLineNumber()}`;
  if (!definition || !implementation) return reason("types-unknown", `the arguments of addService (${where})`);
  const origin = project.originOf(definition);
  if (origin.kind !== "service-definition")
    return reason("types-unknown", `the service definition ${definition.getText()} (${where})`);
  const service = project.protos.service(origin.service);
  if (!service) return reason("proto-missing", origin.service);
  const file = call.getSourceFile().getFilePath() as string;
  const { module, descriptor } = project.protos.importPathFor(service, file);
  const held = origin.packageDefinition?.call.getParent();
  const holder = held && Node.isAwaitExpression(held) ? held.getParent() : held;
  const isHere =
    holder &&
    Node.isVariableDeclaration(holder) &&
    holder.getSourceFile() === call.getSourceFile() &&
    Node.isSourceFile(holder.getVariableStatement()?.getParent()) &&
    Node.isIdentifier(holder.getNameNode());
  return {
    implementation,
    codec: origin.packageDefinition?.call ?? null,
    definitionNode: origin.definition,
    fact: {
      kind: "registration",
      file,
      start: call.getStart(),
      end: call.getEnd(),
      via: "provenance",
      service: origin.service,
      descriptor: { module, name: descriptor },
      definition: isHere ? `${(holder as VariableDeclaration).getName()}['${origin.service}']` : null,
    },
  };
}

// ---- handlers ------------------------------------------------------------------------------------------------------

/** Whether the implementation is handed over as it is, member by member, or bridged as a whole. */
function decide(
  project: AnalysisProject,
  { fact, implementation }: Draft,
  handlers: Map<Node, HandlerFact>,
): RegistrationFact {
  const found = membersOf(project, implementation);
  const decided: { key: string; handler: HandlerFact | null; node: Node | null }[] = [];
  for (const { key, handler } of found?.members ?? []) {
    const method = project.protos.methodByLegacyKey(fact.service, key);
    if (!method) continue;
    const made = handler && handlerFact(project, handler, project.protos.rpc(method), found?.isClass ?? false);
    decided.push({ key, handler: made, node: handler });
  }
  const isPlain = decided.length > 0 && decided.every(({ handler }) => handler?.idiomatic === true);
  const isWhole = !isPlain && found?.isOwn !== true;
  for (const { handler, node } of decided) {
    if (!handler || !node) continue;
    const shared = reason("neighbour-not-migrated", "another handler of the same implementation");
    const isBridged = isWhole || handlers.get(node)?.idiomatic === false;
    handlers.set(node, isBridged ? { ...handler, idiomatic: false, reason: handler.reason ?? shared } : handler);
  }
  return {
    ...fact,
    implementation: isPlain ? "plain" : isWhole ? "callbacks" : "members",
    bridgedKeys:
      isPlain || isWhole ? [] : decided.filter(({ handler }) => handler?.idiomatic !== true).map(({ key }) => key),
  };
}

/** `implements GreeterServer` of an implementation whose methods all change. */
function classFacts(project: AnalysisProject, draft: Draft): ImplementationClassFact[] {
  const origin = project.originOf(draft.implementation);
  if (origin.kind !== "instance" || !Node.isClassDeclaration(origin.class)) return [];
  const owner = origin.class;
  const [clause] = owner.getImplements();
  const signatures = owner
    .getChildSyntaxListOrThrow()
    .getDescendantsOfKind(SyntaxKind.IndexSignature)
    .filter((node) => node.getFirstAncestorByKind(SyntaxKind.ClassDeclaration) === owner)
    .map((node) => ({ start: node.getStart(), end: node.getEnd() }));
  const name = clause?.getExpression();
  const specifier = name?.getSymbol()?.getDeclarations().find(Node.isImportSpecifier);
  const module = specifier?.getImportDeclaration().getModuleSpecifierValue();
  const known = draft.definitionNode;
  if (!clause || module === undefined || !known || !Node.isVariableDeclaration(known)) return [];
  if (project.resolveModule(owner.getSourceFile(), module) !== known.getSourceFile()) return [];
  return [
    {
      kind: "implementation-class",
      file: owner.getSourceFile().getFilePath(),
      start: clause.getStart(),
      end: clause.getEnd(),
      via: "provenance",
      definition: { module, name: known.getName() },
      signatures,
    },
  ];
}

/** `this.get = this.get.bind(this)`: both members of it are the handler itself. */
function isSelfBinding(access: Node): boolean {
  const assignment = access.getFirstAncestorByKind(SyntaxKind.BinaryExpression);
  return assignment !== undefined && /^this\.(\w+)\s*=\s*this\.\1\.bind\(this\)$/.test(assignment.getText());
}

interface Members {
  readonly members: readonly Member[];
  /** The object literal is this registration's own and in its file: members can be wrapped where they stand. */
  readonly isOwn: boolean;
  readonly isClass: boolean;
}

/** The members of an implementation, if it is an object literal, a file's exports or an instance of a class of the project. */
function membersOf(project: AnalysisProject, implementation: Node): Members | undefined {
  const origin = project.originOf(implementation);
  if (origin.kind === "object" && Node.isObjectLiteralExpression(origin.node)) {
    const literal = origin.node;
    const members: Member[] = [];
    for (const property of literal.getProperties()) {
      if (Node.isSpreadAssignment(property)) return undefined;
      const key = "getName" in property ? property.getName().replace(/^['"]|['"]$/g, "") : "";
      const value = Node.isMethodDeclaration(property) ? property : functionOf(project, property);
      members.push({ key, handler: value });
    }
    const isInline = literal === implementation;
    const variable = literal.getParent();
    const isOnlyHere =
      variable !== undefined &&
      Node.isVariableDeclaration(variable) &&
      literal.getSourceFile() === implementation.getSourceFile() &&
      project
        .referencesTo(variable.getNameNode())
        .filter((node) => node !== variable.getNameNode() && node !== implementation).length === 0;
    return { members, isOwn: isInline || isOnlyHere, isClass: false };
  }
  if (origin.kind === "instance" && Node.isClassDeclaration(origin.class))
    return { members: classMembers(origin.class), isOwn: false, isClass: true };
  return undefined;
}

function functionOf(project: AnalysisProject, property: Node): Node | null {
  const origin = project.originOf(property);
  return origin.kind === "function" ? origin.node : null;
}

function classMembers(node: ClassDeclaration): Member[] {
  const members: Member[] = [];
  for (const method of node.getInstanceMethods()) members.push({ key: method.getName(), handler: method });
  for (const property of node.getInstanceProperties()) {
    if (!Node.isPropertyDeclaration(property)) continue;
    const value = property.getInitializer();
    members.push({
      key: property.getName(),
      handler: value && (Node.isArrowFunction(value) || Node.isFunctionExpression(value)) ? value : null,
    });
  }
  return members;
}

function handlerFact(project: AnalysisProject, handler: Node, rpc: RpcRef, isClass: boolean): HandlerFact {
  const file = handler.getSourceFile().getFilePath() as string;
  const body = (handler as unknown as { getBody(): Node | undefined }).getBody() ?? handler;
  const why = obstacle(project, handler, body, rpc.kind, isClass);
  const fact: HandlerFact = {
    kind: "handler",
    file,
    start: body.getStart(),
    end: body.getEnd(),
    via: "provenance",
    rpc,
    idiomatic: why === null,
    reason: why,
    messages: "bridge",
  };
  return fact;
}

function obstacle(project: AnalysisProject, handler: Node, body: Node, kind: RpcKind, isClass: boolean): Reason | null {
  const file = handler.getSourceFile();
  if (!project.isSelected(file.getFilePath()))
    return reason("neighbour-not-migrated", path.basename(file.getFilePath()));
  const elsewhere = otherUse(project, handler, isClass);
  if (elsewhere) return reason("handler-used-elsewhere", elsewhere);
  const tree = babelTree(file.getFilePath(), file.getFullText());
  const node = tree && babelFunction(tree, body.getStart(), body.getEnd());
  if (!tree || !node) return reason("types-unknown", "the handler's function");
  const plan = planHandler(node, kind, tree);
  return plan.ok ? null : plan.reason;
}

/** A place that uses a handler for something else than to register it. */
function otherUse(project: AnalysisProject, handler: Node, isClass: boolean): string | undefined {
  const place = (node: Node) => `${path.basename(node.getSourceFile().getFilePath())}:${node.getStartLineNumber()}`;
  const holder = handler.getParent();
  const name = Node.isFunctionDeclaration(handler)
    ? handler.getNameNode()
    : holder && Node.isVariableDeclaration(holder)
      ? holder.getNameNode()
      : undefined;
  if (name) {
    for (const reference of project.referencesTo(name)) {
      const parent = reference.getParent();
      if (!parent || reference === name) continue;
      const isName =
        Node.isShorthandPropertyAssignment(parent) ||
        (Node.isPropertyAssignment(parent) && parent.getInitializer() === reference) ||
        Node.isImportSpecifier(parent) ||
        Node.isExportSpecifier(parent) ||
        Node.isBindingElement(parent) ||
        (Node.isBinaryExpression(parent) &&
          parent.getRight() === reference &&
          /exports/.test(parent.getLeft().getText())) ||
        (Node.isPropertyAccessExpression(parent) && Node.isPropertyAssignment(parent.getParent()));
      if (!isName) return place(reference);
    }
  }
  const key = "getName" in handler ? (handler as { getName(): string | undefined }).getName() : undefined;
  if (isClass && key !== undefined) {
    const owner = handler.getFirstAncestorByKind(SyntaxKind.ClassDeclaration);
    for (const file of project.files)
      for (const access of file.getDescendantsOfKind(SyntaxKind.PropertyAccessExpression)) {
        if (access.getName() !== key || isSelfBinding(access)) continue;
        const origin = project.originOf(access.getExpression());
        if (origin.kind === "instance" && origin.class === owner) return place(access);
      }
  }
  return undefined;
}

const trees = new Map<string, { text: string; tree: File }>();

/** The tree that rules see. Undefined for a file that does not parse. */
function babelTree(file: string, text: string): File | undefined {
  let entry = trees.get(file);
  if (entry?.text !== text) {
    try {
      entry = { text, tree: parse(text, file) };
    } catch {
      return undefined;
    }
    trees.set(file, entry);
  }
  return entry.tree;
}

/** The function whose body has this range. */
function babelFunction(tree: File, start: number, end: number): FunctionNode | undefined {
  let found: FunctionNode | undefined;
  walk(tree, (node) => {
    if (isFunction(node) && node.body?.start === start && node.body.end === end) found = node;
    return found === undefined && node.start <= start && end <= node.end;
  });
  return found;
}

// ---- the module ----------------------------------------------------------------------------------------------------

/** How the module can ask whether it is the program; null if another file imports it for what it does. */
function entryOf(project: AnalysisProject, made: NewExpression): ServerFact["entry"] {
  const file = made.getSourceFile();
  for (const other of project.files) {
    if (other === file) continue;
    for (const literal of other.getImportStringLiterals())
      if (project.resolveModule(other, literal.getLiteralText()) === file) return null;
    for (const call of other.getDescendantsOfKind(SyntaxKind.CallExpression)) {
      const [argument] = call.getArguments();
      if (call.getExpression().getText() === "require" && argument && Node.isStringLiteral(argument))
        if (project.resolveModule(other, argument.getLiteralText()) === file) return null;
    }
  }
  const name = file.getFilePath();
  if (/\.mjs$|\.mts$/.test(name)) return "import.meta";
  if (/\.cjs$|\.cts$/.test(name)) return "require";
  const isTyped = /\.tsx?$/.test(name);
  const { module } = file.getProject().getCompilerOptions();
  if (isTyped && (module === undefined || module === ts.ModuleKind.CommonJS)) return "require";
  if (!isTyped || module === ts.ModuleKind.NodeNext || module === ts.ModuleKind.Node16)
    return packageIsModule(name) || (!isTyped && file.getImportDeclarations().length > 0) ? "import.meta" : "require";
  return "import.meta";
}

function packageIsModule(file: string): boolean {
  for (let folder = path.dirname(file); ; folder = path.dirname(folder)) {
    const manifest = ts.sys.readFile(path.join(folder, "package.json"));
    if (manifest !== undefined) return /"type"\s*:\s*"module"/.test(manifest);
    if (folder === path.dirname(folder)) return false;
  }
}

/** `const proto = grpc.loadPackageDefinition(definition).pkg` that only the removed registrations named. */
function unusedDeclarations(
  project: AnalysisProject,
  calls: readonly CallExpression[],
  drafts: readonly Draft[],
): { start: number; end: number }[] {
  const found: { start: number; end: number }[] = [];
  const definitions = calls.map((call) => call.getArguments()[0]).filter((node) => node !== undefined);
  if (drafts.some((draft) => draft.fact.definition === null)) return found;
  for (const definition of definitions) {
    const name = definition.getDescendantsOfKind(SyntaxKind.Identifier)[0];
    const declaration = name && project.declarationOf(name);
    if (!declaration || !Node.isVariableDeclaration(declaration)) continue;
    const origin = project.originOf(declaration);
    const statement = declaration.getVariableStatement();
    if (origin.kind !== "grpc-object" || !statement || statement.getDeclarations().length !== 1) continue;
    const uses = project.referencesTo(declaration.getNameNode()).filter((node) => node !== declaration.getNameNode());
    const isGone = uses.every((node) =>
      definitions.some(
        (gone) =>
          gone.getStart() <= node.getStart() &&
          node.getEnd() <= gone.getEnd() &&
          gone.getSourceFile() === node.getSourceFile(),
      ),
    );
    const range = { start: statement.getStart(), end: statement.getEnd() };
    if (isGone && !found.some((each) => each.start === range.start)) found.push(range);
  }
  return found;
}
