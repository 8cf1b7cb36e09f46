import { type InterfaceDeclaration, type MethodSignature, Node, SyntaxKind } from "ts-morph";
import type { AnalysisProject } from "../analysis/project.js";

const known = new WeakMap<AnalysisProject, Map<InterfaceDeclaration, boolean>>();

/**
 * What an interface says of a method of the class that implements it: who calls it by the interface calls that method, as the
 * interface has no other class and no object behind it. Undefined where it may have.
 */
export function signaturesOf(project: AnalysisProject, method: Node): MethodSignature[] | undefined {
  const owner = method.getParent();
  if (!Node.isMethodDeclaration(method) || !Node.isClassDeclaration(owner)) return [];
  const found: MethodSignature[] = [];
  for (const clause of owner.getImplements()) {
    if (!clause.getType().getProperty(method.getName())) continue;
    const [promised, more] = clause.getType().getSymbol()?.getDeclarations() ?? [];
    if (!Node.isInterfaceDeclaration(promised) || more || !isSole(project, promised)) return undefined;
    const signature = promised.getMethod(method.getName());
    if (!signature || signature.hasQuestionToken()) return undefined;
    found.push(signature);
  }
  return found;
}

function isSole(project: AnalysisProject, promised: InterfaceDeclaration): boolean {
  const all = known.get(project) ?? new Map<InterfaceDeclaration, boolean>();
  known.set(project, all);
  const before = all.get(promised);
  if (before !== undefined) return before;
  const isOne = findSole(project, promised);
  all.set(promised, isOne);
  return isOne;
}

function findSole(project: AnalysisProject, promised: InterfaceDeclaration): boolean {
  const file = promised.getSourceFile();
  if (!project.files.includes(file) || promised.getTypeParameters().length > 0 || promised.getExtends().length > 0)
    return false;
  const references = project.referencesTo(promised.getNameNode());
  const clauses = references.filter((one) => one.getFirstAncestorByKind(SyntaxKind.HeritageClause));
  const isNamed = (one: Node) => {
    const holder = one.getParent();
    if (Node.isTypeReference(holder)) return !Node.isAsExpression(holder.getParent());
    return (
      Node.isImportSpecifier(holder) ||
      Node.isExportSpecifier(holder) ||
      one === promised.getNameNode() ||
      clauses.includes(one)
    );
  };
  if (clauses.length !== 1 || !references.every(isNamed)) return false;
  const files = new Set(references.map((one) => one.getSourceFile()));
  // An object that is written out may stand for it, too.
  return [...files].every((one) =>
    one
      .getDescendantsOfKind(SyntaxKind.ObjectLiteralExpression)
      .every(
        (object) => object.getContextualType()?.getNonNullableType().getSymbol()?.getDeclarations()[0] !== promised,
      ),
  );
}
