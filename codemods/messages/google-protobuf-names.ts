import type { DescEnum, DescField, DescMessage, DescOneof } from "@bufbuild/protobuf";
import { ScalarType } from "@bufbuild/protobuf";
import { FeatureSet_FieldPresence } from "@bufbuild/protobuf/wkt";
import { Node, type SourceFile } from "ts-morph";
import type { AnalysisProject } from "../analysis/project.js";

/** What a name of protoc-gen-js's code stands for. `oneof` is the object of its cases (`Shape.KindCase`). */
export type GeneratedName =
  | { readonly kind: "message"; readonly desc: DescMessage }
  | { readonly kind: "enum"; readonly desc: DescEnum }
  | { readonly kind: "oneof"; readonly desc: DescOneof }
  /** A module and the package whose names it exports. */
  | { readonly kind: "module"; readonly package: string }
  /** `jspb.Message`, from the runtime library. */
  | { readonly kind: "library"; readonly path: string };

/** One accessor of a class: `getName`, `hasName`, `addTags`, `getKindCase`. */
export type Accessor =
  | { readonly does: "get" | "set" | "has" | "clear" | "add" | "bytes" | "base64"; readonly field: DescField }
  | { readonly does: "case"; readonly oneof: DescOneof };

const tables = new WeakMap<DescMessage, ReadonlyMap<string, Accessor>>();

/** The accessors that protoc-gen-js gives the class of a message, by name. */
export function accessorsOf(desc: DescMessage): ReadonlyMap<string, Accessor> {
  const known = tables.get(desc);
  if (known) return known;
  const table = new Map<string, Accessor>();
  for (const field of desc.fields) {
    const name = upperCamelCase(field.name);
    const suffix = field.fieldKind === "list" ? "List" : field.fieldKind === "map" ? "Map" : "";
    const safe = name === "Extension" || name === "JsPbMessageId" ? `${name}$` : name;
    const whole = suffix === "" ? safe : name + suffix;
    table.set(`get${whole}`, { does: "get", field });
    table.set(`clear${whole}`, { does: "clear", field });
    if (field.fieldKind !== "map") table.set(`set${whole}`, { does: "set", field });
    if (field.fieldKind === "list") table.set(`add${name}`, { does: "add", field });
    if (suffix === "" && field.presence !== FeatureSet_FieldPresence.IMPLICIT)
      table.set(`has${whole}`, { does: "has", field });
    if ((field.fieldKind === "scalar" || field.fieldKind === "list") && field.scalar === ScalarType.BYTES) {
      table.set(`get${whole}_asU8`, { does: "bytes", field });
      table.set(`get${whole}_asB64`, { does: "base64", field });
    }
  }
  for (const oneof of desc.oneofs) table.set(`get${upperCamelCase(oneof.name)}Case`, { does: "case", oneof });
  tables.set(desc, table);
  return table;
}

/** `new M()` of `new M().setA(1).setB(2)`. */
export function chainRoot(expression: Node): Node {
  let current = expression;
  while (Node.isCallExpression(current)) {
    const callee = current.getExpression();
    if (!Node.isPropertyAccessExpression(callee) || !/^(set|add)[A-Z]/.test(callee.getName())) break;
    current = callee.getExpression();
  }
  return current;
}

/** `one.setter(value);`, right behind `const one = new M();`, without a comment between the two values. */
export function setterAfter(made: Node, setter: string) {
  const declaration = made.getParent();
  const statement = Node.isVariableDeclaration(declaration) ? declaration.getVariableStatement() : undefined;
  if (!Node.isVariableDeclaration(declaration) || statement?.getDeclarations().length !== 1) return undefined;
  const next = statement.getNextSibling();
  const call = Node.isExpressionStatement(next) ? next.getExpression() : undefined;
  const callee = Node.isCallExpression(call) ? call.getExpression() : undefined;
  if (!Node.isCallExpression(call) || !Node.isPropertyAccessExpression(callee) || callee.getName() !== setter)
    return undefined;
  const receiver = callee.getExpression();
  const [value] = call.getArguments();
  if (!value || receiver.getText() !== declaration.getName()) return undefined;
  const between = statement.getSourceFile().getFullText().slice(made.getEnd(), value.getStart());
  return /\/[/*]/.test(between) ? undefined : { receiver, call, value };
}

/** A scalar or enum, and no list of them. */
export function isScalar(field: DescField): boolean {
  return field.fieldKind === "scalar" || field.fieldKind === "enum";
}

/** A scalar or enum that can be unset: `optional`, or a member of a oneof. */
export function isOptionalScalar(field: DescField): boolean {
  return isScalar(field) && field.presence === FeatureSet_FieldPresence.EXPLICIT;
}

/** A scalar or enum that always has a value. */
export function isImplicitScalar(field: DescField): boolean {
  return isScalar(field) && !isOptionalScalar(field);
}

/** The member of a oneof that a constant of its case object names; null for "not set", undefined for no constant of it. */
export function memberOfCase(oneof: DescOneof, constant: string): DescField | null | undefined {
  if (constant === `${oneof.name.toUpperCase()}_NOT_SET`) return null;
  return oneof.fields.find((field) => field.name.toUpperCase() === constant);
}

/** Words that protoc-gen-js does not use as keys of an object. */
const RESERVED = new Set(
  `abstract boolean break byte case catch char class const continue debugger default delete do double else enum export
  extends false final finally float for function goto if implements import in instanceof int interface long native new
  null package private protected public return short static super switch synchronized this throw throws transient try
  typeof var void volatile while with`.split(/\s+/),
);

/** The field behind a key of the object that `toObject()` gives: `tagsList`, `labelsMap`, `pb_class`. */
export function fieldOfObject(desc: DescMessage, key: string): DescField | undefined {
  return desc.fields.find((field) => {
    const name = upperCamelCase(field.name);
    const suffix = field.fieldKind === "list" ? "List" : field.fieldKind === "map" ? "Map" : "";
    const whole = name.charAt(0).toLowerCase() + name.slice(1) + suffix;
    return (RESERVED.has(whole) ? `pb_${whole}` : whole) === key;
  });
}

/** protoc-gen-js's own rule: words are lower case but for their first letter. */
function upperCamelCase(name: string): string {
  return name
    .split("_")
    .filter((word) => word !== "")
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1).toLowerCase())
    .join("");
}

/** What an expression or the name of a type stands for, where it is a name of google-protobuf's code. */
export function generatedNameOf(project: AnalysisProject, node: Node): GeneratedName | undefined {
  if (Node.isPropertyAccessExpression(node)) return memberOf(project, node.getExpression(), node.getName());
  if (Node.isQualifiedName(node)) return memberOf(project, node.getLeft(), node.getRight().getText());
  if (!Node.isIdentifier(node)) return undefined;
  const declaration = node.getSymbol()?.getDeclarations()[0];
  if (!declaration) return undefined;
  const direct = nameOfDeclaration(project, declaration);
  if (direct) return direct;
  const origin = project.declarationOf(node);
  return origin && origin !== declaration ? nameOfDeclaration(project, origin) : undefined;
}

function nameOfDeclaration(project: AnalysisProject, declaration: Node): GeneratedName | undefined {
  const file = declaration.getSourceFile();
  if (Node.isImportSpecifier(declaration)) {
    const module = moduleAt(project, file, declaration.getImportDeclaration().getModuleSpecifierValue());
    return module && nested(project, module, declaration.getName());
  }
  if (Node.isNamespaceImport(declaration) || Node.isImportClause(declaration)) {
    const statement = declaration.getFirstAncestor(Node.isImportDeclaration);
    return statement && moduleAt(project, file, statement.getModuleSpecifierValue());
  }
  if (Node.isImportEqualsDeclaration(declaration)) {
    const reference = declaration.getModuleReference();
    const expression = Node.isExternalModuleReference(reference) ? reference.getExpression() : undefined;
    return expression && Node.isStringLiteral(expression)
      ? moduleAt(project, file, expression.getLiteralText())
      : undefined;
  }
  if (Node.isVariableDeclaration(declaration)) {
    const initializer = declaration.getInitializer();
    return initializer && declaration.getVariableStatement()?.getDeclarationKind() !== undefined
      ? nameOfValue(project, initializer)
      : undefined;
  }
  if (Node.isBindingElement(declaration)) {
    const holder = declaration.getParent().getParent();
    const initializer = Node.isVariableDeclaration(holder) ? holder.getInitializer() : undefined;
    const owner = initializer && nameOfValue(project, initializer);
    const key = declaration.getPropertyNameNode()?.getText() ?? declaration.getName();
    return owner && nested(project, owner, key);
  }
  // Declared in generated types: `export class Outer`, `export namespace Outer { class Inner }`.
  if (Node.isClassDeclaration(declaration) || Node.isEnumDeclaration(declaration)) {
    const module = packageOf(file);
    if (module === undefined) return undefined;
    const path = [declaration.getName() ?? ""];
    for (const around of declaration.getAncestors())
      if (Node.isModuleDeclaration(around)) path.unshift(around.getName());
    return path.reduce<GeneratedName | undefined>((owner, name) => owner && nested(project, owner, name), {
      kind: "module",
      package: module,
    });
  }
  return undefined;
}

function nameOfValue(project: AnalysisProject, node: Node): GeneratedName | undefined {
  if (Node.isCallExpression(node) && node.getExpression().getText() === "require") {
    const [argument] = node.getArguments();
    return argument && Node.isStringLiteral(argument)
      ? moduleAt(project, node.getSourceFile(), argument.getLiteralText())
      : undefined;
  }
  if (Node.isIdentifier(node) || Node.isPropertyAccessExpression(node)) return generatedNameOf(project, node);
  return undefined;
}

function memberOf(project: AnalysisProject, owner: Node, name: string): GeneratedName | undefined {
  const found = Node.isCallExpression(owner) ? nameOfValue(project, owner) : generatedNameOf(project, owner);
  return found && nested(project, found, name);
}

function nested(project: AnalysisProject, owner: GeneratedName, name: string): GeneratedName | undefined {
  switch (owner.kind) {
    case "library":
      return { kind: "library", path: owner.path === "" ? name : `${owner.path}.${name}` };
    case "module":
      if (name === "default") return owner;
      return named(project, owner.package === "" ? name : `${owner.package}.${name}`);
    case "message": {
      const oneof = owner.desc.oneofs.find((one) => `${upperCamelCase(one.name)}Case` === name);
      return oneof ? { kind: "oneof", desc: oneof } : named(project, `${owner.desc.typeName}.${name}`);
    }
    default:
      return undefined;
  }
}

function named(project: AnalysisProject, typeName: string): GeneratedName | undefined {
  const message = project.protos.message(typeName);
  if (message) return { kind: "message", desc: message };
  const desc = project.protos.enum(typeName);
  return desc && { kind: "enum", desc };
}

function moduleAt(project: AnalysisProject, from: SourceFile, specifier: string): GeneratedName | undefined {
  if (specifier === "google-protobuf") return { kind: "library", path: "" };
  if (specifier.startsWith("google-protobuf/")) return { kind: "module", package: "google.protobuf" };
  if (!/_pb(\.[cm]?js)?$/.test(specifier)) return undefined;
  const file = project.resolveModule(from, specifier);
  if (file) {
    const name = packageOf(file);
    return name === undefined ? undefined : { kind: "module", package: name };
  }
  // Generated by the build: the specifier tells which .proto file it is made of.
  const stem = specifier.replace(/_pb(\.[cm]?js)?$/, "").replace(/^(\.{0,2}\/)+/, "");
  const segments = stem.split("/");
  for (let start = 0; start < segments.length; start++) {
    const tail = segments.slice(start).join("/");
    const found = project.protos.files().filter((one) => one.name === tail || one.name.endsWith(`/${tail}`));
    if (found.length === 1) return { kind: "module", package: found[0]?.proto.package ?? "" };
    if (found.length > 1) return undefined;
  }
  return undefined;
}

const packages = new WeakMap<SourceFile, string | null>();

/** The package whose names a file of protoc-gen-js (or its types) exports; undefined for any other file. */
export function packageOf(file: SourceFile): string | undefined {
  const known = packages.get(file);
  if (known !== undefined) return known ?? undefined;
  const text = file.getFullText();
  const isGenerated = /_pb(\.d)?\.[cm]?[jt]s$/.test(file.getFilePath()) && /\bjspb\b/.test(text);
  const found = !isGenerated
    ? undefined
    : (/^goog\.object\.extend\(exports, proto((?:\.\w+)*)\);/m.exec(text)?.[1]?.slice(1) ??
      /^\/\/ package: ?([\w.]*)\s*$/m.exec(text)?.[1]);
  packages.set(file, found ?? null);
  return found;
}
