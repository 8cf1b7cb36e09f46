import { existsSync } from "node:fs";
import { dirname, isAbsolute, resolve } from "node:path";
import { ts } from "ts-morph";
import { type ConstantScope, constantScope, constantText } from "./constant-text.js";
import type { SourceText } from "./generate-types.js";
import { pathsOfPackages } from "./package-paths.js";

/** What one source file says about protos. */
export interface ProtoReferences {
  /** Absolute paths of .proto files that exist. */
  readonly files: readonly string[];
  /** Absolute import roots (proto-loader's includeDirs) that exist. */
  readonly includeDirs: readonly string[];
  /** Paths that end in `.proto` and name no file where they were looked for: their last segments may still fit one. */
  readonly unresolved: readonly string[];
  /** Import paths in the headers of generated code: `shop/v1/shop.proto`. */
  readonly generatedFrom: readonly string[];
  /** Paths of files in the headers of proto-loader-gen-types, from where it ran: `proto/shop/v1/shop.proto`. They show no import root. */
  readonly typesOf: readonly string[];
}

/** Cheap test before parsing. */
export function mayReferenceProtos(text: string): boolean {
  return text.includes(".proto") || text.includes("includeDirs") || text.includes("@grpc/proto-loader");
}

/**
 * Finds the .proto files that a source file names: in proto-loader calls, in configuration objects, anywhere as a path.
 * `folders` are those that the program may be started in, the likeliest first.
 */
export function protoReferencesOf(source: SourceText, folders: readonly [string, ...string[]]): ProtoReferences {
  const files = new Set<string>();
  const includeDirs = new Set<string>();
  const unresolved = new Set<string>();
  const file =
    source.tree?.() ??
    ts.createSourceFile(source.path, source.text, ts.ScriptTarget.Latest, true, scriptKind(source.path));
  const scope = constantScope(file, folders[0]);
  const bases = [...folders, dirname(source.path)];

  collectIncludeDirs(file, scope, bases, includeDirs);
  const visit = (node: ts.Node): void => {
    if (ts.isExpression(node) && !ts.isIdentifier(node)) {
      const path = pathText(constantText(node, scope));
      if (path?.endsWith(".proto") && !path.includes("\n")) {
        const found = [...includeDirs, ...bases]
          .map((base) => resolve(base, path))
          .find((candidate) => existsSync(candidate));
        if (found) files.add(found);
        else unresolved.add(path);
        return;
      }
    }
    ts.forEachChild(node, visit);
  };
  visit(file);
  for (const path of pathsOfPackages(file)) files.add(path);
  return {
    files: [...files],
    includeDirs: [...includeDirs],
    unresolved: [...unresolved],
    generatedFrom: namesInHead(source.text, /(?:@generated from (?:protobuf )?file|source:)/),
    typesOf: namesInHead(source.text, /Original file:/),
  };
}

function collectIncludeDirs(
  file: ts.SourceFile,
  scope: ConstantScope,
  bases: readonly string[],
  into: Set<string>,
): void {
  const visit = (node: ts.Node): void => {
    if (ts.isPropertyAssignment(node) && /^["']?includeDirs["']?$/.test(node.name.getText())) {
      const list = ts.isIdentifier(node.initializer) ? scope.variables.get(node.initializer.text) : node.initializer;
      if (list && ts.isArrayLiteralExpression(list)) {
        for (const element of list.elements) {
          const path = pathText(constantText(element, scope));
          const found =
            path === undefined ? undefined : bases.map((base) => resolve(base, path)).find((dir) => existsSync(dir));
          if (found) into.add(found);
        }
      }
    }
    ts.forEachChild(node, visit);
  };
  visit(file);
}

/** The header comments of protoc-gen-js, ts-proto, protobuf-ts, protobuf-es and proto-loader-gen-types. */
function namesInHead(text: string, label: RegExp): string[] {
  const names = text
    .slice(0, 3000)
    .matchAll(new RegExp(`^\\s*(?:\\/\\/|\\*)\\s*${label.source}\\s*"?([\\w./-]+\\.proto)`, "gm"));
  return [...names].flatMap(([, name]) => (name && !isAbsolute(name) ? [name.replace(/^(\.\.?\/)+/, "")] : []));
}

function pathText(text: string | undefined): string | undefined {
  if (!text?.startsWith("file:")) return text;
  return decodeURIComponent(new URL(text).pathname);
}

function scriptKind(path: string): ts.ScriptKind {
  if (/\.tsx$/.test(path)) return ts.ScriptKind.TSX;
  if (/\.[cm]?ts$/.test(path)) return ts.ScriptKind.TS;
  return ts.ScriptKind.JSX;
}
