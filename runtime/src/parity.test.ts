import { execFileSync } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { Project, type Symbol as TsSymbol } from "ts-morph";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

// A program for the official packages compiles and behaves the same after changing its import specifiers, and the other way
// round: every name of theirs is one of ours, and each type can stand where the other is expected.

const root = fileURLToPath(new URL("../..", import.meta.url));

const packages = [
  { theirs: "@connectrpc/connect", ours: "runtime/src/index.ts" },
  { theirs: "@connectrpc/connect-node", ours: "runtime/src/node/index.ts" },
] as const;

/** Arguments to compare generic types with. */
const typeArguments: Record<string, string> = {
  AnyClient: "",
  CallbackClient: "<typeof Echo>",
  Client: "<typeof Echo>",
  ContextKey: "<string>",
  MethodImpl: '<(typeof Echo)["method"]["bidi"]>',
  ServiceImpl: "<typeof Echo>",
};

/** Names that are left out on purpose. */
const absent: Record<string, string> = {
  createNodeHttpClient: "private there; transports take a session manager, createUniversalHandlerClient covers tests",
  NodeHttpClientOptions: "the options of createNodeHttpClient",
};

const target = "ours also takes `target` (a gRPC name) in place of `baseUrl`, which theirs must have";
const closable = "our transports can be closed, and say so in their type";

/** Deliberate differences, each with its reason. A line that is no difference any more fails the test. */
const differences: Record<string, string> = {
  "createRouterTransport, theirs as ours": closable,
  "createGrpcWebTransport, theirs as ours": `${closable}; ${target}`,
  "createGrpcTransport, theirs as ours": `${closable}; ${target}`,
  "createConnectTransport, theirs as ours": `${closable}; ${target}`,
  "GrpcWebTransportOptions, ours as theirs": target,
  "GrpcTransportOptions, ours as theirs": target,
  "ConnectTransportOptions, ours as theirs": target,
  "Http2SessionManager, theirs as ours":
    "ours has the members that connections of a channel need; transports take theirs, too",
};

type Direction = "ours as theirs" | "theirs as ours";
const directions: Direction[] = ["ours as theirs", "theirs as ours"];

function isClass(symbol: TsSymbol): boolean {
  return declarationOf(symbol) === "ClassDeclaration";
}
function declarationOf(symbol: TsSymbol): string {
  return (symbol.getAliasedSymbol() ?? symbol).getDeclarations()[0]?.getKindName() ?? "";
}

describe("parity with the official packages", () => {
  const folder = join(root, ".cache", `parity-${process.pid}`);
  const missing: string[] = [];
  /** `name, direction` -> the compiler's words */
  const errors = new Map<string, string>();
  let compared = 0;

  beforeAll(() => {
    const project = new Project({ skipAddingFilesFromTsConfig: true, compilerOptions: { module: 199 } });
    mkdirSync(folder, { recursive: true });
    const files: string[] = [];
    const labels = new Map<string, string>();
    for (const [index, { theirs, ours }] of packages.entries()) {
      const declarations = join(root, "node_modules", theirs, "dist/esm/index.d.ts");
      const oursPath = join(root, ours);
      const exported = new Set(
        project
          .addSourceFileAtPath(oursPath)
          .getExportSymbols()
          .map((symbol) => symbol.getName()),
      );
      const specifier = (path: string) => relative(folder, path).replace(/\.ts$/, ".js");
      const lines = [
        `import type * as Theirs from "${theirs}";`,
        `import type * as Ours from "${specifier(oursPath)}";`,
        `import type { Echo } from "${specifier(join(root, "runtime/testing/gen/echo_pb.ts"))}";`,
        // A type that nothing uses is no error: a program may hold it
        "export type { Echo };",
        "type Members<T> = { [K in keyof T]: T[K] };",
      ];
      for (const symbol of project.addSourceFileAtPath(declarations).getExportSymbols()) {
        const name = symbol.getName();
        if (!exported.has(name)) {
          missing.push(name);
          continue;
        }
        compared++;
        for (const direction of directions) {
          const [from, to] = direction === "ours as theirs" ? ["Ours", "Theirs"] : ["Theirs", "Ours"];
          const type = (namespace: string) =>
            /Interface|TypeAlias/.test(declarationOf(symbol))
              ? `${namespace}.${name}${typeArguments[name] ?? ""}`
              : isClass(symbol)
                ? // Private members make classes nominal
                  `Members<InstanceType<typeof ${namespace}.${name}>>`
                : `typeof ${namespace}.${name}`;
          labels.set(`${index}.ts:${lines.length + 1}`, `${name}, ${direction}`);
          lines.push(
            `export const ${name}_${from}: ${type(to as string)} = null as unknown as ${type(from as string)};`,
          );
          if (isClass(symbol)) {
            labels.set(`${index}.ts:${lines.length + 1}`, `${name}, ${direction}`);
            const parameters = (namespace: string) => `ConstructorParameters<typeof ${namespace}.${name}>`;
            lines.push(
              `export const ${name}_${from}_new: ${parameters(to as string)} = null as unknown as ${parameters(from as string)};`,
            );
          }
        }
      }
      const file = join(folder, `${index}.ts`);
      writeFileSync(file, `${lines.join("\n")}\n`);
      files.push(file);
    }
    writeFileSync(
      join(folder, "tsconfig.json"),
      JSON.stringify({
        extends: relative(folder, join(root, "tsconfig.base.json")),
        compilerOptions: { noEmit: true, skipLibCheck: true, types: ["node"], rootDir: relative(folder, root) },
        files,
      }),
    );
    for (const block of compile(folder).split(/\n(?=\S)/)) {
      const place = /(\d+\.ts)[(:](\d+)/.exec(block);
      const label = place === null ? undefined : labels.get(`${place[1]}:${place[2]}`);
      if (label !== undefined) errors.set(label, block);
      else if (/error TS/.test(block)) errors.set(block, block);
    }
  }, 120_000);

  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it("no name of theirs is missing, but for private ones", () => {
    expect(compared).toBeGreaterThan(40);
    expect(missing.sort()).toEqual(Object.keys(absent).sort());
  });

  it("types are assignable in both directions, but for the differences listed here", () => {
    const unexpected = [...errors].filter(([label]) => !(label in differences)).map(([, text]) => text);
    expect(unexpected.join("\n")).toBe("");
    expect(Object.keys(differences).filter((label) => !errors.has(label))).toEqual([]);
  });
});

function compile(folder: string): string {
  const bin = join(dirname(fileURLToPath(import.meta.resolve("typescript/package.json"))), "bin/tsc");
  try {
    return execFileSync(process.execPath, [bin, "-p", folder, "--pretty", "false"], { encoding: "utf8" });
  } catch (e) {
    return String((e as { stdout?: string }).stdout);
  }
}
