import { type CallExpression, Node, SyntaxKind } from "ts-morph";
import { STATUS_NAMES } from "../clients/grpc-status.js";
import type { NamedImport } from "../shared/with-imports.js";
import { functionLeftBy } from "./around-values.js";
import type { WrittenInterceptor } from "./interceptor-declaration.js";
import {
  callsOtherClients,
  declaredIn,
  firstCommentOf,
  isAct,
  losesComments,
  messageProblem,
  oksIn,
  pathReplacement,
  type Replacement,
  statusProblem,
  textOf,
  uses,
} from "./interceptor-parts.js";
import { type Callable, type Hook, namesIn } from "./interceptor-shape.js";
import { layoutOf } from "./interceptor-text.js";
import { isTypeScript } from "./language.js";
import type { AnalysisProject } from "./project.js";
import { metadataReads } from "./server-interceptor-metadata.js";
import { type Gate, type Refusal, type ServerInterceptorShape, serverShapeOf } from "./server-interceptor-shape.js";
import { type Closure, serverLines } from "./server-interceptor-text.js";

/** An interceptor of a server in Connect's steps. */
export interface ServerInterceptorEdits extends WrittenInterceptor {
  /** In which of its steps it does something that others may see: made, start, onReceiveMetadata, onReceiveMessage; sendMetadata, sendMessage, sendStatus. */
  readonly acts: readonly boolean[];
  /** Changes in functions that are given the metadata. */
  readonly helpers: readonly (Replacement & { readonly node: Node; readonly imports: readonly NamedImport[] })[];
  /** It waits for something; where the call is over by then, it ends in a way that grpc-js shows to nobody. */
  readonly waits: boolean;
  /** It changes response headers, which must not have been sent before the first message. */
  readonly opens: boolean;
}

const RUNTIME = "@connect-migrate/runtime";
const CONNECT_ERROR: NamedImport = { module: RUNTIME, name: "ConnectError" };
const CODE: NamedImport = { module: RUNTIME, name: "Code" };
const PEER: NamedImport = { module: "@connect-migrate/runtime/node", name: "kPeerAddress" };

/**
 * A server interceptor of grpc-js in the steps of Connect's; a string says what it does that these cannot. `isUnary`: no
 * call of the server has a stream.
 */
export function serverInterceptorEdits(
  project: AnalysisProject,
  interceptor: Callable,
  isUnary: boolean,
): ServerInterceptorEdits | string {
  const shape = serverShapeOf(project, interceptor);
  if (typeof shape === "string") return shape;
  const { gate, receive, opened, sent, ended } = shape;
  if (callsOtherClients(project, interceptor)) return "an interceptor that makes calls of its own";
  if (namesMeet(interceptor, shape)) return "an interceptor whose names would meet";
  if (leavesEarly(interceptor, shape)) return "an interceptor that is made in several ways, or with `this`";
  const known = knownUses(project, interceptor, shape);
  if (typeof known === "string") return known;
  const read = gate
    ? metadataReads(
        project,
        gate.function,
        gate.handings.map(({ call }) => call),
      )
    : NO_READS;
  if (typeof read === "string") return read;
  const refused = gate ? refusalEdits(project, gate) : { replaced: [], imports: [] };
  if (typeof refused === "string") return refused;
  // What is between the call and the handler: where there is nothing, each way through the gate can go on by itself.
  const isPlain = !receive && !opened && !sent && !ended;
  const passed = gate ? handingEdits(gate, isPlain) : { replaced: [], falls: true };
  if (typeof passed === "string") return passed;
  const replaced = [...known.replaced, ...read.replaced, ...refused.replaced, ...passed.replaced];
  const statements = [...shape.before, ...shape.started, ...(gate?.statements ?? [])];
  const declared = declaredIn(statements);
  if (new Set(declared).size !== declared.length) return "an interceptor whose names would meet";
  const before = statementTexts(statements, replaced);

  const closure = (
    hook: Hook | null,
    edit: (hook: Hook) => readonly Replacement[] | string | null,
  ): Closure | null | string => {
    if (!hook) return null;
    const own = edit(hook);
    if (typeof own === "string") return own;
    const all = [...known.replaced, ...(own ?? [])];
    const [parameter] = hook.function.getParameters();
    const [given] = hook.passed;
    if (!parameter || !given) return "an interceptor that hands nothing on";
    return {
      parameter: parameter.getName(),
      type: parameter.getTypeNode()?.getText() ?? null,
      statements: statementTexts(hook.statements, all),
      passed: textOf(given, all),
    };
  };
  const closures = {
    received: closure(receive, messageProblem),
    opened: closure(opened, (hook) => headerEdits(project, hook)),
    sent: closure(sent, messageProblem),
    ended: closure(ended, statusProblem),
  };
  for (const each of Object.values(closures)) if (typeof each === "string") return each;
  const taken = new Set(interceptor.getDescendantsOfKind(SyntaxKind.Identifier).map((each) => each.getText()));
  const text = {
    ...(closures as Record<keyof typeof closures, Closure | null>),
    before,
    falls: passed.falls,
    streams: !isUnary,
    waits: gate?.function.isAsync() === true,
    isTypeScript: isTypeScript(interceptor),
    semicolon: /;\s*(\/\/.*)?$/m.test(interceptor.getText()) ? ";" : "",
    quote: /^[^'`]*"/.test(interceptor.getSourceFile().getFullText()) ? '"' : "'",
    name: (wanted: string) => (taken.has(wanted) ? `${wanted}InCall` : wanted),
  };
  const lines = (indent: string, step: string) => serverLines(text, indent, step);
  const { outer, step } = layoutOf(interceptor);
  if (losesComments(interceptor, lines(outer, step).join("\n")))
    return "an interceptor with comments between its parts";
  return {
    lines,
    acts: [
      shape.before.some((each) => isSeen(each, null)),
      shape.started.some((each) => isSeen(each, null)),
      !!gate && (gate.refusals.length > 0 || gate.statements.some((each) => actsBeside(each, gate))),
      ...[receive, opened, sent, ended].map(
        (hook) => !!hook && [...hook.statements, ...hook.passed].some((each) => isSeen(each, hook.function)),
      ),
    ],
    imports: [
      ...known.imports,
      ...read.imports,
      ...refused.imports,
      ...(ended && refused.imports.length === 0 ? [CONNECT_ERROR, CODE] : []),
    ],
    helpers: read.helpers,
    waits: text.waits,
    opens: opened !== null,
  };
}

const NO_READS = { replaced: [], imports: [], helpers: [] };

/** Statements that are left, with the blank lines between them. */
function statementTexts(statements: readonly Node[], replaced: readonly Replacement[]): string[] {
  return statements.flatMap((each, i) => {
    const text = textOf(each, replaced).trimEnd();
    const file = each.getSourceFile().getFullText();
    const isApart = /\n[ \t]*\r?\n\s*$/.test(file.slice(0, firstCommentOf(each)).slice(each.getPos()));
    return text === "" ? [] : i > 0 && isApart ? ["", text] : [text];
  });
}

/**
 * The hooks come into one function: `req` and `res` are its own, and what one hook declares must not mean something else in
 * another.
 */
function namesMeet(interceptor: Callable, { started, gate }: ServerInterceptorShape): boolean {
  const names = interceptor.getDescendantsOfKind(SyntaxKind.Identifier).filter((each) => {
    const parent = each.getParent();
    const isMember = Node.isPropertyAccessExpression(parent) && parent.getNameNode() === each;
    return !isMember && !(Node.isPropertyAssignment(parent) && parent.getNameNode() === each);
  });
  if (names.some((each) => /^(?:req|res|arguments)$/.test(each.getText()))) return true;
  return [started, gate?.statements ?? []].some((statements) => {
    const declared = declaredIn(statements);
    const own = statements[0] && functionLeftBy(statements[0]);
    return names.some((each) => declared.includes(each.getText()) && !each.getAncestors().includes(own as Node));
  });
}

/** A `return` in front of the call, or `this` of a function that becomes an arrow. */
function leavesEarly(interceptor: Callable, { before }: ServerInterceptorShape): boolean {
  const returns = before.flatMap((each) => [each, ...each.getDescendantsOfKind(SyntaxKind.ReturnStatement)]);
  if (returns.some((each) => Node.isReturnStatement(each) && functionLeftBy(each) === interceptor)) return true;
  return !Node.isArrowFunction(interceptor) && interceptor.getDescendantsOfKind(SyntaxKind.ThisKeyword).length > 0;
}

/** Does it do something that other code may see: an act, or a change in a collection that is not the hook's own Metadata? */
function isSeen(statement: Node, hook: Callable | null): boolean {
  const own = hook?.getParameters()[0]?.getName();
  return (
    isAct(statement) ||
    [statement, ...statement.getDescendantsOfKind(SyntaxKind.CallExpression)].some((call) => {
      const callee = Node.isCallExpression(call)
        ? /^([\w$]+)\.(?:set|add|remove)$/.exec(call.getExpression().getText())
        : null;
      return callee !== null && callee[1] !== own;
    })
  );
}

/** Is there an act among what is not handing on? */
function actsBeside(statement: Node, gate: Gate): boolean {
  const own = new Set<Node>([...gate.handings, ...gate.refusals].map(({ call }) => call));
  return (
    !own.has(statement) &&
    (own.size === 0 || !Node.isExpressionStatement(statement) || !own.has(statement.getExpression())) &&
    isSeen(statement, gate.function)
  );
}

/** `method.path`, `call.getPeer()` and `grpc.status.OK`; nothing else may be asked of the two, beside what the hooks' own edits see. */
function knownUses(project: AnalysisProject, interceptor: Callable, shape: ServerInterceptorShape) {
  const replaced: Replacement[] = [];
  const imports: NamedImport[] = [];
  for (const each of shape.method === null ? [] : namesIn(interceptor, shape.method)) {
    const access = each.getParent();
    if (Node.isParameterDeclaration(access)) continue;
    if (!Node.isPropertyAccessExpression(access) || access.getName() !== "path")
      return "an interceptor that asks for more of the method than its path";
    replaced.push(pathReplacement(access));
  }
  const refusing = new Set<Node>(shape.gate?.refusals.map(({ call }) => call) ?? []);
  let wrapped = 0;
  for (const each of namesIn(interceptor, shape.call)) {
    const access = each.getParent();
    if (Node.isParameterDeclaration(access)) continue;
    const called = access?.getParent();
    if (called && refusing.has(called)) continue;
    if (Node.isNewExpression(access) && wrapped++ === 0) continue;
    const isPeer =
      Node.isPropertyAccessExpression(access) && access.getName() === "getPeer" && Node.isCallExpression(called);
    if (!isPeer) return "an interceptor that does more with the call";
    replaced.push({ from: called.getStart(), to: called.getEnd(), text: "req.contextValues.get(kPeerAddress)" });
    imports.push(PEER);
  }
  return { replaced: [...replaced, ...oksIn(project, interceptor)], imports };
}

/** `call.sendStatus({ code, details })` as a throw. */
function refusalEdits(project: AnalysisProject, gate: Gate) {
  const replaced: Replacement[] = [];
  for (const refusal of gate.refusals) {
    const parts = refusalParts(project, refusal);
    if (!parts) return "an interceptor that refuses calls with a status that is not written out";
    const { details, code } = parts;
    const file = refusal.call.getSourceFile().getFullText();
    if (/\/[/*]/.test(file.slice(refusal.from, details.getStart()) + file.slice(details.getEnd(), refusal.to)))
      return "an interceptor with comments between its parts";
    const semicolon = file.slice(refusal.call.getEnd(), refusal.to).includes(";") ? ";" : "";
    replaced.push(
      { from: refusal.from, to: details.getStart(), text: "throw new ConnectError(" },
      { from: details.getEnd(), to: refusal.to, text: `, Code.${code})${semicolon}` },
    );
  }
  return { replaced, imports: replaced.length > 0 ? [CONNECT_ERROR, CODE] : [] };
}

function refusalParts(project: AnalysisProject, { status }: Refusal) {
  const members = new Map<string, Node>();
  for (const property of status.getProperties()) {
    const value = Node.isPropertyAssignment(property) ? property.getInitializer() : undefined;
    if (!Node.isPropertyAssignment(property) || !value) return undefined;
    members.set(property.getName(), value);
  }
  const [codeNode, details, metadata] = ["code", "details", "metadata"].map((name) => members.get(name));
  if (!codeNode || !details || members.size > (metadata ? 3 : 2)) return undefined;
  if (metadata && !/^(?:null|new (?:\w+\.)?Metadata\(\))$/.test(metadata.getText())) return undefined;
  if (!isText(details)) return undefined;
  const origin = project.originOf(codeNode);
  const [, name] = origin.kind === "grpc" ? (/^status\.(\w+)$/.exec(origin.path) ?? []) : [];
  const code =
    (name !== undefined && STATUS_NAMES[name]) ||
    (Node.isNumericLiteral(codeNode) && Object.values(STATUS_NAMES)[codeNode.getLiteralValue() - 1]);
  return code ? { details, code } : undefined;
}

/** What is a text as far as it can be seen: `error.message` too. */
function isText(node: Node): boolean {
  if (Node.isParenthesizedExpression(node)) return isText(node.getExpression());
  if (Node.isBinaryExpression(node))
    return node.getOperatorToken().getText() === "+" && (isText(node.getLeft()) || isText(node.getRight()));
  return (
    Node.isStringLiteral(node) ||
    Node.isNoSubstitutionTemplateLiteral(node) ||
    Node.isTemplateExpression(node) ||
    (Node.isPropertyAccessExpression(node) && node.getName() === "message")
  );
}

/** `next(metadata)`: it falls off the end of the gate, where `next(req)` comes, or is that itself. */
function handingEdits(gate: Gate, isPlain: boolean) {
  const replaced: Replacement[] = [];
  const falls = gate.handings.every(({ isLast }) => isLast);
  if (!falls && !isPlain) return "an interceptor with several ways to its handler that looks at messages or the status";
  const top = new Set<Node>(gate.statements);
  for (const { call, from, to } of gate.handings) {
    const statement = call.getFirstAncestor((up) => Node.isStatement(up)) as Node;
    const file = call.getSourceFile().getFullText();
    if (!falls) {
      replaced.push({ from, to, text: `return await next(req)${file.slice(from, to).includes(";") ? ";" : ""}` });
      continue;
    }
    const around = Node.isBlock(statement.getParent()) ? statement.getParentOrThrow() : statement;
    const choice = around.getParent();
    const isAlone =
      !Node.isBlock(around) || around.getStatements().every((each) => each.getPos() >= from || each === statement);
    if (!top.has(statement) && isAlone && Node.isIfStatement(choice)) {
      const otherwise = choice.getElseStatement();
      const test = choice.getExpression();
      if (otherwise === around)
        replaced.push({ from: choice.getThenStatement().getEnd(), to: around.getEnd(), text: "" });
      else if (otherwise) {
        if (Node.isIfStatement(otherwise)) return "an interceptor with several ways to its handler";
        const isNegated = Node.isPrefixUnaryExpression(test) && test.getOperatorToken() === SyntaxKind.ExclamationToken;
        const isSimple =
          Node.isIdentifier(test) || Node.isCallExpression(test) || Node.isPropertyAccessExpression(test);
        const shown = isNegated ? test.getOperand() : test;
        const [open, close] = isNegated ? ["if (", ") "] : isSimple ? ["if (!", ") "] : ["if (!(", ")) "];
        replaced.push(
          { from: choice.getStart(), to: shown.getStart(), text: open },
          { from: shown.getEnd(), to: otherwise.getStart(), text: close },
        );
      }
      continue;
    }
    if (!top.has(statement) && !Node.isBlock(statement.getParent()))
      return "an interceptor with several ways to its handler";
    replaced.push({ from: top.has(statement) ? from : lineStart(file, from), to, text: "" });
  }
  return { replaced, falls };
}

/** Where the line of a statement begins, its line break included, if nothing else stands before it. */
function lineStart(file: string, from: number): number {
  const blank = /\r?\n[ \t]*$/.exec(file.slice(0, from));
  return blank ? blank.index : from;
}

/** `metadata.set(…)` and its like on the headers of the response. */
function headerEdits(project: AnalysisProject, hook: Hook): readonly Replacement[] | string {
  const [parameter] = hook.function.getParameters();
  const [passed, more] = hook.passed;
  if (!parameter || more || passed?.getText() !== parameter.getName())
    return "an interceptor that sends other metadata";
  const replaced: Replacement[] = [];
  for (const each of uses(hook)) {
    if (each === passed) continue;
    const access = each.getParent();
    const call = access?.getParent();
    if (!Node.isPropertyAccessExpression(access) || !Node.isCallExpression(call) || call.getExpression() !== access)
      return "an interceptor that hands the response's metadata on";
    const member = { set: "set", add: "append", remove: "delete" }[access.getName()];
    if (!member || !Node.isExpressionStatement(call.getParent()) || !isTextKey(project, call))
      return `an interceptor that asks the response's metadata for ${access.getName()}, or for a key that is binary, reserved or not constant`;
    const name = access.getNameNode();
    replaced.push({ from: name.getStart(), to: name.getEnd(), text: member });
  }
  return replaced;
}

function isTextKey(project: AnalysisProject, call: CallExpression): boolean {
  const [key] = call.getArguments();
  const constant = key && project.constantOf(key);
  return typeof constant === "string" && !/-bin$|^:|^(?:user-agent|content-type|date|te|grpc-.*)$/i.test(constant);
}
