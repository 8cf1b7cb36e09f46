import path from "node:path";
import { type ClassDeclaration, Node, SyntaxKind } from "ts-morph";
import { planHandler } from "../services/handler-plan.js";
import { type File, type FunctionNode, isFunction, walk } from "../shared/ast.js";
import { parse } from "../shared/parse.js";
import { type Reason, reason } from "../shared/reasons.js";
import type { RpcKind, RpcRef } from "./facts.js";
import type { AnalysisProject } from "./project.js";
import type { HandlerFact, ImplementationClassFact, RegistrationFact } from "./server-facts.js";
import type { Draft } from "./server-registration.js";

/** One member of an implementation: the key of the RPC and the function that answers it, where it is known. */
interface Member {
  readonly key: string;
  readonly handler: Node | null;
}

/** Whether the implementation is handed over as it is, member by member, or bridged as a whole. */
export function decide(
  project: AnalysisProject,
  { fact, implementation }: Draft,
  handlers: Map<Node, HandlerFact>,
): RegistrationFact {
  const found = membersOf(project, implementation);
  const decided: { key: string; handler: HandlerFact | null; node: Node | null }[] = [];
  for (const { key, handler } of found?.members ?? []) {
    const method = project.protos.methodByLegacyKey(fact.service, key);
    if (!method) continue;
    const made = handler && handlerFact(project, handler, project.protos.rpc(method), found?.isClass ?? false);
    decided.push({ key, handler: made, node: handler });
  }
  const isPlain = decided.length > 0 && decided.every(({ handler }) => handler?.idiomatic === true);
  const isWhole = !isPlain && found?.isOwn !== true;
  for (const { handler, node } of decided) {
    if (!handler || !node) continue;
    const shared = reason("neighbour-not-migrated", "another handler of the same implementation");
    const isBridged = isWhole || handlers.get(node)?.idiomatic === false;
    handlers.set(node, isBridged ? { ...handler, idiomatic: false, reason: handler.reason ?? shared } : handler);
  }
  return {
    ...fact,
    implementation: isPlain ? "plain" : isWhole ? "callbacks" : "members",
    bridgedKeys:
      isPlain || isWhole ? [] : decided.filter(({ handler }) => handler?.idiomatic !== true).map(({ key }) => key),
  };
}

/** `implements GreeterServer` of an implementation whose methods all change. */
export function classFacts(project: AnalysisProject, draft: Draft): ImplementationClassFact[] {
  const origin = project.originOf(draft.implementation);
  if (origin.kind !== "instance" || !Node.isClassDeclaration(origin.class)) return [];
  const owner = origin.class;
  const [clause] = owner.getImplements();
  const signatures = owner
    .getChildSyntaxListOrThrow()
    .getDescendantsOfKind(SyntaxKind.IndexSignature)
    .filter((node) => node.getFirstAncestorByKind(SyntaxKind.ClassDeclaration) === owner)
    .map((node) => ({ start: node.getStart(), end: node.getEnd() }));
  const name = clause?.getExpression();
  const specifier = name?.getSymbol()?.getDeclarations().find(Node.isImportSpecifier);
  const module = specifier?.getImportDeclaration().getModuleSpecifierValue();
  const known = draft.definitionNode;
  if (!clause || module === undefined || !known || !Node.isVariableDeclaration(known)) return [];
  if (project.resolveModule(owner.getSourceFile(), module) !== known.getSourceFile()) return [];
  return [
    {
      kind: "implementation-class",
      file: owner.getSourceFile().getFilePath(),
      start: clause.getStart(),
      end: clause.getEnd(),
      via: "provenance",
      definition: { module, name: known.getName() },
      signatures,
    },
  ];
}

/** `this.get = this.get.bind(this)`: both members of it are the handler itself. */
function isSelfBinding(access: Node): boolean {
  const assignment = access.getFirstAncestorByKind(SyntaxKind.BinaryExpression);
  return assignment !== undefined && /^this\.(\w+)\s*=\s*this\.\1\.bind\(this\)$/.test(assignment.getText());
}

interface Members {
  readonly members: readonly Member[];
  /** The object literal is this registration's own and in its file: members can be wrapped where they stand. */
  readonly isOwn: boolean;
  readonly isClass: boolean;
}

/** The members of an implementation, if it is an object literal, a file's exports or an instance of a class of the project. */
function membersOf(project: AnalysisProject, implementation: Node): Members | undefined {
  const origin = project.originOf(implementation);
  if (origin.kind === "object" && Node.isObjectLiteralExpression(origin.node)) {
    const literal = origin.node;
    const members: Member[] = [];
    for (const property of literal.getProperties()) {
      if (Node.isSpreadAssignment(property)) return undefined;
      const key = "getName" in property ? property.getName().replace(/^['"]|['"]$/g, "") : "";
      const value = Node.isMethodDeclaration(property) ? property : functionOf(project, property);
      members.push({ key, handler: value });
    }
    const isInline = literal === implementation;
    const variable = literal.getParent();
    const isOnlyHere =
      variable !== undefined &&
      Node.isVariableDeclaration(variable) &&
      literal.getSourceFile() === implementation.getSourceFile() &&
      project
        .referencesTo(variable.getNameNode())
        .filter((node) => node !== variable.getNameNode() && node !== implementation).length === 0;
    return { members, isOwn: isInline || isOnlyHere, isClass: false };
  }
  if (origin.kind === "instance" && Node.isClassDeclaration(origin.class))
    return { members: classMembers(origin.class), isOwn: false, isClass: true };
  return undefined;
}

function functionOf(project: AnalysisProject, property: Node): Node | null {
  const origin = project.originOf(property);
  return origin.kind === "function" ? origin.node : null;
}

function classMembers(node: ClassDeclaration): Member[] {
  const members: Member[] = [];
  for (const method of node.getInstanceMethods()) members.push({ key: method.getName(), handler: method });
  for (const property of node.getInstanceProperties()) {
    if (!Node.isPropertyDeclaration(property)) continue;
    const value = property.getInitializer();
    members.push({
      key: property.getName(),
      handler: value && (Node.isArrowFunction(value) || Node.isFunctionExpression(value)) ? value : null,
    });
  }
  return members;
}

function handlerFact(project: AnalysisProject, handler: Node, rpc: RpcRef, isClass: boolean): HandlerFact {
  const file = handler.getSourceFile().getFilePath() as string;
  const body = (handler as unknown as { getBody(): Node | undefined }).getBody() ?? handler;
  const why = obstacle(project, handler, body, rpc.kind, isClass);
  const fact: HandlerFact = {
    kind: "handler",
    file,
    start: body.getStart(),
    end: body.getEnd(),
    via: "provenance",
    rpc,
    idiomatic: why === null,
    reason: why,
    messages: "bridge",
  };
  return fact;
}

function obstacle(project: AnalysisProject, handler: Node, body: Node, kind: RpcKind, isClass: boolean): Reason | null {
  const file = handler.getSourceFile();
  if (!project.isSelected(file.getFilePath()))
    return reason("neighbour-not-migrated", path.basename(file.getFilePath()));
  const elsewhere = otherUse(project, handler, isClass);
  if (elsewhere) return reason("handler-used-elsewhere", elsewhere);
  const tree = babelTree(file.getFilePath(), file.getFullText());
  const node = tree && babelFunction(tree, body.getStart(), body.getEnd());
  if (!tree || !node) return reason("types-unknown", "the handler's function");
  const plan = planHandler(node, kind, tree);
  return plan.ok ? null : plan.reason;
}

/** A place that uses a handler for something else than to register it. */
function otherUse(project: AnalysisProject, handler: Node, isClass: boolean): string | undefined {
  const place = (node: Node) => `${path.basename(node.getSourceFile().getFilePath())}:${node.getStartLineNumber()}`;
  const holder = handler.getParent();
  const name = Node.isFunctionDeclaration(handler)
    ? handler.getNameNode()
    : holder && Node.isVariableDeclaration(holder)
      ? holder.getNameNode()
      : undefined;
  if (name) {
    for (const reference of project.referencesTo(name)) {
      const parent = reference.getParent();
      if (!parent || reference === name) continue;
      const isName =
        Node.isShorthandPropertyAssignment(parent) ||
        (Node.isPropertyAssignment(parent) && parent.getInitializer() === reference) ||
        Node.isImportSpecifier(parent) ||
        Node.isExportSpecifier(parent) ||
        Node.isBindingElement(parent) ||
        (Node.isBinaryExpression(parent) &&
          parent.getRight() === reference &&
          /exports/.test(parent.getLeft().getText())) ||
        (Node.isPropertyAccessExpression(parent) && Node.isPropertyAssignment(parent.getParent()));
      if (!isName) return place(reference);
    }
  }
  const key = "getName" in handler ? (handler as { getName(): string | undefined }).getName() : undefined;
  if (isClass && key !== undefined) {
    const owner = handler.getFirstAncestorByKind(SyntaxKind.ClassDeclaration);
    for (const file of project.files)
      for (const access of file.getDescendantsOfKind(SyntaxKind.PropertyAccessExpression)) {
        if (access.getName() !== key || isSelfBinding(access)) continue;
        const origin = project.originOf(access.getExpression());
        if (origin.kind === "instance" && origin.class === owner) return place(access);
      }
  }
  return undefined;
}

const trees = new Map<string, { text: string; tree: File }>();

/** The tree that rules see. Undefined for a file that does not parse. */
function babelTree(file: string, text: string): File | undefined {
  let entry = trees.get(file);
  if (entry?.text !== text) {
    try {
      entry = { text, tree: parse(text, file) };
    } catch {
      return undefined;
    }
    trees.set(file, entry);
  }
  return entry.tree;
}

/** The function whose body has this range. */
function babelFunction(tree: File, start: number, end: number): FunctionNode | undefined {
  let found: FunctionNode | undefined;
  walk(tree, (node) => {
    if (isFunction(node) && node.body?.start === start && node.body.end === end) found = node;
    return found === undefined && node.start <= start && end <= node.end;
  });
  return found;
}
