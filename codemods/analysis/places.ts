import type { CallExpression, Node } from "ts-morph";
import type { FactBase } from "./facts.js";

/** What a fact about a node says of its place. */
export function placeOf(node: Node): Pick<FactBase, "file" | "start" | "end"> & { readonly via: "provenance" } {
  return { file: node.getSourceFile().getFilePath(), start: node.getStart(), end: node.getEnd(), via: "provenance" };
}

/** A place as reasons name it: `server.ts:12`. */
export function shownPlace(node: Node): string {
  return `${node.getSourceFile().getBaseName()}:${node.getStartLineNumber()}`;
}

/** Code as reasons show it, on one line. */
export function shortText(node: Node): string {
  const text = node.getText().replace(/\s+/g, " ");
  return text.length > 60 ? `${text.slice(0, 59)}…` : text;
}

/** What is called, on however many lines it is written: `vi.spyOn`. */
export function calleeText(call: CallExpression): string {
  return call.getExpression().getText().replace(/\s+/g, "");
}
