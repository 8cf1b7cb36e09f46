import path from "node:path";
import type { SourceFile } from "ts-morph";
import { type Reason, reason } from "../shared/reasons.js";
import type { PackageDefinitionOrigin } from "./origin.js";
import type { AnalysisProject } from "./project.js";

/**
 * Why the descriptor of a service is not that of the code here: a project may hold several .proto files that declare one name
 * with other text, and only one of them counts. Null where there is no doubt.
 */
export function rivalReason(
  project: AnalysisProject,
  service: string,
  loaded: PackageDefinitionOrigin | null,
  /** The generated code, or the file that uses the service. */
  file: SourceFile | undefined,
): Reason | null {
  const rivals = project.protos.rivalsOf(service);
  const desc = project.protos.service(service);
  const source = desc && project.protos.sourceOf(desc);
  if (rivals.length === 0 || !desc || source === undefined) return null;
  const refused = () =>
    reason(
      "proto-rival",
      `${service} (${[source, ...rivals].map((each) => path.relative(project.root, each)).join(", ")})`,
    );
  if (loaded) return loaded.protos.some((each) => project.protos.fileBySource(each) === desc.file) ? null : refused();
  const from = file?.getFilePath() ?? project.root;
  const nearest = Math.max(...rivals.map((rival) => sharedFolders(rival, from)));
  return sharedFolders(source, from) > nearest ? null : refused();
}

function sharedFolders(a: string, b: string): number {
  const [left, right] = [a.split(path.sep), b.split(path.sep)];
  const differs = left.findIndex((segment, index) => segment !== right[index]);
  return differs < 0 ? left.length : differs;
}
