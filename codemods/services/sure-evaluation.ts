import {
  type File,
  functionOf,
  isIdentifier,
  keyName,
  memberName,
  type Node,
  type Parents,
  unwrap,
} from "../shared/ast.js";
import type { Binding, Scopes } from "../shared/scope.js";
import { codeOf } from "./error-shape.js";
import { excludedFrom } from "./guard-values.js";

/** Where an expression stands, and the name of a call of grpc-js that it may use. */
export interface Surrounding {
  readonly file: File;
  readonly parents: Parents;
  readonly scopes: Scopes;
  readonly call: Binding | undefined;
}

/**
 * What a value surely is. `field`: what a message, or an error, holds under a name: it can be printed and compared. `entry`: a string, or
 * nothing.
 */
type Kind =
  | "call"
  | "request"
  | "metadata"
  | "values"
  | "entries"
  | "entry"
  | "field"
  | "text"
  | "number"
  | "collection"
  | "error"
  | "trailers";

/** They have members. */
const SOLID: readonly (Kind | undefined)[] = [
  "call",
  "request",
  "metadata",
  "values",
  "entries",
  "text",
  "collection",
  "error",
  "trailers",
];
/** They can stand in a text. */
const PLAIN: readonly (Kind | undefined)[] = ["text", "number", "entry", "field"];

/** A key of metadata whose values are strings. */
const TEXT_KEY = /^(?!.*-bin$)[a-z0-9_.-]+$/i;

/** Does evaluating an expression surely throw nothing? */
export function isSurelyEvaluated(around: Surrounding, expression: Node): boolean {
  const value = unwrap(expression);
  const isSure = (node: Node | null | undefined) => node != null && isSurelyEvaluated(around, node);
  const isPlain = (node: Node) => isSure(node) && PLAIN.includes(kindOf(around, node));
  switch (value.type) {
    case "Identifier":
      return isKnown(around, value);
    case "ObjectExpression":
      return (value.properties as Node[]).every(
        (each) => each.type === "ObjectProperty" && !each.computed && isSure(each.value),
      );
    case "ArrayExpression":
      return (value.elements as (Node | null)[]).every(isSure);
    case "TemplateLiteral":
      return (value.expressions as Node[]).every(isPlain);
    case "ConditionalExpression":
      return [value.test, value.consequent, value.alternate].every(isSure);
    case "LogicalExpression":
      return isSure(value.left) && isSure(value.right);
    case "UnaryExpression":
      return /^(!|typeof|void)$/.test(value.operator) && isSure(value.argument);
    case "BinaryExpression":
      if (/^[!=]==$/.test(value.operator)) return isSure(value.left) && isSure(value.right);
      if (!/^([!=]=|[<>]=?|\+)$/.test(value.operator) || !isPlain(value.left) || !isPlain(value.right)) return false;
      // A bigint and a number have no sum.
      return value.operator !== "+" || [value.left, value.right].some((each) => kindOf(around, each) === "text");
    case "MemberExpression":
      return (
        codeOf(value, around.file) !== undefined ||
        (isSure(value.object) && isFixed(value) && isSolid(around, value.object))
      );
    case "OptionalMemberExpression":
      return isSure(value.object) && isFixed(value) && kindOf(around, value.object) !== undefined;
    case "NewExpression":
      if (isEmptyMetadata(value)) return true;
      return isIdentifier(value.callee, "Error") && (value.arguments as Node[]).every(isPlain);
    case "CallExpression":
    case "OptionalCallExpression":
      return isSureCall(around, value, isSure);
    default:
      return /^(String|Numeric|Boolean|Null)Literal$/.test(value.type);
  }
}

function isSureCall(around: Surrounding, call: Node, isSure: (node: Node) => boolean): boolean {
  const given = call.arguments as Node[];
  const callee = call.callee as Node;
  if (!given.every(isSure)) return false;
  if (isIdentifier(callee))
    return (
      !around.scopes.bindingOf(callee) &&
      (callee.name === "Boolean" ||
        (/^(String|Number)$/.test(callee.name) && given.every((each) => PLAIN.includes(kindOf(around, each)))))
    );
  const name = memberName(callee);
  if (name === undefined || !isSure(callee)) return isConsole(around, callee);
  const isOptional = callee.type === "OptionalMemberExpression";
  const kind = solidKindOf(around, callee.object as Node);
  const isText = (each: Node | undefined) => each?.type === "StringLiteral";
  switch (isOptional && kind === "entry" ? "text" : kind) {
    case "metadata":
      return name === "getMap" || (name === "get" && isText(given[0]) && TEXT_KEY.test((given[0] as Node).value));
    case "trailers":
      if (!/^(set|add)$/.test(name) || !given.every(isText)) return false;
      return TEXT_KEY.test(given[0]?.value) && /^[ -~]*$/.test(given[1]?.value);
    case "collection":
      return /^(get|has)$/.test(name);
    case "text":
      if (/^(startsWith|endsWith|includes|indexOf|split)$/.test(name)) return given.length === 1 && isText(given[0]);
      if (/^(slice|substring)$/.test(name)) return given.every((each) => kindOf(around, each) === "number");
      return /^(trim|toLowerCase|toUpperCase|toString)$/.test(name) && given.length === 0;
    default:
      return false;
  }
}

/** `new grpc.Metadata()` */
function isEmptyMetadata({ callee, arguments: given }: Node): boolean {
  return given.length === 0 && (isIdentifier(callee, "Metadata") || memberName(callee) === "Metadata");
}

function isConsole({ scopes }: Surrounding, callee: Node): boolean {
  const { object } = callee;
  return (
    /^(log|info|warn|error|debug)$/.test(memberName(callee) ?? "") &&
    isIdentifier(object, "console") &&
    !scopes.bindingOf(object)
  );
}

/** `a.b`, `a["b"]`, `a[0]` */
function isFixed(member: Node): boolean {
  return memberName(member) !== undefined || member.property.type === "NumericLiteral";
}

/** A name that has its value where it stands. */
function isKnown({ scopes, parents }: Surrounding, name: Node): boolean {
  const binding = scopes.bindingOf(name);
  if (!binding) return isIdentifier(name, "undefined");
  const { declaration, identifier } = binding;
  const isOutside = functionOf(declaration, parents) !== functionOf(name, parents);
  return isOutside || identifier.end <= name.start;
}

function isSolid(around: Surrounding, node: Node): boolean {
  return SOLID.includes(solidKindOf(around, node));
}

/** The kind of a value, which is a text where it has been asked that it is something. */
function solidKindOf(around: Surrounding, node: Node): Kind | undefined {
  const kind = kindOf(around, node);
  if (kind !== "entry") return kind;
  const excluded = excludedFrom(around, node);
  return excluded.includes("undefined") ? "text" : "entry";
}

function kindOf(around: Surrounding, expression: Node): Kind | undefined {
  const value = unwrap(expression);
  switch (value.type) {
    case "StringLiteral":
    case "TemplateLiteral":
      return "text";
    case "NumericLiteral":
      return "number";
    case "Identifier":
      return kindOfName(around, value);
    case "BinaryExpression":
      return value.operator === "+" && [value.left, value.right].some((each) => kindOf(around, each) === "text")
        ? "text"
        : undefined;
    case "LogicalExpression": {
      if (value.operator === "&&") return undefined;
      const isEither = [value.left, value.right].every((each) => /^(text|entry)$/.test(kindOf(around, each) ?? ""));
      return isEither ? kindOf(around, value.right) : undefined;
    }
    case "MemberExpression":
    case "OptionalMemberExpression": {
      const of = solidKindOf(around, value.object);
      return of && memberKind(of, value.computed && value.property.type === "NumericLiteral" ? 0 : memberName(value));
    }
    case "CallExpression":
    case "OptionalCallExpression":
      return kindOfCall(around, value);
    case "NewExpression":
      if (isEmptyMetadata(value)) return "trailers";
      return isIdentifier(value.callee) &&
        /^(Map|Set)$/.test(value.callee.name) &&
        !around.scopes.bindingOf(value.callee)
        ? "collection"
        : undefined;
    default:
      return undefined;
  }
}

function memberKind(of: Kind, name: string | number | undefined): Kind | undefined {
  if (name === undefined) return undefined;
  switch (of) {
    case "call":
      return name === "request" || name === "metadata" ? name : undefined;
    case "request":
    case "error":
      return "field";
    case "values":
      return name === 0 ? "entry" : name === "length" ? "number" : undefined;
    case "entries":
      return typeof name === "string" && TEXT_KEY.test(name) ? "entry" : undefined;
    case "text":
      return name === "length" ? "number" : undefined;
    default:
      return undefined;
  }
}

function kindOfCall(around: Surrounding, { callee, arguments: given }: Node): Kind | undefined {
  if (isIdentifier(callee)) return callee.name === "String" && !around.scopes.bindingOf(callee) ? "text" : undefined;
  const name = memberName(callee);
  const of = name === undefined ? undefined : solidKindOf(around, callee.object);
  const isOptional = callee.type === "OptionalMemberExpression";
  if (of === "metadata") return name === "get" ? "values" : name === "getMap" ? "entries" : undefined;
  if (of === "text" || (of === "entry" && isOptional)) {
    if (/^(slice|substring|trim|toLowerCase|toUpperCase|toString)$/.test(name as string))
      return isOptional ? "entry" : "text";
    return name === "split" && !isOptional && given.length === 1 ? "values" : undefined;
  }
  return undefined;
}

function kindOfName(around: Surrounding, name: Node): Kind | undefined {
  const binding = around.scopes.bindingOf(name);
  if (!binding || binding.writes.length > 0) return undefined;
  if (binding === around.call) return "call";
  const { declaration, identifier, kind } = binding;
  if (kind === "catch") return "error";
  if (declaration.type !== "VariableDeclarator" || !declaration.init) return undefined;
  const { id, init } = declaration;
  if (id === identifier) return kindOf(around, init);
  const of = solidKindOf(around, init);
  if (!of) return undefined;
  if (id.type === "ArrayPattern") {
    const element = (id.elements as (Node | null)[]).find((each) => each === identifier || each?.left === identifier);
    if (of !== "values" || !element) return undefined;
    return element === identifier ? "entry" : element.right.type === "StringLiteral" ? "text" : undefined;
  }
  const part = (id.properties as Node[]).find((each) => each.type === "ObjectProperty" && each.value === identifier);
  return part && memberKind(of, keyName(part));
}

/** Does a declaration surely throw nothing, whatever it takes apart? */
export function isSurelyDeclared(around: Surrounding, { id, init }: Node): boolean {
  if (!init) return true;
  if (!isSurelyEvaluated(around, init)) return false;
  if (isIdentifier(id)) return true;
  const parts = ((id.properties ?? id.elements) as (Node | null)[]).map((each) => {
    const part = each?.type === "ObjectProperty" ? (each.value as Node) : each;
    const isDefaulted =
      part?.type === "AssignmentPattern" && /^(String|Numeric|Boolean|Null)Literal$/.test(part.right.type);
    return isDefaulted ? (part.left as Node) : part;
  });
  const of = solidKindOf(around, init);
  return (
    parts.every((part) => isIdentifier(part)) && (id.type === "ArrayPattern" ? of === "values" : SOLID.includes(of))
  );
}
