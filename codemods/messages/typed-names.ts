import type { DescMessage, DescService } from "@bufbuild/protobuf";
import { type NewExpression, Node, type PropertyAccessExpression, SyntaxKind } from "ts-morph";
import { isCallType } from "./kept-outputs.js";
import { holdsMessages, isPlain } from "./message-kind.js";
import { quoted } from "./message-syntax.js";
import type { Proving } from "./proof.js";
import { isInAlias } from "./typed-aliases.js";
import type { TypedCode, TypedName } from "./typed-code.js";
import { convertsEnum, namesValue, typeOfConstant, unrecognized } from "./typed-enums.js";
import { holderOf, isPartial, qualified, satisfiesOf } from "./typed-syntax.js";
import type { TypedTypes } from "./typed-types.js";
import type { TypedViews } from "./typed-views.js";

/** `Partial<Pick<Thing, "name">>`. */
function isOfPick(around: Node): boolean {
  return Node.isTypeReference(around) && /^(Partial|Required)$/.test(around.getTypeName().getText());
}

interface Given {
  readonly views: TypedViews;
  readonly descs: ReadonlySet<DescMessage>;
  readonly services: ReadonlySet<DescService>;
  /** Does a node go with the bridge? */
  isGone(node: Node): boolean;
  /** `new Message(…)`. */
  constructs(made: NewExpression, desc: DescMessage): unknown;
  /** `Message.of`, where `Message` is the object with the functions of generated code. */
  functions(access: PropertyAccessExpression, desc: DescMessage): unknown;
  /** Is a constant one that became a text? */
  isText(constant: Node | undefined): boolean;
  /** Does a value become a part of a message that create() makes? */
  hasParts(value: Node): boolean;
}

/** Names of generated code: types, enums, and the functions of messages. */
export function createTypedNames(
  p: Proving,
  code: TypedCode,
  { isOurs }: TypedTypes,
  { views, descs, services, isGone, constructs, functions, hasParts, isText }: Given,
) {
  const { project } = p;

  const name = (last: Node): unknown => {
    const found = code.nameOf(last);
    const node = qualified(last);
    const isNamespace = !found && code.flavour.hasNamespaces && code.isNamespace(last);
    if ((found || isNamespace) && code.flavour.hasNamespaces && isInAlias(node)) return undefined;
    if (isNamespace) return namespace(node);
    if (
      !found ||
      isGone(node) ||
      node.getFirstAncestor((one) => Node.isImportDeclaration(one) || Node.isExportDeclaration(one))
    )
      return undefined;
    const parent = node.getParent();
    if (isOuter(node)) return undefined;
    if (Node.isTypeReference(parent)) return typeName(parent, node, found);
    if (Node.isExpressionWithTypeArguments(parent) && found.kind === "message")
      return isOurs(found.desc) ? p.block(parent, "a type is made of that of a message") : undefined;
    switch (found.kind) {
      case "enum":
        if (!isUsedEnum(found) || isText(parent)) return undefined;
        if (Node.isPropertyAccessExpression(parent) && code.constantOf(p, parent)) return undefined;
        if (Node.isQualifiedName(parent) && typeOfConstant(p, code, parent, found.desc, last)) return undefined;
        if (parent && unrecognized(p, code, parent, found.desc, last)) return undefined;
        if (
          Node.isElementAccessExpression(parent) &&
          parent.getExpression() === node &&
          namesValue(p, code, parent, found.desc, last)
        )
          return undefined;
        if (code.hasSameNames(found.desc, last)) return p.replace(node, p.generated(found.desc, "shape", node));
        return p.block(parent ?? node, "an enum is used in another way than by its constants");
      case "message":
        if (!isOurs(found.desc)) return undefined;
        if (Node.isNewExpression(parent) && parent.getExpression() === node) return constructs(parent, found.desc);
        if (Node.isPropertyAccessExpression(parent) && parent.getExpression() === node)
          return functions(parent, found.desc);
        return p.block(parent ?? node, "the functions of a message are handed on");
      case "service":
        if (!sharesMessages(found.desc)) return undefined;
        return service(node, found.desc);
      default:
        if (convertsEnum(p, code, last)) return undefined;
        return carriesOurs(node) ? p.block(node, `${found.name} of the generated code is used`) : undefined;
    }
  };
  /** A namespace is only looked into. */
  const namespace = (node: Node): unknown => {
    if (isPartOfName(node) || isGone(node) || node.getFirstAncestor(Node.isImportDeclaration)) return undefined;
    return p.block(node, "a namespace of generated code is used as a whole");
  };
  const isPartOfName = (node: Node): boolean => {
    const parent = node.getParent();
    return (
      (Node.isQualifiedName(parent) && parent.getLeft() === node) ||
      (Node.isPropertyAccessExpression(parent) && parent.getExpression() === node)
    );
  };
  /** `Outer` of `Outer.Inner`. */
  const isOuter = (node: Node): boolean => {
    const parent = node.getParent();
    if (!code.flavour.hasNamespaces || !isPartOfName(node)) return false;
    const inner = Node.isQualifiedName(parent)
      ? parent.getRight()
      : Node.isPropertyAccessExpression(parent)
        ? parent.getNameNode()
        : node;
    return /^(message|enum)$/.test(code.nameOf(inner)?.kind ?? "") || code.isNamespace(inner);
  };
  const enums = new Set(
    [...descs].flatMap((desc) => desc.fields.flatMap((field) => ("enum" in field && field.enum ? [field.enum] : []))),
  );
  const isUsedEnum = (found: TypedName) => found.kind === "enum" && enums.has(found.desc);
  const sharesMessages = (one: DescService) =>
    one.methods.some((method) => descs.has(method.input) || descs.has(method.output));
  const carriesOurs = (node: Node): boolean => {
    const declaration =
      node.getSymbol()?.getAliasedSymbol()?.getDeclarations()[0] ?? node.getSymbol()?.getDeclarations()[0];
    if (!declaration) return true;
    const inside = declaration.getDescendantsOfKind(SyntaxKind.Identifier).map((one) => code.nameOf(one));
    return inside.some(
      (one) =>
        (one?.kind === "message" && isOurs(one.desc)) ||
        isUsedEnum(one ?? { kind: "other", name: "" }) ||
        (one?.kind === "service" && sharesMessages(one.desc)),
    );
  };

  /** The type around a message's that is more than a holder of it. */
  const moreThanHolder = (reference: Node, desc: DescMessage): Node | undefined => {
    let inner = reference;
    let around = holderOf(inner);
    while (
      around &&
      (p.callbacks.has(around) ||
        (p.outputs.requests.size > 0 && isCallType(around)) ||
        views.isPick(inner, desc) ||
        (inner !== reference && isOfPick(around)) ||
        views.isHolder(around, reference))
    ) {
      inner = around;
      around = holderOf(inner);
    }
    return around;
  };

  const typeName = (reference: Node, node: Node, found: TypedName): unknown => {
    if (found.kind === "service") return sharesMessages(found.desc) ? service(node, found.desc) : undefined;
    if (found.kind === "enum") {
      if (!isUsedEnum(found)) return undefined;
      return p.replace(node, { ...p.generated(found.desc, "shape", node), typeOnly: true });
    }
    if (found.kind !== "message")
      return carriesOurs(node) ? p.block(reference, `${node.getText()} of the generated code is used`) : undefined;
    if (!isOurs(found.desc)) return undefined;
    const around = moreThanHolder(namesMember(reference, found.desc) ?? reference, found.desc);
    const claim = satisfiesOf(around ?? reference);
    if (claim && (around === undefined || isPartial(around)) && hasParts(claim.getExpression())) {
      const schema = p.generated(found.desc, "descriptor", node);
      const init = { module: "@bufbuild/protobuf", name: "MessageInitShape", typeOnly: true };
      return p.replace(around ?? node, init, "<typeof ", schema, ">");
    }
    if (around !== undefined && !isPlainPartial(around, reference))
      return p.block(around, "a type is made of that of a message");
    p.replace(node, { ...p.generated(found.desc, "shape", node), typeOnly: true });
  };

  /** `changes: Partial<Tree>`, of a parameter or a variable. */
  const isPlainPartial = (around: Node, reference: Node): boolean => {
    const owner = around.getParent();
    if (code.flavour.hasClasses || !isPartial(around) || reference.getParent() !== around) return false;
    return Node.isParameterDeclaration(owner) || Node.isVariableDeclaration(owner);
  };

  /** `Tree["kind"]`, the type of what is the same in protobuf-es: the name follows. Undefined for any other type. */
  const namesMember = (reference: Node, desc: DescMessage): Node | undefined => {
    const indexed = reference.getParent();
    const index = Node.isIndexedAccessTypeNode(indexed) ? indexed.getIndexTypeNode() : undefined;
    const literal = Node.isLiteralTypeNode(index) ? index.getLiteral() : undefined;
    if (!Node.isStringLiteral(literal) || index === reference) return undefined;
    const key = literal.getLiteralText();
    const [oneof, field] = [p.oneofBy(desc, key), p.fieldBy(desc, key)];
    const { hasClasses, hasAbsentUnions } = code.flavour;
    const kind = field && p.kindOf(field);
    const isList = kind?.kind === "list" && (isPlain(kind.of) || holdsMessages(kind));
    const isSame = kind?.kind === "message" ? !hasClasses : kind?.kind === "value" && isPlain(kind);
    const isMap = kind?.kind === "map" && holdsMessages(kind) && !hasClasses;
    const isDefault = hasClasses && kind?.kind === "value" && kind.maybe;
    const isMember = field && (!field.oneof || hasClasses) && (isList || isMap || (isSame && !isDefault));
    const name = oneof && !hasClasses && !hasAbsentUnions ? oneof.localName : isMember ? field.localName : undefined;
    if (name === undefined) return undefined;
    if (name !== key) p.replace(literal, quoted(literal, name));
    const element = indexed?.getParent();
    const isElement =
      isList && Node.isIndexedAccessTypeNode(element) && element.getIndexTypeNode().getText() === "number";
    return isElement ? element : indexed;
  };

  /** `ServiceImplOf<typeof XService>`, `ClientOf<IXClient>`. */
  const service = (node: Node, desc: DescService): unknown => {
    const query = node.getParent();
    const argument = Node.isTypeQuery(query) || Node.isTypeReference(query) ? query : undefined;
    const reference = argument?.getParent();
    const typeNode =
      Node.isTypeReference(reference) || Node.isExpressionWithTypeArguments(reference) ? reference : undefined;
    const head = Node.isTypeReference(typeNode) ? typeNode.getTypeName() : typeNode?.getExpression();
    const next =
      head?.getText() === "ServiceImplOf" ? "ServiceImpl" : head?.getText() === "ClientOf" ? "Client" : undefined;
    if (!argument || !head || !next || !services.has(desc))
      return p.block(node, `${node.getText()} is used where its messages stay as they are`);
    const found = project.protos.importPathFor(desc, node.getSourceFile().getFilePath());
    p.replace(head, { module: "@connect-migrate/runtime", name: next, typeOnly: true });
    p.replace(argument, "typeof ", { module: found.module, name: found.descriptor });
  };

  return { name, sharesMessages };
}
