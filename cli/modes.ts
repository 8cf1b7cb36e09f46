import type { MigrationOptions } from "../codemods/index.js";

/** What decides the code that a run makes: flags of the command line, and settings of the configuration. */
export type Modes = Pick<MigrationOptions, "target" | "messages" | "runtime">;

/** What each may be, the default first. */
export const MODES = {
  target: ["bundled", "connectrpc"],
  messages: ["auto", "native", "bridge"],
  runtime: ["vendor", "npm"],
} as const satisfies { readonly [K in keyof Modes]: readonly Modes[K][] };
