import type { DescField, DescMessage, DescService } from "@bufbuild/protobuf";
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
import { holdsMessages, type Kind, neverWrapped } from "./message-kind.js";
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
import { type TsProtoName, tsProtoCode } from "./ts-proto-code.js";
import { claimedParameters, literalAround, placeOf } from "./typed-places.js";
import { filesWithin, messagesOf } from "./typed-reach.js";
import { createSharing, isChangedInside } from "./typed-sharing.js";
import { holderOf, isValue, propertiesOf, qualified } from "./typed-syntax.js";

const PROTOBUF = "@bufbuild/protobuf";

/**
 * Old messages of generated interfaces: the compiler knows every expression that holds one, in every file, so they are
 * looked at one by one and none is followed. In each file that messages can reach: where one is made, what is read of it and
 * written to it, and whether the place that it goes to asks for such a message. What goes to a place that asks for anything
 * else, or comes out of nowhere, is a blocker; and the compiler has the last word on the result.
 */
export function proveTyped(p: Proving, bridges: readonly Bridge[]): void {
  const { project } = p;
  const code = tsProtoCode(project);
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
    const parts = () => [
      ...type.getUnionTypes(),
      ...type.getIntersectionTypes(),
      ...type.getTypeArguments(),
      ...type.getAliasTypeArguments(),
    ];
    const answer =
      messageIn(type) !== undefined ||
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
  const isUsedEnum = (found: TsProtoName) => found.kind === "enum" && enums.has(found.desc);
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

  const typeName = (reference: Node, node: Node, found: TsProtoName): unknown => {
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

  /** `ServiceImplOf<typeof XService>`, `ClientOf<typeof XService>`. */
  const service = (node: Node, desc: DescService): unknown => {
    const query = node.getParent();
    const reference = query?.getParent();
    const typeNode =
      Node.isTypeQuery(query) && (Node.isTypeReference(reference) || Node.isExpressionWithTypeArguments(reference))
        ? reference
        : undefined;
    const head = Node.isTypeReference(typeNode) ? typeNode.getTypeName() : typeNode?.getExpression();
    const next =
      head?.getText() === "ServiceImplOf" ? "ServiceImpl" : head?.getText() === "ClientOf" ? "Client" : undefined;
    if (!head || !next || !services.has(desc))
      return p.block(node, `${node.getText()} is used where its messages stay as they are`);
    const found = project.protos.importPathFor(desc, node.getSourceFile().getFilePath());
    p.replace(head, { module: "@connect-migrate/runtime", name: next, typeOnly: true });
    p.replace(node, { module: found.module, name: found.descriptor });
  };

  // ---- making ------------------------------------------------------------------------------------------------------

  const create = { module: PROTOBUF, name: "create" };

  /** `Message.create(…)` and its like. */
  const functions = (access: PropertyAccessExpression, desc: DescMessage): unknown => {
    const call = access.getParent();
    if (!Node.isCallExpression(call) || call.getExpression() !== access)
      return p.block(access, "a function of a message is handed on");
    const [argument, second] = call.getArguments();
    const schema = p.generated(desc, "descriptor", call);
    const of = access.getName();
    const given = argument && unwrapped(argument);
    if (of === "create" || of === "fromPartial") {
      if (second) return p.block(call, `${of} with other arguments than one`);
      if (!argument || !given) return p.replace(call, create, "(", schema, ")");
      if (Node.isObjectLiteralExpression(given)) {
        if (given.getProperties().length === 0) return p.replace(call, create, "(", schema, ")");
        p.edit(call, call.getStart(), argument.getStart(), [create, "(", schema, ", "]);
        return fields(given, desc, true);
      }
      if (messageIn(argument.getType()) !== desc || !isCertain(argument))
        return p.block(call, "a message that is made of an object that is not written out");
      return p.edit(call, call.getStart(), argument.getStart(), [
        { module: PROTOBUF, name: "clone" },
        "(",
        schema,
        ", ",
      ]);
    }
    if (of === "decode" && argument && !second) {
      if (!/^(Buffer|Uint8Array)(<[\w ]+>)?$/.test(argument.getType().getText()))
        return p.block(call, "nothing proves that these are bytes");
      return p.edit(call, call.getStart(), argument.getStart(), [
        { module: PROTOBUF, name: "fromBinary" },
        "(",
        schema,
        ", ",
      ]);
    }
    const outer = call.getParent();
    const finish =
      Node.isPropertyAccessExpression(outer) && outer.getName() === "finish" ? outer.getParent() : undefined;
    if (of === "encode" && argument && !second && Node.isCallExpression(finish)) {
      if (messageIn(argument.getType()) !== desc) return p.block(call, "what is encoded is no message that is known");
      p.edit(finish, finish.getStart(), argument.getStart(), [
        { module: PROTOBUF, name: "toBinary" },
        "(",
        schema,
        ", ",
      ]);
      p.edit(finish, argument.getEnd(), finish.getEnd(), [")"]);
      return p.flow(finish, { kind: "value", as: { kind: "same", type: "bytes" } });
    }
    p.block(call, `what ${of} of a message does is not followed`);
  };

  const isCertain = (node: Node) => p.isStrictlyTyped(node) || !node.getType().isNullable();

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

  const isMessageLiteral = (object: ObjectLiteralExpression): boolean => {
    const type = object.getContextualType();
    if (type && messageWanted(type)) return true;
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

  const isClientType = (type: Type) => serviceOfMember(type.getProperties()[0]?.getDeclarations()[0]) !== undefined;

  /** The service of the definition that a member of `ClientOf<typeof XService>` is made of. */
  const serviceOfMember = (declaration: Node | undefined): DescService | undefined => {
    const definition = declaration?.getFirstAncestor(Node.isVariableDeclaration);
    const named = definition && code.nameOf(definition.getNameNode());
    return named?.kind === "service" ? named.desc : undefined;
  };

  /** The properties of a message that is made here. `isPartial`: what is absent gets its default, before and after. */
  const fields = (object: ObjectLiteralExpression, desc: DescMessage, isPartial: boolean): void => {
    p.literal(object, desc);
    for (const property of object.getProperties()) {
      if (!Node.isPropertyAssignment(property) && !Node.isShorthandPropertyAssignment(property)) continue;
      const value: Node = Node.isPropertyAssignment(property)
        ? property.getInitializerOrThrow()
        : property.getNameNode();
      const field = p.fieldBy(desc, property.getName().replace(/^["']|["']$/g, ""));
      if (!field || isAbsent(value)) continue;
      const kind = p.kindOf(field);
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
    const field = p.fieldBy(desc, node.getName());
    if (field && isChangedInside(node)) sharing.changes(field);
    if (!isAssignmentTarget(node)) return p.member(node, object, kind);
    if (field) sharing.writes(field);
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
    if (wanted.kind === "value" && wanted.as.kind === "same" && isStep(change)) return undefined;
    p.block(change ?? node, "this changes a value of a message in place");
  };

  // ---- places ------------------------------------------------------------------------------------------------------

  const visit = (node: Node): unknown => {
    if (Node.isIdentifier(node)) name(node);
    if (isFunctionNode(node))
      for (const parameter of claimedParameters(node))
        if (holds(parameter.getType())) p.block(parameter, "nothing but its annotation says that this is a message");
    if (Node.isObjectBindingPattern(node)) {
      const desc = messageIn(node.getType());
      if (desc) p.bind(node, { kind: "message", desc });
    }
    if (!isValue(node) || isGone(node)) return;
    const type = node.getType();
    if (Node.isObjectLiteralExpression(node)) {
      const wanted = node.getContextualType();
      const desc = wanted && messageWanted(wanted);
      if (desc) literal(node, desc);
      if (desc) return;
    }
    const parent = node.getParent();
    if (Node.isPropertyAccessExpression(parent) && parent.getExpression() === node) member(parent, node, type);
    if (type.isAny()) return untyped(node);
    if (holds(type)) return goes(node, type);
    if (isFunctionNode(node) && Node.isCallExpression(parent) && carries(type)) {
      const place = placeOf(node, isOwnPackage);
      if (place.kind === "closed") p.block(node, place.why.replace("a message", "a function that gives messages"));
    }
  };

  const member = (parent: PropertyAccessExpression, node: Node, type: Type): unknown => {
    const desc = messageIn(type);
    if (desc) return access(parent, desc);
    if (isClientType(type)) return undefined;
    if (holds(type) && isChangedInside(node)) sharing.changesList(node);
    if (type.getNonNullableType().isUnion() && type.getUnionTypes().some((one) => messageIn(one)))
      p.block(parent, "a part of what may be one message or another");
    return node;
  };

  const goes = (node: Node, type: Type): unknown => {
    const parent = node.getParent();
    const isMessage = messageIn(type) !== undefined;
    if (isMessage && Node.isElementAccessExpression(parent) && parent.getExpression() === node)
      return p.block(parent, "a key that is computed");
    if (isMessage && Node.isForInStatement(parent)) return p.block(parent, "the keys of a message are read");
    if (Node.isCallExpression(parent) && isGeneratedCall(parent)) return undefined;
    const place = placeOf(node, isOwnPackage);
    if (place.kind === "closed") return p.block(node, place.why);
    if (place.kind === "typed" && !holds(place.type))
      return p.block(node, "a message goes where something else is asked for");
    return undefined;
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
    bind: (node: Node, kind: Kind) => known(node, node.getType(), kind),
    sends: () => undefined,
    retype: () => true,
    callsOf: () => [],
  };
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
    const desc = serviceOfMember(node.getNameNode().getSymbol()?.getDeclarations()[0]);
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
