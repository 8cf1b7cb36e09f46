import { beginsLine, isIdentifier, isWithin, lineEndingOf, type Node, parentMap, textOf } from "../shared/ast.js";
import { commentsOf } from "../shared/comments.js";
import { reason } from "../shared/reasons.js";
import type { RuleContext } from "../shared/rule.js";
import { platformName } from "../shared/scope.js";
import type { StatusListener, StatusReads } from "./call-events.js";
import { indentOf, layoutAt, semicolonIn } from "./layout.js";
import { cancelOf, headerOf, needsTrailer } from "./plan-call.js";
import { controllerName, fileOf, freshName, GRPC_JS, type PlannedCall, plannedCalls } from "./write-call.js";

/** Members of a call's options that its cancellation and its listeners ask for, as text. */
export function addedOptions(ctx: RuleContext, planned: PlannedCall): string[] {
  const { plan } = planned;
  const cancel = cancelOf(plan);
  const members = cancel ? [`signal: ${controllerName(ctx, cancel)}.signal`] : [];
  if (headerOf(plan)) {
    const name = headerName(ctx, planned);
    members.push(name === "onHeader" ? name : `onHeader: ${name}`);
  }
  if (needsTrailer(plan)) members.push(`onTrailer: (received) => { ${trailerName(ctx, planned)} = received; }`);
  return members;
}

/** The variable that keeps the trailers of a call. */
export function trailerName(ctx: RuleContext, planned: PlannedCall): string {
  return nameOf(ctx, planned, ["trailer", "responseTrailer"], ({ plan }) => needsTrailer(plan));
}

function headerName(ctx: RuleContext, planned: PlannedCall): string {
  return nameOf(ctx, planned, ["onHeader"], ({ plan }) => headerOf(plan) !== null);
}

/** A name for what one call has; numbered where other calls of its block, or of one within or around it, have it, too. */
export function nameOf(
  ctx: RuleContext,
  planned: PlannedCall,
  [plain, ...others]: readonly [string, ...string[]],
  isOne: (other: PlannedCall) => boolean,
): string {
  const parents = parentMap(fileOf(ctx));
  const blockOf = (each: PlannedCall) => parents.get(statementOf(each) as Node) as Node;
  const block = blockOf(planned);
  const all = plannedCalls(ctx).filter((other) => statementOf(other) && isOne(other));
  // What a callback does comes to stand in the function around its call, beside the call's own names.
  const isNear = (other: PlannedCall) => isWithin(blockOf(other), block) || isWithin(block, blockOf(other));
  return all.filter(isNear).length === 1
    ? freshName(ctx, plain, ...others)
    : freshName(ctx, `${plain}${all.indexOf(planned) + 1}`);
}

function statementOf({ plan }: PlannedCall): Node | null {
  return "statement" in plan ? plan.statement : null;
}

/** `call.on("metadata", listener)` -> `const onHeader = listener`, in front of the call. */
export function writeHeader(ctx: RuleContext, planned: PlannedCall, rule: string): void {
  const origin = { rule, outcome: "idiomatic" } as const;
  const header = headerOf(planned.plan);
  const target = statementOf(planned);
  if (!header || !target) return;
  const { source } = ctx;
  const { statement, callback, param, gets } = header;
  const block = parentMap(fileOf(ctx)).get(statement) as Node;
  const statements = block.body as Node[];
  const previous = statements[statements.indexOf(statement) - 1] as Node;
  const comments = commentsOf(fileOf(ctx), { start: previous.end, end: statement.start });
  // A comment on the line of what stands before belongs to that.
  const own = comments.filter((comment) => source.slice(previous.end, comment.start).includes("\n"));
  const start = own[0]?.start ?? statement.start;
  const kept = comments.filter((comment) => !own.includes(comment)).at(-1)?.end ?? previous.end;
  const eol = lineEndingOf(source);
  const indent = beginsLine(source, target.start) ? indentOf(ctx, target.start) : "";
  ctx.edit.overwrite(statement.start, callback.start, `const ${headerName(ctx, planned)} = `, origin);
  ctx.edit.overwrite(callback.end, statement.end, `${semicolonIn(source)}${eol}${indent}`, origin);
  if (kept < start) ctx.edit.remove(kept, start, origin);
  ctx.edit.move(start, statement.end, target.start);
  if (param && ctx.language === "ts") writeParameter(ctx, callback, param, platformName(fileOf(ctx), "Headers"), rule);
  for (const get of gets) writeGet(ctx, get, get.callee.object as Node, rule);
}

/** `metadata.get(key)` -> `headerValues(metadata, key)` */
function writeGet(ctx: RuleContext, get: Node, metadata: Node, rule: string, name?: string): void {
  const origin = { rule, outcome: "idiomatic" } as const;
  const values = ctx.imports.add(GRPC_JS, "headerValues");
  const [key] = get.arguments as Node[];
  if (!key) return;
  if (name === undefined) {
    ctx.edit.insertRight(get.start, `${values}(`, origin);
    ctx.edit.overwrite(metadata.end, key.start, ", ", origin);
  } else ctx.edit.overwrite(get.start, key.start, `${values}(${name}, `, origin);
}

/**
 * `call.on("status", listener)` -> the listener as a function that is called with the status of the reply, behind what the
 * callback did.
 */
export function writeStatus(ctx: RuleContext, planned: PlannedCall, status: StatusListener, rule: string): void {
  const origin = { rule, outcome: "idiomatic" } as const;
  const { source } = ctx;
  const { statement, callback, param, reads } = status;
  const next = `${semicolonIn(source)}${lineEndingOf(source)}${indentOf(ctx, statement.start)}`;
  const name = nameOf(ctx, planned, ["onStatus"], ({ plan }) => plan.kind === "block" && plan.status !== null);
  ctx.edit.overwrite(statement.start, callback.start, `const ${name} = `, origin);
  const reply = replyName(ctx, planned);
  let handlers = `${name}, ${name}`;
  if (param) {
    const callStatus = ctx.imports.add(GRPC_JS, statusFunction(reads));
    const trailer = reads.more ? trailerName(ctx, planned) : "undefined";
    const error = isIdentifier(param, "error") ? "err" : "error";
    handlers = `() => ${name}(${callStatus}(${trailer})), (${error}) => ${name}(${callStatus}(${error}))`;
  }
  ctx.edit.overwrite(callback.end, statement.end, `${next}${reply}.then(${handlers})${semicolonIn(source)}`, origin);
  const isTyped = ctx.language === "ts" && param !== null && !(reads.isWhole && param.typeAnnotation);
  if (isTyped) {
    const type = reads.isWhole ? "GrpcJsStatus" : "CallStatus";
    writeParameter(ctx, callback, param, ctx.imports.add(GRPC_JS, type, { typeOnly: true }), rule);
  }
  writeStatusReads(ctx, reads, param, rule);
}

/** `let trailer;`, in front of a call of whose status more is asked than its code. */
export function writeTrailer(ctx: RuleContext, planned: PlannedCall, statement: Node, rule: string): void {
  const kept = ctx.language === "ts" ? `: ${platformName(fileOf(ctx), "Headers")} | undefined` : "";
  const { eol, at } = layoutAt(ctx, statement.start);
  const text = `let ${trailerName(ctx, planned)}${kept}${semicolonIn(ctx.source)}${eol}${at[0]}`;
  ctx.edit.insertRight(statement.start, text, { rule, outcome: "idiomatic" });
}

/** The variable that holds the promise of a call that is made early. */
export function replyName(ctx: RuleContext, planned: PlannedCall): string {
  return nameOf(ctx, planned, ["reply", "pending"], ({ plan }) => plan.kind === "block" && plan.isEarly);
}

/** The type of a listener's parameter. */
function writeParameter(ctx: RuleContext, callback: Node, param: Node, type: string, rule: string): void {
  const isBare = ctx.source[callback.start] !== "(" && callback.type === "ArrowFunctionExpression" && !callback.async;
  const text = `${isIdentifier(param) ? param.name : textOf(ctx.source, param)}: ${type}`;
  ctx.edit.overwrite(param.start, param.end, isBare ? `(${text})` : text, { rule, outcome: "idiomatic" });
}

/** What gives a listener its status. */
export function statusFunction(reads: StatusReads | null): "callStatus" | "grpcJsStatusFrom" {
  return reads?.isWhole ? "grpcJsStatusFrom" : "callStatus";
}

/** What a listener of `status` reads, of what `callStatus` gives. */
export function writeStatusReads(ctx: RuleContext, reads: StatusReads | null, param: Node | null, rule: string): void {
  const origin = { rule, outcome: "idiomatic" } as const;
  if (!reads || !param) return;
  if (reads.isWhole)
    ctx.report({
      rule,
      outcome: "bridged",
      construct: "status event",
      reason: reason("kept-beside-bridge", "the status keeps the shape that it has in grpc-js"),
      start: param.start,
      end: param.end,
      rpc: null,
    });
  for (const get of reads.gets) writeGet(ctx, get, get.callee.object as Node, rule, `${param.name}.trailer`);
  for (const { member, code } of reads.names) {
    ctx.edit.overwrite(member.start, code.start, `${ctx.imports.add(GRPC_JS, "grpcStatusName")}(`, origin);
    ctx.edit.overwrite(code.end, member.end, ")", origin);
  }
}
