import {
  type BindingElement,
  Node,
  type ObjectBindingPattern,
  type ObjectLiteralExpression,
  type ParameterDeclaration,
  type PropertyAssignment,
  type ShorthandPropertyAssignment,
  SyntaxKind,
  type VariableDeclaration,
} from "ts-morph";
import {
  functionAround,
  isNothing,
  isWrapper,
  outermost,
  peeled,
  returnTypeOf,
  withAssertions,
} from "./around-values.js";
import { isOnlyNamed } from "./exports.js";
import { isFilledFirst } from "./filled-names.js";
import type { AnalysisProject } from "./project.js";

/** What the flow of a value does, for the objects that carry it. */
export interface ObjectFlowInput {
  readonly project: AnalysisProject;
  readonly isNeeded: boolean;
  readonly unknownUse: string;
  value(node: Node): void;
  use(node: Node): void;
  fail(node: Node, what: string): never;
  selected(node: Node): void;
  annotation(type: Node | undefined): void;
  resultsOf(owner: Node): Node[];
  callersOf(owner: Node): { getArguments(): Node[] }[];
  parametersOf(call: Node): Node[] | undefined;
}

export interface ObjectFlow {
  /**
   * Follows `make(…).name`, `made.name`, `options.name` and `config.name` to where the member is made. False for an object that is
   * none of these.
   */
  memberOf(object: Node, name: string): boolean;
  /** Follows what a pattern takes: `const { credentials } = make()` and `({ credentials }) => …`. */
  taken(element: BindingElement): undefined;
  /** What a property of a literal holds goes where the object goes. False for an object that is not followed. */
  holds(property: PropertyAssignment | ShorthandPropertyAssignment): boolean;
}

/** Members of objects that carry a value: of what a function gives, of what it is given, and of a literal with a name. */
export function createObjectFlow(input: ObjectFlowInput): ObjectFlow {
  const { project, isNeeded, unknownUse, value, use, selected, annotation, resultsOf, callersOf, parametersOf } = input;
  const fail: ObjectFlowInput["fail"] = input.fail;

  /** `return { server, port }`: wherever the object goes it is only taken apart, and what the member is comes from there. */
  const memberOfResult = (owner: Node, name: string): undefined => {
    if (isSeenMember(owner, name)) return;
    selected(owner);
    annotation(returnTypeOf(owner));
    for (const returned of resultsOf(owner)) {
      const object = peeled(returned);
      const member = Node.isObjectLiteralExpression(object) ? object.getProperty(name) : undefined;
      if (member && isSpreadOver(member)) fail(returned, "they are in an object that is not written out");
      if (!memberValue(member)) fail(returned, "a function returns them sometimes");
    }
    for (const call of callersOf(owner)) takenApart(call as unknown as Node, name, owner);
  };

  /** What a literal has for a member. False where it has none. */
  const memberValue = (member: Node | undefined): boolean => {
    if (Node.isShorthandPropertyAssignment(member)) value(member.getNameNode());
    else if (Node.isPropertyAssignment(member)) value(member.getInitializerOrThrow());
    else return false;
    return true;
  };

  const memberOf = (object: Node, name: string): boolean => {
    const owner = makerOf(object);
    const holder = Node.isPropertyAccessExpression(object) ? object.getNameNode() : object;
    const declaration = Node.isIdentifier(holder) ? project.declarationOf(holder) : undefined;
    if (owner) memberOfResult(owner, name);
    else if (Node.isParameterDeclaration(declaration)) memberOfArgument(declaration, name);
    else if (literalOf(declaration)) memberOfLiteral(declaration as VariableDeclaration, name);
    else return false;
    return true;
  };

  /** `const config = { credentials: … };`, wherever that goes it is only taken apart. */
  const memberOfLiteral = (declaration: VariableDeclaration, name: string): undefined => {
    if (isSeenMember(declaration, name)) return;
    selected(declaration);
    annotation(declaration.getTypeNode());
    if (!memberValue(writtenOut(declaration.getInitializer())?.getProperty(name)))
      fail(declaration, "they are in an object that is not written out");
    for (const reference of project.referencesTo(declaration.getNameNode()))
      if (reference !== declaration.getNameNode()) takenApart(reference, name, declaration);
  };

  /** The function of the project whose result something is. */
  const makerOf = (node: Node | undefined): Node | undefined => {
    const inner = node && awaited(node);
    if (!Node.isIdentifier(inner)) {
      const owner = inner && calledBy(inner);
      return owner && givesObjects(owner) ? owner : undefined;
    }
    const declaration = project.declarationOf(inner);
    const made = Node.isVariableDeclaration(declaration) ? declaration.getInitializer() : undefined;
    return Node.isIdentifier(made) ? undefined : makerOf(made);
  };

  /** The function of the project that a call, awaited or not, calls. */
  const calledBy = (node: Node): Node | undefined => {
    const call = awaited(node);
    const origin = Node.isCallExpression(call) ? project.originOf(call.getExpression()) : undefined;
    return origin?.kind === "function" ? origin.node : undefined;
  };

  const taken = (element: BindingElement): undefined => {
    const holder = element.getParent().getParent();
    const name = keyOf(element);
    const owner = Node.isVariableDeclaration(holder) ? makerOf(holder.getInitializer()) : undefined;
    if (owner) return memberOfResult(owner, name);
    if (Node.isParameterDeclaration(holder)) return memberOfArgument(holder, name);
    fail(element, "they are kept in something that is not followed");
  };

  /** `open({ address, credentials })`: the function only takes the object apart, and callers write it out. */
  const memberOfArgument = (parameter: ParameterDeclaration, name: string): undefined => {
    if (isSeenMember(parameter, name)) return;
    selected(parameter);
    if (parameter.isRestParameter() || parameter.getInitializer() || parameter.isParameterProperty())
      fail(parameter, "they are a parameter of another form");
    annotation(parameter.getTypeNode());
    const pattern = parameter.getNameNode();
    const owner = parameter.getParent();
    let isDefaulted = false;
    if (Node.isObjectBindingPattern(pattern)) {
      const element = takenBy(pattern, name);
      const initializer = element?.getInitializer();
      if (initializer) value(initializer);
      const isFilled = element !== undefined && isNeeded && isFilledFirst(project, parameter, element.getNameNode());
      isDefaulted = initializer !== undefined || isFilled;
    } else if (Node.isIdentifier(pattern))
      for (const reference of project.referencesTo(pattern))
        if (reference !== pattern) takenApart(reference, name, owner);
    const index = (owner as unknown as { getParameters(): Node[] }).getParameters().indexOf(parameter);
    for (const call of callersOf(owner)) {
      const given = call.getArguments()[index];
      const object = writtenOut(given);
      if (!object) fail(given ?? parameter, "they are in an object that is not written out");
      else if (!memberValue(object.getProperty(name)) && !isDefaulted) fail(object, "a caller gives none");
    }
  };

  /** The part of a pattern that takes a member, whose uses are followed. */
  const takenBy = (pattern: ObjectBindingPattern, name: string): BindingElement | undefined => {
    const rest = pattern.getElements().find((element) => element.getDotDotDotToken());
    if (rest) fail(rest, unknownUse);
    const element = pattern.getElements().find((each) => keyOf(each) === name);
    const local = element?.getNameNode();
    if (!element || !local) return undefined;
    if (!Node.isIdentifier(local)) fail(element, unknownUse);
    for (const reference of project.referencesTo(local)) if (reference !== local) use(reference);
    return element;
  };

  const seenMembers = new Map<Node, Set<string>>();
  const isSeenMember = (holder: Node, name: string): boolean => {
    const names = seenMembers.get(holder) ?? new Set();
    seenMembers.set(holder, names);
    return names.has(name) || !names.add(name);
  };

  const takenApart = (object: Node, name: string, owner: Node): undefined => {
    const around = object.getParent();
    const isName = Node.isPropertyAccessExpression(around) && around.getNameNode() === object;
    const parent = outermost(isName ? around : object, isWrapper).getParent();
    if (!parent || Node.isExpressionStatement(parent) || isOnlyNamed(parent)) return;
    if (Node.isPropertyAccessExpression(parent)) {
      if (parent.getName() === name) use(parent);
      return;
    }
    if (Node.isVariableDeclaration(parent) && !parent.getTypeNode()) return heldApart(parent, name, owner, object);
    // The object is given to a variable, or it is the variable that is given one.
    if (
      Node.isBinaryExpression(parent) &&
      parent.getOperatorToken().getText() === "=" &&
      Node.isExpressionStatement(parent.getParent()) &&
      calledBy(parent.getRight()) === owner
    ) {
      const left = parent.getLeft();
      const declaration = Node.isIdentifier(left) ? project.declarationOf(left) : undefined;
      if (Node.isVariableDeclaration(declaration)) return heldApart(declaration, name, owner);
    }
    fail(parent, unknownUse);
  };

  /** A variable that holds such an object, or a pattern that takes it apart; `from`: the object, if it is there at once. */
  const heldApart = (declaration: VariableDeclaration, name: string, owner: Node, from?: Node): undefined => {
    if (isSeenMember(declaration, name)) return;
    selected(declaration);
    const pattern = declaration.getNameNode();
    const initializer = declaration.getInitializer();
    const isObject = (node: Node) => peeled(node) === from || calledBy(node) === owner;
    if (initializer && !isNothing(initializer) && !isObject(initializer)) fail(declaration, unknownUse);
    if (Node.isIdentifier(pattern)) {
      for (const reference of project.referencesTo(pattern))
        if (reference !== pattern) takenApart(reference, name, owner);
      return;
    }
    if (!Node.isObjectBindingPattern(pattern)) return fail(pattern, unknownUse);
    const nested = pattern.getElements().find((element) => !Node.isIdentifier(element.getNameNode()));
    if (nested) fail(nested, unknownUse);
    const element = takenBy(pattern, name);
    if (element?.getInitializer()) fail(element, unknownUse);
  };

  const holds = (property: PropertyAssignment | ShorthandPropertyAssignment): boolean => {
    const object = withAssertions(property.getParent());
    const holder = object.getParent();
    const owner = Node.isArrowFunction(holder) ? holder : Node.isReturnStatement(holder) && functionAround(holder);
    if (owner) memberOfResult(owner, property.getName());
    else if (Node.isVariableDeclaration(holder) && literalOf(holder)) memberOfLiteral(holder, property.getName());
    else if (Node.isCallExpression(holder) || Node.isNewExpression(holder)) {
      const parameter = parametersOf(holder)?.[holder.getArguments().indexOf(object)];
      if (!Node.isParameterDeclaration(parameter)) return false;
      memberOfArgument(parameter, property.getName());
    } else return false;
    return true;
  };

  return { memberOf, taken, holds };
}

/** The name of the member that a part of a pattern takes. */
function keyOf(element: BindingElement): string {
  return (element.getPropertyNameNode() ?? element.getNameNode()).getText();
}

function awaited(node: Node): Node {
  const inner = peeled(node);
  return Node.isAwaitExpression(inner) ? peeled(inner.getExpression()) : inner;
}

/** A literal that has its members from nowhere else. */
function writtenOut(node: Node | undefined): ObjectLiteralExpression | undefined {
  const object = node && peeled(node);
  if (!Node.isObjectLiteralExpression(object)) return undefined;
  return object.getProperties().some((each) => Node.isSpreadAssignment(each)) ? undefined : object;
}

/** `{ ssl, ...more }`, where `more` may have a member of that name. */
function isSpreadOver(member: Node): boolean {
  return member.getNextSiblings().some((each) => Node.isSpreadAssignment(each));
}

/** The object that a name is for, where it is written out. */
function literalOf(declaration: Node | undefined): ObjectLiteralExpression | undefined {
  const name = Node.isVariableDeclaration(declaration) ? declaration.getNameNode() : undefined;
  const initializer = Node.isVariableDeclaration(declaration) ? declaration.getInitializer() : undefined;
  const value = initializer && peeled(initializer);
  return Node.isIdentifier(name) && Node.isObjectLiteralExpression(value) ? value : undefined;
}

/** Is what a function gives written out where it returns? */
function givesObjects(owner: Node): boolean {
  const isObject = (node: Node | undefined) => node !== undefined && Node.isObjectLiteralExpression(peeled(node));
  if (Node.isArrowFunction(owner) && !Node.isBlock(owner.getBody())) return isObject(owner.getBody());
  const returns = owner
    .getDescendantsOfKind(SyntaxKind.ReturnStatement)
    .filter((each) => functionAround(each) === owner);
  return returns.length > 0 && returns.every((each) => isObject(each.getExpression()));
}
