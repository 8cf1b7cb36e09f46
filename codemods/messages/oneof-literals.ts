import type { DescField, DescMessage, DescOneof } from "@bufbuild/protobuf";
import {
  Node,
  type ObjectLiteralElementLike,
  type ObjectLiteralExpression,
  type PropertyAccessExpression,
} from "ts-morph";
import type { MessageEditFact } from "./message-facts.js";
import { isPlain } from "./message-kind.js";
import { isAbsent, quoted, unquoted, unwrapped } from "./message-syntax.js";
import { mustBeSet } from "./present-values.js";
import type { Proving } from "./proof.js";
import { receivedAs } from "./received-messages.js";
import { certainChainText, optionalChainText } from "./typed-chains.js";

/** A property of a literal that is a member of a oneof. */
export interface Member {
  readonly property: ObjectLiteralElementLike;
  readonly field: DescField;
  readonly value: Node;
}

/** The properties of a literal that are members of a oneof. */
export function membersIn(p: Proving, object: ObjectLiteralExpression, desc: DescMessage, oneof: DescOneof): Member[] {
  return object.getProperties().flatMap((property) => {
    const isShort = Node.isShorthandPropertyAssignment(property);
    if (!isShort && !Node.isPropertyAssignment(property)) return [];
    const field = p.fieldBy(desc, unquoted(property.getName()));
    if (!field || field.oneof !== oneof) return [];
    return [{ property, field, value: isShort ? property.getNameNode() : property.getInitializerOrThrow() }];
  });
}

/** What becomes of the members of a oneof in a literal. */
interface Choice {
  /** They go. */
  readonly removed: readonly ObjectLiteralElementLike[];
  /** All the others are dealt with; else one is left, which is set. */
  readonly isSettled: boolean;
}

/**
 * Members of a oneof of which at most one is set: the others are written out as absent, or all are those of another message, or
 * a condition chooses. Undefined where it cannot be told which member is set.
 */
export function choosesMember(
  p: Proving,
  object: ObjectLiteralExpression,
  members: readonly Member[],
  oneof: DescOneof,
): Choice | undefined {
  if (object.getProperties().some((one) => Node.isSpreadAssignment(one))) return undefined;
  const absent = members.filter(({ value }) => isAbsent(value));
  const present = members.filter((one) => !absent.includes(one));
  const removed = absent.map(({ property }) => property);
  const copied = copiesOneof(p, present, oneof);
  if (copied) return { removed: [...removed, ...copied], isSettled: true };
  const taken = takesOneof(p, present, oneof);
  if (taken) return { removed: [...removed, ...taken], isSettled: true };
  if (choosesBranch(p, object, present, oneof)) return { removed, isSettled: true };
  return present.length < 2 ? { removed, isSettled: present.length === 0 } : undefined;
}

/** `pickText: other.pickText, pickNum: other.pickNum`, of all members: the oneof of the other message. */
function copiesOneof(p: Proving, members: readonly Member[], oneof: DescOneof): ObjectLiteralElementLike[] | undefined {
  const [first, ...others] = members;
  if (!first || members.length < oneof.fields.length || !isCopied(p, first.value, first.field)) return undefined;
  const access = first.value as PropertyAccessExpression;
  for (const { value } of members) p.takenMembers.add(value);
  p.finals.push(() => {
    const from = p.copiedMembers.get(access)?.oneof;
    const isSame = members.every(({ value, field }) => {
      const source = p.copiedMembers.get(value);
      return source?.oneof === from && isAlike(source, field);
    });
    if (!from || !isSame) p.block(access, "a member of a oneof that may be absent");
    else p.replace(access.getNameNode(), from.localName);
  });
  p.edit(first.property, first.property.getStart(), access.getStart(), [`${oneof.localName}: `]);
  return others.map(({ property }) => property);
}

/**
 * `pickText: other.pickText`, of some members: `pick: other.pick.case === "pickText" ? other.pick : undefined`. Undefined where they
 * are no members of one oneof of a message.
 */
function takesOneof(p: Proving, members: readonly Member[], oneof: DescOneof): ObjectLiteralElementLike[] | undefined {
  const [first, ...others] = members;
  const code = p.shape.typed;
  if (!first || !code || code.flavour.hasClasses) return undefined;
  const sources = members.map(({ value, field }) => {
    const desc = Node.isPropertyAccessExpression(value) ? code.messageOf(value.getExpression().getType()) : undefined;
    const source = desc && Node.isPropertyAccessExpression(value) ? p.fieldBy(desc, value.getName()) : undefined;
    const isNamed = members.length > 1 ? isAlike(source, field) : isOfSameType(source, field);
    return isNamed ? source : undefined;
  });
  const [source] = sources;
  const from = source?.oneof;
  if (!source || !from || sources.some((one) => one?.oneof !== from)) return undefined;
  const access = first.value as PropertyAccessExpression;
  const object = access.getExpression();
  const prefix = access.getText().slice(0, -access.getName().length);
  const isOfOne = members.every(({ value }) => value.getText().replace(/\w+$/, "") === prefix);
  if (!isOfOne || members.some(({ property }) => !Node.isPropertyAssignment(property))) return undefined;
  for (const { value } of members) p.takenMembers.add(value);
  p.later(() => {
    const [chain, certain] = [optionalChainText(p, object), certainChainText(p, object)];
    const isRead = members.every(({ value }) => p.copiedMembers.has(value));
    if (!isRead || chain === undefined || certain === undefined)
      return p.block(access, "a member of a oneof that may be absent");
    const choice = `${chain}${access.hasQuestionDotToken() ? "?." : "."}${from.localName}.case === `;
    const tests = sources.map((one) => `${choice}${quoted(access, one?.localName ?? "")}`).join(" || ");
    const { property, field } = first;
    const given = `${certain}.${from.localName}`;
    const isSame = field.localName === source.localName;
    const member = isSame ? given : `{ case: ${quoted(access, field.localName)}, value: ${given}.value }`;
    goes(p, property, property.getStart(), property.getEnd());
    p.replace(property, `${oneof.localName}: ${tests} ? ${member} : undefined`);
  });
  return others.map(({ property }) => property);
}

/** Is a member read only to be given to another message, whose oneof is made of this one? */
export function isTaken(p: Proving, access: Node, field: DescField): boolean {
  if (!p.takenMembers.has(access)) return false;
  p.copiedMembers.set(access, field);
  return true;
}

/**
 * Is a member read only to be given to the same field of another message, with all the members of its oneof? Then it is not
 * read: whoever makes that message takes the oneof.
 */
export function isCopiedWithAll(p: Proving, access: Node, field: DescField): boolean {
  if (!isCopied(p, access, field)) return false;
  if (!p.copiedMembers.has(access)) {
    p.copiedMembers.set(access, field);
    p.finals.push(() => {
      if (!p.takenMembers.has(access)) p.block(access, "a member of a oneof goes where the others go, too");
    });
  }
  return true;
}

/** Do members of two messages' oneofs, which may be one and the same, hold the same under one name? */
function isAlike(one: DescField | undefined, other: DescField): boolean {
  return one?.localName === other.localName && isOfSameType(one, other);
}

function isOfSameType(one: DescField | undefined, other: DescField): boolean {
  if (one?.fieldKind !== other.fieldKind) return false;
  if ("scalar" in one && one.scalar !== ("scalar" in other ? other.scalar : undefined)) return false;
  const typeOf = (field: DescField) => field.message?.typeName ?? field.enum?.typeName;
  return typeOf(one) === typeOf(other);
}

function isCopied(p: Proving, value: Node, field: DescField): boolean {
  const property = value.getParent();
  const object = property?.getParent();
  if (!Node.isPropertyAccessExpression(value) || !Node.isPropertyAssignment(property)) return false;
  if (!Node.isObjectLiteralExpression(object) || !field.oneof || field.oneof.fields.length < 2) return false;
  const chain = value.getText().slice(0, -value.getName().length);
  if (/\(|\[/.test(chain)) return false;
  return field.oneof.fields.every((one) => {
    const key = p.shape.keyOf(one) ?? "";
    const other = object.getProperty(key);
    return Node.isPropertyAssignment(other) && other.getInitializer()?.getText() === chain + key;
  });
}

/** `good: ok ? value : undefined`, alone or right before `bad: ok ? undefined : reason`. */
function choosesBranch(
  p: Proving,
  object: ObjectLiteralExpression,
  [first, second, more]: readonly Member[],
  oneof: DescOneof,
): boolean {
  const [choice, other] = [first, second].map((one) => one?.value);
  if (!first || more || !Node.isConditionalExpression(choice)) return false;
  const [yes, no] = [choice.getWhenTrue(), choice.getWhenFalse()];
  const isFirst = isAbsent(no);
  if (isFirst === isAbsent(yes)) return false;
  const given = isFirst ? yes : no;
  if (!second) {
    const none = isFirst ? no : yes;
    if (!isCertain(given)) return false;
    opens(p, first, choice, oneof);
    isMember(p, given, first.field);
    if (none.getText() !== "undefined") p.replace(none, "undefined");
    return true;
  }
  const properties = object.getProperties();
  const isNext = properties.indexOf(second.property) === properties.indexOf(first.property) + 1;
  if (!Node.isConditionalExpression(other) || !isNext || !isFirst || !isAbsent(other.getWhenTrue())) return false;
  const bad = other.getWhenFalse();
  const condition = choice.getCondition().getText();
  const isPure = !/[([]|\+\+|--|[^=!<>]=[^=]/.test(condition) && other.getCondition().getText() === condition;
  const between = object.getSourceFile().getFullText().slice(no.getStart(), bad.getStart());
  if (!isPure || /\/[/*]/.test(between) || !isCertain(given) || isAbsent(bad) || !isCertain(bad)) return false;
  opens(p, first, choice, oneof);
  isMember(p, given, first.field);
  const [start, end] = [no.getStart(), bad.getStart()];
  p.edit(choice, start, end, [`{ case: ${quoted(bad, second.field.localName)}, value: `]);
  goes(p, choice, start, end);
  p.edit(bad, bad.getEnd(), bad.getEnd(), [" }"], "before");
  p.sink(bad, p.kindOf(second.field));
  return true;
}

function opens(p: Proving, { property }: Member, value: Node, oneof: DescOneof): void {
  p.edit(property, property.getStart(), value.getStart(), [`${oneof.localName}: `]);
}

function isMember(p: Proving, value: Node, field: DescField): void {
  p.edit(value, value.getStart(), value.getStart(), [`{ case: ${quoted(value, field.localName)}, value: `], "after");
  p.edit(value, value.getEnd(), value.getEnd(), [" }"], "before");
  p.sink(value, p.kindOf(field));
  mustBeSet(p, value);
}

/** Does the compiler, as far as it looks at that, say that a value is there? The text of a literal's type says it of its fields. */
export function isCertain(value: Node): boolean {
  return Node.isObjectLiteralExpression(unwrapped(value)) || !/\b(undefined|null)\b/.test(value.getType().getText());
}

/** `pickText: note`, of what may be absent: `pick: note !== undefined ? { … value: note } : undefined`. False where it cannot be asked. */
export function setsIfThere(p: Proving, { property, field, value }: Member): boolean {
  const oneof = field.oneof;
  const kind = p.kindOf(field);
  const given = unwrapped(value);
  const isMessage = kind.kind === "message";
  if (!oneof || (!isMessage && !isPlain(kind))) return false;
  const isName = Node.isIdentifier(given);
  if (!isName && !Node.isPropertyAccessExpression(given)) return false;
  p.later(() => {
    const text = isName ? given.getText() : p.chainText(given);
    if (text === undefined) return p.block(property, "a member of a oneof that may be absent");
    const test = isMessage ? `${text} && ` : `${text} ${p.shape.typed ? "!== undefined" : "!= null"} ? `;
    const opening = `${oneof.localName}: ${test}{ case: ${quoted(value, field.localName)}, value: `;
    const isShort = Node.isShorthandPropertyAssignment(property);
    p.edit(property, property.getStart(), isShort ? property.getStart() : value.getStart(), [opening], "after");
    p.edit(property, value.getEnd(), value.getEnd(), [isMessage ? " }" : " } : undefined"], "before");
  });
  return true;
}

/**
 * `pick_text: other.pick_text`, of a message that has the same member in its oneof: that oneof, where this member is set. False
 * where the value is no such access.
 */
export function takesMember(p: Proving, { property, field, value }: Member): boolean {
  const oneof = field.oneof;
  const isAccess = Node.isPropertyAccessExpression(value) && value.getName() === p.shape.keyOf(field);
  if (p.shape.typed || p.shape.isLive || !oneof || !isAccess || !Node.isPropertyAssignment(property)) return false;
  p.later(() => {
    const object = unwrapped(value.getExpression());
    const kind = p.kinds.get(object);
    const source = kind?.kind === "message" ? p.fieldBy(kind.desc, value.getName()) : undefined;
    const choice = p.askedMembers.get(value);
    if (choice !== undefined && isAlike(source, field) && receivedAs(p, object) === "always") {
      p.takenMembers.add(value);
      goes(p, property, property.getStart(), value.getEnd());
      const taken = `${choice}.case === ${quoted(value, field.localName)} ? ${choice} : undefined`;
      return p.edit(property, property.getStart(), value.getEnd(), [`${oneof.localName}: ${taken}`]);
    }
    mustBeSet(p, value);
    p.edit(property, property.getStart(), value.getStart(), [
      `${oneof.localName}: { case: ${quoted(value, field.localName)}, value: `,
    ]);
    p.edit(property, value.getEnd(), value.getEnd(), [" }"], "before");
  });
  return true;
}

/** Takes properties out of a literal, with the commas between them. */
export function removeProperties(p: Proving, object: ObjectLiteralExpression, gone: readonly Node[]): void {
  const all = object.getProperties();
  all.forEach((property, index) => {
    if (!gone.includes(property) || gone.includes(all[index - 1] as Node)) return;
    const next = all.findIndex((one, other) => other > index && !gone.includes(one));
    const [before, after] = [all[index - 1], all[next]];
    const last = (next < 0 ? all.at(-1) : all[next - 1]) as Node;
    goes(p, property, property.getStart(), last.getEnd());
    if (after) p.edit(property, property.getStart(), after.getStart(), []);
    else p.edit(property, before?.getEnd() ?? property.getStart(), last.getEnd(), []);
  });
}

/** A part of a file that goes: what was to be changed in it is not there any more. */
function goes(p: Proving, at: Node, start: number, end: number): void {
  const file = at.getSourceFile().getFilePath();
  p.finals.push(() => {
    const isGone = (one: MessageEditFact) =>
      one.file === file &&
      one.start >= start &&
      one.start < end &&
      one.end <= end &&
      !(one.start === start && one.end === end);
    p.edits.splice(0, p.edits.length, ...p.edits.filter((one) => !isGone(one)));
  });
}
