import {
  type File,
  functionOf,
  isFunction,
  isIdentifier,
  memberName,
  type Node,
  type Parents,
  statementOf,
  walk,
} from "../shared/ast.js";
import { isNewPromise, scopesOf } from "../shared/scope.js";
import {
  boundMethod,
  type HeaderListener,
  isNamed,
  leaves,
  mayThrow,
  type StatusReads,
  splitHeader,
  standsBehind,
  statusReads,
  usesThis,
} from "./call-events.js";
import { mentions, namesOf } from "./callback-shape.js";
import { isOfDrained } from "./drained-write.js";
import { callRisk } from "./early-arguments.js";
import { type StreamField, streamField } from "./field-stream.js";
import { declaredIn, hiddenName, namesBehindLoop, needsOwnScope } from "./listener-names.js";
import {
  BARE,
  type CallPlan,
  type Cancel,
  cancelIn,
  drainedWrites,
  refused,
  splitCancels,
  type Writer,
  writerOf,
} from "./plan-call.js";
import type { StreamPlace } from "./plan-stream-body.js";

/** `const call = client.list(req); call.on("data", …)…` */
export interface ListenersPlan {
  readonly kind: "listeners";
  /** The statement that makes the call. */
  readonly statement: Node;
  /** The statement by whose place the loop is laid out: that, or the one that adds the listener of data in a promise's executor. */
  readonly loop: Node;
  /** The variable that holds the call, where something stands between the call and its listeners. */
  readonly variable: Node | null;
  readonly data: Listener;
  readonly error: Listener | null;
  readonly status: Listener | null;
  readonly end: Listener | null;
  readonly header: HeaderListener | null;
  /** What the listener of `status` reads. */
  readonly reads: StatusReads | null;
  readonly writer: Writer | null;
  readonly cancel: Cancel | null;
  /** The error listener returns early, so that what comes behind it stands in a `finally`. */
  readonly isFinal: boolean;
  /** `return` in the data listener: the next message. */
  readonly continues: readonly Node[];
  /** The data listener's body stays a function, for what it declares or returns. */
  readonly isScoped: boolean;
  /** Where the loop stands, if that is no function of its own. */
  readonly place: StreamPlace | null;
}

/** `call.on(event, callback)`: a statement, or a part of one where calls are chained. */
export interface Listener {
  /** From where the statement (or the part) begins to where it ends. */
  readonly start: number;
  readonly end: number;
  /** Where what stands before it ends: comments between belong to the listener. */
  readonly before: number;
  readonly call: Node;
  readonly callback: Node;
}

/** The order in which grpc-js emits; `end` comes after an error, too. */
const EVENTS = ["data", "error", "status", "end"] as const;
type Event = (typeof EVENTS)[number];

/** A stream that is read: by `for await` already, or by listeners. */
export function planReader(file: File, call: Node, parents: Parents, isDuplex = false): CallPlan {
  const parent = parents.get(call) as Node;
  if (!isDuplex && parent.type === "ForOfStatement" && parent.await && parent.right === call) return BARE;
  if (memberName(parent) === "on" && parent.object === call)
    return planListeners(file, call, parents, [call], { writer: null, declaration: null, cancel: null, header: null });
  const field = isDuplex ? undefined : streamField(file, call, parents);
  if (field !== undefined) return typeof field === "string" ? refused(field) : planField(file, call, parents, field);
  if (parent.type !== "VariableDeclarator" || !isIdentifier(parent.id)) return refused("the stream is handed on");
  const declaration = parents.get(parent) as Node;
  if ((declaration.declarations as Node[]).length !== 1) return refused("the stream is declared with others");
  const binding = scopesOf(file).bindingOf(parent.id);
  if (!binding || binding.writes.length > 0) return refused("the stream's variable is assigned again");

  const { calls, others } = splitCancels(binding.references, parents);
  const cancel = cancelIn(declaration, binding.name, calls);
  const drained = isDuplex ? drainedWrites(others, parents, false) : [];
  const isWriting = (reference: Node) =>
    /^(write|end)$/.test(memberName(parents.get(reference) as Node) ?? "") || isOfDrained(reference, drained);
  const writer = isDuplex ? writerOf(file, binding.name, others.filter(isWriting), parents, false) : null;
  if (typeof writer === "string") return refused(writer);
  const reading = isDuplex ? others.filter((reference) => !isWriting(reference)) : others;
  const { header, others: references } = splitHeader(reading, parents);
  if (header && !standsBehind(declaration, header.statement, parents)) return refused("a listener is added elsewhere");
  const [only] = references;
  if (references.length === 1 && only) {
    const loop = parents.get(only);
    if (loop?.type === "ForOfStatement" && loop.await && loop.right === only) {
      if (statementOf(call, parents) !== declaration) return refused("the stream stands in no block");
      return { kind: "plain", statement: declaration, header, cancel, writer, loop: writer && only };
    }
  }
  return planListeners(file, call, parents, references, { writer, declaration, cancel, header });
}

/** The field holds what cancels the call from then on. */
function planField(file: File, call: Node, parents: Parents, field: StreamField): CallPlan {
  const { statement, name, cancels: calls, listened } = field;
  const cancel: Cancel = { statement, variable: name, calls, field };
  const plan = planListeners(file, call, parents, listened, { writer: null, declaration: null, cancel, header: null });
  return plan.kind === "listeners" && (plan.data.before !== statement.end || plan.data.start < statement.end)
    ? refused("the stream waits for its listeners")
    : plan;
}

function planListeners(
  file: File,
  call: Node,
  parents: Parents,
  references: readonly Node[],
  {
    writer,
    declaration,
    cancel,
    header,
  }: { writer: Writer | null; declaration: Node | null; cancel: Cancel | null; header: HeaderListener | null },
): CallPlan {
  const listeners = new Map<Event, Listener>();
  const statement = declaration ?? statementOf(call, parents);
  const block = statement && parents.get(statement);
  if (!statement || (block?.type !== "BlockStatement" && block?.type !== "Program"))
    return refused("the stream stands in no block");
  const statements = block.body as Node[];
  const around = (declaration && executorBlock(references, declaration, parents)) ?? statements;
  const bounds: Bounds = { statements: around, previous: (node) => around[around.indexOf(node) - 1] };
  for (const reference of references) {
    const chain = chainFrom(reference, parents, bounds);
    if (typeof chain === "string") return refused(chain);
    for (const [event, listener] of chain) {
      if (listeners.has(event)) return refused(`"${event}" has two listeners`);
      listeners.set(event, listener);
    }
  }
  const listenerOf = (event: Event) => listeners.get(event) ?? null;
  const data = listenerOf("data");
  const error = listenerOf("error");
  const status = listenerOf("status");
  const end = listenerOf("end");
  if (!data) return refused("nothing listens to its data");
  const used = [error, status, end].filter((listener) => listener !== null);
  const problem = problemOf(file, parents, data, error, status, end);
  if (problem) return refused(problem);
  const last = Math.max(data.end, ...used.map(({ end }) => end));
  if (around.some((each) => each.start > data.start && each.end <= last && leaves(each)))
    return refused("some listeners may not be added");
  const beside = [...used.map(({ callback }) => callback), ...(call.arguments as Node[])];
  const continues = continuesOf(data.callback, parents);
  const isScoped = continues === null || needsOwnScope(file, data.callback, beside, parents);

  // Right behind the call, the loop runs over the call itself.
  const isRisky = callRisk(call, call.arguments as Node[]) !== "none";
  if (isRisky && !declaration) return refused("its arguments run other code, and no variable holds the stream");
  const isInline = !isRisky && (!declaration || data.before === declaration.end);
  if (!isInline) {
    const from = statements.indexOf(statement);
    const to = statements.findIndex((each) => each.start <= data.start && data.end <= each.end);
    const before = around === statements ? [] : around.filter((each) => each.end <= data.start);
    if (to < from || [...statements.slice(from + 1, to), ...before].some(leaves))
      return refused("the stream waits for its listeners");
  }
  const names = new Set<string>();
  for (const { callback } of [data, ...used])
    if (isFunction(callback)) for (const name of callback.params.flatMap(namesOf)) names.add(name);
  for (const listener of [status, end])
    if (listener && isFunction(listener.callback)) for (const name of declaredIn(listener.callback)) names.add(name);
  if (isInline && (call.arguments as Node[]).some((argument) => [...names].some((name) => mentions(argument, name))))
    return refused("a listener has another meaning of a name in the request");
  return {
    kind: "listeners",
    statement,
    loop: around.find((each) => around !== statements && each.start <= data.start && data.end <= each.end) ?? statement,
    variable: isInline || !declaration ? null : (declaration.declarations[0] as Node).id,
    data,
    error,
    status,
    end,
    header,
    reads: status && statusReads(file, status.callback, parents),
    writer,
    cancel,
    isFinal: (status ?? end) !== null && returnsEarly(error),
    continues: isScoped ? [] : continues,
    isScoped,
    place: null,
  };
}

interface Bounds {
  readonly statements: readonly Node[];
  previous(node: Node): Node | undefined;
}

/**
 * `const call = client.list(req); const done = new Promise((resolve, reject) => { call.on("data", …); … });`: the statements of the executor, which
 * runs where the promise is made, in a statement of the block that declares the call.
 */
function executorBlock(references: readonly Node[], declaration: Node, parents: Parents): readonly Node[] | undefined {
  const [first] = references;
  const executor = first && functionOf(first, parents);
  if (!executor || executor.async || executor.generator || executor.body.type !== "BlockStatement") return undefined;
  let node = parents.get(executor) as Node;
  if (!isNewPromise(node, parents)) return undefined;
  const block = parents.get(declaration);
  for (; parents.get(node) !== block; node = parents.get(node) as Node)
    if (!parents.get(node) || isFunction(node) || /^(Conditional|Logical)Expression$|^Class/.test(node.type))
      return undefined;
  const isDirect = /^(VariableDeclaration|ExpressionStatement|ReturnStatement)$/.test(node.type);
  return isDirect && node.start > declaration.start ? (executor.body.body as Node[]) : undefined;
}

/** The listeners that a chain `call.on(…).on(…)` adds, or why it is none. */
function chainFrom(reference: Node, parents: Parents, bounds: Bounds): [Event, Listener][] | string {
  const found: [Event, Node][] = [];
  let current = reference;
  for (;;) {
    const member = parents.get(current) as Node;
    const name = memberName(member);
    if (member.object !== current || name === undefined) break;
    if (name !== "on" && name !== "once")
      return `${isIdentifier(reference) ? reference.name : "the call"}.${name} is used`;
    const on = parents.get(member) as Node;
    if (on.type !== "CallExpression" || on.callee !== member) return "the stream is handed on";
    const [event, callback] = on.arguments as Node[];
    const known = event?.type === "StringLiteral" && EVENTS.find((each) => each === event.value);
    if (!known) return `it listens to ${event?.type === "StringLiteral" ? `"${event.value}"` : "some event"}`;
    // All others come once.
    if (known === "data" && name === "once") return "it takes its first message only";
    if (!callback) return `the listener of "${known}" is missing`;
    found.push([known, on]);
    current = on;
  }
  const statement = parents.get(current) as Node;
  if (current === reference || statement.type !== "ExpressionStatement") return "the stream is handed on";
  if (!bounds.statements.includes(statement)) return "a listener is added elsewhere";
  return found.map(([event, on], index) => {
    const isFirst = index === 0;
    const last = index === found.length - 1;
    // Chained to the call itself, the first begins where that ends.
    const isOfCall = reference.type === "CallExpression";
    const first = isOfCall ? reference.end : (bounds.previous(statement)?.end ?? statement.start);
    const before = isFirst ? first : (found[index - 1]?.[1].end ?? 0);
    return [
      event,
      {
        start: isFirst && !isOfCall ? statement.start : before,
        end: last ? statement.end : on.end,
        before,
        call: on,
        callback: (on.arguments as Node[])[1] as Node,
      },
    ];
  });
}

function problemOf(
  file: File,
  parents: Parents,
  data: Listener,
  error: Listener | null,
  status: Listener | null,
  end: Listener | null,
): string | null {
  for (const [event, listener] of [
    ["data", data],
    ["error", error],
    ["status", status],
    ["end", end],
  ] as const) {
    if (!listener) continue;
    const { callback } = listener;
    if (isNamed(callback)) {
      const binding = isIdentifier(callback) ? scopesOf(file).bindingOf(callback) : undefined;
      if ((isIdentifier(callback) && (!binding || binding.writes.length > 0)) || event === "status")
        return `the listener of "${event}" is not written there`;
      const bound = boundMethod(callback);
      const declaration = bound ? methodOf(bound, parents) : binding?.declaration;
      // Where the error of a method's parameter goes is not looked at.
      if (bound && (!declaration || event === "error")) return `the listener of "${event}" is not written there`;
      const named = isFunction(declaration) ? declaration : declaration?.init;
      if (!bound && isFunction(named) && usesThis(named)) return `the listener of "${event}" uses \`this\``;
      if (event === "data" && error && isFunction(named) && !named.async && mayThrow(named.body))
        return "the data listener may throw";
      continue;
    }
    if (callback.type !== "ArrowFunctionExpression" && callback.type !== "FunctionExpression")
      return `the listener of "${event}" is not written there`;
    if (callback.generator || usesThis(callback)) return `the listener of "${event}" uses \`this\``;
    if (callback.params.length > 1) return `the listener of "${event}" has more than one parameter`;
    const isLast = event === "end" || (event === "status" && !end) || (event === "error" && !status && !end);
    if (event !== "data" && callback.async && !isLast) return `the listener of "${event}" is async`;
    if (event === "status" && !isLast && returnsOf(callback).length > 0)
      return `the listener of "${event}" returns early`;
    if (event === "data" && !callback.async && error && mayThrow(callback.body)) return "the data listener may throw";
    // What a loop leaves is a variable.
    const [param] = callback.params as Node[];
    if (event === "status" && param && !isPlainVariable(file, param)) return "its status is taken apart";
  }
  // What returns within a `finally` hides what was thrown.
  if (returnsEarly(error) && (returnsEarly(status) || returnsEarly(end)))
    return 'the listeners of "error" and of what follows return early';
  if (status && end && isFunction(status.callback) && isFunction(end.callback)) {
    const names = declaredIn(end.callback);
    if (declaredIn(status.callback).some((name) => names.includes(name))) return "two listeners declare the same name";
  }
  const behind = [
    ["error", error],
    ["status", status],
    ["end", end],
  ] as const;
  const hidden = hiddenName(file, [
    { callback: data.callback, names: [] },
    ...behind.flatMap(([event, listener]) =>
      listener ? [{ callback: listener.callback, names: namesBehindLoop(event, listener.callback) }] : [],
    ),
  ]);
  if (hidden !== undefined) return `listeners mean different things by ${hidden}`;
  return null;
}

/** The method of the class around it that `this.name` is, if nothing in the class puts another one there. */
function methodOf(member: Node, parents: Parents): Node | undefined {
  let up = parents.get(member);
  while (up && !/^Class(Declaration|Expression)$/.test(up.type)) up = parents.get(up);
  const name = memberName(member);
  const found = ((up?.body.body ?? []) as Node[]).filter((each) => each.key?.name === name && !each.static);
  const [method] = found;
  if (!up || found.length !== 1 || method?.type !== "ClassMethod" || method.kind !== "method") return undefined;
  let isReplaced = false;
  walk(up, (node) => {
    const target = node.type === "AssignmentExpression" ? (node.left as Node) : undefined;
    if (target && memberName(target) === name) isReplaced = true;
  });
  return isReplaced || method.generator ? undefined : method;
}

function isPlainVariable(file: File, param: Node): boolean {
  return isIdentifier(param) && scopesOf(file).bindingOf(param)?.writes.length === 0;
}

function returnsEarly(listener: Listener | null): boolean {
  return listener !== null && isFunction(listener.callback) && returnsOf(listener.callback).length > 0;
}

/** The `return`s of a data listener, which are a loop's `continue`; null if some are not. */
function continuesOf(callback: Node, parents: Parents): readonly Node[] | null {
  if (!isFunction(callback) || callback.async) return [];
  const found = returnsOf(callback);
  for (const node of found) {
    if (node.argument) return null;
    for (let up = parents.get(node); up && up !== callback; up = parents.get(up))
      if (/^(For|While|DoWhile|Switch)/.test(up.type)) return null;
  }
  return found;
}

function returnsOf(callback: Node): Node[] {
  const found: Node[] = [];
  walk(callback.body, (node) => {
    if (isFunction(node)) return false;
    if (node.type === "ReturnStatement") found.push(node);
    return undefined;
  });
  return found;
}
