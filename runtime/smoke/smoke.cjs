// One program on the built runtime, run by every supported Node in both module systems: all four stream kinds over gRPC
// and Connect, HTTP/2 and HTTP/1.1, metadata both ways, an error, a deadline. Prints `ok` or exits non-zero.
const assert = require("node:assert/strict");

exports.smoke = async function smoke({ core, node, telemetry, protobuf, wkt }) {
  const { createClient, ConnectError, Code } = core;
  const { createApp, serve, createGrpcTransport, createConnectTransport } = node;
  const method = (name, clientStreaming, serverStreaming) => ({
    name,
    inputType: ".smoke.v1.Number",
    outputType: ".smoke.v1.Number",
    clientStreaming,
    serverStreaming,
  });
  const registry = protobuf.createFileRegistry(
    protobuf.create(wkt.FileDescriptorSetSchema, {
      file: [
        {
          name: "smoke.proto",
          package: "smoke.v1",
          syntax: "proto3",
          messageType: [
            { name: "Number", field: [{ name: "value", jsonName: "value", number: 1, type: 5, label: 1 }] },
          ],
          service: [
            {
              name: "Smoke",
              method: [
                method("Double", false, false),
                method("Count", false, true),
                method("Sum", true, false),
                method("Echo", true, true),
              ],
            },
          ],
        },
      ],
    }),
  );
  const Smoke = registry.getService("smoke.v1.Smoke");
  assert.ok(Smoke);
  const app = createApp({
    // Without a registered SDK it records nothing, and must do no harm
    interceptors: [telemetry.createServerTelemetry()],
    routes(router) {
      router.service(Smoke, {
        async double(request, context) {
          if (request.value < 0) throw new ConnectError("negative: not allowed, 100%", Code.InvalidArgument);
          if (request.value === 99) await new Promise((resolve) => setTimeout(resolve, 2000));
          context.responseHeader.set("x-header", context.requestHeader.get("x-ask") ?? "none");
          context.responseTrailer.set("x-trailer", "bye");
          return { value: request.value * 2 };
        },
        async *count(request) {
          for (let value = 1; value <= request.value; value++) yield { value };
        },
        async sum(requests) {
          let value = 0;
          for await (const request of requests) value += request.value;
          return { value };
        },
        async *echo(requests) {
          yield* requests;
        },
      });
    },
  });
  const server = await serve(app, { address: "127.0.0.1:0", signals: false });
  const baseUrl = `http://127.0.0.1:${server.port}`;
  async function* numbers() {
    for (const value of [1, 2, 3]) yield { value };
  }
  const collect = async (stream) => {
    const values = [];
    for await (const message of stream) values.push(message.value);
    return values;
  };
  const transports = [
    ["gRPC", createGrpcTransport({ baseUrl }), true],
    ["Connect over HTTP/2", createConnectTransport({ baseUrl, httpVersion: "2" }), true],
    ["Connect over HTTP/1.1", createConnectTransport({ baseUrl, httpVersion: "1.1" }), false],
  ];
  for (const [name, transport, bidi] of transports) {
    const client = createClient(Smoke, transport);
    let header;
    let trailer;
    const options = {
      headers: { "x-ask": "hello" },
      onHeader: (headers) => (header = headers.get("x-header")),
      onTrailer: (trailers) => (trailer = trailers.get("x-trailer")),
    };
    assert.equal((await client.double({ value: 21 }, options)).value, 42, name);
    assert.deepEqual([header, trailer], ["hello", "bye"], name);
    assert.deepEqual(await collect(client.count({ value: 3 })), [1, 2, 3], name);
    assert.equal((await client.sum(numbers())).value, 6, name);
    if (bidi) assert.deepEqual(await collect(client.echo(numbers())), [1, 2, 3], name);
    const failure = await client.double({ value: -1 }).catch((error) => error);
    assert.ok(failure instanceof ConnectError, name);
    assert.equal(failure.constructor.name, "ConnectError", name);
    assert.deepEqual([failure.code, failure.rawMessage], [Code.InvalidArgument, "negative: not allowed, 100%"], name);
    const late = await client.double({ value: 99 }, { timeoutMs: 50 }).catch((error) => error);
    assert.equal(late.code, Code.DeadlineExceeded, name);
    transport.close();
  }
  await server.close();
};

if (require.main === module) {
  exports
    .smoke({
      core: require("@connect-migrate/runtime"),
      node: require("@connect-migrate/runtime/node"),
      telemetry: require("@connect-migrate/runtime/opentelemetry"),
      protobuf: require("@bufbuild/protobuf"),
      wkt: require("@bufbuild/protobuf/wkt"),
    })
    .then(() => console.log("ok"));
}
