import { Node, SyntaxKind } from "ts-morph";
import type { AnalysisProject } from "./project.js";

const known = new WeakMap<AnalysisProject, boolean>();

/** Has the project apps, all with `compat: "grpc-js"`? They relay the error of another call as it is, so that a handler can throw it. */
export function relaysErrors(project: AnalysisProject): boolean {
  let relays = known.get(project);
  if (relays === undefined) {
    const apps = project.files
      .filter((file) => file.getFullText().includes("createApp"))
      .flatMap((file) => file.getDescendantsOfKind(SyntaxKind.CallExpression))
      .filter((call) => isApp(project, call.getExpression()));
    relays = apps.length > 0 && apps.every((call) => isCompatible(call.getArguments()[0]));
    known.set(project, relays);
  }
  return relays;
}

/** `createApp` of the runtime; with the official packages, errors are answered as those do. */
function isApp(project: AnalysisProject, callee: Node): boolean {
  if (!/(^|\.)createApp$/.test(callee.getText())) return false;
  const origin = project.originOf(callee);
  return origin.kind === "external" && origin.module.startsWith("@connect-migrate/runtime");
}

function isCompatible(options: Node | undefined): boolean {
  const property = Node.isObjectLiteralExpression(options) ? options.getProperty("compat") : undefined;
  const value = Node.isPropertyAssignment(property) ? property.getInitializer() : undefined;
  return Node.isStringLiteral(value) && value.getLiteralValue() === "grpc-js";
}
