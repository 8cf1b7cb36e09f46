import {
  type InterfaceDeclaration,
  type MethodSignature,
  Node,
  type ParameterDeclaration,
  type PropertySignature,
  type SourceFile,
  SyntaxKind,
  type TypeAliasDeclaration,
  type TypeNode,
} from "ts-morph";
import type { NamedImport } from "../shared/with-imports.js";
import type { DefinitionRef, TextChange } from "./client-facts.js";
import type { Service } from "./client-services.js";
import type { RpcRef } from "./facts.js";
import { isTypeScript } from "./language.js";
import type { AnalysisProject } from "./project.js";
import { specifierOf } from "./protobuf-ts-client.js";

/** An interface that the program wrote for the clients of a service, and what makes it one of promises. */
export interface OwnInterface {
  readonly declaration: InterfaceDeclaration;
  readonly changes: readonly TextChange[];
}

export const CALL_OPTIONS: NamedImport = { module: "@connect-migrate/runtime", name: "CallOptions", typeOnly: true };

/** The interface that a type is, if a file of the program declares it by itself. */
export function declaredInterface(project: AnalysisProject, type: Node): InterfaceDeclaration | undefined {
  const found = type.getType().getNonNullableType().getSymbol()?.getDeclarations() ?? [];
  const [declaration] = found;
  const isOwn =
    found.length === 1 &&
    Node.isInterfaceDeclaration(declaration) &&
    project.files.includes(declaration.getSourceFile());
  return isOwn && !isGenerated(declaration) ? declaration : undefined;
}

function isGenerated(declaration: InterfaceDeclaration): boolean {
  return /^\/\/ Original file: .*\.proto/.test(declaration.getSourceFile().getFullText());
}

/** How an interface is named where a construction gives its messages their types; undefined where it gives a client no type. */
export function interfaceAt(project: AnalysisProject, construction: Node): DefinitionRef["types"] | undefined {
  const own = declaredInterface(project, construction) ?? contextualInterface(project, construction);
  if (!own) return undefined;
  const file = own.getSourceFile();
  if (file === construction.getSourceFile()) return own.getName();
  return { module: specifierOf(project, construction, file), name: own.getName() };
}

function contextualInterface(project: AnalysisProject, construction: Node): InterfaceDeclaration | undefined {
  if (!Node.isExpression(construction)) return undefined;
  const [declaration, more] =
    construction.getContextualType()?.getNonNullableType().getSymbol()?.getDeclarations() ?? [];
  if (more || !Node.isInterfaceDeclaration(declaration) || isGenerated(declaration)) return undefined;
  return project.files.includes(declaration.getSourceFile()) ? declaration : undefined;
}

/** What becomes of an interface whose members are the methods of a service in the shape of grpc-js; or why nothing can. */
export function ownInterface(
  project: AnalysisProject,
  declaration: InterfaceDeclaration,
  service: string,
): OwnInterface | string {
  const name = declaration.getName();
  const changes: TextChange[] = [];
  if (declaration.getTypeParameters().length > 0) return `its type ${name} has type parameters`;
  const [base, more] = declaration.getExtends();
  if (base) {
    const origin = project.originOf(base.getExpression());
    if (more || origin.kind !== "grpc" || origin.path !== "Client") return `its type ${name} extends another one`;
    const clause = base.getParentOrThrow();
    changes.push({ start: clause.getFullStart(), end: clause.getEnd(), text: "" });
  }
  const members = new Map<string, Node[]>();
  for (const member of declaration.getMembers()) {
    if (!Node.isMethodSignature(member) && !Node.isPropertySignature(member))
      return `its type ${name} has more than methods`;
    members.set(member.getName(), [...(members.get(member.getName()) ?? []), member]);
  }
  for (const [key, overloads] of members) {
    const method = project.protos.methodByLegacyKey(service, key);
    // Its transport has that.
    if (key === "close" && !method) {
      for (const each of overloads) changes.push({ start: each.getFullStart(), end: each.getEnd(), text: "" });
      continue;
    }
    const signatures = overloads.map(signatureOf);
    const last = signatures.at(-1);
    if (!method || !last || signatures.includes(undefined)) return `its type ${name} has ${key}`;
    const promised = promisedShape(last, project.protos.rpc(method));
    if (promised === undefined) return `the types of ${name}.${key} are not known`;
    const { start, end, arrow } = signatures[0] as Signature;
    changes.push({ start, end, text: `(${promised.parameters})${arrow} ${promised.result}` });
    for (const other of overloads.slice(1))
      changes.push({ start: other.getFullStart(), end: other.getEnd(), text: "" });
  }
  return { declaration, changes: [...changes, ...aliasesOnlyIn(project, declaration, changes)] };
}

/** Exported names of types, of callbacks, that only what changes mentions: they go. Those of the file alone go with whatever is unused. */
function aliasesOnlyIn(
  project: AnalysisProject,
  declaration: InterfaceDeclaration,
  changes: readonly TextChange[],
): TextChange[] {
  const file = declaration.getSourceFile();
  const isChanged = (node: Node) =>
    node.getSourceFile() === file && changes.some(({ start, end }) => start <= node.getStart() && node.getEnd() <= end);
  const isOnlyIn = (alias: TypeAliasDeclaration) => {
    const mentions = project.referencesTo(alias.getNameNode()).filter((each) => each !== alias.getNameNode());
    return mentions.length > 0 && mentions.every(isChanged);
  };
  return file
    .getTypeAliases()
    .filter((alias) => alias.isExported() && isOnlyIn(alias))
    .map((alias) => ({ start: alias.getFullStart(), end: alias.getEnd(), text: "" }));
}

interface Signature {
  readonly parameters: readonly ParameterDeclaration[];
  readonly result: TypeNode;
  /** From its parameters to what it gives. */
  readonly start: number;
  readonly end: number;
  readonly arrow: string;
}

/** `(request: Q, callback: (error: ServiceError | null, response: R) => void) => …` as the type of what gives a promise. */
export function promisedType(type: TypeNode, rpc: RpcRef): TextChange[] | undefined {
  const signature = Node.isFunctionTypeNode(type) ? signatureOf(type) : undefined;
  const promised = signature && promisedShape(signature, rpc);
  if (!signature || !promised) return undefined;
  const { start, end, arrow } = signature;
  return [{ start, end, text: `(${promised.parameters})${arrow} ${promised.result}` }];
}

function signatureOf(member: Node): Signature | undefined {
  const fn =
    Node.isMethodSignature(member) || Node.isFunctionTypeNode(member)
      ? (member as MethodSignature)
      : (member as PropertySignature).getTypeNode();
  if (!fn || !(Node.isMethodSignature(fn) || Node.isFunctionTypeNode(fn)) || fn.getTypeParameters().length > 0)
    return undefined;
  const parameters = fn.getParameters();
  const result = fn.getReturnTypeNode();
  const open = fn.getFirstChildByKind(SyntaxKind.OpenParenToken)?.getStart();
  if (!result || open === undefined) return undefined;
  return { parameters, result, start: open, end: result.getEnd(), arrow: Node.isMethodSignature(fn) ? ":" : " =>" };
}

function promisedShape(
  { parameters, result }: Signature,
  { kind }: RpcRef,
): { readonly parameters: string; readonly result: string } | undefined {
  const options = `options?: ${CALL_OPTIONS.name}`;
  const [request] = parameters;
  const callback = parameters.at(-1);
  const streamed = Node.isTypeReference(result) ? result.getTypeArguments().map((each) => each.getText()) : [];
  const reply = kind === "unary" || kind === "client_streaming" ? replyOf(callback) : streamed.at(-1);
  if (reply === undefined) return undefined;
  const given =
    kind === "unary" || kind === "server_streaming" ? request?.getText() : `requests: AsyncIterable<${streamed[0]}>`;
  if (given === undefined || (kind === "unary" && request === callback) || /AsyncIterable<undefined>$/.test(given))
    return undefined;
  const isOnce = kind === "unary" || kind === "client_streaming";
  return { parameters: `${given}, ${options}`, result: `${isOnce ? "Promise" : "AsyncIterable"}<${reply}>` };
}

/** `T` of a callback `(error: ServiceError | null, response: T) => void`, as it is written in this file. */
function replyOf(callback: ParameterDeclaration | undefined): string | undefined {
  const type = callback?.getTypeNode();
  if (!type) return undefined;
  if (Node.isFunctionTypeNode(type)) {
    const written = type.getParameters()[1]?.getTypeNode();
    const known = Node.isUnionTypeNode(written)
      ? written.getTypeNodes().filter((each) => !/^(null|undefined)$/.test(each.getText()))
      : written && [written];
    return known?.length === 1 ? known[0]?.getText() : undefined;
  }
  const [signature, more] = type.getType().getCallSignatures();
  const response = signature?.getParameters()[1];
  const text = response?.getTypeAtLocation(type).getNonNullableType().getText(type);
  const generic = /^NonNullable<(\w+)>$/.exec(text ?? "")?.[1];
  if (generic !== undefined) return generic;
  return more || text === undefined || /import\(|^(any|unknown|error)$/.test(text) ? undefined : text;
}

/** Where a client has the type of an interface that the program wrote for it: that changes with it, or the client stays. */
export function findInterfaces(
  project: AnalysisProject,
  service: Service,
  isOfProgram: (file: SourceFile) => boolean,
): void {
  for (const declaration of interfacesFor(project, service.name)) {
    const uses = usesOf(project, declaration).filter(({ node }) => isOfProgram(node.getSourceFile()));
    if (!uses.some(({ service: of }) => of === service.name)) continue;
    const refuse = (node: Node, detail: string) => service.obstacles.push({ node, detail, view: null });
    const other = uses.find(({ service: of }) => of !== null && of !== service.name);
    if (other) refuse(other.node, `its type ${declaration.getName()} has other uses`);
    const own = ownInterface(project, declaration, service.name);
    if (typeof own === "string") refuse(declaration, own);
    else service.interfaces.push(own);
    service.types.push(...uses.map(({ node }) => node).filter(Node.isTypeReference));
  }
}

/** Interfaces that have a method of the service. */
function interfacesFor(project: AnalysisProject, service: string): InterfaceDeclaration[] {
  const all = project.files.filter(isTypeScript).flatMap((file) => file.getInterfaces());
  return all.filter((declaration) => !isGenerated(declaration) && hasMethodOf(project, declaration, service));
}

function hasMethodOf(project: AnalysisProject, declaration: InterfaceDeclaration, service: string): boolean {
  return [...declaration.getMethods(), ...declaration.getProperties()].some(
    (each) => project.protos.methodByLegacyKey(service, each.getName()) !== undefined,
  );
}

interface InterfaceUse {
  readonly node: Node;
  /** The service whose client has the type here; null for what gives no value the type; "" for anything else. */
  readonly service: string | null;
}

function usesOf(project: AnalysisProject, declaration: InterfaceDeclaration): InterfaceUse[] {
  const name = declaration.getNameNode();
  return project.referencesTo(name).flatMap((reference): InterfaceUse[] => {
    const parent = reference.getParent();
    if (reference === name || Node.isImportSpecifier(parent) || Node.isExportSpecifier(parent)) return [];
    const node = Node.isTypeReference(parent) ? parent : reference;
    return [{ node, service: Node.isTypeReference(parent) ? clientOf(project, parent) : "" }];
  });
}

/** The service of the client that an annotation or an assertion is about. */
function clientOf(project: AnalysisProject, type: Node): string | null {
  let node = type;
  let parent = type.getParentOrThrow();
  const isAround = (up: Node) =>
    Node.isUnionTypeNode(up) ||
    Node.isParenthesizedTypeNode(up) ||
    (Node.isTypeReference(up) && /^(Promise|Readonly)$/.test(up.getTypeName().getText()));
  while (isAround(parent)) {
    node = parent;
    parent = node.getParentOrThrow();
  }
  if (Node.isConstructorTypeNode(parent) || Node.isConstructSignatureDeclaration(parent)) return null;
  const isOfView =
    (Node.isTypeReference(parent) && parent.getTypeName().getText() === "ClientOf") ||
    (Node.isCallExpression(parent) && /^(asGrpcJsClient|grpcJsMessages)$/.test(parent.getExpression().getText()));
  if (isOfView) return null;
  const isFunction =
    Node.isFunctionDeclaration(parent) ||
    Node.isMethodDeclaration(parent) ||
    Node.isArrowFunction(parent) ||
    Node.isFunctionExpression(parent) ||
    Node.isGetAccessorDeclaration(parent);
  const origin =
    Node.isAsExpression(parent) || Node.isTypeAssertion(parent)
      ? project.originOf(parent.getExpression())
      : isFunction
        ? project.resultOf(parent)
        : project.originOf(parent);
  return origin.kind === "client" ? origin.service : "";
}

/** Why a client cannot be given a type: it is one of the program's own that is no interface for clients. */
export function foreignType(project: AnalysisProject, type: TypeNode | undefined, service: string): string | undefined {
  if (!type || !isTypeScript(type)) return undefined;
  const shown = `it has the type ${type.getText()}`;
  const named = [type, ...type.getDescendantsOfKind(SyntaxKind.TypeReference)];
  const origin = project.originOfType(type);
  const isAny = type.getType().isAny() || type.getType().isUnknown() || type.getText() === "object";
  if (isAny || origin.kind === "client-constructor") return undefined;
  if (origin.kind === "client" && origin.service !== "") return undefined;
  // What takes clients of all services is looked at by itself.
  if (origin.kind === "grpc" && Node.isParameterDeclaration(type.getParent())) return undefined;
  const interfaces = named.flatMap((each) => declaredInterface(project, each) ?? []);
  return interfaces.some((each) => hasMethodOf(project, each, service)) ? undefined : shown;
}
