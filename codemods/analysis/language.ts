import type { Node } from "ts-morph";
import { languageOf } from "../shared/parse.js";

/** Is a node, or a file as a whole, TypeScript, whose types have to hold after the rewrite? */
export function isTypeScript(node: Node): boolean {
  return languageOf(node.getSourceFile().getFilePath()) === "ts";
}
