import { type ClientChannelFact, clientFacts } from "../analysis/client-facts.js";
import { isIdentifier, type Node, nodeAt } from "../shared/ast.js";
import { reason } from "../shared/reasons.js";
import type { Rule, RuleContext } from "../shared/rule.js";
import { scopesOf } from "../shared/scope.js";
import { transformFromRule } from "../shared/transform.js";
import { withImports } from "../shared/with-imports.js";
import { removeUnused } from "./remove-unused.js";
import { fileOf, GRPC_JS, plannedCalls } from "./write-call.js";
import { transportName, writeConstruction } from "./write-construction.js";

const id = "clients/channel-to-transport";

/** `new Service(address, credentials, options)` -> `createClient(Service, createGrpcTransport(…))`, `close()` -> the transport's. */
export const rule: Rule = {
  id,
  side: "clients",
  apply(ctx) {
    const all = clientFacts(ctx.facts, "client-construction");
    const constructions = all.filter((fact) => fact.outcome === "idiomatic");
    const withPromises = all.filter((fact) => fact.outcome !== "manual" && fact.shape === "promises");
    for (const fact of clientFacts(ctx.facts, "client-value")) {
      ctx.edit.overwrite(fact.start, fact.end, withImports(ctx, fact.text, fact.imports), {
        rule: id,
        outcome: "idiomatic",
      });
      ctx.report({
        rule: id,
        outcome: "idiomatic",
        construct: fact.construct,
        reason: null,
        start: fact.start,
        end: fact.end,
        rpc: null,
      });
    }
    for (const fact of constructions) {
      writeConstruction(ctx, fact, id);
      ctx.report({
        rule: id,
        outcome: "idiomatic",
        construct: `new ${fact.service}(…)`,
        reason: null,
        start: fact.start,
        end: fact.end,
        rpc: null,
      });
    }
    for (const fact of clientFacts(ctx.facts, "client-channel")) writeChannelCall(ctx, fact);
    if (ctx.language === "js") writeLocalNames(ctx);
    removeUnused(ctx, id);
    const file = fileOf(ctx);
    const reportClose = (close: { start: number; end: number }) =>
      ctx.report({
        rule: id,
        outcome: "idiomatic",
        construct: "client.close()",
        reason: null,
        start: close.start,
        end: close.end,
        rpc: null,
      });

    for (const close of clientFacts(ctx.facts, "client-close")) {
      if (close.outcome !== "idiomatic") continue;
      const receiver = nodeAt(file, close.start, close.end)?.callee?.object;
      if (close.field !== null && receiver) {
        ctx.edit.overwrite(receiver.property.start, receiver.property.end, close.field, {
          rule: id,
          outcome: "idiomatic",
        });
        reportClose(close);
        continue;
      }
      if (!isIdentifier(receiver)) continue;
      const declaration = scopesOf(file).bindingOf(receiver)?.declaration;
      const made = withPromises.find(
        (fact) => fact.start === declaration?.init?.start && fact.end === declaration?.init?.end,
      );
      const name = made && transportName(ctx, made);
      if (name === undefined) continue;
      ctx.edit.overwrite(receiver.start, receiver.end, name, { rule: id, outcome: "idiomatic" });
      reportClose(close);
    }
  },
};

/** `client.waitForReady(…)` -> `waitForClientReady(client, …)`, `grpc.closeClient(client)` -> `closeClient(client)`. */
function writeChannelCall(ctx: RuleContext, fact: ClientChannelFact): void {
  const call = nodeAt(fileOf(ctx), fact.start, fact.end);
  if (!call || fact.isAwaited) return;
  const origin = { rule: id, outcome: "bridged", reason: reason("channel-view", fact.function) } as const;
  const name = ctx.imports.add(GRPC_JS, fact.function);
  if (fact.isMember) {
    const { object } = call.callee;
    const [first] = call.arguments as Node[];
    ctx.edit.insertRight(object.start, `${name}(`, origin);
    ctx.edit.overwrite(object.end, first ? first.start : call.end, first ? ", " : ")", origin);
  } else if (ctx.source.slice(call.callee.start, call.callee.end) !== name)
    ctx.edit.overwrite(call.callee.start, call.callee.end, name, origin);
  ctx.report({ ...origin, construct: fact.function, start: fact.start, end: fact.end, rpc: null });
}

/** `client.GetItem` -> `client.getItem`. In TypeScript the client is typed by the old definition, whose keys are the names. */
function writeLocalNames(ctx: RuleContext): void {
  const file = fileOf(ctx);
  const rename = (member: Node | undefined, name: string) => {
    if (member?.type !== "MemberExpression" || member.computed || member.property.name === name) return;
    ctx.edit.overwrite(member.property.start, member.property.end, name, { rule: id, outcome: "idiomatic" });
  };
  for (const { fact, call, isReady } of plannedCalls(ctx))
    if (!isReady && fact.form === "client") rename(call.callee, fact.rpc.localName);
  for (const fact of clientFacts(ctx.facts, "client-promisify"))
    if (fact.outcome === "idiomatic") rename(nodeAt(file, fact.method.start, fact.method.end), fact.rpc.localName);
}

export default transformFromRule(rule);
