import { bodyOf } from "../messages/google-protobuf-generated.js";
import {
  emptyFile,
  type FoundField,
  type FoundFile,
  type FoundMethod,
  packageOf,
  parentOf,
  pathFor,
  RecoverError,
  SCALARS,
} from "./schema.js";

/**
 * Reads what protoc-gen-js wrote. It says nearly all in comments: ` * optional string name = 1;` above each getter, with the full
 * name of a type in `@return`. Undefined for a file without messages and enums.
 *
 * @throws RecoverError for what only proto2 has
 */
export function fromGoogleProtobuf(place: string, text: string): FoundFile | undefined {
  const messages = [...text.matchAll(/^proto\.([\w.]+) = function\(opt_data\)/gm)].map(([, name = ""]) => name);
  const cases = oneofsIn(text);
  const enums = [...text.matchAll(/^ \* @enum \{number\}\n \*\/\nproto\.([\w.]+) = \{([^}]*)\};/gm)]
    .map(([, name = "", body = ""]) => ({
      name,
      values: [...body.matchAll(/(\w+): (-?\d+)/g)].map(([, value = "", number]) => ({
        name: value,
        number: Number(number),
      })),
    }))
    .filter(({ name }) => !cases.has(name));
  if (messages.length + enums.length === 0) return undefined;
  const packageName = packageOf([...messages, ...enums.map(({ name }) => name)]);
  const source = /^\/\/ source: (\S+\.proto)/m.exec(text)?.[1];
  const file = emptyFile(source ?? pathFor(place, packageName), packageName);
  file.enums.push(...enums);
  const beyond = /\bExtensionFieldInfo\(|\.writeGroup\(|^ \* required /m.exec(text)?.[0];
  if (beyond !== undefined)
    throw new RecoverError(`${place} comes of proto2 (it has "${beyond.replace(/^ \* /, "")}")`);
  for (const one of enums)
    if (one.values[0]?.number !== 0)
      throw new RecoverError(`${place} comes of proto2: ${one.name} does not begin with 0`);
  const fields = fieldsIn(place, text, cases);
  for (const name of messages) {
    const found = fields.get(name) ?? [];
    const writer = bodyOf({ path: place, text }, `proto.${name}.serializeBinaryToWriter = function(`);
    for (const [, number] of writer.matchAll(/(?:writer\.write\w+|\.serializeBinary)\(\s*(\d+),/g))
      if (!found.some((field) => field.number === Number(number)))
        throw new RecoverError(`${place}: field ${number} of ${name} is written, and no getter says what it is`);
    // Numbers that are written one by one, as only `[packed = false]` makes it in proto3.
    for (const [, number] of writer.matchAll(/writer\.writeRepeated(?!String|Bytes|Message)\w+\(\s*(\d+),/g))
      for (const field of found) if (field.number === Number(number)) field.packed = false;
    file.messages.push({ name, fields: found });
  }
  return file;
}

/** `proto.shop.v1.Order.PayCase`, by its name: which message, the name of the oneof, its numbers. */
function oneofsIn(text: string): Map<string, { message: string; name: string; numbers: Set<number> }> {
  const found = new Map<string, { message: string; name: string; numbers: Set<number> }>();
  for (const [, full = "", first = "", body = ""] of text.matchAll(
    /^proto\.([\w.]+Case) = \{\n {2}(\w+)_NOT_SET: 0,?([^}]*)\};/gm,
  )) {
    const message = parentOf(full);
    if (!text.includes(`proto.${message}.oneofGroups_ = `)) continue;
    const numbers = [...body.matchAll(/: (\d+)/g)].map(([, number]) => Number(number));
    found.set(full, { message, name: first.toLowerCase(), numbers: new Set(numbers) });
  }
  return found;
}

function fieldsIn(place: string, text: string, cases: ReturnType<typeof oneofsIn>): Map<string, FoundField[]> {
  const found = new Map<string, FoundField[]>();
  const getters =
    /^\/\*\*\n \* (?:(optional|repeated) ([\w.]+)|map<(\w+), ([\w.]+)>) (\w+) = (\d+);\n((?: \*.*\n)*?) \*\/\nproto\.([\w.]+)\.prototype\.get\w+ = function\(([\s\S]*?)\n\}?;/gm;
  const present = new Set(
    [...text.matchAll(/^proto\.([\w.]+)\.prototype\.has\w+ = function\(\) \{\n.*getField\(this, (\d+)\)/gm)].map(
      ([, message, number]) => `${message} ${number}`,
    ),
  );
  for (const [
    ,
    label,
    single,
    mapKey,
    mapValue,
    name = "",
    digits,
    rest = "",
    message = "",
    body = "",
  ] of text.matchAll(getters)) {
    const short = single ?? mapValue ?? "";
    const number = Number(digits);
    // Bytes have two further getters, which convert.
    if (found.get(message)?.some((field) => field.number === number)) continue;
    const type = SCALARS.has(short) ? short : fullType(place, `${message}.${name}`, rest);
    const value = /WithDefault\(this, \d+, (.+?)\)\)?;/.exec(body)?.[1];
    if (value !== undefined && !/^(?:""|0|0\.0|false|"0")$/.test(value) && SCALARS.has(type))
      throw new RecoverError(`${place} comes of proto2: ${message}.${name} has a default, ${value}`);
    const field: FoundField = { name, number, type };
    const oneof = [...cases.values()].find((one) => one.message === message && one.numbers.has(number));
    if (oneof) field.oneof = oneof.name;
    else if (mapKey !== undefined) field.mapKey = mapKey;
    else if (label === "repeated") field.label = "repeated";
    else if (present.has(`${message} ${number}`) && !body.includes("getWrapperField(")) field.label = "optional";
    found.set(message, [...(found.get(message) ?? []), field]);
  }
  return found;
}

function fullType(place: string, field: string, comment: string): string {
  const name = /@return \{.*?\bproto\.([\w.]+)/.exec(comment)?.[1];
  if (name === undefined) throw new RecoverError(`${place}: nothing says what type ${field} has`);
  return `.${name}`;
}

/** The services of `*_grpc_pb.js`, as grpc-tools writes them. */
export function servicesOfGoogleProtobuf(text: string): Map<string, FoundMethod[]> {
  const types = new Map(
    [...text.matchAll(/^function (serialize_\w+)\([\s\S]*?Expected argument of type ([\w.]+)'/gm)].map(
      ([, name = "", type = ""]) => [name, type],
    ),
  );
  const found = new Map<string, FoundMethod[]>();
  for (const [, service = "", name = "", requestStream, responseStream, request = "", response = ""] of text.matchAll(
    /path: '\/([\w.]+)\/(\w+)',\s+requestStream: (true|false),\s+responseStream: (true|false),[\s\S]*?requestSerialize: (\w+),[\s\S]*?responseSerialize: (\w+),/g,
  )) {
    const method = {
      name,
      request: types.get(request) ?? "",
      response: types.get(response) ?? "",
      requestStream: requestStream === "true",
      responseStream: responseStream === "true",
    };
    found.set(service, [...(found.get(service) ?? []), method]);
  }
  return found;
}
