import { spawn, spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { structuredPatch } from "diff";
import { afterEach, describe, expect, it, vi } from "vitest";
import { choiceOf } from "./interactive.js";
import { main, project, proto, removeProjects, server, status, tsx } from "./testing/cli.js";

// Each test starts the command several times.
vi.setConfig({ testTimeout: 240_000 });
afterEach(removeProjects);

const files = {
  "package.json": '{ "name": "x" }\n',
  "a.proto": proto,
  "one.js": server.replace(
    "const server =",
    `// Far away,
// so that this
// is a hunk
// of its own:
// one,
// two,
// three.
const server =`,
  ),
};
const twice = { ...files, "two.js": files["one.js"] };

function answer(root: string, lines: string, ...args: string[]) {
  const command = ["--import", tsx, main, "services", "--interactive", "--runtime", "npm", ...args];
  const env = { ...process.env, NO_COLOR: "1", FORCE_COLOR: undefined };
  return spawnSync(process.execPath, command, { cwd: root, encoding: "utf8", input: lines, env });
}
const read = (root: string, name: string) => readFileSync(path.join(root, name), "utf8");

describe("--interactive, with answers from a pipe", () => {
  it("writes the files whose hunks were taken and says what was left", () => {
    const root = project(twice);
    const { status: code, stdout } = answer(root, "a\nd\n");
    expect(stdout).toContain("one.js: hunk 1 of 2");
    expect(stdout).toMatch(/You left this change out/);
    expect(code).toBe(3);
    expect(read(root, "one.js")).toContain("createApp");
    expect(read(root, "two.js")).toBe(files["one.js"]);
    // grpc-js is still in use
    expect(read(root, "package.json")).toContain("@connect-migrate/runtime");
  });

  it("nothing is taken: nothing is written", () => {
    const root = project(twice);
    const { status: code } = answer(root, "q\n");
    expect(code).toBe(3);
    expect(status(root)).toBe("");
  });

  it("all is taken: what a run without questions writes", () => {
    const [asked, straight] = [project(twice), project(twice)];
    expect(answer(asked, "A\n").status).toBe(0);
    spawnSync(process.execPath, ["--import", tsx, main, "services", "--runtime", "npm"], { cwd: straight });
    for (const name of ["one.js", "two.js", "package.json", "gen/a_pb.js"])
      expect(read(asked, name)).toBe(read(straight, name));
  });

  it("hunks that do not stand alone are not written", () => {
    // TypeScript, where the compiler sees that half of the change is missing
    const root = project({
      ...files,
      "package.json": '{ "name": "x", "type": "module" }\n',
      "tsconfig.json": '{ "compilerOptions": { "strict": true, "module": "NodeNext", "target": "ES2022" } }\n',
      "one.js": "",
      "one.ts": files["one.js"]
        .replace(/const (\w+) = require\('([^']+)'\)/g, "import * as $1 from '$2'")
        .replace("path.join(__dirname, 'a.proto')", "'a.proto'")
        .replace(
          "const { a } = grpc.loadPackageDefinition(definition);",
          "const a = (grpc.loadPackageDefinition(definition) as any).a;",
        )
        .replace("(call, callback)", "(call: grpc.ServerUnaryCall<any, any>, callback: grpc.sendUnaryData<any>)"),
    });
    const { status: code, stdout } = answer(root, "n\ny\nq\n");
    expect(stdout).toMatch(/failed: one\.ts: what you took of it does not stand alone: /);
    expect(code).toBe(1);
    expect(status(root)).toBe("");
  });

  it("answers that are none, and too few of them, write nothing", () => {
    const root = project(twice);
    const wrong = answer(root, "maybe\n");
    expect([wrong.status, wrong.stderr]).toEqual([1, expect.stringMatching(/"maybe" is no answer\. There is y \(/)]);
    const few = answer(root, "y\n");
    expect([few.status, few.stderr]).toEqual([1, expect.stringMatching(/the answers ended before the hunks did/)]);
    expect(status(root)).toBe("");
  });
});

// util-linux's script gives a program a terminal.
describe.skipIf(!existsSync("/usr/bin/script"))("--interactive, at a terminal", () => {
  it("asks with a menu: Enter takes a hunk, Escape gives up", async () => {
    /** Presses a key whenever the menu is drawn anew. */
    const command = (root: string, key: string) => {
      const words = `stty cols 120 rows 40; exec ${process.execPath} --import ${tsx} ${main} services --interactive --runtime npm`;
      const child = spawn("/usr/bin/script", ["-qefc", words, "/dev/null"], {
        cwd: root,
        env: { ...process.env, TERM: "xterm" },
      });
      const timer = setTimeout(() => child.kill("SIGKILL"), 60_000);
      let stdout = "";
      let asked = 0;
      child.stdout.on("data", (chunk) => {
        stdout += chunk;
        const menus = stdout.match(/hunk \d+ of \d+/g)?.length ?? 0;
        if (menus > asked && /leave out everything else/.test(stdout.slice(stdout.lastIndexOf("hunk ")))) {
          asked = menus;
          setTimeout(() => child.stdin.write(key), 300);
        }
      });
      return new Promise<{ status: number | null; stdout: string }>((resolve) =>
        child.once("close", (status) => {
          clearTimeout(timer);
          resolve({ status, stdout });
        }),
      );
    };
    const taken = project(files);
    const yes = await command(taken, "\r");
    expect(yes.stdout).toContain("take this hunk");
    expect(yes.status).toBe(0);
    expect(read(taken, "one.js")).toContain("createApp");
    const left = project(files);
    const no = await command(left, "\u001b");
    expect(no.stdout).toContain("Given up: nothing was written.");
    expect(no.status).toBe(1);
    expect(status(left)).toBe("");
  });
});

it("any choice of hunks is the old text with just these changes", () => {
  const before = Array.from({ length: 60 }, (_, i) => `line ${i}`);
  const after = before.flatMap((line, i) => (i % 20 === 5 ? [`changed ${i}`, "added"] : i % 20 === 15 ? [] : [line]));
  for (const eol of ["\n", "\r\n"]) {
    const change = { path: "/a", before: before.join(eol), after: after.join(eol) };
    const patch = structuredPatch("a", "a", change.before, change.after, undefined, undefined, { context: 3 });
    expect(patch.hunks.length).toBe(6);
    for (let mask = 0; mask < 1 << patch.hunks.length; mask++) {
      const taken = new Set(patch.hunks.filter((_, i) => mask & (1 << i)));
      const expected = before.flatMap((line, i) => {
        const isTaken = mask & (1 << (Math.floor(i / 20) * 2 + (i % 20 === 15 ? 1 : 0)));
        if (i % 20 === 5 && isTaken) return [`changed ${i}`, "added"];
        return i % 20 === 15 && isTaken ? [] : [line];
      });
      const { text, left } = choiceOf(change, patch, taken);
      expect(text).toBe(expected.join(eol));
      expect(left.length).toBe(patch.hunks.length - taken.size);
    }
  }
});
