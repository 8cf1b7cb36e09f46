import { type File, type FunctionNode, isIdentifier, isNothing, type Node, unwrap } from "../shared/ast.js";
import { mayEndWithout } from "../shared/control-flow.js";
import { usesArguments } from "./function-shape.js";
import { type HandlerDraft, type HelpedCall, refuse } from "./handler-draft.js";
import { attempt, type HandlerRefusal } from "./handler-plan.js";
import { draftOf, type ErrorStep, type HelperPlan, planHelper, usesOf } from "./plan-helper.js";
import { planCallback, planHelped } from "./plan-replies.js";

/** What becomes of a function that makes the error replies of handlers: it returns the error, or as a guard throws it. */
export function planReplies(
  fn: FunctionNode,
  callback: number | null,
  call: number | null,
  file: File,
  helped: readonly HelpedCall[],
  isGuard: boolean,
): HelperPlan | HandlerRefusal {
  return isGuard ? planGuard(fn, callback, file, helped) : planHelper(fn, callback, call, file, helped);
}

/**
 * A guard: every use of the callback is an error reply, behind which it gives nothing; every other path gives something that is
 * surely true.
 */
function planGuard(
  fn: FunctionNode,
  callback: number | null,
  file: File,
  helped: readonly HelpedCall[],
): HelperPlan | HandlerRefusal {
  return attempt(() => {
    if (callback === null) refuse("callback-escapes", "a guard without the callback");
    if (fn.generator || usesArguments(fn) || fn.body.type !== "BlockStatement")
      refuse("callback-escapes", "a function that is not plain");
    if (!fn.params.slice(0, callback + 1).every((param) => isIdentifier(param)))
      refuse("callback-escapes", "a parameter that is taken apart");
    const draft: HandlerDraft = { ...draftOf(fn, callback, null, file, helped), isLeave: isEmptyReturn };
    for (const use of usesOf(draft, fn.params[callback] as Node)) {
      const parent = draft.parents.get(use) as Node;
      const own = draft.helped.get(parent.start);
      if (parent.type !== "CallExpression" || own?.guard) refuse("callback-escapes", "used as a value");
      if (parent.callee === use) planCallback(draft, parent);
      else if (own) planHelped(draft, parent, own);
      else refuse("callback-escapes", "passed to a function");
    }
    const steps = draft.steps.filter((step): step is ErrorStep => step.kind === "error");
    const isPlain = ({ asRejection, form }: ErrorStep) => !asRejection && (form === "statement" || form === "return");
    if (steps.length === 0 || steps.length < draft.steps.length || !steps.every(isPlain))
      refuse("callback-escapes", "it does not only fail");
    const problem = mayEndWithout(fn.body, {
      isReply: (statement) => draft.replyNodes.has(statement) || isTrueReturn(draft, statement),
      replaced: () => undefined,
    });
    if (problem) refuse("path-without-reply", problem);
    const guard = { isAsync: fn.async === true, isTyped: fn.returnType != null };
    return { ok: true, fn, dropped: [callback], steps, choices: [], guard };
  });
}

/** `return;`, `return false;`, `return null;`. */
function isEmptyReturn({ type, argument }: Node): boolean {
  if (type !== "ReturnStatement") return false;
  return !argument || isNothing(argument) || (argument.type === "BooleanLiteral" && !argument.value);
}

function isTrueReturn(draft: HandlerDraft, statement: Node): boolean {
  if (statement.type !== "ReturnStatement" || !statement.argument) return false;
  const value = unwrap(statement.argument as Node);
  if (value.type === "BooleanLiteral") return value.value === true;
  if (/^(Object|Array|New)Expression$/.test(value.type)) return true;
  return isIdentifier(value) && isAskedBefore(draft, statement, value);
}

/** `if (!user) { … return null; }` in front of `return user;`, where nothing gives the name another value. */
function isAskedBefore({ parents, scopes, fn }: HandlerDraft, statement: Node, name: Node): boolean {
  const binding = scopes.bindingOf(name);
  if (!binding || binding.writes.length > 0) return false;
  const isFalse = (test: Node): boolean => {
    if (test.type === "LogicalExpression" && test.operator === "||") return isFalse(test.left) || isFalse(test.right);
    if (test.type !== "UnaryExpression" || test.operator !== "!") return false;
    return isIdentifier(test.argument) && scopes.bindingOf(test.argument) === binding;
  };
  for (let node = statement; node !== fn; node = parents.get(node) as Node) {
    const list = parents.get(node)?.type === "BlockStatement" ? (parents.get(node)?.body as Node[]) : [];
    const before = list.slice(0, Math.max(0, list.indexOf(node)));
    if (before.some((each) => each.type === "IfStatement" && isFalse(each.test) && isLeft(each.consequent)))
      return true;
  }
  return false;
}

function isLeft(branch: Node): boolean {
  const last = branch.type === "BlockStatement" ? (branch.body as Node[]).at(-1) : branch;
  return last !== undefined && /^(Return|Throw)Statement$/.test(last.type);
}
