import { type CallExpression, Node, type SourceFile, type VariableDeclaration } from "ts-morph";
import { outermost } from "./around-values.js";
import { localDeclaration } from "./assignments.js";
import { exportsOf, isExportedProperty, isExportTarget, isWholeExport, requireSpecifier } from "./exports.js";
import type { NameIndex } from "./name-index.js";

export interface HandedOnInput {
  files(): Iterable<SourceFile>;
  indexOf(file: SourceFile): NameIndex;
  resolveModule(fromFile: SourceFile, specifier: string): SourceFile | undefined;
}

export interface HandedOn {
  /**
   * Is what a file exports given, as a whole, to code that cannot be followed, so that its functions may be called where no name of
   * theirs stands? `Object.assign(exports, require("./auth"))`, `require("./auth")[name]`, `import("./auth")`, `register(auth)`.
   * Of `values`, those that `const { client } = await import("./clients")` takes are known as what they are, too.
   */
  isHandedOn(file: SourceFile, of?: "functions" | "values"): boolean;
  /** The expressions that stand for what a file exports, as a whole, in other files. */
  mentionsOf(file: SourceFile): readonly Node[];
}

/** What becomes of modules as a whole. */
export function createHandedOn({ files, indexOf, resolveModule }: HandedOnInput): HandedOn {
  let mentions: Map<SourceFile, Node[]> | undefined;
  let barrels: Map<SourceFile, SourceFile[]> | undefined;
  const knownOf = { functions: new Map<SourceFile, boolean>(), values: new Map<SourceFile, boolean>() };

  function isHandedOn(file: SourceFile, of: "functions" | "values" = "functions"): boolean {
    const known = knownOf[of];
    const before = known.get(file);
    if (before !== undefined) return before;
    known.set(file, false);
    barrels ??= barrelsOfFiles();
    const all = [...mentionsOf(file), ...ownMentions(indexOf(file))];
    const isSeen = (node: Node) => isFollowed(node) || (of === "values" && isImportFollowed(node));
    const result = !all.every(isSeen) || (barrels.get(file) ?? []).some((each) => isHandedOn(each, of));
    known.set(file, result);
    return result;
  }

  function mentionsOf(file: SourceFile): readonly Node[] {
    mentions ??= mentionsOfFiles();
    return mentions.get(file) ?? [];
  }

  function mentionsOfFiles(): Map<SourceFile, Node[]> {
    const found = new Map<SourceFile, Node[]>();
    const add = (from: SourceFile, specifier: string | undefined, nodes: readonly Node[]) => {
      const file = specifier === undefined ? undefined : resolveModule(from, specifier);
      if (file) found.set(file, [...(found.get(file) ?? []), ...nodes]);
    };
    for (const file of files()) {
      const index = indexOf(file);
      for (const call of index.nameless) add(file, requireSpecifier(call), [call]);
      for (const name of [...index.wholes, ...index.namespaces]) {
        const named = index.identifiers(name);
        for (const declaration of new Set(named.map(localDeclaration))) {
          const specifier = declaration && specifierOf(declaration);
          if (specifier === undefined) continue;
          const uses = named.filter(
            (each) => each.getParent() !== declaration && localDeclaration(each) === declaration,
          );
          add(file, specifier, uses);
        }
      }
    }
    return found;
  }

  /** The files that say `export * from` of a file. */
  function barrelsOfFiles(): Map<SourceFile, SourceFile[]> {
    const found = new Map<SourceFile, SourceFile[]>();
    for (const barrel of files())
      for (const specifier of indexOf(barrel).stars) {
        const file = resolveModule(barrel, specifier);
        if (file) found.set(file, [...(found.get(file) ?? []), barrel]);
      }
    return found;
  }

  function isFollowed(node: Node): boolean {
    const parent = node.getParent();
    if (!parent) return false;
    if (Node.isCallExpression(node) && node.getExpression().getText() !== "require") return false;
    if (Node.isCallExpression(parent)) return parent.getExpression() === node || isFilled(parent, node);
    if (Node.isNewExpression(parent)) return parent.getExpression() === node;
    if (Node.isPropertyAccessExpression(parent) || Node.isQualifiedName(parent)) return true;
    if (Node.isExpressionStatement(parent) || Node.isTypeQuery(parent) || Node.isExportSpecifier(parent)) return true;
    if (Node.isBinaryExpression(parent) && parent.getLeft() === node)
      return Node.isExpressionStatement(parent.getParent()) || isFollowed(parent);
    if (Node.isElementAccessExpression(parent)) return isAssigned(parent);
    if (Node.isBinaryExpression(parent) && parent.getRight() === node) {
      if (parent.getOperatorToken().getText() !== "=") return true;
      const target = parent.getLeft().getText();
      return isExportTarget(target) && (!isWholeExport(target) || !isHandedOn(node.getSourceFile()));
    }
    if (Node.isPropertyAssignment(parent) || Node.isShorthandPropertyAssignment(parent))
      return isExportedProperty(parent);
    if (Node.isSpreadAssignment(parent)) return isExportedProperty(parent) && !isHandedOn(node.getSourceFile());
    return Node.isVariableDeclaration(parent) && isHeldFollowed(parent);
  }

  /** `const { client } = await import("./client.js")` */
  function isImportFollowed(call: Node): boolean {
    const awaited = call.getParent();
    if (!Node.isAwaitExpression(awaited)) return false;
    const value = outermost(awaited, Node.isParenthesizedExpression);
    const holder = value.getParent();
    if (Node.isPropertyAccessExpression(holder) || Node.isExpressionStatement(holder)) return true;
    return Node.isVariableDeclaration(holder) && isHeldFollowed(holder);
  }

  /** `const { auth } = mw`, `const self = module.exports` */
  function isHeldFollowed(holder: VariableDeclaration): boolean {
    const name = holder.getNameNode();
    if (!Node.isIdentifier(name)) return isTakenApart(name);
    const named = indexOf(holder.getSourceFile()).identifiers(name.getText());
    return named.every((each) => each === name || localDeclaration(each) !== holder || isFollowed(each));
  }

  return { isHandedOn, mentionsOf };
}

/** `module.exports`, `exports` and `module` in the file itself. */
function ownMentions(index: NameIndex): Node[] {
  const modules = index.identifiers("module").filter((name) => !isMember(name) && isOfNode(name));
  const exports = index.identifiers("exports").flatMap((name) => {
    const access = name.getParent();
    if (isMember(name)) return modules.some((each) => each.getParent() === access) && access ? [access] : [];
    return isOfNode(name) ? [name] : [];
  });
  return [...exports, ...modules];
}

/** Is a name, `module` or `exports`, that which Node gives every file? */
function isOfNode(name: Node): boolean {
  const declaration = localDeclaration(name);
  if (!declaration || Node.isIdentifier(declaration)) return true;
  return Node.isSourceFile(declaration) || declaration.getSourceFile().isDeclarationFile();
}

function isMember(name: Node): boolean {
  const parent = name.getParent();
  return Node.isPropertyAccessExpression(parent) && parent.getNameNode() === name;
}

/** Does a call put something into the exports, and no more: `Object.defineProperty(exports, …)`, `jest.spyOn(client, "get")`? */
function isFilled(call: CallExpression, exports: Node): boolean {
  const callee = call.getExpression().getText();
  const [first, second] = call.getArguments();
  if (/(?:^|\.)__exportStar$/.test(callee)) return second === exports;
  if (first !== exports) return false;
  return (
    /^Object\.(defineProperty|defineProperties|assign)$/.test(callee) ||
    (/\.(spyOn|stub|replace)$/.test(callee) && Node.isStringLiteral(second))
  );
}

function isAssigned(access: Node): boolean {
  const parent = access.getParent();
  return Node.isBinaryExpression(parent) && parent.getLeft() === access && parent.getOperatorToken().getText() === "=";
}

function isTakenApart(pattern: Node): boolean {
  return Node.isObjectBindingPattern(pattern) && pattern.getElements().every((each) => !each.getDotDotDotToken());
}

/** The file that a variable or an import holds as a whole. */
function specifierOf(declaration: Node): string | undefined {
  if (Node.isVariableDeclaration(declaration)) {
    const initializer = declaration.getInitializer();
    return initializer && Node.isIdentifier(declaration.getNameNode()) ? requireSpecifier(initializer) : undefined;
  }
  if (!Node.isNamespaceImport(declaration)) return undefined;
  return declaration.getFirstAncestor(Node.isImportDeclaration)?.getModuleSpecifierValue();
}

/** `module.exports`, or `exports` where nothing is put in its place: what the file itself exports, read there. */
export function isOwnExports(node: Node): boolean {
  if (!isWholeExport(node.getText())) return false;
  const name = Node.isPropertyAccessExpression(node) ? node.getExpression() : node;
  if (!Node.isIdentifier(name) || !isOfNode(name)) return false;
  return name !== node || exportsOf(node.getSourceFile()).whole === null;
}
