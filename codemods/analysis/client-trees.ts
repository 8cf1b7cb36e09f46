import type { Node, SourceFile } from "ts-morph";
import { middleArguments } from "../clients/plan-call.js";
import { type File, nodeAt, type Node as TreeNode } from "../shared/ast.js";
import { parse } from "../shared/parse.js";
import type { Call } from "./client-services.js";

// The parser that the rules see.

export type Trees = (file: SourceFile) => File | undefined;

export function treesOf(): Trees {
  const trees = new Map<SourceFile, File | undefined>();
  return (file) => {
    if (!trees.has(file)) {
      try {
        trees.set(file, parse(file.getFullText(), file.getFilePath()));
      } catch {
        trees.set(file, undefined);
      }
    }
    return trees.get(file);
  };
}

export function nodeOf(file: SourceFile, node: TreeNode): Node | undefined {
  let current = file.getDescendantAtPos(node.start);
  while (current && (current.getStart() !== node.start || current.getEnd() !== node.end)) current = current.getParent();
  return current;
}

export function middleOf(call: Call, trees: Trees): readonly TreeNode[] {
  const tree = trees(call.node.getSourceFile());
  const node = tree && nodeAt(tree, call.node.getStart(), call.node.getEnd());
  return node ? middleArguments(node, call.rpc.kind, call.form) : [];
}
