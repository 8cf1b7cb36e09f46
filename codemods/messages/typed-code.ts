import type { DescEnum, DescEnumValue, DescField, DescMessage, DescOneof, DescService } from "@bufbuild/protobuf";
import { type EnumMember, Node, type SourceFile, SyntaxKind, type Type } from "ts-morph";
import { declarationsBehind } from "../analysis/assignments.js";
import type { AnalysisProject } from "../analysis/project.js";
import type { ProofState } from "./proof.js";
import { aliasedDeclaration } from "./typed-aliases.js";
import type { MessageDeclaration, TypedFlavour } from "./typed-flavour.js";

/** What a name of generated code stands for. `other` is the rest: a client class, `DeepPartial`, `colorFromJSON`. */
export type TypedName =
  | { readonly kind: "message"; readonly desc: DescMessage }
  | { readonly kind: "enum"; readonly desc: DescEnum }
  | { readonly kind: "service"; readonly desc: DescService }
  | { readonly kind: "other"; readonly name: string };

/** What the generated interface has for a field or a oneof. */
export interface TypedProperty {
  readonly key: string;
  readonly type: Type;
  readonly isOptional: boolean;
}

/** A function of ts-proto's for an enum: `kindToJSON`, `kindFromJSON`, and `kindToNumber` where its values are names. */
export interface EnumFunction {
  readonly desc: DescEnum;
  readonly direction: "to" | "from" | "number";
  readonly isText: boolean;
}

/** The files that a generator of interfaces wrote for a project, read through the compiler. */
export interface TypedCode {
  readonly flavour: TypedFlavour;
  has(file: SourceFile): boolean;
  /** The name that an identifier, or the name of a type, leads to, where it is one of generated code. */
  nameOf(node: Node): TypedName | undefined;
  /** Is a name one of a namespace that has generated code in it? */
  isNamespace(node: Node): boolean;
  /** The message of which a type is the interface or the class; undefined for any other type, and for a union with anything but absence. */
  messageOf(type: Type): DescMessage | undefined;
  enumOf(type: Type): DescEnum | undefined;
  /** The enum whose values are names in old code, of which a type is all or some, or absence besides. */
  textEnumOf(type: Type): DescEnum | undefined;
  /** The oneof of which a type is the union of members, or one or some of them, or absence besides. */
  oneofOf(type: Type): DescOneof | undefined;
  /** The interface or the class of a message; undefined where there is none, or more than one. */
  declarationOf(desc: DescMessage): MessageDeclaration | undefined;
  /** The property of old messages that holds a field, or a oneof as a union; undefined where it has none. */
  propertyOf(member: DescField | DescOneof): TypedProperty | undefined;
  /** The member of a union that holds a field: the text of its discriminator, and the key and type of its value. */
  memberOf(field: DescField): (TypedProperty & { readonly text: string }) | undefined;
  /** The generated files of a message, where there are several: which of them a value is made for, nothing says. */
  filesOf(desc: DescMessage): readonly string[];
  /** The service of a generated definition or interface of which a declaration is a member. */
  serviceOfMember(declaration: Node | undefined): DescService | undefined;
  /** `Kind.KIND_RED` becomes `Kind.RED`. False for anything else. */
  constantOf(p: ProofState, expression: Node): boolean;
  /** Are the names of an enum's constants those of protobuf-es? */
  hasSameNames(desc: DescEnum, name: Node): boolean;
  /** Are they those of the .proto, one for each number? */
  hasNamesOfProto(desc: DescEnum, name: Node): boolean;
  /** Has the enum of a name ts-proto's `UNRECOGNIZED`, which no .proto has? */
  hasUnrecognized(name: Node): boolean;
  /** The functions of ts-proto that know the names of the .proto, and "UNRECOGNIZED" for any other. */
  enumFunction(name: Node): EnumFunction | undefined;
  /** protobufjs writes the messages, which puts any number into 32 bits. */
  readonly usesProtobufjs: boolean;
}

const known = new WeakMap<AnalysisProject, Map<TypedFlavour, TypedCode>>();

export function typedCode(project: AnalysisProject, flavour: TypedFlavour): TypedCode {
  const codes = known.get(project) ?? new Map<TypedFlavour, TypedCode>();
  known.set(project, codes);
  const code = codes.get(flavour) ?? readCode(project, flavour);
  codes.set(flavour, code);
  return code;
}

/** `Kind.UNKNOWN`, what a field has for zero where the values of its enum are names; undefined for any other field. */
export function zeroConstant(code: TypedCode, field: DescField): string | undefined {
  const type = code.propertyOf(field)?.type.getNonNullableType();
  const zero = type && "enum" in field && field.enum && code.textEnumOf(type) ? field.enum.values[0]?.name : undefined;
  for (const part of type?.getUnionTypes() ?? []) {
    const [member] = part.getSymbol()?.getDeclarations() ?? [];
    if (zero !== undefined && part.getLiteralValue() === zero && Node.isEnumMember(member))
      return `${member.getParent().getName()}.${member.getName()}`;
  }
  return undefined;
}

function readCode(project: AnalysisProject, flavour: TypedFlavour): TypedCode {
  const packages = new Map<SourceFile, string | null>();
  const packageOf = (file: SourceFile): string | null => {
    let found = packages.get(file);
    if (found === undefined) {
      found = flavour.packageOf(file, project.protos);
      packages.set(file, found);
    }
    return found;
  };
  const descs = new Map<string, ReadonlyMap<string, DescMessage | DescEnum | DescService>>();
  const descsOf = (name: string) => {
    let found = descs.get(name);
    if (!found) {
      found = namesIn(project, name, flavour.structs !== undefined);
      descs.set(name, found);
    }
    return found;
  };
  const declarations = new Map<DescMessage, MessageDeclaration | null>();
  const declared = new Map<DescMessage, Set<string>>();

  const nameOfDeclaration = (declaration: Node | undefined): TypedName | undefined => {
    if (!declaration) return undefined;
    const named = packageOf(declaration.getSourceFile());
    if (named === null) return undefined;
    if (flavour.hasNamespaces) return nameInNamespaces(declaration);
    const isTop = Node.isVariableDeclaration(declaration)
      ? declaration.getVariableStatement()?.getParent() === declaration.getSourceFile()
      : declaration.getParent() === declaration.getSourceFile();
    if (!isTop) return undefined;
    const name = (declaration as unknown as { getName?(): string | undefined }).getName?.() ?? "";
    const desc = descsOf(named).get(name);
    if (desc?.kind === "message") return { kind: "message", desc };
    if (desc?.kind === "enum") return { kind: "enum", desc };
    for (const short of flavour.servicesNamed(name, declaration)) {
      const service = descsOf(named).get(short);
      if (service?.kind === "service") return { kind: "service", desc: service };
    }
    return { kind: "other", name };
  };

  const nameInNamespaces = (declaration: Node): TypedName | undefined => {
    if (!Node.isClassDeclaration(declaration) && !Node.isEnumDeclaration(declaration)) return undefined;
    const name = declaration.getName() ?? "";
    const outer = declaration.getAncestors().filter(Node.isModuleDeclaration);
    const path = outer.map((one) => one.compilerNode.name.text).toReversed();
    const named = (one: string) => [...path, one].join(".");
    const desc = project.protos.message(named(name)) ?? project.protos.enum(named(name));
    if (desc?.kind === "message") return { kind: "message", desc };
    if (desc?.kind === "enum") return { kind: "enum", desc };
    for (const short of flavour.servicesNamed(name, declaration)) {
      const service = project.protos.service(named(short));
      if (service) return { kind: "service", desc: service };
    }
    return { kind: "other", name };
  };

  const messageDeclarationOf = (desc: DescMessage): MessageDeclaration | undefined =>
    declarations.get(desc) ?? undefined;
  const remember = (declaration: MessageDeclaration): void => {
    const name = nameOfDeclaration(declaration);
    if (name?.kind !== "message") return;
    const before = declarations.get(name.desc);
    declared.set(name.desc, (declared.get(name.desc) ?? new Set()).add(declaration.getSourceFile().getFilePath()));
    // Two generated files for one message: which of them a value is made for, nothing says.
    if (before === undefined) declarations.set(name.desc, declaration);
    else if (before !== null && before !== declaration) declarations.set(name.desc, null);
  };
  const files = generatedFiles(project, (file) => packageOf(file) !== null);
  for (const file of files)
    for (const one of flavour.hasClasses
      ? file.getDescendantsOfKind(SyntaxKind.ClassDeclaration)
      : file.getInterfaces())
      remember(one);
  const declarationOf = (node: Node): Node | undefined => {
    const [declaration] = declarationsBehind(node);
    return (flavour.hasNamespaces && aliasedDeclaration(declaration)) || declaration;
  };
  const nameOf = (node: Node): TypedName | undefined => nameOfDeclaration(declarationOf(node));
  const propertyIn = (member: DescField | DescOneof) => {
    const declaration = messageDeclarationOf(member.parent);
    if (!Node.isInterfaceDeclaration(declaration)) return undefined;
    return flavour
      .keysOf(member)
      .map((key) => declaration.getProperty(key))
      .find((one) => one !== undefined);
  };
  const unions = new Map<unknown, DescOneof | null>();
  const oneofOfPart = (part: Type): DescOneof | undefined => {
    const declaration = part.getSymbol()?.getDeclarations()[0];
    if (!Node.isTypeLiteral(declaration) || packageOf(declaration.getSourceFile()) === null) return undefined;
    let property: Node | undefined = declaration.getParent();
    while (Node.isUnionTypeNode(property) || Node.isParenthesizedTypeNode(property)) property = property.getParent();
    const owner = Node.isPropertySignature(property) ? property.getParent() : undefined;
    const name = Node.isInterfaceDeclaration(owner) ? nameOfDeclaration(owner) : undefined;
    if (name?.kind !== "message") return undefined;
    return name.desc.oneofs.find((oneof) => propertyIn(oneof) === property);
  };

  const textEnumOfPart = (part: Type): DescEnum | undefined => {
    if (!part.isEnumLiteral() || typeof part.getLiteralValue() !== "string") return undefined;
    const declaration = part.getSymbol()?.getDeclarations()[0];
    const owner = Node.isEnumMember(declaration) ? declaration.getParent() : declaration;
    const name = nameOfDeclaration(owner);
    return name?.kind === "enum" && hasTextOfProto(owner, name.desc) ? name.desc : undefined;
  };

  return {
    flavour,
    usesProtobufjs: [...files].some((file) => file.getFullText().includes("protobufjs/minimal")),
    nameOf,
    declarationOf: messageDeclarationOf,
    isNamespace(node) {
      const declaration = declarationOf(node);
      return Node.isModuleDeclaration(declaration) && packageOf(declaration.getSourceFile()) !== null;
    },
    has: (file) => packageOf(file) !== null,
    filesOf: (desc) => [...(declared.get(desc) ?? [])],
    messageOf(type) {
      const whole = type.getNonNullableType();
      const declaration = whole.getSymbol()?.getDeclarations()[0];
      // The type of a class itself has the symbol of its instances.
      const isClass = flavour.hasClasses && Node.isClassDeclaration(declaration) && whole.isClass();
      if (!isClass && !Node.isInterfaceDeclaration(declaration)) return undefined;
      if (packageOf(declaration.getSourceFile()) === null) return undefined;
      const name = nameOfDeclaration(declaration);
      return name?.kind === "message" ? name.desc : undefined;
    },
    enumOf(type) {
      const declaration = type.getNonNullableType().getSymbol()?.getDeclarations()[0];
      const owner = Node.isEnumMember(declaration) ? declaration.getParent() : declaration;
      const name = Node.isEnumDeclaration(owner) ? nameOfDeclaration(owner) : undefined;
      return name?.kind === "enum" ? name.desc : undefined;
    },
    textEnumOf(type) {
      const whole = type.getNonNullableType();
      const found = new Set((whole.isUnion() ? whole.getUnionTypes() : [whole]).map(textEnumOfPart));
      const [only] = found;
      return found.size === 1 ? only : undefined;
    },
    oneofOf(type) {
      const key = type.compilerType;
      const before = unions.get(key);
      if (before !== undefined) return before ?? undefined;
      const whole = type.getNonNullableType();
      const parts = whole.isUnion() ? whole.getUnionTypes() : [whole];
      const found = new Set(parts.map(oneofOfPart));
      const [only] = found;
      const answer = found.size === 1 ? only : undefined;
      unions.set(key, answer ?? null);
      return answer;
    },
    constantOf(p, expression) {
      if (!Node.isPropertyAccessExpression(expression)) return false;
      const owner = nameOf(expression.getExpression());
      if (owner?.kind !== "enum") return false;
      const name = expression.getName();
      const value =
        owner.desc.values.find((one) => one.name === name) ?? owner.desc.values.find((one) => one.localName === name);
      if (!value || isOtherNumber(expression, value)) return false;
      p.replace(expression, p.generated(owner.desc, "shape", expression), `.${value.localName}`);
      return true;
    },
    hasSameNames: (desc, name) => hasMembers(declarationOf(name), desc, (value) => value.localName),
    hasNamesOfProto: (desc, name) => hasNamesOfProto(declarationOf(name), desc),
    hasUnrecognized(name) {
      const declaration = declarationOf(name);
      const found = nameOfDeclaration(declaration);
      return found?.kind === "enum" && unrecognizedOf(declaration, found.desc) !== undefined;
    },
    enumFunction(name) {
      const declaration = declarationOf(name);
      const [, local, form] =
        /^(\w+)(ToJSON|FromJSON|ToNumber)$/.exec(nameOf(name)?.kind === "other" ? name.getText() : "") ?? [];
      if (!local || !Node.isFunctionDeclaration(declaration)) return undefined;
      const isFrom = form === "FromJSON";
      const of = isFrom ? declaration.getReturnTypeNode() : declaration.getParameters()[0]?.getTypeNode();
      const type = Node.isTypeReference(of) ? of.getTypeName() : undefined;
      const desc = type && nameOf(type);
      if (desc?.kind !== "enum" || type?.getText().toLowerCase() !== local.toLowerCase()) return undefined;
      const isText = hasTextOfProto(declarationOf(type), desc.desc);
      if (!isText && (form === "ToNumber" || !hasNamesOfProto(declarationOf(type), desc.desc))) return undefined;
      // With another answer to what is not known, it is another function.
      const last = declaration.getDescendantsOfKind(SyntaxKind.DefaultClause)[0]?.getStatements().at(-1)?.getText();
      const answer = isFrom ? /^return \w+\.UNRECOGNIZED;?$/ : /^return ("UNRECOGNIZED"|-1);?$/;
      if (!answer.test(last ?? "")) return undefined;
      return { desc: desc.desc, direction: isFrom ? "from" : form === "ToJSON" ? "to" : "number", isText };
    },
    propertyOf(member) {
      const declaration = messageDeclarationOf(member.parent);
      if (Node.isClassDeclaration(declaration)) {
        const getters = flavour.keysOf(member).map((key) => declaration.getGetAccessor(key));
        const getter = getters.find((one) => one !== undefined);
        return getter && { key: getter.getName(), type: getter.getReturnType(), isOptional: false };
      }
      const property = propertyIn(member);
      return property && { key: property.getName(), type: property.getType(), isOptional: property.hasQuestionToken() };
    },
    memberOf(field) {
      const literals =
        (field.oneof && propertyIn(field.oneof)?.getTypeNode()?.getDescendants().filter(Node.isTypeLiteral)) ?? [];
      for (const literal of literals) {
        const text = literal.getProperty(flavour.discriminator)?.getType().getLiteralValue();
        const [value] = literal.getProperties().filter((one) => one.getName() !== flavour.discriminator);
        if (typeof text !== "string" || !value || !flavour.keysOf(field).includes(text)) continue;
        return { text, key: value.getName(), type: value.getType(), isOptional: value.hasQuestionToken() };
      }
      return undefined;
    },
    serviceOfMember(declaration) {
      const owner = declaration?.getFirstAncestor(
        (one) => Node.isVariableDeclaration(one) || Node.isInterfaceDeclaration(one) || Node.isClassDeclaration(one),
      );
      const named = nameOfDeclaration(owner);
      return named?.kind === "service" ? named.desc : undefined;
    },
  };
}

/** Has a constant of old code another number than the .proto? */
function isOtherNumber(constant: Node, value: DescEnumValue): boolean {
  const member = constant.getSymbol()?.getValueDeclaration();
  const old = Node.isEnumMember(member) ? member.getValue() : undefined;
  return old !== undefined && old !== (typeof old === "string" ? value.name : value.number);
}

/** The constant that ts-proto adds to an enum. */
function unrecognizedOf(declaration: Node | undefined, desc: DescEnum): EnumMember | undefined {
  if (!Node.isEnumDeclaration(declaration)) return undefined;
  if (desc.values.some(({ name, number }) => name === "UNRECOGNIZED" || number === -1)) return undefined;
  return declaration
    .getMembers()
    .find((one) => one.getName() === "UNRECOGNIZED" && [-1, "UNRECOGNIZED"].includes(one.getValue() ?? ""));
}

/** Are the values of an enum the names that the .proto has, one for each number? */
function hasTextOfProto(declaration: Node | undefined, desc: DescEnum): boolean {
  if (!Node.isEnumDeclaration(declaration) || !isUnaliased(desc)) return false;
  const other = unrecognizedOf(declaration, desc);
  const texts = new Set(declaration.getMembers().flatMap((one) => (one === other ? [] : [one.getValue()])));
  return texts.size === desc.values.length && desc.values.every(({ name }) => texts.has(name));
}

/** Has each number one name? */
function isUnaliased(desc: DescEnum): boolean {
  return new Set(desc.values.map((value) => value.number)).size === desc.values.length;
}

function hasNamesOfProto(declaration: Node | undefined, desc: DescEnum): boolean {
  if (!isUnaliased(desc)) return false;
  return hasMembers(declaration, desc, (value) => value.name, unrecognizedOf(declaration, desc));
}

function hasMembers(
  declaration: Node | undefined,
  desc: DescEnum,
  nameOf: (value: DescEnumValue) => string,
  except?: EnumMember,
): boolean {
  if (!Node.isEnumDeclaration(declaration)) return false;
  const members = declaration.getMembers().filter((one) => one !== except);
  return (
    members.length === desc.values.length &&
    members.every((one) =>
      desc.values.some((value) => nameOf(value) === one.getName() && value.number === one.getValue()),
    )
  );
}

/** The names that generators of interfaces give in a package: `Outer_Inner` for a nested message. */
function namesIn(
  project: AnalysisProject,
  name: string,
  hasStructs: boolean,
): ReadonlyMap<string, DescMessage | DescEnum | DescService> {
  const found = new Map<string, DescMessage | DescEnum | DescService>();
  const visit = (one: DescMessage | DescEnum | DescService) => {
    const local = name === "" ? one.typeName : one.typeName.slice(name.length + 1);
    found.set(local.replaceAll(".", "_"), one);
    if (one.kind === "message") for (const inner of [...one.nestedMessages, ...one.nestedEnums]) visit(inner);
  };
  const messages = ["Timestamp", "Duration", "Empty", "Any", "FieldMask"];
  const parts = hasStructs ? ["Struct", "Value", "ListValue", "NullValue"] : [];
  for (const each of name === "google.protobuf" ? [...messages, ...parts] : []) {
    const desc = project.protos.message(`${name}.${each}`) ?? project.protos.enum(`${name}.${each}`);
    if (desc) visit(desc);
  }
  for (const file of project.protos.files())
    if (file.proto.package === name) for (const one of [...file.messages, ...file.enums, ...file.services]) visit(one);
  return found;
}

/** What the generator wrote and the project imports, at any distance. */
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
