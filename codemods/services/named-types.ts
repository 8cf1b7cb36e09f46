import { type File, isIdentifier, keyName, type Node, walk } from "../shared/ast.js";

/** A type by the name that grpc-js, or generated code, gives it. */
export interface MeantType {
  /** The last part of it: `ServerUnaryCall` of `grpc.ServerUnaryCall<Q, R>`. */
  readonly name: string;
  readonly parameters: readonly Node[];
  /** Declarations of the file that stand between: `type Call<T> = grpc.ServerUnaryCall<T, Out>`. */
  readonly through: readonly Node[];
}

/**
 * What an annotation means: names that the file itself declares, `type Call<T> = ServerUnaryCall<T, Out>` or
 * `interface Call<T> extends ServerUnaryCall<T, Out> {}`, stand for what they are declared as. Undefined where that cannot be said.
 */
export function meantType(type: Node, file: File, within: readonly Node[] = []): MeantType | undefined {
  if (type.type !== "TSTypeReference" && !type.expression) return undefined;
  const named = (type.typeName ?? type.expression) as Node;
  const given = (type.typeParameters?.params ?? type.typeArguments?.params ?? []) as Node[];
  if (named.type === "TSQualifiedName") return { name: named.right.name, parameters: given, through: [] };
  if (!isIdentifier(named)) return undefined;
  const [declaration, ...more] = declarationsOf(named.name, file);
  if (!declaration) return { name: named.name, parameters: given, through: [] };
  const stands = more.length === 0 ? standsFor(declaration) : undefined;
  // One that is declared by itself is an error of the program.
  const isCircle = within.includes(declaration);
  const meant = stands && !isCircle ? meantType(stands, file, [...within, declaration]) : undefined;
  if (!meant) return undefined;
  const names = ((declaration.typeParameters?.params ?? []) as Node[]).map(({ name }) => name as unknown as string);
  const parameters = meant.parameters.map((each) => {
    const index =
      each.type === "TSTypeReference" && isIdentifier(each.typeName) ? names.indexOf(each.typeName.name) : -1;
    if (index !== -1) return given[index];
    return names.some((name) => saysType(each, name)) ? undefined : each;
  });
  if (!parameters.every((each) => each !== undefined)) return undefined;
  return { ...meant, parameters, through: [declaration, ...meant.through] };
}

/** The types of this name that the file declares at its top, exported or not. */
function declarationsOf(name: string, { program }: File): Node[] {
  const statements = (program.body as Node[]).map(
    (statement) => (statement.declaration as Node | undefined) ?? statement,
  );
  return statements.filter(
    ({ type, id }) => /^TS(Interface|TypeAlias)Declaration$/.test(type) && isIdentifier(id, name),
  );
}

function standsFor(declaration: Node): Node | undefined {
  if (declaration.type === "TSTypeAliasDeclaration") return declaration.typeAnnotation;
  const [base, ...more] = (declaration.extends ?? []) as Node[];
  const members = declaration.body.body as Node[];
  // Its own request would be of another type.
  const isSame = members.every(({ type, key, ...member }) => {
    const name = type === "TSPropertySignature" ? keyName({ type, key, ...member } as Node) : undefined;
    return name !== undefined && name !== "request" && name !== "metadata";
  });
  return isSame && more.length === 0 ? base : undefined;
}

function saysType(type: Node, name: string): boolean {
  let found = false;
  walk(type, (node) => {
    if (isIdentifier(node, name)) found = true;
  });
  return found;
}

/**
 * The declarations that nothing in the file needs any more, when these parts of it are gone. One that is exported stays, and so
 * does one that another declaration which stays is made of.
 */
export function unneededTypes(through: ReadonlySet<Node>, gone: readonly Node[], file: File): Node[] {
  const away = [...gone];
  const left = new Set([...through].filter((each) => (file.program.body as Node[]).includes(each)));
  for (let isFound = true; isFound; ) {
    isFound = false;
    for (const declaration of left) {
      if (isNamedOutside(declaration, away, file)) continue;
      left.delete(declaration);
      away.push(declaration);
      isFound = true;
    }
  }
  return away.slice(gone.length);
}

function isNamedOutside(declaration: Node, away: readonly Node[], file: File): boolean {
  let found = false;
  walk(file, (node) => {
    if (node === declaration || away.includes(node)) return false;
    if (isIdentifier(node, declaration.id.name)) found = true;
    return !found;
  });
  return found;
}
