import type { DescMessage, DescService } from "@bufbuild/protobuf";
import { type CallExpression, Node, type PropertyAccessExpression, SyntaxKind, type Type } from "ts-morph";
import { isTypeScript } from "../analysis/language.js";
import { runtimePackage } from "../project/tool.js";
import { callbackHandler, startCallbackHandler } from "./callback-handlers.js";
import { isValueOfAnd } from "./class-members.js";
import type { Bridge } from "./find-bridges.js";
import { holdsMessages, isPartOfStruct, isStructMessage, type Kind, kindName } from "./message-kind.js";
import { startService } from "./message-roots.js";
import { isAssignmentTarget, isFunctionNode, unwrapped } from "./message-syntax.js";
import type { Proving } from "./proof.js";
import { passesStructs } from "./struct-values.js";
import type { TypedCode } from "./typed-code.js";
import { createTypedLiterals } from "./typed-literals.js";
import { createTypedNames } from "./typed-names.js";
import { goesUnset, proveChoice, readChoice } from "./typed-oneofs.js";
import { claimedParameters, placeOf } from "./typed-places.js";
import { filesWithin, messagesOf } from "./typed-reach.js";
import { createSharing, isChangedInside, isEntrySet } from "./typed-sharing.js";
import { createTypedShows } from "./typed-shows.js";
import { changesHolder, isIdentified, isOfOther } from "./typed-structs.js";
import { isValue } from "./typed-syntax.js";
import { createTypedTextEnums, textEnumsOf } from "./typed-text-enums.js";
import { createTypedTypes } from "./typed-types.js";
import { createTypedViews, declarationOf } from "./typed-views.js";
import { createTypedWrites } from "./typed-writes.js";

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
  const isGone = (node: Node) =>
    node.getAncestors().some((one) => Node.isIndexedAccessTypeNode(one) && p.callbacks.has(one)) ||
    bridges.some(
      ({ option }) =>
        option.getSourceFile() === node.getSourceFile() &&
        option.getStart() <= node.getStart() &&
        node.getEnd() <= option.getEnd(),
    );
  const types = createTypedTypes(code, descs);
  const { messageIn, oneofIn, holds, carries, isClientType } = types;
  p.structs.holdsMessages = holds;
  const sharing = createSharing(p, (type) => messageIn(type) !== undefined);
  const shows = createTypedShows(p, code, types, [...files]);
  const literals = createTypedLiterals(p, code, types, sharing, shows, isOwnPackage);
  const { literal, wantedOf, claim, isGeneratedCall } = literals;
  const { access } = createTypedWrites(p, code, types, sharing, shows, literals.claim);
  const views = createTypedViews(p, code, types);
  const texts = createTypedTextEnums(p, code, {
    enums: textEnumsOf(p, descs),
    isGeneratedCall,
    isOwnPackage,
  });
  const { name, sharesMessages } = createTypedNames(p, code, types, {
    views,
    descs,
    services,
    isGone,
    constructs: literals.constructs,
    functions: literals.functions,
    hasParts: literals.hasParts,
    isText: texts.isText,
  });

  // ---- places ------------------------------------------------------------------------------------------------------

  const visit = (node: Node): unknown => {
    if (Node.isIdentifier(node)) name(node);
    if (isFunctionNode(node) && !p.handlers.has(node))
      for (const parameter of claimedParameters(node))
        if (holds(parameter.getType())) p.block(parameter, "nothing but its annotation says that this is a message");
    const isMixed = () => (Node.isObjectBindingPattern(node) || isValue(node)) && isOfOther(code, node, messageIn);
    if (code.flavour.structs && isMixed())
      p.last.push(() => p.block(node, "a part of a Struct, of a message that stays as it is"));
    if (Node.isObjectBindingPattern(node)) {
      const desc = messageIn(node.getType());
      if (desc) p.bind(node, { kind: "message", desc });
      else if (holds(node.getType())) views.readsPart(node, node.getType());
      if (oneofIn(node.getType())) p.block(node, "a oneof is taken apart");
    }
    if (Node.isClassDeclaration(node) && !views.handsOver(node))
      p.block(node.getNameNode() ?? node, "a message goes where something else is asked for");
    texts.declared(node);
    if (!isValue(node) || isGone(node)) return undefined;
    texts.visit(node);
    const type = node.getType();
    // What is spread is looked at with what it is a part of, although the compiler asks for the same type there.
    if (isWrapper(node) || p.keptSpreads.has(node)) return undefined;
    if (Node.isObjectLiteralExpression(node) && !literals.spread.has(node)) {
      const wanted = wantedOf(node);
      if (wanted?.kind === "message") return literal(node, wanted.desc);
      if (wanted?.kind === "oneof") return proveChoice(p, code, node, wanted.oneof, claim);
    }
    const asked = hasPartials && Node.isExpression(node) ? node.getContextualType() : undefined;
    const part = asked && !literals.spread.has(node) ? types.partialOf(asked) : undefined;
    if (part && Node.isObjectLiteralExpression(node)) return literals.partial(node, part);
    if (part && !isPartOf(node, type, part)) return p.block(node, "nothing proves that this is a part of a message");
    const parent = node.getParent();
    if (isChangedInside(node) || isEntrySet(node)) {
      if (!holds(type)) sharing.changesOther(node);
      if (code.flavour.structs) changesHolder(p, node, messageIn);
    }
    if (Node.isPropertyAccessExpression(parent) && parent.getExpression() === node) member(parent, node, type);
    if (type.isAny() || type.isUnknown()) return untyped(node);
    if ((Node.isSpreadAssignment(parent) || shows.isShown(node)) && views.isInstance(type))
      p.block(node, "an instance of a class is shown that may have a message in it");
    if (Node.isCallExpression(parent) && parent.getArguments()[0] === node && literals.isClient(parent))
      requests(node, parent);
    // What stands behind `fromCallback` is followed for itself.
    if (!callbackHandler(project, node) && !views.handsOver(node))
      p.block(node, "a message goes where something else is asked for");
    if (holds(type)) {
      if (!messageIn(type) && !oneofIn(type)) views.readsPart(node, type);
      return goes(node, type);
    }
    if (isFunctionNode(node) && Node.isCallExpression(parent) && carries(type)) {
      const place = placeOf(node, isOwnPackage, isFollowed);
      if (place.kind === "closed") p.block(node, place.why.replace("a message", "a function that gives messages"));
    }
    return undefined;
  };

  const hasPartials = !code.flavour.hasClasses && [...files].some((file) => file.getFullText().includes("Partial<"));
  /** Is it a `Partial<…>` of a message, or made of such and of literals? An object of another type may have other keys. */
  const isPartOf = (node: Node, type: Type, desc: DescMessage): boolean => {
    const value = unwrapped(node);
    if (Node.isConditionalExpression(value) || Node.isBinaryExpression(value) || value !== node) return true;
    return type.isUndefined() || type.isNull() || types.partialOf(type) === desc;
  };

  /** A field that holds a value alone where old code has a message around it: it is followed from the message that it is of. */
  const isWrapper = (node: Node): boolean => {
    const access = unwrapped(node);
    const desc = Node.isPropertyAccessExpression(access) && messageIn(access.getExpression().getType());
    const field = desc && Node.isPropertyAccessExpression(access) ? p.fieldBy(desc, access.getName()) : undefined;
    const kind = field && p.kindOf(field);
    return kind?.kind === "wrapper" && !isStructMessage(kind);
  };

  const member = (parent: PropertyAccessExpression, node: Node, type: Type): unknown => {
    const desc = messageIn(type);
    if (desc) return access(parent, desc);
    const oneof = oneofIn(type);
    if (oneof && isAssignmentTarget(parent)) sharing.writesInside(oneof);
    if (oneof) return readChoice(p, code, parent, oneof);
    if (isClientType(type)) return undefined;
    // A list of a message is known by its field.
    const isField = Node.isPropertyAccessExpression(node) && messageIn(node.getExpression().getType()) !== undefined;
    if (!isField && holds(type) && (isChangedInside(node) || isEntrySet(node))) sharing.changesList(node);
    if (type.getNonNullableType().isUnion() && type.getUnionTypes().some((one) => messageIn(one)))
      p.block(parent, "a part of what may be one message or another");
    return node;
  };

  /** A client takes any object with some of the fields now. */
  const requests = (node: Node, call: CallExpression): void => {
    const callee = call.getExpression();
    const name = Node.isPropertyAccessExpression(callee) ? callee.getNameNode() : undefined;
    const service = code.serviceOfMember(name?.getSymbol()?.getDeclarations()[0]);
    const method = service && project.protos.methodByLegacyKey(service, name?.getText() ?? "");
    if (!method || /client|bidi/.test(method.methodKind)) return;
    passesStructs(p, node, { kind: "message", desc: method.input });
    if (!literals.isGiven(node, { kind: "message", desc: method.input }))
      p.block(node, "nothing proves that this is a message");
  };

  const isFollowed = (declared: Node, given: Type, at: Node) => views.toGeneric(declared, [given], at);

  const goes = (node: Node, type: Type): unknown => {
    if (literals.spread.has(node) || p.keptSpreads.has(node)) return undefined;
    if (shows.shows(node, type)) return undefined;
    const parent = node.getParent();
    const isMessage = messageIn(type) !== undefined || oneofIn(type) !== undefined;
    const oneof = oneofIn(type);
    if (oneof && Node.isExpression(node) && goesUnset(p, code, node, oneof, messageIn)) return undefined;
    if (isMessage && Node.isElementAccessExpression(parent) && parent.getExpression() === node) {
      const isKnown = views.isKnownRead(type, parent.getArgumentExpression());
      return isKnown && !isAssignmentTarget(parent) && !isChangedInside(parent)
        ? undefined
        : p.block(parent, "a key that is computed");
    }
    if (isMessage && Node.isForInStatement(parent)) return p.block(parent, "the keys of a message are read");
    if (Node.isCallExpression(parent) && (isGeneratedCall(parent) || p.callbacks.has(parent))) return undefined;
    // It is looked at with the map that it is deleted of.
    const isPart = Node.isElementAccessExpression(node) || Node.isPropertyAccessExpression(node);
    if (Node.isDeleteExpression(parent) && isPart) return undefined;
    const desc = code.flavour.structs && messageIn(type);
    if (desc && isPartOfStruct(desc) && isIdentified(node))
      return p.block(parent ?? node, "an object of a Struct is compared with another");
    if (code.flavour.hasClasses) {
      if (Node.isNewExpression(node) && isMessage)
        p.later(() => {
          if (!literals.constructed.has(node)) p.block(node, "a message of a class that cannot be seen");
        });
      if (isMessage && parent && isValueOfAnd(parent, node))
        return p.block(parent, "what && gives where a message is not there");
      if (isMessage && Node.isCallExpression(parent) && literals.isClient(parent) && parent.getArguments()[0] === node)
        p.later(() => {
          if (p.canBeMissing(node)) p.block(node, "a message that may not be there is sent");
        });
      if (p.kinds.get(node)?.kind === "map") return undefined; // It is followed.
    }
    // The keys of a map, and messages that the compiler knows.
    const isMapRead =
      Node.isCallExpression(parent) && /^Object\.(keys|values|entries)$/.test(parent.getExpression().getText());
    if (isMapRead && !isMessage && type.getNonNullableType().getStringIndexType()) return undefined;
    // What is in an object that is spread is in the object around it.
    const whole = Node.isSpreadAssignment(parent) ? parent.getParent() : undefined;
    // Fields that are not set are not there in protobuf-es: they leave what stands before them as it is.
    const isFirst = whole?.getProperties()[0] === parent;
    const isSpread = isFirst || !views.isPartOfMessage(type);
    if (whole && !isMessage && isSpread && holds(whole.getType()) && !shows.isShown(whole)) return undefined;
    const owner = Node.isNewExpression(node) ? declarationOf(node) : undefined;
    if (
      Node.isClassDeclaration(owner) &&
      owner.getTypeParameters().length > 0 &&
      !views.toGeneric(owner, type.getTypeArguments(), node)
    )
      return p.block(node, "a message is handed to a generic class");
    const called = Node.isCallExpression(node) ? declarationOf(node) : undefined;
    if (called && views.isGeneric(called) && !views.toGeneric(called, [type], node))
      return p.block(node, "a message of a generic function");
    const place = placeOf(node, isOwnPackage, isFollowed);
    if (place.kind === "closed") return p.block(node, place.why);
    if (
      place.kind === "typed" &&
      types.holdsView(type) &&
      !types.holdsView(place.type) &&
      holds(place.type) &&
      messageIn(type) === undefined
    )
      return p.block(node, "nothing proves that this is a message");
    if (place.kind === "typed" && views.isAsked(place.type) && !views.goesTo(type, place.type, node))
      return p.block(node, "a message goes where something else is asked for");
    return undefined;
  };

  /** What is not known goes where a message is asked for. */
  const untyped = (node: Node): void => {
    if ((Node.isIdentifier(node) && node.getText() === "undefined") || p.callbacks.has(node)) return;
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
    sink: sends,
    retype: () => true,
    callsOf: () => [],
  };
  /** A reply of a handler whose type the compiler does not know: what it is made of must say it. */
  function sends(expression: Node, wanted: Kind): void {
    if (p.shape.isUnset)
      p.later(() => {
        if (p.canBeMissing(expression)) p.block(expression, "a message that may not be there is sent");
      });
    passesStructs(p, expression, wanted);
    const value = unwrapped(expression);
    const asked = Node.isExpression(value) ? value.getContextualType() : undefined;
    if (Node.isObjectLiteralExpression(value) && (!asked || asked.isAny())) claim(value, wanted);
    else if (!literals.isGiven(value, wanted) && !repliesIn(value.getType()).every((one) => literals.isOf(one, wanted)))
      p.block(value, `nothing proves that this is a ${kindName(wanted)}`);
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
      const bridged = callbackHandler(
        project,
        Node.isPropertyDeclaration(member) ? member.getInitializer() : undefined,
      );
      if (bridged) {
        startCallbackHandler(bridged, method, start);
        continue;
      }
      const signature = member.getType().getCallSignatures()[0];
      const request = signature?.getParameters()[0]?.getTypeAtLocation(member);
      if (request && !holds(request)) p.block(member, "the compiler does not know what message this is");
      const given = signature ? repliesIn(signature.getReturnType()) : [];
      if (!signature || !given.every((one) => literals.isOf(one, { kind: "message", desc: method.output })))
        p.block(member, "the compiler does not know this handler");
    }
    return undefined;
  }

  /** What a handler gives, at once, later or one after the other. */
  function repliesIn(type: Type): Type[] {
    if (type.isUnion()) return type.getUnionTypes().flatMap(repliesIn);
    const [first] = type.getTypeArguments();
    const isHolder = /^(Promise|PromiseLike|(Async)?(Iterable|Iterator|IterableIterator|Generator|IteratorObject))$/;
    return first && isHolder.test(type.getSymbol()?.getName() ?? "") ? repliesIn(first) : [type];
  }

  for (const file of files) {
    if (!isTypeScript(file)) {
      const first = file.getImportDeclarations()[0] ?? file;
      p.block(first, "JavaScript, where the compiler does not know the messages");
      continue;
    }
    for (const specifier of file.getImportDeclarations().map((one) => one.getModuleSpecifierValue())) {
      const module = project.resolveModule(file, specifier);
      if (code.flavour.hasNamespaces && module && code.has(module)) p.replacesNamesOf(specifier, file);
    }
    file.forEachDescendant((node) => void visit(node));
    for (const call of file.getDescendantsOfKind(SyntaxKind.PropertyAccessExpression)) methodName(call);
  }

  views.look(goes, (node) => isValue(node) && !isGone(node));

  /** `client.GetItem` is `client.getItem`. */
  function methodName(node: PropertyAccessExpression): unknown {
    const desc = code.serviceOfMember(node.getNameNode().getSymbol()?.getDeclarations()[0]);
    if (!desc || isGone(node)) return undefined;
    if (!services.has(desc))
      return sharesMessages(desc) ? p.block(node, `a client of ${desc.typeName} has the same messages`) : undefined;
    const method = project.protos.methodByLegacyKey(desc, node.getName());
    if (!method) return p.block(node, `${desc.typeName} has no method ${node.getName()}`);
    return method.localName === node.getName() || p.replace(node.getNameNode(), method.localName);
  }
}
