// The stacks under measurement behind one small shape each: `serve()` gives a port, `connect(port)` gives the five calls.
import http2 from "node:http2";
import { fileURLToPath } from "node:url";

const PROTO = fileURLToPath(new URL("./bench.proto", import.meta.url));
const LIMIT = 64 * 1024 * 1024;

/** Only for who uses it: another stack would pay for loading it. */
const loadBench = async () => (await import("./gen/bench_pb.js")).Bench;

async function grpcJs() {
  const grpc = (await import("@grpc/grpc-js")).default;
  const loader = (await import("@grpc/proto-loader")).default;
  const definition = loader.loadSync(PROTO, {
    keepCase: true,
    longs: String,
    enums: String,
    defaults: true,
    oneofs: true,
  });
  return {
    grpc,
    Service: grpc.loadPackageDefinition(definition).bench.v1.Bench,
    definition: definition["bench.v1.Bench"],
  };
}
const grpcOptions = { "grpc.max_receive_message_length": LIMIT, "grpc.max_send_message_length": LIMIT };

const connectImplementation = {
  echo: (item) => item,
  async *list(request) {
    for (let i = 0; i < request.count; i++) yield request.item;
  },
  async upload(items) {
    let count = 0;
    for await (const _ of items) count++;
    return { count };
  },
  async *chat(items) {
    for await (const item of items) yield item;
  },
  async *idle(_request, context) {
    await new Promise((resolve) => context.signal.addEventListener("abort", resolve));
  },
};

function connectCalls(client, close) {
  return {
    echo: (item) => client.echo(item),
    async list(count, item) {
      let received = 0;
      for await (const _ of client.list({ count, item })) received++;
      return received;
    },
    async upload(count, item) {
      async function* items() {
        for (let i = 0; i < count; i++) yield item;
      }
      return (await client.upload(items())).count;
    },
    async chat(count, item) {
      let release;
      let next = Promise.resolve();
      async function* items() {
        for (let i = 0; i < count; i++) {
          await next;
          next = new Promise((resolve) => {
            release = resolve;
          });
          yield item;
        }
      }
      let received = 0;
      for await (const _ of client.chat(items())) {
        received++;
        release();
      }
      return received;
    },
    idle(count) {
      const controller = new AbortController();
      for (let i = 0; i < count; i++) {
        (async () => {
          for await (const _ of client.idle({}, { signal: controller.signal }));
        })().catch(() => {});
      }
      return () => controller.abort();
    },
    close,
  };
}

function grpcCalls(client) {
  return {
    echo: (item) =>
      new Promise((resolve, reject) => client.Echo(item, (error, reply) => (error ? reject(error) : resolve(reply)))),
    list: (count, item) =>
      new Promise((resolve, reject) => {
        let received = 0;
        client
          .List({ count, item })
          .on("data", () => received++)
          .on("end", () => resolve(received))
          .on("error", reject);
      }),
    upload: (count, item) =>
      new Promise((resolve, reject) => {
        const call = client.Upload((error, reply) => (error ? reject(error) : resolve(reply.count)));
        let sent = 0;
        const pump = () => {
          while (sent < count) {
            sent++;
            if (!call.write(item)) return call.once("drain", pump);
          }
          call.end();
        };
        pump();
      }),
    chat: (count, item) =>
      new Promise((resolve, reject) => {
        const call = client.Chat();
        let received = 0;
        call.on("data", () => {
          received++;
          if (received < count) call.write(item);
          else call.end();
        });
        call.on("end", () => resolve(received));
        call.on("error", reject);
        call.write(item);
      }),
    idle(count) {
      const calls = Array.from({ length: count }, () =>
        client
          .Idle({})
          .on("error", () => {})
          .on("data", () => {}),
      );
      return () => {
        for (const call of calls) call.cancel();
      };
    },
    close: () => client.close(),
  };
}

export const stacks = {
  ours: {
    async serve() {
      const { createApp, serve } = await import("@connect-migrate/runtime/node");
      const Bench = await loadBench();
      const app = createApp({
        routes: (router) => void router.service(Bench, connectImplementation),
        readMaxBytes: LIMIT,
      });
      const { port } = await serve(app, { address: "127.0.0.1:0", signals: false });
      return port;
    },
    async connect(port) {
      const { createClient } = await import("@connect-migrate/runtime");
      const { createGrpcTransport } = await import("@connect-migrate/runtime/node");
      const Bench = await loadBench();
      const transport = createGrpcTransport({ baseUrl: `http://127.0.0.1:${port}`, readMaxBytes: LIMIT });
      return connectCalls(createClient(Bench, transport), () => transport.close());
    },
  },
  "grpc-js": {
    async serve() {
      const { grpc, Service } = await grpcJs();
      const server = new grpc.Server(grpcOptions);
      server.addService(Service.service, {
        Echo: (call, callback) => callback(null, call.request),
        List(call) {
          let sent = 0;
          const { count, item } = call.request;
          const pump = () => {
            while (sent < count) {
              sent++;
              if (!call.write(item)) return call.once("drain", pump);
            }
            call.end();
          };
          pump();
        },
        Upload(call, callback) {
          let count = 0;
          call.on("data", () => count++);
          call.on("end", () => callback(null, { count }));
        },
        Chat(call) {
          call.on("data", (item) => call.write(item));
          call.on("end", () => call.end());
        },
        Idle() {},
      });
      return new Promise((resolve, reject) =>
        server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, port) =>
          error ? reject(error) : resolve(port),
        ),
      );
    },
    async connect(port) {
      const { grpc, Service } = await grpcJs();
      return grpcCalls(new Service(`127.0.0.1:${port}`, grpc.credentials.createInsecure(), grpcOptions));
    },
  },
  "connect-node": {
    async serve() {
      const { connectNodeAdapter } = await import("@connectrpc/connect-node");
      const Bench = await loadBench();
      const handler = connectNodeAdapter({
        routes: (router) => void router.service(Bench, connectImplementation),
        readMaxBytes: LIMIT,
      });
      const server = http2.createServer({ settings: { maxConcurrentStreams: 100_000 } }, handler);
      await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
      return server.address().port;
    },
    async connect(port) {
      const { createClient } = await import("@connectrpc/connect");
      const { createGrpcTransport, Http2SessionManager } = await import("@connectrpc/connect-node");
      const Bench = await loadBench();
      const baseUrl = `http://127.0.0.1:${port}`;
      const sessionManager = new Http2SessionManager(baseUrl);
      const transport = createGrpcTransport({ baseUrl, sessionManager, readMaxBytes: LIMIT });
      return connectCalls(createClient(Bench, transport), () => sessionManager.abort());
    },
  },
  "nice-grpc": {
    async serve() {
      const { createServer } = await import("nice-grpc");
      const { definition } = await grpcJs();
      const server = createServer(grpcOptions);
      const { echo, list, upload, chat } = connectImplementation;
      server.add(definition, {
        Echo: async (item) => echo(item),
        List: list,
        Upload: upload,
        Chat: chat,
        async *Idle(_request, context) {
          await new Promise((resolve) => context.signal.addEventListener("abort", resolve));
        },
      });
      return server.listen("127.0.0.1:0");
    },
    async connect(port) {
      const { createChannel, createClient } = await import("nice-grpc");
      const { definition } = await grpcJs();
      const channel = createChannel(`127.0.0.1:${port}`, undefined, grpcOptions);
      const client = createClient(definition, channel);
      const named = {
        echo: client.Echo,
        list: client.List,
        upload: client.Upload,
        chat: client.Chat,
        idle: client.Idle,
      };
      return connectCalls(named, () => channel.close());
    },
  },
};
