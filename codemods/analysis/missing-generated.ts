import { readFileSync } from "node:fs";
import path from "node:path";
import type { ProtoRegistry } from "../generate/proto-registry.js";
import { manifestOf } from "../project/package-json.js";
import type { Origin } from "./origin.js";

/** Generators whose `XClient` stands beside an `XService`, and has it as `service`. */
const GENERATORS = /"(ts-proto|grpc-tools|grpc_tools_node_protoc_ts)"/;
/** Libraries whose clients have these names, and another shape. */
const OTHERS = /"(nice-grpc|@nestjs\/microservices)"/;

/**
 * `GreeterClient` or `GreeterService` of a file that is not there: code that a build makes. It is what its name says if the
 * project has a generator of such code and one service has that name.
 */
export function createMissingStubs(
  root: string,
  protos: ProtoRegistry,
): (file: string, name: string) => Origin | undefined {
  const known = new Map<string, boolean>();

  const hasGenerator = (file: string): boolean => {
    const folder = path.dirname(file);
    let answer = known.get(folder);
    if (answer === undefined) {
      const manifest = manifestOf(file, root);
      answer = manifest !== undefined && isGenerating(readFileSync(manifest, "utf8"));
      known.set(folder, answer);
    }
    return answer;
  };

  return (file, name) => {
    const [, short, what] = /^(\w+)(Client|Service)$/.exec(name) ?? [];
    if (short === undefined || !path.isAbsolute(file) || !hasGenerator(file)) return undefined;
    const [service, other] = protos.services().filter((each) => each.name === short);
    if (!service || other) return undefined;
    return {
      kind: what === "Client" ? "client-constructor" : "service-definition",
      service: service.typeName,
      flavour: "missing",
      definition: null,
      packageDefinition: null,
    };
  };
}

function isGenerating(manifest: string): boolean {
  return GENERATORS.test(manifest) && !OTHERS.test(manifest);
}
