import type { SourceFile } from "ts-morph";
import { generatorOf } from "../project/generated.js";
import { specifiersOf } from "../shared/specifiers.js";
import type { AnalysisProject } from "./project.js";

/** Files that import each other, directly or not, as one file that stands for all: a value flows within these only. */
export function programsOf(project: AnalysisProject): (file: SourceFile) => SourceFile {
  const parents = new Map<SourceFile, SourceFile>();
  const find = (file: SourceFile): SourceFile => {
    let current = file;
    for (let next = parents.get(current); next && next !== current; next = parents.get(current)) current = next;
    return current;
  };
  for (const file of project.files)
    for (const specifier of specifiersOf(file.getFullText())) {
      const target = project.resolveModule(file, specifier);
      // Generated code hands on no values.
      if (target && generatorOf(target.getFilePath(), target.getFullText()) === null && find(target) !== find(file))
        parents.set(find(target), find(file));
    }
  return find;
}
