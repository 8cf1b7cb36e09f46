import { Node, SyntaxKind } from "ts-morph";
import { classAround, closedField, fieldHolding, isOnlyMade } from "./client-fields.js";
import type { AnalysisProject } from "./project.js";

/** The channel is only asked for its state. */
export function isStateOfChannel(channel: Node): boolean {
  const parent = channel.getParent();
  const call = parent?.getParent();
  return (
    !!parent &&
    Node.isPropertyAccessExpression(parent) &&
    /^(getConnectivityState|watchConnectivityState|close)$/.test(parent.getName()) &&
    !!call &&
    Node.isCallExpression(call) &&
    call.getExpression() === parent
  );
}

/** close() is for the transport, which has a name where client and close() stand in the same scope. */
export function canCloseTransport(project: AnalysisProject, close: Node): boolean {
  const receiver = (close as import("ts-morph").CallExpression).getExpression();
  const object = Node.isPropertyAccessExpression(receiver) ? receiver.getExpression() : undefined;
  const field = closedField(close);
  if (field !== undefined) {
    // Where the client is made for this very field, in this class.
    const owner = classAround(close);
    const isMade = (made: Node) => {
      const holder = Node.isNewExpression(made) ? fieldHolding(made) : undefined;
      return holder?.owner === owner && holder?.name === field && project.originOf(made).kind === "client";
    };
    return (
      owner !== undefined &&
      isOnlyMade(owner, field, isMade) &&
      owner.getDescendantsOfKind(SyntaxKind.NewExpression).some(isMade)
    );
  }
  if (!object || !Node.isIdentifier(object)) return false;
  const declaration = object.getSymbol()?.getValueDeclaration();
  if (!declaration || !Node.isVariableDeclaration(declaration)) return false;
  const initializer = declaration.getInitializer();
  return (
    !!initializer &&
    Node.isNewExpression(initializer) &&
    Node.isVariableStatement(declaration.getParent()?.getParent() as Node)
  );
}
