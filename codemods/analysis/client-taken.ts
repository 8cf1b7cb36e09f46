import { Node, type ParameterDeclaration } from "ts-morph";
import { peeled, withAssertions } from "./around-values.js";
import type { TextChange } from "./client-facts.js";
import { promisedType } from "./client-interfaces.js";
import { leaksByName } from "./client-leaks.js";
import { parameterOf } from "./client-parameters.js";
import { promisifiedAround } from "./client-promisified.js";
import type { RpcRef } from "./facts.js";
import type { AnalysisProject } from "./project.js";

/** A method of a client that is taken as a function: what stands for it, and how it is called from then on. */
export interface TakenMethod {
  readonly whole: Node;
  /** Like the method itself, or with a promise of its reply. */
  readonly form: "client" | "promisified";
  /** How many arguments it takes, where that is less than the method does. */
  readonly arity: number | undefined;
}

/** `promisify(client.m.bind(client))` with its variants, and `client.m.bind(client)`. */
export function takenAround(project: AnalysisProject, access: Node): TakenMethod | undefined {
  const promisified = promisifiedAround(project, access);
  const whole = boundAround(access);
  // A function of the project that gets nothing but methods changes itself.
  const call = whole?.getParent();
  const taker = promisified?.arity !== undefined && Node.isCallExpression(call) && parameterOf(project, call, 0);
  const isChanged = taker && typeof takenParameter(project, taker) !== "string";
  if (promisified && !isChanged) return { ...promisified, form: "promisified" };
  return whole && { whole, form: "client", arity: undefined };
}

/** `client.m.bind(client)`: without `bind`, or bound to another thing, grpc-js's methods throw. */
function boundAround(access: Node): Node | undefined {
  const value = withAssertions(access);
  const bind = value.getParent();
  const call = bind?.getParent();
  if (!Node.isPropertyAccessExpression(access) || !Node.isPropertyAccessExpression(bind) || bind.getName() !== "bind")
    return undefined;
  if (!Node.isCallExpression(call) || call.getExpression() !== bind) return undefined;
  const [self, more] = call.getArguments();
  const isSelf = self && !more && peeled(self).getText() === peeled(access.getExpression()).getText();
  return isSelf && /^[\w$.#]+$/.test(self.getText()) ? withAssertions(call) : undefined;
}

/** A parameter for which all callers pass a unary method of a client, and which is only called. */
export interface TakenParameter {
  readonly calls: readonly Node[];
  /** The method, or what stands for any. */
  readonly rpc: RpcRef;
  /** Its type, where one is written. */
  readonly changes: readonly TextChange[];
  readonly declaration: ParameterDeclaration;
}

/** What is done with a parameter that is given methods of clients; or why it is not known. */
export function takenParameter(project: AnalysisProject, declaration: Node | undefined): TakenParameter | string {
  if (!Node.isParameterDeclaration(declaration)) return "it is not known what takes it";
  const name = declaration.getNameNode();
  const owner = declaration.getParent();
  if (!Node.isIdentifier(name) || declaration.hasInitializer() || declaration.isParameterProperty())
    return `it is not known what ${declaration.getName()} is`;
  if (Node.isMethodDeclaration(owner) && leaksByName(project, owner.getName()))
    return `${owner.getName()} may be called elsewhere`;
  const passed = project.valuesPassed(declaration);
  const methods = passed?.map((value) => value && unaryMethod(project, value));
  const [first] = methods ?? [];
  if (!first || !methods?.every((each) => each !== undefined)) return `${declaration.getName()} may be something else`;
  const isOne = methods.every((each) => each?.service === first.service && each.method === first.method);
  const rpc = isOne ? first : { ...first, method: "*", localName: "*", input: "", output: "" };
  const calls: Node[] = [];
  for (const reference of project.referencesTo(name)) {
    const call = reference.getParent();
    if (reference === name) continue;
    if (!Node.isCallExpression(call) || call.getExpression() !== reference)
      return `${declaration.getName()} is used for more than calls`;
    calls.push(call);
  }
  const type = declaration.getTypeNode();
  const changes = !type || /^(any|Function)$/.test(type.getText()) ? [] : promisedType(type, rpc);
  if (!changes || !project.isSelected(declaration.getSourceFile().getFilePath()))
    return `the type of ${declaration.getName()} is written out`;
  return { calls, rpc, changes, declaration };
}

/** The method that `client.m.bind(client)` is. */
function unaryMethod(project: AnalysisProject, value: Node): RpcRef | undefined {
  const bound = peeled(value);
  const bind = Node.isCallExpression(bound) ? bound.getExpression() : undefined;
  const access = Node.isPropertyAccessExpression(bind) ? peeled(bind.getExpression()) : undefined;
  if (!Node.isPropertyAccessExpression(access) || boundAround(access) !== withAssertions(bound)) return undefined;
  const origin = project.originOf(access.getExpression());
  const method =
    origin.kind === "client" && origin.service !== ""
      ? project.protos.methodByLegacyKey(origin.service, access.getName())
      : undefined;
  const rpc = method && project.protos.rpc(method);
  return rpc?.kind === "unary" ? rpc : undefined;
}
