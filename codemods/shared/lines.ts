/** Lines that go take one blank line below them along, if a block begins or another blank line stands above. */
export function withBlankLine(
  source: string,
  range: { start: number; end: number },
  gone: (position: number) => boolean = () => false,
): { start: number; end: number } {
  const above = source.slice(0, range.start).trimEnd();
  const isOpen = above.endsWith("{") || /\n[ \t]*\r?\n[ \t]*$/.test(source.slice(0, range.start)) || gone(range.start);
  const blank = /^[ \t]*\r?\n/.exec(source.slice(range.end));
  return isOpen && blank ? { start: range.start, end: range.end + blank[0].length } : range;
}
