import type { FactBase } from "../analysis/facts.js";
import type { ReasonCode } from "../shared/reasons.js";

/** The rewrites of message code, one per code generator. */
export type MessageRuleId =
  | "messages/proto-loader-native"
  | "messages/google-protobuf-native"
  | "messages/ts-proto-native"
  | "messages/protobuf-ts-native"
  | "messages/protoc-gen-ts-native"
  | "messages/protobufjs-native"
  | "messages/other-codec";

/** A name that has to be imported. */
export interface ImportedName {
  readonly module: string;
  readonly name: string;
  readonly typeOnly?: boolean;
}

/** A piece of new text: words, or a name. */
export type TextPart = string | ImportedName;

/**
 * One proved change of message code: `start..end` becomes `parts`. With `start === end` it is an insertion that belongs to
 * what stands `before` the position or `after` it.
 */
export interface MessageEditFact extends FactBase {
  readonly kind: "message-edit";
  readonly rule: MessageRuleId;
  readonly parts: readonly TextPart[];
  readonly belongsTo: "before" | "after";
  /** For an insertion: the length of what it stands around. At one position the longer one is the outer one. */
  readonly embraces: number;
  /** A module of old generated code, some of whose names are replaced in the file. */
  readonly replaces?: string;
}

/** What became of the messages of one service registration or client. `start..end` is the `messages` option. */
export interface MessageOutcomeFact extends FactBase {
  readonly kind: "message-outcome";
  readonly rule: MessageRuleId;
  readonly service: string;
  readonly of: "service" | "client";
  /** Every file that has to change along: all of them, or none. */
  readonly files: readonly string[];
  /** Empty when every use is proved; otherwise what is not, the first place first. */
  readonly blockers: readonly MessageBlocker[];
}

export interface MessageBlocker {
  readonly code: ReasonCode;
  /** With file and line: it may be another file's. */
  readonly detail: string;
}

/** Names one service or client of a run. */
export function keyOfOutcome({ of, service }: { readonly of: "service" | "client"; readonly service: string }): string {
  return `${of} ${service}`;
}

export function isMessageEdit(fact: FactBase): fact is MessageEditFact {
  return fact.kind === "message-edit";
}

export function isMessageOutcome(fact: FactBase): fact is MessageOutcomeFact {
  return fact.kind === "message-outcome";
}
