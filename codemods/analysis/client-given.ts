import { isBuiltin } from "node:module";
import { type CallExpression, type NewExpression, Node, type ParameterDeclaration } from "ts-morph";
import { outermost, passesOn, peeled } from "./around-values.js";
import { localDeclaration } from "./assignments.js";
import { parameterOf } from "./client-parameters.js";
import { isExportTarget } from "./exports.js";
import { isNewPromise, isOfLanguage, isTypeScript } from "./language.js";
import type { AnalysisProject } from "./project.js";

/**
 * Where an object that holds a client, or the exports of its file, are given to code that is not of this project: `keep({ client })`.
 * It may call the client by what it finds there, in the way of grpc-js. An instance of a class of the project is taken to be for the
 * project's own code, and so is what a function gives: nobody else knows the names of their members.
 */
export function givenPlace(project: AnalysisProject, property: Node): Node | undefined {
  const seen = new Set<Node>();
  // `held.client = client`: what is done with `held`.
  const object = Node.isPropertyAccessExpression(property) ? property.getExpression() : undefined;
  return object ? ofHolder(object) : given(property);

  function given(node: Node): Node | undefined {
    if (seen.has(node)) return undefined;
    seen.add(node);
    const parent = node.getParent();
    if (!parent) return undefined;
    if (isPartOf(parent, node)) return given(parent);
    if (Node.isCallExpression(parent) || Node.isNewExpression(parent)) return atCall(parent, node);
    if (Node.isPropertyAccessExpression(parent) && parent.getExpression() === node) {
      // `[client].concat(more)`, `{ client }.client`
      const call = parent.getParent();
      const isCopied = Node.isCallExpression(call) && /^(concat|slice|filter|reverse|sort)$/.test(parent.getName());
      return isCopied && call.getExpression() === parent ? given(call) : undefined;
    }
    if (Node.isVariableDeclaration(parent) && parent.getInitializer() === node) return ofName(parent);
    if (Node.isBinaryExpression(parent) && parent.getRight() === node) return atAssignment(parent.getLeft(), parent);
    return Node.isExportAssignment(parent) && project.isHandedOn(parent.getSourceFile(), "values") ? parent : undefined;
  }

  function atCall(call: CallExpression | NewExpression, node: Node): Node | undefined {
    const callee = call.getExpression();
    if (callee === node) return undefined;
    const index = call.getArguments().indexOf(node);
    const taker = parameterOf(project, call, index);
    if (Node.isParameterDeclaration(taker)) return taker.isRestParameter() ? undefined : ofName(taker);
    if (/^Object\.(freeze|seal|assign|defineProperty|defineProperties|fromEntries|create)$/.test(callee.getText())) {
      const [target] = call.getArguments();
      return given(call) ?? (target && target !== node ? ofHolder(target) : undefined);
    }
    if (Node.isNewExpression(call) && /^(Map|Set|Array)$/.test(callee.getText())) return given(call);
    return isOwn(callee) || isTypedHere(property) ? undefined : call;
  }

  function ofHolder(name: Node): Node | undefined {
    const declaration = Node.isIdentifier(name) ? localDeclaration(name) : undefined;
    const isNamed = Node.isVariableDeclaration(declaration) || Node.isParameterDeclaration(declaration);
    return isNamed ? ofName(declaration) : undefined;
  }

  /** What is done with a variable or a parameter that holds the object. */
  function ofName(declaration: Node & { getNameNode(): Node }): Node | undefined {
    const name = declaration.getNameNode();
    if (!Node.isIdentifier(name)) return undefined;
    return first(project.referencesTo(name).filter((each) => each !== name));
  }

  function atAssignment(left: Node, whole: Node): Node | undefined {
    if (isExportTarget(left.getText())) return project.isHandedOn(left.getSourceFile(), "values") ? whole : undefined;
    if (Node.isIdentifier(left)) return ofHolder(left);
    const object = Node.isPropertyAccessExpression(left) ? left.getExpression() : undefined;
    if (!object || Node.isThisExpression(object)) return undefined;
    return isOwn(object) || isTypedHere(property) ? undefined : whole;
  }

  function first(nodes: readonly Node[]): Node | undefined {
    for (const node of nodes) {
      const found = given(node);
      if (found) return found;
    }
    return undefined;
  }

  /** Is what is called, or what gets a member, of this project, of the language or of Node? */
  function isOwn(callee: Node): boolean {
    const root = rootOf(callee);
    const origin = project.originOf(root);
    if (origin.kind === "external") return isBuiltin(origin.module);
    if (origin.kind !== "unknown") return true;
    if (!Node.isIdentifier(root)) return !Node.isSuperExpression(root);
    const member = Node.isPropertyAccessExpression(callee) ? callee.getNameNode() : undefined;
    if (member && isOfLanguage(member)) return true;
    const declaration = localDeclaration(root);
    if (!declaration) return true;
    if (Node.isParameterDeclaration(declaration))
      return isSettler(declaration) || (member !== undefined && /^(push|unshift|set|add)$/.test(member.getText()));
    const initializer = Node.isVariableDeclaration(declaration) ? declaration.getInitializer() : undefined;
    return initializer !== undefined && isOwn(initializer);
  }
}

/** `resolve` of `new Promise((resolve) => …)` */
function isSettler(parameter: ParameterDeclaration): boolean {
  return isNewPromise(parameter.getParent().getParent());
}

/** Does the taker say, by a type of this project, that it wants such a client? No package calls what it has no type of. */
function isTypedHere(property: Node): boolean {
  if (!isTypeScript(property)) return false;
  const value = Node.isPropertyAssignment(property) ? property.getInitializer() : property;
  const expression = Node.isShorthandPropertyAssignment(value) ? value.getNameNode() : value;
  if (!Node.isExpression(expression)) return false;
  const declarations = expression.getContextualType()?.getSymbol()?.getDeclarations() ?? [];
  return (
    declarations.length > 0 &&
    declarations.every((each) => !/\/node_modules\//.test(each.getSourceFile().getFilePath()))
  );
}

/** The base class that a package has for a class: it may know the fields that are not private to the class. */
export function baseOfPackage(project: AnalysisProject, owner: Node): Node | undefined {
  if (!Node.isClassDeclaration(owner) && !Node.isClassExpression(owner)) return undefined;
  const base = owner.getExtends()?.getExpression();
  const origin = base && project.originOf(base);
  if (!base || !origin) return undefined;
  if (origin.kind === "class") return baseOfPackage(project, origin.node);
  const isForeign = origin.kind === "external" ? !isBuiltin(origin.module) : origin.kind === "unknown";
  return isForeign && !isOfLanguage(base) ? base : undefined;
}

/** The literal around a property, with the literals around that. */
export function wholeLiteral(property: Node): Node {
  return outermost(property, isPartOf);
}

/** Is a value one of what stands around it, or all of it? */
function isPartOf(parent: Node, node: Node): boolean {
  if (passesOn(parent, node)) return true;
  if (Node.isPropertyAssignment(parent)) return parent.getInitializer() === node;
  return (
    Node.isObjectLiteralExpression(parent) ||
    Node.isArrayLiteralExpression(parent) ||
    Node.isShorthandPropertyAssignment(parent) ||
    Node.isSpreadAssignment(parent) ||
    Node.isSpreadElement(parent)
  );
}

/** `app` of `app.get(…).use`, of `new App(…)` and of `await app()` */
function rootOf(node: Node): Node {
  const inner = peeled(node);
  if (
    Node.isPropertyAccessExpression(inner) ||
    Node.isElementAccessExpression(inner) ||
    Node.isCallExpression(inner) ||
    Node.isNewExpression(inner) ||
    Node.isAwaitExpression(inner)
  )
    return rootOf(inner.getExpression());
  return inner;
}
