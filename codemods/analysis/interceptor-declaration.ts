import { type ArrowFunction, type FunctionExpression, Node, SyntaxKind } from "ts-morph";
import type { NamedImport } from "../shared/with-imports.js";
import type { FactBase } from "./facts.js";
import type { Callable } from "./interceptor-shape.js";
import { layoutOf } from "./interceptor-text.js";
import { isTypeScript } from "./language.js";
import { placeOf } from "./places.js";
import type { AnalysisProject } from "./project.js";

/** The body of Connect's interceptor, line by line, and what it takes from elsewhere. */
export interface WrittenInterceptor {
  readonly lines: (indent: string, step: string) => string[];
  readonly imports: readonly NamedImport[];
}

/** A range of a file with the text that will stand there. */
export interface RewrittenPlace extends Pick<FactBase, "file" | "start" | "end"> {
  readonly via: "provenance";
  readonly text: string;
  readonly imports: readonly NamedImport[];
}

interface Declared<Written> {
  readonly written: Written;
  readonly places: readonly RewrittenPlace[];
}

const INTERCEPTOR: NamedImport = { module: "@connect-migrate/runtime", name: "Interceptor", typeOnly: true };
const NOT_WRITTEN_OUT = "an interceptor that is not written out";

export type InlineInterceptor = ArrowFunction | FunctionExpression;

export function isInlineInterceptor(node: Node | undefined): node is InlineInterceptor {
  return Node.isArrowFunction(node) || Node.isFunctionExpression(node);
}

/** What stands instead of a declared interceptor, or of the one that a declared function makes (`isMade`); `type`: grpc-js's name of its type. */
export function declaredInterceptor<Written extends WrittenInterceptor>(
  project: AnalysisProject,
  declaration: Node,
  { isMade, type }: { readonly isMade: boolean; readonly type: string },
  write: (interceptor: Callable) => Written | string,
): Declared<Written> | string {
  return isMade ? made(project, declaration, type, write) : named(declaration, write);
}

/** `(next) => async (req) => { … }` */
export function arrowText(node: Node, written: WrittenInterceptor): string {
  const { outer, step, eol } = layoutOf(node);
  return ["(next) => async (req) => {", ...written.lines(`${outer}${step}`, step), `${outer}}`].join(eol);
}

/** What stands instead of the interceptor that a function returns; in TypeScript the function says that it returns one. */
function made<Written extends WrittenInterceptor>(
  project: AnalysisProject,
  declaration: Node,
  typeName: string,
  write: (interceptor: Callable) => Written | string,
): Declared<Written> | string {
  const initializer = Node.isVariableDeclaration(declaration) ? declaration.getInitializer() : undefined;
  const factory = Node.isFunctionDeclaration(declaration) ? declaration : initializer;
  if (!factory || !(Node.isFunctionDeclaration(factory) || Node.isArrowFunction(factory))) return NOT_WRITTEN_OUT;
  if (Node.isVariableDeclaration(declaration) && declaration.getTypeNode()) return NOT_WRITTEN_OUT;
  const body = factory.getBody();
  const last = body && Node.isBlock(body) ? body.getStatements().at(-1) : undefined;
  const returned = last && Node.isReturnStatement(last) ? last.getExpression() : body;
  if (!isInlineInterceptor(returned)) return NOT_WRITTEN_OUT;
  if (
    last &&
    factory.getDescendantsOfKind(SyntaxKind.ReturnStatement).some((each) => each !== last && each.getParent() === body)
  )
    return NOT_WRITTEN_OUT;
  const written = write(returned);
  if (typeof written === "string") return written;
  const places = [{ ...placeOf(returned), text: arrowText(returned, written), imports: written.imports }];
  if (isTypeScript(declaration)) {
    const type = factory.getReturnTypeNode();
    const origin = type && project.originOfType(type);
    if (!type || origin?.kind !== "grpc" || origin.path !== typeName)
      return "an interceptor whose type would have to be written";
    places.push({ ...placeOf(type), text: "Interceptor", imports: [INTERCEPTOR] });
  }
  return { written, places };
}

/** What stands instead of a declared interceptor. */
function named<Written extends WrittenInterceptor>(
  declaration: Node,
  write: (interceptor: Callable) => Written | string,
): Declared<Written> | string {
  const isTyped = isTypeScript(declaration);
  const place = (start: number, end: number, text: string, imports: readonly NamedImport[]) => [
    { ...placeOf(declaration), start, end, text, imports },
  ];
  if (Node.isFunctionDeclaration(declaration)) {
    const name = declaration.getNameNode();
    const body = declaration.getBody();
    if (!name || !body) return NOT_WRITTEN_OUT;
    const written = write(declaration);
    if (typeof written === "string") return written;
    const { outer, step, eol } = layoutOf(declaration);
    const semicolon = /;\s*\}?$/.test(body.getText().replace(/\}\s*$/, "")) ? ";" : "";
    const inner = written.lines(`${outer}${step}${step}`, step).join(eol);
    const [parameter, result] = isTyped
      ? ["next: Parameters<Interceptor>[0]", ": ReturnType<Interceptor>"]
      : ["next", ""];
    const text = `(${parameter})${result} {${eol}${outer}${step}return async (req) => {${eol}${inner}${eol}${outer}${step}}${semicolon}${eol}${outer}}`;
    const imports = [...(isTyped ? [INTERCEPTOR] : []), ...written.imports];
    return { written, places: place(name.getEnd(), declaration.getEnd(), text, imports) };
  }
  const initializer = Node.isVariableDeclaration(declaration) ? declaration.getInitializer() : undefined;
  if (!Node.isVariableDeclaration(declaration) || !isInlineInterceptor(initializer)) return NOT_WRITTEN_OUT;
  const written = write(initializer);
  if (typeof written === "string") return written;
  const text = arrowText(initializer, written);
  if (!isTyped) return { written, places: place(initializer.getStart(), initializer.getEnd(), text, written.imports) };
  const start = declaration.getNameNode().getEnd();
  const imports = [INTERCEPTOR, ...written.imports];
  return { written, places: place(start, initializer.getEnd(), `: Interceptor = ${text}`, imports) };
}
