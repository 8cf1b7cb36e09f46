import { fileURLToPath } from "node:url";
import { createFileRegistry, create as createMessage, fromBinary } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema, FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import * as grpc from "@grpc/grpc-js";
import * as protoLoader from "@grpc/proto-loader";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createHealth } from "../health/health.js";
import { createApp } from "../node/app.js";
import { type RunningServer, serve } from "../node/serve.js";
import { createReflection } from "./reflection.js";

// A proto2 file with every kind of symbol; descriptors at run time, as a server has them.
const label = { optional: 1, repeated: 3 } as const;
const registry = createFileRegistry(
  createMessage(FileDescriptorSetSchema, {
    file: [
      {
        name: "base.proto",
        package: "base",
        syntax: "proto2",
        messageType: [{ name: "Extendable", extensionRange: [{ start: 100, end: 200 }] }],
      },
      {
        name: "shop.proto",
        package: "shop",
        syntax: "proto2",
        dependency: ["base.proto"],
        messageType: [
          {
            name: "Order",
            field: [
              { name: "id", number: 1, type: 9, label: label.optional, oneofIndex: 0 },
              { name: "line", number: 2, type: 11, label: label.repeated, typeName: ".shop.Order.Line" },
            ],
            oneofDecl: [{ name: "key" }],
            nestedType: [{ name: "Line" }],
            enumType: [{ name: "State", value: [{ name: "OPEN", number: 0 }] }],
          },
        ],
        extension: [{ name: "note", number: 101, type: 9, label: label.optional, extendee: ".base.Extendable" }],
        service: [
          { name: "Shop", method: [{ name: "Buy", inputType: ".shop.Order", outputType: ".base.Extendable" }] },
        ],
      },
    ],
  }),
);
const Shop = registry.getService("shop.Shop");

let server: RunningServer;
beforeAll(async () => {
  const app = createApp({
    routes(router) {
      createReflection().routes(router);
      createHealth().routes(router);
      if (Shop) router.service(Shop, {});
    },
  });
  server = await serve(app, { address: "127.0.0.1:0", signals: false });
});
afterAll(() => server.destroy());

interface Answer {
  original_request: object;
  message_response: string;
  file_descriptor_response?: { file_descriptor_proto: Buffer[] };
  all_extension_numbers_response?: { base_type_name: string; extension_number: number[] };
  list_services_response?: { service: { name: string }[] };
  error_response?: { error_code: number; error_message: string };
}

/** Asks with a grpc-js client, all requests on one stream. */
function ask(version: "v1" | "v1alpha", requests: object[]): Promise<Answer[]> {
  const proto = fileURLToPath(new URL(`../../proto/grpc/reflection/${version}/reflection.proto`, import.meta.url));
  const root = grpc.loadPackageDefinition(protoLoader.loadSync(proto, { keepCase: true, oneofs: true })) as unknown as {
    grpc: { reflection: Record<string, { ServerReflection: grpc.ServiceClientConstructor }> };
  };
  const Client = root.grpc.reflection[version]?.ServerReflection as grpc.ServiceClientConstructor;
  const client = new Client(`127.0.0.1:${server.port}`, grpc.credentials.createInsecure());
  return new Promise((resolve, reject) => {
    const answers: Answer[] = [];
    const stream = client.ServerReflectionInfo?.() as grpc.ClientDuplexStream<object, Answer>;
    stream.on("data", (answer) => answers.push(answer));
    stream.on("error", reject);
    stream.on("end", () => {
      client.close();
      resolve(answers);
    });
    for (const request of requests) stream.write(request);
    stream.end();
  });
}
const filesOf = (answer: Answer | undefined) =>
  answer?.file_descriptor_response?.file_descriptor_proto.map(
    (bytes) => fromBinary(FileDescriptorProtoSchema, bytes).name,
  );

describe.each(["v1", "v1alpha"] as const)("reflection %s, asked by a grpc-js client", (version) => {
  it("lists every service of the app, whenever it was mounted", async () => {
    const [answer] = await ask(version, [{ list_services: "*" }]);
    expect(answer?.list_services_response?.service.map((service) => service.name)).toEqual([
      "grpc.health.v1.Health",
      "grpc.reflection.v1.ServerReflection",
      "grpc.reflection.v1alpha.ServerReflection",
      "shop.Shop",
    ]);
    expect(answer?.original_request).toMatchObject({ list_services: "*" });
  });

  const symbols = [
    "shop.Shop",
    "shop.Shop.Buy",
    "shop.Order",
    "shop.Order.id",
    "shop.Order.key",
    "shop.Order.Line",
    "shop.Order.State",
    "shop.Order.OPEN",
    "shop.note",
  ];
  it("finds the file of every kind of symbol, with its imports", async () => {
    const answers = await ask(
      version,
      symbols.map((symbol) => ({ file_containing_symbol: symbol })),
    );
    for (const [i, symbol] of symbols.entries())
      expect(filesOf(answers[i]), symbol).toEqual(["shop.proto", "base.proto"]);
  });

  it("finds files by name and by extension, and numbers of extensions", async () => {
    const [byName, byExtension, numbers] = await ask(version, [
      { file_by_filename: "base.proto" },
      { file_containing_extension: { containing_type: "base.Extendable", extension_number: 101 } },
      { all_extension_numbers_of_type: "base.Extendable" },
    ]);
    expect(filesOf(byName)).toEqual(["base.proto"]);
    expect(filesOf(byExtension)).toEqual(["shop.proto", "base.proto"]);
    expect(numbers?.all_extension_numbers_response).toEqual({
      base_type_name: "base.Extendable",
      extension_number: [101],
    });
  });

  it("answers what is not there with NOT_FOUND and goes on", async () => {
    const answers = await ask(version, [
      { file_by_filename: "no.proto" },
      { file_containing_symbol: "shop.Nope" },
      { file_containing_extension: { containing_type: "base.Extendable", extension_number: 150 } },
      { all_extension_numbers_of_type: "base.Nope" },
      { list_services: "" },
    ]);
    expect(answers.map((answer) => answer.error_response?.error_code)).toEqual([5, 5, 5, 5, undefined]);
  });
});
