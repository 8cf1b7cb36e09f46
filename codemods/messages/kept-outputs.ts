import type { DescMessage } from "@bufbuild/protobuf";
import { type CallExpression, Node, type PropertyAccessExpression, type Type } from "ts-morph";
import { declarationsBehind } from "../analysis/assignments.js";
import { functionBehind, parameterTaking } from "./called-functions.js";
import type { Kind } from "./message-kind.js";
import type { Start } from "./message-roots.js";
import {
  functionAround,
  isAbsent,
  isAlias,
  isArrowBody,
  isAssignmentTarget,
  isCallback,
  isFunctionNode,
  isTruthTest,
  isValueOfLogical,
  parametersOf,
  topOf,
  unquoted,
  unwrapped,
} from "./message-syntax.js";

/**
 * Where replies are written from anywhere: outputs of streams that are pushed, or calls of handlers that stay, which a program keeps
 * in lists, Sets, Maps and objects of its own.
 */
export interface Outputs {
  /** Expressions that hold outputs, or what outputs are kept in. */
  readonly known: Set<Node>;
  /** What is put where outputs are: it must turn out to be one. */
  readonly put: Node[];
  /** Keys of objects around outputs: `users.push({ name, output })`. */
  readonly keys: Set<string>;
  /** What is to be done where such a key turns out to hold one. */
  readonly asked: Map<string, (() => void)[]>;
  /** What the calls among them are asked with. */
  readonly requests: Set<DescMessage>;
  /** Names that are followed, with what is written there. */
  readonly names: Map<Node, Kind>;
}

export const createOutputs = (): Outputs => ({
  known: new Set(),
  put: [],
  keys: new Set(),
  asked: new Map(),
  requests: new Set(),
  names: new Map(),
});

export type KeepsOutputs = Pick<
  Start,
  "project" | "shape" | "sink" | "block" | "later" | "retype" | "outputs" | "canBeMissing" | "callsOf"
>;
const ENDS = /^(end|fail|destroy|emit|off|removeListener|removeAllListeners|sendMetadata|getPeer|getPath)$/;
const LOOKS = /^(has|delete|includes|indexOf|clear|keys|join)$/;
/** Those that are asked with an output. */
const ASKS = /^(has|delete|includes|indexOf)$/;
const PUTS = /^(push|unshift|add)$/;
const GIVES = /^(get|at|pop|shift|values|entries|slice|splice|reverse)$/;
const EACH = /^(forEach|filter|find|some|every|findIndex|map)$/;

/** The types of calls in grpc-js, and of its callbacks. */
const CALLS =
  /^(Server(UnaryCall|ReadableStream|WritableStream|DuplexStream)|sendUnaryData|handle(Unary|ClientStreaming|ServerStreaming|BidiStreaming)Call)$/;

/** `grpc.ServerWritableStream<User, Message>`. */
export function isCallType(type: Node): boolean {
  if (!Node.isTypeReference(type)) return false;
  const name = type.getTypeName();
  return CALLS.test(Node.isQualifiedName(name) ? name.getRight().getText() : name.getText());
}

/** Is a type that of a call which answers with a stream, under whatever name? */
export function isStreamCall(type: Type): boolean {
  const whole = type.getNonNullableType();
  return whole.getProperty("sendMetadata") !== undefined && whole.getProperty("write") !== undefined;
}

/** Does the compiler know that a call goes where one is asked for that takes such messages, and not `ServerWritableStream<any, any>`? */
function isAsked(value: Node): boolean {
  const type = Node.isExpression(value) ? value.getContextualType()?.getNonNullableType() : undefined;
  const write = type && isStreamCall(type) ? type.getProperty("write")?.getTypeAtLocation(value) : undefined;
  const [chunk] = write?.getCallSignatures()[0]?.getParameters() ?? [];
  return chunk !== undefined && !chunk.getTypeAtLocation(value).isAny();
}

/** All uses of a name that holds an output. */
export function followOutput(p: KeepsOutputs, name: Node, wanted: Kind): unknown {
  if (!Node.isIdentifier(name)) return p.block(name, "what keeps streams of replies is taken apart");
  const before = p.outputs.names.get(name);
  if (before)
    return before === wanted || sameDesc(before, wanted)
      ? undefined
      : p.block(name, "streams of several messages are kept together");
  p.outputs.names.set(name, wanted);
  for (const use of p.project.referencesTo(name)) if (use !== name && !isAlias(use)) followUse(p, use, wanted);
  return undefined;
}

const sameDesc = (one: Kind, other: Kind) =>
  one.kind === "message" && other.kind === "message" && one.desc === other.desc;

/** One of them: an output, or what some are kept in. */
export function followUse(p: KeepsOutputs, given: Node, wanted: Kind): unknown {
  if (isAssignmentTarget(given)) return assigned(p, given);
  const value = topOf(given);
  p.outputs.known.add(unwrapped(value));
  const parent = value.getParent();
  if (!parent || Node.isExpressionStatement(parent)) return undefined;
  if (Node.isPropertyAccessExpression(parent) && parent.getExpression() === value) return member(p, parent, wanted);
  if (Node.isElementAccessExpression(parent))
    return parent.getExpression() === value && !Node.isDeleteExpression(parent.getParent())
      ? followUse(p, parent, wanted)
      : undefined;
  if (isTruthTest(parent, value) && !isValueOfLogical(parent)) return undefined;
  if (Node.isBinaryExpression(parent)) {
    const operator = parent.getOperatorToken().getText();
    if (/^([!=]==?|in)$/.test(operator)) return undefined;
    if (/^(\|\||\?\?)$/.test(operator)) {
      for (const side of [parent.getLeft(), parent.getRight()]) p.outputs.put.push(side);
      return followUse(p, parent, wanted);
    }
    const holder = operator === "=" && parent.getRight() === value ? parent.getLeft() : undefined;
    if (holder) return kept(p, holder, wanted);
  }
  if (p.shape.typed && isAsked(value)) return undefined;
  if (Node.isVariableDeclaration(parent) && parent.getInitializer() === value)
    return parent.getTypeNode()
      ? p.block(parent, "a type annotation names a stream of replies")
      : followOutput(p, parent.getNameNode(), wanted);
  if (Node.isForOfStatement(parent) && parent.getExpression() === value) {
    const left = parent.getInitializer();
    const [item] = Node.isVariableDeclarationList(left) ? left.getDeclarations() : [];
    return item ? items(p, item.getNameNode(), wanted) : p.block(left, "what keeps streams of replies is taken apart");
  }
  if (Node.isSpreadElement(parent) && Node.isArrayLiteralExpression(parent.getParent()))
    return followUse(p, parent.getParentOrThrow(), wanted);
  if (Node.isArrayLiteralExpression(parent)) {
    p.outputs.put.push(...parent.getElements());
    return followUse(p, parent, wanted);
  }
  if (Node.isPropertyAssignment(parent) || Node.isShorthandPropertyAssignment(parent)) {
    holdsUnder(p, unquoted(parent.getName()));
    return followUse(p, parent.getParentOrThrow(), wanted);
  }
  if (Node.isReturnStatement(parent) || isArrowBody(parent, value)) {
    const owner = functionAround(value);
    if (owner && !isCallback(owner) && !p.shape.typed) {
      for (const call of p.callsOf(owner)) followUse(p, call, wanted);
      return undefined;
    }
  }
  if (Node.isCallExpression(parent)) return argument(p, parent, value, wanted);
  return p.block(value, "the stream of replies is handed on");
}

/** `output.write(message)`, `users.push(output)`, `rooms.get(id)`, `user.output`. */
function member(p: KeepsOutputs, access: PropertyAccessExpression, wanted: Kind): unknown {
  const name = access.getName();
  const call = access.getParent();
  if (!Node.isCallExpression(call) || call.getExpression() !== access) {
    if (/^(write|request)$/.test(name)) p.block(access, "the stream of replies is handed on");
    return whenHeld(p, name, () => followUse(p, access, wanted));
  }
  const [first, second] = call.getArguments();
  if (name === "write" && first) return writes(p, first, wanted);
  if (ENDS.test(name) || LOOKS.test(name)) return undefined;
  if (PUTS.test(name) || name === "set") {
    p.outputs.put.push(...(name === "set" ? call.getArguments().slice(1) : call.getArguments()));
    return undefined;
  }
  if (EACH.test(name) && first) {
    const taken = isFunctionNode(first) ? parametersOf(first) : undefined;
    if (!taken || second) return p.block(first, "what gets streams of replies cannot be seen");
    if (taken[2]) return p.block(first, "what keeps streams of replies is handed on");
    if (taken[0]) items(p, taken[0].getNameNode(), wanted);
    return /^(filter|find)$/.test(name) ? followUse(p, call, wanted) : undefined;
  }
  if (name === "splice") p.outputs.put.push(...call.getArguments().slice(2));
  return GIVES.test(name) ? followUse(p, call, wanted) : p.block(call, "the stream of replies is handed on");
}

function writes(p: KeepsOutputs, message: Node, wanted: Kind): void {
  p.sink(message, wanted);
  // Where none is there, the stream that it is for ends.
  p.later(() => {
    if (p.canBeMissing(message)) p.block(message, "a message that may not be there is sent");
  });
}

/** Does something as soon as objects with outputs turn out to have these under a key. */
function whenHeld({ outputs }: KeepsOutputs, key: string, act: () => void): void {
  if (outputs.keys.has(key)) act();
  else outputs.asked.set(key, [...(outputs.asked.get(key) ?? []), act]);
}

function holdsUnder({ outputs }: KeepsOutputs, key: string): void {
  outputs.keys.add(key);
  for (const act of outputs.asked.get(key) ?? []) act();
  outputs.asked.delete(key);
}

/** The name that gets one after the other: `user`, `[id, user]`, `{ output }`. */
function items(p: KeepsOutputs, name: Node, wanted: Kind): unknown {
  if (Node.isIdentifier(name)) return followOutput(p, name, wanted);
  if (Node.isArrayBindingPattern(name)) {
    const [, value, more] = name.getElements();
    if (more) return p.block(name, "what keeps streams of replies is taken apart");
    return Node.isBindingElement(value) ? items(p, value.getNameNode(), wanted) : undefined;
  }
  if (!Node.isObjectBindingPattern(name)) return p.block(name, "what keeps streams of replies is taken apart");
  for (const part of name.getElements()) {
    const key = unquoted((part.getPropertyNameNode() ?? part.getNameNode()).getText());
    if (part.getDotDotDotToken()) p.block(part, "what keeps streams of replies is taken apart");
    else whenHeld(p, key, () => items(p, part.getNameNode(), wanted));
  }
  return undefined;
}

/** `users.push(output)`, `Object.values(users)`, `notify(users)`. */
function argument(p: KeepsOutputs, call: CallExpression, value: Node, wanted: Kind): unknown {
  const callee = call.getExpression();
  if (/^(Object\.(keys|values|entries)|Array\.from)$/.test(callee.getText()))
    return call.getArguments().length === 1
      ? followUse(p, call, wanted)
      : p.block(call, "streams of replies are made others");
  if (Node.isPropertyAccessExpression(callee) && !functionBehind(p.project, callee)) {
    const isPut = PUTS.test(callee.getName()) || (callee.getName() === "set" && call.getArguments()[1] === value);
    if (isPut) return kept(p, callee.getExpression(), wanted);
    if (ASKS.test(callee.getName())) return void p.outputs.put.push(callee.getExpression());
  }
  const taken = parameterTaking(p.project, call, value);
  if (!taken || taken.parameter.getTypeNode()) return p.block(value, "the stream of replies is handed on");
  for (const one of taken.values) if (one) p.outputs.put.push(one);
  return followOutput(p, taken.parameter.getNameNode(), wanted);
}

/** What an output is put into: a variable of the program, or what is kept in one. */
function kept(p: KeepsOutputs, holder: Node, wanted: Kind): unknown {
  const value = unwrapped(holder);
  if (Node.isElementAccessExpression(value)) return kept(p, value.getExpression(), wanted);
  const callee = Node.isCallExpression(value) ? value.getExpression() : undefined;
  if (Node.isPropertyAccessExpression(callee) && /^(get|at)$/.test(callee.getName()))
    return kept(p, callee.getExpression(), wanted);
  const name =
    Node.isPropertyAccessExpression(value) && Node.isThisExpression(value.getExpression())
      ? value.getNameNode()
      : value;
  const declaration = Node.isIdentifier(name) ? p.project.declarationOf(name) : undefined;
  const isField = Node.isPropertyDeclaration(declaration);
  if (!isField && !Node.isVariableDeclaration(declaration))
    return p.block(holder, "the stream of replies is kept elsewhere");
  const initializer = declaration.getInitializer();
  const type = declaration.getTypeNode();
  if (type) retypes(p, type, wanted);
  if (initializer) puts(p, initializer, wanted);
  return isField
    ? followField(p, declaration.getNameNode(), wanted)
    : followOutput(p, declaration.getNameNode(), wanted);
}

/** `new Map<string, PushOutput<Message>>()`, beside what is put into a holder otherwise. */
function puts(p: KeepsOutputs, value: Node, wanted: Kind): void {
  p.outputs.put.push(value);
  const types = Node.isNewExpression(value) ? value.getTypeArguments() : [];
  for (const type of types) if (outputsIn(p, type, new Set()).length > 0) retypes(p, type, wanted);
}

/** `Map<string, PushOutput<Message>>`, `Member[]` of `interface Member { call: ServerWritableStream<User, Message> }`. */
function retypes(p: KeepsOutputs, type: Node, wanted: Kind): void {
  const found = outputsIn(p, type, new Set());
  if (found.length === 0 && !/^(any|string|number)(\[\])?$/.test(type.getText()))
    p.block(type, "a type annotation names a stream of replies");
  for (const one of found) {
    const [first, second] = Node.isTypeReference(one) ? one.getTypeArguments() : [];
    const names = "a type argument names the old message";
    if (first && /^(any|unknown)$/.test((second ?? first).getText())) continue;
    if (second && first) {
      const request = [...p.outputs.requests].find((desc) =>
        new RegExp(`\\b${desc.name}(__Output)?\\b`).test(first.getText()),
      );
      if (request) p.retype(first, one, names, { kind: "message", desc: request });
      else p.block(one, names);
      p.retype(second, one, names, wanted);
    } else if (first) p.retype(first, one, names, wanted);
  }
}

/** The types of outputs in a type, and in the interfaces of the program that it names. */
function outputsIn(p: KeepsOutputs, type: Node, seen: Set<Node>): Node[] {
  return [type, ...type.getDescendants()].flatMap((node): Node[] => {
    if (!Node.isTypeReference(node) || seen.has(node)) return [];
    seen.add(node);
    if (isCallType(node) || node.getTypeName().getText() === "PushOutput") return [node];
    return declarationsBehind(node.getTypeName())
      .filter((one) => Node.isInterfaceDeclaration(one) || Node.isTypeAliasDeclaration(one))
      .filter((one) => p.project.files.includes(one.getSourceFile()))
      .flatMap((one) => outputsIn(p, one, seen));
  });
}

/** `this.users`: whatever else has the name of the field is in the way. */
function followField(p: KeepsOutputs, name: Node, wanted: Kind): unknown {
  if (p.outputs.names.has(name)) return followOutput(p, name, wanted);
  const references = p.project.referencesTo(name);
  const isMember = (node: Node) => {
    const access = node.getParent();
    return Node.isPropertyAccessExpression(access) && access.getNameNode() === node;
  };
  const other = p.project.identifiersNamed(name.getText()).find((one) => isMember(one) && !references.includes(one));
  if (other) return p.block(other, "this may be where streams of replies are kept");
  p.outputs.names.set(name, wanted);
  for (const one of references) if (isMember(one)) followUse(p, one.getParentOrThrow(), wanted);
  return undefined;
}

/** `users = users.filter(…)`, `rooms[id] = new Set()`. */
function assigned(p: KeepsOutputs, target: Node): unknown {
  const change = target.getParent();
  if (!Node.isBinaryExpression(change) || !/^(\|\||\?\?)?=$/.test(change.getOperatorToken().getText()))
    return Node.isDeleteExpression(change) ? undefined : p.block(target, "what keeps streams of replies is written to");
  p.outputs.put.push(change.getRight());
  return undefined;
}

/** What was put where outputs are, and is none, nor made of some: known when all of them are. */
export function blockOtherOutputs(p: KeepsOutputs): void {
  const other = (given: Node): Node | undefined => {
    const value = unwrapped(given);
    if (isAbsent(value) || isEmpty(value)) return undefined;
    if (Node.isArrayLiteralExpression(value))
      return value
        .getElements()
        .map((one) => other(Node.isSpreadElement(one) ? one.getExpression() : one))
        .find(Boolean);
    if (!Node.isObjectLiteralExpression(value)) return p.outputs.known.has(value) ? undefined : value;
    for (const property of value.getProperties()) {
      if (!Node.isPropertyAssignment(property) && !Node.isShorthandPropertyAssignment(property)) return property;
      if (!p.outputs.keys.has(unquoted(property.getName()))) continue;
      const part = Node.isPropertyAssignment(property) ? property.getInitializerOrThrow() : property.getNameNode();
      if (other(part)) return part;
    }
    return undefined;
  };
  for (const put of p.outputs.put) {
    const found = other(put);
    if (found) p.block(found, "this is kept among streams of replies");
  }
}

/** `[]`, `{}`, `new Map()`. */
function isEmpty(value: Node): boolean {
  if (Node.isArrayLiteralExpression(value)) return value.getElements().length === 0;
  if (Node.isObjectLiteralExpression(value)) return value.getProperties().length === 0;
  if (/^Object\.create\(null\)$/.test(value.getText())) return true;
  return (
    Node.isNewExpression(value) &&
    /^(Map|Set|WeakMap|Array)$/.test(value.getExpression().getText()) &&
    value.getArguments().length === 0
  );
}
