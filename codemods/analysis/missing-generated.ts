import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import type { ProtoRegistry } from "../generate/proto-registry.js";
import type { Origin } from "./origin.js";

/** Generators whose `XClient` stands beside an `XService`, and has it as `service`. */
const GENERATORS = /"(ts-proto|grpc-tools|grpc_tools_node_protoc_ts)"/;
/** Libraries whose clients have these names, and another shape. */
const OTHERS = /"(nice-grpc|@nestjs\/microservices)"/;

/**
 * `GreeterClient` or `GreeterService` of a file that is not there: code that a build makes. It is what its name says if the
 * project has a generator of such code and one service has that name.
 */
export function missingStub(file: string, name: string, root: string, protos: ProtoRegistry): Origin | undefined {
  const [, short, what] = /^(\w+)(Client|Service)$/.exec(name) ?? [];
  if (short === undefined || !path.isAbsolute(file) || !hasGenerator(path.dirname(file), root)) return undefined;
  const [service, other] = protos.services().filter((each) => each.name === short);
  if (!service || other) return undefined;
  return {
    kind: what === "Client" ? "client-constructor" : "service-definition",
    service: service.typeName,
    flavour: "missing",
    definition: null,
    packageDefinition: null,
  };
}

const known = new Map<string, boolean>();

function hasGenerator(folder: string, root: string): boolean {
  let answer = known.get(folder);
  if (answer === undefined) {
    const manifest = path.join(folder, "package.json");
    if (existsSync(manifest)) answer = isGenerating(readFileSync(manifest, "utf8"));
    else answer = folder !== root && path.dirname(folder) !== folder && hasGenerator(path.dirname(folder), root);
    known.set(folder, answer);
  }
  return answer;
}

function isGenerating(manifest: string): boolean {
  return GENERATORS.test(manifest) && !OTHERS.test(manifest);
}
