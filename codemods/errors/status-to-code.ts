import { isOfMigrated, isStatusFact } from "../analysis/status-facts.js";
import { isStatusOfGrpc, isStatusType, STATUS_NAMES, statusName } from "../clients/grpc-status.js";
import { type File, isFunction, isIdentifier, memberName, type Node, parentMap } from "../shared/ast.js";
import type { Rule, RuleContext } from "../shared/rule.js";
import { transformFromRule } from "../shared/transform.js";
import { isCodeValue } from "./code-value.js";

const id = "errors/status-to-code";
const origin = { rule: id, outcome: "idiomatic" } as const;

/**
 * `grpc.status.NOT_FOUND` -> `Code.NotFound`, which is the same number, `grpc.status.OK` -> `0`, `grpc.status[code]` ->
 * `grpcStatusName(code)`. Runs last, for what no other rule has taken along: in JavaScript files whose handlers or clients, or functions for
 * errors of clients, are migrated or bridged, and in those that such files import or that import them. In TypeScript the two enums are different types, and what keeps its old shape wants the old one:
 * there analysis says which files change, with the types that they name.
 */
export const rule: Rule = {
  id,
  side: "both",
  apply(ctx) {
    const fact = ctx.facts.find(isStatusFact);
    if (!fact && (ctx.language === "ts" || (!ctx.isAlone && !ctx.facts.some(isOfMigrated)))) return;
    const file = ctx.root.get().value as File;
    const parents = parentMap(file);
    const taken = ctx.edit.edits.filter((edit) => edit.end > edit.start);
    const isTaken = (start: number, end: number) => taken.some((edit) => edit.start < end && start < edit.end);
    for (const [node, parent] of parents) {
      if (fact && isStatusType(node, parent) && !isTaken(node.start, node.end))
        writeType(ctx, file, node, parents, fact.type);
      if (node.type !== "MemberExpression") continue;
      const isName = node.computed && isStatusOfGrpc(file, node.object);
      const text = isName ? undefined : textFor(ctx, file, node, parents);
      if (!isName && text === undefined) continue;
      if (isName && (isWritten(node, parents) || !isCodeValue(file, node.property))) continue;
      if (isName ? isTaken(node.start, node.property.start) : isTaken(node.start, node.end)) continue;
      if (!fact && ctx.facts.every(({ kind }) => kind !== "handler") && isInHandler(node, parents)) continue;
      if (text !== undefined) ctx.edit.overwrite(node.start, node.end, text(), origin);
      else {
        const name = ctx.imports.add("@connect-migrate/runtime/grpc-js", "grpcStatusName");
        ctx.edit.overwrite(node.start, node.property.start, `${name}(`, origin);
        ctx.edit.overwrite(node.property.end, node.end, ")", origin);
      }
      ctx.report({
        rule: id,
        outcome: "idiomatic",
        construct: ctx.source.slice(node.start, node.end),
        reason: null,
        start: node.start,
        end: node.end,
        rpc: null,
      });
    }
  },
};
export default transformFromRule(rule);

/** What stands for a member of `status`; undefined for anything else. */
function textFor(ctx: RuleContext, file: File, node: Node, parents: ReturnType<typeof parentMap>) {
  if (memberName(node) === "OK" && !node.computed && isStatusOfGrpc(file, node.object)) {
    const { type, operator } = parents.get(node) as Node;
    // Beside `===` everyone knows what 0 is.
    return () => (type === "BinaryExpression" && /^[!=]==?$/.test(operator) ? "0" : "0 /* OK */");
  }
  const name = statusName(file, node);
  return name === undefined ? undefined : () => `${ctx.imports.add("@connect-migrate/runtime", "Code")}.${name}`;
}

/** `grpc.status` -> `Code`, `grpc.status.NOT_FOUND` -> `Code.NotFound`, where they are types. */
function writeType(
  ctx: RuleContext,
  file: File,
  node: Node,
  parents: ReturnType<typeof parentMap>,
  type: string,
): void {
  const member = memberOfStatus(file, node);
  if (member === undefined) return;
  const code = ctx.imports.add("@connect-migrate/runtime", "Code", { typeOnly: true });
  const around = parents.get(parents.get(node) as Node)?.type ?? "";
  const isPart = /^TS(ArrayType|TypeOperator|IndexedAccessType|IntersectionType)$/.test(around);
  const whole = type.replace("Code", code);
  const text = member === null ? (isPart && type !== "Code" ? `(${whole})` : whole) : `${code}.${STATUS_NAMES[member]}`;
  ctx.edit.overwrite(node.start, node.end, text, origin);
  const { start, end } = node;
  const construct = ctx.source.slice(start, end);
  ctx.report({ rule: id, outcome: "idiomatic", construct, reason: null, start, end, rpc: null });
}

/** The member of the enum that a type names, null for the enum itself; undefined for other types. */
function memberOfStatus(file: File, node: Node): string | null | undefined {
  const asMember = (name: Node): Node =>
    name.type === "TSQualifiedName"
      ? ({ ...name, type: "MemberExpression", object: asMember(name.left), property: name.right } as Node)
      : name;
  if (isStatusOfGrpc(file, asMember(node))) return null;
  const name = node.right?.name as string | undefined;
  return name !== undefined && Object.hasOwn(STATUS_NAMES, name) && isStatusOfGrpc(file, asMember(node.left))
    ? name
    : undefined;
}

function isWritten(node: Node, parents: ReturnType<typeof parentMap>): boolean {
  const parent = parents.get(node) as Node;
  return parent.type === "AssignmentExpression" && parent.left === node;
}

/** A handler that has not been migrated yet is read by the rules for handlers, which know the names of grpc-js. */
function isInHandler(node: Node, parents: ReturnType<typeof parentMap>): boolean {
  for (let at = parents.get(node); at; at = parents.get(at))
    if (isFunction(at) && isIdentifier(at.params[0], "call")) return true;
  return false;
}
