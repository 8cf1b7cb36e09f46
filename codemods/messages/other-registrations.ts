import { Node, type SourceFile } from "ts-morph";
import { contains } from "../analysis/around-values.js";
import type { AnalysisProject } from "../analysis/project.js";
import { isAlias, nameOfFunction } from "./message-syntax.js";
import { usesOfWhole } from "./whole-exports.js";

/**
 * Where a handler, which keeps its call and its callback, may answer for something else than a registration: a server of grpc-js
 * takes it as well, and with its old messages. `places` are those of the registration.
 */
export function otherUseOf(project: AnalysisProject, handler: Node, places: readonly Node[]): Node | undefined {
  const holder = handler.getParent();
  const isOwnValue = Node.isPropertyAssignment(holder) && holder.getInitializer() === handler;
  const literal = Node.isObjectLiteralExpression(holder) ? holder : isOwnValue ? holder.getParent() : undefined;
  const ofObject = literal && otherUseOfObject(project, literal, places);
  const name = Node.isMethodDeclaration(handler) ? handler.getNameNode() : nameOfFunction(handler);
  return ofObject ?? (name ? otherUseOfName(project, name, places) : undefined);
}

/** The same of an object whose members are handlers. */
export function otherUseOfObject(project: AnalysisProject, literal: Node, places: readonly Node[]): Node | undefined {
  const holder = literal.getParent();
  if (isWithin(literal, places)) return undefined;
  if (Node.isVariableDeclaration(holder)) return otherUseOfName(project, holder.getNameNode(), places);
  const isExported = Node.isBinaryExpression(holder) && /^(module\.)?exports$/.test(holder.getLeft().getText());
  return isExported ? otherUseOfModule(project, literal.getSourceFile(), places) : literal;
}

/** The same of a class whose methods are handlers. */
export function otherUseOfClass(project: AnalysisProject, owner: Node, places: readonly Node[]): Node | undefined {
  const name = Node.isClassDeclaration(owner) ? owner.getNameNode() : undefined;
  if (!name) return owner;
  for (const use of project.referencesTo(name)) {
    const made = use.getParent();
    if (use === name || isWithin(use, places) || Node.isTypeReference(made)) continue;
    if (isAlias(use) && !otherUseOfModule(project, use.getSourceFile(), places)) continue;
    const variable = Node.isNewExpression(made) ? made.getParent() : undefined;
    const held = Node.isVariableDeclaration(variable) ? variable.getNameNode() : undefined;
    const other = held ? otherUseOfName(project, held, places) : use;
    if (other) return other;
  }
  return undefined;
}

function otherUseOfName(project: AnalysisProject, name: Node, places: readonly Node[]): Node | undefined {
  for (const use of project.referencesTo(name)) {
    if (use === name || isWithin(use, places) || isMemberRead(use)) continue;
    const other = isAlias(use) ? otherUseOfModule(project, use.getSourceFile(), places) : use;
    if (other) return other;
  }
  return undefined;
}

/** A file that exports it is given as a whole to what is not followed, or to another registration. */
function otherUseOfModule(project: AnalysisProject, file: SourceFile, places: readonly Node[]): Node | undefined {
  if (!project.isHandedOn(file)) return undefined;
  const uses = usesOfWhole(project, file);
  const isTaken = (use: Node) => {
    const holder = use.getParent();
    return Node.isVariableDeclaration(holder) && Node.isObjectBindingPattern(holder.getNameNode());
  };
  const other = uses.find((use) => !isWithin(use, places) && !isMemberRead(use) && !isTaken(use));
  return other ?? (uses.some((use) => isWithin(use, places)) ? undefined : file);
}

/** `desk.list`, of an object; the member that is read is a use of its own. */
function isMemberRead(use: Node): boolean {
  const access = use.getParent();
  return Node.isPropertyAccessExpression(access) && access.getExpression() === use;
}

function isWithin(node: Node, places: readonly Node[]): boolean {
  return places.some((place) => contains(place, node));
}
