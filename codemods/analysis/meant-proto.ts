import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import type { DescService } from "@bufbuild/protobuf";
import type { SourceFile } from "ts-morph";
import { generatorOf } from "../project/generated.js";
import { type Reason, reason } from "../shared/reasons.js";
import type { PackageDefinitionOrigin } from "./origin.js";
import type { AnalysisProject } from "./project.js";

/**
 * Why the descriptor of a service is not that of the code here: a project may hold several .proto files that declare one name
 * with other text, and only one of them counts; or the generated code is older than the .proto. Null where there is no doubt.
 */
export function descriptorReason(
  project: AnalysisProject,
  service: string,
  loaded: PackageDefinitionOrigin | null,
  /** The generated code, or the file that uses the service. */
  file: SourceFile | undefined,
): Reason | null {
  const rivals = project.protos.rivalsOf(service);
  const desc = project.protos.service(service);
  const source = desc && project.protos.sourceOf(desc);
  const stale = desc && file && !loaded ? staleDefinition(file, desc, project.root) : undefined;
  if (stale !== undefined) return reason("proto-stale", stale);
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

/** Why there is no descriptor of a service: no .proto file declares it, or the one that does was left out. */
export function missingProto(
  project: AnalysisProject,
  service: string,
  loaded: PackageDefinitionOrigin | null,
  /** The generated code, or the file that uses the service. */
  file: SourceFile | undefined,
): Reason {
  const fault = project.protos.faultOf(service);
  if (fault !== undefined) return reason("proto-invalid", `${service} does not compile (${fault})`);
  const shown = (place: string) => path.relative(project.root, place) || place;
  const absent = loaded?.protos.filter((proto) => !existsSync(proto)).map(shown) ?? [];
  const made = file && generatorOf(file.getFilePath(), file.getFullText()) !== null ? shown(file.getFilePath()) : "";
  const hint =
    absent.length > 0
      ? ` (the program loads ${absent.join(", ")}, which is not there)`
      : made === ""
        ? ""
        : ` (of which ${made} was made)`;
  return reason("proto-missing", `${service}${hint}`);
}

/** Where the definition that a generator wrote and the .proto disagree about the methods of a service. */
function staleDefinition(file: SourceFile, desc: DescService, root: string): string | undefined {
  const name = file.getFilePath() as string;
  const code = name.replace(/\.d\.ts$/, ".js");
  const text = code === name ? file.getFullText() : existsSync(code) ? readFileSync(code, "utf8") : "";
  const place = path.relative(root, code);
  for (const match of text.matchAll(
    new RegExp(`path: ["']/${desc.typeName.replaceAll(".", "\\.")}/(\\w+)["'],`, "g"),
  )) {
    const rest = text.slice(match.index, match.index + 500);
    const [, request] = /\brequestStream: (true|false)/.exec(rest) ?? [];
    const [, response] = /\bresponseStream: (true|false)/.exec(rest) ?? [];
    if (request === undefined || response === undefined) continue;
    const method = desc.methods.find((one) => one.name === match[1]);
    if (!method) return `${desc.typeName}/${match[1]}, which only ${place} has`;
    const isSame =
      (request === "true") === /^(client|bidi)/.test(method.methodKind) &&
      (response === "true") === /^(server|bidi)/.test(method.methodKind);
    if (!isSame) return `which sides of ${desc.typeName}/${method.name} are streams (${place})`;
  }
  return undefined;
}

function sharedFolders(a: string, b: string): number {
  const [left, right] = [a.split(path.sep), b.split(path.sep)];
  const differs = left.findIndex((segment, index) => segment !== right[index]);
  return differs < 0 ? left.length : differs;
}
