import path from "node:path";
import { type ClassDeclaration, Node, SyntaxKind } from "ts-morph";
import type { HelpedCall, Surroundings } from "../services/handler-draft.js";
import { type HandlerPlan, type HandlerRefusal, planHandler, type Wrapping } from "../services/handler-plan.js";
import { type File, type FunctionNode, isFunction, walk } from "../shared/ast.js";
import { parse } from "../shared/parse.js";
import { type Reason, reason } from "../shared/reasons.js";
import { withAssertions } from "./around-values.js";
import { propertiesIn } from "./call-properties.js";
import { askedIn, readCallsIn, upstreamIn } from "./call-readers.js";
import type { RpcKind, RpcRef } from "./facts.js";
import { fakeCallOf } from "./fake-calls.js";
import { bodyOf } from "./function-bodies.js";
import { classesOf } from "./own-members.js";
import { placeOf, shownPlace } from "./places.js";
import type { AnalysisProject } from "./project.js";
import { helpedIn } from "./reply-helpers.js";
import type { HandlerFact } from "./server-facts.js";

/** What is known of a function that answers an RPC, by itself: whether it can change, and why not. */
export function handlerFact(
  project: AnalysisProject,
  handler: Node,
  /** The name under which it is offered. */
  key: string,
  rpc: RpcRef,
  isClass: boolean,
  /** A use of the handler that goes with it. */
  forward?: Node,
  wrapping: Wrapping | null = null,
): HandlerFact {
  const body = bodyOf(handler) ?? handler;
  const helped = helpedIn(project, body);
  const around = { helped, ...surroundingsOf(project, handler, helped) };
  const plan = planOf(body, rpc.kind, wrapping, around);
  const why = obstacle(project, handler, key, plan, isClass, forward);
  const fact: HandlerFact = {
    kind: "handler",
    ...placeOf(body),
    rpc,
    idiomatic: why === null,
    reason: why,
    messages: "bridge",
    isField: false,
    wrapping,
    ...around,
    isWrapped: false,
  };
  return fact;
}

function obstacle(
  project: AnalysisProject,
  handler: Node,
  key: string,
  plan: HandlerPlan | HandlerRefusal | undefined,
  isClass: boolean,
  forward: Node | undefined,
): Reason | null {
  const file = handler.getSourceFile();
  if (!project.isSelected(file.getFilePath()))
    return reason("neighbour-not-migrated", path.basename(file.getFilePath()));
  const owner = handler.getFirstAncestorByKind(SyntaxKind.ClassDeclaration);
  const elsewhere =
    otherUse(project, handler, isClass, forward) ??
    otherAccess(project, handler, key, forward) ??
    fakeCallOf(project, handler, key, owner);
  if (elsewhere) return reason("handler-used-elsewhere", elsewhere);
  const rejected = namesOf(handler, key).flatMap((name) => project.keptHandler(file.getFilePath(), name) ?? []);
  if (rejected[0] !== undefined) return reason("compiler-rejects", rejected[0]);
  if (!plan) return reason("types-unknown", "the handler's function");
  // A method is called on its object by who gets the object, and an arrow function has its own `this` wherever it is called.
  if (plan.ok && plan.field && !isClass) return reason("no-equivalent", "an arrow function as a generator");
  return plan.ok ? null : plan.reason;
}

function planOf(body: Node, kind: RpcKind, wrapping: Wrapping | null, around: Surroundings) {
  const found = functionIn(body);
  return found && planHandler(found.fn, kind, found.tree, wrapping, around);
}

/** The function with this body, in the tree that rules see. */
export function functionIn(body: Node): { readonly fn: FunctionNode; readonly tree: File } | undefined {
  const file = body.getSourceFile();
  const tree = babelTree(file.getFilePath(), file.getFullText());
  const fn = tree && babelFunction(tree, body.getStart(), body.getEnd());
  return fn && { fn, tree };
}

/** What becomes of a handler's call and callback where the project is asked. */
function surroundingsOf(project: AnalysisProject, handler: Node, helped: readonly HelpedCall[] = []) {
  return {
    properties: propertiesIn(project, handler),
    read: readCallsIn(project, handler, helped),
    asked: askedIn(project, handler),
    upstream: upstreamIn(project, handler),
  };
}

/** The names that a handler has: those under which it is offered, and declared. */
function namesOf(handler: Node, key: string): string[] {
  const declared = bodyOf(handler)?.getParent();
  const own = [handler, declared].flatMap((node) => (node && Node.hasName(node) ? [node.getName()] : []));
  return [key, ...own];
}

/** Does a handler that changes take the context of its call, too? */
export function takesContext(project: AnalysisProject, handler: Node, kind: RpcKind): boolean {
  const body = bodyOf(handler);
  const plan = body && planOf(body, kind, null, surroundingsOf(project, handler));
  return !plan?.ok || plan.contextName !== null;
}

/** The same for uses that have no declaration of their own to refer to: `handlers.get(…)`, `exports.get(…)`. */
function otherAccess(
  project: AnalysisProject,
  handler: Node,
  key: string,
  forward: Node | undefined,
): string | undefined {
  for (const { name, use } of usesNamed(project, key)) {
    if (name === forward) continue;
    const origin = project.originOf(use);
    if (origin.kind === "function" && origin.node === handler) return shownPlace(use);
  }
  return undefined;
}

interface NamedUse {
  readonly name: Node;
  /** The member access that the name ends, or the name itself. */
  readonly use: Node;
}

const namedUses = new WeakMap<AnalysisProject, Map<string, readonly NamedUse[]>>();

/** Where something of this name is called, asked for a member or passed: one list for all handlers of the name. */
function usesNamed(project: AnalysisProject, key: string): readonly NamedUse[] {
  const known = namedUses.get(project) ?? new Map<string, readonly NamedUse[]>();
  namedUses.set(project, known);
  let uses = known.get(key);
  if (!uses) {
    uses = project.identifiersNamed(key).flatMap((name) => {
      const holder = name.getParentOrThrow();
      const isMember = Node.isPropertyAccessExpression(holder) && holder.getNameNode() === name;
      const use = isMember ? holder : name;
      const value = withAssertions(use);
      const parent = value.getParentOrThrow();
      const isUsed =
        (Node.isCallExpression(parent) && parent.getArguments().includes(value)) ||
        ((Node.isCallExpression(parent) || Node.isPropertyAccessExpression(parent)) &&
          parent.getExpression() === value);
      return isUsed && !isSelfBinding(use) ? [{ name, use }] : [];
    });
    known.set(key, uses);
  }
  return uses;
}

/** A place that uses a handler for something else than to register it. */
function otherUse(
  project: AnalysisProject,
  handler: Node,
  isClass: boolean,
  forward: Node | undefined,
): string | undefined {
  const holder = handler.getParent();
  const name = Node.isFunctionDeclaration(handler)
    ? handler.getNameNode()
    : holder && Node.isVariableDeclaration(holder)
      ? holder.getNameNode()
      : undefined;
  if (name) {
    for (const reference of project.referencesTo(name)) {
      if (!reference.getParent() || reference === name || reference === forward) continue;
      if (!isName(reference)) return shownPlace(reference);
    }
  }
  const key = "getName" in handler ? (handler as { getName(): string | undefined }).getName() : undefined;
  if (isClass && key !== undefined) {
    const owner = handler.getFirstAncestorByKind(SyntaxKind.ClassDeclaration);
    for (const named of project.identifiersNamed(key)) {
      const access = named.getParentOrThrow();
      if (!Node.isPropertyAccessExpression(access) || access.getNameNode() !== named || isSelfBinding(access)) continue;
      const origin = project.originOf(access.getExpression());
      // A method that a subclass has in its place is called by the same name.
      const other = origin.kind === "instance" ? origin.class : undefined;
      if (owner && other && areRelated(project, owner, other)) return shownPlace(access);
    }
  }
  return undefined;
}

/** Is one of two classes the other, or extends it? Then a method of the one may be called by the name of the other's. */
function areRelated(project: AnalysisProject, owner: ClassDeclaration, other: Node): boolean {
  return (
    classesOf(project, owner).classes.includes(other as ClassDeclaration) ||
    (Node.isClassDeclaration(other) && classesOf(project, other).classes.includes(owner))
  );
}

/** The tree that rules see. Undefined for a file that does not parse. */
function babelTree(file: string, text: string): File | undefined {
  try {
    return parse(text, file);
  } catch {
    return undefined;
  }
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

/** Is a name there to hand its value on as it is: in an object, an import or an export? */
export function isName(reference: Node): boolean {
  const parent = reference.getParentOrThrow();
  return (
    Node.isShorthandPropertyAssignment(parent) ||
    (Node.isPropertyAssignment(parent) && parent.getInitializer() === reference) ||
    Node.isImportSpecifier(parent) ||
    Node.isExportSpecifier(parent) ||
    Node.isBindingElement(parent) ||
    (Node.isBinaryExpression(parent) &&
      parent.getRight() === reference &&
      /exports/.test(parent.getLeft().getText())) ||
    (Node.isPropertyAccessExpression(parent) && Node.isPropertyAssignment(parent.getParent()))
  );
}

/** `this.get = this.get.bind(this)`: both members of it are the handler itself. */
function isSelfBinding(access: Node): boolean {
  const assignment = access.getFirstAncestorByKind(SyntaxKind.BinaryExpression);
  return assignment !== undefined && selfBound(assignment) !== undefined;
}

/** The `get` of `this.get = this.get.bind(this)`. */
export function selfBound(assignment: Node): string | undefined {
  return /^this\.(\w+)\s*=\s*this\.\1\.bind\(this\)$/.exec(assignment.getText())?.[1];
}
