/**
 * What the official packages offer under the same names, for `--target connectrpc`. A name that is not here exists in our
 * runtime only, and code that needs it stays as it is. A name alone does not make code portable: the transports of connect-node
 * know no `target`, which is what clients are written with. No client gets that far, because each asks for `grpcJsMessages`.
 */
const OFFICIAL: Readonly<Record<string, { readonly module: string; readonly names: ReadonlySet<string> }>> = {
  "@connect-migrate/runtime": {
    module: "@connectrpc/connect",
    names: new Set([
      ..."ConnectError Code createClient createCallbackClient createConnectRouter createRouterTransport".split(" "),
      ..."createHandlerContext createContextKey createContextValues encodeBinaryHeader decodeBinaryHeader".split(" "),
      ..."cors Client CallbackClient CallOptions ConnectRouter ConnectRouterOptions ServiceImpl MethodImpl".split(" "),
      ..."HandlerContext Interceptor Transport ContextKey ContextValues UnaryRequest UnaryResponse".split(" "),
      ..."StreamRequest StreamResponse".split(" "),
    ]),
  },
  "@connect-migrate/runtime/node": {
    module: "@connectrpc/connect-node",
    names: new Set([
      ..."createConnectTransport createGrpcTransport createGrpcWebTransport Http2SessionManager".split(" "),
      ..."connectNodeAdapter compressionGzip compressionBrotli ConnectTransportOptions GrpcTransportOptions".split(" "),
    ]),
  },
};

/** The official module for a name of ours; undefined if there is none; modules that are not ours stay. */
export function officialModule(module: string, name: string): string | undefined {
  if (!/^@connect-migrate\/runtime(\/|$)/.test(module)) return module;
  const official = OFFICIAL[module];
  return official?.names.has(name) ? official.module : undefined;
}

/** Of which versions the official packages are asked for. */
export const OFFICIAL_VERSIONS: Readonly<Record<string, string>> = {
  "@connectrpc/connect": "^2.2.0",
  "@connectrpc/connect-node": "^2.2.0",
};
