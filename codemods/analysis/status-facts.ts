import type { SourceFile } from "ts-morph";
import { isStatusType, STATUS_NAMES } from "../clients/grpc-status.js";
import { isCodeValue } from "../errors/code-value.js";
import { grpcUses, type Use } from "../project/uncovered.js";
import { type File, parentMap } from "../shared/ast.js";
import { treesOf } from "./client-trees.js";
import type { FactBase } from "./facts.js";
import { isTypeScript } from "./language.js";
import { reaches } from "./module-imports.js";
import type { AnalysisProject } from "./project.js";
import type { ServerFact } from "./server-facts.js";

/** A file whose `grpc.status` becomes `Code`: in TypeScript values and types together, in JavaScript beside files that are migrated. */
export interface StatusFact extends FactBase {
  readonly kind: "status";
  /** What stands for the type: `Code`, and where it, or what it is connected with, says OK, `Code | 0`. */
  readonly type: "Code" | "Code | 0";
}

/** A file that uses grpc-js. */
interface StatusUser {
  readonly file: SourceFile;
  readonly path: string;
  readonly tree: File;
  readonly uses: readonly Use[];
}

export function isStatusFact(fact: FactBase): fact is StatusFact {
  return fact.kind === "status";
}

/**
 * TypeScript files that may say `Code` for `grpc.status`. The two enums have the same numbers and are different types: a file changes as a
 * whole or not at all. It has nothing that keeps the shape of grpc-js, or it has of grpc-js nothing but the enum and serves only such files. What
 * else their types meet, the gate sees.
 */
export function collectStatusFacts(project: AnalysisProject, facts: readonly FactBase[]): StatusFact[] {
  const trees = treesOf();
  const users = project.files.flatMap((file): StatusUser[] => {
    const path = file.getFilePath() as string;
    if (!/@grpc\/grpc-js/.test(file.getFullText())) return [];
    const tree = trees(file);
    return tree ? [{ file, path, tree, uses: grpcUses(tree, /^@grpc\/(grpc-js)$/) }] : [];
  });
  const mayChange = users.filter(({ path, tree, uses }) => {
    const own = uses.filter(isOfStatus);
    const isTypeScript = /(?<!\.d)\.[cm]?tsx?$/.test(path);
    if (!isTypeScript || own.length === 0 || !project.isSelected(path) || project.keptStatus(path) !== "no")
      return false;
    return own.every((use) => isKnown(tree, use));
  });
  const outcomes = new Map<string, boolean>();
  for (const fact of facts)
    if ("outcome" in fact) outcomes.set(fact.file, fact.outcome === "idiomatic" && outcomes.get(fact.file) !== false);
    else if (/^(handler|client-error|client-stub)$/.test(fact.kind) && !outcomes.has(fact.file))
      outcomes.set(fact.file, true);
  const migrated = new Set(users.filter(({ path }) => outcomes.get(path) === true));
  const changing = mayChange.filter((user) => {
    if (outcomes.has(user.path)) return migrated.has(user);
    if (!user.uses.every(isOfStatus)) return false;
    const others = users.filter((other) => other !== user && reaches(project, other.file, user.file));
    return (
      others.some((other) => migrated.has(other)) &&
      others.every((other) => migrated.has(other) || mayChange.includes(other))
    );
  });
  const withOk = changing.filter(({ uses }) => uses.some(({ member }) => member === "status.OK"));
  const meetsOk = ({ file }: StatusUser) =>
    withOk.some((other) => reaches(project, file, other.file) || reaches(project, other.file, file));
  const beside = untypedBeside(project, users, facts);
  return [...changing, ...beside].map((user) => ({
    kind: "status",
    file: user.path,
    start: 0,
    end: user.tree.program.end as number,
    via: "provenance",
    type: !beside.includes(user) && meetsOk(user) ? "Code | 0" : "Code",
  }));
}

/** JavaScript files that files with something migrated or bridged import, or that import such files: the numbers are the same. */
function untypedBeside(
  project: AnalysisProject,
  users: readonly StatusUser[],
  facts: readonly FactBase[],
): readonly StatusUser[] {
  const isChanging = (fact: FactBase) => isOfMigrated(fact) || (fact.kind === "server" && (fact as ServerFact).ok);
  const changed = new Set(facts.filter(isChanging).map(({ file }) => file));
  const around = project.files.filter((file) => changed.has(file.getFilePath()));
  return users.filter(
    ({ file, path, uses }) =>
      !isTypeScript(file) &&
      project.isSelected(path) &&
      uses.some(isOfStatus) &&
      around.some((other) => reaches(project, other, file) || reaches(project, file, other)),
  );
}

/** Does it say that something of a file is migrated or bridged? */
export function isOfMigrated(fact: FactBase): boolean {
  if ("outcome" in fact) return fact.outcome !== "manual";
  return /^(handler|reply-helper|client-error|client-stub)$/.test(fact.kind);
}

function isOfStatus({ member }: Use): boolean {
  return /^status\b/.test(member);
}

/** A code, a type, or the name of what certainly is a code. */
function isKnown(tree: File, { member, node }: Use): boolean {
  const [, name, ...more] = member.split(".");
  if (more.length > 0) return false;
  const parent = parentMap(tree).get(node);
  if (isStatusType(node, parent)) return name === undefined || Object.hasOwn(STATUS_NAMES, name);
  if (name !== undefined)
    return (name === "OK" || Object.hasOwn(STATUS_NAMES, name)) && parent?.type !== "UpdateExpression";
  return (
    parent?.type === "MemberExpression" &&
    parent.object === node &&
    parent.computed &&
    isCodeValue(tree, parent.property)
  );
}
