import { type Node, parentMap, statementOf, textOf } from "../shared/ast.js";
import { reason } from "../shared/reasons.js";
import type { Rule } from "../shared/rule.js";
import { transformFromRule } from "../shared/transform.js";
import { valueText } from "./context-values.js";
import { headersAt } from "./outgoing-headers.js";
import { contextName, fileOf, forSteps, GRPC_JS, NODE, replaceAround, replaceName } from "./planned-handlers.js";
import { sendingText } from "./write-metadata.js";

const id = "services/call-members";

/** `call.request`, `call.metadata`, `call.cancelled` and what else a handler reads -> the request and the context. */
export const rule: Rule = {
  id,
  side: "services",
  apply(ctx) {
    const overwrite = (node: Node, text: string, origin: Parameters<typeof ctx.edit.overwrite>[3]) =>
      ctx.edit.overwrite(node.start, node.end, text, origin);
    forSteps(ctx, id, ["request"], (step, { plan }, origin) => {
      overwrite(step.node, plan.requestName ?? "req", origin);
      return "call.request";
    });
    forSteps(ctx, id, ["taken-apart"], ({ node, parts }, { plan }, origin) => {
      const texts = parts.map((part) => {
        const { member, value } = part;
        const from =
          member === "property"
            ? valueText(ctx, plan, part.name)
            : member === "request"
              ? (plan.requestName ?? "req")
              : `${ctx.imports.add(GRPC_JS, "metadataFromHeaders")}(${contextName(plan)}.requestHeader)`;
        return `${textOf(ctx.source, value)} = ${from}`;
      });
      overwrite(node, texts.join(", "), origin);
      return `const { ${parts.map(({ member }) => member).join(", ")} } = call`;
    });
    forSteps(
      ctx,
      id,
      ["read-call"],
      ({ node, readsRequest }, { plan }, origin) => {
        const of = readsRequest ? `, ${plan.requestName ?? "req"}` : "";
        overwrite(node, `${ctx.imports.add(GRPC_JS, "grpcJsCall")}(${contextName(plan)}${of})`, origin);
        return "call, given to a function that reads it";
      },
      ({ node }) => reason("call-is-read", textOf(ctx.source, parentMap(fileOf(ctx)).get(node)?.callee)),
    );
    forSteps(ctx, id, ["given-on"], ({ node, takes }, { plan }, origin) => {
      const given = [
        ...(takes.request ? [plan.requestName ?? "req"] : []),
        ...(takes.context ? [contextName(plan)] : []),
      ];
      overwrite(node, given.join(", "), origin);
      return "call, given to a guard";
    });
    forSteps(ctx, id, ["parent"], ({ node }, { plan }, origin) => {
      overwrite(node, `${ctx.imports.add(GRPC_JS, "parentCall")}(${contextName(plan)})`, origin);
      return "{ parent: call }";
    });
    forSteps(ctx, id, ["metadata-first"], (step, { plan }, origin) => {
      const parent = parentMap(fileOf(ctx)).get(step.node) as Node;
      const header = `${contextName(plan)}.requestHeader`;
      if (
        parent.type === "VariableDeclarator" ||
        parent.type === "AssignmentExpression" ||
        parent.type === "ReturnStatement"
      ) {
        replaceAround(ctx, step.node, step.key, `${header}.get(`, ") ?? undefined", origin);
      } else {
        // The value of a header may be missing; where it is used at once, the old array reads better and types the same.
        replaceAround(
          ctx,
          step.node,
          step.key,
          `${ctx.imports.add(GRPC_JS, "headerValues")}(${header}, `,
          ")[0]",
          origin,
        );
      }
      return "call.metadata.get(key)[0]";
    });
    forSteps(ctx, id, ["metadata-values"], (step, { plan }, origin) => {
      const values = ctx.imports.add(GRPC_JS, "headerValues");
      replaceAround(ctx, step.node, step.key, `${values}(${contextName(plan)}.requestHeader, `, ")", origin);
      return "call.metadata.get(key)";
    });
    forSteps(ctx, id, ["metadata"], (step, { plan }, origin) => {
      const copy = ctx.imports.add(GRPC_JS, "metadataFromHeaders");
      replaceName(ctx, step.node, `${copy}(${contextName(plan)}.requestHeader)`, origin);
      return "call.metadata";
    });
    forSteps(ctx, id, ["cancelled"], (step, { plan }, origin) => {
      const context = contextName(plan);
      const text = step.mayBeLate ? `${ctx.imports.add(GRPC_JS, "isOver")}(${context})` : `${context}.signal.aborted`;
      overwrite(step.node, text, origin);
      return "call.cancelled";
    });
    forSteps(ctx, id, ["on-cancelled"], (step, { plan }, origin) => {
      ctx.edit.overwrite(step.node.start, step.listener.start, `${contextName(plan)}.onOver?.(`, origin);
      ctx.edit.overwrite(step.listener.end, step.node.end, ")", origin);
      return `call.on("${step.event}", listener)`;
    });
    forSteps(ctx, id, ["path"], (step, { plan }, origin) => {
      const context = contextName(plan);
      overwrite(step.node, `\`/\${${context}.service.typeName}/\${${context}.method.name}\``, origin);
      return "call.getPath()";
    });
    forSteps(ctx, id, ["peer"], (step, { plan }, origin) => {
      overwrite(step.node, `${contextName(plan)}.values.get(${ctx.imports.add(NODE, "kPeerAddress")})`, origin);
      return "call.getPeer()";
    });
    forSteps(ctx, id, ["host"], (step, { plan }, origin) => {
      // Not a URL's host, which leaves out the default ports.
      overwrite(step.node, `${contextName(plan)}.url.split('/')[2]`, origin);
      return "call.getHost()";
    });
    forSteps(ctx, id, ["deadline"], (step, { plan }, origin) => {
      // Without a deadline grpc-js says Infinity; so does a sum with it.
      const sum = `Date.now() + (${contextName(plan)}.timeoutMs() ?? Infinity)`;
      const parent = parentMap(fileOf(ctx)).get(step.node) as Node;
      const isAlone = /^(VariableDeclarator|AssignmentExpression|ReturnStatement|CallExpression|ObjectProperty)$/;
      overwrite(step.node, isAlone.test(parent.type) ? sum : `(${sum})`, origin);
      return "call.getDeadline()";
    });
    forSteps(ctx, id, ["send-metadata"], (step, { plan }, origin) => {
      const context = contextName(plan);
      const { node, metadata } = step;
      const parents = parentMap(fileOf(ctx));
      const statement = parents.get(node) as Node;
      const isInList = statementOf(node, parents) === statement;
      const flush = step.flush ? `${context}.sendHeaders?.()` : "";
      const behind = flush && `${isInList ? "; " : ", "}${flush}`;
      const sent = sendingText(ctx, plan, step, metadata);
      if (sent && !headersAt(ctx, metadata)) {
        // What stands in it is left to other rules.
        const convert = ctx.imports.add(GRPC_JS, "headersFromMetadata");
        replaceAround(ctx, node, metadata, `${convert}(`, `, ${context}.responseHeader)${behind}`, origin);
      } else if (sent) overwrite(node, sent + behind, origin);
      else if (flush) overwrite(node, flush, origin);
      else {
        const [before, last] = (headersAt(ctx, metadata)?.direct?.row ?? []).slice(-2) as [Node, Node];
        ctx.edit.remove(before.end, last.end, origin);
      }
      return "call.sendMetadata(metadata)";
    });
  },
};

export default transformFromRule(rule);
