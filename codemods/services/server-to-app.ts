import type { ServerFact, ServerSideFact, ServerUseFact } from "../analysis/server-facts.js";
import {
  ancestorOf,
  indentAt,
  isFunction,
  keyName,
  type Node,
  nodeAt,
  parentMap,
  startWithComments,
  textOf,
} from "../shared/ast.js";
import { commentsIn } from "../shared/comments.js";
import { lineRange } from "../shared/imports.js";
import { indentLines } from "../shared/indentation.js";
import { removedBy, withBlankLine } from "../shared/lines.js";
import { reason } from "../shared/reasons.js";
import type { Rule, RuleContext } from "../shared/rule.js";
import { scopesOf } from "../shared/scope.js";
import { transformFromRule } from "../shared/transform.js";
import { withImports } from "../shared/with-imports.js";
import { callAt, hoistPlace } from "./app-place.js";
import { keyText } from "./context-values.js";
import { declareInstead, declareLater, holderOf } from "./server-holder.js";
import { implementationText, registrationParts, reportRegistration, writeRegistration } from "./write-registration.js";
import { closed, isIdleCallback, migrateBind, migratePromised, report, styleOf } from "./write-serve.js";

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
    const apps: string[] = [];
    const taken = new Set<string>();
    for (const fact of context.facts as ServerSideFact[]) {
      if (fact.kind === "server") apps.push(...migrateServer(context, fact, taken));
      if (fact.kind === "server-use") migrateUse(context, fact);
      if (fact.kind === "codec")
        context.report({
          rule: id,
          outcome: "bridged",
          construct: "proto-loader as codec",
          reason: reason("messages-bridged", "proto-loader reads and writes them"),
          start: fact.start,
          end: fact.end,
          rpc: null,
        });
      if (fact.kind === "registration") {
        const call = callAt(context.root.get().value as Node, fact);
        if (call) writeRegistration(context, fact, call);
        reportRegistration(context, fact);
      }
      if (fact.kind === "server-value") {
        const text = withImports(context, fact.text, fact.imports);
        context.edit.overwrite(fact.start, fact.end, withProperties(context, text, fact.properties), origin);
        const { construct, start, end, reason: why } = fact;
        if (why) context.report({ rule: id, outcome: "bridged", construct, reason: why, start, end, rpc: null });
        else report(context, construct, start, end);
      }
    }
    if (apps.length > 0) exportApps(context, apps);
  },
};
export default transformFromRule(rule);

const origin = { rule: id, outcome: "idiomatic" } as const;

/** `fromCallback(handler)` -> `fromCallback(handler, { user: kUser })`. */
function withProperties(context: RuleContext, bridge: string, names: readonly string[] = []): string {
  if (names.length === 0) return bridge;
  const members = names.map((name) => `${name}: ${keyText(context, name)}`);
  return `${bridge.slice(0, -1)}, { ${members.join(", ")} })`;
}

/** Gives the name of the app, if the module should export it. */
function migrateServer(context: RuleContext, fact: ServerFact, taken: Set<string>): string[] {
  const { source, edit, imports } = context;
  const file = context.root.get().value as Node;
  const parents = parentMap(file);
  const construct = "new Server()";
  if (!fact.ok) {
    context.todo({ rule: id, construct, reason: fact.reason, start: fact.start, end: fact.end, rpc: null });
    return [];
  }
  const made = nodeAt(file, fact.start, fact.end);
  const holder = made && holderOf(source, fact, made, parents);
  if (!holder) return [];
  const { eol, unit, quote, end } = styleOf(source);
  report(context, construct, fact.start, fact.end);
  const place = hoistPlace(file, fact);
  const adds = [...fact.registrations, ...fact.parts].sort((a, b) => a.start - b.start);
  const indent = place ? "" : indentAt(source, fact.routes.start);
  const inner = indent + unit + unit;

  // new Server(): the app is made where the services were added; a variable stays only to close what runs.
  let app = holder.name;
  let assign = holder.assign;
  const running = isClosed(fact) ? holder.name : null;
  if (fact.mode === "module") {
    app = hasNeighbour(context, fact) ? freshName(file, `${holder.name}App`, taken) : freshName(file, "app");
    assign = `const ${app}`;
  }
  if (running !== null && fact.mode === "module") {
    const type =
      context.language === "ts" ? `: ${imports.add(RUNTIME, "RunningServer", { typeOnly: true })} | undefined` : "";
    declareInstead(context, holder, `let ${running}${type}${end}`);
  } else if (fact.mode === "value" && holder.declare !== null && (fact.routes.isApart || holder.isProperty)) {
    const isLate = fact.routes.isApart || !holder.isProperty ? "!" : "";
    const type = context.language === "ts" ? `${isLate}: ${imports.add(RUNTIME, "App", { typeOnly: true })}` : "";
    declareInstead(context, holder, `${holder.declare}${type}${end}`);
    assign = holder.name;
  } else {
    declareInstead(context, holder, "");
    if (fact.mode === "value" && fact.routes.isApart && holder.name.startsWith("this."))
      declareLater(context, holder, parents);
  }

  // addService: from the first to the last call, the statements become the body of `routes`.
  const open = fact.routes.hasThis ? "routes: (router) => {" : "routes(router) {";
  const comments = commentsIn(context, made).map((comment) => comment + eol + indent);
  const head = `${comments.join("")}${assign} = ${imports.add(RUNTIME, "createApp")}({${eol}${indent}${unit}${open}${eol}${inner}`;
  const intercepted = interceptorsOf(context, fact).map((lines) => lines.split(eol).join(`${eol}${indent}${unit}`));
  const options = [...fact.options, ...intercepted].map((line) => `${eol}${indent}${unit}${line},`);
  const tail = `${eol}${indent}${unit}},${options.join("")}${eol}${indent}${unit}compat: ${quote}grpc-js${quote},${eol}${indent}})${end}`;
  const moved: string[] = [];
  for (const add of adds) {
    const call = callAt(file, add);
    const statement = call && parents.get(call);
    if (!call || !statement) continue;
    if (!("service" in add)) {
      const text = withImports(context, add.text, add.imports);
      if (place) moved.push(text + end);
      else edit.overwrite(call.start, call.end, text, origin);
      report(context, "addToServer()", add.start, add.end);
    } else {
      const { route, implementation, messages } = registrationParts(context, add, call);
      if (place)
        moved.push(route + implementationText(context, add, implementation, eol, inner, unit) + messages + end);
      else writeRegistration(context, add, call);
      reportRegistration(context, add);
    }
    if (place) {
      const range = withBlankLine(source, lineRange(source, statement.start, statement.end), removedBy(edit.edits));
      edit.remove(range.start, range.end, origin);
    }
  }
  if (place) {
    const at = startWithComments(source, place);
    edit.insertRight(at, `${head}${moved.join(eol + inner)}${tail}${eol}${eol}`, origin);
  } else {
    const { lines, moved: apart } = lift(context, fact, indent);
    edit.insertRight(fact.routes.start, lines + head, origin);
    edit.insertLeft(fact.routes.end, tail, origin);
    let from = fact.routes.start;
    for (const { start, end: stop } of [...apart, { start: fact.routes.end, end: fact.routes.end }]) {
      indentLines(context, from, start, unit + unit, origin);
      edit.indent(from, start, unit + unit, origin);
      from = stop - 1;
    }
  }
  for (const { start, end: stop } of fact.unused) {
    const range = withBlankLine(source, lineRange(source, start, stop), removedBy(edit.edits));
    edit.remove(range.start, range.end, origin);
  }

  const isTop = !fact.routes.isApart && parents.get(holder.statement)?.type === "Program";
  const isExported = fact.mode === "module" && (place !== null || isTop);
  const entry = isExported ? fact.entry : null;
  for (const use of fact.uses) {
    const call = callAt(file, use);
    if (!call) continue;
    if (use.promised) migratePromised(context, { file, parents, call, use, app, running, entry });
    else if (use.member === "bindAsync") migrateBind(context, { file, parents, call, use, app, running, entry });
    else if (use.member === "start") removeStart(context, call, parents);
    else if (use.member === "forceShutdown") {
      edit.overwrite(call.start, call.end, `${running}?.destroy()`, origin);
      report(context, "server.forceShutdown()", call.start, call.end);
    } else {
      const [done] = call.arguments as Node[];
      const ignores = done && isFunction(done) && (done.params as Node[]).length === 0;
      if (!done) edit.overwrite(call.start, call.end, `${running}?.close()`, origin);
      else {
        edit.overwrite(
          call.start,
          done.start,
          `${closed(running)}.${ignores ? "" : "then(() => undefined, (error) => error)."}then(`,
          origin,
        );
        edit.overwrite(done.end, call.end, ")", origin);
      }
      report(context, "server.tryShutdown()", call.start, call.end);
    }
  }
  return isExported ? [app] : [];
}

/** The member `interceptors` of the app: Connect's as they are, those of grpc-js on a bridge. */
function interceptorsOf(context: RuleContext, { interceptors, start, end }: ServerFact): string[] {
  if (interceptors === null) return [];
  const { kept } = interceptors;
  const text = withImports(context, interceptors.text, interceptors.imports);
  if (kept === null) {
    report(context, "server interceptors", start, end);
    return [`interceptors: ${text}`];
  }
  context.report({
    rule: id,
    outcome: "bridged",
    construct: "server interceptors",
    reason: reason(
      "kept-beside-bridge",
      `server interceptors keep the shape that they have in grpc-js, because of ${kept}`,
    ),
    start,
    end,
    rpc: null,
  });
  return [`interceptors: [${context.imports.add(BRIDGE, "fromServerInterceptors")}(${text})]`];
}

/** Declarations among the services that move in front of the app, or as lines that name them. */
function lift(context: RuleContext, { routes }: ServerFact, indent: string) {
  const { source, edit } = context;
  const file = context.root.get().value as Node;
  const { eol, end } = styleOf(source);
  let lines = "";
  const moved: { start: number; end: number }[] = [];
  for (const each of routes.lifted) {
    if (each.kind === "let") {
      lines += `let ${each.name}${each.type === null ? "" : `!: ${each.type}`}${end}${eol}${indent}`;
      edit.overwrite(each.start, each.value, `${each.name} = `, origin);
      continue;
    }
    const statement = nodeAt(file, each.start, each.end);
    const start = statement ? startWithComments(source, statement) : each.start;
    const range = withBlankLine(source, lineRange(source, start, each.end));
    edit.move(start, each.end, routes.start);
    edit.insertLeft(each.end, eol + indent, origin);
    edit.remove(range.start, start, origin);
    edit.remove(each.end, range.end, origin);
    moved.push(range);
  }
  return { lines, moved };
}

/** Is another app seen where that of a server is, or the other way round: made in the same block, or in one around it? */
function hasNeighbour(context: RuleContext, fact: ServerFact): boolean {
  const file = context.root.get().value as Node;
  const blockOf = (server: ServerFact): Node => {
    const call = callAt(file, server.registrations[0] ?? server.parts[0] ?? server);
    const block = call && ancestorOf(call, parentMap(file), (node) => node.type === "BlockStatement");
    return hoistPlace(file, server) === null ? (block ?? file) : file;
  };
  const own = blockOf(fact);
  return (context.facts as ServerSideFact[]).some((other) => {
    if (other.kind !== "server" || !other.ok || other.mode !== "module" || other.start === fact.start) return false;
    const block = blockOf(other);
    return block === file || own === file || isWithin(block, own) || isWithin(own, block);
  });
}

function isWithin(inner: Node, outer: Node): boolean {
  return outer.start <= inner.start && inner.end <= outer.end;
}

/** A member call on what is an app now, wherever it stands. */
function migrateUse(context: RuleContext, use: ServerUseFact): void {
  const { source, edit, imports } = context;
  const file = context.root.get().value as Node;
  const parents = parentMap(file);
  const call = callAt(file, use);
  if (!call) return;
  if (use.promised) {
    const { server } = use.promised;
    migratePromised(context, { file, parents, call, use, app: server, running: null, entry: null });
    return;
  }
  const app = textOf(source, call.callee.object);
  if (use.member === "bindAsync") migrateBind(context, { file, parents, call, use, app, running: null, entry: null });
  else if (use.member === "start") removeStart(context, call, parents);
  else {
    const [done] = call.arguments as Node[];
    const name = imports.add(BRIDGE, use.member);
    // Where there is no server, nobody is called back; what is forced takes none as well.
    const isGuarded = call.type === "OptionalCallExpression" && use.member === "tryShutdown";
    const isAlone = /^(ExpressionStatement|ArrowFunctionExpression)$/.test(parents.get(call)?.type ?? "");
    const [open, close] = !isGuarded ? ["", ""] : isAlone ? [`${app} && `, ""] : [`(${app} && `, ")"];
    edit.overwrite(call.start, done?.start ?? call.end, `${open}${name}(${app}${done ? ", " : `)${close}`}`, origin);
    if (done && close !== "") edit.insertLeft(call.end, close, origin);
    report(context, `server.${use.member}()`, call.start, call.end);
  }
}

function isClosed(fact: ServerFact): boolean {
  return fact.uses.some((use) => use.member === "tryShutdown" || use.member === "forceShutdown");
}

/** `module.exports = { app }`, or the export statement of an ES module. */
function exportApps(context: RuleContext, apps: readonly string[]): void {
  const { source, edit, moduleSystem } = context;
  const file = context.root.get().value as Node;
  const { eol, end } = styleOf(source);
  const atEnd = source.replace(/\s+$/, "").length;
  if (moduleSystem === "esm") {
    edit.insertLeft(atEnd, `${eol}${eol}export { ${apps.join(", ")} }${end}`, origin);
    return;
  }
  for (const statement of file.program.body as Node[]) {
    const assignment = statement.type === "ExpressionStatement" ? statement.expression : undefined;
    if (assignment?.type !== "AssignmentExpression" || textOf(source, assignment.left) !== "module.exports") continue;
    if (assignment.right.type !== "ObjectExpression") return;
    const properties = assignment.right.properties as Node[];
    const more = apps.filter((app) => !properties.some((property) => keyName(property) === app)).join(", ");
    const last = properties.at(-1);
    if (more === "") return;
    if (last) edit.insertLeft(last.end, `, ${more}`, origin);
    else edit.overwrite(assignment.right.start, assignment.right.end, `{ ${more} }`, origin);
    return;
  }
  const usesExports = /^\s*exports\.\w+\s*=/m.test(source);
  const exported = usesExports
    ? apps.map((app) => `exports.${app} = ${app}${end}`).join(eol)
    : `module.exports = { ${apps.join(", ")} }${end}`;
  edit.insertLeft(atEnd, `${eol}${eol}${exported}`, origin);
}

function removeStart(context: RuleContext, call: Node, parents: ReturnType<typeof parentMap>): void {
  const { source, edit } = context;
  report(context, "server.start()", call.start, call.end);
  const bind = ancestorOf(call, parents, (node) => node.type === "CallExpression");
  // There it goes with the callback around it.
  if (bind && isIdleCallback(source, bind)) return;
  const parent = parents.get(call);
  if (parent?.type !== "ExpressionStatement") edit.overwrite(call.start, call.end, "{}", origin);
  else {
    const { start, end } = lineRange(source, parent.start, parent.end);
    edit.remove(start, end, origin);
  }
}

/** A name that the file does not use, and no other app has. */
function freshName(file: Node, name: string, taken: Set<string> = new Set()): string {
  const { names } = scopesOf(file);
  const next = (i: number) => (name !== "app" ? `${name}${i}` : i === 2 ? "connectApp" : `connectApp${i - 1}`);
  let fresh = name;
  for (let i = 2; names.has(fresh) || taken.has(fresh); i++) fresh = next(i);
  taken.add(fresh);
  return fresh;
}
