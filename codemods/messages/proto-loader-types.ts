import type { DescEnum, DescMessage, DescService } from "@bufbuild/protobuf";
import { Node, SyntaxKind } from "ts-morph";
import { declarationsBehind } from "../analysis/assignments.js";
import { isNewPromise } from "../analysis/language.js";
import type { AnalysisProject } from "../analysis/project.js";
import { generatorOf } from "../project/generated.js";
import type { Kind } from "./message-kind.js";
import { functionAround, isFunctionNode, ownReturns, resultType, unquoted, unwrapped } from "./message-syntax.js";
import type { Proving } from "./proof.js";
import { receivedAs } from "./received-messages.js";
import { messageIn, retypeMessages } from "./retyped-messages.js";
import { isWholeLiteral } from "./whole-literals.js";

/** What a name in the files of proto-loader-gen-types stands for: `Bread` is what is sent, `Bread__Output` what is received. */
type LoadedName =
  | {
      readonly kind: "message";
      readonly desc: DescMessage;
      readonly isOutput: boolean;
      /** The program's own type says no more than which fields it uses. */
      readonly isOwn?: true;
    }
  | { readonly kind: "enum"; readonly desc: DescEnum; readonly isOutput: boolean }
  | { readonly kind: "handlers" | "client"; readonly desc: DescService };

/**
 * `any`, `Promise<Bread__Output | undefined>`, `{ bread_id: string }[]`: what names messages in it gets the names of protobuf-es.
 * False for a type that may say anything else.
 */
export function retypeLoaded(p: Proving, type: Node, kind: Kind): boolean {
  const desc = messageIn(kind);
  return retypeMessages(p, type, (part) => {
    const name = nameOfPart(p, part, desc);
    return name?.kind === "message" ? { ...name, isWhole: () => isOfWhole(p, type, name) } : name;
  });
}

/** Is a type that of whole messages, and not of what one is made of? */
function isOfWhole(p: Proving, type: Node, name: LoadedName & { kind: "message" }): boolean {
  const holder = type.getParent();
  if (name.isOwn && (Node.isParameterDeclaration(holder) || Node.isVariableDeclaration(holder)))
    return receivedAs(p, holder.getNameNode()) !== undefined;
  // `new Promise<Bread__Output>(…)`, `createWritableIterable<Bread>()`: what is put in may be written out there.
  const made = Node.isNewExpression(holder) ? holder.getExpression() : undefined;
  const isStore =
    made && (/^(Map|Set|Array|WeakMap)$/.test(made.getText()) || p.project.originOf(made).kind === "class");
  if ((Node.isNewExpression(holder) && !isStore) || Node.isCallExpression(holder))
    return name.isOutput && isNewPromise(holder) && !writesOut(p, holder);
  return name.isOutput && !isTypeOfLiteral(p, type);
}

/** The message that a place wants a literal to be, with all its fields: an `Order__Output`. */
export function wantsWhole(p: Proving, literal: Node): DescMessage | undefined {
  if (!Node.isObjectLiteralExpression(literal)) return undefined;
  // What is in one that is made becomes a message with it.
  const outer = literal.getFirstAncestor((one) => Node.isObjectLiteralExpression(one) || isFunctionNode(one));
  if (outer && wantsWhole(p, outer)) return undefined;
  const type = literal.getContextualType();
  for (const part of type?.isUnion() ? type.getUnionTypes() : [type]) {
    const [declaration] = part?.getSymbol()?.getDeclarations() ?? [];
    const name = Node.isInterfaceDeclaration(declaration)
      ? loadedNameOf(p.project, declaration.getNameNode())
      : undefined;
    if (name?.kind === "message" && name.isOutput) return isWholeLiteral(p, literal, name.desc) ? name.desc : undefined;
  }
  return undefined;
}

/** What a part of a type names; `nothing` for what says nothing of a message. */
function nameOfPart(p: Proving, type: Node, desc: DescMessage | undefined) {
  const ofField = enumOfField(p.project, type, (one, key) => p.fieldBy(one, key)?.enum);
  if (ofField) return { kind: "enum", desc: ofField } as const;
  const name = Node.isTypeReference(type) ? loadedNameOf(p.project, type.getTypeName()) : undefined;
  if (name?.kind === "enum") return isNameOfEnum(p.project, type) ? name : undefined;
  if (name) return name.kind === "message" ? name : undefined;
  const members = Node.isTypeLiteral(type) ? type.getMembers() : membersOf(type);
  if (!desc || !members || !describes(p, members, desc)) return undefined;
  const isOutput = members.every((one) => Node.isPropertySignature(one) && !one.hasQuestionToken());
  return { kind: "message", desc, isOutput, isOwn: true } as const;
}

/** The members of an interface of the program's own. */
function membersOf(type: Node): Node[] | undefined {
  const [declaration, more] = Node.isTypeReference(type) ? declarationsBehind(type.getTypeName()) : [];
  if (!Node.isInterfaceDeclaration(declaration) || more || declaration.getSourceFile().isDeclarationFile())
    return undefined;
  if (declaration.getTypeParameters().length > 0 || declaration.getExtends().length > 0) return undefined;
  return declaration.getMembers();
}

/** `Bread__Output['flour']`, the names of the values of a field's enum. */
function enumOfField(
  project: AnalysisProject,
  type: Node | undefined,
  enumOf: (desc: DescMessage, key: string) => DescEnum | undefined = (desc, key) =>
    desc.fields.find((field) => field.name === key || field.localName === key)?.enum,
): DescEnum | undefined {
  if (!Node.isIndexedAccessTypeNode(type)) return undefined;
  const object = type.getObjectTypeNode();
  const name = Node.isTypeReference(object) ? loadedNameOf(project, object.getTypeName()) : undefined;
  const index = type.getIndexTypeNode();
  const key = Node.isLiteralTypeNode(index) ? unquoted(index.getText()) : undefined;
  return name?.kind === "message" && name.isOutput && key ? enumOf(name.desc, key) : undefined;
}

/** `Flour__Output`, the names of an enum's values and nothing else: those of `Flour` stand beside the numbers. */
export function isNameOfEnum(project: AnalysisProject, type: Node | undefined): boolean {
  if (enumOfField(project, type)) return true;
  const name = Node.isTypeReference(type) ? loadedNameOf(project, type.getTypeName()) : undefined;
  return name?.kind === "enum" && name.isOutput;
}

/** Are members the fields of a message, or some of them? */
function describes(p: Proving, members: readonly Node[], desc: DescMessage): boolean {
  return (
    members.length > 0 &&
    members.every((one) => {
      const key = Node.isPropertySignature(one) ? unquoted(one.getName()) : undefined;
      return key !== undefined && (p.fieldBy(desc, key) ?? p.oneofBy(desc, key)) !== undefined;
    })
  );
}

/** The type of what a function returns or yields that writes a message out: a literal is no message of protobuf-es yet. */
function isTypeOfLiteral(p: Proving, type: Node): boolean {
  const owner = type.getFirstAncestor((one) => Node.isReturnTyped(one));
  const result = owner && resultType(owner);
  const isResult = result === type || (result !== undefined && type.getAncestors().includes(result));
  if (!owner || !isResult) return false;
  const results = Node.isArrowFunction(owner) && !Node.isBlock(owner.getBody()) ? [owner.getBody()] : [];
  const yields = owner.getDescendantsOfKind(SyntaxKind.YieldExpression).filter((one) => functionAround(one) === owner);
  const values = [...results, ...[...ownReturns(owner), ...yields].map((one) => one.getExpression())];
  return values.some((value) => value !== undefined && writesOut(p, unwrapped(value)));
}

/** A literal, or a stream or promise that is given one later. */
function writesOut(p: Proving, value: Node): boolean {
  if (Node.isObjectLiteralExpression(value)) return !wantsWhole(p, value);
  if (!Node.isNewExpression(value) && !Node.isCallExpression(value)) return false;
  if (!/^(Promise|createPushStream)$/.test(value.getExpression().getText())) return false;
  const [fn] = value.getArguments();
  const [giver] = Node.isParametered(fn) ? fn.getParameters() : [];
  return (fn?.getDescendantsOfKind(SyntaxKind.CallExpression) ?? []).some((call) => {
    const [given] = call.getArguments();
    const isGiver =
      call
        .getExpression()
        .getText()
        .replace(/\.write$/, "") === giver?.getName();
    const literal = isGiver && given ? unwrapped(given) : undefined;
    return Node.isObjectLiteralExpression(literal) && !wantsWhole(p, literal);
  });
}

/** The name of the value that a constant of an enum holds: `Flour.FLOUR_RYE`. */
export function loadedConstant(p: Proving, expression: Node): string | undefined {
  if (!Node.isPropertyAccessExpression(expression)) return undefined;
  if (loadedNameOf(p.project, expression.getExpression())?.kind !== "enum") return undefined;
  return expression.getName();
}

/** The service whose handlers or client a type of proto-loader-gen-types describes. */
export function loadedService(project: AnalysisProject, type: Node): DescService | undefined {
  const name = Node.isTypeReference(type) ? loadedNameOf(project, type.getTypeName()) : undefined;
  return name?.kind === "handlers" || name?.kind === "client" ? name.desc : undefined;
}

function loadedNameOf(project: AnalysisProject, name: Node): LoadedName | undefined {
  const declared = declaredAt(name);
  if (!declared) return undefined;
  const { whole, path } = declared;
  const short = whole.replace(/__Output$/, "");
  const service = /^(.*)(Handlers|Client)$/.exec(short);
  if (service && path.endsWith(`/${service[1]}`)) {
    const desc = named(path, (full) => project.protos.service(full));
    if (desc) return { kind: service[2] === "Client" ? "client" : "handlers", desc };
  }
  const isInner = short.startsWith("_") && !path.endsWith(`/${short}`);
  const outer = named(path, (full) => project.protos.message(full));
  const found = isInner ? outer && innerOf(outer, short) : (outer ?? named(path, (full) => project.protos.enum(full)));
  if (found?.kind === "message") return { kind: "message", desc: found, isOutput: whole !== short };
  return found && { kind: "enum", desc: found, isOutput: whole !== short };
}

/** The name and the file of a type of proto-loader-gen-types, without the file's ending. */
function declaredAt(name: Node): { readonly whole: string; readonly path: string } | undefined {
  const declaration = declarationsBehind(name).find(
    (one) => Node.isInterfaceDeclaration(one) || Node.isVariableDeclaration(one) || Node.isTypeAliasDeclaration(one),
  );
  const file = declaration?.getSourceFile();
  if (declaration && file) {
    if (generatorOf(file.getFilePath(), file.getFullText()) !== "proto-loader") return undefined;
    const path = file.getFilePath().replace(/(\.d)?\.[cm]?ts$/, "");
    return { whole: (declaration as unknown as { getName(): string }).getName(), path };
  }
  // Files that are not there, as they are made anew for each build, are known by their names.
  const specifier = name.getSymbol()?.getDeclarations().find(Node.isImportSpecifier);
  const module = specifier?.getImportDeclaration().getModuleSpecifierValue();
  if (!specifier || !module?.startsWith(".")) return undefined;
  const [whole, path] = [specifier.getName(), module.replace(/^[./]+/, "/").replace(/\.js$/, "")];
  const isNamed = [path, `${path}__Output`, `${path}Handlers`, `${path}Client`].some((one) =>
    one.endsWith(`/${whole}`),
  );
  return isNamed ? { whole, path } : undefined;
}

/** What the file of a type is named after: `bakery/v1/Bread` is `bakery.v1.Bread`, and the longest name is the right one. */
function named<Desc>(path: string, find: (full: string) => Desc | undefined): Desc | undefined {
  const parts = path.split("/").filter((part) => part !== "");
  for (let from = 0; from < parts.length; from++) {
    const desc = find(parts.slice(from).join("."));
    if (desc) return desc;
  }
  return undefined;
}

/** `_bakery_v1_Order_Line`, in the file of `bakery.v1.Order`. */
function innerOf(outer: DescMessage, name: string): DescMessage | DescEnum | undefined {
  for (const inner of [...outer.nestedMessages, ...outer.nestedEnums]) {
    if (`_${inner.typeName.replaceAll(".", "_")}` === name) return inner;
    const deeper = inner.kind === "message" ? innerOf(inner, name) : undefined;
    if (deeper) return deeper;
  }
  return undefined;
}
