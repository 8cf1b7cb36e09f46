import { Node, type SourceFile, SyntaxKind } from "ts-morph";
import { declarationsBehind } from "../analysis/assignments.js";
import { isTypeScript } from "../analysis/language.js";
import type { AnalysisProject } from "../analysis/project.js";
import type { Kind } from "./message-kind.js";
import { isFunctionNode, ownReturns, resultType } from "./message-syntax.js";
import type { Proving } from "./proof.js";
import { moduleAt, staticNameOf } from "./protobufjs-generated.js";
import { makesMessage } from "./protobufjs-reads.js";
import { receivedAs } from "./received-messages.js";
import { retypeMessages, type TypeName } from "./retyped-messages.js";

/** `kiln.v2.Firing`, `Promise<IFiring[]>`: what names messages in a type gets the names of protobuf-es. */
export function retypeStatic(p: Proving, type: Node, kind: Kind): boolean {
  if (kind.kind === "value" && kind.as.kind === "int64-long") {
    if (!/^(Long|number \| Long|Long \| number)$/.test(type.getText())) return false;
    p.replace(type, "bigint");
    return true;
  }
  return retypeMessages(p, type, (part) => {
    const alias = aliasedType(part);
    if (alias) return retypeAlias(p, alias, type) ? "kept" : undefined;
    return nameOfPart(p, part, () => isOfWhole(p, type));
  });
}

function nameOfPart(p: Proving, part: Node, isWhole: () => boolean): TypeName | undefined {
  const name = Node.isTypeReference(part) ? staticNameOf(p.project, part.getTypeName()) : undefined;
  return name?.kind === "message" ? { kind: "message", desc: name.desc, isWhole } : undefined;
}

/** The types that an alias was met in, which is rewritten where it stands. */
const aliases = new WeakMap<Proving, Map<Node, Node[]>>();

/** `type Order = bakery.v1.IOrder;` */
function retypeAlias(p: Proving, alias: Node, met: Node): boolean {
  const known = aliases.get(p) ?? new Map<Node, Node[]>();
  aliases.set(p, known);
  const before = known.get(alias);
  if (before) return before.push(met) > 0;
  const all = [met];
  known.set(alias, all);
  return retypeMessages(p, alias, (part) => nameOfPart(p, part, () => all.every((one) => isOfWhole(p, one))));
}

function aliasedType(part: Node): Node | undefined {
  const [declaration, more] = Node.isTypeReference(part) ? declarationsBehind(part.getTypeName()) : [];
  if (!Node.isTypeAliasDeclaration(declaration) || more || declaration.getSourceFile().isDeclarationFile())
    return undefined;
  return declaration.getTypeParameters().length === 0 ? declaration.getTypeNode() : undefined;
}

/** Is a type that of messages that came from the peer? Those that the program makes are no more than literals. */
function isOfWhole(p: Proving, type: Node): boolean {
  const isWhole = (value: Node | undefined) => value !== undefined && receivedAs(p, value) !== undefined;
  const store = type.getFirstAncestor((one) => p.kept.has(one));
  if (store) return p.kept.get(store)?.every(isWhole) ?? false;
  const holder = type.getParent();
  if (Node.isParameterDeclaration(holder) || Node.isVariableDeclaration(holder))
    return receivedAs(p, holder.getNameNode()) !== undefined;
  const owner = type.getFirstAncestor(Node.isReturnTyped);
  if (!owner || resultType(owner) === undefined || !isFunctionNode(owner)) return false;
  const body = owner.getBody();
  const results = Node.isBlock(body) ? ownReturns(owner).map((one) => one.getExpression()) : [body];
  // What a handler sends may be a literal.
  if (p.handlers.has(owner) && results.some((one) => makesMessage(p, one))) return false;
  return results.length > 0 && results.every(isWhole);
}

/** Every type in a file that is an enum of pbjs's code. */
export function enumTypesIn(project: AnalysisProject, file: SourceFile) {
  return file.getDescendantsOfKind(SyntaxKind.TypeReference).flatMap((type) => {
    const typeName = type.getTypeName();
    const name = staticNameOf(project, typeName);
    return name?.kind === "enum" ? [{ typeName, desc: name.desc }] : [];
  });
}

/** A file in TypeScript that has nothing of pbjs's code but enums: what it is given are their numbers. */
export function hasOnlyEnums(project: AnalysisProject, file: SourceFile): boolean {
  if (!isTypeScript(file) || file.isDeclarationFile()) return false;
  const names = file
    .getImportDeclarations()
    .filter((one) => moduleAt(project, file, one.getModuleSpecifierValue()))
    .flatMap((one) => [
      one.getDefaultImport(),
      one.getNamespaceImport(),
      ...one.getNamedImports().map((each) => each.getNameNode()),
    ])
    .filter((one) => one !== undefined);
  const uses = names.flatMap((name) =>
    Node.isIdentifier(name) ? project.referencesTo(name).filter((use) => use !== name) : [],
  );
  return uses.length > 0 && uses.every((use) => use.getSourceFile() !== file || isOfEnum(project, use));
}

/** `pb.kiln.v2.Glaze.CELADON` */
function isOfEnum(project: AnalysisProject, use: Node): boolean {
  for (let node: Node | undefined = use; node; node = node.getParent()) {
    const name = staticNameOf(project, node);
    if (name?.kind !== "package") return name?.kind === "enum";
  }
  return false;
}
