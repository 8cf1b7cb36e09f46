import type { DescEnum, DescField, DescMessage, DescOneof } from "@bufbuild/protobuf";
import { FeatureSet_FieldPresence } from "@bufbuild/protobuf/wkt";
import {
  type CallExpression,
  Node,
  type ObjectLiteralExpression,
  type PropertyAccessExpression,
  SyntaxKind,
} from "ts-morph";
import type { AnalysisProject } from "../analysis/project.js";
import type { Bridge } from "./find-bridges.js";
import type { LegacyShape, PlainType, Representation } from "./legacy-shape.js";
import type { MessageBlocker, MessageEditFact, TextPart } from "./message-facts.js";
import {
  isAssignableScalar,
  isPlain,
  isStringValue,
  type Kind,
  kindName,
  maybe,
  neverWrapped,
  SAME,
  sameKind,
  unsupportedIn,
} from "./message-kind.js";
import { startClient, startService } from "./message-roots.js";
import {
  comparedLiterals,
  functionAround,
  hasResultType,
  hasType,
  innerOf,
  isAbsent,
  isAlias,
  isArrowBody,
  isAssertion,
  isAssignmentTarget,
  isAsync,
  isBufferCall,
  isCallback,
  isExportsTarget,
  isFunctionNode,
  isGenerator,
  isGuarded,
  isMapOver,
  isOperand,
  isShorthand,
  isStep,
  isTransparent,
  isTruthTest,
  isValueOfLogical,
  nameOfFunction,
  numberOf,
  onlyReads,
  ownReturns,
  parametersOf,
  quoted,
  standsAlone,
  stringOf,
  topOf,
  typeText,
  unwrapped,
} from "./message-syntax.js";

/** A place where a value leaves for the wire, or for a variable that leads there. */
interface Sink {
  readonly expression: Node;
  readonly wanted: Kind;
}

export interface Proof {
  readonly blockers: readonly MessageBlocker[];
  readonly edits: readonly MessageEditFact[];
}

const ARRAY_READERS = new Set(["forEach", "map", "filter", "find", "some", "every", "flatMap", "findIndex"]);

/** Methods that put nothing new into a list. */
const LIST_READERS = new Set(
  "join includes indexOf forEach map filter some every find findIndex slice concat sort reverse entries keys values".split(
    " ",
  ),
);

/** Methods that give a string, whatever has them. */
const STRING_MAKERS = new Set(
  "toString toFixed toISOString toLowerCase toUpperCase trim padStart padEnd join charAt substring toLocaleString".split(
    " ",
  ),
);

/**
 * Follows every message of one service or client from where it arrives to where it goes, and proves that each use can be
 * written on protobuf-es. Forward: a handler's request, a call's reply, what is read of them. Backward: a handler's reply,
 * a call's request, what they are made of. Whatever is met that is not understood is a blocker; nothing is assumed.
 */
export function proveMessages(project: AnalysisProject, bridges: readonly Bridge[], shape: LegacyShape): Proof {
  const blockers: MessageBlocker[] = [];
  const edits: MessageEditFact[] = [];
  /** Expressions whose content is known, with what it is. */
  const kinds = new Map<Node, Kind>();
  /** Known expressions whose use was accepted by a sink: they need no conversion there. */
  const consumed = new Set<Node>();
  /** Known expressions whose use depends on sinks that may still come. */
  const open: { readonly expression: Node; readonly kind: Kind }[] = [];
  const sinks: Sink[] = [];
  const proved = new Map<Node, Kind>();
  /** Functions whose results or parameters carry messages; all their uses must be calls. */
  const helpers = new Map<Node, { result: Kind | null; params: Map<number, Kind> }>();
  const edited = new Set<string>();
  /** Uses of lists and maps that are being made: whoever gets them could put anything in, unless a sink takes them. */
  const leaks: Node[] = [];
  /** `list.map(helper)`, where the helper takes a message: the list must hold such messages. */
  const overLists: { readonly call: CallExpression; readonly kind: Kind }[] = [];

  const place = (node: Node) => {
    const file = node.getSourceFile();
    const path = file.getFilePath().startsWith(`${project.root}/`)
      ? file.getFilePath().slice(project.root.length + 1)
      : file.getBaseName();
    return `${path}:${node.getStartLineNumber()}`;
  };
  const block = (node: Node, what: string): void => {
    const text = node.getText().replace(/\s+/g, " ");
    blockers.push({
      code: "message-unproved",
      detail: `${place(node)}: ${what} (\`${text.length > 60 ? `${text.slice(0, 57)}…` : text}\`)`,
    });
  };
  const edit = (
    around: Node,
    start: number,
    end: number,
    parts: readonly TextPart[],
    belongsTo: "before" | "after" = "after",
  ) => {
    const fact: MessageEditFact = {
      kind: "message-edit",
      file: around.getSourceFile().getFilePath(),
      start,
      end,
      via: "provenance",
      rule: shape.rule,
      parts,
      belongsTo,
      embraces: start < end ? 0 : around.getEnd() - around.getStart(),
    };
    const key = JSON.stringify(fact);
    if (edited.has(key)) return;
    edited.add(key);
    edits.push(fact);
  };
  const replace = (node: Node, ...parts: TextPart[]) => edit(node, node.getStart(), node.getEnd(), parts);
  const wrap = (node: Node, before: readonly TextPart[], after: string) => {
    edit(node, node.getStart(), node.getStart(), before, "after");
    edit(node, node.getEnd(), node.getEnd(), [after], "before");
  };
  const generated = (desc: DescEnum, which: "descriptor" | "shape", at: Node): TextPart => {
    const found = project.protos.importPathFor(desc, at.getSourceFile().getFilePath());
    return { module: found.module, name: (which === "shape" ? found.shape : null) ?? found.descriptor };
  };

  const kindOf = (field: DescField): Kind => {
    const as = shape.representation(field);
    const canBeUnset =
      field.fieldKind !== "list" && field.fieldKind !== "map" && field.presence === FeatureSet_FieldPresence.EXPLICIT;
    const one: Kind =
      as.kind === "message" ? { kind: "message", desc: as.desc } : { kind: "value", as, maybe: canBeUnset };
    return field.fieldKind === "list"
      ? { kind: "list", of: one }
      : field.fieldKind === "map"
        ? { kind: "map", of: one }
        : one;
  };
  const fieldBy = (desc: DescMessage, key: string) => desc.fields.find((field) => shape.keyOf(field) === key);
  const oneofBy = (desc: DescMessage, key: string) => desc.oneofs.find((oneof) => shape.oneofKeyOf(oneof) === key);

  // ---- forward: what happens to a known expression -------------------------------------------------------------

  const flow = (expression: Node, kind: Kind): unknown => {
    const before = kinds.get(expression);
    if (before) {
      if (!sameKind(before, kind)) block(expression, "this holds messages of more than one type");
      return;
    }
    const why = unsupportedIn(kind);
    if (why !== undefined) return block(expression, why);
    kinds.set(expression, kind);
    const parent = expression.getParent();
    if (!parent) return;
    if (isTransparent(parent)) {
      if (isAssertion(parent) && !isPlain(kind)) return block(parent, "a type assertion names the old message");
      return flow(parent, kind);
    }
    if (Node.isAwaitExpression(parent)) return flow(parent, kind);
    if (isAssignmentTarget(expression)) return block(parent, "a message is written to where it is not made");
    if (kind.kind === "value" && kind.as.kind === "same") return; // identical: whatever it is used for
    if (kind.kind === "value" && kind.as.kind === "enum-number") return;
    if (Node.isPropertyAccessExpression(parent) && parent.getExpression() === expression)
      return member(parent, expression, kind);
    if (Node.isElementAccessExpression(parent) && parent.getExpression() === expression) return element(parent, kind);
    if (Node.isVariableDeclaration(parent) && parent.getInitializer() === expression)
      return bind(parent.getNameNode(), kind);
    if (Node.isForOfStatement(parent) && parent.getExpression() === expression) return iterate(parent, kind);
    if (Node.isReturnStatement(parent) || Node.isYieldExpression(parent) || isArrowBody(parent, expression)) {
      return leaves(parent, expression, kind);
    }
    if (Node.isExpressionStatement(parent) || Node.isVoidExpression(parent)) return;
    if (kind.kind === "message" || kind.kind === "list" || kind.kind === "map") {
      if (isTruthTest(parent, expression)) {
        if (isValueOfLogical(parent)) open.push({ expression, kind });
        return;
      }
      if (Node.isBinaryExpression(parent) && kind.kind === "message" && compareAbsent(parent, expression)) return;
      if (Node.isSpreadElement(parent) && kind.kind === "list" && Node.isArrayLiteralExpression(parent.getParent())) {
        open.push({ expression, kind });
        return;
      }
      if (isPlain(kind)) return; // lists and maps of identical values are identical
    }
    if (kind.kind === "case") return discriminator(expression, kind);
    if (kind.kind === "value" && special(parent, expression, kind.as)) return;
    if (Node.isCallExpression(parent) && parent.getArguments().includes(expression))
      return argument(parent, expression, kind);
    open.push({ expression, kind });
  };

  /** `message.key`, `list.length`, `bytes.toString()`. */
  const member = (access: Node, object: Node, kind: Kind): unknown => {
    if (!Node.isPropertyAccessExpression(access)) return;
    const name = access.getName();
    const nameNode = access.getNameNode();
    if (kind.kind === "message") {
      const field = fieldBy(kind.desc, name);
      if (field) {
        if (field.oneof) return oneofMember(access, object, field);
        if (name !== field.localName) replace(nameNode, field.localName);
        return flow(access, access.getText().includes("?.") ? maybe(kindOf(field)) : kindOf(field));
      }
      const oneof = oneofBy(kind.desc, name);
      if (oneof) {
        edit(access, nameNode.getStart(), nameNode.getEnd(), [`${oneof.localName}.case`]);
        const renamed = oneof.fields.some((one) => shape.keyOf(one) !== one.localName);
        return renamed ? flow(access, { kind: "case", oneof }) : flow(access, SAME);
      }
      return block(access, `${kind.desc.typeName} has no field ${name}`);
    }
    if (kind.kind === "list") {
      const call = access.getParent();
      if (name === "length") return;
      if (isPlain(kind)) {
        const callback =
          Node.isCallExpression(call) && call.getExpression() === access ? call.getArguments()[0] : undefined;
        const [item] = callback && ARRAY_READERS.has(name) ? parametersOf(callback) : [];
        if (item) bind(item.getNameNode(), kind.of);
        return;
      }
      if (Node.isCallExpression(call) && call.getExpression() === access) return listCall(call, name, kind);
      return block(access, `what ${name} of a list of messages does is not followed`);
    }
    if (kind.kind === "map") return element(access, kind);
    if (kind.kind === "value" && kind.as.kind === "bytes" && (name === "length" || name === "byteLength")) return;
    if (kind.kind === "value") return convert(object, kind.as, kind.maybe === true);
    return block(access, "a member of a stream");
  };

  const oneofMember = (access: Node, object: Node, field: DescField): unknown => {
    const oneof = field.oneof as DescOneof;
    const chain = chainText(object);
    if (chain === undefined) {
      return block(access, "a member of a oneof is read of an expression that cannot be repeated");
    }
    const kind = kindOf(field);
    if (isGuarded(access, `${object.getText()}.${shape.oneofKeyOf(oneof) ?? ""}`, shape.keyOf(field) ?? "")) {
      edit(access, object.getEnd(), access.getEnd(), [`.${oneof.localName}.value`]);
      return flow(access, kind);
    }
    const choice = `${chain}.${oneof.localName}`;
    edit(access, access.getStart(), access.getStart(), ["("], "after");
    edit(access, object.getEnd(), access.getEnd(), [
      `.${oneof.localName}.case === ${quoted(access, field.localName)} ? ${choice}.value : undefined)`,
    ]);
    // `undefined` where another member is set, as it was; conversions would have to let it through.
    if (kind.kind === "value" && kind.as.kind !== "same" && kind.as.kind !== "enum-number") {
      return block(access, "this member of a oneof needs a conversion");
    }
    flow(access, kind.kind === "value" ? maybe(kind) : kind);
  };

  const element = (access: Node, kind: Kind): unknown => {
    if (kind.kind === "list" || kind.kind === "map") return flow(access, maybe(kind.of));
    block(access, "a key that is computed");
  };

  const listCall = (call: CallExpression, name: string, kind: Kind & { kind: "list" }): unknown => {
    const [callback] = call.getArguments();
    if (name === "slice" || name === "reverse") return flow(call, kind);
    if (name === "at" || name === "pop" || name === "shift") return flow(call, maybe(kind.of));
    if (!ARRAY_READERS.has(name) || !callback)
      return block(call, `what ${name} of a list of messages does is not followed`);
    if (isFunctionNode(callback)) {
      const [item, , array] = parametersOf(callback);
      if (array) return block(array, "the list itself is handed to a callback");
      if (item) bind(item.getNameNode(), kind.of);
    } else {
      const origin = project.originOf(callback);
      if (origin.kind !== "function" || name !== "map") return block(callback, "a callback that cannot be seen");
      takes(origin.node, 0, kind.of, call);
    }
    if (name === "filter") flow(call, kind);
    if (name === "find") flow(call, maybe(kind.of));
  };

  const iterate = (loop: Node, kind: Kind): unknown => {
    if (!Node.isForOfStatement(loop)) return;
    if (kind.kind !== "list" && kind.kind !== "stream") return block(loop.getExpression(), "this is iterated over");
    const left = loop.getInitializer();
    const [declaration] = Node.isVariableDeclarationList(left) ? left.getDeclarations() : [];
    if (!declaration && isPlain(kind)) return;
    if (!declaration) return block(left, "a message is written to a variable that is declared elsewhere");
    bind(declaration.getNameNode(), kind.of);
  };

  /** A name, or a pattern, that receives a known value. */
  const bind = (name: Node, kind: Kind): unknown => {
    const declaration = name.getParent();
    if (declaration && (Node.isVariableDeclaration(declaration) || Node.isParameterDeclaration(declaration))) {
      const annotation = declaration.getTypeNode();
      if (annotation && !isPlain(kind)) return block(declaration, "a type annotation names the old message");
    }
    if (Node.isIdentifier(name)) {
      const references = project.referencesTo(name).filter((reference) => reference !== name);
      const write = references.find(isAssignmentTarget);
      // A plain variable may hold anything afterwards: then it just proves nothing.
      if (write && isPlain(kind)) return;
      if (write) block(write, "the variable is written to again");
      for (const reference of references) if (!isAssignmentTarget(reference)) flow(reference, kind);
      return;
    }
    if (Node.isObjectBindingPattern(name)) {
      if (isPlain(kind)) return;
      if (kind.kind !== "message") return block(name, "this is taken apart");
      for (const part of name.getElements()) {
        if (part.getDotDotDotToken()) return block(part, "the rest of a message is collected");
        const keyNode = part.getPropertyNameNode();
        const key = keyNode ? keyNode.getText().replace(/^["']|["']$/g, "") : part.getName();
        const field = fieldBy(kind.desc, key);
        if (!field || (keyNode && Node.isComputedPropertyName(keyNode)))
          return block(part, `${kind.desc.typeName} has no field ${key}`);
        if (field.oneof) return block(part, "a member of a oneof is taken out of a message");
        const of = kindOf(field);
        if (part.getInitializer() && !isPlain(of)) return block(part, "a default for a part of a message");
        if (key !== field.localName) {
          if (keyNode) replace(keyNode, field.localName);
          else
            edit(part, part.getNameNode().getStart(), part.getNameNode().getStart(), [`${field.localName}: `], "after");
        }
        if (!part.getInitializer()) bind(part.getNameNode(), of);
      }
      return;
    }
    if (!isPlain(kind)) block(name, "a list of messages is taken apart");
  };

  /** A known value is returned or yielded: by a handler, by a callback, or by a function whose calls then give it. */
  const leaves = (statement: Node, expression: Node, kind: Kind): unknown => {
    const owner = functionAround(expression);
    if (!owner) return block(expression, "a message leaves through a return outside a function");
    open.push({ expression, kind });
    if (handlers.has(owner) || isCallback(owner) || Node.isYieldExpression(statement)) return;
    if (kind.kind !== "value") resultOf(owner, kind);
  };

  /** A project function gives messages: all its calls do. */
  const resultOf = (owner: Node, kind: Kind): unknown => {
    const helper = helperOf(owner);
    if (!helper) return;
    if (helper.result) {
      if (!sameKind(helper.result, kind)) block(owner, "this function returns messages of more than one type");
      return;
    }
    helper.result = kind;
    callbackResults(owner, kind); // whatever else it returns must be such a message, too
    for (const call of callsOf(owner)) {
      if (isMapCall(call)) block(call, "a list of messages that a function gives");
      else flow(call, kind);
    }
  };

  const argument = (call: CallExpression, expression: Node, kind: Kind): unknown => {
    const origin = project.originOf(call.getExpression());
    if (origin.kind !== "function") {
      open.push({ expression, kind });
      return;
    }
    const index = call.getArguments().indexOf(expression);
    const parameter = isFunctionNode(origin.node) ? parametersOf(origin.node)[index] : undefined;
    if (!parameter || parameter.isRestParameter())
      return block(call, "a message is handed to a function that takes it otherwise");
    if (kind.kind === "value") {
      open.push({ expression, kind }); // a plain value: it is converted on the way in
      return;
    }
    if (parameter.getInitializer()) return block(parameter, "a default for a message that is handed over");
    takes(origin.node, index, kind, call);
  };

  /** A project function takes messages: all its calls hand over such a message. */
  const takes = (owner: Node, index: number, kind: Kind, call: CallExpression): unknown => {
    const parameter = parametersOf(owner)[index];
    if (!parameter) return;
    const helper = helperOf(owner);
    const before = helper.params.get(index);
    if (before) {
      if (!sameKind(before, kind)) block(call, "this function takes messages of more than one type");
      return;
    }
    helper.params.set(index, kind);
    bind(parameter.getNameNode(), kind);
    for (const other of callsOf(owner)) {
      if (isMapCall(other)) {
        overLists.push({ call: other, kind });
        continue;
      }
      const given = other.getArguments()[index];
      if (given && !Node.isSpreadElement(given)) sink(given, kind);
      else block(other, "a call without the message that this function takes");
    }
  };

  const helperOf = (owner: Node) => {
    let helper = helpers.get(owner);
    if (!helper) {
      helper = { result: null, params: new Map() };
      helpers.set(owner, helper);
      callsOf(owner); // reports uses that are no calls
    }
    return helper;
  };

  const callsOf = (owner: Node): CallExpression[] => {
    const name = nameOfFunction(owner);
    if (!name) {
      block(owner, "a function without a name carries messages");
      return [];
    }
    const calls: CallExpression[] = [];
    for (const reference of project.referencesTo(name)) {
      if (reference === name || isAlias(reference)) continue;
      const access = reference.getParent();
      const callee = Node.isPropertyAccessExpression(access) && access.getNameNode() === reference ? access : reference;
      const call = callee.getParent();
      if (Node.isCallExpression(call) && call.getExpression() === callee) calls.push(call);
      else if (Node.isPropertyAccessExpression(access) && isExportsTarget(access)) continue;
      else if (Node.isCallExpression(call) && isMapOver(call, callee)) calls.push(call);
      else block(reference, `${name.getText()} carries messages and is handed on`);
    }
    return calls;
  };

  /** Comparisons and conversions that need no wrapping. True when the use is dealt with. */
  const special = (parent: Node, expression: Node, as: Representation): boolean => {
    if (as.kind === "enum-name") {
      const literals = comparedLiterals(parent, expression);
      if (!literals || literals.length === 0) return false;
      for (const literal of literals) {
        const value = as.desc.values.find((one) => shape.enumName(one) === literal.getLiteralText());
        if (!value) block(literal, `${as.desc.typeName} has no value ${literal.getLiteralText()}`);
        else replace(literal, generated(as.desc, "shape", literal), `.${value.localName}`);
      }
      return true;
    }
    if (as.kind === "bytes")
      return (
        Node.isCallExpression(parent) &&
        parent.getExpression().getText() === "Buffer.from" &&
        parent.getArguments().length === 1
      );
    if (as.kind === "int64-string" || as.kind === "int64-number") {
      if (Node.isTemplateSpan(parent)) return true;
      const call = parent;
      if (!Node.isCallExpression(call) || call.getArguments()[0] !== expression) return false;
      const callee = call.getExpression().getText();
      if (callee === "Number" || callee === "BigInt") return call.getArguments().length === 1;
      if (callee === "String") return true;
      return false;
    }
    return false;
  };

  const discriminator = (expression: Node, kind: Kind & { kind: "case" }): unknown => {
    const parent = expression.getParent();
    if (parent && isTruthTest(parent, expression) && !isValueOfLogical(parent)) return;
    const literals = parent && comparedLiterals(parent, expression);
    if (!literals) return block(expression, "the name of a oneof's member is used as a value");
    for (const literal of literals) {
      const field = kind.oneof.fields.find((one) => shape.keyOf(one) === literal.getLiteralText());
      if (!field) block(literal, `${kind.oneof.name} has no member ${literal.getLiteralText()}`);
      else if (field.localName !== literal.getLiteralText()) replace(literal, quoted(literal, field.localName));
    }
  };

  /** `x === null` becomes `x === undefined`: an absent message. */
  const compareAbsent = (comparison: Node, expression: Node): boolean => {
    if (!Node.isBinaryExpression(comparison)) return false;
    const operator = comparison.getOperatorToken().getText();
    if (!/^[!=]==?$/.test(operator)) return false;
    const other = comparison.getLeft() === expression ? comparison.getRight() : comparison.getLeft();
    if (other.getText() === "null") {
      if (operator.length === 3) replace(other, "undefined");
      return true;
    }
    if (other.getText() === "undefined" && operator.length === 2) return true;
    return false;
  };

  /** A value that other code goes on to use: it keeps its old form. */
  const convert = (given: Node, as: Representation, isMaybe: boolean): unknown => {
    const expression = topOf(given);
    const prefix = isShorthand(expression) && !renamedShorthands.has(expression) ? `${expression.getText()}: ` : "";
    switch (as.kind) {
      case "same":
      case "enum-number":
        return;
      case "int64-string":
        if (isMaybe) return wrap(expression, [prefix], "?.toString()");
        return wrap(expression, [`${prefix}String(`], ")");
      case "int64-number":
        if (isMaybe) return block(expression, "a number that may be absent");
        return wrap(expression, [`${prefix}Number(`], ")");
      case "bytes":
        if (isMaybe) return block(expression, "bytes that may be absent");
        return wrap(expression, [`${prefix}Buffer.from(`], ")");
      case "enum-name": {
        const chain = chainText(expression);
        if (chain === undefined)
          return block(expression, "the name of an enum value is taken of an expression that cannot be repeated");
        // protobufjs gives the number itself for a value without a name.
        const [opening, closing] = standsAlone(expression) ? ["", ""] : ["(", ")"];
        const schema = generated(as.desc, "descriptor", expression);
        return wrap(expression, [`${prefix}${opening}`, schema, ".value["], `]?.name ?? ${chain}${closing}`);
      }
      default:
        return block(expression, "this is used in a way that is not followed");
    }
  };

  // ---- backward: what a value that leaves is made of -----------------------------------------------------------

  /** True when `expression` is, or can be written as, a value of `wanted`. Reports what is not proved itself. */
  const prove = (given: Node, wanted: Kind): unknown => {
    const expression = unwrapped(given);
    const before = proved.get(expression);
    if (before) {
      if (!sameKind(before, wanted)) block(expression, "this is used for messages of more than one type");
      return;
    }
    proved.set(expression, wanted);
    for (let outer = given; outer !== expression; outer = innerOf(outer) ?? expression) {
      if (isAssertion(outer) && !isPlain(wanted)) return block(given, "a type assertion names the old message");
    }
    const why = unsupportedIn(wanted);
    if (why !== undefined) return block(expression, why);

    const known = kinds.get(expression);
    if (known && sameKind(known, wanted)) {
      consume(given);
      return;
    }
    if (known && known.kind !== "value") return block(expression, `this is no ${kindName(wanted)}`);
    if (Node.isAwaitExpression(expression)) return prove(expression.getExpression(), wanted);
    if (Node.isConditionalExpression(expression)) {
      prove(expression.getWhenTrue(), wanted);
      prove(expression.getWhenFalse(), wanted);
      return;
    }
    if (Node.isBinaryExpression(expression) && /^(\|\||\?\?)$/.test(expression.getOperatorToken().getText())) {
      prove(expression.getLeft(), wanted);
      prove(expression.getRight(), wanted);
      return;
    }
    if (Node.isIdentifier(expression) && !known) {
      const declaration = project.declarationOf(expression);
      if (declaration && Node.isVariableDeclaration(declaration) && wanted.kind !== "value")
        return variable(expression, declaration, wanted);
    }
    if (Node.isCallExpression(expression)) {
      const origin = project.originOf(expression.getExpression());
      if (
        origin.kind === "function" &&
        isFunctionNode(origin.node) &&
        !origin.node.getSourceFile().isDeclarationFile()
      ) {
        if (wanted.kind !== "value") return helperResult(expression, origin.node, wanted);
      }
    }
    switch (wanted.kind) {
      case "message":
        if (Node.isObjectLiteralExpression(expression)) return literal(expression, wanted.desc);
        return block(expression, `nothing proves that this is a ${wanted.desc.typeName}`);
      case "list":
        return list(expression, wanted);
      case "map":
        return map(expression, wanted);
      case "value":
        return value(expression, wanted.as);
      default:
        return block(expression, "this is no stream that is followed");
    }
  };

  const literal = (object: ObjectLiteralExpression, desc: DescMessage): void => {
    const chosen = new Set<DescOneof>();
    for (const property of object.getProperties()) {
      if (!Node.isPropertyAssignment(property) && !Node.isShorthandPropertyAssignment(property)) {
        block(
          property,
          Node.isSpreadAssignment(property) ? "a reply is spread from another object" : "a method in a message",
        );
        continue;
      }
      const nameNode = property.getNameNode();
      if (Node.isComputedPropertyName(nameNode)) {
        block(property, "a computed key");
        continue;
      }
      const key = nameNode.getText().replace(/^["']|["']$/g, "");
      const field = fieldBy(desc, key);
      if (!field) {
        block(property, `${desc.typeName} has no field ${key}`);
        continue;
      }
      const expression: Node = Node.isPropertyAssignment(property) ? property.getInitializerOrThrow() : nameNode;
      const isShort = Node.isShorthandPropertyAssignment(property);
      const oneof = field.oneof;
      if (oneof) {
        if (chosen.has(oneof)) block(property, `two members of the oneof ${oneof.name}`);
        chosen.add(oneof);
        if (isAbsent(expression)) {
          block(property, "a member of a oneof that is not set");
          continue;
        }
        if (/\b(undefined|null)\b/.test(expression.getType().getText()))
          block(property, "a member of a oneof that may be absent");
        const opening = `${oneof.localName}: { case: ${quoted(object, field.localName)}, value: `;
        if (isShort) edit(property, property.getStart(), property.getStart(), [opening], "after");
        else edit(property, nameNode.getStart(), expression.getStart(), [opening]);
        edit(property, expression.getEnd(), expression.getEnd(), [" }"], "before");
      } else if (key !== field.localName) {
        if (isShort) edit(property, property.getStart(), property.getStart(), [`${field.localName}: `], "after");
        else if (expression.getText() === field.localName && neverWrapped(kindOf(field))) {
          edit(property, nameNode.getStart(), expression.getStart(), []); // `all_in: allIn` is `allIn`
        } else replace(nameNode, field.localName);
      } else if (isShort) named.add(nameNode);
      if (isShort && (oneof || key !== field.localName)) renamedShorthands.add(nameNode);
      if (isAbsent(expression)) continue; // protobufjs and create() both leave it out
      sink(expression, kindOf(field));
    }
  };
  const named = new Set<Node>();
  const renamedShorthands = new Set<Node>();

  const list = (expression: Node, wanted: Kind & { kind: "list" }): unknown => {
    if (Node.isArrayLiteralExpression(expression)) {
      for (const item of expression.getElements()) {
        if (Node.isSpreadElement(item)) sink(item.getExpression(), wanted);
        else sink(item, wanted.of);
      }
      return;
    }
    if (Node.isCallExpression(expression)) {
      const callee = expression.getExpression();
      const [first] = expression.getArguments();
      if (Node.isPropertyAccessExpression(callee)) {
        const name = callee.getName();
        // protobufjs takes arrays only, so what `map` gives here is one.
        if (name === "map" && first) {
          if (isFunctionNode(first)) return callbackResults(first, wanted.of);
          const origin = project.originOf(first);
          if (origin.kind === "function" && isFunctionNode(origin.node))
            return helperResult(expression, origin.node, wanted.of);
        }
        if (name === "slice" || name === "filter" || name === "reverse") return sink(callee.getExpression(), wanted);
        if (name === "split" && isStringValue(wanted.of)) return;
      }
    }
    if (isPlain(wanted) && wanted.of.kind === "value") {
      const of = expression.getType().getArrayElementType();
      const as = wanted.of.as;
      if (of && as.kind === "same" && as.type !== "int32" && as.type !== "uint32" && hasType(of.getText(), as.type))
        return;
    }
    block(expression, "nothing proves what this list holds");
  };

  const map = (expression: Node, wanted: Kind & { kind: "map" }): unknown => {
    if (!Node.isObjectLiteralExpression(expression)) return block(expression, "nothing proves what this map holds");
    for (const property of expression.getProperties()) {
      if (Node.isPropertyAssignment(property)) sink(property.getInitializerOrThrow(), wanted.of);
      else if (Node.isSpreadAssignment(property)) sink(property.getExpression(), wanted);
      else block(property, "an entry of a map that is not written out");
    }
  };

  const value = (expression: Node, as: Representation): unknown => {
    if (isAbsent(expression)) return;
    const known = kinds.get(expression);
    switch (as.kind) {
      case "same":
        if (known?.kind === "value" && known.as.kind === "same" && isAssignableScalar(known.as.type, as.type)) return;
        if (as.type === "string" && isString(expression)) return;
        if (as.type === "boolean" && isBoolean(expression)) return;
        if (as.type === "number" && isNumber(expression)) return;
        if (as.type === "int32" || as.type === "uint32") {
          if (isWithinRange(expression, as.type)) return;
          // What protobufjs does with any number; protobuf-es throws for a fraction or for one that is too large.
          if (isNumber(expression)) {
            const [opening, closing] = isOperand(expression) ? ["", ""] : ["(", ")"];
            return wrap(
              expression,
              [shorthandPrefix(expression), opening],
              `${closing}${as.type === "int32" ? " | 0" : " >>> 0"}`,
            );
          }
        }
        return block(expression, `nothing proves that this is ${as.type === "int32" ? "an int32" : `a ${as.type}`}`);
      case "int64-string":
      case "int64-number":
        return int64(expression);
      case "enum-name":
      case "enum-number": {
        if (Node.isStringLiteral(expression) || Node.isNoSubstitutionTemplateLiteral(expression)) {
          const found = as.desc.values.find((one) => shape.enumName(one) === expression.getLiteralText());
          if (!found) return block(expression, `${as.desc.typeName} has no value ${expression.getLiteralText()}`);
          return replace(expression, generated(as.desc, "shape", expression), `.${found.localName}`);
        }
        if (Node.isNumericLiteral(expression)) return;
        if (!known && typeText(expression) === "string") {
          // protobufjs leaves a name out that it does not know.
          const schema = generated(as.desc, "descriptor", expression);
          return wrap(
            expression,
            [shorthandPrefix(expression), schema, ".values.find(({ name }) => name === "],
            ")?.number",
          );
        }
        return block(expression, `nothing proves that this is a value of ${as.desc.typeName}`);
      }
      case "bytes":
        if (/^(Buffer|Uint8Array)(<[\w ]+>)?$/.test(typeText(expression)) || isBufferCall(expression)) return;
        return block(expression, "nothing proves that these are bytes");
      default:
        return block(expression, "nothing proves what this is");
    }
  };

  const int64 = (expression: Node): unknown => {
    if (Node.isNumericLiteral(expression) && /^\d+$/.test(expression.getText())) {
      return edit(expression, expression.getEnd(), expression.getEnd(), ["n"], "before");
    }
    if (Node.isPrefixUnaryExpression(expression) && /^-\d+$/.test(expression.getText())) {
      return edit(expression, expression.getEnd(), expression.getEnd(), ["n"], "before");
    }
    if (Node.isStringLiteral(expression) && /^-?\d+$/.test(expression.getLiteralText())) {
      return replace(expression, `${expression.getLiteralText()}n`);
    }
    const inner = stringOf(expression);
    if (inner && isInteger(inner)) {
      if (kinds.has(inner)) return wrap(expression, ["BigInt("], ")");
      edit(expression, expression.getStart(), inner.getStart(), ["BigInt("]);
      return edit(expression, inner.getEnd(), expression.getEnd(), [")"]);
    }
    if (isInteger(expression)) return wrap(expression, [shorthandPrefix(expression), "BigInt("], ")");
    block(expression, "nothing proves that this is a whole number");
  };

  /** `{ total }` becomes `{ total: BigInt(total) }`. */
  const shorthandPrefix = (expression: Node) => (named.has(expression) ? `${expression.getText()}: ` : "");

  /** The variable that a reply is collected in: made by a literal, filled by keys that are written out. */
  const variable = (use: Node, declaration: Node, wanted: Kind): unknown => {
    if (!Node.isVariableDeclaration(declaration)) return;
    const name = declaration.getNameNode();
    const initializer = declaration.getInitializer();
    if (!Node.isIdentifier(name) || !initializer) return block(use, "a variable without a first value");
    if (declaration.getTypeNode() && !isPlain(wanted))
      return block(declaration, "a type annotation names the old message");
    if (kinds.has(initializer) && !Node.isObjectLiteralExpression(initializer)) return sink(initializer, wanted);
    if (!functionAround(declaration)) return block(use, "a message that lives longer than the call");
    sink(initializer, wanted);
    for (const reference of project.referencesTo(name)) {
      if (reference === name) continue;
      const parent = reference.getParent();
      if (proved.has(reference)) continue;
      if (isAssignmentTarget(reference) && Node.isBinaryExpression(parent)) {
        if (parent.getOperatorToken().getText() === "=") sink(parent.getRight(), wanted);
        else block(parent, "this changes a value of a message in place");
        continue;
      }
      if (Node.isPropertyAccessExpression(parent) && parent.getExpression() === reference) {
        assigned(parent, wanted);
        continue;
      }
      if (wanted.kind === "map" && Node.isElementAccessExpression(parent) && isAssignmentTarget(parent)) {
        const assignment = parent.getParent();
        if (Node.isBinaryExpression(assignment) && assignment.getOperatorToken().getText() === "=")
          sink(assignment.getRight(), wanted.of);
        else block(parent, "this changes a value of a map in place");
        continue;
      }
      if (isPlain(wanted) && onlyReads(reference, parent)) continue;
      open.push({ expression: reference, kind: wanted });
      if (isPlain(wanted)) leaks.push(reference);
    }
  };

  /** `reply.key = value`, `reply.list.push(value)`, `list.push(value)`. */
  const assigned = (access: Node, wanted: Kind): unknown => {
    if (!Node.isPropertyAccessExpression(access)) return;
    const parent = access.getParent();
    if (wanted.kind === "list") {
      if (access.getName() === "length" && !isAssignmentTarget(access)) return;
      if (isPlain(wanted) && LIST_READERS.has(access.getName()) && Node.isCallExpression(parent)) return;
      if (access.getName() === "push" && Node.isCallExpression(parent) && parent.getExpression() === access) {
        for (const item of parent.getArguments()) {
          if (Node.isSpreadElement(item)) sink(item.getExpression(), wanted);
          else sink(item, wanted.of);
        }
        if (!Node.isExpressionStatement(parent.getParent())) block(parent, "the result of push is used");
        return;
      }
      return block(access, `what ${access.getName()} of a list does is not followed`);
    }
    if (wanted.kind !== "message") return block(access, "a member of a map");
    const field = fieldBy(wanted.desc, access.getName());
    if (!field) return block(access, `${wanted.desc.typeName} has no field ${access.getName()}`);
    if (field.oneof) return chooses(access, field, field.oneof);
    if (access.getName() !== field.localName) replace(access.getNameNode(), field.localName);
    const kind = kindOf(field);
    if (isAssignmentTarget(access)) {
      if (Node.isBinaryExpression(parent) && parent.getOperatorToken().getText() === "=")
        return sink(parent.getRight(), kind);
      if (kind.kind === "value" && kind.as.kind === "same" && isStep(parent)) return;
      return block(parent ?? access, "this changes a value of a message in place");
    }
    if (kind.kind === "list" && Node.isPropertyAccessExpression(parent) && parent.getExpression() === access)
      return assigned(parent, kind);
    if (kind.kind === "value" && kind.as.kind === "same") return;
    block(access, "a part of a reply is read while it is made");
  };

  /** `reply.member = value`, where `reply` is a variable: the last assignment counts, if they stand in the order of the fields. */
  const chooses = (access: PropertyAccessExpression, field: DescField, oneof: DescOneof): unknown => {
    const assignment = access.getParent();
    const object = access.getExpression();
    const isPlainAssignment =
      Node.isBinaryExpression(assignment) &&
      isAssignmentTarget(access) &&
      assignment.getOperatorToken().getText() === "=" &&
      Node.isExpressionStatement(assignment.getParent());
    if (!isPlainAssignment || !Node.isIdentifier(object))
      return block(access, "a member of a oneof is used while the message is made");
    const value = assignment.getRight();
    if (isAbsent(value) || /\b(undefined|null)\b/.test(value.getType().getText())) {
      return block(assignment, "a member of a oneof that may be absent");
    }
    const declaration = project.declarationOf(object);
    const initializer = Node.isVariableDeclaration(declaration) ? declaration.getInitializer() : undefined;
    const isInLiteral =
      initializer !== undefined &&
      Node.isObjectLiteralExpression(initializer) &&
      oneof.fields.some((one) => initializer.getProperty(shape.keyOf(one) ?? "") !== undefined);
    const isInLoop =
      functionAround(assignment) !== (declaration && functionAround(declaration)) ||
      assignment
        .getAncestors()
        .some((node) => Node.isIterationStatement(node) && (declaration?.getPos() ?? 0) < node.getPos());
    // protobufjs writes every member that is set; the one with the highest number comes last and wins.
    const isInOrder = project.referencesTo(object).every((reference) => {
      const other = reference.getParent();
      const key = Node.isPropertyAccessExpression(other) && isAssignmentTarget(other) ? other.getName() : undefined;
      const set = key === undefined ? undefined : oneof.fields.find((one) => shape.keyOf(one) === key);
      if (!set || set === field) return true;
      return reference.getPos() < object.getPos() === set.number < field.number;
    });
    if (isInLiteral || isInLoop || !isInOrder) {
      return block(assignment, "members of a oneof are set in another order than that of their fields");
    }
    replace(access.getNameNode(), oneof.localName);
    edit(value, value.getStart(), value.getStart(), [`{ case: ${quoted(access, field.localName)}, value: `], "after");
    edit(value, value.getEnd(), value.getEnd(), [" }"], "before");
    sink(value, kindOf(field));
  };

  const helperResult = (call: CallExpression, owner: Node, wanted: Kind): unknown => {
    const helper = helperOf(owner);
    if (helper?.result) {
      if (!sameKind(helper.result, wanted)) block(call, "this function returns messages of more than one type");
      return;
    }
    if (!helper) return;
    helper.result = wanted;
    callbackResults(owner, wanted);
    // Every other call gives such a message, too.
    for (const other of callsOf(owner)) {
      if (proved.has(other)) continue;
      if (Node.isCallExpression(other) && other.getExpression() !== call.getExpression() && isMapCall(other))
        open.push({ expression: other, kind: { kind: "list", of: wanted } });
      else open.push({ expression: other, kind: wanted });
    }
  };

  const isMapCall = (call: CallExpression) => {
    const callee = call.getExpression();
    return Node.isPropertyAccessExpression(callee) && callee.getName() === "map";
  };

  /** Everything that a function returns is a sink. */
  const callbackResults = (owner: Node, wanted: Kind): unknown => {
    if (!isFunctionNode(owner)) return;
    const body = owner.getBody();
    if (!body) return block(owner, "a function without a body");
    if (hasResultType(owner) && !isPlain(wanted)) return block(owner, "the type of a result names the old message");
    if (!Node.isBlock(body)) return sink(body, wanted);
    const returns = ownReturns(owner);
    if (returns.length === 0) block(owner, "nothing is returned here");
    for (const statement of returns) {
      const expression = statement.getExpression();
      if (expression) sink(expression, wanted);
      else block(statement, "a return without a value");
    }
  };

  const sink = (expression: Node, wanted: Kind): void => {
    sinks.push({ expression, wanted });
  };

  /** The uses of known expressions that end in a sink: from the sink's text inwards. */
  const consume = (expression: Node): void => {
    for (let node: Node | undefined = expression; node; node = innerOf(node)) consumed.add(node);
  };

  // ---- helpers that need the state ------------------------------------------------------------------------------

  /** The text of `a.b.c` with the names that it will have; undefined for anything else. */
  const chainText = (node: Node): string | undefined => {
    if (Node.isIdentifier(node) || node.getKind() === SyntaxKind.ThisKeyword) return node.getText();
    if (!Node.isPropertyAccessExpression(node) || node.hasQuestionDotToken()) return undefined;
    const object = chainText(node.getExpression());
    if (object === undefined) return undefined;
    const kind = kinds.get(node.getExpression());
    if (kind?.kind !== "message") return `${object}.${node.getName()}`;
    const field = fieldBy(kind.desc, node.getName());
    return field && !field.oneof ? `${object}.${field.localName}` : undefined;
  };

  /** Asks of what an expression is made; a question that meets itself (recursion, loops) is answered with yes. */
  const asking = new Set<string>();
  const ofParts = (node: Node, question: string, test: (part: Node) => boolean): boolean => {
    const key = `${question} ${node.getSourceFile().getFilePath()} ${node.getPos()} ${node.getEnd()}`;
    if (asking.has(key)) return true;
    asking.add(key);
    try {
      return partsOf(node)?.every((part) => test(unwrapped(part))) ?? false;
    } finally {
      asking.delete(key);
    }
  };
  /** The expressions that an expression takes its value from: branches, a variable's values, a parameter's arguments. */
  const partsOf = (node: Node): Node[] | undefined => {
    if (Node.isConditionalExpression(node)) return [node.getWhenTrue(), node.getWhenFalse()];
    if (Node.isBinaryExpression(node) && /^(\|\||\?\?)$/.test(node.getOperatorToken().getText()))
      return [node.getLeft(), node.getRight()];
    const isAwaited = Node.isAwaitExpression(node);
    const call = isAwaited ? unwrapped(node.getExpression()) : node;
    if (Node.isCallExpression(call)) return resultsOf(call, isAwaited);
    if (!Node.isIdentifier(node)) return undefined;
    const declaration = project.declarationOf(node);
    if (Node.isVariableDeclaration(declaration)) {
      const name = declaration.getNameNode();
      const initializer = declaration.getInitializer();
      if (!initializer || !Node.isIdentifier(name)) return undefined;
      const parts: Node[] = [initializer];
      for (const reference of project.referencesTo(name)) {
        if (reference === name || !isAssignmentTarget(reference)) continue;
        const change = reference.getParent();
        if (Node.isBinaryExpression(change) && change.getOperatorToken().getText() === "=")
          parts.push(change.getRight());
        else if (!change) return undefined;
        else parts.push(change);
      }
      return parts;
    }
    if (Node.isParameterDeclaration(declaration)) {
      const owner = declaration.getParent();
      if (
        !owner ||
        !isFunctionNode(owner) ||
        handlers.has(owner) ||
        declaration.isRestParameter() ||
        !Node.isIdentifier(declaration.getNameNode())
      )
        return undefined;
      if (project.referencesTo(declaration.getNameNode()).some(isAssignmentTarget)) return undefined;
      const index = owner.getParameters().indexOf(declaration);
      const calls = quietCallsOf(owner);
      if (!calls || calls.length === 0) return undefined;
      const parts: Node[] = [];
      for (const call of calls) {
        const given = call.getArguments()[index];
        if (!given || call.getArguments().some((one) => Node.isSpreadElement(one)) || isMapCall(call)) return undefined;
        parts.push(given);
      }
      return parts;
    }
    return undefined;
  };

  /** What a project function returns. */
  const resultsOf = (call: CallExpression, isAwaited: boolean): Node[] | undefined => {
    const origin = project.originOf(call.getExpression());
    if (origin.kind !== "function" || !isFunctionNode(origin.node) || isGenerator(origin.node)) return undefined;
    if (isAsync(origin.node) && !isAwaited) return undefined;
    const body = origin.node.getBody();
    if (!body) return undefined;
    if (!Node.isBlock(body)) return [body];
    const returns = ownReturns(origin.node).map((statement) => statement.getExpression());
    return returns.length > 0 && returns.every((one) => one !== undefined) ? returns : undefined;
  };

  const quietCallsOf = (owner: Node): CallExpression[] | undefined => {
    const count = blockers.length;
    const calls = callsOf(owner);
    if (blockers.length === count) return calls;
    blockers.length = count;
    return undefined;
  };

  const plainKnown = (expression: Node): PlainType | undefined => {
    const known = kinds.get(expression);
    return known?.kind === "value" && known.as.kind === "same" ? known.as.type : undefined;
  };

  const isWithinRange = (node: Node, type: "int32" | "uint32"): boolean => {
    const expression = unwrapped(node);
    if (kinds.has(expression)) return plainKnown(expression) === type;
    const constant = numberOf(expression);
    if (constant !== undefined) {
      return (
        Number.isInteger(constant) &&
        (type === "int32" ? Math.abs(constant) < 2 ** 31 : constant >= 0 && constant < 2 ** 32)
      );
    }
    if (isLength(expression)) return true;
    // A counter that goes up by one does not get out of range, nor does it with a small constant added.
    if (isStep(expression)) return true;
    if (Node.isBinaryExpression(expression) && expression.getOperatorToken().getText() === "+") {
      const sides = [unwrapped(expression.getLeft()), unwrapped(expression.getRight())];
      const constants = sides.map(numberOf);
      const isSmall = constants.some((one) => one !== undefined && Number.isInteger(one) && one >= 0 && one < 65536);
      const counter = sides[constants[0] === undefined ? 0 : 1];
      return isSmall && counter !== undefined && !kinds.has(counter) && isWithinRange(counter, type);
    }
    return ofParts(expression, type, (part) => isWithinRange(part, type));
  };

  /** A whole, finite number. */
  const isInteger = (node: Node): boolean => {
    const expression = unwrapped(node);
    if (kinds.has(expression)) return /int32/.test(plainKnown(expression) ?? "");
    const constant = numberOf(expression);
    if (constant !== undefined) return Number.isSafeInteger(constant);
    if (isLength(expression) || isStep(expression)) return true;
    if (Node.isBinaryExpression(expression)) {
      const operator = expression.getOperatorToken().getText();
      if (/^[-+*]$/.test(operator)) return isInteger(expression.getLeft()) && isInteger(expression.getRight());
      if (/^([|&^]|<<|>>>?)$/.test(operator)) return isNumber(expression.getLeft()) && isNumber(expression.getRight());
      if (/^[-+*]=$/.test(operator)) return isInteger(expression.getRight());
    }
    if (Node.isCallExpression(expression)) {
      const callee = expression.getExpression().getText();
      if (callee === "Date.now") return true;
      const [first] = expression.getArguments();
      return /^Math\.(floor|ceil|round|trunc)$/.test(callee) && first !== undefined && isFiniteNumber(first);
    }
    return ofParts(expression, "integer", isInteger);
  };

  const isFiniteNumber = (node: Node): boolean => {
    const expression = unwrapped(node);
    if (isInteger(expression)) return true;
    if (Node.isNumericLiteral(expression)) return true;
    if (Node.isIdentifier(expression)) return ofParts(expression, "finite", isFiniteNumber);
    if (Node.isCallExpression(expression) && expression.getExpression().getText() === "Number") {
      const [first] = expression.getArguments();
      const of = first && kinds.get(unwrapped(first));
      return of?.kind === "value" && /^int64-/.test(of.as.kind) && !of.maybe;
    }
    if (!Node.isBinaryExpression(expression)) return false;
    const operator = expression.getOperatorToken().getText();
    if (operator === "/")
      return isFiniteNumber(expression.getLeft()) && (numberOf(unwrapped(expression.getRight())) ?? 0) !== 0;
    return /^[-+*]$/.test(operator) && isFiniteNumber(expression.getLeft()) && isFiniteNumber(expression.getRight());
  };

  const isNumber = (node: Node): boolean => {
    const expression = unwrapped(node);
    const known = plainKnown(expression);
    if (known !== undefined) return known !== "string" && known !== "boolean";
    if (kinds.has(expression)) return false;
    if (hasType(typeText(expression), "number")) return true;
    return isInteger(expression) || ofParts(expression, "number", isNumber);
  };

  const isBoolean = (node: Node): boolean => {
    const expression = unwrapped(node);
    if (kinds.has(expression)) return plainKnown(expression) === "boolean";
    return hasType(typeText(expression), "boolean") || ofParts(expression, "boolean", isBoolean);
  };

  const isString = (node: Node): boolean => {
    const expression = unwrapped(node);
    const known = kinds.get(expression);
    if (known)
      return plainKnown(expression) === "string" || (known.kind === "value" && known.as.kind === "int64-string");
    if (hasType(typeText(expression), "string") || Node.isTemplateExpression(expression)) return true;
    if (Node.isCallExpression(expression)) {
      const callee = expression.getExpression();
      if (callee.getText() === "String") return true;
      if (Node.isPropertyAccessExpression(callee) && STRING_MAKERS.has(callee.getName())) return true;
    }
    if (Node.isBinaryExpression(expression) && expression.getOperatorToken().getText() === "+") {
      return isString(expression.getLeft()) || isString(expression.getRight());
    }
    return ofParts(expression, "string", isString);
  };

  const isLength = (expression: Node): boolean => {
    if (!Node.isPropertyAccessExpression(expression) || expression.getName() !== "length") return false;
    const of = unwrapped(expression.getExpression());
    const kind = kinds.get(of);
    if (kind)
      return kind.kind === "list" || plainKnown(of) === "string" || (kind.kind === "value" && kind.as.kind === "bytes");
    return of.getType().isArray() || hasType(typeText(of), "string") || isStringValueList(of);
  };
  const isStringValueList = (expression: Node) => Node.isArrayLiteralExpression(expression);

  // ---- the run --------------------------------------------------------------------------------------------------

  const handlers = new Set<Node>();
  const start = { flow, bind, sink, block, handlers, replace, callsOf };
  for (const bridge of bridges) {
    if (bridge.of === "service") startService(project, bridge, start);
    else startClient(project, bridge, start);
  }
  for (let sinkItem = sinks.shift(); sinkItem; sinkItem = sinks.shift()) prove(sinkItem.expression, sinkItem.wanted);
  for (const leak of leaks) if (!proved.has(leak)) block(leak, "a list that is being made is handed on");
  for (const { call, kind } of overLists) {
    const callee = call.getExpression();
    const held = Node.isPropertyAccessExpression(callee) ? kinds.get(unwrapped(callee.getExpression())) : undefined;
    if (held?.kind !== "list" || !sameKind(held.of, kind)) block(call, "a list that is not known to hold messages");
  }
  for (const { expression, kind } of open) {
    // A value that was proved for another kind of field (an int64 in a string) is converted, too.
    if (consumed.has(expression) || (kind.kind !== "value" && proved.has(expression))) continue;
    if (kind.kind === "value") convert(expression, kind.as, kind.maybe === true);
    else if (!isPlain(kind)) block(expression, "a message goes where it cannot be followed");
  }
  return { blockers: unique(blockers), edits };
}

function unique(blockers: readonly MessageBlocker[]): MessageBlocker[] {
  return [...new Map(blockers.map((blocker) => [blocker.detail, blocker])).values()];
}
