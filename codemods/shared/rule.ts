import type { Collection, JSCodeshift } from "jscodeshift";
import type { FactBase } from "../analysis/facts.js";
import type { EditSink } from "./edits.js";
import type { Finding } from "./finding.js";

export type Target = "bundled" | "connectrpc";
export type MessagesMode = "auto" | "native" | "bridge";

/** Import bindings that a rule's output needs. The engine writes them in the file's own style and drops unused grpc-js ones. */
export interface ImportRequests {
  /** Asks for `name` of `module`; returns the local name to use (differs from `name` when that is taken in the file). */
  add(module: string, name: string, options?: { readonly typeOnly?: boolean }): string;
  /** Names of a module were replaced by others: it and they go where nothing uses them any more. */
  replaces(module: string): void;
}

/** All that a rule may know and do. It reads the tree and returns edits; it prints nothing, writes nothing, mutates nothing. */
export interface RuleContext {
  readonly j: JSCodeshift;
  /** READ ONLY: `j(parse(source))`; node offsets are exact offsets into `source`. */
  readonly root: Collection;
  readonly source: string;
  /** Absolute path. */
  readonly path: string;
  /** The facts about this file, of every kind. */
  readonly facts: readonly FactBase[];
  /** A rule runs alone, without an analysis of the project: then only local syntax counts, and there are no facts. */
  readonly isAlone: boolean;
  readonly target: Target;
  readonly messages: MessagesMode;
  readonly language: "js" | "ts";
  readonly moduleSystem: "esm" | "cjs";
  readonly edit: EditSink;
  readonly imports: ImportRequests;
  report(finding: Omit<Finding, "file">): void;
  /** Inserts one `TODO(connect-migrate/<rule>)` line above the statement at `position`, unless it stands there already, and reports the finding as manual. */
  todo(finding: Omit<Finding, "file" | "outcome">): void;
}

/** One rewrite. `id` is `services/callback-to-throw`: file, fixture, guide section and report use the same name. */
export interface Rule {
  readonly id: string;
  readonly side: "services" | "clients" | "both";
  apply(context: RuleContext): void;
}
