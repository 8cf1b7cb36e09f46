import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { fromBinary } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import * as grpc from "@grpc/grpc-js";
import * as protoLoader from "@grpc/proto-loader";
import { ReflectionService } from "@grpc/reflection";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Echo } from "../../testing/gen/echo_pb.js";
import { createApp } from "../node/app.js";
import { serve } from "../node/serve.js";
import { createReflection } from "./reflection.js";

// Not compared: the extensions of a message that has none, which theirs calls NOT_FOUND and Go's server and ours an empty list.
// The client is made from the .proto files that @grpc/reflection ships; both servers offer the same service.

const require = createRequire(import.meta.url);
const shipped = join(dirname(require.resolve("@grpc/reflection")), "..", "proto", "grpc", "reflection");
const service = Echo.typeName;
const messageSymbol = "connect_migrate.test.v1.EchoRequest";

const ports: Record<string, number> = {};
const stops: Array<() => void> = [];
beforeAll(async () => {
  const definition = protoLoader.loadSync(fileURLToPath(new URL("../../testing/echo.proto", import.meta.url)));
  const theirs = new grpc.Server();
  new ReflectionService(definition).addToServer(theirs);
  ports.theirs = await new Promise<number>((resolve, reject) =>
    theirs.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, port) =>
      error === null ? resolve(port) : reject(error),
    ),
  );
  stops.push(() => theirs.forceShutdown());
  const app = createApp({
    routes(router) {
      router.service(Echo, {});
      createReflection({ services: [Echo] }).routes(router);
    },
  });
  const ours = await serve(app, { address: "127.0.0.1:0", signals: false });
  ports.ours = ours.port;
  stops.push(() => ours.destroy());
});
afterAll(() => {
  for (const stop of stops) stop();
});

type Version = "v1" | "v1alpha";

interface Answer {
  message_response: string;
  list_services_response?: { service: { name: string }[] };
  file_descriptor_response?: { file_descriptor_proto: Buffer[] };
  all_extension_numbers_response?: { base_type_name: string; extension_number: number[] };
  error_response?: { error_code: number };
}

/** An answer without what the two implementations word or encode in their own way. */
function essence(answer: Answer): unknown {
  if (answer.file_descriptor_response !== undefined) {
    return answer.file_descriptor_response.file_descriptor_proto.map((bytes) => {
      const file = fromBinary(FileDescriptorProtoSchema, bytes);
      return {
        // File names are left out: proto-loader has lost the real ones
        package: file.package,
        messages: file.messageType.map((message) => [message.name, message.field.map((field) => field.name)]),
        services: file.service.map((each) => [
          each.name,
          each.method.map((method) => [method.name, method.inputType, method.clientStreaming, method.serverStreaming]),
        ]),
      };
    });
  }
  return answer.list_services_response ?? answer.all_extension_numbers_response ?? answer.error_response?.error_code;
}

async function ask(version: Version, port: number, requests: object[]): Promise<unknown[]> {
  const loaded = grpc.loadPackageDefinition(
    protoLoader.loadSync(join(shipped, version, "reflection.proto"), { keepCase: true, oneofs: true }),
  ) as unknown as { grpc: { reflection: Record<Version, { ServerReflection: grpc.ServiceClientConstructor }> } };
  const client = new loaded.grpc.reflection[version].ServerReflection(
    `127.0.0.1:${port}`,
    grpc.credentials.createInsecure(),
  ) as unknown as grpc.Client & { ServerReflectionInfo(): grpc.ClientDuplexStream<object, Answer> };
  return new Promise((resolve, reject) => {
    const answers: unknown[] = [];
    const stream = client.ServerReflectionInfo();
    stream.on("data", (answer) => answers.push(essence(answer)));
    stream.on("error", reject);
    stream.on("end", () => {
      client.close();
      resolve(answers);
    });
    for (const request of requests) stream.write(request);
    stream.end();
  });
}

describe.each<Version>(["v1", "v1alpha"])("%s", (version) => {
  it.each<[string, object[]]>([
    ["lists services", [{ list_services: "*" }]],
    [
      "finds a service, a method and a message",
      [service, `${service}.Bidi`, messageSymbol].map((name) => ({ file_containing_symbol: name })),
    ],
    [
      "does not find what is not there",
      [
        { file_containing_symbol: "connect_migrate.Nope" },
        { file_by_filename: "nope.proto" },
        { file_containing_extension: { containing_type: messageSymbol, extension_number: 7 } },
      ],
    ],
  ])("%s, as @grpc/reflection does", async (_name, requests) => {
    const expected = await ask(version, ports.theirs as number, requests);
    expect(expected).toHaveLength(requests.length);
    expect(await ask(version, ports.ours as number, requests)).toEqual(expected);
  });
});
