import {
  type CallExpression,
  type FunctionDeclaration,
  type MethodDeclaration,
  Node,
  type ObjectLiteralExpression,
  type ParameterDeclaration,
  SyntaxKind,
  type VariableDeclaration,
} from "ts-morph";
import { isAssignmentTarget } from "../messages/message-syntax.js";
import { contains, functionLeftBy, isNothing, peeled } from "./around-values.js";
import { leaksByName } from "./client-leaks.js";
import { parameterOf } from "./client-parameters.js";
import { memberChanges } from "./member-changes.js";
import type { AnalysisProject } from "./project.js";

/** What an expression may be that is passed as the options of a call. */
export interface OptionValues {
  readonly objects: readonly ObjectLiteralExpression[];
  /** Nothing may be passed, which grpc-js refuses. */
  readonly mayBeMissing: boolean;
  /** The variables, parameters and functions on the way. */
  readonly declarations: readonly Declared[];
  /** The calls of these functions. */
  readonly calls: readonly Node[];
}

type Declared = ParameterDeclaration | VariableDeclaration | FunctionDeclaration | MethodDeclaration;

const MISSING: OptionValues = { objects: [], mayBeMissing: true, declarations: [], calls: [] };
const NONE: OptionValues = { ...MISSING, mayBeMissing: false };

/**
 * The objects that the options of a call may be, through variables, parameters whose callers are all known, and choices between them; undefined where
 * one is not known, or has members of other names.
 */
export function optionValues(
  project: AnalysisProject,
  node: Node,
  names: ReadonlySet<string>,
): OptionValues | undefined {
  const seen = new Set<Node>();
  const isNamed = (key: string | undefined) => key !== undefined && names.has(key);
  const isFilledWithOthers = (objects: ObjectLiteralExpression[], given: Node) =>
    memberChanges(project, objects, given).some(({ key }) => !isNamed(key));

  function valuesOf(expression: Node): OptionValues | undefined {
    const value = peeled(expression);
    if (isNothing(value)) return MISSING;
    if (Node.isObjectLiteralExpression(value)) return literal(value);
    if (Node.isConditionalExpression(value)) return joined([value.getWhenTrue(), value.getWhenFalse()].map(valuesOf));
    if (Node.isBinaryExpression(value) && /^(\|\||\?\?)$/.test(value.getOperatorToken().getText())) {
      const left = valuesOf(value.getLeft());
      const right = valuesOf(value.getRight());
      return left && right && joined([{ ...left, mayBeMissing: false }, right]);
    }
    if (Node.isIdentifier(value)) return named(value);
    if (Node.isCallExpression(value)) return result(value);
    const origin = project.originOf(value);
    return origin.kind === "object" && Node.isObjectLiteralExpression(origin.node) ? literal(origin.node) : undefined;
  }

  function named(name: Node): OptionValues | undefined {
    const declaration = Node.isIdentifier(name) ? project.declarationOf(name) : undefined;
    if (!Node.isParameterDeclaration(declaration) && !Node.isVariableDeclaration(declaration)) return undefined;
    const own = declaration.getNameNode();
    // A function that calls itself passes on what it got.
    if (seen.has(declaration)) return NONE;
    seen.add(declaration);
    if (!Node.isIdentifier(own) || isFilledWithOthers([], own)) return undefined;
    const initializer = declaration.getInitializer();
    if (Node.isVariableDeclaration(declaration)) {
      const isWritten = project.referencesTo(own).some((each) => isAssignmentTarget(each));
      return initializer && !isWritten ? through(declaration, valuesOf(initializer)) : undefined;
    }
    const owner = declaration.getParent();
    if (Node.isMethodDeclaration(owner) && leaksByName(project, owner.getName())) return undefined;
    const passed = project.valuesPassed(declaration);
    if (!passed || passed.length === 0) return undefined;
    const all = through(declaration, joined(passed.map((each) => (each ? valuesOf(each) : MISSING))));
    if (!all?.mayBeMissing || !initializer) return all;
    return joined([{ ...all, mayBeMissing: false }, valuesOf(initializer)]);
  }

  /** What a function of the project gives. */
  function result(call: CallExpression): OptionValues | undefined {
    const origin = project.originOf(call.getExpression());
    const owner = origin.kind === "function" ? origin.node : undefined;
    if (!Node.isFunctionDeclaration(owner) && !Node.isMethodDeclaration(owner)) return undefined;
    if (owner.isAsync() || owner.isGenerator() || seen.has(owner)) return undefined;
    seen.add(owner);
    const returns = owner
      .getDescendantsOfKind(SyntaxKind.ReturnStatement)
      .filter((each) => functionLeftBy(each) === owner)
      .map((each) => each.getExpression());
    const isAbstract = owner.getBody() === undefined || (Node.isMethodDeclaration(owner) && isOverridden(owner));
    if (returns.length === 0 || isAbstract) return undefined;
    const body = owner.getBody();
    const mayEnd = !Node.isBlock(body) || !Node.isReturnStatement(body.getStatements().at(-1));
    const values = joined([...returns.map((each) => (each ? valuesOf(each) : MISSING)), mayEnd ? MISSING : NONE]);
    seen.delete(owner);
    return values && { ...values, declarations: [...values.declarations, owner], calls: [...values.calls, call] };
  }

  /** Has a class that may extend this one a method of the same name? */
  function isOverridden(method: MethodDeclaration): boolean {
    return project.identifiersNamed(method.getName()).some((name) => {
      const other = name.getParent();
      return Node.isMethodDeclaration(other) && other !== method && other.getNameNode() === name;
    });
  }

  function literal(object: ObjectLiteralExpression): OptionValues | undefined {
    const own: OptionValues = { ...NONE, objects: [object] };
    const spreads: OptionValues[] = [];
    for (const property of object.getProperties()) {
      if (Node.isSpreadAssignment(property)) {
        const spread = valuesOf(property.getExpression());
        if (!spread) return undefined;
        spreads.push({ ...spread, mayBeMissing: false });
        continue;
      }
      if (!Node.isPropertyAssignment(property) && !Node.isShorthandPropertyAssignment(property)) return undefined;
      if (Node.isComputedPropertyName(property.getNameNode()) || !isNamed(property.getName())) return undefined;
    }
    return isFilledWithOthers([object], object) ? undefined : joined([own, ...spreads]);
  }

  return valuesOf(node);
}

function joined(values: readonly (OptionValues | undefined)[]): OptionValues | undefined {
  const objects: ObjectLiteralExpression[] = [];
  const declarations: Declared[] = [];
  const calls: Node[] = [];
  let mayBeMissing = false;
  for (const value of values) {
    if (!value) return undefined;
    objects.push(...value.objects);
    declarations.push(...value.declarations);
    calls.push(...value.calls);
    mayBeMissing ||= value.mayBeMissing;
  }
  return { objects, mayBeMissing, declarations, calls };
}

function through(declaration: Declared, values: OptionValues | undefined): OptionValues | undefined {
  return values && { ...values, declarations: [...values.declarations, declaration] };
}

/** Annotations `CallOptions` of names that hold options for nothing but these arguments of calls, which a function reads. */
export function optionTypes(project: AnalysisProject, values: ReadonlyMap<Node, OptionValues>): Node[] {
  const all = [...values.values()];
  const declarations = new Set(all.flatMap((each) => each.declarations));
  const objects = new Set<Node>(all.flatMap((each) => each.objects));
  const calls = new Set(all.flatMap((each) => each.calls));
  const isUsed = (reference: Node) => {
    if ([...values.keys()].some((argument) => contains(argument, reference))) return true;
    const parent = reference.getParent();
    const callee = Node.isPropertyAccessExpression(parent) && parent.getNameNode() === reference ? parent : reference;
    const made = callee.getParent();
    if (Node.isCallExpression(made) && made.getExpression() === callee) return calls.has(made);
    if (Node.isPropertyAccessExpression(parent)) return parent.getExpression() === reference;
    if (Node.isSpreadAssignment(parent)) return objects.has(parent.getParent());
    if (Node.isVariableDeclaration(parent)) return declarations.has(parent);
    const index = Node.isCallExpression(parent) ? parent.getArguments().indexOf(reference) : -1;
    const taker = index < 0 ? undefined : parameterOf(project, parent as Node, index);
    return Node.isParameterDeclaration(taker) && declarations.has(taker);
  };
  return [...declarations].flatMap((declaration) => {
    const type = Node.isFunctionLikeDeclaration(declaration)
      ? declaration.getReturnTypeNode()
      : declaration.getTypeNode();
    const name = declaration.getNameNode();
    const isPlain = type && /^(Partial<)?[\w$.]+>?( \| (undefined|null))*$/.test(type.getText());
    if (!isPlain || !Node.isIdentifier(name) || !project.isSelected(type.getSourceFile().getFilePath())) return [];
    const isOwn = project.referencesTo(name).every((each) => each === name || isUsed(each));
    return isOwn ? [type, ...type.getDescendants()].filter((each) => isCallOptions(project, each)) : [];
  });
}

function isCallOptions(project: AnalysisProject, type: Node): boolean {
  const origin = Node.isTypeReference(type) ? project.originOfType(type) : undefined;
  return origin?.kind === "grpc" && /^(client\.)?CallOptions$/.test(origin.path);
}

/** May a name hold nothing where it is used, because some caller passes nothing for it? */
export function mayBeMissing(project: AnalysisProject, node: Node): boolean {
  const name = peeled(node);
  const declaration = Node.isIdentifier(name) ? project.declarationOf(name) : undefined;
  if (!Node.isParameterDeclaration(declaration) || declaration.hasInitializer() || isTested(name)) return false;
  return project.valuesPassed(declaration)?.some((each) => !each || isNothing(each)) ?? false;
}

/** `if (metadata) …`, `metadata ? … : …` */
function isTested(name: Node): boolean {
  for (let node = name; ; ) {
    const parent = node.getParent();
    if (!parent) return false;
    const then = Node.isIfStatement(parent)
      ? parent.getThenStatement()
      : Node.isConditionalExpression(parent)
        ? parent.getWhenTrue()
        : undefined;
    const condition = Node.isIfStatement(parent)
      ? parent.getExpression()
      : Node.isConditionalExpression(parent)
        ? parent.getCondition()
        : undefined;
    if (then === node && condition && peeled(condition).getText() === name.getText()) return true;
    node = parent;
  }
}
