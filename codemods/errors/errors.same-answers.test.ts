import { expect, test } from "vitest";
import { converse } from "../../fixtures/matrix/converse.js";
import { migrateSamples } from "../../fixtures/matrix/measure.js";
import { readSamples } from "../../fixtures/matrix/samples.js";

// Error classes and functions that make errors: those that change, and those that keep their shape: the same unmodified grpc-js client asks both servers of a sample.
test("clients see what they saw before", async () => {
  const samples = readSamples().filter(({ name }) => /^E-5\.(class|function)/.test(name));
  const migrated = await migrateSamples("services", samples);
  try {
    expect(Object.fromEntries(migrated.measured.map(({ sample, outcome }) => [sample.name, outcome]))).toEqual({
      "E-5.class-fields": "idiomatic",
      "E-5.classes": "idiomatic",
      "E-5.classes-kept": "bridged",
      "E-5.functions": "idiomatic",
      "E-5.functions-kept": "bridged",
    });
    for (const sample of samples) {
      const { before, after } = await converse(sample, migrated);
      expect(before.length, sample.name).toBeGreaterThan(20);
      expect(after, sample.name).toEqual(before);
    }
  } finally {
    migrated.remove();
  }
}, 240_000);
