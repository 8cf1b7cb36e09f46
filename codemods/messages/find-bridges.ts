import type { DescService } from "@bufbuild/protobuf";
import { type CallExpression, Node, SyntaxKind } from "ts-morph";
import type { Origin } from "../analysis/origin.js";
import type { AnalysisProject } from "../analysis/project.js";
import { serviceOfServiceType } from "../analysis/protobuf-ts-client.js";
import { reachable } from "./google-protobuf-generated.js";
import type { LegacyShape } from "./legacy-shape.js";
import { unknownProto } from "./loaded-protos.js";
import type { MessageRuleId } from "./message-facts.js";
import { messageFlavourOf } from "./message-flavours.js";
import { watchedMessages } from "./watched-messages.js";

/** One `{ messages: grpcJsMessages(…) }`: a service or client that is migrated and still sees its old messages. */
export interface Bridge {
  readonly of: "service" | "client";
  readonly call: CallExpression;
  /** The options object; `option` is its `messages` property. */
  readonly options: Node;
  readonly option: Node;
  /** The argument of grpcJsMessages. */
  readonly definition: Node;
  readonly service: DescService;
  readonly rule: MessageRuleId;
  /** Null, with `why`, where old messages cannot be followed. */
  readonly shape: LegacyShape | null;
  readonly why: string;
}

/** All bridges of one side, in source order. */
export function findBridges(project: AnalysisProject, side: "services" | "clients"): Bridge[] {
  const found: Bridge[] = [];
  for (const file of project.files) {
    if (!file.getFullText().includes("grpcJsMessages")) continue;
    for (const call of file.getDescendantsOfKind(SyntaxKind.CallExpression)) {
      const callee = call.getExpression();
      const isService = Node.isPropertyAccessExpression(callee) && callee.getName() === "service";
      const isClient = Node.isIdentifier(callee) && callee.getText() === "createClient";
      if (side === "services" ? !isService : !isClient) continue;
      const bridge = bridgeOf(project, call, side === "services" ? "service" : "client");
      if (bridge) found.push(bridge);
    }
  }
  return found;
}

function bridgeOf(project: AnalysisProject, call: CallExpression, of: "service" | "client"): Bridge | undefined {
  const options = call.getArguments()[2];
  if (!options || !Node.isObjectLiteralExpression(options)) return undefined;
  const option = options.getProperty("messages");
  if (!option || !Node.isPropertyAssignment(option)) return undefined;
  const value = option.getInitializer();
  if (!value || !Node.isCallExpression(value) || value.getExpression().getText() !== "grpcJsMessages") return undefined;
  const [definition] = value.getArguments();
  if (!definition) return undefined;
  const origin = definitionBehind(project, definition);
  if (!origin) return undefined;
  const service = project.protos.service(origin.service);
  if (!service) return undefined;
  const { rule, ...shape } = messageFlavourOf(project, origin);
  const base = { of, call, options, option, definition, service, rule } as const;
  const watched = watchedMessages(project, of, call, service);
  if (watched !== undefined) return { ...base, shape: null, why: watched };
  const outside = origin.packageDefinition && unknownProto(project, origin.packageDefinition, service);
  if (outside)
    return {
      ...base,
      shape: null,
      why: `the path of the .proto comes from ${outside}, and another file may say something else: to leave proto-loader's functions, load a constant path`,
    };
  const unlike = "shape" in shape && shape.shape.explicit ? unlikeIn(service) : undefined;
  if (unlike !== undefined)
    return {
      ...base,
      shape: null,
      why: `proto-loader runs without defaults: true, and ${unlike} is no message of its own in protobuf-es, which cannot say that its value is not set: to leave proto-loader's functions, load with defaults: true first, in the clients as well`,
    };
  return "shape" in shape ? { ...base, shape: shape.shape, why: "" } : { ...base, shape: null, why: shape.why };
}

/** A field whose presence of its own parts is lost. */
function unlikeIn(service: DescService): string | undefined {
  const messages = new Set(service.methods.flatMap(({ input, output }) => [input, output]).flatMap(reachable));
  return [...messages].find(({ typeName }) => isWrapper(typeName))?.typeName;
}

// Those of struct.proto have presence in a oneof, or none.
const isWrapper = (typeName: string) => /^google\.protobuf\.(?!List|Null)\w+Value$/.test(typeName);

function definitionBehind(
  project: AnalysisProject,
  definition: Node,
): (Origin & { kind: "service-definition" }) | undefined {
  const origin = project.originOf(definition);
  if (origin.kind === "service-definition") return origin;
  const service = serviceOfServiceType(project, definition);
  if (service === undefined) return undefined;
  return { kind: "service-definition", service, flavour: "protobuf-ts", definition: null, packageDefinition: null };
}
