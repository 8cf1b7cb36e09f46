import { type FunctionDeclaration, Node } from "ts-morph";
import type { NamedImport } from "../shared/with-imports.js";
import type { ClientValueFact } from "./client-facts.js";
import type { Streams } from "./client-streams.js";
import {
  arrowText,
  declaredInterceptor,
  isInlineInterceptor,
  type WrittenInterceptor,
} from "./interceptor-declaration.js";
import { interceptorEdits } from "./interceptor-edits.js";
import { type HookedInterceptor, hookedInterceptor } from "./interceptor-hooks.js";
import { type Replacement, textOf } from "./interceptor-parts.js";
import type { Callable } from "./interceptor-shape.js";
import { linesOf } from "./interceptor-text.js";
import type { AnalysisProject } from "./project.js";

export interface InterceptorsPlan {
  /** `[auth, (next) => …]` */
  readonly text: string;
  readonly imports: readonly NamedImport[];
  readonly facts: readonly ClientValueFact[];
  /** The constructions that take one of these interceptors too. */
  readonly group: readonly Node[];
  /** `add` to Metadata that a caller made would add again at the next call. */
  readonly adds: boolean;
}

/** What streams the calls have of the clients that are made with these credential arguments. */
export type StreamsOf = (credentials: readonly Node[]) => Streams;

type Written = WrittenInterceptor & Pick<HookedInterceptor, "acts" | "adds" | "waits" | "sends">;

/**
 * `interceptors: [a, b]` of grpc-js as Connect's, where each does what these can, in the same order; a string says why not. The
 * first of the list is the outermost in both. `held`: the name of the options that they are in, where these do not stand in the construction.
 */
export function interceptorsOf(
  project: AnalysisProject,
  node: Node,
  own: Node | undefined,
  streamsOf: StreamsOf,
  held: Node | null,
): InterceptorsPlan | string {
  if (!Node.isArrayLiteralExpression(node)) return "interceptors that are not written out";
  const replaced: Replacement[] = [];
  const imports: NamedImport[] = [];
  const facts: ClientValueFact[] = [];
  const group: Node[] = [];
  const all: Written[] = [];
  const write = (streams: Streams) => (interceptor: Callable) => {
    const edits = interceptorEdits(project, interceptor, streams === "none");
    if (typeof edits === "string") return hookedInterceptor(project, interceptor, streams);
    return { ...edits, lines: (indent: string, step: string) => linesOf(edits, indent, step) };
  };
  let hasStreams = false;
  for (const element of node.getElements()) {
    if (isInlineInterceptor(element)) {
      if (held) return "interceptors that are not written out";
      const streams = own ? streamsOf([own]) : "unknown";
      if (streams !== "none") hasStreams = true;
      const inline = write(streams)(element);
      if (typeof inline === "string") return inline;
      all.push(inline);
      imports.push(...inline.imports);
      replaced.push({ from: element.getStart(), to: element.getEnd(), text: arrowText(element, inline) });
      continue;
    }
    // `auth` or `auth(token)`
    const name = Node.isCallExpression(element) ? element.getExpression() : element;
    const declaration = Node.isIdentifier(name) ? project.declarationOf(name) : undefined;
    if (!declaration || !project.isSelected(declaration.getSourceFile().getFilePath()))
      return `the interceptor ${element.getText()}, which is not known`;
    const users = usersOf(project, declaration, name !== element);
    if (!users) return `the interceptor ${element.getText()}, which other code uses too`;
    const kind = { isMade: name !== element, type: "Interceptor" };
    const streams = streamsOf(users);
    if (streams !== "none") hasStreams = true;
    const found = declaredInterceptor(project, declaration, kind, write(streams));
    if (typeof found === "string") return found;
    all.push(found.written);
    const construct = "client interceptor";
    facts.push(...found.places.map((place): ClientValueFact => ({ kind: "client-value", ...place, construct })));
    group.push(...users);
  }
  if (hasStreams && all.some(({ waits }) => waits) && all.some(({ sends }) => sends))
    return "interceptors that wait before a call starts and that look at what streams send";
  if (!keepsOrder(all)) return "interceptors whose steps would follow each other in another order";
  const text = held ? `${held.getText()}.interceptors` : textOf(node, replaced);
  return { text, imports, facts, group, adds: all.some((each) => each.adds) };
}

/**
 * grpc-js takes all interceptors through one step (made, start, sendMessage) before the next, and back again; Connect's do all
 * their steps before the next interceptor is asked, which is the same where what they do does not interleave.
 */
function keepsOrder(all: readonly Written[]): boolean {
  return all.every((outer, i) =>
    all.slice(i + 1).every((inner) => {
      const sends = outer.acts.slice(0, 3).lastIndexOf(true);
      const innerSends = inner.acts.slice(0, 3).indexOf(true);
      const receives = inner.acts.lastIndexOf(true);
      const outerReceives = outer.acts.indexOf(true, 3);
      return (innerSends < 0 || sends <= innerSends) && (outerReceives < 0 || receives <= outerReceives);
    }),
  );
}

/**
 * The credential arguments of the constructions that list an interceptor, or what a function makes of it; undefined if anything
 * else uses it.
 */
function usersOf(project: AnalysisProject, declaration: Node, isMade: boolean): Node[] | undefined {
  const name = (declaration as FunctionDeclaration).getNameNode();
  if (!name) return undefined;
  const users: Node[] = [];
  for (const reference of project.referencesTo(name)) {
    if (reference === name) continue;
    const parent = reference.getParent();
    if (!parent) return undefined;
    if (Node.isImportSpecifier(parent) || Node.isExportSpecifier(parent) || Node.isBindingElement(parent)) continue;
    if (/^(module\.)?exports/.test(parent.getParent()?.getParent()?.getText() ?? "")) continue;
    if (Node.isBinaryExpression(parent) && /^(module\.)?exports\.\w+$/.test(parent.getLeft().getText())) continue;
    const isCalled = Node.isCallExpression(parent) && parent.getExpression() === reference;
    if (isMade !== isCalled) return undefined;
    const list = isMade ? parent.getParent() : parent;
    const property = list && Node.isArrayLiteralExpression(list) ? list.getParent() : undefined;
    if (!Node.isPropertyAssignment(property) || property.getName() !== "interceptors") return undefined;
    const found = takersOf(project, property.getParent());
    if (!found) return undefined;
    users.push(...found);
  }
  return users;
}

/** The credential arguments of the constructions that take options: those written there, or a constant that nothing else has. */
function takersOf(project: AnalysisProject, options: Node): Node[] | undefined {
  const holder = options.getParent();
  if (Node.isNewExpression(holder)) return credentialsBeside(options);
  if (!Node.isVariableDeclaration(holder) || holder.getTypeNode() || holder.isExported()) return undefined;
  const name = holder.getNameNode();
  if (!Node.isIdentifier(name)) return undefined;
  const uses = project.referencesTo(name).filter((reference) => reference !== name);
  const found = uses.map(credentialsBeside);
  return found.every((each) => each !== undefined) ? found.flat() : undefined;
}

function credentialsBeside(options: Node): Node[] | undefined {
  const made = options.getParent();
  const args = Node.isNewExpression(made) ? made.getArguments() : [];
  return args[1] && args[2] === options ? [args[1]] : undefined;
}
