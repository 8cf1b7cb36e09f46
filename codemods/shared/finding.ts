import type { ReasonCode } from "./reasons.js";

/** What became of one grpc-js construct: see design.md §2. */
export type Outcome = "idiomatic" | "bridged" | "manual" | "failed";

/** One construct that was found, with its outcome. `start` and `end` are UTF-16 offsets into the original text. */
export interface Finding {
  readonly rule: string;
  readonly outcome: Outcome;
  /** The construct as people know it, e.g. `callback(err)`. */
  readonly construct: string;
  /** Why it is not idiomatic; null for an idiomatic rewrite. */
  readonly reason: { readonly code: ReasonCode; readonly text: string } | null;
  readonly file: string;
  readonly start: number;
  readonly end: number;
  /** `pkg.Service/Method`, where the construct belongs to one RPC. */
  readonly rpc: string | null;
}
