import { EventEmitter } from "node:events";
import { Duplex, Readable, Writable } from "node:stream";
import type { DescMethod } from "@bufbuild/protobuf";
import { Code } from "../code.js";
import { grpcStatusName } from "./errors.js";
import type { InterceptingCall, ReceivedStatus } from "./intercepting-call.js";
import type { MetadataLike } from "./types.js";

/** What a caller gives for a call, beside its request. */
export interface CallerPart {
  readonly request: unknown;
  readonly metadata: MetadataLike;
  readonly callback: (error: unknown, value?: unknown) => void;
}

/** The call object of grpc-js's client for a call that interceptors have made. */
export function interceptedCall(method: DescMethod, call: InterceptingCall, caller: CallerPart): object {
  const { callback, metadata, request } = caller;
  const members = {
    cancel: () => call.cancelWithStatus(Code.Canceled, "Cancelled on client"),
    getPeer: () => call.getPeer(),
    getAuthContext: () => call.getAuthContext(),
  };
  switch (method.methodKind) {
    case "unary": {
      const emitter = Object.assign(new EventEmitter(), members);
      call.start(metadata, answerTo(emitter, call, callback));
      call.sendMessage(request);
      call.halfClose();
      return emitter;
    }
    case "client_streaming": {
      const stream = Object.assign(new Writable({ objectMode: true, ...writesTo(call) }), members);
      call.start(metadata, answerTo(stream, call, callback));
      return stream;
    }
    case "server_streaming": {
      const stream = Object.assign(new Readable({ objectMode: true, read: () => call.startRead() }), members);
      call.start(metadata, answersTo(stream));
      call.sendMessage(request);
      call.halfClose();
      return stream;
    }
    default: {
      const duplex = new Duplex({ objectMode: true, read: () => call.startRead(), ...writesTo(call) });
      const stream = Object.assign(duplex, members);
      call.start(metadata, answersTo(stream));
      return stream;
    }
  }
}

function writesTo(call: InterceptingCall) {
  return {
    write(message: unknown, _encoding: unknown, callback: (error?: Error | null) => void): void {
      call.sendMessageWithContext({ callback }, message);
    },
    final(done: (error?: Error | null) => void): void {
      call.halfClose();
      done();
    },
  };
}

function answerTo(emitter: EventEmitter, call: InterceptingCall, callback: CallerPart["callback"]) {
  let answer: unknown = null;
  let isOver = false;
  return {
    onReceiveMetadata: (metadata: MetadataLike) => void emitter.emit("metadata", metadata),
    onReceiveMessage(message: unknown) {
      if (answer !== null) call.cancelWithStatus(Code.Unimplemented, "Too many responses received");
      answer = message;
    },
    onReceiveStatus(status: ReceivedStatus) {
      if (isOver) return;
      isOver = true;
      const { code, metadata } = status;
      if (code !== 0) callback(errorOf(status));
      else if (answer === null)
        callback(errorOf({ code: Code.Unimplemented, details: "No message received", metadata }));
      else callback(null, answer);
      emitter.emit("status", status);
    },
  };
}

function answersTo(stream: Readable) {
  let isOver = false;
  return {
    onReceiveMetadata: (metadata: MetadataLike) => void stream.emit("metadata", metadata),
    onReceiveMessage: (message: unknown) => void stream.push(message),
    onReceiveStatus(status: ReceivedStatus) {
      if (isOver) return;
      isOver = true;
      stream.push(null);
      if (status.code !== 0) stream.emit("error", errorOf(status));
      stream.emit("status", status);
    },
  };
}

/** The ServiceError of a status, with all that an interceptor has put into it. */
function errorOf(status: ReceivedStatus): Error {
  const { code, details } = status;
  return Object.assign(new Error(`${code} ${grpcStatusName(code)}: ${details}`), status);
}
