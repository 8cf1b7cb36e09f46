import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { parse } from "../shared/parse.js";
import { migrateFiles } from "./testing/migrate-files.js";

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), "..", "..", "fixtures", "clients");

function sources(folder: string): string[] {
  return readdirSync(folder, { recursive: true })
    .map(String)
    .filter((file) => /\.[jt]s$/.test(file) && !/(^|[\\/])(gen|node_modules)[\\/]/.test(file));
}

/**
 * A file that is not in `after/` must not change. The rules alone leave messages on the bridge: a case whose messages the
 * whole pipeline proves says `"messages": "bridge"` in its case.json, for the same text in fixtures/fixtures.test.ts.
 */
describe.each(readdirSync(root))("%s", (name) => {
  const before = path.join(root, name, "before");
  const after = path.join(root, name, "after");
  const all = readdirSync(before, { recursive: true })
    .map(String)
    .filter((file) => /\.[jt]s$/.test(file));

  it("becomes what after/ says, parses, and every construct is reported once, with a reason if it is not idiomatic", async () => {
    const { texts, findings } = await migrateFiles(before, all);
    for (const file of sources(before)) {
      const expected = [path.join(after, file), path.join(before, file)].find((each) => existsSync(each)) as string;
      const text = texts.get(path.join(before, file));
      expect(text, file).toBe(readFileSync(expected, "utf8"));
      parse(text ?? "", file);
    }
    expect(
      sources(before).some(
        (file) => texts.get(path.join(before, file)) !== readFileSync(path.join(before, file), "utf8"),
      ),
    ).toBe(true);
    const keys = findings.map(
      ({ rule, file, start, end, construct }) => `${rule} ${file} ${start} ${end} ${construct}`,
    );
    expect(new Set(keys).size).toBe(keys.length);
    for (const finding of findings)
      expect(finding.reason === null, finding.construct).toBe(finding.outcome === "idiomatic");
  });
});
