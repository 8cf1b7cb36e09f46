import { isIdentifier, type Node, parentMap, semicolonOf, statementOf } from "../shared/ast.js";
import { commentsOf } from "../shared/comments.js";
import { unitOf } from "../shared/indentation.js";
import type { RuleContext } from "../shared/rule.js";
import { boundMethod, isNamed } from "./call-events.js";
import { mentions } from "./callback-shape.js";
import { layoutAt, semicolonBefore } from "./layout.js";
import type { Listener, ListenersPlan } from "./plan-stream.js";
import { keptOf } from "./plan-stream-body.js";
import { closeInPlace, layoutInPlace, openBody, writeSettles } from "./write-body.js";
import {
  catchHead,
  caughtError,
  fileOf,
  freshName,
  GRPC_JS,
  keywordFor,
  type PlannedCall,
  RUNTIME,
  writeWritable,
} from "./write-call.js";
import { nameOf, statusFunction, trailerName, writeStatusReads, writeTrailer } from "./write-events.js";

/** `for await (… of call)` over a call that messages are written to: the loop runs over the replies. */
export function writeReplies(ctx: RuleContext, planned: PlannedCall, rule: string): void {
  const { plan, call } = planned;
  if (plan.kind !== "plain" || !plan.writer || !plan.loop || !plan.statement) return;
  const origin = { rule, outcome: "idiomatic" } as const;
  const replies = repliesName(ctx, planned);
  const writable = writeWritable(ctx, planned, plan.writer, layoutAt(ctx, plan.statement.start), rule);
  ctx.edit.overwrite(plan.statement.start, call.start, `${writable}const ${replies} = `, origin);
  ctx.edit.overwrite(plan.loop.start, plan.loop.end, replies, origin);
}

/** The variable that holds what comes back of a call that messages are written to. */
function repliesName(ctx: RuleContext, planned: PlannedCall): string {
  return nameOf(ctx, planned, ["replies", "answers", "messages"], ({ plan }) =>
    plan.kind === "listeners"
      ? plan.writer !== null && plan.variable !== null
      : plan.kind === "plain" && plan.loop !== null,
  );
}

/** Listeners of a stream as a loop, a catch clause and what follows them, in the order in which grpc-js emits. */
export function writeLoop(ctx: RuleContext, planned: PlannedCall, plan: ListenersPlan, rule: string): void {
  const origin = { rule, outcome: "idiomatic" } as const;
  const { call } = planned;
  const { statement, variable, data, status, place } = plan;
  const { error, end } = keptOf(plan);
  const { source } = ctx;
  const layout = place ? layoutInPlace(ctx, place) : layoutAt(ctx, plan.loop.start);
  const { eol } = layout;
  const [outer, inner, deep] = layout.at;
  const unit = unitOf(source);
  const semicolon = semicolonOf(source, statement);
  const written = [data, error, status, end].filter((listener) => listener !== null);
  const last = written.at(-1);
  // A `finally` without a `catch`, where the error goes on by itself.
  const isTried = error !== null || plan.isFinal;
  const loopAt = isTried ? deep : inner;
  const isAsync = data.callback.async === true;
  const isWrapped = isAsync || plan.isScoped;

  // Before the loop.
  const [statusParam] = (status?.callback.params ?? []) as Node[];
  const isTold = isIdentifier(statusParam) && mentions(status?.callback.body, statusParam.name);
  const statusName = isTold ? (statusParam.name as string) : undefined;
  const isWhole = plan.reads?.more === true;
  const callStatus = isWhole ? ctx.imports.add(GRPC_JS, statusFunction(plan.reads)) : "";
  const ended = isWhole ? `${callStatus}(${trailerName(ctx, planned)})` : "";
  const type = ctx.language === "ts" && !isWhole ? ": { code: number }" : "";
  const begins = isWhole ? (ctx.language === "ts" ? ` = ${callStatus}(undefined)` : "") : " = { code: 0 }";
  // What comes from the trailers is known behind the loop.
  const isLate = isWhole && !error;
  const declare =
    statusName === undefined || isLate
      ? ""
      : `${eol}${inner}${error ? "let" : "const"} ${statusName}${type}${begins}${semicolon}`;
  if (isWhole) writeTrailer(ctx, planned, statement, rule);
  writeStatusReads(ctx, plan.reads, statusParam ?? null, rule);
  const [item] = isNamed(data.callback) ? [] : (data.callback.params as Node[]);
  // A loop's variable has the type of what it runs over.
  const name = item
    ? isIdentifier(item)
      ? item.name
      : source.slice(item.start, item.typeAnnotation?.start ?? item.end)
    : isNamed(data.callback)
      ? freshName(ctx, "message", "item")
      : "_";
  const lines = `${declare}${commentsBefore(data, inner)}${isTried ? `${eol}${inner}try {` : ""}${eol}${loopAt}for await (${item ? keywordFor(ctx, item) : "const"} ${name} of `;
  const behind = variable ? (statementOf(data.call, parentMap(fileOf(ctx))) ?? statement) : statement;
  const isBehindWritable = plan.writer !== null && !variable;
  const guard = isBehindWritable && semicolon !== "" ? "" : semicolonBefore(ctx, behind);
  // In place, it begins where the statement began.
  const open = place ? lines.slice(eol.length + inner.length) : `${guard}(async () => {${lines}`;
  if (place) {
    openBody(ctx, place.promise, layout, origin);
    writeSettles(ctx, place.promise, origin);
  }
  const writable = plan.writer
    ? writeWritable(ctx, planned, plan.writer, plan.loop === statement ? layout : layoutAt(ctx, statement.start), rule)
    : "";
  const wrap = isWrapped ? `${eol}${loopAt}${unit}(${isAsync ? "async " : ""}() => {` : "";
  if (variable) {
    // What stands between the call and its listeners stays between them.
    const stream = plan.writer ? repliesName(ctx, planned) : (variable.name as string);
    if (plan.writer) ctx.edit.overwrite(statement.start, call.start, `${writable}const ${stream} = `, origin);
    else if (variable.typeAnnotation)
      ctx.edit.remove(variable.typeAnnotation.start, variable.typeAnnotation.end, origin);
    // What stands behind the listeners comes before the loop.
    const moved = place?.moved;
    if (moved) ctx.edit.move(moved.start, moved.end, data.start);
    const next = moved ? eol + inner : "";
    writeBody(data, data.start, `${next}${open}${stream}) {${wrap}`, loopAt + unit + (isWrapped ? unit : ""));
  } else {
    if (call.start > statement.start) ctx.edit.overwrite(statement.start, call.start, writable + open, origin);
    else ctx.edit.insertRight(statement.start, writable + open, origin);
    writeBody(
      data,
      call.start > statement.start ? call.end : data.before,
      `) {${wrap}`,
      loopAt + unit + (isWrapped ? unit : ""),
    );
  }
  const told = isWhole ? `${eol}${loopAt}${isLate ? "const " : ""}${statusName} = ${ended}${semicolon}` : "";
  const closeLoop = `${isWrapped ? `${eol}${loopAt}${unit}})()${semicolon}` : ""}${eol}${loopAt}}${told}`;
  finish(data, closeLoop + (isTried && !error ? `${eol}${inner}} finally {` : ""));
  for (const node of plan.continues) ctx.edit.overwrite(node.start, node.start + "return".length, "continue", origin);

  if (error) {
    const { callback } = error;
    const [param] = isNamed(callback) ? [] : (callback.params as Node[]);
    let { head, first } = catchHead(ctx, isIdentifier(param) ? param : null, layout);
    if (isNamed(callback) || (statusName !== undefined && head === "catch {"))
      head = `catch (${freshName(ctx, "caught", "caughtError")}) {`;
    const caught = /\((\w+)\)/.exec(head)?.[1] ?? "";
    if (statusName !== undefined) {
      const value = isWhole
        ? `${callStatus}(${caught})`
        : ctx.language === "ts"
          ? `${ctx.imports.add(RUNTIME, "ConnectError")}.from(${caught})`
          : caught;
      first += `${eol}${deep}${statusName} = ${value}${semicolon}`;
    }
    const before = `${eol}${inner}} ${head}${first}${commentsBefore(error, deep)}`;
    const isServiceError = caughtError(ctx, callback)?.mode === "wrapped";
    const value = isServiceError ? `${ctx.imports.add(GRPC_JS, "serviceErrorFrom")}(${caught})` : caught;
    // A `catch` closes the `try` that the loop stands in.
    writeBody(error, error.start, before, deep, value);
    finish(error, `${eol}${inner}}${plan.isFinal ? " finally {" : ""}`);
  }
  for (const listener of place?.gone ?? []) ctx.edit.remove(listener.before, listener.end, origin);
  const settling = place?.behindFinally ?? null;
  for (const listener of [status, end]) {
    if (!listener) continue;
    const at = plan.isFinal ? deep : inner;
    writeBody(listener, listener.start, commentsBefore(listener, at), at, "");
    finish(listener, plan.isFinal && listener === last && !settling ? `${eol}${inner}}` : "");
  }
  if (settling) {
    const behind = source.slice(0, settling.start).trimEnd().length;
    ctx.edit.overwrite(behind, settling.start, `${eol}${inner}}${eol}${inner}`, origin);
  }
  // Those that follow in order stay where they are; others come to stand before what follows.
  let target = data.end;
  let isMoved = false;
  for (const listener of written.slice(1)) {
    if (listener.before < listener.start) ctx.edit.remove(listener.before, listener.start, origin);
    const follows: boolean = isMoved ? listener.start === target : listener.before === target;
    if (follows) target = listener.end;
    else ctx.edit.move(listener.start, listener.end, target);
    isMoved = !follows;
  }
  if (place) closeInPlace(ctx, place, place.end, "", origin);

  /** The text from `from` to the content of a listener's body becomes `before`; a function with a name is called. */
  function writeBody(listener: Listener, from: number, before: string, indent: string, argument: string = name): void {
    const { callback } = listener;
    if (isNamed(callback)) {
      ctx.edit.overwrite(from, callback.start, `${before}${eol}${indent}`, origin);
      const bound = boundMethod(callback);
      const called = `(${argument})${semicolon}`;
      if (bound) ctx.edit.overwrite(bound.end, callback.end, called, origin);
      else ctx.edit.insertLeft(callback.end, called, origin);
      return;
    }
    const body = callback.body as Node;
    if (body.type !== "BlockStatement") {
      ctx.edit.overwrite(from, body.start, `${before}${eol}${indent}`, origin);
      return;
    }
    const content = source.slice(body.start + 1, body.end - 1);
    if (content.trim() === "") ctx.edit.overwrite(from, body.end, before, origin);
    else if (/^[ \t]*[^\s]/.test(content) && !/^[ \t]*\/\//.test(content))
      ctx.edit.overwrite(
        from,
        body.start + 1 + (content.length - content.trimStart().length),
        `${before}${eol}${indent}`,
        origin,
      );
    else ctx.edit.overwrite(from, body.start + 1, before, origin);
  }

  /** The text behind a listener's body. */
  function finish(listener: Listener, after: string): void {
    const { callback } = listener;
    const closing = after + (listener === last && !place ? `${eol}${outer}})()${semicolon}` : "");
    const body = callback.body as Node;
    if (isNamed(callback)) ctx.edit.overwrite(callback.end, listener.end, closing, origin);
    else if (body.type !== "BlockStatement")
      ctx.edit.overwrite(body.end, listener.end, `${semicolon}${closing}`, origin);
    else {
      const content = source.slice(body.start + 1, body.end - 1);
      const from = content.trim() === "" ? body.end : body.start + 1 + content.trimEnd().length;
      if (from < listener.end) ctx.edit.overwrite(from, listener.end, closing, origin);
      else ctx.edit.insertLeft(from, closing, origin);
    }
  }

  /** Comments above a listener, or before its function, go with it. */
  function commentsBefore(listener: Listener, indent: string): string {
    // What stands between the call and its listeners stays there.
    const start = listener === data && variable ? listener.start : listener.before;
    return commentsOf(fileOf(ctx), { start, end: listener.callback.start })
      .map((comment) => `${eol}${indent}${source.slice(comment.start, comment.end)}`)
      .join("");
  }
}
