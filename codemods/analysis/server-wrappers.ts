import { type CallExpression, Node, type ParameterDeclaration, SyntaxKind } from "ts-morph";
import type { Wrapping } from "../services/handler-plan.js";
import { type Reason, reason } from "../shared/reasons.js";
import { functionAround, outermost, peeled } from "./around-values.js";
import { propertiesBehind } from "./call-properties.js";
import type { FactBase, RpcRef } from "./facts.js";
import { handlerFact, isName } from "./handler-facts.js";
import type { AnalysisProject } from "./project.js";
import type { HandlerFact, ServerValueFact } from "./server-facts.js";
import { valueFact } from "./server-options.js";
import { handlerTypeChange } from "./wrapper-types.js";

/** `auth(getItem)`, where a handler is registered: a function of the project makes the handler of another one. */
export interface WrapperUse {
  readonly call: CallExpression;
  /** The function that `auth` returns, and the parameter that stands for the handler in it. */
  readonly inner: Node;
  readonly parameter: ParameterDeclaration;
  /** Is the handler given the callback? Else the wrapper replies with what it returns. */
  readonly passesOn: boolean;
  readonly argument: Node;
}

/** The wrappers that change, by the functions that they return. */
export interface Wrappers {
  readonly changing: ReadonlySet<Node>;
  /** Those of them whose handlers are of several kinds of methods. */
  readonly several: ReadonlySet<Node>;
  /** The functions that answer without a wrapper somewhere. */
  readonly direct: ReadonlySet<Node>;
}

/** A member of an implementation, or what a wrapper is given there. */
export interface WrapperSite {
  readonly value: Node;
  readonly key: string;
  readonly rpc: RpcRef;
}

/** The use of a wrapper that a value is, if the project has the wrapper and all of it is seen. */
export function wrapperUse(project: AnalysisProject, value: Node): WrapperUse | undefined {
  const call = callOf(project, value);
  const origin = call && project.originOf(call);
  if (!call || origin?.kind !== "function") return undefined;
  const inner = origin.node;
  const callee = project.originOf(call.getExpression());
  const wrapper = callee.kind === "function" ? callee.node : undefined;
  if (!wrapper || !Node.isParametered(wrapper) || functionAround(inner) !== wrapper || !isReturned(inner))
    return undefined;
  if (call.getArguments().some((argument) => Node.isSpreadElement(argument))) return undefined;
  const [first] = Node.isParametered(inner) ? inner.getParameters() : [];
  const own = first?.getNameNode();
  if (!own || !Node.isIdentifier(own)) return undefined;
  for (const [index, parameter] of wrapper.getParameters().entries()) {
    const name = parameter.getNameNode();
    const argument = call.getArguments()[index];
    if (!argument || !Node.isIdentifier(name) || parameter.getInitializer() || parameter.isRestParameter()) continue;
    const used = inner
      .getDescendantsOfKind(SyntaxKind.CallExpression)
      .filter(
        (each) =>
          Node.isIdentifier(each.getExpression()) &&
          project.declarationOf(each.getExpression()) === parameter &&
          each.getArguments()[0]?.getText() === own.getText(),
      );
    const passesOn = used.some((each) => each.getArguments().length > 1);
    if (used.length > 0) return { call, inner, parameter, passesOn, argument };
  }
  return undefined;
}

/** What the wrappers that a member is made by return, from the outside in. */
export function wrappersBehind(project: AnalysisProject, value: Node): Node[] {
  const use = wrapperUse(project, value);
  return use ? [use.inner, ...wrappersBehind(project, use.argument)] : [];
}

/** The functions that answer one after another for a member: what wrappers return, and the handler. */
export function functionsBehind(project: AnalysisProject, value: Node): Node[] {
  const use = wrapperUse(project, value);
  if (use) return [use.inner, ...functionsBehind(project, use.argument)];
  const origin = project.originOf(peeled(value));
  return origin.kind === "function" ? [origin.node] : [];
}

/** The same, if all of them are known. */
function answeringBehind(project: AnalysisProject, value: Node): readonly Node[] | undefined {
  const use = wrapperUse(project, value);
  const behind = use && answeringBehind(project, use.argument);
  if (use) return behind && [use.inner, ...behind];
  const origin = project.originOf(peeled(value));
  return origin.kind === "function" ? [origin.node] : undefined;
}

/**
 * The wrappers that change with their handlers, by the function that they return: all that they are given is registered at
 * these places, or given to another such wrapper there.
 */
export function changingWrappers(
  project: AnalysisProject,
  sites: readonly WrapperSite[],
  untouched: ReadonlyMap<Node, Reason>,
  direct: ReadonlySet<Node>,
): Wrappers {
  const refused = new Set<Node>(untouched.keys());
  for (;;) {
    const used = new Map<Node, SeenUse[]>();
    for (let open = [...sites]; open.length > 0; ) {
      const inside: WrapperSite[] = [];
      for (const site of open) {
        const use = wrapperUse(project, site.value);
        if (!use || refused.has(use.inner)) continue;
        used.set(use.inner, [...(used.get(use.inner) ?? []), { use, site }]);
        inside.push({ ...site, value: use.argument });
      }
      open = inside;
    }
    const several = new Set([...used].flatMap(([inner, uses]) => (areOfSeveralKinds(uses) ? [inner] : [])));
    const wrappers = { changing: new Set(used.keys()), several, direct };
    const failing = [...used].filter(
      ([, uses]) =>
        !areAllSeen(project, uses) || !uses.every(({ use, site }) => canChange(project, use, site, wrappers)),
    );
    if (failing.length === 0) return wrappers;
    for (const [inner] of failing) refused.add(inner);
  }
}

function canChange(project: AnalysisProject, use: WrapperUse, site: WrapperSite, wrappers: Wrappers): boolean {
  const typed = typeChange(project, use, site);
  const isTyped = typed !== null && (typed === undefined || wrappers.several.has(use.inner));
  if (isTyped || !wrapperFact(project, use, site, wrappers).idiomatic) return false;
  // A handler that stays has a bridge there, which has types of its own.
  return isReply(use, site) || typed !== null
    ? wrappedFact(project, use, site, wrappers.direct)?.handler.idiomatic === true
    : project.isSelected(use.argument.getSourceFile().getFilePath());
}

/** Does the wrapper reply with what its function gives? */
function isReply({ passesOn }: WrapperUse, { rpc }: WrapperSite): boolean {
  return !passesOn && (rpc.kind === "unary" || rpc.kind === "client_streaming");
}

interface SeenUse {
  readonly use: WrapperUse;
  readonly site: WrapperSite;
}

function areOfSeveralKinds(uses: readonly SeenUse[]): boolean {
  return new Set(uses.map(({ site }) => site.rpc.kind)).size > 1;
}

/** Are these all the handlers that a wrapper is given? */
function areAllSeen(project: AnalysisProject, uses: readonly SeenUse[]): boolean {
  const [first] = uses;
  if (!first || uses.some(({ use }) => use.parameter !== first.use.parameter)) return false;
  const passed = project.valuesPassed(first.use.parameter);
  return passed?.every((value) => uses.some(({ use }) => use.argument === value)) === true;
}

/** `auth(getItem)` itself, or of a constant that is named for nothing else than to register it. */
function callOf(project: AnalysisProject, given: Node): CallExpression | undefined {
  const value = peeled(given);
  if (Node.isCallExpression(value)) return value;
  if (!Node.isIdentifier(value)) return undefined;
  const declaration = project.declarationOf(value);
  const made = declaration && Node.isVariableDeclaration(declaration) ? declaration.getInitializer() : undefined;
  const call = made && peeled(made);
  if (!declaration || !Node.isVariableDeclaration(declaration) || !Node.isCallExpression(call)) return undefined;
  const name = declaration.getNameNode();
  return project.referencesTo(name).every((reference) => reference === name || isName(reference)) ? call : undefined;
}

/** What a wrapper is given, and so on to the handler itself, which is bridged there if it has to be. */
export function throughWrappers(
  project: AnalysisProject,
  use: WrapperUse,
  site: WrapperSite,
  wrappers: Wrappers,
  handlers: Map<Node, HandlerFact>,
  /** What the wrappers around this one return. */
  around: readonly Node[] = [],
): { handler: HandlerFact | null; node: Node | null; changes: readonly FactBase[] } {
  handlers.set(use.inner, { ...wrapperFact(project, use, site, wrappers), isWrapped: true });
  const inside = wrapperUse(project, use.argument);
  const typed = [typeChange(project, use, site) ?? []].flat();
  if (inside && wrappers.changing.has(inside.inner)) {
    const next = { ...site, value: inside.argument };
    const found = throughWrappers(project, inside, next, wrappers, handlers, [...around, use.inner]);
    return { ...found, changes: [...found.changes, ...typed] };
  }
  const wrapped = wrappedFact(project, use, site, wrappers.direct);
  const bridge = { module: "@connect-migrate/runtime/grpc-js", name: "fromCallback" };
  const text = `fromCallback(${use.argument.getText()})`;
  const change: ServerValueFact = {
    ...valueFact(use.argument, text, "handler of a wrapper"),
    imports: [bridge],
    ...(wrapped ? {} : { reason: reason("types-unknown", `the handler ${use.argument.getText()}`) }),
    properties: propertiesBehind(project, [...around, use.inner], answeringBehind(project, use.argument)),
  };
  return {
    handler: wrapped ? { ...wrapped.handler, isWrapped: true } : null,
    node: wrapped?.node ?? null,
    changes: [...(wrapped?.handler.idiomatic ? [] : [change]), ...typed],
  };
}

/** What is known of the function that a wrapper returns. With handlers of several kinds it stands for all of them as for one that replies once. */
function wrapperFact(
  project: AnalysisProject,
  { inner, parameter, passesOn }: WrapperUse,
  { key, rpc }: WrapperSite,
  { several }: Wrappers,
): HandlerFact {
  const isOfSeveral = several.has(inner) && passesOn;
  const wrapping: Wrapping = { role: "wrapper", handler: parameter.getName(), isOfSeveral };
  const own = isOfSeveral ? { ...rpc, kind: "unary" as const } : rpc;
  return handlerFact(project, inner, key, own, false, undefined, wrapping);
}

/** What is known of the function that a wrapper is given. */
function wrappedFact(project: AnalysisProject, use: WrapperUse, site: WrapperSite, direct: ReadonlySet<Node>) {
  const { key, rpc } = site;
  const argument = peeled(use.argument);
  const origin = project.originOf(argument);
  if (origin.kind !== "function") return undefined;
  const wrapping: Wrapping | null = isReply(use, site) ? { role: "wrapped" } : null;
  const forward = Node.isPropertyAccessExpression(argument) ? argument.getNameNode() : argument;
  const handler = handlerFact(project, origin.node, key, rpc, false, forward, wrapping);
  // It keeps its shape where it is registered itself, and so it does here.
  if (!direct.has(origin.node)) return { handler, node: origin.node };
  const why = reason("handler-used-elsewhere", "it is registered without the wrapper too");
  return { handler: { ...handler, idiomatic: false, reason: handler.reason ?? why }, node: origin.node };
}

/** What becomes of the type that says what a wrapper takes; what it gives has its types in the function that it returns. */
function typeChange(project: AnalysisProject, use: WrapperUse, site: WrapperSite): ServerValueFact | null | undefined {
  const { parameter } = use;
  const holder = parameter.getParentOrThrow().getParent();
  if (Node.isVariableDeclaration(holder) && holder.getTypeNode() !== undefined) return undefined;
  return handlerTypeChange(project, parameter, site.rpc.kind, isReply(use, site));
}

/** Is a function what the one around it returns, and nothing else? */
function isReturned(inner: Node): boolean {
  const node = outermost(inner, Node.isParenthesizedExpression);
  const parent = node.getParent();
  return Node.isReturnStatement(parent) || (Node.isArrowFunction(parent) && parent.getBody() === node);
}
