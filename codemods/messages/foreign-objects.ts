import { type DescMessage, ScalarType } from "@bufbuild/protobuf";
import {
  type CallExpression,
  type Identifier,
  Node,
  type PropertyAssignment,
  type ShorthandPropertyAssignment,
  type VariableDeclaration,
} from "ts-morph";
import { isTypeScript } from "../analysis/language.js";
import { reachable } from "./google-protobuf-generated.js";
import { isPartOfStruct, type Kind, unsupportedIn } from "./message-kind.js";
import {
  functionAround,
  isArrowBody,
  isAssignmentTarget,
  isAsync,
  isCallback,
  isConstant,
  isFunctionNode,
  isPlainWrite,
  isTransparent,
  readFrom,
  typeText,
  unquoted,
  unwrapped,
} from "./message-syntax.js";
import { isParsedData } from "./parsed-data.js";
import type { Proving } from "./proof.js";

/**
 * A row of a database, parsed JSON, whatever else that nothing is known of, which a handler or a call sends: the message is made
 * of it as proto-loader made it. Only where it is sent on the spot, so that nothing sees the message, or changes the row before
 * the message is encoded. True when the value is dealt with.
 */
export function foreignObject(p: Proving, given: Node, wanted: Kind & { readonly kind: "message" | "list" }): boolean {
  const of = wanted.kind === "list" ? wanted.of : wanted;
  const { shape } = p;
  if (!shape.wholeOptions || of.kind !== "message") return false;
  const isData = isParsedData(p, given);
  if (!isData && !isOpaque(p, given)) return false;
  if (reachable(of.desc).some((desc) => isUnlike(p, desc))) return false;
  let value = given;
  for (let above = value.getParent(); above && isStep(above); above = value.getParent()) value = above;
  const place = sentFrom(p, value);
  if (!place || (wanted.kind === "list" && place.as !== "field") || isChangedIn(p, place.whole, value)) return false;
  const wait = place.as === "whole" && place.handler ? awaitFor(p, value, place.handler) : "";
  if (wait === undefined) return false;
  if (isData)
    p.finals.push(() => {
      if (!isParsedData(p, given)) p.block(given, "a message that is taken for parsed JSON");
    });
  p.later(() => {
    if (readFrom(given).some((part) => p.kinds.has(part)))
      p.block(given, "a message that is taken for an object of unknown origin");
  });
  const name =
    wanted.kind === "list" ? "protoLoaderList" : place.as === "field" ? "protoLoaderField" : "protoLoaderMessage";
  const make = { module: "@connect-migrate/runtime/grpc-js", name };
  const options = shape.madeOptions ?? "";
  const schema = p.generated(of.desc, "descriptor", given);
  p.wrap(value, [p.shorthandPrefix(given), make, "(", schema, `, ${wait}`], `${options})`);
  return true;
}

/** An expression that may be any object, and is no message. */
function isOpaque(p: Proving, value: Node): boolean {
  const isAccess = Node.isPropertyAccessExpression(value) || Node.isElementAccessExpression(value);
  if (!isAccess && !Node.isIdentifier(value) && !Node.isCallExpression(value)) return false;
  if (Node.isCallExpression(value) && value.getExpression().getText() === "Object.assign") return false;
  if (/^(string|number|boolean|bigint|symbol|undefined|null|void|never)$/.test(typeText(value))) return false;
  return !readFrom(value).some((part) => p.kinds.has(part));
}

/** The names that a value is read of; undefined where it is read of something else. */
function rootsOf(given: Node): Identifier[] | undefined {
  const value = unwrapped(given);
  const parts = partsOf(value);
  if (parts) {
    const roots = parts.map(rootsOf);
    return roots.includes(undefined) ? undefined : roots.flatMap((one) => one ?? []);
  }
  const root = readFrom(value).at(-1);
  return Node.isIdentifier(root) ? [root] : undefined;
}

/** What an expression gives one of, or takes fields or elements from. */
function partsOf(value: Node): Node[] | undefined {
  if (Node.isBinaryExpression(value)) return [value.getLeft(), value.getRight()];
  if (Node.isConditionalExpression(value)) return [value.getWhenTrue(), value.getWhenFalse()];
  if (Node.isObjectLiteralExpression(value))
    return value.getProperties().flatMap((one) => (Node.isSpreadAssignment(one) ? [one.getExpression()] : []));
  if (!Node.isArrayLiteralExpression(value)) return undefined;
  return value.getElements().map((one) => (Node.isSpreadElement(one) ? one.getExpression() : one));
}

/** Has a message fields that a row cannot have, or not each by itself? */
function isUnlike(p: Proving, desc: DescMessage): boolean {
  if (desc.typeName === "google.protobuf.Any") return true;
  if (isPartOfStruct(desc)) return false;
  return desc.fields.some(
    (field) =>
      p.shape.keyOf(field) === undefined ||
      unsupportedIn(p.kindOf(field)) !== undefined ||
      (field.fieldKind === "map" && !/^(STRING|.*32)$/.test(ScalarType[field.mapKey] ?? "")),
  );
}

const isStep = (node: Node) => isTransparent(node) || Node.isAwaitExpression(node);

/** Methods that leave a list as it is. */
const LIST_READERS = /^(slice|includes|indexOf|join|at|concat|filter|map|some|every|find|findIndex|flatMap)$/;

interface Place {
  /** The message itself, or the value of a field in it. */
  readonly as: "whole" | "field";
  /** Of a reply that is returned or yielded. */
  readonly handler?: Node;
  /** All that is sent. */
  readonly whole: Node;
}

/** Where a value is sent as a part of an expression that a handler returns, yields or pushes, or that a call is given. */
function sentFrom(p: Proving, value: Node): Place | undefined {
  let as: Place["as"] | undefined;
  let whole: Node | undefined;
  let node = value;
  for (let above = node.getParent(); above; above = node.getParent()) {
    if (isStep(above) || isBranch(above, node)) node = above;
    else if (Node.isPropertyAssignment(above) || Node.isShorthandPropertyAssignment(above)) {
      if (!as && !isFieldAlone(p, above)) return undefined;
      as ??= "field";
      node = above.getParent();
    } else if (as && Node.isArrayLiteralExpression(above)) node = above;
    else if (as && Node.isVariableDeclaration(above)) {
      const use = sentUnchanged(p, above, value);
      if (!use) return undefined;
      [whole, node] = [node, use];
    } else if (Node.isCallExpression(above) && above.getArguments()[0] === node) {
      // What a client is told of a part that is refused names the field.
      const isSent = (p.received.has(above) && !as) || (isPush(p, above) && isOnlyRead(p, value, node));
      return isSent ? { as: as ?? "whole", whole: whole ?? node } : undefined;
    } else {
      const isSent = Node.isReturnStatement(above) || Node.isYieldExpression(above) || isArrowBody(above, node);
      const owner = isSent ? functionAround(node) : undefined;
      if (!owner || isWatched(node, owner)) return undefined;
      if (p.handlers.has(owner)) return { as: as ?? "whole", handler: owner, whole: whole ?? node };
      const list = as && listOf(owner);
      if (!list || whole) return undefined;
      node = list;
    }
  }
  return undefined;
}

/**
 * `return reply` of `const reply = { note: … }`: where the reply is sent. What was parsed there nobody else has; anything else must
 * be sent at once. The reply itself may get other fields until then.
 */
function sentUnchanged(p: Proving, declaration: VariableDeclaration, value: Node): Node | undefined {
  const name = declaration.getNameNode();
  if (!Node.isIdentifier(name) || !isConstant(declaration)) return undefined;
  const [use, more] = p.project.referencesTo(name).filter((one) => one !== name && !isWriteOfKey(one));
  if (!use || more) return undefined;
  const statement = declaration.getVariableStatement();
  const next = statement?.getNextSibling();
  const isParsed = Node.isCallExpression(value) && value.getExpression().getText() === "JSON.parse";
  return isParsed || (next && use.getAncestors().includes(next) && !Node.isBlock(next)) ? use : undefined;
}

/** `reply.total = 5;` */
function isWriteOfKey(use: Node): boolean {
  const access = use.getParent();
  return (
    Node.isPropertyAccessExpression(access) &&
    access.getExpression() === use &&
    isPlainWrite(access) &&
    Node.isExpressionStatement(access.getParentOrThrow().getParent())
  );
}

/** `output.write(…)` in `createPushStream((output) => …)`. */
function isPush(p: Proving, call: CallExpression): boolean {
  const callee = call.getExpression();
  if (!Node.isPropertyAccessExpression(callee) || callee.getName() !== "write") return false;
  const declaration = p.project.declarationOf(callee.getExpression());
  const owner = Node.isParameterDeclaration(declaration) ? declaration.getParent() : undefined;
  const stream = owner?.getParent();
  return Node.isCallExpression(stream) && stream.getExpression().getText() === "createPushStream";
}

/** What is pushed is encoded later: until then, its fields are only read. */
function isOnlyRead(p: Proving, value: Node, sent: Node): boolean {
  const declaration = Node.isIdentifier(value) ? p.project.declarationOf(value) : undefined;
  const name =
    Node.isVariableDeclaration(declaration) || Node.isParameterDeclaration(declaration)
      ? declaration.getNameNode()
      : null;
  if (sent !== value || !name || !Node.isIdentifier(name)) return false;
  return p.project.referencesTo(name).every((use) => {
    const access = use.getParent();
    if (use === name || use === value) return true;
    if (!Node.isPropertyAccessExpression(access) || access.getExpression() !== use) return false;
    const above = access.getParent();
    const isCalled = Node.isCallExpression(above) && above.getExpression() === access;
    return !isAssignmentTarget(access) && !isCalled && !Node.isPropertyAccessExpression(above);
  });
}

/** The side of a choice whose value decides nothing. */
function isBranch(above: Node, node: Node): boolean {
  if (Node.isConditionalExpression(above)) return above.getCondition() !== node;
  if (!Node.isBinaryExpression(above) || above.getRight() !== node) return false;
  return /^(\|\||\?\?)$/.test(above.getOperatorToken().getText());
}

/** `rows.map((row) => …)` of its callback. */
function listOf(owner: Node): Node | undefined {
  const call = owner.getParent();
  if (!isFunctionNode(owner) || !isCallback(owner) || isAsync(owner) || !Node.isCallExpression(call)) return undefined;
  const callee = call.getExpression();
  return Node.isPropertyAccessExpression(callee) && callee.getName() === "map" ? call : undefined;
}

/** Is a property of a literal a field that may be left unset, and no member of a oneof or entry of a map? */
function isFieldAlone(p: Proving, property: PropertyAssignment | ShorthandPropertyAssignment): boolean {
  const of = p.proved.get(property.getParent());
  const key = unquoted(property.getName());
  const field = of?.kind === "message" ? p.fieldBy(of.desc, key) : undefined;
  return field !== undefined && field.oneof === undefined;
}

/** `finally` runs after a reply is made, and before it is encoded. */
function isWatched(sent: Node, owner: Node): boolean {
  return sent
    .getAncestors()
    .some(
      (node) => Node.isTryStatement(node) && node.getFinallyBlock() !== undefined && functionAround(node) === owner,
    );
}

const QUIET_CALLS = /^(JSON\.parse|fs\.(readFileSync|existsSync))$/;

const runs = (node: Node) => Node.isCallExpression(node) || Node.isNewExpression(node) || Node.isAwaitExpression(node);

/** Could a row be changed in the expression that it is sent in? */
function isChangedIn(p: Proving, whole: Node, value: Node): boolean {
  const roots = rootsOf(value);
  const declarations = roots?.map((root) => p.project.declarationOf(root));
  const isRoot = (one: Node) =>
    Node.isIdentifier(one) &&
    roots?.some((root) => root.getText() === one.getText()) &&
    declarations?.includes(p.project.declarationOf(one));
  const names = (node: Node) => [node, ...node.getDescendants()].some(isRoot);
  return whole.getDescendants().some((node) => {
    if (isAssignmentTarget(node)) return true;
    if (!Node.isCallExpression(node) || node.getStart() < value.getEnd()) return false;
    if (!roots) return true;
    const callee = node.getExpression();
    const isReader = Node.isPropertyAccessExpression(callee) && LIST_READERS.test(callee.getName());
    const isQuiet = !node.getArguments().some((one) => names(one) || [one, ...one.getDescendants()].some(runs));
    if (isQuiet && onlyReads(p, callee)) return false;
    return names(node) && !(isReader && isQuiet && Node.isIdentifier(callee.getExpression()));
  });
}

/** Is a function of the project one that only reads, `all() { return this.rows; }`? */
function onlyReads(p: Proving, callee: Node, depth = 0): boolean {
  const origin = p.project.originOf(callee);
  if (origin.kind !== "function" || depth > 3) return false;
  return origin.node.getDescendants().every((node) => {
    if (!Node.isCallExpression(node)) return !isAssignmentTarget(node) && !Node.isDeleteExpression(node) && !runs(node);
    const inner = node.getExpression();
    const isRead = Node.isPropertyAccessExpression(inner) && LIST_READERS.test(inner.getName());
    return isRead || QUIET_CALLS.test(inner.getText()) || onlyReads(p, inner, depth + 1);
  });
}

/**
 * A promise that a handler gives is waited for: by what is written, or else by `protoLoaderMessage`. Undefined where the compiler
 * would not have that.
 */
function awaitFor(p: Proving, value: Node, handler: Node): string | undefined {
  if (isParsedData(p, value) || isNoPromise(value)) return "";
  const isTried = value.getAncestors().some((node) => Node.isTryStatement(node) && functionAround(node) === handler);
  if (isFunctionNode(handler) && isAsync(handler) && !isTried) return "await ";
  const type = value.getType();
  return isTypeScript(value.getSourceFile()) && !type.isAny() && !type.isUnknown() ? undefined : "";
}

function isNoPromise(given: Node): boolean {
  const value = unwrapped(given);
  if (Node.isAwaitExpression(value)) return true;
  const type = value.getType();
  if (!type.isAny() && !type.isUnknown() && !type.getProperty("then")) return true;
  const source = Node.isIdentifier(value) ? sourceOf(value) : undefined;
  return source !== undefined && isNoPromise(source);
}

/** The value of a constant. */
function sourceOf(name: Identifier): Node | undefined {
  const [declaration] = name.getSymbol()?.getDeclarations() ?? [];
  if (!Node.isVariableDeclaration(declaration)) return undefined;
  if (declaration.getVariableStatement()?.getDeclarationKind() !== "const") return undefined;
  const initializer = declaration.getInitializer();
  return initializer && unwrapped(initializer);
}
