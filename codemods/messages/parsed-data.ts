import { type CallExpression, type ClassDeclaration, Node, type ObjectLiteralExpression, SyntaxKind } from "ts-morph";
import {
  isAbsent,
  isAssignmentTarget,
  isCallback,
  isFunctionNode,
  isGenerator,
  parametersOf,
  resultsOf,
  unwrapped,
} from "./message-syntax.js";
import type { Proving } from "./proof.js";

/** Methods of a list or a Map that give one of its elements, or a list of them; and those that call a function with each. */
const ONE_OF = /^(find|findLast|at|pop|shift|get)$/;
const SOME_OF = /^(filter|slice|sort|reverse|toSorted|toReversed|splice|flat|concat|values)$/;
const EACH_OF = /^(map|forEach|filter|find|findLast|some|every|flatMap|findIndex|sort|toSorted)$/;

/**
 * Is an expression parsed JSON, or a part of it, as far as can be seen, or an object that goes among it: `all.find(…)` of
 * `const all = JSON.parse(…)`, and `note` of `all.push(note)`? Nothing in there is a message: what is read of one is put in as it
 * was in old code.
 */
export function isParsedData(p: Proving, given: Node): boolean {
  return dataIn(p, given, new Map()) === "data";
}

/** `seed`: an object, a list or nothing that is written out, which may stand beside data. */
type Found = "data" | "seed" | "other";

function dataIn(p: Proving, given: Node, asked: Map<Node, Found>): Found {
  const node = unwrapped(given);
  const before = asked.get(node);
  if (before) return before;
  if (p.kinds.has(node)) return "other";
  asked.set(node, "seed"); // in a circle it is what all others are
  const found = look(p, node, (other) => (other ? dataIn(p, other, asked) : "other"));
  asked.set(node, found);
  return found;
}

type Ask = (other: Node | undefined) => Found;

function look(p: Proving, node: Node, of: Ask): Found {
  if (isAbsent(node)) return "seed";
  if (Node.isAwaitExpression(node)) return of(node.getExpression());
  if (Node.isConditionalExpression(node)) return merged([of(node.getWhenTrue()), of(node.getWhenFalse())]);
  if (Node.isBinaryExpression(node) && /^(\|\||\?\?)$/.test(node.getOperatorToken().getText()))
    return merged([of(node.getLeft()), of(node.getRight())]);
  if (Node.isObjectLiteralExpression(node)) return literal(node, of);
  if (Node.isArrayLiteralExpression(node))
    return merged(node.getElements().map((one) => of(Node.isSpreadElement(one) ? one.getExpression() : one)));
  if (Node.isNewExpression(node) && /^(Map|Set)$/.test(node.getExpression().getText())) {
    const [content] = node.getArguments();
    return content ? of(content) : "seed";
  }
  if (Node.isCallExpression(node)) return called(p, node, of);
  if (Node.isElementAccessExpression(node)) return partOf(of(node.getExpression()));
  if (Node.isPropertyAccessExpression(node)) {
    const written = valuesOfField(p, node);
    if (!written) return partOf(of(node.getExpression()));
    const found = merged(written.map(of));
    return found === "seed" && accessesOf(p, node.getName()).some((one) => getsData(one, of)) ? "data" : found;
  }
  return Node.isIdentifier(node) ? named(p, node, of) : "other";
}

/** Of data, not of an object that is written out somewhere. */
function partOf(found: Found): Found {
  return found === "data" ? "data" : "other";
}

/** What only gives its fields may be anything. */
function orSeed(found: Found): Found {
  return found === "other" ? "seed" : found;
}

function merged(found: readonly Found[]): Found {
  if (found.includes("other")) return "other";
  return found.includes("data") ? "data" : "seed";
}

/** `{ ...note, done: true }` of data. */
function literal(object: ObjectLiteralExpression, of: Ask): Found {
  const spread = object
    .getProperties()
    .flatMap((one) => (Node.isSpreadAssignment(one) ? [of(one.getExpression())] : []));
  return spread.includes("data") ? "data" : "seed";
}

function called(p: Proving, call: CallExpression, of: Ask): Found {
  const callee = call.getExpression();
  const text = callee.getText();
  const [first] = call.getArguments();
  if (text === "JSON.parse") return "data";
  if (text === "require")
    return Node.isStringLiteral(first) && first.getLiteralText().endsWith(".json") ? "data" : "other";
  if (/^(Object\.values|structuredClone|Array\.from)$/.test(text))
    return call.getArguments().length === 1 ? of(first) : "other";
  if (text === "Object.assign")
    return first && of(first) !== "other" ? merged(call.getArguments().map((one) => orSeed(of(one)))) : "other";
  const origin = p.project.originOf(callee);
  if (origin.kind === "function") {
    if (!isFunctionNode(origin.node) || isGenerator(origin.node) || p.handlers.has(origin.node)) return "other";
    const results = resultsOf(origin.node);
    return results.length === 0 ? "other" : merged(results.map(of));
  }
  if (!Node.isPropertyAccessExpression(callee)) return "other";
  const list = of(callee.getExpression());
  if (SOME_OF.test(callee.getName())) return list;
  if (list !== "data") return "other";
  if (ONE_OF.test(callee.getName())) return "data";
  const results = callee.getName() === "map" && first && isFunctionNode(first) ? resultsOf(first) : [];
  return results.length > 0 && merged(results.map(of)) === "data" ? "data" : "other";
}

function named(p: Proving, name: Node, of: Ask): Found {
  const declaration = p.project.declarationOf(name);
  if (Node.isImportClause(declaration) || Node.isNamespaceImport(declaration)) {
    const statement = declaration.getFirstAncestorByKind(SyntaxKind.ImportDeclaration);
    return statement?.getModuleSpecifierValue().endsWith(".json") ? "data" : "other";
  }
  if (Node.isParameterDeclaration(declaration)) {
    const passed = parameter(p, declaration, of);
    const uses = passed === "data" ? [] : p.project.referencesTo(declaration.getNameNode());
    return uses.some((use) => isPutAmong(p, use, of)) ? "data" : passed;
  }
  if (!Node.isVariableDeclaration(declaration) || !Node.isIdentifier(declaration.getNameNode())) return "other";
  const loop = declaration.getParent().getParent();
  if (Node.isForOfStatement(loop)) return isRewritten(p, declaration) ? "other" : partOf(of(loop.getExpression()));
  const initializer = declaration.getInitializer();
  const values = initializer ? [initializer] : [];
  for (const use of p.project.referencesTo(declaration.getNameNode())) {
    const change = use.getParent();
    if (!isAssignmentTarget(use)) continue;
    if (!Node.isBinaryExpression(change) || change.getOperatorToken().getText() !== "=") return "other";
    values.push(change.getRight());
  }
  const found = values.length === 0 ? "other" : merged(values.map(of));
  if (found !== "seed") return found;
  const uses = p.project.referencesTo(declaration.getNameNode());
  return uses.some((use) => getsData(use, of) || isPutAmong(p, use, of)) ? "data" : "seed";
}

function parameter(p: Proving, declaration: Node, of: Ask): Found {
  const owner = declaration.getParent();
  if (!Node.isParameterDeclaration(declaration) || !owner || !isFunctionNode(owner)) return "other";
  const isPlain = Node.isIdentifier(declaration.getNameNode()) && !declaration.getInitializer();
  if (!isPlain || declaration.isRestParameter() || isRewritten(p, declaration)) return "other";
  const call = owner.getParent();
  if (!isCallback(owner) || !Node.isCallExpression(call)) {
    const values = p.project.valuesPassed(declaration);
    return values && values.length > 0 ? merged(values.map(of)) : "other";
  }
  const callee = call.getExpression();
  const index = parametersOf(owner).indexOf(declaration);
  const isItem =
    Node.isPropertyAccessExpression(callee) &&
    EACH_OF.test(callee.getName()) &&
    (index === 0 || (index === 1 && /sort/i.test(callee.getName())));
  return isItem ? partOf(of(callee.getExpression())) : "other";
}

const PUTS = /^(push|unshift|concat|set|add)$/;

/** `all.push(note)`, `all[id] = note`, `[...all, note]`, where `all` is data. */
function isPutAmong(p: Proving, use: Node, of: Ask): boolean {
  const above = use.getParent();
  if (Node.isCallExpression(above)) {
    const callee = above.getExpression();
    const isAdded = Node.isPropertyAccessExpression(callee) && PUTS.test(callee.getName());
    const origin = p.project.originOf(callee);
    if (origin.kind === "function") {
      const taken = parametersOf(origin.node)[above.getArguments().indexOf(use)]?.getNameNode();
      return Node.isIdentifier(taken) && of(taken) === "data";
    }
    return isAdded && above.getArguments().includes(use) && of(callee.getExpression()) === "data";
  }
  if (Node.isArrayLiteralExpression(above)) return of(above) === "data";
  if (!Node.isBinaryExpression(above) || above.getRight() !== use) return false;
  const target = above.getLeft();
  return Node.isElementAccessExpression(target) && of(target.getExpression()) === "data";
}

/** `all.push(note)`, `all[id] = note`, where `note` is data. */
function getsData(all: Node, of: Ask): boolean {
  const access = all.getParent();
  if (Node.isElementAccessExpression(access) && access.getExpression() === all) {
    const change = access.getParent();
    return isAssignmentTarget(access) && Node.isBinaryExpression(change) && of(change.getRight()) === "data";
  }
  if (!Node.isPropertyAccessExpression(access) || access.getExpression() !== all) return false;
  const call = access.getParent();
  if (!PUTS.test(access.getName()) || !Node.isCallExpression(call) || call.getExpression() !== access) return false;
  return call.getArguments().some((one) => of(Node.isSpreadElement(one) ? one.getExpression() : one) === "data");
}

function isRewritten(p: Proving, declaration: Node): boolean {
  const isNamed = Node.isVariableDeclaration(declaration) || Node.isParameterDeclaration(declaration);
  const name = isNamed ? declaration.getNameNode() : undefined;
  return !name || !Node.isIdentifier(name) || p.project.referencesTo(name).some(isAssignmentTarget);
}

/** What is written into `this.notes`, in its class and elsewhere; undefined where it is no field of a class that can be seen. */
function valuesOfField(p: Proving, access: Node): Node[] | undefined {
  if (!Node.isPropertyAccessExpression(access)) return undefined;
  const origin = p.project.originOf(access.getExpression());
  const owner = origin.kind === "instance" ? (origin.class as ClassDeclaration) : undefined;
  const name = access.getName();
  const property = Node.isClassDeclaration(owner)
    ? owner.getInstanceProperties().find((one) => one.getName() === name)
    : undefined;
  if (!Node.isClassDeclaration(owner) || owner.getExtends()) return undefined;
  const values: Node[] = [];
  const initializer = Node.isPropertyDeclaration(property) ? property.getInitializer() : undefined;
  if (initializer) values.push(initializer);
  for (const access of accessesOf(p, name)) {
    const change = access.getParent();
    if (isAssignmentTarget(access) && Node.isBinaryExpression(change)) values.push(change.getRight());
  }
  return values.length > 0 ? values : undefined;
}

/** All `x.name`, of any object. */
function accessesOf(p: Proving, name: string): Node[] {
  return p.project.identifiersNamed(name).flatMap((one) => {
    const access = one.getParent();
    return Node.isPropertyAccessExpression(access) && access.getNameNode() === one ? [access] : [];
  });
}
