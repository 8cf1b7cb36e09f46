// The server under test: one ServerCompatRequest on stdin, one ServerCompatResponse on stdout, then the conformance service.
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { anyPack } from "@bufbuild/protobuf/wkt";
import { createApp, serve } from "@connect-migrate/runtime/node";
import {
  appendHeaders,
  compressions,
  errorFromProto,
  headersToProto,
  readDelimited,
  registry,
  serverCompat,
  service,
  sleep,
  writeDelimited,
} from "./common.mjs";

const { ConformanceService, ConformancePayload_RequestInfoSchema: RequestInfoSchema } = service;

function requestInfo(context, schema, requests) {
  const timeoutMs = context.timeoutMs();
  const query = context.requestMethod === "GET" ? [...new URL(context.url).searchParams] : [];
  return create(RequestInfoSchema, {
    requestHeaders: headersToProto(context.requestHeader),
    timeoutMs: timeoutMs === undefined ? undefined : BigInt(Math.max(0, Math.round(timeoutMs))),
    requests: requests.map((request) => anyPack(schema, request)),
    connectGetInfo: query.length
      ? { queryParams: query.map(([name, value]) => ({ name, value: [value] })) }
      : undefined,
  });
}

const withInfo = (error, info) => {
  const converted = errorFromProto(error);
  converted.details.push({ desc: RequestInfoSchema, value: info });
  return converted;
};

function sendMetadata(definition, context) {
  appendHeaders(context.responseHeader, definition?.responseHeaders ?? []);
  appendHeaders(context.responseTrailer, definition?.responseTrailers ?? []);
}

async function one(definition, context, schema, requests) {
  const info = requestInfo(context, schema, requests);
  sendMetadata(definition, context);
  if (definition?.responseDelayMs) await sleep(definition.responseDelayMs);
  if (definition?.response.case === "error") throw withInfo(definition.response.value, info);
  return { payload: { requestInfo: info, data: definition?.response.value ?? new Uint8Array(0) } };
}

const implementation = {
  unary: (request, context) => one(request.responseDefinition, context, service.UnaryRequestSchema, [request]),
  idempotentUnary: (request, context) =>
    one(request.responseDefinition, context, service.IdempotentUnaryRequestSchema, [request]),
  async clientStream(requests, context) {
    const all = [];
    for await (const request of requests) all.push(request);
    return one(all[0]?.responseDefinition, context, service.ClientStreamRequestSchema, all);
  },
  async *serverStream(request, context) {
    const definition = request.responseDefinition;
    const info = requestInfo(context, service.ServerStreamRequestSchema, [request]);
    sendMetadata(definition, context);
    let sent = 0;
    if (definition?.responseData.length) context.sendHeaders();
    for (const data of definition?.responseData ?? []) {
      await sleep(definition.responseDelayMs);
      yield { payload: { data, requestInfo: sent++ === 0 ? info : undefined } };
    }
    if (definition?.error) throw sent === 0 ? withInfo(definition.error, info) : errorFromProto(definition.error);
  },
  async *bidiStream(requests, context) {
    const schema = service.BidiStreamRequestSchema;
    let definition;
    let fullDuplex = false;
    let isFirst = true;
    let sent = 0;
    let pending = [];
    const respond = () => {
      const info = sent === 0 ? requestInfo(context, schema, pending) : undefined;
      const later =
        fullDuplex && pending.length ? { requests: pending.map((request) => anyPack(schema, request)) } : undefined;
      pending = [];
      return { payload: { data: definition.responseData[sent++], requestInfo: info ?? later } };
    };
    for await (const request of requests) {
      pending.push(request);
      if (isFirst) {
        isFirst = false;
        definition = request.responseDefinition;
        fullDuplex = request.fullDuplex;
        sendMetadata(definition, context);
        if (fullDuplex && definition?.responseData.length) context.sendHeaders();
      }
      if (!fullDuplex) continue;
      if (sent >= (definition?.responseData.length ?? 0)) break;
      await sleep(definition.responseDelayMs);
      yield respond();
    }
    if (!definition) return;
    if (!fullDuplex && definition.responseData.length) context.sendHeaders();
    while (sent < definition.responseData.length) {
      await sleep(definition.responseDelayMs);
      yield respond();
    }
    if (!definition.error) return;
    throw sent === 0
      ? withInfo(definition.error, requestInfo(context, schema, pending))
      : errorFromProto(definition.error);
  },
};

for await (const bytes of readDelimited(process.stdin)) {
  const request = fromBinary(serverCompat.ServerCompatRequestSchema, bytes);
  const all = [...compressions.values()];
  const app = createApp({
    routes: (router) => void router.service(ConformanceService, implementation),
    acceptCompression: all,
    jsonOptions: { registry },
    sendCompression: true,
    compressMinBytes: 0,
    readMaxBytes: request.messageReceiveLimit || undefined,
  });
  const tls = request.useTls
    ? {
        cert: Buffer.from(request.serverCreds.cert),
        key: Buffer.from(request.serverCreds.key),
        ...(request.clientTlsCert.length
          ? { ca: Buffer.from(request.clientTlsCert), requestCert: true, rejectUnauthorized: true }
          : {}),
      }
    : undefined;
  const server = await serve(app, { address: "127.0.0.1:0", tls, signals: false });
  const response = create(serverCompat.ServerCompatResponseSchema, {
    host: "127.0.0.1",
    port: server.port,
    pemCert: tls?.cert,
  });
  writeDelimited(process.stdout, toBinary(serverCompat.ServerCompatResponseSchema, response));
  break;
}
