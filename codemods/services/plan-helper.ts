import { type File, type FunctionNode, isIdentifier, type Node, parentMap } from "../shared/ast.js";
import { isBareReturn, mayEndWithout } from "../shared/control-flow.js";
import { scopesOf } from "../shared/scope.js";
import { usesArguments } from "./function-shape.js";
import type { GuardView } from "./guard-view.js";
import { droppedOf, type Guard, type HandlerDraft, type HelpedCall, refuse } from "./handler-draft.js";
import { attempt, type HandlerRefusal, type Step } from "./handler-plan.js";
import { planCall } from "./plan-call.js";
import { type Choice, isInChoice, kindTests, planChoices, stepsBeside } from "./plan-choices.js";
import { planCallback, planHelped } from "./plan-replies.js";

export type ErrorStep = Extract<Step, { kind: "error" }>;

/** A function that makes the error replies of handlers, and returns the error from now on. */
export interface HelperPlan {
  readonly ok: true;
  readonly fn: FunctionNode;
  /** The parameters that go. */
  readonly dropped: readonly number[];
  readonly steps: readonly ErrorStep[];
  /** Statements that ask which kind of call it is, and reply with the same error either way. */
  readonly choices: readonly Choice[];
  /** Does it throw its errors instead of returning them? */
  readonly guard: Guard | null;
  /** What a guard takes in the place of the call, and where that is. */
  readonly view: (GuardView & { readonly index: number }) | null;
  /** The parts of a guard's type, `Room | null`, and those that go. */
  readonly emptyTypes: { readonly types: readonly Node[]; readonly gone: readonly number[] } | null;
}

/**
 * Every use of the callback, and of the call if the function is given it, is an error reply, which is the last effect on its
 * path; every path replies or throws.
 */
export function planHelper(
  fn: FunctionNode,
  callback: number | null,
  call: number | null,
  file: File,
  helped: readonly HelpedCall[],
): HelperPlan | HandlerRefusal {
  return attempt(() => {
    const dropped = droppedOf(callback, call);
    if (fn.async || fn.generator || usesArguments(fn)) refuse("callback-escapes", "a function that is not plain");
    if (!fn.params.slice(0, Math.max(...dropped) + 1).every((param) => isIdentifier(param)))
      refuse("callback-escapes", "a parameter that is taken apart");
    const isBare = fn.type === "ArrowFunctionExpression" && !fn.async && fn.start === fn.params[0]?.start;
    if (isBare) refuse("edit-conflict", "a parameter without parentheses");
    const draft = draftOf(fn, callback, call, file, helped);
    const callbacks = callback === null ? [] : usesOf(draft, fn.params[callback] as Node);
    const tests = kindTests(draft);
    draft.kindTests.push(...tests);
    for (const use of callbacks) {
      const parent = draft.parents.get(use) as Node;
      if (tests.includes(parent)) continue;
      const own = draft.helped.get(parent.start);
      if (own?.guard) refuse("callback-escapes", "a guard inside");
      if (own && parent.type === "CallExpression" && parent.callee !== use) planHelped(draft, parent, own);
      else if (parent.type === "CallExpression" && parent.callee === use) planCallback(draft, parent);
      else refuse("callback-escapes", "used as a value");
    }
    for (const use of draft.callReferences) if (!draft.dropped.has(use)) planCall(draft, use);
    const isError = (step: Step): step is ErrorStep => step.kind === "error";
    if (draft.steps.length === 0 || !draft.steps.every(isError)) refuse("callback-escapes", "it does not only fail");
    const choices = planChoices(draft);
    checkPaths(draft, choices);
    return {
      ok: true,
      fn,
      dropped,
      steps: stepsBeside(draft.steps, choices).filter(isError),
      choices,
      guard: null,
      view: null,
      emptyTypes: null,
    };
  });
}

export function draftOf(
  fn: FunctionNode,
  callback: number | null,
  call: number | null,
  file: File,
  helped: readonly HelpedCall[],
): HandlerDraft {
  const draft: HandlerDraft = {
    fn,
    rpcKind: "unary",
    file,
    parents: parentMap(file),
    scopes: scopesOf(file),
    answersOnce: false,
    mayReject: false,
    streamsIn: false,
    types: {
      request: null,
      response: null,
      call: null,
      callback: null,
      result: null,
      declared: null,
      annotation: null,
      through: [],
    },
    callReferences: [],
    callback: callback === null ? undefined : fn.params[callback],
    kindTests: [],
    helped: new Map(helped.map((each) => [each.start, each])),
    read: new Map(),
    asked: new Set(),
    upstream: new Set(),
    properties: new Set(),
    steps: [],
    replyNodes: new Set(),
    isLeave: isBareReturn,
    inlined: new Set(),
    listeners: [],
    dataListener: undefined,
    endListener: undefined,
    chainLinks: new Map(),
    chainCallbacks: new Set(),
    dropped: new Set(),
    passedOn: new Set(),
    kept: new Set(),
    region: undefined,
    push: undefined,
    needsContext: false,
  };
  return call === null ? draft : { ...draft, callReferences: usesOf(draft, fn.params[call] as Node) };
}

export function usesOf({ scopes }: HandlerDraft, parameter: Node): readonly Node[] {
  const binding = scopes.bindingOf(parameter);
  if (!binding || binding.writes.length > 0) refuse("callback-escapes", "a parameter that is assigned again");
  return binding.references;
}

function checkPaths(draft: HandlerDraft, choices: readonly Choice[]): void {
  const { fn, replyNodes } = draft;
  if (fn.body.type !== "BlockStatement") {
    if (!replyNodes.has(fn.body)) refuse("path-without-reply", "an expression that does not reply");
    return;
  }
  const problem = mayEndWithout(fn.body, {
    isReply: (statement) => replyNodes.has(statement) || choices.some((choice) => isInChoice(statement, choice)),
    replaced: () => undefined,
  });
  if (problem) refuse("path-without-reply", problem);
}
