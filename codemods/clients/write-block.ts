import { isIdentifier, type Node, semicolonOf } from "../shared/ast.js";
import { commentsOf } from "../shared/comments.js";
import type { RuleContext } from "../shared/rule.js";
import { type CallbackShape, FAILURE_LIST, leadingOf, mentions, namesOf } from "./callback-shape.js";
import { rethrows } from "./error-in-body.js";
import { type Layout, layoutAt, semicolonBefore, semicolonIn } from "./layout.js";
import type { InPlace } from "./plan-body.js";
import { type CallPlan, needsTrailer } from "./plan-call.js";
import { closeInPlace, layoutInPlace, openBody, writeSettles } from "./write-body.js";
import {
  argumentsEnd,
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
import { replyName, writeHeader, writeStatus, writeTrailer } from "./write-events.js";

type BlockPlan = Extract<CallPlan, { kind: "block" }>;

/** What the writers of one call share. */
interface Place {
  readonly ctx: RuleContext;
  readonly planned: PlannedCall;
  readonly shape: CallbackShape;
  readonly statement: Node;
  readonly layout: Layout;
  readonly semicolon: string;
  /** Where it is awaited, if that is no function of its own. */
  readonly inPlace: InPlace | null;
  /** What the statement ends with; nothing, where it is an expression. */
  readonly closing: string;
  /** What stands behind the arguments of the call. */
  readonly callEnd: string;
  readonly origin: { readonly rule: string; readonly outcome: "idiomatic" };
}

/** An awaited call with what its callback did, in an async function that is called at once; or with `then`, where that reads better. */
export function writeBlock(ctx: RuleContext, planned: PlannedCall, plan: BlockPlan, rule: string): void {
  const { shape, place: inPlace } = plan;
  const statement = inPlace?.statement ?? plan.statement;
  const closing = semicolonOf(ctx.source, statement);
  const base = {
    ctx,
    planned,
    shape,
    statement,
    inPlace,
    layout: inPlace ? layoutInPlace(ctx, inPlace) : layoutAt(ctx, statement.start),
    semicolon: statement === planned.call ? semicolonIn(ctx.source) : closing,
    closing,
    origin: { rule, outcome: "idiomatic" },
  } as const;
  // What waits for promises gets none.
  const hidden = planned.fact.unseen === "framework" ? "void " : "";
  const opening = hidden + openingOf(base, plan.isEarly || plan.writer !== null);
  // Made where it stood, and awaited at once.
  const reply = plan.isEarly ? replyName(ctx, planned) : "";
  const head = plan.isEarly ? `const ${reply} = ` : opening;
  const { eol, at } = base.layout;
  const place: Place = {
    ...base,
    callEnd: plan.isEarly ? `)${base.semicolon}${eol}${at[0]}${opening}${reply}` : ")",
  };
  if (needsTrailer(plan)) writeTrailer(ctx, planned, statement, rule);
  writeHeader(ctx, planned, rule);
  if (plan.status) writeStatus(ctx, planned, plan.status, rule);
  const declared = plan.writer ? writeWritable(ctx, planned, plan.writer, place.layout, rule) : "";
  if (inPlace?.promise) {
    openBody(ctx, inPlace.promise, base.layout, base.origin);
    writeSettles(ctx, inPlace.promise, base.origin);
  }
  if (inPlace?.moved) ctx.edit.move(inPlace.moved.start, inPlace.moved.end, shape.callback.start + 1);
  if (planned.call.start > statement.start)
    ctx.edit.overwrite(statement.start, planned.call.start, declared + head, place.origin);
  else ctx.edit.insertRight(statement.start, head, place.origin);
  switch (shape.form) {
    case "empty":
      ctx.edit.overwrite(
        argumentsEnd(ctx, planned),
        planned.call.end,
        `${place.callEnd}.catch(() => {})`,
        place.origin,
      );
      return;
    case "negated":
      writeThen(place);
      return;
    case "success":
    case "whole":
      writeWhole(place);
      return;
    default:
      writeApart(place);
  }
}

/** From the arguments that stay to where what stays of the callback begins. What comes between call and reply stands there, too. */
function endCall({ ctx, planned, shape, inPlace, layout, semicolon, origin }: Place, to: number, text: string): void {
  const from = argumentsEnd(ctx, planned);
  if (!inPlace?.moved) {
    ctx.edit.overwrite(from, to, text, origin);
    return;
  }
  const made = `)${semicolon}`;
  const between = shape.callback.start + 1;
  ctx.edit.overwrite(from, between, `${made}${layout.eol}${layout.at[0]}`, origin);
  ctx.edit.overwrite(between, to, text.slice(made.length), origin);
}

/** The response's parameter, if the code of the reply reads it. */
function responseOf({ shape }: Pick<Place, "shape">): Node | null {
  const { response, success } = shape;
  return response && success.some((node) => namesOf(response).some((name) => mentions(node, name))) ? response : null;
}

/** The variable that the response is assigned to. */
function responseName(ctx: RuleContext, response: Node): string {
  return isIdentifier(response) ? response.name : freshName(ctx, "response", "reply");
}

/** `const { items } = response;`, on the path where there is one: a default of the parameter is for the other one. */
function destructured(place: Place): string {
  const { ctx, semicolon } = place;
  const response = isThrownOnly(place) ? null : responseOf(place);
  if (!response || isIdentifier(response)) return "";
  const { start, end } = response.type === "AssignmentPattern" ? response.left : response;
  const { eol, at } = place.layout;
  const name = responseName(ctx, response);
  return `${keywordFor(ctx, response)} ${ctx.source.slice(start, end)} = ${name}${semicolon}${eol}${at[1]}`;
}

/** What stands before the call. */
function openingOf(place: Omit<Place, "callEnd">, isBehind: boolean): string {
  const { shape, layout, semicolon, planned, statement } = place;
  if (shape.form === "negated" && place.inPlace) return "return ";
  if (shape.form === "empty" || shape.form === "negated") return "";
  const { eol } = layout;
  const [, inner, deep] = layout.at;
  const response = responseOf(place);
  // Behind the line that makes the call, that is the one before it.
  const guard =
    statement === planned.call || (isBehind && semicolon !== "") ? "" : semicolonBefore(place.ctx, statement);
  const open = place.inPlace ? "" : `${guard}(async () => {${eol}${inner}`;
  const isFlat = ((shape.form === "success" || shape.form === "whole") && !shape.failure) || isThrownOnly(place);
  if (isFlat) {
    const { source } = place.ctx;
    const pattern = response?.type === "AssignmentPattern" ? response.left : response;
    const name = pattern && (isIdentifier(pattern) ? pattern.name : source.slice(pattern.start, pattern.end));
    return `${open}${response ? `${keywordFor(place.ctx, response)} ${name} = ` : ""}await `;
  }
  const name = response && responseName(place.ctx, response);
  const type = shape.fallsThrough && planned.fact.responseType !== null ? `!: ${planned.fact.responseType}` : "";
  const declare = response ? `let ${name}${type}${semicolon}${eol}${inner}` : "";
  const caught = shape.form === "whole" ? declareError(place) : "";
  return `${open}${caught}${declare}try {${eol}${deep}${response ? `${name} = ` : ""}await `;
}

/** `let err = null;`, as grpc-js says it. */
function declareError({ ctx, shape, layout, semicolon }: Omit<Place, "callEnd">): string {
  const name = errorName(ctx, shape);
  const written = shape.error?.typeAnnotation;
  const said = written?.typeAnnotation as Node | undefined;
  let type = "";
  let value = "null";
  if (ctx.language === "ts" && name !== shape.error?.name) type = ": unknown";
  else if (ctx.language === "ts")
    type = isWrapped(ctx, shape)
      ? ctx.source.slice(written?.start, written?.end)
      : said?.type === "TSAnyKeyword"
        ? ": any"
        : `: ${ctx.imports.add(RUNTIME, "ConnectError")}`;
  if (type.endsWith("ConnectError")) {
    // A type that says there always is one lets the body read it without a test.
    if (said?.type === "TSTypeReference") value = "null!";
    else type += " | null";
  }
  return `let ${name}${type} = ${value}${semicolon}${layout.eol}${layout.at[1]}`;
}

/** The variable that holds the error: the parameter's own name, unless the body hands on the error as it came beside a ServiceError. */
function errorName(ctx: RuleContext, shape: CallbackShape): string {
  const { error, failure } = shape;
  if (!error || !failure) return freshName(ctx, "caught", "caughtError");
  const isBeside =
    isWrapped(ctx, shape) && (rethrows(error, failure).length > 0 || (ctx.language === "ts" && !error.typeAnnotation));
  return isBeside ? freshName(ctx, "caught", "caughtError") : (error.name as string);
}

function isWrapped(ctx: RuleContext, shape: CallbackShape): boolean {
  return caughtError(ctx, shape.error)?.mode === "wrapped";
}

/** The body as it was, behind what makes its two values. */
function writeWhole(place: Place): void {
  const { ctx, shape, statement, layout, semicolon, callEnd, origin } = place;
  const { eol } = layout;
  const [outer, inner, deep] = layout.at;
  const { source } = ctx;
  const body = shape.callback.body as Node;
  let closed = `${callEnd}${semicolon}`;
  if (shape.form === "whole" && !shape.failure)
    closed = `${callEnd}.catch(() => ${responseOf(place) ? "undefined" : "{}"})${semicolon}`;
  if (shape.failure) {
    const name = errorName(ctx, shape);
    const isOwn = name === shape.error?.name;
    const caught = freshName(ctx, isOwn ? "caught" : "error", "caughtError");
    let from = caught;
    if (isOwn && isWrapped(ctx, shape)) from = `${ctx.imports.add(GRPC_JS, "serviceErrorFrom")}(${caught})`;
    else if (isOwn && ctx.language === "ts") from = `${ctx.imports.add(RUNTIME, "ConnectError")}.from(${caught})`;
    closed = `${callEnd}${semicolon}${eol}${inner}} catch (${caught}) {${eol}${deep}${name} = ${from}${semicolon}${eol}${inner}}`;
    if (!isOwn && shape.error) {
      const convert = ctx.imports.add(GRPC_JS, "serviceErrorFrom");
      closed += `${eol}${inner}${keywordFor(ctx, shape.error)} ${shape.error.name} = ${name} && ${convert}(${name})${semicolon}`;
    }
  }
  const statements = body.type === "BlockStatement" ? (body.body as Node[]) : [];
  const [first] = statements;
  const last = statements.at(-1);
  if (body.type !== "BlockStatement") {
    endCall(place, body.start, `${closed}${eol}${inner}`);
    if (place.inPlace) closeInPlace(ctx, place.inPlace, body.end, semicolon, origin);
    else ctx.edit.overwrite(body.end, statement.end, `${semicolon}${eol}${outer}})()${place.closing}`, origin);
    return;
  }
  const isOneLine = first && !source.slice(body.start, first.start).includes("\n");
  if (isOneLine) {
    const from = body.start + 1 + (/^[ \t]*/.exec(source.slice(body.start + 1))?.[0].length ?? 0);
    endCall(place, from, `${closed}${eol}${inner}`);
  } else endCall(place, body.start + 1, closed);
  closeBody(place, last);
}

/** From the last of a callback's body that stays to the end of the statement. */
function closeBody(place: Place, last: Node | undefined): void {
  const { ctx, shape, statement, layout, closing, origin } = place;
  const body = shape.callback.body as Node;
  if (place.inPlace) {
    const end = body.start + 1 + ctx.source.slice(body.start + 1, body.end - 1).trimEnd().length;
    closeInPlace(ctx, place.inPlace, end, "", origin);
    return;
  }
  const close = `})()${closing}`;
  if (last && !ctx.source.slice(last.end, body.end).includes("\n"))
    ctx.edit.overwrite(last.end, statement.end, `${layout.eol}${layout.at[0]}${close}`, origin);
  else ctx.edit.overwrite(body.end - 1, statement.end, close, origin);
}

/** `.then((response) => {…}, (err) => {…})`: the paths in the order that they have. */
function writeThen(place: Place): void {
  const { ctx, planned, shape, origin } = place;
  const { callback, failure } = shape;
  const { eol, at } = place.layout;
  const inner = place.inPlace ? at[2] : at[1];
  const success = shape.success[0] as Node;
  const response = responseOf(place);
  const isAsync = callback.async ? "async " : "";
  const open = `${place.callEnd}.then(${isAsync}(${response ? ctx.source.slice(response.start, response.end) : ""}) => `;
  writeBody(null, success, open);
  if (!failure || place.inPlace?.isThrownOnly) {
    finish(success, failure ? "" : ", () => {}");
    return;
  }
  const caught = caughtError(ctx, shape.error);
  const name = caught?.mode === "wrapped" ? freshName(ctx, "caught", "caughtError") : shape.error?.name;
  const head = `, ${isAsync}(${caught ? name : ""}) => `;
  const text = ctx.source.slice(success.end, failure.start);
  writeBody(success.end, failure, (isBare(success) ? closingOf(text) : "") + head);
  if (shape.error && caught?.mode === "wrapped") {
    const convert = ctx.imports.add(GRPC_JS, "serviceErrorFrom");
    const [first] = failure.type === "BlockStatement" ? (failure.body as Node[]) : [];
    const own = `${keywordFor(ctx, shape.error)} ${shape.error.name} = ${convert}(${name});`;
    const isLine = first && ctx.source.slice(failure.start, first.start).includes("\n");
    const behind = failure.type === FAILURE_LIST ? `${eol}${inner}` : " ";
    if (failure.type === "BlockStatement")
      ctx.edit.insertLeft(failure.start + 1, `${isLine ? `${eol}${inner}` : " "}${own}`, origin);
    else ctx.edit.insertRight(failure.start, own + behind, origin);
  }
  finish(failure, "");

  function isBare(node: Node): boolean {
    return /Statement$/.test(node.type) && node.type !== "BlockStatement";
  }
  function closingOf(between: string): string {
    return between.startsWith(";") ? "; }" : " }";
  }
  /** A statement that is no block gets braces, and so does what the error is converted before. */
  function bracesOf(node: Node): readonly [string, string] {
    if (node.type === FAILURE_LIST) return [`{${eol}${inner}`, `${eol}${at[0]}}`];
    const isConverted = node === failure && caught?.mode === "wrapped" && node.type !== "BlockStatement";
    return isBare(node) || isConverted ? ["{ ", " }"] : ["", ""];
  }
  function writeBody(from: number | null, node: Node, before: string): void {
    const isObject = node.type === "ObjectExpression";
    const text = `${before}${bracesOf(node)[0] || (isObject ? "(" : "")}`;
    if (from === null) endCall(place, node.start, text);
    else ctx.edit.overwrite(from, node.start, text, origin);
    if (isObject) ctx.edit.insertLeft(node.end, ")", origin);
  }
  function finish(node: Node, more: string): void {
    ctx.edit.overwrite(node.end, planned.call.end, `${bracesOf(node)[1]}${more})`, origin);
    if (place.inPlace) closeInPlace(ctx, place.inPlace, planned.call.end, place.semicolon, origin);
  }
}

/** `if (err) throw err;`: the async function throws it by itself. */
function isThrownOnly({ ctx, shape, inPlace }: Pick<Place, "ctx" | "shape" | "inPlace">): boolean {
  if (inPlace && inPlace.isThrownOnly !== null) return inPlace.isThrownOnly;
  const { form, failure, error, success } = shape;
  if (form !== "guard" || !failure || !error || isWrapped(ctx, shape)) return false;
  if (commentsOf(fileOf(ctx), leadingOf(shape)).length > 0) return false;
  // What is said of it stays with it.
  const end = success.length === 0 ? shape.callback.end : ctx.source.indexOf("\n", failure.end);
  if (fileOf(ctx).comments?.some(({ start }) => start >= failure.start && start < end)) return false;
  const [only, more] = failure.type === "BlockStatement" ? (failure.body as Node[]) : [failure];
  return only?.type === "ThrowStatement" && !more && isIdentifier(only.argument, error.name);
}

/** What is said at the beginning of a callback, on lines of the catch clause. */
function commentsBefore({ ctx, shape, layout }: Place): string {
  const lines = commentsOf(fileOf(ctx), leadingOf(shape)).flatMap(({ start, end }) =>
    ctx.source
      .slice(start, end)
      .split(/\r?\n/)
      .map((line) => line.trim())
      .map((line) => (line.startsWith("*") ? ` ${line}` : line)),
  );
  return lines.map((line) => `${layout.eol}${layout.at[2]}${line}`).join("");
}

/** `if (err && …) …; if (err) …` -> `if (…) …; …`, in a catch clause. */
function writeFailures(place: Place, opened: string): void {
  const { ctx, shape, layout, origin } = place;
  const { eol } = layout;
  const [, inner, deep] = layout.at;
  const { body, last } = shape.failure as Node;
  const [first] = body as [Node];
  const consequent = body.at(-1) as Node;
  endCall(place, first.start, `${opened}${eol}${deep}`);
  for (const { test } of (body as Node[]).slice(0, -1)) {
    let head = test as Node;
    while (head.left.type === "LogicalExpression") head = head.left;
    const { left, right } = head;
    // `err && (…)` alone loses its parentheses.
    const isAlone = head === test && right.extra?.parenthesized === true;
    const operator = ctx.source.indexOf("&&", left.end) + 2;
    const next = operator + ctx.source.slice(operator).search(/\S/);
    ctx.edit.remove(left.start, isAlone ? right.start : next, origin);
    if (isAlone) ctx.edit.remove(right.end, test.end, origin);
  }
  const block = consequent.type === "BlockStatement" ? (consequent as Node) : undefined;
  const [opening] = block ? (block.body as [Node]) : [consequent];
  ctx.edit.remove(last, opening.start, origin);
  const close = `${eol}${inner}}`;
  if (!block) ctx.edit.insertLeft(consequent.end, close, origin);
  else {
    const end = block.start + ctx.source.slice(block.start, block.end - 1).trimEnd().length;
    ctx.edit.overwrite(end, block.end, close, origin);
  }
}

/** Both paths of a callback: the failing one in the catch clause, the other one behind it. */
function writeApart(place: Place): void {
  const { ctx, shape, statement, layout, semicolon, callEnd, origin } = place;
  const { eol } = layout;
  const [outer, inner, deep] = layout.at;
  const { source } = ctx;
  const failure = shape.failure as Node;
  if (isThrownOnly(place) && shape.success.length === 0 && place.inPlace) {
    endCall(place, place.planned.call.end, callEnd);
    closeInPlace(ctx, place.inPlace, place.planned.call.end, semicolon, origin);
    return;
  }
  if (isThrownOnly(place) && shape.success.length === 0) {
    const all = `${callEnd}${semicolon}${eol}${outer}})()${place.closing}`;
    endCall(place, statement.end, all);
    return;
  }
  if (isThrownOnly(place)) {
    const [success] = shape.success as [Node];
    // `else { … }` loses its braces.
    const block = shape.form === "if-else" && success.type === "BlockStatement" ? success : undefined;
    const next = (block ? ((block.body as Node[])[0] ?? block) : success).start;
    const lineStart = source.lastIndexOf("\n", next) + 1;
    const isOwnLine = /^[ \t]*$/.test(source.slice(lineStart, next)) && lineStart > failure.end;
    // Comments before it stay.
    const from = isOwnLine ? source.indexOf(eol, failure.end) : next;
    const before = isOwnLine ? "" : `${eol}${inner}`;
    endCall(place, from, `${callEnd}${semicolon}${before}`);
    const last = (block?.body as Node[] | undefined)?.at(-1);
    if (block && last) ctx.edit.remove(last.end, block.end, origin);
    if (place.inPlace && shape.form === "conditional") closeInPlace(ctx, place.inPlace, success.end, semicolon, origin);
    else closeBody(place, shape.success.at(-1) as Node);
    return;
  }
  const { head, first } = catchHead(ctx, shape.error, layout);
  const opened = `${callEnd}${semicolon}${eol}${inner}} ${head}${first}${commentsBefore(place)}`;
  const parts = destructured(place);
  const returns = shape.failureReturns && shape.form !== "guard" ? `${eol}${deep}return${semicolon}` : "";

  const cursor = failure.end;
  if (failure.type === FAILURE_LIST) writeFailures(place, opened);
  else if (failure.type === "BlockStatement") {
    endCall(place, failure.start + 1, opened);
    if (returns) {
      const closing = failure.end - 1;
      const lineStart = source.lastIndexOf("\n", closing) + 1;
      const at = /^[ \t]*$/.test(source.slice(lineStart, closing)) ? lineStart : closing;
      ctx.edit.insertRight(at, at === lineStart ? `${deep}return${semicolon}${eol}` : ` return${semicolon} `, origin);
    }
  } else {
    const isExpression = !/Statement$/.test(failure.type);
    endCall(place, failure.start, `${opened}${eol}${deep}`);
    const isLeft = isExpression && (place.inPlace?.isThrownOnly ?? null) === null;
    const tail = isLeft ? `${semicolon}${eol}${deep}return${semicolon}` : isExpression ? semicolon : returns;
    ctx.edit.insertLeft(failure.end, `${tail}${eol}${inner}}`, origin);
  }
  switch (shape.form) {
    case "guard": {
      const [next] = shape.success;
      if (next && !source.slice(cursor, next.start).includes("\n"))
        ctx.edit.overwrite(cursor, next.start, `${eol}${inner}${parts}`, origin);
      else if (next && parts) ctx.edit.insertRight(next.start, parts, origin);
      // What ended the promise goes.
      if (place.inPlace?.shape) closeInPlace(ctx, place.inPlace, failure.end, "", origin);
      else closeBody(place, shape.success.at(-1) ?? failure);
      return;
    }
    case "conditional": {
      const success = shape.success[0] as Node;
      ctx.edit.overwrite(cursor, success.start, `${eol}${inner}${parts}`, origin);
      if (place.inPlace) closeInPlace(ctx, place.inPlace, success.end, semicolon, origin);
      else ctx.edit.overwrite(success.end, statement.end, `${semicolon}${eol}${outer}})()${place.closing}`, origin);
      return;
    }
    default: {
      // `if (err) {…} else {…}`: the else block's statements move one level up.
      const block = shape.success[0] as Node;
      const statements = (block.type === "BlockStatement" ? block.body : [block]) as Node[];
      const [next] = statements;
      if (!next) {
        ctx.edit.remove(cursor, block.end, origin);
      } else {
        const firstLine = source.indexOf("\n", block.start) + 1;
        const isOwnLine = next !== block && firstLine > 0 && firstLine <= next.start;
        const before = isOwnLine ? eol : `${eol}${inner}${parts}`;
        ctx.edit.overwrite(cursor, isOwnLine ? firstLine : next.start, before, origin);
        if (isOwnLine && parts) ctx.edit.insertRight(next.start, parts, origin);
        const end = (statements.at(-1) as Node).end;
        if (end < block.end) ctx.edit.remove(end, block.end, origin);
      }
      closeBody(place, block);
    }
  }
}
