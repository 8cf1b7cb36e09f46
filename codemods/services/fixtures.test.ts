import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { serviceRules } from "./index.js";
import { migrateServices } from "./testing/migrate-services.js";

const fixtures = fileURLToPath(new URL("../../fixtures/services", import.meta.url));

// The whole pipeline over each rule's fixture. A source that `after` lacks, or has unchanged, must not change.
describe.each(readdirSync(fixtures))("fixtures/services/%s", (name) => {
  it("becomes what stands in after", async () => {
    const before = path.join(fixtures, name, "before");
    const after = path.join(fixtures, name, "after");
    const { texts, result } = await migrateServices(before);
    expect(result.files.filter((file) => file.error !== null)).toEqual([]);
    const sources = readdirSync(before).filter((file) => /\.[jt]s$/.test(file));
    for (const file of sources) {
      const expected = path.join(existsSync(path.join(after, file)) ? after : before, file);
      const text = texts.get(file) ?? readFileSync(path.join(before, file), "utf8");
      expect(text, file).toBe(readFileSync(expected, "utf8"));
    }
    const rules = new Set(result.findings.map((finding) => finding.rule));
    expect(rules, "the fixture shows its rule").toContain(`services/${name}`);
    // Every construct that is not idiomatic says why.
    expect(result.findings.filter((finding) => finding.outcome !== "idiomatic" && finding.reason === null)).toEqual([]);
  }, 60_000);
});

it("every rule of services has a fixture", () => {
  const ids = serviceRules.map((rule) => rule.id.replace("services/", ""));
  expect(readdirSync(fixtures).filter((name) => !ids.includes(name))).toEqual([]);
  expect(ids.filter((id) => !existsSync(path.join(fixtures, id)))).toEqual([]);
});
