import { type Node, textOf } from "../shared/ast.js";
import type { RuleContext } from "../shared/rule.js";
import type { HandlerPlan, Step } from "./handler-plan.js";
import { headersAt } from "./outgoing-headers.js";
import { contextName, GRPC_JS } from "./planned-handlers.js";

/** Where the Metadata of a step goes. */
export function targetOf({ kind }: Step): "responseHeader" | "responseTrailer" {
  return kind === "send-metadata" ? "responseHeader" : "responseTrailer";
}

/** The expression that adds what a step sends to the context; null where its entries are added there one by one. */
export function sendingText(ctx: RuleContext, plan: HandlerPlan, step: Step, metadata: Node): string | null {
  const target = `${contextName(plan)}.${targetOf(step)}`;
  const headers = headersAt(ctx, metadata);
  if (headers?.direct) return null;
  const name = textOf(ctx.source, metadata);
  return headers
    ? `${name}.forEach((value, key) => ${target}.append(key, value))`
    : `${ctx.imports.add(GRPC_JS, "headersFromMetadata")}(${name}, ${target})`;
}

/** The Metadata of an error, as Headers. */
export function headersText(ctx: RuleContext, metadata: Node): string {
  const name = textOf(ctx.source, metadata);
  return headersAt(ctx, metadata) ? name : `${ctx.imports.add(GRPC_JS, "headersFromMetadata")}(${name})`;
}
