import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect, it } from "vitest";
import { migrateMessages } from "./testing/migrate-messages.js";

const before = resolve(import.meta.dirname, "../../fixtures/messages/ts-proto-native/before");

it.each([
  ["auto", "bridged"],
  ["native", "failed"],
] as const)("--messages %s: ts-proto is %s, untouched, with a reason", async (mode, outcome) => {
  const { files, findings } = await migrateMessages(before, mode);
  expect(files["src/server.ts"]).toBe(readFileSync(join(before, "src/server.ts"), "utf8"));
  expect(findings).toMatchObject([{ rule: "messages/ts-proto-native", outcome, rpc: "badges.v1.Badges" }]);
  expect(findings[0]?.reason?.text).toContain("ts-proto are not followed yet");
});
