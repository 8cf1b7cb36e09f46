import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it, vi } from "vitest";
import { parse } from "yaml";
import { commit, git, project, proto, removeProjects, server } from "./testing/cli.js";

// Each test starts the command several times.
vi.setConfig({ testTimeout: 240_000 });
afterAll(removeProjects);

interface Step {
  readonly name: string;
  readonly id?: string;
  readonly if?: string;
  readonly uses?: string;
  readonly shell?: string;
  readonly run?: string;
  readonly env?: Record<string, string>;
  readonly "working-directory"?: string;
}

const repository = fileURLToPath(new URL("..", import.meta.url));
const text = readFileSync(path.join(repository, "action.yml"), "utf8");
const action = parse(text) as { inputs: Record<string, { default?: string }>; runs: { using: string; steps: Step[] } };
const { steps } = action.runs;

const files = {
  "package.json": '{ "name": "x" }\n',
  "a.proto": proto,
  // Its messages stay on the bridge, which an annotation says.
  "one.js": server.replace("'a.proto')", "'a.proto'), JSON.parse(process.env.LOADER ?? '{}')"),
};

/** Runs the script of a step as a runner does, with these inputs. */
function runStep(name: string, root: string, inputs: Record<string, string>) {
  const step = steps.find((each) => each.name === name) as Step;
  const temp = project({}, { git: false });
  const values = Object.fromEntries(
    Object.entries(action.inputs).map(([key, { default: value = "" }]) => [key, value]),
  );
  const filled = (given: string) =>
    given.replace(/\$\{\{ inputs\.([\w-]+) \}\}/g, (_, key: string) => inputs[key] ?? values[key] ?? "");
  const env = Object.fromEntries(Object.entries(step.env ?? {}).map(([key, value]) => [key, filled(value)]));
  const [output, summary] = [path.join(temp, "output"), path.join(temp, "summary")];
  writeFileSync(output, "");
  writeFileSync(summary, "");
  const result = spawnSync("bash", ["--noprofile", "--norc", "-eo", "pipefail", "-c", step.run as string], {
    cwd: path.join(root, filled(step["working-directory"] ?? ".")),
    encoding: "utf8",
    env: {
      ...process.env,
      ...env,
      RUNNER_TEMP: temp,
      GITHUB_ACTION_PATH: repository,
      GITHUB_OUTPUT: output,
      GITHUB_STEP_SUMMARY: summary,
    },
  });
  return {
    code: result.status,
    out: result.stdout + result.stderr,
    outputs: readFileSync(output, "utf8"),
    summary: readFileSync(summary, "utf8"),
    report: (kind: string) => readFileSync(path.join(temp, "connect-migrate", `report.${kind}`), "utf8"),
  };
}

describe("action.yml", () => {
  it("names only inputs and steps that there are, and no script holds an expression", () => {
    expect(action.runs.using).toBe("composite");
    for (const [, name] of text.matchAll(/inputs\.([\w-]+)/g)) expect(Object.keys(action.inputs)).toContain(name);
    for (const [, id] of text.matchAll(/steps\.([\w-]+)\./g)) expect(steps.some((step) => step.id === id)).toBe(true);
    for (const step of steps) {
      expect(Boolean(step.run) !== Boolean(step.uses)).toBe(true);
      if (step.uses !== undefined) expect(step.uses).toMatch(/@v\d+$/);
      // What a pull request says would be a part of the script.
      else expect(step.run).not.toContain("${{");
      if (step.run !== undefined) expect(spawnSync("bash", ["-n", "-c", step.run]).status).toBe(0);
    }
  });

  it("the report: outputs, a summary, four files, annotations; a failure fails", () => {
    const root = project(files);
    const made = runStep("Report", root, { "changed-since": "" });
    expect(made.code, made.out).toBe(0);
    expect(made.outputs).toMatch(/^exit-code=2\nreports=.*connect-migrate\ncommand=.*main\.js\n$/);
    expect(made.summary).toMatch(/1 file would change/);
    expect(made.out).toMatch(/^::(notice|warning) file=one\.js/m);
    expect(JSON.parse(made.report("sarif")).version).toBe("2.1.0");
    expect(JSON.parse(made.report("json")).summary.filesChanged).toBe(1);
    expect(made.report("html")).toContain("<!doctype html>");
    writeFileSync(path.join(root, "one.js"), "const grpc = require('@grpc/grpc-js');\nconst = 1;\n");
    const failed = runStep("Report", root, { "changed-since": "" });
    expect([failed.code, failed.outputs]).toEqual([1, expect.stringMatching(/^exit-code=1\n/)]);
  });

  it("verify: passes for what the tool makes, and for nothing else", () => {
    const root = project(files);
    git(root, "branch", "start");
    spawnSync(process.execPath, [path.join(repository, "dist/cli/main.js"), "services"], { cwd: root });
    commit(root);
    const inputs = { "changed-since": "start" };
    expect(runStep("Verify", root, inputs)).toMatchObject({ code: 0, out: expect.stringMatching(/^Equal: /m) });
    writeFileSync(path.join(root, "one.js"), `${server}// by hand\n`);
    expect(runStep("Verify", root, inputs)).toMatchObject({ code: 1, out: expect.stringMatching(/one\.js: /) });
  });
});
