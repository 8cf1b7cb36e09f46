import { type DescField, type DescMessage, ScalarType } from "@bufbuild/protobuf";
import type { Node } from "ts-morph";
import { bodyOf, type GeneratedCode, generatedCodeOf, generatedEnum } from "./google-protobuf-generated.js";
import { accessorsOf } from "./google-protobuf-names.js";

/**
 * Where a message of old generated code and the one of the .proto disagree: a field that only one of them has, that has another
 * number or is written as another type, or an enum with other numbers. Undefined where they agree, or where the generated code is
 * not there.
 */
export function staleness(near: Node, desc: DescMessage): string | undefined {
  const code = generatedCodeOf(near, desc);
  if (!code) return undefined;
  return staleGetter(code, desc) ?? staleType(code, desc) ?? staleEnum(near, desc);
}

function staleGetter(code: GeneratedCode, desc: DescMessage): string | undefined {
  const getters = new Map<string, number | undefined>();
  const start = `proto.${desc.typeName}.prototype.`;
  for (let at = code.text.indexOf(`\n${start}`); at >= 0; at = code.text.indexOf(`\n${start}`, at + 1)) {
    const rest = code.text.slice(at + 1 + start.length, at + start.length + 600);
    const name = /^(get\w+) = function\(/.exec(rest)?.[1];
    if (name === undefined) continue;
    const body = rest.slice(0, rest.indexOf("\n};") + 1 || undefined);
    const number = /\(this,(?:\s*[A-Za-z][\w.]*,)?\s*(\d+)\b/.exec(body)?.[1];
    getters.set(name, number === undefined ? undefined : Number(number));
  }
  const table = accessorsOf(desc);
  for (const [name, accessor] of table) {
    if (accessor.does !== "get") continue;
    if (!getters.has(name)) return `${code.path} has no ${name} in ${desc.name}`;
    const number = getters.get(name);
    if (number !== undefined && number !== accessor.field.number)
      return `${name} of ${desc.name} is field ${number} in ${code.path} and ${accessor.field.number} in the .proto`;
  }
  const extra = [...getters.keys()].find((name) => !table.has(name) && !/^getJsPbMessageId$|^getExtension$/.test(name));
  return extra === undefined ? undefined : `${desc.name} of ${code.path} has ${extra}, and the .proto no such field`;
}

/** Code that was generated without the functions for bytes says nothing of types. */
function staleType(code: GeneratedCode, desc: DescMessage): string | undefined {
  const body = bodyOf(code, `proto.${desc.typeName}.serializeBinaryToWriter = function(`);
  if (body === "") return undefined;
  const written = new Map<number, string>();
  const calls = /writer\.write(\w+)\(\s*(\d+),\s*\w+(?:,\s*[\w.$]*?(\w+)\.serializeBinaryToWriter)?/g;
  for (const [, method = "", number, message] of body.matchAll(calls)) {
    // int64 as text, and whether numbers are packed, is nothing that another reader sees.
    const type = method.replace(/(?<=64)String$/, "").replace(/^Packed/, "Repeated");
    written.set(Number(number), message === undefined ? type : `${type} ${message}`);
  }
  const maps = /\w+\.serializeBinary\((\d+), writer, [\w.]+\.write(\w+), [\w.]+\.write(\w+)/g;
  for (const [, number, key = "", value = ""] of body.matchAll(maps)) written.set(Number(number), `${key} to ${value}`);
  for (const field of desc.fields) {
    const [found, type] = [written.get(field.number), typeOf(field)];
    if (found !== type)
      return `${field.name} of ${desc.name} is written as ${found ?? "nothing"} in ${code.path} and as ${type} by the .proto`;
  }
  return undefined;
}

/** The end of the name of the writer's method, and the name of a message. */
function typeOf(field: DescField): string {
  if (field.fieldKind === "map") {
    const value = field.scalar ? scalar(field.scalar) : field.enum ? "Enum" : "Message";
    return `${scalar(field.mapKey)} to ${value}`;
  }
  const one = field.message
    ? `${field.delimitedEncoding === true ? "Group" : "Message"} ${field.message.name}`
    : field.enum
      ? "Enum"
      : scalar((field as { scalar: ScalarType }).scalar);
  return field.fieldKind === "list" ? `Repeated${one}` : one;
}

function scalar(type: ScalarType): string {
  const name = (ScalarType[type] ?? "").toLowerCase();
  return name.charAt(0).toUpperCase() + name.slice(1);
}

function staleEnum(near: Node, desc: DescMessage): string | undefined {
  for (const { enum: own } of desc.fields) {
    const code = own && generatedEnum(near, own);
    if (!own || !code) continue;
    for (const { name, number } of own.values) {
      const found = code.numbers.get(name);
      if (found !== number)
        return `${name} of ${own.name} is ${found ?? "not there"} in ${code.path} and ${number} in the .proto`;
      code.numbers.delete(name);
    }
    const [extra] = code.numbers.keys();
    if (extra !== undefined) return `${own.name} of ${code.path} has ${extra}, and the .proto has no such value`;
  }
  return undefined;
}
