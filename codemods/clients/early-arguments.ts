import { isFunction, isIdentifier, memberName, type Node, walk } from "../shared/ast.js";

/**
 * What evaluating the arguments of a call may do beside giving values: `runs` other code (which may throw, wait, or see what happens in
 * which order), `reads` a member of a member (which throws where there is none), or nothing of the kind.
 * In a `try` around the call, an error of theirs would be taken for the call's.
 */
export type ArgumentRisk = "runs" | "reads" | "none";

/** The risk of a call's arguments, and of a client that a function gives: `clientFor(tenant).getItem(…)`. */
export function callRisk(call: Node, args: readonly Node[]): ArgumentRisk {
  const client: Node | undefined = call.callee.object;
  return client && argumentRisk([client]) === "runs" ? "runs" : argumentRisk(args);
}

export function argumentRisk(args: readonly Node[]): ArgumentRisk {
  let risk: ArgumentRisk = "none";
  for (const argument of args)
    walk(argument, (node) => {
      if (isFunction(node)) return false;
      if (isHarmlessConstruction(node)) return undefined;
      if (/^(Optional)?CallExpression$|^(New|Await|Yield|TaggedTemplate)Expression$/.test(node.type)) {
        if (!isClock(node) && !isCredentials(node)) risk = "runs";
      } else if (risk === "none" && readsMemberOfMember(node)) risk = "reads";
      return undefined;
    });
  return risk;
}

/** `a.b.c`, where `a.b` may be undefined; `process.env.X` never is. */
function readsMemberOfMember(node: Node): boolean {
  if (node.type !== "MemberExpression" || node.object.type !== "MemberExpression") return false;
  const { object } = node;
  return !(isIdentifier(object.object, "process") && memberName(object) === "env");
}

/** `Date.now()` */
function isClock(node: Node): boolean {
  return (
    node.type === "CallExpression" &&
    memberName(node.callee) === "now" &&
    isIdentifier(node.callee.object, "Date") &&
    node.arguments.length === 0
  );
}

/** Call credentials only keep what they are made of. */
function isCredentials(node: Node): boolean {
  return (
    node.type === "CallExpression" &&
    /^(createFromMetadataGenerator|combineCallCredentials)$/.test(memberName(node.callee) ?? "")
  );
}

/** `new Date(…)`, `new grpc.Metadata()`: what they are given is looked at itself. */
function isHarmlessConstruction(node: Node): boolean {
  if (node.type !== "NewExpression") return false;
  const name = isIdentifier(node.callee) ? node.callee.name : memberName(node.callee);
  return name === "Date" || (name === "Metadata" && node.arguments.length === 0);
}
