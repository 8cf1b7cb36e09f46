import path from "node:path";
import { create, createFileRegistry } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { createProtoRegistry, type GenerateFailure, type ProtoRegistry } from "../generate/index.js";

/** For a project without .proto files, or with such that do not compile: nothing is known of any RPC. */
export function emptyRegistry(root: string, failure?: GenerateFailure | null): ProtoRegistry {
  return createProtoRegistry({
    registry: createFileRegistry(create(FileDescriptorSetSchema)),
    layout: { outDir: path.join(root, "gen"), importExtension: ".js" },
    sources: new Map(),
    faults: failure?.faults,
  });
}
