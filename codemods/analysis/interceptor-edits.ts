import { Node, SyntaxKind } from "ts-morph";
import type { NamedImport } from "../shared/with-imports.js";
import { peeled } from "./around-values.js";
import {
  callsOtherClients,
  declaredIn,
  isAct,
  isAssigned,
  isOk,
  oksIn,
  pathReplacement,
  type Replacement,
  textOf,
  uses,
} from "./interceptor-parts.js";
import { type Callable, type Hook, namesIn, shapeOf } from "./interceptor-shape.js";
import { isTypeScript } from "./language.js";
import { definednessOf, takesCheck } from "./metadata-values.js";
import type { AnalysisProject } from "./project.js";

/** A block behind the call, with the variable that it looks at. */
export interface Looks {
  readonly name: string;
  readonly statements: readonly string[];
}

/** What an interceptor does around `next`, as text without indentation. */
export interface Edits {
  readonly before: readonly string[];
  /** The message that is sent in the place of the caller's. */
  readonly sent: string | null;
  /** Sees the answer, or null where there is none. */
  readonly receive: (Looks & { readonly handedOn: string | null }) | null;
  readonly status: (Looks & { readonly hasDetails: boolean }) | null;
  readonly adds: boolean;
  readonly isTypeScript: boolean;
  /** An empty string in the quotes of the file. */
  readonly empty: string;
  readonly imports: readonly NamedImport[];
  /** In which of its steps (made, start, sendMessage, onReceiveMetadata, onReceiveMessage, onReceiveStatus) it does something that others may see. */
  readonly acts: readonly boolean[];
  /** It waits before it starts a call. */
  readonly waits: boolean;
  /** It sees what is sent. */
  readonly sends: boolean;
}

const CONNECT_ERROR: NamedImport = { module: "@connect-migrate/runtime", name: "ConnectError" };

/**
 * An interceptor of grpc-js in the steps of Connect's; a string says what it does that these cannot. `isUnary`: no call that it
 * sees has a stream, so there is one message each way and the status is that of the answer.
 */
export function interceptorEdits(project: AnalysisProject, interceptor: Callable, isUnary: boolean): Edits | string {
  const shape = shapeOf(project, interceptor);
  if (typeof shape === "string") return shape;
  const { send, receive, status } = shape;
  if (shape.header) return "an interceptor that looks at response headers, which a failed call does not show";
  if (!isUnary && (send || receive || status)) return "an interceptor that looks at messages or the status of streams";
  if (shape.isAsync && send) return "an interceptor that waits before it starts a call and looks at its messages";
  if (callsOtherClients(project, interceptor)) return "an interceptor that makes calls of its own";
  const isTyped = isTypeScript(interceptor);
  const paths = pathsIn(interceptor, shape.options);
  if (namesIn(interceptor, shape.options).length !== 2 + paths.length)
    return "an interceptor that looks at more options than the path of the method";
  if (shape.before.some((each) => !isStep(each, shape.nextCall)))
    return "an interceptor that does more before the call";
  const metadata = shape.start ? metadataEdits(project, shape.start) : { replaced: [], adds: false };
  if (typeof metadata === "string") return metadata;
  const sent = send ? sentEdits(send, isTyped) : { replaced: [], first: [], passed: null };
  if (typeof sent === "string") return sent;
  const replaced = [...paths, ...oksIn(project, interceptor), ...metadata.replaced, ...sent.replaced];
  const textsOf = (statements: readonly Node[]) => statements.map((each) => textOf(each, replaced));
  const awaited = shape.start?.awaited;
  const before = [
    ...textsOf(shape.before),
    ...startTexts(shape.start, replaced),
    ...sent.first,
    ...textsOf(send?.statements ?? []),
  ];
  const taken = declaredIn([
    ...shape.before,
    ...(shape.start?.statements ?? []),
    ...(awaited?.statements ?? []),
    ...(send?.statements ?? []),
  ]);
  if (awaited?.name) taken.push(awaited.name);
  if (sent.first.length > 0) taken.push(send?.function.getParameters()[0]?.getName() ?? "");
  const inHooks = declaredIn([...(receive?.statements ?? []), ...(status?.statements ?? [])]);
  const isFree = (name: string) =>
    ![...taken, ...inHooks].includes(name) &&
    !/^(?:req|res|next|err|error)$/.test(name) &&
    ![...before, ...(sent.passed === null ? [] : [sent.passed])].some((text) => mentions(text, name));
  const names = [
    [receive, "answer"],
    [status, "ended"],
  ].map(([hook, other]) =>
    [hook && (hook as Hook).function.getParameters()[0]?.getName(), other].find(
      (name) => name && isFree(name as string),
    ),
  );
  const [receiveName, statusName] = names as (string | undefined)[];
  const all = [...taken, ...inHooks];
  if (
    new Set(all).size !== all.length ||
    all.some((name) => /^(?:req|res|next)$/.test(name)) ||
    namesIn(interceptor, "req").length > 0 ||
    !receiveName ||
    !statusName ||
    (receive && status && receiveName === statusName)
  )
    return "an interceptor whose names would meet";
  const looked = {
    receive: receive && receiveEdits(receive, receiveName, replaced),
    status: status && statusEdits(project, status, statusName, replaced),
  };
  if (typeof looked.receive === "string") return looked.receive;
  if (typeof looked.status === "string") return looked.status;
  return {
    before,
    sent: sent.passed,
    receive: looked.receive,
    status: looked.status,
    adds: metadata.adds,
    isTypeScript: isTyped,
    empty: /^[^'`]*"/.test(interceptor.getSourceFile().getFullText()) ? '""' : "''",
    imports: status ? [CONNECT_ERROR] : [],
    waits: shape.isAsync,
    sends: send !== null,
    acts: [
      shape.before.some(isAct),
      !!shape.start &&
        [...shape.start.statements, ...(awaited ? [awaited.value, ...awaited.statements] : [])].some(isAct),
      !!send && (send.statements.some(isAct) || send.passed.some(isAct)),
      false,
      !!receive && (receive.statements.some(isAct) || receive.passed.some(isAct)),
      !!status && status.statements.some(isAct),
    ],
  };
}

function mentions(text: string, name: string): boolean {
  return new RegExp(`(?<![\\w$.])${name.replace(/\$/g, "\\$")}(?![\\w$]|\\s*:)`).test(text);
}

/** A statement that runs as well as the call starts: it neither leaves the interceptor nor waits. */
export function isStep(statement: Node, nextCall: string): boolean {
  return (
    (Node.isVariableStatement(statement) || Node.isExpressionStatement(statement)) &&
    !new RegExp(`\\b(?:${nextCall}|this|await|req|next)\\b`).test(statement.getText())
  );
}

/** `options.method_definition.path` */
export function pathsIn(interceptor: Node, options: string): Replacement[] {
  return interceptor
    .getDescendantsOfKind(SyntaxKind.PropertyAccessExpression)
    .filter((access) => access.getText() === `${options}.method_definition.path`)
    .map(pathReplacement);
}

/** What is done before the call starts. */
export function startTexts(start: Hook | null, replaced: readonly Replacement[]): string[] {
  const awaited = start?.awaited;
  return [
    ...(start?.statements ?? []).map((each) => textOf(each, replaced)),
    ...(awaited ? [awaitText(awaited, replaced)] : []),
    ...(awaited?.statements ?? []).map((each) => textOf(each, replaced)),
  ];
}

function awaitText({ value, name }: NonNullable<Hook["awaited"]>, replaced: readonly Replacement[]): string {
  const semicolon = value
    .getFirstAncestor((up) => Node.isStatement(up))
    ?.getText()
    .endsWith(";")
    ? ";"
    : "";
  return `${name === null ? "" : `const ${name} = `}await ${textOf(value, replaced)}${semicolon}`;
}

/** `metadata.set(…)` and its like on the request's headers; nothing else may be done with it. */
export function metadataEdits(
  project: AnalysisProject,
  { function: start, passed }: Hook,
): { readonly replaced: Replacement[]; readonly adds: boolean } | string {
  const [metadata, listener] = start.getParameters();
  const body = start.getBody();
  if (!metadata || !listener || !body || passed.length !== 2 || passed[0]?.getText() !== metadata.getName())
    return "an interceptor that starts the call with other metadata";
  const isPassed = passed[1]?.getText() === listener.getName();
  if (namesIn(body, listener.getName()).length !== (isPassed ? 1 : 0))
    return "an interceptor that calls the listener itself";
  if (namesIn(body, "req").length > 0) return "an interceptor whose names would meet";
  let adds = false;
  const replaced: Replacement[] = [];
  for (const identifier of namesIn(body, metadata.getName())) {
    if (identifier === passed[0]) continue;
    const access = identifier.getParent();
    const call = access?.getParent();
    const isMember =
      access &&
      Node.isPropertyAccessExpression(access) &&
      call &&
      Node.isCallExpression(call) &&
      call.getExpression() === access;
    if (!isMember) return "an interceptor that hands the metadata on";
    const name = access.getName();
    if (!/^(set|add|remove)$/.test(name) || !Node.isExpressionStatement(call.getParent() as Node))
      return `an interceptor that asks for metadata.${name}`;
    const [key, value] = call.getArguments();
    const constant = key && project.constantOf(key);
    if (typeof constant !== "string" || /-bin$|^:|^user-agent$/i.test(constant))
      return "an interceptor whose metadata has keys that are binary, reserved or not constant";
    const defined = value && name !== "remove" ? definednessOf(project, value) : "never";
    if (defined === "maybe" || (defined === "checked" && !takesCheck(call)))
      return "an interceptor that may set a key to undefined, which Metadata does not send";
    const check = defined === "checked" ? `if (${peeled(value as Node).getText()} !== undefined) ` : "";
    if (name === "add") adds = true;
    const member = name === "add" ? "append" : name === "remove" ? "delete" : name;
    replaced.push({ from: identifier.getStart(), to: access.getEnd(), text: `${check}req.header.${member}` });
  }
  return { replaced, adds };
}

/** Its parameter under another name. */
function renamed(hook: Hook, to: string): Replacement[] {
  return uses(hook)
    .filter((node) => node.getText() !== to)
    .map((node) => ({
      from: node.getStart(),
      to: node.getEnd(),
      text: Node.isShorthandPropertyAssignment(node.getParent()) ? `${node.getText()}: ${to}` : to,
    }));
}

/** The message of the request; the message itself is handed on, or another. */
function sentEdits(hook: Hook, isTyped: boolean) {
  const [parameter] = hook.function.getParameters();
  const [passed, more] = hook.passed;
  if (!parameter || !passed || more) return "an interceptor that sends no message";
  if (uses(hook).some(isAssigned)) return "an interceptor that assigns its parameter";
  const isSame = passed.getText() === parameter.getName();
  const type = parameter.getTypeNode()?.getText() ?? "any";
  const isBound = isTyped && uses(hook).length > (isSame ? 1 : 0);
  const replaced = isBound ? [] : renamed(hook, "req.message");
  return {
    replaced,
    first: isBound ? [`const ${parameter.getName()} = req.message as ${type};`] : [],
    passed: isSame ? null : textOf(passed, replaced),
  };
}

/** grpc-js hands null on where a call without streams has no answer: what is done with it is done behind the call, whatever came. */
function receiveEdits(hook: Hook, name: string, replacements: readonly Replacement[]): Edits["receive"] | string {
  const [parameter] = hook.function.getParameters();
  const [passed, more] = hook.passed;
  if (!parameter || !passed || more) return "an interceptor that hands no message on";
  if (uses(hook).some(isAssigned)) return "an interceptor that assigns its parameter";
  const isSame = passed.getText() === parameter.getName();
  const replaced = [...replacements, ...renamed(hook, name)];
  // What is changed is changed only where there is an answer, and nothing else may come of it.
  if (!isSame && (hook.statements.length > 0 || !isSafeWithNull(passed, parameter.getName())))
    return "an interceptor that changes answers and does more, or does not ask whether there is one";
  const handedOn = isSame ? null : textOf(passed, replaced);
  return { name, statements: hook.statements.map((each) => textOf(each, replaced)), handedOn };
}

/** `message && { … }`, `message ? … : message`, `{ ...message }`: nothing happens, and nothing fails, for null. */
function isSafeWithNull(node: Node, name: string): boolean {
  if (Node.isParenthesizedExpression(node)) return isSafeWithNull(node.getExpression(), name);
  if (Node.isBinaryExpression(node) && node.getOperatorToken().getText() === "&&")
    return node.getLeft().getText() === name;
  if (Node.isConditionalExpression(node))
    return node.getCondition().getText() === name && /^[\w$]+$/.test(node.getWhenFalse().getText());
  return false;
}

/** Code and, where a test of the code stands around it, details of an error. */
function statusEdits(
  project: AnalysisProject,
  hook: Hook,
  name: string,
  replacements: readonly Replacement[],
): Edits["status"] | string {
  const [parameter] = hook.function.getParameters();
  const [passed, more] = hook.passed;
  if (!parameter || !passed || more || passed.getText() !== parameter.getName())
    return "an interceptor that changes the status";
  let hasDetails = false;
  for (const node of uses(hook)) {
    if (node === passed) continue;
    const access = node.getParent();
    const member = access && Node.isPropertyAccessExpression(access) ? access.getName() : "";
    if (member === "code" && access && !isAssigned(access)) continue;
    // What a server says beside OK is not to be seen.
    if (member !== "details" || !access || isAssigned(access) || !isOfError(project, access, parameter.getName()))
      return `an interceptor that looks at ${member ? `status.${member}` : "the status as a whole"}`;
    hasDetails = true;
  }
  const replaced = [...replacements, ...renamed(hook, name)];
  return { name, statements: hook.statements.map((each) => textOf(each, replaced)), hasDetails };
}

/** Does it stand in the branch of an `if (status.code !== grpc.status.OK)`? */
function isOfError(project: AnalysisProject, node: Node, name: string): boolean {
  return node.getAncestors().some((up) => {
    if (!Node.isIfStatement(up)) return false;
    const test = up.getExpression();
    if (!Node.isBinaryExpression(test) || test.getLeft().getText() !== `${name}.code`) return false;
    const branch = /^!==?$/.test(test.getOperatorToken().getText())
      ? up.getThenStatement()
      : /^===?$/.test(test.getOperatorToken().getText())
        ? up.getElseStatement()
        : undefined;
    return (
      (test.getRight().getText() === "0" || isOk(project, test.getRight())) &&
      !!branch?.containsRange(node.getPos(), node.getEnd())
    );
  });
}
