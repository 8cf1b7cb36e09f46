import type { Node } from "../shared/ast.js";
import type { EditOrigin } from "../shared/edits.js";
import { givenToBridge } from "../shared/imports.js";
import type { RuleContext } from "../shared/rule.js";
import type { HandlerPlan, Step } from "./handler-plan.js";
import { literalOf } from "./literal-error.js";
import { dedent, fileOf, GRPC_JS, RUNTIME, removeDead } from "./planned-handlers.js";
import { writeBranches } from "./reply-branches.js";
import { headersText } from "./write-metadata.js";
import { styleOf } from "./write-serve.js";

type ErrorStep = Extract<Step, { kind: "error" }>;

/** Writes an error reply as a throw (or as the rejection of the promise around it, or as a returned rejection, where a throw would meet the handler's own catch: matrix H-3). */
export function writeError(
  ctx: RuleContext,
  /** Of a function that is no handler: whether it throws the error or returns it. */
  of: HandlerPlan | "thrown" | "returned",
  step: ErrorStep,
  origin: EditOrigin,
): void {
  const { node, statement, form, error, trailers, asRejection, settles, branches } = step;
  if (branches?.replies[0] === node) writeBranches(ctx, branches, origin);
  const start = form === "return" && !settles ? statement.start : node.start;
  const plan = typeof of === "string" ? null : of;
  const [open, close] =
    of === "returned"
      ? [form === "arrow" ? "" : "return ", ""]
      : settles
        ? [`${plan?.push ? `${plan.push.output}.fail` : (plan?.region?.reject ?? "reject")}(`, ")"]
        : asRejection
          ? ["return Promise.reject(", ")"]
          : form === "arrow"
            ? ["{ throw ", "; }"]
            : ["throw ", ""];
  if (error.kind === "made") {
    if (start < error.node.start) ctx.edit.overwrite(start, error.node.start, open, origin);
    else if (open) ctx.edit.insertRight(start, open, origin);
    removeListed(ctx, error.node.arguments as Node[], error.dropped, origin);
    if (close) ctx.edit.insertLeft(error.node.end, close, origin);
    removeDead(ctx, step, origin);
    return;
  }
  const literal = literalOf(ctx, step);
  const kept = literal?.text ?? null;
  if (literal) {
    const make = ctx.imports.add(RUNTIME, "ConnectError");
    const code = `${ctx.imports.add(RUNTIME, "Code")}.${literal.code}`;
    const metadata = literal.metadata ? `, ${headersText(ctx, literal.metadata)}` : "";
    if (kept) {
      ctx.edit.overwrite(start, kept.start, `${open}new ${make}(`, origin);
      ctx.edit.overwrite(kept.end, node.end, `, ${code}${metadata})${close}`, origin);
    } else {
      // grpc-js's text of an error without one.
      const { quote } = styleOf(ctx.source);
      const made = `new ${make}(${quote}Unknown Error${quote}, ${code}${metadata})`;
      ctx.edit.overwrite(start, node.end, open + made + close, origin);
    }
  } else {
    const convert = ctx.imports.add(GRPC_JS, "toConnectError");
    const extra = trailers ? `, ${ctx.source.slice(trailers.start, trailers.end)}` : "";
    // `toConnectError` takes the error of a call as it is.
    const given = givenToBridge(fileOf(ctx), error.node, "serviceErrorFrom") ?? error.node;
    ctx.edit.overwrite(start, given.start, `${open}${convert}(`, origin);
    ctx.edit.overwrite(given.end, node.end, `${extra})${close}`, origin);
  }
  const remaining = literal ? kept : error.node;
  if ((form === "statement" || form === "return") && remaining) dedent(ctx, remaining, statement, origin);
  removeDead(ctx, step, origin);
}

/** Takes the items at these places out of a list that commas part. */
export function removeListed(
  ctx: RuleContext,
  items: readonly Node[],
  dropped: readonly number[],
  origin: EditOrigin,
): void {
  const last = items.findLastIndex((_, index) => !dropped.includes(index));
  if (last === -1) {
    ctx.edit.remove((items[0] as Node).start, (items.at(-1) as Node).end, origin);
    return;
  }
  for (const index of dropped) {
    const item = items[index] as Node;
    if (index < last) ctx.edit.remove(item.start, (items[index + 1] as Node).start, origin);
    else ctx.edit.remove((items[index - 1] as Node).end, item.end, origin);
  }
}
