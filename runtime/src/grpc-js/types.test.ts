import type {
  Client as Channel,
  ClientDuplexStream,
  ClientReadableStream,
  ClientUnaryCall,
  ClientWritableStream,
  handleBidiStreamingCall,
  handleClientStreamingCall,
  handleServerStreamingCall,
  handleUnaryCall,
  Metadata,
  ServiceDefinition,
  ServiceError,
  UntypedServiceImplementation,
} from "@grpc/grpc-js";
import type { PackageDefinition } from "@grpc/proto-loader";
import { describe, expectTypeOf, it } from "vitest";
import { Echo } from "../../testing/gen/echo_pb.js";
import type { CallOptions } from "../call-options.js";
import type { Client } from "../client/create-client.js";
import { createClient } from "../client/create-client.js";
import type { HandlerContext } from "../implementation.js";
import { createGrpcTransport } from "../node/grpc-transport.js";
import type { ConnectRouter } from "../server/router.js";
import { createGrpcJsClient } from "./create-grpc-js-client.js";
import { grpcJsMessages } from "./messages.js";
import type { ClientOf, ServiceImplOf } from "./types.js";

interface Question {
  text: string;
}
interface Answer {
  count: number;
}
/** As ts-proto writes a service. */
const EchoService = {
  unary: {
    path: "/connect_migrate.test.v1.Echo/Unary" as const,
    requestStream: false as const,
    responseStream: false as const,
    requestSerialize: (value: Question): Buffer => Buffer.from(value.text),
    requestDeserialize: (value: Buffer): Question => ({ text: value.toString() }),
    responseSerialize: (value: Answer): Buffer => Buffer.from(String(value.count)),
    responseDeserialize: (value: Buffer): Answer => ({ count: value.length }),
  },
  bidi: {
    path: "/connect_migrate.test.v1.Echo/Bidi" as const,
    requestStream: true as const,
    responseStream: true as const,
    requestSerialize: (value: Question): Buffer => Buffer.from(value.text),
    requestDeserialize: (value: Buffer): Question => ({ text: value.toString() }),
    responseSerialize: (value: Answer): Buffer => Buffer.from(String(value.count)),
    responseDeserialize: (value: Buffer): Answer => ({ count: value.length }),
  },
} as const;

describe("types of a definition", () => {
  it("implementations and clients have the definition's own messages", () => {
    type Impl = ServiceImplOf<typeof EchoService>;
    expectTypeOf<Impl["unary"]>().toEqualTypeOf<
      (request: Question, context: HandlerContext) => Promise<Answer> | Answer
    >();
    expectTypeOf<Impl["bidi"]>().toEqualTypeOf<
      (requests: AsyncIterable<Question>, context: HandlerContext) => AsyncIterable<Answer>
    >();
    expectTypeOf<ClientOf<typeof EchoService>["unary"]>().toEqualTypeOf<
      (request: Question, options?: CallOptions) => Promise<Answer>
    >();
  });

  it("handlers that are written where they are mounted have the definition's messages", () => {
    const routes = (router: ConnectRouter) =>
      router.service(
        Echo,
        {
          unary(request) {
            expectTypeOf(request).toEqualTypeOf<Question>();
            return { count: 1 };
          },
        },
        { messages: grpcJsMessages(EchoService) },
      );
    expectTypeOf(routes).toBeFunction();
  });

  it("what proto-loader gives for a name says nothing about the methods", () => {
    type Loaded = PackageDefinition[string];
    expectTypeOf<ClientOf<Loaded>["anything"]>().toBeFunction();
    // Under noImplicitAny, parameters of functions have types of their own then.
    expectTypeOf<ReturnType<ClientOf<Loaded>["anything"]>["then"]>().toBeFunction();
    expectTypeOf<Awaited<ReturnType<ClientOf<Loaded>["anything"]>>>().toBeAny();
    expectTypeOf<ServiceImplOf<Loaded>["anything"]>().toBeFunction();
  });

  it("methods beside an inherited index signature keep their types", () => {
    // As grpc_tools_node_protoc_ts writes them.
    interface IEchoService extends ServiceDefinition<UntypedServiceImplementation> {
      unary: (typeof EchoService)["unary"];
    }
    expectTypeOf<ClientOf<IEchoService>["unary"]>().returns.resolves.toEqualTypeOf<Answer>();
    expectTypeOf<ServiceImplOf<IEchoService>["unary"]>().parameter(0).toEqualTypeOf<Question>();
    expectTypeOf<keyof ClientOf<IEchoService>>().toEqualTypeOf<"unary">();
  });

  it("createClient and createGrpcJsClient take the types from the codecs", () => {
    const transport = createGrpcTransport({ target: "localhost:1" });
    const messages = grpcJsMessages(EchoService);
    expectTypeOf(createClient(Echo, transport)).toEqualTypeOf<Client<typeof Echo>>();
    const bridged = createClient(Echo, transport, { messages });
    expectTypeOf(bridged.unary).returns.resolves.toEqualTypeOf<Answer>();
    const old = createGrpcJsClient(Echo, transport, { messages });
    expectTypeOf(old.close).returns.toEqualTypeOf<void>();
    const call = () => old.unary({ text: "x" }, (_error, answer) => expectTypeOf(answer).toEqualTypeOf<Answer>());
    expectTypeOf(call).toBeFunction();
    const untyped = createGrpcJsClient(Echo, transport, {
      messages: grpcJsMessages({} as Record<string, (typeof EchoService)["unary"]>),
    });
    expectTypeOf(untyped.anything).toBeAny();
    // @ts-expect-error the request has no such field
    const wrong = () => bridged.unary({ txt: "x" });
    expectTypeOf(wrong).toBeFunction();
  });
});

describe("types of a generated interface", () => {
  // As protobuf-ts writes them.
  interface IEcho extends UntypedServiceImplementation {
    unary: handleUnaryCall<Question, Answer>;
    client: handleClientStreamingCall<Question, Answer>;
    server: handleServerStreamingCall<Question, Answer>;
    bidi: handleBidiStreamingCall<Question, Answer>;
  }
  interface IEchoClient {
    unary(
      input: Question,
      metadata: Metadata,
      callback: (error: ServiceError | null, value?: Answer) => void,
    ): ClientUnaryCall;
    unary(input: Question, callback: (error: ServiceError | null, value?: Answer) => void): ClientUnaryCall;
    client(callback: (error: ServiceError | null, value?: Answer) => void): ClientWritableStream<Question>;
    server(input: Question, options?: object): ClientReadableStream<Answer>;
    bidi(options?: object): ClientDuplexStream<Question, Answer>;
  }

  it("handlers have the messages of the old handlers", () => {
    type Impl = ServiceImplOf<IEcho>;
    expectTypeOf<keyof Impl>().toEqualTypeOf<"unary" | "client" | "server" | "bidi">();
    expectTypeOf<Impl["unary"]>().toEqualTypeOf<
      (request: Question, context: HandlerContext) => Promise<Answer> | Answer
    >();
    expectTypeOf<Impl["client"]>().toEqualTypeOf<
      (requests: AsyncIterable<Question>, context: HandlerContext) => Promise<Answer>
    >();
    expectTypeOf<Impl["server"]>().toEqualTypeOf<
      (request: Question, context: HandlerContext) => AsyncIterable<Answer>
    >();
    expectTypeOf<Impl["bidi"]>().toEqualTypeOf<
      (requests: AsyncIterable<Question>, context: HandlerContext) => AsyncIterable<Answer>
    >();
  });

  it("what a generated client has of grpc-js's Client is no method", () => {
    // As proto-loader-gen-types writes them.
    interface EchoClient extends Channel {
      Bidi(metadata: Metadata, options?: object): ClientDuplexStream<Question, Answer>;
      Bidi(options?: object): ClientDuplexStream<Question, Answer>;
      bidi(options?: object): ClientDuplexStream<Question, Answer>;
    }
    expectTypeOf<keyof ClientOf<EchoClient>>().toEqualTypeOf<"Bidi" | "bidi">();
  });

  it("clients have the messages of the old client", () => {
    type Promises = ClientOf<IEchoClient>;
    expectTypeOf<Promises["unary"]>().toEqualTypeOf<(request: Question, options?: CallOptions) => Promise<Answer>>();
    expectTypeOf<Promises["client"]>().toEqualTypeOf<
      (requests: AsyncIterable<Question>, options?: CallOptions) => Promise<Answer>
    >();
    expectTypeOf<Promises["server"]>().toEqualTypeOf<
      (request: Question, options?: CallOptions) => AsyncIterable<Answer>
    >();
    expectTypeOf<Promises["bidi"]>().toEqualTypeOf<
      (requests: AsyncIterable<Question>, options?: CallOptions) => AsyncIterable<Answer>
    >();
    const transport = createGrpcTransport({ target: "localhost:1" });
    const messages = grpcJsMessages<IEchoClient>({ typeName: "connect_migrate.test.v1.Echo", methods: [] });
    expectTypeOf(createClient(Echo, transport, { messages }).unary).returns.resolves.toEqualTypeOf<Answer>();
    const old = createGrpcJsClient(Echo, transport, { messages });
    const call = () =>
      old.unary({ text: "x" }, (_error, answer) => expectTypeOf(answer).toEqualTypeOf<Answer | undefined>());
    expectTypeOf(call).toBeFunction();
  });
});
