import { Node } from "ts-morph";
import { type Kind, maybe, sameKind } from "./message-kind.js";
import {
  ARRAY_READERS,
  functionAround,
  isArrowBody,
  isAssignmentTarget,
  isFunctionNode,
  nameOfElement,
  parametersOf,
  unwrapped,
} from "./message-syntax.js";
import { mustBeElement } from "./present-values.js";
import type { Proving } from "./proof.js";
import { contentOf, type Holder, holderOf, type Store, storeOf, usesOfStore } from "./store-places.js";

/** The use of a store: what it does, and the expressions that it puts in or gives. */
type Use =
  | { readonly does: "nothing" }
  | { readonly does: "take" | "takeAll"; readonly value: Node }
  | { readonly does: "put"; readonly values: readonly Node[] }
  /** Is this one of its messages? What is not there is none. */
  | { readonly does: "ask"; readonly value: Node }
  | { readonly does: "name"; readonly names: readonly Node[] }
  | { readonly does: "replace"; readonly value: Node }
  /** A list that is used as any list of messages. */
  | { readonly does: "flow" };

const NOTHING: Use = { does: "nothing" };

/** A message goes into a store: true where all that is done with the store is known. */
export function keepsMessage(p: Proving, store: Node, of: Kind): boolean {
  const kept = storeOf(p.project, store);
  return kept !== undefined && follow(p, kept, of);
}

/** `all.push(message)`, `byId.set(key, message)`: true where it is a store that takes it. */
export function takesIntoStore(p: Proving, call: Node, of: Kind): boolean {
  const callee = Node.isCallExpression(call) ? call.getExpression() : undefined;
  if (!Node.isPropertyAccessExpression(callee) || of.kind !== "message") return false;
  const store = storeOf(p.project, callee.getExpression());
  const taken = store?.holder === "set" ? /^(add|has|delete)$/ : /^(push|unshift|set|indexOf|includes)$/;
  if (!taken.test(callee.getName())) return false;
  return keepsMessage(p, callee.getExpression(), of);
}

/** `byId[key] = message`: the object, or the list. */
export function keptBy(assignment: Node): Node | undefined {
  if (!Node.isBinaryExpression(assignment) || assignment.getOperatorToken().getText() !== "=") return undefined;
  const target = assignment.getLeft();
  return Node.isElementAccessExpression(target) ? target.getExpression() : undefined;
}

/** Messages are wanted that come out of a store, `all.find(…)`, `[...byId.values()]`: true where the store is followed. */
export function comesFromStore(p: Proving, expression: Node, wanted: Kind): boolean {
  if (wanted.kind !== "message" && wanted.kind !== "list") return false;
  const store = storeBehind(p, expression);
  if (!store) return false;
  const isFilled = () => usesOf(p, store)?.some(({ use }) => use.does === "put") === true;
  return (
    (contentOf(store.made).length > 0 || isFilled()) && follow(p, store, wanted.kind === "list" ? wanted.of : wanted)
  );
}

/** One message that is taken out of a store by a key or a test, and that may not be there. */
export function isPickedFromStore(p: Proving, given: Node): boolean {
  const value = unwrapped(given);
  if (Node.isIdentifier(value)) {
    const made = constantValue(p, value);
    return made !== undefined && isPickedFromStore(p, made);
  }
  const isCall = Node.isCallExpression(value) && Node.isPropertyAccessExpression(value.getExpression());
  if (!isCall && !Node.isElementAccessExpression(value)) return false;
  return isFollowedStore(p, storeBehind(p, value)) && p.kinds.get(value)?.kind === "message";
}

/** An expression that stands for a store whose uses are all followed. */
export function isStore(p: Proving, expression: Node): boolean {
  return isFollowedStore(p, storeOf(p.project, expression));
}

function isFollowedStore(p: Proving, store: Store | undefined): boolean {
  return store !== undefined && p.stores.has(store.declaration);
}

/** All that is put into the store behind an expression that gives one message of it, or its messages; they may be none. */
export function valuesKept(
  p: Proving,
  given: Node,
): { readonly values: readonly Node[]; readonly isOne: boolean } | undefined {
  const store = storeBehind(p, given);
  const values = store && p.kept.get(store.declaration);
  return values && { values, isOne: p.kinds.get(given)?.kind === "message" };
}

function constantValue(p: Proving, name: Node): Node | undefined {
  const declaration = p.project.declarationOf(name);
  if (!Node.isVariableDeclaration(declaration)) return undefined;
  return declaration.getVariableStatement()?.getDeclarationKind() === "const"
    ? declaration.getInitializer()
    : undefined;
}

/** The store that an expression takes messages out of, by steps that give the same messages. */
function storeBehind(p: Proving, given: Node): Store | undefined {
  const node = unwrapped(given);
  if (Node.isPropertyAccessExpression(node)) return storeOf(p.project, node);
  if (Node.isIdentifier(node)) {
    const store = storeOf(p.project, node);
    const declaration = store ? undefined : p.project.declarationOf(node);
    if (store || !Node.isVariableDeclaration(declaration) || !functionAround(declaration)) return store;
    const made = declaration.getInitializer();
    return made && storeBehind(p, made);
  }
  if (Node.isElementAccessExpression(node)) return storeBehind(p, node.getExpression());
  if (Node.isArrayLiteralExpression(node)) {
    const [only, more] = node.getElements();
    return Node.isSpreadElement(only) && !more ? storeBehind(p, only.getExpression()) : undefined;
  }
  if (!Node.isCallExpression(node)) return undefined;
  const callee = node.getExpression();
  const [first] = node.getArguments();
  if (/^(Object\.values|Array\.from)$/.test(callee.getText())) return first && storeBehind(p, first);
  const isStep =
    Node.isPropertyAccessExpression(callee) &&
    /^(find|findLast|filter|slice|at|pop|shift|get|values|reverse|sort|splice)$/.test(callee.getName());
  return isStep ? storeBehind(p, callee.getExpression()) : undefined;
}

interface PlacedUse {
  readonly reference: Node;
  readonly use: Use;
}

/** All uses of a store; undefined where one of them is not known. */
function usesOf(p: Proving, store: Store): PlacedUse[] | undefined {
  const found: PlacedUse[] = [];
  for (const reference of usesOfStore(p.project, store) ?? [undefined]) {
    const use = reference && useOf(store.holder, reference);
    if (!use) return undefined;
    found.push({ reference, use });
  }
  return found;
}

function useOf(holder: Holder, reference: Node): Use | undefined {
  const parent = reference.getParent();
  if (holder !== "list" && isEmptied(holder, reference)) return NOTHING;
  if (Node.isElementAccessExpression(parent) && parent.getExpression() === reference)
    return holder === "map" || holder === "set" ? undefined : elementUse(parent);
  if (holder === "set") return setUse(reference);
  if (holder === "object") return objectUse(reference);
  if (Node.isPropertyAccessExpression(parent) && parent.getExpression() === reference)
    return holder === "list" ? listUse(parent) : mapUse(parent);
  if (holder === "map") return pairsOf(reference);
  if (Node.isBinaryExpression(parent) && parent.getLeft() === reference)
    return parent.getOperatorToken().getText() === "=" && Node.isExpressionStatement(parent.getParent())
      ? { does: "replace", value: parent.getRight() }
      : undefined;
  const isValue =
    (Node.isVariableDeclaration(parent) && functionAround(parent) !== undefined) ||
    Node.isPropertyAssignment(parent) ||
    Node.isShorthandPropertyAssignment(parent) ||
    Node.isForOfStatement(parent) ||
    Node.isSpreadElement(parent) ||
    Node.isReturnStatement(parent) ||
    (parent !== undefined && isArrowBody(parent, reference)) ||
    (Node.isCallExpression(parent) && parent.getArguments().includes(reference));
  return isValue && !isExported(parent) ? { does: "flow" } : undefined;
}

/** `byId = new Map();` */
function isEmptied(holder: Holder, reference: Node): boolean {
  const change = reference.getParent();
  if (!Node.isBinaryExpression(change) || change.getLeft() !== reference) return false;
  const made = change.getRight();
  const isStatement = change.getOperatorToken().getText() === "=" && Node.isExpressionStatement(change.getParent());
  return isStatement && holderOf(made) === holder && contentOf(made).length === 0;
}

/** `module.exports = { things: all }` */
function isExported(property: Node | undefined): boolean {
  const assignment = property?.getParent()?.getParent();
  return Node.isBinaryExpression(assignment) && /^(module\.)?exports\b/.test(assignment.getLeft().getText());
}

/** `store[key]`, `store[key] = message`, `delete store[key]`. */
function elementUse(access: Node): Use | undefined {
  const parent = access.getParent();
  if (Node.isDeleteExpression(parent)) return NOTHING;
  if (!isAssignmentTarget(access)) return { does: "take", value: access };
  const isSet = keptBy(parent as Node) !== undefined && Node.isExpressionStatement(parent?.getParent());
  return isSet && Node.isBinaryExpression(parent) ? { does: "put", values: [parent.getRight()] } : undefined;
}

function objectUse(reference: Node): Use | undefined {
  const parent = reference.getParent();
  if (Node.isBinaryExpression(parent) && parent.getOperatorToken().getText() === "in") return NOTHING;
  if (Node.isForInStatement(parent) && parent.getExpression() === reference) return NOTHING;
  if (Node.isPropertyAccessExpression(parent)) {
    const call = parent.getParent();
    return parent.getName() === "hasOwnProperty" && Node.isCallExpression(call) ? NOTHING : undefined;
  }
  if (!Node.isCallExpression(parent) || parent.getArguments()[0] !== reference) return undefined;
  switch (parent.getExpression().getText()) {
    case "Object.keys":
    case "Object.hasOwn":
      return NOTHING;
    case "Object.values":
      return { does: "takeAll", value: parent };
    case "Object.entries":
      return pairsOf(parent);
    default:
      return undefined;
  }
}

function listUse(access: Node): Use | undefined {
  if (!Node.isPropertyAccessExpression(access) || access.hasQuestionDotToken()) return undefined;
  const call = access.getParent();
  if (access.getName() === "length") return NOTHING;
  if (!Node.isCallExpression(call) || call.getExpression() !== access) return undefined;
  const given = call.getArguments();
  const [first, second] = given;
  const isLoose = Node.isExpressionStatement(call.getParent());
  switch (access.getName()) {
    case "push":
    case "unshift":
      return given.some((one) => Node.isSpreadElement(one)) ? undefined : { does: "put", values: given };
    case "indexOf":
    case "includes":
      return first && !second ? { does: "ask", value: first } : undefined;
    case "splice":
      if (given.length > 2) return { does: "put", values: isLoose ? given.slice(2) : [] };
      return isLoose ? NOTHING : { does: "takeAll", value: call };
    case "sort":
      return first && isFunctionNode(first) && parametersOf(first).length === 2
        ? { does: "name", names: parametersOf(first).map((one) => one.getNameNode()) }
        : undefined;
    case "reduce":
      return first && second && parametersOf(first).length === 2 ? { does: "flow" } : undefined;
    case "slice":
    case "reverse":
    case "at":
    case "pop":
    case "shift":
      return { does: "flow" };
    default:
      return first && ARRAY_READERS.has(access.getName()) && isFunctionNode(first) && parametersOf(first).length < 3
        ? { does: "flow" }
        : undefined;
  }
}

function mapUse(access: Node): Use | undefined {
  if (!Node.isPropertyAccessExpression(access) || access.hasQuestionDotToken()) return undefined;
  const call = access.getParent();
  if (access.getName() === "size") return NOTHING;
  if (!Node.isCallExpression(call) || call.getExpression() !== access) return undefined;
  const [first, second] = call.getArguments();
  switch (access.getName()) {
    case "has":
    case "delete":
    case "clear":
    case "keys":
      return NOTHING;
    case "get":
      return { does: "take", value: call };
    case "set":
      return second && Node.isExpressionStatement(call.getParent()) ? { does: "put", values: [second] } : undefined;
    case "values":
      return valuesOf(call);
    case "entries":
      return pairsOf(call);
    case "forEach": {
      const [value, , more] = first && isFunctionNode(first) ? parametersOf(first) : [];
      return value && !more ? { does: "name", names: [value.getNameNode()] } : undefined;
    }
    default:
      return undefined;
  }
}

/** `seen.add(message)`, `for (const message of seen)`. */
function setUse(reference: Node): Use | undefined {
  const access = reference.getParent();
  if (!Node.isPropertyAccessExpression(access) || access.getExpression() !== reference) return valuesOf(reference);
  const call = access.getParent();
  if (access.hasQuestionDotToken()) return undefined;
  if (access.getName() === "size") return NOTHING;
  if (!Node.isCallExpression(call) || call.getExpression() !== access) return undefined;
  const given = call.getArguments();
  switch (access.getName()) {
    case "clear":
      return NOTHING;
    case "add":
      return given.length === 1 && Node.isExpressionStatement(call.getParent())
        ? { does: "put", values: given }
        : undefined;
    case "has":
    case "delete":
      return given[0] && given.length === 1 ? { does: "ask", value: given[0] } : undefined;
    case "values":
      return valuesOf(call);
    case "forEach":
      return mapUse(access);
    default:
      return undefined;
  }
}

/** `[...store.values()]`, `Array.from(store.values())`, `for (const message of store.values())`. */
function valuesOf(call: Node): Use | undefined {
  const parent = call.getParent();
  if (Node.isForOfStatement(parent)) return nameIn(parent, (name) => name);
  if (Node.isSpreadElement(parent)) {
    const list = parent.getParent();
    if (!Node.isArrayLiteralExpression(list)) return undefined;
    return { does: "takeAll", value: list.getElements().length === 1 ? list : call };
  }
  const isFrom = Node.isCallExpression(parent) && parent.getExpression().getText() === "Array.from";
  return isFrom && parent.getArguments().length === 1 ? { does: "takeAll", value: parent } : undefined;
}

/** `for (const [key, message] of store)` */
function pairsOf(entries: Node): Use | undefined {
  const loop = entries.getParent();
  return nameIn(loop, (pattern) => {
    return Node.isArrayBindingPattern(pattern) ? nameOfElement(pattern.getElements()[1]) : undefined;
  });
}

function nameIn(loop: Node | undefined, pick: (name: Node) => Node | undefined): Use | undefined {
  const left = Node.isForOfStatement(loop) && !loop.isAwaited() ? loop.getInitializer() : undefined;
  const [one] = Node.isVariableDeclarationList(left) ? left.getDeclarations() : [];
  const name = one && pick(one.getNameNode());
  return name && { does: "name", names: [name] };
}

/** Follows all uses of a store of messages; false where one is not known. */
function follow(p: Proving, store: Store, of: Kind): boolean {
  const before = p.stores.get(store.declaration);
  if (before) {
    if (!sameKind(before, of)) p.block(store.declaration, "this keeps messages of more than one type");
    return true;
  }
  const uses = usesOf(p, store);
  if (!uses || of.kind !== "message" || p.shape.typed) return false;
  p.stores.set(store.declaration, of);
  if (Node.isArrayLiteralExpression(store.made)) p.changed.add(of.desc);
  const put = uses.flatMap(({ use }) => (use.does === "put" ? use.values : use.does === "replace" ? [use.value] : []));
  const isOther = (value: Node) => storeBehind(p, value)?.declaration !== store.declaration;
  p.kept.set(store.declaration, [...contentOf(store.made), ...put].filter(isOther));
  const list: Kind = { kind: "list", of };
  if (!retypes(p, store, of)) return true;
  const take = (value: Node) => {
    p.sink(value, of);
    if (!p.shape.isLive) return mustBeElement(p, value, of);
    p.later(() => {
      if (p.canBeMissing(value)) p.block(value, "an element that may be absent");
    });
  };
  for (const one of contentOf(store.made)) take(one);
  for (const { reference, use } of uses) {
    switch (use.does) {
      case "take":
        p.flow(use.value, maybe(of));
        break;
      case "takeAll":
        p.flow(use.value, list);
        break;
      case "put":
        for (const value of use.values) take(value);
        break;
      case "ask":
        p.sink(use.value, of);
        break;
      case "name":
        for (const name of use.names) p.bind(name, of);
        break;
      case "replace":
        p.sink(use.value, list);
        break;
      case "flow":
        p.flow(reference, list);
        break;
    }
  }
  return true;
}

/** `const all: Note[] = []`, `new Map<string, Note>()`: the type of the messages becomes the new one. */
function retypes(p: Proving, store: Store, of: Kind): boolean {
  const { made, declaration } = store;
  const inside = Node.isNewExpression(made) ? made.getTypeArguments() : [];
  const types = [store.type, ...inside.slice(store.holder === "map" ? 1 : 0)];
  return types.every((type) => {
    const name = Node.isTypeReference(type) ? type.getTypeName().getText() : "";
    const given = Node.isTypeReference(type) && /^(Map|Record|Set)$/.test(name) ? type.getTypeArguments() : [];
    const [signature, more] = Node.isTypeLiteral(type) ? type.getMembers() : [];
    const indexed = Node.isIndexSignatureDeclaration(signature) && !more ? signature.getReturnTypeNode() : undefined;
    const held = indexed ?? given[name === "Set" ? 0 : 1];
    const what = "a type annotation names the old message";
    return !type || p.retype(held ?? type, declaration, what, held || type !== types[0] ? of : { kind: "list", of });
  });
}
