import { Node, type SourceFile } from "ts-morph";
import { isHandedOn } from "../clients/error-escape.js";
import {
  type File,
  functionOf,
  isFunction,
  isIdentifier,
  memberName,
  nodeAt,
  type Parents,
  parentMap,
  type Node as TreeNode,
  unwrap,
  walk,
  withCasts,
} from "../shared/ast.js";
import { scopesOf } from "../shared/scope.js";
import { calleesOf } from "./client-error-callees.js";
import { nodeOf, type Trees } from "./client-trees.js";
import { isOfLanguage } from "./language.js";
import type { AnalysisProject } from "./project.js";

/** Errors of calls that the project turns into errors of its own before anybody else sees them. */
export interface TurnedErrors {
  /** Does a function or a class that is given the error look at it only, and make another one? `ApiError.from(err)`, `new ApiError(err)` */
  isTurned(call: TreeNode, argument: TreeNode, file: SourceFile): boolean;
  /** Does what fails, by a call or a name that holds one, fail for a catch clause or a `.catch` right there, which keeps the error? */
  staysIn(node: TreeNode, file: SourceFile, tree: File): boolean;
}

export function turnedErrors(project: AnalysisProject, trees: Trees): TurnedErrors {
  const callees = calleesOf(project);

  const isTurned = (call: TreeNode, argument: TreeNode, file: SourceFile, depth = 0): boolean => {
    const index = (call.arguments as TreeNode[]).indexOf(argument);
    const callee = nodeOf(file, call.callee);
    if (index === -1 || !callee || depth > 3) return false;
    const origin = project.originOf(callee);
    let owner: Node | undefined;
    if (call.type === "NewExpression") {
      if (origin.kind !== "class" || !isClass(origin.node)) return false;
      const [only, ...others] = origin.node.getConstructors();
      owner = others.length === 0 ? only : undefined;
    } else if (origin.kind === "function" && callees.of(call.callee, file) !== null) owner = origin.node;
    const parameter = owner && parameterOf(owner, index);
    const source = owner?.getSourceFile();
    const tree = source && trees(source);
    const param = tree && parameter && nodeAt(tree, parameter.getStart(), parameter.getEnd());
    const fn = param && parentMap(tree).get(param);
    if (!source || !tree || !isIdentifier(param) || !isFunction(fn)) return false;
    if (isHandedOn(param, fn.body, (inner, use) => isTurned(inner, use, source, depth + 1))) return false;
    return call.type === "NewExpression" || givesOwnErrors(fn, source, tree);
  };

  /** Is all that a function gives, or throws, made there by `new`? */
  const givesOwnErrors = (fn: TreeNode, file: SourceFile, tree: File): boolean => {
    const parents = parentMap(tree);
    const isMade = (value: TreeNode | null): boolean => {
      const given = value && unwrap(value);
      if (given?.type === "ConditionalExpression") return isMade(given.consequent) && isMade(given.alternate);
      if (given?.type !== "NewExpression") return false;
      const callee = nodeOf(file, given.callee);
      if (!callee) return false;
      if (isIdentifier(given.callee) && /Error$/.test(given.callee.name) && isOfLanguage(callee)) return true;
      const origin = project.originOf(callee);
      return origin.kind === "class" && isClass(origin.node);
    };
    if (fn.body.type !== "BlockStatement") return isMade(fn.body);
    let isOwn = true;
    walk(fn.body, (node) => {
      const isResult = node.type === "ReturnStatement" || node.type === "ThrowStatement";
      if (isResult && functionOf(node, parents) === fn && !isMade(node.argument)) isOwn = false;
      return isOwn;
    });
    return isOwn;
  };

  /** Does a handler keep an error to itself, whatever it throws instead? */
  const keeps = (param: TreeNode | null | undefined, body: TreeNode, file: SourceFile): boolean =>
    !param || (isIdentifier(param) && !isHandedOn(param, body, (call, use) => isTurned(call, use, file)));

  const staysIn = (node: TreeNode, file: SourceFile, tree: File): boolean => {
    const parents = parentMap(tree);
    const use = withCasts(node, parents);
    const parent = parents.get(use) as TreeNode;
    if (parent.type === "MemberExpression" && parent.object === use) {
      const call = parents.get(parent) as TreeNode;
      const [handler, ...others] = call.callee === parent ? (call.arguments as TreeNode[]) : [];
      return (
        memberName(parent) === "catch" &&
        isFunction(handler) &&
        others.length === 0 &&
        keeps(handler.params[0], handler.body, file)
      );
    }
    if (parent.type === "VariableDeclarator" && parent.init === use && isIdentifier(parent.id)) {
      const binding = scopesOf(tree).bindingOf(parent.id);
      return (
        binding !== undefined &&
        binding.writes.length === 0 &&
        binding.references.some((each) => isWaitedFor(each, parents)) &&
        binding.references.every((each) => isCancelled(each, parents) || staysIn(each, file, tree))
      );
    }
    return isWaitedFor(use, parents) && isCaught(use, parents, (clause) => keeps(clause.param, clause.body, file));
  };

  return { isTurned, staysIn };
}

function isClass(node: Node) {
  return Node.isClassDeclaration(node) || Node.isClassExpression(node);
}

function parameterOf(owner: Node, index: number): Node | undefined {
  const parameters = "getParameters" in owner ? (owner as unknown as { getParameters(): Node[] }).getParameters() : [];
  const parameter = parameters[index];
  return Node.isParameterDeclaration(parameter) && !parameter.isParameterProperty() && !parameter.isRestParameter()
    ? parameter
    : undefined;
}

/** `await x`, `for await (… of x)` */
function isWaitedFor(node: TreeNode, parents: Parents): boolean {
  const parent = parents.get(node) as TreeNode;
  return (
    parent.type === "AwaitExpression" || (parent.type === "ForOfStatement" && parent.await && parent.right === node)
  );
}

function isCancelled(node: TreeNode, parents: Parents): boolean {
  const parent = parents.get(node) as TreeNode;
  return parent.object === node && memberName(parent) === "cancel";
}

/** Does it stand in a `try` of its own function, with a catch clause that says yes? */
function isCaught(node: TreeNode, parents: Parents, says: (clause: TreeNode) => boolean): boolean {
  let inner = node;
  for (let outer = parents.get(inner); outer && !isFunction(outer); outer = parents.get(inner)) {
    if (outer.type === "TryStatement" && outer.block === inner && outer.handler && says(outer.handler)) return true;
    inner = outer;
  }
  return false;
}
