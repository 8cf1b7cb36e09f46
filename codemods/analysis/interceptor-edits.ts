import { type ArrowFunction, type FunctionDeclaration, type FunctionExpression, Node, SyntaxKind } from "ts-morph";
import { indentAt, lineEndingOf } from "../shared/ast.js";
import type { AnalysisProject } from "./project.js";

/** What an interceptor does before it goes on. */
export interface Edits {
  /** The statements before `next(metadata, listener)`, rewritten, without indentation. */
  readonly statements: readonly string[];
  readonly adds: boolean;
}

type Callable = FunctionDeclaration | FunctionExpression | ArrowFunction;

/** The body of an interceptor that does nothing but edit metadata at the start of a call. */
export function metadataEdits(project: AnalysisProject, interceptor: Callable): Edits | string {
  const unknown = "an interceptor that does more than edit metadata";
  const [options, nextCall, ...more] = interceptor.getParameters();
  if (!options || !nextCall || more.length > 0 || interceptor.isAsync()) return unknown;
  const body = interceptor.getBody();
  let returned: Node | undefined;
  let builder: Node | undefined;
  let before: Node[] = [];
  let builderName: string | undefined;
  if (body && Node.isBlock(body)) {
    const statements = body.getStatements();
    const last = statements.at(-1);
    if (!last || !Node.isReturnStatement(last)) return unknown;
    returned = last.getExpression();
    before = statements.slice(0, -1);
    const [declaration, another] = lastDeclarations(before);
    const requester = Node.isNewExpression(returned) ? returned.getArguments()[1]?.getText() : undefined;
    if (declaration && !another && requester === declaration.getName()) {
      builder = declaration.getInitializer();
      builderName = declaration.getName();
      before.pop();
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
  // Its declaration, `nextCall(options)` and the path of the method.
  const paths = pathsIn(interceptor, options.getName());
  if (uses(options.getName()).length !== 2 + paths.length || uses(nextCall.getName()).length !== 2) return unknown;
  if (before.some((each) => !isStep(each, nextCall.getName()))) return unknown;
  const edits = startEdits(project, start, paths);
  return edits ? { ...edits, statements: [...textsOf(before, paths), ...edits.statements] } : unknown;
}

function lastDeclarations(statements: readonly Node[]) {
  const last = statements.at(-1);
  return last && Node.isVariableStatement(last) ? last.getDeclarations() : [];
}

/** A statement that runs as well as the call starts: it neither leaves the interceptor nor waits. */
function isStep(statement: Node, nextCall: string): boolean {
  return (
    (Node.isVariableStatement(statement) || Node.isExpressionStatement(statement)) &&
    !new RegExp(`\\b(?:${nextCall}|this|await|req|next)\\b`).test(statement.getText())
  );
}

/** `options.method_definition.path` */
function pathsIn(interceptor: Node, options: string): Replacement[] {
  return interceptor
    .getDescendantsOfKind(SyntaxKind.PropertyAccessExpression)
    .filter((access) => access.getText() === `${options}.method_definition.path`)
    .map((access) => ({
      from: access.getStart(),
      to: access.getEnd(),
      // biome-ignore lint/suspicious/noTemplateCurlyInString: it is source text
      text: "`/${req.service.typeName}/${req.method.name}`",
    }));
}

interface Replacement {
  readonly from: number;
  readonly to: number;
  readonly text: string;
}

/** Statements with their comments, some of what is in them replaced. */
function textsOf(statements: readonly Node[], replaced: readonly Replacement[]): string[] {
  const backwards = [...replaced].sort((a, b) => b.from - a.from);
  return statements.map((statement) => {
    const offset = firstCommentOf(statement);
    let text = statement.getSourceFile().getFullText().slice(offset, statement.getEnd());
    for (const { from, to, text: by } of backwards)
      if (from >= offset && to <= statement.getEnd())
        text = text.slice(0, from - offset) + by + text.slice(to - offset);
    return text;
  });
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

function startEdits(project: AnalysisProject, start: Node, paths: readonly Replacement[]): Edits | undefined {
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
  const replaced: Replacement[] = [...paths];
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
  return { statements: textsOf(statements, replaced), adds };
}

/** Where a statement begins, its comments included. */
function firstCommentOf(statement: Node): number {
  return statement.getLeadingCommentRanges()[0]?.getPos() ?? statement.getStart();
}

export function layoutOf(node: Node): { readonly outer: string; readonly step: string; readonly eol: string } {
  const text = node.getSourceFile().getFullText();
  const step = /\n(\t| {2,8}?)(?=\S)/.exec(text)?.[1] ?? "  ";
  return { outer: indentAt(text, node.getStart()), step, eol: lineEndingOf(text) };
}

export function linesOf({ statements }: Edits, indent: string): string[] {
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

export function arrowText(node: Node, written: Edits): string {
  const { outer, step, eol } = layoutOf(node);
  return ["(next) => async (req) => {", ...linesOf(written, `${outer}${step}`), `${outer}}`].join(eol);
}
