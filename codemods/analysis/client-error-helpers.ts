import { Node, type SourceFile } from "ts-morph";
import { type File, isFunction, nodeAt, parentMap, type Node as TreeNode } from "../shared/ast.js";
import type { MixedPlace } from "./client-error-places.js";
import { nodeOf, type Trees } from "./client-trees.js";
import { isExportTarget } from "./exports.js";
import type { AnalysisProject } from "./project.js";

/** A parameter of one of the project's functions that errors are passed to. */
export interface Helper extends MixedPlace {
  /** What is passed in all its calls, undefined for nothing; null where not all of them are known. */
  readonly passed: readonly { readonly tree: File; readonly node: TreeNode | undefined }[] | null;
}

/** The parameters that an argument of a call goes to, with all that is passed for them; null if they are not all known. */
export function helpersOf(
  project: AnalysisProject,
  file: SourceFile,
  call: TreeNode,
  index: number,
  trees: Trees,
): readonly Helper[] | null {
  const callee = nodeOf(file, call.callee as TreeNode);
  const owners = callee && functionsOf(project, callee, index);
  if (!owners) return null;
  const found: Helper[] = [];
  for (const owner of owners) {
    const parameter = parametersOf(owner)[index];
    const rest = parametersOf(owner).at(-1);
    if (rest?.isRestParameter() && index >= parametersOf(owner).length - 1) {
      if (!isPrintedOnly(project, rest.getNameNode())) return null;
      continue;
    }
    // What a function does not take, it does not see.
    if (!parameter && !/\barguments\b/.test(owner.getText())) continue;
    const helper = parameter && helperOf(project, owner, parameter, index, trees);
    if (!helper) return null;
    found.push(helper);
  }
  return found;
}

/** The functions that a callee may be: a function by its name, or whatever is passed for a parameter, which may be a task's callback. */
function functionsOf(project: AnalysisProject, callee: Node, index: number): readonly Node[] | undefined {
  const declared = Node.isIdentifier(callee) ? project.declarationOf(callee) : undefined;
  if (!declared || !Node.isParameterDeclaration(declared)) {
    const origin = project.originOf(callee);
    if (origin.kind === "class" && Node.isNewExpression(callee.getParent())) return constructorsOf(origin.node);
    return origin.kind === "function" ? [origin.node] : undefined;
  }
  const known = project.valuesPassed(declared);
  const passed = known ?? (index === 0 ? callbacksOfTasks(project, declared) : undefined);
  if (!passed || known?.length === 0) return undefined;
  const owners: Node[] = [];
  for (const value of passed) {
    const origin = value && project.originOf(value);
    if (origin?.kind !== "function") return undefined;
    if (!owners.includes(origin.node)) owners.push(origin.node);
  }
  return owners;
}

/** `new NotFound(err)`, where the class itself says what becomes of what it is given. */
function constructorsOf(node: Node): readonly Node[] | undefined {
  if (!Node.isClassDeclaration(node) && !Node.isClassExpression(node)) return undefined;
  const [own] = node.getConstructors();
  return own && [own];
}

/** Functions of `async` that run tasks, and give the first error of one to a callback of their own, or to the promise that they return. */
const RUNS_TASKS = /^(series|parallel)$/;

/**
 * What takes the error of a task of `async.series([task, …], callback)`, for the callback that the task is given; nothing, where the promise is
 * nobody's. Undefined for a function that is, or may be, called by anything else.
 */
function callbacksOfTasks(project: AnalysisProject, parameter: Node): Node[] | undefined {
  const owner = parameter.getParent();
  if (!owner || parametersOf(owner).length !== 1) return undefined;
  const holder = owner.getParent();
  const name = Node.isFunctionDeclaration(owner)
    ? owner.getNameNode()
    : Node.isVariableDeclaration(holder)
      ? holder.getNameNode()
      : undefined;
  const uses = name && Node.isIdentifier(name) ? project.referencesTo(name).filter((each) => each !== name) : [owner];
  const found: Node[] = [];
  let isTask = false;
  for (const use of uses) {
    const list = use.getParent();
    if (Node.isBinaryExpression(list) && isExportTarget(list.getLeft().getText())) continue;
    const call = Node.isArrayLiteralExpression(list) ? list.getParent() : undefined;
    if (!Node.isCallExpression(call) || call.getArguments()[0] !== list) return undefined;
    const origin = project.originOf(call.getExpression());
    if (origin.kind !== "external" || origin.module !== "async" || !RUNS_TASKS.test(origin.path)) return undefined;
    isTask = true;
    const [, callback] = call.getArguments();
    if (callback) found.push(callback);
    else if (!Node.isExpressionStatement(call.getParent())) return undefined;
  }
  return isTask ? found : undefined;
}

function parametersOf(owner: Node) {
  const parameters = "getParameters" in owner ? (owner as unknown as { getParameters(): Node[] }).getParameters() : [];
  return parameters.filter((each) => Node.isParameterDeclaration(each));
}

function helperOf(
  project: AnalysisProject,
  owner: Node,
  parameter: ReturnType<typeof parametersOf>[number],
  index: number,
  trees: Trees,
): Helper | null {
  // A field that is declared in the brackets keeps the error.
  if (parameter.isParameterProperty() || parameter.isRestParameter() || parameter.hasInitializer()) return null;
  if (!Node.isIdentifier(parameter.getNameNode())) return null;
  const tree = trees(owner.getSourceFile());
  const param = tree && nodeAt(tree, parameter.getStart(), parameter.getEnd());
  const declared = param && tree && parentMap(tree).get(param);
  if (!tree || !param || !declared || !isFunction(declared)) return null;
  const values = project.valuesPassed(parameter) ?? valuesOfCallback(project, owner, index);
  return {
    kind: "helper",
    file: owner.getSourceFile(),
    tree,
    param,
    body: declared.body,
    within: null,
    isMixed: false,
    isOfCancelled: false,
    passed: values ? placed(values, trees) : null,
  };
}

/** What a function passes to a callback that is written where it is passed. */
function valuesOfCallback(project: AnalysisProject, callback: Node, index: number): (Node | undefined)[] | undefined {
  const call = callback.getParent();
  if (!call || !Node.isCallExpression(call)) return undefined;
  const origin = project.originOf(call.getExpression());
  if (origin.kind !== "function") return undefined;
  const taken = parametersOf(origin.node)[call.getArguments().indexOf(callback)]?.getNameNode();
  if (!taken || !Node.isIdentifier(taken)) return undefined;
  const values: (Node | undefined)[] = [];
  for (const reference of project.referencesTo(taken)) {
    const use = reference.getParent();
    if (reference === taken || isTest(reference, use)) continue;
    if (!use || !Node.isCallExpression(use) || use.getExpression() !== reference) return undefined;
    if (use.getArguments().some((each) => Node.isSpreadElement(each))) return undefined;
    values.push(use.getArguments()[index]);
  }
  return values;
}

/** `if (callback)`, `callback && …` */
function isTest(node: Node, parent: Node | undefined): boolean {
  if (Node.isBinaryExpression(parent)) return parent.getLeft() === node && parent.getOperatorToken().getText() === "&&";
  return (
    (Node.isIfStatement(parent) && parent.getExpression() === node) ||
    Node.isPrefixUnaryExpression(parent) ||
    Node.isTypeOfExpression(parent)
  );
}

/** `console.error(...args)`: what people read, as at `console.error(err)` itself. Other text may be added. */
function isPrintedOnly(project: AnalysisProject, name: Node): boolean {
  if (!Node.isIdentifier(name)) return false;
  return project.referencesTo(name).every((reference) => {
    const parent = reference.getParent();
    const use = parent?.getParent();
    if (reference === name) return true;
    if (Node.isSpreadElement(parent))
      return (
        Node.isCallExpression(use) && /^console\.(log|info|debug|warn|error|trace)$/.test(use.getExpression().getText())
      );
    return (
      Node.isPropertyAccessExpression(parent) &&
      /^(push|unshift)$/.test(parent.getName()) &&
      Node.isCallExpression(use) &&
      Node.isExpressionStatement(use.getParent())
    );
  });
}

function placed(values: readonly (Node | undefined)[], trees: Trees): Helper["passed"] {
  const passed: { tree: File; node: TreeNode | undefined }[] = [];
  for (const value of values) {
    if (value === undefined) continue;
    const tree = trees(value.getSourceFile());
    if (!tree) return null;
    passed.push({ tree, node: nodeAt(tree, value.getStart(), value.getEnd()) });
  }
  return passed;
}
