import path from "node:path";
import { type CallExpression, type NewExpression, Node, SyntaxKind } from "ts-morph";
import { type Reason, reason } from "../shared/reasons.js";
import type { AnalysisProject } from "./project.js";
import { isPart } from "./server-registration.js";
import { type FlowKind, followValue, peeled } from "./value-flow.js";

/** Members of a server that a running app has a counterpart for. */
const KNOWN_MEMBERS = new Set(["addService", "bindAsync", "start", "tryShutdown", "forceShutdown"]);

/** Where a server goes, if all of that is known. */
export interface ServerFlow {
  readonly mode: "module" | "value";
  /** addService, addToServer: calls that stand next to each other as statements of one block, in source order. */
  readonly adds: readonly CallExpression[];
  /** All other member calls. */
  readonly uses: readonly CallExpression[];
  /** Annotations of the server's type. */
  readonly types: readonly Node[];
  /** All servers that reach one of the uses. */
  readonly sources: readonly Node[];
}

/** A server in one variable of one file, on which only members are called: an app of the module. */
export function serverAsModule(project: AnalysisProject, made: NewExpression): ServerFlow | Reason {
  const holder = made.getParent();
  if (!holder || !Node.isVariableDeclaration(holder) || !Node.isIdentifier(holder.getNameNode()))
    return escapes("it is not the value of a variable");
  const statement = holder.getVariableStatement();
  if (statement?.getDeclarations().length !== 1) return escapes("it is declared together with other variables");
  const adds: CallExpression[] = [];
  const uses: CallExpression[] = [];
  for (const reference of project.referencesTo(holder.getNameNode())) {
    if (reference === holder.getNameNode()) continue;
    const where = placeOf(reference);
    if (reference.getSourceFile() !== made.getSourceFile()) return escapes(`another file uses it: ${where}`);
    const call = memberCall(reference) ?? partCall(project, reference);
    if (!call) return escapes(where);
    const refused = checkMember(call, reference);
    if (refused) return refused;
    (isAdd(call) ? adds : uses).push(call);
  }
  const misplaced = misplacedAdds(adds, statement);
  return misplaced ?? { mode: "module", adds: inOrder(adds), uses, types: [], sources: [made] };
}

/** A server that is returned, handed over or kept in a field: the app takes its place. */
export function serverAsValue(project: AnalysisProject, made: NewExpression): ServerFlow | Reason {
  const holder = holderOf(made);
  if (!holder) return escapes("it is not the value of a variable or field");
  const calls = new Set<CallExpression>();
  let refused: Reason | undefined;
  const kind: FlowKind = {
    type: "Server",
    unknownUse: "it is used for more",
    fields: true,
    isSource(node) {
      if (!Node.isNewExpression(node)) return false;
      const origin = project.originOf(node.getExpression());
      return origin.kind === "grpc" && origin.path === "Server";
    },
    isSink(node, flow) {
      const call = memberCall(node) ?? partCall(project, node);
      if (!call) return false;
      flow.selected(call);
      refused ??= checkMember(call, node);
      calls.add(call);
      return true;
    },
    isDerived(node, flow) {
      const executor = executorOf(node);
      if (!executor) return false;
      const settled = resolutionsOf(project, executor);
      for (const call of settled) {
        const [given] = call.getArguments();
        if (given) flow.value(given);
      }
      return settled.length > 0;
    },
    isPassage(_node, parent, flow) {
      const promise = Node.isCallExpression(parent) ? promiseOfResolve(project, parent) : undefined;
      if (!promise) return false;
      flow.use(promise);
      return true;
    },
  };
  const followed = followValue(project, kind, (flow) => {
    flow.value(made);
    flow.use(made);
  });
  if (!followed.ok) return escapes(followed.detail);
  if (refused) return refused;
  const { sources, types } = followed.flow;
  const all = [...calls];
  const claimed = [...sources].map((source) => addsOf(source as NewExpression, all));
  if (all.some((call) => isAdd(call) && claimed.filter((adds) => adds.includes(call)).length !== 1))
    return escapes("services are added to it elsewhere");
  const adds = addsOf(made, all);
  const misplaced = misplacedAdds(adds, holder.statement) ?? touchedBetween(holder, adds);
  if (misplaced) return misplaced;
  const own = Node.isVariableDeclaration(holder.node) ? holder.node.getTypeNode() : undefined;
  return {
    mode: "value",
    adds: inOrder(adds),
    uses: all.filter((call) => !isAdd(call)),
    // The declaration itself is written anew.
    types: [...types].filter((type) => !own || type.getStart() < own.getStart() || type.getEnd() > own.getEnd()),
    sources: [...sources],
  };
}

function escapes(detail: string): Reason {
  return reason("server-escapes", detail);
}

function placeOf(node: Node): string {
  return `${path.basename(node.getSourceFile().getFilePath())}:${node.getStartLineNumber()}`;
}

/** `server.member(…)`. */
function memberCall(node: Node): CallExpression | undefined {
  const access = node.getParent();
  const call = access?.getParent();
  return access &&
    Node.isPropertyAccessExpression(access) &&
    access.getExpression() === node &&
    call &&
    Node.isCallExpression(call) &&
    call.getExpression() === access
    ? call
    : undefined;
}

/** `healthImpl.addToServer(server)`. */
function partCall(project: AnalysisProject, node: Node): CallExpression | undefined {
  const call = node.getParent();
  return call && Node.isCallExpression(call) && call.getArguments()[0] === node && isPart(project, call)
    ? call
    : undefined;
}

function nameOf(call: CallExpression): string {
  const callee = call.getExpression();
  return Node.isPropertyAccessExpression(callee) ? callee.getName() : "";
}

function isAdd(call: CallExpression): boolean {
  return /^(addService|addToServer)$/.test(nameOf(call));
}

function checkMember(call: CallExpression, reference: Node): Reason | undefined {
  const member = nameOf(call);
  if (member === "addToServer") return undefined;
  if (!KNOWN_MEMBERS.has(member)) return reason("no-equivalent", `server.${member} (${placeOf(reference)})`);
  return member !== "tryShutdown" && !Node.isExpressionStatement(call.getParent())
    ? escapes(`the result of server.${member} is used (${placeOf(reference)})`)
    : undefined;
}

function inOrder(calls: readonly CallExpression[]): CallExpression[] {
  return [...calls].sort((a, b) => a.getStart() - b.getStart());
}

/** Registrations stand next to each other in the block of the server: they become the body of one function. */
function misplacedAdds(calls: readonly CallExpression[], server: Node): Reason | undefined {
  const statements = inOrder(calls).map((call) => call.getParentOrThrow());
  const [first] = statements;
  const block = first?.getParent();
  if (!first) return escapes("no service is added to it here");
  if (!block || !(Node.isBlock(block) || Node.isSourceFile(block)) || server.getParent() !== block)
    return escapes("services are added in another block than the server is made in");
  const all = block.getStatements() as Node[];
  const indexes = statements.map((statement) => all.indexOf(statement));
  if (indexes.includes(-1)) return escapes("services are added under a condition");
  const isRun = indexes.every((index, i) => i === 0 || index === (indexes[i - 1] as number) + 1);
  return isRun ? undefined : escapes("other statements stand between the services that are added");
}

// ---- a server as a value -------------------------------------------------------------------------------------------

interface Holder {
  /** The declaration or the assignment. */
  readonly node: Node;
  readonly statement: Node;
  /** How the server is named: `server`, `this.server`. */
  readonly text: string;
}

/** `const server = new Server()`, `this.server = new Server()`: a statement of its own. */
function holderOf(made: NewExpression): Holder | undefined {
  let node: Node = made;
  while (node.getParent() && peeled(node.getParentOrThrow()) === made) node = node.getParentOrThrow();
  const parent = node.getParent();
  if (parent && Node.isVariableDeclaration(parent)) {
    const statement = parent.getVariableStatement();
    return statement && statement.getDeclarations().length === 1 && Node.isIdentifier(parent.getNameNode())
      ? { node: parent, statement, text: parent.getName() }
      : undefined;
  }
  if (!parent || !Node.isBinaryExpression(parent) || parent.getOperatorToken().getText() !== "=") return undefined;
  const statement = parent.getParent();
  const left = parent.getLeft();
  const isField = Node.isPropertyAccessExpression(left) && Node.isThisExpression(left.getExpression());
  return statement && Node.isExpressionStatement(statement) && (isField || Node.isIdentifier(left))
    ? { node: parent, statement, text: left.getText() }
    : undefined;
}

/** The registrations on the name that a server is given, in the block where it is made. */
function addsOf(made: NewExpression, calls: readonly CallExpression[]): CallExpression[] {
  const holder = holderOf(made);
  const block = holder?.statement.getParent();
  return calls.filter((call) => {
    if (!isAdd(call) || call.getParentOrThrow().getParent() !== block) return false;
    const named =
      nameOf(call) === "addService"
        ? (call.getExpression() as unknown as { getExpression(): Node }).getExpression()
        : call.getArguments()[0];
    return named?.getText() === holder?.text;
  });
}

/** The app is made where the services were added: nothing may want it before. */
function touchedBetween(holder: Holder, adds: readonly CallExpression[]): Reason | undefined {
  const block = holder.statement.getParentOrThrow() as unknown as { getStatements(): Node[] };
  const all = block.getStatements();
  const first = all.indexOf(inOrder(adds)[0]?.getParent() as Node);
  const between = all.slice(all.indexOf(holder.statement) + 1, first);
  const touching = between.find((statement) =>
    [
      ...statement.getDescendantsOfKind(SyntaxKind.Identifier),
      ...statement.getDescendantsOfKind(SyntaxKind.PropertyAccessExpression),
    ].some((node) => node.getText() === holder.text),
  );
  if (touching) return escapes(`it is used before services are added (${placeOf(touching)})`);
  if (/^this\./.test(holder.text) && between.some((each) => /\bthis\b/.test(each.getText())))
    return escapes("other code may use it before services are added");
  return undefined;
}

/** The function of `new Promise(function)`. */
function executorOf(node: Node): Node | undefined {
  if (!Node.isNewExpression(node) || node.getExpression().getText() !== "Promise") return undefined;
  const [executor] = node.getArguments();
  return executor && (Node.isArrowFunction(executor) || Node.isFunctionExpression(executor)) ? executor : undefined;
}

function resolutionsOf(project: AnalysisProject, executor: Node): CallExpression[] {
  const [resolve] = (executor as unknown as { getParameters(): { getNameNode(): Node }[] }).getParameters();
  const name = resolve?.getNameNode();
  if (!name || !Node.isIdentifier(name)) return [];
  return project.referencesTo(name).flatMap((reference) => {
    const call = reference.getParent();
    return call && Node.isCallExpression(call) && call.getExpression() === reference ? [call] : [];
  });
}

/** The promise that `resolve(…)` settles. */
function promiseOfResolve(project: AnalysisProject, call: CallExpression): Node | undefined {
  for (const ancestor of call.getAncestors()) {
    const executor = executorOf(ancestor);
    if (executor && resolutionsOf(project, executor).includes(call)) return ancestor;
  }
  return undefined;
}
