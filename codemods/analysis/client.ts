import { Node, type SourceFile } from "ts-morph";
import { mayEscape } from "../clients/error-escape.js";
import { cancelOf, writerOfPlan } from "../clients/plan-call.js";
import { EVERY_CALL } from "../kept-calls.js";
import { keyName, type Node as TreeNode } from "../shared/ast.js";
import { type Reason, reason } from "../shared/reasons.js";
import { credentialsOption } from "./call-option-credentials.js";
import { transportOf } from "./channel.js";
import {
  classifyArguments,
  heldOptionTypes,
  messageTypeOf,
  optionThatStays,
  responseTypeOf,
  wantsResponse,
} from "./client-arguments.js";
import { refuseClassUses } from "./client-classes.js";
import { clientDefinition, constructorOf, definitionAt, instanceType, typeDefinition } from "./client-definitions.js";
import { doublesOf } from "./client-doubles.js";
import { collectErrorFacts, type RpcSite } from "./client-errors.js";
import type {
  CallArgument,
  ClientCallFact,
  ClientChannelFact,
  ClientCloseFact,
  ClientConstructionFact,
  ClientFact,
  ClientInterfaceFact,
  ClientOptionsTypeFact,
  ClientOutcome,
  ClientPromisifyFact,
  ClientStubFact,
  ClientTypeFact,
  ClientViewFact,
  DefinitionRef,
} from "./client-facts.js";
import { classAround, closedField, fieldHolding, fieldOf, transportField } from "./client-fields.js";
import { CALL_OPTIONS, declaredInterface, interfaceAt } from "./client-interfaces.js";
import { collectMetadataFacts, hasMetadataOptions, type MetadataArgument } from "./client-metadata.js";
import { constructorFile, replacedConstructor } from "./client-mocks.js";
import { programsOf } from "./client-programs.js";
import {
  type Call,
  type Construction,
  isConnect,
  isIdiomatic,
  receiverOf,
  type Service,
  viewAt,
  viewOf,
} from "./client-services.js";
import { standInOfType, standIns } from "./client-stand-ins.js";
import { streamsOf } from "./client-streams.js";
import { stubObstacle } from "./client-stubs.js";
import { suspectedUses } from "./client-suspects.js";
import { middleOf, nodeOf, type Trees, treesOf } from "./client-trees.js";
import {
  callbackOf,
  goesOnBehindThrow,
  isSameUncaught,
  leavesErrors,
  tellsRejections,
  throwsInCallback,
  watchesUncaught,
} from "./client-uncaught.js";
import { findServices } from "./client-uses.js";
import { ANY_SERVICE, optionOfUnknownCalls } from "./client-varying.js";
import type { FactBase } from "./facts.js";
import { grpcReplacedBy } from "./grpc-replacements.js";
import { isTypeScript } from "./language.js";
import { descriptorReason, missingProto } from "./meant-proto.js";
import { moduleMocks } from "./module-mocks.js";
import { offersClient } from "./offered-clients.js";
import { placeOf, shortText } from "./places.js";
import type { AnalysisProject } from "./project.js";
import { relaysErrors } from "./relayed-errors.js";
import { handlerAround } from "./routed-handlers.js";
import { turnedErrors } from "./turned-errors.js";

/** Every client of the project with all its uses, and what each becomes: idiomatic only if all uses are. */
export function collectClientFacts(project: AnalysisProject): FactBase[] {
  const trees = treesOf();
  const programOf = programsOf(project);
  const services = findServices(project, trees, programOf);
  if (services.size === 0) return [];
  refuseSuspected(project, services, programOf);
  refuseMocked(project, services, programOf);
  refuseStandIns(project, services, programOf);
  refuseClassUses(project, services, programOf, (node) => shownPlace(node, project.root));
  planTransports(project, services, trees, programOf);

  const mayHaveOptions = perProgram(project, programOf, (files) => hasMetadataOptions(project, files));
  const mayWatchUncaught = perProgram(project, programOf, watchesUncaught);
  const mayTellRejections = perProgram(project, programOf, tellsRejections);

  // Metadata and errors need to know which calls are candidates; a refusal there makes the service bridged.
  const argumentsOf = new Map<Call, CallArgument[]>();
  for (const service of services.values()) {
    for (const call of service.calls) {
      const refuse = (detail: string) =>
        service.obstacles.push({
          node: call.node,
          detail: `${call.rpc.method}: ${detail}`,
          view: viewOf(service, receiverOf(call)),
        });
      if (call.plan.kind === "refused") {
        refuse(call.plan.reason);
        continue;
      }
      const rejected = rejectedBy(project, call.node);
      if (rejected !== undefined) {
        refuse(`the compiler rejects its new form (${rejected})`);
        continue;
      }
      if (writerOfPlan(call.plan) && isTypeScript(call.node) && messageTypeOf(call) === null) {
        refuse("the type of the written messages is not known");
        continue;
      }
      if (responseTypeOf(call) === null) {
        refuse("the type of the response is not known");
        continue;
      }
      const program = call.node.getSourceFile();
      if (
        leavesErrors(call.plan) &&
        mayWatchUncaught(program) &&
        !isSameUncaught(call.plan, mayTellRejections(program))
      ) {
        refuse("nothing tests the error, and the project looks at what nobody caught");
        continue;
      }
      if (mayTellRejections(program) && throwsInCallback(call, trees)) {
        refuse("its callback throws, and the project looks at rejections that nobody caught");
        continue;
      }
      if (goesOnBehindThrow(call.plan) && mayWatchUncaught(program)) {
        refuse("its error listener throws, and the project looks at what nobody caught");
        continue;
      }
      const found = classifyArguments(project, call, trees, mayHaveOptions);
      if (typeof found === "string") refuse(found);
      else argumentsOf.set(call, found);
    }
    for (const construction of service.constructions) {
      const { node, transport, replaced } = construction;
      const stays = replaced ? null : obstacleOfPlace(project, service, construction);
      const doubt = stays ?? descriptorDoubt(project, service, node);
      if (doubt) service.obstacles.unshift({ node, detail: doubt.text.replace(/\.$/, ""), view: null });
      if (transport.kind === "channel" && transport.args === null)
        service.obstacles.push({ node, detail: transport.detail, view: null });
    }
    if (service.constructions.length === 0)
      for (const call of service.calls)
        service.obstacles.push({
          node: call.node,
          detail: "the place where the client is made was not found",
          view: null,
        });
    const all = [...service.constructions, ...service.calls, ...service.promisified].map((use) => use.node);
    for (const node of [...all, ...service.types, ...service.interfaces.map((each) => each.declaration)]) {
      const path = node.getSourceFile().getFilePath() as string;
      if (!project.isSelected(path))
        service.obstacles.push({ node, detail: "another file of the project uses it", view: null });
    }
  }

  const facts: ClientFact[] = [];
  const turned = turnedErrors(project, trees);
  let errors: ReturnType<typeof collectErrorFacts>;
  for (;;) {
    const idiomatic = [...services.values()].filter((service) => isIdiomatic(service));
    const sites: RpcSite[] = [];
    const otherSites: RpcSite[] = [];
    for (const service of services.values())
      for (const call of service.calls)
        (isConnect(service, call) ? sites : otherSites).push({
          node: call.node,
          form: call.form,
          escapes: mayEscape(call.plan, callbackOf(call, trees), (turning, error) =>
            turned.isTurned(turning, error, call.node.getSourceFile()),
          ),
          isHanded: call.plan.kind === "handed",
          isCancelled: (cancelOf(call.plan)?.calls.length ?? 0) > 0,
        });
    errors = collectErrorFacts(project, sites, otherSites, trees, programOf, turned);
    if (errors.obstacle === null) break;
    for (const service of idiomatic) service.obstacles.push({ ...errors.obstacle, view: null });
  }
  facts.push(...errors.facts);

  const metadataArguments: MetadataArgument[] = [];
  for (const service of services.values())
    for (const call of service.calls)
      for (const [index, argument] of (argumentsOf.get(call) ?? []).entries())
        if (argument.kind === "metadata") {
          const node = middleOf(call, trees)[index];
          const morph = node && nodeOf(call.node.getSourceFile(), node);
          if (morph) metadataArguments.push({ node: morph, isIdiomatic: isConnect(service, call) });
        }
  const metadata = collectMetadataFacts(project, metadataArguments);
  facts.push(...metadata.facts);

  facts.push(...planCallCredentials(project, services, argumentsOf, trees));
  const moved = [...services.values()].flatMap((service) => service.calls.filter((call) => isConnect(service, call)));
  for (const type of heldOptionTypes(project, moved, trees))
    facts.push({ ...placeOf(type), kind: "client-options-type" } satisfies ClientOptionsTypeFact);
  for (const service of services.values())
    facts.push(...factsOf(project, service, argumentsOf, metadata.obstacleOf, trees));
  return withoutRepeats(facts);
}

/** What the compiler says of the new form of a call, by the names of the functions around it. */
function rejectedBy(project: AnalysisProject, call: Node): string | undefined {
  const file = call.getSourceFile().getFilePath();
  const names = call.getAncestors().flatMap((node) => (Node.hasName(node) ? [node.getName()] : []));
  for (const name of [...names, EVERY_CALL]) {
    const said = project.keptCall(file, name);
    if (said !== undefined) return said;
  }
  return undefined;
}

/** What the option `credentials` of calls becomes, and the constants that become interceptors with it. */
function planCallCredentials(
  project: AnalysisProject,
  services: ReadonlyMap<string, Service>,
  argumentsOf: ReadonlyMap<Call, CallArgument[]>,
  trees: Trees,
): ClientFact[] {
  const moved = [...services.values()].flatMap((service) => service.calls.filter((call) => isConnect(service, call)));
  const nodes = new Set(moved.map((call) => call.node));
  const facts: ClientFact[] = [];
  for (const call of moved)
    for (const [index, argument] of (argumentsOf.get(call) ?? []).entries()) {
      const value = argument.kind === "options" ? propertyOf(middleOf(call, trees)[index], "credentials") : undefined;
      const node = value && nodeOf(call.node.getSourceFile(), value);
      if (!node) continue;
      const planned = credentialsOption(project, node, (each) => nodes.has(each));
      argumentsOf.get(call)?.splice(index, 1, { kind: "options", held: null, credentials: planned.option });
      facts.push(...planned.facts);
    }
  return facts;
}

function propertyOf(options: TreeNode | undefined, name: string): TreeNode | undefined {
  if (options?.type !== "ObjectExpression") return undefined;
  return (options.properties as TreeNode[]).find((property) => keyName(property) === name)?.value;
}

/** What is so of the program that a file belongs to: found out once for each program. */
function perProgram(
  project: AnalysisProject,
  programOf: (file: SourceFile) => SourceFile,
  find: (files: readonly SourceFile[]) => boolean,
): (file: SourceFile) => boolean {
  const known = new Map<SourceFile, boolean>();
  return (file) => {
    const program = programOf(file);
    let found = known.get(program);
    if (found === undefined) {
      found = find(project.files.filter((each) => programOf(each) === program));
      known.set(program, found);
    }
    return found;
  };
}

/** Clients that share credentials, or a name that closes them, each say what becomes of it. */
function withoutRepeats(facts: readonly ClientFact[]): ClientFact[] {
  const seen = new Set<string>();
  return facts.filter((fact) => {
    if (!/^client-(value|channel|type|interface)$/.test(fact.kind)) return true;
    const key = `${fact.kind} ${fact.file}:${fact.start}:${fact.end}`;
    return !seen.has(key) && seen.add(key);
  });
}

/** What may be a client and is not known to be one would be called in the way of grpc-js: its service keeps that. */
function refuseSuspected(
  project: AnalysisProject,
  services: ReadonlyMap<string, Service>,
  programOf: (file: SourceFile) => SourceFile,
): void {
  for (const service of services.values()) {
    const programs = new Set(service.constructions.map(({ node }) => programOf(node.getSourceFile())));
    const suspected = suspectedUses(project, service, (file) => programs.has(programOf(file)));
    for (const node of suspected)
      service.obstacles.push({ node, detail: `${shortText(node)} may be a method of it`, view: null });
  }
}

/** Where tests replace grpc-js or the stubs, the construction stays; where they replace the file of the client, its shape does. */
function refuseMocked(
  project: AnalysisProject,
  services: ReadonlyMap<string, Service>,
  programOf: (file: SourceFile) => SourceFile,
): void {
  for (const { node: mock, target, seenBy, isEverywhere } of moduleMocks(project))
    for (const service of services.values())
      for (const construction of service.constructions) {
        const file = construction.node.getSourceFile();
        if (!isEverywhere && !seenBy.some((each) => programOf(file) === programOf(each))) continue;
        const isReplaced =
          target === "grpc" || (target !== file && constructorFile(project, construction.node) === target);
        if (isReplaced) construction.replaced = reason("test-mock", shownPlace(mock, project.root));
        if (target === "grpc" || isReplaced || offersClient(project, target, file, service.name))
          service.obstacles.push({
            node: construction.node,
            detail: `a test replaces it (${shownPlace(mock, project.root)})`,
            view: null,
          });
      }
  for (const service of services.values())
    for (const construction of service.constructions) {
      const program = programOf(construction.node.getSourceFile());
      const place =
        grpcReplacedBy(project, construction.node) ??
        replacedConstructor(project, construction.node, (file) => programOf(file) === program);
      if (place === undefined) continue;
      const shown = typeof place === "string" ? place : shownPlace(place, project.root);
      construction.replaced ??= reason("test-mock", shown);
      service.obstacles.push({ node: construction.node, detail: `a test replaces it (${shown})`, view: null });
    }
}

/** Where tests put their own in the place of a client or its methods, it has the shape of grpc-js, which the client keeps. */
function refuseStandIns(
  project: AnalysisProject,
  services: ReadonlyMap<string, Service>,
  programOf: (file: SourceFile) => SourceFile,
): void {
  const found = standIns(project);
  for (const service of services.values()) {
    const { constructions, calls, types } = service;
    const programs = new Set(
      [...constructions, ...calls]
        .map((use) => use.node)
        .concat(types)
        .map((node) => programOf(node.getSourceFile())),
    );
    const refuse = (node: Node) =>
      service.obstacles.push({
        node,
        detail: `a test puts something else in its place (${shownPlace(node, project.root)})`,
        view: null,
      });
    for (const { node, service: name, of } of found) {
      if (name !== service.name || !programs.has(programOf(node.getSourceFile()))) continue;
      if (!service.stubs.some((stub) => stub.node === node)) refuse(node);
      if (of === "prototype")
        for (const construction of constructions)
          construction.replaced = reason("test-mock", shownPlace(node, project.root));
    }
    for (const stub of service.stubs) {
      const detail = stubObstacle(project, service, stub);
      if (detail !== undefined) service.obstacles.push({ node: stub.node, detail, view: null });
    }
    for (const type of types) {
      const instead = standInOfType(project, type);
      if (instead) refuse(instead);
    }
    const known = new Set([...found, ...service.stubs].map((each) => each.node));
    for (const node of doublesOf(project, service, (file) => programs.has(programOf(file))))
      if (!known.has(node.getParentOrThrow())) refuse(node);
  }
}

/** The transport of every construction; clients that share credentials move together or not at all. */
function planTransports(
  project: AnalysisProject,
  services: ReadonlyMap<string, Service>,
  trees: Trees,
  programOf: (file: SourceFile) => SourceFile,
): void {
  const all = [...services.values()].flatMap((service) =>
    service.constructions.map((construction) => ({ service, construction })),
  );
  const credentialsOf = (node: Node) => (Node.isNewExpression(node) ? node.getArguments()[1] : undefined);
  const sinks = new Map(all.map((each) => [credentialsOf(each.construction.node), each]));
  for (const { service, construction } of all) {
    const option =
      service.name === ANY_SERVICE
        ? optionOfUnknownCalls(
            project.files.filter((file) => programOf(file) === programOf(construction.node.getSourceFile())),
          )
        : optionThatStays(project, service.calls, construction.node, trees);
    if (option !== undefined) {
      construction.transport = { kind: "channel", detail: `the call option ${option}`, args: null };
      continue;
    }
    construction.transport = transportOf(
      project,
      construction.node,
      (node) => sinks.has(node),
      () => service.calls.some((call) => middleOf(call, trees).length > 0),
      (credentials) =>
        streamsOf(
          project,
          credentials.map((each) => sinks.get(each)?.service),
        ),
    );
  }
  const isManual = ({ service, construction }: (typeof all)[number]) =>
    construction.transport.kind === "channel" || obstacleOfPlace(project, service, construction) !== null;
  for (const { construction } of all) {
    const { transport } = construction;
    if (transport.kind !== "transport") continue;
    const stay = transport.group.map((node) => sinks.get(node)).filter((each) => !each || isManual(each));
    if (stay.length === 0) continue;
    const [other] = stay;
    construction.transport = {
      kind: "channel",
      detail: `credentials or interceptors of its own: a client that stays takes them too${other ? ` (${shownPlace(other.construction.node, project.root)})` : ""}`,
      args: (construction.node as import("ts-morph").NewExpression).getArguments().map((each) => each.getText()),
    };
  }
}

/** Why there is nothing to write at a construction: no definition of the old messages. */
function obstacleOfPlace(project: AnalysisProject, service: Service, { node, replaced }: Construction): Reason | null {
  if (replaced) return replaced;
  if (service.name === "") return reason("no-equivalent", "grpc.Client, which knows no service");
  const why = descriptorDoubt(project, service, node);
  const definition = definitionAt(project, node);
  // It is named twice, and that must cost nothing.
  if (why) return definition && (definition.kind === "import" || /^[\w$.[\]'"]+$/.test(definition.text)) ? null : why;
  const what = service.name === ANY_SERVICE ? (constructorOf(node)?.getText() ?? "") : service.name;
  return definition ? null : reason("types-unknown", `the service definition of ${what}`);
}

/** Why there is no descriptor of the service, or none that is certain: then the client is made of its own definition. */
function descriptorDoubt(project: AnalysisProject, service: Service, node: Node): Reason | null {
  if (service.name === ANY_SERVICE) return null;
  const desc = project.protos.service(service.name);
  const origin = project.originOf(node);
  const loaded = origin.kind === "client" ? origin.packageDefinition : null;
  const file = constructorFile(project, node) ?? node.getSourceFile();
  if (!desc) return missingProto(project, service.name, loaded, file);
  return descriptorReason(project, service.name, loaded, file);
}

function factsOf(
  project: AnalysisProject,
  service: Service,
  argumentsOf: ReadonlyMap<Call, CallArgument[]>,
  obstacleOf: (node: Node) => string | null,
  trees: Trees,
): ClientFact[] {
  const facts: ClientFact[] = [];
  const idiomatic = isIdiomatic(service);
  const desc = project.protos.service(service.name);
  for (const construction of service.constructions) {
    const { node, transport } = construction;
    const file = node.getSourceFile();
    const path = file.getFilePath() as string;
    const generated =
      desc && !descriptorDoubt(project, service, node) ? project.protos.importPathFor(desc, path) : undefined;
    const definition = definitionAt(project, node);
    const isKept = transport.kind === "channel";
    const manual: Reason | null =
      !construction.replaced && isKept && (!idiomatic || transport.args === null)
        ? reason("no-equivalent", transport.detail)
        : obstacleOfPlace(project, service, construction);
    const closed = service.closes.filter((close) => close.getSourceFile() === file);
    const owner = closed.length > 0 ? fieldHolding(node) : undefined;
    const fact: ClientConstructionFact = {
      ...placeOf(node),
      kind: "client-construction",
      service: service.name === ANY_SERVICE ? (constructorOf(node)?.getText() ?? "") : service.name,
      outcome: manual ? "manual" : idiomatic && !isKept ? "idiomatic" : "bridged",
      reason:
        manual ??
        (idiomatic
          ? isKept
            ? reason("channel-kept", transport.detail)
            : null
          : obstacleReason(service, project.root)),
      shape: idiomatic ? "promises" : "callbacks",
      channel: isKept ? transport.args : null,
      descriptor: generated ? { module: generated.module, name: generated.descriptor } : null,
      definition: definition ? (idiomatic ? typedDefinition(project, service, definition, node) : definition) : null,
      transport: isKept ? [] : transport.members,
      imports: isKept ? [] : transport.imports,
      isClosed: closed.length > 0,
      field: owner && closed.some((close) => closedField(close) === owner.name) ? fieldOf(owner) : null,
      typeText: isTypeScript(node) ? (instanceType(constructorOf(node)) ?? looseType(node)) : null,
    };
    facts.push(fact);
    if (!isKept && !manual) facts.push(...transport.facts);
  }
  // Calls of a client that cannot move at all stay with it.
  const isManual =
    service.constructions.length > 0 &&
    facts.every((fact) => fact.kind !== "client-construction" || fact.outcome === "manual");
  const stays: ClientOutcome = isManual ? "manual" : "bridged";
  for (const call of service.calls) {
    const args = argumentsOf.get(call) ?? [];
    const middle = middleOf(call, trees);
    const own = service.obstacles.find((obstacle) => obstacle.node === call.node);
    const isView = idiomatic && viewAt(service, call) !== undefined;
    facts.push({
      ...placeOf(call.node),
      kind: "client-call",
      rpc: call.rpc,
      form: call.form,
      relays: relaysErrors(project),
      handler: handlerAround(project, call.node),
      outcome: isView ? "bridged" : idiomatic ? "idiomatic" : stays,
      reason: isView
        ? reason("client-view", own?.detail ?? "")
        : idiomatic
          ? null
          : own
            ? reason("client-use", own.detail)
            : obstacleReason(service, project.root),
      args: args.map((argument, index) => {
        const node = middle[index];
        const morph = node && nodeOf(call.node.getSourceFile(), node);
        if (argument.kind !== "metadata" || !morph) return argument;
        return { kind: "metadata", obstacle: obstacleOf(morph) };
      }),
      messageType: isTypeScript(call.node) ? messageTypeOf(call) : null,
      responseType: responseTypeOf(call) ?? null,
      wantsResponse: wantsResponse(call),
      unseen: call.unseen,
    } satisfies ClientCallFact);
  }
  for (const { node, method, rpc, form } of service.promisified)
    facts.push({
      ...placeOf(node),
      kind: "client-promisify",
      rpc,
      form,
      outcome: idiomatic ? "idiomatic" : stays,
      reason: idiomatic ? null : obstacleReason(service, project.root),
      method: { start: method.getStart(), end: method.getEnd() },
    } satisfies ClientPromisifyFact);
  if (idiomatic)
    for (const { node, rpc, changes, imports } of service.stubs)
      if (changes.length > 0)
        facts.push({ ...placeOf(node), kind: "client-stub", rpc, changes, imports } satisfies ClientStubFact);
  for (const close of service.closes) {
    const field = closedField(close);
    const owner = classAround(close);
    facts.push({
      ...placeOf(close),
      kind: "client-close",
      outcome: idiomatic ? "idiomatic" : "bridged",
      field: field === undefined || !owner ? null : transportField(field, owner),
    } satisfies ClientCloseFact);
  }
  if (idiomatic)
    for (const { node, detail, view } of service.obstacles)
      if (view)
        facts.push({
          ...placeOf(view.node),
          kind: "client-view",
          type: view.type,
          key: Node.isShorthandPropertyAssignment(view.node.getParent()) ? view.node.getText() : null,
          reason: service.calls.some((call) => call.node === node) ? null : reason("client-view", detail),
        } satisfies ClientViewFact);
  if (idiomatic)
    for (const { node, function: name, ...how } of service.channelCalls)
      facts.push({ ...placeOf(node), kind: "client-channel", function: name, ...how } satisfies ClientChannelFact);
  if (idiomatic)
    for (const type of service.types) {
      const definition = declaredInterface(project, type) ? undefined : typeDefinition(project, type);
      if (definition)
        facts.push({ ...placeOf(type), kind: "client-type", definition, member: null } satisfies ClientTypeFact);
    }
  if (idiomatic)
    for (const { declaration, changes } of service.interfaces)
      facts.push({
        ...placeOf(declaration),
        kind: "client-interface",
        construct: `interface ${declaration.getName()}`,
        changes,
        imports: [CALL_OPTIONS],
      } satisfies ClientInterfaceFact);
  if (idiomatic)
    for (const name of service.streamTypes) {
      const { start, end, ...place } = placeOf(name);
      const changes = [{ start, end, text: "AsyncIterable" }];
      const fact = { ...place, start, end, kind: "client-interface", construct: name.getText() } as const;
      facts.push({ ...fact, changes, imports: [] } satisfies ClientInterfaceFact);
    }
  if (idiomatic)
    for (const { declaration, changes } of service.taken)
      if (changes.length > 0)
        facts.push({
          ...placeOf(declaration),
          kind: "client-interface",
          construct: `the type of ${declaration.getName()}`,
          changes,
          imports: [CALL_OPTIONS],
        } satisfies ClientInterfaceFact);
  if (idiomatic)
    for (const type of service.anyTypes)
      facts.push({ ...placeOf(type), kind: "client-type", definition: null, member: null } satisfies ClientTypeFact);
  if (idiomatic)
    for (const { node, member, method } of service.methodTypes) {
      const definition = clientDefinition(project, service, method);
      if (definition)
        facts.push({ ...placeOf(node), kind: "client-type", definition, member } satisfies ClientTypeFact);
    }
  return facts;
}

function looseType(node: Node): string | null {
  return node.getType().isAny() ? "any" : null;
}

/** With the interface that the program wrote for the client, which says what the messages are. */
function typedDefinition(
  project: AnalysisProject,
  service: Service,
  definition: DefinitionRef,
  node: Node,
): DefinitionRef {
  const types = service.interfaces.length > 0 && !definition.types ? interfaceAt(project, node) : undefined;
  return types === undefined ? definition : ({ ...definition, types } as DefinitionRef);
}

function obstacleReason(service: Service, root: string): Reason {
  const obstacles = [service, ...service.peers].flatMap((each) => each.obstacles);
  const shown = obstacles.slice(0, 3).map(({ node, detail }) => {
    return `${detail} (${shownPlace(node, root)})`;
  });
  const unique = [...new Set(shown)];
  const more = obstacles.length - unique.length;
  return reason("client-use", `${unique.join("; ")}${more > 0 ? `; and ${more} more` : ""}`);
}

function shownPlace(node: Node, root: string): string {
  const file = node.getSourceFile();
  const path = (file.getFilePath() as string).replace(`${root}/`, "");
  return `${path}:${file.getLineAndColumnAtPos(node.getStart()).line}`;
}
