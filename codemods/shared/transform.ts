import type { FileInfo, Options, Transform } from "jscodeshift";
import { applyRules } from "./apply.js";
import type { MessagesMode, Rule, Target } from "./rule.js";

/**
 * A rule as a jscodeshift transform: `npx jscodeshift -t dist/codemods/services/callback-to-throw.js FILE`.
 * There are no facts then, so the rule sees local syntax only. It parses for itself: jscodeshift's own parse moves offsets.
 */
export function transformFromRule(rule: Rule): Transform {
  return function transform(file: FileInfo, _api: unknown, options: Options): string | undefined {
    const result = applyRules(file.source, file.path, [rule], {
      facts: null,
      target: (options.target as Target | undefined) ?? "bundled",
      messages: (options.messages as MessagesMode | undefined) ?? "auto",
    });
    if (result.conflict !== null) throw new Error(`${file.path}: ${result.conflict}`);
    return result.text === file.source ? undefined : result.text;
  };
}
