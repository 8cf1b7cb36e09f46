// The client under test: ClientCompatRequests on stdin, a ClientCompatResponse for each on stdout.
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { anyUnpack } from "@bufbuild/protobuf/wkt";
import { ConnectError, createClient, createWritableIterable } from "@connect-migrate/runtime";
import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from "@connect-migrate/runtime/node";
import {
  appendHeaders,
  clientCompat,
  compressions,
  config,
  errorToProto,
  headersToProto,
  readDelimited,
  registry,
  service,
  sleep,
  writeDelimited,
} from "./common.mjs";

const { Codec, HTTPVersion, Protocol, StreamType } = config;
const { ClientCompatResponseSchema } = clientCompat;

const create_ = {
  [Protocol.CONNECT]: createConnectTransport,
  [Protocol.GRPC]: createGrpcTransport,
  [Protocol.GRPC_WEB]: createGrpcWebTransport,
};

function transportFor(request) {
  const isTls = request.serverTlsCert.length > 0;
  const compression = compressions.get(request.compression);
  const nodeOptions = isTls
    ? {
        ca: Buffer.from(request.serverTlsCert),
        ...(request.clientTlsCreds
          ? { cert: Buffer.from(request.clientTlsCreds.cert), key: Buffer.from(request.clientTlsCreds.key) }
          : {}),
      }
    : {};
  return create_[request.protocol]({
    baseUrl: `${isTls ? "https" : "http"}://${request.host}:${request.port}`,
    httpVersion: request.httpVersion === HTTPVersion.HTTP_VERSION_1 ? "1.1" : "2",
    useBinaryFormat: request.codec === Codec.PROTO,
    jsonOptions: { registry },
    useHttpGet: request.useGetHttpMethod,
    sendCompression: compression,
    acceptCompression: compression ? [compression] : [],
    compressMinBytes: 0,
    readMaxBytes: request.messageReceiveLimit || undefined,
    nodeOptions,
  });
}

async function call(request) {
  const transport = transportFor(request);
  const client = createClient(service.ConformanceService, transport);
  const controller = new AbortController();
  const result = { responseHeaders: [], payloads: [], responseTrailers: [], numUnsentRequests: 0 };
  const headers = new Headers();
  appendHeaders(headers, request.requestHeaders);
  const options = {
    headers,
    signal: controller.signal,
    timeoutMs: request.timeoutMs,
    onHeader: (header) => {
      result.responseHeaders = headersToProto(header);
    },
    onTrailer: (trailer) => {
      result.responseTrailers = headersToProto(trailer);
    },
  };
  const messages = request.requestMessages.map((any) => anyUnpack(any, registry));
  const timing = request.cancel?.cancelTiming;
  const received = (message) => {
    result.payloads.push(message.payload ?? {});
    if (timing?.case === "afterNumResponses" && result.payloads.length === timing.value) controller.abort();
  };
  const closed = async () => {
    if (timing?.case !== "afterCloseSendMs") return;
    await sleep(timing.value);
    controller.abort();
  };
  const send = async function* () {
    for (const message of messages) {
      await sleep(request.requestDelayMs);
      yield message;
    }
    if (timing?.case === "beforeCloseSend") {
      controller.abort();
      // Half-close would race with the cancellation, which is to come first.
      await new Promise(() => {});
    }
    void closed();
  };
  try {
    switch (request.method) {
      case "Unary":
      case "IdempotentUnary":
      case "Unimplemented": {
        const method = request.method[0].toLowerCase() + request.method.slice(1);
        await sleep(request.requestDelayMs);
        const pending = client[method](messages[0], options);
        void closed();
        const response = await pending;
        if (request.method !== "Unimplemented") received(response);
        break;
      }
      case "ServerStream": {
        const responses = client.serverStream(messages[0], options);
        void closed();
        if (timing?.case === "afterNumResponses" && timing.value === 0) controller.abort();
        for await (const message of responses) received(message);
        break;
      }
      case "ClientStream":
        received(await client.clientStream(send(), options));
        break;
      case "BidiStream": {
        if (request.streamType === StreamType.HALF_DUPLEX_BIDI_STREAM) {
          const responses = client.bidiStream(send(), options);
          if (timing?.case === "afterNumResponses" && timing.value === 0) controller.abort();
          for await (const message of responses) received(message);
          break;
        }
        const requests = createWritableIterable();
        const responses = client.bidiStream(requests, options)[Symbol.asyncIterator]();
        let ended = false;
        for (const message of messages) {
          await sleep(request.requestDelayMs);
          if (ended) {
            result.numUnsentRequests++;
            continue;
          }
          void requests.write(message).catch(() => {});
          const next = await responses.next();
          if (next.done) ended = true;
          else received(next.value);
        }
        if (timing?.case === "beforeCloseSend") controller.abort();
        else {
          requests.close();
          void closed();
        }
        while (!ended) {
          const next = await responses.next();
          if (next.done) ended = true;
          else received(next.value);
        }
        break;
      }
      default:
        throw new Error(`no such method: ${request.method}`);
    }
  } catch (error) {
    if (!(error instanceof ConnectError)) throw error;
    result.error = errorToProto(error);
    // A call that fails before it delivers headers or trailers has them in its error.
    const metadata = headersToProto(error.metadata);
    if (result.responseHeaders.length === 0) result.responseHeaders = metadata;
    if (result.responseTrailers.length === 0) result.responseTrailers = metadata;
  } finally {
    transport.close();
  }
  return result;
}

const running = new Set();
for await (const bytes of readDelimited(process.stdin)) {
  const request = fromBinary(clientCompat.ClientCompatRequestSchema, bytes);
  const answer = call(request)
    .then(
      (value) => ({ case: "response", value }),
      (error) => ({ case: "error", value: { message: String(error?.stack ?? error) } }),
    )
    .then((result) => {
      const response = create(ClientCompatResponseSchema, { testName: request.testName, result });
      writeDelimited(process.stdout, toBinary(ClientCompatResponseSchema, response));
      running.delete(answer);
    });
  running.add(answer);
  while (running.size >= 64) await Promise.race(running);
}
await Promise.all(running);
