import path from "node:path";
import { parse, SourceSyntaxError } from "../shared/parse.js";
import { positionOf } from "../shared/position.js";
import { discover, projectRoot } from "./discover.js";
import { grpcUses } from "./uncovered.js";

/** What a file still has of grpc-js, and what the migration left in it. */
export interface FileUsage {
  /** Absolute. */
  readonly path: string;
  /** Uses of grpc-js and proto-loader by member (`Server`, `status.NOT_FOUND`), each with its line. */
  readonly uses: readonly { readonly construct: string; readonly line: number }[];
  /** Rule ids of the TODO lines that the tool wrote, with their lines. */
  readonly todos: readonly { readonly rule: string; readonly line: number }[];
  /** Names imported from the runtime's bridges. */
  readonly bridges: readonly string[];
  /** Names imported from the rest of the runtime or from the official packages. */
  readonly connect: readonly string[];
}

export interface Usage {
  readonly root: string;
  /** Files that have anything of it, by path. */
  readonly files: readonly FileUsage[];
  /** Files that do not parse. */
  readonly broken: readonly { readonly path: string; readonly message: string }[];
}

const TODO = /TODO\(connect-migrate\/([\w/-]+)\)/g;
const IMPORT =
  /(?:import|export|const|let|var)\s*(?:type\s*)?\{([^}]*)\}\s*(?:from\s*|=\s*(?:await\s+import|require)\s*\(\s*)['"](@connect-migrate\/runtime[\w/-]*|@connectrpc\/connect[\w/-]*)['"]/g;

/** Counts what is left, by syntax alone: no types, no .proto files. */
export async function takeUsage(options: { readonly cwd: string; readonly paths: readonly string[] }): Promise<Usage> {
  const paths = options.paths.map((file) => path.resolve(options.cwd, file));
  const root = projectRoot(paths, options.cwd);
  const { selected, texts, generated } = await discover({ root, paths });
  const files: FileUsage[] = [];
  const broken: { path: string; message: string }[] = [];
  const machineMade = new Set(generated);
  for (const file of selected) {
    const text = texts.get(file) ?? "";
    if (machineMade.has(file)) continue;
    try {
      const usage = usageOf(file, text);
      if (usage.uses.length + usage.todos.length + usage.bridges.length + usage.connect.length > 0) files.push(usage);
    } catch (error) {
      if (!(error instanceof SourceSyntaxError)) throw error;
      broken.push({ path: file, message: `${error.line}:${error.column}: ${error.message}` });
    }
  }
  return { root, files, broken };
}

function usageOf(file: string, text: string): FileUsage {
  const lineOf = (offset: number) => positionOf(text, offset).line;
  const seen = new Set<number>();
  const uses = /@grpc\/|['"]grpc['"]/.test(text)
    ? grpcUses(parse(text, file)).filter(({ node }) => !seen.has(node.start) && seen.add(node.start))
    : [];
  const todos = [...text.matchAll(TODO)].map((match) => ({ rule: match[1] ?? "", line: lineOf(match.index) }));
  const bridges: string[] = [];
  const connect: string[] = [];
  for (const [, names = "", module = ""] of text.matchAll(IMPORT)) {
    const list = names.split(",").map((name) => name.replace(/^\s*(?:type\s+)?([\w$]+)[\s\S]*$/, "$1"));
    (module === "@connect-migrate/runtime/grpc-js" ? bridges : connect).push(...list.filter((name) => name !== ""));
  }
  return {
    path: file,
    uses: uses
      .sort((a, b) => a.node.start - b.node.start)
      .map(({ construct, node }) => ({ construct, line: lineOf(node.start) })),
    todos,
    bridges,
    connect,
  };
}
