import { codeOf, isObjectAssign, isSurelyText, isText, textOfNewError } from "../services/error-shape.js";
import {
  type File,
  type FunctionNode,
  isFunction,
  isIdentifier,
  keyName,
  memberName,
  type Node,
  nodeAt,
  parentMap,
  unwrap,
  walk,
} from "../shared/ast.js";
import { mayEndWithout } from "../shared/control-flow.js";
import { scopesOf } from "../shared/scope.js";

/** A function that returns the error of a reply, as one that returns a ConnectError. */
export interface ErrorFunctionPlan {
  readonly made: readonly MadeError[];
  /** Does it return ConnectErrors already? */
  readonly isDone: boolean;
  /** Calls whose errors it returns. */
  readonly handed: readonly Node[];
  /** The parameter that holds the code, by its place. */
  readonly code: number | null;
  readonly types: readonly { readonly node: Node; readonly name: "Code" | "ConnectError" }[];
}

/** What makes an error: an expression, or the statements from that which declares it to that which returns it. */
export interface MadeError {
  readonly start: number;
  readonly end: number;
  readonly isStatement: boolean;
  /** Does a parenthesis stand behind the end that goes, too? */
  readonly isParenthesized: boolean;
  readonly text: Node;
  readonly code: Node;
}

/** A function gives something on every path that ends in a return. */
const RETURNS = { isReply: (statement: Node) => statement.type === "ReturnStatement", replaced: () => undefined };

interface Parts {
  message?: Node;
  details?: Node;
  code?: Node;
}

/** The plan of the function whose name has this range: of a declaration, or of a variable that holds one. */
export function planNamedErrorFunction(file: File, start: number, end: number): ErrorFunctionPlan | undefined {
  const name = nodeAt(file, start, end);
  const parent = name && parentMap(file).get(name);
  const fn = parent?.type === "VariableDeclarator" ? (parent.init as Node) : parent;
  return isFunction(fn) ? planErrorFunction(file, fn) : undefined;
}

/**
 * Every return of it is `{ code, message }`, `Object.assign(new Error(message), { code })`, a `new Error(message)` that is given its
 * code and details, or a call of a function. Undefined for any other function: it keeps its shape.
 */
function planErrorFunction(file: File, fn: FunctionNode): ErrorFunctionPlan | undefined {
  if (fn.async || fn.generator) return undefined;
  const parents = parentMap(file);
  const scopes = scopesOf(file);
  const made: MadeError[] = [];
  const handed: Node[] = [];
  let code: number | null = null;
  let isDone = false;

  if (fn.body.type !== "BlockStatement") {
    if (!returns(fn.body)) return undefined;
  } else {
    let isKnown = true;
    walk(fn.body, (node) => {
      if (isFunction(node)) return false;
      if (node.type === "ReturnStatement" && !(node.argument && (built(node) || returns(node.argument))))
        isKnown = false;
      return isKnown;
    });
    if (!isKnown || mayEndWithout(fn.body, RETURNS)) return undefined;
  }
  if (made.length + handed.length === 0 && !isDone) return undefined;
  const types = made.length > 0 ? typesOf() : [];
  return types && { made, isDone: isDone && made.length === 0, handed, code, types };

  /** Is what is returned an error, in each of its branches? */
  function returns(node: Node): boolean {
    const value = unwrap(node);
    if (value.type === "ConditionalExpression") return returns(value.consequent) && returns(value.alternate);
    if (value.type === "CallExpression" && !isObjectAssign(value)) return handed.push(value) > 0;
    if (value.type === "NewExpression" && isIdentifier(value.callee, "ConnectError")) {
      isDone = true;
      return true;
    }
    const parts = value.type === "ObjectExpression" ? membersOf(value) : assigned(value);
    return parts !== undefined && add(parts, withParentheses(node), false);
  }

  function assigned(value: Node): Parts | undefined {
    if (!isObjectAssign(value)) return undefined;
    const [error, members] = value.arguments as Node[];
    const message = error && textOfNewError(error);
    const parts = message && members?.type === "ObjectExpression" ? membersOf(members) : undefined;
    return parts && !parts.message ? { ...parts, message } : undefined;
  }

  /** `const error = new Error(text); error.code = code; …; return error;` */
  function built(statement: Node): boolean {
    const { argument } = statement;
    const binding = isIdentifier(argument) ? scopes.bindingOf(argument) : undefined;
    const declaration = binding && parents.get(binding.declaration);
    const block = parents.get(statement);
    if (!binding || declaration?.type !== "VariableDeclaration" || block !== parents.get(declaration)) return false;
    if (block?.type !== "BlockStatement" || declaration.declarations.length !== 1 || binding.writes.length > 0)
      return false;
    const message = binding.declaration.init && textOfNewError(binding.declaration.init);
    if (!message) return false;
    const body = block.body as Node[];
    const between = body.slice(body.indexOf(declaration) + 1, body.indexOf(statement));
    const parts: Parts = { message };
    for (const { expression } of between) {
      const target =
        expression?.type === "AssignmentExpression" && expression.operator === "=" ? expression.left : undefined;
      const name = target && memberName(target);
      if (!name || !isIdentifier(target.object, binding.declaration.id.name) || !put(parts, name, expression.right))
        return false;
    }
    if (binding.references.length !== between.length + 1) return false;
    return add(parts, { start: declaration.start, end: statement.end }, true);
  }

  function membersOf(object: Node): Parts | undefined {
    const parts: Parts = {};
    for (const property of object.properties as Node[]) {
      const key = property.type === "ObjectProperty" && !property.computed ? keyName(property) : undefined;
      if (key === undefined || !put(parts, key, property.value)) return undefined;
    }
    return parts;
  }

  /** What grpc-js does not send, or sends nothing of, goes. */
  function put(parts: Parts, key: string, value: Node): boolean {
    if (key === "name") return value.type === "StringLiteral";
    if (key === "metadata")
      return value.type === "NewExpression" && value.arguments.length === 0 && isMetadata(value.callee);
    if ((key !== "code" && key !== "message" && key !== "details") || parts[key]) return false;
    parts[key] = value;
    return true;
  }

  function add(
    { message, details, code: given }: Parts,
    range: { start: number; end: number; parenthesized?: boolean },
    isStatement: boolean,
  ): boolean {
    const isSame =
      message && details && isIdentifier(unwrap(message)) && isIdentifier(unwrap(details), unwrap(message).name);
    const isOwnText = details && (isSurelyText(details) || isString(details));
    const text = isSame || !details ? message : isOwnText ? details : undefined;
    if (!given || !text || !isText(text) || (message && !isText(message))) return false;
    if ((file.comments ?? []).some((each) => each.start >= range.start && each.end <= range.end)) return false;
    if (!isCode(given, file)) {
      const index = parameterOf(given);
      if (index === undefined || (code !== null && code !== index)) return false;
      code = index;
    }
    const { start, end, parenthesized = false } = range;
    made.push({ start, end, isStatement, isParenthesized: parenthesized, text, code: given });
    return true;
  }

  function parameterOf(node: Node): number | undefined {
    const binding = isIdentifier(node) ? scopes.bindingOf(node) : undefined;
    const index = binding && binding.writes.length === 0 ? fn.params.indexOf(binding.declaration) : -1;
    return index >= 0 && isIdentifier(fn.params[index]) ? index : undefined;
  }

  /** A parameter that the compiler knows to be a string. */
  function isString(node: Node): boolean {
    const index = parameterOf(unwrap(node));
    return index !== undefined && fn.params[index]?.typeAnnotation?.typeAnnotation.type === "TSStringKeyword";
  }

  function typesOf(): ErrorFunctionPlan["types"] | undefined {
    const found: { node: Node; name: "Code" | "ConnectError" }[] = [];
    const result = fn.returnType?.typeAnnotation as Node | undefined;
    if (result && !/^TS(?:Any|Unknown)Keyword$/.test(result.type)) {
      if (!/^(?:\w+\.)?(?:ServiceError|Partial<(?:\w+\.)?(?:ServiceError|StatusObject)>)$/.test(typeText(result)))
        return undefined;
      found.push({ node: result, name: "ConnectError" });
    }
    const type = code === null ? undefined : (fn.params[code]?.typeAnnotation?.typeAnnotation as Node | undefined);
    if (type && !/^TS(?:Any|Number)Keyword$/.test(type.type)) {
      if (!/^(?:\w+\.)?status$/.test(typeText(type))) return undefined;
      found.push({ node: type, name: "Code" });
    }
    return found;
  }
}

/** A code that stands in the source: `status.X`, `Code.X`, or its number. */
export function isCode(node: Node, file: File): boolean {
  const value = unwrap(node);
  return codeOf(value, file) !== undefined || (memberName(value) !== undefined && isIdentifier(value.object, "Code"));
}

/** The name of a type, with its arguments. */
function typeText(node: Node): string {
  if (node.type === "Identifier") return node.name as string;
  if (node.type === "TSQualifiedName") return `${typeText(node.left)}.${typeText(node.right)}`;
  if (node.type !== "TSTypeReference") return "?";
  const inner = (node.typeParameters?.params ?? node.typeArguments?.params ?? []) as Node[];
  return typeText(node.typeName) + (inner.length > 0 ? `<${inner.map(typeText).join()}>` : "");
}

/** An arrow's object stands in parentheses that what is made does not need. */
function withParentheses({ start, end, extra }: Node): { start: number; end: number; parenthesized: boolean } {
  return { start: extra?.parenthesized ? extra.parenStart : start, end, parenthesized: extra?.parenthesized === true };
}

function isMetadata(callee: Node): boolean {
  return isIdentifier(callee, "Metadata") || memberName(callee) === "Metadata";
}
