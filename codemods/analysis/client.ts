import { type ClassDeclaration, type ClassExpression, Node, type SourceFile, SyntaxKind, type Type } from "ts-morph";
import { type CallPlan, middleArguments, planCall } from "../clients/plan-call.js";
import { type File, nodeAt, type Node as TreeNode } from "../shared/ast.js";
import { parse } from "../shared/parse.js";
import { type Reason, reason } from "../shared/reasons.js";
import { type ChannelPlan, type TransportPlan, transportOf } from "./channel.js";
import { collectErrorFacts, type RpcSite } from "./client-errors.js";
import type {
  CallArgument,
  ClientCallFact,
  ClientChannelFact,
  ClientCloseFact,
  ClientConstructionFact,
  ClientFact,
  ClientField,
  ClientOutcome,
  ClientPromisifyFact,
  ClientTypeFact,
  ClientViewFact,
  DefinitionRef,
} from "./client-facts.js";
import { collectMetadataFacts, hasMetadataOptions, type MetadataArgument } from "./client-metadata.js";
import { constructorFile, moduleMocks } from "./client-mocks.js";
import type { FactBase, RpcRef } from "./facts.js";
import { rivalReason } from "./meant-proto.js";
import type { AnalysisProject } from "./project.js";
import { protobufTsClient } from "./protobuf-ts-client.js";

interface Service {
  readonly name: string;
  readonly constructions: Construction[];
  readonly calls: Call[];
  readonly promisified: Promisified[];
  readonly closes: Node[];
  readonly channelCalls: ChannelCall[];
  readonly types: Node[];
  /** Annotations of names that hold a promisified method. */
  readonly methodTypes: { readonly node: Node; readonly member: string; readonly method: Node }[];
  /** Why clients of this service stay bridged. */
  readonly obstacles: Obstacle[];
}

/** A call about the channel of a client, which a function of the runtime answers. */
interface ChannelCall {
  readonly node: Node;
  readonly function: ClientChannelFact["function"];
  readonly isMember: boolean;
}

interface Obstacle {
  readonly node: Node;
  readonly detail: string;
  /** What a function of the runtime gives the shape of grpc-js, for this use alone; null: the whole client keeps its shape. */
  readonly view: ClientView | null;
}

interface ClientView {
  readonly node: Node;
  /** The old client's type, in TypeScript. */
  readonly type: string | null;
}

interface Construction {
  readonly node: Node;
  /** Where a test replaces what is constructed here. */
  mocked: Node | null;
  transport: TransportPlan | ChannelPlan;
}

interface Call {
  readonly node: Node;
  readonly rpc: RpcRef;
  readonly form: "client" | "promisified";
  readonly plan: CallPlan;
}

interface Promisified {
  /** The whole expression. */
  readonly node: Node;
  readonly method: Node;
  readonly rpc: RpcRef;
}

/** Every client of the project with all its uses, and what each becomes: idiomatic only if all uses are. */
export function collectClientFacts(project: AnalysisProject): FactBase[] {
  const services = findServices(project);
  if (services.size === 0) return [];
  const trees = treesOf();
  const programOf = programsOf(project);
  refuseMocked(project, services, programOf);
  planTransports(project, services, trees);

  const withOptions = new Map<SourceFile, boolean>();
  const mayHaveOptions = (file: SourceFile) => {
    const program = programOf(file);
    const known = withOptions.get(program);
    if (known !== undefined) return known;
    const found = hasMetadataOptions(
      project,
      project.files.filter((each) => programOf(each) === program),
    );
    withOptions.set(program, found);
    return found;
  };

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
      const hasWriter = (call.plan.kind === "block" || call.plan.kind === "listeners") && call.plan.writer !== null;
      if (hasWriter && /\.[cm]?tsx?$/.test(call.node.getSourceFile().getFilePath()) && messageTypeOf(call) === null) {
        refuse("the type of the written messages is not known");
        continue;
      }
      const found = classifyArguments(project, call, trees, mayHaveOptions);
      if (typeof found === "string") refuse(found);
      else argumentsOf.set(call, found);
    }
    for (const construction of service.constructions) {
      const { node, transport, mocked } = construction;
      const stays = mocked ? null : obstacleOfPlace(project, service, construction);
      if (stays) service.obstacles.push({ node, detail: stays.text.replace(/\.$/, ""), view: null });
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
    for (const node of [...all, ...service.types]) {
      const path = node.getSourceFile().getFilePath() as string;
      if (!project.isSelected(path))
        service.obstacles.push({ node, detail: "another file of the project uses it", view: null });
    }
  }

  const facts: ClientFact[] = [];
  let errors: ReturnType<typeof collectErrorFacts>;
  for (;;) {
    const idiomatic = [...services.values()].filter((service) => isIdiomatic(service));
    const sites: RpcSite[] = [];
    const otherSites: RpcSite[] = [];
    for (const service of services.values())
      for (const call of service.calls)
        (isConnect(service, call) ? sites : otherSites).push({ node: call.node, form: call.form });
    errors = collectErrorFacts(project, sites, otherSites, trees);
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

  for (const service of services.values())
    facts.push(...factsOf(project, service, argumentsOf, metadata.isHeaders, trees));
  return withoutRepeats(facts);
}

/** Clients that share credentials each say what becomes of them. */
function withoutRepeats(facts: readonly ClientFact[]): ClientFact[] {
  const seen = new Set<string>();
  return facts.filter((fact) => {
    if (fact.kind !== "client-value") return true;
    const key = `${fact.file}:${fact.start}:${fact.end}`;
    return !seen.has(key) && seen.add(key);
  });
}

const UNPLANNED: ChannelPlan = { kind: "channel", detail: "", args: null };

/** Where tests replace grpc-js or the stubs, the construction stays; where they replace the file of the client, its shape does. */
function refuseMocked(
  project: AnalysisProject,
  services: ReadonlyMap<string, Service>,
  programOf: (file: SourceFile) => SourceFile,
): void {
  for (const { node: mock, target } of moduleMocks(project))
    for (const service of services.values())
      for (const construction of service.constructions) {
        const file = construction.node.getSourceFile();
        if (programOf(file) !== programOf(mock.getSourceFile())) continue;
        const isReplaced = target === "grpc" || constructorFile(project, construction.node) === target;
        if (isReplaced) construction.mocked = mock;
        if (isReplaced || target === file)
          service.obstacles.push({
            node: construction.node,
            detail: `a test replaces it (${shownPlace(mock, project.root)})`,
            view: null,
          });
      }
}

/** The transport of every construction; clients that share credentials move together or not at all. */
function planTransports(project: AnalysisProject, services: ReadonlyMap<string, Service>, trees: Trees): void {
  const all = [...services.values()].flatMap((service) =>
    service.constructions.map((construction) => ({ service, construction })),
  );
  const credentialsOf = (node: Node) => (Node.isNewExpression(node) ? node.getArguments()[1] : undefined);
  const sinks = new Map(all.map((each) => [credentialsOf(each.construction.node), each]));
  for (const { service, construction } of all)
    construction.transport = transportOf(
      project,
      construction.node,
      (node) => sinks.has(node),
      () => service.calls.some((call) => middleOf(call, trees).length > 0),
    );
  const isManual = ({ service, construction }: (typeof all)[number]) =>
    construction.transport.kind === "channel" || obstacleOfPlace(project, service, construction) !== null;
  for (const { construction } of all) {
    const { transport } = construction;
    if (transport.kind !== "transport") continue;
    const others = transport.group.map((node) => sinks.get(node));
    const other = others.find((each) => !each || isManual(each));
    if (!others.some((each) => !each || isManual(each))) continue;
    construction.transport = {
      kind: "channel",
      detail: `credentials or interceptors of its own: a client that stays takes them too${other ? ` (${shownPlace(other.construction.node, project.root)})` : ""}`,
      args: (construction.node as import("ts-morph").NewExpression).getArguments().map((each) => each.getText()),
    };
  }
}

/** Why there is nothing to write at a construction: no descriptor, or no definition of the old messages. */
function obstacleOfPlace(project: AnalysisProject, service: Service, { node, mocked }: Construction): Reason | null {
  if (mocked) return reason("test-mock", shownPlace(mocked, project.root));
  const desc = project.protos.service(service.name);
  if (!desc || !project.protos.importPathFor(desc, node.getSourceFile().getFilePath()))
    return reason("proto-missing", service.name);
  const origin = project.originOf(node);
  const loaded = origin.kind === "client" ? origin.packageDefinition : null;
  const rival = rivalReason(project, service.name, loaded, constructorFile(project, node) ?? node.getSourceFile());
  if (rival) return rival;
  return definitionAt(project, node) ? null : reason("types-unknown", `the service definition of ${service.name}`);
}

/** `asGrpcJsClient<GreeterClient>(client)`, `ClientOf<GreeterClient>`: the old client's type, written by an earlier run. */
function isTypeOfView(type: Node): boolean {
  const parent = type.getParent();
  if (!parent) return false;
  if (Node.isCallExpression(parent)) return /^(asGrpcJsClient|grpcJsMessages)$/.test(parent.getExpression().getText());
  return Node.isTypeReference(parent) && parent.getTypeName().getText() === "ClientOf";
}

/** The bare client in `transportFromGrpcJs(new grpc.Client(…))`, which an earlier run left below migrated calls. */
function isKeptChannel(node: Node): boolean {
  const parent = node.getParent();
  return !!parent && Node.isCallExpression(parent) && parent.getExpression().getText().endsWith("transportFromGrpcJs");
}

/** Calls of the service become Connect's; uses that cannot change get a view of the client, if any other can. */
function isIdiomatic(service: Service): boolean {
  const { obstacles, calls, promisified } = service;
  if (obstacles.length === 0) return true;
  const hasOther = promisified.length > 0 || calls.some((call) => viewAt(service, call) === undefined);
  return hasOther && obstacles.every((obstacle) => obstacle.view !== null);
}

function viewAt(service: Service, call: Call): Obstacle | undefined {
  return service.obstacles.find((obstacle) => obstacle.node === call.node && obstacle.view !== null);
}

function isConnect(service: Service, call: Call): boolean {
  return isIdiomatic(service) && viewAt(service, call) === undefined;
}

/** The client of `client.method(…)`. */
function receiverOf(call: Call): Node | undefined {
  const callee = call.form === "client" && Node.isCallExpression(call.node) ? call.node.getExpression() : undefined;
  if (!callee || !(Node.isPropertyAccessExpression(callee) || Node.isElementAccessExpression(callee))) return undefined;
  return callee.hasQuestionDotToken() ? undefined : callee.getExpression();
}

/** In TypeScript, the old type has to have a name in the file. */
function viewOf(service: Service, node: Node | undefined): ClientView | null {
  if (!node) return null;
  const file = node.getSourceFile();
  if (!/\.[cm]?tsx?$/.test(file.getFilePath())) return { node, type: null };
  const made = service.constructions.find((construction) => construction.node.getSourceFile() === file);
  const annotation = service.types.find((type) => type.getSourceFile() === file);
  const type = (made && instanceType(constructorOf(made.node))) ?? annotation?.getText();
  return type === undefined ? null : { node, type };
}

function factsOf(
  project: AnalysisProject,
  service: Service,
  argumentsOf: ReadonlyMap<Call, CallArgument[]>,
  isHeaders: (node: Node) => boolean,
  trees: Trees,
): ClientFact[] {
  const facts: ClientFact[] = [];
  const idiomatic = isIdiomatic(service);
  const desc = project.protos.service(service.name);
  for (const construction of service.constructions) {
    const { node, transport } = construction;
    const file = node.getSourceFile();
    const path = file.getFilePath() as string;
    const generated = desc && project.protos.importPathFor(desc, path);
    const definition = definitionAt(project, node);
    const isKept = transport.kind === "channel";
    const manual: Reason | null =
      !construction.mocked && isKept && (!idiomatic || transport.args === null)
        ? reason("no-equivalent", transport.detail)
        : obstacleOfPlace(project, service, construction);
    const closed = service.closes.filter((close) => close.getSourceFile() === file);
    const owner = closed.length > 0 ? fieldHolding(node) : undefined;
    const fact: ClientConstructionFact = {
      ...placeOf(node),
      kind: "client-construction",
      service: service.name,
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
      definition: definition ?? null,
      transport: isKept ? [] : transport.members,
      imports: isKept ? [] : transport.imports,
      isClosed: closed.length > 0,
      field: owner && closed.some((close) => closedField(close) === owner.name) ? fieldOf(owner) : null,
      typeText: /\.[cm]?tsx?$/.test(path) ? instanceType(constructorOf(node)) : null,
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
        return argument.kind === "metadata" ? { kind: "metadata", isHeaders: !!morph && isHeaders(morph) } : argument;
      }),
      messageType: /\.[cm]?tsx?$/.test(call.node.getSourceFile().getFilePath()) ? messageTypeOf(call) : null,
    } satisfies ClientCallFact);
  }
  for (const { node, method, rpc } of service.promisified)
    facts.push({
      ...placeOf(node),
      kind: "client-promisify",
      rpc,
      outcome: idiomatic ? "idiomatic" : stays,
      reason: idiomatic ? null : obstacleReason(service, project.root),
      method: { start: method.getStart(), end: method.getEnd() },
    } satisfies ClientPromisifyFact);
  for (const close of service.closes)
    facts.push({
      ...placeOf(close),
      kind: "client-close",
      outcome: idiomatic ? "idiomatic" : "bridged",
      field: closedField(close) === undefined ? null : transportField(close),
    } satisfies ClientCloseFact);
  if (idiomatic)
    for (const { node, detail, view } of service.obstacles)
      if (view)
        facts.push({
          ...placeOf(view.node),
          kind: "client-view",
          type: view.type,
          reason: service.calls.some((call) => call.node === node) ? null : reason("client-view", detail),
        } satisfies ClientViewFact);
  if (idiomatic)
    for (const { node, function: name, isMember } of service.channelCalls)
      facts.push({ ...placeOf(node), kind: "client-channel", function: name, isMember } satisfies ClientChannelFact);
  if (idiomatic)
    for (const type of service.types) {
      const definition = typeDefinition(project, type);
      if (definition)
        facts.push({ ...placeOf(type), kind: "client-type", definition, member: null } satisfies ClientTypeFact);
    }
  if (idiomatic)
    for (const { node, member, method } of service.methodTypes) {
      const definition = clientDefinition(project, service, method);
      if (definition)
        facts.push({ ...placeOf(node), kind: "client-type", definition, member } satisfies ClientTypeFact);
    }
  return facts;
}

interface FieldHolder {
  readonly name: string;
  readonly owner: ClassDeclaration | ClassExpression;
  readonly isMember: boolean;
}

/** The class field that a construction is the value of. */
function fieldHolding(construction: Node): FieldHolder | undefined {
  const parent = construction.getParent();
  const owner = classAround(construction);
  if (!parent || !owner) return undefined;
  if (Node.isPropertyDeclaration(parent)) return { name: parent.getName(), owner, isMember: true };
  if (!Node.isBinaryExpression(parent) || parent.getOperatorToken().getText() !== "=") return undefined;
  const left = parent.getLeft();
  const isField = Node.isPropertyAccessExpression(left) && left.getExpression().getKind() === SyntaxKind.ThisKeyword;
  const isStatement = Node.isExpressionStatement(parent.getParent() as Node);
  return isField && isStatement ? { name: left.getName(), owner, isMember: false } : undefined;
}

function classAround(node: Node): ClassDeclaration | ClassExpression | undefined {
  return node.getFirstAncestor(
    (ancestor): ancestor is ClassDeclaration | ClassExpression =>
      Node.isClassDeclaration(ancestor) || Node.isClassExpression(ancestor),
  );
}

/** The field whose client `this.client.close()` closes. */
function closedField(close: Node): string | undefined {
  const callee = Node.isCallExpression(close) ? close.getExpression() : undefined;
  const object = callee && Node.isPropertyAccessExpression(callee) ? callee.getExpression() : undefined;
  return object &&
    Node.isPropertyAccessExpression(object) &&
    object.getExpression().getKind() === SyntaxKind.ThisKeyword
    ? object.getName()
    : undefined;
}

function transportField(node: Node): string {
  return /\btransport\b/.test(classAround(node)?.getText() ?? "") ? "grpcTransport" : "transport";
}

function fieldOf({ name, owner, isMember }: FieldHolder): ClientField {
  const declared = owner.getInstanceProperty(name);
  const declaration = declared && Node.isPropertyDeclaration(declared) ? declared : undefined;
  const modifiers = declaration?.getModifiers().map((modifier) => modifier.getText()) ?? [];
  return {
    transport: transportField(owner),
    isMember,
    declaration: declaration?.getStart() ?? null,
    modifiers: modifiers.length > 0 ? `${modifiers.join(" ")} ` : "",
  };
}

/** The old service definition as a type, in the file of a promisified method: by the client's own type or construction there. */
function clientDefinition(project: AnalysisProject, service: Service, method: Node): DefinitionRef | undefined {
  const file = method.getSourceFile();
  const made = service.constructions.find(({ node }) => node.getSourceFile() === file);
  const found = made && definitionAt(project, made.node);
  if (found && (found.kind === "import" || /^[\w.]+$/.test(found.text))) return found;
  const typed = service.types.find((type) => type.getSourceFile() === file);
  return typed && typeDefinition(project, typed);
}

function obstacleReason(service: Service, root: string): Reason {
  const shown = service.obstacles.slice(0, 3).map(({ node, detail }) => {
    return `${detail} (${shownPlace(node, root)})`;
  });
  const unique = [...new Set(shown)];
  const more = service.obstacles.length - unique.length;
  return reason("client-use", `${unique.join("; ")}${more > 0 ? `; and ${more} more` : ""}`);
}

function shownPlace(node: Node, root: string): string {
  const file = node.getSourceFile();
  const path = (file.getFilePath() as string).replace(`${root}/`, "");
  return `${path}:${file.getLineAndColumnAtPos(node.getStart()).line}`;
}

function placeOf(node: Node) {
  return {
    file: node.getSourceFile().getFilePath() as string,
    start: node.getStart(),
    end: node.getEnd(),
    via: "provenance" as const,
  };
}

// ---- trees: the parser that the rules see --------------------------------------------------------------------------

export type Trees = (file: SourceFile) => File | undefined;

function treesOf(): Trees {
  const trees = new Map<SourceFile, File | undefined>();
  return (file) => {
    if (!trees.has(file)) {
      try {
        trees.set(file, parse(file.getFullText(), file.getFilePath()));
      } catch {
        trees.set(file, undefined);
      }
    }
    return trees.get(file);
  };
}

function nodeOf(file: SourceFile, node: TreeNode): Node | undefined {
  let current = file.getDescendantAtPos(node.start);
  while (current && (current.getStart() !== node.start || current.getEnd() !== node.end)) current = current.getParent();
  return current;
}

function middleOf(call: Call, trees: Trees): readonly TreeNode[] {
  const tree = trees(call.node.getSourceFile());
  const node = tree && nodeAt(tree, call.node.getStart(), call.node.getEnd());
  return node ? middleArguments(node, call.rpc.kind, call.form) : [];
}

/** Files that import each other, directly or not, as one file that stands for all: a value flows within these only. */
function programsOf(project: AnalysisProject): (file: SourceFile) => SourceFile {
  const parents = new Map<SourceFile, SourceFile>();
  const find = (file: SourceFile): SourceFile => {
    let current = file;
    for (let next = parents.get(current); next && next !== current; next = parents.get(current)) current = next;
    return current;
  };
  for (const file of project.files)
    for (const [, specifier] of file
      .getFullText()
      .matchAll(/(?:from|import|require\(|import\()\s*['"]([^'"\n]+)['"]/g)) {
      const target = project.resolveModule(file, specifier as string);
      if (target && find(target) !== find(file)) parents.set(find(target), find(file));
    }
  return find;
}

// ---- uses of clients -----------------------------------------------------------------------------------------------

function findServices(project: AnalysisProject): Map<string, Service> {
  const services = new Map<string, Service>();
  const trees = treesOf();
  const programOf = programsOf(project);
  let program: SourceFile | undefined;
  const serviceOf = (name: string): Service => {
    const key = `${name}@${program?.getFilePath() ?? ""}`;
    let service = services.get(key);
    if (!service) {
      service = {
        name,
        constructions: [],
        calls: [],
        promisified: [],
        closes: [],
        channelCalls: [],
        types: [],
        methodTypes: [],
        obstacles: [],
      };
      services.set(key, service);
    }
    return service;
  };
  const seen = new Set<Node>();

  for (const file of project.files) {
    program = programOf(file);
    file.forEachDescendant((node, traversal) => {
      if (Node.isTypeReference(node)) {
        const origin = project.originOfType(node);
        if (origin.kind === "client" || origin.kind === "client-constructor") {
          if (origin.service && !isTypeOfView(node)) serviceOf(origin.service).types.push(node);
          traversal.skip();
        }
        return;
      }
      if (!isValuePosition(node) || seen.has(node)) return;
      const origin = project.originOf(node);
      if (origin.kind === "client-constructor") {
        const parent = node.getParent();
        if (parent && Node.isExpressionWithTypeArguments(parent) && origin.service)
          serviceOf(origin.service).obstacles.push({ node, detail: "a class extends the client", view: null });
        return;
      }
      if (origin.kind !== "client" || isKeptChannel(node)) return;
      const service = serviceOf(origin.service);
      if (Node.isNewExpression(node)) service.constructions.push({ node, mocked: null, transport: UNPLANNED });
      use(node, service);
    });
  }
  for (const [name, service] of services)
    if (service.constructions.length + service.calls.length + service.types.length === 0) services.delete(name);
  return services;

  function use(start: Node, service: Service): void {
    let node = start;
    let parent = node.getParent();
    // Wrappers that pass the value on.
    while (
      parent &&
      (Node.isParenthesizedExpression(parent) ||
        Node.isAsExpression(parent) ||
        Node.isNonNullExpression(parent) ||
        Node.isSatisfiesExpression(parent) ||
        Node.isAwaitExpression(parent) ||
        (Node.isBinaryExpression(parent) && /^(\|\||\?\?)$/.test(parent.getOperatorToken().getText())) ||
        (Node.isConditionalExpression(parent) && parent.getCondition() !== node))
    ) {
      node = parent;
      seen.add(node);
      parent = node.getParent();
    }
    if (!parent) return;
    const refuse = (detail: string, view: Node | null = null) =>
      service.obstacles.push({ node: start, detail, view: viewOf(service, view ?? undefined) });

    if (Node.isPropertyAccessExpression(parent) || Node.isElementAccessExpression(parent)) {
      if (parent.getExpression() !== node) return;
      member(parent, service, refuse);
      return;
    }
    if (Node.isVariableDeclaration(parent)) {
      const name = parent.getNameNode();
      if (parent.getInitializer() !== node) return;
      if (Node.isIdentifier(name) && project.originOf(name).kind === "client") return;
      refuse("it is destructured or its variable is assigned again");
      return;
    }
    if (Node.isBinaryExpression(parent)) {
      const operator = parent.getOperatorToken().getText();
      if (operator === "=") {
        if (parent.getLeft() === node) return;
        const left = parent.getLeft();
        if (/^(module\.)?exports(\.\w+)?$/.test(left.getText())) return;
        if (project.originOf(left).kind === "client" && !leaks(left)) return;
        refuse(`it is kept in ${left.getText()}`);
        return;
      }
      if (/^(&&|[!=]==?)$/.test(operator)) return;
      refuse("it is part of an expression");
      return;
    }
    if (Node.isPropertyAssignment(parent) || Node.isShorthandPropertyAssignment(parent)) {
      if (isExported(parent)) return;
      if (leaksByName(parent.getName().replace(/^['"]|['"]$/g, "")))
        refuse(`it is kept in an object as ${parent.getName()}`);
      return;
    }
    if (Node.isCallExpression(parent) || Node.isNewExpression(parent)) {
      if (parent.getExpression() === node) return;
      const callee = parent.getExpression();
      // `promisify(client.m).bind(client)`: the method itself was looked at.
      if (Node.isPropertyAccessExpression(callee) && callee.getName() === "bind") return;
      const index = parent.getArguments().indexOf(node);
      if (index === 0 && Node.isCallExpression(parent)) {
        const called = project.originOf(callee);
        const name = called.kind === "grpc" ? called.path : "";
        if (
          name === "closeClient" ||
          name === "waitForClientReady" ||
          (name === "getClientChannel" && isStateOfChannel(parent))
        ) {
          service.channelCalls.push({ node: parent, function: name, isMember: false });
          return;
        }
      }
      if (isParameterAClient(parent, index)) return;
      // Where types say what a parameter is, its calls have been found as this client's own.
      const isTyped = /\.[cm]?tsx?$/.test(parent.getSourceFile().getFilePath());
      refuse(`it is passed to ${parent.getExpression().getText()}`, isTyped ? null : node);
      return;
    }
    if (Node.isPropertyDeclaration(parent)) {
      if (leaksByName(parent.getName())) refuse(`it is kept in the field ${parent.getName()}`);
      return;
    }
    if (Node.isReturnStatement(parent) || (Node.isArrowFunction(parent) && parent.getBody() === node)) {
      const owner = Node.isArrowFunction(parent)
        ? parent
        : parent.getFirstAncestor(
            (ancestor) => Node.isFunctionLikeDeclaration(ancestor) || Node.isFunctionExpression(ancestor),
          );
      if (owner && isCalledOnly(owner)) return;
      refuse("it is returned from a function whose uses are not all known");
      return;
    }
    if (
      Node.isExpressionStatement(parent) ||
      Node.isIfStatement(parent) ||
      Node.isPrefixUnaryExpression(parent) ||
      Node.isExportAssignment(parent) ||
      Node.isExportSpecifier(parent) ||
      Node.isImportSpecifier(parent) ||
      Node.isImportClause(parent) ||
      Node.isBindingElement(parent) ||
      Node.isParameterDeclaration(parent) ||
      Node.isNamespaceImport(parent)
    )
      return;
    refuse(`it is used in a ${parent.getKindName()}`);
  }

  function member(access: Node, service: Service, refuse: (detail: string, view?: Node | null) => void): void {
    const object =
      (Node.isPropertyAccessExpression(access) || Node.isElementAccessExpression(access)) &&
      !access.hasQuestionDotToken()
        ? access.getExpression()
        : null;
    const name = Node.isPropertyAccessExpression(access)
      ? access.getName()
      : Node.isElementAccessExpression(access)
        ? stringOf(access.getArgumentExpression())
        : undefined;
    if (name === undefined) {
      refuse("a method is chosen by a computed name", object);
      return;
    }
    const desc = project.protos.methodByLegacyKey(service.name, name);
    const parent = access.getParent();
    const isCalled = parent && Node.isCallExpression(parent) && parent.getExpression() === access;
    if (!desc) {
      if (name === "close" && isCalled && Node.isPropertyAccessExpression(access)) {
        if (canCloseTransport(parent)) service.closes.push(parent);
        else service.channelCalls.push({ node: parent, function: "closeClient", isMember: true });
        return;
      }
      const isPlain = isCalled && Node.isPropertyAccessExpression(access) && !access.hasQuestionDotToken();
      if (name === "waitForReady" && isPlain) {
        service.channelCalls.push({ node: parent, function: "waitForClientReady", isMember: true });
        return;
      }
      if (name === "getChannel" && isPlain && isStateOfChannel(parent)) {
        service.channelCalls.push({ node: parent, function: "getClientChannel", isMember: true });
        return;
      }
      refuse(`${name} is used`);
      return;
    }
    const rpc = project.protos.rpc(desc);
    if (isCalled) {
      addCall(parent, rpc, "client", service);
      return;
    }
    const whole = promisifiedAround(access);
    if (!whole) {
      refuse(`${name} is taken as a function`, object);
      return;
    }
    service.promisified.push({ node: whole, method: access, rpc });
    followFunction(whole, access, rpc, service, refuse);
  }

  /** `promisify(client.m)`, `promisify(client.m).bind(client)`, `promisify(client.m.bind(client))`, casts included. */
  function promisifiedAround(access: Node): Node | undefined {
    let node = access;
    let parent = node.getParent();
    const step = (next: Node) => {
      node = next;
      parent = node.getParent();
    };
    const casts = () => {
      while (
        parent &&
        (Node.isParenthesizedExpression(parent) || Node.isAsExpression(parent) || Node.isNonNullExpression(parent))
      )
        step(parent);
    };
    const bind = () => {
      casts();
      if (!parent || !Node.isPropertyAccessExpression(parent) || parent.getName() !== "bind") return;
      const call = parent.getParent();
      if (call && Node.isCallExpression(call) && call.getArguments().length === 1) step(call);
    };
    bind();
    casts();
    if (
      !parent ||
      !Node.isCallExpression(parent) ||
      parent.getArguments()[0] !== node ||
      parent.getArguments().length !== 1
    )
      return undefined;
    const callee = project.originOf(parent.getExpression());
    if (callee.kind !== "external" || callee.module !== "util" || !/^(default\.)?promisify$/.test(callee.path))
      return undefined;
    step(parent);
    bind();
    casts();
    return node;
  }

  function followFunction(
    whole: Node,
    method: Node,
    rpc: RpcRef,
    service: Service,
    refuse: (detail: string) => void,
  ): void {
    const parent = whole.getParent();
    if (parent && Node.isCallExpression(parent) && parent.getExpression() === whole) {
      addCall(parent, rpc, "promisified", service);
      return;
    }
    let nameNode: Node | undefined;
    if (parent && Node.isVariableDeclaration(parent)) nameNode = parent.getNameNode();
    else if (parent && (Node.isPropertyAssignment(parent) || Node.isPropertyDeclaration(parent)))
      nameNode = parent.getNameNode();
    else if (
      parent &&
      Node.isBinaryExpression(parent) &&
      parent.getOperatorToken().getText() === "=" &&
      Node.isPropertyAccessExpression(parent.getLeft())
    )
      nameNode = (parent.getLeft() as import("ts-morph").PropertyAccessExpression).getNameNode();
    if (!nameNode || !Node.isIdentifier(nameNode)) {
      refuse("a promisified method is handed on");
      return;
    }
    const member = Node.isPropertyAccessExpression(method) ? method.getName() : rpc.localName;
    const annotate = (declaration: Node) => {
      if (!Node.isVariableDeclaration(declaration) && !Node.isPropertyDeclaration(declaration)) return;
      const type = declaration.getTypeNode();
      if (!type) return;
      service.methodTypes.push({ node: type, member, method });
      if (!clientDefinition(project, service, method)) refuse(`the type of ${declaration.getName()} is written out`);
    };
    for (const declaration of nameNode.getSymbol()?.getDeclarations() ?? []) annotate(declaration);
    if (Node.isVariableDeclaration(parent as Node)) {
      for (const reference of project.referencesTo(nameNode)) functionUse(reference, nameNode, rpc, service, refuse);
      return;
    }
    const declarations = new Set(nameNode.getSymbol()?.getDeclarations() ?? []);
    const name = nameNode.getText();
    for (const file of project.files)
      for (const identifier of file.getDescendantsOfKind(SyntaxKind.Identifier)) {
        if (identifier.getText() !== name || identifier === nameNode) continue;
        const symbol = identifier.getSymbol();
        const own = symbol?.getDeclarations() ?? [];
        if (own.some((declaration) => declarations.has(declaration)))
          functionUse(identifier, nameNode, rpc, service, refuse);
        else if (own.length === 0 && Node.isPropertyAccessExpression(identifier.getParent() as Node)) {
          const owner = (identifier.getParent() as import("ts-morph").PropertyAccessExpression).getExpression();
          const origin = project.originOf(owner);
          if (origin.kind === "unknown") refuse(`${owner.getText()}.${name} may be a promisified method`);
          else if (origin.kind === "object" || origin.kind === "instance")
            functionUse(identifier, nameNode, rpc, service, refuse);
        }
      }
  }

  function functionUse(
    reference: Node,
    declared: Node,
    rpc: RpcRef,
    service: Service,
    refuse: (detail: string) => void,
  ): void {
    if (reference === declared) return;
    let node = reference;
    let parent = node.getParent();
    if (parent && Node.isPropertyAccessExpression(parent) && parent.getNameNode() === node) {
      node = parent;
      parent = node.getParent();
    }
    if (!parent) return;
    if (Node.isCallExpression(parent) && parent.getExpression() === node) {
      addCall(parent, rpc, "promisified", service);
      return;
    }
    if (Node.isPropertyDeclaration(parent)) return;
    if (
      Node.isExportSpecifier(parent) ||
      Node.isImportSpecifier(parent) ||
      Node.isImportClause(parent) ||
      Node.isTypeQuery(parent) ||
      Node.isBindingElement(parent) ||
      ((Node.isShorthandPropertyAssignment(parent) || Node.isPropertyAssignment(parent)) && isExported(parent))
    )
      return;
    if (Node.isBinaryExpression(parent) && /^(module\.)?exports\.\w+$/.test(parent.getLeft().getText())) return;
    refuse(`the promisified ${rpc.method} is handed on`);
  }

  function addCall(node: Node, rpc: RpcRef, form: "client" | "promisified", service: Service): void {
    if (service.calls.some((call) => call.node === node)) return;
    const tree = trees(node.getSourceFile());
    const inTree = tree && nodeAt(tree, node.getStart(), node.getEnd());
    const plan: CallPlan = inTree
      ? planCall(tree, inTree, rpc.kind, form)
      : { kind: "refused", reason: "the call was not found again" };
    service.calls.push({ node, rpc, form, plan });
  }

  /** The channel is only asked for its state. */
  function isStateOfChannel(channel: Node): boolean {
    const parent = channel.getParent();
    const call = parent?.getParent();
    return (
      !!parent &&
      Node.isPropertyAccessExpression(parent) &&
      /^(getConnectivityState|watchConnectivityState|close)$/.test(parent.getName()) &&
      !!call &&
      Node.isCallExpression(call) &&
      call.getExpression() === parent
    );
  }

  /** close() is for the transport, which has a name where client and close() stand in the same scope. */
  function canCloseTransport(close: Node): boolean {
    const receiver = (close as import("ts-morph").CallExpression).getExpression();
    const object = Node.isPropertyAccessExpression(receiver) ? receiver.getExpression() : undefined;
    const field = closedField(close);
    if (field !== undefined) {
      // Where the client is made for this very field, in this class.
      const owner = classAround(close);
      return (
        owner?.getDescendantsOfKind(SyntaxKind.NewExpression).some((made) => {
          const holder = fieldHolding(made);
          return holder?.owner === owner && holder.name === field && project.originOf(made).kind === "client";
        }) ?? false
      );
    }
    if (!object || !Node.isIdentifier(object)) return false;
    const declaration = object.getSymbol()?.getValueDeclaration();
    if (!declaration || !Node.isVariableDeclaration(declaration)) return false;
    const initializer = declaration.getInitializer();
    return (
      !!initializer &&
      Node.isNewExpression(initializer) &&
      Node.isVariableStatement(declaration.getParent()?.getParent() as Node)
    );
  }

  function isParameterAClient(call: Node, index: number): boolean {
    const callee = (call as import("ts-morph").CallExpression).getExpression();
    const origin = project.originOf(callee);
    const parameters =
      origin.kind === "function"
        ? (origin.node as unknown as { getParameters?(): Node[] }).getParameters?.()
        : origin.kind === "class"
          ? (origin.node as import("ts-morph").ClassDeclaration).getConstructors()[0]?.getParameters()
          : methodParameters(callee);
    const parameter = parameters?.[index];
    return !!parameter && project.originOf(parameter).kind === "client";
  }

  function methodParameters(callee: Node): Node[] | undefined {
    const declaration = Node.isPropertyAccessExpression(callee)
      ? callee.getNameNode().getSymbol()?.getValueDeclaration()
      : undefined;
    return declaration && Node.isMethodDeclaration(declaration) ? declaration.getParameters() : undefined;
  }

  function isCalledOnly(owner: Node): boolean {
    const holder = owner.getParent();
    const name =
      Node.isFunctionDeclaration(owner) || Node.isMethodDeclaration(owner)
        ? owner.getNameNode()
        : holder && (Node.isVariableDeclaration(holder) || Node.isPropertyAssignment(holder))
          ? holder.getNameNode()
          : undefined;
    if (Node.isGetAccessorDeclaration(owner)) return !leaksByName(owner.getName());
    if (!name || !Node.isIdentifier(name)) {
      // An arrow function called at once, or a module's whole export.
      return (
        !!holder && Node.isBinaryExpression(holder) && /^(module\.)?exports(\.\w+)?$/.test(holder.getLeft().getText())
      );
    }
    if (!Node.isFunctionDeclaration(owner) && !(holder && Node.isVariableDeclaration(holder)))
      return !leaksByName(name.getText());
    return project.referencesTo(name).every((reference) => {
      if (reference === name) return true;
      let node = reference;
      let parent = node.getParent();
      if (parent && Node.isPropertyAccessExpression(parent) && parent.getNameNode() === node) {
        node = parent;
        parent = node.getParent();
      }
      return (
        !!parent &&
        ((Node.isCallExpression(parent) && parent.getExpression() === node) ||
          Node.isImportSpecifier(parent) ||
          Node.isExportSpecifier(parent) ||
          Node.isImportClause(parent) ||
          Node.isExportAssignment(parent) ||
          Node.isBindingElement(parent) ||
          Node.isVariableDeclaration(parent) ||
          Node.isTypeQuery(parent) ||
          ((Node.isShorthandPropertyAssignment(parent) || Node.isPropertyAssignment(parent)) && isExported(parent)) ||
          (Node.isBinaryExpression(parent) && /^(module\.)?exports(\.\w+)?$/.test(parent.getLeft().getText())))
      );
    });
  }

  function leaks(target: Node): boolean {
    return Node.isPropertyAccessExpression(target) ? leaksByName(target.getName()) : false;
  }

  /** Is a member of this name read from something that nothing is known about? It could be the client. */
  function leaksByName(name: string): boolean {
    return project.files.some((file) =>
      file.getDescendantsOfKind(SyntaxKind.PropertyAccessExpression).some((access) => {
        if (access.getName() !== name) return false;
        const parent = access.getParent();
        if (
          parent &&
          Node.isBinaryExpression(parent) &&
          parent.getLeft() === access &&
          parent.getOperatorToken().getText() === "="
        )
          return false;
        if (project.originOf(access).kind !== "unknown") return false;
        return project.originOf(access.getExpression()).kind === "unknown" && !access.getNameNode().getSymbol();
      }),
    );
  }
}

function isExported(property: Node): boolean {
  const object = property.getParent();
  const holder = object?.getParent();
  if (!holder) return false;
  if (Node.isExportAssignment(holder)) return true;
  return Node.isBinaryExpression(holder) && /^(module\.)?exports$/.test(holder.getLeft().getText());
}

/** Expressions that may hold a client; names that declare one and property names are not looked at. */
function isValuePosition(node: Node): boolean {
  if (Node.isNewExpression(node) || Node.isCallExpression(node) || Node.isPropertyAccessExpression(node)) return true;
  if (Node.isElementAccessExpression(node)) return true;
  if (!Node.isIdentifier(node)) return false;
  const parent = node.getParent();
  if (!parent) return false;
  if (Node.isPropertyAccessExpression(parent)) return parent.getExpression() === node;
  if (Node.isPropertyAssignment(parent)) return parent.getInitializer() === node;
  if (Node.isVariableDeclaration(parent)) return parent.getInitializer() === node;
  if (Node.isShorthandPropertyAssignment(parent)) return true;
  if (Node.isTypeReference(parent) || Node.isQualifiedName(parent)) return false;
  return !(
    Node.isBindingElement(parent) ||
    Node.isParameterDeclaration(parent) ||
    Node.isImportSpecifier(parent) ||
    Node.isImportClause(parent) ||
    Node.isNamespaceImport(parent) ||
    Node.isExportSpecifier(parent) ||
    Node.isPropertyDeclaration(parent) ||
    Node.isMethodDeclaration(parent) ||
    Node.isFunctionDeclaration(parent) ||
    Node.isClassDeclaration(parent) ||
    Node.isPropertySignature(parent)
  );
}

function stringOf(node: Node | undefined): string | undefined {
  return node && (Node.isStringLiteral(node) || Node.isNoSubstitutionTemplateLiteral(node))
    ? node.getLiteralText()
    : undefined;
}

// ---- arguments -----------------------------------------------------------------------------------------------------

const OPTIONS = new Set(["deadline"]);

function classifyArguments(
  project: AnalysisProject,
  call: Call,
  trees: Trees,
  mayHaveOptions: (file: SourceFile) => boolean,
): CallArgument[] | string {
  const nodes = middleOf(call, trees);
  if (nodes.length > 2) return "it has too many arguments";
  const found: CallArgument[] = [];
  for (const [index, node] of nodes.entries()) {
    const morph = nodeOf(call.node.getSourceFile(), node);
    if (node.type === "ObjectExpression") {
      for (const property of node.properties as TreeNode[]) {
        if (property.type !== "ObjectProperty" || property.computed) return "its options are not written out";
        const name: string = property.key.name ?? property.key.value;
        if (!OPTIONS.has(name)) return `the call option ${name} has no counterpart yet`;
      }
      found.push({ kind: "options", isHeld: false });
    } else if (morph && project.originOf(morph).kind === "metadata") {
      if (index > 0) return "its arguments are in an unknown order";
      if (mayHaveOptions(call.node.getSourceFile())) return "its metadata may have options (waitForReady)";
      found.push({ kind: "metadata", isHeaders: false });
    } else if (morph && holdsDeadline(project, morph)) {
      found.push({ kind: "options", isHeld: true });
    } else
      return `the argument ${node.type === "Identifier" ? node.name : "behind the request"} is neither metadata nor written-out options`;
  }
  return found;
}

/** A helper's `{ deadline: … }`. */
function holdsDeadline(project: AnalysisProject, node: Node): boolean {
  const origin = project.originOf(node);
  if (origin.kind !== "object" || !Node.isObjectLiteralExpression(origin.node)) return false;
  const properties = origin.node.getProperties();
  return properties.every(
    (property) =>
      (Node.isPropertyAssignment(property) || Node.isShorthandPropertyAssignment(property)) &&
      property.getName() === "deadline",
  );
}

/** The one type of all messages that are written to a call, if it has a name that the file knows. */
function messageTypeOf(call: Call): string | null {
  const { plan } = call;
  const writer = plan.kind === "block" || plan.kind === "listeners" ? plan.writer : null;
  const found = new Set<string>();
  for (const use of [...(writer?.writes ?? []), ...(writer?.ends ?? [])]) {
    const [argument] = use.arguments as TreeNode[];
    const node = argument && nodeOf(call.node.getSourceFile(), argument);
    if (node) found.add(node.getType().getText(node));
  }
  const [type] = found;
  return found.size === 1 && type !== undefined && /^[A-Z][\w$]*$/.test(type) ? type : null;
}

// ---- definitions ---------------------------------------------------------------------------------------------------

function constructorOf(node: Node): Node | undefined {
  return Node.isNewExpression(node) ? node.getExpression() : undefined;
}

/** The type of something that could not be resolved: generated code that is not there yet. */
function isMissing(type: Type): boolean {
  return (type.compilerType as unknown as { intrinsicName?: string }).intrinsicName === "error";
}

/** How the type of what a constructor makes is written: classes are types themselves, other constructors are not. */
function instanceType(callee: Node | undefined): string | null {
  if (!callee || !/^[\w$.]+$/.test(callee.getText())) return null;
  const symbol = callee.getSymbol();
  const isClass = (symbol?.getAliasedSymbol() ?? symbol)?.getDeclarations().some(Node.isClassDeclaration);
  return isClass ? callee.getText() : `InstanceType<typeof ${callee.getText()}>`;
}

/** How the old service definition is written at a construction. */
function definitionAt(project: AnalysisProject, node: Node): DefinitionRef | undefined {
  const callee = constructorOf(node);
  if (!callee) return undefined;
  const origin = project.originOf(node);
  if (origin.kind !== "client") return undefined;
  // A package definition has no types of its services; the constructor of a typed package does.
  const isTyped =
    /\.[cm]?tsx?$/.test(node.getSourceFile().getFilePath()) &&
    (callee.getType().getProperty("service") !== undefined || isMissing(callee.getType()));
  if (origin.flavour === "proto-loader" && !isTyped) {
    const holder = origin.packageDefinition?.call.getParent();
    if (holder && Node.isVariableDeclaration(holder) && holder.getSourceFile() === node.getSourceFile()) {
      const block = holder.getFirstAncestor((ancestor) => Node.isBlock(ancestor) || Node.isSourceFile(ancestor));
      const isAround = block && node.getAncestors().includes(block as never);
      const quote = node.getSourceFile().getFullText().includes("'") ? "'" : '"';
      if (isAround && Node.isIdentifier(holder.getNameNode()))
        return { kind: "text", text: `${holder.getName()}[${quote}${origin.service}${quote}]` };
    }
    return { kind: "text", text: `${callee.getText()}.service` };
  }
  // The constructor that its generated class extends has the definition, the class itself the types.
  if (origin.flavour === "protoc-gen-ts")
    return { kind: "text", text: `${callee.getText()}.service`, types: callee.getText() };
  return (
    protobufTsClient(project, callee) ??
    definitionBeside(project, callee) ?? { kind: "text", text: `${callee.getText()}.service` }
  );
}

/** The `XService` const that generated code exports beside `XClient`. */
function definitionBeside(project: AnalysisProject, name: Node): DefinitionRef | undefined {
  const text = name.getText();
  const last = /(\w+)Client$/.exec(text)?.[1];
  if (last === undefined) return undefined;
  if (Node.isPropertyAccessExpression(name) || Node.isQualifiedName(name)) {
    const prefix = text.slice(0, text.length - `${last}Client`.length);
    return { kind: "text", text: `${prefix}${last}Service` };
  }
  const declaration = name.getSymbol()?.getDeclarations()[0];
  const importing = declaration?.getFirstAncestorByKind(SyntaxKind.ImportDeclaration);
  let module = importing?.getModuleSpecifierValue();
  if (module === undefined && declaration && Node.isBindingElement(declaration)) {
    const variable = declaration.getFirstAncestorByKind(SyntaxKind.VariableDeclaration);
    module = /^require\(\s*['"]([^'"]+)['"]\s*\)$/.exec(variable?.getInitializer()?.getText() ?? "")?.[1];
  }
  if (module === undefined) return undefined;
  const file = project.resolveModule(name.getSourceFile(), module);
  if (!file || !new RegExp(`\\b${last}Service\\b`).test(file.getFullText())) return undefined;
  return { kind: "import", module, name: `${last}Service` };
}

function typeDefinition(project: AnalysisProject, type: Node): DefinitionRef | undefined {
  if (!Node.isTypeReference(type)) return undefined;
  const origin = project.originOfType(type);
  if (origin.kind === "client-constructor" && origin.flavour === "protoc-gen-ts") {
    const name = type.getTypeName().getText();
    return { kind: "text", text: `${name}.service`, types: name };
  }
  return protobufTsClient(project, type.getTypeName()) ?? definitionBeside(project, type.getTypeName());
}
