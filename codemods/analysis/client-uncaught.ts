import type { SourceFile } from "ts-morph";
import { mayThrow } from "../clients/call-events.js";
import type { Listener } from "../clients/plan-stream.js";
import { isFunction, isIdentifier, nodeAt, type Node as TreeNode } from "../shared/ast.js";
import { scopesOf } from "../shared/scope.js";
import type { Call } from "./client-services.js";
import type { Trees } from "./client-trees.js";

/** What a call with one reply is given for it. */
export function callbackOf({ node, rpc, form }: Call, trees: Trees): TreeNode | undefined {
  if (form === "promisified" || !/^(unary|client_streaming)$/.test(rpc.kind)) return undefined;
  const tree = trees(node.getSourceFile());
  return (tree && nodeAt(tree, node.getStart(), node.getEnd())?.arguments)?.at(-1);
}

/** An error that no code expects is an uncaught exception of grpc-js, and an unhandled rejection of a promise. */
export function leavesErrors(plan: Call["plan"]): boolean {
  if (plan.kind === "listeners") return plan.error === null;
  return plan.kind === "block" && plan.shape.form === "success";
}

/** What a callback or a listener throws is an uncaught exception of grpc-js, and an unhandled rejection of the function that it becomes. */
export function throwsInCallback(call: Call, trees: Trees): boolean {
  const tree = trees(call.node.getSourceFile());
  const { plan } = call;
  const given =
    plan.kind === "listeners"
      ? [plan.error, plan.status, plan.end].map((listener) => listener?.callback)
      : plan.kind === "block" || plan.kind === "handed"
        ? [callbackOf(call, trees)]
        : [];
  return given.some((each) => {
    const declared = tree && isIdentifier(each) ? scopesOf(tree).bindingOf(each)?.declaration : each;
    const callback = declared?.type === "VariableDeclarator" ? declared.init : declared;
    return isFunction(callback) && !callback.async && mayThrow(callback.body);
  });
}

/** To a program that knows no rejections of their own it is the same, if the stream does no more behind its error: grpc-js goes on to `end`. */
export function isSameUncaught(plan: Call["plan"], tellsThem: boolean): boolean {
  return plan.kind === "listeners" && !tellsThem && isNothingDone(plan.end) && isNothingDone(plan.status);
}

/** grpc-js goes on to `end` behind an error listener that throws; an async function does not. */
export function goesOnBehindThrow(plan: Call["plan"]): boolean {
  if (plan.kind !== "listeners" || !plan.error || (isNothingDone(plan.end) && isNothingDone(plan.status))) return false;
  const { callback } = plan.error;
  return isFunction(callback) && mayThrow(callback.body);
}

function isNothingDone(listener: Listener | null): boolean {
  if (listener === null) return true;
  const { callback } = listener;
  return isFunction(callback) && callback.body.type === "BlockStatement" && callback.body.body.length === 0;
}

/** Has the program a listener for rejections, or one that may ask where an exception came from? */
export function tellsRejections(files: readonly SourceFile[]): boolean {
  const asksOnlyForError =
    /['"`]uncaughtException['"`]\s*,\s*(async\s+)?(function\s*\w*\s*)?(\(\s*\w*(\s*:\s*\w+)?\s*\)|\w+)\s*(=>|\{)/g;
  return files.some((file) => namesUncaught(file.getFullText().replace(asksOnlyForError, "")));
}

/** Does the program handle exceptions that nobody caught? Then their text may matter. */
export function watchesUncaught(files: readonly SourceFile[]): boolean {
  return files.some((file) => namesUncaught(file.getFullText()));
}

function namesUncaught(text: string): boolean {
  return /['"`](uncaughtException\w*|unhandledRejection)['"`]/.test(text);
}
