import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { codeOwners } from "./code-owners.js";

const root = mkdtempSync(path.join(tmpdir(), "owners-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

function owners(text: string, file: string): string {
  mkdirSync(path.join(root, ".github"), { recursive: true });
  writeFileSync(path.join(root, ".github", "CODEOWNERS"), text);
  return codeOwners(root)(file).join(" ");
}

describe("CODEOWNERS", () => {
  it.each([
    ["the last line that fits counts", "* @all\n*.js @js\n/a.js @a", "a.js", "@a"],
    ["and it may take the owners away", "* @all\n/gen/", "gen/x.js", ""],
    ["a name fits in every folder", "handlers.js @h", "packages/a/src/handlers.js", "@h"],
    ["a path with a slash is from the root", "src/handlers.js @h", "packages/a/src/handlers.js", ""],
    ["a folder fits all below it", "/packages/a/ @a", "packages/a/src/x/y.js", "@a"],
    ["a folder without the last slash too", "packages/a @a", "packages/a/src/x/y.js", "@a"],
    ["but not what only begins like it", "packages/a @a", "packages/ab/x.js", ""],
    ["a star stays in its folder", "/packages/*/main.js @m", "packages/a/src/main.js", ""],
    ["a star at the end is for files of that folder", "docs/* @d", "docs/more/a.md", ""],
    ["two stars cross folders", "/packages/**/main.js @m", "packages/a/src/main.js", "@m"],
    ["several owners, and a comment", "*.ts @a @b # the typed ones", "x.ts", "@a @b"],
    ["a dot is a dot", "a.js @a", "abjs", ""],
    ["a section of GitLab is no pattern", "[Backend] @b\n*.js @js", "[Backend]", ""],
  ])("%s", (_what, text, file, expected) => {
    expect(owners(text, file)).toBe(expected);
  });

  it("no such file: nobody", () => {
    expect(codeOwners(path.join(root, "elsewhere"))("a.js")).toEqual([]);
  });
});
