import { type ClassDeclaration, Node, type SpreadAssignment, SyntaxKind } from "ts-morph";
import { generatorOf } from "../project/generated.js";
import { type Reason, reason } from "../shared/reasons.js";
import { peeled, withAssertions } from "./around-values.js";
import { exportsOf } from "./exports.js";
import { selfBound } from "./handler-facts.js";
import { type MemberChange, memberChanges } from "./member-changes.js";
import { classesOf } from "./own-members.js";
import { shortText } from "./places.js";
import type { AnalysisProject } from "./project.js";

/** One member of an implementation: the key of the RPC and the function that answers it, where it is known. */
export interface Member {
  readonly key: string;
  readonly handler: Node | null;
  /** What stands for it in an object. */
  readonly value?: Node | undefined;
  /** The `shop.get` of `get: shop.get.bind(shop)`: a use of the handler that is its registration. */
  readonly access?: Node | undefined;
  /** `...handlers`, if the member comes from there. */
  readonly spread?: Node;
  /** Why another function may answer for it. */
  readonly replaced?: Reason | undefined;
  /** Something else is put in its place in the object. */
  readonly isOverwritten?: boolean;
}

export interface Members extends Declared {
  /** Why other functions may answer for any of them. */
  readonly replaced: Reason | undefined;
  /** What else is put into the object. */
  readonly added: readonly MemberChange[];
}

interface Declared {
  readonly members: readonly Member[];
  /** What declares them. */
  readonly owners: Parameters<typeof memberChanges>[1];
  /** The object literal is this registration's own and in its file: members can be wrapped where they stand. */
  readonly isOwn: boolean;
  readonly isClass: boolean;
  /** Members may be inherited that nothing is known about. */
  readonly isOpen: boolean;
  /** The declared type of an object literal. */
  readonly type: Node | null;
}

/** The members of an implementation, if it is an object literal, a file's exports or an instance of a class of the project. */
export function membersOf(project: AnalysisProject, implementation: Node): Members | undefined {
  const found = declaredMembers(project, implementation);
  if (!found) return undefined;
  const changes = memberChanges(project, found.owners, implementation);
  const whole = changes.find(({ key }) => key === undefined);
  const members = found.members.map((member) => {
    const change = changes.find(({ key }) => key === member.key);
    const replaced = (change && changeReason(change)) ?? decoratedReason(member) ?? member.replaced;
    return { ...member, replaced, isOverwritten: change !== undefined };
  });
  const added = changes.filter(({ key }) => !members.some((member) => member.key === key));
  return { ...found, members, added, replaced: whole && changeReason(whole) };
}

export function changeReason({ node }: MemberChange): Reason {
  return reason("handler-used-elsewhere", `${shortText(node)} puts something else in its place`);
}

/** A decorator gets the method, and may put another function in its place. */
function decoratedReason({ handler }: Member): Reason | undefined {
  const holder = handler?.getParent();
  const declaration = Node.isPropertyDeclaration(holder) ? holder : (handler ?? undefined);
  const [decorator] =
    Node.isMethodDeclaration(declaration) || Node.isPropertyDeclaration(declaration) ? declaration.getDecorators() : [];
  return decorator && reason("handler-used-elsewhere", `${shortText(decorator)} may put something else in its place`);
}

function declaredMembers(project: AnalysisProject, implementation: Node): Declared | undefined {
  const origin = project.originOf(implementation);
  if (origin.kind === "object" && Node.isObjectLiteralExpression(origin.node)) {
    const literal = origin.node;
    const byKey = new Map<string, Member>();
    if (literal.getProperties().some((property) => isUnknownName(property))) return undefined;
    for (const property of literal.getProperties()) {
      if (Node.isSpreadAssignment(property)) {
        const spread = spreadMembers(project, property);
        if (!spread) return undefined;
        for (const member of spread) byKey.set(member.key, member);
        continue;
      }
      const key = "getName" in property ? property.getName().replace(/^['"]|['"]$/g, "") : "";
      const value = Node.isMethodDeclaration(property) ? property : functionOf(project, property);
      const given = Node.isPropertyAssignment(property) ? property.getInitializer() : undefined;
      const named = Node.isShorthandPropertyAssignment(property) ? property.getNameNode() : undefined;
      byKey.set(key, { key, handler: value, value: given ?? named, access: boundAccess(property) });
    }
    const members = [...byKey.values()];
    const isInline = literal === peeled(implementation);
    const variable = withAssertions(literal).getParent();
    const isOnlyHere =
      variable !== undefined &&
      Node.isVariableDeclaration(variable) &&
      literal.getSourceFile() === implementation.getSourceFile() &&
      project
        .referencesTo(variable.getNameNode())
        .filter((node) => node !== variable.getNameNode() && node !== implementation).length === 0;
    const type = isInline ? null : declaredType(literal);
    return { owners: [literal], members, isOwn: isInline || isOnlyHere, isClass: false, isOpen: false, type };
  }
  if (origin.kind === "module") {
    const { named, isComplete } = exportsOf(origin.file);
    if (!isComplete) return undefined;
    const members = [...named].map(([key, entry]) => ({
      key,
      handler: entry.kind === "node" ? functionOf(project, entry.node) : null,
    }));
    return { owners: [origin.file], members, isOwn: false, isClass: false, isOpen: false, type: null };
  }
  if (origin.kind === "instance" && Node.isClassDeclaration(origin.class)) {
    const { classes, isOpen } = classesOf(project, origin.class);
    if (classes.some((each) => each.getMembers().some(isUnknownName))) return undefined;
    return { owners: classes, members: classMembers(classes), isOwn: false, isClass: true, isOpen, type: null };
  }
  return undefined;
}

/** May a member be a handler that its name does not tell: `[name]: f`, `__proto__: handlers`? */
function isUnknownName(member: Node): boolean {
  const [name] = member.getChildrenOfKind(SyntaxKind.ComputedPropertyName);
  if (name) return !/^Symbol\./.test(name.getExpression().getText());
  return Node.isPropertyAssignment(member) && /^['"]?__proto__['"]?$/.test(member.getName());
}

/**
 * The type that a literal is asserted to have, or that of the variable that holds it, or of the function, method or getter that
 * returns it.
 */
function declaredType(literal: Node): Node | null {
  let holder: Node | undefined = literal.getParent();
  while (Node.isParenthesizedExpression(holder)) holder = holder.getParent();
  const asserted = Node.isAsExpression(holder) || Node.isSatisfiesExpression(holder) ? holder.getTypeNode() : undefined;
  if (asserted && !/^(any|unknown|object|const)$/.test(asserted.getText())) return asserted;
  holder = withAssertions(literal).getParent();
  if (Node.isVariableDeclaration(holder)) return holder.getTypeNode() ?? null;
  if (Node.isReturnStatement(holder)) holder = holder.getFirstAncestor(Node.isFunctionLikeDeclaration);
  return Node.isFunctionLikeDeclaration(holder) || Node.isArrowFunction(holder)
    ? (holder.getReturnTypeNode() ?? null)
    : null;
}

/** What `...handlers` brings, if single members of it can be replaced behind it. */
function spreadMembers(project: AnalysisProject, spread: SpreadAssignment): Member[] | undefined {
  const expression = spread.getExpression();
  const found = membersOf(project, expression);
  return found?.type === null && !found.replaced && found.added.length === 0 && canSpread(project, found, expression)
    ? found.members.map(({ key, handler, value, replaced }) => ({ key, handler, value, replaced, spread }))
    : undefined;
}

/** The `get` of `get: shop.get.bind(shop)`. */
function boundAccess(property: Node): Node | undefined {
  const value = Node.isPropertyAssignment(property) ? property.getInitializer() : undefined;
  const callee = Node.isCallExpression(value) ? value.getExpression() : undefined;
  if (!callee || !Node.isPropertyAccessExpression(callee) || callee.getName() !== "bind") return undefined;
  const target = callee.getExpression();
  return Node.isPropertyAccessExpression(target) ? target.getNameNode() : undefined;
}

/** The function that a property of an object holds. */
export function functionOf(project: AnalysisProject, property: Node): Node | null {
  const origin = project.originOf(property);
  return origin.kind === "function" ? origin.node : null;
}

/** Those of the class itself hide inherited ones. */
function classMembers(classes: readonly ClassDeclaration[]): Member[] {
  const members = new Map<string, Member>();
  const add = (member: Member) => {
    if (!members.has(member.key)) members.set(member.key, member);
  };
  for (const node of classes) {
    for (const method of node.getInstanceMethods())
      if (!method.isAbstract()) add({ key: method.getName(), handler: method });
    for (const property of node.getInstanceProperties()) {
      if (!Node.isPropertyDeclaration(property)) continue;
      const value = property.getInitializer();
      const isFunction = Node.isArrowFunction(value) || Node.isFunctionExpression(value);
      add({ key: property.getName(), handler: isFunction ? value : null });
    }
  }
  return [...members.values()];
}
/** Another object can stand for an implementation that has a name, where no member asks which object it is in. */
export function canSpread(project: AnalysisProject, found: Members, implementation: Node): boolean {
  if (found.isClass || !/^[\w$]+(\.[\w$]+)*$/.test(implementation.getText())) return false;
  return found.members.every(
    (member) => member.handler !== null && (!/\bthis\b/.test(member.handler.getText()) || hasOwnThis(project, member)),
  );
}

/** Is `this` the same in whatever object the function is: in an arrow, `shop.get.bind(shop)`, or a method that its class binds? */
function hasOwnThis(project: AnalysisProject, { handler, value, access }: Member): boolean {
  if (access || (handler && Node.isArrowFunction(handler))) return true;
  const owner = handler?.getParent();
  if (!handler || !Node.isMethodDeclaration(handler) || !Node.isClassDeclaration(owner)) return false;
  if (!Node.isPropertyAccessExpression(value) || project.originOf(value.getExpression()).kind !== "instance")
    return false;
  const statements = owner.getConstructors()[0]?.getStatements() ?? [];
  return statements.some(
    (each) => Node.isExpressionStatement(each) && selfBound(each.getExpression()) === handler.getName(),
  );
}

/** The class that a class extends, if protoc-gen-ts wrote it: abstract handlers and nothing else. */
export function generatedBase(project: AnalysisProject, owner: ClassDeclaration): ClassDeclaration | undefined {
  const name = owner.getExtends()?.getExpression();
  const origin = name && project.originOf(name);
  const base = origin?.kind === "class" && Node.isClassDeclaration(origin.node) ? origin.node : undefined;
  if (!base?.isAbstract() || base.getConstructors().length > 0) return undefined;
  return generatorOf(base.getSourceFile().getFilePath(), base.getSourceFile().getFullText()) === "protoc-gen-ts" &&
    base.getInstanceMethods().every((method) => method.isAbstract())
    ? base
    : undefined;
}
