import {
  type CallExpression,
  type ClassDeclaration,
  type NewExpression,
  Node,
  type PropertyAccessExpression,
  SyntaxKind,
} from "ts-morph";
import { areFieldsAlike } from "../analysis/class-fields.js";
import { exportsOf } from "../analysis/exports.js";
import type { AnalysisProject } from "../analysis/project.js";
import { functionAround, isAlias, isAssignmentTarget, nameOfFunction, topOf } from "./message-syntax.js";
import { usesOfWhole } from "./whole-exports.js";

type Asked = readonly PropertyAccessExpression[];

const known = new WeakMap<AnalysisProject, Map<ClassDeclaration, Asked | undefined>>();

/**
 * All members that anybody asks instances of a class for: `this.items`, `service.find`. Undefined where an instance may come to
 * code that cannot be followed, which could ask for anything.
 */
export function membersAsked(project: AnalysisProject, owner: ClassDeclaration): Asked | undefined {
  const found = known.get(project) ?? new Map<ClassDeclaration, Asked | undefined>();
  known.set(project, found);
  if (!found.has(owner)) {
    found.set(owner, undefined); // where two classes hold each other
    found.set(owner, findMembers(project, owner));
  }
  return found.get(owner);
}

function findMembers(project: AnalysisProject, owner: ClassDeclaration): Asked | undefined {
  const name = owner.getNameNode();
  if (!name || owner.getExtends() || !areFieldsAlike(project, owner) || isTakenWhole(project, owner)) return undefined;
  const own = owner.getDescendantsOfKind(SyntaxKind.ThisKeyword).filter((node) => isOwnThis(node, owner));
  const references = project.referencesTo(name);
  if (references.some((one) => Node.isShorthandPropertyAssignment(one.getParent()) && !isAlias(one))) return undefined;
  const made = references.flatMap((reference) => {
    const parent = reference.getParent();
    const isMember = Node.isPropertyAccessExpression(parent) && parent.getNameNode() === reference;
    const construction = isMember ? parent.getParent() : parent;
    return Node.isNewExpression(construction) ? [construction] : [];
  });
  const asked: PropertyAccessExpression[] = [];
  const follower = createFollower(project, asked);
  const isFollowed = [...own, ...made].every(follower);
  // `new this.constructor()`
  return isFollowed && asked.every((access) => access.getName() !== "constructor") ? asked : undefined;
}

/** Does code that cannot be followed have a class by what its file exports as a whole? */
function isTakenWhole(project: AnalysisProject, owner: ClassDeclaration): boolean {
  const file = owner.getSourceFile();
  const name = owner.getNameNode();
  const references = name ? project.referencesTo(name) : [];
  if (!owner.isExported() && !references.some(isAlias)) return false;
  const { whole } = exportsOf(file);
  if (!whole || !Node.isIdentifier(whole) || project.declarationOf(whole) !== owner) return project.isHandedOn(file);
  return !project.mentionsOf(file).every((mention) => references.includes(mention));
}

/** Is `this` an instance of the class around it? In a function of its own it is something else. */
function isOwnThis(node: Node, owner: ClassDeclaration): boolean {
  const holder = node.getFirstAncestor(
    (up) =>
      Node.isPropertyDeclaration(up) ||
      Node.isClassStaticBlockDeclaration(up) ||
      (Node.isFunctionLikeDeclaration(up) && !Node.isArrowFunction(up)) ||
      Node.isFunctionExpression(up),
  );
  const isStatic =
    holder && (Node.isStaticable(holder) ? holder.isStatic() : Node.isClassStaticBlockDeclaration(holder));
  return holder?.getParent() === owner && !isStatic;
}

/** Follows one object to all places where it stands: true where it is only asked for members there, which are noted. */
function createFollower(project: AnalysisProject, asked: PropertyAccessExpression[]): (given: Node) => boolean {
  const seen = new Set<Node>();

  const follow = (given: Node): boolean => {
    const node = topOf(given);
    const parent = node.getParent();
    if (seen.has(node)) return true;
    seen.add(node);
    if (Node.isPropertyAccessExpression(parent) && parent.getExpression() === node) {
      asked.push(parent);
      return true;
    }
    if (Node.isExpressionStatement(parent)) return true;
    if (Node.isCallExpression(parent) || Node.isNewExpression(parent)) return takes(parent, node);
    if (Node.isVariableDeclaration(parent)) return named(parent.getNameNode());
    if (Node.isPropertyDeclaration(parent)) return field(parent.getParent(), parent.getName());
    if (Node.isReturnStatement(parent)) return returned(parent);
    if (Node.isExportAssignment(parent)) return exported(parent);
    if (!Node.isBinaryExpression(parent) || parent.getRight() !== node) return false;
    const target = parent.getLeft();
    if (parent.getOperatorToken().getText() !== "=" || !Node.isExpressionStatement(parent.getParent())) return false;
    if (target.getText() === "module.exports") return exported(parent);
    if (!Node.isPropertyAccessExpression(target) || !Node.isThisExpression(target.getExpression())) return false;
    const owner = target.getFirstAncestorByKind(SyntaxKind.ClassDeclaration);
    return owner !== undefined && isOwnThis(target.getExpression(), owner) && field(owner, target.getName());
  };

  const named = (name: Node): boolean =>
    Node.isIdentifier(name) &&
    project.referencesTo(name).every((reference) => {
      if (reference === name || isAssignmentTarget(reference)) return true;
      if (isAlias(reference)) return !project.isHandedOn(reference.getSourceFile());
      const parent = reference.getParent();
      const isMember = Node.isPropertyAccessExpression(parent) && parent.getNameNode() === reference;
      return follow(isMember ? parent : reference);
    });

  const field = (owner: Node, name: string): boolean =>
    Node.isClassDeclaration(owner) &&
    membersAsked(project, owner)?.every(
      (access) => access.getName() !== name || isAssignmentTarget(access) || follow(access),
    ) === true;

  /** `service.find.bind(service)`, `router.service(S, service)`, and functions and classes of the project. */
  const takes = (call: CallExpression | NewExpression, node: Node): boolean => {
    const index = call.getArguments().indexOf(node);
    const callee = call.getExpression();
    if (index < 0) return false;
    if (Node.isPropertyAccessExpression(callee)) {
      const method = callee.getExpression();
      const isOfIt = Node.isPropertyAccessExpression(method) && method.getExpression().getText() === node.getText();
      if (index === 0 && isOfIt && /^(bind|call|apply)$/.test(callee.getName())) return true;
      if (index === 1 && callee.getName() === "service") return true;
    }
    const origin = project.originOf(callee);
    const owner = origin.kind === "class" && Node.isClassDeclaration(origin.node) ? origin.node : undefined;
    const taker = owner ? owner.getConstructors()[0] : origin.kind === "function" ? origin.node : undefined;
    const parameter = taker && Node.isParametered(taker) ? taker.getParameters()[index] : undefined;
    if (!parameter || parameter.isRestParameter() || /\barguments\b/.test(taker?.getText() ?? "")) return false;
    return (
      named(parameter.getNameNode()) &&
      (!owner || !parameter.isParameterProperty() || field(owner, parameter.getName()))
    );
  };

  const returned = (statement: Node): boolean => {
    const owner = functionAround(statement);
    const name = owner && nameOfFunction(owner);
    return (
      name !== undefined &&
      project.referencesTo(name).every((reference) => {
        if (reference === name || reference.getParent() === owner) return true;
        if (isAlias(reference)) return !project.isHandedOn(reference.getSourceFile());
        const call = reference.getParent();
        return Node.isCallExpression(call) && call.getExpression() === reference && follow(call);
      })
    );
  };

  const exported = (statement: Node): boolean => {
    const file = statement.getSourceFile();
    const uses = new Set(usesOfWhole(project, file).filter((use) => !Node.isImportDeclaration(use)));
    const isNamedAgain = project.files.some((other) =>
      other.getExportDeclarations().some((one) => {
        const specifier = one.getModuleSpecifierValue();
        return specifier !== undefined && project.resolveModule(other, specifier) === file;
      }),
    );
    return !isNamedAgain && project.mentionsOf(file).every((one) => uses.has(one)) && [...uses].every(follow);
  };

  return follow;
}
