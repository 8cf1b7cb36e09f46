import type * as net from "node:net";

const preface = Buffer.from("PRI * HTTP/2.0");

/** A connection that says nothing is closed after this time, in milliseconds: node:http's limit for headers. */
const silenceMs = 60_000;

/** Reads the first bytes of a connection, puts them back and says whether they are HTTP/2's preface. */
export function sniff(socket: net.Socket, decide: (isHttp2: boolean) => void): void {
  let seen: Buffer = Buffer.alloc(0);
  let decided = false;
  const onReadable = (): void => {
    const chunk: Buffer | null = socket.read();
    if (chunk === null) return;
    seen = seen.byteLength === 0 ? chunk : Buffer.concat([seen, chunk]);
    const length = Math.min(seen.byteLength, preface.byteLength);
    const isHttp2 = seen.compare(preface, 0, length, 0, length) === 0;
    // `P` alone could still become POST.
    if (isHttp2 && length < 3) return;
    socket.removeListener("readable", onReadable);
    socket.setTimeout(0);
    socket.removeListener("timeout", onTimeout);
    socket.unshift(seen);
    decided = true;
    decide(isHttp2);
  };
  const onTimeout = () => void socket.destroy();
  socket.on("readable", onReadable);
  socket.setTimeout(silenceMs, onTimeout);
  socket.once("end", () => {
    if (!decided) socket.destroy();
  });
}
