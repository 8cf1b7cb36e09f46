import { Node, type Type } from "ts-morph";
import type { DefinitionRef } from "./client-facts.js";
import type { AnalysisProject } from "./project.js";
import { specifierOf } from "./protobuf-ts-client.js";

/**
 * The client interface that proto-loader-gen-types wrote, which says what the messages of a definition are: proto-loader's own
 * types of definitions do not say which methods stream. Undefined for other types.
 */
export function protoLoaderInterface(
  project: AnalysisProject,
  type: Type,
  at: Node,
): { readonly module: string; readonly name: string } | undefined {
  const declaration = type.getSymbol()?.getDeclarations().find(Node.isInterfaceDeclaration);
  const file = declaration?.getSourceFile();
  if (!declaration || !file || !/^\/\/ Original file: .*\.proto/.test(file.getFullText())) return undefined;
  const name = declaration.getName();
  return name.endsWith("Client") ? { module: specifierOf(project, at, file), name } : undefined;
}

/** An annotation that names such an interface, or the type of what its constructor makes. */
export function protoLoaderType(project: AnalysisProject, type: Node): DefinitionRef | undefined {
  const types = protoLoaderInterface(project, type.getType(), type);
  if (!types) return undefined;
  const text = type.getText();
  return { kind: "text", text, types: /^[\w$.]+$/.test(text) ? text : types };
}
