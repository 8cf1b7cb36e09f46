import { AsyncResource } from "node:async_hooks";
import type * as http2 from "node:http2";

type Bind = typeof AsyncResource.prototype.bind;

/**
 * Node 20 to 24 give a function that an AsyncResource binds two deprecated accessors. They are a fifth of what a call's client allocates,
 * and a hidden class that V8 keeps holds on to them, and so to the stream, until all of the heap is collected.
 */
const bindsDearly = Object.hasOwn(
  new AsyncResource("connect-migrate").bind(() => {}),
  "asyncResource",
);

/** What the prototype said before it was asked to leave functions as they are. */
let bind: Bind = AsyncResource.prototype.bind;

const bindOthers = function (this: AsyncResource, send: () => void, thisArg?: unknown) {
  return send.name === "bound requestOnConnect" ? send : Reflect.apply(bind, this, [send, thisArg]);
} as Bind;

/**
 * Opens a stream. On a session that is connected, node:http2 binds the function that sends the headers and calls it in the next
 * statement, within the same execution: there it may as well stay as it is. Everything else that binds meanwhile (a hook of
 * node:async_hooks) is served as before.
 */
export function openStream(
  session: http2.ClientHttp2Session,
  headers: http2.OutgoingHttpHeaders,
  options: http2.ClientSessionRequestOptions,
): http2.ClientHttp2Stream {
  const { prototype } = AsyncResource;
  if (!bindsDearly || session.connecting || prototype.bind === bindOthers) {
    return session.request(headers, options);
  }
  bind = prototype.bind;
  prototype.bind = bindOthers;
  try {
    return session.request(headers, options);
  } finally {
    prototype.bind = bind;
  }
}
