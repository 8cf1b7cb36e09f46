import { Node, SyntaxKind } from "ts-morph";
import type { ClientMetadataFact } from "./client-facts.js";
import type { AnalysisProject } from "./project.js";

/** A metadata value that is passed to a call. */
export interface MetadataArgument {
  readonly node: Node;
  readonly isIdiomatic: boolean;
}

export interface MetadataFacts {
  readonly facts: ClientMetadataFact[];
  /** Will this value be Headers? Otherwise it is converted where it is passed. */
  isHeaders(node: Node): boolean;
}

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
  const spoiled = new Set<Node>();
  const facts: { key: Node; fact: ClientMetadataFact }[] = [];
  const passed = new Map(args.map((arg) => [arg.node, arg]));
  if (args.length === 0) return { facts: [], isHeaders: () => false };

  const keyOf = (node: Node): Node => {
    if (Node.isIdentifier(node)) return project.declarationOf(node) ?? node;
    if (Node.isCallExpression(node)) {
      const origin = project.originOf(node.getExpression());
      if (origin.kind === "function") return origin.node;
    }
    if (Node.isParenthesizedExpression(node)) return keyOf(node.getExpression());
    return node;
  };
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

  for (const file of project.files) {
    if (!/[Mm]etadata/.test(file.getFullText())) continue;
    const isSelected = project.isSelected(file.getFilePath());
    file.forEachDescendant((node) => {
      if (Node.isTypeReference(node)) {
        const origin = project.originOfType(node);
        if (origin.kind !== "grpc" || origin.path !== "Metadata") return;
        const owner = node.getParent();
        // The type of a variable, a parameter or a result; anything else is not followed.
        if (
          owner &&
          (Node.isVariableDeclaration(owner) ||
            Node.isParameterDeclaration(owner) ||
            Node.isFunctionLikeDeclaration(owner))
        )
          fact(node, owner, "type");
        return;
      }
      if (!isExpression(node) || project.originOf(node).kind !== "metadata") return;
      const key = keyOf(node);
      const spoil = () => spoiled.add(key);
      if (!isSelected) spoil();
      if (Node.isNewExpression(node)) {
        if (node.getArguments().length > 0) spoil();
        fact(node, key, "construction");
      } else if (Node.isPropertyAccessExpression(node)) spoil();
      else if (Node.isCallExpression(node) && key === node) {
        // `x.clone()` is understood at `x`; other factories are not.
        const callee = node.getExpression();
        if (!(Node.isPropertyAccessExpression(callee) && callee.getName() === "clone")) spoil();
      }
      const argument = passed.get(node);
      if (argument) {
        if (!argument.isIdiomatic) spoil();
        return;
      }
      const parent = node.getParent();
      if (!parent) return;
      if (Node.isPropertyAccessExpression(parent) && parent.getExpression() === node) {
        const call = parent.getParent();
        if (!call || !Node.isCallExpression(call) || call.getExpression() !== parent) return void spoil();
        const name = parent.getName();
        const [first] = call.getArguments();
        const constant = first && project.constantOf(first);
        const isText = typeof constant === "string" && !/-bin$/i.test(constant) && !/^:|^user-agent$/i.test(constant);
        const isStatement = Node.isExpressionStatement(call.getParent() as Node);
        if (/^(set|add|remove)$/.test(name) && isText && isStatement)
          fact(call, key, name as "set" | "add" | "remove", parent.getNameNode());
        else if (name === "clone") {
          fact(call, key, "clone");
          union(key, call);
        } else spoil();
        return;
      }
      if (Node.isVariableDeclaration(parent) && Node.isIdentifier(parent.getNameNode())) return union(key, parent);
      if (Node.isReturnStatement(parent) || (Node.isArrowFunction(parent) && parent.getBody() === node)) {
        const owner = Node.isArrowFunction(parent)
          ? parent
          : parent.getFirstAncestor((up) => Node.isFunctionLikeDeclaration(up) || Node.isFunctionExpression(up));
        if (
          owner &&
          (Node.isFunctionDeclaration(owner) || Node.isArrowFunction(owner) || Node.isMethodDeclaration(owner)) &&
          !owner.isAsync()
        )
          return union(key, owner);
        return void spoil();
      }
      if (Node.isCallExpression(parent) && parent.getExpression() !== node) {
        const origin = project.originOf(parent.getExpression());
        if (origin.kind === "function") {
          const index = parent.getArguments().indexOf(node);
          const parameter = (origin.node as unknown as { getParameters(): Node[] }).getParameters()[index];
          if (parameter && project.originOf(parameter).kind === "metadata") return union(key, parameter);
        }
        return void spoil();
      }
      if (Node.isExpressionStatement(parent)) return;
      spoil();
    });
  }

  const bad = new Set([...spoiled].map(find));
  // A group that reaches no call is not the client's.
  const reached = new Set(args.map((arg) => find(keyOf(arg.node))));
  const isHeaders = (node: Node) => {
    const key = find(keyOf(node));
    return !bad.has(key) && reached.has(key);
  };
  return {
    facts: facts.filter(({ key }) => reached.has(find(key)) && !bad.has(find(key))).map((each) => each.fact),
    isHeaders,
  };
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
    parent.getKind() === SyntaxKind.AsExpression
  );
}
