import { reason } from "../shared/reasons.js";
import type { RuleContext } from "../shared/rule.js";
import { isMessageEdit, isMessageOutcome, type MessageRuleId } from "./message-facts.js";

/** What both message rules do: the proof is in the facts, here it becomes edits and findings. */
export function rewriteMessages(context: RuleContext, rule: MessageRuleId): void {
  if (context.messages === "bridge") return;
  const origin = { rule, outcome: "idiomatic" } as const;
  const edits = context.facts.filter(isMessageEdit).filter((fact) => fact.rule === rule);
  const textOf = (parts: (typeof edits)[number]["parts"]) =>
    parts
      .map((part) =>
        typeof part === "string"
          ? part
          : context.imports.add(part.module, part.name, { typeOnly: part.typeOnly ?? false }),
      )
      .join("");
  for (const { replaces } of edits) if (replaces !== undefined) context.imports.replaces(replaces);
  for (const { start, end, parts } of edits) {
    if (start < end) context.edit.overwrite(start, end, textOf(parts), origin);
  }
  // What stands around more is opened first and closed last; of equals, what was proved first.
  const insertions = edits.filter(({ start, end }) => start === end);
  for (const { start, parts, belongsTo } of insertions.toSorted((a, b) => b.embraces - a.embraces)) {
    if (belongsTo === "after") context.edit.insertRight(start, textOf(parts), origin);
  }
  for (const { start, parts, belongsTo } of insertions.toReversed().toSorted((a, b) => a.embraces - b.embraces)) {
    if (belongsTo === "before") context.edit.insertLeft(start, textOf(parts), origin);
  }
  for (const fact of context.facts.filter(isMessageOutcome)) {
    if (fact.rule !== rule) continue;
    const base = { rule, construct: `messages of a ${fact.of}`, start: fact.start, end: fact.end, rpc: fact.service };
    const [first] = fact.blockers;
    if (!first) {
      context.report({ ...base, outcome: "idiomatic", reason: null });
      continue;
    }
    const more = fact.blockers.length > 1 ? ` and ${fact.blockers.length - 1} more` : "";
    const outcome = context.messages === "native" ? "failed" : "bridged";
    context.report({ ...base, outcome, reason: reason(first.code, `${first.detail}${more}`) });
  }
}
