import { headersFromRaw } from "../headers.js";
import type { UnaryResponse } from "../interceptor.js";
import { unaryHeader } from "./connect-protocol.js";
import type { Fields } from "./http-client.js";
import type { MethodPlan } from "./transport-core.js";

const source = Symbol("source");

/** What Headers are made of when somebody reads them. */
interface Source {
  readonly fields: Fields;
  readonly bare: boolean;
  readonly makeTrailer: () => Headers;
  header?: Headers;
  trailer?: Headers;
}

// Own properties, since an interceptor may spread the response; and the same functions for all responses: with a getter of its own,
// V8 turns every one of them into a dictionary.
const header: PropertyDescriptor & ThisType<LazyResponse> = {
  enumerable: true,
  configurable: true,
  get() {
    const from = this[source];
    from.header ??= from.bare ? unaryHeader(from.fields) : headersFromRaw(from.fields.lines);
    return from.header;
  },
};
const trailer: PropertyDescriptor & ThisType<LazyResponse> = {
  enumerable: true,
  configurable: true,
  get() {
    const from = this[source];
    from.trailer ??= from.makeTrailer();
    return from.trailer;
  },
};

class LazyResponse {
  readonly stream = false;
  readonly service: UnaryResponse["service"];
  readonly method: UnaryResponse["method"];
  readonly [source]: Source;

  constructor(
    plan: MethodPlan,
    readonly message: UnaryResponse["message"],
    from: Source,
  ) {
    this.service = plan.method.parent;
    this.method = plan.method as UnaryResponse["method"];
    this[source] = from;
    Object.defineProperty(this, "header", header);
    Object.defineProperty(this, "trailer", trailer);
  }
}

/** A response whose Headers are made when they are read. */
export function unaryResponse(
  plan: MethodPlan,
  fields: Fields,
  bare: boolean,
  makeTrailer: () => Headers,
  message: unknown,
): UnaryResponse {
  return new LazyResponse(plan, message as UnaryResponse["message"], {
    fields,
    bare,
    makeTrailer,
  }) as unknown as UnaryResponse;
}
