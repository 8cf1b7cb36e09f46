/**
 * Plain functions over the Babel nodes that jscodeshift's parsers make. `Node` is loose on purpose: rules look at many
 * kinds of nodes, and a node's `type` says which members it has.
 */
// biome-ignore lint/suspicious/noExplicitAny: the boundary to the parser's untyped tree.
export type Node = { type: string; start: number; end: number; [key: string]: any };
export type File = Node & { type: "File"; program: Node; comments?: Comment[] };
export interface Comment {
  type: string;
  value: string;
  start: number;
  end: number;
  loc?: { readonly start: { readonly line: number } };
}

const NOT_CHILDREN = new Set([
  "loc",
  "range",
  "extra",
  "tokens",
  "comments",
  "errors",
  "leadingComments",
  "trailingComments",
  "innerComments",
  "original",
]);

export function isNode(value: unknown): value is Node {
  return typeof value === "object" && value !== null && typeof (value as { type?: unknown }).type === "string";
}

/** The child nodes, in source order as far as the tree has it. */
export function childrenOf(node: Node): Node[] {
  const children: Node[] = [];
  for (const key in node) {
    if (NOT_CHILDREN.has(key)) continue;
    const value: unknown = node[key];
    if (Array.isArray(value)) {
      for (const item of value) if (isNode(item)) children.push(item);
    } else if (isNode(value)) children.push(value);
  }
  return children;
}

/** Visits `node` and all below it; `enter` may return false to leave out what is below. Parents come nearest first. */
export function walk(node: Node, enter: (node: Node, parents: readonly Node[]) => unknown): void {
  const parents: Node[] = [];
  const visit = (current: Node) => {
    if (enter(current, parents) === false) return;
    parents.unshift(current);
    for (const child of childrenOf(current)) visit(child);
    parents.shift();
  };
  visit(node);
}

/** parent of every node of a tree. */
export type Parents = ReadonlyMap<Node, Node>;
const parentsOf = new WeakMap<Node, Map<Node, Node>>();

/** The parent of every node below `root` (a File or Program); made once per tree. */
export function parentMap(root: Node): Parents {
  let parents = parentsOf.get(root);
  if (!parents) {
    parents = new Map();
    const visit = (node: Node) => {
      for (const child of childrenOf(node)) {
        parents?.set(child, node);
        visit(child);
      }
    };
    visit(root);
    parentsOf.set(root, parents);
  }
  return parents;
}

/** Range of a node as a pair. */
export function rangeOf(node: Node): { start: number; end: number } {
  return { start: node.start, end: node.end };
}

export function textOf(source: string, node: Node): string {
  return source.slice(node.start, node.end);
}

/**
 * The first node that spans exactly `start..end` (the outermost one). Without a semicolon a statement spans what its
 * expression spans: the expression is meant.
 */
export function nodeAt(root: Node, start: number, end: number): Node | undefined {
  let current: Node | undefined = root;
  while (current) {
    if (current.start === start && current.end === end && !/^(File|Program|ExpressionStatement)$/.test(current.type))
      return current;
    current = childrenOf(current).find((child) => child.start <= start && end <= child.end);
  }
  return undefined;
}

/** The innermost node that contains `start..end`. */
export function innermostAt(root: Node, start: number, end: number): Node {
  let current = root;
  for (;;) {
    const next = childrenOf(current).find((child) => child.start <= start && end <= child.end);
    if (!next) return current;
    current = next;
  }
}

const FUNCTIONS = new Set([
  "FunctionDeclaration",
  "FunctionExpression",
  "ArrowFunctionExpression",
  "ObjectMethod",
  "ClassMethod",
  "ClassPrivateMethod",
]);

/** A function, method or arrow function. */
export type FunctionNode = Node & { params: Node[]; body: Node; async: boolean; generator: boolean };

export function isFunction(node: Node | null | undefined): node is FunctionNode {
  return node != null && FUNCTIONS.has(node.type);
}

/** Does one node lie in another, or is it the same? */
export function isWithin(
  inner: { readonly start: number; readonly end: number },
  outer: { readonly start: number; readonly end: number },
): boolean {
  return outer.start <= inner.start && inner.end <= outer.end;
}

/** The nearest function around `node` (not `node` itself). */
export function functionOf(node: Node, parents: Parents): FunctionNode | undefined {
  return ancestorOf(node, parents, isFunction) as FunctionNode | undefined;
}

/** The nearest node above `node` for which `test` holds. */
export function ancestorOf(node: Node, parents: Parents, test: (node: Node) => boolean): Node | undefined {
  let current = parents.get(node);
  while (current && !test(current)) current = parents.get(current);
  return current;
}

export function isStatement(node: Node): boolean {
  return (
    (/Statement$/.test(node.type) && node.type !== "BlockStatement") ||
    /^(Variable|Function|Class|Export\w*|Import|TS\w*)Declaration$/.test(node.type)
  );
}

/** The statement that `node` stands in (or is): the innermost one that is an element of a block, program or case. */
export function statementOf(node: Node, parents: Parents): Node | undefined {
  let current: Node | undefined = node;
  while (current) {
    const parent = parents.get(current);
    if (parent && isStatementList(parent, current)) return current;
    current = parent;
  }
  return undefined;
}

function isStatementList(parent: Node, child: Node): boolean {
  if (parent.type === "BlockStatement" || parent.type === "Program" || parent.type === "TSModuleBlock")
    return (parent.body as Node[]).includes(child);
  if (parent.type === "SwitchCase") return (parent.consequent as Node[]).includes(child);
  return parent.type === "StaticBlock";
}

const TRANSPARENT = new Set([
  "ParenthesizedExpression",
  "TSAsExpression",
  "TSNonNullExpression",
  "TSSatisfiesExpression",
  "TSTypeAssertion",
  "TypeCastExpression",
]);

/** The expression below parentheses and type assertions. */
export function unwrap(node: Node): Node {
  let current = node;
  while (TRANSPARENT.has(current.type)) current = current.expression;
  return current;
}

/** An expression with the parentheses and type assertions around it. */
export function withCasts(node: Node, parents: Parents): Node {
  let current = node;
  for (let around = parents.get(current); around && TRANSPARENT.has(around.type); around = parents.get(current))
    current = around;
  return current;
}

/** `a.b` and `a["b"]`: the member's name, or undefined if it is computed. */
export function memberName(node: Node): string | undefined {
  if (node.type !== "MemberExpression" && node.type !== "OptionalMemberExpression") return undefined;
  if (!node.computed) return node.property.type === "Identifier" ? node.property.name : undefined;
  return node.property.type === "StringLiteral" ? node.property.value : undefined;
}

/** Name of a property, method or class member, if it is not computed. */
export function keyName(node: Node): string | undefined {
  const key = node.key as Node | undefined;
  if (!key) return undefined;
  if (key.type === "StringLiteral") return key.value;
  if (key.type === "NumericLiteral") return String(key.value);
  return key.type === "Identifier" && !node.computed ? key.name : undefined;
}

export type Identifier = Node & { type: "Identifier"; name: string };

export function isIdentifier(node: Node | null | undefined, name?: string): node is Identifier {
  return node?.type === "Identifier" && (name === undefined || node.name === name);
}

/** `null` and `undefined`. */
export function isNothing(node: Node | null | undefined): boolean {
  const value = node && unwrap(node);
  return value?.type === "NullLiteral" || isIdentifier(value, "undefined");
}

/** Does a text of code say a name other than as a member's? */
export function saysName(text: string, name: string): boolean {
  return new RegExp(`(^|\\.\\.\\.|[^.\\w$])${name.replaceAll("$", "\\$")}(?![\\w$])`).test(text);
}

/** The indentation of the line on which `position` lies. */
export function indentAt(source: string, position: number): string {
  const lineStart = source.lastIndexOf("\n", position - 1) + 1;
  return /^[ \t]*/.exec(source.slice(lineStart, position))?.[0] ?? "";
}

/** Does nothing but white space stand before a position in its line? */
export function beginsLine(source: string, position: number): boolean {
  return source.slice(source.lastIndexOf("\n", position - 1) + 1, position).trim() === "";
}

/** The start of a statement or of the comment lines that stand on it. */
export function startWithComments(source: string, statement: Node): number {
  let start = statement.start;
  for (const comment of [...((statement.leadingComments ?? []) as Node[])].reverse()) {
    if (comment.end > start || /\n\s*\n/.test(source.slice(comment.end, start))) break;
    start = comment.start;
  }
  return start;
}

/** The file's way to end a statement, seen at one. */
export function semicolonOf(source: string, statement: Node): ";" | "" {
  return source[statement.end - 1] === ";" ? ";" : "";
}

/** The statements or class members that `child` is one of. */
export function listWith(parent: Node, child: Node): Node[] | undefined {
  const list = parent.type === "SwitchCase" ? parent.consequent : parent.body;
  const isList = /^(BlockStatement|Program|TSModuleBlock|StaticBlock|ClassBody|SwitchCase)$/.test(parent.type);
  return isList && Array.isArray(list) && list.includes(child) ? list : undefined;
}

/** Would a statement that begins with a parenthesis go on the one before it, which ends without a semicolon? */
export function followsOpenEnd(source: string, statement: Node, parents: Parents): boolean {
  const around = parents.get(statement);
  const list = around && listWith(around, statement);
  if (!list) return false;
  const before = [...((around.directives ?? []) as Node[]), ...list].filter(({ end }) => end <= statement.start).at(-1);
  return before !== undefined && isOpenEnded(source, before);
}

function isOpenEnded(source: string, statement: Node): boolean {
  const inner = /^(For|While|Labeled|With)/.test(statement.type)
    ? statement.body
    : statement.type === "IfStatement"
      ? (statement.alternate ?? statement.consequent)
      : /^Export/.test(statement.type)
        ? statement.declaration
        : undefined;
  if (inner) return isOpenEnded(source, inner);
  const isBlock = /^(Block|Try|Switch)Statement$|^(Function|Class|TSInterface|TSEnum|TSModule)Declaration$/;
  return !isBlock.test(statement.type) && semicolonOf(source, statement) === "";
}

/** The file's line ending. */
export function lineEndingOf(source: string): "\r\n" | "\n" {
  return /\r\n/.test(source) ? "\r\n" : "\n";
}
