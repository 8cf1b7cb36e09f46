import { create, createFileRegistry, type DescService, fromBinary } from "@bufbuild/protobuf";
import {
  type DescriptorProto,
  FileDescriptorProtoSchema,
  FileDescriptorSetSchema,
  type MethodDescriptorProto,
  MethodDescriptorProtoSchema,
} from "@bufbuild/protobuf/wkt";
import { markOpaque } from "../opaque-service.js";
import { isServiceType } from "./messages.js";
import type { MethodDefinition } from "./types.js";

/** What proto-loader adds to a method. */
interface Described {
  requestType?: { fileDescriptorProtos?: readonly Uint8Array[] };
}

const known = new WeakMap<object, DescService>();

/**
 * The service of a grpc-js ServiceDefinition, for code that has no generated descriptor: protos that are loaded at run time
 * from a path that only the running program knows, or definitions that were written by hand. Its messages are those of the
 * definition:
 *
 * ```ts
 * router.service(grpcJsService(definition), implementation, { messages: grpcJsMessages(definition) });
 * ```
 *
 * The ServiceType of protobuf-ts is taken, too: its clients have no definition. A definition of proto-loader has descriptors. Any other one says nothing of its messages: its methods then answer in
 * binary only, JSON is `unimplemented`, and reflection does not list the service.
 *
 * @throws Error if `definition` is no ServiceDefinition of one service, a TypeError if it has no methods at all.
 */
export function grpcJsService(definition: object): DescService {
  const earlier = known.get(definition);
  if (earlier !== undefined) return earlier;
  const service = isServiceType(definition)
    ? opaqueService(
        definition.typeName,
        definition.methods.map(({ name, clientStreaming = false, serverStreaming = false }) => ({
          name,
          requestStream: clientStreaming,
          responseStream: serverStreaming,
        })),
      )
    : serviceOfDefinition(definition);
  known.set(definition, service);
  return service;
}

function serviceOfDefinition(definition: object): DescService {
  const methods = Object.entries(definition ?? {}).map(([key, value]) => {
    const method = value as MethodDefinition & Described;
    const path = /^\/(.+)\/([^/]+)$/.exec(typeof method?.path === "string" ? method.path : "");
    if (path === null) {
      throw new Error(`grpcJsService: "${key}" is no method definition. Expected a grpc-js ServiceDefinition.`);
    }
    return { method, service: path[1] as string, name: path[2] as string };
  });
  const [first] = methods;
  if (first === undefined) throw new TypeError("grpcJsService: the definition has no methods.");
  const stray = methods.find(({ service }) => service !== first.service);
  if (stray !== undefined) {
    throw new Error(
      `grpcJsService: the definition has methods of ${first.service} and of ${stray.service}. Mount one definition for each.`,
    );
  }
  return (
    describedService(first.method, first.service) ??
    opaqueService(
      first.service,
      methods.map(({ name, method }) => ({ name, ...method })),
    )
  );
}

function describedService(method: Described, typeName: string): DescService | undefined {
  const files = method.requestType?.fileDescriptorProtos;
  if (files === undefined) return undefined;
  try {
    const set = create(FileDescriptorSetSchema, {
      file: files.map((bytes) => fromBinary(FileDescriptorProtoSchema, bytes)),
    });
    for (const file of set.file) for (const message of file.messageType) addJsonNames(message);
    return createFileRegistry(set).getService(typeName);
  } catch {
    // protobufjs describes what it has read, also where protoc would have refused it
    return undefined;
  }
}

/** protobufjs leaves out the names that protoc gives fields in JSON. */
function addJsonNames(message: DescriptorProto): void {
  for (const field of message.field) {
    if (field.jsonName === "") field.jsonName = field.name.replace(/_+(\w?)/g, (_, next: string) => next.toUpperCase());
  }
  for (const nested of message.nestedType) addJsonNames(nested);
}

function opaqueService(
  typeName: string,
  methods: readonly { readonly name: string; readonly requestStream: boolean; readonly responseStream: boolean }[],
): DescService {
  const dot = typeName.lastIndexOf(".");
  const packageName = dot < 0 ? "" : typeName.slice(0, dot);
  const name = typeName.slice(dot + 1);
  const message = `${name}Message`;
  const file = create(FileDescriptorProtoSchema, {
    name: `${typeName}.proto`,
    package: packageName,
    syntax: "proto3",
    messageType: [{ name: message }],
    service: [
      {
        name,
        method: methods.map(
          ({ name: methodName, requestStream, responseStream }): MethodDescriptorProto =>
            create(MethodDescriptorProtoSchema, {
              name: methodName,
              inputType: `.${packageName === "" ? "" : `${packageName}.`}${message}`,
              outputType: `.${packageName === "" ? "" : `${packageName}.`}${message}`,
              clientStreaming: requestStream,
              serverStreaming: responseStream,
            }),
        ),
      },
    ],
  });
  const service = createFileRegistry(create(FileDescriptorSetSchema, { file: [file] })).getService(typeName);
  if (service === undefined) throw new Error(`grpcJsService: ${typeName} is no name of a service.`);
  return markOpaque(service);
}
