import path from "node:path";
import { createFileRegistry } from "@bufbuild/protobuf";
import { collectClientFacts } from "../../analysis/client.js";
import { createAnalysisProject } from "../../analysis/project.js";
import { loadProtos } from "../../generate/index.js";
import { createProtoRegistry } from "../../generate/proto-registry.js";
import { applyRules } from "../../shared/apply.js";
import type { Finding } from "../../shared/finding.js";
import type { Rule } from "../../shared/rule.js";
import { clientRules } from "../index.js";

export interface MigratedTexts {
  readonly texts: ReadonlyMap<string, string>;
  readonly findings: readonly Finding[];
}

/** Facts and rules over the files of a folder, without the gate: what tests of rules compare. */
export async function migrateFiles(
  root: string,
  files: readonly string[],
  rules: readonly Rule[] = clientRules,
  selected: ReadonlySet<string> | undefined = undefined,
): Promise<MigratedTexts> {
  const { registry } = await loadProtos({ root });
  const absolute = files.map((file) => path.resolve(root, file));
  const protos =
    registry ??
    createProtoRegistry({
      registry: createFileRegistry(),
      layout: { outDir: path.join(root, "gen"), importExtension: ".js" },
      sources: new Map(),
    });
  const project = createAnalysisProject({
    root,
    candidates: absolute.filter((file) => !/[\\/]gen[\\/]/.test(file)),
    context: absolute.filter((file) => /[\\/]gen[\\/]/.test(file)),
    protos,
    ...(selected ? { selected } : {}),
  });
  const facts = collectClientFacts(project);
  const texts = new Map<string, string>();
  const findings: Finding[] = [];
  for (const source of project.files) {
    const file = source.getFilePath() as string;
    if (!project.isSelected(file)) continue;
    const result = applyRules(source.getFullText(), file, rules, {
      facts: facts.filter((fact) => fact.file === file),
      target: "bundled",
      messages: "bridge",
    });
    if (result.conflict !== null) throw new Error(`${file}: ${result.conflict}`);
    texts.set(file, result.text);
    findings.push(...result.findings);
  }
  return { texts, findings };
}
