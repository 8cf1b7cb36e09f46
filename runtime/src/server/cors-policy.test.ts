import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { collect } from "../../testing/calls.js";
import { Echo } from "../../testing/gen/echo_pb.js";
import { createClient } from "../client/create-client.js";
import { Code } from "../code.js";
import { ConnectError } from "../connect-error.js";
import { createApp } from "../node/app.js";
import { createConnectTransport } from "../node/connect-transport.js";
import { type RunningServer, serve } from "../node/serve.js";
import type { CorsOptions } from "./cors-policy.js";

const path = "/connect_migrate.test.v1.Echo/Unary";
const servers: RunningServer[] = [];

async function start(cors: CorsOptions | undefined): Promise<string> {
  const app = createApp({
    ...(cors === undefined ? {} : { cors }),
    fallback: (_request, response) => {
      response.writeHead(418);
      response.end();
    },
    routes: (router) =>
      void router.service(Echo, {
        unary(request, context) {
          context.responseHeader.set("x-head", "h");
          if (request.text === "fail") throw new ConnectError("no", Code.NotFound);
          return { text: request.text };
        },
        async *serverStream() {
          yield { text: "one" };
        },
      }),
  });
  const server = await serve(app, { address: "127.0.0.1:0", signals: false });
  servers.push(server);
  return `http://127.0.0.1:${server.port}`;
}
afterAll(() => {
  for (const server of servers) server.destroy();
});

const page = "https://shop.example";
const preflight = (url: string, origin: string, headers = "content-type,x-own") =>
  fetch(url, {
    method: "OPTIONS",
    headers: {
      origin,
      "access-control-request-method": "POST",
      "access-control-request-headers": headers,
    },
  });
const post = (url: string, origin: string, text: string) =>
  fetch(url, {
    method: "POST",
    headers: { origin, "content-type": "application/json" },
    body: JSON.stringify({ text }),
  });

describe("an app for some origins", () => {
  let url: string;
  beforeAll(async () => {
    url = await start({ origin: [page], exposedHeaders: ["X-Head"], credentials: true, maxAgeSeconds: 60 });
  });

  it("answers preflights", async () => {
    const answer = await preflight(url + path, page);
    expect(answer.status).toBe(204);
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      "access-control-allow-origin": page,
      "access-control-allow-credentials": "true",
      "access-control-allow-methods": "POST, GET",
      "access-control-allow-headers": "content-type,x-own",
      "access-control-max-age": "60",
      vary: "Origin",
    });
  });

  it("marks answers, errors and streams", async () => {
    for (const text of ["x", "fail"]) {
      const answer = await post(url + path, page, text);
      expect(answer.headers.get("access-control-allow-origin")).toBe(page);
      expect(answer.headers.get("access-control-expose-headers")).toContain("X-Head, Trailer-X-Head");
      expect(answer.headers.get("x-head")).toBe("h");
    }
    let seen: string | null = null;
    const transport = createConnectTransport({ baseUrl: url, httpVersion: "1.1" });
    await collect(
      createClient(Echo, transport).serverStream(
        {},
        { headers: { origin: page }, onHeader: (h) => (seen = h.get("access-control-allow-origin")) },
      ),
    );
    expect(seen).toBe(page);
  });

  it("tells other pages nothing", async () => {
    for (const answer of [await preflight(url + path, "https://evil.example"), await post(url + path, "null", "x")]) {
      expect(answer.headers.get("access-control-allow-origin")).toBeNull();
      expect(answer.headers.get("access-control-allow-headers")).toBeNull();
      expect(answer.headers.get("vary")).toBe("Origin");
    }
  });

  it("leaves callers that are no pages, and paths that are not its own, alone", async () => {
    const answer = await fetch(url + path, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: "{}",
    });
    expect(answer.headers.get("vary")).toBeNull();
    expect((await preflight(`${url}/other`, page)).status).toBe(418);
    expect((await fetch(url + path, { method: "OPTIONS", headers: { origin: page } })).status).toBe(405);
  });
});

it("all origins, or a function that is asked; own request headers", async () => {
  const all = await start({ origin: "*", allowedHeaders: ["X-Own"] });
  const answer = await preflight(all + path, page, "x-own,x-other");
  expect(answer.headers.get("access-control-allow-origin")).toBe("*");
  expect(answer.headers.get("access-control-allow-headers")).toMatch(/Connect-Protocol-Version.*, X-Own$/);
  expect(answer.headers.get("vary")).toBeNull();
  const some = await start({ origin: (origin) => origin.endsWith(".example") });
  expect((await preflight(some + path, page)).headers.get("access-control-allow-origin")).toBe(page);
  expect((await preflight(some + path, "https://a.test")).headers.get("access-control-allow-origin")).toBeNull();
});

it("without the option nothing is said; what browsers refuse is refused at once", async () => {
  const url = await start(undefined);
  expect((await preflight(url + path, page)).headers.get("access-control-allow-origin")).toBeNull();
  expect(() => createApp({ routes: () => {}, cors: { origin: "*", credentials: true } })).toThrow("cors: browsers");
});
