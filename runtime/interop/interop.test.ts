import { describe, expect, it } from "vitest";
// @ts-expect-error plain JavaScript, because `npm run interop` runs it as it is
import * as interop from "./run.mjs";

const { pairings, runPairing } = interop as {
  pairings: Array<[client: string, server: string, protocol: string]>;
  runPairing(
    pairing: [client: string, server: string, protocol: string],
  ): Promise<Array<{ name: string; error?: string }>>;
};

describe("interoperability cases", () => {
  it.each(pairings)("%s -> %s, %s", async (...pairing) => {
    const results = await runPairing(pairing);
    expect(results.length).toBeGreaterThanOrEqual(22);
    expect(results.filter((result) => result.error !== undefined)).toEqual([]);
  });
});
