import {
  type CallExpression,
  type NewExpression,
  Node,
  SyntaxKind,
  type VariableDeclaration,
  type VariableStatement,
} from "ts-morph";
import { type Reason, reason } from "../shared/reasons.js";
import { contains, functionAround, isNothing, peeled } from "./around-values.js";
import { isNewPromise } from "./language.js";
import { isOwnName, memberCall, memberOf } from "./member-calls.js";
import { shownPlace } from "./places.js";
import type { AnalysisProject } from "./project.js";
import { isBoundSelf, memberOfUse, type PromisedCall, promisedCallsOf } from "./promised-members.js";
import { type AddingCall, helperOf, partCall, type ServerHelper } from "./server-helpers.js";
import { adderOf, betweenOf, isRun, routesOf, type ServerHolder, type ServerRoutes } from "./server-routes.js";
import { type Flow, type FlowKind, followValue } from "./value-flow.js";

/** Members of a server that a running app has a counterpart for. */
const KNOWN_MEMBERS = new Set(["addService", "bindAsync", "start", "tryShutdown", "forceShutdown"]);

/** Where a server goes, if all of that is known. */
export interface ServerFlow {
  readonly mode: "module" | "value";
  /** addService and addToServer calls, in source order. */
  readonly adds: readonly AddingCall[];
  /** Functions that add services; their calls are among `adds`. */
  readonly helpers: readonly ServerHelper[];
  readonly routes: ServerRoutes;
  /** All other member calls. */
  readonly uses: readonly CallExpression[];
  /** Those of them that go through `promisify`. */
  readonly promised: ReadonlyMap<CallExpression, PromisedCall>;
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
  if (!statement || !canStandAlone(holder, statement)) return escapes("it is declared together with other variables");
  const adds: AddingCall[] = [];
  const uses: CallExpression[] = [];
  const promised = new Map<CallExpression, PromisedCall>();
  const helpers: ServerHelper[] = [];
  for (const reference of project.referencesTo(holder.getNameNode())) {
    if (reference === holder.getNameNode()) continue;
    const where = shownPlace(reference);
    if (reference.getSourceFile() !== made.getSourceFile()) return escapes(`another file uses it: ${where}`);
    const call = memberCall(reference) ?? partCall(project, reference);
    const later = call ? undefined : promisedCallsOf(project, reference);
    for (const [each, how] of later ?? []) promised.set(each, how);
    if (later || (!call && isBoundSelf(reference))) continue;
    const helper = call ? undefined : helperOf(project, reference);
    if (helper) {
      helpers.push(helper);
      adds.push(helper.call);
      continue;
    }
    if (!call) return escapes(where);
    const refused = checkMember(call, reference);
    if (refused) return refused;
    (isAdd(call) ? adds : uses).push(call);
  }
  uses.push(...promised.keys());
  const routes = routesOf(project, inOrder(adds), { node: holder, statement, text: holder.getName() });
  if ("code" in routes) return routes;
  const early = uses.find((use) => {
    if (memberOfUse(use, promised) !== "bindAsync") return false;
    const isInside = contains(routes.block, use);
    if (!isInside) return routes.isApart;
    return use.getStart() < routes.start && functionAround(use) === adderOf(adds[0] as Node);
  });
  if (early) return escapes(`services are added elsewhere than it is bound (${shownPlace(early)})`);
  // A function that is called cannot be called before what it needs is there.
  const placed = { ...routes, isPlain: routes.isPlain && helpers.length === 0 };
  return { mode: "module", adds: inOrder(adds), helpers, routes: placed, uses, promised, types: [], sources: [made] };
}

/** A server that is returned, handed over or kept in a field: the app takes its place. */
export function serverAsValue(project: AnalysisProject, made: NewExpression): ServerFlow | Reason {
  const holder = holderOf(made);
  if (!holder) return escapes("it is not the value of a variable or field");
  const calls = new Set<CallExpression>();
  const promised = new Map<CallExpression, PromisedCall>();
  const helpers = new Map<AddingCall, ServerHelper>();
  let refused: Reason | undefined;
  let isEmptied = false;
  let isTested = false;
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
      if (isOfPromise(node)) return false;
      const call = memberCall(node) ?? partCall(project, node);
      const later = call ? undefined : promisedCallsOf(project, node);
      for (const [each, how] of later ?? []) promised.set(each, how);
      if (later || (!call && isBoundSelf(node))) {
        flow.selected(node);
        return true;
      }
      const helper = call ? undefined : helperOf(project, node);
      if (helper) {
        flow.selected(helper.call);
        helpers.set(helper.call, helper);
        return true;
      }
      if (!call) {
        isTested ||= isTest(node);
        return isTest(node);
      }
      flow.selected(call);
      refused ??= checkMember(call, node);
      calls.add(call);
      return true;
    },
    isDerived(node, flow) {
      if (isNothing(node)) {
        isEmptied = true;
        return true;
      }
      const promise = promiseGiving(project, node);
      if (promise) {
        flow.value(promise);
        return true;
      }
      const executor = executorOf(node);
      if (!executor) return false;
      const settled = resolutionsOf(project, executor);
      for (const call of settled) {
        const [given] = call.getArguments();
        if (given) flow.value(given);
      }
      return settled.length > 0;
    },
    isPassage(node, parent, flow) {
      if (isOfPromise(node)) return followPromise(project, node, flow);
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
  if ((sources.size > 1 || isEmptied) && [...promised.values()].some(({ promisify }) => promisify === null))
    return escapes("a member is bound to it, and the variable holds something else later");
  const all = [...calls, ...promised.keys()];
  const added = [...[...calls].filter(isAdd), ...helpers.keys()];
  const claimed = [...sources].map((source) => addsOf(project, source as NewExpression, added, sources.size === 1));
  if (added.some((call) => claimed.filter((adds) => adds.includes(call)).length !== 1))
    return escapes("services are added to it elsewhere");
  const adds = inOrder(addsOf(project, made, added, sources.size === 1));
  if (isPartOfObject(project, holder) && adds.some((add) => takesParameter(project, add)))
    return escapes("callers of the function that returns it in an object pass the handlers");
  const routes = routesOf(project, adds, holder);
  if ("code" in routes) return routes;
  // Where it is bound right behind its services, nothing else matters.
  const isBoundThere = all.every(
    (call) =>
      memberOfUse(call, promised) !== "bindAsync" || (contains(routes.block, call) && call.getStart() > routes.end),
  );
  const wanted = routes.isApart && isBoundThere && !isTested ? undefined : betweenOf(project, routes, holder, isTested);
  if (wanted) return wanted;
  const isTyped = Node.isVariableDeclaration(holder.node) || Node.isPropertyDeclaration(holder.node);
  const own = isTyped ? holder.node.getTypeNode() : undefined;
  return {
    mode: "value",
    adds,
    helpers: adds.flatMap((call) => helpers.get(call) ?? []),
    routes,
    uses: all.filter((call) => !isAdd(call)),
    promised,
    // The declaration itself is written anew.
    types: [...types].filter((type) => !own || type.getStart() < own.getStart() || type.getEnd() > own.getEnd()),
    sources: [...sources],
  };
}

function escapes(detail: string): Reason {
  return reason("server-escapes", detail);
}

/** `if (server)`, `!server`, `server !== null`: is there one? */
function isTest(node: Node): boolean {
  const parent = node.getParent();
  if (Node.isIfStatement(parent)) return parent.getExpression() === node;
  if (Node.isConditionalExpression(parent)) return parent.getCondition() === node;
  if (Node.isPrefixUnaryExpression(parent)) return parent.getOperatorToken() === SyntaxKind.ExclamationToken;
  if (!Node.isBinaryExpression(parent)) return false;
  const operator = parent.getOperatorToken().getText();
  return (
    (operator === "&&" && parent.getLeft() === node) ||
    (/^[!=]==?$/.test(operator) && [parent.getLeft(), parent.getRight()].some(isNothing))
  );
}

function isAdd(call: CallExpression): boolean {
  return /^(addService|addToServer)$/.test(memberOf(call));
}

function checkMember(call: CallExpression, reference: Node): Reason | undefined {
  const member = memberOf(call);
  if (member === "addToServer") return undefined;
  if (!KNOWN_MEMBERS.has(member)) return reason("no-equivalent", `server.${member} (${shownPlace(reference)})`);
  const callee = call.getExpression();
  const isOptional =
    call.hasQuestionDotToken() || (Node.isPropertyAccessExpression(callee) && callee.hasQuestionDotToken());
  if (isOptional && !/Shutdown$/.test(member)) return escapes(`it may be none (${shownPlace(reference)})`);
  const parent = call.getParent();
  const isLast =
    Node.isExpressionStatement(parent) ||
    (Node.isBinaryExpression(parent) &&
      parent.getOperatorToken().getText() === "&&" &&
      parent.getRight() === call &&
      Node.isExpressionStatement(parent.getParent()));
  // `() => server.forceShutdown()`: what that gives is nothing, and can be nothing again.
  const isArrow = Node.isArrowFunction(parent) && parent.getBody() === call;
  const isGiven = isArrow || Node.isReturnStatement(parent);
  const isEnd =
    (isGiven && member === "bindAsync") ||
    (isArrow && /^(forceShutdown|start)$/.test(member)) ||
    (isArrow && member === "addService" && isRun(parent));
  return member !== "tryShutdown" &&
    !isEnd &&
    !(isLast && (member === "forceShutdown" || Node.isExpressionStatement(parent)))
    ? escapes(`the result of server.${member} is used (${shownPlace(reference)})`)
    : undefined;
}

function inOrder(calls: readonly AddingCall[]): AddingCall[] {
  return [...calls].sort((a, b) => a.getStart() - b.getStart());
}

// ---- a server as a value -------------------------------------------------------------------------------------------

/** `const server = new Server()`, `this.server = new Server()`, a statement of its own, or a property with that value. */
function holderOf(made: NewExpression): ServerHolder | undefined {
  let node: Node = made;
  while (node.getParent() && peeled(node.getParentOrThrow()) === made) node = node.getParentOrThrow();
  const parent = node.getParent();
  if (parent && Node.isVariableDeclaration(parent)) {
    const statement = parent.getVariableStatement();
    return statement && canStandAlone(parent, statement) && Node.isIdentifier(parent.getNameNode())
      ? { node: parent, statement, text: parent.getName() }
      : undefined;
  }
  if (parent && Node.isPropertyDeclaration(parent) && !parent.isStatic() && isOwnName(parent.getNameNode()))
    return { node: parent, statement: parent, text: `this.${parent.getName()}` };
  if (!parent || !Node.isBinaryExpression(parent) || parent.getOperatorToken().getText() !== "=") return undefined;
  const statement = parent.getParent();
  const left = parent.getLeft();
  const isField = Node.isPropertyAccessExpression(left) && Node.isThisExpression(left.getExpression());
  return statement && Node.isExpressionStatement(statement) && (isField || Node.isIdentifier(left))
    ? { node: parent, statement, text: left.getText() }
    : undefined;
}

/** A server that is declared together with variables that have nothing to do with it can be declared later than they. */
function canStandAlone(server: VariableDeclaration, statement: VariableStatement): boolean {
  const others = statement.getDeclarations().filter((each) => each !== server);
  return (
    others.length === 0 ||
    (!statement.hasExportKeyword() &&
      !others.some((each) =>
        each.getDescendantsOfKind(SyntaxKind.Identifier).some((name) => name.getText() === server.getName()),
      ))
  );
}

/** `{ server, port }` */
function isPartOfObject(project: AnalysisProject, { node }: ServerHolder): boolean {
  const name = Node.isVariableDeclaration(node) ? node.getNameNode() : undefined;
  if (!name || !Node.isIdentifier(name)) return false;
  return project.referencesTo(name).some((reference) => {
    const parent = reference.getParent();
    return Node.isShorthandPropertyAssignment(parent) || Node.isPropertyAssignment(parent);
  });
}

/**
 * Does a function add what it is given? As an app it would have to take all of it in the old shape; on grpc-js each caller passes
 * what it has, by `toCallbacks` or as it is.
 */
function takesParameter(project: AnalysisProject, add: AddingCall): boolean {
  const implementation = memberOf(add) === "addService" ? add.getArguments()[1] : undefined;
  const declaration =
    implementation && Node.isIdentifier(implementation) ? project.declarationOf(implementation) : undefined;
  return declaration !== undefined && Node.isParameterDeclaration(declaration);
}

/** The registrations on the name that a server is given: in the block where it is made, or anywhere if there is no other server. */
function addsOf(
  project: AnalysisProject,
  made: NewExpression,
  calls: readonly AddingCall[],
  isOnly: boolean,
): AddingCall[] {
  const holder = holderOf(made);
  const block = holder?.statement.getParent();
  return calls.filter((call) => {
    if (!isOnly && call.getParentOrThrow().getParent() !== block) return false;
    const callee = call.getExpression();
    const isOwn = memberOf(call) === "addService" && Node.isPropertyAccessExpression(callee);
    const named = isOwn ? [callee.getExpression()] : call.getArguments();
    return named.some((each) => {
      if (each.getText() !== holder?.text) return false;
      // A parameter of the same name is another thing.
      const declaration = Node.isIdentifier(each) ? project.declarationOf(each) : undefined;
      return !declaration || !Node.isParameterDeclaration(declaration);
    });
  });
}

/** The function of `new Promise(function)`. */
function executorOf(node: Node): Node | undefined {
  if (!isNewPromise(node)) return undefined;
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

/** `start().then(…)`, for a function that gives a promise of a server: a server has no such members. */
function isOfPromise(node: Node): boolean {
  const call = memberCall(node);
  return call !== undefined && /^(then|catch|finally)$/.test(memberOf(call));
}

/** Follows a server to the function that `then` gives it to. */
function followPromise(project: AnalysisProject, promise: Node, flow: Flow): boolean {
  const call = memberCall(promise) as CallExpression;
  if (memberOf(call) !== "then") {
    if (!Node.isExpressionStatement(call.getParent())) flow.fail(call, "what a promise of it becomes is used");
    return true;
  }
  const [taker] = call.getArguments();
  const isInline = Node.isArrowFunction(taker) || Node.isFunctionExpression(taker);
  const [parameter] = isInline ? taker.getParameters() : [];
  if (!parameter) return isInline;
  const name = parameter.getNameNode();
  if (!Node.isIdentifier(name) || parameter.isRestParameter() || parameter.getTypeNode() || parameter.getInitializer())
    return flow.fail(parameter, "they are a parameter of another form");
  for (const reference of project.referencesTo(name)) if (reference !== name) flow.use(reference);
  return true;
}

/** `start()`, of the `server` in `start().then((server) => …)`. */
function promiseGiving(project: AnalysisProject, node: Node): Node | undefined {
  const parameter = Node.isIdentifier(node) ? project.declarationOf(node) : undefined;
  if (!Node.isParameterDeclaration(parameter)) return undefined;
  const taker = parameter.getParent();
  const call = taker.getParent();
  const callee = Node.isCallExpression(call) && call.getArguments()[0] === taker ? call.getExpression() : undefined;
  return Node.isPropertyAccessExpression(callee) && callee.getName() === "then" ? callee.getExpression() : undefined;
}

/** The promise that `resolve(…)` settles. */
function promiseOfResolve(project: AnalysisProject, call: CallExpression): Node | undefined {
  for (const ancestor of call.getAncestors()) {
    const executor = executorOf(ancestor);
    if (executor && resolutionsOf(project, executor).includes(call)) return ancestor;
  }
  return undefined;
}
