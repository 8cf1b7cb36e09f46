import { existsSync, readFileSync, realpathSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, sep } from "node:path";
import { ts } from "ts-morph";
import { constantScope, constantText } from "./constant-text.js";
import { ancestors } from "./find-import.js";

/**
 * The paths of .proto files that installed packages export and a file gives to proto-loader:
 * `loadSync(require("grpc-health-check").protoPath)`, through a name or an import. Absolute, and existing.
 */
export function pathsOfPackages(file: ts.SourceFile): string[] {
  const bindings = bindingsOf(file);
  const found = new Set<string>();
  const visit = (node: ts.Node): void => {
    if (ts.isCallExpression(node) && /^load(Sync)?$/.test(calleeName(node))) {
      const [given] = node.arguments;
      for (const one of given && ts.isArrayLiteralExpression(given) ? given.elements : [given]) {
        const exported = one && exportOf(one, bindings);
        if (!exported) continue;
        const path = exportedText(exported, file.fileName);
        if (path?.endsWith(".proto") && existsSync(path)) found.add(inModules(path, exported.module, file.fileName));
      }
    }
    ts.forEachChild(node, visit);
  };
  visit(file);
  return [...found];
}

/** `f` of `f(…)` and of `x.f(…)`. */
function calleeName({ expression }: ts.CallExpression): string {
  const name = ts.isPropertyAccessExpression(expression) ? expression.name : expression;
  return ts.isIdentifier(name) ? name.text : "";
}

/** A value that a module exports; its name is empty for the module itself. */
interface Exported {
  readonly module: string;
  readonly name: string;
}

/** Names of a file that stand for packages and their exports. */
function bindingsOf(file: ts.SourceFile): Map<string, Exported> {
  const bindings = new Map<string, Exported>();
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node) && ts.isStringLiteral(node.moduleSpecifier)) {
      const module = node.moduleSpecifier.text;
      const { name, namedBindings } = node.importClause ?? {};
      if (name) bindings.set(name.text, { module, name: "" });
      if (namedBindings && ts.isNamespaceImport(namedBindings))
        bindings.set(namedBindings.name.text, { module, name: "" });
      if (namedBindings && ts.isNamedImports(namedBindings))
        for (const one of namedBindings.elements)
          bindings.set(one.name.text, { module, name: (one.propertyName ?? one.name).text });
    }
    if (ts.isVariableDeclaration(node) && node.initializer) {
      const exported = exportOf(node.initializer, bindings);
      if (exported && ts.isIdentifier(node.name)) bindings.set(node.name.text, exported);
      if (exported?.name === "" && ts.isObjectBindingPattern(node.name)) {
        for (const one of node.name.elements) {
          if (ts.isIdentifier(one.name))
            bindings.set(one.name.text, { module: exported.module, name: (one.propertyName ?? one.name).getText() });
        }
      }
    }
    ts.forEachChild(node, visit);
  };
  visit(file);
  return bindings;
}

function exportOf(node: ts.Expression, bindings: ReadonlyMap<string, Exported>): Exported | undefined {
  if (ts.isIdentifier(node)) return bindings.get(node.text);
  if (ts.isPropertyAccessExpression(node)) {
    const owner = exportOf(node.expression, bindings);
    return owner?.name === "" ? { module: owner.module, name: node.name.text } : undefined;
  }
  if (!ts.isCallExpression(node) || !ts.isIdentifier(node.expression) || node.expression.text !== "require")
    return undefined;
  const [module] = node.arguments;
  return module && ts.isStringLiteral(module) ? { module: module.text, name: "" } : undefined;
}

/** The path as node_modules shows it: what a link leads to (pnpm's store) is named after a version. */
function inModules(path: string, module: string, from: string): string {
  const name = module.split("/").slice(0, module.startsWith("@") ? 2 : 1);
  for (const folder of ancestors(dirname(from))) {
    const link = join(folder, "node_modules", ...name);
    if (!existsSync(link)) continue;
    const real = realpathSync(link) + sep;
    return path.startsWith(real) ? join(link, path.slice(real.length)) : path;
  }
  return path;
}

/** What an installed package exports under a name, where that is a constant text. */
function exportedText({ module, name }: Exported, from: string): string | undefined {
  if (/^(\.|\/|node:)/.test(module)) return undefined; // the file itself is looked at
  let path: string;
  try {
    path = createRequire(from).resolve(module);
  } catch {
    return undefined; // not installed
  }
  if (!/\.[cm]?js$/.test(path) || !existsSync(path)) return undefined;
  const file = ts.createSourceFile(path, readFileSync(path, "utf8"), ts.ScriptTarget.Latest, true, ts.ScriptKind.JS);
  const scope = constantScope(file, from);
  let text: string | undefined;
  const take = (value: ts.Expression) => {
    text = constantText(value, scope) ?? text;
  };
  for (const statement of file.statements) {
    const assigned = ts.isExpressionStatement(statement) ? statement.expression : undefined;
    if (!assigned || !ts.isBinaryExpression(assigned) || assigned.operatorToken.kind !== ts.SyntaxKind.EqualsToken)
      continue;
    const left = assigned.left.getText();
    if (name !== "" && (left === `exports.${name}` || left === `module.exports.${name}`)) take(assigned.right);
    if (left !== "module.exports") continue;
    if (name === "") take(assigned.right);
    else if (ts.isObjectLiteralExpression(assigned.right)) {
      for (const property of assigned.right.properties) {
        if (property.name?.getText() !== name) continue;
        if (ts.isPropertyAssignment(property)) take(property.initializer);
        else if (ts.isShorthandPropertyAssignment(property)) take(property.name);
      }
    }
  }
  return text;
}
