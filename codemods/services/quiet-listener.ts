import { isFunction, isIdentifier, isWithin, memberName, type Node, unwrap, walk } from "../shared/ast.js";
import type { Binding } from "../shared/scope.js";
import type { HandlerDraft } from "./handler-draft.js";

/** Functions of the language that only make a value, and objects whose members do. */
const MAKERS = /^(String|Number|Boolean|BigInt|Date|Error|Map|Set|Array|Metadata)$/;
const MAKER_OBJECTS = /^(Math|Number|Date|JSON|Object|String|Array)$/;
/** Members of `process` that only say something. */
const TOLD_BY_PROCESS = /^(cpuUsage|cwd|hrtime|memoryUsage|uptime)$/;
/** What lists, sets and maps do with a function that they are given. */
const CALLS_BACK = /^(forEach|map|filter|flatMap|some|every|find\w*|reduce\w*|sort|toSorted)$/;
/** What gives a member of a list or a map, which others may hold. */
const GIVES_MEMBER = /^(at|find|findLast|get|pop|shift|reduce|reduceRight)$/;

/**
 * Does a listener touch nothing but the call, the handler's own variables and values that it made itself, and the log? Then it
 * leaves out nothing that anybody could see where it does not run.
 */
export function isQuiet(draft: HandlerDraft, listener: Node): boolean {
  const { scopes, parents, fn, callReferences } = draft;
  const callback = fn.params[1];
  const isLocal = (name: Node) => {
    const binding = isIdentifier(name) ? scopes.bindingOf(name) : undefined;
    return binding !== undefined && fn.start < binding.identifier.start && binding.identifier.end < fn.end;
  };
  /** Nobody else holds it: a literal, what a constructor of the language made, or a name for one of them. */
  const isOwn = (value: Node): boolean => {
    const node = unwrap(value);
    if (/^(Array|Object)Expression$|Literal$/.test(node.type)) return true;
    if (node.type === "NewExpression") return isMaker(node.callee);
    if (node.type === "CallExpression")
      return !GIVES_MEMBER.test(memberName(node.callee) ?? "get") && isOwn(node.callee.object);
    const binding = isLocal(node) ? scopes.bindingOf(node) : undefined;
    const init = binding && madeFrom(binding);
    return init !== undefined && !isWithin(node, init) && isOwn(init) && !isShared(binding as Binding);
  };
  const madeFrom = ({ declaration, writes }: Binding): Node | undefined =>
    declaration.type === "VariableDeclarator" && isIdentifier(declaration.id) && writes.length === 0
      ? (declaration.init ?? undefined)
      : undefined;
  /** Bindings that are being looked at. */
  const open = new Set<Binding>();
  const isShared = (binding: Binding): boolean => {
    if (open.has(binding)) return false;
    open.add(binding);
    const found = binding.references.some((reference) => !staysOwn(reference));
    open.delete(binding);
    return found;
  };
  /** It is read there, or goes where nobody else gets it: into a message, or a value that is made. */
  const staysOwn = (use: Node): boolean => {
    const parent = parents.get(use) as Node;
    switch (parent.type) {
      case "MemberExpression":
      case "OptionalMemberExpression":
      case "SpreadElement":
      case "TemplateLiteral":
      case "UnaryExpression":
      case "BinaryExpression":
      case "ForOfStatement":
      case "ForInStatement":
      case "IfStatement":
        return true;
      case "ObjectProperty":
        return staysOwn(parents.get(parent) as Node);
      case "ArrayExpression":
        return staysOwn(parent);
      case "CallExpression":
      case "NewExpression":
        return isQuietCall(parent);
      default:
        return false;
    }
  };
  const isMaker = (callee: Node): boolean =>
    isIdentifier(callee)
      ? MAKERS.test(callee.name) && (callee.name === "Metadata" || !scopes.bindingOf(callee))
      : memberName(callee) === "Metadata" && isIdentifier(callee.object);
  const isGlobal = (object: Node, names: RegExp) =>
    isIdentifier(object) && names.test(object.name) && !scopes.bindingOf(object);
  const isQuietCall = (node: Node): boolean => {
    const callee = unwrap(node.callee);
    if (isMaker(callee)) return true;
    if (isIdentifier(callee)) return isIdentifier(callback, callee.name) && isLocal(callee);
    const name = memberName(callee);
    if (name === undefined) return false;
    const { object } = callee;
    if (callReferences.includes(object)) return true;
    const [first, second] = node.arguments as Node[];
    const called = CALLS_BACK.test(name) ? first : name === "from" ? second : undefined;
    if (called && !isFunction(called) && !isMaker(called)) return false;
    if (isGlobal(object, /^console$/)) return true;
    if (isGlobal(object, /^process$/)) return TOLD_BY_PROCESS.test(name);
    if (isGlobal(object, MAKER_OBJECTS)) return !/^(assign|define|set)/.test(name);
    // An object's methods are what it was written with.
    const binding = isLocal(object) ? scopes.bindingOf(object) : undefined;
    return (binding && madeFrom(binding))?.type !== "ObjectExpression" && isOwn(object);
  };
  let quiet = true;
  walk(listener, (node) => {
    if (/^(Call|New)Expression$/.test(node.type) && !isQuietCall(node)) quiet = false;
    if (/^(Await|Yield|OptionalCall|TaggedTemplate)Expression$|^ThrowStatement$/.test(node.type)) quiet = false;
    if (node.type === "AssignmentExpression" && !isLocal(node.left) && !(node.left.object && isOwn(node.left.object)))
      quiet = false;
    if (node.type === "UpdateExpression" && !isLocal(node.argument)) quiet = false;
    if (node.type === "UnaryExpression" && node.operator === "delete") quiet = false;
    return quiet;
  });
  return quiet;
}
