import { protoCamelCase } from "@bufbuild/protobuf/reflect";

/** A name as .proto files write it, if protobuf makes the one in the code of it again; else the one in the code. */
export function snakeCase(name: string): string {
  const snake = name.replace(/(?<=[a-z0-9])[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  return /^[a-z][a-z0-9_]*$/.test(snake) && protoCamelCase(snake) === name ? snake : name;
}
