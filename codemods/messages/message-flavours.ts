import path from "node:path";
import type { Origin } from "../analysis/origin.js";
import type { AnalysisProject } from "../analysis/project.js";
import { googleProtobufShape } from "./google-protobuf-shape.js";
import { protoLoaderShape, type ShapeResult } from "./legacy-shape.js";
import type { MessageRuleId } from "./message-facts.js";
import { staticModuleBehind } from "./protobufjs-codec.js";
import { protobufjsShape } from "./protobufjs-shape.js";
import { protobufTs, protocGenTs, tsProto } from "./typed-flavour.js";
import { typedShape } from "./typed-shape.js";

/** Which rule rewrites the messages of a service definition, and the shape of its old objects, or why they cannot be followed. */
export function messageFlavourOf(
  project: AnalysisProject,
  definition: Origin & { kind: "service-definition" },
): ShapeResult & { readonly rule: MessageRuleId } {
  const { flavour, packageDefinition } = definition;
  switch (flavour) {
    case "proto-loader":
      return {
        rule: "messages/proto-loader-native",
        ...(packageDefinition
          ? protoLoaderShape(packageDefinition.options)
          : { why: "the options of proto-loader are not known" }),
      };
    case "google-protobuf":
      return { rule: "messages/google-protobuf-native", shape: googleProtobufShape };
    case "ts-proto":
      return { rule: "messages/ts-proto-native", shape: typedShape(project, tsProto) };
    case "protobuf-ts":
      return { rule: "messages/protobuf-ts-native", shape: typedShape(project, protobufTs) };
    case "protoc-gen-ts":
      return { rule: "messages/protoc-gen-ts-native", shape: typedShape(project, protocGenTs) };
    case "missing":
      return {
        rule: "messages/ts-proto-native",
        why: "the generated code is not there: run its generator and then this",
      };
    case "protobufjs":
    case "generic": {
      const file = staticModuleBehind(project, definition);
      if (file) return { rule: "messages/protobufjs-native", shape: protobufjsShape(file) };
      return {
        rule: "messages/other-codec",
        why: `no known generator made this definition${placeOf(project, definition)}, so nothing says what its messages look like: they keep its own functions; to leave it, make the code with protobuf-es and write these handlers or calls on it`,
      };
    }
    default:
      return { rule: "messages/other-codec", why: `messages of ${flavour} are not followed yet` };
  }
}

/** ` (gen/notes.js:12)`, where the definition itself stands. */
function placeOf(project: AnalysisProject, { definition }: Origin & { kind: "service-definition" }): string {
  if (!definition) return "";
  const file = path.relative(project.root, definition.getSourceFile().getFilePath()).split(path.sep).join("/");
  return ` (${file}:${definition.getStartLineNumber()})`;
}
