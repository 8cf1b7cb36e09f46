import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { migrateMessages } from "./testing/migrate-messages.js";
import { typedProject } from "./testing/typed-project.js";

const generators = {
  "protobuf-ts": { definition: "sameDefinition", module: "./old/same.grpc-server", options: [] },
  "ts-proto": { definition: "SameService", module: "./old/same", options: ["oneof=unions"] },
} as const;

const program = (generator: keyof typeof generators, code: string) => {
  const { definition, module } = generators[generator];
  return `import { createApp } from '@connect-migrate/runtime/node';
import { grpcJsMessages } from '@connect-migrate/runtime/grpc-js';
import { Same } from './gen/same_pb';
import { Kind, Thing } from './old/same';
import { ${definition} } from '${module}';

${code}

export const app = createApp({ routes(router) {
  router.service(Same, { echoIt }, { messages: grpcJsMessages(${definition}) });
} });
`;
};

/** Many programs, each a file of one project: their messages never meet. */
async function reasons(generator: keyof typeof generators, codes: readonly string[], change?: (root: string) => void) {
  const files = Object.fromEntries(codes.map((code, index) => [`case${index}.ts`, program(generator, code)]));
  using project = typedProject(generator, files, generators[generator].options);
  change?.(project.root);
  const { findings } = await migrateMessages(project.root);
  return codes.map(
    (_, index) => findings.find(({ file }) => file.endsWith(`/case${index}.ts`))?.reason?.text ?? "idiomatic",
  );
}

const echo = (body: string) => `function echoIt(req: Thing): Thing { ${body} return req; }`;

describe.each([
  {
    generator: "protobuf-ts",
    cases: [
      [echo("console.log(Thing.fromJsonString('{}').itemName);"), "what fromJsonString of a message does"],
      [
        echo("console.log(Thing.toJsonString(req, { emitDefaultValues: true }));"),
        "what toJsonString of a message does",
      ],
      [echo("console.log(Thing.is(req));"), "what is of a message does"],
      [echo("console.log(Thing.equals(req, req));"), "messages with maps are compared otherwise"],
      [echo("console.log(req, Thing.create());"), "may have made or changed"],
      [echo("req.optNum = 5; console.log(req);"), "may have made or changed"],
      [
        echo("const all = { last: Thing.clone(req) }; console.log(req, all.last.itemName);"),
        "may have made or changed",
      ],
      [echo("JSON.stringify(req.thePick);"), "what JSON.stringify does"],
      [echo("JSON.stringify(req.itemMap);"), "what JSON.stringify does"],
      [echo("JSON.stringify(req.rawData);"), "bytes as JSON"],
      [echo("const it: unknown = req.thePick;"), "something else is asked for"],
      [echo("const { oneofKind } = req.thePick; console.log(oneofKind);"), "a oneof is taken apart"],
      [
        "function echoIt(req: Thing): Thing { return Thing.create({ thePick: { oneofKind: 'pickText', pickText: Kind[req.itemKind] } }); }",
        "a member of a oneof that may be absent",
      ],
      [echo("req.tagList = [Kind[req.itemKind]];"), "an element of a list that may be absent"],
      [echo("const [, last] = req.itemName.split(' '); req.itemName = last;"), "a value that may be absent"],
      [
        "const kind: any = 'pickText';\nfunction echoIt(req: Thing): Thing { req.thePick = { oneofKind: kind, pickText: 'a' }; return req; }",
        "a oneof whose member is not written out",
      ],
      [
        "function echoIt(req: Thing): Thing { const it = Thing.create({ childItem: req }); req.itemName = 'x'; return it; }",
        "shared now or then",
      ],
      [
        "function copy(req: Thing): Thing { return { ...Thing.create(), ...req, ...req.subItems[0] }; }\nfunction echoIt(req: Thing): Thing { return copy(req); }",
        "is spread",
      ],
    ],
  },
  {
    generator: "ts-proto",
    cases: [
      [echo("const pick = req.thePick ?? undefined; if (pick) console.log(pick.$case);"), "a oneof that may"],
      [echo("console.log(typeof req.thePick);"), "a oneof that may be unset"],
      [echo("console.log(req.thePick === req.childItem!.thePick);"), "a oneof that may be unset"],
      [echo("let pick = req.thePick; if (pick) console.log(pick.$case);"), "a oneof that may"],
      [
        "function pickOf(it: Thing) { return it.thePick; }\nfunction echoIt(req: Thing): Thing { if (pickOf(req)) req.itemName = 'a'; return req; }",
        "a oneof that may",
      ],
    ],
  },
] as const)("$generator stays on the bridge, with the reason", async ({ generator, cases }) => {
  const found = await reasons(
    generator,
    cases.map(([code]) => code),
  );

  it.each(cases.map(([code, why], index) => ({ code, why, reason: found[index] })))("$code", ({ why, reason }) => {
    expect(reason).toContain(why);
  });
});

it.each([
  ["int64 big_count = 2", "int32 big_count = 2", "big_count of Thing is int64 in old/same.ts and int32 in the .proto"],
  ["bool is_on = 16;", "", "has field 16, and the .proto has no such field"],
  ["bool is_on = 16;", "bool is_on = 16; bool is_new = 90;", "has no is_new in Thing"],
])("generated code that the .proto says otherwise: %s", async (before, after, why) => {
  const [reason] = await reasons("protobuf-ts", [echo("console.log(req.itemName);")], (root) => {
    const proto = join(root, "proto/same.proto");
    writeFileSync(proto, readFileSync(proto, "utf8").replace(before, after));
  });
  expect(reason).toContain(why);
});
