import { type CallExpression, Node, SyntaxKind } from "ts-morph";
import { type Reason, reason } from "../shared/reasons.js";
import type { FactBase } from "./facts.js";
import { placeOf, shownPlace } from "./places.js";
import type { AnalysisProject } from "./project.js";
import type { HandlerFact, ImplementationClassFact, NeighbourBridgeFact } from "./server-facts.js";
import {
  classFacts,
  decide,
  functionsOf,
  implementationsPassed,
  misfitOf,
  replacedFunctions,
} from "./server-handlers.js";
import { bridgedImplementation, bridgesNamed, type Draft, registrationOf } from "./server-registration.js";
import { isUnseen, mayBeUnseen } from "./unseen-handlers.js";

export interface NeighbourFacts {
  readonly handlers: ReadonlyMap<Node, HandlerFact>;
  readonly values: ReadonlyMap<string, FactBase>;
  readonly others: readonly (ImplementationClassFact | NeighbourBridgeFact)[];
}

/** An addService call of a server that stays on grpc-js: it is no app, or this run may not touch its file. */
export interface StayingRegistration {
  readonly call: CallExpression;
  readonly implementation: Node;
  /** What a bridge can be put around; undefined: too little is known of it. */
  readonly draft: Draft | undefined;
}

/** All addService calls but those of servers that become apps, and those that have a bridge already. */
export function stayingRegistrations(
  project: AnalysisProject,
  migrated: ReadonlySet<CallExpression>,
  /** Files whose servers cannot start: what is wrong there is for a person to correct first. */
  wrong: ReadonlySet<string>,
): StayingRegistration[] {
  const files = project.files.filter((file) => file.getFullText().includes("addService"));
  return files.flatMap((file) =>
    file.getDescendantsOfKind(SyntaxKind.CallExpression).flatMap((call): StayingRegistration[] => {
      const callee = call.getExpression();
      const [, implementation] = call.getArguments();
      if (!Node.isPropertyAccessExpression(callee) || callee.getName() !== "addService" || !implementation) return [];
      if (migrated.has(call) || bridgedImplementation(implementation, "toCallbacks")) return [];
      const path = file.getFilePath() as string;
      const isServer = !wrong.has(path) && project.originOf(callee.getExpression()).kind === "server";
      const draft = isServer ? registrationOf(project, call) : undefined;
      const passed =
        project.originOf(implementation).kind === "unknown" ? implementationsPassed(project, implementation) : [];
      return (passed.length > 0 ? passed : [implementation]).flatMap((value) => {
        if (bridgedImplementation(value, "toCallbacks")) return [];
        const own = draft && !("code" in draft) ? draftAt(project, draft, value) : undefined;
        return [{ call, implementation: value, draft: own && !misfitOf(project, own) ? own : undefined }];
      });
    }),
  );
}

/** The same registration, of one implementation of those that it may get: a bridge stands where that is passed. */
function draftAt(project: AnalysisProject, draft: Draft, implementation: Node): Draft | undefined {
  const path = implementation.getSourceFile().getFilePath() as string;
  const service = project.protos.service(draft.fact.service);
  if (!draft.fact.descriptor || !service || !project.mayBridge(path)) return undefined;
  const { module, descriptor } = project.protos.importPathFor(service, path);
  return { ...draft, implementation, fact: { ...draft.fact, descriptor: { module, name: descriptor } } };
}

/**
 * Functions that answer for several registrations, one of which takes them in their old shape only, or may be given them unseen:
 * they stay as they are for all of them.
 */
export function keptHandlers(
  project: AnalysisProject,
  migrated: readonly Draft[],
  staying: readonly StayingRegistration[],
  /** What wrappers return that change with all that they are given. */
  changing: ReadonlySet<Node>,
): ReadonlyMap<Node, Reason> {
  const kept = new Map<Node, Reason>();
  const all = [
    ...staying,
    ...migrated.map((draft) => ({ call: draft.call, implementation: draft.implementation, draft })),
  ];
  const uses = all.map((one) => ({
    ...one,
    isStaying: staying.includes(one),
    functions: functionsOf(project, one.implementation),
  }));
  const bridges = bridgesNamed(project, "fromCallbacks").map(({ implementation }) => implementation);
  const unseen = [...all.map(({ implementation }) => implementation), ...bridges].filter((each) =>
    isUnseen(project, each),
  );
  const places = uses.map(({ implementation }) => implementation);
  for (const { implementation, functions } of uses) {
    const place = unseen.find((each) => mayBeUnseen(project, each, implementation, functions, places));
    if (!place) continue;
    for (const node of functions)
      kept.set(node, reason("handler-used-elsewhere", `it may be what is added at ${shownPlace(place)}`));
  }
  const counted = new Map<Node, number>();
  const own = uses.map((use) => ({ ...use, functions: use.functions.filter((node) => !changing.has(node)) }));
  for (const { functions } of own) for (const node of functions) counted.set(node, (counted.get(node) ?? 0) + 1);
  const shared = own.filter(({ functions }) => functions.some((node) => (counted.get(node) ?? 0) > 1));
  for (let before = -1; before !== kept.size; ) {
    before = kept.size;
    for (const { call, draft, functions, isStaying } of shared) {
      const isFit = isStaying
        ? draft !== undefined && changesAll(project, draft, new Map(), new Map(), kept)
        : draft !== undefined && decide(project, draft, new Map(), new Map(), kept).implementation !== "callbacks";
      const why = reason("handler-used-elsewhere", shownPlace(call));
      const unfit = isFit && draft ? replacedFunctions(project, draft) : functions;
      for (const node of unfit) if (!kept.has(node)) kept.set(node, why);
    }
  }
  return kept;
}

/** Do all handlers of an implementation change where they stand? Then a bridge can be put around it. */
function changesAll(
  project: AnalysisProject,
  draft: Draft,
  handlers: Map<Node, HandlerFact>,
  values: Map<string, FactBase>,
  kept: ReadonlyMap<Node, Reason>,
): boolean {
  const { implementation } = decide(project, draft, handlers, values, kept);
  return implementation === "plain" && ![...handlers.values()].some(({ isField }) => isField);
}

/**
 * Handlers that may change although the server that they are registered with does not: it gets a bridge; an app that has a
 * bridge loses it. All handlers of an implementation change, or none does.
 */
export function neighbourBridges(
  project: AnalysisProject,
  staying: readonly StayingRegistration[],
  bridged: readonly Draft[],
  kept: ReadonlyMap<Node, Reason>,
): NeighbourFacts {
  const handlers = new Map<Node, HandlerFact>();
  const values = new Map<string, FactBase>();
  const others: (ImplementationClassFact | NeighbourBridgeFact)[] = [];
  const add = (draft: Draft, bridge: NeighbourBridgeFact) => {
    const own = { handlers: new Map<Node, HandlerFact>(), values: new Map<string, FactBase>() };
    if (!changesAll(project, draft, own.handlers, own.values, kept)) return;
    for (const [node, handler] of own.handlers) handlers.set(node, handler);
    for (const [place, value] of own.values) values.set(place, value);
    others.push(bridge, ...classFacts(project, draft));
  };
  for (const { draft } of staying) {
    if (!draft?.fact.descriptor) continue;
    const { descriptor, service } = draft.fact;
    add(draft, {
      ...placeOf(draft.implementation),
      kind: "neighbour-bridge",
      service,
      change: { kind: "insert", descriptor },
    });
  }
  for (const draft of bridged) {
    const given = draft.call.getArguments()[1] as Node;
    add(draft, {
      ...placeOf(given),
      kind: "neighbour-bridge",
      service: draft.fact.service,
      change: {
        kind: "remove",
        inner: { start: draft.implementation.getStart(), end: draft.implementation.getEnd() },
      },
    });
  }
  return { handlers, values, others };
}

/** The services of apps whose handlers are on a bridge as a whole, where it may go. */
export function bridgedRoutes(project: AnalysisProject): Draft[] {
  return bridgesNamed(project, "fromCallbacks").flatMap(({ call: bridge }) => {
    const isWhole = bridge.getArguments().length === 1;
    const draft =
      isWhole && project.mayBridge(bridge.getSourceFile().getFilePath())
        ? routeDraft(project, bridge.getParentOrThrow())
        : undefined;
    return draft && draft.call.getArguments()[1] === bridge && !misfitOf(project, draft) ? [draft] : [];
  });
}

/** `router.service(Greeter, fromCallbacks(handlers), { messages: grpcJsMessages(definition) })`. */
function routeDraft(project: AnalysisProject, call: Node): Draft | undefined {
  if (!Node.isCallExpression(call)) return undefined;
  const callee = call.getExpression();
  if (!Node.isPropertyAccessExpression(callee) || callee.getName() !== "service") return undefined;
  const [descriptor, given, options] = call.getArguments();
  const bridged = given && bridgedImplementation(given, "fromCallbacks");
  // Nothing is known of the methods of a service that is made of its own definition.
  if (descriptor && Node.isCallExpression(descriptor)) return undefined;
  if (!descriptor || !bridged || !options || !Node.isObjectLiteralExpression(options)) return undefined;
  const messages = options.getProperty("messages");
  const value = messages && Node.isPropertyAssignment(messages) ? messages.getInitializer() : undefined;
  const definition = value && Node.isCallExpression(value) ? value.getArguments()[0] : undefined;
  const origin = definition && project.originOf(definition);
  if (origin?.kind !== "service-definition" || !project.protos.service(origin.service)) return undefined;
  return {
    call,
    implementation: bridged.implementation,
    codec: null,
    definitionNode: origin.definition,
    fact: {
      ...placeOf(call),
      kind: "registration",
      service: origin.service,
      shown: origin.service,
      router: "router",
      descriptor: { module: "", name: descriptor.getText() },
      ownReason: null,
      definition: null,
      isBridged: false,
    },
  };
}
