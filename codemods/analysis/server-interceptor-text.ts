import { indented } from "./interceptor-text.js";

/** A hook as a function of what it is given, which gives what it hands on. */
export interface Closure {
  readonly parameter: string;
  readonly type: string | null;
  readonly statements: readonly string[];
  readonly passed: string;
}

interface ServerText {
  readonly before: readonly string[];
  readonly received: Closure | null;
  readonly opened: Closure | null;
  readonly sent: Closure | null;
  readonly ended: Closure | null;
  /** The statements before go on to the call. */
  readonly falls: boolean;
  /** Calls may have streams. */
  readonly streams: boolean;
  /** They wait for something; a call that is over by then has no handler. */
  readonly waits: boolean;
  readonly isTypeScript: boolean;
  readonly semicolon: string;
  readonly quote: string;
  /** A name that the interceptor does not use. */
  readonly name: (wanted: string) => string;
}

/** The body of Connect's interceptor, line by line. Hooks become functions, which streams have called once a message. */
export function serverLines(text: ServerText, indent: string, step: string): string[] {
  const { before, received, opened, sent, ended, streams, isTypeScript, semicolon: end, quote, name } = text;
  const inner = indent + step;
  const lines = indented(indent, before);
  if (!text.falls) return lines;
  if (text.waits) lines.push(`${indent}req.signal.throwIfAborted()${end}`);
  const typed = (type: string) => (isTypeScript ? `: ${type}` : "");
  const define = (wanted: string, hook: Closure | null, type: string, gives: boolean) => {
    if (!hook) return;
    lines.push(
      `${indent}const ${name(wanted)} = (${hook.parameter}${typed(hook.type ?? type)}) => {`,
      ...indented(inner, hook.statements),
      ...(gives ? [`${inner}return ${hook.passed}${end}`] : []),
      `${indent}}${end}`,
    );
  };
  define("received", received, "any", true);
  define("opened", opened && { ...opened, type: null }, "Headers", false);
  define("sent", sent, "any", true);
  define("ended", ended && { ...ended, type: null }, "{ code: number; details: string }", false);
  const each = name("each");
  const isMapped = streams && (received !== null || (sent !== null && !opened && !ended));
  if (isMapped) {
    lines.push(
      `${indent}const ${each} = async function* (messages${typed("AsyncIterable<any>")}, hook${typed("(message: any) => any")}) {`,
      `${inner}for await (const message of messages) yield hook(message)${end}`,
      `${indent}}${end}`,
    );
  }
  const mapped = (of: "req" | "res", hook: string) => {
    const one = `${hook}(${of}.message)`;
    return streams ? `${of}.stream ? ${each}(${of}.message, ${hook}) : ${one}` : one;
  };
  const call = received ? `await next({ ...req, message: ${mapped("req", name("received"))} })` : "await next(req)";
  if (!opened && !sent && !ended) return [...lines, `${indent}return ${call}${end}`];
  if (!opened && !ended) {
    const answer = mapped("res", name("sent"));
    return [...lines, `${indent}const res = ${call}${end}`, `${indent}return { ...res, message: ${answer} }${end}`];
  }
  const deeper = inner + step;
  const shown = sent ? `${name("sent")}(message)` : "message";
  const answers = name("answers");
  const statusOf = name("statusOf");
  const failed = `${name("ended")}(${statusOf}(err))${end}`;
  const done = `${name("ended")}({ code: 0, details: ${quote}OK${quote} })${end}`;
  if (ended) {
    lines.push(
      `${indent}const ${statusOf} = (err${typed("unknown")}) => {`,
      `${inner}const error = err instanceof ConnectError ? err : new ConnectError(${quote}Unknown error${quote}, Code.Unknown)${end}`,
      `${inner}return { code: error.code, details: error.rawMessage }${end}`,
      `${indent}}${end}`,
    );
  }
  const opening = opened
    ? (by: string) => [`${by}if (!isOpen) ${name("opened")}(header)${end}`, `${by}isOpen = true${end}`]
    : () => [];
  const loop = (by: string) => [
    `${by}for await (const message of messages) {`,
    ...opening(by + step),
    `${by + step}yield ${shown}${end}`,
    `${by}}`,
  ];
  const parameters = [`messages${typed("AsyncIterable<any>")}`, ...(opened ? [`header${typed("Headers")}`] : [])];
  const streaming = [
    `${indent}const ${answers} = async function* (${parameters.join(", ")}) {`,
    ...(opened ? [`${inner}let isOpen = false${end}`] : []),
    ...(ended
      ? [
          `${inner}try {`,
          ...loop(deeper),
          `${inner}} catch (err) {`,
          `${deeper}${failed}`,
          `${deeper}throw err${end}`,
          `${inner}}`,
          `${inner}${done}`,
        ]
      : loop(inner)),
    `${indent}}${end}`,
  ];
  if (streams) lines.push(...streaming);
  const stream = `{ ...res, message: ${answers}(res.message${opened ? ", res.header" : ""}) }`;
  const unary = (by: string) => [
    ...(streams ? [`${by}if (res.stream) return ${stream}${end}`] : []),
    ...(opened ? [`${by}${name("opened")}(res.header)${end}`] : []),
    ...(sent ? [`${by}const ${name("answer")} = ${name("sent")}(res.message)${end}`] : []),
    // An answer that nobody gets has no status in grpc-js.
    ...(ended ? [`${by}if (!req.signal.aborted) ${done}`] : []),
    `${by}return ${sent ? `{ ...res, message: ${name("answer")} }` : "res"}${end}`,
  ];
  if (!ended) return [...lines, `${indent}const res = ${call}${end}`, ...unary(indent)];
  lines.push(
    `${indent}const res = ${call}.catch((err${typed("unknown")}) => {`,
    `${inner}${failed}`,
    `${inner}throw err${end}`,
    `${indent}})${end}`,
  );
  return [...lines, ...unary(indent)];
}
