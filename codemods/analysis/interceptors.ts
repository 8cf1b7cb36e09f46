import { type ArrowFunction, type FunctionDeclaration, type FunctionExpression, Node, SyntaxKind } from "ts-morph";
import type { NamedImport } from "../shared/with-imports.js";
import type { ClientValueFact } from "./client-facts.js";
import type { AnalysisProject } from "./project.js";

export interface InterceptorsPlan {
  /** `[auth, (next) => …]` */
  readonly text: string;
  readonly imports: readonly NamedImport[];
  readonly facts: readonly ClientValueFact[];
  /** The constructions that take one of these interceptors too. */
  readonly group: readonly Node[];
  /** `add` to Metadata that a caller made would add again at the next call. */
  readonly adds: boolean;
}

const INTERCEPTOR: NamedImport = { module: "@connect-migrate/runtime", name: "Interceptor", typeOnly: true };

/**
 * `interceptors: [a, b]` of grpc-js as Connect's, where each only edits the metadata of a call before it starts; a string says
 * why not. The first of the list is the outermost in both.
 */
export function interceptorsOf(project: AnalysisProject, node: Node): InterceptorsPlan | string {
  if (!Node.isArrayLiteralExpression(node)) return "interceptors that are not written out";
  const texts: string[] = [];
  const imports: NamedImport[] = [];
  const facts: ClientValueFact[] = [];
  const group: Node[] = [];
  let adds = false;
  for (const element of node.getElements()) {
    if (Node.isArrowFunction(element) || Node.isFunctionExpression(element)) {
      const written = metadataEdits(project, element);
      if (typeof written === "string") return written;
      adds ||= written.adds;
      texts.push(arrowText(element, written));
      continue;
    }
    const declaration = Node.isIdentifier(element) ? project.declarationOf(element) : undefined;
    if (!declaration || !project.isSelected(declaration.getSourceFile().getFilePath()))
      return `the interceptor ${element.getText()}, which is not known`;
    const own = namedInterceptor(project, declaration);
    if (typeof own === "string") return own;
    const users = usersOf(project, declaration);
    if (!users) return `the interceptor ${element.getText()}, which other code uses too`;
    adds ||= own.adds;
    facts.push(own.fact);
    group.push(...users);
    texts.push(element.getText());
  }
  return { text: `[${texts.join(", ")}]`, imports, facts, group, adds };
}

/** What stands instead of a declared interceptor. */
function namedInterceptor(
  project: AnalysisProject,
  declaration: Node,
): { readonly fact: ClientValueFact; readonly adds: boolean } | string {
  const isTypeScript = /\.[cm]?tsx?$/.test(declaration.getSourceFile().getFilePath());
  const fact = (start: number, end: number, text: string, imports: readonly NamedImport[]): ClientValueFact => ({
    kind: "client-value",
    file: declaration.getSourceFile().getFilePath(),
    start,
    end,
    via: "provenance",
    text,
    construct: "client interceptor",
    imports,
  });
  if (Node.isFunctionDeclaration(declaration)) {
    const name = declaration.getNameNode();
    const body = declaration.getBody();
    if (!name || !body || isTypeScript) return "an interceptor whose type would have to be written";
    const written = metadataEdits(project, declaration);
    if (typeof written === "string") return written;
    const { outer, step, eol } = layoutOf(declaration);
    const semicolon = /;\s*\}?$/.test(body.getText().replace(/\}\s*$/, "")) ? ";" : "";
    const inner = linesOf(written, `${outer}${step}${step}`).join(eol);
    const text = `(next) {${eol}${outer}${step}return async (req) => {${eol}${inner}${eol}${outer}${step}}${semicolon}${eol}${outer}}`;
    return { fact: fact(name.getEnd(), declaration.getEnd(), text, []), adds: written.adds };
  }
  if (!Node.isVariableDeclaration(declaration)) return "an interceptor that is not written out";
  const initializer = declaration.getInitializer();
  if (!initializer || !(Node.isArrowFunction(initializer) || Node.isFunctionExpression(initializer)))
    return "an interceptor that is not written out";
  const written = metadataEdits(project, initializer);
  if (typeof written === "string") return written;
  const text = arrowText(initializer, written);
  if (!isTypeScript) return { fact: fact(initializer.getStart(), initializer.getEnd(), text, []), adds: written.adds };
  const start = declaration.getNameNode().getEnd();
  return { fact: fact(start, initializer.getEnd(), `: Interceptor = ${text}`, [INTERCEPTOR]), adds: written.adds };
}

/** The credential arguments of the constructions that list an interceptor; undefined if anything else uses it. */
function usersOf(project: AnalysisProject, declaration: Node): Node[] | undefined {
  const name = (declaration as FunctionDeclaration).getNameNode();
  if (!name) return undefined;
  const users: Node[] = [];
  for (const reference of project.referencesTo(name)) {
    if (reference === name) continue;
    const parent = reference.getParent();
    if (!parent) return undefined;
    if (Node.isImportSpecifier(parent) || Node.isExportSpecifier(parent) || Node.isBindingElement(parent)) continue;
    if (/^(module\.)?exports/.test(parent.getParent()?.getParent()?.getText() ?? "")) continue;
    if (Node.isBinaryExpression(parent) && /^(module\.)?exports\.\w+$/.test(parent.getLeft().getText())) continue;
    const property = Node.isArrayLiteralExpression(parent) ? parent.getParent() : undefined;
    const made = property?.getParent()?.getParent();
    const isListed =
      property &&
      Node.isPropertyAssignment(property) &&
      property.getName() === "interceptors" &&
      made &&
      Node.isNewExpression(made);
    const credentials = isListed ? made.getArguments()[1] : undefined;
    if (!credentials) return undefined;
    users.push(credentials);
  }
  return users;
}

interface Edits {
  /** The statements before `next(metadata, listener)`, rewritten, without indentation. */
  readonly statements: readonly string[];
  readonly adds: boolean;
}

type Callable = FunctionDeclaration | FunctionExpression | ArrowFunction;

/** The body of an interceptor that does nothing but edit metadata at the start of a call. */
function metadataEdits(project: AnalysisProject, interceptor: Callable): Edits | string {
  const unknown = "an interceptor that does more than edit metadata";
  const [options, nextCall, ...more] = interceptor.getParameters();
  if (!options || !nextCall || more.length > 0 || interceptor.isAsync()) return unknown;
  const body = interceptor.getBody();
  let returned: Node | undefined;
  let builder: Node | undefined;
  let builderName: string | undefined;
  if (body && Node.isBlock(body)) {
    const statements = body.getStatements();
    const last = statements.at(-1);
    if (!last || !Node.isReturnStatement(last) || statements.length > 2) return unknown;
    returned = last.getExpression();
    const [first] = statements;
    if (statements.length === 2) {
      if (!first || !Node.isVariableStatement(first)) return unknown;
      const [declaration, another] = first.getDeclarations();
      if (!declaration || another) return unknown;
      builder = declaration.getInitializer();
      builderName = declaration.getName();
    }
  } else returned = body;
  if (!returned || !Node.isNewExpression(returned)) return unknown;
  const origin = project.originOf(returned.getExpression());
  if (origin.kind !== "grpc" || origin.path !== "InterceptingCall") return unknown;
  const [call, requester] = returned.getArguments();
  if (call?.getText() !== `${nextCall.getName()}(${options.getName()})` || !requester) return unknown;
  const definition = builderName !== undefined && requester.getText() === builderName ? builder : requester;
  if (builderName !== undefined && definition === requester) return unknown;
  const start = definition && startOf(project, definition);
  if (!start) return unknown;
  const uses = (name: string) =>
    interceptor.getDescendantsOfKind(SyntaxKind.Identifier).filter((identifier) => identifier.getText() === name);
  // Its declaration and `nextCall(options)`.
  if (uses(options.getName()).length !== 2 || uses(nextCall.getName()).length !== 2) return unknown;
  return startEdits(project, start) ?? unknown;
}

/** The `start` of `{ start(…) {…} }` or `new RequesterBuilder().withStart(…).build()`, if there is nothing else. */
function startOf(project: AnalysisProject, requester: Node): Node | undefined {
  if (Node.isObjectLiteralExpression(requester)) {
    const [property, more] = requester.getProperties();
    if (!property || more) return undefined;
    if (Node.isMethodDeclaration(property) && property.getName() === "start") return property;
    return Node.isPropertyAssignment(property) && property.getName() === "start"
      ? property.getInitializer()
      : undefined;
  }
  const built = memberCall(requester, "build");
  const withStart = built && memberCall(built.object, "withStart");
  if (!withStart) return undefined;
  let made = withStart.object;
  while (Node.isParenthesizedExpression(made)) made = made.getExpression();
  if (!Node.isNewExpression(made)) return undefined;
  const origin = project.originOf(made.getExpression());
  return origin.kind === "grpc" && origin.path === "RequesterBuilder" ? withStart.argument : undefined;
}

function memberCall(
  node: Node,
  name: string,
): { readonly object: Node; readonly argument: Node | undefined } | undefined {
  const callee = Node.isCallExpression(node) ? node.getExpression() : undefined;
  if (!Node.isCallExpression(node) || !callee || !Node.isPropertyAccessExpression(callee) || callee.getName() !== name)
    return undefined;
  return { object: callee.getExpression(), argument: node.getArguments()[0] };
}

function startEdits(project: AnalysisProject, start: Node): Edits | undefined {
  if (!Node.isMethodDeclaration(start) && !Node.isArrowFunction(start) && !Node.isFunctionExpression(start))
    return undefined;
  const [metadata, listener, next] = start.getParameters();
  const body = start.getBody();
  if (!metadata || !listener || !next || start.isAsync() || !body || !Node.isBlock(body)) return undefined;
  const statements = body.getStatements();
  const last = statements.pop();
  const passed = `${next.getName()}(${metadata.getName()}, ${listener.getName()})`;
  if (
    last
      ?.getText()
      .replace(/^return /, "")
      .replace(/;$/, "") !== passed
  )
    return undefined;
  const count = (name: string) =>
    body.getDescendantsOfKind(SyntaxKind.Identifier).filter((identifier) => identifier.getText() === name).length;
  if (count(listener.getName()) !== 1 || count(next.getName()) !== 1) return undefined;
  // `return`, `this` and names of ours would mean something else.
  if (body.getDescendantsOfKind(SyntaxKind.ReturnStatement).some((each) => each !== last)) return undefined;
  if (body.getDescendantsOfKind(SyntaxKind.ThisKeyword).length > 0 || count("req") > 0) return undefined;
  let adds = false;
  const replaced: { readonly from: number; readonly to: number; readonly text: string }[] = [];
  for (const identifier of body.getDescendantsOfKind(SyntaxKind.Identifier)) {
    if (identifier.getText() !== metadata.getName() || last.containsRange(identifier.getPos(), identifier.getEnd()))
      continue;
    const access = identifier.getParent();
    if (access && Node.isPropertyAccessExpression(access) && access.getNameNode() === identifier) continue;
    const call = access?.getParent();
    if (!access || !Node.isPropertyAccessExpression(access) || !call || !Node.isCallExpression(call)) return undefined;
    if (call.getExpression() !== access || !Node.isExpressionStatement(call.getParent() as Node)) return undefined;
    const name = access.getName();
    const [key] = call.getArguments();
    const constant = key && project.constantOf(key);
    if (!/^(set|add|remove)$/.test(name) || typeof constant !== "string") return undefined;
    if (/-bin$|^:|^user-agent$/i.test(constant)) return undefined;
    if (name === "add") adds = true;
    const member = name === "add" ? "append" : name === "remove" ? "delete" : name;
    replaced.push({ from: identifier.getStart(), to: access.getEnd(), text: `req.header.${member}` });
  }
  const texts = statements.map((statement) => {
    const offset = firstCommentOf(statement);
    let text = start.getSourceFile().getFullText().slice(offset, statement.getEnd());
    for (const { from, to, text: by } of [...replaced].reverse())
      if (from >= offset && to <= statement.getEnd())
        text = text.slice(0, from - offset) + by + text.slice(to - offset);
    return text;
  });
  return { statements: texts, adds };
}

/** Where a statement begins, its comments included. */
function firstCommentOf(statement: Node): number {
  return statement.getLeadingCommentRanges()[0]?.getPos() ?? statement.getStart();
}

function layoutOf(node: Node): { readonly outer: string; readonly step: string; readonly eol: string } {
  const text = node.getSourceFile().getFullText();
  const outer = /^[ \t]*/.exec(text.slice(text.lastIndexOf("\n", node.getStart() - 1) + 1))?.[0] ?? "";
  const step = /\n(\t| {2,8}?)(?=\S)/.exec(text)?.[1] ?? "  ";
  return { outer, step, eol: text.includes("\r\n") ? "\r\n" : "\n" };
}

function linesOf({ statements }: Edits, indent: string): string[] {
  const semicolon = statements.some((statement) => statement.endsWith(";")) || statements.length === 0 ? ";" : "";
  return [
    ...statements.map((statement) => `${indent}${reindented(statement, indent)}`),
    `${indent}return await next(req)${semicolon}`,
  ];
}

/** Lines after the first keep their place relative to the last one. */
function reindented(statement: string, indent: string): string {
  const lines = statement.split("\n");
  const base = /^[ \t]*/.exec(lines.at(-1) ?? "")?.[0] ?? "";
  return lines
    .map((line, i) => (i === 0 || !line.startsWith(base) ? line : `${indent}${line.slice(base.length)}`))
    .join("\n");
}

function arrowText(node: Node, written: Edits): string {
  const { outer, step, eol } = layoutOf(node);
  return ["(next) => async (req) => {", ...linesOf(written, `${outer}${step}`), `${outer}}`].join(eol);
}
