import { type ClassDeclaration, Node, SyntaxKind } from "ts-morph";
import { lineRange } from "../shared/imports.js";
import { type Reason, reason } from "../shared/reasons.js";
import { peeled } from "./around-values.js";
import { areFieldsAlike, canBeField } from "./class-fields.js";
import type { FactBase, RpcKind } from "./facts.js";
import { bodyOf } from "./function-bodies.js";
import { handlerFact, takesContext } from "./handler-facts.js";
import { isOwnName } from "./member-calls.js";
import { placeOf, shortText } from "./places.js";
import type { AnalysisProject } from "./project.js";
import type {
  HandlerFact,
  ImplementationClassFact,
  RegistrationFact,
  ServerValueFact,
  StrayHandlerFact,
} from "./server-facts.js";
import { canSpread, changeReason, functionOf, generatedBase, type Members, membersOf } from "./server-members.js";
import { valueFact } from "./server-options.js";
import type { Draft } from "./server-registration.js";
import { changingWrappers, throughWrappers, type WrapperSite, type Wrappers, wrapperUse } from "./server-wrappers.js";

/** The same with what is known of its handler. */
interface Decided {
  readonly key: string;
  /** The member needs no bridge: its handler changes, or has one where it is wrapped. */
  readonly isDone: boolean;
  readonly handler: HandlerFact | null;
  readonly node: Node | null;
  readonly spread: Node | undefined;
  /** The member calls it, as a method of what it is a method of. */
  readonly isForwarded?: true;
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
  const replaced = found && replacedReason(project, found, fact.service);
  const decided: Decided[] = [];
  const changes: FactBase[] = [];
  for (const { key, handler: member, value, access, spread, replaced: own } of found?.members ?? []) {
    const method = project.protos.methodByLegacyKey(fact.service, key);
    if (!method) {
      const stray = member && !found?.isClass ? strayFact(member, fact.service, key) : undefined;
      if (stray) values.set(`${stray.file}:${stray.start}`, stray);
      continue;
    }
    const rpc = project.protos.rpc(method);
    const other = own ?? replaced;
    if (other) {
      const handler = member && handlerFact(project, member, key, rpc, found?.isClass ?? false);
      decided.push({ key, handler: handler && asKept(handler, other), node: member, spread, isDone: false });
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
        const withContext = takesContext(project, handed.handler, rpc.kind);
        changes.push(forwardFact(member, handed.callee, rpc.kind, withContext));
      }
      decided.push({ key, handler: target, node: handed.handler, spread, isDone: target.idiomatic, isForwarded: true });
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
  // What is put into the object later takes the place of a bridge that stands in it.
  const isPlace = !found?.members.some(({ isOverwritten }) => isOverwritten);
  const isSpread =
    !isPlain && isMixed && found.type === null && !found.isOwn && canSpread(project, found, implementation);
  const kept = decided.filter(({ isDone }) => !isDone);
  const isOfMembers =
    found?.isOwn === true && isPlace && (found.type === null || (isMixed && type !== null && !asksThis(kept)));
  const isClass = !isPlain && isMixed && found.isClass && isPlace && canWrap(project, draft, decided, handlers);
  const isSome = !isPlain && !isSpread && !isOfMembers && !isClass && isMixed && isUntyped(project, found);
  const isWhole = !isPlain && !isSpread && !isOfMembers && !isClass && !isSome;
  if (!isWhole && type) changes.push(type);
  if (!isWhole) for (const change of changes) values.set(`${change.file}:${change.start}`, change);
  const [neighbour] = kept;
  const shared = neighbour
    ? reason("neighbour-not-migrated", `another handler of the same implementation (${neighbour.key})`)
    : reason(
        "no-equivalent",
        found?.type && !type ? `the type ${shortText(found.type)}` : "what it uses of the class that it extends",
      );
  for (const { handler, node } of decided) {
    if (!handler || !node) continue;
    const isBridged = isWhole || handlers.get(node)?.idiomatic === false;
    const decision = isBridged ? { ...handler, idiomatic: false, reason: handler.reason ?? shared } : handler;
    const isWrapped = handler.isWrapped || handlers.get(node)?.isWrapped === true;
    handlers.set(node, { ...decision, isField: isClass && !decision.idiomatic, isWrapped });
  }
  const bridged = isPlain || isWhole || isClass ? [] : kept;
  const isOfSpread = (spread: Node | undefined): spread is Node => spread !== undefined && !isSpread && !isSome;
  return {
    ...fact,
    implementation:
      isPlain || isClass ? "plain" : isSpread ? "spread" : isWhole ? "callbacks" : isSome ? "some" : "members",
    bridgedKeys: bridged.filter(({ spread }) => !isOfSpread(spread)).map(({ key }) => key),
    bridgedSpreads: [...new Set(bridged.map(({ spread }) => spread).filter(isOfSpread))].map((spread) => ({
      start: spread.getStart(),
      keys: bridged.filter((each) => each.spread === spread).map(({ key }) => key),
    })),
  };
}

/** Why other functions may answer than the members of an implementation. */
function replacedReason(project: AnalysisProject, found: Members, service: string): Reason | undefined {
  if (found.replaced) return found.replaced;
  const isMethod = (key: string) => project.protos.methodByLegacyKey(service, key) !== undefined;
  const added = found.added.find(({ key }) => key === undefined || isMethod(key));
  if (added) return changeReason(added);
  if (!found.isOpen) return undefined;
  const answered = new Set(found.members.map(({ key }) => project.protos.methodByLegacyKey(service, key)));
  const inherited = project.protos.service(service)?.methods.find((method) => !answered.has(method));
  return inherited && reason("types-unknown", `whether ${inherited.name} is inherited`);
}

/** No type says what the members are. */
function isUntyped(project: AnalysisProject, { type, owners }: Members): boolean {
  return (
    type === null &&
    owners.every(
      (owner) =>
        !Node.isClassDeclaration(owner) ||
        (owner.getImplements().length === 0 && signaturesOf(owner).length === 0 && !generatedBase(project, owner)),
    )
  );
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
    if (!found || !isUntyped(project, found)) return [];
    if (replacedReason(project, found, fact.service)) return [];
    return found.members.flatMap(({ key, value, replaced }) => {
      const method = value && !replaced && project.protos.methodByLegacyKey(fact.service, key);
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

/** The functions of an implementation in whose place another one may answer. */
export function replacedFunctions(project: AnalysisProject, { fact, implementation }: Draft): Node[] {
  const found = fact.isBridged ? undefined : membersOf(project, implementation);
  const whole = found && replacedReason(project, found, fact.service);
  return (found?.members ?? []).flatMap(({ handler, replaced }) => (handler && (whole || replaced) ? [handler] : []));
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
function forwardFact(member: Node, target: Node, kind: RpcKind, withContext: boolean): ServerValueFact {
  const text = target.getText();
  const fact = (by: string) => valueFact(member, by, `forward to ${text}`);
  if (Node.isIdentifier(target)) return fact(text);
  const taken = (name: string) => new RegExp(`\\b${name}\\b`).test(text);
  const isStream = kind === "client_streaming" || kind === "bidi_streaming";
  const request = isStream ? "requests" : "req";
  const [first, second] = [taken(request) ? `${request}2` : request, taken("ctx") ? "ctx2" : "ctx"];
  const given = withContext ? `${first}, ${second}` : first;
  const type = Node.isParametered(member) ? member.getParameters()[0]?.getTypeNode() : undefined;
  if (!type) return fact(`(${given}) => ${text}(${given})`);
  const [message] = Node.isTypeReference(type) ? type.getTypeArguments() : [];
  const of = message?.getText() ?? "any";
  const typed = `${first}: ${isStream ? `AsyncIterable<${of}>` : of}`;
  if (!withContext) return fact(`(${typed}) => ${text}(${given})`);
  return {
    ...fact(`(${typed}, ${second}: HandlerContext) => ${text}(${given})`),
    imports: [{ module: "@connect-migrate/runtime", name: "HandlerContext", typeOnly: true }],
  };
}

/** A bridged function does not know the type of `this` that a declared type gives it. */
function asksThis(kept: readonly Decided[]): boolean {
  return kept.some(({ node, isForwarded }) => node !== null && !isForwarded && /\bthis\b/.test(node.getText()));
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
  const clause = owner.getImplements().find((each) => !saysUntyped(each));
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
  const clause = owner.getImplements().find((each) => !saysUntyped(each));
  const signatures = signaturesOf(owner).map((node) => ({ start: node.getStart(), end: node.getEnd() }));
  const untyped = untypedRange(owner);
  const base = {
    kind: "implementation-class",
    file: owner.getSourceFile().getFilePath(),
    via: "provenance",
    isBase: false,
    ofBase: [],
    untyped,
  } as const;
  const heritage = generatedBase(project, owner) && owner.getHeritageClauseByKind(SyntaxKind.ExtendsKeyword);
  if (heritage) {
    const definition = heritage.getTypeNodes()[0]?.getText() ?? null;
    const range = { start: heritage.getStart(), end: heritage.getEnd() };
    return [{ ...base, ...range, definition, signatures, isBase: true, ofBase: ofBase(owner) }];
  }
  const known = clause && definitionOf(project, clause.getExpression(), draft.definitionNode);
  if (clause && known) {
    const definition = isTypedBy(draft.definitionNode, clause) ? clause.getText() : known;
    return [{ ...base, start: clause.getStart(), end: clause.getEnd(), definition, signatures }];
  }
  const first = untyped ?? signatures[0];
  return first ? [{ ...base, ...first, definition: null, signatures }] : [];
}

/** What a class may say only where it extends another one: `override ` and `super();`. */
function ofBase(owner: ClassDeclaration): { start: number; end: number }[] {
  const source = owner.getSourceFile().getFullText();
  const overrides = owner
    .getInstanceMembers()
    .flatMap((member) => (Node.isModifierable(member) ? member.getModifiers() : []))
    .filter((modifier) => modifier.isKind(SyntaxKind.OverrideKeyword))
    .map((modifier) => ({ start: modifier.getStart(), end: modifier.getEnd() }))
    .map(({ start, end }) => ({ start, end: end + (/^\s*/.exec(source.slice(end))?.[0].length ?? 0) }));
  const calls = callsOfBase(owner).map((statement) => lineRange(source, statement.getStart(), statement.getEnd()));
  return [...overrides, ...calls];
}

/** `super();` of its constructors. */
function callsOfBase(owner: ClassDeclaration): Node[] {
  const statements = owner.getConstructors().flatMap((each) => each.getStatements());
  return statements.filter((statement) => /^super\(\);?$/.test(statement.getText()));
}

/** `[name: string]: UntypedHandleCall`. */
function signaturesOf(owner: ClassDeclaration): Node[] {
  return owner
    .getChildSyntaxListOrThrow()
    .getDescendantsOfKind(SyntaxKind.IndexSignature)
    .filter((node) => node.getFirstAncestorByKind(SyntaxKind.ClassDeclaration) === owner);
}

function saysUntyped(type: Node): boolean {
  return /(^|\.)UntypedServiceImplementation$/.test(type.getText());
}

/** ` implements UntypedServiceImplementation`, or that part of it. */
function untypedRange(owner: ClassDeclaration): { start: number; end: number } | null {
  const types = owner.getImplements();
  const index = types.findIndex(saysUntyped);
  const heritage = owner.getHeritageClauseByKind(SyntaxKind.ImplementsKeyword);
  const [type, next, before] = [types[index], types[index + 1], types[index - 1]];
  if (!type || !heritage) return null;
  if (types.length === 1) return { start: heritage.getPos(), end: heritage.getEnd() };
  return next
    ? { start: type.getStart(), end: next.getStart() }
    : { start: (before as Node).getEnd(), end: type.getEnd() };
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

/** The generated class says that handlers have callbacks, and the class cannot do without it. */
function hasBoundBase(project: AnalysisProject, implementation: Node): boolean {
  const origin = project.originOf(implementation);
  if (origin.kind !== "instance" || !Node.isClassDeclaration(origin.class) || !generatedBase(project, origin.class))
    return false;
  const { class: owner } = origin;
  return (
    !owner.getImplements().every(saysUntyped) ||
    owner.getDescendantsOfKind(SyntaxKind.SuperKeyword).length > callsOfBase(owner).length
  );
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
