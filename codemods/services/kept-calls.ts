import {
  type FunctionNode,
  functionOf,
  isFunction,
  isIdentifier,
  keyName,
  memberName,
  type Node,
  unwrap,
  walk,
  withCasts,
} from "../shared/ast.js";
import type { Binding } from "../shared/scope.js";
import { isTakenApart } from "./function-shape.js";
import { type HandlerDraft, refuse } from "./handler-draft.js";
import { isResultAsked } from "./write-result.js";

/** What lists, sets, maps and `Object` do with what they hold. */
const COLLECTION =
  /^(add|push|unshift|set|delete|has|get|indexOf|lastIndexOf|includes|forEach|filter|map|find|findIndex|some|every|splice|slice|concat|keys|values|entries|clear|pop|shift|at|from)$/;
/** Those of them that give back no member. */
const NO_MEMBER = /^(push|unshift|delete|has|indexOf|lastIndexOf|includes|forEach|findIndex|some|every|clear)$/;
/** What a call has and the writing side of a pushed stream has not. */
const ONLY_OF_CALLS =
  /^(on|once|off|emit|addListener|removeListener|removeAllListeners|listenerCount|metadata|request|cancelled|sendMetadata|get(Peer|Path|Host|Deadline|AuthContext)|destroy|destroyed|closed|errored|pause|resume|isPaused|pipe|unpipe|read|cork|uncork|writable\w*|readable\w*)$/;

/**
 * Uses of the call as a value: it is kept, handed to own functions and compared, and all that anybody does with it there is to
 * write to it and to end it. Then the writing side of a pushed stream may take its place (chat rooms, matrix H-27).
 */
export function keptCalls(draft: HandlerDraft): { readonly kept: readonly Node[]; readonly mayBeEnded: boolean } {
  const { callReferences, parents, passedOn, read, helped, streamsIn } = draft;
  const kept = callReferences.filter((reference) => {
    const value = withCasts(reference, parents);
    const parent = parents.get(value) as Node;
    const isMember = parent.object === value && memberName(parent) !== undefined;
    const isLoop = streamsIn && parent.type === "ForOfStatement";
    const isHandled = passedOn.has(reference) || read.has(reference.start) || helped.has(parent.start);
    return !isMember && !isLoop && !isTakenApart(value, parent) && !isHandled;
  });
  const found = { keys: new Set<string>(), mayBeEnded: false };
  for (let known = -1; known < found.keys.size && kept.length > 0; ) {
    known = found.keys.size;
    const trace = createTrace(draft, found);
    for (const reference of kept) trace(reference);
  }
  return { kept, mayBeEnded: found.mayBeEnded };
}

interface Found {
  /** The properties that hold a call. */
  readonly keys: Set<string>;
  /** Is one of them ended, by whoever? */
  mayBeEnded: boolean;
}

/** Follows a value that may be, or hold, the call. */
function createTrace(draft: HandlerDraft, found: Found): (value: Node) => void {
  const { parents, scopes } = draft;
  const { keys } = found;
  const seen = new Set<Node>();
  const known = new Set<Binding>();
  const escapes = (what: string): never => refuse("call-escapes", what);
  const isOnlyOfCalls = (name: string) => ONLY_OF_CALLS.test(name) || draft.properties.has(name);

  function follow(value: Node): undefined {
    if (seen.has(value)) return;
    seen.add(value);
    const parent = parents.get(value) as Node;
    switch (parent.type) {
      case "ExpressionStatement":
      case "IfStatement":
      case "WhileStatement":
      case "ForInStatement":
        return;
      case "UnaryExpression":
        return parent.operator === "-" ? escapes("used as a value") : undefined;
      case "BinaryExpression":
        return /^[!=]==?$/.test(parent.operator) ? undefined : escapes("used as a value");
      case "ConditionalExpression":
        return parent.test === value ? undefined : follow(parent);
      case "ArrayExpression":
        keys.add(String((parent.elements as Node[]).indexOf(value)));
        return follow(parent);
      case "LogicalExpression":
      case "SpreadElement":
      case "ObjectExpression":
      case "TSNonNullExpression":
      case "ParenthesizedExpression":
        return follow(parent);
      case "ObjectProperty":
        if (parent.computed || parent.value !== value) return escapes("used as a key");
        keys.add(parent.key.name ?? parent.key.value);
        return follow(parents.get(parent) as Node);
      case "VariableDeclarator":
        return parent.init === value ? names(parent.id) : undefined;
      case "AssignmentExpression":
        if (parent.left === value) return;
        hold(parent.left);
        return follow(parent);
      case "ForOfStatement":
        if (parent.right !== value || parent.await) return escapes("used as a value");
        return element(parent.left.type === "VariableDeclaration" ? parent.left.declarations[0].id : parent.left);
      case "ArrowFunctionExpression":
      case "ReturnStatement":
        return returned(isFunction(parent) ? parent : (functionOf(parent, parents) as FunctionNode));
      case "MemberExpression":
      case "OptionalMemberExpression":
        return parent.object === value ? member(parent) : undefined;
      case "CallExpression":
      case "OptionalCallExpression":
      case "NewExpression":
        return argument(parent, value);
      default:
        return escapes("used as a value");
    }
  }

  function member(node: Node): undefined {
    const name = memberName(node);
    const call = parents.get(node) as Node;
    const isCalled = /^(Optional)?CallExpression$/.test(call.type) && call.callee === node;
    if (name === undefined || keys.has(name)) return follow(node);
    if (name === "write" || name === "end") {
      if (name === "end") found.mayBeEnded = true;
      const around = parents.get(call) as Node;
      const isUnused =
        around.type === "ExpressionStatement" ||
        (isFunction(around) && around.body === call && !isResultAsked({ parents, scopes }, around));
      const given = isCalled ? (call.arguments as Node[]) : [];
      const isPlain =
        given.length === (name === "write" ? 1 : 0) && given.every((each) => each.type !== "SpreadElement");
      return isCalled && isUnused && isPlain ? undefined : escapes(`call.${name}, used in another way`);
    }
    if (isCalled && COLLECTION.test(name)) {
      for (const given of call.arguments as Node[]) {
        if (isFunction(given)) parametersOf(given);
        else if (isIdentifier(given) && isFunction(functionAt(given))) return escapes("passed to a function");
      }
      return NO_MEMBER.test(name) ? undefined : follow(call);
    }
    if (isOnlyOfCalls(name)) return escapes(`call.${name}`);
  }

  /** An argument of a collection's method, of `Object.values`, of `new Set`, or of a function of the file. */
  function argument(call: Node, value: Node): undefined {
    const callee = unwrap(call.callee);
    const index = (call.arguments as Node[]).indexOf(value);
    if (index < 0) return escapes("called");
    const name = memberName(callee);
    if (name !== undefined && COLLECTION.test(name) && call.type !== "NewExpression") {
      if (name === "set" && index === 0) keys.add("0");
      if (name === "add") keys.add("add()");
      const isGlobal = isIdentifier(callee.object) && /^(Object|Array)$/.test(callee.object.name);
      if (!isGlobal || scopes.bindingOf(callee.object)) hold(callee.object);
      return NO_MEMBER.test(name) ? undefined : follow(call);
    }
    if (call.type === "NewExpression" && isIdentifier(callee) && /^(Set|Map|Array)$/.test(callee.name))
      return follow(call);
    const fn = isIdentifier(callee) && call.type === "CallExpression" ? functionAt(callee) : undefined;
    const param = fn?.params[index];
    const isSpread = (call.arguments as Node[]).slice(0, index).some((each) => each.type === "SpreadElement");
    if (!fn || !param || isSpread || param.type === "RestElement") return escapes("passed to a function");
    names(param);
  }

  /** Where the value is put: a variable, or something that is reached from one. */
  function hold(target: Node): undefined {
    let root = unwrap(target);
    while (/^(Optional)?(Member|Call)Expression$/.test(root.type)) {
      const name = memberName(root);
      if (name !== undefined && !COLLECTION.test(name)) keys.add(name);
      root = unwrap(root.callee ?? root.object);
    }
    const binding = isIdentifier(root) ? scopes.bindingOf(root) : undefined;
    if (!binding || !/^(const|let|var)$/.test(binding.kind)) return escapes("kept elsewhere");
    hear(binding);
  }

  /** What a collection hands to a function: a member, its key or index (in a set, the member again), and itself. */
  function parametersOf({ params }: FunctionNode): undefined {
    const [first, second, third] = params;
    if (first) element(first);
    if (second && (keys.has("0") || keys.has("add()"))) names(second);
    if (third) names(third);
  }

  /** One of a collection's members; of a map's that is a key, which is no call unless one was made so, and a value. */
  function element(pattern: Node): undefined {
    const [key, ...values] = (pattern.type === "ArrayPattern" ? pattern.elements : []) as (Node | null)[];
    if (values.length === 0) return names(pattern);
    for (const each of keys.has("0") ? [key, ...values] : values) if (each) names(each);
  }

  function names(pattern: Node): undefined {
    if (pattern.type === "ObjectPattern") {
      for (const property of pattern.properties as Node[]) {
        const name = property.type === "ObjectProperty" ? keyName(property) : undefined;
        if (name === undefined || isOnlyOfCalls(name) || /^(write|end)$/.test(name)) return escapes("taken apart");
        if (keys.has(name)) names(property.value);
      }
      return;
    }
    walk(pattern, (node) => {
      if (node !== pattern && node.type === "ObjectPattern") {
        names(node);
        return false;
      }
      const binding = isIdentifier(node) ? scopes.bindingOf(node) : undefined;
      if (binding) hear(binding);
      return true;
    });
  }

  function hear(binding: Binding): undefined {
    if (known.has(binding)) return;
    known.add(binding);
    if (isTyped(binding)) return escapes("kept under a type");
    if (binding.kind === "import" || isExported(binding)) return escapes("kept elsewhere");
    for (const reference of binding.references) if (!binding.writes.includes(reference)) follow(reference);
  }

  /** A type that says what is kept would have to change, too. */
  function isTyped({ identifier, declaration }: Binding): boolean {
    let found = Boolean(identifier.typeAnnotation);
    if (declaration.type === "VariableDeclarator")
      walk(declaration, (node) => {
        if (node.type.startsWith("TS")) found = true;
        return !isFunction(node);
      });
    return found;
  }

  function isExported({ declaration }: Binding): boolean {
    for (let node: Node | undefined = declaration; node && !isFunction(node); node = parents.get(node))
      if (/^Export/.test(node.type)) return true;
    return false;
  }

  /** What a function gives back: to the collection that calls it, or to those who call it by its name. */
  function returned(fn: FunctionNode): undefined {
    const parent = parents.get(fn) as Node;
    if (/^(Optional)?CallExpression$/.test(parent.type) && COLLECTION.test(memberName(parent.callee) ?? ""))
      return follow(parent);
    const name =
      fn.type === "FunctionDeclaration" ? fn.id : parent.type === "VariableDeclarator" ? parent.id : undefined;
    const binding = isIdentifier(name) && fn !== draft.fn ? scopes.bindingOf(name) : undefined;
    if (!binding || isExported(binding) || fn.async || fn.generator) return escapes("returned");
    for (const reference of binding.references) {
      const call = parents.get(reference) as Node;
      if (call.type !== "CallExpression" || call.callee !== reference) return escapes("returned");
      follow(call);
    }
  }

  function functionAt(name: Node): FunctionNode | undefined {
    const binding = scopes.bindingOf(name);
    const value = binding?.declaration.type === "VariableDeclarator" ? binding.declaration.init : binding?.declaration;
    return isFunction(value) && binding?.writes.length === 0 ? value : undefined;
  }

  return follow;
}
