import { Node, type SourceFile } from "ts-morph";
import { peeled } from "./around-values.js";
import { exportsOf } from "./exports.js";
import type { AnalysisProject } from "./project.js";

/** Does a file hand on the client of a service which another file makes: by a name, in an object, from a function, or as all that one exports? */
export function offersClient(
  project: AnalysisProject,
  file: SourceFile,
  maker: SourceFile,
  service: string,
  seen: ReadonlySet<SourceFile> = new Set(),
): boolean {
  if (file === maker) return true;
  if (seen.has(file)) return false;
  const { named, stars, whole } = exportsOf(file);
  const further = (target: SourceFile | undefined): boolean =>
    target !== undefined && offersClient(project, target, maker, service, new Set([...seen, file]));
  const isOffer = (node: Node): boolean => {
    const value = peeled(node);
    const origin = project.originOf(value);
    switch (origin.kind) {
      case "client":
        return origin.service === service;
      case "function": {
        const result = project.resultOf(origin.node);
        return result.kind === "client" && result.service === service;
      }
      case "module":
        return further(origin.file);
      case "object":
        return Node.isObjectLiteralExpression(origin.node) && hasOffer(origin.node);
      case "instance":
        return methodsOf(origin.class).some(isOffered);
      case "class":
        return methodsOf(origin.node).some(isOffered);
      default:
        return Node.isObjectLiteralExpression(value) && hasOffer(value);
    }
  };
  const isOffered = (fn: Node): boolean => {
    const result = project.resultOf(fn);
    return result.kind === "client" && result.service === service;
  };
  const hasOffer = (object: Node): boolean =>
    Node.isObjectLiteralExpression(object) &&
    object.getProperties().some((property) => {
      if (Node.isPropertyAssignment(property)) return isOffer(property.getInitializerOrThrow());
      if (Node.isSpreadAssignment(property)) return isOffer(property.getExpression());
      return Node.isShorthandPropertyAssignment(property) ? isOffer(property.getNameNode()) : isOffered(property);
    });
  return (
    stars.some((specifier) => further(project.resolveModule(file, specifier))) ||
    [...named.values()].some((each) =>
      each.kind === "forward" ? further(project.resolveModule(file, each.module)) : isOffer(nameOf(each.node)),
    ) ||
    (whole !== null && isOffer(whole))
  );
}

/** A declaration is asked by its name. */
function nameOf(node: Node): Node {
  const isDeclaration =
    Node.isVariableDeclaration(node) ||
    Node.isBindingElement(node) ||
    Node.isFunctionDeclaration(node) ||
    Node.isClassDeclaration(node);
  return (isDeclaration && node.getNameNode()) || node;
}

function methodsOf(owner: Node): Node[] {
  if (!Node.isClassDeclaration(owner) && !Node.isClassExpression(owner)) return [];
  return [...owner.getMethods(), ...owner.getGetAccessors()];
}
