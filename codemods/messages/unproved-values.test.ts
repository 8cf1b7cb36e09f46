import { describe, expect, it } from "vitest";
import { expectSameAnswers, keepProto } from "./testing/keeping-programs.js";
import { loaderPrograms } from "./testing/loader-programs.js";

const program = (code: string) =>
  loaderPrograms("keep.v1.Keep", {
    "service.proto": keepProto,
    "handlers.js": `${code}\nmodule.exports = { putIt };\n`,
  });

describe("bytes of a message, of which a Buffer is a copy", () => {
  it.each([
    "req.raw_data.fill(3); return req;",
    "const b = req.raw_data; b.reverse(); return req;",
    "req.raw_data.subarray(0, 2).fill(1); return req;",
    "const s = req.raw_data.slice(1); if (s.length > 0) s[0] = 9; return req;",
    "Buffer.from('abc').copy(req.raw_data); return req;",
    "clear(req.raw_data); return req;",
    "let b; b = req.is_on ? req.raw_data : Buffer.alloc(1); b.writeUInt8(1, 0); return req;",
    "return { is_on: req.raw_data === req.raw_data };",
  ])("stay on the bridge where they are written to or compared by identity: %s", { timeout: 60_000 }, async (body) => {
    const code = `function clear(bytes) { bytes[0] = 0; }\nfunction putIt(req) { ${body} }`;
    await expect(program(code)).rejects.toThrow("bridged");
  });

  it("go native where they are read", { timeout: 60_000 }, async () => {
    using programs = await program(`
function shown(bytes) { return bytes.slice(0, 2).toString('hex'); }
function putIt(req) {
  if (req.raw_data.length > 3) throw new Error('too long: ' + req.raw_data.toString('base64'));
  const head = req.raw_data.subarray(0, 1);
  return { item_name: shown(req.raw_data), tag_list: [head.toString('hex'), req.raw_data.equals(head)] };
}`);
    await expectSameAnswers(programs, 300);
  });
});

describe("a function that can end without a value", () => {
  const listing = (code: string) =>
    loaderPrograms("keep.v1.Keep", {
      "service.proto": keepProto,
      "handlers.js": `const part = (req) => { if (req.more) return { item_name: req.item_name }; };\n${code}\nmodule.exports = { listIt };\n`,
    });

  it.each([
    "return { things: [part(req)] };",
    "const things = []; things.push(part(req)); return { things };",
    "return { things: req.in_its_place ? req.in_its_place.tag_list.map((one) => { if (one) return { item_name: one }; }) : [] };",
    "const whole = part(req); if (whole === null) throw new Error('none'); return { things: [whole] };",
    "if (req.more) return { how_many: 3 };",
  ])("is no message of a list, and no reply: %s", { timeout: 60_000 }, async (body) => {
    await expect(listing(`function listIt(req) { ${body} }`)).rejects.toThrow("bridged");
  });

  it("is refused as a reply, as before", { timeout: 60_000 }, async () => {
    using programs = await listing(`
function whole(req) { switch (req.of_kind) { case 'KIND_BLUE': return { how_many: 1 }; case 'KIND_RED_ONE': return { how_many: 2 }; } }
function listIt(req) { return whole(req); }`);
    await expectSameAnswers(programs, 300);
  });

  it("is one where it is tested, or where its end is not reached", { timeout: 60_000 }, async () => {
    using programs = await listing(`
function whole(req) {
  switch (req.of_kind) {
    case 'KIND_BLUE': return { item_name: 'blue' };
    case 'KIND_RED_ONE': return { item_name: 'red' };
    default: throw new Error('no kind');
  }
}
function listIt(req) {
  const found = part(req);
  if (!found) return { things: [whole(req)], first: part(req) };
  return { things: [found, whole(req)] };
}`);
    await expectSameAnswers(programs, 300);
  });
});

it("The keys of a Map are spread as strings", { timeout: 60_000 }, async () => {
  using programs = await program(`
const seen = new Map();
function putIt(req) {
  if (!req.item_name) throw new Error('no name');
  seen.set(req.item_kind, 1);
  return { item_name: req.item_name, tag_list: ['all', ...seen.keys()] };
}`);
  await expectSameAnswers(programs, 300);
});
