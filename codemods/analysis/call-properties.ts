import { Duplex } from "node:stream";
import { Node, SyntaxKind } from "ts-morph";
import { withAssertions } from "./around-values.js";
import { canShareKey } from "./context-keys.js";
import { isTypeScript } from "./language.js";
import type { AnalysisProject } from "./project.js";
import type { HandlerFact } from "./server-facts.js";

/** What a function does with the call that it is given. */
interface CallUse {
  /** The member that it reads or sets; null: it hands the whole call on. */
  readonly name: string | null;
  readonly node: Node;
}

/** A member of grpc-js's own calls, or of the streams that they are. */
const OWN_MEMBERS = new Set(
  "request metadata cancelled call path pendingStatus trailingMetadata getPeer sendMetadata getDeadline getPath getHost getAuthContext getMetricsRecorder".split(
    " ",
  ),
);
const STREAM = new Duplex();

/** A property that functions put on the calls that they are given: `call.user = user`. */
export interface CallProperty {
  readonly name: string;
  /** The functions that are given the same calls: wrappers, and the handlers behind them. */
  readonly functions: readonly Node[];
}

const usesIn = new WeakMap<Node, readonly CallUse[]>();
const carried = new WeakMap<AnalysisProject, readonly CallProperty[]>();

/** The properties of calls that are context values in this project. */
export function carriedIn(project: AnalysisProject): readonly CallProperty[] {
  return carried.get(project) ?? [];
}

/** Says that they are. */
export function carryProperties(project: AnalysisProject, properties: readonly CallProperty[]): void {
  carried.set(project, properties);
}

/** Which of them a function uses. */
export function propertiesIn(project: AnalysisProject, fn: Node): readonly string[] {
  const own = carriedIn(project).filter(({ functions }) => functions.includes(fn));
  return own.flatMap(({ name }) => (callUses(project, fn).some((use) => use.name === name) ? [name] : []));
}

/** Which of them a bridge has to put on the call again, behind wrappers that set them. `behind`: the functions there, undefined if one is unknown. */
export function propertiesBehind(
  project: AnalysisProject,
  wrappers: readonly Node[],
  behind: readonly Node[] | undefined,
): readonly string[] {
  const own = carriedIn(project).filter(({ name, functions }) =>
    wrappers.some(
      (wrapper) =>
        functions.includes(wrapper) && callUses(project, wrapper).some((use) => use.name === name && isSet(use.node)),
    ),
  );
  const uses = behind?.flatMap((fn) => callUses(project, fn));
  return own.flatMap(({ name }) => (!uses || uses.some((use) => use.name === name || use.name === null) ? [name] : []));
}

/** Where functions that change use a property, and bridges that put it on the call. */
export function nodesOf(
  project: AnalysisProject,
  { name, functions }: CallProperty,
  { handlers, bridges }: Pick<PropertyUsers, "handlers" | "bridges">,
): readonly Node[] {
  const changing = functions.filter((fn) => handlers.get(fn)?.idiomatic === true);
  return [
    ...changing.flatMap((fn) => callUses(project, fn).flatMap((use) => (use.name === name ? [use.node] : []))),
    ...bridges.flatMap((bridge) => (bridge.names.includes(name) ? [bridge.node] : [])),
  ];
}

/** What uses properties of calls when these are context values. */
export interface PropertyUsers {
  readonly handlers: ReadonlyMap<Node, HandlerFact>;
  readonly bridges: readonly { readonly node: Node; readonly names: readonly string[] }[];
}

/** What is put on calls, by the functions that answer them; `chains`: functions that hand the call on, one to the next. */
export function callProperties(
  project: AnalysisProject,
  chains: readonly (readonly Node[])[],
): readonly CallProperty[] {
  return connected(chains).flatMap((functions) => {
    const set = functions.flatMap((fn) => callUses(project, fn).filter(({ node }) => isSet(node)));
    const names = new Set(set.map(({ name }) => name));
    return [...names].flatMap((name) =>
      name !== null && !OWN_MEMBERS.has(name) && !(name in STREAM) ? [{ name, functions }] : [],
    );
  });
}

/**
 * Those of them that may be context values: a function that changes sets them, and none that stays does. What stays behind a wrapper
 * that changes finds them on the call of its bridge.
 */
export function carriedProperties(
  project: AnalysisProject,
  properties: readonly CallProperty[],
  users: PropertyUsers,
): readonly CallProperty[] {
  return properties.filter((property) => {
    const nodes = nodesOf(project, property, { ...users, bridges: [] });
    const stays = property.functions.filter((fn) => users.handlers.get(fn)?.idiomatic !== true);
    return (
      nodes.some(isSet) &&
      nodes.every(isUntyped) &&
      canShareKey(
        project,
        properties.flatMap((each) => (each.name === property.name ? nodesOf(project, each, users) : [])),
      ) &&
      !stays.some((fn) => callUses(project, fn).some(({ name, node }) => name === property.name && isSet(node)))
    );
  });
}

/** Groups of functions that stand in one chain, or in chains that share one. */
function connected(chains: readonly (readonly Node[])[]): (readonly Node[])[] {
  const groups: Set<Node>[] = [];
  for (const chain of chains) {
    const touched = groups.filter((group) => chain.some((fn) => group.has(fn)));
    for (const group of touched) groups.splice(groups.indexOf(group), 1);
    groups.push(new Set([...touched.flatMap((group) => [...group]), ...chain]));
  }
  return groups.map((group) => [...group]);
}

function callUses(project: AnalysisProject, fn: Node): readonly CallUse[] {
  const known = usesIn.get(fn);
  if (known) return known;
  const found = usesOf(project, fn);
  usesIn.set(fn, found);
  return found;
}

function usesOf(project: AnalysisProject, fn: Node): readonly CallUse[] {
  const call = Node.isParametered(fn) ? fn.getParameters()[0]?.getNameNode() : undefined;
  if (!call) return [];
  if (!Node.isIdentifier(call)) return partsOf(call);
  return project.referencesTo(call).flatMap((reference) => {
    if (reference === call) return [];
    const value = withAssertions(reference);
    const node = value.getParentOrThrow();
    if (Node.isPropertyAccessExpression(node)) return [{ name: node.getName(), node }];
    if (Node.isVariableDeclaration(node) && node.getInitializer() === value) return partsOf(node.getNameNode());
    const key =
      Node.isElementAccessExpression(node) && node.getExpression() === value ? node.getArgumentExpression() : undefined;
    return [{ name: key && Node.isStringLiteral(key) ? key.getLiteralText() : null, node }];
  });
}

/** What `{ request, user }` takes of the call. */
function partsOf(pattern: Node): readonly CallUse[] {
  if (!Node.isObjectBindingPattern(pattern)) return [{ name: null, node: pattern }];
  return pattern.getElements().map((element) => {
    const key = element.getPropertyNameNode() ?? element.getNameNode();
    const isNamed = !element.getDotDotDotToken() && Node.isIdentifier(key);
    return { name: isNamed ? key.getText() : null, node: element };
  });
}

export function isSet(node: Node): boolean {
  const parent = node.getParent();
  return (
    Node.isBinaryExpression(parent) &&
    parent.getLeft() === node &&
    parent.getOperatorToken().getKind() === SyntaxKind.EqualsToken
  );
}

/** Of other types than `any` the key would need one, and what the compiler knows of a value after a test would be lost. */
function isUntyped(node: Node): boolean {
  return !isTypeScript(node) || node.getType().isAny();
}
