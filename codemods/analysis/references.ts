import {
  type ClassDeclaration,
  type ClassExpression,
  Node,
  type ObjectLiteralExpression,
  type SourceFile,
  SyntaxKind,
} from "ts-morph";
import { localDeclaration } from "./assignments.js";
import { exportsOf, requireSpecifier } from "./exports.js";
import { createHandedOn, type HandedOn } from "./handed-on.js";
import { isTypeScript } from "./language.js";
import { createNameIndex, type NameIndex } from "./name-index.js";
import type { Origin } from "./origin.js";

export interface ReferencesInput {
  originOf(node: Node): Origin;
  /** What a file exports under a name. */
  exportNode(file: SourceFile, name: string): Node | undefined;
  /** A member of an object literal, or of what is spread into it. */
  memberNode(object: ObjectLiteralExpression, name: string): Node | undefined;
  resolveModule(fromFile: SourceFile, specifier: string): SourceFile | undefined;
  allFiles(): Iterable<SourceFile>;
  isGenerated(file: SourceFile): boolean;
  /** Says that an answer is not all there is, because more is being found out just now. */
  cutShort(): void;
}

export interface References extends HandedOn {
  declarationOf(identifier: Node): Node | undefined;
  referencesTo(identifier: Node): Node[];
  /** Where a value is named that has no name but that of an export, or none: `exports.auth = () => …`, `module.exports = () => …`. */
  namesOfExport(value: Node, name: string): readonly Node[];
  identifiersNamed(text: string): readonly Node[];
}

/** What names stand for across files, and where a declaration is named. */
export function createReferences(input: ReferencesInput): References {
  const { originOf, exportNode, memberNode, resolveModule } = input;
  const canonical = new Map<Node, Node | undefined>();
  const following = new Set<Node>();

  /** The declaration that a name stands for after imports, requires and re-exports. */
  function declarationOf(identifier: Node): Node | undefined {
    if (following.has(identifier)) input.cutShort();
    if (canonical.has(identifier)) return canonical.get(identifier);
    canonical.set(identifier, undefined);
    following.add(identifier);
    const result = follow(identifier);
    following.delete(identifier);
    canonical.set(identifier, result);
    return result;
  }

  function follow(identifier: Node): Node | undefined {
    const parent = identifier.getParent();
    if (parent && Node.isPropertyAccessExpression(parent) && parent.getNameNode() === identifier) {
      const object = originOf(parent.getExpression());
      if (object.kind === "module") {
        const node = exportNode(object.file, identifier.getText());
        return node && settle(node);
      }
      if (object.kind === "object" && Node.isObjectLiteralExpression(object.node)) {
        const property = memberNode(object.node, identifier.getText());
        return property && settle(property);
      }
      if (object.kind === "instance" || object.kind === "class") {
        const owner = object.kind === "instance" ? object.class : object.node;
        if (Node.isClassDeclaration(owner) || Node.isClassExpression(owner))
          return fieldOf(owner, identifier.getText());
      }
      return undefined;
    }
    // The imported or exported name of a specifier means what the specifier means.
    if (parent && Node.isExportSpecifier(parent)) {
      const module = parent.getExportDeclaration().getModuleSpecifierValue();
      if (module !== undefined) {
        const file = resolveModule(identifier.getSourceFile(), module);
        const node = file && exportNode(file, parent.getName());
        return node && settle(node);
      }
      const symbol = parent.getLocalTargetSymbol();
      const declaration = symbol?.getValueDeclaration() ?? symbol?.getDeclarations()[0];
      return declaration && settle(declaration);
    }
    const declaration = localDeclaration(identifier);
    return declaration && settle(declaration);
  }

  /** Follows a declaration through aliases to where the value is declared. */
  function settle(declaration: Node): Node | undefined {
    if (Node.isImportSpecifier(declaration) || Node.isImportClause(declaration)) {
      const specifier = declaration.getFirstAncestorByKind(SyntaxKind.ImportDeclaration)?.getModuleSpecifierValue();
      const file = specifier === undefined ? undefined : resolveModule(declaration.getSourceFile(), specifier);
      if (!file) return declaration;
      const node =
        exportNode(file, Node.isImportSpecifier(declaration) ? declaration.getName() : "default") ??
        (Node.isImportClause(declaration) ? (exportsOf(file).whole ?? undefined) : undefined);
      return node ? settle(node) : declaration;
    }
    if (Node.isBindingElement(declaration)) {
      const owner = declaration.getParent()?.getParent();
      const initializer = owner && Node.isVariableDeclaration(owner) ? owner.getInitializer() : undefined;
      const specifier = initializer && requireSpecifier(initializer);
      const name = declaration.getPropertyNameNode()?.getText() ?? declaration.getName();
      const node = initializer && memberOf(initializer, specifier, name);
      return node ? settle(node) : declaration;
    }
    if (Node.isVariableDeclaration(declaration)) {
      const initializer = declaration.getInitializer();
      const specifier = initializer && requireSpecifier(initializer);
      const file = specifier === undefined ? undefined : resolveModule(declaration.getSourceFile(), specifier);
      // `const createClient = require("./client")` names what the file exports as a whole.
      return (file && settledWhole(file)) ?? declaration;
    }
    if (Node.isCallExpression(declaration)) {
      const specifier = requireSpecifier(declaration);
      const file = specifier === undefined ? undefined : resolveModule(declaration.getSourceFile(), specifier);
      return (file && settledWhole(file)) ?? declaration;
    }
    if (Node.isShorthandPropertyAssignment(declaration)) {
      const value = declaration.getValueSymbol()?.getDeclarations()[0];
      return value && value !== declaration ? settle(value) : declaration;
    }
    if (Node.isPropertyAssignment(declaration)) {
      const initializer = declaration.getInitializer();
      return initializer && isAlias(initializer) ? (settle(initializer) ?? declaration) : declaration;
    }
    if (Node.isIdentifier(declaration)) return declarationOf(declaration) ?? declaration;
    if (Node.isPropertyAccessExpression(declaration) && isAlias(declaration))
      return declarationOf(declaration.getNameNode()) ?? declaration;
    return declaration;
  }

  /** `name` of `{ name } = require("./handlers")`, or of an object or a module that has a name. */
  function memberOf(initializer: Node, specifier: string | undefined, name: string): Node | undefined {
    if (specifier !== undefined) {
      const file = resolveModule(initializer.getSourceFile(), specifier);
      return file && exportNode(file, name);
    }
    const object = originOf(initializer);
    if (object.kind === "module") return exportNode(object.file, name);
    if (object.kind !== "object" || !Node.isObjectLiteralExpression(object.node)) return undefined;
    // A value may be put into either afterwards; a function is called by both names.
    const member = memberNode(object.node, name);
    const declaration = member && settle(member);
    const value =
      Node.isPropertyAssignment(declaration) || Node.isVariableDeclaration(declaration)
        ? declaration.getInitializer()
        : declaration;
    const isFunction = Node.isFunctionLikeDeclaration(value) || Node.isFunctionExpression(value);
    return isFunction || Node.isArrowFunction(value) ? member : undefined;
  }

  function settledWhole(file: SourceFile): Node | undefined {
    const { whole } = exportsOf(file);
    return whole && !Node.isObjectLiteralExpression(whole) ? settle(whole) : undefined;
  }

  /** A name, `require("./x")`, or a member of a module: another name for what stands there. */
  function isAlias(value: Node): boolean {
    if (Node.isPropertyAccessExpression(value)) {
      const object = value.getExpression();
      const declaration = Node.isIdentifier(object) ? localDeclaration(object) : undefined;
      const held = declaration && Node.isVariableDeclaration(declaration) ? declaration.getInitializer() : object;
      return originOf(object).kind === "module" || (held !== undefined && requireSpecifier(held) !== undefined);
    }
    return Node.isIdentifier(value) || requireSpecifier(value) !== undefined;
  }

  const indexes = new Map<SourceFile, NameIndex>();

  function indexOf(file: SourceFile): NameIndex {
    const index = indexes.get(file) ?? createNameIndex(file);
    indexes.set(file, index);
    return index;
  }

  /** The indexes of all files but generated ones, as one. */
  interface ProjectIndex {
    readonly order: ReadonlyMap<SourceFile, number>;
    /** The files that have a name. */
    readonly filesOf: ReadonlyMap<string, readonly SourceFile[]>;
    readonly aliases: ReadonlyMap<string, ReadonlySet<string>>;
    /** Names for what a file exports as a whole, and `require("./x")`: any may stand for it. Not followed yet. */
    readonly wholes: Node[];
  }
  let projectIndex: ProjectIndex | undefined;

  function indexOfProject(): ProjectIndex {
    if (projectIndex) return projectIndex;
    const order = new Map<SourceFile, number>();
    const filesOf = new Map<string, SourceFile[]>();
    const aliases = new Map<string, Set<string>>();
    const wholes: Node[] = [];
    const members = new Set<string>();
    for (const file of input.allFiles()) {
      if (input.isGenerated(file)) continue;
      order.set(file, order.size);
      const own = indexOf(file);
      for (const name of own.names) {
        const files = filesOf.get(name);
        if (files) files.push(file);
        else filesOf.set(name, [file]);
      }
      addAliases(aliases, own.aliases);
      for (const name of own.wholeMembers) members.add(name);
      for (const name of own.wholes) wholes.push(...own.identifiers(name));
      wholes.push(...own.nameless);
    }
    for (const name of members)
      for (const file of filesOf.get(name) ?? []) wholes.push(...indexOf(file).identifiers(name));
    projectIndex = { order, filesOf, aliases, wholes };
    return projectIndex;
  }

  function addAliases(to: Map<string, Set<string>>, pairs: NameIndex["aliases"]): void {
    for (const [a, b] of pairs) {
      to.set(a, (to.get(a) ?? new Set()).add(b));
      to.set(b, (to.get(b) ?? new Set()).add(a));
    }
  }

  const identifiersNamed = (text: string): readonly Node[] =>
    (indexOfProject().filesOf.get(text) ?? []).flatMap((file) => indexOf(file).identifiers(text));

  const followedWholes = new Map<Node, Node[]>();
  let isFollowingWholes = false;

  /** The names of whole modules that turn out to stand for a declaration. Each is followed once, for all questions. */
  function wholesFor(target: Node): readonly Node[] {
    const { wholes } = indexOfProject();
    const late: Node[] = [];
    const isNested = isFollowingWholes;
    if (isNested) input.cutShort();
    isFollowingWholes = true;
    // What following one of them asks may come here again: whoever comes takes the next one.
    for (let node = wholes.pop(); node !== undefined; node = wholes.pop()) {
      if (following.has(node)) {
        late.push(node);
        continue;
      }
      const declaration = isPropertyName(node) ? undefined : standsFor(node);
      if (declaration) followedWholes.set(declaration, [...(followedWholes.get(declaration) ?? []), node]);
    }
    wholes.push(...late);
    isFollowingWholes = isNested;
    return followedWholes.get(target) ?? [];
  }

  /** `require("./x")` stands for itself only, where that file has no whole that is followed. */
  function standsFor(node: Node): Node | undefined {
    if (!Node.isCallExpression(node)) return declarationOf(node);
    following.add(node);
    const declaration = settle(node);
    following.delete(node);
    return declaration === node ? undefined : declaration;
  }

  const byDeclaration = new Map<string, ReadonlyMap<Node, readonly Node[]>>();

  /** The identifiers with a name by what they stand for: a project has many of a name, and each is followed once for all questions. */
  function standingFor(name: string): ReadonlyMap<Node, readonly Node[]> {
    const known = byDeclaration.get(name);
    if (known) return known;
    const made = new Map<Node, Node[]>();
    let isComplete = true;
    for (const node of identifiersNamed(name)) {
      if (isPropertyName(node)) continue;
      // What is being followed just now stands for nothing yet; whoever asks later is told more.
      if (following.has(node)) {
        isComplete = false;
        input.cutShort();
      }
      const declaration = declarationOf(node) ?? node;
      const nodes = made.get(declaration);
      if (nodes) nodes.push(node);
      else made.set(declaration, [node]);
    }
    if (isComplete) byDeclaration.set(name, made);
    return made;
  }

  function referencesTo(identifier: Node): Node[] {
    const target = declarationOf(identifier);
    if (!target) return [];
    const { order, aliases } = indexOfProject();
    const own = identifier.getSourceFile();
    const ownIndex = order.has(own) ? undefined : indexOf(own);
    const ownAliases = new Map<string, Set<string>>();
    if (ownIndex) addAliases(ownAliases, ownIndex.aliases);
    const names = new Set([identifier.getText()]);
    const declared = "getName" in target ? (target as { getName(): string | undefined }).getName() : undefined;
    if (declared !== undefined) names.add(declared);
    for (const name of names)
      for (const other of [...(aliases.get(name) ?? []), ...(ownAliases.get(name) ?? [])]) names.add(other);
    const found = new Set<Node>(wholesFor(target));
    for (const name of names) {
      for (const node of standingFor(name).get(target) ?? []) found.add(node);
      for (const node of ownIndex?.identifiers(name) ?? [])
        if (!isPropertyName(node) && (node === target || declarationOf(node) === target)) found.add(node);
    }
    const place = (node: Node) => order.get(node.getSourceFile()) ?? order.size;
    return [...found].sort((a, b) => place(a) - place(b));
  }

  function namesOfExport(value: Node, name: string): readonly Node[] {
    const names = [name, ...(indexOfProject().aliases.get(name) ?? [])];
    const named = names.flatMap((each) => standingFor(each).get(value) ?? []);
    return [...new Set([...wholesFor(value), ...named])];
  }

  /** Keys of object literals and members are names of members, not references. */
  function isPropertyName(node: Node): boolean {
    const parent = node.getParent();
    return (
      parent !== undefined &&
      ((Node.isPropertyAssignment(parent) && parent.getNameNode() === node) ||
        (Node.isBindingElement(parent) && parent.getPropertyNameNode() === node))
    );
  }

  const modules = createHandedOn({
    files: () => indexOfProject().order.keys(),
    indexOf,
    resolveModule,
  });

  return { declarationOf, referencesTo, namesOfExport, identifiersNamed, ...modules };
}

/** The declaration of a member; in JavaScript the first `this.x = …` where nothing declares it. */
function fieldOf(owner: ClassDeclaration | ClassExpression, name: string): Node | undefined {
  const declared = owner
    .getMembers()
    .find((each) => "getName" in each && (each as { getName(): string }).getName() === name);
  if (declared || isTypeScript(owner)) return declared;
  return owner.getDescendantsOfKind(SyntaxKind.PropertyAccessExpression).find((access) => {
    const parent = access.getParent();
    return (
      access.getName() === name &&
      Node.isThisExpression(access.getExpression()) &&
      Node.isBinaryExpression(parent) &&
      parent.getLeft() === access &&
      parent.getOperatorToken().getKind() === SyntaxKind.EqualsToken &&
      access.getFirstAncestor((each) => Node.isClassDeclaration(each) || Node.isClassExpression(each)) === owner
    );
  });
}
