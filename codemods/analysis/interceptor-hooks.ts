import { Node, SyntaxKind } from "ts-morph";
import type { Streams } from "./client-streams.js";
import type { WrittenInterceptor } from "./interceptor-declaration.js";
import { type Edits, isStep, metadataEdits, pathsIn, startTexts } from "./interceptor-edits.js";
import {
  callsOtherClients,
  declaredIn,
  isAct,
  isAssigned,
  losesComments,
  messageProblem,
  oksIn,
  type Replacement,
  statusProblem,
  textOf,
  uses,
} from "./interceptor-parts.js";
import { type Callable, type Hook, type InterceptorShape, namesIn, shapeOf } from "./interceptor-shape.js";
import { indented, layoutOf } from "./interceptor-text.js";
import { isTypeScript } from "./language.js";
import type { AnalysisProject } from "./project.js";

/** An interceptor whose hooks `watchCall` calls, each as it is. */
export interface HookedInterceptor extends WrittenInterceptor, Pick<Edits, "acts" | "adds" | "waits" | "sends"> {}

const WATCH = { module: "@connect-migrate/runtime/grpc-js", name: "watchCall" };
const VALUES = { module: "@connect-migrate/runtime/grpc-js", name: "headerValues" };
const UNSEEN = "an interceptor that looks at messages or the status of streams";

/** An interceptor of grpc-js whose hooks become functions that see what passes; a string says what these cannot. */
export function hookedInterceptor(
  project: AnalysisProject,
  interceptor: Callable,
  streams: Streams,
): HookedInterceptor | string {
  const shape = shapeOf(project, interceptor);
  if (typeof shape === "string") return shape;
  const { before, start, send, header, receive, status } = shape;
  if (streams === "unknown") return UNSEEN;
  if (streams === "loops" && (receive || status)) return `${UNSEEN} that loops read`;
  if (shape.isAsync && send) return "an interceptor that waits before it starts a call and looks at its messages";
  if (callsOtherClients(project, interceptor)) return "an interceptor that makes calls of its own";
  const paths = pathsIn(interceptor, shape.options);
  if (namesIn(interceptor, shape.options).length !== 2 + paths.length)
    return "an interceptor that looks at more options than the path of the method";
  if (before.some((each) => !isStep(each, shape.nextCall))) return "an interceptor that does more before the call";
  if (isOwnThis(interceptor)) return "an interceptor with a `this` of its own";
  const metadata = start ? metadataEdits(project, start) : { replaced: [], adds: false };
  if (typeof metadata === "string") return metadata;
  if (namesMeet(interceptor, shape)) return "an interceptor whose names would meet";
  const headers = header ? headerEdits(project, header) : [];
  if (typeof headers === "string") return headers;
  const replaced = [...paths, ...oksIn(project, interceptor), ...metadata.replaced, ...headers];
  const seen = { sent: send, header, received: receive, ended: status };
  if ([send, receive].some((hook) => hook && uses(hook).some(isAssigned)))
    return "an interceptor that assigns its parameter";
  const problem =
    (send && messageProblem(send)) ?? (receive && messageProblem(receive)) ?? (status && statusProblem(status));
  if (problem) return problem;

  const first = [...before.map((each) => textOf(each, replaced)), ...startTexts(start, replaced)];
  const semicolon = /;\s*(\/\/.*)?$/m.test(interceptor.getText()) ? ";" : "";
  const lines = (indent: string, step: string): string[] => {
    const hooks = Object.entries(seen).flatMap(([name, hook]) =>
      hook ? hookLines(name, hook, replaced, indent + step, step, semicolon) : [],
    );
    const call =
      hooks.length === 0
        ? [`${indent}return await next(req)${semicolon}`]
        : [`${indent}return watchCall(next, req, {`, ...hooks, `${indent}})${semicolon}`];
    return [...indented(indent, first), ...call];
  };
  const { outer, step } = layoutOf(interceptor);
  const text = lines(outer, step).join("\n");
  if (losesComments(interceptor, text)) return "an interceptor with comments between its parts";
  const acts = (hook: Hook | null) => !!hook && [...hook.statements, ...hook.passed].some(isAct);
  const { awaited } = start ?? {};
  return {
    lines,
    imports: [WATCH, VALUES].filter(({ name }) => text.includes(`${name}(`)),
    adds: metadata.adds,
    waits: shape.isAsync,
    sends: send !== null,
    acts: [
      before.some(isAct),
      [...(start?.statements ?? []), ...(awaited ? [awaited.value, ...awaited.statements] : [])].some(isAct),
      acts(send),
      acts(header),
      acts(receive),
      !!status && status.statements.some(isAct),
    ],
  };
}

/** `received: (message) => { …; return message; },`; nothing for a hook that changes and does nothing. */
function hookLines(
  name: string,
  hook: Hook,
  replaced: readonly Replacement[],
  indent: string,
  step: string,
  semicolon: string,
): string[] {
  const [parameter] = hook.function.getParameters();
  const own = parameter?.getName() ?? "";
  const isFinal = name === "ended" || name === "header";
  const type = !isFinal && isTypeScript(hook.function) ? parameter?.getTypeNode()?.getText() : undefined;
  const head = `${indent}${name}: (${type ? `${own}: ${type}` : own}) =>`;
  const given = isFinal || !hook.passed[0] ? null : textOf(hook.passed[0], replaced);
  const statements = hook.statements.map((each) => textOf(each, replaced));
  if (statements.length === 0) {
    if (given === null || given === own) return [];
    return [`${head} ${given.startsWith("{") ? `(${given})` : given},`];
  }
  const last = given === null ? [] : [`return ${given}${semicolon}`];
  return [`${head} {`, ...indented(indent + step, [...statements, ...last]), `${indent}},`];
}

/** `metadata.get("k")` of the headers of a response, `headerValues(metadata, "k")`; they are handed on as they are. */
function headerEdits(project: AnalysisProject, hook: Hook): Replacement[] | string {
  const [parameter] = hook.function.getParameters();
  const [passed, more] = hook.passed;
  if (!parameter || more || passed?.getText() !== parameter.getName())
    return "an interceptor that changes the headers of a response";
  const replaced: Replacement[] = [];
  for (const use of uses(hook)) {
    if (use === passed) continue;
    const access = use.getParent();
    const call = access?.getParent();
    const isAsked =
      Node.isPropertyAccessExpression(access) &&
      access.getName() === "get" &&
      !access.hasQuestionDotToken() &&
      Node.isCallExpression(call) &&
      call.getExpression() === access;
    const [key] = isAsked ? call.getArguments() : [];
    if (!key) return "an interceptor that looks at the headers of a response as a whole";
    if (typeof project.constantOf(key) !== "string")
      return "an interceptor that asks for a header whose name is not constant";
    replaced.push({ from: use.getStart(), to: key.getStart(), text: `headerValues(${use.getText()}, ` });
  }
  return replaced;
}

function isOwnThis(interceptor: Callable): boolean {
  return !Node.isArrowFunction(interceptor) && interceptor.getDescendantsOfKind(SyntaxKind.ThisKeyword).length > 0;
}

/** What `start` declares comes to stand around the other hooks, and all of it where `req` and `next` mean Connect's. */
function namesMeet(interceptor: Callable, { before, start, send, header, receive, status }: InterceptorShape): boolean {
  const ofStart = [...(start?.statements ?? []), ...(start?.awaited?.statements ?? [])];
  const declared = declaredIn([...before, ...ofStart]);
  if (start?.awaited?.name) declared.push(start.awaited.name);
  if (new Set(declared).size !== declared.length || declared.some((name) => /^(?:req|next)$/.test(name))) return true;
  if (["req", "arguments", "watchCall", "headerValues"].some((name) => namesIn(interceptor, name).length > 0))
    return true;
  const kept = [send, header, receive, status].flatMap((hook) => (hook ? [...hook.statements, ...hook.passed] : []));
  if ([...before, ...ofStart, ...kept].some((each) => namesIn(each, "next").length > 0)) return true;
  const own = declaredIn(ofStart);
  if (start?.awaited?.name) own.push(start.awaited.name);
  const isIn = (node: Node) => !!start && node.getAncestors().includes(start.function);
  return own.some((name) => namesIn(interceptor, name).some((each) => !isIn(each)));
}
