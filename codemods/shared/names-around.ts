import { isFunction, isIdentifier, keyName, type Node, walk } from "./ast.js";
import { parse } from "./parse.js";
import { offsetOf } from "./position.js";

/** The names of the functions that a line stands in: of methods, of members of an object, of declarations. */
export function namesAround(text: string, file: string, line: number): string[] {
  const at = offsetOf(text, { line, column: 1 });
  const lineEnd = at + (text.slice(at).match(/^.*/)?.[0].length ?? 0);
  const names: string[] = [];
  walk(parse(text, file), (node, [parent]) => {
    const { start = 0, end = Number.POSITIVE_INFINITY } = node;
    if (lineEnd < start || end < at) return false;
    const name = isFunction(node) ? nameOf(node, parent) : undefined;
    if (name !== undefined) names.push(name);
    return undefined;
  });
  return names;
}

function nameOf(fn: Node, parent: Node | undefined): string | undefined {
  if (fn.key) return keyName(fn);
  if (isIdentifier(fn.id)) return fn.id.name;
  if (parent?.type === "VariableDeclarator" && isIdentifier(parent.id)) return parent.id.name;
  return parent && /Property$/.test(parent.type) ? keyName(parent) : undefined;
}
