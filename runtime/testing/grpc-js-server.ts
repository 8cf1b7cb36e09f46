import { fileURLToPath } from "node:url";
import * as grpc from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";

const packageDefinition = loadSync(fileURLToPath(new URL("./echo.proto", import.meta.url)), { keepCase: true });
export const echoDefinition = (packageDefinition as Record<string, unknown>)[
  "connect_migrate.test.v1.Echo"
] as grpc.ServiceDefinition;

interface Message {
  text: string;
  count: number;
  payload: Buffer;
}
type Call = grpc.ServerUnaryCall<Message, Message> &
  grpc.ServerReadableStream<Message, Message> &
  grpc.ServerWritableStream<Message, Message>;
type Callback = grpc.sendUnaryData<Message>;

export interface GrpcJsPeer {
  port: number;
  /** host:port */
  address: string;
  server: grpc.Server;
  cancelled: number;
  stop(): void;
}

/** A real grpc-js server whose Echo service does what the request's text says. */
export async function startGrpcJsServer(
  credentials = grpc.ServerCredentials.createInsecure(),
  options: grpc.ServerOptions = {},
  address = "127.0.0.1:0",
): Promise<GrpcJsPeer> {
  const server = new grpc.Server(options);
  const peer: GrpcJsPeer = { port: 0, address: "", server, cancelled: 0, stop: () => server.forceShutdown() };
  const failure = (text: string): grpc.StatusObject | undefined => {
    // "fail 5 text of the status"
    const match = /^fail (\d+) ?(.*)$/s.exec(text);
    if (match === null) {
      return undefined;
    }
    const metadata = new grpc.Metadata();
    metadata.set("x-error", "why");
    metadata.add("x-error-bin", Buffer.from([1, 2, 3]));
    return { code: Number(match[1]), details: match[2] ?? "", metadata };
  };
  const watch = (call: Call) => {
    call.on("cancelled", () => {
      peer.cancelled++;
    });
    const head = new grpc.Metadata();
    for (const [key, value] of Object.entries(call.metadata.getMap())) {
      if (key.startsWith("x-")) {
        head.set(key, value);
      }
    }
    head.set("x-head", "h");
    call.sendMetadata(head);
  };
  const trailer = () => {
    const metadata = new grpc.Metadata();
    metadata.set("x-trail", "t");
    return metadata;
  };
  server.addService(echoDefinition, {
    Unary(call: Call, callback: Callback) {
      watch(call);
      const { text } = call.request;
      const failed = failure(text);
      if (failed !== undefined) {
        callback(failed);
      } else if (text === "hang") {
        return;
      } else if (text === "timeout?") {
        const value = call.getDeadline();
        callback(null, { ...call.request, text: String(Number(value) - Date.now()) }, trailer());
      } else {
        callback(null, call.request, trailer());
      }
    },
    Get(call: Call, callback: Callback) {
      callback(null, call.request);
    },
    async ServerStream(call: Call) {
      watch(call);
      const { text, count, payload } = call.request;
      for (let i = 0; i < count && !call.cancelled; i++) {
        if (!call.write({ text: `${text} ${i}`, count: i, payload })) {
          await new Promise((resolve) => call.once("drain", resolve));
        }
      }
      const failed = failure(text);
      if (failed !== undefined) {
        call.emit("error", failed);
      } else if (text !== "hang") {
        call.end(trailer());
      }
    },
    ClientStream(call: Call, callback: Callback) {
      watch(call);
      let count = 0;
      const texts: string[] = [];
      call.on("data", (message: Message) => {
        count++;
        if (texts.length < 10) {
          texts.push(message.text);
        }
        const failed = failure(message.text);
        if (failed !== undefined) {
          callback(failed);
        }
      });
      call.on("end", () => callback(null, { text: texts.join(","), count, payload: Buffer.alloc(0) }, trailer()));
      call.on("error", () => {});
    },
    Bidi(call: Call) {
      watch(call);
      call.on("data", (message: Message) => {
        const failed = failure(message.text);
        if (failed !== undefined) {
          call.emit("error", failed);
        } else {
          call.write(message);
        }
      });
      call.on("end", () => call.end(trailer()));
      call.on("error", () => {});
    },
  } as unknown as grpc.UntypedServiceImplementation);
  peer.port = await new Promise<number>((resolve, reject) => {
    server.bindAsync(address, credentials, (error, port) => (error ? reject(error) : resolve(port)));
  });
  peer.address = `127.0.0.1:${peer.port}`;
  return peer;
}
