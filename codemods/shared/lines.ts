/**
 * Lines that go take one blank line along: the one below them, if a block begins or another blank line stands above; the one above them, if
 * the block ends below.
 */
export function withBlankLine(
  source: string,
  range: { start: number; end: number },
  /** What else goes. */
  gone: readonly { readonly start: number; readonly end: number }[] = [],
): { start: number; end: number } {
  const before = (position: number) => gone.find((each) => each.end === position && each.start < position);
  let top = range.start;
  for (let each = before(top); each; each = before(top)) top = each.start;
  const above = source.slice(0, top);
  const blankAbove = /\n([ \t]*\r?\n)[ \t]*$/.exec(above)?.[1];
  const blankBelow = /^[ \t]*\r?\n/.exec(source.slice(range.end))?.[0];
  if (blankBelow && (blankAbove !== undefined || above.trimEnd().endsWith("{")))
    return { start: range.start, end: range.end + blankBelow.length };
  const isLast = /^[ \t]*\}/.test(source.slice(range.end));
  if (isLast && top === range.start && blankAbove !== undefined && source[top - 1] === "\n")
    return { start: range.start - blankAbove.length, end: range.end };
  return range;
}

/** The edits that only take away. */
export function removedBy(
  edits: readonly { readonly start: number; readonly end: number; readonly text: string }[],
): { start: number; end: number }[] {
  return edits.filter((each) => each.text === "");
}
