import type { SourceFile } from "ts-morph";
import {
  type File,
  functionOf,
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
  /** What else may fail like them. */
  more: ReadonlyMap<SourceFile, ReadonlySet<TreeNode>> = new Map(),
): Reach {
  const calls = callsOf(sites, trees);
  for (const [file, nodes] of more) {
    const own = calls.get(file) ?? new Set();
    for (const node of nodes) own.add(node);
    calls.set(file, own);
  }
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
  /** What stands in a function makes the function one that may fail. */
  const addAround = (node: TreeNode, file: SourceFile, tree: File): void => {
    const parents = parentMap(tree);
    for (let owner = functionOf(node, parents); owner; owner = functionOf(owner, parents)) {
      const parent = parents.get(owner);
      const name = functionName(owner, parent);
      if (name === undefined || name === "constructor") continue;
      // A function that its file keeps for itself is called there only.
      const isOwn = isStatementFunction(owner, parent) && !isExportedName(file, name);
      names.add(isOwn ? `${file.getFilePath()}#${name}` : name);
    }
  };
  for (const { file, tree } of files) for (const call of calls.get(file) ?? []) addAround(call, file, tree);
  // Names that are added on the way come up here, too.
  for (const added of names) {
    const name = added.slice(added.lastIndexOf("#") + 1);
    for (const { file, tree } of files)
      for (const call of callsNamed(tree, name)) if (isCallOf(call, names, file)) addAround(call, file, tree);
  }
  return { calls, names };
}

const namedCalls = new WeakMap<File, Map<string, TreeNode[]>>();

/** `name(…)`, `x.name(…)` and `new name(…)` in a file; found once per tree. */
export function callsNamed(tree: File, name: string): readonly TreeNode[] {
  let found = namedCalls.get(tree);
  if (!found) {
    found = new Map();
    namedCalls.set(tree, found);
    for (const [called, call] of callsIn(tree)) {
      const known = found.get(called);
      if (known) known.push(call);
      else found.set(called, [call]);
    }
  }
  return found.get(name) ?? [];
}

function callsIn(tree: File): [string, TreeNode][] {
  const found: [string, TreeNode][] = [];
  walk(tree, (node) => {
    const isMade = node.type === "NewExpression";
    if (!isMade && node.type !== "CallExpression" && node.type !== "OptionalCallExpression") return;
    const name = isIdentifier(node.callee) ? node.callee.name : isMade ? undefined : memberName(node.callee);
    if (name !== undefined) found.push([name, node]);
  });
  return found;
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
