import path from "node:path";
import { type CallExpression, Node, SyntaxKind, type VariableDeclaration } from "ts-morph";
import { type Reason, reason } from "../shared/reasons.js";
import type { AnalysisProject } from "./project.js";
import type { RegistrationFact } from "./server-facts.js";

/** An addService call, before anything is decided about its handlers. */
export interface Draft {
  readonly fact: Omit<RegistrationFact, "implementation" | "bridgedKeys">;
  readonly codec: Node | null;
  readonly definitionNode: Node | null;
  readonly implementation: Node;
}

export function registrationOf(project: AnalysisProject, call: CallExpression): Draft | Reason {
  const [definition, implementation] = call.getArguments();
  const where = `${path.basename(call.getSourceFile().getFilePath())}:${call.getStartLineNumber()}`;
  if (!definition || !implementation) return reason("types-unknown", `the arguments of addService (${where})`);
  const origin = project.originOf(definition);
  if (origin.kind !== "service-definition")
    return reason("types-unknown", `the service definition ${definition.getText()} (${where})`);
  const service = project.protos.service(origin.service);
  if (!service) return reason("proto-missing", origin.service);
  const file = call.getSourceFile().getFilePath() as string;
  const { module, descriptor } = project.protos.importPathFor(service, file);
  const held = origin.packageDefinition?.call.getParent();
  const holder = held && Node.isAwaitExpression(held) ? held.getParent() : held;
  const isHere =
    holder &&
    Node.isVariableDeclaration(holder) &&
    holder.getSourceFile() === call.getSourceFile() &&
    Node.isSourceFile(holder.getVariableStatement()?.getParent()) &&
    Node.isIdentifier(holder.getNameNode());
  return {
    implementation,
    codec: origin.packageDefinition?.call ?? null,
    definitionNode: origin.definition,
    fact: {
      kind: "registration",
      file,
      start: call.getStart(),
      end: call.getEnd(),
      via: "provenance",
      service: origin.service,
      descriptor: { module, name: descriptor },
      definition: isHere ? `${(holder as VariableDeclaration).getName()}['${origin.service}']` : null,
    },
  };
}

/** `const proto = grpc.loadPackageDefinition(definition).pkg` that only the removed registrations named. */
export function unusedDeclarations(
  project: AnalysisProject,
  calls: readonly CallExpression[],
  drafts: readonly Draft[],
): { start: number; end: number }[] {
  const found: { start: number; end: number }[] = [];
  const definitions = calls.map((call) => call.getArguments()[0]).filter((node) => node !== undefined);
  if (drafts.some((draft) => draft.fact.definition === null)) return found;
  for (const definition of definitions) {
    const name = definition.getDescendantsOfKind(SyntaxKind.Identifier)[0];
    const declaration = name && project.declarationOf(name);
    if (!declaration || !Node.isVariableDeclaration(declaration)) continue;
    const origin = project.originOf(declaration);
    const statement = declaration.getVariableStatement();
    if (origin.kind !== "grpc-object" || !statement || statement.getDeclarations().length !== 1) continue;
    const uses = project.referencesTo(declaration.getNameNode()).filter((node) => node !== declaration.getNameNode());
    const isGone = uses.every((node) =>
      definitions.some(
        (gone) =>
          gone.getStart() <= node.getStart() &&
          node.getEnd() <= gone.getEnd() &&
          gone.getSourceFile() === node.getSourceFile(),
      ),
    );
    const range = { start: statement.getStart(), end: statement.getEnd() };
    if (isGone && !found.some((each) => each.start === range.start)) found.push(range);
  }
  return found;
}
