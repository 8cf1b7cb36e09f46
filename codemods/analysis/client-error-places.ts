import type { Node, SourceFile } from "ts-morph";
import { isToldToTest } from "../clients/error-assertions.js";
import { type ErrorPlan, planError, takesAnyValue } from "../clients/plan-error.js";
import { type File, isIdentifier, type Node as TreeNode, unwrap } from "../shared/ast.js";
import { scopesOf } from "../shared/scope.js";
import type { HandedError } from "./client-error-arrivals.js";
import { type Helper, helpersOf } from "./client-error-helpers.js";
import type { Trees } from "./client-trees.js";
import type { AnalysisProject } from "./project.js";

/** A parameter that holds errors of migrated calls. */
export interface ErrorPlace {
  /**
   * A catch clause or what stands for one, the callback of a call, the function that is named for one, a function that such errors are passed to,
   * or a value that is one.
   */
  readonly kind: "catch" | "callback" | "handed" | "helper" | "value";
  readonly file: SourceFile;
  readonly tree: File;
  /** Of a value: the expression itself, or the name in a pattern. */
  readonly param: TreeNode;
  readonly body: TreeNode;
  /** What may fail here, and of a function with a name where it is handed to that; null where nobody sees it. */
  readonly within: TreeNode | null;
  /** Of a function with a name: the migrated calls that it is the callback of, if nothing else is given it. */
  readonly calls?: readonly TreeNode[] | undefined;
}

/** What becomes of the error at a place. */
export interface PlacePlan extends ErrorPlan {
  /** May it be of a cancelled call? */
  readonly ofCancelled: boolean;
}

/** A place, and what may arrive there. */
export interface MixedPlace extends ErrorPlace {
  /** It may also come from a call that is not migrated. */
  readonly isMixed: boolean;
  /** It may come from a call that somebody cancels: the text of that error is another one. */
  readonly isOfCancelled: boolean;
}

/**
 * What becomes of the error at every place, all of them together: a function that errors are passed to changes only if all that is ever
 * passed to it are errors of migrated calls, which stay what they are at their own places.
 */
export function planErrorPlaces(
  project: AnalysisProject,
  places: readonly MixedPlace[],
  trees: Trees,
  /** Are any calls cancelled? Whose error a function is given is not followed. */
  mayBeCancelled: boolean,
): {
  readonly planned: readonly { readonly place: ErrorPlace; readonly plan: PlacePlan }[];
  /** Functions with a name that do not take the error as it is. */
  readonly handed: readonly HandedError[];
  /** A place that would have to change and is not part of this run. */
  readonly obstacle: { readonly node: Node; readonly detail: string } | null;
} {
  const helpers = new Map<TreeNode, readonly Helper[] | null>();
  const refused = new Set<TreeNode>();
  /** Why functions with a name do not take the error as it is. */
  const reasons = new Map<TreeNode, string>();
  const helpersAt = (file: SourceFile, call: TreeNode, index: number): readonly Helper[] | null => {
    const argument = (call.arguments as TreeNode[])[index];
    if (!argument) return null;
    const known = helpers.get(argument);
    if (known !== undefined) return known;
    const found = helpersOf(project, file, call, index, trees);
    helpers.set(argument, found);
    return found;
  };

  for (;;) {
    const plans = new Map<TreeNode, { readonly place: MixedPlace; readonly plan: PlacePlan }>();
    const tolerant = new Set<TreeNode>();
    const planOf = (place: MixedPlace): PlacePlan => {
      const known = plans.get(place.param);
      if (known) return known.plan;
      // A function that calls itself: what it does with its parameter is being found out.
      plans.set(place.param, { place, plan: UNCHANGED });
      let passes = false;
      const isValue = place.kind === "value";
      const passedTo = (call: TreeNode, index: number) => {
        if (project.isTestFile(place.file.getFilePath()) && isToldToTest(place.tree, call)) return undefined;
        const taken = helpersAt(place.file, call, index);
        if (!taken || taken.some(({ param }) => refused.has(param))) return "it is passed to a function";
        for (const helper of taken) {
          const plan = planOf(helper);
          if (plan.mode === "wrapped") return `it is passed to a function, where ${plan.reason}`;
          passes ||= plan.changes;
        }
        return undefined;
      };
      const conversions = isValue ? Number.POSITIVE_INFINITY : 1;
      const found = planError(place.tree, place.param, place.body, { passedTo, conversions });
      const ofCancelled = place.kind === "helper" ? mayBeCancelled : place.isOfCancelled;
      const wrapped = (reason: string): PlacePlan => {
        const kept = { ...found, ofCancelled, uses: [], reason };
        const plan: PlacePlan = isValue
          ? { ...kept, converted: isIdentifier(place.param) ? referencesOf(place) : [place.param] }
          : { ...kept, mode: "wrapped", converted: [] };
        plans.set(place.param, { place, plan });
        return plan;
      };
      if (isValue && found.mode === "wrapped") return wrapped(found.reason);
      const changes = found.changes || passes;
      const takesAll = !passes && found.uses.every(takesAnyValue);
      if (takesAll) tolerant.add(place.param);
      if (found.mode === "native" && ofCancelled && found.uses.some(({ kind }) => kind === "detailsProperty"))
        return wrapped("a cancelled call has its own text in grpc-js");
      if (found.mode === "native" && changes && place.isMixed && !takesAll)
        return wrapped("it may come from a call that is not migrated");
      if (found.reads && project.keptStatus(place.file.getFilePath()) === "errors")
        return wrapped("its code goes where the type of grpc-js's codes is asked for");
      const plan: PlacePlan = { ...found, changes, ofCancelled };
      plans.set(place.param, { place, plan });
      return plan;
    };
    for (const place of places) if (place.kind !== "handed" || !refused.has(place.param)) planOf(place);

    const isNative = (tree: File, node: TreeNode | undefined): boolean => {
      const name = node && unwrap(node);
      if (name?.type === "NullLiteral") return true;
      if (!name || !isIdentifier(name)) return false;
      if (name.name === "undefined") return true;
      const binding = scopesOf(tree).bindingOf(name);
      if (!binding) return false;
      if (binding.kind === "const" && binding.declaration.init) return isNative(tree, binding.declaration.init);
      const known = plans.get(binding.identifier);
      return known !== undefined && known.plan.mode !== "wrapped" && !known.plan.converted.includes(name);
    };
    const wrong = [...plans.values()].filter(({ place, plan }) => {
      if (place.kind !== "helper" || plan.mode === "wrapped" || !plan.changes) return false;
      const { passed } = place as Helper;
      const isSelected = project.isSelected(place.file.getFilePath());
      if (tolerant.has(place.param)) return !isSelected;
      return !isSelected || !passed?.every(({ tree, node }) => isNative(tree, node));
    });
    // What is handed to something that knows ServiceErrors only is given no others by any caller.
    const untaken = places.filter(({ kind, param, calls }) => {
      const plan = plans.get(param)?.plan;
      if (kind !== "handed" || !plan || plan.mode === "none") return false;
      return plan.mode === "wrapped" || plan.converted.length > 0 || (plan.changes && !calls);
    });
    for (const { param } of untaken) reasons.set(param, plans.get(param)?.plan.reason || "it is passed to a function");
    for (const place of [...wrong.map((each) => each.place), ...untaken]) refused.add(place.param);
    if (wrong.length + untaken.length > 0) continue;

    const planned = [...plans.values()].filter(
      ({ place, plan }) =>
        plan.mode !== "none" && (/^(catch|callback)$/.test(place.kind) || (plan.mode === "native" && plan.changes)),
    );
    const isSelected = ({ place }: (typeof planned)[number]) => project.isSelected(place.file.getFilePath());
    const outside = planned.find((each) => !isSelected(each) && each.plan.changes)?.place.file;
    return {
      planned: planned.filter(isSelected),
      handed: places.flatMap((place) => {
        const why = place.kind === "handed" ? reasons.get(place.param) : undefined;
        return why === undefined ? [] : [{ ...place, node: place.within as TreeNode, why }];
      }),
      obstacle: outside
        ? { node: outside, detail: `${outside.getBaseName()} handles errors of the call and is not part of this run` }
        : null,
    };
  }
}

const UNCHANGED: PlacePlan = {
  mode: "native",
  changes: false,
  reads: false,
  reason: "",
  uses: [],
  converted: [],
  ofCancelled: false,
};

function referencesOf({ tree, param, body }: ErrorPlace): TreeNode[] {
  const references = scopesOf(tree).bindingOf(param)?.references ?? [];
  return references.filter((each) => body.start <= each.start && each.end <= body.end);
}
