import type { RegistrationFact, ServerFact } from "../analysis/server-facts.js";
import {
  childrenOf,
  indentAt,
  isFunction,
  keyName,
  type Node,
  nodeAt,
  parentMap,
  textOf,
  unwrap,
} from "../shared/ast.js";
import { lineRange } from "../shared/imports.js";
import { reason } from "../shared/reasons.js";
import type { Rule, RuleContext } from "../shared/rule.js";
import { scopesOf } from "../shared/scope.js";
import { transformFromRule } from "../shared/transform.js";
import { callAt, hoistPlace } from "./app-place.js";
import { migrateBind, report } from "./write-serve.js";

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
