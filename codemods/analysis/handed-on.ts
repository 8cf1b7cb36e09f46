import { Node, type SourceFile } from "ts-morph";
import { localDeclaration } from "./assignments.js";
import { isExportedProperty, isExportTarget, isWholeExport, requireSpecifier } from "./exports.js";
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
   */
  isHandedOn(file: SourceFile): boolean;
  /** The expressions that stand for what a file exports, as a whole. */
  mentionsOf(file: SourceFile): readonly Node[];
}

/** What becomes of modules as a whole. */
export function createHandedOn({ files, indexOf, resolveModule }: HandedOnInput): HandedOn {
  let mentions: Map<SourceFile, Node[]> | undefined;
  let barrels: Map<SourceFile, SourceFile[]> | undefined;
  const known = new Map<SourceFile, boolean>();

  function isHandedOn(file: SourceFile): boolean {
    const before = known.get(file);
    if (before !== undefined) return before;
    known.set(file, false);
    barrels ??= barrelsOfFiles();
    const result = !mentionsOf(file).every(isFollowed) || (barrels.get(file) ?? []).some(isHandedOn);
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
    if (Node.isCallExpression(parent) && parent.getExpression() === node) return true;
    if (Node.isPropertyAccessExpression(parent) || Node.isQualifiedName(parent)) return true;
    if (Node.isExpressionStatement(parent) || Node.isTypeQuery(parent) || Node.isExportSpecifier(parent)) return true;
    if (Node.isBinaryExpression(parent) && parent.getRight() === node) {
      const target = parent.getLeft().getText();
      return isExportTarget(target) && (!isWholeExport(target) || !isHandedOn(node.getSourceFile()));
    }
    if (Node.isPropertyAssignment(parent) || Node.isShorthandPropertyAssignment(parent))
      return isExportedProperty(parent);
    if (Node.isSpreadAssignment(parent)) return isExportedProperty(parent) && !isHandedOn(node.getSourceFile());
    // `const { auth } = mw`
    return Node.isVariableDeclaration(parent) && Node.isObjectBindingPattern(parent.getNameNode());
  }

  return { isHandedOn, mentionsOf };
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
