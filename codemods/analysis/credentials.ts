import { Node } from "ts-morph";
import type { NamedImport } from "../shared/with-imports.js";
import { contains, isNothing, peeled } from "./around-values.js";
import { callCredentialsText } from "./call-credentials.js";
import type { ClientValueFact } from "./client-facts.js";
import { isTypeScript } from "./language.js";
import { shortText } from "./places.js";
import type { AnalysisProject } from "./project.js";
import { type Flow, followValue } from "./value-flow.js";

/** What a construction says about TLS and credentials: members of the transport's options; or why there are none. */
export type CredentialsPlan =
  | {
      readonly kind: "known";
      readonly isInsecure: boolean;
      /** Every value is options of tls.connect, none is `false`. */
      readonly isTls: boolean;
      readonly members: readonly string[];
      readonly imports: readonly NamedImport[];
      /** Constructions that can only move together with this one, because they share a value. */
      readonly group: readonly Node[];
      readonly facts: readonly ClientValueFact[];
    }
  | { readonly kind: "unknown"; readonly detail: string };

const CHANNEL = /^(?:credentials|ChannelCredentials)\.(createInsecure|createSsl|createFromSecureContext)$/;

/** `createSsl`, `createInsecure`, …: the function of grpc-js that a call calls. */
function factoryOf(project: AnalysisProject, node: Node): string | undefined {
  if (!Node.isCallExpression(node)) return undefined;
  const origin = project.originOf(node.getExpression());
  return origin.kind === "grpc" ? CHANNEL.exec(origin.path)?.[1] : undefined;
}

/** `combineChannelCredentials(channel, …call)` and `channel.compose(call)`. */
function combinationOf(
  project: AnalysisProject,
  node: Node,
): { readonly channel: Node; readonly calls: readonly Node[] } | undefined {
  if (!Node.isCallExpression(node)) return undefined;
  const callee = node.getExpression();
  const args = node.getArguments();
  if (args.length === 0 || args.some((argument) => Node.isSpreadElement(argument))) return undefined;
  const origin = project.originOf(callee);
  if (origin.kind === "grpc" && origin.path === "credentials.combineChannelCredentials") {
    const [channel, ...calls] = args;
    return channel && { channel, calls };
  }
  if (!Node.isPropertyAccessExpression(callee) || callee.getName() !== "compose") return undefined;
  const object = callee.getExpression();
  if (project.originOf(object).kind !== "channel-credentials" || factoryOf(project, peeled(object)) === undefined)
    return undefined;
  return { channel: object, calls: args };
}

/** The options of tls.connect for `createSsl(roots, key, chain, verify)`; `true` for none. */
function tlsText(project: AnalysisProject, factory: string, call: Node): string | undefined {
  if (!Node.isCallExpression(call)) return undefined;
  const args = call.getArguments();
  if (args.some((argument) => Node.isSpreadElement(argument))) return undefined;
  const isSsl = factory === "createSsl";
  const parts: string[] = [];
  for (const [index, name] of (isSsl ? ["ca", "key", "cert"] : ["secureContext"]).entries()) {
    const text = tlsPart(project, name, args[index]);
    if (text !== null) parts.push(text);
  }
  const verify = args[isSsl ? 3 : 1];
  if (verify) {
    const options = verifyParts(verify);
    if (!options) return undefined;
    parts.push(...options);
  }
  return parts.length === 0 ? "true" : `{ ${parts.join(", ")} }`;
}

/** `{ checkServerIdentity, rejectUnauthorized }` are options of tls.connect too. */
function verifyParts(node: Node): string[] | undefined {
  if (isNothing(node)) return [];
  if (!Node.isObjectLiteralExpression(node)) return undefined;
  const parts: string[] = [];
  for (const property of node.getProperties()) {
    const name = "getName" in property ? (property as { getName(): string }).getName() : "";
    if (!/^(checkServerIdentity|rejectUnauthorized)$/.test(name)) return undefined;
    parts.push(property.getText());
  }
  return parts;
}

/** One option of tls for an argument of createSsl; null for none. */
export function tlsPart(project: AnalysisProject, name: string, node: Node | undefined): string | null {
  if (!node || isNothing(node)) return null;
  const text = node.getText();
  if (text === name) return isBytes(project, node) ? name : `${name}: ${name} ?? undefined`;
  if (isBytes(project, node)) return `${name}: ${text}`;
  // null is grpc-js's "none"; tls knows undefined only.
  const isSimple = Node.isIdentifier(node) || Node.isPropertyAccessExpression(node) || Node.isCallExpression(node);
  return `${name}: ${isSimple ? text : `(${text})`} ?? undefined`;
}

/** Bytes that are certainly there: a file's content, or a name for it. */
function isBytes(project: AnalysisProject, node: Node, depth = 0): boolean {
  const value = Node.isAwaitExpression(node) ? peeled(node.getExpression()) : peeled(node);
  if (depth > 5) return false;
  if (Node.isIdentifier(value)) {
    const declaration = project.declarationOf(value);
    if (!declaration || !Node.isVariableDeclaration(declaration)) return false;
    const initializer = declaration.getInitializer();
    const isConst = declaration.getVariableStatement()?.getDeclarationKind() === "const";
    return isConst && !!initializer && isBytes(project, initializer, depth + 1);
  }
  if (!Node.isCallExpression(value)) return false;
  return /(^|\.)(readFileSync|readFile|createSecureContext)$|^Buffer\.from$/.test(value.getExpression().getText());
}

/**
 * Follows the credentials of a construction to where they are made, through variables, parameters and functions, in every
 * direction that the values flow. If every place that sees such a value is known, the value itself becomes what the
 * transport takes (`createSsl(ca)` -> `{ ca }`, `createInsecure()` -> `false`).
 */
export function planCredentials(
  project: AnalysisProject,
  argument: Node,
  isSink: (node: Node) => boolean,
): CredentialsPlan {
  const direct = directPlan(project, argument);
  if (direct) return direct;
  const factories = new Map<Node, string>();
  const combinations = new Map<Node, ReturnType<typeof combinationOf>>();
  const callSources = new Set<Node>();
  const seen = new Set<Node>();
  const truthTests: Node[] = [];

  const callValue = (node: Node, flow: Flow): void => {
    const { selected } = flow;
    const fail = (at: Node, what: string): never => flow.fail(at, what);
    const inner = peeled(node);
    if (callCredentialsText(project, inner)) {
      selected(inner);
      callSources.add(inner);
      return;
    }
    const declaration = Node.isIdentifier(inner) ? project.declarationOf(inner) : undefined;
    const initializer =
      declaration && Node.isVariableDeclaration(declaration) ? declaration.getInitializer() : undefined;
    if (!declaration || !Node.isVariableDeclaration(declaration) || !initializer) {
      fail(inner, "call credentials that are not known");
      return;
    }
    if (seen.has(declaration)) return;
    seen.add(declaration);
    selected(declaration);
    if (declaration.getTypeNode()) fail(declaration, "their type is written out");
    if (isTypeScript(declaration))
      fail(declaration, "call credentials with a name, whose type would have to be written");
    const source = peeled(initializer);
    if (!callCredentialsText(project, source)) fail(inner, "call credentials that are not known");
    callSources.add(source);
    const name = declaration.getNameNode();
    for (const reference of project.referencesTo(name)) {
      if (reference === name) continue;
      const parent = reference.getParent();
      const combination = parent && combinationOf(project, parent);
      if (!combination?.calls.includes(reference)) fail(reference, "call credentials are used for more than clients");
    }
  };

  const followed = followValue(
    project,
    {
      type: "ChannelCredentials",
      unknownUse: "they are used for more than clients",
      fields: true,
      isNeeded: true,
      isSink,
      isSource(node, flow) {
        const factory = factoryOf(project, node);
        if (factory === undefined) return false;
        if (factory === "createInsecure") factories.set(node, "false");
        else
          factories.set(node, tlsText(project, factory, node) ?? flow.fail(node, "its arguments are not written out"));
        return true;
      },
      isDerived(node, flow) {
        const choice = choiceOf(node);
        if (choice) {
          if (choice.operator === "||" && factoryOf(project, peeled(choice.right)) !== "createInsecure")
            truthTests.push(node);
          flow.value(choice.left);
          flow.value(choice.right);
          return true;
        }
        const combination = combinationOf(project, node);
        if (!combination) return false;
        flow.selected(node);
        combinations.set(node, combination);
        flow.value(combination.channel);
        for (const call of combination.calls) callValue(call, flow);
        return true;
      },
      isPassage(node, parent, flow) {
        if (isTruthTest(node, parent)) {
          if (!fillsInsecure(project, node, parent)) truthTests.push(node);
          return true;
        }
        if (isComparedWithNothing(node, parent)) return true;
        if (choiceOf(parent)) {
          flow.value(parent);
          flow.use(parent);
          return true;
        }
        if (combinationOf(project, parent)?.channel !== node) return false;
        flow.value(parent);
        flow.use(parent);
        return true;
      },
    },
    (flow) => flow.value(argument),
  );
  if (!followed.ok) return { kind: "unknown", detail: followed.detail };
  // What stands for insecure credentials is false.
  if (truthTests.length > 0 && [...factories.values()].includes("false"))
    return { kind: "unknown", detail: `it is asked whether there are any (${shortText(truthTests[0] as Node)})` };
  const { types } = followed.flow;
  const sinks = new Set([argument, ...followed.flow.sinks]);
  const sources = factories;

  const isCombined = combinations.size > 0;
  if (isCombined) {
    const isNested = [...combinations.values()].some((each) => each && !sources.has(peeled(each.channel)));
    if (types.size > 0 || [...sources.values()].includes("false") || (isNested && combinations.size > 1))
      return { kind: "unknown", detail: "call credentials are combined in a way that is not followed" };
  }
  const imports: NamedImport[] = [];
  /** Members of the transport's options for an expression. */
  const members = (node: Node): string[] => {
    const inner = peeled(node);
    const source = sources.get(inner);
    if (source !== undefined) return [`tls: ${source}`];
    const combination = combinations.get(inner);
    if (!combination) return [`...${node.getText()}`];
    const calls = combination.calls.map((call) => {
      const text = callCredentialsText(project, peeled(call));
      if (text) imports.push(...text.imports);
      return text ? text.text : call.getText();
    });
    return [...members(combination.channel), `interceptors: [${calls.join(", ")}]`];
  };
  const facts: ClientValueFact[] = [];
  const fact = (node: Node, text: string, construct: string, own: readonly NamedImport[] = []) =>
    facts.push({
      kind: "client-value",
      file: node.getSourceFile().getFilePath(),
      start: node.getStart(),
      end: node.getEnd(),
      via: "provenance",
      text,
      construct,
      imports: own,
    });
  const isWithin = (node: Node, outer: Iterable<Node>) =>
    [...outer].some((each) => each !== node && each.getSourceFile() === node.getSourceFile() && contains(each, node));
  const wholes = [...sinks, ...combinations.keys()];
  for (const [node, text] of sources)
    if (![...sinks].some((sink) => peeled(sink) === node) && !isWithin(node, wholes))
      fact(node, isCombined ? `{ ${members(node).join(", ")} }` : text, "channel credentials");
  for (const node of combinations.keys())
    if (![...sinks].some((sink) => contains(sink, node)))
      fact(node, `{ ${members(node).join(", ")} }`, "combined credentials");
  for (const node of callSources) {
    if (isWithin(node, wholes)) continue;
    const text = callCredentialsText(project, node);
    if (text) fact(node, text.text, "call credentials", text.imports);
  }
  for (const type of types)
    fact(type, "boolean | ConnectionOptions", "ChannelCredentials", [
      { module: "node:tls", name: "ConnectionOptions", typeOnly: true },
    ]);
  const own = isCombined ? members(argument) : [argument.getText() === "tls" ? "tls" : `tls: ${tlsOfSink(argument)}`];
  const isTls = [...sources.values()].every((text) => text !== "false");
  return { kind: "known", isInsecure: false, isTls, members: own, imports, group: [...sinks], facts };

  /** The argument's text, with what is made inside it rewritten. */
  function tlsOfSink(node: Node): string {
    let text = node.getText();
    const inside = [...sources].filter(([source]) => contains(node, source));
    for (const [source, replacement] of inside.sort(([a], [b]) => b.getStart() - a.getStart()))
      text =
        text.slice(0, source.getStart() - node.getStart()) +
        replacement +
        text.slice(source.getEnd() - node.getStart());
    return text;
  }
}

/** `a || b`, `a ?? b`, `a ||= b` and `a ??= b`. */
function choiceOf(node: Node): { readonly operator: string; readonly left: Node; readonly right: Node } | undefined {
  const [, operator] = Node.isBinaryExpression(node)
    ? (/^(\|\||\?\?)=?$/.exec(node.getOperatorToken().getText()) ?? [])
    : [];
  if (operator === undefined || !Node.isBinaryExpression(node)) return undefined;
  return { operator, left: node.getLeft(), right: node.getRight() };
}

/** `!creds`, `if (creds)`, `creds ? a : b`. */
function isTruthTest(node: Node, parent: Node): boolean {
  if (Node.isPrefixUnaryExpression(parent)) return parent.getText().startsWith("!");
  return (
    (Node.isIfStatement(parent) && parent.getExpression() === node) ||
    (Node.isConditionalExpression(parent) && parent.getCondition() === node)
  );
}

/** `if (!creds) creds = createInsecure();`: insecure credentials are replaced by the same. */
function fillsInsecure(project: AnalysisProject, node: Node, parent: Node): boolean {
  const choice = Node.isPrefixUnaryExpression(parent) ? parent.getParent() : undefined;
  if (!Node.isIfStatement(choice) || choice.getElseStatement()) return false;
  const then = choice.getThenStatement();
  const [only, ...more] = Node.isBlock(then) ? then.getStatements() : [then];
  const change = Node.isExpressionStatement(only) ? only.getExpression() : undefined;
  if (more.length > 0 || !Node.isBinaryExpression(change) || change.getLeft().getText() !== node.getText())
    return false;
  return (
    change.getOperatorToken().getText() === "=" && factoryOf(project, peeled(change.getRight())) === "createInsecure"
  );
}

function isComparedWithNothing(node: Node, parent: Node): boolean {
  if (!Node.isBinaryExpression(parent) || !/^[!=]==?$/.test(parent.getOperatorToken().getText())) return false;
  return isNothing(parent.getLeft() === node ? parent.getRight() : parent.getLeft());
}

/** Credentials that are made right where the client is made. */
function directPlan(project: AnalysisProject, argument: Node): CredentialsPlan | undefined {
  const inner = peeled(argument);
  const factory = factoryOf(project, inner);
  if (factory === undefined) return undefined;
  const known = { kind: "known", imports: [], group: [], facts: [] } as const;
  if (factory === "createInsecure") return { ...known, isInsecure: true, isTls: false, members: [] };
  const text = tlsText(project, factory, inner);
  if (text === undefined)
    return { kind: "unknown", detail: `arguments that are not written out (${inner.getText().slice(0, 60)})` };
  return { ...known, isInsecure: false, isTls: true, members: [`tls: ${text}`] };
}
