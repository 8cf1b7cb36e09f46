import { type Code, codeFromName } from "../code.js";
import type { ConnectError } from "../connect-error.js";

/**
 * A gRPC service config (https://github.com/grpc/grpc/blob/master/doc/service_config.md), as grpc-js takes it in
 * `grpc.service_config`. What is not listed here is ignored.
 */
export interface ServiceConfig {
  /** The first entry that names a method counts, the most specific name first. */
  methodConfig?: MethodConfig[];
  /** The first policy that is known counts: `[{ round_robin: {} }]` or `[{ pick_first: {} }]`. */
  loadBalancingConfig?: Array<{ [policy: string]: object }>;
  /** The budget of retries and hedges (gRPC A6): none while half of the tokens are used up. */
  retryThrottling?: { maxTokens: number; tokenRatio: number };
}

/** What the calls of some methods do. */
export interface MethodConfig {
  /** Which methods; `{}` means all, `{ service }` all of a service. The most specific one counts. */
  name: Array<{ service?: string; method?: string }>;
  /** Wait for a connection until the deadline in place of failing. */
  waitForReady?: boolean;
  /** For instance `"1.5s"`. The shorter of this and the call's own timeout counts. */
  timeout?: string | { seconds: number; nanos?: number };
  /** Attempts after failures. */
  retryPolicy?: RetryPolicy;
  /** In place of a retry policy; a method cannot have both. */
  hedgingPolicy?: HedgingPolicy;
}

/** gRPC A6: further attempts of a call while the first is under way. Only for methods that may run several times. */
export interface HedgingPolicy {
  /** With the first one; at most 5 count. */
  maxAttempts: number;
  /** Time between attempts, for instance `"0.05s"`. Default: all at once. */
  hedgingDelay?: string;
  /** Names or numbers of codes after which the other attempts go on, and the next comes at once. Any other ends the call. */
  nonFatalStatusCodes?: Array<string | number>;
}

/** gRPC A6. */
export interface RetryPolicy {
  /** With the first one; at most 5 count. */
  maxAttempts: number;
  /** For instance `"0.1s"`. */
  initialBackoff: string;
  /** For instance `"1s"`. */
  maxBackoff: string;
  /** The pause grows by this factor with each attempt; what is waited is random, up to it. */
  backoffMultiplier: number;
  /** Names (`"UNAVAILABLE"`) or numbers. */
  retryableStatusCodes: Array<string | number>;
}

/** What one method's calls do, with all texts parsed. */
export interface CallPolicy {
  readonly timeoutMs: number | undefined;
  readonly waitForReady: boolean | undefined;
  /** Retries of one call; undefined without a retry policy. */
  readonly startRetries: (() => Retries) | undefined;
  readonly hedging: Hedging | undefined;
}

export interface Hedging {
  readonly attempts: number;
  readonly delayMs: number;
  readonly nonFatal: ReadonlySet<Code>;
  readonly throttle: Throttle;
}

export interface Retries {
  /** Milliseconds until the next attempt, or undefined: the error stands. */
  delayAfter(error: ConnectError): number | undefined;
  succeeded(): void;
}

const noPolicy: CallPolicy = {
  timeoutMs: undefined,
  waitForReady: undefined,
  startRetries: undefined,
  hedging: undefined,
};

/**
 * @returns the policy of a method, by its path `/pkg.Service/Method`
 * @throws Error if a duration, a code or a number is none
 */
export function createCallPolicies(config: ServiceConfig | string | undefined): (path: string) => CallPolicy {
  if (config === undefined) {
    return () => noPolicy;
  }
  const parsed: ServiceConfig = typeof config === "string" ? JSON.parse(config) : config;
  const throttle = createThrottle(parsed.retryThrottling);
  const byName = new Map<string, CallPolicy>();
  for (const method of parsed.methodConfig ?? []) {
    const policy = policyOf(method, throttle);
    for (const { service = "", method: name = "" } of method.name) {
      const key = service === "" ? "" : `/${service}/${name}`;
      if (!byName.has(key)) {
        byName.set(key, policy);
      }
    }
  }
  return (path) =>
    byName.get(path) ?? byName.get(path.slice(0, path.lastIndexOf("/") + 1)) ?? byName.get("") ?? noPolicy;
}

/** The first known policy of a service config; undefined if it names none. */
export function loadBalancingOf(config: ServiceConfig | string | undefined): "pick_first" | "round_robin" | undefined {
  const parsed: ServiceConfig | undefined = typeof config === "string" ? JSON.parse(config) : config;
  for (const entry of parsed?.loadBalancingConfig ?? []) {
    if ("round_robin" in entry) return "round_robin";
    if ("pick_first" in entry) return "pick_first";
  }
  return undefined;
}

function policyOf(config: MethodConfig, throttle: Throttle): CallPolicy {
  if (config.retryPolicy !== undefined && config.hedgingPolicy !== undefined) {
    throw new Error("Service config: a method has a retryPolicy and a hedgingPolicy; expected one of them.");
  }
  return {
    timeoutMs: config.timeout === undefined ? undefined : durationMs(config.timeout),
    waitForReady: config.waitForReady,
    startRetries: config.retryPolicy === undefined ? undefined : createRetries(config.retryPolicy, throttle),
    hedging: config.hedgingPolicy === undefined ? undefined : createHedging(config.hedgingPolicy, throttle),
  };
}

function durationMs(duration: string | { seconds: number; nanos?: number }): number {
  if (typeof duration === "object") {
    return duration.seconds * 1000 + (duration.nanos ?? 0) / 1e6;
  }
  const match = /^(\d+(?:\.\d{1,9})?)s$/.exec(duration);
  if (match === null) {
    throw new Error(`Service config: "${duration}" is no duration; expected seconds such as "0.5s".`);
  }
  return Number(match[1]) * 1000;
}

function codeOf(code: string | number): Code {
  const found = typeof code === "number" ? code : codeFromName(code.toLowerCase().replace("cancelled", "canceled"));
  if (found === undefined || !(found >= 1 && found <= 16)) {
    throw new Error(
      `Service config: "${code}" is no status code; expected a name such as "UNAVAILABLE" or its number.`,
    );
  }
  return found as Code;
}

const maxAttempts = 5;

function attemptsOf(policy: { readonly maxAttempts: number }): number {
  const attempts = Math.min(policy.maxAttempts, maxAttempts);
  if (!(Number.isInteger(policy.maxAttempts) && attempts >= 2)) {
    throw new Error(`Service config: maxAttempts is ${policy.maxAttempts}; expected an integer of at least 2.`);
  }
  return attempts;
}

function createHedging(policy: HedgingPolicy, throttle: Throttle): Hedging {
  return {
    attempts: attemptsOf(policy),
    delayMs: policy.hedgingDelay === undefined ? 0 : durationMs(policy.hedgingDelay),
    nonFatal: new Set((policy.nonFatalStatusCodes ?? []).map(codeOf)),
    throttle,
  };
}

/** gRPC A6, "Pushback": milliseconds that the server wants between attempts, if it says so; what is no number means never. */
export function pushbackOf(error: ConnectError): number | "never" | undefined {
  const text = error.metadata.get("grpc-retry-pushback-ms");
  if (text === null) return undefined;
  return /^\d+$/.test(text) ? Number(text) : "never";
}

function createRetries(policy: RetryPolicy, throttle: Throttle): () => Retries {
  const attempts = attemptsOf(policy);
  const initial = durationMs(policy.initialBackoff);
  const max = durationMs(policy.maxBackoff);
  const codes = new Set(policy.retryableStatusCodes.map(codeOf));
  return () => {
    let made = 1;
    let backoff = Math.min(initial, max);
    return {
      delayAfter(error) {
        const pushback = pushbackOf(error);
        const retryable = codes.has(error.code);
        if (retryable || pushback === "never") {
          throttle.failed();
        }
        if (!retryable || pushback === "never" || made >= attempts || throttle.isThrottled()) {
          return undefined;
        }
        made++;
        if (pushback !== undefined) {
          backoff = Math.min(initial, max);
          return pushback;
        }
        const delay = Math.random() * backoff;
        backoff = Math.min(backoff * policy.backoffMultiplier, max);
        return delay;
      },
      succeeded: () => throttle.succeeded(),
    };
  };
}

export interface Throttle {
  failed(): void;
  succeeded(): void;
  isThrottled(): boolean;
}

/** gRPC A6, "Throttling Retry Attempts": failures cost a token, successes give back a part of one. */
function createThrottle(settings: ServiceConfig["retryThrottling"]): Throttle {
  if (settings === undefined) {
    return { failed() {}, succeeded() {}, isThrottled: () => false };
  }
  const { maxTokens, tokenRatio } = settings;
  let tokens = maxTokens;
  return {
    failed() {
      tokens = Math.max(tokens - 1, 0);
    },
    succeeded() {
      tokens = Math.min(tokens + tokenRatio, maxTokens);
    },
    isThrottled: () => tokens <= maxTokens / 2,
  };
}
