import { headersFromRaw } from "../headers.js";
import type { UnaryResponse } from "../interceptor.js";
import { unaryHeader } from "./connect-protocol.js";
import type { Fields } from "./http-client.js";
import type { MethodPlan } from "./transport-core.js";

/** A response whose Headers are made when they are read. */
export function unaryResponse(
  plan: MethodPlan,
  fields: Fields,
  bare: boolean,
  makeTrailer: () => Headers,
  message: unknown,
): UnaryResponse {
  let header: Headers | undefined;
  let trailer: Headers | undefined;
  // Own properties: an interceptor may spread the response
  return {
    stream: false,
    service: plan.method.parent,
    method: plan.method as UnaryResponse["method"],
    message: message as UnaryResponse["message"],
    get header() {
      header ??= bare ? unaryHeader(fields) : headersFromRaw(fields.lines);
      return header;
    },
    get trailer() {
      trailer ??= makeTrailer();
      return trailer;
    },
  };
}
