import { cpSync, symlinkSync } from "node:fs";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import { type DescMessage, fromBinary, toBinary } from "@bufbuild/protobuf";
import { toObject } from "@connect-migrate/runtime/grpc-js";
import fc from "fast-check";
import { afterAll, beforeAll, expect, it } from "vitest";
import { arbitraryMessage } from "../../runtime/testing/arbitrary-message.js";
import { loadProtos } from "../generate/index.js";
import type { ProtoRegistry } from "../generate/proto-registry.js";
import { tempProject } from "../generate/testing/temp-project.js";

interface OldClass {
  deserializeBinary(bytes: Uint8Array): { toObject(): object };
}

let project: ReturnType<typeof tempProject>;
let registry: ProtoRegistry;

beforeAll(async () => {
  project = tempProject({ "package.json": "{}" });
  cpSync(resolve(import.meta.dirname, "testing/google-protobuf"), project.root, { recursive: true });
  symlinkSync(resolve(import.meta.dirname, "../../node_modules"), join(project.root, "node_modules"));
  registry = (await loadProtos({ root: project.root })).registry as ProtoRegistry;
});
afterAll(() => project[Symbol.dispose]());

it.each([
  ["same.v1.Thing", "./same_pb.js"],
  ["wide.v1.Box", "./wide_pb.js"],
  ["elder.v1.Chest", "./elder_pb.js"],
  // The package's own code is of a newer generator.
  ["google.protobuf.Value", "google-protobuf/google/protobuf/struct_pb.js"],
])("toObject() of %s gives what google-protobuf's own class gives", { timeout: 60_000 }, (typeName, module) => {
  const desc = registry.message(typeName) as DescMessage;
  const old = createRequire(join(project.root, "x.js"))(module)[desc.name] as OldClass;
  let compared = 0;
  fc.assert(
    fc.property(arbitraryMessage(desc, 1), (message) => {
      const bytes = toBinary(desc, message);
      fc.pre(!Buffer.from(bytes).includes("__proto__")); // google-protobuf loses an entry of that name
      const expected = old.deserializeBinary(bytes).toObject();
      const actual = toObject(desc, fromBinary(desc, bytes));
      expect(actual).toEqual(expected);
      // Only what has presence, as all members of Value have, depends on the version.
      if (typeName === "google.protobuf.Value")
        expect(toObject(desc, fromBinary(desc, bytes), { defaults: false })).toEqual(expected);
      expect(JSON.stringify(actual)).toBe(JSON.stringify(expected));
      compared++;
    }),
    { numRuns: 100 },
  );
  expect(compared).toBe(100);
});
