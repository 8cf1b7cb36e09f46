/**
 * What the static code of pbjs wrote for a value of a field for text: a string, and nothing for undefined and null. Anything else
 * is refused when the message is encoded, as it was there; protobuf-es would send what it says as text.
 */
export function textFromValue(value: unknown): string | undefined {
  if (typeof value === "string") return value;
  return value == null ? undefined : refused(new TypeError(`${typeof value} in a field for text`));
}

/** A value that throws when it is encoded. */
export function refused(error: unknown): never {
  const value = {
    [Symbol.toPrimitive]() {
      throw error;
    },
  };
  return value as never;
}
