import type { RuleContext } from "./rule.js";

/** A name that a text of the analysis uses, and where it comes from. */
export interface NamedImport {
  readonly module: string;
  readonly name: string;
  readonly typeOnly?: boolean;
}

/** Text of the analysis, with the local names of what it uses. */
export function withImports(ctx: Pick<RuleContext, "imports">, text: string, imports: readonly NamedImport[]): string {
  let written = text;
  for (const { module, name, typeOnly } of imports) {
    const local = ctx.imports.add(module, name, { typeOnly: typeOnly ?? false });
    if (local !== name) written = written.replace(new RegExp(`(?<![.\\w$])${name}\\b`, "g"), () => local);
  }
  return written;
}
