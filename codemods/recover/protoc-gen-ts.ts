import { ts } from "ts-morph";
import {
  emptyFile,
  type FoundField,
  type FoundFile,
  packageOf,
  parentOf,
  pathFor,
  RecoverError,
  SCALARS,
} from "./schema.js";
import { definitionsIn } from "./service-definitions.js";

/**
 * Reads what protoc-gen-ts (thesayyn) wrote: packages are namespaces, `serialize` says number and type of each field, the getters
 * its name as in the .proto file.
 *
 * @throws RecoverError for code without namespaces, which does not know its package, and for a field that is written in no way
 * that this generator has
 */
export function fromProtocGenTs(place: string, text: string): FoundFile | undefined {
  const source = ts.createSourceFile(place, text, ts.ScriptTarget.Latest, true);
  const messages = new Map<string, ts.ClassDeclaration>();
  const enums = new Map<string, ts.EnumDeclaration>();
  const visit = (node: ts.Node, scope: string): void => {
    if (ts.isModuleDeclaration(node) && node.body) visit(node.body, joined(scope, node.name.text));
    else if (ts.isModuleBlock(node) || ts.isSourceFile(node)) for (const one of node.statements) visit(one, scope);
    else if (ts.isEnumDeclaration(node)) enums.set(joined(scope, node.name.text), node);
    else if (ts.isClassDeclaration(node) && node.name && /extends \w+\.Message\b/.test(headOf(node, source)))
      messages.set(joined(scope, node.name.text), node);
  };
  visit(source, "");
  const declared = new Set([...messages.keys(), ...enums.keys()]);
  const resolve = (scope: string) => (written: string) => {
    const name = written.replace(/^dependency_\d+\./, "");
    if (name !== written) {
      if (!name.includes(".")) throw new RecoverError(`${place}: nothing says of which package ${written} is`);
      return name;
    }
    for (let at = scope; ; at = parentOf(at)) {
      if (declared.has(joined(at, name))) return joined(at, name);
      if (at === "") throw new RecoverError(`${place}: nothing says what ${written} is called in its .proto file`);
    }
  };
  const [first] = [...declared];
  const packageName = packageOf([...declared]);
  const services = definitionsIn(source, resolve(packageName));
  if (first === undefined) return undefined;
  if (services.some(({ name }) => parentOf(name) !== packageName))
    throw new RecoverError(`${place} was made without namespaces: its messages do not say of which package they are`);
  const path = /^ \* source: (\S+\.proto)/m.exec(text)?.[1] ?? pathFor(place, packageName);
  const file = emptyFile(path, packageName);
  for (const [name, node] of enums)
    file.enums.push({
      name,
      values: node.members.map((one) => ({
        name: one.name.getText(source),
        number: Number(one.initializer?.getText(source)),
      })),
    });
  for (const [name, node] of messages) file.messages.push({ name, fields: fieldsOf(node, name) });
  file.services.push(...services);
  return file;

  function fieldsOf(node: ts.ClassDeclaration, message: string): FoundField[] {
    const body = node.getText(source);
    const oneofs = new Map<number, string>();
    for (const [, oneof = "", numbers = ""] of body.matchAll(
      /get (\w+)\(\) \{\s+const cases: [\s\S]*?computeOneofCase\(this, \[([\d, ]*)\]\)/g,
    ))
      for (const number of numbers.split(",")) oneofs.set(Number(number), oneof);
    const written = new Map<number, { method: string; map?: { key: string; value: string } }>();
    const start = body.indexOf("const writer = w ||");
    const serialize = body.slice(start, body.indexOf("return writer.getResultBuffer", start));
    for (const [, number, key = "", value = ""] of serialize.matchAll(
      /writer\.writeMessage\((\d+), this\.\w+, \(\) => \{\s+writer\.write(\w+)\(1, key\);\s+writer\.write(\w+)\(2, value/g,
    ))
      written.set(Number(number), { method: "Map", map: { key: lower(key), value: lower(value) } });
    for (const [, method = "", number] of serialize.matchAll(/writer\.write(\w+)\((\d+), this\./g))
      if (!written.has(Number(number))) written.set(Number(number), { method });
    const fields: FoundField[] = [];
    for (const [, name = "", type, digits, as = ""] of body.matchAll(
      /get (\w+)\(\) \{\s+return pb_1\.Message\.get\w+\(this, (?:([A-Za-z][\w.]*), )?(\d+)[^;]*? as ([^;]+);/g,
    )) {
      const number = Number(digits);
      const how = written.get(number);
      if (!how) throw new RecoverError(`${place}: how ${message}.${name} is written is not known`);
      fields.push({ name, number, ...shape(how, type, as, message) });
      const oneof = oneofs.get(number);
      const last = fields.at(-1) as FoundField;
      if (oneof === undefined) continue;
      // The oneof that protoc makes up for an optional field.
      if (oneof === `_${name}`) last.label = "optional";
      else last.oneof = oneof;
    }
    const lost = [...written.keys()].find((number) => !fields.some((field) => field.number === number));
    if (lost !== undefined)
      throw new RecoverError(`${place}: field ${lost} of ${message} is written, and has no getter`);
    return fields.sort((a, b) => a.number - b.number);
  }

  function shape(
    how: { method: string; map?: { key: string; value: string } },
    wrapped: string | undefined,
    as: string,
    message: string,
  ): Pick<FoundField, "type" | "label" | "mapKey" | "packed"> {
    const names = resolve(message);
    if (how.map) {
      const value = /Map<\w+, ([\w.]+)>/.exec(as)?.[1] ?? "";
      return { type: SCALARS.has(how.map.value) ? how.map.value : `.${names(value)}`, mapKey: how.map.key };
    }
    const [, kind = "", method = ""] = /^(Repeated|Packed|)(\w+)$/.exec(how.method) ?? [];
    const scalar = lower(method);
    const type = SCALARS.has(scalar) ? scalar : `.${names(wrapped ?? as.replace(/\[\]$/, ""))}`;
    if (kind === "") return { type };
    const isPackable = method !== "String" && method !== "Bytes" && method !== "Message";
    return { type, label: "repeated", ...(kind === "Repeated" && isPackable ? { packed: false as const } : {}) };
  }
}

function headOf(node: ts.ClassDeclaration, source: ts.SourceFile): string {
  return (node.heritageClauses ?? []).map((one) => one.getText(source)).join(" ");
}

function joined(scope: string, name: string): string {
  return scope === "" ? name : `${scope}.${name}`;
}

function lower(name: string): string {
  return name.toLowerCase();
}
