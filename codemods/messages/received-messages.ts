import { Node, type ParameterDeclaration } from "ts-morph";
import { isKeptThere } from "./kept-keys.js";
import {
  ARRAY_READERS,
  endsWithoutValue,
  isAbsent,
  isAlias,
  isAssignmentTarget,
  isCallback,
  isChecked,
  isFunctionNode,
  isGenerator,
  isOrEmpty,
  leavesAlways,
  ownReturns,
  parametersOf,
  unwrapped,
  valueOfProperty,
} from "./message-syntax.js";
import { passedBy } from "./passed-results.js";
import type { Proving } from "./proof.js";
import { valuesBesideRejections } from "./rejections.js";
import { valuesKept } from "./stores.js";

/**
 * How a received message, or a list of them, is there: always; or else `same`, undefined or null before and after; or `null`,
 * a field that is not set, which is null in old code and undefined on protobuf-es; or `either` of the last two.
 */
export type Presence = "always" | "same" | "null" | "either";

/**
 * Does an expression hold a message that came from the peer, or a part of one, whatever branch was taken? A message that the
 * program makes itself stays the literal that it is; undefined for those, unless `isAlike` says that one has all that is asked for, and
 * for what cannot be seen.
 */
export function receivedAs(
  p: Proving,
  given: Node,
  asked: Asked = newQuestion(),
  isAlike?: (made: Node) => boolean,
): Presence | undefined {
  const node = unwrapped(given);
  // What is made of itself is what else it is made of.
  if (asked.open.has(node)) {
    asked.assumed++;
    return "always";
  }
  if (asked.found.has(node)) return asked.found.get(node);
  const { assumed } = asked;
  asked.open.add(node);
  const presence = findPresence(p, node, asked, isAlike);
  asked.open.delete(node);
  if (asked.assumed === assumed) asked.found.set(node, presence);
  return presence;
}

/** What is asked for one answer: values that are looked at, and what was found without an assumption about these. */
interface Asked {
  readonly open: Set<Node>;
  readonly found: Map<Node, Presence | undefined>;
  assumed: number;
}

const newQuestion = (open: Iterable<Node> = []): Asked => ({ open: new Set(open), found: new Map(), assumed: 0 });

function findPresence(
  p: Proving,
  node: Node,
  asked: Asked,
  isAlike: ((made: Node) => boolean) | undefined,
): Presence | undefined {
  if (p.received.has(node) || p.shape.creates?.(p, node) || isAlike?.(node)) return "always";
  if (p.shape.wantsWhole?.(p, node)) return "always";
  const of = (other: Node) => receivedAs(p, other, asked, isAlike);
  if (Node.isAwaitExpression(node)) return of(node.getExpression());
  if (Node.isPropertyAccessExpression(node)) {
    const object = node.getExpression();
    const presence = part(p, of(object), node, node.getName());
    return presence ?? (p.shape.coerces ? givenPart(p, object, node.getName(), asked) : undefined);
  }
  if (Node.isBinaryExpression(node) && isOrEmpty(node, node.getLeft())) return of(node.getLeft()) && "always";
  if (Node.isConditionalExpression(node)) return merged([of(node.getWhenTrue()), of(node.getWhenFalse())]);
  if (Node.isBinaryExpression(node) && /^(\|\||\?\?)$/.test(node.getOperatorToken().getText())) {
    const otherwise = of(node.getRight());
    return of(node.getLeft()) && otherwise;
  }
  if (Node.isArrayLiteralExpression(node)) {
    const items = node.getElements().map((one) => of(Node.isSpreadElement(one) ? one.getExpression() : one));
    return merged(items) === "always" ? "always" : undefined;
  }
  const kept = valuesKept(p, node);
  if (kept) return merged(kept.values.map(of)) && (kept.isOne && !isKeptThere(p.project, node) ? "same" : "always");
  if (Node.isElementAccessExpression(node)) return of(node.getExpression()) && "same";
  if (Node.isCallExpression(node)) {
    const callee = node.getExpression();
    const atOnce = unwrapped(callee);
    if (isFunctionNode(atOnce)) return resultAs(atOnce, of);
    const passed = passedBy(p.project, node);
    if (passed) return merged([...passed.results.map(of), passed.mayBeNothing ? "same" : "always"]);
    const origin = p.project.originOf(callee);
    if (origin.kind === "function") return resultAs(origin.node, of);
    const [first, more] = node.getArguments();
    if (/^Promise\.(all|resolve)$/.test(callee.getText())) return first && !more ? of(first) : undefined;
    if (!Node.isPropertyAccessExpression(callee)) return undefined;
    if (callee.getName() === "map") return areAllThere(p, first, of) ? "always" : undefined;
    if (/^(slice|filter|reverse|sort)$/.test(callee.getName())) return of(callee.getExpression());
    return /^(find|at|pop|shift|catch)$/.test(callee.getName()) ? of(callee.getExpression()) && "same" : undefined;
  }
  if (Node.isObjectBindingPattern(node) || Node.isArrayBindingPattern(node)) return takenApart(p, node, of);
  if (!Node.isIdentifier(node)) return undefined;
  const found = named(p, node, of);
  return found && isExcluded(node, found) ? "always" : found;
}

/**
 * `order.lines` of an order that the program made: the list of a received message, where each such order was given one. What
 * else is put into the field later was received, too.
 */
function givenPart(p: Proving, object: Node, key: string, asked: Asked): Presence | undefined {
  const kind = p.kinds.get(unwrapped(object));
  const field = kind?.kind === "message" ? p.fieldBy(kind.desc, key) : undefined;
  if (field?.fieldKind !== "list" || p.shape.explicit) return undefined;
  // A part that is made of itself decides nothing.
  const parts = () => newQuestion([...asked.open].filter(Node.isPropertyAccessExpression));
  const isGiven = (made: Node) => {
    const value = Node.isObjectLiteralExpression(made) ? valueOfProperty(made.getProperty(key)) : undefined;
    return value !== undefined && receivedAs(p, value, parts()) === "always";
  };
  return receivedAs(p, object, parts(), isGiven) && "always";
}

/** Has a test excluded the nothing that may be there instead of a message? */
function isExcluded(name: Node, presence: Presence): boolean {
  if (presence === "same") return isChecked(name, "undefined");
  if (presence === "null") return isChecked(name, "null");
  return isChecked(name, "undefined") && isChecked(name, "null");
}

/** What a function of the project returns. */
function resultAs(owner: Node, of: Ask): Presence | undefined {
  const body = isFunctionNode(owner) && !isGenerator(owner) ? owner.getBody() : undefined;
  if (!body || !Node.isBlock(body)) return body && of(body);
  const results = ownReturns(owner).map((statement) => statement.getExpression());
  const found = merged(results.map((one) => one && of(one)));
  return found && merged([found, endsWithoutValue(owner) ? "same" : "always"]);
}

/** Is what a function of `list.map(…)` gives always a received message? */
function areAllThere(p: Proving, callback: Node | undefined, of: Ask): boolean {
  const origin = callback && !isFunctionNode(callback) ? p.project.originOf(callback) : undefined;
  const mapper = origin?.kind === "function" ? origin.node : callback;
  return mapper !== undefined && resultAs(mapper, of) === "always";
}

/** `message.child`, `message.children`. */
function part(p: Proving, of: Presence | undefined, access: Node, key: string): Presence | undefined {
  const object = Node.isPropertyAccessExpression(access) ? unwrapped(access.getExpression()) : undefined;
  const kind = object && p.kinds.get(object);
  if (!of || kind?.kind !== "message") return undefined;
  const field = p.fieldBy(kind.desc, key);
  if (p.shape.explicit) return field && unsetAs(p, field.fieldKind === "list");
  if (access.getText().includes("?.")) return "either";
  if (!field) return undefined;
  if (field.oneof) return "either";
  return unsetAs(p, field.fieldKind === "list");
}

/** How a field is there, or a list of them. */
function unsetAs({ shape }: Proving, isList: boolean): Presence {
  if (shape.explicit) return isList && shape.explicit.hasLists ? "always" : "same";
  return isList ? "always" : "null";
}

type Ask = (other: Node) => Presence | undefined;

function parameterAs(p: Proving, declaration: ParameterDeclaration, of: Ask): Presence | undefined {
  const owner = declaration.getParent();
  if (isWritten(p, declaration.getNameNode())) return undefined;
  if (p.received.has(declaration.getNameNode())) return "always";
  if (!owner || !isFunctionNode(owner) || declaration.getInitializer()) return undefined;
  const call = owner.getParent();
  if (Node.isCallExpression(call) && isCallback(owner)) {
    const callee = call.getExpression();
    if (!Node.isPropertyAccessExpression(callee)) return undefined;
    const name = callee.getName();
    const index = parametersOf(owner).indexOf(declaration);
    if (name === "then" && index === 0 && call.getArguments()[0] === owner) return of(callee.getExpression());
    // `reduce((sum, item) => …, 0)`, `sort((a, b) => …)`
    const isItem =
      name === "reduce" && call.getArguments().length === 2
        ? index === 1
        : (name === "sort" && index < 2) || (ARRAY_READERS.has(name) && index === 0);
    return isItem ? of(callee.getExpression()) && "always" : undefined;
  }
  const values = p.project.valuesPassed(declaration);
  // What a function puts into a list that it gets is a message.
  const isEmpty = (value: Node) => Node.isArrayLiteralExpression(value) && value.getElements().length === 0;
  if (values) return merged(values.map((value) => value && (isEmpty(value) ? "always" : of(value))));
  const elements = p.shape.creates && elementsPassed(p, declaration, owner);
  if (elements) return merged(elements.map(({ value, list }) => (list ? of(list) && "always" : value && of(value))));
  // Where a call fails, nothing is passed, before and after.
  const beside = valuesBesideRejections(p, owner, parametersOf(owner).indexOf(declaration));
  return beside && merged([...beside.map((value) => value && of(value)), "same"]);
}

/** What a function gets that is called, or handed to a method of lists: `list.map(nameOf)`; undefined where it goes elsewhere. */
function elementsPassed(p: Proving, parameter: ParameterDeclaration, owner: Node) {
  const holder = Node.isFunctionDeclaration(owner) ? owner : owner.getParent();
  const isNamed = Node.isFunctionDeclaration(holder) || Node.isVariableDeclaration(holder);
  const name = isNamed ? holder.getNameNode() : undefined;
  const index = parametersOf(owner).indexOf(parameter);
  if (!Node.isIdentifier(name)) return undefined;
  const found: { value?: Node; list?: Node }[] = [];
  for (const use of p.project.referencesTo(name)) {
    if (use === name || isAlias(use)) continue;
    const call = use.getParent();
    if (!Node.isCallExpression(call)) return undefined;
    const callee = call.getExpression();
    const value = call.getArguments()[index];
    if (callee === use) found.push(value ? { value } : {});
    else if (index === 0 && Node.isPropertyAccessExpression(callee) && ARRAY_READERS.has(callee.getName()))
      found.push({ list: callee.getExpression() });
    else return undefined;
  }
  return found;
}

/** What `{ child, children }` is taken out of. */
function takenApart(p: Proving, pattern: Node, of: Ask): Presence | undefined {
  const holder = pattern.getParent();
  if (Node.isParameterDeclaration(holder)) return parameterAs(p, holder, of);
  if (Node.isBindingElement(holder)) return holder.getInitializer() ? undefined : of(holder.getParent()) && "always";
  const loop = holder?.getParent()?.getParent();
  const source = Node.isVariableDeclaration(holder) ? holder.getInitializer() : undefined;
  if (Node.isForOfStatement(loop)) return of(loop.getExpression()) && "always";
  return source && of(source);
}

/** The list of `const [first] = list`. */
export function takenOf(declaration: Node | undefined): Node | undefined {
  const pattern = Node.isBindingElement(declaration) ? declaration.getParent() : undefined;
  const holder = Node.isArrayBindingPattern(pattern) ? pattern.getParent() : undefined;
  return Node.isVariableDeclaration(holder) ? holder.getInitializer() : undefined;
}

function named(p: Proving, name: Node, of: Ask): Presence | undefined {
  const declaration = p.project.declarationOf(name);
  if (Node.isParameterDeclaration(declaration)) return parameterAs(p, declaration, of);
  if (Node.isBindingElement(declaration)) {
    const list = takenOf(declaration);
    if (list) return isWritten(p, declaration.getNameNode()) ? undefined : of(list) && "same";
    if (p.rests.has(declaration)) return of(declaration.getParent()) && "always";
    const kind = p.kinds.get(name);
    const isKnown = of(declaration.getParent()) !== undefined;
    const hasDefault = declaration.getInitializer() !== undefined || declaration.getDotDotDotToken() !== undefined;
    if (!isKnown || hasDefault || isWritten(p, declaration.getNameNode())) return undefined;
    return unsetAs(p, kind?.kind === "list");
  }
  if (!Node.isVariableDeclaration(declaration)) return undefined;
  const loop = declaration.getParent().getParent();
  if (Node.isForOfStatement(loop))
    return isWritten(p, declaration.getNameNode()) ? undefined : of(loop.getExpression());
  const initializer = declaration.getInitializer();
  const isFilledLater = !initializer || isAbsent(initializer);
  const writes = p.project.referencesTo(declaration.getNameNode()).filter(isAssignmentTarget);
  const values = writes.map((write) => {
    const change = write.getParent();
    return Node.isBinaryExpression(change) && change.getOperatorToken().getText() === "="
      ? of(change.getRight())
      : undefined;
  });
  const found = merged(isFilledLater ? values : [of(initializer), ...values]);
  if (!isFilledLater || found !== "always") return isFilledLater && found === "null" ? "either" : found;
  return writes.length === 1 && writes[0] && isFilledBefore(name, writes[0]) ? "always" : "same";
}

/** Is a name given another value anywhere? */
export function isWritten(p: Proving, name: Node): boolean {
  return Node.isIdentifier(name) && p.project.referencesTo(name).some(isAssignmentTarget);
}

function merged(values: readonly (Presence | undefined)[]): Presence | undefined {
  const [first] = values;
  if (!first || values.includes(undefined)) return undefined;
  const partial = new Set(values.filter((one) => one !== "always"));
  return partial.size === 0 ? "always" : partial.size === 1 ? [...partial][0] : "either";
}

/** `try { name = await …; } catch { return; }` before the use, in the same block or around it. */
function isFilledBefore(use: Node, write: Node): boolean {
  const statement = write.getParent()?.getParent();
  const block = statement?.getParent();
  const attempt = block?.getParent();
  if (!Node.isExpressionStatement(statement)) return false;
  if (!Node.isTryStatement(attempt) || attempt.getTryBlock() !== block)
    return block !== undefined && use.getAncestors().includes(block) && use.getPos() > statement.getEnd();
  if (use.getAncestors().includes(block)) return use.getPos() > statement.getEnd();
  const clause = attempt.getCatchClause();
  const around = attempt.getParent();
  return (
    (!clause || leavesAlways(clause.getBlock())) &&
    use.getPos() > attempt.getEnd() &&
    around !== undefined &&
    use.getAncestors().includes(around)
  );
}
