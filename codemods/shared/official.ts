import type { File, Node } from "./ast.js";
import { keyName, walk } from "./ast.js";

/**
 * Where code gets what it needs with `--target connectrpc`: from the official packages what they have under the same name and
 * with the same meaning, the rest from `connect-compat`, a file that a run writes beside the generated code
 * (codemods/official/connect-compat.ts). A name that neither has exists in our runtime only, and code that needs it stays as it is.
 */
export const COMPAT = "connect-compat";

const OFFICIAL: Readonly<Record<string, ReadonlySet<string>>> = {
  "@connectrpc/connect": new Set([
    ..."ConnectError Code createConnectRouter createRouterTransport createHandlerContext createContextKey".split(" "),
    ..."createContextValues encodeBinaryHeader decodeBinaryHeader Client CallOptions ConnectRouter ServiceImpl".split(
      " ",
    ),
    ..."MethodImpl HandlerContext Interceptor Transport ContextKey ContextValues UnaryRequest UnaryResponse".split(" "),
    ..."StreamRequest StreamResponse".split(" "),
  ]),
  "@connectrpc/connect/protocol": new Set(["createWritableIterable"]),
  "@connectrpc/connect-node": new Set(["compressionGzip", "compressionBrotli"]),
};

/** What connect-compat exports. */
export const COMPAT_NAMES: ReadonlySet<string> = new Set([
  ..."App AppOptions CompatRouter CompatTransportOptions GrpcJsMessages RunningServer ServeOptions createApp".split(
    " ",
  ),
  ..."createClient createGrpcTransport createPushStream PushOutput forceShutdown grpcJsMessages grpcStatusName headersFromMetadata ServiceImplOf ClientOf".split(
    " ",
  ),
  ..."headerValues int64FromLong int64FromLongBits int64FromNumber isMain isOver serve serviceErrorDetails serviceErrorMessage structFromJavaScript structToJavaScript textFromValue timeoutFromDeadline toConnectError tryShutdown tsProtoStruct".split(
    " ",
  ),
]);

/** What connect-compat's functions take: the position of the options, and their names. */
const OPTIONS: Readonly<Record<string, { readonly at: number; readonly names: ReadonlySet<string> }>> = {
  createApp: {
    at: 0,
    names: new Set("routes readMaxBytes writeMaxBytes interceptors contextValues compat".split(" ")),
  },
  serve: { at: 1, names: new Set("address tls signals".split(" ")) },
  createGrpcTransport: {
    at: 0,
    names: new Set([
      ..."target baseUrl tls interceptors readMaxBytes writeMaxBytes pingIntervalMs pingTimeoutMs".split(" "),
      ..."idleConnectionTimeoutMs acceptCompression sendCompression defaultTimeoutMs".split(" "),
    ]),
  },
};

/** Members of our handlers' context that connect's has not. */
const MEMBERS: ReadonlySet<string> = new Set(["sendHeaders"]);

/** The module for a name of ours, {@link COMPAT} if it is that one; undefined if there is none; modules that are not ours stay. */
export function officialModule(module: string, name: string): string | undefined {
  if (!/^@connect-migrate\/runtime(\/|$)/.test(module)) return module;
  if (COMPAT_NAMES.has(name)) return COMPAT;
  return Object.keys(OFFICIAL).find((official) => OFFICIAL[official]?.has(name));
}

/** Whether a module specifier is connect-compat. */
export function isCompat(specifier: string): boolean {
  return /(?:^|\/)connect-compat(?:\.[jt]s)?$/.test(specifier);
}

/** An option or a member in migrated code that only our runtime has, as a reason names it. */
export function beyondOfficial(file: File): string | undefined {
  let found: string | undefined;
  walk(file.program, (node: Node) => {
    if (found !== undefined) return;
    if (node.type === "MemberExpression" && !node.computed && MEMBERS.has(node.property.name))
      found = node.property.name;
    if (hasCallInterceptors(node)) found = "interceptors of one call";
    const options = node.type === "CallExpression" && node.callee.type === "Identifier" && OPTIONS[node.callee.name];
    if (!options) return;
    const given = node.arguments[options.at] as Node | undefined;
    if (given?.type !== "ObjectExpression") found = `${node.callee.name} with options from elsewhere`;
    else
      for (const property of given.properties as Node[]) {
        const name = property.type === "SpreadElement" ? "spread options" : (keyName(property) ?? "");
        if (!options.names.has(name)) found ??= `${name} of ${node.callee.name}`;
      }
  });
  return found;
}

/** `client.getItem(request, { interceptors: […] })`, which connect would take no notice of. */
function hasCallInterceptors(node: Node): boolean {
  if (node.type !== "CallExpression" || node.callee.type !== "MemberExpression") return false;
  const last = (node.arguments as Node[]).at(-1);
  if (last?.type !== "ObjectExpression") return false;
  return (last.properties as Node[]).some((each) => keyName(each) === "interceptors");
}

/** Of which versions the official packages are asked for. */
export const OFFICIAL_VERSIONS: Readonly<Record<string, string>> = {
  "@connectrpc/connect": "^2.2.0",
  "@connectrpc/connect-node": "^2.2.0",
};
