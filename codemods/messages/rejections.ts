import { Node } from "ts-morph";
import { nameOfFunction } from "./message-syntax.js";
import type { Proving } from "./proof.js";

/** `promise` of `promise.then(…, callback)` and of `promise.then(…).catch(callback)`: all that the callback gets is the reason. */
export function rejectsTo(callback: Node): Node | undefined {
  const call = callback.getParent();
  if (!Node.isCallExpression(call)) return undefined;
  const access = call.getExpression();
  if (!Node.isPropertyAccessExpression(access)) return undefined;
  const index = call.getArguments().indexOf(callback);
  const isSpread = call.getArguments().some((one) => Node.isSpreadElement(one));
  if (isSpread || !(access.getName() === "then" ? index === 1 : access.getName() === "catch" && index === 0))
    return undefined;
  return Node.isExpressionStatement(call.getParent()) ? startOf(access.getExpression()) : undefined;
}

/** `promise` of `promise.then(…).finally(…)`, which is a promise as well. */
function startOf(chain: Node): Node {
  const access = Node.isCallExpression(chain) ? chain.getExpression() : undefined;
  const isStep = Node.isPropertyAccessExpression(access) && /^(then|catch|finally)$/.test(access.getName());
  return isStep ? startOf(access.getExpression()) : chain;
}

/** What the calls of a function pass for a parameter, if all else that gets the function are rejected calls of a client. */
export function valuesBesideRejections(p: Proving, owner: Node, index: number): (Node | undefined)[] | undefined {
  const name = nameOfFunction(owner);
  if (!name || index < 1) return undefined;
  const values: (Node | undefined)[] = [];
  for (const use of p.project.referencesTo(name)) {
    if (use === name) continue;
    const call = use.getParent();
    const promise = rejectsTo(use);
    if (Node.isCallExpression(call) && call.getExpression() === use) {
      if (call.getArguments().some((one) => Node.isSpreadElement(one))) return undefined;
      values.push(call.getArguments()[index]);
    } else if (!promise || !p.received.has(promise)) return undefined;
  }
  return values;
}
