import path from "node:path";
import { type CallExpression, type NewExpression, Node, SyntaxKind } from "ts-morph";
import { type Reason, reason } from "../shared/reasons.js";
import type { FactBase } from "./facts.js";
import type { AnalysisProject } from "./project.js";
import { entryOf } from "./server-entry.js";
import type { HandlerFact, ImplementationClassFact, ServerFact } from "./server-facts.js";
import { classFacts, decide } from "./server-handlers.js";
import { type Draft, registrationOf, unusedDeclarations } from "./server-registration.js";

/** Members of a server that a running app has a counterpart for. */
const KNOWN_MEMBERS = new Set(["addService", "bindAsync", "start", "tryShutdown", "forceShutdown"]);

/** Everything about servers, registrations and handlers, decided for the project as a whole. */
export function collectServerFacts(project: AnalysisProject): FactBase[] {
  const facts: FactBase[] = [];
  const handlers = new Map<Node, HandlerFact>();
  const classes: ImplementationClassFact[] = [];
  for (const file of project.files) {
    for (const made of file.getDescendantsOfKind(SyntaxKind.NewExpression)) {
      const origin = project.originOf(made.getExpression());
      if (origin.kind !== "grpc" || origin.path !== "Server") continue;
      facts.push(serverFact(project, made, handlers, classes));
    }
  }
  return [...facts, ...classes, ...handlers.values()];
}

function serverFact(
  project: AnalysisProject,
  made: NewExpression,
  handlers: Map<Node, HandlerFact>,
  classes: ImplementationClassFact[],
): ServerFact {
  const file = made.getSourceFile().getFilePath() as string;
  const base = {
    kind: "server" as const,
    file,
    start: made.getStart(),
    end: made.getEnd(),
    via: "provenance" as const,
  };
  const refused = (why: Reason): ServerFact => ({
    ...base,
    ok: false,
    reason: why,
    registrations: [],
    codecs: [],
    uses: [],
    ownSignals: false,
    entry: null,
    unused: [],
  });

  const holder = made.getParent();
  if (!holder || !Node.isVariableDeclaration(holder) || !Node.isIdentifier(holder.getNameNode()))
    return refused(reason("server-escapes", "it is not the value of a variable"));
  const statement = holder.getVariableStatement();
  if (statement?.getDeclarations().length !== 1)
    return refused(reason("server-escapes", "it is declared together with other variables"));

  const uses: { start: number; end: number; member: string }[] = [];
  const registered: CallExpression[] = [];
  let bound: CallExpression | undefined;
  for (const reference of project.referencesTo(holder.getNameNode())) {
    if (reference === holder.getNameNode()) continue;
    const where = `${path.basename(reference.getSourceFile().getFilePath())}:${reference.getStartLineNumber()}`;
    if (reference.getSourceFile() !== made.getSourceFile())
      return refused(reason("server-escapes", `another file uses it: ${where}`));
    const access = reference.getParent();
    const call = access?.getParent();
    if (
      !access ||
      !Node.isPropertyAccessExpression(access) ||
      access.getExpression() !== reference ||
      !call ||
      !Node.isCallExpression(call) ||
      call.getExpression() !== access
    )
      return refused(reason("server-escapes", where));
    const member = access.getName();
    if (!KNOWN_MEMBERS.has(member)) return refused(reason("no-equivalent", `server.${member} (${where})`));
    if (member === "addService") registered.push(call);
    else uses.push({ start: call.getStart(), end: call.getEnd(), member });
    if (member !== "tryShutdown" && !Node.isExpressionStatement(call.getParent()))
      return refused(reason("server-escapes", `the result of server.${member} is used (${where})`));
    if (member === "bindAsync") {
      if (bound) return refused(reason("no-equivalent", `two addresses of one server (${where})`));
      bound = call;
      const [, credentials] = call.getArguments();
      const callee =
        credentials && Node.isCallExpression(credentials) ? project.originOf(credentials.getExpression()) : undefined;
      if (callee?.kind !== "grpc" || callee.path !== "ServerCredentials.createInsecure")
        return refused(reason("no-equivalent", `server credentials other than createInsecure() (${where})`));
      if (call.getArguments().length !== 3)
        return refused(reason("no-equivalent", `bindAsync without a callback (${where})`));
    }
  }
  if (registered.length === 0) return refused(reason("server-escapes", "no service is added to it here"));
  if (!bound) return refused(reason("server-escapes", "it is not bound here"));
  const [options] = made.getArguments();
  if (options && !isKnownOptions(options))
    return refused(
      reason("no-equivalent", `these server options: ${options.getText().replace(/\s+/g, " ").slice(0, 80)}`),
    );

  const drafts: Draft[] = [];
  for (const call of registered.sort((a, b) => a.getStart() - b.getStart())) {
    const draft = registrationOf(project, call);
    if ("code" in draft) return refused(draft);
    drafts.push(draft);
  }
  const between = statementsBetween(registered, statement);
  if (between) return refused(between);
  if (!project.isSelected(file)) return refused(reason("neighbour-not-migrated", path.basename(file)));

  const registrations = drafts.map((draft) => decide(project, draft, handlers));
  drafts.forEach((draft, index) => {
    if (registrations[index]?.implementation === "plain") classes.push(...classFacts(project, draft));
  });
  const text = made.getSourceFile().getFullText();
  return {
    ...base,
    ok: true,
    reason: null,
    registrations,
    codecs: drafts
      .flatMap(({ codec }) => (codec && codec.getSourceFile() === made.getSourceFile() ? [codec] : []))
      .filter((codec, index, all) => all.indexOf(codec) === index)
      .map((codec) => ({ start: codec.getStart(), end: codec.getEnd() })),
    uses,
    ownSignals: /process\s*\.\s*(?:on|once)\s*\(\s*['"]SIG(?:TERM|INT)/.test(text),
    entry: entryOf(project, made),
    unused: unusedDeclarations(project, registered, drafts),
  };
}

/** Registrations stand next to each other in the block of the server: they become the body of one function. */
function statementsBetween(calls: readonly CallExpression[], server: Node): Reason | undefined {
  const statements = calls.map((call) => call.getParentOrThrow());
  const [first] = statements;
  const block = first?.getParent();
  if (!first || !block || !(Node.isBlock(block) || Node.isSourceFile(block)) || server.getParent() !== block)
    return reason("server-escapes", "services are added in another block than the server is made in");
  const all = block.getStatements() as Node[];
  const indexes = statements.map((statement) => all.indexOf(statement));
  if (indexes.includes(-1)) return reason("server-escapes", "services are added under a condition");
  const isRun = indexes.every((index, i) => i === 0 || index === (indexes[i - 1] as number) + 1);
  return isRun ? undefined : reason("server-escapes", "other statements stand between the services that are added");
}

function isKnownOptions(node: Node): boolean {
  if (!Node.isObjectLiteralExpression(node)) return false;
  return node.getProperties().every((property) => {
    if (!Node.isPropertyAssignment(property)) return false;
    return /^['"]grpc\.max_(receive|send)_message_length['"]$/.test(property.getNameNode().getText());
  });
}
