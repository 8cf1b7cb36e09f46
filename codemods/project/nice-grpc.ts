import type { File } from "../shared/ast.js";
import type { Finding } from "../shared/finding.js";
import { reason } from "../shared/reasons.js";
import { grpcUses } from "./uncovered.js";

const MAKERS = {
  services: /^createServer$/,
  clients: /^(createChannel|createClient|createClientFactory)$/,
} as const;

/**
 * nice-grpc has servers, clients, middleware and errors of its own; grpc-js is below them. Nothing of it is grpc-js's API, so
 * no rule rewrites it, and each place where a server, a channel or a client is made says so.
 */
export function niceGrpcFindings(file: File, path: string, side: "services" | "clients"): Finding[] {
  return grpcUses(file, /^nice-grpc$/)
    .filter((use) => MAKERS[side].test(use.member))
    .map((use) => ({
      rule: `${side}/uncovered`,
      outcome: "manual" as const,
      construct: `nice-grpc ${use.member}`,
      reason: reason("nice-grpc", use.member),
      file: path,
      start: use.node.start,
      end: use.node.end,
      rpc: null,
    }));
}
