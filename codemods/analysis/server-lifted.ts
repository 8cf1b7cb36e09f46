import { Node, SyntaxKind, type VariableStatement } from "ts-morph";
import { contains, peeled } from "./around-values.js";
import { declarationsBehind } from "./assignments.js";
import { isTypeScript } from "./language.js";
import type { AnalysisProject } from "./project.js";
import type { AddingCall } from "./server-helpers.js";
import { isPartMade } from "./server-parts.js";

/**
 * A variable that is declared between the services that are added, and named outside, too: its declaration moves in front of
 * them, as a whole or as a name that is given its value where it stood.
 */
export interface Lifted {
  readonly kind: "move" | "let";
  readonly statement: VariableStatement;
  readonly name: Node;
  readonly value: Node;
  /** For `let`: the type as TypeScript needs it; null for JavaScript. */
  readonly type: string | null;
}

/** The declarations of a range that can be lifted. `calls` add services. */
export function liftedIn(project: AnalysisProject, range: readonly Node[], calls: readonly AddingCall[]): Lifted[] {
  const declared = range.flatMap((statement) => declaredBy(statement) ?? []);
  const movable = new Set<Declared>();
  for (const each of declared) {
    const before = range.slice(0, range.indexOf(each.statement));
    const isIdle = (statement: Node) =>
      calls.some((call) => contains(statement, call)) || [...movable].some((other) => other.statement === statement);
    const stays = range.filter((statement) => ![...movable].some((other) => other.statement === statement));
    if (isPure(project, each.value) && before.every(isIdle) && !isNamed(project, each.value, stays)) movable.add(each);
  }
  const isOutside = ({ name }: Declared) =>
    project.referencesTo(name).some((reference) => !range.some((statement) => contains(statement, reference)));
  const wanted = new Set(declared.filter(isOutside));
  // What a value that moves needs has to move with it; the loop comes to what is added on the way.
  for (const each of wanted)
    for (const other of movable)
      if (movable.has(each) && isNamed(project, each.value, [other.statement])) wanted.add(other);
  return declared.flatMap((each): Lifted[] => {
    if (!wanted.has(each)) return [];
    if (movable.has(each)) return [{ ...each, kind: "move", type: null }];
    const type = typeOf(each);
    return type === undefined ? [] : [{ ...each, kind: "let", type }];
  });
}

type Declared = Pick<Lifted, "statement" | "name" | "value"> & { readonly annotation: Node | undefined };

/** A statement that declares one variable and gives it a value. */
function declaredBy(statement: Node): Declared | undefined {
  if (!Node.isVariableStatement(statement) || statement.hasExportKeyword()) return undefined;
  const [declaration, ...more] = statement.getDeclarations();
  const name = declaration?.getNameNode();
  const value = declaration?.getInitializer();
  if (!declaration || !value || more.length > 0 || !Node.isIdentifier(name)) return undefined;
  return { statement, name, value, annotation: declaration.getTypeNode() };
}

/** Nothing runs where such a value is made. */
function isPure(project: AnalysisProject, node: Node): boolean {
  const value = peeled(node);
  if (Node.isIdentifier(value) || Node.isLiteralExpression(value) || Node.isArrowFunction(value)) return true;
  if (Node.isTrueLiteral(value) || Node.isFalseLiteral(value) || Node.isNullLiteral(value)) return true;
  if (Node.isPropertyAccessExpression(value)) return isPure(project, value.getExpression());
  if (Node.isArrayLiteralExpression(value)) return value.getElements().every((each) => isPure(project, each));
  if (Node.isObjectLiteralExpression(value))
    return value.getProperties().every((property) => {
      if (Node.isShorthandPropertyAssignment(property)) return true;
      const isPlain = Node.isPropertyAssignment(property) && !Node.isComputedPropertyName(property.getNameNode());
      return isPlain && isPure(project, property.getInitializerOrThrow());
    });
  return (
    Node.isNewExpression(value) &&
    isPartMade(project, value) &&
    value.getArguments().every((each) => isPure(project, each))
  );
}

/** Does a value name what one of the statements declares? */
function isNamed(project: AnalysisProject, value: Node, statements: readonly Node[]): boolean {
  const names = Node.isIdentifier(value) ? [value] : value.getDescendantsOfKind(SyntaxKind.Identifier);
  return names.some((name) => {
    const declaration = project.declarationOf(name);
    return (
      declaration !== undefined &&
      statements.some((statement) => contains(statement, declaration) && !contains(value, declaration))
    );
  });
}

/** What TypeScript has to be told; undefined: it cannot be said. */
function typeOf({ statement, value, annotation }: Declared): string | null | undefined {
  if (!isTypeScript(statement)) return null;
  if (annotation) return annotation.getText();
  const callee = Node.isCallExpression(value) || Node.isNewExpression(value) ? value.getExpression() : undefined;
  if (!Node.isIdentifier(callee)) return undefined;
  if (Node.isCallExpression(value)) return `ReturnType<typeof ${callee.getText()}>`;
  const [declared] = declarationsBehind(callee);
  return Node.isClassDeclaration(declared) && declared.getTypeParameters().length === 0 ? callee.getText() : undefined;
}
