import { Node, SyntaxKind } from "ts-morph";
import { indentAt, lineEndingOf } from "../shared/ast.js";
import type { NamedImport } from "../shared/with-imports.js";
import type { AnalysisProject } from "./project.js";

export interface CallCredentialsText {
  readonly text: string;
  readonly imports: readonly NamedImport[];
}

const BRIDGE: NamedImport = { module: "@connect-migrate/runtime/grpc-js", name: "callCredentials" };

/**
 * The interceptor for `createFromMetadataGenerator(generator)`: written out where the generator only fills Metadata,
 * otherwise the generator itself, run by the runtime as grpc-js runs it. Undefined for anything else.
 */
export function callCredentialsText(project: AnalysisProject, node: Node): CallCredentialsText | undefined {
  if (!Node.isCallExpression(node)) return undefined;
  const origin = project.originOf(node.getExpression());
  if (
    origin.kind !== "grpc" ||
    !/^(credentials|CallCredentials)\.createFromMetadataGenerator$/.test(origin.path) ||
    node.getArguments().length !== 1
  )
    return undefined;
  const [generator] = node.getArguments() as [Node];
  const own = interceptorText(project, generator);
  return own ?? { text: `${BRIDGE.name}(${generator.getText()})`, imports: [BRIDGE] };
}

/** `(_, callback) => { const md = new Metadata(); md.add("k", v); callback(null, md); }`, and nothing else. */
function interceptorText(project: AnalysisProject, generator: Node): CallCredentialsText | undefined {
  if (!Node.isArrowFunction(generator) && !Node.isFunctionExpression(generator)) return undefined;
  if (generator.isAsync()) return undefined;
  const [params, callback] = generator.getParameters();
  const body = generator.getBody();
  if (!params || !callback || !Node.isBlock(body) || generator.getParameters().length !== 2) return undefined;
  if (/\/\/|\/\*/.test(body.getText().replace(/(['"`])(?:\\.|(?!\1).)*\1/g, ""))) return undefined;
  const isNamed = (name: string) =>
    body.getDescendantsOfKind(SyntaxKind.Identifier).filter((identifier) => identifier.getText() === name).length;
  if (isNamed(params.getName()) > 0 || isNamed(callback.getName()) !== 1) return undefined;
  const [made, ...rest] = body.getStatements();
  const last = rest.pop();
  if (!made || !last || rest.length === 0 || !Node.isVariableStatement(made)) return undefined;
  const [declaration, more] = made.getDeclarations();
  const initializer = declaration?.getInitializer();
  if (!declaration || more || !initializer || !Node.isNewExpression(initializer)) return undefined;
  if (project.originOf(initializer).kind !== "metadata" || initializer.getArguments().length > 0) return undefined;
  const name = declaration.getName();
  if (last.getText().replace(/;$/, "").replace(/\s+/g, "") !== `${callback.getName()}(null,${name})`) return undefined;
  const lines: string[] = [];
  const keys = new Set<string>();
  for (const statement of rest) {
    const call = Node.isExpressionStatement(statement) ? statement.getExpression() : undefined;
    const callee = call && Node.isCallExpression(call) ? call.getExpression() : undefined;
    if (!call || !Node.isCallExpression(call) || !callee || !Node.isPropertyAccessExpression(callee)) return undefined;
    const [key, value] = call.getArguments();
    if (callee.getExpression().getText() !== name || !/^(add|set)$/.test(callee.getName()) || !key || !value)
      return undefined;
    const constant = project.constantOf(key);
    if (typeof constant !== "string" || !Node.isStringLiteral(key)) return undefined;
    if (/-bin$/i.test(constant) || /^:|^user-agent$/i.test(constant)) return undefined;
    // A second `set` of a key replaces the first one.
    if (callee.getName() === "set" && keys.has(constant.toLowerCase())) return undefined;
    keys.add(constant.toLowerCase());
    if (!isSimple(value)) return undefined;
    lines.push(`req.header.append(${key.getText()}, ${value.getText()})`);
  }
  const file = generator.getSourceFile();
  const eol = lineEndingOf(file.getFullText());
  const semicolon = last.getText().endsWith(";") ? ";" : "";
  const inner = /[ \t]*$/.exec(file.getFullText().slice(0, last.getStart()))?.[0] ?? "  ";
  const outer = indentAt(file.getFullText(), generator.getStart());
  const text = [
    "(next) => async (req) => {",
    ...[...lines, "return await next(req)"].map((line) => `${inner}${line}${semicolon}`),
    `${outer}}`,
  ].join(eol);
  return { text, imports: [] };
}

/** Reading it has no effect and cannot fail: names, literals and templates of them. */
function isSimple(node: Node): boolean {
  if (Node.isIdentifier(node) || Node.isStringLiteral(node) || Node.isNoSubstitutionTemplateLiteral(node)) return true;
  if (Node.isTemplateExpression(node)) return node.getTemplateSpans().every((span) => isSimple(span.getExpression()));
  if (Node.isBinaryExpression(node) && node.getOperatorToken().getText() === "+")
    return isSimple(node.getLeft()) && isSimple(node.getRight());
  return /^process\.env\.\w+$/.test(node.getText());
}
