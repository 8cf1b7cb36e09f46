import type { DescField, DescMessage, DescOneof, DescService } from "@bufbuild/protobuf";
import {
  type CallExpression,
  Node,
  type ObjectLiteralExpression,
  type PropertyAccessExpression,
  SyntaxKind,
  type Type,
} from "ts-morph";
import { runtimePackage } from "../project/tool.js";
import type { Bridge } from "./find-bridges.js";
import { holdsMessages, type Kind, kindName, neverWrapped } from "./message-kind.js";
import { startService } from "./message-roots.js";
import {
  isAbsent,
  isAssertion,
  isAssignmentTarget,
  isFunctionNode,
  isStep,
  topOf,
  unwrapped,
} from "./message-syntax.js";
import type { Proving } from "./proof.js";
import type { TypedCode, TypedName } from "./typed-code.js";
import { createTypedFunctions } from "./typed-functions.js";
import { proveChoice, readChoice, testsChoice } from "./typed-oneofs.js";
import { claimedParameters, literalAround, placeOf } from "./typed-places.js";
import { filesWithin, messagesOf } from "./typed-reach.js";
import { createSharing, isChangedInside } from "./typed-sharing.js";
import { holderOf, isSameSum, isValue, propertiesOf, qualified } from "./typed-syntax.js";

const PROTOBUF = "@bufbuild/protobuf";

/**
 * Old messages of generated interfaces: the compiler knows every expression that holds one, in every file, so they are
 * looked at one by one and none is followed. In each file that messages can reach: where one is made, what is read of it and
 * written to it, and whether the place that it goes to asks for such a message. What goes to a place that asks for anything
 * else, or comes out of nowhere, is a blocker; and the compiler has the last word on the result.
 */
export function proveTyped(p: Proving, code: TypedCode, bridges: readonly Bridge[]): void {
  const { project } = p;
  const descs = messagesOf(bridges.map((bridge) => bridge.service));
  const services = new Set<DescService>(bridges.map((bridge) => bridge.service));
  const files = filesWithin(project, code, bridges);
  const isOwnPackage = (file: string) =>
    file.startsWith(runtimePackage().folder) || file.includes("/@connect-migrate/runtime/");
  const memo = new Map<unknown, boolean>();

  const isOurs = (desc: DescMessage | undefined): desc is DescMessage => desc !== undefined && descs.has(desc);
  const messageIn = (type: Type) => {
    const desc = code.messageOf(type);
    return isOurs(desc) ? desc : undefined;
  };
  const oneofIn = (type: Type) => {
    const oneof = code.oneofOf(type);
    return oneof && descs.has(oneof.parent) ? oneof : undefined;
  };
  /** The message that a place asks for; an async function takes a promise of it as well. */
  const messageWanted = (type: Type) => {
    const wanted = type.getNonNullableType();
    if (!wanted.isUnion()) return messageIn(wanted);
    const parts = wanted.getUnionTypes().filter((part) => !/^Promise(Like)?$/.test(part.getSymbol()?.getName() ?? ""));
    return parts.length === 1 && parts[0] ? messageIn(parts[0]) : undefined;
  };
  /** Can a value of this type have one of the messages in it? Functions and instances of classes are no data. */
  const holds = (type: Type, depth = 0): boolean => {
    const key = type.compilerType;
    const known = memo.get(key);
    if (known !== undefined) return known;
    memo.set(key, false);
    const index = type.getStringIndexType();
    const parts = () => [
      ...(index ? [index] : []),
      ...type.getUnionTypes(),
      ...type.getIntersectionTypes(),
      ...type.getTypeArguments(),
      ...type.getAliasTypeArguments(),
    ];
    const answer =
      messageIn(type) !== undefined ||
      oneofIn(type) !== undefined ||
      (depth < 6 &&
        (parts().some((part) => holds(part, depth + 1)) || propertiesOf(type).some((part) => holds(part, depth + 1))));
    if (answer || depth === 0) memo.set(key, answer);
    else memo.delete(key);
    return answer;
  };
  /** What a function that is handed over takes and gives. */
  const carries = (type: Type): boolean =>
    holds(type) || type.getCallSignatures().some((one) => holds(one.getReturnType()));

  const isGone = (node: Node) =>
    bridges.some(
      ({ option }) =>
        option.getSourceFile() === node.getSourceFile() &&
        option.getStart() <= node.getStart() &&
        node.getEnd() <= option.getEnd(),
    );
  const sharing = createSharing(p, (type) => messageIn(type) !== undefined);
  const shared: { readonly value: Node; readonly field: DescField; readonly isCopied: boolean }[] = [];

  // ---- types and names ---------------------------------------------------------------------------------------------

  const name = (last: Node): unknown => {
    const found = code.nameOf(last);
    const node = qualified(last);
    if (
      !found ||
      isGone(node) ||
      node.getFirstAncestor((one) => Node.isImportDeclaration(one) || Node.isExportDeclaration(one))
    )
      return undefined;
    const parent = node.getParent();
    if (Node.isTypeReference(parent)) return typeName(parent, node, found);
    if (Node.isExpressionWithTypeArguments(parent) && found.kind === "message")
      return isOurs(found.desc) ? p.block(parent, "a type is made of that of a message") : undefined;
    switch (found.kind) {
      case "enum":
        if (!isUsedEnum(found)) return undefined;
        if (Node.isPropertyAccessExpression(parent) && code.constantOf(p, parent)) return undefined;
        if (code.hasSameNames(found.desc, last)) return p.replace(node, p.generated(found.desc, "shape", node));
        return p.block(parent ?? node, "an enum is used in another way than by its constants");
      case "message":
        if (!isOurs(found.desc)) return undefined;
        if (Node.isPropertyAccessExpression(parent) && parent.getExpression() === node)
          return functions(parent, found.desc);
        return p.block(parent ?? node, "the functions of a message are handed on");
      case "service":
        if (!sharesMessages(found.desc)) return undefined;
        return service(node, found.desc);
      default:
        return carriesOurs(node) ? p.block(node, `${found.name} of the generated code is used`) : undefined;
    }
  };
  const enums = new Set(
    [...descs].flatMap((desc) => desc.fields.flatMap((field) => ("enum" in field && field.enum ? [field.enum] : []))),
  );
  const isUsedEnum = (found: TypedName) => found.kind === "enum" && enums.has(found.desc);
  const sharesMessages = (one: DescService) =>
    one.methods.some((method) => descs.has(method.input) || descs.has(method.output));
  const carriesOurs = (node: Node): boolean => {
    const declaration =
      node.getSymbol()?.getAliasedSymbol()?.getDeclarations()[0] ?? node.getSymbol()?.getDeclarations()[0];
    if (!declaration) return true;
    const inside = declaration.getDescendantsOfKind(SyntaxKind.Identifier).map((one) => code.nameOf(one));
    return inside.some(
      (one) =>
        (one?.kind === "message" && isOurs(one.desc)) ||
        isUsedEnum(one ?? { kind: "other", name: "" }) ||
        (one?.kind === "service" && sharesMessages(one.desc)),
    );
  };

  const typeName = (reference: Node, node: Node, found: TypedName): unknown => {
    if (found.kind === "service") return sharesMessages(found.desc) ? service(node, found.desc) : undefined;
    if (found.kind === "enum") {
      if (!isUsedEnum(found)) return undefined;
      return p.replace(node, { ...p.generated(found.desc, "shape", node), typeOnly: true });
    }
    if (found.kind !== "message")
      return carriesOurs(node) ? p.block(reference, `${node.getText()} of the generated code is used`) : undefined;
    if (!isOurs(found.desc)) return undefined;
    const around = holderOf(reference);
    if (around !== undefined) return p.block(around, "a type is made of that of a message");
    p.replace(node, { ...p.generated(found.desc, "shape", node), typeOnly: true });
  };

  /** `ServiceImplOf<typeof XService>`, `ClientOf<IXClient>`. */
  const service = (node: Node, desc: DescService): unknown => {
    const query = node.getParent();
    const argument = Node.isTypeQuery(query) || Node.isTypeReference(query) ? query : undefined;
    const reference = argument?.getParent();
    const typeNode =
      Node.isTypeReference(reference) || Node.isExpressionWithTypeArguments(reference) ? reference : undefined;
    const head = Node.isTypeReference(typeNode) ? typeNode.getTypeName() : typeNode?.getExpression();
    const next =
      head?.getText() === "ServiceImplOf" ? "ServiceImpl" : head?.getText() === "ClientOf" ? "Client" : undefined;
    if (!argument || !head || !next || !services.has(desc))
      return p.block(node, `${node.getText()} is used where its messages stay as they are`);
    const found = project.protos.importPathFor(desc, node.getSourceFile().getFilePath());
    p.replace(head, { module: "@connect-migrate/runtime", name: next, typeOnly: true });
    p.replace(argument, "typeof ", { module: found.module, name: found.descriptor });
  };

  // ---- making ------------------------------------------------------------------------------------------------------

  const create = { module: PROTOBUF, name: "create" };

  const functions = createTypedFunctions(p, code, {
    messageIn,
    makes: (object, desc) => fields(object, desc, true),
  });

  /** An object literal where a message is asked for. */
  const literal = (object: ObjectLiteralExpression, desc: DescMessage): unknown => {
    const top = topOf(object);
    const outer = top.getParent();
    if (Node.isCallExpression(outer) && isGeneratedCall(outer)) return undefined; // Message.create({ … }) looks after it
    const asserted = object.getParent();
    if (asserted && isAssertion(asserted) && !Node.isSatisfiesExpression(asserted)) {
      const missing = desc.fields.find((field) => {
        const property = code.propertyOf(field);
        return property && !property.isOptional && !object.getProperty(property.key);
      });
      if (missing) return p.block(object, `an object that is said to be a ${desc.typeName} and has no ${missing.name}`);
    }
    fields(object, desc, false);
    const around = literalAround(object);
    const isPart = Node.isObjectLiteralExpression(around) && isMessageLiteral(around);
    const isRequest = Node.isCallExpression(outer) && isClient(outer);
    if (isPart || isRequest) return undefined;
    const schema = p.generated(desc, "descriptor", object);
    if (object.getProperties().length === 0) return p.replace(object, create, "(", schema, ")");
    p.wrap(object, [create, "(", schema, ", "], ")");
  };

  /** Literals within a literal: what they are, the field says, even where the compiler has a partial type for them. */
  const claimed = new Map<Node, Kind>();
  const claims = (property: Node, desc: DescMessage): void => {
    if (!Node.isPropertyAssignment(property)) return;
    const key = property.getName().replace(/^["']|["']$/g, "");
    const [field, oneof] = [p.fieldBy(desc, key), p.oneofBy(desc, key)];
    if (oneof) claim(property.getInitializerOrThrow(), { kind: "oneof", oneof });
    else if (field) claim(property.getInitializerOrThrow(), p.kindOf(field));
  };
  const claim = (given: Node, kind: Kind): void => {
    const value = unwrapped(given);
    if (Node.isConditionalExpression(value)) {
      claim(value.getWhenTrue(), kind);
      claim(value.getWhenFalse(), kind);
    } else if (kind.kind === "message" || kind.kind === "oneof") {
      if (Node.isObjectLiteralExpression(value)) claimed.set(value, kind);
    } else if (kind.kind === "list" && Node.isArrayLiteralExpression(value))
      for (const item of value.getElements()) claim(item, kind.of);
    else if (kind.kind === "map" && Node.isObjectLiteralExpression(value))
      for (const entry of value.getProperties())
        if (Node.isPropertyAssignment(entry)) claim(entry.getInitializerOrThrow(), kind.of);
  };
  /** Is it certain that a value is what the field holds? The compiler looks at it wherever it knows what is asked for. */
  const isGiven = (given: Node, kind: Kind): boolean => {
    const value = unwrapped(given);
    const asked = Node.isExpression(value) ? value.getContextualType() : undefined;
    if (isAbsent(value) || claimed.has(value) || !holdsMessages(kind) || (asked && !asked.isAny())) return true;
    if (kind.kind === "list" && Node.isArrayLiteralExpression(value))
      return value.getElements().every((one) => isGiven(one, kind.of));
    if (kind.kind === "map" && Node.isObjectLiteralExpression(value))
      return value
        .getProperties()
        .every((one) => Node.isPropertyAssignment(one) && isGiven(one.getInitializerOrThrow(), kind.of));
    return holds(value.getType());
  };
  /** What an object literal is to be: a message, or a member of a oneof. */
  const wantedOf = (object: ObjectLiteralExpression): Kind | undefined => {
    const before = claimed.get(object);
    if (before) return before;
    const type = object.getContextualType();
    const desc = type && messageWanted(type);
    if (desc) return { kind: "message", desc };
    const oneof = type && oneofIn(type);
    return oneof && { kind: "oneof", oneof };
  };

  const isMessageLiteral = (object: ObjectLiteralExpression): boolean => {
    const wanted = wantedOf(object);
    if (wanted?.kind === "message") return true;
    if (wanted?.kind === "oneof") {
      const around = literalAround(object);
      return Node.isObjectLiteralExpression(around) && isMessageLiteral(around);
    }
    const call = topOf(object).getParent();
    return Node.isCallExpression(call) && isGeneratedCall(call);
  };

  const isGeneratedCall = (call: CallExpression): boolean => {
    const callee = call.getExpression();
    return Node.isPropertyAccessExpression(callee) && code.nameOf(callee.getExpression())?.kind === "message";
  };

  const isClient = (call: CallExpression): boolean => {
    const declaration = call.getProject().getTypeChecker().getResolvedSignature(call)?.getDeclaration();
    const callee = call.getExpression();
    return (
      declaration !== undefined &&
      isOwnPackage(declaration.getSourceFile().getFilePath()) &&
      Node.isPropertyAccessExpression(callee) &&
      isClientType(callee.getExpression().getType())
    );
  };

  const isClientType = (type: Type) =>
    code.serviceOfMember(type.getProperties()[0]?.getDeclarations()[0]) !== undefined;

  /** The properties of a message that is made here. `isPartial`: what is absent gets its default, before and after. */
  const fields = (object: ObjectLiteralExpression, desc: DescMessage, isPartial: boolean): void => {
    p.literal(object, desc);
    for (const property of object.getProperties()) claims(property, desc);
    for (const property of object.getProperties()) {
      if (!Node.isPropertyAssignment(property) && !Node.isShorthandPropertyAssignment(property)) continue;
      const value: Node = Node.isPropertyAssignment(property)
        ? property.getInitializerOrThrow()
        : property.getNameNode();
      const key = property.getName().replace(/^["']|["']$/g, "");
      const [field, oneof] = [p.fieldBy(desc, key), p.oneofBy(desc, key)];
      // create() makes an object of its own for a oneof; a literal of old code holds the one that it is given.
      if (oneof && !isPartial && !claimed.has(unwrapped(value)))
        p.finals.push(() => {
          if (sharing.isWrittenInside(oneof)) p.block(value, "a oneof that is shared, and changes elsewhere");
        });
      if (!field || isAbsent(value)) continue;
      const kind = p.kindOf(field);
      if (!isGiven(value, kind)) p.block(value, `nothing proves that this is a ${kindName(kind)}`);
      if (kind.kind === "list" || kind.kind === "map" || (isPartial && kind.kind === "message"))
        shared.push({ value, field, isCopied: isPartial });
      if (isPartial || (kind.kind === "value" && kind.maybe) || kind.kind === "message") continue;
      p.later(() => {
        if (!p.isPresent(value)) p.block(value, "a value that may be absent");
      });
    }
  };

  // ---- reading and writing -----------------------------------------------------------------------------------------

  const access = (node: PropertyAccessExpression, desc: DescMessage): unknown => {
    const object = node.getExpression();
    const kind: Kind = { kind: "message", desc };
    p.kinds.set(object, kind);
    const oneof = p.oneofBy(desc, node.getName());
    if (oneof && isAssignmentTarget(node)) return setsChoice(node, oneof);
    const field = p.fieldBy(desc, node.getName());
    if (field && isChangedInside(node)) sharing.changes(field, object);
    if (!isAssignmentTarget(node)) return elementIsSet(node, field) || p.member(node, object, kind);
    if (field) sharing.writes(field, object);
    const change = node.getParent();
    if (!field || field.oneof)
      return p.block(
        node,
        field ? "a member of a oneof is written" : `${desc.typeName} has no field ${node.getName()}`,
      );
    const wanted = p.kindOf(field);
    if (node.getName() !== field.localName) p.replace(node.getNameNode(), field.localName);
    if (Node.isBinaryExpression(change) && change.getOperatorToken().getText() === "=") {
      if (!Node.isExpressionStatement(change.getParent()) && !holdsMessages(wanted) && !neverWrapped(wanted))
        return p.block(change, "the value of an assignment to a message is used");
      const value = change.getRight();
      if (isAbsent(value) && wanted.kind === "value" && !wanted.maybe)
        return p.block(change, "a field that is made absent");
      p.sink(value, wanted);
      if (wanted.kind === "value" && !wanted.maybe)
        p.later(() => {
          if (!p.isPresent(value)) p.block(value, "a value that may be absent");
        });
      return undefined;
    }
    if (
      wanted.kind === "value" &&
      wanted.as.kind === "same" &&
      (isStep(change) || isSameSum(p, change, wanted.as.type))
    )
      return undefined;
    p.block(change ?? node, "this changes a value of a message in place");
  };

  /** `message.map[key] = value`, `message.list[0] = value`: true where this is one. */
  const elementIsSet = (node: PropertyAccessExpression, field: DescField | undefined): boolean => {
    const element = node.getParent();
    if (!field || !Node.isElementAccessExpression(element) || element.getExpression() !== node) return false;
    const wanted = p.kindOf(field);
    if (!isAssignmentTarget(element) || (wanted.kind !== "list" && wanted.kind !== "map")) return false;
    if (node.getName() !== field.localName) p.replace(node.getNameNode(), field.localName);
    const change = element.getParent();
    if (Node.isDeleteExpression(change) && wanted.kind === "map") return true;
    if (!Node.isBinaryExpression(change) || change.getOperatorToken().getText() !== "=") {
      p.block(change ?? element, "this changes a value of a message in place");
      return true;
    }
    if (!Node.isExpressionStatement(change.getParent()) && !holdsMessages(wanted) && !neverWrapped(wanted.of))
      p.block(change, "the value of an assignment to a message is used");
    const value = change.getRight();
    p.sink(value, wanted.of);
    p.later(() => {
      if (!holdsMessages(wanted) && !p.isPresent(value)) p.block(value, "a value that may be absent");
    });
    return true;
  };

  /** `message.load = { oneofKind: … }`. */
  const setsChoice = (node: PropertyAccessExpression, oneof: DescOneof): unknown => {
    const change = node.getParent();
    if (!Node.isBinaryExpression(change) || change.getOperatorToken().getText() !== "=")
      return p.block(node, "a oneof is changed in place");
    if (!Node.isExpressionStatement(change.getParent())) return p.block(change, "the value of an assignment is used");
    sharing.writes(oneof, node.getExpression());
    p.kinds.set(node.getExpression(), { kind: "message", desc: oneof.parent });
    if (node.getName() !== oneof.localName) p.replace(node.getNameNode(), oneof.localName);
    const value = unwrapped(change.getRight());
    if (isAbsent(value)) return p.replace(value, "{ case: undefined }");
    const isMember = (one: Node): boolean =>
      Node.isConditionalExpression(one)
        ? [one.getWhenTrue(), one.getWhenFalse()].every((branch) => isMember(unwrapped(branch)))
        : Node.isObjectLiteralExpression(one) ||
          (oneofIn(one.getType()) === oneof && (isPartOf(one, oneof) || p.isStrictlyTyped(one)));
    if (!isMember(value)) return p.block(value, "nothing proves that this is a member of the oneof");
  };

  // ---- places ------------------------------------------------------------------------------------------------------

  const visit = (node: Node): unknown => {
    if (Node.isIdentifier(node)) name(node);
    if (isFunctionNode(node) && !p.handlers.has(node))
      for (const parameter of claimedParameters(node))
        if (holds(parameter.getType())) p.block(parameter, "nothing but its annotation says that this is a message");
    if (Node.isObjectBindingPattern(node)) {
      const desc = messageIn(node.getType());
      if (desc) p.bind(node, { kind: "message", desc });
      if (oneofIn(node.getType())) p.block(node, "a oneof is taken apart");
    }
    if (!isValue(node) || isGone(node)) return undefined;
    const type = node.getType();
    if (Node.isObjectLiteralExpression(node)) {
      const wanted = wantedOf(node);
      if (wanted?.kind === "message") return literal(node, wanted.desc);
      if (wanted?.kind === "oneof") return proveChoice(p, code, node, wanted.oneof, claim);
    }
    const parent = node.getParent();
    if (Node.isPropertyAccessExpression(parent) && parent.getExpression() === node) member(parent, node, type);
    if (type.isAny()) return untyped(node);
    if (holds(type)) return goes(node, type);
    if (isFunctionNode(node) && Node.isCallExpression(parent) && carries(type)) {
      const place = placeOf(node, isOwnPackage);
      if (place.kind === "closed") p.block(node, place.why.replace("a message", "a function that gives messages"));
    }
    return undefined;
  };

  const member = (parent: PropertyAccessExpression, node: Node, type: Type): unknown => {
    const desc = messageIn(type);
    if (desc) return access(parent, desc);
    const oneof = oneofIn(type);
    if (oneof && isAssignmentTarget(parent)) sharing.writesInside(oneof);
    if (oneof) return readChoice(p, code, parent, oneof);
    if (isClientType(type)) return undefined;
    if (holds(type) && isChangedInside(node)) sharing.changesList(node);
    if (type.getNonNullableType().isUnion() && type.getUnionTypes().some((one) => messageIn(one)))
      p.block(parent, "a part of what may be one message or another");
    return node;
  };

  const goes = (node: Node, type: Type): unknown => {
    const parent = node.getParent();
    const isMessage = messageIn(type) !== undefined || oneofIn(type) !== undefined;
    const oneof = oneofIn(type);
    if (oneof && Node.isExpression(node) && unset(node, oneof)) return undefined;
    if (isMessage && Node.isElementAccessExpression(parent) && parent.getExpression() === node)
      return p.block(parent, "a key that is computed");
    if (isMessage && Node.isForInStatement(parent)) return p.block(parent, "the keys of a message are read");
    if (Node.isCallExpression(parent) && isGeneratedCall(parent)) return undefined;
    // The keys of a map, and messages that the compiler knows.
    const isMapRead =
      Node.isCallExpression(parent) && /^Object\.(keys|values|entries)$/.test(parent.getExpression().getText());
    if (isMapRead && !isMessage && type.getNonNullableType().getStringIndexType()) return undefined;
    const place = placeOf(node, isOwnPackage);
    if (place.kind === "closed") return p.block(node, place.why);
    if (place.kind === "typed" && !holds(place.type))
      return p.block(node, "a message goes where something else is asked for");
    return undefined;
  };

  const isReassigned = (name: Node) => project.referencesTo(name).some((one) => isAssignmentTarget(one));
  /** `message.load`. */
  const isPartOf = (one: Node | undefined, oneof: DescOneof) =>
    Node.isPropertyAccessExpression(one) && messageIn(one.getExpression().getType()) === oneof.parent;

  /** Where a oneof that is not set was `undefined`, and is an object now. */
  const unset = (node: Node, oneof: DescOneof): boolean => {
    if (!code.flavour.hasAbsentUnions) return false;
    if (Node.isBinaryExpression(node) && Node.isExpressionStatement(node.getParent())) return true;
    const value = unwrapped(node);
    const declaration = Node.isIdentifier(value) ? project.declarationOf(value) : undefined;
    const isMember = Node.isVariableDeclaration(declaration)
      ? isConstant(declaration) && isPartOf(declaration.getInitializer(), oneof)
      : Node.isBindingElement(declaration)
        ? messageIn(declaration.getParent().getType()) === oneof.parent && !isReassigned(value)
        : isPartOf(value, oneof);
    if (!isMember) {
      p.block(node, "a oneof that may not be that of a message");
      return true;
    }
    if (!testsChoice(p, node) && !isGivenOn(node)) p.block(node, "a oneof that may be unset");
    return false;
  };
  /** A place that takes a oneof as it is: the field of another message, or a constant whose uses are looked at. */
  const isGivenOn = (node: Node): boolean => {
    const parent = node.getParent();
    if (Node.isPropertyAccessExpression(parent)) return parent.getExpression() === node;
    if (Node.isVariableDeclaration(parent)) return isConstant(parent) && !parent.getTypeNode();
    if (Node.isBinaryExpression(parent)) return parent.getOperatorToken().getText() === "=";
    return (
      Node.isNonNullExpression(parent) ||
      Node.isParenthesizedExpression(parent) ||
      Node.isPropertyAssignment(parent) ||
      Node.isShorthandPropertyAssignment(parent)
    );
  };

  /** What is not known goes where a message is asked for. */
  const untyped = (node: Node): void => {
    if (Node.isIdentifier(node) && node.getText() === "undefined") return;
    const place = placeOf(node, isOwnPackage);
    if (place.kind === "typed" && holds(place.type)) p.block(node, "nothing proves that this is a message");
  };

  // ---- roots -------------------------------------------------------------------------------------------------------

  const start = {
    ...p,
    flow: (expression: Node, kind: Kind) => known(expression, expression.getType(), kind),
    bind(node: Node, kind: Kind) {
      known(node, node.getType(), kind);
      const desc = messageIn(node.getType());
      if (kind.kind === "message" && desc && desc !== kind.desc) p.block(node, `this is no ${kind.desc.typeName}`);
    },
    sends,
    retype: () => true,
    callsOf: () => [],
  };
  /** A reply of a handler whose type the compiler does not know: what it is made of must say it. */
  function sends(expression: Node, wanted: Kind): void {
    const value = unwrapped(expression);
    const asked = Node.isExpression(value) ? value.getContextualType() : undefined;
    if (asked && !asked.isAny()) return;
    if (Node.isObjectLiteralExpression(value)) claimed.set(value, wanted);
    else if (!holds(value.getType())) p.block(value, `nothing proves that this is a ${kindName(wanted)}`);
  }
  const known = (node: Node, type: Type, kind: Kind): void => {
    if (!holdsMessages(kind) || holds(type)) return;
    p.block(node, "the compiler does not know what message this is");
  };
  for (const bridge of bridges) {
    if (bridge.of === "client") {
      if (!isClientType(bridge.call.getType())) p.block(bridge.call, "the compiler does not know this client");
      continue;
    }
    const given = bridge.call.getArguments()[1];
    const origin = given && project.originOf(given);
    if (origin?.kind === "instance") handlersOf(origin.class, bridge);
    else startService(project, bridge, start);
  }

  /** Handlers that are the methods of a class. */
  function handlersOf(owner: Node, bridge: Bridge): unknown {
    if (!Node.isClassDeclaration(owner) && !Node.isClassExpression(owner))
      return p.block(owner, "a class that cannot be seen");
    if (owner.getExtends()) p.block(owner.getNameNode() ?? owner, "handlers may be inherited");
    for (const member of owner.getInstanceMembers()) {
      const method = project.protos.methodByLegacyKey(bridge.service, member.getName());
      if (!method) continue;
      const nameNode = member.getNameNode();
      const uses = Node.isIdentifier(nameNode) ? project.referencesTo(nameNode) : [];
      if (member.getName() !== method.localName && uses.length > 1) p.block(member, "a handler under its old name");
      else if (member.getName() !== method.localName) p.replace(nameNode, method.localName);
      const signature = member.getType().getCallSignatures()[0];
      const request = signature?.getParameters()[0]?.getTypeAtLocation(member);
      if (request && !holds(request)) p.block(member, "the compiler does not know what message this is");
      if (!signature || signature.getReturnType().isAny()) p.block(member, "the compiler does not know this handler");
    }
    return undefined;
  }

  const isConstant = (declaration: Node) =>
    Node.isVariableDeclaration(declaration) && declaration.getVariableStatement()?.getDeclarationKind() === "const";

  for (const file of files) {
    if (!/\.[cm]?tsx?$/.test(file.getFilePath())) {
      const first = file.getImportDeclarations()[0] ?? file;
      p.block(first, "JavaScript, where the compiler does not know the messages");
      continue;
    }
    file.forEachDescendant((node) => void visit(node));
    for (const call of file.getDescendantsOfKind(SyntaxKind.PropertyAccessExpression)) methodName(call);
  }

  /** `client.GetItem` is `client.getItem`. */
  function methodName(node: PropertyAccessExpression): unknown {
    const desc = code.serviceOfMember(node.getNameNode().getSymbol()?.getDeclarations()[0]);
    if (!desc) return undefined;
    if (!services.has(desc))
      return sharesMessages(desc) ? p.block(node, `a client of ${desc.typeName} has the same messages`) : undefined;
    const method = project.protos.methodByLegacyKey(desc, node.getName());
    if (!method) return p.block(node, `${desc.typeName} has no method ${node.getName()}`);
    return method.localName === node.getName() || p.replace(node.getNameNode(), method.localName);
  }

  p.finals.push(() => {
    for (const { value, field, isCopied } of shared)
      if (sharing.isSeen(value, field, isCopied))
        p.block(value, "a part of a message that is shared now or then, and changes elsewhere");
  });
}
