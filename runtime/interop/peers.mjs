// Servers and clients of the three stacks behind one shape: `startServer(stack, protocol)` and `connect(stack, …)`.
import { once } from "node:events";
import http2 from "node:http2";
import { fileURLToPath } from "node:url";
import { create, toBinary } from "@bufbuild/protobuf";
import { anyPack } from "@bufbuild/protobuf/wkt";
import * as ours from "@connect-migrate/runtime";
import * as oursNode from "@connect-migrate/runtime/node";
import * as official from "@connectrpc/connect";
import * as officialNode from "@connectrpc/connect-node";
import grpc from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import { EchoStatusSchema, RpcStatusSchema, TestService, UnimplementedService } from "./gen/interop_pb.js";

const definitions = loadSync(fileURLToPath(new URL("./interop.proto", import.meta.url)), {
  defaults: true,
  arrays: true,
});
const { testing } = grpc.loadPackageDefinition(definitions).grpc;

export const failure = { code: 8, message: "soirée 🎉 — non-ASCII: a,b/c 100%", detail: "what went wrong" };
const bytes = (size) => ({ type: 0, body: new Uint8Array(size) });
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** The implementation for both Connect stacks; `core` says whose ConnectError. */
function connectImplementation(core) {
  const { ConnectError } = core;
  const echoMetadata = (context) => {
    const initial = context.requestHeader.get("x-grpc-test-echo-initial");
    if (initial !== null) context.responseHeader.set("x-grpc-test-echo-initial", initial);
    const trailing = context.requestHeader.get("x-grpc-test-echo-trailing-bin");
    if (trailing !== null) {
      for (const value of trailing.split(","))
        context.responseTrailer.append("x-grpc-test-echo-trailing-bin", value.trim());
    }
  };
  const echoStatus = (request) => {
    const status = request.responseStatus;
    if (status?.code > 0) throw new ConnectError(status.message, status.code);
  };
  const fail = () => {
    throw new ConnectError(failure.message, failure.code, undefined, [
      { desc: EchoStatusSchema, value: { message: failure.detail } },
    ]);
  };
  const unaryCall = (request, context) => {
    echoMetadata(context);
    echoStatus(request);
    return { payload: bytes(request.responseSize) };
  };
  async function* output(request, context) {
    for (const { size, intervalUs } of request.responseParameters) {
      await sleep(intervalUs / 1000);
      context.signal.throwIfAborted();
      yield { payload: bytes(size) };
    }
  }
  return {
    emptyCall: () => ({}),
    unaryCall,
    cacheableUnaryCall(request, context) {
      context.responseHeader.set("x-method", context.requestMethod);
      return unaryCall(request, context);
    },
    failUnaryCall: fail,
    streamingOutputCall: output,
    async *failStreamingOutputCall(request, context) {
      yield* output(request, context);
      fail();
    },
    async streamingInputCall(requests) {
      let size = 0;
      for await (const { payload } of requests) size += payload?.body.length ?? 0;
      return { aggregatedPayloadSize: size };
    },
    async *fullDuplexCall(requests, context) {
      echoMetadata(context);
      for await (const request of requests) {
        echoStatus(request);
        yield* output(request, context);
      }
    },
  };
}

const grpcImplementation = (() => {
  const echoMetadata = (call) => {
    const initial = call.metadata.get("x-grpc-test-echo-initial");
    if (initial.length > 0) {
      const head = new grpc.Metadata();
      for (const value of initial) head.add("x-grpc-test-echo-initial", value);
      call.sendMetadata(head);
    }
    const trailer = new grpc.Metadata();
    for (const value of call.metadata.get("x-grpc-test-echo-trailing-bin")) {
      trailer.add("x-grpc-test-echo-trailing-bin", value);
    }
    return trailer;
  };
  const failed = () => {
    const metadata = new grpc.Metadata();
    const detail = anyPack(EchoStatusSchema, create(EchoStatusSchema, { message: failure.detail }));
    const status = create(RpcStatusSchema, { code: failure.code, message: failure.message, details: [detail] });
    metadata.set("grpc-status-details-bin", Buffer.from(toBinary(RpcStatusSchema, status)));
    return { code: failure.code, details: failure.message, metadata };
  };
  const UnaryCall = (call, callback) => {
    const trailer = echoMetadata(call);
    const { responseStatus, responseSize } = call.request;
    if (responseStatus?.code > 0) callback({ code: responseStatus.code, details: responseStatus.message });
    else callback(null, { payload: bytes(responseSize) }, trailer);
  };
  const writeAll = async (call, request) => {
    for (const { size, intervalUs } of request.responseParameters) {
      await sleep(intervalUs / 1000);
      if (call.cancelled) return;
      if (!call.write({ payload: bytes(size) })) await once(call, "drain");
    }
  };
  return {
    EmptyCall: (_call, callback) => callback(null, {}),
    UnaryCall,
    CacheableUnaryCall: UnaryCall,
    FailUnaryCall: (_call, callback) => callback(failed()),
    async StreamingOutputCall(call) {
      await writeAll(call, call.request);
      call.end();
    },
    async FailStreamingOutputCall(call) {
      await writeAll(call, call.request);
      call.emit("error", failed());
    },
    StreamingInputCall(call, callback) {
      let size = 0;
      call.on("data", ({ payload }) => {
        size += payload?.body.length ?? 0;
      });
      call.on("end", () => callback(null, { aggregatedPayloadSize: size }));
      call.on("error", () => {});
    },
    FullDuplexCall(call) {
      const trailer = echoMetadata(call);
      let work = Promise.resolve();
      call.on("data", (request) => {
        work = work.then(async () => {
          if (request.responseStatus?.code > 0) {
            call.emit("error", { code: request.responseStatus.code, details: request.responseStatus.message });
          } else await writeAll(call, request);
        });
      });
      call.on("end", () => work.then(() => call.end(trailer)));
      call.on("error", () => {});
    },
  };
})();

/** A server of a stack; every server speaks all protocols that its stack has, over cleartext HTTP/2. */
export async function startServer(stack) {
  if (stack === "grpc-js") {
    const server = new grpc.Server();
    server.addService(testing.TestService.service, grpcImplementation);
    const port = await new Promise((resolve, reject) => {
      server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, bound) =>
        error ? reject(error) : resolve(bound),
      );
    });
    return { port, stop: () => server.forceShutdown() };
  }
  if (stack === "ours") {
    const app = oursNode.createApp({
      routes: (router) => void router.service(TestService, connectImplementation(ours)),
      acceptCompression: [oursNode.compressionGzip, oursNode.compressionBrotli, oursNode.compressionDeflate],
    });
    const server = await oursNode.serve(app, { address: "127.0.0.1:0", signals: false });
    return { port: server.port, stop: () => server.destroy() };
  }
  const server = http2.createServer(
    officialNode.connectNodeAdapter({
      routes: (router) => void router.service(TestService, connectImplementation(official)),
    }),
  );
  const sessions = new Set();
  server.on("session", (session) => sessions.add(session));
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: server.address().port,
    stop() {
      server.close();
      for (const session of sessions) session.destroy();
    },
  };
}

/** A client of a stack: Connect's promise client in each case, with errors as `{ code, text, details }`. */
export function connect(stack, protocol, port, host = "127.0.0.1") {
  if (stack === "grpc-js") return grpcJsClient(port, host);
  const [core, node] = stack === "ours" ? [ours, oursNode] : [official, officialNode];
  const make = {
    gRPC: node.createGrpcTransport,
    Connect: node.createConnectTransport,
    "gRPC-Web": node.createGrpcWebTransport,
  }[protocol];
  const manager = stack === "ours" ? undefined : new officialNode.Http2SessionManager(`http://${host}:${port}`);
  const transport = make({
    baseUrl: `http://${host}:${port}`,
    httpVersion: "2",
    useHttpGet: true,
    ...(manager === undefined ? {} : { sessionManager: manager }),
  });
  return {
    test: core.createClient(TestService, transport),
    unimplemented: core.createClient(UnimplementedService, transport),
    read: (error) => ({
      code: error.code,
      text: error.rawMessage,
      details: error.findDetails(EchoStatusSchema).map((detail) => detail.message),
    }),
    close() {
      if (manager === undefined) transport.close();
      else manager.abort();
    },
  };
}

function metadataOf(headers) {
  const metadata = new grpc.Metadata();
  for (const [key, value] of new Headers(headers)) {
    if (!key.endsWith("-bin")) metadata.set(key, value);
    else for (const part of value.split(",")) metadata.add(key, Buffer.from(part.trim(), "base64"));
  }
  return metadata;
}

function headersOf(metadata) {
  const headers = new Headers();
  for (const [key, values] of Object.entries(metadata.toJSON())) {
    for (const value of values)
      headers.append(key, typeof value === "string" ? value : value.toString("base64").replace(/=+$/, ""));
  }
  return headers;
}

/** grpc-js under the promise client's signatures, so that a case is written once. */
function grpcJsClient(port, host) {
  const address = `${host}:${port}`;
  const insecure = grpc.credentials.createInsecure();
  const options = { "grpc.use_local_subchannel_pool": 1 };
  const wrap = (client, service) => {
    const wrapped = {};
    for (const [name, method] of Object.entries(service)) {
      const start = (o = {}) => [
        metadataOf(o.headers),
        o.timeoutMs === undefined ? {} : { deadline: Date.now() + o.timeoutMs },
      ];
      const watch = (call, o = {}) => {
        call.on("metadata", (metadata) => o.onHeader?.(headersOf(metadata)));
        call.on("status", (status) => o.onTrailer?.(headersOf(status.metadata)));
        if (o.signal?.aborted) call.cancel();
        else o.signal?.addEventListener("abort", () => call.cancel(), { once: true });
        return call;
      };
      const feed = async (call, requests) => {
        try {
          for await (const request of requests) call.write(request);
          call.end();
        } catch {
          call.cancel();
        }
      };
      const key = method.originalName;
      if (!method.responseStream) {
        wrapped[key] = (request, o) =>
          new Promise((resolve, reject) => {
            let result;
            const done = (error, value) => {
              if (error) reject(error);
              result = value;
            };
            const call = method.requestStream
              ? client[name](...start(o), done)
              : client[name](request, ...start(o), done);
            watch(call, o).on("status", () => resolve(result));
            if (method.requestStream) void feed(call, request);
          });
      } else {
        wrapped[key] = (request, o) => {
          const call = watch(method.requestStream ? client[name](...start(o)) : client[name](request, ...start(o)), o);
          if (method.requestStream) void feed(call, request);
          return call;
        };
      }
    }
    return wrapped;
  };
  const test = new testing.TestService(address, insecure, options);
  const unimplemented = new testing.UnimplementedService(address, insecure, options);
  return {
    test: wrap(test, testing.TestService.service),
    unimplemented: wrap(unimplemented, testing.UnimplementedService.service),
    // grpc-js leaves the details to the application
    read: (error) => ({ code: error.code, text: error.details, details: undefined }),
    close() {
      test.close();
      unimplemented.close();
    },
  };
}
