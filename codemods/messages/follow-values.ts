import type { DescOneof } from "@bufbuild/protobuf";
import { type ArrayLiteralExpression, type CallExpression, Node, type PropertyAccessExpression } from "ts-morph";
import { watchChanges, watchNumbers } from "./changed-lists.js";
import { collectsRest } from "./collected-rests.js";
import { holdsInField } from "./held-messages.js";
import {
  holdsMessages,
  holdsStructs,
  isListOfNumbers,
  isPlain,
  isStruct,
  isStructMessage,
  type Kind,
  maybe,
  SAME,
  sameKind,
  unsupportedIn,
} from "./message-kind.js";
import {
  ARRAY_READERS,
  functionAround,
  isAbsent,
  isArrowBody,
  isAssertion,
  isAssignmentTarget,
  isCallback,
  isDefaulted,
  isFunctionNode,
  isMapOver,
  isOrEmpty,
  isTransparent,
  isTruthTest,
  isValueOfLogical,
  nameOfElement,
  parametersOf,
  typeOfAssertion,
  unquoted,
  unwrapped,
} from "./message-syntax.js";

import { followMember } from "./oneof-members.js";
import { noteRead, readOf } from "./own-reads.js";
import { passerOf } from "./passed-results.js";
import type { Proving } from "./proof.js";
import { isNullable, readLong, readNullable, takesNullable } from "./protobufjs-reads.js";
import { pushesMessages } from "./put-messages.js";
import { receivedAs } from "./received-messages.js";
import { settledTo } from "./settled-together.js";
import { hasAllKeys, isAlwaysThere } from "./similar-messages.js";
import { isStore, keepsMessage, keptBy } from "./stores.js";
import { followStruct, isLookedAt, structsLeave } from "./struct-reads.js";
import { followWrapper } from "./wrapped-values.js";
import { writesEntry, writesField } from "./written-messages.js";

/** What happens to an expression whose content is known: its members, its names, where it goes. */
export function createFollowValues(p: Proving) {
  const { project, shape, kinds, open, handlers, block, edit, replace, kindOf, fieldBy, oneofBy } = p;

  const flow = (expression: Node, kind: Kind): unknown => {
    const before = kinds.get(expression);
    if (before) {
      if (!sameKind(before, kind)) block(expression, "this holds messages of more than one type");
      return;
    }
    const why = unsupportedIn(kind);
    if (why !== undefined) return block(expression, why);
    kinds.set(expression, kind);
    watchNumbers(p, expression, kind);
    watchChanges(p, expression, kind);
    const held = kind.kind === "list" || kind.kind === "map" ? kind.of : kind;
    if (held.kind === "value" && held.as.kind === "enum-number") p.enums.add(held.as.desc);
    const parent = expression.getParent();
    if (!parent || (shape.typed && holdsMessages(kind))) return;
    if (isStruct(kind) && !isAssignmentTarget(expression)) return followStruct(p, expression, kind);
    if (isTransparent(parent)) {
      const type = isAssertion(parent) && !isPlain(kind) ? typeOfAssertion(parent) : undefined;
      const names = "a type assertion names the old message";
      if (type && kind.kind === "wrapper") return block(parent, names);
      if (type && !p.retype(type, parent, names, kind)) return;
      return flow(parent, kind);
    }
    if (Node.isAwaitExpression(parent)) return flow(parent, kind);
    if (isAssignmentTarget(expression)) return block(parent, "a message is written to where it is not made");
    if (kind.kind === "wrapper" && followWrapper(p, expression, kind)) return;
    if (kind.kind === "wrapper" && shape.typed) return void open.push({ expression, kind });
    if (kind.kind === "value" && kind.as.kind === "same") return; // identical: whatever it is used for
    if (kind.kind === "value" && kind.as.kind === "enum-number") return enumNumber(parent, expression);
    if (Node.isPropertyAccessExpression(parent) && parent.getExpression() === expression)
      return member(parent, expression, kind);
    if (Node.isElementAccessExpression(parent) && parent.getExpression() === expression) {
      if (kind.kind === "value" && kind.as.kind === "mask") return void open.push({ expression, kind });
      return element(parent, kind);
    }
    if (shape.typed && Node.isVariableDeclaration(parent) && parent.getTypeNode() && !isPlain(kind))
      return void open.push({ expression, kind });
    if (Node.isVariableDeclaration(parent) && parent.getInitializer() === expression) {
      // A value in a variable that gets others, or has a type of its own, keeps its old form there.
      const isTyped = parent.getTypeNode() && !shape.isNameOfEnum?.(project, parent.getTypeNode());
      if (shape.coerces && kind.kind === "value" && (isTyped || isWrittenAgain(parent.getNameNode())))
        return void open.push({ expression, kind });
      // What may not be there is tested next: on a number that reads as before.
      const isLong = kind.kind === "value" && /^int64-/.test(kind.as.kind);
      if (shape.isLive && isLong && (isTyped || kind.maybe)) return void open.push({ expression, kind });
      return bind(parent.getNameNode(), kind);
    }
    if (Node.isBinaryExpression(parent) && parent.getRight() === expression && kind.kind !== "value") {
      const target = parent.getLeft();
      const isStatement = parent.getOperatorToken().getText() === "=" && Node.isExpressionStatement(parent.getParent());
      const declaration = isStatement && Node.isIdentifier(target) ? project.declarationOf(target) : undefined;
      // What it holds is known; all its uses are followed.
      if (isStatement && isStore(p, target)) return p.consume(expression);
      if (Node.isVariableDeclaration(declaration)) {
        p.consume(expression);
        return bind(declaration.getNameNode(), kind);
      }
    }
    if (holdsInField(p, expression, kind)) return p.consume(expression);
    const store = kind.kind === "message" ? keptBy(parent) : undefined;
    if (store && store !== expression && keepsMessage(p, store, kind)) return;
    if (Node.isForOfStatement(parent) && parent.getExpression() === expression) return iterate(parent, kind);
    if (Node.isReturnStatement(parent) || Node.isYieldExpression(parent) || isArrowBody(parent, expression)) {
      return leaves(parent, expression, kind);
    }
    if (Node.isExpressionStatement(parent) || Node.isVoidExpression(parent)) return;
    if (kind.kind === "message" || kind.kind === "list" || kind.kind === "map") {
      // `request || {}` is the request: there always is one.
      if (isDefaulted(parent, expression) && receivedAs(p, expression) === "always") return flow(parent, kind);
      if (kind.kind === "list" && isOrEmpty(parent, expression)) return flow(parent, kind);
      const choices = alternativesOf(parent);
      // Elsewhere a field that is not set may become undefined from null, and a branch stays null.
      if (choices.includes(expression) && shape.isLive && kind.kind !== "map" && !isPlain(kind))
        return chosen(parent, choices, expression, kind);
      if (isTruthTest(parent, expression)) {
        if (isValueOfLogical(parent)) open.push({ expression, kind });
        return;
      }
      if (Node.isBinaryExpression(parent) && kind.kind === "message" && p.compareAbsent(parent, expression)) return;
      if (isPlain(kind) && holdsStructs(kind) && !isLookedAt(parent, expression)) structsLeave(p, expression);
      const copy = Node.isSpreadElement(parent) && kind.kind === "list" ? parent.getParent() : undefined;
      if (Node.isArrayLiteralExpression(copy)) {
        // `[...list].sort()`: what else is in it is such a message, too.
        const isAlone = (shape.coerces || shape.hasNulls) && copy.getElements().length === 1;
        if ((shape.isLive || isAlone) && kind.kind === "list" && kind.of.kind === "message") return copied(copy, kind);
        open.push({ expression, kind });
        return;
      }
      if (isPlain(kind)) return; // lists and maps of identical values are identical
      if (kind.kind === "map" && !shape.isLive && Node.isCallExpression(parent) && ofObject(parent, kind)) return;
    }
    if (kind.kind === "case") return p.discriminator(expression, kind);
    if (kind.kind === "value" && p.special(parent, expression, kind.as)) return;
    if (Node.isCallExpression(parent) && parent.getArguments().includes(expression))
      return p.argument(parent, expression, kind);
    const settled = holdsMessages(kind) && kind.kind !== "stream" ? settledTo(expression) : undefined;
    if (settled) {
      p.consume(expression);
      return bind(settled.name, kind);
    }
    if (kind.kind === "message" && Node.isArrayLiteralExpression(parent) && isSettledTogether(parent))
      return p.later(() => void together(parent, kind));
    open.push({ expression, kind });
  };

  /** An enum's numbers are the same; constants that it is compared with get their new names. */
  const enumNumber = (parent: Node, expression: Node): void => {
    if (Node.isBinaryExpression(parent) && /^[!=]==?$/.test(parent.getOperatorToken().getText())) {
      shape.constant?.(p, unwrapped(parent.getLeft() === expression ? parent.getRight() : parent.getLeft()));
    }
    if (!Node.isSwitchStatement(parent) || parent.getExpression() !== expression) return;
    for (const clause of parent.getCaseBlock().getClauses())
      if (Node.isCaseClause(clause)) shape.constant?.(p, unwrapped(clause.getExpression()));
  };

  /** `message.key`, `list.length`, `bytes.toString()`. */
  const member = (access: Node, object: Node, kind: Kind): unknown => {
    if (!Node.isPropertyAccessExpression(access)) return;
    const name = access.getName();
    const nameNode = access.getNameNode();
    if (kind.kind === "message") {
      if (Node.isCallExpression(object) && !fieldBy(kind.desc, name) && settled(access, kind)) return;
      if (shape.member?.(p, access, kind.desc)) return;
      const field = fieldBy(kind.desc, name);
      if (field) {
        if (shape.coerces && isAssignmentTarget(access)) return writesField(p, access, field);
        noteRead(p, object, field, access);
        if (field.oneof) return followMember(p, access, object, field);
        if (name !== field.localName) replace(nameNode, field.localName);
        if (shape.hasNulls && isNullable(field)) return readNullable(p, access, field);
        const part = readOf(kindOf(field), object);
        return flow(access, access.getText().includes("?.") ? maybe(part) : part);
      }
      const oneof = oneofBy(kind.desc, name);
      if (oneof) {
        p.later(() => {
          if (shape.coerces && !receivedAs(p, object))
            block(access, "a oneof is read of a message that the program may have made");
        });
        edit(access, nameNode.getStart(), nameNode.getEnd(), [`${oneof.localName}.case`]);
        const renamed = oneof.fields.some((one) => shape.keyOf(one) !== one.localName);
        return renamed ? flow(access, { kind: "case", oneof }) : flow(access, SAME);
      }
      return block(access, `${kind.desc.typeName} has no field ${name}`);
    }
    if (kind.kind === "list") {
      const call = access.getParent();
      if (name === "length") return;
      if (shape.isLive && Node.isCallExpression(call) && call.getExpression() === access) {
        if (name === "push" || name === "unshift") return added(call, kind);
        if (/^(splice|fill|copyWithin)$/.test(name) || (name === "concat" && !isPlain(kind)))
          return block(call, `what ${name} of a list does is not followed`);
      }
      if (isPlain(kind)) {
        const callback =
          Node.isCallExpression(call) && call.getExpression() === access ? call.getArguments()[0] : undefined;
        const items = callback && ARRAY_READERS.has(name) ? parametersOf(callback) : [];
        if (items[0]) bind(items[0].getNameNode(), kind.of);
        if (!isStruct(kind.of) || name === "push") return;
        // What is read of a Struct is JSON where it was `any`.
        if (Node.isCallExpression(call) && call.getExpression() === access) {
          if (/^(filter|slice|reverse)$/.test(name)) flow(call, kind);
          else if (/^(find|at|pop|shift)$/.test(name)) flow(call, maybe(kind.of));
        }
        const isSeen = items.length === 1 || items.length === 2 || /^(slice|reverse|at|pop|shift)$/.test(name);
        if (!isSeen) structsLeave(p, object);
        return;
      }
      if (Node.isCallExpression(call) && call.getExpression() === access) return listCall(call, name, kind);
      return block(access, `what ${name} of a list of messages does is not followed`);
    }
    if (kind.kind === "map") return element(access, kind);
    if (kind.kind === "value" && kind.as.kind === "bytes" && (name === "length" || name === "byteLength")) return;
    if (kind.kind === "value" && kind.as.kind === "int64-long") return readLong(p, access);
    if (kind.kind === "value") return p.later(() => p.convert(object, kind.as, kind.maybe === true));
    return block(access, "a member of a stream");
  };

  /**
   * `load().then((message) => …)`, where what the function gives is followed by itself, and `load().catch(…)`, of which nobody
   * uses the outcome. False for anything else.
   */
  const settled = (access: PropertyAccessExpression, kind: Kind): boolean => {
    const call = access.getParent();
    if (!Node.isCallExpression(call)) return false;
    if (access.getName() === "then") {
      const [callback] = call.getArguments();
      if (!callback || !isFunctionNode(callback)) return false;
      const [message] = parametersOf(callback);
      if (message) bind(message.getNameNode(), kind);
      return true;
    }
    if (!/^(catch|finally)$/.test(access.getName())) return false;
    let end: Node = call;
    for (let next = end.getParent(); Node.isPropertyAccessExpression(next); next = end.getParent()) {
      const further = next.getParent();
      if (!/^(catch|finally)$/.test(next.getName()) || !Node.isCallExpression(further)) return false;
      end = further;
    }
    const holder = Node.isAwaitExpression(end.getParent()) ? end.getParentOrThrow() : end;
    return Node.isExpressionStatement(holder.getParent());
  };

  const element = (access: Node, kind: Kind): unknown => {
    if (kind.kind === "map" && shape.coerces && isAssignmentTarget(access)) return writesEntry(p, access, kind);
    if (kind.kind === "list" || kind.kind === "map") return flow(access, maybe(kind.of));
    // A byte is the same in a Buffer and in a Uint8Array.
    if (kind.kind === "value" && kind.as.kind === "bytes" && !shape.hasTextBytes && !isAssignmentTarget(access)) return;
    block(access, "a key that is computed");
  };

  const listCall = (call: CallExpression, name: string, kind: Kind & { kind: "list" }): unknown => {
    const [callback] = call.getArguments();
    if (name === "slice" || name === "reverse") return flow(call, kind);
    if (name === "at" || name === "pop" || name === "shift") return flow(call, maybe(kind.of));
    if (isTextOfEach(call, name, kind.of)) return;
    if (shape.coerces && kind.of.kind === "message" && /^(push|unshift)$/.test(name))
      return pushesMessages(p, call, kind.of);
    const callee = call.getExpression();
    if (shape.isLive && isListOfNumbers(kind) && /^(join|includes|indexOf)$/.test(name)) {
      const list = Node.isPropertyAccessExpression(callee) ? callee.getExpression() : callee;
      return edit(list, list.getEnd(), list.getEnd(), [".map(Number)"], "before");
    }
    // google-protobuf's clone of a message has its lists in the order before: there only a copy may be sorted.
    if (name === "sort" && (!shape.isLive || isCopiedList(call)) && callback && isFunctionNode(callback)) {
      for (const one of parametersOf(callback).slice(0, 2)) bind(one.getNameNode(), kind.of);
      return flow(call, kind);
    }
    if (name === "reduce" && callback && isFunctionNode(callback) && call.getArguments().length === 2) {
      const [, item, , array] = parametersOf(callback);
      if (array) return block(array, "the list itself is handed to a callback");
      return item && bind(item.getNameNode(), kind.of);
    }
    if (!ARRAY_READERS.has(name) || !callback)
      return block(call, `what ${name} of a list of messages does is not followed`);
    if (isFunctionNode(callback)) {
      const [item, , array] = parametersOf(callback);
      if (array) return block(array, "the list itself is handed to a callback");
      if (item) bind(item.getNameNode(), kind.of);
    } else {
      const origin = project.originOf(callback);
      const isGiven = name === "map" || (shape.isLive && /^(forEach|filter|find|some|every)$/.test(name));
      if (origin.kind !== "function" || !isGiven) return block(callback, "a callback that cannot be seen");
      p.takes(origin.node, 0, kind.of, call);
    }
    if (name === "filter") flow(call, kind);
    if (name === "find") flow(call, maybe(kind.of));
  };

  /** `list.slice().sort(…)`, `list.filter(…).sort(…)`. */
  const isCopiedList = (call: CallExpression): boolean => {
    const callee = call.getExpression();
    const made = Node.isPropertyAccessExpression(callee) ? unwrapped(callee.getExpression()) : undefined;
    if (Node.isArrayLiteralExpression(made)) return true;
    const maker = Node.isCallExpression(made) ? made.getExpression() : undefined;
    return Node.isPropertyAccessExpression(maker) && /^(slice|filter)$/.test(maker.getName());
  };

  /** `err ? undefined : reply`: whichever it is, it goes on. */
  const chosen = (choice: Node, choices: readonly Node[], expression: Node, kind: Kind): void => {
    p.consume(expression);
    // What leads to the others may still be followed.
    for (const other of choices) if (other !== expression && !isAbsent(other)) p.later(() => p.sink(other, kind));
    flow(choice, kind);
  };

  /** `Promise.all([client.get(first), client.get(second)])`, if all of them give such messages. */
  const together = (list: ArrayLiteralExpression, kind: Kind): unknown => {
    if (kinds.has(list)) return undefined;
    const isOne = (item: Node) => {
      const known = kinds.get(item);
      return known !== undefined && sameKind(known, kind);
    };
    const items = list.getElements();
    const other = items.find((item) => !isOne(item));
    if (other) return block(other, "promises of several kinds are waited for together");
    for (const item of items) p.consume(item);
    return flow(list, { kind: "list", of: kind });
  };

  /** `[first, ...list]`, where the list is one of messages. */
  const copied = (copy: ArrayLiteralExpression, kind: Kind & { kind: "list" }): void => {
    for (const item of copy.getElements()) {
      const [given, wanted] = Node.isSpreadElement(item) ? [item.getExpression(), kind] : [item, kind.of];
      if (kinds.has(given)) p.consume(given);
      // What leads to it may still be followed.
      else p.later(() => p.sink(given, wanted));
    }
    flow(copy, kind);
  };

  /** What is put into a list of a message, or into one that goes there. */
  const added = (call: CallExpression, kind: Kind & { kind: "list" }): void => {
    for (const item of call.getArguments()) {
      if (Node.isSpreadElement(item)) p.sink(item.getExpression(), kind);
      else p.sink(item, kind.of);
      p.later(() => {
        if (Node.isSpreadElement(item)) return;
        const isThere = kind.of.kind === "value" ? p.isPresent(item) : !p.isUnchecked(item);
        if (!isThere) block(item, "an element of a list that may be absent");
      });
    }
  };

  /** `Object.keys(map)`, `Object.values(map)`, and what `Object.entries(map)` gives one by one. False for anything else. */
  const ofObject = (call: CallExpression, kind: Kind & { kind: "map" }): boolean => {
    const name = /^Object\.(keys|values|entries)$/.exec(call.getExpression().getText())?.[1];
    if (!name || call.getArguments().length !== 1) return false;
    if (name === "values") flow(call, { kind: "list", of: kind.of });
    if (name !== "entries") return true;
    const access = call.getParent();
    const method = access?.getParent();
    const left = Node.isForOfStatement(access) ? access.getInitializer() : undefined;
    const isEach =
      Node.isPropertyAccessExpression(access) && /^(forEach|map|flatMap|some|every)$/.test(access.getName());
    const [callback] = isEach && Node.isCallExpression(method) ? method.getArguments() : [];
    const taken = callback && isFunctionNode(callback) ? parametersOf(callback) : [];
    const [pair] = Node.isVariableDeclarationList(left) ? left.getDeclarations() : taken;
    const pattern = pair?.getNameNode();
    if (!Node.isArrayBindingPattern(pattern) || taken.length > 2) return false;
    const [, value] = pattern.getElements();
    if (!value) return true;
    const holder = nameOfElement(value);
    if (!holder) return false;
    bind(holder, kind.of);
    return true;
  };

  const iterate = (loop: Node, kind: Kind): unknown => {
    if (!Node.isForOfStatement(loop)) return;
    if (kind.kind !== "list" && kind.kind !== "stream") return block(loop.getExpression(), "this is iterated over");
    const left = loop.getInitializer();
    const [declaration] = Node.isVariableDeclarationList(left) ? left.getDeclarations() : [];
    if (!declaration && isPlain(kind) && !holdsStructs(kind)) return;
    if (!declaration) return block(left, "a message is written to a variable that is declared elsewhere");
    bind(declaration.getNameNode(), kind.of);
  };

  /** A name, or a pattern, that receives a known value. */
  const bind = (name: Node, kind: Kind): unknown => {
    const declaration = name.getParent();
    // Where the compiler says what is a message, it says so of such a variable as well.
    if (shape.typed && kind.kind === "wrapper" && !isStructMessage(kind))
      return block(declaration ?? name, "a wrapper in a variable");
    if (declaration && (Node.isVariableDeclaration(declaration) || Node.isParameterDeclaration(declaration))) {
      const annotation = declaration.getTypeNode();
      if (annotation && kind.kind === "wrapper") return block(declaration, "a type annotation names the old message");
      if (
        annotation &&
        !isPlain(kind) &&
        !p.retype(annotation, declaration, "a type annotation names the old message", kind)
      )
        return;
    }
    if (Node.isIdentifier(name)) {
      if (shape.typed && holdsMessages(kind)) return;
      // `{ lines }` gives an object a member of that name: that is another use of what it holds, and followed there.
      const isMember = (use: Node) => {
        const access = use.getParent();
        return Node.isPropertyAccessExpression(access) && access.getNameNode() === use && functionAround(name);
      };
      const references = project.referencesTo(name).filter((one) => one !== name && !isMember(one));
      const write = references.find(isAssignmentTarget);
      // A plain variable may hold anything afterwards: then it just proves nothing.
      if (write && isPlain(kind) && !holdsStructs(kind)) return;
      // `let reply; try { reply = await … }`: written once, and a message from then on.
      const isOnlyWrite =
        Node.isVariableDeclaration(declaration) &&
        declaration.getInitializer() === undefined &&
        references.filter(isAssignmentTarget).length === 1;
      const source = write?.getParent();
      const isKnown = Node.isBinaryExpression(source) && kinds.has(source.getRight());
      if (write && isOnlyWrite && isKnown) {
        // Bound by that write.
      } else if (write && (shape.isLive || (shape.coerces && holdsMessages(kind) && kind.kind !== "stream"))) {
        for (const one of references.filter(isAssignmentTarget)) rewritten(one, kind);
        if (!shape.isLive) startsWith(declaration, kind);
      } else if (write) block(write, "the variable is written to again");
      for (const reference of references) if (!isAssignmentTarget(reference)) flow(reference, kind);
      return;
    }
    if (Node.isObjectBindingPattern(name)) {
      if (isPlain(kind) && !holdsStructs(kind)) return;
      if (kind.kind !== "message") return block(name, "this is taken apart");
      for (const part of name.getElements()) {
        if (part.getDotDotDotToken()) return collectsRest(p, part, kind);
        const keyNode = part.getPropertyNameNode();
        const key = keyNode ? unquoted(keyNode.getText()) : part.getName();
        const oneof = shape.typed && oneofBy(kind.desc, key);
        const field = oneof ? undefined : fieldBy(kind.desc, key);
        const found = oneof || field;
        if (!found || (keyNode && Node.isComputedPropertyName(keyNode)))
          return block(part, `${kind.desc.typeName} has no field ${key}`);
        if (field?.oneof) return block(part, "a member of a oneof is taken out of a message");
        if (field && shape.isReadOtherwise?.(field))
          return block(part, "a field is taken out of a message that reads its default if it is not set");
        if (field && shape.hasNulls && isNullable(field) && !takesNullable(p, part, field))
          return block(part, "a field is taken out of a message that is null there if it is not set");
        if (field) noteRead(p, name, field, part);
        const of: Kind = field ? readOf(kindOf(field), name) : { kind: "oneof", oneof: found as DescOneof };
        const isNeverTaken = field !== undefined && isAlwaysThere(p, field) && hasAllKeys(p, name, kind.desc);
        const initializer = isPlain(of) && !holdsStructs(of) ? undefined : part.getInitializer();
        if (initializer && !isNeverTaken) return block(part, "a default for a part of a message");
        if (key !== found.localName) {
          const isOwnName = part.getName() === found.localName;
          if (keyNode && isOwnName) edit(part, keyNode.getStart(), part.getNameNode().getStart(), []);
          else if (keyNode) replace(keyNode, found.localName);
          else
            edit(part, part.getNameNode().getStart(), part.getNameNode().getStart(), [`${found.localName}: `], "after");
        }
        if (initializer) edit(part, part.getNameNode().getEnd(), initializer.getEnd(), []);
        if (initializer || !part.getInitializer()) bind(part.getNameNode(), of);
      }
      return;
    }
    if (isPlain(kind) && !holdsStructs(kind)) return;
    const parts = Node.isArrayBindingPattern(name) ? name.getElements().filter(Node.isBindingElement) : [];
    const isSimple = parts.every((part) => !part.getDotDotDotToken() && !part.getInitializer());
    if (!shape.coerces || kind.kind !== "list" || parts.length === 0 || !isSimple)
      return block(name, "a list of messages is taken apart");
    for (const part of parts) bind(part.getNameNode(), kind.of);
  };

  const isWrittenAgain = (name: Node): boolean =>
    Node.isIdentifier(name) && project.referencesTo(name).some(isAssignmentTarget);

  /** What a variable holds before it gets messages. */
  const startsWith = (declaration: Node | undefined, kind: Kind): void => {
    const initializer = Node.isVariableDeclaration(declaration) ? declaration.getInitializer() : undefined;
    if (initializer && !isAbsent(initializer) && !kinds.has(initializer)) p.sink(initializer, kind);
  };

  /** A variable that holds a message gets another one. */
  const rewritten = (target: Node, kind: Kind): unknown => {
    const change = target.getParent();
    if (!Node.isBinaryExpression(change) || change.getOperatorToken().getText() !== "=")
      return block(target, "the variable is written to in another way");
    if (isAbsent(change.getRight())) return;
    p.sink(change.getRight(), kind);
  };

  /** A known value is returned or yielded: by a handler, by a callback, or by a function whose calls then give it. */
  const leaves = (statement: Node, expression: Node, kind: Kind): unknown => {
    const owner = functionAround(expression);
    if (!owner) return block(expression, "a message leaves through a return outside a function");
    open.push({ expression, kind });
    const call = owner.getParent();
    const isMapped = kind.kind === "message" && Node.isCallExpression(call) && isMapOver(call, owner);
    if (isMapped && (shape.isLive || shape.coerces)) {
      p.callbackResults(owner, kind);
      flow(call, { kind: "list", of: kind });
      return;
    }
    const passer = kind.kind === "value" || Node.isYieldExpression(statement) ? undefined : passerOf(project, owner);
    if (passer) {
      p.callbackResults(owner, kind);
      const [type] = passer.getTypeArguments();
      if (!type || p.retype(type, passer, "a type argument names the old message", kind)) flow(passer, kind);
      return;
    }
    if (handlers.has(owner) || isCallback(owner) || Node.isYieldExpression(statement)) return;
    if (kind.kind !== "value") p.resultOf(owner, kind);
  };

  return { flow, bind, member };
}

/** The list of `Promise.all([…])`. */
function isSettledTogether(list: Node): boolean {
  const call = list.getParent();
  return Node.isCallExpression(call) && call.getExpression().getText() === "Promise.all";
}

/** The values one of which an expression gives: of `a ? b : c`, `a ?? b`, `a || b`. */
function alternativesOf(node: Node): Node[] {
  if (Node.isConditionalExpression(node)) return [node.getWhenTrue(), node.getWhenFalse()];
  if (!Node.isBinaryExpression(node) || !/^(\|\||\?\?)$/.test(node.getOperatorToken().getText())) return [];
  return isValueOfLogical(node) ? [node.getLeft(), node.getRight()] : [];
}

/** `list.join()` and `list.map(String)`, of numbers of 64 bits: what comes of a bigint is what came of its text. */
function isTextOfEach(call: CallExpression, name: string, of: Kind): boolean {
  const as = of.kind === "value" ? of.as.kind : undefined;
  const callback = call.getArguments()[0]?.getText() ?? "";
  if (as === "int64-number") return name === "map" && callback === "Number";
  if (as !== "int64-string" && as !== "int64-long") return false;
  return name === "join" || (name === "map" && /^(String|Number|BigInt)$/.test(callback));
}
