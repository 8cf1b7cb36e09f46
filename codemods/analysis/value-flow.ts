import { Node, SyntaxKind } from "ts-morph";
import { functionAround, isNothing, isWrapper, peeled, returnTypeOf } from "./around-values.js";
import { isExportTarget, isOnlyNamed } from "./exports.js";
import { isFilledFirst } from "./filled-names.js";
import { isOwnName } from "./member-calls.js";
import { createObjectFlow } from "./object-flow.js";
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
      if (
        isOfObject &&
        Node.isPropertyAccessExpression(inner) &&
        objects.memberOf(inner.getExpression(), inner.getName())
      )
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
    if (kind.fields && Node.isBindingElement(declaration)) return objects.taken(declaration);
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
    if (
      kind.fields &&
      (Node.isShorthandPropertyAssignment(parent) || Node.isPropertyAssignment(parent)) &&
      objects.holds(parent)
    )
      return;
    if (isOnlyNamed(parent)) return;
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
        isOnlyNamed(parent) ||
        (Node.isVariableDeclaration(parent) && parent.getNameNode() === node) ||
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

  const { isNeeded = false, unknownUse } = kind;
  const input = {
    project,
    isNeeded,
    unknownUse,
    value,
    use,
    fail,
    selected,
    annotation,
    resultsOf,
    callersOf,
    parametersOf,
  };
  const objects = createObjectFlow(input);
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

function nameOf(declaration: Node): Node {
  return (declaration as unknown as { getNameNode(): Node }).getNameNode();
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
