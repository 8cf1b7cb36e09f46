import type { SourceFile } from "ts-morph";
import {
  type File,
  isFunction,
  isIdentifier,
  memberName,
  nodeAt,
  parentMap,
  type Node as TreeNode,
  walk,
} from "../shared/ast.js";
import { scopesOf } from "../shared/scope.js";
import type { RpcSite } from "./client-errors.js";

/** Calls that may fail with an error of a call. */
export interface Reach {
  readonly calls: ReadonlyMap<SourceFile, ReadonlySet<TreeNode>>;
  /** Names of functions that make such calls, directly or through each other. */
  readonly names: ReadonlySet<string>;
}

export function callsOf(
  sites: readonly RpcSite[],
  trees: (file: SourceFile) => File | undefined,
): Map<SourceFile, Set<TreeNode>> {
  const calls = new Map<SourceFile, Set<TreeNode>>();
  for (const { node } of sites) {
    const tree = trees(node.getSourceFile());
    const found = tree && nodeAt(tree, node.getStart(), node.getEnd());
    if (!found) continue;
    const set = calls.get(node.getSourceFile()) ?? new Set();
    set.add(found);
    calls.set(node.getSourceFile(), set);
  }
  return calls;
}

export function reachOf(
  sites: readonly RpcSite[],
  files: readonly { file: SourceFile; tree: File }[],
  trees: (file: SourceFile) => File | undefined,
): Reach {
  const calls = callsOf(sites, trees);
  // What holds the promise or the stream fails where it is waited for.
  for (const [file, own] of calls) {
    const tree = trees(file);
    if (!tree) continue;
    for (const call of [...own]) {
      const declarator = parentMap(tree).get(call);
      if (declarator?.type !== "VariableDeclarator" || !isIdentifier(declarator.id)) continue;
      for (const reference of scopesOf(tree).bindingOf(declarator.id)?.references ?? []) own.add(reference);
    }
  }
  const names = new Set<string>();
  for (let size = -1; size !== names.size; ) {
    size = names.size;
    for (const { file, tree } of files) {
      walk(tree, (node, parents) => {
        if (!calls.get(file)?.has(node) && !isCallOf(node, names, file)) return;
        for (const [index, parent] of parents.entries()) {
          if (!isFunction(parent)) continue;
          const name = functionName(parent, parents[index + 1]);
          if (name === undefined || name === "constructor") continue;
          // A function that its file keeps for itself is called there only.
          const isOwn = isStatementFunction(parent, parents[index + 1]) && !isExportedName(file, name);
          names.add(isOwn ? `${file.getFilePath()}#${name}` : name);
        }
      });
    }
  }
  return { calls, names };
}

export function isCallOf(node: TreeNode, names: ReadonlySet<string>, file: SourceFile): boolean {
  if (node.type !== "CallExpression" && node.type !== "OptionalCallExpression") return false;
  if (isIdentifier(node.callee))
    return names.has(node.callee.name) || names.has(`${file.getFilePath()}#${node.callee.name}`);
  const name = memberName(node.callee);
  return name !== undefined && names.has(name);
}

function isStatementFunction(node: TreeNode, parent: TreeNode | undefined): boolean {
  return node.type === "FunctionDeclaration" || parent?.type === "VariableDeclarator";
}

function isExportedName(file: SourceFile, name: string): boolean {
  const word = name.replaceAll("$", "\\$");
  const pattern = `export\\s+(?:default\\s+)?(?:async\\s+)?(?:function\\*?|const|let|var)?\\s*${word}\\b|exports[^;]*\\b${word}\\b|export\\s*\\{[^}]*\\b${word}\\b`;
  return new RegExp(pattern).test(file.getFullText());
}

export function functionName(node: TreeNode, parent: TreeNode | undefined): string | undefined {
  if (node.id?.type === "Identifier") return node.id.name;
  if (node.key?.type === "Identifier") return node.key.name;
  if (!parent) return undefined;
  if (parent.type === "VariableDeclarator" && isIdentifier(parent.id)) return parent.id.name;
  if ((parent.type === "ObjectProperty" || parent.type === "ClassProperty") && isIdentifier(parent.key))
    return parent.key.name;
  if (parent.type === "AssignmentExpression") return memberName(parent.left) ?? parent.left.name;
  return undefined;
}
