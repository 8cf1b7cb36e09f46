import type { NeighbourBridgeFact } from "../analysis/server-facts.js";
import { reason } from "../shared/reasons.js";
import type { Rule } from "../shared/rule.js";
import { transformFromRule } from "../shared/transform.js";

const id = "services/neighbour-bridge";
const BRIDGE = "@connect-migrate/runtime/grpc-js";

/**
 * Handlers change and the file that registers them stays: `addService(definition, handlers)` becomes
 * `addService(definition, toCallbacks(Greeter, handlers))`, and `router.service(Greeter, fromCallbacks(handlers))` loses its bridge.
 */
export const rule: Rule = {
  id,
  side: "services",
  apply({ facts, edit, imports, report }) {
    for (const each of facts) {
      if (each.kind !== "neighbour-bridge") continue;
      const { start, end, change, service } = each as NeighbourBridgeFact;
      const isInserted = change.kind === "insert";
      const origin = { rule: id, outcome: isInserted ? "bridged" : "idiomatic" } as const;
      if (isInserted) {
        const bridge = imports.add(BRIDGE, "toCallbacks");
        const descriptor = imports.add(change.descriptor.module, change.descriptor.name);
        edit.insertRight(start, `${bridge}(${descriptor}, `, origin);
        edit.insertLeft(end, ")", origin);
      } else {
        edit.remove(start, change.inner.start, origin);
        edit.remove(change.inner.end, end, origin);
      }
      report({
        ...origin,
        construct: isInserted ? `addService(${service})` : `fromCallbacks of ${service}`,
        reason: isInserted
          ? reason("neighbour-not-migrated", "The server that these handlers are registered with")
          : null,
        start,
        end,
        rpc: null,
      });
    }
  },
};
export default transformFromRule(rule);
