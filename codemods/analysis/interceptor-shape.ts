import {
  type ArrowFunction,
  type CallExpression,
  type FunctionDeclaration,
  type FunctionExpression,
  type MethodDeclaration,
  type NewExpression,
  Node,
  type PropertyAccessExpression,
  type PropertyAssignment,
  SyntaxKind,
  type VariableStatement,
} from "ts-morph";
import { functionLeftBy, peeled } from "./around-values.js";
import type { AnalysisProject } from "./project.js";

export type Callable = FunctionDeclaration | FunctionExpression | ArrowFunction | MethodDeclaration;

/** One hook of an interceptor: what it does, and what it hands to the next one. */
export interface Hook {
  readonly function: Callable;
  /** Without what hands on. */
  readonly statements: readonly Node[];
  /** `value.then((name) => { statements; next(…) })`, after the others. */
  readonly awaited: { readonly value: Node; readonly name: string | null; readonly statements: readonly Node[] } | null;
  /** The arguments that are handed on. */
  readonly passed: readonly Node[];
}

/** `(options, nextCall) => { before; return new InterceptingCall(nextCall(options), { hooks }) }` */
export interface InterceptorShape {
  readonly options: string;
  readonly nextCall: string;
  readonly before: readonly Node[];
  readonly start: Hook | null;
  readonly send: Hook | null;
  /** Sees the headers of the response. */
  readonly header: Hook | null;
  readonly receive: Hook | null;
  readonly status: Hook | null;
  /** The lines before `next` wait for something. */
  readonly isAsync: boolean;
}

const FORM = "an interceptor of another form than `new InterceptingCall(nextCall(options), …)`";

/** The hooks of an interceptor that grpc-js runs one after another; a string says what Connect's interceptors cannot do. */
export function shapeOf(project: AnalysisProject, interceptor: Callable): InterceptorShape | string {
  const [options, nextCall, ...more] = interceptor.getParameters();
  if (!options || !nextCall || more.length > 0 || interceptor.isAsync()) return FORM;
  const body = interceptor.getBody();
  let returned: Node | undefined = body;
  const before: Node[] = [];
  if (body && Node.isBlock(body)) {
    const statements = body.getStatements();
    const last = statements.pop();
    if (!last || !Node.isReturnStatement(last)) return FORM;
    returned = last.getExpression();
    before.push(...statements.filter((each) => !isUnusedListener(project, each)));
  }
  if (!returned || !isNew(project, returned, "InterceptingCall")) return FORM;
  const [call, requester] = returned.getArguments();
  if (call?.getText() !== `${nextCall.getName()}(${options.getName()})`) return FORM;
  if (namesIn(interceptor, nextCall.getName()).length !== 2)
    return "an interceptor that makes another call with nextCall";
  const members = requester ? membersOf(project, requester, "RequesterBuilder", before) : new Map<string, Node>();
  if (!members) return "an interceptor whose requester is not written out";
  for (const name of ["halfClose", "cancel"] as const) {
    const hook = members.get(name);
    if (hook && !passesEverything(hook)) return `an interceptor that acts on ${name}`;
  }
  const start = hookOf(members.get("start"), 3);
  if (typeof start === "string") return start;
  const send = hookOf(members.get("sendMessage"), 2);
  if (typeof send === "string") return send;
  const shape = { options: options.getName(), nextCall: nextCall.getName(), before, start, send };
  const [, listener] = start?.hook.passed ?? [];
  const none = { header: null, receive: null, status: null, isAsync: start?.isAsync ?? false };
  if (!start || !listener || listener.getText() === start.hook.function.getParameters()[1]?.getName())
    return { ...shape, start: start?.hook ?? null, send: send?.hook ?? null, ...none };
  const inStart = [...start.hook.statements];
  // It may be made in `start` or before it.
  const listeners =
    membersOf(project, listener, "ListenerBuilder", inStart) ?? membersOf(project, listener, "ListenerBuilder", before);
  if (!listeners) return "an interceptor whose listener is not written out";
  const onMetadata = listeners.get("onReceiveMetadata");
  const header = onMetadata && passesEverything(onMetadata) ? null : hookOf(onMetadata, 2);
  if (typeof header === "string") return header;
  const receive = hookOf(listeners.get("onReceiveMessage"), 2);
  if (typeof receive === "string") return receive;
  const status = hookOf(listeners.get("onReceiveStatus"), 2);
  if (typeof status === "string") return status;
  return {
    ...shape,
    start: { ...start.hook, statements: inStart },
    send: send?.hook ?? null,
    header: header?.hook ?? null,
    receive: receive?.hook ?? null,
    status: status?.hook ?? null,
    isAsync: start.isAsync,
  };
}

export function isNew(project: AnalysisProject, node: Node, name: string): node is NewExpression {
  if (!Node.isNewExpression(node)) return false;
  const origin = project.originOf(node.getExpression());
  return origin.kind === "grpc" && origin.path === name;
}

/** Mentions of a name that are no member of something else, nor what a function inside calls so. */
export function namesIn(node: Node, name: string): Node[] {
  return node.getDescendantsOfKind(SyntaxKind.Identifier).filter((identifier) => {
    if (identifier.getText() !== name) return false;
    const parent = identifier.getParent();
    if (Node.isPropertyAccessExpression(parent) && parent.getNameNode() === identifier) return false;
    if (Node.isPropertyAssignment(parent) && parent.getNameNode() === identifier) return false;
    return !identifier
      .getAncestors()
      .some((up) => up.getPos() >= node.getPos() && up.getEnd() <= node.getEnd() && up !== node && takes(up, name));
  });
}

function takes(node: Node, name: string): boolean {
  return isCallable(node) && node.getParameters().some((each) => each.getName() === name);
}

/**
 * The functions of a requester or listener: an object that is written out, or what a builder makes. A variable that holds it is
 * taken out of `statements`.
 */
export function membersOf(
  project: AnalysisProject,
  node: Node,
  builder: string,
  statements: Node[],
): Map<string, Node> | undefined {
  if (Node.isIdentifier(node)) {
    const at = statements.findIndex(
      (statement) => Node.isVariableStatement(statement) && declares(statement, node.getText()),
    );
    const statement = statements[at];
    if (!statement || !Node.isVariableStatement(statement)) return undefined;
    const initializer = statement.getDeclarations()[0]?.getInitializer();
    const members = initializer && membersOf(project, initializer, builder, []);
    if (!members || project.referencesTo(statement.getDeclarations()[0]?.getNameNode() as never).length > 2)
      return undefined;
    statements.splice(at, 1);
    return members;
  }
  const found = new Map<string, Node>();
  if (Node.isObjectLiteralExpression(node)) {
    for (const property of node.getProperties()) {
      const value = Node.isMethodDeclaration(property)
        ? property
        : Node.isPropertyAssignment(property)
          ? property.getInitializer()
          : undefined;
      if (!value) return undefined;
      found.set((property as PropertyAssignment).getName(), value);
    }
    return found;
  }
  if (!Node.isCallExpression(node) || memberName(node) !== "build") return undefined;
  let made: Node = (node.getExpression() as PropertyAccessExpression).getExpression();
  while (Node.isCallExpression(made)) {
    const name = /^with([A-Z])(\w+)$/.exec(memberName(made) ?? "");
    const [value] = made.getArguments();
    if (!name || !value) return undefined;
    found.set(`${name[1]?.toLowerCase()}${name[2]}`, value);
    made = (made.getExpression() as PropertyAccessExpression).getExpression();
  }
  return isNew(project, peeled(made), builder) ? found : undefined;
}

/** `const listener = new ListenerBuilder()….build();`, which is given to nothing: grpc-js never calls it. */
function isUnusedListener(project: AnalysisProject, statement: Node): boolean {
  if (!Node.isVariableStatement(statement)) return false;
  const [declaration, more] = statement.getDeclarations();
  const name = declaration?.getNameNode();
  const initializer = declaration?.getInitializer();
  if (more || !Node.isIdentifier(name) || !Node.isCallExpression(initializer)) return false;
  const hooks = membersOf(project, initializer, "ListenerBuilder", []);
  return !!hooks && [...hooks.values()].every(isCallable) && project.referencesTo(name).every((each) => each === name);
}

function declares(statement: VariableStatement, name: string): boolean {
  const [declaration, more] = statement.getDeclarations();
  return !more && declaration?.getName() === name;
}

export function memberName(call: CallExpression): string | undefined {
  const callee = call.getExpression();
  return Node.isPropertyAccessExpression(callee) ? callee.getName() : undefined;
}

export function isCallable(node: Node | undefined): node is Callable {
  return Node.isMethodDeclaration(node) || Node.isArrowFunction(node) || Node.isFunctionExpression(node);
}

/** `(x, next) => next(x)`, which changes nothing. */
export function passesEverything(node: Node): boolean {
  const found = isCallable(node) ? hookOf(node, node.getParameters().length) : undefined;
  if (!isCallable(node) || !found || typeof found === "string" || found.isAsync) return false;
  const names = node.getParameters().slice(0, -1);
  return (
    found.hook.statements.length === 0 &&
    found.hook.passed.length === names.length &&
    found.hook.passed.every((passed, i) => passed.getText() === names[i]?.getName())
  );
}

/** A hook whose last act is to hand on; only `start` may wait before it. */
export function hookOf(
  node: Node | undefined,
  count: number,
): { readonly hook: Hook; readonly isAsync: boolean } | null | string {
  if (!node) return null;
  const unknown = "an interceptor with a hook that may not hand on, or not as its last act";
  if (!isCallable(node)) return "an interceptor with a hook that is not written out";
  const parameters = node.getParameters();
  const next = parameters[count - 1];
  if (!next || parameters.some((each) => !Node.isIdentifier(each.getNameNode()))) return unknown;
  const body = node.getBody();
  const isStart = count === 3;
  if (!body || (node.isAsync() && !isStart)) return unknown;
  const statements = statementsOf(body);
  let last = statements.pop();
  const then = isStart && last && !node.isAsync() ? thenOf(expressionOf(last)) : undefined;
  const later = then && statementsOf(then.function.getBody() as Node);
  const inner = later?.pop();
  if (inner) last = inner;
  const call = last && expressionOf(last);
  if (!call || !Node.isCallExpression(call) || call.getExpression().getText() !== next.getName()) return unknown;
  if (namesIn(body, next.getName()).length !== 1) return unknown;
  // `return` and `this` would mean something else.
  const returns = body.getDescendantsOfKind(SyntaxKind.ReturnStatement);
  const handing = new Set<Node>(call.getAncestors());
  if (
    returns.some(
      (each) => !handing.has(each) && (functionLeftBy(each) === node || functionLeftBy(each) === then?.function),
    )
  )
    return unknown;
  if (body.getDescendantsOfKind(SyntaxKind.ThisKeyword).length > 0 && !Node.isArrowFunction(node)) return unknown;
  const awaited = then && later ? { value: then.value, name: then.name, statements: later } : null;
  return {
    hook: { function: node, statements, awaited, passed: call.getArguments() },
    isAsync: node.isAsync() || awaited !== null,
  };
}

export function statementsOf(body: Node): Node[] {
  return Node.isBlock(body) ? body.getStatements() : [body];
}

/** `value.then((name) => …)` with nothing for a failure. */
function thenOf(node: Node | undefined) {
  if (!node || !Node.isCallExpression(node) || memberName(node) !== "then") return undefined;
  const [handler, more] = node.getArguments();
  if (more || !(Node.isArrowFunction(handler) || Node.isFunctionExpression(handler)) || handler.isAsync())
    return undefined;
  const [parameter, another] = handler.getParameters();
  if (another || (parameter && !Node.isIdentifier(parameter.getNameNode()))) return undefined;
  const value = (node.getExpression() as PropertyAccessExpression).getExpression();
  return { value, name: parameter?.getText() ?? null, function: handler };
}

export function expressionOf(statement: Node): Node | undefined {
  if (Node.isExpressionStatement(statement) || Node.isReturnStatement(statement)) return statement.getExpression();
  return statement;
}
