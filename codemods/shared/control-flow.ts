import { type FunctionNode, isFunction, type Node, type Parents, walk } from "./ast.js";

export const LOOPS = /^(For|ForIn|ForOf|While|DoWhile)Statement$/;

/** Is nothing with an effect left to run after `statement` in its function? (matrix H-1) */
export function isTail(
  statement: Node,
  fn: FunctionNode,
  parents: Parents,
  /** Statements that will be gone. */
  gone: ReadonlySet<Node> = new Set(),
  isLeave: (statement: Node) => boolean = isBareReturn,
): boolean {
  let node = statement;
  for (;;) {
    const parent = parents.get(node);
    if (!parent || parent === fn) return true;
    if (isFunction(parent)) return parent === fn;
    if (LOOPS.test(parent.type)) return false;
    const list = listOf(parent, node);
    if (list) {
      let leavesSwitch = false;
      for (const next of list.slice(list.indexOf(node) + 1)) {
        if (next.type === "EmptyStatement" || next.type === "FunctionDeclaration" || gone.has(next)) continue;
        if (isLeave(next)) return true;
        if (next.type === "BreakStatement" && !next.label) {
          leavesSwitch = true;
          break;
        }
        return false;
      }
      if (leavesSwitch || parent.type === "SwitchCase") {
        const owner = breakTarget(node, parents);
        if (owner?.type !== "SwitchStatement") return false;
        const cases = owner.cases as Node[];
        const own = cases.findIndex((one) => one.start <= node.start && node.end <= one.end);
        const isFallThrough = cases.slice(own + 1).some((one) => one.consequent.length > 0);
        if (!leavesSwitch && isFallThrough) return false;
        node = owner;
        continue;
      }
    }
    node = parent;
  }
}

export function isBareReturn(statement: Node): boolean {
  return statement.type === "ReturnStatement" && !statement.argument;
}

/** An unlabelled `break;` or empty `return;` right behind a reply, which becomes unreachable. */
export function removableAfter(
  statement: Node,
  parents: Parents,
  gone: ReadonlySet<Node> = new Set(),
  isLeave: (statement: Node) => boolean = isBareReturn,
): Node | null {
  const list = listOf(parents.get(statement), statement);
  const next = list?.slice(list.indexOf(statement) + 1).find((each) => !gone.has(each));
  if (next && isLeave(next)) return next;
  return next?.type === "BreakStatement" && !next.label ? next : null;
}

/** Each `return;` of a function behind a statement of which every path replies from now on. */
export function deadReturns(
  fn: FunctionNode,
  isReply: (statement: Node) => boolean,
): { readonly previous: Node; readonly statement: Node }[] {
  const found: { previous: Node; statement: Node }[] = [];
  walk(fn.body, (node) => {
    if (isFunction(node)) return false;
    const list = node.type === "BlockStatement" ? (node.body as Node[]) : [];
    for (const [index, statement] of list.entries()) {
      const previous = list[index - 1];
      if (
        !previous ||
        !isBareReturn(statement) ||
        isReply(previous) ||
        !/^(If|Switch|Try)Statement$/.test(previous.type)
      )
        continue;
      if (mayEndWithout(previous, { isReply, replaced: () => undefined }) === undefined)
        found.push({ previous, statement });
    }
    return undefined;
  });
  return found;
}

function listOf(parent: Node | undefined, child: Node): Node[] | undefined {
  if (parent?.type === "BlockStatement") return (parent.body as Node[]).includes(child) ? parent.body : undefined;
  if (parent?.type === "SwitchCase")
    return (parent.consequent as Node[]).includes(child) ? parent.consequent : undefined;
  return undefined;
}

function breakTarget(node: Node, parents: Parents): Node | undefined {
  let current = parents.get(node);
  while (current && current.type !== "SwitchStatement" && !LOOPS.test(current.type) && !isFunction(current)) {
    current = parents.get(current);
  }
  return current;
}

export interface ReplyQuestions {
  isReply(statement: Node): boolean;
  /** The block that is inlined in place of a statement, null for one that just goes on, undefined for any other. */
  replaced(statement: Node): Node | null | undefined;
  /** Is a condition true only when the call is over, and nobody waits for a reply any more? */
  isOver?(condition: Node): boolean;
}

/** Why a function's body may end without a reply; undefined when every path replies or throws. */
export function mayEndWithout(body: Node, questions: ReplyQuestions): string | undefined {
  let problem: string | undefined;
  /** How the place that is looked at may be reached. */
  let end = "the end of the function";
  const completes = (node: Node | null | undefined): boolean => {
    if (!node) return true;
    if (questions.isReply(node)) return false;
    const inlined = questions.replaced(node);
    if (inlined !== undefined) return inlined === null ? true : completes(inlined);
    switch (node.type) {
      case "BlockStatement": {
        const before = end;
        for (const statement of node.body as Node[]) {
          if (completes(statement)) continue;
          end = before;
          return false;
        }
        return true;
      }
      case "ReturnStatement":
        problem ??= atLine(node, node.argument ? "a return of something that is no reply" : "a return without a reply");
        return false;
      case "ThrowStatement":
        return false;
      case "IfStatement": {
        const isOver = questions.isOver?.(node.test) === true && leaves(node.consequent);
        const then = !isOver && completes(node.consequent);
        const otherwise = completes(node.alternate);
        return then || otherwise;
      }
      case "TryStatement": {
        const block = completes(node.block);
        const handler = node.handler ? completes(node.handler.body) : false;
        const finalizer = node.finalizer ? completes(node.finalizer) : true;
        if (handler && !block && finalizer) end = atLine(node.handler, "a catch that sends none");
        return finalizer && (block || handler);
      }
      case "SwitchStatement": {
        let isExhaustive = false;
        let last = true;
        let breaks = false;
        for (const one of node.cases as Node[]) {
          if (!one.test) isExhaustive = true;
          last = true;
          for (const statement of one.consequent as Node[]) {
            if (statement.type === "BreakStatement" && !statement.label) {
              breaks = true;
              last = false;
              break;
            }
            if (!completes(statement)) {
              last = false;
              break;
            }
            if (holdsBreak(statement)) breaks = true;
          }
        }
        return !isExhaustive || breaks || last;
      }
      case "LabeledStatement":
        completes(node.body);
        return true;
      case "BreakStatement":
      case "ContinueStatement":
        return false;
      default:
        if (LOOPS.test(node.type)) {
          completes(node.body);
          return !isEndless(node, questions);
        }
        return true;
    }
  };
  const ends = completes(body);
  if (problem) return problem;
  return ends ? end : undefined;
}

function atLine({ loc }: Node, what: string): string {
  return loc ? `${what}, line ${loc.start.line}` : what;
}

/** `return;`, behind statements that do not decide anything or alone. */
function leaves(branch: Node): boolean {
  const statements: readonly Node[] = branch.type === "BlockStatement" ? branch.body : [branch];
  const last = statements.at(-1);
  return (
    last?.type === "ReturnStatement" &&
    !last.argument &&
    statements.slice(0, -1).every((each) => each.type === "ExpressionStatement")
  );
}

/** `while (true) { … }`, and `while (!call.cancelled) { … }`, behind which nobody waits, without a `break`. */
function isEndless(loop: Node, { isOver }: ReplyQuestions): boolean {
  const { test } = loop;
  const isForever =
    /^(For|While|DoWhile)Statement$/.test(loop.type) &&
    (!test ||
      (test.type === "BooleanLiteral" && test.value) ||
      (test.type === "UnaryExpression" && test.operator === "!" && isOver?.(test.argument)));
  if (!isForever) return false;
  let breaks = false;
  walk(loop.body, (node) => {
    if (node.type === "BreakStatement") breaks = true;
    return !isFunction(node);
  });
  return !breaks;
}

/** An unlabelled `break` that leaves the switch around, from below an `if` or a block. */
function holdsBreak(node: Node): boolean {
  if (node.type === "BreakStatement") return true;
  if (node.type === "BlockStatement") return (node.body as Node[]).some(holdsBreak);
  if (node.type === "IfStatement")
    return holdsBreak(node.consequent) || (node.alternate ? holdsBreak(node.alternate) : false);
  if (node.type === "TryStatement") {
    return [node.block, node.handler?.body, node.finalizer].some((part) => part && holdsBreak(part));
  }
  return false;
}
