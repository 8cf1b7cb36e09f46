import type { DescEnum, DescField, DescMessage, DescOneof, DescService } from "@bufbuild/protobuf";
import { FeatureSet_FieldPresence } from "@bufbuild/protobuf/wkt";
import type {
  CallExpression,
  Node,
  ObjectLiteralExpression,
  PropertyAccessExpression,
  SourceFile,
  Type,
} from "ts-morph";
import { isTypeScript } from "../analysis/language.js";
import type { AnalysisProject } from "../analysis/project.js";
import { createOutputs, type Outputs } from "./kept-outputs.js";
import type { LegacyShape, Representation } from "./legacy-shape.js";
import type { ImportedName, MessageBlocker, MessageEditFact, TextPart } from "./message-facts.js";
import { type Kind, STRUCT } from "./message-kind.js";
import { innerOf, isShorthand } from "./message-syntax.js";
import { refusesMissing } from "./missing-replies.js";

/** A place where a value leaves for the wire, or for a variable that leads there. */
export interface Sink {
  readonly expression: Node;
  readonly wanted: Kind;
}

/** A function whose result or parameters carry messages; all its uses must be calls. */
export interface HelperFunction {
  result: Kind | null;
  readonly params: Map<number, Kind>;
}

/** What one proof knows so far, and the ways to add to it. */
export interface ProofState {
  readonly project: AnalysisProject;
  readonly shape: LegacyShape;
  readonly blockers: MessageBlocker[];
  readonly edits: MessageEditFact[];
  /** Expressions whose content is known, with what it is. */
  readonly kinds: Map<Node, Kind>;
  /** Known expressions whose use was accepted by a sink: they need no conversion there. */
  readonly consumed: Set<Node>;
  /** Known expressions whose use depends on sinks that may still come. */
  readonly open: { readonly expression: Node; readonly kind: Kind }[];
  readonly sinks: Sink[];
  /** Members of what nothing is known of yet: they are proved when no other sink is left. */
  readonly awaiting: Sink[];
  readonly proved: Map<Node, Kind>;
  readonly helpers: Map<Node, HelperFunction>;
  /** Variables of a module that messages are kept in: their declarations, with what the messages are. */
  readonly stores: Map<Node, Kind>;
  /** All that is put into them, but for what came out of the same one. */
  readonly kept: Map<Node, readonly Node[]>;
  /** Uses of lists and maps that are being made: whoever gets them could put anything in, unless a sink takes them. */
  readonly leaks: Node[];
  /** `list.map(helper)`, where the helper takes a message: the list must hold such messages. */
  readonly overLists: { readonly call: CallExpression; readonly kind: Kind }[];
  readonly handlers: Set<Node>;
  /** Parameters of handlers, and calls: where messages come from the peer. */
  readonly received: Set<Node>;
  /** Types of calls and callbacks of grpc-js that are followed, and where a reply goes into one: `callback(null, reply)`. */
  readonly callbacks: Set<Node>;
  /** Where replies are written from anywhere. */
  readonly outputs: Outputs;
  /** `message.serializeBinary()` that goes with the call around it. */
  readonly packed: Set<Node>;
  /** Fields of messages that the program makes, and reads again; and those whose values are converted where they are made. */
  readonly readAgain: Map<DescField, Node>;
  readonly coerced: Map<Node, DescField>;
  /** Fields that are read again in their old form, and those that are given another form than received ones have. */
  readonly shown: Map<DescField, Node>;
  readonly unlike: Set<DescField>;
  /** Messages that are shown with what was sent, zeros as well: services and clients that receive them remember it. */
  readonly remembered: Set<DescMessage>;
  /** Fields that get what is read again of others. */
  readonly passedOn: Map<DescField, Set<DescField>>;
  /** Fields of plain values that are written to on messages that the program did not make there. */
  readonly written: Set<DescField>;
  /** What lists and maps hold that are changed in place. */
  readonly changed: Set<DescMessage>;
  /** Messages that are spread into a literal that is one by itself. */
  readonly keptSpreads: Set<Node>;
  /** Members of a oneof that are read to be copied with all the others, and those that a literal takes so. */
  readonly copiedMembers: Map<Node, DescField>;
  readonly takenMembers: Set<Node>;
  /** What is left over of a message where keys are taken out of it: these keys. */
  readonly rests: Map<Node, ReadonlySet<string>>;
  /** Members of oneofs that no test has found to be set, and the text of their oneof. */
  readonly askedMembers: Map<Node, string>;
  /** Members of a oneof that are read where others may be set, with what becomes of their value. */
  readonly memberValues: Map<Node, (value: string) => string>;
  /** Objects of google.protobuf.Struct: where one goes out of sight and may be changed, and the fields that get one which is made anew. */
  readonly structs: {
    readonly leaks: Set<Node>;
    readonly remade: Set<DescField>;
    /** Such messages of old code that are looked at as they were. */
    readonly views: Set<Node>;
    /** Such objects that are put into a message. */
    readonly made: Set<Node>;
    holdsMessages(type: Type): boolean;
  };
  /** Enums of fields that were met. */
  readonly enums: Set<DescEnum>;
  /** What is decided when everything is proved that can be. */
  readonly deferred: (() => void)[];
  /** What depends on all other edits. */
  readonly finals: (() => void)[];
  /** What depends on these. */
  readonly last: (() => void)[];
  /** Messages that the program makes, and that become such of protobuf-es, as somebody reads them. */
  readonly created: Set<Node>;
  /** Those that are looked at. */
  readonly creating: Set<Node>;
  /** Fields that are read of messages which the program may have made. */
  readonly madeReads: Set<DescField>;
  /** How often such a message was found to be one. */
  readonly found: { creations: number };
  /** Shorthand properties that keep their name, and those that get another. */
  readonly named: Set<Node>;
  readonly renamedShorthands: Set<Node>;
  /** Something that is not proved: the service or client stays on the bridge. */
  block(node: Node, what: string): void;
  edit(
    around: Node,
    start: number,
    end: number,
    parts: readonly TextPart[],
    belongsTo?: "before" | "after",
    embraces?: number,
  ): void;
  replace(node: Node, ...parts: TextPart[]): void;
  /** A file takes names of a module of old generated code that others come in place of. */
  replacesNamesOf(module: string, file: SourceFile): void;
  /** `order`: stands within (-1) or around (1) whatever else is written around the same node. */
  wrap(node: Node, before: readonly TextPart[], after: string, order?: -1 | 1): void;
  /** The import of a descriptor (`ColorSchema`) or of its type (`Color`, for an enum also the value). */
  generated(desc: DescEnum | DescMessage, which: "descriptor" | "shape", at: Node): ImportedName;
  kindOf(field: DescField): Kind;
  fieldBy(desc: DescMessage, key: string): DescField | undefined;
  oneofBy(desc: DescMessage, key: string): DescOneof | undefined;
  /** A message goes to the peer: a value of `wanted`, and certainly one. */
  sends(expression: Node, wanted: Kind): void;
  /** `expression` must turn out to be a value of `wanted`. */
  sink(expression: Node, wanted: Kind): void;
  /** The uses of known expressions that end in a sink: from the sink's text inwards. */
  consume(expression: Node): void;
  /** Decides when everything is proved that can be. */
  later(decide: () => void): void;
  /** Proves an expression after the sinks that are open now. */
  again(expression: Node, wanted: Kind): void;
  /** The type of a message in old code, given with an expression or a name: its names become the new ones. */
  retype(type: Node, place: Node, what: string, kind: Kind): boolean;
  /** The type of a client in old code becomes that of protobuf-es. */
  retypeService(type: Node, desc: DescService): boolean;
  /** Does the compiler, in strict mode, exclude undefined and null? */
  isStrictlyTyped(expression: Node): boolean;
  /** `{ total }` becomes `{ total: BigInt(total) }`. */
  shorthandPrefix(expression: Node): string;
  /** The same for a value that is read, of a property that no other edit gives a key. */
  keyPrefix(expression: Node): string;
}

/** A proof at work: its state, and the steps that call each other. */
export interface Proving extends ProofState {
  /** An expression is known to hold `kind`: follows where it goes. */
  flow(expression: Node, kind: Kind): unknown;
  /** What is read of a known object: `message.key`, `list.length`. */
  member(access: PropertyAccessExpression, object: Node, kind: Kind): unknown;
  /** A name, or a pattern, receives a known value. */
  bind(name: Node, kind: Kind): unknown;
  argument(call: CallExpression, expression: Node, kind: Kind): unknown;
  resultOf(owner: Node, kind: Kind): unknown;
  takes(owner: Node, index: number, kind: Kind, place: Node): unknown;
  callsOf(owner: Node): CallExpression[];
  helperResult(call: CallExpression, owner: Node, wanted: Kind): unknown;
  callbackResults(owner: Node, wanted: Kind): unknown;
  special(parent: Node, expression: Node, as: Representation): boolean;
  discriminator(expression: Node, kind: Kind & { kind: "case" }): unknown;
  compareAbsent(comparison: Node, expression: Node): boolean;
  convert(given: Node, as: Representation, isMaybe: boolean): unknown;
  chainText(node: Node): string | undefined;
  prove(given: Node, wanted: Kind): unknown;
  /** An object literal is a message: names, oneofs, and the values that are then to be proved. */
  literal(object: ObjectLiteralExpression, desc: DescMessage, chosenBefore?: ReadonlySet<DescOneof>): Set<DescOneof>;
  isWithinRange(node: Node, type: "int32" | "uint32"): boolean;
  isInteger(node: Node): boolean;
  /** A number that is certainly not negative. */
  isNatural(node: Node): boolean;
  isNumber(node: Node): boolean;
  isBoolean(node: Node): boolean;
  isString(node: Node): boolean;
  /** Can a part of an expression's value, as far as it can be seen, be what the test asks for? */
  canBe(node: Node, question: string, test: (part: Node) => boolean): boolean;
  /** Can a message not be there, as far as can be seen of what it is made of? */
  canBeMissing(node: Node): boolean;
  /** Is a plain value certainly neither undefined nor null? */
  isPresent(node: Node): boolean;
  /** Can a value come from a place of a list or an object that may have nothing there, whatever its type says? */
  isUnchecked(node: Node): boolean;
  /** Does everything that an expression takes its value from pass a test? */
  isMadeOf(node: Node, question: string, test: (part: Node) => boolean): boolean;
}

export function createProofState(project: AnalysisProject, shape: LegacyShape): ProofState {
  const blockers: MessageBlocker[] = [];
  const edits: MessageEditFact[] = [];
  const edited = new Set<string>();
  const consumed = new Set<Node>();
  const sinks: Sink[] = [];
  const named = new Set<Node>();
  const repeated = new Map<Node, number>();

  const place = (node: Node) => {
    const file = node.getSourceFile();
    const path = file.getFilePath().startsWith(`${project.root}/`)
      ? file.getFilePath().slice(project.root.length + 1)
      : file.getBaseName();
    return `${path}:${node.getStartLineNumber()}`;
  };

  const valueIn = (wrapper: DescMessage): Kind =>
    wrapper.typeName === STRUCT
      ? { kind: "value", as: { kind: "struct" } }
      : state.kindOf(wrapper.fields[0] as DescField);

  const state: ProofState = {
    project,
    shape,
    blockers,
    edits,
    kinds: new Map(),
    consumed,
    open: [],
    sinks,
    awaiting: [],
    proved: new Map(),
    helpers: new Map(),
    stores: new Map(),
    kept: new Map(),
    leaks: [],
    overLists: [],
    handlers: new Set(),
    received: new Set(),
    callbacks: new Set(),
    outputs: createOutputs(),
    packed: new Set(),
    readAgain: new Map(),
    coerced: new Map(),
    shown: new Map(),
    unlike: new Set(),
    passedOn: new Map(),
    remembered: new Set(),
    written: new Set(),
    changed: new Set(),
    keptSpreads: new Set(),
    copiedMembers: new Map(),
    takenMembers: new Set(),
    rests: new Map(),
    askedMembers: new Map(),
    memberValues: new Map(),
    structs: { leaks: new Set(), remade: new Set(), views: new Set(), made: new Set(), holdsMessages: () => false },
    enums: new Set(),
    deferred: [],
    finals: [],
    last: [],
    created: new Set(),
    creating: new Set(),
    madeReads: new Set(),
    found: { creations: 0 },
    named,
    renamedShorthands: new Set(),
    block(node, what) {
      const text = node.getText().replace(/\s+/g, " ");
      blockers.push({
        code: "message-unproved",
        detail: `${place(node)}: ${what} (\`${text.length > 60 ? `${text.slice(0, 57)}…` : text}\`)`,
      });
    },
    edit(
      around,
      start,
      end,
      parts,
      belongsTo = "after",
      embraces = start < end ? 0 : around.getEnd() - around.getStart(),
    ) {
      const fact: MessageEditFact = {
        kind: "message-edit",
        file: around.getSourceFile().getFilePath(),
        start,
        end,
        via: "provenance",
        rule: shape.rule,
        parts,
        belongsTo,
        embraces,
      };
      const key = JSON.stringify(fact);
      if (edited.has(key)) return;
      edited.add(key);
      edits.push(fact);
    },
    replacesNamesOf: (module, file) =>
      void edits.push({
        kind: "message-edit",
        file: file.getFilePath(),
        start: 0,
        end: 0,
        via: "provenance",
        rule: shape.rule,
        parts: [],
        belongsTo: "after",
        embraces: 0,
        replaces: module,
      }),
    replace: (node, ...parts) => state.edit(node, node.getStart(), node.getEnd(), parts),
    wrap(node, before, after, order) {
      // Less than what a node has that has more in it.
      const embraces = node.getWidth() + (order ?? 0) / 2;
      state.edit(node, node.getStart(), node.getStart(), before, "after", embraces);
      state.edit(node, node.getEnd(), node.getEnd(), [after], "before", embraces);
    },
    generated(desc, which, at) {
      const found = project.protos.importPathFor(desc, at.getSourceFile().getFilePath());
      return { module: found.module, name: (which === "shape" ? found.shape : null) ?? found.descriptor };
    },
    kindOf(field) {
      const as = shape.representation(field);
      const isExplicit = shape.explicit !== undefined || field.presence === FeatureSet_FieldPresence.EXPLICIT;
      const canBeUnset = field.fieldKind !== "list" && field.fieldKind !== "map" && isExplicit;
      const one: Kind =
        as.kind === "message"
          ? { kind: "message", desc: as.desc }
          : as.kind === "wrapper"
            ? { kind: "wrapper", desc: as.desc, of: valueIn(as.desc) }
            : { kind: "value", as, maybe: canBeUnset, field };
      return field.fieldKind === "list"
        ? { kind: "list", of: one }
        : field.fieldKind === "map"
          ? { kind: "map", of: one }
          : one;
    },
    fieldBy: (desc, key) => desc.fields.find((field) => shape.keyOf(field) === key),
    oneofBy: (desc, key) => desc.oneofs.find((oneof) => shape.oneofKeyOf(oneof) === key),
    sends(expression, wanted) {
      state.sink(expression, wanted);
      if (shape.typed && !shape.isLive) return;
      state.later(() => {
        const p = state as Proving;
        if (p.canBeMissing(expression) && !refusesMissing(p, expression, wanted))
          state.block(expression, "a message that may not be there is sent");
      });
    },
    sink(expression, wanted) {
      sinks.push({ expression, wanted });
    },
    consume(expression) {
      for (let node: Node | undefined = expression; node; node = innerOf(node)) consumed.add(node);
    },
    later: (decide) => void state.deferred.push(decide),
    again(expression, wanted) {
      const rounds = repeated.get(expression) ?? 0;
      if (rounds === 0)
        state.later(() => {
          if (!state.kinds.has(expression)) state.block(expression, "nothing proves where this message comes from");
        });
      if (rounds > 10) return;
      repeated.set(expression, rounds + 1);
      state.proved.delete(expression);
      sinks.push({ expression, wanted });
    },
    retype(type, place, what, kind) {
      if (shape.retype?.(state as Proving, type, kind)) return true;
      state.block(place, what);
      return false;
    },
    retypeService: (type, desc) => shape.retypeService?.(state as Proving, type, desc) ?? false,
    isStrictlyTyped(expression) {
      const file = expression.getSourceFile();
      if (!isTypeScript(file)) return false;
      const { strict, strictNullChecks } = expression.getProject().getCompilerOptions();
      if (!(strictNullChecks ?? strict)) return false;
      const type = expression.getType();
      return !type.isNullable() && !type.isAny() && !type.isUnknown() && !type.isUndefined() && !type.isNull();
    },
    shorthandPrefix: (expression) => (named.has(expression) ? `${expression.getText()}: ` : ""),
    keyPrefix: (expression) =>
      isShorthand(expression) && !state.renamedShorthands.has(expression) ? `${expression.getText()}: ` : "",
  };
  return state;
}
