import { Node, type Signature, type Symbol as TsSymbol, type Type } from "ts-morph";
import { isStreamCall } from "./kept-outputs.js";
import { functionAround, isFunctionNode, isTransparent, resultType } from "./message-syntax.js";

/** What the compiler says of the place that an expression goes to. */
export type Place =
  /** Whatever stands there goes on as what it is, and is looked at again as a part of what is around it. */
  | { readonly kind: "open" }
  /** The place has a type of its own. */
  | { readonly kind: "typed"; readonly type: Type }
  /** Nobody can say what happens to it there. */
  | { readonly kind: "closed"; readonly why: string };

const OPEN: Place = { kind: "open" };
const typed = (type: Type): Place => ({ kind: "typed", type });
const closed = (why: string): Place => ({ kind: "closed", why });

/** Asks what becomes of messages in a generic function, or in the instances of a generic class. */
export type IsFollowed = (declared: Node, given: Type, at: Node) => boolean;

export function placeOf(
  expression: Node,
  isOwnPackage: (file: string) => boolean,
  isFollowed: IsFollowed = () => false,
): Place {
  const parent = expression.getParent();
  if (!parent) return OPEN;
  if (Node.isAsExpression(parent) || Node.isSatisfiesExpression(parent)) {
    const type = parent.getTypeNode();
    return type && type.getText() !== "const" ? typed(type.getType()) : OPEN;
  }
  if (isTransparent(parent) || Node.isAwaitExpression(parent)) return OPEN;
  if (Node.isCallExpression(parent) || Node.isNewExpression(parent)) {
    if (parent.getExpression() === expression) return OPEN;
    return argumentPlace(parent, expression, isOwnPackage, isFollowed);
  }
  if (Node.isVariableDeclaration(parent) || Node.isPropertyDeclaration(parent) || Node.isParameterDeclaration(parent)) {
    const type = parent.getTypeNode();
    return type ? typed(type.getType()) : OPEN;
  }
  if (Node.isBinaryExpression(parent)) {
    const operator = parent.getOperatorToken().getText();
    if (/^(\?\?|\|\||&&)?=$/.test(operator))
      return parent.getRight() === expression && !isUntypedVariable(parent.getLeft())
        ? typed(parent.getLeft().getType())
        : OPEN;
    if (/^([!=]==?|\?\?|\|\||&&|instanceof|,)$/.test(operator)) return OPEN;
    return closed(`what ${operator} does with a message is not followed`);
  }
  if (Node.isReturnStatement(parent)) return returnPlace(functionAround(expression));
  if (Node.isArrowFunction(parent)) return parent.getBody() === expression ? returnPlace(parent) : OPEN;
  if (
    Node.isPropertyAssignment(parent) ||
    Node.isShorthandPropertyAssignment(parent) ||
    Node.isArrayLiteralExpression(parent)
  ) {
    const type = Node.isExpression(expression) ? expression.getContextualType() : undefined;
    return type ? typed(type) : OPEN;
  }
  if (
    Node.isPropertyAccessExpression(parent) ||
    Node.isElementAccessExpression(parent) ||
    Node.isSpreadElement(parent) ||
    Node.isForOfStatement(parent) ||
    Node.isConditionalExpression(parent) ||
    Node.isExpressionStatement(parent) ||
    Node.isYieldExpression(parent) ||
    Node.isIfStatement(parent) ||
    Node.isWhileStatement(parent) ||
    Node.isVoidExpression(parent) ||
    Node.isTypeOfExpression(parent) ||
    Node.isPrefixUnaryExpression(parent) ||
    Node.isExportAssignment(parent)
  )
    return OPEN;
  return closed("a message goes where it cannot be followed");
}

/** `let reply;`: its type is that of what it is given. */
function isUntypedVariable(target: Node): boolean {
  const declaration = Node.isIdentifier(target) ? target.getSymbol()?.getDeclarations()[0] : undefined;
  return Node.isVariableDeclaration(declaration) && !declaration.getTypeNode() && !declaration.getInitializer();
}

function returnPlace(owner: Node | undefined): Place {
  const type = owner && resultType(owner);
  return type ? typed(type.getType()) : OPEN;
}

/** Functions of the language that give what they are given on as it is; `Object.assign` and its like look into it. */
const LOOKING_IN = /^(ObjectConstructor|JSON|Reflect|Console|(Callable|Newable)?Function)$/;

function argumentPlace(
  call: Node,
  argument: Node,
  isOwnPackage: (file: string) => boolean,
  isFollowed: IsFollowed,
): Place {
  if (!Node.isCallExpression(call) && !Node.isNewExpression(call)) return OPEN;
  const index = call.getArguments().indexOf(argument);
  const signature = call
    .getProject()
    .getTypeChecker()
    .getResolvedSignature(call as never);
  const parameter = signature && parameterAt(signature, index);
  const declared = signature?.getDeclaration();
  if (!parameter || !declared) return closed("a message is handed to a function that the compiler does not know");
  const type = parameter.isRest
    ? parameter.symbol.getTypeAtLocation(call).getArrayElementType()
    : parameter.symbol.getTypeAtLocation(call);
  if (!type) return closed("a message is handed to a function that takes it otherwise");
  const file = declared.getSourceFile().getFilePath() as string;
  const isLibrary = /\/typescript\/lib\/lib\.[^/]*$/.test(file);
  const owner = declared.getParent();
  // The object that comes of entries holds their values.
  const isHeld =
    Node.isCallExpression(call) && call.getExpression().getText() === "Object.fromEntries" && !call.getType().isAny();
  if (isLibrary && !isHeld && Node.isInterfaceDeclaration(owner) && LOOKING_IN.test(owner.getName()))
    return closed(`what ${(call.getExpression() as Node).getText()} does with a message is not followed`);
  if (!isLibrary && !isOwnPackage(file)) {
    // `call.write(message)`, `callback(null, message)`: what a type of a call says is followed.
    if (isAnswer(call.getExpression())) return typed(type);
    if (file.includes("/node_modules/")) return closed("a message is handed to a package");
    if (/\barguments\b/.test(declared.getText()))
      return closed("a message is handed to a function that reads arguments");
    const whole =
      (Node.isFunctionDeclaration(declared) || Node.isMethodDeclaration(declared)) && declared.isOverload()
        ? declared.getImplementation()
        : undefined;
    // What all its overloads come to.
    if (whole) {
      const taken = whole.getParameters()[index];
      if (!taken || taken.isRestParameter()) return closed("a message is handed to one of several functions");
      return typed(taken.getType());
    }
    const names =
      (declared as unknown as { getTypeParameters?(): { getName(): string }[] }).getTypeParameters?.() ?? [];
    const node = parameter.symbol.getDeclarations()[0];
    const text = Node.isParameterDeclaration(node) ? (node.getTypeNode()?.getText() ?? "") : "";
    const isGeneric = names.some((one) => new RegExp(`\\b${one.getName()}\\b`).test(text));
    if (isGeneric && !isFollowed(declared, argument.getType(), call))
      return closed("a message is handed to a generic function");
  }
  return typed(type);
}

/** `call.write` and the callback of grpc-js. */
function isAnswer(callee: Node): boolean {
  if (Node.isPropertyAccessExpression(callee) && callee.getName() === "write")
    return isStreamCall(callee.getExpression().getType());
  return callee.getType().getNonNullableType().getAliasSymbol()?.getName() === "sendUnaryData";
}

export function parameterAt(
  signature: Signature,
  index: number,
): { readonly symbol: TsSymbol; readonly isRest: boolean } | undefined {
  const parameters = signature.getParameters();
  const symbol = parameters[Math.min(index, parameters.length - 1)];
  const declaration = symbol?.getDeclarations()[0];
  const isRest = Node.isParameterDeclaration(declaration) && declaration.isRestParameter();
  if (!symbol || (index >= parameters.length && !isRest)) return undefined;
  return { symbol, isRest };
}

/** Parameters of a function that is written where another one is asked for: with annotations that nobody but this function makes. */
export function claimedParameters(node: Node): Node[] {
  if (!isFunctionNode(node) || !Node.isExpression(node)) return [];
  const wanted = node.getContextualType();
  if (!wanted) return [];
  const signature = wanted.getNonNullableType().getCallSignatures()[0];
  return node.getParameters().filter((parameter, index) => {
    if (!parameter.getTypeNode()) return false;
    const given = signature && parameterAt(signature, index);
    return !given || given.symbol.getTypeAtLocation(node).isAny();
  });
}

/** The literal that `node` is a direct part of: as the value of a property, or as an element of a list that is one. */
export function literalAround(node: Node): Node | undefined {
  let current = node;
  for (let parent = current.getParent(); parent; parent = current.getParent()) {
    if (isTransparent(parent) || Node.isArrayLiteralExpression(parent)) current = parent;
    else if (Node.isPropertyAssignment(parent) && parent.getInitializer() === current) return parent.getParent();
    else return undefined;
  }
  return undefined;
}
