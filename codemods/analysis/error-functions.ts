import { type CallExpression, Node, type SourceFile, SyntaxKind } from "ts-morph";
import { type ErrorFunctionPlan, isCode, planNamedErrorFunction } from "../errors/plan-error-function.js";
import { nameOfFunction } from "../messages/message-syntax.js";
import { nodeAt } from "../shared/ast.js";
import { contains, withAssertions } from "./around-values.js";
import { treesOf } from "./client-trees.js";
import { isExport, isOther, isReply, type MadeErrorFact } from "./error-classes.js";
import type { FactBase } from "./facts.js";
import { isName } from "./handler-facts.js";
import { placeOf } from "./places.js";
import type { AnalysisProject } from "./project.js";
import { keepsName } from "./reply-helpers.js";
import type { HandlerFact } from "./server-facts.js";

/** A function whose errors are ConnectErrors from now on; the range is that of its name. */
export interface ErrorFunctionFact extends FactBase {
  readonly kind: "error-function";
}

interface Candidate {
  readonly fn: Node;
  readonly name: Node;
  readonly plan: ErrorFunctionPlan;
  /** The functions whose errors it hands on. */
  readonly handed: readonly Node[];
}

/** Functions that make errors of which nobody but the library ever sees one: each is the reply of a handler that changes. */
export function errorFunctionFacts(project: AnalysisProject, handlers: ReadonlyMap<Node, HandlerFact>): FactBase[] {
  const trees = treesOf();
  const candidates = new Map<Node, Candidate | undefined>();
  for (const file of project.files) {
    if (!/\bcode\b|\bConnectError\(/.test(file.getFullText()) || !project.isSelected(file.getFilePath())) continue;
    for (const fn of functionsOf(file)) if (/\bcode\b|\bConnectError\(/.test(fn.getText())) candidateOf(fn);
  }

  let facts: readonly FactBase[][] = [];
  for (let size = -1; size !== candidates.size; ) {
    size = candidates.size;
    const found = [...candidates.values()].flatMap((each) => (each ? [[each, factsOf(each)] as const] : []));
    for (const [candidate, own] of found) if (!own) candidates.delete(candidate.fn);
    facts = found.flatMap(([, own]) => (own ? [own] : []));
  }
  return facts.flat();

  function candidateOf(fn: Node | undefined): void {
    if (!fn || candidates.has(fn)) return;
    candidates.set(fn, undefined);
    const name = nameOfFunction(fn);
    const tree = name && project.isSelected(fn.getSourceFile().getFilePath()) ? trees(fn.getSourceFile()) : undefined;
    const plan = tree && name && planNamedErrorFunction(tree, name.getStart(), name.getEnd());
    if (!name || !plan) return;
    const calls = fn.getDescendantsOfKind(SyntaxKind.CallExpression);
    const handed = plan.handed.map((each) =>
      functionOf(calls.find((call) => call.getStart() === each.start && call.getEnd() === each.end)),
    );
    if (handed.some((each) => each === undefined || each === fn)) return;
    candidates.set(fn, { fn, name, plan, handed: handed as Node[] });
    for (const each of handed) candidateOf(each);
  }

  function functionOf(call: Node | undefined): Node | undefined {
    const origin = Node.isCallExpression(call) ? project.originOf(call.getExpression()) : undefined;
    return origin?.kind === "function" ? origin.node : undefined;
  }

  /** What changes with a function; undefined if somebody else may see its errors. */
  function factsOf({ fn, name, plan, handed }: Candidate): FactBase[] | undefined {
    if (handed.some((each) => !candidates.get(each))) return undefined;
    const facts: FactBase[] = plan.made.length > 0 ? [{ kind: "error-function", ...placeOf(name) }] : [];
    let converted = 0;
    for (const use of new Set([...project.referencesTo(name), ...project.identifiersNamed(name.getText())])) {
      if (use === name) continue;
      if (isName(use)) {
        if (keepsName(use) || isOther(project, use, name)) continue;
        return undefined;
      }
      const parent = use.getParentOrThrow();
      const whole = Node.isPropertyAccessExpression(parent) && parent.getNameNode() === use ? parent : use;
      const origin = project.originOf(whole);
      if (origin.kind === "function" ? origin.node !== fn : isOther(project, use, name)) continue;
      if (isExport(whole)) continue;
      const call = whole.getParentOrThrow();
      if (!Node.isCallExpression(call) || call.getExpression() !== whole || contains(fn, use)) return undefined;
      const error = withAssertions(call);
      const around = error.getParentOrThrow();
      const isHanded = [...candidates.values()].some(
        (each) =>
          each?.handed.includes(fn) &&
          contains(each.fn, call) &&
          each.plan.handed.some((one) => one.start === call.getStart()),
      );
      if (isConversion(around) && project.isSelected(around.getSourceFile().getFilePath()))
        facts.push(madeError("conversion", around));
      else if (!isHanded && !isReply(project, error, handlers) && !plan.isDone) return undefined;
      converted++;
      if (plan.code === null) continue;
      const given = call.getArguments()[plan.code];
      const tree = given && trees(given.getSourceFile());
      const node = tree && nodeAt(tree, given.getStart(), given.getEnd());
      if (!node || call.getArguments().some(Node.isSpreadElement) || !isCode(node, tree)) return undefined;
      facts.push(madeError("code", given));
    }
    return converted > 0 ? facts : undefined;
  }
}

function madeError(part: MadeErrorFact["part"], node: Node): MadeErrorFact {
  return { kind: "made-error", part, ...placeOf(node) };
}

function isConversion(node: Node): node is CallExpression {
  return (
    Node.isCallExpression(node) &&
    node.getExpression().getText() === "toConnectError" &&
    node.getArguments().length === 1
  );
}

/** The functions that a file declares for itself. */
function functionsOf(file: SourceFile): Node[] {
  return file.getStatements().flatMap((statement): Node[] => {
    if (Node.isFunctionDeclaration(statement)) return [statement];
    if (!Node.isVariableStatement(statement)) return [];
    return statement.getDeclarations().flatMap((each) => {
      const value = each.getInitializer();
      return Node.isArrowFunction(value) || Node.isFunctionExpression(value) ? [value] : [];
    });
  });
}
