import { type Node, parentMap, statementOf } from "./ast.js";

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
  let current: Node | undefined = node;
  while (current) {
    const parent: Node | undefined = parents.get(current);
    const isMember = parent?.type === "ClassBody";
    if (isMember || statementOf(current, parents) === current) {
      // Decorators and `export` belong to the statement: the line goes above them.
      const decorators = (current.decorators as Node[] | undefined) ?? [];
      const start = Math.min(current.start, ...decorators.map((decorator) => decorator.start));
      const lineStart = source.lastIndexOf("\n", start - 1) + 1;
      const before = source.slice(lineStart, start);
      if (/^[ \t]*$/.test(before)) return { position: start, indent: before };
    }
    current = parent;
  }
  return undefined;
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
