import { type CallExpression, Node, type ParameterDeclaration } from "ts-morph";
import type { NamedImport } from "../shared/with-imports.js";
import type { Replacement } from "./interceptor-parts.js";
import { type Callable, namesIn } from "./interceptor-shape.js";
import type { AnalysisProject } from "./project.js";

export type HelperEdit = Replacement & { readonly node: Node; readonly imports: readonly NamedImport[] };

interface Reads {
  readonly replaced: readonly Replacement[];
  readonly imports: readonly NamedImport[];
  /** Changes in functions that are given the metadata. */
  readonly helpers: readonly HelperEdit[];
}

const BRIDGE = "@connect-migrate/runtime/grpc-js";
const VALUES: NamedImport = { module: BRIDGE, name: "headerValues" };
const METADATA: NamedImport = { module: BRIDGE, name: "metadataFromHeaders" };

/** Keys that grpc-js takes out of Metadata, or never has in it. */
const HIDDEN =
  /^(?::.*|te|host|connection|content-(?:type|length|encoding)|accept-encoding|grpc-(?:timeout|encoding|accept-encoding))$/i;

/** Reads of request metadata, and entries that are set in it, on the request's headers; `handed`: the calls of `next`. */
export function metadataReads(project: AnalysisProject, gate: Callable, handed: readonly Node[]): Reads | string {
  const [parameter] = gate.getParameters();
  const body = gate.getBody();
  if (!parameter || !body) return "an interceptor that hands the metadata on";
  const replaced: Replacement[] = [];
  const imports: NamedImport[] = [];
  const helpers: HelperEdit[] = [];
  for (const each of namesIn(body, parameter.getName())) {
    const access = each.getParent();
    const call = access?.getParent();
    if (access && handed.includes(access)) continue;
    if (Node.isPropertyAccessExpression(access) && Node.isCallExpression(call) && call.getExpression() === access) {
      const own = memberOf(project, access.getName(), call);
      if (own === undefined)
        return `an interceptor that asks for metadata.${access.getName()}, or for a key that is binary, reserved or not constant`;
      const [open, needed] = own;
      const from = each.getStart();
      if (open === "headerValues(req.header, ")
        replaced.push({ from, to: (call.getArguments()[0] as Node).getStart(), text: open });
      else replaced.push({ from, to: access.getEnd(), text: open });
      imports.push(...needed);
      continue;
    }
    if (!Node.isCallExpression(access) || access.getExpression() === each)
      return "an interceptor that hands the metadata on";
    const given = { from: each.getStart(), to: each.getEnd() };
    if (/^(?:console\.\w+|JSON\.stringify)$/.test(access.getExpression().getText())) {
      replaced.push({ ...given, text: "metadataFromHeaders(req.header)" });
      imports.push(METADATA);
      continue;
    }
    const helper = helperOf(project, access, access.getArguments().indexOf(each));
    if (typeof helper === "string") return helper;
    if (helper.edits) {
      replaced.push({ ...given, text: "req.header" });
      helpers.push(...helper.edits);
    } else {
      replaced.push({ ...given, text: "metadataFromHeaders(req.header)" });
      imports.push(METADATA);
    }
  }
  return { replaced, imports, helpers };
}

/** What stands in the place of `metadata.get(` or `metadata.set`. */
function memberOf(project: AnalysisProject, name: string, call: CallExpression): [string, NamedImport[]] | undefined {
  const [key, more] = call.getArguments();
  if (name === "getMap" && !key) return ["metadataFromHeaders(req.header).getMap", [METADATA]];
  const constant = key && project.constantOf(key);
  if (name === "get" && key && !more)
    return typeof constant === "string" && !HIDDEN.test(constant)
      ? ["headerValues(req.header, ", [VALUES]]
      : ["metadataFromHeaders(req.header).get", [METADATA]];
  if (!/^(?:set|remove)$/.test(name) || !Node.isExpressionStatement(call.getParent())) return undefined;
  if (typeof constant !== "string" || HIDDEN.test(constant) || /-bin$|^user-agent$/i.test(constant)) return undefined;
  return [`req.header.${name === "set" ? "set" : "delete"}`, []];
}

/**
 * A function of the project that only reads the metadata that it is given. `edits` make it take Headers, where nothing else calls
 * it.
 */
function helperOf(
  project: AnalysisProject,
  call: CallExpression,
  index: number,
): { readonly edits: HelperEdit[] | null } | string {
  const unknown = "an interceptor that hands the metadata on";
  const callee = call.getExpression();
  const declaration = Node.isIdentifier(callee) ? project.declarationOf(callee) : undefined;
  const value = Node.isVariableDeclaration(declaration) ? declaration.getInitializer() : declaration;
  if (!Node.isFunctionDeclaration(value) && !Node.isArrowFunction(value) && !Node.isFunctionExpression(value))
    return unknown;
  const parameter = value.getParameters()[index];
  const body = value.getBody();
  if (!parameter || !body || !Node.isIdentifier(parameter.getNameNode()) || parameter.getInitializer()) return unknown;
  const reads: CallExpression[] = [];
  for (const each of namesIn(body, parameter.getName())) {
    const access = each.getParent();
    const read = access?.getParent();
    if (!Node.isPropertyAccessExpression(access) || !/^(?:get|getMap)$/.test(access.getName())) return unknown;
    if (!Node.isCallExpression(read) || read.getExpression() !== access) return unknown;
    reads.push(read);
  }
  return { edits: isOnlyCalledBy(project, declaration as Node, call) ? headersEdits(project, parameter, reads) : null };
}

function isOnlyCalledBy(project: AnalysisProject, declaration: Node, call: CallExpression): boolean {
  const name =
    Node.isFunctionDeclaration(declaration) || Node.isVariableDeclaration(declaration)
      ? declaration.getNameNode()
      : undefined;
  if (!name || !Node.isIdentifier(name) || !project.isSelected(name.getSourceFile().getFilePath())) return false;
  const users = project.referencesTo(name).filter((each) => each !== name);
  return users.length === 1 && users[0] === call.getExpression();
}

/** Null where a read has no counterpart. */
function headersEdits(
  project: AnalysisProject,
  parameter: ParameterDeclaration,
  reads: readonly CallExpression[],
): HelperEdit[] | null {
  const edits: HelperEdit[] = [];
  for (const read of reads) {
    const [key] = read.getArguments();
    const constant = key && project.constantOf(key);
    if (
      !key ||
      typeof constant !== "string" ||
      HIDDEN.test(constant) ||
      /\.getMap$/.test(read.getExpression().getText())
    )
      return null;
    const from = read.getStart();
    edits.push({
      node: read,
      from,
      to: key.getStart(),
      text: `headerValues(${parameter.getName()}, `,
      imports: [VALUES],
    });
  }
  const type = parameter.getTypeNode();
  if (type) edits.push({ node: type, from: type.getStart(), to: type.getEnd(), text: "Headers", imports: [] });
  return edits;
}
