import { Node, type Statement } from "ts-morph";
import { isNothing } from "./assignments.js";
import type { AnalysisProject } from "./project.js";

/**
 * Has a name a value before anything reads it, whatever it was given? `let creds; if (tls) creds = a; else creds = b;`, and for
 * a parameter `if (creds === undefined) creds = a;`, `creds ??= a;` or `const own = creds || a;`, in the order of the code.
 */
export function isFilledFirst(project: AnalysisProject, declaration: Node, name: Node): boolean {
  const uses = new Set(project.referencesTo(name).filter((use) => use !== name));
  for (const statement of statementsBehind(declaration)) {
    if (fills(statement, uses)) return true;
    if (Node.isFunctionDeclaration(statement)) continue;
    const [first, ...more] = [...uses].filter((use) => use.getAncestors().includes(statement));
    if (first) return more.length === 0 && uses.size === 1 && isDefaulted(first);
  }
  return false;
}

/** The statements that follow a variable, or the body of the function that a parameter is of. */
function statementsBehind(declaration: Node): Statement[] {
  const owner = declaration.getParent();
  const body = owner && Node.isBodyable(owner) ? owner.getBody() : Node.isArrowFunction(owner) && owner.getBody();
  const around = Node.isParameterDeclaration(declaration)
    ? body
    : declaration.getFirstAncestor((each) => Node.isBlock(each) || Node.isSourceFile(each));
  if (!around || !(Node.isBlock(around) || Node.isSourceFile(around))) return [];
  return around.getStatements().filter((statement) => statement.getPos() >= declaration.getEnd());
}

/** Is a name filled behind a statement, if anything runs there? */
function fills(statement: Node | undefined, uses: ReadonlySet<Node>): boolean {
  const some = (statements: readonly Node[]) => statements.some((each) => fills(each, uses));
  if (Node.isThrowStatement(statement) || Node.isReturnStatement(statement)) return true;
  if (Node.isExpressionStatement(statement)) {
    const change = statement.getExpression();
    return (
      Node.isBinaryExpression(change) &&
      /^(\?\?|\|\|)?=$/.test(change.getOperatorToken().getText()) &&
      uses.has(change.getLeft()) &&
      !isNothing(change.getRight())
    );
  }
  if (Node.isBlock(statement)) return some(statement.getStatements());
  if (Node.isIfStatement(statement)) {
    const then = fills(statement.getThenStatement(), uses);
    return then && (asksForNone(statement.getExpression(), uses) || fills(statement.getElseStatement(), uses));
  }
  if (Node.isSwitchStatement(statement)) {
    const clauses = statement.getClauses();
    const last = clauses.at(-1);
    if (!clauses.some(Node.isDefaultClause) || last?.getStatements().length === 0) return false;
    return clauses.every((clause) => {
      const upToBreak = clause.getStatements().slice(0, indexOfBreak(clause.getStatements()));
      return clause.getStatements().length === 0 || some(upToBreak);
    });
  }
  if (Node.isTryStatement(statement)) {
    const caught = statement.getCatchClause();
    const tried = fills(statement.getTryBlock(), uses) && (!caught || fills(caught.getBlock(), uses));
    return tried || fills(statement.getFinallyBlock(), uses);
  }
  return false;
}

function indexOfBreak(statements: readonly Node[]): number {
  const index = statements.findIndex((each) => /\b(break|continue)\b/.test(each.getText()));
  return index === -1 ? statements.length : index;
}

/** `!creds`, `creds === undefined`, `creds == null`. */
function asksForNone(test: Node, uses: ReadonlySet<Node>): boolean {
  if (Node.isPrefixUnaryExpression(test)) return test.getText().startsWith("!") && uses.has(test.getOperand());
  if (!Node.isBinaryExpression(test) || !uses.has(test.getLeft())) return false;
  const [operator, none] = [test.getOperatorToken().getText(), test.getRight().getText()];
  return (operator === "===" && none === "undefined") || (operator === "==" && isNothing(test.getRight()));
}

/** `creds || a` and `creds ?? a`. */
function isDefaulted(use: Node): boolean {
  const parent = use.getParent();
  return (
    Node.isBinaryExpression(parent) &&
    /^(\?\?|\|\|)$/.test(parent.getOperatorToken().getText()) &&
    parent.getLeft() === use
  );
}
