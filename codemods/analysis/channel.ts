import { Node } from "ts-morph";
import type { AnalysisProject } from "./project.js";

/** Channel options with the transport option that means the same; null: it has no effect on what calls see. */
const CHANNEL_OPTIONS: Readonly<Record<string, string | null>> = {
  "grpc.max_receive_message_length": "readMaxBytes",
  "grpc.max_send_message_length": "writeMaxBytes",
  "grpc.keepalive_time_ms": "pingIntervalMs",
  "grpc.keepalive_timeout_ms": "pingTimeoutMs",
  "grpc.keepalive_permit_without_calls": "pingIdleConnection",
  "grpc.client_idle_timeout_ms": "idleConnectionTimeoutMs",
  "grpc.use_local_subchannel_pool": null,
  "grpc.dns_min_time_between_resolutions_ms": null,
  "grpc.service_config_disable_resolution": null,
  "grpc.enable_channelz": null,
  "grpc.initial_reconnect_backoff_ms": null,
  "grpc.max_reconnect_backoff_ms": null,
  "grpc.min_reconnect_backoff_ms": null,
  "grpc.http2.min_time_between_pings_ms": null,
  "grpc.http2.max_pings_without_data": null,
};

/** The members of createGrpcTransport's options for `new X(address, credentials, options)`, as text; or why there are none. */
export function transportOf(project: AnalysisProject, construction: Node): readonly string[] | string {
  if (!Node.isNewExpression(construction)) return "the construction is no `new`";
  const [address, credentials, options, ...more] = construction.getArguments();
  if (!address || !credentials) return "a client without address or credentials";
  if (more.length > 0 || [address, credentials, options].some((argument) => argument && Node.isSpreadElement(argument)))
    return "arguments that are not written out";
  const tls = tlsOf(project, credentials);
  if (tls.kind === "unknown") return `credentials that are not known (${credentials.getText()})`;
  const channel = channelOptions(options, project);
  if (typeof channel === "string") return channel;
  return [...destination(address, tls), ...channel];
}

type Tls = { readonly kind: "none" } | { readonly kind: "tls"; readonly text: string } | { readonly kind: "unknown" };

function tlsOf(project: AnalysisProject, node: Node): Tls {
  const expression = constantValueOf(project, node);
  if (!Node.isCallExpression(expression)) return { kind: "unknown" };
  const origin = project.originOf(expression.getExpression());
  if (origin.kind !== "grpc") return { kind: "unknown" };
  if (/^(credentials|ChannelCredentials)\.createInsecure$/.test(origin.path)) return { kind: "none" };
  if (!/^(credentials|ChannelCredentials)\.createSsl$/.test(origin.path)) return { kind: "unknown" };
  // Names in the arguments have to mean the same at the construction.
  if (expression !== node && expression.getArguments().length > 0) return { kind: "unknown" };
  const [ca, key, cert, verify] = expression.getArguments();
  if (verify) return { kind: "unknown" };
  const parts = [part("ca", ca), part("key", key), part("cert", cert)].filter((text) => text !== null);
  return { kind: "tls", text: parts.length === 0 ? "true" : `{ ${parts.join(", ")} }` };
}

function part(name: string, node: Node | undefined): string | null {
  if (!node || node.getText() === "null" || node.getText() === "undefined") return null;
  // null is grpc-js's "none"; tls knows undefined only.
  const text = node.getText();
  if (/^(fs\.)?readFileSync\(|^Buffer\.from\(/.test(text)) return `${name}: ${text}`;
  return `${name}: ${Node.isIdentifier(node) || Node.isPropertyAccessExpression(node) ? text : `(${text})`} ?? undefined`;
}

/** A name's value, where it is a constant of the project. */
function constantValueOf(project: AnalysisProject, node: Node): Node {
  if (Node.isParenthesizedExpression(node) || Node.isAsExpression(node))
    return constantValueOf(project, node.getExpression());
  if (!Node.isIdentifier(node)) return node;
  const declaration = project.declarationOf(node);
  if (!declaration || !Node.isVariableDeclaration(declaration)) return node;
  const isConst = declaration.getVariableStatement()?.getDeclarationKind() === "const";
  const initializer = declaration.getInitializer();
  return isConst && initializer ? constantValueOf(project, initializer) : node;
}

function destination(address: Node, tls: Tls): string[] {
  if (Node.isStringLiteral(address) && /^[A-Za-z0-9][\w.-]*:\d+$/.test(address.getLiteralText())) {
    const quote = address.getText()[0];
    const scheme = tls.kind === "tls" ? "https" : "http";
    const own = tls.kind === "tls" && tls.text !== "true" ? [`nodeOptions: ${tls.text}`] : [];
    return [`baseUrl: ${quote}${scheme}://${address.getLiteralText()}${quote}`, ...own];
  }
  const target =
    Node.isIdentifier(address) && address.getText() === "target" ? "target" : `target: ${address.getText()}`;
  return tls.kind === "tls" ? [target, `tls: ${tls.text}`] : [target];
}

function channelOptions(options: Node | undefined, project: AnalysisProject): string[] | string {
  const literal = options && constantValueOf(project, options);
  if (literal && !Node.isObjectLiteralExpression(literal))
    return `channel options that are not written out (${options.getText()})`;
  const isElsewhere = literal !== undefined && literal !== options;
  const found = new Map<string, string>();
  for (const property of literal?.getProperties() ?? []) {
    if (!Node.isPropertyAssignment(property)) return "channel options that are not written out";
    const key = property.getName().replace(/^['"]|['"]$/g, "");
    if (!Object.hasOwn(CHANNEL_OPTIONS, key)) return `the channel option ${key}`;
    const name = CHANNEL_OPTIONS[key];
    if (name == null) continue;
    const initializer = property.getInitializer() as Node;
    const constant = project.constantOf(initializer);
    if (isElsewhere && typeof constant !== "number") return `channel options that are not constant (${key})`;
    const text = isElsewhere ? String(constant) : initializer.getText();
    if (name === "readMaxBytes" || name === "writeMaxBytes") {
      // -1 is grpc-js's "no limit".
      if (constant === -1) {
        found.set(name, "");
        continue;
      }
      if (typeof constant !== "number") return `the channel option ${key}, whose value is not constant`;
    }
    if (name === "pingIdleConnection") {
      if (constant !== 0 && constant !== 1 && typeof constant !== "boolean")
        return `the channel option ${key}, whose value is not constant`;
      if (constant) found.set(name, "true");
      continue;
    }
    found.set(name, text);
  }
  // What grpc-js does by default is written out where the transport's default is another.
  if (!found.has("readMaxBytes")) found.set("readMaxBytes", "4 * 1024 * 1024");
  if (found.has("pingIntervalMs") && !found.has("pingTimeoutMs")) found.set("pingTimeoutMs", "20_000");
  return [...found].filter(([, text]) => text !== "").map(([name, text]) => `${name}: ${text}`);
}
