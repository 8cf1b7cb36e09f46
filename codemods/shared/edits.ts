import MagicString from "magic-string";
import type { Outcome } from "./finding.js";
import type { Reason } from "./reasons.js";

/** One change of a range of the original text. An insertion has `start === end`. Offsets are UTF-16 units of the original. */
export interface Edit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
  /** For insertions: does the text stick to what is left or right of the position? */
  readonly side: "left" | "right";
  readonly rule: string;
  readonly outcome: Outcome;
  readonly reason: Reason | null;
  /** Only white space goes, for the looks of it: another edit of the same text comes first. */
  readonly isLayout?: boolean;
}

/** What one edit is for. */
export interface EditOrigin {
  readonly rule: string;
  readonly outcome: Outcome;
  readonly reason?: Reason | null;
}

/** Collects the edits of one file. Rules keep edits granular: never overwrite a range that holds another rule's expression. */
export interface EditSink {
  overwrite(start: number, end: number, text: string, origin: EditOrigin): void;
  remove(start: number, end: number, origin: EditOrigin): void;
  /** Removes white space at the beginning of a line, unless another edit takes it. */
  unindent(start: number, end: number, origin: EditOrigin): void;
  /** Inserts before what stands at `position`, after all earlier insertions there. */
  insertRight(position: number, text: string, origin: EditOrigin): void;
  /** Inserts after what ends at `position`. */
  insertLeft(position: number, text: string, origin: EditOrigin): void;
  /** Puts a range, with all edits in it, in front of what stands at `to`; of several with the same target the last comes last. */
  move(start: number, end: number, to: number): void;
  /** The lines that other rules write between two offsets stand further in, as the range itself does. */
  indent(start: number, end: number, by: string, origin: EditOrigin): void;
  readonly edits: readonly Edit[];
  readonly moves: readonly Move[];
  readonly indents: readonly Indent[];
}

/** What stands in front of the lines that rules write in a range; those of the rule that moves the range have it already. */
export interface Indent {
  readonly start: number;
  readonly end: number;
  readonly by: string;
  readonly rule: string;
}

/** A range of the original text that stands elsewhere in the new one. */
export interface Move {
  readonly start: number;
  readonly end: number;
  readonly to: number;
}

export interface EditConflict {
  readonly first: Edit;
  readonly second: Edit;
}

export function createEditSink(): EditSink {
  const edits: Edit[] = [];
  const moves: Move[] = [];
  const indents: Indent[] = [];
  const editOf = (start: number, end: number, text: string, side: "left" | "right", origin: EditOrigin): Edit => {
    return { start, end, text, side, rule: origin.rule, outcome: origin.outcome, reason: origin.reason ?? null };
  };
  const add = (...parts: Parameters<typeof editOf>) => {
    edits.push(editOf(...parts));
  };
  return {
    overwrite: (start, end, text, origin) => add(start, end, text, "left", origin),
    remove: (start, end, origin) => add(start, end, "", "left", origin),
    unindent: (start, end, origin) => {
      edits.push({ ...editOf(start, end, "", "left", origin), isLayout: true });
    },
    insertRight: (position, text, origin) => add(position, position, text, "right", origin),
    insertLeft: (position, text, origin) => add(position, position, text, "left", origin),
    move: (start, end, to) => {
      moves.push({ start, end, to });
    },
    indent: (start, end, by, { rule }) => {
      indents.push({ start, end, by, rule });
    },
    edits,
    moves,
    indents,
  };
}

/** The edits as they stand in ranges that move in. What may hold a template literal stays as it is. */
export function indentEdits(edits: readonly Edit[], indents: readonly Indent[]): readonly Edit[] {
  if (indents.length === 0) return edits;
  return edits.map((edit) => {
    const by = indents
      .filter((range) => range.start < edit.start && edit.end < range.end && range.rule !== edit.rule)
      .map((range) => range.by)
      .join("");
    if (by === "" || edit.text.includes("`")) return edit;
    return { ...edit, text: edit.text.replace(/\n(?=[^\r\n])/g, `\n${by}`) };
  });
}

/** The edits without those for the looks that another edit leaves no room for. */
export function withoutTaken(edits: readonly Edit[]): readonly Edit[] {
  const others = edits.filter((edit) => edit.isLayout !== true);
  if (others.length === edits.length) return edits;
  return edits.filter(
    ({ start, end, isLayout }) => isLayout !== true || !others.some((other) => other.start < end && start < other.end),
  );
}

/** Pairs of replacing edits that touch the same text. The same edit made twice is no conflict. */
export function conflictsOf(edits: readonly Edit[]): EditConflict[] {
  const replacing = edits.filter((edit) => edit.end > edit.start).sort((a, b) => a.start - b.start || b.end - a.end);
  const conflicts: EditConflict[] = [];
  let last: Edit | undefined;
  for (const edit of replacing) {
    if (last && edit.start < last.end && !isSame(last, edit)) conflicts.push({ first: last, second: edit });
    if (!last || edit.end > last.end) last = edit;
  }
  for (const edit of edits) {
    if (edit.start !== edit.end) continue;
    const around = replacing.find((other) => other.start < edit.start && edit.start < other.end);
    if (around) conflicts.push({ first: around, second: edit });
  }
  return conflicts;
}

/** The text with all edits made. Throws if two edits overlap: ask {@link conflictsOf} first. */
export function applyEdits(source: string, edits: readonly Edit[], moves: readonly Move[] = []): string {
  if (edits.length === 0 && moves.length === 0) return source;
  const text = new MagicString(source);
  const done: Edit[] = [];
  for (const edit of edits) {
    if (edit.start === edit.end || done.some((other) => isSame(other, edit))) continue;
    done.push(edit);
    if (edit.text === "") text.remove(edit.start, edit.end);
    else text.update(edit.start, edit.end, edit.text);
  }
  // What is removed takes along what was inserted at its ends before.
  for (const edit of edits) {
    if (edit.start < edit.end) continue;
    if (edit.side === "left") text.appendLeft(edit.start, edit.text);
    else text.appendRight(edit.start, edit.text);
  }
  for (const { start, end, to } of moves) text.move(start, end, to);
  return text.toString();
}

function isSame(a: Edit, b: Edit): boolean {
  return a.start === b.start && a.end === b.end && a.text === b.text;
}
