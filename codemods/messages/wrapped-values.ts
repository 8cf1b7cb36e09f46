import type { DescMessage } from "@bufbuild/protobuf";
import { Node, type PropertyAccessExpression } from "ts-morph";
import { contains } from "../analysis/around-values.js";
import { chainRoot, generatedNameOf, setterAfter } from "./google-protobuf-names.js";
import { zeroText } from "./google-protobuf-reads.js";
import { writesOn } from "./google-protobuf-writes.js";
import { type Kind, maybe, STRUCT } from "./message-kind.js";
import {
  conditionOf,
  conjuncts,
  isAbsent,
  isAssignmentTarget,
  isChecked,
  isFunctionNode,
  isOperand,
  isTruthTest,
  isValueOfLogical,
  standsAlone,
  unwrapped,
} from "./message-syntax.js";
import type { Proving } from "./proof.js";
import { followStructMessage, makesStruct } from "./struct-views.js";
import { fillsField } from "./typed-structs.js";

const RUNTIME = "@connect-migrate/runtime/grpc-js";

/**
 * google.protobuf.StringValue and its like: old code has a message around the value, a field of protobuf-es the value itself or
 * undefined. An expression that holds such a message comes to hold the value.
 */
export type Wrapper = Kind & { readonly kind: "wrapper" };

/** What is done with a wrapper: its value is taken, or it is asked whether it is there. True when the use is dealt with. */
export function followWrapper(p: Proving, wrapper: Node, kind: Wrapper): boolean {
  const { of, desc } = kind;
  const parent = wrapper.getParent();
  if (!parent) return false;
  if (desc.typeName === STRUCT && p.shape.structs) return followStructMessage(p, wrapper, kind);
  if (Node.isPropertyAccessExpression(parent) && parent.getExpression() === wrapper) {
    if (desc.typeName === STRUCT) takeObject(p, parent, wrapper);
    else takeValue(p, parent, wrapper, of);
    return true;
  }
  if (isTruthTest(parent, wrapper)) return testsPresence(p, parent, wrapper);
  return Node.isBinaryExpression(parent) && p.compareAbsent(parent, wrapper);
}

/** `if (x)`, `!x` where an object is asked for: an empty value in its place is no reason to think that there is none. */
export function testsPresence(p: Proving, test: Node, value: Node): boolean {
  if (Node.isPrefixUnaryExpression(test)) {
    const isAlone = standsAlone(test) || conditionOfTest(test);
    const [opening, closing] = isAlone ? ["", ""] : ["(", ")"];
    p.edit(test, test.getStart(), value.getStart(), [opening]);
    p.edit(test, value.getEnd(), test.getEnd(), [` === undefined${closing}`]);
    return true;
  }
  const isLogical = Node.isBinaryExpression(test);
  if (isLogical && (test.getOperatorToken().getText() !== "&&" || isValueOfLogical(test))) return false;
  p.edit(value, value.getEnd(), value.getEnd(), [" !== undefined"], "before");
  return true;
}

/** `x.getValue()`, `x.value`: nothing is left of it. */
function takeValue(p: Proving, access: PropertyAccessExpression, wrapper: Node, of: Kind): unknown {
  const call = access.getParent();
  const isCall = Node.isCallExpression(call) && call.getExpression() === access && call.getArguments().length === 0;
  const bytes = access.getName() === "getValue_asU8";
  const whole =
    isCall && (bytes || access.getName() === "getValue") ? call : access.getName() === "value" ? access : undefined;
  if (!whole || isAssignmentTarget(whole))
    return p.block(access, `what ${access.getName()} of a wrapper does is not followed`);
  const kind: Kind = bytes ? { kind: "value", as: { kind: "same", type: "bytes" } } : of;
  if (access.hasQuestionDotToken() || wrapper.getText().includes("?.")) {
    // `x?.value.length` ends where x is not there.
    const after = whole.getParent();
    const goesOn =
      (Node.isPropertyAccessExpression(after) || Node.isElementAccessExpression(after)) &&
      after.getExpression() === whole;
    if (goesOn) return p.block(whole, "a part of a value that may not be there");
    p.edit(whole, wrapper.getEnd(), whole.getEnd(), []);
    return p.flow(whole, maybe(kind));
  }
  if (!isThereAt(p, whole, wrapper)) return p.block(whole, "the value of a wrapper that may not be there");
  p.edit(whole, wrapper.getEnd(), whole.getEnd(), []);
  p.flow(whole, kind.kind === "value" ? { kind: "value", as: kind.as } : kind);
}

/** `struct.toJavaScript()`: a copy of the object. */
function takeObject(p: Proving, access: PropertyAccessExpression, struct: Node): unknown {
  const call = access.getParent();
  const isCall = Node.isCallExpression(call) && call.getExpression() === access && call.getArguments().length === 0;
  if (!isCall || access.getName() !== "toJavaScript")
    return p.block(access, `what ${access.getName()} of a Struct does is not followed`);
  const isOptional = access.hasQuestionDotToken();
  const after = call.getParent();
  const goesOn =
    (Node.isPropertyAccessExpression(after) || Node.isElementAccessExpression(after)) && after.getExpression() === call;
  if (isOptional && goesOn) return p.block(call, "a part of a value that may not be there");
  if (!isOptional && !isThereAt(p, call, struct)) return p.block(call, "the object of a Struct that may not be there");
  p.edit(call, call.getStart(), call.getStart(), [{ module: RUNTIME, name: "structToJavaScript" }, "("], "after");
  p.edit(call, struct.getEnd(), call.getEnd(), [")"]);
}

/** `Struct.fromJavaScript(object)`, which copies it. */
function fromObject(p: Proving, given: Node, wanted: Wrapper): boolean {
  const callee = Node.isCallExpression(given) ? given.getExpression() : undefined;
  if (!Node.isPropertyAccessExpression(callee) || callee.getName() !== "fromJavaScript") return false;
  const name = generatedNameOf(p.project, callee.getExpression());
  if (name?.kind !== "message" || name.desc.typeName !== STRUCT) return false;
  p.replace(callee, { module: RUNTIME, name: "structFromJavaScript" });
  p.flow(given, wanted);
  return true;
}

/** Has a test around a use, which nothing undoes, found a value to be there? */
export function isThereAt(p: Proving, use: Node, given: Node): boolean {
  // `a.getB()!` says so to the compiler alone.
  const wrapper = unwrapped(given);
  if (Node.isIdentifier(wrapper)) {
    const declaration = wrapper.getSymbol()?.getDeclarations()[0];
    const made = Node.isVariableDeclaration(declaration) ? declaration.getInitializer() : undefined;
    if (made && Node.isNewExpression(chainRoot(made))) return true;
    if (isChecked(wrapper)) return true;
  }
  const text = wrapper.getText();
  // `a.hasB()` stands for `a.getB()`.
  const tests = new Set([
    text,
    text.replace(/\.get(\w+)\(\)$/, ".has$1()"),
    ...(p.shape.typed?.flavour.hasClasses ? [text.replace(/\.(\w+)$/, ".has_$1")] : []),
    `${text} !== ${isUndefinedIfUnset(p, wrapper) ? "undefined" : "null"}`,
    `${text} != null`,
  ]);
  const isTested = (condition: Node) =>
    conjuncts(condition).some((one) => tests.has(one.getText().replace(/\s+/g, " ")));
  const field = /\.get(\w+)\(\)$/.exec(text)?.[1];
  const isWritten = (node: Node) =>
    isAssignmentTarget(node)
      ? text === node.getText() || text.startsWith(`${node.getText()}.`)
      : Node.isPropertyAccessExpression(node) && [`set${field}`, `clear${field}`].includes(node.getName());
  const isUndone = (branch: Node) => {
    // In a loop, what stands after a use is done before the next one.
    const isRepeated = use.getAncestors().some((one) => Node.isIterationStatement(one) && contains(branch, one));
    return branch.getDescendants().some((node) => (isRepeated || node.getStart() < use.getStart()) && isWritten(node));
  };
  for (let inner = use, outer = use.getParent(); outer; inner = outer, outer = outer.getParent()) {
    if (isFunctionNode(outer)) return false;
    const condition = conditionOf(inner);
    if (condition && isTested(condition)) return !isUndone(inner);
    const otherwise = otherwiseOf(inner);
    const failed = otherwise && unwrapped(otherwise);
    if (
      Node.isPrefixUnaryExpression(failed) &&
      failed.getText().startsWith("!") &&
      tests.has(failed.getOperand().getText())
    )
      return !isUndone(inner);
    if (Node.isBinaryExpression(outer) && outer.getOperatorToken().getText() === "&&" && outer.getRight() === inner)
      if (isTested(outer.getLeft())) return !isUndone(inner);
  }
  return false;
}

/** Is what old code has in the place of something that is not set undefined, or null? */
function isUndefinedIfUnset({ shape, kinds }: Proving, value: Node): boolean {
  if (shape.isLive || shape.explicit) return true;
  return shape.coerces === true && kinds.get(value)?.kind === "value";
}

/** What does not hold where a branch is taken: the condition of an `if` for its else, of `a ? b : c` for `c`. */
function otherwiseOf(branch: Node): Node | undefined {
  const parent = branch.getParent();
  if (Node.isIfStatement(parent) && parent.getElseStatement() === branch) return parent.getExpression();
  if (Node.isConditionalExpression(parent) && parent.getWhenFalse() === branch) return parent.getCondition();
  return undefined;
}

function conditionOfTest(test: Node): boolean {
  const parent = test.getParent();
  return parent !== undefined && isTruthTest(parent, test) && !Node.isPrefixUnaryExpression(parent);
}

/** An expression that makes a wrapper, or leads to one. False for what is proved like other values. */
export function proveWrapper(p: Proving, expression: Node, wanted: Wrapper): boolean {
  if (isAbsent(expression)) {
    if (expression.getText() === "null") p.replace(expression, "undefined");
    return true;
  }
  if (p.shape.structs && p.shape.typed && wanted.desc.typeName === STRUCT) {
    fillsField(p, expression, wanted);
    return true;
  }
  if (p.shape.structs && wanted.desc.typeName === STRUCT) return makesStruct(p, expression, wanted);
  if (Node.isBinaryExpression(expression) && expression.getOperatorToken().getText() === "||") {
    p.block(expression, "a wrapper that another one stands for, where its value is empty");
    return true;
  }
  if (Node.isObjectLiteralExpression(expression) && (!p.shape.isLive || p.shape.typed)) {
    literal(p, expression, wanted);
    return true;
  }
  if (wanted.desc.typeName === STRUCT && fromObject(p, expression, wanted)) return true;
  const root = chainRoot(expression);
  if (!Node.isNewExpression(root)) return false;
  const name = generatedNameOf(p.project, root.getExpression());
  if (name?.kind !== "message" || name.desc.typeName !== wanted.desc.typeName) return false;
  if (root.getArguments().length > 0) p.block(root, "a message that is made of an array");
  else construct(p, expression, root, wanted);
  return true;
}

/** `{ value: text }`. */
function literal(p: Proving, object: Node, wanted: Wrapper): unknown {
  if (!Node.isObjectLiteralExpression(object)) return undefined;
  const [property, more] = object.getProperties();
  const zero = zeroOf(wanted.desc, object);
  if (!property) return p.replace(object, zero);
  const isShort = Node.isShorthandPropertyAssignment(property);
  if (more || !(isShort || Node.isPropertyAssignment(property)) || property.getName() !== "value")
    return p.block(property, "a wrapper with something else than a value");
  unpack(p, object, isShort ? property.getNameNode() : property.getInitializerOrThrow(), object, wanted);
}

/** `new StringValue().setValue(text)`; or `const one = new StringValue(); one.setValue(text);` */
function construct(p: Proving, top: Node, root: Node, wanted: Wrapper): unknown {
  const chain = writesOn(root, wanted.desc);
  if (typeof chain === "string") return p.block(top, chain);
  const [write, more] = chain.writes;
  if (wanted.desc.typeName === STRUCT && (write || chain.top !== top))
    return p.block(top, "a Struct that is filled field by field");
  if (chain.top !== top || more) return p.block(top, "a chain on a wrapper that does more than to set its value");
  if (write) {
    unpack(p, top, write.value, top, wanted);
    return p.flow(top, wanted);
  }
  const next = setterAfter(top, "setValue");
  if (next && next.call.getArguments().length === 1) {
    unpack(p, top, next.value, next.call, wanted);
    p.kinds.set(next.receiver, wanted);
  } else p.replace(top, zeroOf(wanted.desc, top));
  p.flow(top, wanted);
}

/** The value stands for all from the start of one node to the end of another. */
function unpack(p: Proving, first: Node, value: Node, last: Node, { of, desc }: Wrapper): unknown {
  if (isAbsent(value)) return p.block(value, "a wrapper without a value");
  const needs =
    !isOperand(unwrapped(value)) && !Node.isLiteralExpression(value) && !standsAlone(first) && !isSetterArgument(first);
  p.edit(first, first.getStart(), value.getStart(), [needs ? "(" : ""]);
  p.edit(last, value.getEnd(), last.getEnd(), [needs ? ")" : ""]);
  p.sink(value, of);
  p.later(() => {
    if (p.isPresent(value) || p.coerced.has(unwrapped(value))) return;
    const [opening, closing] = isOperand(value) ? ["", ""] : ["(", ")"];
    if (opening !== "") p.edit(value, value.getStart(), value.getStart(), [opening], "after");
    p.edit(value, value.getEnd(), value.getEnd(), [`${closing} ?? ${zeroOf(desc, value)}`], "before");
  });
}

function isSetterArgument(node: Node): boolean {
  const parent = node.getParent();
  return Node.isCallExpression(parent) && parent.getArguments().includes(node);
}

function zeroOf(desc: DescMessage, near: Node): string {
  if (desc.typeName === STRUCT) return "{}";
  const [field] = desc.fields;
  return field ? zeroText(field, near) : "undefined";
}
