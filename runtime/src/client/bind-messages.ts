import { type DescMethod, fromBinary, toBinary } from "@bufbuild/protobuf";
import type { MessageCodecs } from "../message-codec.js";
import { methodPath } from "../serialization.js";
import type { Transport } from "../transport.js";
import { type MessagesTransport, withMessages } from "./protocol-transport.js";

/** A transport whose callers give and get the codecs' own messages. */
export function bindMessages(transport: Transport, messages: MessageCodecs): Transport {
  if (withMessages in transport) {
    return (transport as MessagesTransport)[withMessages](messages);
  }
  return convertingTransport(transport, messages);
}

/** For transports of other packages: bytes are the bridge between the two kinds of messages. */
function convertingTransport(transport: Transport, messages: MessageCodecs): Transport {
  const codecsOf = (method: DescMethod) => {
    const own = messages.method(methodPath(method));
    return {
      toNative: (value: unknown) => (own === undefined ? value : fromBinary(method.input, own.input.serialize(value))),
      fromNative: (value: unknown) =>
        own === undefined ? value : own.output.deserialize(toBinary(method.output, value as never)),
    };
  };
  return {
    async unary(method, signal, timeoutMs, header, input, contextValues) {
      const { toNative, fromNative } = codecsOf(method);
      const response = await transport.unary(
        method,
        signal,
        timeoutMs,
        header,
        toNative(input) as typeof input,
        contextValues,
      );
      return { ...response, message: fromNative(response.message) as typeof response.message };
    },
    async stream(method, signal, timeoutMs, header, input, contextValues) {
      const { toNative, fromNative } = codecsOf(method);
      const response = await transport.stream(
        method,
        signal,
        timeoutMs,
        header,
        mapped(input, toNative) as typeof input,
        contextValues,
      );
      // The trailer is filled later: keep the object
      return {
        stream: true,
        service: response.service,
        method: response.method,
        header: response.header,
        trailer: response.trailer,
        message: mapped(response.message, fromNative) as typeof response.message,
      };
    },
  };
}

async function* mapped(items: AsyncIterable<unknown>, map: (item: unknown) => unknown): AsyncIterable<unknown> {
  for await (const item of items) {
    yield map(item);
  }
}
