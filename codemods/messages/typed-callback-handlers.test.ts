import { expect, it } from "vitest";
import { expectSameConversations, servedPrograms } from "./testing/served-programs.js";
import { type TypedGenerator, typedProject } from "./testing/typed-project.js";

const old = {
  "ts-proto": "import { SameService, type SameServer } from './old/same';",
  "protobuf-ts": "import { sameDefinition as SameService, type ISame as SameServer } from './old/same.grpc-server';",
};

const program = (
  generator: keyof typeof old,
) => `import type { handleUnaryCall, sendUnaryData, ServerUnaryCall } from '@grpc/grpc-js';
import { createApp } from '@connect-migrate/runtime/node';
import { grpcJsMessages, fromCallback } from '@connect-migrate/runtime/grpc-js';
import { Same } from './gen/same_pb';
import { Lines, Thing } from './old/same';
${old[generator]}

const all: Thing[] = [];

function isKnown(call: ServerUnaryCall<Thing, Thing>): boolean {
  return call.metadata.get('user').length > 0;
}

function echoIt(call: ServerUnaryCall<Thing, Thing>, callback: sendUnaryData<Thing>): void {
  if (call.request.itemName === '' || isKnown(call)) return callback({ code: 3, details: 'no name' });
  all.push(call.request);
  if (all.length > 5) all.shift();
  callback(null, call.request);
}

const transformIt: handleUnaryCall<Thing, Thing> = ({ request }, callback) => {
  callback(null, Thing.create({ itemName: request.itemName, tagList: [...request.tagList, 'x'], subItems: request.subItems }));
};

export const app = createApp({ routes(router) {
  router.service(Same, {
    echoIt: fromCallback(echoIt),
    transformIt: fromCallback(transformIt),
    loopIt: fromCallback<SameServer["loopIt"]>(function (call, callback) {
      const { itemName } = call.request;
      if (itemName.length > 1) callback(new Error(itemName));
      else callback(null, Lines.create({ linesOut: all.map((one) => one.itemName), lineCount: all.length }));
    }),
  }, { messages: grpcJsMessages(SameService) });
} });
`;

it.each(Object.keys(old) as (TypedGenerator & keyof typeof old)[])(
  "handlers that grpc-js's calls stay for have protobuf-es messages in place of those of %s",
  { timeout: 120_000 },
  async (generator) => {
    // A Date of ts-proto has whole milliseconds.
    const options = generator === "ts-proto" ? ["useDate=false"] : [];
    using project = typedProject(generator, { "server.ts": program(generator) }, options);
    const modules = ["@bufbuild", "@connect-migrate", "@grpc", "@protobuf-ts", "@types", "long", "protobufjs"];
    await using programs = await servedPrograms("same.v1.Same", project.snapshot(), modules);
    expect(programs.migrated).toContain("callback: sendUnaryData<Thing>): void {");
    expect(programs.migrated).toContain("fromCallback<handleUnaryCall<Thing, Lines>>(function (call, callback) {");
    expect(programs.migrated).toContain("callback(null, create(ThingSchema, { itemName: request.itemName,");
    await expectSameConversations(programs, 300);
  },
);
