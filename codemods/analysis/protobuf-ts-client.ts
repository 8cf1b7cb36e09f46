import path from "node:path";
import { Node, type SourceFile } from "ts-morph";
import type { DefinitionRef } from "./client-facts.js";
import type { AnalysisProject } from "./project.js";

/**
 * The ServiceType behind `FerriesClient` or `IFerriesClient` of protobuf-ts. Its grpc-js clients have no service definition:
 * they take their codecs from the ServiceType, which the file of the messages exports. Undefined for other generators.
 */
export function protobufTsClient(project: AnalysisProject, name: Node): DefinitionRef | undefined {
  const declaration = project.declarationOf(name);
  if (!declaration || !(Node.isClassDeclaration(declaration) || Node.isInterfaceDeclaration(declaration)))
    return undefined;
  const file = declaration.getSourceFile();
  if (!/\.grpc-client\.[cm]?[jt]s$/.test(file.getFilePath())) return undefined;
  // `InventoryClient` is the class of Inventory: an I before the name of the service is an interface's.
  const named = Node.isClassDeclaration(declaration) ? /^(\w+)Client$/ : /^I(\w+)Client$/;
  const short = named.exec(declaration.getName() ?? "")?.[1];
  const imported = file
    .getImportDeclarations()
    .find((each) => !each.isTypeOnly() && each.getNamedImports().some((one) => one.getName() === short));
  if (short === undefined || imported === undefined) return undefined;
  const module = specifierOf(project, name, file);
  return {
    kind: "import",
    module: beside(module, imported.getModuleSpecifierValue()),
    name: short,
    types: { module, name: `I${short}Client` },
  };
}

/** The full name of the service of a ServiceType of protobuf-ts; undefined for anything else. */
export function serviceOfServiceType(project: AnalysisProject, name: Node): string | undefined {
  const declaration = project.declarationOf(name);
  const made = Node.isVariableDeclaration(declaration) ? declaration.getInitializer() : undefined;
  if (!Node.isNewExpression(made) || made.getExpression().getText() !== "ServiceType") return undefined;
  const [typeName] = made.getArguments();
  return Node.isStringLiteral(typeName) ? typeName.getLiteralText() : undefined;
}

/** How the file of a name imports the generated file: by its own import, or else by a relative path. */
export function specifierOf(project: AnalysisProject, name: Node, generated: SourceFile): string {
  const from = name.getSourceFile();
  for (const declaration of from.getImportDeclarations()) {
    const module = declaration.getModuleSpecifierValue();
    if (project.resolveModule(from, module) === generated) return module;
  }
  const relative = path.posix.relative(path.posix.dirname(from.getFilePath()), generated.getFilePath());
  const named = from.getImportDeclarations().map((declaration) => declaration.getModuleSpecifierValue());
  const extension = named.some((module) => /^\..*\.js$/.test(module)) ? ".js" : "";
  return (relative.startsWith(".") ? relative : `./${relative}`).replace(/\.[cm]?ts$/, extension);
}

/** `./gen/ferry.grpc-client` and `./ferry` make `./gen/ferry`. */
function beside(module: string, relative: string): string {
  const joined = path.posix.join(path.posix.dirname(module), relative);
  return module.startsWith(".") && !joined.startsWith(".") ? `./${joined}` : joined;
}
