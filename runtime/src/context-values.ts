/** Identifies one context value. Made by `createContextKey`. */
export type ContextKey<T> = { id: symbol; defaultValue: T };

/** Values that travel with one call, through interceptors to the handler. */
export interface ContextValues {
  /** The value, or the key's default. */
  get<T>(key: ContextKey<T>): T;
  /** Sets a value, for everything that sees these values from now on. */
  set<T>(key: ContextKey<T>, value: T): this;
  /** Back to the key's default. */
  delete(key: ContextKey<unknown>): this;
}

/**
 * A key of its own for a value, whatever its description.
 *
 * @param defaultValue what `get` returns where the key was not set
 */
export function createContextKey<T>(defaultValue: T, options?: { description?: string }): ContextKey<T> {
  return { id: Symbol(options?.description), defaultValue };
}

class Values implements ContextValues {
  readonly #map = new Map<symbol, unknown>();

  get<T>(key: ContextKey<T>): T {
    return this.#map.has(key.id) ? (this.#map.get(key.id) as T) : key.defaultValue;
  }

  set<T>(key: ContextKey<T>, value: T): this {
    this.#map.set(key.id, value);
    return this;
  }

  delete(key: ContextKey<unknown>): this {
    this.#map.delete(key.id);
    return this;
  }
}

/** Values of one call, all at their defaults. */
export function createContextValues(): ContextValues {
  return new Values();
}
