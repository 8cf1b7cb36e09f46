export { type CodeHome, codeHomes, inEachHome } from "./code-homes.js";
export { discoverProtos } from "./discover-protos.js";
export type {
  GenerateFailure,
  GenerateOptions,
  GeneratePlan,
  GenerateResult,
  Language,
  ModuleSystem,
  PlannedFile,
  ProtoDiscovery,
  ProtoFile,
  SourceText,
} from "./generate-types.js";
export { planGenerate } from "./plan-generate.js";
export {
  createProtoRegistry,
  type GeneratedImport,
  type GeneratedLayout,
  isOneofMember,
  type ProtoRegistry,
} from "./proto-registry.js";
export { ensureGenerated, generate, type LoadedProtos, loadProtos, writeGenerated } from "./run-generate.js";
