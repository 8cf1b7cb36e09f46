import type { DescField } from "@bufbuild/protobuf";
import type { Node } from "ts-morph";
import { isStructMessage, type Kind } from "./message-kind.js";
import type { Proving } from "./proof.js";
import { receivedAs } from "./received-messages.js";
import { isWrittenOut } from "./written-out.js";

type Value = Kind & { readonly kind: "value" };

/**
 * Parts that are read of messages which the program may have made itself. Such a message holds what was put in: a number where
 * proto-loader gives a string, nothing where it gives a default. Only what is put in as it would have come may be read again.
 */
export function noteRead(p: Proving, object: Node, field: DescField, use: Node): void {
  if (p.shape.creates) {
    p.later(() => {
      const { creations } = p.found;
      const presence = receivedAs(p, object);
      if (p.found.creations > creations) p.madeReads.add(field);
      if (p.found.creations > creations && isStructMessage(p.kindOf(field)))
        p.block(use, "a Struct is read of a message that the program makes");
      if (!presence) p.block(use, "a field is read of a message that the program may have made");
    });
    return;
  }
  if (!p.shape.coerces) return;
  p.later(() => {
    if (receivedAs(p, object) && !p.written.has(field)) return;
    if (!field.oneof && isWrittenOut(p, use, p.kindOf(field))) return;
    p.readAgain.set(field, use);
    if (field.oneof) p.block(use, "a member of a oneof is read of a message that the program may have made");
    else if (p.kindOf(field).kind === "wrapper")
      p.block(use, "a wrapper is read of a message that the program may have made");
  });
}

/** What is read of a message remembers where: whoever converts it asks whether it came from the peer. */
export function readOf(kind: Kind, object: Node): Kind {
  if (kind.kind === "value") return { ...kind, readOf: object };
  return kind.kind === "list" || kind.kind === "map" ? { ...kind, of: readOf(kind.of, object) } : kind;
}

/** Was a value read of a message that the program may have made? */
export function isOwn(p: Proving, kind: Kind | undefined): kind is Value {
  return (
    p.shape.coerces === true &&
    kind?.kind === "value" &&
    kind.readOf !== undefined &&
    receivedAs(p, kind.readOf) === undefined
  );
}

/** Is a value, or may it be, what the program put into a message? */
function isPutIn(p: Proving, kind: Value): boolean {
  return (kind.readOf !== undefined && kind.field !== undefined && p.written.has(kind.field)) || isOwn(p, kind);
}

/** A value is shown in its old form, or compared in it. */
export function noteShown(p: Proving, expression: Node): void {
  const kind = p.kinds.get(expression);
  if (kind?.kind === "value" && kind.readOf)
    p.finals.push(() => {
      if (isPutIn(p, kind) && kind.field) p.shown.set(kind.field, expression);
    });
}

/** A field gets a value in a form that no received message has. */
export function noteUnlike(p: Proving, field: DescField | undefined): void {
  if (field) p.unlike.add(field);
}

/** A field gets a value that was read of another one. */
export function notePassedOn(p: Proving, { field, readOf, as }: Value, to: DescField | undefined): void {
  if (!field || !to || !readOf || as.kind === "same") return;
  p.passedOn.set(field, (p.passedOn.get(field) ?? new Set()).add(to));
}

/** What was put in otherwise than it is read again. */
export function blockUnlikeReads(p: Proving): void {
  const coerced = new Set(p.coerced.values());
  for (const [field, use] of p.readAgain)
    if (coerced.has(field)) p.block(use, "a value that is converted where it is made is read again");
  for (const field of p.unlike) for (const other of p.passedOn.get(field) ?? []) p.unlike.add(other);
  for (const [field, use] of p.shown)
    if (p.unlike.has(field)) p.block(use, "a value that is made in another form than it is received in is read again");
}
