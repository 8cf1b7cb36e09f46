import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createHealth } from "../src/health/index.js";
import { createApp } from "../src/node/app.js";
import { type RunningServer, serve } from "../src/node/serve.js";
import { createReflection } from "../src/reflection/index.js";
import { makeCertificates } from "../testing/certificates.js";
import { Echo } from "../testing/gen/echo_pb.js";
import { goTool } from "../testing/go-tool.js";

// Clients in Go, as people and Kubernetes use them. Without Go, or without its module proxy, they are skipped and say why.

const health = createHealth({ "": "SERVING", "shop.Stock": "NOT_SERVING" });
const app = createApp({
  routes(router) {
    health.routes(router);
    createReflection().routes(router);
    router.service(Echo, {
      unary: (request, context) => {
        context.responseHeader.set("x-head", context.requestHeader.get("x-in") ?? "none");
        return { text: request.text, count: request.count, payload: request.payload };
      },
      async *serverStream(request) {
        for (let i = 0; i < request.count; i++) yield { count: i };
      },
      async *bidi(requests) {
        for await (const request of requests) yield { text: request.text.toUpperCase() };
      },
    });
  },
});

let plain: RunningServer;
let secure: RunningServer;
const folder = mkdtempSync(join(tmpdir(), "connect-migrate-go-"));
const ca = join(folder, "ca.pem");
beforeAll(async () => {
  const certificates = makeCertificates();
  writeFileSync(ca, certificates.ca);
  plain = await serve(app, { address: "127.0.0.1:0", signals: false });
  secure = await serve(app, { address: "127.0.0.1:0", signals: false, tls: certificates.server });
});
afterAll(() => {
  plain.destroy();
  secure.destroy();
  rmSync(folder, { recursive: true, force: true });
});

function run(tool: string, args: string[], input = ""): Promise<{ code: number; out: string; err: string }> {
  return new Promise((resolve) => {
    const child = execFile(tool, args, (error, out, err) =>
      resolve({ code: error === null ? 0 : Number(error.code ?? -1), out, err }),
    );
    child.stdin?.end(input);
  });
}

function describeWith(packagePath: string, version: string, cases: (tool: string) => void): void {
  const tool = goTool(packagePath, version);
  const name = packagePath.split("/").at(-1);
  describe(`${name}`, () => {
    if ("path" in tool) cases(tool.path);
    else it("speaks to an app", ({ skip }) => skip(tool.missing));
  });
}

describeWith("github.com/grpc-ecosystem/grpc-health-probe", "v0.4.62", (probe) => {
  const to = (server: RunningServer) => `-addr=localhost:${server.port}`;

  it("a server that serves, also under TLS", async () => {
    expect(await run(probe, [to(plain)])).toMatchObject({ code: 0, err: expect.stringContaining("status: SERVING") });
    expect(await run(probe, [to(secure), "-tls", `-tls-ca-cert=${ca}`])).toMatchObject({ code: 0 });
  });

  it("a service that does not serve, and one that is not known", async () => {
    const stock = await run(probe, [to(plain), "-service=shop.Stock"]);
    expect(stock).toMatchObject({ code: 4, err: expect.stringContaining('"NOT_SERVING"') });
    const nope = await run(probe, [to(plain), "-service=nope"]);
    expect(nope).toMatchObject({ code: 3, err: expect.stringContaining("NotFound") });
  });

  it("nobody there", async () => {
    expect((await run(probe, ["-addr=127.0.0.1:1", "-connect-timeout=300ms"])).code).toBe(2);
  });
});

describeWith("github.com/fullstorydev/grpcurl/cmd/grpcurl", "v1.9.3", (grpcurl) => {
  const at = (server: RunningServer) => `localhost:${server.port}`;

  it("lists and describes what the server offers, by reflection", async () => {
    const { out } = await run(grpcurl, ["-plaintext", at(plain), "list"]);
    expect(out.trim().split("\n").sort()).toEqual([
      "connect_migrate.test.v1.Echo",
      "grpc.health.v1.Health",
      "grpc.reflection.v1.ServerReflection",
      "grpc.reflection.v1alpha.ServerReflection",
    ]);
    const described = await run(grpcurl, ["-plaintext", at(plain), "describe", "connect_migrate.test.v1.Echo.Bidi"]);
    expect(described.out).toContain("rpc Bidi ( stream .connect_migrate.test.v1.EchoRequest )");
    const message = await run(grpcurl, ["-plaintext", at(plain), "describe", "connect_migrate.test.v1.EchoRequest"]);
    expect(message.out).toContain("bytes payload = 3;");
  });

  it("calls, with headers, under TLS, and sees errors", async () => {
    const data = '{"text":"é & 😀","count":7,"payload":"AQID"}';
    const { out } = await run(grpcurl, [
      ...["-cacert", ca, "-v", "-H", "x-in: yes", "-d", data],
      ...[at(secure), "connect_migrate.test.v1.Echo/Unary"],
    ]);
    expect(out).toContain("x-head: yes");
    expect(JSON.parse(/\{[^{}]*"text"[^{}]*\}/.exec(out)?.[0] ?? "")).toEqual(JSON.parse(data));
    const missing = await run(grpcurl, ["-plaintext", at(plain), "connect_migrate.test.v1.Echo/ClientStream"]);
    expect(missing.err).toMatch(/Code: Unimplemented\s+Message: .*ClientStream is not implemented/);
  });

  it("streams", async () => {
    const down = await run(grpcurl, [
      ...["-plaintext", "-d", '{"count":3}', at(plain), "connect_migrate.test.v1.Echo/ServerStream"],
    ]);
    expect(down.out.match(/\{[^{}]*\}/g)?.map((text) => JSON.parse(text))).toEqual([{}, { count: 1 }, { count: 2 }]);
    const both = await run(
      grpcurl,
      ["-plaintext", "-d", "@", at(plain), "connect_migrate.test.v1.Echo/Bidi"],
      '{"text":"a"}\n{"text":"b"}\n',
    );
    expect(both.out.match(/"[AB]"/g)).toEqual(['"A"', '"B"']);
  });
});
