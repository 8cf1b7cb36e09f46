import type { CallArgument } from "../analysis/client-facts.js";
import { keyName, memberName, type Node, textOf } from "../shared/ast.js";
import type { RuleContext } from "../shared/rule.js";
import { cancelOf, middleArguments, writerOfPlan } from "./plan-call.js";
import { afterParenthesis, GRPC_JS, type PlannedCall, requestOf } from "./write-call.js";
import { addedOptions } from "./write-events.js";

/** The options that a call's listeners ask for. With metadata, options or a signal, the rule for those writes all. */
export function writeAddedOptions(ctx: RuleContext, planned: PlannedCall, rule: string): void {
  if (planned.fact.args.length === 0 && !cancelOf(planned.plan)) writeArguments(ctx, planned, rule);
}

/** Turns `(request, metadata, { deadline })` into `(request, { headers, timeoutMs, signal })`, leaving each value where it stands. */
export function writeArguments(ctx: RuleContext, planned: PlannedCall, rule: string): void {
  const { fact, call, plan } = planned;
  const middle = middleArguments(call, fact.rpc.kind, fact.form);
  const origin = { rule, outcome: "idiomatic" } as const;
  const writer = writerOfPlan(plan);
  const added = addedOptions(ctx, planned).join(", ");
  const close = added ? `, ${added} }` : " }";
  const [first] = middle;
  const request = requestOf(ctx, planned);
  if (!first) {
    if (!added) return;
    if (request) ctx.edit.insertLeft(request.end, `, { ${added} }`, origin);
    else ctx.edit.insertRight(afterParenthesis(ctx, call), `${writer?.name ?? ""}, { ${added} }`, origin);
    return;
  }
  const [metadataAt, optionsAt] = [0, 1].map((i) =>
    fact.args.findIndex((arg) => arg.kind === (i === 0 ? "metadata" : "options")),
  );
  const empty = emptyMetadata(planned);
  const metadata = empty ? undefined : middle[metadataAt as number];
  const options = middle[optionsAt as number];
  const given = fact.args[optionsAt as number];
  const { position: from, text } = writeHead();
  const separator = metadata ? `${text}, ` : text;
  if (options && given?.kind === "options" && given.held === "deadline") {
    const name = ctx.imports.add(GRPC_JS, "timeoutFromDeadline");
    ctx.edit.overwrite(from, options.start, `${separator}timeoutMs: ${name}(`, origin);
    ctx.edit.insertLeft(options.end, `.deadline)${close}`, origin);
    return;
  }
  const isWhole = given?.kind === "options" && (given.held === "options" || given.held === "optional");
  if (options && (isWhole || propertyOf(options, "parent"))) {
    const name = ctx.imports.add(GRPC_JS, "callOptionsFrom");
    const isAlone = !metadata && added === "";
    const before = isAlone ? separator.replace(/\{ $/, "") : `${separator}...`;
    const isOptional = given?.kind === "options" && given.held === "optional";
    ctx.edit.overwrite(from, options.start, `${before}${name}(`, origin);
    ctx.edit.insertLeft(options.end, `${isOptional ? " ?? {}" : ""}${isAlone ? ")" : `)${close}`}`, origin);
    return;
  }
  const written = options ? writtenOptions(options) : [];
  if (options && written.length > 0) {
    let position = from;
    let before = separator;
    for (const option of written) {
      const { start, end, head, tail } = formOf(ctx, option, given);
      ctx.edit.overwrite(position, start, before + head, origin);
      position = end;
      before = `${tail}, `;
    }
    ctx.edit.overwrite(position, options.end, before.replace(/, $/, "") + close, origin);
    return;
  }
  const last = options ?? empty;
  if (last) {
    // `{}` and `new Metadata()` say nothing.
    if (metadata) ctx.edit.overwrite(from, last.end, `${text}${close}`, origin);
    else if (added) ctx.edit.overwrite(from, last.end, `${text}${added} }`, origin);
    else ctx.edit.overwrite(request ? request.end : first.start, last.end, writer ? writer.name : "", origin);
    return;
  }
  ctx.edit.insertLeft(from, `${text}${close}`, origin);

  /** Everything before the timeout; what is still to be written, and from where. */
  function writeHead(): { position: number; text: string } {
    let from = request ? request.end : (first as Node).start;
    let text = request ? ", { " : writer ? `${writer.name}, { ` : "{ ";
    if (metadata) {
      const argument = fact.args[metadataAt as number];
      const isHeaders = argument?.kind === "metadata" && argument.obstacle === null;
      const open = isHeaders ? "headers: " : `headers: ${ctx.imports.add(GRPC_JS, "headersFromMetadata")}(`;
      ctx.edit.overwrite(from, metadata.start, `${text}${open}`, origin);
      from = metadata.end;
      text = isHeaders ? "" : ")";
    }
    return { position: from, text };
  }
}

/** `client.m(request, new Metadata(), …)`: the call has no headers of its own. */
export function emptyMetadata({ fact, call }: PlannedCall): Node | undefined {
  const index = fact.args.findIndex((arg) => arg.kind === "metadata" && arg.obstacle === null);
  const given = middleArguments(call, fact.rpc.kind, fact.form)[index];
  return given?.type === "NewExpression" && given.arguments.length === 0 ? given : undefined;
}

/** `deadline, credentials`: what the options of a call say. */
export function optionNames({ fact, call }: PlannedCall): string {
  const index = fact.args.findIndex((arg) => arg.kind === "options");
  const options = middleArguments(call, fact.rpc.kind, fact.form)[index];
  const names = options?.type === "ObjectExpression" ? (options.properties as Node[]).map(keyName) : [];
  return names.length > 0 ? names.join(", ") : "deadline";
}

interface WrittenOption {
  readonly name: "deadline" | "credentials";
  readonly value: Node;
}

function writtenOptions(options: Node): WrittenOption[] {
  return (options.properties as Node[]).flatMap((property): WrittenOption[] => {
    const name = keyName(property);
    return name === "deadline" || name === "credentials" ? [{ name, value: property.value }] : [];
  });
}

/** What stands before and behind the part of an option's text that stays. */
function formOf(ctx: RuleContext, { name, value }: WrittenOption, given: CallArgument | undefined) {
  const { start, end } = value;
  const credentials = given?.kind === "options" ? given.credentials : null;
  if (name === "credentials" && credentials?.form === "interceptor") {
    const { text } = credentials;
    return { start: text === null ? start : end, end, head: `interceptors: [${text ?? ""}`, tail: "]" };
  }
  if (name === "credentials") {
    const generator = generatorOf(value);
    const used = generator ?? value;
    const head = `interceptors: [${ctx.imports.add(GRPC_JS, "callCredentials")}(`;
    return { start: used.start, end: used.end, head, tail: ")]" };
  }
  return timeoutOf(ctx, value);
}

/** What stands before and behind the part of a deadline's text that stays, to be a timeout. */
export function timeoutOf(ctx: RuleContext, deadline: Node) {
  const { start, end } = deadline;
  const constant = constantTimeout(deadline, ctx.source);
  if (constant) return { start: constant.start, end: constant.end, head: "timeoutMs: ", tail: "" };
  return { start, end, head: `timeoutMs: ${ctx.imports.add(GRPC_JS, "timeoutFromDeadline")}(`, tail: ")" };
}

/** `grpc.credentials.createFromMetadataGenerator(generator)` */
function generatorOf(value: Node): Node | undefined {
  if (value.type !== "CallExpression" || memberName(value.callee) !== "createFromMetadataGenerator") return undefined;
  return value.arguments.length === 1 ? value.arguments[0] : undefined;
}

function propertyOf(options: Node, name: string): Node | undefined {
  return ((options.properties ?? []) as Node[]).find((property) => keyName(property) === name)?.value;
}

/** `Date.now() + 500`, `new Date(Date.now() + 5 * 1000)`: the timeout in the source's own words. */
function constantTimeout(node: Node, source: string): Node | undefined {
  if (node.type === "NewExpression" && node.callee.name === "Date" && node.arguments.length === 1)
    return constantTimeout(node.arguments[0], source);
  if (node.type !== "BinaryExpression" || node.operator !== "+") return undefined;
  const isNow = (side: Node) => textOf(source, side).replace(/\s/g, "") === "Date.now()";
  const rest = isNow(node.left) ? node.right : isNow(node.right) ? node.left : undefined;
  const value = rest && numberOf(rest);
  return value !== undefined && Number.isInteger(value) && value > 0 && value < 1e8 ? rest : undefined;
}

function numberOf(node: Node): number | undefined {
  if (node.type === "NumericLiteral") return node.value;
  if (node.type !== "BinaryExpression" || node.operator !== "*") return undefined;
  const left = numberOf(node.left);
  const right = numberOf(node.right);
  return left === undefined || right === undefined ? undefined : left * right;
}
