import { Node, type SatisfiesExpression, type Type, type TypePredicateNode } from "ts-morph";
import type { PlainType } from "./legacy-shape.js";
import type { Proving } from "./proof.js";

/** Types that hold what they are given and look at none of it. */
const HOLDERS =
  /^(Promise|PromiseLike|Array|ReadonlyArray|Map|ReadonlyMap|Set|ReadonlySet|Record|Readonly|(Async)?(Iterable|Iterator|IterableIterator|Generator|IteratorObject)|ReturnType|Awaited|Promise(Fulfilled|Settled)Result)$/;

/** Functions and classes that hold messages of the type that they are told. */
const TOLD = /^(createWritableIterable|createPushStream|Map|WeakMap|Set|Array|Promise|[\s\S]+\.(reduce|reduceRight))$/;

/** The whole of `orchard.Tree`, where `orchard` is a module. */
export function qualified(name: Node): Node {
  const parent = name.getParent();
  const isLast =
    (Node.isQualifiedName(parent) && parent.getRight() === name) ||
    (Node.isPropertyAccessExpression(parent) && parent.getNameNode() === name);
  return isLast ? parent : name;
}

/** The type around a message's that is more than a holder of it; undefined where there is none. */
export function holderOf(reference: Node): Node | undefined {
  for (let inner = reference, outer = reference.getParent(); outer; inner = outer, outer = outer.getParent()) {
    if (Node.isTypeReference(outer)) {
      if (!HOLDERS.test(outer.getTypeName().getText())) return outer;
      continue;
    }
    if (
      Node.isArrayTypeNode(outer) ||
      Node.isUnionTypeNode(outer) ||
      Node.isTupleTypeNode(outer) ||
      Node.isParenthesizedTypeNode(outer) ||
      Node.isTypeOperatorTypeNode(outer)
    )
      continue;
    if (Node.isTypePredicate(outer)) return isOfSome(outer) ? undefined : outer;
    if (Node.isCallExpression(outer) || Node.isNewExpression(outer))
      return outer.getTypeArguments().includes(inner as never) && !TOLD.test(outer.getExpression().getText())
        ? outer
        : undefined;
    if (Node.isTypeNode(outer) && !Node.isFunctionTypeNode(outer) && !Node.isTypeLiteral(outer)) return outer;
    return undefined;
  }
  return undefined;
}

/** `(one): one is T`, of what the compiler has for T or nothing else that it could take for one. */
function isOfSome(predicate: TypePredicateNode): boolean {
  const owner = predicate.getParent();
  const name = predicate.getParameterNameNode().getText();
  const type = Node.isParametered(owner)
    ? owner
        .getParameters()
        .find((one) => one.getName() === name)
        ?.getType()
    : undefined;
  if (!type || type.isAny() || type.isUnknown()) return false;
  const wanted = predicate.getTypeNode()?.getType().compilerType;
  const parts = type.isUnion() ? type.getUnionTypes() : [type];
  return parts.every(
    (one) =>
      one.isUndefined() ||
      one.isNull() ||
      one.compilerType === wanted ||
      /^Promise(Fulfilled|Rejected)Result$/.test(one.getSymbol()?.getName() ?? ""),
  );
}

/** `x satisfies T` around a part of T. */
export function satisfiesOf(type: Node): SatisfiesExpression | undefined {
  const parent = type.getParent();
  if (Node.isSatisfiesExpression(parent)) return parent;
  return parent && Node.isTypeNode(parent) ? satisfiesOf(parent) : undefined;
}

export function isPartial(type: Node): boolean {
  return Node.isTypeReference(type) && type.getTypeName().getText() === "Partial";
}

/** The types of what an object has in itself: of anonymous types and interfaces of the project, without functions. */
export function propertiesOf(type: Type): Type[] {
  if (!type.isObject() || type.isArray()) return [];
  const declaration = type.getSymbol()?.getDeclarations()[0];
  if (
    !declaration ||
    !(
      Node.isInterfaceDeclaration(declaration) ||
      Node.isTypeLiteral(declaration) ||
      Node.isObjectLiteralExpression(declaration) ||
      Node.isMappedTypeNode(declaration)
    )
  )
    return [];
  if (declaration.getSourceFile().getFilePath().includes("/node_modules/")) return [];
  return type.getProperties().map((property) => property.getTypeAtLocation(declaration));
}

/** An expression whose value goes somewhere; names that are no values, and parts of names, are none. */
export function isValue(node: Node): boolean {
  if (!Node.isExpression(node)) return false;
  const parent = node.getParent();
  // What an interface extends, or a class implements.
  if (Node.isExpressionWithTypeArguments(node) || Node.isExpressionWithTypeArguments(parent)) return false;
  if (!Node.isIdentifier(node)) return true;
  if (Node.isPropertyAccessExpression(parent)) return parent.getExpression() === node;
  if (Node.isShorthandPropertyAssignment(parent)) return true;
  if (Node.isPropertyAssignment(parent)) return parent.getInitializer() === node;
  if (
    Node.isBindingElement(parent) ||
    Node.isVariableDeclaration(parent) ||
    Node.isParameterDeclaration(parent) ||
    Node.isPropertyDeclaration(parent)
  )
    return parent.getInitializer() === node;
  return !(
    Node.isTypeReference(parent) ||
    Node.isQualifiedName(parent) ||
    Node.isTypeQuery(parent) ||
    Node.isImportSpecifier(parent) ||
    Node.isExportSpecifier(parent) ||
    Node.isImportClause(parent) ||
    Node.isNamespaceImport(parent) ||
    Node.isFunctionDeclaration(parent) ||
    Node.isFunctionExpression(parent) ||
    Node.isMethodDeclaration(parent) ||
    Node.isClassDeclaration(parent) ||
    Node.isClassExpression(parent) ||
    Node.isInterfaceDeclaration(parent) ||
    Node.isPropertySignature(parent) ||
    Node.isMethodSignature(parent) ||
    Node.isTypeAliasDeclaration(parent) ||
    Node.isEnumMember(parent) ||
    Node.isEnumDeclaration(parent) ||
    Node.isTypeParameterDeclaration(parent) ||
    Node.isGetAccessorDeclaration(parent) ||
    Node.isSetAccessorDeclaration(parent) ||
    Node.isNamedTupleMember(parent) ||
    Node.isLabeledStatement(parent)
  );
}

/** `message.total += count`, of a field that holds what the operator gives: the same before and after, an overflow included. */
export function isSameSum(p: Proving, change: Node | undefined, type: PlainType): boolean {
  if (!Node.isBinaryExpression(change)) return false;
  const operator = change.getOperatorToken().getText();
  const given = change.getRight().getType().getBaseTypeOfLiteralType().getText();
  if (type === "string") return operator === "+=" && /^(string|number|bigint|boolean)$/.test(given);
  if (!/^([-+*/%]|\*\*)=$/.test(operator)) return false;
  if (type === "bigint") return given === "bigint";
  return given === "number" && (type === "number" || (/32$/.test(type) && p.shape.fractions === "refused"));
}
