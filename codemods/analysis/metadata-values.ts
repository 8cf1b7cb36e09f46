import { type CallExpression, type Identifier, Node, SyntaxKind } from "ts-morph";
import { functionLeftBy, isWrapper } from "./around-values.js";
import { bodyOf } from "./function-bodies.js";
import type { AnalysisProject } from "./project.js";

/**
 * Whether a value under a key of Metadata may be `undefined`: grpc-js sends nothing then, and Headers the text "undefined".
 * "never"; "checked": it may, and reading it once more to ask does nothing; "maybe": it may, for all that is known.
 */
export type Definedness = "never" | "checked" | "maybe";

/** Methods that give a string, of whatever object has them. */
const TEXT_METHODS = /^(toString|toISOString|toFixed|toUpperCase|toLowerCase|trim|join|normalize|replace|replaceAll)$/;
const TEXT_FUNCTIONS = /^(String|Buffer\.from|encodeURIComponent)$/;

export function definednessOf(project: AnalysisProject, value: Node, depth = 0): Definedness {
  if (depth > 5) return "maybe";
  const inner = (node: Node) => definednessOf(project, node, depth + 1);
  const isDefined = (node: Node | undefined) => node !== undefined && inner(node) === "never";
  const known = (is: boolean) => (is ? "never" : "maybe");
  const givesDefined = (call: CallExpression) => {
    const origin = project.originOf(call.getExpression());
    return origin.kind === "function" && (resultsOf(origin.node)?.every(isDefined) ?? false);
  };
  if (Node.isAwaitExpression(value)) {
    const call = value.getExpression();
    return known(isDefinedType(value) || (Node.isCallExpression(call) && givesDefined(call)));
  }
  if (isWrapper(value)) return inner(value.getExpression());
  if (Node.isConditionalExpression(value))
    return known(isDefined(value.getWhenTrue()) && isDefined(value.getWhenFalse()));
  if (Node.isBinaryExpression(value)) {
    const operator = value.getOperatorToken().getText();
    return known(/^(\?\?|\|\|)$/.test(operator) ? isDefined(value.getRight()) : /^[-+*/%]$/.test(operator));
  }
  if (Node.isTemplateExpression(value) || Node.isTypeOfExpression(value) || project.constantOf(value) !== undefined)
    return "never";
  if (Node.isCallExpression(value)) {
    const callee = value.getExpression();
    const isText = Node.isPropertyAccessExpression(callee) && TEXT_METHODS.test(callee.getName());
    if ((isText && !/\?\./.test(callee.getText())) || TEXT_FUNCTIONS.test(callee.getText())) return "never";
    return known(isDefinedType(value) || givesDefined(value));
  }
  if (isTested(value) || isDefinedType(value)) return "never";
  if (Node.isIdentifier(value)) return isDefinedVariable(project, value, isDefined) ? "never" : "checked";
  return /^(this(\.#?\w+)+|process\.env\.\w+)$/.test(value.getText()) ? "checked" : "maybe";
}

/** What a function gives; undefined where its end may be reached. */
function resultsOf(fn: Node): Node[] | undefined {
  const body = bodyOf(fn);
  if (!Node.isBlock(body)) return body && [body];
  const returns = body.getDescendantsOfKind(SyntaxKind.ReturnStatement).filter((each) => functionLeftBy(each) === fn);
  const results = returns.flatMap((each) => each.getExpression() ?? []);
  const last = body.getStatements().at(-1);
  const endsWell = Node.isReturnStatement(last) || Node.isThrowStatement(last);
  return endsWell && results.length === returns.length ? results : undefined;
}

/** A constant, or a parameter of which all calls are known. */
function isDefinedVariable(
  project: AnalysisProject,
  name: Identifier,
  isDefined: (node: Node | undefined) => boolean,
): boolean {
  const declaration = project.declarationOf(name);
  if (Node.isParameterDeclaration(declaration)) {
    const values = Node.isIdentifier(declaration.getNameNode()) ? project.valuesPassed(declaration) : undefined;
    return values !== undefined && values.length > 0 && values.every(isDefined);
  }
  return (
    Node.isVariableDeclaration(declaration) &&
    Node.isIdentifier(declaration.getNameNode()) &&
    declaration.getVariableStatement()?.getDeclarationKind() === "const" &&
    isDefined(declaration.getInitializer())
  );
}

/**
 * The compiler proves it, where it tells `undefined` from other values. An index may lead nowhere, whatever its type, and a
 * promise to nothing.
 */
function isDefinedType(value: Node): boolean {
  const { strict, strictNullChecks } = value.getProject().getCompilerOptions();
  if (!(strictNullChecks ?? strict) || /[\])]$/.test(value.getText().replace(/\([^()]*\)$/, ""))) return false;
  const type = value.getType();
  const parts = type.isUnion() ? type.getUnionTypes() : [type];
  return parts.every((each) => {
    const isOpen = each.isAny() || each.isUnknown() || each.isTypeParameter();
    return !isOpen && !each.isUndefined() && each.getSymbol()?.getName() !== "Promise";
  });
}

/** `if (token) metadata.set("token", token)`: what is written stands behind a test of just this value. */
function isTested(value: Node): boolean {
  const text = value.getText().replaceAll('"', "'");
  const tests = [text, `${text} !== undefined`, `${text} != null`, `typeof ${text} === 'string'`];
  for (let node = value; !Node.isFunctionLikeDeclaration(node) && !Node.isFunctionExpression(node); ) {
    const parent = node.getParent();
    if (!parent) return false;
    if (Node.isIfStatement(parent) && parent.getThenStatement() === node) {
      const parts = parent
        .getExpression()
        .getText()
        .replaceAll('"', "'")
        .split(/\s*&&\s*/);
      // Equal to a text, it is one.
      if (parts.some((each) => tests.includes(each) || each.startsWith(`${text} === '`))) return true;
    }
    node = parent;
  }
  return false;
}

/** May `if (value !== undefined)` stand before the call? It is a statement of a block, and is not run again and again. */
export function takesCheck(call: CallExpression): boolean {
  const block = call.getParent()?.getParent();
  return Node.isBlock(block) || Node.isSourceFile(block);
}
