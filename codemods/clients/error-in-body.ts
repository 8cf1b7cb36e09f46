import { type File, isIdentifier, memberName, type Node, unwrap, walk } from "../shared/ast.js";
import { statusName } from "./grpc-status.js";

/**
 * Where a caught error goes on to the next catch: `throw err`, `reject(err)`. What goes on is the error as it came, unless something of it
 * is assigned.
 */
export function rethrows(param: Node, body: Node): Node[] {
  const found: Node[] = [];
  if (!isIdentifier(param) || isAssignedTo(param, body)) return found;
  const isError = (node: Node | null | undefined): node is Node => node != null && isIdentifier(node, param.name);
  walk(body, (node) => {
    if (node.type === "ThrowStatement" && isError(node.argument)) found.push(node.argument);
    if (node.type !== "CallExpression" || node.arguments.length !== 1 || !isError(node.arguments[0])) return undefined;
    const name = isIdentifier(node.callee) ? node.callee.name : memberName(node.callee);
    if (name !== undefined && /^(reject|rej)$/.test(name)) found.push(node.arguments[0]);
    return undefined;
  });
  return found;
}

/** `err.code = …`, `Object.assign(err, …)` */
export function isAssignedTo(param: Node, body: Node): boolean {
  let found = false;
  walk(body, (node) => {
    const isMember = node.type === "AssignmentExpression" && isIdentifier(unwrap(node.left.object ?? node), param.name);
    const isAssign =
      node.type === "CallExpression" &&
      memberName(node.callee) === "assign" &&
      isIdentifier((node.arguments as Node[])[0], param.name);
    if (isMember || isAssign) found = true;
    return !found;
  });
  return found;
}

/** `err.code` compared with members of `status`: the numbers are the same, whatever else becomes of the error. */
export function statusComparisons(file: File, param: Node, body: Node): { member: Node; name: string }[] {
  const found: { member: Node; name: string }[] = [];
  if (!isIdentifier(param)) return found;
  const isCode = (node: Node) => memberName(node) === "code" && isIdentifier(unwrap(node.object), param.name);
  walk(body, (node) => {
    const compared: Node[] = [];
    if (node.type === "BinaryExpression" && /^[!=]==?$/.test(node.operator)) {
      if (isCode(node.left)) compared.push(node.right);
      else if (isCode(node.right)) compared.push(node.left);
    } else if (node.type === "SwitchStatement" && isCode(node.discriminant))
      for (const one of node.cases as Node[]) if (one.test) compared.push(one.test);
    for (const member of compared) {
      const name = statusName(file, member);
      if (name !== undefined) found.push({ member, name });
    }
    return undefined;
  });
  return found;
}
