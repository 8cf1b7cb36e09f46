import { isMap, isSeq, parseDocument } from "yaml";

/** A plugin of a buf.gen.yaml that makes code for grpc-js. */
export interface OldPlugin {
  readonly name: string;
  /** As it is written. */
  readonly out: string;
  /** Range of its item in the list, whole lines. */
  readonly start: number;
  readonly end: number;
}

const OLD =
  /(^|\/)(protoc-gen-)?(ts_proto|ts|js)$|^buf\.build\/(community\/(stephenh-ts-proto|timostamm-protobuf-ts)|protocolbuffers\/js|grpc\/node)(:|$)|grpc_tools_node_protoc_plugin/;

/** The old plugins of a buf.gen.yaml, of any version; none where the text is no such configuration. */
export function oldPlugins(text: string): OldPlugin[] {
  const document = parseDocument(text);
  const plugins = document.errors.length > 0 ? undefined : document.get("plugins");
  if (!isSeq(plugins) || plugins.flow) return [];
  const lineOf = (offset: number) => text.lastIndexOf("\n", offset - 1) + 1;
  return plugins.items.flatMap((item, index) => {
    if (!isMap(item) || !item.range) return [];
    const names = ["local", "remote", "plugin", "name", "path"]
      .flatMap((key) => item.toJS(document)[key] ?? [])
      .filter((name) => typeof name === "string");
    const out: unknown = item.get("out");
    const name = names.find((one) => OLD.test(one));
    if (name === undefined || typeof out !== "string") return [];
    const next = plugins.items[index + 1];
    const end =
      isMap(next) && next.range ? lineOf(text.lastIndexOf("-", next.range[0])) : endOfLines(text, item.range[1]);
    return [{ name, out, start: lineOf(text.lastIndexOf("-", item.range[0])), end }];
  });
}

/** Behind the line break that follows the last thing before an offset. */
function endOfLines(text: string, offset: number): number {
  const end = text.slice(0, offset).trimEnd().length;
  const line = text.indexOf("\n", end);
  return line < 0 ? text.length : line + 1;
}
