import type { DescEnum, DescMessage } from "@bufbuild/protobuf";
import { Node } from "ts-morph";
import type { TextPart } from "./message-facts.js";
import type { Kind } from "./message-kind.js";
import type { Proving } from "./proof.js";

/** What a part of a type of old code names. */
export type TypeName =
  /** Whether it is the type of whole messages, and not of what one is made of, is asked when all is proved. */
  | { readonly kind: "message"; readonly desc: DescMessage; readonly isWhole: () => boolean }
  | { readonly kind: "enum"; readonly desc: DescEnum };

/** Types that say nothing of the messages in them. */
const CONTAINERS =
  /^(Promise|Array|ReadonlyArray|Iterable|IterableIterator|Generator|AsyncIterable|AsyncIterableIterator|AsyncGenerator)$/;

const HOLDERS =
  /^(Map|Set|Record|Promise|Array|ReadonlyArray|ReadonlyMap|Iterable|IterableIterator|AsyncIterable|Generator|AsyncGenerator)$/;

/** What names messages in a type gets the names of protobuf-es, but for what is `kept`. False for a type that may say anything else. */
export function retypeMessages(p: Proving, type: Node, nameOf: (part: Node) => TypeName | "kept" | undefined): boolean {
  const parts = partsOf(type)
    .filter((part) => !/^(any|void|undefined|null|unknown)$/.test(part.getText()) && !isOfAnything(part))
    .map((part) => ({ part, name: nameOf(part) }));
  if (parts.some(({ name }) => name === undefined)) return false;
  for (const { part, name } of parts) {
    if (!name || name === "kept") continue;
    if (name.kind === "enum") p.replace(part, { ...p.generated(name.desc, "shape", part), typeOnly: true });
    if (name.kind !== "message") continue;
    // Whether a message is one that came from the peer is known in the end.
    p.finals.push(() => {
      if (name.isWhole()) p.replace(part, { ...p.generated(name.desc, "shape", part), typeOnly: true });
      else p.replace(part, ...initShape(p, name.desc, part));
    });
  }
  return true;
}

/** `MessageInitShape<typeof BreadSchema>`: what a message is made of. */
export function initShape(p: Proving, desc: DescMessage, at: Node): TextPart[] {
  return [
    { module: "@bufbuild/protobuf", name: "MessageInitShape", typeOnly: true },
    "<typeof ",
    { ...p.generated(desc, "descriptor", at), typeOnly: true },
    ">",
  ];
}

/** The message that a kind is, or is a list or a stream of. */
export function messageIn(kind: Kind): DescMessage | undefined {
  if (kind.kind === "list" || kind.kind === "stream" || kind.kind === "map") return messageIn(kind.of);
  return kind.kind === "message" ? kind.desc : undefined;
}

/** `T`, `Map<string, T>`, `(item: T) => string`, of a function or class that takes messages as it takes anything. */
function isOfAnything(type: Node): boolean {
  const names = [type, ...type.getDescendants()].filter(Node.isTypeReference).map((one) => one.getTypeName());
  const isParameter = (name: Node) => {
    const declaration = name.getSymbol()?.getDeclarations()[0];
    return Node.isTypeParameterDeclaration(declaration) && !declaration.getConstraint();
  };
  const others = names.filter((name) => !isParameter(name));
  return others.length < names.length && others.every((name) => HOLDERS.test(name.getText()));
}

/** What a type is made of: `A` and `null` of `Promise<A[] | null>`. */
function partsOf(type: Node): Node[] {
  if (Node.isUnionTypeNode(type)) return type.getTypeNodes().flatMap(partsOf);
  if (Node.isParenthesizedTypeNode(type)) return partsOf(type.getTypeNode());
  if (Node.isArrayTypeNode(type)) return partsOf(type.getElementTypeNode());
  if (Node.isTypeReference(type) && CONTAINERS.test(type.getTypeName().getText()))
    return type.getTypeArguments().flatMap(partsOf);
  if (Node.isTypeReference(type) && /^Record<string, *(?! |any|unknown)/.test(type.getText()))
    return type.getTypeArguments().slice(1).flatMap(partsOf);
  return [type];
}
