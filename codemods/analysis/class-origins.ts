import { type ClassDeclaration, type ClassExpression, Node, type SourceFile, SyntaxKind } from "ts-morph";
import { isNothing, type MemberWrite } from "./assignments.js";
import { type Flavour, type Origin, UNKNOWN } from "./origin.js";
import { valueOfType } from "./type-origins.js";

type Class = ClassDeclaration | ClassExpression;

export interface ClassOriginsInput {
  originOf(node: Node): Origin;
  originOfType(type: Node): Origin;
  /** What several values are, if they are the same. */
  joined(nodes: readonly Node[]): Origin;
  memberWrites(file: SourceFile): readonly MemberWrite[];
  constructorIn(origin: Origin & { kind: "grpc-object" }): Origin & { kind: "client-constructor" };
  isService(name: string): boolean;
  serviceInFile(file: SourceFile, short: string): string | undefined;
  flavourOf(file: SourceFile): Flavour;
}

export interface ClassOrigins {
  originOfClass(node: Class): Origin;
  memberOfClass(node: Node, name: string, isStatic: boolean): Origin;
  originOfField(node: Node): Origin;
  originOfThis(node: Node): Origin;
  /** Of `super`, which has the members of the class that is extended. */
  originOfSuper(node: Node): Origin;
}

/** Classes, what their members hold, and `this`. */
export function createClassOrigins(input: ClassOriginsInput): ClassOrigins {
  const { originOf, originOfType, joined, memberWrites, constructorIn, isService, serviceInFile, flavourOf } = input;

  function originOfClass(node: Class): Origin {
    const base = node.getExtends()?.getExpression();
    if (base) {
      const origin = originOf(base);
      const made = origin.kind === "grpc-object" && isService(origin.path) ? constructorIn(origin) : origin;
      if (made.kind === "client-constructor") return made;
      if (origin.kind === "grpc" && origin.path === "Client") {
        const short = (node.getName() ?? "").replace(/Client(Impl)?$/, "");
        const service = serviceInFile(node.getSourceFile(), short);
        if (service)
          return {
            kind: "client-constructor",
            service,
            flavour: flavourOf(node.getSourceFile()),
            definition: null,
            packageDefinition: null,
          };
      }
    }
    return { kind: "class", node };
  }

  function memberOfClass(node: Node, name: string, isStatic: boolean): Origin {
    if (!Node.isClassDeclaration(node) && !Node.isClassExpression(node)) return UNKNOWN;
    for (const declared of node.getMembers()) {
      if (Node.isConstructorDeclaration(declared) || Node.isClassStaticBlockDeclaration(declared)) continue;
      if ("isStatic" in declared && declared.isStatic() !== isStatic) continue;
      if ("getName" in declared && declared.getName() === name) return originOf(declared);
    }
    if (!isStatic) {
      for (const declared of node.getConstructors())
        for (const parameter of declared.getParameters())
          if (parameter.isParameterProperty() && parameter.getName() === name) {
            return fieldWrites(node, name).length > 0 ? UNKNOWN : originOf(parameter);
          }
      const writes = fieldWrites(node, name);
      if (writes.length > 0) return joined(writes);
    }
    const base = node.getExtends()?.getExpression();
    const origin = base && originOf(base);
    return origin?.kind === "class" ? memberOfClass(origin.node, name, isStatic) : UNKNOWN;
  }

  function originOfField(node: Node): Origin {
    if (!Node.isPropertyDeclaration(node)) return UNKNOWN;
    const owner = node.getParent();
    const initializer = node.getInitializer();
    const writes = node.isStatic() ? [] : fieldWrites(owner, node.getName());
    const values = initializer && !isNothing(initializer) ? [initializer, ...writes] : writes;
    if (values.length > 0) {
      const origin = joined(values);
      if (origin.kind !== "unknown") return origin;
    }
    const type = node.getTypeNode();
    return type ? valueOfType(originOfType(type)) : UNKNOWN;
  }

  /** Values assigned to `this.name` in a class. */
  function fieldWrites(owner: Node, name: string): Node[] {
    return memberWrites(owner.getSourceFile())
      .filter(
        (write) =>
          write.name === name &&
          write.object.getKind() === SyntaxKind.ThisKeyword &&
          write.object.getPos() > owner.getPos() &&
          write.object.getEnd() < owner.getEnd() &&
          classAround(write.object) === owner,
      )
      .map((write) => write.value);
  }

  function classAround(node: Node): Node | undefined {
    let current = node.getParent();
    while (current) {
      if (Node.isClassDeclaration(current) || Node.isClassExpression(current)) return current;
      if (Node.isFunctionDeclaration(current) || Node.isFunctionExpression(current)) return undefined;
      const parent = current.getParent();
      if (Node.isMethodDeclaration(current) && parent && Node.isObjectLiteralExpression(parent)) return undefined;
      current = parent;
    }
    return undefined;
  }

  function originOfThis(node: Node): Origin {
    const owner = classAround(node);
    if (!owner) return UNKNOWN;
    const method = node.getFirstAncestor(
      (ancestor) => Node.isMethodDeclaration(ancestor) || Node.isPropertyDeclaration(ancestor),
    );
    const isStatic = method !== undefined && "isStatic" in method && (method as { isStatic(): boolean }).isStatic();
    return isStatic ? { kind: "class", node: owner } : { kind: "instance", class: owner };
  }

  function originOfSuper(node: Node): Origin {
    const self = originOfThis(node);
    const owner = self.kind === "instance" ? self.class : self.kind === "class" ? self.node : undefined;
    const base = Node.isClassDeclaration(owner) || Node.isClassExpression(owner) ? owner.getExtends() : undefined;
    const origin = base && originOf(base.getExpression());
    if (origin?.kind !== "class") return UNKNOWN;
    return self.kind === "instance" ? { kind: "instance", class: origin.node } : origin;
  }

  return { originOfClass, memberOfClass, originOfField, originOfThis, originOfSuper };
}
