import type { DescMethodStreaming, DescMethodUnary, DescService } from "@bufbuild/protobuf";

/** A client with any signature of its methods. */
// biome-ignore lint/suspicious/noExplicitAny: the caller of makeAnyClient chooses the signatures
export type AnyClient = Record<string, (...args: any[]) => any>;

/** Make a client with one function per method, as `createMethod` returns it; methods that it returns null for are left out. */
export function makeAnyClient(
  service: DescService,
  createMethod: (method: DescMethodUnary | DescMethodStreaming) => AnyClient[string] | null,
): AnyClient {
  const client: AnyClient = {};
  for (const method of service.methods) {
    const call = createMethod(method);
    if (call !== null) {
      client[method.localName] = call;
    }
  }
  return client;
}
