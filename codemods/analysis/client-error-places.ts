import { Node, type SourceFile } from "ts-morph";
import { type ErrorPlan, planError, takesAnyValue } from "../clients/plan-error.js";
import {
  type File,
  isFunction,
  isIdentifier,
  nodeAt,
  parentMap,
  type Node as TreeNode,
  unwrap,
} from "../shared/ast.js";
import { scopesOf } from "../shared/scope.js";
import { nodeOf, type Trees } from "./client-trees.js";
import type { AnalysisProject } from "./project.js";

/** A parameter that holds errors of migrated calls. */
export interface ErrorPlace {
  /** A catch clause or what stands for one, the callback of a call, or a function that such errors are passed to. */
  readonly kind: "catch" | "callback" | "helper";
  readonly file: SourceFile;
  readonly tree: File;
  readonly param: TreeNode;
  readonly body: TreeNode;
  /** It may also come from a call that is not migrated. */
  readonly isMixed: boolean;
  /** It may come from a call that somebody cancels: the text of that error is another one. */
  readonly isOfCancelled: boolean;
}

interface Helper extends ErrorPlace {
  /** What is passed in all its calls; null where not all of them are known. */
  readonly passed: readonly { readonly tree: File; readonly node: TreeNode | undefined }[] | null;
}

/**
 * What becomes of the error at every place, all of them together: a function that errors are passed to changes only if all that is ever
 * passed to it are errors of migrated calls, which stay what they are at their own places.
 */
export function planErrorPlaces(
  project: AnalysisProject,
  places: readonly ErrorPlace[],
  trees: Trees,
  /** Are any calls cancelled? Whose error a function is given is not followed. */
  mayBeCancelled: boolean,
): {
  readonly planned: readonly { readonly place: ErrorPlace; readonly plan: ErrorPlan }[];
  /** A place that would have to change and is not part of this run. */
  readonly obstacle: { readonly node: Node; readonly detail: string } | null;
} {
  const helpers = new Map<TreeNode, Helper | null>();
  const refused = new Set<TreeNode>();
  const helperOf = (file: SourceFile, call: TreeNode, index: number): Helper | null => {
    const argument = (call.arguments as TreeNode[])[index];
    if (!argument) return null;
    const known = helpers.get(argument);
    if (known !== undefined) return known;
    const found = findHelper(project, file, call, index, trees);
    helpers.set(argument, found);
    return found;
  };

  for (;;) {
    const plans = new Map<TreeNode, { readonly place: ErrorPlace; readonly plan: ErrorPlan }>();
    const tolerant = new Set<TreeNode>();
    const planOf = (place: ErrorPlace): ErrorPlan => {
      const known = plans.get(place.param);
      if (known) return known.plan;
      // A function that calls itself: what it does with its parameter is being found out.
      plans.set(place.param, { place, plan: UNCHANGED });
      let passes = false;
      const found = planError(place.tree, place.param, place.body, (call, index) => {
        const helper = helperOf(place.file, call, index);
        if (!helper || refused.has(helper.param)) return "it is passed to a function";
        const plan = planOf(helper);
        if (plan.mode === "wrapped") return `it is passed to a function, where ${plan.reason}`;
        passes ||= plan.changes;
        return undefined;
      });
      const changes = found.changes || passes;
      const takesAll = !passes && found.uses.every(takesAnyValue);
      if (takesAll) tolerant.add(place.param);
      const readsText = found.uses.some(({ kind }) => kind === "details" || kind === "detailsProperty");
      if (found.mode === "native" && readsText && (place.kind === "helper" ? mayBeCancelled : place.isOfCancelled)) {
        const plan: ErrorPlan = { ...found, mode: "wrapped", reason: "a cancelled call has its own text in grpc-js" };
        plans.set(place.param, { place, plan });
        return plan;
      }
      const plan: ErrorPlan =
        found.mode === "native" && changes && place.isMixed && !takesAll
          ? { ...found, mode: "wrapped", reason: "it may come from a call that is not migrated" }
          : { ...found, changes };
      plans.set(place.param, { place, plan });
      return plan;
    };
    for (const place of places) planOf(place);

    const isNative = (tree: File, node: TreeNode | undefined): boolean => {
      const name = node && unwrap(node);
      if (!name || !isIdentifier(name)) return false;
      const binding = scopesOf(tree).bindingOf(name);
      if (!binding) return false;
      if (binding.kind === "const" && binding.declaration.init) return isNative(tree, binding.declaration.init);
      const known = plans.get(binding.identifier);
      return known !== undefined && known.plan.mode !== "wrapped";
    };
    const wrong = [...plans.values()].filter(({ place, plan }) => {
      if (place.kind !== "helper" || plan.mode === "wrapped" || !plan.changes) return false;
      const { passed } = place as Helper;
      const isSelected = project.isSelected(place.file.getFilePath());
      if (tolerant.has(place.param)) return !isSelected;
      return !isSelected || !passed?.every(({ tree, node }) => isNative(tree, node));
    });
    for (const { place } of wrong) refused.add(place.param);
    if (wrong.length > 0) continue;

    const planned = [...plans.values()].filter(
      ({ place, plan }) =>
        plan.mode !== "none" && (place.kind !== "helper" || (plan.mode === "native" && plan.changes)),
    );
    const isSelected = ({ place }: (typeof planned)[number]) => project.isSelected(place.file.getFilePath());
    const outside = planned.find((each) => !isSelected(each) && each.plan.changes)?.place.file;
    return {
      planned: planned.filter(isSelected),
      obstacle: outside
        ? { node: outside, detail: `${outside.getBaseName()} handles errors of the call and is not part of this run` }
        : null,
    };
  }
}

const UNCHANGED: ErrorPlan = { mode: "native", changes: false, reads: false, reason: "", uses: [] };

/** The parameter of one of the project's functions that takes an argument, with all that is passed for it. */
function findHelper(
  project: AnalysisProject,
  file: SourceFile,
  call: TreeNode,
  index: number,
  trees: Trees,
): Helper | null {
  const callee = nodeOf(file, call.callee as TreeNode);
  const origin = callee && project.originOf(callee);
  if (origin?.kind !== "function") return null;
  const owner = origin.node;
  const parameter = (owner as unknown as { getParameters?(): Node[] }).getParameters?.()[index];
  if (!parameter || !Node.isParameterDeclaration(parameter)) return null;
  if (parameter.isRestParameter() || parameter.hasInitializer() || !Node.isIdentifier(parameter.getNameNode()))
    return null;
  const tree = trees(owner.getSourceFile());
  const param = tree && nodeAt(tree, parameter.getStart(), parameter.getEnd());
  const declared = param && tree && parentMap(tree).get(param);
  if (!tree || !param || !declared || !isFunction(declared)) return null;
  return {
    kind: "helper",
    file: owner.getSourceFile(),
    tree,
    param,
    body: declared.body,
    isMixed: false,
    isOfCancelled: false,
    passed: passedFor(project, owner, index, trees),
  };
}

function passedFor(project: AnalysisProject, owner: Node, index: number, trees: Trees): Helper["passed"] {
  const holder = owner.getParent();
  const name = Node.isFunctionDeclaration(owner)
    ? owner.getNameNode()
    : holder && Node.isVariableDeclaration(holder)
      ? holder.getNameNode()
      : undefined;
  if (!name || !Node.isIdentifier(name)) return null;
  const passed: { tree: File; node: TreeNode | undefined }[] = [];
  for (const reference of project.referencesTo(name)) {
    if (reference === name) continue;
    const parent = reference.getParent();
    const isMember = parent && Node.isPropertyAccessExpression(parent) && parent.getNameNode() === reference;
    const callee = isMember ? parent : reference;
    const call = callee.getParent();
    if (call && Node.isCallExpression(call) && call.getExpression() === callee) {
      const tree = trees(call.getSourceFile());
      const argument = call.getArguments()[index];
      if (!tree || !argument) return null;
      passed.push({ tree, node: nodeAt(tree, argument.getStart(), argument.getEnd()) });
      continue;
    }
    const isExchange =
      parent &&
      (Node.isImportSpecifier(parent) ||
        Node.isExportSpecifier(parent) ||
        Node.isBindingElement(parent) ||
        (Node.isShorthandPropertyAssignment(parent) &&
          /^(module\.)?exports = \{/.test(parent.getParent().getParent()?.getText() ?? "")) ||
        (isMember && /^(module\.)?exports$/.test(parent.getExpression().getText())));
    if (!isExchange) return null;
  }
  return passed;
}
