import type { Node } from "ts-morph";
import { indentAt, lineEndingOf } from "../shared/ast.js";
import { unitOf } from "../shared/indentation.js";
import type { Edits } from "./interceptor-edits.js";

export function layoutOf(node: Node): { readonly outer: string; readonly step: string; readonly eol: string } {
  const text = node.getSourceFile().getFullText();
  return { outer: indentAt(text, node.getStart()), step: unitOf(text), eol: lineEndingOf(text) };
}

/** The body of Connect's interceptor, line by line. */
export function linesOf(edits: Edits, indent: string, step: string): string[] {
  const { before, sent, receive, status, isTypeScript } = edits;
  const all = [...before, ...(receive?.statements ?? []), ...(status?.statements ?? [])];
  const end = all.some((statement) => /;$/m.test(statement)) || all.length === 0 ? ";" : "";
  const at = indented;
  const call = `await next(${sent === null ? "req" : `{ ...req, message: ${sent} }`})`;
  const inner = indent + step;
  if (!receive && !status) return [...at(indent, before), `${indent}return ${call}${end}`];
  const any = isTypeScript ? ": any" : "";
  const state = status?.hasDetails ? `{ code: 0, details: ${edits.empty} }` : "{ code: 0 }";
  const isSeen = receive !== null && receive.statements.length > 0;
  const answer = receive?.handedOn ?? null;
  const declarations = [
    ...(isSeen ? [`let ${receive.name}${any} = null${end}`] : []),
    ...(status ? [`let ${status.name} = ${state}${end}`] : []),
  ];
  const tried =
    receive && (isSeen || answer !== null)
      ? [
          `const res = ${call}${end}`,
          `${isSeen ? "" : "const "}${receive.name}${isSeen ? "" : any} = res.message${end}`,
          `return ${answer === null ? "res" : `{ ...res, message: ${answer} }`}${end}`,
        ]
      : [`return ${call}${end}`];
  if (!isSeen && !status) return [...at(indent, before), ...at(indent, tried)];
  const details = status?.hasDetails ? ", details: error.rawMessage" : "";
  const caught = status
    ? [
        `${indent}} catch (err) {`,
        ...(details
          ? [
              `${inner}const error = ConnectError.from(err)${end}`,
              `${inner}${status.name} = { code: error.code${details} }${end}`,
            ]
          : [`${inner}${status.name} = { code: ConnectError.from(err).code }${end}`]),
        `${inner}throw err${end}`,
      ]
    : [];
  return [
    ...at(indent, before),
    ...at(indent, declarations),
    `${indent}try {`,
    ...at(inner, tried),
    ...caught,
    ...(isSeen || status?.statements.length
      ? [`${indent}} finally {`, ...at(inner, receive?.statements ?? []), ...at(inner, status?.statements ?? [])]
      : []),
    `${indent}}`,
  ];
}

/** The text of a node as at the beginning of a line, for a place of another indentation. */
export function unindented(node: Node, text: string = node.getText()): string {
  const { outer, eol } = layoutOf(node);
  return text
    .split(eol)
    .map((line) => (line.startsWith(outer) ? line.slice(outer.length) : line))
    .join(eol);
}

/** Statements, each at this indentation; an empty one is a blank line. */
export function indented(indent: string, statements: readonly string[]): string[] {
  return statements.map((statement) => (statement === "" ? "" : `${indent}${reindented(statement, indent)}`));
}

/** Lines after the first keep their place relative to the last one. */
function reindented(statement: string, indent: string): string {
  const lines = statement.split("\n");
  const base = /^[ \t]*/.exec(lines.at(-1) ?? "")?.[0] ?? "";
  return lines
    .map((line, i) => (i === 0 || !line.startsWith(base) ? line : `${indent}${line.slice(base.length)}`))
    .join("\n");
}
