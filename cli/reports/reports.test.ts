import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import Ajv from "ajv/dist/2020.js";
import { type Browser, chromium } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { MigrationResult } from "../../codemods/index.js";
import { reason } from "../../codemods/shared/reasons.js";
import { githubAnnotations } from "./github.js";
import { htmlReport } from "./html.js";
import { COMMENT_LIMIT, markdownReport } from "./markdown.js";
import { patchOf } from "./patch.js";
import { reportFiles } from "./report-files.js";
import { sarifReport } from "./sarif.js";

const repository = fileURLToPath(new URL("../..", import.meta.url));
const tsx = pathToFileURL(createRequire(import.meta.url).resolve("tsx")).href;
const main = path.join(repository, "cli/main.ts");
let scratch: string;
beforeAll(() => {
  scratch = realpathSync(mkdtempSync(path.join(tmpdir(), "reports-")));
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

function git(cwd: string, ...args: string[]): string {
  const run = spawnSync("git", ["-c", "user.name=t", "-c", "user.email=t@localhost", ...args], {
    cwd,
    encoding: "utf8",
  });
  if (run.status !== 0) throw new Error(`git ${args.join(" ")}: ${run.stderr}`);
  return run.stdout;
}

/** A folder in a git repository of its own, with everything committed. */
function repositoryOf(name: string, fill: (folder: string) => void): string {
  const folder = path.join(scratch, name);
  mkdirSync(folder);
  fill(folder);
  git(folder, "init", "-q");
  git(folder, "config", "core.autocrlf", "false");
  git(folder, "add", "-A");
  git(folder, "commit", "-qm", "before");
  return folder;
}

/** A result with one changed file, as long as it is about names and texts. */
function resultOf(root: string, file: string, before: string | null, after: string): MigrationResult {
  return {
    root,
    files: [{ path: path.join(root, file), status: "changed", error: null, before, after }],
    findings: [
      {
        rule: "services/callback-to-throw",
        outcome: "manual",
        construct: "callback(`err`) </script><script>alert(1)</script> @someone #12",
        reason: reason("callback-escapes", "to `x`,\n100 % of <b>them</b>"),
        file: path.join(root, file),
        start: 0,
        end: 1,
        rpc: null,
        line: 1,
        column: 1,
      },
    ],
    summary: { idiomatic: 0, bridged: 0, manual: 1, failed: 0, filesChanged: 1, filesScanned: 1 },
    extraFiles: [],
    notes: ["a | note"],
    candidates: 1,
    withMark: new Set(),
  };
}

const texts: readonly (readonly [name: string, file: string, before: string | null, after: string])[] = [
  ["line feeds", "src/a.js", "one\ntwo\nthree\n", "one\n2\nthree\n"],
  ["carriage returns", "src/a.js", "one\r\ntwo\r\nthree\r\n", "one\r\n2\r\n2b\r\nthree\r\n"],
  ["no line feed at the end", "a.js", "one\ntwo", "one\n2"],
  ["a line feed that comes", "a.js", "one\ntwo", "one\ntwo\n"],
  ["a line feed that goes", "a.js", "one\ntwo\n", "one\ntwo"],
  ["a new file", "gen/x_pb.js", null, "made\n"],
  ["a new file without a line feed", "gen/x_pb.js", null, "made"],
  ["a new empty file", "gen/empty.js", null, ""],
  ["a file that becomes empty", "a.js", "one\n", ""],
  ["a name with blanks", "my src/a b.js", "one\n", "two\n"],
  ["a name with quotes and a tab", 'odd "name"\t\\x.js', "one\n", "two\n"],
  ["a name beyond ASCII", "src/größe-数.js", "ä\n", "ö\n"],
  ["lines that look like a patch", "a.js", "--- a\n+++ b\n@@ -1 +1 @@\nx\n", "--- a\n+++ b\n@@ -1 +2 @@\ny\n"],
];

describe("a patch", () => {
  it.each(texts)("git takes it: %s", (name, file, before, after) => {
    const folder = repositoryOf(`patch ${name.replace(/\W+/g, "-")}`, (root) => {
      writeFileSync(path.join(root, "other.txt"), "other\n");
      if (before === null) return;
      mkdirSync(path.dirname(path.join(root, file)), { recursive: true });
      writeFileSync(path.join(root, file), before);
    });
    const patch = path.join(scratch, "x.patch");
    writeFileSync(patch, patchOf(reportFiles(resultOf(folder, file, before, after), folder)));
    git(folder, "apply", "--check", patch);
    git(folder, "apply", patch);
    expect(readFileSync(path.join(folder, file), "utf8")).toBe(after);
    git(folder, "apply", "--reverse", patch);
    expect(git(folder, "status", "--porcelain")).toBe("");
  });

  it.each([0, 1, 51, 52, 53, 100_000])("carries %i bytes that are no text", (size) => {
    const folder = repositoryOf(`binary ${size}`, (root) => writeFileSync(path.join(root, "other.txt"), "other\n"));
    const content = Uint8Array.from({ length: size }, (_, i) => (i * i * 31 + 7) % 256);
    const patch = path.join(scratch, "x.patch");
    writeFileSync(patch, patchOf([{ name: "vendor/a.tgz", before: null, after: content, isMachineMade: true }]));
    git(folder, "apply", patch);
    expect([...readFileSync(path.join(folder, "vendor/a.tgz"))]).toEqual([...content]);
  });
});

describe("text of a program in reports", () => {
  const [, file, before, after] = texts[9] as (typeof texts)[number];
  const result = () => resultOf(scratch, file, before, after);
  const context = { command: "services", isDryRun: true, version: "0" };

  it("is no markup in Markdown", () => {
    const text = markdownReport(result(), reportFiles(result(), scratch), scratch, context);
    expect(text).not.toContain("<b>");
    expect(text).toContain("`` callback(`err`) </script><script>alert(1)</script> @someone #12 ``");
    expect(text).toContain("100 % of &lt;b&gt;them&lt;/b&gt;");
  });

  it("ends no command of a workflow", () => {
    const lines = githubAnnotations(result(), scratch).trimEnd().split("\n");
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(
      /^::warning file=my src\/a b\.js,line=1,col=1,title=services\/callback-to-throw::callback/,
    );
    expect(lines[0]).toContain("%0A100 %25 of");
  });

  it("stays within what a comment holds, and says what is missing", () => {
    const long = { ...result(), notes: Array.from({ length: 3000 }, (_, i) => `note ${i} ${"x".repeat(80)}`) };
    const text = markdownReport(long, reportFiles(long, scratch), scratch, context);
    expect(text.length).toBeLessThanOrEqual(COMMENT_LIMIT);
    expect(text).toMatch(/^### connect-migrate services\n\n\*\*1 file would change\*\*/);
    expect(text).toMatch(/_\d+ more sections do not fit a comment/);
  });
});

const OPTIONS = ["patch", "markdown", "html", "sarif", "json"] as const;

let folder: string;
let out: string;
const report = (name: string) => readFileSync(path.join(scratch, `report.${name}`), "utf8");

describe("reports of a real run", () => {
  const run = (...args: string[]) =>
    spawnSync(process.execPath, ["--import", tsx, main, "services", ".", "--messages", "bridge", ...args], {
      cwd: folder,
      encoding: "utf8",
      env: { ...process.env, NO_COLOR: "1", FORCE_COLOR: undefined },
    });
  beforeAll(() => {
    folder = repositoryOf("real", (root) =>
      cpSync(path.join(repository, "fixtures/services/server-to-app/before"), root, { recursive: true }),
    );
    const reports = OPTIONS.flatMap((name) => [`--${name}`, path.join(scratch, `report.${name}`)]);
    out = run("--dry-run", "--github", ...reports).stdout;
    expect(git(folder, "status", "--porcelain")).toBe("");
  }, 60_000);

  it("the patch is what the run writes", () => {
    git(folder, "apply", "--check", path.join(scratch, "report.patch"));
    git(folder, "apply", path.join(scratch, "report.patch"));
    git(folder, "add", "-A");
    const patched = git(folder, "write-tree");
    git(folder, "reset", "-q", "--hard");
    run();
    git(folder, "add", "-A");
    expect(git(folder, "write-tree")).toBe(patched);
    git(folder, "reset", "-q", "--hard");
  }, 60_000);

  it("JSON is what the schema says", () => {
    const schema = JSON.parse(readFileSync(path.join(repository, "cli/reports/report.schema.json"), "utf8"));
    const validate = new Ajv.default({ strict: true, strictRequired: false, allowUnionTypes: true }).compile(schema);
    const json = JSON.parse(report("json"));
    expect(validate(json), JSON.stringify(validate.errors)).toBe(true);
    expect(json.findings.length).toBeGreaterThan(10);
    expect(validate({ ...json, findings: [{}] })).toBe(false);
  });

  it("SARIF has every finding, at its place, and fixes that make what the run makes", () => {
    const sarif = JSON.parse(report("sarif"));
    const json = JSON.parse(report("json"));
    const [{ results, tool }] = sarif.runs;
    expect(sarif.version).toBe("2.1.0");
    expect(results).toHaveLength(json.findings.length);
    for (const [index, each] of results.entries()) {
      expect(tool.driver.rules[each.ruleIndex].id).toBe(each.ruleId);
      expect(["none", "note", "warning", "error"]).toContain(each.level);
      const [{ physicalLocation }] = each.locations;
      expect(decodeURI(physicalLocation.artifactLocation.uri)).toBe(json.findings[index].file);
      expect(physicalLocation.region.startLine).toBe(json.findings[index].line);
    }
    const after = path.join(repository, "fixtures/services/server-to-app/after");
    let fixed = 0;
    for (const { fixes } of results) {
      for (const { artifactChanges } of fixes ?? []) {
        const [{ artifactLocation, replacements }] = artifactChanges;
        const [{ deletedRegion, insertedContent }] = replacements;
        const before = readFileSync(path.join(folder, artifactLocation.uri), "utf8").split("\n");
        const offset = (line: number, column: number) =>
          before.slice(0, line - 1).reduce((sum, text) => sum + text.length + 1, 0) + column - 1;
        const text = before.join("\n");
        const { startLine, startColumn, endLine, endColumn } = deletedRegion;
        const made =
          text.slice(0, offset(startLine, startColumn)) + insertedContent.text + text.slice(offset(endLine, endColumn));
        if (existsSync(path.join(after, artifactLocation.uri)))
          expect(made).toBe(readFileSync(path.join(after, artifactLocation.uri), "utf8"));
        fixed++;
      }
    }
    expect(fixed).toBeGreaterThan(3);
  });

  it("annotations name files and lines", () => {
    const json = JSON.parse(report("json"));
    const annotated = out.split("\n").filter((line) => line.startsWith("::"));
    expect(annotated).toHaveLength(
      json.findings.filter((each: { outcome: string }) => each.outcome !== "idiomatic").length,
    );
  });
});

const executable = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find(existsSync);
// Chromium is no npm package that installs without a download: `.ci/run` installs it, elsewhere the page is not opened.
describe.skipIf(executable === undefined)("the page, in Chromium", () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await chromium.launch({ executablePath: executable as string, args: ["--no-sandbox"] });
  }, 30_000);
  afterAll(() => browser?.close());

  it("shows, filters and walks the findings, in dark and light, without a network", async () => {
    const page = await browser.newPage({ colorScheme: "dark", viewport: { width: 1280, height: 900 } });
    const problems: string[] = [];
    page.on("pageerror", (error) => problems.push(String(error)));
    page.on("console", (message) => {
      if (message.type() === "error") problems.push(message.text());
    });
    page.on("request", (request) => {
      if (!request.url().startsWith("file:")) problems.push(request.url());
    });
    await page.goto(pathToFileURL(path.join(scratch, "report.html")).href.replace(/\.html$/, ".html"));
    const json = JSON.parse(report("json"));
    const shown = () => page.locator(".finding").count();
    expect(await shown()).toBe(json.findings.length);
    const outcomes = (name: string) =>
      json.findings.filter((each: { outcome: string }) => each.outcome === name).length;
    await page.click('.count[data-outcome="idiomatic"]');
    expect(await shown()).toBe(json.findings.length - outcomes("idiomatic"));
    await page.keyboard.press("Escape");
    expect(await shown()).toBe(json.findings.length);
    await page.selectOption("select >> nth=1", "factory.js");
    expect(await shown()).toBe(json.findings.filter((each: { file: string }) => each.file === "factory.js").length);
    expect(await page.locator("details[data-file]").count()).toBe(1);
    expect(await page.locator("td.added").first().textContent()).toMatch(/\S/);
    await page.keyboard.press("Escape");
    await page.keyboard.press("j");
    await page.keyboard.press("j");
    expect(await page.evaluate(() => document.activeElement?.getAttribute("data-index"))).toBe("1");
    const dark = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    await page.emulateMedia({ colorScheme: "light" });
    expect(await page.evaluate(() => getComputedStyle(document.body).backgroundColor)).not.toBe(dark);
    // On paper: dark text on white, whatever the screen has, every diff open, signs beside the colours
    await page.emulateMedia({ media: "print", colorScheme: "dark" });
    await page.evaluate(() => dispatchEvent(new Event("beforeprint")));
    const paper = await page.evaluate(() => ({
      background: getComputedStyle(document.body).backgroundColor,
      text: getComputedStyle(document.body).color,
      bar: getComputedStyle(document.querySelector(".bar") as Element).display,
      open: [...document.querySelectorAll("details")].every((each) => each.open),
      sign: getComputedStyle(document.querySelector("td.added") as Element, "::before").content,
    }));
    expect(paper).toEqual({
      background: "rgb(255, 255, 255)",
      text: "rgb(28, 32, 36)",
      bar: "none",
      open: true,
      sign: '"+ "',
    });
    expect((await page.pdf({ format: "A4" })).byteLength).toBeGreaterThan(10_000);
    await page.emulateMedia({ media: "screen", colorScheme: "light" });
    const picture = await page.screenshot({ path: path.join(scratch, "report.png") });
    expect(picture.byteLength).toBeGreaterThan(20_000);
    if (process.env.SCREENSHOT) writeFileSync(process.env.SCREENSHOT, picture);
    expect(problems).toEqual([]);
    await page.close();
  }, 30_000);

  it("runs nothing that a program's text contains", async () => {
    const result = resultOf(
      scratch,
      "a.js",
      "</script><script>window.bad = 1</script>\n",
      "<img src=x onerror='window.bad=1'>\n",
    );
    const place = path.join(scratch, "hostile.html");
    writeFileSync(
      place,
      htmlReport(result, reportFiles(result, scratch), scratch, {
        command: "services",
        isDryRun: true,
        version: "0",
      }),
    );
    const page = await browser.newPage();
    await page.goto(pathToFileURL(place).href);
    expect(await page.locator(".finding code").first().textContent()).toContain("</script><script>alert(1)");
    expect(await page.evaluate(() => (window as unknown as { bad?: number }).bad)).toBeUndefined();
    await page.close();
  });
});

it("SARIF of a run that wrote has no fixes", () => {
  const result = resultOf(scratch, "a.js", "one\n", "two\n");
  const sarif = JSON.stringify(
    sarifReport(result, reportFiles(result, scratch), scratch, { version: "0", isDryRun: false }),
  );
  expect(sarif).not.toContain('"fixes"');
});
