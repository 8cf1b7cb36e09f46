import { Node, SyntaxKind } from "ts-morph";
import { type Reason, reason } from "../shared/reasons.js";
import { isInlineInterceptor } from "./interceptor-declaration.js";
import { unindented } from "./interceptor-text.js";
import { isMovable } from "./movable.js";
import { placeOf } from "./places.js";
import type { AnalysisProject } from "./project.js";
import type { ServerInterceptors, ServerValueFact } from "./server-facts.js";
import { serverInterceptorsOf } from "./server-interceptors.js";

/** What the options of `new Server(…)` become: members of createApp's and of serve's options, as text. */
export interface ServerOptionsPlan {
  readonly app: readonly string[];
  readonly serve: readonly string[];
  readonly facts: readonly ServerValueFact[];
  readonly interceptors: ServerInterceptors | null;
}

/** Options with the option of serve that means the same. */
const SERVE: Readonly<Record<string, string>> = {
  "grpc.keepalive_time_ms": "keepaliveTimeMs",
  "grpc.keepalive_timeout_ms": "keepaliveTimeoutMs",
  "grpc.max_connection_age_ms": "maxConnectionAgeMs",
  "grpc.max_connection_age_grace_ms": "maxConnectionAgeGraceMs",
  "grpc.max_connection_idle_ms": "maxConnectionIdleMs",
  "grpc.max_concurrent_streams": "maxConcurrentStreams",
};
const RECEIVE = "grpc.max_receive_message_length";
const SEND = "grpc.max_send_message_length";
const MEMORY = "grpc-node.max_session_memory";
const TRACE = "grpc-node.tls_enable_trace";
const INTERCEPTORS = "interceptors";

/** All other options of channels: servers of grpc-js do not read them, or read them for channelz and metrics only. */
const WITHOUT_EFFECT = /^grpc\./;

/** `binds`: where serve will stand, for the values that move there; `isUnary`: no call of the server has a stream. */
export function planServerOptions(
  project: AnalysisProject,
  options: Node | undefined,
  binds: readonly Node[],
  isUnary: boolean,
): ServerOptionsPlan | Reason {
  const receive = "readMaxBytes: 4 * 1024 * 1024";
  if (!options) return { app: [receive], serve: [], facts: [], interceptors: null };
  const { literal, name } = literalOf(project, options);
  if (!literal) return unknown(options);
  const properties: { key: string; node: Node; value: Node }[] = [];
  for (const property of literal.getProperties()) {
    if (!Node.isPropertyAssignment(property)) return unknown(property);
    const nameNode = property.getNameNode();
    const key = Node.isStringLiteral(nameNode) ? nameNode.getLiteralText() : nameNode.getText();
    const value = property.getInitializer();
    if (!value) return unknown(property);
    properties.push({ key, node: nameNode, value });
  }
  const isKnown = ({ key, value }: { key: string; value: Node }) =>
    WITHOUT_EFFECT.test(key) ||
    key === MEMORY ||
    (key === TRACE && /^(0|false)$/.test(value.getText())) ||
    (key === INTERCEPTORS && !name && isListOfNames(project, value, binds));
  const foreign = properties.find((property) => !isKnown(property));
  if (foreign) return reason("no-equivalent", `the server option ${foreign.key}`);

  // A named object of nothing but options of serve: its keys change where they stand, comments and all.
  if (name && properties.every(({ key }) => key in SERVE) && binds.every((bind) => isMovable(project, name, bind))) {
    const facts = properties.map(({ key, node }): ServerValueFact => valueFact(node, SERVE[key] as string, key));
    return { app: [receive], serve: [`...${name.getText()}`], facts, interceptors: null };
  }
  const app: string[] = [];
  const serve: string[] = [];
  let read = receive;
  let interceptors: ServerInterceptors | null = null;
  const facts: ServerValueFact[] = [];
  for (const { key, value } of properties) {
    const text = value.getText();
    if (key === INTERCEPTORS) {
      const plan = serverInterceptorsOf(project, value, isUnary);
      if (typeof plan === "string") interceptors = { text: unindented(value), imports: [], kept: plan };
      else {
        interceptors = { text: plan.text, imports: plan.imports, kept: null };
        facts.push(...plan.facts);
      }
    }
    const isIgnored = WITHOUT_EFFECT.test(key) && !(key in SERVE) && key !== RECEIVE && key !== SEND;
    if (isIgnored || key === TRACE || key === INTERCEPTORS) continue;
    const isUnlimited = /^-\s*1$/.test(text) || project.constantOf(value) === -1;
    const isNumber = typeof project.constantOf(value) === "number" && /^[-+*\d_.e\s()]+$/i.test(text);
    const places = key in SERVE || key === MEMORY ? binds : name ? [options] : [];
    if (!isNumber && !places.every((place) => isMovable(project, value, place))) return unknown(value);
    if (key === RECEIVE) read = isUnlimited ? "" : `readMaxBytes: ${text}`;
    else if (key === SEND) {
      if (!isUnlimited) app.push(`writeMaxBytes: ${text}`);
    } else if (key === MEMORY) serve.push(`http2: { maxSessionMemory: ${text} }`);
    else serve.push(`${SERVE[key]}: ${text}`);
  }
  return { app: read === "" ? app : [read, ...app], serve, facts, interceptors };
}

/**
 * `[auth, log]`: names of functions, or of what is made once, which mean the same where the app is made; so do what a function makes of such (`[auth(SECRET)]`),
 * and functions that use only what the whole file knows.
 */
function isListOfNames(project: AnalysisProject, value: Node, places: readonly Node[]): boolean {
  if (!Node.isArrayLiteralExpression(value)) return false;
  const isStable = (element: Node): boolean => {
    if (Node.isArrayLiteralExpression(element)) return element.getElements().every(isStable);
    if (!Node.isIdentifier(element)) return Node.isLiteralExpression(element);
    const declaration = project.declarationOf(element);
    const isFunction = declaration !== undefined && Node.isFunctionDeclaration(declaration);
    return isFunction || places.every((place) => isMovable(project, element, place));
  };
  return value.getElements().every((element) => {
    if (isInlineInterceptor(element)) return knowsOnlyItsFile(element);
    if (!Node.isCallExpression(element)) return Node.isIdentifier(element) && isStable(element);
    const maker = element.getExpression();
    return [maker, ...element.getArguments()].every(isStable) && onlyMakes(project, maker);
  });
}

/** Does a function use no name that only a part of its file knows, and no `this` of others? */
function knowsOnlyItsFile(made: Node): boolean {
  if (Node.isArrowFunction(made) && made.getDescendantsOfKind(SyntaxKind.ThisKeyword).length > 0) return false;
  return made.getDescendantsOfKind(SyntaxKind.Identifier).every((name) => {
    const declarations = name.getSymbol()?.getDeclarations() ?? [];
    return declarations.every((declaration) => {
      if (declaration.getSourceFile() !== made.getSourceFile()) return true;
      if (declaration.getAncestors().includes(made)) return true;
      const scope = declaration.getFirstAncestor((up) => Node.isBlock(up) || Node.isSourceFile(up));
      return Node.isSourceFile(scope) && !Node.isParameterDeclaration(declaration);
    });
  });
}

/** Does a function of the project do nothing but return what it makes, of values that nobody sees it make? */
function onlyMakes(project: AnalysisProject, name: Node): boolean {
  const declaration = Node.isIdentifier(name) ? project.declarationOf(name) : undefined;
  const made = Node.isVariableDeclaration(declaration) ? declaration.getInitializer() : declaration;
  if (!Node.isFunctionDeclaration(made) && !Node.isArrowFunction(made)) return false;
  const body = made.getBody();
  const statements = Node.isBlock(body) ? body.getStatements() : [body];
  const returned = statements.pop();
  const value = Node.isReturnStatement(returned) ? returned.getExpression() : returned;
  return statements.every((each) => each && isQuietConstant(each)) && isInlineInterceptor(value);
}

/** `const known = new Set(names);` */
function isQuietConstant(statement: Node): boolean {
  if (!Node.isVariableStatement(statement) || statement.getDeclarationKind() !== "const") return false;
  return statement.getDeclarations().every((declaration) => {
    const value = declaration.getInitializer();
    const made = Node.isNewExpression(value) && /^(?:Set|Map)$/.test(value.getExpression().getText());
    const parts = made ? value.getArguments() : value ? [value] : [];
    return parts.every((part) => Node.isIdentifier(part) || Node.isLiteralExpression(part));
  });
}

/** The object literal of the options: written there, or the value of a constant that nothing else uses. */
function literalOf(project: AnalysisProject, options: Node) {
  if (Node.isObjectLiteralExpression(options)) return { literal: options, name: undefined };
  const none = { literal: undefined, name: undefined };
  if (!Node.isIdentifier(options)) return none;
  const declaration = project.declarationOf(options);
  if (!declaration || !Node.isVariableDeclaration(declaration) || declaration.getTypeNode()) return none;
  const literal = declaration.getInitializer();
  const isConst = declaration.getVariableStatement()?.getDeclarationKind() === "const";
  if (!literal || !isConst || !Node.isObjectLiteralExpression(literal)) return none;
  const isHere = declaration.getSourceFile() === options.getSourceFile();
  const uses = project.referencesTo(declaration.getNameNode()).filter((node) => node !== declaration.getNameNode());
  return isHere && uses.length === 1 ? { literal, name: options } : none;
}

export function valueFact(node: Node, text: string, construct: string): ServerValueFact {
  return {
    kind: "server-value",
    ...placeOf(node),
    text,
    construct,
    imports: [],
  };
}

function unknown(node: Node): Reason {
  return reason("no-equivalent", `these server options: ${node.getText().replace(/\s+/g, " ").slice(0, 80)}`);
}
