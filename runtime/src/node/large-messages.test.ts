import { createHash, randomBytes } from "node:crypto";
import { expect, test } from "vitest";
import { Echo } from "../../testing/gen/echo_pb.js";
import { createClient } from "../client/create-client.js";
import { Code } from "../code.js";
import { createApp } from "./app.js";
import { createGrpcTransport } from "./grpc-transport.js";
import { serve } from "./serve.js";

// Memory of sent messages is used again: nobody may see the bytes of another call, whatever happened to that one.
test("large messages of many calls, some of them given up, keep their own bytes", { timeout: 120_000 }, async () => {
  const limit = 8 * 1024 * 1024;
  const hash = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");
  const app = createApp({
    readMaxBytes: limit,
    routes: (router) =>
      void router.service(Echo, {
        unary: (request) => ({ text: hash(request.payload), payload: request.payload }),
      }),
  });
  const server = await serve(app, { address: "127.0.0.1:0", signals: false });
  const transport = createGrpcTransport({ baseUrl: `http://127.0.0.1:${server.port}`, readMaxBytes: limit });
  const client = createClient(Echo, transport);
  let canceled = 0;
  const kept: { payload: Uint8Array; expected: string }[] = [];
  try {
    await Promise.all(
      Array.from({ length: 6 }, async (_, worker) => {
        for (let i = 0; i < 25; i++) {
          const payload = randomBytes(50_000 + ((worker * 7919 + i * 104_729) % 1_500_000));
          const expected = hash(payload);
          const controller = new AbortController();
          const call = client.unary({ payload }, { signal: controller.signal });
          if (i % 4 === 3) setTimeout(() => controller.abort(), i % 8);
          try {
            const reply = await call;
            expect(reply.text).toBe(expected);
            expect(hash(reply.payload)).toBe(expected);
            // What a caller holds stays as it was, too
            if (i % 5 === 0) kept.push({ payload: reply.payload, expected });
          } catch (reason) {
            expect(reason).toMatchObject({ code: Code.Canceled });
            canceled++;
          }
        }
      }),
    );
    for (const { payload, expected } of kept) expect(hash(payload)).toBe(expected);
    expect(canceled).toBeGreaterThan(0);
  } finally {
    transport.close();
    await server.close();
  }
});
