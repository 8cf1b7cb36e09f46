import path from "node:path";
import { type CallExpression, type NewExpression, Node, type ParameterDeclaration, SyntaxKind } from "ts-morph";
import { type Reason, reason } from "../shared/reasons.js";
import type { NamedImport } from "../shared/with-imports.js";
import { callProperties, carriedProperties, carryProperties, type PropertyUsers } from "./call-properties.js";
import { keyFacts } from "./context-keys.js";
import { errorClassFacts } from "./error-classes.js";
import { errorFunctionFacts } from "./error-functions.js";
import type { FactBase } from "./facts.js";
import { memberOf } from "./member-calls.js";
import { placeOf, shownPlace } from "./places.js";
import type { AnalysisProject } from "./project.js";
import { memberOfUse, type PromisedCall } from "./promised-members.js";
import { changingHelpers, factOf, replyHelpers, withReplyHelpers } from "./reply-helpers.js";
import { planServerCredentials, type ServerCredentialsPlan } from "./server-credentials.js";
import { entryOf, hasOwnSignals } from "./server-entry.js";
import type {
  CodecFact,
  HandlerFact,
  ImplementationClassFact,
  ServerFact,
  ServerUseFact,
  ServerValueFact,
} from "./server-facts.js";
import { type ServerFlow, serverAsModule, serverAsValue } from "./server-flow.js";
import { classFacts, decide, functionsOf, misfitOf, sitesOf, unbridgeable, wrappersOf } from "./server-handlers.js";
import type { AddingCall } from "./server-helpers.js";
import {
  bridgedRoutes,
  keptHandlers,
  neighbourBridges,
  type StayingRegistration,
  stayingRegistrations,
} from "./server-neighbours.js";
import { planServerOptions, type ServerOptionsPlan, valueFact } from "./server-options.js";
import { partOf } from "./server-parts.js";
import { byOwnDefinition, type Draft, registrationOf, unusedDeclarations } from "./server-registration.js";
import { functionsBehind, type Wrappers, wrappersBehind } from "./server-wrappers.js";

/** A server that can become an app, as long as everything that it shares with others can. */
interface Plan {
  readonly made: NewExpression;
  readonly flow: ServerFlow;
  readonly drafts: readonly Draft[];
  readonly parts: readonly {
    readonly call: AddingCall;
    readonly text: string;
    readonly imports: readonly NamedImport[];
    readonly facts: readonly ServerValueFact[];
    readonly unused: readonly Node[];
  }[];
  readonly options: ServerOptionsPlan;
  readonly credentials: ReadonlyMap<CallExpression, Extract<ServerCredentialsPlan, { ok: true }>>;
}

/** Everything about servers, registrations and handlers, decided for the project as a whole. */
export function collectServerFacts(project: AnalysisProject): FactBase[] {
  const plain = decideAll(project);
  let properties = callProperties(project, plain.chains);
  let helpers = replyHelpers(project, properties.length > 0 ? new Set(plain.chains.flat()) : plain.handlers.keys());
  while (helpers.length > 0 || properties.length > 0) {
    const round = withReplyHelpers(project, helpers);
    carryProperties(round, properties);
    const decided = decideAll(round);
    const changing = changingHelpers(project, helpers, decided.handlers);
    const users = { handlers: decided.handlers, bridges: bridgesWith(round, decided.facts) };
    const carried = carriedProperties(project, properties, users);
    if (changing.length === helpers.length && carried.length === properties.length)
      return [
        ...decided.facts,
        ...helpers.map((helper) => factOf(round, helper)),
        ...keyFacts(round, users),
        ...errorClassFacts(project, decided.handlers),
        ...errorFunctionFacts(project, decided.handlers),
      ];
    helpers = changing;
    properties = carried;
  }
  return [...plain.facts, ...errorClassFacts(project, plain.handlers), ...errorFunctionFacts(project, plain.handlers)];
}

/** The bridges that put properties on their calls. */
function bridgesWith(project: AnalysisProject, facts: readonly FactBase[]): PropertyUsers["bridges"] {
  return facts.flatMap((fact) => {
    const { properties: names = [] } = fact as Partial<ServerValueFact>;
    if (fact.kind !== "server-value" || names.length === 0) return [];
    const file = project.files.find((each) => (each.getFilePath() as string) === fact.file);
    const node = file?.getDescendantAtPos(fact.start);
    return node ? [{ node, names }] : [];
  });
}

interface Decisions {
  readonly facts: FactBase[];
  readonly handlers: ReadonlyMap<Node, HandlerFact>;
  /** What answers for a member: wrappers, whether they change or not, and the handler. */
  readonly chains: readonly (readonly Node[])[];
}

function decideAll(project: AnalysisProject): Decisions {
  const plans = new Map<NewExpression, Plan | Reason>();
  for (const file of project.files) {
    for (const made of file.getDescendantsOfKind(SyntaxKind.NewExpression)) {
      const origin = project.originOf(made.getExpression());
      if (origin.kind === "grpc" && origin.path === "Server") plans.set(made, planOf(project, made));
    }
  }
  settle(plans);
  const migrated = [...plans.values()].flatMap((plan) => ("code" in plan ? [] : plan.drafts));
  const wrong = [...plans].filter(([, plan]) => "code" in plan && plan.code === "service-added-twice");
  const staying = stayingRegistrations(
    project,
    new Set(migrated.map(({ call }) => call)),
    new Set(wrong.map(([made]) => made.getSourceFile().getFilePath() as string)),
  );
  const bridged = bridgedRoutes(project);
  const registered = [...migrated, ...bridged, ...staying].flatMap(({ implementation }) =>
    functionsOf(project, implementation),
  );
  const { kept, wrappers } = keptAndWrappers(project, migrated, bridged, staying, new Set(registered));
  const neighbours = neighbourBridges(project, staying, bridged, kept);
  const handlers = new Map<Node, HandlerFact>();
  const classes: ImplementationClassFact[] = [];
  const facts: FactBase[] = [];
  const values = new Map<string, FactBase>();
  for (const [made, plan] of plans) {
    if ("code" in plan) facts.push(refusal(made, plan));
    else facts.push(...factsOf(project, plan, kept, wrappers, handlers, classes, values));
  }
  for (const [node, handler] of neighbours.handlers) if (!handlers.has(node)) handlers.set(node, handler);
  for (const [place, value] of neighbours.values) if (!values.has(place)) values.set(place, value);
  const codecs = codecsOf(migrated);
  const all = [...facts, ...values.values(), ...codecs, ...classes, ...neighbours.others, ...handlers.values()];
  const chains = sitesOf(project, migrated).map(({ value }) => functionsBehind(project, value));
  return { facts: all, handlers, chains: [...chains, ...[...handlers.keys()].map((fn) => [fn])] };
}

/** What answers behind wrappers in several implementations stays for none of them, as long as the wrappers change. */
function keptAndWrappers(
  project: AnalysisProject,
  migrated: readonly Draft[],
  bridged: readonly Draft[],
  staying: readonly StayingRegistration[],
  registered: ReadonlySet<Node>,
): { kept: ReadonlyMap<Node, Reason>; wrappers: Wrappers } {
  let changing: ReadonlySet<Node> = new Set(
    sitesOf(project, migrated).flatMap(({ value }) => wrappersBehind(project, value)),
  );
  for (;;) {
    const kept = keptHandlers(project, [...migrated, ...bridged], staying, changing);
    const wrappers = wrappersOf(project, migrated, kept, registered);
    if (changing.size === wrappers.changing.size) return { kept, wrappers };
    changing = wrappers.changing;
  }
}

/** Each proto-loader call once, whatever servers it is the codec of. */
function codecsOf(drafts: readonly Draft[]): CodecFact[] {
  const calls = new Set(drafts.flatMap(({ codec }) => codec ?? []));
  return [...calls].map((call) => {
    const own = drafts.filter(({ codec }) => codec === call);
    const users = own.map(({ fact: { file, service } }) => ({ file, service }));
    return { kind: "codec", ...placeOf(call), users };
  });
}

function planOf(project: AnalysisProject, made: NewExpression): Plan | Reason {
  const file = made.getSourceFile().getFilePath() as string;
  const flow = flowOf(project, made);
  if ("code" in flow) return flow;
  const binds = flow.uses.filter((use) => memberOfUse(use, flow.promised) === "bindAsync");
  if (binds.length === 0) return reason("server-escapes", "it is not bound here");
  const nested = binds.find((bind) => binds.some((other) => bind.getAncestors().includes(other)));
  if (nested) return reason("no-equivalent", `one more address in the callback of another (${shownPlace(nested)})`);
  const credentials = new Map<CallExpression, Extract<ServerCredentialsPlan, { ok: true }>>();
  for (const bind of binds) {
    const [, given, callback] = bind.getArguments();
    if (!given || (!callback && !flow.promised.has(bind)))
      return reason("no-equivalent", `bindAsync without a callback (${shownPlace(bind)})`);
    const plan = planServerCredentials(
      project,
      given,
      (node) => node === given || isCredentialsOfBind(project, node),
      made,
    );
    if (!plan.ok) return reason("no-equivalent", `these server credentials: ${plan.detail} (${shownPlace(bind)})`);
    credentials.set(bind, plan);
  }
  const options = planServerOptions(project, made.getArguments()[0], binds, isUnary(project, flow));
  if ("code" in options) return options;
  const drafts: Draft[] = [];
  const parts: Plan["parts"][number][] = [];
  for (const { call, parameter } of flow.helpers) parts.push({ call, ...helperPart(call, parameter) });
  const inHelpers = flow.helpers.flatMap(({ parameter, adds }) =>
    adds.map((call) => ({ call, router: routerName(parameter) })),
  );
  const own = flow.adds
    .flatMap((call) =>
      Node.isCallExpression(call) && !flow.helpers.some((helper) => helper.call === call) ? [call] : [],
    )
    .map((call) => ({ call, router: "router" }));
  for (const { call, router } of [...own, ...inHelpers]) {
    if (memberOf(call) !== "addService") {
      const part = partOf(project, call, router);
      if ("code" in part) return part;
      parts.push({ call, ...part });
      continue;
    }
    const draft = registrationOf(project, call, router);
    if ("code" in draft) return draft;
    const obstacle = unbridgeable(project, draft);
    if (obstacle) return obstacle;
    const misfit = misfitOf(project, draft);
    const fitting = misfit ? byOwnDefinition(draft, misfit) : draft;
    if ("code" in fitting) return fitting;
    if (drafts.some((other) => other.fact.service === fitting.fact.service))
      return reason("service-added-twice", `${fitting.fact.service} (${shownPlace(call)})`);
    drafts.push(fitting);
  }
  if (!project.isSelected(file)) return reason("neighbour-not-migrated", path.basename(file));
  return { made, flow, drafts, parts, options, credentials };
}

function flowOf(project: AnalysisProject, made: NewExpression): ServerFlow | Reason {
  const own = serverAsModule(project, made);
  // What runs on several addresses is closed by way of the app.
  const members = "code" in own ? [] : own.uses.map((use) => memberOfUse(use, own.promised));
  const isMany = members.filter((member) => member === "bindAsync").length > 1;
  const isClosed = members.some((member) => /Shutdown$/.test(member));
  if (!("code" in own) && !(isMany && isClosed)) return own;
  const value = serverAsValue(project, made);
  return "code" in value && "code" in own && own.code === "no-equivalent" ? own : value;
}

/** What the parameter of a function that adds services is called, once it is given a router. */
function routerName(parameter: ParameterDeclaration): string {
  const isTaken = /\brouter\b/.test(parameter.getParentOrThrow().getText());
  return isTaken ? parameter.getName() : "router";
}

/** `register(server)` -> `register(router)`, and the parameter of `register`. */
function helperPart(call: AddingCall, parameter: ParameterDeclaration) {
  const index = (parameter.getParentOrThrow() as unknown as { getParameters(): Node[] })
    .getParameters()
    .indexOf(parameter);
  const given = call.getArguments().map((argument, i) => (i === index ? "router" : argument.getText()));
  const type = parameter.getTypeNode();
  const facts = [valueFact(parameter.getNameNode(), routerName(parameter), "Server")];
  if (type)
    facts.push({
      ...valueFact(type, "ConnectRouter", "Server"),
      imports: [{ module: "@connect-migrate/runtime", name: "ConnectRouter", typeOnly: true }],
    });
  const made = Node.isNewExpression(call) ? "new " : "";
  return { text: `${made}${call.getExpression().getText()}(${given.join(", ")})`, imports: [], facts, unused: [] };
}

/** The statements that name a promising function, or a library that is needed no more. */
function unusedStatements({ made, flow, parts, credentials }: Plan) {
  const named = [...flow.promised.values()].flatMap(({ declaration }) => declaration ?? []);
  const insecure = [...credentials.values()].flatMap(({ unused }) => unused ?? []);
  const statements = new Set([...named, ...insecure, ...parts.flatMap(({ unused }) => unused)]);
  return [...statements]
    .filter((statement) => statement.getSourceFile() === made.getSourceFile())
    .map((statement) => ({ start: statement.getStart(), end: statement.getEnd() }));
}

function promisedOf(call: PromisedCall | undefined): ServerUseFact["promised"] {
  return call ? { server: call.server, promisify: call.promisify } : null;
}

function isCredentialsOfBind(project: AnalysisProject, node: Node): boolean {
  const call = node.getParent();
  if (!call || !Node.isCallExpression(call) || memberOf(call) !== "bindAsync" || call.getArguments()[1] !== node)
    return false;
  return (
    project.originOf((call.getExpression() as unknown as { getExpression(): Node }).getExpression()).kind === "server"
  );
}

/** What shares a use or credentials with a server that stays has to stay too. */
function settle(plans: Map<NewExpression, Plan | Reason>): void {
  for (let again = true; again; ) {
    again = false;
    const migrated = [...plans.values()].filter((plan): plan is Plan => !("code" in plan));
    const binds = new Set(migrated.flatMap((plan) => [...plan.credentials.keys()] as Node[]));
    for (const plan of migrated) {
      const shared = [...plan.credentials.values()].flatMap(({ group }) => group);
      const foreign =
        plan.flow.sources.find((source) => {
          const other = plans.get(source as NewExpression);
          return !other || "code" in other || settingsOf(other) !== settingsOf(plan);
        }) ?? shared.find((node) => !binds.has(node.getParentOrThrow()));
      if (!foreign) continue;
      plans.set(
        plan.made,
        reason("server-escapes", `it shares code with a server that stays (${shownPlace(foreign)})`),
      );
      again = true;
    }
  }
}

/** What the uses that servers share are rewritten with. */
function settingsOf({ flow, options }: Plan): string {
  return JSON.stringify([flow.mode, options.serve]);
}

/** Is all that a server serves known to have one message each way? */
function isUnary(project: AnalysisProject, { adds, helpers }: ServerFlow): boolean {
  return (
    helpers.length === 0 &&
    adds.every((call) => {
      const definition = Node.isCallExpression(call) && memberOf(call) === "addService" && call.getArguments()[0];
      const origin = definition && project.originOf(definition);
      const service =
        origin && origin.kind === "service-definition" ? project.protos.service(origin.service) : undefined;
      return service?.methods.every(({ methodKind }) => methodKind === "unary") === true;
    })
  );
}

function refusal(made: NewExpression, why: Reason): ServerFact {
  return {
    kind: "server",
    ...placeOf(made),
    ok: false,
    reason: why,
    mode: "module",
    registrations: [],
    parts: [],
    routes: { start: 0, end: 0, isPlain: true, hasThis: false, isApart: false, lifted: [] },
    options: [],
    interceptors: null,
    uses: [],
    entry: null,
    unused: [],
  };
}

function factsOf(
  project: AnalysisProject,
  plan: Plan,
  kept: ReadonlyMap<Node, Reason>,
  wrappers: Wrappers,
  handlers: Map<Node, HandlerFact>,
  classes: ImplementationClassFact[],
  /** Facts that servers may share, by place. */
  values: Map<string, FactBase>,
): FactBase[] {
  const { made, flow, drafts, parts, options, credentials } = plan;
  const registrations = drafts.map((draft) => decide(project, draft, handlers, values, kept, wrappers));
  const isOwn = (call: AddingCall) => flow.adds.includes(call);
  drafts.forEach((draft, index) => {
    if (registrations[index]?.implementation === "plain" && !draft.fact.isBridged)
      classes.push(...classFacts(project, draft));
  });
  const signals = hasOwnSignals(project, made.getSourceFile()) ? ["signals: false"] : [];
  const uses = flow.uses.map((call): ServerUseFact => {
    const serving = credentials.get(call);
    return {
      kind: "server-use",
      ...placeOf(call),
      member: memberOfUse(call, flow.promised),
      promised: promisedOf(flow.promised.get(call)),
      serve: serving ? [...serving.members, ...options.serve, ...signals] : [],
    };
  });
  const shared = [
    ...options.facts,
    ...parts.flatMap((part) => part.facts),
    // What functions add that are given the router.
    ...parts
      .filter(({ call }) => !isOwn(call))
      .map(({ call, text, imports }) => ({ ...valueFact(call, text, "addToServer()"), imports })),
    ...[...credentials.values()].flatMap(({ facts }) => facts),
    ...flow.types.map((type) => ({
      ...valueFact(type, "App", "Server"),
      imports: [{ module: "@connect-migrate/runtime/node", name: "App", typeOnly: true }],
    })),
  ];
  const apart = flow.mode === "value" ? uses : [];
  for (const fact of [...shared, ...apart]) values.set(`${fact.file}:${fact.start}`, fact);
  return [
    {
      ...refusal(made, reason("server-escapes", "")),
      ok: true,
      reason: null,
      mode: flow.mode,
      registrations: registrations.filter((_, index) => isOwn((drafts[index] as Draft).call)),
      routes: {
        start: flow.routes.start,
        end: flow.routes.end,
        isPlain: flow.routes.isPlain,
        hasThis: flow.routes.hasThis,
        isApart: flow.routes.isApart,
        lifted: flow.routes.lifted.map(({ kind, statement, name, value, type }) => ({
          start: statement.getStart(),
          end: statement.getEnd(),
          kind,
          name: name.getText(),
          value: value.getStart(),
          type,
        })),
      },
      parts: parts
        .filter(({ call }) => isOwn(call))
        .map(({ call, text, imports }) => ({ start: call.getStart(), end: call.getEnd(), text, imports })),
      options: options.app,
      interceptors: options.interceptors,
      uses: flow.mode === "module" ? uses : [],
      entry: flow.mode === "module" ? entryOf(project, made) : null,
      unused: [
        ...unusedDeclarations(
          project,
          flow.adds.filter((call): call is CallExpression => memberOf(call) === "addService"),
          drafts.filter(({ call }) => isOwn(call)),
          [...values.values()].flatMap((fact) => (fact.kind === "server-value" ? (fact as ServerValueFact).text : [])),
        ),
        ...unusedStatements(plan),
      ],
    } as ServerFact,
    // What functions register that are given the router.
    ...registrations.filter((_, index) => !isOwn((drafts[index] as Draft).call)),
  ];
}
