import {
  type CallExpression,
  Node,
  type PropertyAccessExpression,
  type ReturnTypedNode,
  type SourceFile,
  type TypeNode,
} from "ts-morph";
import { type CallPlan, cancelOf, planCall, planReady } from "../clients/plan-call.js";
import { nodeAt } from "../shared/ast.js";
import { passesOn, peeled } from "./around-values.js";
import { chosenUnary } from "./chosen-method.js";
import { canCloseTransport, isStateOfChannel } from "./client-channel-calls.js";
import { clientDefinition } from "./client-definitions.js";
import { classAround } from "./client-fields.js";
import { baseOfPackage, givenPlace, wholeLiteral } from "./client-given.js";
import { chosenRead, holderAround, holderOf } from "./client-holders.js";
import { declaredInterface, findInterfaces, foreignType } from "./client-interfaces.js";
import { isCalledOnly, isReplaced, leaks, leaksByName } from "./client-leaks.js";
import { isParameterAClient, parameterOf } from "./client-parameters.js";
import { type Call, type ChannelCall, type Service, UNPLANNED, viewOf } from "./client-services.js";
import { sharedUses } from "./client-shared-names.js";
import { askedMethod, stubAround } from "./client-stubs.js";
import { type TakenMethod, takenAround, takenParameter } from "./client-taken.js";
import type { Trees } from "./client-trees.js";
import { ANY_SERVICE, isVaryingClient } from "./client-varying.js";
import { madeListAround } from "./collections.js";
import { isExportedProperty, isExportTarget, isValueAssignment, isWholeExport } from "./exports.js";
import type { RpcRef } from "./facts.js";
import { iteratedOnly } from "./iterated-streams.js";
import { isTypeScript } from "./language.js";
import { mayListenerThrow } from "./listener-throws.js";
import type { Origin } from "./origin.js";
import { shortText } from "./places.js";
import type { AnalysisProject } from "./project.js";
import { relaysErrors } from "./relayed-errors.js";
import { handlerAround } from "./routed-handlers.js";
import { unseenResult } from "./unseen-results.js";

/** The bare client in `transportFromGrpcJs(new grpc.Client(…))`, which an earlier run left below migrated calls. */
function isKeptChannel(node: Node): boolean {
  const parent = node.getParent();
  return !!parent && Node.isCallExpression(parent) && parent.getExpression().getText().endsWith("transportFromGrpcJs");
}

/** What is called like this puts methods of its own into the client, which calls elsewhere then mean. */
const CHANGERS = /promisif|wrap|patch|decorat|instrument|enhance|extend|mixin|proxy/i;

type Refuse = (detail: string) => void;
type Taken = Pick<Call, "rpc" | "form"> & Pick<TakenMethod, "arity">;

export function findServices(
  project: AnalysisProject,
  trees: Trees,
  programOf: (file: SourceFile) => SourceFile,
): Map<string, Service> {
  const services = new Map<string, Service>();
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
        interfaces: [],
        methodTypes: [],
        anyTypes: [],
        taken: [],
        peers: new Set(),
        streamTypes: [],
        stubs: [],
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
          // A name says nothing for sure of the client that a program's own interface is for.
          if (declaredInterface(project, node)) return;
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
      if (isVaryingClient(project, node)) {
        const service = serviceOf(ANY_SERVICE);
        service.constructions.push({ node, replaced: null, transport: UNPLANNED });
        service.obstacles.push({ node, detail: "its service is chosen when the program runs", view: null });
        return;
      }
      if (origin.kind !== "client" || isKeptChannel(node)) return;
      const service = serviceOf(origin.service);
      if (Node.isNewExpression(node)) service.constructions.push({ node, replaced: null, transport: UNPLANNED });
      use(node, service);
    });
  }
  for (const [key, service] of services)
    findInterfaces(project, service, (file) => key === `${service.name}@${programOf(file).getFilePath()}`);
  for (const [name, service] of services)
    if (service.constructions.length + service.calls.length === 0) services.delete(name);
  return services;

  function use(start: Node, service: Service): void {
    let node = start;
    let parent = node.getParent();
    // Wrappers that pass the value on.
    while (parent && passesOn(parent, node)) {
      node = parent;
      seen.add(node);
      parent = node.getParent();
    }
    if (!parent) return;
    const refuse = (detail: string, view: Node | null = null) =>
      service.obstacles.push({ node: start, detail, view: viewOf(service, view ?? undefined) });
    const isClientOf = (origin: Origin) => origin.kind === "client" && origin.service === service.name;
    const refuseType = (type: TypeNode | undefined) => {
      const foreign = foreignType(project, type, service.name);
      if (foreign !== undefined) refuse(foreign);
    };
    const refuseHandedOn = () => {
      if (project.isHandedOn(start.getSourceFile(), "values"))
        refuse("what its file exports is given, as a whole, to other code");
    };
    const refuseGiven = (property: Node) => {
      const place = givenPlace(project, property);
      const isAtOnce = place !== undefined && wholeLiteral(property).getParent() === place && !isTypeScript(place);
      if (place) refuse(`it is in what \`${shortText(place)}\` gives to other code`, isAtOnce ? node : null);
    };
    const refuseInherited = (owner: Node | undefined, name: string) => {
      const base = owner && baseOfPackage(project, owner);
      if (base) refuse(`it is kept in the field ${name}, which ${shortText(base)} may use`);
    };
    const refuseChosen = (holder: Parameters<typeof chosenRead>[1], kind: "value" | "function" = "value") => {
      const read = chosenRead(project, holder, kind);
      if (read) refuse(`it may be what \`${shortText(read)}\` reads`);
    };

    if (Node.isPropertyAccessExpression(parent) || Node.isElementAccessExpression(parent)) {
      if (parent.getExpression() !== node) return;
      member(parent, service, refuse);
      return;
    }
    if (Node.isVariableDeclaration(parent)) {
      const name = parent.getNameNode();
      if (parent.getInitializer() !== node) return;
      const isKnown = Node.isIdentifier(name) && project.originOf(name).kind === "client";
      if (!isKnown) refuse("it is destructured or its variable is assigned again");
      refuseType(parent.getTypeNode());
      if (!isKnown || !parent.isExported()) return;
      refuseChosen(parent.getSourceFile());
      refuseHandedOn();
      return;
    }
    if (Node.isBinaryExpression(parent)) {
      const operator = parent.getOperatorToken().getText();
      if (isValueAssignment(parent.getOperatorToken().getKind())) {
        const left = parent.getLeft();
        if (left === node) return;
        const field = Node.isPropertyAccessExpression(left) ? left : undefined;
        const isFilledAgain = field && isReplaced(project, project.declarationOf(field.getNameNode()), field.getName());
        const isKnown =
          isExportTarget(left.getText()) || (project.originOf(left).kind === "client" && !leaks(project, left));
        if (isFilledAgain && !isExportTarget(left.getText()))
          refuse(`something else is put into the field ${field.getName()}`);
        else if (!isKnown) refuse(`it is kept in ${left.getText()}`);
        refuseChosen(holderOf(project, left));
        // What stands for all that a file exports is the client itself.
        if (isExportTarget(left.getText()) && !isWholeExport(left.getText())) refuseHandedOn();
        else if (field && Node.isThisExpression(field.getExpression()))
          refuseInherited(classAround(field), field.getName());
        else if (field) refuseGiven(field);
        refuseType(
          annotationOf(project.declarationOf(Node.isPropertyAccessExpression(left) ? left.getNameNode() : left)),
        );
        // `return (client ??= new X())`: what is assigned is a value, too.
        if (isKnown && !Node.isExpressionStatement(parent.getParent())) use(parent, service);
        return;
      }
      if (operator === "&&" && parent.getRight() === node) {
        use(parent, service);
        return;
      }
      if (/^(&&|[!=]==?)$/.test(operator)) return;
      refuse("it is part of an expression");
      return;
    }
    if (Node.isPropertyAssignment(parent) || Node.isShorthandPropertyAssignment(parent)) {
      refuseChosen(holderAround(parent));
      if (isExportedProperty(parent)) {
        refuseHandedOn();
        return;
      }
      refuseGiven(parent);
      if (leaksByName(project, parent.getName().replace(/^['"]|['"]$/g, "")))
        refuse(`it is kept in an object as ${parent.getName()}`);
      if (isReplaced(project, parent, parent.getName()))
        refuse(`something else is put into the member ${parent.getName()}`);
      return;
    }
    if (Node.isCallExpression(parent) || Node.isNewExpression(parent)) {
      if (parent.getExpression() === node) return;
      const callee = parent.getExpression();
      // `promisify(client.m).bind(client)`: the method itself was looked at.
      if (Node.isPropertyAccessExpression(callee) && callee.getName() === "bind" && isMethodOf(callee, node)) return;
      if (
        Node.isPropertyAccessExpression(callee) &&
        /^(set|push|unshift)$/.test(callee.getName()) &&
        project.elementOf(callee.getExpression()).kind === "client"
      )
        return;
      const index = parent.getArguments().indexOf(node);
      const stub = index === 0 ? stubAround(project, parent, service.name) : undefined;
      if (stub) {
        service.stubs.push(stub);
        return;
      }
      if (index === 0 && Node.isCallExpression(parent)) {
        const called = project.originOf(callee);
        const name = called.kind === "grpc" ? called.path : "";
        if (
          name === "closeClient" ||
          name === "waitForClientReady" ||
          (name === "getClientChannel" && isStateOfChannel(parent))
        ) {
          service.channelCalls.push({
            node: parent,
            function: name,
            isMember: false,
            isAwaited: isAwaited(parent, name),
          });
          return;
        }
      }
      const taker = parameterOf(project, parent, index);
      if (taker) refuseType(annotationOf(taker));
      if (isParameterAClient(project, taker) || isAskedForChannel(node, service)) return;
      // Where types say what a parameter is, its calls have been found as this client's own.
      const isTyped = isTypeScript(parent);
      const isChanged = CHANGERS.test(parent.getExpression().getText());
      refuse(`it is passed to ${parent.getExpression().getText()}`, isTyped || isChanged ? null : node);
      return;
    }
    if (Node.isPropertyDeclaration(parent)) {
      refuseChosen(holderAround(parent));
      refuseType(parent.getTypeNode());
      if (parent.getScope() !== "private") refuseInherited(parent.getParent(), parent.getName());
      if (leaksByName(project, parent.getName())) refuse(`it is kept in the field ${parent.getName()}`);
      if (isReplaced(project, parent, parent.getName()))
        refuse(`something else is put into the field ${parent.getName()}`);
      return;
    }
    const list = madeListAround(node);
    if (list && project.elementOf(list).kind === "client") return;
    if (Node.isArrayLiteralExpression(parent) && isAskedForChannel(node, service)) return;
    if (Node.isReturnStatement(parent) || (Node.isArrowFunction(parent) && parent.getBody() === node)) {
      const owner = Node.isArrowFunction(parent)
        ? parent
        : parent.getFirstAncestor(
            (ancestor) => Node.isFunctionLikeDeclaration(ancestor) || Node.isFunctionExpression(ancestor),
          );
      if (owner && "getReturnTypeNode" in owner) refuseType((owner as ReturnTypedNode).getReturnTypeNode());
      if (!owner || !isCalledOnly(project, owner))
        refuse("it is returned from a function whose uses are not all known");
      else if (!isClientOf(project.resultOf(owner)))
        refuse("it is returned from a function that gives other things, too");
      else refuseChosen(holderAround(owner), Node.isGetAccessorDeclaration(owner) ? "value" : "function");
      return;
    }
    if (Node.isExportAssignment(parent) || Node.isExportSpecifier(parent)) {
      refuseHandedOn();
      return;
    }
    if (
      Node.isExpressionStatement(parent) ||
      Node.isIfStatement(parent) ||
      Node.isPrefixUnaryExpression(parent) ||
      Node.isImportSpecifier(parent) ||
      Node.isImportClause(parent) ||
      Node.isNamespaceImport(parent)
    )
      return;
    if (Node.isParameterDeclaration(parent) || Node.isBindingElement(parent)) {
      // A default, beside which callers may pass something else.
      if (parent.getInitializer() !== node || project.originOf(parent).kind === "client") return;
      refuse(`it is the default of ${parent.getName()}, for which other clients are passed`);
      return;
    }
    if (Node.isInterfaceDeclaration(parent)) return;
    refuse(`it is used as \`${shortText(parent)}\` says`);
  }

  /** Can a promise stand for a callback that is told when the channel is ready? */
  function isAwaited(call: Node, name: ChannelCall["function"]): boolean {
    const tree = name === "waitForClientReady" ? trees(call.getSourceFile()) : undefined;
    const node = tree && nodeAt(tree, call.getStart(), call.getEnd());
    return tree !== undefined && node !== undefined && planReady(tree, node) !== undefined;
  }

  /** Is it one of clients of several services that a name holds, of which only the channel is used? */
  function isAskedForChannel(client: Node, service: Service): boolean {
    const uses = sharedUses(project, client);
    service.channelCalls.push(...(uses?.calls ?? []));
    service.anyTypes.push(...(uses?.types ?? []));
    return uses !== undefined;
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
      const chosen = object ? chosenUnary(project, access, service.name) : undefined;
      if (chosen) {
        addCall(access.getParent() as Node, chosen, "client", service);
        return;
      }
      refuse("a method is chosen by a computed name", object);
      return;
    }
    const desc = project.protos.methodByLegacyKey(service.name, name);
    const parent = access.getParent();
    const isCalled = parent && Node.isCallExpression(parent) && parent.getExpression() === access;
    if (!desc) {
      if (name === "close" && isCalled && Node.isPropertyAccessExpression(access)) {
        if (canCloseTransport(project, parent)) service.closes.push(parent);
        else service.channelCalls.push({ node: parent, function: "closeClient", isMember: true, isAwaited: false });
        return;
      }
      const isPlain = isCalled && Node.isPropertyAccessExpression(access) && !access.hasQuestionDotToken();
      if (name === "waitForReady" && isPlain) {
        const name = "waitForClientReady";
        service.channelCalls.push({ node: parent, function: name, isMember: true, isAwaited: isAwaited(parent, name) });
        return;
      }
      if (name === "getChannel" && isPlain && isStateOfChannel(parent)) {
        service.channelCalls.push({ node: parent, function: "getClientChannel", isMember: true, isAwaited: false });
        return;
      }
      refuse(`${name} is used`, /^(?:close|waitForReady|getChannel)$/.test(name) ? object : undefined);
      return;
    }
    const rpc = project.protos.rpc(desc);
    if (isCalled) {
      addCall(parent, rpc, "client", service);
      return;
    }
    const asked = /^(?:unary|server_streaming)$/.test(rpc.kind) ? askedMethod(project, access, rpc) : undefined;
    if (asked) {
      service.stubs.push(asked);
      return;
    }
    const taken = takenAround(project, access);
    if (!taken) {
      refuse(`${name} is taken as a function`, object);
      return;
    }
    const { whole, form, arity } = taken;
    const given = whole.getParent();
    const index = Node.isCallExpression(given) ? given.getArguments().indexOf(whole) : -1;
    if (form === "client" && index >= 0) {
      const problem = followParameter(parameterOf(project, given as Node, index), service);
      if (problem === undefined) service.promisified.push({ node: whole, method: access, rpc, form });
      else refuse(`${name} is handed on: ${problem}`, object);
      return;
    }
    service.promisified.push({ node: whole, method: access, rpc, form });
    followFunction(whole, access, { rpc, form, arity }, service, refuse);
  }

  function followFunction(whole: Node, method: Node, taken: Taken, service: Service, refuse: Refuse): void {
    const { rpc, form } = taken;
    const parent = whole.getParent();
    if (parent && Node.isCallExpression(parent) && parent.getExpression() === whole) {
      addTaken(parent, taken, service, refuse);
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
      refuse(`${form === "client" ? rpc.method : "a promisified method"} is handed on`);
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
      for (const reference of project.referencesTo(nameNode)) functionUse(reference, nameNode, taken, service, refuse);
      return;
    }
    const declarations = new Set(nameNode.getSymbol()?.getDeclarations() ?? []);
    const name = nameNode.getText();
    for (const identifier of project.identifiersNamed(name)) {
      if (identifier === nameNode) continue;
      const symbol = identifier.getSymbol();
      const own = symbol?.getDeclarations() ?? [];
      if (own.some((declaration) => declarations.has(declaration)))
        functionUse(identifier, nameNode, taken, service, refuse);
      else if (own.length === 0 && Node.isPropertyAccessExpression(identifier.getParent() as Node)) {
        const owner = (identifier.getParent() as import("ts-morph").PropertyAccessExpression).getExpression();
        const origin = project.originOf(owner);
        if (origin.kind === "unknown") refuse(`${owner.getText()}.${name} may be a promisified method`);
        else if (origin.kind === "object" || origin.kind === "instance")
          functionUse(identifier, nameNode, taken, service, refuse);
      }
    }
  }

  function functionUse(reference: Node, declared: Node, taken: Taken, service: Service, refuse: Refuse): void {
    const { rpc, form } = taken;
    if (reference === declared) return;
    let node = reference;
    let parent = node.getParent();
    if (parent && Node.isPropertyAccessExpression(parent) && parent.getNameNode() === node) {
      node = parent;
      parent = node.getParent();
    }
    if (!parent) return;
    if (Node.isCallExpression(parent) && parent.getExpression() === node) {
      addTaken(parent, taken, service, refuse);
      return;
    }
    if (Node.isPropertyDeclaration(parent)) return;
    if (
      Node.isExportSpecifier(parent) ||
      Node.isImportSpecifier(parent) ||
      Node.isImportClause(parent) ||
      Node.isTypeQuery(parent) ||
      Node.isBindingElement(parent) ||
      ((Node.isShorthandPropertyAssignment(parent) || Node.isPropertyAssignment(parent)) && isExportedProperty(parent))
    )
      return;
    if (Node.isBinaryExpression(parent) && /^(module\.)?exports\.\w+$/.test(parent.getLeft().getText())) return;
    refuse(`the ${form === "client" ? "" : "promisified "}${rpc.method} is handed on`);
  }

  function addTaken(call: CallExpression, { rpc, form, arity }: Taken, service: Service, refuse: Refuse): void {
    if (arity !== undefined && call.getArguments().length > arity)
      refuse(`more is passed to the promisified ${rpc.method} than it takes`);
    else addCall(call, rpc, form, service, true);
  }

  /** A function of the project that is given methods of clients by all its callers; a string says why it is none. */
  function followParameter(declaration: Node | undefined, service: Service): string | undefined {
    const taken = takenParameter(project, declaration);
    if (typeof taken === "string") return taken;
    const first = [...services.values()].find((each) => each.taken.some((one) => one.declaration === declaration));
    if (!first) {
      service.taken.push(taken);
      for (const call of taken.calls) addCall(call, taken.rpc, "client", service, true);
    } else if (first !== service) {
      first.peers.add(service);
      service.peers.add(first);
    }
    return undefined;
  }

  function addCall(node: Node, rpc: RpcRef, form: Call["form"], service: Service, isTaken = false): void {
    if (service.calls.some((call) => call.node === node)) return;
    const isStatement = Node.isExpressionStatement(node.getParent());
    const isOneReply = form === "client" && /^(unary|client_streaming)$/.test(rpc.kind);
    const iterated = form === "client" && rpc.kind === "server_streaming" ? iteratedOnly(project, node) : undefined;
    const unseen = iterated ? "iterated" : (isOneReply && !isStatement && unseenResult(project, node)) || null;
    if (iterated) service.streamTypes.push(...iterated);
    const tree = trees(node.getSourceFile());
    const inTree = tree && nodeAt(tree, node.getStart(), node.getEnd());
    const found: CallPlan = inTree
      ? planCall(tree, inTree, rpc.kind, form, {
          isUnseen: unseen !== null,
          relays: relaysErrors(project),
          handler: handlerAround(project, node),
        })
      : { kind: "refused", reason: "the call was not found again" };
    const field = cancelOf(found)?.field;
    const isOutside = field && isReadElsewhere(project, node.getSourceFile(), field.name);
    const isThrowing = mayListenerThrow(project, node.getSourceFile(), found);
    const problem = isThrowing
      ? "the data listener may throw"
      : isOutside
        ? "another file may use its field"
        : undefined;
    const plan: CallPlan = problem === undefined ? found : { kind: "refused", reason: problem };
    service.calls.push({ node, rpc, form, isTaken, plan, unseen });
  }
}

/** Is `client.m.bind` or `promisify(client.m).bind` what a client is bound by? */
function isMethodOf(bind: PropertyAccessExpression, client: Node): boolean {
  const bound = peeled(bind.getExpression());
  const [method] = Node.isCallExpression(bound) ? bound.getArguments() : [bound];
  return Node.isPropertyAccessExpression(method) && method.getExpression().getText() === client.getText();
}

function annotationOf(declaration: Node | undefined): TypeNode | undefined {
  const isTyped =
    Node.isVariableDeclaration(declaration) ||
    Node.isPropertyDeclaration(declaration) ||
    Node.isParameterDeclaration(declaration);
  return isTyped ? declaration.getTypeNode() : undefined;
}

/** Does another file name a member like a field? What is called there is no stream. */
function isReadElsewhere(project: AnalysisProject, file: SourceFile, field: string): boolean {
  return project.identifiersNamed(field).some((name) => {
    const access = name.getParent();
    const user = access?.getParent();
    return (
      name.getSourceFile() !== file &&
      Node.isPropertyAccessExpression(access) &&
      access.getNameNode() === name &&
      !(Node.isCallExpression(user) && user.getExpression() === access) &&
      /^(unknown|instance)$/.test(project.originOf(access.getExpression()).kind)
    );
  });
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
  if (
    Node.isVariableDeclaration(parent) ||
    Node.isParameterDeclaration(parent) ||
    Node.isBindingElement(parent) ||
    Node.isPropertyDeclaration(parent)
  )
    return parent.getInitializer() === node;
  if (Node.isShorthandPropertyAssignment(parent)) return true;
  if (Node.isTypeReference(parent) || Node.isQualifiedName(parent)) return false;
  return !(
    Node.isImportSpecifier(parent) ||
    Node.isImportClause(parent) ||
    Node.isNamespaceImport(parent) ||
    Node.isExportSpecifier(parent) ||
    Node.isMethodDeclaration(parent) ||
    Node.isGetAccessorDeclaration(parent) ||
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

/** `asGrpcJsClient<GreeterClient>(client)`, `ClientOf<GreeterClient>`: the old client's type, written by an earlier run. */
function isTypeOfView(type: Node): boolean {
  const parent = type.getParent();
  if (!parent) return false;
  if (Node.isCallExpression(parent)) return /^(asGrpcJsClient|grpcJsMessages)$/.test(parent.getExpression().getText());
  return Node.isTypeReference(parent) && parent.getTypeName().getText() === "ClientOf";
}
