import path from "node:path";
import { Node, type SourceFile, SyntaxKind } from "ts-morph";
import { cancelOf, needsResponseType, writerOfPlan } from "../clients/plan-call.js";
import { keyName, type Node as TreeNode } from "../shared/ast.js";
import { mayBeMissing, type OptionValues, optionTypes, optionValues } from "./call-option-values.js";
import type { CallArgument, MessageType } from "./client-facts.js";
import { METADATA_USED } from "./client-metadata.js";
import type { Call } from "./client-services.js";
import { middleOf, nodeOf, type Trees } from "./client-trees.js";
import { isTypeScript } from "./language.js";
import type { AnalysisProject } from "./project.js";

const OPTIONS = new Set(["deadline", "parent", "credentials"]);
/** What options may have that are made elsewhere. */
const HELD_OPTIONS = new Set(["deadline", "parent"]);
const DEADLINE = new Set(["deadline"]);

/** The option of some call for which a client cannot move at all. */
export function optionThatStays(
  project: AnalysisProject,
  calls: readonly Call[],
  construction: Node,
  trees: Trees,
): string | undefined {
  const options = Node.isNewExpression(construction) ? construction.getArguments()[2] : undefined;
  // Those of a call are in the place of the client's own, and a transport cannot leave its own out.
  const mayIntercept = options !== undefined && mayHaveInterceptors(options);
  for (const call of calls)
    for (const node of middleOf(call, trees)) {
      if (node.type === "ObjectExpression") {
        const names = (node.properties as TreeNode[]).map((property) => keyName(property) ?? "");
        const stays = names.find((name) => name === "host" || (mayIntercept && INTERCEPTORS.test(name)));
        if (stays !== undefined) return stays;
      } else if (mayIntercept && mayBeOptions(project, call, node)) return "interceptors";
    }
  return undefined;
}

const INTERCEPTORS = /^interceptor(s|_providers)$/;

/** Options that are made elsewhere, in a project that puts interceptors into more than clients. */
function mayBeOptions(project: AnalysisProject, call: Call, node: TreeNode): boolean {
  const morph = nodeOf(call.node.getSourceFile(), node);
  if (morph && (project.originOf(morph).kind === "metadata" || optionValues(project, morph, HELD_OPTIONS)))
    return false;
  const names = [...project.identifiersNamed("interceptors"), ...project.identifiersNamed("interceptor_providers")];
  return names.some((name) => {
    const property = name.getParent();
    const made = Node.isPropertyAssignment(property) ? property.getParent().getParent() : undefined;
    return !Node.isNewExpression(made);
  });
}

function mayHaveInterceptors(options: Node): boolean {
  if (!Node.isObjectLiteralExpression(options)) return true;
  return options.getProperties().some((each) => Node.isSpreadAssignment(each) || /interceptor/.test(each.getText()));
}

export function classifyArguments(
  project: AnalysisProject,
  call: Call,
  trees: Trees,
  mayHaveOptions: (file: SourceFile) => boolean,
): CallArgument[] | string {
  const nodes = middleOf(call, trees);
  if (nodes.length > 2) return "it has too many arguments";
  // Streams do without what stands before other arguments.
  const isStrict = /^(unary|client_streaming)$/.test(call.rpc.kind);
  const found: CallArgument[] = [];
  for (const [index, node] of nodes.entries()) {
    const morph = nodeOf(call.node.getSourceFile(), node);
    if (node.type === "ObjectExpression") {
      for (const property of node.properties as TreeNode[]) {
        if (property.type !== "ObjectProperty" || property.computed) return "its options are not written out";
        const name: string = property.key.name ?? property.key.value;
        if (!OPTIONS.has(name)) return `the call option ${name} has no counterpart yet`;
        if (name === "parent" && cancelOf(call.plan)) return "the call has a parent and is cancelled";
      }
      const names = (node.properties as TreeNode[]).map(keyName);
      if (names.includes("parent") && names.includes("credentials")) return "the call has a parent and credentials";
      found.push({ kind: "options", held: null, credentials: null });
    } else if (morph && project.originOf(morph).kind === "metadata") {
      if (index > 0) return "its arguments are in an unknown order";
      if (isStrict && mayBeMissing(project, morph)) return "its metadata may be missing, which grpc-js refuses";
      if (mayHaveOptions(call.node.getSourceFile())) return "its metadata may have options (waitForReady)";
      found.push({ kind: "metadata", obstacle: METADATA_USED });
    } else {
      const held = morph && optionValues(project, morph, HELD_OPTIONS);
      if (!held)
        return `the argument ${node.type === "Identifier" ? node.name : "behind the request"} is neither metadata nor written-out options`;
      if (isStrict && held.mayBeMissing) return "its options may be missing, which grpc-js refuses";
      const hasDeadlineOnly = optionValues(project, morph, DEADLINE) !== undefined;
      if (!hasDeadlineOnly && cancelOf(call.plan)) return "the call has a parent and is cancelled";
      const isName = node.type === "Identifier" && !held.mayBeMissing && project.originOf(morph).kind === "object";
      found.push({
        kind: "options",
        held: isName && hasDeadlineOnly ? "deadline" : held.mayBeMissing ? "optional" : "options",
        credentials: null,
      });
    }
  }
  return found;
}

/** Annotations of names that hold the options of these calls and no others. */
export function heldOptionTypes(project: AnalysisProject, calls: readonly Call[], trees: Trees): Node[] {
  const values = new Map<Node, OptionValues>();
  for (const call of calls)
    for (const node of middleOf(call, trees)) {
      const morph = node.type === "ObjectExpression" ? undefined : nodeOf(call.node.getSourceFile(), node);
      const held = morph && optionValues(project, morph, HELD_OPTIONS);
      if (held) values.set(morph, held);
    }
  return optionTypes(project, values);
}

/** The one type of all messages that are written to a call, by a name that the file knows or can import; null where there is none. */
export function messageTypeOf(call: Call): MessageType | null {
  const writer = writerOfPlan(call.plan);
  const found = new Set<string>();
  const drained = writer?.drained.map(({ write }) => write) ?? [];
  for (const use of [...(writer?.writes ?? []), ...drained, ...(writer?.ends ?? [])]) {
    const [argument] = use.arguments as TreeNode[];
    const node = argument && nodeOf(call.node.getSourceFile(), argument);
    if (node) found.add(node.getType().getText(node));
  }
  const [type] = found;
  // Literals are of the type that the file imports for them.
  const message = call.rpc.input.split(".").at(-1) ?? "";
  const file = call.node.getSourceFile();
  if (isImported(file, message) && [...found].every((each) => each === message || each.startsWith("{")))
    return { text: message, imports: [] };
  if (found.size === 1 && type !== undefined && /^[A-Z][\w$]*$/.test(type)) return { text: type, imports: [] };
  return typeOfStream(call.node);
}

/** `string | undefined`, which a wrapper is as a message of its own. */
const KEYWORDS =
  /^(string|number|boolean|bigint|undefined|null|true|false)( \| (string|number|boolean|bigint|undefined|null|true|false))*$/;

/** `ReturnedBook`, or `lending.ReturnedBook` of a namespace that the file knows. */
const NAME = /^[A-Za-z][\w$]*(\.[A-Za-z][\w$]*)*$/;

/** What `ClientWritableStream<T>` and `ClientDuplexStream<T, U>` say of their messages. */
function typeOfStream(call: Node): MessageType | null {
  const stream = call.getType();
  if (stream.isAny()) return { text: "any", imports: [] };
  const isStream = /^Client(Writable|Duplex)Stream$/.test(
    (stream.getAliasSymbol() ?? stream.getSymbol())?.getName() ?? "",
  );
  const [written] = isStream ? [...stream.getAliasTypeArguments(), ...stream.getTypeArguments()] : [];
  const text = written?.getText(call);
  if (text === undefined) return null;
  if (NAME.test(text) || KEYWORDS.test(text)) return { text, imports: [] };
  const name = text.startsWith("import(") ? written?.getSymbol()?.getName() : undefined;
  const declared = written?.getSymbol()?.getDeclarations()[0]?.getSourceFile().getFilePath();
  const from = call
    .getSourceFile()
    .getImportDeclarations()
    .find((each) => declared !== undefined && each.getModuleSpecifierSourceFile()?.getFilePath() === declared);
  const module = from?.getModuleSpecifierValue() ?? (declared && ownModule(call.getSourceFile(), declared));
  if (name === undefined || !module) return null;
  return { text: name, imports: [{ module, name, typeOnly: true }] };
}

/** How a file of the project that another one does not import yet is named there: as those that it does. */
function ownModule(file: SourceFile, declared: string): string | undefined {
  const other = file
    .getImportDeclarations()
    .map((each) => each.getModuleSpecifierValue())
    .find((each) => each.startsWith("."));
  if (other === undefined || declared.includes("/node_modules/")) return undefined;
  const to = path.relative(file.getDirectoryPath(), declared).replaceAll(path.sep, "/");
  const bare = to.replace(/(\.d)?\.[cm]?ts$/, "");
  return `${bare.startsWith(".") ? "" : "./"}${bare}${/\.[cm]?js$/.exec(other)?.[0] ?? ""}`;
}

/**
 * The type of a callback's response as it is written there, by a name that the file knows, or by the method that gives it, under the name that
 * the old definition has for it; undefined where none is needed.
 */
export function responseTypeOf(call: Call): string | null | undefined {
  const { plan } = call;
  if (!isTypeScript(call.node) || plan.kind !== "block" || !needsResponseType(plan.shape)) return undefined;
  const { response, error } = plan.shape;
  const node = response && nodeOf(call.node.getSourceFile(), response);
  const parameter = node && (Node.isParameterDeclaration(node) ? node : node.getParentIfKind(SyntaxKind.Parameter));
  if (!parameter) return null;
  const written = parameter.getTypeNode()?.getText();
  if (written !== undefined) return parameter.hasQuestionToken() ? `${written} | undefined` : written;
  const type = parameter.getType();
  const text = type.getText(parameter);
  if (type.isAny() || /^[A-Z][\w$]*( \| undefined)?$/.test(text)) return text;
  // `client.getItem`, by names that mean the same where the variable stands.
  const method = Node.isCallExpression(call.node) ? call.node.getExpression().getText() : "";
  const [, root] = /^([\w$]+)(?:\.[\w$]+)+$/.exec(method) ?? [];
  if (call.form !== "client" || root === undefined || root === response.name || root === error?.name) return null;
  const isNullable = type.isUnion() && type.getUnionTypes().some((each) => each.isUndefined());
  return `Awaited<ReturnType<typeof ${method}>>${isNullable ? " | undefined" : ""}`;
}

/** Does a callback that has a name, `(error: ServiceError | null, item: Item) => void`, ask by its type for a response beside every error? */
export function wantsResponse(call: Call): boolean {
  if (!isTypeScript(call.node) || call.plan.kind !== "handed") return false;
  const callback = nodeOf(call.node.getSourceFile(), call.plan.callback);
  const signatures = callback?.getType().getNonNullableType().getCallSignatures() ?? [];
  return signatures.some((signature) => {
    const response = signature.getParameters()[1]?.getValueDeclaration();
    return Node.isParameterDeclaration(response) && !response.isOptional();
  });
}

function isImported(file: SourceFile, name: string): boolean {
  return file.getImportDeclarations().some((each) => each.getNamedImports().some((one) => one.getText() === name));
}
