/** A message that is in bytes before it is its turn to be sent. */
export class SerializedMessage {
  constructor(
    readonly message: unknown,
    /** Throws what its serialisation threw. */
    readonly bytes: () => Uint8Array,
  ) {}
}

/** A message as it is now; what fails fails when it is sent. */
export function serializedNow(message: unknown, serialize: (message: unknown) => Uint8Array): SerializedMessage {
  try {
    const bytes = serialize(message);
    return new SerializedMessage(message, () => bytes);
  } catch (reason) {
    return new SerializedMessage(message, () => {
      throw reason;
    });
  }
}
