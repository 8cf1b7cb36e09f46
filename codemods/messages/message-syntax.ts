import {
  type CallExpression,
  type CaseClause,
  Node,
  type ParameterDeclaration,
  SyntaxKind,
  ts,
  type VariableDeclaration,
} from "ts-morph";

/** Methods of an array that call their argument with each element. */
export const ARRAY_READERS = new Set(["forEach", "map", "filter", "find", "some", "every", "flatMap", "findIndex"]);

export function isFunctionNode(
  node: Node,
): node is Node & { getParameters(): ParameterDeclaration[]; getBody(): Node | undefined } {
  return (
    Node.isFunctionDeclaration(node) ||
    Node.isFunctionExpression(node) ||
    Node.isArrowFunction(node) ||
    Node.isMethodDeclaration(node)
  );
}

export function parametersOf(node: Node) {
  return isFunctionNode(node) ? node.getParameters() : [];
}

export function isGenerator(node: Node): boolean {
  return (
    (Node.isFunctionDeclaration(node) || Node.isFunctionExpression(node) || Node.isMethodDeclaration(node)) &&
    node.isGenerator()
  );
}

export function isAsync(node: Node): boolean {
  return (
    (Node.isFunctionDeclaration(node) ||
      Node.isFunctionExpression(node) ||
      Node.isArrowFunction(node) ||
      Node.isMethodDeclaration(node)) &&
    node.isAsync()
  );
}

export function functionAround(node: Node): Node | undefined {
  let current = node.getParent();
  while (current && !isFunctionNode(current) && !isOtherFunction(current)) current = current.getParent();
  return current;
}

const isOtherFunction = (node: Node) =>
  Node.isConstructorDeclaration(node) || Node.isGetAccessorDeclaration(node) || Node.isSetAccessorDeclaration(node);

/** Can the end of a function be reached? */
export function endsWithoutValue(owner: Node): boolean {
  if (!isFunctionNode(owner) || !Node.isBlock(owner.getBody())) return false;
  owner.getSymbol(); // The flag is set once the file is bound.
  return (owner.compilerNode.flags & ts.NodeFlags.HasImplicitReturn) !== 0;
}

/** Can a function end, or return, without a value? */
export function mayGiveNothing(owner: Node): boolean {
  return endsWithoutValue(owner) || ownReturns(owner).some((statement) => statement.getExpression() === undefined);
}

export function ownReturns(owner: Node) {
  return owner
    .getDescendantsOfKind(SyntaxKind.ReturnStatement)
    .filter((statement) => functionAround(statement) === owner);
}

/** What a function that is written out gives. */
export function resultsOf(owner: Node): Node[] {
  const body = isFunctionNode(owner) ? owner.getBody() : undefined;
  if (body && !Node.isBlock(body)) return [body];
  return ownReturns(owner).flatMap((statement) => statement.getExpression() ?? []);
}

export function nameOfFunction(owner: Node): Node | undefined {
  if (Node.isFunctionDeclaration(owner)) return owner.getNameNode();
  const parent = owner.getParent();
  if (Node.isVariableDeclaration(parent) && parent.getInitializer() === owner) return parent.getNameNode();
  return undefined;
}

export function isCallback(owner: Node): boolean {
  const parent = owner.getParent();
  return Node.isCallExpression(parent) && parent.getArguments().includes(owner);
}

export function isArrowBody(parent: Node, expression: Node): boolean {
  return Node.isArrowFunction(parent) && parent.getBody() === expression;
}

export function isTransparent(node: Node): boolean {
  return (
    Node.isParenthesizedExpression(node) ||
    Node.isAsExpression(node) ||
    Node.isNonNullExpression(node) ||
    Node.isSatisfiesExpression(node)
  );
}

/** `x as T`, `x satisfies T`; not `x as const`. */
export function isAssertion(node: Node): boolean {
  return (Node.isAsExpression(node) || Node.isSatisfiesExpression(node)) && node.getTypeNode()?.getText() !== "const";
}

/** T of `x as T`. */
export function typeOfAssertion(node: Node): Node | undefined {
  return Node.isAsExpression(node) || Node.isSatisfiesExpression(node) ? node.getTypeNode() : undefined;
}

export function resultType(owner: Node): Node | undefined {
  return Node.isFunctionDeclaration(owner) ||
    Node.isFunctionExpression(owner) ||
    Node.isArrowFunction(owner) ||
    Node.isMethodDeclaration(owner)
    ? owner.getReturnTypeNode()
    : undefined;
}

export function innerOf(node: Node): Node | undefined {
  if (isTransparent(node) || Node.isAwaitExpression(node))
    return (node as unknown as { getExpression(): Node }).getExpression();
  return undefined;
}

export function unwrapped(node: Node): Node {
  let current = node;
  while (isTransparent(current)) current = (current as unknown as { getExpression(): Node }).getExpression();
  return current;
}

export function topOf(node: Node): Node {
  let current = node;
  for (let parent = current.getParent(); parent && isTransparent(parent); parent = current.getParent())
    current = parent;
  return current;
}

export function isAssignmentTarget(node: Node): boolean {
  const parent = node.getParent();
  if (Node.isBinaryExpression(parent))
    return (
      parent.getLeft() === node &&
      /^([-+*/%&|^]|\*\*|<<|>>>?|&&|\|\||\?\?)?=$/.test(parent.getOperatorToken().getText())
    );
  if (Node.isPostfixUnaryExpression(parent)) return true;
  if (Node.isPrefixUnaryExpression(parent)) return /^(\+\+|--)/.test(parent.getText());
  return Node.isDeleteExpression(parent);
}

export function isTruthTest(parent: Node, expression: Node): boolean {
  if (Node.isPrefixUnaryExpression(parent)) return parent.getText().startsWith("!");
  if (Node.isIfStatement(parent) || Node.isWhileStatement(parent)) return parent.getExpression() === expression;
  if (Node.isConditionalExpression(parent)) return parent.getCondition() === expression;
  return Node.isBinaryExpression(parent) && /^(&&|\|\||\?\?)$/.test(parent.getOperatorToken().getText());
}

/** Is the value itself, not just its truth, the result of `a && b`, `a || b`? The left side of `&&` in a condition is not. */
export function isValueOfLogical(parent: Node): boolean {
  if (!Node.isBinaryExpression(parent)) return false;
  for (let node: Node = parent; ; ) {
    const above: Node | undefined = node.getParent();
    if (!above) return true;
    if (isTransparent(above)) {
      node = above;
      continue;
    }
    if (Node.isBinaryExpression(above) && /^(&&|\|\||\?\?)$/.test(above.getOperatorToken().getText())) {
      node = above;
      continue;
    }
    return !isTruthTest(above, node) && !isAnswer(node, above);
  }
}

/** What a callback of `filter`, `find`, `some` … answers: only its truth counts. */
function isAnswer(value: Node, above: Node): boolean {
  const callback = isArrowBody(above, value)
    ? above
    : Node.isReturnStatement(above)
      ? functionAround(above)
      : undefined;
  const call = callback?.getParent();
  const callee = Node.isCallExpression(call) && call.getArguments()[0] === callback ? call.getExpression() : undefined;
  return (
    Node.isPropertyAccessExpression(callee) &&
    /^(filter|find|findIndex|findLast|findLastIndex|some|every)$/.test(callee.getName())
  );
}

/** `expression || {}`, `expression ?? {}` */
export function isDefaulted(parent: Node, expression: Node): boolean {
  if (!Node.isBinaryExpression(parent) || parent.getLeft() !== expression) return false;
  const other = parent.getRight();
  return (
    /^(?:\|\||\?\?)$/.test(parent.getOperatorToken().getText()) &&
    Node.isObjectLiteralExpression(other) &&
    other.getProperties().length === 0
  );
}

/** `list || []`: no list is an empty one. */
export function isOrEmpty(parent: Node, expression: Node): boolean {
  if (!Node.isBinaryExpression(parent) || parent.getLeft() !== expression) return false;
  const other = parent.getRight();
  return (
    /^(?:\|\||\?\?)$/.test(parent.getOperatorToken().getText()) &&
    Node.isArrayLiteralExpression(other) &&
    other.getElements().length === 0
  );
}

export function isOperand(node: Node): boolean {
  return (
    Node.isIdentifier(node) ||
    Node.isPropertyAccessExpression(node) ||
    Node.isElementAccessExpression(node) ||
    Node.isCallExpression(node)
  );
}

/** `a` of `a || b`. */
export function isStoodFor(value: Node): boolean {
  const top = topOf(value);
  const above = top.getParent();
  return (
    Node.isBinaryExpression(above) &&
    above.getLeft() === top &&
    /^(\|\||\?\?)$/.test(above.getOperatorToken().getText())
  );
}

/** Can a conditional or `??` stand here without parentheses? */
export function standsAlone(node: Node): boolean {
  const parent = node.getParent();
  if (Node.isCallExpression(parent)) return parent.getArguments().includes(node);
  if (Node.isPropertyAssignment(parent) || Node.isVariableDeclaration(parent)) return parent.getInitializer() === node;
  return (
    Node.isReturnStatement(parent) ||
    Node.isTemplateSpan(parent) ||
    Node.isIfStatement(parent) ||
    Node.isShorthandPropertyAssignment(parent)
  );
}

/** Does `if (message.choice === "member")` or `case "member":` stand around a node? */
export function isGuarded(node: Node, discriminator: string, member: string): boolean {
  for (let inner = node, outer = node.getParent(); outer; inner = outer, outer = outer.getParent()) {
    if (isFunctionNode(outer)) return false;
    const condition = conditionOf(inner);
    const tests = !condition ? [] : Node.isIfStatement(outer) ? conjuncts(condition) : [unwrapped(condition)];
    if (tests.some((one) => isEqual(one, discriminator, member))) return true;
    if (Node.isCaseClause(outer) && outer.getExpression() !== inner) {
      const test = unwrapped(outer.getExpression());
      const isMember = Node.isStringLiteral(test) && test.getLiteralText() === member;
      if (isMember && switchedOn(outer)?.getText() === discriminator) return true;
    }
  }
  return false;
}

/** What holds where a branch is taken: the condition of an `if` for its first statement, of `a ? b : c` for `b`. */
export function conditionOf(branch: Node): Node | undefined {
  const parent = branch.getParent();
  if (Node.isIfStatement(parent) && parent.getThenStatement() === branch) return parent.getExpression();
  if (Node.isConditionalExpression(parent) && parent.getWhenTrue() === branch) return parent.getCondition();
  return undefined;
}

/** What a switch compares with the value of a clause; undefined where the clause before falls into this one. */
export function switchedOn(clause: CaseClause): Node | undefined {
  const block = clause.getParent();
  const statement = block?.getParent();
  if (!Node.isCaseBlock(block) || !Node.isSwitchStatement(statement)) return undefined;
  const before = block.getClauses()[block.getClauses().indexOf(clause) - 1];
  const fallsIn =
    before !== undefined && !/^(break|return|throw|continue)\b/.test(before.getStatements().at(-1)?.getText() ?? "");
  return fallsIn ? undefined : statement.getExpression();
}

export function conjuncts(condition: Node): Node[] {
  const one = unwrapped(condition);
  if (Node.isBinaryExpression(one) && one.getOperatorToken().getText() === "&&")
    return [...conjuncts(one.getLeft()), ...conjuncts(one.getRight())];
  return [one];
}

export function disjuncts(condition: Node): Node[] {
  const one = unwrapped(condition);
  if (Node.isBinaryExpression(one) && one.getOperatorToken().getText() === "||")
    return [...disjuncts(one.getLeft()), ...disjuncts(one.getRight())];
  return [one];
}

export function isEqual(test: Node, subject: string, text: string): boolean {
  if (!Node.isBinaryExpression(test) || !/^===?$/.test(test.getOperatorToken().getText())) return false;
  const [left, right] = [unwrapped(test.getLeft()), unwrapped(test.getRight())];
  return left.getText() === subject && Node.isStringLiteral(right) && right.getLiteralText() === text;
}

/** What an expression is compared with: `x === "A"`, `switch (x) { case "A": }`. */
export function comparedValues(parent: Node, expression: Node): Node[] | undefined {
  if (Node.isBinaryExpression(parent) && /^[!=]==?$/.test(parent.getOperatorToken().getText()))
    return [unwrapped(parent.getLeft() === expression ? parent.getRight() : parent.getLeft())];
  if (Node.isSwitchStatement(parent) && parent.getExpression() === expression)
    return parent
      .getCaseBlock()
      .getClauses()
      .filter(Node.isCaseClause)
      .map((clause) => unwrapped(clause.getExpression()));
  return undefined;
}

/** The string literals that an expression is compared with, if it is compared with nothing else. */
export function comparedLiterals(parent: Node, expression: Node) {
  const values = comparedValues(parent, expression);
  return values?.every(Node.isStringLiteral) ? values : undefined;
}

/** A list or map of plain values that is only looked at: iterated, indexed, tested, spread. */
export function onlyReads(reference: Node, parent: Node | undefined): boolean {
  if (!parent) return false;
  if (Node.isForOfStatement(parent) || Node.isSpreadElement(parent) || Node.isTemplateSpan(parent)) return true;
  if (Node.isElementAccessExpression(parent))
    return parent.getExpression() === reference && !isAssignmentTarget(parent);
  if (Node.isCallExpression(parent))
    return /^(Object\.(keys|values|entries)|JSON\.stringify|console\.\w+)$/.test(parent.getExpression().getText());
  return isTruthTest(parent, reference) && !isValueOfLogical(parent);
}

/** What a literal gives one of its properties; undefined for methods and what is spread. */
export function valueOfProperty(property: Node | undefined): Node | undefined {
  if (Node.isPropertyAssignment(property)) return property.getInitializer();
  return Node.isShorthandPropertyAssignment(property) ? property.getNameNode() : undefined;
}

/** `a.b(…)`, `a.b` and `a` of `a.b(…)`: a value, and what it is read of. */
export function readFrom(value: Node): Node[] {
  const parts = [value];
  for (const node of parts) {
    const isRead =
      Node.isPropertyAccessExpression(node) ||
      Node.isElementAccessExpression(node) ||
      Node.isCallExpression(node) ||
      Node.isAwaitExpression(node);
    if (isRead) parts.push(unwrapped(node.getExpression()));
  }
  return parts;
}

/** The name of a property, whether it stands in quotes or not. */
export function unquoted(name: string): string {
  return name.replace(/^["']|["']$/g, "");
}

/** `target = …;`, of whose value nothing else is made. */
export function isWriteStatement(target: Node): boolean {
  return isPlainWrite(target) && Node.isExpressionStatement(target.getParent()?.getParent());
}

/** `target = …`, and no `+=`. */
export function isPlainWrite(target: Node): boolean {
  const change = target.getParent();
  return Node.isBinaryExpression(change) && change.getLeft() === target && change.getOperatorToken().getText() === "=";
}

export function isShorthand(node: Node): boolean {
  const parent = node.getParent();
  return Node.isShorthandPropertyAssignment(parent) && parent.getNameNode() === node;
}

/** A place where a name only gets another name: imports, exports, require patterns. */
export function isAlias(reference: Node): boolean {
  const parent = reference.getParent();
  if (Node.isImportSpecifier(parent) || Node.isExportSpecifier(parent) || Node.isImportClause(parent)) return true;
  if (Node.isBindingElement(parent)) return true;
  if (Node.isShorthandPropertyAssignment(parent)) {
    const assignment = parent.getParent()?.getParent();
    return Node.isBinaryExpression(assignment) && /^(module\.)?exports$/.test(assignment.getLeft().getText());
  }
  return (
    Node.isBinaryExpression(parent) &&
    parent.getRight() === reference &&
    /^(module\.)?exports\b/.test(parent.getLeft().getText())
  );
}

export function isExportsTarget(access: Node): boolean {
  return /^(module\.)?exports\.\w+$/.test(access.getText()) && isAssignmentTarget(access);
}

export function isMapOver(call: CallExpression, callback: Node): boolean {
  const callee = call.getExpression();
  return call.getArguments()[0] === callback && Node.isPropertyAccessExpression(callee) && callee.getName() === "map";
}

export function isDate(value: Node): boolean {
  return value.getType().getText() === "Date" || /^new Date\(\)$/.test(value.getText());
}

export function isAbsent(node: Node): boolean {
  return node.getText() === "undefined" || node.getText() === "null";
}

export function isBufferCall(node: Node): boolean {
  if (Node.isNewExpression(node)) return node.getExpression().getText() === "Uint8Array";
  return Node.isCallExpression(node) && /^Buffer\.(from|alloc|concat)$/.test(node.getExpression().getText());
}

/** `String(x)`, `x.toString()`, `` `${x}` ``: x. */
export function stringOf(node: Node): Node | undefined {
  if (Node.isCallExpression(node)) {
    const callee = node.getExpression();
    const [first] = node.getArguments();
    if (callee.getText() === "String" && first && node.getArguments().length === 1) return first;
    if (Node.isPropertyAccessExpression(callee) && callee.getName() === "toString" && !first)
      return callee.getExpression();
  }
  return undefined;
}

export function typeText(node: Node): string {
  return node.getType().getBaseTypeOfLiteralType().getText();
}

export function hasBytesType(node: Node): boolean {
  return /^(Buffer|Uint8Array)(<[\w ]+>)?$/.test(typeText(node));
}

/** An absent value is left out by protobufjs and by create() alike. */
export function hasType(text: string, wanted: "string" | "number" | "boolean" | "bigint"): boolean {
  return text.replace(/ \| (undefined|null)\b/g, "") === wanted;
}

export function numberOf(expression: Node): number | undefined {
  // getLiteralValue() takes 1e21 for 1.
  if (Node.isNumericLiteral(expression)) return Number(expression.compilerNode.text);
  if (!Node.isPrefixUnaryExpression(expression) || !expression.getText().startsWith("-")) return undefined;
  const inner = numberOf(unwrapped(expression.getOperand()));
  return inner === undefined ? undefined : -inner;
}

/** `x++`, `--x`, `x += 1`. */
export function isStep(node: Node | undefined): boolean {
  if (Node.isPostfixUnaryExpression(node)) return true;
  if (Node.isPrefixUnaryExpression(node)) return /^(\+\+|--)/.test(node.getText());
  return (
    Node.isBinaryExpression(node) &&
    /^[-+]=$/.test(node.getOperatorToken().getText()) &&
    node.getRight().getText() === "1"
  );
}

/** A string in the quotes that the file uses near by. */
export function quoted(near: Node, text: string): string {
  const file = near.getSourceFile().getFullText();
  const single = (file.match(/'/g) ?? []).length;
  const double = (file.match(/"/g) ?? []).length;
  return single > double ? `'${text}'` : `"${text}"`;
}

/** `list.map(helper)`, seen as a call of the helper. */
export function isMapCall(call: CallExpression): boolean {
  const callee = call.getExpression();
  return Node.isPropertyAccessExpression(callee) && callee.getName() === "map";
}

/** `list.map(helper)`, `list.filter(helper)`, …: the helper gets each element. */
export function isEachCall(call: CallExpression): boolean {
  const callee = call.getExpression();
  return Node.isPropertyAccessExpression(callee) && ARRAY_READERS.has(callee.getName());
}

/** Has a test before this use of a name, or around it, excluded that it holds nothing, or the one nothing that is asked for? */
export function isChecked(use: Node, nothing: "null" | "undefined" | "null|undefined" = "null|undefined"): boolean {
  if (!Node.isIdentifier(use)) return false;
  const name = use.getText();
  const isAssigned = (node: Node) =>
    node.getDescendantsOfKind(SyntaxKind.Identifier).some((one) => one.getText() === name && isAssignmentTarget(one));
  for (
    let inner: Node = use, outer: Node | undefined = use.getParent();
    outer;
    inner = outer, outer = outer.getParent()
  ) {
    if (isFunctionNode(outer)) return false;
    const condition = conditionOf(inner);
    if (condition && conjuncts(condition).some((one) => isSomething(one, name, nothing))) return !isAssigned(inner);
    if (!Node.isBlock(outer) && !Node.isCaseClause(outer)) continue;
    const statements = outer.getStatements();
    const index = (statements as Node[]).indexOf(inner);
    for (let at = index - 1; at >= 0; at--) {
      const before = statements[at];
      if (!before) break;
      if (
        Node.isIfStatement(before) &&
        isNothing(unwrapped(before.getExpression()), name, nothing) &&
        (leavesAlways(before.getThenStatement()) || makesNew(before.getThenStatement(), name))
      )
        return true;
      if (isAssigned(before)) break;
    }
    if (isAssigned(inner)) return false;
  }
  return false;
}

function isSomething(test: Node, name: string, nothing: string): boolean {
  const compared = new RegExp(`^${name}\\s*(!=\\s*(null|undefined)|!==\\s*(${nothing}))$`);
  return test.getText() === name || (Node.isBinaryExpression(test) && compared.test(test.getText()));
}

function isNothing(condition: Node, name: string, nothing: string): boolean {
  const compared = new RegExp(`^(!${name}|${name}\\s*(==\\s*(null|undefined)|===\\s*(${nothing})))$`);
  return disjuncts(condition).some((test) => compared.test(test.getText()));
}

/** `name = new Message()`, maybe with a chain of setters. */
function makesNew(statement: Node, name: string): boolean {
  const last = Node.isBlock(statement) ? statement.getStatements().at(-1) : statement;
  const change = Node.isExpressionStatement(last) ? last.getExpression() : undefined;
  return Node.isBinaryExpression(change) && new RegExp(`^${name}\\s*=\\s*new\\s`).test(change.getText());
}

/** Does a statement end with a return, a throw or a continue? */
export function leavesAlways(statement: Node): boolean {
  const last = Node.isBlock(statement) ? statement.getStatements().at(-1) : statement;
  return Node.isReturnStatement(last) || Node.isThrowStatement(last) || Node.isContinueStatement(last);
}

/** `const name = …`, in a statement of its own. */
export function isConstant(declaration: Node | undefined): declaration is VariableDeclaration {
  return (
    Node.isVariableDeclaration(declaration) && declaration.getVariableStatement()?.getDeclarationKind() === "const"
  );
}

/** `value` of `[key, value]`; undefined for an element with a default, for what is left out and for the rest. */
export function nameOfElement(element: Node | undefined): Node | undefined {
  return Node.isBindingElement(element) && !element.getInitializer() && !element.getDotDotDotToken()
    ? element.getNameNode()
    : undefined;
}
