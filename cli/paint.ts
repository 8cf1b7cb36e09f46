import picocolors from "picocolors";

/** Colours for one output stream; plain text where it is no terminal. */
export type Paint = ReturnType<typeof picocolors.createColors>;

export function paintFor(stream: { isTTY?: boolean }): Paint {
  return picocolors.createColors(picocolors.isColorSupported && stream.isTTY === true);
}
