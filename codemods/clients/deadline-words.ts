import { type File, isIdentifier, memberName, type Node, type Parents, parentMap } from "../shared/ast.js";
import { scopesOf } from "../shared/scope.js";

/** What is asked of a text itself, and what gives the text again in other letters. */
const ASKS = /^(includes|startsWith|endsWith|match|search|indexOf|localeCompare)$/;
const SAME = /^(toLowerCase|toUpperCase|trim|toString|normalize)$/;
/** The words that grpc-js and Connect have for a deadline that passed. */
const WORDS = /dead|exceed|after|timed|time ?out|operation/i;

/**
 * Is the text of an error, `err.details`, compared with what may be the words of a deadline that passed? The client itself says those,
 * and each in its own way.
 */
export function asksForDeadline(file: File, text: Node): boolean {
  return asks(text, parentMap(file));
}

/** The same of the name that a pattern gives it: `const { details } = err`. */
export function asksNameForDeadline(file: File, name: Node): boolean {
  const references = isIdentifier(name) ? (scopesOf(file).bindingOf(name)?.references ?? []) : [];
  return references.some((reference) => asks(reference, parentMap(file)));
}

function asks(text: Node, parents: Parents): boolean {
  const parent = parents.get(text);
  if (!parent) return false;
  if (parent.type === "LogicalExpression" || parent.type === "TSNonNullExpression") return asks(parent, parents);
  if (parent.type === "BinaryExpression" && /^[!=]==?$/.test(parent.operator))
    return mayBeWords(parent.left === text ? parent.right : parent.left);
  if (parent.type === "SwitchStatement" && parent.discriminant === text)
    return (parent.cases as Node[]).some((each) => each.test && mayBeWords(each.test));
  const call = parents.get(parent);
  if (/^(Optional)?MemberExpression$/.test(parent.type) && parent.object === text && call?.callee === parent) {
    const name = memberName(parent) ?? "";
    if (SAME.test(name)) return asks(call, parents);
    return ASKS.test(name) && (call.arguments as Node[]).slice(0, 1).some(mayBeWords);
  }
  if (!/^(Optional)?CallExpression$/.test(parent.type) || parent.arguments[0] !== text) return false;
  // `/exceeded/.test(err.details)`, `KNOWN.has(err.details)`
  const asked = memberName(parent.callee);
  return asked !== undefined && /^(test|exec|has|includes|get)$/.test(asked) && mayBeWords(parent.callee.object);
}

function mayBeWords(node: Node): boolean {
  if (node.type === "StringLiteral") return WORDS.test(node.value);
  if (node.type === "RegExpLiteral") return WORDS.test(node.pattern);
  return node.type !== "NullLiteral" && !isIdentifier(node, "undefined");
}
