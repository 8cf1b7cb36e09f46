import { isAssignedTo, rethrows } from "../clients/error-in-body.js";
import type { ErrorPlan } from "../clients/plan-error.js";
import { isFunction, isIdentifier, memberName, parentMap, type Node as TreeNode, unwrap } from "../shared/ast.js";
import { scopesOf } from "../shared/scope.js";
import type { HandedError } from "./client-error-arrivals.js";
import type { Source } from "./client-error-flow.js";
import type { ErrorPlace } from "./client-error-places.js";

/**
 * Where an error is turned back into a ServiceError and goes to what may throw it again: a callback, a returned value, a variable. Who
 * catches it there sees both kinds of errors. What logs it or answers a request with it keeps it.
 */
export function leaksOf(
  planned: readonly { readonly place: ErrorPlace; readonly plan: ErrorPlan }[],
  handedOn: readonly HandedError[],
): (Source & { readonly node: TreeNode })[] {
  const found: (Source & { node: TreeNode })[] = [];
  for (const { place, plan } of planned) {
    const { tree, param, body } = place;
    const parents = parentMap(tree);
    const nodes = plan.mode === "wrapped" ? referencesIn(place) : plan.converted;
    const changed = plan.mode === "wrapped" && isAssignedTo(param, body);
    const thrown = plan.mode === "wrapped" && !changed ? new Set(rethrows(param, body)) : new Set<TreeNode>();
    for (const node of nodes) if (!thrown.has(node) && mayComeBack(node, parents)) found.push({ ...place, node });
  }
  for (const { node, file, tree } of handedOn) if (!keeps(node)) found.push({ file, tree, node });
  return found;
}

function referencesIn({ tree, param, body }: ErrorPlace): TreeNode[] {
  const references = isIdentifier(param) ? (scopesOf(tree).bindingOf(param)?.references ?? []) : [];
  return references.filter((each) => each.start >= body.start && each.end <= body.end);
}

function mayComeBack(reference: TreeNode, parents: ReturnType<typeof parentMap>): boolean {
  let node = reference;
  let parent = parents.get(node) as TreeNode;
  while (unwrap(parent) !== parent) {
    node = parent;
    parent = parents.get(node) as TreeNode;
  }
  while (
    /^(ObjectProperty|ObjectExpression|ArrayExpression|LogicalExpression|ConditionalExpression)$/.test(parent.type)
  ) {
    if (parent.test === node) return false;
    node = parent;
    parent = parents.get(node) as TreeNode;
  }
  switch (parent.type) {
    case "CallExpression":
      return parent.callee !== node && !keeps(parent.callee);
    case "AssignmentExpression":
      return parent.right === node;
    case "VariableDeclarator":
      return isIdentifier(parent.id);
    case "ThrowStatement":
    case "ReturnStatement":
    case "YieldExpression":
    case "ClassProperty":
      return true;
    default:
      return isFunction(parent) && parent.body === node;
  }
}

const GIVES_ON = /^(assign|reject|callback|cb|done|emit|push|set|resolve|call|apply|fail)$/;

/** `logger.error`, `res.send`, `next`, `JSON.stringify`: what takes an error and does not throw it at its callers. */
function keeps(callee: TreeNode): boolean {
  if (isIdentifier(callee)) return /^(next|log|debug|warn|expect|assert|String|inspect)$|^log[A-Z]/.test(callee.name);
  const name = memberName(callee);
  if (name === "error") return !isIdentifier(callee.object) || !/^(subscriber|observer)$/.test(callee.object.name);
  return name !== undefined && !GIVES_ON.test(name);
}
