import {
  type BindingElement,
  Node,
  type ObjectBindingPattern,
  type ParameterDeclaration,
  SyntaxKind,
  type VariableDeclaration,
} from "ts-morph";
import { isExportedProperty, isExportTarget } from "./exports.js";
import { isFilledFirst } from "./filled-names.js";
import { isOwnName } from "./member-calls.js";
import type { AnalysisProject } from "./project.js";

/** What kind of value is followed, and where it may end. */
export interface FlowKind {
  /** The member of grpc-js that is its type, for annotations: `ChannelCredentials`. */
  readonly type: string;
  /** The module that the type is of, if not grpc-js. */
  readonly module?: string;
  /** Whether an expression makes such a value; it is one of the flow's sources then. May call {@link Flow.fail}. */
  isSource(node: Node, flow: Flow): boolean;
  /** An expression that is neither a source nor a name: true if it was followed. */
  isDerived?(node: Node, flow: Flow): boolean;
  /** Whether a use ends the flow: the value is taken by what is known. */
  isSink(node: Node, flow: Flow): boolean;
  /** A use that the value goes through, apart from names, parameters and results: true if it was followed. */
  isPassage?(node: Node, parent: Node, flow: Flow): boolean;
  /** Said of a use that nothing knows. */
  readonly unknownUse: string;
  /** Fields of classes carry the value too, and so do members of objects that functions give or take. */
  readonly fields?: boolean;
  /** Must a name have such a value wherever it is read? */
  readonly isNeeded?: boolean;
}

/** A flow that is being followed. */
export interface Flow {
  readonly sources: ReadonlySet<Node>;
  readonly sinks: ReadonlySet<Node>;
  /** References to the type, in annotations on the way. */
  readonly types: ReadonlySet<Node>;
  /** Declarations that hold the value. */
  readonly carriers: ReadonlySet<Node>;
  /** Follows what an expression is, back to where it was made. */
  value(node: Node): void;
  /** Follows what becomes of an expression's value. */
  use(node: Node): void;
  /** Ends the flow as unknown. */
  fail(node: Node, what: string): never;
  /** Fails unless the file is one that may be changed. */
  selected(node: Node): void;
}

class Unknown extends Error {}

/**
 * Follows a value from one place to all that make it and all that take it: through variables, parameters, results and
 * exports, in every direction. The text says where something is not known; then nothing about the flow holds.
 */
export function followValue(
  project: AnalysisProject,
  kind: FlowKind,
  start: (flow: Flow) => void,
): { readonly ok: true; readonly flow: Flow } | { readonly ok: false; readonly detail: string } {
  const sources = new Set<Node>();
  const derived = new Set<Node>();
  const types = new Set<Node>();
  const sinks = new Set<Node>();
  const seen = new Set<Node>();

  const fail = (node: Node, what: string): never => {
    throw new Unknown(`${what} (${node.getText().slice(0, 60)})`);
  };
  const selected = (node: Node) => {
    if (!project.isSelected(node.getSourceFile().getFilePath()))
      fail(node, "another file of the project makes or takes them");
  };

  const value = (node: Node): undefined => {
    const inner = peeled(node);
    if (Node.isAwaitExpression(inner)) return value(inner.getExpression());
    if (Node.isConditionalExpression(inner)) {
      value(inner.getWhenTrue());
      value(inner.getWhenFalse());
      return;
    }
    if (sources.has(inner) || derived.has(inner)) return;
    if (kind.isSource(inner, flow)) {
      selected(inner);
      sources.add(inner);
      return;
    }
    derived.add(inner);
    if (kind.isDerived?.(inner, flow)) return;
    derived.delete(inner);
    if (Node.isIdentifier(inner) || Node.isPropertyAccessExpression(inner)) {
      const name = Node.isIdentifier(inner) ? inner : inner.getNameNode();
      const declaration = project.declarationOf(name);
      const isOfObject = kind.fields && inner !== name && !(declaration && isField(declaration));
      if (isOfObject && Node.isPropertyAccessExpression(inner) && memberOf(inner.getExpression(), inner.getName()))
        return;
      if (!declaration) return fail(inner, "it is not known where they are made");
      return carrier(declaration);
    }
    if (Node.isCallExpression(inner)) {
      const origin = project.originOf(inner.getExpression());
      if (origin.kind === "function") return functionResult(origin.node);
    }
    fail(inner, "it is not known what they are");
  };

  /** A name that holds credentials: all that it is given and all its uses. */
  const carrier = (declaration: Node): undefined => {
    if (seen.has(declaration)) return;
    seen.add(declaration);
    selected(declaration);
    if (Node.isVariableDeclaration(declaration)) {
      const name = declaration.getNameNode();
      if (!Node.isIdentifier(name)) fail(declaration, "they are destructured");
      annotation(declaration.getTypeNode());
      const initializer = declaration.getInitializer();
      if (initializer && !isNothing(initializer)) value(initializer);
      else if (kind.isNeeded && !isFilledFirst(project, declaration, name))
        fail(declaration, "it may be that none are made");
      for (const reference of project.referencesTo(name)) if (reference !== name) use(reference);
      return;
    }
    if (kind.fields && Node.isBindingElement(declaration)) return taken(declaration);
    if (Node.isParameterDeclaration(declaration)) {
      const name = declaration.getNameNode();
      if (!Node.isIdentifier(name) || declaration.isRestParameter() || declaration.isParameterProperty())
        fail(declaration, "they are a parameter of another form");
      annotation(declaration.getTypeNode());
      const owner = declaration.getParent();
      const index = (owner as unknown as { getParameters(): Node[] }).getParameters().indexOf(declaration);
      const initializer = declaration.getInitializer();
      if (initializer) value(initializer);
      for (const reference of project.referencesTo(name)) if (reference !== name) use(reference);
      const isFilled =
        initializer !== undefined || (kind.isNeeded === true && isFilledFirst(project, declaration, name));
      for (const call of callersOf(owner)) {
        const given = call.getArguments();
        if (given.some((each) => Node.isSpreadElement(each))) fail(call as unknown as Node, "arguments are spread");
        passed(given[index], declaration, isFilled);
      }
      return;
    }
    if (kind.fields && isField(declaration)) {
      if (Node.isPropertyDeclaration(declaration)) {
        annotation(declaration.getTypeNode());
        const initializer = declaration.getInitializer();
        if (initializer) value(initializer);
      }
      for (const reference of fieldUses(declaration)) use(reference);
      return;
    }
    fail(declaration, "they are kept in something that is not followed");
  };

  /** What a caller passes for a parameter; `isFilled`: it may be nothing. */
  const passed = (given: Node | undefined, parameter: Node, isFilled: boolean): undefined => {
    const inner = given && peeled(given);
    if (Node.isConditionalExpression(inner)) {
      passed(inner.getWhenTrue(), parameter, isFilled);
      passed(inner.getWhenFalse(), parameter, isFilled);
    } else if (inner && inner.getText() !== "undefined") value(inner);
    else if (!isFilled) fail(parameter, "a caller gives none");
  };

  /** Every member access that is, or might be, the field. */
  const fieldUses = (field: Node): Node[] => {
    const name = nameOf(field).getText();
    const owner = field.getFirstAncestor((each) => Node.isClassDeclaration(each) || Node.isClassExpression(each));
    const found: Node[] = [];
    for (const file of project.files) {
      for (const access of file.getDescendantsOfKind(SyntaxKind.PropertyAccessExpression)) {
        if (access.getName() !== name) continue;
        if (project.declarationOf(access.getNameNode()) === field) found.push(access.getNameNode());
        else {
          const object = project.originOf(access.getExpression());
          const isOther = object.kind === "instance" && !isBelow(project, object.class, owner);
          if (object.kind === "unknown" || (object.kind === "instance" && !isOther))
            fail(access, "it may be the same field");
        }
      }
      for (const element of file.getDescendantsOfKind(SyntaxKind.BindingElement))
        if ((element.getPropertyNameNode() ?? element.getNameNode()).getText() === name && !isRequired(element))
          fail(element, "it may be the same field");
      for (const access of file.getDescendantsOfKind(SyntaxKind.ElementAccessExpression)) {
        const key = access.getArgumentExpression();
        if (key && Node.isStringLiteral(key) && key.getLiteralText() === name) fail(access, "it may be the same field");
      }
    }
    return found;
  };

  const annotation = (type: Node | undefined): undefined => {
    if (!type) return;
    const references = Node.isTypeReference(type) ? [type] : [];
    const found = [...references, ...type.getDescendantsOfKind(SyntaxKind.TypeReference)].filter((reference) => {
      const origin = project.originOfType(reference);
      const name = reference.getTypeName().getText();
      const isOurs = kind.module ? origin.kind === "external" && origin.module === kind.module : origin.kind === "grpc";
      return isOurs && (origin as { path: string }).path === kind.type && name !== "Promise";
    });
    if (found.length === 0) fail(type, "their type is written in another way");
    for (const each of found) types.add(each);
  };

  const functionResult = (owner: Node): undefined => {
    if (seen.has(owner)) return;
    seen.add(owner);
    selected(owner);
    annotation(returnTypeOf(owner));
    for (const returned of resultsOf(owner)) value(returned);
    for (const call of callersOf(owner)) use(call as unknown as Node);
  };

  const resultsOf = (owner: Node): Node[] => {
    if (Node.isArrowFunction(owner) && !Node.isBlock(owner.getBody())) return [owner.getBody()];
    return owner
      .getDescendantsOfKind(SyntaxKind.ReturnStatement)
      .filter((statement) => functionAround(statement) === owner)
      .map((statement) => statement.getExpression() ?? fail(statement, "a function returns them sometimes"));
  };

  /** `return { server, port }`: wherever the object goes it is only taken apart, and what the member is comes from there. */
  const memberOfResult = (owner: Node, name: string): undefined => {
    if (isSeenMember(owner, name)) return;
    selected(owner);
    annotation(returnTypeOf(owner));
    for (const returned of resultsOf(owner)) {
      const object = peeled(returned);
      const member = Node.isObjectLiteralExpression(object) ? object.getProperty(name) : undefined;
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

  /** `make(…).name`, `made.name` and `options.name`: a member of what a function gives, or of what it is given. False for another object. */
  const memberOf = (object: Node, name: string): boolean => {
    const owner = makerOf(object);
    if (owner) memberOfResult(owner, name);
    const declaration = Node.isIdentifier(object) ? project.declarationOf(object) : undefined;
    if (!owner && Node.isParameterDeclaration(declaration)) memberOfArgument(declaration, name);
    return owner !== undefined || Node.isParameterDeclaration(declaration);
  };

  /** The function of the project whose result something is. */
  const makerOf = (node: Node | undefined): Node | undefined => {
    const inner = node && peeled(node);
    const call = Node.isAwaitExpression(inner) ? peeled(inner.getExpression()) : inner;
    if (Node.isIdentifier(call)) {
      const declaration = project.declarationOf(call);
      const made = Node.isVariableDeclaration(declaration) ? declaration.getInitializer() : undefined;
      return Node.isIdentifier(made) ? undefined : makerOf(made);
    }
    const origin = Node.isCallExpression(call) ? project.originOf(call.getExpression()) : undefined;
    return origin?.kind === "function" && givesObjects(origin.node) ? origin.node : undefined;
  };

  /** `const { credentials } = make()` and `({ credentials }) => …`. */
  const taken = (element: BindingElement): undefined => {
    const holder = element.getParent().getParent();
    const name = (element.getPropertyNameNode() ?? element.getNameNode()).getText();
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
    if (Node.isObjectBindingPattern(pattern)) isDefaulted = takenBy(pattern, name);
    else if (Node.isIdentifier(pattern))
      for (const reference of project.referencesTo(pattern))
        if (reference !== pattern) takenApart(reference, name, owner);
    const index = (owner as unknown as { getParameters(): Node[] }).getParameters().indexOf(parameter);
    for (const call of callersOf(owner)) {
      const given = call.getArguments()[index];
      const object = given && peeled(given);
      if (
        !Node.isObjectLiteralExpression(object) ||
        object.getProperties().some((each) => Node.isSpreadAssignment(each))
      )
        fail(given ?? parameter, "they are in an object that is not written out");
      else if (!memberValue(object.getProperty(name)) && !isDefaulted) fail(object, "a caller gives none");
    }
  };

  /** The name that a pattern gives a member. True where it has a default. */
  const takenBy = (pattern: Node, name: string): boolean => {
    let isDefaulted = false;
    for (const element of (pattern as ObjectBindingPattern).getElements()) {
      const local = Node.isBindingElement(element) ? element.getNameNode() : undefined;
      if (element.getDotDotDotToken()) fail(element, kind.unknownUse);
      if ((element.getPropertyNameNode() ?? element.getNameNode()).getText() !== name) continue;
      if (!Node.isIdentifier(local)) fail(element, kind.unknownUse);
      else {
        const initializer = element.getInitializer();
        if (initializer) value(initializer);
        isDefaulted =
          initializer !== undefined ||
          (kind.isNeeded === true && isFilledFirst(project, pattern.getParentOrThrow(), local));
        for (const reference of project.referencesTo(local)) if (reference !== local) use(reference);
      }
    }
    return isDefaulted;
  };

  const seenMembers = new Map<Node, Set<string>>();
  const isSeenMember = (holder: Node, name: string): boolean => {
    const names = seenMembers.get(holder) ?? new Set();
    seenMembers.set(holder, names);
    return names.has(name) || !names.add(name);
  };

  const takenApart = (object: Node, name: string, owner: Node): undefined => {
    const parent = outermost(object, isWrapper).getParent();
    if (!parent || Node.isExpressionStatement(parent)) return;
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
      isResultOf(parent.getRight(), owner)
    ) {
      const left = parent.getLeft();
      const declaration = Node.isIdentifier(left) ? project.declarationOf(left) : undefined;
      if (Node.isVariableDeclaration(declaration)) return heldApart(declaration, name, owner);
    }
    fail(parent, kind.unknownUse);
  };

  const isResultOf = (node: Node, owner: Node): boolean => {
    const inner = peeled(node);
    const call = Node.isAwaitExpression(inner) ? peeled(inner.getExpression()) : inner;
    const origin = Node.isCallExpression(call) ? project.originOf(call.getExpression()) : undefined;
    return origin?.kind === "function" && origin.node === owner;
  };

  /** A variable that holds such an object, or a pattern that takes it apart; `from`: the object, if it is there at once. */
  const heldApart = (declaration: VariableDeclaration, name: string, owner: Node, from?: Node): undefined => {
    if (isSeenMember(declaration, name)) return;
    selected(declaration);
    const pattern = declaration.getNameNode();
    const initializer = declaration.getInitializer();
    const isObject = (node: Node) => peeled(node) === from || isResultOf(node, owner);
    if (initializer && !isNothing(initializer) && !isObject(initializer)) fail(declaration, kind.unknownUse);
    if (Node.isIdentifier(pattern)) {
      for (const reference of project.referencesTo(pattern))
        if (reference !== pattern) takenApart(reference, name, owner);
      return;
    }
    for (const element of pattern.getElements()) {
      const local = Node.isBindingElement(element) ? element.getNameNode() : undefined;
      if (!Node.isBindingElement(element) || element.getDotDotDotToken() || !Node.isIdentifier(local))
        fail(element, kind.unknownUse);
      else if ((element.getPropertyNameNode() ?? local).getText() === name) {
        if (element.getInitializer()) fail(element, kind.unknownUse);
        for (const reference of project.referencesTo(local)) if (reference !== local) use(reference);
      }
    }
  };

  const use = (reference: Node): undefined => {
    selected(reference);
    let node = reference;
    let parent = node.getParent();
    if (parent && Node.isPropertyAccessExpression(parent) && parent.getNameNode() === node) {
      node = parent;
      parent = node.getParent();
    }
    while (parent && (isWrapper(parent) || (Node.isConditionalExpression(parent) && parent.getCondition() !== node))) {
      node = parent;
      parent = node.getParent();
    }
    if (!parent || Node.isExpressionStatement(parent)) return;
    if (sinks.has(node)) return;
    if (kind.isSink(node, flow)) {
      sinks.add(node);
      return;
    }
    if (kind.isPassage?.(node, parent, flow)) return;
    if (Node.isVariableDeclaration(parent) && parent.getInitializer() === node) return carrier(parent);
    if (kind.fields && Node.isPropertyDeclaration(parent) && parent.getInitializer() === node) return carrier(parent);
    if (Node.isBinaryExpression(parent) && parent.getOperatorToken().getText() === "=") {
      const left = parent.getLeft();
      if (isExportTarget(left.getText())) return;
      if (left === node) return value(parent.getRight());
      const name = kind.fields && Node.isPropertyAccessExpression(left) ? left.getNameNode() : left;
      const declaration = isOwnName(name) ? project.declarationOf(name) : undefined;
      if (declaration) return carrier(declaration);
    }
    if (Node.isReturnStatement(parent) || (Node.isArrowFunction(parent) && parent.getBody() === node)) {
      const owner = Node.isArrowFunction(parent) ? parent : functionAround(parent);
      if (owner) return functionResult(owner);
    }
    if (Node.isCallExpression(parent) || Node.isNewExpression(parent)) {
      const index = parent.getArguments().indexOf(node);
      if (index >= 0) {
        const parameter = parametersOf(parent)?.[index];
        if (parameter) return carrier(parameter);
      }
    }
    if (kind.fields && (Node.isShorthandPropertyAssignment(parent) || Node.isPropertyAssignment(parent))) {
      const object = withAssertions(parent.getParent());
      const holder = object.getParent();
      const owner = Node.isArrowFunction(holder) ? holder : Node.isReturnStatement(holder) && functionAround(holder);
      if (owner) return memberOfResult(owner, parent.getName());
      if (Node.isCallExpression(holder) || Node.isNewExpression(holder)) {
        const parameter = parametersOf(holder)?.[holder.getArguments().indexOf(object)];
        if (Node.isParameterDeclaration(parameter)) return memberOfArgument(parameter, parent.getName());
      }
    }
    if (
      Node.isImportSpecifier(parent) ||
      Node.isExportSpecifier(parent) ||
      Node.isImportClause(parent) ||
      Node.isExportAssignment(parent) ||
      Node.isBindingElement(parent) ||
      Node.isTypeQuery(parent) ||
      ((Node.isShorthandPropertyAssignment(parent) || Node.isPropertyAssignment(parent)) && isExportedProperty(parent))
    )
      return;
    fail(parent, kind.unknownUse);
  };

  const callersOf = (owner: Node): { getArguments(): Node[] }[] => {
    let name: Node | undefined;
    if (Node.isFunctionDeclaration(owner)) name = owner.getNameNode();
    else if (Node.isMethodDeclaration(owner)) name = owner.getNameNode();
    else if (Node.isArrowFunction(owner) || Node.isFunctionExpression(owner)) {
      const holder = owner.getParent();
      if (Node.isVariableDeclaration(holder)) name = holder.getNameNode();
    } else if (Node.isConstructorDeclaration(owner)) {
      const parent = owner.getParent();
      if (Node.isClassDeclaration(parent)) name = parent.getNameNode();
    }
    if (!name || !isOwnName(name)) return fail(owner, "they pass through a function that has no name");
    const calls: { getArguments(): Node[] }[] = [];
    for (const reference of project.referencesTo(name)) {
      if (reference === name) continue;
      let node = reference;
      let parent = node.getParent();
      if (parent && Node.isPropertyAccessExpression(parent) && parent.getNameNode() === node) {
        node = parent;
        parent = node.getParent();
      }
      if (!parent) continue;
      if ((Node.isCallExpression(parent) || Node.isNewExpression(parent)) && parent.getExpression() === node) {
        calls.push(parent);
        continue;
      }
      if (
        isStaticMember(parent, node, owner) ||
        Node.isImportSpecifier(parent) ||
        Node.isExportSpecifier(parent) ||
        Node.isImportClause(parent) ||
        Node.isExportAssignment(parent) ||
        Node.isBindingElement(parent) ||
        Node.isTypeReference(parent) ||
        Node.isTypeQuery(parent) ||
        (Node.isVariableDeclaration(parent) && parent.getNameNode() === node) ||
        ((Node.isShorthandPropertyAssignment(parent) || Node.isPropertyAssignment(parent)) &&
          isExportedProperty(parent)) ||
        (Node.isBinaryExpression(parent) && isExportTarget(parent.getLeft().getText()))
      )
        continue;
      fail(parent, "a function that takes or gives them is handed on");
    }
    return calls;
  };

  const parametersOf = (call: Node): Node[] | undefined => {
    const callee = (call as unknown as { getExpression(): Node }).getExpression();
    const origin = project.originOf(callee);
    if (origin.kind === "function") return (origin.node as unknown as { getParameters?(): Node[] }).getParameters?.();
    if (origin.kind === "class" && (Node.isClassDeclaration(origin.node) || Node.isClassExpression(origin.node)))
      return origin.node.getConstructors()[0]?.getParameters();
    return undefined;
  };

  const flow: Flow = { sources, sinks, types, carriers: seen, value, use, fail, selected };
  try {
    start(flow);
  } catch (error) {
    if (!(error instanceof Unknown)) throw error;
    return { ok: false, detail: error.message };
  }
  return { ok: true, flow };
}

/** A declared property of a class, or what JavaScript has for it: the first `this.x = …`. */
function isField(declaration: Node): boolean {
  if (Node.isPropertyDeclaration(declaration)) return true;
  return Node.isPropertyAccessExpression(declaration) && Node.isThisExpression(declaration.getExpression());
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

/** `const { x } = require("…")`: a member of a module. */
function isRequired(element: Node): boolean {
  const owner = element.getParent()?.getParent();
  const from = owner && Node.isVariableDeclaration(owner) ? owner.getInitializer() : undefined;
  return from !== undefined && /^(await )?(require|import)\(/.test(from.getText());
}

/** Whether a class is another one or extends it. */
function isBelow(project: AnalysisProject, node: Node, above: Node | undefined, depth = 0): boolean {
  if (node === above) return true;
  const base = Node.isClassDeclaration(node) || Node.isClassExpression(node) ? node.getExtends() : undefined;
  if (!base || depth > 10) return false;
  const origin = project.originOf(base.getExpression());
  return origin.kind === "class" ? isBelow(project, origin.node, above, depth + 1) : origin.kind === "unknown";
}

function returnTypeOf(owner: Node): Node | undefined {
  return "getReturnTypeNode" in owner
    ? (owner as { getReturnTypeNode(): Node | undefined }).getReturnTypeNode()
    : undefined;
}

function nameOf(declaration: Node): Node {
  return (declaration as unknown as { getNameNode(): Node }).getNameNode();
}

type Around = Node & { getExpression(): Node };

/** `(x)`, `x as T`, `<T>x`, `x!`, `x satisfies T`: the same value. */
function isAssertion(node: Node): node is Around {
  return (
    Node.isParenthesizedExpression(node) ||
    Node.isAsExpression(node) ||
    Node.isTypeAssertion(node) ||
    Node.isNonNullExpression(node) ||
    Node.isSatisfiesExpression(node)
  );
}

/** Without the parentheses and assertions around it. */
export function peeled(node: Node): Node {
  let current = node;
  while (isAssertion(current)) current = current.getExpression();
  return current;
}

/** With the parentheses and assertions around it. */
export function withAssertions(node: Node): Node {
  return outermost(node, isAssertion);
}

function outermost(node: Node, isAround: (parent: Node) => boolean): Node {
  let current = node;
  for (let parent = node.getParent(); parent && isAround(parent); parent = parent.getParent()) current = parent;
  return current;
}

/** Values that stand for the value inside. */
export function isWrapper(node: Node): node is Around {
  return isAssertion(node) || Node.isAwaitExpression(node);
}

/** Is what a value stands in that value, awaited or not, or one of two? */
export function passesOn(parent: Node, value: Node): boolean {
  if (isWrapper(parent)) return true;
  if (Node.isConditionalExpression(parent)) return parent.getCondition() !== value;
  return Node.isBinaryExpression(parent) && /^(\|\||\?\?)$/.test(parent.getOperatorToken().getText());
}

/** Whether a node lies in another one. */
export function contains(outer: Node, inner: Node): boolean {
  return (
    outer.getSourceFile() === inner.getSourceFile() &&
    outer.getStart() <= inner.getStart() &&
    inner.getEnd() <= outer.getEnd()
  );
}

/** The function that a `return` would leave, accessors included. */
export function functionLeftBy(node: Node): Node | undefined {
  return node.getFirstAncestor((up) => Node.isFunctionLikeDeclaration(up) || Node.isFunctionExpression(up));
}

/** The function that a node stands in; undefined at the top of a module. */
export function functionAround(node: Node): Node | undefined {
  return node.getFirstAncestor(
    (ancestor) =>
      Node.isFunctionDeclaration(ancestor) ||
      Node.isFunctionExpression(ancestor) ||
      Node.isArrowFunction(ancestor) ||
      Node.isMethodDeclaration(ancestor) ||
      Node.isConstructorDeclaration(ancestor),
  );
}

/** `X.make()`, where `X` is the class whose constructor is looked at and which makes no instances by other names. */
function isStaticMember(access: Node, name: Node, owner: Node): boolean {
  if (!Node.isConstructorDeclaration(owner) || !Node.isPropertyAccessExpression(access)) return false;
  if (access.getExpression() !== name) return false;
  return (
    !/^(prototype|constructor|call|apply|bind)$/.test(access.getName()) &&
    !/\bnew this\b/.test(owner.getParent().getText())
  );
}

/** `null` or `undefined`, written out. */
export function isNothing(node: Node): boolean {
  return node.getText() === "null" || node.getText() === "undefined";
}
