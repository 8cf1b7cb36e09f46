import { type Node, type SourceFile, ts } from "ts-morph";
import { isExportTarget } from "./exports.js";
import { isOwnName } from "./member-calls.js";

/** The names of one file. It is made for every file, so it looks at the compiler's own nodes: wrapped are those that are asked for. */
export interface NameIndex {
  readonly names: Iterable<string>;
  identifiers(name: string): readonly Node[];
  /** Pairs of names that may stand for one thing: `import { a as b }`, `{ a: b }`, `exports.a = b`. */
  readonly aliases: readonly (readonly [string, string])[];
  /** Names for what another file exports as a whole: `const b = require("./b")`. */
  readonly wholes: readonly string[];
}

export function createNameIndex(file: SourceFile): NameIndex {
  const source = file.compilerNode;
  const places = new Map<string, number[]>();
  const aliases: [string, string][] = [];
  const wholes: string[] = [];
  const textOf = (node: ts.Node) => node.getText(source);
  const visit = (node: ts.Node): void => {
    if (ts.isMemberName(node)) {
      const start = node.getStart(source);
      const known = places.get(node.text);
      if (known) known.push(start);
      else places.set(node.text, [start]);
    } else if (ts.isImportSpecifier(node) || ts.isExportSpecifier(node)) {
      if (node.propertyName) aliases.push([textOf(node.propertyName), textOf(node.name)]);
    } else if (ts.isBindingElement(node)) {
      if (node.propertyName) aliases.push([textOf(node.propertyName), textOf(node.name)]);
    } else if (ts.isPropertyAssignment(node)) {
      if (ts.isIdentifier(node.initializer)) aliases.push([node.initializer.text, textOf(node.name)]);
    } else if (ts.isImportClause(node)) {
      if (node.name) wholes.push(node.name.text);
    } else if (ts.isVariableDeclaration(node)) {
      if (node.initializer && localRequire(node.initializer)) wholes.push(textOf(node.name));
    } else if (ts.isBinaryExpression(node)) {
      if (ts.isPropertyAccessExpression(node.left) && ts.isIdentifier(node.right) && isExportTarget(textOf(node.left)))
        aliases.push([node.right.text, node.left.name.text]);
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  const wrapped = new Map<string, readonly Node[]>();
  return {
    names: places.keys(),
    identifiers(name) {
      let nodes = wrapped.get(name);
      if (!nodes) {
        nodes = (places.get(name) ?? []).flatMap((start) => {
          const node = file.getDescendantAtPos(start);
          return node && isOwnName(node) ? [node] : [];
        });
        wrapped.set(name, nodes);
      }
      return nodes;
    },
    aliases,
    wholes,
  };
}

function localRequire(node: ts.Expression): boolean {
  if (!ts.isCallExpression(node)) return false;
  const { expression, arguments: args } = node;
  const isRequire = ts.isIdentifier(expression) && expression.text === "require";
  const [specifier] = args;
  return (
    (isRequire || expression.kind === ts.SyntaxKind.ImportKeyword) &&
    specifier !== undefined &&
    ts.isStringLiteral(specifier) &&
    specifier.text.startsWith(".")
  );
}
