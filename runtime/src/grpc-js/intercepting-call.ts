import type { EventEmitter } from "node:events";
import type { Duplex } from "node:stream";
import type { DescMethod } from "@bufbuild/protobuf";
import { createMetadata } from "./metadata.js";
import type { MetadataLike } from "./types.js";

/** The status that an interceptor's listener gets. */
export interface ReceivedStatus {
  code: number;
  details: string;
  metadata: MetadataLike;
}

export interface InterceptingListener {
  onReceiveMetadata(metadata: MetadataLike): void;
  onReceiveMessage(message: unknown): void;
  onReceiveStatus(status: ReceivedStatus): void;
}

interface MessageContext {
  callback?: (error?: Error | null) => void;
}

/** grpc-js's InterceptingCallInterface: what `nextCall(options)` gives an interceptor. */
export interface InterceptingCall {
  start(metadata: MetadataLike, listener?: Partial<InterceptingListener>): void;
  sendMessageWithContext(context: MessageContext, message: unknown): void;
  sendMessage(message: unknown): void;
  startRead(): void;
  halfClose(): void;
  cancelWithStatus(status: number, details: string): void;
  getPeer(): string;
  getAuthContext(): unknown;
}

/** A call object of the client. */
export type MadeCall = EventEmitter & { cancel(): void; getPeer(): string };

/** Makes a call of a client that has no interceptors. */
export type MakeCall<Options> = (
  request: unknown,
  rest: {
    metadata: MetadataLike;
    options: Options;
    callback: (error: unknown, value?: unknown) => void;
  },
) => MadeCall;

/** The innermost call of a chain of interceptors, which is one of the client's own. */
export function innermostCall<Options>(
  method: DescMethod,
  make: MakeCall<Options>,
  options: Options,
): InterceptingCall {
  const { methodKind } = method;
  const hasOneRequest = methodKind === "unary" || methodKind === "server_streaming";
  const hasOneAnswer = methodKind === "unary" || methodKind === "client_streaming";
  let metadata: MetadataLike = createMetadata();
  let listener: Partial<InterceptingListener> = {};
  let request: unknown;
  let call: MadeCall | undefined;
  let isOver = false;
  let hasAnswer = false;
  let wanted = false;

  function finish(status: ReceivedStatus): void {
    if (isOver) return;
    isOver = true;
    if (hasOneAnswer && !hasAnswer) listener.onReceiveMessage?.(null);
    listener.onReceiveStatus?.(status);
  }
  function receive(message: unknown): void {
    if (isOver) return;
    hasAnswer = true;
    listener.onReceiveMessage?.(message);
  }
  function begin(): void {
    call = make(request, {
      metadata,
      options,
      // An error has a status behind it
      callback: (error, value) => {
        if (error === null) receive(value);
      },
    });
    call.on("metadata", (received: MetadataLike) => {
      if (!isOver) listener.onReceiveMetadata?.(received);
    });
    call.on("error", () => {});
    if (hasOneAnswer) call.on("status", finish);
    else finishBehindMessages(call as MadeCall & Duplex);
  }
  function finishBehindMessages(stream: MadeCall & Duplex): void {
    let status: ReceivedStatus | undefined;
    let isRead = false;
    const end = () => {
      if (isRead && status !== undefined) finish(status);
    };
    stream.on("readable", read);
    stream.on("status", (received: ReceivedStatus) => {
      status = received;
      end();
    });
    stream.on("end", () => {
      isRead = true;
      end();
    });
  }
  function read(): void {
    const stream = call as (MadeCall & Duplex) | undefined;
    // Without messages it is asked for its end
    if (stream === undefined || (!wanted && stream.readableLength > 0)) return;
    const message = stream.read();
    if (message === null) return;
    wanted = false;
    receive(message);
  }

  const self: InterceptingCall = {
    start(given, to) {
      metadata = given;
      listener = to ?? {};
      if (!hasOneRequest) begin();
    },
    sendMessageWithContext({ callback }, message) {
      if (hasOneRequest) {
        request = message;
        if (callback) process.nextTick(callback);
      } else (call as MadeCall & Duplex).write(message, callback);
    },
    sendMessage: (message) => self.sendMessageWithContext({}, message),
    startRead() {
      wanted = true;
      if (!hasOneAnswer) read();
    },
    halfClose() {
      if (isOver) return;
      if (hasOneRequest) begin();
      else (call as MadeCall & Duplex).end();
    },
    cancelWithStatus(code, details) {
      call?.cancel();
      process.nextTick(finish, { code, details, metadata: createMetadata() });
    },
    getPeer: () => call?.getPeer() ?? "unknown",
    getAuthContext: () => null,
  };
  return self;
}
