import { inspect } from "node:util";
import type { DescMethod } from "@bufbuild/protobuf";
import { explicitPresence, rememberedPresence } from "@connect-migrate/runtime/grpc-js";
import fc from "fast-check";
import { afterEach, expect, it, vi } from "vitest";
import { initOf } from "./testing/arbitrary-init.js";
import { rotatedFields } from "./testing/rotated-fields.js";
import { typedPrograms } from "./testing/typed-programs.js";

const handlers = `
import { Lines, Thing } from './old/same';

const log = (...shown: unknown[]) => console.log(...shown);

function childOf(thing: Thing): Thing | undefined {
  return thing.childItem;
}

export function describeIt(req: Thing): Lines {
  console.log('got', req);
  console.error({ req, child: req.childItem, all: req.subItems, at: req.atTime });
  log('by a function', childOf(req));
  const { innerOne, subItems } = req;
  console.log(innerOne, subItems.map((one) => one.itemName), subItems.filter((one) => one.isOn));
  return Lines.create({ linesOut: [req.itemName], lineCount: req.subItems.length });
}
`;

afterEach(() => void vi.restoreAllMocks());

/** A field that nobody knows. */
const UNKNOWN = new Uint8Array([0x98, 0x3f, 1]);

it.each([
  { options: [], bits: 64n },
  { options: ["long_type_number"], bits: 52n },
])(
  "a received message of protobuf-ts ($options) is logged as it was",
  { timeout: 120_000 },
  async ({ options, bits }) => {
    const old = {
      generator: "protobuf-ts",
      module: "./old/same.grpc-server",
      definition: "sameDefinition",
      options,
    } as const;
    using programs = await typedPrograms(old, handlers);
    expect(programs.migrated).toContain("console.log('got', protobufTsObject(ThingSchema, req");
    const { service } = programs;
    const method = service.methods.find(({ name }) => name === "DescribeIt") as DescMethod;
    const codec = (from: typeof writer) => from.method(`/${service.typeName}/DescribeIt`)?.input;
    const writer = explicitPresence(service);
    const legacy = programs.definition.describeIt ?? programs.definition.DescribeIt;
    let compared = 0;
    fc.assert(
      fc.property(initOf(method.input, 2, bits), fc.nat(), (init, by) => {
        const bytes = rotatedFields(
          codec(writer)?.serialize(init) as Uint8Array,
          by,
          ...(by % 3 === 0 ? [UNKNOWN] : []),
        );
        const shown: string[] = [];
        for (const name of ["log", "error"] as const)
          vi.spyOn(console, name).mockImplementation((...all) => void shown.push(inspect(all, { depth: 9 })));
        programs.before.describeIt?.(legacy?.requestDeserialize(Buffer.from(bytes)) as never);
        const before = shown.splice(0);
        programs.after.describeIt?.(codec(rememberedPresence(service))?.deserialize(Buffer.from(bytes)) as never);
        expect(shown).toEqual(before);
        compared++;
      }),
      { numRuns: 60 },
    );
    expect(compared).toBe(60);
  },
);
