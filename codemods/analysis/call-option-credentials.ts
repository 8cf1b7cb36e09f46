import { Node } from "ts-morph";
import { peeled } from "./around-values.js";
import { callCredentialsText } from "./call-credentials.js";
import type { CallArgument, ClientValueFact } from "./client-facts.js";
import { isTypeScript } from "./language.js";
import { placeOf } from "./places.js";
import type { AnalysisProject } from "./project.js";

type CredentialsOption = NonNullable<Extract<CallArgument, { kind: "options" }>["credentials"]>;

/**
 * What `{ credentials }` of one call becomes: an interceptor that is written out, one that a constant becomes, or the credentials
 * as they are, which the runtime asks.
 */
export function credentialsOption(
  project: AnalysisProject,
  value: Node,
  isConnectCall: (node: Node) => boolean,
): { readonly option: CredentialsOption; readonly facts: readonly ClientValueFact[] } {
  const inline = callCredentialsText(project, peeled(value));
  if (inline && inline.imports.length === 0) return { option: { form: "interceptor", text: inline.text }, facts: [] };
  const source = sharedSource(project, value, isConnectCall);
  const shared = source && callCredentialsText(project, source);
  if (!source || !shared) return { option: { form: "credentials", text: null }, facts: [] };
  const fact: ClientValueFact = {
    ...placeOf(source),
    kind: "client-value",
    text: shared.text,
    construct: "call credentials",
    imports: shared.imports,
  };
  return { option: { form: "interceptor", text: null }, facts: [fact] };
}

/** Where a constant is made that is nothing but credentials of single calls, all of them Connect's. */
function sharedSource(project: AnalysisProject, value: Node, isConnectCall: (node: Node) => boolean): Node | undefined {
  const declaration = Node.isIdentifier(value) ? project.declarationOf(value) : undefined;
  if (!declaration || !Node.isVariableDeclaration(declaration) || isTypeScript(declaration)) return undefined;
  if (!project.isSelected(declaration.getSourceFile().getFilePath())) return undefined;
  if (declaration.getVariableStatement()?.getDeclarationKind() !== "const") return undefined;
  const name = declaration.getNameNode();
  const isOption = (reference: Node) => {
    const property = reference.getParent();
    const isValue =
      Node.isPropertyAssignment(property) &&
      property.getName() === "credentials" &&
      property.getInitializer() === reference;
    const call = isValue ? property.getParent().getParent() : undefined;
    return call !== undefined && isConnectCall(call);
  };
  const uses = project.referencesTo(name).filter((reference) => reference !== name);
  const source = declaration.getInitializer();
  return source && uses.every(isOption) ? peeled(source) : undefined;
}
