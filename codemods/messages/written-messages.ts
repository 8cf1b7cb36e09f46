import type { DescField } from "@bufbuild/protobuf";
import { Node, type PropertyAccessExpression } from "ts-morph";
import { holdsMessages } from "./message-kind.js";
import { unwrapped } from "./message-syntax.js";
import type { Proving } from "./proof.js";
import { receivedAs } from "./received-messages.js";

/**
 * `request.name = value`, on a message that came from the peer or from elsewhere in the program: those of protobuf-es can be
 * written to as well. From then on the field holds what the program put in.
 */
export function writesField(p: Proving, access: PropertyAccessExpression, field: DescField): unknown {
  const assignment = access.getParent();
  const kind = p.kindOf(field);
  const isStatement =
    Node.isBinaryExpression(assignment) &&
    assignment.getLeft() === access &&
    assignment.getOperatorToken().getText() === "=" &&
    Node.isExpressionStatement(assignment.getParent());
  if (!isStatement || field.oneof || kind.kind === "wrapper" || access.hasQuestionDotToken())
    return p.block(assignment ?? access, "a message is written to where it is not made");
  const value = assignment.getRight();
  if (access.getName() !== field.localName) p.replace(access.getNameNode(), field.localName);
  if (!holdsMessages(kind)) p.written.add(field);
  p.sink(value, kind);
  p.later(() => {
    // A message of protobuf-es has messages for its parts, and a value in each field that is always there.
    if (holdsMessages(kind)) {
      // So what is read of the field is still a received one.
      if (receivedAs(p, value) !== "always") p.block(assignment, "a message that is made here is put into another one");
    } else if (!p.isPresent(value) && !p.coerced.has(unwrapped(value)))
      p.block(assignment, "a value that may be absent is put into a message");
  });
}
