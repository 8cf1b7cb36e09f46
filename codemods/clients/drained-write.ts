import { isFunction, isIdentifier, isWithin, memberName, type Node, type Parents } from "../shared/ast.js";
import { isNewPromise } from "../shared/scope.js";

/** `if (!call.write(message)) await …`, or `await` of a write's callback: it waits until more may be written. */
export interface DrainedWrite {
  readonly statement: Node;
  readonly write: Node;
}

/** The statement that waits behind a write until the call drains, if that is all it does. */
export function drainedWrite(reference: Node, parents: Parents, isOnlyWritten: boolean): DrainedWrite | undefined {
  const write = parents.get(parents.get(reference) as Node) as Node;
  const promised = promisedWrite(write, parents);
  if (promised) return { statement: promised, write };
  const negation = parents.get(write);
  const statement = negation && parents.get(negation);
  const isAsked = negation?.type === "UnaryExpression" && negation.operator === "!" && statement?.test === negation;
  if (!isAsked || statement.type !== "IfStatement" || statement.alternate || write.arguments?.length !== 1)
    return undefined;
  const list = parents.get(statement)?.body;
  const only = onlyStatement(statement.consequent);
  const awaited = only?.type === "ExpressionStatement" ? only.expression : undefined;
  if (!Array.isArray(list) || awaited?.type !== "AwaitExpression") return undefined;
  const { argument } = awaited;
  // A stream that is read, too, emits its error, with which `once` rejects.
  const isWaiting =
    (isOnlyWritten && isOnceOf(argument, reference.name)) || isPromiseOf(argument, reference.name, parents);
  return isWaiting ? { statement, write } : undefined;
}

/** Is a reference to a call a part of a write that waits, and not of its message? */
export function isOfDrained(reference: Node, drained: readonly DrainedWrite[]): boolean {
  return drained.some(
    ({ statement, write }) => isWithin(reference, statement) && !isWithin(reference, write.arguments[0] as Node),
  );
}

/** `await new Promise((resolve, reject) => call.write(message, (error) => (error ? reject(error) : resolve())));`: the statement. */
function promisedWrite(write: Node, parents: Parents): Node | undefined {
  const [, callback, ...more] = write.type === "CallExpression" ? (write.arguments as Node[]) : [];
  if (!callback || more.length > 0) return undefined;
  let executor = parents.get(write) as Node;
  if (executor.type === "ExpressionStatement") executor = parents.get(parents.get(executor) as Node) as Node;
  const promise = isFunction(executor) ? parents.get(executor) : undefined;
  if (!isNewPromise(promise, parents)) return undefined;
  const body = isFunction(executor) ? onlyStatement(executor.body) : undefined;
  const awaited = parents.get(promise);
  const statement = awaited?.type === "AwaitExpression" ? parents.get(awaited) : undefined;
  const isAlone = (body === write || body?.expression === write) && statement?.type === "ExpressionStatement";
  const [resolve, reject] = isFunction(executor) ? (executor.params as Node[]) : [];
  return isAlone && isIdentifier(resolve) && settles(callback, resolve.name, reject) ? statement : undefined;
}

/** `resolve`, or a function that resolves or, with an error, rejects: a write of grpc-js has none. */
function settles(callback: Node, resolve: string, reject: Node | undefined): boolean {
  if (isIdentifier(callback, resolve)) return true;
  if (!isFunction(callback)) return false;
  const calls = (node: Node | undefined, name: string) =>
    node?.type === "CallExpression" && isIdentifier(node.callee, name) && node.arguments.length <= 1;
  const only = onlyStatement(callback.body);
  const value = only?.type === "ExpressionStatement" ? only.expression : only;
  if (callback.params.length === 0) return calls(value, resolve) && value?.arguments.length === 0;
  if (value?.type !== "ConditionalExpression" || !isIdentifier(reject)) return false;
  return calls(value.consequent, reject.name) && calls(value.alternate, resolve);
}

function onlyStatement(node: Node): Node | undefined {
  if (node.type !== "BlockStatement") return node;
  const [only, ...more] = node.body as Node[];
  return more.length > 0 ? undefined : only;
}

/** `once(call, "drain")` */
function isOnceOf(node: Node, name: string): boolean {
  if (node.type !== "CallExpression" || node.arguments.length !== 2) return false;
  const callee = isIdentifier(node.callee) ? node.callee.name : memberName(node.callee);
  return callee === "once" && isIdentifier(node.arguments[0], name) && isDrain(node.arguments[1]);
}

/** `new Promise((resolve) => call.once("drain", resolve))` */
function isPromiseOf(node: Node, name: string, parents: Parents): boolean {
  const [executor] = isNewPromise(node, parents) ? node.arguments : [];
  if (!isFunction(executor) || executor.params.length !== 1 || !isIdentifier(executor.params[0])) return false;
  const inner = onlyStatement(executor.body);
  const call = inner?.type === "ExpressionStatement" ? inner.expression : inner;
  return (
    call?.type === "CallExpression" &&
    memberName(call.callee) === "once" &&
    isIdentifier(call.callee.object, name) &&
    call.arguments.length === 2 &&
    isDrain(call.arguments[0]) &&
    isIdentifier(call.arguments[1], executor.params[0].name)
  );
}

function isDrain(node: Node | undefined): boolean {
  return node?.type === "StringLiteral" && node.value === "drain";
}
