import { type NewExpression, Node, SyntaxKind } from "ts-morph";
import type { FactBase } from "./facts.js";
import { placeOf } from "./places.js";
import type { AnalysisProject } from "./project.js";
import type { HandlerFact, ImplementationClassFact, NeighbourBridgeFact } from "./server-facts.js";
import { classFacts, decide, misfitOf } from "./server-handlers.js";
import { bridgedImplementation, type Draft, registrationOf } from "./server-registration.js";

export interface NeighbourFacts {
  readonly handlers: ReadonlyMap<Node, HandlerFact>;
  readonly values: ReadonlyMap<string, FactBase>;
  readonly others: readonly (ImplementationClassFact | NeighbourBridgeFact)[];
}

/**
 * Handlers that may change although the server that they are registered with does not, in this run: one that this run may not
 * touch gets a bridge, an app that has a bridge loses it. All handlers of an implementation change, or none does.
 */
export function neighbourBridges(
  project: AnalysisProject,
  /** All servers of grpc-js. */
  servers: Iterable<NewExpression>,
): NeighbourFacts {
  const handlers = new Map<Node, HandlerFact>();
  const values = new Map<string, FactBase>();
  const others: (ImplementationClassFact | NeighbourBridgeFact)[] = [];
  const add = (draft: Draft, bridge: NeighbourBridgeFact) => {
    const own = { handlers: new Map<Node, HandlerFact>(), values: new Map<string, FactBase>() };
    if (misfitOf(project, draft) || decide(project, draft, own.handlers, own.values).implementation !== "plain") return;
    if ([...own.handlers.values()].some(({ isField }) => isField)) return;
    for (const [node, handler] of own.handlers) handlers.set(node, handler);
    for (const [place, value] of own.values) values.set(place, value);
    others.push(bridge, ...classFacts(project, draft));
  };
  for (const file of new Set([...servers].map((made) => made.getSourceFile()))) {
    if (project.isSelected(file.getFilePath()) || !project.mayBridge(file.getFilePath())) continue;
    for (const draft of draftsIn(project, file)) {
      const { descriptor, service } = draft.fact;
      if (!descriptor) continue;
      add(draft, {
        ...placeOf(draft.implementation),
        kind: "neighbour-bridge",
        service,
        change: { kind: "insert", descriptor },
      });
    }
  }
  for (const file of project.files) {
    if (!file.getFullText().includes("fromCallbacks(") || !project.mayBridge(file.getFilePath())) continue;
    for (const call of file.getDescendantsOfKind(SyntaxKind.CallExpression)) {
      const draft = routeDraft(project, call);
      const [, given] = call.getArguments();
      if (draft && given)
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
  }
  return { handlers, values, others };
}

/** The addService calls of servers in a file, as far as they are known and have no bridge yet. */
function draftsIn(project: AnalysisProject, file: Node): Draft[] {
  return file.getDescendantsOfKind(SyntaxKind.CallExpression).flatMap((call) => {
    const callee = call.getExpression();
    if (!Node.isPropertyAccessExpression(callee) || callee.getName() !== "addService") return [];
    if (project.originOf(callee.getExpression()).kind !== "server") return [];
    const draft = registrationOf(project, call);
    return "code" in draft || draft.fact.isBridged ? [] : [draft];
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
