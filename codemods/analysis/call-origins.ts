import { type CallExpression, type Expression, Node, type ParameterDeclaration, type SourceFile } from "ts-morph";
import { BRIDGE_MODULE } from "../shared/imports.js";
import { requireSpecifier } from "./exports.js";
import { type Origin, type PackageDefinitionOrigin, UNKNOWN } from "./origin.js";
import { protoPath } from "./strings.js";
import { valueOfType } from "./type-origins.js";

export interface CallOriginsInput {
  originOf(node: Node): Origin;
  originOfType(type: Node): Origin;
  originOfModule(from: SourceFile, specifier: string): Origin;
  /** `require("./x")` is its `module.exports`, where that is one value. */
  wholeOf(origin: Origin): Origin;
  /** What several values are, if they are the same. */
  joined(nodes: readonly Node[]): Origin;
  elementOf(holder: Node): Origin;
  stringOf(node: Node): Origin;
  constantOf(node: Node): unknown;
  writesTo(declaration: Node): (Node | null)[];
  valueOfProperty(property: Node): Node | undefined;
  /** Runs with parameters, and names of their patterns, that stand for what one call passes. */
  withGiven(names: ReadonlyMap<Node, Node>, run: () => Origin): Origin;
}

export interface CallOrigins {
  originOfCall(node: CallExpression): Origin;
  originOfNew(origin: Origin, node: Node): Origin;
  /** What a function returns, if all its returns agree. */
  originOfResult(node: Node): Origin;
}

/** What calls and `new` give: of grpc-js and proto-loader, of lists, and of the project's own functions. */
export function createCallOrigins(input: CallOriginsInput): CallOrigins {
  const { originOf, originOfType, originOfModule, wholeOf, joined, elementOf, stringOf, constantOf, writesTo } = input;
  const { valueOfProperty, withGiven } = input;

  function originOfCall(node: CallExpression): Origin {
    const required = requireSpecifier(node);
    if (required !== undefined) return wholeOf(originOfModule(node.getSourceFile(), required));
    const callee = node.getExpression();
    const args = node.getArguments();
    const [first] = args;
    const origin = originOf(callee);
    if (origin.kind === "grpc") {
      if (/^(loadPackageDefinition|loadObject)$/.test(origin.path) && first)
        return { kind: "grpc-object", definition: originOf(first), path: "" };
      if (/^make(Generic)?ClientConstructor$/.test(origin.path) && first) {
        const definition = originOf(first);
        const named = args[1] && constantOf(args[1]);
        const service =
          definition.kind === "service-definition" ? definition.service : typeof named === "string" ? named : "";
        if (service === "") return UNKNOWN;
        return {
          kind: "client-constructor",
          service,
          flavour: definition.kind === "service-definition" ? definition.flavour : "generic",
          definition: definition.kind === "service-definition" ? (definition.definition ?? first) : first,
          packageDefinition: definition.kind === "service-definition" ? definition.packageDefinition : null,
        };
      }
      if (/^(credentials|ChannelCredentials|CallCredentials)\.\w+$/.test(origin.path))
        return { kind: "channel-credentials" };
      if (/^ServerCredentials\.\w+$/.test(origin.path)) return { kind: "server-credentials" };
      if (/^Metadata\.\w+$/.test(origin.path)) return { kind: "metadata" };
      return UNKNOWN;
    }
    if (origin.kind === "proto-loader")
      return /^(loadSync|load|fromJSON|loadFileDescriptorSetFromBuffer|loadFileDescriptorSetFromObject)$/.test(
        origin.path,
      )
        ? packageDefinitionOf(node)
        : UNKNOWN;
    if (origin.kind === "external" && origin.module === BRIDGE_MODULE && origin.path === "metadataFromHeaders")
      return { kind: "metadata" };
    if (origin.kind === "external" && /\.?freeze$/.test(origin.path) && first) return originOf(first);
    if (Node.isPropertyAccessExpression(callee)) {
      const name = callee.getName();
      const element = /^(get|at|shift|pop)$/.test(name) ? elementOf(callee.getExpression()) : UNKNOWN;
      if (element.kind !== "unknown") return element;
      if (callee.getExpression().getText() === "Object" && /^(freeze|seal)$/.test(name) && first)
        return originOf(first);
      const object = originOf(callee.getExpression());
      if (object.kind === "metadata" && name === "clone") return object;
      if (object.kind === "function" && name === "bind") return object;
      if (object.kind === "channel-credentials" && name === "compose") return object;
    }
    if (origin.kind === "function") {
      const result = originOfResult(origin.node);
      return (isOpen(result) ? resultWith(origin.node, args) : undefined) ?? result;
    }
    return stringOf(node);
  }

  /** Not known, or loaded from a file that is not known. */
  function isOpen(origin: Origin): boolean {
    const definition = origin.kind === "grpc-object" ? origin.definition : origin;
    return (
      definition.kind === "unknown" || (definition.kind === "package-definition" && definition.protos.length === 0)
    );
  }

  /** The functions that are being looked into, each for the arguments of one call; not again for what they pass themselves. */
  const lookedInto = new Set<Node>();

  /** What a function returns for these arguments: `loadProto("shop")`. Not what is made in it, which is made for every call of it. */
  function resultWith(node: Node, args: readonly Node[]): Origin | undefined {
    if (!("getParameters" in node) || args.length === 0) return undefined;
    const names = new Map<Node, Node>();
    (node as { getParameters(): ParameterDeclaration[] }).getParameters().forEach((parameter, index) => {
      const value = args[index] ?? parameter.getInitializer();
      if (value) bind(parameter, value, names);
    });
    if (lookedInto.has(node)) return undefined;
    lookedInto.add(node);
    const result = withGiven(names, () => originOfResult(node));
    lookedInto.delete(node);
    const isSaid = /^(package-definition|grpc-object|service-definition|client-constructor|string)$/.test(result.kind);
    return isSaid && !isOpen(result) ? result : undefined;
  }

  /** Notes what a parameter, or each name of its pattern, stands for in a call. */
  function bind(parameter: ParameterDeclaration, value: Node, names: Map<Node, Node>): void {
    const name = parameter.getNameNode();
    if (parameter.isRestParameter() || Node.isSpreadElement(value)) return;
    if (Node.isIdentifier(name)) {
      if (writesTo(parameter).length === 0) names.set(parameter, value);
      return;
    }
    if (!Node.isObjectBindingPattern(name) || !Node.isObjectLiteralExpression(value)) return;
    for (const element of name.getElements()) {
      const key = element.getPropertyNameNode()?.getText() ?? element.getName();
      const property = value.getProperty(key);
      const found = property ? valueOfProperty(property) : element.getInitializer();
      if (found && !element.getDotDotDotToken() && writesTo(element).length === 0) names.set(element, found);
    }
  }

  function originOfNew(origin: Origin, node: Node): Origin {
    switch (origin.kind) {
      case "grpc":
        if (origin.path === "Server") return { kind: "server", construction: node };
        if (origin.path === "Metadata") return { kind: "metadata" };
        if (origin.path === "Client")
          return { kind: "client", service: "", flavour: "generic", construction: node, packageDefinition: null };
        return UNKNOWN;
      case "grpc-object":
        return {
          kind: "client",
          service: origin.path,
          flavour: "proto-loader",
          construction: node,
          packageDefinition: origin.definition.kind === "package-definition" ? origin.definition : null,
        };
      case "client-constructor":
        // What cannot be looked at is a client of grpc-js if that is what it is made of.
        if (origin.flavour === "missing" && !isOfGrpc(node)) return UNKNOWN;
        return {
          kind: "client",
          service: origin.service,
          flavour: origin.flavour,
          construction: node,
          packageDefinition: origin.packageDefinition,
        };
      case "class":
        return { kind: "instance", class: origin.node };
      default:
        return UNKNOWN;
    }
  }

  /** `new X(address, credentials)` */
  function isOfGrpc(node: Node): boolean {
    const credentials = Node.isNewExpression(node) ? node.getArguments()[1] : undefined;
    return credentials !== undefined && originOf(credentials).kind === "channel-credentials";
  }

  /** What a function returns, if all its returns agree. */
  function originOfResult(node: Node): Origin {
    if (Node.isArrowFunction(node)) {
      const body = node.getBody();
      if (!Node.isBlock(body)) return originOf(body);
    }
    const values: Expression[] = [];
    let isBare = false;
    node.forEachDescendant((inner, traversal) => {
      if (
        inner !== node &&
        (Node.isFunctionLikeDeclaration(inner) || Node.isArrowFunction(inner) || Node.isFunctionExpression(inner))
      ) {
        traversal.skip();
        return;
      }
      if (Node.isReturnStatement(inner)) {
        const value = inner.getExpression();
        if (value) values.push(value);
        else isBare = true;
      }
    });
    if (values.length > 0) {
      const origin = joined(values);
      if (origin.kind === "client" || (origin.kind !== "unknown" && !isBare)) return origin;
    }
    const type =
      "getReturnTypeNode" in node ? (node as { getReturnTypeNode(): Node | undefined }).getReturnTypeNode() : undefined;
    return type ? valueOfType(originOfType(type)) : UNKNOWN;
  }

  function packageDefinitionOf(node: CallExpression): PackageDefinitionOrigin {
    const [file, options] = node.getArguments();
    const constant = options ? constantOf(options) : {};
    const isObject = typeof constant === "object" && constant !== null && !Array.isArray(constant);
    const settings = isObject ? (constant as Record<string, unknown>) : null;
    const includeDirs = Array.isArray(settings?.includeDirs)
      ? settings.includeDirs.filter((dir) => typeof dir === "string")
      : [];
    const written = file ? constantOf(file) : undefined;
    const list = Array.isArray(written) ? written : [written];
    const from = node.getSourceFile().getFilePath();
    return {
      kind: "package-definition",
      protos: list.filter((entry) => typeof entry === "string").map((entry) => protoPath(entry, from, includeDirs)),
      options: settings,
      call: node,
    };
  }

  return { originOfCall, originOfNew, originOfResult };
}
