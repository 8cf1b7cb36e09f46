import type { RegistrationFact, ServerFact } from "../analysis/server-facts.js";
import {
  ancestorOf,
  childrenOf,
  indentAt,
  isFunction,
  isIdentifier,
  keyName,
  type Node,
  nodeAt,
  parentMap,
  textOf,
  unwrap,
  walk,
} from "../shared/ast.js";
import { lineRange } from "../shared/imports.js";
import { reason } from "../shared/reasons.js";
import type { Rule, RuleContext } from "../shared/rule.js";
import { scopesOf } from "../shared/scope.js";
import { transformFromRule } from "../shared/transform.js";
import { callAt, hoistPlace } from "./app-place.js";

const id = "services/server-to-app";
const RUNTIME = "@connect-migrate/runtime/node";
const BRIDGE = "@connect-migrate/runtime/grpc-js";

/**
 * `new grpc.Server()`, `addService`, `bindAsync` and `start` become an app, a value that the module exports, and `serve`.
 * The text of implementations stays where it is, so that rules for handlers find it; only what is around it changes.
 */
export const rule: Rule = {
  id,
  side: "services",
  apply(context) {
    for (const fact of context.facts) if (fact.kind === "server") migrateServer(context, fact as ServerFact);
  },
};
export default transformFromRule(rule);

const origin = { rule: id, outcome: "idiomatic" } as const;

function migrateServer(context: RuleContext, fact: ServerFact): void {
  const { source, edit, imports } = context;
  const file = context.root.get().value as Node;
  const parents = parentMap(file);
  const construct = "new Server()";
  if (!fact.ok) {
    context.todo({ rule: id, construct, reason: fact.reason, start: fact.start, end: fact.end, rpc: null });
    return;
  }
  const made = nodeAt(file, fact.start, fact.end);
  const declarator = made && parents.get(made);
  const declaration = declarator && parents.get(declarator);
  if (!made || declarator?.type !== "VariableDeclarator" || !declaration) return;
  const bind = fact.uses.find((use) => use.member === "bindAsync");
  const bindCall = bind && nodeAtCall(file, bind.start, bind.end);
  if (!bindCall) return;

  const eol = source.includes("\r\n") ? "\r\n" : "\n";
  const app = freshName(file, "app");
  const unit = /\n(\t| {2,4})\S/.exec(source)?.[1] ?? "  ";
  const quote = (source.match(/'/g)?.length ?? 0) >= (source.match(/"/g)?.length ?? 0) ? "'" : '"';
  const end = /;\s*$/m.test(source) ? ";" : "";

  // new Server(): the app is made where the services were added; the variable stays only to close what runs.
  const closes = fact.uses.some((use) => use.member === "tryShutdown" || use.member === "forceShutdown");
  const name = declarator.id.name as string;
  if (closes) {
    const type =
      context.language === "ts" ? `: ${imports.add(RUNTIME, "RunningServer", { typeOnly: true })} | undefined` : "";
    edit.overwrite(declaration.start, declaration.end, `let ${name}${type}${end}`, origin);
  } else {
    const range = withBlankLine(source, lineRange(source, declaration.start, declaration.end));
    edit.remove(range.start, range.end, origin);
  }
  report(context, construct, fact.start, fact.end);

  // addService: the calls stand next to each other and become the body of `routes`.
  const place = hoistPlace(file, fact);
  const indent = place ? "" : indentAt(source, fact.registrations[0]?.start ?? fact.start);
  const inner = indent + unit + unit;
  const head = `const ${app} = ${imports.add(RUNTIME, "createApp")}({${eol}${indent}${unit}routes(router) {${eol}${inner}`;
  const limits = messageLimits(made, source).map((line) => `${eol}${indent}${unit}${line},`);
  const tail = `${eol}${indent}${unit}},${limits.join("")}${eol}${indent}${unit}compat: ${quote}grpc-js${quote},${eol}${indent}})${end}`;
  const routes: string[] = [];
  fact.registrations.forEach((registration, index) => {
    const call = callAt(file, registration);
    const statement = call && parents.get(call);
    if (!call || !statement) return;
    const [definition, implementation] = call.arguments as [Node, Node];
    const descriptor = imports.add(registration.descriptor.module, registration.descriptor.name);
    const whole = registration.implementation === "callbacks" ? `${imports.add(BRIDGE, "fromCallbacks")}(` : "";
    const codec =
      registration.definition === null ? textOf(source, definition) : quoted(registration.definition, quote);
    const before = `router.service(${descriptor}, ${whole}`;
    const after = `${whole === "" ? "" : ")"}, { messages: ${imports.add(BRIDGE, "grpcJsMessages")}(${codec}) })${end}`;
    if (place) {
      routes.push(before + implementationText(context, registration, implementation, eol, inner, unit) + after);
      // Where the statement before it goes too, its blank line has gone with it.
      const isNext = (position: number) => edit.edits.some((each) => each.end === position && each.text === "");
      const range = withBlankLine(source, lineRange(source, statement.start, statement.end), isNext);
      edit.remove(range.start, range.end, origin);
    } else {
      const isFirst = index === 0;
      const isLast = index === fact.registrations.length - 1;
      edit.overwrite(statement.start, implementation.start, (isFirst ? head : unit + unit) + before, origin);
      edit.overwrite(implementation.end, statement.end, after + (isLast ? tail : ""), origin);
    }
    reportRegistration(context, registration);
  });
  if (place) {
    const at = startWithComments(source, place);
    edit.insertRight(at, `${head}${routes.join(eol + inner)}${tail}${eol}${eol}`, origin);
  }
  for (const codec of fact.codecs)
    context.report({
      rule: id,
      outcome: "bridged",
      construct: "proto-loader as codec",
      reason: reason("messages-bridged", "proto-loader reads and writes them"),
      start: codec.start,
      end: codec.end,
      rpc: null,
    });
  for (const { start, end: stop } of fact.unused) {
    const range = lineRange(source, start, stop);
    edit.remove(range.start, range.end, origin);
  }

  migrateBind(context, { file, parents, fact, call: bindCall, app, name, closes, eol, unit, end });
  for (const use of fact.uses) {
    const call = nodeAtCall(file, use.start, use.end);
    if (!call) continue;
    if (use.member === "start") removeStatement(context, call, parents);
    else if (use.member === "forceShutdown") {
      edit.overwrite(call.start, call.end, `${name}?.destroy()`, origin);
      report(context, "server.forceShutdown()", call.start, call.end);
    } else if (use.member === "tryShutdown") {
      const [done] = call.arguments as Node[];
      const ignores = done && isFunction(done) && (done.params as Node[]).length === 0;
      if (!done) edit.overwrite(call.start, call.end, `${name}?.close()`, origin);
      else {
        edit.overwrite(
          call.start,
          done.start,
          `${name}?.close().${ignores ? "" : "then(() => undefined, (error) => error)."}then(`,
          origin,
        );
        edit.overwrite(done.end, call.end, ")", origin);
      }
      report(context, "server.tryShutdown()", call.start, call.end);
    }
  }
  if (place || parents.get(declaration)?.type === "Program") exportApp(context, file, app, eol, end);
}

interface Binding {
  readonly file: Node;
  readonly parents: ReturnType<typeof parentMap>;
  readonly fact: ServerFact;
  readonly call: Node;
  readonly app: string;
  readonly name: string;
  readonly closes: boolean;
  readonly eol: string;
  readonly unit: string;
  readonly end: string;
}

/** `server.bindAsync(address, credentials, callback)` -> `serve(app, { address }).then(…)`. */
function migrateBind(context: RuleContext, binding: Binding): void {
  const { source, edit, imports } = context;
  const { call, parents, fact, app, closes, name, eol } = binding;
  const [address, , callback] = call.arguments as [Node, Node, Node];
  const statement = parents.get(call) as Node;
  const signals = fact.ownSignals ? ", signals: false" : "";
  const guard = entryGuard(context, binding, statement);
  const promise = closes ? undefined : promiseAround(source, call, callback, context.root.get().value as Node);
  if (promise) {
    edit.overwrite(promise.node.start, address.start, `${imports.add(RUNTIME, "serve")}(${app}, { address: `, origin);
    edit.overwrite(address.end, promise.node.end, `${signals} }).then(${promise.result})`, origin);
    report(context, "server.bindAsync()", call.start, call.end);
    return;
  }
  edit.overwrite(call.start, address.start, `${guard}${imports.add(RUNTIME, "serve")}(${app}, { address: `, origin);
  const served = `${signals} })`;
  report(context, "server.bindAsync()", call.start, call.end);

  const inline =
    isFunction(callback) && callback.body.type === "BlockStatement"
      ? inlineCallback(source, callback, context.root.get().value as Node)
      : undefined;
  if (!inline) {
    // Whatever the callback is, it is called as before: with an error and port 0, or with null and the port.
    const keep = closes
      ? `(running) => ((${name} = running), { error: null, port: running.port })`
      : "({ port }) => ({ error: null, port })";
    edit.overwrite(
      address.end,
      callback.start,
      `${served}.then(${keep}, (error) => ({ error, port: 0 })).then(({ error, port }) => (`,
      origin,
    );
    edit.overwrite(callback.end, call.end, ")(error, port))", origin);
    return;
  }
  const { body } = callback;
  const portText = inline.port === null ? "" : inline.port === "port" ? "port" : `port: ${inline.port}`;
  const parameter = closes ? "(running)" : portText === "" ? "()" : `({ ${portText} })`;
  edit.overwrite(address.end, body.start, `${served}.then(${parameter} => `, origin);
  if (closes) {
    const indent = `${indentAt(source, statement.start)}${binding.unit}`;
    const port = portText === "" ? "" : `${eol}${indent}const { ${portText} } = running${binding.end}`;
    edit.insertLeft(body.start + 1, `${eol}${indent}${name} = running${binding.end}${port}`, origin);
  }
  if (inline.check) {
    const range = lineRange(source, inline.check.start, inline.check.end);
    edit.remove(range.start, range.end, origin);
  }
  edit.overwrite(
    body.end,
    call.end,
    inline.failure === null ? ")" : `, (${inline.error}) => ${inline.failure})`,
    origin,
  );
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
): { node: Node; result: string } | undefined {
  const parents = parentMap(file);
  const statement = parents.get(call);
  const block = statement && parents.get(statement);
  const executor = block && parents.get(block);
  const node = executor && parents.get(executor);
  if (!block || node?.type !== "NewExpression" || !isIdentifier(node.callee, "Promise") || !isFunction(executor))
    return undefined;
  const others = (block.body as Node[]).filter(
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
    if (text === shape) return { node, result: "() => undefined" };
    if (port !== undefined && text === `${shape} ${port}`) return { node, result: "({ port }) => port" };
  }
  return undefined;
}

interface InlineCallback {
  readonly error: string | null;
  readonly port: string | null;
  /** `if (error) …` at the head of the body. */
  readonly check: Node | null;
  /** What the rejection handler does, as a block; null where the error ends the program anyway. */
  readonly failure: string | null;
}

/** A callback whose error is looked at by nothing but one leading `if (error) …`; undefined for any other. */
function inlineCallback(source: string, callback: Node, file: Node): InlineCallback | undefined {
  const params = callback.params as Node[];
  if (params.length > 2 || !params.every((param) => param.type === "Identifier") || callback.generator)
    return undefined;
  const scopes = scopesOf(file);
  const [error, port] = params;
  const errorUses = error ? (scopes.bindingOf(error)?.references ?? []) : [];
  const portUses = port ? (scopes.bindingOf(port)?.references ?? []) : [];
  if (usesArguments(callback)) return undefined;
  const statements = callback.body.body as Node[];
  const check = statements.find((each) => each.type === "IfStatement" && error && isErrorTest(each.test, error.name));
  if (errorUses.length > 0 && (!check || check !== statements[0] || check.alternate)) return undefined;
  if (check && errorUses.some((use) => use.start < check.start || use.end > check.end)) return undefined;
  const portName = port && portUses.length > 0 ? (port.name as string) : null;
  if (!check || !error) return { error: null, port: portName, check: null, failure: null };
  if (portUses.some((use) => check.start <= use.start && use.end <= check.end)) return undefined;
  const consequent = check.consequent as Node;
  const body = consequent.type === "BlockStatement" ? (consequent.body as Node[]) : [consequent];
  const last = body.at(-1);
  // Without an exit the old program went on with what follows the check.
  if (!last || !(/^(Return|Throw)Statement$/.test(last.type) || textOf(source, last).startsWith("process.exit")))
    return undefined;
  const isRethrow = body.length === 1 && last.type === "ThrowStatement" && isIdentifier(last.argument, error.name);
  const text = textOf(source, consequent);
  return {
    error: error.name as string,
    port: portName,
    check,
    failure: isRethrow
      ? null
      : consequent.type === "BlockStatement"
        ? dedented(text, indentAt(source, check.start), indentAt(source, callback.start))
        : `{ ${text} }`,
  };
}

/** Moves the lines of a block from one indentation to another; template literals keep theirs. */
function dedented(text: string, from: string, to: string): string {
  if (text.includes("`")) return text;
  return text.replaceAll(`\n${from}`, `\n${to}`);
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
  const { fact, parents, file } = binding;
  if (fact.entry === null) return "";
  const condition =
    fact.entry === "require"
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

/** `module.exports = { app }`, or the export statement of an ES module. */
function exportApp(context: RuleContext, file: Node, app: string, eol: string, end: string): void {
  const { source, edit, moduleSystem } = context;
  const atEnd = source.replace(/\s+$/, "").length;
  if (moduleSystem === "esm") {
    edit.insertLeft(atEnd, `${eol}${eol}export { ${app} }${end}`, origin);
    return;
  }
  for (const statement of file.program.body as Node[]) {
    const assignment = statement.type === "ExpressionStatement" ? statement.expression : undefined;
    if (assignment?.type !== "AssignmentExpression" || textOf(source, assignment.left) !== "module.exports") continue;
    if (assignment.right.type !== "ObjectExpression") return;
    const properties = assignment.right.properties as Node[];
    if (properties.some((property) => keyName(property) === "app")) return;
    const last = properties.at(-1);
    if (last) edit.insertLeft(last.end, `, ${app}`, origin);
    else edit.overwrite(assignment.right.start, assignment.right.end, `{ ${app} }`, origin);
    return;
  }
  const usesExports = /^\s*exports\.\w+\s*=/m.test(source);
  edit.insertLeft(
    atEnd,
    `${eol}${eol}${usesExports ? `exports.${app} = ${app}` : `module.exports = { ${app} }`}${end}`,
    origin,
  );
}

/** grpc-js's limits, written out: its default is 4 MB for what comes in and none for what goes out. */
function messageLimits(made: Node, source: string): string[] {
  let read = "readMaxBytes: 4 * 1024 * 1024";
  const lines: string[] = [];
  const [options] = made.arguments as Node[];
  for (const property of (options?.properties ?? []) as Node[]) {
    const key = keyName(property);
    const value = textOf(source, property.value);
    const isUnlimited = /^-\s*1$/.test(value);
    if (key === "grpc.max_receive_message_length") read = isUnlimited ? "" : `readMaxBytes: ${value}`;
    if (key === "grpc.max_send_message_length" && !isUnlimited) lines.push(`writeMaxBytes: ${value}`);
  }
  return read === "" ? lines : [read, ...lines];
}

/** The text of an implementation that moves to the app, with bridged members wrapped. */
function implementationText(
  context: RuleContext,
  registration: RegistrationFact,
  node: Node,
  eol: string,
  indent: string,
  unit: string,
): string {
  const { source, imports } = context;
  const literal = unwrap(node);
  if (literal.type !== "ObjectExpression") return textOf(source, node);
  const members = (literal.properties as Node[]).map((property) => {
    const key = keyName(property);
    if (registration.implementation !== "members" || key === undefined || !registration.bridgedKeys.includes(key))
      return textOf(source, property);
    return `${textOf(source, property.key)}: ${imports.add(BRIDGE, "fromCallback")}(${textOf(source, property.value)})`;
  });
  const line = `{ ${members.join(", ")} }`;
  if (line.length < 60 && !textOf(source, literal).includes("\n")) return line;
  return `{${members.map((member) => `${eol}${indent}${unit}${member},`).join("")}${eol}${indent}}`;
}

/** The start of a statement or of the comment lines that stand on it. */
function startWithComments(source: string, statement: Node): number {
  let start = statement.start;
  for (const comment of [...((statement.leadingComments ?? []) as Node[])].reverse()) {
    if (comment.end > start || /\n\s*\n/.test(source.slice(comment.end, start))) break;
    start = comment.start;
  }
  return start;
}

/** Lines that go take one blank line below them along, if a block begins or another blank line stands above. */
function withBlankLine(
  source: string,
  range: { start: number; end: number },
  gone: (position: number) => boolean = () => false,
): { start: number; end: number } {
  const above = source.slice(0, range.start).trimEnd();
  const isOpen = above.endsWith("{") || /\n[ \t]*\r?\n[ \t]*$/.test(source.slice(0, range.start)) || gone(range.start);
  const blank = /^[ \t]*\r?\n/.exec(source.slice(range.end));
  return isOpen && blank ? { start: range.start, end: range.end + blank[0].length } : range;
}

function removeStatement(context: RuleContext, call: Node, parents: ReturnType<typeof parentMap>): void {
  const statement = parents.get(call);
  if (statement?.type !== "ExpressionStatement") return;
  const { start, end } = lineRange(context.source, statement.start, statement.end);
  context.edit.remove(start, end, origin);
  report(context, "server.start()", call.start, call.end);
}

function reportRegistration(context: RuleContext, registration: RegistrationFact): void {
  const { start, end, implementation } = registration;
  const isBridged = implementation === "callbacks";
  context.report({
    rule: id,
    outcome: isBridged ? "bridged" : "idiomatic",
    construct: `addService(${registration.service})`,
    reason: isBridged ? reason("call-escapes", "the implementation keeps its callbacks as a whole") : null,
    start,
    end,
    rpc: null,
  });
}

function report(context: RuleContext, construct: string, start: number, end: number): void {
  context.report({ rule: id, outcome: "idiomatic", construct, reason: null, start, end, rpc: null });
}

function quoted(text: string, quote: string): string {
  return quote === "'" ? text : text.replaceAll("'", quote);
}

function freshName(file: Node, name: string): string {
  const { names } = scopesOf(file);
  if (!names.has(name)) return name;
  for (let i = 1; ; i++) {
    const candidate = i === 1 ? "connectApp" : `connectApp${i}`;
    if (!names.has(candidate)) return candidate;
  }
}

/** The call with exactly this range; an expression statement without semicolon has the same one. */
function nodeAtCall(file: Node, start: number, end: number): Node | undefined {
  let node = nodeAt(file, start, end);
  while (node && node.type !== "CallExpression")
    node = childrenOf(node).find((child) => child.start === start && child.end === end);
  return node;
}
