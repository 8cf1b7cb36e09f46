import { type FunctionDeclaration, Node, SyntaxKind } from "ts-morph";
import type { NamedImport } from "../shared/with-imports.js";
import type { ClientValueFact } from "./client-facts.js";
import { type Edits, interceptorEdits } from "./interceptor-edits.js";
import type { Callable } from "./interceptor-shape.js";
import { arrowText, layoutOf, linesOf } from "./interceptor-text.js";
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

/** Whether all calls of the clients that are made with these credential arguments have one message each way. */
export type AreUnary = (credentials: readonly Node[]) => boolean;

/**
 * `interceptors: [a, b]` of grpc-js as Connect's, where each does what these can, in the same order; a string says why not. The
 * first of the list is the outermost in both.
 */
export function interceptorsOf(
  project: AnalysisProject,
  node: Node,
  own: Node | undefined,
  areUnary: AreUnary,
): InterceptorsPlan | string {
  if (!Node.isArrayLiteralExpression(node)) return "interceptors that are not written out";
  const texts: string[] = [];
  const imports: NamedImport[] = [];
  const facts: ClientValueFact[] = [];
  const group: Node[] = [];
  const all: Edits[] = [];
  for (const element of node.getElements()) {
    if (Node.isArrowFunction(element) || Node.isFunctionExpression(element)) {
      const written = interceptorEdits(project, element, own !== undefined && areUnary([own]));
      if (typeof written === "string") return written;
      all.push(written);
      imports.push(...written.imports);
      texts.push(arrowText(element, written));
      continue;
    }
    // `auth` or `auth(token)`
    const name = Node.isCallExpression(element) ? element.getExpression() : element;
    const declaration = Node.isIdentifier(name) ? project.declarationOf(name) : undefined;
    if (!declaration || !project.isSelected(declaration.getSourceFile().getFilePath()))
      return `the interceptor ${element.getText()}, which is not known`;
    const users = usersOf(project, declaration, name !== element);
    if (!users) return `the interceptor ${element.getText()}, which other code uses too`;
    const edits: EditsOf = (interceptor) => interceptorEdits(project, interceptor, areUnary(users));
    const found =
      name === element ? namedInterceptor(declaration, edits) : madeInterceptor(project, declaration, edits);
    if (typeof found === "string") return found;
    all.push(found.edits);
    facts.push(...found.facts);
    group.push(...users);
    texts.push(element.getText());
  }
  if (!keepsOrder(all)) return "interceptors whose steps would follow each other in another order";
  return { text: `[${texts.join(", ")}]`, imports, facts, group, adds: all.some((each) => each.adds) };
}

/**
 * grpc-js takes all interceptors through one step (made, start, sendMessage) before the next, and back again; Connect's do all
 * their steps before the next interceptor is asked, which is the same where what they do does not interleave.
 */
function keepsOrder(all: readonly Edits[]): boolean {
  return all.every((outer, i) =>
    all.slice(i + 1).every((inner) => {
      const sends = outer.acts.slice(0, 3).lastIndexOf(true);
      const innerSends = inner.acts.slice(0, 3).indexOf(true);
      const receives = inner.acts.lastIndexOf(true);
      const outerReceives = outer.acts.indexOf(true, 3);
      return (innerSends < 0 || sends <= innerSends) && (outerReceives < 0 || receives <= outerReceives);
    }),
  );
}

type EditsOf = (interceptor: Callable) => Edits | string;

type Rewritten = { readonly facts: readonly ClientValueFact[]; readonly edits: Edits };

function factOf(
  node: Node,
  start: number,
  end: number,
  text: string,
  imports: readonly NamedImport[] = [],
): ClientValueFact {
  const file = node.getSourceFile().getFilePath();
  return { kind: "client-value", file, start, end, via: "provenance", text, construct: "client interceptor", imports };
}

function isTypeScriptFile(node: Node): boolean {
  return /\.[cm]?tsx?$/.test(node.getSourceFile().getFilePath());
}

/** What stands instead of the interceptor that a function returns; in TypeScript the function says that it returns one. */
function madeInterceptor(project: AnalysisProject, declaration: Node, editsOf: EditsOf): Rewritten | string {
  const unknown = "an interceptor that is not written out";
  const initializer = Node.isVariableDeclaration(declaration) ? declaration.getInitializer() : undefined;
  const factory = Node.isFunctionDeclaration(declaration) ? declaration : initializer;
  if (!factory || !(Node.isFunctionDeclaration(factory) || Node.isArrowFunction(factory))) return unknown;
  if (Node.isVariableDeclaration(declaration) && declaration.getTypeNode()) return unknown;
  const body = factory.getBody();
  const last = body && Node.isBlock(body) ? body.getStatements().at(-1) : undefined;
  const returned = last && Node.isReturnStatement(last) ? last.getExpression() : body;
  if (!returned || !(Node.isArrowFunction(returned) || Node.isFunctionExpression(returned))) return unknown;
  if (
    last &&
    factory.getDescendantsOfKind(SyntaxKind.ReturnStatement).some((each) => each !== last && each.getParent() === body)
  )
    return unknown;
  const written = editsOf(returned);
  if (typeof written === "string") return written;
  const text = arrowText(returned, written);
  const facts = [factOf(returned, returned.getStart(), returned.getEnd(), text, written.imports)];
  if (isTypeScriptFile(declaration)) {
    const type = factory.getReturnTypeNode();
    const origin = type && project.originOfType(type);
    if (!type || origin?.kind !== "grpc" || origin.path !== "Interceptor")
      return "an interceptor whose type would have to be written";
    facts.push(factOf(type, type.getStart(), type.getEnd(), "Interceptor", [INTERCEPTOR]));
  }
  return { facts, edits: written };
}

/** What stands instead of a declared interceptor. */
function namedInterceptor(declaration: Node, editsOf: EditsOf): Rewritten | string {
  const isTypeScript = isTypeScriptFile(declaration);
  const fact = (start: number, end: number, text: string, imports: readonly NamedImport[] = []) => [
    factOf(declaration, start, end, text, imports),
  ];
  if (Node.isFunctionDeclaration(declaration)) {
    const name = declaration.getNameNode();
    const body = declaration.getBody();
    if (!name || !body) return "an interceptor that is not written out";
    const written = editsOf(declaration);
    if (typeof written === "string") return written;
    const { outer, step, eol } = layoutOf(declaration);
    const semicolon = /;\s*\}?$/.test(body.getText().replace(/\}\s*$/, "")) ? ";" : "";
    const inner = linesOf(written, `${outer}${step}${step}`, step).join(eol);
    const [parameter, result] = isTypeScript
      ? ["next: Parameters<Interceptor>[0]", ": ReturnType<Interceptor>"]
      : ["next", ""];
    const text = `(${parameter})${result} {${eol}${outer}${step}return async (req) => {${eol}${inner}${eol}${outer}${step}}${semicolon}${eol}${outer}}`;
    const imports = [...(isTypeScript ? [INTERCEPTOR] : []), ...written.imports];
    return { facts: fact(name.getEnd(), declaration.getEnd(), text, imports), edits: written };
  }
  if (!Node.isVariableDeclaration(declaration)) return "an interceptor that is not written out";
  const initializer = declaration.getInitializer();
  if (!initializer || !(Node.isArrowFunction(initializer) || Node.isFunctionExpression(initializer)))
    return "an interceptor that is not written out";
  const written = editsOf(initializer);
  if (typeof written === "string") return written;
  const text = arrowText(initializer, written);
  if (!isTypeScript)
    return { facts: fact(initializer.getStart(), initializer.getEnd(), text, written.imports), edits: written };
  const start = declaration.getNameNode().getEnd();
  const imports = [INTERCEPTOR, ...written.imports];
  return { facts: fact(start, initializer.getEnd(), `: Interceptor = ${text}`, imports), edits: written };
}

/**
 * The credential arguments of the constructions that list an interceptor, or what a function makes of it; undefined if anything
 * else uses it.
 */
function usersOf(project: AnalysisProject, declaration: Node, isMade: boolean): Node[] | undefined {
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
    const isCalled = Node.isCallExpression(parent) && parent.getExpression() === reference;
    if (isMade !== isCalled) return undefined;
    const list = isMade ? parent.getParent() : parent;
    const property = list && Node.isArrayLiteralExpression(list) ? list.getParent() : undefined;
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
