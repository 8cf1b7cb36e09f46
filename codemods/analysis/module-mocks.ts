import { type CallExpression, Node, type SourceFile, SyntaxKind } from "ts-morph";
import { importsOf } from "./module-imports.js";
import { calleeText } from "./places.js";
import type { AnalysisProject } from "./project.js";

/** A place where a test puts something else in the place of a module. */
export interface ModuleMock {
  readonly node: Node;
  /** `grpc`: grpc-js or a part of it. Otherwise the project file that is replaced. */
  readonly target: "grpc" | SourceFile;
  /** The files whose programs see it: the test, the file that is loaded for it, and the one that is replaced. */
  readonly seenBy: readonly SourceFile[];
  /** A file that imports nothing of the project is one that the runner loads before every test. */
  readonly isEverywhere: boolean;
}

const MOCK = /^(?:jest|vi|vitest)\.(?:mock|doMock|setMock|unstable_mockModule)$|^td\.replace(?:Esm)?$/;
export const SPY =
  /^(?:(?:jest|vi|vitest|sinon|sandbox|sinonSandbox|td|mock|t\.mock)\.)?(?:spyOn|stub|spy|replace|replaceGetter|method)$/;

/** Libraries that replace the module which they are given first, by the members that do so. */
const REPLACERS: readonly (readonly [library: RegExp, members: RegExp])[] = [
  [/^(?:(?:node|bun):)?test$/, /(?:^|\.)mock\.module$/],
  [/^mock-require$/, /^[\w$]+$/],
  [/^mockery$/, /\.register(?:Mock|Substitute)$/],
  [/^quibble$/, /^[\w$]+(?:\.esm)?$/],
  [/^rewiremock/, /^[\w$]+$/],
];
/** Libraries that load the file which they are given first, with others in the place of what it imports. */
const LOADERS = /^(?:proxyquire|esmock|rewiremock)\b/;
const MENTIONS = /\b(?:jest|vi|vitest|sinon|td|mock|sandbox|proxyquire|rewiremock|esmock|mockery|quibble)\b/;

/**
 * Where tests replace grpc-js, its members, or files of the project. The code under such a test must go on asking for what the
 * test replaces: `jest.mock("@grpc/grpc-js")`, `jest.spyOn(grpc.credentials, "createSsl")`, `proxyquire("./client", { … })`.
 */
export function moduleMocks(project: AnalysisProject): ModuleMock[] {
  return project.files
    .filter((file) => MENTIONS.test(file.getFullText()))
    .flatMap((file) => file.getDescendantsOfKind(SyntaxKind.CallExpression).flatMap((call) => mocksOf(project, call)));
}

function mocksOf(project: AnalysisProject, call: CallExpression): ModuleMock[] {
  const file = call.getSourceFile();
  const [first, ...given] = call.getArguments();
  if (!first) return [];
  const callee = calleeText(call);
  const mock = (target: ModuleMock["target"], loaded?: SourceFile): ModuleMock => ({
    node: call,
    target,
    seenBy: [file, loaded, target].flatMap((each) => (each === undefined || each === "grpc" ? [] : each)),
    isEverywhere: importsOf(project, file).length === 0,
  });
  if (SPY.test(callee) && project.originOf(first).kind === "grpc") return [mock("grpc")];
  const library = libraryOf(project, call.getExpression()) ?? "";
  if (MOCK.test(callee) || REPLACERS.some(([name, member]) => name.test(library) && member.test(callee)))
    return specifiersIn(project, first)
      .flatMap((each) => targetOf(project, file, each) ?? [])
      .map((each) => mock(each));
  if (!LOADERS.test(library) && !LOADERS.test(callee)) return [];
  const loaded = specifiersIn(project, first).flatMap((each) => project.resolveModule(file, each) ?? [])[0];
  // Names are those of the file that is loaded; for esmock they are the test's.
  const base = loaded && !/^esmock\b/.test(library || callee) ? loaded : file;
  return given
    .flatMap((each) => namesOf(project, each))
    .flatMap((name) => targetOf(project, base, name) ?? targetOf(project, file, name) ?? [])
    .map((target) => mock(target, loaded));
}

function targetOf(project: AnalysisProject, file: SourceFile, specifier: string): ModuleMock["target"] | undefined {
  if (/^(?:@grpc\/(?:grpc-js|proto-loader)|grpc)(?:\/|$)/.test(specifier)) return "grpc";
  return project.resolveModule(file, specifier);
}

/** The module that the first name of a callee comes from: `load.noCallThru().load` of `const load = require("proxyquire")`. */
function libraryOf(project: AnalysisProject, callee: Node): string | undefined {
  let root: Node = callee;
  while (Node.isPropertyAccessExpression(root) || Node.isCallExpression(root)) root = root.getExpression();
  if (!Node.isIdentifier(root)) return undefined;
  const declaration = project.declarationOf(root);
  // The context of a test, which node:test gives.
  if (Node.isParameterDeclaration(declaration)) return "node:test";
  const origin = project.originOf(root);
  if (origin.kind === "external") return origin.module;
  const text = Node.isVariableDeclaration(declaration)
    ? declaration.getInitializer()?.getText()
    : declaration?.getFirstAncestorByKind(SyntaxKind.ImportDeclaration)?.getText();
  return text && /\b(?:require\(|from\s*)['"]([^'"]+)['"]/.exec(text)?.[1];
}

/** `"./client"`, `import("./client")`, `require.resolve("./client")`, `new URL("./client.js", import.meta.url)`. */
function specifiersIn(project: AnalysisProject, argument: Node): string[] {
  const literals = [argument, ...argument.getDescendants()].filter(
    (each) => Node.isStringLiteral(each) || Node.isNoSubstitutionTemplateLiteral(each),
  );
  if (literals.length > 0) return literals.map((each) => each.getLiteralText());
  const constant = project.constantOf(argument);
  return typeof constant === "string" ? [constant] : [];
}

/** The names of an object's members, which a constant may hold. */
function namesOf(project: AnalysisProject, node: Node): string[] {
  const origin = Node.isObjectLiteralExpression(node) ? undefined : project.originOf(node);
  const object = origin?.kind === "object" ? origin.node : node;
  if (!Node.isObjectLiteralExpression(object)) return [];
  return object.getProperties().flatMap((property) => {
    const name = "getNameNode" in property ? (property as { getNameNode(): Node }).getNameNode() : undefined;
    if (!name) return Node.isSpreadAssignment(property) ? namesOf(project, property.getExpression()) : [];
    const value = project.constantOf(Node.isComputedPropertyName(name) ? name.getExpression() : name);
    return [typeof value === "string" ? value : name.getText().replace(/^['"]|['"]$/g, "")];
  });
}
