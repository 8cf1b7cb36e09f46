import { Node, type SourceFile, ts } from "ts-morph";
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
  /** Names of members that are what another file exports as a whole: `exports.b = require("./b")`, `{ b: require("./b") }`. */
  readonly wholeMembers: readonly string[];
  /** Names of `import * as b`. */
  readonly namespaces: readonly string[];
  /** The modules of `export * from "./b"`. */
  readonly stars: readonly string[];
  /** `require("./b")` and `import("./b")` that no variable holds. */
  readonly nameless: readonly Node[];
}

export function createNameIndex(file: SourceFile): NameIndex {
  const source = file.compilerNode;
  const places = new Map<string, number[]>();
  const aliases: [string, string][] = [];
  const wholes: string[] = [];
  const wholeMembers: string[] = [];
  const namespaces: string[] = [];
  const stars: string[] = [];
  const nameless: number[] = [];
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
      const value = lastName(node.initializer);
      if (value) aliases.push([value.text, textOf(node.name)]);
      if (localRequire(node.initializer)) wholeMembers.push(textOf(node.name));
    } else if (ts.isExportAssignment(node)) {
      if (ts.isIdentifier(node.expression)) aliases.push([node.expression.text, "default"]);
    } else if (ts.isFunctionDeclaration(node) || ts.isClassDeclaration(node)) {
      const isDefault = node.modifiers?.some((each) => each.kind === ts.SyntaxKind.DefaultKeyword) === true;
      if (isDefault && node.name) aliases.push([node.name.text, "default"]);
    } else if (ts.isImportClause(node)) {
      if (node.name) wholes.push(node.name.text);
    } else if (ts.isNamespaceImport(node)) {
      namespaces.push(node.name.text);
    } else if (ts.isExportDeclaration(node)) {
      if (!node.exportClause && node.moduleSpecifier && ts.isStringLiteral(node.moduleSpecifier))
        stars.push(node.moduleSpecifier.text);
    } else if (ts.isVariableDeclaration(node)) {
      if (node.initializer && localRequire(node.initializer)) wholes.push(textOf(node.name));
    } else if (ts.isBinaryExpression(node)) {
      if (ts.isPropertyAccessExpression(node.left) && isExportTarget(textOf(node.left))) {
        const value = lastName(node.right);
        if (value) aliases.push([value.text, node.left.name.text]);
        if (localRequire(node.right)) wholeMembers.push(node.left.name.text);
      }
    } else if (ts.isCallExpression(node)) {
      const isHeld = ts.isVariableDeclaration(node.parent) && node.parent.initializer === node;
      if (!isHeld && localRequire(node)) nameless.push(node.getStart(source));
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  const wrapped = new Map<string, readonly Node[]>();
  let calls: readonly Node[] | undefined;
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
    wholeMembers,
    namespaces,
    stars,
    get nameless() {
      calls ??= nameless.flatMap((start) => {
        const call = file.getDescendantAtPos(start)?.getParent();
        return call && Node.isCallExpression(call) ? [call] : [];
      });
      return calls;
    },
  };
}

/** The name that `a` and `b.a` end with. */
function lastName(node: ts.Expression): ts.Identifier | undefined {
  const name = ts.isPropertyAccessExpression(node) ? node.name : node;
  return ts.isIdentifier(name) ? name : undefined;
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
