import { statusName } from "../clients/grpc-status.js";
import { type File, isIdentifier, keyName, memberName, type Node, parentMap, unwrap } from "../shared/ast.js";
import { requiredModule } from "../shared/imports.js";
import { scopesOf } from "../shared/scope.js";

/**
 * What is known of an error reply. `literal`: code and text stand in the source, so it is `new ConnectError(text, Code.X)`.
 * `value`: `toConnectError(…)` has to look at it at run time.
 */
export type ErrorShape =
  | {
      readonly kind: "literal";
      readonly node: Node;
      /** The expression of the text; null for grpc-js's "Unknown Error". */
      readonly text: Node | null;
      /** Connect's name of the code. */
      readonly code: string;
      readonly metadata: Node | null;
    }
  | { readonly kind: "value"; readonly node: Node }
  /** A call of a function that returns a ConnectError, once the arguments at these places are gone. */
  | { readonly kind: "made"; readonly node: Node; readonly dropped: readonly number[] };

const codeNames = [
  "Canceled",
  "Unknown",
  "InvalidArgument",
  "DeadlineExceeded",
  "NotFound",
  "AlreadyExists",
  "PermissionDenied",
  "ResourceExhausted",
  "FailedPrecondition",
  "Aborted",
  "OutOfRange",
  "Unimplemented",
  "Internal",
  "Unavailable",
  "DataLoss",
  "Unauthenticated",
];

/** Connect's name of a code that stands in the source, as `status.X`, as a number from 1 to 16, or as `Code.X` already. */
export function codeOf(node: Node, file: File): string | undefined {
  const value = unwrap(node);
  if (value.type === "NumericLiteral") return codeNames[value.value - 1];
  const name = memberName(value);
  const isOfConnect = name !== undefined && codeNames.includes(name) && isCode(value.object as Node, file);
  return isOfConnect ? name : statusName(file, value);
}

/** `Code` of the runtime, or of Connect-ES, by whatever name it is imported. */
function isCode(node: Node, file: File): boolean {
  const declaration = isIdentifier(node) ? scopesOf(file).bindingOf(node)?.declaration : undefined;
  if (!declaration) return false;
  const parents = parentMap(file);
  if (declaration.type === "ImportSpecifier")
    return isIdentifier(declaration.imported, "Code") && isConnect(parents.get(declaration)?.source?.value);
  if (declaration.type !== "VariableDeclarator" || declaration.id.type !== "ObjectPattern") return false;
  const member = (declaration.id.properties as Node[]).find((each) => keyName(each) === "Code");
  return isIdentifier(member?.value, (node as { name?: string }).name) && isConnect(requiredModule(declaration.init));
}

function isConnect(module: unknown): boolean {
  return module === "@connect-migrate/runtime" || module === "@connectrpc/connect";
}

/** The shape of the first argument of an error reply (matrix E-1 to E-7: details wins over message). */
export function errorShape(node: Node, file: File): ErrorShape {
  const error = unwrap(node);
  const dynamic: ErrorShape = { kind: "value", node };
  const own = textOfNewError(error);
  if (own) return isText(own) ? { kind: "literal", node, text: own, code: "Unknown", metadata: null } : dynamic;
  if (error.type === "ObjectExpression") return fromMembers(error, null);
  const message = isObjectAssign(error) ? textOfNewError(error.arguments[0]) : undefined;
  return message && error.arguments[1].type === "ObjectExpression" ? fromMembers(error.arguments[1], message) : dynamic;

  function fromMembers(object: Node, message: Node | null): ErrorShape {
    const members = new Map<string, Node>();
    if (message) members.set("message", message);
    for (const property of object.properties as Node[]) {
      const key = property.type === "ObjectProperty" && !property.computed ? keyName(property) : undefined;
      if (key === undefined || !["code", "message", "details", "metadata"].includes(key)) return dynamic;
      members.set(key, property.value);
    }
    const code = members.get("code");
    const name = code && codeOf(code, file);
    if (!name) return dynamic;
    const details = members.get("details");
    const text = details ?? members.get("message") ?? null;
    // What is left out must not have had an effect, and only a string may be the text.
    if (details && members.has("message") && !isText(members.get("message") as Node)) return dynamic;
    if (text && !isText(text)) return dynamic;
    if (details && !isSurelyText(details)) return dynamic;
    const metadata = members.get("metadata");
    if (metadata && !isPlainMetadata(metadata, file)) return dynamic;
    return { kind: "literal", node, text, code: name, metadata: metadata ?? null };
  }
}

/** The text of `new Error(text)`, whatever type it is asserted to have. */
export function textOfNewError(node: Node): Node | undefined {
  const value = unwrap(node);
  const isError = value.type === "NewExpression" && isIdentifier(value.callee, "Error") && value.arguments.length === 1;
  return isError ? value.arguments[0] : undefined;
}

/** `Object.assign(target, source)` */
export function isObjectAssign(node: Node): boolean {
  return (
    node.type === "CallExpression" &&
    memberName(node.callee) === "assign" &&
    isIdentifier(node.callee.object, "Object") &&
    node.arguments.length === 2
  );
}

/**
 * Metadata that is made here and given constant keys only: its entries become headers. What may hold rich details (matrix E-9)
 * is looked at when the program runs.
 */
function isPlainMetadata(node: Node, file: File): boolean {
  const binding = isIdentifier(node) ? scopesOf(file).bindingOf(node) : undefined;
  const made = binding?.declaration.type === "VariableDeclarator" && unwrap(binding.declaration.init ?? node);
  if (!binding || binding.writes.length > 0 || !made || made.type !== "NewExpression") return false;
  if (!/(^|\.)Metadata$/.test(pathOf(made.callee)) || made.arguments.length > 0) return false;
  const parents = parentMap(file);
  return binding.references.every((reference) => {
    const member = parents.get(reference);
    const call = member && parents.get(member);
    if (member?.type === "ObjectProperty" && member.value === reference && keyName(member) === "metadata") return true;
    if (member?.type !== "MemberExpression" || member.object !== reference || call?.type !== "CallExpression")
      return false;
    const [key] = call.arguments as Node[];
    return (
      /^(set|add)$/.test(memberName(member) ?? "") &&
      key?.type === "StringLiteral" &&
      key.value.toLowerCase() !== "grpc-status-details-bin"
    );
  });
}

/** `grpc.Metadata`. */
function pathOf(node: Node): string {
  return isIdentifier(node) ? node.name : `.${memberName(node) ?? ""}`;
}

/** A string in the source: literal, template, `String(…)`, or a concatenation with one. */
export function isSurelyText(node: Node): boolean {
  const value = unwrap(node);
  if (value.type === "StringLiteral" || value.type === "TemplateLiteral") return true;
  if (value.type === "CallExpression") return isIdentifier(value.callee, "String");
  return (
    value.type === "BinaryExpression" &&
    value.operator === "+" &&
    (isSurelyText(value.left) || isSurelyText(value.right))
  );
}

/** A string as far as a text goes: also `error.message`, and a name, which grpc-js would have put into the text as it is. */
export function isText(node: Node): boolean {
  const value = unwrap(node);
  if (isSurelyText(value) || isIdentifier(value)) return !isIdentifier(value, "undefined");
  if (value.type === "ConditionalExpression") return isText(value.consequent) && isText(value.alternate);
  if (value.type === "LogicalExpression") return isText(value.left) && isText(value.right);
  return memberName(value) !== undefined && ["message", "details"].includes(memberName(value) as string);
}
