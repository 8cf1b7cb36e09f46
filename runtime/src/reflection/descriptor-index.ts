import type { DescExtension, DescFile, DescMessage, DescService } from "@bufbuild/protobuf";
import { toBinary } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";

/** Finds the files that a reflection client asks for, among the files of some services and all that these import. */
export interface DescriptorIndex {
  readonly services: readonly string[];
  /** The file and everything it imports, each serialised once; undefined if there is no such file. */
  fileByName(name: string): Uint8Array[] | undefined;
  /** By the full name of a message, field, oneof, enum, enum value, extension, service or method. */
  fileBySymbol(symbol: string): Uint8Array[] | undefined;
  fileByExtension(extendee: string, number: number): Uint8Array[] | undefined;
  /** The numbers of all known extensions of a message; undefined if there is no such message. */
  extensionNumbers(extendee: string): number[] | undefined;
}

export function createDescriptorIndex(services: readonly DescService[]): DescriptorIndex {
  const files = new Map<string, DescFile>();
  const symbols = new Map<string, DescFile>();
  const extensions = new Map<string, Map<number, DescFile>>();
  const messages = new Set<string>();

  const addExtension = (extension: DescExtension, file: DescFile) => {
    symbols.set(extension.typeName, file);
    const numbers = extensions.get(extension.extendee.typeName) ?? new Map<number, DescFile>();
    extensions.set(extension.extendee.typeName, numbers.set(extension.number, file));
  };
  const addEnum = (desc: DescFile["enums"][number], file: DescFile) => {
    symbols.set(desc.typeName, file);
    // Values live in the scope that holds the enum, as in C++.
    const scope = desc.typeName.slice(0, -desc.name.length);
    for (const value of desc.values) symbols.set(scope + value.name, file);
  };
  const addMessage = (desc: DescMessage, file: DescFile) => {
    symbols.set(desc.typeName, file);
    messages.add(desc.typeName);
    for (const field of desc.fields) symbols.set(`${desc.typeName}.${field.name}`, file);
    for (const oneof of desc.oneofs) symbols.set(`${desc.typeName}.${oneof.name}`, file);
    for (const nested of desc.nestedMessages) addMessage(nested, file);
    for (const nested of desc.nestedEnums) addEnum(nested, file);
    for (const nested of desc.nestedExtensions) addExtension(nested, file);
  };
  const addFile = (file: DescFile) => {
    if (files.has(file.proto.name)) return;
    files.set(file.proto.name, file);
    for (const dependency of file.dependencies) addFile(dependency);
    for (const desc of file.messages) addMessage(desc, file);
    for (const desc of file.enums) addEnum(desc, file);
    for (const desc of file.extensions) addExtension(desc, file);
    for (const desc of file.services) {
      symbols.set(desc.typeName, file);
      for (const method of desc.methods) symbols.set(`${desc.typeName}.${method.name}`, file);
    }
  };
  for (const service of services) addFile(service.file);

  const serialized = new Map<DescFile, Uint8Array>();
  const bytesOf = (file: DescFile): Uint8Array => {
    const bytes = serialized.get(file) ?? toBinary(FileDescriptorProtoSchema, file.proto);
    serialized.set(file, bytes);
    return bytes;
  };
  const withImports = (file: DescFile | undefined): Uint8Array[] | undefined => {
    if (file === undefined) return undefined;
    const seen = new Set<DescFile>();
    const visit = (next: DescFile) => {
      if (seen.has(next)) return;
      seen.add(next);
      next.dependencies.forEach(visit);
    };
    visit(file);
    return [...seen].map(bytesOf);
  };
  return {
    services: [...new Set(services.map((service) => service.typeName))],
    fileByName: (name) => withImports(files.get(name)),
    fileBySymbol: (symbol) => withImports(symbols.get(symbol.replace(/^\./, ""))),
    fileByExtension: (extendee, number) => withImports(extensions.get(extendee)?.get(number)),
    extensionNumbers: (extendee) =>
      messages.has(extendee) ? [...(extensions.get(extendee)?.keys() ?? [])].sort((a, b) => a - b) : undefined,
  };
}
