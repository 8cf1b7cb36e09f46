import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { describe, expect, it } from "vitest";
import { clientRules } from "./clients/index.js";
import { messageRules } from "./messages/index.js";
import { serviceRules } from "./services/index.js";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const guide = readFileSync(path.join(root, "MIGRATION.md"), "utf8");
const headings = [...guide.matchAll(/^### `?([a-z-]+\/[a-z-]+)`?$/gm)].map((match) => match[1]);
const ids = [...new Set([...serviceRules, ...clientRules, ...messageRules].map((rule) => rule.id))].sort();

describe("a rule is four places with one name", () => {
  it.each(ids)("%s", async (id) => {
    const file = path.join(root, "codemods", `${id}.ts`);
    expect(existsSync(file), `codemods/${id}.ts`).toBe(true);
    const module = (await import(pathToFileURL(file).href)) as { default: unknown; rule: { id: string } };
    expect(module.default, `the default export of codemods/${id}.ts is a jscodeshift transform`).toBeTypeOf("function");
    expect(module.rule.id).toBe(id);
    expect(existsSync(path.join(root, "fixtures", id, "before")), `fixtures/${id}/before`).toBe(true);
    expect(headings, `a section ### ${id} in MIGRATION.md`).toContain(id);
  });

  it("nothing else claims to be a rule", () => {
    const fixtures = ["services", "clients", "messages", "errors"].flatMap((side) =>
      existsSync(path.join(root, "fixtures", side))
        ? readdirSync(path.join(root, "fixtures", side)).map((name) => `${side}/${name}`)
        : [],
    );
    expect(fixtures.filter((id) => !ids.includes(id))).toEqual([]);
    expect(headings.filter((id) => !ids.includes(id!) && !id!.startsWith("project/"))).toEqual([]);
  });
});
