import path from "node:path";
import {
  type BindingElement,
  type CallExpression,
  type ClassDeclaration,
  type ClassExpression,
  type Expression,
  Node,
  type ParameterDeclaration,
  type SourceFile,
  SyntaxKind,
  type VariableDeclaration,
} from "ts-morph";
import type { ProtoRegistry } from "../generate/proto-registry.js";
import { generatorOf } from "../project/generated.js";
import { assignedValue, exportsOf } from "./exports.js";
import { missingStub } from "./missing-generated.js";
import { createNameIndex, isExportTargetText, type NameIndex } from "./name-index.js";
import { type Flavour, isSameOrigin, type Origin, type PackageDefinitionOrigin, UNKNOWN } from "./origin.js";
import { evaluate, protoPath } from "./strings.js";

export interface ProvenanceInput {
  readonly root: string;
  readonly protos: ProtoRegistry;
  resolveModule(fromFile: SourceFile, specifier: string): SourceFile | undefined;
  allFiles(): Iterable<SourceFile>;
}

export interface Provenance {
  originOf(node: Node): Origin;
  originOfType(type: Node): Origin;
  referencesTo(identifier: Node): Node[];
  /** Every identifier with this text in the project's own files, whatever it means. */
  identifiersNamed(text: string): readonly Node[];
  declarationOf(identifier: Node): Node | undefined;
  /** The value of a constant expression (strings, numbers, arrays, objects), undefined if it is not constant. */
  constantOf(node: Node): unknown;
}

const GRPC = /^(?:@grpc\/grpc-js|grpc)(?:\/build\/src(?:\/.*)?)?$/;
const PROTO_LOADER = /^@grpc\/proto-loader(?:\/|$)/;

/** An abstract interpreter over declarations: it follows names to what they are bound to, and says `unknown` where that is not certain. */
export function createProvenance(input: ProvenanceInput): Provenance {
  const { protos, resolveModule } = input;
  const origins = new Map<Node, Origin>();
  const active = new Set<Node>();

  function originOf(node: Node): Origin {
    const known = origins.get(node);
    if (known) return known;
    // A value that depends on itself is not known by it.
    if (active.has(node)) return UNKNOWN;
    active.add(node);
    let origin = compute(node);
    if (origin.kind === "unknown") origin = originByType(node);
    active.delete(node);
    // What was found while something else is open may have hit that cycle: only certain answers are kept then.
    if (origin.kind !== "unknown" || active.size === 0) origins.set(node, origin);
    return origin;
  }

  function compute(node: Node): Origin {
    if (
      Node.isParenthesizedExpression(node) ||
      Node.isAsExpression(node) ||
      Node.isSatisfiesExpression(node) ||
      Node.isNonNullExpression(node) ||
      Node.isTypeAssertion(node) ||
      Node.isAwaitExpression(node)
    ) {
      const inner = originOf(node.getExpression());
      if (inner.kind !== "unknown" || !(Node.isAsExpression(node) || Node.isTypeAssertion(node))) return inner;
      const type = node.getTypeNode();
      return type ? valueOfType(originOfType(type)) : UNKNOWN;
    }
    if (Node.isIdentifier(node)) return originOfIdentifier(node);
    if (Node.isPropertyAccessExpression(node)) return memberOf(node.getExpression(), node.getName());
    if (Node.isElementAccessExpression(node)) {
      const argument = node.getArgumentExpression();
      const name = argument && constantOf(argument);
      return typeof name === "string" ? memberOf(node.getExpression(), name) : UNKNOWN;
    }
    if (Node.isCallExpression(node)) return originOfCall(node);
    if (Node.isNewExpression(node)) return originOfNew(originOf(node.getExpression()), node);
    if (Node.isStringLiteral(node) || Node.isNoSubstitutionTemplateLiteral(node))
      return { kind: "string", value: node.getLiteralText() };
    if (Node.isTemplateExpression(node)) return stringOf(node);
    if (Node.isObjectLiteralExpression(node)) return definitionInLiteral(node) ?? { kind: "object", node };
    if (Node.isFunctionExpression(node) || Node.isArrowFunction(node) || Node.isMethodDeclaration(node))
      return { kind: "function", node };
    if (Node.isClassExpression(node)) return originOfClass(node);
    if (node.getKind() === SyntaxKind.ThisKeyword) return originOfThis(node);
    if (Node.isConditionalExpression(node)) return joined([node.getWhenTrue(), node.getWhenFalse()]);
    if (Node.isBinaryExpression(node)) {
      const operator = node.getOperatorToken().getKind();
      if (operator === SyntaxKind.EqualsToken) return originOf(assignedValue(node));
      if (operator === SyntaxKind.BarBarToken || operator === SyntaxKind.QuestionQuestionToken)
        return joined([node.getLeft(), node.getRight()]);
      if (operator === SyntaxKind.PlusToken) return stringOf(node);
      return UNKNOWN;
    }
    return originOfDeclaration(node);
  }

  function stringOf(node: Node): Origin {
    const value = constantOf(node);
    return typeof value === "string" ? { kind: "string", value } : UNKNOWN;
  }

  function joined(nodes: readonly Node[]): Origin {
    const found = nodes.map(originOf);
    const [first] = found;
    return first && found.every((origin) => isSameOrigin(origin, first)) ? first : UNKNOWN;
  }

  // ---- names -------------------------------------------------------------------------------------------------------

  function localDeclaration(node: Node): Node | undefined {
    const parent = node.getParent();
    const symbol =
      parent && Node.isShorthandPropertyAssignment(parent) && parent.getNameNode() === node
        ? parent.getValueSymbol()
        : node.getSymbol();
    if (!symbol) return undefined;
    const declarations = symbol.getDeclarations();
    return (
      symbol.getValueDeclaration() ??
      declarations.find((declaration) => !isTypeDeclaration(declaration)) ??
      declarations[0]
    );
  }

  function originOfIdentifier(node: Node): Origin {
    if (node.getText() === "undefined") return UNKNOWN;
    const declaration = localDeclaration(node);
    if (!declaration) return UNKNOWN;
    if (declaration === node) return UNKNOWN;
    return originOf(declaration);
  }

  function originOfDeclaration(node: Node): Origin {
    if (Node.isVariableDeclaration(node)) return originOfVariable(node);
    if (Node.isBindingElement(node)) return originOfBinding(node);
    if (Node.isParameterDeclaration(node)) return originOfParameter(node);
    if (Node.isFunctionDeclaration(node)) return { kind: "function", node };
    if (Node.isClassDeclaration(node)) return originOfClass(node);
    if (Node.isModuleDeclaration(node)) return { kind: "namespace", node };
    if (Node.isImportSpecifier(node)) {
      const declaration = node.getImportDeclaration();
      return originOfImport(node.getSourceFile(), declaration.getModuleSpecifierValue(), node.getName());
    }
    if (Node.isNamespaceImport(node)) {
      const declaration = node.getFirstAncestorByKind(SyntaxKind.ImportDeclaration);
      return declaration ? originOfModule(node.getSourceFile(), declaration.getModuleSpecifierValue()) : UNKNOWN;
    }
    if (Node.isImportClause(node)) {
      const declaration = node.getFirstAncestorByKind(SyntaxKind.ImportDeclaration);
      return declaration
        ? originOfImport(node.getSourceFile(), declaration.getModuleSpecifierValue(), "default")
        : UNKNOWN;
    }
    if (Node.isImportEqualsDeclaration(node)) {
      const module = node.getExternalModuleReferenceSourceFile();
      const reference = node.getModuleReference();
      if (Node.isExternalModuleReference(reference)) {
        const expression = reference.getExpression();
        const specifier = expression && Node.isStringLiteral(expression) ? expression.getLiteralText() : undefined;
        return specifier === undefined ? UNKNOWN : wholeOf(originOfModule(node.getSourceFile(), specifier));
      }
      return module ? { kind: "module", file: module } : originOf(reference);
    }
    if (Node.isQualifiedName(node)) return memberOf(node.getLeft(), node.getRight().getText());
    if (Node.isPropertyAssignment(node)) {
      const initializer = node.getInitializer();
      return initializer ? originOf(initializer) : UNKNOWN;
    }
    if (Node.isShorthandPropertyAssignment(node)) {
      const declaration = node.getValueSymbol()?.getDeclarations()[0];
      return declaration && declaration !== node ? originOf(declaration) : UNKNOWN;
    }
    if (Node.isPropertyDeclaration(node)) return originOfField(node);
    if (Node.isGetAccessorDeclaration(node)) return originOfResult(node);
    return UNKNOWN;
  }

  function originOfVariable(node: VariableDeclaration): Origin {
    const initializer = node.getInitializer();
    const writes = writesTo(node);
    const values = initializer && !isNothing(initializer) ? [initializer, ...writes] : writes;
    if (values.length > 0 && !values.includes(null)) {
      const origin = joined(values as Node[]);
      if (origin.kind === "object" && values.length > 1) return UNKNOWN;
      if (origin.kind !== "unknown") return origin;
    }
    const type = node.getTypeNode();
    if (type) {
      const origin = valueOfType(originOfType(type));
      if (origin.kind !== "unknown") return origin;
    }
    const text = node.getSourceFile().getFilePath();
    // A declaration file of generated stubs has no values: `export const GreeterService: IGreeterService`.
    if (text.endsWith(".d.ts")) {
      const short = /^(\w+?)(?:Service|Definition)$/.exec(node.getName())?.[1];
      const flavour = flavourOf(node.getSourceFile());
      if (short !== undefined && flavour !== "generic") {
        const service = serviceInFile(node.getSourceFile(), short);
        if (service) return { kind: "service-definition", service, flavour, definition: node, packageDefinition: null };
      }
    }
    return UNKNOWN;
  }

  function isNothing(node: Node): boolean {
    const text = node.getText();
    return text === "null" || text === "undefined" || Node.isVoidExpression(node);
  }

  function originOfBinding(node: BindingElement): Origin {
    const pattern = node.getParent();
    if (!Node.isObjectBindingPattern(pattern) || node.getDotDotDotToken()) return UNKNOWN;
    if (writesTo(node).length > 0) return UNKNOWN;
    const name =
      node
        .getPropertyNameNode()
        ?.getText()
        .replace(/^['"]|['"]$/g, "") ?? node.getName();
    const owner = pattern.getParent();
    if (Node.isVariableDeclaration(owner)) {
      const initializer = owner.getInitializer();
      return initializer ? memberOf(initializer, name) : UNKNOWN;
    }
    return owner ? member(originOf(owner), name) : UNKNOWN;
  }

  function originOfParameter(node: ParameterDeclaration): Origin {
    const type = node.getTypeNode();
    const passed = originOfPassed(node);
    if (passed.kind !== "unknown") return passed;
    return type ? valueOfType(originOfType(type)) : UNKNOWN;
  }

  /** What every call of a function passes for a parameter, if all calls are known and agree. */
  function originOfPassed(node: ParameterDeclaration): Origin {
    if (node.isRestParameter() || writesTo(node).length > 0) return UNKNOWN;
    const owner = node.getParent();
    // `[method: string]: …` has one that nobody passes.
    if (!("getParameters" in owner)) return UNKNOWN;
    const index = (owner as unknown as { getParameters(): ParameterDeclaration[] }).getParameters().indexOf(node);
    let name: Node | undefined;
    if (Node.isFunctionDeclaration(owner)) name = owner.getNameNode();
    else if (Node.isArrowFunction(owner) || Node.isFunctionExpression(owner)) {
      const holder = owner.getParent();
      if (Node.isVariableDeclaration(holder) && holder.getInitializer() === owner) name = holder.getNameNode();
      else if (Node.isCallExpression(holder) && holder.getArguments()[0] === owner && index === 0) {
        // `protoLoader.load(path).then((definition) => …)`
        const callee = holder.getExpression();
        if (Node.isPropertyAccessExpression(callee) && callee.getName() === "then") {
          const origin = originOf(callee.getExpression());
          return origin.kind === "package-definition" ? origin : UNKNOWN;
        }
        return UNKNOWN;
      }
    } else if (Node.isConstructorDeclaration(owner)) {
      const parent = owner.getParent();
      if (Node.isClassDeclaration(parent) || Node.isClassExpression(parent)) name = parent.getNameNode();
    }
    if (!name) return UNKNOWN;
    const found: Origin[] = [];
    let isMissing = false;
    for (const reference of referencesTo(name)) {
      const use = Node.isConstructorDeclaration(owner) && isStaticMember(reference) ? "alias" : useOf(reference);
      if (use === "alias") continue;
      if (use === undefined) return UNKNOWN;
      const argument = use.getArguments()[index];
      if (use.getArguments().some((each) => Node.isSpreadElement(each))) return UNKNOWN;
      const value = argument ?? node.getInitializer();
      if (value && value.getText() !== "false" && !isNothing(value)) found.push(originOf(value));
      else isMissing = true;
    }
    const [first] = found;
    if (!first || !found.every((origin) => isSameOrigin(origin, first))) return UNKNOWN;
    // Who passes nothing instead of a client makes no calls.
    return isMissing && first.kind !== "client" ? UNKNOWN : first;
  }

  /** `X.member`, and `x instanceof X`: an instance is made of a class there only if the class makes one of itself. */
  function isStaticMember(reference: Node): boolean {
    const parent = reference.getParent();
    if (!parent) return false;
    if (Node.isBinaryExpression(parent))
      return parent.getRight() === reference && parent.getOperatorToken().getText() === "instanceof";
    if (!Node.isPropertyAccessExpression(parent) || parent.getExpression() !== reference) return false;
    const origin = originOf(reference);
    return origin.kind === "class" && !/\bnew\s+this\b/.test(origin.node.getText()) && parent.getName() !== "prototype";
  }

  /** How a name is used: as the callee of a call, as a mere alias (import, export, declaration), or otherwise. */
  function useOf(reference: Node): "alias" | { getArguments(): Node[] } | undefined {
    let node = reference;
    let parent = node.getParent();
    while (parent && Node.isPropertyAccessExpression(parent) && parent.getNameNode() === node) {
      node = parent;
      parent = node.getParent();
    }
    if (!parent) return undefined;
    if ((Node.isCallExpression(parent) || Node.isNewExpression(parent)) && parent.getExpression() === node)
      return parent;
    if (
      Node.isImportSpecifier(parent) ||
      Node.isExportSpecifier(parent) ||
      Node.isImportClause(parent) ||
      Node.isFunctionDeclaration(parent) ||
      Node.isClassDeclaration(parent) ||
      Node.isClassExpression(parent) ||
      Node.isExportAssignment(parent) ||
      Node.isTypeReference(parent) ||
      Node.isTypeQuery(parent)
    )
      return "alias";
    if (Node.isVariableDeclaration(parent) && parent.getNameNode() === node) return "alias";
    if (Node.isBindingElement(parent)) return "alias";
    if (Node.isBinaryExpression(parent) && isExportTarget(parent.getLeft()) && parent.getRight() === node)
      return "alias";
    if (Node.isShorthandPropertyAssignment(parent) || Node.isPropertyAssignment(parent)) {
      const object = parent.getParent();
      const holder = object?.getParent();
      if (holder && Node.isBinaryExpression(holder) && isExportTarget(holder.getLeft())) return "alias";
      if (holder && Node.isExportAssignment(holder)) return "alias";
    }
    return undefined;
  }

  function isExportTarget(node: Node): boolean {
    return isExportTargetText(node.getText());
  }

  // ---- modules -----------------------------------------------------------------------------------------------------

  function originOfModule(from: SourceFile, specifier: string): Origin {
    if (GRPC.test(specifier)) return { kind: "grpc", path: "" };
    if (PROTO_LOADER.test(specifier)) return { kind: "proto-loader", path: "" };
    const file = resolveModule(from, specifier);
    if (file) return { kind: "module", file };
    const isFile = specifier.startsWith(".");
    const module = isFile ? path.resolve(path.dirname(from.getFilePath()), specifier) : specifier.replace(/^node:/, "");
    return { kind: "external", module, path: "" };
  }

  function originOfImport(from: SourceFile, specifier: string, name: string): Origin {
    return member(originOfModule(from, specifier), name);
  }

  /** `require("./x")` is its `module.exports`, where that is one value. */
  function wholeOf(origin: Origin): Origin {
    if (origin.kind !== "module") return origin;
    const { whole } = exportsOf(origin.file);
    if (!whole) return origin;
    const value = originOf(whole);
    return value.kind === "unknown" ? origin : value;
  }

  /** What a file exports under a name, as a node: a declaration or an expression. */
  function exportNode(file: SourceFile, name: string, seen = new Set<SourceFile>()): Node | undefined {
    if (seen.has(file)) return undefined;
    seen.add(file);
    const { named, stars, whole } = exportsOf(file);
    const direct = named.get(name);
    if (direct?.kind === "node") return direct.node;
    if (direct) {
      const target = resolveModule(file, direct.module);
      return target && direct.name !== "*" ? exportNode(target, direct.name, seen) : undefined;
    }
    for (const star of stars) {
      const target = resolveModule(file, star);
      const found = target && exportNode(target, name, seen);
      if (found) return found;
    }
    if (whole) {
      let object: Node | undefined = whole;
      if (Node.isIdentifier(object)) {
        const declaration = localDeclaration(object);
        object = declaration && Node.isVariableDeclaration(declaration) ? declaration.getInitializer() : declaration;
      }
      if (object && Node.isObjectLiteralExpression(object)) return object.getProperty(name);
      const required = object && requireSpecifier(object);
      if (required !== undefined) {
        const target = resolveModule(file, required);
        if (target) return exportNode(target, name, seen);
      }
    }
    return undefined;
  }

  function originOfExport(file: SourceFile, name: string): Origin {
    const direct = exportsOf(file).named.get(name);
    if (direct?.kind === "forward") {
      const module = originOfModule(file, direct.module);
      return direct.name === "*" ? module : member(module, direct.name);
    }
    const node = exportNode(file, name);
    if (node) return originOf(node);
    const { whole, stars } = exportsOf(file);
    if (whole) return name === "default" ? originOf(whole) : member(originOf(whole), name);
    for (const star of stars) {
      const module = originOfModule(file, star);
      if (module.kind === "grpc" || module.kind === "proto-loader") return member(module, name);
    }
    if (name === "default" && exportsOf(file).named.size > 0) return { kind: "module", file };
    return UNKNOWN;
  }

  function requireSpecifier(node: Node): string | undefined {
    if (!Node.isCallExpression(node)) return undefined;
    const callee = node.getExpression();
    const [argument] = node.getArguments();
    const isRequire = Node.isIdentifier(callee) && callee.getText() === "require";
    if (!isRequire && callee.getKind() !== SyntaxKind.ImportKeyword) return undefined;
    return argument && Node.isStringLiteral(argument) ? argument.getLiteralText() : undefined;
  }

  // ---- members -----------------------------------------------------------------------------------------------------

  function memberOf(object: Node, name: string): Origin {
    return member(originOf(object), name, object);
  }

  function member(origin: Origin, name: string, object?: Node): Origin {
    switch (origin.kind) {
      case "grpc":
      case "proto-loader":
        if (name === "default") return origin;
        return { kind: origin.kind, path: origin.path === "" ? name : `${origin.path}.${name}` };
      case "external":
        if (origin.path === "") {
          const stub = missingStub(origin.module, name, input.root, protos);
          if (stub) return stub;
        }
        return { ...origin, path: origin.path === "" ? name : `${origin.path}.${name}` };
      case "grpc-object":
        if (name === "service") return definitionOf(constructorIn(origin));
        return {
          kind: "grpc-object",
          definition: origin.definition,
          path: origin.path === "" ? name : `${origin.path}.${name}`,
        };
      case "package-definition":
        return {
          kind: "service-definition",
          service: name,
          flavour: "proto-loader",
          definition: null,
          packageDefinition: origin,
        };
      case "client-constructor":
        return name === "service" ? definitionOf(origin) : UNKNOWN;
      case "module":
        return originOfExport(origin.file, name);
      case "namespace": {
        const declaration = memberOfNamespace(origin.node, name);
        return declaration ? originOf(declaration) : UNKNOWN;
      }
      case "object":
        return memberOfObject(origin.node, name, object);
      case "class":
        return memberOfClass(origin.node, name, true);
      case "instance":
        return memberOfClass(origin.class, name, false);
      default:
        return UNKNOWN;
    }
  }

  /** The one exported declaration of a name in a namespace; a value wins over a type. */
  function memberOfNamespace(node: Node, name: string): Node | undefined {
    if (!Node.isModuleDeclaration(node)) return undefined;
    const found = (node.getSymbol()?.getExport(name)?.getDeclarations() ?? []).filter(
      (declaration) => declaration.getSourceFile() === node.getSourceFile(),
    );
    return found.find((declaration) => !isTypeDeclaration(declaration)) ?? found[0];
  }

  function constructorIn(origin: Origin & { kind: "grpc-object" }): Origin & { kind: "client-constructor" } {
    return {
      kind: "client-constructor",
      service: origin.path,
      flavour: "proto-loader",
      definition: null,
      packageDefinition: origin.definition.kind === "package-definition" ? origin.definition : null,
    };
  }

  function definitionOf(made: Origin & { kind: "client-constructor" }): Origin {
    const { service, flavour, definition, packageDefinition } = made;
    return { kind: "service-definition", service, flavour, definition, packageDefinition };
  }

  function memberOfObject(node: Node, name: string, object?: Node): Origin {
    if (!Node.isObjectLiteralExpression(node)) return UNKNOWN;
    const written = propertyWrites(node, object).filter((write) => write.name === name);
    const property = node.getProperty(name) ?? node.getProperty(`'${name}'`) ?? node.getProperty(`"${name}"`);
    if (property && written.length === 0) return originOf(property);
    if (!property && written.length > 0) return joined(written.map((write) => write.value));
    if (property) return UNKNOWN;
    for (const spread of node.getProperties().filter(Node.isSpreadAssignment).reverse()) {
      const found = memberOf(spread.getExpression(), name);
      if (found.kind !== "unknown") return found;
    }
    return UNKNOWN;
  }

  /** `x.name = value` for the variable that holds an object literal. */
  function propertyWrites(literal: Node, object?: Node): { name: string; value: Node }[] {
    const holder = literal.getParent();
    const variable = holder && Node.isVariableDeclaration(holder) ? holder : undefined;
    if (!variable && !object) return [];
    return memberWrites(literal.getSourceFile())
      .filter((write) => variable && Node.isIdentifier(write.object) && localDeclaration(write.object) === variable)
      .map(({ name, value }) => ({ name, value }));
  }

  const memberWritesOf = new Map<SourceFile, { object: Node; name: string; value: Node }[]>();
  function memberWrites(file: SourceFile) {
    let found = memberWritesOf.get(file);
    if (!found) {
      found = [];
      for (const binary of file.getDescendantsOfKind(SyntaxKind.BinaryExpression)) {
        if (binary.getOperatorToken().getKind() !== SyntaxKind.EqualsToken) continue;
        const left = binary.getLeft();
        if (Node.isPropertyAccessExpression(left))
          found.push({ object: left.getExpression(), name: left.getName(), value: assignedValue(binary) });
      }
      memberWritesOf.set(file, found);
    }
    return found;
  }

  // ---- classes -----------------------------------------------------------------------------------------------------

  type Class = ClassDeclaration | ClassExpression;

  function originOfClass(node: Class): Origin {
    const base = node.getExtends()?.getExpression();
    if (base) {
      const origin = originOf(base);
      const made = origin.kind === "grpc-object" && isService(origin.path) ? constructorIn(origin) : origin;
      if (made.kind === "client-constructor") return made;
      if (origin.kind === "grpc" && origin.path === "Client") {
        const short = (node.getName() ?? "").replace(/Client(Impl)?$/, "");
        const service = serviceInFile(node.getSourceFile(), short);
        if (service)
          return {
            kind: "client-constructor",
            service,
            flavour: flavourOf(node.getSourceFile()),
            definition: null,
            packageDefinition: null,
          };
      }
    }
    return { kind: "class", node };
  }

  function memberOfClass(node: Node, name: string, isStatic: boolean): Origin {
    if (!Node.isClassDeclaration(node) && !Node.isClassExpression(node)) return UNKNOWN;
    for (const declared of node.getMembers()) {
      if (Node.isConstructorDeclaration(declared) || Node.isClassStaticBlockDeclaration(declared)) continue;
      if ("isStatic" in declared && declared.isStatic() !== isStatic) continue;
      if ("getName" in declared && declared.getName() === name) return originOf(declared);
    }
    if (!isStatic) {
      for (const declared of node.getConstructors())
        for (const parameter of declared.getParameters())
          if (parameter.isParameterProperty() && parameter.getName() === name) {
            return fieldWrites(node, name).length > 0 ? UNKNOWN : originOf(parameter);
          }
      const writes = fieldWrites(node, name);
      if (writes.length > 0) return joined(writes);
    }
    const base = node.getExtends()?.getExpression();
    const origin = base && originOf(base);
    return origin?.kind === "class" ? memberOfClass(origin.node, name, isStatic) : UNKNOWN;
  }

  function originOfField(node: Node): Origin {
    if (!Node.isPropertyDeclaration(node)) return UNKNOWN;
    const owner = node.getParent();
    const initializer = node.getInitializer();
    const writes = node.isStatic() ? [] : fieldWrites(owner, node.getName());
    const values = initializer && !isNothing(initializer) ? [initializer, ...writes] : writes;
    if (values.length > 0) {
      const origin = joined(values);
      if (origin.kind !== "unknown") return origin;
    }
    const type = node.getTypeNode();
    return type ? valueOfType(originOfType(type)) : UNKNOWN;
  }

  /** Values assigned to `this.name` in a class. */
  function fieldWrites(owner: Node, name: string): Node[] {
    return memberWrites(owner.getSourceFile())
      .filter(
        (write) =>
          write.name === name &&
          write.object.getKind() === SyntaxKind.ThisKeyword &&
          write.object.getPos() > owner.getPos() &&
          write.object.getEnd() < owner.getEnd() &&
          classAround(write.object) === owner,
      )
      .map((write) => write.value);
  }

  function classAround(node: Node): Node | undefined {
    let current = node.getParent();
    while (current) {
      if (Node.isClassDeclaration(current) || Node.isClassExpression(current)) return current;
      if (Node.isFunctionDeclaration(current) || Node.isFunctionExpression(current)) return undefined;
      const parent = current.getParent();
      if (Node.isMethodDeclaration(current) && parent && Node.isObjectLiteralExpression(parent)) return undefined;
      current = parent;
    }
    return undefined;
  }

  function originOfThis(node: Node): Origin {
    const owner = classAround(node);
    if (!owner) return UNKNOWN;
    const method = node.getFirstAncestor(
      (ancestor) => Node.isMethodDeclaration(ancestor) || Node.isPropertyDeclaration(ancestor),
    );
    const isStatic = method !== undefined && "isStatic" in method && (method as { isStatic(): boolean }).isStatic();
    return isStatic ? { kind: "class", node: owner } : { kind: "instance", class: owner };
  }

  // ---- calls -------------------------------------------------------------------------------------------------------

  function originOfCall(node: CallExpression): Origin {
    const required = requireSpecifier(node);
    if (required !== undefined) return wholeOf(originOfModule(node.getSourceFile(), required));
    const callee = node.getExpression();
    const args = node.getArguments();
    const [first] = args;
    const origin = originOf(callee);
    if (origin.kind === "grpc") {
      if (/^(loadPackageDefinition|loadObject)$/.test(origin.path) && first)
        return { kind: "grpc-object", definition: originOf(first), path: "" };
      if (/^make(Generic)?ClientConstructor$/.test(origin.path) && first) {
        const definition = originOf(first);
        const named = args[1] && constantOf(args[1]);
        const service =
          definition.kind === "service-definition" ? definition.service : typeof named === "string" ? named : "";
        if (service === "") return UNKNOWN;
        return {
          kind: "client-constructor",
          service,
          flavour: definition.kind === "service-definition" ? definition.flavour : "generic",
          definition: definition.kind === "service-definition" ? (definition.definition ?? first) : first,
          packageDefinition: definition.kind === "service-definition" ? definition.packageDefinition : null,
        };
      }
      if (/^(credentials|ChannelCredentials|CallCredentials)\.\w+$/.test(origin.path))
        return { kind: "channel-credentials" };
      if (/^ServerCredentials\.\w+$/.test(origin.path)) return { kind: "server-credentials" };
      if (/^Metadata\.\w+$/.test(origin.path)) return { kind: "metadata" };
      return UNKNOWN;
    }
    if (origin.kind === "proto-loader")
      return /^(loadSync|load|fromJSON|loadFileDescriptorSetFromBuffer|loadFileDescriptorSetFromObject)$/.test(
        origin.path,
      )
        ? packageDefinitionOf(node)
        : UNKNOWN;
    if (origin.kind === "external" && /\.?freeze$/.test(origin.path) && first) return originOf(first);
    if (Node.isPropertyAccessExpression(callee)) {
      const name = callee.getName();
      if (callee.getExpression().getText() === "Object" && /^(freeze|seal)$/.test(name) && first)
        return originOf(first);
      const object = originOf(callee.getExpression());
      if (object.kind === "metadata" && name === "clone") return object;
      if (object.kind === "function" && name === "bind") return object;
      if (object.kind === "channel-credentials" && name === "compose") return object;
    }
    if (origin.kind === "function") return originOfResult(origin.node);
    return stringOf(node);
  }

  function originOfNew(origin: Origin, node: Node): Origin {
    switch (origin.kind) {
      case "grpc":
        if (origin.path === "Server") return { kind: "server", construction: node };
        if (origin.path === "Metadata") return { kind: "metadata" };
        if (origin.path === "Client")
          return { kind: "client", service: "", flavour: "generic", construction: node, packageDefinition: null };
        return UNKNOWN;
      case "grpc-object":
        return {
          kind: "client",
          service: origin.path,
          flavour: "proto-loader",
          construction: node,
          packageDefinition: origin.definition.kind === "package-definition" ? origin.definition : null,
        };
      case "client-constructor":
        // What cannot be looked at is a client of grpc-js if that is what it is made of.
        if (origin.flavour === "missing" && !isOfGrpc(node)) return UNKNOWN;
        return {
          kind: "client",
          service: origin.service,
          flavour: origin.flavour,
          construction: node,
          packageDefinition: origin.packageDefinition,
        };
      case "class":
        return { kind: "instance", class: origin.node };
      default:
        return UNKNOWN;
    }
  }

  /** `new X(address, credentials)` */
  function isOfGrpc(node: Node): boolean {
    const credentials = Node.isNewExpression(node) ? node.getArguments()[1] : undefined;
    return credentials !== undefined && originOf(credentials).kind === "channel-credentials";
  }

  /** What a function returns, if all its returns agree. */
  function originOfResult(node: Node): Origin {
    if (Node.isArrowFunction(node)) {
      const body = node.getBody();
      if (!Node.isBlock(body)) return originOf(body);
    }
    const values: Expression[] = [];
    let isOpen = false;
    node.forEachDescendant((inner, traversal) => {
      if (
        inner !== node &&
        (Node.isFunctionLikeDeclaration(inner) || Node.isArrowFunction(inner) || Node.isFunctionExpression(inner))
      ) {
        traversal.skip();
        return;
      }
      if (Node.isReturnStatement(inner)) {
        const value = inner.getExpression();
        if (value) values.push(value);
        else isOpen = true;
      }
    });
    if (values.length > 0 && !isOpen) {
      const origin = joined(values);
      if (origin.kind !== "unknown") return origin;
    }
    const type =
      "getReturnTypeNode" in node ? (node as { getReturnTypeNode(): Node | undefined }).getReturnTypeNode() : undefined;
    return type ? valueOfType(originOfType(type)) : UNKNOWN;
  }

  function packageDefinitionOf(node: CallExpression): PackageDefinitionOrigin {
    const [file, options] = node.getArguments();
    const constant = options ? constantOf(options) : {};
    const isObject = typeof constant === "object" && constant !== null && !Array.isArray(constant);
    const settings = isObject ? (constant as Record<string, unknown>) : null;
    const includeDirs = Array.isArray(settings?.includeDirs)
      ? settings.includeDirs.filter((dir) => typeof dir === "string")
      : [];
    const written = file ? constantOf(file) : undefined;
    const list = Array.isArray(written) ? written : [written];
    const from = node.getSourceFile().getFilePath();
    return {
      kind: "package-definition",
      protos: list.filter((entry) => typeof entry === "string").map((entry) => protoPath(entry, from, includeDirs)),
      options: settings,
      call: node,
    };
  }

  function constantOf(node: Node): unknown {
    return evaluate(node, valueNode);
  }

  /** The expression behind a constant name, across files. */
  function valueNode(node: Node): Node | undefined {
    if (Node.isIdentifier(node)) {
      const declaration = declarationOf(node);
      if (!declaration) return undefined;
      if (Node.isVariableDeclaration(declaration)) {
        return writesTo(declaration).length > 0 ? undefined : declaration.getInitializer();
      }
      if (Node.isPropertyAssignment(declaration)) return declaration.getInitializer();
      return Node.isExpression(declaration) ? declaration : undefined;
    }
    if (Node.isPropertyAccessExpression(node)) {
      const object = originOf(node.getExpression());
      if (object.kind === "module") {
        const found = exportNode(object.file, node.getName());
        return found && Node.isVariableDeclaration(found) ? found.getInitializer() : found && valueOfProperty(found);
      }
      if (object.kind === "object" && Node.isObjectLiteralExpression(object.node)) {
        const property = object.node.getProperty(node.getName());
        return property && valueOfProperty(property);
      }
    }
    return undefined;
  }

  function valueOfProperty(node: Node): Node | undefined {
    if (Node.isPropertyAssignment(node)) return node.getInitializer();
    if (Node.isShorthandPropertyAssignment(node)) return node.getNameNode();
    return Node.isExpression(node) ? node : undefined;
  }

  // ---- assignments -------------------------------------------------------------------------------------------------

  const assignments = new Map<SourceFile, Map<Node, (Node | null)[]>>();

  /** The values assigned to a variable after its declaration; null for an assignment that has no one value (`x++`, patterns). */
  function writesTo(declaration: Node): (Node | null)[] {
    const file = declaration.getSourceFile();
    let found = assignments.get(file);
    if (!found) {
      found = new Map();
      assignments.set(file, found);
      const add = (target: Node, value: Node | null) => {
        const variable = localDeclaration(target);
        if (variable) found?.set(variable, [...(found.get(variable) ?? []), value]);
      };
      file.forEachDescendant((node) => {
        if (Node.isBinaryExpression(node)) {
          const operator = node.getOperatorToken().getKind();
          if (operator < SyntaxKind.FirstAssignment || operator > SyntaxKind.LastAssignment) return;
          const left = node.getLeft();
          if (Node.isIdentifier(left)) {
            const value = operator === SyntaxKind.EqualsToken ? assignedValue(node) : null;
            // Setting a variable free again says nothing about what it holds while it is used.
            if (!value || !isNothing(value)) add(left, value);
          } else if (Node.isArrayLiteralExpression(left) || Node.isObjectLiteralExpression(left))
            for (const name of left.getDescendantsOfKind(SyntaxKind.Identifier)) add(name, null);
        } else if (Node.isPrefixUnaryExpression(node) || Node.isPostfixUnaryExpression(node)) {
          const operator = node.getOperatorToken();
          if (operator !== SyntaxKind.PlusPlusToken && operator !== SyntaxKind.MinusMinusToken) return;
          const operand = node.getOperand();
          if (Node.isIdentifier(operand)) add(operand, null);
        } else if (Node.isForOfStatement(node) || Node.isForInStatement(node)) {
          const target = node.getInitializer();
          if (Node.isIdentifier(target)) add(target, null);
        }
      });
    }
    return found.get(declaration) ?? [];
  }

  // ---- generated code ----------------------------------------------------------------------------------------------

  const flavours = new Map<SourceFile, Flavour>();
  function flavourOf(file: SourceFile): Flavour {
    let flavour = flavours.get(file);
    if (!flavour) {
      const generator = generatorOf(file.getFilePath(), file.getFullText());
      flavour = generator === null || generator === "protobuf-es" ? "generic" : generator;
      flavours.set(file, flavour);
    }
    return flavour;
  }

  function isService(name: string): boolean {
    return protos.service(name) !== undefined;
  }

  /** `{ sayHello: { path: "/helloworld.Greeter/SayHello", requestSerialize: … } }` is a service definition, whoever wrote it. */
  function definitionInLiteral(node: Node): Origin | undefined {
    if (!Node.isObjectLiteralExpression(node)) return undefined;
    let service: string | undefined;
    for (const property of node.getProperties()) {
      if (!Node.isPropertyAssignment(property)) return undefined;
      const text = methodPathIn(bare(property.getInitializer())) ?? "";
      const found = /^\/([\w.]+)\/\w+$/.exec(text)?.[1];
      if (found === undefined || (service !== undefined && found !== service)) return undefined;
      service = found;
    }
    if (service === undefined) return undefined;
    const holder = node.getFirstAncestor(
      (ancestor) =>
        Node.isVariableDeclaration(ancestor) || Node.isPropertyDeclaration(ancestor) || Node.isStatement(ancestor),
    );
    const definition =
      holder && (Node.isVariableDeclaration(holder) || Node.isPropertyDeclaration(holder)) ? holder : node;
    return {
      kind: "service-definition",
      service,
      flavour: flavourOf(node.getSourceFile()),
      definition,
      packageDefinition: null,
    };
  }

  /** The `path` of a method's definition: in a literal, or in the literal that a function of the project returns. */
  function methodPathIn(method: Node | undefined): string | undefined {
    let literal = method;
    let follow = valueNode;
    if (method && Node.isCallExpression(method)) {
      const origin = originOf(method.getExpression());
      if (origin.kind !== "function") return undefined;
      const parameters = (origin.node as unknown as { getParameters(): ParameterDeclaration[] }).getParameters();
      literal = returnedLiteral(origin.node);
      follow = (node) => {
        const index = parameters.findIndex((each) => Node.isIdentifier(node) && localDeclaration(node) === each);
        return index < 0 ? valueNode(node) : method.getArguments()[index];
      };
    }
    if (!literal || !Node.isObjectLiteralExpression(literal)) return undefined;
    const property = literal.getProperty("path");
    const value = Node.isShorthandPropertyAssignment(property)
      ? property.getNameNode()
      : property && Node.isPropertyAssignment(property)
        ? bare(property.getInitializer())
        : undefined;
    const path = value && evaluate(value, follow);
    return typeof path === "string" ? path : undefined;
  }

  /** The object literal that a function returns, if it does nothing else. */
  function returnedLiteral(node: Node): Node | undefined {
    const body = (node as unknown as { getBody(): Node | undefined }).getBody();
    const statements = body && Node.isBlock(body) ? body.getStatements() : [];
    const [only] = statements;
    const returned = only && Node.isReturnStatement(only) ? only.getExpression() : undefined;
    return bare(Node.isBlock(body) ? (statements.length === 1 ? returned : undefined) : (body as Expression));
  }

  /** The full name of a service that a generated file is about, by its short name. */
  function serviceInFile(file: SourceFile, short: string): string | undefined {
    if (short === "") return undefined;
    const text = file.getFullText();
    const paths = new Set([...text.matchAll(/["'`]\/([\w.]+)\/\w+["'`]/g)].map((match) => match[1] as string));
    const lower = short.toLowerCase();
    const inFile = [...paths].filter((name) => name.split(".").at(-1)?.toLowerCase() === lower);
    if (inFile.length === 1) return inFile[0];
    const known = protos.services().filter((service) => service.name.toLowerCase() === lower);
    if (known.length === 1) return known[0]?.typeName;
    const folders = path.dirname(file.getFilePath()).split(path.sep).join(".");
    const near = known.filter((service) => `.${folders}.`.includes(`.${service.file.proto.package}.`));
    return near.length === 1 ? near[0]?.typeName : undefined;
  }

  // ---- types -------------------------------------------------------------------------------------------------------

  function originOfType(type: Node): Origin {
    if (Node.isParenthesizedTypeNode(type)) return originOfType(type.getTypeNode());
    if (Node.isUnionTypeNode(type)) {
      const members = type.getTypeNodes().filter((member) => !/^(null|undefined|void)$/.test(member.getText()));
      const found = members.map(originOfType);
      const [first] = found;
      return first && found.every((origin) => isSameOrigin(origin, first)) ? first : UNKNOWN;
    }
    if (Node.isIntersectionTypeNode(type)) {
      const found = type
        .getTypeNodes()
        .map(originOfType)
        .filter((origin) => origin.kind !== "unknown");
      return found.length > 0 ? (found[0] as Origin) : UNKNOWN;
    }
    if (Node.isTypeQuery(type)) return originOf(type.getExprName());
    if (Node.isTypeReference(type)) {
      const name = type.getTypeName();
      const [argument] = type.getTypeArguments();
      if (argument && /^(Promise|Readonly|Required|NonNullable)$/.test(name.getText())) return originOfType(argument);
      if (argument && name.getText() === "InstanceType") return valueOfType(originOfType(argument));
      return originOfTypeName(name);
    }
    if (Node.isExpressionWithTypeArguments(type)) return originOfTypeName(type.getExpression());
    return UNKNOWN;
  }

  function originOfTypeName(name: Node): Origin {
    if (Node.isQualifiedName(name) || Node.isPropertyAccessExpression(name)) {
      const left = Node.isQualifiedName(name) ? name.getLeft() : name.getExpression();
      const right = Node.isQualifiedName(name) ? name.getRight().getText() : name.getName();
      const origin = originOfTypeName(left);
      if (origin.kind === "module") {
        const node = exportNode(origin.file, right);
        return node ? originOfTypeDeclaration(node) : UNKNOWN;
      }
      if (origin.kind === "namespace") {
        const node = memberOfNamespace(origin.node, right);
        return node ? originOfTypeDeclaration(node) : UNKNOWN;
      }
      return origin.kind === "unknown" ? UNKNOWN : member(origin, right);
    }
    const declarations = name.getSymbol()?.getDeclarations() ?? [];
    for (const declaration of declarations) {
      const origin = originOfTypeDeclaration(declaration);
      if (origin.kind !== "unknown") return origin;
    }
    return UNKNOWN;
  }

  const activeTypes = new Set<Node>();
  function originOfTypeDeclaration(node: Node): Origin {
    if (activeTypes.has(node)) return UNKNOWN;
    activeTypes.add(node);
    try {
      if (Node.isImportSpecifier(node) || Node.isImportClause(node)) {
        const declaration = node.getFirstAncestorByKind(SyntaxKind.ImportDeclaration);
        const specifier = declaration?.getModuleSpecifierValue();
        if (specifier === undefined) return UNKNOWN;
        const module = originOfModule(node.getSourceFile(), specifier);
        const name = Node.isImportSpecifier(node) ? node.getName() : "default";
        if (module.kind !== "module") return member(module, name);
        const target = exportNode(module.file, name);
        return target ? originOfTypeDeclaration(target) : UNKNOWN;
      }
      if (Node.isNamespaceImport(node) || Node.isImportEqualsDeclaration(node)) return originOf(node);
      if (Node.isTypeAliasDeclaration(node)) {
        const type = node.getTypeNode();
        return type ? originOfType(type) : UNKNOWN;
      }
      if (Node.isInterfaceDeclaration(node)) {
        for (const base of node.getExtends()) {
          const origin = valueOfType(originOfType(base));
          const isClient = origin.kind === "client";
          if (isClient && origin.service !== "") return origin;
          if (isClient) return clientByName(node.getSourceFile(), node.getName());
        }
        return UNKNOWN;
      }
      if (Node.isIdentifier(node)) return originOfTypeName(node);
      return originOf(node);
    } finally {
      activeTypes.delete(node);
    }
  }

  function clientByName(file: SourceFile, name: string): Origin {
    const service =
      serviceInFile(file, name.replace(/^I(?=[A-Z])/, "").replace(/Client(Impl)?$/, "")) ??
      serviceInFile(file, name.replace(/Client(Impl)?$/, ""));
    if (service === undefined) return UNKNOWN;
    return { kind: "client", service, flavour: flavourOf(file), construction: null, packageDefinition: null };
  }

  /** What a value of a type is. */
  function valueOfType(origin: Origin): Origin {
    switch (origin.kind) {
      case "grpc":
        if (origin.path === "Metadata") return { kind: "metadata" };
        if (origin.path === "Server") return { kind: "server", construction: null };
        if (/^(ChannelCredentials|CallCredentials)$/.test(origin.path)) return { kind: "channel-credentials" };
        if (origin.path === "ServerCredentials") return { kind: "server-credentials" };
        if (origin.path === "Client")
          return { kind: "client", service: "", flavour: "generic", construction: null, packageDefinition: null };
        return UNKNOWN;
      case "client-constructor":
        return {
          kind: "client",
          service: origin.service,
          flavour: origin.flavour,
          construction: null,
          packageDefinition: origin.packageDefinition,
        };
      case "class":
        return { kind: "instance", class: origin.node };
      case "client":
      case "instance":
      case "metadata":
      case "server":
      case "channel-credentials":
      case "server-credentials":
      case "service-definition":
      case "grpc-object":
      case "package-definition":
        return origin;
      default:
        return UNKNOWN;
    }
  }

  /** The checker's answer for a name or member whose value could not be followed (TypeScript files only). */
  function originByType(node: Node): Origin {
    if (!Node.isIdentifier(node) && !Node.isPropertyAccessExpression(node)) return UNKNOWN;
    const file = node.getSourceFile();
    if (!/\.[cm]?tsx?$/.test(file.getFilePath()) || file.isDeclarationFile()) return UNKNOWN;
    const parent = node.getParent();
    if (parent && Node.isPropertyAccessExpression(parent) && parent.getNameNode() === node) return UNKNOWN;
    const type = node.getType().getNonNullableType();
    const declaration = (type.getAliasSymbol() ?? type.getSymbol())?.getDeclarations()[0];
    if (!declaration) return UNKNOWN;
    const declared = declaration.getSourceFile().getFilePath() as string;
    if (/\/node_modules\/@grpc\/grpc-js\//.test(declared)) {
      const name = "getName" in declaration ? (declaration as { getName(): string | undefined }).getName() : undefined;
      return name ? valueOfType({ kind: "grpc", path: name }) : UNKNOWN;
    }
    if (declared.includes("/node_modules/")) return UNKNOWN;
    if (Node.isClassDeclaration(declaration) || Node.isInterfaceDeclaration(declaration))
      return valueOfType(originOfTypeDeclaration(declaration));
    return UNKNOWN;
  }

  // ---- references --------------------------------------------------------------------------------------------------

  const canonical = new Map<Node, Node | undefined>();
  const following = new Set<Node>();

  /** The declaration that a name stands for after imports, requires and re-exports. */
  function declarationOf(identifier: Node): Node | undefined {
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
        const property = object.node.getProperty(identifier.getText());
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
      const file = specifier === undefined ? undefined : resolveModule(declaration.getSourceFile(), specifier);
      const name = declaration.getPropertyNameNode()?.getText() ?? declaration.getName();
      const node = file && exportNode(file, name);
      return node ? settle(node) : declaration;
    }
    if (Node.isVariableDeclaration(declaration)) {
      const initializer = declaration.getInitializer();
      const specifier = initializer && requireSpecifier(initializer);
      const file = specifier === undefined ? undefined : resolveModule(declaration.getSourceFile(), specifier);
      const whole = file && exportsOf(file).whole;
      // `const createClient = require("./client")` names what the file exports as a whole.
      if (whole && !Node.isObjectLiteralExpression(whole)) return settle(whole);
      return declaration;
    }
    if (Node.isShorthandPropertyAssignment(declaration)) {
      const value = declaration.getValueSymbol()?.getDeclarations()[0];
      return value && value !== declaration ? settle(value) : declaration;
    }
    if (Node.isPropertyAssignment(declaration)) {
      const initializer = declaration.getInitializer();
      return initializer && Node.isIdentifier(initializer) ? (declarationOf(initializer) ?? declaration) : declaration;
    }
    if (Node.isIdentifier(declaration)) return declarationOf(declaration) ?? declaration;
    return declaration;
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
    /** Names for what a file exports as a whole: any name may stand for it. Not followed yet. */
    readonly wholes: Node[];
  }
  let projectIndex: ProjectIndex | undefined;

  function indexOfProject(): ProjectIndex {
    if (projectIndex) return projectIndex;
    const order = new Map<SourceFile, number>();
    const filesOf = new Map<string, SourceFile[]>();
    const aliases = new Map<string, Set<string>>();
    const wholes: Node[] = [];
    for (const file of input.allFiles()) {
      if (flavourOf(file) !== "generic") continue;
      order.set(file, order.size);
      const own = indexOf(file);
      for (const name of own.names) {
        const files = filesOf.get(name);
        if (files) files.push(file);
        else filesOf.set(name, [file]);
      }
      addAliases(aliases, own.aliases);
      for (const name of own.wholes) wholes.push(...own.identifiers(name));
    }
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

  /** The names of whole modules that turn out to stand for a declaration. Each is followed once, for all questions. */
  function wholesFor(target: Node): readonly Node[] {
    const { wholes } = indexOfProject();
    const late: Node[] = [];
    // What following one of them asks may come here again: whoever comes takes the next one.
    for (let node = wholes.pop(); node !== undefined; node = wholes.pop()) {
      if (following.has(node)) {
        late.push(node);
        continue;
      }
      const declaration = isPropertyName(node) ? undefined : declarationOf(node);
      if (declaration) followedWholes.set(declaration, [...(followedWholes.get(declaration) ?? []), node]);
    }
    wholes.push(...late);
    return followedWholes.get(target) ?? [];
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
    for (const name of names)
      for (const node of [...identifiersNamed(name), ...(ownIndex?.identifiers(name) ?? [])]) {
        if (isPropertyName(node)) continue;
        if (node === target || declarationOf(node) === target) found.add(node);
      }
    const place = (node: Node) => order.get(node.getSourceFile()) ?? order.size;
    return [...found].sort((a, b) => place(a) - place(b));
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

  return { originOf, originOfType, referencesTo, identifiersNamed, declarationOf, constantOf };
}

/** The declaration of a member; in JavaScript the first `this.x = …` where nothing declares it. */
function fieldOf(owner: ClassDeclaration | ClassExpression, name: string): Node | undefined {
  const declared = owner
    .getMembers()
    .find((each) => "getName" in each && (each as { getName(): string }).getName() === name);
  if (declared || !/\.[cm]?jsx?$/.test(owner.getSourceFile().getFilePath())) return declared;
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

/** An expression without `as const` and the like. */
function bare(node: Node | undefined): Node | undefined {
  let current = node;
  while (
    current &&
    (Node.isAsExpression(current) || Node.isSatisfiesExpression(current) || Node.isParenthesizedExpression(current))
  )
    current = current.getExpression();
  return current;
}

function isTypeDeclaration(node: Node): boolean {
  return Node.isInterfaceDeclaration(node) || Node.isTypeAliasDeclaration(node);
}
