import type { FunctionNode, Node } from "../shared/ast.js";
import type { ErrorStep } from "./plan-helper.js";
import { isSurelyDeclared, isSurelyEvaluated, type Surrounding } from "./sure-evaluation.js";

/** May a function throw anything but the errors that it replies with? */
export function mayThrowMore(around: Surrounding, fn: FunctionNode, steps: readonly ErrorStep[]): boolean {
  const isSure = (node: Node | null | undefined) => node == null || isSurelyEvaluated(around, node);
  const isSureReply = ({ error, trailers }: ErrorStep) => {
    if (error.kind === "made") return false;
    return (
      isSure(trailers) && (error.kind === "literal" ? isSure(error.text) && isSure(error.metadata) : isSure(error.node))
    );
  };
  const isQuiet = (statement: Node | null | undefined): boolean => {
    if (!statement) return true;
    const step = steps.find((each) => each.statement === statement);
    if (step) return isSureReply(step);
    switch (statement.type) {
      case "BlockStatement":
        return (statement.body as Node[]).every(isQuiet);
      case "VariableDeclaration":
        return (statement.declarations as Node[]).every((each) => isSurelyDeclared(around, each));
      case "ExpressionStatement":
        return isSure(statement.expression);
      case "ReturnStatement":
        return isSure(statement.argument);
      case "IfStatement":
        return isSure(statement.test) && isQuiet(statement.consequent) && isQuiet(statement.alternate);
      case "TryStatement":
        // Whatever it tries, it catches.
        return statement.handler != null && isQuiet(statement.handler.body) && isQuiet(statement.finalizer);
      case "EmptyStatement":
        return true;
      default:
        return false;
    }
  };
  return !isQuiet(fn.body);
}
