import { expect, it } from "vitest";
import { applyRules } from "./apply.js";
import { dedentLines, indentLines, textMoved } from "./indentation.js";
import type { Rule } from "./rule.js";

const origin = { rule: "services/sample", outcome: "idiomatic" } as const;

it("lines move in: those that are written anew too, those that go or are text do not", () => {
  const lines = ["f();", "old(a);", "gone();", "", "    x({", "      b,", "    });", "t(`a", "  b`);", "last();", ""];
  const source = lines.join("\n");
  const rule: Rule = {
    id: "services/sample",
    side: "services",
    apply(ctx) {
      const at = (text: string) => source.indexOf(text);
      ctx.edit.overwrite(at("old("), at("a);"), "fresh(", origin);
      ctx.edit.remove(at("gone();"), at("gone();") + "gone();\n".length, origin);
      dedentLines(ctx, at("x({"), at("t("), "", "    ", origin);
      dedentLines(ctx, at("x({"), at("t("), "", "  ", origin);
      indentLines(ctx, 0, at("last();"), "\t", origin);
    },
  };
  const { text } = applyRules(source, "/p/a.js", [rule], { facts: [], target: "bundled", messages: "auto" });
  expect(text.split("\n")).toEqual([
    "f();",
    "\tfresh(a);",
    "",
    "\t    x({",
    "\tb,",
    "\t});",
    "\tt(`a",
    "  b`);",
    "last();",
    "",
  ]);
});

it("the text of a node moves, apart from lines that are text", () => {
  const source = ["  f(() => {", "      g(`a", "      b`);", "  \tc();", "      d();", "  });", ""].join("\n");
  const { file } = applyRules(source, "/p/a.js", [], { facts: [], target: "bundled", messages: "auto" });
  const [statement] = file.program.body as Parameters<typeof textMoved>[2][];
  expect(statement && textMoved(source, file, statement, "    ", "")).toBe(
    ["f(() => {", "  g(`a", "      b`);", "  \tc();", "  d();", "  });"].join("\n"),
  );
});
