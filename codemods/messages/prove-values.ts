import type { DescEnum, DescField, DescMessage, DescOneof } from "@bufbuild/protobuf";
import { Node, type ObjectLiteralExpression, type PropertyAccessExpression } from "ts-morph";
import { coerceList, coerceValue, isFromOutside, isOfType } from "./coerced-values.js";
import { foreignObject } from "./foreign-objects.js";
import { settledBy } from "./later-replies.js";
import {
  holdsMessages,
  isAssignableScalar,
  isPlain,
  isStringValue,
  type Kind,
  kindName,
  neverWrapped,
  sameKind,
  unsupportedIn,
} from "./message-kind.js";
import {
  ARRAY_READERS,
  functionAround,
  hasBytesType,
  hasType,
  innerOf,
  isAbsent,
  isAssertion,
  isAssignmentTarget,
  isBufferCall,
  isCallback,
  isFunctionNode,
  isOperand,
  isStep,
  numberOf,
  onlyReads,
  quoted,
  stringOf,
  typeOfAssertion,
  typeText,
  unwrapped,
} from "./message-syntax.js";
import type { Proving } from "./proof.js";
import { isGivenList } from "./protobufjs-reads.js";
import { copiesFields } from "./similar-messages.js";
import { keepsTest } from "./tested-values.js";
import { proveWrapper } from "./wrapped-values.js";

/** Methods that put nothing new into a list. */
const LIST_READERS = new Set(
  "join includes indexOf forEach map filter some every find findIndex slice concat sort reverse entries keys values".split(
    " ",
  ),
);

/** What a value that leaves is made of: literals, lists, maps, variables that are filled. */
export function createProveValues(p: Proving) {
  const {
    handlers,
    project,
    shape,
    kinds,
    open,
    proved,
    leaks,
    named,
    renamedShorthands,
    block,
    edit,
    replace,
    wrap,
    generated,
    kindOf,
    fieldBy,
    sink,
    consume,
    shorthandPrefix,
  } = p;

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
      const type = isAssertion(outer) && !isPlain(wanted) ? typeOfAssertion(outer) : undefined;
      if (type && !p.retype(type, given, "a type assertion names the old message")) return;
    }
    const why = unsupportedIn(wanted);
    if (why !== undefined) return block(expression, why);

    // A message of old code's own types is known wherever it is, and each place that it goes to asks for one.
    if (shape.typed && (holdsMessages(wanted) || isOfPlainType(expression, wanted))) return;

    // No message at all: whoever writes it into a field or sends it looks after that.
    if (shape.isLive && wanted.kind === "message" && isAbsent(expression)) return;
    const known = kinds.get(expression);
    if (known && sameKind(known, wanted)) {
      consume(given);
      return;
    }
    if (wanted.kind === "wrapper" && proveWrapper(p, expression, wanted)) return;
    if (known?.kind === "message" && wanted.kind === "message" && copiesFields(p, expression, known.desc, wanted.desc))
      return;
    if (known && known.kind !== "value") return block(expression, `this is no ${kindName(wanted)}`);
    // What is converted, as protobufjs did it, is the value that comes of an expression, not what it is made of.
    const isWhole = shape.coerces === true && wanted.kind === "value";
    if (Node.isAwaitExpression(expression) && !isWhole) return prove(expression.getExpression(), wanted);
    if (wanted.kind !== "value" && settledBy(p, expression, wanted)) return;
    if (Node.isConditionalExpression(expression)) {
      prove(expression.getWhenTrue(), wanted);
      prove(expression.getWhenFalse(), wanted);
      return;
    }
    if (Node.isBinaryExpression(expression) && /^(\|\||\?\?)$/.test(expression.getOperatorToken().getText())) {
      // What `||` tests is the value before it is converted.
      if (isWhole && !isOfType(p, expression.getLeft(), wanted.as) && coerceValue(p, expression, wanted)) return;
      const isOr = expression.getOperatorToken().getText() === "||";
      if (isOr && wanted.kind === "value" && !keepsTest(p, expression, wanted)) return value(expression, wanted);
      prove(expression.getLeft(), wanted);
      prove(expression.getRight(), wanted);
      return;
    }
    if (Node.isIdentifier(expression) && !known) {
      const declaration = project.declarationOf(expression);
      if (shape.isLive && wanted.kind !== "value" && !isPlain(wanted) && declaration)
        return live(expression, declaration, wanted);
      if (wanted.kind === "list" && isFromOutside(p, declaration) && coerceList(p, expression, wanted)) return;
      if (
        (wanted.kind === "list" || wanted.kind === "message") &&
        isFromOutside(p, declaration) &&
        foreignObject(p, expression, wanted)
      )
        return;
      if (declaration && Node.isVariableDeclaration(declaration) && wanted.kind !== "value")
        return variable(expression, declaration, wanted);
      if (shape.isLive && declaration && Node.isParameterDeclaration(declaration) && wanted.kind !== "value")
        return parameter(expression, declaration, wanted);
    }
    if (Node.isCallExpression(expression)) {
      const origin = project.originOf(expression.getExpression());
      if (
        origin.kind === "function" &&
        isFunctionNode(origin.node) &&
        !origin.node.getSourceFile().isDeclarationFile()
      ) {
        if (wanted.kind !== "value") return p.helperResult(expression, origin.node, wanted);
      }
    }
    switch (wanted.kind) {
      case "message":
        if (shape.made?.(p, expression, wanted.desc)) return;
        if (Node.isObjectLiteralExpression(expression)) return literal(expression, wanted.desc);
        if (foreignObject(p, expression, wanted)) return;
        return block(expression, `nothing proves that this is a ${wanted.desc.typeName}`);
      case "list":
        return list(expression, wanted);
      case "map":
        return map(expression, wanted);
      case "value":
        return value(expression, wanted);
      case "wrapper":
        return block(expression, `nothing proves that this is a ${wanted.desc.typeName}`);
      default:
        return block(expression, "this is no stream that is followed");
    }
  };

  /** A list or map that the compiler knows to hold strings, numbers or booleans alone. */
  const isOfPlainType = (expression: Node, wanted: Kind): boolean => {
    if ((wanted.kind !== "list" && wanted.kind !== "map") || wanted.of.kind !== "value") return false;
    const { as } = wanted.of;
    if (as.kind !== "same" || !/^(string|number|boolean|bigint)$/.test(as.type)) return false;
    const type = expression.getType();
    const of = wanted.kind === "list" ? type.getArrayElementType() : type.getStringIndexType();
    return of?.getText() === as.type;
  };

  /** A message in a variable: whatever it gets is one, and all that is done with it is followed. */
  const live = (use: Node, declaration: Node, wanted: Kind): unknown => {
    if (Node.isParameterDeclaration(declaration)) return parameter(use, declaration, wanted);
    const name = Node.isVariableDeclaration(declaration) ? declaration.getNameNode() : undefined;
    if (!Node.isVariableDeclaration(declaration) || !name || !Node.isIdentifier(name))
      return block(use, `nothing proves that this is a ${kindName(wanted)}`);
    const loop = declaration.getParent().getParent();
    if (Node.isForOfStatement(loop)) {
      sink(loop.getExpression(), { kind: "list", of: wanted });
      return p.again(use, wanted);
    }
    const initializer = declaration.getInitializer();
    const isFilledLater = !initializer || isAbsent(initializer);
    if (isFilledLater && !project.referencesTo(name).some(isAssignmentTarget))
      return block(use, "a variable that never gets a message");
    if (!isFilledLater) sink(initializer, wanted);
    if (isFilledLater || kinds.has(unwrapped(initializer))) p.bind(name, wanted);
    p.again(use, wanted);
  };

  /** A message that a function of the project is given: by all its callers. */
  const parameter = (use: Node, declaration: Node, wanted: Kind): unknown => {
    const owner = declaration.getParent();
    if (!Node.isParameterDeclaration(declaration) || !owner || !isFunctionNode(owner) || handlers.has(owner))
      return block(use, `nothing proves that this is a ${kindName(wanted)}`);
    if (declaration.isRestParameter() || declaration.getInitializer() || !Node.isIdentifier(declaration.getNameNode()))
      return block(use, "a parameter with a default, or of which a part is taken");
    const call = owner.getParent();
    const callee = Node.isCallExpression(call) && isCallback(owner) ? call.getExpression() : undefined;
    if (callee && Node.isPropertyAccessExpression(callee)) {
      const isItem = ARRAY_READERS.has(callee.getName()) && owner.getParameters().indexOf(declaration) === 0;
      if (!isItem) return block(use, `nothing proves that this is a ${kindName(wanted)}`);
      sink(callee.getExpression(), { kind: "list", of: wanted });
      return p.again(use, wanted);
    }
    p.takes(owner, owner.getParameters().indexOf(declaration), wanted, use);
    p.again(use, wanted);
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
      const union = shape.typed && p.oneofBy(desc, key);
      if (union) {
        if (key === union.localName) continue;
        if (Node.isPropertyAssignment(property)) replace(nameNode, union.localName);
        else edit(property, property.getStart(), property.getStart(), [`${union.localName}: `], "after");
        continue;
      }
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

  const list = (expression: Node, wanted: Kind & { kind: "list" }): unknown => {
    // Whoever gets the list goes on to use it: that is followed like the use of a message.
    if (shape.isLive && !isPlain(wanted)) p.flow(expression, wanted);
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
          if (isFunctionNode(first)) return p.callbackResults(first, wanted.of);
          const origin = project.originOf(first);
          if (origin.kind === "function" && isFunctionNode(origin.node))
            return p.helperResult(expression, origin.node, wanted.of);
        }
        if (name === "slice" || name === "filter" || name === "reverse") {
          const list = unwrapped(callee.getExpression());
          const isForeign = Node.isIdentifier(list) && isFromOutside(p, project.declarationOf(list));
          if (isForeign && foreignObject(p, expression, wanted)) return;
          return sink(list, wanted);
        }
        if (name === "split" && isStringValue(wanted.of)) return;
      }
    }
    if (isPlain(wanted) && wanted.of.kind === "value") {
      const of = expression.getType().getArrayElementType();
      const as = wanted.of.as;
      if (
        of &&
        as.kind === "same" &&
        as.type !== "int32" &&
        as.type !== "uint32" &&
        as.type !== "bytes" &&
        hasType(of.getText(), as.type)
      )
        return;
    }
    if (coerceList(p, expression, wanted) || foreignObject(p, expression, wanted)) return;
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

  const value = (expression: Node, wanted: Kind & { kind: "value" }): unknown => {
    const { as } = wanted;
    if (isAbsent(expression)) return;
    if ((as.kind === "enum-number" || as.kind === "enum-name") && shape.constant) {
      p.enums.add(as.desc);
      if (shape.constant(p, expression)) return;
      if (shape.enumOfType?.(p, expression)?.typeName === as.desc.typeName) return;
    }
    const known = kinds.get(expression);
    switch (as.kind) {
      case "same":
        if (known?.kind === "value" && known.as.kind === "same" && isAssignableScalar(known.as.type, as.type)) return;
        if (as.type === "string" && p.isString(expression)) return;
        if (as.type === "boolean" && p.isBoolean(expression)) return;
        if (as.type === "number" && p.isNumber(expression)) return;
        if (as.type === "bigint" && hasType(typeText(expression), "bigint")) return;
        if (as.type === "int32" || as.type === "uint32") {
          if (p.isWithinRange(expression, as.type)) return;
          // What is out of range, or no whole number, is refused before and after.
          if (shape.fractions === "refused" && (p.isInteger(expression) || p.isNumber(expression))) return;
          // What protobufjs does with any number; protobuf-es throws for a fraction or for one that is too large.
          if (p.isNumber(expression)) {
            const [opening, closing] = isOperand(expression) ? ["", ""] : ["(", ")"];
            return wrap(
              expression,
              [shorthandPrefix(expression), opening],
              `${closing}${as.type === "int32" ? " | 0" : " >>> 0"}`,
            );
          }
        }
        if (coerceValue(p, expression, wanted)) return;
        return block(expression, `nothing proves that this is ${as.type === "int32" ? "an int32" : `a ${as.type}`}`);
      case "int64-string":
      case "int64-number":
        return int64(expression, as.kind, wanted);
      case "int64-long":
        if (known?.kind === "value" && known.as.kind === "int64-long")
          return block(expression, "a Long of another sign");
        return int64(expression, "int64-string", wanted);
      case "enum-name":
      case "enum-number": {
        if (Node.isStringLiteral(expression) || Node.isNoSubstitutionTemplateLiteral(expression)) {
          const found = as.desc.values.find((one) => shape.enumName(one) === expression.getLiteralText());
          if (!found) return block(expression, `${as.desc.typeName} has no value ${expression.getLiteralText()}`);
          return replace(expression, generated(as.desc, "shape", expression), `.${found.localName}`);
        }
        if (Node.isNumericLiteral(expression)) return;
        if (shape.constant && p.isMadeOf(expression, "enum", (part) => isEnumValue(part, as.desc.typeName))) return;
        if (!known && typeText(expression) === "string") {
          if (wanted.field?.fieldKind === "map") return block(expression, "a name of an enum in a map");
          return enumByName(expression, as.desc, wanted.field?.fieldKind === "list");
        }
        return block(expression, `nothing proves that this is a value of ${as.desc.typeName}`);
      }
      case "date":
        return date(expression);
      case "bytes":
        if (known?.kind === "value" && known.as.kind === "same" && known.as.type === "bytes") return;
        if (hasBytesType(expression) || isBufferCall(expression)) return;
        if (shape.coerces && isBase64(expression)) return;
        return block(expression, "nothing proves that these are bytes");
      default:
        return block(expression, "nothing proves what this is");
    }
  };

  /** The number of an enum's value that a string names: protobufjs leaves an unknown name out, or takes the first one in a list. */
  const enumByName = (text: Node, desc: DescEnum, isElement: boolean): void => {
    const words = new Set(text.getText().match(/[\w$]+/g));
    let one = "value";
    while (words.has(one)) one += "_";
    const test = words.has("name") ? `(${one}) => ${one}.name` : "({ name }) => name";
    const [opening, closing] =
      Node.isBinaryExpression(text) && text.getOperatorToken().getText() !== "+" ? ["(", ")"] : ["", ""];
    wrap(
      text,
      [shorthandPrefix(text), generated(desc, "descriptor", text), `.values.find(${test} === ${opening}`],
      `${closing})?.number${isElement ? ` ?? ${desc.values[0]?.number}` : ""}`,
    );
  };

  /** A known value of an enum, or a constant of it. */
  const isEnumValue = (part: Node, typeName: string): boolean => {
    const known = kinds.get(part);
    if (known) return known.kind === "value" && known.as.kind === "enum-number" && known.as.desc.typeName === typeName;
    if (Node.isNumericLiteral(part)) return true;
    if (shape.constant?.(p, part)) return true;
    if (shape.enumOfType?.(p, part)?.typeName === typeName) return true;
    return p.isMadeOf(part, "enum", (inner) => isEnumValue(inner, typeName));
  };

  /** A Date for a Timestamp. */
  const date = (expression: Node): unknown => {
    const name = { module: "@bufbuild/protobuf/wkt", name: "timestampFromDate" };
    if (!/^Date( \| undefined)?$/.test(typeText(expression)))
      return block(expression, "nothing proves that this is a Date");
    if (p.isPresent(expression)) return wrap(expression, [shorthandPrefix(expression), name, "("], ")");
    if (!Node.isIdentifier(expression))
      return block(expression, "a Date that may be absent, in an expression that cannot be repeated");
    wrap(expression, [shorthandPrefix(expression), `${expression.getText()} && `, name, "("], ")");
  };

  /** `Buffer.from(x).toString('base64')`: protobufjs takes a string for base64, and decodes it again. */
  const isBase64 = (text: Node): boolean => {
    if (!Node.isCallExpression(text)) return false;
    const callee = text.getExpression();
    const [encoding] = text.getArguments();
    if (!Node.isPropertyAccessExpression(callee) || callee.getName() !== "toString") return false;
    if (!Node.isStringLiteral(encoding) || encoding.getLiteralText() !== "base64") return false;
    const bytes = callee.getExpression();
    if (!isBufferCall(bytes) && !/^Buffer(<[\w ]+>)?$/.test(typeText(bytes))) return false;
    edit(text, bytes.getEnd(), text.getEnd(), []);
    return true;
  };

  const int64 = (expression: Node, as: "int64-string" | "int64-number", wanted: Kind & { kind: "value" }): unknown => {
    // A number beyond 2^53 is not the one that is written.
    const constant = numberOf(expression) ?? 0;
    const isExact = /^-?\d+$/.test(expression.getText()) && BigInt(expression.getText()) === BigInt(constant);
    if (!Number.isSafeInteger(constant) && !isExact) return wrap(expression, ["BigInt("], ")");
    if (Node.isNumericLiteral(expression) && /^\d+$/.test(expression.getText())) {
      return edit(expression, expression.getEnd(), expression.getEnd(), ["n"], "before");
    }
    if (Node.isPrefixUnaryExpression(expression) && /^-\d+$/.test(expression.getText())) {
      return edit(expression, expression.getEnd(), expression.getEnd(), ["n"], "before");
    }
    if (as === "int64-string" && Node.isStringLiteral(expression) && /^-?\d+$/.test(expression.getLiteralText())) {
      return replace(expression, `${expression.getLiteralText()}n`);
    }
    const inner = stringOf(expression);
    if (as === "int64-string" && inner && p.isInteger(inner)) {
      if (kinds.has(inner)) return wrap(expression, ["BigInt("], ")");
      edit(expression, expression.getStart(), inner.getStart(), ["BigInt("]);
      return edit(expression, inner.getEnd(), expression.getEnd(), [")"]);
    }
    if (p.isInteger(expression)) return wrap(expression, [shorthandPrefix(expression), "BigInt("], ")");
    if (coerceValue(p, expression, wanted)) return;
    block(expression, "nothing proves that this is a whole number");
  };

  /** The variable that a reply is collected in: made by a literal, filled by keys that are written out. */
  const variable = (use: Node, declaration: Node, wanted: Kind): unknown => {
    if (!Node.isVariableDeclaration(declaration)) return;
    const name = declaration.getNameNode();
    const initializer = declaration.getInitializer();
    if (!Node.isIdentifier(name) || !initializer) return block(use, "a variable without a first value");
    const annotation = isPlain(wanted) ? undefined : declaration.getTypeNode();
    if (annotation && !p.retype(annotation, declaration, "a type annotation names the old message")) return;
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
    if (shape.hasDefaults && !isAssignmentTarget(access) && !isGivenList(p, access))
      return block(access, "a part of a message is read while it is made");
    if (isAssignmentTarget(access)) {
      if (Node.isBinaryExpression(parent) && parent.getOperatorToken().getText() === "=")
        return sink(parent.getRight(), kind);
      if (kind.kind === "value" && kind.as.kind === "same" && isStep(parent)) return;
      return block(parent ?? access, "this changes a value of a message in place");
    }
    if (kind.kind === "list" && Node.isPropertyAccessExpression(parent) && parent.getExpression() === access)
      return assigned(parent, kind);
    if (kind.kind === "value" && kind.as.kind === "same") return void p.readAgain.set(field, access);
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

  return { prove, literal };
}
