import { Node, type SourceFile, SyntaxKind } from "ts-morph";
import { escaped } from "../shared/reg-exp.js";
import { isExportTarget } from "./exports.js";
import { importsOf } from "./module-imports.js";
import type { AnalysisProject } from "./project.js";

/** A place where a test puts something else in the place of a module. */
export interface ModuleMock {
  readonly node: Node;
  /** `grpc`: grpc-js or a part of it. Otherwise the project file that is replaced. */
  readonly target: "grpc" | SourceFile;
  /** A file that imports nothing of the project is one that the runner loads before every test. */
  readonly isEverywhere: boolean;
}

const MOCK = /^(?:jest|vi|vitest)\.(?:mock|doMock|setMock|unstable_mockModule)$|^mock\.module$|^td\.replace(?:Esm)?$/;
const SPY =
  /^(?:(?:jest|vi|vitest|sinon|sandbox|sinonSandbox|td|mock|t\.mock)\.)?(?:spyOn|stub|spy|replace|replaceGetter|method)$/;

/**
 * Where tests replace grpc-js, its members, or files of the project. The code under such a test must go on asking for what the
 * test replaces: `jest.mock("@grpc/grpc-js")`, `jest.spyOn(grpc.credentials, "createSsl")`, `proxyquire("./client", { … })`.
 */
export function moduleMocks(project: AnalysisProject): ModuleMock[] {
  const found: ModuleMock[] = [];
  for (const file of project.files) {
    if (!/\b(jest|vi|vitest|sinon|td|mock|sandbox|proxyquire|rewiremock)\b/.test(file.getFullText())) continue;
    for (const call of file.getDescendantsOfKind(SyntaxKind.CallExpression)) {
      const callee = call.getExpression().getText();
      const [first, second] = call.getArguments();
      if (!first) continue;
      if (MOCK.test(callee)) add(file, call, first);
      else if (SPY.test(callee) && project.originOf(first).kind === "grpc") push(call, "grpc");
      else if (/^(proxyquire|rewiremock\.proxy)\b/.test(callee) && second && Node.isObjectLiteralExpression(second)) {
        const specifier = project.constantOf(first);
        const loaded = typeof specifier === "string" ? project.resolveModule(file, specifier) : undefined;
        for (const property of second.getProperties()) {
          const name = "getName" in property ? (property as { getName(): string }).getName() : "";
          target(loaded ?? file, call, name.replace(/^['"]|['"]$/g, ""));
        }
      }
    }
  }
  return found;

  function add(file: SourceFile, call: Node, argument: Node): void {
    const specifier = project.constantOf(argument);
    if (typeof specifier === "string") target(file, call, specifier);
  }

  function target(file: SourceFile, call: Node, specifier: string): void {
    if (/^(@grpc\/(grpc-js|proto-loader)|grpc)(\/|$)/.test(specifier)) {
      push(call, "grpc");
      return;
    }
    const resolved = project.resolveModule(file, specifier);
    if (resolved) push(call, resolved);
  }

  function push(node: Node, target: ModuleMock["target"]): void {
    found.push({ node, target, isEverywhere: importsOf(project, node.getSourceFile()).length === 0 });
  }
}

const REPLACES = /^(?:Object\.definePropert(?:y|ies)|Reflect\.(?:set|defineProperty)|(?:jest|vi)\.replaceProperty)$/;

/** Where a test puts another constructor in the place of a client's: `jest.spyOn(proto.shop.v1, "Inventory")`, `shop.v1.Inventory = class {…}`. */
export function replacedConstructor(
  project: AnalysisProject,
  construction: Node,
  isOfProgram: (file: SourceFile) => boolean,
): Node | undefined {
  const callee = Node.isNewExpression(construction) ? construction.getExpression() : undefined;
  const name = Node.isPropertyAccessExpression(callee) ? callee.getName() : callee?.getText();
  if (name === undefined) return undefined;
  for (const mention of project.identifiersNamed(name)) {
    const left = mention.getParent();
    const assignment = left?.getParent();
    if (!Node.isPropertyAccessExpression(left) || left.getNameNode() !== mention) continue;
    if (!isOfProgram(mention.getSourceFile())) continue;
    if (!Node.isBinaryExpression(assignment) || assignment.getLeft() !== left || isExportTarget(left.getText()))
      continue;
    if (assignment.getOperatorToken().getText() !== "=" || Node.isThisExpression(left.getExpression())) continue;
    if (project.originOf(assignment.getRight()).kind !== "client-constructor") return assignment;
  }
  const quoted = new RegExp(`['"\`]${escaped(name)}['"\`]`);
  for (const file of project.files) {
    if (!isOfProgram(file) || !quoted.test(file.getFullText())) continue;
    for (const call of file.getDescendantsOfKind(SyntaxKind.CallExpression)) {
      const [object, key] = call.getArguments();
      const text = call.getExpression().getText();
      if (object && key && (SPY.test(text) || REPLACES.test(text)) && project.constantOf(key) === name) return call;
    }
  }
  return undefined;
}

/** The file that a constructor comes from: generated stubs, a module that loads the definitions. */
export function constructorFile(project: AnalysisProject, construction: Node): SourceFile | undefined {
  let callee: Node | undefined = Node.isNewExpression(construction) ? construction.getExpression() : undefined;
  while (callee && Node.isPropertyAccessExpression(callee)) {
    const declared = project.declarationOf(callee.getNameNode())?.getSourceFile();
    if (declared && declared !== construction.getSourceFile()) return declared;
    callee = callee.getExpression();
  }
  const origin = callee && project.originOf(callee);
  if (origin?.kind === "module") return origin.file;
  return callee && Node.isIdentifier(callee) ? project.declarationOf(callee)?.getSourceFile() : undefined;
}
