import type { DescMessage } from "@bufbuild/protobuf";
import { type CallExpression, Node, type ObjectLiteralExpression } from "ts-morph";
import { holdsMessages, type Kind } from "./message-kind.js";
import { isAbsent, unquoted, unwrapped } from "./message-syntax.js";
import type { Proving } from "./proof.js";
import { receivedAs } from "./received-messages.js";
import { fieldsOf, isAlwaysThere, writeCopied } from "./similar-messages.js";

/**
 * `Object.assign(stored, request, { name })`: a message gets the fields of another one of its type, and those of a literal. Only
 * where all fields of old messages are properties, whether they are set or not. True when the use is dealt with.
 */
export function mergesInto(p: Proving, call: CallExpression, target: Node, kind: Kind): boolean {
  const [first, ...sources] = call.getArguments();
  if (kind.kind !== "message" || first !== target || call.getExpression().getText() !== "Object.assign") return false;
  if (!p.shape.coerces || p.shape.explicit) return false;
  for (const given of sources) {
    const source = unwrapped(given);
    if (Node.isObjectLiteralExpression(source)) setsEach(p, source, kind.desc);
    else p.later(() => copiesAll(p, source, kind));
  }
  p.flow(call, kind);
  return true;
}

function copiesAll(p: Proving, source: Node, kind: Kind & { readonly kind: "message" }): unknown {
  const known = p.kinds.get(source);
  const presence = receivedAs(p, source);
  const fields =
    known?.kind === "message" && presence ? fieldsOf(p, source, known.desc, kind.desc, new Set()) : undefined;
  if (known?.kind !== "message" || !fields || fields.length === 0)
    return p.block(source, "a message gets the fields of something that is not known to be one");
  // What is not set leaves what is there.
  const isWhole = fields.every(({ of }) =>
    known.desc.fields.some((one) => one.localName === of && isAlwaysThere(p, one)),
  );
  if (!isWhole) return p.block(source, "a message gets the fields of one that may not have them");
  const isThere = presence === "always";
  writeCopied(p, source, { message: source, isThere, fields }, isThere ? ["{ ", " }"] : ["", ""]);
}

/** As if each field was written by itself. */
function setsEach(p: Proving, literal: ObjectLiteralExpression, desc: DescMessage): unknown {
  for (const property of literal.getProperties()) {
    if (!Node.isPropertyAssignment(property)) return p.block(property, "a message is written to where it is not made");
    const value = property.getInitializerOrThrow();
    const field = p.fieldBy(desc, unquoted(property.getName()));
    const wanted = field && p.kindOf(field);
    if (!field || wanted?.kind === "wrapper" || isAbsent(value))
      return p.block(property, "a message is written to where it is not made");
    p.later(() => {
      const isFine = holdsMessages(p.kindOf(field))
        ? receivedAs(p, value) === "always"
        : p.isPresent(value) || p.coerced.has(unwrapped(value));
      if (!isFine) p.block(value, "a value that may be absent, or a message that is made here, is put into a message");
    });
    if (!holdsMessages(p.kindOf(field))) p.written.add(field);
  }
  p.literal(literal, desc);
}
