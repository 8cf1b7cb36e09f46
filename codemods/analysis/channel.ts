import { Node } from "ts-morph";
import type { NamedImport } from "../shared/with-imports.js";
import type { ClientValueFact } from "./client-facts.js";
import { type CredentialsPlan, planCredentials } from "./credentials.js";
import { type InterceptorsPlan, interceptorsOf, type StreamsOf } from "./interceptors.js";
import { isTypeScript } from "./language.js";
import { isMovable } from "./movable.js";
import type { AnalysisProject } from "./project.js";
import { serviceConfigMembers } from "./service-config.js";

/** The transport of a construction. */
export interface TransportPlan {
  readonly kind: "transport";
  /** Members of createGrpcTransport's options, as text. */
  readonly members: readonly string[];
  readonly imports: readonly NamedImport[];
  /** Credential arguments of constructions that move only together with this one. */
  readonly group: readonly Node[];
  readonly facts: readonly ClientValueFact[];
}

/** What no transport has keeps its grpc-js channel: the arguments of a bare grpc-js client, or null if there are none. */
export interface ChannelPlan {
  readonly kind: "channel";
  readonly detail: string;
  readonly args: readonly string[] | null;
}

/** Channel options with the transport option that means the same; null: it has no effect on what calls see. */
const CHANNEL_OPTIONS: Readonly<Record<string, string | null>> = {
  "grpc.max_receive_message_length": "readMaxBytes",
  "grpc.max_send_message_length": "writeMaxBytes",
  "grpc.keepalive_time_ms": "pingIntervalMs",
  "grpc.keepalive_timeout_ms": "pingTimeoutMs",
  "grpc.keepalive_permit_without_calls": "pingIdleConnection",
  "grpc.client_idle_timeout_ms": "idleConnectionTimeoutMs",
  "grpc.ssl_target_name_override": "servername",
  "grpc.default_compression_algorithm": "sendCompression",
  "grpc.service_config": "serviceConfig",
  "grpc.enable_http_proxy": "proxy",
  "grpc.enable_retries": "retries",
  "grpc-node.max_session_memory": "maxSessionMemory",
  interceptors: "interceptors",
  "grpc.use_local_subchannel_pool": null,
  "grpc.dns_min_time_between_resolutions_ms": null,
  "grpc.service_config_disable_resolution": null,
  "grpc.enable_channelz": null,
  "grpc.initial_reconnect_backoff_ms": null,
  "grpc.max_reconnect_backoff_ms": null,
  "grpc.min_reconnect_backoff_ms": null,
  "grpc.http2.min_time_between_pings_ms": null,
  "grpc.http2.max_pings_without_data": null,
  "grpc-node.tls_enable_trace": null,
};

/** What `new X(address, credentials, options)` becomes. `isSink` knows the credential arguments of all clients that are found. */
export function transportOf(
  project: AnalysisProject,
  construction: Node,
  isSink: (node: Node) => boolean,
  passesMetadata: () => boolean,
  streamsOf: StreamsOf,
): TransportPlan | ChannelPlan {
  const keep = (detail: string, args: readonly Node[] | null): ChannelPlan => ({
    kind: "channel",
    detail,
    args: args?.map((argument) => argument.getText()) ?? null,
  });
  if (!Node.isNewExpression(construction)) return keep("the construction is no `new`", null);
  const all = construction.getArguments();
  const [address, credentials, options, ...more] = all;
  if (!address || !credentials) return keep("a client without address or credentials", null);
  if (more.length > 0 || all.some((argument) => Node.isSpreadElement(argument)))
    return keep("arguments that are not written out", null);
  const constant = project.constantOf(address);
  if (typeof constant === "string" && /^(xds|google-c2p|unix-abstract|vsock|grpclb):/.test(constant))
    return keep(`the target ${constant}`, all);
  const plan = planCredentials(project, credentials, isSink);
  if (plan.kind === "unknown") return keep(`credentials that are not known: ${plan.detail}`, all);
  const channel = channelOptions(options, project, plan, construction, streamsOf);
  if (typeof channel === "string") return keep(channel, all);
  const { interceptors } = channel;
  if (interceptors?.adds && passesMetadata())
    return keep("an interceptor that adds to the metadata that callers give", all);
  const members = destination(address, plan, channel);
  if (interceptors && members.some((member) => /^(\.\.\.|interceptors:)/.test(member)))
    return keep("interceptors together with call credentials", all);
  return {
    kind: "transport",
    members: [...members, ...(interceptors ? [`interceptors: ${interceptors.text}`] : []), ...channel.members],
    imports: [...plan.imports, ...channel.imports, ...(interceptors?.imports ?? [])],
    group: [...plan.group, ...(interceptors?.group ?? [])],
    facts: [...plan.facts, ...(interceptors?.facts ?? [])],
  };
}

function credentialsOf(construction: Node): Node | undefined {
  return Node.isNewExpression(construction) ? construction.getArguments()[1] : undefined;
}

/** A name's value, where it is a constant of the project. */
function constantValueOf(project: AnalysisProject, node: Node): Node {
  if (Node.isParenthesizedExpression(node) || Node.isAsExpression(node) || Node.isSatisfiesExpression(node))
    return constantValueOf(project, node.getExpression());
  if (!Node.isIdentifier(node)) return node;
  const declaration = project.declarationOf(node);
  if (!declaration || !Node.isVariableDeclaration(declaration)) return node;
  const isConst = declaration.getVariableStatement()?.getDeclarationKind() === "const";
  const initializer = declaration.getInitializer();
  return isConst && initializer ? constantValueOf(project, initializer) : node;
}

const LOOPBACK = /^(localhost|127(\.\d+){3}|0\.0\.0\.0):\d+$/;

/** A literal address of this machine is a URL; any other stays a gRPC name: it may have several addresses, or a proxy before it. */
function destination(address: Node, plan: CredentialsPlan & { kind: "known" }, channel: Options): string[] {
  const isUrl = plan.isInsecure && !channel.needsTarget;
  if (isUrl && Node.isStringLiteral(address) && LOOPBACK.test(address.getLiteralText())) {
    const quote = address.getText()[0];
    return [`baseUrl: ${quote}http://${address.getLiteralText()}${quote}`];
  }
  const text = definedText(address);
  const target = text === "target" ? "target" : `target: ${text}`;
  return [target, ...withServername(plan.members, channel.servername)];
}

/** A constructor without types took an address that may be undefined for TypeScript: `process.env.ADDRESS`. */
function definedText(address: Node): string {
  const text = address.getText();
  const isTyped = isTypeScript(address);
  if (!isTyped || !address.getType().isNullable()) return text;
  return /^[\w$.]+$/.test(text) ? `${text}!` : `(${text})!`;
}

function withServername(members: readonly string[], servername: string | null): string[] {
  if (servername === null) return [...members];
  return members.map((member) => {
    // Combined credentials: an object with `tls` and `interceptors`.
    if (member.startsWith("...")) return `${member}, tls: { ${member}.tls, servername: ${servername} }`;
    const tls = member === "tls" ? member : /^tls: ([\s\S]*)$/.exec(member)?.[1];
    if (tls === undefined) return member;
    if (tls === "true") return `tls: { servername: ${servername} }`;
    if (tls.startsWith("{ ")) return `tls: { ${tls.slice(2, -2)}, servername: ${servername} }`;
    return `tls: { ...${tls}, servername: ${servername} }`;
  });
}

interface Options {
  readonly members: readonly string[];
  readonly imports: readonly NamedImport[];
  readonly servername: string | null;
  readonly needsTarget: boolean;
  readonly interceptors: InterceptorsPlan | null;
}

function channelOptions(
  options: Node | undefined,
  project: AnalysisProject,
  plan: CredentialsPlan & { kind: "known" },
  construction: Node,
  streamsOf: StreamsOf,
): Options | string {
  const literal = options && constantValueOf(project, options);
  if (literal && !Node.isObjectLiteralExpression(literal))
    return `channel options that are not written out (${options.getText()})`;
  const isElsewhere = literal !== undefined && literal !== options;
  const found = new Map<string, string>();
  const imports: NamedImport[] = [];
  let servername: string | null = null;
  let interceptors: InterceptorsPlan | null = null;
  let needsTarget = false;
  let hasRetries = true;
  const settings: string[] = [];
  for (const property of literal?.getProperties() ?? []) {
    if (!Node.isPropertyAssignment(property) || Node.isComputedPropertyName(property.getNameNode()))
      return "channel options that are not written out";
    const key = property.getName().replace(/^['"]|['"]$/g, "");
    if (!Object.hasOwn(CHANNEL_OPTIONS, key)) return `the channel option ${key}`;
    const name = CHANNEL_OPTIONS[key];
    if (name == null) continue;
    const initializer = property.getInitializer() as Node;
    const constant = project.constantOf(initializer);
    if (name === "interceptors") {
      const held = isElsewhere ? (options ?? null) : null;
      const own = interceptorsOf(project, initializer, credentialsOf(construction), streamsOf, held);
      if (typeof own === "string") return own;
      interceptors = own;
      continue;
    }
    if (name === "serviceConfig") {
      const members = serviceConfigMembers(project, initializer);
      if (typeof members === "string") return members;
      const isName = members.some((member) => /^serviceConfig: [A-Za-z_$]/.test(member) || member === "serviceConfig");
      if (isElsewhere && isName) return "a service config that is not written out";
      for (const member of members) found.set(member.split(":")[0] as string, member);
      if (members.some((member) => member.startsWith("loadBalancing"))) needsTarget = true;
      continue;
    }
    const isText = typeof constant === "string" || typeof constant === "number";
    if (isElsewhere && !isText && !isMovable(project, initializer, construction))
      return `channel options that are not constant (${key})`;
    const text = isElsewhere && isText ? JSON.stringify(constant) : initializer.getText();
    switch (name) {
      case "servername":
        // Without TLS it has no effect.
        if (plan.isInsecure) continue;
        if (!plan.isTls || !plan.members.every((member) => /^(tls\b|interceptors:|\.\.\.[\w$]+$)/.test(member)))
          return `the channel option ${key} with credentials that may be insecure`;
        servername = text;
        continue;
      case "sendCompression": {
        const algorithm = compressionOf(project, initializer, constant);
        if (algorithm === undefined) return `the channel option ${key}`;
        if (algorithm === 0) continue;
        imports.push({ module: "@connect-migrate/runtime/node", name: "compressionGzip" });
        found.set("sendCompression", "sendCompression: compressionGzip");
        found.set("compressMinBytes", "compressMinBytes: 0");
        continue;
      }
      case "proxy":
        if (constant !== 0 && constant !== 1) return `the channel option ${key}, whose value is not constant`;
        if (constant === 1) continue;
        needsTarget = true;
        found.set(name, "proxy: false");
        continue;
      case "retries":
        if (constant !== 0 && constant !== 1) return `the channel option ${key}, whose value is not constant`;
        hasRetries = constant === 1;
        continue;
      case "maxSessionMemory":
        settings.push(`maxSessionMemory: ${text}`);
        continue;
      case "readMaxBytes":
      case "writeMaxBytes":
        // -1 is grpc-js's "no limit".
        if (constant === -1) found.set(name, "");
        else if (typeof constant === "number" && constant > 0) found.set(name, `${name}: ${text}`);
        else if (isNumber(initializer)) found.set(name, `${name}: ${text} < 0 ? undefined : ${text}`);
        else return `the channel option ${key}, whose value is not constant`;
        continue;
      case "pingIdleConnection":
        if (constant !== 0 && constant !== 1 && typeof constant !== "boolean")
          return `the channel option ${key}, whose value is not constant`;
        if (constant) found.set(name, `${name}: true`);
        continue;
      default:
        found.set(name, `${name}: ${text}`);
    }
  }
  if (!hasRetries && found.has("serviceConfig")) return "a service config whose retries are switched off";
  if (settings.length > 0) found.set("nodeOptions", `nodeOptions: { ${settings.join(", ")} }`);
  // What grpc-js does by default is written out where the transport's default is another.
  if (!found.has("readMaxBytes")) found.set("readMaxBytes", "readMaxBytes: 4 * 1024 * 1024");
  if (found.has("pingIntervalMs") && !found.has("pingTimeoutMs")) found.set("pingTimeoutMs", "pingTimeoutMs: 20_000");
  return {
    members: [...found.values()].filter((text) => text !== ""),
    imports,
    servername,
    needsTarget,
    interceptors,
  };
}

/** 0: identity, 2: gzip. */
function compressionOf(project: AnalysisProject, node: Node, constant: unknown): 0 | 2 | undefined {
  const origin = project.originOf(node);
  const name = origin.kind === "grpc" ? origin.path : "";
  if (constant === 0 || name === "compressionAlgorithms.identity") return 0;
  if (constant === 2 || name === "compressionAlgorithms.gzip") return 2;
  return undefined;
}

/** A name whose declared type is `number`. */
function isNumber(node: Node): boolean {
  if (!Node.isIdentifier(node) && !Node.isPropertyAccessExpression(node)) return false;
  if (!isTypeScript(node)) return false;
  const type = node.getType();
  return type.isNumber() && !type.isNullable();
}
