import type { Rule } from "../shared/rule.js";
import { rule as googleProtobufNative } from "./google-protobuf-native.js";
import { rule as otherCodec } from "./other-codec.js";
import { rule as protoLoaderNative } from "./proto-loader-native.js";
import { rule as protobufTsNative } from "./protobuf-ts-native.js";
import { rule as protobufjsNative } from "./protobufjs-native.js";
import { rule as protocGenTsNative } from "./protoc-gen-ts-native.js";
import { rule as tsProtoNative } from "./ts-proto-native.js";

export { collectMessageFacts } from "./collect-message-facts.js";
export { isMessageOutcome, keyOfOutcome } from "./message-facts.js";
export { staleNotes } from "./stale-protos.js";

/** The rules that turn a bridged service or client (`{ messages: grpcJsMessages(…) }`) into one on protobuf-es messages. */
export const messageRules: readonly Rule[] = [
  protoLoaderNative,
  googleProtobufNative,
  tsProtoNative,
  protobufTsNative,
  protocGenTsNative,
  protobufjsNative,
  otherCodec,
];
