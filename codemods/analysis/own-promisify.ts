import { Node } from "ts-morph";
import { peeled } from "./around-values.js";
import { isNewPromise } from "./language.js";

/** A function that does what `util.promisify` does. */
export interface OwnPromisify {
  /** How many arguments the function takes that it gives; undefined for any number. */
  readonly arity: number | undefined;
}

/**
 * `(fn) => (...args) => new Promise((resolve, reject) => fn(...args, (err, res) => (err ? reject(err) : resolve(res))))`, with one named argument
 * in place of `...args`, too.
 */
export function ownPromisify(fn: Node): OwnPromisify | undefined {
  const [taken, ...more] = parametersOf(fn);
  const given = taken && more.length === 0 ? resultOf(fn) : undefined;
  const promise = given && resultOf(given);
  if (!taken || !given || !isNewPromise(promise)) return undefined;
  const [executor, none] = promise.getArguments();
  const [resolve, reject] = executor && !none ? parametersOf(executor) : [];
  const [argument, another] = parametersOf(given);
  if (!executor || !resolve || !reject || !argument || another || isAsyncOf(executor) || argument.hasInitializer())
    return undefined;
  const call = onlyExpression(executor);
  if (!Node.isCallExpression(call) || call.getExpression().getText() !== taken.getName()) return undefined;
  const [passed, callback, extra] = call.getArguments();
  const isRest = argument.isRestParameter();
  const isPassed = passed?.getText() === `${isRest ? "..." : ""}${argument.getName()}`;
  if (!isPassed || !callback || extra || !settles(callback, resolve.getName(), reject.getName())) return undefined;
  return { arity: isRest ? undefined : 1 };
}

function parametersOf(fn: Node) {
  return Node.isFunctionDeclaration(fn) || Node.isArrowFunction(fn) || Node.isFunctionExpression(fn)
    ? fn.getParameters()
    : [];
}

function isAsyncOf(fn: Node): boolean {
  return Node.isAsyncable(fn) && fn.isAsync();
}

/** All that a function does. */
function onlyExpression(fn: Node): Node | undefined {
  const body = Node.isBodyable(fn) || Node.isArrowFunction(fn) ? fn.getBody() : undefined;
  if (!Node.isBlock(body)) return body && peeled(body);
  const [only, ...more] = body.getStatements();
  if (more.length > 0) return undefined;
  if (Node.isExpressionStatement(only)) return peeled(only.getExpression());
  const value = Node.isReturnStatement(only) ? only.getExpression() : undefined;
  return value && peeled(value);
}

/** What a function gives, if that is all it does. */
function resultOf(fn: Node): Node | undefined {
  const body = Node.isArrowFunction(fn) || Node.isBodyable(fn) ? fn.getBody() : undefined;
  const isGiven = !Node.isBlock(body) || Node.isReturnStatement(body.getStatements()[0]);
  const isPlain = !(Node.isGeneratorable(fn) && fn.isGenerator());
  return isGiven && isPlain && !isAsyncOf(fn) ? onlyExpression(fn) : undefined;
}

/** Does a callback settle a promise with what it gets, and no more? A promise keeps what it was settled with first. */
function settles(callback: Node, resolve: string, reject: string): boolean {
  const [error, result, more] = parametersOf(callback);
  const body = Node.isArrowFunction(callback) || Node.isFunctionExpression(callback) ? callback.getBody() : undefined;
  if (!error || !result || more || !body || error.hasInitializer() || result.hasInitializer()) return false;
  const [e, r] = [error.getName(), result.getName()];
  if (![e, r].every((name) => /^\w+$/.test(name))) return false;
  const text = body.getText().replace(/\breturn\b|\belse\b|\bas [\w.<>]+|[\s;{}!]/g, "");
  return new RegExp(`^\\(?(if\\(${e}\\)${reject}\\(${e}\\)|${e}\\?${reject}\\(${e}\\):)${resolve}\\(${r}\\)\\)?$`).test(
    text,
  );
}
