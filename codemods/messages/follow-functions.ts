import { type CallExpression, Node } from "ts-morph";
import { outermost } from "../analysis/around-values.js";
import { settles } from "./later-replies.js";
import { memberNameOf, strayUse } from "./member-functions.js";
import { mergesInto } from "./merged-messages.js";
import { isPlain, type Kind, sameKind } from "./message-kind.js";
import {
  isAbsent,
  isAlias,
  isAssignmentTarget,
  isEachCall,
  isExportsTarget,
  isFunctionNode,
  isMapCall,
  isMapOver,
  isTruthTest,
  isValueOfLogical,
  nameOfFunction,
  ownReturns,
  parametersOf,
  resultType,
} from "./message-syntax.js";
import type { Proving } from "./proof.js";
import { rejectsTo } from "./rejections.js";
import { signaturesOf } from "./sole-interfaces.js";
import { storeOf } from "./store-places.js";
import { takesIntoStore } from "./stores.js";
import { isNameOfModule, usesOfWhole } from "./whole-exports.js";

/** Functions of the project that take or give messages: all their calls hand over such messages and get them. */
export function createFollowFunctions(p: Proving) {
  const { project, shape, open, proved, helpers, overLists, block, sink } = p;

  /** `list.map(helper)`, of this helper: it gets each element. */
  const takesEach = (call: CallExpression, owner: Node): boolean => {
    const [callback] = call.getArguments();
    const origin = callback && isEachCall(call) ? project.originOf(callback) : undefined;
    return origin?.kind === "function" && origin.node === owner;
  };

  /** A project function gives messages: all its calls do. */
  const resultOf = (owner: Node, kind: Kind): unknown => {
    const helper = helperOf(owner);
    if (helper.result) {
      if (!sameKind(helper.result, kind)) block(owner, "this function returns messages of more than one type");
      return;
    }
    helper.result = kind;
    callbackResults(owner, kind); // whatever else it returns must be such a message, too
    for (const call of callsOf(owner)) {
      if (!takesEach(call, owner)) p.flow(call, kind);
      else if (isMapCall(call) && (shape.isLive || shape.coerces)) p.flow(call, { kind: "list", of: kind });
      else block(call, "a list of messages that a function gives");
    }
  };

  const argument = (call: CallExpression, expression: Node, kind: Kind): unknown => {
    if (shape.takenBy?.(p, call, expression)) return;
    if (kind.kind !== "value" && settles(p, call, kind)) return;
    // A promise is what it is awaited for.
    if (kind.kind === "list" && call.getExpression().getText() === "Promise.all") return p.flow(call, kind);
    if (kind.kind === "message" && call.getExpression().getText() === "Promise.resolve") return p.flow(call, kind);
    if (addsToOwnList(call, kind) || takesIntoStore(p, call, kind) || mergesInto(p, call, expression, kind)) return;
    const origin = project.originOf(call.getExpression());
    // An accessor of generated types is no function of the project: whether the message may go there, its proof says.
    if (origin.kind !== "function" || origin.node.getSourceFile().isDeclarationFile()) {
      open.push({ expression, kind });
      return;
    }
    const index = call.getArguments().indexOf(expression);
    const parameter = isFunctionNode(origin.node) ? parametersOf(origin.node)[index] : undefined;
    if (!parameter || parameter.isRestParameter())
      return block(call, "a message is handed to a function that takes it otherwise");
    const isNamed = shape.isNameOfEnum?.(project, parameter.getTypeNode()) === true;
    if (kind.kind === "value" && !(isNamed && kind.as.kind === "enum-name")) {
      open.push({ expression, kind }); // a plain value: it is converted on the way in
      return;
    }
    if (parameter.getInitializer()) return block(parameter, "a default for a message that is handed over");
    takes(origin.node, index, kind, call);
  };

  /** `all.push(message)` of a list that is begun in a function: it holds such messages, and is followed. */
  const addsToOwnList = (call: CallExpression, kind: Kind): boolean => {
    const callee = call.getExpression();
    if (!shape.isLive || kind.kind !== "message" || !Node.isPropertyAccessExpression(callee)) return false;
    const list = callee.getExpression();
    const declaration = Node.isIdentifier(list) && callee.getName() === "push" && project.declarationOf(list);
    const made = declaration && Node.isVariableDeclaration(declaration) ? declaration.getInitializer() : undefined;
    if (!made || !Node.isArrayLiteralExpression(made) || storeOf(project, list)) return false;
    sink(made, { kind: "list", of: kind });
    return true;
  };

  /** A project function takes messages: all its calls hand over such a message. */
  const takes = (owner: Node, index: number, kind: Kind, call: Node): unknown => {
    const parameter = parametersOf(owner)[index];
    if (!parameter) return;
    const helper = helperOf(owner);
    const before = helper.params.get(index);
    if (before) {
      if (!sameKind(before, kind)) block(call, "this function takes messages of more than one type");
      return;
    }
    helper.params.set(index, kind);
    retypeClass(owner, kind);
    p.bind(parameter.getNameNode(), kind);
    const promised = signaturesOf(project, owner)?.map((one) => one.getParameters()[index]?.getTypeNode());
    if (!retypeEach(promised, owner, "a type annotation names the old message", kind)) return;
    for (const other of callsOf(owner)) {
      if (takesEach(other, owner)) {
        overLists.push({ call: other, kind });
        continue;
      }
      const given = other.getArguments()[index];
      const isSpread = other.getArguments().some((one) => Node.isSpreadElement(one));
      if (given && !isSpread && !(isAbsent(given) && !shape.isLive)) sink(given, kind);
      else if (isSpread || shape.isLive || !isOnlyTested(parameter.getNameNode()))
        block(other, "a call without the message that this function takes");
    }
  };

  /** Is nothing there the same for all that is done with a parameter, whichever nothing it is? */
  const isOnlyTested = (name: Node) =>
    Node.isIdentifier(name) &&
    project.referencesTo(name).every((use) => {
      const parent = use.getParent();
      if (use === name) return true;
      if (Node.isPropertyAccessExpression(parent)) return parent.getExpression() === use;
      return parent !== undefined && isTruthTest(parent, use) && !isValueOfLogical(parent);
    });

  const helperOf = (owner: Node) => {
    let helper = helpers.get(owner);
    if (!helper) {
      helper = { result: null, params: new Map() };
      helpers.set(owner, helper);
      callsOf(owner); // reports uses that are no calls
    }
    return helper;
  };

  /** `exports.name = …` is no declaration: one of the names by which other files take it. */
  const takenFromExports = (owner: Node, name: Node): Node[] => {
    const target = name.getParent();
    if (!Node.isPropertyAccessExpression(target) || !isExportsTarget(target)) return [];
    const taken = project
      .identifiersNamed(name.getText())
      .find((one) => one !== name && project.declarationOf(one) === owner);
    return taken ? [taken] : [];
  };

  const callsOf = (owner: Node): CallExpression[] => {
    const atOnce = calledAtOnce(owner);
    if (atOnce) return [atOnce];
    const assignment = owner.getParent();
    const isWhole = Node.isBinaryExpression(assignment) && assignment.getLeft().getText() === "module.exports";
    // A function that is exported as a whole may call itself by its own name.
    const member = isWhole ? undefined : memberNameOf(owner);
    const name = isWhole && Node.isFunctionExpression(owner) ? owner.getNameNode() : (nameOfFunction(owner) ?? member);
    if (!name && !isWhole) {
      block(owner, "a function without a name carries messages");
      return [];
    }
    const calls: CallExpression[] = [];
    const uses = isWhole ? usesOfWhole(project, owner.getSourceFile()) : [];
    // `const save = function again() { … }`: it may call itself by a name that only it knows.
    const own = Node.isFunctionExpression(owner) ? owner.getNameNode() : undefined;
    const named = [own, name, ...(name ? takenFromExports(owner, name) : [])].filter((one) => one !== undefined);
    const references = new Set([...uses, ...named.flatMap((one) => project.referencesTo(one))]);
    const stray = member && name === member ? strayUse(p, member, references) : undefined;
    if (stray) {
      block(stray, `${member?.getText()} carries messages, and this may be a use of it`);
      return [];
    }
    const signatures = signaturesOf(project, owner) ?? [];
    for (const reference of references) {
      if (reference.getParent() === owner || isNameOfModule(reference)) continue;
      if (signatures.some((one) => one.getNameNode() === reference)) continue;
      if (reference === name || isAlias(reference)) continue;
      const access = reference.getParent();
      const callee = Node.isPropertyAccessExpression(access) && access.getNameNode() === reference ? access : reference;
      const call = callee.getParent();
      if (Node.isCallExpression(call) && call.getExpression() === callee) calls.push(call);
      else if (Node.isPropertyAccessExpression(access) && isExportsTarget(access)) continue;
      else if (Node.isCallExpression(call) && isMapOver(call, callee)) calls.push(call);
      else if (shape.isLive && Node.isCallExpression(call) && call.getArguments()[0] === callee && isEachCall(call))
        calls.push(call);
      else if (rejectsTo(callee)) p.later(() => getsRejections(owner, callee));
      else block(reference, `${reference.getText()} carries messages and is handed on`);
    }
    return calls;
  };

  /** A function that a rejected call of a client gives its error to, and nothing else: no message is there then. */
  const getsRejections = (owner: Node, callback: Node): void => {
    const helper = helperOf(owner);
    const promise = rejectsTo(callback);
    const isSafe =
      promise !== undefined &&
      p.received.has(promise) &&
      !helper.result &&
      !/\barguments\b/.test(owner.getText()) &&
      [...helper.params.keys()].every((index) => {
        const name = parametersOf(owner)[index]?.getNameNode();
        return index > 0 && name !== undefined && isOnlyTested(name) && !isChanged(name);
      });
    if (!isSafe) block(callback, `${callback.getText()} carries messages and is handed on`);
  };

  /** Setters of classes look for their object before their value is made, assignments after that. */
  const isChanged = (name: Node) =>
    Node.isIdentifier(name) &&
    project.referencesTo(name).some((use) => {
      const access = use.getParent();
      if (!Node.isPropertyAccessExpression(access)) return false;
      return isAssignmentTarget(access) || (shape.isLive && /^(set|add|clear)/.test(access.getName()));
    });

  const helperResult = (call: CallExpression, owner: Node, wanted: Kind): unknown => {
    if (shape.isLive) return resultOf(owner, wanted);
    const helper = helperOf(owner);
    if (helper.result) {
      if (!sameKind(helper.result, wanted)) block(call, "this function returns messages of more than one type");
      return;
    }
    helper.result = wanted;
    retypeClass(owner, wanted);
    callbackResults(owner, wanted);
    // Every other call gives such a message, too.
    for (const other of callsOf(owner)) {
      if (shape.coerces && !takesEach(other, owner)) {
        p.flow(other, wanted);
        continue;
      }
      if (proved.has(other)) continue;
      if (Node.isCallExpression(other) && other.getExpression() !== call.getExpression() && isMapCall(other))
        open.push({ expression: other, kind: { kind: "list", of: wanted } });
      else if (!isUnused(other)) open.push({ expression: other, kind: wanted });
    }
  };

  const retyped = new Set<Node>();

  /** `new Store<Order__Output>()`, of a class whose methods take or give such messages. */
  const retypeClass = (owner: Node, kind: Kind): void => {
    const holder = owner.getParent();
    const name =
      Node.isClassDeclaration(holder) && holder.getTypeParameters().length > 0 ? holder.getNameNode() : undefined;
    if (!name || isPlain(kind) || retyped.has(name)) return;
    retyped.add(name);
    for (const use of project.referencesTo(name)) {
      const made = use.getParent();
      if (!Node.isNewExpression(made) && !Node.isTypeReference(made)) continue;
      for (const type of made.getTypeArguments())
        if (!/^(string|number|boolean)$/.test(type.getText()))
          p.retype(type, made, "a type argument names the old message", kind);
    }
  };

  const retypeEach = (types: readonly (Node | undefined)[] | undefined, owner: Node, what: string, kind: Kind) =>
    isPlain(kind) || (types ?? []).every((type) => !type || p.retype(type, owner, what, kind));

  /** Everything that a function returns is a sink. */
  const callbackResults = (owner: Node, wanted: Kind): unknown => {
    if (!isFunctionNode(owner)) return;
    const body = owner.getBody();
    if (!body) return block(owner, "a function without a body");
    const type = isPlain(wanted) ? undefined : resultType(owner);
    const promised = type && signaturesOf(project, owner)?.map((one) => one.getReturnTypeNode());
    if (!retypeEach([type, ...(promised ?? [])], owner, "the type of a result names the old message", wanted)) return;
    if (!Node.isBlock(body)) return sink(body, wanted);
    const returns = ownReturns(owner);
    if (returns.length === 0) block(owner, "nothing is returned here");
    for (const statement of returns) {
      const expression = statement.getExpression();
      if (expression) sink(expression, wanted);
      else block(statement, "a return without a value");
    }
  };

  return { resultOf, argument, takes, callsOf, helperResult, callbackResults };
}

/** `store.save(thing);`, `await store.save(thing);` */
function isUnused(call: Node): boolean {
  const parent = call.getParent();
  return Node.isExpressionStatement(Node.isAwaitExpression(parent) ? parent.getParent() : parent);
}

/** `(async () => { … })()` */
function calledAtOnce(fn: Node): CallExpression | undefined {
  const callee = outermost(fn, Node.isParenthesizedExpression);
  const call = callee.getParent();
  return Node.isCallExpression(call) && call.getExpression() === callee ? call : undefined;
}
