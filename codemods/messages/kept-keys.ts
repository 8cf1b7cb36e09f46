import { Node, SyntaxKind } from "ts-morph";
import type { AnalysisProject } from "../analysis/project.js";
import {
  conditionOf,
  conjuncts,
  disjuncts,
  isAssignmentTarget,
  isFunctionNode,
  leavesAlways,
  unwrapped,
} from "./message-syntax.js";

/** `byId.get(id)`, `byId[id]`: where something is looked up. */
interface Lookup {
  readonly store: string;
  readonly key: string;
  readonly node: Node;
}

/** Calls that look up, make or print something, and take nothing out of a store. */
const HARMLESS =
  /^((console|JSON|Math|Date|Buffer)\.\w+|Object\.(keys|values|entries)|String|Number|Boolean|Date|BigInt|Error|parseInt|parseFloat)$/;
const READERS =
  /\.(get|has|find|findIndex|filter|map|some|every|includes|slice|trim|toLowerCase|toUpperCase|toString)$/;

/**
 * Has what is looked up in a store just been put there, or has a test found that it is there: `byId.set(id, item); return
 * byId.get(id);`, `if (!byId.has(id)) throw …; return byId.get(id);`?
 */
export function isKeptThere(project: AnalysisProject, use: Node): boolean {
  const lookup = lookupOf(use);
  if (!lookup || (lookup.key !== lastOf(lookup.store) && !isSteady(project, lookup.node))) return false;
  const index = indexIn(project, lookup);
  let isTested = false;
  for (let inner: Node = use, outer = use.getParent(); outer; inner = outer, outer = outer.getParent()) {
    if (isFunctionNode(outer) || Node.isIterationStatement(outer) || Node.isCatchClause(outer)) return false;
    const condition = conditionOf(inner);
    if (condition && conjuncts(condition).some((one) => finds(one, lookup)))
      return isUndisturbed(condition, lookup) && isUndisturbed(inner, lookup, use);
    if (condition && index && conjuncts(condition).some((one) => isIndex(one, lookup))) isTested = true;
    if (!Node.isBlock(outer)) {
      if (Node.isCaseClause(outer) || Node.isDefaultClause(outer) || Node.isSourceFile(outer)) return false;
      continue;
    }
    if (!isUndisturbed(inner, lookup, use)) return false;
    const statements: Node[] = outer.getStatements();
    for (const before of statements.slice(0, statements.indexOf(inner)).reverse()) {
      if (puts(before, lookup) || leavesWithout(before, lookup, findsNot)) return true;
      if (before === index) return isTested;
      if (index && leavesWithout(before, lookup, isNoIndex)) isTested = true;
      if (!isUndisturbed(before, lookup)) return false;
    }
  }
  return false;
}

function lookupOf(use: Node): Lookup | undefined {
  if (Node.isElementAccessExpression(use)) {
    const node = use.getArgumentExpression();
    return node && { store: use.getExpression().getText(), key: node.getText(), node };
  }
  const callee = Node.isCallExpression(use) ? use.getExpression() : undefined;
  if (!Node.isCallExpression(use) || !Node.isPropertyAccessExpression(callee) || callee.getName() !== "get")
    return undefined;
  const [node, more] = use.getArguments();
  return node && !more ? { store: callee.getExpression().getText(), key: node.getText(), node } : undefined;
}

function lastOf(store: string): string {
  return `${store}.length - 1`;
}

/** A key that is the same wherever it stands in a function. */
function isSteady(project: AnalysisProject, key: Node): boolean {
  const node = unwrapped(key);
  if (Node.isStringLiteral(node) || Node.isNumericLiteral(node)) return true;
  if (Node.isIdentifier(node)) return !project.referencesTo(node).some(isAssignmentTarget);
  if (!Node.isPropertyAccessExpression(node) || node.hasQuestionDotToken()) return false;
  const owner = node.getFirstAncestor(isFunctionNode);
  const isWritten = owner
    ?.getDescendantsOfKind(SyntaxKind.PropertyAccessExpression)
    .some((one) => one.getName() === node.getName() && isAssignmentTarget(one));
  return isWritten === false && isSteady(project, node.getExpression());
}

/** `byId.set(id, item);`, `byId[id] = item;`, `items.push(item);` before `items[items.length - 1]`. */
function puts(statement: Node, { store, key }: Lookup): boolean {
  const made = Node.isExpressionStatement(statement) ? statement.getExpression() : undefined;
  if (Node.isBinaryExpression(made) && made.getOperatorToken().getText() === "=")
    return made.getLeft().getText() === `${store}[${key}]`;
  if (!Node.isCallExpression(made)) return false;
  if (key === lastOf(store)) return made.getExpression().getText() === `${store}.push`;
  if (made.getExpression().getText() !== `${store}.set`) return false;
  return made.getArguments()[0]?.getText() === key && made.getArguments().length === 2;
}

/** `if (!byId.has(id)) throw …;` */
function leavesWithout(statement: Node, lookup: Lookup, misses: typeof finds): boolean {
  if (!Node.isIfStatement(statement) || !leavesAlways(statement.getThenStatement())) return false;
  const otherwise = statement.getElseStatement();
  if (!isUndisturbed(statement.getExpression(), lookup) || (otherwise && !isUndisturbed(otherwise, lookup)))
    return false;
  return disjuncts(statement.getExpression()).some((one) => misses(one, lookup));
}

function finds(test: Node, { store, key }: Lookup): boolean {
  const found = [`${store}.has(${key})`, `${store}.get(${key})`, `${store}[${key}]`, `${key} in ${store}`];
  return [...found, `${store}.hasOwnProperty(${key})`, `Object.hasOwn(${store}, ${key})`].includes(test.getText());
}

function findsNot(test: Node, lookup: Lookup): boolean {
  const isNot = Node.isPrefixUnaryExpression(test) && test.getText().startsWith("!");
  return isNot && finds(unwrapped(test.getOperand()), lookup);
}

/** `const index = items.findIndex(…);`, of which the element is looked up. */
function indexIn(project: AnalysisProject, { store, node }: Lookup): Node | undefined {
  const declaration = Node.isIdentifier(node) ? project.declarationOf(node) : undefined;
  const made = Node.isVariableDeclaration(declaration) ? declaration.getInitializer() : undefined;
  const isSearched = Node.isCallExpression(made) && made.getExpression().getText() === `${store}.findIndex`;
  return isSearched && Node.isVariableDeclaration(declaration) ? declaration.getVariableStatement() : undefined;
}

function isIndex(test: Node, { key }: Lookup): boolean {
  return [`${key} !== -1`, `${key} != -1`, `${key} > -1`, `${key} >= 0`].includes(test.getText());
}

function isNoIndex(test: Node, { key }: Lookup): boolean {
  return [`${key} === -1`, `${key} == -1`, `${key} < 0`, `${key} <= -1`].includes(test.getText());
}

/** Does nothing that runs, before a use in it, take anything out of a store, or wait while others do? */
function isUndisturbed(running: Node, { store }: Lookup, use?: Node): boolean {
  return running.getDescendants().every((node) => {
    if (use && node.getEnd() > use.getStart()) return true;
    if (Node.isAwaitExpression(node) || Node.isYieldExpression(node) || Node.isDeleteExpression(node)) return false;
    if (isAssignmentTarget(node) && [node, ...partOf(node)].some((one) => one.getText() === store)) return false;
    if (!Node.isCallExpression(node) && !Node.isNewExpression(node)) return true;
    const callee = node.getExpression().getText();
    if (HARMLESS.test(callee)) return true;
    const isReader = Node.isCallExpression(node) && READERS.test(callee);
    return isReader && node.getArguments().every((one) => !isFunction(one) || isFunctionNode(one));
  });
}

/** `items` of `items.length`. */
function partOf(target: Node): Node[] {
  return Node.isPropertyAccessExpression(target) ? [target.getExpression()] : [];
}

function isFunction(node: Node): boolean {
  return node.getType().getCallSignatures().length > 0;
}
