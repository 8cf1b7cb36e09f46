import type { ServerFact, ServerUseFact } from "../analysis/server-facts.js";
import {
  ancestorOf,
  indentAt,
  isFunction,
  isIdentifier,
  lineEndingOf,
  type Node,
  parentMap,
  textOf,
  unwrap,
  walk,
} from "../shared/ast.js";
import { keepComments } from "../shared/comments.js";
import { lineRange } from "../shared/imports.js";
import { dedentLines, textMoved, unitOf } from "../shared/indentation.js";
import { withBlankLine } from "../shared/lines.js";
import type { RuleContext } from "../shared/rule.js";
import { isNewPromise, scopesOf } from "../shared/scope.js";

const id = "services/server-to-app";
const RUNTIME = "@connect-migrate/runtime/node";
const origin = { rule: id, outcome: "idiomatic" } as const;

export interface Binding {
  readonly file: Node;
  readonly parents: ReturnType<typeof parentMap>;
  /** The bindAsync. */
  readonly call: Node;
  readonly use: ServerUseFact;
  /** The app, as an expression. */
  readonly app: string;
  /** The variable that holds what runs; null where nothing closes it. */
  readonly running: string | null;
  readonly entry: ServerFact["entry"];
}

/** How a file is written. */
export function styleOf(source: string) {
  return {
    eol: lineEndingOf(source),
    unit: unitOf(source),
    quote: (source.match(/'/g)?.length ?? 0) >= (source.match(/"/g)?.length ?? 0) ? "'" : '"',
    end: /;\s*$/m.test(source) ? ";" : "",
  };
}

/** `server.bindAsync(address, credentials, callback)` -> `serve(app, { address }).then(…)`. */
export function migrateBind(context: RuleContext, binding: Binding): void {
  const { source, edit, imports } = context;
  const { call, parents, use, app, running } = binding;
  const { eol, unit, end } = styleOf(source);
  const [address, , callback] = call.arguments as [Node, Node, Node];
  const statement = parents.get(call) as Node;
  const more = use.serve.map((member) => `, ${member}`).join("");
  const started = running === "running" ? "started" : "running";
  keepComments(context, call, [address, callback], origin);
  const guard = entryGuard(context, binding, statement) || (isGiven(statement, parents) ? "void " : "");
  const promise = promiseAround(source, call, callback, context.root.get().value as Node);
  if (promise) {
    const user = parents.get(promise.node) as Node;
    const isAwaited = user.type === "AwaitExpression" && parents.get(user)?.type === "ExpressionStatement";
    const given = promise.givesPort ? "({ port }) => port" : "() => undefined";
    const kept = promise.givesPort ? `(${running} = ${started}).port` : `{ ${running} = ${started}${end} }`;
    const then = running ? `.then((${started}) => ${kept})` : isAwaited ? "" : `.then(${given})`;
    edit.overwrite(
      promise.node.start,
      address.start,
      `${imports.add(RUNTIME, "serve")}(${app}, { ${optionOf(address)}`,
      origin,
    );
    edit.overwrite(address.end, promise.node.end, `${more} })${then}`, origin);
    report(context, "server.bindAsync()", call.start, call.end);
    return;
  }
  edit.overwrite(
    call.start,
    address.start,
    `${guard}${imports.add(RUNTIME, "serve")}(${app}, { ${optionOf(address)}`,
    origin,
  );
  const served = `${more} })`;
  report(context, "server.bindAsync()", call.start, call.end);

  if (isIdleCallback(source, call)) {
    const outer = indentAt(source, statement.start);
    const kept = running
      ? `.then((${started}) => {${eol}${outer}${unit}${running} = ${started}${end}${eol}${outer}})`
      : "";
    edit.overwrite(address.end, call.end, served + kept, origin);
    return;
  }
  const inline = isFunction(callback)
    ? inlineCallback(source, callback, context.root.get().value as Node, indentAt(source, statement.start))
    : undefined;
  if (!inline) {
    // Whatever the callback is, it is called as before: with an error and port 0, or with null and the port.
    const taken = running
      ? `(${started}) => ((${running} = ${started}), { error: null, port: ${started}.port })`
      : "({ port }) => ({ error: null, port })";
    edit.overwrite(
      address.end,
      callback.start,
      `${served}.then(${taken}, (error) => ({ error, port: 0 })).then(({ error, port }) => ${isFunction(callback) ? "(" : ""}`,
      origin,
    );
    edit.overwrite(callback.end, call.end, `${isFunction(callback) ? ")" : ""}(error, port))`, origin);
    return;
  }
  const { body } = callback;
  const portText = inline.port === null ? "" : inline.port === "port" ? "port" : `port: ${inline.port}`;
  const parameter = running ? `(${started})` : portText === "" ? "()" : `({ ${portText} })`;
  const outer = indentAt(source, statement.start);
  const isOneLine = body.type === "BlockStatement" && !textOf(source, body).includes("\n");
  const indent = isOneLine ? " " : `${eol}${outer}${unit}`;
  const port = portText === "" ? "" : `${indent}const { ${portText} } = ${started}${end}`;
  const keep = `${indent}${running} = ${started}${end}${port}`;
  if (body.type !== "BlockStatement") {
    const open = running ? `{${keep}${indent}` : "";
    const close = running ? `${end}${eol}${outer}})` : ")";
    edit.overwrite(address.end, body.start, `${served}.then(${parameter} => ${open}`, origin);
    edit.overwrite(body.end, call.end, close, origin);
    return;
  }
  dedentLines(context, body.start, body.end, outer, indentAt(source, body.end - 1), origin);
  edit.overwrite(address.end, body.start, `${served}.then(${parameter} => `, origin);
  if (running) edit.insertLeft(body.start + 1, keep, origin);
  if (inline.check) {
    const range = withBlankLine(source, lineRange(source, inline.check.start, inline.check.end));
    const space = isOneLine && source[range.end] === " " ? 1 : 0;
    edit.remove(range.start, range.end + space, origin);
  }
  edit.overwrite(
    body.end,
    call.end,
    inline.failure === null ? ")" : `, (${inline.error}) => ${inline.failure})`,
    origin,
  );
}

/** `server.tryShutdown.bind(server)` -> `(done) => …`: a function that does the same. */
function migrateBound(context: RuleContext, { parents, call, use, app, running }: Binding): void {
  const { source, edit, imports } = context;
  report(context, `server.${use.member}.bind()`, call.start, call.end);
  const bind = parents.get(call);
  if (bind?.type === "CallExpression" && isIdleCallback(source, bind)) return;
  const bridge = () => imports.add("@connect-migrate/runtime/grpc-js", use.member);
  const done = context.language === "ts" ? "(done: (error?: Error) => void)" : "(done)";
  const text =
    use.member === "start"
      ? "() => {}"
      : use.member === "forceShutdown"
        ? `() => ${running ? `${running}?.destroy()` : `${bridge()}(${app})`}`
        : `${done} => ${running ? `${closed(running)}.then(() => done(), done)` : `${bridge()}(${app}, done)`}`;
  edit.overwrite(call.start, call.end, text, origin);
}

/** `tryShutdown` calls back where nothing is bound, too: yet, or because that failed. */
export function closed(running: string | null): string {
  return `Promise.resolve(${running}?.close())`;
}

/** The option whose value is the address as it was written. */
function optionOf(address: Node): string {
  return isIdentifier(address, "address") ? "" : "address: ";
}

/** `promisify(server.bindAsync.bind(server))(address, credentials)` -> `serve(app, { address })`, which is a promise itself. */
export function migratePromised(context: RuleContext, binding: Binding): void {
  const { edit, imports } = context;
  const { call, parents, use, app, running } = binding;
  const promisify = use.promised?.promisify ?? null;
  if (promisify === null) {
    migrateBound(context, binding);
    return;
  }
  if (use.member === "tryShutdown") {
    const close = running
      ? `${running}?.close()`
      : `${promisify}(${imports.add("@connect-migrate/runtime/grpc-js", "tryShutdown")})(${app})`;
    edit.overwrite(call.start, call.end, close, origin);
    report(context, "server.tryShutdown()", call.start, call.end);
    return;
  }
  const [address] = call.arguments as [Node];
  const started = running === "running" ? "started" : "running";
  let user = parents.get(call);
  if (user?.type === "AwaitExpression") user = parents.get(user);
  const isUsed = user?.type !== "ExpressionStatement";
  const more = use.serve.map((member) => `, ${member}`).join("");
  const then = running
    ? `.then((${started}) => (${running} = ${started}).port)`
    : isUsed
      ? ".then(({ port }) => port)"
      : "";
  const top = topStatement(call, parents);
  if (top?.type === "ExpressionStatement") {
    const guard = entryGuard(context, binding, top);
    if (guard !== "") edit.insertRight(top.start, guard, origin);
  } else entryGuard(context, binding, parents.get(call) as Node);
  edit.overwrite(call.start, address.start, `${imports.add(RUNTIME, "serve")}(${app}, { ${optionOf(address)}`, origin);
  edit.overwrite(address.end, call.end, `${more} })${then}`, origin);
  report(context, "server.bindAsync()", call.start, call.end);
}

/** `server.bindAsync(…, () => server.start())`: what is called back does nothing that an app needs. */
export function isIdleCallback(source: string, bind: Node): boolean {
  const [, , callback] = bind.arguments as Node[];
  if (!callback || bind.callee.type !== "MemberExpression") return false;
  const server = textOf(source, bind.callee.object);
  if (!isFunction(callback)) return textOf(source, callback) === `${server}.start.bind(${server})`;
  const body = textOf(source, callback.body).replace(/^\{\s*|\s*;?\s*\}$/g, "");
  return body === `${server}.start()` && (callback.params as Node[]).every((param) => param.type === "Identifier");
}

/** Does somebody get what the call gives, which was nothing? To `new Promise` it makes no difference. */
function isGiven(parent: Node, parents: Binding["parents"]): boolean {
  if (parent.type === "ReturnStatement") return true;
  const user = parents.get(parent);
  return parent.type === "ArrowFunctionExpression" && !isNewPromise(user, parents);
}

/**
 * `new Promise((resolve, reject) => { server.bindAsync(…, (error, port) => (error ? reject(error) : resolve(port))) })`
 * with nothing else in it: `serve` is that promise.
 */
function promiseAround(
  source: string,
  call: Node,
  callback: Node,
  file: Node,
): { node: Node; givesPort: boolean } | undefined {
  const parents = parentMap(file);
  const statement = parents.get(call);
  const isArrow = statement?.type === "ArrowFunctionExpression";
  const block = isArrow ? undefined : statement && parents.get(statement);
  const executor = isArrow ? statement : block && parents.get(block);
  const node = executor && parents.get(executor);
  if (!executor || !isNewPromise(node, parents) || !isFunction(executor)) return undefined;
  const others = ((block?.body ?? []) as Node[]).filter(
    (each) => each !== statement && !/^\w+\.start\(\);?$/.test(textOf(source, each)),
  );
  if (others.length > 0 || !isFunction(callback)) return undefined;
  const [resolve, reject] = (executor.params as Node[]).map((param) => param.name as string);
  const [error, port] = (callback.params as Node[]).map((param) => param.name as string);
  const text = textOf(source, callback.body)
    .replace(/[\s;{}()]+/g, " ")
    .replace(/\b(return|else)\b/g, " ")
    .replace(/\s+/g, " ")
    .trim();
  const shapes = [`if ${error} ${reject} ${error} ${resolve}`, `${error} ? ${reject} ${error} : ${resolve}`];
  for (const shape of shapes) {
    if (text === shape) return { node, givesPort: false };
    if (port !== undefined && text === `${shape} ${port}`) return { node, givesPort: true };
  }
  return undefined;
}

interface InlineCallback {
  readonly error: string | null;
  readonly port: string | null;
  /** `if (error) …` at the head of the body. */
  readonly check: Node | null;
  /** What the rejection handler does, as the body of an arrow function; null where the error ends the program anyway. */
  readonly failure: string | null;
}

/** A callback whose error is looked at by nothing but one leading `if (error) …`; undefined for any other. */
function inlineCallback(source: string, callback: Node, file: Node, outer: string): InlineCallback | undefined {
  const params = callback.params as Node[];
  if (params.length > 2 || !params.every((param) => param.type === "Identifier") || callback.generator)
    return undefined;
  const scopes = scopesOf(file);
  const [error, port] = params;
  const errorUses = error ? (scopes.bindingOf(error)?.references ?? []) : [];
  const portUses = port ? (scopes.bindingOf(port)?.references ?? []) : [];
  if (usesArguments(callback)) return undefined;
  const portName = port && portUses.length > 0 ? (port.name as string) : null;
  if (callback.body.type !== "BlockStatement")
    return errorUses.length === 0 && callback.body.type !== "ObjectExpression"
      ? { error: null, port: portName, check: null, failure: null }
      : undefined;
  const statements = callback.body.body as Node[];
  const check = statements.find((each) => each.type === "IfStatement" && error && isErrorTest(each.test, error.name));
  if (errorUses.length > 0 && (!check || check !== statements[0] || check.alternate)) return undefined;
  if (check && errorUses.some((use) => use.start < check.start || use.end > check.end)) return undefined;
  if (!check || !error) return { error: null, port: portName, check: null, failure: null };
  if (portUses.some((use) => check.start <= use.start && use.end <= check.end)) return undefined;
  const consequent = check.consequent as Node;
  const body = consequent.type === "BlockStatement" ? (consequent.body as Node[]) : [consequent];
  const last = body.at(-1);
  // Without an exit the old program went on with what follows the check.
  if (!last || !(/^(Return|Throw)Statement$/.test(last.type) || textOf(source, last).startsWith("process.exit")))
    return undefined;
  const isRethrow = body.length === 1 && last.type === "ThrowStatement" && isIdentifier(last.argument, error.name);
  return {
    error: error.name as string,
    port: portName,
    check,
    failure: isRethrow
      ? null
      : consequent.type === "BlockStatement"
        ? textMoved(source, file, consequent, indentAt(source, check.start), outer)
        : consequent.argument && last.type === "ReturnStatement" && consequent.argument.type !== "ObjectExpression"
          ? textOf(source, consequent.argument)
          : `{ ${textOf(source, consequent)} }`,
  };
}

function isErrorTest(test: Node, name: string): boolean {
  const node = unwrap(test);
  if (isIdentifier(node, name)) return true;
  return (
    node.type === "BinaryExpression" &&
    /^!==?$/.test(node.operator) &&
    isIdentifier(node.left, name) &&
    (node.right.type === "NullLiteral" || isIdentifier(node.right, "undefined"))
  );
}

function usesArguments(node: Node): boolean {
  let found = false;
  walk(node, (inner) => {
    if (isIdentifier(inner, "arguments")) found = true;
  });
  return found;
}

/** A module that is the program starts serving; one that is imported must not: the call that starts it gets a condition. */
function entryGuard(context: RuleContext, binding: Binding, statement: Node): string {
  const { entry, parents, file } = binding;
  if (entry === null) return "";
  const condition =
    entry === "require"
      ? "if (require.main === module) "
      : `if (${context.imports.add(RUNTIME, "isMain")}(import.meta.url)) `;
  let owner = ancestorOf(statement, parents, isFunction);
  for (let outer = owner; outer; outer = ancestorOf(outer, parents, isFunction)) owner = outer;
  if (!owner) return parents.get(statement)?.type === "Program" ? condition : "";
  const id =
    owner.type === "FunctionDeclaration"
      ? owner.id
      : parents.get(owner)?.type === "VariableDeclarator"
        ? parents.get(owner)?.id
        : null;
  if (!id) return "";
  const references = scopesOf(file).bindingOf(id)?.references ?? [];
  for (const reference of references) {
    const top = topStatement(reference, parents);
    const call = parents.get(reference);
    if (top?.type !== "ExpressionStatement" || call?.type !== "CallExpression" || call.callee !== reference) continue;
    if (ancestorOf(reference, parents, isFunction)) continue;
    context.edit.insertRight(top.start, condition, origin);
  }
  return "";
}

function topStatement(node: Node, parents: ReturnType<typeof parentMap>): Node | undefined {
  let current: Node | undefined = node;
  while (current && parents.get(current)?.type !== "Program") current = parents.get(current);
  return current;
}

export function report(context: RuleContext, construct: string, start: number, end: number): void {
  context.report({ rule: id, outcome: "idiomatic", construct, reason: null, start, end, rpc: null });
}
