import { isFunction, isIdentifier, type Node, unwrap } from "../shared/ast.js";
import type { HandlerDraft } from "./handler-draft.js";

/**
 * `let done = false;` in a handler whose data listener replies early: it is set next to the reply, and the listeners ask
 * `if (done) return;`. A reply that leaves the loop makes all of that unnecessary. The statements that go.
 */
export function statementsOfFlags(draft: HandlerDraft): Node[] {
  const { fn, scopes, dataListener } = draft;
  if (!dataListener || fn.body.type !== "BlockStatement") return [];
  const gone: Node[] = [];
  for (const statement of fn.body.body as Node[]) {
    if (statement.type !== "VariableDeclaration" || statement.declarations.length !== 1) continue;
    const [declarator] = statement.declarations as Node[];
    const init = declarator?.init as Node | undefined;
    if (!isIdentifier(declarator?.id) || init?.type !== "BooleanLiteral" || init.value) continue;
    const binding = scopes.bindingOf(declarator.id);
    if (!binding || binding.writes.length === 0) continue;
    const uses = [
      ...binding.writes.map((write) => settingAt(draft, write)),
      ...binding.references.filter((each) => !binding.writes.includes(each)).map((read) => guardAt(draft, read)),
    ];
    if (uses.every((use) => use !== undefined)) gone.push(statement, ...(uses as Node[]));
  }
  return gone;
}

/** `done = true;` in the data listener, in the list of statements where a reply stands. */
function settingAt({ parents, fn, dataListener }: HandlerDraft, write: Node): Node | undefined {
  const assignment = parents.get(write);
  const statement = assignment && parents.get(assignment);
  if (assignment?.type !== "AssignmentExpression" || assignment.operator !== "=" || assignment.left !== write)
    return undefined;
  if (assignment.right.type !== "BooleanLiteral" || !assignment.right.value) return undefined;
  if (statement?.type !== "ExpressionStatement" || !dataListener) return undefined;
  const { listener } = dataListener;
  if (statement.start < listener.start || listener.end < statement.end) return undefined;
  const list = parents.get(statement);
  const callback = fn.params[1];
  const replies = (each: Node) => {
    const call = (each.type === "ReturnStatement" ? each.argument : each.expression) as Node | null | undefined;
    return call?.type === "CallExpression" && isIdentifier(callback) && isIdentifier(call.callee, callback.name);
  };
  return list?.type === "BlockStatement" && (list.body as Node[]).some(replies) ? statement : undefined;
}

/** `if (done) return;` as a statement of one of the two listeners. */
function guardAt({ parents, dataListener, endListener }: HandlerDraft, read: Node): Node | undefined {
  const statement = parents.get(read);
  if (statement?.type !== "IfStatement" || unwrap(statement.test) !== read || statement.alternate) return undefined;
  const { consequent } = statement;
  const body = consequent.type === "BlockStatement" ? (consequent.body as Node[]) : [consequent as Node];
  const [only, ...more] = body;
  if (only?.type !== "ReturnStatement" || only.argument || more.length > 0) return undefined;
  const block = parents.get(statement);
  const owner = block && parents.get(block);
  return isFunction(owner) && (owner === dataListener?.listener || owner === endListener?.listener)
    ? statement
    : undefined;
}
