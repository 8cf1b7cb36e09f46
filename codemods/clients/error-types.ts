import { isIdentifier, type Node } from "../shared/ast.js";

/** `any`, or `{ code?: number }`: a type that both kinds of errors have. */
export function isLooseType(type: Node): boolean {
  if (type.type === "TSAnyKeyword" || type.type === "TSUnknownKeyword") return true;
  return (
    type.type === "TSTypeLiteral" &&
    (type.members as Node[]).every(
      (member) => member.type === "TSPropertySignature" && isIdentifier(member.key, "code"),
    )
  );
}

/** Both kinds of errors are Errors. */
export function isErrorType(type: Node): boolean {
  return type.type === "TSTypeReference" && isIdentifier(type.typeName, "Error");
}

export function isServiceErrorType(type: Node): boolean {
  return typeName(type) === "ServiceError";
}

/** `requestCallback<Item>` */
export function isRequestCallback(type: Node): boolean {
  return typeName(type) === "requestCallback" && (type.typeParameters ?? type.typeArguments)?.params.length === 1;
}

function typeName(type: Node): string | undefined {
  if (type.type !== "TSTypeReference") return undefined;
  const name = type.typeName;
  return isIdentifier(name) ? name.name : name.right?.name;
}
