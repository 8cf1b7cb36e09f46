import type { Attempt } from "./passes.js";
import type { Failure, Run } from "./run.js";
import { isFunction, isIdentifier, keyName, type Node, walk } from "./shared/ast.js";
import { parse } from "./shared/parse.js";
import { offsetOf } from "./shared/position.js";

/** Handlers that stay in their old shape, because the compiler rejects the new one: by their names, what it says. */
export type KeptHandlers = ReadonlyMap<string, string>;

/**
 * Puts the handlers of a file back on a bridge in whose new text the compiler found something; false when it found it elsewhere, or in a
 * handler that is on one already.
 */
export function keepHandlers(
  { keptHandlers }: Pick<Run, "keptHandlers">,
  { texts, findings }: Attempt,
  broken: ReadonlyMap<string, Failure>,
): boolean {
  let isMore = false;
  for (const [file, { lines = [], error }] of broken) {
    const text = texts.get(file);
    const isServed = (findings.get(file) ?? []).some(({ rule, rpc }) => rule.startsWith("services/") && rpc !== null);
    if (text === undefined || !isServed || lines.length === 0) continue;
    const kept = new Map(keptHandlers.get(file));
    const before = kept.size;
    for (const line of lines)
      for (const name of namesAround(text, file, line))
        if (!kept.has(name)) kept.set(name, error.split("\n", 1)[0] ?? "");
    keptHandlers.set(file, kept);
    isMore ||= kept.size > before;
  }
  return isMore;
}

/** The names of the functions that a line stands in: of methods, of members of an object, of declarations. */
function namesAround(text: string, file: string, line: number): string[] {
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
