import { existsSync, readdirSync } from "node:fs";
import path from "node:path";
import type { DescService } from "@bufbuild/protobuf";
import { Node, type ParameterDeclaration } from "ts-morph";
import { bodyOf } from "../analysis/function-bodies.js";
import type { PackageDefinitionOrigin } from "../analysis/origin.js";
import type { AnalysisProject } from "../analysis/project.js";
import { protoPath } from "../analysis/strings.js";
import { isAssignmentTarget, isFunctionNode, ownReturns, unwrapped } from "./message-syntax.js";

/**
 * Why nothing proves that the .proto file which the program loads is the one that is known here: where its path comes from.
 * Undefined where it is.
 */
export function unknownProto(
  project: AnalysisProject,
  loaded: PackageDefinitionOrigin,
  service: DescService,
): string | undefined {
  const [written] = Node.isCallExpression(loaded.call) ? loaded.call.getArguments() : [];
  if (!written || loaded.protos.some((each) => project.protos.fileBySource(each) === service.file)) return undefined;
  const dirs = loaded.options?.includeDirs;
  const includeDirs = Array.isArray(dirs) ? dirs.filter((dir) => typeof dir === "string") : [];
  return sourceOutside({ project, service, includeDirs, seen: new Set() }, written, true);
}

interface Search {
  readonly project: AnalysisProject;
  readonly service: DescService;
  readonly includeDirs: readonly string[];
  readonly seen: Set<Node>;
}

/** What a value is made of that only the running program knows. `isPath`: it is a path or a list of them, not a part of one. */
function sourceOutside(search: Search, value: Node, isPath: boolean): string | undefined {
  const node = unwrapped(value);
  if (search.seen.has(node)) return undefined;
  search.seen.add(node);
  const { project } = search;
  const constant = project.constantOf(node);
  const texts = (Array.isArray(constant) ? constant : [constant]).filter((one) => typeof one === "string");
  if (texts.length > 0) return isPath ? texts.find((text) => !isKnownFile(search, text, node)) : undefined;
  const first = (nodes: readonly Node[], whole: boolean) => firstOutside(search, nodes, whole);
  if (Node.isIdentifier(node)) return ofDeclaration(search, node, project.declarationOf(node), isPath);
  if (Node.isPropertyAccessExpression(node) || Node.isElementAccessExpression(node)) {
    const outside = /^process\.(env|argv)\b/.exec(node.getText());
    if (outside) return outside[0];
    if (project.originOf(node).kind === "external") return undefined;
    const name = Node.isPropertyAccessExpression(node) ? node.getNameNode() : undefined;
    return name ? ofDeclaration(search, node, project.declarationOf(name), isPath) : node.getText();
  }
  if (Node.isArrayLiteralExpression(node)) return first(node.getElements(), isPath);
  if (Node.isSpreadElement(node)) return sourceOutside(search, node.getExpression(), isPath);
  if (Node.isConditionalExpression(node)) return first([node.getWhenTrue(), node.getWhenFalse()], isPath);
  if (Node.isTemplateExpression(node))
    return first(
      node.getTemplateSpans().map((span) => span.getExpression()),
      false,
    );
  if (Node.isBinaryExpression(node)) {
    const operator = node.getOperatorToken().getText();
    if (operator === "+") return first([node.getLeft(), node.getRight()], false);
    if (operator === "=") return sourceOutside(search, node.getRight(), isPath);
    if (operator === "||" || operator === "??") return first([node.getLeft(), node.getRight()], isPath);
  }
  if (Node.isNewExpression(node) && node.getExpression().getText() === "URL") return first(node.getArguments(), false);
  return Node.isCallExpression(node) ? ofCall(search, node, isPath) : node.getText();
}

function firstOutside(search: Search, nodes: readonly Node[], isPath: boolean): string | undefined {
  for (const node of nodes) {
    const found = sourceOutside(search, node, isPath);
    if (found !== undefined) return found;
  }
  return undefined;
}

function ofDeclaration(search: Search, node: Node, found: Node | undefined, isPath: boolean): string | undefined {
  const { project } = search;
  if (project.originOf(node).kind === "external") return undefined;
  if (Node.isVariableDeclaration(found)) {
    const loop = found.getParent()?.getParent();
    if (Node.isForOfStatement(loop)) return sourceOutside(search, loop.getExpression(), isPath);
    const made = found.getInitializer();
    const isFixed = project.referencesTo(found.getNameNode()).every((name) => !isAssignmentTarget(name));
    return made && isFixed ? sourceOutside(search, made, isPath) : node.getText();
  }
  if (Node.isPropertyAssignment(found)) return sourceOutside(search, found.getInitializerOrThrow(), isPath);
  return Node.isParameterDeclaration(found) ? ofParameter(search, found, isPath) : node.getText();
}

function ofParameter(search: Search, parameter: ParameterDeclaration, isPath: boolean): string | undefined {
  const owner = parameter.getParent();
  const call = owner.getParent();
  const callee = Node.isCallExpression(call) && call.getArguments()[0] === owner ? call.getExpression() : undefined;
  if (Node.isPropertyAccessExpression(callee) && /^(map|flatMap|forEach)$/.test(callee.getName()))
    return sourceOutside(search, callee.getExpression(), isPath);
  const values = search.project.valuesPassed(parameter) ?? [];
  const asked = `the parameter ${parameter.getName()}`;
  if (values.length === 0) return asked;
  for (const value of values) {
    const found = value ? sourceOutside(search, value, isPath) : asked;
    if (found !== undefined) return found;
  }
  return undefined;
}

const JOINS = /^(join|resolve|normalize|dirname|fileURLToPath|pathToFileURL)$/;
/** What gives a list of some of the same paths, or a text of the same. */
const STEPS = /^(filter|sort|slice|flat|concat|reverse|toString)$/;

function ofCall(search: Search, call: Node, isPath: boolean): string | undefined {
  if (!Node.isCallExpression(call)) return call.getText();
  const { project } = search;
  const callee = call.getExpression();
  const given = call.getArguments();
  const first = (nodes: readonly Node[], whole: boolean) => firstOutside(search, nodes, whole);
  const name = Node.isPropertyAccessExpression(callee) ? callee.getName() : callee.getText();
  if (JOINS.test(name)) return first(given, false);
  if (/^readdir(Sync)?$/.test(name)) return given[0] && isWholeFolder(project, given[0]) ? undefined : call.getText();
  if (Node.isPropertyAccessExpression(callee)) {
    if (STEPS.test(name)) return first([callee.getExpression(), ...(name === "concat" ? given : [])], isPath);
    if (/^(map|flatMap)$/.test(name))
      return given[0] && isFunctionNode(given[0]) ? first(resultsOf(given[0]), isPath) : call.getText();
  }
  const origin = project.originOf(callee);
  const results = origin.kind === "function" ? resultsOf(origin.node) : [];
  return results.length > 0 ? first(results, isPath) : call.getText();
}

/** All that a function returns itself. */
function resultsOf(fn: Node): Node[] {
  const body = bodyOf(fn);
  if (!body) return [];
  if (!Node.isBlock(body)) return [body];
  return ownReturns(fn).map((statement) => statement.getExpression() ?? statement);
}

/** A folder of the project all of whose .proto files are known. */
function isWholeFolder(project: AnalysisProject, given: Node): boolean {
  const folder = project.constantOf(given);
  if (typeof folder !== "string") return false;
  const place = path.resolve(path.dirname(given.getSourceFile().getFilePath()), folder);
  if (!`${place}${path.sep}`.startsWith(`${project.root}${path.sep}`) || !existsSync(place)) return false;
  return protosBelow(place).every((file) => project.protos.fileBySource(file) !== undefined);
}

function protosBelow(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const place = path.join(folder, entry.name);
    if (entry.isDirectory()) return entry.name === "node_modules" ? [] : protosBelow(place);
    return place.endsWith(".proto") ? [place] : [];
  });
}

/** One that is there, or of which a build makes a copy: below the project, and with the name of the file that declares the service. */
function isKnownFile({ project, service, includeDirs }: Search, text: string, from: Node): boolean {
  const place = protoPath(text, from.getSourceFile().getFilePath(), includeDirs);
  if (existsSync(place)) return true;
  const source = project.protos.sourceOf(service);
  const isNear = !path.isAbsolute(place) || place.startsWith(`${path.dirname(project.root)}${path.sep}`);
  return source !== undefined && isNear && path.basename(source) === path.basename(place);
}
