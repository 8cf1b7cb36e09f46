import { type FunctionDeclaration, Node } from "ts-morph";
import type { NamedImport } from "../shared/with-imports.js";
import {
  arrowText,
  declaredInterceptor,
  type InlineInterceptor,
  isInlineInterceptor,
} from "./interceptor-declaration.js";
import { type Replacement, textOf } from "./interceptor-parts.js";
import { unindented } from "./interceptor-text.js";
import { placeOf } from "./places.js";
import type { AnalysisProject } from "./project.js";
import type { ServerValueFact } from "./server-facts.js";
import { type ServerInterceptorEdits, serverInterceptorEdits } from "./server-interceptor-edits.js";

export interface ServerInterceptorsPlan {
  /** `[auth, (next) => …]`, as at the beginning of a line. */
  readonly text: string;
  readonly imports: readonly NamedImport[];
  readonly facts: readonly ServerValueFact[];
}

/**
 * What makes Connect's interceptors of those in a server's `interceptors: [a, b]`, in the same order; a string says why not. The
 * first of the list is next to the wire in both.
 */
export function serverInterceptorsOf(
  project: AnalysisProject,
  node: Node,
  isUnary: boolean,
): ServerInterceptorsPlan | string {
  if (!Node.isArrayLiteralExpression(node)) return "interceptors that are not written out";
  const facts: ServerValueFact[] = [];
  const all: ServerInterceptorEdits[] = [];
  const replaced: Replacement[] = [];
  const imports: NamedImport[] = [];
  for (const element of node.getElements()) {
    const found = isInlineInterceptor(element)
      ? inline(project, element, isUnary)
      : declared(project, element, isUnary);
    if (typeof found === "string") return found;
    all.push(found.edits);
    if (found.text !== null) replaced.push({ from: element.getStart(), to: element.getEnd(), text: found.text });
    facts.push(...found.facts);
    imports.push(...found.imports);
    for (const { node: at, from, to, text, imports: needed } of found.edits.helpers)
      facts.push(factOf({ ...placeOf(at), start: from, end: to, text, imports: needed }));
  }
  if (!keepsOrder(all)) return "interceptors whose steps would follow each other in another order";
  if (all.some(({ opens }) => opens) && sendsHeaders(project))
    return "an interceptor that changes response headers, which a handler sends itself";
  return { text: unindented(node, textOf(node, replaced)), imports, facts };
}

function factOf(place: Omit<ServerValueFact, "kind" | "construct">): ServerValueFact {
  return { kind: "server-value", ...place, construct: "server interceptor" };
}

interface Listed {
  readonly edits: ServerInterceptorEdits;
  /** What stands in the list; null: what stood there. */
  readonly text: string | null;
  readonly facts: readonly ServerValueFact[];
  readonly imports: readonly NamedImport[];
}

/** A function in the list. */
function inline(project: AnalysisProject, element: InlineInterceptor, isUnary: boolean): Listed | string {
  const edits = serverInterceptorEdits(project, element, isUnary);
  if (typeof edits === "string") return edits;
  return { edits, text: arrowText(element, edits), facts: [], imports: edits.imports };
}

/** `auth` or `auth(token)` */
function declared(project: AnalysisProject, element: Node, isUnary: boolean): Listed | string {
  const name = Node.isCallExpression(element) ? element.getExpression() : element;
  const declaration = Node.isIdentifier(name) ? project.declarationOf(name) : undefined;
  if (!declaration || !project.isSelected(declaration.getSourceFile().getFilePath()))
    return `the interceptor ${element.getText()}, which is not known`;
  if (!isUsedOnce(project, declaration, name)) return `the interceptor ${element.getText()}, which other code uses too`;
  const kind = { isMade: name !== element, type: "ServerInterceptor" };
  const found = declaredInterceptor(project, declaration, kind, (each) =>
    serverInterceptorEdits(project, each, isUnary),
  );
  if (typeof found === "string") return found;
  return { edits: found.written, text: null, facts: found.places.map(factOf), imports: [] };
}

/** Is the list the only one that uses it? Exports and imports are none. */
function isUsedOnce(project: AnalysisProject, declaration: Node, use: Node): boolean {
  const name = (declaration as FunctionDeclaration).getNameNode();
  if (!name) return false;
  return project.referencesTo(name).every((reference) => {
    if (reference === name || reference === use) return true;
    const parent = reference.getParent();
    if (!parent) return false;
    if (Node.isImportSpecifier(parent) || Node.isExportSpecifier(parent) || Node.isImportClause(parent)) return true;
    if (Node.isBindingElement(parent) || Node.isExportAssignment(parent)) return true;
    if (Node.isVariableDeclaration(parent) && parent.getNameNode() === reference)
      return /^require\([^()]*\)$/.test(parent.getInitializer()?.getText() ?? "");
    if (/^(module\.)?exports/.test(parent.getParent()?.getParent()?.getText() ?? "")) return true;
    return Node.isBinaryExpression(parent) && /^(module\.)?exports(\.\w+)?$/.test(parent.getLeft().getText());
  });
}

/**
 * grpc-js takes all interceptors through one step of a call before the next step, and the answer back through them likewise; Connect's
 * do all their steps before the next interceptor is asked, which is the same where what they do does not interleave. `start` alone
 * runs from the handler to the wire.
 */
function keepsOrder(all: readonly ServerInterceptorEdits[]): boolean {
  return all.every((outer, i) =>
    all.slice(i + 1).every((inner) => {
      if ((outer.acts[1] && inner.acts[1]) || (outer.acts[6] && inner.waits)) return false;
      const [last, first] = [outer.acts.slice(0, 4).lastIndexOf(true), inner.acts.slice(0, 4).indexOf(true)];
      const [innerLast, outerFirst] = [inner.acts.lastIndexOf(true), outer.acts.indexOf(true, 4)];
      return (first < 0 || last <= first) && (outerFirst < 0 || innerLast <= outerFirst);
    }),
  );
}

/** Does code of the project send response headers, apart from interceptors? */
function sendsHeaders(project: AnalysisProject): boolean {
  return project
    .identifiersNamed("sendMetadata")
    .some((each) => Node.isPropertyAccessExpression(each.getParent()) || Node.isBindingElement(each.getParent()));
}
