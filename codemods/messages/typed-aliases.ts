import { Node } from "ts-morph";
import { declarationsBehind } from "../analysis/assignments.js";
import { isConstant, unwrapped } from "./message-syntax.js";

/**
 * What a constant of a file is another name for: `v1` of `const v1 = orchard.v1`, `Tree` of `const { Tree } = orchard.v1` is a
 * namespace, a class or an enum. `import Tree = orchard.v1.Tree` is what the compiler resolves by itself.
 */
export function aliasedDeclaration(declaration: Node | undefined): Node | undefined {
  const isElement = Node.isBindingElement(declaration);
  const owner = isElement ? declaration.getParent().getParent() : declaration;
  if (!Node.isVariableDeclaration(owner) || !isConstant(owner)) return undefined;
  const statement = owner.getVariableStatement();
  if (statement?.getParent() !== owner.getSourceFile() || statement.isExported()) return undefined;
  const given = owner.getInitializer();
  const whole = given && unwrapped(given);
  if (!Node.isIdentifier(whole) && !Node.isPropertyAccessExpression(whole)) return undefined;
  const found = isElement
    ? memberOf(whole, declaration.getPropertyNameNode() ?? declaration.getNameNode())
    : declarationsBehind(Node.isIdentifier(whole) ? whole : whole.getNameNode())[0];
  const behind = aliasedDeclaration(found) ?? found;
  if (isElement && (declaration.getInitializer() || declaration.getDotDotDotToken())) return undefined;
  return Node.isModuleDeclaration(behind) || Node.isClassDeclaration(behind) || Node.isEnumDeclaration(behind)
    ? behind
    : undefined;
}

const memberOf = (whole: Node, name: Node) => whole.getType().getProperty(name.getText())?.getDeclarations()[0];

/** Does a name stand where something of a namespace gets another name? */
export function isInAlias(name: Node): boolean {
  if (name.getFirstAncestor(Node.isImportEqualsDeclaration)) return true;
  const parent = name.getParent();
  if (Node.isBindingElement(parent)) return aliasedDeclaration(parent) !== undefined;
  if (!Node.isVariableDeclaration(parent)) return false;
  const pattern = parent.getNameNode();
  return Node.isObjectBindingPattern(pattern)
    ? pattern.getElements().every((one) => aliasedDeclaration(one) !== undefined)
    : aliasedDeclaration(parent) !== undefined;
}
