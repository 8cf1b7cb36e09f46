import {
  type FoundEnum,
  type FoundField,
  type FoundFile,
  type FoundMessage,
  parentOf,
  SCALARS,
  shortOf,
} from "./schema.js";

/** The text of a .proto file. `imports` are the paths of what it refers to. */
export function printProto(file: FoundFile, imports: readonly string[]): string {
  const head = [
    `// Recovered from ${file.sources.join(", ")} by connect-migrate.`,
    ...[...file.losses].map((loss) => `// ${loss}`),
  ];
  const parts = [
    [...head, `syntax = "${file.syntax}";`].join("\n"),
    file.package === "" ? "" : `package ${file.package};`,
    imports.map((path) => `import "${path}";`).join("\n"),
    ...file.services.map(({ name, methods }) => {
      const type = (full: string, stream: boolean) => (stream ? "stream " : "") + written(`.${full}`, "", file);
      const lines = methods.map(
        (one) =>
          `  rpc ${one.name}(${type(one.request, one.requestStream)}) returns (${type(one.response, one.responseStream)});`,
      );
      return block(`service ${shortOf(name)}`, lines);
    }),
    ...file.enums.filter((one) => parentOf(one.name) === file.package).map((one) => printEnum(one)),
    ...file.messages.filter((one) => parentOf(one.name) === file.package).map((one) => printMessage(one, file)),
  ];
  return `${parts.filter((part) => part !== "").join("\n\n")}\n`;
}

function block(head: string, lines: readonly string[]): string {
  return lines.length === 0 ? `${head} {}` : [`${head} {`, ...lines, "}"].join("\n");
}

function indented(text: string): string {
  return text.replace(/^(?=.)/gm, "  ");
}

function printEnum({ name, values }: FoundEnum): string {
  const aliases = new Set(values.map(({ number }) => number)).size < values.length;
  return block(`enum ${shortOf(name)}`, [
    ...(aliases ? ["  option allow_alias = true;"] : []),
    ...values.map((value) => `  ${value.name} = ${value.number};`),
  ]);
}

function printMessage(message: FoundMessage, file: FoundFile): string {
  const lines: string[] = [];
  const begun = new Set<string>();
  for (const field of message.fields) {
    const { oneof } = field;
    if (oneof === undefined) {
      lines.push(indented(printField(field, message, file)));
      continue;
    }
    if (begun.has(oneof)) continue;
    begun.add(oneof);
    const members = message.fields.filter((one) => one.oneof === oneof);
    lines.push(
      indented(
        block(
          `oneof ${oneof}`,
          members.map((one) => indented(printField(one, message, file))),
        ),
      ),
    );
  }
  const inner = [
    ...file.enums.filter((one) => parentOf(one.name) === message.name).map((one) => printEnum(one)),
    ...file.messages.filter((one) => parentOf(one.name) === message.name).map((one) => printMessage(one, file)),
  ];
  for (const one of inner) lines.push(...(lines.length > 0 ? [""] : []), indented(one));
  return block(`message ${shortOf(message.name)}`, lines);
}

function printField(field: FoundField, message: FoundMessage, file: FoundFile): string {
  const type = written(field.type, message.name, file);
  const whole = field.mapKey === undefined ? type : `map<${field.mapKey}, ${type}>`;
  const options = [
    ...(field.packed === false ? ["packed = false"] : []),
    ...(field.jsonName === undefined ? [] : [`json_name = "${field.jsonName}"`]),
  ];
  const label = field.label === undefined ? "" : `${field.label} `;
  return `${label}${whole} ${field.name} = ${field.number}${options.length > 0 ? ` [${options.join(", ")}]` : ""};`;
}

/**
 * A type as a field names it: without the file's own package, unless a name on the way out of the message would be taken
 * for its first part.
 */
function written(type: string, scope: string, file: FoundFile): string {
  if (!type.startsWith(".")) return type;
  const full = type.slice(1);
  const own =
    file.package === "" ? full : full.startsWith(`${file.package}.`) ? full.slice(file.package.length + 1) : undefined;
  if (scope !== "" && parentOf(full) === scope) return shortOf(full);
  const short = own ?? full;
  const [first = ""] = short.split(".");
  const declared = new Set([...file.messages, ...file.enums].map(({ name }) => name));
  const places = [];
  for (let at = scope; at !== file.package && at !== ""; at = parentOf(at)) places.push(at);
  if (own === undefined) places.push(file.package);
  const hidden =
    places.some((place) => declared.has(`${place}.${first}`)) ||
    SCALARS.has(short) ||
    // `google.…` inside of the package `acme.google` would be looked for in there.
    (own === undefined && file.package.split(".").includes(first));
  return hidden ? type : short;
}
