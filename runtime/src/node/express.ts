import { type ConnectNodeAdapterOptions, createApp, type NodeServerRequest, type NodeServerResponse } from "./app.js";

/** Options of `expressConnectMiddleware`: an unknown path goes to the next middleware. */
export type ExpressConnectMiddlewareOptions = Omit<ConnectNodeAdapterOptions, "fallback">;

/** A middleware of express, or of anything else with `(request, response, next)`. Use it before body parsers if you can. */
export type ConnectMiddleware = (
  request: NodeServerRequest,
  response: NodeServerResponse,
  next: (error?: unknown) => void,
) => void;

/** Serves a router's methods inside an express app: `app.use(expressConnectMiddleware({ routes }))`. */
export function expressConnectMiddleware(options: ExpressConnectMiddlewareOptions): ConnectMiddleware {
  const nexts = new WeakMap<object, (error?: unknown) => void>();
  const app = createApp({ ...options, fallback: (request) => nexts.get(request)?.() });
  return (request, response, next) => {
    nexts.set(request, next);
    app(request, response);
  };
}
