import type { DescEnum } from "@bufbuild/protobuf";
import { Node, type PropertyAccessExpression } from "ts-morph";
import { isStrict } from "./class-members.js";
import { continuation } from "./convert-values.js";
import type { TextPart } from "./message-facts.js";
import { isAlias, isAssignmentTarget, isConstant, quoted, standsAlone, unquoted, unwrapped } from "./message-syntax.js";
import type { Proving } from "./proof.js";
import { partsOf } from "./text-enum-places.js";
import type { TypedCode } from "./typed-code.js";

const RUNTIME = "@connect-migrate/runtime/grpc-js";

export type TextEnumEdits = ReturnType<typeof createTextEnumEdits>;

/** What becomes of a value of an enum that is a name in old code: the name looked up, or -1 for all numbers that are not known. */
export function createTextEnumEdits(p: Proving, code: TypedCode) {
  const texts = new Set<Node>();

  const isConstantOf = (node: Node): node is PropertyAccessExpression =>
    Node.isPropertyAccessExpression(node) && code.nameOf(node.getExpression())?.kind === "enum";

  /** `Kind.OPEN`, not `Kind.UNRECOGNIZED`. */
  const isKnownConstant = (node: Node): boolean => isConstantOf(node) && node.getName() !== "UNRECOGNIZED";

  /** `[Kind.OPEN, Kind.DONE]`, where it stands or in a constant that is only looked at. */
  const isListOfKnown = (given: Node): boolean => isListOf(given, isKnownConstant);

  const isListOf = (given: Node, isOne: (node: Node) => boolean): boolean => {
    const list = unwrapped(given);
    if (Node.isArrayLiteralExpression(list)) return list.getElements().every((one) => isOne(unwrapped(one)));
    if (Node.isNewExpression(list)) {
      const [first, more] = list.getArguments();
      return first !== undefined && !more && isListOf(first, isOne);
    }
    const declaration = Node.isIdentifier(list) ? p.project.declarationOf(list) : undefined;
    if (!isConstant(declaration) || !Node.isIdentifier(list)) return false;
    const made = declaration.getInitializer();
    if (!made || !isListOf(made, isOne)) return false;
    return p.project
      .referencesTo(list)
      .every((use) => use === declaration.getNameNode() || isAlias(use) || isOnlyRead(use));
  };

  const isOnlyRead = (list: Node): boolean => {
    const access = list.getParent();
    if (Node.isElementAccessExpression(access)) return !isAssignmentTarget(access);
    if (Node.isSpreadElement(access) || Node.isForOfStatement(access)) return true;
    return (
      Node.isPropertyAccessExpression(access) &&
      /^(includes|indexOf|lastIndexOf|has|length|size|map|filter|some|every|find|forEach|join|slice)$/.test(
        access.getName(),
      )
    );
  };

  /** A table that is written out, and has nothing for what the .proto does not know. */
  const hasNoOther = (table: Node): boolean => {
    const declaration = Node.isIdentifier(table) ? p.project.declarationOf(table) : undefined;
    const made = isConstant(declaration) ? declaration.getInitializer() : undefined;
    const object = made && unwrapped(made);
    if (!Node.isObjectLiteralExpression(object) || !Node.isIdentifier(table)) return false;
    const isWritten = p.project.referencesTo(table).some((use) => {
      const access = use.getParent();
      return Node.isElementAccessExpression(access) && access.getExpression() === use && isAssignmentTarget(access);
    });
    return (
      !isWritten &&
      object.getProperties().every((one) => {
        const name = Node.isPropertyAssignment(one) ? one.getNameNode() : undefined;
        if (!Node.isComputedPropertyName(name))
          return name !== undefined && unquoted(name.getText()) !== "UNRECOGNIZED";
        return isKnownConstant(unwrapped(name.getExpression()));
      })
    );
  };

  /** The name in place of the number. */
  const text = (node: Node, desc: DescEnum): unknown => {
    if (isConstantOf(node)) {
      const name = node.getName();
      const found = desc.values.find((one) => one.name === name) ?? desc.values.find((one) => one.localName === name);
      texts.add(node);
      return p.replace(node, quoted(node, found?.name ?? "UNRECOGNIZED"));
    }
    const prefix = p.keyPrefix(node);
    const schema = p.generated(desc, "descriptor", node);
    return p.later(() => {
      // What generated functions give is a number that the .proto may not know.
      const isMade = Node.isCallExpression(unwrapped(node));
      const isThere = p.isStrictlyTyped(node) && !p.isUnchecked(node) && !node.getText().includes("?.") && !isMade;
      if (!isThere || p.memberValues.has(node))
        return p.wrap(
          node,
          [prefix, { module: RUNTIME, name: "tsProtoEnumName" }, "(", schema, ", "],
          `)${continuation(node)}`,
        );
      const [opening, closing] = standsAlone(node) ? ["", ""] : ["(", ")"];
      p.wrap(node, [`${prefix}${opening}`, schema, ".value["], `]?.name ?? ${quoted(node, "UNRECOGNIZED")}${closing}`);
    });
  };

  /** The number, or -1 for all that are not known. */
  const known = (node: Node, desc: DescEnum): void => p.wrap(node, knownAs(node, desc), ")");

  const knownAs = (node: Node, desc: DescEnum): TextPart[] => [
    p.keyPrefix(node),
    { module: RUNTIME, name: "tsProtoEnum" },
    "(",
    p.generated(desc, "descriptor", node),
    ", ",
  ];

  const eachOf = (node: Node, desc: DescEnum, name: string): unknown => {
    const type = node.getType();
    const isNull = partsOf(type).some((part) => part.isNull());
    if (p.keyPrefix(node) !== "" || isNull || !isOperandOf(node))
      return p.block(node, "a list of values of an enum that is not followed");
    // Without strict types the compiler does not say whether there is a list.
    if (!isStrict(node) && !isCertainList(node))
      return p.block(node, "a list of values of an enum that may not be there");
    const make = { module: RUNTIME, name };
    const isOptional = type.isNullable() || node.getText().includes("?.");
    if (!type.getNonNullableType().isArray()) {
      if (isOptional) return p.block(node, "values of an enum that may not be there");
      p.edit(node, node.getStart(), node.getStart(), ["Array.from("], "after");
      return p.edit(
        node,
        node.getEnd(),
        node.getEnd(),
        [", (one) => ", make, "(", p.generated(desc, "descriptor", node), ", one))"],
        "before",
      );
    }
    return p.edit(
      node,
      node.getEnd(),
      node.getEnd(),
      [isOptional ? "?.map((one) => " : ".map((one) => ", make, "(", p.generated(desc, "descriptor", node), ", one))"],
      "before",
    );
  };

  /** Is there a list, as far as it can be seen? */
  const isCertainList = (given: Node): boolean => {
    const list = unwrapped(given);
    if (list.getText().includes("?.")) return false;
    if (Node.isArrayLiteralExpression(list) || Node.isNewExpression(list)) return true;
    if (Node.isPropertyAccessExpression(list)) return code.messageOf(list.getExpression().getType()) !== undefined;
    const callee = Node.isCallExpression(list) ? list.getExpression() : undefined;
    if (Node.isPropertyAccessExpression(callee)) return /^(map|filter|slice|concat|flatMap)$/.test(callee.getName());
    const declaration = Node.isIdentifier(list) ? p.project.declarationOf(list) : undefined;
    if (Node.isBindingElement(declaration)) return code.messageOf(declaration.getParent().getType()) !== undefined;
    const made = isConstant(declaration) ? declaration.getInitializer() : undefined;
    return made !== undefined && isCertainList(made);
  };
  const names = (node: Node, desc: DescEnum) => eachOf(node, desc, "tsProtoEnumName");

  const knownOnes = (node: Node, desc: DescEnum) => eachOf(node, desc, "tsProtoEnum");

  return {
    isConstantOf,
    isKnownConstant,
    isListOf,
    isListOfKnown,
    hasNoOther,
    text,
    known,
    names,
    knownOnes,
    /** Is a constant one that became the text of its name? */
    isText: (node: Node | undefined): boolean => node !== undefined && texts.has(node),
  };
}

function isOperandOf(node: Node): boolean {
  return (
    Node.isIdentifier(node) ||
    Node.isPropertyAccessExpression(node) ||
    Node.isElementAccessExpression(node) ||
    Node.isCallExpression(node) ||
    Node.isNewExpression(node) ||
    Node.isArrayLiteralExpression(node)
  );
}
