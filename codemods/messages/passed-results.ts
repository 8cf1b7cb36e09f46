import { type CallExpression, Node } from "ts-morph";
import type { AnalysisProject } from "../analysis/project.js";
import {
  functionAround,
  innerOf,
  isAbsent,
  isAssignmentTarget,
  isFunctionNode,
  isGenerator,
  mayGiveNothing,
  parametersOf,
  resultsOf,
  resultType,
} from "./message-syntax.js";

/** What a call gives that only passes the result of a function on. */
export interface Passed {
  /** The function that is written out at the call. */
  readonly callback: Node;
  readonly results: readonly Node[];
  /** Can it be undefined or null although the function gives something, or does the function give nothing itself? */
  readonly mayBeNothing: boolean;
}

/** `withRetry(() => client.get(request))`, where withRetry gives what its parameter gives, and does nothing else with it. */
export function passedBy(project: AnalysisProject, call: Node): Passed | undefined {
  if (!Node.isCallExpression(call)) return undefined;
  const given = call.getArguments();
  const [callback, more] = given.filter(isFunctionNode);
  if (!callback || more || isGenerator(callback) || given.some((one) => Node.isSpreadElement(one))) return undefined;
  const origin = project.originOf(call.getExpression());
  if (origin.kind !== "function" || !isFunctionNode(origin.node) || isGenerator(origin.node)) return undefined;
  if (!isTypedByCall(origin.node) || call.getTypeArguments().length > 1) return undefined;
  const passing = passesOn(project, origin.node, given.indexOf(callback));
  return (
    passing && {
      callback,
      results: resultsOf(callback),
      mayBeNothing: passing.mayBeNothing || mayGiveNothing(callback),
    }
  );
}

/** The call that a function which is written out is given to, if that gives what the function gives. */
export function passerOf(project: AnalysisProject, callback: Node): CallExpression | undefined {
  const call = callback.getParent();
  return Node.isCallExpression(call) && passedBy(project, call)?.callback === callback ? call : undefined;
}

/** Is the type of a result one that each call brings along, `Promise<T>`, or none that is written? */
function isTypedByCall(owner: Node): boolean {
  const type = resultType(owner)?.getText();
  const own = Node.isTypeParametered(owner) ? owner.getTypeParameters().map((one) => one.getName()) : [];
  return type === undefined || own.some((name) => new RegExp(`\\b${name}\\b`).test(type));
}

/** Does a function give what its parameter of this index gives, and nothing else but undefined or null? */
function passesOn(project: AnalysisProject, owner: Node, index: number): { mayBeNothing: boolean } | undefined {
  const parameter = parametersOf(owner)[index];
  const name = parameter?.getNameNode();
  if (!parameter || !Node.isIdentifier(name) || parameter.isRestParameter() || parameter.getInitializer())
    return undefined;
  if (/\barguments\b/.test(owner.getText())) return undefined;
  /** Calls of the parameter, and uses of variables with their result, that nobody sees but who gets the outcome. */
  const accepted = new Set<Node>();
  const held = new Set<Node>();
  let mayBeNothing = false;
  const givesOutcome = (given: Node): boolean => {
    let value = given;
    for (let inner = innerOf(value); inner; inner = innerOf(value)) value = inner;
    if (isAbsent(value)) {
      mayBeNothing = true;
      return true;
    }
    if (Node.isIdentifier(value)) return isOutcomeIn(value);
    if (!Node.isCallExpression(value)) return false;
    const callee = value.getExpression();
    if (Node.isIdentifier(callee) && project.declarationOf(callee) === parameter) return accept(callee);
    const again = value.getArguments()[index];
    const origin = project.originOf(callee);
    if (origin.kind === "function" && origin.node === owner)
      return Node.isIdentifier(again) && project.declarationOf(again) === parameter && accept(again);
    if (!Node.isPropertyAccessExpression(callee)) return false;
    const [handler] = value.getArguments();
    if (callee.getName() === "finally") return givesOutcome(callee.getExpression());
    if (callee.getName() !== "catch" || !handler || !isFunctionNode(handler) || isGenerator(handler)) return false;
    mayBeNothing ||= mayGiveNothing(handler);
    return givesOutcome(callee.getExpression()) && resultsOf(handler).every(givesOutcome);
  };
  const accept = (use: Node): true => {
    accepted.add(use);
    return true;
  };
  /** `const outcome = await run();` */
  const isOutcomeIn = (use: Node): boolean => {
    const declaration = project.declarationOf(use);
    if (!Node.isVariableDeclaration(declaration) || functionAround(declaration) !== owner) return false;
    const made = declaration.getInitializer();
    if (declaration.getVariableStatement()?.getDeclarationKind() !== "const" || !made) return false;
    held.add(declaration.getNameNode());
    accept(use);
    return givesOutcome(made);
  };
  const results = resultsOf(owner);
  if (!results.every(givesOutcome) || accepted.size === 0) return undefined;
  const isSeen = (holder: Node) =>
    project.referencesTo(holder).some((use) => use !== holder && (isAssignmentTarget(use) || !accepted.has(use)));
  if (isSeen(name) || [...held].some(isSeen)) return undefined;
  return { mayBeNothing: mayBeNothing || mayGiveNothing(owner) };
}
