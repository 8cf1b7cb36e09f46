import { Node, SyntaxKind } from "ts-morph";
import { contains, functionAround } from "./around-values.js";
import { isOwnName } from "./member-calls.js";
import type { AnalysisProject } from "./project.js";

/**
 * Does code among statements that wait for nothing run only when these have run: in a function that a signal or a timer calls,
 * or in one that is named there and called by code behind them?
 */
export function runsLater(
  project: AnalysisProject,
  node: Node,
  among: readonly Node[],
  seen = new Set<Node>(),
): boolean {
  const fn = functionAround(node);
  if (!fn || !among.some((statement) => contains(statement, fn))) return false;
  if (seen.has(fn)) return true;
  seen.add(fn);
  if (isGivenToLater(project, fn) || runsLater(project, fn, among, seen)) return true;
  const variable = fn.getParent();
  const name = Node.isFunctionDeclaration(fn)
    ? fn.getNameNode()
    : Node.isVariableDeclaration(variable) && variable.getVariableStatement()?.getDeclarationKind() === "const"
      ? variable.getNameNode()
      : undefined;
  if (!name || !isOwnName(name)) return false;
  const owner = functionAround(among[0] as Node);
  const end = (among.at(-1) as Node).getEnd();
  return project.referencesTo(name).every((reference) => {
    if (reference === name || isGivenToLater(project, reference) || runsLater(project, reference, among, seen))
      return true;
    const isBehind = reference.getSourceFile() === name.getSourceFile() && reference.getStart() > end;
    return isBehind && functionAround(reference) === owner;
  });
}

/** An argument of `process.on("SIGTERM", …)`, `setTimeout(…)` and the like. */
function isGivenToLater(project: AnalysisProject, node: Node): boolean {
  const call = node.getParent();
  if (!Node.isCallExpression(call) || !call.getArguments().includes(node)) return false;
  const callee = call.getExpression().getText();
  if (/^(?:setTimeout|setInterval|setImmediate|queueMicrotask|process\.nextTick)$/.test(callee)) return true;
  const [event] = call.getArguments();
  return /^process\.(?:on|once|addListener)$/.test(callee) && event !== undefined && isSignal(project, event);
}

/** `"SIGTERM"`, or what goes through a list of such names. */
function isSignal(project: AnalysisProject, event: Node): boolean {
  if (Node.isStringLiteral(event)) return event.getLiteralText().startsWith("SIG");
  const declaration = Node.isIdentifier(event) ? project.declarationOf(event) : undefined;
  const loop = declaration?.getParent()?.getParent();
  const list = Node.isParameterDeclaration(declaration)
    ? listOfForEach(declaration)
    : Node.isForOfStatement(loop)
      ? loop.getExpression()
      : undefined;
  const names = Node.isAsExpression(list) ? list.getExpression() : list;
  return Node.isArrayLiteralExpression(names) && names.getElements().every((each) => isSignal(project, each));
}

/** The list in `list.forEach((each) => …)`. */
function listOfForEach(parameter: Node): Node | undefined {
  const fn = parameter.getParent();
  const callee = fn?.getParentIfKind(SyntaxKind.CallExpression)?.getExpression();
  const isFirst = Node.isArrowFunction(fn) && fn.getParameters()[0] === parameter;
  if (!isFirst || !Node.isPropertyAccessExpression(callee) || callee.getName() !== "forEach") return undefined;
  const list = callee.getExpression();
  return Node.isParenthesizedExpression(list) ? list.getExpression() : list;
}
