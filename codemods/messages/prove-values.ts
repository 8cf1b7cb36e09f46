import type { DescMessage, DescOneof } from "@bufbuild/protobuf";
import { type BinaryExpression, type CallExpression, Node, type ObjectLiteralExpression, type Type } from "ts-morph";
import { isTypeScript } from "../analysis/language.js";
import { coerceList, coerceValue, isFromOutside, isOfType } from "./coerced-values.js";
import { createFilledVariables } from "./filled-variables.js";
import { foreignObject } from "./foreign-objects.js";
import { comesFromField } from "./held-messages.js";
import { settledBy } from "./later-replies.js";
import {
  crossesSign,
  holdsMessages,
  isPlain,
  isStringValue,
  isUnsignedField,
  type Kind,
  kindName,
  neverWrapped,
  sameKind,
  unsupportedIn,
} from "./message-kind.js";
import {
  ARRAY_READERS,
  hasType,
  innerOf,
  isAbsent,
  isAssertion,
  isAssignmentTarget,
  isCallback,
  isFunctionNode,
  isMapCall,
  isStoodFor,
  mayGiveNothing,
  parametersOf,
  quoted,
  resultsOf,
  topOf,
  typeOfAssertion,
  unquoted,
  unwrapped,
} from "./message-syntax.js";
import { choosesMember, isCertain, membersIn, removeProperties, setsIfThere, takesMember } from "./oneof-literals.js";
import { notePassedOn } from "./own-reads.js";
import { isParsedData } from "./parsed-data.js";
import { passedBy } from "./passed-results.js";
import { mustBeChecked, mustBeElement, mustBeSet } from "./present-values.js";
import type { Proving } from "./proof.js";
import { createProveScalars } from "./prove-scalars.js";
import { settledIn } from "./settled-together.js";
import { assignsFields, copiesFields, isOverwritten, spreadsFields } from "./similar-messages.js";
import { spreadChoiceOf } from "./spread-choices.js";
import { comesFromStore } from "./stores.js";
import { passesStructs, proveStruct } from "./struct-values.js";
import { keepsAbsence, keepsTest } from "./tested-values.js";
import { createsMessage } from "./whole-literals.js";
import { proveWrapper } from "./wrapped-values.js";

/** What a value that leaves is made of: literals, lists, maps, variables that are filled. */
export function createProveValues(p: Proving) {
  const {
    handlers,
    project,
    shape,
    kinds,
    proved,
    named,
    renamedShorthands,
    block,
    edit,
    replace,
    kindOf,
    fieldBy,
    sink,
    consume,
  } = p;
  const { value, cutTo64 } = createProveScalars(p);
  const { variable } = createFilledVariables(p);
  const awaited = new Set<Node>();

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
      if (type && !p.retype(type, given, "a type assertion names the old message", wanted)) return;
    }
    const why = unsupportedIn(wanted);
    if (why !== undefined) return block(expression, why);

    if (wanted.kind === "value" && wanted.as.kind === "struct") return proveStruct(p, given, wanted.field);
    if (wanted.kind === "map" && shape.map) return shape.map(p, expression, wanted);

    // A message of old code's own types is known wherever it is, and each place that it goes to asks for one.
    if (shape.typed) passesStructs(p, expression, wanted);
    if (shape.typed && (holdsMessages(wanted) || isOfPlainType(expression, wanted)))
      return wanted.kind === "list" || wanted.kind === "map" ? hasNoGaps(expression, wanted.of) : undefined;

    // protobufjs takes an element that is not there for what its type makes of it.
    if (
      shape.coerces &&
      wanted.kind === "value" &&
      isElement(wanted) &&
      !isStoodFor(given) &&
      p.canBeMissing(expression)
    ) {
      if (!coerceValue(p, expression, wanted)) block(expression, "an element that may be absent");
      return;
    }
    // An encoder of pbjs refuses an element that is not there, whatever the compiler says of it.
    const isDoubted = shape.hasNulls && wanted.kind === "value" && isElement(wanted) && p.isUnchecked(expression);
    if (isDoubted && !isStoodFor(given)) {
      if (!coerceValue(p, expression, wanted)) block(expression, "an element that may be absent");
      return;
    }
    // No message at all: whoever writes it into a field or sends it looks after that.
    if (wanted.kind === "message" && isAbsent(expression) && (shape.isLive || shape.coerces || shape.hasNulls)) {
      if (!shape.isLive && isInField(expression) && expression.getText() === "null") replace(expression, "undefined");
      return;
    }
    const holdsFields = wanted.kind === "message" || wanted.kind === "list";
    if (holdsFields && isParsedData(p, expression) && foreignObject(p, expression, wanted)) return;
    if (!kinds.has(expression) && !comesFromStore(p, expression, wanted)) comesFromField(p, expression, wanted);
    // What it is a member of may become known of another use.
    if (shape.coerces && wanted.kind !== "value" && !kinds.has(expression) && !awaited.has(expression)) {
      const result = resultIn(expression) ?? (wanted.kind === "list" ? sortedIn(expression) : undefined);
      if (result) sink(result, wanted);
      if (result || Node.isPropertyAccessExpression(expression)) {
        awaited.add(expression);
        proved.delete(expression);
        return void p.awaiting.push({ expression: given, wanted });
      }
    }
    const known = kinds.get(expression);
    if (known && sameKind(known, wanted)) {
      if (shape.fractions === "wrapped" && crossesSign(known, wanted)) {
        if (known.kind !== "value" || wanted.kind !== "value" || known.maybe)
          return block(expression, "numbers of 64 bits and another sign");
        cutTo64(expression, isUnsignedField(wanted.field), ["", ""]);
      }
      if (wanted.kind === "value" && known.kind === "value") notePassedOn(p, known, wanted.field);
      consume(given);
      return;
    }
    if (wanted.kind === "wrapper" && proveWrapper(p, expression, wanted)) return;
    if (known?.kind === "message" && wanted.kind === "message" && copiesFields(p, expression, known.desc, wanted.desc))
      return;
    const isList = known?.kind === "list" && isStringValue(known.of);
    if (isList && wanted.kind === "value" && wanted.as.kind === "mask") return value(expression, wanted);
    // The name of the member that is set, or nothing.
    const isText = wanted.kind === "value" && isStringValue(wanted) && (!isElement(wanted) || isStoodFor(given));
    if (known?.kind === "case" && isText) return consume(given);
    if (known && known.kind !== "value") return block(expression, `this is no ${kindName(wanted)}`);
    // What is converted, as protobufjs did it, is the value that comes of an expression, not what it is made of.
    const isWhole = wanted.kind === "value" && (shape.coerces || shape.hasNulls === true);
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
      if (wanted.kind === "value" && !(isOr ? keepsTest : keepsAbsence)(p, expression, wanted))
        return value(expression, wanted);
      prove(expression.getLeft(), wanted);
      prove(expression.getRight(), wanted);
      return;
    }
    if (wanted.kind === "message" && isWhereThereIsOne(expression)) {
      consume(expression.getLeft());
      return prove(expression.getRight(), wanted);
    }
    if (Node.isIdentifier(expression) && !known) {
      const declaration = project.declarationOf(expression);
      const settled = holdsMessages(wanted) ? settledIn(declaration) : undefined;
      if (settled) {
        sink(settled.promise, wanted);
        p.bind(settled.name, wanted);
        return p.again(expression, wanted);
      }
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
      const isFollowed = (shape.isLive && wanted.kind !== "value") || (shape.coerces && holdsMessages(wanted));
      if (isFollowed && Node.isParameterDeclaration(declaration)) return parameter(expression, declaration, wanted);
    }
    const passed = wanted.kind === "value" ? undefined : passedBy(project, expression);
    if (passed && Node.isCallExpression(expression)) {
      const [type] = expression.getTypeArguments();
      if (!type || p.retype(type, expression, "a type argument names the old message", wanted))
        p.callbackResults(passed.callback, wanted);
      return;
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
    if (
      Node.isElementAccessExpression(expression) &&
      wanted.kind === "message" &&
      isOwnList(expression.getExpression())
    ) {
      sink(expression.getExpression(), { kind: "list", of: wanted });
      return p.flow(expression, wanted);
    }
    switch (wanted.kind) {
      case "message":
        if (shape.made?.(p, expression, wanted.desc)) return;
        if (Node.isObjectLiteralExpression(expression)) {
          literal(expression, wanted.desc);
          if (shape.wantsWhole?.(p, expression)?.typeName === wanted.desc.typeName)
            createsMessage(p, expression, wanted.desc);
          return;
        }
        if (Node.isCallExpression(expression) && assignsFields(p, expression, wanted.desc)) return;
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

  /** `store.get(id)` of `const item = store.get(id)`, which a function of the project gives. */
  const resultIn = (name: Node): Node | undefined => {
    const declaration = Node.isIdentifier(name) ? project.declarationOf(name) : undefined;
    const made = Node.isVariableDeclaration(declaration) ? declaration.getInitializer() : undefined;
    const call = made && Node.isAwaitExpression(made) ? made.getExpression() : made;
    return Node.isCallExpression(call) && project.originOf(call.getExpression()).kind === "function" ? made : undefined;
  };

  /** `store.all()` of `store.all().sort(…)`: sorting is followed where the list is known. */
  const sortedIn = (sorted: Node): Node | undefined => {
    const callee = Node.isCallExpression(sorted) ? sorted.getExpression() : undefined;
    return Node.isPropertyAccessExpression(callee) && callee.getName() === "sort" ? callee.getExpression() : undefined;
  };

  /** A list or map that the compiler knows to hold strings, numbers or booleans alone. */
  const isOfPlainType = (expression: Node, wanted: Kind): boolean => {
    if ((wanted.kind !== "list" && wanted.kind !== "map") || wanted.of.kind !== "value") return false;
    const { as } = wanted.of;
    // Numbers that are no int32 are refused before and after.
    const isInt = as.kind === "same" && /^u?int32$/.test(as.type) && shape.typed && shape.fractions === "refused";
    const name = isInt ? "number" : as.kind === "same" ? as.type : "";
    if (!/^(string|number|boolean|bigint)$/.test(name)) return false;
    // What generated code makes of no list at all is an empty one.
    const type = shape.typed ? expression.getType().getNonNullableType() : expression.getType();
    const of = wanted.kind === "list" ? type.getArrayElementType() : type.getStringIndexType();
    return of?.getText() === name;
  };

  /** A list or a map that is made here: is each of its elements there? */
  const hasNoGaps = (list: Node, of: Kind): void => {
    const [callback] = Node.isCallExpression(list) && isMapCall(list) ? list.getArguments() : [];
    const items = Node.isArrayLiteralExpression(list)
      ? list.getElements().filter((item) => !Node.isSpreadElement(item))
      : callback && isFunctionNode(callback)
        ? resultsOf(callback)
        : Node.isObjectLiteralExpression(list)
          ? list.getProperties().flatMap((one) => (Node.isPropertyAssignment(one) ? one.getInitializerOrThrow() : []))
          : [];
    for (const item of items)
      p.later(() => {
        if (holdsMessages(of) ? p.isUnchecked(item) : !p.isPresent(item))
          block(item, "an element of a list that may be absent");
      });
  };

  /** `message && { … }` in a field: what is not there leaves it unset. */
  const isWhereThereIsOne = (expression: Node): expression is BinaryExpression => {
    if (!Node.isBinaryExpression(expression) || expression.getOperatorToken().getText() !== "&&") return false;
    return (
      shape.coerces === true && kinds.get(unwrapped(expression.getLeft()))?.kind === "message" && isInField(expression)
    );
  };

  const isElement = ({ field }: Kind & { kind: "value" }) => field?.fieldKind === "list" || field?.fieldKind === "map";

  /** A list that is written out in a variable. */
  const isOwnList = (list: Node): boolean => {
    const declaration = shape.coerces && Node.isIdentifier(list) ? project.declarationOf(list) : undefined;
    const made = Node.isVariableDeclaration(declaration) ? declaration.getInitializer() : undefined;
    return Node.isArrayLiteralExpression(made) && !kinds.has(list);
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
    if (isOfPlainType(use, wanted)) return;
    if (declaration.isRestParameter() || declaration.getInitializer() || !Node.isIdentifier(declaration.getNameNode()))
      return block(use, "a parameter with a default, or of which a part is taken");
    const call = owner.getParent();
    const callee = Node.isCallExpression(call) && isCallback(owner) ? call.getExpression() : undefined;
    if (callee) {
      const isItem =
        Node.isPropertyAccessExpression(callee) &&
        ARRAY_READERS.has(callee.getName()) &&
        owner.getParameters().indexOf(declaration) === 0;
      if (!isItem) return block(use, `nothing proves that this is a ${kindName(wanted)}`);
      sink(callee.getExpression(), { kind: "list", of: wanted });
      return p.again(use, wanted);
    }
    p.takes(owner, owner.getParameters().indexOf(declaration), wanted, use);
    p.again(use, wanted);
  };

  const literal = (
    object: ObjectLiteralExpression,
    desc: DescMessage,
    chosenBefore: ReadonlySet<DescOneof> = new Set(),
  ): Set<DescOneof> => {
    const chosen = new Set(chosenBefore);
    const choices = new Map<DescOneof, ReturnType<typeof choosesMember>>();
    const removed: Node[] = [];
    for (const property of object.getProperties()) {
      if (!Node.isPropertyAssignment(property) && !Node.isShorthandPropertyAssignment(property)) {
        if (p.keptSpreads.has(property)) continue;
        const spread = Node.isSpreadAssignment(property) ? spreadsFields(p, property, desc) : undefined;
        if (spread === "nothing") removed.push(property);
        if (spread) continue;
        const choice = spreadChoiceOf(property);
        if (choice) {
          for (const test of choice.tests) onlyTested(test);
          const found = choice.branches.map((branch) => literal(branch, desc, chosen));
          for (const one of found.flatMap((each) => [...each])) chosen.add(one);
          continue;
        }
        block(
          property,
          Node.isSpreadAssignment(property) ? "a reply is spread from another object" : "a method in a message",
        );
        continue;
      }
      if (isOverwritten(p, property, object.getProperties())) {
        removed.push(property);
        continue;
      }
      const nameNode = property.getNameNode();
      if (Node.isComputedPropertyName(nameNode)) {
        block(property, "a computed key");
        continue;
      }
      const key = unquoted(nameNode.getText());
      const union = shape.typed && p.oneofBy(desc, key);
      if (union) {
        if (key === union.localName) continue;
        if (Node.isPropertyAssignment(property)) replace(nameNode, union.localName);
        else edit(property, property.getStart(), property.getStart(), [`${union.localName}: `], "after");
        continue;
      }
      const field = fieldBy(desc, key);
      if (!field && p.oneofBy(desc, key) && namesMember(property)) {
        // protobufjs looks at the members alone.
        removed.push(property);
        continue;
      }
      if (!field) {
        block(property, `${desc.typeName} has no field ${key}`);
        continue;
      }
      const expression: Node = Node.isPropertyAssignment(property) ? property.getInitializerOrThrow() : nameNode;
      const isShort = Node.isShorthandPropertyAssignment(property);
      const oneof = field.oneof;
      if (oneof) {
        const members = membersIn(p, object, desc, oneof);
        if (!choices.has(oneof))
          choices.set(oneof, chosen.has(oneof) ? undefined : choosesMember(p, object, members, oneof));
        const choice = choices.get(oneof);
        if (choice?.removed.includes(property)) {
          removed.push(property);
          continue;
        }
        if (chosen.has(oneof) && !choice?.isSettled) block(property, `two members of the oneof ${oneof.name}`);
        chosen.add(oneof);
        if (choice?.isSettled) continue;
        if (isAbsent(expression)) {
          block(property, "a member of a oneof that is not set");
          continue;
        }
        if (!isCertain(expression)) {
          if (choice && setsIfThere(p, { property, field, value: expression })) {
            if (isShort) renamedShorthands.add(nameNode);
            sink(expression, kindOf(field));
            continue;
          }
          block(property, "a member of a oneof that may be absent");
        } else if (takesMember(p, { property, field, value: expression })) {
          sink(expression, kindOf(field));
          continue;
        } else mustBeSet(p, expression);
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
      if (isAbsent(expression)) {
        // protobufjs and create() both leave it out; the types of protobuf-es know no null.
        if (isTypeScript(object) && expression.getText() === "null") replace(expression, "undefined");
        continue;
      }
      sink(expression, kindOf(field));
    }
    removeProperties(p, object, removed);
    return chosen;
  };

  /** `message && { … }` in a spread: where it is not there, nothing is spread, before and after. */
  const onlyTested = (test: Node) =>
    p.later(() => {
      const known = kinds.get(unwrapped(test));
      if (known && known.kind !== "value") consume(test);
    });

  /** What a callback of `map` gives. */
  const eachMustBeElement = (callback: Node, of: Kind): void => {
    if (of.kind === "message" && !shape.typed && !shape.isLive && mayGiveNothing(callback))
      block(callback, "an element that may be absent");
    for (const result of resultsOf(callback)) {
      mustBeElement(p, result, of);
      mustBeChecked(p, result, of);
    }
  };

  /** The callback of `list.filter(…)`, where the list is proved by what it is made of. */
  const takesElements = (call: CallExpression, of: Kind): unknown => {
    const [callback] = call.getArguments();
    if (!callback || callback.getText() === "Boolean") return;
    if (!isFunctionNode(callback)) {
      const origin = project.originOf(callback);
      return origin.kind === "function"
        ? p.takes(origin.node, 0, of, call)
        : block(callback, "a callback that cannot be seen");
    }
    const [item, , all] = parametersOf(callback);
    if (all) return block(all, "the list itself is handed to a callback");
    if (item) p.bind(item.getNameNode(), of);
  };

  /** Does a type say that a list holds what needs no conversion? */
  const isListOf = (type: Type, wanted: Kind & { kind: "list" }): boolean => {
    const of = type.getArrayElementType();
    if (!of || wanted.of.kind !== "value") return false;
    const { as } = wanted.of;
    // Who looks at values of an enum that are names makes texts of them.
    if (as.kind === "same" && as.type === "string" && shape.typed?.textEnumOf(of)) return true;
    if (as.kind === "enum-number") {
      p.enums.add(as.desc);
      return shape.enumOfType?.(p, of)?.typeName === as.desc.typeName;
    }
    if (as.kind !== "same" || as.type === "int32" || as.type === "uint32" || as.type === "bytes") return false;
    return hasType(of.getText(), as.type);
  };

  const list = (expression: Node, wanted: Kind & { kind: "list" }): unknown => {
    // Whoever gets the list goes on to use it: that is followed like the use of a message.
    if (shape.isLive && !isPlain(wanted)) p.flow(expression, wanted);
    if (Node.isArrayLiteralExpression(expression)) {
      for (const item of expression.getElements()) {
        if (Node.isSpreadElement(item)) sink(item.getExpression(), wanted);
        else {
          sink(item, wanted.of);
          mustBeElement(p, item, wanted.of);
          mustBeChecked(p, item, wanted.of);
        }
      }
      return;
    }
    if (Node.isCallExpression(expression)) {
      const callee = expression.getExpression();
      const [first, more] = expression.getArguments();
      // A promise is what it is awaited for.
      if ((shape.isLive || shape.coerces) && first && !more && callee.getText() === "Promise.all") {
        const [settled] = expression.getType().getTypeArguments();
        if (settled && isListOf(settled, wanted)) return;
        return sink(first, wanted);
      }
      if (Node.isPropertyAccessExpression(callee)) {
        const name = callee.getName();
        // protobufjs takes arrays only, so what `map` gives here is one.
        if (name === "map" && first) {
          if (isFunctionNode(first)) {
            eachMustBeElement(first, wanted.of);
            return p.callbackResults(first, wanted.of);
          }
          const origin = project.originOf(first);
          if (origin.kind === "function" && isFunctionNode(origin.node)) {
            eachMustBeElement(origin.node, wanted.of);
            return p.helperResult(expression, origin.node, wanted.of);
          }
        }
        if (name === "concat" && isPlain(wanted) && !shape.coerces) {
          sink(callee.getExpression(), wanted);
          for (const other of expression.getArguments()) sink(other, isOneElement(other) ? wanted.of : wanted);
          return;
        }
        // What is not sorted as a copy is in the way where the list is followed.
        const isSorted = name === "sort" && (shape.isLive || isPlain(wanted)) && !shape.coerces;
        if (name === "slice" || name === "filter" || name === "reverse" || isSorted) {
          const list = unwrapped(callee.getExpression());
          const isForeign = Node.isIdentifier(list) && isFromOutside(p, project.declarationOf(list));
          if (isForeign && foreignObject(p, expression, wanted)) return;
          if (name === "filter" && !shape.isLive && !isPlain(wanted)) takesElements(expression, wanted.of);
          return sink(list, wanted);
        }
        if (name === "split" && isStringValue(wanted.of)) return;
      }
    }
    if (isListOf(expression.getType(), wanted)) return;
    if (coerceList(p, expression, wanted) || foreignObject(p, expression, wanted)) return;
    block(expression, "nothing proves what this list holds");
  };

  const map = (expression: Node, wanted: Kind & { kind: "map" }): unknown => {
    if (!Node.isObjectLiteralExpression(expression)) return block(expression, "nothing proves what this map holds");
    for (const property of expression.getProperties()) {
      if (Node.isPropertyAssignment(property)) {
        sink(property.getInitializerOrThrow(), wanted.of);
        mustBeElement(p, property.getInitializerOrThrow(), wanted.of);
      } else if (Node.isShorthandPropertyAssignment(property)) {
        named.add(property.getNameNode());
        sink(property.getNameNode(), wanted.of);
        mustBeElement(p, property.getNameNode(), wanted.of);
      } else if (Node.isSpreadAssignment(property)) sink(property.getExpression(), wanted);
      else block(property, "an entry of a map that is not written out");
    }
  };

  return { prove, literal };
}

/** `"x"` of `list.concat("x")`. */
function isOneElement(value: Node): boolean {
  return Node.isStringLiteral(value) || Node.isTemplateExpression(value) || Node.isNumericLiteral(value);
}

/** `choice: "member"`. */
function namesMember(property: Node): boolean {
  return Node.isPropertyAssignment(property) && Node.isStringLiteral(property.getInitializer());
}

/** `child: row ? childOf(row) : null`, `reply.child = null`: a branch of what a field gets. */
function isInField(value: Node): boolean {
  const top = topOf(value);
  const above = top.getParent();
  if (Node.isPropertyAssignment(above)) return true;
  if (Node.isBinaryExpression(above) && above.getOperatorToken().getText() === "=")
    return above.getRight() === top && Node.isPropertyAccessExpression(above.getLeft());
  return (Node.isConditionalExpression(above) || Node.isBinaryExpression(above)) && isInField(above);
}
