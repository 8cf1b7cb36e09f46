import { grpcUses } from "../project/uncovered.js";
import {
  ancestorOf,
  type File,
  functionOf,
  isIdentifier,
  isWithin,
  memberName,
  type Node,
  parentMap,
  unwrap,
} from "../shared/ast.js";
import { LOOPS } from "../shared/control-flow.js";
import type { RuleContext } from "../shared/rule.js";
import { type Binding, scopesOf } from "../shared/scope.js";
import type { Step } from "./handler-plan.js";
import { isHeaderBytes, isHeaderKey, isHeaderText } from "./header-values.js";
import { literalOf } from "./literal-error.js";
import { fileOf, type PlannedHandler, plannedHandlers } from "./planned-handlers.js";

/** A place where a handler sends Metadata. */
interface Sink extends PlannedHandler {
  readonly step: Step;
  readonly metadata: Node;
}

/** `metadata.set(key, value)` or `add`, as a statement. */
export interface HeaderEntry {
  readonly call: Node;
  readonly member: Node;
  readonly isAdded: boolean;
  /** Of a binary key. */
  readonly bytes: Node | null;
}

/** A `const metadata = new Metadata()` that becomes Headers. */
export interface OutgoingHeaders {
  readonly declaration: Node;
  readonly made: Node;
  readonly type: Node | null;
  readonly entries: readonly HeaderEntry[];
  /** It is made, filled and sent in statements that follow each other, the `row`: its entries go to the headers or trailers of the call. */
  readonly direct: (Sink & { readonly row: readonly Node[] }) | null;
}

/**
 * Metadata of handlers that Headers can take the place of: it is made here, given entries that neither grpc-js nor Headers
 * refuse, and only sent. As Headers iterate sorted by key, and join the values of one key, the entries stand in that order and are set once
 * (matrix MD-3, MD-4, H-22, H-23); where they go to the call itself, any order is kept.
 */
export function outgoingHeaders(ctx: RuleContext): readonly OutgoingHeaders[] {
  const known = found.get(ctx) ?? findAll(ctx);
  found.set(ctx, known);
  return known;
}

const found = new WeakMap<RuleContext, readonly OutgoingHeaders[]>();

/** The Headers that a name stands for where they are sent; undefined for Metadata. */
export function headersAt(ctx: RuleContext, node: Node): OutgoingHeaders | undefined {
  const binding = isIdentifier(node) ? scopesOf(fileOf(ctx)).bindingOf(node) : undefined;
  return binding && outgoingHeaders(ctx).find(({ declaration }) => declaration === binding.declaration);
}

function findAll(ctx: RuleContext): OutgoingHeaders[] {
  const file = fileOf(ctx);
  const scopes = scopesOf(file);
  if (scopes.names.has("Headers")) return [];
  const sinks = plannedHandlers(ctx).flatMap((handler) =>
    handler.plan.steps.flatMap((step) => {
      const metadata = metadataOf(ctx, step);
      return metadata ? [{ ...handler, step, metadata }] : [];
    }),
  );
  const classes = new Set(grpcUses(file).flatMap(({ member, node }) => (member === "Metadata" ? [node] : [])));
  const bindings = new Set(sinks.flatMap(({ metadata }) => scopes.bindingOf(metadata) ?? []));
  return [...bindings].flatMap((binding) => headersOf(file, binding, sinks, classes) ?? []);
}

/** The Metadata that a step sends. */
function metadataOf(ctx: RuleContext, step: Step): Node | null {
  switch (step.kind) {
    case "send-metadata":
      return step.metadata;
    case "value":
    case "end":
      return step.trailers;
    case "error":
      return step.trailers ?? literalOf(ctx, step)?.metadata ?? null;
    default:
      return null;
  }
}

function headersOf(
  file: File,
  { declaration, kind, writes, references, identifier }: Binding,
  sinks: readonly Sink[],
  classes: ReadonlySet<Node>,
): OutgoingHeaders | undefined {
  const parents = parentMap(file);
  const isDeclared = declaration.type === "VariableDeclarator" && declaration.id === identifier && declaration.init;
  if (!isDeclared || !/^(const|let|var)$/.test(kind) || writes.length > 0) return undefined;
  const made = unwrap(declaration.init);
  if (made.type !== "NewExpression" || made.arguments.length > 0 || !classes.has(made.callee)) return undefined;
  const annotation = (identifier.typeAnnotation?.typeAnnotation ?? null) as Node | null;
  if (annotation && !(annotation.type === "TSTypeReference" && classes.has(annotation.typeName))) return undefined;
  const block = parents.get(parents.get(declaration) as Node) as Node;
  if (block.type.startsWith("Export")) return undefined;
  // A var may be read where nothing was made.
  const isMade = (reference: Node) => declaration.end <= reference.start && isWithin(reference, block);
  if (kind === "var" && !references.every(isMade)) return undefined;
  const entries: (HeaderEntry & { readonly key: string })[] = [];
  const sent: Sink[] = [];
  for (const reference of references) {
    const sink = sinks.find(({ metadata }) => metadata === reference);
    const entry = sink ? undefined : entryAt(file, reference);
    if (sink) sent.push(sink);
    else if (entry && isOnce(entry.call, declaration, parents)) entries.push(entry);
    else return undefined;
  }
  const direct = directSink(file, sent, entries, declaration);
  const keys = entries.map(({ key }) => key);
  const isSorted = keys.every((key, index) => index === 0 || (keys[index - 1] as string) < key);
  if (!direct && !isSorted) return undefined;
  return { declaration, made, type: annotation, entries, direct };
}

function entryAt(file: File, reference: Node): (HeaderEntry & { readonly key: string }) | undefined {
  const parents = parentMap(file);
  const member = parents.get(reference) as Node;
  const call = parents.get(member) as Node;
  const name = member.type === "MemberExpression" && member.object === reference ? memberName(member) : undefined;
  if (member.computed || !/^(set|add)$/.test(name ?? "") || call.type !== "CallExpression" || call.callee !== member)
    return undefined;
  if (parents.get(call)?.type !== "ExpressionStatement") return undefined;
  const [key, value, ...more] = call.arguments as Node[];
  if (key?.type !== "StringLiteral" || !isHeaderKey(key.value) || !value || more.length > 0) return undefined;
  const isBinary = /-bin$/i.test(key.value);
  if (!(isBinary ? isHeaderBytes(value, file) : isHeaderText(value, file))) return undefined;
  return { key: key.value.toLowerCase(), call, member, isAdded: name === "add", bytes: isBinary ? value : null };
}

/** Does a statement run at most once for each Metadata that is made, and in the order of the text? */
function isOnce(call: Node, declaration: Node, parents: ReturnType<typeof parentMap>): boolean {
  if (functionOf(call, parents) !== functionOf(declaration, parents)) return false;
  const loop = ancestorOf(call, parents, (node) => LOOPS.test(node.type));
  return loop === undefined || (loop.start <= declaration.start && declaration.end <= loop.end);
}

/** The one place where it is sent, if making, filling and sending are statements that follow each other. */
function directSink(
  file: File,
  sent: readonly Sink[],
  entries: readonly HeaderEntry[],
  declaration: Node,
): OutgoingHeaders["direct"] {
  const [sink, ...more] = sent;
  if (!sink || more.length > 0 || entries.length === 0 || !/^(send-metadata|end|value)$/.test(sink.step.kind))
    return null;
  if (sink.step.kind === "value" && sink.step.kept) return null;
  const parents = parentMap(file);
  const made = parents.get(declaration) as Node;
  const list = listOf(parents.get(made));
  const ending = "statement" in sink.step ? sink.step.statement : parents.get(parents.get(sink.metadata) as Node);
  const row = [made, ...entries.map(({ call }) => parents.get(call) as Node), ending as Node];
  const first = list.indexOf(made);
  const isRow =
    first >= 0 && made.declarations.length === 1 && row.every((each, index) => list[first + index] === each);
  const isCommented = file.comments?.some(({ start, end }) => made.start < start && end < (row.at(-1) as Node).end);
  return isRow && !isCommented ? { ...sink, row } : null;
}

function listOf(parent: Node | undefined): Node[] {
  if (parent?.type === "BlockStatement") return parent.body as Node[];
  return parent?.type === "SwitchCase" ? (parent.consequent as Node[]) : [];
}
