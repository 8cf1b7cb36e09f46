import type { SourceFile } from "ts-morph";
import { callbackShape } from "../clients/callback-shape.js";
import { streamField } from "../clients/field-stream.js";
import { planError } from "../clients/plan-error.js";
import {
  type File,
  isFunction,
  isIdentifier,
  memberName,
  parentMap,
  type Node as TreeNode,
  walk,
} from "../shared/ast.js";
import { isNewPromise, scopesOf } from "../shared/scope.js";
import type { Source } from "./client-error-flow.js";
import type { ErrorPlace } from "./client-error-places.js";
import { packageCallsWith, unplacedErrors } from "./client-error-unplaced.js";
import type { AnalysisProject } from "./project.js";
import { heldBy, rejectionOf } from "./rejections.js";

/** A function that errors are handed to by its name, or by an expression. */
export interface HandedError extends Source {
  readonly node: TreeNode;
  readonly why: string;
}

export interface Arrivals {
  readonly places: readonly ErrorPlace[];
  readonly handedOn: readonly HandedError[];
  /** Promises whose error is looked at by something that takes a promise. */
  readonly rejections: readonly (Source & { readonly node: TreeNode })[];
  /** Functions of promises that become functions with a callback. */
  readonly callbackified: readonly (Source & { readonly node: TreeNode })[];
}

export interface ArrivalOptions {
  readonly project: AnalysisProject;
  readonly sources: readonly Source[];
  /** Calls of a file that are migrated, and those that hand their error to a function with a name. */
  readonly made: ReadonlyMap<SourceFile, ReadonlySet<TreeNode>>;
  readonly handed: ReadonlyMap<SourceFile, ReadonlySet<TreeNode>>;
  mayFail(source: Source, node: TreeNode): boolean;
}

/** Where errors of migrated calls arrive: catch clauses and what stands for one, callbacks of calls, functions with a name. */
export function errorArrivals({ project, sources, made, handed, mayFail: fails }: ArrivalOptions): Arrivals {
  const places: ErrorPlace[] = [];
  const rejections: (Source & { node: TreeNode })[] = [];
  const callbackified: (Source & { node: TreeNode })[] = [];
  const handedOn: HandedError[] = [];
  for (const source of sources) {
    const { file, tree } = source;
    const parents = parentMap(tree);
    const scopes = scopesOf(tree);
    const mayFail = (node: TreeNode): boolean => fails(source, node);
    const addCaught = (param: TreeNode, body: TreeNode, within: TreeNode) =>
      places.push({ ...source, kind: "catch", param, body, within });
    const addCallback = (param: TreeNode, body: TreeNode, call: TreeNode) =>
      places.push({ ...source, kind: "callback", param, body, within: call });
    /**
     * A callback with a name sees the error as it is, if that makes no difference to it, nor to what it passes the error to; or if nothing but
     * migrated calls is given it.
     */
    const addHanded = (callback: TreeNode) => {
      const declared = scopes.bindingOf(callback)?.declaration;
      const handler = declared?.type === "VariableDeclarator" ? declared.init : declared;
      const [param] = isFunction(handler) ? (handler.params as TreeNode[]) : [];
      const plan = param && isFunction(handler) ? planError(tree, param, handler.body) : undefined;
      if (isFunction(handler) && (!param || plan?.mode === "none")) return;
      const calls = callsHanding(tree, callback, handed.get(file));
      const isIndifferent = plan?.mode === "native" && plan.uses.every((use) => use.kind === "status");
      if (isIndifferent && !plan.converted.length && (!calls || plan.uses.length === 0)) return;
      if (!project.isSelected(file.getFilePath())) return;
      if (param && isFunction(handler))
        places.push({ ...source, kind: "handed", param, body: handler.body, within: callback, calls });
      else handedOn.push({ ...source, node: callback, why: "it is passed to a function" });
    };
    const addListener = (callback: TreeNode, call: TreeNode) => {
      const [param] = isFunction(callback) ? (callback.params as TreeNode[]) : [];
      if (isIdentifier(callback) && !isReject(callback, tree)) addHanded(callback);
      else if (param && isFunction(callback)) addCallback(param, callback.body, call);
    };
    walk(tree, (node) => {
      if (node.type === "TryStatement" && node.handler?.param && mayFail(node.block)) {
        addCaught(node.handler.param, node.handler.body, node.block);
        return;
      }
      if (made.get(file)?.has(node)) {
        // The callback's own error parameter becomes a catch clause's.
        const callback = (node.arguments as TreeNode[]).at(-1);
        if (callback && isFunction(callback)) {
          const shape = callbackShape(callback);
          if (typeof shape !== "string" && shape.error && shape.failure) addCallback(shape.error, shape.failure, node);
        } else if (callback && handed.get(file)?.has(node)) addHanded(callback);
        const declarator = parents.get(node);
        const starts =
          declarator?.type === "VariableDeclarator" && isIdentifier(declarator.id)
            ? (scopes.bindingOf(declarator.id)?.references ?? [])
            : startsOf(tree, node, parents);
        for (const start of starts)
          for (const on of chainOf(start, parents)) {
            const [event, callbackOfError] = on.arguments as TreeNode[];
            if (event?.type !== "StringLiteral" || event.value !== "error" || !callbackOfError) continue;
            addListener(callbackOfError, node);
          }
      }
      if (node.type !== "CallExpression") return;
      const rejection = rejectionOf(node);
      if (rejection && mayFail(heldBy(tree, rejection.promise))) {
        const { promise, predicate } = rejection;
        if (predicate) addCaught(predicate.params[0], predicate.body, promise);
        else rejections.push({ ...source, node: promise });
      }
      const inPackage = packageCallsWith(tree, node, mayFail);
      for (const handler of inPackage.handlers) addCaught(handler.params[0], handler.body, node);
      for (const promise of inPackage.promises) rejections.push({ ...source, node: promise });
      const name = memberName(node.callee) ?? (isIdentifier(node.callee) ? node.callee.name : undefined);
      const args = node.arguments as TreeNode[];
      // Whoever calls the function that it makes gets the error.
      if (name === "callbackify" && args[0] && mayFail(heldBy(tree, args[0])))
        callbackified.push({ ...source, node: args[0] });
      const handlers = isReadFromFailing(tree, node, mayFail) ? [args[1]] : rejectionHandlers(node, mayFail);
      for (const handler of handlers) {
        if (!handler) continue;
        const own = isFunction(handler) ? handler : onlyHandedHere(tree, handler);
        if (own) {
          const [param] = own.params as TreeNode[];
          if (param) addCaught(param, own.body, node.callee.object);
        } else if (handler === handlers.at(-1) && isHandedOn(handler)) {
          handedOn.push({ ...source, node: handler, why: "it is passed to a function" });
        }
      }
    });
  }
  return { places: [...places, ...unplacedErrors(sources, fails)], handedOn, rejections, callbackified };
}

/** What gets the error of a promise. bluebird's `.catch(filter, handler)`: filters that are functions get it, too. */
function rejectionHandlers(
  { callee, arguments: args }: TreeNode,
  mayFail: (node: TreeNode) => boolean,
): readonly (TreeNode | undefined)[] {
  const name = memberName(callee);
  if ((name !== "catch" && name !== "then") || !mayFail(callee.object)) return [];
  return name === "catch" ? (args as TreeNode[]) : (args as TreeNode[]).slice(1, 2);
}

/** `Readable.from(rows()).on("error", …)`, of what may fail: the stream emits the error. */
function isReadFromFailing(tree: File, call: TreeNode, mayFail: (node: TreeNode) => boolean): boolean {
  const isListening = (node: TreeNode) => /^(on|once|addListener)$/.test(memberName(node.callee) ?? "");
  const [event] = call.arguments as TreeNode[];
  if (!isListening(call) || event?.value !== "error") return false;
  let stream: TreeNode = call.callee.object;
  while (stream.type === "CallExpression" && isListening(stream)) stream = stream.callee.object;
  const made = heldBy(tree, stream);
  if (made.type !== "CallExpression" || memberName(made.callee) !== "from") return false;
  const { object } = made.callee;
  return (isIdentifier(object) ? object.name : memberName(object)) === "Readable" && mayFail(made);
}

/** The calls that a function with a name is the callback of, if it is used for nothing else. */
function callsHanding(
  tree: File,
  name: TreeNode,
  handed: ReadonlySet<TreeNode> | undefined,
): readonly TreeNode[] | undefined {
  const binding = scopesOf(tree).bindingOf(name);
  if (!binding || binding.writes.length > 0 || isExported(tree, binding.declaration)) return undefined;
  const calls = binding.references.map((reference) => parentMap(tree).get(reference) as TreeNode);
  const isHanded = (call: TreeNode, index: number) =>
    handed?.has(call) && (call.arguments as TreeNode[]).at(-1) === binding.references[index];
  return calls.every(isHanded) ? calls : undefined;
}

/** Does a statement export what is declared here? */
function isExported(tree: File, declaration: TreeNode): boolean {
  const parents = parentMap(tree);
  const holder = parents.get(declaration) as TreeNode;
  const statement = declaration.type === "VariableDeclarator" ? (parents.get(holder) as TreeNode) : holder;
  return /^Export/.test(statement.type);
}

/** The function of `main().catch(fail)` that nothing else names. */
function onlyHandedHere(tree: File, name: TreeNode): TreeNode | undefined {
  const binding = isIdentifier(name) ? scopesOf(tree).bindingOf(name) : undefined;
  if (!binding || binding.references.length > 1 || binding.writes.length > 0) return undefined;
  const { declaration } = binding;
  const own = declaration.type === "VariableDeclarator" ? declaration.init : declaration;
  return isFunction(own) && !isExported(tree, declaration) ? own : undefined;
}

/** `reject` of the `new Promise((resolve, reject) => …)` around: whoever waits catches the error as it is. */
function isReject(node: TreeNode, tree: File): boolean {
  const parents = parentMap(tree);
  const declaration = scopesOf(tree).bindingOf(node)?.declaration;
  const executor = declaration && parents.get(declaration);
  const promise = executor && parents.get(executor);
  return isNewPromise(promise, parents) && executor?.params[1] === declaration;
}

/** A call that listeners are chained to, or the field of a class that holds it. */
function startsOf(tree: File, call: TreeNode, parents: ReturnType<typeof parentMap>): readonly TreeNode[] {
  const field = streamField(tree, call, parents);
  return field === undefined || typeof field === "string" ? [call] : field.listened;
}

/** The calls of `call.on(…).on(…)`. */
function chainOf(start: TreeNode, parents: ReturnType<typeof parentMap>): TreeNode[] {
  const found: TreeNode[] = [];
  let current = start;
  for (;;) {
    const member = parents.get(current);
    const on = member && parents.get(member);
    if (
      !member ||
      !/^on(ce)?$/.test(memberName(member) ?? "") ||
      member.object !== current ||
      on?.type !== "CallExpression"
    )
      return found;
    found.push(on);
    current = on;
  }
}

/** `.catch(onError)`; `.catch(reject)` goes on to a catch that is looked at itself, and `.catch(console.error)` only prints. */
function isHandedOn(node: TreeNode): boolean {
  if (isIdentifier(node)) return !/^(reject|rej|undefined)$/.test(node.name);
  return node.type !== "NullLiteral" && !(memberName(node) !== undefined && isIdentifier(node.object, "console"));
}
