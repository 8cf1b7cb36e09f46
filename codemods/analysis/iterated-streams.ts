import { Node, SyntaxKind } from "ts-morph";
import { isAssignmentTarget } from "../messages/message-syntax.js";
import { contains, functionLeftBy, isWrapper } from "./around-values.js";
import type { AnalysisProject } from "./project.js";
import { isNamedElsewhere } from "./unseen-results.js";

/**
 * Where a stream that a call gives goes, if all that happens to it is one `for await` (or `yield*`), wherever that is: behind functions that return it
 * and parameters that take it. Gives the names of types, `ClientReadableStream`, that it has on the way; undefined for any other use.
 */
export function iteratedOnly(project: AnalysisProject, call: Node): Node[] | undefined {
  const types: Node[] = [];
  const active = new Set<Node>();

  function ofValue(value: Node): boolean {
    const parent = value.getParent();
    if (!parent) return false;
    if (isWrapper(parent)) return (!Node.isAsExpression(parent) || ofType(parent.getTypeNode())) && ofValue(parent);
    if (Node.isForOfStatement(parent)) return parent.isAwaited() && parent.getExpression() === value;
    if (Node.isYieldExpression(parent)) return parent.getText().startsWith("yield*");
    if (Node.isVariableDeclaration(parent))
      return parent.getInitializer() === value && ofType(parent.getTypeNode()) && ofName(parent.getNameNode());
    if (Node.isReturnStatement(parent)) return ofFunction(functionLeftBy(parent));
    if (Node.isArrowFunction(parent)) return parent.getBody() === value && ofFunction(parent);
    return Node.isCallExpression(parent) && ofArgument(parent.getExpression(), parent.getArguments().indexOf(value));
  }

  /** A name that is used once: a stream gives its messages once. */
  function ofName(name: Node): boolean {
    if (!Node.isIdentifier(name)) return false;
    const [use, more] = project.referencesTo(name).filter((each) => each !== name);
    return use !== undefined && !more && !isAssignmentTarget(use) && !isRepeated(use, name) && ofValue(use);
  }

  function ofArgument(callee: Node, index: number): boolean {
    const origin = project.originOf(callee);
    const parameter =
      origin.kind === "function" && Node.isParametered(origin.node) ? origin.node.getParameters()[index] : undefined;
    if (index < 0 || !parameter || parameter.isRestParameter()) return false;
    // Others may pass something else, which the type says too.
    const type = parameter.getTypeNode();
    const isOpen = !type || /^(any|AsyncIterable<.*>)$/s.test(type.getText());
    if (!isOpen || active.has(parameter)) return false;
    active.add(parameter);
    const isIterated = ofName(parameter.getNameNode());
    active.delete(parameter);
    return isIterated;
  }

  /** What all calls of a function do with what it gives. */
  function ofFunction(fn: Node | undefined): boolean {
    if (!fn || active.has(fn) || !Node.isReturnTyped(fn) || (Node.isGeneratorable(fn) && fn.isGenerator()))
      return false;
    if (!ofType(fn.getReturnTypeNode()) || Node.isGetAccessorDeclaration(fn)) return false;
    active.add(fn);
    const uses = usesOf(fn);
    const isIterated = uses !== undefined && uses.length > 0 && uses.every(ofUse);
    active.delete(fn);
    return isIterated;
  }

  function usesOf(fn: Node): Node[] | undefined {
    const holder = fn.getParent();
    if (Node.isMethodDeclaration(fn)) return accessesOf(fn.getName(), fn);
    const name = Node.isFunctionDeclaration(fn)
      ? fn.getNameNode()
      : Node.isVariableDeclaration(holder) && !holder.getTypeNode()
        ? holder.getNameNode()
        : undefined;
    if (!name || !Node.isIdentifier(name)) return undefined;
    return project.referencesTo(name).filter((each) => each !== name && !isNamedElsewhere(each));
  }

  /** Methods are told by name; where another thing declares one of the name, it is not known whose it is. */
  function accessesOf(name: string, method: Node): Node[] | undefined {
    const found: Node[] = [];
    for (const each of project.identifiersNamed(name)) {
      const parent = each.getParent();
      if (Node.isPropertyAccessExpression(parent) && parent.getNameNode() === each) {
        if (project.originOf(parent.getExpression()).kind !== "client") found.push(each);
      } else if (parent !== method && !Node.isIdentifier(parent) && isDeclared(each)) return undefined;
    }
    return found;
  }

  function ofUse(use: Node): boolean {
    const access = use.getParent();
    const callee = Node.isPropertyAccessExpression(access) && access.getNameNode() === use ? access : use;
    const made = callee.getParent();
    return Node.isCallExpression(made) && made.getExpression() === callee && ofValue(made);
  }

  /** `ClientReadableStream<T>`, `Promise<…>` of it, or what a stream is anyway. */
  function ofType(type: Node | undefined): boolean {
    if (!type || /^(any|unknown)$/.test(type.getText())) return true;
    if (!Node.isTypeReference(type)) return false;
    const name = type.getTypeName();
    const [inner, more] = type.getTypeArguments();
    if (name.getText() === "AsyncIterable") return true;
    if (name.getText() === "Promise") return !more && ofType(inner);
    const origin = project.originOfType(type);
    const isStream = origin.kind === "grpc" && /^(client\.)?ClientReadableStream$/.test(origin.path);
    if (!isStream || !inner || more || !project.isSelected(type.getSourceFile().getFilePath())) return false;
    if (!types.includes(name)) types.push(name);
    return true;
  }

  return ofValue(call) ? types : undefined;
}

/** Is a name of outside used in a loop, or in another function, which may run again? */
function isRepeated(use: Node, name: Node): boolean {
  const outer = functionLeftBy(name);
  for (let node = use.getParent(); node && node !== outer; node = node.getParent()) {
    if (Node.isFunctionLikeDeclaration(node) || Node.isFunctionExpression(node)) return true;
    const isLoop =
      Node.isIterationStatement(node) && !(Node.isForOfStatement(node) && contains(node.getExpression(), use));
    if (isLoop && !name.getFirstAncestor((up) => up === node)) return true;
  }
  return false;
}

/** Does a name stand where a method or a member of that name is declared or taken out of an object? */
function isDeclared(name: Node): boolean {
  const parent = name.getParent();
  return (
    Node.isMethodDeclaration(parent) ||
    Node.isMethodSignature(parent) ||
    Node.isPropertySignature(parent) ||
    Node.isPropertyDeclaration(parent) ||
    Node.isPropertyAssignment(parent) ||
    Node.isShorthandPropertyAssignment(parent) ||
    Node.isBindingElement(parent) ||
    parent?.getKind() === SyntaxKind.Parameter
  );
}
