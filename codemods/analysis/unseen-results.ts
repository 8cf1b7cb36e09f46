import { type CallExpression, Node } from "ts-morph";
import { isWrapper } from "./around-values.js";
import { isAlias, isExportTarget } from "./exports.js";
import type { AnalysisProject } from "./project.js";

/** Who gets what a function returns: nobody who looks at it, a framework that may wait for a promise, or, of a stream, one loop. */
export type Unseen = "nobody" | "framework" | "iterated";

/** Of a call that is returned, `return client.getItem(…)`: who gets it, if it can be told that nobody does anything with it. */
export function unseenResult(project: AnalysisProject, call: Node): Unseen | undefined {
  const active = new Set<Node>();

  /** A value that an expression gives. */
  function ofValue(value: Node): Unseen | undefined {
    const parent = value.getParent();
    if (!parent) return undefined;
    if (Node.isAwaitExpression(parent)) return undefined;
    if (isWrapper(parent)) return ofValue(parent);
    if (Node.isExpressionStatement(parent) || Node.isVoidExpression(parent)) return "nobody";
    const isWhole = Node.isArrowFunction(parent) && parent.getBody() === value;
    if (!isWhole && !Node.isReturnStatement(parent)) return undefined;
    const fn = isWhole
      ? parent
      : parent.getFirstAncestor((up) => Node.isFunctionLikeDeclaration(up) || Node.isFunctionExpression(up));
    return fn && ofFunction(fn);
  }

  function ofFunction(fn: Node): Unseen | undefined {
    if (active.has(fn)) return "nobody";
    active.add(fn);
    // A type that is written out says that somebody wants it.
    if (!Node.isReturnTyped(fn) || fn.getReturnTypeNode()) return undefined;
    if ((Node.isAsyncable(fn) && fn.isAsync()) || (Node.isGeneratorable(fn) && fn.isGenerator())) return undefined;
    const holder = fn.getParent();
    if (Node.isCallExpression(holder)) return ofArgument(holder, fn) ?? ofParameter(holder, fn);
    if (Node.isMethodDeclaration(fn)) return ofMember(fn.getName());
    if (Node.isPropertyAssignment(holder) || Node.isPropertyDeclaration(holder)) return ofMember(holder.getName());
    const name = Node.isFunctionDeclaration(fn)
      ? fn.getNameNode()
      : Node.isVariableDeclaration(holder)
        ? holder.getNameNode()
        : undefined;
    if (!name || !Node.isIdentifier(name)) return undefined;
    const uses = project.referencesTo(name).filter((each) => each !== name && !isNamedElsewhere(each));
    return joined(uses.map(ofUse));
  }

  /** `run(callback)` in a function of the project that is given `run`, and looks at nothing that it gives. */
  function ofParameter(call: CallExpression, fn: Node): Unseen | undefined {
    const origin = project.originOf(call.getExpression());
    const taker = origin.kind === "function" && Node.isParametered(origin.node) ? origin.node : undefined;
    const index = call.getArguments().indexOf(fn);
    const parameter = taker?.getParameters()[index];
    const name = parameter?.getNameNode();
    if (!Node.isIdentifier(name) || parameter?.isRestParameter() || taker?.getText().includes("arguments"))
      return undefined;
    return joined(
      project
        .referencesTo(name)
        .filter((each) => each !== name)
        .map(ofUse),
    );
  }

  /** Methods are told by name. */
  function ofMember(name: string): Unseen | undefined {
    const names = project.identifiersNamed(name);
    // `const { load } = api`
    if (names.some((each) => Node.isBindingElement(each.getParent()))) return undefined;
    const accesses = names.flatMap((each) => {
      const access = each.getParent();
      return Node.isPropertyAccessExpression(access) && access.getNameNode() === each ? [access] : [];
    });
    const others = accesses.filter((each) => project.originOf(each.getExpression()).kind !== "client");
    return joined(others.map((each) => ofUse(each)));
  }

  function ofUse(use: Node): Unseen | undefined {
    const access = use.getParent();
    const callee = Node.isPropertyAccessExpression(access) && access.getNameNode() === use ? access : use;
    const made = callee.getParent();
    return Node.isCallExpression(made) && made.getExpression() === callee ? ofValue(made) : undefined;
  }

  return ofValue(call);
}

function joined(uses: readonly (Unseen | undefined)[]): Unseen | undefined {
  if (uses.length === 0 || uses.includes(undefined)) return undefined;
  return uses.includes("framework") ? "framework" : "nobody";
}

/** `app.get('/items', (req, res) => …)`, `emitter.on('item', (item) => …)`, timers */
function ofArgument(call: CallExpression, fn: Node): Unseen | undefined {
  const callee = call.getExpression();
  const args = call.getArguments();
  if (Node.isIdentifier(callee))
    return args[0] === fn && /^(setTimeout|setInterval|setImmediate)$/.test(callee.getText()) ? "nobody" : undefined;
  if (!Node.isPropertyAccessExpression(callee)) return undefined;
  const name = callee.getName();
  if (name === "forEach" || (/^(on|once|addListener)$/.test(name) && args[1] === fn)) return "nobody";
  const isHandler = Node.isParametered(fn) && fn.getParameters().length >= 2 && args.at(-1) === fn;
  return isHandler && /^(get|post|put|patch|delete|all|use)$/.test(name) ? "framework" : undefined;
}

/** Is it an import, an export or another name for the same thing? */
export function isNamedElsewhere(reference: Node): boolean {
  const parent = reference.getParent();
  if (!parent) return false;
  return isAlias(parent) || (Node.isBinaryExpression(parent) && isExportTarget(parent.getLeft().getText()));
}
