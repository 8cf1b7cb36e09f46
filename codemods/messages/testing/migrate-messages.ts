import { readFileSync } from "node:fs";
import { relative, resolve } from "node:path";
import { globSync } from "tinyglobby";
import { createAnalysisProject } from "../../analysis/project.js";
import { loadProtos } from "../../generate/index.js";
import { applyRules } from "../../shared/apply.js";
import type { Finding } from "../../shared/finding.js";
import type { MessagesMode } from "../../shared/rule.js";
import { collectMessageFacts, messageRules } from "../index.js";

export interface MigratedMessages {
  /** Relative path -> new text, for every file. */
  readonly files: Readonly<Record<string, string>>;
  readonly findings: readonly Finding[];
}

type Side = "services" | "clients";

/** The message step alone over a folder, both sides or one. */
export async function migrateMessages(
  root: string,
  messages: MessagesMode = "auto",
  sides: readonly Side[] = ["services", "clients"],
): Promise<MigratedMessages> {
  const { registry, failure } = await loadProtos({ root });
  if (!registry) throw new Error(failure?.text ?? "no protos");
  const candidates = globSync("**/*.{js,ts}", {
    cwd: root,
    absolute: true,
    ignore: ["**/node_modules/**", "**/gen/**", "**/*.d.ts"],
  })
    .map((path) => resolve(path))
    .sort();
  const project = createAnalysisProject({ root, candidates, context: [], protos: registry });
  const found = sides.flatMap((side) => collectMessageFacts(project, side));
  // What is proved of a server and a client together, each side says.
  const facts = [...new Map(found.map((fact) => [JSON.stringify(fact), fact])).values()];
  const files: Record<string, string> = {};
  const findings: Finding[] = [];
  for (const path of candidates) {
    const result = applyRules(readFileSync(path, "utf8"), path, messageRules, {
      facts: facts.filter((fact) => fact.file === path),
      target: "bundled",
      messages,
    });
    if (result.conflict !== null) throw new Error(`${path}: ${result.conflict}`);
    files[relative(root, path)] = result.text;
    findings.push(...result.findings);
  }
  return { files, findings };
}
