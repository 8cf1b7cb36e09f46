import {
  type File,
  isFunction,
  isIdentifier,
  memberName,
  parentMap,
  type Node as TreeNode,
  walk,
} from "../shared/ast.js";
import { requiredModule } from "../shared/imports.js";
import { scopesOf } from "../shared/scope.js";
import type { Source } from "./client-error-flow.js";
import type { ErrorPlace } from "./client-error-places.js";

/** What people call an error. */
function isErrorName(name: string): boolean {
  return /^_?(e|ex|err|error|reason|failure|exception)$|(Err|Error)$/.test(name);
}

/**
 * Errors that arrive where no call stands near: results of `Promise.allSettled` and `Promise.any`, the handlers of a process and of a web
 * framework for whatever nobody has caught.
 */
export function unplacedErrors(
  sources: readonly Source[],
  mayFail: (source: Source, node: TreeNode) => boolean,
): ErrorPlace[] {
  const places: ErrorPlace[] = [];
  const asks = (method: string) =>
    sources.some((source) => {
      let found = false;
      walk(source.tree, (node) => {
        if (found) return false;
        if (
          node.type === "CallExpression" &&
          memberName(node.callee) === method &&
          isIdentifier(node.callee.object, "Promise")
        )
          found = (node.arguments as TreeNode[]).some((each) => mayFail(source, each));
        return undefined;
      });
      return found;
    });
  const hasReasons = asks("allSettled");
  const hasErrors = asks("any");
  for (const source of sources) {
    const { tree } = source;
    const parents = parentMap(tree);
    const add = (kind: ErrorPlace["kind"], param: TreeNode, body: TreeNode) =>
      places.push({ ...source, kind, param, body, within: null });
    const addHandler = (given: TreeNode | undefined) => {
      const declared = isIdentifier(given) ? scopesOf(tree).bindingOf(given)?.declaration : given;
      const handler = declared?.type === "VariableDeclarator" ? declared.init : declared;
      const [param] = isFunction(handler) ? (handler.params as TreeNode[]) : [];
      if (param && isFunction(handler) && !isOnlyPrinted(tree, param)) add("catch", param, handler.body);
    };
    walk(tree, (node) => {
      const name = memberName(node);
      if (hasReasons && name === "reason" && !isOfSignal(node.object)) add("value", node, node);
      if (hasErrors && name === "errors") addElement(node);
      if (hasReasons && node.type === "ObjectPattern")
        for (const { value, key } of node.properties as TreeNode[])
          if (isIdentifier(value) && isIdentifier(key, "reason")) add("value", value, tree);
      if (node.type === "CallExpression") {
        const [event, handler] = node.arguments as TreeNode[];
        if (
          isIdentifier(node.callee.object, "process") &&
          /^(unhandledRejection|uncaughtException)/.test((event?.value as string) ?? "")
        )
          addHandler(handler);
        if (memberName(node.callee) === "setErrorHandler") addHandler(event);
        // Koa's, with the context.
        if (
          memberName(node.callee) === "on" &&
          event?.value === "error" &&
          isFunction(handler) &&
          handler.params.length === 2
        )
          addHandler(handler);
        if (isIdentifier(node.callee, "catchError")) addHandler(event);
      }
      if (isFunction(node) && isErrorMiddleware(node.params)) add("catch", node.params[0] as TreeNode, node.body);
    });

    /** `all.errors.map((error) => …)`, `for (const error of all.errors)`, `all.errors[0]` */
    function addElement(list: TreeNode): void {
      const parent = parents.get(list) as TreeNode;
      if (parent.type === "ForOfStatement" && parent.right === list) {
        const [declared] = (parent.left.declarations ?? []) as TreeNode[];
        if (isIdentifier(declared?.id)) add("value", declared.id, parent);
      } else if (parent.type === "MemberExpression" && parent.object === list) {
        const call = parents.get(parent) as TreeNode;
        const [handler] = (call.arguments ?? []) as TreeNode[];
        if (parent.computed) add("value", parent, parent);
        else if (isFunction(handler) && isIdentifier(handler.params[0])) add("value", handler.params[0], handler.body);
      }
    }
  }
  return places;
}

/** Does nothing but a line of the console, which people read, show an error or its stack? Other texts of it are looked at. */
function isOnlyPrinted(tree: File, param: TreeNode): boolean {
  const parents = parentMap(tree);
  const references = isIdentifier(param) ? scopesOf(tree).bindingOf(param)?.references : undefined;
  return !!references?.every((reference) => {
    let at = parents.get(reference) as TreeNode;
    if (memberName(at) === "stack") at = parents.get(at) as TreeNode;
    if (at.type === "BinaryExpression" && memberName(parents.get(reference) as TreeNode) === "stack")
      at = parents.get(at) as TreeNode;
    return at.type === "CallExpression" && isIdentifier(at.callee.object, "console");
  });
}

/** `(err, req, res, next)` of Express, which tells it by the number of its parameters. */
function isErrorMiddleware(params: readonly TreeNode[]): boolean {
  const [error, request, response] = params;
  return (
    params.length === 4 &&
    isIdentifier(error) &&
    isErrorName(error.name) &&
    isIdentifier(request) &&
    /^_*(req|request)$/.test(request.name) &&
    isIdentifier(response) &&
    /^_*(res|response)$/.test(response.name)
  );
}

function isOfSignal(node: TreeNode): boolean {
  return /signal/i.test(memberName(node) ?? (isIdentifier(node) ? node.name : ""));
}

/** What of a call of a package's function gets the error of a promise, or of a function, that is passed, too. */
export function packageCallsWith(
  tree: File,
  call: TreeNode,
  mayFail: (node: TreeNode) => boolean,
): { readonly handlers: readonly TreeNode[]; readonly promises: readonly TreeNode[] } {
  const none = { handlers: [], promises: [] };
  if (!isOfPackage(tree, call.callee)) return none;
  const args = call.arguments as TreeNode[];
  const failing = args.filter((each) => mayFail(each));
  if (failing.length === 0) return none;
  const inOptions = args.flatMap((each) =>
    each.type === "ObjectExpression"
      ? (each.properties as TreeNode[]).map((property) =>
          property.type === "ObjectMethod" ? property : property.value,
        )
      : [each],
  );
  const handlers = inOptions.filter(
    (each) => isFunction(each) && isIdentifier(each.params[0]) && isErrorName(each.params[0].name),
  );
  return { handlers, promises: isTaken(tree, call) ? failing.filter((each) => !isFunction(each)) : [] };
}

/** `const [err, value] = await to(promise)`: the error is a value. */
function isTaken(tree: File, call: TreeNode): boolean {
  const parents = parentMap(tree);
  const awaited = parents.get(call) as TreeNode;
  const declarator = awaited.type === "AwaitExpression" ? parents.get(awaited) : undefined;
  return declarator?.type === "VariableDeclarator" && declarator.id.type === "ArrayPattern";
}

function isOfPackage(tree: File, callee: TreeNode): boolean {
  if (!isIdentifier(callee)) return false;
  const declaration = scopesOf(tree).bindingOf(callee)?.declaration;
  if (!declaration) return false;
  const statement = parentMap(tree).get(declaration);
  const name = statement?.type === "ImportDeclaration" ? statement.source.value : requiredModule(declaration.init);
  return typeof name === "string" && !name.startsWith(".");
}
