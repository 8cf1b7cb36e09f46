import type { SourceFile } from "ts-morph";
import {
  type File,
  functionOf,
  isFunction,
  isIdentifier,
  keyName,
  memberName,
  nodeAt,
  type Parents,
  parentMap,
  type Node as TreeNode,
  walk,
} from "../shared/ast.js";
import { scopesOf } from "../shared/scope.js";
import type { Callees } from "./client-error-callees.js";
import type { RpcSite } from "./client-errors.js";
import type { TurnedErrors } from "./turned-errors.js";

/** Calls that may fail with an error of a call. */
export interface Reach {
  readonly calls: ReadonlyMap<SourceFile, ReadonlySet<TreeNode>>;
  /** Names of functions that make such calls, directly or through each other, and of what was made of such functions. */
  readonly names: ReadonlySet<string>;
  /** Is it known what a callee of one of these names is, and that this makes no such call? */
  isOther(callee: TreeNode, file: SourceFile): boolean;
  /** May the callee be a function that makes such a call: `table[key]`, a member that is handed on? */
  mayChoose(callee: TreeNode, file: SourceFile): boolean;
  /** May the callee be a function that was kept under a name which the program computes, `api[method] = …`? */
  mayBeKept(callee: TreeNode, file: SourceFile): boolean;
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
  callees: Callees,
  programOf: (file: SourceFile) => SourceFile,
  turned: TurnedErrors,
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
  /** Names of what was made of such functions: what they are says nothing of what they call. */
  const made = new Set<string>();
  /** Names of functions that give such functions: `const ask = asked("ask")`. */
  const makers = new Set<string>();
  const functions = new Set<string>();
  const reach: Reach = {
    calls,
    names,
    isOther(callee, file) {
      const name = isIdentifier(callee) ? callee.name : memberName(callee);
      if (name === undefined || made.has(name)) return false;
      const key = callees.of(callee, file);
      return key !== null && !functions.has(key);
    },
    mayChoose: (callee, file) =>
      made.has((isIdentifier(callee) ? callee.name : memberName(callee)) ?? "") ||
      callees.choices(callee, file).some((key) => functions.has(key)),
    mayBeKept: (callee, file) =>
      keptIn.has(programOf(file)) && callees.of(callee, file) === null && !callees.isForeign(callee, file),
  };
  const keptIn = new Set<SourceFile>();
  /** Names to look for, each again when another function of its name is found. */
  const queue: string[] = [];
  const addName = (name: string, file: SourceFile, isOwn: boolean): void => {
    names.add(isOwn && !isExportedName(file, name) ? `${file.getFilePath()}#${name}` : name);
    queue.push(name);
  };
  const addHolder = ({ name, isMember, isItself }: Holder, file: SourceFile): void => {
    const known = names.has(name) || (!isMember && names.has(`${file.getFilePath()}#${name}`));
    if (known && (isItself || made.has(name))) return;
    if (!isItself) made.add(name);
    addName(name, file, !isMember);
  };
  /** What stands in a function makes the function one that may fail. */
  const addAround = (node: TreeNode, file: SourceFile, tree: File): void => {
    const parents = parentMap(tree);
    let failing: TreeNode | undefined = node;
    for (let owner = functionOf(node, parents); owner; owner = functionOf(owner, parents)) {
      if (failing && turned.staysIn(failing, file, tree)) return;
      failing = promiseOf(owner, parents);
      addGiven(owner, file, tree);
      const key = callees.keyOf(owner, file);
      if (functions.has(key)) continue;
      functions.add(key);
      const parent = parents.get(owner) as TreeNode;
      const name = functionName(owner, parent);
      if ([owner, parent].some(({ type }) => /^(Object|Class)(Property|Method)$/.test(type))) queue.push(COMPUTED);
      // A function that its file keeps for itself is called there only.
      if (name !== undefined && name !== "constructor") addName(name, file, isStatementFunction(owner, parent));
      const holder = name === undefined && isWrapped(owner, parent) ? holderOf(owner, tree) : undefined;
      if (holder) addHolder(holder, file);
      else if (isKeptByKey(owner, tree)) addKept(file);
    }
  };
  /** What gives such a function to its caller is a maker of them. */
  const addGiven = (given: TreeNode, file: SourceFile, tree: File): void => {
    const maker = giverOf(given, tree);
    const name = maker && functionName(maker, parentMap(tree).get(maker));
    if (maker && name === undefined) addGiven(maker, file, tree);
    if (name === undefined || makers.has(name)) return;
    makers.add(name);
    queue.push(name);
  };
  /** From now on, every call of what is not known may be one of theirs, in the same program. */
  const addKept = (file: SourceFile): void => {
    if (keptIn.has(programOf(file))) return;
    keptIn.add(programOf(file));
    queue.push(ANY);
  };
  for (const { file, tree } of files) for (const call of calls.get(file) ?? []) addAround(call, file, tree);
  // Names that are added on the way come up here, too.
  for (const name of queue)
    for (const { file, tree } of files) {
      for (const call of name === ANY ? allCalls(tree) : [...callsNamed(tree, name), ...handedNamed(tree, name)])
        if (isCallOf(call, reach, file, tree)) {
          addAround(call, file, tree);
          const isMade = isCall(call) && makers.has(name);
          if (isMade) addGiven(call, file, tree);
          const holder = isCallOrNew(call) && !isMade ? undefined : holderOf(call, tree);
          if (isKeptByKey(call, tree) && (isMade || !isCallOrNew(call))) addKept(file);
          if (!holder) continue;
          addHolder(holder, file);
          if (holder.isMember) queue.push(COMPUTED);
        }
      if (names.has(name) || names.has(`${file.getFilePath()}#${name}`))
        for (const alias of aliasesOf(tree, name)) addHolder(alias, file);
    }
  return reach;
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

/** The promise whose executor a function is. */
function promiseOf(owner: TreeNode, parents: Parents): TreeNode | undefined {
  const made = parents.get(owner);
  return made?.type === "NewExpression" && isIdentifier(made.callee, "Promise") ? made : undefined;
}

function allCalls(tree: File): readonly TreeNode[] {
  const found: TreeNode[] = [];
  walk(tree, (node) => {
    if (isCall(node)) found.push(node);
  });
  return found;
}

function callsIn(tree: File): [string, TreeNode][] {
  const found: [string, TreeNode][] = [];
  walk(tree, (node) => {
    const isMade = node.type === "NewExpression";
    if (!isMade && !isCall(node)) return;
    const name = isIdentifier(node.callee) ? node.callee.name : isMade ? undefined : calledName(node.callee);
    if (name !== undefined) found.push([name, node]);
  });
  return found;
}

/** What stands for the name of `table[key]`. */
const COMPUTED = "[]";
/** What stands for any name. */
const ANY = "*";

function calledName(callee: TreeNode): string | undefined {
  return isChosen(callee) ? COMPUTED : memberName(callee);
}

function isChosen(node: TreeNode): boolean {
  return node.type === "MemberExpression" && node.computed && memberName(node) === undefined;
}

/** Is it a call of one of these functions, or one of them that is handed to what may call it? */
export function isCallOf(node: TreeNode, reach: Reach, file: SourceFile, tree: File): boolean {
  const { names } = reach;
  if (isChosen(node)) return reach.mayChoose(node, file);
  const handed = isIdentifier(node) ? node.name : memberName(node);
  if (handed !== undefined) {
    const isNamed = names.has(handed) || names.has(`${file.getFilePath()}#${handed}`);
    if (!isNamed) return false;
    if (isKept(node, tree)) return reach.mayChoose(node, file);
    return isHandedFunction(node, tree) && !reach.isOther(node, file);
  }
  if (!isCall(node)) return false;
  const { callee } = node;
  if (reach.mayBeKept(callee, file)) return true;
  const name = isIdentifier(callee) ? callee.name : calledName(callee);
  if (name === COMPUTED) return reach.mayChoose(callee, file);
  const isOwn = isIdentifier(callee) && names.has(`${file.getFilePath()}#${callee.name}`);
  return name !== undefined && (isOwn || names.has(name)) && !reach.isOther(callee, file);
}

const handedFunctions = new WeakMap<File, Map<string, TreeNode[]>>();

/** Where a function of this name is handed on; found once per tree. */
function handedNamed(tree: File, name: string): readonly TreeNode[] {
  let found = handedFunctions.get(tree);
  if (!found) {
    const all = new Map<string, TreeNode[]>();
    walk(tree, (node) => {
      const key = isIdentifier(node) ? node.name : isChosen(node) ? COMPUTED : memberName(node);
      if (key === undefined || !(isHandedFunction(node, tree) || isKept(node, tree))) return;
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
  const isAlias = (!isMember || isChosen(node)) && parent.type === "VariableDeclarator" && parent.init === node;
  if (!isBound && !isArgument && !isAlias) return false;
  if (isArgument) {
    const method = memberName(parent.callee) ?? "";
    const called = isIdentifier(parent.callee) ? parent.callee.name : method;
    if (LATER.test(method) || TIMERS.test(called) || (isMember && !isChosen(node) && !CALLS_MEMBERS.test(called)))
      return false;
  }
  return isMember || mayBeFunction(node, tree);
}

/** `{ load: get }`, `this.load = get`: most values that are kept so are data. */
function isKept(node: TreeNode, tree: File): boolean {
  const parents = parentMap(tree);
  const parent = parents.get(node);
  if (parent?.type === "ObjectProperty")
    return parent.value === node && parents.get(parent)?.type === "ObjectExpression";
  if (parent?.type === "ClassProperty") return parent.value === node;
  return parent?.type === "AssignmentExpression" && parent.right === node;
}

/** `api[method] = ask`, `{ [method]: ask }`, `Object.fromEntries(methods.map((method) => [method, ask]))` */
function isKeptByKey(node: TreeNode, tree: File): boolean {
  const parents = parentMap(tree);
  const parent = parents.get(node) as TreeNode;
  if (parent.type === "AssignmentExpression") return parent.right === node && isChosen(parent.left);
  if (/^(ObjectProperty|ClassProperty)$/.test(parent.type))
    return parent.computed && parent.value === node && keyName(parent) === undefined;
  if (parent.type !== "ArrayExpression" || parent.elements.length !== 2 || parent.elements[1] !== node) return false;
  return /^(ArrayExpression|ReturnStatement|ArrowFunctionExpression)$/.test(parents.get(parent)?.type ?? "");
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

/** What a function is kept under. */
interface Holder {
  readonly name: string;
  readonly isMember: boolean;
  /** It is the function under its own name, and nothing that was made of it. */
  readonly isItself: boolean;
}

/** `safe` of `const safe = retry(ask)`: to call it is to call what it was made of. */
function holderOf(node: TreeNode, tree: File): Holder | undefined {
  const parents = parentMap(tree);
  let current = node;
  let parent = parents.get(current);
  while (parent && (isCallOrNew(parent) || /^(bind|call|apply)$/.test(memberName(parent) ?? ""))) {
    current = parent;
    parent = parents.get(current);
  }
  if (!parent) return undefined;
  const own = current === node ? (isIdentifier(node) ? node.name : memberName(node)) : undefined;
  const held = (name: string | undefined, isMember: boolean) =>
    name === undefined ? undefined : { name, isMember, isItself: isMember && name === own };
  if (parent.type === "VariableDeclarator" && isIdentifier(parent.id)) return held(parent.id.name, false);
  if (/^(ObjectProperty|ClassProperty)$/.test(parent.type) && parent.value === current)
    return held(keyName(parent), true);
  if (parent.type !== "AssignmentExpression" || parent.right !== current) return undefined;
  return isIdentifier(parent.left) ? held(parent.left.name, false) : held(memberName(parent.left), true);
}

/** The function that gives a value, or the name that it has, to its caller. */
function giverOf(value: TreeNode, tree: File): TreeNode | undefined {
  const parents = parentMap(tree);
  const parent = parents.get(value) as TreeNode;
  const isNamed = value.type === "FunctionDeclaration" || parent.type === "VariableDeclarator";
  const name = value.type === "FunctionDeclaration" ? value.id : parent.id;
  const given = isNamed && isIdentifier(name) ? (scopesOf(tree).bindingOf(name)?.references ?? []) : [value];
  for (const each of given) {
    const around = parents.get(each) as TreeNode;
    if (around.type === "ReturnStatement") return functionOf(each, parents);
    if (around.type === "ArrowFunctionExpression" && around.body === each) return around;
  }
  return undefined;
}

/** `wrap((text) => …)`: what is made of a function without a name. Others call it for themselves. */
function isWrapped(fn: TreeNode, parent: TreeNode): boolean {
  if (parent.type !== "CallExpression" || !(parent.arguments as TreeNode[]).includes(fn)) return false;
  const called = isIdentifier(parent.callee) ? parent.callee.name : (memberName(parent.callee) ?? "");
  return !CALLS_ITSELF.test(called) && !LATER.test(called) && !TIMERS.test(called);
}

const CALLS_ITSELF =
  /^(map|flatMap|forEach|filter|find|some|every|reduce|sort|then|catch|finally|from|get|post|put|patch|delete|all|route|listen|createServer|describe|it|test|before|after|beforeEach|afterEach|beforeAll|afterAll)$/;

const renamed = new WeakMap<File, Map<string, Holder[]>>();

/** Other names for a function: `const { get: load } = api`, `import { get as load }`, `export { get as load }`. */
function aliasesOf(tree: File, name: string): readonly Holder[] {
  let found = renamed.get(tree);
  if (!found) {
    const all = new Map<string, Holder[]>();
    const add = (from: string | undefined, to: TreeNode | undefined, isMember: boolean): void => {
      const target = to?.type === "AssignmentPattern" ? to.left : to;
      if (from === undefined || !isIdentifier(target) || target.name === from) return;
      all.set(from, [...(all.get(from) ?? []), { name: target.name, isMember, isItself: false }]);
    };
    walk(tree, (node) => {
      if (node.type === "ImportSpecifier") add(node.imported.name ?? node.imported.value, node.local, false);
      if (node.type === "ExportSpecifier") add(node.local.name, node.exported, true);
      if (node.type === "ObjectPattern")
        for (const property of node.properties as TreeNode[])
          if (property.type === "ObjectProperty") add(keyName(property), property.value, false);
    });
    found = all;
    renamed.set(tree, all);
  }
  return found.get(name) ?? [];
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
