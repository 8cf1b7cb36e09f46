import { listWith, type Node, parentMap } from "./ast.js";

/** Where a rule is explained: every rule id is a heading of the guide, and an anchor has no slash. */
export function guideAnchor(rule: string): string {
  return rule.replaceAll("/", "");
}

export function todoText(rule: string, reason: string): string {
  return `// TODO(connect-migrate/${rule}): ${reason.replace(/\s+/g, " ").trim()} See MIGRATION.md#${guideAnchor(rule)}`;
}

/** The place of a TODO line: the start of the innermost statement or class member that begins a line. */
export function todoPlace(root: Node, source: string, node: Node): { position: number; indent: string } | undefined {
  const parents = parentMap(root);
  for (let current: Node | undefined = node; current; current = parents.get(current)) {
    const parent = parents.get(current);
    const siblings = parent && listWith(parent, current);
    if (!siblings) continue;
    // `a(); b();` on one line: the line goes above the first of them.
    for (const sibling of siblings.slice(0, siblings.indexOf(current) + 1).reverse()) {
      if (source.slice(startOf(sibling), current.start).includes("\n") && sibling !== current) break;
      const start = startOf(sibling);
      const before = source.slice(source.lastIndexOf("\n", start - 1) + 1, start);
      if (/^[ \t]*$/.test(before)) return { position: start, indent: before };
    }
  }
  return undefined;
}

/** Decorators belong to what they decorate: the line goes above them. */
function startOf(node: Node): number {
  const decorators = (node.decorators as Node[] | undefined) ?? [];
  return Math.min(node.start, ...decorators.map((decorator) => decorator.start));
}

/** Does a TODO line of this rule stand in the comment lines just above `position`? */
export function hasTodoAbove(source: string, position: number, rule: string): boolean {
  const lines = source.slice(0, position).split(/\r?\n/);
  lines.pop();
  for (let line = lines.pop(); line !== undefined; line = lines.pop()) {
    const text = line.trim();
    if (!text.startsWith("//")) return false;
    if (text.includes(`TODO(connect-migrate/${rule})`)) return true;
  }
  return false;
}
