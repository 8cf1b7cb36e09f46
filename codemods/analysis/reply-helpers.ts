import { type CallExpression, Node, SyntaxKind } from "ts-morph";
import { droppedOf, type Guard, type HelpedCall } from "../services/handler-draft.js";
import { planReplies } from "../services/plan-guard.js";
import { bodyOf } from "./function-bodies.js";
import { functionIn, isName } from "./handler-facts.js";
import { reaches } from "./module-imports.js";
import { placeOf } from "./places.js";
import type { AnalysisProject } from "./project.js";
import type { HandlerFact, ReplyHelperFact } from "./server-facts.js";
import { sureReturns } from "./sure-returns.js";

/** A function of the project that may make the error replies of handlers: `fail(callback, code, text)`. */
export interface ReplyHelper {
  readonly fn: Node;
  readonly name: Node;
  readonly callback: number | null;
  readonly call: number | null;
  /** Does it ask which kind of call it is, so that it answers all of them? */
  readonly isOfSeveral: boolean;
  /** Does it throw the errors, and else gives something true? It keeps the call then. */
  readonly guard: Guard | null;
  /** Which parameter of a guard is the call. */
  readonly read: number | null;
  /** All calls of it, each of which passes on the callback of the function around. */
  readonly sites: readonly Site[];
}

interface Site {
  readonly call: CallExpression;
  /** The function whose callback it is. */
  readonly owner: Node;
}

/** A function, and which of its parameters are the callback and the call. */
interface Owner {
  readonly owner: Node;
  readonly callback: number | null;
  readonly call: number | null;
}

const helpersOf = new WeakMap<AnalysisProject, readonly ReplyHelper[]>();

/** The project, as it is when these functions return the errors of handlers. */
export function withReplyHelpers(project: AnalysisProject, helpers: readonly ReplyHelper[]): AnalysisProject {
  const own = { ...project };
  helpersOf.set(own, helpers);
  return own;
}

/** The calls of such functions below a node. */
export function helpedIn(project: AnalysisProject, body: Node): HelpedCall[] {
  const file = body.getSourceFile();
  return (helpersOf.get(project) ?? []).flatMap(({ sites, callback, call: index, isOfSeveral, guard }) =>
    sites.flatMap(({ call }): HelpedCall[] => {
      const isBelow =
        call.getSourceFile() === file && body.getStart() <= call.getStart() && call.getEnd() <= body.getEnd();
      return isBelow ? [{ start: call.getStart(), dropped: droppedOf(callback, index), isOfSeveral, guard }] : [];
    }),
  );
}

/** The functions that handlers give their callbacks to, and that make error replies with them wherever they are called. */
export function replyHelpers(project: AnalysisProject, handlers: Iterable<Node>): readonly ReplyHelper[] {
  const found = new Map<Node, ReplyHelper | null>();
  const passes: { fn: Node; at: CallExpression }[] = [];
  const open = [...handlers].map((owner): Owner => ({ owner, callback: 1, call: 0 }));
  for (let next = open.pop(); next; next = open.pop()) {
    for (const { fn, callback, call, at } of passesOf(project, next)) {
      passes.push({ fn, at });
      if (found.has(fn)) continue;
      const helper = helperOf(project, fn, callback, call);
      found.set(fn, helper);
      if (helper) open.push({ owner: fn, callback, call });
    }
  }
  return fitting(
    project,
    [...found.values()]
      .filter((helper) => helper !== null)
      // Another way to it, `require("./fail")(callback)`, would be left as it is.
      .filter(({ fn, sites }) => passes.every((pass) => pass.fn !== fn || sites.some(({ call }) => call === pass.at))),
  );
}

/** Those that can change where the calls of the others do. */
function fitting(project: AnalysisProject, helpers: readonly ReplyHelper[]): readonly ReplyHelper[] {
  const round = withReplyHelpers(project, helpers);
  let isSame = true;
  const fit = helpers.flatMap((helper): ReplyHelper[] => {
    const plan = planOf(round, helper);
    if (plan?.ok)
      return [{ ...helper, isOfSeveral: plan.choices.length > 0 && plan.choices.length === plan.steps.length }];
    isSame = false;
    const guard = helper.guard ? undefined : guardOf(round, helper);
    return guard ? [guard] : [];
  });
  return isSame ? fit : fitting(project, fit);
}

/** What does not only fail may be a guard, which is given the callback alone, or beside a call that it reads. */
function guardOf(project: AnalysisProject, helper: ReplyHelper): ReplyHelper | undefined {
  const body = bodyOf(helper.fn);
  const found = body && functionIn(body);
  const plan =
    found &&
    planReplies(found.fn, helper.callback, null, found.tree, helpedIn(project, body), {
      sure: sureReturns(project, helper.fn),
      read: helper.call,
    });
  return plan?.ok ? { ...helper, call: null, read: helper.call, isOfSeveral: false, guard: plan.guard } : undefined;
}

/** Those of them of which all calls change: they stand in handlers that change, or in one another. */
export function changingHelpers(
  project: AnalysisProject,
  helpers: readonly ReplyHelper[],
  handlers: ReadonlyMap<Node, HandlerFact>,
): readonly ReplyHelper[] {
  const isChanging = (owner: Node) =>
    handlers.get(owner)?.idiomatic === true || helpers.some((helper) => helper.fn === owner);
  const changing = helpers.filter(({ sites }) => sites.every(({ owner }) => isChanging(owner)));
  return changing.length === helpers.length ? helpers : fitting(project, changing);
}

/** What a helper becomes. */
export function factOf(project: AnalysisProject, { fn, callback, call, guard, read }: ReplyHelper): ReplyHelperFact {
  const body = bodyOf(fn) ?? fn;
  return {
    kind: "reply-helper",
    ...placeOf(body),
    callback,
    call,
    isGuard: guard !== null,
    sure: guard ? sureReturns(project, fn) : [],
    read,
    helped: helpedIn(project, body),
  };
}

function planOf(project: AnalysisProject, { fn, callback, call, guard, read }: ReplyHelper) {
  const body = bodyOf(fn);
  const found = body && functionIn(body);
  const asked = guard && { sure: sureReturns(project, fn), read };
  return found && planReplies(found.fn, callback, call, found.tree, helpedIn(project, body), asked);
}

/** Where a function passes its callback or its call on, and what takes it. */
function passesOf(
  project: AnalysisProject,
  own: Owner,
): { fn: Node; callback: number | null; call: number | null; at: CallExpression }[] {
  const names = [own.callback, own.call].map((index) => (index === null ? undefined : parameterName(own.owner, index)));
  const passes = names.flatMap((name) => (name ? project.referencesTo(name) : []));
  const calls = new Set(passes.map((reference) => reference.getParent()).filter(Node.isCallExpression));
  return [...calls].flatMap((call) => {
    const given = call.getArguments();
    const origin = project.originOf(call.getExpression());
    if (origin.kind !== "function" || given.some((argument) => Node.isSpreadElement(argument))) return [];
    const [callback, whole] = names.map((name) => {
      const index = name
        ? given.findIndex((argument) => passes.includes(argument) && argument.getText() === name.getText())
        : -1;
      return index < 0 ? null : index;
    });
    return callback == null && whole == null
      ? []
      : [{ fn: origin.node, callback: callback ?? null, call: whole ?? null, at: call }];
  });
}

function parameterName(fn: Node, index: number): Node | undefined {
  const parameter = Node.isParametered(fn) ? fn.getParameters()[index] : undefined;
  const name = parameter?.getNameNode();
  return name && Node.isIdentifier(name) ? name : undefined;
}

/** All calls of a function that has a name, if nothing else is done with it. */
function helperOf(
  project: AnalysisProject,
  fn: Node,
  callback: number | null,
  call: number | null,
): ReplyHelper | null {
  if (!project.isSelected(fn.getSourceFile().getFilePath())) return null;
  const name = helperName(project, fn);
  if (!name) return null;
  const sites: Site[] = [];
  // Under another name it would not be found where it is a member of something unknown.
  const named = new Set([...project.referencesTo(name), ...project.identifiersNamed(name.getText())]);
  for (const use of named) {
    if (use === name) continue;
    const parent = use.getParentOrThrow();
    if ((isName(use) && keepsName(use)) || isSameName(use, name)) continue;
    const isMember = Node.isPropertyAccessExpression(parent) && parent.getNameNode() === use;
    const whole = isMember ? parent : use;
    if (isExport(whole)) continue;
    const site = siteOf(project, whole, fn, callback, call);
    if (site) sites.push(site);
    else if (!isOther(project, whole, fn, project.declarationOf(name))) return null;
  }
  const isMember = sites.length === 0 || [...named].some((use) => use !== name && isName(use));
  if (sites.length === 0 || (isMember && isCalledByKey(project, fn))) return null;
  return { fn, name, callback, call, sites, isOfSeveral: false, guard: null, read: null };
}

/** The name under which a function, or a method that nothing else is named like, is called. */
function helperName(project: AnalysisProject, fn: Node): Node | undefined {
  const holder = fn.getParent();
  const name =
    Node.isFunctionDeclaration(fn) || Node.isMethodDeclaration(fn)
      ? fn.getNameNode()
      : holder && Node.isVariableDeclaration(holder) && !holder.getTypeNode()
        ? holder.getNameNode()
        : undefined;
  if (!name || !Node.isIdentifier(name)) return undefined;
  if ((Node.isFunctionDeclaration(fn) || Node.isMethodDeclaration(fn)) && fn.getOverloads().length > 0)
    return undefined;
  if (!Node.isMethodDeclaration(fn)) return name;
  if (!Node.isClassDeclaration(holder) || fn.isAbstract() || fn.getDecorators().length > 0) return undefined;
  const own = fn.getSourceFile();
  const isReplaced = project.identifiersNamed(name.getText()).some((use) => {
    const file = use.getSourceFile();
    return use !== name && mayReplace(use) && (reaches(project, file, own) || reaches(project, own, file));
  });
  return isReplaced ? undefined : name;
}

/** Is it the name of a member that may stand in the place of a class's: of a class that extends another, of an object, of a type? */
function mayReplace(use: Node): boolean {
  const parent = use.getParentOrThrow();
  if (Node.isShorthandPropertyAssignment(parent)) return true;
  if (!MEMBERS.some((isMember) => isMember(parent) && parent.getNameNode() === use)) return false;
  const holder = parent.getParentOrThrow();
  return !Node.isClassDeclaration(holder) || holder.getExtends() !== undefined;
}

const MEMBERS = [
  Node.isMethodDeclaration,
  Node.isPropertyDeclaration,
  Node.isGetAccessorDeclaration,
  Node.isMethodSignature,
  Node.isPropertySignature,
  Node.isPropertyAssignment,
] as const;

/** May a function be what `failures[kind](callback)` calls, somewhere in files that know of it? */
function isCalledByKey(project: AnalysisProject, fn: Node): boolean {
  const own = fn.getSourceFile();
  return project.files.some(
    (file) =>
      file.getFullText().includes("](") &&
      (file === own || reaches(project, file, own)) &&
      file.getDescendantsOfKind(SyntaxKind.ElementAccessExpression).some((callee) =>
        callOf(callee)
          ?.getArguments()
          .some((given) => ownerOf(project, given) !== undefined),
      ),
  );
}

/** The call that an expression is the callee of. */
function callOf(callee: Node): CallExpression | undefined {
  const call = callee.getParent();
  return call && Node.isCallExpression(call) && call.getExpression() === callee ? call : undefined;
}

function siteOf(
  project: AnalysisProject,
  callee: Node,
  fn: Node,
  callback: number | null,
  index: number | null,
): Site | undefined {
  const call = callOf(callee);
  if (!call) return undefined;
  const origin = project.originOf(callee);
  const given = call.getArguments();
  if (origin.kind !== "function" || origin.node !== fn || given.some((argument) => Node.isSpreadElement(argument)))
    return undefined;
  if (call.getTypeArguments().length > 0) return undefined;
  const owners = [callback, index].flatMap((each) => (each === null ? [] : [ownerOf(project, given[each])]));
  const [owner] = owners;
  return owner && owners.every((each) => each === owner) ? { call, owner } : undefined;
}

/** The function whose parameter is passed. */
function ownerOf(project: AnalysisProject, argument: Node | undefined): Node | undefined {
  if (!argument || !Node.isIdentifier(argument)) return undefined;
  const declaration = project.declarationOf(argument);
  return declaration && Node.isParameterDeclaration(declaration) ? declaration.getParent() : undefined;
}

/** `const fail = require("./fail")`, `import fail from "./fail"`: what a file exports as a whole, under the name that it has there. */
function isSameName(use: Node, name: Node): boolean {
  const parent = use.getParentOrThrow();
  if (use.getText() !== name.getText()) return false;
  if (Node.isImportClause(parent)) return true;
  const made = Node.isVariableDeclaration(parent) && parent.getNameNode() === use ? parent.getInitializer() : undefined;
  return Node.isCallExpression(made) && made.getExpression().getText() === "require";
}

/** `exports.fail` and `module.exports`, where something is given to them. */
function isExport(node: Node): boolean {
  const parent = node.getParentOrThrow();
  if (Node.isExportAssignment(parent)) return true;
  if (!Node.isBinaryExpression(parent)) return false;
  return parent.getLeft() === node && /^(module\.)?exports\.[\w$]+$/.test(node.getText());
}

/** Is a value handed on under the name that it has? Under another one its uses would not be found. */
export function keepsName(use: Node): boolean {
  const name = use.getText();
  const holder = use.getParentOrThrow();
  const parent = Node.isPropertyAccessExpression(holder) ? holder.getParentOrThrow() : holder;
  if (Node.isImportSpecifier(parent) || Node.isExportSpecifier(parent)) return parent.getAliasNode() === undefined;
  if (Node.isBindingElement(parent)) return parent.getPropertyNameNode() === undefined;
  if (Node.isPropertyAssignment(parent)) return parent.getName() === name;
  if (!Node.isBinaryExpression(parent)) return true;
  const target = parent.getLeft().getText();
  return target === "module.exports" || target === `exports.${name}` || target === `module.exports.${name}`;
}

/** Does the name stand for something else there? */
function isOther(project: AnalysisProject, use: Node, fn: Node, own: Node | undefined): boolean {
  const origin = project.originOf(use);
  if (origin.kind === "function") return origin.node !== fn;
  const declaration = Node.isIdentifier(use) ? project.declarationOf(use) : undefined;
  return declaration !== undefined && declaration !== own;
}
