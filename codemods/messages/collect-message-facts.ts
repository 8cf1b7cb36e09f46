import type { DescMessage } from "@bufbuild/protobuf";
import { Node, type VariableDeclaration } from "ts-morph";
import { bodyOf } from "../analysis/function-bodies.js";
import { shownPlace } from "../analysis/places.js";
import type { AnalysisProject } from "../analysis/project.js";
import { functionsOf } from "../analysis/server-handlers.js";
import { bridgesNamed } from "../analysis/server-registration.js";
import { type Bridge, findBridges } from "./find-bridges.js";
import { reachable } from "./google-protobuf-generated.js";
import { keyOfOutcome, type MessageEditFact, type MessageOutcomeFact, type MessageRuleId } from "./message-facts.js";
import { isAssignmentTarget } from "./message-syntax.js";
import { type Proof, proveMessages } from "./prove-messages.js";

/**
 * What can be said about the messages of every migrated service or client that is still on the bridge: the edits that put
 * it on protobuf-es, where every use of its messages is proved, and otherwise what is in the way. All or nothing per
 * service or client. `kept` names those that stay on the bridge whatever is proved, with the reason.
 */
export function collectMessageFacts(
  project: AnalysisProject,
  side: "services" | "clients",
  kept: ReadonlyMap<string, string> = new Map(),
): (MessageEditFact | MessageOutcomeFact)[] {
  const found = findBridges(project, side);
  const opposite = findBridges(project, side === "services" ? "clients" : "services");
  const others = otherUsesOf(project, [...found, ...opposite]);
  const settled = (bridge: Bridge): Bridge => {
    const other = others.get(bridge)?.find(({ shape }) => shape !== bridge.shape?.id);
    const why =
      kept.get(keyOfOutcome({ of: bridge.of, service: bridge.service.typeName })) ??
      (other && `its handlers take the old messages elsewhere, too (${other.place})`);
    return why === undefined ? bridge : { ...bridge, shape: null, why };
  };
  const bridges = found.map(settled);
  const strangers = opposite.map(settled);
  const proofs = new Map<Bridge, Proof>();
  // Services may share helpers that make messages: together they can be proved where one alone cannot.
  const shapes = new Map(bridges.flatMap(({ shape }) => (shape ? [[shape.id, shape] as const] : [])));
  for (const shape of shapes.values()) {
    const group = bridges.filter((bridge) => bridge.shape?.id === shape.id);
    const prove = (some: readonly Bridge[]) => withinReach(project, proveMessages(project, some, shape), some);
    const together = prove(group);
    for (const bridge of group) {
      if (proofs.has(bridge)) continue;
      const isSettled = group.length === 1 || together.blockers.length === 0 || others.has(bridge);
      if (isSettled) proofs.set(bridge, together);
      else for (const [each, proof] of withStrangers(bridge, group, prove)) proofs.set(each, proof);
    }
    const isBlocked = (bridge: Bridge) => proofs.get(bridge)?.blockers.length !== 0;
    const sameShape = strangers.filter((one) => one.shape?.id === shape.id);
    for (const some of acrossSides(group.filter(isBlocked), sameShape)) {
      const proof = some.some(isBlocked) ? prove(some) : undefined;
      if (proof?.blockers.length === 0) for (const bridge of some) proofs.set(bridge, proof);
    }
  }
  bridges.push(...strangers.filter((bridge) => proofs.has(bridge)));
  const proved = bridges.filter((bridge) => proofs.get(bridge)?.blockers.length === 0);
  const edits = new Map<string, MessageEditFact>();
  for (const bridge of proved) {
    const { edits: own = [], remembered } = proofs.get(bridge) ?? {};
    for (const edit of [...own, optionRemoval(bridge, remembered)]) edits.set(JSON.stringify(edit), edit);
  }
  for (const edit of unusedDefinitions(project, proved)) edits.set(JSON.stringify(edit), edit);
  return [...bridges.map((bridge) => outcomeOf(bridge, proofs.get(bridge))), ...edits.values()];
}

/** A proof of one bridge; or of several, where functions are given clients of them all. */
function withStrangers(
  bridge: Bridge,
  group: readonly Bridge[],
  prove: (some: readonly Bridge[]) => Proof,
): Map<Bridge, Proof> {
  const some = new Set([bridge]);
  for (;;) {
    const proof = prove([...some]);
    const size = some.size;
    for (const other of group) if (proof.strangers.has(other.call)) some.add(other);
    if (some.size === size) return new Map([...some].map((each) => [each, proof]));
  }
}

/**
 * A server and a client in one program share functions that make and read messages: what is in the way of one is often the bridge
 * of the other. All of them together, or those of one service.
 */
function acrossSides(blocked: readonly Bridge[], strangers: readonly Bridge[]): Bridge[][] {
  if (blocked.length === 0 || strangers.length === 0) return [];
  const ofOne = blocked.map((bridge) => [
    ...blocked.filter(({ service }) => service === bridge.service),
    ...strangers.filter(({ service }) => service === bridge.service),
  ]);
  return [[...blocked, ...strangers], ...ofOne.filter((some) => some.length < blocked.length + strangers.length)];
}

interface OtherUse {
  readonly place: string;
  /** The shape of the messages there; undefined: it stays as it is. */
  readonly shape: string | undefined;
}

/** Where handlers of one registration answer for another one: in another app, or in a server of grpc-js, by a bridge. */
function otherUsesOf(project: AnalysisProject, bridges: readonly Bridge[]): Map<Bridge, OtherUse[]> {
  const services = bridges.filter(({ of }) => of === "service");
  if (services.length === 0) return new Map();
  const used = [
    ...services.map((bridge) => ({ bridge, call: bridge.call, implementation: bridge.call.getArguments()[1] })),
    ...bridgesNamed(project, "toCallbacks").map((each) => ({ bridge: undefined, ...each })),
  ].map((each) => ({
    ...each,
    functions: new Set(each.implementation ? functionsOf(project, each.implementation) : []),
  }));
  const found = new Map<Bridge, OtherUse[]>();
  for (const { bridge, functions } of used) {
    const others = used.filter(
      (other) => other.bridge !== bridge && [...functions].some((node) => other.functions.has(node)),
    );
    if (!bridge || others.length === 0) continue;
    found.set(
      bridge,
      others.map((other) => ({ place: shownPlace(other.call), shape: other.bridge?.shape?.id })),
    );
  }
  return found;
}

/** A message changes everywhere or nowhere: what lies outside the paths that this run may change is in the way. */
function withinReach(project: AnalysisProject, proof: Proof, bridges: readonly Bridge[]): Proof {
  const files = [
    ...proof.edits.map((edit) => edit.file),
    ...bridges.map((bridge) => bridge.option.getSourceFile().getFilePath() as string),
  ];
  const outside = [...new Set(files)].filter((file) => !project.isSelected(file));
  const blockers = outside.map((file) => ({
    code: "message-unproved" as const,
    detail: `${file.startsWith(`${project.root}/`) ? file.slice(project.root.length + 1) : file} would have to change, too, and is not among the given paths`,
  }));
  return { ...proof, blockers: [...proof.blockers, ...blockers] };
}

function outcomeOf(bridge: Bridge, proof: Proof | undefined): MessageOutcomeFact {
  return {
    kind: "message-outcome",
    file: bridge.option.getSourceFile().getFilePath(),
    start: bridge.option.getStart(),
    end: bridge.option.getEnd(),
    via: "provenance",
    rule: bridge.rule,
    service: bridge.service.typeName,
    of: bridge.of,
    files: [...new Set((proof?.edits ?? []).map((edit) => edit.file))],
    blockers: proof?.blockers ?? [{ code: "message-unproved", detail: bridge.why }],
  };
}

function removal(node: Node, start: number, end: number, rule: MessageRuleId): MessageEditFact {
  const file = node.getSourceFile().getFilePath();
  return {
    kind: "message-edit",
    file,
    start,
    end,
    via: "provenance",
    rule,
    parts: [],
    belongsTo: "after",
    embraces: 0,
  };
}

/** `{ messages: … }` and the comma before it, or just the property where there are other options; or what takes its place. */
function optionRemoval(bridge: Bridge, remembered: ReadonlySet<DescMessage> = new Set()): MessageEditFact {
  const { option, options, call, rule, shape } = bridge;
  const [service] = call.getArguments();
  const codec = Node.isPropertyAssignment(option) ? option.getInitializer() : undefined;
  const remembers = receivedBy(bridge).some((desc) => reachable(desc).some((one) => remembered.has(one)));
  if ((shape?.explicit || remembers) && service && codec) {
    const name = shape?.explicit ? "explicitPresence" : "rememberedPresence";
    return {
      ...removal(codec, codec.getStart(), codec.getEnd(), rule),
      parts: [
        { module: "@connect-migrate/runtime/grpc-js", name },
        `(${service.getText()}${shape?.explicit?.options ?? ""})`,
      ],
    };
  }
  if (!Node.isObjectLiteralExpression(options)) return removal(option, option.getStart(), option.getEnd(), rule);
  const properties = options.getProperties();
  if (properties.length === 1) {
    const before = call.getArguments()[1];
    return removal(option, before?.getEnd() ?? options.getStart(), options.getEnd(), rule);
  }
  const index = properties.indexOf(option as (typeof properties)[number]);
  const next = properties[index + 1];
  if (next) return removal(option, option.getStart(), next.getStart(), rule);
  return removal(option, properties[index - 1]?.getEnd() ?? option.getStart(), option.getEnd(), rule);
}

/** The messages that the peers of a service or a client send. */
function receivedBy({ of, service }: Bridge): DescMessage[] {
  return service.methods.map(({ input, output }) => (of === "service" ? input : output));
}

/** The loadSync call that only served as a codec, and the constants that only served it. */
function unusedDefinitions(project: AnalysisProject, proved: readonly Bridge[]): MessageEditFact[] {
  const found: { readonly statement: Node; readonly rule: MessageRuleId }[] = [];
  const gone: Node[] = proved.map((bridge) => bridge.option);
  const isGone = (node: Node) =>
    gone.some(
      (one) =>
        one.getSourceFile() === node.getSourceFile() &&
        one.getStart() <= node.getStart() &&
        node.getEnd() <= one.getEnd(),
    );
  const queue: { readonly node: Node; readonly rule: MessageRuleId }[] = proved.map(({ definition, rule }) => ({
    node: definition,
    rule,
  }));
  for (let item = queue.shift(); item; item = queue.shift()) {
    const { node, rule } = item;
    const names = Node.isIdentifier(node) ? [node] : node.getDescendants().filter(Node.isIdentifier);
    for (const name of names) {
      const own = project.declarationOf(name);
      const declaration = Node.isBindingElement(own) ? own.getParent().getParent() : own;
      if (!declaration || !Node.isVariableDeclaration(declaration)) continue;
      if (declaration.getSourceFile() !== name.getSourceFile() || gone.includes(declaration)) continue;
      const statement = declaration.getVariableStatement();
      const initializer = declaration.getInitializer();
      if (!statement || statement.isExported() || statement.getDeclarations().length !== 1 || !initializer) continue;
      if (/^(await\s+)?(require|import)\b/.test(initializer.getText()) || !hasNoEffect(project, initializer)) continue;
      const declared = declaredNames(declaration);
      const isUsed = (each: Node) => project.referencesTo(each).some((use) => use !== each && !isGone(use));
      if (!declared || declared.some(isUsed)) continue;
      gone.push(declaration);
      found.push({ statement, rule });
      queue.push({ node: initializer, rule });
    }
  }
  return removalsOf(found);
}

/** The names of `const definition = …` or `const { Items } = …`. */
function declaredNames(declaration: VariableDeclaration): Node[] | undefined {
  const name = declaration.getNameNode();
  if (Node.isIdentifier(name)) return [name];
  if (!Node.isObjectBindingPattern(name)) return undefined;
  const names = name.getElements().map((element) => element.getNameNode());
  return names.every(Node.isIdentifier) ? names : undefined;
}

/** Whole lines; what stands together goes together. */
function removalsOf(found: readonly { readonly statement: Node; readonly rule: MessageRuleId }[]): MessageEditFact[] {
  const runs: { start: number; end: number; statement: Node; rule: MessageRuleId }[] = [];
  for (const { statement, rule } of found.toSorted((a, b) => a.statement.getStart() - b.statement.getStart())) {
    const { start, end } = wholeLines(statement);
    const last = runs.find((run) => run.end === start && run.statement.getSourceFile() === statement.getSourceFile());
    if (last) last.end = end;
    else runs.push({ start, end, statement, rule });
  }
  return runs.map(({ start, end, statement, rule }) => {
    const text = statement.getSourceFile().getFullText();
    // Between two blank lines it takes one of them along.
    const blank = /^[ \t]*\r?\n/.exec(text.slice(end))?.[0];
    const isAfterBlank = /(^|\n)[ \t]*\r?\n$/.test(text.slice(0, start));
    return removal(statement, start, end + (blank !== undefined && isAfterBlank ? blank.length : 0), rule);
  });
}

/** Reading protos, joining paths and literals, here or in functions that do no more: what may go when nobody looks at the result. */
function hasNoEffect(project: AnalysisProject, node: Node, within: readonly Node[] = []): boolean {
  const all = [node, ...node.getDescendants()];
  const isMore = (each: Node) =>
    Node.isArrowFunction(each) || Node.isFunctionExpression(each) || isAssignmentTarget(each);
  if (all.some(isMore)) return false;
  return all.every((call) => {
    if (!Node.isCallExpression(call) && !Node.isNewExpression(call)) return true;
    const callee = call.getExpression();
    if (READS.test(callee.getText())) return true;
    if (Node.isNewExpression(call)) return false;
    const origin = project.originOf(callee);
    return origin.kind === "function" && !within.includes(origin.node) && onlyReads(project, origin.node, within);
  });
}

const READS = /(^|\.)(loadSync|load|loadPackageDefinition|join|resolve|dirname|fileURLToPath|URL)$/;

function onlyReads(project: AnalysisProject, node: Node, within: readonly Node[]): boolean {
  const body = bodyOf(node);
  if (!body) return false;
  const inside = [...within, node];
  if (!Node.isBlock(body)) return hasNoEffect(project, body, inside);
  return body
    .getStatements()
    .every(
      (statement) =>
        (Node.isVariableStatement(statement) || Node.isReturnStatement(statement)) &&
        hasNoEffect(project, statement, inside),
    );
}

function wholeLines(node: Node): { start: number; end: number } {
  const text = node.getSourceFile().getFullText();
  const lineStart = text.lastIndexOf("\n", node.getStart() - 1) + 1;
  const newline = text.indexOf("\n", node.getEnd());
  const lineEnd = newline < 0 ? text.length : newline + 1;
  const alone =
    text.slice(lineStart, node.getStart()).trim() === "" && text.slice(node.getEnd(), lineEnd).trim() === "";
  return alone ? { start: lineStart, end: lineEnd } : { start: node.getStart(), end: node.getEnd() };
}
