import { Node, type SourceFile, SyntaxKind } from "ts-morph";

/** What a file offers under a name. */
export type Export =
  | { readonly kind: "node"; readonly node: Node }
  | { readonly kind: "forward"; readonly module: string; readonly name: string };

export interface FileExports {
  readonly named: ReadonlyMap<string, Export>;
  /** `export * from "…"`. */
  readonly stars: readonly string[];
  /** `module.exports = …` or `export = …`. */
  readonly whole: Node | null;
  /** Are these all names that the file offers? A name that is assigned twice or computed is not among them. */
  readonly isComplete: boolean;
}

const cache = new WeakMap<SourceFile, FileExports>();

/** ES exports and CommonJS assignments of a file, found in its syntax. A name assigned twice is left out. */
export function exportsOf(file: SourceFile): FileExports {
  let found = cache.get(file);
  if (!found) {
    found = collect(file);
    cache.set(file, found);
  }
  return found;
}

function collect(file: SourceFile): FileExports {
  const named = new Map<string, Export>();
  const twice = new Set<string>();
  const stars: string[] = [];
  let whole: Node | null = null;
  let wholeCount = 0;
  const add = (name: string, entry: Export) => {
    if (named.has(name)) twice.add(name);
    named.set(name, entry);
  };

  for (const statement of file.getStatements()) {
    if (Node.isExportDeclaration(statement)) {
      const module = statement.getModuleSpecifierValue();
      const namespace = statement.getNamespaceExport();
      if (namespace && module !== undefined) add(namespace.getName(), { kind: "forward", module, name: "*" });
      else if (statement.isNamespaceExport() && module !== undefined) stars.push(module);
      for (const specifier of statement.getNamedExports()) {
        const name = specifier.getAliasNode()?.getText() ?? specifier.getName();
        add(
          name,
          module === undefined
            ? { kind: "node", node: specifier.getNameNode() }
            : { kind: "forward", module, name: specifier.getName() },
        );
      }
    } else if (Node.isExportAssignment(statement)) {
      if (statement.isExportEquals()) whole = statement.getExpression();
      else add("default", { kind: "node", node: statement.getExpression() });
    } else if (Node.isVariableStatement(statement)) {
      if (!statement.hasExportKeyword()) continue;
      for (const declaration of statement.getDeclarations()) {
        const nameNode = declaration.getNameNode();
        if (Node.isIdentifier(nameNode)) named.set(nameNode.getText(), { kind: "node", node: declaration });
        else
          for (const element of nameNode.getDescendantsOfKind(SyntaxKind.BindingElement))
            named.set(element.getName(), { kind: "node", node: element });
      }
    } else if (
      Node.isFunctionDeclaration(statement) ||
      Node.isClassDeclaration(statement) ||
      Node.isEnumDeclaration(statement) ||
      Node.isInterfaceDeclaration(statement) ||
      Node.isTypeAliasDeclaration(statement) ||
      Node.isModuleDeclaration(statement)
    ) {
      if (!statement.hasExportKeyword()) continue;
      // `namespace shop.v1` exports `shop`.
      const name = Node.isModuleDeclaration(statement) ? statement.compilerNode.name.text : statement.getName();
      if ("hasDefaultKeyword" in statement && statement.hasDefaultKeyword())
        named.set("default", { kind: "node", node: statement });
      // A value wins over the type of the same name.
      else if (name !== undefined && (!named.has(name) || !isTypeOnly(statement)))
        named.set(name, { kind: "node", node: statement });
    }
  }
  if (file.getText().includes("exports")) {
    for (const binary of file.getDescendantsOfKind(SyntaxKind.BinaryExpression)) {
      if (binary.getOperatorToken().getKind() !== SyntaxKind.EqualsToken) continue;
      const left = binary.getLeft();
      if (!Node.isPropertyAccessExpression(left)) continue;
      const object = left.getExpression().getText();
      if (object === "module" && left.getName() === "exports") {
        whole = assignedValue(binary.getRight());
        wholeCount++;
      } else if (object === "exports" || object === "module.exports") {
        const value = assignedValue(binary.getRight());
        // TypeScript's output begins with `exports.x = void 0`.
        if (Node.isVoidExpression(value)) continue;
        add(left.getName(), { kind: "node", node: value });
      }
    }
  }
  for (const name of twice) named.delete(name);
  const isComplete =
    twice.size === 0 && stars.length === 0 && !/\bexports\s*\[|\(\s*(module\.)?exports\b/.test(file.getText());
  return { named, stars, whole: wholeCount > 1 ? null : whole, isComplete };
}

/** `module.exports`, `exports`, or a member of one: what an assignment to this text exports. */
export function isExportTarget(text: string): boolean {
  return /^(module\.)?exports(\.\w+)?$/.test(text);
}

/** `module.exports` or `exports` itself: what an assignment to this text makes of the file as a whole. */
export function isWholeExport(text: string): boolean {
  return /^(module\.)?exports$/.test(text);
}

/** Is a property one of `module.exports = { … }` or `export default { … }`? */
export function isExportedProperty(property: Node): boolean {
  const holder = property.getParent()?.getParent();
  if (!holder) return false;
  if (Node.isExportAssignment(holder)) return true;
  return Node.isBinaryExpression(holder) && isWholeExport(holder.getLeft().getText());
}

function isTypeOnly(node: Node): boolean {
  return Node.isInterfaceDeclaration(node) || Node.isTypeAliasDeclaration(node);
}

/** `=`, and `??=` and `||=`, behind which a target has what stands on the right, or what it was given before. */
export function isValueAssignment(operator: SyntaxKind): boolean {
  return (
    operator === SyntaxKind.EqualsToken ||
    operator === SyntaxKind.QuestionQuestionEqualsToken ||
    operator === SyntaxKind.BarBarEqualsToken
  );
}

/** `a = b = value`: the value. */
export function assignedValue(node: Node): Node {
  let current = node;
  while (Node.isBinaryExpression(current) && isValueAssignment(current.getOperatorToken().getKind()))
    current = current.getRight();
  return current;
}

/** The module of `require("./x")` and `import("./x")`. */
export function requireSpecifier(node: Node): string | undefined {
  if (!Node.isCallExpression(node)) return undefined;
  const callee = node.getExpression();
  const [argument] = node.getArguments();
  const isRequire = Node.isIdentifier(callee) && callee.getText() === "require";
  if (!isRequire && callee.getKind() !== SyntaxKind.ImportKeyword) return undefined;
  return argument && Node.isStringLiteral(argument) ? argument.getLiteralText() : undefined;
}

/** A name for the value in another file, or on the way there: what that name stands for is found by itself. */
export function isAlias(parent: Node): boolean {
  return (
    Node.isImportSpecifier(parent) ||
    Node.isExportSpecifier(parent) ||
    Node.isImportClause(parent) ||
    Node.isExportAssignment(parent) ||
    Node.isBindingElement(parent) ||
    ((Node.isShorthandPropertyAssignment(parent) || Node.isPropertyAssignment(parent)) && isExportedProperty(parent))
  );
}

/** An import, an export or a type: whoever uses that name has a reference of his own. */
export function isOnlyNamed(parent: Node): boolean {
  return isAlias(parent) || Node.isTypeReference(parent) || Node.isTypeQuery(parent);
}
