import { Node, SyntaxKind } from "ts-morph";
import { type Reason, reason } from "../shared/reasons.js";
import { contains, functionAround } from "./around-values.js";
import { bodyOf } from "./function-bodies.js";
import { runsLater } from "./later-code.js";
import { isOwnName } from "./member-calls.js";
import { mayUse } from "./own-members.js";
import { shownPlace } from "./places.js";
import type { AnalysisProject } from "./project.js";
import type { AddingCall } from "./server-helpers.js";
import { type Lifted, liftedIn } from "./server-lifted.js";

/** What names a server: a declared variable, an assigned variable or field, or a property of a class. */
export interface ServerHolder {
  /** The declaration or the assignment. */
  readonly node: Node;
  /** The statement, or the property itself. */
  readonly statement: Node;
  /** How the server is named: `server`, `this.server`. */
  readonly text: string;
}

/** The statements that add services to a server, from the first to the last: they become the body of `routes`. */
export interface ServerRoutes {
  readonly start: number;
  readonly end: number;
  readonly block: Node;
  /** All that stands there are registrations, each a statement of its own. */
  readonly isPlain: boolean;
  /** The function that they become has to keep `this`. */
  readonly hasThis: boolean;
  /** They stand in another block than the server is made in. */
  readonly isApart: boolean;
  /** What is declared among them and needed outside. */
  readonly lifted: readonly Lifted[];
}

/** Finds the statements, or says why they cannot become one function. `calls` are addService and addToServer calls. */
export function routesOf(
  project: AnalysisProject,
  calls: readonly AddingCall[],
  holder: ServerHolder,
): ServerRoutes | Reason {
  const [first] = calls;
  if (!first) return escapes("no service is added to it here");
  const owner = adderOf(first);
  if (calls.some((call) => adderOf(call) !== owner || call.getSourceFile() !== first.getSourceFile()))
    return escapes("services are added in several functions");
  const home = homeOf(holder);
  const isNear =
    home !== undefined && calls.every((call) => call.getAncestors().includes(home)) && ownerOf(home) === owner;
  const block = isNear ? home : owner ? blockOf(owner) : first.getSourceFile();
  if (!block) return escapes("services are added in an expression");
  const all = statementsOf(block);
  const indexes = calls.map((call) => all.findIndex((statement) => contains(statement, call)));
  if (indexes.includes(-1)) return escapes("services are added elsewhere than it is made");
  const range = all.slice(Math.min(...indexes), Math.max(...indexes) + 1);
  const lifted = liftedIn(project, range, calls);
  const refused = leaves(project, range, lifted) ?? named(range, holder, calls);
  if (refused) return refused;
  return {
    start: (range[0] as Node).getStart(),
    end: (range.at(-1) as Node).getEnd(),
    block,
    isPlain: range.every((statement) => calls.some((call) => call.getParent() === statement)),
    hasThis: range.some((statement) =>
      ownNodes(statement, true).some(
        (node) =>
          Node.isThisExpression(node) &&
          !calls.some(
            (call) => contains(call, node) && !call.getArguments().some((argument) => contains(argument, node)),
          ),
      ),
    ),
    isApart: block !== home,
    lifted,
  };
}

/** The function that adds a service, by itself or by a `forEach` over an array, a map or a set. */
export function adderOf(call: Node): Node | undefined {
  const around = functionAround(call);
  return around && isRun(around) ? adderOf(around) : around;
}

/** Is a function run where it stands: `services.forEach((service) => …)`? */
export function isRun(fn: Node): boolean {
  const call = fn.getParent();
  if (!Node.isArrowFunction(fn) || fn.isAsync() || !Node.isCallExpression(call) || call.getArguments()[0] !== fn)
    return false;
  const callee = call.getExpression();
  if (!Node.isPropertyAccessExpression(callee) || callee.getName() !== "forEach") return false;
  const type = callee.getExpression().getType();
  return type.isArray() || /^(ReadonlyArray|(Readonly)?(Map|Set))$/.test(type.getSymbol()?.getName() ?? "");
}

/**
 * Why a server that is made in one place and gets its services in another might be wanted in between. The function that adds
 * them has to be called once, right behind the place where the server is made.
 */
export function betweenOf(
  project: AnalysisProject,
  routes: ServerRoutes,
  holder: ServerHolder,
  /** Does other code ask whether there is a server? While this code waits for something, it would get another answer. */
  isTested: boolean,
): Reason | undefined {
  const all = statementsOf(routes.block);
  const first = all.findIndex((statement) => statement.getStart() === routes.start);
  const home = homeOf(holder);
  if (!home) return escapes("it is not known when it is made");
  if (!routes.isApart) return touching(project, all.slice(positionIn(all, holder) + 1, first), holder, isTested);
  const owner = ownerOf(routes.block);
  const isSameClass = (node: Node) =>
    node.getFirstAncestor(Node.isClassDeclaration) === holder.node.getFirstAncestor(Node.isClassDeclaration);
  const name =
    owner && (Node.isFunctionDeclaration(owner) || (Node.isMethodDeclaration(owner) && isSameClass(owner)))
      ? owner.getNameNode()
      : undefined;
  if (!owner || !name || !isOwnName(name)) return escapes("services are added elsewhere, at a time that is not known");
  const uses = project.referencesTo(name).filter((node) => node !== name);
  const [use] = uses;
  const call =
    use && (Node.isPropertyAccessExpression(use.getParent()) ? use.getParent()?.getParent() : use.getParent());
  const statement = call?.getParent();
  const around = statementsOf(home);
  const at = statement ? around.indexOf(statement) : -1;
  if (uses.length !== 1 || !call || !Node.isCallExpression(call) || at < 0)
    return escapes("services are added elsewhere, at a time that is not known");
  if ((owner as unknown as { isAsync(): boolean }).isAsync() && first > 0) return escapes("services are added later");
  return touching(
    project,
    [...around.slice(positionIn(around, holder) + 1, at), ...all.slice(0, first)],
    holder,
    isTested,
  );
}

/** The block where the server is made; for a property of a class, the body of its constructor. */
function homeOf(holder: ServerHolder): Node | undefined {
  if (!Node.isPropertyDeclaration(holder.node)) return holder.statement.getParent();
  const owner = holder.node.getFirstAncestor(Node.isClassDeclaration);
  return owner?.getConstructors()[0]?.getBody();
}

function positionIn(all: readonly Node[], holder: ServerHolder): number {
  return all.indexOf(holder.statement);
}

/** Why the statements cannot be those of a function of their own: they end the one around, or others need their names. */
function leaves(project: AnalysisProject, range: readonly Node[], lifted: readonly Lifted[]): Reason | undefined {
  for (const statement of range) {
    for (const node of ownNodes(statement)) {
      const isJump = Node.isBreakStatement(node) || Node.isContinueStatement(node);
      const target = isJump
        ? node.getFirstAncestor(
            (each) => Node.isIterationStatement(each) || (Node.isBreakStatement(node) && Node.isSwitchStatement(each)),
          )
        : undefined;
      if (
        Node.isReturnStatement(node) ||
        Node.isAwaitExpression(node) ||
        Node.isYieldExpression(node) ||
        (Node.isForOfStatement(node) && node.isAwaited()) ||
        (Node.isIdentifier(node) && node.getText() === "arguments") ||
        (isJump && (!target || !range.some((each) => contains(each, target))))
      )
        return escapes(`other statements stand between the services that are added (${shownPlace(node)})`);
      const name = declaredName(node);
      const outer =
        name &&
        !lifted.some((each) => each.name === name) &&
        project.referencesTo(name).find((reference) => !range.some((each) => contains(each, reference)));
      if (outer)
        return escapes(`${name.getText()} is declared between the services that are added (${shownPlace(node)})`);
    }
  }
  return undefined;
}

/** Anything but a registration, among the registrations, that names the server. */
function named(range: readonly Node[], holder: ServerHolder, calls: readonly AddingCall[]): Reason | undefined {
  const other = mentions(range, holder).find((node) => !calls.some((call) => contains(call, node)));
  return other && escapes(`it is used before all services are added (${shownPlace(other)})`);
}

function touching(
  project: AnalysisProject,
  between: readonly Node[],
  holder: ServerHolder,
  isTested: boolean,
): Reason | undefined {
  const isWaiting = between.some((each) => ownNodes(each).some(Node.isAwaitExpression));
  const isLater = (node: Node) => !isWaiting && runsLater(project, node, between);
  const found = mentions(between, holder).find((node) => !isLater(node));
  if (found) return escapes(`it is used before services are added (${shownPlace(found)})`);
  if (isTested && isWaiting) return escapes("other code may ask for it before services are added");
  const owner = /^this\./.test(holder.text) ? holder.node.getFirstAncestor(Node.isClassDeclaration) : undefined;
  return owner && mayUse(project, between, holder.text.slice("this.".length), owner, isLater)
    ? escapes("other code may use it before services are added")
    : undefined;
}

function mentions(nodes: readonly Node[], { text }: ServerHolder): Node[] {
  return nodes.flatMap((each) =>
    [
      ...each.getDescendantsOfKind(SyntaxKind.Identifier),
      ...each.getDescendantsOfKind(SyntaxKind.PropertyAccessExpression),
    ].filter((node) => node.getText() === text && !isMemberName(node)),
  );
}

/** `server` in `this.server` and `{ server: … }`. */
function isMemberName(node: Node): boolean {
  const parent = node.getParent();
  return (
    (parent !== undefined && Node.isPropertyAccessExpression(parent) && parent.getNameNode() === node) ||
    (parent !== undefined && Node.isPropertyAssignment(parent) && parent.getNameNode() === node)
  );
}

function declaredName(node: Node): Node | undefined {
  if (Node.isVariableDeclaration(node) || Node.isBindingElement(node)) {
    const name = node.getNameNode();
    return Node.isIdentifier(name) ? name : undefined;
  }
  return Node.isFunctionDeclaration(node) || Node.isClassDeclaration(node) ? node.getNameNode() : undefined;
}

/** A node and all in it that belongs to the same function; with `this`, arrow functions belong to it too. */
function ownNodes(node: Node, withArrows = false): Node[] {
  const found: Node[] = [];
  const visit = (each: Node): undefined => {
    found.push(each);
    const isOther =
      Node.isFunctionLikeDeclaration(each) || Node.isFunctionExpression(each) || Node.isClassDeclaration(each);
    if (isOther && !(withArrows && Node.isArrowFunction(each))) return;
    each.forEachChild(visit);
  };
  visit(node);
  return found;
}

function statementsOf(block: Node): Node[] {
  return (block as unknown as { getStatements?(): Node[] }).getStatements?.() ?? [];
}

/** The function that a block belongs to; undefined for the module. */
function ownerOf(block: Node): Node | undefined {
  return Node.isSourceFile(block) ? undefined : functionAround(block);
}

function blockOf(owner: Node): Node | undefined {
  const body = bodyOf(owner);
  return Node.isBlock(body) ? body : undefined;
}

function escapes(detail: string): Reason {
  return reason("server-escapes", detail);
}
