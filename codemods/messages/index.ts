import type { Rule } from "../shared/rule.js";

/** The rules that turn a bridged service or client (`{ messages: grpcJsMessages(…) }`) into one on protobuf-es messages. */
export const messageRules: readonly Rule[] = [];
