import path from "node:path";
import {
  type BindingElement,
  type CallExpression,
  Node,
  type ObjectLiteralExpression,
  type ParameterDeclaration,
  type SourceFile,
  SyntaxKind,
  type VariableDeclaration,
} from "ts-morph";
import type { ProtoRegistry } from "../generate/proto-registry.js";
import { createAssignments, isNothing, isTypeDeclaration, localDeclaration } from "./assignments.js";
import { createCallOrigins } from "./call-origins.js";
import { createClassOrigins } from "./class-origins.js";
import { createCollections } from "./collections.js";
import { assignedValue, exportsOf, isValueAssignment, requireSpecifier } from "./exports.js";
import { onlyResult } from "./function-bodies.js";
import { createGeneratedServices } from "./generated-services.js";
import { type HandedOn, isOwnExports } from "./handed-on.js";
import { createMissingStubs } from "./missing-generated.js";
import { isSameOrigin, type Origin, UNKNOWN } from "./origin.js";
import { valuesPassed } from "./passed-values.js";
import { pathWalk } from "./path-walk.js";
import { createReferences } from "./references.js";
import { evaluate } from "./strings.js";
import { createTypeOrigins, valueOfType } from "./type-origins.js";

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
  /** The client that every element of a list, a Map or a record is, where all that is done with it is known. */
  elementOf(holder: Node): Origin;
  /** What a function returns, if all its returns agree. */
  resultOf(fn: Node): Origin;
  /** What each call of a function passes for a parameter, undefined for nothing; or undefined, if not all calls are known. */
  valuesPassed(parameter: ParameterDeclaration): (Node | undefined)[] | undefined;
  mentionsOf(file: SourceFile): readonly Node[];
  readonly isHandedOn: HandedOn["isHandedOn"];
}

const GRPC = /^(?:@grpc\/grpc-js|grpc)(?:\/build\/src(?:\/.*)?)?$/;
const PROTO_LOADER = /^@grpc\/proto-loader(?:\/|$)/;

/** Where a name that nothing declares is given values, and who reads it. */
interface GlobalUses {
  readonly writes: ReadonlyMap<SourceFile, readonly Node[]>;
  readonly readers: ReadonlySet<SourceFile>;
}

/** An abstract interpreter over declarations: it follows names to what they are bound to, and says `unknown` where that is not certain. */
export function createProvenance(input: ProvenanceInput): Provenance {
  const { protos, resolveModule } = input;
  const { writesTo, memberWrites } = createAssignments();
  const missingStub = createMissingStubs(input.root, protos);
  let origins = new Map<Node, Origin>();
  /** What is being computed, with how deep it lies in each other. */
  const active = new Map<Node, number>();
  /** The outermost of these that what was computed since has come upon again. */
  let cycle = Number.POSITIVE_INFINITY;
  const globals = new Map<string, GlobalUses | null>();
  /** What the call that is looked into passes for a parameter, or for a name in its pattern. */
  let given: ReadonlyMap<Node, Node> = new Map();
  const { declarationOf, referencesTo, namesOfExport, identifiersNamed, isHandedOn, mentionsOf } = createReferences({
    originOf,
    exportNode,
    memberNode,
    resolveModule,
    allFiles: input.allFiles,
    isGenerated: (file) => flavourOf(file) !== "generic",
    cutShort,
  });
  const passing = { originOf, referencesTo, namesOfExport, writesTo, isHandedOn };
  const { flavourOf, isService, definitionInLiteral, serviceInFile } = createGeneratedServices({
    protos,
    originOf,
    valueNode,
  });
  const { originOfType, originByType } = createTypeOrigins({
    originOf,
    originOfModule,
    exportNode,
    member,
    memberOfNamespace,
    serviceInFile,
    flavourOf,
    cutShort,
  });
  const { originOfClass, memberOfClass, originOfField, originOfThis, originOfSuper } = createClassOrigins({
    originOf,
    originOfType,
    joined,
    memberWrites,
    constructorIn,
    isService,
    serviceInFile,
    flavourOf,
  });
  const { originOfCall, originOfNew, originOfResult } = createCallOrigins({
    originOf,
    originOfType,
    originOfModule,
    wholeOf,
    joined,
    elementOf,
    stringOf,
    constantOf,
    writesTo,
    valueOfProperty,
    withGiven,
  });
  const collections = createCollections({ originOf, originOfResult, writesTo, identifiersNamed, cutShort });

  // A list in a function may hold something else in each call of it.
  function elementOf(holder: Node): Origin {
    return given.size > 0 ? UNKNOWN : collections.elementOf(holder);
  }
  function iteratedElement(holder: Node, isEntry: boolean): Origin {
    return given.size > 0 ? UNKNOWN : collections.iteratedElement(holder, isEntry);
  }

  function withGiven(names: ReadonlyMap<Node, Node>, run: () => Origin): Origin {
    const outer = { origins, given };
    // What is found for one call is not true of others.
    origins = new Map();
    given = new Map([...given, ...names]);
    try {
      return run();
    } finally {
      ({ origins, given } = outer);
    }
  }

  /** Something was told less than there is, because it is being found out just now: nothing but the outermost question is answered. */
  function cutShort(): void {
    cycle = 0;
  }

  function originOf(node: Node): Origin {
    const known = origins.get(node);
    if (known) return known;
    // A value that depends on itself is not known by it.
    const around = active.get(node);
    if (around !== undefined) {
      cycle = Math.min(cycle, around);
      return UNKNOWN;
    }
    const [depth, outerCycle] = [active.size, cycle];
    cycle = Number.POSITIVE_INFINITY;
    active.set(node, depth);
    let origin = compute(node);
    if (origin.kind === "unknown") origin = originByType(node);
    active.delete(node);
    // What came upon something that is still open may be known once that is: only certain answers are kept then.
    const isOpen = cycle < depth;
    if (origin.kind !== "unknown" || !isOpen) origins.set(node, origin);
    cycle = isOpen ? Math.min(cycle, outerCycle) : outerCycle;
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
    if (isOwnExports(node)) return { kind: "module", file: node.getSourceFile() };
    if (Node.isIdentifier(node)) return originOfIdentifier(node);
    if (Node.isPropertyAccessExpression(node)) return memberOf(node.getExpression(), node.getName());
    if (Node.isElementAccessExpression(node)) {
      const argument = node.getArgumentExpression();
      const name = argument && (constantOf(argument) ?? passedEverywhere(argument));
      const member = typeof name === "string" ? memberOf(node.getExpression(), name) : UNKNOWN;
      return member.kind === "unknown" ? elementOf(node.getExpression()) : member;
    }
    if (Node.isCallExpression(node)) {
      const origin = originOfCall(node);
      return origin.kind === "unknown" ? originByPath(node) : origin;
    }
    if (Node.isNewExpression(node)) return originOfNew(originOf(node.getExpression()), node);
    if (Node.isStringLiteral(node) || Node.isNoSubstitutionTemplateLiteral(node))
      return { kind: "string", value: node.getLiteralText() };
    if (Node.isTemplateExpression(node)) return stringOf(node);
    if (Node.isObjectLiteralExpression(node)) return definitionInLiteral(node) ?? { kind: "object", node };
    if (Node.isFunctionExpression(node) || Node.isArrowFunction(node) || Node.isMethodDeclaration(node))
      return { kind: "function", node };
    if (Node.isClassExpression(node)) return originOfClass(node);
    if (node.getKind() === SyntaxKind.ThisKeyword) return originOfThis(node);
    if (node.getKind() === SyntaxKind.SuperKeyword) return originOfSuper(node);
    if (Node.isConditionalExpression(node)) return joined([node.getWhenTrue(), node.getWhenFalse()]);
    if (Node.isBinaryExpression(node)) {
      const operator = node.getOperatorToken().getKind();
      if (operator === SyntaxKind.EqualsToken) return originOf(assignedValue(node));
      if (isValueAssignment(operator)) return joined([node.getLeft(), node.getRight()]);
      if (operator === SyntaxKind.BarBarToken || operator === SyntaxKind.QuestionQuestionToken)
        return joined([node.getLeft(), node.getRight()]);
      if (operator === SyntaxKind.PlusToken) return stringOf(node);
      // `address && new X(address)`: a client, or nothing.
      const right = operator === SyntaxKind.AmpersandAmpersandToken ? originOf(node.getRight()) : UNKNOWN;
      return right.kind === "client" ? right : UNKNOWN;
    }
    return originOfDeclaration(node);
  }

  /** The one constant that every call passes for a parameter. */
  function passedEverywhere(node: Node): unknown {
    const declaration = Node.isIdentifier(node) ? localDeclaration(node) : undefined;
    if (!Node.isParameterDeclaration(declaration) || writesTo(declaration).length > 0) return undefined;
    const values = valuesPassed(passing, declaration) ?? [undefined];
    const found = new Set(values.map((value) => value && constantOf(value)));
    return found.size === 1 ? [...found][0] : undefined;
  }

  /** `"shop.v1".split(".").reduce((object, name) => object[name], root)` */
  function originByPath(node: CallExpression): Origin {
    const walk = pathWalk(node);
    const split = walk?.names;
    if (!walk || !Node.isCallExpression(split) || !/\.split\(\s*['"]\.['"]\s*\)$/.test(split.getText())) return UNKNOWN;
    const text = split.getExpression().getChildAtIndex(0);
    const path = constantOf(text) ?? passedEverywhere(text);
    return typeof path === "string"
      ? path.split(".").reduce((found, name) => member(found, name), originOf(walk.root))
      : UNKNOWN;
  }

  function stringOf(node: Node): Origin {
    const value = constantOf(node);
    return typeof value === "string" ? { kind: "string", value } : UNKNOWN;
  }

  function joined(nodes: readonly Node[]): Origin {
    const given = nodes.filter((node) => !isNothing(node));
    const found = given.map(originOf);
    const [first] = found;
    if (!first || !found.every((origin) => isSameOrigin(origin, first))) return UNKNOWN;
    // Where there is nothing instead of a client, no calls are made.
    return given.length < nodes.length && first.kind !== "client" ? UNKNOWN : first;
  }

  // ---- names -------------------------------------------------------------------------------------------------------

  function originOfIdentifier(node: Node): Origin {
    if (node.getText() === "undefined") return UNKNOWN;
    const declaration = localDeclaration(node);
    if (!declaration) return originOfGlobal(node);
    if (declaration === node) return UNKNOWN;
    return originOf(declaration);
  }

  /** A name that nothing declares is a global variable: what its file assigns to it, if no other file mentions it. */
  function originOfGlobal(node: Node): Origin {
    const file = node.getSourceFile();
    if (!/\.c?jsx?$/.test(file.getFilePath())) return UNKNOWN;
    const name = node.getText();
    let uses = globals.get(name);
    if (uses === undefined) {
      uses = usesOfGlobal(name);
      globals.set(name, uses);
    }
    const values = uses?.writes.get(file);
    const isShared = uses && [...uses.readers].some((reader) => !uses?.writes.has(reader));
    return values && !isShared ? joined(values) : UNKNOWN;
  }

  /** Null for one that is changed in another way than by an assignment. */
  function usesOfGlobal(name: string): GlobalUses | null {
    const writes = new Map<SourceFile, Node[]>();
    const readers = new Set<SourceFile>();
    for (const each of identifiersNamed(name)) {
      const parent = each.getParent();
      if (!parent || (Node.isPropertyAccessExpression(parent) && parent.getNameNode() === each)) continue;
      if (localDeclaration(each)) continue;
      const file = each.getSourceFile();
      const isWrite = Node.isBinaryExpression(parent) && parent.getLeft() === each;
      if (!isWrite) readers.add(file);
      else if (isValueAssignment(parent.getOperatorToken().getKind()))
        writes.set(file, [...(writes.get(file) ?? []), assignedValue(parent)]);
      else return null;
    }
    return { writes, readers };
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
    const loop = node.getParent()?.getParent();
    if (loop && Node.isForOfStatement(loop) && writesTo(node).length === 0) {
      const element = iteratedElement(loop.getExpression(), false);
      if (element.kind !== "unknown") return element;
    }
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

  function originOfBinding(node: BindingElement): Origin {
    const argument = given.get(node);
    if (argument) return originOf(argument);
    const pattern = node.getParent();
    if (Node.isArrayBindingPattern(pattern)) {
      const loop = pattern.getParent()?.getParent()?.getParent();
      const isElement = loop && Node.isForOfStatement(loop) && pattern.getElements()[1] === node;
      return isElement && writesTo(node).length === 0 ? iteratedElement(loop.getExpression(), true) : UNKNOWN;
    }
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
    const argument = given.get(node);
    if (argument) return originOf(argument);
    const type = node.getTypeNode();
    const passed = originOfPassed(node);
    if (passed.kind !== "unknown") return passed;
    return type ? valueOfType(originOfType(type)) : UNKNOWN;
  }

  /** What every call of a function passes for a parameter, if all calls are known and agree. */
  function originOfPassed(node: ParameterDeclaration): Origin {
    const owner = node.getParent();
    const holder = owner.getParent();
    if (Node.isCallExpression(holder) && holder.getArguments()[0] === owner) {
      // `protoLoader.load(path).then((definition) => …)`
      const callee = holder.getExpression();
      const isFirst = "getParameters" in owner && (owner.getParameters() as Node[])[0] === node;
      if (isFirst && Node.isPropertyAccessExpression(callee) && /^(forEach|map)$/.test(callee.getName())) {
        const each = callee.getExpression();
        return Node.isCallExpression(each) ? iteratedElement(each, false) : elementOf(each);
      }
      if (!isFirst || !Node.isPropertyAccessExpression(callee) || callee.getName() !== "then") return UNKNOWN;
      const origin = originOf(callee.getExpression());
      return origin.kind === "package-definition" ? origin : UNKNOWN;
    }
    if (Node.isMethodDeclaration(owner)) return UNKNOWN;
    const values = valuesPassed(passing, node);
    if (!values) return UNKNOWN;
    const given = values.filter((value) => value && value.getText() !== "false" && !isNothing(value)) as Node[];
    const isMissing = given.length < values.length;
    const found = given.map(originOf);
    const [first] = found;
    if (!first || !found.every((origin) => isSameOrigin(origin, first))) return UNKNOWN;
    // Who passes nothing instead of a client makes no calls, and instead of Metadata none that grpc-js takes.
    return isMissing && first.kind !== "client" && first.kind !== "metadata" ? UNKNOWN : first;
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
      if (object && Node.isObjectLiteralExpression(object)) return memberNode(object, name, seen);
      const required = object && requireSpecifier(object);
      if (required !== undefined) {
        const target = resolveModule(file, required);
        if (target) return exportNode(target, name, seen);
      }
    }
    return undefined;
  }

  function memberNode(object: ObjectLiteralExpression, name: string, seen = new Set<SourceFile>()): Node | undefined {
    const property = object.getProperty(name);
    if (property) return property;
    for (const spread of object.getProperties().filter(Node.isSpreadAssignment).reverse()) {
      const origin = originOf(spread.getExpression());
      const literal = origin.kind === "object" && Node.isObjectLiteralExpression(origin.node) ? origin.node : undefined;
      const found =
        origin.kind === "module"
          ? exportNode(origin.file, name, seen)
          : literal && literal !== object && memberNode(literal, name, seen);
      if (found) return found;
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
          const stub = missingStub(origin.module, name);
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

  // ---- values -----------------------------------------------------------------------------------------------------

  function constantOf(node: Node): unknown {
    return evaluate(node, valueNode);
  }

  /** The expression behind a constant name, across files. */
  function valueNode(node: Node): Node | undefined {
    if (Node.isIdentifier(node)) {
      const declaration = declarationOf(node);
      if (!declaration) return undefined;
      const argument = given.get(declaration);
      if (argument) return argument;
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
    // `protoRoot()`
    if (Node.isCallExpression(node) && node.getArguments().length === 0) {
      const callee = originOf(node.getExpression());
      const isLater = callee.kind === "function" && /^(async|function\s*\*)/.test(callee.node.getText());
      return callee.kind === "function" && !isLater ? onlyResult(callee.node) : undefined;
    }
    return undefined;
  }

  function valueOfProperty(node: Node): Node | undefined {
    if (Node.isPropertyAssignment(node)) return node.getInitializer();
    if (Node.isShorthandPropertyAssignment(node)) return node.getNameNode();
    return Node.isExpression(node) ? node : undefined;
  }

  return {
    originOf,
    originOfType,
    referencesTo,
    identifiersNamed,
    declarationOf,
    constantOf,
    elementOf,
    resultOf: originOfResult,
    valuesPassed: (parameter) => valuesPassed(passing, parameter),
    mentionsOf,
    isHandedOn,
  };
}
