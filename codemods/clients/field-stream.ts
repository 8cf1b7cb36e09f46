import { type File, isNothing, keyName, memberName, type Node, type Parents, walk, withCasts } from "../shared/ast.js";

/** A stream that a class keeps in a field of its own, for listeners behind it and to cancel it elsewhere. */
export interface StreamField {
  readonly name: string;
  /** `this.call = client.list(…);` */
  readonly statement: Node;
  /** Where the field is listened to, in the statements behind. */
  readonly listened: readonly Node[];
  /** `this.call.cancel()` and `this.call?.cancel()`: the calls. */
  readonly cancels: readonly Node[];
  /** TypeScript: what the class says of the field. */
  readonly types: readonly Node[];
}

/** The field that a call is put into; undefined where it is put into none, a text where the field is used for more. */
export function streamField(file: File, call: Node, parents: Parents): StreamField | string | undefined {
  const value = withCasts(call, parents);
  const assignment = parents.get(value) as Node;
  const statement = parents.get(assignment) as Node;
  const target =
    assignment.type === "AssignmentExpression" && assignment.operator === "=" ? assignment.left : undefined;
  const name = target && ownMember(target);
  if (name === undefined || assignment.right !== value || statement.type !== "ExpressionStatement") return undefined;
  const body = classBodyAround(statement, parents);
  if (!body) return undefined;
  const listened: Node[] = [];
  const cancels: Node[] = [];
  const types: Node[] = [];
  let problem: string | undefined;
  walk(file, (node) => {
    if (node.type === "ClassProperty" && keyName(node) === name && parents.get(node) === body)
      problem ??= declare(node);
    if (node.type === "ObjectPattern" && (node.properties as Node[]).some((each) => keyName(each) === name))
      problem ??= USED;
    if (!/^(Optional)?MemberExpression$/.test(node.type) || memberName(node) !== name || node === target) return;
    const isOwn = ownMember(node) !== undefined;
    const isInside = body.start <= node.start && node.end <= body.end;
    // Of another class it is another field, unless that inherits it.
    if (isOwn && !isInside && !inherits(node)) return;
    problem ??= isOwn && isInside ? use(node) : USED;
  });
  return problem ?? { name, statement, listened, cancels, types };

  function inherits(node: Node): boolean {
    const other = classBodyAround(node, parents);
    return other !== undefined && parents.get(other)?.superClass != null;
  }

  function declare(property: Node): string | undefined {
    if (property.value && !isNothing(property.value)) return USED;
    const type = property.typeAnnotation?.typeAnnotation as Node | undefined;
    const parts = type?.type === "TSUnionType" ? (type.types as Node[]) : type ? [type] : [];
    for (const part of parts) {
      if (/^TS(Null|Undefined|Any)Keyword$/.test(part.type)) continue;
      const of = part.type === "TSTypeReference" ? part.typeName : undefined;
      if (!/^ClientReadableStream$/.test(of?.name ?? of?.right?.name ?? ""))
        return "the stream is kept as another type";
      types.push(part);
    }
    return undefined;
  }

  function use(node: Node): string | undefined {
    const parent = parents.get(node) as Node;
    if (parent.type === "AssignmentExpression" && parent.left === node)
      return isNothing(parent.right) ? undefined : "the stream's field is assigned again";
    if (/^(Optional)?MemberExpression$/.test(parent.type) && parent.object === node) {
      const method = memberName(parent);
      const made = parents.get(parent) as Node;
      if (method === "cancel" && isCallOf(made, parent) && made.arguments.length === 0 && isStatement(made)) {
        cancels.push(made);
        return undefined;
      }
      if (/^on(ce)?$/.test(method ?? "") && parent.type === "MemberExpression") {
        listened.push(node);
        return undefined;
      }
      return `${name}.${method} is used`;
    }
    if (/^(If|While)Statement$|^ConditionalExpression$/.test(parent.type) && parent.test === node) return undefined;
    if (parent.type === "UnaryExpression" && parent.operator === "!") return undefined;
    if (parent.type === "LogicalExpression" && parent.operator === "&&" && parent.left === node) return undefined;
    const other = parent.left === node ? parent.right : parent.left;
    if (parent.type === "BinaryExpression" && /^[!=]==?$/.test(parent.operator) && isNothing(other)) return undefined;
    return USED;
  }

  /** `this.call.cancel();`, `this.call && this.call.cancel();` */
  function isStatement(made: Node): boolean {
    const parent = parents.get(made) as Node;
    const isAnd = parent.type === "LogicalExpression" && parent.operator === "&&" && parent.right === made;
    return parent.type === "ExpressionStatement" || (isAnd && parents.get(parent)?.type === "ExpressionStatement");
  }
}

const USED = "the stream is kept in a field that is used for more";

function isCallOf(node: Node, callee: Node): boolean {
  return /^(Optional)?CallExpression$/.test(node.type) && node.callee === callee;
}

/** `this.call` */
function ownMember(node: Node): string | undefined {
  return node.object?.type === "ThisExpression" ? memberName(node) : undefined;
}

/** The class of whose method, or of an arrow function in it, a statement is a part. */
function classBodyAround(statement: Node, parents: Parents): Node | undefined {
  for (let node: Node | undefined = statement; node; node = parents.get(node)) {
    if (node.type === "ClassBody") return node;
    if (/^(FunctionDeclaration|FunctionExpression|ObjectMethod)$/.test(node.type)) return undefined;
  }
  return undefined;
}
