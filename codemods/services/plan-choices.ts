import { isIdentifier, memberName, type Node, unwrap } from "../shared/ast.js";
import { isSameCode } from "./function-shape.js";
import { type HandlerDraft, refuse } from "./handler-draft.js";
import type { Step } from "./handler-plan.js";

type ReplyStep = Extract<Step, { kind: "error" | "passed-on" }>;

/**
 * Statements that ask which kind of call it is, and do the same either way: `if (callback) callback(error); else
 * call.emit('error', error);`. The range is that of all of them; one of the replies stays, alone.
 */
export interface Choice {
  readonly start: number;
  readonly end: number;
  readonly kept: ReplyStep;
}

/** `if (callback) …`: only calls that are answered once have a callback. */
export function kindTests({ callback, scopes, parents }: HandlerDraft): Node[] {
  const binding = isIdentifier(callback) ? scopes.bindingOf(callback) : undefined;
  return (binding?.references ?? []).flatMap((use) => {
    const parent = parents.get(use) as Node;
    return parent.type === "IfStatement" && parent.test === use ? [parent] : [];
  });
}

/** Does a node stand in one of the two branches of a question which kind of call it is? */
export function isInKindTest(draft: HandlerDraft, node: Node): boolean {
  return draft.kindTests.some((test) => {
    const { start, end } = rangeOf(draft, test);
    return start <= node.start && node.end <= end;
  });
}

export function isInChoice(node: Node, { start, end }: Choice): boolean {
  return start <= node.start && node.end <= end;
}

/** The steps that are left when each choice is made. */
export function stepsBeside(steps: readonly Step[], choices: readonly Choice[]): Step[] {
  const placeOf = (step: Step) => ("node" in step ? step.node : "statement" in step ? step.statement : step.first);
  return steps.filter((step) => {
    const place = placeOf(step);
    const choice = choices.find((one) => isInChoice(place, one));
    if (!choice) return true;
    const { statement } = choice.kept;
    return statement.start <= place.start && place.end <= statement.end;
  });
}

/** The questions of a function which kind of call it is: each makes the same reply in both of its branches, and nothing else. */
export function planChoices(draft: HandlerDraft): Choice[] {
  return draft.kindTests.map((test) => {
    const { start, end, branches, behind } = rangeOf(draft, test);
    if (test.alternate && !behind.every((each) => isIdle(draft, each)))
      refuse("callback-escapes", "statements behind the reply");
    const [own, other] = branches.map((branch) => replyOfBranch(draft, branch));
    if (!own || !other || !isSameReply(draft, own, other))
      refuse("callback-escapes", "a reply that depends on the kind of call");
    const isLost = (comment: { start: number; end: number }) =>
      start <= comment.start &&
      comment.end <= end &&
      !(own.statement.start <= comment.start && comment.end <= own.statement.end);
    if ((draft.file.comments ?? []).some(isLost)) refuse("edit-conflict", "a comment beside the reply");
    draft.replyNodes.add(test);
    return { start, end, kept: own };
  });
}

function isSameReply({ helped }: HandlerDraft, own: ReplyStep, other: ReplyStep): boolean {
  if (own.kind === "passed-on") return other.kind === "passed-on";
  if (other.kind !== "error" || own.via !== "callback" || own.trailers || other.trailers) return false;
  return !helped.has(own.node.start) && isSameCode(own.error.node, other.error.node);
}

/** A question with both of its branches, and what stands behind it: without `else` that is the second branch. */
function rangeOf({ parents }: HandlerDraft, test: Node) {
  const list = parents.get(test);
  const statements = list?.type === "BlockStatement" ? (list.body as Node[]) : [test];
  const rest = statements.slice(statements.indexOf(test) + 1);
  const branches = [statementsOf(test.consequent), test.alternate ? statementsOf(test.alternate) : rest];
  const end = (rest.at(-1) as Node | undefined)?.end ?? test.end;
  return { start: test.start, end, branches, behind: rest };
}

function statementsOf(branch: Node): readonly Node[] {
  return branch.type === "BlockStatement" ? (branch.body as Node[]) : [branch];
}

/** The reply that statements make, behind which the call is ended or the function is left, and nothing else. */
function replyOfBranch(draft: HandlerDraft, branch: readonly Node[]): ReplyStep | undefined {
  const [first, ...more] = branch;
  const isReply = (step: Step): step is ReplyStep => step.kind === "error" || step.kind === "passed-on";
  const found = draft.steps.filter(isReply).find((step) => step.statement === first);
  return more.every((each) => isIdle(draft, each)) ? found : undefined;
}

/** `return;` and `call.end();`. */
function isIdle({ callReferences }: HandlerDraft, statement: Node): boolean {
  if (statement.type === "ReturnStatement") return !statement.argument;
  const call = statement.type === "ExpressionStatement" ? unwrap(statement.expression) : undefined;
  return memberName(call?.callee ?? statement) === "end" && callReferences.includes(call?.callee.object);
}
