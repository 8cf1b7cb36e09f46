import { Node, type SourceFile, SyntaxKind } from "ts-morph";
import { assignedValue, isValueAssignment } from "./exports.js";

/** A value that is assigned to a member: `object.name = value`. */
export interface MemberWrite {
  readonly object: Node;
  readonly name: string;
  readonly value: Node;
}

export interface Assignments {
  /** The values assigned to a variable after its declaration; null for an assignment that has no one value (`x++`, patterns). */
  writesTo(declaration: Node): (Node | null)[];
  memberWrites(file: SourceFile): readonly MemberWrite[];
}

/** What is assigned in a project's files, file by file when it is asked for. */
export function createAssignments(): Assignments {
  const assignments = new Map<SourceFile, Map<Node, (Node | null)[]>>();
  const memberWritesOf = new Map<SourceFile, MemberWrite[]>();

  /** The values assigned to a variable after its declaration; null for an assignment that has no one value (`x++`, patterns). */
  function writesTo(declaration: Node): (Node | null)[] {
    const file = declaration.getSourceFile();
    let found = assignments.get(file);
    if (!found) {
      found = new Map();
      assignments.set(file, found);
      const add = (target: Node, value: Node | null) => {
        const variable = localDeclaration(target);
        if (variable) found?.set(variable, [...(found.get(variable) ?? []), value]);
      };
      file.forEachDescendant((node) => {
        if (Node.isBinaryExpression(node)) {
          const operator = node.getOperatorToken().getKind();
          if (operator < SyntaxKind.FirstAssignment || operator > SyntaxKind.LastAssignment) return;
          const left = node.getLeft();
          if (Node.isIdentifier(left)) {
            const value = isValueAssignment(operator) ? assignedValue(node) : null;
            // Setting a variable free again says nothing about what it holds while it is used.
            if (!value || !isNothing(value)) add(left, value);
          } else if (Node.isArrayLiteralExpression(left) || Node.isObjectLiteralExpression(left))
            for (const name of left.getDescendantsOfKind(SyntaxKind.Identifier)) add(name, null);
        } else if (Node.isPrefixUnaryExpression(node) || Node.isPostfixUnaryExpression(node)) {
          const operator = node.getOperatorToken();
          if (operator !== SyntaxKind.PlusPlusToken && operator !== SyntaxKind.MinusMinusToken) return;
          const operand = node.getOperand();
          if (Node.isIdentifier(operand)) add(operand, null);
        } else if (Node.isForOfStatement(node) || Node.isForInStatement(node)) {
          const target = node.getInitializer();
          if (Node.isIdentifier(target)) add(target, null);
        }
      });
    }
    return found.get(declaration) ?? [];
  }

  function memberWrites(file: SourceFile) {
    let found = memberWritesOf.get(file);
    if (!found) {
      found = [];
      for (const binary of file.getDescendantsOfKind(SyntaxKind.BinaryExpression)) {
        if (!isValueAssignment(binary.getOperatorToken().getKind())) continue;
        const left = binary.getLeft();
        if (Node.isPropertyAccessExpression(left))
          found.push({ object: left.getExpression(), name: left.getName(), value: assignedValue(binary) });
      }
      memberWritesOf.set(file, found);
    }
    return found;
  }

  return { writesTo, memberWrites };
}

/** What declares a name in its own file: a value rather than a type. */
export function localDeclaration(node: Node): Node | undefined {
  const parent = node.getParent();
  const isShorthand = parent && Node.isShorthandPropertyAssignment(parent) && parent.getNameNode() === node;
  // `export { handlers };`: the symbol of the name is that of the export.
  const isExported =
    parent && Node.isExportSpecifier(parent) && parent.getExportDeclaration().getModuleSpecifier() === undefined;
  const symbol = isShorthand ? parent.getValueSymbol() : isExported ? parent.getLocalTargetSymbol() : node.getSymbol();
  if (!symbol) return undefined;
  const declarations = symbol.getDeclarations();
  return (
    symbol.getValueDeclaration() ??
    declarations.find((declaration) => !isTypeDeclaration(declaration)) ??
    declarations[0]
  );
}

/** What declares a name, behind imports and exports of it. */
export function declarationsBehind(name: Node): readonly Node[] {
  const symbol = name.getSymbol();
  return (symbol?.getAliasedSymbol() ?? symbol)?.getDeclarations() ?? [];
}

export function isNothing(node: Node): boolean {
  const text = node.getText();
  return text === "null" || text === "undefined" || Node.isVoidExpression(node);
}

export function isTypeDeclaration(node: Node): boolean {
  return Node.isInterfaceDeclaration(node) || Node.isTypeAliasDeclaration(node);
}
