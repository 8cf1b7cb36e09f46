import { create, type DescMessage, type DescMethod, fromBinary, isMessage, toBinary } from "@bufbuild/protobuf";
import { MessageQueue } from "../client/message-queue.js";
import type { Code } from "../code.js";
import { ConnectError } from "../connect-error.js";
import { type ContextValues, createContextValues } from "../context-values.js";
import { decodeRpcStatus } from "../grpc-status.js";
import { createHeaders, headerLines } from "../headers.js";
import { applyInterceptors, type Interceptor, type StreamRequest, type UnaryRequest } from "../interceptor.js";
import { methodPath } from "../serialization.js";
import type { Transport } from "../transport.js";
import { addMetadata, headersFromMetadata, metadataFromHeaders } from "./metadata.js";
import type { MetadataLike } from "./types.js";

/** A grpc-js Client, by the two functions that are used. */
// biome-ignore lint/suspicious/noExplicitAny: any copy and version of grpc-js fits
type GrpcJsClient = { makeUnaryRequest: (...args: any[]) => any; makeBidiStreamRequest: (...args: any[]) => any };

interface Status {
  code: number;
  details: string;
  message?: string;
  metadata?: MetadataLike;
}

/**
 * A transport over a grpc-js Client: what only its channel can do (xDS, custom load balancing, its interceptors and
 * call credentials) stays, while the calls above are already Connect's.
 */
export function transportFromGrpcJs(client: GrpcJsClient, options?: { interceptors?: Interceptor[] }): Transport {
  const unary = (request: UnaryRequest) => callUnary(client, request);
  const stream = (request: StreamRequest) => callStream(client, request);
  return {
    unary(method, signal, timeoutMs, header, input, contextValues) {
      const request = {
        ...common(method, signal, timeoutMs, header, contextValues),
        stream: false,
        message: messageOf(method.input, input),
      };
      return applyInterceptors(unary, options?.interceptors)(request as unknown as UnaryRequest) as Promise<never>;
    },
    stream(method, signal, timeoutMs, header, input, contextValues) {
      const request = { ...common(method, signal, timeoutMs, header, contextValues), stream: true, message: input };
      return applyInterceptors(stream, options?.interceptors)(request as unknown as StreamRequest) as Promise<never>;
    },
  };
}

/** Where the deadline travels past interceptors. */
const deadlines = new WeakMap<AbortSignal, number>();

function common(
  method: DescMethod,
  signal: AbortSignal | undefined,
  timeoutMs: number | undefined,
  header: HeadersInit | undefined,
  contextValues: ContextValues | undefined,
) {
  const own = new AbortController();
  if (timeoutMs !== undefined && timeoutMs > 0) {
    deadlines.set(own.signal, Date.now() + timeoutMs);
  }
  if (signal?.aborted) {
    own.abort(signal.reason);
  } else {
    signal?.addEventListener("abort", () => own.abort(signal.reason), { once: true });
  }
  return {
    method,
    service: method.parent,
    requestMethod: "POST",
    url: `grpc:/${methodPath(method)}`,
    signal: own.signal,
    header: createHeaders(header),
    contextValues: contextValues ?? createContextValues(),
  };
}

function messageOf(desc: DescMessage, input: unknown) {
  return isMessage(input, desc) ? input : create(desc, input as never);
}

const serialize = (desc: DescMessage) => (value: unknown) => Buffer.from(toBinary(desc, messageOf(desc, value)));
const deserialize = (desc: DescMessage) => (bytes: Buffer) => fromBinary(desc, bytes);

function optionsOf(signal: AbortSignal): object {
  const deadline = deadlines.get(signal);
  return deadline === undefined ? {} : { deadline };
}

function errorOf(status: Status, header: Headers): ConnectError {
  const metadata = createHeaders(header);
  addMetadata(metadata, status.metadata);
  const error = new ConnectError(
    status.details ?? status.message ?? "",
    status.code as Code,
    metadata,
    undefined,
    status,
  );
  const blob = status.metadata?.get("grpc-status-details-bin")[0];
  if (blob instanceof Uint8Array) {
    try {
      error.details = decodeRpcStatus(blob).details;
    } catch {
      // The status stands without details that nobody can read
    }
  }
  return error;
}

function cancelWith(signal: AbortSignal, call: { cancel(): void }): void {
  if (signal.aborted) {
    call.cancel();
  } else {
    signal.addEventListener("abort", () => call.cancel(), { once: true });
  }
}

function callUnary(client: GrpcJsClient, request: UnaryRequest) {
  const { method } = request;
  return new Promise((resolve, reject) => {
    let header = createHeaders();
    let message: unknown;
    const call = client.makeUnaryRequest(
      methodPath(method),
      serialize(method.input),
      deserialize(method.output),
      request.message,
      metadataFromHeaders(request.header),
      optionsOf(request.signal),
      (error: Status | null, value: unknown) => {
        if (error !== null) {
          reject(errorOf(error, header));
        }
        message = value;
      },
    );
    call.on("metadata", (metadata: MetadataLike) => {
      header = headersFromMetadata(metadata);
    });
    // After the callback: the trailers
    call.on("status", (status: Status) =>
      resolve({
        stream: false,
        service: method.parent,
        method,
        header,
        trailer: headersFromMetadata(status.metadata),
        message,
      }),
    );
    cancelWith(request.signal, call);
  });
}

function callStream(client: GrpcJsClient, request: StreamRequest) {
  const { method } = request;
  return new Promise((resolve, reject) => {
    const trailer = createHeaders();
    let header = createHeaders();
    let opened = false;
    const call = client.makeBidiStreamRequest(
      methodPath(method),
      serialize(method.input),
      deserialize(method.output),
      metadataFromHeaders(request.header),
      optionsOf(request.signal),
    );
    const queue = new MessageQueue<unknown>({ pause: () => call.pause(), resume: () => call.resume() });
    const open = () => {
      if (!opened) {
        opened = true;
        resolve({ stream: true, service: method.parent, method, header, trailer, message: queue });
      }
    };
    call.on("metadata", (metadata: MetadataLike) => {
      header = headersFromMetadata(metadata);
      open();
    });
    call.on("data", (message: unknown) => {
      open();
      queue.push(message);
    });
    call.on("error", (status: Status) => {
      const error = errorOf(status, header);
      if (opened) {
        queue.fail(error);
      } else {
        reject(error);
      }
    });
    call.on("status", (status: Status) => {
      for (const [name, value] of headerLines(headersFromMetadata(status.metadata))) {
        trailer.append(name, value);
      }
      if (status.code === 0) {
        open();
        // Behind messages that are not emitted yet
        call.once("end", () => queue.end());
      }
    });
    cancelWith(request.signal, call);
    void pump(request.message, call);
  });
}

// biome-ignore lint/suspicious/noExplicitAny: grpc-js's ClientDuplexStream
async function pump(messages: AsyncIterable<unknown>, call: any): Promise<void> {
  try {
    for await (const message of messages) {
      if (call.destroyed || call.writableEnded) {
        return;
      }
      if (!call.write(message)) {
        await new Promise<void>((resolve) => {
          call.once("drain", resolve);
          call.once("close", resolve);
        });
      }
    }
    call.end();
  } catch {
    call.cancel();
  }
}
