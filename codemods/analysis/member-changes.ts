import {
  type CallExpression,
  type ClassDeclaration,
  type ClassExpression,
  type ElementAccessExpression,
  Node,
  type ObjectLiteralExpression,
  type PropertyAssignment,
  type SourceFile,
} from "ts-morph";
import { isAssignmentTarget } from "../messages/message-syntax.js";
import { functionAround, withAssertions } from "./around-values.js";
import { exportsOf } from "./exports.js";
import type { AnalysisProject } from "./project.js";

/** A place that puts something else in the place of a member. */
export interface MemberChange {
  readonly node: Node;
  /** Undefined: of any member. */
  readonly key: string | undefined;
}

/**
 * Where members of an object are written, deleted or defined outside of what declares it, so that another function may answer than
 * the one that stands there: `impl.get = auth(impl.get)`, `for (const key in impl) impl[key] = …`, `Object.assign(impl, …)`,
 * `protect(impl)` that does so.
 */
export function memberChanges(
  project: AnalysisProject,
  /** What declares the members: a class comes with those that it extends. */
  owners: readonly (ObjectLiteralExpression | ClassDeclaration | ClassExpression | SourceFile)[],
  /** The expression that the object is used by. */
  given: Node,
): readonly MemberChange[] {
  const seen = new Set<Node>();
  const found: MemberChange[] = [];

  /** `isClass`: the node stands for the class, of which `prototype` and instances have the members. */
  function followUse(node: Node, isClass = false): void {
    const value = withAssertions(node);
    if (seen.has(value)) return;
    seen.add(value);
    const parent = value.getParent();
    if (Node.isPropertyAccessExpression(parent) && parent.getExpression() === value) {
      if (isClass && parent.getName() === "prototype") followUse(parent);
      if (!isClass && isAssignmentTarget(parent))
        found.push({ node: parent.getParentOrThrow(), key: parent.getName() });
      return;
    }
    if (Node.isElementAccessExpression(parent) && parent.getExpression() === value) {
      if (!isClass && isAssignmentTarget(parent))
        found.push({ node: parent.getParentOrThrow(), key: stringOf(parent.getArgumentExpression()) });
      return;
    }
    if (Node.isVariableDeclaration(parent) && parent.getInitializer() === value)
      followName(parent.getNameNode(), isClass);
    else if (Node.isReturnStatement(parent) || (Node.isArrowFunction(parent) && parent.getBody() === value))
      followResult(Node.isArrowFunction(parent) ? parent : functionAround(parent));
    else if (Node.isNewExpression(parent) && parent.getExpression() === value) followUse(parent);
    else if (Node.isCallExpression(parent)) followArgument(parent, value, isClass);
  }

  function followArgument(parent: CallExpression, value: Node, isClass: boolean): void {
    const index = parent.getArguments().indexOf(value);
    if (index < 0) return;
    const callee = parent.getExpression();
    if (index === 0 && WRITERS.test(callee.getText())) {
      found.push(...writtenBy(parent));
      return;
    }
    const origin = project.originOf(callee);
    if (origin.kind !== "function" || !Node.isParametered(origin.node)) {
      // What is called for nothing but its effect may change what it is given.
      if (Node.isIdentifier(callee) && Node.isExpressionStatement(parent.getParent()))
        found.push({ node: parent, key: undefined });
      return;
    }
    const name = origin.node.getParameters()[index]?.getNameNode();
    if (name) followName(name, isClass);
  }

  function followName(name: Node, isClass = false): void {
    if (!Node.isIdentifier(name)) return;
    for (const reference of project.referencesTo(name)) if (reference !== name) followUse(reference, isClass);
  }

  /** What is done with what a function of the project gives. */
  function followResult(fn: Node | undefined): void {
    const holder = fn?.getParent();
    const named = fn && Node.isFunctionDeclaration(fn) ? fn : Node.isVariableDeclaration(holder) ? holder : undefined;
    const name = named?.getNameNode();
    for (const reference of name ? project.referencesTo(name) : []) {
      const call = reference.getParent();
      if (Node.isCallExpression(call) && call.getExpression() === reference) followUse(call);
    }
  }

  function followModule(file: SourceFile): void {
    for (const mention of project.mentionsOf(file)) followUse(mention);
  }

  function followClass(owner: ClassDeclaration | ClassExpression): void {
    for (const decorator of owner.getDecorators()) {
      const origin = project.originOf(decorator.getExpression());
      const [target] = origin.kind === "function" && Node.isParametered(origin.node) ? origin.node.getParameters() : [];
      if (target) followName(target.getNameNode(), true);
    }
    const name = owner.getNameNode();
    if (name) followName(name, true);
  }

  followUse(given);
  if (Node.isIdentifier(given)) followName(given);
  found.push(...ownChanges(owners));
  for (const owner of owners) {
    if (Node.isSourceFile(owner)) followModule(owner);
    else if (!Node.isObjectLiteralExpression(owner)) followClass(owner);
    else {
      const file = owner.getSourceFile();
      const { whole, named } = exportsOf(file);
      if (whole !== owner) followUse(owner);
      else {
        for (const [key, extra] of named) if (extra.kind === "node") found.push({ node: extra.node, key });
        followModule(file);
      }
    }
  }
  return found;
}

const WRITERS = /^(Object\.(assign|defineProperty|defineProperties|setPrototypeOf)|Reflect\.\w+|(_|lodash)\.\w+)$/;

/** `Object.assign(impl, { get, list })` and `Object.defineProperty(impl, "get", …)` say which. */
function writtenBy(call: CallExpression): MemberChange[] {
  const [, second, ...more] = call.getArguments();
  const writer = call.getExpression().getText();
  const properties =
    /\bassign$/.test(writer) && more.length === 0 && Node.isObjectLiteralExpression(second)
      ? second.getProperties()
      : undefined;
  if (properties?.every((each) => "getName" in each && !Node.isComputedPropertyName(each.getNameNode())))
    return properties.map((each) => ({
      node: call,
      key: (each as PropertyAssignment).getName().replace(/^['"]|['"]$/g, ""),
    }));
  return [{ node: call, key: /\.(defineProperty|set)$/.test(writer) ? stringOf(second) : undefined }];
}

function stringOf(node: Node | undefined): string | undefined {
  return Node.isStringLiteral(node) ? node.getLiteralValue() : undefined;
}

/** `this.get = auth(this.get)`, `this[key] = …` in the methods themselves; `this.get = this.get.bind(this)` is the same function. */
function ownChanges(
  owners: readonly (ObjectLiteralExpression | ClassDeclaration | ClassExpression | SourceFile)[],
): MemberChange[] {
  const methods = owners.flatMap((owner) => {
    if (Node.isSourceFile(owner)) return [];
    return Node.isObjectLiteralExpression(owner)
      ? owner.getProperties().filter(Node.isMethodDeclaration)
      : [...owner.getInstanceMethods(), ...owner.getConstructors()];
  });
  const keys = new Set(methods.filter(Node.isMethodDeclaration).map((method) => method.getName()));
  return methods.flatMap((method) =>
    method
      .getDescendants()
      .filter(Node.isThisExpression)
      .flatMap((self): MemberChange[] => {
        const access = self.getParent();
        const isMember = Node.isPropertyAccessExpression(access) && keys.has(access.getName());
        if (!isMember && !(Node.isElementAccessExpression(access) && access.getExpression() === self)) return [];
        const node = isAssignmentTarget(access) ? access.getParentOrThrow() : undefined;
        const key = isMember ? access.getName() : stringOf((access as ElementAccessExpression).getArgumentExpression());
        return node && !isBoundSelf(node, access.getText()) ? [{ node, key }] : [];
      }),
  );
}

function isBoundSelf(write: Node, target: string): boolean {
  return Node.isBinaryExpression(write) && write.getRight().getText() === `${target}.bind(this)`;
}
