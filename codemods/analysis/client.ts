import type { FactBase } from "./facts.js";
import type { AnalysisProject } from "./project.js";

export function collectClientFacts(_project: AnalysisProject): FactBase[] {
  return [];
}
