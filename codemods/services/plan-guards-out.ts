import type { Comment } from "../shared/ast.js";
import { indentAt, isIdentifier, isNothing, isWithin, lineEndingOf, type Node, unwrap, walk } from "../shared/ast.js";
import { commentsOf } from "../shared/comments.js";
import { isBareReturn } from "../shared/control-flow.js";
import type { EditOrigin } from "../shared/edits.js";
import { givenToBridge } from "../shared/imports.js";
import { dedentLines } from "../shared/indentation.js";
import type { RuleContext } from "../shared/rule.js";
import { type Guard, type HandlerDraft, partsOfTries, refuse } from "./handler-draft.js";
import type { HandlerPlan, Step } from "./handler-plan.js";
import { namesAround } from "./plan-guarded.js";
import { indentOf } from "./planned-handlers.js";
import { isSurelyEvaluated } from "./sure-evaluation.js";

type GuardedStep = Extract<Step, { kind: "guarded" }>;
type Place = Pick<Comment, "start" | "loc">;
type GuardsOut = Extract<Step, { kind: "guards-out" }>;

/** The `try` whose `catch` must not see what a guard throws, and that it can leave. */
export function tryToLeave(draft: HandlerDraft, call: Node, guard: Guard): Node | null {
  const tries = partsOfTries(call, draft.parents);
  const catching = tries.filter(({ part, statement }) => part === statement.block && statement.handler);
  if (catching.every(({ statement }) => onlyPassesOn(draft, statement.handler))) return null;
  const statement = tries[0]?.statement as Node;
  if (tries.length > 1 || statement.finalizer || guard.mayThrowMore || draft.region || draft.push)
    refuse("code-after-reply", "a guard inside a try with a catch");
  return statement;
}

/** `catch (err) { callback(err); }`: an error that a guard throws is answered as it is. */
function onlyPassesOn({ scopes, callback, file }: HandlerDraft, { param, body }: Node): boolean {
  const [statement, ...more] = body.body as Node[];
  const call: Node | undefined = statement?.expression ?? statement?.argument;
  const isReply = call?.type === "CallExpression" && isIdentifier(callback) && isIdentifier(call.callee);
  if (!statement || !isReply || !isIdentifier(param) || more.some((each) => !isBareReturn(each))) return false;
  const [error, ...rest] = call.arguments as Node[];
  if (scopes.bindingOf(call.callee) !== scopes.bindingOf(callback) || !error || !rest.every(isNothing)) return false;
  const given = givenToBridge(file, unwrap(error), "serviceErrorFrom") ?? unwrap(error);
  return isIdentifier(given) && scopes.bindingOf(given) === scopes.bindingOf(param);
}

/** The guards that leave a `try` are what it begins with. */
export function planGuardsOut(draft: HandlerDraft): void {
  const guards = draft.steps.filter((step): step is GuardedStep => step.kind === "guarded" && step.leaves !== null);
  for (const statement of new Set(guards.map(({ leaves }) => leaves as Node)))
    draft.steps.push(
      guardsOut(
        draft,
        statement,
        guards.filter(({ leaves }) => leaves === statement),
      ) ?? refuse("code-after-reply", "a guard inside a try with a catch"),
    );
}

function guardsOut(draft: HandlerDraft, statement: Node, guards: readonly GuardedStep[]): GuardsOut | undefined {
  const { parents, file, scopes } = draft;
  const block = statement.block as Node;
  const statements = block.body as Node[];
  const parts = guards.flatMap(({ asked, check }) =>
    statements.filter((each) => isWithin(asked, each) || each === check),
  );
  const moved = [...new Set(parts)];
  const next = statements[moved.length];
  if (!next || parents.get(statement)?.type !== "BlockStatement") return undefined;
  if (!moved.every((each) => statements.indexOf(each) < moved.length)) return undefined;
  const around = { ...draft, call: callBinding(draft) };
  const isIn = (node: Node) => moved.some((each) => isWithin(node, each));
  const isFree = (node: Node) => {
    const binding = scopes.bindingOf(node);
    return !binding || !isWithin(binding.identifier, block) || isIn(binding.identifier);
  };
  const isPlaced = guards.every(
    ({ node, block: inside, dropped }) =>
      inside === null &&
      (node.arguments as Node[]).every(
        (given, index) => dropped.includes(index) || (isSurelyEvaluated(around, given) && namesIn(given).every(isFree)),
      ) &&
      namesIn(node.callee).every(isFree),
  );
  const declared = [...scopes.scopeOf(block).bindings.values()].filter(({ identifier }) => isIn(identifier));
  const taken = namesAround(draft.fn, block);
  if (!isPlaced || declared.some(({ name }) => taken.has(name))) return undefined;
  const [first, last] = [moved[0] as Node, moved.at(-1) as Node];
  const isBelow = ({ loc }: Place) => (loc?.start.line ?? 0) > last.loc.end.line;
  const said = commentsOf(file, { start: last.end, end: next.start }).find(isBelow);
  const before = commentsOf(file, { start: block.start, end: first.start });
  const begin: Place = before[0] ?? (first as Place);
  if (!isBelow(next as Place) || begin.loc?.start.line === block.loc.start.line) return undefined;
  if (commentsOf(file, { start: statement.start, end: block.start + 1 }).length > 0) return undefined;
  return { kind: "guards-out", statement, begin: begin.start, end: last.end, next: (said ?? next).start };
}

function callBinding({ fn, scopes }: HandlerDraft) {
  const [call] = fn.params;
  return isIdentifier(call) ? scopes.bindingOf(call) : undefined;
}

function namesIn(node: Node): Node[] {
  const found: Node[] = [];
  walk(node, (each) => {
    if (isIdentifier(each)) found.push(each);
  });
  return found;
}

/** `try {` comes to stand behind the guards. */
export function writeGuardsOut(
  ctx: RuleContext,
  plan: HandlerPlan,
  { statement, begin, end, next }: GuardsOut,
  origin: EditOrigin,
): undefined {
  const { source, edit } = ctx;
  const [outer, inner] = [indentAt(source, statement.start), indentAt(source, next)];
  // What stands in a listener moves out with it.
  const indent = indentOf(ctx, plan, statement);
  edit.remove(statement.start, begin, origin);
  dedentLines(ctx, begin, end, outer, indentAt(source, begin), origin);
  const deeper = inner.startsWith(outer) ? inner.slice(outer.length) : "";
  edit.overwrite(next - inner.length, next, `${indent}try {${lineEndingOf(source)}${indent}${deeper}`, origin);
}
