import { type File, type FunctionNode, isIdentifier, memberName, type Node, parentMap, unwrap } from "../shared/ast.js";
import { scopesOf } from "../shared/scope.js";
import { mayEndWithout } from "./control-flow.js";
import { isSameCode, ownNodes, usesArguments } from "./function-shape.js";
import { type HandlerDraft, type HelpedCall, refuse } from "./handler-draft.js";
import { attempt, type HandlerRefusal, type Step } from "./handler-plan.js";
import { planCall } from "./plan-call.js";
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
}

/** `if (callback) callback(error); else call.emit('error', error);`: one of the replies stays, alone. */
interface Choice {
  readonly start: number;
  readonly end: number;
  readonly kept: ErrorStep;
}

/**
 * Every use of the callback, and of the call if the function is given it, is an error reply, which is the last effect on its
 * path; every path replies or throws.
 */
export function planHelper(
  fn: FunctionNode,
  callback: number,
  call: number | null,
  file: File,
  helped: readonly HelpedCall[],
): HelperPlan | HandlerRefusal {
  return attempt(() => {
    const dropped = call === null ? [callback] : [callback, call].sort((a, b) => a - b);
    if (fn.async || fn.generator || usesArguments(fn)) refuse("callback-escapes", "a function that is not plain");
    if (!fn.params.slice(0, Math.max(...dropped) + 1).every((param) => isIdentifier(param)))
      refuse("callback-escapes", "a parameter that is taken apart");
    const isBare = fn.type === "ArrowFunctionExpression" && !fn.async && fn.start === fn.params[0]?.start;
    if (isBare) refuse("edit-conflict", "a parameter without parentheses");
    const draft = draftOf(fn, callback, call, file, helped);
    const callbacks = usesOf(draft, fn.params[callback] as Node);
    const calls = call === null ? [] : usesOf(draft, fn.params[call] as Node);
    const tests = callbacks.filter((use) => draft.parents.get(use)?.type === "IfStatement");
    for (const use of callbacks) {
      if (tests.includes(use)) continue;
      const parent = draft.parents.get(use) as Node;
      const own = draft.helped.get(parent.start);
      if (own && parent.type === "CallExpression" && parent.callee !== use) planHelped(draft, parent, own);
      else if (parent.type === "CallExpression" && parent.callee === use) planCallback(draft, parent);
      else refuse("callback-escapes", "used as a value");
    }
    for (const use of calls) if (!draft.dropped.has(use)) planCall(draft, use);
    const isError = (step: Step): step is ErrorStep => step.kind === "error";
    if (draft.steps.length === 0 || !draft.steps.every(isError)) refuse("callback-escapes", "it does not only fail");
    const steps = draft.steps.filter(isError);
    const choices = tests.map((test) => choiceAt(draft, draft.parents.get(test) as Node, steps));
    checkPaths(draft, choices);
    const isIn = (step: ErrorStep, choice: Choice) => choice.start <= step.node.start && step.node.end <= choice.end;
    const isGone = (step: ErrorStep) => choices.some((choice) => isIn(step, choice) && choice.kept !== step);
    return { ok: true, fn, dropped, steps: steps.filter((step) => !isGone(step)), choices };
  });
}

function draftOf(
  fn: FunctionNode,
  callback: number,
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
    streamsIn: false,
    types: {
      request: null,
      response: null,
      call: null,
      callback: null,
      result: null,
      declared: null,
      annotation: null,
    },
    callReferences: [],
    callback: fn.params[callback],
    helped: new Map(helped.map((each) => [each.start, each])),
    steps: [],
    replyNodes: new Set(),
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

function usesOf({ scopes }: HandlerDraft, parameter: Node): readonly Node[] {
  const binding = scopes.bindingOf(parameter);
  if (!binding || binding.writes.length > 0) refuse("callback-escapes", "a parameter that is assigned again");
  return binding.references;
}

/**
 * A question which kind of call it is, where the reply is the same whatever the answer: the two replies are all that its
 * branches do.
 */
function choiceAt(draft: HandlerDraft, statement: Node, steps: readonly ErrorStep[]): Choice {
  const list = draft.parents.get(statement);
  const statements = list?.type === "BlockStatement" ? (list.body as Node[]) : [statement];
  const rest = statements.slice(statements.indexOf(statement) + 1);
  const branches = [statementsOf(statement.consequent), statement.alternate ? statementsOf(statement.alternate) : rest];
  if (statement.alternate && rest.length > 0) refuse("callback-escapes", "statements behind the reply");
  const [own, other] = branches.map((branch) => replyOfBranch(draft, branch, steps));
  const isSame = own && other && isSameCode(own.error.node, other.error.node);
  if (!isSame || own.via !== "callback" || own.trailers || other.trailers)
    refuse("callback-escapes", "a reply that depends on the kind of call");
  if (draft.helped.has(own.node.start)) refuse("callback-escapes", "a reply that depends on the kind of call");
  const end = statement.alternate ? statement.end : ((rest.at(-1) as Node | undefined)?.end ?? statement.end);
  const isLost = (comment: { start: number; end: number }) =>
    statement.start <= comment.start &&
    comment.end <= end &&
    !(own.statement.start <= comment.start && comment.end <= own.statement.end);
  if ((draft.file.comments ?? []).some(isLost)) refuse("edit-conflict", "a comment beside the reply");
  draft.replyNodes.add(statement);
  return { start: statement.start, end, kept: own };
}

function statementsOf(branch: Node): readonly Node[] {
  return branch.type === "BlockStatement" ? (branch.body as Node[]) : [branch];
}

/** The reply that statements make, behind which the call is ended or the function is left, and nothing else. */
function replyOfBranch(
  draft: HandlerDraft,
  branch: readonly Node[],
  steps: readonly ErrorStep[],
): ErrorStep | undefined {
  const [first, ...more] = branch;
  const isIdle = (each: Node) =>
    (each.type === "ReturnStatement" && !each.argument) ||
    (each.type === "ExpressionStatement" &&
      memberName(unwrap(each.expression).callee ?? each) === "end" &&
      draft.callReferences.includes(unwrap(each.expression).callee.object));
  return more.every(isIdle) ? steps.find((step) => step.statement === first) : undefined;
}

function checkPaths(draft: HandlerDraft, choices: readonly Choice[]): void {
  const { fn, replyNodes } = draft;
  if (fn.body.type !== "BlockStatement") {
    if (!replyNodes.has(fn.body)) refuse("path-without-reply", "an expression that does not reply");
    return;
  }
  const isBehind = (statement: Node) =>
    choices.some((choice) => choice.start <= statement.start && statement.end <= choice.end);
  const problem = mayEndWithout(fn.body, {
    isReply: (statement) => replyNodes.has(statement) || isBehind(statement),
    replaced: () => undefined,
  });
  if (problem) refuse("path-without-reply", problem);
  // What follows a reply without `return` would be left out: only a choice may have something behind it.
  if (ownNodes(fn.body, (node) => node.type === "ReturnStatement" && node.argument && !replyNodes.has(node)).length > 0)
    refuse("path-without-reply", "a return of something that is no reply");
}
