import { type ClassDeclaration, Node, type SpreadAssignment, SyntaxKind } from "ts-morph";
import { generatorOf } from "../project/generated.js";
import { type Reason, reason } from "../shared/reasons.js";
import { areFieldsAlike, canBeField } from "./class-fields.js";
import { exportsOf } from "./exports.js";
import type { FactBase, RpcKind } from "./facts.js";
import { bodyOf } from "./function-bodies.js";
import { handlerFact, selfBound, takesContext } from "./handler-facts.js";
import { isOwnName } from "./member-calls.js";
import { memberChange } from "./member-changes.js";
import { placeOf } from "./places.js";
import type { AnalysisProject } from "./project.js";
import type {
  HandlerFact,
  ImplementationClassFact,
  RegistrationFact,
  ServerValueFact,
  StrayHandlerFact,
} from "./server-facts.js";
import { valueFact } from "./server-options.js";
import type { Draft } from "./server-registration.js";
import { changingWrappers, throughWrappers, type WrapperSite, type Wrappers, wrapperUse } from "./server-wrappers.js";
import { peeled, withAssertions } from "./value-flow.js";

/** One member of an implementation: the key of the RPC and the function that answers it, where it is known. */
interface Member {
  readonly key: string;
  readonly handler: Node | null;
  /** What stands for it in an object. */
  readonly value?: Node | undefined;
  /** The `shop.get` of `get: shop.get.bind(shop)`: a use of the handler that is its registration. */
  readonly access?: Node | undefined;
  /** `...handlers`, if the member comes from there. */
  readonly spread?: Node;
}

/** The same with what is known of its handler. */
interface Decided {
  readonly key: string;
  /** The member needs no bridge: its handler changes, or has one where it is wrapped. */
  readonly isDone: boolean;
  readonly handler: HandlerFact | null;
  readonly node: Node | null;
  readonly spread: Node | undefined;
}

/** Why an implementation can neither change nor stand on a bridge: it uses what only grpc-js's own calls have. */
export function unbridgeable(project: AnalysisProject, { fact, implementation }: Draft): Reason | null {
  if (fact.isBridged) return null;
  for (const { handler } of membersOf(project, implementation)?.members ?? []) {
    const inner = handler && innerCall(handler);
    if (inner) return reason("no-equivalent", `${inner.getText()}, the object that grpc-js keeps in its calls`);
  }
  return null;
}

/** Why an implementation cannot be that of the service: the descriptor is not of the code here. */
export function misfitOf(project: AnalysisProject, { fact, implementation }: Draft): Reason | null {
  if (fact.isBridged) return null;
  const members = membersOf(project, implementation)?.members ?? [];
  const service = project.protos.service(fact.service);
  if (!service) return null;
  const answered = new Set(members.map(({ key }) => project.protos.methodByLegacyKey(service, key)));
  const stray = members.find(({ key, handler }) => handler && !project.protos.methodByLegacyKey(service, key));
  const isMissing = service.methods.some((method) => !answered.has(method));
  return stray && isMissing && answered.size === 1 && answered.has(undefined)
    ? reason("types-unknown", `${fact.service}, which has no method ${stray.key}`)
    : null;
}

/** `call.call`: a private member, which the call of the bridge does not have. */
function innerCall(handler: Node): Node | undefined {
  const [call] = Node.isParametered(handler) ? handler.getParameters() : [];
  const inner = `${call?.getName()}.call`;
  return handler
    .getDescendantsOfKind(SyntaxKind.PropertyAccessExpression)
    .find((access) => access.getText() === inner && !isInVain(access, inner, handler));
}

/**
 * `call.call && call.call.metadata`, and what is done where that is true: nothing. No version of grpc-js has had metadata there,
 * so this is undefined with `call.call` and without it.
 */
function isInVain(access: Node, inner: string, handler: Node): boolean {
  const isTest = (node: Node) =>
    Node.isBinaryExpression(node) &&
    node.getOperatorToken().getKind() === SyntaxKind.AmpersandAmpersandToken &&
    node.getLeft().getText() === inner &&
    node.getRight().getText() === `${inner}.metadata`;
  for (let node = access; node !== handler; node = node.getParentOrThrow()) {
    const parent = node.getParentOrThrow();
    const isGuarded = Node.isIfStatement(parent) && parent.getThenStatement() === node;
    if (isTest(node) || (isGuarded && isTest(peeled(parent.getExpression())))) return true;
  }
  return false;
}

/** Whether the implementation is handed over as it is, member by member, or bridged as a whole. */
export function decide(
  project: AnalysisProject,
  draft: Draft,
  handlers: Map<Node, HandlerFact>,
  /** Facts about what stands between registrations and handlers, by place. */
  values: Map<string, FactBase>,
  /** Functions that another registration needs as they are, and why. */
  untouched: ReadonlyMap<Node, Reason>,
  wrappers?: Wrappers,
): RegistrationFact {
  const { fact, implementation } = draft;
  const whole = { ...fact, bridgedKeys: [], bridgedSpreads: [] };
  if (fact.isBridged) return { ...whole, implementation: "plain" };
  // Of its methods nothing is known.
  if (fact.descriptor === null) return { ...whole, implementation: "callbacks" };
  const found = membersOf(project, implementation);
  const answering = found?.members.filter(({ key }) => project.protos.methodByLegacyKey(fact.service, key));
  const replaced = found?.replaced ?? answering?.map(decoratedReason).find((each) => each !== undefined);
  const decided: Decided[] = [];
  const changes: FactBase[] = [];
  for (const { key, handler: member, value, access, spread } of found?.members ?? []) {
    const method = project.protos.methodByLegacyKey(fact.service, key);
    if (!method) {
      const stray = member && !found?.isClass ? strayFact(member, fact.service, key) : undefined;
      if (stray) values.set(`${stray.file}:${stray.start}`, stray);
      continue;
    }
    const rpc = project.protos.rpc(method);
    if (replaced) {
      const handler = member && handlerFact(project, member, key, rpc, found?.isClass ?? false);
      decided.push({ key, handler: handler && asKept(handler, replaced), node: member, spread, isDone: false });
      continue;
    }
    const use = value && member && wrappers?.changing.has(member) ? wrapperUse(project, value) : undefined;
    if (use && wrappers) {
      const last = throughWrappers(project, use, { value: use.argument, key, rpc }, wrappers, handlers);
      changes.push(...last.changes);
      decided.push({ key, handler: last.handler, node: last.node, spread, isDone: true });
      continue;
    }
    const handed = member && handedTo(project, member);
    if (handed) {
      // What answers is the function behind the arrow, and that is what the report is about.
      const target = asKept(
        handlerFact(project, handed.handler, handed.name.getText(), rpc, false, handed.name),
        untouched.get(handed.handler),
      );
      if (target.idiomatic) {
        const text = forwardText(handed.callee, rpc.kind, takesContext(project, handed.handler, rpc.kind));
        changes.push(valueFact(member, text, `forward to ${handed.callee.getText()}`));
      }
      decided.push({ key, handler: target, node: handed.handler, spread, isDone: target.idiomatic });
      continue;
    }
    const name = access?.getText() ?? key;
    const handler =
      member && asKept(handlerFact(project, member, name, rpc, found?.isClass ?? false, access), untouched.get(member));
    decided.push({ key, handler, node: member, spread, isDone: handler?.idiomatic === true });
  }
  const areAll = decided.length > 0 && decided.every(({ isDone }) => isDone);
  // A declared type says what all members are: it changes with all of them, or none does.
  const type = found?.type ? implementationType(project, found.type, draft) : null;
  const isPlain = areAll && (found?.type === null || type !== null) && !hasBoundBase(project, implementation);
  const isMixed = found !== undefined && decided.some(({ isDone }) => isDone);
  const isSpread =
    !isPlain && isMixed && found.type === null && !found.isOwn && canSpread(project, found, implementation);
  const kept = decided.filter(({ isDone }) => !isDone);
  const isOfMembers = found?.isOwn === true && (found.type === null || (isMixed && type !== null && !asksThis(kept)));
  const isClass = !isPlain && isMixed && found.isClass && canWrap(project, draft, decided, handlers);
  const isWhole = !isPlain && !isSpread && !isOfMembers && !isClass;
  if (!isWhole && type) changes.push(type);
  if (!isWhole) for (const change of changes) values.set(`${change.file}:${change.start}`, change);
  for (const { handler, node } of decided) {
    if (!handler || !node) continue;
    const shared = reason("neighbour-not-migrated", "another handler of the same implementation");
    const isBridged = isWhole || handlers.get(node)?.idiomatic === false;
    const decision = isBridged ? { ...handler, idiomatic: false, reason: handler.reason ?? shared } : handler;
    const isWrapped = handler.isWrapped || handlers.get(node)?.isWrapped === true;
    handlers.set(node, { ...decision, isField: isClass && !decision.idiomatic, isWrapped });
  }
  const bridged = isPlain || isWhole || isClass ? [] : kept;
  const isOfSpread = (spread: Node | undefined): spread is Node => spread !== undefined && !isSpread;
  return {
    ...fact,
    implementation: isPlain || isClass ? "plain" : isSpread ? "spread" : isWhole ? "callbacks" : "members",
    bridgedKeys: bridged.filter(({ spread }) => !isOfSpread(spread)).map(({ key }) => key),
    bridgedSpreads: [...new Set(bridged.map(({ spread }) => spread).filter(isOfSpread))].map((spread) => ({
      start: spread.getStart(),
      keys: bridged.filter((each) => each.spread === spread).map(({ key }) => key),
    })),
  };
}

/** The wrappers that change with their handlers. They stand in objects of which every member can be bridged by itself. */
export function wrappersOf(
  project: AnalysisProject,
  drafts: readonly Draft[],
  untouched: ReadonlyMap<Node, Reason>,
  /** The functions that answer without a wrapper somewhere. */
  direct: ReadonlySet<Node>,
): Wrappers {
  return changingWrappers(project, sitesOf(project, drafts), untouched, direct);
}

/** The members that wrappers may make. */
export function sitesOf(project: AnalysisProject, drafts: readonly Draft[]): readonly WrapperSite[] {
  return drafts.flatMap(({ fact, implementation }): WrapperSite[] => {
    const found = fact.isBridged || fact.descriptor === null ? undefined : membersOf(project, implementation);
    if (!found || found.replaced || found.type !== null || !(found.isOwn || canSpread(project, found, implementation)))
      return [];
    return found.members.flatMap(({ key, value }) => {
      const method = value && project.protos.methodByLegacyKey(fact.service, key);
      return method ? [{ value, key, rpc: project.protos.rpc(method) }] : [];
    });
  });
}

function asKept(handler: HandlerFact, why: Reason | undefined): HandlerFact {
  return why ? { ...handler, idiomatic: false, reason: handler.reason ?? why } : handler;
}

/** The functions that answer for an implementation, or may do so, as far as they are known. */
export function functionsOf(
  project: AnalysisProject,
  implementation: Node,
  seen: ReadonlySet<Node> = new Set(),
): Node[] {
  const origin = project.originOf(implementation);
  const literal = origin.kind === "object" ? origin.node : undefined;
  const own =
    literal && Node.isObjectLiteralExpression(literal)
      ? literal.getProperties().flatMap((property): (Node | null)[] => {
          if (Node.isSpreadAssignment(property)) return functionsOf(project, property.getExpression(), seen);
          return [Node.isMethodDeclaration(property) ? property : functionOf(project, property)];
        })
      : (membersOf(project, implementation)?.members ?? []).map(({ handler }) => handler);
  if (origin.kind === "unknown" && !seen.has(implementation))
    for (const value of implementationsPassed(project, implementation))
      own.push(...functionsOf(project, value, new Set([...seen, implementation])));
  return own.flatMap((handler) => (handler ? [handedTo(project, handler)?.handler ?? handler] : []));
}

/** What is passed for an implementation that is a parameter: each call may pass another one. */
export function implementationsPassed(project: AnalysisProject, implementation: Node): Node[] {
  const declaration = Node.isIdentifier(implementation) ? project.declarationOf(implementation) : undefined;
  if (!declaration || !Node.isParameterDeclaration(declaration)) return [];
  const values = project.valuesPassed(declaration) ?? [];
  return values.filter((value) => value !== undefined && value !== implementation) as Node[];
}

/** A function with a call and a callback under a name that the service does not have. */
function strayFact(member: Node, service: string, key: string): StrayHandlerFact | undefined {
  const body = bodyOf(member);
  const names = Node.isParametered(member) ? member.getParameters().map((parameter) => parameter.getName()) : [];
  if (
    !body ||
    !/^_?(call|req|request|ctx)$/i.test(names[0] ?? "") ||
    !/^(callback|cb|done|next|res)$/.test(names[1] ?? "")
  )
    return undefined;
  return {
    kind: "stray-handler",
    ...placeOf(body),
    service,
    key,
  };
}

/** What stands for `(call, callback) => target(call, callback)` when the target is Connect's. */
function forwardText(target: Node, kind: RpcKind, withContext: boolean): string {
  const text = target.getText();
  if (Node.isIdentifier(target)) return text;
  const taken = (name: string) => new RegExp(`\\b${name}\\b`).test(text);
  const request = kind === "client_streaming" || kind === "bidi_streaming" ? "requests" : "req";
  const [first, second] = [taken(request) ? `${request}2` : request, taken("ctx") ? "ctx2" : "ctx"];
  const given = withContext ? `${first}, ${second}` : first;
  return `(${given}) => ${text}(${given})`;
}

/** Another object can stand for an implementation that has a name, where no member asks which object it is in. */
function canSpread(project: AnalysisProject, found: Members, implementation: Node): boolean {
  if (found.isClass || !/^[\w$]+(\.[\w$]+)*$/.test(implementation.getText())) return false;
  return found.members.every(
    (member) => member.handler !== null && (!/\bthis\b/.test(member.handler.getText()) || hasOwnThis(project, member)),
  );
}

/** Is `this` the same in whatever object the function is: in an arrow, `shop.get.bind(shop)`, or a method that its class binds? */
function hasOwnThis(project: AnalysisProject, { handler, value, access }: Member): boolean {
  if (access || (handler && Node.isArrowFunction(handler))) return true;
  const owner = handler?.getParent();
  if (!handler || !Node.isMethodDeclaration(handler) || !Node.isClassDeclaration(owner)) return false;
  if (!Node.isPropertyAccessExpression(value) || project.originOf(value.getExpression()).kind !== "instance")
    return false;
  const statements = owner.getConstructors()[0]?.getStatements() ?? [];
  return statements.some(
    (each) => Node.isExpressionStatement(each) && selfBound(each.getExpression()) === handler.getName(),
  );
}

/** A bridged function does not know the type of `this` that a declared type gives it. */
function asksThis(kept: readonly Decided[]): boolean {
  return kept.some(({ node }) => node !== null && /\bthis\b/.test(node.getText()));
}

/** Can the methods that stay become fields of their class, while the others change? */
function canWrap(
  project: AnalysisProject,
  draft: Draft,
  decided: readonly Decided[],
  /** What other registrations say of the same methods. */
  handlers: ReadonlyMap<Node, HandlerFact>,
): boolean {
  const origin = project.originOf(draft.implementation);
  if (origin.kind !== "instance" || !Node.isClassDeclaration(origin.class)) return false;
  const owner = origin.class;
  const [clause] = owner.getImplements();
  if (clause && !definitionOf(project, clause.getExpression(), draft.definitionNode)) return false;
  if (owner.getExtends() && (!generatedBase(project, owner) || hasBoundBase(project, draft.implementation)))
    return false;
  return (
    areFieldsAlike(project, owner) &&
    decided.every(({ handler, node }) => {
      const other = node && handlers.get(node);
      if (!handler || (other && other.idiomatic !== handler.idiomatic)) return false;
      return handler.idiomatic || (handler.reason?.code !== "handler-used-elsewhere" && canBeField(node));
    })
  );
}

/** What the declared type of an implementation becomes; null where the definition has no name there. */
function implementationType(project: AnalysisProject, type: Node, draft: Draft): ServerValueFact | null {
  const isPart = Node.isTypeReference(type) && type.getTypeName().getText() === "Partial";
  const [whole] = isPart ? type.getTypeArguments() : [];
  if (whole) return implementationType(project, whole, draft);
  const shape = { module: "@connect-migrate/runtime/grpc-js", name: "ServiceImplOf", typeOnly: true };
  const name = Node.isTypeReference(type) ? type.getTypeName() : undefined;
  if (isTypedBy(draft.definitionNode, type)) {
    return {
      ...valueFact(type, `ServiceImplOf<${type.getText()}>`, "type of an implementation"),
      imports: [shape],
    };
  }
  const known = name && definitionOf(project, name, draft.definitionNode);
  const [definition] = (draft.call.getArguments() ?? []) as Node[];
  const isNamed =
    definition &&
    definition.getSourceFile() === type.getSourceFile() &&
    /^[\w$]+(\.[\w$]+)*$/.test(definition.getText());
  const written = known?.name ?? (isNamed ? definition.getText() : undefined);
  const isPartial = /UntypedServiceImplementation$/.test(type.getText());
  if (written === undefined)
    return isPartial
      ? { ...valueFact(type, "ServiceImplOf<any>", "type of an implementation"), imports: [shape] }
      : null;
  const text = `ServiceImplOf<typeof ${written}>`;
  return {
    ...valueFact(type, isPartial ? `Partial<${text}>` : text, "type of an implementation"),
    imports: [shape, ...(known ? [{ ...known, typeOnly: true }] : [])],
  };
}

/** `implements GreeterServer` of an implementation whose methods all change. */
export function classFacts(project: AnalysisProject, draft: Draft): ImplementationClassFact[] {
  const origin = project.originOf(draft.implementation);
  if (origin.kind !== "instance" || !Node.isClassDeclaration(origin.class)) return [];
  const owner = origin.class;
  const [clause] = owner.getImplements();
  const signatures = owner
    .getChildSyntaxListOrThrow()
    .getDescendantsOfKind(SyntaxKind.IndexSignature)
    .filter((node) => node.getFirstAncestorByKind(SyntaxKind.ClassDeclaration) === owner)
    .map((node) => ({ start: node.getStart(), end: node.getEnd() }));
  const base = {
    kind: "implementation-class",
    file: owner.getSourceFile().getFilePath(),
    via: "provenance",
    isBase: false,
  } as const;
  const heritage = generatedBase(project, owner) && owner.getHeritageClauseByKind(SyntaxKind.ExtendsKeyword);
  if (heritage) {
    const definition = heritage.getTypeNodes()[0]?.getText() ?? null;
    return [{ ...base, start: heritage.getStart(), end: heritage.getEnd(), definition, signatures, isBase: true }];
  }
  const known = clause && definitionOf(project, clause.getExpression(), draft.definitionNode);
  if (clause && known) {
    const definition = isTypedBy(draft.definitionNode, clause) ? clause.getText() : known;
    return [{ ...base, start: clause.getStart(), end: clause.getEnd(), definition, signatures }];
  }
  const [first] = signatures;
  return first ? [{ ...base, ...first, definition: null, signatures }] : [];
}

/**
 * protobuf-ts: `const greeterDefinition: grpc.ServiceDefinition<IGreeter>`, and the `GreeterHandlers` of proto-loader-gen-types:
 * the definition's own type says nothing of its messages, the interface does.
 */
function isTypedBy(definition: Node | null, type: Node): boolean {
  const declared = type.getType().getSymbol()?.getDeclarations().find(Node.isInterfaceDeclaration);
  if (
    declared &&
    /Handlers$/.test(declared.getName()) &&
    /^\s*\/\/ Original file: /.test(declared.getSourceFile().getFullText())
  )
    return true;
  if (!definition || !Node.isVariableDeclaration(definition)) return false;
  const named = /^(?:\w+\.)?ServiceDefinition<([\w.]+)>$/.exec(definition.getTypeNode()?.getText() ?? "")?.[1];
  return named !== undefined && named === type.getText().split(".").at(-1);
}

/** The class that a class extends, if protoc-gen-ts wrote it: abstract handlers and nothing else. */
function generatedBase(project: AnalysisProject, owner: ClassDeclaration): ClassDeclaration | undefined {
  const name = owner.getExtends()?.getExpression();
  const origin = name && project.originOf(name);
  const base = origin?.kind === "class" && Node.isClassDeclaration(origin.node) ? origin.node : undefined;
  if (!base?.isAbstract() || base.getConstructors().length > 0) return undefined;
  return generatorOf(base.getSourceFile().getFilePath(), base.getSourceFile().getFullText()) === "protoc-gen-ts" &&
    base.getInstanceMethods().every((method) => method.isAbstract())
    ? base
    : undefined;
}

/** The generated class says that handlers have callbacks, and the class cannot do without it. */
function hasBoundBase(project: AnalysisProject, implementation: Node): boolean {
  const origin = project.originOf(implementation);
  if (origin.kind !== "instance" || !Node.isClassDeclaration(origin.class) || !generatedBase(project, origin.class))
    return false;
  return origin.class.getImplements().length > 0 || /\bsuper\b/.test(origin.class.getText());
}

/** The definition `GreeterService` and its module, where `GreeterServer` of `implements` comes from the same one. */
function definitionOf(
  project: AnalysisProject,
  name: Node,
  known: Node | null,
): { module: string; name: string } | undefined {
  const specifier = name.getSymbol()?.getDeclarations().find(Node.isImportSpecifier);
  const module = specifier?.getImportDeclaration().getModuleSpecifierValue();
  if (module === undefined) return undefined;
  // Code that a build makes: its names are those of ts-proto.
  const short = known ? undefined : /^(\w+)Server$/.exec(name.getText())?.[1];
  if (short !== undefined && module.startsWith(".") && !project.resolveModule(name.getSourceFile(), module))
    return { module, name: `${short}Service` };
  if (!known || !Node.isVariableDeclaration(known)) return undefined;
  if (project.resolveModule(name.getSourceFile(), module) !== known.getSourceFile()) return undefined;
  return { module, name: known.getName() };
}

interface Members {
  readonly members: readonly Member[];
  /** The object literal is this registration's own and in its file: members can be wrapped where they stand. */
  readonly isOwn: boolean;
  readonly isClass: boolean;
  /** The declared type of an object literal. */
  readonly type: Node | null;
  /** Why these may not be the functions that answer. */
  readonly replaced: Reason | undefined;
}

/** The members of an implementation, if it is an object literal, a file's exports or an instance of a class of the project. */
function membersOf(project: AnalysisProject, implementation: Node): Members | undefined {
  const found = declaredMembers(project, implementation);
  if (!found) return undefined;
  const change = memberChange(project, found.owner, implementation);
  const replaced = change && reason("handler-used-elsewhere", `${shortText(change)} puts something else in its place`);
  return { ...found, replaced };
}

/** A decorator gets the method, and may put another function in its place. */
function decoratedReason({ handler }: Member): Reason | undefined {
  const holder = handler?.getParent();
  const declaration = Node.isPropertyDeclaration(holder) ? holder : (handler ?? undefined);
  const [decorator] =
    Node.isMethodDeclaration(declaration) || Node.isPropertyDeclaration(declaration) ? declaration.getDecorators() : [];
  return decorator && reason("handler-used-elsewhere", `${shortText(decorator)} may put something else in its place`);
}

function shortText(node: Node): string {
  const text = node.getText().replace(/\s+/g, " ");
  return text.length > 60 ? `${text.slice(0, 59)}…` : text;
}

function declaredMembers(project: AnalysisProject, implementation: Node) {
  const origin = project.originOf(implementation);
  if (origin.kind === "object" && Node.isObjectLiteralExpression(origin.node)) {
    const literal = origin.node;
    const byKey = new Map<string, Member>();
    for (const property of literal.getProperties()) {
      if (Node.isSpreadAssignment(property)) {
        const spread = spreadMembers(project, property);
        if (!spread) return undefined;
        for (const member of spread) byKey.set(member.key, member);
        continue;
      }
      const key = "getName" in property ? property.getName().replace(/^['"]|['"]$/g, "") : "";
      const value = Node.isMethodDeclaration(property) ? property : functionOf(project, property);
      const given = Node.isPropertyAssignment(property) ? property.getInitializer() : undefined;
      const named = Node.isShorthandPropertyAssignment(property) ? property.getNameNode() : undefined;
      byKey.set(key, { key, handler: value, value: given ?? named, access: boundAccess(property) });
    }
    const members = [...byKey.values()];
    const isInline = literal === peeled(implementation);
    const variable = withAssertions(literal).getParent();
    const isOnlyHere =
      variable !== undefined &&
      Node.isVariableDeclaration(variable) &&
      literal.getSourceFile() === implementation.getSourceFile() &&
      project
        .referencesTo(variable.getNameNode())
        .filter((node) => node !== variable.getNameNode() && node !== implementation).length === 0;
    const type = isInline ? null : declaredType(literal);
    return { owner: literal, members, isOwn: isInline || isOnlyHere, isClass: false, type };
  }
  if (origin.kind === "module") {
    const { named, isComplete } = exportsOf(origin.file);
    if (!isComplete) return undefined;
    const members = [...named].map(([key, entry]) => ({
      key,
      handler: entry.kind === "node" ? functionOf(project, entry.node) : null,
    }));
    return { owner: origin.file, members, isOwn: false, isClass: false, type: null };
  }
  if (origin.kind === "instance" && Node.isClassDeclaration(origin.class))
    return { owner: origin.class, members: classMembers(origin.class), isOwn: false, isClass: true, type: null };
  return undefined;
}

/**
 * The type that a literal is asserted to have, or that of the variable that holds it, or of the function, method or getter that
 * returns it.
 */
function declaredType(literal: Node): Node | null {
  let holder: Node | undefined = literal.getParent();
  while (Node.isParenthesizedExpression(holder)) holder = holder.getParent();
  const asserted = Node.isAsExpression(holder) || Node.isSatisfiesExpression(holder) ? holder.getTypeNode() : undefined;
  if (asserted && !/^(any|unknown|object|const)$/.test(asserted.getText())) return asserted;
  holder = withAssertions(literal).getParent();
  if (Node.isVariableDeclaration(holder)) return holder.getTypeNode() ?? null;
  if (Node.isReturnStatement(holder)) holder = holder.getFirstAncestor(Node.isFunctionLikeDeclaration);
  return Node.isFunctionLikeDeclaration(holder) || Node.isArrowFunction(holder)
    ? (holder.getReturnTypeNode() ?? null)
    : null;
}

/** What `...handlers` brings, if single members of it can be replaced behind it. */
function spreadMembers(project: AnalysisProject, spread: SpreadAssignment): Member[] | undefined {
  const expression = spread.getExpression();
  const found = membersOf(project, expression);
  return found?.type === null && !found.replaced && canSpread(project, found, expression)
    ? found.members.map(({ key, handler, value }) => ({ key, handler, value, spread }))
    : undefined;
}

/** The `get` of `get: shop.get.bind(shop)`. */
function boundAccess(property: Node): Node | undefined {
  const value = Node.isPropertyAssignment(property) ? property.getInitializer() : undefined;
  const callee = Node.isCallExpression(value) ? value.getExpression() : undefined;
  if (!callee || !Node.isPropertyAccessExpression(callee) || callee.getName() !== "bind") return undefined;
  const target = callee.getExpression();
  return Node.isPropertyAccessExpression(target) ? target.getNameNode() : undefined;
}

function functionOf(project: AnalysisProject, property: Node): Node | null {
  const origin = project.originOf(property);
  return origin.kind === "function" ? origin.node : null;
}

function classMembers(node: ClassDeclaration): Member[] {
  const members: Member[] = [];
  for (const method of node.getInstanceMethods()) members.push({ key: method.getName(), handler: method });
  for (const property of node.getInstanceProperties()) {
    if (!Node.isPropertyDeclaration(property)) continue;
    const value = property.getInitializer();
    members.push({
      key: property.getName(),
      handler: value && (Node.isArrowFunction(value) || Node.isFunctionExpression(value)) ? value : null,
    });
  }
  return members;
}

/** `(call, callback) => handler(call, callback)`: the function that is the handler, how it is called, and its name there. */
function handedTo(project: AnalysisProject, member: Node): { handler: Node; callee: Node; name: Node } | undefined {
  if (!Node.isArrowFunction(member)) return undefined;
  const body = member.getBody();
  const statements = Node.isBlock(body) ? body.getStatements() : [];
  const [only] = statements;
  const returned = only && Node.isReturnStatement(only) ? only.getExpression() : undefined;
  const call = Node.isBlock(body) ? (statements.length === 1 ? returned : undefined) : body;
  if (!call || !Node.isCallExpression(call)) return undefined;
  const given = call.getArguments().map((argument) => argument.getText());
  const taken = member.getParameters().map((parameter) => parameter.getName());
  if (taken.length === 0 || given.join() !== taken.join()) return undefined;
  const callee = call.getExpression();
  const name = Node.isPropertyAccessExpression(callee) ? callee.getNameNode() : callee;
  if (!isOwnName(name)) return undefined;
  const origin = project.originOf(callee);
  return origin.kind === "function" ? { handler: origin.node, callee, name } : undefined;
}
