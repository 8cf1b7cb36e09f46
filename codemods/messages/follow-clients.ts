import type { DescMethod, DescService } from "@bufbuild/protobuf";
import {
  type CallExpression,
  type ConstructorDeclaration,
  type NewExpression,
  Node,
  type ParameterDeclaration,
  type PropertyAccessExpression,
  type PropertyDeclaration,
  type VariableDeclaration,
} from "ts-morph";
import type { Origin } from "../analysis/origin.js";
import type { AnalysisProject } from "../analysis/project.js";
import { startCall } from "./client-calls.js";
import type { Bridge } from "./find-bridges.js";
import type { Start } from "./message-roots.js";
import {
  functionAround,
  isAlias,
  isArrowBody,
  isAssignmentTarget,
  isAsync,
  isExportsTarget,
  isFunctionNode,
  isTransparent,
  isTruthTest,
  isValueOfLogical,
  topOf,
  unwrapped,
} from "./message-syntax.js";
import { isUnreadGlobal } from "./undeclared-names.js";
import { requiredBy, usesOfWhole } from "./whole-exports.js";

/** Functions of the runtime that no message goes through. */
const CHANNEL_FUNCTIONS = /^(waitUntilReady|waitForClientReady|closeClient|getClientChannel)$/;
/** Members of a view (`asGrpcJsClient`) that no message goes through. */
const CHANNEL_MEMBERS = /^(waitForReady|close|getChannel)$/;

/**
 * All calls of some clients: requests go out, replies come in. A client is followed through variables, fields, exports,
 * functions that make it, and functions of the project that it is given to, if they are given nothing else.
 */
export function createFollowClients(project: AnalysisProject, bridges: readonly Bridge[], start: Start) {
  const services = new Map<Node, DescService>(
    bridges.filter(({ of }) => of === "client").map(({ call, service }) => [call, service]),
  );
  /** Clients of other bridges that were met: where these change, those have to. */
  const strangers = new Set<Node>();
  const seen = new Set<Node>();
  /** Whatever has the name of a field that holds a client: in the end, each of them has turned out to be one. */
  const fields = new Set<Node>();
  /** All calls are known before the first reply is followed, which may lead to a function of the same name. */
  const found: { readonly call: CallExpression; readonly method: DescMethod }[] = [];

  /** An expression holds a client of `service`: where does it go? */
  const follow = (given: Node, service: DescService): unknown => {
    let expression = given;
    for (let above = expression.getParent(); above && isTransparent(above); above = expression.getParent()) {
      if (Node.isAsExpression(above) || Node.isSatisfiesExpression(above))
        return start.block(above, "a type assertion names the old client");
      expression = above;
    }
    if (seen.has(expression)) return;
    seen.add(expression);
    const parent = expression.getParent();
    if (!parent) return;
    if (Node.isPropertyAccessExpression(parent) && parent.getExpression() === expression)
      return member(parent, service);
    if (Node.isVariableDeclaration(parent) && parent.getInitializer() === expression)
      return named(parent.getNameNode(), service);
    if (Node.isPropertyDeclaration(parent) && parent.getInitializer() === expression)
      return field(parent.getNameNode(), service);
    if (Node.isBinaryExpression(parent) && parent.getRight() === expression && isAssignmentTarget(parent.getLeft()))
      return assigned(parent.getLeft(), service);
    if ((Node.isCallExpression(parent) || Node.isNewExpression(parent)) && parent.getArguments().includes(expression))
      return handedOver(parent, expression, service);
    if (Node.isReturnStatement(parent) || isArrowBody(parent, expression)) return returned(expression, service);
    if (Node.isExpressionStatement(parent) || Node.isExportAssignment(parent)) return;
    if (isTruthTest(parent, expression) && !isValueOfLogical(parent)) return;
    start.block(expression, "the client is handed on");
  };

  const member = (access: Node, service: DescService): unknown => {
    if (!Node.isPropertyAccessExpression(access)) return;
    const calls = callsOf(project, access);
    if (!calls) return start.block(access, "a method of the client that is not called here");
    const method = project.protos.methodByLegacyKey(service, access.getName());
    if (!method) return start.block(access, `${service.typeName} has no method ${access.getName()}`);
    if (access.getName() !== method.localName) start.replace(access.getNameNode(), method.localName);
    for (const call of calls) {
      start.received.add(call);
      found.push({ call, method });
    }
  };

  /** A variable, field or parameter holds the client, and nothing else. */
  const named = (name: Node, service: DescService): unknown => {
    if (!Node.isIdentifier(name)) return start.block(name, "the client is not held by a variable");
    if (seen.has(name)) return;
    seen.add(name);
    const references = project.referencesTo(name);
    for (const reference of references) {
      const holder = reference.getParent();
      if (isDeclaredBy(holder, reference)) {
        const type = holder.getTypeNode();
        if (type && !start.retypeService(type, service))
          start.block(reference, "a type annotation names the old client");
        continue;
      }
      if (reference === name || isAlias(reference)) continue;
      const use = Node.isPropertyAccessExpression(holder) && holder.getNameNode() === reference ? holder : reference;
      if (!isAssignmentTarget(use)) follow(use, service);
      else if (!isExportsTarget(use)) written(use, service);
    }
  };

  /** `this.client` is known by its name alone to code that nothing says the type of. */
  const field = (name: Node, service: DescService): void => {
    for (const one of project.identifiersNamed(name.getText())) {
      const access = one.getParent();
      if (!Node.isPropertyAccessExpression(access) || access.getNameNode() !== one) continue;
      fields.add(access);
      // The field of `constructor(private client: …)` is not the parameter.
      if (one.getSymbol()?.getDeclarations().includes(name.getParentOrThrow())) follow(access, service);
    }
    named(name, service);
  };

  /** Whatever a holder of a client gets is one. */
  const written = (target: Node, service: DescService): void => {
    const change = target.getParent();
    const value = Node.isBinaryExpression(change) && change.getOperatorToken().getText() === "=" && change.getRight();
    if (!value || !(isNothing(value) || isClient(value, service, new Set())))
      start.block(target, "the variable of a client is written to");
  };

  const assigned = (target: Node, service: DescService): unknown => {
    if (target.getText() === "module.exports") {
      for (const use of usesOfWhole(project, target.getSourceFile())) follow(use, service);
      return undefined;
    }
    const access = Node.isPropertyAccessExpression(target) ? target : undefined;
    if (access && Node.isThisExpression(access.getExpression())) return field(access.getNameNode(), service);
    const declaration = Node.isIdentifier(target) ? project.declarationOf(target) : undefined;
    if (isUnreadGlobal(project, target)) return undefined;
    if (!Node.isVariableDeclaration(declaration)) return start.block(target, "the client is not held by a variable");
    const initializer = declaration.getInitializer();
    if (initializer && !isNothing(initializer) && !isClient(initializer, service, new Set()))
      return start.block(target, "the variable of a client is written to");
    named(declaration.getNameNode(), service);
  };

  /** A function of the project is given the client: by all its callers. */
  const handedOver = (call: CallExpression | NewExpression, expression: Node, service: DescService): unknown => {
    if (CHANNEL_FUNCTIONS.test(call.getExpression().getText())) return;
    if (call.getExpression().getText() === "asGrpcJsClient") {
      const access = call.getParent();
      const isChannel = Node.isPropertyAccessExpression(access) && CHANNEL_MEMBERS.test(access.getName());
      return isChannel ? undefined : start.block(call, "a view of the client has its old messages");
    }
    const origin = project.originOf(call.getExpression());
    const owner = origin.kind === "function" && isFunctionNode(origin.node) ? origin.node : constructorOf(origin);
    const parameter = owner?.getParameters()[call.getArguments().indexOf(expression)];
    const values = parameter && project.valuesPassed(parameter);
    if (!parameter || !values || start.handlers.has(owner)) return start.block(expression, "the client is handed on");
    for (const value of values)
      if (!value || !isClient(value, service, new Set()))
        start.block(value ?? parameter, "a function for this client is given something else");
    // `constructor(private readonly client: …)` is a field, too.
    if (parameter.isParameterProperty()) field(parameter.getNameNode(), service);
    else named(parameter.getNameNode(), service);
  };

  const returned = (expression: Node, service: DescService): unknown => {
    const owner = functionAround(expression);
    if (!owner || (isFunctionNode(owner) && isAsync(owner))) return start.block(expression, "the client is handed on");
    for (const call of start.callsOf(owner)) follow(call, service);
  };

  /** Is an expression certainly one of the clients of this proof, and of this service? */
  const isClient = (given: Node, service: DescService, asked: Set<Node>): boolean => {
    const value = unwrapped(given);
    if (asked.has(value)) return true;
    asked.add(value);
    if (Node.isCallExpression(value)) {
      const exported = requiredBy(project, value);
      if (exported) return isClient(exported, service, asked);
      if (services.get(value)?.typeName === service.typeName) return true;
      if (Node.isIdentifier(value.getExpression()) && value.getExpression().getText() === "createClient")
        strangers.add(value);
      return false;
    }
    if (Node.isPropertyAccessExpression(value)) return holdsClients(value, service, asked);
    const required = requiredAs(value);
    if (required) return isClient(required, service, asked);
    const declaration = Node.isIdentifier(value) ? project.declarationOf(value) : undefined;
    if (Node.isParameterDeclaration(declaration)) {
      const values = project.valuesPassed(declaration);
      return values?.every((one) => one !== undefined && isClient(one, service, asked)) ?? false;
    }
    if (!Node.isVariableDeclaration(declaration)) return false;
    const initializer = declaration.getInitializer();
    const writes = project.referencesTo(declaration.getNameNode()).filter(isAssignmentTarget);
    const sources = writes.map((write) => {
      const change = write.getParent();
      return Node.isBinaryExpression(change) ? change.getRight() : change;
    });
    const made = [...(initializer ? [initializer] : []), ...sources].filter((one) => one && !isNothing(one));
    return made.length > 0 && made.every((one) => one !== undefined && isClient(one, service, asked));
  };

  /** `client` of `const client = require("./client")`. */
  const requiredAs = (name: Node): Node | undefined => {
    const [own] = (Node.isIdentifier(name) && name.getSymbol()?.getDeclarations()) || [];
    const call = Node.isVariableDeclaration(own) ? own.getInitializer() : undefined;
    if (!Node.isVariableDeclaration(own) || !Node.isIdentifier(own.getNameNode()) || !Node.isCallExpression(call))
      return undefined;
    return project.referencesTo(own.getNameNode()).some(isAssignmentTarget) ? undefined : requiredBy(project, call);
  };

  /** `this.client`: whatever it gets is one. */
  const holdsClients = (access: PropertyAccessExpression, service: DescService, asked: Set<Node>): boolean => {
    const sources: (Node | undefined)[] = [];
    for (const name of project.referencesTo(access.getNameNode())) {
      const holder = name.getParent();
      if (isDeclaredBy(holder, name)) {
        if (Node.isParameterDeclaration(holder)) sources.push(...(project.valuesPassed(holder) ?? [undefined]));
        else if (holder.getInitializer()) sources.push(holder.getInitializer());
      } else if (holder && isAssignmentTarget(holder)) {
        const change = holder.getParent();
        sources.push(Node.isBinaryExpression(change) ? change.getRight() : undefined);
      }
    }
    const made = sources.filter((one) => !one || !isNothing(one));
    return made.length > 0 && made.every((one) => one !== undefined && isClient(one, service, asked));
  };

  return {
    strangers,
    finish(): void {
      for (const { call, method } of found) startCall(project, call, method, start);
      for (const access of fields)
        if (!seen.has(topOf(access)) && !isAssignmentTarget(access)) start.block(access, "this may be the client");
    },
    start: (bridge: Bridge): unknown => follow(bridge.call, bridge.service),
  };
}

/** `client.get(…)`, or all calls of `const get = client.get`; undefined where the method goes elsewhere. */
function callsOf(project: AnalysisProject, access: PropertyAccessExpression): CallExpression[] | undefined {
  const holder = access.getParent();
  if (Node.isCallExpression(holder) && holder.getExpression() === access) return [holder];
  if (!Node.isVariableDeclaration(holder) || holder.getTypeNode()) return undefined;
  const name = holder.getNameNode();
  if (holder.getVariableStatement()?.getDeclarationKind() !== "const" || !Node.isIdentifier(name)) return undefined;
  const calls: CallExpression[] = [];
  for (const use of project.referencesTo(name)) {
    const member = use.getParent();
    if (use === name || isAlias(use)) continue;
    const callee = Node.isPropertyAccessExpression(member) && member.getNameNode() === use ? member : use;
    const call = callee.getParent();
    if (!Node.isCallExpression(call) || call.getExpression() !== callee) return undefined;
    calls.push(call);
  }
  return calls;
}

/** The constructor of a class of the project, which is not inherited from. */
function constructorOf(origin: Origin): ConstructorDeclaration | undefined {
  if (origin.kind !== "class") return undefined;
  const { node } = origin;
  return Node.isClassDeclaration(node) || Node.isClassExpression(node) ? node.getConstructors()[0] : undefined;
}

function isNothing(node: Node): boolean {
  return /^(null|undefined)$/.test(node.getText());
}

/** The declarations that a name can be of, for all of which a type may be written. */
function isDeclaredBy(
  holder: Node | undefined,
  name: Node,
): holder is VariableDeclaration | PropertyDeclaration | ParameterDeclaration {
  return (
    (Node.isVariableDeclaration(holder) || Node.isPropertyDeclaration(holder) || Node.isParameterDeclaration(holder)) &&
    holder.getNameNode() === name
  );
}
