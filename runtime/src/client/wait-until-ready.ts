import { transportOf } from "./client-origin.js";
import type { Connectivity } from "./http-client.js";

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
  await connected(connectivity, () => connectivity?.state() !== "shutdown", timeoutMs);
}

/** The same of a connection, for as long as `isOpen` holds. */
export async function connected(
  connectivity: Connectivity | undefined,
  isOpen: () => boolean,
  timeoutMs: number | undefined,
): Promise<void> {
  const closed = () => new Error("The channel has been closed");
  if (!isOpen()) {
    throw closed();
  }
  let timer: ReturnType<typeof setTimeout> | undefined;
  let isWanted = true;
  const late = new Promise<never>((_, reject) => {
    if (timeoutMs !== undefined) {
      timer = setTimeout(() => reject(new Error("Failed to connect before the deadline")), timeoutMs);
    }
  });
  try {
    await Promise.race([connectivity?.connect(() => isWanted && isOpen()), late]);
  } catch (error) {
    throw isOpen() ? error : closed();
  } finally {
    isWanted = false;
    clearTimeout(timer);
  }
}
