import { type File, isFunction, isIdentifier, memberName, type Node, parentMap, unwrap, walk } from "../shared/ast.js";
import { givenToBridge } from "../shared/imports.js";
import { isNewPromise, scopesOf } from "../shared/scope.js";
import { isPropertyName } from "./callback-shape.js";
import { isOnlyAsserted } from "./error-assertions.js";
import { isOfOtherClass } from "./error-narrowing.js";
import { isErrorType, isLooseType, isRequestCallback, isServiceErrorType } from "./error-types.js";
import { isStatusOfGrpc, statusName } from "./grpc-status.js";

/** One use of a caught error that has a counterpart on ConnectError. */
export type ErrorUse =
  /** `.details` */
  | { readonly kind: "details"; readonly member: Node }
  /** `{ details }` of a parameter. */
  | { readonly kind: "detailsProperty"; readonly property: Node }
  /** `const { details, message, metadata } = err` */
  | {
      readonly kind: "property";
      readonly property: Node;
      readonly name: "details" | "message" | "metadata";
      readonly declarator: Node;
    }
  /** `err.message` */
  | { readonly kind: "message"; readonly member: Node }
  /** What is made a text of: the error of `${err}` or `"" + err`, or the whole of `String(err)` and `err.toString()`. */
  | { readonly kind: "text"; readonly whole: Node; readonly error: Node; readonly isAsked: boolean }
  /** `err.metadata`, of which nothing but values are asked for. */
  | { readonly kind: "trailers"; readonly member: Node }
  /** `metadata.get("k")` of it, or of a variable that holds it. */
  | { readonly kind: "values"; readonly metadata: Node; readonly get: Node }
  /** `status[err.code]` */
  | { readonly kind: "name"; readonly member: Node; readonly code: Node }
  /** `toConnectError(err)`, which gives the error of a handler: that of a call is one. */
  | { readonly kind: "relayed"; readonly call: Node }
  /** The type `ServiceError` of a cast. */
  | { readonly kind: "type"; readonly type: Node }
  /** `requestCallback<Item>`, of a variable that is the callback. */
  | { readonly kind: "callbackType"; readonly type: Node; readonly callback: Node }
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
  /** Of a native plan: where the error is turned back into a ServiceError, because something takes it as a whole. */
  readonly converted: readonly Node[];
}

export interface ErrorPlanOptions {
  /** Why the error cannot be the argument of a call; undefined if it can. */
  readonly passedTo?: (call: Node, index: number) => string | undefined;
  /** How many uses may convert it for themselves; more of them share one conversion. */
  readonly conversions?: number;
  /** Is it known of a use that it is converted? */
  readonly isConverted?: (reference: Node) => boolean;
}

/** What becomes of the uses of a caught error, or of an expression that is one: it is a ConnectError where it was a ServiceError. */
export function planError(
  file: File,
  param: Node,
  body: Node,
  { passedTo = () => "it is passed to a function", conversions = 1, isConverted = () => false }: ErrorPlanOptions = {},
): ErrorPlan {
  const uses: ErrorUse[] = [];
  const converted: Node[] = [];
  let reads = false;
  const parents = parentMap(file);
  const wrapped = (reason: string): ErrorPlan => ({
    mode: "wrapped",
    changes: true,
    reads: true,
    reason,
    uses: [],
    converted: [],
  });
  const native = (reason: string): ErrorPlan => ({
    mode: "native",
    changes: uses.length > 0 || converted.length > 0,
    reads,
    reason,
    uses,
    converted,
  });
  if (param.type === "ObjectPattern") {
    reads = true;
    const problem = patternUse(param);
    return problem === undefined ? native("") : wrapped(problem);
  }
  if (/^(Optional)?MemberExpression$/.test(param.type)) return native(useAt(param) ?? "");
  if (!isIdentifier(param)) return wrapped("it is destructured");
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
  const binding = scopesOf(file).bindingOf(param);
  if (!binding || binding.writes.length > 0) return wrapped(`${param.name} is assigned again`);
  let reason = "";
  for (const reference of binding.references) {
    if (reference.start < body.start || reference.end > body.end || isOfOtherClass(reference, parents)) continue;
    const problem = useAt(reference);
    if (problem === undefined) continue;
    reason ||= problem;
    if (converted.length > conversions || problem === FOREIGN_CODE || isChanged(reference) || isGuarded(reference))
      return wrapped(reason);
  }
  if (!mentioned(body, param.name)) return { ...native(""), mode: "none", changes: false };
  const predicate = typePredicate(param);
  if (predicate) uses.push({ kind: "type", type: predicate });
  const callback = parents.get(param) as Node;
  const holder = parents.get(callback);
  const said = holder?.type === "VariableDeclarator" ? holder.id.typeAnnotation?.typeAnnotation : undefined;
  if (isFunction(callback) && said && isRequestCallback(said))
    uses.push({ kind: "callbackType", type: said, callback });
  return native(reason);

  /** Looks at one use, with all that it leads to; the reason why it has no counterpart, for which it is converted there. */
  function useAt(reference: Node): string | undefined {
    if (isConverted(reference)) return undefined;
    const before = uses.length;
    const readBefore = reads;
    const problem = referenceUse(reference);
    if (problem === undefined) return undefined;
    uses.length = before;
    reads = readBefore;
    converted.push(reference);
    return problem;
  }

  /** Is one of its own members written? Then a converted error would not do: it is another object. */
  function isChanged(reference: Node): boolean {
    const member = parents.get(reference) as Node;
    const parent = parents.get(member) as Node;
    const isAssigned = memberName(member.callee ?? member) === "assign" && member.arguments?.[0] === reference;
    return (
      isAssigned ||
      (member.object === reference &&
        (isWritten(member) || parent.type === "UpdateExpression" || parent.operator === "delete"))
    );
  }

  /** `if (isServiceError(err))` says in TypeScript what `err` is behind it, which a converted argument would not. */
  function isGuarded(reference: Node): boolean {
    const call = parents.get(reference) as Node;
    const user = parents.get(call) as Node;
    const isTest = /^(IfStatement|ConditionalExpression)$/.test(user.type) && user.test === call;
    return (
      call.type === "CallExpression" &&
      call.callee !== reference &&
      (isTest || user.type === "LogicalExpression" || (user.type === "UnaryExpression" && user.operator === "!"))
    );
  }

  /** Looks at all uses of another name for it. */
  function follow(name: Node): string | undefined {
    const binding = scopesOf(file).bindingOf(name);
    if (!binding || binding.writes.length > 0) return `${name.name} is assigned again`;
    for (const reference of binding.references) {
      if (isOfOtherClass(reference, parents)) continue;
      const problem = referenceUse(reference);
      if (problem !== undefined) return problem;
    }
    return undefined;
  }

  /** `lastError = err`, of a variable that is thrown behind a loop, or looked at for nothing that would have to be written anew. */
  function keptUse(name: Node): string | undefined {
    const binding = scopesOf(file).bindingOf(name);
    const type = binding?.identifier.typeAnnotation?.typeAnnotation;
    if (!binding || binding.kind === "param" || (type && !(isLooseType(type) || isErrorType(type)))) return KEPT;
    const before = uses.length;
    return binding.references.some((reference) => referenceUse(reference) !== undefined) || uses.length > before
      ? KEPT
      : undefined;
  }

  function referenceUse(reference: Node): string | undefined {
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
    return useOf(node, parent);
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
          uses.push({ kind: "details", member: parent });
          return undefined;
        case "message":
          if (isSet(parent)) return undefined;
          if (isWritten(parent)) return "message is assigned";
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
        case "stack":
          return isPrinted(parent) ? undefined : "stack is read";
        default:
          // What an error of grpc-js has not is what the program has added, or it is no such error.
          if (name === undefined || /^(name|cause|findDetails|isWireError)$/.test(name))
            return `${name ?? "a computed member"} is read`;
          return undefined;
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
    // Both kinds are an Error, and neither is anything else that a program has a class for.
    if (parent.type === "BinaryExpression" && parent.operator === "instanceof" && parent.left === node)
      return isIdentifier(parent.right, "ConnectError") ? "its class is asked for" : undefined;
    // `"code" in err`: both kinds of errors have it.
    if (parent.type === "BinaryExpression" && parent.operator === "in" && parent.right === node)
      return /^(code|details|metadata|message)$/.test(parent.left.value ?? "") ? undefined : "it is looked through";
    if (isPrinted(node) || isOnlyAsserted(file, node, parent)) return undefined;
    if (isMadeText(node, parent)) {
      reads = true;
      const whole = parent.type === "CallExpression" ? parent : node;
      uses.push({ kind: "text", whole, error: node, isAsked: false });
      return undefined;
    }
    if (
      parent.type === "ConditionalExpression" &&
      parent.test !== node &&
      parents.get(parent)?.type === "ThrowStatement"
    )
      return undefined;
    if (
      parent.type === "CallExpression" &&
      memberName(parent.callee) === "reject" &&
      isIdentifier(parent.callee.object, "Promise")
    )
      return undefined;
    if (givenToBridge(file, parent, "toConnectError") === node) {
      uses.push({ kind: "relayed", call: parent });
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
      if (isNewPromise(promise, parents)) return undefined;
    }
    if (parent.type === "VariableDeclarator" && parent.init === node && isIdentifier(parent.id)) {
      const annotation = parent.id.typeAnnotation?.typeAnnotation;
      if (annotation) {
        if (!isServiceErrorType(annotation)) return "it is kept under another type";
        uses.push({ kind: "type", type: annotation });
      }
      return follow(parent.id);
    }
    if (parent.type === "VariableDeclarator" && parent.init === node && parent.id.type === "ObjectPattern")
      return patternUse(parent.id, isIdentifier(unwrap(node)) ? parent : undefined);
    if (parent.type === "AssignmentExpression" && parent.operator === "=" && isIdentifier(parent.left))
      return parent.right === node && parents.get(parent)?.type === "ExpressionStatement" ? keptUse(parent.left) : KEPT;
    if (isAddedTo(node, parent)) return useOf(parent, parents.get(parent) as Node);
    if (parent.type === "ExpressionStatement") return undefined;
    if (!/^(Call|New)Expression$/.test(parent.type)) return "it is used as a whole";
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

  function patternUse(pattern: Node, declarator?: Node): string | undefined {
    if (pattern.typeAnnotation) return "it is destructured";
    for (const property of pattern.properties as Node[]) {
      const name = property.type === "ObjectProperty" && !property.computed ? property.key.name : undefined;
      if (
        declarator &&
        (name === "details" || name === "message" || name === "metadata") &&
        isIdentifier(property.value)
      ) {
        const problem = name === "metadata" ? heldMetadata(property.value) : undefined;
        if (problem !== undefined) return problem;
        uses.push({ kind: "property", property, name, declarator });
      } else if (name === "details" && isIdentifier(property.value)) uses.push({ kind: "detailsProperty", property });
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
      if (other.type === "NumericLiteral" && (other.value < 0 || other.value > 16)) return FOREIGN_CODE;
      const name = statusName(file, other);
      if (name !== undefined) uses.push({ kind: "status", member: other, name });
    }
    return undefined;
  }

  /** `err.metadata.get("k")`, `const trailers = err.metadata` */
  function metadataUse(member: Node): string | undefined {
    // Both kinds of errors have some, and no other error has.
    if (isTested(member)) return undefined;
    // Of no error there is no metadata.
    if (member.optional) return WHOLE_METADATA;
    const declarator = parents.get(member) as Node;
    const holds = declarator.type === "VariableDeclarator" && declarator.init === member && isIdentifier(declarator.id);
    const problem = holds ? heldMetadata(declarator.id) : valuesUse(member);
    uses.push({ kind: "trailers", member });
    return problem;
  }

  /** `if (err.metadata)`, `err.metadata && …`, `!err.metadata` */
  function isTested(value: Node): boolean {
    const parent = parents.get(value) as Node;
    if (parent.type === "IfStatement" || parent.type === "ConditionalExpression") return parent.test === value;
    if (parent.type === "UnaryExpression") return parent.operator === "!";
    return (
      parent.type === "LogicalExpression" && parent.operator === "&&" && (parent.left === value || isTested(parent))
    );
  }

  /** Is a variable asked for nothing but values? */
  function heldMetadata(name: Node): string | undefined {
    const binding = scopesOf(file).bindingOf(name);
    if (!binding || binding.writes.length > 0 || name.typeAnnotation) return WHOLE_METADATA;
    return binding.references.map(valuesUse).find((problem) => problem !== undefined);
  }

  function valuesUse(metadata: Node): string | undefined {
    const get = parents.get(metadata) as Node;
    const call = parents.get(get) as Node;
    const isAsked = memberName(get) === "get" && get.object === metadata && call.callee === get && !call.optional;
    if (!isAsked || call.arguments.length !== 1 || (get.optional && !takesNothing(call))) return WHOLE_METADATA;
    uses.push({ kind: "values", metadata, get: call });
    return undefined;
  }

  /** `metadata?.get("k")[0]`, `metadata?.get("k")[0]?.toString()`: the same of an error without metadata as of one without such a value. */
  function takesNothing(values: Node): boolean {
    const first = parents.get(values) as Node;
    if (!/MemberExpression$/.test(first.type) || first.object !== values || first.property.type !== "NumericLiteral")
      return false;
    const more = parents.get(first) as Node;
    return more.callee !== first && (more.object !== first || more.optional === true);
  }

  function isWritten(member: Node): boolean {
    const parent = parents.get(member) as Node;
    return parent.type === "AssignmentExpression" && parent.left === member;
  }

  /** `err.message = …`, which a ConnectError keeps for whoever asks for its text. */
  function isSet(member: Node): boolean {
    const parent = parents.get(member) as Node;
    return isWritten(member) && parent.operator === "=";
  }

  /** `Object.assign(err, { status: 404 })`, which is the error itself. */
  function isAddedTo(node: Node, parent: Node): boolean {
    if (parent.type !== "CallExpression" || memberName(parent.callee) !== "assign") return false;
    const [target, ...added] = parent.arguments as Node[];
    return (
      isIdentifier(parent.callee.object, "Object") &&
      target === node &&
      added.every(
        (each) =>
          each.type === "ObjectExpression" &&
          (each.properties as Node[]).every(
            ({ type, computed, key }) =>
              type !== "SpreadElement" && !computed && isIdentifier(key) && !OWN_MEMBERS.test(key.name),
          ),
      )
    );
  }
}

const KEPT = "it is used as a whole";

const WHOLE_METADATA = "metadata is used as a whole";

/** Then it is of such a code, whose text Connect does not give either. */
const FOREIGN_CODE = "its code is compared with one that gRPC does not have";

/** What a ConnectError has of its own, under names that a ServiceError has with other values or not at all. */
const OWN_MEMBERS = /^(name|stack|cause|code|details|metadata|rawMessage|findDetails|isWireError)$/;

/** A string for certain: to a number, an error that is none would be added. */
function isText(node: Node): boolean {
  if (node.type === "BinaryExpression") return node.operator === "+" && (isText(node.left) || isText(node.right));
  return node.type === "StringLiteral" || node.type === "TemplateLiteral";
}

/** The error that goes on where a path fails: `err`, also of `toConnectError(err)` where that changes nothing. */
export function errorPassedOn(file: File, thrown: Node, relays: boolean): Node {
  return (relays && givenToBridge(file, thrown, "toConnectError")) || thrown;
}

/** Does what is written for a use give for any value what the use gave? One that is asked for its own text may have none. */
export function takesAnyValue(use: ErrorUse): boolean {
  return (
    use.kind === "message" ||
    use.kind === "relayed" ||
    (use.kind === "property" && use.name === "message") ||
    (use.kind === "text" && !use.isAsked)
  );
}

function mentioned(body: Node, name: string): boolean {
  let found = false;
  walk(body, (node, [parent]) => {
    if (isIdentifier(node, name) && !isPropertyName(node, parent)) found = true;
    return !found;
  });
  return found;
}
