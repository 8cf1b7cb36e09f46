import { Node } from "ts-morph";
import { isConstant } from "./message-syntax.js";
import type { Proving } from "./proof.js";

/** The text of `a?.list[0]?.b`, with the names that it will have, which gives the same when it is asked again; undefined for anything else. */
export function optionalChainText(p: Proving, node: Node): string | undefined {
  return textOf(p, node, true);
}

/** The same where nothing in it is absent: `a.list[0].b`. */
export function certainChainText(p: Proving, node: Node): string | undefined {
  return textOf(p, node, false);
}

function textOf(p: Proving, node: Node, isOptional: boolean): string | undefined {
  const chain = p.chainText(node);
  if (chain !== undefined) return chain;
  if (Node.isElementAccessExpression(node)) {
    const key = node.getArgumentExpression();
    const list = textOf(p, node.getExpression(), isOptional);
    if (list === undefined || !key || !isRepeatable(p, key)) return undefined;
    return `${list}${isOptional && node.hasQuestionDotToken() ? "?." : ""}[${key.getText()}]`;
  }
  if (!Node.isPropertyAccessExpression(node)) return undefined;
  const object = textOf(p, node.getExpression(), isOptional);
  if (object === undefined) return undefined;
  const dot = isOptional && node.hasQuestionDotToken() ? "?." : ".";
  const kind = p.kinds.get(node.getExpression());
  if (kind?.kind !== "message") return p.kinds.has(node) ? undefined : `${object}${dot}${node.getName()}`;
  const field = p.fieldBy(kind.desc, node.getName());
  return field && !field.oneof ? `${object}${dot}${field.localName}` : undefined;
}

/** A key that is written out, or a constant. */
function isRepeatable(p: Proving, key: Node): boolean {
  if (Node.isNumericLiteral(key) || Node.isStringLiteral(key)) return true;
  const declaration = Node.isIdentifier(key) ? p.project.declarationOf(key) : undefined;
  return isConstant(declaration);
}
