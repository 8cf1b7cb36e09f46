import type { DescEnum, DescField, DescMessage, DescOneof, DescService } from "@bufbuild/protobuf";
import { type InterfaceDeclaration, Node, type SourceFile, type Type } from "ts-morph";
import type { AnalysisProject } from "../analysis/project.js";
import type { ProofState } from "./proof.js";

/** What a name of ts-proto's code stands for. `other` is the rest: a client class, `DeepPartial`, `colorFromJSON`. */
export type TsProtoName =
  | { readonly kind: "message"; readonly desc: DescMessage }
  | { readonly kind: "enum"; readonly desc: DescEnum }
  | { readonly kind: "service"; readonly desc: DescService }
  | { readonly kind: "other"; readonly name: string };

/** The files that ts-proto generated for a project, read through the compiler. */
export interface TsProtoCode {
  has(file: SourceFile): boolean;
  /** The name that an identifier, or the name of a type, leads to, where it is one of generated code. */
  nameOf(node: Node): TsProtoName | undefined;
  /** The message of which a type is the interface; undefined for any other type, and for a union with anything but absence. */
  messageOf(type: Type): DescMessage | undefined;
  enumOf(type: Type): DescEnum | undefined;
  /** The interface of a message; undefined where there is none, or more than one. */
  interfaceOf(desc: DescMessage): InterfaceDeclaration | undefined;
  /** The property of the old interface that holds a field, or a oneof as a union; undefined where it has none. */
  propertyOf(
    member: DescField | DescOneof,
  ): { readonly key: string; readonly type: Type; readonly isOptional: boolean } | undefined;
  /** `Kind.KIND_RED` becomes `Kind.RED`. False for anything else. */
  constantOf(p: ProofState, expression: Node): boolean;
  /** Version 1 of ts-proto writes with protobufjs, which puts any number into 32 bits. */
  readonly usesProtobufjs: boolean;
}

const known = new WeakMap<AnalysisProject, TsProtoCode>();

export function tsProtoCode(project: AnalysisProject): TsProtoCode {
  let code = known.get(project);
  if (!code) {
    code = readCode(project);
    known.set(project, code);
  }
  return code;
}

function readCode(project: AnalysisProject): TsProtoCode {
  const packages = new Map<SourceFile, string | null>();
  const packageOf = (file: SourceFile): string | null => {
    let found = packages.get(file);
    if (found === undefined) {
      found = /^export const protobufPackage = "([\w.]*)";/m.exec(file.getFullText().slice(0, 5000))?.[1] ?? null;
      packages.set(file, found);
    }
    return found;
  };
  const descs = new Map<string, ReadonlyMap<string, DescMessage | DescEnum | DescService>>();
  const descsOf = (name: string) => {
    let found = descs.get(name);
    if (!found) {
      found = namesIn(project, name);
      descs.set(name, found);
    }
    return found;
  };
  const interfaces = new Map<DescMessage, InterfaceDeclaration | null>();

  const nameOfDeclaration = (declaration: Node | undefined): TsProtoName | undefined => {
    if (!declaration) return undefined;
    const named = packageOf(declaration.getSourceFile());
    if (named === null) return undefined;
    const isTop = Node.isVariableDeclaration(declaration)
      ? declaration.getVariableStatement()?.getParent() === declaration.getSourceFile()
      : declaration.getParent() === declaration.getSourceFile();
    if (!isTop) return undefined;
    const name = (declaration as unknown as { getName?(): string | undefined }).getName?.() ?? "";
    const desc = descsOf(named).get(name);
    if (desc?.kind === "message") return { kind: "message", desc };
    if (desc?.kind === "enum") return { kind: "enum", desc };
    const service = name.endsWith("Service") ? descsOf(named).get(name.slice(0, -7)) : undefined;
    if (service?.kind === "service") return { kind: "service", desc: service };
    return { kind: "other", name };
  };

  const interfaceOf = (desc: DescMessage): InterfaceDeclaration | undefined => interfaces.get(desc) ?? undefined;
  const remember = (declaration: InterfaceDeclaration): DescMessage | undefined => {
    const name = nameOfDeclaration(declaration);
    if (name?.kind !== "message") return undefined;
    const before = interfaces.get(name.desc);
    // Two generated files for one message: which of them a value is made for, nothing says.
    if (before === undefined) interfaces.set(name.desc, declaration);
    else if (before !== null && before !== declaration) interfaces.set(name.desc, null);
    return name.desc;
  };
  const files = generatedFiles(project, (file) => packageOf(file) !== null);
  for (const file of files) for (const one of file.getInterfaces()) remember(one);
  const nameOf = (node: Node): TsProtoName | undefined => {
    const symbol = node.getSymbol();
    const target = symbol?.getAliasedSymbol() ?? symbol;
    return nameOfDeclaration(target?.getDeclarations()[0]);
  };

  return {
    usesProtobufjs: [...files].some((file) => file.getFullText().includes("protobufjs/minimal")),
    nameOf,
    interfaceOf,
    has: (file) => packageOf(file) !== null,
    messageOf(type) {
      const declaration = type.getNonNullableType().getSymbol()?.getDeclarations()[0];
      if (!Node.isInterfaceDeclaration(declaration) || packageOf(declaration.getSourceFile()) === null)
        return undefined;
      const name = nameOfDeclaration(declaration);
      return name?.kind === "message" ? name.desc : undefined;
    },
    enumOf(type) {
      const declaration = type.getNonNullableType().getSymbol()?.getDeclarations()[0];
      const owner = Node.isEnumMember(declaration) ? declaration.getParent() : declaration;
      const name = Node.isEnumDeclaration(owner) ? nameOfDeclaration(owner) : undefined;
      return name?.kind === "enum" ? name.desc : undefined;
    },
    constantOf(p, expression) {
      if (!Node.isPropertyAccessExpression(expression)) return false;
      const owner = nameOf(expression.getExpression());
      const value =
        owner?.kind === "enum" ? owner.desc.values.find((one) => one.name === expression.getName()) : undefined;
      if (owner?.kind !== "enum" || !value) return false;
      p.replace(expression, p.generated(owner.desc, "shape", expression), `.${value.localName}`);
      return true;
    },
    propertyOf(member) {
      const declaration = interfaceOf(member.parent);
      const keys = [member.localName, member.localName.replace(/\$$/, ""), member.name];
      const property = keys.map((key) => declaration?.getProperty(key)).find((one) => one !== undefined);
      return property && { key: property.getName(), type: property.getType(), isOptional: property.hasQuestionToken() };
    },
  };
}

/** ts-proto's names in a package: `Outer_Inner` for a nested message. */
function namesIn(project: AnalysisProject, name: string): ReadonlyMap<string, DescMessage | DescEnum | DescService> {
  const found = new Map<string, DescMessage | DescEnum | DescService>();
  const visit = (one: DescMessage | DescEnum | DescService) => {
    const local = name === "" ? one.typeName : one.typeName.slice(name.length + 1);
    found.set(local.replaceAll(".", "_"), one);
    if (one.kind === "message") for (const inner of [...one.nestedMessages, ...one.nestedEnums]) visit(inner);
  };
  const wkt = name === "google.protobuf" ? ["Timestamp", "Duration", "Empty"] : [];
  for (const each of wkt) {
    const desc = project.protos.message(`google.protobuf.${each}`);
    if (desc) visit(desc);
  }
  for (const file of project.protos.files())
    if (file.proto.package === name) for (const one of [...file.messages, ...file.enums, ...file.services]) visit(one);
  return found;
}

/** What ts-proto wrote and the project imports, at any distance. */
function generatedFiles(project: AnalysisProject, isGenerated: (file: SourceFile) => boolean): Set<SourceFile> {
  const found = new Set<SourceFile>();
  const visit = (file: SourceFile) => {
    for (const declaration of file.getImportDeclarations()) {
      const target = project.resolveModule(file, declaration.getModuleSpecifierValue());
      if (!target || found.has(target) || !isGenerated(target)) continue;
      found.add(target);
      visit(target);
    }
  };
  for (const file of project.files) {
    if (isGenerated(file)) found.add(file);
    visit(file);
  }
  return found;
}
