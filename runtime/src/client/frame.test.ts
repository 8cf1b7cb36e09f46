import fc from "fast-check";
import { expect, it } from "vitest";
import { createEnvelopeParser } from "../envelope.js";
import { frame, framePrefix } from "./frame.js";

it("what is framed is parsed again, in any split", () => {
  const message = fc.record({
    flags: fc.constantFrom(0, 1, 2, 128),
    data: fc.uint8Array({ maxLength: 300 }),
    apart: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(message), fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1 }), (messages, cuts) => {
      const wire = Buffer.concat(
        messages.flatMap(({ flags, data, apart }) =>
          apart ? [framePrefix(flags, data.byteLength), data] : [frame(flags, data)],
        ),
      );
      const parser = createEnvelopeParser(1000);
      const seen: Array<{ flags: number; data: number[] }> = [];
      for (let at = 0, i = 0; at < wire.byteLength; i++) {
        const next = at + (cuts[i % cuts.length] ?? 1);
        parser.push(wire.subarray(at, next));
        at = next;
        for (let envelope = parser.next(); envelope !== undefined; envelope = parser.next()) {
          seen.push({ flags: envelope.flags, data: [...envelope.data] });
        }
      }
      expect(parser.pending).toBe(0);
      expect(seen).toEqual(messages.map(({ flags, data }) => ({ flags, data: [...data] })));
    }),
  );
});
