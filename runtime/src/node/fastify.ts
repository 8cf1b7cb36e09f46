import { type ConnectNodeAdapterOptions, createApp, type NodeServerRequest, type NodeServerResponse } from "./app.js";

/** Options of `fastifyConnectPlugin`: fastify answers paths that are not known. */
export type FastifyConnectPluginOptions = Omit<ConnectNodeAdapterOptions, "fallback">;

// The few members of fastify that are used here, so that this package needs no dependency on it.
interface FastifyLike {
  removeAllContentTypeParsers?(): void;
  addContentTypeParser(
    contentType: string,
    parser: (request: unknown, payload: unknown, done: (error: Error | null, body?: unknown) => void) => void,
  ): unknown;
  all(path: string, handler: (request: { raw: NodeServerRequest }, reply: FastifyReplyLike) => void): unknown;
}
interface FastifyReplyLike {
  raw: NodeServerResponse;
  hijack(): void;
}

/** A fastify plugin with a router's methods as routes: `await server.register(fastifyConnectPlugin, { routes })`. */
export function fastifyConnectPlugin(
  instance: FastifyLike,
  options: FastifyConnectPluginOptions,
  done: (error?: Error) => void,
): void {
  const app = createApp(options);
  // Bodies are read by the app. The plugin has its own scope, so the parsers of other routes stay.
  instance.removeAllContentTypeParsers?.();
  instance.addContentTypeParser("*", (_request, _payload, parsed) => parsed(null));
  for (const path of app.internals.routes.keys()) {
    instance.all(`${options.requestPathPrefix ?? ""}${path}`, (request, reply) => {
      reply.hijack();
      app(request.raw, reply.raw);
    });
  }
  done();
}
