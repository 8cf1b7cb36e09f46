import type { NamesBehind } from "./names.js";
import { emptyFile, type FoundField, type FoundFile, RecoverError, SCALARS } from "./schema.js";

/**
 * Reads what protobuf-ts wrote. It repeats the .proto file in comments, `@generated from protobuf field: …`, and says in its lists
 * of fields what belongs to a oneof and what is packed. Undefined for a file without messages, enums and services.
 *
 * @throws RecoverError for what only proto2 has
 */
export function fromProtobufTs(place: string, text: string, names: NamesBehind): FoundFile | undefined {
  const head = /@generated from protobuf file "([^"]+)" \((?:package "([\w.]*)"|no package)?.*?syntax (\w+)\)/.exec(
    text,
  );
  if (!head) return undefined;
  const [, path = "", packageName = "", syntax] = head;
  if (syntax !== "proto3") throw new RecoverError(`${place} comes of ${syntax}`);
  const file = emptyFile(path, packageName);
  const line =
    /@generated from protobuf (message|enum|field|enum value): ?(.+?)$|@generated from protobuf (message|enum) ([\w.]+)$/gm;
  let fields: FoundField[] | undefined;
  let values: { name: string; number: number }[] | undefined;
  const messages = new Map<string, FoundField[]>();
  for (const [, what, rest = "", declares, name = ""] of text.matchAll(line)) {
    if (declares === "message") {
      fields = [];
      messages.set(name, fields);
      file.messages.push({ name, fields });
    } else if (declares === "enum") {
      values = [];
      file.enums.push({ name, values });
    } else if (what === "enum value") {
      const [, value = "", number] = /^(\w+) = (-?\d+)/.exec(rest) ?? [];
      values?.push({ name: value, number: Number(number) });
    } else if (what === "field") fields?.push(fieldIn(place, rest));
  }
  for (const [, name = "", list = ""] of text.matchAll(/\bsuper\("([\w.]+)", \[\n([\s\S]*?)\n {8}\]/g)) {
    const known = messages.get(name);
    for (const [, number, rest = ""] of list.matchAll(/\{ no: (\d+), (.*)/g)) {
      const field = known?.find((one) => one.number === Number(number));
      const oneof = /\boneof: "(\w+)"/.exec(rest)?.[1];
      if (!field)
        throw new RecoverError(`${place}: field ${number} of ${name} stands in its list and not in its interface`);
      if (oneof !== undefined) field.oneof = oneof;
      const packable =
        field.label === "repeated" && !/^(?:string|bytes)$/.test(field.type) && !/kind: "message"/.test(rest);
      if (packable && /repeat: 2\b/.test(rest)) field.packed = false;
    }
  }
  for (const [, name = "", list = ""] of text.matchAll(/new ServiceType\("([\w.]+)", \[\n?([\s\S]*?)\]/g)) {
    const methods = [...list.matchAll(/\{ name: "(\w+)"(.*?)I: ([\w$]+), O: ([\w$]+) \}/g)].map(
      ([, method = "", flags = "", request = "", response = ""]) => ({
        name: method,
        request: names(request),
        response: names(response),
        requestStream: flags.includes("clientStreaming: true"),
        responseStream: flags.includes("serverStreaming: true"),
      }),
    );
    file.services.push({ name, methods });
  }
  return file.messages.length + file.enums.length + file.services.length === 0 ? undefined : file;
}

/** `optional string note = 12`, `map<string, shop.v1.Item> items = 7 [json_name = "Items"]`. */
function fieldIn(place: string, text: string): FoundField {
  const found = /^(?:(optional|repeated) )?(?:map<(\w+), ([\w.]+)>|([\w.]+)) (\w+) = (\d+)(?: \[(.*)\])?$/.exec(
    text.trim(),
  );
  if (!found) throw new RecoverError(`${place}: "${text}" is no field of proto3`);
  const [, label, mapKey, mapValue, single, name = "", number, options = ""] = found;
  const type = mapValue ?? single ?? "";
  const jsonName = /json_name = "([^"]+)"/.exec(options)?.[1];
  return {
    ...{ name, number: Number(number), type: SCALARS.has(type) ? type : `.${type}` },
    ...(label === undefined ? {} : { label: label as "optional" | "repeated" }),
    ...(mapKey === undefined ? {} : { mapKey }),
    ...(jsonName === undefined ? {} : { jsonName }),
  };
}

/** The full names of what a file of protobuf-ts exports, by the names in the code. */
export function namesOfProtobufTs(text: string): Map<string, string> {
  const found = new Map<string, string>();
  for (const [, full = "", name = ""] of text.matchAll(
    /@generated from protobuf (?:message|enum) ([\w.]+)\n \*\/\nexport (?:interface|enum) ([\w$]+)/g,
  ))
    found.set(name, full);
  return found;
}
