import type { Node } from "ts-morph";
import type { Kind } from "./message-kind.js";
import { unwrapped } from "./message-syntax.js";
import type { Proving } from "./proof.js";

/** A member of a oneof that is not set would be one for protobuf-es; for protobufjs there is none. */
export function mustBeSet(p: Proving, member: Node): void {
  mustBeThere(p, member, "a member of a oneof that may be absent");
}

/** A message in a list or a map. Values there are converted, whatever they are. */
export function mustBeElement(p: Proving, element: Node, of: Kind): void {
  if (of.kind === "message") mustBeThere(p, element, "an element that may be absent");
}

/** An element that google-protobuf leaves out where it is not there, whatever the compiler says. */
export function mustBeChecked(p: Proving, element: Node, of: Kind): void {
  if (p.shape.isLive && of.kind === "value" && p.isUnchecked(element))
    p.block(element, "an element that may be absent");
}

function mustBeThere(p: Proving, value: Node, what: string): void {
  p.later(() => {
    if (p.shape.typed || p.shape.isLive) {
      if (p.isUnchecked(value)) p.block(value, what);
      return;
    }
    const isConverted = p.coerced.has(unwrapped(value)) && !p.isPresent(value);
    if (isConverted || p.canBeMissing(value)) p.block(value, what);
  });
}
