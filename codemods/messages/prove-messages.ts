import type { DescMessage } from "@bufbuild/protobuf";
import { Node, type SourceFile } from "ts-morph";
import type { AnalysisProject } from "../analysis/project.js";
import { createConvertValues } from "./convert-values.js";
import type { Bridge } from "./find-bridges.js";
import { createFollowClients } from "./follow-clients.js";
import { createFollowFunctions } from "./follow-functions.js";
import { createFollowValues } from "./follow-values.js";
import { reachable } from "./google-protobuf-generated.js";
import { blockOtherOutputs } from "./kept-outputs.js";
import type { LegacyShape } from "./legacy-shape.js";
import type { MessageBlocker, MessageEditFact } from "./message-facts.js";
import { isListOfNumbers, isPlain, sameKind } from "./message-kind.js";
import { noteHandlers, startService } from "./message-roots.js";
import { unwrapped } from "./message-syntax.js";
import { blockUnlikeReads } from "./own-reads.js";
import { createPlainValues } from "./plain-values.js";
import { createProofState, type Proving } from "./proof.js";
import { proveTyped } from "./prove-typed.js";
import { createProveValues } from "./prove-values.js";
import { messagesOf, staleMessage } from "./stale-protos.js";
import { viewsStruct } from "./struct-views.js";
import { showsWhole } from "./whole-messages.js";

export interface Proof {
  readonly blockers: readonly MessageBlocker[];
  readonly edits: readonly MessageEditFact[];
  /** Clients outside this proof that functions are given as well as one of its own: what makes them. */
  readonly strangers: ReadonlySet<Node>;
  /** Messages that are shown with what was sent. */
  readonly remembered: ReadonlySet<DescMessage>;
}

/**
 * Follows every message of one service or client from where it arrives to where it goes, and proves that each use can be
 * written on protobuf-es. Forward: a handler's request, a call's reply, what is read of them. Backward: a handler's reply,
 * a call's request, what they are made of. Whatever is met that is not understood is a blocker; nothing is assumed.
 */
export function proveMessages(project: AnalysisProject, bridges: readonly Bridge[], shape: LegacyShape): Proof {
  const p = createProofState(project, shape) as Proving;
  Object.assign(
    p,
    createFollowValues(p),
    createFollowFunctions(p),
    createConvertValues(p),
    createProveValues(p),
    createPlainValues(p),
  );
  const { kinds, sinks, open, proved, consumed, blockers, edits } = p;
  const clients = createFollowClients(project, bridges, p);
  if (shape.typed) proveTyped(p, shape.typed, bridges);
  else {
    for (const bridge of bridges) if (bridge.of === "service") noteHandlers(project, bridge, p.handlers);
    for (const bridge of bridges) {
      if (bridge.of === "service") {
        startService(project, bridge, p);
        shape.retypeHandlers?.(p, bridge.service);
      } else clients.start(bridge);
    }
  }
  clients.finish();
  blockOtherOutputs(p);
  const proveAll = () => {
    const next = () => sinks.shift() ?? p.awaiting.shift();
    for (let sink = next(); sink; sink = next()) p.prove(sink.expression, sink.wanted);
  };
  proveAll();
  for (let decide = p.deferred.shift(); decide; decide = p.deferred.shift()) {
    decide();
    proveAll();
  }
  for (const leak of p.leaks) if (!proved.has(leak)) p.block(leak, "a list that is being made is handed on");
  for (const { call, kind } of p.overLists) {
    const callee = call.getExpression();
    const held = Node.isPropertyAccessExpression(callee) ? kinds.get(unwrapped(callee.getExpression())) : undefined;
    if (held?.kind !== "list" || !sameKind(held.of, kind)) p.block(call, "a list that is not known to hold messages");
  }
  for (const { expression, kind } of open) {
    // A value that was proved for another kind of field (an int64 in a string) is converted, too.
    if (consumed.has(expression) || (kind.kind !== "value" && proved.has(expression))) continue;
    if (kind.kind === "value") p.convert(expression, kind.as, kind.maybe === true);
    else if (shape.isLive && isListOfNumbers(kind) && Node.isSpreadElement(expression.getParent()))
      p.edit(expression, expression.getEnd(), expression.getEnd(), [".map(Number)"], "before");
    else if (!isPlain(kind) && !viewsStruct(p, expression, kind) && !showsWhole(p, expression, kind))
      p.block(expression, "a message goes where it cannot be followed");
  }
  for (const decide of p.finals) decide();
  for (const decide of p.last) decide();
  blockUnlikeReads(p);
  for (const bridge of bridges) {
    const stale = staleIn(p, bridge);
    if (!stale) continue;
    // What else is in the way may come of it.
    p.block(bridge.definition, stale);
    blockers.unshift(blockers.pop() as MessageBlocker);
  }
  if (shape.renameEnums && blockers.length === 0) {
    const touched = new Set(edits.map((edit) => edit.file));
    const isAlone = (file: SourceFile) =>
      project.files.every((one) => touched.has(one.getFilePath()) || !importsFile(project, one, file));
    for (const file of project.files)
      if (touched.has(file.getFilePath()) || (shape.hasOnlyEnums?.(project, file) && isAlone(file)))
        shape.renameEnums(p, file);
  }
  return { blockers: unique(blockers), edits, strangers: clients.strangers, remembered: p.remembered };
}

/** Messages are rewritten after the .proto; the program ran on its generated code. */
function staleIn({ project, shape, kinds, blockers }: Proving, bridge: Bridge): string | undefined {
  const used = new Set(messagesOf(bridge.service));
  for (const kind of kinds.values()) if (kind.kind === "message") used.add(kind.desc);
  const all = new Set([...used].flatMap(reachable));
  // A message whose fields nobody reads may be in any of its files.
  const several = blockers.length === 0 ? undefined : [...all].find((desc) => (shape.filesOf?.(desc) ?? []).length > 1);
  if (several === undefined) return staleMessage(project, bridge, used);
  const files = shape.filesOf?.(several).map((file) => file.replace(`${project.root}/`, ""));
  return `${several.typeName} is in several generated files (${files?.join(", ")}): keep one of them`;
}

function importsFile(project: AnalysisProject, from: SourceFile, file: SourceFile): boolean {
  return [...from.getImportDeclarations(), ...from.getExportDeclarations()].some((one) => {
    const specifier = one.getModuleSpecifierValue();
    return specifier !== undefined && project.resolveModule(from, specifier) === file;
  });
}

function unique(blockers: readonly MessageBlocker[]): MessageBlocker[] {
  return [...new Map(blockers.map((blocker) => [blocker.detail, blocker])).values()];
}
