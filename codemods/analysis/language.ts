import { type NewExpression, Node } from "ts-morph";
import { languageOf } from "../shared/parse.js";

/** Is a node, or a file as a whole, TypeScript, whose types have to hold after the rewrite? */
export function isTypeScript(node: Node): boolean {
  return languageOf(node.getSourceFile().getFilePath()) === "ts";
}

/** Is a name one of what the language itself has: the `get` of `map.get(key)`? */
export function isOfLanguage(name: Node): boolean {
  const declarations = name.getSymbol()?.getDeclarations() ?? [];
  return (
    declarations.length > 0 &&
    declarations.every((each) => /\/typescript\/lib\/lib\.[\w.]+\.d\.ts$/.test(each.getSourceFile().getFilePath()))
  );
}

/** `new Promise(…)`. A `Promise` that the file declares (bluebird's, for one) has methods and habits of its own. */
export function isNewPromise(node: Node | undefined): node is NewExpression {
  const callee = Node.isNewExpression(node) ? node.getExpression() : undefined;
  if (callee?.getText() !== "Promise") return false;
  const declarations = callee.getSymbol()?.getDeclarations() ?? [];
  return !declarations.some((each) => each.getSourceFile() === callee.getSourceFile());
}
