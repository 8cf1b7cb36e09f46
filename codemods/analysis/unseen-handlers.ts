import { Node, type SourceFile } from "ts-morph";
import { contains } from "./around-values.js";
import { isOnlyNamed } from "./exports.js";
import { reaches } from "./module-imports.js";
import type { AnalysisProject } from "./project.js";
import { functionsOf } from "./server-handlers.js";

/** Is nothing known of an implementation? `for (const { definition, handlers } of services) server.addService(definition, handlers)`. */
export function isUnseen(project: AnalysisProject, implementation: Node): boolean {
  return project.originOf(implementation).kind === "unknown" && functionsOf(project, implementation).length === 0;
}

/**
 * May an implementation, or one of its functions, be what is registered unseen? Then it is mentioned at a place that is none of
 * the registrations that are known, in a file that some program loads together with the other one.
 */
export function mayBeUnseen(
  project: AnalysisProject,
  unseen: Node,
  implementation: Node,
  functions: readonly Node[],
  registered: readonly Node[],
): boolean {
  const origin = project.originOf(implementation);
  if (origin.kind === "module") return areTogether(project, origin.file, unseen.getSourceFile());
  const own = origin.kind === "object" ? [origin.node] : origin.kind === "instance" ? [origin.class] : [];
  const places = registered.flatMap((each) => {
    const known = project.originOf(each);
    return known.kind === "object" ? [each, known.node] : [each];
  });
  const names = new Set([...own, ...functions].flatMap((node) => namesAround(node)));
  return [...names].some((name) =>
    project
      .referencesTo(name)
      .some(
        (use) =>
          use !== name &&
          !isOnlyNamed(use.getParentOrThrow()) &&
          !places.some((place) => contains(place, use)) &&
          areTogether(project, use.getSourceFile(), unseen.getSourceFile()),
      ),
  );
}

function areTogether(project: AnalysisProject, one: SourceFile, other: SourceFile): boolean {
  return project.files.some((file) => reaches(project, file, one) && reaches(project, file, other));
}

/** The names by which a value can be mentioned: its own, and those of what it is made in. */
function namesAround(node: Node): Node[] {
  return [node, ...node.getAncestors()].flatMap((each) => {
    const isNamed =
      Node.isFunctionDeclaration(each) || Node.isClassDeclaration(each) || Node.isVariableDeclaration(each);
    const name = isNamed ? each.getNameNode() : undefined;
    return name && Node.isIdentifier(name) ? [name] : [];
  });
}
