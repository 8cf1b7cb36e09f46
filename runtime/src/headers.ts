// In the registry, because a program may hold the ESM and the CommonJS build of this package at once.
const linesOf = Symbol.for("@connect-migrate/runtime/header-lines");

function linesFrom(headers: unknown): ReadonlyMap<string, readonly string[]> | undefined {
  const lines = (headers as { [linesOf]?: () => ReadonlyMap<string, readonly string[]> })[linesOf];
  return lines?.call(headers);
}

/**
 * The class of Headers that remember every value of a repeated key.
 *
 * The Fetch standard joins repeated values with ", " when they are read, and gRPC metadata must not be joined: this
 * subclass behaves as any Headers does, and `headerLines` and `headerValues` read the separate values.
 *
 * Made when Headers are first asked for: Node loads all of `fetch` when that name is first read, a tenth of a cold start.
 */
let LineHeaders: (new (init?: HeadersInit | readonly string[]) => Headers) | undefined;

function lineHeaders(init?: HeadersInit | readonly string[]): Headers {
  LineHeaders ??= createLineHeaders();
  return new LineHeaders(init);
}

function createLineHeaders() {
  return class LineHeaders extends Headers {
    readonly #lines: Map<string, string[]>;

    constructor(init?: HeadersInit | readonly string[]) {
      super();
      this.#lines = new Map();
      if (init === undefined) return;
      if (Array.isArray(init) && typeof init[0] === "string") this.#appendFlat(init as unknown as readonly string[]);
      else for (const [key, value] of headerLines(init as HeadersInit)) this.append(key, value);
    }

    #appendFlat(flat: readonly string[]): void {
      for (let i = 0; i + 1 < flat.length; i += 2) {
        const key = flat[i] as string;
        if (key.charCodeAt(0) === 0x3a) continue; // a pseudo-header of HTTP/2
        try {
          this.append(key, flat[i + 1] as string);
        } catch {
          // HTTP/1.1 allows bytes in a value that the Fetch standard does not: dropping one value is better than the call.
        }
      }
    }

    override append(key: string, value: string): void {
      super.append(key, value);
      const name = key.toLowerCase();
      const values = this.#lines.get(name);
      if (values === undefined) this.#lines.set(name, [trim(value)]);
      else values.push(trim(value));
    }

    override set(key: string, value: string): void {
      super.set(key, value);
      this.#lines.set(key.toLowerCase(), [trim(value)]);
    }

    override delete(key: string): void {
      super.delete(key);
      this.#lines.delete(key.toLowerCase());
    }

    [linesOf](): ReadonlyMap<string, readonly string[]> {
      return this.#lines;
    }
  };
}

// The Fetch standard normalises a value: no HTTP whitespace at its ends.
function trim(value: unknown): string {
  return String(value).replace(/^[\t\n\r ]+|[\t\n\r ]+$/g, "");
}

/** A Headers object that keeps repeated values apart (see `headerValues`). */
export function createHeaders(init?: HeadersInit): Headers {
  return lineHeaders(init);
}

/** Headers from Node's flat list `[name, value, name, value, …]` (`rawHeaders`). Pseudo-headers are left out. */
export function headersFromRaw(rawHeaders: readonly string[]): Headers {
  return lineHeaders(rawHeaders);
}

/** Every header line as `[lower-case name, value]`, repeated values on their own where the object still knows them. */
export function headerLines(init: HeadersInit | undefined): Array<[string, string]> {
  const lines: Array<[string, string]> = [];
  if (init === undefined || init === null) return lines;
  const known = linesFrom(init);
  if (known !== undefined) {
    for (const [key, values] of known) for (const value of values) lines.push([key, value]);
  } else if (init instanceof Headers) {
    init.forEach((value, key) => {
      lines.push([key, value]);
    });
  } else if (typeof (init as Iterable<[string, string]>)[Symbol.iterator] === "function") {
    for (const [key, value] of init as Iterable<[string, string]>) lines.push([key.toLowerCase(), value]);
  } else {
    for (const [key, value] of Object.entries(init)) lines.push([key.toLowerCase(), value as string]);
  }
  return lines;
}

/** The separate values of one key; `[]` if it is absent. */
export function headerValues(headers: Headers, key: string): string[] {
  const lines = linesFrom(headers);
  if (lines !== undefined) return [...(lines.get(key.toLowerCase()) ?? [])];
  const value = headers.get(key);
  return value === null ? [] : [value];
}

/** A new Headers with the fields of all inputs appended. */
export function appendHeaders(...inputs: Headers[]): Headers {
  const headers = lineHeaders();
  for (const input of inputs) for (const [key, value] of headerLines(input)) headers.append(key, value);
  return headers;
}

/** Node's header object (arrays for repeated keys), joined onto `target`. A key that `skip` names is left out. */
export function addToNodeHeaders(
  target: Record<string, string | string[] | number | undefined>,
  headers: Headers,
  skip?: (key: string) => boolean,
): void {
  for (const [key, value] of headerLines(headers)) {
    if (skip?.(key)) continue;
    // A caller chooses these names: `constructor` is one
    const present = Object.hasOwn(target, key) ? target[key] : undefined;
    if (present === undefined) target[key] = value;
    else if (Array.isArray(present)) present.push(value);
    else target[key] = [String(present), value];
  }
}
