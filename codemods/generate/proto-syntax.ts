/** What discovery needs to know of a .proto file before it is compiled: a scan, not a parse. buf is the judge of its syntax. */
export interface ProtoOutline {
  readonly package: string;
  readonly imports: readonly ProtoImport[];
  /** Fully qualified names of top-level messages, enums and services. */
  readonly symbols: readonly string[];
}

export interface ProtoImport {
  readonly name: string;
  /** Range of the quoted name, quotes not included. */
  readonly start: number;
  readonly end: number;
}

export function outlineOfProto(text: string): ProtoOutline {
  const code = blankComments(text);
  const pkg = /(?:^|[;}\s])package\s+([\w.]+)\s*;/.exec(code)?.[1] ?? "";
  const imports: ProtoImport[] = [];
  for (const match of code.matchAll(/(?:^|[;}\s])import\s+(?:public\s+|weak\s+|option\s+)?(["'])([^"'\n]*)\1\s*;/g)) {
    const name = match[2] ?? "";
    const start = match.index + match[0].lastIndexOf(name === "" ? (match[1] ?? "") : name);
    imports.push({ name, start, end: start + name.length });
  }
  const symbols: string[] = [];
  let depth = 0;
  for (const match of code.matchAll(
    /[{}]|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|\b(?:message|enum|service)\s+(\w+)\s*(?=\{)/g,
  )) {
    if (match[0] === "{") depth++;
    else if (match[0] === "}") depth--;
    else if (match[1] !== undefined && depth === 0) symbols.push(pkg === "" ? match[1] : `${pkg}.${match[1]}`);
  }
  return { package: pkg, imports, symbols };
}

/** The text with comments replaced by blanks: offsets and lines stay. */
export function blankComments(text: string): string {
  return text.replace(/"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|\/\/[^\n]*|\/\*[\s\S]*?\*\//g, (token) =>
    token.startsWith("/") ? token.replace(/[^\n\r]/g, " ") : token,
  );
}
