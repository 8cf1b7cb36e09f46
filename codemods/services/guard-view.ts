import { isIdentifier, type Node } from "../shared/ast.js";
import { namesIn } from "./function-shape.js";
import type { HandlerDraft } from "./handler-draft.js";
import { attempt, nameOfRequest, type Step } from "./handler-plan.js";
import { planCall } from "./plan-call.js";
import { usesOf } from "./plan-helper.js";

/** What a guard takes in the place of the call of grpc-js. */
export interface GuardView {
  /** The name of its parameter; null where it does not read it. */
  readonly request: string | null;
  readonly context: string | null;
  /** What each use of the call becomes. */
  readonly steps: readonly Step[];
}

/** What a guard reads of the call, if that is all in the request and the headers. */
export function guardView(draft: HandlerDraft, call: Node | undefined): GuardView | null {
  const { fn } = draft;
  if (!isIdentifier(call) || call.typeAnnotation) return null;
  const own: HandlerDraft = { ...draft, steps: [], needsContext: false };
  const plan = attempt(() => {
    for (const use of usesOf(draft, call)) planCall(own, use);
    return own.steps;
  });
  if ("ok" in plan || plan.length === 0 || !plan.every(isReading)) return null;
  const names = namesIn(fn);
  const pick = (...candidates: string[]) => candidates.find((name) => !names.has(name));
  const given = nameOfRequest(own);
  const readsRequest =
    given !== undefined || own.steps.some(({ kind }) => kind === "request" || kind === "taken-apart");
  const request = readsRequest ? (given ?? pick("req", "request")) : null;
  const context = own.needsContext ? pick("ctx", "context") : null;
  return request === undefined || context === undefined ? null : { request, context, steps: own.steps };
}

function isReading(step: Step): boolean {
  if (step.kind === "taken-apart") return step.parts.every(({ member }) => member === "request");
  return /^(request|metadata-first|metadata-values|path|deadline)$/.test(step.kind);
}
