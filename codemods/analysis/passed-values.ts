import { type CallExpression, Node, type ParameterDeclaration, type SourceFile } from "ts-morph";
import { functionAround, outermost } from "./around-values.js";
import { isExportedProperty, isExportTarget, isWholeExport } from "./exports.js";
import type { Origin } from "./origin.js";

export interface PassedValuesInput {
  originOf(node: Node): Origin;
  referencesTo(identifier: Node): Node[];
  namesOfExport(value: Node, name: string): readonly Node[];
  writesTo(declaration: Node): readonly (Node | null)[];
  /** Are the exports of a file given to code that cannot be followed? */
  isHandedOn(file: SourceFile): boolean;
}

/** What each call of a function passes for a parameter, undefined for nothing; or undefined, if not all calls are known. */
export function valuesPassed(input: PassedValuesInput, node: ParameterDeclaration): (Node | undefined)[] | undefined {
  const owner = node.getParent();
  // `[method: string]: …` has one that nobody passes.
  if (!("getParameters" in owner) || node.isRestParameter() || input.writesTo(node).length > 0) return undefined;
  const index = (owner.getParameters() as Node[]).indexOf(node);
  const calls = callsOf(input, owner);
  if (!calls || calls.some((call) => call.getArguments().some((each) => Node.isSpreadElement(each)))) return undefined;
  return calls.map((call) => call.getArguments()[index] ?? node.getInitializer());
}

interface Call {
  getArguments(): Node[];
}

/** All calls of a function, or undefined. */
function callsOf(input: PassedValuesInput, owner: Node): Call[] | undefined {
  const outside = callsFromOutside(input, owner);
  // `const save = function again(thing) { … again(thing.child) … }`: its own name is known only inside of it.
  const own = Node.isFunctionExpression(owner) ? owner.getNameNode() : undefined;
  const inside = own && callsByName(input, own, false);
  return own ? joined([outside, inside])?.filter((call, index, all) => all.indexOf(call) === index) : outside;
}

function callsFromOutside(input: PassedValuesInput, owner: Node): Call[] | undefined {
  const holder = owner.getParent();
  let name: Node | undefined;
  if (Node.isFunctionDeclaration(owner) || Node.isMethodDeclaration(owner)) name = owner.getNameNode();
  else if (Node.isVariableDeclaration(holder) && holder.getInitializer() === owner) name = holder.getNameNode();
  else if (Node.isConstructorDeclaration(owner))
    name = Node.isClassDeclaration(holder) || Node.isClassExpression(holder) ? holder.getNameNode() : undefined;
  if (name) return callsByName(input, name, Node.isConstructorDeclaration(owner));
  const exported = exportedAs(holder, owner);
  if (exported !== undefined) {
    const value = Node.isPropertyAssignment(holder) ? holder : owner;
    const names = input.isHandedOn(owner.getSourceFile()) ? [] : input.namesOfExport(value, exported);
    return names.length > 0 ? callsByNames(input, names, owner, false) : undefined;
  }
  // A function that another one gives: `check(schema)(handler)`, `const auth = check(schema)`.
  const maker = makerOf(owner);
  return maker && joined(callsOf(input, maker)?.map((call) => callsOfResult(input, call as CallExpression)));
}

/** The name of an export that is all the name that a function has: `exports.auth = (handler) => …`, `export default (handler) => …`. */
function exportedAs(holder: Node | undefined, owner: Node): string | undefined {
  if (Node.isExportAssignment(holder)) return "default";
  if (Node.isPropertyAssignment(holder)) return isExportedProperty(holder) ? holder.getName() : undefined;
  if (!Node.isBinaryExpression(holder) || holder.getRight() !== owner) return undefined;
  const target = holder.getLeft();
  if (!isExportTarget(target.getText())) return undefined;
  return Node.isPropertyAccessExpression(target) && !isWholeExport(target.getText()) ? target.getName() : "default";
}

function callsByName(input: PassedValuesInput, name: Node, isConstructor: boolean): Call[] | undefined {
  return callsByNames(input, input.referencesTo(name), name, isConstructor);
}

function callsByNames(
  input: PassedValuesInput,
  references: readonly Node[],
  name: Node,
  isConstructor: boolean,
): Call[] | undefined {
  const { originOf } = input;
  const calls: Call[] = [];
  for (const reference of references) {
    const isMember = isConstructor && isStaticMember(originOf, reference);
    const use = isMember || reference === name ? "alias" : useOf(reference);
    if (use === undefined) return undefined;
    if (use === "alias" && isExported(reference) && input.isHandedOn(reference.getSourceFile())) return undefined;
    if (use === "alias") continue;
    calls.push(use);
  }
  return calls;
}

/** The function that returns a function. */
function makerOf(fn: Node): Node | undefined {
  if (!Node.isArrowFunction(fn) && !Node.isFunctionExpression(fn)) return undefined;
  const node = outermost(fn, Node.isParenthesizedExpression);
  const parent = node.getParent();
  if (Node.isArrowFunction(parent) && parent.getBody() === node) return parent;
  return Node.isReturnStatement(parent) ? functionAround(parent) : undefined;
}

/** All calls of what a call gives, if that is called there, or named for nothing else. */
function callsOfResult(input: PassedValuesInput, made: CallExpression): Call[] | undefined {
  const parent = made.getParent();
  if (Node.isCallExpression(parent) && parent.getExpression() === made) return [parent];
  if (!Node.isVariableDeclaration(parent) || input.writesTo(parent).length > 0) return undefined;
  const name = parent.getNameNode();
  return Node.isIdentifier(name) ? callsByName(input, name, false) : undefined;
}

function joined(lists: readonly (Call[] | undefined)[] | undefined): Call[] | undefined {
  const all: Call[] = [];
  for (const list of lists ?? [undefined]) {
    if (!list) return undefined;
    all.push(...list);
  }
  return all;
}

/** `X.member`, and `x instanceof X`: an instance is made of a class there only if the class makes one of itself. */
function isStaticMember(originOf: PassedValuesInput["originOf"], reference: Node): boolean {
  const parent = reference.getParent();
  if (!parent) return false;
  if (Node.isBinaryExpression(parent))
    return parent.getRight() === reference && parent.getOperatorToken().getText() === "instanceof";
  if (!Node.isPropertyAccessExpression(parent) || parent.getExpression() !== reference) return false;
  const origin = originOf(reference);
  return origin.kind === "class" && !/\bnew\s+this\b/.test(origin.node.getText()) && parent.getName() !== "prototype";
}

/** Does a name, or the declaration that it is of, offer a thing to other files as a member of what they get? */
function isExported(name: Node): boolean {
  const holder = name.getParent();
  if (!holder) return false;
  if (Node.isFunctionDeclaration(holder) || Node.isClassDeclaration(holder)) return holder.isExported();
  if (Node.isVariableDeclaration(holder)) return holder.isExported();
  if (Node.isBinaryExpression(holder)) return !isWholeExport(holder.getLeft().getText());
  return !Node.isBindingElement(holder) && !Node.isImportSpecifier(holder) && !Node.isImportClause(holder);
}

/** How a name is used: as the callee of a call, as a mere alias (import, export, declaration), or otherwise. */
function useOf(reference: Node): "alias" | { getArguments(): Node[] } | undefined {
  let node = reference;
  let parent = node.getParent();
  while (parent && Node.isPropertyAccessExpression(parent) && parent.getNameNode() === node) {
    node = parent;
    parent = node.getParent();
  }
  if (!parent) return undefined;
  if ((Node.isCallExpression(parent) || Node.isNewExpression(parent)) && parent.getExpression() === node) return parent;
  if (
    Node.isImportSpecifier(parent) ||
    Node.isExportSpecifier(parent) ||
    Node.isImportClause(parent) ||
    Node.isFunctionDeclaration(parent) ||
    Node.isFunctionExpression(parent) ||
    Node.isClassDeclaration(parent) ||
    Node.isClassExpression(parent) ||
    Node.isExportAssignment(parent) ||
    Node.isTypeReference(parent) ||
    Node.isTypeQuery(parent)
  )
    return "alias";
  if (Node.isVariableDeclaration(parent) && parent.getNameNode() === node) return "alias";
  if (Node.isBindingElement(parent)) return "alias";
  if (Node.isBinaryExpression(parent) && isExportTarget(parent.getLeft().getText())) return "alias";
  if (Node.isShorthandPropertyAssignment(parent) || Node.isPropertyAssignment(parent)) {
    const object = parent.getParent();
    const holder = object?.getParent();
    if (holder && Node.isBinaryExpression(holder) && isExportTarget(holder.getLeft().getText())) return "alias";
    if (holder && Node.isExportAssignment(holder)) return "alias";
  }
  return undefined;
}
