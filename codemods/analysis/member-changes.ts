import {
  type ClassDeclaration,
  type ClassExpression,
  Node,
  type ObjectLiteralExpression,
  type SourceFile,
} from "ts-morph";
import { isAssignmentTarget } from "../messages/message-syntax.js";
import { exportsOf } from "./exports.js";
import type { AnalysisProject } from "./project.js";
import { functionAround, withAssertions } from "./value-flow.js";

/**
 * Where members of an object are written, deleted or defined outside of what declares it, so that another function may answer than
 * the one that stands there: `impl.get = auth(impl.get)`, `for (const key in impl) impl[key] = …`, `Object.assign(impl, …)`,
 * `protect(impl)` that does so. Undefined where nothing does. `given`: the expression that the object is used by.
 */
export function memberChange(
  project: AnalysisProject,
  owner: ObjectLiteralExpression | ClassDeclaration | ClassExpression | SourceFile,
  given: Node,
): Node | undefined {
  const seen = new Set<Node>();

  /** `isClass`: the node stands for the class, of which `prototype` and instances have the members. */
  function changeBy(node: Node, isClass = false): Node | undefined {
    const value = withAssertions(node);
    if (seen.has(value)) return undefined;
    seen.add(value);
    const parent = value.getParent();
    if (Node.isPropertyAccessExpression(parent) && parent.getExpression() === value) {
      if (isClass) return parent.getName() === "prototype" ? changeBy(parent) : undefined;
      return isAssignmentTarget(parent) ? parent.getParentOrThrow() : undefined;
    }
    if (Node.isElementAccessExpression(parent) && parent.getExpression() === value)
      return !isClass && isAssignmentTarget(parent) ? parent.getParentOrThrow() : undefined;
    if (Node.isVariableDeclaration(parent) && parent.getInitializer() === value)
      return changeByNames(parent.getNameNode(), isClass);
    if (Node.isReturnStatement(parent) || (Node.isArrowFunction(parent) && parent.getBody() === value))
      return changeOfResult(Node.isArrowFunction(parent) ? parent : functionAround(parent));
    if (Node.isNewExpression(parent) && parent.getExpression() === value) return changeBy(parent);
    if (!Node.isCallExpression(parent)) return undefined;
    const index = parent.getArguments().indexOf(value);
    if (index < 0) return undefined;
    const callee = parent.getExpression();
    if (index === 0 && WRITERS.test(callee.getText())) return parent;
    const origin = project.originOf(callee);
    if (origin.kind !== "function" || !Node.isParametered(origin.node))
      // What is called for nothing but its effect may change what it is given.
      return Node.isIdentifier(callee) && Node.isExpressionStatement(parent.getParent()) ? parent : undefined;
    const name = origin.node.getParameters()[index]?.getNameNode();
    return name && changeByNames(name, isClass);
  }

  function changeByNames(name: Node, isClass = false): Node | undefined {
    if (!Node.isIdentifier(name)) return undefined;
    for (const reference of project.referencesTo(name)) {
      const change = reference === name ? undefined : changeBy(reference, isClass);
      if (change) return change;
    }
    return undefined;
  }

  /** What is done with what a function of the project gives. */
  function changeOfResult(fn: Node | undefined): Node | undefined {
    const holder = fn?.getParent();
    const named = fn && Node.isFunctionDeclaration(fn) ? fn : Node.isVariableDeclaration(holder) ? holder : undefined;
    const name = named?.getNameNode();
    for (const reference of name ? project.referencesTo(name) : []) {
      const call = reference.getParent();
      const change = Node.isCallExpression(call) && call.getExpression() === reference ? changeBy(call) : undefined;
      if (change) return change;
    }
    return undefined;
  }

  function changeInModule(file: SourceFile): Node | undefined {
    for (const mention of project.mentionsOf(file)) {
      const change = changeBy(mention);
      if (change) return change;
    }
    return undefined;
  }

  const used = changeBy(given) ?? (Node.isIdentifier(given) ? changeByNames(given) : undefined);
  if (used) return used;
  if (Node.isSourceFile(owner)) return changeInModule(owner);
  const own = ownChange(owner);
  if (own) return own;
  if (!Node.isObjectLiteralExpression(owner)) {
    for (const decorator of owner.getDecorators()) {
      const origin = project.originOf(decorator.getExpression());
      const [target] = origin.kind === "function" && Node.isParametered(origin.node) ? origin.node.getParameters() : [];
      const change = target && changeByNames(target.getNameNode(), true);
      if (change) return change;
    }
    const name = owner.getNameNode();
    return name && changeByNames(name, true);
  }
  const file = owner.getSourceFile();
  const { whole, named } = exportsOf(file);
  if (whole !== owner) return changeBy(owner);
  const [extra] = named.values();
  return extra?.kind === "node" ? extra.node : changeInModule(file);
}

const WRITERS = /^(Object\.(assign|defineProperty|defineProperties|setPrototypeOf)|Reflect\.\w+|(_|lodash)\.\w+)$/;

/** `this.get = auth(this.get)`, `this[key] = …` in the methods themselves; `this.get = this.get.bind(this)` is the same function. */
function ownChange(owner: ObjectLiteralExpression | ClassDeclaration | ClassExpression): Node | undefined {
  const methods = Node.isObjectLiteralExpression(owner)
    ? owner.getProperties().filter(Node.isMethodDeclaration)
    : [...owner.getInstanceMethods(), ...owner.getConstructors()];
  const keys = new Set(methods.filter(Node.isMethodDeclaration).map((method) => method.getName()));
  for (const method of methods)
    for (const self of method.getDescendants().filter(Node.isThisExpression)) {
      const access = self.getParent();
      const isMember = Node.isPropertyAccessExpression(access) && keys.has(access.getName());
      if (!isMember && !(Node.isElementAccessExpression(access) && access.getExpression() === self)) continue;
      const write = isAssignmentTarget(access) ? access.getParentOrThrow() : undefined;
      if (write && !isBoundSelf(write, access.getText())) return write;
    }
  return undefined;
}

function isBoundSelf(write: Node, target: string): boolean {
  return Node.isBinaryExpression(write) && write.getRight().getText() === `${target}.bind(this)`;
}
