import { type Attributes, type Histogram, type Span, SpanStatusCode } from "@opentelemetry/api";
import type { ConnectError } from "../connect-error.js";
import { isErrorFor, type Side, type System, statusText } from "./attributes.js";

/** The span and the measurement of one call. It ends once; what comes later is ignored. */
export interface CallRecord {
  readonly span: Span | undefined;
  /** @param error none for a call that succeeded */
  end(error: ConnectError | undefined, attributes?: Attributes): void;
}

export function createCallRecord(init: {
  readonly side: Side;
  readonly system: System;
  readonly attributes: Attributes;
  readonly span: Span | undefined;
  readonly duration: Histogram | undefined;
}): CallRecord {
  const { side, system, span, duration } = init;
  const started = performance.now();
  let ended = false;
  return {
    span,
    end(error, attributes) {
      if (ended) return;
      ended = true;
      const status = statusText(system, error?.code);
      const outcome: Attributes = { "rpc.response.status_code": status };
      const failed = error !== undefined && isErrorFor(side, error.code);
      if (failed) outcome["error.type"] = status;
      duration?.record((performance.now() - started) / 1000, { ...init.attributes, ...outcome });
      if (span === undefined) return;
      span.setAttributes({ ...outcome, ...attributes });
      if (failed) {
        // What a handler threw is hidden from callers, not from those who run the server
        span.recordException(side === "server" && error.cause instanceof Error ? error.cause : error);
        span.setStatus({ code: SpanStatusCode.ERROR, message: error.rawMessage });
      }
      span.end();
    },
  };
}
