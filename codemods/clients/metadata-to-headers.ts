import { clientFacts } from "../analysis/client-facts.js";
import { type Node, nodeAt, unwrap } from "../shared/ast.js";
import { reason } from "../shared/reasons.js";
import type { Rule } from "../shared/rule.js";
import { platformName } from "../shared/scope.js";
import { transformFromRule } from "../shared/transform.js";
import { emptyMetadata, writeArguments } from "./write-arguments.js";
import { fileOf, GRPC_JS, plannedCalls, RUNTIME } from "./write-call.js";

const id = "clients/metadata-to-headers";
const origin = { rule: id, outcome: "idiomatic" } as const;

const NAMES = { set: "set", add: "append", remove: "delete" } as const;

/** `Metadata` that only goes to migrated calls is `Headers`; other Metadata is converted where it is passed. */
export const rule: Rule = {
  id,
  side: "clients",
  apply(ctx) {
    for (const planned of plannedCalls(ctx)) {
      const { fact } = planned;
      const metadata = fact.args.find((arg) => arg.kind === "metadata");
      if (metadata?.kind !== "metadata") continue;
      // With options, the rule of the options writes both.
      if (!fact.args.some((arg) => arg.kind === "options")) writeArguments(ctx, planned, id);
      ctx.report({
        rule: id,
        outcome: metadata.obstacle === null ? "idiomatic" : "bridged",
        construct: "call metadata",
        reason: metadata.obstacle === null ? null : reason("call-escapes", metadata.obstacle),
        start: fact.start,
        end: fact.end,
        rpc: `${fact.rpc.service}/${fact.rpc.method}`,
      });
    }
    const headers = platformName(fileOf(ctx), "Headers");
    const empty = plannedCalls(ctx).flatMap((planned) => emptyMetadata(planned) ?? []);
    for (const fact of clientFacts(ctx.facts, "client-metadata")) {
      switch (fact.part) {
        case "construction":
          if (!empty.some(({ start }) => start === fact.start))
            ctx.edit.overwrite(fact.start, fact.end, `new ${headers}()`, origin);
          break;
        case "type":
          ctx.edit.overwrite(fact.start, fact.end, headers, origin);
          break;
        case "clone": {
          const call = nodeAt(fileOf(ctx), fact.start, fact.end);
          if (!call) break;
          ctx.edit.insertRight(fact.start, `new ${headers}(`, origin);
          ctx.edit.overwrite(call.callee.object.end, fact.end, ")", origin);
          break;
        }
        case "merge": {
          const call = nodeAt(fileOf(ctx), fact.start, fact.end);
          if (!call) break;
          const { object } = call.callee;
          const [other] = call.arguments as Node[];
          if (!other) break;
          const target = ctx.source.slice(object.start, object.end);
          const [key, value] = /\b(key|value)\b/.test(target) ? ["name", "text"] : ["key", "value"];
          const append = `${target}.append(${key}, ${value})`;
          if (/^(Identifier|CallExpression|MemberExpression)$/.test(other.type)) {
            // `a.merge(b)` -> `b.forEach((value, key) => a.append(key, value))`: the argument moves to the front.
            ctx.edit.remove(fact.start, other.start, origin);
            ctx.edit.overwrite(other.end, fact.end, `.forEach((${value}, ${key}) => ${append})`, origin);
          } else {
            ctx.edit.overwrite(fact.start, other.start, `for (const [${key}, ${value}] of `, origin);
            ctx.edit.overwrite(other.end, fact.end, `) ${append}`, origin);
          }
          break;
        }
        case "get": {
          const call = nodeAt(fileOf(ctx), fact.start, fact.end);
          if (!call) break;
          const name = ctx.imports.add(GRPC_JS, "headerValues");
          ctx.edit.insertRight(fact.start, `${name}(`, origin);
          ctx.edit.overwrite(call.callee.object.end, call.arguments[0].start, ", ", origin);
          break;
        }
        case "check": {
          const call = nodeAt(fileOf(ctx), fact.start, fact.end);
          const value = call && unwrap(call.arguments[1]);
          if (!value) break;
          ctx.edit.insertLeft(fact.start, `if (${ctx.source.slice(value.start, value.end)} !== undefined) `, origin);
          break;
        }
        case "binary": {
          const name = ctx.imports.add(RUNTIME, "encodeBinaryHeader");
          ctx.edit.insertRight(fact.start, `${name}(`, origin);
          ctx.edit.insertLeft(fact.end, ")", origin);
          break;
        }
        default:
          if (fact.part !== "set") ctx.edit.overwrite(fact.start, fact.end, NAMES[fact.part], origin);
      }
      ctx.report({
        rule: id,
        outcome: "idiomatic",
        construct: `Metadata ${fact.part}`,
        reason: null,
        start: fact.start,
        end: fact.end,
        rpc: null,
      });
    }
  },
};

export default transformFromRule(rule);
