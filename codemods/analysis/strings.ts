import { existsSync } from "node:fs";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { Node } from "ts-morph";

/** Follows an identifier, a member or a call to the expression that gives it its value; undefined if that is not certain. */
export type ValueOf = (node: Node) => Node | undefined;

/**
 * The value of a constant expression as far as paths and option objects need it: literals, templates, concatenation,
 * `path.join(__dirname, …)`, `new URL(…, import.meta.url)`, arrays and objects. Undefined means "not constant".
 */
export function evaluate(node: Node, follow: ValueOf, depth = 0): unknown {
  if (depth > 30) return undefined;
  const next = (inner: Node) => evaluate(inner, follow, depth + 1);
  if (Node.isStringLiteral(node) || Node.isNoSubstitutionTemplateLiteral(node)) return node.getLiteralText();
  if (Node.isNumericLiteral(node)) return node.getLiteralValue();
  if (Node.isTrueLiteral(node)) return true;
  if (Node.isFalseLiteral(node)) return false;
  if (Node.isNullLiteral(node)) return null;
  if (
    Node.isParenthesizedExpression(node) ||
    Node.isAsExpression(node) ||
    Node.isSatisfiesExpression(node) ||
    Node.isNonNullExpression(node) ||
    Node.isTypeAssertion(node)
  )
    return next(node.getExpression());
  if (Node.isTemplateExpression(node)) {
    let text = node.getHead().getLiteralText();
    for (const span of node.getTemplateSpans()) {
      const value = next(span.getExpression());
      if (typeof value !== "string" && typeof value !== "number") return undefined;
      text += String(value) + span.getLiteral().getLiteralText();
    }
    return text;
  }
  if (Node.isBinaryExpression(node)) {
    const operator = node.getOperatorToken().getText();
    if (operator === "+") {
      const left = next(node.getLeft());
      const right = next(node.getRight());
      if (typeof left === "number" && typeof right === "number") return left + right;
      return (typeof left === "string" || typeof left === "number") &&
        (typeof right === "string" || typeof right === "number")
        ? `${left}${right}`
        : undefined;
    }
    if (operator === "*") {
      const left = next(node.getLeft());
      const right = next(node.getRight());
      return typeof left === "number" && typeof right === "number" ? left * right : undefined;
    }
    return undefined;
  }
  if (Node.isPrefixUnaryExpression(node)) {
    const value = next(node.getOperand());
    return typeof value === "number" && node.getText().startsWith("-") ? -value : undefined;
  }
  if (Node.isArrayLiteralExpression(node)) {
    const values = node.getElements().map(next);
    return values.includes(undefined) ? undefined : values;
  }
  if (Node.isObjectLiteralExpression(node)) {
    const object: Record<string, unknown> = {};
    for (const property of node.getProperties()) {
      let value: unknown;
      let name: string;
      if (Node.isPropertyAssignment(property)) {
        const nameNode = property.getNameNode();
        if (Node.isComputedPropertyName(nameNode)) return undefined;
        name = property.getName().replace(/^['"]|['"]$/g, "");
        const initializer = property.getInitializer();
        value = initializer && (constructorName(initializer) ?? next(initializer));
      } else if (Node.isShorthandPropertyAssignment(property)) {
        name = property.getName();
        value = next(property.getNameNode());
      } else if (Node.isSpreadAssignment(property)) {
        const spread = next(property.getExpression());
        if (typeof spread !== "object" || spread === null) return undefined;
        Object.assign(object, spread);
        continue;
      } else return undefined;
      if (value === undefined) return undefined;
      object[name] = value;
    }
    return object;
  }
  if (Node.isIdentifier(node) || Node.isPropertyAccessExpression(node)) {
    const text = node.getText();
    const file = node.getSourceFile().getFilePath();
    if (text === "__dirname" || text === "import.meta.dirname") return path.dirname(file);
    if (text === "__filename" || text === "import.meta.filename") return file;
    if (text === "import.meta.url") return pathToFileURL(file).href;
    if (/^(grpc|protobuf|protobufjs)?\.?(String|Number|Object|Array)$/.test(text)) return constructorName(node);
    const value = follow(node);
    return value === undefined || value === node ? undefined : next(value);
  }
  if (Node.isCallExpression(node)) {
    const callee = node.getExpression();
    const name = Node.isPropertyAccessExpression(callee) ? callee.getName() : callee.getText();
    const args = node.getArguments();
    if (name === "join" || name === "resolve" || name === "normalize") {
      const values = args.map(next);
      if (values.length === 0 || !values.every((value) => typeof value === "string")) return undefined;
      const joined = name === "resolve" && !path.isAbsolute(values[0] as string) ? values : values;
      return path.join(...(joined as string[]));
    }
    const [first] = args;
    if (name === "dirname" && first) {
      const value = next(first);
      return typeof value === "string" ? path.dirname(value) : undefined;
    }
    if (name === "fileURLToPath" && first) {
      const value = next(first);
      return typeof value === "string" ? fileUrl(value) : undefined;
    }
    if (name === "toString" && Node.isPropertyAccessExpression(callee)) return next(callee.getExpression());
    if (callee.getText() === "process.cwd") return packageFolder(node.getSourceFile().getFilePath());
    if (callee.getText() === "require.resolve" && first) {
      const value = next(first);
      return typeof value === "string" && value.startsWith(".")
        ? path.resolve(path.dirname(node.getSourceFile().getFilePath()), value)
        : undefined;
    }
    const result = follow(node);
    return result && next(result);
  }
  if (Node.isNewExpression(node) && node.getExpression().getText() === "URL") {
    const [first, second] = node.getArguments();
    const relative = first && next(first);
    const base = second && next(second);
    if (typeof relative !== "string") return undefined;
    try {
      return new URL(relative, typeof base === "string" ? base : undefined).href;
    } catch {
      return undefined;
    }
  }
  return undefined;
}

/** proto-loader's `longs: String`, `bytes: Array` are constructors, not strings: told apart by the prefix. */
function constructorName(node: Node): string | undefined {
  const text = node.getText();
  return /^(String|Number|Array|Object|Long)$/.test(text) ? `constructor:${text}` : undefined;
}

function fileUrl(value: string): string | undefined {
  try {
    return fileURLToPath(value);
  } catch {
    return path.isAbsolute(value) ? value : undefined;
  }
}

/** The folder of the nearest package.json: programs are started there. */
export function packageFolder(file: string): string {
  for (let current = path.dirname(file); ; current = path.dirname(current)) {
    if (existsSync(path.join(current, "package.json"))) return current;
    if (current === path.dirname(current)) return path.dirname(file);
  }
}

/** Absolute path of a .proto as a program names it: against its import folders, its own folder and its package. */
export function protoPath(written: string, file: string, includeDirs: readonly string[]): string {
  if (path.isAbsolute(written)) return path.normalize(written);
  const home = packageFolder(file);
  const bases = [...includeDirs.map((dir) => path.resolve(home, dir)), path.dirname(file), home];
  for (const base of bases) {
    const target = path.resolve(base, written);
    if (existsSync(target)) return target;
  }
  return written;
}
