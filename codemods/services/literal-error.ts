import type { RuleContext } from "../shared/rule.js";
import type { ErrorShape } from "./error-shape.js";
import type { Step } from "./handler-plan.js";
import { holdsComment } from "./planned-handlers.js";

type ErrorStep = Extract<Step, { kind: "error" }>;
type Literal = Extract<ErrorShape, { kind: "literal" }>;

/** The error of a reply whose code and text stand in the source, and which no comment stands in; undefined for any other. */
export function literalOf(
  ctx: RuleContext,
  { node, statement, form, error, trailers, settles }: ErrorStep,
): Literal | undefined {
  if (error.kind !== "literal" || trailers) return undefined;
  const start = form === "return" && !settles ? statement.start : node.start;
  const { text } = error;
  const isCommented =
    holdsComment(ctx, start, text?.start ?? node.end) || (text && holdsComment(ctx, text.end, node.end));
  return isCommented ? undefined : error;
}
