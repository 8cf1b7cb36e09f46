import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { ts } from "ts-morph";

/** What the evaluator needs to know about the file around an expression. */
export interface ConstantScope {
  /** Absolute path of the file. */
  readonly path: string;
  /** What `process.cwd()` is taken to be. */
  readonly cwd: string;
  /** Initialisers of the file's variables, by name; undefined for a name that is declared more than once. */
  readonly variables: ReadonlyMap<string, ts.Expression | undefined>;
}

export function constantScope(source: ts.SourceFile, cwd: string): ConstantScope {
  const variables = new Map<string, ts.Expression | undefined>();
  const visit = (node: ts.Node): void => {
    if (ts.isVariableDeclaration(node) && ts.isIdentifier(node.name)) {
      variables.set(node.name.text, variables.has(node.name.text) ? undefined : node.initializer);
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return { path: source.fileName, cwd, variables };
}

/**
 * The text that a path expression stands for: literals, `+`, templates, path.join and friends, `__dirname`,
 * `import.meta`, URLs and variables of the same file. It finds files, it proves nothing: a `let` counts as its
 * initialiser, and of `process.env.X || "x"` the default counts.
 */
export function constantText(node: ts.Expression, scope: ConstantScope, depth = 0): string | undefined {
  if (depth > 20) return undefined;
  const text = (expression: ts.Expression) => constantText(expression, scope, depth + 1);
  if (ts.isStringLiteralLike(node)) return node.text;
  if (
    ts.isParenthesizedExpression(node) ||
    ts.isAsExpression(node) ||
    ts.isNonNullExpression(node) ||
    ts.isAwaitExpression(node)
  ) {
    return text(node.expression);
  }
  if (ts.isTemplateExpression(node)) {
    let all = node.head.text;
    for (const span of node.templateSpans) {
      const part = text(span.expression);
      if (part === undefined) return undefined;
      all += part + span.literal.text;
    }
    return all;
  }
  if (ts.isBinaryExpression(node)) {
    const operator = node.operatorToken.kind;
    if (operator === ts.SyntaxKind.PlusToken) {
      const left = text(node.left);
      const right = text(node.right);
      return left === undefined || right === undefined ? undefined : left + right;
    }
    if (operator === ts.SyntaxKind.BarBarToken || operator === ts.SyntaxKind.QuestionQuestionToken)
      return text(node.left) ?? text(node.right);
    return undefined;
  }
  if (ts.isIdentifier(node)) {
    const variable = scope.variables.get(node.text);
    if (variable) return text(variable);
    if (node.text === "__dirname") return dirname(scope.path);
    if (node.text === "__filename") return scope.path;
    return undefined;
  }
  if (ts.isPropertyAccessExpression(node)) return propertyText(node, scope, text);
  if (ts.isNewExpression(node)) {
    const [path, base] = node.arguments ?? [];
    if (!ts.isIdentifier(node.expression) || node.expression.text !== "URL" || !path || !base) return undefined;
    const parts = [text(path), text(base)] as const;
    if (parts[0] === undefined || parts[1] === undefined) return undefined;
    return URL.canParse(parts[0], parts[1]) ? new URL(parts[0], parts[1]).href : undefined;
  }
  if (ts.isCallExpression(node)) return callText(node, scope, text);
  return undefined;
}

function propertyText(
  node: ts.PropertyAccessExpression,
  scope: ConstantScope,
  text: (expression: ts.Expression) => string | undefined,
): string | undefined {
  const name = node.name.text;
  if (ts.isMetaProperty(node.expression)) {
    if (name === "dirname") return dirname(scope.path);
    if (name === "filename") return scope.path;
    return name === "url" ? pathToFileURL(scope.path).href : undefined;
  }
  if (name === "pathname" || name === "href") {
    const url = text(node.expression);
    if (!url?.startsWith("file:")) return undefined;
    return name === "href" ? url : fileURLToPath(url);
  }
  const object = ts.isIdentifier(node.expression) ? scope.variables.get(node.expression.text) : undefined;
  const literal = object && ts.isAsExpression(object) ? object.expression : object;
  if (!literal || !ts.isObjectLiteralExpression(literal)) return undefined;
  for (const property of literal.properties) {
    if (ts.isPropertyAssignment(property) && property.name.getText() === name) return text(property.initializer);
  }
  return undefined;
}

function callText(
  node: ts.CallExpression,
  scope: ConstantScope,
  text: (expression: ts.Expression) => string | undefined,
): string | undefined {
  const callee = ts.isPropertyAccessExpression(node.expression) ? node.expression.name.text : node.expression.getText();
  if (callee === "cwd") return scope.cwd;
  const values = node.arguments.map(text);
  if (values.length === 0 || values.some((value) => value === undefined)) return undefined;
  const parts = values as string[];
  const first = parts[0] ?? "";
  switch (callee) {
    case "join":
      return join(...parts);
    case "resolve":
      // path.resolve, or require.resolve and import.meta.resolve of a relative path.
      return /^(require|import\.meta)\b/.test(node.expression.getText())
        ? resolvedModule(first, scope.path, node.expression.getText().startsWith("import"))
        : resolve(scope.cwd, ...parts);
    case "normalize":
      return first;
    case "dirname":
      return dirname(first);
    case "fileURLToPath":
      return first.startsWith("file:") ? fileURLToPath(first) : undefined;
    default:
      return undefined;
  }
}

/** What require.resolve and import.meta.resolve say in the file at `from`: a path, or for import a URL. */
function resolvedModule(specifier: string, from: string, isUrl: boolean): string | undefined {
  let path = resolve(dirname(from), specifier);
  if (!specifier.startsWith(".")) {
    try {
      path = createRequire(from).resolve(specifier);
    } catch {
      return undefined; // not installed
    }
  }
  return isUrl ? pathToFileURL(path).href : path;
}
