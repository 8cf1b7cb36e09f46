import { indentAt, type Node, textOf } from "../shared/ast.js";
import type { RuleContext } from "../shared/rule.js";
import { mentions } from "./callback-shape.js";
import type { CallPlan } from "./plan-call.js";
import {
  argumentsEnd,
  catchHead,
  layoutAt,
  type PlannedCall,
  RUNTIME,
  typeArgument,
  writeWriter,
} from "./write-call.js";

/** An awaited call with both paths of its callback, in an async function that is called at once. */
export function writeBlock(
  ctx: RuleContext,
  planned: PlannedCall,
  plan: Extract<CallPlan, { kind: "block" }>,
  rule: string,
): void {
  const origin = { rule, outcome: "idiomatic" } as const;
  const { statement, shape } = plan;
  const layout = layoutAt(ctx, statement.start);
  const { eol } = layout;
  const [outer, inner, deep] = layout.at;
  const { source } = ctx;
  const response =
    shape.response && shape.success.some((node) => mentions(node, shape.response?.name)) ? shape.response : null;
  const semicolon = source[statement.end - 1] === ";" ? ";" : "";
  const declare = response ? `${eol}${inner}let ${response.name}${semicolon}` : "";
  const assign = response ? `${response.name} = ` : "";
  // A statement that begins with a parenthesis needs the semicolon of the one before it.
  const guard = semicolon === "" ? ";" : "";
  const open = `${guard}(async () => {${declare}${eol}${inner}try {${eol}${deep}${assign}await `;
  if (plan.writer) {
    const create = ctx.imports.add(RUNTIME, "createWritableIterable");
    const declared = `const ${plan.writer.name} = ${create}${typeArgument(planned)}()${semicolon}${eol}${outer}`;
    ctx.edit.overwrite(statement.start, planned.call.start, declared + open, origin);
    writeWriter(ctx, planned, plan.writer, rule);
  } else ctx.edit.insertRight(statement.start, open, origin);
  const { head, first } = catchHead(ctx, shape.error, layout);
  const opened = `)${semicolon}${eol}${inner}} ${head}${first}`;
  const failure = shape.failure as Node;
  const end = argumentsEnd(ctx, planned);
  const returns = shape.failureReturns && shape.form !== "guard" ? `${eol}${deep}return${semicolon}` : "";

  let cursor: number;
  if (failure.type === "BlockStatement") {
    ctx.edit.overwrite(end, failure.start + 1, opened, origin);
    if (returns) {
      const closing = failure.end - 1;
      const lineStart = source.lastIndexOf("\n", closing) + 1;
      const at = /^[ \t]*$/.test(source.slice(lineStart, closing)) ? lineStart : closing;
      ctx.edit.insertRight(at, at === lineStart ? `${deep}return${semicolon}${eol}` : ` return${semicolon} `, origin);
    }
    cursor = failure.end;
  } else {
    const isExpression = !/Statement$/.test(failure.type);
    ctx.edit.overwrite(end, failure.start, `${opened}${eol}${deep}`, origin);
    const tail = isExpression ? `${semicolon}${eol}${deep}return${semicolon}` : returns;
    ctx.edit.insertLeft(failure.end, `${tail}${eol}${inner}}`, origin);
    cursor = failure.end;
  }
  const body = shape.callback.body as Node;
  const close = `})()${semicolon}`;
  switch (shape.form) {
    case "guard": {
      const [next] = shape.success;
      if (next && !source.slice(cursor, next.start).includes("\n"))
        ctx.edit.overwrite(cursor, next.start, `${eol}${inner}`, origin);
      const last = shape.success.at(-1) ?? failure;
      const isOneLine = !source.slice(last.end, body.end).includes("\n");
      ctx.edit.overwrite(
        isOneLine ? last.end : body.end - 1,
        statement.end,
        isOneLine ? `${eol}${outer}${close}` : close,
        origin,
      );
      return;
    }
    case "conditional": {
      const success = shape.success[0] as Node;
      ctx.edit.overwrite(cursor, success.start, `${eol}${inner}`, origin);
      ctx.edit.overwrite(success.end, statement.end, `${semicolon}${eol}${outer}${close}`, origin);
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
        ctx.edit.overwrite(cursor, isOwnLine ? firstLine : next.start, isOwnLine ? eol : `${eol}${inner}`, origin);
        if (isOwnLine)
          dedent(
            ctx,
            rule,
            firstLine,
            (statements.at(-1) as Node).end,
            indentAt(source, next.start).length - inner.length,
          );
        const end = (statements.at(-1) as Node).end;
        if (end < block.end) ctx.edit.remove(end, block.end, origin);
      }
      const isOneLine = !source.slice(block.end, body.end).includes("\n");
      ctx.edit.overwrite(
        isOneLine ? block.end : body.end - 1,
        statement.end,
        isOneLine ? `${eol}${outer}${close}` : close,
        origin,
      );
    }
  }
}

/** Takes `width` characters of white space from the lines that begin in a range; template literals keep theirs. */
function dedent(ctx: RuleContext, rule: string, start: number, end: number, width: number): void {
  if (width <= 0 || textOf(ctx.source, { type: "", start, end }).includes("`")) return;
  for (let line = start; line > 0 && line < end; line = ctx.source.indexOf("\n", line) + 1) {
    const blank = /^[ \t]*/.exec(ctx.source.slice(line, line + width))?.[0].length ?? 0;
    if (blank > 0) ctx.edit.remove(line, line + blank, { rule, outcome: "idiomatic" });
    if (ctx.source.indexOf("\n", line) === -1) return;
  }
}
