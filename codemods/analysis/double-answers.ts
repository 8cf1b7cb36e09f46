import { Node, SyntaxKind } from "ts-morph";
import { peeled } from "./around-values.js";
import type { RpcRef } from "./facts.js";
import type { AnalysisProject } from "./project.js";

/** What a library for tests makes a function with, or puts one into an object with. */
const MAKES =
  /^(?:(?:jest|vi|vitest|sinon|sandbox|td|mock|t|test|context|ctx|\w*[sS]andbox)(?:\.mock)?\.(?:fn|fake|stub|spy|spyOn|func|method|replace|mocked)|(?:vi|jest)\.fn|fn|stub|spyOn|sinonStub)\b/;
const PROMISES = /\.(?:mock(?:Resolved|Rejected)Value(?:Once)?|resolves|rejects|resolvesArg)\(/;
const YIELDS = /\.(?:yields\w*|callsArg\w*|callArg\w*)\(/;

/** Does a member of a test answer as a method of a client of grpc-js does: through a callback, or by a stream? */
export function isTestDouble(project: AnalysisProject, value: Node, rpc: RpcRef): boolean {
  const made = madeBy(project, value);
  const answers = answersOf(project, value);
  const isStream = rpc.kind === "server_streaming" || rpc.kind === "bidi_streaming";
  if (answers.length > 0) return answers.some((answer) => (isStream ? givesStream(answer) : answersBack(answer)));
  if (!made) return false;
  const text = made.getText();
  if (YIELDS.test(text)) return true;
  if (PROMISES.test(text)) return false;
  // Its answer comes later, or a test calls the callback by hand.
  return !isPromisedIn(made, rpc.localName);
}

/** The call of a library that makes a member, with all that is chained to it. */
function madeBy(project: AnalysisProject, value: Node): Node | undefined {
  const inner = initializerOf(project, peeled(value));
  if (!Node.isCallExpression(inner)) return undefined;
  let whole: Node = inner;
  for (;;) {
    const member = whole.getParent();
    const call = member?.getParent();
    if (!Node.isPropertyAccessExpression(member) || !Node.isCallExpression(call)) break;
    whole = call;
  }
  return MAKES.test(inner.getText().replace(/\s+/g, "")) ? whole : undefined;
}

type Answer = Node & { getParameters(): Node[]; getBody(): Node | undefined };

/** The functions that answer for a member: itself, or those that are given to the library that makes it. */
export function answersOf(project: AnalysisProject, value: Node): Answer[] {
  const inner = initializerOf(project, peeled(value));
  if (isAnswer(inner)) return [inner];
  const made = madeBy(project, value);
  const answers: Answer[] = [];
  for (let call = made; Node.isCallExpression(call); ) {
    for (const given of call.getArguments()) {
      const answer = initializerOf(project, peeled(given));
      if (isAnswer(answer)) answers.push(answer);
    }
    const callee: Node = call.getExpression();
    call = Node.isPropertyAccessExpression(callee) ? callee.getExpression() : undefined;
  }
  return answers;
}

/** What a name of the file stands for. */
function initializerOf(project: AnalysisProject, node: Node): Node {
  const declaration = Node.isIdentifier(node) ? project.declarationOf(node) : undefined;
  if (Node.isFunctionDeclaration(declaration)) return declaration;
  const initializer = Node.isVariableDeclaration(declaration) ? declaration.getInitializer() : undefined;
  return initializer ? peeled(initializer) : node;
}

function isAnswer(node: Node): node is Answer {
  return (
    Node.isArrowFunction(node) ||
    Node.isFunctionExpression(node) ||
    Node.isFunctionDeclaration(node) ||
    Node.isMethodDeclaration(node)
  );
}

/** Is a function one for a server: has it a call that it reads the request of, and writes to? */
export function answersCalls(answer: Node): boolean {
  if (!isAnswer(answer)) return false;
  const [first] = answer.getParameters();
  if (!Node.isParameterDeclaration(first)) return false;
  const name = first.getNameNode();
  if (Node.isObjectBindingPattern(name))
    return name
      .getElements()
      .some((each) => (each.getPropertyNameNode() ?? each.getNameNode()).getText() === "request");
  const text = answer.getBody()?.getText() ?? "";
  return (
    /^_*(?:call|ctx|context|stream)$/i.test(name.getText()) ||
    new RegExp(`\\b${first.getName()}\\.(?:request|write|sendMetadata)\\b`).test(text)
  );
}

/** Does a function call its last parameter, or hand it on? */
function answersBack(answer: Answer): boolean {
  if (isAsync(answer)) return false;
  const last = answer.getParameters().at(-1);
  const body = answer.getBody();
  if (!Node.isParameterDeclaration(last) || !body) return /\barguments\b/.test(body?.getText() ?? "");
  if (last.isRestParameter()) return true;
  const used = body
    .getDescendantsOfKind(SyntaxKind.Identifier)
    .filter((each) => each.getText() === last.getName())
    .map((each) => each.getParent());
  return used.some((parent) => Node.isCallExpression(parent) || Node.isBinaryExpression(parent));
}

/** Does a function give something that is no promise and no plain value? */
function givesStream(answer: Answer): boolean {
  const body = answer.getBody();
  if (!body || (isAsync(answer) && !/\byield\b/.test(body.getText()))) return false;
  const given = Node.isBlock(body)
    ? body.getDescendantsOfKind(SyntaxKind.ReturnStatement).flatMap((each) => each.getExpression() ?? [])
    : [body];
  return /\byield\b/.test(body.getText()) || given.some((each) => !isPlain(peeled(each)));
}

function isPlain(node: Node): boolean {
  return (
    Node.isArrayLiteralExpression(node) ||
    Node.isLiteralExpression(node) ||
    /^(?:Promise\.|new Promise\b)/.test(node.getText())
  );
}

function isAsync(answer: Answer): boolean {
  return "isAsync" in answer && (answer as Answer & { isAsync(): boolean }).isAsync();
}

/** Does the file let what has this name answer by promises? */
function isPromisedIn(made: Node, name: string): boolean {
  return new RegExp(`\\b${name}\\)?${PROMISES.source}`).test(made.getSourceFile().getFullText().replace(/\s+\./g, "."));
}
