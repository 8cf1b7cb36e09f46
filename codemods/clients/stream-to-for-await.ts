import { isIdentifier, type Node, textOf } from "../shared/ast.js";
import type { Rule, RuleContext } from "../shared/rule.js";
import { transformFromRule } from "../shared/transform.js";
import { layoutAt } from "./layout.js";
import type { Listener, ListenersPlan } from "./plan-call.js";
import {
  catchHead,
  construct,
  freshName,
  type PlannedCall,
  plannedCalls,
  RUNTIME,
  typeArgument,
  writeWriter,
} from "./write-call.js";

const id = "clients/stream-to-for-await";
const origin = { rule: id, outcome: "idiomatic" } as const;

/** `call.on("data" | "error" | "end")` -> `for await`, in an async function called at once. */
export const rule: Rule = {
  id,
  side: "clients",
  apply(ctx) {
    for (const planned of plannedCalls(ctx)) {
      const { plan, call, fact } = planned;
      if (fact.rpc.kind !== "server_streaming" && fact.rpc.kind !== "bidi_streaming") continue;
      if (plan.kind === "listeners") writeLoop(ctx, planned, plan);
      else if (plan.kind !== "plain") continue;
      ctx.report({
        rule: id,
        outcome: "idiomatic",
        construct:
          plan.kind === "plain" ? `for await (… of ${construct(ctx, call)}(…))` : `${construct(ctx, call)}(…).on(…)`,
        reason: null,
        start: fact.start,
        end: fact.end,
        rpc: `${fact.rpc.service}/${fact.rpc.method}`,
      });
    }
  },
};

function writeLoop(ctx: RuleContext, planned: PlannedCall, plan: ListenersPlan): void {
  const { call } = planned;
  const { declaration, data, error, end } = plan;
  const layout = layoutAt(ctx, declaration.start);
  const { eol } = layout;
  const [outer, inner, deep] = layout.at;
  const { source } = ctx;
  const semicolon = source[declaration.end - 1] === ";" ? ";" : "";
  const guard = semicolon === "" ? ";" : "";
  const [item] = data.callback.params as Node[];
  // A loop's variable has the type of what it runs over.
  const name = isIdentifier(item) ? item.name : item ? textOf(source, item) : "_";
  const loopAt = error ? deep : inner;
  const open = `${guard}(async () => {${error ? `${eol}${inner}try {` : ""}${eol}${loopAt}for await (const ${name} of `;
  let writable = "";
  if (plan.writer) {
    writable = `const ${plan.writer.name} = ${ctx.imports.add(RUNTIME, "createWritableIterable")}${typeArgument(planned)}()${semicolon}${eol}${outer}`;
    writeWriter(ctx, planned, plan.writer, id);
  }
  ctx.edit.overwrite(declaration.start, call.start, writable + open, origin);
  // What stands between the call and the listener's body.
  const shift = loopAt.slice(outer.length);
  const writeBody = (listener: Listener, from: number, before: string, indent: string, more: string) => {
    const body = listener.callback.body as Node;
    if (body.type !== "BlockStatement") {
      ctx.edit.overwrite(from, body.start, `${before}${eol}${indent}`, origin);
      ctx.edit.overwrite(body.end, listener.statement.end, semicolon, origin);
      return;
    }
    const statements = body.body as Node[];
    const [first] = statements;
    const last = statements.at(-1);
    if (!first || !last) {
      ctx.edit.overwrite(from, listener.statement.end, before, origin);
      return;
    }
    const isOneLine = !source.slice(body.start, first.start).includes("\n");
    if (isOneLine) ctx.edit.overwrite(from, first.start, `${before}${eol}${indent}`, origin);
    else ctx.edit.overwrite(from, body.start + 1, before, origin);
    if (!isOneLine) indentLines(ctx, body.start + 1, last.end, more);
    ctx.edit.overwrite(last.end, listener.statement.end, "", origin);
  };
  const unit = inner.slice(outer.length);
  writeBody(data, call.end, ") {", loopAt + unit, shift);
  let tail = data.statement.end;
  let pending = `${eol}${loopAt}}`;
  if (error && isIdentifier(error.callback)) {
    const caught = freshName(ctx, "error", "caught");
    const handler = `${eol}${deep}${error.callback.name}(${caught})${semicolon}`;
    ctx.edit.overwrite(tail, error.statement.end, `${pending}${eol}${inner}} catch (${caught}) {${handler}`, origin);
    tail = error.statement.end;
    pending = `${eol}${inner}}`;
  } else if (error) {
    const [param] = error.callback.params as Node[];
    const { head, first } = catchHead(ctx, isIdentifier(param) ? param : null, layout);
    writeBody(error, tail, `${pending}${eol}${inner}} ${head}${first}`, deep, unit);
    tail = error.statement.end;
    pending = `${eol}${inner}}`;
  }
  if (end) {
    writeBody(end, tail, pending, inner, "");
    tail = end.statement.end;
    pending = "";
  }
  ctx.edit.insertLeft(tail, `${pending}${eol}${outer}})()${semicolon}`, origin);
}

function indentLines(ctx: RuleContext, start: number, end: number, more: string): void {
  if (more === "" || ctx.source.slice(start, end).includes("`")) return;
  for (
    let line = ctx.source.indexOf("\n", start) + 1;
    line > 0 && line < end;
    line = ctx.source.indexOf("\n", line) + 1
  )
    if (!/^[ \t]*\r?$/.test(ctx.source.slice(line, ctx.source.indexOf("\n", line))))
      ctx.edit.insertRight(line, more, origin);
}

export default transformFromRule(rule);
