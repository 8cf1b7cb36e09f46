import { Node } from "ts-morph";
import type { Kind } from "./message-kind.js";
import {
  functionAround,
  isAbsent,
  isAsync,
  isFunctionNode,
  isGenerator,
  isOperand,
  unwrapped,
} from "./message-syntax.js";
import { mayBePromise } from "./promised-messages.js";
import type { Proving } from "./proof.js";

/**
 * `return items.find(…)` of a handler: where nothing was found, proto-loader refused to encode it, and so does what stands in for
 * it now. False where the reply does not end the call.
 */
export function refusesMissing(p: Proving, given: Node, wanted: Kind): boolean {
  const handler = functionAround(given);
  const options = p.shape.madeOptions;
  if (options === undefined || wanted.kind !== "message" || wanted.desc.fields.length === 0) return false;
  if (!handler || !p.handlers.has(handler) || isGenerator(handler)) return false;
  const value = unwrapped(given);
  const isLater = mayBePromise(p, value);
  const isTried = given.getAncestors().some((node) => Node.isTryStatement(node) && functionAround(node) === handler);
  if (isLater && (!isFunctionNode(handler) || !isAsync(handler) || isTried || !isOperand(given))) return false;
  const make = { module: "@connect-migrate/runtime/grpc-js", name: "protoLoaderMessage" };
  const schema = p.generated(wanted.desc, "descriptor", given);
  if (isAbsent(value)) p.replace(value, make, "(", schema, `, ${value.getText()})`);
  else {
    const isAlone = given !== value || isOperand(value) || Node.isAwaitExpression(value);
    const [opening, closing] = isLater ? ["(await ", ")"] : isAlone ? ["", ""] : ["(", ")"];
    p.edit(given, given.getStart(), given.getStart(), [opening], "after");
    p.edit(given, given.getEnd(), given.getEnd(), [`${closing} ?? `, make, "(", schema, `, undefined)`], "before");
  }
  return true;
}
