import path from "node:path";
import { Node, type ParameterDeclaration, type SourceFile } from "ts-morph";
import type { ProtoRegistry } from "../generate/proto-registry.js";
import { generatorOf } from "../project/generated.js";
import { localDeclaration } from "./assignments.js";
import { onlyResult } from "./function-bodies.js";
import type { Flavour, Origin } from "./origin.js";
import { evaluate } from "./strings.js";

export interface GeneratedServicesInput {
  readonly protos: ProtoRegistry;
  originOf(node: Node): Origin;
  /** The expression behind a constant name, across files. */
  valueNode(node: Node): Node | undefined;
}

export interface GeneratedServices {
  /** Which generator wrote a file. */
  flavourOf(file: SourceFile): Flavour;
  isService(name: string): boolean;
  /** `{ sayHello: { path: "/helloworld.Greeter/SayHello", requestSerialize: … } }` is a service definition, whoever wrote it. */
  definitionInLiteral(node: Node): Origin | undefined;
  /** The full name of a service that a generated file is about, by its short name. */
  serviceInFile(file: SourceFile, short: string): string | undefined;
}

/** Services as generated code writes them. */
export function createGeneratedServices({ protos, originOf, valueNode }: GeneratedServicesInput): GeneratedServices {
  const flavours = new Map<SourceFile, Flavour>();
  function flavourOf(file: SourceFile): Flavour {
    let flavour = flavours.get(file);
    if (!flavour) {
      const generator = generatorOf(file.getFilePath(), file.getFullText());
      flavour = generator === null || generator === "protobuf-es" ? "generic" : generator;
      flavours.set(file, flavour);
    }
    return flavour;
  }

  function isService(name: string): boolean {
    return protos.service(name) !== undefined;
  }

  /** `{ sayHello: { path: "/helloworld.Greeter/SayHello", requestSerialize: … } }` is a service definition, whoever wrote it. */
  function definitionInLiteral(node: Node): Origin | undefined {
    if (!Node.isObjectLiteralExpression(node)) return undefined;
    let service: string | undefined;
    for (const property of node.getProperties()) {
      if (!Node.isPropertyAssignment(property)) return undefined;
      const text = methodPathIn(bare(property.getInitializer())) ?? "";
      const found = /^\/([\w.]+)\/\w+$/.exec(text)?.[1];
      if (found === undefined || (service !== undefined && found !== service)) return undefined;
      service = found;
    }
    if (service === undefined) return undefined;
    const holder = node.getFirstAncestor(
      (ancestor) =>
        Node.isVariableDeclaration(ancestor) || Node.isPropertyDeclaration(ancestor) || Node.isStatement(ancestor),
    );
    const definition =
      holder && (Node.isVariableDeclaration(holder) || Node.isPropertyDeclaration(holder)) ? holder : node;
    return {
      kind: "service-definition",
      service,
      flavour: flavourOf(node.getSourceFile()),
      definition,
      packageDefinition: null,
    };
  }

  /** The `path` of a method's definition: in a literal, or in the literal that a function of the project returns. */
  function methodPathIn(method: Node | undefined): string | undefined {
    let literal = method;
    let follow = valueNode;
    if (method && Node.isCallExpression(method)) {
      const origin = originOf(method.getExpression());
      if (origin.kind !== "function") return undefined;
      const parameters = (origin.node as unknown as { getParameters(): ParameterDeclaration[] }).getParameters();
      literal = bare(onlyResult(origin.node));
      follow = (node) => {
        const index = parameters.findIndex((each) => Node.isIdentifier(node) && localDeclaration(node) === each);
        return index < 0 ? valueNode(node) : method.getArguments()[index];
      };
    }
    if (!literal || !Node.isObjectLiteralExpression(literal)) return undefined;
    const property = literal.getProperty("path");
    const value = Node.isShorthandPropertyAssignment(property)
      ? property.getNameNode()
      : property && Node.isPropertyAssignment(property)
        ? bare(property.getInitializer())
        : undefined;
    const path = value && evaluate(value, follow);
    return typeof path === "string" ? path : undefined;
  }

  /** The full name of a service that a generated file is about, by its short name. */
  function serviceInFile(file: SourceFile, short: string): string | undefined {
    if (short === "") return undefined;
    const text = file.getFullText();
    // Paths of methods; protobuf-ts names the service in a comment instead.
    const named = /["'`]\/([\w.]+)\/\w+["'`]|@generated from protobuf service ([\w.]+)/g;
    const paths = new Set([...text.matchAll(named)].map((match) => (match[1] ?? match[2]) as string));
    const lower = short.toLowerCase();
    const inFile = [...paths].filter((name) => name.split(".").at(-1)?.toLowerCase() === lower);
    if (inFile.length === 1) return inFile[0];
    const known = protos.services().filter((service) => service.name.toLowerCase() === lower);
    if (known.length === 1) return known[0]?.typeName;
    const folders = path.dirname(file.getFilePath()).split(path.sep).join(".");
    const near = known.filter((service) => `.${folders}.`.includes(`.${service.file.proto.package}.`));
    return near.length === 1 ? near[0]?.typeName : undefined;
  }

  return { flavourOf, isService, definitionInLiteral, serviceInFile };
}

/** An expression without `as const` and the like. */
function bare(node: Node | undefined): Node | undefined {
  let current = node;
  while (
    current &&
    (Node.isAsExpression(current) || Node.isSatisfiesExpression(current) || Node.isParenthesizedExpression(current))
  )
    current = current.getExpression();
  return current;
}
