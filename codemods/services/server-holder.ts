import type { ServerFact } from "../analysis/server-facts.js";
import { ancestorOf, indentAt, isIdentifier, type Node, type parentMap, textOf, unwrap } from "../shared/ast.js";
import { lineRange } from "../shared/imports.js";
import { withBlankLine } from "../shared/lines.js";
import type { RuleContext } from "../shared/rule.js";
import { styleOf } from "./write-serve.js";

const origin = { rule: "services/server-to-app", outcome: "idiomatic" } as const;

/** What holds a server, and how the app that takes its place is declared. */
export interface Holder {
  readonly statement: Node;
  /** The declarator, where the statement declares others, too. */
  readonly declarator: Node | null;
  /** `server`, `this.server`. */
  readonly name: string;
  /** What stands before ` = createApp(…)`. */
  readonly assign: string;
  /** What stays where the server was made, if the app is made elsewhere; null: nothing. */
  readonly declare: string | null;
  readonly isProperty: boolean;
}

/** The statement that holds a server: a declaration of one variable, an assignment, or a property of a class. */
export function holderOf(
  source: string,
  fact: ServerFact,
  made: Node,
  parents: ReturnType<typeof parentMap>,
): Holder | undefined {
  let parent = parents.get(made);
  while (parent && unwrap(parent) === made) parent = parents.get(parent);
  const statement = parent && parents.get(parent);
  if (!parent || !statement) return undefined;
  if (parent.type === "VariableDeclarator" && isIdentifier(parent.id)) {
    const { name } = parent.id;
    const declarator = (statement.declarations as Node[]).length > 1 ? parent : null;
    const assign = `${statement.kind} ${name}`;
    return { statement, declarator, name, assign, declare: `let ${name}`, isProperty: false };
  }
  if (parent.type === "ClassPrivateProperty" || (parent.type === "ClassProperty" && isIdentifier(parent.key))) {
    const modifiers = source.slice(parent.start, parent.key.end);
    // A property that another method than the constructor sets is not read-only.
    const declare = fact.routes.isApart ? modifiers.replace(/\breadonly\s+/, "") : modifiers;
    const held = `this.${textOf(source, parent.key)}`;
    return { statement: parent, declarator: null, name: held, assign: held, declare, isProperty: true };
  }
  if (parent.type !== "AssignmentExpression" || statement.type !== "ExpressionStatement") return undefined;
  const name = textOf(source, parent.left);
  return { statement, declarator: null, name, assign: name, declare: null, isProperty: false };
}

/** A field that another method than the constructor sets is not read-only, and the compiler does not see that it is set. */
export function declareLater(
  { source, edit }: RuleContext,
  { statement }: Holder,
  parents: ReturnType<typeof parentMap>,
) {
  const { left } = statement.expression as Node;
  const setter = ancestorOf(statement, parents, (node) => node.type === "ClassMethod");
  const members = setter?.kind === "constructor" ? (parents.get(setter)?.body as Node[]) : [];
  const name = textOf(source, left).replace(/^this\./, "");
  const field = members.find(
    ({ type, key }) => /^Class(Private)?Property$/.test(type) && textOf(source, key as Node) === name,
  );
  if (!field?.typeAnnotation) return;
  const readonly = /\breadonly\s+/.exec(source.slice(field.start, field.key.start));
  const at = field.start + (readonly?.index ?? 0);
  if (readonly) edit.remove(at, at + readonly[0].length, origin);
  if (!field.definite && !field.optional && !/\bundefined\b/.test(textOf(source, field.typeAnnotation)))
    edit.insertLeft(field.key.end, "!", origin);
}

/** Puts a declaration in the place of that of a server, or none. */
export function declareInstead({ source, edit }: RuleContext, { statement, declarator }: Holder, text: string): void {
  if (!declarator) {
    const range = withBlankLine(source, lineRange(source, statement.start, statement.end));
    if (text === "") edit.remove(range.start, range.end, origin);
    else edit.overwrite(statement.start, statement.end, text, origin);
    return;
  }
  const all = statement.declarations as Node[];
  const index = all.indexOf(declarator);
  const next = all[index + 1];
  if (next) edit.remove(declarator.start, next.start, origin);
  else edit.remove((all[index - 1] as Node).end, declarator.end, origin);
  const { eol } = styleOf(source);
  if (text !== "") edit.insertLeft(statement.end, eol + indentAt(source, statement.start) + text, origin);
}
