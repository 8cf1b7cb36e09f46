import type { DescEnum, DescField, DescMessage } from "@bufbuild/protobuf";
import { FeatureSet_FieldPresence } from "@bufbuild/protobuf/wkt";
import { Node, type SourceFile } from "ts-morph";
import type { AnalysisProject } from "../analysis/project.js";
import { generatorOf } from "../project/generated.js";
import { isConstant } from "./message-syntax.js";
import { type Written, writtenFor } from "./written-fields.js";

/** What a name of pbjs's static code stands for. */
export type StaticName =
  | { readonly kind: "message"; readonly desc: DescMessage; readonly file: SourceFile }
  | { readonly kind: "enum"; readonly desc: DescEnum; readonly file: SourceFile }
  /** The module, or a Protobuf package in it. */
  | { readonly kind: "package"; readonly name: string; readonly file: SourceFile };

/** A class as pbjs wrote it. */
interface StaticClass {
  /** Property -> what it is where the field is not set, as text: `""`, `null`, `$util.emptyArray`. */
  readonly unset: ReadonlyMap<string, string>;
  /** Property -> what `encode` writes for it. */
  readonly written: ReadonlyMap<string, Written>;
}

/** What an expression or the name of a type stands for, where it is a name of pbjs's static code: `kiln.v2.Firing`, also by destructuring. */
export function staticNameOf(project: AnalysisProject, node: Node): StaticName | undefined {
  if (Node.isPropertyAccessExpression(node))
    return nested(project, staticNameOf(project, node.getExpression()), node.getName());
  if (Node.isQualifiedName(node))
    return nested(project, staticNameOf(project, node.getLeft()), node.getRight().getText());
  if (Node.isCallExpression(node)) {
    const [argument] = node.getArguments();
    return node.getExpression().getText() === "require" && Node.isStringLiteral(argument)
      ? moduleAt(project, node.getSourceFile(), argument.getLiteralText())
      : undefined;
  }
  if (!Node.isIdentifier(node)) return undefined;
  const declaration = node.getSymbol()?.getDeclarations()[0];
  const direct = declaration && nameOfDeclaration(project, declaration);
  if (direct) return direct;
  const origin = project.declarationOf(node);
  return origin && origin !== declaration ? nameOfDeclaration(project, origin) : undefined;
}

function nameOfDeclaration(project: AnalysisProject, declaration: Node): StaticName | undefined {
  if (Node.isImportSpecifier(declaration)) {
    const module = declaration.getImportDeclaration().getModuleSpecifierValue();
    return nested(project, moduleAt(project, declaration.getSourceFile(), module), declaration.getName());
  }
  if (Node.isNamespaceImport(declaration) || Node.isImportClause(declaration)) {
    const statement = declaration.getFirstAncestor(Node.isImportDeclaration);
    return statement && moduleAt(project, declaration.getSourceFile(), statement.getModuleSpecifierValue());
  }
  if (Node.isImportEqualsDeclaration(declaration)) {
    const reference = declaration.getModuleReference();
    if (!Node.isExternalModuleReference(reference)) return staticNameOf(project, reference);
    const module = reference.getExpression();
    return Node.isStringLiteral(module)
      ? moduleAt(project, declaration.getSourceFile(), module.getLiteralText())
      : undefined;
  }
  if (Node.isVariableDeclaration(declaration)) {
    const initializer = declaration.getInitializer();
    return initializer && isConstant(declaration) ? staticNameOf(project, initializer) : undefined;
  }
  if (!Node.isBindingElement(declaration)) return undefined;
  const pattern = declaration.getParent();
  const owner = pattern.getParent();
  const key = declaration.getPropertyNameNode()?.getText() ?? declaration.getName();
  if (Node.isBindingElement(owner)) return nested(project, nameOfDeclaration(project, owner), key);
  const initializer = Node.isVariableDeclaration(owner) ? owner.getInitializer() : undefined;
  return initializer && nested(project, staticNameOf(project, initializer), key);
}

function nested(project: AnalysisProject, owner: StaticName | undefined, name: string): StaticName | undefined {
  if (!owner || owner.kind === "enum") return undefined;
  if (name === "default" && owner.kind === "package" && owner.name === "") return owner;
  const outer = owner.kind === "package" ? owner.name : owner.desc.typeName;
  const typeName = outer === "" ? name : `${outer}.${name}`;
  const { file } = owner;
  const message = project.protos.message(typeName);
  if (message) return { kind: "message", desc: message, file };
  const desc = project.protos.enum(typeName);
  if (desc) return { kind: "enum", desc, file };
  // `IThing`, and `Thing.$Properties` of newer versions: what a message is made of.
  if (owner.kind === "message" && /^\$(Properties|Shape)$/.test(name)) return owner;
  const made = name.startsWith("I") && project.protos.message(typeName.replace(/I(\w+)$/, "$1"));
  if (made) return { kind: "message", desc: made, file };
  return owner.kind === "package" ? { kind: "package", name: typeName, file } : undefined;
}

/** The static module that a specifier means in a file. */
export function moduleAt(project: AnalysisProject, from: SourceFile, specifier: string): StaticName | undefined {
  const file = project.resolveModule(from, specifier);
  return file && classesIn(file) ? { kind: "package", name: "", file } : undefined;
}

const known = new WeakMap<SourceFile, ReadonlyMap<string, StaticClass> | null>();

/** The classes of a static module of pbjs by the names of their messages; undefined for any other file. */
export function classesIn(file: SourceFile): ReadonlyMap<string, StaticClass> | undefined {
  let found = known.get(file);
  if (found === undefined) {
    const text = file.getFullText();
    const isStatic = generatorOf(file.getFilePath(), text) === "protobufjs" && !file.isDeclarationFile();
    found = isStatic ? readClasses(text) : null;
    known.set(file, found);
  }
  return found ?? undefined;
}

function readClasses(text: string): Map<string, StaticClass> {
  const found = new Map<string, StaticClass>();
  for (const { index, 1: name = "", 2: body = "" } of text.matchAll(
    /(\w+)\.encode = function encode\(([\s\S]*?)\n\s*return writer;/g,
  )) {
    const typeName = /\bnew \$root\.([\w.]+)\(/.exec(text.slice(index, text.indexOf("return message;", index)))?.[1];
    const start = text.lastIndexOf(`function ${name}(`, index);
    if (typeName === undefined || start < 0) continue;
    const unset = text.slice(start, index).matchAll(/\.prototype\.([\w$]+) = (.+);$/gm);
    const written = body
      .split(/\bif \(message\./)
      .slice(1)
      .flatMap((part) => {
        const [, key = ""] = /^([\w$]+)/.exec(part) ?? [];
        const [, tag, method = ""] = /\.uint32\((?:\/\*.*?\*\/)?(\d+)\)\s*\.(\w+)\(/.exec(part) ?? [];
        return tag === undefined ? [] : [[key, { tag: Number(tag), method }] as const];
      });
    found.set(typeName, {
      unset: new Map([...unset].map(([, key = "", value = ""]) => [key, value])),
      written: new Map(written),
    });
  }
  return found;
}

/** What the code of a class is, from its `encode` on. */
export function classText(file: SourceFile, desc: DescMessage): string {
  const text = file.getFullText();
  const start = text.indexOf(`new $root.${desc.typeName}()`, text.indexOf(".decode = function"));
  const begin = text.lastIndexOf(".encode = function", start);
  const end = text.indexOf(".encode = function", start);
  return start < 0 || begin < 0 ? "" : text.slice(begin, end < 0 ? undefined : end);
}

/** The property that holds a field; undefined where the code has none for it. */
export function propertyOf(file: SourceFile, field: DescField): string | undefined {
  const { tag } = writtenFor(field);
  const written = classesIn(file)?.get(field.parent.typeName)?.written ?? [];
  for (const [key, one] of written) if (one.tag === tag) return key;
  return undefined;
}

/** Where a class and the message of the .proto disagree; undefined where they agree. */
export function protobufjsStaleness(file: SourceFile, desc: DescMessage): string | undefined {
  const place = file.getFilePath();
  const found = classesIn(file)?.get(desc.typeName);
  if (!found && /\.encode = function \(message, writer, _depth\)/.test(file.getFullText()))
    return `${place} is code of pbjs for protobufjs 8, which is not followed`;
  if (!found) return `${place} has no class for ${desc.typeName}`;
  const keys = new Set(found.written.keys());
  for (const field of desc.fields) {
    const key = propertyOf(file, field);
    const { method } = writtenFor(field);
    if (key === undefined) return `${place} writes no ${field.name} in ${desc.name} as the .proto says`;
    const written = found.written.get(key)?.method;
    if (written !== method)
      return `${field.name} of ${desc.name} is written as ${written} in ${place} and as ${method} by the .proto`;
    // pbjs before 6.11 had the default of the type there: nothing told whether such a field was set.
    const isOptional = field.presence === FeatureSet_FieldPresence.EXPLICIT;
    if (isOptional && found.unset.get(key) !== "null")
      return `${place} is code of an older pbjs, where ${key} of ${desc.name} reads ${found.unset.get(key)} if it is not set`;
    keys.delete(key);
  }
  const [extra] = keys;
  return extra === undefined ? undefined : `${desc.name} of ${place} has ${extra}, and the .proto no such field`;
}

/** Is a constant of an enum in the code what it is in the .proto? */
export function hasConstant(file: SourceFile, name: string, number: number): boolean {
  return file.getFullText().includes(`[${number}] = "${name}"] = ${number}`);
}
