import { type File, isIdentifier, memberName, type Node, unwrap } from "../shared/ast.js";
import { requiredModule } from "../shared/imports.js";
import { type Scopes, scopesOf } from "../shared/scope.js";

/** Fields of the protocol and of HTTP, which the conversion of Metadata leaves out (matrix MD-14, E-9). */
const RESERVED =
  /^(user-agent|date|content-(type|length|encoding)|accept-encoding|host|trailer|te|connection|keep-alive|transfer-encoding|upgrade|grpc-(status|message|timeout|encoding|accept-encoding|status-details-bin))$/;

/** A key that grpc-js takes and Headers take as it is. */
export function isHeaderKey(key: string): boolean {
  const name = key.toLowerCase();
  return /^[0-9a-z_.-]+$/.test(name) && !RESERVED.test(name);
}

/** What Metadata refuses, Headers may take, and the other way round: a value that neither refuses or changes, and that is made without an error. */
export function isHeaderText(node: Node, file: File): boolean {
  return textOf(node, file, true, 0) !== undefined;
}

/** A Buffer, which is what Metadata wants under a binary key, made without an error. */
export function isHeaderBytes(node: Node, file: File): boolean {
  const value = unwrap(node);
  if (value.type !== "CallExpression" || memberName(value.callee) !== "from") return false;
  if (!isGlobal(value.callee.object, "Buffer", scopesOf(file))) return false;
  const [given, encoding, ...more] = value.arguments as Node[];
  if (given?.type === "ArrayExpression")
    return (
      encoding === undefined && (given.elements as (Node | null)[]).every((each) => each?.type === "NumericLiteral")
    );
  const isKnown =
    encoding === undefined ||
    (encoding.type === "StringLiteral" && /^(utf-?8|hex|base64(url)?|ascii|latin1)$/.test(encoding.value));
  return more.length === 0 && isKnown && given !== undefined && isString(given);
}

function isString(node: Node): boolean {
  return node.type === "StringLiteral" || (node.type === "TemplateLiteral" && node.expressions.length === 0);
}

/** "text" or "number" for a value that is printable as a string; `isWhole`: it stands alone, so its ends must not be blank. */
function textOf(node: Node, file: File, isWhole: boolean, depth: number): "text" | "number" | undefined {
  const value = unwrap(node);
  const scopes = scopesOf(file);
  const part = (each: Node) => textOf(each, file, false, depth);
  const fits = (each: Node) => part(each) === "number" || textOf(each, file, isWhole, depth) !== undefined;
  const isPrintable = (text: string) => /^[ -~]+$/.test(text) && (!isWhole || text.trim() === text);
  switch (value.type) {
    case "StringLiteral":
      return isPrintable(value.value) ? "text" : undefined;
    case "NumericLiteral":
      return isWhole ? undefined : "number";
    case "TemplateLiteral": {
      const texts = (value.quasis as Node[]).map((quasi) => quasi.value.cooked as string);
      const isEdged = isWhole && (/^\s/.test(texts[0] ?? "") || /\s$/.test(texts.at(-1) ?? ""));
      return (value.expressions as Node[]).every(fits) && !isEdged && texts.every((text) => /^[ -~]*$/.test(text))
        ? "text"
        : undefined;
    }
    case "Identifier": {
      const binding = scopes.bindingOf(value);
      const init =
        binding?.kind === "const" && binding.declaration.id === binding.identifier && binding.declaration.init;
      return init && depth < 4 ? textOf(init, file, isWhole, depth + 1) : undefined;
    }
    case "BinaryExpression": {
      const [left, right] = [part(value.left), part(value.right)];
      if (!left || !right) return undefined;
      if (left === "number" && right === "number")
        return /^[-+*/%]$/.test(value.operator) && !isWhole ? "number" : undefined;
      return value.operator === "+" && fits(value.left) && fits(value.right) ? "text" : undefined;
    }
    case "CallExpression":
      return ofCall(value, part, scopes, isWhole);
    default:
      return memberName(value) === "pid" && isGlobal(value.object, "process", scopes) && !isWhole
        ? "number"
        : undefined;
  }
}

function ofCall(
  call: Node,
  part: (node: Node) => "text" | "number" | undefined,
  scopes: Scopes,
  isWhole: boolean,
): "text" | "number" | undefined {
  const [first, ...more] = call.arguments as Node[];
  if (more.length > 0) return undefined;
  if (isGlobal(call.callee, "String", scopes)) return first && part(first) === "number" ? "text" : undefined;
  const name = memberName(call.callee);
  if (name === undefined) return undefined;
  const owner = unwrap(call.callee.object);
  if (name === "now" && (isGlobal(owner, "Date", scopes) || isGlobal(owner, "performance", scopes)))
    return isWhole || first ? undefined : "number";
  if (/^to(ISO|UTC)String$/.test(name) && owner.type === "NewExpression")
    return isGlobal(owner.callee, "Date", scopes) && owner.arguments.length === 0 && !first ? "text" : undefined;
  if (name === "toString") return !first && part(owner) === "number" ? "text" : undefined;
  if (name === "randomUUID") return !first && isCrypto(owner, scopes) ? "text" : undefined;
  return undefined;
}

function isGlobal(node: Node, name: string, scopes: Scopes): boolean {
  return isIdentifier(node, name) && scopes.bindingOf(node) === undefined;
}

function isCrypto(node: Node, scopes: Scopes): boolean {
  const binding = isIdentifier(node) ? scopes.bindingOf(node) : undefined;
  if (!binding) return isIdentifier(node, "crypto");
  return binding.writes.length === 0 && /^(node:)?crypto$/.test(requiredModule(binding.declaration.init) ?? "");
}
