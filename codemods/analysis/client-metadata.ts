import { Node, type SourceFile, SyntaxKind } from "ts-morph";
import { isNothing, isWrapper, passesOn } from "./around-values.js";
import type { ClientMetadataFact } from "./client-facts.js";
import { definednessOf, takesCheck } from "./metadata-values.js";
import type { AnalysisProject } from "./project.js";

/** A metadata value that is passed to a call. */
export interface MetadataArgument {
  readonly node: Node;
  readonly isIdiomatic: boolean;
}

export interface MetadataFacts {
  readonly facts: ClientMetadataFact[];
  /** Why this value will not be Headers, and is converted where it is passed; null if it will. */
  obstacleOf(node: Node): string | null;
}

export const METADATA_USED = "the Metadata is used for more than this call";
const ILLEGAL = "a key or a value has characters that Metadata refuses";
const UNDEFINED = "a value may be undefined, which Metadata does not send";

/**
 * Metadata values in groups of what flows into each other. A group whose uses are all known (made, filled under constant keys
 * that are not binary, passed to migrated calls) becomes Headers; one other use keeps all of it as it is.
 */
export function collectMetadataFacts(project: AnalysisProject, args: readonly MetadataArgument[]): MetadataFacts {
  const parentOf = new Map<Node, Node>();
  const find = (node: Node): Node => {
    let current = node;
    for (let next = parentOf.get(current); next && next !== current; next = parentOf.get(current)) current = next;
    return current;
  };
  const union = (a: Node, b: Node) => {
    parentOf.set(find(a), find(b));
  };
  const spoiled = new Map<Node, string>();
  const facts: { key: Node; fact: ClientMetadataFact }[] = [];
  const passed = new Map(args.map((arg) => [arg.node, arg]));
  if (args.length === 0) return { facts: [], obstacleOf: () => METADATA_USED };

  const keyOf = (node: Node): Node => {
    if (Node.isIdentifier(node)) return project.declarationOf(node) ?? node;
    if (Node.isPropertyAccessExpression(node)) return privateField(project, node) ?? node;
    if (Node.isCallExpression(node)) {
      const origin = project.originOf(node.getExpression());
      if (origin.kind === "function") return origin.node;
    }
    if (Node.isConditionalExpression(node)) return keyOf(node.getWhenTrue());
    if (Node.isBinaryExpression(node)) return keyOf(node.getLeft());
    if (isWrapper(node)) return keyOf(node.getExpression());
    return node;
  };
  /** Groups that are read, and those whose keys may have several values: together they differ from Headers. */
  const read = new Set<Node>();
  const several = new Set<Node>();
  const written: { readonly key: Node; readonly name: string; readonly isChecked: boolean }[] = [];
  const fact = (node: Node, key: Node, part: ClientMetadataFact["part"], range: Node = node) =>
    facts.push({
      key,
      fact: {
        kind: "client-metadata",
        file: node.getSourceFile().getFilePath(),
        start: range.getStart(),
        end: range.getEnd(),
        via: "provenance",
        part,
      },
    });

  /** `metadata.set(…)` and the other methods. */
  const member = (
    call: import("ts-morph").CallExpression,
    access: import("ts-morph").PropertyAccessExpression,
    key: Node,
    spoil: (why?: string) => void,
  ): void => {
    const name = access.getName();
    const [first, second] = call.getArguments();
    const constant = first && project.constantOf(first);
    const isStatement = Node.isExpressionStatement(call.getParent() as Node);
    if (name === "clone") {
      fact(call, key, "clone");
      union(key, call);
      return;
    }
    if (name === "merge" && first && isStatement && project.originOf(first).kind === "metadata") {
      several.add(key);
      union(key, keyOf(first));
      fact(call, key, "merge");
      return;
    }
    if (typeof constant !== "string" || /^:|^user-agent$/i.test(constant)) return void spoil();
    // grpc-js throws where it is written, Headers elsewhere or not at all.
    const text = name === "get" || second === undefined ? "" : project.constantOf(second);
    if (!/^[\w.-]+$/.test(constant) || (typeof text === "string" && !/^[ -~]*$/.test(text))) return void spoil(ILLEGAL);
    const isBinary = /-bin$/i.test(constant);
    if (name === "get") {
      if (!isBinary) read.add(key);
      fact(call, key, "get");
    } else if (/^(set|add|remove)$/.test(name) && isStatement) {
      if (name === "add") several.add(key);
      if (name !== "remove" && second && !isBinary) {
        const defined = definednessOf(project, second);
        const isChecked = defined === "checked";
        if (defined === "maybe" || (isChecked && !takesCheck(call))) return void spoil(UNDEFINED);
        if (isChecked) fact(call, key, "check", call);
        written.push({ key, name: constant.toLowerCase(), isChecked });
      }
      fact(call, key, name as "set" | "add" | "remove", access.getNameNode());
      if (isBinary && name !== "remove") {
        if (!second || !isBytes(second)) return void spoil();
        fact(call, key, "binary", second);
      }
    } else spoil();
  };

  for (const file of project.files) {
    if (!/[Mm]etadata/.test(file.getFullText())) continue;
    const isSelected = project.isSelected(file.getFilePath());
    file.forEachDescendant((node) => {
      if (Node.isTypeReference(node)) {
        const origin = project.originOfType(node);
        const isItself = node.getTypeName().getText() !== "Promise";
        if (origin.kind !== "grpc" || origin.path !== "Metadata" || !isItself) return;
        const owner = ownerOfType(node);
        // The type of a variable, a field, a parameter or a result; anything else is not followed.
        if (
          owner &&
          (Node.isVariableDeclaration(owner) ||
            Node.isParameterDeclaration(owner) ||
            Node.isPropertyDeclaration(owner) ||
            Node.isFunctionLikeDeclaration(owner))
        )
          fact(node, owner, "type");
        return;
      }
      if (!isExpression(node) || project.originOf(node).kind !== "metadata") return;
      const key = keyOf(node);
      const spoil = (why = METADATA_USED) => void spoiled.set(key, why);
      // Out of an object, or of callers that are not all known, may come Metadata that is made elsewhere.
      const isFromElsewhere =
        Node.isBindingElement(key) || (Node.isParameterDeclaration(key) && !project.valuesPassed(key));
      if (!isSelected || isFromElsewhere) spoil();
      if (Node.isNewExpression(node)) {
        if (node.getArguments().length > 0) spoil();
        fact(node, key, "construction");
      } else if (Node.isPropertyAccessExpression(node) && key === node) spoil();
      else if (Node.isCallExpression(node) && key === node) {
        // `x.clone()` is understood at `x`; other factories are not.
        const callee = node.getExpression();
        if (!(Node.isPropertyAccessExpression(callee) && callee.getName() === "clone")) spoil();
      }
      let value: Node = node;
      let parent = value.getParent();
      // Either of two, an awaited one, one of another type to the compiler.
      while (parent && passesOn(parent, value)) {
        if (!othersOf(parent, value).every((other) => isNothing(other) || project.originOf(other).kind === "metadata"))
          spoil();
        union(key, keyOf(parent));
        value = parent;
        parent = value.getParent();
      }
      const argument = passed.get(value);
      if (argument) {
        if (!argument.isIdiomatic) spoil();
        return;
      }
      if (!parent) return;
      if (Node.isPropertyAccessExpression(parent) && parent.getExpression() === value) {
        const call = parent.getParent();
        if (!call || !Node.isCallExpression(call) || call.getExpression() !== parent) return void spoil();
        member(call, parent, key, spoil);
        return;
      }
      if (Node.isBinaryExpression(parent) && parent.getOperatorToken().getText() === "=") {
        const target = parent.getLeft() === value ? undefined : keyOf(parent.getLeft());
        if (parent.getLeft() === value) return;
        return target === undefined || target === parent.getLeft() ? void spoil() : union(key, target);
      }
      if (Node.isParameterDeclaration(parent) || Node.isPropertyDeclaration(parent)) return union(key, parent);
      if (Node.isVariableDeclaration(parent) && Node.isIdentifier(parent.getNameNode())) return union(key, parent);
      if (Node.isReturnStatement(parent) || (Node.isArrowFunction(parent) && parent.getBody() === node)) {
        const owner = Node.isArrowFunction(parent)
          ? parent
          : parent.getFirstAncestor((up) => Node.isFunctionLikeDeclaration(up) || Node.isFunctionExpression(up));
        if (
          owner &&
          (Node.isFunctionDeclaration(owner) || Node.isArrowFunction(owner) || Node.isMethodDeclaration(owner))
        )
          return union(key, owner);
        return void spoil();
      }
      if (Node.isCallExpression(parent) && parent.getExpression() !== value) {
        const callee = parent.getExpression();
        if (Node.isPropertyAccessExpression(callee) && callee.getName() === "merge") {
          const into = callee.getExpression();
          if (project.originOf(into).kind === "metadata") return union(key, keyOf(into));
        }
        const origin = project.originOf(callee);
        if (origin.kind === "function") {
          const index = parent.getArguments().indexOf(value);
          const parameter = (origin.node as unknown as { getParameters(): Node[] }).getParameters()[index];
          if (parameter && project.originOf(parameter).kind === "metadata") return union(key, parameter);
        }
        return void spoil();
      }
      if (Node.isExpressionStatement(parent)) return;
      spoil();
    });
  }

  for (const key of read) if ([...several].some((other) => find(other) === find(key))) spoiled.set(key, METADATA_USED);
  // What was there stays under a check, and counts where it is read.
  for (const one of written.filter(({ isChecked }) => isChecked)) {
    const isSame = (other: Node) => find(other) === find(one.key);
    const isAgain = written.some((other) => other !== one && other.name === one.name && isSame(other.key));
    if (isAgain || [...read].some(isSame)) spoiled.set(one.key, UNDEFINED);
  }
  const bad = new Map([...spoiled].map(([key, why]) => [find(key), why]));
  // A group that reaches no call is not the client's.
  const reached = new Set(args.map((arg) => find(keyOf(arg.node))));
  const obstacleOf = (node: Node) => {
    const key = find(keyOf(node));
    return bad.get(key) ?? (reached.has(key) ? null : METADATA_USED);
  };
  return {
    facts: facts.filter(({ key }) => reached.has(find(key)) && !bad.has(find(key))).map((each) => each.fact),
    obstacleOf,
  };
}

/** What else may be passed on beside a value: `other ?? value`, `flag ? other : value`. */
function othersOf(parent: Node, value: Node): readonly Node[] {
  if (Node.isConditionalExpression(parent))
    return [parent.getWhenTrue(), parent.getWhenFalse()].filter((each) => each !== value);
  return Node.isBinaryExpression(parent) ? [parent.getLeft(), parent.getRight()].filter((each) => each !== value) : [];
}

/** `this.metadata` of a private field, which nothing outside the class sees. */
function privateField(project: AnalysisProject, access: Node): Node | undefined {
  if (!Node.isPropertyAccessExpression(access) || access.getExpression().getKind() !== SyntaxKind.ThisKeyword)
    return undefined;
  const declaration = project.declarationOf(access.getNameNode());
  if (!declaration || !Node.isPropertyDeclaration(declaration)) return undefined;
  const isPrivate = declaration.getName().startsWith("#") || declaration.getScope() === "private";
  return isPrivate && !declaration.isStatic() ? declaration : undefined;
}

/** What a type belongs to: `Metadata`, `Metadata | undefined`, `Promise<Metadata>`. */
function ownerOfType(type: Node): Node | undefined {
  let owner = type.getParent();
  while (
    owner &&
    (Node.isUnionTypeNode(owner) || (Node.isTypeReference(owner) && owner.getTypeName().getText() === "Promise"))
  )
    owner = owner.getParent();
  return owner;
}

/** Bytes for certain: a binary value of any other type is an error in grpc-js. */
function isBytes(node: Node): boolean {
  if (
    /^Buffer\.(from|alloc|concat)\(/.test(node.getText()) ||
    /\.(finish|serializeBinary|toBinary)\(.*\)$/.test(node.getText())
  )
    return true;
  const name = node.getType().getSymbol()?.getName();
  return name === "Buffer" || name === "Uint8Array";
}

/** Metadata with options of its own (`waitForReady`), which Headers cannot hold. */
export function hasMetadataOptions(project: AnalysisProject, files: readonly SourceFile[]): boolean {
  return files.some((file) => {
    if (!/waitForReady|setOptions|Metadata\(\s*[^)\s]/.test(file.getFullText())) return false;
    return [
      ...file.getDescendantsOfKind(SyntaxKind.NewExpression),
      ...file.getDescendantsOfKind(SyntaxKind.CallExpression),
    ].some((node) => {
      const [first] = node.getArguments();
      if (!first) return false;
      const callee = node.getExpression();
      if (Node.isNewExpression(node)) return !isHarmless(first) && project.originOf(node).kind === "metadata";
      return (
        Node.isPropertyAccessExpression(callee) &&
        callee.getName() === "setOptions" &&
        project.originOf(callee.getExpression()).kind === "metadata"
      );
    });
  });
}

/** The other options say nothing to a server or a call. */
function isHarmless(options: Node): boolean {
  return (
    Node.isObjectLiteralExpression(options) &&
    options.getProperties().every((property) => {
      const name = Node.isPropertyAssignment(property) ? property.getName() : "";
      const isFalse = Node.isPropertyAssignment(property) && property.getInitializer()?.getText() === "false";
      return /^(idempotentRequest|cacheableRequest|corked)$/.test(name) || (name === "waitForReady" && isFalse);
    })
  );
}

function isExpression(node: Node): boolean {
  if (Node.isNewExpression(node) || Node.isCallExpression(node) || Node.isPropertyAccessExpression(node)) return true;
  if (!Node.isIdentifier(node)) return false;
  const parent = node.getParent();
  if (!parent) return false;
  if (Node.isPropertyAccessExpression(parent)) return parent.getExpression() === node;
  if (Node.isPropertyAssignment(parent)) return parent.getInitializer() === node;
  if (Node.isVariableDeclaration(parent)) return parent.getInitializer() === node;
  return (
    Node.isCallExpression(parent) ||
    Node.isNewExpression(parent) ||
    Node.isReturnStatement(parent) ||
    Node.isShorthandPropertyAssignment(parent) ||
    Node.isBinaryExpression(parent) ||
    Node.isArrowFunction(parent) ||
    Node.isSpreadElement(parent) ||
    Node.isArrayLiteralExpression(parent) ||
    Node.isConditionalExpression(parent) ||
    Node.isParameterDeclaration(parent) ||
    Node.isPropertyDeclaration(parent) ||
    isWrapper(parent)
  );
}
