import { type CallExpression, Node, type ObjectLiteralExpression, SyntaxKind } from "ts-morph";
import { functionLeftBy, peeled } from "./around-values.js";
import {
  type Callable,
  expressionOf,
  type Hook,
  hookOf,
  isCallable,
  isNew,
  membersOf,
  namesIn,
  passesEverything,
  statementsOf,
} from "./interceptor-shape.js";
import type { AnalysisProject } from "./project.js";

/** `next(metadata)`, with the `return` around or behind it. */
interface Ending {
  readonly call: CallExpression;
  readonly from: number;
  readonly to: number;
  /** Without it, the end of the hook comes next. */
  readonly isLast: boolean;
}

/** `call.sendStatus({ … })`, likewise. */
export interface Refusal extends Ending {
  readonly status: ObjectLiteralExpression;
}

/** onReceiveMetadata: each way through it hands the metadata on or refuses the call, as its last act. */
export interface Gate {
  readonly function: Callable;
  readonly statements: readonly Node[];
  readonly handings: readonly Ending[];
  readonly refusals: readonly Refusal[];
}

/** `(method, call) => { before; return new ServerInterceptingCall(call, { hooks }) }` */
export interface ServerInterceptorShape {
  readonly method: string | null;
  readonly call: string;
  readonly before: readonly Node[];
  /** Of `start`, in front of what it hands on. */
  readonly started: readonly Node[];
  readonly gate: Gate | null;
  readonly receive: Hook | null;
  readonly opened: Hook | null;
  readonly sent: Hook | null;
  readonly ended: Hook | null;
}

const FORM = "an interceptor of another form than `new ServerInterceptingCall(call, …)`";

/** The hooks of a server interceptor that grpc-js runs one after another; a string says what Connect's interceptors cannot do. */
export function serverShapeOf(project: AnalysisProject, interceptor: Callable): ServerInterceptorShape | string {
  const [method, call, ...more] = interceptor.getParameters();
  if (!method || !call || more.length > 0 || interceptor.isAsync()) return FORM;
  if (![method, call].every((each) => Node.isIdentifier(each.getNameNode()))) return FORM;
  const body = interceptor.getBody();
  if (!body) return FORM;
  const before = Node.isBlock(body) ? [...body.getStatements()] : [];
  const last = Node.isBlock(body) ? before.pop() : undefined;
  const returned = last ? (Node.isReturnStatement(last) ? last.getExpression() : undefined) : peeled(body);
  if (!returned || !isNew(project, returned, "ServerInterceptingCall")) return FORM;
  const [inner, responder] = returned.getArguments();
  if (inner?.getText() !== call.getName()) return FORM;
  const members = responder ? membersOf(project, responder, "ResponderBuilder", before) : new Map<string, Node>();
  if (!members) return "an interceptor whose responder is not written out";
  const start = hookOf(members.get("start"), 1);
  if (typeof start === "string") return start;
  const started = [...(start?.hook.statements ?? [])];
  const [listener, another] = start?.hook.passed ?? [];
  if (another) return FORM;
  const listeners = listener
    ? // It may be made in `start` or before it.
      (membersOf(project, listener, "ServerListenerBuilder", started) ??
      membersOf(project, listener, "ServerListenerBuilder", before))
    : new Map<string, Node>();
  if (!listeners) return "an interceptor whose listener is not written out";
  const halfClose = listeners.get("onReceiveHalfClose");
  if (halfClose && !passesEverything(halfClose)) return "an interceptor that acts on the end of the requests";
  const cancel = listeners.get("onCancel");
  if (
    cancel &&
    !(isCallable(cancel) && Node.isBlock(cancel.getBody()) && statementsOf(cancel.getBody() as Node).length === 0)
  )
    return "an interceptor that acts on cancel";
  const onMetadata = listeners.get("onReceiveMetadata");
  const gate = onMetadata && !passesEverything(onMetadata) ? gateOf(onMetadata, call.getName()) : null;
  if (typeof gate === "string") return gate;
  const hooks = {
    receive: hookOf(listeners.get("onReceiveMessage"), 2),
    opened: hookOf(members.get("sendMetadata"), 2),
    sent: hookOf(members.get("sendMessage"), 2),
    ended: hookOf(members.get("sendStatus"), 2),
  };
  const { receive, opened, sent, ended } = hooks;
  for (const hook of [receive, opened, sent, ended]) if (typeof hook === "string") return hook;
  const hookIn = (found: typeof receive) => (found === null || typeof found === "string" ? null : found.hook);
  return {
    method: method.getName(),
    call: call.getName(),
    before,
    started,
    gate,
    receive: hookIn(receive),
    opened: hookIn(opened),
    sent: hookIn(sent),
    ended: hookIn(ended),
  };
}

const UNKNOWN_GATE = "an interceptor that may neither hand metadata on nor refuse the call, or not as its last act";

function gateOf(node: Node, call: string): Gate | string {
  if (!isCallable(node)) return "an interceptor with a hook that is not written out";
  const [metadata, next, more] = node.getParameters();
  const body = node.getBody();
  if (!metadata || !next || more || !body || !Node.isBlock(body)) return UNKNOWN_GATE;
  if (![metadata, next].every((each) => Node.isIdentifier(each.getNameNode()))) return UNKNOWN_GATE;
  if (body.getDescendantsOfKind(SyntaxKind.ThisKeyword).length > 0 && !Node.isArrowFunction(node)) return UNKNOWN_GATE;
  const handings: Ending[] = [];
  const refusals: Refusal[] = [];

  const kindOf = (statement: Node) => {
    const made = expressionOf(statement);
    if (!made || !Node.isCallExpression(made)) return undefined;
    const callee = made.getExpression().getText();
    const [given, another] = made.getArguments();
    if (!given || another) return undefined;
    if (callee === next.getName() && given.getText() === metadata.getName()) return { call: made };
    const status = peeled(given);
    if (callee === `${call}.sendStatus` && Node.isObjectLiteralExpression(status)) return { call: made, status };
    return undefined;
  };
  const isQuiet = (statement: Node) =>
    !Node.isReturnStatement(statement) &&
    namesIn(statement, next.getName()).length === 0 &&
    !namesIn(statement, call).some((each) =>
      /^\.sendStatus\b/.test(each.getParent()?.getText().slice(call.length) ?? ""),
    ) &&
    !statement.getDescendantsOfKind(SyntaxKind.ReturnStatement).some((each) => functionLeftBy(each) === node);

  /** Does a list of statements always end the hook? `isTail`: nothing comes behind it. Undefined for what is not understood. */
  const leaves = (list: readonly Node[], isTail: boolean): boolean | undefined => {
    for (const [i, statement] of list.entries()) {
      const isLast = isTail && i === list.length - 1;
      const found = kindOf(statement);
      if (found) {
        const [following, behind] = list.slice(i + 1);
        const isReturned = Node.isReturnStatement(statement);
        if (behind || (following && (isReturned || !isBareReturn(following)))) return undefined;
        if (!following && !isReturned && !isTail) return undefined;
        const ending = {
          call: found.call,
          from: statement.getStart(),
          to: (following ?? statement).getEnd(),
          isLast: isTail,
        };
        if (found.status) refusals.push({ ...ending, status: found.status });
        else handings.push(ending);
        return true;
      }
      if (isQuiet(statement)) continue;
      if (Node.isIfStatement(statement)) {
        const otherwise = statement.getElseStatement();
        const first = leaves(statementsOf(statement.getThenStatement()), isLast);
        const second = otherwise ? leaves(statementsOf(otherwise), isLast) : false;
        if (first === undefined || second === undefined) return undefined;
        if (first && second) return i === list.length - 1 ? true : undefined;
        if (isLast || (!first && !second)) return undefined;
        continue;
      }
      const caught = Node.isTryStatement(statement) ? statement.getCatchClause() : undefined;
      if (!Node.isTryStatement(statement) || !caught || statement.getFinallyBlock()) return undefined;
      const tried = statement.getTryBlock().getStatements();
      const handing = isLast ? tried.at(-1) : undefined;
      const handed = handing && kindOf(handing);
      const others = handed && !handed.status ? tried.slice(0, -1) : tried;
      if (!others.every(isQuiet)) return undefined;
      const refused = leaves(caught.getBlock().getStatements(), isLast);
      if (!refused) return undefined;
      if (handing && handed && others.length < tried.length) {
        handings.push({ call: handed.call, from: handing.getStart(), to: handing.getEnd(), isLast: true });
        return true;
      }
      if (isLast) return undefined;
    }
    return false;
  };
  const statements = body.getStatements();
  if (!leaves(statements, true)) return UNKNOWN_GATE;
  return { function: node, statements, handings, refusals };
}

function isBareReturn(statement: Node): boolean {
  return Node.isReturnStatement(statement) && !statement.getExpression();
}
