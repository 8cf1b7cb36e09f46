import { type ClassDeclaration, type MethodDeclaration, Node, SyntaxKind } from "ts-morph";
import type { AnalysisProject } from "./project.js";

/**
 * May code of a class use one of its fields, itself or by the methods that it calls? Reading and setting another field does
 * not, and neither does calling a member of one; `this` as a value may, and so may methods of a base class.
 */
export function mayUse(
  project: AnalysisProject,
  code: readonly Node[],
  field: string,
  owner: ClassDeclaration,
  /** What does not count, since it runs at another time. */
  isApart: (node: Node) => boolean = () => false,
  seen: Set<Node> = new Set(),
): boolean {
  return code.some((each) => {
    if (each.getDescendantsOfKind(SyntaxKind.SuperKeyword).length > 0) return true;
    return each.getDescendantsOfKind(SyntaxKind.ThisKeyword).some((self) => {
      if (isApart(self)) return false;
      const access = self.getParentOrThrow();
      if (!Node.isPropertyAccessExpression(access) || access.getName() === field) return true;
      const member = owner.getMember(access.getName());
      const isPlain = Node.isPropertyDeclaration(member) && !isFunction(member.getInitializer());
      if (member && !isPlain) {
        if (seen.has(member)) return false;
        seen.add(member);
        return isExtended(project, owner) || mayUse(project, [member], field, owner, isApart, seen);
      }
      const parent = access.getParentOrThrow();
      const isCalled = Node.isCallExpression(parent) && parent.getExpression() === access;
      return isCalled || (!member && owner.getExtends() !== undefined);
    });
  });
}

function isFunction(node: Node | undefined): boolean {
  return Node.isArrowFunction(node) || Node.isFunctionExpression(node);
}

/** Is a method what its name calls, whatever object of the class's type it is called on? */
export function isOnlyItself(project: AnalysisProject, method: MethodDeclaration): boolean {
  const owner = method.getParent();
  return (
    Node.isClassDeclaration(owner) &&
    owner.getImplements().length === 0 &&
    owner.getExtends() === undefined &&
    !isExtended(project, owner)
  );
}

/** Does another class extend it? Then methods of that may take the place of its own. */
export function isExtended(project: AnalysisProject, owner: ClassDeclaration): boolean {
  const name = owner.getNameNode();
  return (
    !name ||
    project
      .referencesTo(name)
      .some((reference) => reference.getFirstAncestorByKind(SyntaxKind.HeritageClause) !== undefined)
  );
}

/** A class and those that it extends, as far as they are the project's; `isOpen`: it extends more. */
export function classesOf(
  project: AnalysisProject,
  owner: ClassDeclaration,
): { classes: ClassDeclaration[]; isOpen: boolean } {
  const classes: ClassDeclaration[] = [];
  for (let node: ClassDeclaration | undefined = owner; node && !classes.includes(node); ) {
    classes.push(node);
    const base: Node | undefined = node.getExtends()?.getExpression();
    if (!base || /^(\w+\.)*EventEmitter$/.test(base.getText())) return { classes, isOpen: false };
    const origin = project.originOf(base);
    node = origin.kind === "class" && Node.isClassDeclaration(origin.node) ? origin.node : undefined;
  }
  return { classes, isOpen: true };
}
