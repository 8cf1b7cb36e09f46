import { Node, type SourceFile, SyntaxKind } from "ts-morph";
import { legacyMethodKeys } from "../generate/legacy-method-keys.js";
import { peeled } from "./around-values.js";
import type { Service } from "./client-services.js";
import { answersCalls, answersOf, isTestDouble } from "./double-answers.js";
import type { RpcRef } from "./facts.js";
import type { AnalysisProject } from "./project.js";

/**
 * Functions of tests that answer in the way of grpc-js under the name of one of the service's methods:
 * `{ getItem: jest.fn((request, callback) => …) }`, `class FakeInventory { getItem(request, callback) {…} }`. By whatever way they come in
 * the place of the client (a field, a container, a replaced factory), it has to keep their shape.
 */
export function doublesOf(
  project: AnalysisProject,
  service: Service,
  isOfProgram: (file: SourceFile) => boolean,
): Node[] {
  const files = project.files.filter((file) => isOfProgram(file) && isForTests(project, file));
  // `rewire` gives other values to names of another file.
  if (!mayBeReplaced(project, service) && !files.some((file) => /\b__set__\(/.test(file.getFullText()))) return [];
  const methods = new Map<string, RpcRef>();
  for (const method of project.protos.service(service.name)?.methods ?? [])
    for (const key of legacyMethodKeys(method)) methods.set(key, project.protos.rpc(method));
  const found: Node[] = [];
  const keys = [...methods.keys()];
  for (const file of files.filter((each) => keys.some((key) => each.getFullText().includes(key))))
    for (const node of namesIn(file)) {
      const rpc = methods.get(node.getText().replace(/^['"`]|['"`]$/g, ""));
      const value = rpc && memberValue(node);
      if (value && !isHandler(project, value) && isTestDouble(project, value, rpc)) found.push(node);
    }
  return found;
}

/** Does a call ask a client that comes from elsewhere? A constant of its own file stays what it is, but for changes that are looked at. */
function mayBeReplaced(project: AnalysisProject, service: Service): boolean {
  const asked = [
    ...service.calls.filter((call) => call.form === "client").map((call) => call.node),
    ...service.promisified.map((each) => each.method),
  ];
  return asked.some((node) => {
    const access = Node.isCallExpression(node) ? node.getExpression() : node;
    if (!Node.isPropertyAccessExpression(access) && !Node.isElementAccessExpression(access)) return true;
    const receiver = peeled(access.getExpression());
    const declaration = Node.isIdentifier(receiver) ? project.declarationOf(receiver) : undefined;
    return !(
      Node.isVariableDeclaration(declaration) &&
      Node.isNewExpression(declaration.getInitializer()) &&
      declaration.getSourceFile() === node.getSourceFile()
    );
  });
}

const TEST_LIBRARY =
  /['"](?:vitest|@jest\/globals|sinon|node:test|testdouble|ts-mockito|proxyquire|rewire|chai|ava|tap)['"]|\bjest\./;

function isForTests(project: AnalysisProject, file: SourceFile): boolean {
  return project.isTestFile(file.getFilePath()) || TEST_LIBRARY.test(file.getFullText());
}

function namesIn(file: SourceFile): Node[] {
  return [
    ...file.getDescendantsOfKind(SyntaxKind.Identifier),
    ...file.getDescendantsOfKind(SyntaxKind.StringLiteral),
    ...file.getDescendantsOfKind(SyntaxKind.NoSubstitutionTemplateLiteral),
  ];
}

/** What a member of this name is: in an object, in a class, put there by an assignment or by a spy. */
function memberValue(name: Node): Node | undefined {
  const parent = name.getParent();
  if (Node.isPropertyAssignment(parent) || Node.isPropertyDeclaration(parent))
    return parent.getNameNode() === name ? parent.getInitializer() : undefined;
  if (Node.isShorthandPropertyAssignment(parent)) return name;
  if (Node.isMethodDeclaration(parent)) return parent.getNameNode() === name ? parent : undefined;
  if (Node.isPropertyAccessExpression(parent) || Node.isElementAccessExpression(parent)) {
    const assignment = parent.getParent();
    const isWritten =
      Node.isBinaryExpression(assignment) &&
      assignment.getLeft() === parent &&
      assignment.getOperatorToken().getKind() === SyntaxKind.EqualsToken;
    return isWritten && parent.getExpression() !== name ? assignment.getRight() : undefined;
  }
  // `jest.spyOn(stock.inventory, "getItem").mockImplementation(…)`
  if (Node.isCallExpression(parent) && parent.getArguments()[1] === name) return parent;
  return undefined;
}

/** Is it a handler of a server in the test, which is called with a call object? */
function isHandler(project: AnalysisProject, value: Node): boolean {
  const owner = value.getFirstAncestor(
    (up) => Node.isObjectLiteralExpression(up) || Node.isClassDeclaration(up) || Node.isClassExpression(up),
  );
  if (answersOf(project, value).some(answersCalls)) return true;
  if (Node.isObjectLiteralExpression(owner)) {
    const members = owner.getProperties().flatMap((each) => (Node.isMethodDeclaration(each) ? each : []));
    return members.some(answersCalls) || isAdded(project, owner);
  }
  if (Node.isClassDeclaration(owner) || Node.isClassExpression(owner)) return owner.getMethods().some(answersCalls);
  return false;
}

/** `server.addService(definition, handlers)` */
function isAdded(project: AnalysisProject, value: Node): boolean {
  const parent = value.getParent();
  if (Node.isAsExpression(parent) || Node.isParenthesizedExpression(parent) || Node.isSatisfiesExpression(parent))
    return isAdded(project, parent);
  if (Node.isCallExpression(parent)) return /\baddService$/.test(parent.getExpression().getText());
  const name = Node.isVariableDeclaration(parent) ? parent.getNameNode() : undefined;
  if (!Node.isIdentifier(name)) return false;
  return project
    .referencesTo(name)
    .some(
      (reference) =>
        reference !== name && !Node.isVariableDeclaration(reference.getParent()) && isAdded(project, reference),
    );
}
