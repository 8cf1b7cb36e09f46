import { type DescField, ScalarType } from "@bufbuild/protobuf";
import { Node } from "ts-morph";
import type { Kind } from "./message-kind.js";
import { isAssignmentTarget, isFunctionNode } from "./message-syntax.js";
import type { Proving } from "./proof.js";

/**
 * `[...message.map]`, `Array.from(message.map.keys())`: `Object.entries(message.map)`, where nothing depends on the order of
 * the entries: they are sorted, counted or asked about. False where that is not so.
 */
export function followEntries(p: Proving, map: Node, field: DescField, of: Kind): boolean {
  const access = map.getParent();
  const isMethod = Node.isPropertyAccessExpression(access) && access.getExpression() === map;
  const call = isMethod ? access.getParent() : undefined;
  if (isMethod && (!Node.isCallExpression(call) || call.getArguments().length > 0)) return false;
  const name = isMethod ? access.getName() : "entries";
  const list = listOf(call ?? map);
  // Keys that are numbers are texts in an object.
  const isKnown = name === "values" || (field.fieldKind === "map" && field.mapKey === ScalarType.STRING);
  const isSame = name === "keys" || (of.kind === "value" && /^(same|enum-number)$/.test(of.as.kind));
  if (!list || !isKnown || !isSame || !/^(entries|keys|values)$/.test(name)) return false;
  if (!hasNoOrder(list, name, of)) return false;
  p.edit(list, list.getStart(), map.getStart(), [`Object.${name}(`]);
  p.edit(list, map.getEnd(), list.getEnd(), [")"]);
  return true;
}

/** The array that `[...entries]` or `Array.from(entries)` makes. */
function listOf(entries: Node): Node | undefined {
  const parent = entries.getParent();
  if (Node.isSpreadElement(parent)) {
    const list = parent.getParent();
    return Node.isArrayLiteralExpression(list) && list.getElements().length === 1 ? list : undefined;
  }
  const isFrom = Node.isCallExpression(parent) && parent.getExpression().getText() === "Array.from";
  return isFrom && parent.getArguments().length === 1 ? parent : undefined;
}

/** Does what is made of a list depend on nothing but what is in it? */
function hasNoOrder(list: Node, name: string, of: Kind): boolean {
  const access = list.getParent();
  if (!Node.isPropertyAccessExpression(access) || access.getExpression() !== list || access.hasQuestionDotToken())
    return false;
  if (access.getName() === "length") return true;
  const call = access.getParent();
  if (!Node.isCallExpression(call) || call.getExpression() !== access) return false;
  const [first, more] = call.getArguments();
  switch (access.getName()) {
    case "sort":
      return first ? Node.isArrowFunction(first) && isTotal(first.getText(), name, of) : isSortedByItself(name, of);
    case "includes":
      return first !== undefined && !more && name !== "entries";
    case "some":
    case "every":
      return isPure(first) && !more;
    case "filter":
      return isPure(first) && !more && hasNoOrder(call, name, of);
    case "map":
      // Texts that compare as equal are the same.
      return (
        isPure(first) && !more && call.getType().getArrayElementType()?.isString() === true && isSortedPlainly(call)
      );
    default:
      return false;
  }
}

/** Is an order by the texts of the elements the only one? Two keys differ; values that have one text are one value. */
function isSortedByItself(name: string, of: Kind): boolean {
  const isText = of.kind === "value" && of.as.kind === "same" && of.as.type === "string";
  // `["a", "1,b"]` and `["a,1", "b"]` have one text; where the value is a number, it is what stands behind the last comma.
  return name === "keys" || (name === "values" && isText) || isInteger(of);
}

function isInteger(of: Kind): boolean {
  return of.kind === "value" && (of.as.kind === "enum-number" || (of.as.kind === "same" && /32$/.test(of.as.type)));
}

/** `(a, b) => a - b` of integers; `([a], [b]) => (a < b ? -1 : 1)` of keys, of which there are no two alike. */
function isTotal(comparison: string, name: string, of: Kind): boolean {
  const [, a, b] = /^\((\w+|\[\w+\]),\s*(\w+|\[\w+\])\)/.exec(comparison) ?? [];
  if (a === undefined || b === undefined) return false;
  const body = comparison
    .slice(comparison.indexOf("=>") + 2)
    .replace(/[()\s]/g, "")
    .trim();
  const [one, other] = [a.replace(/[[\]]/g, ""), b.replace(/[[\]]/g, "")];
  if (one === other) return false;
  const isPair = a !== one && b !== other;
  if (name === "values" && !isPair && a === one && b === other)
    return isInteger(of) && (body === `${one}-${other}` || body === `${other}-${one}`);
  if (isPair !== (name === "entries") || (a === one) !== (b === other) || name === "values") return false;
  return [`${one}<${other}?-1:1`, `${one}>${other}?1:-1`, `${one}<${other}?1:-1`, `${one}>${other}?-1:1`].includes(
    body,
  );
}

function isSortedPlainly(list: Node): boolean {
  const access = list.getParent();
  const call = access?.getParent();
  return (
    Node.isPropertyAccessExpression(access) &&
    access.getName() === "sort" &&
    Node.isCallExpression(call) &&
    call.getExpression() === access &&
    call.getArguments().length === 0
  );
}

/** A function that only looks at what it is given, one element at a time. */
function isPure(callback: Node | undefined): boolean {
  if (!callback || !Node.isArrowFunction(callback) || !isFunctionNode(callback) || callback.isAsync()) return false;
  const body = callback.getBody();
  if (Node.isBlock(body) || callback.getParameters().length !== 1) return false;
  return [body, ...body.getDescendants()].every((node) => {
    if (Node.isCallExpression(node)) {
      const callee = node.getExpression();
      const of = Node.isPropertyAccessExpression(callee)
        ? callee.getExpression().getType().getBaseTypeOfLiteralType()
        : undefined;
      return /^(String|Number)$/.test(callee.getText()) || of?.isString() || of?.isNumber();
    }
    const runsMore =
      Node.isNewExpression(node) || Node.isTaggedTemplateExpression(node) || Node.isAwaitExpression(node);
    return !runsMore && !isAssignmentTarget(node) && !isFunctionNode(node);
  });
}
