import type { DescMessage } from "@bufbuild/protobuf";
import { Node, type SourceFile } from "ts-morph";
import { onlyResult } from "../analysis/function-bodies.js";
import type { Origin } from "../analysis/origin.js";
import type { AnalysisProject } from "../analysis/project.js";
import { isAbsent, isFunctionNode, parametersOf, unquoted, unwrapped, valueOfProperty } from "./message-syntax.js";
import { staticNameOf } from "./protobufjs-generated.js";

/** What the parameters around an expression hold: what a call passes for them. */
type Scope = ReadonlyMap<Node, Bound>;
interface Bound {
  readonly node: Node;
  readonly scope: Scope;
}

const EMPTY: Scope = new Map();

/**
 * The static module of pbjs whose classes a service definition writes and reads its messages with: `T.encode(message).finish()`
 * and `T.decode(bytes)` for each method, with nothing around but a Buffer. Undefined where that is not proved.
 */
export function staticModuleBehind(
  project: AnalysisProject,
  definition: Origin & { kind: "service-definition" },
): SourceFile | undefined {
  // Without Long, 64-bit fields are numbers.
  if (project.files.some((each) => /\butil\.Long\s*=(?!=)/.test(each.getFullText()))) return undefined;
  const service = project.protos.service(definition.service);
  const holder = definition.definition ?? undefined;
  const value =
    Node.isVariableDeclaration(holder) || Node.isPropertyDeclaration(holder) ? holder.getInitializer() : holder;
  const literal = value && unwrapped(value);
  if (!service || !Node.isObjectLiteralExpression(literal)) return undefined;
  const files = new Set<SourceFile | undefined>();
  for (const property of literal.getProperties()) {
    if (!Node.isPropertyAssignment(property)) return undefined;
    const key = unquoted(property.getName());
    const method = project.protos.methodByLegacyKey(service, key);
    const given = property.getInitializer();
    const made = given && literalOf(project, { node: given, scope: EMPTY });
    if (!method || !made) return undefined;
    for (const [name, desc] of [
      ["requestSerialize", method.input],
      ["requestDeserialize", method.input],
      ["responseSerialize", method.output],
      ["responseDeserialize", method.output],
    ] as const) {
      const isSerialize = name.endsWith("Serialize");
      files.add(codecFile(project, made, name, desc, isSerialize ? "encode" : "decode"));
    }
  }
  const [file] = files;
  return files.size === 1 ? file : undefined;
}

/** The object literal that an expression is, or that the function returns which it calls. */
function literalOf(project: AnalysisProject, given: Bound): Bound | undefined {
  const found = called(project, given) ?? given;
  const node = unwrapped(found.node);
  return Node.isObjectLiteralExpression(node) ? { node, scope: found.scope } : undefined;
}

/** The file of the class whose function stands behind a property of a method's definition. */
function codecFile(
  project: AnalysisProject,
  method: Bound,
  name: string,
  desc: DescMessage,
  does: "encode" | "decode",
): SourceFile | undefined {
  const property = Node.isObjectLiteralExpression(method.node) ? method.node.getProperty(name) : undefined;
  const value = valueOfProperty(property);
  const codec = Node.isMethodDeclaration(property)
    ? { node: property, scope: method.scope }
    : value && functionOf(project, { node: value, scope: method.scope });
  const [parameter, more] = codec ? parametersOf(codec.node) : [];
  const result = codec && onlyResult(codec.node);
  if (!codec || !parameter || more || !result) return undefined;
  const call = does === "encode" ? encodeCall(withoutBuffer(result)) : withoutBuffer(result);
  if (!Node.isCallExpression(call)) return undefined;
  const callee = call.getExpression();
  const [argument, second] = call.getArguments();
  if (!Node.isPropertyAccessExpression(callee) || callee.getName() !== does || !argument || second) return undefined;
  const taken = does === "decode" ? withoutBuffer(argument) : argument;
  if (!Node.isIdentifier(taken) || project.declarationOf(taken) !== parameter) return undefined;
  const type = boundTo(project, { node: callee.getExpression(), scope: codec.scope });
  const found = staticNameOf(project, type.node);
  return found?.kind === "message" && found.desc.typeName === desc.typeName ? found.file : undefined;
}

/** `T.encode(message)` of `T.encode(message).finish()`. */
function encodeCall(finish: Node): Node | undefined {
  if (!Node.isCallExpression(finish) || finish.getArguments().length > 0) return undefined;
  const callee = finish.getExpression();
  return Node.isPropertyAccessExpression(callee) && callee.getName() === "finish" ? callee.getExpression() : undefined;
}

/** `Buffer.from(x)` and `new Uint8Array(x)` are x. */
function withoutBuffer(given: Node): Node {
  const node = unwrapped(given);
  const isBuffer = Node.isCallExpression(node) && node.getExpression().getText() === "Buffer.from";
  const isCopy = Node.isNewExpression(node) && node.getExpression().getText() === "Uint8Array";
  if (!isBuffer && !isCopy) return node;
  const [inner, more] = node.getArguments();
  return inner && !more ? unwrapped(inner) : node;
}

/** What a name that is a parameter stands for, in this call. */
function boundTo(project: AnalysisProject, { node, scope }: Bound): Bound {
  const bound = Node.isIdentifier(node) ? scope.get(project.declarationOf(node) ?? node) : undefined;
  return bound ? boundTo(project, bound) : { node, scope };
}

/** The function that an expression is, also one that a function makes. */
function functionOf(project: AnalysisProject, given: Bound, depth = 0): Bound | undefined {
  const { node, scope } = boundTo(project, given);
  const value = unwrapped(node);
  if (isFunctionNode(value)) return { node: value, scope };
  if (depth > 4) return undefined;
  const result = called(project, { node: value, scope });
  if (result) return functionOf(project, result, depth + 1);
  const origin = Node.isIdentifier(value) ? project.originOf(value) : undefined;
  return origin?.kind === "function" ? { node: origin.node, scope } : undefined;
}

/** What a call gives of a function that does nothing but return it. */
function called(project: AnalysisProject, given: Bound): Bound | undefined {
  const call = unwrapped(given.node);
  if (!Node.isCallExpression(call)) return undefined;
  const owner = functionOf(project, { node: call.getExpression(), scope: given.scope });
  const result = owner && onlyResult(owner.node);
  if (!owner || !result) return undefined;
  const scope = new Map(owner.scope);
  const parameters = parametersOf(owner.node);
  if (parameters.some((each) => each.isRestParameter())) return undefined;
  for (const [index, parameter] of parameters.entries()) {
    const argument = call.getArguments()[index];
    if (argument && Node.isSpreadElement(argument)) return undefined;
    const otherwise = parameter.getInitializer();
    if (!argument && !otherwise) return undefined;
    // What is given may be undefined: then it is the default.
    if (!argument || (otherwise && isAbsent(unwrapped(argument)))) continue;
    scope.set(parameter, { node: argument, scope: given.scope });
  }
  return { node: result, scope };
}
