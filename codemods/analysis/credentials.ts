import { Node, SyntaxKind } from "ts-morph";
import { callCredentialsText } from "./call-credentials.js";
import type { ClientValueFact, NamedImport } from "./client-facts.js";
import type { AnalysisProject } from "./project.js";

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

function tlsPart(project: AnalysisProject, name: string, node: Node | undefined): string | null {
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

function isNothing(node: Node): boolean {
  return node.getText() === "null" || node.getText() === "undefined";
}

function peeled(node: Node): Node {
  let current = node;
  while (
    Node.isParenthesizedExpression(current) ||
    Node.isAsExpression(current) ||
    Node.isNonNullExpression(current) ||
    Node.isSatisfiesExpression(current)
  )
    current = current.getExpression();
  return current;
}

class Unknown extends Error {}

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
  const sources = new Map<Node, string>();
  const combinations = new Map<Node, ReturnType<typeof combinationOf>>();
  const callSources = new Set<Node>();
  const types = new Set<Node>();
  const sinks = new Set<Node>();
  const seen = new Set<Node>();

  const fail = (node: Node, what: string): never => {
    throw new Unknown(`${what} (${node.getText().slice(0, 60)})`);
  };
  const selected = (node: Node) => {
    if (!project.isSelected(node.getSourceFile().getFilePath()))
      fail(node, "another file of the project makes or takes them");
  };

  const value = (node: Node): undefined => {
    const inner = peeled(node);
    if (Node.isAwaitExpression(inner)) return value(inner.getExpression());
    if (Node.isConditionalExpression(inner)) {
      value(inner.getWhenTrue());
      value(inner.getWhenFalse());
      return;
    }
    if (sources.has(inner) || combinations.has(inner)) return;
    const factory = factoryOf(project, inner);
    if (factory !== undefined) {
      selected(inner);
      if (factory === "createInsecure") sources.set(inner, "false");
      else sources.set(inner, tlsText(project, factory, inner) ?? fail(inner, "its arguments are not written out"));
      return;
    }
    const combination = combinationOf(project, inner);
    if (combination) {
      selected(inner);
      combinations.set(inner, combination);
      value(combination.channel);
      for (const call of combination.calls) callValue(call);
      return;
    }
    if (Node.isIdentifier(inner) || Node.isPropertyAccessExpression(inner)) {
      const name = Node.isIdentifier(inner) ? inner : inner.getNameNode();
      const declaration = project.declarationOf(name);
      if (!declaration) return fail(inner, "it is not known where they are made");
      return carrier(declaration);
    }
    if (Node.isCallExpression(inner)) {
      const origin = project.originOf(inner.getExpression());
      if (origin.kind === "function") return functionResult(origin.node);
    }
    fail(inner, "it is not known what they are");
  };

  /** A name that holds credentials: all that it is given and all its uses. */
  const carrier = (declaration: Node): undefined => {
    if (seen.has(declaration)) return;
    seen.add(declaration);
    selected(declaration);
    if (Node.isVariableDeclaration(declaration)) {
      const name = declaration.getNameNode();
      if (!Node.isIdentifier(name)) fail(declaration, "they are destructured");
      annotation(declaration.getTypeNode());
      const initializer = declaration.getInitializer();
      if (initializer && !isNothing(initializer)) value(initializer);
      for (const reference of project.referencesTo(name)) if (reference !== name) use(reference);
      return;
    }
    if (Node.isParameterDeclaration(declaration)) {
      const name = declaration.getNameNode();
      if (!Node.isIdentifier(name) || declaration.isRestParameter() || declaration.isParameterProperty())
        fail(declaration, "they are a parameter of another form");
      annotation(declaration.getTypeNode());
      const owner = declaration.getParent();
      const index = (owner as unknown as { getParameters(): Node[] }).getParameters().indexOf(declaration);
      const initializer = declaration.getInitializer();
      if (initializer) value(initializer);
      for (const reference of project.referencesTo(name)) if (reference !== name) use(reference);
      for (const call of callersOf(owner)) {
        const given = call.getArguments();
        if (given.some((each) => Node.isSpreadElement(each))) fail(call as unknown as Node, "arguments are spread");
        const passed = given[index];
        if (passed) value(passed);
        else if (!initializer) fail(declaration, "a caller gives none");
      }
      return;
    }
    fail(declaration, "they are kept in something that is not followed");
  };

  const annotation = (type: Node | undefined): undefined => {
    if (!type) return;
    const references = Node.isTypeReference(type) ? [type] : [];
    const found = [...references, ...type.getDescendantsOfKind(SyntaxKind.TypeReference)].filter((reference) => {
      const origin = project.originOfType(reference);
      const name = reference.getTypeName().getText();
      return origin.kind === "grpc" && origin.path === "ChannelCredentials" && name !== "Promise";
    });
    if (found.length === 0) fail(type, "their type is written in another way");
    for (const each of found) types.add(each);
  };

  const functionResult = (owner: Node): undefined => {
    if (seen.has(owner)) return;
    seen.add(owner);
    selected(owner);
    const type =
      "getReturnTypeNode" in owner
        ? (owner as { getReturnTypeNode(): Node | undefined }).getReturnTypeNode()
        : undefined;
    annotation(type);
    if (Node.isArrowFunction(owner) && !Node.isBlock(owner.getBody())) value(owner.getBody());
    else
      for (const statement of owner.getDescendantsOfKind(SyntaxKind.ReturnStatement)) {
        if (functionAround(statement) !== owner) continue;
        const returned = statement.getExpression();
        if (returned) value(returned);
        else fail(statement, "a function returns them sometimes");
      }
    for (const call of callersOf(owner)) use(call as unknown as Node);
  };

  const use = (reference: Node): undefined => {
    selected(reference);
    let node = reference;
    let parent = node.getParent();
    if (parent && Node.isPropertyAccessExpression(parent) && parent.getNameNode() === node) {
      node = parent;
      parent = node.getParent();
    }
    while (
      parent &&
      (Node.isParenthesizedExpression(parent) ||
        Node.isAsExpression(parent) ||
        Node.isNonNullExpression(parent) ||
        Node.isAwaitExpression(parent) ||
        (Node.isConditionalExpression(parent) && parent.getCondition() !== node))
    ) {
      node = parent;
      parent = node.getParent();
    }
    if (!parent) return;
    if (isSink(node)) {
      sinks.add(node);
      return;
    }
    if (Node.isVariableDeclaration(parent) && parent.getInitializer() === node) return carrier(parent);
    if (Node.isBinaryExpression(parent) && parent.getOperatorToken().getText() === "=") {
      const left = parent.getLeft();
      if (/^(module\.)?exports(\.\w+)?$/.test(left.getText())) return;
      if (left === node) return value(parent.getRight());
      const declaration = Node.isIdentifier(left) ? project.declarationOf(left) : undefined;
      if (declaration) return carrier(declaration);
    }
    if (Node.isReturnStatement(parent) || (Node.isArrowFunction(parent) && parent.getBody() === node)) {
      const owner = Node.isArrowFunction(parent) ? parent : functionAround(parent);
      if (owner) return functionResult(owner);
    }
    if (Node.isCallExpression(parent) || Node.isNewExpression(parent)) {
      const index = parent.getArguments().indexOf(node);
      if (index >= 0) {
        if (combinationOf(project, parent)?.channel === node) {
          value(parent);
          return use(parent);
        }
        const parameter = parametersOf(parent)?.[index];
        if (parameter) return carrier(parameter);
      }
    }
    if (
      Node.isImportSpecifier(parent) ||
      Node.isExportSpecifier(parent) ||
      Node.isImportClause(parent) ||
      Node.isExportAssignment(parent) ||
      Node.isBindingElement(parent) ||
      Node.isTypeQuery(parent) ||
      ((Node.isShorthandPropertyAssignment(parent) || Node.isPropertyAssignment(parent)) && isExported(parent))
    )
      return;
    fail(parent, "they are used for more than clients");
  };

  const callValue = (node: Node): undefined => {
    const inner = peeled(node);
    if (callCredentialsText(project, inner)) {
      selected(inner);
      callSources.add(inner);
      return;
    }
    const declaration = Node.isIdentifier(inner) ? project.declarationOf(inner) : undefined;
    const initializer =
      declaration && Node.isVariableDeclaration(declaration) ? declaration.getInitializer() : undefined;
    if (!declaration || !Node.isVariableDeclaration(declaration) || !initializer)
      return fail(inner, "call credentials that are not known");
    if (seen.has(declaration)) return;
    seen.add(declaration);
    selected(declaration);
    if (declaration.getTypeNode()) fail(declaration, "their type is written out");
    if (/\.[cm]?tsx?$/.test(declaration.getSourceFile().getFilePath()))
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

  const callersOf = (owner: Node): { getArguments(): Node[] }[] => {
    let name: Node | undefined;
    if (Node.isFunctionDeclaration(owner)) name = owner.getNameNode();
    else if (Node.isArrowFunction(owner) || Node.isFunctionExpression(owner)) {
      const holder = owner.getParent();
      if (Node.isVariableDeclaration(holder)) name = holder.getNameNode();
    } else if (Node.isConstructorDeclaration(owner)) {
      const parent = owner.getParent();
      if (Node.isClassDeclaration(parent)) name = parent.getNameNode();
    }
    if (!name || !Node.isIdentifier(name)) return fail(owner, "they pass through a function that has no name");
    const calls: { getArguments(): Node[] }[] = [];
    for (const reference of project.referencesTo(name)) {
      if (reference === name) continue;
      let node = reference;
      let parent = node.getParent();
      if (parent && Node.isPropertyAccessExpression(parent) && parent.getNameNode() === node) {
        node = parent;
        parent = node.getParent();
      }
      if (!parent) continue;
      if ((Node.isCallExpression(parent) || Node.isNewExpression(parent)) && parent.getExpression() === node) {
        calls.push(parent);
        continue;
      }
      if (
        isStaticMember(parent, node, owner) ||
        Node.isImportSpecifier(parent) ||
        Node.isExportSpecifier(parent) ||
        Node.isImportClause(parent) ||
        Node.isExportAssignment(parent) ||
        Node.isBindingElement(parent) ||
        Node.isTypeReference(parent) ||
        Node.isTypeQuery(parent) ||
        (Node.isVariableDeclaration(parent) && parent.getNameNode() === node) ||
        ((Node.isShorthandPropertyAssignment(parent) || Node.isPropertyAssignment(parent)) && isExported(parent)) ||
        (Node.isBinaryExpression(parent) && /^(module\.)?exports(\.\w+)?$/.test(parent.getLeft().getText()))
      )
        continue;
      fail(parent, "a function that takes or gives them is handed on");
    }
    return calls;
  };

  const parametersOf = (call: Node): Node[] | undefined => {
    const callee = (call as unknown as { getExpression(): Node }).getExpression();
    const origin = project.originOf(callee);
    if (origin.kind === "function") return (origin.node as unknown as { getParameters?(): Node[] }).getParameters?.();
    if (origin.kind === "class" && (Node.isClassDeclaration(origin.node) || Node.isClassExpression(origin.node)))
      return origin.node.getConstructors()[0]?.getParameters();
    return undefined;
  };

  try {
    sinks.add(argument);
    value(argument);
  } catch (error) {
    if (!(error instanceof Unknown)) throw error;
    return { kind: "unknown", detail: error.message };
  }

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

function contains(outer: Node, inner: Node): boolean {
  return (
    outer.getSourceFile() === inner.getSourceFile() &&
    outer.getStart() <= inner.getStart() &&
    inner.getEnd() <= outer.getEnd()
  );
}

function functionAround(node: Node): Node | undefined {
  return node.getFirstAncestor(
    (ancestor) =>
      Node.isFunctionDeclaration(ancestor) ||
      Node.isFunctionExpression(ancestor) ||
      Node.isArrowFunction(ancestor) ||
      Node.isMethodDeclaration(ancestor) ||
      Node.isConstructorDeclaration(ancestor),
  );
}

/** `X.make()`, where `X` is the class whose constructor is looked at and which makes no instances by other names. */
function isStaticMember(access: Node, name: Node, owner: Node): boolean {
  if (!Node.isConstructorDeclaration(owner) || !Node.isPropertyAccessExpression(access)) return false;
  if (access.getExpression() !== name) return false;
  return (
    !/^(prototype|constructor|call|apply|bind)$/.test(access.getName()) &&
    !/\bnew this\b/.test(owner.getParent().getText())
  );
}

function isExported(property: Node): boolean {
  const holder = property.getParent()?.getParent();
  if (!holder) return false;
  if (Node.isExportAssignment(holder)) return true;
  return Node.isBinaryExpression(holder) && /^(module\.)?exports$/.test(holder.getLeft().getText());
}
