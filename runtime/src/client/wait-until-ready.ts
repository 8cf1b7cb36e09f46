import type { Transport } from "../transport.js";
import { originOf } from "./client-origin.js";
import type { Connectivity } from "./http-client.js";

/** The transport that a client of `createClient` was made on. Throws if it is another object. */
export function transportOf(client: object): Transport {
  const transport = originOf(client)?.transport;
  if (transport === undefined) {
    throw new Error("Expected a client made by createClient of @connect-migrate/runtime, but found another object.");
  }
  return transport;
}

/**
 * Resolves when the transport of a client has a connection, which it asks for and, with gRPC's pauses, goes on asking for. Rejects with an
 * Error, as grpc-js's `waitForClientReady` does, when `timeoutMs` (milliseconds; default: no end) have passed before, or the transport is closed.
 * A transport that knows nothing of connections (that of a router, one of another package) is ready.
 */
export async function waitUntilReady(
  client: object,
  { timeoutMs }: { timeoutMs?: number | undefined } = {},
): Promise<void> {
  const { connectivity } = transportOf(client) as { connectivity?: Connectivity };
  if (connectivity === undefined) {
    return;
  }
  let timer: ReturnType<typeof setTimeout> | undefined;
  let isWanted = true;
  const late = new Promise<never>((_, reject) => {
    if (timeoutMs !== undefined) {
      timer = setTimeout(() => reject(new Error("Failed to connect before the deadline")), timeoutMs);
    }
  });
  const ready = connectivity
    .connect(() => isWanted && connectivity.state() !== "shutdown")
    .catch((error) => {
      throw connectivity.state() === "shutdown" ? new Error("The channel has been closed") : error;
    });
  try {
    await Promise.race([ready, late]);
  } finally {
    isWanted = false;
    clearTimeout(timer);
  }
}
