import { Node, SyntaxKind, type Type } from "ts-morph";
import { declarationsBehind } from "./assignments.js";
import type { DefinitionRef } from "./client-facts.js";
import type { Service } from "./client-services.js";
import { isVaryingClient } from "./client-varying.js";
import { isTypeScript } from "./language.js";
import type { AnalysisProject } from "./project.js";
import { protoLoaderInterface, protoLoaderType } from "./proto-loader-client.js";
import { protobufTsClient } from "./protobuf-ts-client.js";

export function constructorOf(node: Node): Node | undefined {
  return Node.isNewExpression(node) ? node.getExpression() : undefined;
}

/** The type of something that could not be resolved: generated code that is not there yet. */
export function isMissing(type: Type): boolean {
  return (type.compilerType as unknown as { intrinsicName?: string }).intrinsicName === "error";
}

/** How the type of what a constructor makes is written: classes are types themselves, other constructors are not. */
export function instanceType(callee: Node | undefined): string | null {
  if (!callee || !/^[\w$.]+$/.test(callee.getText())) return null;
  if (isLoose(callee)) return "any";
  return declarationsBehind(callee).some(Node.isClassDeclaration)
    ? callee.getText()
    : (ownName(callee) ?? `InstanceType<typeof ${callee.getText()}>`);
}

/** `ShopClient`, where the type of a constructor says `new (address: string) => ShopClient` and its file declares that. */
function ownName(callee: Node): string | undefined {
  const made = callee.getType().getConstructSignatures()[0]?.getReturnType();
  const declaration = made?.getSymbol()?.getDeclarations()[0];
  const isHere =
    (Node.isInterfaceDeclaration(declaration) || Node.isClassDeclaration(declaration)) &&
    declaration.getSourceFile() === callee.getSourceFile() &&
    Node.isSourceFile(declaration.getParent()) &&
    declaration.getTypeParameters().length === 0;
  return isHere ? declaration.getName() : undefined;
}

/** `(grpc.loadPackageDefinition(…) as any).pkg.Service`, by way of a variable: it has no type to be named. */
function isLoose(callee: Node): boolean {
  let root = callee;
  while (Node.isPropertyAccessExpression(root)) root = root.getExpression();
  const [declaration] = root.getSymbol()?.getDeclarations() ?? [];
  const isVariable = Node.isVariableDeclaration(declaration) || Node.isBindingElement(declaration);
  return isVariable && callee.getType().isAny();
}

/** How the old service definition is written at a construction. */
export function definitionAt(project: AnalysisProject, node: Node): DefinitionRef | undefined {
  const callee = constructorOf(node);
  if (!callee) return undefined;
  // It is named twice, and that must cost nothing.
  if (isVaryingClient(project, node))
    return /^[\w$.[\]'"]+$/.test(callee.getText()) ? { kind: "text", text: `${callee.getText()}.service` } : undefined;
  const origin = project.originOf(node);
  if (origin.kind !== "client") return undefined;
  const given = definitionGiven(callee);
  if (given !== undefined) return { kind: "text", text: given };
  // A package definition has no types of its services; the constructor of a typed package does.
  const isTyped =
    isTypeScript(node) && (callee.getType().getProperty("service") !== undefined || isMissing(callee.getType()));
  if (origin.flavour === "proto-loader" && !isTyped) {
    const holder = origin.packageDefinition?.call.getParent();
    if (holder && Node.isVariableDeclaration(holder) && holder.getSourceFile() === node.getSourceFile()) {
      const block = holder.getFirstAncestor((ancestor) => Node.isBlock(ancestor) || Node.isSourceFile(ancestor));
      const isAround = block && node.getAncestors().includes(block as never);
      const quote = node.getSourceFile().getFullText().includes("'") ? "'" : '"';
      if (isAround && Node.isIdentifier(holder.getNameNode()))
        return { kind: "text", text: `${holder.getName()}[${quote}${origin.service}${quote}]` };
    }
    return { kind: "text", text: `${callee.getText()}.service` };
  }
  const types = origin.flavour === "proto-loader" ? protoLoaderInterface(project, node.getType(), node) : undefined;
  if (types) return { kind: "text", text: `${callee.getText()}.service`, types };
  // The constructor that its generated class extends has the definition, the class itself the types.
  if (origin.flavour === "protoc-gen-ts")
    return { kind: "text", text: `${callee.getText()}.service`, types: callee.getText() };
  return (
    protobufTsClient(project, callee) ??
    definitionBeside(project, callee) ?? { kind: "text", text: `${callee.getText()}.service` }
  );
}

/** The definition in `const ShopClient = grpc.makeGenericClientConstructor(ShopService, "Shop")` of the same file. */
function definitionGiven(callee: Node): string | undefined {
  const declaration = Node.isIdentifier(callee) ? callee.getSymbol()?.getValueDeclaration() : undefined;
  if (!declaration || !Node.isVariableDeclaration(declaration)) return undefined;
  if (
    declaration.getSourceFile() !== callee.getSourceFile() ||
    !Node.isSourceFile(declaration.getVariableStatement()?.getParent())
  )
    return undefined;
  const call = declaration.getInitializer();
  if (
    !call ||
    !Node.isCallExpression(call) ||
    !/\bmake(Generic)?ClientConstructor$/.test(call.getExpression().getText())
  )
    return undefined;
  const [definition] = call.getArguments();
  return definition && Node.isIdentifier(definition) ? definition.getText() : undefined;
}

/** The `XService` const that generated code exports beside `XClient`. */
function definitionBeside(project: AnalysisProject, name: Node): DefinitionRef | undefined {
  const text = name.getText();
  const last = /(\w+)Client$/.exec(text)?.[1];
  if (last === undefined) return undefined;
  if (Node.isPropertyAccessExpression(name) || Node.isQualifiedName(name)) {
    const prefix = text.slice(0, text.length - `${last}Client`.length);
    return { kind: "text", text: `${prefix}${last}Service` };
  }
  const declaration = name.getSymbol()?.getDeclarations()[0];
  const importing = declaration?.getFirstAncestorByKind(SyntaxKind.ImportDeclaration);
  let module = importing?.getModuleSpecifierValue();
  if (module === undefined && declaration && Node.isBindingElement(declaration)) {
    const variable = declaration.getFirstAncestorByKind(SyntaxKind.VariableDeclaration);
    module = /^require\(\s*['"]([^'"]+)['"]\s*\)$/.exec(variable?.getInitializer()?.getText() ?? "")?.[1];
  }
  if (module === undefined) return undefined;
  const file = project.resolveModule(name.getSourceFile(), module);
  const made = project.originOf(name);
  const isMissing = made.kind === "client-constructor" && made.flavour === "missing";
  const isThere = file ? new RegExp(`\\b${last}Service\\b`).test(file.getFullText()) : isMissing;
  if (!isThere) return undefined;
  return { kind: "import", module, name: `${last}Service` };
}

export function typeDefinition(project: AnalysisProject, type: Node): DefinitionRef | undefined {
  if (!Node.isTypeReference(type)) return undefined;
  const origin = project.originOfType(type);
  if (origin.kind === "client-constructor" && origin.flavour === "protoc-gen-ts") {
    const name = type.getTypeName().getText();
    return { kind: "text", text: `${name}.service`, types: name };
  }
  return (
    protobufTsClient(project, type.getTypeName()) ??
    protoLoaderType(project, type) ??
    definitionBeside(project, type.getTypeName())
  );
}

/** The old service definition as a type, in the file of a promisified method: by the client's own type or construction there. */
export function clientDefinition(project: AnalysisProject, service: Service, method: Node): DefinitionRef | undefined {
  const file = method.getSourceFile();
  const made = service.constructions.find(({ node }) => node.getSourceFile() === file);
  const found = made && definitionAt(project, made.node);
  if (found && (found.kind === "import" || /^[\w.]+$/.test(found.text))) return found;
  const typed = service.types.find((type) => type.getSourceFile() === file);
  return typed && typeDefinition(project, typed);
}
