import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { ts } from "ts-morph";
import { expect, it } from "vitest";
import type { GenerateResult } from "../generate/index.js";
import { tempProject } from "../generate/testing/temp-project.js";
import { COMPAT_NAMES, officialModule } from "../shared/official.js";
import { compatFiles, compatPlace } from "./compat-file.js";

const repository = path.resolve(import.meta.dirname, "../..");
const source = path.join(repository, "codemods/official/connect-compat.ts");

function textFor(root: string, language: "ts" | "js"): [file: string, text: string] {
  const layout = { outDir: path.join(root, "gen"), importExtension: ".js" };
  const place = compatPlace({ plan: { layout, language, options: [] } } as unknown as GenerateResult);
  if (!place) throw new Error("no place");
  const user = path.join(root, "src/server.js");
  expect(place.specifierFor(user)).toBe("../gen/connect-compat.js");
  const created = compatFiles([place], new Map([[user, `import '${place.specifierFor(user)}'`]]));
  expect(compatFiles([place], new Map([[user, "import './other.js'"]])).size).toBe(0);
  return [...created][0] as [string, string];
}

it("connect-compat exports the names that rules ask it for", () => {
  const program = ts.createProgram([source], {
    skipLibCheck: true,
    module: ts.ModuleKind.NodeNext,
    target: ts.ScriptTarget.ES2022,
  });
  const file = program.getSourceFile(source);
  const symbol = file && program.getTypeChecker().getSymbolAtLocation(file);
  const names = symbol
    ? program
        .getTypeChecker()
        .getExportsOfModule(symbol)
        .map(({ name }) => name)
    : [];
  expect(names.sort()).toEqual([...COMPAT_NAMES].sort());
}, 60_000);

it("the names that are asked of the official packages are there", async () => {
  const types = ["index.d.ts", "protocol/index.d.ts"].map((file) =>
    readFileSync(path.join(repository, "node_modules/@connectrpc/connect/dist/esm", file), "utf8"),
  );
  const node = readFileSync(path.join(repository, "node_modules/@connectrpc/connect-node/dist/esm/index.d.ts"), "utf8");
  const asked =
    "ConnectError Code createContextKey Client CallOptions HandlerContext Interceptor UnaryRequest createWritableIterable";
  for (const name of `${asked} compressionGzip`.split(" ")) {
    const module = officialModule("@connect-migrate/runtime", name);
    const text = module === "@connectrpc/connect-node" ? node : module?.endsWith("/protocol") ? types[1] : types[0];
    expect(text).toMatch(new RegExp(`\\b${name}\\b`));
  }
});

it.each(["commonjs", "module"])("stands in a JavaScript project of type %s by itself", (type) => {
  using project = tempProject({ "package.json": JSON.stringify({ type }), "gen/.keep": "" });
  const [file, text] = textFor(project.root, "js");
  expect(text).toContain("It is yours: change it");
  expect(text).not.toMatch(/runtime\/src|biome-ignore|: unknown/);
  expect(ts.transpileModule(text, { reportDiagnostics: true }).diagnostics).toEqual([]);
  if (type === "module") {
    expect(text).toMatch(/^export function createApp\(/m);
    return;
  }
  writeFileSync(path.join(project.root, "gen/connect-compat.cjs"), text);
  const code = text.replace(
    /require\("(@[^"]+)"\)/g,
    (_, name) => `require(${JSON.stringify(createRequire(source).resolve(name))})`,
  );
  writeFileSync(file.replace(/js$/, "cjs"), code);
  const exported = createRequire(source)(file.replace(/js$/, "cjs"));
  for (const name of [...COMPAT_NAMES].filter((one) => /^[a-z]/.test(one)))
    expect(typeof exported[name], name).toBe("function");
});

it("stands in a TypeScript project by itself, and under its strictest options", () => {
  using project = tempProject({ "package.json": '{ "type": "module" }', "gen/.keep": "" });
  const [file, text] = textFor(project.root, "ts");
  expect(file).toBe(path.join(project.root, "gen/connect-compat.ts"));
  expect(text).not.toMatch(/runtime\/src|biome-ignore/);
  symlinkSync(path.join(repository, "node_modules"), path.join(project.root, "node_modules"));
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, text);
  const strict = "strict noUncheckedIndexedAccess exactOptionalPropertyTypes noImplicitReturns noImplicitOverride";
  const compilerOptions = {
    ...Object.fromEntries(
      `${strict} verbatimModuleSyntax isolatedModules skipLibCheck noEmit`.split(" ").map((one) => [one, true]),
    ),
    ...{ target: "ES2022", module: "NodeNext", types: ["node"] },
  };
  writeFileSync(path.join(project.root, "tsconfig.json"), JSON.stringify({ compilerOptions, include: ["gen"] }));
  const { stdout, status } = spawnSync(path.join(repository, "node_modules/.bin/tsc"), ["-p", project.root], {
    encoding: "utf8",
  });
  expect(stdout).toBe("");
  expect(status).toBe(0);
}, 60_000);
