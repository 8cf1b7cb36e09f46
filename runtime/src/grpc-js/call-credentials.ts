import { Code } from "../code.js";
import { ConnectError } from "../connect-error.js";
import type { Interceptor } from "../interceptor.js";
import { methodPath } from "../serialization.js";
import { addMetadata, createMetadata } from "./metadata.js";
import type { MetadataLike } from "./types.js";

/** grpc-js's CallMetadataGenerator. */
export type MetadataGenerator = (
  params: { method_name: string; service_url: string },
  // biome-ignore lint/suspicious/noExplicitAny: the Metadata of any copy of grpc-js, and whatever error it gives
  callback: (error: any, metadata?: any) => void,
) => void;

/** An auth client of google-auth-library, by the method that is used. */
export interface RequestHeadersSource {
  // biome-ignore lint/suspicious/noExplicitAny: a plain object in older versions, Headers in newer ones
  getRequestHeaders(url?: string): Promise<any>;
}

/** grpc-js's CallCredentials, of any copy of it. */
export interface CallCredentialsLike {
  // biome-ignore lint/suspicious/noExplicitAny: what it is told differs between versions, and so does its Metadata
  generateMetadata(options: any): Promise<any>;
}

/** Codes that a source of credentials must not give to a call (gRFC A54). */
const notForCalls = new Map<number, string>([
  [0, "OK"],
  [Code.InvalidArgument, "INVALID_ARGUMENT"],
  [Code.NotFound, "NOT_FOUND"],
  [Code.AlreadyExists, "ALREADY_EXISTS"],
  [Code.FailedPrecondition, "FAILED_PRECONDITION"],
  [Code.Aborted, "ABORTED"],
  [Code.OutOfRange, "OUT_OF_RANGE"],
  [Code.DataLoss, "DATA_LOSS"],
]);

/**
 * What `credentials.createFromMetadataGenerator(generator)` or `createFromGoogleCredential(auth)` did, as an interceptor:
 * the generator's Metadata is added to each call; its error fails the call with the code and text that grpc-js gives. grpc-js's
 * CallCredentials are taken, too; where there are none, nothing is added.
 */
export function callCredentials(
  source: MetadataGenerator | RequestHeadersSource | CallCredentialsLike | null | undefined,
): Interceptor {
  if (source === null || source === undefined) return (next) => next;
  const generator = generatorOf(source);
  return (next) => async (request) => {
    const params = {
      method_name: methodPath(request.method),
      service_url: `https://${hostOf(request.url)}/${request.service.typeName}`,
    };
    const metadata = await Promise.race([generate(generator, params), aborted(request.signal)]);
    const { authorization = [] } = linesOf(metadata);
    if (authorization.length + (request.header.has("authorization") ? 1 : 0) > 1) {
      throw new ConnectError('"authorization" metadata cannot have multiple values', Code.Internal);
    }
    addMetadata(request.header, metadata);
    return await next(request);
  };
}

function generate(generator: MetadataGenerator, params: Parameters<MetadataGenerator>[0]): Promise<MetadataLike> {
  return new Promise<MetadataLike>((resolve, reject) => {
    generator(params, (error, metadata) => {
      if (metadata === undefined) {
        reject(error);
      } else {
        resolve(metadata);
      }
    });
  }).catch((error: { code?: unknown; message?: unknown }) => {
    const code = typeof error?.code === "number" ? error.code : Code.Unknown;
    const text = `Getting metadata from plugin failed with error: ${String(error?.message)}`;
    const name = notForCalls.get(code);
    throw name === undefined
      ? new ConnectError(text, code)
      : new ConnectError(`Invalid status from control plane: ${code} ${name} ${text}`, Code.Internal);
  });
}

function generatorOf(source: MetadataGenerator | RequestHeadersSource | CallCredentialsLike): MetadataGenerator {
  if (typeof source === "function") return source;
  if (!("generateMetadata" in source)) return fromRequestHeaders(source);
  return (params, callback) => {
    source.generateMetadata(params).then(
      (metadata) => callback(null, metadata),
      (error) => callback(error),
    );
  };
}

function fromRequestHeaders(source: RequestHeadersSource): MetadataGenerator {
  return (params, callback) => {
    source.getRequestHeaders(params.service_url).then(
      (headers) => {
        const metadata = createMetadata();
        const entries: Iterable<[string, string]> = headers instanceof Headers ? headers : Object.entries(headers);
        for (const [key, value] of entries) {
          metadata.add(key, value);
        }
        callback(null, metadata);
      },
      (error) => callback(error),
    );
  };
}

function linesOf(metadata: MetadataLike): { [key: string]: unknown[] } {
  return typeof metadata.toJSON === "function" ? metadata.toJSON() : {};
}

function hostOf(url: string): string {
  return URL.canParse(url) ? new URL(url).hostname : "localhost";
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    const fail = () => reject(signal.reason);
    if (signal.aborted) {
      fail();
    } else {
      signal.addEventListener("abort", fail, { once: true });
    }
  });
}
