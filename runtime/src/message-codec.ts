/** Turns the messages of an application into bytes and back. The bytes are protobuf's binary format. */
export interface MessageCodec<T = unknown> {
  serialize(value: T): Uint8Array;
  deserialize(bytes: Uint8Array): T;
}

/**
 * Codecs of a service or a client, in place of protobuf-es: handlers and callers then see the codec's own messages.
 * JSON goes bytes -> protobuf-es -> JSON.
 */
export interface MessageCodecs {
  /** @param path `/pkg.Service/Method`. Undefined: the method's messages are protobuf-es messages. */
  method(path: string):
    | {
        input: MessageCodec;
        output: MessageCodec;
        /** Other keys of the implementation or client that name this method. */
        keys?: readonly string[];
      }
    | undefined;
}
