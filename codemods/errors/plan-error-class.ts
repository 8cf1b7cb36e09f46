import { isStatusOfGrpc } from "../clients/grpc-status.js";
import { codeOf, isSurelyText } from "../services/error-shape.js";
import { isHeaderKey, isHeaderText } from "../services/header-values.js";
import { type File, isIdentifier, keyName, memberName, type Node, parentMap, unwrap, walk } from "../shared/ast.js";
import { requiredModule } from "../shared/imports.js";
import { scopesOf } from "../shared/scope.js";

/** A class of errors that have a code, as a class that extends ConnectError. */
export interface ErrorClassPlan {
  readonly node: Node;
  /** The call of `super`, and what it is given: expressions of the class. */
  readonly made: Node;
  /** What stands for the text: the second one where the first is undefined. */
  readonly text: readonly [Node, ...Node[]];
  readonly code: Node;
  readonly metadata: Node | null;
  /** Fields and assignments that go, because ConnectError has them. */
  readonly dropped: readonly Node[];
  /** Modifiers that make fields of parameters: they go, the parameters stay. */
  readonly plain: readonly Node[];
  /** Types that name what grpc-js has, with what stands for them. */
  readonly types: readonly { readonly node: Node; readonly kind: "code" | "metadata" }[];
  /** `this.metadata.add`, which Headers call append. */
  readonly added: readonly Node[];
  /** Which arguments hold what. */
  readonly arguments: {
    readonly code: Argument | null;
    readonly texts: readonly Argument[];
    readonly metadata: Argument | null;
  };
}

/** An argument by its place, and whether it may be left out. */
export interface Argument {
  readonly index: number;
  readonly mayBeLeftOut: boolean;
}

/** A class that extends an error class: it only says what that is made of. */
export interface DerivedClassPlan {
  /** The call of `super`; null for a class that has no constructor. */
  readonly made: Node | null;
}

const FIELDS = ["code", "details", "metadata"] as const;
type Field = (typeof FIELDS)[number];

/** What a ConnectError has of its own: a class that has something else under such a name keeps its shape. */
const OWN_MEMBERS = /^(message|stack|cause|code|details|metadata|rawMessage|findDetails|isWireError)$/;

/**
 * `class X extends Error` whose constructor does no more than to set `code`, a text and `metadata` from its parameters and
 * from constants (matrix E-5 to E-7). Undefined for any other class: it keeps its shape.
 */
export function planErrorClass(file: File, node: Node): ErrorClassPlan | undefined {
  if (node.type !== "ClassDeclaration" || !isIdentifier(node.superClass, "Error") || node.superTypeParameters)
    return undefined;
  const scopes = scopesOf(file);
  if (scopes.bindingOf(node.superClass) || !((node.implements ?? []) as Node[]).every((each) => isOfErrors(file, each)))
    return undefined;
  const body = constructorOf(node);
  if (!body) return undefined;
  const { params, made, rest } = body;
  if (made.arguments.length > 1 || isCommented(file, made) || isCommented(file, node, node.body.start))
    return undefined;
  const values = new Map<string, Node>();
  const dropped: Node[] = [];
  const plain: Node[] = [];
  const types: { node: Node; kind: "code" | "metadata" }[] = [];
  const added: Node[] = [];
  for (const member of membersOf(node)) {
    const name = keyName(member);
    if (member.type !== "ClassProperty" || member.static || name === undefined) return undefined;
    if (isField(name)) {
      if (member.value) values.set(name, member.value);
      dropped.push(member);
    } else if (OWN_MEMBERS.test(name) || (member.value && usesThis(member.value))) return undefined;
  }
  for (const param of params) {
    if (param.type !== "TSParameterProperty") continue;
    const name = nameOf(param)?.name as string | undefined;
    if (name === undefined) return undefined;
    if (isField(name)) plain.push(param);
    else if (name !== "message" && OWN_MEMBERS.test(name)) return undefined;
    if (isField(name) || name === "message") values.set(name, nameOf(param) as Node);
  }
  for (const statement of rest) {
    const { expression } = statement;
    const name = assignedMember(expression);
    if (name === undefined) {
      if (isMetadataSet(expression, file)) {
        if (memberName(expression.callee) === "add") added.push(expression.callee.property);
      } else if (!isUsualLine(statement)) return undefined;
    } else if (usesThis(expression.right, "constructor")) {
      return undefined;
    } else if (isField(name)) {
      if (values.has(name) || added.length > 0) return undefined;
      values.set(name, expression.right);
      dropped.push(statement);
    } else if (name === "message") values.set(name, expression.right);
    else if (OWN_MEMBERS.test(name)) return undefined;
  }
  const code = values.get("code");
  const message = values.get("message") ?? (made.arguments as Node[])[0];
  const details = values.get("details");
  if (!code || !message) return undefined;
  const same = details && isIdentifier(details) && isIdentifier(message, details.name);
  const text: [Node, ...Node[]] =
    details && !same ? (isSurelyText(details) ? [details] : [details, message]) : [message];
  if (details && text.length > 1 && !isIdentifier(details)) return undefined;

  const argumentOf = (value: Node): Argument | undefined => {
    const index = isIdentifier(value) ? params.findIndex((param) => nameOf(param)?.name === value.name) : -1;
    const param = params[index];
    return param && { index, mayBeLeftOut: inner(param).type === "AssignmentPattern" };
  };
  const ofCode = argumentOf(code);
  if (!ofCode && codeOf(code, file) === undefined) return undefined;
  const initial = ofCode && inner(params[ofCode.index] as Node);
  if (initial?.type === "AssignmentPattern" && codeOf(initial.right, file) === undefined) return undefined;
  const texts: Argument[] = [];
  for (const [index, value] of text.entries()) {
    const argument = argumentOf(value);
    const instead = argument && inner(params[argument.index] as Node).right;
    if (argument ? instead && !isTextOf(instead) : !isTextOf(value)) return undefined;
    if (argument) texts.push(index < text.length - 1 ? { ...argument, mayBeLeftOut: true } : argument);
  }
  const given = values.get("metadata");
  const metadata = given ? metadataOf(given, file) : null;
  if (metadata === undefined) return undefined;
  const ofMetadata = metadata ? argumentOf(metadata) : null;
  if (ofMetadata === undefined) return undefined;
  if (rest.some(({ expression }) => isMetadataSet(expression, file)) && !given) return undefined;

  for (const [argument, kind] of [
    [ofCode, "code"],
    [ofMetadata, "metadata"],
  ] as const) {
    const annotation = argument && nameOf(params[argument.index] as Node)?.typeAnnotation?.typeAnnotation;
    if (!annotation) continue;
    if (kind === "code" ? !isCodeType(annotation, file) : !isMetadataType(annotation, file)) return undefined;
    types.push({ node: annotation, kind });
  }
  const isWritten = params.some((param) => {
    const name = nameOf(param);
    const binding = name && scopes.bindingOf(name);
    return !binding || binding.writes.length > 0;
  });
  if (isWritten || [...text, code].some((each) => usesThis(each))) return undefined;
  return {
    node,
    made,
    text,
    code,
    metadata,
    dropped,
    plain,
    types,
    added,
    arguments: { code: ofCode ?? null, texts, metadata: ofMetadata },
  };
}

/** `class NotFound extends GrpcError`, which gives its own name and what the error is made of. */
export function planDerivedClass(node: Node): DerivedClassPlan | undefined {
  if (node.type !== "ClassDeclaration" || node.superTypeParameters || (node.implements ?? []).length > 0)
    return undefined;
  const isPlain = membersOf(node).every((member) => {
    const name = keyName(member);
    const isOther = member.type === "ClassProperty" && !member.static && name !== undefined && !OWN_MEMBERS.test(name);
    return isOther && !(member.value && usesThis(member.value));
  });
  if (!isPlain) return undefined;
  if (!(node.body.body as Node[]).some((member) => member.kind === "constructor")) return { made: null };
  const body = constructorOf(node);
  if (!body) return undefined;
  const isUsual = body.rest.every((statement) => {
    const name = assignedMember(statement.expression);
    if (name === undefined) return isUsualLine(statement);
    return !OWN_MEMBERS.test(name) && !usesThis(statement.expression.right, "constructor");
  });
  const isBare = body.params.every(
    (param) => param.type !== "TSParameterProperty" || !OWN_MEMBERS.test(nameOf(param)?.name ?? "code"),
  );
  return isUsual && isBare && !usesThis(body.made) ? { made: body.made } : undefined;
}

function membersOf(node: Node): Node[] {
  return (node.body.body as Node[]).filter((member) => member.kind !== "constructor");
}

/** The one constructor of a class, if it begins with `super(…)` and goes on with plain statements. */
function constructorOf(node: Node): { params: readonly Node[]; made: Node; rest: readonly Node[] } | undefined {
  const [own, ...more] = (node.body.body as Node[]).filter((member) => member.kind === "constructor");
  if (own?.type !== "ClassMethod" || more.length > 0 || !own.body) return undefined;
  const [first, ...rest] = own.body.body as Node[];
  const made = first?.type === "ExpressionStatement" ? first.expression : undefined;
  if (made?.type !== "CallExpression" || made.callee.type !== "Super") return undefined;
  const isKnown = (own.params as Node[]).every((param) => isIdentifier(nameOf(param)));
  return isKnown ? { params: own.params, made, rest } : undefined;
}

/** A parameter without what makes it a field, and without what stands for it. */
function inner(param: Node): Node {
  return param.type === "TSParameterProperty" ? param.parameter : param;
}

function nameOf(param: Node): Node | undefined {
  const own = inner(param);
  const name = own.type === "AssignmentPattern" ? own.left : own;
  return isIdentifier(name) ? name : undefined;
}

/** `code` of `this.code = …` */
function assignedMember(expression: Node | undefined): string | undefined {
  if (expression?.type !== "AssignmentExpression" || expression.operator !== "=") return undefined;
  const { left } = expression;
  return left.object?.type === "ThisExpression" ? memberName(left) : undefined;
}

/** `Error.captureStackTrace(this, X)`, also under a condition, and `Object.setPrototypeOf(this, X.prototype)`. */
function isUsualLine(statement: Node): boolean {
  if (statement.type === "IfStatement") {
    const { consequent, alternate, test } = statement;
    const [only, ...more] = consequent.type === "BlockStatement" ? (consequent.body as Node[]) : [consequent];
    return !alternate && !usesThis(test) && only !== undefined && more.length === 0 && isUsualLine(only);
  }
  const call = statement.type === "ExpressionStatement" ? statement.expression : undefined;
  if (!/^(Optional)?CallExpression$/.test(call?.type ?? "")) return false;
  const { object } = call.callee;
  const name = memberName(call.callee);
  return (
    (name === "captureStackTrace" && isIdentifier(object, "Error")) ||
    (name === "setPrototypeOf" && /^(Object|Reflect)$/.test(object.name ?? ""))
  );
}

/** `this.metadata.set('x-limit', '5000')`, which is the same with Headers. */
function isMetadataSet(expression: Node | undefined, file: File): boolean {
  if (expression?.type !== "CallExpression" || !/^(set|add)$/.test(memberName(expression.callee) ?? "")) return false;
  const { object } = expression.callee;
  const [key, value, ...more] = expression.arguments as Node[];
  return (
    memberName(object) === "metadata" &&
    object.object.type === "ThisExpression" &&
    key?.type === "StringLiteral" &&
    isHeaderKey(key.value) &&
    !key.value.toLowerCase().endsWith("-bin") &&
    value !== undefined &&
    more.length === 0 &&
    isHeaderText(value, file)
  );
}

/** A parameter that metadata comes from, null for none; undefined for anything else. */
function metadataOf(value: Node, file: File): Node | null | undefined {
  if (isIdentifier(value)) return value;
  if (isNewMetadata(value, file)) return null;
  return value.type === "LogicalExpression" && isIdentifier(value.left) && isNewMetadata(value.right, file)
    ? value.left
    : undefined;
}

function isNewMetadata(node: Node, file: File): boolean {
  return node.type === "NewExpression" && node.arguments.length === 0 && isOfGrpc(file, node.callee, "Metadata");
}

function isCodeType(type: Node, file: File): boolean {
  if (type.type === "TSNumberKeyword") return true;
  return type.type === "TSTypeReference" && isStatusOfGrpc(file, asMember(type.typeName));
}

function isMetadataType(type: Node, file: File): boolean {
  return type.type === "TSTypeReference" && isOfGrpc(file, asMember(type.typeName), "Metadata");
}

/** `implements ServiceError`, `implements Partial<grpc.ServiceError>` */
function isOfErrors(file: File, { expression, typeParameters }: Node): boolean {
  const name = asMember(expression);
  if (isOfGrpc(file, name, "ServiceError") || isOfGrpc(file, name, "StatusObject")) return true;
  const [of] = ((typeParameters as Node | null)?.params ?? []) as Node[];
  return (
    isIdentifier(name) &&
    /^(Partial|Pick|Omit)$/.test(name.name) &&
    of?.type === "TSTypeReference" &&
    isOfErrors(file, { ...of, expression: of.typeName })
  );
}

function asMember(name: Node): Node {
  return name.type === "TSQualifiedName"
    ? ({
        ...name,
        type: "MemberExpression",
        object: asMember(name.left),
        property: name.right,
        computed: false,
      } as Node)
    : name;
}

/** Is it this member of grpc-js: imported, or read of its namespace? */
function isOfGrpc(file: File, node: Node, member: string): boolean {
  const root = isIdentifier(node) ? node : memberName(node) === member ? node.object : undefined;
  const declaration = isIdentifier(root) ? scopesOf(file).bindingOf(root)?.declaration : undefined;
  if (!declaration) return false;
  const statement = parentMap(file).get(declaration);
  const source = statement?.type === "ImportDeclaration" ? statement.source.value : requiredModule(declaration.init);
  if (source !== "@grpc/grpc-js") return false;
  const isWhole = root !== node;
  if (declaration.type === "ImportSpecifier") return !isWhole && declaration.imported.name === member;
  if (declaration.type !== "VariableDeclarator" || declaration.id.type !== "ObjectPattern") return isWhole;
  return (declaration.id.properties as Node[]).some(
    (each) => !isWhole && keyName(each) === member && isIdentifier(each.value, root?.name),
  );
}

/** A text made of constants and parameters. */
function isTextOf(node: Node): boolean {
  return isSurelyText(unwrap(node)) && !usesThis(node);
}

function isCommented(file: File, { start, end }: Node, before = end): boolean {
  return (file.comments ?? []).some((comment) => start <= comment.start && comment.end <= before);
}

/** Does an expression read of the error itself, other than this member? */
function usesThis(node: Node, member?: string): boolean {
  let found = false;
  walk(node, ({ type }, [parent]) => {
    if (type === "ThisExpression" && (!parent || !member || memberName(parent) !== member)) found = true;
    return !found;
  });
  return found;
}

function isField(name: string): name is Field {
  return (FIELDS as readonly string[]).includes(name);
}
