import type { DescEnum } from "@bufbuild/protobuf";
import {
  type CallExpression,
  type NewExpression,
  Node,
  type PropertyAccessExpression,
  type SpreadElement,
  type Type,
} from "ts-morph";
import { isTransparent, isTruthTest, typeOfAssertion, unwrapped } from "./message-syntax.js";
import type { Proving } from "./proof.js";
import { branchesOf, isJoined, type TextEnumChoices } from "./text-enum-choices.js";
import type { TextEnumEdits } from "./text-enum-edits.js";
import {
  argumentType,
  isConstAssertion,
  placeTakesText,
  placeTakesTexts,
  type TextEnumPlaces,
} from "./text-enum-places.js";
import type { TextEnumTypes } from "./text-enum-types.js";

/** Methods of lists that look at their elements only through a function that they are given. */
const PLAIN_LIST =
  /^(length|map|forEach|filter|some|every|find|findIndex|findLast|flatMap|reduce|reduceRight|slice|concat|push|unshift|pop|shift|at|entries|keys|values|reverse|splice|fill)$/;

interface Given {
  readonly types: TextEnumTypes;
  readonly places: TextEnumPlaces;
  readonly choices: TextEnumChoices;
  readonly edits: TextEnumEdits;
  /** Does a function take what it is given as what it is? */
  isTaken(call: CallExpression | NewExpression): boolean;
}

/** Lists, maps, objects and promises that have values of enums in them which are names in old code. */
export function createTextEnumHolders(p: Proving, { types, places, choices, edits, isTaken }: Given) {
  const { enumIn, elementOf, holds, fits } = types;
  const { placeOf } = places;
  const { isMixed, isMixedChoice, isShown, isWritten } = choices;
  const { isConstantOf, isKnownConstant, isListOf, isListOfKnown, names, knownOnes } = edits;
  const eitherOr = (node: Node) => p.block(node, "the value of an enum, or something else");

  const holder = (node: Node, type: Type): unknown => {
    const parent = node.getParent();
    if (isMixed(type) || isMixedChoice(node)) return isShown(node) ? undefined : eitherOr(node);
    if (!parent || Node.isExpressionStatement(parent) || Node.isVoidExpression(parent)) return undefined;
    if (isTransparent(parent)) {
      const wanted = Node.isAsExpression(parent) ? typeOfAssertion(parent)?.getType() : undefined;
      if (!wanted || isConstAssertion(parent) || fits(type, wanted, parent)) return undefined;
      const given = elementOf(type);
      if (given && placeTakesTexts(wanted)) return names(node, given);
      return p.block(parent, "values of an enum are said to be something else");
    }
    const item = elementOf(type);
    if (Node.isPropertyAccessExpression(parent) && parent.getExpression() === node)
      return item ? listMember(node, parent, item) : undefined;
    if (Node.isElementAccessExpression(parent) || Node.isAwaitExpression(parent) || Node.isForOfStatement(parent))
      return undefined;
    if (Node.isSpreadElement(parent)) return spread(node, parent);
    if (Node.isTemplateSpan(parent)) return item ? names(node, item) : p.block(parent, "values of an enum in a text");
    if (Node.isBinaryExpression(parent) && /^([!=]==?|,|instanceof)$/.test(parent.getOperatorToken().getText()))
      return undefined;
    if (isTruthTest(parent, node) && !branchesOf(parent).includes(node as never)) return undefined;
    if (Node.isForInStatement(parent)) return p.block(parent, "keys that are values of an enum");
    const called = Node.isCallExpression(parent) ? parent.getExpression().getText() : "";
    if (called === "Array.isArray" || (called === "Object.keys" && type.getStringIndexType())) return undefined;
    const around = Node.isCallExpression(parent) || Node.isNewExpression(parent) ? parent : undefined;
    if (around?.getExpression() === node) return undefined;
    const place = around ? argumentType(around, node) : placeOf(node);
    if (place === undefined) return p.block(node, "values of an enum go where they cannot be followed");
    if (place === "open" || (around && isTaken(around))) return undefined;
    if (fits(type, place, node)) return Node.isNewExpression(around) ? keysOfNew(node, around, item) : undefined;
    if (isWritten(node)) return undefined; // What stands in it is looked at for itself.
    if (item && (placeTakesText(place) || placeTakesTexts(place))) return names(node, item);
    return p.block(node, "values of an enum go where something else is asked for");
  };

  /** `lines.push(...kinds)`, `[...kinds]`. */
  const spread = (node: Node, element: SpreadElement): unknown => {
    const around = element.getParent();
    const item = elementOf(node.getType()) ?? iteratedIn(node.getType());
    const isList = Node.isArrayLiteralExpression(around);
    if (isList && item && elementOf(around.getType()) !== item && !around.getType().isTuple()) {
      const place = placeOf(around);
      const isText =
        isJoined(around) ||
        (place !== undefined && place !== "open" && (placeTakesText(place) || placeTakesTexts(place)));
      return isText ? names(node, item) : eitherOr(element);
    }
    const place = isList
      ? placeOf(around)
      : Node.isCallExpression(around) || Node.isNewExpression(around)
        ? argumentType(around, element)
        : undefined;
    if (place === "open" || (place && holds(place))) return undefined;
    const isText = place && (placeTakesText(place) || (isList && placeTakesTexts(place)));
    return isText && item
      ? names(node, item)
      : p.block(element, "values of an enum go where something else is asked for");
  };

  const iteratedIn = (type: Type): DescEnum | undefined => {
    const isIterable = /^(Set|ReadonlySet|Iterable|IterableIterator|Generator|SetIterator|MapIterator)$/.test(
      type.getSymbol()?.getName() ?? "",
    );
    const [of] = isIterable ? type.getTypeArguments() : [];
    return of && enumIn(of);
  };

  /** `new Set(kinds)`, `new Map(entries)`: numbers that are not known are one key. */
  const keysOfNew = (node: Node, around: NewExpression, item: DescEnum | undefined): unknown => {
    if (!/^(Set|Map)$/.test(around.getExpression().getText())) return undefined;
    if (item) return isListOf(node, isConstantOf) ? undefined : knownOnes(node, item);
    const [key] = around.getType().getTypeArguments();
    if (!key || !enumIn(key)) return undefined;
    const entries = Node.isArrayLiteralExpression(node) ? node.getElements() : [node];
    const isKnown = entries.every((one) => {
      const [first] = Node.isArrayLiteralExpression(one) ? one.getElements() : [];
      return first !== undefined && isConstantOf(unwrapped(first));
    });
    return isKnown ? undefined : p.block(node, "entries whose keys are values of an enum");
  };

  const listMember = (node: Node, access: PropertyAccessExpression, desc: DescEnum): unknown => {
    const name = access.getName();
    const call = access.getParent();
    if (!Node.isCallExpression(call) || call.getExpression() !== access)
      return name === "length" ? undefined : p.block(access, `what ${name} of a list does`);
    if (/^(includes|indexOf|lastIndexOf)$/.test(name)) {
      const [asked] = call.getArguments();
      return !asked || isKnownConstant(unwrapped(asked)) || isListOfKnown(node) ? undefined : knownOnes(node, desc);
    }
    const [given] = call.getArguments();
    if (/^(join|toString)$/.test(name) || (name === "map" && given?.getText() === "String")) return names(node, desc);
    // A name is never empty.
    if (name === "filter" && given?.getText() === "Boolean") return p.replace(given, "(one) => one != null");
    if (PLAIN_LIST.test(name) || (name === "sort" && call.getArguments().length === 1)) return undefined;
    return p.block(call, `what ${name} of a list of values of an enum does`);
  };

  return { holder };
}
