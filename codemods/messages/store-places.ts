import {
  type ArrayLiteralExpression,
  type NewExpression,
  Node,
  type PropertyAccessExpression,
  type PropertyDeclaration,
  SyntaxKind,
  type TypeNode,
  type VariableDeclaration,
} from "ts-morph";
import type { AnalysisProject } from "../analysis/project.js";
import { membersAsked } from "./kept-objects.js";
import { functionAround, isAlias, unwrapped } from "./message-syntax.js";

/**
 * Lists, Maps, Sets and objects that messages are kept in from one call to the next, in a variable or a field of a
 * class: `const all = []`, `const byId = new Map()`, `this.seen = new Set()`, `const byName = {}`. They are followed where every
 * use of them is one that is known: whatever is put in is such a message then, and whatever is taken out.
 */
export interface Store {
  readonly holder: Holder;
  /** The variable, the field, or `this.items` where the constructor writes it first. */
  readonly declaration: VariableDeclaration | PropertyDeclaration | PropertyAccessExpression;
  /** What it begins as. */
  readonly made: Node;
  readonly type: TypeNode | undefined;
}

export type Holder = "list" | "map" | "set" | "object";

/** The store that an expression stands for. */
export function storeOf(project: AnalysisProject, given: Node): Store | undefined {
  const node = unwrapped(given);
  // `store.all` of `const store = require("./store")`
  const name = Node.isPropertyAccessExpression(node) ? node.getNameNode() : node;
  const declaration = Node.isIdentifier(name) ? project.declarationOf(name) : undefined;
  if (Node.isVariableDeclaration(declaration)) return storeInVariable(project, declaration);
  return Node.isPropertyAccessExpression(node) ? storeInField(project, node) : undefined;
}

function storeInVariable(project: AnalysisProject, declaration: VariableDeclaration): Store | undefined {
  const made = declaration.getInitializer();
  const holder = made && holderOf(made);
  const name = declaration.getNameNode();
  if (!holder || !declaration.getVariableStatement() || !Node.isIdentifier(name)) return undefined;
  const isKept = holder === "map" || holder === "set" || outlivesCall(project, declaration);
  return isKept ? { holder, declaration, made, type: declaration.getTypeNode() } : undefined;
}

/** Is a variable one of a module, or one that only inner functions use: `const all = []; return { list: () => all };`? */
function outlivesCall(project: AnalysisProject, declaration: VariableDeclaration): boolean {
  const owner = functionAround(declaration);
  const name = declaration.getNameNode();
  return !owner || project.referencesTo(name).every((one) => one === name || functionAround(one) !== owner);
}

/** `this.items`, which the class begins as an empty Map, or its constructor does. */
function storeInField(project: AnalysisProject, access: PropertyAccessExpression): Store | undefined {
  const origin = project.originOf(access.getExpression());
  const owner = origin.kind === "instance" ? origin.class : undefined;
  const asked = Node.isClassDeclaration(owner) ? membersAsked(project, owner) : undefined;
  if (!Node.isClassDeclaration(owner) || !asked?.includes(access)) return undefined;
  const declaration = owner.getInstanceProperties().find((one) => one.getName() === access.getName());
  if (declaration && !Node.isPropertyDeclaration(declaration)) return undefined;
  const type = declaration?.getTypeNode();
  const first = declaration?.getInitializer();
  const holder = first && holderOf(first);
  if (declaration && first) return holder && { holder, declaration, made: first, type };
  const [body] = owner.getConstructors().flatMap((one) => one.getBody() ?? []);
  const write = asked.find((one) => {
    const change = one.getParent();
    const isWrite = one.getName() === access.getName() && Node.isBinaryExpression(change) && change.getLeft() === one;
    return isWrite && Node.isExpressionStatement(change.getParent()) && change.getParent()?.getParent() === body;
  });
  const change = write?.getParent();
  const made = Node.isBinaryExpression(change) && change.getOperatorToken().getText() === "=" && change.getRight();
  const begun = made && holderOf(made);
  return write && made && begun ? { holder: begun, declaration: write, made, type } : undefined;
}

/** All expressions that stand for a store, but where it is made; undefined where code that cannot be followed has it. */
export function usesOfStore(project: AnalysisProject, { declaration }: Store): Node[] | undefined {
  if (Node.isVariableDeclaration(declaration)) return usesOfVariable(project, declaration.getNameNode());
  const owner = declaration.getFirstAncestorByKind(SyntaxKind.ClassDeclaration);
  return (
    owner &&
    membersAsked(project, owner)?.filter((one) => one !== declaration && one.getName() === declaration.getName())
  );
}

function usesOfVariable(project: AnalysisProject, name: Node): Node[] | undefined {
  const found: Node[] = [];
  for (const reference of project.referencesTo(name)) {
    if (reference === name) continue;
    // Other files, to which it is exported, have it by the same name or another one.
    if (reference.getSourceFile() !== name.getSourceFile() || isAlias(reference)) {
      if (project.isHandedOn(name.getSourceFile())) return undefined;
      if (isAlias(reference)) continue;
    }
    const access = reference.getParent();
    found.push(Node.isPropertyAccessExpression(access) && access.getNameNode() === reference ? access : reference);
  }
  return found;
}

/** What an expression makes that may be a store. */
export function holderOf(made: Node): Holder | undefined {
  if (Node.isArrayLiteralExpression(made))
    return made.getElements().some((one) => Node.isSpreadElement(one)) ? undefined : "list";
  if (Node.isNewExpression(made)) {
    const name = made.getExpression().getText();
    if (name === "Map") return pairsIn(made) && "map";
    return name === "Set" && made.getArguments().length === 0 ? "set" : undefined;
  }
  if (made.getText() === "Object.create(null)") return "object";
  return Node.isObjectLiteralExpression(made) && made.getProperties().every((one) => Node.isPropertyAssignment(one))
    ? "object"
    : undefined;
}

/** `[key, message]` of `new Map([[key, message]])`; undefined where it is made of something else. */
function pairsIn(made: NewExpression): ArrayLiteralExpression[] | undefined {
  const [given, more] = made.getArguments();
  if (!given) return [];
  const pairs = Node.isArrayLiteralExpression(given) && !more ? given.getElements() : [undefined];
  const written = pairs.filter((one) => Node.isArrayLiteralExpression(one) && one.getElements().length === 2);
  return written.length === pairs.length ? (written as ArrayLiteralExpression[]) : undefined;
}

/** What a store holds from its beginning. */
export function contentOf(made: Node): Node[] {
  if (Node.isArrayLiteralExpression(made)) return made.getElements();
  if (Node.isNewExpression(made)) return (pairsIn(made) ?? []).flatMap((pair) => pair.getElements().slice(1));
  const properties = Node.isObjectLiteralExpression(made) ? made.getProperties() : [];
  return properties.flatMap((one) => (Node.isPropertyAssignment(one) ? [one.getInitializerOrThrow()] : []));
}
