import { type ArrowFunction, type CallExpression, type FunctionExpression, Node, SyntaxKind } from "ts-morph";
import type { NamedImport } from "../shared/with-imports.js";
import { functionLeftBy, isNothing, peeled } from "./around-values.js";
import type { TextChange } from "./client-facts.js";
import type { Call, Service } from "./client-services.js";
import { asksAt, asksOf, type StubAsks } from "./client-stub-asks.js";
import type { RpcRef } from "./facts.js";
import { isTypeScript } from "./language.js";
import type { AnalysisProject } from "./project.js";

/** A function of a test that answers in the place of a client's method, and what it becomes for a client of promises. */
export interface Stub {
  /** `mock.method(client, "getItem", …)` or `jest.spyOn(client, "getItem")`. */
  readonly node: CallExpression;
  readonly rpc: RpcRef;
  /** Does it answer? Otherwise it only watches. */
  readonly answers: boolean;
  /** How many arguments the test's assertions name between the request and the callback. */
  readonly between: readonly number[];
  readonly changes: readonly TextChange[];
  readonly imports: readonly NamedImport[];
}

const WATCHES = /^(?:(?:jest|vi|vitest)\.spyOn|(?:sinon|sandbox)\.(?:stub|spy)|(?:t\.|ctx\.|context\.)?mock\.method)$/;
const ANSWERS = /^(?:mockImplementation(?:Once)?|callsFake)$/;
const YIELDS = /^(?:yields|callsArgWith)$/;
const TO_CONNECT_ERROR: NamedImport = { module: "@connect-migrate/runtime/grpc-js", name: "toConnectError" };

/** The stub that a mention of a client is an argument of; undefined where it is none that can be rewritten. */
export function stubAround(project: AnalysisProject, call: Node, service: string): Stub | undefined {
  if (!Node.isCallExpression(call) || !WATCHES.test(call.getExpression().getText())) return undefined;
  if (!project.isSelected(call.getSourceFile().getFilePath())) return undefined;
  const [client, key, own, more] = call.getArguments();
  const name = key && project.constantOf(key);
  const desc = typeof name === "string" ? project.protos.methodByLegacyKey(service, name) : undefined;
  if (!client || !desc || more) return undefined;
  const rpc = project.protos.rpc(desc);
  if (rpc.kind !== "unary" || rpc.localName !== name) return undefined;
  let whole: Node = call;
  const answers: Node[] = own ? [own] : [];
  const yields: StubAsks[] = [];
  for (;;) {
    const member = whole.getParent();
    const chained = member?.getParent();
    if (own || !Node.isPropertyAccessExpression(member) || !Node.isCallExpression(chained)) break;
    if (chained.getExpression() !== member) break;
    const given = chained.getArguments();
    whole = chained;
    if (YIELDS.test(member.getName())) {
      const settled = changesOfYield(project, member.getNameNode(), chained);
      if (!settled) return undefined;
      yields.push(settled);
      continue;
    }
    if (!ANSWERS.test(member.getName()) || given.length !== 1) return undefined;
    answers.push(...given);
  }
  // `sinon.stub(client, "getItem")` alone answers nothing at all.
  if (answers.length + yields.length === 0 && /\.stub$/.test(call.getExpression().getText())) return undefined;
  const asks = asksAround(project, whole);
  if (!asks) return undefined;
  const changes = yields.flatMap((each) => each.changes);
  for (const given of answers) {
    const answer = peeled(given);
    if (!Node.isArrowFunction(answer) && !Node.isFunctionExpression(answer)) return undefined;
    const own = changesOf(project, answer);
    if (!own) return undefined;
    changes.push(...own);
  }
  const throws = changes.some((change) => change.text.includes(TO_CONNECT_ERROR.name));
  return {
    node: call,
    rpc,
    answers: answers.length + yields.length > 0,
    between: [...asks.between, ...yields.flatMap((each) => each.between)],
    changes: [...changes, ...asks.changes],
    imports: throws ? [TO_CONNECT_ERROR] : [],
  };
}

/** `expect(client.getItem).toHaveBeenCalledWith(…)`: what a test asks of a stub by the name of the method. */
export function askedMethod(project: AnalysisProject, access: Node, rpc: RpcRef): Stub | undefined {
  const asks = project.isSelected(access.getSourceFile().getFilePath()) ? asksAt(access) : undefined;
  return asks && { node: access as CallExpression, rpc, answers: false, ...asks, imports: [] };
}

/** Why the answers of a stub would come at another time than before, or why its calls are not those that the test asks for. */
export function stubObstacle(service: Service, stub: Stub): string | undefined {
  const other = service.calls.find(
    (call) => call.rpc.method === stub.rpc.method && stub.between.some((count) => !hasBetween(call, count)),
  );
  if (other) return `a test asks with which arguments ${stub.rpc.method} was called, and that changes`;
  if (!stub.answers) return undefined;
  const early = service.calls.find((call) => call.rpc.method === stub.rpc.method && !isPromised(call));
  return early && `a test answers ${stub.rpc.method} at once, and nothing waits for the call`;
}

/** Whoever wants the answer of the call has a promise of it already. */
function isPromised({ node, form }: Call): boolean {
  if (form === "promisified") return true;
  const made = functionLeftBy(node)?.getParent();
  return Node.isNewExpression(made) && made.getExpression().getText() === "Promise";
}

/** Are there so many arguments between the request and the callback, as many as there will be behind the request? */
function hasBetween({ node, form }: Call, count: number): boolean {
  if (!Node.isCallExpression(node) || node.getArguments().some((each) => Node.isSpreadElement(each))) return false;
  const between = node.getArguments().slice(1, form === "promisified" ? undefined : -1);
  return (
    between.length === count &&
    count < 2 &&
    between.every((each) => Node.isObjectLiteralExpression(each) && each.getProperties().length > 0)
  );
}

/** What is asked of what the library gives for the stub. */
function asksAround(project: AnalysisProject, whole: Node): StubAsks | undefined {
  const parent = whole.getParent();
  if (!parent || Node.isExpressionStatement(parent)) return { changes: [], between: [] };
  return Node.isVariableDeclaration(parent) ? asksOf(project, parent.getNameNode()) : undefined;
}

type Answer = ArrowFunction | FunctionExpression;

/** `(request, callback) => callback(null, reply)` -> `async (request) => reply`, as changes of text. */
function changesOf(project: AnalysisProject, answer: Answer): TextChange[] | undefined {
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
  if (!calls.some((call) => call.getParent() === answer || call.getParent()?.getParent() === body)) return undefined;
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
  const how = isReply ? "reply" : errorKind(project, error);
  if (!value || !how || (!isReply && reply && !isNothing(reply))) return undefined;
  const [open, close] = how === "service-error" ? [`${TO_CONNECT_ERROR.name}(`, ")"] : ["", ""];
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
  const how = isReply ? "reply" : errorKind(project, error);
  if (!how) return undefined;
  const [before, after] = how === "service-error" ? [`throw ${TO_CONNECT_ERROR.name}(`, ")"] : ["throw ", ""];
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

/** Does nothing come after a statement? A last `return {} as ClientUnaryCall`, which only types ask for, is given back. */
function isLast(answer: Answer, statement: Node): Node[] | undefined {
  let node: Node = statement;
  const rest: Node[] = [];
  for (;;) {
    const block = node.getParent();
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

/** An error with a code, whose text nobody reads, or one that is no answer of a server. */
function errorKind(project: AnalysisProject, error: Node): "service-error" | "other" | undefined {
  const value = peeled(error);
  if (Node.isNewExpression(value) && value.getExpression().getText() === "Error") return "other";
  const properties = Node.isObjectLiteralExpression(value)
    ? value
    : Node.isCallExpression(value) && value.getExpression().getText() === "Object.assign"
      ? value.getArguments()[1]
      : undefined;
  if (!properties || !Node.isObjectLiteralExpression(properties)) return undefined;
  const names = properties.getProperties().map((each) => (Node.isPropertyAssignment(each) ? each.getName() : ""));
  if (names.some((name) => !/^(?:code|details|message|name)$/.test(name)) || !names.includes("code")) return undefined;
  // The text of an error is another one now, and there is always one.
  if (/\bmessage\b|\btoThrow\w*\([^)]|\brejects\([^)]*\/|\bthrows\(/.test(error.getSourceFile().getFullText()))
    return undefined;
  if (!names.includes("details") && project.files.some((file) => /\.details\b/.test(file.getFullText())))
    return undefined;
  return "service-error";
}
