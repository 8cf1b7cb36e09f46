import type { DescMethod } from "@bufbuild/protobuf";
import { headerOf } from "../client/error-parts.js";
import { OneMessage } from "../client/one-message.js";
import { Code } from "../code.js";
import { ConnectError } from "../connect-error.js";
import type { AnyFn, StreamRequest, StreamResponse, UnaryRequest, UnaryResponse } from "../interceptor.js";
import { isWritten, onWrite } from "../on-write.js";
import { type CallStatus, callStatus } from "./errors.js";

/** What an interceptor of grpc-js does with what passes it. */
export interface CallHooks {
  /** A message that is sent; what it returns is sent instead. */
  // biome-ignore lint/suspicious/noExplicitAny: the message of any method
  readonly sent?: (message: any) => unknown;
  /** The headers of the response, before its first message. A call that fails may have shown some, or none. */
  readonly header?: (headers: Headers) => void;
  /** A message that has come, or null for a call with one answer that has failed; what it returns is received instead. */
  // biome-ignore lint/suspicious/noExplicitAny: the message of any method
  readonly received?: (message: any) => unknown;
  /** How the call has ended, behind its last message. */
  readonly ended?: (status: CallStatus) => void;
}

/**
 * For interceptors of clients that look at messages or the status: `next(req)` with functions that see what passes, in the order
 * in which grpc-js calls an interceptor's. What is sent is seen when it is written.
 */
export async function watchCall(
  next: AnyFn,
  req: UnaryRequest | StreamRequest,
  hooks: CallHooks,
): Promise<UnaryResponse | StreamResponse> {
  const { sent, header, received, ended } = hooks;
  const hasOneAnswer = isAnsweredOnce(req.method);
  const fail = (error: unknown, hasAnswer: boolean) => {
    if (hasOneAnswer && !hasAnswer) received?.(null);
    ended?.(callStatus(error));
  };
  const request = sent === undefined ? req : ({ ...req, message: messagesThrough(req, sent) } as typeof req);
  let res: UnaryResponse | StreamResponse;
  try {
    res = await next(request);
  } catch (error) {
    const shown = header && headerOf(error);
    if (shown !== undefined) header?.(shown);
    fail(error, false);
    throw error;
  }
  header?.(res.header);
  if (!res.stream) {
    const message = received === undefined ? res.message : received(res.message);
    ended?.(callStatus(res.trailer));
    return received === undefined ? res : ({ ...res, message } as UnaryResponse);
  }
  return { ...res, message: answersThrough(res, hooks, fail) } as StreamResponse;
}

function isAnsweredOnce({ methodKind }: DescMethod): boolean {
  return methodKind === "unary" || methodKind === "client_streaming";
}

function messagesThrough(req: UnaryRequest | StreamRequest, sent: (message: unknown) => unknown): unknown {
  if (!req.stream) return sent(req.message);
  const messages: AsyncIterable<unknown> = req.message;
  if (messages instanceof OneMessage) return new OneMessage(sent(messages.value));
  if (!isWritten(messages)) return mapped(messages, sent);
  messages[onWrite](sent);
  return messages;
}

async function* mapped(messages: AsyncIterable<unknown>, map: (message: unknown) => unknown): AsyncIterable<unknown> {
  for await (const message of messages) yield map(message);
}

async function* answersThrough(
  res: StreamResponse,
  { received, ended }: CallHooks,
  fail: (error: unknown, hasAnswer: boolean) => void,
): AsyncIterable<unknown> {
  const messages = res.message[Symbol.asyncIterator]();
  let count = 0;
  let isOver = false;
  try {
    for (; ; count++) {
      const result = await messages.next().catch((error) => {
        isOver = true;
        fail(error, count > 0);
        throw error;
      });
      if (result.done === true) break;
      yield received === undefined ? result.value : received(result.value);
    }
    isOver = true;
    ended?.(callStatus(res.trailer));
  } finally {
    // Who stops reading cancels the call.
    if (!isOver) {
      await messages.return?.();
      fail(new ConnectError("Cancelled on client", Code.Canceled), count > 0);
    }
  }
}
