import { type CallExpression, Node } from "ts-morph";
import type { NamedImport } from "../shared/with-imports.js";
import { functionLeftBy, withAssertions } from "./around-values.js";
import type { TextChange } from "./client-facts.js";
import type { Call, Service } from "./client-services.js";
import { asksAt } from "./client-stub-asks.js";
import type { RpcRef } from "./facts.js";
import { heldStub, isAnsweredFirst } from "./held-stubs.js";
import { iteratedOnly } from "./iterated-streams.js";
import { isNewPromise } from "./language.js";
import { calleeText } from "./places.js";
import type { AnalysisProject } from "./project.js";
import { answersChained, answersGiven, type StubAnswers, TO_CONNECT_ERROR } from "./stub-answers.js";
import { streamAsksAt, streamGiven, streamsChained } from "./stub-streams.js";

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
const IMPORT: NamedImport = { module: "@connect-migrate/runtime/grpc-js", name: TO_CONNECT_ERROR };

/** The stub that a mention of a client is an argument of; undefined where it is none that can be rewritten. */
export function stubAround(project: AnalysisProject, call: Node, service: string): Stub | undefined {
  if (!Node.isCallExpression(call) || !WATCHES.test(calleeText(call))) return undefined;
  if (!project.isSelected(call.getSourceFile().getFilePath())) return undefined;
  const [client, key, own, more] = call.getArguments();
  const name = key && project.constantOf(key);
  const desc = typeof name === "string" ? project.protos.methodByLegacyKey(service, name) : undefined;
  if (!client || !desc || more) return undefined;
  const rpc = project.protos.rpc(desc);
  if (rpc.localName !== name) return undefined;
  const said = answersOfStub(project, call, own, rpc);
  const held = said && heldStub(project, withAssertions(said.whole), rpc.kind);
  if (!said || !held) return undefined;
  // `sinon.stub(client, "getItem")` alone answers nothing at all.
  const isMute = said.count === 0 && /\.stub$/.test(call.getExpression().getText());
  if (isMute && !isAnsweredFirst(held)) return undefined;
  const changes = [said, ...held.answers].flatMap((each) => each.changes);
  return {
    node: call,
    rpc,
    answers: said.count > 0 || held.answers.length > 0,
    between: [...held.between, ...[said, ...held.answers].flatMap((each) => each.between)],
    changes: [...changes, ...held.changes],
    imports: importsOf(changes),
  };
}

/** What a stub says where it is made; `own`: the function that it is given there. */
function answersOfStub(
  project: AnalysisProject,
  stub: Node,
  own: Node | undefined,
  { kind }: RpcRef,
): StubAnswers | undefined {
  if (kind === "unary") return own ? answersGiven(project, stub, [own]) : answersChained(project, stub);
  if (kind !== "server_streaming") return undefined;
  if (!own) return streamsChained(project, stub);
  return streamGiven(project, own) ? { whole: stub, count: 1, isLasting: true, changes: [], between: [] } : undefined;
}

/** `expect(client.getItem).toHaveBeenCalledWith(…)`, `client.getItem.mockImplementation(…)`: what a test asks of a stub, or tells it, by the name of the method. */
export function askedMethod(project: AnalysisProject, access: Node, rpc: RpcRef): Stub | undefined {
  if (!project.isSelected(access.getSourceFile().getFilePath())) return undefined;
  const node = access as CallExpression;
  const asks = rpc.kind === "unary" ? asksAt(access) : streamAsksAt(access);
  if (asks) return { node, rpc, answers: false, ...asks, imports: [] };
  const said = answersOfStub(project, withAssertions(access), undefined, rpc);
  if (!said || said.count === 0 || !Node.isExpressionStatement(said.whole.getParent())) return undefined;
  return { node, rpc, answers: true, between: said.between, changes: said.changes, imports: importsOf(said.changes) };
}

function importsOf(changes: readonly TextChange[]): readonly NamedImport[] {
  return changes.some((change) => change.text.includes(TO_CONNECT_ERROR)) ? [IMPORT] : [];
}

/** Why the answers of a stub would come at another time than before, or why its calls are not those that the test asks for. */
export function stubObstacle(project: AnalysisProject, service: Service, stub: Stub): string | undefined {
  const calls = service.calls.filter((call) => mayAsk(call, stub));
  const other = calls.find((call) => stub.between.some((count) => !hasBetween(call, count)));
  if (other) return `a test asks with which arguments ${stub.rpc.method} was called, and that changes`;
  if (!stub.answers) return undefined;
  if (stub.rpc.kind !== "unary") {
    const heard = calls.find((call) => call.form !== "client" || !iteratedOnly(project, call.node));
    return heard && `a test gives the stream of ${stub.rpc.method}, which is more than iterated`;
  }
  const early = calls.find((call) => !isPromised(call));
  return early && `a test answers ${stub.rpc.method} at once, and nothing waits for the call`;
}

/** Is a call, or may it be where its method is chosen when the program runs, one of the method that a stub stands for? */
export function mayAsk({ rpc }: Pick<Call, "rpc">, stub: Stub): boolean {
  return rpc.method === stub.rpc.method || rpc.method === "*";
}

/** Whoever wants the answer of the call has a promise of it already. */
function isPromised({ node, form }: Call): boolean {
  if (form === "promisified") return true;
  const made = functionLeftBy(node)?.getParent();
  return isNewPromise(made);
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
