import { AsyncLocalStorage, AsyncResource, createHook } from "node:async_hooks";
import { once } from "node:events";
import * as http2 from "node:http2";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openStream } from "./open-stream.js";

let server: http2.Http2Server;
let session: http2.ClientHttp2Session;
beforeEach(async () => {
  server = http2.createServer().on("stream", (stream, headers) => {
    stream.respond({ ":status": 200, "x-path": headers[":path"] });
    stream.end();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  session = http2.connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
});
afterEach(() => {
  session.destroy();
  server.close();
});

const connected = () => once(session, "connect");
const open = (path: string) => openStream(session, { ":path": path }, { endStream: true }).resume();
const { bind } = AsyncResource.prototype;

describe("openStream", () => {
  it("opens streams before and after the session is connected, and leaves AsyncResource as it was", async () => {
    const early = open("/early");
    expect(AsyncResource.prototype.bind).toBe(bind);
    const [earlyHeaders] = await once(early, "response");
    const late = open("/late");
    expect(AsyncResource.prototype.bind).toBe(bind);
    const [lateHeaders] = await once(late, "response");
    expect([earlyHeaders["x-path"], lateHeaders["x-path"]]).toEqual(["/early", "/late"]);
  });

  it("throws what node:http2 throws, and leaves AsyncResource as it was", async () => {
    await connected();
    session.destroy();
    expect(() => open("/")).toThrow(expect.objectContaining({ code: "ERR_HTTP2_INVALID_SESSION" }));
    expect(AsyncResource.prototype.bind).toBe(bind);
  });

  it("keeps the async context of who opened the stream", async () => {
    const context = new AsyncLocalStorage<string>();
    await connected();
    const seen = await Promise.all(
      ["one", "two"].map((name) =>
        context.run(name, async () => {
          const stream = open(`/${name}`);
          return new Promise((resolve) => stream.on("response", () => resolve(context.getStore())));
        }),
      ),
    );
    expect(seen).toEqual(["one", "two"]);
  });

  it("serves others that bind meanwhile, and streams that they open", async () => {
    await connected();
    const context = new AsyncLocalStorage<string>();
    const bound: Array<() => string | undefined> = [];
    const inner: http2.ClientHttp2Stream[] = [];
    const hook = createHook({
      init(_id, type) {
        if (type !== "PendingRequest" || bound.length > 0) return;
        bound.push(context.run("of the hook", () => new AsyncResource("mine").bind(() => context.getStore())));
        inner.push(open("/inner"));
      },
    }).enable();
    const outer = context.run("of the caller", () => open("/outer"));
    hook.disable();
    expect(AsyncResource.prototype.bind).toBe(bind);
    expect(bound[0]?.()).toBe("of the hook");
    const [[innerHeaders], [outerHeaders]] = await Promise.all([
      once(inner[0] as http2.ClientHttp2Stream, "response"),
      once(outer, "response"),
    ]);
    expect([innerHeaders["x-path"], outerHeaders["x-path"]]).toEqual(["/inner", "/outer"]);
  });
});
