import { type CallExpression, Node, type PropertyAccessExpression, type SourceFile } from "ts-morph";
import { legacyMethodKeys } from "../generate/legacy-method-keys.js";
import { withAssertions } from "./around-values.js";
import { localDeclaration } from "./assignments.js";
import type { Service } from "./client-services.js";
import { exportsOf } from "./exports.js";
import type { AnalysisProject } from "./project.js";

/**
 * Where a method of a service is called, in the way of grpc-js, on something that nothing proves to be another thing than its client:
 * `get(name).getItem(request, callback)`. The client may have come there, by a way that is not followed.
 */
export function suspectedUses(
  project: AnalysisProject,
  service: Service,
  isOfProgram: (file: SourceFile) => boolean,
): Node[] {
  const files = new Set(project.files.filter(isOfProgram));
  const known = new Set(service.calls.map((call) => call.node));
  const found: Node[] = [];
  for (const method of project.protos.service(service.name)?.methods ?? [])
    for (const key of legacyMethodKeys(method))
      for (const name of project.identifiersNamed(key)) {
        const access = name.getParent();
        if (!Node.isPropertyAccessExpression(access) || access.getNameNode() !== name) continue;
        if (!files.has(access.getSourceFile())) continue;
        const { kind } = project.protos.rpc(method);
        const call = calledBy(access);
        if (call ? known.has(call) || !mayBeRpc(call, kind) : !isTaken(access)) continue;
        if (name.getSymbol() === undefined && !isOther(project, access.getExpression())) found.push(access);
      }
  return found;
}

function calledBy(access: PropertyAccessExpression): CallExpression | undefined {
  const call = access.getParent();
  return Node.isCallExpression(call) && call.getExpression() === access ? call : undefined;
}

/** `promisify(x.getItem)`, `x.getItem.bind(x)` */
function isTaken(access: PropertyAccessExpression): boolean {
  const parent = withAssertions(access).getParent();
  if (Node.isPropertyAccessExpression(parent)) return /^(bind|call|apply)$/.test(parent.getName());
  return Node.isCallExpression(parent) && /promisify/i.test(parent.getExpression().getText());
}

/** Has it the arguments that a method of this kind takes: a request that is an object, a callback? */
function mayBeRpc(call: CallExpression, kind: string): boolean {
  const args = call.getArguments();
  if (args.some((each) => Node.isSpreadElement(each))) return true;
  const [first] = args;
  const last = args.at(-1);
  const takesRequest = kind === "unary" || kind === "server_streaming";
  const takesCallback = kind === "unary" || kind === "client_streaming";
  if (takesRequest && (!first || isNoMessage(first))) return false;
  if (takesCallback && (!last || isNoFunction(last) || (takesRequest && last === first))) return false;
  return takesRequest || takesCallback || args.every((each) => !isNoMessage(each));
}

function isNoMessage(node: Node): boolean {
  return (
    Node.isStringLiteral(node) ||
    Node.isNoSubstitutionTemplateLiteral(node) ||
    Node.isTemplateExpression(node) ||
    Node.isNumericLiteral(node) ||
    Node.isRegularExpressionLiteral(node) ||
    Node.isArrayLiteralExpression(node) ||
    Node.isArrowFunction(node) ||
    Node.isFunctionExpression(node)
  );
}

function isNoFunction(node: Node): boolean {
  return (
    Node.isObjectLiteralExpression(node) ||
    (isNoMessage(node) && !Node.isArrowFunction(node) && !Node.isFunctionExpression(node))
  );
}

/** Is it known to be something else: of another package or of the language, or made of one? */
function isOther(project: AnalysisProject, node: Node, depth = 0): boolean {
  if (depth > 8) return false;
  const again = (inner: Node) => isOther(project, inner, depth + 1);
  const origin = project.originOf(node);
  if (origin.kind === "module") {
    const { whole } = exportsOf(origin.file);
    return !whole || again(whole);
  }
  if (origin.kind !== "unknown") return true;
  if (Node.isPropertyAccessExpression(node) || Node.isAwaitExpression(node) || Node.isParenthesizedExpression(node))
    return again(node.getExpression());
  if (Node.isCallExpression(node) || Node.isNewExpression(node)) {
    const callee = node.getExpression();
    if (!Node.isIdentifier(callee) && !Node.isPropertyAccessExpression(callee)) return false;
    return project.originOf(callee).kind !== "function" && again(callee) && !node.getArguments().some(mayHoldClient);
  }
  if (!Node.isIdentifier(node)) return Node.isLiteralExpression(node);
  const declaration = localDeclaration(node);
  if (!declaration) return true;
  if (Node.isParameterDeclaration(declaration))
    return project.valuesPassed(declaration)?.every((value) => value === undefined || again(value)) ?? false;
  const initializer = Node.isVariableDeclaration(declaration) ? declaration.getInitializer() : undefined;
  return initializer !== undefined && again(initializer);

  function mayHoldClient(given: Node): boolean {
    if (isNoMessage(given) || Node.isObjectLiteralExpression(given)) return false;
    return /^(client|object|instance|class|module)$/.test(project.originOf(given).kind) || !again(given);
  }
}
