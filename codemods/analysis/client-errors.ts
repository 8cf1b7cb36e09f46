import type { Node, SourceFile } from "ts-morph";
import { callbackShape } from "../clients/callback-shape.js";
import { planError } from "../clients/plan-error.js";
import {
  type File,
  functionOf,
  isFunction,
  isIdentifier,
  memberName,
  parentMap,
  type Node as TreeNode,
  walk,
} from "../shared/ast.js";
import { reason } from "../shared/reasons.js";
import { scopesOf } from "../shared/scope.js";
import { type ErrorPlace, planErrorPlaces } from "./client-error-places.js";
import { callsNamed, callsOf, functionName, isCallOf, type Reach, reachOf } from "./client-error-reach.js";
import type { ClientErrorFact } from "./client-facts.js";
import type { AnalysisProject } from "./project.js";
import { heldBy, rejectionOf } from "./rejections.js";

/** One call that will return a promise or an async iterable which may fail with a ConnectError. */
export interface RpcSite {
  readonly node: Node;
  readonly form: "client" | "promisified";
  /** May somebody around the call see its error? Otherwise what handles it stands at the call. */
  readonly escapes: boolean;
  /** Does it hand its error to a function with a name? */
  readonly isHanded: boolean;
  /** Is it cancelled? The two libraries say that in other words. */
  readonly isCancelled: boolean;
}

export interface ErrorFacts {
  readonly facts: ClientErrorFact[];
  /** A place that sees errors of migrated calls and cannot change. */
  readonly obstacle: { readonly node: Node; readonly detail: string } | null;
}

/**
 * Where errors of migrated calls may be caught: catch clauses, `.catch` and `.then` callbacks around the calls themselves and around
 * calls of functions that make them. Functions are told by name, so that more places are found than there are, never fewer:
 * a place that gets no such error is not changed in what it does.
 */
export function collectErrorFacts(
  project: AnalysisProject,
  sites: readonly RpcSite[],
  /** Calls that stay on grpc-js's shape, whose errors are ServiceErrors. */
  otherSites: readonly RpcSite[],
  trees: (file: SourceFile) => File | undefined,
): ErrorFacts {
  const facts: ClientErrorFact[] = [];
  if (sites.length === 0) return { facts, obstacle: null };
  const files = project.files.flatMap((file) => {
    const tree = trees(file);
    return tree ? [{ file, tree }] : [];
  });
  const isEscaping = (site: RpcSite) => site.escapes;
  const made = callsOf(sites, trees);
  const handed = callsOf(
    sites.filter((site) => site.isHanded),
    trees,
  );
  const all = reachOf(sites.filter(isEscaping), files, trees);
  const { calls } = all;
  const others = reachOf(otherSites.filter(isEscaping), files, trees);
  const cancelledSites = sites.filter((site) => site.isCancelled);
  const cancelled = reachOf(cancelledSites.filter(isEscaping), files, trees);
  const madeCancelled = callsOf(cancelledSites, trees);

  /** Whether a name is a parameter for which some caller passes a function that calls. */
  const mayBeGiven = (tree: File, use: TreeNode, called: ReadonlySet<string>, depth: number): boolean => {
    const binding = scopesOf(tree).bindingOf(use);
    if (binding && isLoopVariable(tree, binding.declaration)) return true;
    if (binding?.kind !== "param" || /^(callback|resolve|reject)$/.test(binding.name)) return false;
    const parents = parentMap(tree);
    const owner = functionOf(binding.identifier, parents);
    if (!owner) return false;
    const index = (owner.params as TreeNode[]).indexOf(binding.identifier);
    const name = functionName(owner, parents.get(owner));
    // Without a name, or out of a pattern, nobody knows what it is.
    if (name === undefined || index === -1 || depth > 5) return true;
    return files.some((one) =>
      callsNamed(one.tree, name).some((call) => {
        const given = (call.arguments as TreeNode[])[index];
        return given !== undefined && isOrHoldsCall(one, given, called, depth);
      }),
    );
  };
  const isOrHoldsCall = (
    { file, tree }: { readonly file: SourceFile; readonly tree: File },
    given: TreeNode,
    called: ReadonlySet<string>,
    depth: number,
  ): boolean => {
    const name = isIdentifier(given) ? given.name : memberName(given);
    if (name !== undefined)
      return (
        called.has(name) ||
        called.has(`${file.getFilePath()}#${name}`) ||
        (isIdentifier(given) && mayBeGiven(tree, given, called, depth + 1))
      );
    let found = false;
    walk(given, (inner) => {
      const isReached = calls.get(file)?.has(inner) || others.calls.get(file)?.has(inner);
      if (isReached || isCallOf(inner, called, file)) found = true;
      return !found;
    });
    return found;
  };

  const places: ErrorPlace[] = [];
  const rejections: { readonly file: SourceFile; readonly node: TreeNode }[] = [];
  const handedOn: { readonly file: SourceFile; readonly node: TreeNode; readonly why: string }[] = [];
  for (const { file, tree } of files) {
    const parents = parentMap(tree);
    const scopes = scopesOf(tree);
    const mayFail = (node: TreeNode, reach: Reach = all, seen = new Set<TreeNode>()): boolean => {
      const reached = reach.calls.get(file) ?? new Set<TreeNode>();
      const called = reach.names;
      let found = false;
      /** `const promise = get(id);`, which fails where the promise is waited for. */
      const holdsFailing = (name: TreeNode) => {
        const held = heldBy(tree, name);
        if (held.type !== "CallExpression" || seen.has(held)) return false;
        seen.add(held);
        return mayFail(held, reach, seen);
      };
      walk(node, (inner) => {
        if (found) return false;
        if (reached.has(inner) || isCallOf(inner, called, file)) found = true;
        else if (inner.type === "CallExpression" && isIdentifier(inner.callee))
          // A function that was passed in may be one that calls.
          found = mayBeGiven(tree, inner.callee, called, 0);
        else if (isIdentifier(inner)) found = holdsFailing(inner);
        return undefined;
      });
      return found;
    };
    const addCaught = (param: TreeNode, body: TreeNode, within: TreeNode) =>
      places.push({
        kind: "catch",
        file,
        tree,
        param,
        body,
        isMixed: otherSites.length > 0 && mayFail(within, others),
        isOfCancelled: cancelledSites.length > 0 && mayFail(within, cancelled),
      });
    const addCallback = (param: TreeNode, body: TreeNode, call: TreeNode) => {
      const isOfCancelled = madeCancelled.get(file)?.has(call) ?? false;
      places.push({ kind: "callback", file, tree, param, body, isMixed: false, isOfCancelled });
    };
    /** A callback with a name sees the error as it is, if that makes no difference to it. */
    const addHanded = (callback: TreeNode) => {
      const declared = scopes.bindingOf(callback)?.declaration;
      const handler = declared?.type === "VariableDeclarator" ? declared.init : declared;
      const [param] = isFunction(handler) ? (handler.params as TreeNode[]) : [];
      const plan = param && isFunction(handler) ? planError(tree, param, handler.body) : undefined;
      if (isFunction(handler) && (!param || plan?.mode === "none")) return;
      if (plan?.mode === "native" && plan.uses.every((use) => use.kind === "status")) return;
      if (project.isSelected(file.getFilePath()))
        handedOn.push({ file, node: callback, why: plan?.reason || "it is passed to a function" });
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
            : [node];
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
        else rejections.push({ file, node: promise });
      }
      const name = memberName(node.callee);
      if (name !== "catch" && name !== "then") return;
      const handler = (node.arguments as TreeNode[])[name === "catch" ? 0 : 1];
      if (!handler || !mayFail(node.callee.object)) return;
      if (isFunction(handler)) {
        const [param] = handler.params;
        if (param) addCaught(param, handler.body, node.callee.object);
      } else if (isHandedOn(handler)) {
        handedOn.push({ file, node: handler, why: "it is passed to a function" });
      }
    });
  }
  const { planned, obstacle } = planErrorPlaces(project, places, trees, cancelledSites.length > 0);
  for (const { place, plan } of planned)
    facts.push({
      ...placeOf(place.file, place.param),
      mode: plan.mode === "wrapped" ? "wrapped" : "native",
      place: place.kind,
      reads: plan.reads,
      reason: plan.mode === "wrapped" ? reason("error-escapes", plan.reason) : null,
    });
  for (const { file, node, why } of handedOn)
    facts.push({
      ...placeOf(file, node),
      mode: "wrapped",
      place: "catch",
      reads: false,
      reason: reason("error-escapes", why),
    });
  for (const { file, node } of rejections)
    facts.push({
      ...placeOf(file, node),
      mode: "wrapped",
      place: "rejection",
      reads: false,
      reason: reason("error-escapes", "a test compares it"),
    });
  return { facts, obstacle };
}

/** `for (const run of runs)`: one of many, of which nobody knows what they do. */
function isLoopVariable(tree: File, declaration: TreeNode): boolean {
  const parents = parentMap(tree);
  const list = parents.get(declaration);
  return list !== undefined && parents.get(list)?.type === "ForOfStatement" && parents.get(list)?.left === list;
}

function placeOf(file: SourceFile, node: TreeNode) {
  return {
    kind: "client-error",
    file: file.getFilePath() as string,
    start: node.start,
    end: node.end,
    via: "provenance",
  } as const;
}

/** `reject` of the `new Promise((resolve, reject) => …)` around: whoever waits catches the error as it is. */
function isReject(node: TreeNode, tree: File): boolean {
  const parents = parentMap(tree);
  const declaration = scopesOf(tree).bindingOf(node)?.declaration;
  const executor = declaration && parents.get(declaration);
  const promise = executor && parents.get(executor);
  return (
    promise?.type === "NewExpression" && isIdentifier(promise.callee, "Promise") && executor?.params[1] === declaration
  );
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
  return node.type === "MemberExpression" && isIdentifier(node.object) && node.object.name !== "console";
}
