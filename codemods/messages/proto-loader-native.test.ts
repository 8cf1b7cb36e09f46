import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { create, createRegistry, type DescMessage, equals, fromBinary, toBinary, toJson } from "@bufbuild/protobuf";
import protoLoader from "@grpc/proto-loader";
import fc from "fast-check";
import { globSync } from "tinyglobby";
import { afterAll, describe, expect, it } from "vitest";
import { ensureGenerated, generate, loadProtos } from "../generate/index.js";
import { type TempProject, tempProject } from "../generate/testing/temp-project.js";
import { migrateMessages } from "./testing/migrate-messages.js";

const fixture = resolve(import.meta.dirname, "../../fixtures/messages/proto-loader-native");
const textsOf = (directory: string): Record<string, string> =>
  Object.fromEntries(
    globSync("**/*.js", { cwd: directory, ignore: ["gen/**"] }).map((name) => [
      name,
      readFileSync(join(directory, name), "utf8"),
    ]),
  );

describe("the fixture", () => {
  it("before becomes after, and after stays", async () => {
    const first = await migrateMessages(join(fixture, "before"));
    expect(first.findings.map(({ outcome, rpc }) => [outcome, rpc])).toEqual([
      ["idiomatic", "warehouse.v1.Warehouse"],
      ["idiomatic", "warehouse.v1.Warehouse"],
    ]);
    expect(first.files).toEqual(textsOf(join(fixture, "after")));
    const second = await migrateMessages(join(fixture, "after"));
    expect(second.files).toEqual(first.files);
    expect(second.findings).toEqual([]);
  });

  it("with CRLF, the line ends stay", async () => {
    const files = Object.fromEntries(
      Object.entries({
        ...textsOf(join(fixture, "before")),
        "proto/warehouse.proto": readFileSync(join(fixture, "before/proto/warehouse.proto"), "utf8"),
      }).map(([name, text]) => [name, text.replaceAll("\n", "\r\n")]),
    );
    using project = tempProject({ ...files, "package.json": "{}" });
    const { files: after } = await migrateMessages(project.root);
    expect(after["server.js"]).toBe(textsOf(join(fixture, "after"))["server.js"]?.replaceAll("\n", "\r\n"));
  });

  it("with --messages bridge nothing is touched", async () => {
    const { files, findings } = await migrateMessages(join(fixture, "before"), "bridge");
    expect(files).toEqual(textsOf(join(fixture, "before")));
    expect(findings).toEqual([]);
  });
});
