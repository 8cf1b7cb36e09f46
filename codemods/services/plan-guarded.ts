import { functionOf, isIdentifier, isNothing, type Node, semicolonOf } from "../shared/ast.js";
import type { EditOrigin } from "../shared/edits.js";
import type { RuleContext } from "../shared/rule.js";
import {
  type Guard,
  type HandlerDraft,
  type HelpedCall,
  isInCatchingTry,
  isInFinally,
  isInRegion,
  refuse,
} from "./handler-draft.js";
import type { Step } from "./handler-plan.js";
import { keepComments } from "./plan-replies.js";
import { removeListed } from "./write-error.js";

type GuardedStep = Extract<Step, { kind: "guarded" }>;

/** `if (!isAllowed(call, callback)) return;`, and `const user = userOf(call, callback); if (!user) return;`. */
export function planGuarded(draft: HandlerDraft, call: Node, { dropped }: HelpedCall, guard: Guard): void {
  const { parents, file } = draft;
  const around = parents.get(call) as Node;
  const asked = around.type === "AwaitExpression" ? around : call;
  if (guard.isAsync && asked === call) refuse("callback-escapes", "a guard that nothing waits for");
  if (functionOf(call, parents) !== draft.fn || isInRegion(draft, call))
    refuse("reply-in-nested-function", "a guard in a nested function");
  if (isInCatchingTry(call, parents) || isInFinally(call, parents))
    refuse("code-after-reply", "a guard inside a try with a catch");
  const found = refusalOf(draft, asked, guard) ?? refuse("callback-escapes", "passed to a function");
  const { check, start } = found;
  const isLost = (comment: { start: number; end: number }) =>
    start <= comment.start && comment.end <= check.end && !(asked.start <= comment.start && comment.end <= asked.end);
  if ((file.comments ?? []).some(isLost)) refuse("edit-conflict", "a comment beside the guard");
  const given = call.arguments as Node[];
  const gone = dropped.map((index) => given[index] as Node);
  keepComments(draft, call, [call.callee, ...given.filter((argument) => !gone.includes(argument))]);
  for (const argument of gone) draft.dropped.add(argument);
  draft.steps.push({ kind: "guarded", node: call, asked, check, leave: found.leave, dropped });
}

/** The statement that leaves the handler when the guard gave nothing, and where what goes begins. */
function refusalOf({ parents, scopes }: HandlerDraft, asked: Node, guard: Guard) {
  const holder = parents.get(asked) as Node;
  if (holder.type === "UnaryExpression" && holder.operator === "!") {
    const check = parents.get(holder) as Node;
    const leave = check.type === "IfStatement" && check.test === holder ? leaveOf(check) : undefined;
    return leave && { check, leave, start: check.start };
  }
  const statement = parents.get(holder) as Node;
  const list = parents.get(statement);
  const isAlone = holder.type === "VariableDeclarator" && holder.init === asked && statement.declarations.length === 1;
  if (!isAlone || !isIdentifier(holder.id) || guard.isTyped || list?.type !== "BlockStatement") return undefined;
  const check = (list.body as Node[])[(list.body as Node[]).indexOf(statement) + 1];
  const test = check?.type === "IfStatement" ? (check.test as Node) : undefined;
  const isAsked =
    test?.type === "UnaryExpression" &&
    test.operator === "!" &&
    isIdentifier(test.argument) &&
    scopes.bindingOf(test.argument) === scopes.bindingOf(holder.id);
  const leave = check && isAsked ? leaveOf(check) : undefined;
  return check && leave && { check, leave, start: statement.end };
}

/** The `return;` that is all that an `if` does. */
function leaveOf({ consequent, alternate }: Node): Node | undefined {
  const statements = (consequent.type === "BlockStatement" ? consequent.body : [consequent]) as Node[];
  const [only, ...more] = statements;
  if (alternate || more.length > 0 || only?.type !== "ReturnStatement") return undefined;
  const { argument } = only;
  return !argument || isNothing(argument) || argument.type === "BooleanLiteral" ? only : undefined;
}

export function writeGuarded(ctx: RuleContext, step: GuardedStep, origin: EditOrigin): string {
  const { node, asked, check, leave, dropped } = step;
  removeListed(ctx, node.arguments as Node[], dropped, origin);
  if (check.start <= asked.start) {
    const next = ctx.source.slice(check.end).trimStart()[0] ?? "";
    const close = semicolonOf(ctx.source, leave) || (/[([`+\-/]/.test(next) ? ";" : "");
    ctx.edit.overwrite(check.start, asked.start, "", origin);
    ctx.edit.overwrite(asked.end, check.end, close, origin);
  } else {
    const end = ctx.source.slice(0, check.start).trimEnd().length;
    ctx.edit.remove(end, check.end, origin);
  }
  return "guard(call, callback)";
}
