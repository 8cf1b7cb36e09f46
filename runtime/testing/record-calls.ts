import type * as grpc from "@grpc/grpc-js";

// biome-ignore lint/suspicious/noExplicitAny: grpc-js clients of both sides
export type Any = any;
export type Script = (client: Any, log: (...event: unknown[]) => void) => Any;

/** All but the time. */
function own(md: grpc.Metadata): object {
  return Object.fromEntries(Object.entries(md.toJSON()).filter(([key]) => key !== "date"));
}
const plain = (m: Any) =>
  m === undefined || m === null ? m : { text: m.text, count: m.count, payload: Buffer.isBuffer(m.payload) };
/** grpc-js adds how long it took, and where. */
const text = (details: string) => details.replace(/^Deadline exceeded.*/s, "Deadline exceeded");

/** What a call emits and what its script logs, until it has a status. */
export function record(script: Script, client: Any): Promise<unknown[]> {
  return new Promise((resolve) => {
    const events: unknown[] = [];
    const log = (...event: unknown[]) => events.push(event);
    const call = script(client, log);
    call.on("metadata", (md: grpc.Metadata) => log("metadata", own(md)));
    call.on("data", (m: Any) => log("data", plain(m)));
    call.on("end", () => log("end"));
    call.on("error", (e: Any) =>
      log("error", e.code, text(e.details), e instanceof Error, Object.keys(e), own(e.metadata)),
    );
    call.on("status", (s: Any) => {
      log("status", s.code, text(s.details), own(s.metadata));
      setTimeout(() => resolve(events), 30);
    });
  });
}
/** A callback that logs what it gets. */
export const callback = (log: (...event: unknown[]) => void) => (error: Any, value: Any) =>
  log(
    "callback",
    error && [
      error.code,
      text(error.details),
      text(error.message.replace(/^\d+ \w+: /, "")),
      Object.keys(error),
      own(error.metadata),
    ],
    plain(value),
  );
