import type { DescService } from "@bufbuild/protobuf";
import { originOf } from "../client/client-origin.js";
import { createGrpcJsClient } from "./create-grpc-js-client.js";

const views = new WeakMap<object, object>();

/**
 * A client of `createClient` in the shape that grpc-js gives it: callbacks, EventEmitter streams, Metadata, `cancel()`. For
 * the uses that keep that shape while all others are promises and iterables; both share transport and messages. The same
 * client always has the same view. In TypeScript the type is the old client's: `asGrpcJsClient<GreeterClient>(client)`.
 *
 * @throws TypeError if the value was not made by `createClient` of this runtime.
 */
// biome-ignore lint/suspicious/noExplicitAny: in JavaScript the view has whatever methods the service has
export function asGrpcJsClient<T = any>(client: object): T {
  const known = views.get(client);
  if (known !== undefined) {
    return known as T;
  }
  const origin = originOf(client);
  if (origin === undefined) {
    throw new TypeError("asGrpcJsClient takes a client that createClient of @connect-migrate/runtime made");
  }
  const { service, transport, messages } = origin;
  const view = createGrpcJsClient(service as DescService, transport, { messages });
  views.set(client, view);
  return view as T;
}
