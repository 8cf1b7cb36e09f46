import fc from "fast-check";
import { expect, test } from "vitest";
import { Code } from "./code.js";
import { ConnectError } from "./connect-error.js";
import { createEnvelopeParser, type Envelope, encodeEnvelope, envelopeParts } from "./envelope.js";

const envelopes = fc.array(fc.record({ flags: fc.nat(255), data: fc.uint8Array({ maxLength: 40 }) }), { maxLength: 8 });

function bytesOf(list: Envelope[]): Uint8Array {
  return Uint8Array.from(list.flatMap((envelope) => [...encodeEnvelope(envelope.flags, envelope.data)]));
}

test("any split of a body gives the same envelopes", () => {
  fc.assert(
    fc.property(envelopes, fc.array(fc.nat(200)), (list, cuts) => {
      const body = bytesOf(list);
      const parser = createEnvelopeParser(1000);
      const parsed: Envelope[] = [];
      const points = [...new Set([0, ...cuts.filter((cut) => cut < body.length), body.length])].sort((a, b) => a - b);
      for (let i = 1; i < points.length; i++) {
        parser.push(Buffer.from(body.subarray(points[i - 1], points[i])));
        for (let next = parser.next(); next !== undefined; next = parser.next()) parsed.push(next);
      }
      expect(parsed.map(({ flags, data }) => ({ flags, data: [...data] }))).toEqual(
        list.map(({ flags, data }) => ({ flags, data: [...data] })),
      );
      expect(parser.pending).toBe(0);
      for (const { data } of parsed) expect(Buffer.isBuffer(data)).toBe(false);
    }),
  );
});

test("a truncated body is seen as one", () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 30 }), fc.nat(), (data, at) => {
      const body = encodeEnvelope(0, data);
      const cut = 1 + (at % (body.length - 1));
      const parser = createEnvelopeParser(1000);
      parser.push(body.subarray(0, cut));
      expect(parser.next()).toBeUndefined();
      expect(parser.pending).toBe(cut);
    }),
  );
});

test("a prefix over the limit is refused before any data", () => {
  const parser = createEnvelopeParser(10);
  parser.push(Uint8Array.of(0, 0xff, 0xff, 0xff, 0xff));
  let error: unknown;
  try {
    parser.next();
  } catch (reason) {
    error = reason;
  }
  expect(error).toBeInstanceOf(ConnectError);
  expect((error as ConnectError).code).toBe(Code.ResourceExhausted);
});

test("large data is not copied behind its prefix, and parsed all the same", () => {
  for (const length of [32 * 1024, 32 * 1024 + 1]) {
    const data = new Uint8Array(length).fill(7);
    const parts = envelopeParts(1, data);
    expect(parts.length).toBe(length > 32 * 1024 ? 2 : 1);
    const parser = createEnvelopeParser(100_000);
    for (const part of parts) parser.push(part);
    expect(parser.next()).toEqual({ flags: 1, data });
  }
});
