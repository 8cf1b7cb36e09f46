import { Node, SyntaxKind } from "ts-morph";
import { type Callable, type Hook, namesIn } from "./interceptor-shape.js";
import type { AnalysisProject } from "./project.js";

// What clients' and servers' interceptors have in common.

/** The path of a method, as source text. */
// biome-ignore lint/suspicious/noTemplateCurlyInString: it is source text
export const METHOD_PATH = "`/${req.service.typeName}/${req.method.name}`";

export interface Replacement {
  readonly from: number;
  readonly to: number;
  readonly text: string;
}

/** The path of the method in the place of `access`: a template of its own, or a part of the one around it. */
export function pathReplacement(access: Node): Replacement {
  const [from, to] = [access.getStart(), access.getEnd()];
  const isPart = Node.isTemplateSpan(access.getParent());
  const around = access
    .getSourceFile()
    .getFullText()
    .slice(from - 2, to + 1);
  return isPart && around.startsWith("${") && around.endsWith("}")
    ? { from: from - 2, to: to + 1, text: METHOD_PATH.slice(1, -1) }
    : { from, to, text: METHOD_PATH };
}

/** `grpc.status.OK`, which Connect has no name for. */
export function oksIn(project: AnalysisProject, interceptor: Node): Replacement[] {
  return interceptor
    .getDescendantsOfKind(SyntaxKind.PropertyAccessExpression)
    .filter((access) => access.getName() === "OK" && isOk(project, access))
    .map((access) => ({ from: access.getStart(), to: access.getEnd(), text: "0" }));
}

export function isOk(project: AnalysisProject, node: Node): boolean {
  const origin = project.originOf(node);
  return origin.kind === "grpc" && origin.path === "status.OK";
}

/** A statement with its comments, some of what is in it replaced. */
export function textOf(node: Node, replaced: readonly Replacement[]): string {
  const offset = Node.isStatement(node) ? firstCommentOf(node) : node.getStart();
  let text = node.getSourceFile().getFullText().slice(offset, node.getEnd());
  for (const { from, to, text: by } of [...replaced].sort((a, b) => b.from - a.from))
    if (from >= offset && to <= node.getEnd()) text = text.slice(0, from - offset) + by + text.slice(to - offset);
  return text;
}

/** Where a statement begins, its comments included. */
export function firstCommentOf(statement: Node): number {
  return statement.getLeadingCommentRanges()[0]?.getPos() ?? statement.getStart();
}

/** Uses of a hook's parameter. */
export function uses(hook: Hook): Node[] {
  const [parameter] = hook.function.getParameters();
  return parameter ? namesIn(hook.function.getBody() as Node, parameter.getName()) : [];
}

export function isAssigned(node: Node): boolean {
  const parent = node.getParent();
  return (
    !!parent &&
    Node.isBinaryExpression(parent) &&
    parent.getLeft() === node &&
    /^[^=!<>]*=$/.test(parent.getOperatorToken().getText())
  );
}

/** What statements declare at their own level. */
export function declaredIn(statements: readonly Node[]): string[] {
  return statements.flatMap((statement) =>
    Node.isVariableStatement(statement)
      ? statement.getDeclarations().flatMap(
          (each) =>
            each
              .getNameNode()
              .getText()
              .match(/[\w$]+/g) ?? [],
        )
      : Node.isFunctionDeclaration(statement)
        ? [statement.getName() ?? ""]
        : [],
  );
}

/** Does a statement do something that other code may see? Reading the clock and headers of its own call does not. */
export function isAct(statement: Node): boolean {
  return [statement, ...statement.getDescendants()].some((node) => {
    if (Node.isCallExpression(node)) {
      const callee = node.getExpression().getText();
      return !/^(?:Date\.now|performance\.now|process\.hrtime(?:\.bigint)?|String|Number|JSON\.stringify|\w+\.(?:set|add|remove))$/.test(
        callee,
      );
    }
    return Node.isNewExpression(node)
      ? node.getExpression().getText() !== "Date"
      : Node.isAwaitExpression(node) ||
          Node.isDeleteExpression(node) ||
          ((Node.isPrefixUnaryExpression(node) || Node.isPostfixUnaryExpression(node)) &&
            /\+\+|--/.test(node.getText())) ||
          (Node.isBinaryExpression(node) && /^[^=!<>]*=$/.test(node.getOperatorToken().getText()));
  });
}

/** Calls inside are the clients' rules' to rewrite, which know nothing of this one. */
export function callsOtherClients(project: AnalysisProject, interceptor: Node): boolean {
  return interceptor
    .getDescendantsOfKind(SyntaxKind.CallExpression)
    .map((call) => call.getExpression())
    .some(
      (callee) => Node.isPropertyAccessExpression(callee) && project.originOf(callee.getExpression()).kind === "client",
    );
}

export function messageProblem(hook: Hook): string | null {
  return hook.passed.length === 1 ? null : "an interceptor that hands no message on";
}

/** Code and details may be read; the status is handed on as it is. */
export function statusProblem(hook: Hook): string | null {
  const [parameter] = hook.function.getParameters();
  const [passed, more] = hook.passed;
  if (!parameter || more || passed?.getText() !== parameter.getName()) return "an interceptor that changes the status";
  for (const each of uses(hook)) {
    if (each === passed) continue;
    const access = each.getParent();
    const member = Node.isPropertyAccessExpression(access) ? access.getName() : "";
    if (!/^(?:code|details)$/.test(member) || !access || isAssigned(access))
      return `an interceptor that looks at ${member ? `status.${member}` : "the status as a whole"}`;
  }
  return null;
}

/** Comments that stand in no statement of a hook would have no place. */
export function losesComments(interceptor: Callable, text: string): boolean {
  const comments = interceptor.getText().match(/(?:^|\s)\/\/[^\n]*|\/\*[\s\S]*?\*\//g) ?? [];
  return comments.some((each) => !text.includes(each.trim().split(/\r?\n/)[0] as string));
}
