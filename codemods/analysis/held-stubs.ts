import { type CallExpression, Node, SyntaxKind } from "ts-morph";
import { asksAt, type StubAsks } from "./client-stub-asks.js";
import type { RpcRef } from "./facts.js";
import type { AnalysisProject } from "./project.js";
import { answersChained, type StubAnswers } from "./stub-answers.js";
import { streamAsksAt, streamsChained } from "./stub-streams.js";

/** What is done with the variable that holds a stub: what is asked of it, and what it is told to answer there. */
export interface HeldStub extends StubAsks {
  readonly answers: readonly StubAnswers[];
  /** Where the stub is put into the variable, and the variable itself. */
  readonly place: Node;
  readonly variable: Node | undefined;
}

/** `spy = jest.spyOn(client, "getItem")`: undefined where more is done with what a test holds than what is known of stubs. */
export function heldStub(project: AnalysisProject, whole: Node, kind: RpcRef["kind"]): HeldStub | undefined {
  const place = whole.getParent();
  if (!place || Node.isExpressionStatement(place)) {
    return { answers: [], changes: [], between: [], place: place ?? whole, variable: undefined };
  }
  const name = nameHolding(project, place, whole);
  if (!name) return undefined;
  const asks: StubAsks[] = [];
  const answers: StubAnswers[] = [];
  for (const reference of project.referencesTo(name)) {
    if (reference === name || reference.getParent() === place) continue;
    if (reference.getSourceFile() !== whole.getSourceFile()) return undefined;
    const isUnary = kind === "unary";
    const asked = isUnary ? asksAt(reference) : streamAsksAt(reference);
    const said = asked ? undefined : (isUnary ? answersChained : streamsChained)(project, reference);
    if (asked) asks.push(asked);
    else if (said && said.count > 0 && Node.isExpressionStatement(said.whole.getParent())) answers.push(said);
    else return undefined;
  }
  return {
    answers,
    changes: asks.flatMap((each) => each.changes),
    between: asks.flatMap((each) => each.between),
    place,
    variable: name.getParent(),
  };
}

/** The name of `const spy = …`, or of `let spy;` that is given this one value. */
function nameHolding(project: AnalysisProject, place: Node, value: Node): Node | undefined {
  if (Node.isVariableDeclaration(place)) {
    const name = place.getNameNode();
    return Node.isIdentifier(name) ? name : undefined;
  }
  if (!Node.isBinaryExpression(place) || place.getRight() !== value || !Node.isExpressionStatement(place.getParent()))
    return undefined;
  const left = place.getLeft();
  const declaration = Node.isIdentifier(left) ? project.declarationOf(left) : undefined;
  if (place.getOperatorToken().getText() !== "=" || !Node.isVariableDeclaration(declaration)) return undefined;
  return declaration.getInitializer() ? undefined : declaration.getNameNode();
}

/** Is a stub that answers nothing by itself told what to answer at once, or at the beginning of every test that sees it? */
export function isAnsweredFirst({ answers, place, variable }: HeldStub): boolean {
  const lasting = new Set(answers.filter((each) => each.isLasting).map((each) => each.whole.getParent()));
  const statement = Node.isVariableDeclaration(place) ? place.getVariableStatement() : place.getParent();
  if (lasting.has(statement?.getNextSibling())) return true;
  const scope = variable?.getFirstAncestor((up) => Node.isBlock(up) || Node.isSourceFile(up));
  const tests = scope?.getDescendantsOfKind(SyntaxKind.CallExpression).filter(isTest) ?? [];
  return tests.length > 0 && tests.every((test) => beginsWith(test, lasting));
}

function isTest(call: CallExpression): boolean {
  return /^(?:it|test|specify)(?:\.(?:only|skip|concurrent))?$/.test(call.getExpression().getText());
}

function beginsWith(test: CallExpression, lasting: ReadonlySet<Node | undefined>): boolean {
  const fn = test.getArguments().find((each) => Node.isArrowFunction(each) || Node.isFunctionExpression(each));
  const body = Node.isArrowFunction(fn) || Node.isFunctionExpression(fn) ? fn.getBody() : undefined;
  if (!Node.isBlock(body)) return false;
  const statements = body.getStatements();
  const first = statements.findIndex((each) => lasting.has(each));
  return first >= 0 && statements.slice(0, first).every((each) => Node.isVariableStatement(each) && !mayCall(each));
}

/** Errors may be made before a stub is told to answer with them. */
function mayCall(statement: Node): boolean {
  const calls = statement.getDescendantsOfKind(SyntaxKind.CallExpression);
  return calls.some((call) => call.getExpression().getText() !== "Object.assign");
}
