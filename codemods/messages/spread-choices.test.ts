import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import { expect, it } from "vitest";
import { initOf } from "./testing/arbitrary-init.js";
import { loaderPrograms } from "./testing/loader-programs.js";

const proto = `syntax = "proto3";
package may.v1;
service May {
  rpc MakeIt(Thing) returns (Thing);
}
enum Kind { KIND_UNKNOWN = 0; KIND_RED_ONE = 1; KIND_BLUE = 5; }
message Part { string part_name = 1; int64 big_size = 2; }
message Thing {
  string item_name = 1;
  int64 big_count = 2;
  Kind item_kind = 3;
  Part main_part = 4;
  repeated string tag_list = 5;
  oneof pick { string pick_text = 6; Part pick_part = 7; }
  bool is_on = 9;
  optional string opt_text = 10;
  repeated Part part_list = 11;
}
`;

const handlers = `
function makeIt(req) {
  const note = req.tag_list[0];
  const reply = {
    item_name: req.item_name,
    item_kind: 'KIND_RED_ONE',
    ...(note ? { opt_text: note, part_list: [{ part_name: note, big_size: req.big_count }] } : {}),
    ...(req.big_count && { big_count: req.big_count }),
    ...(req.main_part && { main_part: { part_name: req.main_part.part_name, ...(req.is_on ? { big_size: '12' } : null) } }),
    ...(req.is_on ? { pick_text: 'on', item_kind: req.item_kind } : { pick_part: { big_size: 7 } }),
    ...{ tag_list: ['a', ...req.tag_list] },
    ...(req.item_name && req.is_on && { is_on: true }),
  };
  reply.tag_list.push('b');
  return reply;
}

module.exports = { makeIt };
`;

it("literals that are spread under a condition make the same messages", { timeout: 120_000 }, async () => {
  using programs = await loaderPrograms("may.v1.May", { "service.proto": proto, "handlers.js": handlers });
  const [method] = programs.service.methods;
  const legacy = programs.definition.MakeIt;
  if (!method || !legacy) throw new Error("MakeIt");
  fc.assert(
    fc.property(initOf(method.input, 1), (init) => {
      const bytes = toBinary(method.input, create(method.input, init));
      const old = legacy.responseSerialize(programs.before.makeIt?.(legacy.requestDeserialize(Buffer.from(bytes))));
      const reply = programs.after.makeIt?.(fromBinary(method.input, bytes)) as Record<string, unknown>;
      const answer = fromBinary(method.output, toBinary(method.output, create(method.output, reply)));
      expect(answer).toEqual(fromBinary(method.output, new Uint8Array(old)));
    }),
    { numRuns: 500 },
  );
});
