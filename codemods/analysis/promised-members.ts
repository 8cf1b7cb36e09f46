import { type CallExpression, Node, VariableDeclarationKind } from "ts-morph";
import { memberCall, memberOf } from "./member-calls.js";
import type { AnalysisProject } from "./project.js";

/**
 * A call of `promisify(server.bindAsync.bind(server))`, by that expression or by the name that it has;
 * `promisify(server.tryShutdown).call(server)`; or `server.forceShutdown.bind(server)` itself, a function that goes elsewhere.
 */
export interface PromisedCall {
  readonly member: string;
  /** The server, as it is named there. */
  readonly server: string;
  /** `promisify`, as it is named there; null: the member is bound only. */
  readonly promisify: string | null;
  /** The statement that gives the promising function a name; nothing needs it once its calls have changed. */
  readonly declaration: Node | null;
}

/** The calls that a mention of a server makes possible through `promisify` or `bind`; undefined: it is something else. */
export function promisedCallsOf(
  project: AnalysisProject,
  server: Node,
): ReadonlyMap<CallExpression, PromisedCall> | undefined {
  const access = server.getParent();
  if (!access || !Node.isPropertyAccessExpression(access) || access.getExpression() !== server) return undefined;
  const member = access.getName();
  const text = server.getText();
  const bound = boundTo(access, text);
  const inner = promisifyOf(bound ?? access);
  if (bound && !inner && /^(start|tryShutdown|forceShutdown)$/.test(member))
    return new Map([[bound, { member, server: text, promisify: null, declaration: null }]]);
  if (member !== "bindAsync" && member !== "tryShutdown") return undefined;
  const made = inner && (bound ? inner : boundTo(inner, text));
  const called = inner && !made && member === "tryShutdown" ? boundTo(inner, text, "call") : undefined;
  if (!inner || !(made ?? called)) return undefined;
  const common = { member, server: text, promisify: inner.getExpression().getText() };
  if (called) return new Map([[called, { ...common, declaration: null }]]);
  const parent = made?.getParent();
  if (parent && Node.isCallExpression(parent) && parent.getExpression() === made)
    return new Map([[parent, { ...common, declaration: null }]]);
  const statement = parent && Node.isVariableDeclaration(parent) ? parent.getVariableStatement() : undefined;
  const name = parent && Node.isVariableDeclaration(parent) ? parent.getNameNode() : undefined;
  if (
    !statement ||
    !name ||
    !Node.isIdentifier(name) ||
    statement.getDeclarationKind() !== VariableDeclarationKind.Const ||
    statement.getDeclarations().length !== 1
  )
    return undefined;
  const calls = new Map<CallExpression, PromisedCall>();
  for (const reference of project.referencesTo(name)) {
    if (reference === name) continue;
    const call = reference.getParent();
    if (!call || !Node.isCallExpression(call) || call.getExpression() !== reference) return undefined;
    if (call.getSourceFile() !== server.getSourceFile()) return undefined;
    calls.set(call, { ...common, declaration: statement });
  }
  return calls;
}

/** The member that a use of a server calls, itself or through `promisify`. */
export function memberOfUse(use: CallExpression, promised: ReadonlyMap<CallExpression, PromisedCall>): string {
  return promised.get(use)?.member ?? memberOf(use);
}

/** The second mention in `server.bindAsync.bind(server)` and `promisify(server.tryShutdown).call(server)`. */
export function isBoundSelf(server: Node): boolean {
  const call = server.getParent();
  return (
    call !== undefined &&
    Node.isCallExpression(call) &&
    call.getArguments()[0] === server &&
    /\.(bind|call)$/.test(call.getExpression().getText()) &&
    call.getExpression().getText().includes(`${server.getText()}.`)
  );
}

/** `x.bind(server)` around `x`, or `x.call(server)`. */
function boundTo(node: Node, server: string, how: "bind" | "call" = "bind"): CallExpression | undefined {
  const call = memberCall(node);
  const given = call?.getArguments() ?? [];
  return call && memberOf(call) === how && given.length === 1 && given[0]?.getText() === server ? call : undefined;
}

function promisifyOf(node: Node): CallExpression | undefined {
  const call = node.getParent();
  return call &&
    Node.isCallExpression(call) &&
    call.getArguments().length === 1 &&
    call.getArguments()[0] === node &&
    /^(util\.)?promisify$/.test(call.getExpression().getText())
    ? call
    : undefined;
}
