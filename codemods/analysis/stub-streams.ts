import { Node, SyntaxKind } from "ts-morph";
import { functionLeftBy, peeled } from "./around-values.js";
import { asksAt, type StubAsks } from "./client-stub-asks.js";
import type { AnalysisProject } from "./project.js";
import { chainOf, type StubAnswers } from "./stub-answers.js";

const ANSWERS = /^(?:mockImplementation(?:Once)?|callsFake)$/;
const GIVES = /^(?:mockReturnValue(?:Once)?|returns)$/;

/** What a stub of a method with a stream of replies is told to give: streams that one may iterate, which end without an error. Nothing has to change. */
export function streamsChained(project: AnalysisProject, stub: Node): StubAnswers | undefined {
  const { calls, ...chain } = chainOf(stub);
  for (const [member, call] of calls) {
    const [given, more] = call.getArguments();
    if (!given || more) return undefined;
    const isStream = GIVES.test(member.getName())
      ? isPlainStream(project, given)
      : ANSWERS.test(member.getName()) && streamGiven(project, given);
    if (!isStream) return undefined;
  }
  return { ...chain, count: calls.length, changes: [], between: [] };
}

/** Is what a stub is given a function that gives such a stream, whatever it is called with but the request? */
export function streamGiven(project: AnalysisProject, given: Node): boolean {
  const fn = peeled(given);
  if ((!Node.isArrowFunction(fn) && !Node.isFunctionExpression(fn)) || fn.getParameters().length > 1) return false;
  const body = fn.getBody();
  if (/\barguments\b/.test(body.getText()) || fn.getParameters().some((each) => each.isRestParameter())) return false;
  // Its own calls may throw.
  if (Node.isFunctionExpression(fn) && fn.isGenerator())
    return (
      fn.isAsync() &&
      [SyntaxKind.ThrowStatement, SyntaxKind.CallExpression].every(
        (kind) => body.getDescendantsOfKind(kind).length === 0,
      )
    );
  if (fn.isAsync()) return false;
  if (!Node.isBlock(body)) return isPlainStream(project, body);
  const returns = body.getDescendantsOfKind(SyntaxKind.ReturnStatement).filter((each) => functionLeftBy(each) === fn);
  const [only] = returns;
  const value = only?.getExpression();
  return returns.length === 1 && body.getStatements().length === 1 && !!value && isPlainStream(project, value);
}

/** `Readable.from([…])` of node:stream: no listener has to be there before it begins. */
function isPlainStream(project: AnalysisProject, given: Node): boolean {
  const value = peeled(given);
  if (!Node.isCallExpression(value)) return false;
  const [list, options] = value.getArguments();
  const callee = project.originOf(value.getExpression());
  const isFrom =
    callee.kind === "external" && callee.module === "stream" && /^(?:default\.)?Readable\.from$/.test(callee.path);
  return isFrom && !options && !!list && Node.isArrayLiteralExpression(peeled(list));
}

/** What is asked of such a stub: it has no callback, so that a request alone is still what it is called with. */
export function streamAsksAt(mention: Node): StubAsks | undefined {
  const asks = asksAt(mention);
  if (asks) return asks.changes.length === 0 ? asks : undefined;
  const matcher = mention.getParent()?.getParent();
  const asked = matcher?.getParent();
  const isRequestAlone =
    Node.isPropertyAccessExpression(matcher) &&
    /^(?:toHaveBeenCalledWith|toBeCalledWith|toHaveBeenLastCalledWith)$/.test(matcher.getName()) &&
    mention.getParent()?.getText().replace(mention.getText(), "") === "expect()" &&
    Node.isCallExpression(asked) &&
    asked.getArguments().length === 1;
  return isRequestAlone ? { changes: [], between: [] } : undefined;
}
