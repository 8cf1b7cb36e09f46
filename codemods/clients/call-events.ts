import { type File, isFunction, isIdentifier, memberName, type Node, type Parents, walk } from "../shared/ast.js";
import { isStatusOfGrpc } from "./grpc-status.js";

/** `call.on("metadata", callback)`, a statement behind the call: a function that the call's option `onHeader` takes. */
export interface HeaderListener {
  readonly statement: Node;
  readonly callback: Node;
  readonly param: Node | null;
  /** `metadata.get(key)` */
  readonly gets: readonly Node[];
}

/** What a listener of `status` reads. */
export interface StatusReads {
  readonly code: boolean;
  /** `status.details` or `status.metadata`, which come from the trailers. */
  readonly more: boolean;
  /** `status.metadata.get(key)` */
  readonly gets: readonly Node[];
  /** `grpc.status[status.code]` */
  readonly names: readonly { readonly member: Node; readonly code: Node }[];
  /** It is used in other ways, and has to be what grpc-js gives. */
  readonly isWhole: boolean;
}

const WHOLE: StatusReads = { code: true, more: true, gets: [], names: [], isWhole: true };

/** `call.on("status", callback)` of a call with one reply, a statement behind it. */
export interface StatusListener {
  readonly statement: Node;
  readonly callback: Node;
  readonly param: Node | null;
  readonly reads: StatusReads;
}

/** Parts the references of the variable of a call with one reply: its listeners of `metadata` and `status`, and the others. */
export function splitEvents(
  file: File,
  declaration: Node,
  references: readonly Node[],
  parents: Parents,
): {
  readonly header: HeaderListener | null;
  readonly status: StatusListener | null;
  readonly others: readonly Node[];
} {
  const { header, others } = splitHeader(references, parents);
  const found = others.map((reference) => statusListenerAt(file, reference, parents));
  const statuses = found.filter((each) => each !== undefined);
  const [status = null] = statuses;
  const listeners = [header, status].filter((each) => each !== null);
  const isBehind = listeners.every(({ statement }) => standsBehind(declaration, statement, parents));
  if (statuses.length > 1 || !isBehind) return { header: null, status: null, others: references };
  return { header, status, others: others.filter((_, index) => found[index] === undefined) };
}

function statusListenerAt(file: File, reference: Node, parents: Parents): StatusListener | undefined {
  const listener = listenerAt(reference, "status", parents);
  if (!listener) return undefined;
  const [param, more] = listener.callback.params as Node[];
  return more ? undefined : { ...listener, param: param ?? null, reads: statusReads(file, listener.callback, parents) };
}

/** `call.on(event, function)`, a statement. */
function listenerAt(reference: Node, event: string, parents: Parents): { statement: Node; callback: Node } | undefined {
  const member = parents.get(reference) as Node;
  const on = parents.get(member) as Node;
  const statement = parents.get(on) as Node;
  if (!/^on(ce)?$/.test(memberName(member) ?? "") || member.object !== reference || on.type !== "CallExpression")
    return undefined;
  const [name, callback] = on.arguments as Node[];
  if (name?.type !== "StringLiteral" || name.value !== event) return undefined;
  if (statement.type !== "ExpressionStatement" || !callback || on.arguments.length !== 2) return undefined;
  if (callback.type !== "ArrowFunctionExpression" && callback.type !== "FunctionExpression") return undefined;
  return callback.generator || usesThis(callback) ? undefined : { statement, callback };
}

/** Does a statement stand in the block of another, before anything can happen that the other waits for? */
export function standsBehind(first: Node, then: Node, parents: Parents): boolean {
  const block = parents.get(first) as Node;
  if (block !== parents.get(then) || !Array.isArray(block.body)) return false;
  const between = (block.body as Node[]).filter((each) => each.start > first.start && each.end < then.start);
  return then.start > first.start && !between.some(leaves);
}

/** Does control leave a statement other than at its end: for good, or for a while? */
export function leaves(statement: Node): boolean {
  let found = false;
  walk(statement, (node) => {
    if (isFunction(node)) return false;
    if (/^(Await|Yield)Expression$|^(Return|Throw|Break|Continue)Statement$/.test(node.type)) found = true;
    return undefined;
  });
  return found;
}

/** Parts the references of a call's variable: its one listener of `metadata`, and the others. */
export function splitHeader(
  references: readonly Node[],
  parents: Parents,
): { readonly header: HeaderListener | null; readonly others: readonly Node[] } {
  const found = references.map((reference) => headerListenerAt(reference, parents));
  const headers = found.filter((each) => each !== undefined);
  const [header] = headers;
  if (!header || headers.length > 1) return { header: null, others: references };
  return { header, others: references.filter((_, index) => found[index] === undefined) };
}

function headerListenerAt(reference: Node, parents: Parents): HeaderListener | undefined {
  const listener = listenerAt(reference, "metadata", parents);
  if (!listener || mayThrow(listener.callback.body)) return undefined;
  const { statement, callback } = listener;
  const [param, more] = callback.params as Node[];
  if (more || (param && !isIdentifier(param))) return undefined;
  const gets = param ? getsOf(callback.body, param.name, parents) : [];
  return gets && { statement, callback, param: param ?? null, gets };
}

/** The calls `name.get(key)`, if a Metadata is used in no other way. */
function getsOf(body: Node, name: string, parents: Parents): Node[] | undefined {
  const gets: Node[] = [];
  for (const use of usesOf(body, name, parents)) {
    const get = getOn(use, parents);
    if (!get) return undefined;
    gets.push(get);
  }
  return gets;
}

function getOn(metadata: Node, parents: Parents): Node | undefined {
  const member = parents.get(metadata) as Node;
  const call = parents.get(member) as Node;
  const isGet = memberName(member) === "get" && member.object === metadata && member.type === "MemberExpression";
  return isGet && call.type === "CallExpression" && call.callee === member && call.arguments.length === 1
    ? call
    : undefined;
}

/** What a listener reads of a status: its code, its details and values of its metadata, or all of it. */
export function statusReads(file: File, callback: Node, parents: Parents): StatusReads {
  const [param] = callback.params as Node[];
  if (!param) return { code: false, more: false, gets: [], names: [], isWhole: false };
  if (!isIdentifier(param)) return WHOLE;
  const gets: Node[] = [];
  const names: { member: Node; code: Node }[] = [];
  let code = false;
  let more = false;
  for (const use of usesOf(callback.body, param.name, parents)) {
    const member = parents.get(use) as Node;
    if (member.type !== "MemberExpression" || member.object !== use) return WHOLE;
    const user = parents.get(member) as Node;
    if (user.type === "AssignmentExpression" && user.left === member) return WHOLE;
    switch (memberName(member)) {
      case "code":
        code = true;
        if (
          user.type === "MemberExpression" &&
          user.computed &&
          user.property === member &&
          isStatusOfGrpc(file, user.object)
        )
          names.push({ member: user, code: member });
        break;
      case "details":
        more = true;
        break;
      case "metadata": {
        const get = getOn(member, parents);
        if (!get) return WHOLE;
        gets.push(get);
        more = true;
        break;
      }
      default:
        return WHOLE;
    }
  }
  return { code, more, gets, names, isWhole: false };
}

function usesOf(body: Node, name: string, parents: Parents): Node[] {
  const uses: Node[] = [];
  walk(body, (node) => {
    if (!isIdentifier(node, name)) return;
    const parent = parents.get(node) as Node;
    const isMember = memberName(parent) === name && parent.property === node && !parent.computed;
    const isKey = parent.type === "ObjectProperty" && parent.key === node && !parent.shorthand && !parent.computed;
    if (!isMember && !isKey) uses.push(node);
  });
  return uses;
}

export function usesThis(callback: Node): boolean {
  let found = false;
  if (callback.type === "ArrowFunctionExpression") return false;
  walk(callback.body, (node) => {
    if (node.type === "ThisExpression" || isIdentifier(node, "arguments")) found = true;
    return undefined;
  });
  return found;
}

/** A listener that is called where it was added: a name, a function of the console, or a method of `this`. */
export function isNamed(callback: Node): boolean {
  const isPrinting = /^(log|error|warn|info|debug)$/.test(memberName(callback) ?? "");
  const isConsole = isPrinting && isIdentifier(callback.object, "console");
  return isIdentifier(callback) || isConsole || boundMethod(callback) !== undefined;
}

/** `this.show` of `this.show.bind(this)`. */
export function boundMethod(callback: Node): Node | undefined {
  if (callback.type !== "CallExpression" || memberName(callback.callee) !== "bind") return undefined;
  const method = callback.callee.object as Node;
  const [self, ...more] = callback.arguments as Node[];
  const isOwn = method.type === "MemberExpression" && !method.computed && method.object.type === "ThisExpression";
  return isOwn && self?.type === "ThisExpression" && more.length === 0 ? method : undefined;
}

/** Functions that are called to throw where something is wrong. */
export const MAY_THROW = /^(JSON\.parse|assert)/;

/** A throw in a listener is an uncaught exception; in a loop or an option of the call it would be caught with the call's errors. */
export function mayThrow(body: Node): boolean {
  let found = false;
  walk(body, (node) => {
    if (isFunction(node)) return false;
    if (node.type === "ThrowStatement" || node.type === "YieldExpression") found = true;
    if (node.type === "CallExpression" && MAY_THROW.test(calleeText(node))) found = true;
    return undefined;
  });
  return found;
}

function calleeText(node: Node): string {
  const { callee } = node;
  if (isIdentifier(callee)) return callee.name;
  const name = memberName(callee);
  return name !== undefined && isIdentifier(callee.object) ? `${callee.object.name}.${name}` : "";
}
