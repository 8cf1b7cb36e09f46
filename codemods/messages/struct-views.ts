import { type CallExpression, Node } from "ts-morph";
import { isStructMessage, type Kind } from "./message-kind.js";
import {
  ARRAY_READERS,
  functionAround,
  isArrowBody,
  isAssignmentTarget,
  isCallback,
  isConstant,
  isFunctionNode,
  isTruthTest,
  isValueOfLogical,
  parametersOf,
  readFrom,
  topOf,
  unquoted,
  unwrapped,
} from "./message-syntax.js";
import type { Proving } from "./proof.js";
import { changedLater, hasStruct } from "./struct-values.js";
import { isOnlyHandedOn, viewsField } from "./typed-structs.js";
import { isPart } from "./whole-messages.js";

const RUNTIME = "@connect-migrate/runtime/grpc-js";

/**
 * What is done with such a message: where it is not asked whether it is there, handed on to another message or kept in a name,
 * the old object is made of it. True when the use is dealt with.
 */
export function followStructMessage(p: Proving, struct: Node, kind: Kind): boolean {
  const parent = struct.getParent();
  if (!parent) return false;
  if (isTruthTest(parent, struct) && !isValueOfLogical(parent)) return true;
  if (Node.isBinaryExpression(parent) && p.compareAbsent(parent, struct)) return true;
  if (p.shape.typed && isLeftOfAnd(parent, struct)) return true;
  if (Node.isVariableDeclaration(parent) && !parent.getTypeNode() && isConstant(parent)) {
    if (!p.shape.typed) return false;
    // What walks through it walks through the same message each time.
    if (isOnlyHandedOn(p, parent.getNameNode())) {
      p.bind(parent.getNameNode(), kind);
      return true;
    }
  }
  if (!p.shape.typed && isReturned(parent, struct)) return false;
  p.open.push({ expression: struct, kind });
  return true;
}

/** Where it is what `&&` gives, there is none. */
function isLeftOfAnd(parent: Node, struct: Node): boolean {
  return Node.isBinaryExpression(parent) && parent.getLeft() === struct && parent.getOperatorToken().getText() === "&&";
}

/** Does a function of the project give it back, whose calls are followed? */
function isReturned(parent: Node, struct: Node): boolean {
  const owner = functionAround(struct);
  const isResult = Node.isReturnStatement(parent) || Node.isYieldExpression(parent) || isArrowBody(parent, struct);
  return isResult && owner !== undefined && !isCallback(owner);
}

/** A use that nothing else has taken: the old object. False for what is no such message. */
export function viewsStruct(p: Proving, struct: Node, kind: Kind): boolean {
  const { structs } = p.shape;
  const parent = struct.getParent();
  if (structs && p.shape.typed && isStructMessage(kind)) {
    viewsField(p, struct);
    return true;
  }
  if (!structs || !isStructMessage(kind) || !parent || isReturned(parent, struct)) return false;
  const isRead =
    (Node.isPropertyAccessExpression(parent) || Node.isElementAccessExpression(parent)) &&
    parent.getExpression() === struct;
  if (!isRead && !p.shape.explicit && struct.getText().includes("?."))
    p.block(struct, "a Struct of a message that may not be there");
  const isCompared = Node.isBinaryExpression(parent) && /^[!=]==?$/.test(parent.getOperatorToken().getText());
  if (isCompared) p.block(parent, "a Struct is compared with something else");
  const use = useOf(p, struct, "part");
  if (use === "changed") p.block(struct, "an object of a Struct is changed");
  p.structs.views.add(struct);
  if (use === "leaves") p.finals.push(() => blockWhereSeen(p, struct));
  const outer = topOf(struct);
  const prefix = p.keyPrefix(outer);
  p.wrap(outer, [prefix, { module: RUNTIME, name: structs.view }, "("], `${structs.options})`);
  return true;
}

/** An old object goes out of sight, where somebody may change it: does the program look at the same Struct elsewhere? */
function blockWhereSeen(p: Proving, struct: Node): void {
  const why = "an object of a Struct goes out of sight, and the Struct is used elsewhere";
  const around = outermost(struct);
  const isSeen = [...p.structs.views].some((other) => {
    const owner = outermost(other);
    return other !== struct && (owner === around || !owner || !p.handlers.has(owner));
  });
  const isHandedOn = [...p.kinds].some(
    ([node, kind]) =>
      p.consumed.has(node) && (isStructMessage(kind) || (kind.kind === "message" && hasStruct(kind.desc))),
  );
  if (isSeen || isHandedOn) p.block(struct, why);
}

function outermost(node: Node): Node | undefined {
  return node.getAncestors().findLast(isFunctionNode);
}

/** What becomes of an old object, or of a part of one. */
type Use = "read" | "leaves" | "changed";

/** What a part is: one with keys of its own, one whose keys are those of the Struct, `Object.entries()` of it, one of these. */
type Part = "part" | "fields" | "entries" | "pair";

/** A name, and what it holds: asked once, where a function calls itself. */
type Seen = Set<string>;

const LEAVES = /^(stringValue|numberValue|boolValue|nullValue|kind|length)$/;
const CHANGES = /^(push|pop|shift|unshift|splice|sort|reverse|fill|copyWithin)$/;
const LOOKS = /^(Object\.keys|JSON\.stringify|String|Number|Boolean|Array\.isArray|console\.\w+)$/;
const LOOKING_METHODS = /^(hasOwnProperty|toString|includes|indexOf|join|some|every|forEach|map|flatMap|reduce)$/;

/** The worst of all that is done with it, as far as functions of the project can be followed. */
function useOf(p: Proving, given: Node, part: Part, seen: Seen = new Set()): Use {
  const node = topOf(given);
  const parent = node.getParent();
  if (!parent) return "leaves";
  if (isAssignmentTarget(node)) return Node.isIdentifier(node) ? "read" : "changed";
  const isKeyed = Node.isPropertyAccessExpression(parent) || Node.isElementAccessExpression(parent);
  if (isKeyed && parent.getExpression() === node) {
    const call = parent.getParent();
    if (Node.isCallExpression(call) && call.getExpression() === parent) return useOfMethod(p, call, part, seen);
    const key = Node.isPropertyAccessExpression(parent)
      ? parent.getName()
      : unquoted(parent.getArgumentExpression()?.getText() ?? "");
    if (isLeaf(key, part) && !isAssignmentTarget(parent)) return "read";
    return useOf(p, parent, at(key, part), seen);
  }
  if (isKeyed) return "read";
  if (isCopied(p, node)) return "read";
  if (isTruthTest(parent, node) && !isValueOfLogical(parent)) return "read";
  if (Node.isBinaryExpression(parent)) {
    const operator = parent.getOperatorToken().getText();
    if (operator === "&&" && parent.getLeft() === node) return "read";
    if (/^(\|\||\?\?|&&)$/.test(operator)) return useOf(p, parent, part, seen);
    return operator === "=" ? "leaves" : "read";
  }
  if (Node.isConditionalExpression(parent)) return useOf(p, parent, part, seen);
  if (Node.isTemplateSpan(parent) || Node.isTypeOfExpression(parent) || Node.isExpressionStatement(parent))
    return "read";
  if (Node.isSwitchStatement(parent) || Node.isCaseClause(parent) || Node.isForInStatement(parent)) return "read";
  if (Node.isVariableDeclaration(parent)) return useOfName(p, parent.getNameNode(), part, seen);
  if (Node.isForOfStatement(parent)) {
    const left = parent.getInitializer();
    const [item] = Node.isVariableDeclarationList(left) ? left.getDeclarations() : [];
    return item ? useOfName(p, item.getNameNode(), itemOf(part), seen) : "leaves";
  }
  if (!Node.isCallExpression(parent)) return "leaves";
  const callee = parent.getExpression();
  if (LOOKS.test(callee.getText())) return "read";
  if (callee.getText() === "Object.entries") return useOf(p, parent, "entries", seen);
  if (callee.getText() === "Object.values") return useOf(p, parent, "part", seen);
  const origin = p.project.originOf(callee);
  const name = origin.kind === "function" ? parameterAt(origin.node, parent.getArguments().indexOf(node)) : undefined;
  return name ? useOfName(p, name, part, seen) : "leaves";
}

/** Is it, or a literal around it, an object that a field's JSON is made of? */
function isCopied(p: Proving, node: Node): boolean {
  if (p.structs.made.has(node)) return true;
  const parent = node.getParent();
  return parent !== undefined && isPart(parent, node) && isCopied(p, topOf(parent));
}

function isLeaf(key: string, part: Part): boolean {
  return part === "pair" ? key === "0" : part === "part" && LEAVES.test(key);
}

function at(key: string, part: Part): Part {
  return part === "part" && key === "fields" ? "fields" : itemOf(part);
}

function itemOf(part: Part): Part {
  return part === "entries" ? "pair" : "part";
}

/** `values.map(…)`, `list.at(0)`. */
function useOfMethod(p: Proving, call: CallExpression, part: Part, seen: Seen): Use {
  const access = call.getExpression();
  const method = Node.isPropertyAccessExpression(access) ? access.getName() : "";
  const [callback] = call.getArguments();
  if (CHANGES.test(method)) return "changed";
  if ((ARRAY_READERS.has(method) || method === "reduce") && callback) {
    const origin = p.project.originOf(callback);
    const owner = isFunctionNode(callback) ? callback : origin.kind === "function" ? origin.node : undefined;
    const index = method === "reduce" ? 1 : 0;
    if (!owner || !isFunctionNode(owner) || parametersOf(owner).length > index + 2) return "leaves";
    const name = parameterAt(owner, index);
    const items = name ? useOfName(p, name, itemOf(part), seen) : "read";
    if (items !== "read") return items;
  } else if (callback && !LOOKING_METHODS.test(method)) return "leaves";
  return LOOKING_METHODS.test(method) ? "read" : useOf(p, call, part, seen);
}

function parameterAt(owner: Node, index: number): Node | undefined {
  const parameter = isFunctionNode(owner) ? parametersOf(owner)[index] : undefined;
  return parameter && !parameter.isRestParameter() ? parameter.getNameNode() : undefined;
}

/** Of a name, or of all in a pattern. */
function useOfName(p: Proving, name: Node, part: Part, seen: Seen): Use {
  const key = `${name.getSourceFile().getFilePath()}:${name.getPos()} ${part}`;
  if (seen.has(key)) return "read";
  seen.add(key);
  const uses = usesOfName(p, name, part, seen);
  return uses.find((use) => use === "changed") ?? uses.find((use) => use === "leaves") ?? "read";
}

function usesOfName(p: Proving, name: Node, part: Part, seen: Seen): Use[] {
  if (Node.isIdentifier(name))
    return p.project.referencesTo(name).flatMap((one) => (one === name ? [] : [useOf(p, one, part, seen)]));
  if (Node.isObjectBindingPattern(name))
    return name.getElements().flatMap((one): Use[] => {
      const inner = one.getNameNode();
      if (one.getDotDotDotToken()) return ["leaves"];
      const key = unquoted((one.getPropertyNameNode() ?? inner).getText());
      return isLeaf(key, part) ? [] : [useOfName(p, inner, at(key, part), seen)];
    });
  if (!Node.isArrayBindingPattern(name)) return ["leaves"];
  return name.getElements().flatMap((one, index): Use[] => {
    if (!Node.isBindingElement(one) || isLeaf(String(index), part)) return [];
    return one.getDotDotDotToken() ? ["leaves"] : [useOfName(p, one.getNameNode(), itemOf(part), seen)];
  });
}

/** An object of old code for a field of google.protobuf.Struct: it holds what was encoded for it. False for anything known. */
export function makesStruct(p: Proving, given: Node, wanted: Kind): boolean {
  const { structs } = p.shape;
  if (!structs || !isStructMessage(wanted) || p.kinds.has(given) || Node.isConditionalExpression(given)) return false;
  if (Node.isBinaryExpression(given) && /^(\|\||\?\?)$/.test(given.getOperatorToken().getText())) {
    if (isStructMessage(p.kinds.get(unwrapped(given.getLeft())))) {
      for (const side of [given.getLeft(), given.getRight()]) p.prove(side, wanted);
      return true;
    }
  }
  const isOther = () => {
    const known = readFrom(given).find((part) => p.kinds.has(part));
    return known !== undefined && !isStructMessage(p.kinds.get(known));
  };
  if (isOther()) return false;
  if (p.shape.hasNulls && isConverted(given)) p.block(given, "a Struct in an object that fromObject converts");
  p.later(() => {
    if (isOther()) p.block(given, "a part of a message in the place of a Struct");
  });
  for (const name of [given, ...given.getDescendants()]) {
    const change = isVariable(name) ? changedLater(p, name) : undefined;
    if (change) p.block(change, "an object changes once it is in a Struct");
  }
  p.structs.made.add(topOf(given));
  p.wrap(given, [p.shorthandPrefix(given), { module: RUNTIME, name: structs.make }, "("], ")");
  return true;
}

/** `T.fromObject({ meta: … })`, which takes other values than `encode`, and refuses some at once. */
function isConverted(given: Node): boolean {
  return given
    .getAncestors()
    .some((node) => Node.isCallExpression(node) && /\.fromObject$/.test(node.getExpression().getText()));
}

function isVariable(name: Node): boolean {
  const parent = name.getParent();
  if (!Node.isIdentifier(name)) return false;
  if (Node.isPropertyAccessExpression(parent)) return parent.getExpression() === name;
  return !Node.isPropertyAssignment(parent) || parent.getInitializer() === name;
}
