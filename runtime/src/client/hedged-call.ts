import { Code } from "../code.js";
import { ConnectError } from "../connect-error.js";
import type { StreamResponse, UnaryResponse } from "../interceptor.js";
import type { FormatCodec } from "../serialization.js";
import type { Scope } from "./call-scope.js";
import type { OutgoingHeaders } from "./http-client.js";
import { OneMessage } from "./one-message.js";
import { createReplay } from "./replay.js";
import { type Hedging, pushbackOf } from "./service-config.js";
import { runStream } from "./stream-call.js";
import type { MethodPlan, TransportCore } from "./transport-core.js";
import { runUnary } from "./unary-call.js";

/** A unary call with a hedging policy: several attempts side by side, the first answer counts. Rejects with a ConnectError. */
export function runHedgedUnary(
  core: TransportCore,
  plan: MethodPlan,
  hedging: Hedging,
  scope: Scope,
  extra: OutgoingHeaders | undefined,
  message: unknown,
): Promise<UnaryResponse> {
  let bytes: Uint8Array;
  try {
    bytes = plan.input.serialize(message);
  } catch (e) {
    scope.finish();
    return Promise.reject(ConnectError.from(e, Code.Internal));
  }
  const attemptPlan = planOfAttempts(plan);
  return hedge(scope, hedging, extra, (attempt, headers) => runUnary(core, attemptPlan, attempt, headers, bytes));
}

/** A streaming call with a hedging policy: the first response that begins counts, and every attempt has all requests. */
export function runHedgedStream(
  core: TransportCore,
  plan: MethodPlan,
  hedging: Hedging,
  scope: Scope,
  extra: OutgoingHeaders | undefined,
  input: AsyncIterable<unknown>,
): Promise<StreamResponse> {
  const attemptPlan = planOfAttempts(plan);
  if (input instanceof OneMessage) {
    let bytes: Uint8Array;
    try {
      bytes = plan.input.serialize(input.value);
    } catch (e) {
      scope.finish();
      return Promise.reject(ConnectError.from(e, Code.Internal));
    }
    return hedge(scope, hedging, extra, (attempt, headers) =>
      runStream(core, attemptPlan, attempt, headers, new OneMessage(bytes)),
    );
  }
  const replay = createReplay(input, (message) => plan.input.serialize(message));
  return hedge(scope, hedging, extra, (attempt, headers, commit) => {
    const reader = replay.read(commit);
    attempt.onCommit = () => replay.keepOnly(reader);
    return runStream(core, attemptPlan, attempt, headers, reader);
  });
}

/** What attempts send is serialised already, and they are not repeated on their own account. */
function planOfAttempts(plan: MethodPlan): MethodPlan {
  const { serializeAfter: _, ...codec } = plan.input;
  const input: FormatCodec = { ...codec, serialize: (bytes) => bytes as Uint8Array };
  return { ...plan, input, policy: { ...plan.policy, hedging: undefined, startRetries: undefined } };
}

/**
 * gRPC A6, "Hedging Policy": an attempt at once and another after each delay, until one is answered. An answer with a
 * non-fatal code brings the next attempt forward; any other answer is the call's, and the other attempts are cancelled.
 */
function hedge<Response>(
  scope: Scope,
  hedging: Hedging,
  extra: OutgoingHeaders | undefined,
  start: (attempt: HedgeAttempt, headers: OutgoingHeaders | undefined, commit: () => void) => Promise<Response>,
): Promise<Response> {
  return new Promise((resolve, reject) => {
    const running = new Set<HedgeAttempt>();
    let started = 0;
    let timer: ReturnType<typeof setTimeout> | undefined;
    let stopped = false;
    let settled = false;

    const stop = (): void => {
      stopped = true;
      clearTimeout(timer);
    };
    const fail = (error: ConnectError): void => {
      if (settled) return;
      settled = true;
      stop();
      scope.finish();
      reject(error);
    };
    /** This attempt is the call from now on. */
    const commit = (attempt: HedgeAttempt): void => {
      stop();
      running.delete(attempt);
      for (const other of running) other.end(superseded());
      running.clear();
      running.add(attempt);
      attempt.onCommit?.();
    };
    const failed = (attempt: HedgeAttempt, error: ConnectError): void => {
      running.delete(attempt);
      if (settled || attempt.ended !== undefined) return;
      const pushback = pushbackOf(error);
      const nonFatal = hedging.nonFatal.has(error.code);
      if (nonFatal || pushback === "never") hedging.throttle.failed();
      if (!nonFatal) {
        commit(attempt);
        fail(error);
        return;
      }
      const isLast = stopped || started >= hedging.attempts || hedging.throttle.isThrottled();
      if (pushback !== "never" && !isLast) {
        later(pushback ?? 0);
        return;
      }
      stop();
      if (running.size === 0) fail(error);
    };
    const later = (ms: number): void => {
      clearTimeout(timer);
      if (ms === 0) next();
      else timer = setTimeout(next, ms);
    };
    const next = (): void => {
      // While the budget is used up, the attempts under way are all there will be
      if (stopped || (started > 0 && hedging.throttle.isThrottled())) return;
      const attempt = createHedgeAttempt(scope);
      running.add(attempt);
      const headers = started === 0 ? extra : { ...extra, "grpc-previous-rpc-attempts": String(started) };
      started++;
      start(attempt, headers, () => commit(attempt)).then(
        (response) => {
          if (settled || !running.has(attempt)) return;
          settled = true;
          hedging.throttle.succeeded();
          commit(attempt);
          resolve(response);
          attempt.committed = true;
          if (attempt.finished) scope.finish();
        },
        (error: ConnectError) => failed(attempt, error),
      );
      if (started < hedging.attempts && !stopped) later(hedging.delayMs);
    };

    scope.watch((error) => {
      stop();
      for (const attempt of running) attempt.end(error);
      if (!settled) {
        settled = true;
        reject(error);
      }
    });
    if (!settled) next();
  });
}

const superseded = () => new ConnectError("another attempt of the call was answered", Code.Canceled);

/** The limits of one attempt: those of the call, and a way to end it alone. */
interface HedgeAttempt extends Scope {
  finished: boolean;
  committed: boolean;
  onCommit: (() => void) | undefined;
  end(error: ConnectError): void;
}

function createHedgeAttempt(scope: Scope): HedgeAttempt {
  let listener: ((error: ConnectError) => void) | undefined;
  let ended: ConnectError | undefined;
  const attempt: HedgeAttempt = {
    finished: false,
    committed: false,
    onCommit: undefined,
    get ended() {
      return ended;
    },
    remainingMs: () => scope.remainingMs(),
    isExpired: () => scope.isExpired(),
    watch(onEnd) {
      listener = onEnd;
      if (ended !== undefined) onEnd(ended);
    },
    finish() {
      listener = undefined;
      attempt.finished = true;
      if (attempt.committed) scope.finish();
    },
    end(error) {
      if (ended !== undefined || attempt.finished) return;
      ended = error;
      listener?.(error);
    },
  };
  return attempt;
}
