import { type FunctionNode, functionOf, isFunction, memberName, type Node, type Parents } from "../shared/ast.js";

/** `find(…).then(reply).catch(fail)` as the last thing that a handler does (matrix H-4). */
export interface PromiseChain {
  /** The whole chain. */
  readonly node: Node;
  /** Its statement; the chain itself where it is an arrow function's expression. */
  readonly statement: Node;
  readonly form: "statement" | "return" | "arrow";
  /** Where `void chain` begins, which says that nobody waits for it; else where the chain itself does. */
  readonly start: number;
  /** Is it waited for in the statement: `await chain;`? */
  readonly isAwaited: boolean;
  /** The functions that reply, each on all its paths. */
  readonly functions: readonly { readonly fn: FunctionNode; readonly mayFail: boolean }[];
  /** `.catch(callback)`: the callback itself as the function that takes the error. */
  readonly bare: readonly Node[];
}

interface Link {
  readonly method: string;
  readonly args: readonly Node[];
}

/**
 * The chain that a use of the callback stands in. A text says why it is none that can be returned; undefined: no chain at
 * all. `isReply` tells the functions and names with which a link would reply.
 */
export function promiseChainOf(
  reference: Node,
  fn: FunctionNode,
  parents: Parents,
  isReply: (argument: Node) => boolean,
): PromiseChain | string | undefined {
  const around = functionOf(reference, parents);
  const argument = parents.get(reference)?.type === "CallExpression" && around !== fn && around ? around : reference;
  const bare = argumentOf(reference, parents);
  const first = bare ? reference : argument;
  const link = argumentOf(first, parents);
  if (!link) return undefined;
  let node = link;
  for (;;) {
    const member = parents.get(node);
    const call = member && parents.get(member);
    const isLink = member && isChainMember(member) && member.object === node && call?.type === "CallExpression";
    if (!isLink || call.callee !== member) break;
    node = call;
  }
  if (functionOf(node, parents) !== fn) return undefined;
  const holder = parents.get(node) as Node;
  const isVoid = holder.type === "UnaryExpression" && holder.operator === "void";
  const isAwaited = holder.type === "AwaitExpression";
  const outer = isVoid || isAwaited ? holder : node;
  const parent = parents.get(outer) as Node;
  const form =
    parent === fn
      ? "arrow"
      : parent.type === "ExpressionStatement"
        ? "statement"
        : parent.type === "ReturnStatement"
          ? "return"
          : undefined;
  if (!form) return "a promise chain inside an expression";

  const links: Link[] = [];
  for (let current = node; isChain(current); current = current.callee.object)
    links.unshift({ method: memberName(current.callee) as string, args: current.arguments });
  const start = links.findIndex(({ args }) => args.some(isReply));
  const [main, next, ...rest] = links
    .slice(start)
    .filter(({ method, args }) => method !== "finally" || args.some(isReply));
  if (main?.method !== "then" || rest.length > 0) return "the shape of the promise chain";
  const [done, failed, ...more] = main.args;
  if (!done || !isFunction(done) || more.length > 0) return "the shape of the promise chain";
  const handlers: { node: Node; mayFail: boolean }[] = [{ node: done, mayFail: !next }];
  if (next) {
    if (failed || next.method !== "catch" || next.args.length !== 1) return "the shape of the promise chain";
    handlers.push({ node: next.args[0] as Node, mayFail: true });
  } else if (failed) handlers.push({ node: failed, mayFail: true });
  if (!handlers.every((handler) => isReply(handler.node))) return "a link of the promise chain that does not reply";
  const functions: { fn: FunctionNode; mayFail: boolean }[] = [];
  const names: Node[] = [];
  for (const { node: handler, mayFail } of handlers) {
    if (!isFunction(handler)) names.push(handler);
    else if (handler.generator) return "a generator in a promise chain";
    else functions.push({ fn: handler, mayFail });
  }
  const statement = form === "arrow" ? outer : parent;
  return { node, statement, form, start: isVoid ? outer.start : node.start, isAwaited, functions, bare: names };
}

function isChainMember(node: Node): boolean {
  return /^(then|catch|finally)$/.test(memberName(node) ?? "");
}

function isChain(node: Node): boolean {
  return node.type === "CallExpression" && isChainMember(node.callee);
}

/** The `x.then(…)` whose argument a node is. */
function argumentOf(node: Node, parents: Parents): Node | undefined {
  const call = parents.get(node);
  return call && isChain(call) && (call.arguments as Node[]).includes(node) ? call : undefined;
}
