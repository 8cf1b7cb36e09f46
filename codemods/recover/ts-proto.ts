import { ts } from "ts-morph";
import { snakeCase } from "./field-names.js";
import { type NamesBehind, nestedNames } from "./names.js";
import { emptyFile, type FoundField, type FoundFile, pathFor, RecoverError, SCALARS } from "./schema.js";
import { definitionsIn } from "./service-definitions.js";

/**
 * Reads what ts-proto wrote: `encode` says the number and the type of each field. It keeps no name of a field but its own, and
 * without `oneof=unions` not which fields are a oneof: those become optional ones, which the wire does not tell apart.
 *
 * @throws RecoverError for a field that is written in no way that ts-proto has
 */
export function fromTsProto(place: string, text: string, names: NamesBehind): FoundFile | undefined {
  const packageName = /^export const protobufPackage = "([\w.]*)"/m.exec(text)?.[1];
  if (packageName === undefined) return undefined;
  const named = /^\/\/ source: (\S+\.proto)|^export const protobufFileName = "([^"]+)"/m.exec(text);
  const file = emptyFile(named?.[1] ?? named?.[2] ?? pathFor(place, packageName), packageName);
  const source = ts.createSourceFile(place, text, ts.ScriptTarget.Latest, true);
  const own = namesOfTsProto(text);
  const enums = enumsIn(source);
  for (const [local, values] of enums) file.enums.push({ name: own.get(local) ?? local, values });
  const encoders = encodersIn(source);
  for (const [local, encode] of encoders) {
    const full = own.get(local);
    if (full === undefined) continue;
    const reader = createFieldReader({ place, message: full, local, source, encoders, names, file });
    for (const statement of encode.body?.statements ?? []) reader.read(statement);
    file.messages.push({ name: full, fields: reader.fields.sort((a, b) => a.number - b.number) });
  }
  file.services.push(...definitionsIn(source, names));
  if (file.messages.length + file.enums.length + file.services.length === 0) return undefined;
  file.losses.add(
    "ts-proto keeps no names of fields as they are in a .proto file: these are made of those in the code.",
  );
  return file;
}

/** Full names of messages and enums by those in the code; an entry of a map is none. */
export function namesOfTsProto(text: string): Map<string, string> {
  const packageName = /^export const protobufPackage = "([\w.]*)"/m.exec(text)?.[1] ?? "";
  const entries = new Set(
    [...text.matchAll(/\b(\w+_\w+Entry)\.encode\(\s*\{[^}]*\bkey: key as any/g)].map(([, name = ""]) => name),
  );
  const declared = [...text.matchAll(/^export (?:interface|enum|const enum) (\w+)/gm)].map(([, name = ""]) => name);
  // An interface without `encode` is none of the .proto's: clients, servers, options.
  const real = declared.filter(
    (name) =>
      !entries.has(name) &&
      (new RegExp(`^export (?:const )?enum ${name}\\b`, "m").test(text) ||
        new RegExp(`^export const ${name}\\b[^=]*= \\{\\s*(?:\\$type: [^\\n]*\\s*)?encode\\(`, "m").test(text)),
  );
  return nestedNames(packageName, real);
}

function enumsIn(source: ts.SourceFile): Map<string, { name: string; number: number }[]> {
  const found = new Map<string, { name: string; number: number }[]>();
  for (const statement of source.statements) {
    if (!ts.isEnumDeclaration(statement)) continue;
    const values = statement.members.flatMap((member) => {
      const name = member.name.getText(source);
      const value = member.initializer?.getText(source) ?? "";
      // With `stringEnums` the numbers stand in `…ToNumber` only.
      const number = /^-?\d+$/.test(value) ? value : numberOf(source.text, statement.name.text, name);
      return name === "UNRECOGNIZED" || number === undefined ? [] : [{ name, number: Number(number) }];
    });
    found.set(statement.name.text, values);
  }
  return found;
}

function numberOf(text: string, enumName: string, member: string): string | undefined {
  const start = text.search(
    new RegExp(`^export function ${enumName.charAt(0).toLowerCase()}${enumName.slice(1)}ToNumber\\(`, "m"),
  );
  if (start < 0) return undefined;
  const body = text.slice(start, text.indexOf("\n}", start));
  return new RegExp(`case ${enumName}\\.${member}:\\s+return (-?\\d+);`).exec(body)?.[1];
}

function encodersIn(source: ts.SourceFile): Map<string, ts.MethodDeclaration> {
  const found = new Map<string, ts.MethodDeclaration>();
  for (const statement of source.statements) {
    if (!ts.isVariableStatement(statement)) continue;
    for (const { name, initializer } of statement.declarationList.declarations) {
      const value = initializer && ts.isAsExpression(initializer) ? initializer.expression : initializer;
      if (!value || !ts.isObjectLiteralExpression(value) || !ts.isIdentifier(name)) continue;
      const encode = value.properties.find(
        (one): one is ts.MethodDeclaration => ts.isMethodDeclaration(one) && one.name.getText(source) === "encode",
      );
      if (encode) found.set(name.text, encode);
    }
  }
  return found;
}

interface FieldReaderInput {
  readonly place: string;
  readonly message: string;
  readonly local: string;
  readonly source: ts.SourceFile;
  /** The functions `encode` of the file, by the names of what they belong to. */
  readonly encoders: ReadonlyMap<string, ts.MethodDeclaration>;
  readonly names: NamesBehind;
  readonly file: FoundFile;
}

/** Collects fields of the statements in `encode`. */
function createFieldReader({ place, message, local, source, encoders, names, file }: FieldReaderInput) {
  const fields: FoundField[] = [];
  const types = propertyTypes(source, local);
  /** The tag of a packed field, whose values come in the next statement. */
  let packed: number | undefined;

  function fail(statement: ts.Node): never {
    const line = source.getLineAndCharacterOfPosition(statement.getStart(source)).line + 1;
    throw new RecoverError(`${place}:${line}: how a field of ${message} is written is not known`);
  }

  function add(statement: ts.Node, property: string, tag: number, type: string, more: Partial<FoundField> = {}): void {
    if (property === "") fail(statement);
    fields.push({ ...{ name: snakeCase(property), number: tag >>> 3, type }, ...more });
  }

  /** What `writer.uint32(10).string(…)` or `Item.encode(…, writer.uint32(10).fork())` writes. */
  function writeIn(node: ts.Node, property: string): { tag: number; type: string; isMessage?: true } | undefined {
    const text = node.getText(source);
    const [, tag, method] = /\bwriter\.uint32\((\d+)\)\s*\.(\w+)\(/.exec(text) ?? [];
    if (tag === undefined || method === undefined) return undefined;
    if (method !== "fork") return { tag: Number(tag), type: scalarOrEnum(method, property) };
    const type = /\b(\w+)\.encode\(/.exec(text)?.[1];
    return type === undefined ? undefined : { tag: Number(tag), type: `.${names(type)}`, isMessage: true };
  }

  /** An enum is written as an int32: the property's type tells. */
  function scalarOrEnum(method: string, property: string): string {
    if (!SCALARS.has(method)) throw new RecoverError(`${place}: ${message}.${property} is written as ${method}`);
    const plain = (types.get(property) ?? "").replace(/\s*\|\s*(?:undefined|null)\b/g, "").replace(/\[\]$/, "");
    const type = /^\w+$/.exec(plain)?.[0];
    if (method !== "int32" || type === undefined || /^(?:number|string|boolean)$/.test(type)) return method;
    return `.${names(type)}`;
  }

  function read(statement: ts.Statement): void {
    const text = statement.getText(source);
    // Fields that the code did not know are written as they came.
    if (ts.isReturnStatement(statement) || text.includes("message._unknownFields")) return;
    if (ts.isExpressionStatement(statement)) {
      const fork = /^writer\.uint32\((\d+)\)\.fork\(\);$/.exec(text)?.[1];
      if (fork !== undefined) packed = Number(fork);
      else if (/^writer\.(?:join|ldelim)\(\);$/.test(text)) packed = undefined;
      else if (/\.forEach\(/.test(text)) readMap(statement, text);
      else fail(statement);
    } else if (ts.isForOfStatement(statement)) readRepeated(statement, text);
    else if (ts.isIfStatement(statement)) readOne(statement);
    else if (ts.isSwitchStatement(statement)) readUnion(statement);
    // `const x = …` before a packed list of enums: what is written follows.
    else if (!ts.isVariableStatement(statement)) fail(statement);
  }

  function readMap(statement: ts.Statement, text: string): void {
    const property = /message\.(\w+)/.exec(text)?.[1] ?? "";
    const found = /\b(\w+)\.encode\([\s\S]*?writer\.uint32\((\d+)\)\.fork\(\)/.exec(text);
    const entry = found && encoders.get(found[1] ?? "");
    if (!entry) fail(statement);
    const reader = createFieldReader({ place, message, local: found[1] ?? "", source, encoders, names, file });
    for (const one of entry.body?.statements ?? []) reader.read(one);
    const key = reader.fields.find((one) => one.number === 1);
    const value = reader.fields.find((one) => one.number === 2);
    if (!key || !value) fail(statement);
    add(statement, property, Number(found[2]), value.type, { mapKey: key.type });
  }

  function readRepeated(statement: ts.ForOfStatement, text: string): void {
    const property = /\bmessage\.(\w+)/.exec(statement.expression.getText(source))?.[1] ?? "";
    const method = packed === undefined ? undefined : /\bwriter\.(\w+)\(/.exec(text)?.[1];
    if (packed !== undefined && method !== undefined) {
      add(statement, property, packed, scalarOrEnum(method, property), { label: "repeated" });
      return;
    }
    const written = writeIn(statement.statement, property);
    if (!written) fail(statement);
    const isPackable = (written.tag & 7) !== 2;
    add(statement, property, written.tag, written.type, {
      label: "repeated",
      ...(isPackable ? { packed: false } : {}),
    });
  }

  function readOne(statement: ts.IfStatement): void {
    const condition = statement.expression.getText(source);
    const union = /message\.(\w+)\?\.\$case === ["'](\w+)["']/.exec(condition);
    const property = union?.[2] ?? /message\.(\w+)/.exec(condition)?.[1] ?? "";
    const inner = ts.isBlock(statement.thenStatement)
      ? [...statement.thenStatement.statements]
      : [statement.thenStatement];
    const [list] = inner;
    const isList =
      list !== undefined &&
      (ts.isForOfStatement(list) || /^writer\.uint32\(\d+\)\.fork\(\);$|\.forEach\(/.test(list.getText(source)));
    if (isList) {
      inner.forEach(read);
      return;
    }
    const written = writeIn(statement.thenStatement, property);
    if (!written) fail(statement);
    const isPresence = /!==? (?:undefined|null)/.test(condition) && !/&&/.test(condition);
    const single = isPresence && !written.isMessage ? { label: "optional" as const } : {};
    add(statement, property, written.tag, written.type, union ? { oneof: snakeCase(union[1] ?? "") } : single);
    if (!union && single.label === "optional")
      file.losses.add(
        "Fields that are optional here can have been members of a oneof: the code does not tell (ts-proto without oneof=unions).",
      );
  }

  function readUnion(statement: ts.SwitchStatement): void {
    const oneof = /message\.(\w+)\?\.\$case/.exec(statement.expression.getText(source))?.[1] ?? "";
    for (const clause of statement.caseBlock.clauses) {
      if (!ts.isCaseClause(clause) || !ts.isStringLiteral(clause.expression)) continue;
      const property = clause.expression.text;
      const written = clause.statements.map((one) => writeIn(one, property)).find(Boolean);
      if (!written) fail(clause);
      add(statement, property, written.tag, written.type, { oneof: snakeCase(oneof) });
    }
  }

  return { read, fields };
}

/** The types of an interface's properties, as they are written; also those in the cases of a union. */
function propertyTypes(source: ts.SourceFile, name: string): Map<string, string> {
  const found = new Map<string, string>();
  const declaration = source.statements.find(
    (one): one is ts.InterfaceDeclaration => ts.isInterfaceDeclaration(one) && one.name.text === name,
  );
  const visit = (node: ts.Node): void => {
    if (ts.isPropertySignature(node) && node.type) {
      const key = node.name.getText(source);
      // `{ $case: "grade", value: Grade }`
      const [choice] = ts.isTypeLiteralNode(node.parent) ? node.parent.members : [];
      const name =
        choice && choice !== node && key === "value" ? /\$case: ["'](\w+)["']/.exec(choice.getText(source))?.[1] : key;
      if (name !== undefined && name !== "$case") found.set(name, node.type.getText(source));
    }
    ts.forEachChild(node, visit);
  };
  if (declaration) visit(declaration);
  return found;
}
