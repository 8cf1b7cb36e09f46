import { Node, type SourceFile, SyntaxKind } from "ts-morph";
import { peeled } from "./around-values.js";
import { exportsOf } from "./exports.js";
import type { Origin } from "./origin.js";
import { calleeText } from "./places.js";
import type { AnalysisProject } from "./project.js";

/** Where a test puts something of its own in the place of a client, or of one of its methods. */
export interface StandIn {
  readonly node: Node;
  readonly service: string;
  /** `prototype`: the constructor of the clients is what is changed. */
  readonly of: "client" | "prototype";
}

// What gets an object and changes its methods, whatever it is a member of; and what does so as a member of a library for tests.
const CHANGES =
  /(?:^|\.)(?:spyOn|stub|createStubInstance|createSpyFromClass)$|^(?:Object\.(?:assign|definePropert(?:y|ies))|Reflect\.(?:set|defineProperty))$/;
const LIBRARY =
  /^(?:jest|vi|vitest|sinon|sandbox|td|mock|t|test|context|ctx)(?:\.mock)?\.(?:method|replace|spy|mocked|fn)$/;
const MAKES = /^(?:jest|vi|vitest|sinon|sandbox|td|mock|mockDeep|createMock|instance|fakeDeep)\b/;
const MOCK_TYPE = /Mock|Stub|Spied|Fake|Partial|Pick/;

/**
 * A client whose methods a test replaces (`jest.spyOn(client, "getItem")`, `client.getItem = …`), or for which it puts another object
 * (`{ getItem: (request, callback) => … } as unknown as InventoryClient`): what is put there has the shape of grpc-js, so the client
 * has to keep it, too.
 */
export function standIns(project: AnalysisProject): StandIn[] {
  const found: StandIn[] = [];
  for (const file of project.files) {
    const text = file.getFullText();
    if (/\b(spyOn|stub|createStubInstance|createSpyFromClass|mock|mocked|method|replace|Object|Reflect)\b/.test(text))
      for (const call of file.getDescendantsOfKind(SyntaxKind.CallExpression)) spied(call);
    for (const assignment of file.getDescendantsOfKind(SyntaxKind.BinaryExpression)) {
      const left = assignment.getLeft();
      if (assignment.getOperatorToken().getText() !== "=" || !isMember(left)) continue;
      const exported = Node.isPropertyAccessExpression(left) && exportedClient(left.getExpression(), left.getName());
      if (exported && clientService(assignment.getRight()) !== exported)
        found.push({ node: assignment, service: exported, of: "client" });
      const service = project.originOf(left).kind === "client" ? undefined : clientService(left.getExpression());
      if (service) found.push({ node: assignment, service, of: "client" });
      else prototypeOf(assignment, left.getExpression());
    }
  }
  return found;

  function spied(call: Node): void {
    if (!Node.isCallExpression(call)) return;
    const callee = calleeText(call);
    if (!CHANGES.test(callee) && !LIBRARY.test(callee)) return;
    const [first, second] = call.getArguments();
    if (!first) return;
    const exported = Node.isStringLiteral(second) ? exportedClient(first, second.getLiteralText()) : undefined;
    if (exported) found.push({ node: call, service: exported, of: "client" });
    const origin = project.originOf(first);
    if (origin.kind === "client-constructor" && origin.service)
      found.push({ node: call, service: origin.service, of: "client" });
    const service = clientService(first) ?? (isMember(first) ? clientService(first.getExpression()) : undefined);
    if (service) found.push({ node: call, service, of: "client" });
    else prototypeOf(call, first);
  }

  /** `stub(clients, "inventory")`, `clients.inventory = fake`: a client that another file exports. */
  function exportedClient(object: Node, name: string): string | undefined {
    const origin = project.originOf(object);
    const file = Node.isIdentifier(object) && origin.kind !== "client" ? fileOf(origin) : undefined;
    if (!file || file === object.getSourceFile()) return undefined;
    const { named, whole } = exportsOf(file);
    const direct = named.get(name);
    const member = whole && Node.isObjectLiteralExpression(whole) ? whole.getProperty(name) : undefined;
    const value = member ?? (direct?.kind === "node" ? direct.node : undefined);
    return value && clientService(value);
  }

  /** `InventoryClient.prototype` */
  function prototypeOf(node: Node, object: Node): void {
    if (!Node.isPropertyAccessExpression(object) || object.getName() !== "prototype") return;
    const origin = project.originOf(object.getExpression());
    if (origin.kind === "client-constructor" && origin.service)
      found.push({ node, service: origin.service, of: "prototype" });
  }

  function clientService(node: Node): string | undefined {
    const origin = project.originOf(node);
    return origin.kind === "client" ? origin.service : undefined;
  }
}

function fileOf(origin: Origin): SourceFile | undefined {
  if (origin.kind === "module") return origin.file;
  return origin.kind === "object" ? origin.node.getSourceFile() : undefined;
}

function isMember(node: Node): node is Node & { getExpression(): Node } {
  return Node.isPropertyAccessExpression(node) || Node.isElementAccessExpression(node);
}

/** Is a type position that names the client about something else that takes its place? What that is, or undefined. */
export function standInOfType(project: AnalysisProject, type: Node): Node | undefined {
  const parent = type.getParent();
  if (!parent) return undefined;
  if (Node.isTypeReference(parent) && MOCK_TYPE.test(parent.getTypeName().getText())) return parent;
  if (Node.isAsExpression(parent) || Node.isTypeAssertion(parent) || Node.isSatisfiesExpression(parent))
    return isStandIn(project, parent.getExpression(), 0) || isOfTest(project, parent.getExpression())
      ? parent
      : undefined;
  if (Node.isVariableDeclaration(parent) || Node.isPropertyDeclaration(parent)) {
    const initializer = parent.getInitializer();
    return initializer && isStandIn(project, initializer, 0) ? parent : undefined;
  }
  return Node.isParameterDeclaration(parent) ? passedInstead(project, parent) : undefined;
}

/** What is passed for a parameter that takes a client and is none. */
function passedInstead(project: AnalysisProject, parameter: Node): Node | undefined {
  const owner = parameter.getParent();
  const named = Node.isConstructorDeclaration(owner) ? owner.getParent() : owner;
  const holder = named?.getParent();
  const name =
    named &&
    (Node.isClassDeclaration(named) || Node.isFunctionDeclaration(named) || Node.isMethodDeclaration(named)
      ? named.getNameNode()
      : holder && Node.isVariableDeclaration(holder)
        ? holder.getNameNode()
        : undefined);
  if (!name || !Node.isIdentifier(name)) return undefined;
  const index = (owner as unknown as { getParameters(): Node[] }).getParameters().indexOf(parameter);
  for (const reference of project.referencesTo(name)) {
    let callee: Node = reference;
    const member = callee.getParent();
    if (member && Node.isPropertyAccessExpression(member) && member.getNameNode() === callee) callee = member;
    const call = callee.getParent();
    if (!call || !(Node.isCallExpression(call) || Node.isNewExpression(call)) || call.getExpression() !== callee)
      continue;
    const argument = call.getArguments()[index];
    if (!argument) continue;
    if (isStandIn(project, argument, 0) || (isOfTest(project, argument) && argument.getType().isAny())) return argument;
  }
  return undefined;
}

/** What a test takes for a client without a word on what it is. */
function isOfTest(project: AnalysisProject, value: Node): boolean {
  return project.isTestFile(value.getSourceFile().getFilePath()) && project.originOf(peeled(value)).kind !== "client";
}

/** An object that is written out, or one that a library for tests makes. */
function isStandIn(project: AnalysisProject, node: Node, depth: number): boolean {
  if (
    Node.isAsExpression(node) ||
    Node.isTypeAssertion(node) ||
    Node.isParenthesizedExpression(node) ||
    Node.isNonNullExpression(node) ||
    Node.isSatisfiesExpression(node)
  )
    return isStandIn(project, node.getExpression(), depth);
  if (Node.isObjectLiteralExpression(node)) return true;
  if (Node.isCallExpression(node)) return MAKES.test(node.getExpression().getText());
  if (!Node.isIdentifier(node) || depth > 3) return false;
  const declaration = project.declarationOf(node);
  const initializer = declaration && Node.isVariableDeclaration(declaration) ? declaration.getInitializer() : undefined;
  return !!initializer && isStandIn(project, initializer, depth + 1);
}
