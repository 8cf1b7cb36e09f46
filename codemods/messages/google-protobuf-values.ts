import type { DescField, DescMessage } from "@bufbuild/protobuf";
import { type NewExpression, Node, type Statement, SyntaxKind } from "ts-morph";
import { accessorsOf, chainRoot, generatedNameOf, setterAfter } from "./google-protobuf-names.js";
import { absentFault, elementOf, isThere, lineBreak, type Write, writesOn } from "./google-protobuf-writes.js";
import {
  functionAround,
  hasBytesType,
  isAbsent,
  isDate,
  isFunctionNode,
  ownReturns,
  quoted,
  unwrapped,
} from "./message-syntax.js";
import type { Proving } from "./proof.js";

/** `new Message()` with what is set on it, `Message.deserializeBinary(bytes)`, and values that lead to one of them. */
export function madeMessage(p: Proving, expression: Node, desc: DescMessage): boolean {
  const root = chainRoot(expression);
  if (Node.isNewExpression(root)) {
    const name = generatedNameOf(p.project, root.getExpression());
    if (name?.kind !== "message") return false;
    if (name.desc.typeName !== desc.typeName) {
      p.block(expression, `this is a ${name.desc.typeName}, not a ${desc.typeName}`);
      return true;
    }
    construct(p, expression, root, desc);
    return true;
  }
  if (Node.isCallExpression(expression)) {
    const callee = expression.getExpression();
    if (!Node.isPropertyAccessExpression(callee)) return false;
    const owner = generatedNameOf(p.project, callee.getExpression());
    const [argument, second] = expression.getArguments();
    if (owner?.kind === "message" && owner.desc.typeName === desc.typeName && argument && !second) {
      if (callee.getName() === "deserializeBinary" && (hasBytesType(argument) || isSerialized(p, argument))) {
        p.edit(expression, expression.getStart(), argument.getStart(), [
          { module: "@bufbuild/protobuf", name: "fromBinary" },
          "(",
          p.generated(desc, "descriptor", expression),
          ", ",
        ]);
        p.flow(expression, { kind: "message", desc });
        return true;
      }
      if (callee.getName() === "fromDate" && desc.typeName === "google.protobuf.Timestamp" && isDate(argument)) {
        p.replace(callee, { module: "@bufbuild/protobuf/wkt", name: "timestampFromDate" });
        p.flow(expression, { kind: "message", desc });
        return true;
      }
    }
    // A getter of a message that nothing has led to yet: its class tells.
    const receiver = callee.getExpression();
    const of = p.kinds.has(receiver) ? undefined : classOf(p, receiver);
    const isCopy = /^clone(Message)?$/.test(callee.getName());
    if (of && (isCopy || accessorsOf(of).get(callee.getName())?.does === "get")) {
      p.sink(receiver, { kind: "message", desc: of });
      p.again(expression, { kind: "message", desc });
      return true;
    }
  }
  return false;
}

/** `message.serializeBinary()`, if that turns out to be a call on a message. */
function isSerialized(p: Proving, bytes: Node): boolean {
  const isBytes = () => {
    const known = p.kinds.get(bytes);
    return known?.kind === "value" && known.as.kind === "same" && known.as.type === "bytes";
  };
  const callee = Node.isCallExpression(bytes) ? bytes.getExpression() : undefined;
  if (!Node.isPropertyAccessExpression(callee) || callee.getName() !== "serializeBinary") return isBytes();
  p.later(() => {
    if (!isBytes()) p.block(bytes, "nothing proves that these are bytes");
  });
  return true;
}

/** The class of the message that an expression holds, where its construction or its type says so. */
function classOf(p: Proving, given: Node, depth = 0): DescMessage | undefined {
  if (depth > 8) return undefined;
  const expression = unwrapped(given);
  const root = chainRoot(expression);
  if (Node.isNewExpression(root)) {
    const name = generatedNameOf(p.project, root.getExpression());
    return name?.kind === "message" ? name.desc : undefined;
  }
  if (Node.isIdentifier(expression)) {
    const declaration = p.project.declarationOf(expression);
    const initializer = Node.isVariableDeclaration(declaration) ? declaration.getInitializer() : undefined;
    if (initializer) return classOf(p, initializer, depth + 1);
  }
  if (Node.isCallExpression(expression)) {
    const callee = expression.getExpression();
    if (Node.isPropertyAccessExpression(callee)) {
      const of = classOf(p, callee.getExpression(), depth + 1);
      const accessor = of && accessorsOf(of).get(callee.getName());
      if (accessor?.does === "get" && accessor.field.fieldKind === "message") return accessor.field.message;
    }
    const origin = p.project.originOf(callee);
    if (origin.kind === "function" && isFunctionNode(origin.node)) {
      const body = origin.node.getBody();
      const [result] = body && Node.isBlock(body) ? ownReturns(origin.node).map((one) => one.getExpression()) : [body];
      return result && classOf(p, result, depth + 1);
    }
  }
  const [declaration] = expression.getType().getSymbol()?.getDeclarations() ?? [];
  if (!Node.isClassDeclaration(declaration)) return undefined;
  const name = declaration.getNameNode();
  const named = name && generatedNameOf(p.project, name);
  return named?.kind === "message" ? named.desc : undefined;
}

/** A property of the literal: a field, a oneof with its member, or a list that several calls add to. */
interface Entry {
  readonly field: DescField;
  readonly isAdded: boolean;
  readonly values: Node[];
}

function construct(p: Proving, top: Node, root: NewExpression, desc: DescMessage): unknown {
  if (root.getArguments().length > 0) return p.block(root, "a message that is made of an array");
  const chain = writesOn(root, desc);
  if (typeof chain === "string") return p.block(top, chain);
  if (chain.top !== top) return p.block(top, "a chain that ends in something else than a message");
  if (desc.typeName === "google.protobuf.Timestamp" && chain.writes.length === 0 && ofDate(p, root, desc))
    return undefined;
  const entries: Entry[] = [];
  if (!chain.writes.every((write) => enter(entries, write)))
    return p.block(top, "a field that is set twice in a chain");
  const fault = chain.writes.find(({ value, field }) => field.oneof && absentFault(value));
  if (fault) return p.block(fault.call, "a member of a oneof that is not set");
  const shared = chain.writes.find(({ value, field, does }) => does === "set" && !isOwnList(p, field, value));
  if (shared) return p.block(shared.call, "a list that others may go on to change");
  const folded = foldable(p, top, desc, entries);
  const schema = p.generated(desc, "descriptor", root);
  const create = { module: "@bufbuild/protobuf", name: "create" };
  const end = folded?.end ?? top;
  if (entries.length === 0) p.replace(root, create, "(", schema, ")");
  else {
    const isLong = shapeOf(top, end, entries, desc);
    const indent = isLong ? lineBreak(root) : " ";
    const step = isLong ? indent + indentUnit(root) : " ";
    p.edit(root, root.getStart(), root.getStart(), [create, "(", schema], "after");
    let position: number = root.getStart();
    const file = root.getSourceFile().getFilePath();
    let before = ", {";
    for (const { field, values, isAdded } of entries) {
      const { oneof } = field;
      const name = oneof
        ? `${oneof.localName}: { case: ${quoted(root, field.localName)}, value: `
        : `${field.localName}: `;
      for (const [index, value] of values.entries()) {
        const from = position;
        const lead = index > 0 ? ", " : `${before}${step}`;
        const label = index > 0 ? "" : `${name}${isAdded ? "[" : ""}`;
        const isSameName = !oneof && !isAdded && value.getText() === field.localName;
        // `{ code: code }` is `{ code }`, unless a conversion stands around the value.
        const isConverted = () => p.edits.some((edit) => edit.file === file && edit.start === value.getStart());
        if (isSameName)
          p.finals.push(() => p.edit(root, from, value.getStart(), [lead + (isConverted() ? label : "")]));
        else p.edit(root, from, value.getStart(), [lead + label]);
        position = value.getEnd();
      }
      before = `${isAdded ? "]" : oneof ? " }" : ""},`;
    }
    const close = before.slice(0, -1);
    p.edit(root, position, end.getEnd(), [`${close}${isLong ? `,${indent}` : " "}})`]);
    for (const { field, values, isAdded } of entries) {
      const kind = p.kindOf(field);
      for (const value of values) {
        // create() leaves out what is absent, as the old getter gave the default for it.
        if (isAbsent(value)) continue;
        p.sink(value, isAdded ? elementOf(kind) : kind);
        if (field.oneof || isAdded)
          p.later(() => {
            if (!isThere(p, value, field)) p.block(value, "an element or a member of a oneof that may be absent");
          });
      }
    }
  }
  for (const reference of folded?.gone ?? []) p.kinds.set(reference, { kind: "message", desc });
  p.flow(top, { kind: "message", desc });
}

/** `const time = new Timestamp(); time.fromDate(date);` */
function ofDate(p: Proving, root: Node, desc: DescMessage): boolean {
  const next = setterAfter(root, "fromDate");
  if (!next || !isDate(next.value)) return false;
  const { receiver, value: date } = next;
  p.edit(root, root.getStart(), date.getStart(), [
    { module: "@bufbuild/protobuf/wkt", name: "timestampFromDate" },
    "(",
  ]);
  p.kinds.set(receiver, { kind: "message", desc });
  p.flow(root, { kind: "message", desc });
  return true;
}

function enter(entries: Entry[], { field, value, does }: Write): boolean {
  const last = entries.at(-1);
  if (does === "add" && last?.isAdded && last.field === field) {
    last.values.push(value);
    return true;
  }
  const isTaken = (one: Entry) => one.field === field || (field.oneof !== undefined && one.field.oneof === field.oneof);
  if (entries.some(isTaken)) return false;
  entries.push({ field, values: [value], isAdded: does === "add" });
  return true;
}

/**
 * The setters that follow `const message = new Message()` at once: they belong to the literal, if nothing reads the message
 * between them.
 */
function foldable(
  p: Proving,
  top: Node,
  desc: DescMessage,
  entries: Entry[],
): { readonly end: Node; readonly gone: Node[] } | undefined {
  const declaration = top.getParent();
  if (!Node.isVariableDeclaration(declaration) || declaration.getInitializer() !== top) return undefined;
  const name = declaration.getNameNode();
  const statement = declaration.getVariableStatement();
  if (!Node.isIdentifier(name) || !statement || statement.getDeclarations().length !== 1) return undefined;
  const siblings = (statement.getParent() as unknown as { getStatements(): Statement[] }).getStatements();
  const text = statement.getSourceFile().getFullText();
  const gone: Node[] = [];
  let end: Node | undefined;
  let last: Node = statement;
  // A function that knows the message could look at it while a value is computed.
  const elsewhere = p.project
    .referencesTo(name)
    .filter((reference) => functionAround(reference) !== functionAround(declaration));
  const isSeen = (until: number) =>
    elsewhere.some((reference) => {
      const owner = functionAround(reference);
      return (
        reference.getPos() < until ||
        !owner ||
        Node.isFunctionDeclaration(owner) ||
        owner.getSourceFile() !== name.getSourceFile()
      );
    });
  for (const next of siblings.slice(siblings.indexOf(statement) + 1)) {
    if (!Node.isExpressionStatement(next)) break;
    const receiver = firstIdentifier(next.getExpression());
    if (receiver?.getText() !== name.getText()) break;
    const found = writesOn(receiver, desc);
    if (typeof found === "string" || found.top !== next.getExpression() || found.writes.length === 0) break;
    if (/\S/.test(text.slice(last.getEnd(), next.getStart()))) break;
    if (isSeen(next.getEnd())) break;
    if (hasComment(next, found.writes) || !found.writes.every((write) => isFoldable(p, write, name.getText()))) break;
    const copy = entries.map((entry) => ({ ...entry, values: [...entry.values] }));
    if (!found.writes.every((write) => enter(copy, write))) break;
    entries.splice(0, entries.length, ...copy);
    gone.push(receiver, ...found.writes.map(({ call }) => call));
    last = next;
    end = next.getExpression();
  }
  return end && { end, gone };
}

function firstIdentifier(expression: Node): Node | undefined {
  const root = chainRoot(expression);
  return Node.isIdentifier(root) ? root : undefined;
}

function hasComment(statement: Node, writes: readonly Write[]): boolean {
  const text = statement.getSourceFile().getFullText();
  let position = statement.getStart();
  for (const { value } of writes) {
    if (/\/[/*]/.test(text.slice(position, value.getStart()))) return true;
    position = value.getEnd();
  }
  return /\/[/*]/.test(text.slice(position, statement.getEnd()));
}

function isFoldable(p: Proving, { value, field, does }: Write, name: string): boolean {
  if (field.oneof && isAbsent(value)) return false;
  const names = [value, ...value.getDescendants()].filter(Node.isIdentifier);
  if (names.some((one) => one.getText() === name)) return false;
  return does === "add" || isOwnList(p, field, value);
}

/** create() copies a list of messages: what is put into the old one afterwards would be lost. */
function isOwnList(p: Proving, field: DescField, value: Node): boolean {
  if (field.fieldKind !== "list") return true;
  if (Node.isArrayLiteralExpression(value)) return true;
  if (Node.isCallExpression(value)) {
    const callee = value.getExpression();
    return (
      Node.isPropertyAccessExpression(callee) && /^(map|filter|slice|concat|flatMap|split)$/.test(callee.getName())
    );
  }
  return (
    Node.isIdentifier(value) &&
    p.project
      .referencesTo(value)
      .every((one) => one.getSourceFile() === value.getSourceFile() && one.getPos() <= value.getPos())
  );
}

/** Does the literal need lines of its own? */
function shapeOf(top: Node, end: Node, entries: readonly Entry[], desc: DescMessage): boolean {
  const values = entries.flatMap(({ values: all }) => all.map((value) => value.getText()));
  if (values.some((value) => value.includes("\n"))) return true;
  const names = entries.map(
    ({ field }) => (field.oneof ? `${field.oneof.localName}: { case: , value:  }` : "") + field.localName,
  );
  const text = top.getSourceFile().getFullText();
  const lead = top.getStart() - text.lastIndexOf("\n", top.getStart());
  // A chain on one line stays on one.
  if (end === top) return top.getText().includes("\n");
  return (
    entries.length > 3 ||
    lead + `create(${desc.name}Schema, {})`.length + [...values, ...names].join("    ").length > 100
  );
}

function indentUnit(node: Node): string {
  const lines = node.getSourceFile().getFullText().split("\n");
  const indents = lines
    .map((line) => /^[ \t]+(?=\S)/.exec(line)?.[0] ?? "")
    .filter((one) => one !== "" && !/^ \*/.test(one));
  if (indents.some((one) => one.startsWith("\t"))) return "\t";
  const widths = indents.map((one) => one.length).filter((width) => width > 1);
  return " ".repeat(widths.length > 0 ? Math.min(...widths, 4) : 2);
}

/** A type of old code gets the names of protobuf-es: `messages.Feature` is `Feature`. False where there is no such type. */
export function retypeGenerated(p: Proving, type: Node): boolean {
  const references = [type, ...type.getDescendants()].filter(Node.isTypeReference);
  for (const reference of references) {
    const typeName = reference.getTypeName();
    const name = generatedNameOf(p.project, typeName);
    if (name?.kind === "message" || name?.kind === "enum") {
      if (reference.getTypeArguments().length > 0) return false;
      p.replace(typeName, { ...p.generated(name.desc, "shape", typeName), typeOnly: true });
    } else if (/\bAsObject$/.test(typeName.getText())) return false;
  }
  return !type
    .getDescendantsOfKind(SyntaxKind.TypeQuery)
    .some((query) => generatedNameOf(p.project, query.getExprName()));
}
