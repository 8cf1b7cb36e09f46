import type { Exchange } from "./exchange.js";
import { runUniversal, type UniversalHandlerFn } from "./universal-handler.js";

/** A fetch-style handler for exchanges. Trailers cannot be sent this way, so gRPC needs a Node server. */
export function createFetchHandler(run: (exchange: Exchange) => void): (request: Request) => Promise<Response> {
  return async (request) => {
    const response = await runUniversal(
      {
        httpVersion: "1.1",
        url: request.url,
        method: request.method,
        header: request.headers,
        body: chunksOf(request.body),
        signal: request.signal,
      },
      run,
    );
    const body = response.body === undefined || emptyStatus(response.status) ? null : streamOf(response.body);
    return new Response(
      body,
      response.header === undefined
        ? { status: response.status }
        : { status: response.status, headers: response.header },
    );
  };
}

/** A fetch-style handler for one universal handler. */
export function fetchHandlerFromUniversal(
  handler: UniversalHandlerFn,
  options?: { httpVersion?: string },
): (request: Request) => Promise<Response> {
  return async (request) => {
    const response = await handler({
      httpVersion: options?.httpVersion ?? "1.1",
      url: request.url,
      method: request.method,
      header: request.headers,
      body: chunksOf(request.body),
      signal: request.signal,
    });
    const body = response.body === undefined || emptyStatus(response.status) ? null : streamOf(response.body);
    return new Response(
      body,
      response.header === undefined
        ? { status: response.status }
        : { status: response.status, headers: response.header },
    );
  };
}

function emptyStatus(status: number): boolean {
  return status === 204 || status === 205 || status === 304;
}

async function* chunksOf(body: ReadableStream<Uint8Array> | null): AsyncGenerator<Uint8Array> {
  if (body === null) return;
  const reader = body.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } finally {
    reader.releaseLock();
  }
}

function streamOf(chunks: AsyncIterable<Uint8Array>): ReadableStream<Uint8Array> {
  const iterator = chunks[Symbol.asyncIterator]();
  return new ReadableStream({
    async pull(controller) {
      const { done, value } = await iterator.next();
      if (done === true) controller.close();
      else controller.enqueue(value);
    },
    async cancel(reason) {
      await iterator.return?.(reason);
    },
  });
}
