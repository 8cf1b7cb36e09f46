import { Code } from "../code.js";
import { ConnectError } from "../connect-error.js";
import { HealthCheckResponse_ServingStatus, Health as HealthService } from "../gen/grpc/health/v1/health_pb.js";
import type { ServiceImpl } from "../implementation.js";

/** The state of one service, by the names of grpc.health.v1. */
export type ServingStatus = "UNKNOWN" | "SERVING" | "NOT_SERVING";

/** The states of services, by their full names; `""` is the server as a whole. */
export type ServingStatusMap = Record<string, ServingStatus>;

interface ServiceRouter {
  service(service: typeof HealthService, implementation: Partial<ServiceImpl<typeof HealthService>>): unknown;
  onDrain?(callback: () => void): void;
}

/**
 * The health of a server, and the service that tells it (grpc.health.v1.Health: Check, Watch, List). When a server that
 * `serve` started begins to close, everything becomes NOT_SERVING and watches end as UNAVAILABLE, so that it can drain.
 */
export interface Health {
  /** Mounts the service: `routes(router) { health.routes(router); … }`. */
  routes(router: ServiceRouter): void;
  /**
   * Sets the status of a service, by its full name; `""` is the server as a whole. Watchers are told, also of what they
   * know already, as by grpc-health-check.
   */
  setStatus(service: string, status: ServingStatus): void;
  /** All that are known become NOT_SERVING and stay so: what a server says while it shuts down. */
  shutdown(): void;
}

/** More services than this are not listed, as grpc-health-check has it. */
const LIST_LIMIT = 100;

/**
 * Makes the health of a server. Without an argument the server as a whole is SERVING.
 * A service that was never set answers NOT_FOUND to Check and SERVICE_UNKNOWN to Watch.
 */
export function createHealth(statuses: Readonly<ServingStatusMap> = { "": "SERVING" }): Health {
  const known = new Map<string, ServingStatus>(Object.entries(statuses));
  const watchers = new Map<string, Set<(status?: HealthCheckResponse_ServingStatus) => void>>();
  let isShutDown = false;
  let isDraining = false;
  const set = (service: string, status: ServingStatus): void => {
    known.set(service, status);
    for (const tell of watchers.get(service) ?? []) tell(statusOf(service));
  };
  const statusOf = (service: string): HealthCheckResponse_ServingStatus => {
    const status = known.get(service);
    return status === undefined
      ? HealthCheckResponse_ServingStatus.SERVICE_UNKNOWN
      : HealthCheckResponse_ServingStatus[status];
  };
  const implementation: ServiceImpl<typeof HealthService> = {
    check(request) {
      if (!known.has(request.service)) {
        throw new ConnectError(`Health status unknown for service ${request.service}`, Code.NotFound);
      }
      return { status: statusOf(request.service) };
    },
    list() {
      if (known.size > LIST_LIMIT) throw new ConnectError("Too many services to list.", Code.ResourceExhausted);
      return {
        statuses: Object.fromEntries([...known.keys()].map((service) => [service, { status: statusOf(service) }])),
      };
    },
    async *watch(request, context) {
      let wake = () => {};
      const news: HealthCheckResponse_ServingStatus[] = [statusOf(request.service)];
      const tell = (status?: HealthCheckResponse_ServingStatus) => {
        if (status !== undefined) news.push(status);
        wake();
      };
      const onAbort = () => wake();
      const all = watchers.get(request.service) ?? new Set();
      watchers.set(request.service, all.add(tell));
      context.signal.addEventListener("abort", onAbort);
      try {
        while (!context.signal.aborted) {
          const status = news.shift();
          if (status !== undefined) yield { status };
          else if (isDraining) throw new ConnectError("The server is shutting down", Code.Unavailable);
          else {
            await new Promise<void>((resolve) => {
              wake = resolve;
            });
          }
        }
      } finally {
        context.signal.removeEventListener("abort", onAbort);
        all.delete(tell);
        if (all.size === 0) watchers.delete(request.service);
      }
    },
  };
  const shutdown = (): void => {
    isShutDown = true;
    for (const service of known.keys()) set(service, "NOT_SERVING");
  };
  return {
    routes(router) {
      router.service(HealthService, implementation);
      router.onDrain?.(() => {
        isDraining = true;
        shutdown();
        for (const all of watchers.values()) for (const tell of all) tell();
      });
    },
    setStatus(service, status) {
      if (!isShutDown) set(service, status);
    },
    shutdown,
  };
}
