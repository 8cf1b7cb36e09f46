import { type File, isIdentifier, memberName, type Node, parentMap, unwrap, walk } from "../shared/ast.js";
import { requiredModule } from "../shared/imports.js";
import { scopesOf } from "../shared/scope.js";
import { isPropertyName } from "./callback-shape.js";

/** One use of a caught error that has a counterpart on ConnectError. */
export type ErrorUse =
  /** `.details` */
  | { readonly kind: "details"; readonly property: Node }
  /** `const { details } = err` */
  | { readonly kind: "detailsProperty"; readonly property: Node }
  /** `err.message` */
  | { readonly kind: "message"; readonly member: Node }
  /** What is made a text of: the error of `${err}` or `"" + err`, or the whole of `String(err)` and `err.toString()`. */
  | { readonly kind: "text"; readonly whole: Node; readonly error: Node; readonly isAsked: boolean }
  /** `err.metadata.get("k")` */
  | { readonly kind: "metadata"; readonly member: Node; readonly get: Node }
  /** `status[err.code]` */
  | { readonly kind: "name"; readonly member: Node; readonly code: Node }
  /** The type `ServiceError` of a cast. */
  | { readonly kind: "type"; readonly type: Node }
  /** `status.NOT_FOUND` that the code is compared with. */
  | { readonly kind: "status"; readonly member: Node; readonly name: string };

export interface ErrorPlan {
  /** `none`: nothing looks at the error. */
  readonly mode: "none" | "native" | "wrapped";
  /** Does any text change? */
  readonly changes: boolean;
  /** Is anything read of the error? In TypeScript it needs its type then. */
  readonly reads: boolean;
  readonly reason: string;
  readonly uses: readonly ErrorUse[];
}

/**
 * What becomes of the uses of a caught error, which is a ConnectError where it was a ServiceError.
 *
 * @param passedTo why the error cannot be the argument of a call; undefined if it can
 */
export function planError(
  file: File,
  param: Node,
  body: Node,
  passedTo: (call: Node, index: number) => string | undefined = () => "it is passed to a function",
): ErrorPlan {
  const uses: ErrorUse[] = [];
  let reads = false;
  const wrapped = (reason: string): ErrorPlan => ({ mode: "wrapped", changes: true, reads: true, reason, uses: [] });
  if (!isIdentifier(param)) {
    const names =
      param.type === "ObjectPattern" ? (param.properties as Node[]).map((property) => property.key?.name) : [null];
    return names.every((name) => name === "code")
      ? { mode: "native", changes: false, reads: true, reason: "", uses }
      : wrapped("it is destructured");
  }
  if (param.typeAnnotation && !/^TS(Any|Unknown)Keyword$/.test(param.typeAnnotation.typeAnnotation.type)) {
    const type = param.typeAnnotation.typeAnnotation;
    // `ServiceError | null` of a callback, which becomes a variable or a catch clause of its own.
    const known =
      type.type === "TSUnionType"
        ? (type.types as Node[]).find((each) => isServiceErrorType(each) || isErrorType(each))
        : type;
    const others = type.type === "TSUnionType" ? (type.types as Node[]).filter((each) => each !== known) : [];
    const isAlone = others.every((each) => /^TS(Null|Undefined)Keyword$/.test(each.type));
    if (!known || !isAlone || !(isServiceErrorType(known) || isErrorType(known)))
      return wrapped("its type is written out");
    if (isServiceErrorType(known)) uses.push({ kind: "type", type: known });
  }
  const parents = parentMap(file);
  const reason = follow(param, body);
  if (reason !== undefined) return wrapped(reason);
  if (!mentioned(body, param.name)) return { mode: "none", changes: false, reads: false, reason: "", uses: [] };
  const predicate = typePredicate(param);
  if (predicate) uses.push({ kind: "type", type: predicate });
  return { mode: "native", changes: uses.length > 0, reads, reason: "", uses };

  /** Looks at all uses of a name; the reason why one has no counterpart. */
  function follow(name: Node, scope: Node): string | undefined {
    const binding = scopesOf(file).bindingOf(name);
    if (!binding || binding.writes.length > 0) return `${name.name} is assigned again`;
    for (const reference of binding.references) {
      if (reference.start < scope.start || reference.end > scope.end) continue;
      let node = reference;
      let parent = parents.get(node) as Node;
      while (unwrap(parent) !== parent && (unwrap(parent) === node || parent.expression === node)) {
        if (parent.type === "TSAsExpression" || parent.type === "TSTypeAssertion") {
          if (isServiceErrorType(parent.typeAnnotation)) uses.push({ kind: "type", type: parent.typeAnnotation });
          else if (!isLooseType(parent.typeAnnotation) && !isErrorType(parent.typeAnnotation))
            return "it is cast to another type";
        }
        node = parent;
        parent = parents.get(node) as Node;
      }
      const problem = useOf(node, parent);
      if (problem !== undefined) return problem;
    }
    return undefined;
  }

  function useOf(node: Node, parent: Node): string | undefined {
    if ((parent.type === "MemberExpression" || parent.type === "OptionalMemberExpression") && parent.object === node) {
      const name = memberName(parent);
      reads = true;
      switch (name) {
        case "code":
          return codeUse(parent);
        case "details":
          if (isWritten(parent)) return "details is assigned";
          uses.push({ kind: "details", property: parent.property });
          return undefined;
        case "rawMessage":
          return undefined;
        case "message":
          if (isWritten(parent) || parent.optional) return "message is read";
          uses.push({ kind: "message", member: parent });
          return undefined;
        case "toString": {
          const call = parents.get(parent) as Node;
          if (call.type !== "CallExpression" || call.callee !== parent) return "toString is read";
          uses.push({ kind: "text", whole: call, error: node, isAsked: true });
          return undefined;
        }
        case "metadata":
          return metadataUse(parent);
        default:
          return `${name ?? "a computed member"} is read`;
      }
    }
    if (parent.type === "ThrowStatement") return undefined;
    if (parent.type === "UnaryExpression" && (parent.operator === "!" || parent.operator === "typeof"))
      return undefined;
    if (/^(If|While)Statement$|^ConditionalExpression$/.test(parent.type) && parent.test === node) return undefined;
    if (parent.type === "BinaryExpression" && /^[!=]==?$/.test(parent.operator)) {
      const other = parent.left === node ? parent.right : parent.left;
      if (other.type === "NullLiteral" || isIdentifier(other, "undefined")) return undefined;
    }
    if (parent.type === "LogicalExpression" && parent.left === node && parent.operator === "&&") return undefined;
    if (parent.type === "BinaryExpression" && parent.operator === "instanceof" && isIdentifier(parent.right, "Error"))
      return undefined;
    // `"code" in err`: both kinds of errors have it.
    if (parent.type === "BinaryExpression" && parent.operator === "in" && parent.right === node)
      return /^(code|details|metadata|message)$/.test(parent.left.value ?? "") ? undefined : "it is looked through";
    if (isPrinted(node)) return undefined;
    if (isMadeText(node, parent)) {
      reads = true;
      const whole = parent.type === "CallExpression" ? parent : node;
      uses.push({ kind: "text", whole, error: node, isAsked: parent.type === "BinaryExpression" });
      return undefined;
    }
    // Promise settlers hand it to whoever waits, whose catch is looked at on its own.
    if (
      parent.type === "CallExpression" &&
      isIdentifier(parent.callee) &&
      /^(reject|rej|no|fail)$/.test(parent.callee.name)
    ) {
      const binding = scopesOf(file).bindingOf(parent.callee);
      const executor = binding && parents.get(binding.declaration);
      const promise = executor && parents.get(executor);
      if (promise?.type === "NewExpression" && isIdentifier(promise.callee, "Promise")) return undefined;
    }
    if (parent.type === "VariableDeclarator" && parent.init === node && isIdentifier(parent.id)) {
      const annotation = parent.id.typeAnnotation?.typeAnnotation;
      if (annotation) {
        if (!isServiceErrorType(annotation)) return "it is kept under another type";
        uses.push({ kind: "type", type: annotation });
      }
      return follow(parent.id, { ...parent, start: 0, end: Number.MAX_SAFE_INTEGER } as Node);
    }
    if (parent.type === "VariableDeclarator" && parent.init === node && parent.id.type === "ObjectPattern")
      return patternUse(parent.id);
    if (parent.type !== "CallExpression") return "it is used as a whole";
    // The function's parameter has a type.
    reads = true;
    return passedTo(parent, (parent.arguments as Node[]).indexOf(node));
  }

  /** `${err}`, `"failed: " + err`, `String(err)` */
  function isMadeText(node: Node, parent: Node): boolean {
    if (parent.type === "BinaryExpression")
      return parent.operator === "+" && isText(parent.left === node ? parent.right : parent.left);
    if (parent.type === "TemplateLiteral") return parents.get(parent)?.type !== "TaggedTemplateExpression";
    return (
      parent.type === "CallExpression" &&
      isIdentifier(parent.callee, "String") &&
      scopesOf(file).bindingOf(parent.callee) === undefined &&
      parent.arguments.length === 1
    );
  }

  /**
   * `console.error("failed", err)`, `console.log({ err })`: what people read, with the stack of wherever the error was made. Texts
   * (`${err}`, `err.message`) and loggers are for programs, too.
   */
  function isPrinted(node: Node): boolean {
    let value = node;
    let parent = parents.get(value) as Node;
    while (
      parent.type === "ArrayExpression" ||
      parent.type === "ObjectExpression" ||
      (parent.type === "ObjectProperty" && parent.value === value)
    ) {
      value = parent;
      parent = parents.get(value) as Node;
    }
    return (
      parent.type === "CallExpression" &&
      parent.callee !== value &&
      isIdentifier(parent.callee.object, "console") &&
      /^(log|info|debug|warn|error|trace|dir)$/.test(memberName(parent.callee) ?? "") &&
      scopesOf(file).bindingOf(parent.callee.object) === undefined &&
      // In a format string, the error would be a text.
      !((parent.arguments as Node[])[0]?.type === "StringLiteral" && /%/.test(parent.arguments[0].value))
    );
  }

  /** `err is ServiceError`, what a function says of its parameter. */
  function typePredicate(parameter: Node): Node | undefined {
    const owner = parents.get(parameter) as Node;
    const predicate = owner.returnType?.typeAnnotation;
    return predicate?.type === "TSTypePredicate" &&
      isIdentifier(predicate.parameterName, parameter.name) &&
      predicate.typeAnnotation &&
      isServiceErrorType(predicate.typeAnnotation.typeAnnotation)
      ? predicate.typeAnnotation.typeAnnotation
      : undefined;
  }

  function patternUse(pattern: Node): string | undefined {
    if (pattern.typeAnnotation) return "it is destructured";
    for (const property of pattern.properties as Node[]) {
      const name = property.type === "ObjectProperty" && !property.computed ? property.key.name : undefined;
      if (name === "details" && isIdentifier(property.value)) uses.push({ kind: "detailsProperty", property });
      else if (name === "code" && isIdentifier(property.value)) {
        const binding = scopesOf(file).bindingOf(property.value);
        if (!binding || binding.writes.length > 0) return "code is assigned";
        for (const reference of binding.references) {
          const problem = codeUse(reference);
          if (problem !== undefined) return problem;
        }
      } else return "it is destructured";
    }
    return undefined;
  }

  function codeUse(member: Node): string | undefined {
    if (isWritten(member)) return "code is assigned";
    const parent = parents.get(member) as Node;
    const compared: Node[] = [];
    if (parent.type === "BinaryExpression" && /^[!=]==?$/.test(parent.operator))
      compared.push(parent.left === member ? parent.right : parent.left);
    if (parent.type === "SwitchStatement" && parent.discriminant === member)
      for (const one of parent.cases as Node[]) if (one.test) compared.push(one.test);
    if (parent.type === "MemberExpression" && parent.computed && parent.property === member) {
      if (isStatusOfGrpc(file, parent.object)) uses.push({ kind: "name", member: parent, code: member });
    }
    for (const other of compared) {
      if (other.type === "NumericLiteral" && (other.value < 0 || other.value > 16))
        return "its code is compared with one that gRPC does not have";
      const name = statusName(file, other);
      if (name !== undefined) uses.push({ kind: "status", member: other, name });
    }
    return undefined;
  }

  function metadataUse(member: Node): string | undefined {
    const get = parents.get(member) as Node;
    if (memberName(get) !== "get" || get.object !== member) return "metadata is used as a whole";
    const call = parents.get(get) as Node;
    if (call.type !== "CallExpression" || call.callee !== get || call.arguments.length !== 1)
      return "metadata is used as a whole";
    uses.push({ kind: "metadata", member, get: call });
    return undefined;
  }

  function isWritten(member: Node): boolean {
    const parent = parents.get(member) as Node;
    return parent.type === "AssignmentExpression" && parent.left === member;
  }
}

/** Where a caught error goes on to the next catch: `throw err`, `reject(err)`. What goes on is the error as it came. */
export function rethrows(param: Node, body: Node): Node[] {
  const found: Node[] = [];
  if (!isIdentifier(param)) return found;
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

/** `any`, or `{ code?: number }`: a type that both kinds of errors have. */
function isLooseType(type: Node): boolean {
  if (type.type === "TSAnyKeyword" || type.type === "TSUnknownKeyword") return true;
  return (
    type.type === "TSTypeLiteral" &&
    (type.members as Node[]).every(
      (member) => member.type === "TSPropertySignature" && isIdentifier(member.key, "code"),
    )
  );
}

/** A string for certain: to a number, an error that is none would be added. */
function isText(node: Node): boolean {
  if (node.type === "BinaryExpression") return node.operator === "+" && (isText(node.left) || isText(node.right));
  return node.type === "StringLiteral" || node.type === "TemplateLiteral";
}

/** Does what is written for a use give for any value what the use gave? One that is added to a text or asked for its own may give another. */
export function takesAnyValue(use: ErrorUse): boolean {
  return use.kind === "message" || (use.kind === "text" && !use.isAsked);
}

/** Both kinds of errors are Errors. */
function isErrorType(type: Node): boolean {
  return type.type === "TSTypeReference" && isIdentifier(type.typeName, "Error");
}

function isServiceErrorType(type: Node): boolean {
  if (type.type !== "TSTypeReference") return false;
  const name = type.typeName;
  return (isIdentifier(name) ? name.name : name.right?.name) === "ServiceError";
}

function mentioned(body: Node, name: string): boolean {
  let found = false;
  walk(body, (node, [parent]) => {
    if (isIdentifier(node, name) && !isPropertyName(node, parent)) found = true;
    return !found;
  });
  return found;
}

const CODES: Readonly<Record<string, string>> = {
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
  if (name === undefined || !Object.hasOwn(CODES, name)) return undefined;
  return isStatusOfGrpc(file, node.object as Node) ? CODES[name] : undefined;
}

/** `status` or `grpc.status`, from grpc-js. */
export function isStatusOfGrpc(file: File, owner: Node): boolean {
  const root = isIdentifier(owner)
    ? owner
    : owner.type === "MemberExpression" && memberName(owner) === "status"
      ? owner.object
      : undefined;
  if (!isIdentifier(root)) return false;
  const binding = scopesOf(file).bindingOf(root);
  if (!binding || !isOfGrpc(binding.declaration, parentMap(file))) return false;
  return importedName(binding.declaration) === (isIdentifier(owner) ? "status" : "*");
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
