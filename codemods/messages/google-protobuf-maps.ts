import { type DescField, ScalarType } from "@bufbuild/protobuf";
import { type CallExpression, Node, type PropertyAccessExpression } from "ts-morph";
import { lineBreak } from "./google-protobuf-writes.js";
import type { Kind } from "./message-kind.js";
import { isPlain, maybe, SAME } from "./message-kind.js";
import { ARRAY_READERS, isAssignmentTarget, isFunctionNode, nameOfElement } from "./message-syntax.js";
import type { Proving } from "./proof.js";

/** `message.getXMap()`: the object that protobuf-es has instead, through each call of the old Map. */
export function followMap(
  p: Proving,
  access: PropertyAccessExpression,
  call: CallExpression,
  field: DescField,
): unknown {
  if (field.fieldKind !== "map") return undefined;
  if (access.hasQuestionDotToken()) return p.block(call, "a map of a message that may not be there");
  if (field.mapKey !== ScalarType.STRING) return p.block(call, "a map whose keys are no strings");
  p.edit(call, access.getNameNode().getStart(), call.getEnd(), [field.localName]);
  const object = p.chainText(access.getExpression());
  const kind = p.kindOf(field);
  const of = kind.kind === "map" ? kind.of : undefined;
  if (!of) return undefined;
  const declaration = call.getParent();
  if (Node.isVariableDeclaration(declaration) && declaration.getInitializer() === call) {
    const name = declaration.getNameNode();
    if (!Node.isIdentifier(name) || declaration.getTypeNode()) return p.block(declaration, "a map that is taken apart");
    for (const reference of p.project.referencesTo(name)) {
      if (reference === name) continue;
      if (isAssignmentTarget(reference)) p.block(reference, "a variable that holds a map is written to again");
      else operation(p, reference, reference.getText(), of);
    }
    return undefined;
  }
  return operation(p, call, object === undefined ? undefined : `${object}.${field.localName}`, of);
}

/** The old Map goes through its entries in the order of their keys as strings. */
const IN_ORDER = ").sort(([a], [b]) => (a < b ? -1 : 1))";

/** One `map.get(…)`, `map.set(…)`, … `text` is what stands for the map, if it can be repeated. */
function operation(p: Proving, map: Node, text: string | undefined, of: Kind): unknown {
  const access = map.getParent();
  const call = access?.getParent();
  if (!Node.isPropertyAccessExpression(access) || !Node.isCallExpression(call) || call.getExpression() !== access)
    return p.block(map, "a map goes where it cannot be followed");
  if (access.hasQuestionDotToken()) return p.block(call, "a map that may not be there");
  const [key, value] = call.getArguments();
  const isStatement = Node.isExpressionStatement(call.getParent());
  const before = (words: string) => p.edit(map, map.getStart(), map.getStart(), [words], "after");
  const after = (words: string) => p.edit(call, map.getEnd(), call.getEnd(), [words]);
  switch (access.getName()) {
    case "get": {
      if (!key) break;
      p.sink(key, SAME);
      if (!Node.isStringLiteral(key)) {
        // An object has `toString` and its like, too; only own keys count.
        const isRepeatable = Node.isIdentifier(key) || Node.isPropertyAccessExpression(key);
        if (text === undefined || !isRepeatable) return p.block(call, "a key of a map that cannot be written twice");
        if (p.kinds.has(key) && !Node.isIdentifier(key))
          return p.block(call, "a key of a map that is read of a message");
        before("(Object.hasOwn(");
        p.edit(call, map.getEnd(), key.getStart(), [", "]);
        p.edit(call, key.getEnd(), call.getEnd(), [`) ? ${text}[${key.getText()}] : undefined)`]);
      } else {
        p.edit(call, map.getEnd(), key.getStart(), ["["]);
        p.edit(call, key.getEnd(), call.getEnd(), ["]"]);
      }
      return p.flow(call, maybe(of));
    }
    case "has":
      if (!key) break;
      p.sink(key, SAME);
      before("Object.hasOwn(");
      return p.edit(call, map.getEnd(), key.getStart(), [", "]);
    case "set":
      return entries(p, map, text, of);
    case "del":
      if (!key || !isStatement) break;
      p.sink(key, SAME);
      before("delete ");
      p.edit(call, map.getEnd(), key.getStart(), ["["]);
      return p.edit(call, key.getEnd(), call.getEnd(), ["]"]);
    case "getLength":
      before("Object.keys(");
      return after(").length");
    case "keys":
      if (key) break;
      // The old Map goes through its keys in their order as strings.
      before("Object.keys(");
      after(").sort()");
      return p.flow(call, { kind: "list", of: SAME });
    case "toArray":
    case "getEntryList":
      // toArray() gives the same list each time; of messages, both give what they are made of.
      if (key || !isPlain(of) || (access.getName() === "toArray" && !isLookedAt(call))) break;
      before("Object.entries(");
      return after(IN_ORDER);
    case "entries": {
      const loop = call.getParent();
      const left = Node.isForOfStatement(loop) && loop.getExpression() === call ? loop.getInitializer() : undefined;
      const [declared] = Node.isVariableDeclarationList(left) ? left.getDeclarations() : [];
      const pattern = declared?.getNameNode();
      const parts = Node.isArrayBindingPattern(pattern) ? pattern.getElements() : [];
      const names = parts.map(nameOfElement);
      if (key || parts.length === 0 || parts.length > 2 || !names.every(Node.isIdentifier)) break;
      before("Object.entries(");
      after(IN_ORDER);
      const [first, second] = names;
      if (first) p.bind(first, SAME);
      return second && p.bind(second, of);
    }
    case "forEach": {
      const parameters = key && isFunctionNode(key) ? key.getParameters() : [];
      const [first, second] = parameters;
      const isPlain = parameters.every((one) => Node.isIdentifier(one.getNameNode()) && !one.getInitializer());
      if (!key || value || !first || parameters.length > 2 || !isPlain || !Node.isArrowFunction(key)) break;
      before("Object.entries(");
      p.edit(call, map.getEnd(), key.getStart(), [`${IN_ORDER}.forEach(`]);
      const last = second ?? first;
      const isBare = !/^(async\s*)?\(/.test(key.getText());
      const names = `[${second ? second.getName() : ""}, ${first.getName()}]`;
      p.edit(key, first.getStart(), last.getEnd(), [isBare ? `(${names})` : names]);
      if (second) p.bind(second.getNameNode(), SAME);
      return bindUntyped(p, first.getNameNode(), of);
    }
  }
  return p.block(call, `what ${access.getName()} of a map does is not followed`);
}

/** A parameter whose type annotation goes: the compiler knows what the entries of an object hold. */
function bindUntyped(p: Proving, name: Node, kind: Kind): void {
  for (const reference of p.project.referencesTo(name)) {
    if (reference === name) continue;
    if (isAssignmentTarget(reference)) p.block(reference, "the variable is written to again");
    else p.flow(reference, kind);
  }
}

/** A list that is only read where it stands. */
function isLookedAt(list: Node): boolean {
  const parent = list.getParent();
  if (Node.isSpreadElement(parent)) return true;
  if (Node.isForOfStatement(parent)) return parent.getExpression() === list;
  if (Node.isNewExpression(parent)) return parent.getExpression().getText() === "Map";
  if (Node.isCallExpression(parent))
    return /^(Object\.fromEntries|JSON\.stringify)$/.test(parent.getExpression().getText());
  if (!Node.isPropertyAccessExpression(parent)) return false;
  return ARRAY_READERS.has(parent.getName()) || /^(length|reduce|slice|concat|join)$/.test(parent.getName());
}

function isForEach(call: Node | undefined): boolean {
  const callee = Node.isCallExpression(call) ? call.getExpression() : undefined;
  return Node.isPropertyAccessExpression(callee) && callee.getName() === "forEach";
}

/** `map.set(a, 1).set(b, 2)`: an assignment each. */
function entries(p: Proving, map: Node, text: string | undefined, of: Kind): unknown {
  let top = map;
  let position = map.getEnd();
  for (;;) {
    const access = top.getParent();
    const call = access?.getParent();
    if (!Node.isPropertyAccessExpression(access) || access.getExpression() !== top || access.getName() !== "set") break;
    if (!Node.isCallExpression(call) || call.getExpression() !== access) break;
    const [key, value, third] = call.getArguments();
    if (!key || !value || third) return p.block(call, "an entry of a map that is not written out");
    if (top !== map && text === undefined) return p.block(call, "a map that cannot be written twice");
    p.sink(key, SAME);
    p.sink(value, of);
    p.later(() => {
      if (!p.isPresent(value)) p.block(value, "a value of a map that may be absent");
    });
    p.edit(call, position, key.getStart(), [top === map ? "[" : `;${lineBreak(map)}${text}[`]);
    p.edit(call, key.getEnd(), value.getStart(), ["] = "]);
    position = value.getEnd();
    top = call;
  }
  p.edit(top, position, top.getEnd(), []);
  const around = top.getParent();
  // `forEach` looks at nothing that its callback gives.
  const isLast = Node.isArrowFunction(around) && around.getBody() === top && isForEach(around.getParent());
  if (!Node.isExpressionStatement(around) && !(isLast && top.getText().split(".set(").length === 2))
    p.block(top, "what set of a map gives is used");
}
