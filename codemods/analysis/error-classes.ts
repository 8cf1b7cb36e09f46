import { type ClassDeclaration, Node, SyntaxKind } from "ts-morph";
import {
  type Argument,
  type DerivedClassPlan,
  type ErrorClassPlan,
  planDerivedClass,
  planErrorClass,
} from "../errors/plan-error-class.js";
import { codeOf, isText } from "../services/error-shape.js";
import { type File, isIdentifier, nodeAt, parentMap, type Node as TreeNode } from "../shared/ast.js";
import { contains, isNothing } from "./around-values.js";
import { type Trees, treesOf } from "./client-trees.js";
import type { FactBase } from "./facts.js";
import { isName } from "./handler-facts.js";
import { placeOf } from "./places.js";
import type { AnalysisProject } from "./project.js";
import { keepsName } from "./reply-helpers.js";
import type { HandlerFact } from "./server-facts.js";

/** An error class of the code base that extends ConnectError from now on; the range is that of its name. */
export interface ErrorClassFact extends FactBase {
  readonly kind: "error-class";
}

/**
 * `toConnectError(new X(…))` of a class that extends ConnectError, or `toConnectError(f(…))` of a function that makes one; or the code
 * that is passed where it is made.
 */
export interface MadeErrorFact extends FactBase {
  readonly kind: "made-error";
  readonly part: "conversion" | "code";
}

interface Owner {
  readonly declaration: ClassDeclaration;
  readonly tree: File;
  readonly plan: ErrorClassPlan | DerivedClassPlan;
  /** The class that it extends, if that is one of the code base. */
  readonly base: Owner | null;
}

/** `new X(…)`, or `super(…)` in a class that extends it. */
interface Site {
  readonly tree: File;
  readonly node: TreeNode;
  readonly file: string;
}

/**
 * Error classes all of whose instances are replies of handlers, so that nobody but the library ever looks at one; and where the errors of
 * classes that extend ConnectError are still converted.
 */
export function errorClassFacts(project: AnalysisProject, handlers: ReadonlyMap<Node, HandlerFact>): FactBase[] {
  const trees = treesOf();
  return [...classFacts(project, handlers, trees), ...conversionFacts(project)];
}

function classFacts(project: AnalysisProject, handlers: ReadonlyMap<Node, HandlerFact>, trees: Trees): FactBase[] {
  const owners: Owner[] = [];
  for (const file of project.files) {
    if (!/\bextends\s+Error\b/.test(file.getFullText()) || !project.isSelected(file.getFilePath())) continue;
    for (const declaration of file.getClasses()) {
      const found = ownerOf(declaration, trees);
      const plan = found && planErrorClass(found.tree, found.node);
      if (plan) owners.push({ declaration, tree: found.tree, plan, base: null });
    }
  }
  // `new errors[kind](…)` may make any of them.
  const isMadeByKey = () => project.files.some((file) => /\bnew\s*\(?\s*[\w$.]+\[/.test(file.getFullText()));
  if (owners.length === 0 || isMadeByKey()) return [];
  return owners.flatMap((owner) => factsOf(project, owner, handlers, trees) ?? []);
}

function ownerOf(declaration: ClassDeclaration, trees: Trees): { tree: File; node: TreeNode } | undefined {
  const tree = trees(declaration.getSourceFile());
  const name = declaration.getNameNode();
  const identifier = tree && name && nodeAt(tree, name.getStart(), name.getEnd());
  const node = identifier && parentMap(tree).get(identifier);
  return node && { tree, node };
}

/** What changes with an error class, in all files; undefined if something about it is not known. */
function factsOf(
  project: AnalysisProject,
  owner: Owner,
  handlers: ReadonlyMap<Node, HandlerFact>,
  trees: Trees,
): FactBase[] | undefined {
  const facts: FactBase[] = [];
  const open = [owner];
  const plan = owner.plan as ErrorClassPlan;
  let made = 0;
  for (let next = open.pop(); next; next = open.pop()) {
    const { declaration } = next;
    const name = declaration.getNameNode();
    if (!name || !project.isSelected(declaration.getSourceFile().getFilePath())) return undefined;
    if (next === owner) facts.push({ kind: "error-class", ...placeOf(name) });
    if (next.plan !== plan && next.plan.made) {
      const codes = codesOf(plan, {
        tree: next.tree,
        node: next.plan.made,
        file: declaration.getSourceFile().getFilePath(),
      });
      if (!codes) return undefined;
      facts.push(...codes);
    }
    /** Does a call of `new` give the arguments of the class itself? */
    const isDirect = constructorIn(next) === plan;
    const named = new Set([...project.referencesTo(name), ...project.identifiersNamed(name.getText())]);
    for (const use of named) {
      if (use === name || contains(declaration, use)) continue;
      if (isName(use)) {
        // Under another name its uses would not be found.
        if (keepsName(use) || isOther(project, use, name)) continue;
        return undefined;
      }
      const parent = use.getParentOrThrow();
      const isMember = Node.isPropertyAccessExpression(parent) && parent.getNameNode() === use;
      const whole = isMember ? parent : use;
      const origin = project.originOf(whole);
      if (origin.kind === "class" ? origin.node !== declaration : isOther(project, use, name)) continue;
      if (isExport(whole)) continue;
      const around = whole.getParentOrThrow();
      if (Node.isNewExpression(around) && around.getExpression() === whole) {
        const tree = trees(around.getSourceFile());
        const node = tree && nodeAt(tree, around.getStart(), around.getEnd());
        const file = around.getSourceFile().getFilePath() as string;
        if (!tree || !node || !project.isSelected(file) || !isReply(project, around, handlers)) return undefined;
        const codes = isDirect ? codesOf(plan, { tree, node, file }) : [];
        if (!codes) return undefined;
        facts.push(...codes);
        made++;
        continue;
      }
      const derived = around.getParentIfKind(SyntaxKind.HeritageClause)?.getParent();
      if (!derived || !Node.isClassDeclaration(derived)) return undefined;
      const found = ownerOf(derived, trees);
      const own = found && planDerivedClass(found.node);
      if (!own) return undefined;
      open.push({ declaration: derived, tree: found.tree, plan: own, base: next });
    }
  }
  return made > 0 ? facts : undefined;
}

/** The plan of the constructor that `new` runs. */
function constructorIn(owner: Owner): ErrorClassPlan | DerivedClassPlan {
  let current = owner;
  while (current.plan.made === null && current.base) current = current.base;
  return current.plan;
}

/** The codes that are passed where an error is made; undefined if what is passed is not known to be the same for both kinds of errors. */
function codesOf(plan: ErrorClassPlan, { tree, node, file }: Site): MadeErrorFact[] | undefined {
  const given = node.arguments as TreeNode[];
  if (given.some((each) => each.type === "SpreadElement")) return undefined;
  const { code, texts, metadata } = plan.arguments;
  const at = ({ index }: Argument) => (isIdentifier(given[index], "undefined") ? undefined : given[index]);
  const codes: MadeErrorFact[] = [];
  if (code) {
    const value = at(code);
    if (!value ? !code.mayBeLeftOut : codeOf(value, tree) === undefined) return undefined;
    if (value)
      codes.push({ kind: "made-error", part: "code", file, start: value.start, end: value.end, via: "provenance" });
  }
  for (const text of texts) {
    const value = at(text);
    if (!value ? !text.mayBeLeftOut : !isText(value)) return undefined;
  }
  return metadata && at(metadata) ? undefined : codes;
}

/** Is a new error given to nothing but the callback of a handler that is rewritten? */
export function isReply(project: AnalysisProject, made: Node, handlers: ReadonlyMap<Node, HandlerFact>): boolean {
  const call = made.getParent();
  if (!Node.isCallExpression(call)) return false;
  const index = call.getArguments().indexOf(made);
  const callee = call.getExpression();
  if (Node.isIdentifier(callee)) {
    // A ConnectError has metadata of its own: trailers that are given along would be lost.
    const isConverted = callee.getText() === "toConnectError";
    const trailers = call.getArguments()[isConverted ? 1 : 2];
    if (index !== 0 || (trailers && !isNothing(trailers))) return false;
    return isConverted || isParameter(project, callee, 1, handlers);
  }
  if (!Node.isPropertyAccessExpression(callee) || !isParameter(project, callee.getExpression(), 0, handlers))
    return false;
  const [event] = call.getArguments();
  if (callee.getName() === "emit")
    return index === 1 && Node.isStringLiteral(event) && event.getLiteralText() === "error";
  return callee.getName() === "destroy" && index === 0;
}

/** Is it the call or the callback of such a handler? */
function isParameter(
  project: AnalysisProject,
  name: Node,
  index: number,
  handlers: ReadonlyMap<Node, HandlerFact>,
): boolean {
  const declaration = Node.isIdentifier(name) ? project.declarationOf(name) : undefined;
  const owner = Node.isParameterDeclaration(declaration) ? declaration.getParent() : undefined;
  return (
    owner !== undefined &&
    handlers.get(owner)?.idiomatic === true &&
    (owner as unknown as { getParameters(): Node[] }).getParameters()[index] === declaration
  );
}

function conversionFacts(project: AnalysisProject): MadeErrorFact[] {
  const extending = (node: Node): boolean => {
    const base = Node.isClassDeclaration(node) ? node.getExtends()?.getExpression() : undefined;
    if (!base) return false;
    const origin = project.originOf(base);
    if (origin.kind === "class") return extending(origin.node);
    return base.getText() === "ConnectError" && importsConnectError(base);
  };
  return project.files.flatMap((file) => {
    if (!file.getFullText().includes("toConnectError(") || !project.isSelected(file.getFilePath())) return [];
    return file.getDescendantsOfKind(SyntaxKind.CallExpression).flatMap((call): MadeErrorFact[] => {
      const [made, ...more] = call.getArguments();
      if (call.getExpression().getText() !== "toConnectError" || !Node.isNewExpression(made) || more.length > 0)
        return [];
      const origin = project.originOf(made.getExpression());
      if (origin.kind !== "class" || !extending(origin.node)) return [];
      return [{ kind: "made-error", part: "conversion", ...placeOf(call) }];
    });
  });
}

function importsConnectError(node: Node): boolean {
  return /\bConnectError\b[^;\n]*@connect-migrate\/runtime["']/.test(node.getSourceFile().getFullText());
}

/** `exports.X = X`, `module.exports = X` */
export function isExport(node: Node): boolean {
  const parent = node.getParentOrThrow();
  if (Node.isExportAssignment(parent)) return true;
  if (!Node.isBinaryExpression(parent)) return false;
  return /^(module\.)?exports(\.[\w$]+)?$/.test(parent.getLeft().getText());
}

/** Does the name stand for something else there? */
export function isOther(project: AnalysisProject, use: Node, own: Node): boolean {
  const type = use.getFirstAncestorByKind(SyntaxKind.TypeReference);
  if (/^(grpc|external)$/.test((type ? project.originOfType(type) : project.originOf(use)).kind)) return true;
  const declaration = Node.isIdentifier(use) ? project.declarationOf(use) : undefined;
  return declaration !== undefined && declaration !== project.declarationOf(own);
}
