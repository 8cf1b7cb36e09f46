import type { SourceFile } from "ts-morph";
import {
  type File,
  functionOf,
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
      for (const call of [...callsNamed(tree, name), ...handedNamed(tree, name)])
        if (isCallOf(call, names, file, tree)) {
          addAround(call, file, tree);
          const holder = holderOf(call, tree);
          if (holder !== undefined)
            names.add(isExportedName(file, holder) ? holder : `${file.getFilePath()}#${holder}`);
        }
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
    if (!isMade && !isCall(node)) return;
    const name = isIdentifier(node.callee) ? node.callee.name : isMade ? undefined : memberName(node.callee);
    if (name !== undefined) found.push([name, node]);
  });
  return found;
}

/** Is it a call of one of these functions, or one of them that is handed to what may call it? */
export function isCallOf(node: TreeNode, names: ReadonlySet<string>, file: SourceFile, tree: File): boolean {
  const handed = isIdentifier(node) ? node.name : memberName(node);
  if (handed !== undefined) {
    const isNamed = names.has(handed) || names.has(`${file.getFilePath()}#${handed}`);
    return isNamed && isHandedFunction(node, tree);
  }
  if (!isCall(node)) return false;
  if (isIdentifier(node.callee))
    return names.has(node.callee.name) || names.has(`${file.getFilePath()}#${node.callee.name}`);
  const name = memberName(node.callee);
  return name !== undefined && names.has(name);
}

const handedFunctions = new WeakMap<File, Map<string, TreeNode[]>>();

/** Where a function of this name is handed on; found once per tree. */
function handedNamed(tree: File, name: string): readonly TreeNode[] {
  let found = handedFunctions.get(tree);
  if (!found) {
    const all = new Map<string, TreeNode[]>();
    walk(tree, (node) => {
      const key = isIdentifier(node) ? node.name : memberName(node);
      if (key === undefined || !isHandedFunction(node, tree)) return;
      all.set(key, [...(all.get(key) ?? []), node]);
    });
    found = all;
    handedFunctions.set(tree, all);
  }
  return found.get(name) ?? [];
}

/** What calls a function later, with nobody who waits for it. */
const LATER =
  /^(on|once|addListener|addEventListener|prependListener|off|removeListener|removeEventListener|nextTick|use|addService)$/;
const TIMERS = /^(setTimeout|setInterval|setImmediate|queueMicrotask)$/;
/** What calls a member of an object that is handed to it: other calls get members that are data as often. */
const CALLS_MEMBERS = /^(map|flatMap|forEach|then|promisify|callbackify)$/;

/** `texts.map(ask)`, `.then(ask)`, `retry(ask)`, `ask.bind(null, text)`, `const run = ask` */
function isHandedFunction(node: TreeNode, tree: File): boolean {
  const parent = parentMap(tree).get(node);
  if (!parent) return false;
  const isMember = !isIdentifier(node);
  const isBound = parent.object === node && /^(bind|call|apply)$/.test(memberName(parent) ?? "");
  const isArgument = isCallOrNew(parent) && (parent.arguments as TreeNode[]).includes(node);
  const isAlias = !isMember && parent.type === "VariableDeclarator" && parent.init === node;
  if (!isBound && !isArgument && !isAlias) return false;
  if (isArgument) {
    const method = memberName(parent.callee) ?? "";
    const called = isIdentifier(parent.callee) ? parent.callee.name : method;
    if (LATER.test(method) || TIMERS.test(called) || (isMember && !CALLS_MEMBERS.test(called))) return false;
  }
  return isMember || mayBeFunction(node, tree);
}

/** A function, what another module gives, or what a call made of one; no parameter, whose callers are looked at, and no plain data. */
function mayBeFunction(node: TreeNode, tree: File): boolean {
  const binding = scopesOf(tree).bindingOf(node);
  if (!binding || binding.kind === "param") return false;
  const { declaration } = binding;
  if (declaration.type !== "VariableDeclarator") return true;
  const { init } = declaration;
  return !!init && (isFunction(init) || isIdentifier(init) || memberName(init) !== undefined || isCallOrNew(init));
}

export function isCall(node: TreeNode): boolean {
  return node.type === "CallExpression" || node.type === "OptionalCallExpression";
}

function isCallOrNew(node: TreeNode): boolean {
  return isCall(node) || node.type === "NewExpression";
}

/** `safe` of `const safe = retry(ask)`: to call it is to call what it was made of. */
function holderOf(node: TreeNode, tree: File): string | undefined {
  const parents = parentMap(tree);
  if (isCallOrNew(node)) return undefined;
  let current = node;
  let parent = parents.get(current);
  while (parent && (isCallOrNew(parent) || /^(bind|call|apply)$/.test(memberName(parent) ?? ""))) {
    current = parent;
    parent = parents.get(current);
  }
  if (!parent) return undefined;
  if (parent.type === "VariableDeclarator" && isIdentifier(parent.id)) return parent.id.name;
  if (/^(ObjectProperty|ClassProperty)$/.test(parent.type) && parent.value === current && isIdentifier(parent.key))
    return parent.key.name;
  return parent.type === "AssignmentExpression" && parent.right === current
    ? (memberName(parent.left) ?? parent.left.name)
    : undefined;
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
