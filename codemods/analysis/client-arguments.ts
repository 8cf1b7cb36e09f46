import { Node, type SourceFile } from "ts-morph";
import type { Node as TreeNode } from "../shared/ast.js";
import type { CallArgument } from "./client-facts.js";
import type { Call } from "./client-services.js";
import { middleOf, nodeOf, type Trees } from "./client-trees.js";
import type { AnalysisProject } from "./project.js";

const OPTIONS = new Set(["deadline"]);

export function classifyArguments(
  project: AnalysisProject,
  call: Call,
  trees: Trees,
  mayHaveOptions: (file: SourceFile) => boolean,
): CallArgument[] | string {
  const nodes = middleOf(call, trees);
  if (nodes.length > 2) return "it has too many arguments";
  const found: CallArgument[] = [];
  for (const [index, node] of nodes.entries()) {
    const morph = nodeOf(call.node.getSourceFile(), node);
    if (node.type === "ObjectExpression") {
      for (const property of node.properties as TreeNode[]) {
        if (property.type !== "ObjectProperty" || property.computed) return "its options are not written out";
        const name: string = property.key.name ?? property.key.value;
        if (!OPTIONS.has(name)) return `the call option ${name} has no counterpart yet`;
      }
      found.push({ kind: "options", isHeld: false });
    } else if (morph && project.originOf(morph).kind === "metadata") {
      if (index > 0) return "its arguments are in an unknown order";
      if (mayHaveOptions(call.node.getSourceFile())) return "its metadata may have options (waitForReady)";
      found.push({ kind: "metadata", isHeaders: false });
    } else if (morph && holdsDeadline(project, morph)) {
      found.push({ kind: "options", isHeld: true });
    } else
      return `the argument ${node.type === "Identifier" ? node.name : "behind the request"} is neither metadata nor written-out options`;
  }
  return found;
}

/** A helper's `{ deadline: … }`. */
function holdsDeadline(project: AnalysisProject, node: Node): boolean {
  const origin = project.originOf(node);
  if (origin.kind !== "object" || !Node.isObjectLiteralExpression(origin.node)) return false;
  const properties = origin.node.getProperties();
  return properties.every(
    (property) =>
      (Node.isPropertyAssignment(property) || Node.isShorthandPropertyAssignment(property)) &&
      property.getName() === "deadline",
  );
}

/** The one type of all messages that are written to a call, if it has a name that the file knows. */
export function messageTypeOf(call: Call): string | null {
  const { plan } = call;
  const writer = plan.kind === "block" || plan.kind === "listeners" ? plan.writer : null;
  const found = new Set<string>();
  for (const use of [...(writer?.writes ?? []), ...(writer?.ends ?? [])]) {
    const [argument] = use.arguments as TreeNode[];
    const node = argument && nodeOf(call.node.getSourceFile(), argument);
    if (node) found.add(node.getType().getText(node));
  }
  const [type] = found;
  return found.size === 1 && type !== undefined && /^[A-Z][\w$]*$/.test(type) ? type : null;
}
