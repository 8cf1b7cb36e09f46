import type { DescMethod, DescService } from "@bufbuild/protobuf";

/**
 * The method that a key of an old service object, implementation or client stands for. grpc-js looks for the proto name
 * first and for the generator's alias after it (matrix §0.1), so the exact name wins. Undefined when no method, or more
 * than one, has that alias.
 */
export function methodByLegacyKey(service: DescService, key: string): DescMethod | undefined {
  const exact = service.methods.find((method) => method.name === key);
  if (exact) return exact;
  const aliased = service.methods.filter((method) => legacyMethodKeys(method).includes(key));
  return aliased.length === 1 ? aliased[0] : undefined;
}

/** Every key under which some generator knows a method, the proto name first. */
export function legacyMethodKeys(method: DescMethod): readonly string[] {
  const name = method.name;
  return [
    ...new Set([
      name,
      camelCaseWords(name), // proto-loader's alias, ts-proto
      lowerFirst(name), // grpc-tools, nice-grpc, protobufjs static
      method.localName,
      lowerFirst(snakeToCamel(name)), // protobuf-ts
      `${lowerFirst(snakeToCamel(name))}$`, // protobuf-ts, for names that JavaScript reserves
    ]),
  ];
}

function lowerFirst(name: string): string {
  return name.charAt(0).toLowerCase() + name.slice(1);
}

function snakeToCamel(name: string): string {
  return name.replace(/_+([a-zA-Z0-9])/g, (_, letter: string) => letter.toUpperCase());
}

/**
 * Camel case by words, as proto-loader makes its aliases: `GetURLInfo` is `getUrlInfo`, `get_v2Item` is `getV2Item`.
 * A word is a run of capitals that no lower-case letter follows, a (capitalised) run of lower-case letters, or a number.
 */
export function camelCaseWords(name: string): string {
  const words = name.match(/[A-Z]?[a-z]+|[A-Z]+(?![a-z])|[A-Z]+|[0-9]+/g) ?? [];
  return words
    .map((word, index) => {
      const lower = word.toLowerCase();
      return index === 0 ? lower : lower.charAt(0).toUpperCase() + lower.slice(1);
    })
    .join("");
}
