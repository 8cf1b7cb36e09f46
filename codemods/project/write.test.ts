import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { WriteError, writeAll } from "./write.js";

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
