import { Node } from "ts-morph";
import { contains, isNothing, peeled } from "./around-values.js";
import { tlsPart } from "./credentials.js";
import type { AnalysisProject } from "./project.js";
import type { ServerValueFact } from "./server-facts.js";
import { valueFact } from "./server-options.js";
import { followValue } from "./value-flow.js";

/** What the credentials of bindAsync become: the `tls` of serve. */
export type ServerCredentialsPlan =
  | {
      readonly ok: true;
      /** Members of serve's options. */
      readonly members: readonly string[];
      readonly facts: readonly ServerValueFact[];
      /** Arguments of other bindAsync calls that take the same value, and change only together with this one. */
      readonly group: readonly Node[];
      /** The statement that declares them, where nothing else names them and nothing takes their place. */
      readonly unused?: Node;
    }
  | { readonly ok: false; readonly detail: string };

/** `isBind` says whether a node is the credentials of a bindAsync. */
export function planServerCredentials(
  project: AnalysisProject,
  argument: Node,
  isBind: (node: Node) => boolean,
  /** Where the server is made: what is declared in that file for nothing else goes with it. */
  server: Node,
): ServerCredentialsPlan {
  const direct = peeled(argument);
  if (isInsecure(project, direct)) return { ok: true, members: [], facts: [], group: [] };
  const unused = insecureOnly(project, direct, server);
  if (unused) return { ok: true, members: [], facts: [], group: [], unused };
  const texts = new Map<Node, string>();
  const followed = followValue(
    project,
    {
      type: "ServerCredentials",
      unknownUse: "they are used for more than servers",
      fields: true,
      isSink: isBind,
      isSource(node, flow) {
        if (isInsecure(project, node)) texts.set(node, "undefined");
        else if (isFactory(project, node, "createSsl"))
          texts.set(node, tlsOf(project, node) ?? flow.fail(node, "their arguments are not written out"));
        else return false;
        return true;
      },
    },
    (flow) => flow.value(argument),
  );
  if (!followed.ok) return { ok: false, detail: followed.detail };
  const { sinks, types } = followed.flow;
  const places = new Set([argument, ...sinks]);
  const facts = [...texts]
    .filter(([node]) => ![...places].some((place) => contains(place, node)))
    .map(([node, text]) => valueFact(node, text, "ServerCredentials"));
  for (const type of types)
    facts.push({
      ...valueFact(type, "TlsOptions | undefined", "ServerCredentials"),
      imports: [{ module: "@connect-migrate/runtime/node", name: "TlsOptions", typeOnly: true }],
    });
  let text = argument.getText();
  const inside = [...texts].filter(([node]) => contains(argument, node));
  for (const [node, replacement] of inside.sort(([a], [b]) => b.getStart() - a.getStart()))
    text =
      text.slice(0, node.getStart() - argument.getStart()) +
      replacement +
      text.slice(node.getEnd() - argument.getStart());
  return { ok: true, members: [text === "tls" ? "tls" : `tls: ${text}`], facts, group: [...places] };
}

/** `const credentials = ServerCredentials.createInsecure();` in the server's file, whose only use is this one. */
function insecureOnly(project: AnalysisProject, use: Node, server: Node): Node | undefined {
  const declaration = Node.isIdentifier(use) ? project.declarationOf(use) : undefined;
  if (!Node.isVariableDeclaration(declaration)) return undefined;
  if (declaration.getSourceFile() !== server.getSourceFile()) return undefined;
  const [initializer, statement] = [declaration.getInitializer(), declaration.getVariableStatement()];
  const isAlone = statement?.getDeclarations().length === 1 && !statement.hasExportKeyword();
  if (!isAlone || !initializer || !isInsecure(project, peeled(initializer))) return undefined;
  const uses = project.referencesTo(declaration.getNameNode()).filter((each) => each !== declaration.getNameNode());
  return uses.length === 1 && uses[0] === use ? statement : undefined;
}

function isInsecure(project: AnalysisProject, node: Node): boolean {
  return isFactory(project, node, "createInsecure");
}

function isFactory(project: AnalysisProject, node: Node, name: string): boolean {
  if (!Node.isCallExpression(node)) return false;
  const origin = project.originOf(node.getExpression());
  return origin.kind === "grpc" && origin.path === `ServerCredentials.${name}`;
}

/** The options of tls.createServer for `createSsl(roots, pairs, checkClient)`. */
function tlsOf(project: AnalysisProject, call: Node): string | undefined {
  if (!Node.isCallExpression(call)) return undefined;
  const [roots, pairs, check, ...more] = call.getArguments();
  if (!roots || !pairs || more.length > 0 || Node.isSpreadElement(roots)) return undefined;
  const list = peeled(pairs);
  const parts: string[] = [];
  const ca = tlsPart(project, "ca", roots);
  if (ca !== null) parts.push(ca);
  const keys = Node.isArrayLiteralExpression(list) ? list.getElements().map(pairOf) : undefined;
  if (keys && keys.length > 0 && keys.every((pair) => pair !== undefined)) {
    const [only] = keys;
    if (keys.length === 1 && only) parts.push(shorthand("cert", only.cert), shorthand("key", only.key));
    else
      parts.push(
        `cert: [${keys.map((pair) => pair.cert).join(", ")}]`,
        `key: [${keys.map((pair) => pair.key).join(", ")}]`,
      );
  } else if (Node.isIdentifier(list) || Node.isPropertyAccessExpression(list)) {
    const text = list.getText();
    parts.push(`cert: ${text}.map((pair) => pair.cert_chain)`, `key: ${text}.map((pair) => pair.private_key)`);
  } else return undefined;
  if (check && !isNothing(check) && check.getText() !== "false")
    parts.push(check.getText() === "requestCert" ? "requestCert" : `requestCert: ${check.getText()}`);
  return `{ ${parts.join(", ")} }`;
}

function shorthand(name: string, text: string): string {
  return text === name ? name : `${name}: ${text}`;
}

/** The texts of certificate chain and key of one pair. */
function pairOf(node: Node): { cert: string; key: string } | undefined {
  const pair = peeled(node);
  if (Node.isIdentifier(pair)) return { cert: `${pair.getText()}.cert_chain`, key: `${pair.getText()}.private_key` };
  if (!Node.isObjectLiteralExpression(pair) || pair.getProperties().length !== 2) return undefined;
  const text = (name: string) => {
    const property = pair.getProperty(name);
    if (property && Node.isShorthandPropertyAssignment(property)) return name;
    return property && Node.isPropertyAssignment(property) ? property.getInitializer()?.getText() : undefined;
  };
  const cert = text("cert_chain");
  const key = text("private_key");
  return cert === undefined || key === undefined ? undefined : { cert, key };
}
