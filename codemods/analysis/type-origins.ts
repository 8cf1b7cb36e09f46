import { Node, type SourceFile, SyntaxKind } from "ts-morph";
import { isTypeScript } from "./language.js";
import { type Flavour, isSameOrigin, type Origin, UNKNOWN } from "./origin.js";

export interface TypeOriginsInput {
  originOf(node: Node): Origin;
  originOfModule(from: SourceFile, specifier: string): Origin;
  /** What a file exports under a name. */
  exportNode(file: SourceFile, name: string): Node | undefined;
  member(origin: Origin, name: string): Origin;
  memberOfNamespace(node: Node, name: string): Node | undefined;
  serviceInFile(file: SourceFile, short: string): string | undefined;
  flavourOf(file: SourceFile): Flavour;
  cutShort(): void;
}

export interface TypeOrigins {
  originOfType(type: Node): Origin;
  /** The checker's answer for a name or member whose value could not be followed (TypeScript files only). */
  originByType(node: Node): Origin;
}

/** What annotations say of values. */
export function createTypeOrigins(input: TypeOriginsInput): TypeOrigins {
  const { originOf, originOfModule, exportNode, member, memberOfNamespace, serviceInFile, flavourOf } = input;

  function originOfType(type: Node): Origin {
    if (Node.isParenthesizedTypeNode(type)) return originOfType(type.getTypeNode());
    if (Node.isUnionTypeNode(type)) {
      const members = type.getTypeNodes().filter((member) => !/^(null|undefined|void)$/.test(member.getText()));
      const found = members.map(originOfType);
      const [first] = found;
      return first && found.every((origin) => isSameOrigin(origin, first)) ? first : UNKNOWN;
    }
    if (Node.isIntersectionTypeNode(type)) {
      const found = type
        .getTypeNodes()
        .map(originOfType)
        .filter((origin) => origin.kind !== "unknown");
      return found.length > 0 ? (found[0] as Origin) : UNKNOWN;
    }
    if (Node.isTypeQuery(type)) return originOf(type.getExprName());
    if (Node.isTypeReference(type)) {
      const name = type.getTypeName();
      const [argument] = type.getTypeArguments();
      if (argument && /^(Promise|Readonly|Required|NonNullable)$/.test(name.getText())) return originOfType(argument);
      if (argument && name.getText() === "InstanceType") return valueOfType(originOfType(argument));
      return originOfTypeName(name);
    }
    if (Node.isExpressionWithTypeArguments(type)) return originOfTypeName(type.getExpression());
    return UNKNOWN;
  }

  function originOfTypeName(name: Node): Origin {
    if (Node.isQualifiedName(name) || Node.isPropertyAccessExpression(name)) {
      const left = Node.isQualifiedName(name) ? name.getLeft() : name.getExpression();
      const right = Node.isQualifiedName(name) ? name.getRight().getText() : name.getName();
      const origin = originOfTypeName(left);
      if (origin.kind === "module") {
        const node = exportNode(origin.file, right);
        return node ? originOfTypeDeclaration(node) : UNKNOWN;
      }
      if (origin.kind === "namespace") {
        const node = memberOfNamespace(origin.node, right);
        return node ? originOfTypeDeclaration(node) : UNKNOWN;
      }
      return origin.kind === "unknown" ? UNKNOWN : member(origin, right);
    }
    const declarations = name.getSymbol()?.getDeclarations() ?? [];
    for (const declaration of declarations) {
      const origin = originOfTypeDeclaration(declaration);
      if (origin.kind !== "unknown") return origin;
    }
    return UNKNOWN;
  }

  const activeTypes = new Set<Node>();
  function originOfTypeDeclaration(node: Node): Origin {
    if (activeTypes.has(node)) {
      input.cutShort();
      return UNKNOWN;
    }
    activeTypes.add(node);
    try {
      if (Node.isImportSpecifier(node) || Node.isImportClause(node)) {
        const declaration = node.getFirstAncestorByKind(SyntaxKind.ImportDeclaration);
        const specifier = declaration?.getModuleSpecifierValue();
        if (specifier === undefined) return UNKNOWN;
        const module = originOfModule(node.getSourceFile(), specifier);
        const name = Node.isImportSpecifier(node) ? node.getName() : "default";
        if (module.kind !== "module") return member(module, name);
        const target = exportNode(module.file, name);
        return target ? originOfTypeDeclaration(target) : UNKNOWN;
      }
      if (Node.isNamespaceImport(node) || Node.isImportEqualsDeclaration(node)) return originOf(node);
      if (Node.isTypeAliasDeclaration(node)) {
        const type = node.getTypeNode();
        return type ? originOfType(type) : UNKNOWN;
      }
      if (Node.isInterfaceDeclaration(node)) {
        for (const base of node.getExtends()) {
          const origin = valueOfType(originOfType(base));
          const isClient = origin.kind === "client";
          if (isClient && origin.service !== "") return origin;
          if (isClient) return clientByName(node.getSourceFile(), node.getName());
        }
        return UNKNOWN;
      }
      if (Node.isIdentifier(node)) return originOfTypeName(node);
      return originOf(node);
    } finally {
      activeTypes.delete(node);
    }
  }

  function clientByName(file: SourceFile, name: string): Origin {
    const service =
      serviceInFile(file, name.replace(/^I(?=[A-Z])/, "").replace(/Client(Impl)?$/, "")) ??
      serviceInFile(file, name.replace(/Client(Impl)?$/, ""));
    if (service === undefined) return UNKNOWN;
    return { kind: "client", service, flavour: flavourOf(file), construction: null, packageDefinition: null };
  }

  /** The checker's answer for a name or member whose value could not be followed (TypeScript files only). */
  function originByType(node: Node): Origin {
    if (!Node.isIdentifier(node) && !Node.isPropertyAccessExpression(node)) return UNKNOWN;
    const file = node.getSourceFile();
    if (!isTypeScript(file) || file.isDeclarationFile()) return UNKNOWN;
    const parent = node.getParent();
    if (parent && Node.isPropertyAccessExpression(parent) && parent.getNameNode() === node) return UNKNOWN;
    const type = node.getType().getNonNullableType();
    const declaration = (type.getAliasSymbol() ?? type.getSymbol())?.getDeclarations()[0];
    if (!declaration) return UNKNOWN;
    const declared = declaration.getSourceFile().getFilePath() as string;
    if (/\/node_modules\/@grpc\/grpc-js\//.test(declared)) {
      const name = "getName" in declaration ? (declaration as { getName(): string | undefined }).getName() : undefined;
      return name ? valueOfType({ kind: "grpc", path: name }) : UNKNOWN;
    }
    if (declared.includes("/node_modules/")) return UNKNOWN;
    if (Node.isClassDeclaration(declaration) || Node.isInterfaceDeclaration(declaration))
      return valueOfType(originOfTypeDeclaration(declaration));
    return UNKNOWN;
  }

  return { originOfType, originByType };
}

/** What a value of a type is. */
export function valueOfType(origin: Origin): Origin {
  switch (origin.kind) {
    case "grpc":
      if (origin.path === "Metadata") return { kind: "metadata" };
      if (origin.path === "Server") return { kind: "server", construction: null };
      if (/^(ChannelCredentials|CallCredentials)$/.test(origin.path)) return { kind: "channel-credentials" };
      if (origin.path === "ServerCredentials") return { kind: "server-credentials" };
      if (origin.path === "Client")
        return { kind: "client", service: "", flavour: "generic", construction: null, packageDefinition: null };
      return UNKNOWN;
    case "client-constructor":
      return {
        kind: "client",
        service: origin.service,
        flavour: origin.flavour,
        construction: null,
        packageDefinition: origin.packageDefinition,
      };
    case "class":
      return { kind: "instance", class: origin.node };
    case "client":
    case "instance":
    case "metadata":
    case "server":
    case "channel-credentials":
    case "server-credentials":
    case "service-definition":
    case "grpc-object":
    case "package-definition":
      return origin;
    default:
      return UNKNOWN;
  }
}
