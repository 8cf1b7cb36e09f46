import { fileURLToPath } from "node:url";
import * as grpc from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Echo } from "../../testing/gen/echo_pb.js";
import type { MessageCodec, MessageCodecs } from "../message-codec.js";
import { createApp } from "../node/app.js";
import { type RunningServer, serve } from "../node/serve.js";

const definition = loadSync(fileURLToPath(new URL("../../testing/echo.proto", import.meta.url)), {
  keepCase: true,
  defaults: true,
})["connect_migrate.test.v1.Echo"] as grpc.ServiceDefinition;

function codec<T>(serialize: (value: T) => Buffer, deserialize: (bytes: Buffer) => T): MessageCodec {
  return {
    serialize: (value) => serialize(value as T),
    deserialize: (bytes) => deserialize(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)),
  };
}
const messages: MessageCodecs = {
  method(path) {
    const [key, found] = Object.entries(definition).find(([, method]) => method.path === path) ?? [];
    if (key === undefined || found === undefined) return undefined;
    return {
      input: codec(found.requestSerialize, found.requestDeserialize),
      output: codec(found.responseSerialize, found.responseDeserialize),
      keys: [key, found.originalName ?? key],
    };
  },
};

interface Message {
  text: string;
  count: number;
  payload: Buffer;
}

// A class, for `this` and for methods on the prototype; keys of the definition, an alias and the local name.
class Implementation {
  #greeting = "hello ";
  Unary(request: Message) {
    return { text: this.#greeting + request.text, payload: Buffer.isBuffer(request.payload) ? Buffer.from("b") : null };
  }
  unary() {
    return { text: "the alias must not win" };
  }
  async *serverStream(request: Message) {
    for (let i = 0; i < request.count; i++) yield { count: i };
  }
}

let server: RunningServer;
beforeAll(async () => {
  const app = createApp({
    compat: "grpc-js",
    routes: (router) => void router.service(Echo, new Implementation(), { messages }),
  });
  server = await serve(app, { address: "127.0.0.1:0", signals: false });
});
afterAll(() => server.destroy());

test("handlers see the codec's messages, by the codec's keys", async () => {
  const client = new grpc.Client(`127.0.0.1:${server.port}`, grpc.credentials.createInsecure());
  const call = (name: string, request: object) =>
    new Promise<Message | grpc.ServiceError>((resolve) => {
      const method = definition[name] as grpc.MethodDefinition<object, Message>;
      client.makeUnaryRequest(
        method.path,
        method.requestSerialize,
        method.responseDeserialize,
        request,
        (error, value) => resolve(error ?? (value as Message)),
      );
    });
  expect(await call("Unary", { text: "you" })).toMatchObject({ text: "hello you", payload: Buffer.from("b") });
  expect(await call("Get", {})).toMatchObject({ code: 12, details: "The server does not implement the method Get" });
  client.close();
});

test("JSON goes through the descriptor", async () => {
  const answer = await fetch(`http://127.0.0.1:${server.port}/connect_migrate.test.v1.Echo/Unary`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ text: "json" }),
  });
  expect(await answer.json()).toEqual({ text: "hello json", payload: "Yg==" });
});
