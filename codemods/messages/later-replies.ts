import { type CallExpression, Node } from "ts-morph";
import { isNewPromise } from "../analysis/language.js";
import type { AnalysisProject } from "../analysis/project.js";
import { followUse, type KeepsOutputs } from "./kept-outputs.js";
import type { Kind } from "./message-kind.js";
import type { Start } from "./message-roots.js";
import { isFunctionNode, unwrapped } from "./message-syntax.js";
import type { Proving } from "./proof.js";

type Sends = Pick<Start, "project" | "sends" | "block" | "retype">;
type Pushes = Sends & KeepsOutputs;

/** `new Promise((resolve, reject) => …)`: whatever `resolve` gets is the value. False for anything else. */
export function settledBy(p: Sends, expression: Node, wanted: Kind): boolean {
  if (!isNewPromise(expression)) return false;
  const [type] = expression.getTypeArguments();
  if (type && !p.retype(type, expression, "a type argument names the old message", wanted)) return true;
  const name = firstParameter(expression.getArguments()[0]);
  if (!name) p.block(expression, "a promise whose value cannot be seen");
  else
    for (const use of usesOf(p, name)) {
      const call = use.getParent();
      const [value] = Node.isCallExpression(call) && call.getExpression() === use ? call.getArguments() : [];
      if (value) p.sends(value, wanted);
      else p.block(use, "what settles a promise is handed on, or gets no reply");
    }
  return true;
}

/** `resolve(message)` in a promise that is written out: the promise holds the message. False for anything else. */
export function settles(p: Proving, call: CallExpression, kind: Kind): boolean {
  const callee = call.getExpression();
  const declaration = Node.isIdentifier(callee) ? p.project.declarationOf(callee) : undefined;
  const executor = Node.isParameterDeclaration(declaration) ? declaration.getParent() : undefined;
  const promise = executor?.getParent();
  if (!executor || !isNewPromise(promise)) return false;
  const name = promise.getArguments()[0] === executor ? firstParameter(executor) : undefined;
  if (!name || !Node.isParameterDeclaration(declaration) || name !== declaration.getNameNode()) return false;
  const [type] = promise.getTypeArguments();
  if (type && !p.retype(type, promise, "a type argument names the old message", kind)) return true;
  for (const use of usesOf(p, name)) {
    const other = use.getParent();
    const [value] = Node.isCallExpression(other) && other.getExpression() === use ? other.getArguments() : [];
    if (value) p.sink(value, kind);
    else p.block(use, "what settles a promise is handed on, or gets no reply");
  }
  p.flow(promise, kind);
  return true;
}

/** What a promise that is written out gives; undefined for any other expression. */
export function valuesOfPromise(project: AnalysisProject, promise: Node): Node[] | undefined {
  const name = isNewPromise(promise) ? firstParameter(promise.getArguments()[0]) : undefined;
  return (
    name &&
    project.referencesTo(name).flatMap((use) => {
      const call = use.getParent();
      return Node.isCallExpression(call) && call.getExpression() === use ? call.getArguments() : [];
    })
  );
}

/** `createPushStream((output) => …)`: whatever is written to `output` is sent. False for anything else. */
export function pushedBy(p: Pushes, given: Node, wanted: Kind): boolean {
  const expression = unwrapped(given);
  if (!Node.isCallExpression(expression) || expression.getExpression().getText() !== "createPushStream") return false;
  const [type] = expression.getTypeArguments();
  if (type && !p.retype(type, expression, "a type argument names the old message", wanted)) return true;
  const name = firstParameter(expression.getArguments()[0]);
  if (!name) p.block(expression, "a stream whose messages cannot be seen");
  else
    for (const use of usesOf(p, name)) {
      const access = use.getParent();
      const call = access?.getParent();
      const isCall =
        Node.isPropertyAccessExpression(access) && Node.isCallExpression(call) && call.getExpression() === access;
      const [value] = isCall ? call.getArguments() : [];
      if (isCall && access.getName() === "write" && value) p.sends(value, wanted);
      else if (!isCall || !/^(end|fail)$/.test(access.getName())) followUse(p, use, wanted);
      // What is kept elsewhere is what stands here.
      p.outputs.known.add(use);
    }
  return true;
}

/** The name of the first parameter of a function that is written out. */
function firstParameter(start: Node | undefined): Node | undefined {
  const parameter = start && isFunctionNode(start) ? start.getParameters()[0] : undefined;
  const name = parameter?.getNameNode();
  return Node.isIdentifier(name) && !parameter?.getTypeNode() ? name : undefined;
}

function usesOf(p: Sends, name: Node): Node[] {
  return p.project.referencesTo(name).filter((use) => use !== name);
}
