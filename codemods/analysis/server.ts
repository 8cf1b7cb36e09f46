import type { FactBase } from "./facts.js";
import type { AnalysisProject } from "./project.js";

export function collectServerFacts(_project: AnalysisProject): FactBase[] {
  return [];
}
