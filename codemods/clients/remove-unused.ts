import { clientFacts } from "../analysis/client-facts.js";
import { isIdentifier, keyName, memberName, type Node, saysName, walk } from "../shared/ast.js";
import { lineRange } from "../shared/imports.js";
import { withBlankLine } from "../shared/lines.js";
import type { RuleContext } from "../shared/rule.js";
import { type Binding, scopesOf } from "../shared/scope.js";
import { fileOf } from "./write-call.js";

/**
 * Removes declarations that only the replaced constructions used: `const { shop } = grpc.loadPackageDefinition(definition)`,
 * `const creds = grpc.credentials.createInsecure()`. They do nothing but make a value.
 */
export function removeUnused(ctx: RuleContext, rule: string): void {
  const file = fileOf(ctx);
  const gone = clientFacts(ctx.facts, "client-construction")
    .filter((fact) => fact.outcome !== "manual")
    .map((fact) => ({
      start: fact.start,
      end: fact.end,
      // What the new text still says.
      kept: [
        ...fact.transport,
        ...(fact.channel ?? []),
        fact.definition?.kind === "text" ? fact.definition.text : "",
        (fact.shape === "callbacks" && fact.typeText) || "",
      ]
        .join(" ")
        .replace(/'[^']*'|"[^"]*"/g, ""),
    }));
  if (gone.length === 0) return;
  const removed: { start: number; end: number }[] = [];
  const isGone = (node: Node, name: string) =>
    gone.some((range) => range.start <= node.start && node.end <= range.end && !saysName(range.kept, name)) ||
    removed.some((range) => range.start <= node.start && node.end <= range.end);
  const isUnused = (binding: Binding | undefined) =>
    binding !== undefined &&
    binding.writes.length === 0 &&
    binding.references.every((reference) => isGone(reference, binding.name));

  const statements: Node[] = [];
  walk(file, (node, [parent]) => {
    const isStatement = parent?.type === "Program" || parent?.type === "BlockStatement";
    if (node.type === "VariableDeclaration" && isStatement) statements.push(node);
  });
  // Later declarations use earlier ones.
  for (const statement of statements.reverse()) {
    if (statement.declarations.length !== 1) continue;
    const [declarator] = statement.declarations as [Node];
    if (!declarator.init || !(isGrpcValue(declarator.init) || isPlainOptions(declarator.init))) continue;
    const names: Node[] = isIdentifier(declarator.id)
      ? [declarator.id]
      : declarator.id.type === "ObjectPattern"
        ? (declarator.id.properties as Node[]).map((property) => property.value)
        : [];
    const bindings = names.map((name) => (isIdentifier(name) ? scopesOf(file).bindingOf(name) : undefined));
    if (names.length === 0 || !bindings.every(isUnused)) continue;
    // Something has to have used it, or no rule is concerned.
    if (bindings.every((binding) => binding?.references.length === 0)) continue;
    const range = withBlankLine(ctx.source, lineRange(ctx.source, statement.start, statement.end), removed);
    removed.push(range);
    ctx.edit.remove(range.start, range.end, { rule, outcome: "idiomatic" });
  }
}

/** `{ 'grpc.max_receive_message_length': limit }`: nothing runs where it stands. */
function isPlainOptions(node: Node): boolean {
  return (
    node.type === "ObjectExpression" &&
    (node.properties as Node[]).every(
      (property) =>
        property.type === "ObjectProperty" &&
        !property.computed &&
        /^grpc[.-]/.test(keyName(property) ?? "") &&
        /^(Identifier|.*Literal|UnaryExpression)$/.test(property.value.type) &&
        property.value.type !== "TemplateLiteral",
    )
  );
}

/** `grpc.loadPackageDefinition(x)`, members of that, and credentials without effects. */
function isGrpcValue(node: Node): boolean {
  if (/^(TSAsExpression|TSNonNullExpression|TSTypeAssertion|ParenthesizedExpression)$/.test(node.type))
    return isGrpcValue(node.expression);
  if (node.type === "MemberExpression" && !node.computed) return isGrpcValue(node.object) || isIdentifier(node.object);
  if (node.type !== "CallExpression") return false;
  const name = isIdentifier(node.callee) ? node.callee.name : memberName(node.callee);
  return (
    name === "loadPackageDefinition" ||
    name === "makeGenericClientConstructor" ||
    name === "makeClientConstructor" ||
    name === "createInsecure" ||
    (name === "createSsl" && node.arguments.length === 0)
  );
}
