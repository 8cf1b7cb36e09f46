import { execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { hostname, tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openJournal } from "./journal.js";
import { undoLastWrite } from "./undo.js";
import { writeAll } from "./write.js";
import { WriteError } from "./write-error.js";

let root: string;
beforeEach(() => {
  root = mkdtempSync(path.join(tmpdir(), "write-"));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));
const at = (name: string) => path.join(root, name);

describe("writing", () => {
  it("makes folders, keeps modes, leaves no temporary file", () => {
    writeFileSync(at("run.sh"), "old");
    chmodSync(at("run.sh"), 0o755);
    writeAll([
      { path: at("run.sh"), content: "new", expected: "old" },
      { path: at("a/b/c.bin"), content: new Uint8Array([1, 2]) },
    ]);
    expect(readFileSync(at("run.sh"), "utf8")).toBe("new");
    expect(statSync(at("run.sh")).mode & 0o777).toBe(0o755);
    expect([...readFileSync(at("a/b/c.bin"))]).toEqual([1, 2]);
    expect(readdirSync(root).sort()).toEqual(["a", "run.sh"]);
  });

  it("is all or nothing: a target that cannot be replaced puts back those before it", () => {
    writeFileSync(at("first.js"), "old");
    mkdirSync(at("folder"));
    writeFileSync(at("folder/x"), "");
    expect(() =>
      writeAll([
        { path: at("first.js"), content: "new" },
        { path: at("made/second.js"), content: "new" },
        { path: at("folder/x/third.js"), content: "new" },
      ]),
    ).toThrow(WriteError);
    expect(readFileSync(at("first.js"), "utf8")).toBe("old");
    expect(existsSync(at("made"))).toBe(false);
    expect(readdirSync(root).sort()).toEqual(["first.js", "folder"]);
  });

  it("refuses a read-only file before anything is touched", () => {
    writeFileSync(at("a.js"), "old");
    writeFileSync(at("b.js"), "old");
    chmodSync(at("b.js"), 0o444);
    expect(() =>
      writeAll([
        { path: at("a.js"), content: "new" },
        { path: at("b.js"), content: "new" },
      ]),
    ).toThrow(/b\.js is read-only/);
    expect(readFileSync(at("a.js"), "utf8")).toBe("old");
  });

  it("writes into a tree without any write bits where it may", () => {
    // Only root may write such files; for anybody else they stay read-only.
    const mayWrite = process.getuid?.() === 0;
    writeFileSync(at("a.js"), "old");
    chmodSync(at("a.js"), 0o444);
    const write = () => writeAll([{ path: at("a.js"), content: "new" }]);
    if (mayWrite) write();
    else expect(write).toThrow(/a\.js is read-only/);
    expect(readFileSync(at("a.js"), "utf8")).toBe(mayWrite ? "new" : "old");
  });
});

// Each round a process that writes is killed at some moment; whoever comes next finds the old tree, the new one, or makes it one of
// them.
describe("a process that is killed while it writes", () => {
  const script = fileURLToPath(new URL("testing/write-many.ts", import.meta.url));
  const tsx = pathToFileURL(createRequire(import.meta.url).resolve("tsx")).href;
  const FILES = 150;

  /** Kills after a time in milliseconds, or as soon as the files begin to take their places. */
  async function writeUntilKilled(generation: number, when: number | "renaming"): Promise<boolean> {
    const child = spawn(process.execPath, ["--import", tsx, script, root, String(FILES), String(generation)], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const ended = once(child, "exit");
    let hasEnded = false;
    void ended.then(() => {
      hasEnded = true;
    });
    await once(child.stdout, "data");
    if (when === "renaming") {
      const isRenaming = () => {
        try {
          return readFileSync(at(".git/connect-migrate/journal.json"), "utf8").startsWith('{"phase":"renaming"');
        } catch {
          return false;
        }
      };
      while (!hasEnded && !isRenaming()) await new Promise(setImmediate);
    } else await new Promise((resolve) => setTimeout(resolve, when));
    child.kill("SIGKILL");
    const [, signal] = await ended;
    return signal === "SIGKILL";
  }

  /** What stands in the tree: one generation, or several. */
  function generations(): string[] {
    const found = new Set<string>();
    for (let i = 0; i < FILES; i++)
      found.add(existsSync(at(`f${i}/x.txt`)) ? readFileSync(at(`f${i}/x.txt`), "utf8") : "none");
    return [...found].map((text) => text.slice(0, 8));
  }

  it("leaves a tree that is old or new, with nothing beside it", async () => {
    execFileSync("git", ["init", "-q"], { cwd: root });
    let killed = 0;
    let between = 0;
    const outcomes = { nothing: 0, "taken back": 0, completed: 0 };
    let before = "none";
    for (let round = 1; round <= 40; round++) {
      const wasKilled = await writeUntilKilled(round, round % 2 === 0 ? "renaming" : (round * 7) % 120);
      if (wasKilled) killed++;
      if (generations().length > 1) between++;
      const journal = openJournal(root, "test");
      journal.lock();
      const outcome = journal.recover();
      journal.release();
      outcomes[outcome]++;
      const made = `gen ${String(round).padStart(4, "0")}`;
      const [now, ...others] = generations();
      expect(others).toEqual([]);
      expect([before, made]).toContain(now);
      if (outcome === "taken back") expect(now).toBe(before);
      if (outcome === "completed") expect(now).toBe(made);
      before = now as string;
      const left = readdirSync(root, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".tmp"));
      expect(left).toEqual([]);
    }
    console.log(`killed ${killed} of 40 writes of ${FILES} files, ${between} of them half done:`, outcomes);
    expect(killed).toBeGreaterThan(10);
    expect(outcomes["taken back"]).toBeGreaterThan(0);
    expect(outcomes.completed).toBeGreaterThan(0);
  }, 400_000);
});

describe("a run beside another one", () => {
  it("waits for nobody: it says who works there, and takes over from the dead", () => {
    execFileSync("git", ["init", "-q"], { cwd: root });
    const first = openJournal(root, "first");
    first.lock();
    expect(() => openJournal(root, "second").lock()).toThrow(new RegExp(`process ${process.pid} on `));
    first.release();
    const gone = spawnSync(process.execPath, ["-e", "console.log(process.pid)"], { encoding: "utf8" });
    writeFileSync(
      at(".git/connect-migrate/lock.json"),
      JSON.stringify({ pid: Number(gone.stdout), host: hostname(), since: "then" }),
    );
    const second = openJournal(root, "second");
    second.lock();
    second.release();
    expect(existsSync(at(".git/connect-migrate/lock.json"))).toBe(false);
  });
});

describe("projects that share a linked node_modules", () => {
  it("have their own lock", () => {
    mkdirSync(at("shared"));
    const [one, other] = ["one", "other"].map((name) => {
      mkdirSync(at(name));
      symlinkSync(at("shared"), at(`${name}/node_modules`));
      return openJournal(at(name), name);
    });
    one?.lock();
    other?.lock();
    one?.release();
    other?.release();
    expect(readdirSync(at("shared"))).toEqual([]);
  });
});

describe("undo", () => {
  it("puts back what was, removes what was made, and refuses what changed since", () => {
    execFileSync("git", ["init", "-q"], { cwd: root });
    writeFileSync(at("a.js"), "old");
    const journal = openJournal(root, "services src");
    expect(undoLastWrite(journal)).toBeUndefined();
    const write = () =>
      writeAll(
        [
          { path: at("a.js"), content: "new" },
          { path: at("gen/deep/b.js"), content: "made" },
        ],
        journal,
      );
    write();
    writeFileSync(at("a.js"), "edited");
    expect(() => undoLastWrite(journal)).toThrow(/a\.js changed since `services src`/);
    expect(readFileSync(at("a.js"), "utf8")).toBe("edited");
    writeFileSync(at("a.js"), "new");
    expect(undoLastWrite(journal)).toMatchObject({ restored: [at("a.js")], removed: [at("gen/deep/b.js")] });
    expect(readFileSync(at("a.js"), "utf8")).toBe("old");
    expect(readdirSync(root).sort()).toEqual([".git", "a.js"]);
    expect(undoLastWrite(journal)).toBeUndefined();
  });
});
