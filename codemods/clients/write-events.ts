import { isWithin, lineEndingOf, type Node, parentMap } from "../shared/ast.js";
import type { RuleContext } from "../shared/rule.js";
import { semicolonIn } from "./layout.js";
import { cancelOf, headerOf, needsTrailer } from "./plan-call.js";
import type { ListenersPlan } from "./plan-stream.js";
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
  const comments = (fileOf(ctx).comments ?? []).filter(
    (comment) => comment.start >= previous.end && comment.end <= statement.start,
  );
  // A comment on the line of what stands before belongs to that.
  const own = comments.filter((comment) => source.slice(previous.end, comment.start).includes("\n"));
  const start = own[0]?.start ?? statement.start;
  const kept = comments.filter((comment) => !own.includes(comment)).at(-1)?.end ?? previous.end;
  const eol = lineEndingOf(source);
  const indent = source.slice(source.lastIndexOf("\n", target.start - 1) + 1, target.start);
  ctx.edit.overwrite(statement.start, callback.start, `const ${headerName(ctx, planned)} = `, origin);
  ctx.edit.overwrite(
    callback.end,
    statement.end,
    `${semicolonIn(source)}${eol}${/^\s*$/.test(indent) ? indent : ""}`,
    origin,
  );
  if (kept < start) ctx.edit.remove(kept, start, origin);
  ctx.edit.move(start, statement.end, target.start);
  if (param && ctx.language === "ts") {
    const isBare = source[callback.start] !== "(" && callback.type === "ArrowFunctionExpression" && !callback.async;
    const text = `${param.name}: Headers`;
    ctx.edit.overwrite(param.start, param.end, isBare ? `(${text})` : text, origin);
  }
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

/** What a listener of `status` reads, of what `callStatus` gives. */
export function writeStatusReads(ctx: RuleContext, { reads, status }: ListenersPlan, rule: string): void {
  const origin = { rule, outcome: "idiomatic" } as const;
  const [param] = (status?.callback.params ?? []) as Node[];
  if (!reads || !param) return;
  for (const get of reads.gets) writeGet(ctx, get, get.callee.object as Node, rule, `${param.name}.trailer`);
  for (const { member, code } of reads.names) {
    ctx.edit.overwrite(member.start, code.start, `${ctx.imports.add(GRPC_JS, "grpcStatusName")}(`, origin);
    ctx.edit.overwrite(code.end, member.end, ")", origin);
  }
}
