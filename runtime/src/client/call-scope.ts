import { Code } from "../code.js";
import { ConnectError } from "../connect-error.js";
import { deadlineError } from "../implementation.js";

/** setTimeout fires at once for larger values. */
const maxTimer = 0x7fffffff;

/** What one attempt of a call needs to know of its limits. */
export interface Scope {
  /** Milliseconds to send to the server; at least 1. Undefined without a deadline, or with one that only this side enforces. */
  remainingMs(): number | undefined;
  /** Call `listener` when the call has to end; at once if that has happened. */
  watch(listener: (error: ConnectError) => void): void;
  /** True if the deadline is over, even if the timer did not fire yet: a peer's own timer may be a tick earlier. */
  isExpired(): boolean;
  /** The attempt is over: release timers and listeners. */
  finish(): void;
  /** Why this side ended the call early: cancelled, or the deadline. */
  readonly ended: ConnectError | undefined;
}

/**
 * Deadline and cancellation of one call, including its retries. No AbortController is made unless somebody asks for a
 * signal, and nothing is aborted when the call succeeds.
 */
export class CallScope implements Scope {
  /** Milliseconds of `Date.now()`; undefined without a deadline. */
  readonly deadline: number | undefined;
  /** Why the call ended early. */
  ended: ConnectError | undefined;
  #onEnd: ((error: ConnectError) => void) | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #controller: AbortController | undefined;
  readonly #signal: AbortSignal | undefined;
  readonly #onAbort: (() => void) | undefined;

  constructor(signal: AbortSignal | undefined, timeoutMs: number | undefined) {
    this.#signal = signal;
    if (signal !== undefined) {
      if (signal.aborted) {
        this.ended = abortError(signal.reason);
        return;
      }
      this.#onAbort = () => this.#end(abortError(signal.reason));
      signal.addEventListener("abort", this.#onAbort);
    }
    // 0, negative values, NaN and Infinity all mean: no deadline
    if (timeoutMs !== undefined && timeoutMs > 0 && timeoutMs !== Number.POSITIVE_INFINITY) {
      this.deadline = Date.now() + timeoutMs;
      if (timeoutMs < 1) {
        // Over before the call is sent
        this.ended = deadlineError();
      } else {
        this.#arm(timeoutMs);
      }
    }
  }

  remainingMs(): number | undefined {
    if (this.deadline === undefined) {
      return undefined;
    }
    const left = this.deadline - Date.now();
    // grpc-js servers read more than 2^31-1 ms as a deadline in the past
    return left > maxTimer ? undefined : Math.max(1, left);
  }

  /** One listener at a time; the last one wins. */
  watch(listener: (error: ConnectError) => void): void {
    this.#onEnd = listener;
    if (this.ended !== undefined) {
      listener(this.ended);
    }
  }

  /** For interceptors: aborts when the caller cancels or the deadline passes. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.ended !== undefined) {
        this.#controller.abort(this.ended);
      }
    }
    return this.#controller.signal;
  }

  isExpired(): boolean {
    return this.deadline !== undefined && Date.now() >= this.deadline - 1;
  }

  finish(): void {
    this.#onEnd = undefined;
    if (this.#timer !== undefined) {
      clearTimeout(this.#timer);
      this.#timer = undefined;
    }
    if (this.#onAbort !== undefined) {
      this.#signal?.removeEventListener("abort", this.#onAbort);
    }
  }

  /**
   * For interceptors, which may run a call several times: a scope that ends with this one, whose end does not end this
   * one (until it is `opened`: then its stream is the call).
   */
  attempt(signal: AbortSignal | undefined): Attempt {
    let onAbort: (() => void) | undefined;
    const endedHere = () => this.ended;
    const attempt: Attempt = {
      get ended() {
        return endedHere() ?? (signal?.aborted ? abortError(signal.reason) : undefined);
      },
      opened: false,
      finished: false,
      remainingMs: () => this.remainingMs(),
      isExpired: () => this.isExpired(),
      watch: (listener) => {
        if (signal?.aborted) {
          listener(abortError(signal.reason));
          return;
        }
        if (signal !== undefined) {
          onAbort = () => listener(abortError(signal.reason));
          signal.addEventListener("abort", onAbort);
        }
        this.watch(listener);
      },
      finish: () => {
        attempt.finished = true;
        this.#onEnd = undefined;
        if (onAbort !== undefined) {
          signal?.removeEventListener("abort", onAbort);
        }
        if (attempt.opened) {
          this.finish();
        }
      },
    };
    return attempt;
  }

  #arm(ms: number): void {
    this.#timer = setTimeout(
      () => {
        const left = (this.deadline ?? 0) - Date.now();
        if (left > 0) {
          this.#arm(left);
        } else {
          this.#end(deadlineError());
        }
      },
      Math.min(Math.ceil(ms), maxTimer),
    );
  }

  #end(error: ConnectError): void {
    if (this.ended !== undefined) {
      return;
    }
    this.ended = error;
    const listener = this.#onEnd;
    this.finish();
    listener?.(error);
    this.#controller?.abort(error);
  }
}

/** Every abort by the caller is `canceled`, whatever the reason; a ConnectError as reason is the caller's own choice. */
export function abortError(reason: unknown): ConnectError {
  return ConnectError.from(reason ?? new DOMException("This operation was aborted", "AbortError"), Code.Canceled);
}

export interface Attempt extends Scope {
  /** The response of a stream has begun. */
  opened: boolean;
  finished: boolean;
}
