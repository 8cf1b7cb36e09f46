import { fileURLToPath } from "node:url";
import * as grpc from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import { MessageType } from "@protobuf-ts/runtime";
import { ServiceType } from "@protobuf-ts/runtime-rpc";
import { describe, expect, test } from "vitest";
import { createApp } from "../node/app.js";
import { serve } from "../node/serve.js";
import { createReflection } from "../reflection/reflection.js";
import { fromCallbacks } from "./from-callback.js";
import { grpcJsService } from "./grpc-js-service.js";
import { grpcJsMessages } from "./messages.js";

const loaded = loadSync(fileURLToPath(new URL("../../testing/echo.proto", import.meta.url)), { defaults: true })[
  "connect_migrate.test.v1.Echo"
] as grpc.ServiceDefinition;

const text = { serialize: (value: string) => Buffer.from(value), deserialize: (bytes: Buffer) => bytes.toString() };
/** Written by hand, with messages that are not protobuf's. */
const words: grpc.ServiceDefinition = {
  shout: {
    path: "/words.Words/Shout",
    requestStream: false,
    responseStream: false,
    requestSerialize: text.serialize,
    requestDeserialize: text.deserialize,
    responseSerialize: text.serialize,
    responseDeserialize: text.deserialize,
  },
  spell: {
    path: "/words.Words/Spell",
    requestStream: false,
    responseStream: true,
    requestSerialize: text.serialize,
    requestDeserialize: text.deserialize,
    responseSerialize: text.serialize,
    responseDeserialize: text.deserialize,
  },
};

const handlers = {
  shout: (call: { request: string }, callback: (error: null, reply: string) => void) =>
    callback(null, call.request.toUpperCase()),
  spell: (call: { request: string; write(letter: string): void; end(): void }) => {
    for (const letter of call.request) call.write(letter);
    call.end();
  },
};

const Anything = new MessageType<object>("words.Anything", []);

async function withServer(routes: Parameters<typeof createApp>[0]["routes"], run: (port: number) => Promise<void>) {
  const server = await serve(createApp({ compat: "grpc-js", routes }), { address: "127.0.0.1:0", signals: false });
  try {
    await run(server.port);
  } finally {
    await server.destroy();
  }
}

describe("a definition that describes itself", () => {
  test("is the service that its proto declares", () => {
    const service = grpcJsService(loaded);
    expect(service.typeName).toBe("connect_migrate.test.v1.Echo");
    expect(service.methods.map((method) => [method.name, method.methodKind])).toContainEqual([
      "Bidi",
      "bidi_streaming",
    ]);
    expect(service.method.unary?.input.fields.map((field) => field.name)).toContain("payload");
    expect(grpcJsService(loaded)).toBe(service);
  });

  test("answers in JSON", async () => {
    await withServer(
      (router) => {
        router.service(
          grpcJsService(loaded),
          fromCallbacks({
            // biome-ignore lint/suspicious/noExplicitAny: as a JavaScript program writes it
            Unary: (call: any, callback: any) => callback(null, { text: `hello ${call.request.text}` }),
          }),
          { messages: grpcJsMessages(loaded) },
        );
      },
      async (port) => {
        const answer = await fetch(`http://127.0.0.1:${port}/connect_migrate.test.v1.Echo/Unary`, {
          method: "POST",
          headers: { "content-type": "application/json" },
          body: JSON.stringify({ text: "json" }),
        });
        expect(await answer.json()).toEqual({ text: "hello json" });
      },
    );
  });
});

describe("a definition that says nothing of its messages", () => {
  const routes: Parameters<typeof createApp>[0]["routes"] = (router) => {
    router.service(grpcJsService(words), fromCallbacks(handlers), { messages: grpcJsMessages(words) });
    createReflection().routes(router);
  };

  test("serves grpc-js clients as before", async () => {
    await withServer(routes, async (port) => {
      const Client = grpc.makeGenericClientConstructor(words, "Words");
      const client = new Client(`127.0.0.1:${port}`, grpc.credentials.createInsecure());
      const reply = await new Promise((resolve) => {
        // biome-ignore lint/suspicious/noExplicitAny: the constructor has no types of its methods
        (client as any).shout("grüße", (error: unknown, value: unknown) => resolve(error ?? value));
      });
      expect(reply).toBe("GRÜSSE");
      const letters: string[] = [];
      // biome-ignore lint/suspicious/noExplicitAny: as above
      for await (const letter of (client as any).spell("abc")) letters.push(letter);
      expect(letters).toEqual(["a", "b", "c"]);
      client.close();
    });
  });

  test("refuses JSON instead of losing fields", async () => {
    await withServer(routes, async (port) => {
      const answer = await fetch(`http://127.0.0.1:${port}/words.Words/Shout`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: "{}",
      });
      expect(answer.status).toBe(501);
      expect(await answer.json()).toMatchObject({ code: "unimplemented" });
      // gRPC's binary messages are Connect's, too.
      const binary = await fetch(`http://127.0.0.1:${port}/words.Words/Shout`, {
        method: "POST",
        headers: { "content-type": "application/proto" },
        body: "abc",
      });
      expect(await binary.text()).toBe("ABC");
    });
  });
});

test("takes the ServiceType of protobuf-ts, whose clients have no definition", () => {
  const service = grpcJsService(
    new ServiceType("words.Words", [
      { name: "Shout", options: {}, I: Anything, O: Anything },
      { name: "spell_out", localName: "spellOut", serverStreaming: true, options: {}, I: Anything, O: Anything },
      { name: "Hear", clientStreaming: true, options: {}, I: Anything, O: Anything },
    ]),
  );
  expect(service.typeName).toBe("words.Words");
  expect(service.methods.map(({ name, methodKind }) => [name, methodKind])).toEqual([
    ["Shout", "unary"],
    ["spell_out", "server_streaming"],
    ["Hear", "client_streaming"],
  ]);
});

test.each([
  [{}, "no methods"],
  [{ x: {} }, '"x" is no method definition'],
  [{ ...words, other: { ...words.shout, path: "/other.Words/Shout" } }, "methods of words.Words and of other.Words"],
])("%j is refused", (definition, message) => {
  expect(() => grpcJsService(definition)).toThrow(message);
});
