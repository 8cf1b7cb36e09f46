import { type File, type FunctionNode, isIdentifier, type Node } from "../shared/ast.js";
import { mayEndWithout } from "../shared/control-flow.js";
import { returnsIn, usesArguments } from "./function-shape.js";
import { mayThrowMore } from "./guard-throws.js";
import { ALL, excludedFrom, type Nothing, nothingOf } from "./guard-values.js";
import { guardView } from "./guard-view.js";
import { type Guard, type HandlerDraft, type HelpedCall, refuse } from "./handler-draft.js";
import { attempt, type HandlerRefusal } from "./handler-plan.js";
import { draftOf, type ErrorStep, type HelperPlan, planHelper, usesOf } from "./plan-helper.js";
import { planCallback, planHelped } from "./plan-replies.js";

/** What the project knows of a guard. */
interface Known {
  /** Where values begin that it returns and that are objects by their types. */
  readonly sure: readonly number[];
  /** Which parameter is the call of grpc-js. */
  readonly read?: number | null;
}

/** What becomes of a function that makes the error replies of handlers: it returns the error, or as a guard throws it. */
export function planReplies(
  fn: FunctionNode,
  callback: number | null,
  call: number | null,
  file: File,
  helped: readonly HelpedCall[],
  guard: Known | null,
): HelperPlan | HandlerRefusal {
  return guard ? planGuard(fn, callback, file, helped, guard) : planHelper(fn, callback, call, file, helped);
}

/**
 * A guard: every use of the callback is an error reply, behind which it gives nothing; every other path gives what surely is
 * something.
 */
function planGuard(
  fn: FunctionNode,
  callback: number | null,
  file: File,
  helped: readonly HelpedCall[],
  { sure, read = null }: Known,
): HelperPlan | HandlerRefusal {
  return attempt(() => {
    if (callback === null) refuse("callback-escapes", "a guard without the callback");
    if (fn.generator || usesArguments(fn) || fn.body.type !== "BlockStatement")
      refuse("callback-escapes", "a function that is not plain");
    if (!fn.params.slice(0, callback + 1).every((param) => isIdentifier(param)))
      refuse("callback-escapes", "a parameter that is taken apart");
    const isEmpty = (node: Node) => node.type === "ReturnStatement" && nothingOf(node) !== undefined;
    const draft: HandlerDraft = {
      ...draftOf(fn, callback, null, file, helped),
      isLeave: isEmpty,
      mayReject: fn.async === true,
    };
    for (const use of usesOf(draft, fn.params[callback] as Node)) {
      const parent = draft.parents.get(use) as Node;
      const own = draft.helped.get(parent.start);
      if (parent.type !== "CallExpression" || own?.guard) refuse("callback-escapes", "used as a value");
      if (parent.callee === use) planCallback(draft, parent);
      else if (own) planHelped(draft, parent, own);
      else refuse("callback-escapes", "passed to a function");
    }
    const steps = draft.steps.filter((step): step is ErrorStep => step.kind === "error");
    const isPlain = ({ form }: ErrorStep) => form === "statement" || form === "return";
    if (steps.length === 0 || steps.length < draft.steps.length || !steps.every(isPlain))
      refuse("callback-escapes", "it does not only fail");
    const excluded = (value: Node) => (sure.includes(value.start) ? ALL : excludedFrom(draft, value));
    const isSomething = (statement: Node) =>
      statement.type === "ReturnStatement" && !isEmpty(statement) && excluded(statement.argument).length > 0;
    const problem = mayEndWithout(fn.body, {
      isReply: (statement) => draft.replyNodes.has(statement) || isSomething(statement),
      replaced: () => undefined,
    });
    if (problem) refuse("path-without-reply", problem);
    const values = valuesOf(fn, steps, excluded);
    const emptyTypes = emptyTypesOf(fn, values.excluded);
    const isTyped = fn.returnType != null && !emptyTypes && givenType(fn)?.type !== "TSBooleanKeyword";
    const call = read === null ? undefined : fn.params[read];
    const around = { ...draft, call: call && draft.scopes.bindingOf(call) };
    const view = guardView(draft, call);
    const takes = view && { request: view.request !== null, context: view.context !== null };
    const throwsMore = mayThrowMore(around, fn, steps);
    const guard = { isAsync: fn.async === true, isTyped, ...values, mayThrowMore: throwsMore, takes };
    const own = view && read !== null ? { ...view, index: read } : null;
    return { ok: true, fn, dropped: [callback], steps, choices: [], guard, view: own, emptyTypes };
  });
}

/** What a guard surely gives where it has not replied, and what it gives where it has. */
function valuesOf(
  fn: FunctionNode,
  steps: readonly ErrorStep[],
  excludedFrom: (value: Node) => readonly Nothing[],
): Pick<Guard, "refused" | "excluded"> {
  const returns = returnsIn(fn);
  const empty = returns.filter((each) => nothingOf(each) !== undefined);
  const excluded = returns
    .filter((each) => each.argument && !empty.includes(each) && !steps.some(({ statement }) => statement === each))
    .map(({ argument }) => excludedFrom(argument));
  const isOpen = steps.some(({ form, dead }) => form === "return" || dead?.type !== "ReturnStatement");
  return {
    refused: [
      ...new Set([...empty.map((each) => nothingOf(each) as Nothing), ...(isOpen ? (["undefined"] as const) : [])]),
    ],
    excluded: (excluded[0] ?? []).filter((kind) => excluded.every((each) => each.includes(kind))),
  };
}

/** The parts of `Room | null`, also in a promise, that a guard which throws does not give any more. */
function emptyTypesOf(fn: FunctionNode, excluded: readonly Nothing[]): HelperPlan["emptyTypes"] {
  const type = givenType(fn);
  if (type?.type !== "TSUnionType") return null;
  const types = type.types as Node[];
  const kindOf = (part: Node): Nothing | undefined =>
    part.type === "TSNullKeyword"
      ? "null"
      : /^TS(Undefined|Void)Keyword$/.test(part.type)
        ? "undefined"
        : part.type === "TSLiteralType" && part.literal.value === false
          ? "false"
          : undefined;
  const isEmpty = (part: Node) => excluded.some((kind) => kind === kindOf(part));
  const gone = [...types.keys()].filter((index) => isEmpty(types[index] as Node));
  return gone.length > 0 && gone.length < types.length ? { types, gone } : null;
}

/** What a function says it gives, or its promise. */
function givenType(fn: FunctionNode): Node | undefined {
  const annotation = fn.returnType?.typeAnnotation as Node | undefined;
  if (!annotation || !fn.async) return annotation;
  return isIdentifier(annotation.typeName, "Promise") ? (annotation.typeParameters?.params as Node[])?.[0] : undefined;
}
