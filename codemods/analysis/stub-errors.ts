import { Node, type SourceFile, SyntaxKind } from "ts-morph";
import { functionLeftBy, peeled, withAssertions } from "./around-values.js";
import { isOnlyNamed } from "./exports.js";
import type { AnalysisProject } from "./project.js";

/** `service-error`: it has a code. `other`: it is no answer of a server, and whoever catches it gets the very same. */
type Kind = "service-error" | "other";

interface Made {
  readonly kind: Kind;
  /** The members of an error with a code. */
  readonly names: readonly string[];
}

const NAMES = /^(?:code|details|message|name|metadata)$/;

/** What an error is that a stub answers with, if nobody reads its text; one that a constant holds or a function of the project makes, too. */
export function stubErrorKind(project: AnalysisProject, error: Node): Kind | undefined {
  const made = madeError(project, error, 0);
  if (!made || made.kind === "other") return made?.kind;
  if (!made.names.includes("code") || made.names.some((name) => !NAMES.test(name))) return undefined;
  // The text of an error is another one now, and there is always one.
  if (readsTexts(project, error.getSourceFile())) return undefined;
  if (!made.names.includes("details") && project.files.some((file) => /\.details\b/.test(file.getFullText())))
    return undefined;
  return made.kind;
}

/** Does a file ask for the text of an error? Where it makes one, it says a text. */
function readsTexts(project: AnalysisProject, file: SourceFile): boolean {
  const text = file.getFullText();
  if (/['"`]message['"`]|\btoThrow\w*\([^)]|\brejects\([^)]*\/|\bthrows\(/.test(text)) return true;
  if (!/\bmessage\b/.test(text)) return false;
  return file.getDescendantsOfKind(SyntaxKind.Identifier).some((name) => {
    const parent = name.getText() === "message" ? name.getParent() : undefined;
    if (Node.isPropertyAccessExpression(parent))
      return parent.getNameNode() === name && assignedName(parent) === undefined;
    if (Node.isBindingElement(parent)) return true;
    const isKey =
      Node.isShorthandPropertyAssignment(parent) ||
      (Node.isPropertyAssignment(parent) && parent.getNameNode() === name);
    return isKey && !isSaid(project, withAssertions(parent.getParent() as Node));
  });
}

/** Is a value nothing but what stubs answer with: at once, by a constant, or by a function that makes it? */
function isSaid(project: AnalysisProject, value: Node, depth = 0): boolean {
  const parent = value.getParent();
  if (!parent || depth > 3) return false;
  if (Node.isVariableDeclaration(parent))
    return usesOf(project, parent).every((use) => isHarmless(project, use, depth));
  if (Node.isReturnStatement(parent) || Node.isArrowFunction(parent)) {
    const fn = Node.isArrowFunction(parent) ? parent : functionLeftBy(parent);
    const holder = Node.isFunctionDeclaration(fn) ? fn : fn?.getParent();
    if (!Node.isFunctionDeclaration(holder) && !Node.isVariableDeclaration(holder)) return false;
    return isMaker(project, holder, depth + 1);
  }
  if (Node.isThrowStatement(parent)) return true;
  if (!Node.isCallExpression(parent) || parent.getExpression() === value) return false;
  if (/^(?:expect|assert)\b/.test(parent.getExpression().getText())) return false;
  if (parent.getExpression().getText() === "Object.assign") return isSaid(project, withAssertions(parent), depth + 1);
  return isReply(project, parent.getExpression());
}

/** Is what a function gives nothing but what stubs answer with? */
function isMaker(project: AnalysisProject, declaration: Node, depth = 0): boolean {
  if (!Node.isFunctionDeclaration(declaration) && !Node.isVariableDeclaration(declaration)) return false;
  return usesOf(project, declaration).every((use) => {
    const call = use.getParent();
    if (!call || isOnlyNamed(call)) return true;
    return (
      Node.isCallExpression(call) && call.getExpression() === use && isSaid(project, withAssertions(call), depth + 1)
    );
  });
}

function usesOf(project: AnalysisProject, declaration: Node & { getNameNode(): Node | undefined }): Node[] {
  const name = declaration.getNameNode();
  return name && Node.isIdentifier(name) ? project.referencesTo(name).filter((each) => each !== name) : [];
}

function isHarmless(project: AnalysisProject, use: Node, depth: number): boolean {
  const value = withAssertions(use);
  const parent = value.getParent();
  if (Node.isPropertyAccessExpression(parent)) return parent.getExpression() === value && NAMES.test(parent.getName());
  return isSaid(project, value, depth + 1);
}

/** `callback(…)`, `stub.yields(…)`, `stub.mockRejectedValue(…)` */
function isReply(project: AnalysisProject, callee: Node): boolean {
  if (/\.(?:yields|callsArgWith|mockRejectedValue(?:Once)?|rejects)$|^Promise\.reject$/.test(callee.getText()))
    return true;
  return Node.isIdentifier(callee) && Node.isParameterDeclaration(project.declarationOf(callee));
}

function madeError(project: AnalysisProject, error: Node, depth: number): Made | undefined {
  const value = peeled(error);
  if (depth > 3) return undefined;
  if (Node.isNewExpression(value))
    return value.getExpression().getText() === "Error" ? { kind: "other", names: [] } : undefined;
  if (Node.isObjectLiteralExpression(value)) return withCode(value);
  if (Node.isIdentifier(value)) return heldError(project, value, depth);
  if (!Node.isCallExpression(value)) return undefined;
  if (value.getExpression().getText() === "Object.assign") {
    const [object, added, more] = value.getArguments();
    const isError = object && !more && madeError(project, object, depth + 1)?.kind === "other";
    return isError && Node.isNewExpression(peeled(object)) && added ? withCode(added) : undefined;
  }
  const callee = value.getExpression();
  const maker = Node.isIdentifier(callee) ? project.declarationOf(callee) : undefined;
  const made = maker && givenBy(maker);
  return made && isMaker(project, maker) ? madeError(project, made, depth + 1) : undefined;
}

function withCode(object: Node): Made | undefined {
  if (!Node.isObjectLiteralExpression(object)) return undefined;
  const names = object
    .getProperties()
    .map((each) => (Node.isPropertyAssignment(each) || Node.isShorthandPropertyAssignment(each) ? each.getName() : ""));
  return { kind: "service-error", names };
}

/** `const gone = …`, which gets members by assignments at most, and which a test compares with nothing where it becomes another object. */
function heldError(project: AnalysisProject, name: Node, depth: number): Made | undefined {
  const declaration = project.declarationOf(name);
  if (!Node.isVariableDeclaration(declaration)) return undefined;
  const initializer = declaration.getInitializer();
  const isConstant = declaration.getVariableStatement()?.getDeclarationKind() === "const";
  const made = initializer && isConstant ? madeError(project, initializer, depth + 1) : undefined;
  if (!made) return undefined;
  const uses = usesOf(project, declaration);
  const added = uses.flatMap((use) => assignedMember(use) ?? []);
  const names = [...made.names, ...added];
  const kind = names.includes("code") ? "service-error" : made.kind;
  // The very same arrives, if it has no code: then it may be compared, too.
  const isCompared = (use: Node) => {
    const parent = withAssertions(use).getParent();
    if (kind !== "other") return false;
    if (Node.isBinaryExpression(parent)) return /^[!=]==?$/.test(parent.getOperatorToken().getText());
    return Node.isCallExpression(parent) && COMPARES.test(parent.getExpression().getText());
  };
  return uses.every((use) => isCompared(use) || isHarmless(project, use, 0)) ? { kind, names } : undefined;
}

const COMPARES = /(?:^expect$|^assert\b|\.(?:toBe|toEqual|toStrictEqual|toThrow|toThrowError|equal|strictEqual)$)/;

/** `gone.code = 5;` */
function assignedMember(use: Node): string | undefined {
  const member = use.getParent();
  return Node.isPropertyAccessExpression(member) && member.getExpression() === use ? assignedName(member) : undefined;
}

function assignedName(member: Node): string | undefined {
  const assignment = member.getParent();
  if (!Node.isBinaryExpression(assignment) || assignment.getLeft() !== member) return undefined;
  const operator = assignment.getOperatorToken().getText();
  if (!/^[^=!<>]*=$/.test(operator)) return undefined;
  const isPlain = operator === "=" && Node.isExpressionStatement(assignment.getParent());
  return isPlain && Node.isPropertyAccessExpression(member) ? member.getName() : "";
}

/** What a function of the project gives back, on its only way. */
function givenBy(declaration: Node): Node | undefined {
  const fn = Node.isVariableDeclaration(declaration)
    ? peeled(declaration.getInitializer() ?? declaration)
    : declaration;
  if (!Node.isFunctionDeclaration(fn) && !Node.isArrowFunction(fn) && !Node.isFunctionExpression(fn)) return undefined;
  if (fn.isAsync() || ("isGenerator" in fn && fn.isGenerator())) return undefined;
  const body = fn.getBody();
  if (!Node.isBlock(body)) return body;
  const own = body.getDescendantsOfKind(SyntaxKind.ReturnStatement).filter((each) => functionLeftBy(each) === fn);
  const [only, more] = own;
  return only && !more && only.getParent() === body ? only.getExpression() : undefined;
}
