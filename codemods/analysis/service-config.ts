import { Node } from "ts-morph";
import type { AnalysisProject } from "./project.js";

const CODES = new Set(
  (
    "CANCELLED UNKNOWN INVALID_ARGUMENT DEADLINE_EXCEEDED NOT_FOUND ALREADY_EXISTS PERMISSION_DENIED " +
    "RESOURCE_EXHAUSTED FAILED_PRECONDITION ABORTED OUT_OF_RANGE UNIMPLEMENTED INTERNAL UNAVAILABLE DATA_LOSS UNAUTHENTICATED"
  ).split(" "),
);

/**
 * `grpc.service_config` as transport options: the balancing policy of its own, the rest as it is. A string says why not:
 * other policies, or a text that grpc-js itself would refuse.
 */
export function serviceConfigMembers(project: AnalysisProject, value: Node): readonly string[] | string {
  const unknown = "a service config that is not constant";
  let text = value.getText();
  let source: Node = value;
  const isStringify = Node.isCallExpression(value) && value.getExpression().getText() === "JSON.stringify";
  if (isStringify) {
    const [object, ...more] = value.getArguments();
    if (!object || more.length > 0) return unknown;
    source = object;
    if (isMutated(project, object)) return unknown;
  }
  let config: unknown = project.constantOf(source);
  if (!isStringify) {
    if (typeof config !== "string") return unknown;
    try {
      config = JSON.parse(config);
    } catch {
      return "a service config that is no JSON";
    }
  }
  if (!isObject(config)) return unknown;
  const { loadBalancingConfig, loadBalancingPolicy, methodConfig, retryThrottling, ...rest } = config;
  if (Object.keys(rest).length > 0) return `the member ${Object.keys(rest)[0]} of a service config`;
  if (loadBalancingPolicy !== undefined) return "the load balancing policy of a service config";
  const balancing = balancingOf(loadBalancingConfig);
  if (balancing === undefined) return "the load balancing policy of a service config";
  const methods = methodConfig ?? [];
  if (!Array.isArray(methods)) return unknown;
  for (const method of methods) {
    const problem = methodProblem(method);
    if (problem !== null) return problem;
  }
  if (retryThrottling !== undefined && !isThrottling(retryThrottling))
    return "the retry throttling of a service config";
  const members: string[] = [];
  if (balancing === "round_robin") members.push(`loadBalancing: ${quoteOf(value)}round_robin${quoteOf(value)}`);
  if (methods.length > 0 || retryThrottling !== undefined) {
    // A literal with members that the transport takes elsewhere stays JSON, so that it has the option's type.
    if (isStringify && (Node.isIdentifier(source) || loadBalancingConfig === undefined)) text = source.getText();
    members.push(text === "serviceConfig" ? text : `serviceConfig: ${text}`);
  }
  return members;
}

/** Strings are quoted as in the rest of the file. */
function quoteOf(node: Node): string {
  return node.getSourceFile().getFullText().includes("'") ? "'" : '"';
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The first policy that grpc-js knows counts. */
function balancingOf(config: unknown): "pick_first" | "round_robin" | undefined {
  if (config === undefined) return "pick_first";
  if (!Array.isArray(config)) return undefined;
  if (config.length === 0) return "pick_first";
  const [first] = config;
  if (!isObject(first) || Object.keys(first).length !== 1) return undefined;
  const [name] = Object.keys(first);
  const settings = first[name as string];
  if (!isObject(settings) || Object.keys(settings).length > 0) return undefined;
  return name === "pick_first" || name === "round_robin" ? name : undefined;
}

function methodProblem(method: unknown): string | null {
  if (!isObject(method)) return "a method config that is none";
  const { name, waitForReady, timeout, retryPolicy, hedgingPolicy, ...rest } = method;
  const [other] = Object.keys(rest);
  if (other !== undefined) return `the member ${other} of a method config`;
  const isName = (each: unknown) =>
    isObject(each) &&
    Object.keys(each).every((key) => key === "service" || key === "method") &&
    Object.values(each).every((part) => typeof part === "string") &&
    (each.method === undefined || each.method === "" || !!each.service);
  if (!Array.isArray(name) || name.length === 0 || !name.every(isName)) return "the name of a method config";
  if (waitForReady !== undefined && typeof waitForReady !== "boolean") return "waitForReady of a method config";
  if (timeout !== undefined && !isDuration(timeout)) return "the timeout of a method config";
  if (hedgingPolicy !== undefined) {
    return retryPolicy === undefined && isHedging(hedgingPolicy) ? null : "the hedging policy of a method config";
  }
  if (retryPolicy === undefined) return null;
  if (!isObject(retryPolicy)) return "the retry policy of a method config";
  const { maxAttempts, initialBackoff, maxBackoff, backoffMultiplier, retryableStatusCodes, ...more } = retryPolicy;
  const isFine =
    Object.keys(more).length === 0 &&
    Number.isInteger(maxAttempts) &&
    (maxAttempts as number) >= 2 &&
    isDuration(initialBackoff) &&
    isDuration(maxBackoff) &&
    typeof backoffMultiplier === "number" &&
    backoffMultiplier > 0 &&
    Array.isArray(retryableStatusCodes) &&
    retryableStatusCodes.length > 0 &&
    retryableStatusCodes.every(isCode);
  return isFine ? null : "the retry policy of a method config";
}

function isHedging(policy: unknown): boolean {
  if (!isObject(policy)) return false;
  const { maxAttempts, hedgingDelay, nonFatalStatusCodes = [], ...more } = policy;
  return (
    Object.keys(more).length === 0 &&
    Number.isInteger(maxAttempts) &&
    (maxAttempts as number) >= 2 &&
    (hedgingDelay === undefined || isDuration(hedgingDelay)) &&
    Array.isArray(nonFatalStatusCodes) &&
    nonFatalStatusCodes.every(isCode)
  );
}

function isCode(code: unknown): boolean {
  if (typeof code === "string") return CODES.has(code);
  return Number.isInteger(code) && (code as number) >= 1 && (code as number) <= 16;
}

function isDuration(value: unknown): boolean {
  return typeof value === "string" && /^\d+(\.\d{1,9})?s$/.test(value);
}

function isThrottling(value: unknown): boolean {
  if (!isObject(value)) return false;
  const { maxTokens, tokenRatio } = value;
  return (
    typeof maxTokens === "number" &&
    maxTokens > 0 &&
    maxTokens <= 1000 &&
    typeof tokenRatio === "number" &&
    tokenRatio > 0
  );
}

/** Is the object behind a name seen by anything that could change it? */
function isMutated(project: AnalysisProject, node: Node): boolean {
  if (!Node.isIdentifier(node)) return false;
  const declaration = project.declarationOf(node);
  if (!declaration || !Node.isVariableDeclaration(declaration)) return true;
  return project.referencesTo(declaration.getNameNode()).some((reference) => {
    const parent = reference.getParent();
    if (!parent || reference === declaration.getNameNode()) return false;
    const isRead =
      (Node.isCallExpression(parent) && parent.getExpression().getText() === "JSON.stringify") ||
      Node.isImportSpecifier(parent) ||
      Node.isExportSpecifier(parent);
    return !isRead;
  });
}
