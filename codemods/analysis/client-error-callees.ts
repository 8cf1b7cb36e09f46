import { type MethodDeclaration, Node, type SourceFile } from "ts-morph";
import { isAssignmentTarget } from "../messages/message-syntax.js";
import type { Node as TreeNode } from "../shared/ast.js";
import { nodeOf } from "./client-trees.js";
import { isOfLanguage } from "./language.js";
import { isOnlyItself } from "./own-members.js";
import type { AnalysisProject } from "./project.js";

/** Which function stands behind the name of a callee. */
export interface Callees {
  /** The function's key, `builtin` for one of the language, null where it may be any. */
  of(callee: TreeNode, file: SourceFile): string | null;
  /** Functions that an expression may be: the one that it is, or any member of the object in `table[key]`. */
  choices(callee: TreeNode, file: SourceFile): readonly string[];
  /** Is it certainly a function of a package? */
  isForeign(callee: TreeNode, file: SourceFile): boolean;
  keyOf(fn: TreeNode, file: SourceFile): string;
}

export function calleesOf(project: AnalysisProject): Callees {
  const known = new WeakMap<TreeNode, string | null>();
  const written = new Map<string, boolean>();
  // Where a function begins, the two parsers say alike of arrow functions only, which are the ones that end together: `(a) => (b) => …`.
  const keyAt = (file: SourceFile, end: number, arrow: number | null) => `${file.getFilePath()}:${arrow ?? ""}:${end}`;
  const keyFor = (node: Node) =>
    keyAt(node.getSourceFile(), node.getEnd(), Node.isArrowFunction(node) ? node.getStart() : null);

  /** Is anything put under the name, `users.get = …`, or in place of the function itself? */
  function isWritten(name: string): boolean {
    const found =
      written.get(name) ??
      project.identifiersNamed(name).some((each) => {
        const parent = each.getParent();
        const target = Node.isPropertyAccessExpression(parent) && parent.getNameNode() === each ? parent : each;
        return isAssignmentTarget(target);
      });
    written.set(name, found);
    return found;
  }

  function find(callee: Node): string | null {
    const nameNode = Node.isPropertyAccessExpression(callee) ? callee.getNameNode() : callee;
    if (!Node.isIdentifier(nameNode)) return null;
    const name = nameNode.getText();
    if (isOfCaught(project, callee)) return "builtin";
    const origin = project.originOf(callee);
    if (origin.kind !== "function") return isOfLanguage(nameNode) ? "builtin" : null;
    const { node } = origin;
    if (isWritten(name) || !isNamed(node, name)) return null;
    if (Node.isMethodDeclaration(node)) {
      const isOfClass = Node.isClassDeclaration(node.getParent());
      const isItself = isStaticOf(callee, node) || isOnlyItself(project, node);
      if (node.getDecorators().length > 0 || (isOfClass && !isItself)) return null;
    }
    return keyFor(node);
  }

  /** `ApiError.from` by the name of its class: what extends the class has no part in it. */
  function isStaticOf(callee: Node, method: MethodDeclaration): boolean {
    if (!method.isStatic() || !Node.isPropertyAccessExpression(callee)) return false;
    const origin = project.originOf(callee.getExpression());
    return origin.kind === "class" && origin.node === method.getParent();
  }

  /** Functions that stand in an object or a class. */
  function membersOf(object: Node): Node[] {
    const origin = project.originOf(object);
    const holder = origin.kind === "object" ? origin.node : origin.kind === "instance" ? origin.class : undefined;
    if (Node.isObjectLiteralExpression(holder)) return holder.getProperties();
    return Node.isClassDeclaration(holder) || Node.isClassExpression(holder) ? holder.getInstanceMembers() : [];
  }

  return {
    choices(callee, file) {
      const node = nodeOf(file, callee);
      const nodes = Node.isElementAccessExpression(node) ? membersOf(node.getExpression()) : node ? [node] : [];
      return nodes.flatMap((each) => {
        const origin = project.originOf(each);
        return origin.kind === "function" ? [keyFor(origin.node)] : [];
      });
    },
    of(callee, file) {
      const found = known.get(callee);
      if (found !== undefined) return found;
      const node = nodeOf(file, callee);
      const key = node ? find(node) : null;
      known.set(callee, key);
      return key;
    },
    isForeign(callee, file) {
      const node = nodeOf(file, callee);
      return node !== undefined && /^(external|grpc|proto-loader)$/.test(project.originOf(node).kind);
    },
    keyOf: (fn, file) => keyAt(file, fn.end, fn.type === "ArrowFunctionExpression" ? fn.start : null),
  };
}

/** Does a function with a body stand under its own name? What another function made of it would be another one. */
function isNamed(node: Node, name: string): boolean {
  if (Node.isFunctionDeclaration(node) || Node.isMethodDeclaration(node))
    return node.getName() === name && node.getBody() !== undefined;
  const holder = node.getParent();
  return (
    (Node.isVariableDeclaration(holder) || Node.isPropertyAssignment(holder) || Node.isPropertyDeclaration(holder)) &&
    holder.getName() === name
  );
}

/** `err.metadata.get(key)` of `catch (err)` */
function isOfCaught(project: AnalysisProject, callee: Node): boolean {
  const object = Node.isPropertyAccessExpression(callee) ? callee.getExpression() : undefined;
  const isMetadata = Node.isPropertyAccessExpression(object) && object.getName() === "metadata";
  const error = isMetadata ? object.getExpression() : undefined;
  const declared = Node.isIdentifier(error) ? project.declarationOf(error) : undefined;
  return Node.isVariableDeclaration(declared) && Node.isCatchClause(declared.getParent());
}
