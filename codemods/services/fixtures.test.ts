import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, it } from "vitest";
import { runMigration, writeMigration } from "../pipeline.js";

const repository = path.join(path.dirname(fileURLToPath(import.meta.url)), "..", "..");
const root = path.join(repository, "fixtures", "services");
const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

/** A file that is not in `after/` must not change. */
describe.each(readdirSync(root))("%s", (name) => {
  it("becomes what after/ says, with a reason where it is not idiomatic, and a second run changes nothing", async () => {
    const before = path.join(root, name, "before");
    const folder = mkdtempSync(path.join(tmpdir(), "services-fixture-"));
    folders.push(folder);
    cpSync(before, folder, { recursive: true });
    symlinkSync(path.join(repository, "node_modules"), path.join(folder, "node_modules"));
    const migrate = () =>
      runMigration({
        cwd: folder,
        paths: ["."],
        side: "services",
        target: "bundled",
        messages: "auto",
        runtime: "npm",
      });
    const result = await migrate();
    expect(result.summary.failed).toBe(0);
    for (const finding of result.findings)
      expect(finding.reason === null, `${finding.construct}: ${finding.reason?.text}`).toBe(
        finding.outcome === "idiomatic",
      );
    await writeMigration(result);
    const sources = readdirSync(before, { recursive: true })
      .map(String)
      .filter((file) => /\.[cm]?[jt]s$/.test(file));
    for (const file of sources) {
      const expected = [path.join(root, name, "after", file), path.join(before, file)].find((each) => existsSync(each));
      expect(readFileSync(path.join(folder, file), "utf8"), file).toBe(readFileSync(expected as string, "utf8"));
    }
    const again = await migrate();
    expect(again.files.filter(({ status }) => status !== "unchanged").map((file) => file.path)).toEqual([]);
  });
});
