import { snakeCase } from "./field-names.js";
import { emptyFile, type FoundField, type FoundFile, parentOf, RecoverError, SCALARS, shortOf } from "./schema.js";

/**
 * Reads what pbjs wrote as static code; one file for each package. `encode` says number and type of each field, the comments
 * which enum it is. It does not say which methods of a service stream, so that services are only spoken of.
 *
 * @throws RecoverError for what only proto2 has
 */
export function fromProtobufjs(place: string, text: string): FoundFile[] {
  const messages = new Map<string, FoundField[]>();
  const enums = new Map<string, { name: string; number: number }[]>();
  for (const [, name = "", body = ""] of text.matchAll(
    /\/\*\*\n\s+\* \w+ enum\.\n\s+\* @name ([\w.]+)\n\s+\* @enum \{(?:number|string)\}\n([\s\S]*?)\*\//g,
  ))
    enums.set(
      name,
      [...body.matchAll(/@property \{number\} (\w+)=(-?\d+)/g)].map(([, value = "", number]) => ({
        name: value,
        number: Number(number),
      })),
    );
  for (const [, name = "", encode = ""] of text.matchAll(
    /@function encode\n\s+\* @memberof ([\w.]+)\n[\s\S]*?\*\/\n\s*\w+\.encode = function encode\([^)]*\) \{\n([\s\S]*?)\n\s+return writer;/g,
  ))
    if (!name.startsWith("google.protobuf.")) messages.set(name, fieldsOf(name, encode));
  const packages = new Set([...messages.keys(), ...enums.keys()].map(packageBehind));
  return [...packages]
    .filter((name) => name !== "google.protobuf")
    .map((packageName) => {
      const file = emptyFile(`${packageName.replaceAll(".", "/") || "messages"}.proto`, packageName);
      for (const [name, values] of enums) if (packageBehind(name) === packageName) file.enums.push({ name, values });
      for (const [name, fields] of messages)
        if (packageBehind(name) === packageName) file.messages.push({ name, fields });
      for (const line of servicesOf(packageName)) file.losses.add(line);
      file.losses.add(
        "pbjs keeps no names of fields as they are in a .proto file: these are made of those in the code.",
      );
      return file;
    });

  /** A message's package: what is in front of the outermost name that is a message. */
  function packageBehind(name: string): string {
    let outer = name;
    while (messages.has(parentOf(outer))) outer = parentOf(outer);
    return parentOf(outer);
  }

  /** The type of a property as the interface's comment has it: `Array.<kiln.v2.Glaze>`. */
  function typeIn(message: string, property: string): string {
    const about = new RegExp(
      `@memberof ${parentOf(message).replaceAll(".", "\\.") || "\\w*"}\\n\\s+\\* @interface I${shortOf(message)}\\n([\\s\\S]*?)\\*/`,
    ).exec(text)?.[1];
    return new RegExp(`@property \\{(.*?)(?:\\|null)?\\} \\[?${property}\\]? `).exec(about ?? "")?.[1] ?? "";
  }

  function enumOr(scalar: string, message: string, property: string): string {
    if (!SCALARS.has(scalar)) throw new RecoverError(`${place}: ${message}.${property} is written as ${scalar}`);
    const type = /(?:Array\.<|Object\.<string,)?([\w.]+)>?$/.exec(typeIn(message, property))?.[1] ?? "";
    return scalar === "int32" && enums.has(type) ? `.${type}` : scalar;
  }

  function fieldsOf(message: string, encode: string): FoundField[] {
    const oneofs = new Map<string, string>();
    const short = shortOf(message);
    const own = text.slice(text.indexOf(`@interface I${short}\n`), text.indexOf(encode));
    for (const [, oneof = "", list = ""] of own.matchAll(
      new RegExp(
        `Object\\.defineProperty\\(${short}\\.prototype, "(\\w+)", \\{\\s+get: \\$util\\.oneOfGetter\\(\\$oneOfFields = \\[(.*?)\\]`,
        "g",
      ),
    ))
      for (const [, member = ""] of list.matchAll(/"(\w+)"/g)) oneofs.set(member, oneof);
    const fields: FoundField[] = [];
    const add = (property: string, number: number, type: string, more: Partial<FoundField>) => {
      const oneof = oneofs.get(property);
      const choice: Partial<FoundField> =
        oneof === undefined ? {} : oneof.startsWith("_") ? { label: "optional" } : { oneof: snakeCase(oneof) };
      fields.push({ name: snakeCase(property), number, type, ...choice, ...more });
    };
    // Reserved words: `message["default"]`.
    const lines = encode
      .replace(/\bmessage\["(\w+)"\]/g, "message.$1")
      .split("\n")
      .map((line) => line.trim());
    for (const [index, line] of lines.entries()) {
      const before = lines[index - 1] ?? "";
      const map =
        /uint32\(\/\* id (\d+), wireType 2 =\*\/\d+\)\.fork\(\)\.uint32\(\/\* id 1, wireType \d =\*\/\d+\)\.(\w+)\(keys\[i\]\)(?:\.uint32\(\/\* id 2, wireType \d =\*\/\d+\)\.(\w+)\(message\.(\w+))?/.exec(
          line,
        );
      const single = /^writer\.uint32\(\/\* id (\d+), wireType \d =\*\/\d+\)\.(\w+)\(message\.(\w+)(\[i\])?\)/.exec(
        line,
      );
      const message_ =
        /^\$root\.([\w.]+)\.encode\(message\.(\w+)(\[i\])?, writer\.uint32\(\/\* id (\d+), wireType (\d)/.exec(line);
      if (map) {
        const [, number, key = "", value, property = ""] = map;
        const next = /^\$root\.([\w.]+)\.encode\(message\.(\w+)\[keys\[i\]\]/.exec(lines[index + 1] ?? "");
        const name = next?.[2] ?? property;
        const type = next ? `.${next[1]}` : enumOr(value === "fork" ? "" : (value ?? ""), message, name);
        add(name, Number(number), type, { mapKey: key });
      } else if (single) {
        const [, number, method = "", property = "", isList] = single;
        const type = enumOr(method, message, property);
        const isPackable = !/^(?:string|bytes)$/.test(method);
        if (isList === undefined && !/^if \(/.test(before) && !oneofs.has(property)) required(message, property);
        add(
          property,
          Number(number),
          type,
          isList === undefined ? {} : { label: "repeated", ...(isPackable ? { packed: false } : {}) },
        );
      } else if (message_) {
        const [, type = "", property = "", isList, number, wireType] = message_;
        if (wireType !== "2") throw new RecoverError(`${place} comes of proto2: ${message}.${property} is a group`);
        if (isList === undefined && !/^if \(/.test(before)) required(message, property);
        add(property, Number(number), `.${type}`, isList === undefined ? {} : { label: "repeated" });
      } else {
        const packed = /^writer\.uint32\(\/\* id (\d+), wireType 2 =\*\/\d+\)\.fork\(\);$/.exec(line);
        const [, method = "", property = ""] =
          /^writer\.(\w+)\(message\.(\w+)\[i\]\);$/.exec(lines[index + 2] ?? "") ?? [];
        if (packed) add(property, Number(packed[1]), enumOr(method, message, property), { label: "repeated" });
        // The value of a map goes with the line of its key.
        else if (line.includes("writer.uint32(") && !line.includes("[keys[i]], writer."))
          throw new RecoverError(`${place}: how a field of ${message} is written is not known: ${line}`);
      }
    }
    return fields.sort((a, b) => a.number - b.number);
  }

  function required(message: string, property: string): never {
    throw new RecoverError(`${place} comes of proto2: ${message}.${property} is required`);
  }

  /** Lines that say what a person has to write. */
  function servicesOf(packageName: string): string[] {
    const lines: string[] = [];
    const inPackage = (name: string) =>
      name.startsWith(`${packageName}.`) ? name.slice(packageName.length + 1) : name;
    const calls = [
      ...text.matchAll(
        /@classdesc Represents an? (\w+)\n[\s\S]*?@extends \$protobuf\.rpc\.Service[\s\S]*?(?=@classdesc Represents an? |$)/g,
      ),
    ];
    for (const [section = "", service = ""] of calls) {
      const [, owner = ""] = new RegExp(`@memberof ([\\w.]+)\\.${service}\\n`).exec(section) ?? [];
      if (owner !== packageName) continue;
      lines.push(
        `The service ${service} is to be written by hand: pbjs does not say which of its methods stream.`,
        `service ${service} {`,
        ...[
          ...section.matchAll(/\{ value: "(\w+)" \}|rpcCall[^\n]*?, \$root\.([\w.]+), \$root\.([\w.]+), request/g),
        ].reduce<string[]>((all, [, name, request, response]) => {
          if (request !== undefined) all.push(`  rpc ?(${inPackage(request)}) returns (${inPackage(response ?? "")});`);
          else if (all.length > 0) all.push((all.pop() ?? "").replace("?", name ?? "?"));
          return all;
        }, []),
        "}",
      );
    }
    return lines;
  }
}
