import type { DescMessage, DescService } from "@bufbuild/protobuf";
import type { AnalysisProject } from "../analysis/project.js";
import { type Bridge, findBridges } from "./find-bridges.js";
import { reachable } from "./google-protobuf-generated.js";

/** The messages that the methods of a service take and answer. */
export function messagesOf({ methods }: DescService): DescMessage[] {
  return methods.flatMap(({ input, output }) => [input, output]);
}

/** How generated code and the .proto disagree about the first of some messages, and what to do; undefined where they agree. */
export function staleMessage(
  { root }: Pick<AnalysisProject, "root">,
  { shape, definition }: Pick<Bridge, "shape" | "definition">,
  messages: Iterable<DescMessage>,
): string | undefined {
  for (const desc of new Set([...messages].flatMap(reachable))) {
    // Those of google.protobuf are the same in all versions.
    if (desc.file.proto.package === "google.protobuf") continue;
    const stale = shape?.staleness?.(definition, desc);
    // Generated code outside of the project keeps its whole path.
    if (stale !== undefined)
      return `${stale.replaceAll(`${root}/`, "")}: run the old generator, or correct the .proto, and then this`;
  }
  return undefined;
}

/** For services and clients that keep their old messages because the user says so: where what goes through the .proto all the same differs. */
export function staleNotes(project: AnalysisProject, side: "services" | "clients"): string[] {
  return findBridges(project, side).flatMap((bridge) => {
    const { service } = bridge;
    const stale = staleMessage(project, bridge, messagesOf(service));
    if (stale === undefined) return [];
    const [what, does] = bridge.of === "service" ? ["JSON, reflection and Connect GET", "follow"] : ["JSON", "follows"];
    return `${what} of ${service.typeName} ${does} the .proto, and the generated code disagrees with it: ${stale}.`;
  });
}
