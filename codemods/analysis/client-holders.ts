import { Node, type SourceFile, SyntaxKind } from "ts-morph";
import { isWrapper } from "./around-values.js";
import { exportsOf, isExportTarget } from "./exports.js";
import type { AnalysisProject } from "./project.js";

/** What has members: an object literal, a class, or a file by its exports. */
type Holder = Node | SourceFile;

/** `value`: something is read; `function`: what is read is called at once, as no client is. */
type Kind = "value" | "function";

type Reads = Readonly<Record<Kind, ReadonlyMap<Holder, Node>>>;

const known = new WeakMap<AnalysisProject, Reads>();

/** Where a member of a holder is read by a name that nobody knows: `clients[name]`, `Object.values(clients)`. */
export function chosenRead(project: AnalysisProject, holder: Holder | undefined, kind: Kind): Node | undefined {
  if (!holder) return undefined;
  let reads = known.get(project);
  if (!reads) {
    reads = chosenReads(project);
    known.set(project, reads);
  }
  const value = reads.value.get(holder);
  return kind === "value" ? value : (value ?? reads.function.get(holder));
}

function chosenReads(project: AnalysisProject): Reads {
  const found = { value: new Map<Holder, Node>(), function: new Map<Holder, Node>() };
  const read = (object: Node, place: Node, kind: Kind): void => {
    if (project.elementOf(object).kind === "client") return;
    for (const holder of holdersOf(project, object)) if (!found[kind].has(holder)) found[kind].set(holder, place);
  };
  for (const file of project.files) {
    for (const access of file.getDescendantsOfKind(SyntaxKind.ElementAccessExpression)) {
      const key = access.getArgumentExpression();
      if (!key || typeof project.constantOf(key) === "string" || isAssigned(access)) continue;
      const call = access.getParent();
      const isCalled = Node.isCallExpression(call) && call.getExpression() === access;
      read(access.getExpression(), access, isCalled ? "function" : "value");
    }
    if (!/\bObject\.(values|entries|assign)\b/.test(file.getFullText())) continue;
    for (const call of file.getDescendantsOfKind(SyntaxKind.CallExpression))
      if (/^Object\.(values|entries|assign)$/.test(call.getExpression().getText()))
        for (const given of call.getArguments()) read(given, call, "value");
  }
  return found;
}

function isAssigned(access: Node): boolean {
  let node = access;
  while (isWrapper(node.getParentOrThrow())) node = node.getParentOrThrow();
  const parent = node.getParent();
  return Node.isBinaryExpression(parent) && parent.getLeft() === node && parent.getOperatorToken().getText() === "=";
}

function holdersOf(project: AnalysisProject, object: Node): readonly Holder[] {
  const origin = project.originOf(object);
  switch (origin.kind) {
    case "object": {
      const file = origin.node.getSourceFile();
      const { whole } = exportsOf(file);
      const exported = whole && project.originOf(whole);
      return exported?.kind === "object" && exported.node === origin.node ? [origin.node, file] : [origin.node];
    }
    case "class":
      return [origin.node];
    case "instance":
      return [origin.class];
    case "module":
      return [origin.file];
    default:
      return [];
  }
}

/** The object or class that a property or a method stands in; for what a file declares, that file. */
export function holderAround(member: Node): Holder {
  const parent = member.getParent();
  if (Node.isObjectLiteralExpression(parent) || Node.isClassDeclaration(parent) || Node.isClassExpression(parent))
    return parent;
  // `ask: () => client`, `ask = () => client`
  if (Node.isPropertyAssignment(parent) || Node.isPropertyDeclaration(parent)) return holderAround(parent);
  return member.getSourceFile();
}

/** The object, the class or the file of a member that something is assigned to. */
export function holderOf(project: AnalysisProject, target: Node): Holder | undefined {
  if (isExportTarget(target.getText())) return target.getSourceFile();
  if (!Node.isPropertyAccessExpression(target)) return undefined;
  return holdersOf(project, target.getExpression())[0];
}
