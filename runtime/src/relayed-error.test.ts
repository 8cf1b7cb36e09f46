import { fileURLToPath } from "node:url";
import * as grpc from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Echo } from "../testing/gen/echo_pb.js";
import { createClient } from "./client/create-client.js";
import { serviceErrorFrom, toConnectError } from "./grpc-js/errors.js";
import { toCallbacks } from "./grpc-js/to-callbacks.js";
import { createApp } from "./node/app.js";
import { createGrpcTransport } from "./node/grpc-transport.js";
import { serve } from "./node/serve.js";

const definition = loadSync(fileURLToPath(new URL("../testing/echo.proto", import.meta.url)), { keepCase: true });
const EchoClient = (
  grpc.loadPackageDefinition(definition) as unknown as {
    connect_migrate: { test: { v1: { Echo: grpc.ServiceClientConstructor } } };
  }
).connect_migrate.test.v1.Echo;
type Callback = grpc.sendUnaryData<{ text: string }>;
type Call = grpc.ServerUnaryCall<{ text: string }, { text: string }>;

/** What the backend answers, by the text of the request. */
const failures: Record<string, Partial<grpc.StatusObject>> = {
  plain: { code: 5, details: "no such item" },
  "no text": { code: 9, details: "" },
  "other code": { code: 77 as grpc.status, details: "odd" },
  "not ASCII": { code: 3, details: "Größe % 100" },
  trailers: {
    code: 7,
    details: "why",
    metadata: metadataOf({ "x-why": ["a", "b"], "x-bin": [Buffer.from([1, 2, 3])] }),
  },
  details: {
    code: 8,
    details: "rich",
    // google.rpc.Status { code: 8, message: "rich", details: [Any { type_url: "a/b", value: "c" }] }
    metadata: metadataOf({ "grpc-status-details-bin": [Buffer.from("08081204726963681a080a03612f62120163", "hex")] }),
  },
  "unreadable details": {
    code: 8,
    details: "rich",
    metadata: metadataOf({ "grpc-status-details-bin": [Buffer.from([255, 1, 2])] }),
  },
};

function metadataOf(values: Record<string, (string | Buffer)[]>): grpc.Metadata {
  const metadata = new grpc.Metadata();
  for (const [key, all] of Object.entries(values)) for (const value of all) metadata.add(key, value);
  return metadata;
}

const closing: (() => void)[] = [];
afterAll(() => {
  for (const close of closing) close();
});

async function listen(unary: (call: Call, callback: Callback) => void): Promise<string> {
  const server = new grpc.Server();
  server.addService(EchoClient.service, { unary });
  closing.push(() => server.forceShutdown());
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    ),
  );
  return `127.0.0.1:${port}`;
}

// biome-ignore lint/suspicious/noExplicitAny: proto-loader makes the client's methods at run time
function clientOf(address: string): any {
  const client = new EchoClient(address, grpc.credentials.createInsecure());
  closing.push(() => client.close());
  return client;
}

async function serving(unary: (request: { text: string }) => Promise<{ text: string }>): Promise<string> {
  const app = createApp({ compat: "grpc-js", routes: (router) => void router.service(Echo, { unary }) });
  const server = await serve(app, { address: "127.0.0.1:0", signals: false });
  closing.push(() => server.destroy());
  return `127.0.0.1:${server.port}`;
}

/** Each of them asks the backend, and answers with its error. */
const gateways: Record<string, string> = {};
let old = "";

beforeAll(async () => {
  const backend = await listen((call, callback) => {
    if (call.request.text !== "headers first") return callback(failures[call.request.text] as grpc.ServiceError);
    call.sendMetadata(metadataOf({ "x-head": ["h"] }));
    callback({ code: 10, details: "late", metadata: metadataOf({ "x-why": ["c"] }) });
  });
  const grpcJs = clientOf(backend);
  const connect = createClient(Echo, createGrpcTransport({ target: backend }));
  const convert = (change: (error: unknown) => unknown) => async (request: { text: string }) => {
    try {
      return await connect.unary(request);
    } catch (error) {
      throw change(error);
    }
  };
  old = await listen((call, callback) => grpcJs.unary(call.request, callback));
  gateways["returns the call"] = await serving((request) => connect.unary(request));
  gateways.toConnectError = await serving(convert(toConnectError));
  gateways["by a ServiceError"] = await serving(convert((error) => toConnectError(serviceErrorFrom(error))));
  const { unary } = toCallbacks(Echo, { unary: (request: { text: string }) => connect.unary(request) });
  gateways.toCallbacks = await listen(unary as never);
});

async function answerOf(address: string, text: string): Promise<unknown> {
  const { code, details, metadata } = await new Promise<grpc.ServiceError>((resolve) =>
    clientOf(address).unary({ text }, (error: grpc.ServiceError) => resolve(error)),
  );
  metadata.remove("date");
  return { code, details, metadata: metadata.toJSON() };
}

describe("the error of another call is relayed as a grpc-js gateway does", () => {
  test.each([...Object.keys(failures), "headers first"])("%s", async (text) => {
    const expected = await answerOf(old, text);
    expect(expected).toMatchObject({ code: failures[text]?.code ?? 10 });
    for (const [name, address] of Object.entries(gateways))
      expect({ name, answer: await answerOf(address, text) }).toEqual({ name, answer: expected });
  });
});
