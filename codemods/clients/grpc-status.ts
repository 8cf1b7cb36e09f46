import { type File, isIdentifier, keyName, memberName, type Node, parentMap } from "../shared/ast.js";
import { requiredModule } from "../shared/imports.js";
import { scopesOf } from "../shared/scope.js";

/** Connect's names for the codes of grpc-js. OK has none. */
export const STATUS_NAMES: Readonly<Record<string, string>> = {
  CANCELLED: "Canceled",
  UNKNOWN: "Unknown",
  INVALID_ARGUMENT: "InvalidArgument",
  DEADLINE_EXCEEDED: "DeadlineExceeded",
  NOT_FOUND: "NotFound",
  ALREADY_EXISTS: "AlreadyExists",
  PERMISSION_DENIED: "PermissionDenied",
  RESOURCE_EXHAUSTED: "ResourceExhausted",
  FAILED_PRECONDITION: "FailedPrecondition",
  ABORTED: "Aborted",
  OUT_OF_RANGE: "OutOfRange",
  UNIMPLEMENTED: "Unimplemented",
  INTERNAL: "Internal",
  UNAVAILABLE: "Unavailable",
  DATA_LOSS: "DataLoss",
  UNAUTHENTICATED: "Unauthenticated",
};

/** Connect's name of a `status.X` of grpc-js; undefined for anything else, and for OK, which has none. */
export function statusName(file: File, node: Node): string | undefined {
  const name = memberName(node);
  if (name === undefined || !Object.hasOwn(STATUS_NAMES, name)) return undefined;
  return isStatusOfGrpc(file, node.object as Node) ? STATUS_NAMES[name] : undefined;
}

/** `status` or `grpc.status`, from grpc-js; also of `const { status } = grpc` and `const status = grpc.status`. */
export function isStatusOfGrpc(file: File, owner: Node): boolean {
  if (memberName(owner) === "status" && owner.type === "MemberExpression") return isGrpcModule(file, owner.object);
  const binding = isIdentifier(owner) ? scopesOf(file).bindingOf(owner) : undefined;
  const { declaration } = binding ?? {};
  if (!binding || !declaration) return false;
  if (isOfGrpc(declaration, parentMap(file))) return importedName(declaration) === "status";
  const { init } = declaration;
  if (binding.kind !== "const" || declaration.type !== "VariableDeclarator" || !init) return false;
  if (declaration.id.type === "ObjectPattern")
    return keyOfStatus(declaration.id)?.name === binding.name && isGrpcModule(file, init);
  return declaration.id === binding.identifier && init.type === "MemberExpression" && isStatusOfGrpc(file, init);
}

/** The name that `{ status }` or `{ status: name }` gives the enum. */
function keyOfStatus(pattern: Node): Node | undefined {
  const property = (pattern.properties as Node[]).find((each) => keyName(each) === "status");
  return isIdentifier(property?.value) ? property.value : undefined;
}

/** A name of the module itself. */
function isGrpcModule(file: File, node: Node): boolean {
  const declaration = isIdentifier(node) ? scopesOf(file).bindingOf(node)?.declaration : undefined;
  return declaration !== undefined && isOfGrpc(declaration, parentMap(file)) && importedName(declaration) === "*";
}

/** Is a name of the enum, or of a member of it, used as a type? */
export function isStatusType(node: Node, parent: Node | undefined): boolean {
  return parent?.type === "TSTypeReference" && parent.typeName === node;
}

function importedName(declaration: Node): string | undefined {
  switch (declaration.type) {
    case "ImportSpecifier":
      return declaration.imported.name;
    case "ImportNamespaceSpecifier":
    case "ImportDefaultSpecifier":
    case "TSImportEqualsDeclaration":
      return "*";
    case "VariableDeclarator":
      // `const { status } = require(…)`: the pattern's names are their own.
      return declaration.id.type === "ObjectPattern" ? "status" : "*";
    default:
      return undefined;
  }
}

function isOfGrpc(declaration: Node, parents: ReturnType<typeof parentMap>): boolean {
  if (declaration.type === "VariableDeclarator") return requiredModule(declaration.init) === "@grpc/grpc-js";
  const statement = parents.get(declaration);
  return statement?.type === "ImportDeclaration" && statement.source.value === "@grpc/grpc-js";
}
