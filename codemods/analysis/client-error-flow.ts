import type { SourceFile } from "ts-morph";
import {
  type File,
  functionOf,
  isIdentifier,
  memberName,
  parentMap,
  type Node as TreeNode,
  walk,
} from "../shared/ast.js";
import { scopesOf } from "../shared/scope.js";
import { callsNamed, functionName, isCall, isCallOf, type Reach } from "./client-error-reach.js";
import { heldBy } from "./rejections.js";

/** A file and its tree. */
export interface Source {
  readonly file: SourceFile;
  readonly tree: File;
}

/** May what a node does, or holds, fail with an error of a call that `reach` has? */
export type MayFail = (source: Source, node: TreeNode, reach: Reach) => boolean;

/**
 * Asks that for calls themselves, for functions that make them, for what is passed to functions, and for promises in variables and fields.
 * Where nobody knows what a value is, it may.
 */
export function failingIn(sources: readonly Source[], reaches: readonly Reach[]): MayFail {
  /** Whether a name is a parameter for which some caller passes what may fail. */
  const mayBeGiven = (tree: File, use: TreeNode, reach: Reach, depth: number): boolean => {
    const binding = scopesOf(tree).bindingOf(use);
    if (binding && isLoopVariable(tree, binding.declaration)) return true;
    if (binding?.kind !== "param" || /^(callback|resolve|reject)$/.test(binding.name)) return false;
    const parents = parentMap(tree);
    const owner = functionOf(binding.identifier, parents);
    if (!owner) return false;
    const index = (owner.params as TreeNode[]).indexOf(binding.identifier);
    const name = functionName(owner, parents.get(owner));
    // Without a name, or out of a pattern, nobody knows what it is.
    if (name === undefined || index === -1 || depth > 5) return true;
    return sources.some((one) =>
      callsNamed(one.tree, name).some((call) => {
        const given = (call.arguments as TreeNode[])[index];
        return given !== undefined && isOrHoldsCall(one, given, reach, depth);
      }),
    );
  };
  const isOrHoldsCall = ({ file, tree }: Source, node: TreeNode, reach: Reach, depth: number): boolean => {
    const given = heldBy(tree, node);
    const name = isIdentifier(given) ? given.name : memberName(given);
    if (name !== undefined)
      return (
        reach.names.has(name) ||
        reach.names.has(`${file.getFilePath()}#${name}`) ||
        (isIdentifier(given) && mayBeGiven(tree, given, reach, depth + 1))
      );
    let found = false;
    walk(given, (inner) => {
      const isReached = reaches.some(({ calls }) => calls.get(file)?.has(inner));
      if (isReached || isCallOf(inner, reach, file, tree)) found = true;
      return !found;
    });
    return found;
  };
  /** `job.ready = load();`, which fails where it is waited for. */
  const isFieldOfFailing = (name: string, reach: Reach): boolean =>
    sources.some((one) => valuesNamed(one.tree, name).some((value) => isOrHoldsCall(one, value, reach, 0)));

  /** Was it taken from where something that may fail was put? */
  const isOfFailing = (element: TreeNode, reach: Reach, depth: number): boolean => {
    const { object } = isCall(element) ? element.callee : element;
    const name = isIdentifier(object) ? object.name : memberName(object);
    if (name === undefined || depth > 5) return false;
    return sources.some((one) =>
      putInto(one.tree, name).some((value) =>
        isTaken(value) ? isOfFailing(value, reach, depth + 1) : isOrHoldsCall(one, value, reach, 0),
      ),
    );
  };

  return ({ file, tree }, node, reach) => {
    const parents = parentMap(tree);
    const reached = reach.calls.get(file) ?? new Set<TreeNode>();
    const seen = new Set<TreeNode>();
    /** `await memo.get(key)`, `queue.shift()()`: one of what was put there. */
    const isElementOfFailing = (use: TreeNode): boolean => {
      const called = isCall(use) ? heldBy(tree, use.callee) : use;
      const element = [use, called].find(isTaken);
      if (element === undefined || (element === use && !isWaitedFor(use, parents))) return false;
      return isOfFailing(element, reach, 0);
    };
    const fails = (from: TreeNode): boolean => {
      let found = false;
      walk(from, (inner) => {
        if (found) return false;
        if (reached.has(inner) || isCallOf(inner, reach, file, tree)) found = true;
        else if (isElementOfFailing(inner)) found = true;
        else if (inner.type === "CallExpression" && isIdentifier(inner.callee))
          // A function that was passed in may be one that calls.
          found = mayBeGiven(tree, inner.callee, reach, 0);
        else if (isIdentifier(inner)) {
          const values = [heldBy(tree, inner), ...(isWaitedFor(inner, parents) ? assignedTo(tree, inner) : [])];
          const unseen = values.filter((value) => MAY_HOLD_PROMISE.test(value.type) && !seen.has(value));
          for (const value of unseen) seen.add(value);
          found = unseen.some(fails) || (isWaitedFor(inner, parents) && mayBeGiven(tree, inner, reach, 0));
        } else if (memberName(inner) !== undefined && isWaitedFor(inner, parents))
          found = isFieldOfFailing(memberName(inner) as string, reach);
        return undefined;
      });
      return found;
    };
    return fails(node);
  };
}

/** `await x`, `x.then(…)`, `for await (… of x)` */
function isWaitedFor(node: TreeNode, parents: ReturnType<typeof parentMap>): boolean {
  const parent = parents.get(node) as TreeNode;
  if (parent.type === "AwaitExpression") return true;
  if (parent.type === "ForOfStatement") return parent.await && parent.right === node;
  return parent.object === node && /^(then|catch|finally)$/.test(memberName(parent) ?? "");
}

const MAY_HOLD_PROMISE = /^((Optional)?Call|Array|Conditional|Logical|New)Expression$/;

/** `list.shift()`, `map.get(key)`, `list[0]` */
function isTaken(node: TreeNode): boolean {
  if (isCall(node)) return /^(get|shift|pop|at|find)$/.test(memberName(node.callee) ?? "");
  return node.type === "MemberExpression" && node.computed;
}

/** What `name = …` gives a variable after its declaration. */
function assignedTo(tree: File, name: TreeNode): readonly TreeNode[] {
  const parents = parentMap(tree);
  return (scopesOf(tree).bindingOf(name)?.writes ?? []).flatMap((written) => {
    const parent = parents.get(written);
    return parent?.type === "AssignmentExpression" && parent.left === written ? [parent.right as TreeNode] : [];
  });
}

const collected = new WeakMap<File, Map<string, TreeNode[]>>();

/** What is put into the collections of this name: `name.set(key, value)`, `name.push(value)`, `name[key] = value`. */
function putInto(tree: File, name: string): readonly TreeNode[] {
  let found = collected.get(tree);
  if (!found) {
    const all = new Map<string, TreeNode[]>();
    walk(tree, (node) => {
      const isPut = isCall(node) && /^(set|push|unshift|add)$/.test(memberName(node.callee) ?? "");
      const isStored =
        node.type === "AssignmentExpression" && node.left.type === "MemberExpression" && node.left.computed;
      if (!isPut && !isStored) return;
      const object = isPut ? node.callee.object : node.left.object;
      const key = isIdentifier(object) ? object.name : memberName(object);
      const values = isPut ? (node.arguments as TreeNode[]) : [node.right as TreeNode];
      if (key !== undefined) all.set(key, [...(all.get(key) ?? []), ...values]);
    });
    found = all;
    collected.set(tree, all);
  }
  return found.get(name) ?? [];
}

const namedValues = new WeakMap<File, Map<string, TreeNode[]>>();

/** What is assigned to `x.name`, and what fields and properties of that name begin with. */
function valuesNamed(tree: File, name: string): readonly TreeNode[] {
  let found = namedValues.get(tree);
  if (!found) {
    found = new Map();
    namedValues.set(tree, found);
    for (const [key, value] of valuesIn(tree)) {
      const known = found.get(key);
      if (known) known.push(value);
      else found.set(key, [value]);
    }
  }
  return found.get(name) ?? [];
}

function valuesIn(tree: File): [string, TreeNode][] {
  const found: [string, TreeNode][] = [];
  walk(tree, (node) => {
    const isProperty = /^(ObjectProperty|ClassProperty)$/.test(node.type) && !node.computed && isIdentifier(node.key);
    const name =
      node.type === "AssignmentExpression" ? memberName(node.left) : isProperty ? (node.key.name as string) : undefined;
    const value = node.type === "AssignmentExpression" ? node.right : node.value;
    if (name !== undefined && value) found.push([name, value]);
  });
  return found;
}

/** `for (const run of runs)`: one of many, of which nobody knows what they do. */
function isLoopVariable(tree: File, declaration: TreeNode): boolean {
  const parents = parentMap(tree);
  const list = parents.get(declaration);
  return list !== undefined && parents.get(list)?.type === "ForOfStatement" && parents.get(list)?.left === list;
}
