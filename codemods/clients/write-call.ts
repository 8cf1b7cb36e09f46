import {
  type ClientCallFact,
  type ClientChannelFact,
  type ClientErrorFact,
  clientFacts,
} from "../analysis/client-facts.js";
import {
  type File,
  indentAt,
  isIdentifier,
  lineEndingOf,
  type Node,
  nodeAt,
  parentMap,
  semicolonOf,
  textOf,
  walk,
} from "../shared/ast.js";
import type { RuleContext } from "../shared/rule.js";
import { scopesOf } from "../shared/scope.js";
import { withImports } from "../shared/with-imports.js";
import { mentions } from "./callback-shape.js";
import { type Layout, semicolonIn } from "./layout.js";
import {
  type CallPlan,
  type Cancel,
  cancelOf,
  hasAddedOptions,
  middleArguments,
  planCall,
  planReady,
  takesRequest,
  type Writer,
} from "./plan-call.js";
import { nestCalls } from "./plan-nested.js";

export const GRPC_JS = "@connect-migrate/runtime/grpc-js";
export const RUNTIME = "@connect-migrate/runtime";

export interface PlannedCall {
  readonly fact: ClientCallFact;
  readonly call: Node;
  readonly plan: CallPlan;
  /** Is it no RPC, but `client.waitForReady(deadline, callback)`? */
  readonly isReady: boolean;
}

export function fileOf(ctx: RuleContext): File {
  return ctx.root.get().value as unknown as File;
}

const planned = new WeakMap<RuleContext, readonly PlannedCall[]>();

/** The idiomatic calls of a file, with their plans; made once for all rules. */
export function plannedCalls(ctx: RuleContext): readonly PlannedCall[] {
  let calls = planned.get(ctx);
  if (!calls) {
    const file = fileOf(ctx);
    const each = clientFacts(ctx.facts, "client-call").flatMap((fact) => {
      const call = nodeAt(file, fact.start, fact.end);
      if (fact.outcome !== "idiomatic" || !call) return [];
      return [
        {
          fact,
          call,
          plan: planCall(file, call, fact.rpc.kind, fact.form, { ...fact, isUnseen: fact.unseen !== null }),
          isReady: false,
        },
      ];
    });
    const ready = clientFacts(ctx.facts, "client-channel").flatMap((fact) => {
      const call = fact.isAwaited ? nodeAt(file, fact.start, fact.end) : undefined;
      const plan = call && planReady(file, call);
      return plan ? [{ fact: asCall(fact), call, plan, isReady: true }] : [];
    });
    calls = nestCalls(file, [...each, ...ready]);
    planned.set(ctx, calls);
  }
  return calls;
}

/** A call whose request is the deadline, or whatever comes first. */
function asCall({ start, end, file, via }: ClientChannelFact): ClientCallFact {
  const rpc = { service: "", method: "", localName: "", kind: "unary", input: "", output: "" } as const;
  const nothing = {
    reason: null,
    unseen: null,
    relays: false,
    handler: null,
    args: [],
    messageType: null,
    responseType: null,
    wantsResponse: false,
  };
  return { kind: "client-call", rpc, form: "client", outcome: "idiomatic", file, start, end, via, ...nothing };
}

/** What the report calls the method of a call. */
export function rpcName({ fact: { rpc }, isReady }: PlannedCall): string | null {
  return isReady ? null : `${rpc.service}/${rpc.method}`;
}

/** The request of a call that sends one message, with the parentheses around it. */
export function requestOf(ctx: RuleContext, { fact, call }: PlannedCall): Node | undefined {
  const [request] = takesRequest(fact.rpc.kind) ? (call.arguments as Node[]) : [];
  return request && { ...request, end: endWithParentheses(ctx, request) };
}

/** Space and comments. */
const GAP = /(\s|\/\*[\s\S]*?\*\/|\/\/[^\n]*)*/g;

function endWithParentheses({ source }: RuleContext, node: Node): number {
  if (node.extra?.parenthesized !== true) return node.end;
  const opened = source.slice(node.extra.parenStart as number, node.start).replace(GAP, "");
  let { end } = node;
  for (const _ of opened) {
    GAP.lastIndex = end;
    end += (GAP.exec(source)?.[0].length ?? 0) + 1;
  }
  return end;
}

/** The arguments that stay. */
export function givenArguments(ctx: RuleContext, planned: PlannedCall): readonly Node[] {
  const { fact, call } = planned;
  const request = requestOf(ctx, planned);
  const middle = middleArguments(call, fact.rpc.kind, fact.form);
  return request ? [request, ...middle] : middle;
}

/** Where the arguments that stay end; the callback follows. */
export function argumentsEnd(ctx: RuleContext, planned: PlannedCall): number {
  return givenArguments(ctx, planned).at(-1)?.end ?? afterParenthesis(ctx, planned.call);
}

/** Behind the `(` of a call's arguments. */
export function afterParenthesis(ctx: RuleContext, call: Node): number {
  return ctx.source.indexOf("(", (call.typeParameters ?? call.typeArguments ?? call.callee).end) + 1;
}

/** `const call = createWritableIterable();` in place of a call, and its writes. */
export function writeWritable(
  ctx: RuleContext,
  planned: PlannedCall,
  writer: Writer,
  layout: Layout,
  rule: string,
): string {
  const create = ctx.imports.add(RUNTIME, "createWritableIterable");
  const semicolon = usesSemicolon(ctx, planned.call) ? ";" : "";
  writeWriter(ctx, planned, writer, rule);
  return `const ${writer.name} = ${create}${typeArgument(ctx, planned)}()${semicolon}${layout.eol}${layout.at[0]}`;
}

function usesSemicolon(ctx: RuleContext, call: Node): boolean {
  return ctx.source[call.end] === ";";
}

/** `<Item>` of a writable iterable, in TypeScript. */
function typeArgument(ctx: RuleContext, { fact: { messageType } }: PlannedCall): string {
  return messageType === null ? "" : `<${withImports(ctx, messageType.text, messageType.imports)}>`;
}

/** `call.write(x)` and `call.end()` on a writable iterable. A write that comes too late is ignored, as it was. */
function writeWriter(ctx: RuleContext, planned: PlannedCall, writer: Writer, rule: string): void {
  const origin = { rule, outcome: "idiomatic" } as const;
  // With metadata, options or a signal, the rule of the arguments writes the name too.
  if (planned.fact.args.length === 0 && !hasAddedOptions(planned.plan))
    ctx.edit.insertRight(afterParenthesis(ctx, planned.call), writer.name, origin);
  for (const write of writer.writes) ctx.edit.insertLeft(write.end, ".catch(() => {})", origin);
  for (const { statement, write } of writer.drained) {
    const semicolon =
      ctx.source[statement.end - 1] === "}" ? semicolonIn(ctx.source) : semicolonOf(ctx.source, statement);
    ctx.edit.overwrite(statement.start, write.start, "await ", origin);
    const [message] = write.arguments as Node[];
    ctx.edit.overwrite((message as Node).end, statement.end, `).catch(() => {})${semicolon}`, origin);
  }
  for (const end of writer.ends) {
    const { property } = end.callee;
    if (end.arguments.length === 0) ctx.edit.overwrite(property.start, property.end, "close", origin);
    else if (parentMap(fileOf(ctx)).get(end)?.type !== "ExpressionStatement") {
      // `() => call.end(last)` stays one expression.
      ctx.edit.insertRight(end.start, "(", origin);
      ctx.edit.overwrite(property.start, property.end, "write", origin);
      ctx.edit.insertLeft(end.end, `.catch(() => {}), ${writer.name}.close())`, origin);
    } else {
      ctx.edit.overwrite(property.start, property.end, "write", origin);
      const semicolon = ctx.source[end.end] === ";" ? ";" : "";
      const eol = lineEndingOf(ctx.source);
      ctx.edit.insertLeft(
        end.end,
        `.catch(() => {})${semicolon}${eol}${indentAt(ctx.source, end.start)}${writer.name}.close()`,
        origin,
      );
    }
  }
}

/** The AbortController of a call that is cancelled. */
export function controllerName(ctx: RuleContext, cancel: Cancel): string {
  const isOnly = plannedCalls(ctx).filter(({ plan }) => cancelOf(plan)).length === 1;
  return isOnly ? freshName(ctx, "controller") : freshName(ctx, `${cancel.variable}Controller`);
}

/** How a parameter of the old code is declared as a variable: some code assigns to its parameters. */
export function keywordFor(ctx: RuleContext, param: Node): "const" | "let" {
  const scopes = scopesOf(fileOf(ctx));
  let isAssigned = false;
  walk(param, (node) => {
    if (isIdentifier(node) && (scopes.bindingOf(node)?.writes.length ?? 0) > 0) isAssigned = true;
  });
  return isAssigned ? "let" : "const";
}

/** A name that the file does not use. */
export function freshName(ctx: RuleContext, ...candidates: readonly string[]): string {
  const { names } = scopesOf(fileOf(ctx));
  for (const name of candidates) if (!names.has(name)) return name;
  for (let i = 2; ; i++) {
    const name = `${candidates[0]}${i}`;
    if (!names.has(name)) return name;
  }
}

export function construct(ctx: RuleContext, call: Node): string {
  return textOf(ctx.source, call.callee).replace(/\s+/g, " ");
}

/** What becomes of an error parameter of the old code. */
interface CaughtError extends Pick<ClientErrorFact, "mode" | "reads"> {
  /** Is it of no call, but an Error that says why there is no connection? */
  readonly isPlain: boolean;
}

/** What becomes of an error parameter of the old code; undefined: nothing reads it. */
export function caughtError(ctx: RuleContext, param: Node | null): CaughtError | undefined {
  const fact = param && clientFacts(ctx.facts, "client-error").find((each) => each.start === param.start);
  if (fact || !param) return fact ? { ...fact, isPlain: false } : undefined;
  const shapes = plannedCalls(ctx).flatMap(({ isReady, plan }) => (isReady && "shape" in plan ? [plan.shape] : []));
  const failure = shapes.find(({ error }) => error?.start === param.start)?.failure;
  return failure && mentions(failure, param.name) ? { mode: "native", reads: true, isPlain: true } : undefined;
}

/**
 * How a catch clause of a generated `try` begins, for an error parameter of the old code. `null`: nothing reads it.
 * Only calls stand in such a `try`, so that in TypeScript the error's type can be said.
 */
export function catchHead(ctx: RuleContext, param: Node | null, layout: Layout): { head: string; first: string } {
  const fact = caughtError(ctx, param);
  if (!param || !fact) return { head: "catch {", first: "" };
  const [, , inner] = layout.at;
  if (fact.mode === "native" && (ctx.language === "js" || !fact.reads))
    return { head: `catch (${param.name}) {`, first: "" };
  const caught = freshName(ctx, "caught", "caughtError");
  const value =
    fact.mode === "wrapped"
      ? `${ctx.imports.add(GRPC_JS, "serviceErrorFrom")}(${caught})`
      : fact.isPlain
        ? `${caught} as Error`
        : `${ctx.imports.add(RUNTIME, "ConnectError")}.from(${caught})`;
  return {
    head: `catch (${caught}) {`,
    first: `${layout.eol}${inner}${keywordFor(ctx, param)} ${param.name} = ${value};`,
  };
}
