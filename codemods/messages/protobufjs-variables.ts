import type { DescMessage } from "@bufbuild/protobuf";
import { type Identifier, Node, type PropertyAccessExpression, type VariableDeclaration } from "ts-morph";
import { isTypeScript } from "../analysis/language.js";
import { isAssignmentTarget } from "./message-syntax.js";
import type { Proving } from "./proof.js";
import { receivedAs } from "./received-messages.js";

/** The variable of a file in TypeScript that a made message stands in: the literal that it becomes needs a type there. */
export function typedVariable(made: Node): VariableDeclaration | undefined {
  const declaration = made.getParent();
  const isIn = Node.isVariableDeclaration(declaration) && Node.isIdentifier(declaration.getNameNode());
  return isIn && isTypeScript(made.getSourceFile()) ? declaration : undefined;
}

/**
 * `const one = new Firing()`, of which all messages in it came from the peer: `create(FiringSchema)` is the same, and its lists
 * are there. Asked when all is proved.
 */
export function isCreatable(p: Proving, declaration: VariableDeclaration, desc: DescMessage): boolean {
  const isReceived = (value: Node | undefined) => value !== undefined && receivedAs(p, value) !== undefined;
  return readsOf(p, declaration).every(({ access, change }) => {
    if (!access) return !change;
    const field = p.fieldBy(desc, access.getName());
    if (!field?.message) return true;
    const written = access.getParent();
    if (change) return Node.isBinaryExpression(written) && field.fieldKind !== "map" && isReceived(written.getRight());
    const call = Node.isPropertyAccessExpression(written) ? written.getParent() : undefined;
    if (Node.isElementAccessExpression(written)) return !isAssignmentTarget(written);
    if (!Node.isPropertyAccessExpression(written) || !/^(push|unshift|splice)$/.test(written.getName())) return true;
    return Node.isCallExpression(call) && call.getArguments().every(isReceived);
  });
}

/** Gives the variable the type of what a message is made of, and says of its lists that they are there. */
export function annotate(p: Proving, declaration: VariableDeclaration, desc: DescMessage): void {
  const reads = readsOf(p, declaration);
  const isReadAgain = reads.some(({ access }) => access && !isPlainWrite(access) && !isListOf(p, access, desc));
  if (!declaration.getTypeNode() && isReadAgain) return;
  const name = declaration.getNameNode();
  if (!declaration.getTypeNode())
    p.edit(
      declaration,
      name.getEnd(),
      name.getEnd(),
      [
        ": ",
        { module: "@bufbuild/protobuf", name: "MessageInitShape", typeOnly: true },
        "<typeof ",
        { ...p.generated(desc, "descriptor", declaration), typeOnly: true },
        ">",
      ],
      "before",
    );
  for (const { access, change } of reads)
    if (access && !change && isListOf(p, access, desc))
      p.edit(access, access.getEnd(), access.getEnd(), ["!"], "before");
}

const isPlainWrite = (access: PropertyAccessExpression) => {
  const parent = access.getParent();
  return isAssignmentTarget(access) && Node.isBinaryExpression(parent) && parent.getOperatorToken().getText() === "=";
};

function isListOf(p: Proving, access: PropertyAccessExpression, desc: DescMessage): boolean {
  const field = p.fieldBy(desc, access.getName());
  return field?.fieldKind === "list" || field?.fieldKind === "map";
}

interface Read {
  /** `one.key`; undefined where the variable is used as a whole. */
  readonly access: PropertyAccessExpression | undefined;
  readonly change: boolean;
}

function readsOf(p: Proving, declaration: VariableDeclaration): Read[] {
  const name = declaration.getNameNode() as Identifier;
  return p.project
    .referencesTo(name)
    .filter((one) => one !== name)
    .map((reference) => {
      const parent = reference.getParent();
      const access =
        Node.isPropertyAccessExpression(parent) && parent.getExpression() === reference ? parent : undefined;
      return { access, change: isAssignmentTarget(access ?? reference) };
    });
}
