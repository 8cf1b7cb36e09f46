import {
  type ArrowFunction,
  type CallExpression,
  type FunctionExpression,
  Node,
  type PropertyAccessExpression,
  SyntaxKind,
} from "ts-morph";
import { functionLeftBy, isNothing, peeled } from "./around-values.js";
import type { TextChange } from "./client-facts.js";
import type { StubAsks } from "./client-stub-asks.js";
import { isTypeScript } from "./language.js";
import type { AnalysisProject } from "./project.js";
import { stubErrorKind } from "./stub-errors.js";

/** The function that makes an error of grpc-js one that a client rejects with. */
export const TO_CONNECT_ERROR = "toConnectError";

const ANSWERS = /^(?:mockImplementation(?:Once)?|callsFake)$/;
const YIELDS = /^(?:yields|callsArgWith)$/;

/** What a stub is told to answer, in one chain of calls. */
export interface StubAnswers extends StubAsks {
  /** The stub with all that is chained to it. */
  readonly whole: Node;
  readonly count: number;
  /** Does the last one hold for more than one call? */
  readonly isLasting: boolean;
}

/** `….mockImplementation(…).mockImplementationOnce(…)`: what is chained to a stub, each call with its member. */
export function chainOf(stub: Node): Pick<StubAnswers, "whole" | "isLasting"> & {
  readonly calls: readonly (readonly [PropertyAccessExpression, CallExpression])[];
} {
  const calls: [PropertyAccessExpression, CallExpression][] = [];
  for (let whole = stub; ; ) {
    let member = whole.getParent();
    // `mock` of node:test has the members.
    if (Node.isPropertyAccessExpression(member) && member.getName() === "mock") member = member.getParent();
    const call = member?.getParent();
    const isCalled = Node.isCallExpression(call) && call.getExpression() === member;
    if (!Node.isPropertyAccessExpression(member) || !isCalled)
      return { whole, isLasting: calls.some(([each]) => !/Once$/.test(each.getName())), calls };
    calls.push([member, call]);
    whole = call;
  }
}

/** What is chained to a stub, as answers. */
export function answersChained(project: AnalysisProject, stub: Node): StubAnswers | undefined {
  const answers: Node[] = [];
  const yields: StubAsks[] = [];
  const { calls, ...chain } = chainOf(stub);
  for (const [member, call] of calls) {
    const given = call.getArguments();
    if (YIELDS.test(member.getName())) {
      const settled = changesOfYield(project, member.getNameNode(), call);
      if (!settled) return undefined;
      yields.push(settled);
    } else if (ANSWERS.test(member.getName()) && given.length === 1) answers.push(...given);
    else return undefined;
  }
  const said = answersGiven(project, chain.whole, answers);
  return (
    said && {
      ...chain,
      count: answers.length + yields.length,
      changes: [...yields.flatMap((each) => each.changes), ...said.changes],
      between: yields.flatMap((each) => each.between),
    }
  );
}

/** The functions that are given to a stub. */
export function answersGiven(
  project: AnalysisProject,
  whole: Node,
  functions: readonly Node[],
): StubAnswers | undefined {
  const changes: TextChange[] = [];
  for (const given of functions) {
    const answer = peeled(given);
    if (!Node.isArrowFunction(answer) && !Node.isFunctionExpression(answer)) return undefined;
    const own = changesOfAnswer(project, answer);
    if (!own) return undefined;
    changes.push(...own);
  }
  return { whole, count: functions.length, isLasting: true, changes, between: [] };
}

type Answer = ArrowFunction | FunctionExpression;

/** `(request, callback) => callback(null, reply)` -> `async (request) => reply`, as changes of text. */
function changesOfAnswer(project: AnalysisProject, answer: Answer): TextChange[] | undefined {
  const parameters = answer.getParameters();
  const [request] = parameters;
  const callback = parameters.at(-1);
  const body = answer.getBody();
  if (!request || !callback || parameters.length < 2 || parameters.length > 4 || answer.isAsync()) return undefined;
  if (answer.getTypeParameters().length > 0 || (Node.isFunctionExpression(answer) && answer.isGenerator()))
    return undefined;
  if (body.getDescendantsOfKind(SyntaxKind.ThisKeyword).length > 0) return undefined;
  if (parameters.some((each) => !Node.isIdentifier(each.getNameNode()) && each !== request)) return undefined;
  const named = (name: string) =>
    body.getDescendantsOfKind(SyntaxKind.Identifier).filter((identifier) => identifier.getText() === name);
  // Metadata and options have another shape now.
  if (parameters.slice(1, -1).some((each) => named(each.getName()).length > 0)) return undefined;
  const calls: CallExpression[] = [];
  for (const mention of named(callback.getName())) {
    const call = mention.getParent();
    if (!Node.isCallExpression(call) || call.getExpression() !== mention) return undefined;
    calls.push(call);
  }
  // Every way through it answers.
  const isPlain = calls.some((call) => call.getParent() === answer || call.getParent()?.getParent() === body);
  if (!isPlain && !endsWith(body, calls)) return undefined;
  const change = (start: number, end: number, text: string): TextChange => ({ start, end, text });
  const changes: TextChange[] = [];
  const first = parameters[0]?.getStart() as number;
  const last = parameters.at(-1)?.getEnd() as number;
  changes.push(change(answer.getStart(), answer.getStart(), "async "));
  changes.push(change(request.getEnd(), last, ""));
  const type = answer.getReturnTypeNode();
  if (type)
    changes.push(change(answer.getSourceFile().getFullText().lastIndexOf(":", type.getStart()), type.getEnd(), ""));
  if (first < answer.getStart()) return undefined;
  for (const call of calls) {
    const own = changesOfReply(project, answer, call);
    if (!own) return undefined;
    changes.push(...own);
  }
  return changes;
}

/** `yields(null, reply)` and `callsArgWith(1, null, reply)` -> `resolves(reply)`; `yields(error)` -> `rejects(…)`. */
function changesOfYield(project: AnalysisProject, name: Node, call: CallExpression): StubAsks | undefined {
  const all = call.getArguments();
  const index = name.getText() === "yields" ? undefined : Number(all[0]?.getText());
  const [error, reply, more] = index === undefined ? all : all.slice(1);
  if (!error || more || (index !== undefined && !(index > 0))) return undefined;
  const isReply = isNothing(error);
  const value = isReply ? reply : error;
  const how = isReply ? "reply" : stubErrorKind(project, error);
  if (!value || !how || (!isReply && reply && !isNothing(reply))) return undefined;
  const [open, close] = how === "service-error" ? [`${TO_CONNECT_ERROR}(`, ")"] : ["", ""];
  const first = all[0] as Node;
  const changes = [
    { start: name.getStart(), end: name.getEnd(), text: isReply ? "resolves" : "rejects" },
    { start: first.getStart(), end: value.getStart(), text: open },
    { start: value.getEnd(), end: call.getEnd() - 1, text: close },
  ].filter((change) => change.start !== change.end || change.text !== "");
  return { changes, between: index === undefined ? [] : [index - 1] };
}

function changesOfReply(project: AnalysisProject, answer: Answer, call: CallExpression): TextChange[] | undefined {
  const [error, reply, more] = call.getArguments();
  if (!error || more) return undefined;
  const isReply = isNothing(error) && reply !== undefined;
  const value = isReply ? reply : error;
  if (!isReply && ((reply && !isNothing(reply)) || isNothing(error))) return undefined;
  const how = isReply ? "reply" : stubErrorKind(project, error);
  if (!how) return undefined;
  const [before, after] = how === "service-error" ? [`throw ${TO_CONNECT_ERROR}(`, ")"] : ["throw ", ""];
  const change = (start: number, end: number, text: string): TextChange => ({ start, end, text });
  // What a callback of any type takes is no reply to the compiler.
  const loose = isReply && isTypeScript(call) && call.getExpression().getType().isAny() ? " as any" : "";
  const around = (node: Node, [open, close]: readonly [string, string]) => [
    change(node.getStart(), value.getStart(), open),
    change(value.getEnd(), node.getEnd(), `${loose}${close}`),
  ];
  const parent = call.getParent();
  if (parent === answer) {
    const isObject = Node.isObjectLiteralExpression(value);
    if (isReply) return around(call, isObject ? ["(", ")"] : ["", ""]);
    const arrow = (answer as ArrowFunction).getEqualsGreaterThan().getEnd();
    return [change(arrow, value.getStart(), ` { ${before}`), change(value.getEnd(), call.getEnd(), `${after}; }`)];
  }
  if (Node.isReturnStatement(parent) && functionLeftBy(parent) === answer) {
    if (isReply) return around(call, ["", ""]);
    return [change(parent.getStart(), value.getStart(), before), change(value.getEnd(), call.getEnd(), after)];
  }
  if (!Node.isExpressionStatement(parent)) return undefined;
  const rest = isLast(answer, parent);
  if (!rest) return undefined;
  return [
    ...around(call, isReply ? ["return ", ""] : [before, after]),
    ...rest.map((node) => change(parent.getEnd(), node.getEnd(), "")),
  ];
}

/** Does a body end with one of the calls, whichever way its last `if` goes? */
function endsWith(node: Node | undefined, calls: readonly CallExpression[]): boolean {
  if (Node.isBlock(node)) return endsWith(node.getStatements().at(-1), calls);
  if (Node.isIfStatement(node))
    return endsWith(node.getThenStatement(), calls) && endsWith(node.getElseStatement(), calls);
  const value = Node.isExpressionStatement(node) || Node.isReturnStatement(node) ? node.getExpression() : undefined;
  return Node.isCallExpression(value) && calls.includes(value);
}

/** Does nothing come after a statement? A last `return {} as ClientUnaryCall`, which only types ask for, is given back. */
function isLast(answer: Answer, statement: Node): Node[] | undefined {
  let node: Node = statement;
  const rest: Node[] = [];
  for (;;) {
    const block = node.getParent();
    if (Node.isIfStatement(block)) {
      node = block;
      continue;
    }
    if (!Node.isBlock(block)) return undefined;
    const statements = block.getStatements();
    const behind = statements.slice(statements.indexOf(node as never) + 1);
    if (behind.length > 0) {
      const [only, more] = behind;
      const returned = Node.isReturnStatement(only) ? only.getExpression() : null;
      if (more || returned === null || node !== statement) return undefined;
      if (
        returned &&
        !/^(?:undefined|null|\{\s*\}(?: as [\w$.<> ]+)?)$/.test(returned.getText().replace(/^\((.*)\)$/, "$1"))
      )
        return undefined;
      rest.push(only as Node);
    }
    const outer = block.getParent();
    if (outer === answer) return rest;
    if (rest.length > 0 && Node.isIfStatement(outer)) return rest;
    if (!Node.isIfStatement(outer)) return undefined;
    node = outer;
  }
}
