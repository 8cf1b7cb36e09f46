import { Node, SyntaxKind } from "ts-morph";
import { peeled } from "./around-values.js";
import { reaches } from "./module-imports.js";
import { shownPlace } from "./places.js";
import type { AnalysisProject } from "./project.js";

/** A call that looks like a test's call of a handler: `x.get({ request: … }, callback)`, `x[name](call)`. */
interface FakeCall {
  /** The member that is called; null where it is computed. */
  readonly name: string | null;
  readonly object: Node;
  readonly callee: Node;
}

const found = new WeakMap<AnalysisProject, readonly FakeCall[]>();

/**
 * A place that may call a handler with a made-up call object, on an object of which nothing is known: such a handler has to keep
 * its shape. Where the object is known, its handlers are found by what they are.
 */
export function fakeCallOf(
  project: AnalysisProject,
  handler: Node,
  key: string,
  owner: Node | undefined,
): string | undefined {
  for (const { name, object, callee } of fakeCallsOf(project)) {
    if (name !== null && name.toLowerCase() !== key.toLowerCase()) continue;
    const origin = project.originOf(callee);
    if (origin.kind === "function" && origin.node !== handler) continue;
    const holder = project.originOf(object);
    if (holder.kind === "instance" && holder.class !== owner) continue;
    if (holder.kind === "client") continue;
    // Any handler may be meant by a computed name, of those that the file knows.
    if (name === null && !reaches(project, callee.getSourceFile(), handler.getSourceFile())) continue;
    return shownPlace(callee);
  }
  return undefined;
}

function fakeCallsOf(project: AnalysisProject): readonly FakeCall[] {
  const known = found.get(project);
  if (known) return known;
  const calls: FakeCall[] = [];
  for (const file of project.files) {
    if (!/\brequest\b/.test(file.getFullText())) continue;
    for (const call of file.getDescendantsOfKind(SyntaxKind.CallExpression)) {
      const callee = peeled(call.getExpression());
      const [given] = call.getArguments();
      if (!given || !hasRequest(project, given)) continue;
      if (Node.isPropertyAccessExpression(callee))
        calls.push({ name: callee.getName(), object: callee.getExpression(), callee });
      else if (Node.isElementAccessExpression(callee)) {
        const key = callee.getArgumentExpression();
        const name = key && Node.isStringLiteral(key) ? key.getLiteralText() : null;
        calls.push({ name, object: callee.getExpression(), callee });
      }
    }
  }
  found.set(project, calls);
  return calls;
}

/** `{ request: … }`, written there or the value of a variable. */
function hasRequest(project: AnalysisProject, node: Node): boolean {
  const value = peeled(node);
  if (Node.isObjectLiteralExpression(value)) return value.getProperty("request") !== undefined;
  if (!Node.isIdentifier(value)) return false;
  const declaration = project.declarationOf(value);
  const initializer = declaration && Node.isVariableDeclaration(declaration) ? declaration.getInitializer() : undefined;
  const made = initializer && peeled(initializer);
  return made !== undefined && Node.isObjectLiteralExpression(made) && made.getProperty("request") !== undefined;
}
