import { Node, type SourceFile, SyntaxKind } from "ts-morph";
import { generatorOf } from "../project/generated.js";
import { reason } from "../shared/reasons.js";
import type { Service } from "./client-services.js";
import { ANY_SERVICE } from "./client-varying.js";
import type { AnalysisProject } from "./project.js";

/** Where a program does something with the class of a client that another object would not answer for. */
interface ClassUse {
  readonly node: Node;
  readonly service: string;
  readonly detail: string;
}

/** What a program does with the class of its clients, all of them have, and a client of another class would not: they stay as they are. */
export function refuseClassUses(
  project: AnalysisProject,
  services: ReadonlyMap<string, Service>,
  programOf: (file: SourceFile) => SourceFile,
  shownPlace: (node: Node) => string,
): void {
  const uses = [
    ...prototypes(project),
    ...reflections(project),
    ...project.files.flatMap((file) => named(project, file)),
  ];
  for (const use of uses) {
    const detail = `${use.detail} (${shownPlace(use.node)})`;
    for (const service of services.values()) {
      // `grpc.Client`, which all are.
      if (use.service !== "" && service.name !== use.service && service.name !== ANY_SERVICE) continue;
      for (const construction of service.constructions) {
        if (programOf(construction.node.getSourceFile()) !== programOf(use.node.getSourceFile())) continue;
        construction.replaced ??= reason("client-use", detail);
        service.obstacles.push({ node: construction.node, detail, view: null });
      }
    }
  }
}

/** The service whose clients an expression is the class of; "" for grpc-js's own class of all. */
function serviceOf(project: AnalysisProject, callee: Node): string | undefined {
  const origin = project.originOf(callee);
  if (origin.kind === "client-constructor") return origin.service;
  if (origin.kind === "grpc-object" && project.protos.service(origin.path)) return origin.path;
  return origin.kind === "grpc" && origin.path === "Client" ? "" : undefined;
}

function prototypes(project: AnalysisProject): ClassUse[] {
  return project.identifiersNamed("prototype").flatMap((node) => {
    const access = node.getParent();
    const object = Node.isPropertyAccessExpression(access) ? access.getExpression() : undefined;
    const service = object && serviceOf(project, object);
    return service ? [{ node, service, detail: "the prototype of its class is used" }] : [];
  });
}

/** `client.constructor` */
function reflections(project: AnalysisProject): ClassUse[] {
  return project.identifiersNamed("constructor").flatMap((node) => {
    const access = node.getParent();
    const origin = Node.isPropertyAccessExpression(access) ? project.originOf(access.getExpression()) : undefined;
    return origin?.kind === "client" ? [{ node, service: origin.service, detail: "its class is asked for" }] : [];
  });
}

/** `class Mine extends ShopClient { … }`, `x instanceof ShopClient` */
function named(project: AnalysisProject, file: SourceFile): ClassUse[] {
  const found: ClassUse[] = [];
  const text = file.getFullText();
  if (/\binstanceof\b/.test(text))
    for (const node of file.getDescendantsOfKind(SyntaxKind.BinaryExpression)) {
      if (node.getOperatorToken().getKind() !== SyntaxKind.InstanceOfKeyword) continue;
      const service = serviceOf(project, node.getRight());
      if (service !== undefined) found.push({ node, service, detail: "it is asked for by its class" });
    }
  if (!/\bextends\b/.test(text) || generatorOf(file.getFilePath(), text) !== null) return found;
  for (const kind of [SyntaxKind.ClassDeclaration, SyntaxKind.ClassExpression] as const)
    for (const node of file.getDescendantsOfKind(kind)) {
      const base = node.getExtends()?.getExpression();
      const service = base && node.getMembers().length > 0 ? serviceOf(project, base) : undefined;
      if (service) found.push({ node, service, detail: "a class of the program extends it" });
    }
  return found;
}
