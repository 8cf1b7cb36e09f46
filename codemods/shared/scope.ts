import { childrenOf, isFunction, isIdentifier, type Node, type Parents, parentMap } from "./ast.js";

export type BindingKind = "import" | "const" | "let" | "var" | "function" | "class" | "param" | "catch" | "type";

/** A name that a scope declares, with every identifier that refers to it. */
export interface Binding {
  readonly name: string;
  readonly kind: BindingKind;
  /** The declaring identifier. */
  readonly identifier: Node;
  /** The declarator, import specifier, function, class or parameter that declares it. */
  readonly declaration: Node;
  readonly scope: Scope;
  /** Identifiers that read it, in source order; type positions included. */
  readonly references: Node[];
  /** Identifiers that assign to it after its declaration. */
  readonly writes: Node[];
}

export interface Scope {
  readonly node: Node;
  readonly parent: Scope | null;
  readonly bindings: Map<string, Binding>;
  readonly isFunctionScope: boolean;
}

export interface Scopes {
  readonly program: Scope;
  /** The binding that an identifier refers to or declares; undefined for a global. */
  bindingOf(identifier: Node): Binding | undefined;
  /** The innermost scope at a node. */
  scopeOf(node: Node): Scope;
  /** Every name that is bound or referred to anywhere in the file: a fresh name must not be one of them. */
  readonly names: ReadonlySet<string>;
  /** Every name that the file declares anywhere. */
  readonly declared: ReadonlySet<string>;
}

const cache = new WeakMap<Node, Scopes>();

/** The scopes of a File or Program; made once per tree. */
export function scopesOf(root: Node): Scopes {
  const program: Node = root.type === "File" ? root.program : root;
  let scopes = cache.get(program);
  if (!scopes) {
    scopes = analyze(program);
    cache.set(program, scopes);
  }
  return scopes;
}

/** What says a class of the platform: its name, or `globalThis.Headers` in a file that declares `Headers` for something else. */
export function platformName(root: Node, name: "Headers" | "AbortController"): string {
  return scopesOf(root).declared.has(name) ? `globalThis.${name}` : name;
}

/** `new Promise(…)`, around its executor. A `Promise` that the file declares (bluebird's, for one) has methods and habits of its own. */
export function isNewPromise(node: Node | null | undefined, parents: Parents): node is Node {
  if (node?.type !== "NewExpression" || !isIdentifier(node.callee, "Promise")) return false;
  let root: Node = node;
  for (let up = parents.get(root); up; up = parents.get(root)) root = up;
  return scopesOf(root).bindingOf(node.callee) === undefined;
}

function analyze(program: Node): Scopes {
  const bindingOf = new Map<Node, Binding>();
  const scopeOfNode = new Map<Node, Scope>();
  const names = new Set<string>();
  const declared = new Set<string>();
  const pending: { identifier: Node; scope: Scope; isWrite: boolean }[] = [];

  const makeScope = (node: Node, parent: Scope | null, isFunctionScope: boolean): Scope => ({
    node,
    parent,
    bindings: new Map(),
    isFunctionScope,
  });
  const programScope = makeScope(program, null, true);

  const declare = (scope: Scope, identifier: Node, kind: BindingKind, declaration: Node) => {
    names.add(identifier.name);
    declared.add(identifier.name);
    let target = scope;
    if (kind === "var") while (!target.isFunctionScope && target.parent) target = target.parent;
    const existing = target.bindings.get(identifier.name);
    if (existing) {
      bindingOf.set(identifier, existing);
      if (kind === "var" || kind === "function") existing.writes.push(identifier);
      return;
    }
    const binding: Binding = {
      name: identifier.name,
      kind,
      identifier,
      declaration,
      scope: target,
      references: [],
      writes: [],
    };
    target.bindings.set(identifier.name, binding);
    bindingOf.set(identifier, binding);
  };

  /** Declares the names of a pattern and visits its defaults and computed keys. */
  const pattern = (node: Node | null, scope: Scope, kind: BindingKind, declaration: Node): void => {
    if (!node) return;
    switch (node.type) {
      case "Identifier":
        declare(scope, node, kind, declaration);
        if (node.typeAnnotation) visit(node.typeAnnotation, scope);
        return;
      case "ObjectPattern":
        for (const property of node.properties as Node[]) {
          if (property.type === "RestElement") pattern(property.argument, scope, kind, declaration);
          else {
            if (property.computed) visit(property.key, scope);
            pattern(property.value, scope, kind, declaration);
          }
        }
        if (node.typeAnnotation) visit(node.typeAnnotation, scope);
        return;
      case "ArrayPattern":
        for (const element of node.elements as (Node | null)[]) pattern(element, scope, kind, declaration);
        if (node.typeAnnotation) visit(node.typeAnnotation, scope);
        return;
      case "RestElement":
        pattern(node.argument, scope, kind, declaration);
        if (node.typeAnnotation) visit(node.typeAnnotation, scope);
        return;
      case "AssignmentPattern":
        pattern(node.left, scope, kind, declaration);
        visit(node.right, scope);
        return;
      case "TSParameterProperty":
        pattern(node.parameter, scope, kind, declaration);
        return;
      default:
        visit(node, scope);
    }
  };

  /** An assignment's left side: identifiers are written, members are read. */
  const target = (node: Node | null, scope: Scope): void => {
    if (!node) return;
    switch (node.type) {
      case "Identifier":
        names.add(node.name);
        pending.push({ identifier: node, scope, isWrite: true });
        return;
      case "ObjectPattern":
        for (const property of node.properties as Node[]) {
          if (property.type === "RestElement") target(property.argument, scope);
          else {
            if (property.computed) visit(property.key, scope);
            target(property.value, scope);
          }
        }
        return;
      case "ArrayPattern":
        for (const element of node.elements as (Node | null)[]) target(element, scope);
        return;
      case "RestElement":
        target(node.argument, scope);
        return;
      case "AssignmentPattern":
        target(node.left, scope);
        visit(node.right, scope);
        return;
      default:
        visit(node, scope);
    }
  };

  const functionNode = (node: Node, scope: Scope): void => {
    if (node.computed && node.key) visit(node.key, scope);
    for (const decorator of (node.decorators as Node[] | undefined) ?? []) visit(decorator, scope);
    let inner = makeScope(node, scope, true);
    if (node.type === "FunctionExpression" && node.id) {
      const named = makeScope(node, scope, false);
      declare(named, node.id, "function", node);
      inner = makeScope(node, named, true);
    }
    scopeOfNode.set(node, inner);
    if (node.typeParameters) visit(node.typeParameters, inner);
    for (const param of node.params as Node[]) pattern(param, inner, "param", param);
    if (node.returnType) visit(node.returnType, inner);
    if (node.body) {
      if (node.body.type === "BlockStatement") {
        scopeOfNode.set(node.body, inner);
        for (const child of childrenOf(node.body)) visit(child, inner);
      } else visit(node.body, inner);
    }
  };

  /** Functions, classes and variables are declared before the statements that use them are visited. */
  const visit = (node: Node, scope: Scope): void => {
    if (isFunction(node)) {
      if (node.type === "FunctionDeclaration" && node.id) declare(scope, node.id, "function", node);
      functionNode(node, scope);
      return;
    }
    switch (node.type) {
      case "Identifier":
      case "JSXIdentifier":
        names.add(node.name);
        pending.push({ identifier: node, scope, isWrite: false });
        if (node.typeAnnotation) visit(node.typeAnnotation, scope);
        return;
      case "VariableDeclarator":
        throw new Error("declarators are visited with their declaration");
      case "VariableDeclaration":
        for (const declarator of node.declarations as Node[]) {
          scopeOfNode.set(declarator, scope);
          pattern(declarator.id, scope, node.kind, declarator);
          if (declarator.init) visit(declarator.init, scope);
        }
        return;
      case "ImportDeclaration":
        for (const specifier of node.specifiers as Node[]) declare(scope, specifier.local, "import", specifier);
        return;
      case "TSImportEqualsDeclaration":
        declare(scope, node.id, "import", node);
        if (node.moduleReference.type !== "TSExternalModuleReference") visit(node.moduleReference, scope);
        return;
      case "ClassDeclaration":
      case "ClassExpression": {
        let inner = scope;
        if (node.id) {
          if (node.type === "ClassDeclaration") declare(scope, node.id, "class", node);
          else {
            inner = makeScope(node, scope, false);
            declare(inner, node.id, "class", node);
          }
        }
        for (const child of childrenOf(node)) if (child !== node.id) visit(child, inner);
        return;
      }
      case "TSEnumDeclaration":
      case "TSModuleDeclaration":
        if (isIdentifierNode(node.id)) declare(scope, node.id, "class", node);
        for (const child of childrenOf(node)) if (child !== node.id) visit(child, scope);
        return;
      case "TSInterfaceDeclaration":
      case "TSTypeAliasDeclaration":
        if (!scope.bindings.has(node.id.name)) declare(scope, node.id, "type", node);
        for (const child of childrenOf(node)) if (child !== node.id) visit(child, scope);
        return;
      case "AssignmentExpression":
        target(node.left, scope);
        visit(node.right, scope);
        return;
      case "UpdateExpression":
        target(node.argument, scope);
        return;
      case "MemberExpression":
      case "OptionalMemberExpression":
        visit(node.object, scope);
        if (node.computed) visit(node.property, scope);
        return;
      case "ObjectProperty":
        if (node.computed) visit(node.key, scope);
        visit(node.value, scope);
        return;
      case "ClassProperty":
      case "ClassAccessorProperty":
      case "ClassPrivateProperty":
        if (node.computed) visit(node.key, scope);
        for (const child of childrenOf(node)) if (child !== node.key) visit(child, scope);
        return;
      case "TSPropertySignature":
      case "TSMethodSignature":
      case "TSEnumMember":
        for (const child of childrenOf(node)) if (child !== node.key && child !== node.id) visit(child, scope);
        return;
      case "TSQualifiedName":
        visit(node.left, scope);
        return;
      case "TSParameterProperty":
        pattern(node.parameter, scope, "param", node);
        return;
      case "TSFunctionType":
      case "TSConstructorType":
      case "TSDeclareFunction":
      case "TSDeclareMethod":
      case "TSCallSignatureDeclaration":
      case "TSConstructSignatureDeclaration":
        for (const child of childrenOf(node))
          if (child.type !== "Identifier" || child.typeAnnotation) visitType(child, scope);
        return;
      case "LabeledStatement":
        visit(node.body, scope);
        return;
      case "BreakStatement":
      case "ContinueStatement":
        return;
      case "MetaProperty":
        return;
      case "ExportNamedDeclaration":
        if (node.declaration) visit(node.declaration, scope);
        if (!node.source)
          for (const specifier of node.specifiers as Node[])
            if (specifier.type === "ExportSpecifier") visit(specifier.local, scope);
        return;
      case "ExportAllDeclaration":
        return;
      case "CatchClause": {
        const inner = makeScope(node, scope, false);
        scopeOfNode.set(node, inner);
        pattern(node.param, inner, "catch", node);
        scopeOfNode.set(node.body, inner);
        for (const child of childrenOf(node.body)) visit(child, inner);
        return;
      }
      case "BlockStatement":
      case "StaticBlock":
      case "SwitchStatement":
      case "ForStatement":
      case "ForInStatement":
      case "ForOfStatement":
      case "TSModuleBlock": {
        const inner = makeScope(node, scope, node.type === "StaticBlock" || node.type === "TSModuleBlock");
        scopeOfNode.set(node, inner);
        if (
          (node.type === "ForInStatement" || node.type === "ForOfStatement") &&
          node.left.type !== "VariableDeclaration"
        )
          target(node.left, inner);
        for (const child of childrenOf(node)) {
          if (child === node.left && child.type !== "VariableDeclaration") continue;
          visit(child, inner);
        }
        return;
      }
      default:
        for (const child of childrenOf(node)) visit(child, scope);
    }
  };

  const visitType = (node: Node, scope: Scope): void => {
    if (node.type === "Identifier") {
      if (node.typeAnnotation) visit(node.typeAnnotation, scope);
      return;
    }
    visit(node, scope);
  };

  for (const child of childrenOf(program)) visit(child, programScope);
  scopeOfNode.set(program, programScope);

  for (const { identifier, scope, isWrite } of pending) {
    let current: Scope | null = scope;
    while (current && !current.bindings.has(identifier.name)) current = current.parent;
    const binding = current?.bindings.get(identifier.name);
    if (!binding) continue;
    bindingOf.set(identifier, binding);
    (isWrite ? binding.writes : binding.references).push(identifier);
  }

  const parents = parentMap(program);
  const scopeOf = (node: Node): Scope => {
    let current: Node | undefined = node;
    while (current) {
      const scope = scopeOfNode.get(current);
      if (scope) return scope;
      current = parents.get(current);
    }
    return programScope;
  };

  return { program: programScope, bindingOf: (identifier) => bindingOf.get(identifier), scopeOf, names, declared };
}

function isIdentifierNode(node: Node | undefined): node is Node {
  return node?.type === "Identifier";
}
