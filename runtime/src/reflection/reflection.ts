import type { DescService } from "@bufbuild/protobuf";
import { Code } from "../code.js";
import type { ServerReflectionRequest } from "../gen/grpc/reflection/v1/reflection_pb.js";
import { ServerReflection } from "../gen/grpc/reflection/v1/reflection_pb.js";
import { ServerReflection as ServerReflectionAlpha } from "../gen/grpc/reflection/v1alpha/reflection_pb.js";
import type { ServiceImpl } from "../implementation.js";
import { isOpaqueService } from "../opaque-service.js";
import { createDescriptorIndex, type DescriptorIndex } from "./descriptor-index.js";

interface ReflectionRouter {
  readonly handlers: readonly { readonly service: DescService }[];
  service(service: typeof ServerReflection, implementation: ServiceImpl<typeof ServerReflection>): unknown;
}

/** The reflection service of gRPC (v1 and v1alpha), which tells clients such as grpcurl what a server offers. */
export interface Reflection {
  /** Mounts both versions: `routes(router) { createReflection().routes(router); … }`. */
  routes(router: unknown): void;
}

/**
 * Makes a reflection service. It tells of every service of the router that it is mounted on, by name, in whatever order they
 * are mounted; with `services` only of these, in their order.
 */
export function createReflection(options: { readonly services?: readonly DescService[] } = {}): Reflection {
  return {
    routes(mountedOn) {
      const router = mountedOn as ReflectionRouter;
      let index: DescriptorIndex | undefined;
      const all = () =>
        new Set(
          options.services ??
            router.handlers
              .map((handler) => handler.service)
              .filter((service) => !isOpaqueService(service))
              .sort((a, b) => (a.typeName < b.typeName ? -1 : 1)),
        );
      const implementation: ServiceImpl<typeof ServerReflection> = {
        async *serverReflectionInfo(requests) {
          for await (const request of requests) {
            index ??= createDescriptorIndex([...all()]);
            yield { validHost: request.host, originalRequest: request, messageResponse: answer(index, request) };
          }
        },
      };
      router.service(ServerReflection, implementation);
      // The messages of both versions have the same fields; a request goes back as the version that it came in.
      router.service(ServerReflectionAlpha as unknown as typeof ServerReflection, implementation);
    },
  };
}

function answer(index: DescriptorIndex, request: ServerReflectionRequest) {
  const { messageRequest } = request;
  const files = (found: Uint8Array[] | undefined, missing: string) =>
    found ? { case: "fileDescriptorResponse" as const, value: { fileDescriptorProto: found } } : notFound(missing);
  switch (messageRequest.case) {
    case "listServices":
      return {
        case: "listServicesResponse" as const,
        value: { service: index.services.map((name) => ({ name })) },
      };
    case "fileByFilename":
      return files(index.fileByName(messageRequest.value), `File not found: ${messageRequest.value}`);
    case "fileContainingSymbol":
      return files(index.fileBySymbol(messageRequest.value), `Symbol not found: ${messageRequest.value}`);
    case "fileContainingExtension": {
      const { containingType, extensionNumber } = messageRequest.value;
      const found = index.fileByExtension(containingType, extensionNumber);
      return files(found, `Extension not found: ${extensionNumber} of ${containingType}`);
    }
    case "allExtensionNumbersOfType": {
      const numbers = index.extensionNumbers(messageRequest.value);
      if (numbers === undefined) return notFound(`Message not found: ${messageRequest.value}`);
      return {
        case: "allExtensionNumbersResponse" as const,
        value: { baseTypeName: messageRequest.value, extensionNumber: numbers },
      };
    }
    default:
      return {
        case: "errorResponse" as const,
        value: { errorCode: Code.InvalidArgument, errorMessage: "The request asks for nothing." },
      };
  }
}

function notFound(errorMessage: string) {
  return { case: "errorResponse" as const, value: { errorCode: Code.NotFound, errorMessage } };
}
