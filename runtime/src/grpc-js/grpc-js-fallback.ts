import * as http2 from "node:http2";
import * as net from "node:net";

/** Headers of one hop, and of HTTP/1.1. */
const hopHeaders = new Set([
  "connection",
  "transfer-encoding",
  "keep-alive",
  "upgrade",
  "proxy-connection",
  "http2-settings",
  "host",
]);

/** Node's compat request and response of an HTTP/2 stream. */
type Request = http2.Http2ServerRequest;
type Response = http2.Http2ServerResponse;

/**
 * Forward what an app does not serve to a grpc-js Server on a unix socket, frame by frame: nothing is decoded, so
 * services that are not migrated keep their exact behaviour behind one public port.
 *
 * ```ts
 * connectNodeAdapter({ routes, fallback: grpcJsFallback("/run/old.sock") })
 * ```
 *
 * HTTP/2 only; a request over HTTP/1.1 is answered with 505.
 */
export function grpcJsFallback(socketPath: string): (request: unknown, response: unknown) => void {
  let session: http2.ClientHttp2Session | undefined;
  const connect = () => {
    if (session === undefined || session.closed || session.destroyed) {
      session = http2.connect("http://localhost", {
        createConnection: () => net.connect(socketPath),
        maxSessionMemory: Number.MAX_SAFE_INTEGER,
        maxSendHeaderBlockLength: Number.MAX_SAFE_INTEGER,
      });
      // The streams report it
      session.on("error", () => {});
      session.unref();
    }
    return session;
  };
  return (anyRequest, anyResponse) => {
    const request = anyRequest as Request;
    const response = anyResponse as Response;
    if (request.stream === undefined) {
      response.writeHead(505);
      response.end();
      return;
    }
    forward(connect(), request, response);
  };
}

function forward(session: http2.ClientHttp2Session, request: Request, response: Response): void {
  const headers: http2.OutgoingHttpHeaders = {};
  for (const [name, value] of Object.entries(request.headers)) {
    if (!hopHeaders.has(name) && !name.startsWith(":")) {
      headers[name] = value;
    }
  }
  const up = session.request({
    ...headers,
    ":method": request.method,
    ":path": request.url,
    ":authority": request.authority,
    ":scheme": "http",
  });
  const down = response.stream;
  let trailersOnly = false;
  let answered = false;
  up.on("error", () => {});
  down.on("error", () => {});
  up.on("response", (fields, flags) => {
    answered = true;
    trailersOnly = (flags & http2.constants.NGHTTP2_FLAG_END_STREAM) !== 0;
    for (const [name, value] of Object.entries(fields)) {
      if (!name.startsWith(":") && value !== undefined) {
        response.setHeader(name, value);
      }
    }
    response.statusCode = fields[":status"] ?? 200;
    if (trailersOnly) {
      // end() without a head before gives one block, as the old server sent it
      response.end();
    } else {
      response.writeHead(response.statusCode);
    }
  });
  up.on("trailers", (fields) => {
    response.addTrailers(fields as http2.OutgoingHttpHeaders);
  });
  up.on("data", (chunk: Buffer) => {
    if (!response.write(chunk)) {
      up.pause();
      response.once("drain", () => up.resume());
    }
  });
  up.on("end", () => {
    if (answered && !trailersOnly) {
      response.end();
    }
  });
  up.on("close", () => {
    if (!down.closed && (up.rstCode !== 0 || !answered)) {
      down.close(up.rstCode || http2.constants.NGHTTP2_INTERNAL_ERROR);
    }
  });
  request.on("data", (chunk: Buffer) => {
    if (!up.write(chunk)) {
      request.pause();
      up.once("drain", () => request.resume());
    }
  });
  request.on("end", () => up.end());
  down.on("close", () => {
    if (down.rstCode !== 0 && !up.closed) {
      up.close(down.rstCode);
    }
  });
}
