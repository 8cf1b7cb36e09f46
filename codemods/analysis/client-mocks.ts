import { Node, type SourceFile, SyntaxKind } from "ts-morph";
import type { AnalysisProject } from "./project.js";

/** A place where a test puts something else in the place of a module. */
export interface ModuleMock {
  readonly node: Node;
  /** `grpc`: grpc-js or a part of it. Otherwise the project file that is replaced. */
  readonly target: "grpc" | SourceFile;
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
      else if (SPY.test(callee) && project.originOf(first).kind === "grpc") found.push({ node: call, target: "grpc" });
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
      found.push({ node: call, target: "grpc" });
      return;
    }
    const resolved = project.resolveModule(file, specifier);
    if (resolved) found.push({ node: call, target: resolved });
  }
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
