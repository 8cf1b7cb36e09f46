import type { Node, SourceFile } from "ts-morph";
import type { File, Node as TreeNode } from "../shared/ast.js";
import { reason } from "../shared/reasons.js";
import { errorArrivals } from "./client-error-arrivals.js";
import { calleesOf } from "./client-error-callees.js";
import { failingIn } from "./client-error-flow.js";
import { leaksOf } from "./client-error-leaks.js";
import { planErrorPlaces } from "./client-error-places.js";
import { callsOf, reachOf } from "./client-error-reach.js";
import type { ClientErrorFact } from "./client-facts.js";
import type { AnalysisProject } from "./project.js";
import { relaysErrors } from "./relayed-errors.js";
import type { TurnedErrors } from "./turned-errors.js";

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
 * calls of functions that make them. Functions are told by name where it is not known which one is called, so that more
 * places are found than there are, never fewer: a place that gets no such error is not changed in what it does.
 */
export function collectErrorFacts(
  project: AnalysisProject,
  sites: readonly RpcSite[],
  /** Calls that stay on grpc-js's shape, whose errors are ServiceErrors. */
  otherSites: readonly RpcSite[],
  trees: (file: SourceFile) => File | undefined,
  programOf: (file: SourceFile) => SourceFile,
  turned: TurnedErrors,
): ErrorFacts {
  if (sites.length === 0) return { facts: [], obstacle: null };
  const sources = project.files.flatMap((file) => {
    const tree = trees(file);
    return tree ? [{ file, tree }] : [];
  });
  const callees = calleesOf(project);
  const isEscaping = (site: RpcSite) => site.escapes;
  const cancelledSites = sites.filter((site) => site.isCancelled);
  const made = callsOf(sites, trees);
  const handed = callsOf(
    sites.filter((site) => site.isHanded),
    trees,
  );
  const madeCancelled = callsOf(cancelledSites, trees);
  const all = reachOf(sites.filter(isEscaping), sources, trees, callees, programOf, turned);
  const cancelled = reachOf(cancelledSites.filter(isEscaping), sources, trees, callees, programOf, turned);
  const firstOthers = reachOf(otherSites.filter(isEscaping), sources, trees, callees, programOf, turned);
  const fails = failingIn(sources, [all, firstOthers]);
  const { places, handedOn, rejections, callbackified } = errorArrivals({
    project,
    sources,
    made,
    handed,
    mayFail: (source, node) => fails(source, node, all),
  });

  // Errors that are turned back and handed on may come back to a catch clause as ServiceErrors.
  const leaks = new Map<SourceFile, Set<TreeNode>>();
  for (;;) {
    const others =
      leaks.size === 0
        ? firstOthers
        : reachOf(otherSites.filter(isEscaping), sources, trees, callees, programOf, turned, leaks);
    const hasOthers = otherSites.length > 0 || leaks.size > 0;
    const failsOtherwise = failingIn(sources, [all, others]);
    const {
      planned,
      handed: handedTo,
      obstacle,
    } = planErrorPlaces(
      project,
      places.map((place) => {
        const { kind, file, within } = place;
        if (within === null)
          return { ...place, isMixed: kind === "catch" || hasOthers, isOfCancelled: cancelledSites.length > 0 };
        const isCall = kind === "callback" || kind === "handed";
        const calls = place.calls ?? [within];
        return {
          ...place,
          isMixed: !isCall && hasOthers && failsOtherwise(place, within, others),
          isOfCancelled: isCall
            ? calls.some((call) => madeCancelled.get(file)?.has(call))
            : cancelledSites.length > 0 && fails(place, within, cancelled),
        };
      }),
      trees,
      cancelledSites.length > 0,
    );
    const isNew = leaksOf(planned, [...handedOn, ...handedTo]).filter(({ file, node }) => !leaks.get(file)?.has(node));
    if (isNew.length > 0) {
      for (const { file, node } of isNew) leaks.set(file, (leaks.get(file) ?? new Set()).add(node));
      continue;
    }
    const facts = planned.map(
      ({ place, plan }): ClientErrorFact => ({
        ...placeOf(place.file, place.param),
        mode: plan.mode === "wrapped" ? "wrapped" : "native",
        converted: plan.converted.map((node) => ({ start: node.start, end: node.end })),
        place: place.kind,
        reads: plan.reads,
        ofCancelled: plan.ofCancelled,
        relays: relaysErrors(project),
        reason: plan.reason === "" ? null : reason("error-escapes", plan.reason),
      }),
    );
    const whole = { mode: "wrapped", converted: [], reads: false, ofCancelled: false, relays: false } as const;
    for (const { file, node, why } of [...handedOn, ...handedTo])
      facts.push({ ...placeOf(file, node), ...whole, place: "catch", reason: reason("error-escapes", why) });
    for (const { file, node } of rejections)
      facts.push({
        ...placeOf(file, node),
        ...whole,
        place: "rejection",
        reason: reason("error-escapes", "something else takes the promise and shows it"),
      });
    for (const { file, node } of callbackified)
      facts.push({
        ...placeOf(file, node),
        ...whole,
        place: "callbackified",
        reason: reason("error-escapes", "it becomes a function with a callback"),
      });
    return { facts, obstacle };
  }
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
